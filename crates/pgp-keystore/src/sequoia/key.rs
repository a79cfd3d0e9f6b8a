//! Keys with their secrets: locked as they are kept, and unlocked as they are used.

use std::fmt;
use std::time::SystemTime;

use super::openpgp;
use openpgp::Cert;
use openpgp::cert::prelude::*;
use openpgp::crypto::{KeyPair, Password, S2K};
use openpgp::packet::Key as KeyPacket;
use openpgp::packet::Packet;
use openpgp::packet::key::{KeyParts, KeyRole, SecretKeyMaterial, SecretParts};
use openpgp::types::{AEADAlgorithm, SymmetricAlgorithm};

use super::guard;
use super::import::{self, One};
use super::stored::Sizes;
use super::{
    Certificate, algorithm_of, certificate, export, fingerprint_of, refused, supports, views,
};
use crate::{
    Capability, CertificateView, Error, Fingerprint, Form, Limits, Passphrase, Protection, Secret,
};

/// Most octets that an iterated S2K may hash, for each component; the format's own maximum is 65,011,712.
const MAX_ITERATED: u32 = 65_011_712;
/// Most memory of an Argon2 S2K, as an exponent of two in KiB: 256 MiB.
const MAX_ARGON2_MEMORY: u8 = 18;
/// Most passes of an Argon2 S2K.
const MAX_ARGON2_PASSES: u8 = 10;

/// A certificate with secret keys, as protected as it was when it came.
#[derive(Clone)]
pub struct Key {
    pub(super) cert: Cert,
}

impl Key {
    /// Reads exactly one, armored or binary, with [`Limits::default`].
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if it is none, or several; [`Error::NoSecret`] if it is a certificate; [`Error::Limit`].
    pub fn parse(octets: &[u8]) -> Result<Self, Error> {
        match import::import(octets, &Limits::default())?.one() {
            One::Key(key) => Ok(key),
            One::Certificate(_) => Err(Error::NoSecret { operation: "a key" }),
            One::Refused(error) => Err(error),
            One::NoneOrSeveral => Err(Error::Malformed { wanted: "one key" }),
        }
    }

