use super::{Decoded, On};
use crate::audit::{
    Cause, Date, DomainFacts, Facts, Finding, HostFacts, Level, Mx, Protocol, Reason, RuleSet,
    Scope, ServiceFacts, Subject, Verdict, judge,
};

/// What the rules are held against, and how.
#[derive(Clone, Copy, Debug)]
pub(in crate::audit) struct Case<'a> {
    pub(super) facts: &'a Facts,
    pub(super) decoded: &'a Decoded<'a>,
    pub(super) today: Date,
    /// Only these services.
    only: Option<On>,
    /// What TR-03108 4.3.2 tolerates on port 25 is tolerated.
    pub(super) tolerant: bool,
}

/// A judgement that may end early, in a finding as well.
pub(super) type Judged = Result<Finding, Finding>;

pub(super) fn settle(judged: Judged) -> Finding {
    judged.unwrap_or_else(|finding| finding)
}

impl<'a> Case<'a> {
    pub(in crate::audit) fn new(facts: &'a Facts, decoded: &'a Decoded<'a>, today: Date) -> Self {
        Self {
            facts,
            decoded,
            today,
            only: None,
            tolerant: false,
        }
    }

    pub(super) fn tolerant(self) -> Self {
        let tolerant = true;
        Self { tolerant, ..self }
    }

    pub(in crate::audit) fn today(&self) -> Date {
        self.today
    }

