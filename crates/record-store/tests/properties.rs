//! Properties: keys are ordered as their parts are, and all stores do what a plain map does.
#![allow(clippy::unwrap_used)]

#[cfg(all(target_os = "linux", feature = "postgres"))]
mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pollster::block_on;
use proptest::collection::vec;
use proptest::prelude::*;
use record_store::{
    Commit, Encoder, Expect, Key, Memory, Outcome, Parts, Prefix, Records, Version,
};

struct List(Vec<Vec<u8>>);

impl Parts for List {
    fn encode(&self, to: &mut Encoder) {
        self.0.iter().for_each(|part| to.part(part));
    }
}

fn parts() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let octet = prop_oneof![Just(0x00), Just(0x01), Just(0xFE), Just(0xFF), any::<u8>()];
    vec(vec(octet, 0..6), 0..5)
}

proptest! {
    #[test]
    fn keys_are_ordered_as_their_parts(one in parts(), two in parts()) {
        let (a, b) = (Key::new("n", List(one.clone())).unwrap(), Key::new("n", List(two.clone())).unwrap());
        prop_assert_eq!(a.cmp(&b), one.cmp(&two));
        let prefix = Prefix::new("n", List(one.clone())).unwrap();
        prop_assert_eq!(prefix.contains(&b), two.starts_with(&one));
    }

    #[test]
    fn keys_are_read_back(one in parts()) {
        let key = Key::new("n", List(one.clone())).unwrap();
        prop_assert_eq!(Key::from_bytes(key.as_bytes()).unwrap(), key.clone());
        let read: Vec<_> = key.parts().map(|part| part.bytes().to_vec()).collect();
        prop_assert_eq!(read, one);
    }

    #[test]
    fn what_reads_as_a_key_is_one(bytes in vec(prop_oneof![Just(0), Just(1), Just(0xFF), 0x61..0x64_u8], 0..12)) {
        if let Ok(key) = Key::from_bytes(&bytes) {
            let parts = key.parts().map(|part| part.bytes().to_vec()).collect();
            prop_assert_eq!(Key::new(key.namespace(), List(parts)).unwrap(), key);
        }
    }

    #[test]
    fn memory_scans_as_a_sorted_list(keys in vec(parts(), 0..20), prefixes in vec(parts(), 1..6), limit in 1..5_usize) {
        scans_as_a_list(&Memory::new(), &keys, &prefixes, limit)?;
    }

    #[test]
    fn memory_is_a_map(steps in vec(step(), 1..60)) {
        agree(&Memory::new(), &steps)?;
    }
}

#[cfg(feature = "sqlite")]
proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn sqlite_scans_as_a_sorted_list(keys in vec(parts(), 0..20), prefixes in vec(parts(), 1..6), limit in 1..5_usize) {
        let folder = tempfile::tempdir().unwrap();
        let store = record_store::Sqlite::open(folder.path().join("store.db")).unwrap();
        scans_as_a_list(&store, &keys, &prefixes, limit)?;
    }

    #[test]
    fn sqlite_is_a_map(steps in vec(step(), 1..40)) {
        let folder = tempfile::tempdir().unwrap();
        agree(&record_store::Sqlite::open(folder.path().join("store.db")).unwrap(), &steps)?;
    }
}

/// Scans by these prefixes, and by those of the keys, from the start and from each cursor.
fn scans_as_a_list(
    store: &impl Records,
    keys: &[Vec<Vec<u8>>],
    prefixes: &[Vec<Vec<u8>>],
    limit: usize,
) -> Result<(), TestCaseError> {
    let named = |parts: &Vec<Vec<u8>>| Key::new("n", List(parts.clone())).unwrap();
    let all: BTreeSet<Key> = keys.iter().map(named).collect();
    let write = |commit: Commit, key| commit.put(key, [], Expect::Absent);
    let outcome = block_on(store.commit(all.iter().fold(Commit::new(), write), time(0)));
    prop_assert!(matches!(outcome, Ok(Outcome::Committed(_))));
    let beginnings = keys.iter().map(|key| key[..key.len().min(1)].to_vec());
    for parts in prefixes.iter().cloned().chain(beginnings) {
        let prefix = Prefix::new("n", List(parts.clone())).unwrap();
        let cursors = prefixes
            .iter()
            .map(named)
            .chain(all.iter().cloned())
            .map(Some);
        for after in cursors.chain([None]) {
            let page = block_on(store.scan(&prefix, after.as_ref(), limit, time(0))).unwrap();
            let mut expected: Vec<_> = all
                .iter()
                .filter(|key| prefix.contains(key) && after.as_ref().is_none_or(|a| a < key))
                .cloned()
                .collect();
            let next = expected
                .get(limit)
                .and_then(|_| expected.get(limit - 1))
                .cloned();
            expected.truncate(limit);
            let found: Vec<_> = page.entries.into_iter().map(|(key, _)| key).collect();
            prop_assert_eq!(&found, &expected, "{:?} after {:?}", &parts, after);
            prop_assert_eq!(page.next, next);
        }
    }
    Ok(())
}

#[cfg(all(target_os = "linux", feature = "postgres"))]
#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_is_a_map() {
    let server = common::postgres::Postgres::start();
    let store = record_store::Postgres::open(&server.url()).unwrap();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(24));
    let result = runner.run(&vec(step(), 1..40), |steps| {
        server.sql("TRUNCATE record_store.record");
        agree(&store, &steps)
    });
    result.unwrap();
}

