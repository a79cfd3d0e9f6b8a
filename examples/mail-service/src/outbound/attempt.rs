//! One letter to one address of one host: connect, STARTTLS, verify, and only then speak of it.

use super::{
    Outbound,
    dialogue::{Broken, Dialogue, Reply},
    ended::{End, Ended, Session, broke, broken_off, unreachable},
    letter::Letter,
    report::Why,
    tls,
    transaction::{Extensions, Transaction},
};
use dane_tlsa::HostLookup;
use std::net::SocketAddr;
use tls_policy::{
    Action, Attempt, Connection, Decision, Next,
    requiretls::{Channel, Offer},
    tlsrpt::ResultType,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{Instant, timeout},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Something in the clear follows the answer to STARTTLS.
pub(super) const INJECTED: &str = "tls.injected";

/// What is to be done.
pub(super) struct Target<'a> {
    pub(super) letter: &'a Letter,
    pub(super) domain: &'a str,
    pub(super) host: &'a HostLookup,
    pub(super) name: &'a str,
    pub(super) address: SocketAddr,
    pub(super) decision: &'a Decision<'a>,
    pub(super) open: &'a [usize],
}

/// What follows the first part of a dialogue.
enum Step {
    Ended(Ended),
    /// On a new connection, without TLS.
    ClearAnew(Session),
}

/// Whether STARTTLS is tried.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tls {
    Try,
    Not,
}

impl Outbound {
    /// Tries one address. Nothing of the letter is said before [`Decision::allows`] says yes.
    pub(super) async fn attempt(&self, target: &Target<'_>) -> Ended {
        let tls = match target.decision.action() {
            Action::Clear => Tls::Not,
            _ => Tls::Try,
        };
        match self.connect(target, tls).await {
            Step::Ended(ended) => ended,
            Step::ClearAnew(failed) => match self.connect(target, Tls::Not).await {
                Step::Ended(mut ended) => {
                    ended.session = Some(failed);
                    ended
                }
                // It tries no TLS, so that none can fail.
                Step::ClearAnew(_) => broke(target, "4.4.2", "smtp.broken", "TLS failed twice"),
            },
        }
    }

    async fn connect(&self, target: &Target<'_>, tls: Tls) -> Step {
        let timeouts = &self.timeouts;
        let deadline = Instant::now() + timeouts.whole;
        let tcp = match timeout(timeouts.connect, TcpStream::connect(target.address)).await {
            Ok(Ok(tcp)) => tcp,
            Ok(Err(error)) => return unreachable(target, &error.to_string()).into(),
            Err(_) => return unreachable(target, "no answer in time").into(),
        };
        let _ = tcp.set_nodelay(true);
        let mut dialogue = Dialogue::new(tcp, deadline);
        let greeting = match dialogue.reply(timeouts.greeting).await {
            Ok(greeting) => greeting,
            Err(broken) => return broken_off(target, &broken).into(),
        };
        if greeting.code != 220 {
            let why = Why::said(target.name, "the connection", &greeting);
            return Ended::broke(why).into();
        }
        let extensions = match self.hello(&mut dialogue, target).await {
            Ok(extensions) => extensions,
            Err(ended) => return ended.into(),
        };
        if tls == Tls::Not {
            return self.plain(target, dialogue, &extensions, None).await.into();
        }
        if !extensions.has("STARTTLS") {
            return self.no_starttls(target, dialogue, &extensions).await.into();
        }
        match dialogue.ask("STARTTLS", timeouts.command).await {
            Ok(Reply { code: 220, .. }) => {}
            Ok(Reply { code: 421, .. }) | Err(Broken::Closed) => {
                return broken_off(target, &Broken::Closed).into();
            }
            Ok(_) => return self.no_starttls(target, dialogue, &extensions).await.into(),
            Err(broken) => return broken_off(target, &broken).into(),
        }
        // RFC 3207 §4: what came in the clear behind the answer is somebody else's. Whoever puts it
        // there gets nothing at all, not even what is sent where nobody asks for TLS.
        if dialogue.has_more() {
            let mut ended = broke(target, "4.7.5", INJECTED, "somebody writes into the line");
            ended.session = Some(Session {
                failed: Some((Attempt::HandshakeFailed, ResultType::ValidationFailure)),
                chain: Vec::new(),
            });
            return ended.into();
        }
        self.shake_hands(target, dialogue.into_stream(), deadline)
            .await
    }

