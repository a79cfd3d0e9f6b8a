use crate::parameters::{KdfParameters, Profile};
use crate::refusal::Refusal;

/// Bounds on what a stranger can make an [`Opener`](crate::Opener) do, checked before Argon2 runs wherever they can be.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Limits {
    /// Memory of Argon2, in KiB. Default 262,144 (256 MiB).
    pub max_memory_kib: u32,
    /// Passes of Argon2. Default 8.
    pub max_passes: u8,
    /// Lanes of Argon2. Default 16.
    pub max_lanes: u8,
    /// Passes times memory in MiB, which is what Argon2 costs. Default 1,024.
    pub max_work_mib: u32,
    /// Octets of a chunk; a buffer of this size is used when streaming. Default 4 MiB, the most that there is.
    pub max_chunk: usize,
    /// Octets of the message as it comes, armor included. Default 128 MiB.
    pub max_message: u64,
    /// Octets of the content. Default 64 MiB.
    pub max_plaintext: u64,
}

impl Limits {
    /// Session key packets in a message: no setting.
    pub const MAX_SESSION_KEYS: usize = 1;
    /// Lines of header in an armor: no setting.
    pub const MAX_ARMOR_HEADERS: usize = 16;
    /// Octets of a line of an armor, its end not counted: no setting.
    pub const MAX_ARMOR_LINE: usize = 1024;

    pub(crate) fn check_kdf(&self, parameters: &KdfParameters) -> Result<(), Refusal> {
        let cost = parameters.cost();
        if cost.memory_kib() > self.max_memory_kib {
            return Err(Refusal::Argon2Memory);
        }
        if cost.passes() > self.max_passes {
            return Err(Refusal::Argon2Passes);
        }
        if cost.lanes() > self.max_lanes {
            return Err(Refusal::Argon2Lanes);
        }
        if cost.work_mib() > self.max_work_mib {
            return Err(Refusal::Argon2Work);
        }
        Ok(())
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_memory_kib: Profile::STRONG.memory_kib(),
            max_passes: 8,
            max_lanes: 16,
            max_work_mib: 1024,
            max_chunk: 4 << 20,
            max_message: 128 << 20,
            max_plaintext: 64 << 20,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cost_has_its_limit() {
        let limits = Limits::default();
        let check = |passes, lanes, memory| {
            limits.check_kdf(&KdfParameters::new([0; 16], passes, lanes, memory).unwrap())
        };
        for profile in Profile::NAMED {
            let named = KdfParameters::with_profile([0; 16], profile);
            assert_eq!(limits.check_kdf(&named), Ok(()));
        }
        assert_eq!(check(1, 1, 19), Err(Refusal::Argon2Memory));
        assert_eq!(check(1, 1, 31), Err(Refusal::Argon2Memory));
        assert_eq!(check(9, 1, 10), Err(Refusal::Argon2Passes));
        assert_eq!(check(1, 17, 10), Err(Refusal::Argon2Lanes));
        assert_eq!(check(4, 4, 18), Ok(()));
        assert_eq!(check(5, 4, 18), Err(Refusal::Argon2Work));
    }
}
