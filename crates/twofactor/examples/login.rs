//! Accounts with second factors on the command line, in an SQLite file: what a service does at enrolment and login.
//!
//! ```console
//! $ login ann@example.org password          # a new account, or a new password
//! $ login ann@example.org enrol             # shows a QR code, and asks for the first code
//! $ login ann@example.org login             # asks for the password, then for a code; --remember this device
//! $ login ann@example.org recover           # the same with a recovery code
//! $ login ann@example.org mail imap         # what a mail program does, with an app password
//! $ login ann@example.org mint Thunderbird  # another app password
//! $ login ann@example.org renew             # ten new recovery codes
//! $ login ann@example.org devices           # and all else that opens the account
//! $ login ann@example.org revoke ID         # an app password or a device
//! $ login ann@example.org events            # what the user is to be told; told once
//! ```
//!
//! The store is `login.db`, or what `LOGIN_DB` names; the keyring lies beside it in `login.db.key`, readable to its owner
//! alone, and belongs in another backup. The cookie of this device is kept in `login.db.cookie`. Secrets come from the
//! terminal, or with `LOGIN_STDIN=1` from the lines of standard input. Each verdict has its code, as in `2fa.wrong`. It exits
//! with 1 if somebody is not let in, and with 2 if it could not do its work.
//!
//! Here: `cargo run -p twofactor --features store --example login -- ann@example.org password`.
#![allow(clippy::disallowed_methods)] // a program may read the clock

use std::error::Error;
use std::io::{BufRead as _, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use pollster::block_on;
use record_store::{Commit, Expect, Key, Outcome, Records as _, Sqlite};
use twofactor::otp::{Label, Parameters};
use twofactor::{
    AppId, Checked, Client, Confirmed, DeviceId, DeviceToken, First, Keyring, NewAppPassword,
    Passed, Pending, ProtocolLogin, RecoveryCodes, Refusal, Remembered, Scope, Scopes, Second,
    Subject, TwoFactor, UserId,
};
use zeroize::Zeroizing;

const USAGE: &str = "usage: login USER password | enrol | login [--remember] | recover | mail PROTOCOL | mint NAME | renew | \
                     devices | revoke ID | events";
/// What is hashed when there is no such user, so that it costs the same.
const DECOY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm8gc3VjaCB1c2VyIQ$9R0hn6pBtTZsD6CGcnZ1B5F1rxl1KyXlGj0qhP3mGq8";
const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);

type Outcomes<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(why)) => {
            let retry = why
                .retry_at()
                .and_then(|at| at.duration_since(SystemTime::now()).ok());
            match (why, retry) {
                (Refusal::Drifted { seconds }, _) => {
                    eprintln!(
                        "login: {}: this clock and the app's differ by {seconds} s",
                        why.code()
                    );
                }
                (_, Some(wait)) => {
                    eprintln!("login: {}: wait {} s", why.code(), wait.as_secs() + 1)
                }
                _ => eprintln!("login: {}", why.code()),
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("login: {error}");
            ExitCode::from(2)
        }
    }
}

/// Why somebody is not let in; nothing if all is well.
fn run(arguments: &[&str]) -> Outcomes<Option<Refusal>> {
    let [user, command @ ..] = arguments else {
        return Err(USAGE.into());
    };
    let service = Service::open(user)?;
    match *command {
        ["password"] => service.new_password(),
        ["enrol"] => service.enrol(),
        ["login"] => service.login(Factor::Code, false),
        ["login", "--remember"] => service.login(Factor::Code, true),
        ["recover"] => service.login(Factor::Recovery, false),
        ["mail", protocol] => service.mail(protocol),
        ["mint", name] => service.mint(name),
        ["renew"] => service.renew(),
        ["devices"] => service.devices(),
        ["revoke", id] => service.revoke(id),
        ["events"] => service.events(),
        _ => Err(USAGE.into()),
    }
}

#[derive(Clone, Copy)]
enum Factor {
    Code,
    Recovery,
}

/// A service with one user at its counter.
struct Service {
    store: Sqlite,
    two: TwoFactor<Sqlite>,
    user: UserId,
    cookie: PathBuf,
    now: SystemTime,
}

impl Service {
    fn open(user: &str) -> Outcomes<Self> {
        let path = std::env::var_os("LOGIN_DB");
        let path = path.map_or_else(|| PathBuf::from("login.db"), PathBuf::from);
        let keyring = keyring(&beside(&path, "key"))?;
        let two = TwoFactor::builder(Sqlite::open(&path)?).keys(keyring);
        Ok(Self {
            store: Sqlite::open(&path)?,
            two: two.issuer("Example Mail").build()?,
            user: UserId::new(user)?,
            cookie: beside(&path, "cookie"),
            now: SystemTime::now(),
        })
    }

    /// Of the password, which is no business of twofactor's.
    fn hash(&self) -> Outcomes<Option<String>> {
        let key = Key::new("password", self.user.as_str())?;
        let Some(found) = block_on(self.store.get(&key, self.now))? else {
            return Ok(None);
        };
        Ok(Some(String::from_utf8(found.value()?.to_vec())?))
    }

