//! What is kept until the browser has answered.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{LIFETIME, UserHandle, webauthn};
use crate::decision::millis;
use crate::octets::{Reader, Writer};

/// Most octets of a challenge that is kept; one has some 500.
pub const MAX_KEPT: usize = 4096;

const FORMAT: u8 = 1;
const REGISTRATION: u8 = 1;
const LOGIN: u8 = 2;

/// Octets that are no challenge of this kind.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stored challenge cannot be read")]
pub struct NotAChallenge;

/// A registration that has begun. It is kept where the browser cannot get at it, and taken by the first answer.
#[derive(Clone)]
pub struct Registration {
    pub(super) at: SystemTime,
    pub(super) user: UserHandle,
    pub(super) state: webauthn::Creating,
}

/// A login that has begun. It is kept where the browser cannot get at it, and taken by the first answer.
#[derive(Clone)]
pub struct Login {
    pub(super) at: SystemTime,
    pub(super) state: webauthn::Getting,
}

impl Registration {
    /// As it is stored: at most [`MAX_KEPT`] octets.
    #[must_use]
    pub fn to_octets(&self) -> Vec<u8> {
        begin(REGISTRATION, self.at)
            .array(&self.user.0)
            .octets(self.state.json())
            .finish()
    }

    /// Reads what [`to_octets`](Self::to_octets) gave.
    ///
    /// # Errors
    /// [`NotAChallenge`], also of a [`Login`].
    pub fn from_octets(octets: &[u8]) -> Result<Self, NotAChallenge> {
        let read = || {
            let (at, mut reader) = opened(REGISTRATION, octets)?;
            let user = UserHandle(reader.array()?);
            let state = webauthn::Creating::from_json(reader.octets()?)?;
            reader.end()?;
            Some(Self { at, user, state })
        };
        read().ok_or(NotAChallenge)
    }
}

impl Login {
    /// As it is stored: at most [`MAX_KEPT`] octets, however many passkeys were asked for.
    #[must_use]
    pub fn to_octets(&self) -> Vec<u8> {
        begin(LOGIN, self.at).octets(self.state.json()).finish()
    }

    /// Reads what [`to_octets`](Self::to_octets) gave.
    ///
    /// # Errors
    /// [`NotAChallenge`], also of a [`Registration`].
    pub fn from_octets(octets: &[u8]) -> Result<Self, NotAChallenge> {
        let read = || {
            let (at, mut reader) = opened(LOGIN, octets)?;
            let state = webauthn::Getting::from_json(reader.octets()?)?;
            reader.end()?;
            Some(Self { at, state })
        };
        read().ok_or(NotAChallenge)
    }
}

/// When what [`Registration::to_octets`] or [`Login::to_octets`] gave was begun.
#[cfg(feature = "store")]
pub(crate) fn begun(octets: &[u8]) -> Option<SystemTime> {
    let registration = opened(REGISTRATION, octets).or_else(|| opened(LOGIN, octets));
    registration.map(|(at, _)| at)
}

/// Whether a challenge of then can be answered now. One from the future is of a node whose clock is ahead, and as good for
/// as long.
pub(super) fn is_open(at: SystemTime, now: SystemTime) -> bool {
    let apart = now.duration_since(at);
    apart.unwrap_or_else(|ahead| ahead.duration()) < LIFETIME
}

fn begin(kind: u8, at: SystemTime) -> Writer {
    Writer::default().u8(FORMAT).u8(kind).u64(millis(at))
}

fn opened(kind: u8, octets: &[u8]) -> Option<(SystemTime, Reader<'_>)> {
    if octets.len() > MAX_KEPT {
        return None;
    }
    let mut reader = Reader::new(octets);
    if (reader.u8()?, reader.u8()?) != (FORMAT, kind) {
        return None;
    }
    let at = UNIX_EPOCH.checked_add(Duration::from_millis(reader.u64()?))?;
    Some((at, reader))
}

/// Without the challenge.
impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Registration(..)")
    }
}

/// Without the challenge.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_good_for_five_minutes_and_no_longer() {
        let at = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let milli = Duration::from_millis(1);
        assert!(is_open(at, at) && is_open(at, at + LIFETIME - milli));
        assert!(!is_open(at, at + LIFETIME));
        // The clock of the node that asked was ahead; or this one's was set back.
        assert!(is_open(at, at - Duration::from_secs(2)) && !is_open(at, at - LIFETIME));
    }
}
