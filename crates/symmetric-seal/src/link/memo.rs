use std::fmt;

use super::TermsError;

/// What a server keeps with a link for itself, in octets of its own: which account to tell of what happens to the link,
/// and by which words the sender knows it again. It is stored with the link as it is, and given back with each notice.
#[derive(Clone, PartialEq, Eq)]
pub struct Memo(Vec<u8>);

impl Memo {
    /// Most octets.
    pub const MAX_OCTETS: usize = 1024;

    /// From 1 to [`MAX_OCTETS`](Self::MAX_OCTETS) octets.
    ///
    /// # Errors
    /// [`TermsError::Memo`].
    pub fn new(octets: Vec<u8>) -> Result<Self, TermsError> {
        match (1..=Self::MAX_OCTETS).contains(&octets.len()) {
            true => Ok(Self(octets)),
            false => Err(TermsError::Memo),
        }
    }

    /// The octets.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

/// Without its octets.
impl fmt::Debug for Memo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memo({} octets)", self.0.len())
    }
}
