//! The file: its tables, its settings, and what runs inside one transaction. Only this file names rusqlite.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, ErrorCode, OpenFlags, Params, Row, params};

use crate::backend::{Head, Table, apply, sweep};
use crate::record::Stamp;
use crate::{Cause, Commit, Error, Key, Outcome, Page, Prefix, Swept, Version, Versioned};

/// "LtrK": tells `file` and us that this is a store.
const APPLICATION: i32 = 0x4C74_724B;

/// What each release added to the tables; `user_version` counts how many of them a file has.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE record (
        key     BLOB NOT NULL UNIQUE,
        version INTEGER NOT NULL,
        expires INTEGER,          -- milliseconds since 1970
        value   BLOB NOT NULL     -- begins with the format version of the record
    ) STRICT;
    CREATE INDEX record_expires ON record (expires) WHERE expires IS NOT NULL;
    CREATE TABLE sequence (last INTEGER NOT NULL) STRICT;
    INSERT INTO sequence VALUES (0);
"];

/// The connection that writes.
pub(super) struct Writer {
    db: Connection,
    log: PathBuf,
    /// From which size on the log is too long, in octets.
    long: u64,
    /// A mutation for the tests: does not notice that SQLite has rolled back.
    #[cfg(test)]
    blind: bool,
}

/// A piece of work for the writer.
pub(super) enum Work {
    Commit(Commit, SystemTime),
    Sweep(SystemTime, usize),
}

pub(super) enum Done {
    Commit(Outcome),
    Sweep(Swept),
}

/// Why a whole batch has no results.
#[derive(Debug)]
pub(super) enum Lost {
    /// It was rolled back, and will not be there after a crash either.
    RolledBack(Error),
    /// The disk failed while it was being made durable: it may be there or not.
    Unknown,
}

impl Writer {
    /// Opens the file, makes it if it is not there, and brings it up to date.
    pub(super) fn open(path: &Path, extra: &str) -> Result<Self, Error> {
        let db = connect(path, OpenFlags::SQLITE_OPEN_CREATE)?;
        if write_ahead(&db)? != "wal" {
            let cause = "this file or file system cannot have a write-ahead log";
            return Err(Error::Unavailable(Cause::from(Box::from(cause))));
        }
        db.execute_batch("PRAGMA cache_size = -16384;")
            .map_err(failure)?;
        db.set_prepared_statement_cache_capacity(32);
        let mut log = plain(path).into_os_string();
        log.push("-wal");
        let mut writer = Self {
            db,
            log: log.into(),
            long: LONG_LOG,
            #[cfg(test)]
            blind: false,
        };
        writer.migrate()?;
        writer.db.execute_batch(extra).map_err(failure)?;
        Ok(writer)
    }

