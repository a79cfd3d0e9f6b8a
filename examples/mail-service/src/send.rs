//! `mail-service send`: one message to the recipients of one domain, tried once; and `accept-drop`.

use clap::Args;
use mail_service::{
    Address, Clock, Config, Error as ServiceError,
    outbound::{Letter, Outbound, notice, with_crlf},
};
use std::{error::Error, io::Write, path::PathBuf, sync::Arc};
use tls_policy::StoredMemory;

/// What to send, and to whom.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The configuration.
    #[arg(long, default_value = "mail-service.toml")]
    pub(crate) config: PathBuf,
    /// The sender; none is the null sender of a report.
    #[arg(long)]
    from: Option<String>,
    /// A recipient; several must be of one domain.
    #[arg(long, required = true)]
    to: Vec<String>,
    /// Send it with REQUIRETLS (RFC 8689), or not at all.
    #[arg(long)]
    require_tls: bool,
    /// The message. Lines that all end in LF are sent with CR LF.
    file: PathBuf,
}

/// Sends it. An error is everything but that all recipients have it.
pub(crate) async fn run(arguments: &Arguments, config: &Config) -> Result<(), Box<dyn Error>> {
    let address =
        |text: &String| Address::parse(text).ok_or_else(|| format!("{text} is not an address"));
    let from = arguments.from.as_ref().map(address).transpose()?;
    let to = arguments
        .to
        .iter()
        .map(address)
        .collect::<Result<Vec<_>, _>>()?;
    let message = std::fs::read(&arguments.file)
        .map_err(|error| format!("{}: {error}", arguments.file.display()))?;
    let letter = Letter::new(from, to, with_crlf(message))?;
    let letter = match arguments.require_tls {
        true => letter.requiring_tls(),
        false => letter,
    };
    config.prepare()?;
    let store = Arc::new(config.open_store()?);
    let clock = Clock::system();
    if record_store::copy::is_unfinished(&*store, clock.now()).await? {
        return Err(ServiceError::Unfinished.into());
    }
    let outbound = Outbound::new(config, store, clock)?;
    let report = outbound.deliver(&letter).await;
    let mut out = std::io::stdout();
    write!(out, "{report}")?;
    match notice::text(&report, config.language) {
        None => Ok(()),
        Some(notice) => {
            write!(out, "\n{}", notice.replace("\r\n", "\n"))?;
            out.flush()?;
            Err("not delivered".into())
        }
    }
}

/// Forgets what is remembered of a domain, and says what that was.
pub(crate) async fn accept_drop(config: &Config, domain: &str) -> Result<(), Box<dyn Error>> {
    let name = mail_dns::Name::from_unicode(domain)?.to_string();
    let store = Arc::new(config.open_store()?);
    let now = Clock::system().now();
    if record_store::copy::is_unfinished(&*store, now).await? {
        return Err(ServiceError::Unfinished.into());
    }
    let memory = StoredMemory::new(store, config.outbound.domains);
    let before = memory.fact(&name, now).await;
    memory.accept(&name, now).await?;
    println!("{name}: {before:?}, forgotten");
    Ok(())
}
