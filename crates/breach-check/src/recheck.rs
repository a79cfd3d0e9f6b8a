//! At a login: is the password that just passed known from breaches by now?
//!
//! Whoever checks passwords has them in hand at each login, and at no other time. So the password that just passed is looked
//! up in the whole corpus, once for each version of it, and what is kept beside its hash is only which version that was, and
//! whether the password must be changed (SP 800-63B-4 §3.1.1.2: a change SHALL be forced if there is evidence of compromise).
//!
//! ```
//! use breach_check::recheck::{Action, CorpusVersion, State};
//! use breach_check::{CountClass, Sighting};
//!
//! let version = CorpusVersion::from_root([7; 32]); // of the corpus that is open
//! let state = State::from_octets(&State::default().to_octets())?; // as it was stored with the hash of the password
//! assert_eq!(state.action(version), Action::LookUp);
//! let sighting = Sighting::Seen(CountClass::of(3).unwrap()); // of the corpus
//! let state = state.answered(version, sighting, CountClass::new(0).unwrap());
//! assert_eq!(state.action(version), Action::RequireChange); // at this login and each that follows, until it is changed
//! # Ok::<(), breach_check::recheck::BadState>(())
//! ```
//!
//! Pure, without a clock: you keep the octets, in the record that holds the password's hash, so that they go with it. Write
//! them back only if that record is still the one that was read: an answer about the old password says nothing of a new one.

use crate::corpus::Root;
use crate::{CountClass, Sighting};

/// Which corpus: one that differs in any entry has another version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CorpusVersion([u8; 32]);

impl CorpusVersion {
    /// By the root hash of a corpus.
    #[must_use]
    pub fn from_root(root: [u8; 32]) -> Self {
        Self(root)
    }

    /// By a number that a source counts for itself. A corpus built anew may count from the start again: prefer the root.
    #[must_use]
    pub fn from_number(number: u64) -> Self {
        let mut octets = [0; 32];
        octets
            .iter_mut()
            .rev()
            .zip(number.to_le_bytes())
            .for_each(|(to, from)| *to = from);
        Self(octets)
    }
}

/// That of a corpus, from its [`Facts`](crate::corpus::Facts).
impl From<Root> for CorpusVersion {
    fn from(root: Root) -> Self {
        Self::from_root(*root.octets())
    }
}

/// What is kept about a password: which corpus it was looked up in last, and whether it must be changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    checked: Option<CorpusVersion>,
    must_change: bool,
}

/// What to do at a login whose password was right.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing: it was looked up in this corpus already.
    Nothing,
    /// Look the password up in the whole corpus, hand what was seen to [`State::answered`], and store the state.
    LookUp,
    /// Let the user do nothing but choose another password.
    RequireChange,
}

/// Octets that are no state. Whoever reads them from a store does not know whether the password must be changed: look it up
/// as with `State::default()`, and if it was seen it must.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no state of a re-check that this version reads")]
#[non_exhaustive]
pub struct BadState;

/// The version of the octets.
const VERSION: u8 = 1;
const MUST_CHANGE: u8 = 1;
const CHECKED: u8 = 2;

impl State {
    /// Most octets that a state has, in any version.
    pub const MAX_OCTETS: usize = 64;

    /// Of a password that the policy has just accepted by this corpus.
    #[must_use]
    pub fn accepted(version: CorpusVersion) -> Self {
        let checked = Some(version);
        Self {
            checked,
            must_change: false,
        }
    }

    /// What to do at a login.
    #[must_use]
    pub fn action(&self, version: CorpusVersion) -> Action {
        match (self.must_change, self.checked) {
            (true, _) => Action::RequireChange,
            (false, Some(checked)) if checked == version => Action::Nothing,
            (false, _) => Action::LookUp,
        }
    }

    /// What is known after a look-up. What was seen at least so often must be changed, and that stays, whatever a later corpus
    /// says; what the corpus does not know is asked again at the next login.
    #[must_use]
    pub fn answered(self, version: CorpusVersion, sighting: Sighting, least: CountClass) -> Self {
        let checked = Some(version);
        match sighting {
            Sighting::Unknown(_) => self,
            Sighting::NotSeen => Self { checked, ..self },
            Sighting::Seen(class) => {
                let must_change = self.must_change || class >= least;
                Self {
                    checked,
                    must_change,
                }
            }
        }
    }

    /// Whether the password must be changed.
    #[must_use]
    pub fn must_change(&self) -> bool {
        self.must_change
    }

    /// As it is stored: a version, what is known, and the version of the corpus, 34 octets.
    #[must_use]
    pub fn to_octets(&self) -> Vec<u8> {
        let flags =
            u8::from(self.must_change) * MUST_CHANGE + u8::from(self.checked.is_some()) * CHECKED;
        let corpus = self.checked.map_or([0; 32], |checked| checked.0);
        [&[VERSION, flags][..], &corpus].concat()
    }

    /// As it was stored.
    ///
    /// # Errors
    /// [`BadState`]: of another version, or damaged.
    pub fn from_octets(octets: &[u8]) -> Result<Self, BadState> {
        let [VERSION, flags, corpus @ ..] = octets else {
            return Err(BadState);
        };
        let corpus = <[u8; 32]>::try_from(corpus).map_err(|_| BadState)?;
        let checked = match flags & CHECKED {
            0 if corpus != [0; 32] => return Err(BadState),
            0 => None,
            _ => Some(CorpusVersion(corpus)),
        };
        match *flags & !(MUST_CHANGE | CHECKED) {
            0 => Ok(Self {
                checked,
                must_change: flags & MUST_CHANGE != 0,
            }),
            _ => Err(BadState),
        }
    }
}
