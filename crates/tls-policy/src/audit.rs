//! Dated rule sets, and what they say to facts that somebody has gathered: feature `audit`.
//!
//! ```
//! use tls_policy::audit::{self, Cause, Date, Facts, Offers, Protocol, Seen, ServiceFacts, Subject, Verdict};
//!
//! // What a prober saw of a web server, and what it did not.
//! let mut https = ServiceFacts::new("www.example.org", Protocol::Https);
//! https.reachable = Seen::known(true);
//! https.tls.tls12 = Seen::known(true);
//! https.tls.suites12 = Seen::known(Offers::all([0xC02B, 0x002F]));
//! https.tls.tls13 = Seen::unknown(Cause::TimeOut);
//! let mut facts = Facts::of_host(Subject::Remote, "www.example.org");
//! facts.services.push(https);
//!
//! let today: Date = "2026-11-27".parse()?;
//! let report = audit::audit(&facts, &[&audit::TR_02102_2_2026_01], today);
//! let row = report.row(&audit::TR_02102_2_2026_01, "suites-1.2").unwrap();
//! assert_eq!(row.verdict(), Verdict::NotMet);
//! assert_eq!(row.findings()[0].evidence, "TLS_RSA_WITH_AES_128_CBC_SHA");
//! // What was not seen is never met.
//! let row = report.row(&audit::TR_02102_2_2026_01, "tls-1.3").unwrap();
//! assert_eq!(row.verdict(), Verdict::Unknown);
//! assert_eq!(row.findings()[0].cause, Some(Cause::TimeOut));
//! println!("{report}"); // a table; to_json() is the same for programs
//! # Ok::<_, tls_policy::audit::NotADate>(())
//! ```
//!
//! [`Facts`] are yours to fill: by a prober, from the DNS, from a configuration, in part or as a
//! whole; what you leave out is "not examined". They are read from JSON and written as such, so that
//! the facts of last year can be held against the rules of next year. [`audit`] does no I/O and has
//! no clock.
//!
//! # What a verdict means
//!
//! Each rule has one row, and a row one finding for each place; of several MX hosts the worst
//! counts. A fact that is not known never makes a rule met: the finding is unknown and says why.
//! To take a fact away changes a verdict into unknown or not at all; where a rule takes somebody's
//! word instead of a fact, into attested.
//!
//! Conformity with BSI's guidelines is the operator's own declaration, and neither it nor a score of
//! internet.nl's is what a report says: it says which rules, as paraphrased here, the facts fit.
//!
//! # The sets
//!
//! Every rule, with its source and remedy, and what is left out of each set and why, is in the
//! repository, in `docs/audit-rules.md`. Editions do not expire in silence: an older one goes on
//! being judged, and the report says what took its place ([`RuleSet::counts_on`]).

mod certificate;
mod check;
mod codes;
mod date;
mod facts;
mod reason;
mod render;
mod report;
mod rule;
mod rules;
mod seen;

pub use codes::{group_name, scheme_name, suite_name};
pub use date::{Date, NotADate};
pub use facts::{
    Attestation, Caa, Chain, ClientFacts, Der, DkimKey, DkimKind, DmarcFacts, DmarcPolicy,
    DomainFacts, Facts, HostFacts, Mx, MxName, NameServer, Order, OwnFacts, PolicyBody, Protocol,
    Roa, ServiceFacts, SpfAll, SpfFacts, Srv, Subject, TlsFacts, Tlsa, Topic,
};
pub use reason::Reason;
pub use report::{Finding, Report, Row, Verdict};
pub use rule::{Certainty, LeftOut, Level, Rule, RuleSet, Scope};
pub use rules::{
    INTERNET_NL_MAIL_2026_07, RULE_SETS, TR_02102_2_2025_01, TR_02102_2_2026_01, TR_03108_1_0_2,
    TR_03108_2_0, TR_03116_4_2025, TR_03182_1_0, rule_sets_on,
};
pub use seen::{Cause, Dnssec, Offers, Published, Seen};

use check::{Case, Decoded};

/// Octets of evidence, and of a place, that a report shows.
pub const MAX_EVIDENCE: usize = 300;

/// Holds the facts against the rules, as of `today`.
///
/// Of [`Subject::Remote`] the rules that only one's own service can be judged by do not apply, and
/// `facts.own` and `facts.attestations` are not looked at.
pub fn audit(facts: &Facts, sets: &[&'static RuleSet], today: Date) -> Report {
    let decoded = Decoded::new(facts);
    let case = Case::new(facts, &decoded, today);
    let mut rows = Vec::new();
    for set in sets {
        for rule in set.rules {
            rows.push(Row::new(set, rule, judge(&case, set, rule), &facts.name));
        }
    }
    Report {
        name: facts.name.clone(),
        subject: facts.subject,
        today,
        sets: sets.to_vec(),
        rows,
    }
}

fn judge(case: &Case<'_>, set: &RuleSet, rule: &Rule) -> Vec<Finding> {
    let name = case.name();
    if !case.is_own() && rule.scope != Scope::Remote {
        return vec![Finding::not_applicable(name, Reason::OwnOnly)];
    }
    if !set.has_begun(case.today()) {
        return vec![Finding::not_applicable(name, Reason::SetNotYet)];
    }
    if let Some(from) = rule.from.filter(|from| case.today().year() < *from) {
        let evidence = format!("from {from}");
        let (verdict, why) = (Verdict::Announced, Reason::NotYet);
        return vec![Finding::of(name, verdict, why, &evidence)];
    }
    rule.check.run(case)
}
