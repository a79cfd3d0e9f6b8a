//! From findings to a grade: the rules, and nothing else.

use crate::{
    Dmarc, DmarcResult, Grade, Policy, Reason, Severity, SpfResult,
    dkim::{Coverage, Dkim, DkimResult},
    dmarc::Aligned,
    spf,
};
use std::borrow::Cow;

/// What the protocols found, reduced to what the grade depends on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Findings {
    /// What was noticed about the message's form, and of limits.
    pub(crate) noticed: Vec<Reason>,
    pub(crate) spf: Option<SpfFinding>,
    pub(crate) signatures: Vec<Signature>,
    pub(crate) dmarc: Option<DmarcFinding>,
}

/// What SPF says of the reverse-path.
#[derive(Clone, Debug)]
pub(crate) struct SpfFinding {
    pub(crate) result: SpfResult,
    pub(crate) text: String,
}

/// What matters of DMARC.
#[derive(Clone, Debug)]
pub(crate) struct DmarcFinding {
    pub(crate) result: DmarcResult,
    pub(crate) policy: Option<Policy>,
    pub(crate) aligned: Aligned,
    pub(crate) domain: String,
}

/// What matters of a signature.
#[derive(Clone, Debug)]
pub(crate) struct Signature {
    pub(crate) result: DkimResult,
    pub(crate) standing: Standing,
    pub(crate) flaws: Vec<Flaw>,
    pub(crate) code: &'static str,
    pub(crate) text: String,
}

/// Whether a signature speaks for the author's domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Author,
    Other,
}

/// What is wrong with a signature that passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// `l=`: anything can be appended to the body.
    BodyLimit,
    /// A field stands more often than it is signed.
    UnsignedDuplicate,
    /// RSA of less than 2048 bits.
    WeakKey,
    /// The key says `t=y`.
    Testing,
}

/// The grade, and every reason, what weighs most first.
pub(crate) fn judge(findings: &Findings) -> (Grade, Vec<Reason>) {
    let mut reasons = findings.noticed.clone();
    let best = findings.best_signature();
    for signature in &findings.signatures {
        signature.reasons(best, &mut reasons);
    }
    if let Some(spf) = &findings.spf {
        reasons.push(spf.reason(best));
    }
    if let Some(dmarc) = &findings.dmarc {
        reasons.push(dmarc.reason());
    }
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.severity()));
    let cap = match reasons.first().map(Reason::severity) {
        Some(Severity::Alarm) => Grade::Suspicious,
        Some(Severity::Warning) => Grade::Plausible,
        _ => Grade::Verified,
    };
    (findings.vouched().min(cap), reasons)
}

/// How good the best signature of the author's domain is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Best {
    /// None passes.
    None,
    /// One passes, with flaws.
    Flawed,
    /// One passes, and nothing is wrong with it: whatever the others are, it suffices.
    Clean,
}

impl Findings {
    fn best_signature(&self) -> Best {
        let of_author =
            |s: &&Signature| s.standing == Standing::Author && s.result == DkimResult::Pass;
        let passing = self.signatures.iter().filter(of_author);
        passing
            .map(|s| {
                if s.flaws.is_empty() {
                    Best::Clean
                } else {
                    Best::Flawed
                }
            })
            .max()
            .unwrap_or(Best::None)
    }

    /// The grade that what vouches for the message earns, before anything is held against it.
    fn vouched(&self) -> Grade {
        let Some(dmarc) = &self.dmarc else {
            // The envelope alone: SPF is all there is.
            return match self.spf.as_ref().map(|spf| spf.result) {
                Some(SpfResult::Pass) => Grade::Plausible,
                _ => Grade::Unverifiable,
            };
        };
        match dmarc.result {
            DmarcResult::Pass if dmarc.aligned.dkim => Grade::Verified,
            DmarcResult::Pass => Grade::Plausible,
            DmarcResult::Fail if dmarc.policy > Some(Policy::None) => Grade::Forged,
            // Without a policy the author's very own domain may still have vouched.
            DmarcResult::None if dmarc.aligned != Aligned::default() => Grade::Plausible,
            _ => Grade::Unverifiable,
        }
    }
}

impl Signature {
    /// RFC 6376 §6.1: a signature that fails is as none, so one that passes and is clean
    /// outweighs all others. Without it, what is wrong with the author's own ones counts.
    fn reasons(&self, best: Best, reasons: &mut Vec<Reason>) {
        let counts = self.standing == Standing::Author && best < Best::Clean;
        let weigh = |severity| if counts { severity } else { Severity::Info };
        if self.result == DkimResult::Pass {
            for flaw in &self.flaws {
                let (code, severity, text) = flaw.explain();
                reasons.push(Reason::new(code, weigh(severity), text));
            }
            return;
        }
        let severity = match self.result {
            DkimResult::TempError | DkimResult::Neutral | DkimResult::None => Severity::Warning,
            _ => Severity::Alarm,
        };
        reasons.push(Reason::new(self.code, weigh(severity), self.text.clone()));
    }
}

