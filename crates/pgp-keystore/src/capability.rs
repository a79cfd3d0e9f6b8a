//! What this build can do, asked before it is needed: backends differ.

use std::fmt;

/// A public-key algorithm (RFC 9580 §9.1, and the post-quantum ones of RFC 9980).
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// RSA.
    Rsa,
    /// DSA.
    Dsa,
    /// ElGamal.
    ElGamal,
    /// ECDH over a NIST curve.
    Ecdh,
    /// ECDSA over a NIST curve.
    Ecdsa,
    /// ECDH over a Brainpool curve.
    EcdhBrainpool,
    /// ECDSA over a Brainpool curve.
    EcdsaBrainpool,
    /// ECDH over Curve25519, as version 4 keys write it.
    LegacyX25519,
    /// EdDSA over Ed25519, as version 4 keys write it.
    LegacyEd25519,
    /// X25519.
    X25519,
    /// X448.
    X448,
    /// Ed25519.
    Ed25519,
    /// Ed448.
    Ed448,
    /// ML-KEM-768 with X25519.
    MlKem768X25519,
    /// ML-KEM-1024 with X448.
    MlKem1024X448,
    /// ML-DSA-65 with Ed25519.
    MlDsa65Ed25519,
    /// ML-DSA-87 with Ed448.
    MlDsa87Ed448,
    /// SLH-DSA.
    SlhDsa,
    /// One that this crate does not know.
    Unknown,
}

impl Algorithm {
    /// Whether a quantum computer leaves it standing.
    #[must_use]
    pub fn is_post_quantum(self) -> bool {
        use Algorithm::*;
        matches!(
            self,
            MlKem768X25519 | MlKem1024X448 | MlDsa65Ed25519 | MlDsa87Ed448 | SlhDsa
        )
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rsa => "RSA",
            Self::Dsa => "DSA",
            Self::ElGamal => "ElGamal",
            Self::Ecdh => "ECDH",
            Self::Ecdsa => "ECDSA",
            Self::EcdhBrainpool => "ECDH over a Brainpool curve",
            Self::EcdsaBrainpool => "ECDSA over a Brainpool curve",
            Self::LegacyX25519 => "ECDH over Curve25519",
            Self::LegacyEd25519 => "EdDSA over Ed25519",
            Self::X25519 => "X25519",
            Self::X448 => "X448",
            Self::Ed25519 => "Ed25519",
            Self::Ed448 => "Ed448",
            Self::MlKem768X25519 => "ML-KEM-768+X25519",
            Self::MlKem1024X448 => "ML-KEM-1024+X448",
            Self::MlDsa65Ed25519 => "ML-DSA-65+Ed25519",
            Self::MlDsa87Ed448 => "ML-DSA-87+Ed448",
            Self::SlhDsa => "SLH-DSA",
            Self::Unknown => "an unknown algorithm",
        })
    }
}

/// An authenticated mode of encryption (RFC 9580 §9.6).
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Aead {
    /// OCB, which everybody who reads version 2 containers must have.
    Ocb,
    /// EAX.
    Eax,
    /// GCM.
    Gcm,
}

impl fmt::Display for Aead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ocb => "OCB",
            Self::Eax => "EAX",
            Self::Gcm => "GCM",
        })
    }
}

/// Which kind of key is generated.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Version 4, Ed25519 and Curve25519, version 1 containers: GnuPG 2.2 and everybody else reads it.
    Compat,
    /// Version 6 (RFC 9580): Ed25519, X25519, version 2 containers.
    Modern,
    /// Version 6 with ML-DSA-65+Ed25519 and ML-KEM-768+X25519 (RFC 9980). Its certificates have 23 KB.
    PostQuantum,
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Compat => "the profile Compat",
            Self::Modern => "the profile Modern",
            Self::PostQuantum => "the profile PostQuantum",
        })
    }
}

/// What may be asked of a build: `supports`.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Capability {
    /// Keys of this profile are generated.
    Generate(Profile),
    /// Containers in this mode are read.
    Aead(Aead),
    /// Signatures are verified with it, or messages encrypted to it.
    Public(Algorithm),
    /// Messages are signed or decrypted with it.
    Secret(Algorithm),
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Generate(profile) => profile.fmt(f),
            Self::Aead(aead) => aead.fmt(f),
            Self::Public(algorithm) => write!(f, "public keys of {algorithm}"),
            Self::Secret(algorithm) => write!(f, "secret keys of {algorithm}"),
        }
    }
}

/// Why a build cannot do it.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnsupportedReason {
    /// The backend does not have it.
    Missing,
    /// The backend has it, but takes a time that depends on the secret: whoever measures it learns the key.
    NotConstantTime,
}

/// What a build cannot do, and what would help.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{capability}: {}", self.words())]
pub struct Unsupported {
    /// What was asked for.
    pub capability: Capability,
    /// Why not.
    pub reason: UnsupportedReason,
}

impl Unsupported {
    #[cfg(any(feature = "_backend", test))]
    pub(crate) fn new(capability: Capability, reason: UnsupportedReason) -> Self {
        Self { capability, reason }
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        let post_quantum = match self.capability {
            Capability::Generate(profile) => profile == Profile::PostQuantum,
            Capability::Public(algorithm) | Capability::Secret(algorithm) => {
                algorithm.is_post_quantum()
            }
            Capability::Aead(_) => false,
        };
        let brainpool = matches!(
            self.capability,
            Capability::Public(Algorithm::EcdhBrainpool | Algorithm::EcdsaBrainpool)
                | Capability::Secret(Algorithm::EcdhBrainpool | Algorithm::EcdsaBrainpool)
        );
        match (self.reason, self.capability) {
            (UnsupportedReason::NotConstantTime, _) => {
                "build with crypto-openssl or crypto-nettle in place of crypto-rust"
            }
            (
                _,
                Capability::Secret(Algorithm::ElGamal) | Capability::Public(Algorithm::ElGamal),
            ) => "use GnuPG to decrypt, and a newer subkey from now on",
            (_, Capability::Aead(Aead::Eax)) => "build with crypto-nettle or crypto-rust",
            (_, Capability::Aead(_)) => "build with crypto-openssl, or with Nettle 3.9 or later",
            _ if brainpool => "build with crypto-openssl",
            _ if post_quantum => "build with crypto-openssl and OpenSSL 3.5 or later",
            _ => "use a key of another algorithm",
        }
    }

    fn words(&self) -> String {
        let why = match self.reason {
            UnsupportedReason::Missing => "not in this build",
            UnsupportedReason::NotConstantTime => {
                "refused, because the time it takes tells the key"
            }
        };
        format!("{why}; {}", self.remedy())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_names_the_remedy() {
        let secret = Capability::Secret(Algorithm::Rsa);
        let said = Unsupported::new(secret, UnsupportedReason::NotConstantTime).to_string();
        assert!(said.starts_with("secret keys of RSA: refused"), "{said}");
        assert!(
            said.ends_with("build with crypto-openssl or crypto-nettle in place of crypto-rust")
        );
        let newer = Capability::Generate(Profile::PostQuantum);
        let said = Unsupported::new(newer, UnsupportedReason::Missing).to_string();
        assert!(said.contains("OpenSSL 3.5"), "{said}");
    }
}
