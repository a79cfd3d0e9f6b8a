//! The demonstration: a service, a DNS zone and three messages, all on loopback and without root.

mod breaches;
mod client;
mod dane;
mod forms;
mod gpg;
mod http;
mod message;
mod openpgp;
mod own;
#[doc(hidden)]
pub mod peers;
mod proxy;
mod sealed;
mod second_factor;
mod secure;
mod sender;
mod zone;

use crate::{
    Accounts, Clock, Config, Listen, Resolver, Server, Switch, headers, new_password, notice,
    openpgp::make_kek, web,
};
use aws_lc_rs::digest::{SHA256, digest};
use memchr::memmem;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use std::{
    error::Error,
    io::Write,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};
use zeroize::Zeroizing;

/// What the demonstration shows.
#[non_exhaustive]
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// A message of one's own, sent the same way.
    pub mail: Option<PathBuf>,
    /// Where the DNS answers about that one come from.
    pub resolver: Resolver,
    /// Whether a real GnuPG takes part, if there is one.
    pub gpg: Switch,
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
    let own = options.mail.as_deref().map(own::Mail::read).transpose()?;
    let data = tempfile::Builder::new()
        .prefix("mail-service-demo-")
        .tempdir()?;
    let alice = message::Alice::new(clock.now())?;
    let zone = zone::serve(&alice.records()).await?;
    writeln!(
        out,
        "DNS zone \"test\", signed, served on {}, UDP and TCP",
        zone.address
    )?;
    let resolver = Resolver::Servers(vec![zone.address]);
    let stage = Box::pin(Stage::start(&data.path().join("data"), resolver, &clock)).await?;
    write!(out, "SMTP on {}, POP3S on {}", stage.smtp, stage.pop3s)?;
    match stage.server.https().first() {
        Some(https) => writeln!(out, ", HTTPS on {https}\n")?,
        None => writeln!(out, "\n")?,
    }

    let mut failures = 0;
    for (number, title, from, text, grade) in [
        (
            1,
            "good: signed by its sender",
            "alice@a.test",
            alice.good(),
            "verified",
        ),
        (
            2,
            "spoofed: somebody writes in Alice's name",
            "mallory@mallory.test",
            alice.spoofed(),
            "forged",
        ),
        (
            3,
            "damaged: a word was changed on the way",
            "bounce@list.test",
            alice.damaged(),
            "forged",
        ),
    ] {
        match Box::pin(stage.pass(from, text.as_bytes())).await {
            Ok(seen) if seen.is_as_expected(grade, text.as_bytes()) => {
                writeln!(out, "PASS {number} {title}")?;
                seen.tell(out)?;
            }
            Ok(seen) => {
                failures += 1;
                writeln!(out, "FAIL {number} {title}: expected {grade}")?;
                seen.tell(out)?;
            }
            Err(error) => {
                failures += 1;
                writeln!(out, "FAIL {number} {title}: {error}")?;
            }
        }
    }
    let sender = sender::Sender::new(&data.path().join("sender"), &clock)?;
    failures += Box::pin(dane::show(&stage, &zone, &sender, &alice, out)).await?;
    let scene = secure::Scene {
        stage: &stage,
        zone: &zone,
        sender: &sender,
        alice: &alice,
    };
    failures += Box::pin(secure::show(&scene, out)).await?;
    // All of this is one future, which would be too large for the stack of some threads.
    let (failed, sealed) = Box::pin(sealed::show(&stage, &clock, out)).await?;
    failures += failed;
    failures += Box::pin(openpgp::show(options.gpg, &stage, &clock, out)).await?;
    failures += Box::pin(second_factor::show(&stage, out)).await?;
    failures += Box::pin(breaches::show(&stage, data.path(), &clock, out)).await?;
    let own = match own {
        Some(mail) => {
            let resolvers = [&options.resolver, &Resolver::Servers(vec![zone.address])];
            Some(Box::pin(mail.show(data.path(), &clock, resolvers, out)).await?)
        }
        None => None,
    };
    writeln!(
        out,
        "\nSMTP:   {}  (mail for {BOB})\nPOP3S:  {}\nLogin:  {BOB}  {}",
        stage.smtp, stage.pop3s, *stage.password,
    )?;
    writeln!(out, "Try:    {}", stage.curl(2))?;
    if let Some(sealed) = sealed {
        sealed.tell(out)?;
    }
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
    config: Config,
    smtp: SocketAddr,
    pop3s: SocketAddr,
    certificate: PathBuf,
    tls: client::Tls,
    password: Zeroizing<String>,
}

