//! Where the pass over all users stands, and what comes next: pure.

use std::time::Duration;

use super::names::Hash;
use super::octets::{Reader, Writer};
use super::plan::Plan;
use super::{Error, Settings};

/// How long a server that asks keeps the others from it, unless it is done before: as long as they wait for one that died.
/// A request must not take longer.
pub const LEASE: Duration = Duration::from_secs(10 * 60);
const LEASE_MILLIS: u64 = 10 * 60 * 1000;
/// What is farther ahead than this was written by a clock that was wrong.
const FARTHEST: u64 = 2 * 24 * 60 * 60 * 1000;
/// After the first failure; twice as long after each further one, up to an hour.
const FIRST_RETRY: u64 = 30 * 1000;
const LAST_RETRY: u64 = 60 * 60 * 1000;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pass {
    pub(super) holder: [u8; 16],
    /// Until when.
    pub(super) lease: u64,
    /// Nothing is asked before this.
    pub(super) retry: u64,
    /// In a row.
    pub(super) failures: u8,
    /// When the newest breach was asked for.
    pub(super) asked: u64,
    /// The newest breach that was known when the last pass began.
    pub(super) latest: Option<String>,
    /// When the last pass began.
    pub(super) began: u64,
    /// Users of this pass that could not be asked about.
    pub(super) lacking: u64,
    /// Those of the last whole pass.
    pub(super) lacked: u64,
    /// Which issue of the catalogue; there is none before the first.
    pub(super) issue: u64,
    pub(super) phase: Phase,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    #[default]
    Idle,
    /// The list of all breaches is to be asked for; with the newest one.
    Catalogue(String),
    /// Domains behind this one are to be asked about.
    Domains(Option<Hash>),
    /// Users behind this one are to be asked about.
    Users(Option<Hash>),
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Plan,
    Domains,
    Latest,
    Catalogue,
    /// A user that was never asked about, else as the phase says.
    Users,
    Idle(u64),
}

impl Pass {
    /// Until when another server has it.
    pub(super) fn is_held(&self, me: &[u8; 16], now: u64) -> Option<u64> {
        let is_live = now < self.lease && self.lease - now <= 2 * LEASE_MILLIS;
        (is_live && self.holder != *me).then_some(self.lease)
    }

    pub(super) fn hold(&mut self, me: &[u8; 16], now: u64) {
        self.holder = *me;
        self.lease = now.saturating_add(LEASE_MILLIS);
    }

    pub(super) fn waits(&self, now: u64) -> Option<u64> {
        is_ahead(self.retry, now)
    }

    /// Nobody asks for a while.
    pub(super) fn failed(&mut self, now: u64, at_least: Option<Duration>) {
        let wait = FIRST_RETRY << self.failures.min(7);
        let wait = wait.min(LAST_RETRY);
        let said = at_least.map_or(0, super::settings::millis_of);
        self.failures = self.failures.saturating_add(1);
        self.retry = now.saturating_add(wait.max(said));
    }

    pub(super) fn next(&self, plan: &Plan, has_new: bool, settings: &Settings, now: u64) -> Action {
        let due = self.asked.saturating_add(settings.poll_millis());
        match &self.phase {
            _ if !plan.is_young(now) => Action::Plan,
            _ if !plan.has_domains => Action::Domains,
            Phase::Catalogue(_) => Action::Catalogue,
            // Without a catalogue nobody knows what is sensitive.
            _ if self.issue == 0 => Action::Latest,
            Phase::Domains(_) | Phase::Users(_) => Action::Users,
            Phase::Idle if has_new => Action::Users,
            Phase::Idle if self.asked > now || due <= now => Action::Latest,
            Phase::Idle => Action::Idle(due.min(plan.until())),
        }
    }

    /// The newest breach was asked for.
    pub(super) fn latest(&mut self, latest: String, settings: &Settings, now: u64) {
        self.asked = now;
        let is_old = self.began.saturating_add(settings.full_pass()) <= now || self.began > now;
        if self.latest.as_ref() != Some(&latest) || is_old {
            self.phase = Phase::Catalogue(latest);
        }
    }

    /// The list of all breaches is kept.
    pub(super) fn renewed(&mut self, latest: String, now: u64) {
        // Before the first pass, whoever is watched is new, and asked about as such.
        self.phase = match self.latest {
            None => Phase::Idle,
            Some(_) => Phase::Domains(None),
        };
        self.latest = Some(latest);
        self.issue += 1;
        self.began = now;
        self.lacking = 0;
    }

    /// There is a way again for those who had none: they are asked about soon.
    pub(super) fn again(&mut self) {
        (self.began, self.asked) = (0, 0);
    }

    pub(super) fn ended(&mut self) {
        self.phase = Phase::Idle;
        self.lacked = self.lacking;
        self.lease = 0;
    }

    pub(super) fn to_octets(&self) -> Vec<u8> {
        let to = Writer::new()
            .array(&self.holder)
            .u64(self.lease)
            .u64(self.retry)
            .u8(self.failures)
            .u64(self.asked)
            .u64(self.began)
            .u64(self.lacking)
            .u64(self.lacked)
            .u64(self.issue);
        let to = match &self.latest {
            None => to.u8(0),
            Some(latest) => to.u8(1).text(latest),
        };
        let to = match &self.phase {
            Phase::Idle => to.u8(0),
            Phase::Catalogue(latest) => to.u8(1).text(latest),
            Phase::Domains(None) => to.u8(2),
            Phase::Domains(Some(after)) => to.u8(3).array(after),
            Phase::Users(None) => to.u8(4),
            Phase::Users(Some(after)) => to.u8(5).array(after),
        };
        to.finish()
    }

    pub(super) fn from_octets(octets: &[u8]) -> Result<Self, Error> {
        Self::read(octets).ok_or(Error::Damaged { what: "the pass" })
    }

    fn read(octets: &[u8]) -> Option<Self> {
        let mut from = Reader::new(octets)?;
        let mut pass = Self {
            holder: from.array()?,
            lease: from.u64()?,
            retry: from.u64()?,
            failures: from.u8()?,
            asked: from.u64()?,
            began: from.u64()?,
            lacking: from.u64()?,
            lacked: from.u64()?,
            issue: from.u64()?,
            ..Self::default()
        };
        pass.latest = match from.u8()? {
            0 => None,
            _ => Some(from.text()?.to_owned()),
        };
        pass.phase = match from.u8()? {
            0 => Phase::Idle,
            1 => Phase::Catalogue(from.text()?.to_owned()),
            2 => Phase::Domains(None),
            3 => Phase::Domains(Some(from.array()?)),
            4 => Phase::Users(None),
            5 => Phase::Users(Some(from.array()?)),
            _ => return None,
        };
        from.end()?;
        Some(pass)
    }
}

/// A time to wait for, unless a clock that was wrong has written it.
pub(super) fn is_ahead(until: u64, now: u64) -> Option<u64> {
    (now < until && until - now <= FARTHEST).then_some(until)
}
