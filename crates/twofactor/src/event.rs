#[cfg(feature = "store")]
use crate::octets::{Reader, Writer};

/// What the user is to be told, by mail or on the page: SP 800-63B-4 §4.6, ASVS 6.3.5 and 6.3.7.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// Something new opens the account.
    Enrolled(Kind),
    /// Something opens the account no longer.
    Removed(Kind),
    /// A code that was right was used a second time: by the user, or by somebody who has seen it.
    DuplicateCode,
    /// So many tries in a row have failed.
    ManyFailures {
        /// With what.
        with: Kind,
        /// How many.
        failures: u8,
    },
    /// A recovery code was used.
    RecoveryUsed {
        /// How many are left.
        left: u8,
    },
    /// A login from a device that was not known.
    NewDevice,
    /// The password was changed or set anew.
    PasswordChanged,
    /// A passkey's counter did not go on: somebody may have copied its authenticator. It was refused.
    CopiedPasskey,
}

/// What can open an account, or helps to.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// The password.
    Password,
    /// An app or token that shows codes (TOTP, HOTP).
    Otp,
    /// Recovery codes.
    Recovery,
    /// A passkey.
    Passkey,
    /// An app password.
    AppPassword,
    /// A device that needs no second factor.
    Device,
}

#[cfg(feature = "store")]
impl Kind {
    fn octet(self) -> u8 {
        match self {
            Self::Password => 1,
            Self::Otp => 2,
            Self::Recovery => 3,
            Self::Passkey => 4,
            Self::AppPassword => 5,
            Self::Device => 6,
        }
    }

    fn of(octet: u8) -> Option<Self> {
        [
            Self::Password,
            Self::Otp,
            Self::Recovery,
            Self::Passkey,
            Self::AppPassword,
            Self::Device,
        ]
        .into_iter()
        .find(|kind| kind.octet() == octet)
    }
}

impl Event {
    /// A stable code for logs, metrics and programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Enrolled(_) => "2fa.enrolled",
            Self::Removed(_) => "2fa.removed",
            Self::DuplicateCode => "2fa.duplicate-code",
            Self::ManyFailures { .. } => "2fa.many-failures",
            Self::RecoveryUsed { .. } => "2fa.recovery-used",
            Self::NewDevice => "2fa.new-device",
            Self::PasswordChanged => "2fa.password-changed",
            Self::CopiedPasskey => "2fa.copied-passkey",
        }
    }
}

/// As a record of the outbox.
#[cfg(feature = "store")]
impl Event {
    pub(crate) fn to_octets(self) -> Vec<u8> {
        let (code, a, b) = match self {
            Self::Enrolled(kind) => (1, kind.octet(), 0),
            Self::Removed(kind) => (2, kind.octet(), 0),
            Self::DuplicateCode => (3, 0, 0),
            Self::ManyFailures { with, failures } => (4, with.octet(), failures),
            Self::RecoveryUsed { left } => (5, 0, left),
            Self::NewDevice => (6, 0, 0),
            Self::PasswordChanged => (7, 0, 0),
            Self::CopiedPasskey => (8, 0, 0),
        };
        Writer::default().u8(1).u8(code).u8(a).u8(b).finish()
    }

    pub(crate) fn from_octets(octets: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(octets);
        let [1, code, a, b] = reader.array::<4>()? else {
            return None;
        };
        reader.end()?;
        Some(match code {
            1 => Self::Enrolled(Kind::of(a)?),
            2 => Self::Removed(Kind::of(a)?),
            3 => Self::DuplicateCode,
            4 => Self::ManyFailures {
                with: Kind::of(a)?,
                failures: b,
            },
            5 => Self::RecoveryUsed { left: b },
            6 => Self::NewDevice,
            7 => Self::PasswordChanged,
            8 => Self::CopiedPasskey,
            _ => return None,
        })
    }
}

#[cfg(all(test, feature = "store"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let events = [
            Event::Enrolled(Kind::Otp),
            Event::Removed(Kind::Device),
            Event::DuplicateCode,
            Event::ManyFailures {
                with: Kind::Password,
                failures: 60,
            },
            Event::RecoveryUsed { left: 3 },
            Event::NewDevice,
            Event::PasswordChanged,
            Event::CopiedPasskey,
        ];
        for event in events {
            let octets = event.to_octets();
            assert_eq!(Event::from_octets(&octets), Some(event));
            assert_eq!(Event::from_octets(&octets[1..]), None);
            assert_eq!(Event::from_octets(&[octets, vec![0]].concat()), None);
        }
        assert_eq!(Event::from_octets(&[1, 1, 99, 0]), None);
    }
}
