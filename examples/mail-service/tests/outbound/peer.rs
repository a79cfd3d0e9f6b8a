//! A mail server of the tests' own: it does what its script says, and remembers every octet.

use rustls::{ServerConfig, pki_types::PrivatePkcs8KeyDer};
use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// What a server is like.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) greeting: String,
    pub(crate) starttls: StartTls,
    /// Lines of EHLO besides STARTTLS: in the clear, and under TLS.
    pub(crate) offers: [Vec<String>; 2],
    /// Replies to lines that begin so, in the place of 250.
    pub(crate) replies: Vec<(String, String)>,
    pub(crate) end: String,
    /// MAIL is not answered before this is notified.
    pub(crate) hold: Option<Arc<Notify>>,
}

/// What becomes of STARTTLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StartTls {
    /// It works.
    Works,
    /// It is neither offered nor known.
    Stripped,
    /// It is offered and refused.
    Refused,
    /// What follows 220 is no TLS.
    Garbage,
    /// In the clear, in one segment with the answer, comes another line.
    Injects,
    /// The connection ends in the place of a handshake.
    HangsUp,
}

impl Script {
    pub(crate) fn new(starttls: StartTls) -> Self {
        Self {
            greeting: "220 peer ESMTP".into(),
            starttls,
            offers: [vec![], vec![]],
            replies: vec![],
            end: "250 2.0.0 kept".into(),
            hold: None,
        }
    }

    pub(crate) fn tls() -> Self {
        Self::new(StartTls::Works)
    }

    pub(crate) fn plain() -> Self {
        Self::new(StartTls::Stripped)
    }

    pub(crate) fn offering(mut self, lines: &[&str]) -> Self {
        self.offers = [(); 2].map(|()| lines.iter().map(|&l| l.to_owned()).collect());
        self
    }

    pub(crate) fn replying(mut self, to: &str, reply: &str) -> Self {
        self.replies.push((to.into(), reply.into()));
        self
    }
}

/// What a server has seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Every line, with whether it came under TLS.
    pub(crate) lines: Vec<(bool, String)>,
    /// Every message, with whether it came under TLS.
    pub(crate) messages: Vec<(bool, String)>,
    pub(crate) connections: usize,
}

impl Seen {
    /// Lines that name the letter: MAIL, RCPT, DATA.
    pub(crate) fn spoken(&self) -> Vec<&str> {
        let about = |line: &&str| {
            ["MAIL", "RCPT", "DATA"]
                .iter()
                .any(|verb| line.starts_with(verb))
        };
        self.lines
            .iter()
            .map(|(_, line)| line.as_str())
            .filter(about)
            .collect()
    }

    /// Whether anything of the letter came in the clear.
    pub(crate) fn leaked(&self) -> bool {
        let clear = |(tls, line): &(bool, String)| {
            !tls && (line.contains('@') || line.starts_with("MAIL") || line.starts_with("DATA"))
        };
        self.lines.iter().any(clear) || self.messages.iter().any(|(tls, _)| !tls)
    }
}

