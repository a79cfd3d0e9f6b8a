//! The account's own keys: made, taken in, used, changed, given out.

use std::sync::Arc;
use std::time::SystemTime;

use record_store::Records;

use super::account::{TRIES, Writes};
use super::import::{difference, put};
use super::log::{Event, Note};
use super::rows::{CertRow, Keys, last_fingerprint, stubs_from_bytes, stubs_to_bytes};
use super::{Account, Offload, Quotas, StoreError};
use crate::custody::{Custody, KeySecrets, SecretPart, Session};
use crate::{
    Certificate, Fingerprint, Form, Generate, Key, Limits, Passphrase, Protection, Revocation,
    Unlocked,
};

const KEY: &str = "key";
const SECRETS: &str = "the secrets of a key";

/// A key of the account.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Own {
    /// Which.
    pub certificate: Fingerprint,
    /// Who can open its secrets.
    pub custody: Custody,
}

/// A certificate and its secrets as they are stored.
pub(super) struct Stored {
    of: Fingerprint,
    row: CertRow,
    secrets: Option<KeySecrets>,
}

/// A key of the account, without opening it.
pub(super) struct Usable {
    pub(super) row: CertRow,
    pub(super) custody: Custody,
    /// The components whose secret is here.
    pub(super) secrets: Vec<Fingerprint>,
}

impl Stored {
    pub(super) fn fingerprint(&self) -> Fingerprint {
        self.of
    }

    pub(super) fn certificate(&self, limits: &Limits) -> Result<Certificate, StoreError> {
        self.row.certificate(limits)
    }

    fn custody(&self) -> Result<Custody, StoreError> {
        let secrets = self.secrets.as_ref();
        let custody = secrets.map(KeySecrets::custody);
        custody.ok_or(StoreError::NoSuch { what: KEY })
    }

    /// The key, with its secrets; without any, if there are none.
    pub(super) fn open(
        &self,
        session: &Session,
        limits: &Limits,
        now: SystemTime,
    ) -> Result<Unlocked, StoreError> {
        let certificate = self.certificate(limits)?;
        let key = match &self.secrets {
            None => Unlocked::from_parts(&certificate, &[])?,
            Some(secrets) => certificate.unseal(secrets, session, self.row.secrets, now)?,
        };
        Ok(key.with_limits(limits.clone()))
    }
}

