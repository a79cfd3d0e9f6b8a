//! What a plan knows so far.

use super::{Alert, Authentication, Extension, Flight, KeyExchange, Suite, Version};
use crate::audit::Cause;

/// Why some question was not answered with yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum No {
    /// The server chose another version, which is as good as a refusal.
    Instead(Version),
    /// It refused, in answer to the ClientHello of this number: proved only between two answers.
    Refused { at: usize, alert: Alert },
    /// It closed the connection without a word, twice, the second time the one of this number: proved if
    /// that is its way to refuse, and between two answers.
    Closed { at: usize },
    /// There is nothing else that could have been offered.
    Exhausted,
    /// Nobody knows.
    Unknown(Cause, String),
}

/// A question, or a list of them that ends.
#[derive(Clone, Debug, Default)]
pub(super) struct Listing {
    /// What was agreed to, in the order of the answers.
    pub(super) found: Vec<u16>,
    /// Why there is no more of it; nothing while that is open.
    pub(super) end: Option<No>,
}

impl Listing {
    pub(super) fn add(&mut self, code: u16) {
        if !self.found.contains(&code) {
            self.found.push(code);
        }
    }

    /// Where nothing is left to ask, this is the end.
    pub(super) fn settle(&mut self, all: impl Iterator<Item = u16>) {
        if self.end.is_none() && self.remaining(all).is_empty() {
            self.end = Some(No::Exhausted);
        }
    }

    /// What can still be asked.
    pub(super) fn remaining(&self, all: impl Iterator<Item = u16>) -> Vec<u16> {
        all.filter(|code| !self.found.contains(code)).collect()
    }
}

/// Something that a server does in each of its versions or in none: what is known of the highest one
/// counts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Habit(Option<(Version, Answer)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    No,
}

impl Habit {
    fn note(&mut self, version: Version, yes: bool) {
        if self.0.is_none_or(|(known, _)| known <= version) {
            self.0 = Some((version, if yes { Answer::Yes } else { Answer::No }));
        }
    }

    pub(super) fn get(self) -> Option<(Version, bool)> {
        self.0
            .map(|(version, answer)| (version, answer == Answer::Yes))
    }
}

/// What a server does to a ClientHello that nobody can agree to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Control {
    #[default]
    Open,
    /// It closes the connection without a word.
    Closes,
    Otherwise,
}

/// Whether there is something to ask again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reopened {
    No,
    Yes,
}

/// Whose order of suites decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    Server,
    Client,
    /// Now this one's, now that one's.
    Mixed,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Knowledge {
    /// By [`index`]: found holds the version itself.
    versions: [Listing; 5],
    suites: [Listing; 5],
    pub(super) ssl2: Option<Result<Answer, No>>,
    pub(super) groups13: Listing,
    pub(super) groups12: Listing,
    pub(super) schemes: Listing,
    /// Bits of primes.
    pub(super) primes: Vec<u16>,
    pub(super) order: Option<Result<Whose, No>>,
    /// Of curves, in TLS 1.2 and before.
    pub(super) group_order: Option<Result<Whose, No>>,
    /// Whether curves that are refused alone are refused beside those that are taken, too.
    pub(super) groups_beside: Option<No>,
    /// A ServerHello to everything that a ClientHello can offer besides.
    pub(super) extras: Option<Result<Flight, No>>,
    pub(super) fallback: Option<Result<Answer, No>>,
    pub(super) master_secret: Habit,
    pub(super) renegotiation: Habit,
    /// Of suites with CBC only: with others it has no meaning (RFC 7366 §3).
    pub(super) encrypt_then_mac: Habit,
    pub(super) chains: Vec<Vec<Vec<u8>>>,
    pub(super) control: Control,
}

/// Different chains that are kept: one for each kind of key, and some.
const MAX_CHAINS: usize = 4;

fn index(version: Version) -> usize {
    usize::from(version.code() & 7)
}

impl Knowledge {
    pub(super) fn version(&self, version: Version) -> &Listing {
        // There are as many as versions.
        self.versions.get(index(version)).unwrap_or(&EMPTY)
    }

    pub(super) fn suites(&self, version: Version) -> &Listing {
        self.suites.get(index(version)).unwrap_or(&EMPTY)
    }