    async fn hello<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        dialogue: &mut Dialogue<S>,
        target: &Target<'_>,
    ) -> Result<Extensions, Ended> {
        let patience = self.timeouts.command;
        let mut ask = async |line: String| {
            let reply = dialogue.ask(&line, patience).await;
            reply.map_err(|broken| broken_off(target, &broken))
        };
        let reply = ask(format!("EHLO {}", self.hostname)).await?;
        if reply.is_ok() {
            return Ok(Extensions::of(&reply));
        }
        // RFC 5321 §3.2: a server that does not know EHLO may know HELO.
        let why = Why::said(target.name, "EHLO", &reply);
        if reply.code < 500 || !ask(format!("HELO {}", self.hostname)).await?.is_ok() {
            return Err(Ended::broke(why));
        }
        Ok(Extensions::default())
    }

    /// Without TLS because there is none to be had.
    async fn no_starttls(
        &self,
        target: &Target<'_>,
        dialogue: Dialogue<TcpStream>,
        extensions: &Extensions,
    ) -> Ended {
        let attempt = Attempt::NoStartTls;
        let session = Session {
            failed: Some((attempt, ResultType::StartTlsNotSupported)),
            chain: Vec::new(),
        };
        match target.decision.after(attempt) {
            Next::GoOn => {
                self.plain(target, dialogue, extensions, Some(session))
                    .await
            }
            Next::NextMx { last } => {
                dialogue.quit(self.timeouts.quit).await;
                Ended::fell(attempt, last, session)
            }
            Next::ClearAnew => broke(target, "4.7.5", "tls.not-offered", "no TLS"),
        }
    }

    async fn plain(
        &self,
        target: &Target<'_>,
        dialogue: Dialogue<TcpStream>,
        extensions: &Extensions,
        session: Option<Session>,
    ) -> Ended {
        if !target.decision.allows(Connection::Plain) {
            return broke(
                target,
                "4.7.5",
                "tls.not-allowed",
                "it would be in the clear",
            );
        }
        let transaction = self.transaction(target, "");
        Ended {
            end: End::Said(transaction.run(dialogue, extensions).await),
            came_to: "in the clear".into(),
            session,
        }
    }

    async fn shake_hands(&self, target: &Target<'_>, tcp: TcpStream, deadline: Instant) -> Step {
        let (decision, now) = (target.decision, self.clock.now());
        let address = target.address.ip();
        let handshake = self
            .trust
            .handshake(decision.action(), target.host, address, now);
        let Some(handshake) = handshake else {
            let failed = (Attempt::NotAuthenticated, ResultType::ValidationFailure);
            return fell(target, failed, "there is nothing to verify the server by");
        };
        let connector = TlsConnector::from(handshake.config);
        let connecting = connector.connect(handshake.name, tcp);
        let stream = match timeout(self.timeouts.handshake, connecting).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                let inner = error.get_ref();
                let tls = inner.and_then(|e| e.downcast_ref::<rustls::Error>());
                let failed = match tls {
                    // Where nobody is verified, no certificate is the wrong one.
                    Some(error) if !verifies(decision.action()) => {
                        (Attempt::HandshakeFailed, tls::result_type(error))
                    }
                    Some(error) => (tls::attempt(error), tls::result_type(error)),
                    None => (Attempt::HandshakeFailed, ResultType::ValidationFailure),
                };
                let why = tls.map_or_else(|| error.to_string(), tls::describe);
                return fell(target, failed, &why);
            }
            Err(_) => {
                let failed = (Attempt::HandshakeFailed, ResultType::ValidationFailure);
                return fell(target, failed, "no answer in time");
            }
        };
        let connection = match decision.action() {
            Action::Dane => Connection::Dane,
            // The certificate is for one of them, or there were no connection.
            Action::WebPki { names } => Connection::WebPki(names.server_name()),
            _ => Connection::Encrypted,
        };
        if !decision.allows(connection) {
            return broke(
                target,
                "4.7.5",
                "tls.not-allowed",
                "it is not what was decided",
            )
            .into();
        }
        let came_to = describe(&stream, connection);
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let chain = chain.iter().map(|c| c.clone().into_owned()).collect();
        let session = Session {
            failed: None,
            chain,
        };
        // Before anything is reported: what was proved once must count against a later drop.
        if let Some(proof) = decision.proves() {
            self.prove(target.domain, proof).await;
        }
        let dialogue = Dialogue::new(stream, deadline);
        self.encrypted(target, dialogue, came_to, session)
            .await
            .into()
    }

    async fn encrypted(
        &self,
        target: &Target<'_>,
        mut dialogue: Dialogue<TlsStream<TcpStream>>,
        came_to: String,
        session: Session,
    ) -> Ended {
        let extensions = match self.hello(&mut dialogue, target).await {
            Ok(extensions) => extensions,
            Err(mut ended) => {
                ended.session = Some(session);
                return ended;
            }
        };
        // A malformed offer is none.
        let offer = Offer::in_ehlo(extensions.lines(), Channel::Tls).unwrap_or_default();
        let requiretls = match offer.parameter(target.letter.wish) {
            Ok(parameter) => parameter,
            Err(attempt) => {
                dialogue.quit(self.timeouts.quit).await;
                let last = match target.decision.after(attempt) {
                    Next::NextMx { last } => last,
                    Next::GoOn | Next::ClearAnew => {
                        return broke(target, "4.7.5", "requiretls.not-offered", "no REQUIRETLS");
                    }
                };
                return Ended::fell(attempt, last, session);
            }
        };
        let transaction = self.transaction(target, requiretls);
        Ended {
            end: End::Said(transaction.run(dialogue, &extensions).await),
            came_to,
            session: Some(session),
        }
    }

    fn transaction<'a>(
        &'a self,
        target: &'a Target<'_>,
        requiretls: &'static str,
    ) -> Transaction<'a> {
        Transaction {
            letter: target.letter,
            host: target.name,
            open: target.open,
            requiretls,
            timeouts: &self.timeouts,
        }
    }
}

