//! For who adds a store of their own: the rules, written once, over a [`Table`] inside a transaction.
//!
//! A store is a [`Table`], an implementation of [`Records`](crate::Records) that calls [`get`], [`page`], [`commit`] and
//! [`sweep`] with it, each in a transaction that ends before the call does, and a test that runs
//! [`conformance`](crate::conformance). `tests/stranger.rs` is a whole one.
//!
//! A table keeps for each [`Key`] three things: the record's octets ([`Versioned::to_bytes`]), its [`Version`] and when
//! it expires; and for all of them the newest version. It finds keys in their order (bytes, unsigned) and records by
//! their expiry. It knows nothing of time, expectations and chunks.

use std::time::{Duration, SystemTime};

use crate::codec;
use crate::commit::{Operation, Write};
use crate::large::{chunks_of, id_of_loose, loose_key};
use crate::record::{Body, Manifest, Stamp, is_live};
use crate::{
    Commit, Conflict, Error, Expect, Key, Outcome, Page, Prefix, Swept, Version, Versioned,
};

/// Most records that one sweep removes.
pub const MAX_SWEEP: usize = 1000;

/// How long the chunks of a replaced value stay, for those who are reading them.
pub(crate) const GRACE: Duration = Duration::from_secs(3600);

/// The records of a store inside one transaction, expired ones included.
#[allow(clippy::missing_errors_doc)] // of each method: whatever the store says
pub trait Table {
    /// What [`Head::decode`] makes of a record.
    fn head(&mut self, key: &Key) -> Result<Option<Head>, Error>;

    /// What [`Versioned::from_bytes`] makes of a record.
    fn find(&mut self, key: &Key) -> Result<Option<Versioned>, Error>;

    /// Writes a record, whether there is one or not.
    fn put(&mut self, key: &Key, record: &Versioned) -> Result<(), Error>;

    /// Removes a record if there is one.
    fn remove(&mut self, key: &Key) -> Result<(), Error>;

    /// The newest version of the store.
    fn last_version(&mut self) -> Result<Version, Error>;

    /// A version newer than all before it, also those of records that are gone.
    fn next_version(&mut self) -> Result<Version, Error>;

    /// Keys of records with an expiry at or before `now`, at most `limit`, the longest expired first.
    fn expired(&mut self, now: SystemTime, limit: usize) -> Result<Vec<Key>, Error>;

    /// Keys in the [range](Prefix::range) of a prefix, at most `limit`.
    fn keys(&mut self, prefix: &Prefix, limit: usize) -> Result<Vec<Key>, Error>;
}

/// A record without its value.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    version: Version,
    expires: Option<Stamp>,
    manifest: Option<Manifest>,
}

impl Head {
    /// How many of a record's first octets [`decode`](Self::decode) needs.
    pub const OCTETS: usize = codec::HEAD;

    /// Reads the beginning of a record, or all of it. A damaged record has a head, so that it can be overwritten.
    ///
    /// # Errors
    /// [`Error::Format`] if a later release wrote the record.
    pub fn decode(
        version: Version,
        expires: Option<SystemTime>,
        bytes: &[u8],
    ) -> Result<Self, Error> {
        Ok(Self {
            version,
            expires: expires.map(Stamp::new),
            manifest: codec::manifest(bytes)?,
        })
    }

    pub(crate) fn of(record: &Versioned) -> Self {
        Self {
            version: record.version,
            expires: record.expires,
            manifest: match record.body {
                Body::Inline(_) => None,
                Body::Large(manifest) => Some(manifest),
            },
        }
    }
}

/// What [`Records::get`](crate::Records::get) finds.
///
/// # Errors
/// Those of the table.
pub fn get(table: &mut impl Table, key: &Key, now: SystemTime) -> Result<Option<Versioned>, Error> {
    let now = Stamp::new(now);
    Ok(table.find(key)?.filter(|record| record.is_live(now)))
}

/// What [`Records::scan`](crate::Records::scan) finds, of records in the [range](Prefix::range) of the prefix and the
/// cursor, in order, expired ones included. Takes no more of them than it needs.
///
/// # Errors
/// The first of the records.
pub fn page(
    records: impl Iterator<Item = Result<(Key, Versioned), Error>>,
    limit: usize,
    now: SystemTime,
) -> Result<Page, Error> {
    let now = Stamp::new(now);
    let live = records.filter(|record| record.as_ref().map_or(true, |(_, r)| r.is_live(now)));
    Page::collect(live, limit)
}

