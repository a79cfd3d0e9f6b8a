//! SMTP over sockets: deadlines, TLS, and the way of a message into the store.

use super::{
    data::{Broken, Progress, Receiver, Refused},
    session::{Action, Outcome, Session, reply},
};
use crate::{
    inbound::{Peer, Security},
    service::{Service, Stop},
    wire::Wire,
};
use std::{io, net::IpAddr};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, timeout_at},
};
use tokio_rustls::TlsAcceptor;
use tracing::debug;

/// Serves one connection to its end.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    service: &Service,
    stream: S,
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
        connection.wire.break_off().await;
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
    let acceptor = TlsAcceptor::from(service.tls.config.clone());
    let deadline = transaction.min(Instant::now() + service.config.limits.smtp_idle());
    let stream = timeout_at(deadline, acceptor.accept(wire.into_stream())).await??;
    let security = tls_security(stream.get_ref().1);
    let session = session.secured();
    let mut connection = Connection::new(service, Wire::new(stream), session, client, stop);
    connection.peer.security = security;
    connection.talk().await.map(drop)
}

/// In the words that others use: `TLS1.3` and the suite's name at IANA.
fn tls_security(tls: &rustls::ServerConnection) -> Security {
    let version = tls.protocol_version().map(|version| format!("{version:?}"));
    let suite = tls.negotiated_cipher_suite().map(|suite| suite.suite());
    let suite = suite.map(|suite| format!("{suite:?}"));
    Security::Tls {
        version: version
            .unwrap_or_default()
            .replace("TLSv", "TLS")
            .replace('_', "."),
        suite: suite.unwrap_or_default().replace("TLS13_", "TLS_"),
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
                Some(Err(_)) => {
                    let told = "500 5.5.2 Line too long, or not ended by CR LF";
                    reply(&mut self.wire.out, told);
                    self.wire.break_off().await;
                    return Ok(End::Closed);
                }
                // RFC 2920 §3.2: replies to a group of commands go out together, before we wait.
                None => match self.fill_or_stop().await? {
                    true => continue,
                    false => return Ok(End::Closed),
                },
            };
            let action = match action {
                Action::LookUp { recipient, octets } => {
                    let lookup = self.service.directory.look_up(&recipient, octets).await;
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

    /// Receives a message and gives it away. None: the connection has ended.
    async fn receive(&mut self) -> io::Result<Option<Action>> {
        let mut receiver = Receiver::new(self.service.data_limits);
        let mut room = self.service.room.share(self.peer.client);
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
                    if !crowded && !room.grow_to(receiver.held().saturating_sub(SMALL)) {
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
            (Ok(message), Some(envelope)) => {
                let inbound = &self.service.inbound;
                inbound.accept(&self.peer, envelope, message).await
            }
            (Err(Refused::LineTooLong), _) => Outcome::LineTooLong,
            (Err(Refused::TooLarge), _) => Outcome::TooLarge,
            (_, None) => Outcome::Failed,
        };
        drop(room);
        self.transaction = Instant::now() + self.service.config.limits.transaction();
        Ok(Some(self.session.message(outcome, &mut self.wire.out)))
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
        self.wire.break_off().await;
    }

    /// Reads on, unless the service stops between two messages, or the end came. A transaction goes
    /// on while the service stops, as long as that may take.
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
            reply(&mut self.wire.out, SHUTTING_DOWN);
            self.wire.close().await;
        }
        Ok(read.is_some_and(|octets| octets > 0))
    }

    async fn fill(&mut self, size: usize) -> io::Result<usize> {
        self.flush().await?;
        let idle = Instant::now() + self.service.config.limits.smtp_idle();
        let mut stopping = self.stop.end();
        let mut heard = stopping.is_some();
        loop {
            let deadline = [Some(idle), Some(self.transaction), stopping];
            let deadline = deadline.into_iter().flatten().min().unwrap_or(idle);
            tokio::select! {
                biased;
                read = timeout_at(deadline, self.wire.fill(size)) => match read {
                    Ok(read) => return read,
                    Err(_) => break,
                },
                () = self.stop.requested(), if !heard => {
                    heard = true;
                    stopping = self.stop.end();
                }
            }
        }
        let why = match stopping.is_some_and(|end| end <= Instant::now()) {
            true => SHUTTING_DOWN,
            false => "421 4.4.2 Too slow",
        };
        reply(&mut self.wire.out, why);
        self.wire.close().await;
        Ok(0)
    }

    async fn flush(&mut self) -> io::Result<()> {
        let idle = Instant::now() + self.service.config.limits.smtp_idle();
        timeout_at(self.transaction.min(idle), self.wire.flush()).await?
    }
}

const SHUTTING_DOWN: &str = "421 4.3.2 Shutting down";

/// What a message may hold without taking room: that much for each connection is always there.
const SMALL: usize = 64 * 1024;

#[cfg(test)]
mod tests;
