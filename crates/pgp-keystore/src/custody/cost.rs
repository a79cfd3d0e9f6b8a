use super::CustodyError;
use crate::octets::{Reader, Writer};

/// What one unlock costs (Argon2id, RFC 9106 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Cost {
    /// The least that is taken: 19 MiB, two passes, one lane. A tenth of the default.
    pub const LEAST: Self = Self {
        memory_kib: 19 << 10,
        passes: 2,
        lanes: 1,
    };

    /// The most: whoever writes to the store chooses what an unlock costs the server, and no more than this. 256 MiB, ten
    /// passes, sixteen lanes.
    pub const MOST: Self = Self {
        memory_kib: 256 << 10,
        passes: 10,
        lanes: 16,
    };

    /// So much memory in KiB, so many passes and lanes.
    ///
    /// # Errors
    ///
    /// [`CustodyError::Limit`] outside of [`LEAST`](Self::LEAST) and [`MOST`](Self::MOST), each number by itself.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, CustodyError> {
        let (least, most) = (Self::LEAST, Self::MOST);
        let fits = (least.memory_kib..=most.memory_kib).contains(&memory_kib)
            && (least.passes..=most.passes).contains(&passes)
            && (least.lanes..=most.lanes).contains(&lanes);
        match fits {
            true => Ok(Self {
                memory_kib,
                passes,
                lanes,
            }),
            false => Err(CustodyError::Limit {
                what: "the cost of unlocking",
            }),
        }
    }

    /// Memory in KiB.
    #[must_use]
    pub fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    /// Passes over it.
    #[must_use]
    pub fn passes(self) -> u32 {
        self.passes
    }

    /// Lanes.
    #[must_use]
    pub fn lanes(self) -> u32 {
        self.lanes
    }

    pub(super) fn write(self, to: Writer) -> Writer {
        to.u32(self.memory_kib).u32(self.passes).u32(self.lanes)
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Option<Result<Self, CustodyError>> {
        let (memory, passes, lanes) = (from.u32()?, from.u32()?, from.u32()?);
        Some(Self::new(memory, passes, lanes))
    }
}

impl Default for Cost {
    /// The second recommendation of RFC 9106 §4: 64 MiB, three passes, four lanes.
    fn default() -> Self {
        Self {
            memory_kib: 64 << 10,
            passes: 3,
            lanes: 4,
        }
    }
}
