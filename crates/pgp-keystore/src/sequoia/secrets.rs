//! Keys taken apart into a certificate and the secrets of its components, as they are kept, and put together again.

use std::time::SystemTime;

use super::openpgp;
use openpgp::Cert;
use openpgp::cert::prelude::*;
use openpgp::packet::Packet;
use openpgp::parse::Parse;
use openpgp::serialize::SerializeInto;
use zeroize::Zeroizing;

use super::guard::doing;
use super::{Certificate, Unlocked, fingerprint_of, refused};
use crate::custody::{Custody, KeySecrets, SecretPart, Session};
use crate::{Error, Fingerprint};

const DOING: &str = "keeping a secret key";

impl Unlocked {
    /// The secrets, GnuPG's stubs among them, each as the packet that holds it.
    pub(crate) fn parts(&self) -> Result<Vec<SecretPart>, Error> {
        doing(DOING, || self.packets())
    }

    fn packets(&self) -> Result<Vec<SecretPart>, Error> {
        let mut parts = Vec::new();
        for component in self.cert.keys() {
            let key = component.key().clone();
            let fingerprint = fingerprint_of(&key);
            let Ok(key) = key.parts_into_secret() else {
                continue;
            };
            let packet = match component.primary() {
                true => Packet::SecretKey(key.role_into_primary()),
                false => Packet::SecretSubkey(key.role_into_subordinate()),
            };
            let octets = Zeroizing::new(packet.to_vec().map_err(refused(DOING))?);
            parts.push(SecretPart::new(fingerprint, octets.as_slice()));
        }
        Ok(parts)
    }

    /// The components that have something in the place of their secret, such as GnuPG's stubs, but not the secret.
    #[cfg(feature = "store")]
    pub(crate) fn stubs(&self) -> Vec<Fingerprint> {
        let keys = self.cert.keys().map(|key| key.key().clone());
        let stubs = keys.filter(|key| key.has_secret() && !key.has_unencrypted_secret());
        stubs.map(|key| fingerprint_of(&key)).collect()
    }

    /// The certificate with these secrets. One that is none of its components is no secret of it.
    pub(crate) fn from_parts(
        certificate: &Certificate,
        parts: &[SecretPart],
    ) -> Result<Self, Error> {
        doing(DOING, || Self::together(certificate, parts))
    }

    fn together(certificate: &Certificate, parts: &[SecretPart]) -> Result<Self, Error> {
        let known: Vec<Fingerprint> = certificate.fingerprints().collect();
        let mut packets = Vec::new();
        for part in parts {
            let malformed = || Error::Malformed {
                wanted: "the secret of this key",
            };
            let packet = Packet::from_bytes(part.octets()).map_err(|_| malformed())?;
            let of = match &packet {
                Packet::SecretKey(key) => fingerprint_of(key),
                Packet::SecretSubkey(key) => fingerprint_of(key),
                _ => return Err(malformed()),
            };
            if of != part.key() || !known.contains(&of) {
                return Err(malformed());
            }
            packets.push(packet);
        }
        let cert = certificate.cert.clone().insert_packets(packets);
        let cert: Cert = cert.map_err(refused(DOING))?.0;
        Ok(Self::new(cert))
    }

    /// What both know, secrets included.
    #[cfg(feature = "store")]
    pub(crate) fn merge(&self, other: &Self) -> Result<Self, Error> {
        let key = |unlocked: &Self| super::Key {
            cert: unlocked.cert.clone(),
        };
        let limits = self.limits.clone();
        let cert = key(self).merge_key_with(&key(other), &limits)?.cert;
        Ok(Self { cert, limits })
    }

    /// Whether a secret is at hand, and not only stubs of it.
    #[cfg(feature = "store")]
    pub(crate) fn has_secret(&self) -> bool {
        let mut keys = self.cert.keys();
        keys.any(|key| key.key().has_unencrypted_secret())
    }

    /// The secrets of this key as they are kept, see [`KeySecrets::seal`]. The certificate is kept beside it.
    ///
    /// # Errors
    ///
    /// [`Error::Custody`], [`Error::Refused`].
    pub fn seal(
        &self,
        session: &Session,
        custody: Custody,
        version: u64,
        now: SystemTime,
    ) -> Result<KeySecrets, Error> {
        let (of, parts) = (self.fingerprint(), self.parts()?);
        Ok(KeySecrets::seal(
            session, of, custody, version, &parts, now,
        )?)
    }
}

impl Certificate {
    /// The key, out of its certificate and its secrets as they were kept, see [`KeySecrets::open`]. It does not end with the
    /// session: drop it soon.
    ///
    /// # Errors
    ///
    /// [`Error::Custody`], and [`Error::Malformed`] if there is something else in it than secrets of this key.
    pub fn unseal(
        &self,
        secrets: &KeySecrets,
        session: &Session,
        version: u64,
        now: SystemTime,
    ) -> Result<Unlocked, Error> {
        let parts = secrets.open(session, self.fingerprint(), version, now)?;
        Unlocked::from_parts(self, &parts)
    }
}