    pub(super) fn end_version(&mut self, version: Version, no: No) {
        if let Some(listing) = self.versions.get_mut(index(version)) {
            listing.end = Some(no);
        }
    }

    /// What was refused so far is asked again.
    pub(super) fn reopen_versions(&mut self) -> Reopened {
        let mut reopened = Reopened::No;
        for listing in &mut self.versions {
            if matches!(listing.end, Some(No::Refused { .. } | No::Closed { .. })) {
                listing.end = None;
                reopened = Reopened::Yes;
            }
        }
        reopened
    }

    pub(super) fn end_suites(&mut self, version: Version, no: No) {
        if let Some(listing) = self.suites.get_mut(index(version)) {
            listing.end = Some(no);
        }
    }

    pub(super) fn has(&self, version: Version) -> bool {
        !self.version(version).found.is_empty()
    }

    /// The highest version before TLS 1.3 that the server has.
    pub(super) fn old(&self) -> Option<Version> {
        let old = [Version::Tls12, Version::Tls11, Version::Tls10];
        old.into_iter().find(|version| self.has(*version))
    }

    /// The suites that the server has in this version and that are of some kind.
    pub(super) fn having(&self, version: Version, kind: impl Fn(Suite) -> bool) -> Vec<Suite> {
        let suites = self
            .suites(version)
            .found
            .iter()
            .map(|code| Suite::new(*code));
        suites.filter(|suite| kind(*suite)).collect()
    }

    /// The version and the suites with which curves are found out: a server whose only certificate
    /// has a key on a curve may want that curve offered as well (RFC 8422 §5.1), and then it cannot
    /// be asked for another one alone.
    pub(super) fn curve_suites(&self) -> Option<(Version, Vec<Suite>)> {
        let version = self.old()?;
        let ecdhe = |suite: Suite| suite.key_exchange() == Some(KeyExchange::Ecdhe);
        let free = |suite: Suite| suite.authentication() != Some(Authentication::Ecdsa);
        let all = self.having(version, ecdhe);
        let some: Vec<Suite> = all.iter().copied().filter(|s| free(*s)).collect();
        let suites = if some.is_empty() { all } else { some };
        (!suites.is_empty()).then_some((version, suites))
    }

    /// Whether refused curves may have been refused because of the certificate's.
    pub(super) fn is_bound_to_a_curve(&self) -> bool {
        let bound = |s: &Suite| s.authentication() == Some(Authentication::Ecdsa);
        self.curve_suites()
            .is_some_and(|(_, suites)| suites.iter().all(bound))
    }

    /// Whatever is to be learnt from an answer, whatever it was for.
    pub(super) fn note(&mut self, flight: &Flight) {
        if flight.ssl2 {
            return;
        }
        let version = flight.version;
        if let Some(listing) = self.versions.get_mut(index(version)) {
            listing.add(version.code());
            listing.end = Some(No::Exhausted);
        }
        if let Some(listing) = self.suites.get_mut(index(version)) {
            listing.add(flight.suite.code());
        }
        if version == Version::Tls13 {
            if let Some(group) = flight.group {
                self.groups13.add(group.code());
            }
            return;
        }
        if let Some(super::Exchange::Prime { bits, .. }) = flight.exchange
            && !self.primes.contains(&bits)
        {
            self.primes.push(bits);
        }
        if let Some(exchange) = flight.exchange {
            if let Some(group) = exchange.group() {
                self.groups12.add(group.code());
            }
            if let Some(scheme) = exchange.scheme() {
                self.schemes.add(scheme.code());
            }
        }
        let has = |extension: Extension| flight.extensions.contains(&extension.code());
        self.renegotiation
            .note(version, has(Extension::RenegotiationInfo));
        if version > Version::Ssl30 {
            self.master_secret
                .note(version, has(Extension::ExtendedMasterSecret));
            if flight.suite.is_cbc() {
                self.encrypt_then_mac
                    .note(version, has(Extension::EncryptThenMac));
            }
        }
        if !flight.certificates.is_empty()
            && self.chains.len() < MAX_CHAINS
            && !self.chains.contains(&flight.certificates)
        {
            self.chains.push(flight.certificates.clone());
        }
    }
}

static EMPTY: Listing = Listing {
    found: Vec::new(),
    end: None,
};
