//! Who somebody is, by address and password: one check and one budget of failures behind every door, so that none is
//! easier to force than another.
//!
//! | door | what opens it | once a second factor is enrolled |
//! |---|---|---|
//! | POP3, and mail protocols to come: [`mail`](Logins::mail) | the password, an app password of its scope | an app password alone; anything else is refused without Argon2 |
//! | the site: [`web`](Logins::web) | the password | the password, then the second factor |
//! | `/api/seal` with `Basic`: [`password`](Logins::password) | the password | nothing: the session of the site |
//!
//! Budget, waits and known devices are `twofactor`'s, in the store, and so the same at every node. A name that nobody has
//! costs the same as one that somebody has: the same reads and commits, one Argon2 against a decoy, and the same words.

mod turns;

use self::turns::Turns;
use crate::{
    accounts,
    auth::{Check, Passwords},
    clock::Clock,
    config::Config,
    log::Causes,
    password::{self, Rules},
    second_factor::{self, Work},
};
use record_store::{AnyStore, Records};
use std::{
    io,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};
use tokio::sync::Notify;
use tracing::warn;
use twofactor::{
    AppPassword, Checked, Client, DeviceToken, First, Method, Passed, Pending, ProtocolLogin,
    Refusal, Scope, Subject, TwoFactor, UserId, decision::Methods,
};
use zeroize::Zeroizing;

/// When the answer to the first failed login of a connection comes, whatever it took to find out; where one can have
/// several, the next ones come later.
pub(crate) const FAILED_LOGIN: Duration = Duration::from_secs(1);

/// The accounts, and who has tried passwords in vain.
#[derive(Debug)]
pub(crate) struct Logins<R = Arc<AnyStore>> {
    records: R,
    passwords: Passwords,
    rules: Arc<Rules>,
    two_factor: TwoFactor<R, Work>,
    turns: Turns,
    clock: Clock,
    /// That somebody may have something to be told.
    happened: Arc<Notify>,
}

/// What became of a login at a mail protocol. No more than this is said, so that nobody learns who is there and who has
/// a second factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LoggedIn {
    Account(Arc<str>),
    /// The password is right, and known from breaches: it is to be changed first.
    MustChange(Arc<str>),
    /// Unknown user, wrong password, or a password where an app password is wanted.
    Refused,
    /// Too many failures. Nothing is looked at before then.
    Throttled {
        until: SystemTime,
    },
    /// So many failures that nothing is looked at from where nobody has logged in before, until the password is changed.
    Disabled,
    /// It cannot be found out now.
    Unavailable,
}

/// What became of the first factor on the site.
#[derive(Debug)]
pub(crate) enum WebLogin {
    Passed(Passed),
    /// The password is right. Now one of these.
    Second(Pending, Methods),
    Refused(Refusal),
    /// It cannot be found out now.
    Unavailable,
}

/// Why nobody can log in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot start threads")]
    Threads(#[source] io::Error),
    #[error("no second factors")]
    SecondFactor(#[from] second_factor::Error),
    #[error("no rules for passwords")]
    Password(#[from] password::Error),
}

/// A name as it was typed, and whose it is.
struct Name<'a> {
    typed: &'a str,
    /// If it is an address.
    account: Option<Arc<str>>,
    /// If somebody has it.
    user: Option<UserId>,
}

impl Name<'_> {
    /// All spellings of an address are one, also of one that nobody has.
    fn subject(&self) -> Subject<'_> {
        match &self.user {
            Some(user) => Subject::Known(user),
            None => Subject::Unknown(self.name()),
        }
    }

    /// All spellings of one name are this.
    fn name(&self) -> &str {
        self.account.as_deref().unwrap_or(self.typed)
    }

    /// Where its record is; for what is no address there is a place, too, with nothing in it.
    fn place(&self) -> &str {
        self.account.as_deref().unwrap_or_default()
    }
}

impl Logins {
    /// Starts the threads that passwords are checked on. The first start of all makes the keys of second factors.
    pub(crate) async fn start(
        config: &Config,
        store: Arc<AnyStore>,
        clock: Clock,
    ) -> Result<Self, Error> {
        let limits = &config.limits;
        let work = Work::start(limits.password_threads, limits.password_queue);
        let work = work.map_err(Error::Threads)?;
        let now = clock.now();
        let rules = Arc::new(Rules::open(config)?);
        let two_factor = second_factor::open(config, store.clone(), work.clone(), now).await?;
        Self::with(store, two_factor, (work, rules), clock)
    }
}

impl<R: Records> Logins<R> {
    /// On any store.
    pub(crate) fn with(
        records: R,
        two_factor: TwoFactor<R, Work>,
        (work, rules): (Work, Arc<Rules>),
        clock: Clock,
    ) -> Result<Self, Error> {
        Ok(Self {
            records,
            passwords: Passwords::new(work).map_err(Error::Threads)?,
            rules,
            two_factor,
            turns: Turns::default(),
            clock,
            happened: Arc::default(),
        })
    }

