use super::codes::{Group, SignatureScheme};
use super::findings::{Findings, Proof};
use super::knowledge::{Answer, Control, Knowledge, Listing, No, Reopened, Whose};
use super::{Alert, ClientHello, Extension, Failure, Flight, Outcome, Suite, Version};
use crate::audit::Cause;

/// Decides which ClientHello a server gets next, and what its answers prove. Pure: equal answers lead
/// to equal questions.
///
/// In this order: everything at once; each version; of each version the suites, by leaving out what
/// was chosen until nothing is; whose order decides; groups of TLS 1.3, by HelloRetryRequest; curves of
/// TLS 1.2, by ServerKeyExchange; signature schemes; everything else that a ServerHello tells; and at
/// the end, if the last answer was a refusal, the first question again.
#[derive(Debug)]
pub struct Plan {
    server_name: Box<str>,
    budget: usize,
    knowledge: Knowledge,
    /// What is asked, and what comes after it.
    task: Option<Task>,
    /// Connections so far.
    spent: usize,
    retried: Retried,
    failures: usize,
    closed: Closed,
    /// What went wrong last.
    last: Option<(Cause, String)>,
    /// The numbers of the first and the last connection that was answered, and what was asked first.
    answered: Option<(usize, usize, ClientHello)>,
    /// Why that is open which is open, if there is a reason.
    otherwise: Option<(Cause, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Retried {
    No,
    /// After a failure.
    Failed(Failure),
    /// After an alert that is no refusal if it does not come again.
    Alerted,
}

/// Whether the server closed a connection without a word where a refusal may have been meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closed {
    Nowhere,
    Somewhere,
}

/// In the order in which they are done. One that has nothing to ask is passed over; one with an answer
/// that leads to another question is asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    Widest,
    Version(Version),
    Ssl2,
    Suites(Version),
    Order,
    Groups13,
    Groups12,
    GroupsBeside,
    GroupOrder,
    Schemes,
    Extras,
    Fallback,
    Control,
    Baseline,
}

const TASKS: &[Task] = &[
    Task::Widest,
    Task::Version(Version::Tls13),
    Task::Version(Version::Tls12),
    Task::Version(Version::Tls11),
    Task::Version(Version::Tls10),
    Task::Version(Version::Ssl30),
    Task::Ssl2,
    Task::Suites(Version::Tls13),
    Task::Suites(Version::Tls12),
    Task::Suites(Version::Tls11),
    Task::Suites(Version::Tls10),
    Task::Suites(Version::Ssl30),
    Task::Order,
    Task::Groups13,
    Task::Groups12,
    Task::GroupsBeside,
    Task::GroupOrder,
    Task::Schemes,
    Task::Extras,
    Task::Fallback,
    Task::Control,
    Task::Baseline,
];

impl Plan {
    /// Connections for one server, if nobody says otherwise.
    pub const DEFAULT_BUDGET: usize = 250;

    /// Failures in a row after which nothing more is asked. Each question is asked twice if the first
    /// time fails.
    pub const MAX_FAILURES: usize = 4;

    /// The same of connections that the server closed without a word.
    pub const MAX_CLOSED: usize = 16;

    /// For the server of this name, which is sent as SNI if it is a name.
    pub fn new(server_name: &str) -> Self {
        Self {
            server_name: server_name.into(),
            budget: Self::DEFAULT_BUDGET,
            knowledge: Knowledge::default(),
            task: Some(Task::Widest),
            spent: 0,
            retried: Retried::No,
            failures: 0,
            closed: Closed::Nowhere,
            last: None,
            answered: None,
            otherwise: None,
        }
    }

    /// With at most so many connections. The last one is kept for the proof of what was refused.
    #[must_use]
    pub fn with_budget(self, budget: usize) -> Self {
        Self { budget, ..self }
    }

    /// Connections so far.
    pub fn connections(&self) -> usize {
        self.spent
    }

    /// What to send next, on a new connection; nothing at the end. The same until there is an
    /// [`answer`](Self::answer).
    pub fn next_hello(&mut self) -> Option<ClientHello> {
        while let Some(task) = self.task {
            if let Some(hello) = self.hello(task) {
                let kept = usize::from(task != Task::Baseline);
                if self.spent.saturating_add(kept) < self.budget {
                    return Some(hello.with_server_name(&self.server_name));
                }
                let detail = format!("after {} connections", self.spent);
                self.stop_asking(Cause::BudgetSpent, detail);
                continue;
            }
            self.settle(task);
            self.task = after(task);
            self.retried = Retried::No;
        }
        None
    }

