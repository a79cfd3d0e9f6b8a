//! What is known of a password.

use crate::CountClass;

/// Whether a password was seen in breaches. Nothing but [`NotSeen`](Self::NotSeen) says that it was not.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// It was seen, about so often.
    Seen(CountClass),
    /// The source is whole where this password would be, and does not have it.
    NotSeen,
    /// The source does not know.
    Unknown(Unknown),
}

/// Why a source does not know.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// The corpus was made without the range of this password.
    Gap,
    /// The server could not be asked, or gave no whole answer.
    NoAnswer,
}
