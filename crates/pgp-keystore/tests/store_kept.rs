//! What nothing binds, or what this build cannot verify, is kept as it came, and harms nobody.
#![cfg(all(feature = "store", feature = "_backend"))]
#![allow(clippy::unwrap_used)]

mod common;

use common::store::{certificate, id, store};
use common::{key, now};
use pgp_keystore::store::{Done, Query};
use pgp_keystore::{Certificate, Error, Form, Profile, Reason};
use pollster::block_on;
use record_store::Memory;

const SIGNATURE: u8 = 2;

/// The packets of a certificate, as this crate writes them (RFC 9580 §4.2.1): each with its type.
fn packets(mut octets: &[u8]) -> Vec<(u8, &[u8])> {
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
        all.push((first & 63, packet));
        octets = after;
    }
    all
}

#[test]
fn a_certificate_that_nothing_binds_is_kept_and_found_and_hides_no_other() {
    let whole = certificate("bob");
    let bare: Vec<u8> = packets(&whole)
        .iter()
        .filter(|(kind, _)| *kind != SIGNATURE)
        .flat_map(|(_, packet)| packet.to_vec())
        .collect();
    let store = store(Memory::new());
    let ann = store.account(id("ann"));
    let import = |octets: &[u8]| {
        let report = block_on(ann.import(octets.to_vec(), now())).unwrap();
        assert!(report.refused.is_empty());
        report.taken[0]
    };
    let taken = import(&bare);
    assert_eq!(taken.done, Done::Added);
    assert_eq!(import(&bare).done, Done::Unchanged);
    // It lies there as it came, and does not count.
    let stored = || {
        block_on(ann.certificate(taken.certificate, now()))
            .unwrap()
            .unwrap()
    };
    assert_eq!(stored().fingerprints().count(), 3);
    assert_eq!(stored().at(now()).reason, Reason::Unbound);
    let query = Query::Address("bob@example.org".into());
    assert_eq!(block_on(ann.certificates(&query, now())).unwrap().len(), 1);
    // Nobody is given it, as nothing of it is anybody's word.
    let refused = stored().export(Form::Binary).unwrap_err();
    let why = Reason::Unbound;
    assert!(matches!(refused, Error::Unusable { why: said, .. } if said == why));
    // Whoever has the address as well is found beside it, and written to.
    let other = key(Profile::Compat, "bob").certificate();
    import(&other.export(Form::Binary).unwrap());
    let plan = block_on(ann.plan_send(&["bob@example.org"], now())).unwrap();
    let chosen = plan.plan.entries()[0].chosen.as_ref().unwrap();
    assert_eq!(chosen.certificate, other.fingerprint());
    // The mutation: with its signatures it counts, and is what it would have been.
    assert_eq!(import(&whole).done, Done::Updated);
    assert_eq!(stored(), Certificate::parse(&whole).unwrap());
    assert_eq!(stored().at(now()).reason, Reason::Valid);
    assert_eq!(stored().export(Form::Binary).unwrap(), whole);
}
