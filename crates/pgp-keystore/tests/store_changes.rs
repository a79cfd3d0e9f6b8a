//! Eight tasks that change one key again and again, on two nodes: the merged result holds all changes. A hundred times each
//! in `cargo xtask deep`.
#![cfg(all(feature = "store", feature = "_backend"))]
#![allow(clippy::unwrap_used)]

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use common::changes::{Changes, TASKS};
use common::store::{Swallows, store};
use record_store::{Memory, Records};

/// What is lost after each of the tasks has made so many changes, each on one of two nodes.
fn lost<R: Records>(records: R, each: usize) -> Vec<String> {
    let records = Arc::new(records);
    let node = || store(Arc::clone(&records)).with_quotas(Changes::quotas());
    let (one, two) = (node(), node());
    let changes = Changes::begin(&one, each);
    let nodes: Vec<_> = (0..TASKS)
        .map(|n| if n.is_multiple_of(2) { &one } else { &two })
        .collect();
    changes.run(&nodes);
    changes.lost(&one)
}

#[test]
fn of_two_hundred_changes_of_one_key_none_is_lost() {
    assert_eq!(lost(Memory::new(), 25), [""; 0]);
}

#[test]
#[ignore = "deep: takes minutes"]
fn deep_of_eight_hundred_changes_of_one_key_none_is_lost() {
    assert_eq!(lost(Memory::new(), 100), [""; 0]);
}

/// The mutation: nobody merges.
#[test]
fn mutation_changes_that_are_not_merged_are_found_out() {
    // Whether two of them meet is chance; that none of many does is not.
    let found = (0..20).any(|_| {
        let lost = catch_unwind(AssertUnwindSafe(|| lost(Swallows(Memory::new()), 10)));
        lost.map_or(true, |lost| !lost.is_empty())
    });
    assert!(found, "the check is blind for lost changes");
}
