//! The record of an account: the hash of its password, and what is known of the password.
//!
//! | octets | what |
//! |---|---|
//! | 1, a PHC string | of what was typed |
//! | 2, a length, so many octets, a PHC string | of its normal form ([`Candidate`](breach_check::policy::Candidate)), and the state of the re-check |
//! | 3, the same | of what was typed, and the state |
//!
//! The first is what earlier releases wrote; it becomes the third. So whatever a password was made of, it is compared once,
//! and what is known of it lives and dies with its hash.

use super::{Error, key};
use crate::{auth, password::Chosen};
use breach_check::recheck::State;
use record_store::{Commit, Expect, Records, Version, Versioned};
use std::{sync::Arc, time::SystemTime};

const TYPED: u8 = 1;
const NORMAL: u8 = 2;
const TYPED_STATED: u8 = 3;

/// What a password was hashed of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    /// Of the octets that were typed.
    Typed,
    /// Of its normal form.
    Normal,
}

/// What a password is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credential {
    /// Of the record.
    pub(crate) version: Version,
    pub(crate) of: Of,
    pub(crate) phc: Arc<str>,
    /// What is known of the password.
    pub(crate) state: State,
}

impl Credential {
    pub(super) fn read(record: &Versioned) -> Result<Self, Error> {
        let (of, state, phc) = read(record.value()?).ok_or(Error::Damaged)?;
        Ok(Self {
            version: record.version(),
            of,
            phc: phc.into(),
            state,
        })
    }

    /// Whether nothing may be done but to choose another password.
    pub(crate) fn must_change(&self) -> bool {
        self.state.must_change()
    }

    /// The record with another state.
    #[cfg(test)]
    pub(crate) fn value_for_tests(&self, state: State) -> Vec<u8> {
        value(self.of, state, &self.phc)
    }

    /// Notes what is known of the password by now, if the record is still the one that was read: what is known of one password
    /// says nothing of a later one. With it goes the mark that its user is to be told, where there is something to tell.
    pub(crate) async fn note(
        &self,
        records: &impl Records,
        account: &str,
        state: State,
        now: SystemTime,
    ) -> Result<(), Error> {
        let value = value(self.of, state, &self.phc);
        let expect = Expect::Version(self.version);
        let mut commit = Commit::new().put(&key(account)?, &*value, expect);
        if state.must_change() && !self.must_change() {
            let (mark, since) = super::breached::mark(account, now)?;
            commit = commit.put(&mark, since, Expect::Anything);
        }
        // Whatever it was: the next login finds it noted, or looks the password up again.
        let _ = records.commit(commit, now).await?;
        Ok(())
    }
}

/// The value for a password that was chosen.
pub(super) fn of(password: &Chosen) -> Result<Vec<u8>, Error> {
    let phc = auth::hash(password.text()).map_err(|_| Error::Hash)?;
    Ok(value(Of::Normal, password.state(), &phc))
}

/// Whether both have one hash, whatever is known of the password.
pub(super) fn is_same(one: &[u8], other: &[u8]) -> bool {
    match (read(one), read(other)) {
        (Some((_, _, one)), Some((_, _, other))) => one == other,
        _ => false,
    }
}

fn value(of: Of, state: State, phc: &str) -> Vec<u8> {
    let format = match of {
        Of::Typed => TYPED_STATED,
        Of::Normal => NORMAL,
    };
    let state = state.to_octets();
    // At most State::MAX_OCTETS.
    let length = u8::try_from(state.len()).unwrap_or_default();
    [&[format, length], &*state, phc.as_bytes()].concat()
}

fn read(value: &[u8]) -> Option<(Of, State, &str)> {
    let (of, state, phc) = match value {
        [TYPED, phc @ ..] => (Of::Typed, State::default(), phc),
        [format @ (NORMAL | TYPED_STATED), length, rest @ ..] => {
            let (state, phc) = rest.split_at_checked(usize::from(*length))?;
            let of = match *format {
                NORMAL => Of::Normal,
                _ => Of::Typed,
            };
            // One that is not read is looked up again, which finds out the same.
            (of, State::from_octets(state).unwrap_or_default(), phc)
        }
        _ => return None,
    };
    Some((of, state, str::from_utf8(phc).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use breach_check::{CountClass, Sighting, recheck::CorpusVersion};

    #[test]
    fn what_was_written_is_read_and_what_earlier_releases_wrote() {
        let version = CorpusVersion::from_root([7; 32]);
        let known = State::accepted(version);
        let seen = known.answered(version, Sighting::Seen(CountClass::MAX), CountClass::MAX);
        for state in [State::default(), known, seen] {
            for of in [Of::Typed, Of::Normal] {
                assert_eq!(read(&value(of, state, "$x")), Some((of, state, "$x")));
            }
        }
        let old = (Of::Typed, State::default(), "$x");
        assert_eq!(read(b"\x01$x"), Some(old));
        assert!(is_same(b"\x01$x", &value(Of::Typed, seen, "$x")));
        assert!(!is_same(b"\x01$x", b"\x01$y") && !is_same(b"", b""));
        // A state of a later release.
        let later = (Of::Normal, State::default(), "$x");
        assert_eq!(read(b"\x02\x03\x09ab$x"), Some(later));
        for bad in [&b""[..], b"\x04$x", b"\x02", b"\x02\x09$x", b"\x01\xff"] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }
}
