//! Revocations, made at birth or later, kept apart or applied.

use std::time::SystemTime;

use super::openpgp;
use openpgp::cert::CertRevocationBuilder;
use openpgp::packet::{Packet, Signature};
use openpgp::parse::{PacketParser, PacketParserResult, Parse};
use openpgp::serialize::SerializeInto;
use openpgp::types::{ReasonForRevocation, SignatureType};

use super::export::{self, Part};
use super::guard::{self, guarded};
use super::{Certificate, Key, Unlocked, handle_key_id, refused, whole_seconds};
use crate::{Error, Fingerprint, Form, KeyId, RevocationReason};

/// Most octets of a revocation certificate.
const MAX_OCTETS: usize = 64 << 10;
/// Most octets of the words that explain a revocation.
const MAX_WORDS: usize = 255;

/// A revocation of a whole certificate that can be kept, and applied later without the secret key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    of: Option<Fingerprint>,
    signature: Signature,
}

impl Revocation {
    pub(super) fn new(of: Fingerprint, signature: Signature) -> Self {
        Self {
            of: Some(of),
            signature,
        }
    }

    /// Reads one as this crate and GnuPG write them, armored or binary.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if it is none; [`Error::Limit`] over 64 KiB.
    pub fn parse(octets: &[u8]) -> Result<Self, Error> {
        if octets.len() > MAX_OCTETS {
            let what = "octets of a revocation certificate";
            return Err(Error::Limit {
                what,
                limit: MAX_OCTETS,
            });
        }
        guarded("a revocation certificate", || Self::read(octets))
    }

    fn read(octets: &[u8]) -> Result<Self, Error> {
        let malformed = || Error::Malformed {
            wanted: "a revocation certificate",
        };
        let mut rest = PacketParser::from_bytes(octets).map_err(|_| malformed())?;
        while let PacketParserResult::Some(parser) = rest {
            let (packet, next) = parser.next().map_err(|_| malformed())?;
            rest = next;
            match packet {
                Packet::Signature(signature) if signature.typ() == SignatureType::KeyRevocation => {
                    let of = signature
                        .issuer_fingerprints()
                        .next()
                        .and_then(super::fingerprint);
                    return Ok(Self { of, signature });
                }
                _ => {}
            }
        }
        Err(malformed())
    }

    /// Whose it says that it is. Nothing is proven before it is applied.
    #[must_use]
    pub fn of(&self) -> Option<Fingerprint> {
        self.of
    }

    /// As [`of`](Self::of), where an old one has a key ID only.
    #[must_use]
    pub fn key_id(&self) -> Option<KeyId> {
        self.signature.get_issuers().first().and_then(handle_key_id)
    }

    /// In armor it is marked as a public key block, as GnuPG does, so that everybody can import it.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`], if the library cannot write it.
    pub fn export(&self, form: Form) -> Result<Vec<u8>, Error> {
        let packet = Packet::from(self.signature.clone());
        let octets = packet.to_vec().map_err(refused("writing a revocation"))?;
        let comment = [("Comment", "This is a revocation certificate")];
        export::formed(octets, Part::Public, form, &comment)
    }
}

impl Certificate {
    /// Applies a revocation, once its signature is verified.
    ///
    /// # Errors
    ///
    /// [`Error::Different`] if the primary key of this certificate has not made it.
    pub fn revoke_with(&self, revocation: &Revocation) -> Result<Self, Error> {
        let cert = revoked(&self.cert, revocation)?;
        Ok(Self { cert })
    }
}

impl Key {
    /// As [`Certificate::revoke_with`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn revoke_with(&self, revocation: &Revocation) -> Result<Self, Error> {
        let cert = revoked(&self.cert, revocation)?;
        Ok(Self { cert })
    }
}

fn revoked(cert: &openpgp::Cert, revocation: &Revocation) -> Result<openpgp::Cert, Error> {
    let primary = cert.primary_key().key();
    let doing = "revoking";
    guard::doing(doing, || {
        let verified = revocation
            .signature
            .verify_primary_key_revocation(primary, primary);
        verified.map_err(|_| Error::Different)?;
        let grown = cert.clone().insert_packets(revocation.signature.clone());
        Ok(grown.map_err(refused(doing))?.0)
    })
}

impl Unlocked {
    /// Revokes the whole key, and gives the revocation to be published.
    ///
    /// # Errors
    ///
    /// [`Error::NoSecret`] without the primary secret, [`Error::Limit`] for more than 255 octets of words,
    /// [`Error::Time`], [`Error::Unsupported`].
    pub fn revoke(
        &mut self,
        why: RevocationReason,
        words: &str,
        now: SystemTime,
    ) -> Result<Revocation, Error> {
        let signature = self.revocation_signature(code(why), words, self.not_before(now)?)?;
        self.insert(vec![signature.clone().into()])?;
        Ok(Revocation::new(self.fingerprint(), signature))
    }

    /// A revocation is later than what it revokes, or the library would take it for outdated.
    fn not_before(&self, now: SystemTime) -> Result<SystemTime, Error> {
        let primary = self.cert.primary_key();
        let of_key = super::newest(primary.self_signatures());
        let of_names = self
            .cert
            .userids()
            .filter_map(|u| super::newest(u.self_signatures()));
        let newest = of_key.into_iter().chain(of_names).max().unwrap_or(now);
        whole_seconds(now.max(newest))
    }

    pub(super) fn revocation_signature(
        &self,
        code: ReasonForRevocation,
        words: &str,
        at: SystemTime,
    ) -> Result<Signature, Error> {
        let doing = "revoking";
        guard::doing(doing, || {
            let mut signer = self.primary_signer(doing)?;
            check_words(words)?;
            CertRevocationBuilder::new()
                .set_reason_for_revocation(code, words.as_bytes())
                .and_then(|builder| builder.set_signature_creation_time(at))
                .and_then(|builder| builder.build(&mut signer, &self.cert, None))
                .map_err(refused(doing))
        })
    }
}

pub(super) fn check_words(words: &str) -> Result<(), Error> {
    match words.len() {
        0..=MAX_WORDS => Ok(()),
        _ => Err(Error::Limit {
            what: "octets of a reason",
            limit: MAX_WORDS,
        }),
    }
}

pub(super) fn code(why: RevocationReason) -> ReasonForRevocation {
    match why {
        RevocationReason::Unspecified => ReasonForRevocation::Unspecified,
        RevocationReason::Compromised => ReasonForRevocation::KeyCompromised,
        RevocationReason::Superseded => ReasonForRevocation::KeySuperseded,
        RevocationReason::Retired => ReasonForRevocation::KeyRetired,
    }
}
