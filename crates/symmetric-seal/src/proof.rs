use std::fmt;

use zeroize::Zeroizing;

use crate::crypto::{Failed, KEY, Key, hkdf, same, sha256};
use crate::parameters::KdfParameters;

const LABEL: &[u8] = b"letterlock access proof v1";

/// The one output of Argon2 for a password and parameters: it opens the message, and it makes the access proof.
///
/// Made by [`Opener::derive`](crate::Opener::derive), so that Argon2 runs once, before the message is there.
#[derive(Clone)]
pub struct StretchedKey {
    pub(crate) parameters: KdfParameters,
    pub(crate) key: Key,
    proof: AccessProof,
}

impl StretchedKey {
    pub(crate) fn new(parameters: KdfParameters, key: Key) -> Result<Self, Failed> {
        let proof = AccessProof::of(&key)?;
        Ok(Self {
            parameters,
            key,
            proof,
        })
    }

    /// Shows a server that one knows the password, and nothing else: nothing can be opened with it.
    #[must_use]
    pub fn access_proof(&self) -> &AccessProof {
        &self.proof
    }

    /// What it was made with.
    #[must_use]
    pub fn parameters(&self) -> &KdfParameters {
        &self.parameters
    }
}

/// Without the key.
impl fmt::Debug for StretchedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StretchedKey")
            .field("parameters", &self.parameters)
            .finish_non_exhaustive()
    }
}

/// Says to a server that somebody knows the password: HKDF-SHA256 of Argon2's output, no salt, with a label of its own.
///
/// A secret until the message is given out: whoever has it gets the sealed message.
#[derive(Clone)]
pub struct AccessProof(Zeroizing<[u8; KEY]>);

impl AccessProof {
    pub(crate) fn of(stretched: &Key) -> Result<Self, Failed> {
        let mut proof = Zeroizing::new([0; KEY]);
        hkdf(&[], &**stretched, LABEL, &mut *proof)?;
        Ok(Self(proof))
    }

    /// As it was received.
    #[must_use]
    pub fn from_octets(octets: [u8; KEY]) -> Self {
        Self(Zeroizing::new(octets))
    }

    /// To be sent.
    #[must_use]
    pub fn octets(&self) -> &[u8; KEY] {
        &self.0
    }

    /// What the server keeps.
    #[must_use]
    pub fn hash(&self) -> ProofHash {
        ProofHash(sha256(&*self.0))
    }
}

/// Without its octets.
impl fmt::Debug for AccessProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessProof(..)")
    }
}

/// SHA-256 of an [`AccessProof`]: what a server keeps to check one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProofHash([u8; 32]);

/// Without its octets: together with the salt, passwords can be tried on them.
impl fmt::Debug for ProofHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProofHash(..)")
    }
}

impl ProofHash {
    /// As it was kept.
    #[must_use]
    pub fn from_octets(octets: [u8; 32]) -> Self {
        Self(octets)
    }

    /// To be kept.
    #[must_use]
    pub fn octets(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether this is the proof; the time does not tell how near it was.
    #[must_use]
    pub fn accepts(&self, proof: &AccessProof) -> bool {
        same(&self.0, &proof.hash().0)
    }
}
