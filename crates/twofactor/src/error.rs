/// Why there is no verdict.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store gave no outcome. Nothing was let in.
    #[cfg(feature = "store")]
    #[error("the store failed")]
    Store(#[from] record_store::Error),
    /// Nobody knows what became of the commit. Nothing was let in; a code that was right may be used up.
    #[error("it is not known whether the store has counted the try")]
    InDoubt,
    /// Others changed the same user again and again.
    #[error("too many tries at the same time")]
    Contended,
    /// What is stored cannot be read: it is damaged, of a later release, or sealed with a key that is not here.
    #[error("{what} cannot be read")]
    Damaged {
        /// What it is.
        what: &'static str,
    },
    /// There are as many as there may be.
    #[error("no more than {most} of {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        most: usize,
    },
    /// There is none of this name.
    #[error("there is no such {what}")]
    NoSuch {
        /// What was asked for.
        what: &'static str,
    },
    /// A name or label is too long, or holds control characters.
    #[error("a name has 1 to {most} octets and no control characters")]
    Name {
        /// Most octets.
        most: usize,
    },
    /// A seed has at least 112 bits (SP 800-63B-4 §3.1.4).
    #[error("the seed is too short")]
    WeakSeed,
    /// The work was given up: the pool that it runs on is full or gone.
    #[error("the work could not be done now")]
    Busy,
    /// No random numbers.
    #[error("no random numbers")]
    Random,
}

impl Error {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            #[cfg(feature = "store")]
            Self::Store(why) => why.is_temporary(),
            Self::InDoubt | Self::Contended | Self::Busy | Self::Random => true,
            Self::Damaged { .. }
            | Self::TooMany { .. }
            | Self::NoSuch { .. }
            | Self::Name { .. }
            | Self::WeakSeed => false,
        }
    }
}
