//! A service with passkeys, and what its users do.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pollster::block_on;
use record_store::{Prefix, Records};
use twofactor::passkey::RelyingParty;
use twofactor::{
    ChallengeId, Checked, Client, Cost, Error, Event, First, Keyring, Method, PasskeyChallenge,
    PasskeyConfirmed, PasskeyLogin, Pending, Refusal, Second, Subject, TwoFactor, UserId,
};

use super::{Device, ORIGIN, PARTY};

pub fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

pub fn service<R: Records>(store: R) -> TwoFactor<R> {
    let party = RelyingParty::new(PARTY, "Example Mail", ORIGIN).unwrap();
    let begun = TwoFactor::builder(store)
        .keys(Keyring::new(1, [7; 32]))
        .issuer("Example Mail")
        .recovery_cost(Cost::DANGER_FOR_TESTS);
    begun.relying_party(party).build().unwrap()
}

pub fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

pub fn ann() -> UserId {
    user("ann")
}

pub fn client() -> Client<'static> {
    Client::web("192.0.2.1".parse().unwrap(), None)
}

/// The password passes.
pub fn password<R: Records>(tf: &TwoFactor<R>, user: &UserId) -> First {
    let first = async || Checked::Right;
    block_on(tf.first_factor(&Subject::Known(user), &client(), now(), first)).unwrap()
}

pub fn pending<R: Records>(tf: &TwoFactor<R>, user: &UserId) -> Pending {
    match password(tf, user) {
        First::Second(pending, methods) if methods.passkeys > 0 => pending,
        other => panic!("{other:?}"),
    }
}

pub fn begin<R: Records>(tf: &TwoFactor<R>, user: &UserId) -> PasskeyChallenge {
    block_on(tf.passkey_registration(user, "ann@example.org", now())).unwrap()
}

pub fn confirm<R: Records>(
    tf: &TwoFactor<R>,
    user: &UserId,
    id: &ChallengeId,
    answer: &str,
) -> Result<PasskeyConfirmed, Error> {
    block_on(tf.confirm_passkey(user, id, answer, "Pocket", None, now()))
}

pub fn register<R: Records>(tf: &TwoFactor<R>, user: &UserId, device: &Device) {
    let asked = begin(tf, user);
    let confirmed = confirm(tf, user, &asked.id, &device.create(&asked.options)).unwrap();
    assert!(
        matches!(confirmed, PasskeyConfirmed::On(_)),
        "{confirmed:?}"
    );
}

pub fn ask<R: Records>(tf: &TwoFactor<R>, pending: &Pending) -> PasskeyChallenge {
    match block_on(tf.passkey_challenge(pending, now())).unwrap() {
        PasskeyLogin::Ask(asked) => asked,
        PasskeyLogin::Refused(why) => panic!("{why:?}"),
    }
}

pub fn answer<R: Records>(
    tf: &TwoFactor<R>,
    pending: &Pending,
    id: &ChallengeId,
    answer: &str,
) -> Result<Second, Error> {
    block_on(tf.passkey(pending, &client(), id, answer, now()))
}

pub fn refused(second: Result<Second, Error>) -> Refusal {
    match second.unwrap() {
        Second::Refused(why) => why,
        Second::Passed(_) => panic!("in"),
    }
}

pub fn passed(second: Result<Second, Error>) -> bool {
    matches!(second, Ok(Second::Passed(passed)) if passed.method == Method::Passkey)
}

pub fn events<R: Records>(tf: &TwoFactor<R>, user: &UserId) -> Vec<Event> {
    let waiting = block_on(tf.events(Some(user), now())).unwrap();
    waiting.into_iter().map(|waiting| waiting.event).collect()
}

pub fn count<R: Records>(store: &R, namespace: &str) -> usize {
    let prefix = Prefix::new(namespace, ()).unwrap();
    let page = block_on(store.scan(&prefix, None, 1000, now())).unwrap();
    page.entries.len()
}
