//! Passwords of accounts: which may be chosen, and which must be changed, by `breach-check`. The policy lies in the crate.
//!
//! ```text
//! user add, user password, the page, a link ── Rules::choose ── Chosen ── Accounts       or Unfit, with words
//! a login whose password was right ── Rules::recheck ── state of the account's record    once for each corpus
//! ```
//!
//! With a corpus nothing leaves the machine. With a range service five characters of a hash do, and only when a password is
//! chosen. With neither, the rules alone are looked at.

mod corpus;

use self::corpus::Held;
use crate::{
    accounts::LONGEST,
    config::{Config, Language, Reach, Switch, reach},
    log::Causes,
    tls,
};
use breach_check::{
    CountClass, PasswordHash, Sighting, Unknown,
    corpus::{Corpus, Error as CorpusError, Facts},
    fetch::{Fetcher, Limits, Unfit as NoTls},
    policy::{self, Candidate, Context, Policy, Verdict},
    ranges::{self, Base, Client},
    recheck::{Action, CorpusVersion, State},
};
use rustls::RootCertStore;
use std::{
    convert::Infallible,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tracing::warn;
use zeroize::Zeroizing;

/// How long a range service may take: somebody waits.
const PATIENCE: Duration = Duration::from_secs(10);
/// By which name it is asked.
const AGENT: &str = "letterlock-mail-service";
/// The crate refuses what was seen so often whatever the threshold is.
const MOST_COMMON: u64 = 1024;

/// Which passwords may be chosen.
#[derive(Debug)]
pub struct Rules {
    length: usize,
    seen: CountClass,
    tweaks: Switch,
    source: Source,
    service: String,
    hostname: String,
}

#[derive(Debug)]
enum Source {
    /// Nobody is asked.
    None,
    Corpus(Arc<Held>),
    Ranges(Box<Client<Fetcher>>),
}

/// Why there are no rules.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The corpus cannot be opened.
    #[error("cannot open {}", .0.display())]
    Corpus(PathBuf, #[source] CorpusError),
    /// The range service cannot be asked.
    #[error("the range service cannot be asked")]
    Ranges(#[from] ranges::Error),
    /// No TLS to it.
    #[error("no TLS to the range service")]
    Tls(#[from] NoTls),
    /// Its URL is none.
    #[error("password.ranges is no URL that may be asked")]
    Url,
}

/// What a password opens.
#[allow(clippy::exhaustive_enums)] // there is no third
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opens {
    /// The account, alone.
    Alone,
    /// Nothing without a second factor.
    WithSecondFactor,
}

/// A password that an account may have, as it is hashed.
pub struct Chosen {
    text: Zeroizing<String>,
    state: State,
    hint: Option<policy::Hint>,
}

/// Without the password.
impl fmt::Debug for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chosen").finish_non_exhaustive()
    }
}

impl Chosen {
    /// Of a password that nobody has to look at: one of [`new_password`](crate::new_password), and those of tests.
    pub fn unchecked(typed: &str) -> Self {
        Self::of(&Candidate::new(typed), typed, State::default())
    }

    fn of(candidate: &Candidate, typed: &str, state: State) -> Self {
        let text = candidate.text().unwrap_or(typed);
        Self {
            text: Zeroizing::new(text.to_owned()),
            state,
            hint: candidate.hint(),
        }
    }

    /// What is hashed.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What is known of it.
    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// What its user should know, though nothing speaks against it.
    pub fn hint(&self, language: Language) -> Option<&'static str> {
        self.hint.map(|hint| hint.guidance(language.into()))
    }
}

/// Why an account may not have a password. None of it says what the password is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.code())]
pub struct Unfit(Why);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Why {
    /// POP3 cannot send it.
    Octets,
    Policy(Verdict),
}

impl Unfit {
    /// A stable code, that of the first reason.
    pub fn code(&self) -> &'static str {
        match &self.0 {
            Why::Octets => "password.octets",
            Why::Policy(verdict) => verdict.code(),
        }
    }

    /// Whether it cannot be found out now.
    pub fn is_undecided(&self) -> bool {
        matches!(self.0, Why::Policy(Verdict::Undecided(_)))
    }

    /// What is wrong and what to do, a sentence or two for each reason.
    pub fn guidance(&self, language: Language) -> Vec<String> {
        match (&self.0, language) {
            (Why::Octets, Language::English) => vec![format!(
                "This password is too long for mail programs: use at most {LONGEST} octets. Letters other than a to z take two or more."
            )],
            (Why::Octets, Language::German) => vec![format!(
                "Dieses Passwort ist zu lang für Mailprogramme: Nehmen Sie höchstens {LONGEST} Oktette. Andere Buchstaben als a bis z \
                 belegen zwei oder mehr."
            )],
            (Why::Policy(verdict), language) => verdict.guidance(language.into()),
        }
    }
}

impl From<Language> for policy::Language {
    fn from(language: Language) -> Self {
        match language {
            Language::English => Self::English,
            Language::German => Self::German,
        }
    }
}

impl Rules {
    /// As the configuration says.
    ///
    /// # Errors
    /// [`Error`].
    pub fn open(config: &Config) -> Result<Self, Error> {
        let settings = &config.password;
        let source = match (&settings.corpus, &settings.ranges) {
            (Some(path), _) => Source::Corpus(held(path)?),
            (None, Some(url)) => Source::Ranges(Box::new(client(url)?)),
            (None, None) => Source::None,
        };
        Ok(Self {
            length: settings.length,
            seen: settings.class(),
            tweaks: settings.tweaks,
            source,
            service: config.issuer(),
            hostname: config.hostname.clone(),
        })
    }

