//! What a record is.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::Error;

/// Most octets of a value in one record; larger ones go through [`Large`](crate::Large).
pub const MAX_VALUE: usize = 64 * 1024;

/// Which write of a key this is.
///
/// None is ever used again, not even after the record was deleted: a version that is seen twice is the same record,
/// unchanged (there is no ABA). It is greater than that of the record which it replaces, and greater than those of all
/// commits that had ended before its own began.
///
/// Of commits that overlap, the order says nothing where several nodes write ([`Postgres`](crate::Postgres)): neither
/// between different keys, nor for a key that was deleted in between. Compare versions for equality, not for age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub(crate) u64);

impl Version {
    /// The version as a number, to keep outside of the store (an ETag, say).
    pub fn to_u64(self) -> u64 {
        self.0
    }

    /// The version that [`to_u64`](Self::to_u64) gave.
    pub fn from_u64(number: u64) -> Self {
        Self(number)
    }
}

/// A record as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned {
    pub(crate) body: Body,
    pub(crate) version: Version,
    pub(crate) expires: Option<Stamp>,
}

impl Versioned {
    /// The value.
    ///
    /// # Errors
    /// [`Error::IsLarge`] if the value lies in chunks of its own; [`Large::load`](crate::Large::load) reads both kinds.
    pub fn value(&self) -> Result<&[u8], Error> {
        match &self.body {
            Body::Inline(value) => Ok(value),
            Body::Large(_) => Err(Error::IsLarge),
        }
    }

    /// The octets of the value, be it large or not.
    pub fn size(&self) -> u64 {
        match &self.body {
            Body::Inline(value) => value.len() as u64,
            Body::Large(manifest) => manifest.size,
        }
    }

    /// What a later commit may expect.
    pub fn version(&self) -> Version {
        self.version
    }

    /// From when on the record counts as absent.
    pub fn expires(&self) -> Option<SystemTime> {
        self.expires.map(Stamp::to_time)
    }

    /// Reads a record that a store of one's own keeps; see [`backend`](crate::backend).
    ///
    /// # Errors
    /// [`Error::Corrupt`], and [`Error::Format`] if a later release wrote it.
    pub fn from_bytes(
        version: Version,
        expires: Option<SystemTime>,
        bytes: &[u8],
    ) -> Result<Self, Error> {
        Ok(Self {
            body: Body::decode(bytes)?,
            version,
            expires: expires.map(Stamp::new),
        })
    }

    /// The record as a store of one's own keeps it, beside its version and its expiry. It begins with the version of
    /// its format.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.body.encode()
    }

    pub(crate) fn is_live(&self, now: Stamp) -> bool {
        is_live(self.expires, now)
    }
}

/// Expired equals absent: a record lives up to, not including, the moment at which it expires.
pub(crate) fn is_live(expires: Option<Stamp>, now: Stamp) -> bool {
    expires.is_none_or(|expires| now < expires)
}

/// Milliseconds since 1970, rounded down; what does not fit is the nearest that does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp(pub(crate) i64);

impl Stamp {
    pub(crate) fn new(time: SystemTime) -> Self {
        Self(match time.duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
            Err(before) => {
                let nanos = before.duration().as_nanos();
                i64::try_from(nanos.div_ceil(1_000_000)).map_or(i64::MIN, |ms| -ms)
            }
        })
    }

    pub(crate) fn after(self, wait: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    pub(crate) fn to_time(self) -> SystemTime {
        let distance = Duration::from_millis(self.0.unsigned_abs());
        let time = match self.0 {
            0.. => UNIX_EPOCH.checked_add(distance),
            _ => UNIX_EPOCH.checked_sub(distance),
        };
        time.unwrap_or(UNIX_EPOCH)
    }
}

/// The value itself, or where its chunks lie.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Body {
    Inline(Arc<[u8]>),
    Large(Manifest),
}

/// No content: a value may be a secret, and a commit or an outcome that is logged must not give it away.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inline(value) => write!(f, "{} octets", value.len()),
            Self::Large(manifest) => write!(f, "{} octets in chunks", manifest.size),
        }
    }
}

/// A value in chunks: their common identity, and how many octets they hold together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub(crate) id: ChunkId,
    pub(crate) size: u64,
}

pub(crate) type ChunkId = [u8; 16];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_for_logs_has_no_content() {
        let key = crate::Key::new("n", "k").unwrap();
        let commit = crate::Commit::new().put(&key, *b"secret", crate::Expect::Anything);
        let shown = format!("{commit:?}");
        assert!(
            shown.contains("6 octets") && !shown.contains("115"),
            "{shown}"
        );
    }

    #[test]
    fn time_before_1970_rounds_down_too() {
        let just_before = UNIX_EPOCH - Duration::from_nanos(1);
        assert_eq!(Stamp::new(just_before), Stamp(-1));
        assert_eq!(Stamp(-1).to_time(), UNIX_EPOCH - Duration::from_millis(1));
    }
}
