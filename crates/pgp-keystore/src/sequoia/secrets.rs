//! Keys taken apart into a certificate and the secrets of its components, as they are kept, and put together again.

use std::time::SystemTime;

use super::openpgp;
use openpgp::Cert;
use openpgp::cert::prelude::*;
use openpgp::packet::Packet;
use openpgp::parse::Parse;
use openpgp::serialize::SerializeInto;
use zeroize::Zeroizing;

#[cfg(feature = "store")]
use super::guard::caught;
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
        Ok(Self { cert })
    }

    /// What both know, secrets included.
    #[cfg(feature = "store")]
    pub(crate) fn merge(&self, other: &Self) -> Result<Self, Error> {
        let key = |unlocked: &Self| super::Key {
            cert: unlocked.cert.clone(),
        };
        let cert = key(self).merge_key(&key(other))?.cert;
        Ok(Self { cert })
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

    /// The addresses in its user IDs, whether they count or not, normalised: for an index. Nothing is verified.
    #[cfg(feature = "store")]
    pub(crate) fn claimed_addresses(&self) -> Vec<String> {
        // What the library panics on has no address.
        let address = |u: UserIDAmalgamation<'_>| {
            caught(|| u.userid().email_normalized().ok().flatten()).flatten()
        };
        let mut addresses: Vec<String> = self.cert.userids().filter_map(address).collect();
        addresses.sort_unstable();
        addresses.dedup();
        addresses
    }
}

/// An address as those of user IDs are normalised; `None` if it is none.
#[cfg(feature = "store")]
pub(crate) fn normalized(address: &str) -> Option<String> {
    let user_id = openpgp::packet::UserID::from(format!("<{address}>"));
    caught(|| user_id.email_normalized().ok().flatten()).flatten()
}
