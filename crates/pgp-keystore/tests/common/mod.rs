//! What the tests share.
#![allow(clippy::unwrap_used, dead_code)]

#[cfg(feature = "store")]
pub(crate) mod changes;
#[cfg(unix)]
pub(crate) mod gpg;
#[cfg(feature = "_backend")]
pub(crate) mod mail;
#[cfg(feature = "store")]
pub(crate) mod store;
#[cfg(feature = "discovery")]
pub(crate) mod web;

use std::time::{Duration, SystemTime};

use pgp_keystore::{
    Capability, Certificate, Generate, Limits, Profile, Recipient, Unlocked, supports,
};

pub(crate) const DAY: Duration = Duration::from_secs(86_400);

/// 2026-11-01.
pub(crate) fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_793_491_200)
}

pub(crate) fn days(count: u32) -> SystemTime {
    now() + count * DAY
}

pub(crate) fn limits() -> Limits {
    Limits::default()
}

/// The profiles of this build.
pub(crate) fn profiles() -> Vec<Profile> {
    let all = [Profile::Compat, Profile::Modern, Profile::PostQuantum];
    let here = all
        .into_iter()
        .filter(|p| supports(Capability::Generate(*p)).is_ok());
    here.collect()
}

pub(crate) fn key(profile: Profile, name: &str) -> Unlocked {
    let new = Generate::new(profile, now()).user_id(format!("{name} <{name}@example.org>"));
    new.create().unwrap().key
}

pub(crate) fn to<'a>(name: &str, certificate: &'a Certificate) -> Recipient<'a> {
    Recipient::new(format!("{name}@example.org"), [certificate])
}
