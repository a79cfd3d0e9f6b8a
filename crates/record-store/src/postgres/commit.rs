//! A commit: one call of one function, one round trip; and what to do when no answer comes.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Sleep, sleep, timeout};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::Shared;
use super::failure::{Failure, too_late};
use super::fence::{Attempt, Resolved};
use super::pool::{COMMIT, Conn};
use super::read::{decode, version};
use crate::backend::GRACE;
use crate::commit::{Operation, Write};
use crate::large::loose_key;
use crate::record::{Body, Stamp};
use crate::{Commit, Conflict, Error, Expect, Outcome};

pub(super) const PLAIN: &str = "SELECT done, failed, found_version, found_expires, found_value
    FROM record_store.commit_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";

pub(super) const NOTIFYING: &str = "SELECT done, failed, found_version, found_expires, found_value
    FROM record_store.commit_and_notify_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";

/// Runs a commit until it has an outcome or the time is up.
pub(super) async fn run(shared: &Shared, commit: &Commit, now: Stamp) -> Result<Outcome, Error> {
    let request = Request::new(commit, now);
    let mut progress = Progress {
        sent: None,
        late: too_late(),
    };
    let work = attempts(shared, &request, &mut progress);
    let result = match timeout(shared.options.call_timeout, work).await {
        Ok(result) => result,
        Err(_) => match progress.sent {
            Some(attempt) => {
                shared.fences.owe(attempt.session);
                Ok(Outcome::Unknown)
            }
            None => Err(progress.late),
        },
    };
    if let Ok(Outcome::Committed(_)) = result {
        shared.hub.tell(&request.namespaces);
    }
    result
}

/// How far it was when time was up.
struct Progress {
    /// What was sent and has no answer.
    sent: Option<Attempt>,
    /// What to say if nothing is under way.
    late: Error,
}

async fn attempts(
    shared: &Shared,
    request: &Request<'_>,
    progress: &mut Progress,
) -> Result<Outcome, Error> {
    let mut half = pin!(sleep(shared.patience()));
    let mut rolled_back = false;
    shared.settle().await?;
    for round in 0.. {
        let mut lease = shared.writers.lease().await?;
        // Another try has the other half for its answer: without one at the end, nobody would know its outcome.
        if rolled_back && is_over(half.as_mut()).await {
            lease.keep();
            return Err(Error::Busy);
        }
        let attempt = lease.conn.next_attempt();
        progress.sent = Some(attempt);
        let reply = timeout(shared.patience(), request.ask(&lease.conn, shared)).await;
        let failure = match reply.unwrap_or_else(|_| Err(Failure::Lost(too_late()))) {
            Ok(rows) => {
                progress.sent = None;
                lease.keep();
                return request.outcome(&rows);
            }
            Err(failure) => failure,
        };
        match failure {
            Failure::Retry => {
                progress.sent = None;
                progress.late = Error::Busy;
                rolled_back = true;
                lease.keep();
            }
            Failure::Refused(error) => {
                progress.sent = None;
                return Err(error);
            }
            Failure::Fenced => {
                progress.sent = None;
                drop(lease);
            }
            Failure::Lost(error) => {
                drop(lease);
                rolled_back = false;
                progress.late = error;
                if shared.options.mutation == "unfenced" {
                    progress.sent = None;
                    return Ok(Outcome::Unknown);
                }
                match shared.resolve(attempt).await {
                    Resolved::Committed(version) => return Ok(Outcome::Committed(version)),
                    Resolved::Forgotten => return Ok(Outcome::Unknown),
                    // Nothing was written, and nothing of it ever will be: once more.
                    Resolved::Nothing => progress.sent = None,
                }
            }
        }
        pause(round).await;
    }
    Err(Error::Busy)
}

/// Whether a time is over; waits for nothing.
async fn is_over(mut time: Pin<&mut Sleep>) -> bool {
    poll_fn(|context| Poll::Ready(time.as_mut().poll(context).is_ready())).await
}

/// Waits for a random time, the longer the more often it was in vain.
pub(super) async fn pause(round: u32) {
    let mut random = [0; 2];
    let _ = getrandom::fill(&mut random); // without it everybody waits equally long, which is slow but not wrong
    let most = 500 << round.min(7); // microseconds: up to 64 ms
    let part = u64::from(u16::from_le_bytes(random)) * most / u64::from(u16::MAX);
    sleep(Duration::from_micros(part)).await;
}

/// The arguments of the function, in the order of the keys.
struct Request<'a> {
    operations: &'a [Operation],
    writes: bool,
    keys: Vec<&'a [u8]>,
    /// Where the caller's operations are among the sorted ones.
    places: Vec<i64>,
    expects: Vec<i64>,
    versions: Vec<i64>,
    actions: Vec<i64>,
    values: Vec<Option<Vec<u8>>>,
    expires: Vec<Option<i64>>,
    looses: Vec<Option<Vec<u8>>>,
    now: Stamp,
    grace: Stamp,
    /// Those that are written to.
    namespaces: Vec<&'a str>,
}