    /// Of its primary key.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        fingerprint_of(self.cert.primary_key().key())
    }

    /// The public part.
    #[must_use]
    pub fn certificate(&self) -> Certificate {
        Certificate::of(&self.cert)
    }

    /// What it is at a time; each [`KeyView::secret`](crate::KeyView::secret) says where its secret is.
    #[must_use]
    pub fn at(&self, now: SystemTime) -> CertificateView {
        views::certificate(&self.cert, now)
    }

    /// Unlocks all secrets that are here; stubs stay what they are.
    ///
    /// This takes as long as the protection wants it to: with GnuPG's a few hundredths of a second for each component, with
    /// Argon2 more. Run it where it blocks nobody.
    ///
    /// # Errors
    ///
    /// [`Error::WrongPassphrase`] if one of them stays locked; [`Error::NoSecret`] if there is none at all;
    /// [`Error::Limit`] if the protection wants more memory or time than a server gives.
    pub fn unlock(&self, passphrase: &Passphrase) -> Result<Unlocked, Error> {
        self.unlocked(Some(&Password::from(passphrase.octets())))
    }

    /// Takes secrets that no passphrase protects.
    ///
    /// # Errors
    ///
    /// [`Error::WrongPassphrase`] if one of them is protected; [`Error::NoSecret`] if there is none.
    pub fn unlock_unprotected(&self) -> Result<Unlocked, Error> {
        self.unlocked(None)
    }

    fn unlocked(&self, password: Option<&Password>) -> Result<Unlocked, Error> {
        let mut any = false;
        let cert = each_secret(&self.cert, &mut |secret| {
            let Secrets {
                material,
                state,
                key,
            } = secret;
            match (state, password) {
                (Secret::Unprotected, _) => {
                    any = true;
                    Ok(None)
                }
                (Secret::Protected(_), None) => Err(Error::WrongPassphrase),
                (Secret::Protected(_), Some(password)) => {
                    any = true;
                    bounded(material)?;
                    let decrypt = || Ok(key.decrypt(material, password));
                    let decrypted = guard::doing("unlocking a key", decrypt)?;
                    decrypted.map(Some).ok_or(Error::WrongPassphrase)
                }
                _ => Ok(None),
            }
        })?;
        match any {
            true => Ok(Unlocked::new(cert)),
            false => Err(Error::NoSecret {
                operation: "unlocking",
            }),
        }
    }

    /// Protects all secrets anew.
    ///
    /// # Errors
    ///
    /// As [`unlock`](Self::unlock) and [`Unlocked::lock`].
    pub fn change_passphrase(&self, old: &Passphrase, new: &Protection) -> Result<Self, Error> {
        self.unlock(old)?.lock(new)
    }

    /// All of it, secrets as protected as they are.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`], if the library cannot write it.
    pub fn export(&self, form: Form) -> Result<Vec<u8>, Error> {
        guard::doing("writing a key", || export::secret(&self.cert, form))
    }

    /// Takes in what a certificate of the same key knows, as [`Certificate::merge`]; secrets stay.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn merge(&self, other: &Certificate) -> Result<Self, Error> {
        let cert = certificate::merge(self.cert.clone(), other.cert.clone())?;
        import::check(&Sizes::of(&cert), &Limits::default())?;
        Ok(Self { cert })
    }

    /// Takes in another export of the same key, secrets included: of each component what is more. Between a secret and a
    /// stub the secret, between unprotected and protected the unprotected; between two protected ones the choice is
    /// arbitrary, but the same in whatever order they are merged.
    ///
    /// # Errors
    ///
    /// As [`merge`](Self::merge).
    pub fn merge_key(&self, other: &Self) -> Result<Self, Error> {
        self.merge_key_with(other, &Limits::default())
    }

    pub(super) fn merge_key_with(&self, other: &Self, limits: &Limits) -> Result<Self, Error> {
        let public = certificate::merge(self.cert.clone(), other.cert.clone())?;
        let public = certificate::merge(public, self.cert.clone())?;
        let mut packets = Vec::new();
        for component in public.keys() {
            let fingerprint = component.key().fingerprint();
            let of = |cert: &Cert| {
                let found = cert.keys().find(|k| k.key().fingerprint() == fingerprint);
                let key = found.map(|k| k.key().clone());
                key.filter(|k| k.has_secret())
            };
            let rank = |key: &KeyPacket<openpgp::packet::key::PublicParts, _>| {
                let state = match views::secret(key) {
                    Secret::Unprotected => 3,
                    Secret::Protected(_) => 2,
                    Secret::Card => 1,
                    _ => 0,
                };
                (state, export::material(key))
            };
            let best = [of(&self.cert), of(&other.cert)].into_iter().flatten();
            let Some(best) = best.max_by_key(rank) else {
                continue;
            };
            let Ok(best) = best.parts_into_secret() else {
                continue;
            };
            packets.push(match component.primary() {
                true => Packet::SecretKey(best.role_into_primary()),
                false => Packet::SecretSubkey(best.role_into_subordinate()),
            });
        }
        let doing = "merging keys";
        let merged = || public.insert_packets(packets).map_err(refused(doing));
        let cert = guard::doing(doing, merged)?.0;
        import::check(&Sizes::of(&cert), limits)?;
        Ok(Self { cert })
    }
}

impl fmt::Debug for Key {
    /// Only the fingerprint.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&self.fingerprint()).finish()
    }
}

/// A key whose secrets are at hand. They are held encrypted in memory until an operation needs them, and wiped when this is
/// dropped.
///
/// Its changes are made here, in memory; [`lock`](Self::lock) and keep the result.
pub struct Unlocked {
    pub(super) cert: Cert,
    /// What it may grow to.
    pub(super) limits: Limits,
}

