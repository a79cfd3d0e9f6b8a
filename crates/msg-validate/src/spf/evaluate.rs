//! The check_host() function (RFC 7208 §4), over what is known of the DNS.

use super::{
    Cause, Identity, SpfResult,
    dns::Dns,
    macros::{Letter, Template},
    record::{Mechanism, Prefixes, Record, Term},
};
use crate::Limits;
use mail_dns::{Answer, Name, Outcome, Query, Record as DnsRecord, RecordType, Txt};
use std::{
    borrow::Cow,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::{SystemTime, UNIX_EPOCH},
};

/// What is checked: the same for every record that the check comes to.
#[derive(Clone, Debug)]
pub(super) struct Subject<'a> {
    /// Never IPv4-mapped.
    pub(super) client: IpAddr,
    pub(super) helo: Cow<'a, str>,
    pub(super) local_part: &'a str,
    /// Of the sender; also where the check starts.
    pub(super) domain: Cow<'a, str>,
    pub(super) now: SystemTime,
    pub(super) receiver: Option<&'a str>,
}

/// One check under way.
#[derive(Debug)]
pub(super) struct Evaluation<'a, D> {
    pub(super) subject: &'a Subject<'a>,
    limits: &'a Limits,
    pub(super) dns: &'a mut D,
    terms: usize,
    voids: usize,
}

/// Why a check ends without a match.
#[derive(Debug)]
pub(super) enum Stop {
    /// Something is still to be asked.
    Missing,
    None(Cause),
    TempError(Cause),
    PermError(Cause),
}

/// How a record, with those it redirects to, judges.
struct Decision {
    result: SpfResult,
    cause: Option<Cause>,
    explanation: Option<String>,
}

/// For whom a record is evaluated.
#[derive(Clone, Copy, PartialEq, Eq)]
enum For {
    Result,
    /// An `include`, which wants neither cause nor explanation.
    Include,
}

/// RFC 7208 §4.6.4: of each `mx` and `ptr`, "MUST NOT result in querying more than 10".
pub(super) const HOSTS: usize = 10;

/// RFC 7208 §7.3: "253 characters (the maximum length of a domain name in this format)".
const DOMAIN: usize = 253;

/// Octets of an expansion before that truncation; no sensible record comes near.
const EXPANSION: usize = 4096;

/// Octets of an explanation, so that it fits a multi-line SMTP reply.
const EXPLANATION: usize = 1000;

impl<'a, D: Dns> Evaluation<'a, D> {
    pub(super) fn new(subject: &'a Subject<'a>, limits: &'a Limits, dns: &'a mut D) -> Self {
        Self {
            subject,
            limits,
            dns,
            terms: 0,
            voids: 0,
        }
    }

    /// Judges the subject's domain. `None` after noting what is still to be asked.
    pub(super) fn run(mut self) -> Option<Identity> {
        let domain = self.subject.domain.as_ref();
        let decision = match self.check_host(domain, For::Result) {
            Ok(decision) => decision,
            Err(Stop::Missing) => {
                super::foresee::foresee(self);
                return None;
            }
            Err(Stop::None(cause)) => Decision::without_match(SpfResult::None, cause),
            Err(Stop::TempError(cause)) => Decision::without_match(SpfResult::TempError, cause),
            Err(Stop::PermError(cause)) => Decision::without_match(SpfResult::PermError, cause),
        };
        Some(Identity {
            result: decision.result,
            domain: domain.to_ascii_lowercase(),
            explanation: decision.explanation,
            cause: decision.cause,
        })
    }

    fn check_host(&mut self, domain: &str, purpose: For) -> Result<Decision, Stop> {
        let name = fully_qualified(domain).ok_or(Stop::None(Cause::NotADomain))?;
        let answer = self.ask(Query::new(name, RecordType::Txt))?;
        let text = select(&answer, domain)?.joined();
        let record = Record::parse(&text).map_err(|mistake| {
            Stop::PermError(Cause::Syntax {
                term: mistake.term().to_owned(),
                domain: domain.to_owned(),
            })
        })?;
        for term in record.terms() {
            let Some(directive) = &term.directive else {
                continue;
            };
            if !self.matches(&directive.mechanism, term, domain)? {
                continue;
            }
            let mut decision = Decision {
                result: directive.qualifier,
                cause: None,
                explanation: None,
            };
            if purpose == For::Result {
                decision.cause = Some(Cause::Match {
                    term: term.text.to_owned(),
                    domain: domain.to_owned(),
                });
                if let (SpfResult::Fail, Some(exp)) = (directive.qualifier, record.exp()) {
                    decision.explanation = self.explain(exp, domain)?;
                }
            }
            return Ok(decision);
        }
        match record.redirect() {
            Some(target) => self.redirect(target, domain, purpose),
            // RFC 7208 §4.7: "If none of the mechanisms match and there is no "redirect"
            // modifier, then the check_host() returns a result of "neutral"".
            None => Ok(Decision::without_match(SpfResult::Neutral, Cause::NoMatch)),
        }
    }

