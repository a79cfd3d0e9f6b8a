//! The store in a PostgreSQL database. Only this module names tokio-postgres.

mod commit;
mod failure;
mod fence;
mod location;
mod news;
mod pool;
mod read;
mod schema;
mod tls;

use std::fmt;
use std::future::Future;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, mpsc};
use std::time::{Duration, SystemTime};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

pub use self::news::{Heard, News};

use self::fence::Fences;
use self::location::Location;
use self::news::Hub;
use self::pool::{Connector, Kind, Pool};
use crate::record::Stamp;
use crate::waiting::{MAX_WAITING, Weight};
use crate::{Commit, Error, Key, Outcome, Page, Prefix, Records, Swept, Versioned};

/// How a [`Postgres`] uses its server.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// Most connections that write, and as many again that read. At least 1. Default 8.
    pub connections: usize,
    /// For making a connection, from the look-up of the name to its first use. At most a day. Default 5 s.
    pub connect_timeout: Duration,
    /// After which every call has ended, whatever the server does. At most a day. Default 10 s. The server itself
    /// gives up on a statement after two fifths of it, and a commit without an answer is resolved after a half. What
    /// the server rolls back because of others is tried again in the first half.
    pub call_timeout: Duration,
    /// Whether commits tell other nodes which namespaces they wrote (`NOTIFY`), and [`Postgres::news`] listens. It
    /// makes commits of all nodes queue for a moment, and CockroachDB has no such thing. Default `false`.
    pub notify: bool,
    /// For tests that must fail: what to leave out.
    #[doc(hidden)]
    pub mutation: &'static str,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            connections: 8,
            connect_timeout: Duration::from_secs(5),
            call_timeout: Duration::from_secs(10),
            notify: false,
            mutation: "",
        }
    }
}

/// A store in a PostgreSQL database, which any number of nodes may share.
///
/// A commit is one call of a function in the database, under SERIALIZABLE; what the database rolls back because of
/// other commits is tried again, in the first half of the time that a call may take. If the connection is lost in the middle of a
/// commit, the store asks over another one what became of it, and makes sure that nothing arrives later. Only if that
/// is not possible in time, the outcome is [`Outcome::Unknown`], and whatever the same store reads next is the truth.
///
/// While the server is away, calls end with [`Error::Unavailable`], or a commit that was under way with
/// [`Outcome::Unknown`]; once it is back, they succeed again.
///
/// A commit with expectations about more than some thirty existing keys locks more than these under SERIALIZABLE, so
/// that commits of others may make the database roll it back, and it them. That is tried again, with random pauses of up
/// to 64 ms, for half of [`call_timeout`](PostgresOptions::call_timeout); what has not succeeded by then is
/// [`Error::Busy`], and nothing of it was written. If many commits are so wide, raise the server's
/// `max_pred_locks_per_relation`.
///
/// tokio-postgres tells the `log` crate, at level debug, what it sends: keys and values, but no password. Who installs
/// a logger for it should leave `tokio_postgres` at info.
///
/// The futures run on a thread of the store's own, so that any executor will do. Dropping the store waits until the
/// commits that were accepted have ended.
///
/// ```no_run
/// use record_store::{Postgres, PostgresOptions};
/// let mut options = PostgresOptions::default();
/// options.connections = 16;
/// let store = Postgres::open_with("postgres://mail:password@db.example/mail", &options)?;
/// # Ok::<(), record_store::Error>(())
/// ```
pub struct Postgres {
    /// Until the drop.
    runtime: Option<Runtime>,
    handle: Handle,
    shared: Arc<Shared>,
}

/// What the tasks of a store have in common.
struct Shared {
    options: PostgresOptions,
    connector: Arc<Connector>,
    writers: Pool,
    readers: Pool,
    fences: Fences,
    hub: Arc<Hub>,
    /// Places for commits and sweeps, and for reads.
    commits: Arc<Semaphore>,
    reads: Arc<Semaphore>,
    weight: Arc<AtomicUsize>,
}

impl Shared {
    /// How long to wait for the answer to one statement; there is as much left to find out what became of it.
    fn patience(&self) -> Duration {
        self.options.call_timeout / 2
    }
}

impl Postgres {
    /// Opens `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, and creates or upgrades the schema `record_store`. Blocks
    /// until the server has answered.
    ///
    /// The certificate and the name of the server are verified, against the system's certificates or
    /// `?sslrootcert=FILE`; `sslmode=require`, `verify-ca` and `verify-full` all mean this. Clear text is for Unix
    /// sockets (`postgres://%2Fvar%2Frun%2Fpostgresql/DATABASE`) and `sslmode=disable`. Further parameters are
    /// those of tokio-postgres: `application_name`, `channel_binding`, `options`, ... Of several hosts
    /// (`HOST1,HOST2`) the first that can be written to is used: a replica is refused, because it may lag.
    ///
    /// # Errors
    /// [`Error::Location`] for a URL that cannot be used, [`Error::Unavailable`] and [`Error::Busy`] if the server
    /// cannot, [`Error::Format`] for a schema that a later release wrote, [`Error::Corrupt`] for one of another
    /// program.
    pub fn open(url: &str) -> Result<Self, Error> {
        Self::open_with(url, &PostgresOptions::default())
    }

