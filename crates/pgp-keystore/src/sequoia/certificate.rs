//! A certificate: the public part of a key, of oneself or of others.

use std::fmt;
use std::time::SystemTime;

use super::openpgp;
use openpgp::Cert;

use super::guard::doing;
use super::import::{self, One};
use super::stored::Sizes;
use super::{export, fingerprint_of, plan, views};
use crate::{CertificateView, Error, Fingerprint, Form, KeyId, Limits, Named};

/// A certificate without any secret. It holds its own signatures only: certifications of others are left out when it is
/// read, so that nobody can flood it.
///
/// Photos (user attributes, RFC 9580 §5.12) stay what they are: they are read, merged and exported with the rest, live as long
/// as the key does, and count among the user IDs and the octets of [`Limits`]. What is seen of a certificate
/// ([`at`](Self::at)) does not show them, no index knows them, and [`export_minimal`](Self::export_minimal) leaves them out.
#[derive(Clone, PartialEq)]
pub struct Certificate {
    pub(super) cert: Cert,
}

impl Certificate {
    /// Reads exactly one, armored or binary, with [`Limits::default`]. Secrets in it are dropped.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if it is none, or several; [`Error::Limit`].
    pub fn parse(octets: &[u8]) -> Result<Self, Error> {
        Self::parse_with(octets, &Limits::default())
    }

    /// As [`parse`](Self::parse), with other limits.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn parse_with(octets: &[u8], limits: &Limits) -> Result<Self, Error> {
        let imported = import::import(octets, limits)?;
        let wanted = "one certificate";
        match imported.one() {
            One::Certificate(certificate) => Ok(certificate),
            One::Key(key) => Ok(key.certificate()),
            One::Refused(error) => Err(error),
            One::NoneOrSeveral => Err(Error::Malformed { wanted }),
        }
    }

    pub(super) fn of(cert: &Cert) -> Self {
        let cert = cert.clone().strip_secret_key_material();
        Self { cert }
    }

    /// Of its primary key: what identifies it.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        fingerprint_of(self.cert.primary_key().key())
    }

    /// The fingerprints of all its keys, the primary one first, whether they count or not: what an index holds.
    pub fn fingerprints(&self) -> impl Iterator<Item = Fingerprint> {
        self.cert.keys().map(|key| fingerprint_of(key.key()))
    }

    /// Whether one of its keys has this ID.
    #[must_use]
    pub fn has_key(&self, id: KeyId) -> bool {
        self.fingerprints()
            .any(|fingerprint| fingerprint.key_id() == id)
    }

    /// What it is at a time, under the policy of that date.
    #[must_use]
    pub fn at(&self, now: SystemTime) -> CertificateView {
        views::certificate(&self.cert, now)
    }

    /// Whether a user ID of it that is valid at a time has this address, both normalised. Anybody can make such a
    /// certificate.
    #[must_use]
    pub fn names(&self, address: &str, now: SystemTime) -> Named {
        plan::named(self, address, now)
    }

    /// All of it that its owner has signed, photos included, but for what is marked as not to be exported. What this build
    /// cannot verify, for the algorithm of the primary key, is written as it came.
    ///
    /// # Errors
    ///
    /// [`Error::Unusable`] if nothing of it is to be exported; [`Error::Refused`], if the library cannot write it.
    pub fn export(&self, form: Form) -> Result<Vec<u8>, Error> {
        doing("writing a certificate", || export::public(&self.cert, form))
    }

    /// What somebody needs who wants to write to `address` (or to any, with `None`) from now on: the primary key, one user
    /// ID, and the subkeys that count, each with its newest binding, and revocations. What is not valid is left out.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuch`] if no valid user ID has this address; [`Error::Unusable`] if the certificate does not count.
    pub fn export_minimal(
        &self,
        address: Option<&str>,
        now: SystemTime,
        form: Form,
    ) -> Result<Vec<u8>, Error> {
        doing("writing a certificate", || {
            export::minimal(&self.cert, address, now, form)
        })
    }

    /// What both know: `a.merge(b)` and `b.merge(a)` are the same, and merging again changes nothing. Signatures that fit
    /// nothing, as somebody may have added, count nowhere, and may stand in another order.
    ///
    /// Who extends a key after another one revoked it as [`Superseded`](crate::RevocationReason::Superseded) or
    /// [`Retired`](crate::RevocationReason::Retired) takes the revocation back, as OpenPGP has it; a revocation as
    /// [`Compromised`](crate::RevocationReason::Compromised) stays for ever.
    ///
    /// # Errors
    ///
    /// [`Error::Different`] if they have different primary keys; [`Error::Limit`] if both together are too large.
    pub fn merge(&self, other: &Self) -> Result<Self, Error> {
        self.merge_with(other, &Limits::default())
    }

    /// As [`merge`](Self::merge), with other limits.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn merge_with(&self, other: &Self, limits: &Limits) -> Result<Self, Error> {
        let cert = merge(self.cert.clone(), other.cert.clone())?;
        import::check(&Sizes::of(&cert), limits)?;
        Ok(Self { cert })
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    /// Only the fingerprint: logs hold no names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Certificate")
            .field(&self.fingerprint())
            .finish()
    }
}

/// Takes no secret from `other`.
pub(super) fn merge(cert: Cert, other: Cert) -> Result<Cert, Error> {
    if cert.fingerprint() != other.fingerprint() {
        return Err(Error::Different);
    }
    doing("merging certificates", || {
        cert.merge_public(other).map_err(|_| Error::Different)
    })
}