    fn matches(
        &mut self,
        mechanism: &Mechanism<'_>,
        term: &Term<'_>,
        domain: &str,
    ) -> Result<bool, Stop> {
        match mechanism {
            Mechanism::All => Ok(true),
            Mechanism::Ip4(network, length) => {
                Ok(matches!(self.subject.client, IpAddr::V4(c) if same_v4(c, *network, *length)))
            }
            Mechanism::Ip6(network, length) => {
                Ok(matches!(self.subject.client, IpAddr::V6(c) if same_v6(c, *network, *length)))
            }
            Mechanism::Include(target) => self.include(*target, term, domain),
            Mechanism::A(target, prefixes) => {
                self.count_term()?;
                let Some(name) = self.target(*target, domain)? else {
                    return Ok(false);
                };
                let answer = self.ask(Query::new(name, self.address_type()))?;
                self.count_void(&answer)?;
                Ok(self.has_client(&answer, *prefixes))
            }
            Mechanism::Mx(target, prefixes) => self.mx(*target, *prefixes, domain),
            Mechanism::Ptr(target) => self.ptr(*target, domain),
            Mechanism::Exists(target) => {
                self.count_term()?;
                let Some(name) = self.target(Some(*target), domain)? else {
                    return Ok(false);
                };
                // RFC 7208 §5.7: "a DNS A RR lookup (even when the connection type is IPv6)".
                let answer = self.ask(Query::new(name, RecordType::A))?;
                self.count_void(&answer)?;
                Ok(answer.iter().len() > 0)
            }
        }
    }

    /// RFC 7208 §5.2.
    fn include(
        &mut self,
        target: Template<'_>,
        term: &Term<'_>,
        domain: &str,
    ) -> Result<bool, Stop> {
        self.count_term()?;
        if self.matches_nothing(target) {
            return Ok(false);
        }
        let decision = match self.domain(target, domain)? {
            Some(included) => self.check_host(&included, For::Include),
            None => Err(Stop::None(Cause::NotADomain)),
        };
        match decision {
            Ok(decision) => Ok(decision.result == SpfResult::Pass),
            // RFC 7208 §5.2: "none | return permerror"
            Err(Stop::None(_)) => Err(Stop::PermError(Cause::NoTarget {
                term: term.text.to_owned(),
                domain: domain.to_owned(),
            })),
            Err(stop) => Err(stop),
        }
    }

    /// RFC 7208 §6.1.
    fn redirect(
        &mut self,
        target: Template<'_>,
        domain: &str,
        purpose: For,
    ) -> Result<Decision, Stop> {
        self.count_term()?;
        let next = self.domain(target, domain)?;
        let decision = match &next {
            Some(next) => self.check_host(next, purpose),
            None => Err(Stop::None(Cause::NotADomain)),
        };
        decision.map_err(|stop| match stop {
            // RFC 7208 §6.1: "if no SPF record is found, or if the <target-name> is malformed,
            // the result is a "permerror" rather than "none"".
            Stop::None(_) => Stop::PermError(Cause::NoTarget {
                term: "redirect".to_owned(),
                domain: domain.to_owned(),
            }),
            stop => stop,
        })
    }

