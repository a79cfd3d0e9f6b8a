//! The one place that names sequoia-openpgp, by way of [`openpgp`]: its pitfalls end here, and its types stand in no API.

mod address;
mod capability;
mod certificate;
mod decrypt;
mod edit;
mod encrypt;
mod export;
mod generate;
mod guard;
mod import;
mod inspect;
mod judge;
mod key;
#[cfg(feature = "discovery")]
mod narrow;
mod packets;
mod plan;
mod revocation;
#[cfg(feature = "custody")]
mod secrets;
mod sign;
mod stored;
mod subkeys;
mod user_ids;
mod verify;
mod views;

use std::time::{Duration, SystemTime};

use sequoia_openpgp as openpgp;

use openpgp::crypto::mpi;
use openpgp::packet::Key as KeyPacket;
use openpgp::packet::key::{KeyParts, KeyRole};
use openpgp::policy::{HashAlgoSecurity, StandardPolicy};
use openpgp::types::{Curve, HashAlgorithm, PublicKeyAlgorithm, ReasonForRevocation, Timestamp};

use crate::{Algorithm, Error, Fingerprint, KeyId, Reason};

#[cfg(feature = "store")]
pub(crate) use address::normalized;
pub use capability::{backend, remembered_signatures, supports};
pub use certificate::Certificate;
pub use decrypt::decrypt;
pub use generate::{Generate, Generated};
pub use import::{Imported, Refused, import};
#[cfg(feature = "store")]
pub(crate) use import::{Read, import_each};
pub use inspect::{issuers, recipients};
pub use key::{Key, Unlocked};
pub use plan::{Candidate, Chosen, Named, Plan, PlanEntry, Recipient, Secrecy, plan_send};
pub use revocation::Revocation;
pub use sign::{sign_cleartext, sign_detached, sign_inline};
#[cfg(feature = "store")]
pub(crate) use stored::{FoundBy, Kept};
pub use verify::{verify, verify_detached};

/// New self-signatures are dated back by so much at most, so that the next change of the same component can be later
/// than the last one, and still not in the future: of two of one second, chance would choose.
const BACKDATE: Duration = Duration::from_secs(60);

/// The policy of a date.
fn policy(now: SystemTime) -> StandardPolicy<'static> {
    StandardPolicy::at(now)
}

/// The policy for what the owner does with the secret key at hand: an old SHA-1 binding may be replaced by a better one,
/// for nobody can find a second text to a given signature.
fn owners_policy(now: SystemTime) -> StandardPolicy<'static> {
    let mut policy = policy(now);
    policy.accept_hash_property(
        HashAlgorithm::SHA1,
        HashAlgoSecurity::SecondPreImageResistance,
    );
    policy
}

/// When a signature is made that replaces one of this date.
fn after(previous: Option<SystemTime>, now: SystemTime) -> SystemTime {
    let early = now.checked_sub(BACKDATE).unwrap_or(now);
    match previous.and_then(|previous| previous.checked_add(Duration::from_secs(1))) {
        Some(next) => next.max(early),
        None => early,
    }
}

/// When the newest of these was made.
fn newest<'a>(
    signatures: impl Iterator<Item = &'a openpgp::packet::Signature>,
) -> Option<SystemTime> {
    signatures
        .filter_map(|signature| signature.signature_creation_time())
        .max()
}

/// A time that OpenPGP can write: whole seconds from 1970 to 2106.
fn whole_seconds(time: SystemTime) -> Result<SystemTime, Error> {
    Timestamp::try_from(time)
        .map(SystemTime::from)
        .map_err(|_| Error::Time)
}

/// How long a key is valid that was created at one time and ends at another.
fn validity(created: SystemTime, expires: Option<SystemTime>) -> Result<Option<Duration>, Error> {
    let Some(expires) = expires else {
        return Ok(None);
    };
    let period = whole_seconds(expires)?
        .duration_since(created)
        .map_err(|_| Error::Time)?;
    // RFC 9580 §5.2.3.13: zero would mean that the key never expires.
    match period.as_secs() {
        0 => Err(Error::Time),
        secs if u32::try_from(secs).is_err() => Err(Error::Time),
        _ => Ok(Some(period)),
    }
}

fn fingerprint(theirs: &openpgp::Fingerprint) -> Option<Fingerprint> {
    Fingerprint::from_bytes(theirs.as_bytes()).ok()
}

/// Of a key that was accepted, and whose version is thus 4 or 6 (see `import`).
fn fingerprint_of<P: KeyParts, R: KeyRole>(key: &KeyPacket<P, R>) -> Fingerprint {
    fingerprint(&key.fingerprint()).unwrap_or(Fingerprint::NONE)
}

fn key_id(theirs: &openpgp::KeyID) -> Option<KeyId> {
    theirs.as_bytes().try_into().ok().map(KeyId::from_bytes)
}

