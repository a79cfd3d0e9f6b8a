//! The rules of the store, written once for all backends: a backend gives a [`Table`] inside a transaction.

use std::time::Duration;

use crate::commit::{Operation, Write};
use crate::large::{chunks_of, id_of_loose, loose_key};
use crate::record::{Body, Manifest, Stamp, is_live};
use crate::{Commit, Conflict, Error, Expect, Key, Outcome, Prefix, Swept, Version, Versioned};

/// Most records that one sweep removes.
pub const MAX_SWEEP: usize = 1000;

/// How long the chunks of a replaced value stay, for those who are reading them.
pub(crate) const GRACE: Duration = Duration::from_secs(3600);

/// The records of a store inside one transaction, expired ones included.
pub(crate) trait Table {
    fn head(&mut self, key: &Key) -> Result<Option<Head>, Error>;
    fn find(&mut self, key: &Key) -> Result<Option<Versioned>, Error>;
    fn put(&mut self, key: &Key, record: &Versioned) -> Result<(), Error>;
    fn remove(&mut self, key: &Key) -> Result<(), Error>;
    /// The newest version of the store.
    fn last_version(&mut self) -> Result<Version, Error>;
    /// A version newer than all before it.
    fn next_version(&mut self) -> Result<Version, Error>;
    /// Keys of records that have expired, at most `limit`, the longest expired first.
    fn expired(&mut self, now: Stamp, limit: usize) -> Result<Vec<Key>, Error>;
    /// Keys with a prefix, at most `limit`.
    fn keys(&mut self, prefix: &Prefix, limit: usize) -> Result<Vec<Key>, Error>;
}

/// A record without its value.
#[derive(Clone, Copy)]
pub(crate) struct Head {
    pub(crate) version: Version,
    pub(crate) expires: Option<Stamp>,
    pub(crate) manifest: Option<Manifest>,
}

/// Runs a commit; on an error the caller undoes what was written.
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

/// Removes what has expired and the chunks that no record needs.
pub(crate) fn sweep(table: &mut impl Table, now: Stamp, budget: usize) -> Result<Swept, Error> {
    let budget = budget.clamp(1, MAX_SWEEP);
    let keys = table.expired(now, budget)?;
    let mut removed = 0;
    for key in &keys {
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
