//! What whoever runs the service does about second factors: look, take them off, let a password be set anew, and ask for
//! them where a command gives out what the password alone must not.

use super::{Error, Keys, keyless, keyring, reset, user_of};
use crate::{
    accounts::{self, Accounts, Error as AccountError},
    clock::Clock,
    config::Config,
    login::{self, Logins, WebLogin},
    password::{self, Opens},
};
use record_store::AnyStore;
use std::{fmt::Write, io, net::Ipv4Addr, path::PathBuf, sync::Arc, time::SystemTime};
use twofactor::{
    Client, Passed, Pending, RecoveryCode, Refusal, Second, UserId, decision::Gate, otp::Code,
};
use zeroize::Zeroizing;

/// Second factors of accounts, beside a running service.
#[derive(Debug)]
pub struct Care {
    config: Config,
    store: Arc<AnyStore>,
    clock: Clock,
}

/// What becomes of app passwords when second factors are taken off.
#[allow(clippy::exhaustive_enums)] // yes or no
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppPasswords {
    /// They lay on what was lost, perhaps: they go, too.
    Revoke,
    /// Mail programs go on.
    Keep,
}

/// What was taken off an account: how many of each.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TakenOff {
    /// Apps, tokens and passkeys. Recovery codes go with the last.
    pub factors: usize,
    /// App passwords.
    pub app_passwords: usize,
    /// App passwords that stay.
    pub kept: usize,
    /// Browsers that were known or remembered.
    pub devices: usize,
}

