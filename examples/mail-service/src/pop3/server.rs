//! POP3 over sockets: TLS from the first octet, logins, and messages out of the store.

use super::session::{self, Action, Credentials, Entry, Login, Part, Session, Transfer};
use crate::{
    log::{Causes, Network},
    login::{FAILED_LOGIN, LoggedIn},
    mailbox::{Lock, Row},
    service::{Service, Stop},
    wire::Wire,
};
use std::{io, net::IpAddr, sync::Arc};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{Instant, sleep_until, timeout_at},
};
use tokio_rustls::TlsAcceptor;
use tracing::{info, warn};
use twofactor::Scope;

/// Serves one connection to its end.
pub(crate) async fn serve(
    service: &Service,
    stream: TcpStream,
    client: IpAddr,
    stop: Stop,
) -> io::Result<()> {
    let login = Instant::now() + service.config.limits.login();
    let acceptor = TlsAcceptor::from(service.tls.config.clone());
    let stream = timeout_at(login, acceptor.accept(stream)).await??;
    talk(service, stream, client, login, stop).await
}

/// Serves what came through TLS.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    service: &Service,
    stream: S,
    client: IpAddr,
    login: Instant,
    stop: Stop,
) -> io::Result<()> {
    let mut connection = Connection {
        service,
        wire: Wire::new(stream),
        session: Session::default(),
        client,
        login,
        failures: 0,
        drop: None,
        stop,
    };
    connection.session.greet(&mut connection.wire.out);
    let ended = connection.talk().await;
    // However it ended; and before the service may say that all connections have.
    connection.give_back().await;
    ended
}

struct Connection<'a, S> {
    service: &'a Service,
    wire: Wire<S>,
    session: Session,
    client: IpAddr,
    /// When a login must have succeeded.
    login: Instant,
    failures: u32,
    drop: Option<Maildrop>,
    stop: Stop,
}

struct Maildrop {
    rows: Vec<Row>,
    /// Until the end of the update.
    lock: Option<Lock>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<'_, S> {
    async fn talk(&mut self) -> io::Result<()> {
        loop {
            let action = match self.wire.input.line() {
                Some(Ok(line)) => {
                    let line = self.wire.input.get(line);
                    self.session.line_received(line, &mut self.wire.out)
                }
                Some(Err(_)) => {
                    self.wire.out.extend_from_slice(b"-ERR broken line\r\n");
                    self.give_back().await;
                    // What follows may be a long rest of it.
                    self.wire.break_off().await;
                    return Ok(());
                }
                None => {
                    if self.fill().await? == 0 {
                        return Ok(());
                    }
                    continue;
                }
            };
            // Many commands may stand in one segment, and each can have a long answer.
            if self.wire.out.len() >= FLUSH {
                self.flush().await?;
            }
            let action = match action {
                Action::Authenticate(credentials) => {
                    self.wire.input.forget();
                    let login = self.log_in(credentials).await?;
                    self.session.authenticated(login, &mut self.wire.out)
                }
                Action::Send(at, part) => {
                    self.send(at, part).await?;
                    Action::Continue
                }
                Action::Update(deleted) => {
                    // What was asked for before goes out before anything is deleted.
                    self.flush().await?;
                    let result = self.update(&deleted).await;
                    // RFC 1939 §6: the lock is given back, and then the connection is closed. Whoever
                    // has read the reply can log in again.
                    self.give_back().await;
                    self.session.updated(result, &mut self.wire.out)
                }
                action => action,
            };
            if action != Action::Continue {
                self.flush().await?;
                let _ = timeout_at(self.deadline(), self.wire.close()).await;
                return Ok(());
            }
        }
    }

    async fn log_in(&mut self, credentials: Credentials) -> io::Result<Login> {
        // Whoever guesses shall wait; the answer does not tell by its time what was wrong, nor what was looked at.
        let refused_at = Instant::now() + FAILED_LOGIN * (self.failures + 1);
        let login = self.authenticate(credentials).await;
        let throttled = matches!(login, Login::Throttled(_) | Login::Disabled);
        if throttled || matches!(login, Login::Refused) {
            self.failures += 1;
            info!(client = %Network(self.client), throttled, "login refused");
            self.flush().await?;
            sleep_until(refused_at).await;
        }
        Ok(login)
    }

