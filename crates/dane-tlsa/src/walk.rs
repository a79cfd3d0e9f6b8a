use crate::lookup::{Fact, HostLookup, Lookup, LookupFailure, Proved, Step, expiry, fact};
use crate::walk_host::{Aliases, HostWalk, is_address};
use futures_util::future::join_all;
use mail_dns::{Answer, Name, Outcome, Query, Record, RecordType, Resolver, Security};
use std::time::{Instant, SystemTime};

/// The look-up of DANE for a domain or a host (RFC 7672 §2.2), without I/O: it says what it needs to
/// know of the DNS, and takes the answers, each with its DNSSEC status.
///
/// The walk: MX records of the domain; of each host its aliases and addresses; TLSA records at what
/// the aliases lead to, then at the host's own name. A TLSA record that is itself an alias is
/// followed by the resolver, which counts the weakest status on the way and gives up after
/// [`Zone::MAX_ALIASES`](mail_dns::Zone::MAX_ALIASES). Where something fails, nothing else is tried in
/// its place.
///
/// All the questions of [`need`](Self::need) can be asked at once; when the last one is answered, the
/// next wave is there. A wave that is empty is the end. [`run`](Self::run) does all of it with a
/// [`Resolver`].
///
/// ```
/// use dane_tlsa::{Lookup, Walk};
/// use mail_dns::{Security, Zone};
/// use std::time::UNIX_EPOCH;
///
/// let zone = Zone::new()
///     .with_security(Security::Secure)
///     .mx("example.org", 10, "mx.example.org")?
///     .address("mx.example.org", [192, 0, 2, 1])?
///     .tlsa("_25._tcp.mx.example.org", &[&[3, 1, 1][..], &[0xaa; 32]].concat())?;
/// let mut walk = Walk::mail("example.org".parse()?);
/// while let needed = walk.need() && !needed.is_empty() {
///     for query in needed {
///         walk.answer(&query, zone.answer(&query), UNIX_EPOCH);
///     }
/// }
/// let walked = walk.finish(UNIX_EPOCH)?;
/// let Lookup::Secure(records) = &walked.hosts[0].lookup else { panic!() };
/// assert!(records.usable_for_smtp().is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Walk {
    domain: Name,
    port: u16,
    insecure_mx: InsecureMx,
    state: State,
    aliases: Aliases,
    /// The aliases of the domain are wanted: they are further names for usage 2.
    named: bool,
    route: Option<Route>,
    mx_security: Security,
    steps: Vec<Step>,
    until: Option<SystemTime>,
}

#[derive(Debug)]
enum State {
    Mx,
    Hosts(Vec<HostWalk>),
}

/// What is done where the MX records of a domain are not secure, but those of a host may be.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InsecureMx {
    /// Nothing: whoever can forge the MX records chooses the host (RFC 7672 §2.2.1).
    #[default]
    Stop,
    /// Hosts are looked up all the same. What they prove is that of the host alone, never of the
    /// domain: [`Walked::mx_security`] stays insecure.
    Ask,
}

/// Where the mail of a domain goes.
#[allow(clippy::exhaustive_enums)] // complete by RFC 5321 §5.1 and RFC 7505
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// To the hosts of [`Walked::hosts`].
    Hosts,
    /// Nowhere: the domain says that it takes no mail (RFC 7505 §3).
    NullMx,
    /// Nowhere: there is no such domain.
    NoSuchDomain,
    /// Nobody knows.
    Failed(LookupFailure),
}

/// What a [`Walk`] found.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Walked {
    /// Where the mail goes.
    pub route: Route,
    /// The DNSSEC status of that. Only where it is secure does DANE vouch for the domain.
    pub mx_security: Security,
    /// The hosts, best first. Empty unless [`Route::Hosts`].
    pub hosts: Vec<HostLookup>,
    /// The questions about the domain, in the order of the answers; hosts have their own.
    pub steps: Vec<Step>,
    /// How long the route holds. A failure holds for no time.
    pub until: SystemTime,
}

/// A walk that is not at its end.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{missing} questions are not answered")]
pub struct Unanswered {
    /// So many.
    pub missing: usize,
}

impl Unanswered {
    /// Whether a later try may help: answers would.
    pub fn is_temporary(&self) -> bool {
        true
    }
}

impl Walk {
    /// Hosts of one domain that are looked at. What comes after that in the order of preference is
    /// [`LookupFailure::TooManyHosts`].
    pub const MAX_HOSTS: usize = 32;

    /// The port of mail between servers.
    pub const SMTP: u16 = 25;

    /// For the mail of a domain, to port 25. A domain without MX records is its own host
    /// (RFC 5321 §5.1).
    pub fn mail(domain: Name) -> Self {
        Self::mail_to_port(domain, Self::SMTP)
    }

    /// For the mail of a domain, to another port of its hosts.
    pub fn mail_to_port(domain: Name, port: u16) -> Self {
        if is_address(&domain) {
            return Self::host(domain, port);
        }
        Self {
            aliases: Aliases::of(domain.clone()),
            domain,
            port,
            insecure_mx: InsecureMx::Stop,
            state: State::Mx,
            named: true,
            route: None,
            mx_security: Security::Unknown,
            steps: Vec::new(),
            until: None,
        }
    }

    /// For one host, such as a relay from the settings: no MX records are asked for. An address has
    /// no TLSA records.
    pub fn host(host: Name, port: u16) -> Self {
        let walk = HostWalk::new(host.clone(), port);
        Self {
            aliases: Aliases::of(host.clone()),
            domain: host,
            port,
            insecure_mx: InsecureMx::Stop,
            state: State::Hosts(vec![walk]),
            named: false,
            route: Some(Route::Hosts),
            mx_security: Security::Secure,
            steps: Vec::new(),
            until: None,
        }
    }