impl Unlocked {
    pub(super) fn new(cert: Cert) -> Self {
        let limits = Limits::default();
        Self { cert, limits }
    }

    /// With other limits than [`Limits::default`] for what changes make of it.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Of its primary key.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        fingerprint_of(self.cert.primary_key().key())
    }

    /// The public part.
    #[must_use]
    pub fn certificate(&self) -> Certificate {
        Certificate::of(&self.cert)
    }

    /// What it is at a time.
    #[must_use]
    pub fn at(&self, now: SystemTime) -> CertificateView {
        views::certificate(&self.cert, now)
    }

    /// Protects all secrets.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] if this build has no authenticated mode for Argon2; [`Error::Refused`] if the operating
    /// system has no randomness.
    pub fn lock(&self, protection: &Protection) -> Result<Key, Error> {
        let (password, argon2) = match protection {
            Protection::None => {
                return Ok(Key {
                    cert: self.cert.clone(),
                });
            }
            Protection::Argon2(passphrase) => (Password::from(passphrase.octets()), true),
            Protection::GnuPg(passphrase) => (Password::from(passphrase.octets()), false),
        };
        let cert = each_secret(&self.cert, &mut |secret| {
            let Secrets {
                material,
                state,
                key,
            } = secret;
            match (state, material) {
                (Secret::Unprotected, SecretKeyMaterial::Unencrypted(plain)) => {
                    let (s2k, aead) = match argon2 {
                        true => (argon2_s2k()?, Some(aead()?)),
                        false => (S2K::default(), None),
                    };
                    let symmetric = SymmetricAlgorithm::AES256;
                    key.encrypt(plain, s2k, symmetric, aead, &password)
                        .map(Some)
                }
                _ => Ok(None),
            }
        })?;
        Ok(Key { cert })
    }

    /// What signs for the primary key.
    pub(super) fn primary_signer(&self, operation: &'static str) -> Result<KeyPair, Error> {
        keypair(self.cert.primary_key().key(), operation)
    }

    pub(super) fn insert(&mut self, packets: Vec<Packet>) -> Result<(), Error> {
        let doing = "changing the certificate";
        let grown = || {
            let grown = self.cert.clone().insert_packets(packets);
            grown.map_err(refused(doing))
        };
        let cert = guard::doing(doing, grown)?.0;
        import::check(&Sizes::of(&cert), &self.limits)?;
        self.cert = cert;
        Ok(())
    }
}

impl fmt::Debug for Unlocked {
    /// Only the fingerprint.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Unlocked")
            .field(&self.fingerprint())
            .finish()
    }
}

/// The only way to a secret operation: refuses what this build must not do with secrets.
pub(super) fn keypair<P: KeyParts, R: KeyRole>(
    key: &KeyPacket<P, R>,
    operation: &'static str,
) -> Result<KeyPair, Error> {
    let none = Error::NoSecret { operation };
    if !key.has_unencrypted_secret() {
        return Err(none);
    }
    supports(Capability::Secret(algorithm_of(key)))?;
    let secret = key.clone().parts_into_secret().map_err(|_| none)?;
    secret.into_keypair().map_err(refused(operation))
}

/// One component with a secret key packet.
struct Secrets<'a> {
    material: &'a SecretKeyMaterial,
    state: Secret,
    key: Component<'a>,
}

