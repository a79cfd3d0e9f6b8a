//! Outgoing mail: one letter for the recipients of one domain, tried once. What is deferred is to be tried again by
//! whoever keeps it; there is no queue yet.
//!
//! ```text
//! MX, addresses, TLSA (dane-tlsa's Walk) ─► facts ─┐
//! MTA-STS record and policy ─► StoredCache ────────┤
//! StoredMemory, rules, secure address ─────────────┴► decide ─► attempt ─► allows? ─► transaction
//! ```

mod attempt;
mod counts;
mod dialogue;
mod dns;
mod ended;
mod facts;
mod letter;
pub mod notice;
mod report;
mod round;
mod route;
mod setup;
mod sts;
mod tls;
mod transaction;

pub use dns::Validating;
pub use facts::dane_fact;
pub(crate) use letter::crlf;
pub use letter::{Letter, LetterError, MAX_RECIPIENTS, with_crlf};
pub use report::{Fate, Report, Tried, Why};
pub use setup::{OutboundError, Timeouts};

use crate::{Clock, log::Causes, secure::Secure};
use attempt::{INJECTED, Target};
use counts::{Counts, Went};
use dane_tlsa::{HostLookup, InsecureMx, Route, Walk, Walked};
use ended::End;
use mail_dns::Name;
use record_store::AnyStore;
use round::Round;
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Instant, SystemTime},
};
use sts::{Looked, Policies};
use tls::Trust;
use tls_policy::{
    Action, Decision, Facts, Floor, MemoryFact, Noted, Proof, Refusal, Rules, StoredMemory, decide,
    sts::FetchFailure,
    tlsrpt::{Day, PolicyResult},
};
use tracing::{error, warn};

/// Sends letters.
#[derive(Debug)]
pub struct Outbound {
    hostname: String,
    own: Name,
    port: u16,
    resolver: Validating,
    trust: Trust,
    memory: StoredMemory<Arc<AnyStore>>,
    policies: Policies,
    rules: Rules,
    secure: Secure,
    counts: Counts,
    clock: Clock,
    timeouts: Timeouts,
}

/// Most addresses of one host that are tried.
const MAX_ADDRESSES: usize = 5;

impl Outbound {
    /// What domains have shown: see [`StoredMemory`].
    pub fn memory(&self) -> &StoredMemory<Arc<AnyStore>> {
        &self.memory
    }

    /// Takes out what was counted for the TLS report to a domain about a day.
    pub fn counted(&self, domain: &str, day: Day) -> Vec<PolicyResult> {
        self.counts.counters().take(domain, day)
    }

    /// Tries to deliver a letter, to the best host that may have it.
    pub async fn deliver(&self, letter: &Letter) -> Report {
        let now = self.clock.now();
        let domain = letter.domain.to_string();
        // Whatever comes of it: who blocks the mail of two months must not make us forget.
        if let Err(error) = self.memory.attempted(&domain, now).await {
            warn!(error = %Causes(&error), "an attempt was not noted");
        }
        let deadline = Instant::now() + self.timeouts.dns;
        let walk =
            Walk::mail_to_port(letter.domain.clone(), self.port).with_insecure_mx(InsecureMx::Ask);
        let (walked, looked) = tokio::join!(
            walk.run(&self.resolver, now, deadline),
            self.policies
                .look_up(&letter.domain, now, deadline + FetchFailure::TIME)
        );
        if let Route::Failed(why) = walked.route {
            self.counts.lookup_failed(&domain, None, why, now);
        }
        self.counts.no_policy(&domain, &looked.found, now);
        let known = self.known(&domain, &looked, now).await;
        let floor = self.secure.floor(letter.from.as_ref(), &letter.message);
        let mut round = Round::new(letter);
        match route::hosts(&walked, &self.own) {
            Ok(hosts) => {
                let way = Way {
                    letter,
                    walked: &walked,
                    looked: &looked,
                    known,
                    floor,
                };
                self.round(&way, &hosts, &mut round).await;
            }
            Err(why) => round.nowhere(why, known, &walked),
        }
        let report = round.end(letter);
        for alarm in &report.alarms {
            error!(domain = report.domain, "{alarm}");
        }
        report
    }

