use std::sync::Arc;

/// Why a call gave no outcome. Nothing was written.
#[non_exhaustive]
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The disk, or the size that the store may have, is used up. Whatever was in the same transaction was rolled
    /// back as well; the store works again once space is freed. (A quota of the file system is no full disk to SQLite:
    /// that is [`Unavailable`](Self::Unavailable), or an unknown outcome.)
    #[error("the store is full")]
    Full,
    /// More work waits than the store queues, or another process holds the store.
    #[error("the store is busy")]
    Busy,
    /// The store cannot be reached or read at present.
    #[error("the store is unavailable")]
    Unavailable(#[source] Cause),
    /// The threads of the store have ended, which only a fault of this program can cause; open it again. Nothing was
    /// written: a commit that was under way is [`Outcome::Unknown`](crate::Outcome::Unknown) instead.
    #[error("the store is closed")]
    Closed,
    /// What is stored breaks the store's own rules.
    #[error("the store is damaged: {what}")]
    Corrupt {
        /// Which rule, without any stored data.
        what: &'static str,
    },
    /// A later release wrote this; upgrade this program.
    #[error("format {found} is newer than {known}, the newest that this release reads")]
    Format {
        /// What is stored.
        found: u32,
        /// The newest that this release reads.
        known: u32,
    },
    /// The bytes are no key: a namespace has 1 to 64 characters of `a-z`, `0-9`, `-`, `_` and `.`.
    #[error("not a key")]
    NotAKey,
    /// A key, value, commit or location exceeds a documented limit.
    #[error("{what} of {size} exceeds the limit of {limit}")]
    TooLarge {
        /// What is too large: `key`, `value`, `commit`, ...
        what: &'static str,
        /// Its size.
        size: u64,
        /// The limit, in the same unit.
        limit: u64,
    },
    /// One commit names a key twice.
    #[error("a commit names a key twice")]
    DuplicateKey,
    /// The record holds a large value; read it with [`Large::load`](crate::Large::load).
    #[error("the record holds a large value")]
    IsLarge,
    /// The location is not one that [`AnyStore::open`](crate::AnyStore::open) knows, or its feature is not enabled.
    #[error("unknown kind of store")]
    UnknownStore,
    /// The location is of a known kind, but cannot be used as it is written.
    #[error("the location of the store is refused: {what}")]
    Location {
        /// Why, without any part of the location, which may hold a password.
        what: &'static str,
    },
}

impl Error {
    /// Whether the same call may succeed later without a change by the caller.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Full | Self::Busy | Self::Unavailable(_))
    }
}

/// What a backend said; for logs.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;