    /// As [`open`](Self::open).
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(url: &str, options: &PostgresOptions) -> Result<Self, Error> {
        let Location { mut config, trust } = Location::parse(url)?;
        let mut options = options.clone();
        options.call_timeout = options.call_timeout.min(DAY);
        options.connect_timeout = options.connect_timeout.min(DAY);
        config
            .connect_timeout(options.connect_timeout)
            .tcp_user_timeout(options.call_timeout)
            .keepalives_idle(KEEPALIVE)
            .keepalives_interval(KEEPALIVE);
        let connector = Arc::new(Connector {
            config,
            tls: tls::connector(&trust)?,
            timeout: options.connect_timeout,
            statement_timeout: options.call_timeout * 2 / 5,
            isolation: match options.mutation {
                "read committed" => "READ COMMITTED",
                _ => "SERIALIZABLE",
            },
        });
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("record-store")
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| Error::Unavailable(Arc::new(error)))?;
        let commit = match options.notify {
            true => commit::NOTIFYING,
            false => commit::PLAIN,
        };
        let shared = Arc::new(Shared {
            writers: Pool::new(&connector, Kind::Writer(commit), options.connections),
            readers: Pool::new(&connector, Kind::Reader, options.connections),
            connector,
            fences: Fences::default(),
            hub: Arc::default(),
            commits: Arc::new(Semaphore::new(MAX_WAITING)),
            reads: Arc::new(Semaphore::new(MAX_WAITING)),
            weight: Arc::default(),
            options,
        });
        let store = Self {
            handle: runtime.handle().clone(),
            runtime: Some(runtime),
            shared,
        };
        let (connector, notify) = (
            Arc::clone(&store.shared.connector),
            store.shared.options.notify,
        );
        store.block_on(async move { schema::prepare(&connector, notify).await })?;
        Ok(store)
    }

    /// Waits for commits that write to this namespace, to look for new work then and not all the time.
    ///
    /// The first call makes one connection more if [`notify`](PostgresOptions::notify) is on.
    pub fn news(&self, namespace: &str) -> News {
        let changes = self.shared.hub.subscribe(namespace);
        if self.shared.options.notify && self.shared.hub.start_listening() {
            let connector = Arc::clone(&self.shared.connector);
            let hub = Arc::downgrade(&self.shared.hub);
            self.handle.spawn(news::listen(connector, hub));
        }
        News::new(changes, self.handle.clone())
    }

    /// Runs a call on the store's own thread, whoever polls; it goes on when the caller no longer waits.
    async fn run<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let result = self.handle.spawn(call).await;
        result.unwrap_or(Err(Error::Closed))
    }

    /// Waits on this thread, which may belong to another runtime.
    fn block_on<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let (reply, result) = mpsc::channel();
        self.handle.spawn(async move { reply.send(call.await) });
        result.recv().unwrap_or(Err(Error::Closed))
    }
}

/// A place among those that wait; until the call has ended.
fn enter(places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Error> {
    let place = Arc::clone(places).try_acquire_owned();
    place.map_err(|_| Error::Busy)
}

const KEEPALIVE: Duration = Duration::from_secs(30);
const DAY: Duration = Duration::from_secs(24 * 3600);

impl Records for Postgres {
    async fn get(&self, key: &Key, now: SystemTime) -> Result<Option<Versioned>, Error> {
        let place = enter(&self.shared.reads)?;
        let (shared, key, now) = (Arc::clone(&self.shared), key.clone(), Stamp::new(now));
        self.run(async move {
            let _place = place;
            read::get(&shared, &key, now).await
        })
        .await
    }

    async fn scan(
        &self,
        prefix: &Prefix,
        after: Option<&Key>,
        limit: usize,
        now: SystemTime,
    ) -> Result<Page, Error> {
        let place = enter(&self.shared.reads)?;
        let (shared, now) = (Arc::clone(&self.shared), Stamp::new(now));
        let keys = prefix.range(after);
        self.run(async move {
            let _place = place;
            read::scan(&shared, keys, limit, now).await
        })
        .await
    }

    async fn commit(&self, commit: Commit, now: SystemTime) -> Result<Outcome, Error> {
        let size = commit.check()?;
        let place = enter(&self.shared.commits)?;
        let weight = Weight::put(size, &self.shared.weight)?;
        let (shared, now) = (Arc::clone(&self.shared), Stamp::new(now));
        let call = async move {
            let _held = (place, weight);
            commit::run(&shared, &commit, now).await
        };
        match self.run(call).await {
            // The store was closed in the middle of it.
            Err(Error::Closed) => Ok(Outcome::Unknown),
            outcome => outcome,
        }
    }

    async fn sweep(&self, now: SystemTime, budget: usize) -> Result<Swept, Error> {
        let place = enter(&self.shared.commits)?;
        let (shared, now) = (Arc::clone(&self.shared), Stamp::new(now));
        self.run(async move {
            let _place = place;
            read::sweep(&shared, now, budget).await
        })
        .await
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let places = Arc::clone(&self.shared.commits);
        let most = self.shared.options.call_timeout * 2;
        let _ = self.block_on(async move {
            // Every commit and sweep holds one, and ends by its deadline.
            let _ = timeout(most, places.acquire_many(MAX_WAITING as u32)).await;
            Ok(())
        });
        if let Some(runtime) = self.runtime.take() {
            // Does not wait, so it may happen inside another runtime.
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Postgres")
    }
}
