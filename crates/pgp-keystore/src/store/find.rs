//! Certificates by what is known of them, and the defaults.

use std::sync::Arc;
use std::time::SystemTime;

use record_store::Records;

use super::account::{TRIES, Writes};
use super::log::{Event, Note};
use super::rows::{Defaults, MAX_DEFAULTS, Published, component_of, last_fingerprint};
use super::{Account, Offload, StoreError};
use crate::custody::Custody;
use crate::sequoia::normalized;
use crate::{Capability, Certificate, Fingerprint, KeyId, KeyView, Use, supports};

/// What is looked for.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq)]
pub enum Query {
    /// A user ID has this address, in any case, the domain in whatever form. Whether that user ID counts, and whether to
    /// believe it, is another matter.
    Address(String),
    /// The certificate has this fingerprint, or one of its subkeys.
    Fingerprint(Fingerprint),
    /// One of its keys has this ID. There may be several.
    KeyId(KeyId),
}

impl std::fmt::Debug for Query {
    /// Without the address.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address(_) => f.write_str("Address(..)"),
            Self::Fingerprint(of) => f.debug_tuple("Fingerprint").field(of).finish(),
            Self::KeyId(id) => f.debug_tuple("KeyId").field(id).finish(),
        }
    }
}

impl<R: Records, O: Offload> Account<'_, R, O> {
    /// The certificates that fit, in the order of their fingerprints.
    ///
    /// # Errors
    ///
    /// [`StoreError::Records`].
    pub async fn find(
        &self,
        query: &Query,
        now: SystemTime,
    ) -> Result<Vec<Fingerprint>, StoreError> {
        let (prefix, component) = match query {
            Query::Address(address) => {
                let Some(address) = normalized(address) else {
                    return Ok(Vec::new());
                };
                (self.keys.by_address(&address)?, None)
            }
            Query::Fingerprint(of) => (self.keys.by_key_id(of.key_id())?, Some(*of)),
            Query::KeyId(id) => (self.keys.by_key_id(*id)?, None),
        };
        let keys = self.scan(&prefix, now).await?;
        let fits = |key: &record_store::Key| match component {
            None => last_fingerprint(key),
            Some(wanted) => component_of(key)
                .filter(|(c, _)| *c == wanted)
                .map(|(_, of)| of),
        };
        let mut found: Vec<Fingerprint> = keys.iter().filter_map(fits).collect();
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// The certificates that fit.
    ///
    /// # Errors
    ///
    /// [`StoreError::Records`], [`StoreError::Damaged`].
    pub async fn certificates(
        &self,
        query: &Query,
        now: SystemTime,
    ) -> Result<Vec<Certificate>, StoreError> {
        let mut all = Vec::new();
        for of in self.find(query, now).await? {
            all.extend(self.certificate(of, now).await?);
        }
        Ok(all)
    }

    /// All certificates, at most `limit` of them (1 to 1,000), with greater fingerprints than `after`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Records`].
    pub async fn list(
        &self,
        after: Option<Fingerprint>,
        limit: usize,
        now: SystemTime,
    ) -> Result<Vec<Fingerprint>, StoreError> {
        let after = after.map(|of| self.keys.cert(of)).transpose()?;
        let prefix = self.keys.all("cert")?;
        let page = self
            .store
            .records()
            .scan(&prefix, after.as_ref(), limit, now);
        let page = page.await?;
        Ok(page
            .entries
            .iter()
            .filter_map(|(key, _)| last_fingerprint(key))
            .collect())
    }

    /// Removes a certificate, its secrets, and what points to it, in the directory, too. Messages to a key that is removed are lost; the revocation
    /// made at its birth stays. Whether there was one.
    ///
    /// # Errors
    ///
    /// [`StoreError::Records`], [`StoreError::Damaged`], [`StoreError::Contended`].
    pub async fn remove(&self, of: Fingerprint, now: SystemTime) -> Result<bool, StoreError> {
        for _ in 0..TRIES {
            let loaded = self.head(now).await?;
            let Some(row) = self.row(of, now).await? else {
                return Ok(false);
            };
            let quotas = Arc::clone(self.store.quotas());
            let keys = self.keys.clone();
            let octets = super::import::difference(0, row.octets.len());
            let index = self.run(move || {
                let certificate = row.certificate(&quotas.limits)?;
                Ok::<_, StoreError>(keys.index(of, &certificate.found_by())?)
            });
            let mut deletes = index.await??;
            deletes.extend([self.keys.cert(of)?, self.keys.secret(of)?]);
            deletes.push(self.keys.stubs(of)?);
            let mut defaults = self.defaults(now).await?;
            let before = defaults.0.len();
            defaults.0.retain(|(_, _, key)| *key != of);
            let mut puts = Vec::new();
            if defaults.0.len() < before {
                puts.push((self.keys.defaults()?, defaults.to_bytes()));
            }
            let mut list = self.list_published(now).await?;
            let (gone, kept) = list.0.into_iter().partition(|(_, key)| *key == of);
            let gone: Vec<(String, Fingerprint)> = gone;
            list = Published(kept);
            if !gone.is_empty() {
                puts.push((self.keys.published()?, list.to_bytes()));
            }
            let directory = self.taken_back(&gone, now).await?;
            let writes = Writes {
                puts,
                deletes,
                directory,
                notes: vec![Note::of(Event::Removed, of)],
                certificates: -1,
                octets,
                peers: 0,
            };
            if self.commit(&loaded, writes, now).await? {
                return Ok(true);
            }
        }
        Err(StoreError::Contended)
    }

    /// Which of the account's keys is used for a purpose, when the user writes as `address`, or whenever nothing else is said
    /// (`None`). Without a key the choice is taken back. All other keys go on decrypting.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSuch`] if it is no key of the account; [`StoreError::Full`] for more than 256 choices;
    /// [`StoreError::Records`], [`StoreError::Contended`]; [`StoreError::Core`] for what is no address.
    pub async fn set_default(
        &self,
        purpose: Use,
        address: Option<&str>,
        key: Option<Fingerprint>,
        now: SystemTime,
    ) -> Result<(), StoreError> {
        let address = address.map(address_of).transpose()?;
        for _ in 0..TRIES {
            let loaded = self.head(now).await?;
            if let Some(of) = key {
                let row = self.row(of, now).await?;
                let what = "key";
                row.filter(|row| row.secrets > 0)
                    .ok_or(StoreError::NoSuch { what })?;
            }
            let before = self.defaults(now).await?;
            let mut defaults = before.clone();
            defaults.set(purpose, address.clone(), key);
            if defaults == before {
                return Ok(());
            }
            if defaults.0.len() > MAX_DEFAULTS {
                return Err(StoreError::Full { what: "defaults" });
            }
            let mut note = Note::new(Event::DefaultChanged);
            note.certificate = key;
            note.address.clone_from(&address);
            let writes = Writes {
                puts: vec![(self.keys.defaults()?, defaults.to_bytes())],
                notes: vec![note],
                ..Writes::default()
            };
            if self.commit(&loaded, writes, now).await? {
                return Ok(());
            }
        }
        Err(StoreError::Contended)
    }

    /// The key that is used for a purpose: what was chosen for the address, else what was chosen for all, else the newest that
    /// counts. What was chosen and does not count at this time is passed over, and so is a key that could not do it: that has
    /// no secret for this purpose here, but a stub, as GnuPG's `--export-secret-subkeys` leaves it, or that this build refuses
    /// to use. For [`Use::Encrypt`] it is the secret that decrypts.
    ///
    /// # Errors
    ///
    /// [`StoreError::Records`], [`StoreError::Damaged`]; [`StoreError::Core`] for what is no address.
    pub async fn default_key(
        &self,
        purpose: Use,
        address: Option<&str>,
        now: SystemTime,
    ) -> Result<Option<Fingerprint>, StoreError> {
        self.default_of(purpose, address, None, now).await
    }

    /// As [`default_key`](Self::default_key), among the keys in one custody: what the server signs with while the user is
    /// away is in [`Custody::Server`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn default_key_in(
        &self,
        custody: Custody,
        purpose: Use,
        address: Option<&str>,
        now: SystemTime,
    ) -> Result<Option<Fingerprint>, StoreError> {
        self.default_of(purpose, address, Some(custody), now).await
    }

    async fn default_of(
        &self,
        purpose: Use,
        address: Option<&str>,
        custody: Option<Custody>,
        now: SystemTime,
    ) -> Result<Option<Fingerprint>, StoreError> {
        let address = address.map(address_of).transpose()?;
        let defaults = self.defaults(now).await?;
        let chosen = address
            .as_deref()
            .and_then(|at| defaults.get(purpose, Some(at)));
        let general = defaults.get(purpose, None);
        let mut keys = self.with_secrets(now).await?;
        keys.retain(|key| custody.is_none_or(|custody| custody == key.custody));
        let quotas = Arc::clone(self.store.quotas());
        let best = self.run(move || {
            let mut best = None;
            for key in keys {
                let certificate = key.row.certificate(&quotas.limits)?;
                let of = certificate.fingerprint();
                let view = certificate.at(now);
                let usable = |part: &KeyView| {
                    let secret = Capability::Secret(part.algorithm);
                    key.secrets.contains(&part.fingerprint) && supports(secret).is_ok()
                };
                if !view.keys_for(purpose).any(usable) {
                    continue;
                }
                let named = address
                    .as_deref()
                    .is_some_and(|at| view.addresses().any(|a| a == at));
                let is = |wanted: Option<Fingerprint>| wanted == Some(of);
                let rank = (is(chosen), is(general), named, view.created, of);
                best = best.max(Some(rank));
            }
            Ok::<_, StoreError>(best.map(|(.., of)| of))
        });
        best.await?
    }

    async fn defaults(&self, now: SystemTime) -> Result<Defaults, StoreError> {
        let octets = self.load(&self.keys.defaults()?, now).await?;
        let defaults = octets
            .map(|octets| Defaults::from_bytes(&octets))
            .transpose()?;
        Ok(defaults.unwrap_or_default())
    }
}

/// As the index has it.
pub(super) fn address_of(text: &str) -> Result<String, StoreError> {
    let short = |address: &String| address.len() <= super::rows::MAX_ADDRESS;
    let wanted = "an address";
    let malformed = StoreError::Core(crate::Error::Malformed { wanted });
    normalized(text).filter(short).ok_or(malformed)
}