impl<R: Records, O: Offload> Account<'_, R, O> {
    /// A new key, stored with the revocation that is made at its birth. Its secrets are in this custody.
    ///
    /// # Errors
    ///
    /// [`StoreError::Core`] for what [`Generate::create`] says, and if the session is over; [`StoreError::Full`];
    /// [`StoreError::OtherAccount`]; [`StoreError::Records`], [`StoreError::Contended`].
    pub async fn generate(
        &self,
        session: &Arc<Session>,
        new: Generate,
        custody: Custody,
        now: SystemTime,
    ) -> Result<Fingerprint, StoreError> {
        let made = self.run(move || {
            let made = new.create()?;
            let revocation = made.revocation.export(Form::Binary)?;
            Ok::<_, StoreError>((made.key, revocation))
        });
        let (key, revocation) = made.await??;
        let change = Change {
            key: Arc::new(key),
            custody: Some(custody),
            event: Event::Generated,
            revocation: Some(revocation),
        };
        let _turn = self.turn().await;
        self.store_key(session, change, now).await
    }

    /// Takes in a key with its secrets, as [`Key::parse`] reads it: as GnuPG exports it, say. A `passphrase` opens it; from
    /// then on the account does, in this custody. What is known of the key already is merged, secrets included, and a key that
    /// is here keeps its custody.
    ///
    /// # Errors
    ///
    /// [`StoreError::Core`] for what [`Key::parse`] and [`Key::unlock`] say, and if there are only stubs; else as
    /// [`generate`](Self::generate).
    pub async fn import_key(
        &self,
        session: &Arc<Session>,
        octets: Vec<u8>,
        passphrase: Option<&Passphrase>,
        custody: Custody,
        now: SystemTime,
    ) -> Result<Fingerprint, StoreError> {
        let passphrase = passphrase.cloned();
        let key = self.run(move || {
            let octets = zeroize::Zeroizing::new(octets);
            let key = Key::parse(&octets)?;
            match passphrase {
                Some(passphrase) => key.unlock(&passphrase),
                None => key.unlock_unprotected(),
            }
        });
        let key = key.await??;
        if !key.has_secret() {
            let operation = "importing a key";
            return Err(crate::Error::NoSecret { operation }.into());
        }
        let change = Change {
            key: Arc::new(key),
            custody: Some(custody),
            event: Event::SecretsImported,
            revocation: None,
        };
        let _turn = self.turn().await;
        self.store_key(session, change, now).await
    }

    /// Changes a key: `edit` is run once, on the key as it is stored, and what it did is merged with what others did in the
    /// meantime. What it gives is returned once that is committed; an error changes nothing.
    ///
    /// Changes of the keys of one account wait for each other within one [`Store`](super::Store), so that none does its work in
    /// vain: do not call the account in `edit`, and poll or drop the future of a change that has begun.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSuch`]; [`StoreError::Core`] with what `edit` says, or if the session is over or cannot open this key;
    /// else as [`generate`](Self::generate).
    pub async fn edit<T: Send + 'static>(
        &self,
        session: &Arc<Session>,
        of: Fingerprint,
        edit: impl FnOnce(&mut Unlocked) -> Result<T, crate::Error> + Send + 'static,
        now: SystemTime,
    ) -> Result<T, StoreError> {
        self.own(session)?;
        let _turn = self.turn().await;
        let loaded = self.head(now).await?;
        let stored = self.key_row(of, now).await?;
        let (opener, quotas) = (Arc::clone(session), Arc::clone(self.store.quotas()));
        let keys = self.keys.clone();
        let edited = self.run(move || {
            let mut key = stored.open(&opener, &quotas.limits, now)?;
            let before = key.parts()?;
            let told = edit(&mut key)?;
            let same = key.certificate().keep()?.octets == stored.row.octets;
            let writes = match same && same_parts(&before, &key.parts()?) {
                true => None,
                false => {
                    let note = Note::of(Event::Edited, of);
                    let custody = stored.custody()?;
                    let writes = sealed(&key, &stored, custody, note, &opener, &keys, now)?;
                    Some(writes)
                }
            };
            Ok::<_, StoreError>((key, told, writes))
        });
        let (key, told, writes) = edited.await??;
        let Some(writes) = writes else {
            return Ok(told);
        };
        // Nobody was faster, so there is nothing to merge.
        if self.commit(&loaded, writes, now).await? {
            return Ok(told);
        }
        let change = Change {
            key: Arc::new(key),
            custody: None,
            event: Event::Edited,
            revocation: None,
        };
        self.store_key(session, change, now).await?;
        Ok(told)
    }

    /// Does something with keys (the functions of the core that sign and decrypt take them), where [`Offload`] runs it. They
    /// are wiped when it returns.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSuch`] if one of them is no key of the account; [`StoreError::Core`] if the session is over, or cannot
    /// open one of them; [`StoreError::OtherAccount`], [`StoreError::Records`], [`StoreError::Damaged`].
    pub async fn with_keys<T: Send + 'static>(
        &self,
        session: &Arc<Session>,
        of: &[Fingerprint],
        work: impl FnOnce(&[&Unlocked]) -> T + Send + 'static,
        now: SystemTime,
    ) -> Result<T, StoreError> {
        self.own(session)?;
        let mut stored = Vec::new();
        for of in of {
            stored.push(self.key_row(*of, now).await?);
        }
        let (session, quotas) = (Arc::clone(session), Arc::clone(self.store.quotas()));
        let done = self.run(move || {
            let keys = stored
                .iter()
                .map(|one| one.open(&session, &quotas.limits, now));
            let keys = keys.collect::<Result<Vec<Unlocked>, StoreError>>()?;
            Ok(work(&keys.iter().collect::<Vec<_>>()))
        });
        done.await?
    }

    /// The account's own keys.
    ///
    /// # Errors
    ///
    /// [`StoreError::Records`], [`StoreError::Core`] for secrets that cannot be read.
    pub async fn keys(&self, now: SystemTime) -> Result<Vec<Own>, StoreError> {
        let mut keys = Vec::new();
        for key in self.scan(&self.keys.all("secret")?, now).await? {
            let Some(certificate) = last_fingerprint(&key) else {
                return Err(StoreError::Damaged { what: SECRETS });
            };
            // Somebody may have removed it since.
            if let Some(secrets) = self.secrets(certificate, now).await? {
                let custody = secrets.custody();
                keys.push(Own {
                    certificate,
                    custody,
                });
            }
        }
        Ok(keys)
    }

    /// Puts the secrets of a key into another custody: wrapped anew, in one commit. The server may have kept what it could open
    /// before.
    ///
    /// # Errors
    ///
    /// As [`edit`](Self::edit).
    pub async fn set_custody(
        &self,
        session: &Arc<Session>,
        of: Fingerprint,
        custody: Custody,
        now: SystemTime,
    ) -> Result<(), StoreError> {
        self.own(session)?;
        let _turn = self.turn().await;
        for _ in 0..TRIES {
            let loaded = self.head(now).await?;
            let stored = self.key_row(of, now).await?;
            if stored
                .secrets
                .as_ref()
                .is_some_and(|s| s.custody() == custody)
            {
                return Ok(());
            }
            let (session, keys) = (Arc::clone(session), self.keys.clone());
            let quotas = Arc::clone(self.store.quotas());
            let writes = self.run(move || {
                let key = stored.open(&session, &quotas.limits, now)?;
                let note = Note::of(Event::CustodyChanged, of);
                sealed(&key, &stored, custody, note, &session, &keys, now)
            });
            let writes = writes.await??;
            if self.commit(&loaded, writes, now).await? {
                return Ok(());
            }
        }
        Err(StoreError::Contended)
    }

    /// A key with its secrets, as it leaves. That it left is in the log before it does.
    ///
    /// # Errors
    ///
    /// As [`with_keys`](Self::with_keys), and [`StoreError::Contended`].
    pub async fn export_key(
        &self,
        session: &Arc<Session>,
        of: Fingerprint,
        protection: Protection,
        form: Form,
        now: SystemTime,
    ) -> Result<zeroize::Zeroizing<Vec<u8>>, StoreError> {
        let export = move |keys: &[&Unlocked]| {
            let key = keys.first().ok_or(crate::Error::NoSuch { what: KEY })?;
            key.lock(&protection)?.export(form)
        };
        let octets = zeroize::Zeroizing::new(self.with_keys(session, &[of], export, now).await??);
        for _ in 0..TRIES {
            let loaded = self.head(now).await?;
            let writes = Writes {
                notes: vec![Note::of(Event::SecretsExported, of)],
                ..Writes::default()
            };
            if self.commit(&loaded, writes, now).await? {
                return Ok(octets);
            }
        }
        Err(StoreError::Contended)
    }

    /// The revocation that was made when a key was generated here: to be applied by
    /// [`Certificate::revoke_with`], and that imported, when the key is lost.
    ///
    /// # Errors
    ///
    /// [`StoreError::Records`], [`StoreError::Damaged`].
    pub async fn revocation(
        &self,
        of: Fingerprint,
        now: SystemTime,
    ) -> Result<Option<Revocation>, StoreError> {
        let octets = self.load(&self.keys.revocation(of)?, now).await?;
        let revocation = octets.map(|octets| Revocation::parse(&octets)).transpose();
        let what = "a revocation";
        revocation.map_err(|_| StoreError::Damaged { what })
    }

    async fn secrets(
        &self,
        of: Fingerprint,
        now: SystemTime,
    ) -> Result<Option<KeySecrets>, StoreError> {
        let octets = self.load(&self.keys.secret(of)?, now).await?;
        Ok(octets
            .map(|octets| KeySecrets::from_bytes(&octets))
            .transpose()?)
    }

    /// The account's own keys, each with the components whose secret is here.
    pub(super) async fn with_secrets(&self, now: SystemTime) -> Result<Vec<Usable>, StoreError> {
        let mut all = Vec::new();
        for own in self.keys(now).await? {
            let Some(stored) = self.stored(own.certificate, now).await? else {
                continue;
            };
            let Some(secrets) = &stored.secrets else {
                continue;
            };
            let stubs = self.load(&self.keys.stubs(stored.of)?, now).await?;
            let stubs = stubs.map_or(Ok(Vec::new()), |octets| stubs_from_bytes(&octets))?;
            let here = secrets.keys().filter(|key| !stubs.contains(key));
            all.push(Usable {
                secrets: here.collect(),
                custody: secrets.custody(),
                row: stored.row,
            });
        }
        Ok(all)
    }

    /// A certificate with what secrets it has. The two are read one after the other: if they do not belong together, somebody
    /// changed them in between.
    pub(super) async fn stored(
        &self,
        of: Fingerprint,
        now: SystemTime,
    ) -> Result<Option<Stored>, StoreError> {
        for _ in 0..TRIES {
            let Some(row) = self.row(of, now).await? else {
                return Ok(None);
            };
            let secrets = match row.secrets {
                0 => None,
                _ => self.secrets(of, now).await?,
            };
            if row.secrets == secrets.as_ref().map_or(0, KeySecrets::version) {
                return Ok(Some(Stored { of, row, secrets }));
            }
            if self.row(of, now).await?.as_ref() == Some(&row) {
                return Err(StoreError::Damaged { what: SECRETS });
            }
        }
        Err(StoreError::Contended)
    }

    async fn key_row(&self, of: Fingerprint, now: SystemTime) -> Result<Stored, StoreError> {
        let stored = self.stored(of, now).await?;
        let key = stored.filter(|stored| stored.secrets.is_some());
        key.ok_or(StoreError::NoSuch { what: KEY })
    }

    /// Merges a key with what is stored, and commits.
    async fn store_key(
        &self,
        session: &Arc<Session>,
        change: Change,
        now: SystemTime,
    ) -> Result<Fingerprint, StoreError> {
        self.own(session)?;
        let of = change.key.fingerprint();
        let change = Arc::new(change);
        for _ in 0..TRIES {
            let loaded = self.head(now).await?;
            let stored = self.stored(of, now).await?;
            let is_new = stored
                .as_ref()
                .is_none_or(|stored| stored.secrets.is_none());
            if is_new {
                // A key that was removed in the meantime is not brought back by a change of it.
                if change.custody.is_none() {
                    return Err(StoreError::NoSuch { what: KEY });
                }
                let own = self.scan(&self.keys.all("secret")?, now).await?.len();
                if own >= self.store.quotas().max_keys {
                    return Err(StoreError::Full { what: "keys" });
                }
            }
            let (change, session) = (Arc::clone(&change), Arc::clone(session));
            let (keys, quotas) = (self.keys.clone(), Arc::clone(self.store.quotas()));
            let work = move || written(&change, stored, &session, &keys, &quotas, now);
            let Some(writes) = self.run(work).await?? else {
                return Ok(of);
            };
            if self.commit(&loaded, writes, now).await? {
                return Ok(of);
            }
        }
        Err(StoreError::Contended)
    }
}