/// A running server.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    script: Arc<Mutex<(Script, Arc<ServerConfig>)>>,
    seen: Arc<Mutex<Seen>>,
    pub(crate) mail_came: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Peer {
    pub(crate) async fn start(at: SocketAddr, script: Script, identity: &Identity) -> Self {
        let listener = TcpListener::bind(at).await.unwrap();
        let address = listener.local_addr().unwrap();
        let script = Arc::new(Mutex::new((script, identity.config())));
        let seen = Arc::new(Mutex::new(Seen::default()));
        let mail_came = Arc::new(Notify::new());
        let shared = (script.clone(), seen.clone(), mail_came.clone());
        let task = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    return;
                };
                shared.1.lock().unwrap().connections += 1;
                let (script, tls) = shared.0.lock().unwrap().clone();
                let session = Session {
                    script,
                    tls,
                    seen: shared.1.clone(),
                    mail_came: shared.2.clone(),
                };
                // A client that leaves is the end of its session, and nothing more.
                tokio::spawn(async move { session.serve(stream).await.ok() });
            }
        });
        Self {
            address,
            script,
            seen,
            mail_came,
            task,
        }
    }

    /// On a port that is free, at this address.
    pub(crate) async fn at(ip: IpAddr, port: u16, script: Script, identity: &Identity) -> Self {
        Self::start(SocketAddr::new(ip, port), script, identity).await
    }

    /// Another script from now on.
    pub(crate) fn becomes(&self, script: Script) {
        self.script.lock().unwrap().0 = script;
    }

    /// Another certificate from now on.
    pub(crate) fn shows(&self, identity: &Identity) {
        self.script.lock().unwrap().1 = identity.config();
    }

    pub(crate) fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }

    /// What was seen since the last time.
    pub(crate) fn take(&self) -> Seen {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

struct Session {
    script: Script,
    tls: Arc<ServerConfig>,
    seen: Arc<Mutex<Seen>>,
    mail_came: Arc<Notify>,
}

impl Session {
    async fn serve(self, stream: TcpStream) -> io::Result<()> {
        let mut stream = BufReader::new(stream);
        stream
            .write_all(format!("{}\r\n", self.script.greeting).as_bytes())
            .await?;
        if !self.dialogue(&mut stream, false).await? {
            return Ok(());
        }
        match self.script.starttls {
            StartTls::Garbage => {
                // Not before the client has begun: it would have been injected.
                stream.fill_buf().await?;
                stream
                    .write_all(b"this is no TLS, and never will be\r\n")
                    .await
            }
            StartTls::HangsUp => Ok(()),
            _ => {
                let acceptor = TlsAcceptor::from(self.tls.clone());
                let stream = acceptor.accept(stream.into_inner()).await?;
                self.dialogue(&mut BufReader::new(stream), true)
                    .await
                    .map(drop)
            }
        }
    }

    /// Until the end (false) or STARTTLS (true).
    async fn dialogue<S>(&self, stream: &mut BufReader<S>, tls: bool) -> io::Result<bool>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(false);
            }
            let line = line.trim_end().to_owned();
            self.seen.lock().unwrap().lines.push((tls, line.clone()));
            let scripted = self
                .script
                .replies
                .iter()
                .find(|(start, _)| line.starts_with(start));
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_owned();
            if verb == "MAIL" {
                self.mail_came.notify_one();
                if let Some(hold) = &self.script.hold {
                    hold.notified().await;
                }
            }
            let reply = match (verb.as_str(), scripted) {
                (_, Some((_, reply))) => reply.clone(),
                ("EHLO", _) => self.ehlo(tls),
                ("STARTTLS", _) if !tls => match self.script.starttls {
                    StartTls::Stripped => "502 5.5.1 what".into(),
                    StartTls::Refused => "454 4.7.0 not now".into(),
                    StartTls::Injects => {
                        stream
                            .write_all(b"220 go ahead\r\n250 and this\r\n")
                            .await?;
                        return Ok(true);
                    }
                    _ => {
                        stream.write_all(b"220 go ahead\r\n").await?;
                        return Ok(true);
                    }
                },
                ("DATA", _) => {
                    stream.write_all(b"354 go ahead\r\n").await?;
                    self.data(stream, tls).await?;
                    self.script.end.clone()
                }
                ("QUIT", _) => {
                    stream.write_all(b"221 bye\r\n").await?;
                    return Ok(false);
                }
                _ => "250 2.0.0 ok".into(),
            };
            stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
        }
    }

    fn ehlo(&self, tls: bool) -> String {
        let mut lines = vec!["peer".to_owned()];
        if !tls && self.script.starttls != StartTls::Stripped {
            lines.push("STARTTLS".into());
        }
        lines.extend(self.script.offers[usize::from(tls)].clone());
        let last = lines.pop().unwrap_or_default();
        let more: String = lines.iter().map(|line| format!("250-{line}\r\n")).collect();
        format!("{more}250 {last}")
    }

    async fn data<S: AsyncRead + Unpin>(
        &self,
        stream: &mut BufReader<S>,
        tls: bool,
    ) -> io::Result<()> {
        let mut message = Vec::new();
        loop {
            let from = message.len();
            if stream.read_until(b'\n', &mut message).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if &message[from..] == b".\r\n" {
                message.truncate(from);
                break;
            }
        }
        let message = String::from_utf8_lossy(&message).into_owned();
        self.seen.lock().unwrap().messages.push((tls, message));
        Ok(())
    }
}

/// A certificate and its key.
pub(crate) struct Identity {
    chain: Vec<rustls::pki_types::CertificateDer<'static>>,
    key: Vec<u8>,
}

/// An authority.
pub(crate) struct Ca {
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
    pub(crate) pem: String,
}

impl Ca {
    pub(crate) fn new() -> Self {
        let mut params = rcgen::CertificateParams::new(vec![]).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = rcgen::Issuer::new(params, key);
        Self { issuer, pem }
    }

    pub(crate) fn issue(&self, name: &str) -> Identity {
        self.issue_until(name, 2060)
    }

    /// Good until the first day of this year.
    pub(crate) fn issue_until(&self, name: &str, year: i32) -> Identity {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity {
            chain: vec![certificate.der().clone()],
            key: key.serialize_der(),
        }
    }
}

impl Identity {
    /// Of nobody whom anybody trusts.
    pub(crate) fn own(name: &str) -> Self {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        Self {
            chain: vec![made.cert.der().clone()],
            key: made.signing_key.serialize_der(),
        }
    }

    /// What a TLSA record `3 1 1` has to hold.
    pub(crate) fn tlsa(&self) -> Vec<u8> {
        let crypto = dane_tlsa::Crypto::aws_lc_rs();
        let parameters = dane_tlsa::Parameters::DANE_EE;
        let record = dane_tlsa::Tlsa::for_certificate(parameters, &self.chain[0], &crypto).unwrap();
        [&[3, 1, 1][..], record.data()].concat()
    }

    /// Key and chain, as Postfix reads them.
    pub(crate) fn pem(&self) -> String {
        let block = |label: &str, der: &[u8]| {
            let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, der);
            let lines: Vec<_> = text
                .as_bytes()
                .chunks(64)
                .map(String::from_utf8_lossy)
                .collect();
            let text = lines.join("\n");
            format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
        };
        let chain = self.chain.iter().map(|der| block("CERTIFICATE", der));
        block("PRIVATE KEY", &self.key) + &chain.collect::<String>()
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key = PrivatePkcs8KeyDer::from(self.key.clone());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), key.into())
            .unwrap();
        Arc::new(config)
    }
}
