//! DMARC (RFC 9989): does somebody whom the author's domain answers for vouch for the message?

mod record;
mod walk;

pub use record::Policy;

use crate::{dkim::DkimResult, facts::Facts};
use mail_dns::{Name, Outcome, RecordType};
use record::{Mode, Record};
use std::fmt;
use walk::{Failed, Walk};

/// Outcome of DMARC (RFC 9989 §5.3.5) in the spelling of RFC 8601.
#[allow(clippy::exhaustive_enums)] // complete by the registry of RFC 8601 §2.7
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DmarcResult {
    /// No policy was found for the author's domain, or there is no such domain.
    None,
    /// An identifier that passed SPF or DKIM aligns with the author's domain.
    Pass,
    /// None does.
    Fail,
    /// The DNS did not say enough.
    TempError,
    /// The record that applies cannot be used.
    PermError,
}

/// DMARC's outcome for one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dmarc {
    result: DmarcResult,
    domain: Option<Name>,
    policy: Option<Policy>,
    policy_domain: Option<Name>,
    organization: Option<Name>,
    aligned: Aligned,
    /// Those that passed DKIM and align.
    signers: Vec<Name>,
}

/// What aligned and passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Aligned {
    pub(crate) dkim: bool,
    pub(crate) spf: bool,
}

/// A domain that SPF or DKIM speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identifier {
    pub(crate) domain: Name,
    pub(crate) by: By,
    pub(crate) state: State,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Dkim,
    Spf,
}

/// What is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The domain vouches.
    Pass,
    /// It might have, had the DNS answered.
    Unknown,
}

impl Dmarc {
    /// The outcome.
    pub fn result(&self) -> DmarcResult {
        self.result
    }

    /// The Author Domain, as A-labels; none where From does not name one.
    pub fn domain(&self) -> Option<&Name> {
        self.domain.as_ref()
    }

    /// The policy that applies to failing mail of the Author Domain: what `p`, `sp` or `np` says,
    /// one level lower with `t=y`. None without a record, and where the DNS did not say which of
    /// them applies.
    pub fn policy(&self) -> Option<Policy> {
        self.policy
    }

    /// Where the record was found, without `_dmarc`.
    pub fn policy_domain(&self) -> Option<&Name> {
        self.policy_domain.as_ref()
    }

    /// Whether a signature of this domain speaks for the author. For one that passes, alignment
    /// decides. One that does not is worth no questions to the DNS: it is the author's own if its
    /// domain lies within the author's organization.
    pub(crate) fn speaks_for_author(&self, domain: &Name, result: DkimResult) -> bool {
        if result == DkimResult::Pass {
            return self.signers.contains(domain);
        }
        let whole = self.organization.as_ref().or(self.domain.as_ref());
        whole.is_some_and(|whole| domain.is_within(whole))
    }

    pub(crate) fn aligned(&self) -> Aligned {
        self.aligned
    }

    /// A message that names no author's domain (RFC 9989 §5.3.1).
    pub(crate) fn without_author() -> Self {
        Self {
            result: DmarcResult::None,
            domain: None,
            policy: None,
            policy_domain: None,
            organization: None,
            aligned: Aligned::default(),
            signers: Vec::new(),
        }
    }

    fn align(&mut self, identifier: &Identifier) {
        match identifier.by {
            By::Dkim => {
                self.aligned.dkim = true;
                self.signers.push(identifier.domain.clone());
            }
            By::Spf => self.aligned.spf = true,
        }
    }

    fn weight(&self) -> (u8, Option<Policy>) {
        let weight = match self.result {
            DmarcResult::Pass => 0,
            DmarcResult::None => 1,
            DmarcResult::PermError => 2,
            DmarcResult::TempError => 3,
            DmarcResult::Fail => 4,
        };
        (weight, self.policy)
    }
}

/// The result as RFC 8601 spells it.
impl fmt::Display for DmarcResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::TempError => "temperror",
            Self::PermError => "permerror",
        })
    }
}

/// Asks everything that [`check`] may need once SPF and DKIM have spoken.
pub(crate) fn prefetch<'a>(
    facts: &mut Facts,
    authors: &[Name],
    identifiers: impl Iterator<Item = &'a Name> + Clone,
) {
    for author in authors {
        // Asked for even when the budget runs low: without it there is no verdict.
        let _ = walk::walk(facts, author);
        let _ = facts.look_up(author, RecordType::Txt);
    }
    for author in authors {
        for domain in identifiers.clone().filter(|d| shared_labels(d, author) > 1) {
            walk::prefetch(facts, domain);
        }
    }
}

