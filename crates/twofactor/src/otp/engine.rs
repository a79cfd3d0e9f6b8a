//! The only file that names totp-rs: HMAC, truncation and comparison (RFC 4226 §5.3, RFC 6238 §4.2).
//!
//! Its step is set to one second, so that what it takes for a time is the number of a step, or of a counter.

use std::fmt::Write as _;

use totp_rs::{Builder, Totp};
use zeroize::Zeroizing;

use super::{Algorithm, Code, Parameters, Secret};

/// A copy of the secret, which totp-rs overwrites when it is dropped.
pub(super) struct Engine(Totp);

impl Engine {
    pub(super) fn new(parameters: &Parameters, secret: &Secret) -> Self {
        let algorithm = match parameters.algorithm() {
            Algorithm::Sha1 => totp_rs::Algorithm::SHA1,
            Algorithm::Sha256 => totp_rs::Algorithm::SHA256,
            Algorithm::Sha512 => totp_rs::Algorithm::SHA512,
        };
        // Its own checks refuse secrets of 80 bits, which are in use; the rest of them is in `Parameters` and `Secret`.
        let totp = Builder::new()
            .with_algorithm(algorithm)
            .with_digits(parameters.digits())
            .with_secret(secret.expose().to_vec())
            .with_step_duration(1)
            .with_skew(0)
            .build_noncompliant();
        Self(totp)
    }

    /// The code of a step or counter.
    pub(super) fn code(&self, moving: u64) -> Code {
        let mut digits = Zeroizing::new(String::with_capacity(Code::MAX_DIGITS));
        // A `String` takes whatever is written.
        let _ = write!(digits, "{}", self.0.generate(moving));
        Code::of(digits)
    }

    /// The steps or counters that a code is right for, in their order.
    ///
    /// All are looked at, and compared in constant time, also when one was found, and also when the code has the wrong
    /// number of digits.
    pub(super) fn all(&self, code: &Code, moving: impl Iterator<Item = u64>) -> Vec<u64> {
        let fits = code.expose().len() == usize::from(self.0.digits());
        let decoy = "00000000"
            .get(..usize::from(self.0.digits()))
            .unwrap_or_default();
        let digits = if fits { code.expose() } else { decoy };
        let mut right = all(moving, |moving| self.0.check(digits, moving).is_some());
        if !fits {
            right.clear();
        }
        right
    }
}

/// Those that pass, all of them being asked.
fn all(of: impl Iterator<Item = u64>, mut is_right: impl FnMut(u64) -> bool) -> Vec<u64> {
    of.filter(|&moving| is_right(moving)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many are asked, if the third is right.
    fn asked(look: impl FnOnce(&mut dyn FnMut(u64) -> bool)) -> usize {
        let mut asked = 0;
        look(&mut |moving| {
            asked += 1;
            moving == 3
        });
        asked
    }

    #[test]
    fn all_are_looked_at_also_when_one_is_right() {
        assert_eq!(asked(|is_right| drop(all(1..=41, is_right))), 41);
    }

    #[test]
    fn mutation_an_early_end_is_seen() {
        let first = |is_right: &mut dyn FnMut(u64) -> bool| {
            let _ = (1..=41).find(|&moving| is_right(moving));
        };
        assert_eq!(asked(first), 3);
    }

    #[test]
    fn a_code_of_another_length_is_never_right() {
        let secret = Secret::new(b"12345678901234567890").unwrap();
        let engine = |digits| {
            let parameters = Parameters::hotp().with_digits(digits).unwrap();
            Engine::new(&parameters, &secret)
        };
        let eight = engine(8).code(7);
        assert_eq!(eight.expose(), "82162583");
        let six = Code::parse(&eight.expose()[2..]).unwrap();
        assert_eq!(engine(6).all(&six, 0..=10), [7]);
        assert_eq!(engine(8).all(&six, 0..=10), [0_u64; 0]);
        assert_eq!(engine(6).all(&eight, 0..=10), [0_u64; 0]);
        // Nor is the decoy, where it is the code: 000000 is that of this counter.
        let zeros = Code::parse("000000").unwrap();
        let at = 349_495;
        assert_eq!(engine(6).all(&zeros, at..=at), [at]);
        let longer = Code::parse("0000000").unwrap();
        assert_eq!(engine(6).all(&longer, at..=at), [0_u64; 0]);
    }
}
