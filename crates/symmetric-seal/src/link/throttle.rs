use std::time::Duration;

/// The first wait after too many wrong proofs.
pub const FIRST_WAIT: Duration = Duration::from_secs(30);
/// The longest.
pub const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// How long the link waits after this many wrong proofs in a row, of which `attempts` are free.
pub(super) fn wait(failures: u32, attempts: u8) -> Option<Duration> {
    let beyond = failures.checked_sub(u32::from(attempts))?;
    let wait = 1_u32
        .checked_shl(beyond)
        .and_then(|times| FIRST_WAIT.checked_mul(times));
    Some(wait.unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_an_hour() {
        let seconds = |failures| wait(failures, 5).map(|wait| wait.as_secs());
        assert_eq!([0, 4].map(seconds), [None; 2]);
        let waits = [30, 60, 120, 240, 480, 960, 1920, 3600, 3600];
        for (failures, expected) in (5..).zip(waits) {
            assert_eq!(seconds(failures), Some(expected));
        }
        // As far as a number goes: the sum of shifts neither overflows nor starts anew.
        for failures in [36, 37, 38, 69, 1000, u32::MAX] {
            assert_eq!(seconds(failures), Some(3600), "{failures}");
        }
    }
}
