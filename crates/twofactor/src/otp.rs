//! One-time passwords: TOTP (RFC 6238), HOTP (RFC 4226), and how their secrets travel.
//!
//! Everything here is a pure function: no clock, no store. Which step a code belongs to is found; that it is taken
//! once only is up to who keeps the steps, as `TwoFactor` does (feature `store`).
//!
//! ```
//! use std::time::{Duration, UNIX_EPOCH};
//! use twofactor::otp::{Code, Issuer, Label, Otp, Parameters, Qr, Window};
//!
//! // Enrolment: the app gets the secret as a QR code, or typed by hand.
//! let otp = Otp::generate(Parameters::totp())?;
//! let uri = otp.uri(&Issuer::new("Example Mail")?, &Label::new("alice@example.org")?);
//! let (svg, typed) = (Qr::of(&uri)?.svg(), otp.secret().manual_key());
//! # assert!(svg.starts_with("<svg") && typed.contains(' '));
//!
//! // Login. `now` is the server's time.
//! let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
//! let shown = otp.code_at(otp.step_at(now));
//! let typed = format!(" {} {} ", &shown.expose()[..3], &shown.expose()[3..]);
//! let matches = otp.find_at(&Code::parse(&typed)?, now, Window::default());
//! assert!(matches.in_window.contains(&otp.step_at(now)));
//!
//! // Two minutes later: wrong, and it can be said why.
//! let late = otp.find_at(&shown, now + Duration::from_secs(120), Window::default());
//! # if late.in_window.is_empty() && late.outside.is_some_and(|outside| outside.step == otp.step_at(now)) {
//! assert_eq!(late.outside.map(|outside| outside.drift), Some(-120));
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **What is constant-time:** comparing codes and secrets, and the number of steps that are looked at. HMAC is that of
//! RustCrypto, without tables; which four octets of it become the code depends on a secret value, and they lie within
//! one or two cache lines. Reading and writing base32, URIs and QR codes is not constant-time: whoever does that has
//! the secret.
//!
//! **What is overwritten:** secrets, codes, URIs and pictures, when they are dropped. What the encoder of QR codes and
//! the PNG writer allocate inside is not.

mod code;
mod digits;
mod engine;
mod find;
pub mod migration;
mod name;
mod parameters;
mod qr;
mod secret;
mod stored;
mod uri;

pub use code::{Code, CodeError};
pub use find::{LOOK_AHEAD, MAX_RESYNC, Matches, Outside, REACH, RESYNC, Window};
pub use name::{Issuer, Label, NameError};
pub use parameters::{Algorithm, Moving, Parameters, ParametersError};
pub use qr::{Background, Qr, QrError};
pub use secret::{Secret, SecretError};
pub use stored::NotStored;
pub use uri::{Imported, MAX_URI, UriError, parse_uri};

use crate::Error;

/// A secret, and how codes are made of it: one factor of one user.
///
/// ```
/// use twofactor::otp::{Otp, Parameters, Secret};
/// // RFC 4226, appendix D.
/// let otp = Otp::new(Parameters::hotp(), Secret::new(b"12345678901234567890")?);
/// assert_eq!(otp.code_at(0).expose(), "755224");
/// # Ok::<(), twofactor::otp::SecretError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Otp {
    parameters: Parameters,
    secret: Secret,
}

impl Otp {
    /// Of a secret that another program made.
    #[must_use]
    pub fn new(parameters: Parameters, secret: Secret) -> Self {
        Self { parameters, secret }
    }

    /// With a new secret, of as many octets as the hash function gives: 20, 32 or 64 (RFC 6238 §5.1).
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn generate(parameters: Parameters) -> Result<Self, Error> {
        let secret = Secret::random(parameters.algorithm().secret_octets())?;
        Ok(Self { parameters, secret })
    }

    /// How codes are made.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// What they are made of.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.secret
    }
}