/// A key as it shall be stored.
struct Change {
    key: Arc<Unlocked>,
    /// For a key that is not there yet; without it, the key must be.
    custody: Option<Custody>,
    event: Event,
    revocation: Option<Vec<u8>>,
}

/// The pure core: nothing to write, or what.
fn written(
    change: &Change,
    stored: Option<Stored>,
    session: &Session,
    keys: &Keys,
    quotas: &Quotas,
    now: SystemTime,
) -> Result<Option<Writes>, StoreError> {
    let stored = stored.unwrap_or_else(|| Stored {
        of: change.key.fingerprint(),
        row: CertRow {
            secrets: 0,
            octets: Vec::new(),
        },
        secrets: None,
    });
    let is_there = !stored.row.octets.is_empty();
    let merged = match is_there {
        false => None,
        true => {
            let known = stored.open(session, &quotas.limits, now)?;
            let both = known.merge(&change.key)?;
            if same(&known, &both)? {
                return Ok(None);
            }
            Some(both)
        }
    };
    let key = merged.as_ref().unwrap_or(&change.key);
    let custody = match (&stored.secrets, change.custody) {
        (Some(secrets), _) => secrets.custody(),
        (None, Some(custody)) => custody,
        (None, None) => return Err(StoreError::NoSuch { what: KEY }),
    };
    let note = Note::of(change.event, key.fingerprint());
    let mut writes = sealed(key, &stored, custody, note, session, keys, now)?;
    if let Some(revocation) = &change.revocation {
        let at = keys.revocation(key.fingerprint())?;
        writes.puts.push((at, revocation.clone()));
    }
    Ok(Some(writes))
}

