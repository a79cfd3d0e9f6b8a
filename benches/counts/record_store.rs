use std::hint::black_box;
use std::time::SystemTime;

use pollster::block_on;
use record_store::{Commit, Expect, Key, Memory, Records};

use crate::Count;

pub(crate) const COUNTS: &[Count] = &[
    Count {
        name: "record-store/key-new",
        ready: || {
            let id = [7_u8; 16];
            Box::new(move || {
                let parts = black_box(("alice@example.com", id));
                black_box(Key::new("mail.box", parts).is_ok());
            })
        },
    },
    Count {
        name: "record-store/key-parts",
        ready: || {
            let key = Key::new("mail.box", ("alice@example.com", 4711_u64)).ok();
            Box::new(move || {
                let parts = black_box(&key).iter().flat_map(Key::parts);
                black_box(parts.filter_map(|part| part.number()).sum::<u64>());
            })
        },
    },
    Count {
        name: "record-store/commit-in-memory",
        ready: commit,
    },
];

/// The rules without a disk: two records and a guard.
fn commit() -> Box<dyn FnMut()> {
    let (store, now) = (Memory::new(), SystemTime::UNIX_EPOCH);
    let keys: Vec<_> = (0..3_u64)
        .filter_map(|number| Key::new("mail.box", ("alice@example.com", number)).ok())
        .collect();
    Box::new(move || {
        let [one, two, guard] = &keys[..] else { return };
        let commit = Commit::new()
            .put(one, [7; 64], Expect::Anything)
            .put(two, [7; 64], Expect::Anything)
            .guard(guard, Expect::Absent);
        black_box(block_on(store.commit(commit, now)).is_ok());
    })
}
