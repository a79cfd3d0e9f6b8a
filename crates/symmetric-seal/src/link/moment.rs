use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A time in whole seconds since 1970, rounded down. What a clock says before that is 1970, and what it says after the
/// year 9999 is its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(u64);

/// The last second of the year 9999.
const LAST: u64 = 253_402_300_799;

impl Moment {
    pub(super) fn of(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH);
        Self(since.map_or(0, |since| since.as_secs()).min(LAST))
    }

    pub(super) fn after(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(wait.as_secs()).min(LAST))
    }

    pub(super) fn time(self) -> SystemTime {
        let time = UNIX_EPOCH.checked_add(Duration::from_secs(self.0));
        time.unwrap_or(UNIX_EPOCH)
    }

    pub(super) fn to_octets(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }

    pub(super) fn from_octets(octets: [u8; 8]) -> Option<Self> {
        Some(u64::from_be_bytes(octets))
            .filter(|&seconds| seconds <= LAST)
            .map(Self)
    }
}
