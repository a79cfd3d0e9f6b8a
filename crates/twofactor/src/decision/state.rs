//! What one user's logins depend on.

use std::time::{Duration, SystemTime};

use super::{Burned, Counter, millis};
use crate::octets::{Reader, Writer};

/// Most apps and tokens that show codes, of one user.
pub const MAX_OTP: usize = 4;
/// Most passkeys of one user.
pub const MAX_PASSKEYS: u8 = 32;
/// Most networks that are remembered; the one that was seen longest ago makes room.
const MAX_NETWORKS: usize = 16;
/// How long a network is known after a login from there.
const KNOWN_DAYS: u32 = 30;
/// Most octets of a written state.
pub const MAX_STATE: usize = 4096;
const FORMAT: u8 = 1;

/// Which app or token, of one user. No number is given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FactorId(pub(crate) u32);

impl FactorId {
    /// The number.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }

    /// As [`number`](Self::number) gave it.
    #[must_use]
    pub fn from_number(number: u32) -> Self {
        Self(number)
    }
}

/// A network as it is stored: a keyed hash.
pub type Tag = [u8; 8];

/// The decision record of one user: at most [`MAX_STATE`] octets, changed by compare-and-set alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    pub(super) generation: u64,
    pub(super) round: u32,
    pub(super) strangers: Counter,
    pub(super) known: Counter,
    pub(super) networks: Vec<Seen>,
    pub(super) otps: Vec<Otp>,
    pub(super) factors: u32,
    pub(super) recovery: Counter,
    pub(super) recovery_left: u8,
    pub(super) passkeys: u8,
}

/// A network from which somebody has logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Seen {
    pub(super) network: Tag,
    pub(super) day: u32,
}

/// An app or token that shows codes, without its secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Otp {
    pub(super) id: FactorId,
    pub(super) progress: Progress,
    pub(super) counter: Counter,
    /// The step of the last duplicate that the user was told of.
    pub(super) told: u64,
}

/// Which of its codes can still be used.
#[allow(clippy::exhaustive_enums)] // by time, or by counter
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Progress {
    /// TOTP: all but these.
    Time(Burned),
    /// HOTP: from this one on.
    Counter {
        /// The next.
        next: u64,
    },
}

/// What there is besides the password.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Methods {
    /// Apps or tokens that show codes.
    pub otps: u8,
    /// Passkeys.
    pub passkeys: u8,
    /// Recovery codes that are left.
    pub recovery_codes: u8,
}

impl Methods {
    /// Whether a second factor is asked for.
    #[must_use]
    pub fn is_enrolled(self) -> bool {
        self.otps > 0 || self.passkeys > 0
    }
}

/// Octets that are no state.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stored state cannot be read")]
pub struct NotAState;

impl State {
    /// The first of a user: its generation begins anywhere, so that it is none that an earlier user of the same name had.
    #[cfg(feature = "store")]
    pub(crate) fn begin(random: [u8; 8]) -> Self {
        Self {
            // With room to grow.
            generation: u64::from_be_bytes(random) >> 1,
            ..Self::default()
        }
    }

    /// Grows by one when factors change: what was begun before is begun anew.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Changes when failures are cleared: a try that was counted before is not given back after.
    #[must_use]
    pub fn round(&self) -> u32 {
        self.round
    }

    /// What there is besides the password.
    #[must_use]
    pub fn methods(&self) -> Methods {
        Methods {
            otps: u8::try_from(self.otps.len()).unwrap_or(u8::MAX),
            passkeys: self.passkeys,
            recovery_codes: self.recovery_left,
        }
    }

    /// The apps and tokens.
    #[must_use]
    pub fn otps(&self) -> &[Otp] {
        &self.otps
    }

    /// Failures in a row with the password: of strangers, and of known devices.
    #[must_use]
    pub fn password(&self) -> (Counter, Counter) {
        (self.strangers, self.known)
    }

    /// Failures in a row with recovery codes.
    #[must_use]
    pub fn recovery(&self) -> Counter {
        self.recovery
    }

    /// Whether somebody has logged in from this network within 30 days.
    pub(super) fn knows(&self, network: &Tag, now: SystemTime) -> bool {
        // Either way: what a clock noted that was far ahead is not known until then.
        let day = day(now);
        let seen = |seen: &Seen| seen.network == *network && seen.day.abs_diff(day) <= KNOWN_DAYS;
        self.networks.iter().any(seen)
    }

