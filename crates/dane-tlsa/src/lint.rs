//! What is wrong, or could be better, about the records of a server and the chain that it sends.

mod finding;
mod view;

pub use finding::{Finding, LintCode, Severity};

use crate::{
    CertificateUsage, Class, Crypto, Matcher, MatchingType, Parameters, Protocol, References,
    Roots, RrSet, Selector, Tlsa, Unusable, Verdict,
};
use rustls_pki_types::CertificateDer;
use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, SystemTime},
};
use view::Chain;

/// What [`lint_with`] looks for.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct LintOptions {
    /// The names that clients expect in the certificate, for usages 0, 1 and 2: of SMTP the host of
    /// the MX record and the domain of the address (RFC 7672 §3.2.2). Default: none, and then a name
    /// of the certificate itself is taken, so that only a certificate without any is a mismatch.
    pub names: Option<References>,
    /// The roots of clients that know usages 0 and 1. Default: none, as of SMTP.
    pub roots: Option<Arc<Roots>>,
    /// How long before the end of its validity a certificate is reported. Default: 30 days.
    pub soon: Duration,
    /// Octets of records that fit in an answer over UDP. Default: 1,232 less the 200 that the
    /// question, a signature and the OPT record want.
    pub udp_octets: usize,
}

impl Default for LintOptions {
    fn default() -> Self {
        Self {
            names: None,
            roots: None,
            soon: Duration::from_secs(30 * 86_400),
            udp_octets: 1032,
        }
    }
}

/// Most records that are looked at. A name that has more has a finding.
pub const LINT_MAX_RECORDS: usize = 256;

/// Most certificates that are looked at. A chain that has more has a finding.
pub const LINT_MAX_CHAIN: usize = 16;

