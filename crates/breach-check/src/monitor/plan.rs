//! What the subscription has, as the monitor needs it.

use std::collections::BTreeSet;

use super::names::Hash;
use super::octets::{Reader, Writer};
use super::{Error, Settings, WholeAddresses};

/// Most domains that are kept.
const MAX_DOMAINS: usize = 4000;
/// How long it is believed: a day.
const KEPT: u64 = 24 * 60 * 60 * 1000;
/// Requests a minute of the smallest plan.
const SMALLEST: u64 = 10;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// When it was asked for.
    pub(super) at: u64,
    pub(super) rpm: u64,
    pub(super) k_anonymity: bool,
    /// Keyed hashes of the domains that may be searched.
    pub(super) domains: BTreeSet<Hash>,
    /// Whether they were asked for since the rest was.
    pub(super) has_domains: bool,
}

/// How a user is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Domain,
    Range,
    ByName,
    /// The plan has nothing for it, and whole addresses are not to be sent.
    None,
}

impl Plan {
    /// Whether it is still believed.
    pub(super) fn is_young(&self, now: u64) -> bool {
        self.at != 0 && now < self.until() && self.at <= now.saturating_add(KEPT)
    }

    pub(super) fn until(&self) -> u64 {
        self.at.saturating_add(KEPT)
    }

    /// Milliseconds between two requests.
    pub(super) fn interval(&self) -> u64 {
        60_000_u64.div_ceil(match self.rpm {
            0 => SMALLEST,
            rpm => rpm,
        })
    }

    pub(super) fn way(&self, domain: &Hash, settings: &Settings) -> Way {
        let searches = self.domains.contains(domain);
        match (searches, self.k_anonymity, settings.whole_addresses) {
            (true, _, _) => Way::Domain,
            (_, true, _) => Way::Range,
            (_, _, WholeAddresses::Send) => Way::ByName,
            (_, _, WholeAddresses::Never) => Way::None,
        }
    }

    /// Takes the domains; whether there are some that were not there before.
    pub(super) fn take_domains(&mut self, all: BTreeSet<Hash>) -> Result<bool, Error> {
        if all.len() > MAX_DOMAINS {
            return Err(Error::TooMany);
        }
        let more = !all.is_subset(&self.domains);
        (self.domains, self.has_domains) = (all, true);
        Ok(more)
    }

    pub(super) fn to_octets(&self) -> Vec<u8> {
        let flags = u8::from(self.k_anonymity) | u8::from(self.has_domains) << 1;
        let to = Writer::new().u64(self.at).u64(self.rpm).u8(flags);
        let to = to.count(self.domains.len());
        let all = self.domains.iter();
        all.fold(to, |to, domain| to.array(domain)).finish()
    }

    pub(super) fn from_octets(octets: &[u8]) -> Result<Self, Error> {
        Self::read(octets).ok_or(Error::Damaged { what: "the plan" })
    }

    fn read(octets: &[u8]) -> Option<Self> {
        let mut from = Reader::new(octets)?;
        let (at, rpm, flags) = (from.u64()?, from.u64()?, from.u8()?);
        let mut domains = BTreeSet::new();
        for _ in 0..from.count()? {
            domains.insert(from.array()?);
        }
        from.end()?;
        Some(Self {
            at,
            rpm,
            k_anonymity: flags & 1 == 1,
            domains,
            has_domains: flags & 2 == 2,
        })
    }
}