    /// What is remembered, after what the policy host has just said.
    async fn known(&self, domain: &str, looked: &Looked, now: SystemTime) -> MemoryFact {
        if looked.found.withdraws()
            && let Err(error) = self.memory.sts_withdrawn(domain, now).await
        {
            warn!(error = %Causes(&error), "a withdrawn policy is still remembered");
        }
        self.memory.fact(domain, now).await
    }

    /// Host by host, until nobody is left to serve.
    async fn round(&self, way: &Way<'_>, hosts: &[&HostLookup], round: &mut Round) {
        let domain = round.report.domain.clone();
        for &host in hosts {
            if round.open.is_empty() {
                return;
            }
            let now = self.clock.now();
            let name = host.host.to_string();
            let sts = self.policies.fact(&domain, &name, way.looked, now).await;
            let facts = Facts::new(&domain, &name, facts::mx_fact(way.walked))
                .dane(dane_fact(&host.lookup))
                .sts(sts)
                .memory(way.known)
                .wish(way.letter.wish)
                .rule(self.rules.rule(&domain));
            let decision = decide(&facts, way.floor);
            self.counts.host_failed(&domain, host, now);
            let mut tried = Tried {
                host: name.clone(),
                decision: decision.to_string(),
                lookup: host.lookup.code(),
                came_to: "not connected".into(),
            };
            if decision.alarms() {
                round.alarm(&name, &decision);
            }
            match decision.action() {
                Action::Refuse(refusal) => {
                    round.report.tried.push(tried);
                    return round.later(refused(refusal, &decision));
                }
                Action::NextMx { last } => {
                    round.report.tried.push(tried);
                    round.later(refused(last, &decision));
                }
                _ => {
                    tried.came_to = self.host(way, host, &name, &decision, round).await;
                    round.report.tried.push(tried);
                }
            }
        }
    }

    /// Address by address, until one answers. What it came to.
    async fn host(
        &self,
        way: &Way<'_>,
        host: &HostLookup,
        name: &str,
        decision: &Decision<'_>,
        round: &mut Round,
    ) -> String {
        let mut came_to = "no address".to_owned();
        for address in host.addresses.iter().take(MAX_ADDRESSES) {
            let target = Target {
                letter: way.letter,
                domain: &round.report.domain,
                host,
                name,
                address: SocketAddr::new(*address, self.port),
                decision,
                open: &round.open,
            };
            let ended = self.attempt(&target).await;
            if let Some(session) = &ended.session {
                let went = Went {
                    domain: &round.report.domain,
                    mx_set: facts::mx_fact(way.walked),
                    host,
                    name,
                    address: IpAddr::to_canonical(address),
                    now: self.clock.now(),
                };
                self.counts.session(&went, way.looked, session, &self.trust);
            }
            came_to = ended.came_to;
            match ended.end {
                End::Unreachable(why) => round.later(why),
                End::Broke(why) => {
                    // No server does that by itself.
                    if why.code == INJECTED {
                        round.report.alarms.push(why.text.clone());
                    }
                    round.later(why);
                    break;
                }
                End::Fell(attempt, last, how) => {
                    if decision.alarms_after(attempt) {
                        let text = format!(
                            "{name}: {attempt}, though the domain is remembered for better"
                        );
                        round.report.alarms.push(text);
                    }
                    let text = format!("{name}: {how} ({}); {}", attempt.code(), decision.reason());
                    round.later(Why::refused(last, decision.reason().code(), text));
                    break;
                }
                End::Said(said) => {
                    round.said(said);
                    break;
                }
            }
        }
        came_to
    }

    /// Commits what a connection has proved.
    pub(crate) async fn prove(&self, domain: &str, proof: Proof) {
        match self.memory.proved(domain, proof, self.clock.now()).await {
            Ok(Noted::Yes) => {}
            Ok(noted) => warn!(?noted, "what a domain has proved is not remembered"),
            Err(error) => warn!(error = %Causes(&error), "what a domain has proved was not kept"),
        }
    }
}

fn refused(refusal: Refusal, decision: &Decision<'_>) -> Why {
    let reason = decision.reason();
    Why::refused(refusal, reason.code(), reason.to_string())
}

/// What is known of the way that a letter has to go.
struct Way<'a> {
    letter: &'a Letter,
    walked: &'a Walked,
    looked: &'a Looked,
    known: MemoryFact,
    floor: Floor,
}
