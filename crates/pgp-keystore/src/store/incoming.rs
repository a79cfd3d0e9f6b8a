//! Messages that arrive: who signed, since when that one is known, and the account's own key that opens them.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use record_store::Records;

use super::find::address_of;
use super::keys::Stored;
use super::{Account, Offload, Query, StoreError};
use crate::custody::Session;
use crate::{
    Certificate, Fingerprint, Handle, Opened, Pin, Recipients, Trust, Unlocked, Verification,
    decrypt, issuers, recipients, verify, verify_detached,
};

/// What the account knows of somebody who signed, for the address that the message says it is from.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The certificate that signed.
    pub certificate: Fingerprint,
    /// How it stands to the address.
    pub whose: Whose,
}

/// How a certificate stands to an address. Asking changes nothing: [`Account::meet`] pins, and puts the alarm on record.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// It is the one that is pinned to the address.
    Pinned {
        /// Why.
        trust: Trust,
        /// Since when.
        since: SystemTime,
    },
    /// Another one is pinned to the address: its owner has a new key, or somebody writes in its name.
    Changed {
        /// The one that is pinned.
        pinned: Fingerprint,
        /// Why it is.
        trust: Trust,
        /// Since when.
        since: SystemTime,
    },
    /// Nothing is known of the address but that a valid user ID of the certificate has it, which anybody can make.
    Claimed,
    /// The certificate is somebody else's: it does not even claim the address.
    Stranger,
}

impl Whose {
    fn of(pin: Option<&Pin>, certificate: &Certificate, address: &str, now: SystemTime) -> Self {
        match pin {
            Some(pin) if pin.certificate == certificate.fingerprint() => Self::Pinned {
                trust: pin.trust,
                since: pin.since,
            },
            Some(pin) if pin.trust != Trust::None => Self::Changed {
                pinned: pin.certificate,
                trust: pin.trust,
                since: pin.since,
            },
            _ => match certificate.at(now).addresses().any(|own| own == address) {
                true => Self::Claimed,
                false => Self::Stranger,
            },
        }
    }

    /// Why the certificate is taken for that of the address: [`Trust::None`] if it is not.
    #[must_use]
    pub fn trust(self) -> Trust {
        match self {
            Self::Pinned { trust, .. } => trust,
            _ => Trust::None,
        }
    }

    /// Since when it is.
    #[must_use]
    pub fn since(self) -> Option<SystemTime> {
        match self {
            Self::Pinned { since, .. } => Some(since),
            _ => None,
        }
    }

    /// Whether the user is to be alarmed.
    #[must_use]
    pub fn is_alarm(self) -> bool {
        matches!(self, Self::Changed { .. })
    }

    /// The code, which stays the same from release to release.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Pinned { .. } => "pgp.pinned",
            Self::Changed { .. } => "pgp.changed",
            Self::Claimed => "pgp.claimed",
            Self::Stranger => "pgp.stranger",
        }
    }
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code();
        match self {
            Self::Pinned { trust, .. } => write!(f, "{trust} ({code})"),
            Self::Changed { pinned, .. } => {
                write!(f, "not the certificate of the address, {pinned} ({code})")
            }
            Self::Claimed => write!(f, "seen for the first time ({code})"),
            Self::Stranger => write!(f, "a certificate of somebody else ({code})"),
        }
    }
}

/// What the signatures of a message are worth, and who is behind them.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The signatures.
    pub verification: Verification,
    /// Who made each of them, in the same order: `None` for a signer that is not known, or without an address to compare.
    pub known: Vec<Option<Known>>,
}

/// A message that the account could open.
#[non_exhaustive]
#[derive(Debug)]
pub struct Received {
    /// Its content, and its signatures.
    pub opened: Opened,
    /// Who made each of them, as in [`Signed::known`].
    pub known: Vec<Option<Known>>,
}

