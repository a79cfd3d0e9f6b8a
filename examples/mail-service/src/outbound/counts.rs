//! What TLS reports (RFC 8460) will say of a session.

use super::{ended::Session, sts::Looked, tls::Trust};
use dane_tlsa::{HostLookup, Lookup, LookupFailure};
use std::{
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};
use tls_policy::{
    Attempt, MxFact,
    sts::Found,
    tlsrpt::{Carried, Counted, Counters, Failure, Policy, PolicyKind, ResultType},
};
use tracing::warn;

/// The counters of all recipient domains.
#[derive(Debug)]
pub(super) struct Counts(Mutex<Counters>);

/// Where a session went.
pub(super) struct Went<'a> {
    pub(super) domain: &'a str,
    pub(super) mx_set: MxFact,
    pub(super) host: &'a HostLookup,
    pub(super) name: &'a str,
    pub(super) address: IpAddr,
    pub(super) now: SystemTime,
}

impl Counts {
    pub(super) fn new(policies: usize) -> Self {
        Self(Mutex::new(Counters::new(policies)))
    }

    pub(super) fn counters(&self) -> MutexGuard<'_, Counters> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A session: for each policy of the domain, whether it was as that wants (RFC 8460 §4.4).
    pub(super) fn session(
        &self,
        went: &Went<'_>,
        looked: &Looked,
        session: &Session,
        trust: &Trust,
    ) {
        let mut policies = Vec::new();
        let failed = session.failed.as_ref().map(|(_, result)| result.clone());
        if let Lookup::Secure(records) = &went.host.lookup
            && went.mx_set == MxFact::Secure
        {
            let mut policy = Policy::new(PolicyKind::Tlsa, went.domain);
            policy.lines = records.records().iter().map(ToString::to_string).collect();
            policy.mx = vec![went.name.to_owned()];
            let usable = records.usable_for_smtp().is_some();
            let unusable = (!usable).then_some(ResultType::TlsaInvalid);
            policies.push((policy, failed.clone().or(unusable)));
        }
        if let Some(sts) = &looked.policy {
            let policy = Policy::sts(went.domain, sts);
            // A policy that is being tested is judged as well: that is what reports are for.
            let result = match (sts.names(went.name), failed.clone()) {
                (false, _) => Some(ResultType::ValidationFailure),
                (true, Some(failed)) => Some(failed),
                (true, None) => trust.judge(&session.chain, went.name, went.now).err(),
            };
            policies.push((policy, result));
        }
        if policies.is_empty() {
            policies.push((Policy::new(PolicyKind::NoPolicyFound, went.domain), failed));
        }
        for (policy, result) in policies {
            let failure = result.map(|result| went.failure(result, session));
            self.count(&policy, failure, went.now);
        }
    }

    /// A host whose records could not be looked up.
    pub(super) fn host_failed(&self, domain: &str, host: &HostLookup, now: SystemTime) {
        if let Lookup::Failed(why) = &host.lookup {
            self.lookup_failed(domain, Some(host.host.to_string()), *why, now);
        }
    }

    /// Mail hosts, or the records of one, that could not be looked up.
    pub(super) fn lookup_failed(
        &self,
        domain: &str,
        mx: Option<String>,
        why: LookupFailure,
        now: SystemTime,
    ) {
        let named = |text: &str| ResultType::ALL.into_iter().find(|r| r.code() == text);
        if let Some(result) = why.tls_rpt().and_then(|result| named(result.as_str())) {
            let mut failure = Failure::new(result);
            failure.mx = mx;
            failure.reason = Some(why.code().into());
            self.count(&Policy::new(PolicyKind::Tlsa, domain), Some(failure), now);
        }
    }

    /// A policy that could not be had.
    pub(super) fn no_policy(&self, domain: &str, found: &Found, now: SystemTime) {
        if let Found::Trouble { trouble, .. } = found
            && let Some(result) = trouble.result_type()
        {
            let mut failure = Failure::new(result);
            failure.reason = Some(trouble.to_string());
            self.count(&Policy::new(PolicyKind::Sts, domain), Some(failure), now);
        }
    }

    fn count(&self, policy: &Policy, failure: Option<Failure>, now: SystemTime) {
        let counted = self.counters().session(Carried::Mail, policy, failure, now);
        if counted == Counted::Full {
            warn!("no room to count for another TLS report");
        }
    }
}

impl Went<'_> {
    fn failure(&self, result: ResultType, session: &Session) -> Failure {
        let mut failure = Failure::new(result);
        failure.mx = Some(self.name.to_owned());
        failure.receiving_ip = Some(self.address);
        let code = session
            .failed
            .as_ref()
            .map(|(attempt, _)| Attempt::code(*attempt));
        failure.reason = code.map(str::to_owned);
        failure
    }
}
