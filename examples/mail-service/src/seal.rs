//! `mail-service seal` and `mail-service link`: a sealed message is sent, and looked after. Passwords and tokens come from
//! the terminal, or from standard input; never from the command line, which others on the machine can read.

use crate::terminal::{DAY, in_days, open, read, secret};
use clap::{Args, Subcommand};
use mail_service::{
    Clock, Config, receipts,
    sealing::{self, Bound, Delivered, Desk, Message, NotDelivered},
};
use std::{
    error::Error,
    io::{self, IsTerminal, Write},
    path::PathBuf,
    time::Duration,
};
use symmetric_seal::{
    Opener, Passphrase, Strength, Words,
    link::{LinkId, LinkSecret, SenderToken},
    store::{Links, Verdict},
};
use zeroize::Zeroizing;

type Done = Result<(), Box<dyn Error>>;

/// What to seal, and for whom.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The configuration.
    #[arg(long, default_value = "mail-service.toml")]
    pub(crate) config: PathBuf,
    /// The sender, in one of the service's domains.
    #[arg(long)]
    from: String,
    /// The recipient.
    #[arg(long)]
    to: String,
    /// The subject, which is sealed, too.
    #[arg(long)]
    subject: String,
    /// The text of the message, from this file.
    #[arg(long)]
    text: Option<PathBuf>,
    /// A hint for the recipient, which the server can read.
    #[arg(long)]
    hint: Option<String>,
    /// Days until it expires.
    #[arg(long, default_value_t = 28)]
    days: u64,
    /// How often it can be opened.
    #[arg(long, default_value_t = 1)]
    views: u8,
    /// Make a secret of the link a part of the password.
    #[arg(long)]
    bind_link: bool,
    /// Make a password of seven words, and print it.
    #[arg(long)]
    generate: bool,
    /// Print the mail with the link instead of sending it.
    #[arg(long)]
    print: bool,
    /// What is attached.
    files: Vec<PathBuf>,
}

/// What to do with a link that was sent.
#[derive(Debug, Subcommand)]
pub(crate) enum Care {
    /// Say where it stands, who has opened it when, and whether there is a reply.
    Status,
    /// Open the reply with the password of the message, and write it to this file.
    Reply {
        /// The file, which must not exist.
        file: PathBuf,
    },
    /// Give more time.
    Extend {
        /// Days from now.
        days: u64,
    },
    /// Take the message back.
    Revoke,
}

/// Seals it, keeps it and mails the link.
pub(crate) async fn run(arguments: &Arguments, config: &Config) -> Done {
    let message = message(arguments)?;
    let (password, shown) = password(arguments)?;
    let (store, clock) = (open(config).await?, Clock::system());
    let desk = Desk::new(config, store, clock.clone())?;
    let order = message.order()?;
    let (sealed, secret) = sealing::seal(&message, &password, clock.now())?;
    let proof = sealed.receipt().proof_hash();
    let kept = desk.keep(&order, sealed.message(), proof).await?;
    let mut out = io::stdout();
    if arguments.print {
        let invitation = desk.invitation(&order, &kept, secret.as_ref())?;
        out.write_all(invitation.as_bytes())?;
    } else {
        match desk.announce(&order, &kept, secret.as_ref()).await {
            Ok(Delivered::There(report)) => write!(out, "{report}")?,
            Ok(_) => writeln!(out, "{}: delivered here", message.to)?,
            Err(error) => {
                if let sealing::Error::NotDelivered(NotDelivered::There(report)) = &error {
                    write!(out, "{report}")?;
                }
                return Err(error.into());
            }
        }
    }
    let mut told = io::stderr();
    writeln!(told, "link:  {}", kept.link(secret.as_ref()))?;
    writeln!(told, "token: {}", *kept.sender.to_text())?;
    writeln!(told, "label: {}", receipts::label(&kept.id))?;
    writeln!(
        told,
        "`mail-service link` looks after it with this token; receipts come to {}, with this label.",
        arguments.from
    )?;
    if let Some(shown) = shown {
        writeln!(told, "password, to be told by another way: {}", *shown)?;
    }
    Ok(())
}

