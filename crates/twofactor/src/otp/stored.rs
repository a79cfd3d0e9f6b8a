//! How a factor is stored, inside of a sealed record.

use zeroize::Zeroizing;

use super::{Algorithm, Moving, Otp, Parameters, Secret};

/// The format below.
const VERSION: u8 = 1;

const TIME: u8 = 0;
const COUNTER: u8 = 1;

/// These octets are none of [`Otp::to_octets`].
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no stored one-time password, or one of a later version")]
pub struct NotStored;

impl Otp {
    /// To be sealed and stored: version, algorithm, digits, what moves the code, seconds of a step in four octets (0
    /// for a counter), and the secret.
    #[must_use]
    pub fn to_octets(&self) -> Zeroizing<Vec<u8>> {
        let algorithm = match self.parameters.algorithm() {
            Algorithm::Sha1 => 1,
            Algorithm::Sha256 => 2,
            Algorithm::Sha512 => 3,
        };
        let (moving, period) = match self.parameters.moving() {
            Moving::Time { period } => (TIME, period),
            Moving::Counter => (COUNTER, 0),
        };
        let secret = self.secret.expose();
        let mut octets = Zeroizing::new(Vec::with_capacity(8 + secret.len()));
        octets.extend([VERSION, algorithm, self.parameters.digits(), moving]);
        octets.extend(period.to_be_bytes());
        octets.extend_from_slice(secret);
        octets
    }

    /// Reads what [`to_octets`](Self::to_octets) wrote, and nothing else.
    ///
    /// # Errors
    /// [`NotStored`].
    pub fn from_octets(octets: &[u8]) -> Result<Self, NotStored> {
        let (head, secret) = octets.split_first_chunk::<8>().ok_or(NotStored)?;
        let &[VERSION, algorithm, digits, moving, p0, p1, p2, p3] = head else {
            return Err(NotStored);
        };
        let algorithm = match algorithm {
            1 => Algorithm::Sha1,
            2 => Algorithm::Sha256,
            3 => Algorithm::Sha512,
            _ => return Err(NotStored),
        };
        let parameters = match (moving, u32::from_be_bytes([p0, p1, p2, p3])) {
            (TIME, period) => Parameters::totp().with_period(period),
            (COUNTER, 0) => Ok(Parameters::hotp()),
            _ => return Err(NotStored),
        };
        let parameters = parameters
            .and_then(|parameters| parameters.with_digits(digits))
            .map_err(|_| NotStored)?
            .with_algorithm(algorithm);
        let secret = Secret::new(secret).map_err(|_| NotStored)?;
        Ok(Self { parameters, secret })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_octet_of_the_head_counts() {
        let secret = Secret::new(b"12345678901234567890").unwrap();
        let stored = Otp::new(Parameters::totp(), secret.clone()).to_octets();
        assert_eq!(&stored[..8], [1, 1, 6, 0, 0, 0, 0, 30]);
        assert_eq!(&stored[8..], secret.expose());
        for at in 0..8 {
            for value in 0..=u8::MAX {
                let mut other = stored.clone();
                other[at] = value;
                let Ok(read) = Otp::from_octets(&other) else {
                    continue;
                };
                assert_eq!(*read.to_octets(), *other);
            }
        }
        assert!(Otp::from_octets(&stored[..17]).is_err());
        assert!(Otp::from_octets(&[&stored[..], &[0; 45]].concat()).is_err());
        let mut later = stored.clone();
        later[0] = 2;
        assert_eq!(Otp::from_octets(&later), Err(NotStored));
    }
}