impl Flaw {
    fn explain(self) -> (&'static str, Severity, &'static str) {
        match self {
            Self::BodyLimit => (
                "dkim.l-tag",
                Severity::Alarm,
                "the signature covers only the beginning of the body: the rest can be anybody's",
            ),
            Self::UnsignedDuplicate => (
                "dkim.unsigned-duplicate",
                Severity::Alarm,
                "a signed header field stands there once more, and that one is not signed",
            ),
            Self::WeakKey => (
                "dkim.weak-key",
                Severity::Warning,
                "the signature's key has less than 2048 bits",
            ),
            Self::Testing => (
                "dkim.testing",
                Severity::Warning,
                "the domain is only testing its signatures",
            ),
        }
    }
}

impl SpfFinding {
    fn reason(&self, best: Best) -> Reason {
        use SpfResult as R;
        let (code, severity) = match self.result {
            R::Pass => ("spf.pass", Severity::Info),
            R::None => ("spf.none", Severity::Info),
            R::Neutral => ("spf.neutral", Severity::Info),
            R::Fail => ("spf.fail", Severity::Alarm),
            R::SoftFail => ("spf.softfail", Severity::Alarm),
            R::PermError => ("spf.permerror", Severity::Alarm),
            R::TempError => ("spf.temperror", Severity::Warning),
        };
        // Forwarding breaks SPF and leaves signatures alone (RFC 7960 §2.1).
        let severity = match best {
            Best::None => severity,
            Best::Flawed | Best::Clean => Severity::Info,
        };
        Reason::new(code, severity, self.text.clone())
    }
}

impl DmarcFinding {
    fn reason(&self) -> Reason {
        let domain = &self.domain;
        let (code, severity, text): (_, _, Cow<'static, str>) = match (self.result, self.policy) {
            (DmarcResult::Pass, _) => (
                "dmarc.pass",
                Severity::Info,
                format!("{domain} vouches for the message").into(),
            ),
            (DmarcResult::Fail, Some(policy)) if policy > Policy::None => (
                "dmarc.fail",
                Severity::Alarm,
                format!("{domain} does not vouch for the message, and asks to {policy} such ones")
                    .into(),
            ),
            (DmarcResult::Fail, _) => (
                "dmarc.fail",
                Severity::Warning,
                format!("{domain} does not vouch for the message").into(),
            ),
            (DmarcResult::None, _) if domain.is_empty() => (
                "dmarc.none",
                Severity::Warning,
                "the message names no author whose domain could vouch for it".into(),
            ),
            (DmarcResult::None, _) => (
                "dmarc.none",
                Severity::Warning,
                format!("{domain} does not say how its mail can be told from forgeries").into(),
            ),
            (DmarcResult::TempError, _) => (
                "dmarc.temperror",
                Severity::Warning,
                format!("the DNS did not say enough to tell whether {domain} vouches").into(),
            ),
            (DmarcResult::PermError, _) => (
                "dmarc.permerror",
                Severity::Alarm,
                format!("the DMARC policy of {domain} cannot be used").into(),
            ),
        };
        Reason::new(code, severity, text)
    }
}

impl From<&Dmarc> for DmarcFinding {
    fn from(dmarc: &Dmarc) -> Self {
        Self {
            result: dmarc.result(),
            policy: dmarc.policy(),
            aligned: dmarc.aligned(),
            domain: dmarc.domain().map(ToString::to_string).unwrap_or_default(),
        }
    }
}

impl From<&spf::Identity> for SpfFinding {
    fn from(identity: &spf::Identity) -> Self {
        let result = identity.result();
        let domain = crate::hygiene::printable(identity.domain().as_bytes());
        let text = match identity.cause() {
            Some(cause) => format!("SPF of {domain}: {result}: {cause}"),
            None => format!("SPF of {domain}: {result}"),
        };
        Self { result, text }
    }
}

impl Signature {
    /// `duplicates` are the names of fields that stand more often than once, in lower case.
    pub(crate) fn new(dkim: &Dkim, standing: Standing, duplicates: &[&str]) -> Self {
        let mut flaws = Vec::new();
        if dkim.body_limit().is_some() {
            flaws.push(Flaw::BodyLimit);
        }
        if duplicates
            .iter()
            .any(|name| dkim.covers(name) == Coverage::Partly)
        {
            flaws.push(Flaw::UnsignedDuplicate);
        }
        if dkim.has_weak_key() {
            flaws.push(Flaw::WeakKey);
        }
        if dkim.is_testing() {
            flaws.push(Flaw::Testing);
        }
        let domain = dkim.domain().unwrap_or("an unknown domain");
        Self {
            result: dkim.result(),
            standing,
            flaws,
            code: dkim.reason().code(),
            text: format!("signature of {domain}: {}", dkim.reason()),
        }
    }
}

#[cfg(test)]
mod tests;