#[derive(Clone, Debug)]
enum Step {
    Commit(Vec<(u8, Hope, Deed)>),
    Sweep(usize),
    Wait(u64),
}

/// What one of several callers, who may have read long ago, expects of a key.
#[derive(Clone, Debug)]
enum Hope {
    Absent,
    Anything,
    /// The version that the key had when this was the newest but so many.
    Seen(usize),
}

#[derive(Clone, Debug)]
enum Deed {
    Put(u8, Option<u64>),
    Delete,
    Guard,
}

fn step() -> impl Strategy<Value = Step> {
    let hope = prop_oneof![
        2 => Just(Hope::Absent),
        3 => Just(Hope::Anything),
        3 => (0..3_usize).prop_map(Hope::Seen),
    ];
    let deed = prop_oneof![
        4 => (any::<u8>(), proptest::option::of(0..5_u64)).prop_map(|(value, life)| Deed::Put(value, life)),
        1 => Just(Deed::Delete),
        1 => Just(Deed::Guard),
    ];
    prop_oneof![
        6 => vec((0..4_u8, hope, deed), 1..4).prop_map(Step::Commit),
        1 => (1..4_usize).prop_map(Step::Sweep),
        2 => (0..4_u64).prop_map(Step::Wait),
    ]
}

/// Value, version, and the second at which the record expires.
type Record = (u8, Version, Option<u64>);

/// Does the steps on the store and on a map, and compares after each.
fn agree(store: &impl Records, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut model = BTreeMap::<u8, Record>::new();
    let mut seen = BTreeMap::<u8, Vec<Version>>::new();
    let mut clock = 0;
    for step in steps {
        let now = time(clock);
        match step {
            Step::Wait(seconds) => clock += seconds,
            Step::Sweep(budget) => {
                let swept = block_on(store.sweep(now, *budget)).unwrap();
                prop_assert!(swept.removed <= *budget);
            }
            Step::Commit(deeds) => {
                let mut deeds = deeds.clone();
                deeds.sort_by_key(|(name, ..)| *name);
                deeds.dedup_by_key(|(name, ..)| *name);
                // The first to blame is the first that the caller named, not the least key.
                if clock % 2 == 1 {
                    deeds.reverse();
                }
                let (mut commit, mut loser) = (Commit::new(), None);
                for (name, hope, deed) in &deeds {
                    let live = model.get(name).filter(|record| is_live(record, clock));
                    let (expect, met) = match hope {
                        Hope::Absent => (Expect::Absent, live.is_none()),
                        Hope::Anything => (Expect::Anything, true),
                        Hope::Seen(ago) => {
                            match seen.get(name).and_then(|seen| seen.iter().rev().nth(*ago)) {
                                Some(&version) => (
                                    Expect::Version(version),
                                    live.is_some_and(|r| r.1 == version),
                                ),
                                None => (Expect::Anything, true),
                            }
                        }
                    };
                    if !met && loser.is_none() {
                        loser = Some(key(*name));
                    }
                    commit = match deed {
                        Deed::Put(value, None) => commit.put(&key(*name), [*value], expect),
                        Deed::Put(value, Some(life)) => {
                            commit.put_until(&key(*name), [*value], expect, time(clock + life))
                        }
                        Deed::Delete => commit.delete(&key(*name), expect),
                        Deed::Guard => commit.guard(&key(*name), expect),
                    };
                }
                match (block_on(store.commit(commit, now)).unwrap(), loser) {
                    (Outcome::Conflict(conflict), Some(loser)) => {
                        prop_assert_eq!(conflict.key, loser)
                    }
                    (Outcome::Committed(version), None) => {
                        for (name, _, deed) in deeds {
                            match deed {
                                Deed::Put(value, life) => {
                                    let newer = seen.values().flatten().all(|&old| old <= version);
                                    prop_assert!(newer, "a version came twice");
                                    model.insert(
                                        name,
                                        (value, version, life.map(|life| clock + life)),
                                    );
                                }
                                Deed::Delete => drop(model.remove(&name)),
                                Deed::Guard => {}
                            }
                        }
                        for (name, record) in &model {
                            let versions = seen.entry(*name).or_default();
                            if versions.last() != Some(&record.1) {
                                versions.push(record.1);
                            }
                        }
                    }
                    other => prop_assert!(false, "{other:?}"),
                }
            }
        }
        let live = model.iter().filter(|(_, record)| is_live(record, clock));
        let expected: Vec<_> = live
            .map(|(name, record)| (key(*name), vec![record.0], record.1))
            .collect();
        let page = block_on(store.scan(&Prefix::all(), None, 100, time(clock))).unwrap();
        let found = page.entries.into_iter();
        let found: Vec<_> = found
            .map(|(key, r)| (key, r.value().unwrap().to_vec(), r.version()))
            .collect();
        prop_assert_eq!(found, expected);
    }
    Ok(())
}

fn key(name: u8) -> Key {
    Key::new("model", u64::from(name)).unwrap()
}

fn time(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

fn is_live((.., expires): &Record, clock: u64) -> bool {
    expires.is_none_or(|expires| clock < expires)
}