/// Evaluates DMARC for every author's domain; the worst outcome counts (RFC 9989 §11.5).
pub(crate) fn check(
    facts: &mut Facts,
    authors: &[Name],
    identifiers: &[Identifier],
) -> Option<Dmarc> {
    let mut worst: Option<Dmarc> = None;
    let mut missing = false;
    for author in authors {
        let Some(dmarc) = check_one(facts, author, identifiers) else {
            missing = true; // the others still note what they need
            continue;
        };
        if worst.as_ref().is_none_or(|w| dmarc.weight() > w.weight()) {
            worst = Some(dmarc);
        }
    }
    if missing {
        return None;
    }
    Some(worst.unwrap_or_else(Dmarc::without_author))
}

fn check_one(facts: &mut Facts, author: &Name, identifiers: &[Identifier]) -> Option<Dmarc> {
    let walk = walk::walk(facts, author)?;
    let mut dmarc = Dmarc {
        result: DmarcResult::TempError,
        domain: Some(author.clone()),
        ..Dmarc::without_author()
    };
    if walk.failed == Failed::Start {
        return Some(dmarc);
    }
    let Some((at, record)) = walk.policy() else {
        if walk.failed == Failed::No {
            dmarc.result = DmarcResult::None;
            // No policy, so no alignment either; but the very same domain may have vouched.
            let same = |i: &&Identifier| i.state == State::Pass && i.domain == *author;
            identifiers.iter().filter(same).for_each(|i| dmarc.align(i));
        }
        return Some(dmarc);
    };
    // With a record of the author's own, what lies above matters only to relaxed alignment.
    if walk.failed == Failed::Above && at != author {
        return Some(dmarc);
    }
    dmarc.policy_domain = Some(at.clone());
    dmarc.organization = (walk.failed == Failed::No).then(|| walk.organizational());
    if record.unusable {
        // RFC 9989 §4.10.1: "the Mail Receiver applies no DMARC processing to this message"
        dmarc.result = DmarcResult::PermError;
        return Some(dmarc);
    }
    let policy = if at == author {
        Some(record.p)
    } else {
        inherited(facts, author, &record)?
    };
    dmarc.policy = policy.map(|policy| policy.when(record.testing));
    let mut unknown = policy.is_none();
    for identifier in identifiers {
        let mode = match identifier.by {
            By::Dkim => record.dkim,
            By::Spf => record.spf,
        };
        match (
            aligned(facts, &walk, &identifier.domain, mode)?,
            identifier.state,
        ) {
            (Some(false), _) => {}
            (Some(true), State::Pass) => dmarc.align(identifier),
            // RFC 9989 §5.3.6: with DNS errors "the message cannot be considered to pass or fail".
            // What the budget forbade to ask is no such error: a sender could use it up.
            _ => unknown |= !facts.exhausted(),
        }
    }
    dmarc.result = match dmarc.aligned {
        Aligned {
            dkim: false,
            spf: false,
        } if unknown => DmarcResult::TempError,
        Aligned {
            dkim: false,
            spf: false,
        } => DmarcResult::Fail,
        _ => DmarcResult::Pass,
    };
    Some(dmarc)
}

/// Whether an identifier aligns with the walk's start (RFC 9989 §4.10.2); `Some(None)` where the
/// DNS did not say.
fn aligned(facts: &mut Facts, author: &Walk, domain: &Name, mode: Mode) -> Option<Option<bool>> {
    if domain == author.start() {
        return Some(Some(true));
    }
    if mode == Mode::Strict || shared_labels(domain, author.start()) == 0 {
        return Some(Some(false));
    }
    if author.failed != Failed::No {
        return Some(None);
    }
    let organizational = author.organizational();
    if !domain.is_within(&organizational) {
        return Some(Some(false));
    }
    let walk = walk::walk(facts, domain)?;
    if walk.failed != Failed::No {
        return Some(None);
    }
    Some(Some(walk.organizational() == organizational))
}

/// What a record above asks of the author's domain; `Some(None)` where that depends on whether the
/// domain exists, and the DNS did not say.
fn inherited(facts: &mut Facts, author: &Name, record: &Record) -> Option<Option<Policy>> {
    // RFC 9989 §4.7: np, in its absence sp, in its absence p
    let existing = record.sp.unwrap_or(record.p);
    let missing = record.np.unwrap_or(existing);
    if existing == missing {
        return Some(Some(existing));
    }
    let answer = facts.look_up(author, RecordType::Txt)?;
    Some(match answer.outcome() {
        // RFC 9989 §3.2.13: "if the response code received for a query for a domain name is
        // NXDOMAIN, then the domain name and any possible subdomains do not exist."
        Outcome::NxDomain => Some(missing),
        Outcome::Records(_) | Outcome::NoData => Some(existing),
        Outcome::Failure(_) => None,
    })
}

/// How many labels two names have in common, from the right.
fn shared_labels(a: &Name, b: &Name) -> usize {
    let (a, b): (Vec<_>, Vec<_>) = (a.labels().collect(), b.labels().collect());
    a.iter()
        .rev()
        .zip(b.iter().rev())
        .take_while(|(a, b)| a == b)
        .count()
}
