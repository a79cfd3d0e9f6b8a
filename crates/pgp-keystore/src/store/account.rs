//! The handle of an account, and how it loads and commits.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use record_store::{Commit, Expect, Key, Large, MAX_PAGE, Outcome, Prefix, Records};

use super::cache::{self, Cache};
use super::log::{MAX_LOG, Note};
use super::rows::{CertRow, Head, Keys};
use super::turns::{Turn, Turns};
use super::{Offload, Quotas, StoreError};
use crate::custody::{AccountId, Kek, Session};
use crate::{Certificate, Fingerprint};

/// How often a change is tried against those of others.
pub(super) const TRIES: usize = 200;

/// Keys and certificates of many accounts in a record-store. All that it gives is a handle of one account.
pub struct Store<R, O> {
    records: R,
    offload: O,
    kek: Option<Arc<dyn Kek>>,
    quotas: Arc<Quotas>,
    cache: Cache,
    turns: Turns,
}

impl<R: Records, O: Offload> Store<R, O> {
    /// In these records; what takes long runs where `offload` says.
    pub fn new(records: R, offload: O) -> Self {
        Self {
            records,
            offload,
            kek: None,
            quotas: Arc::default(),
            cache: Cache::new(cache::DEFAULT),
            turns: Turns::default(),
        }
    }

    /// With the server's key-encryption key, so that keys can be in the custody
    /// [`Server`](crate::custody::Custody::Server).
    #[must_use]
    pub fn with_kek(self, kek: Arc<dyn Kek>) -> Self {
        let kek = Some(kek);
        Self { kek, ..self }
    }

    /// With other quotas.
    #[must_use]
    pub fn with_quotas(self, quotas: Quotas) -> Self {
        let quotas = Arc::new(quotas);
        Self { quotas, ..self }
    }

    /// With so many octets of certificates kept parsed in memory, which takes some ten times as much; none with 0. The
    /// default is 4 MiB. What is changed in the store, here or by others, is seen all the same.
    #[must_use]
    pub fn with_cache(self, octets: usize) -> Self {
        let cache = Cache::new(octets);
        Self { cache, ..self }
    }

    /// The account of this name, be it set up or not.
    pub fn account(&self, account: AccountId) -> Account<'_, R, O> {
        Account {
            store: self,
            keys: Keys::new(account),
        }
    }

    pub(super) fn records(&self) -> &R {
        &self.records
    }

    pub(super) fn quotas(&self) -> &Arc<Quotas> {
        &self.quotas
    }

    pub(super) fn kek(&self) -> Option<Arc<dyn Kek>> {
        self.kek.clone()
    }
}

impl<R, O> fmt::Debug for Store<R, O> {
    /// Nothing of what it holds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

/// One account. Whatever is called, no record of another account is read or written; the rows of the
/// [directory](Store::directory) belong to none.
pub struct Account<'a, R, O> {
    pub(super) store: &'a Store<R, O>,
    pub(super) keys: Keys,
}

impl<R, O> Clone for Account<'_, R, O> {
    fn clone(&self) -> Self {
        Self {
            store: self.store,
            keys: self.keys.clone(),
        }
    }
}

impl<R, O> fmt::Debug for Account<'_, R, O> {
    /// Without its name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").finish_non_exhaustive()
    }
}

/// The head of the account as it was loaded, which the commit expects to find.
pub(super) struct Loaded {
    pub(super) head: Head,
    expect: Expect,
}

/// What a change writes: all of it in one commit, with the head and the log.
#[derive(Default)]
pub(super) struct Writes {
    pub(super) puts: Vec<(Key, Vec<u8>)>,
    pub(super) deletes: Vec<Key>,
    /// Rows of the directory, written only if they are still as they were found.
    pub(super) directory: Vec<super::directory::Row>,
    pub(super) notes: Vec<Note>,
    /// How many certificates, and octets of them, there are more.
    pub(super) certificates: i64,
    pub(super) octets: i64,
    /// How many pinned addresses there are more.
    pub(super) peers: u32,
}

/// What becomes of the head; `None` if there would be more than the quotas allow.
pub(super) fn grown(head: Head, certificates: i64, octets: i64, quotas: &Quotas) -> Option<Head> {
    let more = Head {
        certificates: u32::try_from(i64::from(head.certificates) + certificates).ok()?,
        octets: head.octets.checked_add_signed(octets)?,
        ..head
    };
    let fits = more.certificates <= quotas.max_certificates && more.octets <= quotas.max_octets;
    // What only shrinks is never too much.
    (fits || (certificates <= 0 && octets <= 0)).then_some(more)
}