    /// POP3, and every mail protocol to come. Who says "refused" answers at [`FAILED_LOGIN`], not earlier.
    pub(crate) async fn mail(
        &self,
        client: IpAddr,
        scope: Scope,
        user: &str,
        password: Zeroizing<String>,
    ) -> LoggedIn {
        let now = self.now();
        let Some(name) = self.name(user, now).await else {
            return LoggedIn::Unavailable;
        };
        let (subject, client) = (name.subject(), Client::mail(client));
        let typed = password.clone();
        // An app password is nobody's guess, and counts for nobody before it is looked at.
        let _turn = match AppPassword::parse(&typed) {
            Some(_) => None,
            None => Some(self.turns.take(name.name()).await),
        };
        let must_change = AtomicBool::new(false);
        let look = async || self.look(&name, password, now, &must_change).await;
        let login = self
            .two_factor
            .protocol_login(&subject, &client, scope, &typed, now, look)
            .await;
        self.happened.notify_one();
        match (login, &name.account) {
            (Ok(ProtocolLogin::Passed(passed)), Some(account)) => {
                // An app password is none that anybody has chosen.
                let is_main = passed.method != Method::AppPassword;
                match is_main && must_change.into_inner() {
                    true => LoggedIn::MustChange(account.clone()),
                    false => LoggedIn::Account(account.clone()),
                }
            }
            (Ok(ProtocolLogin::Passed(_)), None) => LoggedIn::Refused,
            (Ok(ProtocolLogin::Refused(why)), _) => refused(why),
            (Err(error), _) => {
                warn!(error = %Causes(&error), "a login cannot be decided");
                LoggedIn::Unavailable
            }
        }
    }

    /// The site: the first factor, from a browser with this token of a device, if it has sent one.
    pub(crate) async fn web(
        &self,
        client: IpAddr,
        device: Option<&DeviceToken>,
        user: &str,
        password: Zeroizing<String>,
    ) -> WebLogin {
        self.first(&Client::web(client, device), user, password)
            .await
    }

    /// The password alone, from a client without cookies. It opens nothing of who has a second factor: app passwords are
    /// for mail protocols, and this is none.
    pub(crate) async fn password(
        &self,
        client: IpAddr,
        user: &str,
        password: Zeroizing<String>,
    ) -> WebLogin {
        self.first(&Client::mail(client), user, password).await
    }

    async fn first(
        &self,
        client: &Client<'_>,
        user: &str,
        password: Zeroizing<String>,
    ) -> WebLogin {
        let now = self.now();
        let Some(name) = self.name(user, now).await else {
            return WebLogin::Unavailable;
        };
        let subject = name.subject();
        let _turn = self.turns.take(name.name()).await;
        // A session finds it out by itself, at each of its pages.
        let must_change = AtomicBool::new(false);
        let look = async || self.look(&name, password, now, &must_change).await;
        let first = self.two_factor.first_factor(&subject, client, now, look);
        let first = first.await;
        self.happened.notify_one();
        match first {
            Ok(First::Passed(passed)) => WebLogin::Passed(passed),
            Ok(First::Second(pending, methods)) => WebLogin::Second(pending, methods),
            Ok(First::Refused(why)) => WebLogin::Refused(why),
            Err(error) => {
                warn!(error = %Causes(&error), "a login cannot be decided");
                WebLogin::Unavailable
            }
        }
    }

    /// Second factors, and what a user manages: the crate itself.
    pub(crate) fn two_factor(&self) -> &TwoFactor<R, Work> {
        &self.two_factor
    }

    /// Which passwords may be chosen.
    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The time of day.
    pub(crate) fn now(&self) -> SystemTime {
        self.clock.now()
    }

    /// Somebody may have something to be told: after what the crate was asked directly.
    pub(crate) fn happened(&self) {
        self.happened.notify_one();
    }

    /// Who waits for that.
    pub(crate) fn news(&self) -> Arc<Notify> {
        self.happened.clone()
    }

    /// Whose name it is; one read, whatever was typed.
    async fn name<'a>(&self, typed: &'a str, now: SystemTime) -> Option<Name<'a>> {
        let mut name = Name {
            typed,
            account: accounts::parse(typed).ok(),
            user: None,
        };
        match accounts::credential(&self.records, name.place(), now).await {
            Ok(None) => Some(name),
            Ok(Some(_)) => {
                name.user = Some(second_factor::user_of(name.place()).ok()?);
                Some(name)
            }
            Err(error) => {
                warn!(error = %Causes(&error), "account cannot be read");
                None
            }
        }
    }

    /// Looks at a password. The hash is read now, after the try was counted: a password that is changed meanwhile is either
    /// compared, or the change ends what the older one opens. For one that is right alone more is done than this one read and
    /// one Argon2: what is known of it from breaches is noted.
    async fn look(
        &self,
        name: &Name<'_>,
        password: Zeroizing<String>,
        now: SystemTime,
        must_change: &AtomicBool,
    ) -> Checked {
        let found = match accounts::credential(&self.records, name.place(), now).await {
            Ok(found) => found,
            Err(error) => {
                warn!(error = %Causes(&error), "account cannot be read");
                return Checked::NotLookedAt;
            }
        };
        let check = self.passwords.check(password, found.as_ref(), &self.rules);
        match (check.await, found) {
            (Check::Right(state), Some(found)) => {
                must_change.store(state.must_change(), Ordering::Relaxed);
                if state != found.state {
                    let noted = found.note(&self.records, name.place(), state, now);
                    if let Err(error) = noted.await {
                        warn!(error = %Causes(&error), "what is known of a password is not noted yet");
                    }
                }
                Checked::Right
            }
            (Check::Right(_) | Check::Wrong, _) => Checked::Wrong,
            (Check::Busy, _) => Checked::NotLookedAt,
        }
    }

    /// How many passwords were given to Argon2.
    #[cfg(test)]
    pub(crate) fn computed(&self) -> usize {
        self.passwords.asked()
    }
}

fn refused(why: Refusal) -> LoggedIn {
    match why {
        Refusal::Wait { until } | Refusal::NetworkWait { until } => LoggedIn::Throttled { until },
        Refusal::Disabled => LoggedIn::Disabled,
        _ => LoggedIn::Refused,
    }
}

#[cfg(test)]
mod rechecks;
#[cfg(test)]
mod tests;
