//! SMTP over sockets: deadlines, TLS, and the way of a message into the store.

use super::{
    command::Recipient,
    data::{Broken, Progress, Receiver, Refused},
    session::{Action, Envelope, Lookup, Outcome, Session, reply},
};
use crate::{
    inbound::{Peer, Security},
    service::{Service, Stop},
    wire::Wire,
};
use std::{io, net::IpAddr, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{Instant, timeout_at},
};
use tokio_rustls::TlsAcceptor;
use tracing::debug;

/// Serves one connection to its end.
pub(crate) async fn serve(
    service: &Service,
    stream: TcpStream,
    client: IpAddr,
    stop: Stop,
) -> io::Result<()> {
    let session = Session::new(service.smtp_options.clone());
    let mut wire = Wire::new(stream);
    session.greet(&mut wire.out);
    let mut connection = Connection::new(service, wire, session, client, stop);
    if connection.talk().await? == End::Closed {
        return Ok(());
    }
    // What came together with STARTTLS was said without TLS, and must not be taken for something
    // that was said under it.
    if !connection.wire.input.is_empty() {
        reply(
            &mut connection.wire.out,
            "554 5.5.1 Commands after STARTTLS",
        );
        connection.wire.close().await;
        return Ok(());
    }
    reply(&mut connection.wire.out, "220 2.0.0 Ready to start TLS");
    connection.flush().await?;
    let Connection {
        wire,
        session,
        stop,
        transaction,
        ..
    } = connection;
    let acceptor = TlsAcceptor::from(service.tls.clone());
    let deadline = transaction.min(Instant::now() + service.config.limits.smtp_idle());
    let stream = timeout_at(deadline, acceptor.accept(wire.into_stream())).await??;
    let security = tls_security(stream.get_ref().1);
    let session = session.secured();
    let mut connection = Connection::new(service, Wire::new(stream), session, client, stop);
    connection.peer.security = security;
    connection.talk().await.map(drop)
}

fn tls_security(tls: &rustls::ServerConnection) -> Security {
    let name = |name: Option<String>| name.unwrap_or_default().replace("TLSv", "TLS");
    Security::Tls {
        version: name(tls.protocol_version().map(|v| format!("{v:?}"))),
        suite: name(
            tls.negotiated_cipher_suite()
                .map(|s| format!("{:?}", s.suite())),
        ),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Closed,
    StartTls,
}

struct Connection<'a, S> {
    service: &'a Service,
    wire: Wire<S>,
    session: Session,
    peer: Peer,
    stop: Stop,
    /// When the transaction that is under way, or the next one, must have ended.
    transaction: Instant,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Connection<'a, S> {
    fn new(
        service: &'a Service,
        wire: Wire<S>,
        session: Session,
        client: IpAddr,
        stop: Stop,
    ) -> Self {
        Self {
            service,
            wire,
            session,
            peer: Peer {
                client,
                security: Security::Plain,
            },
            stop,
            transaction: Instant::now() + service.config.limits.transaction(),
        }
    }

    async fn talk(&mut self) -> io::Result<End> {
        loop {
            let action = match self.wire.input.line() {
                Some(Ok(line)) => {
                    let line = self.wire.input.get(line);
                    self.session.line_received(line, &mut self.wire.out)
                }
                Some(Err(_)) => self.session.line_broken(&mut self.wire.out),
                // RFC 2920 §3.2: replies to a group of commands go out together, before we wait.
                None => match self.fill_or_stop().await? {
                    true => continue,
                    false => return Ok(End::Closed),
                },
            };
            let action = match action {
                Action::LookUp(recipient) => {
                    let lookup = self.look_up(recipient).await;
                    self.session.recipient(lookup, &mut self.wire.out)
                }
                Action::Receive => match self.receive().await? {
                    Some(action) => action,
                    None => return Ok(End::Closed),
                },
                action => action,
            };
            match action {
                Action::Continue => {}
                Action::StartTls => return Ok(End::StartTls),
                _ => {
                    self.wire.close().await;
                    return Ok(End::Closed);
                }
            }
        }
    }

    async fn look_up(&self, recipient: Recipient) -> Lookup {
        self.service.inbound.look_up(&recipient).await
    }

    /// Receives a message and gives it away. None: the connection has ended.
    async fn receive(&mut self) -> io::Result<Option<Action>> {
        let mut receiver = Receiver::new(self.service.data_limits);
        let mut room = self.service.room.take();
        let mut crowded = false;
        let message = loop {
            match receiver.push(self.wire.input.rest()) {
                Err(broken) => {
                    self.refuse_broken(broken).await;
                    return Ok(None);
                }
                Ok(Progress::Done { used, message }) => {
                    self.wire.input.advance(used);
                    break message;
                }
                Ok(Progress::More) => {
                    let all = self.wire.input.rest().len();
                    self.wire.input.advance(all);
                    if !crowded && !room.grow(receiver.held()) {
                        crowded = true;
                        receiver.abandon();
                    }
                    if self.fill(64 * 1024).await? == 0 {
                        return Ok(None);
                    }
                }
            }
        };
        let envelope = self.session.envelope();
        let outcome = match (message, envelope) {
            (Err(_), _) if crowded => Outcome::Full,
            (Ok(message), Some(envelope)) => self.deliver(envelope, message).await,
            (Err(Refused::LineTooLong), _) => Outcome::LineTooLong,
            (Err(Refused::TooLarge), _) => Outcome::TooLarge,
            (_, None) => Outcome::Failed,
        };
        drop(room);
        self.transaction = Instant::now() + self.service.config.limits.transaction();
        Ok(Some(self.session.message(outcome, &mut self.wire.out)))
    }

    async fn deliver(&self, envelope: Envelope, message: Vec<u8>) -> Outcome {
        self.service
            .inbound
            .accept(&self.peer, envelope, message)
            .await
    }

    async fn refuse_broken(&mut self, broken: Broken) {
        debug!(%broken, "message refused");
        reply(
            &mut self.wire.out,
            match broken {
                Broken::Nul => "550 5.6.0 NUL in message",
                _ => "550 5.6.0 Bare CR or LF in message",
            },
        );
        self.wire.close().await;
    }

    /// Reads on, unless the service stops between two messages, or the end came. No transaction is
    /// broken off.
    async fn fill_or_stop(&mut self) -> io::Result<bool> {
        self.flush().await?;
        if self.session.in_transaction() {
            return Ok(self.fill(4096).await? > 0);
        }
        let mut stop = self.stop.clone();
        let read = tokio::select! {
            biased;
            () = stop.requested() => None,
            read = self.fill(4096) => Some(read?),
        };
        if read.is_none() {
            reply(&mut self.wire.out, "421 4.3.2 Shutting down");
            self.wire.close().await;
        }
        Ok(read.is_some_and(|octets| octets > 0))
    }

    async fn fill(&mut self, size: usize) -> io::Result<usize> {
        self.flush().await?;
        let deadline = self.deadline();
        match timeout_at(deadline, self.wire.fill(size)).await {
            Ok(read) => read,
            Err(_) => {
                reply(&mut self.wire.out, "421 4.4.2 Too slow");
                let _ = tokio::time::timeout(GOODBYE, self.wire.close()).await;
                Ok(0)
            }
        }
    }

    async fn flush(&mut self) -> io::Result<()> {
        timeout_at(self.deadline(), self.wire.flush()).await?
    }

    fn deadline(&self) -> Instant {
        let idle = Instant::now() + self.service.config.limits.smtp_idle();
        self.transaction.min(idle)
    }
}

/// For the last words to a client that may not listen.
const GOODBYE: Duration = Duration::from_secs(5);
