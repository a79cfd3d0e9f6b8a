//! The demonstration: a service, a DNS zone and three messages, all on loopback and without root.

mod client;
mod message;
mod zone;

use crate::{
    Accounts, Clock, Config, Listen, Resolver, Server, headers, new_password, notice,
    smtp::command::Address,
};
use memchr::memmem;
use record_store::AnyStore;
use std::{
    error::Error,
    io::Write,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

/// What the demonstration shows.
#[non_exhaustive]
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// A message of one's own, sent the same way.
    pub mail: Option<PathBuf>,
}

/// A demonstration that has been shown, and whose service runs on.
#[derive(Debug)]
pub struct Demo {
    server: Server,
    failures: usize,
    own: Option<Server>,
    _data: tempfile::TempDir,
}

const BOB: &str = "bob@b.test";

/// Shows everything, a line each on `out`.
///
/// # Errors
/// What keeps it from being shown at all; a line that fails is counted in [`Demo::failures`].
pub async fn show(
    options: &Options,
    clock: Clock,
    out: &mut impl Write,
) -> Result<Demo, Box<dyn Error>> {
    let data = tempfile::Builder::new()
        .prefix("mail-service-demo-")
        .tempdir()?;
    let alice = message::Alice::new(clock.now())?;
    let zone = zone::serve(&alice.records()).await?;
    writeln!(
        out,
        "DNS zone \"test\" served on {}, UDP and TCP",
        zone.address
    )?;
    let resolver = Resolver::Servers(vec![zone.address]);
    let stage = Stage::start(&data.path().join("data"), resolver, &clock).await?;
    writeln!(out, "SMTP on {}, POP3S on {}\n", stage.smtp, stage.pop3s)?;

    let mut failures = 0;
    for (number, title, from, text, grades) in [
        (
            1,
            "good: signed by its sender",
            "alice@a.test",
            alice.good(),
            &["verified"][..],
        ),
        (
            2,
            "spoofed: somebody writes in Alice's name",
            "mallory@mallory.test",
            alice.spoofed(),
            &["forged", "suspicious"],
        ),
        (
            3,
            "damaged: a word was changed on the way",
            "bounce@list.test",
            alice.damaged(),
            &["forged", "suspicious"],
        ),
    ] {
        match stage.pass(from, text.as_bytes()).await {
            Ok(seen) if seen.is_as_expected(grades) => {
                writeln!(out, "PASS {number} {title}")?;
                seen.tell(out)?;
            }
            Ok(seen) => {
                failures += 1;
                writeln!(out, "FAIL {number} {title}: expected {grades:?}")?;
                seen.tell(out)?;
            }
            Err(error) => {
                failures += 1;
                writeln!(out, "FAIL {number} {title}: {error}")?;
            }
        }
    }
    let mut own = None;
    if let Some(path) = &options.mail {
        own = Some(own_mail(path, data.path(), &clock, zone.address, out).await?);
    }
    stage.tell(out)?;
    Ok(Demo {
        server: stage.server,
        failures,
        own,
        _data: data,
    })
}

impl Demo {
    /// Lines that did not show what they should.
    pub fn failures(&self) -> usize {
        self.failures
    }

    /// Ends the service, and removes its data.
    pub async fn end(self) {
        self.server.shut_down().await;
        if let Some(own) = self.own {
            own.shut_down().await;
        }
    }
}

/// A service with one account, and clients for it.
struct Stage {
    server: Server,
    smtp: SocketAddr,
    pop3s: SocketAddr,
    certificate: PathBuf,
    tls: TlsConnector,
    password: Zeroizing<String>,
}

impl Stage {
    async fn start(
        folder: &Path,
        resolver: Resolver,
        clock: &Clock,
    ) -> Result<Self, Box<dyn Error>> {
        let any_port = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
        let config = Config {
            data_dir: folder.to_owned(),
            hostname: "mx.b.test".into(),
            domains: vec!["b.test".into()],
            postmaster: Some(BOB.into()),
            listen: Listen {
                smtp: any_port.clone(),
                pop3s: any_port,
            },
            resolver,
            ..Config::default()
        };
        config.prepare()?;
        let password = new_password()?;
        let store = Arc::new(AnyStore::open(&config.store_address())?);
        Accounts::new(store)
            .add(BOB, &password, clock.now())
            .await?;
        let server = Server::start(config, clock.clone()).await?;
        let first = |addresses: &[SocketAddr]| addresses.first().copied().ok_or("no address");
        let certificate = folder.join("certificate.pem");
        Ok(Self {
            smtp: first(server.smtp())?,
            pop3s: first(server.pop3s())?,
            tls: client::tls(&certificate)?,
            certificate,
            password,
            server,
        })
    }

    /// Sends a message through the real port, and fetches it as its reader would.
    async fn pass(&self, from: &str, message: &[u8]) -> Result<Seen, Box<dyn Error>> {
        client::send(self.smtp, &self.tls, from, BOB, message).await?;
        let message = client::fetch(self.pop3s, &self.tls, BOB, &self.password).await?;
        Ok(Seen(message))
    }

