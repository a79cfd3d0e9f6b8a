//! How often a password was seen, as coarsely as it matters.

use std::fmt;

/// How often a password was seen in breaches: a class of counts, each twice as wide as the one before.
///
/// | class | seen |
/// |---|---|
/// | 0 | once |
/// | 1 | 2 to 3 times |
/// | 2 | 4 to 7 times |
/// | n | 2^n to 2^(n+1) - 1 times |
/// | 15 | 32,768 times or more |
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CountClass(u8);

impl CountClass {
    /// The highest class.
    pub const MAX: Self = Self(15);

    /// The class of a count; `None` for zero, which no breached password has.
    #[must_use]
    pub fn of(count: u64) -> Option<Self> {
        let class = count.checked_ilog2()?;
        Some(Self(u8::try_from(class.min(15)).unwrap_or(15)))
    }

    /// The class of this number, 0 to 15.
    #[must_use]
    pub fn new(number: u8) -> Option<Self> {
        (number <= Self::MAX.0).then_some(Self(number))
    }

    /// The class in the lower four bits.
    pub(crate) fn low(bits: u8) -> Self {
        Self(bits & 15)
    }

    /// Its number, 0 to 15.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }

    /// Seen so often at least.
    #[must_use]
    pub fn at_least(self) -> u64 {
        1 << self.0
    }
}

/// "once", "2 to 3 times", "32768 times or more".
impl fmt::Display for CountClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("once"),
            15 => write!(f, "{} times or more", self.at_least()),
            _ => write!(
                f,
                "{} to {} times",
                self.at_least(),
                2 * self.at_least() - 1
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_double() {
        assert_eq!(CountClass::of(0), None);
        for (count, class) in [
            (1, 0),
            (2, 1),
            (3, 1),
            (4, 2),
            (32_767, 14),
            (32_768, 15),
            (u64::MAX, 15),
        ] {
            assert_eq!(
                CountClass::of(count).map(CountClass::number),
                Some(class),
                "{count}"
            );
        }
        assert_eq!(CountClass(1).to_string(), "2 to 3 times");
        assert_eq!(CountClass::MAX.to_string(), "32768 times or more");
    }
}
