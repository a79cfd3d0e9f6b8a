use std::fmt;

use super::CustodyError;

/// Most octets of an account's name.
pub const MAX_ACCOUNT: usize = 255;

/// The name of an account: 1 to [`MAX_ACCOUNT`] octets of text, compared as they are. What stays the same if the user's
/// address changes is the better name: secrets are bound to it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(Box<str>);

impl AccountId {
    /// By its text.
    ///
    /// # Errors
    ///
    /// [`CustodyError::Malformed`] for nothing, more than [`MAX_ACCOUNT`] octets, or control characters.
    pub fn new(text: impl Into<String>) -> Result<Self, CustodyError> {
        let text = text.into();
        let fits = (1..=MAX_ACCOUNT).contains(&text.len()) && !text.chars().any(char::is_control);
        match fits {
            true => Ok(Self(text.into())),
            false => Err(CustodyError::Malformed {
                wanted: "the name of an account",
            }),
        }
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AccountId {
    /// Without the name, which is often an address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccountId(..)")
    }
}