    pub(in crate::audit) fn name(&self) -> &'a str {
        &self.facts.name
    }

    pub(in crate::audit) fn is_own(&self) -> bool {
        self.facts.subject == Subject::Own
    }

    /// One finding about the domain.
    pub(super) fn domain(
        &self,
        judge: impl FnOnce(&'a DomainFacts, &'a str) -> Judged,
    ) -> Vec<Finding> {
        let name = self.name();
        vec![settle(match &self.facts.domain {
            Some(domain) => judge(domain, name),
            None => Err(Finding::not_applicable(name, Reason::NoDomain)),
        })]
    }

    /// The names of the MX hosts; an error if the domain takes no mail, or nobody knows.
    pub(super) fn mx(&self) -> Result<Vec<&'a str>, Finding> {
        let name = self.name();
        let Some(domain) = &self.facts.domain else {
            return Err(Finding::not_applicable(name, Reason::NoDomain));
        };
        match Finding::need(name, &domain.mx)? {
            Mx::None | Mx::Null => Err(Finding::not_applicable(name, Reason::NoMail)),
            Mx::Implicit => Ok(vec![name]),
            Mx::Hosts(hosts) if hosts.is_empty() => {
                let (unknown, why) = (Verdict::Unknown, Reason::Contradiction);
                Err(Finding::of(name, unknown, why, "an MX set without hosts"))
            }
            Mx::Hosts(hosts) => Ok(hosts.iter().map(|mx| mx.host.as_str()).collect()),
        }
    }

    /// One finding for each MX host; of all hosts if there is no domain.
    pub(super) fn each_host(
        &self,
        judge: impl Fn(&'a HostFacts, &'a str) -> Judged,
    ) -> Vec<Finding> {
        if self.facts.domain.is_none() {
            let hosts = self.facts.hosts.iter();
            return hosts.map(|host| settle(judge(host, &host.name))).collect();
        }
        let of = |name: &'a str| {
            let mut hosts = self.facts.hosts.iter();
            let host = hosts.find(|host| same(&host.name, name));
            match host {
                Some(host) => settle(judge(host, name)),
                None => Finding::unknown(name, Cause::NotExamined, ""),
            }
        };
        match self.mx() {
            Ok(names) => names.into_iter().map(of).collect(),
            Err(finding) => vec![finding],
        }
    }

    /// One finding for each service, whatever it offers.
    pub(super) fn each_service(
        &self,
        on: On,
        judge: impl Fn(&'a ServiceFacts, &str) -> Judged,
    ) -> Vec<Finding> {
        let on = match (on, self.only) {
            (on, None) => on,
            (On::All, Some(only)) => only,
            (on, Some(only)) if on == only => on,
            _ => return Vec::new(),
        };
        let judge = |service: &'a ServiceFacts| {
            let place = format!("{}:{}", service.host, service.port);
            settle(exists(service, &place).and_then(|()| judge(service, &place)))
        };
        let mut findings = Vec::new();
        if matches!(on, On::Mx | On::All) {
            match self.facts.domain {
                Some(_) => self.mx_services(&mut findings, judge),
                None => findings.extend(self.services(is_smtp).map(judge)),
            }
        }
        if matches!(on, On::Users | On::All) {
            findings.extend(self.services(|protocol| !is_smtp(protocol)).map(judge));
        }
        if findings.is_empty() {
            // Of a domain the services for users are expected, if a rule is about them.
            findings.push(match (on, &self.facts.domain) {
                (On::Users, Some(_)) => Finding::unknown(self.name(), Cause::NotExamined, ""),
                _ => Finding::not_applicable(self.name(), Reason::NoService),
            });
        }
        findings
    }

    fn mx_services(
        &self,
        findings: &mut Vec<Finding>,
        judge: impl Fn(&'a ServiceFacts) -> Finding,
    ) {
        let hosts = match self.mx() {
            Ok(hosts) => hosts,
            Err(finding) => return findings.push(finding),
        };
        for host in hosts {
            let before = findings.len();
            let of_host = self.services(is_smtp).filter(|s| same(&s.host, host));
            findings.extend(of_host.map(&judge));
            if findings.len() == before {
                let place = format!("{host}:25");
                findings.push(Finding::unknown(&place, Cause::NotExamined, ""));
            }
        }
    }

    pub(super) fn services(
        &self,
        which: impl Fn(Protocol) -> bool,
    ) -> impl Iterator<Item = &'a ServiceFacts> {
        let services = self.facts.services.iter();
        services.filter(move |service| which(service.protocol))
    }

    /// One finding for each service that offers TLS.
    pub(super) fn each_tls(
        &self,
        on: On,
        judge: impl Fn(&'a ServiceFacts, &str) -> Judged,
    ) -> Vec<Finding> {
        self.each_service(on, |service, place| {
            if service.protocol.begins_in_the_clear() && !*Finding::need(place, &service.starttls)?
            {
                return Err(Finding::not_applicable(place, Reason::NoTls));
            }
            judge(service, place)
        })
    }

    /// A finding for each rule of these sets that is a must and can be judged of anybody's services, of
    /// the editions that count today.
    /// On port 25 with what TR-03108 4.3.2 tolerates.
    pub(super) fn sets(&self, sets: &'static [&'static RuleSet], on: On) -> Vec<Finding> {
        let only = Some(on);
        let case = Self {
            only,
            tolerant: on == On::Mx,
            ..*self
        };
        // Where there is no TLS to look at, that is said once and not by each rule.
        let mut findings = case.each_tls(on, |_, place| {
            Ok(Finding::met(place, Reason::AsRequired, ""))
        });
        if findings
            .iter()
            .all(|finding| finding.verdict != Verdict::Met)
        {
            return findings;
        }
        findings.clear();
        let counting = sets.iter().filter(|set| set.counts_on(self.today));
        if counting.clone().next().is_none() {
            return vec![Finding::not_applicable(self.name(), Reason::SetNotYet)];
        }
        for set in counting {
            let remote = |scope| scope == Scope::Remote;
            let must = set.rules.iter();
            let must = must.filter(|r| r.level == Level::Must && remote(r.scope));
            // What does not count yet is nothing to rest on.
            let must = must.filter(|r| r.from.is_none_or(|from| from <= self.today.year()));
            for rule in must {
                findings.extend(judge(&case, set, rule).into_iter().map(|mut finding| {
                    finding.reason = match finding.verdict {
                        Verdict::NotMet => Reason::Depends,
                        // The cause says more, where there is one.
                        Verdict::Unknown if finding.cause.is_none() => Reason::DependsUnknown,
                        _ => finding.reason,
                    };
                    if finding.verdict != Verdict::Met {
                        finding.evidence = match finding.evidence.as_str() {
                            "" => rule.id.to_owned(),
                            seen => format!("{}: {seen}", rule.id),
                        };
                    }
                    finding.clipped()
                }));
            }
        }
        findings
    }
}

/// That somebody is there.
fn exists(service: &ServiceFacts, place: &str) -> Result<(), Finding> {
    match Finding::need(place, &service.reachable)? {
        true => Ok(()),
        false => Err(Finding::not_applicable(place, Reason::NoService)),
    }
}

fn is_smtp(protocol: Protocol) -> bool {
    protocol == Protocol::Smtp
}

/// RFC 4343 §3: names are compared without regard to case.
pub(super) fn same(one: &str, other: &str) -> bool {
    let plain = |name: &str| name.strip_suffix('.').map_or(name.len(), str::len);
    let (one, other) = (one.get(..plain(one)), other.get(..plain(other)));
    matches!((one, other), (Some(one), Some(other)) if one.eq_ignore_ascii_case(other))
}