/// Findings about the records of an SMTP server and the chain that it sends (its own certificate
/// first), the gravest first. An error means that clients which follow the RFCs deliver nothing, or
/// authenticate nobody; without an error, they do both.
///
/// At most [`LINT_MAX_RECORDS`] records and [`LINT_MAX_CHAIN`] certificates are looked at.
pub fn lint(
    records: &[Tlsa],
    chain: &[CertificateDer<'_>],
    now: SystemTime,
    crypto: &Crypto,
) -> Vec<Finding> {
    lint_with(records, chain, now, crypto, &LintOptions::default())
}

/// [`lint`], with options.
pub fn lint_with(
    records: &[Tlsa],
    chain: &[CertificateDer<'_>],
    now: SystemTime,
    crypto: &Crypto,
    options: &LintOptions,
) -> Vec<Finding> {
    let mut lint = Lint {
        crypto,
        options,
        protocol: match options.roots {
            Some(_) => Protocol::WithRoots,
            None => Protocol::Smtp,
        },
        now,
        records: records.get(..LINT_MAX_RECORDS).unwrap_or(records),
        chain: Chain::new(chain.get(..LINT_MAX_CHAIN).unwrap_or(chain), crypto),
        findings: Vec::new(),
    };
    if lint.records.len() < records.len() || lint.chain.len() < chain.len() {
        lint.find(LintCode::TooMany, None, None);
    }
    lint.run(chain);
    let mut findings = lint.findings;
    findings.sort_by_key(|f| (f.severity(), f.record(), f.depth(), f.code().as_str()));
    findings.dedup();
    findings
}

struct Lint<'a> {
    crypto: &'a Crypto,
    options: &'a LintOptions,
    protocol: Protocol,
    now: SystemTime,
    records: &'a [Tlsa],
    chain: Chain<'a>,
    findings: Vec<Finding>,
}

impl Lint<'_> {
    fn run(&mut self, chain: &[CertificateDer<'_>]) {
        if self.records.is_empty() {
            self.find(LintCode::NoRecords, None, None);
            return;
        }
        if self.chain.len() == 0 {
            self.find(LintCode::NoChain, None, None);
        } else {
            self.verdict(chain);
        }
        let mut named = Vec::with_capacity(self.records.len());
        for (at, record) in self.records.iter().enumerate() {
            named.push(self.record(at, record));
        }
        self.certificates(&named);
        self.set(&named);
    }

    fn find(&mut self, code: LintCode, record: Option<usize>, depth: Option<usize>) {
        self.findings.push(Finding::new(code, record, depth));
    }

    /// What clients say that follow the RFCs.
    fn verdict(&mut self, chain: &[CertificateDer<'_>]) {
        let verdict = self.judge(self.records.to_vec(), chain);
        let code = match verdict.class() {
            Class::Match => None,
            Class::Unusable => Some(LintCode::NoneUsable),
            Class::NoMatch => Some(LintCode::NoMatch),
            Class::Untrusted => Some(LintCode::Untrusted(verdict.reason())),
            Class::Expired => Some(LintCode::Expired),
            Class::NameMismatch => Some(LintCode::NameMismatch),
        };
        if let Some(code) = code {
            let record = self
                .records
                .iter()
                .position(|r| Some(r) == verdict.record());
            // The verdict counts on the path, and an authority may stand in a record alone.
            let named = |record| self.chain.named_by(record).find(|depth| *depth > 0);
            let depth = verdict.record().and_then(named);
            self.find(code, record, depth);
        }
        self.combinations(verdict.class(), chain);
    }

    fn judge(&self, records: Vec<Tlsa>, chain: &[CertificateDer<'_>]) -> Verdict {
        let records = RrSet::new(records).assume_secure();
        let usable = match &self.options.roots {
            Some(roots) => records.usable_with_roots(Arc::clone(roots)),
            None => records.usable_for_smtp(),
        };
        let own_name = || References::new([self.chain.own_name()?]).ok();
        let names = self.options.names.clone().or_else(own_name);
        // A name that no certificate has (RFC 6761 §6.4).
        let names = names.or_else(|| References::new(["none.invalid"]).ok());
        match (usable.zip(names), chain) {
            (Some((usable, names)), [own, others @ ..]) => {
                Matcher::new(usable, names, *self.crypto).check(own, others, self.now)
            }
            _ => Verdict::unusable(),
        }
    }

    /// RFC 7671 §8: each combination of parameters has to authenticate the server by itself.
    fn combinations(&mut self, whole: Class, chain: &[CertificateDer<'_>]) {
        let usable = self.usable().map(|(at, r)| (at, Parameters::from(r)));
        let usable: Vec<(usize, Parameters)> = usable.collect();
        let all: BTreeSet<Parameters> = usable.iter().map(|(_, p)| *p).collect();
        for parameters in &all {
            let first = usable.iter().find(|(_, own)| own == parameters);
            let first = first.map(|(at, _)| *at);
            let of = self.usable().map(|(_, record)| record);
            let of = of.filter(|r| Parameters::from(*r) == *parameters).cloned();
            let class = self.judge(of.collect(), chain).class();
            // What is wrong with all of them has been said.
            let new = whole == Class::Match || class == Class::NoMatch && all.len() > 1;
            if class != Class::Match && new {
                self.find(LintCode::ParametersUnmatched, first, None);
            }
            // RFC 7671 §9: clients look at the strongest digest alone.
            let stronger = all.iter().any(|other| {
                (other.usage, other.selector) == (parameters.usage, parameters.selector)
                    && parameters.matching != MatchingType::Full
                    && other.matching > parameters.matching
            });
            if stronger {
                self.find(LintCode::WeakerDigest, first, None);
            }
        }
    }

    /// One record by itself, and the certificates that it is about. Those of an unusable record are
    /// none.
    fn record(&mut self, at: usize, record: &Tlsa) -> Vec<usize> {
        let found = |code| Finding::new(code, Some(at), None);
        match record.usability(self.protocol) {
            Ok(()) => {}
            Err(why) => {
                self.findings.push(found(match why {
                    Unusable::UsageNotForSmtp => LintCode::UsageNotForSmtp,
                    Unusable::DigestLength => LintCode::DigestLength,
                    other => LintCode::Unusable(other),
                }));
                return Vec::new();
            }
        }
        if record.matching() == MatchingType::Full {
            let code = match record.data().len() > self.options.udp_octets {
                true => LintCode::LargeData,
                false => LintCode::FullData,
            };
            self.findings.push(found(code));
        }
        let end_entity = Parameters::from(record).is_end_entity();
        if end_entity && record.selector() == Selector::Cert {
            self.findings.push(found(LintCode::RenewalChangesRecord));
        }
        let all: Vec<usize> = self.chain.named_by(record).collect();
        let own = all.contains(&0);
        if !end_entity && own {
            self.find(LintCode::AnchorIsLeaf, Some(at), Some(0));
        }
        let fitting: Vec<usize> = match end_entity {
            true => all.into_iter().filter(|depth| *depth == 0).collect(),
            false => all.into_iter().filter(|depth| *depth > 0).collect(),
        };
        let is_leaf = !end_entity && own;
        if fitting.is_empty() && self.chain.len() > 0 && !is_leaf {
            match (end_entity, record.matching()) {
                (true, _) => self.findings.push(found(LintCode::Unrelated)),
                // Whole data need not be sent; whether they have issued the chain is the verdict's.
                (false, MatchingType::Full) => {}
                // RFC 7671 §5.2.2: "servers MUST include the TA certificate" in their chain.
                (false, _) => self.findings.push(found(LintCode::AnchorNotSent)),
            }
        }
        fitting
    }

    /// The certificates that clients look at because of a record of usage 0, 1 or 2.
    fn certificates(&mut self, named: &[Vec<usize>]) {
        let mut path = None;
        let mut anchors = BTreeSet::new();
        for ((_, record), depths) in self.records.iter().enumerate().zip(named) {
            match record.usage() {
                CertificateUsage::DaneTa | CertificateUsage::PkixTa => {
                    anchors.extend(depths.iter().copied());
                    path = path.max(depths.iter().min().copied());
                }
                CertificateUsage::PkixEe if !depths.is_empty() => {
                    path = Some(self.chain.len().saturating_sub(1));
                }
                _ => {}
            }
        }
        let mut found = Vec::new();
        for depth in 0..self.chain.len() {
            let mut find = |code| found.push(Finding::new(code, None, Some(depth)));
            let Some(seen) = self.chain.view(depth) else {
                find(LintCode::UnreadableCertificate);
                continue;
            };
            let looked_at = path.is_some_and(|path| depth <= path);
            match (looked_at, seen.dates(self.now, self.options.soon)) {
                (true, view::Dates::Outside) => find(LintCode::Outdated),
                (true, view::Dates::Soon) => find(LintCode::ExpiresSoon),
                // RFC 7671 §5.1: dates of the server's own certificate do not count for usage 3.
                (false, view::Dates::Outside) if depth == 0 => find(LintCode::OutdatedUnchecked),
                _ => {}
            }
            // Nobody verifies the signature of the anchor itself.
            if path.is_some_and(|path| depth < path) && seen.weak_signature() {
                find(LintCode::WeakSignature);
            }
            if anchors.contains(&depth) && !seen.may_issue() {
                find(LintCode::AnchorNotCa);
            }
        }
        self.findings.extend(found);
    }

    /// The records together.
    fn set(&mut self, named: &[Vec<usize>]) {
        let octets: usize = self.records.iter().map(octets).sum();
        if octets > self.options.udp_octets {
            self.find(LintCode::LargeAnswer, None, None);
        }
        for (at, record) in self.records.iter().enumerate() {
            let before = self.records.get(..at).unwrap_or_default();
            if before.contains(record) {
                self.find(LintCode::Duplicate, Some(at), None);
            } else if before.iter().zip(named).any(|(other, depths)| {
                let full = |r: &Tlsa| r.matching() == MatchingType::Full;
                other.usage() == record.usage()
                    && (full(other) || full(record) || other.selector() != record.selector())
                    && named
                        .get(at)
                        .is_some_and(|own| own == depths && !own.is_empty())
            }) {
                self.find(LintCode::Redundant, Some(at), None);
            }
        }
        let of = |usage| self.usable().filter(move |(_, r)| r.usage() == usage);
        let distinct = |usage| {
            let records = of(usage).map(|(_, r)| (r.selector(), r.matching(), r.data()));
            records.collect::<BTreeSet<_>>().len()
        };
        let (own, authorities) = (
            distinct(CertificateUsage::DaneEe),
            distinct(CertificateUsage::DaneTa),
        );
        // What internet.nl takes for a scheme: two records 3 x x, or one of them and one 2 x x.
        if own < 2 && (own == 0 || authorities == 0) {
            self.find(LintCode::NoRolloverScheme, None, None);
        }
        let next = self
            .usable()
            .any(|(at, _)| named.get(at).is_some_and(Vec::is_empty));
        // An authority issues the next certificate without a change of the records.
        let issued = self.usable().any(|(at, r)| {
            !Parameters::from(r).is_end_entity() && named.get(at).is_some_and(|d| !d.is_empty())
        });
        if !next && !issued && self.usable().next().is_some() {
            self.find(LintCode::NoNextRecord, None, None);
        }
    }

    fn usable(&self) -> impl Iterator<Item = (usize, &Tlsa)> {
        let records = self.records.iter().enumerate();
        records.filter(|(_, record)| record.usability(self.protocol).is_ok())
    }
}

/// Of a record in an answer: its name compressed, type, class, TTL, length (RFC 1035 §4.1.3), data.
fn octets(record: &Tlsa) -> usize {
    12 + 3 + record.data().len()
}