    /// Takes what became of the last ClientHello. Without one, nothing happens.
    pub fn answer(&mut self, outcome: Outcome) {
        let Some((task, hello)) = self
            .next_hello()
            .and_then(|hello| Some((self.task?, hello)))
        else {
            return;
        };
        self.spent = self.spent.saturating_add(1);
        match outcome {
            Outcome::Answered(flight) => {
                self.failures = 0;
                self.retried = Retried::No;
                let first = self.answered.clone();
                let (number, hello) =
                    first.map_or_else(|| (self.spent, hello.clone()), |(n, _, h)| (n, h));
                let mut again = Reopened::No;
                if self.answered.is_none() && number > 1 {
                    // What was refused before anything was answered proves nothing yet.
                    again = self.knowledge.reopen_versions();
                }
                self.answered = Some((number, self.spent, hello));
                let before = self.knowledge.groups12.found.len();
                self.knowledge.note(&flight);
                let news = match self.knowledge.groups12.found.len() > before {
                    true => News::Yes,
                    false => News::No,
                };
                self.agreed(task, &flight, news);
                if again == Reopened::Yes {
                    self.task = Some(Task::Version(Version::Tls13));
                }
            }
            Outcome::Alert(alert) => {
                self.failures = 0;
                if alert == Alert::INTERNAL_ERROR && self.retried != Retried::Alerted {
                    self.retried = Retried::Alerted;
                    return;
                }
                self.last = Some((Cause::Disconnected, alert.to_string()));
                let again = alert == Alert::INTERNAL_ERROR;
                self.retried = Retried::No;
                let form = task == Task::Ssl2 && alert.is_about_form();
                let no = match again || form || alert.is_refusal() {
                    true => No::Refused {
                        at: self.spent,
                        alert,
                    },
                    false => No::Unknown(Cause::Disconnected, alert.to_string()),
                };
                match (task, alert) {
                    (Task::Fallback, Alert::INAPPROPRIATE_FALLBACK) => {
                        self.knowledge.fallback = Some(Ok(Answer::Yes));
                    }
                    _ => self.denied(task, no),
                }
            }
            Outcome::Failed(failure) => self.failed(task, failure),
        }
    }

    /// Asks whoever can connect, until there is nothing more to ask.
    pub fn run(mut self, mut connect: impl FnMut(&ClientHello) -> Outcome) -> Findings {
        while let Some(hello) = self.next_hello() {
            let outcome = connect(&hello);
            self.answer(outcome);
        }
        self.finish()
    }

    /// What was found out. What nobody asked is unknown: not examined.
    pub fn finish(self) -> Findings {
        // Where nothing was ever answered, the last failure is why.
        let otherwise = match self.answered {
            None => self.otherwise.or(self.last),
            Some(_) => self.otherwise,
        };
        let proof = Proof {
            answered: self.answered.map(|(first, last, _)| (first, last)),
            control: self.knowledge.control,
            otherwise,
        };
        Findings::new(self.knowledge, &proof, self.spent)
    }

    fn failed(&mut self, task: Task, failure: Failure) {
        self.failures = self.failures.saturating_add(1);
        self.last = Some((failure.cause(), failure.to_string()));
        let most = match failure {
            // Some servers refuse so.
            Failure::Closed => Self::MAX_CLOSED,
            _ => Self::MAX_FAILURES,
        };
        if failure == Failure::RateLimited || self.failures >= most {
            self.stop(failure.cause(), failure.to_string());
        } else if self.retried == Retried::No {
            self.retried = Retried::Failed(failure);
        } else {
            let twice = self.retried == Retried::Failed(Failure::Closed);
            self.retried = Retried::No;
            let no = match failure {
                Failure::Closed if twice => {
                    self.closed = Closed::Somewhere;
                    No::Closed { at: self.spent }
                }
                _ => No::Unknown(failure.cause(), failure.to_string()),
            };
            self.denied(task, no);
        }
    }

    /// Nothing more is asked at all.
    fn stop(&mut self, cause: Cause, detail: String) {
        self.otherwise = Some((cause, detail));
        self.task = None;
    }

    /// Nothing more is asked, but for the proof of what was refused.
    fn stop_asking(&mut self, cause: Cause, detail: String) {
        match self.task {
            Some(Task::Baseline) | None => self.task = None,
            Some(_) => self.task = Some(Task::Baseline),
        }
        self.otherwise.get_or_insert((cause, detail));
    }