impl<'a> Request<'a> {
    fn new(commit: &'a Commit, now: Stamp) -> Self {
        let operations = &commit.operations;
        let mut sorted: Vec<_> = operations.iter().enumerate().collect();
        sorted.sort_unstable_by_key(|(_, operation)| &operation.key);
        let mut request = Self {
            operations,
            writes: false,
            keys: Vec::with_capacity(sorted.len()),
            places: vec![0; sorted.len()],
            expects: Vec::with_capacity(sorted.len()),
            versions: Vec::with_capacity(sorted.len()),
            actions: Vec::with_capacity(sorted.len()),
            values: Vec::with_capacity(sorted.len()),
            expires: Vec::with_capacity(sorted.len()),
            looses: Vec::with_capacity(sorted.len()),
            now,
            grace: now.after(GRACE),
            namespaces: Vec::new(),
        };
        for (number, operation) in sorted {
            request.add(number, operation);
        }
        request
    }

    fn add(&mut self, number: usize, operation: &'a Operation) {
        let Operation { key, expect, write } = operation;
        self.keys.push(key.as_bytes());
        if let Some(place) = self.places.get_mut(number) {
            *place = self.keys.len() as i64; // arrays begin at 1
        }
        let (expect, version) = match expect {
            Expect::Anything => (0, 0),
            Expect::Absent => (1, 0),
            Expect::Version(version) => (2, version.0.cast_signed()),
        };
        self.expects.push(expect);
        self.versions.push(version);
        let (action, body, expires) = match write {
            Write::Nothing => (0, None, None),
            Write::Put(body, expires) => (1, Some(body), expires.map(|stamp| stamp.0)),
            Write::Delete => (2, None, None),
        };
        self.actions.push(action);
        self.values.push(body.map(Body::encode));
        self.expires.push(expires);
        self.looses.push(match body {
            Some(Body::Large(manifest)) => Some(loose_key(&manifest.id).as_bytes().into()),
            _ => None,
        });
        if action != 0 {
            self.writes = true;
            let namespace = key.namespace();
            if !namespace.is_empty() && self.namespaces.last() != Some(&namespace) {
                self.namespaces.push(namespace);
            }
        }
    }

    async fn ask(&self, conn: &Conn, shared: &Shared) -> Result<Vec<Row>, Failure> {
        let session = &conn.session[..];
        let parameters: [&(dyn ToSql + Sync); 14] = [
            &session,
            &conn.number,
            &self.writes,
            &self.keys,
            &self.places,
            &self.expects,
            &self.versions,
            &self.actions,
            &self.values,
            &self.expires,
            &self.looses,
            &self.now.0,
            &self.grace.0,
            &self.namespaces,
        ];
        let used = match shared.options.notify {
            true => &parameters[..],
            false => &parameters[..13],
        };
        conn.rows(COMMIT, used).await
    }

    fn outcome(&self, rows: &[Row]) -> Result<Outcome, Error> {
        let damaged = || Error::Corrupt {
            what: "the answer of the commit function",
        };
        let row = rows.first().ok_or_else(damaged)?;
        if let Some(done) = row.try_get::<_, Option<i64>>(0).map_err(|_| damaged())? {
            return Ok(Outcome::Committed(version(done)));
        }
        let failed: i64 = row.try_get(1).map_err(|_| damaged())?;
        let key = usize::try_from(failed)
            .ok()
            .and_then(|failed| self.operations.get(failed))
            .map(|operation| operation.key.clone())
            .ok_or_else(damaged)?;
        let there: Option<i64> = row.try_get(2).map_err(|_| damaged())?;
        let found = there.map(|_| decode(row, 2)).transpose()?;
        Ok(Outcome::Conflict(Conflict { key, found }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Key;
    use crate::large::{chunks_of, id_of_loose};

    #[test]
    fn the_sql_knows_how_keys_and_empty_records_are_written() {
        let sql = include_str!("schema.sql");
        let hex = |bytes: &[u8]| {
            let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
            format!("'\\x{hex}'::bytea")
        };
        let id = [0; 16]; // every octet is escaped
        let (loose, chunks) = (loose_key(&id), chunks_of(&id));
        let (loose, chunks) = (loose.as_bytes(), chunks.range(None).start);
        assert!(sql.contains(&hex(&loose[..9])) && sql.contains(&hex(&chunks[..9])));
        assert_eq!(loose[9..], chunks[9..]);
        assert_eq!(id_of_loose(&Key::from_stored(loose).unwrap()), Some(id));
        assert!(sql.contains(&hex(&Body::Inline([].into()).encode())));
        let newest = hex(&[crate::codec::FORMAT]);
        assert!(sql.contains(&format!("old_format > {newest}")));
    }
}
