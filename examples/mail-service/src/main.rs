//! The program: `serve`, `send`, `accept-drop`, `seal`, `link`, `key`, `sign`, `encrypt`, `user`, `factor-keys`, `demo`,
//! `copy-store`.

// The futures of the key store stand deep in each other.
#![recursion_limit = "256"]

mod copy_store;
mod key;
mod letters;
mod seal;
mod send;
mod terminal;

use clap::{Parser, Subcommand};
use mail_service::{
    Accounts, AppPasswords, Care, Chosen, Clock, Config, Error as ServiceError, Language, Opens,
    Rules, Server, Switch, Unfit, demo, log,
};
use std::{
    error::Error,
    io::{BufRead, Write},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};
use tokio::{runtime::Runtime, signal};
use zeroize::Zeroizing;

/// A small but real mail service.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Receive mail by SMTP and hand it out by POP3 over TLS, until SIGTERM or Ctrl-C.
    Serve {
        /// The configuration.
        #[arg(long, default_value = "mail-service.toml")]
        config: PathBuf,
    },
    /// Send a message now, once, and say what became of it, host by host. Works beside a running service.
    Send(send::Arguments),
    /// Seal a message with a password, and mail its link. Works beside a running service.
    Seal(seal::Arguments),
    /// Look after a link that `seal` has made. Its token is asked for. Works beside a running service.
    Link {
        /// The configuration.
        #[arg(long, default_value = "mail-service.toml")]
        config: PathBuf,
        /// The link, as `seal` has printed it.
        url: String,
        #[command(subcommand)]
        care: seal::Care,
    },
    /// The OpenPGP keys of an account. Passphrases are asked for. Works beside a running service.
    Key {
        /// The configuration.
        #[arg(long, global = true, default_value = "mail-service.toml")]
        config: PathBuf,
        #[command(subcommand)]
        command: key::Command,
    },
    /// Sign a message for an account, as PGP/MIME. Works beside a running service.
    Sign(letters::Sign),
    /// Encrypt a message for an account, as PGP/MIME, and say who could read it. Works beside a running service.
    Encrypt(letters::Encrypt),
    /// Forget what a domain used to show, so that mail goes to it as it is now: after an alarm, and a
    /// look at why. Works beside a running service.
    AcceptDrop {
        /// The configuration.
        #[arg(long, default_value = "mail-service.toml")]
        config: PathBuf,
        /// The domain.
        domain: String,
    },
    /// Show what the service does: on loopback, in a folder that is removed in the end.
    Demo {
        /// End instead of staying up.
        #[arg(long)]
        exit: bool,
        /// Send this message too, and explain its verdict.
        #[arg(long)]
        mail: Option<PathBuf>,
    },
    /// Who has a mailbox. Works beside a running service.
    User {
        /// The configuration.
        #[arg(long, global = true, default_value = "mail-service.toml")]
        config: PathBuf,
        #[command(subcommand)]
        command: User,
    },
    /// The keys that the seeds of login codes are sealed with. The first start of the service makes them.
    FactorKeys {
        /// The configuration.
        #[arg(long, global = true, default_value = "mail-service.toml")]
        config: PathBuf,
        #[command(subcommand)]
        command: FactorKeys,
    },
    /// Copy a store to another, SQLite to PostgreSQL or back, and compare both. Stop the service first.
    CopyStore(copy_store::Arguments),
}

