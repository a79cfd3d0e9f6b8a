//! What became of a commit that got no answer.
//!
//! A connection can be lost while its last commit is still on its way: in the network, or in the server's hands. To
//! say "nothing was written" because nothing is there yet would be a guess. So every connection that writes is a
//! session with a row of its own, which each commit changes before all else. To resolve a commit is to mark that row,
//! over another connection: this waits for a transaction that is under way, shows which commit was the last, and from
//! then on no commit of that session can happen, however late it arrives.

use std::sync::{Mutex, PoisonError};

use tokio::time::timeout;
use tokio_postgres::types::{ToSql, Type};

use super::Shared;
use super::commit::pause;
use super::failure::{Failure, too_late};
use super::pool::{Conn, SessionId};
use super::read::version;
use crate::{Error, Version};

/// A commit that was sent: the session, and its number there.
#[derive(Clone, Copy)]
pub(super) struct Attempt {
    pub(super) session: SessionId,
    number: i64,
}

impl Conn {
    pub(super) fn next_attempt(&mut self) -> Attempt {
        self.number += 1;
        Attempt {
            session: self.session,
            number: self.number,
        }
    }
}

/// What a fence showed.
pub(super) enum Resolved {
    Committed(Version),
    Nothing,
    /// The session's row is gone: it was older than a day.
    Forgotten,
}

/// Sessions that have to be fenced off before anything is read, because a caller was told that he does not know.
#[derive(Default)]
pub(super) struct Fences {
    owed: Mutex<Vec<SessionId>>,
    turn: tokio::sync::Mutex<()>,
}

impl Fences {
    pub(super) fn owe(&self, session: SessionId) {
        self.owed().push(session);
    }

    fn owed(&self) -> std::sync::MutexGuard<'_, Vec<SessionId>> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Runs the fences that are owed.
    pub(super) async fn settle(&self) -> Result<(), Error> {
        if self.fences.owed().is_empty() {
            return Ok(());
        }
        let _turn = self.fences.turn.lock().await;
        loop {
            let Some(session) = self.fences.owed().last().copied() else {
                return Ok(());
            };
            self.fence(session).await?;
            self.fences.owed().retain(|owed| *owed != session);
        }
    }

    /// Fences a session off, and says what its last commit did; tries for as long as it is polled.
    pub(super) async fn resolve(&self, attempt: Attempt) -> Resolved {
        for round in 0.. {
            match self.fence(attempt.session).await {
                Ok(Some((number, version))) if number == attempt.number => {
                    return version.map_or(Resolved::Nothing, Resolved::Committed);
                }
                Ok(Some(_)) => return Resolved::Nothing,
                Ok(None) => return Resolved::Forgotten,
                Err(_) => pause(round).await,
            }
        }
        Resolved::Forgotten
    }

    /// The number and the version of the session's last commit.
    async fn fence(&self, session: SessionId) -> Result<Option<(i64, Option<Version>)>, Error> {
        let lease = self.readers.lease().await?;
        let sql =
            "UPDATE record_store.session SET fenced = true WHERE id = $1 RETURNING number, version";
        let id = &session[..];
        let parameters: [(&(dyn ToSql + Sync), Type); 1] = [(&id, Type::BYTEA)];
        let ask = lease.conn.client.query_typed(sql, &parameters);
        let rows = timeout(self.patience(), ask)
            .await
            .map_err(|_| too_late())?
            .map_err(|error| Error::from(Failure::of(&error)))?;
        lease.keep();
        let damaged = |_| Error::Corrupt { what: "a session" };
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let number = row.try_get(0).map_err(damaged)?;
        let last: Option<i64> = row.try_get(1).map_err(damaged)?;
        Ok(Some((number, last.map(version))))
    }
}
