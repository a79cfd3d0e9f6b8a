//! `mail-service sign` and `mail-service encrypt`: a message file becomes what submission will send for the account. The
//! message goes to standard output, or to a file; what is decided goes to standard error.

use crate::{key, terminal};
use clap::Args;
use mail_service::{
    Clock, Config,
    openpgp::{OpenPgp, Opener, Planned, Signing},
};
use pgp_keystore::{Container, Secrecy, Use, custody::Custody};
use std::{error::Error, path::PathBuf};

type Done = Result<(), Box<dyn Error>>;

/// What is signed.
#[derive(Debug, Args)]
pub(crate) struct Sign {
    /// The configuration.
    #[arg(long, default_value = "mail-service.toml")]
    pub(crate) config: PathBuf,
    /// The account, which the message names in From.
    #[arg(long)]
    from: String,
    /// The file, which must not exist.
    #[arg(long)]
    out: Option<PathBuf>,
    /// The message, with its header.
    file: PathBuf,
}

/// What is encrypted, and to whom.
#[derive(Debug, Args)]
pub(crate) struct Encrypt {
    /// The configuration.
    #[arg(long, default_value = "mail-service.toml")]
    pub(crate) config: PathBuf,
    /// The account, which the message names in From.
    #[arg(long)]
    from: String,
    /// A recipient; several: the option several times.
    #[arg(long, required = true)]
    to: Vec<String>,
    /// Do not sign it inside.
    #[arg(long)]
    unsigned: bool,
    /// Say who could read it, and write nothing.
    #[arg(long)]
    plan: bool,
    /// The file, which must not exist.
    #[arg(long)]
    out: Option<PathBuf>,
    /// The message, with its header.
    file: PathBuf,
}

pub(crate) async fn sign(arguments: &Sign, config: &Config) -> Done {
    let message = terminal::read(&arguments.file)?;
    let pgp = OpenPgp::new(config, terminal::open(config).await?, Clock::system())?;
    let keyring = pgp.keyring(&arguments.from).await?;
    let opener = opener(&keyring).await?;
    let signed = keyring.sign(message, &opener).await?;
    terminal::write(arguments.out.as_deref(), &signed)
}

pub(crate) async fn encrypt(arguments: &Encrypt, config: &Config) -> Done {
    let message = terminal::read(&arguments.file)?;
    let pgp = OpenPgp::new(config, terminal::open(config).await?, Clock::system())?;
    let keyring = pgp.keyring(&arguments.from).await?;
    let to: Vec<&str> = arguments.to.iter().map(String::as_str).collect();
    let planned = keyring.plan(&to).await?;
    tell(&planned);
    if arguments.plan {
        return Ok(());
    }
    let opener = match arguments.unsigned {
        true => None,
        false => Some(opener(&keyring).await?),
    };
    let signing = opener.as_ref().map_or(Signing::No, Signing::With);
    let encrypted = keyring.encrypt(message, planned.plan, signing).await?;
    terminal::write(arguments.out.as_deref(), &encrypted)
}

/// By the server, if it may use the key that signs; else by the passphrase.
async fn opener(keyring: &mail_service::openpgp::Keyring<'_>) -> Result<Opener, Box<dyn Error>> {
    let key = keyring.default_key(Use::Sign).await?;
    match keyring.custody(key).await? {
        Custody::Server => Ok(Opener::Server),
        Custody::Passphrase => key::by_passphrase("Passphrase: "),
    }
}

/// For each recipient which key, and why; then who could read it, and what keeps it from being better.
fn tell(planned: &Planned) {
    let plan = &planned.plan;
    let mut known = planned.known.iter();
    for entry in plan.entries() {
        let Some(known) = known.next() else {
            eprintln!("{entry} (your own, so that you can read it)");
            continue;
        };
        eprintln!("{entry} ({})", known.trust);
        for (other, _) in known.pin.iter().flat_map(|pin| &pin.alarms) {
            eprintln!("  ALARM: {other} was seen for this address, too");
        }
    }
    let container = match plan.container() {
        Some(Container::V1) => "version 1, which every program reads".to_owned(),
        Some(Container::V2(aead)) => format!("version 2, {aead}"),
        _ => "none that all can read".to_owned(),
    };
    eprintln!("container: {container}");
    for old in plan.holds_back() {
        eprintln!("  for {old}, which reads no version 2");
    }
    let readers: Vec<String> = plan.readers().map(|key| key.key_id().to_string()).collect();
    let secrecy = match plan.secrecy() {
        Secrecy::PostQuantum => "also against quantum computers",
        Secrecy::Classical => "not against quantum computers",
    };
    eprintln!("could read it: {} ({secrecy})", readers.join(", "));
}