    /// A list of which everything is found is at its end without a refusal.
    fn settle(&mut self, task: Task) {
        let known = &mut self.knowledge;
        match task {
            Task::Suites(version) if known.has(version) => {
                let all = Suite::all().filter(|s| s.fits(version)).map(Suite::code);
                let listing = known.suites(version);
                if listing.end.is_none() && listing.remaining(all).is_empty() {
                    known.end_suites(version, No::Exhausted);
                }
            }
            Task::Groups13 => known.groups13.settle(Group::of_tls13().map(Group::code)),
            Task::Groups12 => known.groups12.settle(Group::curves().map(Group::code)),
            Task::Schemes => {
                let all = SignatureScheme::all().map(SignatureScheme::code);
                known.schemes.settle(all);
            }
            _ => {}
        }
    }

    /// The question of a task, if it has one.
    fn hello(&self, task: Task) -> Option<ClientHello> {
        let known = &self.knowledge;
        let left = |listing: &Listing, all: Vec<u16>| {
            let open = listing.end.is_none();
            open.then(|| listing.remaining(all.into_iter()))
                .filter(|left| !left.is_empty())
        };
        match task {
            Task::Widest => {
                (self.spent == 0 || self.retried != Retried::No).then(ClientHello::widest)
            }
            Task::Version(version) => {
                let open = known.version(version).end.is_none();
                open.then(|| ClientHello::new(version))
            }
            Task::Ssl2 => known.ssl2.is_none().then(ClientHello::ssl2),
            Task::Suites(version) => {
                let all = Suite::all().filter(|s| s.fits(version)).map(Suite::code);
                let left = left(known.suites(version), all.collect())?;
                let suites = left.into_iter().map(Suite::new);
                known
                    .has(version)
                    .then(|| ClientHello::new(version).with_suites(suites))
            }
            Task::Order => {
                let version = known.old().filter(|_| known.order.is_none())?;
                let suites = known.having(version, |_| true);
                (suites.len() > 1)
                    .then(|| ClientHello::new(version).with_suites(suites.into_iter().rev()))
            }
            Task::Groups13 => {
                let suites = known.having(Version::Tls13, |_| true);
                let all = Group::of_tls13().map(Group::code).collect();
                let left = left(&known.groups13, all)?.into_iter().map(Group::new);
                let hello = ClientHello::new(Version::Tls13).with_groups(left);
                (!suites.is_empty()).then(|| hello.with_suites(suites))
            }
            Task::Groups12 => {
                let all = Group::curves().map(Group::code).collect();
                let left = left(&known.groups12, all)?;
                self.curves(left)
            }
            Task::GroupsBeside => {
                let doubtful = matches!(
                    known.groups12.end,
                    Some(No::Refused { .. } | No::Closed { .. })
                ) && known.groups_beside.is_none()
                    && known.is_bound_to_a_curve();
                let all = Group::curves().map(Group::code);
                let mut groups = known.groups12.remaining(all);
                groups.extend(&known.groups12.found);
                doubtful.then(|| self.curves(groups)).flatten()
            }
            Task::GroupOrder => {
                let groups = known.groups12.found.iter().rev().copied().collect();
                let several = known.group_order.is_none() && known.groups12.found.len() > 1;
                several.then(|| self.curves(groups)).flatten()
            }
            Task::Schemes => {
                let suites = known.having(Version::Tls12, Suite::is_signed);
                let all = SignatureScheme::all().map(SignatureScheme::code).collect();
                let left = left(&known.schemes, all)?;
                let hello = ClientHello::new(Version::Tls12).with_suites(suites.clone());
                let schemes = left.into_iter().map(SignatureScheme::new);
                (!suites.is_empty()).then(|| hello.with_schemes(schemes))
            }
            Task::Extras => {
                let version = known.old().filter(|_| known.extras.is_none())?;
                let mut suites = known.having(version, Suite::is_cbc);
                if suites.is_empty() {
                    suites = known.having(version, |_| true);
                }
                let hello = ClientHello::new(version).with_suites(suites);
                Some(hello.with_extensions(Extension::ALL).with_compression())
            }
            Task::Fallback => {
                let old = [Version::Tls12, Version::Tls11, Version::Tls10];
                let highest = Version::ALL.into_iter().rev().find(|v| known.has(*v))?;
                let lower = old.into_iter().find(|v| *v < highest && known.has(*v))?;
                let suites = known.having(lower, |_| true);
                let hello = ClientHello::new(lower).with_suites(suites);
                known.fallback.is_none().then(|| hello.with_fallback_scsv())
            }
            Task::Control => {
                let wanted = self.closed == Closed::Somewhere && known.control == Control::Open;
                let highest = Version::ALL.into_iter().rev().find(|v| known.has(*v))?;
                wanted.then(|| ClientHello::new(highest).with_suites([NOBODYS]))
            }
            Task::Baseline => {
                let (_, last, hello) = self.answered.as_ref()?;
                (*last < self.spent).then(|| hello.clone())
            }
        }
    }

