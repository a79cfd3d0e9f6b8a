//! What holds for all records and chains: drawn from the zoo, in any order and with any faults.
#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(feature = "aws-lc-rs")]

mod common;

use common::{HOST, now, record, slow, zoo::zoo};
use dane_tlsa::{Crypto, Matcher, MatchingType, References, RrSet, Selector, Tlsa, Verdict};
use proptest::{collection::vec, prelude::*, sample::select};
use rustls_pki_types::CertificateDer;
use std::time::UNIX_EPOCH;

fn check(records: &[Tlsa], chain: &[CertificateDer<'_>]) -> Verdict {
    let Some(usable) = RrSet::new(records).assume_secure().usable_for_smtp() else {
        return Verdict::unusable();
    };
    Matcher::new(
        usable,
        References::new([HOST]).unwrap(),
        Crypto::aws_lc_rs(),
    )
    .check(&chain[0], &chain[1..], now())
}

fn animal() -> impl Strategy<Value = &'static str> {
    select(zoo().names().collect::<Vec<_>>())
}

fn leaf() -> impl Strategy<Value = &'static str> {
    let leaves = zoo()
        .names()
        .filter(|n| n.starts_with("leaf") || n.starts_with("self"));
    select(leaves.collect::<Vec<_>>())
}

/// Chains of which a good part leads somewhere.
fn chain() -> impl Strategy<Value = Vec<&'static str>> {
    let issuer = |prefix: &'static str| {
        select(
            zoo()
                .names()
                .filter(move |n| n.starts_with(prefix))
                .collect::<Vec<_>>(),
        )
    };
    let plain = prop_oneof![3 => Just("leaf"), 2 => leaf()];
    let int = prop_oneof![2 => Just("int"), 3 => issuer("int")];
    let root = prop_oneof![2 => Just("root"), 3 => issuer("root")];
    (plain, int, root, vec(animal(), 0..3), any::<u8>()).prop_map(
        |(leaf, int, root, more, turn)| {
            let mut rest = [vec![int, root], more].concat();
            let turn = usize::from(turn) % rest.len();
            rest.rotate_left(turn);
            rest.insert(0, leaf);
            rest
        },
    )
}