    /// Does all of the work in one transaction and syncs once.
    ///
    /// No result may leave before this returns: SQLite can still roll back everything, and a conflict may be due to a
    /// commit of the same batch.
    pub(super) fn run<'a>(
        &mut self,
        work: impl Iterator<Item = &'a Work>,
    ) -> Result<Vec<Result<Done, Error>>, Lost> {
        let mut results = Vec::new();
        let before = self.begin().map_err(Lost::RolledBack)?;
        for work in work {
            match self.step(work) {
                Ok(result) => results.push(result),
                Err(error) => {
                    self.roll_back();
                    return Err(Lost::RolledBack(error));
                }
            }
        }
        if let Err(error) = self.execute("COMMIT") {
            self.roll_back();
            return Err(match error {
                // The log never got its commit mark.
                Error::Full | Error::Busy => Lost::RolledBack(error),
                // The mark may be in the log although the sync failed: unseen now, but found after a crash.
                _ if self.supersede(before).is_ok() => Lost::RolledBack(error),
                _ => Lost::Unknown,
            });
        }
        Ok(results)
    }

    /// Begins a transaction; the newest version before it.
    fn begin(&mut self) -> Result<Version, Error> {
        self.execute("BEGIN IMMEDIATE")?;
        self.last_version().inspect_err(|_| self.roll_back())
    }

    /// Makes sure that a batch whose commit failed is gone for good: SQLite writes the next transaction over it in the
    /// log, so once that one is durable, nobody can find the batch any more. Unless it is there after all: then the
    /// newest version is no longer the one before it.
    fn supersede(&mut self, before: Version) -> Result<(), Error> {
        let superseded = self.begin().and_then(|last| {
            if last != before {
                return Err(Error::Busy);
            }
            self.next_version()?;
            self.execute("COMMIT")
        });
        superseded.inspect_err(|_| self.roll_back())
    }

    /// Begins the log anew if it has become long.
    ///
    /// SQLite moves the log into the file by itself, but begins it anew only when it finds that nobody reads an older
    /// state. While somebody always reads that can take for ever; this waits for such a moment.
    pub(super) fn shorten_log(&mut self) {
        let size = fs::metadata(&self.log).map_or(0, |metadata| metadata.len());
        if size < self.long {
            return;
        }
        let busy = self
            .db
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
                row.get::<_, bool>(0)
            });
        // A reader that does not end (a backup) costs this wait once for each doubling, not once for each commit.
        self.long = match busy {
            Ok(false) => LONG_LOG,
            _ => size.saturating_mul(2),
        };
    }

    /// One piece of work under a savepoint of its own, so that its failure leaves the others alone. The outer error
    /// means that the whole transaction is lost.
    fn step(&mut self, work: &Work) -> Result<Result<Done, Error>, Error> {
        self.execute("SAVEPOINT work")?;
        let result = match work {
            Work::Commit(commit, now) => apply(self, commit, Stamp::new(*now)).map(Done::Commit),
            Work::Sweep(now, budget) => sweep(self, *now, *budget).map(Done::Sweep),
        };
        if let Err(error) = &result {
            // SQLITE_FULL and some others end the transaction, not only the savepoint.
            if self.is_rolled_back() {
                return Err(error.clone());
            }
            self.execute("ROLLBACK TO work")?;
        }
        self.execute("RELEASE work")?;
        Ok(result)
    }

    fn is_rolled_back(&self) -> bool {
        #[cfg(test)]
        if self.blind {
            return false;
        }
        self.db.is_autocommit()
    }

    fn roll_back(&self) {
        if !self.db.is_autocommit() {
            let _ = self.execute("ROLLBACK"); // the error at hand says more than a second one would
        }
    }

    fn migrate(&mut self) -> Result<(), Error> {
        let db = self
            .db
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .map_err(failure)?;
        let application: i32 = pragma(&db, "application_id")?;
        let found = pragma::<u32>(&db, "user_version")?;
        let foreign = match application {
            APPLICATION => false,
            0 => found != 0 || !is_empty(&db)?,
            _ => true,
        };
        if foreign {
            return Err(Error::Corrupt {
                what: "the file belongs to another program",
            });
        }
        check_format(found)?;
        for migration in MIGRATIONS.iter().skip(found as usize) {
            db.execute_batch(migration).map_err(failure)?;
        }
        if found < FORMAT {
            db.pragma_update(None, "application_id", APPLICATION)
                .map_err(failure)?;
            db.pragma_update(None, "user_version", FORMAT)
                .map_err(failure)?;
        }
        db.commit().map_err(failure)
    }

    fn execute(&self, sql: &str) -> Result<(), Error> {
        self.write(sql, params![])
    }

    fn write(&self, sql: &str, params: impl Params) -> Result<(), Error> {
        let mut statement = self.db.prepare_cached(sql).map_err(failure)?;
        statement.execute(params).map_err(failure).map(|_| ())
    }
}

const FORMAT: u32 = MIGRATIONS.len() as u32;

const LONG_LOG: u64 = 64 * 1024 * 1024;

impl Table for Writer {
    fn head(&mut self, key: &Key) -> Result<Option<Head>, Error> {
        let sql = "SELECT version, expires, substr(value, 1, ?2) FROM record WHERE key = ?1";
        let params = params![key.as_bytes(), Head::OCTETS as i64];
        first(&self.db, sql, params, |row| {
            Head::decode(version(row, 0)?, expires(row, 1)?, blob(row, 2)?)
        })
    }

    fn find(&mut self, key: &Key) -> Result<Option<Versioned>, Error> {
        find(&self.db, key)
    }

    fn put(&mut self, key: &Key, record: &Versioned) -> Result<(), Error> {
        let sql = "INSERT INTO record (key, version, expires, value) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT (key) DO UPDATE SET version = ?2, expires = ?3, value = ?4";
        let expires = record.expires.map(|stamp| stamp.0);
        let value = record.to_bytes();
        self.write(
            sql,
            params![
                key.as_bytes(),
                record.version.0.cast_signed(),
                expires,
                value
            ],
        )
    }

