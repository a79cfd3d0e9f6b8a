//! Connections that are used again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::types::Type;
use tokio_postgres::{AsyncMessage, Client, Config, Connection, NoTls, Row, Socket, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::failure::{Failure, too_late, unavailable};
use super::schema;
use crate::Error;

/// How long a connection is used. Far less than a day, after which its session is forgotten.
const MAX_AGE: Duration = Duration::from_secs(3600);

/// Makes connections.
pub(super) struct Connector {
    pub(super) config: Config,
    pub(super) tls: Option<MakeRustlsConnect>,
    /// For everything until a connection can be used.
    pub(super) timeout: Duration,
    /// What the server itself allows a statement.
    pub(super) statement_timeout: Duration,
    /// Of the connections that write. The tests turn it down.
    pub(super) isolation: &'static str,
}

/// Who is told of a notification's payload.
pub(super) type Hear = Box<dyn Fn(&str) + Send + Sync>;

impl Connector {
    /// A connection as the server gives it, whose notifications somebody hears.
    pub(super) async fn connect(&self, hear: Hear) -> Result<Conn, Error> {
        let old = Arc::new(AtomicBool::new(false));
        let (client, driver) = match &self.tls {
            None => {
                let (client, connection) = self.config.connect(NoTls).await.map_err(refused)?;
                (
                    client,
                    tokio::spawn(drive(connection, Arc::clone(&old), hear)),
                )
            }
            Some(tls) => {
                let (client, connection) =
                    self.config.connect(tls.clone()).await.map_err(refused)?;
                (
                    client,
                    tokio::spawn(drive(connection, Arc::clone(&old), hear)),
                )
            }
        };
        Ok(Conn {
            client,
            driver,
            old,
            statements: Vec::new(),
            session: [0; 16],
            number: 0,
        })
    }

    /// A connection that is ready for its kind of work.
    async fn ready(&self, kind: Kind) -> Result<Conn, Error> {
        let prepared = async {
            let mut conn = self.connect(Box::new(|_| {})).await?;
            let isolation = match kind {
                Kind::Reader => "READ COMMITTED",
                Kind::Writer(_) => self.isolation,
            };
            self.set_up(&conn, isolation, self.statement_timeout)
                .await?;
            schema::check(&conn).await?;
            if let Kind::Writer(_) = kind {
                getrandom::fill(&mut conn.session)
                    .map_err(|error| Error::Unavailable(Arc::new(error)))?;
                let sql =
                    "INSERT INTO record_store.session (id, number, fenced) VALUES ($1, 0, false)";
                conn.client
                    .execute_typed(sql, &[(&&conn.session[..], Type::BYTEA)])
                    .await
                    .map_err(failed)?;
            }
            for sql in kind.statements() {
                let statement = conn.client.prepare(sql).await.map_err(failed)?;
                conn.statements.push(statement);
            }
            Ok(conn)
        };
        timeout(self.timeout, prepared)
            .await
            .unwrap_or_else(|_| Err(too_late()))
    }

    pub(super) async fn set_up(
        &self,
        conn: &Conn,
        isolation: &str,
        limit: Duration,
    ) -> Result<(), Error> {
        // Without the second, a table that is still small would be read as a whole, and every two commits would be in
        // each other's way. The last undoes a server's or a user's default that would lose acknowledged commits.
        let sql = format!(
            "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL {isolation};
             SET enable_seqscan = off;
             SET statement_timeout = {};
             SELECT set_config('synchronous_commit', 'on', false)
                 WHERE current_setting('synchronous_commit') = 'off'",
            limit.as_millis().max(1)
        );
        conn.client.batch_execute(&sql).await.map_err(failed)
    }
}

fn refused(error: tokio_postgres::Error) -> Error {
    unavailable(&error)
}

fn failed(error: tokio_postgres::Error) -> Error {
    Failure::of(&error).into()
}

/// Moves the octets of a connection until it ends.
async fn drive<T>(mut connection: Connection<Socket, T>, old: Arc<AtomicBool>, hear: Hear)
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let mut run = std::pin::pin!(async {
        loop {
            match std::future::poll_fn(|cx| connection.poll_message(cx)).await {
                Some(Ok(AsyncMessage::Notification(heard))) => hear(heard.payload()),
                Some(Ok(_)) => {} // notices
                Some(Err(_)) | None => return,
            }
        }
    });
    if timeout(MAX_AGE, &mut run).await.is_err() {
        old.store(true, Ordering::Relaxed);
        run.await;
    }
}

