//! Dates (RFC 5322 §3.3), to leave the sender's time zone out.

use super::field::unfolded;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

/// The same instant in UTC; `None` if it is no date that can be understood.
pub(super) fn in_utc(value: &[u8]) -> Option<String> {
    let value = unfolded(value);
    let text = str::from_utf8(&value).ok()?;
    let text = text.split('(').next()?.trim();
    let text = text.split_once(',').map_or(text, |(_, rest)| rest);
    let mut words = text.split(' ').filter(|word| !word.is_empty());
    let day: i64 = words.next()?.parse().ok()?;
    let name = words.next()?;
    let month = MONTHS.iter().position(|m| m.eq_ignore_ascii_case(name))?;
    let year: i64 = words.next()?.parse().ok()?;
    let mut time = words.next()?.split(':');
    let hour: i64 = time.next()?.parse().ok()?;
    let minute: i64 = time.next()?.parse().ok()?;
    let second: i64 = time.next().map_or(Some(0), |s| s.parse().ok())?;
    let offset = zone(words.next()?)?;
    let whole = words.next().is_none()
        && time.next().is_none()
        && (1900..=9_999).contains(&year)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second);
    if !whole {
        return None;
    }
    let days = days_from_civil(year, i64::try_from(month).ok()? + 1, day);
    let at = days * 86_400 + hour * 3_600 + minute * 60 + second - offset * 60;
    let (days, rest) = (at.div_euclid(86_400), at.rem_euclid(86_400));
    let (year, month, day) = civil_from_days(days);
    let name = DAYS.get(usize::try_from(days.rem_euclid(7)).ok()?)?;
    let month = MONTHS.get(usize::try_from(month - 1).ok()?)?;
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    Some(format!(
        "{name}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} +0000"
    ))
}

/// In minutes east of Greenwich. RFC 5322 §4.3 has the names.
fn zone(text: &str) -> Option<i64> {
    let named = match text {
        "UT" | "GMT" | "UTC" | "Z" => Some(0),
        "EDT" => Some(-4),
        "EST" | "CDT" => Some(-5),
        "CST" | "MDT" => Some(-6),
        "MST" | "PDT" => Some(-7),
        "PST" => Some(-8),
        _ => None,
    };
    if let Some(hours) = named {
        return Some(hours * 60);
    }
    let sign = match text.get(..1)? {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let digits = text.get(1..).filter(|d| d.len() == 4)?;
    let number: i64 = digits
        .bytes()
        .all(|d| d.is_ascii_digit())
        .then_some(digits)?
        .parse()
        .ok()?;
    (number % 100 < 60).then_some(sign * (number / 100 * 60 + number % 100))
}

/// Days since 1970-01-01 of the Gregorian calendar, with years that begin in March.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = (month + 2) % 12 + 1;
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zone_goes_and_the_instant_stays() {
        for (there, here) in [
            (
                "Sat, 20 Feb 2021 10:09:02 -0500",
                "Sat, 20 Feb 2021 15:09:02 +0000",
            ),
            (
                "31 Dec 2023 23:30 -0100 (home)",
                "Mon, 01 Jan 2024 00:30:00 +0000",
            ),
            (
                "Fri, 1 Mar 2024 00:10:00 +0530",
                "Thu, 29 Feb 2024 18:40:00 +0000",
            ),
            (
                "Thu,\r\n 1 Jan 1970 00:00:00 GMT",
                "Thu, 01 Jan 1970 00:00:00 +0000",
            ),
        ] {
            assert_eq!(in_utc(there.as_bytes()).as_deref(), Some(here));
        }
        for bad in [
            "",
            "yesterday",
            "1 Foo 2020 00:00 +0000",
            "1 Jan 2020 25:00 +0000",
            "1 Jan 2020 00:00",
            "1 Jan 2020 00:00 CET",
            "1 Jan 2020 00:00 +1",
        ] {
            assert_eq!(in_utc(bad.as_bytes()), None, "{bad}");
        }
    }
}