    fn remove(&mut self, key: &Key) -> Result<(), Error> {
        self.write("DELETE FROM record WHERE key = ?1", params![key.as_bytes()])
    }

    fn last_version(&mut self) -> Result<Version, Error> {
        let found = first(&self.db, "SELECT last FROM sequence", params![], |row| {
            version(row, 0)
        })?;
        found.ok_or(Error::Corrupt {
            what: "the sequence of versions",
        })
    }

    fn next_version(&mut self) -> Result<Version, Error> {
        self.write("UPDATE sequence SET last = last + 1", params![])?;
        self.last_version()
    }

    fn expired(&mut self, now: SystemTime, limit: usize) -> Result<Vec<Key>, Error> {
        let now = Stamp::new(now);
        let sql = "SELECT key FROM record WHERE expires <= ?1 ORDER BY expires LIMIT ?2";
        all(&self.db, sql, params![now.0, limit as i64], |row| {
            key(row, 0)
        })
    }

    fn keys(&mut self, prefix: &Prefix, limit: usize) -> Result<Vec<Key>, Error> {
        let range = prefix.range(None);
        let sql = "SELECT key FROM record WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT ?3";
        let params = params![range.start, range.end, limit as i64];
        all(&self.db, sql, params, |row| key(row, 0))
    }
}

const SCAN: &str = "SELECT key, version, expires, value FROM record
    WHERE key >= ?1 AND key < ?2 AND (expires IS NULL OR expires > ?3) ORDER BY key";

/// A connection that only reads.
pub(super) struct Reader(Connection);

impl Reader {
    /// Opens a file that a [`Writer`] has brought up to date.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        // Not SQLITE_OPEN_READ_ONLY: to read a WAL file is to write its shared memory.
        let db = connect(path, OpenFlags::empty())?;
        db.execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -8192;")
            .map_err(failure)?;
        Ok(Self(db))
    }

    pub(super) fn get(&self, key: &Key, now: Stamp) -> Result<Option<Versioned>, Error> {
        Ok(find(&self.0, key)?.filter(|record| record.is_live(now)))
    }

    pub(super) fn scan(
        &self,
        keys: &Range<Vec<u8>>,
        limit: usize,
        now: Stamp,
    ) -> Result<Page, Error> {
        let mut statement = self.0.prepare_cached(SCAN).map_err(failure)?;
        let mut rows = statement
            .query(params![keys.start, keys.end, now.0])
            .map_err(failure)?;
        let records = std::iter::from_fn(|| match rows.next() {
            Ok(row) => row.map(|row| Ok((key(row, 0)?, record(row, 1)?))),
            Err(error) => Some(Err(failure(error))),
        });
        Page::collect(records, limit)
    }
}

/// A connection as all of ours are.
fn connect(path: &Path, more: OpenFlags) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
    let db = Connection::open_with_flags(plain(path), flags).map_err(failure)?;
    // Another process may hold the file for a moment: a backup, or a program that inspects it.
    db.busy_timeout(Duration::from_secs(5)).map_err(failure)?;
    // FULL: COMMIT returns after the log is on the disk. Whoever closes last moves the log into the file, so all have
    // these settings. macOS empties the disk's own cache only for `fullfsync`.
    db.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;
         PRAGMA trusted_schema = OFF;",
    )
    .map_err(failure)?;
    Ok(db)
}

/// A path that SQLite takes as one: as it is built here, it has its own ideas of `file:x?mode=memory`, `:memory:` and
/// the empty name.
fn plain(path: &Path) -> PathBuf {
    Path::new(".").join(path)
}

/// Turns the write-ahead log on; the mode that the file then has.
fn write_ahead(db: &Connection) -> Result<String, Error> {
    let switch = || {
        db.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))
            .map_err(failure)
    };
    for _ in 0..TRIES {
        match switch() {
            // SQLite does not wait here: two who open a new file at the same moment would wait for each other. Here
            // it does.
            Err(Error::Busy) => db
                .execute_batch("BEGIN IMMEDIATE; ROLLBACK")
                .map_err(failure)?,
            done => return done,
        }
    }
    switch()
}