fn message(arguments: &Arguments) -> Result<Message, Box<dyn Error>> {
    let text = arguments.text.as_deref().map(read).transpose()?;
    let attachments = arguments.files.iter().map(|path| {
        let name = path.file_name().unwrap_or_default();
        Ok((name.to_string_lossy().into_owned(), read(path)?))
    });
    let mut message = Message::new(&arguments.from, &arguments.to, &arguments.subject);
    message.text = String::from_utf8(text.unwrap_or_default())?;
    message.attachments = attachments.collect::<Result<_, Box<dyn Error>>>()?;
    message.hint.clone_from(&arguments.hint);
    message.lifetime = Duration::from_secs(arguments.days.saturating_mul(DAY));
    message.views = arguments.views;
    if arguments.bind_link {
        message.bound = Bound::ToLink;
    }
    Ok(message)
}

type Shown = Option<Zeroizing<String>>;

/// The password, and what must be shown of it.
fn password(arguments: &Arguments) -> Result<(Passphrase, Shown), Box<dyn Error>> {
    if arguments.generate {
        let made = Passphrase::generate(Words::SEVEN)?;
        let shown = Zeroizing::new(made.as_str().to_owned());
        return Ok((made.passphrase(), Some(shown)));
    }
    let text = secret("Password: ")?;
    let password = Passphrase::for_sealing(&text)?;
    if io::stdin().is_terminal() && *text != *secret("Once more: ")? {
        return Err("the passwords differ".into());
    }
    let known = [arguments.to.as_str(), arguments.from.as_str()];
    if !Strength::of_with(&text, &known).withstands_the_server() {
        eprintln!(
            "note: whoever reads the server's disk could guess this password; --generate makes one of words"
        );
    }
    Ok((password, None))
}

/// Looks after a link.
pub(crate) async fn care(config: &Config, url: &str, care: &Care) -> Done {
    let (id, bound) = parse(url)?;
    let token: SenderToken = secret("Token: ")?.parse()?;
    let (links, now) = (Links::new(open(config).await?), Clock::system().now());
    let mut out = io::stdout();
    match care {
        Care::Status => {
            let view = granted(links.status(&id, &token, now).await?)?;
            writeln!(out, "{:?}", view.status)?;
            writeln!(out, "label {}", receipts::label(&id))?;
            writeln!(out, "expires {}", in_days(view.expires, now))?;
            for time in view.released {
                writeln!(out, "opened {}", in_days(time, now))?;
            }
            writeln!(out, "wrong passwords: {}", view.wrong_proofs)?;
            let replied = view.replied.map(|time| in_days(time, now));
            writeln!(out, "reply: {}", replied.as_deref().unwrap_or("none"))?;
        }
        Care::Reply { file } => {
            let reply = granted(links.fetch_reply(&id, &token, now).await?)?;
            let password = Passphrase::for_opening(&secret("Password: ")?);
            let password = match &bound {
                Some(secret) => password.bound_to(secret),
                None => password,
            };
            let opened = Opener::for_links().open(reply.message.to_vec(), &password)?;
            let mut file = std::fs::File::create_new(file)?;
            file.write_all(opened.content())?;
        }
        Care::Extend { days } => {
            let until = now + Duration::from_secs(days.saturating_mul(DAY));
            granted(links.extend(&id, &token, until, now).await?)?;
        }
        Care::Revoke => {
            granted(links.revoke(&id, &token, now).await?)?;
        }
    }
    Ok(())
}

fn parse(url: &str) -> Result<(LinkId, Option<LinkSecret>), Box<dyn Error>> {
    let (url, secret) = match url.split_once('#') {
        Some((url, secret)) => (url, Some(secret.parse()?)),
        None => (url, None),
    };
    let id = url.rsplit('/').next().unwrap_or(url);
    Ok((id.parse()?, secret))
}

fn granted<T>(verdict: Verdict<T>) -> Result<T, Box<dyn Error>> {
    match verdict {
        Verdict::Granted(it) => Ok(it),
        Verdict::Refused(why) => Err(format!("{why} ({})", why.code()).into()),
    }
}