/// Runs a commit. On an error the caller undoes what was written.
///
/// # Errors
/// [`Error::TooLarge`] and [`Error::DuplicateKey`] before the table is used, and those of the table.
pub fn commit(table: &mut impl Table, commit: &Commit, now: SystemTime) -> Result<Outcome, Error> {
    commit.check()?;
    apply(table, commit, Stamp::new(now))
}

/// Removes what has expired and the chunks that no record needs. On an error the caller undoes what was written.
///
/// # Errors
/// Those of the table.
pub fn sweep(table: &mut impl Table, now: SystemTime, budget: usize) -> Result<Swept, Error> {
    let budget = budget.clamp(1, MAX_SWEEP);
    let keys = table.expired(now, budget)?;
    collect_garbage(table, &keys, Stamp::new(now), budget)
}

/// Runs a commit that keeps the limits.
pub(crate) fn apply(table: &mut impl Table, commit: &Commit, now: Stamp) -> Result<Outcome, Error> {
    let mut heads = Vec::with_capacity(commit.operations.len());
    for Operation { key, expect, .. } in &commit.operations {
        let head = table.head(key)?;
        let version = head
            .filter(|head| is_live(head.expires, now))
            .map(|head| head.version);
        let met = match expect {
            Expect::Absent => version.is_none(),
            Expect::Version(expected) => version == Some(*expected),
            Expect::Anything => true,
        };
        if !met {
            let found = table.find(key)?.filter(|record| record.is_live(now));
            return Ok(Outcome::Conflict(Conflict {
                key: key.clone(),
                found,
            }));
        }
        heads.push(head);
    }
    if commit
        .operations
        .iter()
        .all(|operation| matches!(operation.write, Write::Nothing))
    {
        return table.last_version().map(Outcome::Committed);
    }
    let version = table.next_version()?;
    for (Operation { key, write, .. }, head) in commit.operations.iter().zip(heads) {
        match write {
            Write::Nothing => continue,
            Write::Delete => table.remove(key)?,
            Write::Put(body, expires) => {
                let (body, expires) = (body.clone(), *expires);
                table.put(
                    key,
                    &Versioned {
                        body,
                        version,
                        expires,
                    },
                )?;
            }
        }
        if let Some(manifest) = head.and_then(|head| head.manifest) {
            loosen(table, &manifest, version, now)?;
        }
    }
    Ok(Outcome::Committed(version))
}

fn collect_garbage(
    table: &mut impl Table,
    keys: &[Key],
    now: Stamp,
    budget: usize,
) -> Result<Swept, Error> {
    let mut removed = 0;
    for key in keys {
        let left = budget - removed;
        if left == 0 {
            break;
        }
        let Some(id) = id_of_loose(key) else {
            if let Some(manifest) = table.head(key)?.and_then(|head| head.manifest) {
                let version = table.next_version()?;
                loosen(table, &manifest, version, now)?;
            }
            table.remove(key)?;
            removed += 1;
            continue;
        };
        let chunks = table.keys(&chunks_of(&id), left)?;
        for chunk in &chunks {
            table.remove(chunk)?;
        }
        removed += chunks.len();
        if chunks.len() < left {
            table.remove(key)?;
            removed += 1;
        } else if let Some(mut loose) = table.find(key)? {
            // A caller whose clock is behind could still publish what is half gone: a new version forbids it.
            loose.version = table.next_version()?;
            table.put(key, &loose)?;
        }
    }
    let more = keys.len() == budget || removed == budget;
    Ok(Swept { removed, more })
}

/// Marks the chunks of a manifest that is gone as loose, so that a later sweep takes them.
fn loosen(
    table: &mut impl Table,
    manifest: &Manifest,
    version: Version,
    now: Stamp,
) -> Result<(), Error> {
    let body = Body::Inline([].into());
    let expires = Some(now.after(GRACE));
    table.put(
        &loose_key(&manifest.id),
        &Versioned {
            body,
            version,
            expires,
        },
    )
}
