use std::time::{SystemTime, UNIX_EPOCH};

/// A moment in the Gregorian calendar, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Civil {
    pub(super) year: u64,
    /// From 1.
    pub(super) month: u64,
    pub(super) day: u64,
    /// From 0, which is a Thursday.
    weekday: u64,
    pub(super) hour: u64,
    pub(super) minute: u64,
    second: u64,
}

/// The last second of the year 9999, the last year that RFC 5322 §3.3 writes in four digits.
const LAST: u64 = 253_402_300_799;

impl Civil {
    /// Before 1970 it is 1970, and after the year 9999 its end.
    pub(super) fn of(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH);
        let seconds = since.map_or(0, |since| since.as_secs()).min(LAST);
        let (days, second) = (seconds / 86_400, seconds % 86_400);
        // Years begin in March here, so that the leap day is the last one.
        let shifted = days + 719_468;
        let (era, day) = (shifted / 146_097, shifted % 146_097);
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let date = day - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        Self {
            year: year + era * 400 + u64::from(month <= 2),
            month,
            day: date,
            weekday: days % 7,
            hour: second / 3600,
            minute: second / 60 % 60,
            second: second % 60,
        }
    }
}

/// As in `Fri, 15 Jan 2027 08:00:00 +0000` (RFC 5322 §3.3).
pub(super) fn field(time: SystemTime) -> String {
    let at = Civil::of(time);
    let name = |names: &'static str, at: u64| {
        let at = usize::try_from(at).unwrap_or_default() * 3;
        names.get(at..at + 3).unwrap_or_default()
    };
    format!(
        "{}, {} {} {:04} {:02}:{:02}:{:02} +0000",
        name("ThuFriSatSunMonTueWed", at.weekday),
        at.day,
        name("JanFebMarAprMayJunJulAugSepOctNovDec", at.month - 1),
        at.year,
        at.hour,
        at.minute,
        at.second,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn dates_are_those_of_the_calendar() {
        // As `date -u -R -d @...` prints them.
        for (seconds, text) in [
            (0, "Thu, 1 Jan 1970 00:00:00 +0000"),
            (951_782_399, "Mon, 28 Feb 2000 23:59:59 +0000"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 +0000"),
            (1_800_000_000, "Fri, 15 Jan 2027 08:00:00 +0000"),
            (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 +0000"),
            (4_107_542_400, "Mon, 1 Mar 2100 00:00:00 +0000"),
            (LAST, "Fri, 31 Dec 9999 23:59:59 +0000"),
            (LAST + 1, "Fri, 31 Dec 9999 23:59:59 +0000"),
        ] {
            assert_eq!(field(UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
        assert!(field(UNIX_EPOCH - Duration::from_secs(1)).starts_with("Thu, 1 Jan 1970"));
    }
}