#[derive(Debug, Subcommand)]
enum User {
    /// Make an account. Prints a new password, unless one is given.
    Add {
        /// The address that the account gets mail for, and logs in with.
        address: String,
        /// Read the password from the first line of standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Give an account another password. Prints a new one, unless one is given.
    Password {
        /// The account.
        address: String,
        /// Read the password from the first line of standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Remove an account and all its mail.
    Remove {
        /// The account.
        address: String,
    },
    /// Print a link by which the user sets a new password: once, within 24 hours. The second factor is asked for as before.
    Reset {
        /// The account.
        address: String,
    },
    /// The second factors of an account.
    SecondFactor {
        #[command(subcommand)]
        command: SecondFactor,
    },
    /// List the accounts.
    List,
}

#[derive(Debug, Subcommand)]
enum FactorKeys {
    /// Put a new key before the others in the file. Copy it to all nodes, restart them, and reseal.
    Rotate,
    /// Seal every seed with the first key. Works beside a running service.
    Reseal,
}

#[derive(Debug, Subcommand)]
enum SecondFactor {
    /// Show what an account has. No secret is among it.
    Show {
        /// The account.
        address: String,
    },
    /// Take off all second factors, app passwords and devices, as after a lost phone, so that the password alone logs in. The
    /// user is told by mail.
    Reset {
        /// The account.
        address: String,
        /// Let mail programs go on with the app passwords that they have.
        #[arg(long)]
        keep_app_passwords: bool,
        /// Without asking again.
        #[arg(long)]
        yes: bool,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        Command::Serve { config } => serve(&config),
        Command::User { config, command } => user(&config, command),
        Command::Send(arguments) => send(&arguments),
        Command::Seal(arguments) => seal(&arguments),
        Command::Link { config, url, care } => link(&config, &url, &care),
        Command::Key { config, command } => keys(&config, command),
        Command::Sign(arguments) => sign(&arguments),
        Command::Encrypt(arguments) => encrypt(&arguments),
        Command::AcceptDrop { config, domain } => accept_drop(&config, &domain),
        Command::Demo { exit, mail } => demonstrate(exit, mail),
        Command::FactorKeys { config, command } => factor_keys(&config, &command),
        Command::CopyStore(arguments) => copy(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mail-service: {}", log::Causes(&*error));
            ExitCode::FAILURE
        }
    }
}

type Done = Result<(), Box<dyn Error>>;

fn runtime(config: &Config) -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.worker_threads())
        .enable_all()
        .build()
}

fn serve(path: &std::path::Path) -> Done {
    let config = Config::load(path)?;
    log::start(&config.log);
    runtime(&config)?.block_on(async {
        // Before anybody is told that we are ready: from then on SIGTERM must lose nothing.
        let stopped = stop_signal()?;
        let mut reload = reload_signal()?;
        let server = Server::start(config, Clock::system()).await?;
        let mut out = std::io::stdout();
        for address in server.smtp() {
            writeln!(out, "listening smtp {address}")?;
        }
        for address in server.pop3s() {
            writeln!(out, "listening pop3s {address}")?;
        }
        for address in server.https() {
            writeln!(out, "listening https {address}")?;
        }
        for address in server.http() {
            writeln!(out, "listening http {address}")?;
        }
        writeln!(out, "ready")?;
        out.flush()?;
        tokio::pin!(stopped);
        loop {
            tokio::select! {
                () = &mut stopped => break,
                _ = reload.recv() => server.reload_certificates().await,
            }
        }
        server.shut_down().await;
        Ok(())
    })
}

fn copy(arguments: &copy_store::Arguments) -> Done {
    runtime(&Config::default())?.block_on(copy_store::run(arguments))
}

fn factor_keys(path: &std::path::Path, command: &FactorKeys) -> Done {
    let config = Config::load(path)?;
    runtime(&config)?.block_on(async {
        let care = Care::new(&config, terminal::open(&config).await?, Clock::system());
        match command {
            FactorKeys::Rotate => {
                println!("{}", care.rotate_keys()?.display());
                eprintln!("Copy it to all nodes, restart them, then: factor-keys reseal");
            }
            FactorKeys::Reseal => {
                let (sealed, unreadable) = care.reseal().await?;
                println!("{sealed} seeds sealed anew, {unreadable} that no key here opens");
                if unreadable > 0 {
                    return Err("some seeds are sealed with a key that is not in the file".into());
                }
            }
        }
        Ok(())
    })
}

