//! Values of more than one record: immutable chunks that one manifest makes visible.
//!
//! Chunks lie under `("", "chunk", id, index)`. While no manifest names them, a record `("", "loose", id)` does; it
//! expires, and the sweep removes it together with its chunks. The commit that publishes a manifest deletes the loose
//! record and expects it to be the one that staging wrote, or to be absent if staging wrote none; the commit that
//! replaces or deletes a manifest writes it again. So at every moment chunks have exactly one owner, a manifest or a
//! loose record.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::commit::Write;
use crate::record::{Body, ChunkId, MAX_VALUE, Manifest, Stamp};
use crate::{
    Cause, Commit, Error, Expect, Key, MAX_PAGE, Outcome, Prefix, Records, Version, Versioned,
};

/// Most octets of a large value.
pub const MAX_LARGE: usize = 256 * 1024 * 1024;

/// How long a staged value waits for its commit.
const STAGED: Duration = Duration::from_secs(24 * 3600);

/// Chunks that travel in one commit; the last ones travel with the manifest.
const CHUNKS_PER_COMMIT: usize = 16;

/// Chunks that one commit removes: their keys alone travel.
const REMOVED_PER_COMMIT: u32 = 512;

/// A value of any size, ready to be a part of a commit.
///
/// A value of at most [`MAX_VALUE`] octets becomes an ordinary record. Up to 1 MiB the chunks travel with the commit:
/// still one commit, one sync. Of what is larger, [`stage`](Self::stage) writes all but the end.
#[derive(Clone, Debug)]
pub struct Large(Staged);

#[derive(Clone, Debug)]
enum Staged {
    Inline(Arc<[u8]>),
    Chunks {
        manifest: Manifest,
        /// The loose record that staging wrote, if it wrote any chunks.
        loose: Option<Version>,
        /// The chunks that are not yet written, the first of them at this index.
        first: u32,
        rest: Vec<Arc<[u8]>>,
    },
}

impl Large {
    /// Prepares a value of at most [`MAX_LARGE`] octets for [`Commit::put_large`].
    ///
    /// # Errors
    /// [`Error::TooLarge`], and those of [`Records::commit`]. What was written by then is removed again, so that a value
    /// that finds the store full does not leave it full; if that fails as well, the sweep does it after a day.
    pub async fn stage(store: &impl Records, value: &[u8], now: SystemTime) -> Result<Self, Error> {
        if value.len() <= MAX_VALUE {
            return Ok(Self(Staged::Inline(value.into())));
        }
        if value.len() > MAX_LARGE {
            return Err(Error::TooLarge {
                what: "large value",
                size: value.len() as u64,
                limit: MAX_LARGE as u64,
            });
        }
        let id = random_id()?;
        let manifest = Manifest {
            id,
            size: value.len() as u64,
        };
        let mut chunks = value.chunks(MAX_VALUE).map(Arc::<[u8]>::from);
        let (mut loose, mut first) = (None, 0);
        while chunks.len() > CHUNKS_PER_COMMIT {
            let commit = with_chunks(
                Commit::new(),
                &id,
                first,
                chunks.by_ref().take(CHUNKS_PER_COMMIT),
            );
            match write_loose(store, commit, &id, loose, now).await {
                Ok(version) => loose = Some(version),
                Err(error) => {
                    // The first failure is the one to tell.
                    let _ = remove_staged(store, &id, loose, first, now).await;
                    return Err(error);
                }
            }
            first += CHUNKS_PER_COMMIT as u32;
        }
        let rest = chunks.collect();
        Ok(Self(Staged::Chunks {
            manifest,
            loose,
            first,
            rest,
        }))
    }

    /// Gives up a value whose commit will not come: what staging wrote is removed now, and not by a sweep after a day.
    /// A value that was published meanwhile stays.
    ///
    /// # Errors
    /// Those of [`Records::commit`]; what is left then, the sweep removes.
    pub async fn discard(self, store: &impl Records, now: SystemTime) -> Result<(), Error> {
        match self.0 {
            Staged::Inline(_) => Ok(()),
            Staged::Chunks {
                manifest,
                loose,
                first,
                ..
            } => remove_staged(store, &manifest.id, loose, first, now).await,
        }
    }

