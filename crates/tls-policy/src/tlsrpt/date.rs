//! Dates as in RFC 3339 §5.6, of the years 1970 to 9999, without leap seconds.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DAY: u64 = 86_400;

/// `2016-04-01T00:00:00Z`.
pub(super) fn print(time: SystemTime) -> String {
    let seconds = time
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let (days, of_day) = (seconds / DAY, seconds % DAY);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// `Fri, 1 Apr 2016 00:00:00 +0000` (RFC 5322 §3.3).
pub(super) fn mail(time: SystemTime) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let seconds = time
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let (days, of_day) = (seconds / DAY, seconds % DAY);
    let (year, month, day) = civil(days);
    let name = |names: &[&'static str], at: u64| {
        let at = usize::try_from(at).ok();
        at.and_then(|at| names.get(at).copied()).unwrap_or_default()
    };
    let (week_day, month) = (name(&DAYS, days % 7), name(&MONTHS, month - 1));
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{week_day}, {day} {month} {year:04} {hour:02}:{minute:02}:{second:02} +0000")
}

/// Reads it, with any offset; parts of seconds are dropped.
pub(super) fn read(text: &str) -> Option<SystemTime> {
    let (date, rest) = text.split_at_checked(10)?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (time, rest) = rest.split_at_checked(8)?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    let rest = match rest.strip_prefix('.') {
        None => rest,
        Some(part) => {
            let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
            (rest.len() < part.len()).then_some(rest)?
        }
    };
    let legal = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_of(year, month)).contains(&day)
        && hour <= 23
        && minute <= 59
        && second <= 60;
    if !legal {
        return None;
    }
    let seconds = days(year, month, day) * DAY + hour * 3600 + minute * 60 + second.min(59);
    let seconds = match rest {
        "Z" | "z" => seconds,
        offset => {
            let (sign, offset) = offset.split_at_checked(1)?;
            let [hours, minutes] = numbers(offset, ':', [2, 2])?;
            let offset = (hours <= 23 && minutes <= 59).then_some(hours * 3600 + minutes * 60)?;
            match sign {
                "+" => seconds.checked_sub(offset)?,
                "-" => seconds.checked_add(offset)?,
                _ => return None,
            }
        }
    };
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// Numbers of so many digits each.
fn numbers<const N: usize>(text: &str, separator: char, digits: [usize; N]) -> Option<[u64; N]> {
    let mut parts = text.split(separator);
    let mut found = [0; N];
    for (to, digits) in found.iter_mut().zip(digits) {
        let part = parts.next()?;
        let legal = part.len() == digits && part.bytes().all(|o| o.is_ascii_digit());
        *to = legal.then(|| part.parse().ok())??;
    }
    parts.next().is_none().then_some(found)
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400)
}

fn days_of(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Since 1970-01-01; the year counts from March, so that the leap day is its last.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = match month {
        ..=2 => (year - 1, month + 9),
        _ => (year, month - 3),
    };
    let leaps = year / 4 - year / 100 + year / 400;
    year * 365 + leaps + (month * 153 + 2) / 5 + day - 1 - 719_468
}

/// Year, month and day.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (year * 365 + year / 4 - year / 100);
    let month = (of_year * 5 + 2) / 153;
    let day = of_year - (month * 153 + 2) / 5 + 1;
    let (next, month) = match month {
        ..=9 => (0, month + 3),
        _ => (1, month - 9),
    };
    (era * 400 + year + next, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_two_centuries_is_read_back_and_follows_the_last() {
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for count in 0..200 * 366 {
            assert_eq!(civil(count), (year, month, day));
            assert_eq!(days(year, month, day), count);
            day += 1;
            if day > days_of(year, month) {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
        let date = "2026-11-27T13:14:15Z";
        assert_eq!(print(read(date).unwrap()), date);
        assert_eq!(mail(read(date).unwrap()), "Fri, 27 Nov 2026 13:14:15 +0000");
        assert_eq!(mail(UNIX_EPOCH), "Thu, 1 Jan 1970 00:00:00 +0000");
    }

    #[test]
    fn offsets_count_and_what_is_no_date_is_refused() {
        let at = |text| read(text).map(print);
        assert_eq!(
            at("2016-04-01T01:00:00.123+02:00").as_deref(),
            Some("2016-03-31T23:00:00Z")
        );
        assert_eq!(
            at("2016-12-31t23:59:60-01:00").as_deref(),
            Some("2017-01-01T00:59:59Z")
        );
        for text in [
            "",
            "2016-04-01",
            "2016-04-01T00:00:00",
            "2016-4-1T00:00:00Z",
            "2016-13-01T00:00:00Z",
            "2016-04-31T00:00:00Z",
            "2015-02-29T00:00:00Z",
            "2016-04-01T24:00:00Z",
            "2016-04-01T00:60:00Z",
            "2016-04-01T00:00:00.Z",
            "2016-04-01T00:00:00+2",
            "2016-04-01T00:00:00*02:00",
            "2016-04-01T00:00:00ZZ",
            "1969-12-31T00:00:00Z",
            "1970-01-01T00:00:00+01:00",
            "2016-04-0\u{661}T00:00:00Z",
        ] {
            assert_eq!(at(text), None, "{text:?}");
        }
    }
}
