//! Seeds of apps and tokens, sealed and bound to where they belong.

use record_store::Records;

use super::TwoFactor;
use crate::decision::FactorId;
use crate::otp::Otp;
use crate::{Error, UserId};

const WHAT: &str = "a seed";

impl<R: Records, O> TwoFactor<R, O> {
    /// Bound to the user, the factor, and the version of what is inside.
    pub(super) fn seal_seed(
        &self,
        user: &UserId,
        factor: FactorId,
        otp: &Otp,
    ) -> Result<Vec<u8>, Error> {
        let number = factor.number().to_be_bytes();
        let sealed = self.keyring.seal(
            &[b"seed v1", user.as_str().as_bytes(), &number],
            &otp.to_octets(),
        );
        sealed.map_err(|_| Error::Random)
    }

    pub(super) fn open_seed(
        &self,
        user: &UserId,
        factor: FactorId,
        sealed: &[u8],
    ) -> Result<Otp, Error> {
        let number = factor.number().to_be_bytes();
        let damaged = Error::Damaged { what: WHAT };
        let opened = self
            .keyring
            .open(&[b"seed v1", user.as_str().as_bytes(), &number], sealed);
        let Ok(octets) = opened else {
            return Err(damaged);
        };
        Otp::from_octets(&octets).map_err(|_| damaged)
    }
}