/// How often to try what others may be doing at the same time.
const TRIES: usize = 100;

fn find(db: &Connection, key: &Key) -> Result<Option<Versioned>, Error> {
    let sql = "SELECT version, expires, value FROM record WHERE key = ?1";
    first(db, sql, params![key.as_bytes()], |row| record(row, 0))
}

fn first<T>(
    db: &Connection,
    sql: &str,
    params: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    let mut statement = db.prepare_cached(sql).map_err(failure)?;
    let mut rows = statement.query(params).map_err(failure)?;
    rows.next().map_err(failure)?.map(read).transpose()
}

fn all<T>(
    db: &Connection,
    sql: &str,
    params: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let mut statement = db.prepare_cached(sql).map_err(failure)?;
    let mut rows = statement.query(params).map_err(failure)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(failure)? {
        found.push(read(row)?);
    }
    Ok(found)
}

fn record(row: &Row<'_>, column: usize) -> Result<Versioned, Error> {
    let (version, expires) = (version(row, column)?, expires(row, column + 1)?);
    Versioned::from_bytes(version, expires, blob(row, column + 2)?)
}

fn key(row: &Row<'_>, column: usize) -> Result<Key, Error> {
    Key::from_stored(blob(row, column)?).map_err(|_| Error::Corrupt { what: "a key" })
}

fn version(row: &Row<'_>, column: usize) -> Result<Version, Error> {
    row.get(column)
        .map(|number: i64| Version(number.cast_unsigned()))
        .map_err(failure)
}

fn expires(row: &Row<'_>, column: usize) -> Result<Option<SystemTime>, Error> {
    row.get(column)
        .map(|stamp: Option<i64>| stamp.map(|stamp| Stamp(stamp).to_time()))
        .map_err(failure)
}

fn blob<'a>(row: &'a Row<'_>, column: usize) -> Result<&'a [u8], Error> {
    row.get_ref(column)
        .map_err(failure)?
        .as_blob()
        .map_err(|_| Error::Corrupt { what: "a column" })
}

fn pragma<T: rusqlite::types::FromSql>(db: &Connection, name: &str) -> Result<T, Error> {
    db.pragma_query_value(None, name, |row| row.get(0))
        .map_err(failure)
}

fn is_empty(db: &Connection) -> Result<bool, Error> {
    Ok(first(db, "SELECT 1 FROM sqlite_schema", params![], |_| Ok(()))?.is_none())
}

fn check_format(found: u32) -> Result<(), Error> {
    match found <= FORMAT {
        true => Ok(()),
        false => Err(Error::Format {
            found,
            known: FORMAT,
        }),
    }
}

