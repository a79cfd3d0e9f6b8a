//! A file opens under one session key.

use super::forge::{Plan, literal};
use super::{open_all, password};
use crate::{Commitment, OpenError, Opener};

#[test]
fn a_salt_of_its_own_is_unbound() {
    let plan = Plan {
        salt: Some([5; 32]),
        ..Plan::default()
    };
    let message = plan.seal(&literal(b"hello")).message();
    let opened = open_all(&Opener::new(), &message).unwrap();
    assert_eq!(opened, (b"hello".to_vec(), Commitment::Unbound));
}

/// Another session key in the session key packet, everything else as it was: the salt tells.
#[test]
fn the_salt_of_another_session_key_is_unbound_and_does_not_open() {
    let plan = Plan::default();
    let mut forge = plan.seal(&literal(b"hello"));
    let other = Plan {
        session_key: [8; 32],
        ..plan.clone()
    };
    forge.session_key = other.seal(&literal(b"hello")).session_key;
    let error = open_all(&Opener::new(), &forge.message()).unwrap_err();
    assert!(matches!(error, OpenError::PasswordOrDamage));
    // The mutation: with the body of that key under the old salt it opens, and is unbound.
    let salt: [u8; 32] = forge.head[4..].try_into().unwrap();
    let swapped = Plan {
        salt: Some(salt),
        ..other
    };
    let opened = open_all(&Opener::new(), &swapped.seal(&literal(b"hullo")).message());
    assert_eq!(opened.unwrap().1, Commitment::Unbound);
}

/// Where only bound messages are taken, an unbound one is refused before its body is looked at, with the one error.
#[test]
fn links_do_not_tell_that_the_password_is_right() {
    let opener = Opener::for_cheap_links();
    let bound = Plan::default().seal(&literal(b"hello"));
    assert!(opener.open(bound.message(), &password()).is_ok());
    let plan = Plan {
        salt: Some([5; 32]),
        ..Plan::default()
    };
    let mut unbound = plan.seal(&literal(b"hello"));
    let errors = [unbound.message(), {
        unbound.chunks[0][3] ^= 1;
        unbound.message()
    }];
    for message in errors {
        let error = open_all(&opener, &message).unwrap_err();
        assert!(matches!(error, OpenError::PasswordOrDamage));
    }
}
