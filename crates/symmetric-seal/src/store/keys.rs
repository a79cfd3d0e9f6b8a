//! The records of a link.
//!
//! ```text
//! ("seal-link", key)          the link
//! ("seal-body", key)          the sealed message, in chunks if it is larger than a record
//! ("seal-reply", key)         the sealed reply, as well
//! ("seal-due", second, key)   nothing in it: when the link has to be looked at by a sweep
//! ("seal-notice", key, code, number)
//!                             what the sender is to be told: see `notices`
//! ```
//!
//! All that a step changes is one commit, which expects the link that the step began with.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use record_store::{Error, Key, Prefix};

use crate::link::LinkKey;

const DUE: &str = "seal-due";
const NOTICE: &str = "seal-notice";

pub(super) fn link(key: &LinkKey) -> Result<Key, Error> {
    Key::new("seal-link", key.octets())
}

pub(super) fn body(key: &LinkKey) -> Result<Key, Error> {
    Key::new("seal-body", key.octets())
}

pub(super) fn reply(key: &LinkKey) -> Result<Key, Error> {
    Key::new("seal-reply", key.octets())
}

pub(super) fn due(at: SystemTime, key: &LinkKey) -> Result<Key, Error> {
    Key::new(DUE, (seconds(at), key.octets()))
}

pub(super) fn all_due() -> Result<Prefix, Error> {
    Prefix::new(DUE, ())
}

/// There is one for each event of a link.
pub(super) fn notice(key: &LinkKey, code: u8, number: u64) -> Result<Key, Error> {
    Key::new(NOTICE, (key.octets(), u64::from(code), number))
}

/// Those of a link, or all.
pub(super) fn notices(of: Option<&LinkKey>) -> Result<Prefix, Error> {
    match of {
        Some(key) => Prefix::new(NOTICE, key.octets()),
        None => Prefix::new(NOTICE, ()),
    }
}

/// Which link a [`notice`] is of.
pub(super) fn read_notice(key: &Key) -> Option<LinkKey> {
    let link = key.parts().next()?.bytes().try_into().ok()?;
    Some(LinkKey::from_octets(link))
}

/// What [`due`] was made of.
pub(super) fn read_due(key: &Key) -> Option<(SystemTime, LinkKey)> {
    let mut parts = key.parts();
    let at = Duration::from_secs(parts.next()?.number()?);
    let link = parts.next()?.bytes().try_into().ok()?;
    Some((UNIX_EPOCH.checked_add(at)?, LinkKey::from_octets(link)))
}

pub(super) fn seconds(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
