use std::time::SystemTime;

#[cfg(feature = "postgres")]
use crate::Postgres;
#[cfg(feature = "sqlite")]
use crate::Sqlite;
use crate::{Commit, Error, Key, Memory, Outcome, Page, Prefix, Records, Swept, Versioned};

/// A store picked at run time, from a configuration file for example.
#[non_exhaustive]
#[derive(Debug)]
pub enum AnyStore {
    /// In memory.
    Memory(Memory),
    /// In a PostgreSQL database.
    #[cfg(feature = "postgres")]
    Postgres(Postgres),
    /// In an SQLite file.
    #[cfg(feature = "sqlite")]
    Sqlite(Sqlite),
}

impl AnyStore {
    /// Opens `memory:`, `sqlite:PATH` (feature `sqlite`), or `postgres://...` and `postgresql://...` (feature
    /// `postgres`).
    ///
    /// # Errors
    /// [`Error::UnknownStore`], and those of [`Sqlite::open`](crate::Sqlite::open) and
    /// [`Postgres::open`](crate::Postgres::open).
    pub fn open(location: &str) -> Result<Self, Error> {
        match location.split_once(':') {
            Some(("memory", "")) => Ok(Self::Memory(Memory::new())),
            #[cfg(feature = "postgres")]
            Some(("postgres" | "postgresql", _)) => Postgres::open(location).map(Self::Postgres),
            #[cfg(feature = "sqlite")]
            Some(("sqlite", path)) if !path.is_empty() => Sqlite::open(path).map(Self::Sqlite),
            _ => Err(Error::UnknownStore),
        }
    }
}

/// Calls the same method of whichever store it is.
macro_rules! forward {
    ($self:ident . $method:ident ( $($argument:expr),* )) => {
        match $self {
            Self::Memory(store) => store.$method($($argument),*).await,
            #[cfg(feature = "postgres")]
            Self::Postgres(store) => store.$method($($argument),*).await,
            #[cfg(feature = "sqlite")]
            Self::Sqlite(store) => store.$method($($argument),*).await,
        }
    };
}

impl Records for AnyStore {
    async fn get(&self, key: &Key, now: SystemTime) -> Result<Option<Versioned>, Error> {
        forward!(self.get(key, now))
    }

    async fn scan(
        &self,
        prefix: &Prefix,
        after: Option<&Key>,
        limit: usize,
        now: SystemTime,
    ) -> Result<Page, Error> {
        forward!(self.scan(prefix, after, limit, now))
    }

    async fn commit(&self, commit: Commit, now: SystemTime) -> Result<Outcome, Error> {
        forward!(self.commit(commit, now))
    }

    async fn sweep(&self, now: SystemTime, budget: usize) -> Result<Swept, Error> {
        forward!(self.sweep(now, budget))
    }
}

impl From<Memory> for AnyStore {
    fn from(store: Memory) -> Self {
        Self::Memory(store)
    }
}

#[cfg(feature = "postgres")]
impl From<Postgres> for AnyStore {
    fn from(store: Postgres) -> Self {
        Self::Postgres(store)
    }
}

#[cfg(feature = "sqlite")]
impl From<Sqlite> for AnyStore {
    fn from(store: Sqlite) -> Self {
        Self::Sqlite(store)
    }
}
