//! The tables and functions in the database, created and upgraded by version.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::failure::{Failure, too_late, unavailable_because};
use super::pool::{Conn, Connector};
use crate::Error;

/// What each release added.
const MIGRATIONS: &[&str] = &[include_str!("schema.sql")];

const VERSION: u32 = MIGRATIONS.len() as u32;

/// The function that also notifies; not everybody has it.
const NOTIFY: &str = include_str!("notify.sql");

/// How often nodes that start at once may be in each other's way.
const TRIES: u32 = 20;

/// Brings the database up to date, beside any number of nodes that do the same.
pub(super) async fn prepare(connector: &Connector, notify: bool) -> Result<(), Error> {
    // Tables take longer than commits.
    let whole = connector.timeout * 4;
    let work = async {
        let conn = connector.connect(Box::new(|_| {})).await?;
        connector.set_up(&conn, "SERIALIZABLE", whole).await?;
        let mut tries = 0;
        loop {
            let failure = match migrate(&conn, notify).await {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            // A failed batch leaves its transaction open.
            conn.client
                .batch_execute("ROLLBACK")
                .await
                .map_err(|error| Failure::of(&error))?;
            tries += 1;
            match failure {
                Failure::Retry if tries < TRIES => {
                    sleep(Duration::from_millis(10 * u64::from(tries))).await
                }
                Failure::Retry => return Err(foreign()),
                other => return Err(other.into()),
            }
        }
    };
    timeout(whole, work)
        .await
        .unwrap_or_else(|_| Err(too_late()))
}

/// Refuses a database that a later release brought up to date while this one was running.
pub(super) async fn check(conn: &Conn) -> Result<(), Error> {
    match found(conn).await? {
        Some(found) if found <= VERSION => Ok(()),
        Some(found) => Err(Error::Format {
            found,
            known: VERSION,
        }),
        None => Err(unavailable_because("the schema record_store is gone")),
    }
}

async fn migrate(conn: &Conn, notify: bool) -> Result<(), Failure> {
    let found = found(conn).await?;
    if let Some(found) = found.filter(|&found| found > VERSION) {
        return Err(Failure::Refused(Error::Format {
            found,
            known: VERSION,
        }));
    }
    let mut script = String::from("BEGIN;");
    match found {
        None => {
            if !exists(conn, SCHEMA_EXISTS).await? {
                script.push_str("CREATE SCHEMA record_store;");
            }
            script.push_str(
                "CREATE TABLE record_store.schema (id boolean PRIMARY KEY, version bigint NOT NULL);
                 INSERT INTO record_store.schema VALUES (true, 0);",
            );
        }
        // Whoever upgrades at the same time waits here, and is told to try again.
        Some(found) if found < VERSION => {
            script.push_str("SELECT version FROM record_store.schema FOR UPDATE;");
        }
        Some(_) => {}
    }
    let missing = MIGRATIONS.iter().skip(found.unwrap_or(0) as usize);
    missing.for_each(|migration| script.push_str(migration));
    if found != Some(VERSION) {
        script.push_str(&format!(
            "UPDATE record_store.schema SET version = {VERSION};"
        ));
    }
    // Replacing a function that others call is for the first who wants it, not for each.
    if notify && (found.is_none() || !exists(conn, NOTIFY_EXISTS).await?) {
        script.push_str(NOTIFY);
    }
    if script == "BEGIN;" {
        return Ok(()); // nothing to do, and no right to do anything needed
    }
    script.push_str("COMMIT;");
    match conn.client.batch_execute(&script).await {
        Ok(()) => Ok(()),
        Err(error) => Err(match error.code().map(|code| code.code()) {
            // A duplicate schema, table or function, and "tuple concurrently updated": another node was faster.
            Some("42P06" | "42P07" | "42710" | "42723" | "XX000") => Failure::Retry,
            _ => Failure::of(&error),
        }),
    }
}

const TABLE_EXISTS: &str = "SELECT 1 FROM information_schema.tables
    WHERE table_schema = 'record_store' AND table_name = 'schema'";
const SCHEMA_EXISTS: &str =
    "SELECT 1 FROM information_schema.schemata WHERE schema_name = 'record_store'";
const NOTIFY_EXISTS: &str = "SELECT 1 FROM information_schema.routines
    WHERE routine_schema = 'record_store' AND routine_name = 'commit_and_notify_v1'";

/// The version of the schema in the database, if there is one.
async fn found(conn: &Conn) -> Result<Option<u32>, Failure> {
    if !exists(conn, TABLE_EXISTS).await? {
        return Ok(None);
    }
    let sql = "SELECT version FROM record_store.schema";
    let rows = conn.client.query_typed(sql, &[]).await;
    let rows = rows.map_err(|error| match error.code().map(|code| code.code()) {
        Some("42703") => Failure::Refused(foreign()), // it has no such column
        _ => Failure::of(&error),
    })?;
    let version = rows.first().and_then(|row| row.try_get::<_, i64>(0).ok());
    version
        .and_then(|version| u32::try_from(version).ok())
        .map(Some)
        .ok_or_else(|| Failure::Refused(foreign()))
}

fn foreign() -> Error {
    Error::Corrupt {
        what: "the schema record_store belongs to another program",
    }
}

async fn exists(conn: &Conn, sql: &str) -> Result<bool, Failure> {
    let rows = conn.client.query_typed(sql, &[]).await;
    rows.map(|rows| !rows.is_empty())
        .map_err(|error| Failure::of(&error))
}