    /// RFC 7208 §5.4.
    fn mx(
        &mut self,
        target: Option<Template<'_>>,
        prefixes: Prefixes,
        domain: &str,
    ) -> Result<bool, Stop> {
        self.count_term()?;
        let Some(name) = self.target(target, domain)? else {
            return Ok(false);
        };
        let answer = self.ask(Query::new(name.clone(), RecordType::Mx))?;
        self.count_void(&answer)?;
        // RFC 7208 §4.6.4: "the evaluation of each "MX" record MUST NOT result in querying more
        // than 10 address records ... If this limit is exceeded, the "mx" mechanism MUST produce
        // a "permerror" result." Counted before any is asked: the DNS has no order of records.
        if answer.iter().len() > HOSTS {
            return Err(Stop::PermError(Cause::MxLimit {
                domain: name.to_string(),
            }));
        }
        for host in exchanges(&answer) {
            let answer = self.ask(Query::new(host.clone(), self.address_type()))?;
            // RFC 7208 §4.6.4 counts what finds nothing. That a host has addresses of the other
            // family only is no mistake of the domain.
            if *answer.outcome() != Outcome::NoData || self.subject.client.is_ipv4() {
                self.count_void(&answer)?;
            }
            if self.has_client(&answer, prefixes) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// RFC 7208 §5.5.
    fn ptr(&mut self, target: Option<Template<'_>>, domain: &str) -> Result<bool, Stop> {
        self.count_term()?;
        let Some(name) = self.target(target, domain)? else {
            return Ok(false);
        };
        let reverse = Name::reverse(self.subject.client);
        let answer = self.look_up(&Query::new(reverse, RecordType::Ptr))?;
        self.count_void(&answer)?;
        // Names elsewhere would not match, so they need no look-up.
        let mut hosts = hosts(&answer).into_iter();
        hosts.try_fold(false, |found, host| {
            Ok(found || (host.is_within(&name) && self.is_validated(host)?))
        })
    }

    /// Whether one of the client's names leads back to it. RFC 7208 §5.5: "If a DNS error occurs
    /// while doing an A RR lookup, then that domain name is skipped". These look-ups find nothing
    /// at the client's will, not the domain's: they do not count as void.
    fn is_validated(&mut self, host: &Name) -> Result<bool, Stop> {
        let answer = self.look_up(&Query::new(host.clone(), self.address_type()))?;
        Ok(answer.iter().any(|record| match record {
            DnsRecord::A(address) => self.subject.client == *address,
            DnsRecord::Aaaa(address) => self.subject.client == *address,
            _ => false,
        }))
    }

    /// The macro `p` (RFC 7208 §7.3).
    fn validated_name(&mut self, domain: &str) -> Result<Cow<'static, str>, Stop> {
        let reverse = Name::reverse(self.subject.client);
        let answer = self.look_up(&Query::new(reverse, RecordType::Ptr))?;
        let (mut validated, mut missing) = (Vec::new(), false);
        for host in hosts(&answer) {
            match self.is_validated(host) {
                Ok(true) => validated.push(host),
                Ok(false) => {}
                // All of them in one wave.
                Err(_) => missing = true,
            }
        }
        if missing {
            return Err(Stop::Missing);
        }
        // RFC 7208 §7.3: "If the <domain> is present in the list of validated domains, it SHOULD
        // be used. Otherwise, if a subdomain of the <domain> is present, it SHOULD be used.
        // Otherwise, any name from the list can be used." Or "unknown".
        let domain = Name::from_octets(domain.as_bytes()).ok();
        let is_domain = |host: &&&Name| domain.as_ref() == Some(**host);
        let is_below = |host: &&&Name| domain.as_ref().is_some_and(|d| host.is_within(d));
        let host = (validated.iter().find(is_domain))
            .or_else(|| validated.iter().find(is_below))
            .or_else(|| validated.first());
        Ok(host.map_or(Cow::Borrowed("unknown"), |host| host.to_string().into()))
    }

    /// RFC 7208 §6.2: on any trouble "proceed as if no "exp" modifier was given".
    fn explain(&mut self, exp: Template<'_>, domain: &str) -> Result<Option<String>, Stop> {
        let Some(name) = self.target(Some(exp), domain)? else {
            return Ok(None);
        };
        // RFC 7208 §4.6.4: neither the limit of terms nor that of void look-ups counts this one.
        let answer = self.look_up(&Query::new(name, RecordType::Txt))?;
        let [DnsRecord::Txt(text)] = answer.iter().as_slice() else {
            return Ok(None);
        };
        let text = text.joined();
        let Some(template) = str::from_utf8(&text).ok().and_then(Template::explanation) else {
            return Ok(None);
        };
        let expanded = template.expand(EXPLANATION, |letter| self.value(letter, domain))?;
        // RFC 7208 §6.2: "limited to US-ASCII"; what the sender put into macros is too.
        let printable = |o: u8| o == b' ' || o.is_ascii_graphic();
        Ok(expanded
            .filter(|text| text.bytes().all(printable))
            .map(Cow::into_owned))
    }

    /// The name that a term is about. `None` where that is no name, which nothing can match
    /// (RFC 7208 §4.8 leaves this open).
    pub(super) fn target(
        &mut self,
        target: Option<Template<'_>>,
        domain: &str,
    ) -> Result<Option<Name>, Stop> {
        let name = match target {
            Some(template) => self.domain(template, domain)?,
            None => Some(Cow::Borrowed(domain)),
        };
        Ok(name.and_then(|name| Name::from_octets(name.as_bytes()).ok()))
    }

    /// RFC 8616 §4: terms that use `s` or `l` match nothing when the local part is not ASCII.
    fn matches_nothing(&self, target: Template<'_>) -> bool {
        !self.subject.local_part.is_ascii() && target.uses(&[Letter::Sender, Letter::Local])
    }

    /// The `target-name` of a term as text, without a final dot. `None` where there is none.
    pub(super) fn domain<'t>(
        &mut self,
        template: Template<'t>,
        domain: &str,
    ) -> Result<Option<Cow<'t, str>>, Stop> {
        if self.matches_nothing(template) {
            return Ok(None);
        }
        let expanded = template.expand(EXPANSION, |letter| self.value(letter, domain))?;
        Ok(expanded.and_then(|text| match text {
            Cow::Borrowed(text) => fit(text).map(Cow::Borrowed),
            Cow::Owned(text) => fit(&text).map(|fitting| Cow::Owned(fitting.to_owned())),
        }))
    }

    /// What a macro letter stands for (RFC 7208 §7.2).
    fn value<'v>(&mut self, letter: Letter, domain: &'v str) -> Result<Cow<'v, str>, Stop>
    where
        'a: 'v,
    {
        let subject = self.subject;
        Ok(match letter {
            Letter::Sender => format!("{}@{}", subject.local_part, subject.domain).into(),
            Letter::Local => subject.local_part.into(),
            Letter::SenderDomain => subject.domain.as_ref().into(),
            Letter::Domain => domain.into(),
            Letter::Ip => dotted(subject.client).into(),
            Letter::ValidatedName => self.validated_name(domain)?,
            Letter::Version => match subject.client {
                IpAddr::V4(_) => "in-addr".into(),
                IpAddr::V6(_) => "ip6".into(),
            },
            Letter::Helo => subject.helo.as_ref().into(),
            Letter::ReadableIp => subject.client.to_string().into(),
            Letter::Receiver => subject.receiver.unwrap_or("unknown").into(),
            Letter::Time => {
                let since = subject.now.duration_since(UNIX_EPOCH).unwrap_or_default();
                since.as_secs().to_string().into()
            }
        })
    }

    /// RFC 7208 §4.6.4: "SPF implementations MUST limit the total number of those terms to 10
    /// during SPF evaluation".
    fn count_term(&mut self) -> Result<(), Stop> {
        self.terms += 1;
        let limit = self.most_terms();
        if self.terms > limit {
            return Err(Stop::PermError(Cause::TermLimit { limit }));
        }
        Ok(())
    }

    /// A record may include itself, and each time is a call within a call.
    pub(super) fn most_terms(&self) -> usize {
        self.limits.spf_terms.min(Limits::MOST_SPF_TERMS)
    }

    /// RFC 7208 §4.6.4: "SPF implementations SHOULD limit "void lookups" to two."
    fn count_void(&mut self, answer: &Answer) -> Result<(), Stop> {
        if matches!(answer.outcome(), Outcome::NoData | Outcome::NxDomain) {
            self.voids += 1;
            if self.voids > self.limits.spf_void_lookups {
                return Err(Stop::PermError(Cause::VoidLimit {
                    limit: self.limits.spf_void_lookups,
                }));
            }
        }
        Ok(())
    }

    fn look_up(&mut self, query: &Query) -> Result<Answer, Stop> {
        self.dns.look_up(query).ok_or(Stop::Missing)
    }

    /// RFC 7208 §5: "if the DNS server returns an error (RCODE other than 0 or 3) or the query
    /// times out, the mechanism stops and the topmost check_host() returns "temperror"".
    fn ask(&mut self, query: Query) -> Result<Answer, Stop> {
        let answer = self.look_up(&query)?;
        match *answer.outcome() {
            Outcome::Failure(failure) => Err(Stop::TempError(Cause::Dns {
                name: query.name.to_string(),
                record_type: query.record_type,
                failure,
            })),
            _ => Ok(answer),
        }
    }

    pub(super) fn address_type(&self) -> RecordType {
        match self.subject.client {
            IpAddr::V4(_) => RecordType::A,
            IpAddr::V6(_) => RecordType::Aaaa,
        }
    }

    fn has_client(&self, answer: &Answer, prefixes: Prefixes) -> bool {
        answer
            .iter()
            .any(|record| match (self.subject.client, record) {
                (IpAddr::V4(client), DnsRecord::A(a)) => same_v4(client, *a, prefixes.v4),
                (IpAddr::V6(client), DnsRecord::Aaaa(a)) => same_v6(client, *a, prefixes.v6),
                _ => false,
            })
    }
}

