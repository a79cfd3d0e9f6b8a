//! What every store must do, as a suite that any implementer of [`Records`] runs on an empty store.
//!
//! ```
//! # fn main() -> Result<(), record_store::conformance::Failure> {
//! # use std::time::{Duration, UNIX_EPOCH};
//! let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
//! record_store::conformance::run(&record_store::Memory::new(), now)?;
//! # Ok(()) }
//! ```
//!
//! A store whose futures need a runtime takes [`run_on`]. Durability and crashes cannot be seen from inside a process;
//! see the crate's own `tests/crash.rs` and `tests/interop_durability.rs`.

/// Fails the check unless the condition holds.
macro_rules! hold {
    ($condition:expr, $($what:tt)+) => {
        if !$condition {
            return Err(Wrong(format!($($what)+)));
        }
    };
}

#[cfg(test)]
mod broken;
mod chunks;
mod races;
mod rules;

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Wake};
use std::thread::{self, Thread};
use std::time::{Duration, SystemTime};

use self::chunks::{discarded, huge, large, orphans, republished};
use self::races::{dropped, races};
use self::rules::{aba, atomicity, expectations, expiry, guards, limits, scan};
use crate::{Commit, Conflict, Error, Key, MAX_SWEEP, Outcome, Records, Version, Versioned};

/// A rule that the store broke.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
#[error("{check}: {what}")]
pub struct Failure {
    /// The check that failed.
    pub check: &'static str,
    /// What was wrong.
    pub what: String,
}

/// A part of a check, as [`run_on`] hands it out to be run to its end.
pub type Task<'a> = Pin<&'a mut (dyn Future<Output = ()> + Send + 'a)>;

/// Runs all checks. The time is the one that the store's callers would give; nothing sleeps.
///
/// # Errors
/// The first rule that is broken.
pub fn run(store: &impl Records, now: SystemTime) -> Result<(), Failure> {
    run_on(store, now, block_on)
}

/// As [`run`], for a store whose futures need a runtime: `|task| runtime.block_on(task)`. It is called by up to eight
/// threads at once.
///
/// # Errors
/// The first rule that is broken.
pub fn run_on(
    store: &impl Records,
    now: SystemTime,
    block_on: impl Fn(Task<'_>) + Sync,
) -> Result<(), Failure> {
    let block_on: &BlockOn<'_> = &block_on;
    // Each check is an async function, which does nothing until those before it have passed.
    macro_rules! check {
        ($($check:ident)+) => { $(
            complete(block_on, $check(store, now)).map_err(failure(stringify!($check)))?;
        )+ };
    }
    check! { expectations guards atomicity scan expiry aba limits dropped large orphans republished discarded }
    races(block_on, store, now).map_err(failure("races"))?;
    check! { huge }
    Ok(())
}

type BlockOn<'a> = dyn Fn(Task<'_>) + Sync + 'a;

fn failure(check: &'static str) -> impl Fn(Wrong) -> Failure {
    move |Wrong(what)| Failure { check, what }
}

/// Runs a part of a check to its end. One that panics fails, so that the others do not wait for it.
fn complete<T: Send>(
    block_on: &BlockOn<'_>,
    part: impl Future<Output = Result<T, Wrong>> + Send,
) -> Result<T, Wrong> {
    let mut result = Err(Wrong("the runtime left before the end".into()));
    let ran = catch_unwind(AssertUnwindSafe(|| {
        block_on(pin!(async { result = part.await }));
    }));
    match ran {
        Ok(()) => result,
        Err(_) => Err(Wrong("a call panicked".into())),
    }
}

struct Wrong(String);

type Checked = Result<(), Wrong>;

impl From<Error> for Wrong {
    fn from(error: Error) -> Self {
        Self(format!("unexpected error: {error}"))
    }
}

/// After how many calls a check gives up on a store that never comes to an end.
const PATIENCE: usize = 1000;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

async fn committed(
    store: &impl Records,
    commit: Commit,
    now: SystemTime,
) -> Result<Version, Wrong> {
    match store.commit(commit, now).await? {
        Outcome::Committed(version) => Ok(version),
        other => Err(Wrong(format!("should be committed: {other:?}"))),
    }
}

async fn conflict(
    store: &impl Records,
    commit: Commit,
    now: SystemTime,
) -> Result<Conflict, Wrong> {
    match store.commit(commit, now).await? {
        Outcome::Conflict(conflict) => Ok(conflict),
        other => Err(Wrong(format!("should be a conflict: {other:?}"))),
    }
}

async fn read(store: &impl Records, key: &Key, now: SystemTime) -> Result<Versioned, Wrong> {
    store
        .get(key, now)
        .await?
        .ok_or_else(|| Wrong(format!("{key:?} is absent")))
}

/// Sweeps until nothing is left to sweep; how much was removed.
async fn sweep(store: &impl Records, now: SystemTime) -> Result<usize, Wrong> {
    let mut removed = 0;
    for _ in 0..PATIENCE {
        let swept = store.sweep(now, MAX_SWEEP).await?;
        removed += swept.removed;
        if !swept.more {
            return Ok(removed);
        }
    }
    Err(Wrong("the sweep says forever that there is more".into()))
}

/// Runs a task on this thread; a store that needs no runtime is tested without one.
fn block_on(mut task: Task<'_>) {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(thread::current())).into();
    while task
        .as_mut()
        .poll(&mut Context::from_waker(&waker))
        .is_pending()
    {
        thread::park();
    }
}
