//! Whom a message can be encrypted to, with which key, in which container, and why.

use std::fmt;
use std::time::SystemTime;

use super::openpgp;
use openpgp::Cert;
use openpgp::cert::Preferences;
use openpgp::cert::prelude::*;
use openpgp::packet::Key as KeyPacket;
use openpgp::packet::key::{PublicParts, UnspecifiedRole};
use openpgp::policy::Policy;
use openpgp::types::{AEADAlgorithm, PublicKeyAlgorithm, RevocationStatus, SymmetricAlgorithm};

use super::export::same_address;
use super::guard::caught;
use super::{
    Certificate, algorithm_of, fingerprint, fingerprint_of, policy, reason, supports, views,
};
use crate::{Aead, Algorithm, Capability, Container, Fingerprint, Reason};

/// Somebody who shall read the message, and the certificates that may be theirs, the most trusted first. Which those are is
/// the caller's to know: a certificate's own word is no proof.
#[derive(Clone, Debug)]
pub struct Recipient<'a> {
    address: String,
    candidates: Vec<&'a Certificate>,
}

impl<'a> Recipient<'a> {
    /// By address.
    pub fn new(
        address: impl Into<String>,
        candidates: impl IntoIterator<Item = &'a Certificate>,
    ) -> Self {
        let candidates = candidates.into_iter().collect();
        Self {
            address: address.into(),
            candidates,
        }
    }
}

/// What [`plan_send`] found: to be shown, then given to [`Plan::encrypt`].
#[derive(Clone)]
pub struct Plan {
    pub(super) entries: Vec<PlanEntry>,
    pub(super) keys: Vec<Receiver>,
    pub(super) container: Option<Container>,
    at: SystemTime,
}

/// A key that the message is encrypted to.
#[derive(Clone)]
pub(super) struct Receiver {
    pub(super) certificate: openpgp::Fingerprint,
    pub(super) key: KeyPacket<PublicParts, UnspecifiedRole>,
    v1: bool,
    v2: bool,
    gcm: bool,
}

/// What becomes of one recipient.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq)]
pub struct PlanEntry {
    /// As given.
    pub address: String,
    /// The key that is used, if one can be.
    pub chosen: Option<Chosen>,
    /// The candidates that were looked at and not taken, with the reason.
    pub passed_over: Vec<Candidate>,
}

/// A certificate that was not taken.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Whose it is.
    pub certificate: Fingerprint,
    /// Why not.
    pub reason: Reason,
}

/// A key that was chosen.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The certificate.
    pub certificate: Fingerprint,
    /// The key in it: whoever has its secret can read the message.
    pub key: Fingerprint,
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// Whether a valid user ID of the certificate has the address.
    pub named: Named,
}

/// Whether a certificate itself says that it belongs to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "it does or does not")]
pub enum Named {
    /// A valid user ID has it.
    ByUserId,
    /// None has.
    No,
}

/// Against whom the message is secret, if nobody loses a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "what is shown must say one or the other"
)]
pub enum Secrecy {
    /// Against quantum computers, too: every key is post-quantum.
    PostQuantum,
    /// At least one key falls to a quantum computer, and with it the whole message.
    Classical,
}

/// Chooses for each recipient the first candidate that can be used, and in it the strongest encryption key: never a weaker
/// one beside a post-quantum one, even if this build cannot use that (then the candidate is passed over), and of equal ones
/// the newest. One key for each recipient, never several.
///
/// It is a pure function of what it is given. Whom to trust is decided before.
#[must_use]
pub fn plan_send(recipients: &[Recipient<'_>], now: SystemTime) -> Plan {
    let mut entries = Vec::new();
    let mut keys: Vec<Receiver> = Vec::new();
    for recipient in recipients {
        let mut passed_over = Vec::new();
        let mut chosen = None;
        for candidate in &recipient.candidates {
            // Should the library panic on it, it is passed over.
            let key = caught(|| encryption_key(candidate, now));
            match key.unwrap_or(Err(Reason::Malformed)) {
                Ok(receiver) => {
                    chosen = Some(Chosen {
                        certificate: candidate.fingerprint(),
                        key: fingerprint_of(&receiver.key),
                        algorithm: algorithm_of(&receiver.key),
                        named: named(candidate, &recipient.address, now),
                    });
                    if keys.iter().all(|known| known.key != receiver.key) {
                        keys.push(receiver);
                    }
                    break;
                }
                Err(reason) => {
                    let certificate = candidate.fingerprint();
                    passed_over.push(Candidate {
                        certificate,
                        reason,
                    });
                }
            }
        }
        let address = recipient.address.clone();
        entries.push(PlanEntry {
            address,
            chosen,
            passed_over,
        });
    }
    let container = container(&keys);
    Plan {
        entries,
        keys,
        container,
        at: now,
    }
}

impl Plan {
    /// What becomes of each recipient, in the order given.
    #[must_use]
    pub fn entries(&self) -> &[PlanEntry] {
        &self.entries
    }

    /// Those for whom no certificate can be used.
    pub fn refused(&self) -> impl Iterator<Item = &PlanEntry> {
        self.entries.iter().filter(|entry| entry.chosen.is_none())
    }

    /// The keys that could open the message; each stands there once.
    pub fn readers(&self) -> impl Iterator<Item = Fingerprint> {
        self.keys
            .iter()
            .map(|receiver| fingerprint_of(&receiver.key))
    }

    /// The container: version 2 if all can read it, version 1 if one cannot. `None` if there is nobody, or no container
    /// that all can read.
    #[must_use]
    pub fn container(&self) -> Option<Container> {
        self.container
    }

    /// Who keeps the message from the better container, by the certificates' own word.
    pub fn holds_back(&self) -> impl Iterator<Item = Fingerprint> {
        let old = self.keys.iter().filter(|receiver| !receiver.v2);
        old.filter_map(|receiver| fingerprint(&receiver.certificate))
    }

    /// Against whom the message is secret.
    #[must_use]
    pub fn secrecy(&self) -> Secrecy {
        let strong = |receiver: &Receiver| algorithm_of(&receiver.key).is_post_quantum();
        match !self.keys.is_empty() && self.keys.iter().all(strong) {
            true => Secrecy::PostQuantum,
            false => Secrecy::Classical,
        }
    }

    /// For which time it was made.
    #[must_use]
    pub fn at(&self) -> SystemTime {
        self.at
    }

    /// Without those for whom nothing can be used: who calls this has decided that they get nothing.
    #[must_use]
    pub fn without_refused(mut self) -> Self {
        self.entries.retain(|entry| entry.chosen.is_some());
        self
    }
}

impl fmt::Debug for Plan {
    /// Without addresses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let readers: Vec<Fingerprint> = self.readers().collect();
        f.debug_struct("Plan")
            .field("readers", &readers)
            .field("container", &self.container)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for PlanEntry {
    /// Without the address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlanEntry")
            .field("chosen", &self.chosen)
            .field("passed_over", &self.passed_over)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for PlanEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            address,
            chosen,
            passed_over,
        } = self;
        match chosen {
            Some(chosen) => {
                let Chosen {
                    certificate,
                    key,
                    algorithm,
                    named,
                } = chosen;
                write!(
                    f,
                    "{address}: {certificate}, its key {} of {algorithm}",
                    key.key_id()
                )?;
                if *named == Named::No {
                    write!(f, ", which does not name this address")?;
                }
            }
            None if passed_over.is_empty() => write!(f, "{address}: no certificate")?,
            None => write!(f, "{address}: no certificate that can be used")?,
        }
        for Candidate {
            certificate,
            reason,
        } in passed_over
        {
            write!(f, "; not {certificate}: {reason}")?;
        }
        Ok(())
    }
}

