//! The mutations: a store that breaks one rule, and the check that finds it out.

use std::future::poll_fn;
use std::task::Poll;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{DAY, run};
use crate::backend::{Table, apply};
use crate::commit::{Operation, Write};
use crate::record::Stamp;
use crate::{Commit, Error, Expect, Key, Memory, Outcome, Page, Prefix, Records, Swept, Versioned};

/// A rule that is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    IgnoresExpectations,
    IgnoresGuards,
    CommitsByHalves,
    ScansBackwards,
    ScansItsCursor,
    ScansEndlessly,
    ScansBeyondTheLimit,
    ScansExpired,
    ScansChunks,
    ReadsExpired,
    WritesOverNoExpired,
    SweepsEarly,
    SweepsNothing,
    SweepsEndlessly,
    SweepsBeyondTheBudget,
    SweepsChunksInUse,
    RestartsVersions,
    HasNoLimits,
    CancelsWhatIsDropped,
    ForgetsChunks,
    ForgetsTheMark,
    LosesRaces,
    Panics,
}

#[test]
fn each_broken_rule_is_found_out() {
    use Fault::*;
    let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    for (fault, check) in [
        (IgnoresExpectations, "expectations"),
        (Panics, "expectations"),
        (IgnoresGuards, "guards"),
        (CommitsByHalves, "atomicity"),
        (ScansBackwards, "scan"),
        (ScansItsCursor, "scan"),
        (ScansEndlessly, "scan"),
        (ScansBeyondTheLimit, "scan"),
        (ScansExpired, "scan"),
        (ScansChunks, "large"),
        (ReadsExpired, "expiry"),
        (WritesOverNoExpired, "expiry"),
        (SweepsEarly, "expiry"),
        (SweepsNothing, "expiry"),
        (SweepsEndlessly, "expiry"),
        (SweepsBeyondTheBudget, "orphans"),
        (SweepsChunksInUse, "orphans"),
        (RestartsVersions, "aba"),
        (HasNoLimits, "limits"),
        (CancelsWhatIsDropped, "dropped"),
        (ForgetsChunks, "orphans"),
        (ForgetsTheMark, "republished"),
        (LosesRaces, "races"),
    ] {
        let memory = Memory::new();
        let found = run(&Broken { memory, fault }, now).map_err(|failure| failure.check);
        assert_eq!(found, Err(check), "{fault:?}");
    }
    let memory = Memory::new();
    let fault = None;
    run(&Broken { memory, fault }, now).unwrap();
}

struct Broken {
    memory: Memory,
    fault: Fault,
}

/// Whether a key is one of this check.
fn is_of(check: &str, key: &Key) -> bool {
    key.parts()
        .next()
        .is_some_and(|part| part.text() == Some(check))
}

impl Records for Broken {
    async fn get(&self, key: &Key, now: SystemTime) -> Result<Option<Versioned>, Error> {
        match self.fault {
            Fault::ReadsExpired => self.memory.get(key, UNIX_EPOCH).await,
            _ => self.memory.get(key, now).await,
        }
    }

    async fn scan(
        &self,
        prefix: &Prefix,
        after: Option<&Key>,
        limit: usize,
        now: SystemTime,
    ) -> Result<Page, Error> {
        let scan = |limit, now| self.memory.scan(prefix, after, limit, now);
        let mut page = match self.fault {
            Fault::ScansBeyondTheLimit => scan(limit + 1, now).await?,
            Fault::ScansExpired => scan(limit, UNIX_EPOCH).await?,
            _ => scan(limit, now).await?,
        };
        match self.fault {
            Fault::ScansBackwards => page.entries.reverse(),
            Fault::ScansItsCursor => {
                if let Some(key) = after
                    && let Some(record) = self.memory.get(key, now).await?
                {
                    page.entries.insert(0, (key.clone(), record));
                    page.entries.truncate(limit);
                }
            }
            Fault::ScansEndlessly => page.next = page.entries.last().map(|(key, _)| key.clone()),
            Fault::ScansChunks if *prefix == Prefix::all() => {
                let chunks = Prefix::reserved("chunk");
                page = self.memory.scan(&chunks, None, limit, now).await?;
            }
            _ => {}
        }
        Ok(page)
    }

    async fn commit(&self, mut commit: Commit, now: SystemTime) -> Result<Outcome, Error> {
        let operations = &mut commit.operations;
        let races = operations
            .iter()
            .any(|operation| is_of("races", &operation.key));
        match self.fault {
            Fault::Panics => panic!("as it should"),
            Fault::IgnoresGuards => {
                operations.retain(|operation| !matches!(operation.write, Write::Nothing));
            }
            Fault::ForgetsTheMark => operations.retain(|operation| {
                !(is_of("loose", &operation.key) && operation.expect == Expect::Absent)
                    || matches!(operation.write, Write::Put(..))
            }),
            Fault::CommitsByHalves => {
                let mut outcome = self.memory.commit(Commit::new(), now).await?;
                for operation in commit.operations {
                    let operations = vec![operation];
                    outcome = self.memory.commit(Commit { operations }, now).await?;
                    if matches!(outcome, Outcome::Conflict(_)) {
                        break;
                    }
                }
                return Ok(outcome);
            }
            Fault::HasNoLimits => {
                return apply(&mut *self.memory.state(), &commit, Stamp::new(now));
            }
            Fault::WritesOverNoExpired => return self.memory.commit(commit, UNIX_EPOCH).await,
            Fault::CancelsWhatIsDropped => {
                let mut polled = false;
                poll_fn(|context| match std::mem::replace(&mut polled, true) {
                    true => Poll::Ready(()),
                    false => {
                        context.waker().wake_by_ref();
                        Poll::Pending
                    }
                })
                .await;
            }
            _ => {}
        }
        if self.fault == Fault::IgnoresExpectations || (self.fault == Fault::LosesRaces && races) {
            commit
                .operations
                .iter_mut()
                .for_each(|operation| operation.expect = Expect::Anything);
        }
        let outcome = self.memory.commit(commit.clone(), now).await?;
        let mut state = self.memory.state();
        match self.fault {
            Fault::RestartsVersions => {
                let Some(Operation { key, write, .. }) = commit.operations.first() else {
                    return Ok(outcome);
                };
                if matches!(write, Write::Delete) && is_of("aba", key) {
                    state.last = 0;
                }
            }
            Fault::ForgetsChunks => {
                let wrote = |key: &Key| commit.operations.iter().any(|o| o.key == *key);
                for key in state.keys(&Prefix::reserved("loose"), usize::MAX)? {
                    if !wrote(&key) {
                        state.remove(&key)?;
                    }
                }
            }
            _ => {}
        }
        Ok(outcome)
    }

    async fn sweep(&self, now: SystemTime, budget: usize) -> Result<Swept, Error> {
        let sweep = |now, budget| self.memory.sweep(now, budget);
        match self.fault {
            Fault::SweepsEarly => sweep(now + DAY, budget).await,
            Fault::SweepsNothing => sweep(UNIX_EPOCH, budget).await,
            Fault::SweepsBeyondTheBudget => sweep(now, usize::MAX).await,
            Fault::SweepsEndlessly => {
                let removed = sweep(now, budget).await?.removed;
                Ok(Swept {
                    removed,
                    more: true,
                })
            }
            Fault::SweepsChunksInUse => {
                {
                    let mut state = self.memory.state();
                    for key in state.keys(&Prefix::reserved("chunk"), usize::MAX)? {
                        state.remove(&key)?;
                    }
                }
                sweep(now, budget).await
            }
            _ => sweep(now, budget).await,
        }
    }
}
