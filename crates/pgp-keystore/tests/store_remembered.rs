//! The library remembers, for the whole process, which signatures of certificates it has verified: nothing of that becomes
//! a verdict about anything else, in this account or another one.
#![cfg(all(feature = "store", feature = "_backend"))]
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;

use common::store::{id, store};
use common::{key, now};
use pgp_keystore::{Certificate, Form, Profile, Reason, remembered_signatures};
use pollster::block_on;
use record_store::Memory;

const SIGNATURE: u8 = 2;
const USER_ID: u8 = 13;

/// The packets of a certificate, as this crate writes them (RFC 9580 §4.2.1): each with its type.
fn packets(mut octets: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut all = Vec::new();
    while let [first, one, rest @ ..] = octets {
        let (header, length) = match one {
            0..=191 => (2, usize::from(*one)),
            192..=223 => (
                3,
                ((usize::from(*one) - 192) << 8) + usize::from(rest[0]) + 192,
            ),
            _ => panic!("a longer packet"),
        };
        let (packet, after) = octets.split_at(header + length);
        all.push((first & 63, packet.to_vec()));
        octets = after;
    }
    all
}

fn joined(packets: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let all = packets.iter().map(|(_, packet)| packet.as_slice());
    all.collect::<Vec<_>>().concat()
}

fn signatures(packets: &[(u8, Vec<u8>)]) -> BTreeSet<Vec<u8>> {
    let all = packets.iter().filter(|(kind, _)| *kind == SIGNATURE);
    all.map(|(_, packet)| packet.clone()).collect()
}

#[test]
fn what_was_verified_for_one_account_proves_nothing_for_another() {
    let store = store(Memory::new());
    let certificate = |account: &str, octets: &[u8]| -> Certificate {
        let account = store.account(id(account));
        let report = block_on(account.import(octets.to_vec(), now())).unwrap();
        let of = report.taken[0].certificate;
        block_on(account.certificate(of, now())).unwrap().unwrap()
    };
    let public = |name: &str| {
        let certificate = key(Profile::Compat, name).certificate();
        packets(&certificate.export(Form::Binary).unwrap())
    };
    // What was made here is remembered, too.
    let before = remembered_signatures();
    let (bob, eve) = (public("bob"), public("eve"));

    // In the first account all of Bob's and Eve's is verified.
    for octets in [joined(&bob), joined(&eve)] {
        let view = certificate("ann", &octets).at(now());
        assert_eq!(view.reason, Reason::Valid);
        assert_eq!(view.addresses().count(), 1);
    }
    let after = remembered_signatures();
    assert!(
        after > before,
        "nothing is remembered: this test shows nothing"
    );

    // In another one, a name that was changed behind the signature.
    let mut changed = bob.clone();
    for (_, packet) in changed.iter_mut().filter(|(kind, _)| *kind == USER_ID) {
        let at = packet.iter().position(|octet| *octet == b'@').unwrap();
        packet[at - 1] ^= 1;
    }
    let view = certificate("other", &joined(&changed)).at(now());
    assert_eq!(view.addresses().count(), 0);
    assert!(
        view.user_ids
            .iter()
            .all(|name| name.reason != Reason::Valid)
    );
    // Bob's key with the name that Eve has proven to be hers, and her proof of it.
    let hers = eve.iter().skip_while(|(kind, _)| *kind != USER_ID).take(2);
    let grafted: Vec<_> = bob.iter().take(1).chain(hers).cloned().collect();
    let view = certificate("third", &joined(&grafted)).at(now());
    assert_eq!(view.addresses().count(), 0);
    assert_ne!(view.reason, Reason::Valid);

    // The mutation: had it remembered the signatures alone, each of these would be one that it knows.
    let known: BTreeSet<_> = signatures(&bob).union(&signatures(&eve)).cloned().collect();
    for forged in [&changed, &grafted] {
        let all = signatures(forged);
        assert!(!all.is_empty() && all.is_subset(&known));
    }
    // What is the same is the same for all, and costs nothing again.
    let own = remembered_signatures();
    let again = certificate("fourth", &joined(&bob)).at(now());
    assert_eq!(again.reason, Reason::Valid);
    // Other tests of this program may run at the same time where tests share a process; nextest gives each its own.
    if std::env::var_os("NEXTEST").is_some() {
        assert_eq!(remembered_signatures(), own);
    }
}
