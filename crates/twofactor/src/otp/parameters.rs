//! What both sides agree on beside the secret.

/// The hash function inside of HMAC.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// What every app can do (RFC 4226 §5.2). Collisions of SHA-1 do not touch HMAC.
    #[default]
    Sha1,
    /// RFC 6238 §1.2. Some apps take it and use SHA-1 nevertheless: only a code at enrolment shows.
    Sha256,
    /// As with [`Sha256`](Self::Sha256).
    Sha512,
}

impl Algorithm {
    /// As `otpauth://` spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
            Self::Sha512 => "SHA512",
        }
    }

    /// Reads `SHA1`, `sha-1`, `HmacSHA1` and the like.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        let mut plain = name.to_ascii_uppercase().replace('-', "");
        if let Some(rest) = plain.strip_prefix("HMAC") {
            plain = rest.to_owned();
        }
        [Self::Sha1, Self::Sha256, Self::Sha512]
            .into_iter()
            .find(|algorithm| algorithm.name() == plain)
    }

    /// Octets of a secret that is generated for it.
    pub(super) fn secret_octets(self) -> usize {
        // RFC 4226 §4: "R6 - The algorithm MUST use a strong shared secret. The length of the shared secret MUST be at
        // least 128 bits. This document RECOMMENDs a shared secret length of 160 bits."
        // RFC 6238 §5.1: "Keys SHOULD be of the length of the HMAC output to facilitate interoperability."
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

/// What a code moves with.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Moving {
    /// With time, in steps since 1970 (TOTP, RFC 6238 §4.2).
    Time {
        /// Seconds of a step: from 15 to 300, by default 30.
        period: u32,
    },
    /// With each code (HOTP, RFC 4226 §5.1).
    Counter,
}

/// Algorithm, number of digits, and what moves the code.
///
/// ```
/// use twofactor::otp::{Algorithm, Parameters};
/// let usual = Parameters::totp();
/// assert_eq!((usual.algorithm(), usual.digits(), usual.period()), (Algorithm::Sha1, 6, Some(30)));
/// let longer = usual.with_algorithm(Algorithm::Sha256).with_digits(8)?;
/// assert!(longer.with_period(5).is_err());
/// # Ok::<(), twofactor::otp::ParametersError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Parameters {
    algorithm: Algorithm,
    digits: u8,
    moving: Moving,
}

/// Why there are no such parameters.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParametersError {
    /// Fewer digits than [`Parameters::MIN_DIGITS`] or more than [`Parameters::MAX_DIGITS`].
    #[error("a code has from 6 to 8 digits")]
    Digits,
    /// A step of less than [`Parameters::MIN_PERIOD`] or more than [`Parameters::MAX_PERIOD`] seconds.
    #[error("a step lasts from 15 to 300 seconds")]
    Period,
    /// A step's length, where codes do not move with time.
    #[error("codes of a counter have no period")]
    NoPeriod,
}

impl ParametersError {
    /// A stable name for programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Digits => "otp.parameters.digits",
            Self::Period => "otp.parameters.period",
            Self::NoPeriod => "otp.parameters.no-period",
        }
    }
}

impl Parameters {
    /// RFC 4226 §5.3: "Implementations MUST extract a 6-digit code at a minimum and possibly 7 and 8-digit code."
    pub const MIN_DIGITS: u8 = 6;
    /// The most digits of a code.
    pub const MAX_DIGITS: u8 = 8;
    /// The shortest step, in seconds: people type no faster.
    pub const MIN_PERIOD: u32 = 15;
    /// The longest step, in seconds: a code that was seen over a shoulder is right until it ends.
    pub const MAX_PERIOD: u32 = 300;

    /// Time, SHA-1, 6 digits, 30 seconds (RFC 6238 §5.2): what every app can do.
    #[must_use]
    pub const fn totp() -> Self {
        Self {
            algorithm: Algorithm::Sha1,
            digits: Self::MIN_DIGITS,
            moving: Moving::Time { period: 30 },
        }
    }

    /// A counter, SHA-1, 6 digits.
    #[must_use]
    pub const fn hotp() -> Self {
        Self {
            algorithm: Algorithm::Sha1,
            digits: Self::MIN_DIGITS,
            moving: Moving::Counter,
        }
    }

    /// With another hash function.
    #[must_use]
    pub const fn with_algorithm(self, algorithm: Algorithm) -> Self {
        Self { algorithm, ..self }
    }

    /// With so many digits.
    ///
    /// # Errors
    /// [`ParametersError::Digits`].
    pub const fn with_digits(self, digits: u8) -> Result<Self, ParametersError> {
        match digits {
            Self::MIN_DIGITS..=Self::MAX_DIGITS => Ok(Self { digits, ..self }),
            _ => Err(ParametersError::Digits),
        }
    }

    /// With steps of so many seconds.
    ///
    /// # Errors
    /// [`ParametersError::Period`], and [`ParametersError::NoPeriod`] if a counter moves the codes.
    pub const fn with_period(self, period: u32) -> Result<Self, ParametersError> {
        match (self.moving, period) {
            (Moving::Counter, _) => Err(ParametersError::NoPeriod),
            (Moving::Time { .. }, Self::MIN_PERIOD..=Self::MAX_PERIOD) => Ok(Self {
                moving: Moving::Time { period },
                ..self
            }),
            (Moving::Time { .. }, _) => Err(ParametersError::Period),
        }
    }

    /// The hash function.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// How many digits a code has.
    #[must_use]
    pub const fn digits(&self) -> u8 {
        self.digits
    }

    /// What a code moves with.
    #[must_use]
    pub const fn moving(&self) -> Moving {
        self.moving
    }

    /// Seconds of a step; `None` if a counter moves the codes.
    #[must_use]
    pub const fn period(&self) -> Option<u32> {
        match self.moving {
            Moving::Time { period } => Some(period),
            Moving::Counter => None,
        }
    }
}

/// [`Parameters::totp`].
impl Default for Parameters {
    fn default() -> Self {
        Self::totp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_checked() {
        for digits in 0..=u8::MAX {
            let taken = Parameters::totp().with_digits(digits);
            assert_eq!(taken.is_ok(), (6..=8).contains(&digits));
        }
        for period in [0, 1, 14, 301, u32::MAX] {
            let taken = Parameters::totp().with_period(period);
            assert_eq!(taken, Err(ParametersError::Period));
        }
        assert_eq!(
            Parameters::totp().with_period(300).unwrap().period(),
            Some(300)
        );
        assert_eq!(
            Parameters::hotp().with_period(30),
            Err(ParametersError::NoPeriod)
        );
    }

    #[test]
    fn algorithms_are_read_in_the_ways_they_are_written() {
        for (name, algorithm) in [
            ("SHA1", Some(Algorithm::Sha1)),
            ("sha-256", Some(Algorithm::Sha256)),
            ("HmacSHA512", Some(Algorithm::Sha512)),
            ("MD5", None),
            ("SHA224", None),
            ("", None),
        ] {
            assert_eq!(Algorithm::from_name(name), algorithm, "{name}");
        }
    }
}
