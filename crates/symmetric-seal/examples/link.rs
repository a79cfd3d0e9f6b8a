//! A sealed mail by link, without a web server: the store takes the place of the service.
//!
//! ```console
//! $ cargo run -p symmetric-seal --features store --example link -- send links.db alice@example.org bob@example.net contract.pdf
//! $ cargo run -p symmetric-seal --features store --example link -- open links.db LINK
//! $ cargo run -p symmetric-seal --features store --example link -- revoke links.db LINK TOKEN
//! ```
//!
//! `send` prints the mail with the link to standard output; the password that it made up and the sender's token go to
//! standard error. `open` asks for the password on the terminal and prints the letter that was sealed.
#![allow(clippy::disallowed_methods)] // a program may read the clock

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime};

use pollster::block_on;
use record_store::Sqlite;
use symmetric_seal::link::{LinkId, ReaderToken, SenderToken, Terms};
use symmetric_seal::mime::{Attachment, FileName, Invitation, Letter, LinkUrl, Mailbox, MessageId};
use symmetric_seal::store::{Links, Verdict};
use symmetric_seal::{Opener, Passphrase, Sealer, Words};

const PAGE: &str = "https://sealed.example.org/m/";
const USAGE: &str = "send STORE FROM TO FILE | open STORE LINK | revoke STORE LINK TOKEN";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments {
        ["send", store, from, to, file] => send(store, from, to, file),
        ["open", store, link] => open(store, link),
        ["revoke", store, link, token] => revoke(store, link, token),
        _ => Err(USAGE.into()),
    }
}

fn send(store: &str, from: &str, to: &str, file: &str) -> Result<(), Box<dyn Error>> {
    let (now, links) = (SystemTime::now(), Links::new(Sqlite::open(store)?));
    let (from, to) = (Mailbox::new(from)?, Mailbox::new(to)?);
    let octets = std::fs::read(file)?;
    let name = Path::new(file).file_name().unwrap_or_default();
    let name = FileName::new(&name.to_string_lossy())?;
    let subject = format!("A file: {}", name.as_str());
    let letter = Letter::new(&from, &to, &subject, now)?
        .text("The file is attached.\n")
        .attach(Attachment::new(name, &octets))
        .write()?;

    let password = Passphrase::generate(Words::default())?;
    let sealed = Sealer::new().seal(&letter, &password.passphrase())?;
    let expires = now + Duration::from_secs(28 * 24 * 3600);
    let proof = sealed.receipt().proof_hash();
    let issued = block_on(links.issue(Terms::new(), expires, sealed.message(), proof, now))?;

    let link = LinkUrl::new(&format!("{PAGE}{}", *issued.id.to_text()))?;
    // The identifier of a mail is no secret, and derived from one that is it would betray it.
    let id = MessageId::new(random()?, "example.org")?;
    let mail = Invitation::new(&from, &to, &link, expires, &id, now).write();
    std::io::stdout().write_all(mail.as_bytes())?;
    eprintln!("password, to be told by another way: {}", password.as_str());
    eprintln!("to revoke it: {}", *issued.sender.to_text());
    Ok(())
}

fn open(store: &str, link: &str) -> Result<(), Box<dyn Error>> {
    let (now, links) = (SystemTime::now(), Links::new(Sqlite::open(store)?));
    let id: LinkId = link.strip_prefix(PAGE).unwrap_or(link).parse()?;
    let view = granted(block_on(links.view(&id, now))?)?;
    let nothing = format!("there is nothing to open: {:?}", view.status);
    let challenge = view.challenge.ok_or(nothing)?;
    let password = Passphrase::for_opening(&rpassword::prompt_password("Password: ")?);

    // Argon2 runs once: its output proves that one has the password, and opens the message.
    let opener = Opener::for_links();
    let key = opener.derive(&challenge, &password)?;
    let reader = ReaderToken::from_octets(random()?);
    let released = granted(block_on(links.release(
        &id,
        key.access_proof(),
        &reader,
        now,
    ))?)?;
    let opened = opener.open_with(released.message.to_vec(), &key)?;
    std::io::stdout().write_all(opened.content())?;
    Ok(())
}

fn revoke(store: &str, link: &str, token: &str) -> Result<(), Box<dyn Error>> {
    let (now, links) = (SystemTime::now(), Links::new(Sqlite::open(store)?));
    let id: LinkId = link.strip_prefix(PAGE).unwrap_or(link).parse()?;
    let sender: SenderToken = token.parse()?;
    granted(block_on(links.revoke(&id, &sender, now))?)?;
    eprintln!("it is taken back");
    Ok(())
}

fn granted<T>(verdict: Verdict<T>) -> Result<T, Box<dyn Error>> {
    match verdict {
        Verdict::Granted(it) => Ok(it),
        Verdict::Refused(why) => Err(format!("{} ({why})", why.code()).into()),
    }
}

fn random() -> Result<[u8; 16], Box<dyn Error>> {
    let mut octets = [0; 16];
    getrandom::fill(&mut octets).map_err(|error| error.to_string())?;
    Ok(octets)
}