/// Why it was not done.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum CareError {
    /// No such account, or it cannot be read.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// They could not be read or changed.
    #[error("second factors could not be read or changed")]
    Factors(#[from] twofactor::Error),
    /// The keys of second factors.
    #[error(transparent)]
    Keys(#[from] Error),
    /// Who asks has not shown to be the user.
    #[error("not shown to be the user: {}", .0.code())]
    Refused(Refusal),
    /// It could not be looked at.
    #[error("the login could not be looked at now")]
    Unavailable,
    /// Nothing was typed, or it could not be read.
    #[error("nothing could be asked")]
    Asked(#[from] io::Error),
    /// Threads could not be started.
    #[error("cannot start threads")]
    Threads(#[source] io::Error),
    /// There are no rules for passwords.
    #[error("no rules for passwords")]
    Password(#[source] password::Error),
    /// There is no site.
    #[error("a link needs a site: `listen.https` names no address")]
    NoSite,
    /// The port of the site is not known before it listens.
    #[error("a link needs a port: set web.port, as listen.https takes any")]
    NoPort,
}

impl Care {
    /// On the store of a service.
    pub fn new(config: &Config, store: Arc<AnyStore>, clock: Clock) -> Self {
        Self {
            config: config.clone(),
            store,
            clock,
        }
    }

    /// What an account has, in lines for people. No secret is among it.
    ///
    /// # Errors
    /// [`CareError`].
    pub async fn show(&self, address: &str) -> Result<String, CareError> {
        let (user, now) = self.user(address).await?;
        let factors = keyless(self.store.clone())?;
        let overview = factors.overview(&user, now).await?;
        let passkeys = factors.passkeys(&user, now).await?;
        let mut out = String::new();
        let enrolled = match overview.methods.is_enrolled() {
            true => "asked for after the password; mail programs need app passwords",
            false => "none: the password alone logs in",
        };
        let mut line = |text: String| {
            let _ = writeln!(out, "{text}");
        };
        line(format!("second factor: {enrolled}"));
        for otp in &overview.otps {
            let (id, failures) = (otp.id.number(), otp.failures);
            line(format!(
                "  codes {id}: {failures} failures in a row{}",
                gate(otp.gate)
            ));
        }
        for passkey in &passkeys {
            line(format!("  passkey: {}", passkey.name().as_str()));
        }
        let (left, waits) = (overview.methods.recovery_codes, gate(overview.recovery));
        line(format!("recovery codes: {left} left{waits}"));
        for app in &overview.app_passwords {
            let scopes: Vec<_> = app.scopes.iter().map(|scope| scope.name()).collect();
            line(format!(
                "app password: {} ({})",
                app.name,
                scopes.join(", ")
            ));
        }
        let remembered =
            |device: &&twofactor::DeviceView| device.remembered.is_some_and(|until| now < until);
        let count = overview.devices.iter().filter(remembered).count();
        line(format!(
            "devices: {} known, {count} remembered",
            overview.devices.len()
        ));
        let (strangers, known) = overview.password_failures;
        line(format!(
            "failed passwords in a row: {strangers} from strangers, {known} from known devices"
        ));
        Ok(out)
    }

    /// Takes off what a user has lost, or somebody else has found: all devices, app passwords unless they are kept, and at last
    /// all second factors, so that the password alone logs in again. The user is told of it by mail. If it fails it is to be
    /// called again: what opens without a second factor is gone first.
    ///
    /// # Errors
    /// [`CareError`].
    pub async fn reset(&self, address: &str, apps: AppPasswords) -> Result<TakenOff, CareError> {
        let (user, now) = self.user(address).await?;
        let factors = keyless(self.store.clone())?;
        let overview = factors.overview(&user, now).await?;
        let mut gone = TakenOff::default();
        for device in &overview.devices {
            gone.devices += was(factors.revoke_device(&user, device.id, now).await)?;
        }
        for app in &overview.app_passwords {
            match apps {
                AppPasswords::Revoke => {
                    let revoked = factors.revoke_app_password(&user, app.id, now).await;
                    gone.app_passwords += was(revoked)?;
                }
                AppPasswords::Keep => gone.kept += 1,
            }
        }
        for passkey in factors.passkeys(&user, now).await? {
            let removed = factors.remove_passkey(&user, passkey.id(), now).await;
            gone.factors += was(removed)?;
        }
        for otp in &overview.otps {
            gone.factors += was(factors.remove_otp(&user, otp.id, now).await)?;
        }
        Ok(gone)
    }

    /// What the password of an account opens.
    ///
    /// # Errors
    /// [`CareError`].
    pub async fn opens(&self, address: &str) -> Result<Opens, CareError> {
        let (user, now) = self.user(address).await?;
        Ok(super::opens(&keyless(self.store.clone())?, &user, now).await?)
    }

    /// A link by which the user sets a new password, once, within 24 hours. The second factor is asked for as before.
    ///
    /// # Errors
    /// [`CareError`].
    pub async fn reset_link(&self, address: &str) -> Result<Zeroizing<String>, CareError> {
        let listened = self.config.listen.https.first().ok_or(CareError::NoSite)?;
        let port = match self.config.web.port.unwrap_or_else(|| listened.port()) {
            0 => return Err(CareError::NoPort),
            443 => String::new(),
            port => format!(":{port}"),
        };
        let token = reset::issue(&self.store, address, self.clock.now()).await?;
        let host = self.config.site_host();
        Ok(Zeroizing::new(format!(
            "https://{host}{port}/reset/{}",
            *token
        )))
    }

    /// Asks for the password and the second factor, if one is enrolled, because what comes next is for the user alone. It
    /// counts as every other login does.
    ///
    /// # Errors
    /// [`CareError`].
    pub async fn ask(
        &self,
        address: &str,
        mut ask: impl FnMut(&str) -> io::Result<Zeroizing<String>>,
    ) -> Result<(), CareError> {
        let (user, now) = self.user(address).await?;
        let enrolled = keyless(self.store.clone())?.overview(&user, now).await?;
        if !enrolled.methods.is_enrolled() {
            return Ok(());
        }
        let logins = self.logins().await?;
        let here = Ipv4Addr::LOCALHOST.into();
        let password = ask(&format!("Password of {address}: "))?;
        let pending = match logins.password(here, address, password).await {
            WebLogin::Second(pending, _) => pending,
            // Taken off in this moment.
            WebLogin::Passed(_) => return Ok(()),
            WebLogin::Refused(why) => return Err(CareError::Refused(why)),
            WebLogin::Unavailable => return Err(CareError::Unavailable),
        };
        let typed = ask("Login code, or a recovery code: ")?;
        self.second(&logins, &pending, &typed).await.map(drop)
    }

    /// Puts a new key before the others in the file. Every node needs the file, and a restart, before it is used.
    ///
    /// # Errors
    /// [`CareError`].
    pub fn rotate_keys(&self) -> Result<PathBuf, CareError> {
        let place = keyring::place(&self.config)?;
        Keys::read(&place)?.rotated()?.replace(&place)?;
        Ok(place)
    }

    /// Seals every seed with the first key: how many it sealed anew, and how many no key here opens.
    ///
    /// # Errors
    /// [`CareError`].
    pub async fn reseal(&self) -> Result<(usize, usize), CareError> {
        let logins = self.logins().await?;
        let (mut sealed, mut unreadable, mut from) = (0, 0, None);
        loop {
            let now = self.clock.now();
            let done = logins.two_factor().reseal(from.as_ref(), now).await?;
            sealed += done.sealed;
            unreadable += done.unreadable;
            from = done.next;
            if from.is_none() {
                return Ok((sealed, unreadable));
            }
        }
    }

    async fn logins(&self) -> Result<Logins, CareError> {
        let started = Logins::start(&self.config, self.store.clone(), self.clock.clone()).await;
        started.map_err(|error| match error {
            login::Error::Threads(error) => CareError::Threads(error),
            login::Error::SecondFactor(error) => CareError::Keys(error),
            login::Error::Password(error) => CareError::Password(error),
        })
    }

    async fn second(
        &self,
        logins: &Logins,
        pending: &Pending,
        typed: &str,
    ) -> Result<Passed, CareError> {
        let client = Client::mail(Ipv4Addr::LOCALHOST.into());
        let (factors, now) = (logins.two_factor(), logins.now());
        let second = match (Code::parse(typed), RecoveryCode::parse(typed)) {
            (Err(_), Some(_)) => factors.recovery_code(pending, &client, typed, now).await?,
            _ => factors.code(pending, &client, typed, now).await?,
        };
        match second {
            Second::Passed(passed) => Ok(passed),
            Second::Refused(why) => Err(CareError::Refused(why)),
        }
    }

    async fn user(&self, address: &str) -> Result<(UserId, SystemTime), CareError> {
        let (account, now) = (accounts::parse(address)?, self.clock.now());
        let there = Accounts::new(self.store.clone())
            .exists(&account, now)
            .await?;
        match there {
            true => Ok((user_of(&account).map_err(|_| AccountError::Address)?, now)),
            false => Err(AccountError::Missing.into()),
        }
    }
}

/// One that was there, unless somebody else was faster.
fn was(gone: Result<(), twofactor::Error>) -> Result<usize, twofactor::Error> {
    match gone {
        Ok(()) => Ok(1),
        Err(twofactor::Error::NoSuch { .. }) => Ok(0),
        Err(error) => Err(error),
    }
}

fn gate(gate: Gate) -> &'static str {
    match gate {
        Gate::Open => "",
        Gate::Wait(_) => ", so it has to wait",
        Gate::Disabled => ", so it is out of use until it is bound anew",
    }
}

#[cfg(test)]
mod tests;