    /// Somebody who exists has a password.
    fn subject(&self, hash: Option<&String>) -> Subject<'_> {
        match hash {
            Some(_) => Subject::Known(&self.user),
            None => Subject::Unknown(self.user.as_str()),
        }
    }

    fn new_password(&self) -> Outcomes<Option<Refusal>> {
        if self.hash()?.is_some() {
            // Whoever changes it has logged in with all that there is.
            match self.enter(Factor::Code)? {
                Ok(_) => {}
                Err(why) => return Ok(Some(why)),
            }
        }
        let password = ask("new password: ")?;
        let hash = Argon2::default().hash_password(password.as_bytes());
        let hash = hash.map_err(|why| why.to_string())?.to_string();
        let key = Key::new("password", self.user.as_str())?;
        let commit = Commit::new().put(&key, hash.into_bytes(), Expect::Anything);
        match block_on(self.store.commit(commit, self.now))? {
            Outcome::Committed(_) => {}
            _ => return Err("the password was not stored".into()),
        }
        block_on(self.two.rebind_password(&self.user, self.now))?;
        Ok(None)
    }

    /// The password, and the second factor if there is one.
    fn enter(&self, factor: Factor) -> Outcomes<Result<Passed, Refusal>> {
        let token = std::fs::read_to_string(&self.cookie).ok();
        let token = token.and_then(|text| DeviceToken::parse(text.trim()));
        let client = Client::web(here(), token.as_ref());
        let (password, hash) = (ask("password: ")?, self.hash()?);
        let subject = self.subject(hash.as_ref());
        let look = async || check(&password, hash.as_deref());
        let first = block_on(self.two.first_factor(&subject, &client, self.now, look))?;
        let passed = match first {
            First::Passed(passed) => passed,
            First::Refused(why) => return Ok(Err(why)),
            First::Second(pending, _) => match self.second(&pending, &client, factor)? {
                Second::Passed(passed) => passed,
                Second::Refused(why) => return Ok(Err(why)),
            },
        };
        if let Some(token) = &passed.device {
            private(&self.cookie, &token.text())?;
        }
        Ok(Ok(passed))
    }

    fn second(&self, pending: &Pending, client: &Client<'_>, factor: Factor) -> Outcomes<Second> {
        let two = &self.two;
        // Reading took time, in which a step may have ended.
        Ok(match factor {
            Factor::Code => {
                let typed = ask("code: ")?;
                block_on(two.code(pending, client, &typed, SystemTime::now()))?
            }
            Factor::Recovery => {
                let typed = ask("recovery code: ")?;
                block_on(two.recovery_code(pending, client, &typed, SystemTime::now()))?
            }
        })
    }

    fn login(&self, factor: Factor, remember: bool) -> Outcomes<Option<Refusal>> {
        let passed = match self.enter(factor)? {
            Ok(passed) => passed,
            Err(why) => return Ok(Some(why)),
        };
        print(&format!(
            "in, by {:?}; {} recovery codes left",
            passed.method, passed.recovery_left
        ))?;
        if remember {
            let text = std::fs::read_to_string(&self.cookie)?;
            let token = DeviceToken::parse(text.trim()).ok_or("no cookie")?;
            let until = self.now + MONTH;
            match block_on(self.two.remember(&passed, &token, until, self.now))? {
                Remembered::Until(_) => print("no code is asked for on this device for 30 days")?,
                Remembered::Refused(why) => return Ok(Some(why)),
            }
        }
        Ok(None)
    }

    fn enrol(&self) -> Outcomes<Option<Refusal>> {
        if let Err(why) = self.enter(Factor::Code)? {
            return Ok(Some(why));
        }
        let label = Label::new(self.user.as_str())?;
        let begun = block_on(
            self.two
                .enrol(&self.user, &label, Parameters::totp(), self.now),
        )?;
        eprint!("{}", *begun.qr()?.terminal());
        eprintln!("or by hand: {}", *begun.manual_key());
        let typed = ask("code: ")?;
        let first = NewAppPassword {
            name: "the first mail program",
            scopes: Scopes::MAIL,
        };
        let (id, now) = (begun.id(), SystemTime::now());
        let confirmed = self.two.confirm(&self.user, &id, &typed, Some(first), now);
        let on = match block_on(confirmed)? {
            Confirmed::On(on) => on,
            Confirmed::Refused(why) => return Ok(Some(why)),
        };
        print("it is on")?;
        if let Some(codes) = &on.recovery {
            show(codes)?;
        }
        if let Some(app) = &on.app_password {
            print(&format!("for mail programs: {}", *app.text()))?;
        }
        Ok(None)
    }

    fn mail(&self, protocol: &str) -> Outcomes<Option<Refusal>> {
        let scope = Scope::ALL
            .into_iter()
            .find(|scope| scope.name() == protocol);
        let scope = scope.ok_or("no such protocol: imap, pop3, smtp or sign")?;
        let (password, hash) = (ask("password: ")?, self.hash()?);
        let (subject, client) = (self.subject(hash.as_ref()), Client::mail(here()));
        let look = async || check(&password, hash.as_deref());
        let login = self
            .two
            .protocol_login(&subject, &client, scope, &password, self.now, look);
        Ok(match block_on(login)? {
            ProtocolLogin::Passed(passed) => {
                print(&format!("in, by {:?}", passed.method))?;
                None
            }
            ProtocolLogin::Refused(why) => Some(why),
        })
    }

    fn mint(&self, name: &str) -> Outcomes<Option<Refusal>> {
        if let Err(why) = self.enter(Factor::Code)? {
            return Ok(Some(why));
        }
        let scopes = Scopes::MAIL;
        let new = NewAppPassword { name, scopes };
        let app = block_on(self.two.app_password(&self.user, new, self.now))?;
        print(&app.text())?;
        Ok(None)
    }

    fn renew(&self) -> Outcomes<Option<Refusal>> {
        if let Err(why) = self.enter(Factor::Code)? {
            return Ok(Some(why));
        }
        show(&block_on(self.two.renew_recovery(&self.user, self.now))?)?;
        Ok(None)
    }

    fn devices(&self) -> Outcomes<Option<Refusal>> {
        if let Err(why) = self.enter(Factor::Code)? {
            return Ok(Some(why));
        }
        let all = block_on(self.two.overview(&self.user, self.now))?;
        print(&format!(
            "{} apps, {} recovery codes",
            all.otps.len(),
            all.methods.recovery_codes
        ))?;
        for app in all.app_passwords {
            let names: Vec<_> = app.scopes.iter().map(Scope::name).collect();
            let used = if app.used.is_some() {
                "used"
            } else {
                "not used"
            };
            print(&format!(
                "app password {} {:?} ({}), {used}",
                app.id,
                app.name,
                names.join(", ")
            ))?;
        }
        for device in all.devices {
            let remembered = if device.remembered.is_some() {
                ", needs no code"
            } else {
                ""
            };
            print(&format!("device {}{remembered}", device.id))?;
        }
        Ok(None)
    }

    fn revoke(&self, id: &str) -> Outcomes<Option<Refusal>> {
        if let Err(why) = self.enter(Factor::Code)? {
            return Ok(Some(why));
        }
        match (id.parse::<AppId>(), id.parse::<DeviceId>()) {
            (Ok(app), _) => block_on(self.two.revoke_app_password(&self.user, app, self.now))?,
            (_, Ok(device)) => block_on(self.two.revoke_device(&self.user, device, self.now))?,
            _ => return Err("neither an app password nor a device".into()),
        }
        Ok(None)
    }

    /// A service mails them. Whoever reads them here is the operator.
    fn events(&self) -> Outcomes<Option<Refusal>> {
        for waiting in block_on(self.two.events(Some(&self.user), self.now))? {
            print(waiting.event.code())?;
            block_on(self.two.acknowledge(&waiting.key, self.now))?;
        }
        Ok(None)
    }
}