fn verifies(action: Action<'_>) -> bool {
    matches!(action, Action::Dane | Action::WebPki { .. })
}

/// After a handshake that failed.
fn fell(target: &Target<'_>, failed: (Attempt, ResultType), why: &str) -> Step {
    let (attempt, _) = failed;
    let session = Session {
        failed: Some(failed),
        chain: Vec::new(),
    };
    match target.decision.after(attempt) {
        Next::ClearAnew => Step::ClearAnew(session),
        Next::NextMx { last } => {
            let came_to = format!("{attempt}: {why}");
            Ended {
                end: End::Fell(attempt, last, came_to.clone()),
                came_to,
                session: Some(session),
            }
            .into()
        }
        // The connection is in an unknown state (RFC 3207 §4): nobody goes on with it.
        Next::GoOn => broke(target, "4.7.5", attempt.code(), why).into(),
    }
}

fn describe(stream: &TlsStream<TcpStream>, connection: Connection<'_>) -> String {
    let tls = stream.get_ref().1;
    let version = tls.protocol_version().map(|version| format!("{version:?}"));
    let suite = tls
        .negotiated_cipher_suite()
        .map(|s| format!("{:?}", s.suite()));
    let who = match connection {
        Connection::Plain => "in the clear".to_owned(),
        Connection::Encrypted => "with whomever".into(),
        Connection::WebPki(name) => format!("certificate of a known authority for {name}"),
        Connection::Dane => "verified by DANE".into(),
    };
    let version = version.unwrap_or_default().replace('_', ".");
    format!("{version} {}, {who}", suite.unwrap_or_default())
}

impl From<Ended> for Step {
    fn from(ended: Ended) -> Self {
        Self::Ended(ended)
    }
}
