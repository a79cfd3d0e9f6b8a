//! What holds for any changes in any order.
#![cfg(feature = "_backend")]
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::OnceLock;
use std::time::SystemTime;

use common::{days, key, limits, now};
use pgp_keystore::{
    Certificate, Error, Fingerprint, Form, Key, Profile, Protection, Reason, RevocationReason,
    Unlocked, Use, import, verify_detached,
};
use proptest::prelude::*;

/// A change that an owner makes, on some day.
#[derive(Clone, Debug)]
enum Edit {
    Extend(u32),
    AddUserId(u8),
    RevokeUserId(u8),
    Show(u8),
    AddSubkey(bool),
    Rotate,
    Retire,
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop_oneof![
        (1_u32..3_000).prop_map(Edit::Extend),
        (0_u8..4).prop_map(Edit::AddUserId),
        (0_u8..4).prop_map(Edit::RevokeUserId),
        (0_u8..4).prop_map(Edit::Show),
        any::<bool>().prop_map(Edit::AddSubkey),
        Just(Edit::Rotate),
        Just(Edit::Retire),
    ];
    prop::collection::vec(edit, 0..5)
}

fn base() -> &'static Key {
    static BASE: OnceLock<Key> = OnceLock::new();
    BASE.get_or_init(|| key(Profile::Compat, "ann").lock(&Protection::None).unwrap())
}

fn edited(edits: &[Edit], from: u32) -> Certificate {
    let mut key = base().unlock_unprotected().unwrap();
    for (day, edit) in (from..).zip(edits) {
        apply(&mut key, edit, days(day));
    }
    key.certificate()
}

fn apply(key: &mut Unlocked, edit: &Edit, now: SystemTime) {
    let name = |n: u8| format!("Ann <ann{n}@example.org>");
    let done = match edit {
        Edit::Extend(more) => key.set_expiry(Some(days(100 + more)), now),
        Edit::AddUserId(n) => key.add_user_id(&name(*n), now),
        Edit::RevokeUserId(n) => key.revoke_user_id(&name(*n), "", now),
        Edit::Show(n) => key.set_primary_user_id(&name(*n), now),
        Edit::AddSubkey(signs) => {
            let purpose = if *signs { Use::Sign } else { Use::Encrypt };
            key.add_subkey(purpose, Profile::Compat, Some(days(50)), now)
                .map(drop)
        }
        Edit::Rotate => key
            .rotate_subkey(Use::Sign, Profile::Compat, None, now)
            .map(drop),
        Edit::Retire => {
            let last = key.at(now).keys.last().map(|k| k.fingerprint);
            let subkey: Option<Fingerprint> = last.filter(|f| *f != key.fingerprint());
            let retire = |f| key.revoke_subkey(f, RevocationReason::Retired, "", now);
            subkey.map_or(Ok(()), retire)
        }
    };
    // What is not there cannot be revoked or shown.
    assert!(
        matches!(done, Ok(()) | Err(Error::NoSuch { .. })),
        "{edit:?}: {done:?}"
    );
}

fn octets(certificate: &Certificate) -> Vec<u8> {
    certificate.export(Form::Binary).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_merge_is_the_same_in_any_order_and_done_again(a in edits(), b in edits(), c in edits()) {
        let (a, b, c) = (edited(&a, 1), edited(&b, 1), edited(&c, 3));
        let ab = a.merge(&b).unwrap();
        prop_assert_eq!(octets(&ab), octets(&b.merge(&a).unwrap()));
        let abc = ab.merge(&c).unwrap();
        prop_assert_eq!(octets(&abc), octets(&a.merge(&b.merge(&c).unwrap()).unwrap()));
        for one in [&a, &b, &c, &ab, &abc] {
            prop_assert_eq!(octets(&abc.merge(one).unwrap()), octets(&abc));
        }
        // Through octets and back it is the same, too.
        prop_assert_eq!(&Certificate::parse(&octets(&abc)).unwrap(), &abc);
    }

    #[test]
    fn after_an_extension_all_that_is_not_revoked_ends_then(list in edits(), more in 100_u32..5_000) {
        let mut key = base().unlock_unprotected().unwrap();
        for (day, edit) in (1..).zip(&list) {
            apply(&mut key, edit, days(day));
        }
        let (end, at) = (days(more), days(90));
        key.set_expiry(Some(end), at).unwrap();
        let view = key.at(at);
        prop_assert_eq!((view.reason, view.expires), (Reason::Valid, Some(end)));
        for part in &view.keys {
            match part.reason {
                Reason::Valid => prop_assert_eq!(part.expires, Some(end)),
                reason => prop_assert!(matches!(reason, Reason::Superseded | Reason::Retired)),
            }
        }
    }

    #[test]
    fn no_octets_make_import_or_verification_panic(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        let imported = import(&octets, &limits());
        for certificate in imported.iter().flat_map(|i| &i.certificates) {
            let _ = certificate.at(now());
        }
        verify_detached(b"", &octets, &[], now(), &limits()).ok();
    }
}