    /// The whole value of a record, be it large or not.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if a chunk is missing: the record was replaced more than an hour ago (read it again), or the
    /// store is damaged. Otherwise those of [`Records::get`].
    pub async fn load(
        store: &impl Records,
        record: &Versioned,
        now: SystemTime,
    ) -> Result<Arc<[u8]>, Error> {
        let manifest = match &record.body {
            Body::Inline(value) => return Ok(value.clone()),
            Body::Large(manifest) => manifest,
        };
        let corrupt = || Error::Corrupt {
            what: "the chunks of a large value",
        };
        let size = usize::try_from(manifest.size)
            .ok()
            .filter(|&size| size <= MAX_LARGE)
            .ok_or_else(corrupt)?;
        let (chunks, mut after) = (chunks_of(&manifest.id), None);
        // One allocation, which the chunks are copied into: a value is in memory once, beside one page of its chunks.
        let mut value: Arc<[u8]> = std::iter::repeat_n(0, size).collect();
        let mut rest = Arc::get_mut(&mut value).unwrap_or_default();
        let mut index = 0;
        loop {
            let page = store.scan(&chunks, after.as_ref(), MAX_PAGE, now).await?;
            for (key, chunk) in page.entries {
                let chunk = chunk.value()?;
                let (place, left) = rest
                    .split_at_mut_checked(chunk.len())
                    .filter(|_| key == chunk_key(&manifest.id, index))
                    .ok_or_else(corrupt)?;
                place.copy_from_slice(chunk);
                (rest, index) = (left, index + 1);
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        match rest.is_empty() {
            true => Ok(value),
            false => Err(corrupt()),
        }
    }

    pub(crate) fn publish(
        &self,
        commit: Commit,
        key: &Key,
        expect: Expect,
        expires: Option<Stamp>,
    ) -> Commit {
        match &self.0 {
            Staged::Inline(value) => commit.with(
                key,
                expect,
                Write::Put(Body::Inline(value.clone()), expires),
            ),
            Staged::Chunks {
                manifest,
                loose,
                first,
                rest,
            } => {
                let commit = commit.with(key, expect, Write::Put(Body::Large(*manifest), expires));
                let commit = with_chunks(commit, &manifest.id, *first, rest.iter().cloned());
                // Where staging wrote nothing there is no loose record, unless this value was published before and
                // replaced: what is left of that record would let a later sweep take the chunks from under us.
                let expect = loose.map_or(Expect::Absent, Expect::Version);
                commit.delete(&loose_key(&manifest.id), expect)
            }
        }
    }
}

pub(crate) fn loose_key(id: &ChunkId) -> Key {
    Key::reserved((LOOSE, id))
}

/// The chunks that a loose record stands for.
pub(crate) fn id_of_loose(key: &Key) -> Option<ChunkId> {
    if !key.namespace().is_empty() {
        return None;
    }
    let mut parts = key.parts();
    match parts.next()?.text() == Some(LOOSE) {
        true => parts.next()?.bytes().try_into().ok(),
        false => None,
    }
}

pub(crate) fn chunks_of(id: &ChunkId) -> Prefix {
    Prefix::reserved((CHUNK, id))
}

/// A new name for chunks. No octet of it is zero, so that it stands in keys as it is: a store whose rules run on a
/// server (in SQL, say) finds the chunks of a manifest without a codec for keys.
fn random_id() -> Result<ChunkId, Error> {
    let mut id = ChunkId::default();
    getrandom::fill(&mut id).map_err(|error| Error::Unavailable(cause(error)))?;
    Ok(id.map(|octet| octet.max(1)))
}

const CHUNK: &str = "chunk";
const LOOSE: &str = "loose";

fn chunk_key(id: &ChunkId, index: u64) -> Key {
    Key::reserved((CHUNK, id, index))
}

fn with_chunks(
    commit: Commit,
    id: &ChunkId,
    first: u32,
    chunks: impl Iterator<Item = Arc<[u8]>>,
) -> Commit {
    (u64::from(first)..)
        .zip(chunks)
        .fold(commit, |commit, (index, chunk)| {
            commit.put(&chunk_key(id, index), chunk, Expect::Absent)
        })
}

/// Commits chunks together with the loose record that owns them until they are published.
async fn write_loose(
    store: &impl Records,
    commit: Commit,
    id: &ChunkId,
    before: Option<Version>,
    now: SystemTime,
) -> Result<Version, Error> {
    let expect = before.map_or(Expect::Absent, Expect::Version);
    let expires = now.checked_add(STAGED).unwrap_or(now);
    let commit = commit.put_until(&loose_key(id), [], expect, expires);
    match store.commit(commit, now).await? {
        Outcome::Committed(version) => Ok(version),
        // Nobody else knows the identity: only a sweep by a clock a day ahead can have been faster.
        Outcome::Conflict(_) => Err(Error::Busy),
        Outcome::Unknown => Err(Error::Unavailable(cause("connection lost while staging"))),
    }
}

/// Removes chunks that staging wrote, unless somebody else has taken them over: published or swept.
async fn remove_staged(
    store: &impl Records,
    id: &ChunkId,
    loose: Option<Version>,
    chunks: u32,
    now: SystemTime,
) -> Result<(), Error> {
    let Some(mut loose) = loose else {
        return Ok(()); // nothing was written
    };
    let key = loose_key(id);
    let expires = now.checked_add(STAGED).unwrap_or(now);
    for first in (0..chunks).step_by(REMOVED_PER_COMMIT as usize) {
        let end = chunks.min(first.saturating_add(REMOVED_PER_COMMIT));
        let expect = Expect::Version(loose);
        // Each commit renews the loose record, so that nobody can publish what is half gone.
        let commit = match end == chunks {
            true => Commit::new().delete(&key, expect),
            false => Commit::new().put_until(&key, [], expect, expires),
        };
        let commit = (first..end).fold(commit, |commit, index| {
            commit.delete(&chunk_key(id, u64::from(index)), Expect::Anything)
        });
        match store.commit(commit, now).await? {
            Outcome::Committed(version) => loose = version,
            Outcome::Conflict(_) => return Ok(()),
            Outcome::Unknown => return Err(Error::Unavailable(cause("connection lost"))),
        }
    }
    Ok(())
}

fn cause(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Cause {
    Arc::from(error.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_chunks_stand_in_keys_as_they_are() {
        for _ in 0..1000 {
            let id = random_id().unwrap();
            let key = loose_key(&id);
            assert!(key.as_bytes().windows(16).any(|some| some == id));
            assert_eq!(id_of_loose(&key), Some(id));
        }
    }
}
