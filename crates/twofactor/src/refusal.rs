use std::time::SystemTime;

/// Why somebody does not get in. None of it says whether there is such a user.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The password or the code is wrong.
    Wrong,
    /// The code was right, and was used before.
    Replayed,
    /// The code was right for another time, so the device's clock is off by this many seconds; positive: it is ahead. The
    /// code is burned, and the try has failed.
    Drifted {
        /// How far the device is ahead, or behind if negative.
        seconds: i64,
    },
    /// Too many tries of this kind have failed. Nothing was looked at, nothing was counted.
    Wait {
        /// When the next try will be looked at.
        until: SystemTime,
    },
    /// Too many tries from this network have failed, whoever was meant. Nothing was looked at.
    NetworkWait {
        /// When the next try will be looked at.
        until: SystemTime,
    },
    /// So many tries have failed in a row that the authenticator is out of use until it is bound anew (SP 800-63B-4
    /// §3.2.2). Nothing was looked at.
    Disabled,
    /// The first factor was too long ago, or the factors have changed since: log in again.
    Stale,
    /// The user has no factor of this kind.
    NoFactor,
    /// This protocol takes app passwords only, and this is none.
    AppPasswordWanted,
    /// The app password is for other protocols.
    Scope,
    /// The answer of the passkey is of no use.
    Passkey,
    /// The answer of the passkey is of no use, for this reason.
    #[cfg(feature = "passkey")]
    Answer(crate::passkey::Unusable),
}

impl Refusal {
    /// A stable code for logs, metrics and programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Wrong => "2fa.wrong",
            Self::Replayed => "2fa.replayed",
            Self::Drifted { .. } => "2fa.drifted",
            Self::Wait { .. } => "2fa.wait",
            Self::NetworkWait { .. } => "2fa.network-wait",
            Self::Disabled => "2fa.disabled",
            Self::Stale => "2fa.stale",
            Self::NoFactor => "2fa.no-factor",
            Self::AppPasswordWanted => "2fa.app-password-wanted",
            Self::Scope => "2fa.scope",
            Self::Passkey => "2fa.passkey",
            #[cfg(feature = "passkey")]
            Self::Answer(why) => why.code(),
        }
    }

    /// When another try will be looked at, where that is a matter of time.
    #[must_use]
    pub fn retry_at(self) -> Option<SystemTime> {
        match self {
            Self::Wait { until } | Self::NetworkWait { until } => Some(until),
            _ => None,
        }
    }
}