    /// What is done where the MX records are not secure. Default: nothing.
    #[must_use]
    pub fn with_insecure_mx(self, insecure_mx: InsecureMx) -> Self {
        Self {
            insecure_mx,
            ..self
        }
    }

    /// The questions that are open, each once. None: [`finish`](Self::finish) can be called.
    pub fn need(&self) -> Vec<Query> {
        let mut queries: Vec<Query> = match &self.state {
            State::Mx => vec![Query::new(self.domain.clone(), RecordType::Mx)],
            State::Hosts(hosts) => hosts.iter().flat_map(HostWalk::need).collect(),
        };
        queries.extend(self.aliases.need().filter(|_| self.named));
        let mut seen = std::collections::HashSet::new();
        queries.retain(|query| seen.insert(query.clone()));
        queries
    }

    /// Takes an answer that came at `now`. One that nobody asked for is ignored.
    pub fn answer(&mut self, query: &Query, answer: Answer, now: SystemTime) {
        if let State::Hosts(hosts) = &mut self.state {
            for host in hosts {
                host.answer(query, &answer, now);
            }
        }
        if self.named && self.aliases.need().as_ref() == Some(query) {
            self.step(query, &answer);
            // Fewer names are stricter, so that a failure here does no harm.
            if self.aliases.answer(&answer).is_err() {
                self.named = false;
            }
        }
        let mx = Query::new(self.domain.clone(), RecordType::Mx);
        if matches!(self.state, State::Mx) && *query == mx {
            self.step(query, &answer);
            self.until = Some(expiry(&answer, now));
            self.exchangers(&answer);
        }
    }

    fn step(&mut self, query: &Query, answer: &Answer) {
        self.steps.push(Step {
            query: query.clone(),
            answer: answer.clone(),
        });
    }

    /// From the MX records to the hosts.
    fn exchangers(&mut self, answer: &Answer) {
        let (route, hosts) = match fact(answer) {
            Err(why) => (Route::Failed(why), Vec::new()),
            Ok(Fact::None(_)) if *answer.outcome() == Outcome::NxDomain => {
                (Route::NoSuchDomain, Vec::new())
            }
            Ok(Fact::None(proved)) => (Route::Hosts, self.walks(vec![self.domain.clone()], proved)),
            Ok(Fact::Some(proved)) => {
                let mut exchangers: Vec<_> = answer
                    .iter()
                    .filter_map(|record| match record {
                        // RFC 7505 §3: the root as exchanger takes no mail.
                        Record::Mx(mx) if !mx.exchange.is_root() => Some(mx),
                        _ => None,
                    })
                    .collect();
                exchangers.sort();
                let mut names: Vec<Name> = Vec::new();
                for mx in exchangers {
                    if !names.contains(&mx.exchange) {
                        names.push(mx.exchange.clone());
                    }
                }
                match names.is_empty() {
                    true => (Route::NullMx, Vec::new()),
                    false => (Route::Hosts, self.walks(names, proved)),
                }
            }
        };
        if !matches!(route, Route::Failed(_)) {
            self.mx_security = answer.security();
        }
        (self.route, self.state) = (Some(route), State::Hosts(hosts));
        self.named &= self.mx_security == Security::Secure && route == Route::Hosts;
    }

    fn walks(&self, names: Vec<Name>, proved: Proved) -> Vec<HostWalk> {
        let stop = proved == Proved::Insecure && self.insecure_mx == InsecureMx::Stop;
        let walk = |(at, host): (usize, Name)| match (at < Self::MAX_HOSTS, stop) {
            (_, true) => HostWalk::decided(host, self.port, Lookup::Insecure),
            (true, false) => HostWalk::new(host, self.port),
            (false, false) => {
                let most = Lookup::Failed(LookupFailure::TooManyHosts);
                HostWalk::decided(host, self.port, most)
            }
        };
        names.into_iter().enumerate().map(walk).collect()
    }

    /// What was found.
    ///
    /// # Errors
    /// [`Unanswered`] while questions are open.
    pub fn finish(self, now: SystemTime) -> Result<Walked, Unanswered> {
        match self.need().len() {
            0 => Ok(self.end(now)),
            missing => Err(Unanswered { missing }),
        }
    }

    /// What was not answered has failed.
    fn end(self, now: SystemTime) -> Walked {
        let expanded = self.aliases.expanded().filter(|_| self.named);
        let names: Vec<&Name> = [Some(&self.domain), expanded]
            .into_iter()
            .flatten()
            .collect();
        let silent = LookupFailure::Dns(mail_dns::Failure::Timeout);
        let route = self.route.unwrap_or(Route::Failed(silent));
        let hosts = match self.state {
            State::Mx => Vec::new(),
            State::Hosts(hosts) => hosts,
        };
        Walked {
            route,
            mx_security: self.mx_security,
            hosts: hosts
                .into_iter()
                .map(|host| host.end(&names, now))
                .collect(),
            steps: self.steps,
            until: match route {
                Route::Failed(_) => now,
                _ => self.until.unwrap_or(now),
            },
        }
    }

    /// Asks a resolver, every wave at once. What it does not say before the deadline has failed:
    /// there is a result in any case.
    pub async fn run<R: Resolver>(
        mut self,
        resolver: &R,
        now: SystemTime,
        deadline: Instant,
    ) -> Walked {
        loop {
            let wave = self.need();
            if wave.is_empty() {
                return self.end(now);
            }
            let ask = |query| resolver.resolve(query, now, deadline);
            let answers = join_all(wave.iter().map(ask)).await;
            for (query, answer) in wave.iter().zip(answers) {
                self.answer(query, answer, now);
            }
        }
    }
}