/// Its key with the role, which the authenticated modes bind.
enum Component<'a> {
    Primary(&'a KeyPacket<SecretParts, openpgp::packet::key::PrimaryRole>),
    Subkey(&'a KeyPacket<SecretParts, openpgp::packet::key::SubordinateRole>),
}

impl Component<'_> {
    fn decrypt(
        &self,
        material: &SecretKeyMaterial,
        password: &Password,
    ) -> Option<SecretKeyMaterial> {
        let material = material.clone();
        let decrypted = match self {
            Self::Primary(key) => material.decrypt(key, password),
            Self::Subkey(key) => material.decrypt(key, password),
        };
        decrypted.ok()
    }

    fn encrypt(
        &self,
        plain: &openpgp::packet::key::Unencrypted,
        s2k: S2K,
        symmetric: SymmetricAlgorithm,
        aead: Option<AEADAlgorithm>,
        password: &Password,
    ) -> Result<SecretKeyMaterial, Error> {
        let encrypted = match self {
            Self::Primary(key) => plain.encrypt_with(key, s2k, symmetric, aead, password),
            Self::Subkey(key) => plain.encrypt_with(key, s2k, symmetric, aead, password),
        };
        encrypted
            .map(Into::into)
            .map_err(refused("protecting a secret key"))
    }
}

/// Replaces the secret of each component that has one by what `change` gives for it.
fn each_secret(
    cert: &Cert,
    change: &mut dyn FnMut(Secrets<'_>) -> Result<Option<SecretKeyMaterial>, Error>,
) -> Result<Cert, Error> {
    let mut packets = Vec::new();
    let primary = cert.primary_key().key().clone();
    if let Ok(key) = primary.parts_into_secret() {
        let state = views::secret(&key);
        let secrets = Secrets {
            material: key.secret(),
            state,
            key: Component::Primary(&key),
        };
        if let Some(material) = change(secrets)? {
            packets.push(Packet::SecretKey(
                key.take_secret().0.add_secret(material).0,
            ));
        }
    }
    for subkey in cert.keys().subkeys() {
        let Ok(key) = subkey.key().clone().parts_into_secret() else {
            continue;
        };
        let state = views::secret(&key);
        let secrets = Secrets {
            material: key.secret(),
            state,
            key: Component::Subkey(&key),
        };
        if let Some(material) = change(secrets)? {
            packets.push(Packet::SecretSubkey(
                key.take_secret().0.add_secret(material).0,
            ));
        }
    }
    let doing = "changing secrets";
    let changed = || cert.clone().insert_packets(packets).map_err(refused(doing));
    Ok(guard::doing(doing, changed)?.0)
}

/// Whoever made the export chose what unlocking costs.
fn bounded(material: &SecretKeyMaterial) -> Result<(), Error> {
    let SecretKeyMaterial::Encrypted(encrypted) = material else {
        return Ok(());
    };
    let over = match encrypted.s2k() {
        S2K::Argon2 { m, .. } if *m > MAX_ARGON2_MEMORY => {
            Some(("KiB of memory to unlock", 1 << MAX_ARGON2_MEMORY))
        }
        S2K::Argon2 { t, .. } if *t > MAX_ARGON2_PASSES => {
            Some(("passes to unlock", usize::from(MAX_ARGON2_PASSES)))
        }
        S2K::Iterated { hash_bytes, .. } if *hash_bytes > MAX_ITERATED => Some((
            "octets hashed to unlock",
            usize::try_from(MAX_ITERATED).unwrap_or(usize::MAX),
        )),
        _ => None,
    };
    match over {
        Some((what, limit)) => Err(Error::Limit { what, limit }),
        None => Ok(()),
    }
}

/// RFC 9106 §4, the second recommended option: three passes, four lanes, 64 MiB.
fn argon2_s2k() -> Result<S2K, Error> {
    let mut salt = [0; 16];
    openpgp::crypto::random(&mut salt).map_err(refused("taking a salt"))?;
    Ok(S2K::Argon2 {
        salt,
        t: 3,
        p: 4,
        m: 16,
    })
}

fn aead() -> Result<AEADAlgorithm, Error> {
    use crate::Aead;
    match supports(Capability::Aead(Aead::Ocb)) {
        Ok(()) => Ok(AEADAlgorithm::OCB),
        Err(_) => supports(Capability::Aead(Aead::Gcm))
            .map(|()| AEADAlgorithm::GCM)
            .map_err(Into::into),
    }
}
