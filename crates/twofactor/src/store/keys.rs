//! The names of the records.

use record_store::{Error, Key, Parts, Prefix};

use crate::decision::Tag;
use crate::{Keyring, MAX_NAME, Network, Subject, UserId};

/// The hashes of recovery codes.
pub(super) const RECOVERY: &str = "2fa-recovery";
/// Sealed seeds.
pub(super) const SEEDS: &str = "2fa-otp";
/// Enrolments that are not confirmed yet.
pub(super) const ENROLMENTS: &str = "2fa-enrol";

/// How many counters names share that nobody has.
pub(super) const SLOTS: u64 = 65_536;

/// Whose decision record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    User(UserId),
    /// Of names that nobody has.
    Nobody(u64),
}

impl Slot {
    pub(super) fn of(subject: &Subject<'_>, keyring: &Keyring) -> Self {
        match subject {
            Subject::Known(user) => Self::User((*user).clone()),
            Subject::Unknown(name) => {
                let octets = name.as_bytes();
                let name = octets.get(..octets.len().min(MAX_NAME)).unwrap_or_default();
                let [a, b, c, d, ..] = keyring.keyed_hash("name", name);
                Self::Nobody(u64::from(u32::from_be_bytes([a, b, c, d])) % SLOTS)
            }
        }
    }

    pub(super) fn user(&self) -> Option<&UserId> {
        match self {
            Self::User(user) => Some(user),
            Self::Nobody(_) => None,
        }
    }

    pub(super) fn state(&self) -> Result<Key, Error> {
        match self {
            Self::User(user) => Key::new("2fa-state", user.as_str()),
            Self::Nobody(slot) => Key::new("2fa-slot", *slot),
        }
    }

    /// The user's part of other keys. Nobody has the empty one, so that looking there costs the same and finds nothing.
    pub(super) fn name(&self) -> &str {
        self.user().map_or("", UserId::as_str)
    }
}

pub(super) fn network(network: Network, keyring: &Keyring) -> Result<Key, Error> {
    Key::new("2fa-net", tag(network, keyring))
}

/// A network as it is stored, so that the store does not say where somebody lives.
pub(super) fn tag(network: Network, keyring: &Keyring) -> Tag {
    let [a, b, c, d, e, f, g, h, ..] = keyring.keyed_hash("network", &network.octets());
    [a, b, c, d, e, f, g, h]
}

pub(super) fn event(user: &UserId, millis: u64, random: [u8; 8]) -> Result<Key, Error> {
    Key::new("2fa-event", (user.as_str(), millis, random))
}

/// All of a kind: of a user, or of everybody.
pub(super) fn all(namespace: &str, user: Option<&UserId>) -> Result<Prefix, Error> {
    match user {
        Some(user) => Prefix::new(namespace, user.as_str()),
        None => Prefix::new(namespace, ()),
    }
}

/// One of a user's records of a kind.
pub(super) fn of(namespace: &str, user: &str, id: impl Parts) -> Result<Key, Error> {
    Key::new(namespace, (user, id))
}