/// A key in the place of what is stored: its certificate, its index, its secrets with the next version.
fn sealed(
    key: &Unlocked,
    stored: &Stored,
    custody: Custody,
    note: Note,
    session: &Session,
    keys: &Keys,
    now: SystemTime,
) -> Result<Writes, StoreError> {
    let before = &stored.row;
    let version = before.secrets.checked_add(1);
    let version = version.ok_or(StoreError::Damaged { what: SECRETS })?;
    let (of, kept) = (key.fingerprint(), key.certificate().keep()?);
    let row = CertRow {
        secrets: version,
        octets: kept.octets,
    };
    let secrets = key.seal(session, custody, version, now)?;
    let mut writes = Writes {
        notes: vec![note],
        certificates: i64::from(before.octets.is_empty()),
        octets: difference(row.octets.len(), before.octets.len()),
        ..Writes::default()
    };
    let index = keys.index(of, &kept.found_by)?;
    put(&mut writes, keys.cert(of)?, &index, &row);
    writes.puts.push((keys.secret(of)?, secrets.to_bytes()));
    // What has no secret is no default; and to see that, nobody unlocks the secrets.
    let (at, stubs) = (keys.stubs(of)?, key.stubs());
    match stubs.is_empty() {
        true => writes.deletes.push(at),
        false => writes.puts.push((at, stubs_to_bytes(&stubs))),
    }
    Ok(writes)
}

/// Whether both hold the same, secrets included.
fn same(one: &Unlocked, other: &Unlocked) -> Result<bool, StoreError> {
    let public = |key: &Unlocked| key.certificate().keep().map(|kept| kept.octets);
    if public(one)? != public(other)? {
        return Ok(false);
    }
    Ok(same_parts(&one.parts()?, &other.parts()?))
}

fn same_parts(one: &[SecretPart], other: &[SecretPart]) -> bool {
    let equal = |(a, b): (&SecretPart, &SecretPart)| a.key() == b.key() && a.octets() == b.octets();
    one.len() == other.len() && one.iter().zip(other).all(equal)
}
