//! What is asked and told.

use std::time::Duration;

use crate::addresses::Breach;

/// What is asked and told.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How often the newest breach is asked for. Default six hours, at least a minute.
    pub poll: Duration,
    /// After how many days all users are asked about though there is no new breach, since addresses are added to old ones
    /// later. Default 30, at least 1.
    pub full_pass_days: u16,
    /// Breaches that may not be what they are said to be. Default: told.
    pub unverified: Telling,
    /// Breaches that are made up, in part at least. Default: left out.
    pub fabricated: Telling,
    /// Lists of those who get unwanted mail. Default: left out.
    pub spam_lists: Telling,
    /// Whether whole addresses may be sent where there is no other way. Default: never.
    pub whole_addresses: WholeAddresses,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(6 * 60 * 60),
            full_pass_days: 30,
            unverified: Telling::Told,
            fabricated: Telling::LeftOut,
            spam_lists: Telling::LeftOut,
            whole_addresses: WholeAddresses::Never,
        }
    }
}

impl Settings {
    /// Whether a breach is told. One of which nothing is known is.
    pub(super) fn tells(&self, breach: Option<&Breach>) -> bool {
        let Some(breach) = breach else { return true };
        let left_out = |is: bool, telling: Telling| is && telling == Telling::LeftOut;
        !(left_out(!breach.is_verified, self.unverified)
            || left_out(breach.is_fabricated, self.fabricated)
            || left_out(breach.is_spam_list, self.spam_lists))
    }

    pub(super) fn poll_millis(&self) -> u64 {
        millis_of(self.poll.max(Duration::from_secs(60)))
    }

    pub(super) fn full_pass(&self) -> u64 {
        u64::from(self.full_pass_days.max(1)) * 24 * 60 * 60 * 1000
    }
}

pub(super) fn millis_of(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Whether breaches of a kind are told; an alert says of which kinds a breach is.
#[allow(clippy::exhaustive_enums)] // one or the other
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// They are told, as what they are.
    Told,
    /// They are not told, and are not noted as told: who changes this later has them told then.
    LeftOut,
}

/// Whether whole addresses may be sent.
#[allow(clippy::exhaustive_enums)] // one or the other
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WholeAddresses {
    /// They are not. Users that cannot be asked about otherwise are counted: [`Step::PlanLacks`](super::Step::PlanLacks).
    Never,
    /// **The service learns the addresses of all users** whose domain it does not search, if the plan has no k-anonymity.
    Send,
}
