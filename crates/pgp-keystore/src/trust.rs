//! Whose certificate is it? What is known about the certificate of an address, and the alarm when it changes.

use std::fmt;
use std::time::SystemTime;

use crate::Fingerprint;

/// Most certificates of which a pin remembers that they were seen instead.
pub const MAX_ALARMS: usize = 8;

/// Why a certificate is taken for that of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "what is shown must name one of them"
)]
pub enum Trust {
    /// For no reason: whichever comes is taken, and a change raises no alarm.
    None,
    /// It was the first that was seen.
    FirstUse,
    /// The user has compared fingerprints.
    Verified,
}

impl fmt::Display for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "not trusted",
            Self::FirstUse => "trusted on first use",
            Self::Verified => "verified",
        })
    }
}

/// The certificate that an address is known to have.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Which.
    pub certificate: Fingerprint,
    /// Why.
    pub trust: Trust,
    /// Since when.
    pub since: SystemTime,
    /// Others that were seen for the address since then, and when first: at most [`MAX_ALARMS`], the first ones.
    pub alarms: Vec<(Fingerprint, SystemTime)>,
}

/// How a certificate that was seen for an address stands to what is known.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The first one: it is pinned now.
    First,
    /// The one that is pinned.
    Known {
        /// Why it is.
        trust: Trust,
        /// Since when.
        since: SystemTime,
    },
    /// Another one than the one that is pinned: somebody has a new key, or somebody is in between. The pin stays what it
    /// was until the user decides.
    Changed {
        /// The one that is pinned.
        pinned: Fingerprint,
        /// Why it is.
        trust: Trust,
        /// Since when.
        since: SystemTime,
    },
}

impl Standing {
    /// Whether the user is to be alarmed.
    #[must_use]
    pub fn is_alarm(self) -> bool {
        matches!(self, Self::Changed { .. })
    }
}

impl Pin {
    /// By the user's word.
    #[must_use]
    pub fn new(certificate: Fingerprint, trust: Trust, now: SystemTime) -> Self {
        Self {
            certificate,
            trust,
            since: now,
            alarms: Vec::new(),
        }
    }

    /// A certificate was seen for the address: what is known from now on, and how it stands to what was known.
    ///
    /// What is pinned is never exchanged here, unless it is [`Trust::None`].
    #[must_use]
    pub fn meet(before: Option<Self>, seen: Fingerprint, now: SystemTime) -> (Self, Standing) {
        let Some(mut pin) = before else {
            return (Self::new(seen, Trust::FirstUse, now), Standing::First);
        };
        let (trust, since) = (pin.trust, pin.since);
        if pin.certificate == seen {
            return (pin, Standing::Known { trust, since });
        }
        if trust == Trust::None {
            let pin = Self::new(seen, Trust::None, now);
            return (pin, Standing::Known { trust, since: now });
        }
        let pinned = pin.certificate;
        let known = pin.alarms.iter().any(|(other, _)| *other == seen);
        if !known && pin.alarms.len() < MAX_ALARMS {
            pin.alarms.push((seen, now));
        }
        let changed = Standing::Changed {
            pinned,
            trust,
            since,
        };
        (pin, changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn of(octet: u8) -> Fingerprint {
        Fingerprint::from_bytes(&[octet; 20]).unwrap()
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn the_first_is_pinned_and_another_raises_the_alarm() {
        let (pin, standing) = Pin::meet(None, of(1), at(1));
        assert_eq!(standing, Standing::First);
        let (pin, standing) = Pin::meet(Some(pin), of(1), at(2));
        let (trust, since) = (Trust::FirstUse, at(1));
        assert_eq!(standing, Standing::Known { trust, since });
        let (pin, standing) = Pin::meet(Some(pin), of(2), at(3));
        let pinned = of(1);
        assert_eq!(
            standing,
            Standing::Changed {
                pinned,
                trust,
                since
            }
        );
        assert!(standing.is_alarm());
        // However often it comes, it is not the one.
        let (pin, standing) = Pin::meet(Some(pin), of(2), at(4));
        assert!(standing.is_alarm());
        assert_eq!((pin.certificate, pin.alarms), (of(1), vec![(of(2), at(3))]));
    }

    #[test]
    fn without_trust_there_is_no_alarm_and_alarms_are_bounded() {
        let (pin, standing) = Pin::meet(Some(Pin::new(of(1), Trust::None, at(1))), of(2), at(2));
        assert!(!standing.is_alarm());
        assert_eq!(pin.certificate, of(2));
        // The mutation: with trust there is one.
        let mut pin = Pin::new(of(0), Trust::Verified, at(1));
        for n in 1..=20 {
            let (next, standing) = Pin::meet(Some(pin), of(n), at(2));
            assert!(standing.is_alarm());
            pin = next;
        }
        assert_eq!((pin.certificate, pin.alarms.len()), (of(0), MAX_ALARMS));
    }
}