    fn curves(&self, groups: Vec<u16>) -> Option<ClientHello> {
        let (version, suites) = self.knowledge.curve_suites()?;
        let hello = ClientHello::new(version).with_suites(suites);
        Some(hello.with_groups(groups.into_iter().map(Group::new)))
    }

    /// The server agreed to something. That is noted already; this is what follows for the question.
    fn agreed(&mut self, task: Task, flight: &Flight, news: News) {
        let known = &mut self.knowledge;
        let curve = flight.exchange.and_then(|exchange| exchange.group());
        match task {
            Task::Ssl2 => {
                let answer = if flight.ssl2 { Answer::Yes } else { Answer::No };
                known.ssl2 = Some(Ok(answer));
            }
            Task::Version(version) if flight.version != version => {
                known.end_version(version, No::Instead(flight.version));
            }
            Task::Suites(version) if flight.version != version => {
                // It had the version before, and has it no more.
                let why = format!("answered with {}", flight.version);
                known.end_suites(version, No::Unknown(Cause::Disconnected, why));
            }
            Task::Order => {
                let suites = known.having(flight.version, |_| true);
                known.order = Some(Ok(whose(&suites, flight.suite)));
            }
            Task::Groups13 if !flight.retry => {
                let why = "no HelloRetryRequest where one was due".to_string();
                known.groups13.end = Some(No::Unknown(Cause::Disconnected, why));
            }
            Task::GroupsBeside if news == News::No => {
                known.groups_beside = Some(No::Exhausted);
            }
            Task::GroupOrder => {
                let groups = known.groups12.found.iter().copied();
                let groups: Vec<Group> = groups.map(Group::new).collect();
                let nothing = || No::Unknown(Cause::Disconnected, "no curve".into());
                let order = curve.map(|curve| whose(&groups, curve));
                known.group_order = Some(order.ok_or_else(nothing));
            }
            Task::Extras => known.extras = Some(Ok(flight.clone())),
            Task::Fallback => known.fallback = Some(Ok(Answer::No)),
            Task::Control => known.control = Control::Otherwise,
            _ => {}
        }
    }

    /// The server did not agree, or nobody knows.
    fn denied(&mut self, task: Task, no: No) {
        let known = &mut self.knowledge;
        match task {
            Task::Widest => {}
            Task::Version(version) => known.end_version(version, no),
            Task::Ssl2 => known.ssl2 = Some(Err(no)),
            Task::Suites(version) => known.end_suites(version, no),
            Task::Order => known.order = Some(Err(no)),
            Task::Groups13 => known.groups13.end = Some(no),
            Task::Groups12 => known.groups12.end = Some(no),
            Task::GroupsBeside => known.groups_beside = Some(no),
            Task::GroupOrder => known.group_order = Some(Err(no)),
            Task::Schemes => known.schemes.end = Some(no),
            Task::Extras => known.extras = Some(Err(no)),
            Task::Fallback => known.fallback = Some(Err(no)),
            Task::Control => {
                known.control = match no {
                    No::Closed { .. } => Control::Closes,
                    _ => Control::Otherwise,
                };
            }
            Task::Baseline => {
                let (cause, why) = match no {
                    No::Unknown(cause, why) => (cause, why),
                    No::Refused { alert, .. } => (Cause::Disconnected, alert.to_string()),
                    _ => (Cause::Disconnected, String::new()),
                };
                self.stop(cause, format!("in the end nothing was answered: {why}"));
            }
        }
    }
}

/// RFC 8701 §2: a number that will never be a suite.
const NOBODYS: Suite = Suite::new(0x0A0A);

/// Whether an answer brought a curve that was not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    No,
    Yes,
}

fn after(task: Task) -> Option<Task> {
    let mut tasks = TASKS.iter().skip_while(|other| **other != task);
    tasks.nth(1).copied()
}

/// What was found was offered in reverse.
fn whose<T: PartialEq>(found: &[T], chosen: T) -> Whose {
    if found.last() == Some(&chosen) {
        Whose::Client
    } else if found.first() == Some(&chosen) {
        Whose::Server
    } else {
        Whose::Mixed
    }
}
