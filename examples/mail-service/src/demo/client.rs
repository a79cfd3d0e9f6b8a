//! The demonstration's clients: SMTP with STARTTLS, and POP3S.

use crate::headers;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use std::{error::Error, net::SocketAddr, path::Path, sync::Arc};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use zeroize::Zeroizing;

/// How a client knows its server.
pub(super) struct Tls {
    pub(super) connector: TlsConnector,
    /// For SNI, and what the certificate is for.
    pub(super) name: ServerName<'static>,
}

impl Tls {
    /// Trusts this certificate, of localhost, and no other.
    pub(super) fn of_certificate(certificate: &Path) -> Result<Self, Box<dyn Error>> {
        Self::for_name(certificate, "localhost")
    }

    /// Trusts this certificate, of this name, and no other.
    pub(super) fn for_name(certificate: &Path, name: &str) -> Result<Self, Box<dyn Error>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(certificate)?)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            connector: TlsConnector::from(Arc::new(config)),
            name: ServerName::try_from(name.to_owned())?,
        })
    }

    pub(super) async fn secure(&self, tcp: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        self.connector.connect(self.name.clone(), tcp).await
    }
}

/// The server's reply, where it was not the one that was hoped for.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Refused(String);

/// Lines to and fro.
struct Dialogue<S>(BufReader<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> Dialogue<S> {
    async fn line(&mut self) -> std::io::Result<Vec<u8>> {
        let mut line = Vec::new();
        if self.0.read_until(b'\n', &mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line)
    }

    /// Reads a reply to its last line, which must begin as expected.
    async fn expect(&mut self, start: &str) -> Result<String, Box<dyn Error>> {
        loop {
            let line = String::from_utf8_lossy(&self.line().await?)
                .trim_end()
                .to_owned();
            if line.as_bytes().get(3) == Some(&b'-') && !start.starts_with('+') {
                continue;
            }
            return match line.starts_with(start) {
                true => Ok(line),
                false => Err(Refused(line).into()),
            };
        }
    }

    async fn say(&mut self, octets: &[u8]) -> std::io::Result<()> {
        self.0.write_all(octets).await?;
        self.0.flush().await
    }

    async fn ask(&mut self, line: &str, start: &str) -> Result<String, Box<dyn Error>> {
        self.say(format!("{line}\r\n").as_bytes()).await?;
        self.expect(start).await
    }
}

/// Sends a message, and returns the server's last reply.
pub(super) async fn send(
    server: SocketAddr,
    tls: &Tls,
    from: &str,
    to: &str,
    message: &[u8],
) -> Result<String, Box<dyn Error>> {
    let mut plain = Dialogue(BufReader::new(TcpStream::connect(server).await?));
    plain.expect("220").await?;
    plain.ask("EHLO client.test", "250").await?;
    plain.ask("STARTTLS", "220").await?;
    let stream = tls.secure(plain.0.into_inner()).await?;
    let mut smtp = Dialogue(BufReader::new(stream));
    smtp.ask("EHLO client.test", "250").await?;
    let mail = format!("MAIL FROM:<{from}>{}", declared(message));
    smtp.ask(&mail, "250").await?;
    smtp.ask(&format!("RCPT TO:<{to}>"), "250").await?;
    smtp.ask("DATA", "354").await?;
    let mut wire = Vec::with_capacity(message.len() + 64);
    for line in message.split_inclusive(|&octet| octet == b'\n') {
        if line.first() == Some(&b'.') {
            wire.push(b'.');
        }
        wire.extend_from_slice(line);
    }
    if !wire.ends_with(b"\r\n") {
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(b".\r\n");
    // A server that refuses in the middle closes the connection: what it said is worth more.
    let said = smtp.say(&wire).await;
    let reply = match (smtp.expect("250").await, said) {
        (Err(error), Err(said)) if !error.is::<Refused>() => return Err(said.into()),
        (reply, _) => reply?,
    };
    smtp.ask("QUIT", "221").await?;
    Ok(reply)
}

/// What MAIL must say of a message that is not all ASCII (RFC 6152 §3, RFC 6531 §3.4).
fn declared(message: &[u8]) -> &'static str {
    let header = headers::fields(message).all(|field| field.all.is_ascii());
    match (header, message.is_ascii()) {
        (false, _) => " BODY=8BITMIME SMTPUTF8",
        (true, false) => " BODY=8BITMIME",
        (true, true) => "",
    }
}

/// The newest message of a mailbox, and how many there are.
pub(super) async fn fetch(
    server: SocketAddr,
    tls: &Tls,
    user: &str,
    password: &Zeroizing<String>,
) -> Result<(Vec<u8>, usize), Box<dyn Error>> {
    let stream = tls.secure(TcpStream::connect(server).await?).await?;
    let mut pop3 = Dialogue(BufReader::new(stream));
    pop3.expect("+OK").await?;
    pop3.ask(&format!("USER {user}"), "+OK").await?;
    pop3.ask(&format!("PASS {}", **password), "+OK").await?;
    let stat = pop3.ask("STAT", "+OK").await?;
    let count = stat.split(' ').nth(1).unwrap_or_default().parse()?;
    pop3.ask(&format!("RETR {count}"), "+OK").await?;
    let mut message = Vec::new();
    loop {
        let line = pop3.line().await?;
        match line.as_slice() {
            b".\r\n" => break,
            [b'.', rest @ ..] => message.extend_from_slice(rest),
            rest => message.extend_from_slice(rest),
        }
    }
    pop3.ask("QUIT", "+OK").await?;
    Ok((message, count))
}