fn accept_drop(path: &std::path::Path, domain: &str) -> Done {
    let config = Config::load(path)?;
    config.prepare()?;
    runtime(&config)?.block_on(send::accept_drop(&config, domain))
}

fn send(arguments: &send::Arguments) -> Done {
    let config = Config::load(&arguments.config)?;
    log::start(&config.log);
    runtime(&config)?.block_on(send::run(arguments, &config))
}

fn seal(arguments: &seal::Arguments) -> Done {
    let config = Config::load(&arguments.config)?;
    log::start(&config.log);
    runtime(&config)?.block_on(seal::run(arguments, &config))
}

fn keys(path: &std::path::Path, command: key::Command) -> Done {
    let config = Config::load(path)?;
    log::start(&config.log);
    runtime(&config)?.block_on(key::run(&config, command))
}

fn sign(arguments: &letters::Sign) -> Done {
    let config = Config::load(&arguments.config)?;
    log::start(&config.log);
    runtime(&config)?.block_on(letters::sign(arguments, &config))
}

fn encrypt(arguments: &letters::Encrypt) -> Done {
    let config = Config::load(&arguments.config)?;
    log::start(&config.log);
    runtime(&config)?.block_on(letters::encrypt(arguments, &config))
}

fn link(path: &std::path::Path, url: &str, care: &seal::Care) -> Done {
    let config = Config::load(path)?;
    log::start(&config.log);
    runtime(&config)?.block_on(seal::care(&config, url, care))
}

fn demonstrate(exit: bool, mail: Option<PathBuf>) -> Done {
    let mut options = demo::Options::default();
    options.mail = mail;
    options.gpg = Switch::On;
    runtime(&Config::default())?.block_on(async {
        let mut out = std::io::stdout();
        let demo = demo::show(&options, Clock::system(), &mut out).await?;
        let failures = demo.failures();
        if !exit {
            writeln!(out, "\nStays up until Ctrl-C.")?;
            stop_signal()?.await;
        }
        demo.end().await;
        match failures {
            0 => Ok(()),
            _ => Err(format!("{failures} lines failed").into()),
        }
    })
}

/// Hears SIGHUP from this call on.
#[cfg(unix)]
fn reload_signal() -> std::io::Result<signal::unix::Signal> {
    signal::unix::signal(signal::unix::SignalKind::hangup())
}

/// Hears nothing.
#[cfg(not(unix))]
fn reload_signal() -> std::io::Result<Never> {
    Ok(Never)
}

#[cfg(not(unix))]
struct Never;

#[cfg(not(unix))]
impl Never {
    async fn recv(&mut self) -> Option<()> {
        std::future::pending().await
    }
}

/// Listens for SIGINT and SIGTERM from this call on; the future ends at the first.
#[cfg(unix)]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal::unix::signal(signal::unix::SignalKind::interrupt())?;
    let mut terminate = signal::unix::signal(signal::unix::SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Ends at Ctrl-C.
#[cfg(not(unix))]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        // Whoever cannot hear Ctrl-C need not go on.
        let _ = signal::ctrl_c().await;
    })
}

fn user(path: &std::path::Path, command: User) -> Done {
    let config = Config::load(path)?;
    config.prepare()?;
    let store = Arc::new(config.open_store()?);
    let accounts = Accounts::new(store.clone());
    let care = Care::new(&config, store.clone(), Clock::system());
    let now = Clock::system().now();
    runtime(&config)?.block_on(async {
        // What is changed in it would be lost with the rest of the copy.
        if record_store::copy::is_unfinished(&*store, now).await? {
            return Err(ServiceError::Unfinished.into());
        }
        match command {
            User::Add {
                address,
                password_stdin,
            } => {
                if !config.delivers_to(&address) {
                    let path = path.display();
                    return Err(format!("{address} lies in none of the domains of {path}").into());
                }
                let password = password(password_stdin)?;
                let chosen = choose(&config, &address, &password, Opens::Alone).await?;
                accounts.add(&address, &chosen, now).await?;
                password.show(&chosen, config.language);
            }
            User::Password {
                address,
                password_stdin,
            } => {
                let password = password(password_stdin)?;
                let opens = care.opens(&address).await?;
                let chosen = choose(&config, &address, &password, opens).await?;
                accounts.set_password(&address, &chosen, now).await?;
                password.show(&chosen, config.language);
            }
            User::Remove { address } => accounts.remove(&address, now).await?,
            User::Reset { address } => {
                println!("{}", *care.reset_link(&address).await?);
                eprintln!(
                    "Whoever has this link sets the password of {address}: once, within 24 hours."
                );
            }
            User::SecondFactor { command } => second_factor(&care, command).await?,
            User::List => {
                for address in accounts.list(now).await? {
                    println!("{address}");
                }
            }
        }
        Ok(())
    })
}

