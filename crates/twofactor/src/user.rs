//! Who tries to log in.

use std::fmt;
use std::sync::Arc;

/// Most octets of a [`UserId`].
pub const MAX_USER: usize = 128;

/// Most octets of an unknown name that are looked at.
pub const MAX_NAME: usize = 1024;

/// A user, by a name that never changes and is never given to somebody else: 1 to [`MAX_USER`] octets.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(Arc<str>);

/// A text that is no [`UserId`].
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a user's id has 1 to {MAX_USER} octets and no control characters")]
pub struct NotAUser;

impl UserId {
    /// Takes an id.
    ///
    /// # Errors
    /// [`NotAUser`].
    pub fn new(id: &str) -> Result<Self, NotAUser> {
        match (1..=MAX_USER).contains(&id.len()) && !id.contains(char::is_control) {
            true => Ok(Self(id.into())),
            false => Err(NotAUser),
        }
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Without the id, which may be somebody's address.
impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserId(..)")
    }
}

/// Whose login it is said to be. Names that nobody has are counted, too, so that nobody learns from waits which exist.
#[allow(clippy::exhaustive_enums)] // there is such a user, or there is none
#[derive(Clone, Copy)]
pub enum Subject<'a> {
    /// A user that exists.
    Known(&'a UserId),
    /// A name which is nobody's, in the form that users' names are brought into (letter case, for one) before they are
    /// looked for: else each spelling would have a count of its own, which no user's name has.
    Unknown(&'a str),
}

/// Without the name.
impl fmt::Debug for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Known(_) => "Known(..)",
            Self::Unknown(_) => "Unknown(..)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_short_and_printable() {
        assert!(UserId::new("ann@example.org").is_ok());
        assert!(UserId::new(&"a".repeat(MAX_USER)).is_ok());
        for bad in [String::new(), "a".repeat(MAX_USER + 1), "a\nb".to_owned()] {
            assert_eq!(UserId::new(&bad), Err(NotAUser));
        }
        let ann = UserId::new("ann").unwrap();
        assert!(!format!("{ann:?} {:?}", Subject::Unknown("ann")).contains("ann"));
    }
}
