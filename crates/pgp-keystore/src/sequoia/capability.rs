//! What the backend can do, found at run time.

use super::openpgp;
use openpgp::cert::CipherSuite;
use openpgp::packet::signature::cache::SignatureVerificationCache;
use openpgp::types::{AEADAlgorithm, Curve, PublicKeyAlgorithm};

use crate::{Aead, Algorithm, Capability, Profile, Unsupported, UnsupportedReason};

/// The name of the backend and its version, for a log or an "about" page.
#[must_use]
pub fn backend() -> String {
    openpgp::crypto::backend()
}

/// Whether this build can do it.
///
/// # Errors
///
/// [`Unsupported`], which says why not, and what would help.
pub fn supports(capability: Capability) -> Result<(), Unsupported> {
    let missing = || Unsupported::new(capability, UnsupportedReason::Missing);
    let here = match capability {
        Capability::Generate(profile) => suite(profile).is_supported().is_ok(),
        Capability::Aead(Aead::Ocb) => AEADAlgorithm::OCB.is_supported(),
        Capability::Aead(Aead::Eax) => AEADAlgorithm::EAX.is_supported(),
        Capability::Aead(Aead::Gcm) => AEADAlgorithm::GCM.is_supported(),
        Capability::Public(algorithm) | Capability::Secret(algorithm) => has(algorithm),
    };
    match capability {
        _ if !here => Err(missing()),
        Capability::Secret(Algorithm::Rsa | Algorithm::Dsa | Algorithm::ElGamal)
            if cfg!(feature = "crypto-rust") =>
        {
            Err(Unsupported::new(
                capability,
                UnsupportedReason::NotConstantTime,
            ))
        }
        _ => Ok(()),
    }
}

/// How many verified signatures of certificates the OpenPGP library remembers in this process, in a cache that it shares
/// between all users of the library and never shrinks: 32 octets each, and about as many for the tree that holds them.
///
/// It holds a hash of the signature, the signed digest and the key, so that it carries nothing from one account to
/// another, and no verdict rests on it: without it each is verified again. Signatures of *messages* never enter it, as this crate verifies them itself; only those within certificates
/// do, and their number is bounded by [`Limits`](crate::Limits) for each certificate. A program that reads certificates
/// of strangers without end watches this number, and starts anew at some.
#[must_use]
pub fn remembered_signatures() -> usize {
    SignatureVerificationCache::insertions()
}

pub(super) fn suite(profile: Profile) -> CipherSuite {
    match profile {
        Profile::Compat | Profile::Modern => CipherSuite::Cv25519,
        Profile::PostQuantum => CipherSuite::MLDSA65_Ed25519,
    }
}

#[allow(deprecated)]
fn has(algorithm: Algorithm) -> bool {
    let theirs = match algorithm {
        Algorithm::Rsa => PublicKeyAlgorithm::RSAEncryptSign,
        Algorithm::Dsa => PublicKeyAlgorithm::DSA,
        Algorithm::ElGamal => PublicKeyAlgorithm::ElGamalEncrypt,
        Algorithm::Ecdh | Algorithm::LegacyX25519 => PublicKeyAlgorithm::ECDH,
        Algorithm::Ecdsa => PublicKeyAlgorithm::ECDSA,
        Algorithm::EcdhBrainpool | Algorithm::EcdsaBrainpool => {
            return Curve::BrainpoolP256.is_supported();
        }
        Algorithm::LegacyEd25519 => PublicKeyAlgorithm::EdDSA,
        Algorithm::X25519 => PublicKeyAlgorithm::X25519,
        Algorithm::X448 => PublicKeyAlgorithm::X448,
        Algorithm::Ed25519 => PublicKeyAlgorithm::Ed25519,
        Algorithm::Ed448 => PublicKeyAlgorithm::Ed448,
        Algorithm::MlKem768X25519 => PublicKeyAlgorithm::MLKEM768_X25519,
        Algorithm::MlKem1024X448 => PublicKeyAlgorithm::MLKEM1024_X448,
        Algorithm::MlDsa65Ed25519 => PublicKeyAlgorithm::MLDSA65_Ed25519,
        Algorithm::MlDsa87Ed448 => PublicKeyAlgorithm::MLDSA87_Ed448,
        Algorithm::SlhDsa => PublicKeyAlgorithm::SLHDSA128s,
        Algorithm::Unknown => return false,
    };
    theirs.is_supported()
}
