use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::{
    fmt,
    str::FromStr,
    time::{SystemTime, UNIX_EPOCH},
};

/// A day of the years 1970 to 9999: `2026-01-31`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

/// A text that is no [`Date`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no date of the form 2026-01-31")]
#[non_exhaustive]
pub struct NotADate;

impl Date {
    /// That day, if there is one.
    pub const fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
        let days = match month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => 0,
        };
        match year >= 1970 && year <= 9999 && day >= 1 && day <= days {
            true => Some(Self { year, month, day }),
            false => None,
        }
    }

    /// The first day of a year that is written in a rule.
    pub(crate) const fn first_of(year: u16, month: u8) -> Self {
        let day = 1;
        Self { year, month, day }
    }

    /// The day in UTC; the first or the last there is for what lies outside.
    pub fn of(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut days = since.as_secs() / 86_400;
        // 400 years are a whole number of days: no loop over more years than that.
        let (mut year, eras) = (1970_u64, days / 146_097);
        days %= 146_097;
        year = year.saturating_add(eras.saturating_mul(400));
        loop {
            let leap =
                year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
            let length = if leap { 366 } else { 365 };
            if days < length {
                break;
            }
            days -= length;
            year += 1;
        }
        let Ok(year @ ..=9999) = u16::try_from(year) else {
            return Self {
                year: 9999,
                month: 12,
                day: 31,
            };
        };
        for month in 1..=12 {
            let mut length = 31;
            while Self::new(year, month, length).is_none() {
                length -= 1;
            }
            match u8::try_from(days) {
                Ok(day) if day < length => {
                    let day = day + 1;
                    return Self { year, month, day };
                }
                _ => days -= u64::from(length),
            }
        }
        Self {
            year,
            month: 12,
            day: 31,
        }
    }

    /// The year.
    pub fn year(self) -> u16 {
        self.year
    }

    /// Days since 1970-01-01.
    pub(crate) fn days(self) -> i64 {
        let (year, month) = match self.month {
            ..=2 => (i64::from(self.year) - 1, i64::from(self.month) + 9),
            _ => (i64::from(self.year), i64::from(self.month) - 3),
        };
        let leaps = year / 4 - year / 100 + year / 400;
        year * 365 + leaps + (month * 153 + 2) / 5 + i64::from(self.day) - 1 - 719_468
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl FromStr for Date {
    type Err = NotADate;

    fn from_str(text: &str) -> Result<Self, NotADate> {
        let digits = |text: &str, count: usize| {
            let legal = text.len() == count && text.bytes().all(|o| o.is_ascii_digit());
            legal.then(|| text.parse::<u16>().ok()).flatten()
        };
        let mut parts = text.split('-');
        let mut next = |count| parts.next().and_then(|part| digits(part, count));
        let (year, month, day) = (next(4), next(2), next(2));
        let (Some(year), Some(month), Some(day), None) = (year, month, day, parts.next()) else {
            return Err(NotADate);
        };
        let month = u8::try_from(month).map_err(|_| NotADate)?;
        let day = u8::try_from(day).map_err(|_| NotADate)?;
        Self::new(year, month, day).ok_or(NotADate)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn every_day_of_five_centuries_is_read_back_and_counted() {
        let mut last = None;
        for days in 0..500 * 365 {
            let date = Date::of(UNIX_EPOCH + Duration::from_secs(days * 86_400 + 86_399));
            assert_eq!(date.days(), i64::try_from(days).unwrap());
            assert_eq!(date.to_string().parse(), Ok(date));
            assert!(last < Some(date));
            last = Some(date);
        }
        assert_eq!(Date::of(UNIX_EPOCH).to_string(), "1970-01-01");
        let far = UNIX_EPOCH + Duration::from_secs(86_400 * 365 * 20_000);
        assert_eq!(Date::of(far).to_string(), "9999-12-31");
        let known = Date::of(UNIX_EPOCH + Duration::from_secs(1_795_785_255));
        assert_eq!(known.to_string(), "2026-11-27");
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "2026",
            "2026-01",
            "2026-1-01",
            "2026-01-1",
            "2026-13-01",
            "2026-00-01",
            "2026-02-29",
            "2026-04-31",
            "2026-01-00",
            "2026-01-32",
            "1969-12-31",
            "02026-01-01",
            "2026-01-01-01",
            "2026/01/01",
            "+026-01-01",
            "2026-01-01 ",
            "2026-01-0\u{661}",
        ] {
            assert_eq!(text.parse::<Date>(), Err(NotADate), "{text}");
        }
        assert!("2028-02-29".parse::<Date>().is_ok() && "2000-02-29".parse::<Date>().is_ok());
        assert!("2100-02-29".parse::<Date>().is_err());
    }
}