impl<R: Records, O: Offload> Account<'_, R, O> {
    /// The certificates of the account that have one of these keys, each once: whose signature it may be, as
    /// [`issuers`] lists them. What they are worth is judged by [`verify`](crate::verify).
    ///
    /// # Errors
    ///
    /// [`StoreError::Records`], [`StoreError::Damaged`].
    pub async fn signers(
        &self,
        issuers: &[Handle],
        now: SystemTime,
    ) -> Result<Vec<Certificate>, StoreError> {
        let mut found = Vec::new();
        for issuer in issuers {
            let query = match *issuer {
                Handle::Fingerprint(of) => Query::Fingerprint(of),
                Handle::KeyId(id) => Query::KeyId(id),
            };
            found.extend(self.find(&query, now).await?);
        }
        found.sort_unstable();
        found.dedup();
        let mut certificates = Vec::new();
        for of in found {
            certificates.extend(self.certificate(of, now).await?);
        }
        Ok(certificates)
    }

    /// What is known of a certificate for an address: whether it is the one that is pinned, why, and since when. Nothing is
    /// changed by asking.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSuch`] if the certificate is not in the store; [`StoreError::Core`] for what is no address;
    /// [`StoreError::Records`], [`StoreError::Damaged`].
    pub async fn who(
        &self,
        certificate: Fingerprint,
        address: &str,
        now: SystemTime,
    ) -> Result<Known, StoreError> {
        let address = address_of(address)?;
        let pin = self.pin(&address, now).await?;
        let found = self.certificate(certificate, now).await?;
        let found = found.ok_or(StoreError::NoSuch {
            what: "certificate",
        })?;
        let whose = self.run(move || Whose::of(pin.as_ref(), &found, &address, now));
        let whose = whose.await?;
        Ok(Known { certificate, whose })
    }

    /// Judges a detached signature, such as PGP/MIME has, with the certificates of the account, and says who made it; `from`
    /// is the address that the message says it is from. What changed is not pinned: see [`meet`](Self::meet).
    ///
    /// # Errors
    ///
    /// [`StoreError::Core`] as [`verify_detached`] says, and for what is no address; [`StoreError::Records`],
    /// [`StoreError::Damaged`].
    pub async fn verify_detached(
        &self,
        content: Vec<u8>,
        signature: Vec<u8>,
        from: Option<&str>,
        now: SystemTime,
    ) -> Result<Signed, StoreError> {
        let quotas = Arc::clone(self.store.quotas());
        let signature: Arc<[u8]> = signature.into();
        let (octets, limits) = (Arc::clone(&signature), quotas.limits.clone());
        let named = self.run(move || issuers(&octets, now, &limits)).await??;
        let by = self.signers(&named, now).await?;
        let verification = self.run(move || {
            let by: Vec<&Certificate> = by.iter().collect();
            verify_detached(&content, &signature, &by, now, &quotas.limits)
        });
        let verification = verification.await??;
        let known = self.known(&verification, from, now).await?;
        Ok(Signed {
            verification,
            known,
        })
    }

    /// As [`verify_detached`](Self::verify_detached), for a message that is signed inline or in clear text, with its content.
    ///
    /// # Errors
    ///
    /// As there, with what [`verify`](crate::verify) says.
    pub async fn verify(
        &self,
        message: Vec<u8>,
        from: Option<&str>,
        now: SystemTime,
    ) -> Result<(Vec<u8>, Signed), StoreError> {
        let quotas = Arc::clone(self.store.quotas());
        let message: Arc<[u8]> = message.into();
        let (octets, limits) = (Arc::clone(&message), quotas.limits.clone());
        let named = self.run(move || issuers(&octets, now, &limits)).await??;
        let by = self.signers(&named, now).await?;
        let verified = self.run(move || {
            let by: Vec<&Certificate> = by.iter().collect();
            verify(&message, &by, now, &quotas.limits)
        });
        let (content, verification) = verified.await??;
        let known = self.known(&verification, from, now).await?;
        let signed = Signed {
            verification,
            known,
        };
        Ok((content, signed))
    }

    /// The keys of the account that may open a message for these recipients, as [`recipients`] lists them:
    /// all keys, if it hides one.
    ///
    /// # Errors
    ///
    /// [`StoreError::Records`], [`StoreError::Damaged`], [`StoreError::Contended`].
    pub async fn openers(
        &self,
        to: &Recipients,
        now: SystemTime,
    ) -> Result<Vec<Fingerprint>, StoreError> {
        let named = self.named(to.clone(), now).await?;
        Ok(named.iter().map(Stored::fingerprint).collect())
    }

    /// Decrypts a message with the keys of the account that it names and that this session opens, judges its signatures with
    /// the certificates of the account, and says who made them; `from` is the address that the message says it is from.
    ///
    /// Who signed is known only after it is decrypted: a signed message is decrypted twice, the second time with the
    /// certificates at hand.
    ///
    /// # Errors
    ///
    /// [`StoreError::Core`] as [`decrypt`] says, and with the
    /// [`CustodyError`](crate::custody::CustodyError) if the session opens none of the keys that fit;
    /// [`StoreError::OtherAccount`]; [`StoreError::Records`], [`StoreError::Damaged`], [`StoreError::Contended`].
    pub async fn decrypt(
        &self,
        session: &Arc<Session>,
        message: Vec<u8>,
        from: Option<&str>,
        now: SystemTime,
    ) -> Result<Received, StoreError> {
        self.own(session)?;
        let quotas = Arc::clone(self.store.quotas());
        let message: Arc<[u8]> = message.into();
        let (octets, limits) = (Arc::clone(&message), quotas.limits.clone());
        let to = self.run(move || recipients(&octets, &limits)).await??;
        let stored = self.named(to, now).await?;
        let (session, octets) = (Arc::clone(session), Arc::clone(&message));
        let limits = quotas.limits.clone();
        let first = self.run(move || {
            let (mut keys, mut closed) = (Vec::new(), None);
            for one in &stored {
                match one.open(&session, &limits, now) {
                    Ok(key) => keys.push(key),
                    Err(error) => closed = closed.or(Some(error)),
                }
            }
            if let (true, Some(closed)) = (keys.is_empty(), closed) {
                return Err(closed);
            }
            let opened = decrypt(
                &octets,
                &keys.iter().collect::<Vec<&Unlocked>>(),
                &[],
                now,
                &limits,
            )?;
            // The others are wiped here.
            keys.retain(|key| key.fingerprint() == opened.by.0);
            Ok((keys, opened))
        });
        let (keys, opened) = first.await??;
        let claimed = opened.verification.signatures.iter();
        let claimed: Vec<Handle> = claimed
            .filter_map(|s| s.claimed.map(Handle::KeyId))
            .collect();
        let by = self.signers(&claimed, now).await?;
        let opened = match by.is_empty() {
            true => opened,
            false => {
                drop(opened);
                let second = self.run(move || {
                    let keys: Vec<&Unlocked> = keys.iter().collect();
                    let by: Vec<&Certificate> = by.iter().collect();
                    decrypt(&message, &keys, &by, now, &quotas.limits)
                });
                second.await??
            }
        };
        let known = self.known(&opened.verification, from, now).await?;
        Ok(Received { opened, known })
    }

    async fn known(
        &self,
        verification: &Verification,
        from: Option<&str>,
        now: SystemTime,
    ) -> Result<Vec<Option<Known>>, StoreError> {
        let mut known = Vec::new();
        for signature in &verification.signatures {
            known.push(match (signature.signer, from) {
                (Some(signer), Some(from)) => match self.who(signer, from, now).await {
                    Ok(one) => Some(one),
                    // Somebody removed it in the meantime.
                    Err(StoreError::NoSuch { .. }) => None,
                    Err(error) => return Err(error),
                },
                _ => None,
            });
        }
        Ok(known)
    }

    /// The account's own keys that may be meant.
    async fn named(&self, to: Recipients, now: SystemTime) -> Result<Vec<Stored>, StoreError> {
        let mut all = Vec::new();
        for own in self.keys(now).await? {
            all.extend(self.stored(own.certificate, now).await?);
        }
        let quotas = Arc::clone(self.store.quotas());
        let named = self.run(move || {
            let mut named = Vec::new();
            for one in all {
                let certificate = one.certificate(&quotas.limits)?;
                if to.may_be(certificate.fingerprints()) {
                    named.push(one);
                }
            }
            Ok::<_, StoreError>(named)
        });
        named.await?
    }
}