    fn tell(&self, out: &mut impl Write) -> std::io::Result<()> {
        writeln!(
            out,
            "\nSMTP:   {}  (mail for {BOB})\nPOP3S:  {}\nLogin:  {BOB}  {}\nTry:    curl --cacert {} --user '{BOB}:{}' pop3s://localhost:{}/2",
            self.smtp,
            self.pop3s,
            *self.password,
            self.certificate.display(),
            *self.password,
            self.pop3s.port(),
        )
    }
}

/// A message as it was found in the mailbox.
struct Seen(Vec<u8>);

impl Seen {
    fn field(&self, name: &str) -> String {
        let value = headers::find(&self.0, name).unwrap_or_default();
        unfolded(value)
    }

    /// What is attached to a notice, and what follows it.
    fn attached(&self) -> Option<&[u8]> {
        let part = memmem::find(&self.0, b"Content-Type: message/rfc822")?;
        let part = self.0.get(part..)?;
        part.get(memmem::find(part, b"\r\n\r\n")? + 4..)
    }

    /// The message itself, wrapped or not.
    fn original(&self) -> &[u8] {
        self.attached().unwrap_or(&self.0)
    }

    /// The verdict is one of these; and it came inside of a notice if it raises the alarm.
    fn is_as_expected(&self, grades: &[&str]) -> bool {
        let grade = self.field(notice::VERDICT);
        let alarm = grade == "forged" || grade == "suspicious";
        grades.contains(&grade.as_str()) && self.attached().is_some() == alarm
    }

    fn tell(&self, out: &mut impl Write) -> std::io::Result<()> {
        writeln!(out, "       verdict: {}", self.field(notice::VERDICT))?;
        let reasons = headers::fields(&self.0).filter(|f| f.is(notice::REASON));
        for reason in reasons {
            writeln!(out, "       reason:  {}", unfolded(reason.value()))?;
        }
        let results = headers::find(self.original(), "Authentication-Results");
        let results = unfolded(results.unwrap_or_default());
        writeln!(out, "       results: {results}")?;
        match self.attached() {
            Some(_) => writeln!(
                out,
                "       arrived inside of a notice, the original attached"
            ),
            None => writeln!(out, "       arrived as it was sent"),
        }
    }
}

fn unfolded(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    text.replace("\r\n\t", " ").replace("\r\n", "")
}

/// The person's own message, judged with the DNS of the world where there is one.
async fn own_mail(
    path: &Path,
    data: &Path,
    clock: &Clock,
    zone: SocketAddr,
    out: &mut impl Write,
) -> Result<Server, Box<dyn Error>> {
    let octets = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    writeln!(out, "\nYour message, {}:", path.display())?;
    let message = match crlf(&octets) {
        Some(converted) => {
            writeln!(
                out,
                "       its lines end in LF; they were converted to CR LF"
            )?;
            converted
        }
        None => octets,
    };
    let folder = data.join("own");
    let stage = match Stage::start(&folder, Resolver::System, clock).await {
        Ok(stage) => stage,
        Err(error) => {
            writeln!(
                out,
                "       no DNS of this machine ({error}): judged by the zone alone"
            )?;
            let again = data.join("own-by-zone");
            Stage::start(&again, Resolver::Servers(vec![zone]), clock).await?
        }
    };
    let from = headers::find(&message, "Return-Path").unwrap_or_default();
    let from = unfolded(from);
    let from = from.trim_matches(['<', '>', ' ']);
    // Without a return path, as from the null sender: nothing is claimed that nobody said.
    let from = Address::parse(from).filter(Address::is_ascii);
    let from = from.map(|a| a.to_string()).unwrap_or_default();
    writeln!(
        out,
        "       sent from this machine, MAIL FROM:<{from}>: SPF judges this machine, not the one it came from"
    )?;
    match stage.pass(&from, &message).await {
        Ok(seen) => seen.tell(out)?,
        Err(error) => writeln!(out, "       refused: {error}")?,
    }
    Ok(stage.server)
}

/// The text with CR LF, if all its lines end in bare LF; a mixture is judged as it is.
fn crlf(text: &[u8]) -> Option<Vec<u8>> {
    let lf = text.contains(&b'\n') && !text.contains(&b'\r');
    lf.then(|| {
        let lines = text.split_inclusive(|&octet| octet == b'\n');
        let mut converted = Vec::with_capacity(text.len() + text.len() / 32);
        for line in lines {
            converted.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
            converted.extend_from_slice(b"\r\n");
        }
        converted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pure_lf_is_converted() {
        assert_eq!(crlf(b"a\n\nb"), Some(b"a\r\n\r\nb\r\n".to_vec()));
        assert_eq!(crlf(b"a\r\nb\n"), None);
        assert_eq!(crlf(b"a"), None);
    }
}
