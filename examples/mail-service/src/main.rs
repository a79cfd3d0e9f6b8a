//! The program: `serve`, `send`, `accept-drop`, `seal`, `link`, `user`, `demo`, `copy-store`.

mod copy_store;
mod seal;
mod send;

use clap::{Parser, Subcommand};
use mail_service::{Accounts, Clock, Config, Error as ServiceError, Server, demo, log};
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
    /// List the accounts.
    List,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        Command::Serve { config } => serve(&config),
        Command::User { config, command } => user(&config, command),
        Command::Send(arguments) => send(&arguments),
        Command::Seal(arguments) => seal(&arguments),
        Command::Link { config, url, care } => link(&config, &url, &care),
        Command::AcceptDrop { config, domain } => accept_drop(&config, &domain),
        Command::Demo { exit, mail } => demonstrate(exit, mail),
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

fn link(path: &std::path::Path, url: &str, care: &seal::Care) -> Done {
    let config = Config::load(path)?;
    log::start(&config.log);
    runtime(&config)?.block_on(seal::care(&config, url, care))
}

fn demonstrate(exit: bool, mail: Option<PathBuf>) -> Done {
    let mut options = demo::Options::default();
    options.mail = mail;
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
                accounts.add(&address, &password.text, now).await?;
                password.show();
            }
            User::Password {
                address,
                password_stdin,
            } => {
                let password = password(password_stdin)?;
                accounts.set_password(&address, &password.text, now).await?;
                password.show();
            }
            User::Remove { address } => accounts.remove(&address, now).await?,
            User::List => {
                for address in accounts.list(now).await? {
                    println!("{address}");
                }
            }
        }
        Ok(())
    })
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
    fn show(&self) {
        if self.origin == Origin::Made {
            println!("{}", *self.text);
        }
    }
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