fn failure(error: rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Error::Full,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Busy,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            Error::Corrupt { what: "the file" }
        }
        _ => Error::Unavailable(Arc::new(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Expect;

    type Results = Result<Vec<Result<Done, Error>>, Lost>;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn put(name: &str, size: usize, expect: Expect) -> Work {
        let key = Key::new("test", name).unwrap();
        Work::Commit(Commit::new().put(&key, vec![7; size], expect), NOW)
    }

    #[test]
    fn work_that_fails_half_way_leaves_the_rest_of_its_batch_alone_and_nothing_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = Writer::open(&folder.path().join("store.db"), "").unwrap();
        let until = |name: &str, seconds| {
            let expires = NOW + Duration::from_secs(seconds);
            let key = Key::new("test", name).unwrap();
            let commit = Commit::new().put_until(&key, [], Expect::Absent, expires);
            Work::Commit(commit, NOW)
        };
        let expiring = [until("first", 1), until("of a later release", 2)];
        assert!(writer.run(expiring.iter()).is_ok());
        let later = "UPDATE record SET value = x'FE' WHERE expires = 2000";
        writer.db.execute_batch(later).unwrap();
        // The sweep removes the first and cannot judge the second.
        let sweep = Work::Sweep(NOW + Duration::from_secs(9), 10);
        let batch = [
            put("a", 9, Expect::Absent),
            sweep,
            put("b", 9, Expect::Absent),
        ];
        let results = writer.run(batch.iter()).unwrap();
        assert!(matches!(
            &results[..],
            [Ok(_), Err(Error::Format { .. }), Ok(_)]
        ));
        assert_eq!(writer.keys(&Prefix::all(), 10).unwrap().len(), 4);
    }

    #[test]
    fn to_go_on_with_a_scan_costs_no_more_than_to_begin_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let mut writer = Writer::open(&path, "").unwrap();
        let name = |number| format!("{number:04}");
        let work: Vec<_> = (0..5000)
            .map(|number| put(&name(number), 9, Expect::Absent))
            .collect();
        assert!(writer.run(work.iter()).is_ok());
        let prefix = Prefix::new("test", ()).unwrap();
        let steps = |after: Option<&Key>| {
            let keys = prefix.range(after);
            let mut statement = writer.db.prepare(SCAN).unwrap();
            let mut rows = statement.query(params![keys.start, keys.end, 0]).unwrap();
            for _ in 0..10 {
                assert!(rows.next().unwrap().is_some());
            }
            drop(rows);
            statement.get_status(rusqlite::StatementStatus::VmStep)
        };
        let late = Key::new("test", name(4900)).unwrap();
        let (first, last) = (steps(None), steps(Some(&late)));
        assert!(last <= first + 10, "{first} steps, then {last}");
    }

    #[test]
    fn a_long_log_begins_anew_once_no_reader_is_in_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let mut writer = Writer::open(&path, "PRAGMA busy_timeout = 0").unwrap();
        let reader = connect(&path, OpenFlags::empty()).unwrap();
        let look = "BEGIN; SELECT * FROM sequence";
        reader.execute_batch(look).unwrap();
        let work: Vec<_> = (0..20)
            .map(|number| put(&number.to_string(), 65_536, Expect::Absent))
            .collect();
        assert!(writer.run(work.iter()).is_ok());
        let size = |writer: &Writer| fs::metadata(&writer.log).unwrap().len();
        let long = size(&writer);
        writer.shorten_log();
        assert_eq!(size(&writer), long, "not yet long");
        writer.long = long;
        writer.shorten_log();
        assert_eq!((size(&writer), writer.long), (long, 2 * long), "in the way");
        drop(reader);
        writer.long = long;
        writer.shorten_log();
        assert_eq!((size(&writer), writer.long), (0, LONG_LOG));
    }

    #[test]
    fn a_path_is_a_path() {
        let folder = tempfile::tempdir().unwrap();
        for name in [":memory:", "file:store.db?mode=memory"] {
            assert_eq!(plain(Path::new(name)), Path::new(".").join(name));
            let path = folder.path().join(name);
            drop(Writer::open(&path, "").unwrap());
            assert!(path.is_file());
        }
        assert!(matches!(
            Writer::open(Path::new(""), ""),
            Err(Error::Unavailable(_))
        ));
    }

    /// A batch whose fourth piece of work finds the file full: what each is told, and what is there afterwards.
    fn full_in_the_middle(blind: bool) -> (Results, Vec<Key>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let mut writer = Writer::open(&path, "PRAGMA max_page_count = 20").unwrap();
        writer.blind = blind;
        let absent = Expect::Absent;
        let work = [
            put("a", 9, absent),
            put("b", 9, absent),
            put("a", 9, absent),
            put("c", 65_536, absent),
        ];
        let more = [put("d", 65_536, absent), put("e", 9, absent)];
        let results = writer.run(work.iter().chain(&more));
        let found = writer.keys(&Prefix::all(), 10).unwrap();
        // Once there is room, the same batch succeeds.
        writer.blind = false;
        writer
            .db
            .execute_batch("PRAGMA max_page_count = 200")
            .unwrap();
        let retried = writer.run(work.iter().skip(3).chain(&more));
        assert!(retried.is_ok_and(|results| results.iter().all(Result::is_ok)));
        (results, found)
    }

    #[test]
    fn a_full_disk_fails_the_whole_batch() {
        let (results, found) = full_in_the_middle(false);
        assert!(matches!(results, Err(Lost::RolledBack(Error::Full))));
        assert_eq!(found, []);
    }

    #[test]
    fn mutation_a_writer_that_does_not_look_gives_the_wrong_error() {
        let (results, found) = full_in_the_middle(true);
        let wrong = matches!(results, Err(Lost::RolledBack(Error::Unavailable(_))));
        assert!(
            wrong && found.is_empty(),
            "even so, nothing of the batch may stay"
        );
    }
}
