//! What an earlier release wrote is read, and what a later one wrote is refused by name.
#![cfg(all(feature = "store", feature = "_backend"))]
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use common::store::{LASTS, dump, id, kind, passphrase};
use common::{days, now};
use pgp_keystore::custody::{Custody, CustodyError, KekFile, RecoveryKey};
use pgp_keystore::store::{Event, Inline, Query, Store, StoreError};
use pgp_keystore::{Error, Fingerprint, Form, Trust, Unlocked, Use, sign_detached};
use pollster::block_on;
use record_store::{Commit, Expect, Key, Memory, Outcome, Records};

const FORMAT_1: &str = include_str!("data/store-format-1.txt");

fn field(name: &str) -> &'static str {
    let mut lines = FORMAT_1.lines();
    lines
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
        .unwrap()
}

fn octets(digits: &str) -> Vec<u8> {
    let pair = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(pair).collect()
}

fn put(records: &Memory, key: &Key, value: Vec<u8>) {
    let commit = Commit::new().put(key, value, Expect::Anything);
    assert!(matches!(
        block_on(records.commit(commit, now())),
        Ok(Outcome::Committed(_))
    ));
}

fn stored() -> Arc<Memory> {
    let records = Memory::new();
    for line in FORMAT_1
        .lines()
        .filter_map(|line| line.strip_prefix("record "))
    {
        let (key, value) = line.split_once(' ').unwrap();
        put(
            &records,
            &Key::from_bytes(&octets(key)).unwrap(),
            octets(value),
        );
    }
    Arc::new(records)
}

fn store(records: &Arc<Memory>) -> Store<Arc<Memory>, Inline> {
    let kek = format!("letterlock-kek-1\n{}\n", field("kek"));
    let kek = Arc::new(KekFile::parse(&kek).unwrap());
    Store::new(Arc::clone(records), Inline).with_kek(kek)
}

#[test]
fn format_1_is_read() {
    let records = stored();
    let store = store(&records);
    let ann = store.account(id("ann"));
    let recovery: RecoveryKey = field("recovery").parse().unwrap();
    let sessions = [
        block_on(ann.unlock(&passphrase(), LASTS, now())).unwrap(),
        block_on(ann.unlock_with_recovery(&recovery, LASTS, now())).unwrap(),
        block_on(ann.unlock_by_server(LASTS, now())).unwrap(),
    ];
    let keys = block_on(ann.keys(now())).unwrap();
    assert_eq!(keys.len(), 2);
    let sign = |keys: &[&Unlocked]| sign_detached(keys[0], b"", now(), Form::Binary).is_ok();
    for (at, session) in sessions.iter().enumerate() {
        for own in &keys {
            let signed = block_on(ann.with_keys(session, &[own.certificate], sign, now()));
            let may = at < 2 || own.custody == Custody::Server;
            assert_eq!(signed.is_ok_and(|signed| signed), may, "{at} {own:?}");
        }
    }
    let fingerprint = |name: &str| -> Fingerprint { field(name).parse().unwrap() };
    let (own, bob, other) = (fingerprint("own"), fingerprint("bob"), fingerprint("other"));
    let work = Some("work@example.org");
    assert_eq!(
        block_on(ann.default_key(Use::Sign, work, now())).unwrap(),
        Some(own)
    );
    let pin = block_on(ann.pin("bob@example.org", now()))
        .unwrap()
        .unwrap();
    assert_eq!((pin.certificate, pin.trust), (bob, Trust::Verified));
    assert_eq!(pin.alarms, [(other, days(1))]);
    let found = block_on(ann.find(&Query::Address("bob@example.org".into()), now())).unwrap();
    assert!(found.len() == 2 && found.contains(&bob) && found.contains(&other));
    let log = block_on(ann.log(None, 100, now())).unwrap();
    let last = log.last().unwrap();
    assert_eq!((log.len(), last.event, last.at), (8, Event::Alarm, days(1)));
    assert!(block_on(ann.revocation(own, now())).unwrap().is_some());
    // It can be written on.
    let edit = |key: &mut Unlocked| key.add_user_id("<new@example.org>", now());
    block_on(ann.edit(&sessions[0], own, edit, now())).unwrap();
    // And ends without a trace.
    block_on(ann.erase(now())).unwrap();
    assert!(dump(&records).is_empty());
}

#[test]
fn a_later_format_is_refused_by_name_and_damage_as_damage() {
    for (kind_of, later) in [
        ("head", true),
        ("vault", true),
        ("cert", true),
        ("secret", true),
        ("head", false),
        ("cert", false),
    ] {
        let records = stored();
        let hit = dump(&records)
            .into_iter()
            .filter(|(key, _)| kind(key) == kind_of);
        for (key, mut value) in hit {
            match later {
                true => value[0] = 2,
                false => value.truncate(5),
            }
            put(&records, &key, value);
        }
        let store = store(&records);
        let ann = store.account(id("ann"));
        let own = field("own").parse().unwrap();
        let failed = match kind_of {
            "head" => block_on(ann.set_trust("x@example.org", own, Trust::None, now())),
            "vault" => block_on(ann.unlock(&passphrase(), LASTS, now())).map(drop),
            "cert" => block_on(ann.certificate(own, now())).map(drop),
            _ => block_on(ann.keys(now())).map(drop),
        };
        let named = match failed.unwrap_err() {
            StoreError::Records(record_store::Error::Format { found: 2, known: 1 }) => true,
            StoreError::Core(Error::Custody(CustodyError::Format { found: 2, known: 1 })) => true,
            StoreError::Damaged { .. } => false,
            other => panic!("{kind_of}: {other:?}"),
        };
        assert_eq!(named, later, "{kind_of}");
    }
}
