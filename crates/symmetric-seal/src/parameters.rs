use std::fmt;

use crate::refusal::Refusal;

/// What it costs to try a password: Argon2id's passes, lanes and memory.
///
/// Fixed, and never measured on the sender's machine: what a desktop opens in a second may not open on a phone at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Profile {
    passes: u8,
    lanes: u8,
    /// The memory is two to the power of this, in KiB.
    memory_exponent: u8,
}

impl Profile {
    /// 3 passes, 4 lanes, 64 MiB: the second choice of RFC 9106 §4, and what browsers can do. The default.
    pub const BROWSER: Self = Self::of(3, 4, 16);
    /// 3 passes, 4 lanes, 32 MiB: for devices that have no 64 MiB to spare.
    pub const LOW_MEMORY: Self = Self::of(3, 4, 15);
    /// 3 passes, 4 lanes, 256 MiB: for machines, not phones; the most that a browser should be asked for.
    pub const STRONG: Self = Self::of(3, 4, 18);
    /// 1 pass, 1 lane, 64 KiB: a password does not survive this.
    #[cfg(feature = "danger-weak-kdf")]
    pub const WEAK_FOR_TESTS: Self = Self::of(1, 1, 6);

    /// Those that have a name.
    pub const NAMED: [Self; 3] = [Self::BROWSER, Self::LOW_MEMORY, Self::STRONG];

    const fn of(passes: u8, lanes: u8, memory_exponent: u8) -> Self {
        Self {
            passes,
            lanes,
            memory_exponent,
        }
    }

    /// Its name in lower case, if it has one.
    #[must_use]
    pub fn name(&self) -> Option<&'static str> {
        match *self {
            Self::BROWSER => Some("browser"),
            Self::LOW_MEMORY => Some("low-memory"),
            Self::STRONG => Some("strong"),
            _ => None,
        }
    }

    /// Passes over the memory.
    #[must_use]
    pub fn passes(&self) -> u8 {
        self.passes
    }

    /// Lanes, which can be computed side by side.
    #[must_use]
    pub fn lanes(&self) -> u8 {
        self.lanes
    }

    /// Memory in KiB.
    #[must_use]
    pub fn memory_kib(&self) -> u32 {
        // At most 31: `KdfParameters::new` has seen to that.
        1_u32
            .checked_shl(self.memory_exponent.into())
            .unwrap_or(u32::MAX)
    }

    /// Passes times memory in MiB, rounded up: what a try costs, about.
    #[must_use]
    pub fn work_mib(&self) -> u32 {
        let kib = u64::from(self.passes) * u64::from(self.memory_kib());
        u32::try_from(kib.div_ceil(1024)).unwrap_or(u32::MAX)
    }
}

/// Browser.
impl Default for Profile {
    fn default() -> Self {
        Self::BROWSER
    }
}

/// As in `3 passes, 4 lanes, 65536 KiB`.
impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (passes, lanes, kib) = (self.passes, self.lanes, self.memory_kib());
        write!(f, "{passes} passes, {lanes} lanes, {kib} KiB")
    }
}

/// What Argon2 needs beside the password: the salt and the costs (RFC 9580 §3.7.1.4).
///
/// No secret: a server tells it to whoever wants to open a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KdfParameters {
    salt: [u8; Self::SALT],
    cost: Profile,
}

impl KdfParameters {
    /// Octets of the salt.
    pub const SALT: usize = 16;
    /// Octets of the whole, as [`to_octets`](Self::to_octets) gives them.
    pub const OCTETS: usize = Self::SALT + 3;

    pub(crate) fn with_profile(salt: [u8; Self::SALT], cost: Profile) -> Self {
        Self { salt, cost }
    }

    /// From the fields as they are in a message: the memory is two to the power of the last one, in KiB.
    ///
    /// # Errors
    /// [`Refusal::Argon2`] for what RFC 9580 §3.7.1.4 does not allow: no passes, no lanes, less memory than eight
    /// times the lanes or more than 2^31 KiB.
    pub fn new(
        salt: [u8; Self::SALT],
        passes: u8,
        lanes: u8,
        memory_exponent: u8,
    ) -> Result<Self, Refusal> {
        // RFC 9580 §3.7.1.4: from 3+ceil(log_2(p)) to 31.
        let least = u32::from(lanes).next_power_of_two().trailing_zeros() + 3;
        let possible = (least..=31).contains(&u32::from(memory_exponent));
        if passes == 0 || lanes == 0 || !possible {
            return Err(Refusal::Argon2);
        }
        let cost = Profile::of(passes, lanes, memory_exponent);
        Ok(Self { salt, cost })
    }

    /// Salt, passes, lanes and the exponent of the memory, as in a message.
    #[must_use]
    pub fn to_octets(&self) -> [u8; Self::OCTETS] {
        let mut octets = [0; Self::OCTETS];
        let [salt @ .., passes, lanes, memory] = &mut octets;
        *salt = self.salt;
        let Profile {
            passes: p,
            lanes: l,
            memory_exponent: m,
        } = self.cost;
        (*passes, *lanes, *memory) = (p, l, m);
        octets
    }

    /// What [`to_octets`](Self::to_octets) gave.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn from_octets(octets: &[u8; Self::OCTETS]) -> Result<Self, Refusal> {
        let [salt @ .., passes, lanes, memory] = octets;
        Self::new(*salt, *passes, *lanes, *memory)
    }

    /// The salt.
    #[must_use]
    pub fn salt(&self) -> &[u8; Self::SALT] {
        &self.salt
    }

    /// What a try costs.
    #[must_use]
    pub fn cost(&self) -> Profile {
        self.cost
    }

    pub(crate) fn passes(&self) -> u8 {
        self.cost.passes
    }

    pub(crate) fn lanes(&self) -> u8 {
        self.cost.lanes
    }

    pub(crate) fn memory_kib(&self) -> u32 {
        self.cost.memory_kib()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_what_the_rfc_allows() {
        let new = |passes, lanes, memory| KdfParameters::new([0; 16], passes, lanes, memory);
        assert!(new(1, 1, 3).is_ok() && new(255, 255, 31).is_ok() && new(1, 4, 5).is_ok());
        // RFC 9580 §3.7.1.4.
        for (passes, lanes, memory) in [
            (0, 1, 10),
            (1, 0, 10),
            (1, 1, 2),
            (1, 4, 4),
            (1, 5, 5),
            (1, 1, 32),
            (1, 1, 255),
        ] {
            assert_eq!(new(passes, lanes, memory), Err(Refusal::Argon2));
        }
    }

    #[test]
    fn octets_are_read_as_they_are_written() {
        let parameters = KdfParameters::new([9; 16], 3, 4, 16).unwrap();
        assert_eq!(parameters.cost(), Profile::BROWSER);
        assert_eq!(
            KdfParameters::from_octets(&parameters.to_octets()),
            Ok(parameters)
        );
        assert_eq!(parameters.cost().work_mib(), 192);
        assert_eq!(
            parameters.cost().to_string(),
            "3 passes, 4 lanes, 65536 KiB"
        );
    }
}