impl Stage {
    async fn start(
        folder: &Path,
        resolver: Resolver,
        clock: &Clock,
    ) -> Result<Self, Box<dyn Error>> {
        let any_port = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
        let mut config = Config {
            data_dir: folder.to_owned(),
            hostname: "mx.b.test".into(),
            domains: vec!["b.test".into()],
            postmaster: Some(BOB.into()),
            listen: Listen {
                smtp: any_port.clone(),
                pop3s: any_port.clone(),
                https: match web::are_pages_here() {
                    true => any_port,
                    false => Vec::new(),
                },
                ..Listen::default()
            },
            resolver,
            ..Config::default()
        };
        // Names that every browser takes for this machine; to be forgotten with the certificate.
        config.web.host = Some("mail.localhost".into());
        config.web.sealed_host = Some("sealed.localhost".into());
        config.web.hsts_seconds = 0;
        // As an administrator would keep it: apart from the store and its backups.
        config.openpgp.kek = Some(folder.with_extension("kek"));
        make_kek(&config)?;
        config.prepare()?;
        let password = new_password()?;
        let store = Arc::new(config.open_store()?);
        Accounts::new(store)
            .add(BOB, &crate::Chosen::unchecked(&password), clock.now())
            .await?;
        let server = Box::pin(Server::start(config.clone(), clock.clone())).await?;
        // What links name.
        config.web.port = server.https().first().map(SocketAddr::port);
        let first = |addresses: &[SocketAddr]| addresses.first().copied().ok_or("no address");
        let certificate = folder.join("certificate.pem");
        Ok(Self {
            smtp: first(server.smtp())?,
            pop3s: first(server.pop3s())?,
            tls: client::Tls::of_certificate(&certificate)?,
            certificate,
            password,
            server,
            config,
        })
    }

    /// Sends a message through the real port, and fetches it as its reader would.
    async fn pass(&self, from: &str, message: &[u8]) -> Result<Seen, Box<dyn Error>> {
        client::send(self.smtp, &self.tls, from, BOB, message).await?;
        let (message, _) = self.newest().await?;
        Ok(Seen(message))
    }

    /// The newest message in the mailbox, and how many there are.
    async fn newest(&self) -> Result<(Vec<u8>, usize), Box<dyn Error>> {
        client::fetch(self.pop3s, &self.tls, BOB, &self.password).await
    }

    /// SHA-256 of the certificate, as browsers show it.
    fn fingerprint(&self) -> Result<String, Box<dyn Error>> {
        let certificate = CertificateDer::from_pem_file(&self.certificate)?;
        let digest = digest(&SHA256, &certificate);
        let octets = digest.as_ref().iter();
        let octets: Vec<String> = octets.map(|octet| format!("{octet:02X}")).collect();
        Ok(octets.join(":"))
    }

    /// A command line that reads a message.
    fn curl(&self, number: usize) -> String {
        format!(
            "curl -sS --cacert {} --user {} pop3s://localhost:{}/{number}",
            quoted(&self.certificate.display().to_string()),
            quoted(&format!("{BOB}:{}", *self.password)),
            self.pop3s.port(),
        )
    }
}

/// For a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
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

    /// It has this verdict, came inside of a notice if that raises the alarm, and nothing of what
    /// was sent is changed.
    fn is_as_expected(&self, grade: &str, sent: &[u8]) -> bool {
        let alarm = grade == "forged" || grade == "suspicious";
        self.field(notice::VERDICT) == grade
            && self.attached().is_some() == alarm
            && self.holds(sent)
    }

    fn holds(&self, sent: &[u8]) -> bool {
        memmem::find(self.original(), sent).is_some()
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
                "       arrived inside of a notice that explains, the original attached"
            ),
            None => writeln!(out, "       arrived as it was sent, below the verdict"),
        }
    }
}

fn unfolded(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    text.replace("\r\n\t", " ").replace("\r\n", "")
}