impl<R: Records, O: Offload> Account<'_, R, O> {
    /// Its name.
    #[must_use]
    pub fn id(&self) -> &AccountId {
        self.keys.account()
    }

    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let done = self.store.offload.run(work).await;
        done.ok_or(StoreError::GivenUp)
    }

    /// One change at a time, of those in this process that take long.
    pub(super) async fn turn(&self) -> Turn<'_> {
        self.store.turns.take(self.id()).await
    }

    /// Only with a session of this account.
    pub(super) fn own(&self, session: &Session) -> Result<(), StoreError> {
        match session.account() == self.id() {
            true => Ok(()),
            false => Err(StoreError::OtherAccount),
        }
    }

    /// To be called first: what is loaded after it is as the commit will find it, or the commit will not be.
    pub(super) async fn head(&self, now: SystemTime) -> Result<Loaded, StoreError> {
        let found = self.store.records.get(&self.keys.head()?, now).await?;
        Ok(match found {
            None => Loaded {
                head: Head::default(),
                expect: Expect::Absent,
            },
            Some(found) => Loaded {
                head: Head::from_bytes(found.value()?)?,
                expect: Expect::Version(found.version()),
            },
        })
    }

    pub(super) async fn load(
        &self,
        key: &Key,
        now: SystemTime,
    ) -> Result<Option<Arc<[u8]>>, StoreError> {
        let found = self.store.records.get(key, now).await?;
        Ok(match found {
            None => None,
            Some(found) => Some(Large::load(&self.store.records, &found, now).await?),
        })
    }

    pub(super) async fn row(
        &self,
        of: Fingerprint,
        now: SystemTime,
    ) -> Result<Option<CertRow>, StoreError> {
        let octets = self.load(&self.keys.cert(of)?, now).await?;
        octets
            .map(|octets| CertRow::from_bytes(&octets))
            .transpose()
    }

    /// The keys with this prefix.
    pub(super) async fn scan(
        &self,
        prefix: &Prefix,
        now: SystemTime,
    ) -> Result<Vec<Key>, StoreError> {
        let (mut keys, mut after) = (Vec::new(), None);
        loop {
            let page = self
                .store
                .records
                .scan(prefix, after.as_ref(), MAX_PAGE, now);
            let page = page.await?;
            keys.extend(page.entries.into_iter().map(|(key, _)| key));
            after = page.next;
            if after.is_none() {
                return Ok(keys);
            }
        }
    }

    /// Whether it happened for certain. If not, load again: somebody was faster, or nobody knows, and what is read then
    /// tells.
    pub(super) async fn commit(
        &self,
        loaded: &Loaded,
        writes: Writes,
        now: SystemTime,
    ) -> Result<bool, StoreError> {
        let records = &self.store.records;
        let quotas = &self.store.quotas;
        let head = grown(loaded.head, writes.certificates, writes.octets, quotas);
        let mut head = head.ok_or(StoreError::Full {
            what: "certificates",
        })?;
        head.peers = head.peers.saturating_add(writes.peers);
        if writes.peers > 0 && head.peers > quotas.max_peers {
            return Err(StoreError::Full {
                what: "pinned addresses",
            });
        }
        let mut commit = Commit::new();
        for (key, value) in &writes.puts {
            let value = Large::stage(records, value, now).await?;
            commit = commit.put_large(key, &value, Expect::Anything);
        }
        for key in &writes.deletes {
            commit = commit.delete(key, Expect::Anything);
        }
        for (key, value, expect) in writes.directory {
            commit = match value {
                Some(value) => commit.put(&key, value, expect),
                None => commit.delete(&key, expect),
            };
        }
        for note in &writes.notes {
            let key = self.keys.log(head.next_log)?;
            commit = commit.put(&key, note.to_bytes(now), Expect::Anything);
            if let Some(oldest) = head.next_log.checked_sub(MAX_LOG) {
                commit = commit.delete(&self.keys.log(oldest)?, Expect::Anything);
            }
            head.next_log += 1;
        }
        let commit = commit.put(&self.keys.head()?, head.to_bytes(), loaded.expect);
        Ok(matches!(
            records.commit(commit, now).await?,
            Outcome::Committed(_)
        ))
    }

    /// The certificate with this primary fingerprint.
    ///
    /// # Errors
    ///
    /// [`StoreError::Records`], [`StoreError::Damaged`].
    pub async fn certificate(
        &self,
        of: Fingerprint,
        now: SystemTime,
    ) -> Result<Option<Certificate>, StoreError> {
        let found = self.store.records.get(&self.keys.cert(of)?, now).await?;
        let Some(found) = found else {
            return Ok(None);
        };
        let (cache, version) = (&self.store.cache, found.version());
        if let Some(known) = cache.get(self.id(), of, version) {
            return Ok(Some((*known).clone()));
        }
        let octets = Large::load(&self.store.records, &found, now).await?;
        let (size, quotas) = (octets.len(), Arc::clone(&self.store.quotas));
        let parsed = self.run(move || {
            let row = CertRow::from_bytes(&octets)?;
            row.certificate(&quotas.limits).map(Arc::new)
        });
        let parsed = parsed.await??;
        // What stands at the place of another is not kept: it would be found under its own name.
        if parsed.fingerprint() == of {
            cache.put(self.id(), version, &parsed, size);
        }
        Ok(Some((*parsed).clone()))
    }
}