/// A connection.
pub(super) struct Conn {
    pub(super) client: Client,
    pub(super) driver: JoinHandle<()>,
    old: Arc<AtomicBool>,
    statements: Vec<Statement>,
    /// Of a writer: who it is to the server, and its last commit.
    pub(super) session: SessionId,
    pub(super) number: i64,
}

pub(super) type SessionId = [u8; 16];

impl Conn {
    pub(super) async fn rows(
        &self,
        statement: usize,
        parameters: &[&(dyn tokio_postgres::types::ToSql + Sync)],
    ) -> Result<Vec<Row>, Failure> {
        let Some(statement) = self.statements.get(statement) else {
            return Err(Failure::Refused(Error::Closed));
        };
        let rows = self.client.query(statement, parameters).await;
        rows.map_err(|error| Failure::of(&error))
    }

    fn is_fit(&self) -> bool {
        !self.client.is_closed() && !self.old.load(Ordering::Relaxed)
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        // Closes the socket at once, even if the server does not read from it.
        self.driver.abort();
    }
}

/// What a connection is for.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Reader,
    /// With the statement that commits.
    Writer(&'static str),
}

/// The places of the prepared statements.
pub(super) const GET: usize = 0;
pub(super) const SCAN: usize = 1;
pub(super) const COMMIT: usize = 0;

impl Kind {
    fn statements(self) -> Vec<&'static str> {
        match self {
            Self::Reader => vec![super::read::GET, super::read::SCAN],
            Self::Writer(commit) => vec![commit],
        }
    }
}

/// As many connections of a kind as there may be.
pub(super) struct Pool {
    connector: Arc<Connector>,
    kind: Kind,
    permits: Semaphore,
    idle: Mutex<Vec<Conn>>,
}

impl Pool {
    pub(super) fn new(connector: &Arc<Connector>, kind: Kind, size: usize) -> Self {
        Self {
            connector: Arc::clone(connector),
            kind,
            permits: Semaphore::new(size.clamp(1, Semaphore::MAX_PERMITS)),
            idle: Mutex::default(),
        }
    }

    /// A connection for one use; waits while all are in use.
    pub(super) async fn lease(&self) -> Result<Lease<'_>, Error> {
        let permit = self.permits.acquire().await.map_err(|_| Error::Closed)?;
        let conn = match self.idle() {
            Some(conn) => conn,
            None => self.connector.ready(self.kind).await?,
        };
        Ok(Lease {
            pool: self,
            conn,
            _permit: permit,
        })
    }

    /// The one that was used last, so that those that are not needed grow old.
    fn idle(&self) -> Option<Conn> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        std::iter::from_fn(|| idle.pop()).find(Conn::is_fit)
    }
}

/// A connection in use. It is closed unless somebody says that it is worth keeping.
pub(super) struct Lease<'a> {
    pool: &'a Pool,
    pub(super) conn: Conn,
    _permit: SemaphorePermit<'a>,
}

impl Lease<'_> {
    /// The server answered, and nothing is under way: the connection can be used again.
    pub(super) fn keep(self) {
        if self.conn.is_fit() {
            let mut idle = self
                .pool
                .idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            // Those that nobody has needed for long, below the others, are closed.
            idle.retain(Conn::is_fit);
            idle.push(self.conn);
        }
    }
}