impl Decision {
    fn without_match(result: SpfResult, cause: Cause) -> Self {
        Self {
            result,
            cause: Some(cause),
            explanation: None,
        }
    }
}

/// RFC 7208 §4.3: "If the <domain> is malformed ... or is not a multi-label domain name",
/// there is nothing to check. Address literals and what is not printable are malformed.
pub(super) fn fully_qualified(domain: &str) -> Option<Name> {
    let printable = |octet: &u8| octet.is_ascii_graphic();
    if domain.starts_with('[') || !domain.as_bytes().iter().all(printable) {
        return None;
    }
    let name = Name::from_octets(domain.as_bytes()).ok()?;
    name.labels().nth(1).is_some().then_some(name)
}

/// The one SPF record of a domain (RFC 7208 §4.5).
pub(super) fn select<'t>(answer: &'t Answer, domain: &str) -> Result<&'t Txt, Stop> {
    let mut records = answer.iter().filter_map(|record| match record {
        DnsRecord::Txt(txt) if Record::is_spf(&txt.joined()) => Some(txt),
        _ => None,
    });
    let domain = || domain.to_owned();
    match (records.next(), records.next()) {
        (Some(record), None) => Ok(record),
        // RFC 7208 §4.5: "If the resultant record set includes no records, check_host() produces
        // the "none" result. If the resultant record set includes more than one record,
        // check_host() produces the "permerror" result."
        (None, _) => Err(Stop::None(Cause::NoRecord { domain: domain() })),
        (Some(_), Some(_)) => Err(Stop::PermError(Cause::SeveralRecords { domain: domain() })),
    }
}

