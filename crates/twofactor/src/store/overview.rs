//! All that opens an account, on one page.

use std::time::SystemTime;

use record_store::Records;

use super::keys::Slot;
use super::{AppPasswordView, DeviceView, TwoFactor};
use crate::decision::{FactorId, Gate, Methods, Progress};
use crate::{Error, UserId};

/// What there is of a user.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Overview {
    /// What there is besides the password.
    pub methods: Methods,
    /// Apps and tokens that show codes.
    pub otps: Vec<OtpView>,
    /// Whether recovery codes are looked at.
    pub recovery: Gate,
    /// App passwords, oldest first.
    pub app_passwords: Vec<AppPasswordView>,
    /// Devices, oldest first.
    pub devices: Vec<DeviceView>,
    /// Failures in a row with the password, of strangers and of known devices.
    pub password_failures: (u8, u8),
}

/// An app or token, as the user sees it in a list.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OtpView {
    /// Which.
    pub id: FactorId,
    /// By time, or by counter.
    pub progress: Progress,
    /// Failures in a row.
    pub failures: u8,
    /// Whether its codes are looked at.
    pub gate: Gate,
}

impl<R: Records, O: Sync> TwoFactor<R, O> {
    /// What there is of a user, for the page on which it is managed. It is read one after the other, and may change in between.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn overview(&self, user: &UserId, now: SystemTime) -> Result<Overview, Error> {
        let state = self.load(&Slot::User(user.clone()), now).await?.state;
        let most = self.throttle.factor;
        let view = |otp: &crate::decision::Otp| OtpView {
            id: otp.id(),
            progress: otp.progress(),
            failures: otp.counter().failures(),
            gate: otp.counter().gate(&self.throttle, most, now),
        };
        let (strangers, known) = state.password();
        Ok(Overview {
            methods: state.methods(),
            otps: state.otps().iter().map(view).collect(),
            recovery: state.recovery().gate(&self.throttle, most, now),
            app_passwords: self.app_passwords(user, now).await?,
            devices: self.devices(user, now).await?,
            password_failures: (strangers.failures(), known.failures()),
        })
    }
}
