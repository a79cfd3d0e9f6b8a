//! Who somebody is, by address and password: one check and one budget of failures behind every door, so that none is
//! easier to force than another.

use crate::{
    accounts::{self, Accounts},
    auth::{Check, Passwords},
    clock::Clock,
    config::Limits,
    limits::Failures,
    log::Causes,
};
use std::{io, net::IpAddr, sync::Arc, time::Duration};
use tracing::warn;
use zeroize::Zeroizing;

/// What the first failed login of a connection costs; where one can have several, the next ones cost more.
pub(crate) const FAILED_LOGIN: Duration = Duration::from_secs(1);

/// The accounts, and who has tried passwords in vain.
#[derive(Debug)]
pub(crate) struct Logins {
    accounts: Arc<Accounts>,
    passwords: Passwords,
    failures: Failures,
    clock: Clock,
}

/// What became of a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LoggedIn {
    Account(Arc<str>),
    /// Unknown user or wrong password: nobody shall learn which.
    Refused,
    /// Too many failures from this network; no password was looked at.
    Throttled,
    /// It cannot be found out now.
    Unavailable,
}

impl Logins {
    /// Starts the threads that passwords are checked on.
    pub(crate) fn start(
        accounts: Arc<Accounts>,
        limits: &Limits,
        clock: Clock,
    ) -> io::Result<Self> {
        Ok(Self {
            accounts,
            passwords: Passwords::start(limits.password_threads, limits.password_queue)?,
            failures: Failures::new(limits.login_failures),
            clock,
        })
    }

    /// Checks a password. The try is counted before anything is computed, and given back if it was none of those that
    /// count. Who says "refused" to somebody waits for [`FAILED_LOGIN`] first.
    pub(crate) async fn log_in(
        &self,
        client: IpAddr,
        user: &str,
        password: Zeroizing<String>,
    ) -> LoggedIn {
        if !self.failures.try_now(client) {
            return LoggedIn::Throttled;
        }
        let account = accounts::parse(user).ok();
        let hash = match &account {
            Some(account) => match self.accounts.hash(account, self.clock.now()).await {
                Ok(hash) => hash,
                Err(error) => {
                    warn!(error = %Causes(&error), "account cannot be read");
                    self.failures.succeeded(client);
                    return LoggedIn::Unavailable;
                }
            },
            None => None,
        };
        match (self.passwords.check(password, hash).await, account) {
            (Check::Right, Some(account)) => {
                self.failures.succeeded(client);
                LoggedIn::Account(account)
            }
            (Check::Busy, _) => {
                self.failures.succeeded(client);
                LoggedIn::Unavailable
            }
            _ => LoggedIn::Refused,
        }
    }

    /// How many passwords were given to Argon2.
    #[cfg(test)]
    pub(crate) fn computed(&self) -> usize {
        self.passwords.asked()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{ACCOUNT, Fixture, PASSWORD};

    #[tokio::test]
    async fn whoever_has_failed_too_often_makes_no_more_work() {
        let fixture = Fixture::new(|config| config.limits.login_failures = 2).await;
        let logins = &fixture.service.logins;
        let client = |octet| IpAddr::from([192, 0, 2, octet]);
        let log_in = async |from, user: &str, password: &str| {
            let password = Zeroizing::new(password.to_owned());
            logins.log_in(client(from), user, password).await
        };
        let account = LoggedIn::Account(ACCOUNT.into());
        assert_eq!(log_in(1, ACCOUNT, PASSWORD).await, account);
        assert_eq!(
            log_in(1, "nobody@b.test", PASSWORD).await,
            LoggedIn::Refused
        );
        assert_eq!(log_in(1, "no address", PASSWORD).await, LoggedIn::Refused);
        assert_eq!(logins.computed(), 3, "who is not there takes as long");
        assert_eq!(log_in(1, ACCOUNT, PASSWORD).await, LoggedIn::Throttled);
        assert_eq!(logins.computed(), 3);
        // The mutation: with tries left the same call is work.
        assert_eq!(log_in(2, ACCOUNT, PASSWORD).await, account);
        assert_eq!(logins.computed(), 4);
    }
}