async fn second_factor(care: &Care, command: SecondFactor) -> Done {
    match command {
        SecondFactor::Show { address } => print!("{}", care.show(&address).await?),
        SecondFactor::Reset {
            address,
            keep_app_passwords,
            yes,
        } => {
            print!("{}", care.show(&address).await?);
            eprintln!(
                "WARNING: without its second factor the password alone opens {address}. Whoever asks for this may be somebody \
                 who has only the password: make sure by another way that it is the user."
            );
            if !yes {
                let sure = terminal::line(&format!("Type {address} to take it off: "))?;
                if sure != address {
                    return Err("nothing was changed".into());
                }
            }
            let apps = match keep_app_passwords {
                true => AppPasswords::Keep,
                false => AppPasswords::Revoke,
            };
            let gone = care.reset(&address, apps).await?;
            println!("second factors taken off: {}", gone.factors);
            match apps {
                AppPasswords::Keep => println!(
                    "app passwords kept: {}; whoever has one of them reads mail with it",
                    gone.kept
                ),
                AppPasswords::Revoke => println!(
                    "app passwords revoked: {}; mail programs log in with the password of the account, until there is a second \
                     factor again",
                    gone.app_passwords
                ),
            }
            println!("devices forgotten: {}", gone.devices);
            println!("the user is told by mail");
        }
    }
    Ok(())
}

struct Password {
    text: Zeroizing<String>,
    origin: Origin,
}

#[derive(PartialEq)]
enum Origin {
    Given,
    Made,
}

impl Password {
    fn show(&self, chosen: &Chosen, language: Language) {
        if self.origin == Origin::Made {
            println!("{}", *self.text);
        }
        if let Some(hint) = chosen.hint(language) {
            eprintln!("{hint}");
        }
    }
}

/// Whether the account may have it. What was made here by chance needs nobody's word.
async fn choose(
    config: &Config,
    address: &str,
    password: &Password,
    opens: Opens,
) -> Result<Chosen, Box<dyn Error>> {
    if password.origin == Origin::Made {
        return Ok(Chosen::unchecked(&password.text));
    }
    let (rules, language) = (Rules::open(config)?, config.language);
    let chosen = rules.choose(address, &password.text, opens).await;
    chosen.map_err(|why| refused(&why, &rules.guidance(opens, language), language).into())
}

/// The reasons, and what to do instead.
fn refused(why: &Unfit, guidance: &str, language: Language) -> String {
    let mut text = format!("the password is not set: {}", why.code());
    let reasons = why.guidance(language);
    for line in reasons.iter().map(String::as_str).chain([guidance]) {
        text.push_str("\n  ");
        text.push_str(line);
    }
    text
}

fn password(from_stdin: bool) -> Result<Password, Box<dyn Error>> {
    if !from_stdin {
        return Ok(Password {
            text: mail_service::new_password()?,
            origin: Origin::Made,
        });
    }
    let mut text = Zeroizing::new(String::new());
    std::io::stdin().lock().read_line(&mut text)?;
    let length = text.trim_end_matches(['\r', '\n']).len();
    text.truncate(length);
    Ok(Password {
        text,
        origin: Origin::Given,
    })
}