/// Records about what is in the chain, or about anything else, and broken ones.
fn records(chain: &[&'static str]) -> impl Strategy<Value = Vec<Tlsa>> + use<> {
    let named = select(chain.to_vec());
    let what = prop_oneof![4 => named, 1 => animal()];
    let fields = (
        prop_oneof![6 => 2_u8..=3, 1 => 0..=4_u8],
        0_u8..=1,
        0_u8..=2,
    );
    let fault = prop_oneof![5 => Just(""), 2 => Just("~"), 1 => Just("-")];
    let one = (fields, what, fault).prop_map(|((usage, selector, matching), name, fault)| {
        let text = format!("{usage} {selector} {matching} {name}{fault}");
        record(zoo(), &text)
    });
    vec(one, 1..5)
}

fn scene() -> impl Strategy<Value = (Vec<&'static str>, Vec<Tlsa>)> {
    chain().prop_flat_map(|chain| {
        let records = records(&chain);
        (Just(chain), records)
    })
}

/// Turns any record into one that is of no use.
fn break_record(record: &Tlsa, how: u8) -> Tlsa {
    let mut rdata = record.to_rdata();
    match how % 5 {
        0 => rdata[0] = how,
        1 => rdata[1] = 2 + how % 250,
        2 => rdata[2] = 3 + how % 250,
        3 => rdata.truncate(3),
        _ => {
            rdata.pop();
        }
    }
    Tlsa::from_rdata(&rdata).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    /// The matcher agrees with one that tries every path by other code.
    #[test]
    fn the_slow_matcher_agrees((names, records) in scene()) {
        let chain = zoo().chain(&names);
        let now = now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
        let verdict = check(&records, &chain);
        let slow = slow::judge(&records, &chain, &[HOST], now);
        let agrees = slow::agrees(&verdict, slow, &records, &names);
        prop_assert!(agrees, "{slow:?} {names:?} {verdict:?}");
    }

    /// What cannot be used changes nothing, wherever it stands.
    #[test]
    fn an_unusable_record_changes_nothing(
        (names, records) in scene(), how in any::<u8>(), at in any::<prop::sample::Index>(),
    ) {
        let chain = zoo().chain(&names);
        let before = check(&records, &chain);
        let broken = break_record(&records[at.index(records.len())], how);
        prop_assume!(broken.usability(dane_tlsa::Protocol::Smtp).is_err());
        let mut more = records.clone();
        more.insert(at.index(records.len() + 1), broken);
        prop_assert_eq!(check(&more, &chain), before);
    }

    /// Nor does a record that matches nothing take a match away, if its digest is not stronger than
    /// those of its usage and selector.
    #[test]
    fn a_weak_record_takes_no_match_away(
        (names, records) in scene(), at in any::<prop::sample::Index>(), which in any::<prop::sample::Index>(),
    ) {
        let chain = zoo().chain(&names);
        let before = check(&records, &chain);
        let like = &records[which.index(records.len())];
        // Digests of something that is in no chain.
        let octets = if like.matching() == MatchingType::Sha512 { 64 } else { 32 };
        let matching = if octets == 64 { MatchingType::Sha512 } else { MatchingType::Sha256 };
        let other = Tlsa::new(like.usage(), like.selector(), matching, vec![0x5a; octets]).unwrap();
        let stronger = records
            .iter()
            .filter(|r| (r.usage(), r.selector()) == (other.usage(), other.selector()))
            .filter(|r| r.usability(dane_tlsa::Protocol::Smtp).is_ok())
            .filter(|r| r.matching() != MatchingType::Full)
            .any(|r| r.matching() < other.matching());
        prop_assume!(!stronger);
        let mut more = records.clone();
        more.insert(at.index(records.len() + 1), other);
        let after = check(&more, &chain);
        prop_assert!(after.class() >= before.class(), "{before:?} {after:?}");
    }

    /// The order of the records, and of the certificates above the server's, decides nothing but
    /// which of equal records is named.
    #[test]
    fn order_decides_nothing((names, records) in scene(), turn in any::<prop::sample::Index>()) {
        let chain = zoo().chain(&names);
        let before = check(&records, &chain);
        let (mut turned, mut other) = (records.clone(), chain.clone());
        turned.rotate_left(turn.index(records.len()));
        other[1..].reverse();
        let after = check(&turned, &other);
        prop_assert_eq!((after.class(), after.depth()), (before.class(), before.depth()));
    }

    #[test]
    fn records_are_printed_and_read_back(rdata in vec(any::<u8>(), 3..200)) {
        let record = Tlsa::from_rdata(&rdata).unwrap();
        prop_assert_eq!(record.to_string().parse(), Ok(record.clone()));
        prop_assert_eq!(record.to_rdata(), rdata);
    }

    #[test]
    fn what_is_read_from_text_is_printed_so_that_it_is_read_again(text in "[0-3] [0-2] [0-2]( [0-9a-fA-F]{2}){0,9}") {
        if let Ok(record) = text.parse::<Tlsa>() {
            prop_assert_eq!(record.to_string().parse(), Ok(record));
        }
    }
}

/// The mutation of the property above: a stronger digest does take the match away.
#[test]
fn a_stronger_record_does() {
    let chain = zoo().chain(&["leaf", "int"]);
    let mut records = vec![record(zoo(), "3 1 1 leaf")];
    assert!(check(&records, &chain).is_match());
    let usage = records[0].usage();
    let stronger = Tlsa::new(usage, Selector::Spki, MatchingType::Sha512, vec![0x5a; 64]).unwrap();
    records.push(stronger);
    assert!(!check(&records, &chain).is_match());
}