    async fn authenticate(&mut self, credentials: Credentials) -> Login {
        let user = credentials.user().to_owned();
        let password = credentials.into_password();
        let logins = &self.service.logins;
        let login = logins.mail(self.client, Scope::Pop3, &user, password).await;
        match login {
            LoggedIn::Account(account) => self.open(account).await,
            LoggedIn::MustChange(account) => match self.service.site() {
                Some(site) => {
                    info!(client = %Network(self.client), "a password must be changed first");
                    Login::MustChange(site)
                }
                // Nobody could change it: the mail that tells of it is to be read.
                None => self.open(account).await,
            },
            LoggedIn::Refused => Login::Refused,
            LoggedIn::Throttled { until } => {
                Login::Throttled(until.duration_since(logins.now()).unwrap_or_default())
            }
            LoggedIn::Disabled => Login::Disabled,
            LoggedIn::Unavailable => Login::Unavailable,
        }
    }

    async fn open(&mut self, account: Arc<str>) -> Login {
        let Service {
            mailboxes, clock, ..
        } = self.service;
        let lock = match mailboxes.lock(&account, clock).await {
            Ok(Some(lock)) => lock,
            Ok(None) => return Login::InUse,
            Err(error) => {
                warn!(error = %Causes(&error), "maildrop cannot be locked");
                return Login::Unavailable;
            }
        };
        let rows = match mailboxes.open(&lock, clock.now()).await {
            Ok(rows) => rows,
            Err(error) => {
                warn!(error = %Causes(&error), "mailbox cannot be read");
                lock.release().await;
                return Login::Unavailable;
            }
        };
        let entries = rows.iter().map(|row| Entry::new(row.size, row.uid()));
        let entries = entries.collect();
        self.drop = Some(Maildrop {
            rows,
            lock: Some(lock),
        });
        Login::Opened(entries)
    }

    /// Sends a message. Each piece has its own deadline: a large message may take a slow client long.
    async fn send(&mut self, at: usize, part: Part) -> io::Result<()> {
        let Some(message) = self.load(at).await else {
            session::unreadable(&mut self.wire.out);
            return Ok(());
        };
        let mut transfer = Transfer::new(&message, part);
        while transfer.next(&mut self.wire.out) {
            self.flush().await?;
        }
        // Small messages may go out together.
        Ok(())
    }

    async fn load(&self, at: usize) -> Option<Arc<[u8]>> {
        let row = self.drop.as_ref()?.rows.get(at)?;
        let now = self.service.clock.now();
        let message = self.service.mailboxes.load(row, now).await;
        message
            .inspect_err(|error| warn!(error = %Causes(error), "message cannot be read"))
            .ok()
    }

    async fn update(&mut self, deleted: &[usize]) -> Result<(), ()> {
        let Some(Maildrop {
            rows,
            lock: Some(lock),
        }) = &self.drop
        else {
            return Ok(());
        };
        let rows: Vec<Row> = deleted
            .iter()
            .filter_map(|&at| rows.get(at).cloned())
            .collect();
        let now = self.service.clock.now();
        let removed = self.service.mailboxes.remove(lock, &rows, now).await;
        removed.map_err(|error| warn!(error = %Causes(&error), "messages not removed"))
    }

    async fn give_back(&mut self) {
        let lock = self.drop.as_mut().and_then(|maildrop| maildrop.lock.take());
        if let Some(lock) = lock {
            lock.release().await;
        }
    }

    async fn fill(&mut self) -> io::Result<usize> {
        self.flush().await?;
        let deadline = self.deadline();
        tokio::select! {
            biased;
            // Deletions happen at QUIT (RFC 1939 §6): breaking off between commands loses nothing.
            () = self.stop.requested() => Ok(0),
            // Another session may change what this one has numbered.
            () = lost(self.drop.as_ref()) => Ok(0),
            read = timeout_at(deadline, self.wire.fill(4096)) => read?,
        }
    }

    async fn flush(&mut self) -> io::Result<()> {
        timeout_at(self.deadline(), self.wire.flush()).await?
    }

    fn deadline(&self) -> Instant {
        let idle = Instant::now() + self.service.config.limits.pop3_idle();
        match self.drop {
            Some(_) => idle,
            None => idle.min(self.login),
        }
    }
}

/// Returns if the lock of this maildrop, if it has one, is lost.
async fn lost(maildrop: Option<&Maildrop>) {
    match maildrop.and_then(|maildrop| maildrop.lock.as_ref()) {
        Some(lock) => lock.lost().await,
        None => std::future::pending().await,
    }
}

/// Octets of answers that are sent without waiting for the end of a group of commands.
const FLUSH: usize = 64 * 1024;

#[cfg(test)]
mod tests;