    /// Recovery codes stand in for other factors: without any, there is nothing to stand in for, and who enrols again gets
    /// new ones.
    pub(super) fn forget_recovery(&mut self) {
        if !self.methods().is_enrolled() {
            self.recovery_left = 0;
        }
    }

    pub(super) fn note(&mut self, network: Tag, now: SystemTime) {
        self.networks.retain(|seen| seen.network != network);
        if self.networks.len() >= MAX_NETWORKS {
            self.networks.remove(0);
        }
        let day = day(now);
        self.networks.push(Seen { network, day });
    }

    /// As it is stored.
    #[must_use]
    pub fn to_octets(&self) -> Vec<u8> {
        let counter = |writer: Writer, counter: Counter| {
            let (failures, last) = counter.parts();
            writer.u8(failures).u64(last)
        };
        let mut writer = Writer::default().u8(FORMAT);
        writer = writer.u64(self.generation).u32(self.round);
        for of in [self.strangers, self.known, self.recovery] {
            writer = counter(writer, of);
        }
        writer = writer.u8(self.recovery_left).u8(self.passkeys);
        writer = writer.u32(self.factors).u8(length(&self.networks));
        for seen in &self.networks {
            writer = writer.array(&seen.network).u32(seen.day);
        }
        writer = writer.u8(length(&self.otps));
        for otp in &self.otps {
            let (kind, a, b) = match otp.progress {
                Progress::Time(burned) => (1, burned.parts().0, burned.parts().1),
                Progress::Counter { next } => (2, next, 0),
            };
            writer = writer.u32(otp.id.0).u8(kind).u64(a).u64(b).u64(otp.told);
            writer = counter(writer, otp.counter);
        }
        writer.finish()
    }

    /// Reads what [`to_octets`](Self::to_octets) gave.
    ///
    /// # Errors
    /// [`NotAState`].
    pub fn from_octets(octets: &[u8]) -> Result<Self, NotAState> {
        read(octets).ok_or(NotAState)
    }
}

impl Otp {
    /// Which.
    #[must_use]
    pub fn id(&self) -> FactorId {
        self.id
    }

    /// Which of its codes can still be used.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// Failures in a row.
    #[must_use]
    pub fn counter(&self) -> Counter {
        self.counter
    }
}

fn length<T>(of: &[T]) -> u8 {
    u8::try_from(of.len()).unwrap_or(u8::MAX)
}

fn read(octets: &[u8]) -> Option<State> {
    if octets.len() > MAX_STATE {
        return None;
    }
    let mut reader = Reader::new(octets);
    let from = &mut reader;
    let counter = |reader: &mut Reader<'_>| {
        let (failures, last) = (reader.u8()?, reader.u64()?);
        Some(Counter::from_parts(failures, last))
    };
    if from.u8()? != FORMAT {
        return None;
    }
    let mut state = State {
        generation: from.u64()?,
        round: from.u32()?,
        strangers: counter(from)?,
        known: counter(from)?,
        recovery: counter(from)?,
        recovery_left: from.u8()?,
        passkeys: from.u8()?,
        factors: from.u32()?,
        ..State::default()
    };
    let networks = from.u8()?;
    for _ in 0..networks {
        let (network, day) = (from.array()?, from.u32()?);
        state.networks.push(Seen { network, day });
    }
    let otps = from.u8()?;
    for _ in 0..otps {
        let id = FactorId(from.u32()?);
        let (kind, a, b) = (from.u8()?, from.u64()?, from.u64()?);
        let progress = match (kind, b) {
            (1, bits) => Progress::Time(Burned::from_parts(a, bits)),
            (2, 0) => Progress::Counter { next: a },
            _ => return None,
        };
        let told = from.u64()?;
        let counter = counter(from)?;
        state.otps.push(Otp {
            id,
            progress,
            counter,
            told,
        });
    }
    reader.end()?;
    let fits = state.networks.len() <= MAX_NETWORKS && state.otps.len() <= MAX_OTP;
    fits.then_some(state)
}

fn day(at: SystemTime) -> u32 {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    u32::try_from(millis(at) / (DAY.as_secs() * 1000)).unwrap_or(u32::MAX)
}