/// The hosts of an `mx`, best first, so that the answer's order does not matter. The root takes
/// no mail (RFC 7505 §3).
pub(super) fn exchanges(answer: &Answer) -> Vec<&Name> {
    let mut records: Vec<_> = (answer.iter())
        .filter_map(|record| match record {
            DnsRecord::Mx(mx) if !mx.exchange.is_root() => Some(mx),
            _ => None,
        })
        .collect();
    records.sort_unstable();
    records.iter().map(|mx| &mx.exchange).collect()
}

/// The client's names, ten of them, whatever the answer's order. RFC 7208 §4.6.4: "all records
/// other than the first 10 MUST be ignored"; the DNS knows no first.
pub(super) fn hosts(answer: &Answer) -> Vec<&Name> {
    let mut names: Vec<_> = (answer.iter())
        .filter_map(|record| match record {
            DnsRecord::Ptr(name) => Some(name),
            _ => None,
        })
        .collect();
    names.sort_unstable();
    names.truncate(HOSTS);
    names
}

/// RFC 7208 §7.3: "the left side is truncated to fit, by removing successive domain labels (and
/// their following dots) until the total length does not exceed 253 characters."
fn fit(domain: &str) -> Option<&str> {
    let mut domain = domain.strip_suffix('.').unwrap_or(domain);
    while domain.len() > DOMAIN {
        domain = domain.split_once('.')?.1;
    }
    Some(domain)
}

/// The macro `i` (RFC 7208 §7.3): IPv6 as dotted nibbles.
fn dotted(address: IpAddr) -> String {
    let octets = match address {
        IpAddr::V4(v4) => return v4.to_string(),
        IpAddr::V6(v6) => v6.octets(),
    };
    let nibbles = octets.iter().flat_map(|octet| [octet >> 4, octet & 15]);
    let digits = nibbles.filter_map(|nibble| char::from_digit(nibble.into(), 16));
    let mut out = String::with_capacity(64);
    for digit in digits {
        if !out.is_empty() {
            out.push('.');
        }
        out.push(digit.to_ascii_uppercase());
    }
    out
}

pub(super) fn same_v4(a: Ipv4Addr, b: Ipv4Addr, length: u8) -> bool {
    let host_bits = 32 - u32::from(length.min(32));
    (a.to_bits() ^ b.to_bits())
        .checked_shr(host_bits)
        .unwrap_or(0)
        == 0
}

pub(super) fn same_v6(a: Ipv6Addr, b: Ipv6Addr, length: u8) -> bool {
    let host_bits = 128 - u32::from(length.min(128));
    (a.to_bits() ^ b.to_bits())
        .checked_shr(host_bits)
        .unwrap_or(0)
        == 0
}