fn encryption_key(certificate: &Certificate, now: SystemTime) -> Result<Receiver, Reason> {
    let policy = policy(now);
    let cert = &certificate.cert;
    match views::validity(cert, &policy, now) {
        Reason::Valid => {}
        why => return Err(why),
    }
    let valid = cert
        .with_policy(&policy, now)
        .map_err(|error| reason(&error))?;
    // Not `supported()`: what this build cannot do must not hand the message to a weaker key.
    let usable = views::live_keys(cert, &policy, now, PublicKeyAlgorithm::for_encryption)
        .filter(|key| key.for_transport_encryption() || key.for_storage_encryption());
    let rank = |key: &ValidErasedKeyAmalgamation<'_, PublicParts>| {
        let algorithm = algorithm_of(key.key());
        (
            algorithm.is_post_quantum(),
            key.key().creation_time(),
            key.key().fingerprint(),
        )
    };
    let Some(best) = usable.max_by_key(rank) else {
        return Err(why_none(cert, &policy, now));
    };
    let algorithm = algorithm_of(best.key());
    supports(Capability::Public(algorithm)).map_err(|_| Reason::Unsupported)?;
    let features = valid.features();
    let gcm = valid
        .preferred_aead_ciphersuites()
        .is_some_and(|suites| suites.contains(&(SymmetricAlgorithm::AES256, AEADAlgorithm::GCM)));
    Ok(Receiver {
        certificate: cert.fingerprint(),
        key: best.key().clone(),
        v1: features
            .as_ref()
            .is_none_or(|f| f.supports_seipdv1() || !f.supports_seipdv2()),
        v2: features.as_ref().is_some_and(|f| f.supports_seipdv2()),
        gcm,
    })
}

/// Why a certificate that counts has no key to encrypt to: what is wrong with the last that might have been one.
fn why_none(cert: &Cert, policy: &dyn Policy, now: SystemTime) -> Reason {
    let mut why = Reason::WrongUse;
    for key in cert
        .keys()
        .subkeys()
        .filter(|key| key.key().pk_algo().for_encryption())
    {
        if let RevocationStatus::Revoked(signatures) = key.revocation_status(policy, now) {
            why = super::revoked_because(&signatures);
        } else if let Err(error) = key.with_policy(policy, now).and_then(|key| key.alive()) {
            why = reason(&error);
        }
    }
    why
}

pub(super) fn named(certificate: &Certificate, address: &str, now: SystemTime) -> Named {
    let policy = policy(now);
    let valid = certificate.cert.with_policy(&policy, now);
    let has = caught(|| {
        valid.is_ok_and(|valid| {
            let live = valid.userids().revoked(false);
            live.into_iter().any(|u| same_address(u.userid(), address))
        })
    });
    let has = has.unwrap_or(false);
    if has { Named::ByUserId } else { Named::No }
}

/// RFC 9580 §13.8: version 2 only if every recipient has said that they read it. Of its modes all must read OCB; if this
/// build has none, GCM for those who ask for it.
fn container(keys: &[Receiver]) -> Option<Container> {
    let all = |has: fn(&Receiver) -> bool| !keys.is_empty() && keys.iter().all(has);
    let has = |aead| supports(Capability::Aead(aead)).is_ok();
    if all(|r| r.v2) && has(Aead::Ocb) {
        return Some(Container::V2(Aead::Ocb));
    }
    if all(|r| r.v2 && r.gcm) && has(Aead::Gcm) {
        return Some(Container::V2(Aead::Gcm));
    }
    all(|r| r.v1).then_some(Container::V1)
}
