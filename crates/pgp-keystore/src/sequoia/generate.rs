//! New keys: a primary key that only certifies, a subkey to sign and one to encrypt.

use std::time::SystemTime;

use super::openpgp;
use openpgp::Profile as Version;
use openpgp::cert::CertBuilder;
use openpgp::types::{Features, KeyFlags, ReasonForRevocation};

use super::capability::suite;
use super::{
    Revocation, Unlocked, after, fingerprint_of, refused, supports, validity, whole_seconds,
};
use crate::{Capability, Error, Limits, Profile};

/// What is to be generated.
#[must_use = "nothing is generated before `create`"]
#[derive(Clone)]
pub struct Generate {
    profile: Profile,
    user_ids: Vec<String>,
    expires: Option<SystemTime>,
    now: SystemTime,
}

/// A new key, and what revokes it should its secret be lost.
#[non_exhaustive]
#[derive(Debug)]
pub struct Generated {
    /// The key.
    pub key: Unlocked,
    /// Revokes it for ever. Made now, as later the secret or its passphrase may be lost; keep it where the key is not.
    pub revocation: Revocation,
}

impl Generate {
    /// A key of this profile, made now. It is dated a minute back, so that others whose clocks are late accept it, too.
    pub fn new(profile: Profile, now: SystemTime) -> Self {
        Self {
            profile,
            user_ids: Vec::new(),
            expires: None,
            now,
        }
    }

    /// Adds a user ID, such as `Ann <ann@example.org>`. The first is the primary one.
    pub fn user_id(mut self, text: impl Into<String>) -> Self {
        self.user_ids.push(text.into());
        self
    }

    /// When all of it ends. By default never.
    pub fn expires(mut self, at: SystemTime) -> Self {
        self.expires = Some(at);
        self
    }

    /// Generates it.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] if this build has not the algorithms of the profile, [`Error::Time`], [`Error::Limit`] for
    /// user IDs, and [`Error::Refused`] if the operating system has no randomness.
    pub fn create(self) -> Result<Generated, Error> {
        supports(Capability::Generate(self.profile))?;
        let limits = Limits::default();
        super::user_ids::within(&self.user_ids, &limits)?;
        let created = whole_seconds(after(None, self.now))?;
        let doing = "generating a key";
        let (version, features) = match self.profile {
            // What GnuPG 2.2 reads.
            Profile::Compat => (Version::RFC4880, Features::empty().set_seipdv1()),
            Profile::Modern | Profile::PostQuantum => (Version::RFC9580, Features::sequoia()),
        };
        let encrypt = KeyFlags::empty()
            .set_transport_encryption()
            .set_storage_encryption();
        let mut builder = CertBuilder::new()
            .set_profile(version)
            .and_then(|builder| builder.set_features(features))
            .map_err(refused(doing))?
            .set_cipher_suite(suite(self.profile))
            .set_creation_time(created)
            .set_validity_period(validity(created, self.expires)?)
            .add_signing_subkey()
            .add_subkey(encrypt, None, None);
        for user_id in self.user_ids {
            builder = builder.add_userid(user_id);
        }
        let (cert, _unspecified) = builder.generate().map_err(refused(doing))?;
        let key = Unlocked::new(cert);
        // The library's own certificate gives no reason, and says so in words.
        let signature = key.revocation_signature(
            ReasonForRevocation::KeyCompromised,
            "made when the key was generated, in case that it is lost",
            created,
        )?;
        let fingerprint = fingerprint_of(key.cert.primary_key().key());
        let revocation = Revocation::new(fingerprint, signature);
        Ok(Generated { key, revocation })
    }
}

impl std::fmt::Debug for Generate {
    /// Without user IDs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Generate")
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}