    /// What to tell people before they choose.
    pub fn guidance(&self, opens: Opens, language: Language) -> String {
        self.policy(opens).guidance(language.into())
    }

    /// Whether an account may have this password. What cannot be found out is not accepted.
    ///
    /// # Errors
    /// [`Unfit`].
    pub async fn choose(&self, account: &str, typed: &str, opens: Opens) -> Result<Chosen, Unfit> {
        // First, as it bounds all other work.
        if typed.len() > LONGEST {
            return Err(Unfit(Why::Octets));
        }
        let candidate = Candidate::new(typed);
        // One octet can become several in the normal form.
        if candidate.text().is_none_or(|text| text.len() > LONGEST) {
            return Err(Unfit(Why::Octets));
        }
        let (policy, context) = (self.policy(opens), self.context(account));
        let (verdict, state) = match &self.source {
            Source::None => {
                let nobody = |_| Ok::<_, Infallible>(Sighting::NotSeen);
                let Ok(verdict) = policy.check(&candidate, &context, nobody);
                (verdict, State::default())
            }
            Source::Corpus(held) => {
                let (held, candidate) = (held.clone(), candidate.clone());
                let least = self.least();
                let work = move || ask_corpus(&held, policy, (&candidate, &context), least);
                let asked = tokio::task::spawn_blocking(work).await;
                let broke = |_| (Verdict::Undecided(Unknown::NoAnswer), State::default());
                asked.unwrap_or_else(broke)
            }
            Source::Ranges(client) => {
                let ask = |hash: PasswordHash| async move {
                    let answer = client.lookup(&hash).await;
                    Ok::<_, Infallible>(known(answer, "the range service gives no answer"))
                };
                let Ok(verdict) = policy.check_async(&candidate, &context, ask).await;
                (verdict, State::default())
            }
        };
        match verdict {
            Verdict::Accepted => Ok(Chosen::of(&candidate, typed, state)),
            verdict => Err(Unfit(Why::Policy(verdict))),
        }
    }

    /// What is known of a password that was right at a login: looked up once for each version of the corpus. Blocks. A corpus
    /// that fails changes nothing, and is asked again at the next login.
    pub(crate) fn recheck(&self, typed: &str, state: State) -> State {
        let Source::Corpus(held) = &self.source else {
            return state;
        };
        if state.must_change() {
            return state;
        }
        let (corpus, facts) = held.current();
        let version = version(&facts, self.least());
        if state.action(version) != Action::LookUp {
            return state;
        }
        let Some(hash) = Candidate::new(typed).hash(facts.kind) else {
            return state;
        };
        state.answered(version, look_up(&corpus, &hash), self.least())
    }

    /// What was seen so often cannot be chosen.
    fn least(&self) -> CountClass {
        let most_common = CountClass::of(MOST_COMMON).unwrap_or(CountClass::MAX);
        self.seen.min(most_common)
    }

    fn policy(&self, opens: Opens) -> Policy {
        let policy = Policy::with_second_factor().breached(self.seen);
        let policy = match opens {
            Opens::Alone => policy.at_least(self.length),
            Opens::WithSecondFactor => policy,
        };
        match self.tweaks {
            Switch::On => policy.tweaked(self.seen),
            Switch::Off => policy,
        }
    }

    /// What anybody would try for this account.
    fn context(&self, account: &str) -> Context {
        let context = Context::new().service(&self.service).user(account);
        context.domain(&self.hostname)
    }
}

fn held(path: &Path) -> Result<Arc<Held>, Error> {
    let held = Held::open(path).map_err(|error| Error::Corpus(path.into(), error))?;
    Ok(Arc::new(held))
}

fn client(url: &str) -> Result<Client<Fetcher>, Error> {
    let fetcher = match reach(url).ok_or(Error::Url)? {
        Reach::Loopback => Fetcher::loopback_without_tls(),
        Reach::Tls => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            Fetcher::new(Arc::new(tls::provider()), Arc::new(roots))?
        }
    };
    let mut limits = Limits::default();
    limits.time = PATIENCE;
    Ok(Client::new(fetcher.limits(limits), Base::new(url)?, AGENT)?)
}

/// The verdict by this corpus, and what is known of the password then. Reads files.
fn ask_corpus(
    held: &Held,
    policy: Policy,
    (candidate, context): (&Candidate, &Context),
    least: CountClass,
) -> (Verdict, State) {
    // The version of before the look-ups: what changes meanwhile is looked up at the next login.
    let (corpus, facts) = held.current();
    let ask = |hash: PasswordHash| Ok::<_, Infallible>(look_up(&corpus, &hash));
    let Ok(verdict) = policy.hashes(facts.kind).check(candidate, context, ask);
    (verdict, State::accepted(version(&facts, least)))
}

/// What was asked, and whom: who refuses more than before asks anew.
fn version(facts: &Facts, least: CountClass) -> CorpusVersion {
    let mut root = *facts.root.octets();
    let [.., last] = &mut root;
    *last ^= least.number();
    CorpusVersion::from_root(root)
}

fn look_up(corpus: &Corpus, hash: &PasswordHash) -> Sighting {
    let answer = corpus.lookup(hash).map_err(|error| match error {
        // Which page is a part of the hash.
        CorpusError::Damaged { .. } => CorpusError::Damaged { page: None },
        error => error,
    });
    known(answer, "the corpus of passwords gives no answer")
}

/// What was answered; an error is for the log, and says nothing of the password.
fn known<E: std::error::Error>(answer: Result<Sighting, E>, what: &'static str) -> Sighting {
    answer.unwrap_or_else(|error| {
        warn!(error = %Causes(&error), "{what}");
        Sighting::Unknown(Unknown::NoAnswer)
    })
}

#[cfg(test)]
mod tests;