/// Where everybody here comes from.
fn here() -> IpAddr {
    Ipv4Addr::LOCALHOST.into()
}

fn check(password: &str, hash: Option<&str>) -> Checked {
    let Ok(parsed) = PasswordHash::new(hash.unwrap_or(DECOY)) else {
        return Checked::NotLookedAt;
    };
    let right = Argon2::default()
        .verify_password(password.as_bytes(), &parsed)
        .is_ok();
    match right && hash.is_some() {
        true => Checked::Right,
        false => Checked::Wrong,
    }
}

fn show(codes: &RecoveryCodes) -> Outcomes<()> {
    print("for the day on which the app is lost; each opens once:")?;
    print(&codes.text())
}

fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    name.into()
}

/// The key from its file, which is made if there is none.
fn keyring(path: &Path) -> Outcomes<Keyring> {
    if !path.exists() {
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *key).map_err(|why| why.to_string())?;
        let text = Zeroizing::new(data_encoding::HEXLOWER.encode(&*key));
        private(path, &text)?;
    }
    let text = Zeroizing::new(std::fs::read_to_string(path)?);
    let octets = data_encoding::HEXLOWER.decode(text.trim().as_bytes());
    let octets = Zeroizing::new(octets.map_err(|_| "the key file is damaged")?);
    let key: [u8; 32] = octets
        .as_slice()
        .try_into()
        .map_err(|_| "the key file is damaged")?;
    Ok(Keyring::new(1, key))
}

/// Writes a file that its owner alone can read.
fn private(path: &Path, text: &str) -> Outcomes<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    Ok(file.sync_all()?)
}

/// From the terminal, where it is not shown, or from standard input.
fn ask(prompt: &str) -> Outcomes<Zeroizing<String>> {
    if std::env::var_os("LOGIN_STDIN").is_none() {
        return Ok(Zeroizing::new(rpassword::prompt_password(prompt)?));
    }
    let mut line = Zeroizing::new(String::new());
    std::io::stdin().lock().read_line(&mut line)?;
    let text = line.strip_suffix('\n').unwrap_or(&line);
    Ok(Zeroizing::new(text.to_owned()))
}

fn print(line: &str) -> Outcomes<()> {
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}
