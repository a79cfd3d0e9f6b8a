use std::fmt;

use zeroize::Zeroizing;

/// A password, overwritten when it is dropped.
///
/// Its octets go into Argon2 as they are. Two programs agree on a password only if they prepare it alike
/// (RFC 8265 §4): a constructor that does not is named after that.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<Vec<u8>>);

impl Passphrase {
    /// Fewer octets than these are refused when a message is sealed.
    pub const MIN_OCTETS: usize = 8;

    /// Octets that the caller has prepared, or that are to be used as they are.
    ///
    /// For text this is UTF-8 after normalisation (NFC), with every space mapped to U+0020.
    #[must_use]
    pub fn from_unprepared_octets(octets: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(octets.into()))
    }

    pub(crate) fn octets(&self) -> &[u8] {
        &self.0
    }
}

/// Without its octets, and without their number.
impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(..)")
    }
}
