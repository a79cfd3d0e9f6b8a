use std::collections::HashSet;
use std::sync::Arc;
use std::time::SystemTime;

use crate::large::Large;
use crate::record::{Body, MAX_VALUE, Stamp};
use crate::{Error, Key, Version, Versioned};

/// Most writes and guards of one commit.
pub const MAX_OPERATIONS: usize = 1024;

/// Most octets, keys and values together, of one commit.
pub const MAX_COMMIT: usize = 4 * 1024 * 1024;

/// Writes that happen together or not at all, and only if every expectation holds.
///
/// A key occurs at most once. At most [`MAX_OPERATIONS`] writes and guards of [`MAX_COMMIT`] octets in all.
#[derive(Clone, Debug, Default)]
#[must_use = "a commit does nothing until a store runs it"]
pub struct Commit {
    pub(crate) operations: Vec<Operation>,
}

impl Commit {
    /// A commit of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes a value of at most [`MAX_VALUE`] octets that does not expire.
    pub fn put(self, key: &Key, value: impl Into<Arc<[u8]>>, expect: Expect) -> Self {
        self.with(key, expect, Write::Put(Body::Inline(value.into()), None))
    }

    /// Writes a value of at most [`MAX_VALUE`] octets that counts as absent from `expires` on (kept to the
    /// millisecond, rounded down).
    pub fn put_until(
        self,
        key: &Key,
        value: impl Into<Arc<[u8]>>,
        expect: Expect,
        expires: SystemTime,
    ) -> Self {
        self.with(
            key,
            expect,
            Write::Put(Body::Inline(value.into()), Some(Stamp::new(expires))),
        )
    }

    /// Makes a staged value visible under this key.
    ///
    /// A staged value can be made visible once, within a day of [`Large::stage`]; after that the outcome is a
    /// conflict on a key with an empty namespace, and the value must be staged again.
    pub fn put_large(self, key: &Key, value: &Large, expect: Expect) -> Self {
        value.publish(self, key, expect, None)
    }

    /// As [`put_large`](Self::put_large), absent from `expires` on.
    pub fn put_large_until(
        self,
        key: &Key,
        value: &Large,
        expect: Expect,
        expires: SystemTime,
    ) -> Self {
        value.publish(self, key, expect, Some(Stamp::new(expires)))
    }

    /// Removes a record; one that is absent stays so.
    pub fn delete(self, key: &Key, expect: Expect) -> Self {
        self.with(key, expect, Write::Delete)
    }

    /// Expects something of a key that the commit does not write.
    pub fn guard(self, key: &Key, expect: Expect) -> Self {
        self.with(key, expect, Write::Nothing)
    }

    pub(crate) fn with(mut self, key: &Key, expect: Expect, write: Write) -> Self {
        let key = key.clone();
        self.operations.push(Operation { key, expect, write });
        self
    }

    /// The octets of the commit, if it keeps the limits.
    pub(crate) fn check(&self) -> Result<usize, Error> {
        within("operations", self.operations.len(), MAX_OPERATIONS)?;
        let mut size = 0;
        let mut keys = HashSet::with_capacity(self.operations.len());
        for Operation { key, write, .. } in &self.operations {
            size += key.as_bytes().len();
            if let Write::Put(Body::Inline(value), _) = write {
                within("value", value.len(), MAX_VALUE)?;
                size += value.len();
            }
            if !keys.insert(key) {
                return Err(Error::DuplicateKey);
            }
        }
        within("commit", size, MAX_COMMIT).map(|()| size)
    }
}

/// What must be true of a key for a commit to happen. An expired record is an absent one.
#[allow(clippy::exhaustive_enums)] // complete by design: what any ordered store with transactions can check
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// There is no record.
    Absent,
    /// The record is exactly this one, unchanged since it was read.
    Version(Version),
    /// Whatever is there.
    Anything,
}

/// How a commit ended.
#[allow(clippy::exhaustive_enums)] // complete by design: a caller must handle all three
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a commit may have been refused"]
pub enum Outcome {
    /// All writes happened and are durable; the records written have this version. For a commit that writes nothing
    /// all guards held, and the version means nothing.
    Committed(Version),
    /// Nothing was written, because of this key.
    Conflict(Conflict),
    /// The store was lost in the middle of the commit: all of it happened or nothing. Read again once the store
    /// works: while its disk or its server fails, what is read may not be what is found later.
    Unknown,
}

/// The first expectation that did not hold, and what was found instead.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The key whose expectation did not hold.
    pub key: Key,
    /// What is there now.
    pub found: Option<Versioned>,
}

#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub(crate) key: Key,
    pub(crate) expect: Expect,
    pub(crate) write: Write,
}

#[derive(Clone, Debug)]
pub(crate) enum Write {
    Put(Body, Option<Stamp>),
    Delete,
    Nothing,
}

fn within(what: &'static str, size: usize, limit: usize) -> Result<(), Error> {
    match size <= limit {
        true => Ok(()),
        false => Err(Error::TooLarge {
            what,
            size: size as u64,
            limit: limit as u64,
        }),
    }
}