fn handle_key_id(handle: &openpgp::KeyHandle) -> Option<KeyId> {
    key_id(&openpgp::KeyID::from(handle))
}

fn algorithm_of<P: KeyParts, R: KeyRole>(key: &KeyPacket<P, R>) -> Algorithm {
    use Curve::*;
    // What a backend can do with it is a matter of the curve, too.
    match key.mpis() {
        mpi::PublicKey::ECDH { curve, .. } => match curve {
            Cv25519 => Algorithm::LegacyX25519,
            NistP256 | NistP384 | NistP521 => Algorithm::Ecdh,
            BrainpoolP256 | BrainpoolP384 | BrainpoolP512 => Algorithm::EcdhBrainpool,
            _ => Algorithm::Unknown,
        },
        mpi::PublicKey::ECDSA { curve, .. } => match curve {
            NistP256 | NistP384 | NistP521 => Algorithm::Ecdsa,
            BrainpoolP256 | BrainpoolP384 | BrainpoolP512 => Algorithm::EcdsaBrainpool,
            _ => Algorithm::Unknown,
        },
        mpi::PublicKey::EdDSA { curve, .. } if *curve != Ed25519 => Algorithm::Unknown,
        _ => algorithm(key.pk_algo()),
    }
}

#[allow(deprecated)]
fn algorithm(theirs: PublicKeyAlgorithm) -> Algorithm {
    use PublicKeyAlgorithm as Theirs;
    match theirs {
        Theirs::RSAEncryptSign | Theirs::RSAEncrypt | Theirs::RSASign => Algorithm::Rsa,
        Theirs::DSA => Algorithm::Dsa,
        Theirs::ElGamalEncrypt | Theirs::ElGamalEncryptSign => Algorithm::ElGamal,
        Theirs::ECDH => Algorithm::Ecdh,
        Theirs::ECDSA => Algorithm::Ecdsa,
        Theirs::EdDSA => Algorithm::LegacyEd25519,
        Theirs::X25519 => Algorithm::X25519,
        Theirs::X448 => Algorithm::X448,
        Theirs::Ed25519 => Algorithm::Ed25519,
        Theirs::Ed448 => Algorithm::Ed448,
        Theirs::MLKEM768_X25519 => Algorithm::MlKem768X25519,
        Theirs::MLKEM1024_X448 => Algorithm::MlKem1024X448,
        Theirs::MLDSA65_Ed25519 => Algorithm::MlDsa65Ed25519,
        Theirs::MLDSA87_Ed448 => Algorithm::MlDsa87Ed448,
        Theirs::SLHDSA128s | Theirs::SLHDSA128f | Theirs::SLHDSA256s => Algorithm::SlhDsa,
        _ => Algorithm::Unknown,
    }
}

/// What the library's error means for the one who asked.
fn reason(error: &openpgp::anyhow::Error) -> Reason {
    let policy = error
        .chain()
        .any(|e| e.to_string().contains("asymmetric algorithm"));
    let critical = error.chain().any(|e| e.to_string().contains("critical"));
    let theirs = error
        .chain()
        .find_map(|e| e.downcast_ref::<openpgp::Error>());
    match theirs {
        Some(openpgp::Error::Expired(_)) => Reason::Expired,
        Some(openpgp::Error::NotYetLive(_)) => Reason::NotYetValid,
        Some(openpgp::Error::PolicyViolation(..)) if critical => Reason::CriticalUnknown,
        Some(openpgp::Error::PolicyViolation(..)) if policy => Reason::WeakAlgorithm,
        Some(openpgp::Error::PolicyViolation(..)) => Reason::WeakHash,
        Some(
            openpgp::Error::UnsupportedPublicKeyAlgorithm(_)
            | openpgp::Error::UnsupportedHashAlgorithm(_)
            | openpgp::Error::UnsupportedEllipticCurve(_),
        ) => Reason::Unsupported,
        _ => Reason::Unbound,
    }
}

/// The reason that a revocation gives.
fn revoked_because(signatures: &[&openpgp::packet::Signature]) -> Reason {
    let given = signatures
        .iter()
        .map(|s| s.reason_for_revocation().map(|(code, _)| code));
    // The hardest counts.
    given
        .map(|code| match code {
            Some(ReasonForRevocation::KeyCompromised) => (3, Reason::Compromised),
            Some(ReasonForRevocation::KeySuperseded) => (1, Reason::Superseded),
            Some(ReasonForRevocation::KeyRetired) => (1, Reason::Retired),
            Some(ReasonForRevocation::UIDRetired) => (1, Reason::UserIdInvalid),
            _ => (2, Reason::RevokedWithoutReason),
        })
        .max_by_key(|(rank, _)| *rank)
        .map_or(Reason::RevokedWithoutReason, |(_, reason)| reason)
}

/// For errors that tell the caller no more than what was being done.
fn refused<T>(doing: &'static str) -> impl FnOnce(T) -> Error {
    move |_| Error::Refused { doing }
}
