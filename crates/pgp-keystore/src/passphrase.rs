//! What unlocks secret keys.

use std::fmt;

use zeroize::Zeroizing;

/// A passphrase: wiped from memory when it is dropped, and never printed.
#[derive(Clone)]
#[cfg_attr(not(any(feature = "_backend", feature = "custody")), allow(dead_code))] // nobody there to read it
pub struct Passphrase(Zeroizing<Vec<u8>>);

impl Passphrase {
    /// The octets that the user typed, as they are: nothing is normalised, as GnuPG does not.
    pub fn new(octets: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(octets.into()))
    }

    #[cfg(any(feature = "_backend", feature = "custody"))]
    pub(crate) fn octets(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(..)")
    }
}

impl From<&str> for Passphrase {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

/// How secret keys are protected where they leave this crate (RFC 9580 §3.7).
#[non_exhaustive]
#[derive(Clone, Debug)]
pub enum Protection {
    /// Argon2id (RFC 9106 §4: three passes, four lanes, 64 MiB for each component) and AES-256 with an authenticated mode. GnuPG
    /// cannot read it.
    Argon2(Passphrase),
    /// What GnuPG 2.2 reads: SHA-256 iterated over about 64 MB, and AES-256 in CFB with a SHA-1 checksum.
    GnuPg(Passphrase),
    /// None. Whoever reads the export has the key.
    None,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passphrase_is_never_printed() {
        let protection = Protection::Argon2(Passphrase::from("correct horse"));
        assert!(!format!("{protection:?}").contains("horse"));
    }
}
