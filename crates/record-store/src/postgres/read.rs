//! Reading, and sweeping.

use std::ops::Range;

use tokio::time::timeout;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::Shared;
use super::commit::pause;
use super::failure::{Failure, too_late};
use super::pool;
use crate::backend::GRACE;
use crate::record::{Body, MAX_VALUE, Stamp};
use crate::{Error, Key, MAX_PAGE, MAX_PAGE_BYTES, MAX_SWEEP, Page, Swept, Version, Versioned};

pub(super) const GET: &str =
    "SELECT version, expires, value FROM record_store.record WHERE key = $1";

/// One record more than asked for, and no more octets than a page takes and one more record.
pub(super) const SCAN: &str = "SELECT key, version, expires, value FROM (
        SELECT key, version, expires, value,
            sum(octet_length(value)) OVER (ORDER BY key ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
                - octet_length(value) AS before
        FROM (
            SELECT key, version, expires, value FROM record_store.record
            WHERE key >= $1 AND key < $2 AND (expires IS NULL OR expires > $3)
            ORDER BY key LIMIT $4
        ) AS page
    ) AS measured WHERE before <= $5 ORDER BY key";

/// What [`SCAN`] lets through: a page, the value that crosses its limit, and what the records' heads may weigh.
const MOST: i64 = (MAX_PAGE_BYTES + MAX_VALUE + MAX_PAGE * 64) as i64;

pub(super) async fn get(
    shared: &Shared,
    key: &Key,
    now: Stamp,
) -> Result<Option<Versioned>, Error> {
    let rows = rows(shared, pool::GET, &[&key.as_bytes()]).await?;
    let record = rows.first().map(|row| decode(row, 0)).transpose()?;
    Ok(record.filter(|record| record.is_live(now)))
}

pub(super) async fn scan(
    shared: &Shared,
    keys: Range<Vec<u8>>,
    limit: usize,
    now: Stamp,
) -> Result<Page, Error> {
    let wanted = limit.clamp(1, MAX_PAGE) as i64 + 1;
    let rows = rows(
        shared,
        pool::SCAN,
        &[&keys.start, &keys.end, &now.0, &wanted, &MOST],
    )
    .await?;
    let records = rows.iter().map(|row| {
        let damaged = Error::Corrupt { what: "a key" };
        let bytes: Option<&[u8]> = row.try_get(0).ok();
        let key = bytes.and_then(|bytes| Key::from_stored(bytes).ok());
        Ok((key.ok_or(damaged)?, decode(row, 1)?))
    });
    Page::collect(records, limit)
}

/// Runs a statement that only reads, again if its connection was lost.
async fn rows(
    shared: &Shared,
    statement: usize,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Row>, Error> {
    let mut late = too_late();
    let work = async {
        shared.settle().await?;
        for round in 0.. {
            let lease = shared.readers.lease().await?;
            let reply = timeout(shared.patience(), lease.conn.rows(statement, parameters)).await;
            match reply.unwrap_or_else(|_| Err(Failure::Lost(too_late()))) {
                Ok(rows) => {
                    lease.keep();
                    return Ok(rows);
                }
                Err(Failure::Refused(error)) => return Err(error),
                Err(failure) => late = failure.into(),
            }
            drop(lease);
            pause(round).await;
        }
        Err(Error::Closed)
    };
    let result = timeout(shared.options.call_timeout, work).await;
    result.unwrap_or(Err(late))
}

/// Sweeps; what it does can be done twice, so an answer that is lost is no harm.
pub(super) async fn sweep(shared: &Shared, now: Stamp, budget: usize) -> Result<Swept, Error> {
    let budget = budget.clamp(1, MAX_SWEEP) as i64;
    let grace = now.after(GRACE).0;
    let sql = "SELECT removed, more FROM record_store.sweep_v1($1, $2, $3)";
    let mut late = too_late();
    let work = async {
        shared.settle().await?;
        for round in 0.. {
            let lease = shared.writers.lease().await?;
            let parameters: [(&(dyn ToSql + Sync), Type); 3] = [
                (&now.0, Type::INT8),
                (&budget, Type::INT8),
                (&grace, Type::INT8),
            ];
            let rows = lease.conn.client.query_typed(sql, &parameters).await;
            match rows.map_err(|error| Failure::of(&error)) {
                Ok(rows) => {
                    lease.keep();
                    forget_sessions(shared).await?;
                    return swept(&rows);
                }
                Err(Failure::Refused(error)) => return Err(error),
                Err(Failure::Retry) => {
                    late = Error::Busy;
                    lease.keep();
                }
                Err(failure) => {
                    late = failure.into();
                    drop(lease);
                }
            }
            pause(round).await;
        }
        Err(Error::Closed)
    };
    let result = timeout(shared.options.call_timeout, work).await;
    result.unwrap_or(Err(late))
}

fn swept(rows: &[Row]) -> Result<Swept, Error> {
    let damaged = || Error::Corrupt {
        what: "the answer of the sweep function",
    };
    let row = rows.first().ok_or_else(damaged)?;
    let removed: i64 = row.try_get(0).map_err(|_| damaged())?;
    let more = row.try_get(1).map_err(|_| damaged())?;
    let removed = usize::try_from(removed).map_err(|_| damaged())?;
    Ok(Swept { removed, more })
}

/// Removes the rows of connections that ended long ago. By the server's clock, which no caller's `now` moves; and a
/// session without a row counts as fenced off, so that no mistake here does harm.
async fn forget_sessions(shared: &Shared) -> Result<(), Error> {
    let lease = shared.readers.lease().await?;
    let sql = "DELETE FROM record_store.session WHERE started < now() - interval '1 day'";
    let done = lease.conn.client.execute_typed(sql, &[]).await;
    match done.map_err(|error| Failure::of(&error)) {
        Ok(_) => {
            lease.keep();
            Ok(())
        }
        Err(Failure::Retry) => Ok(()), // another node is at it
        Err(failure) => Err(failure.into()),
    }
}

/// The record in three columns of a row.
pub(super) fn decode(row: &Row, column: usize) -> Result<Versioned, Error> {
    let damaged = |_| Error::Corrupt { what: "a column" };
    let value: &[u8] = row.try_get(column + 2).map_err(damaged)?;
    let expires: Option<i64> = row.try_get(column + 1).map_err(damaged)?;
    Ok(Versioned {
        version: version(row.try_get(column).map_err(damaged)?),
        expires: expires.map(Stamp),
        body: Body::decode(value)?,
    })
}

pub(super) fn version(number: i64) -> Version {
    Version(number.cast_unsigned())
}
