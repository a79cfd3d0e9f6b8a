//! The ways into an account: set up, opened, changed.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use record_store::{Commit, Expect, MAX_OPERATIONS, Outcome, Records};

use super::account::{TRIES, Writes};
use super::log::{Event, Note};
use super::{Account, Offload, StoreError};
use crate::Passphrase;
use crate::custody::{Cost, CustodyError, Deadline, Kek, RecoveryKey, Session, Setup, Vault};

const ACCOUNT: &str = "account";

impl<R: Records, O: Offload> Account<'_, R, O> {
    /// Sets up the account, and gives its recovery key once it is stored: show it to the user and keep it nowhere. If the
    /// store has a key-encryption key, the server can open what is in the custody
    /// [`Server`](crate::custody::Custody::Server).
    ///
    /// # Errors
    ///
    /// [`StoreError::Exists`]; [`StoreError::Core`] for the passphrase; [`StoreError::Records`], [`StoreError::Contended`].
    pub async fn create(&self, setup: Setup, now: SystemTime) -> Result<RecoveryKey, StoreError> {
        let (account, kek) = (self.id().clone(), self.store.kek());
        let until = Deadline::after(now, Duration::ZERO)?;
        let made = self.run(move || Vault::create(&account, &setup, kek.as_deref(), until));
        let made = made.await??;
        let octets = made.vault.to_bytes();
        for _ in 0..TRIES {
            let loaded = self.head(now).await?;
            match self.load(&self.keys.vault()?, now).await? {
                // After an attempt of which nobody knew.
                Some(found) if *found == *octets => return Ok(made.recovery),
                Some(_) => return Err(StoreError::Exists { what: ACCOUNT }),
                None => {}
            }
            if self
                .put_vault(&loaded, &made.vault, Event::Created, now)
                .await?
            {
                return Ok(made.recovery);
            }
        }
        Err(StoreError::Contended)
    }

    /// Whether the account was set up, and how.
    ///
    /// # Errors
    ///
    /// [`StoreError::Records`], [`StoreError::Core`] for a vault that cannot be read.
    pub async fn vault(&self, now: SystemTime) -> Result<Option<Vault>, StoreError> {
        let octets = self.load(&self.keys.vault()?, now).await?;
        Ok(octets
            .map(|octets| Vault::from_bytes(&octets))
            .transpose()?)
    }

    /// Opens all of the account, for so long. See [`Vault::unlock`]: failures are to be throttled by the caller.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSuch`], [`StoreError::Core`] with the [`CustodyError`], [`StoreError::Records`].
    pub async fn unlock(
        &self,
        passphrase: &Passphrase,
        lasts: Duration,
        now: SystemTime,
    ) -> Result<Arc<Session>, StoreError> {
        let (vault, account) = (self.existing(now).await?, self.id().clone());
        let (until, passphrase) = (Deadline::after(now, lasts)?, passphrase.clone());
        let session = self.run(move || vault.unlock(&account, &passphrase, until));
        Ok(Arc::new(session.await??))
    }

    /// As [`unlock`](Self::unlock), with the recovery key.
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn unlock_with_recovery(
        &self,
        recovery: &RecoveryKey,
        lasts: Duration,
        now: SystemTime,
    ) -> Result<Arc<Session>, StoreError> {
        let (vault, until) = (self.existing(now).await?, Deadline::after(now, lasts)?);
        Ok(Arc::new(vault.unlock_with_recovery(
            self.id(),
            recovery,
            until,
        )?))
    }

    /// Opens what is in the custody `Server`, and nothing else.
    ///
    /// # Errors
    ///
    /// As [`unlock`](Self::unlock), and [`StoreError::NoKek`].
    pub async fn unlock_by_server(
        &self,
        lasts: Duration,
        now: SystemTime,
    ) -> Result<Arc<Session>, StoreError> {
        let (vault, account) = (self.existing(now).await?, self.id().clone());
        let (until, kek) = (Deadline::after(now, lasts)?, self.kek()?);
        let session = self.run(move || vault.unlock_by_server(&account, &*kek, until));
        Ok(Arc::new(session.await??))
    }

    /// Another passphrase, in one commit that touches no key. Ask for the old one before: whoever has the session may do
    /// this.
    ///
    /// # Errors
    ///
    /// As [`unlock`](Self::unlock), and [`StoreError::Contended`].
    pub async fn change_passphrase(
        &self,
        session: &Arc<Session>,
        passphrase: &Passphrase,
        cost: Cost,
        now: SystemTime,
    ) -> Result<(), StoreError> {
        let (session, passphrase) = (Arc::clone(session), passphrase.clone());
        self.own(&session)?;
        let change = move |vault: &Vault| {
            let changed = vault.with_passphrase(&session, &passphrase, cost, now);
            Ok((changed?, ()))
        };
        self.change_vault(Event::PassphraseChanged, change, now)
            .await
    }

    /// Another recovery key, given once it is stored; the old one opens nothing from then on.
    ///
    /// # Errors
    ///
    /// As [`change_passphrase`](Self::change_passphrase).
    pub async fn change_recovery(
        &self,
        session: &Arc<Session>,
        now: SystemTime,
    ) -> Result<RecoveryKey, StoreError> {
        let session = Arc::clone(session);
        self.own(&session)?;
        let change = move |vault: &Vault| vault.with_new_recovery(&session, now);
        self.change_vault(Event::RecoveryChanged, change, now).await
    }

    /// From now on the server can open what is in the custody `Server`.
    ///
    /// # Errors
    ///
    /// As [`change_passphrase`](Self::change_passphrase), and [`StoreError::NoKek`].
    pub async fn allow_server(
        &self,
        session: &Arc<Session>,
        now: SystemTime,
    ) -> Result<(), StoreError> {
        let (session, kek) = (Arc::clone(session), self.kek()?);
        self.own(&session)?;
        let change = move |vault: &Vault| Ok((vault.with_server(&session, &*kek, now)?, ()));
        self.change_vault(Event::ServerChanged, change, now).await
    }

    /// From now on the server opens nothing by itself; see [`Vault::without_server`].
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSuch`], [`StoreError::Records`], [`StoreError::Contended`].
    pub async fn forbid_server(&self, now: SystemTime) -> Result<(), StoreError> {
        let change = |vault: &Vault| Ok((vault.without_server(), ()));
        self.change_vault(Event::ServerRemoved, change, now).await
    }

    /// Wraps the server's part by its key of today, after that was changed: for each account, before the old key goes.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoKek`], and as [`forbid_server`](Self::forbid_server).
    pub async fn rewrap_server(&self, now: SystemTime) -> Result<(), StoreError> {
        let (kek, account) = (self.kek()?, self.id().clone());
        let change = move |vault: &Vault| {
            let rewrapped = vault.rewrapped(&account, &*kek)?;
            Ok((rewrapped.unwrap_or_else(|| vault.clone()), ()))
        };
        self.change_vault(Event::ServerChanged, change, now).await
    }

    /// Removes all of the account, its log and its revocations, too. The vault goes first, and with it whatever could open the
    /// secrets, and all that is published. After an error it is to be called again, which goes on where it was.
    ///
    /// # Errors
    ///
    /// [`StoreError::Records`]; [`StoreError::Contended`] if others write to the account all the time.
    pub async fn erase(&self, now: SystemTime) -> Result<(), StoreError> {
        let list = self.keys.published()?;
        for _ in 0..TRIES {
            let vault = Commit::new().delete(&self.keys.vault()?, Expect::Anything);
            let withdrawn = self.withdraw_all(vault, now).await?;
            if !matches!(withdrawn, Outcome::Committed(_)) {
                continue;
            }
            let mut all = self.scan(&self.keys.everything()?, now).await?;
            if all.is_empty() {
                return Ok(());
            }
            // Should somebody have published in between, that goes first.
            all.retain(|key| *key != list);
            for some in all.chunks(MAX_OPERATIONS / 2) {
                let commit = some.iter().fold(Commit::new(), |commit, key| {
                    commit.delete(key, Expect::Anything)
                });
                self.erased(commit, now).await?;
            }
        }
        Err(StoreError::Contended)
    }

    /// With the commit, everything goes that the account publishes, or nothing happens.
    async fn withdraw_all(
        &self,
        mut commit: Commit,
        now: SystemTime,
    ) -> Result<Outcome, StoreError> {
        let records = self.store.records();
        let list = self.keys.published()?;
        commit = match records.get(&list, now).await? {
            None => commit.guard(&list, Expect::Absent),
            Some(found) => {
                let rows = match self.published(now).await {
                    Ok(list) => self.taken_back(&list, now).await?,
                    // The rest has to go all the same.
                    Err(StoreError::Damaged { .. }) => Vec::new(),
                    Err(error) => return Err(error),
                };
                let commit = commit.delete(&list, Expect::Version(found.version()));
                rows.iter().fold(commit, |commit, (key, _, expect)| {
                    commit.delete(key, *expect)
                })
            }
        };
        Ok(records.commit(commit, now).await?)
    }

    /// If nobody knows whether it happened, what is found next tells.
    async fn erased(&self, commit: Commit, now: SystemTime) -> Result<(), StoreError> {
        let _ = self.store.records().commit(commit, now).await?;
        Ok(())
    }

    pub(super) fn kek(&self) -> Result<Arc<dyn Kek>, StoreError> {
        self.store.kek().ok_or(StoreError::NoKek)
    }

    async fn existing(&self, now: SystemTime) -> Result<Vault, StoreError> {
        let vault = self.vault(now).await?;
        vault.ok_or(StoreError::NoSuch { what: ACCOUNT })
    }

    async fn change_vault<T: Send + 'static>(
        &self,
        event: Event,
        change: impl Fn(&Vault) -> Result<(Vault, T), CustodyError> + Send + Sync + 'static,
        now: SystemTime,
    ) -> Result<T, StoreError> {
        let change = Arc::new(change);
        for _ in 0..TRIES {
            let loaded = self.head(now).await?;
            let (before, change) = (self.existing(now).await?, Arc::clone(&change));
            let work = move || change(&before).map(|(vault, told)| (vault != before, vault, told));
            let (changed, vault, told) = self.run(work).await??;
            if !changed || self.put_vault(&loaded, &vault, event, now).await? {
                return Ok(told);
            }
        }
        Err(StoreError::Contended)
    }

    async fn put_vault(
        &self,
        loaded: &super::account::Loaded,
        vault: &Vault,
        event: Event,
        now: SystemTime,
    ) -> Result<bool, StoreError> {
        let writes = Writes {
            puts: vec![(self.keys.vault()?, vault.to_bytes())],
            notes: vec![Note::new(event)],
            ..Writes::default()
        };
        self.commit(loaded, writes, now).await
    }
}
