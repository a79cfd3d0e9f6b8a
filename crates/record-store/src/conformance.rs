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
//! Durability and crashes cannot be seen from inside a process; see the crate's own `tests/crash.rs`.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake};
use std::thread::{self, Thread};
use std::time::{Duration, SystemTime};

use crate::{
    Commit, Conflict, Error, Expect, Key, Large, MAX_OPERATIONS, MAX_SWEEP, MAX_VALUE, Outcome,
    Prefix, Records, Version, Versioned,
};

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

/// Runs all checks. The time is the one that the store's callers would give; nothing sleeps.
///
/// # Errors
/// The first rule that is broken.
pub fn run(store: &impl Records, now: SystemTime) -> Result<(), Failure> {
    let checks = [
        ("expectations", block_on(expectations(store, now))),
        ("guards", block_on(guards(store, now))),
        ("atomicity", block_on(atomicity(store, now))),
        ("scan", block_on(scan(store, now))),
        ("expiry", block_on(expiry(store, now))),
        ("aba", block_on(aba(store, now))),
        ("limits", block_on(limits(store, now))),
        ("large", block_on(large(store, now))),
        ("orphans", block_on(orphans(store, now))),
        ("races", races(store, now)),
    ];
    for (check, result) in checks {
        result.map_err(|what| Failure {
            check,
            what: what.0,
        })?;
    }
    Ok(())
}

struct Wrong(String);

type Checked = Result<(), Wrong>;

impl From<Error> for Wrong {
    fn from(error: Error) -> Self {
        Self(format!("unexpected error: {error}"))
    }
}

/// Fails the check unless the condition holds.
macro_rules! hold {
    ($condition:expr, $($what:tt)+) => {
        if !$condition {
            return Err(Wrong(format!($($what)+)));
        }
    };
}

async fn expectations(store: &impl Records, now: SystemTime) -> Checked {
    let key = Key::new("conformance", ("expectations", 1_u64))?;
    hold!(
        store.get(&key, now).await?.is_none(),
        "the store must be empty"
    );
    let first = committed(store, Commit::new().put(&key, *b"one", Expect::Absent), now).await?;
    let refused = conflict(store, Commit::new().put(&key, *b"two", Expect::Absent), now).await?;
    hold!(refused.key == key, "the conflict names another key");
    let found = refused
        .found
        .ok_or_else(|| Wrong("the conflict does not show what is there".into()))?;
    hold!(
        found.value()? == b"one" && found.version() == first,
        "the conflict shows something else"
    );

    let second = committed(
        store,
        Commit::new().put(&key, *b"two", Expect::Version(first)),
        now,
    )
    .await?;
    hold!(second > first, "versions must grow");
    let late = conflict(
        store,
        Commit::new().delete(&key, Expect::Version(first)),
        now,
    )
    .await?;
    hold!(
        late.found.is_some_and(|found| found.version() == second),
        "a stale delete was not refused rightly"
    );
    let third = committed(
        store,
        Commit::new().put(&key, *b"three", Expect::Anything),
        now,
    )
    .await?;
    let read = read(store, &key, now).await?;
    hold!(
        read.value()? == b"three" && read.version() == third,
        "the last write is not what is read"
    );
    hold!(
        read.size() == 5 && read.expires().is_none(),
        "size or expiry is wrong"
    );
    committed(
        store,
        Commit::new().delete(&key, Expect::Version(third)),
        now,
    )
    .await?;
    hold!(
        store.get(&key, now).await?.is_none(),
        "a deleted record is read"
    );
    committed(store, Commit::new().delete(&key, Expect::Anything), now).await?;
    committed(store, Commit::new().delete(&key, Expect::Absent), now).await?;
    committed(store, Commit::new(), now).await.map(|_| ())
}

async fn guards(store: &impl Records, now: SystemTime) -> Checked {
    let guard = Key::new("conformance", ("guards", "guard"))?;
    let key = Key::new("conformance", ("guards", "key"))?;
    let write = || Commit::new().put(&key, *b"x", Expect::Anything);
    committed(store, write().guard(&guard, Expect::Absent), now).await?;
    let version = committed(store, Commit::new().put(&guard, *b"g", Expect::Absent), now).await?;
    let refused = conflict(store, write().guard(&guard, Expect::Absent), now).await?;
    hold!(refused.key == guard, "the conflict does not name the guard");
    committed(store, write().guard(&guard, Expect::Version(version)), now).await?;
    hold!(
        read(store, &guard, now).await?.version() == version,
        "a guarded record was changed"
    );
    committed(
        store,
        Commit::new().guard(&guard, Expect::Version(version)),
        now,
    )
    .await?;
    committed(store, Commit::new().delete(&guard, Expect::Anything), now).await?;
    conflict(store, write().guard(&guard, Expect::Version(version)), now)
        .await
        .map(|_| ())
}

async fn atomicity(store: &impl Records, now: SystemTime) -> Checked {
    let keys = keys("atomicity", 3)?;
    let [a, b, c] = &keys[..] else { return Ok(()) };
    committed(store, Commit::new().put(c, *b"c", Expect::Absent), now).await?;
    let all = Commit::new()
        .put(a, *b"a", Expect::Absent)
        .delete(c, Expect::Anything);
    conflict(
        store,
        all.clone()
            .put(b, *b"b", Expect::Version(Version(u64::MAX >> 1))),
        now,
    )
    .await?;
    hold!(
        store.get(a, now).await?.is_none(),
        "half of a refused commit was written"
    );
    hold!(
        store.get(c, now).await?.is_some(),
        "half of a refused commit was deleted"
    );
    let version = committed(store, all.put(b, *b"b", Expect::Absent), now).await?;
    for key in [a, b] {
        hold!(
            read(store, key, now).await?.version() == version,
            "one commit, several versions"
        );
    }
    hold!(store.get(c, now).await?.is_none(), "a delete was lost");
    Ok(())
}

async fn scan(store: &impl Records, now: SystemTime) -> Checked {
    let mut keys = Vec::new();
    for name in ["", "a", "a\0", "a\0b", "a\u{1}", "aa", "b"] {
        for number in [0, 1, 255, 256, u64::MAX] {
            keys.push(Key::new("conformance", ("scan", name, number))?);
        }
    }
    let outside = Key::new("conformance", ("scan!", "x"))?;
    let expired = Key::new("conformance", ("scan", "a", 7_u64))?;
    let mut commit = Commit::new()
        .put(&outside, *b"x", Expect::Absent)
        .put_until(&expired, *b"x", Expect::Absent, now);
    for key in keys.iter().rev() {
        commit = commit.put(key, key.as_bytes(), Expect::Absent);
    }
    committed(store, commit, now).await?;
    hold!(keys.is_sorted(), "keys are not ordered as their parts are");

    let prefix = Prefix::new("conformance", "scan")?;
    for limit in [1, 2, 7, 1000] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = store.scan(&prefix, after.as_ref(), limit, now).await?;
            hold!(page.entries.len() <= limit, "a page exceeds its limit");
            for (key, record) in page.entries {
                hold!(
                    record.value()? == key.as_bytes(),
                    "a key has another key's value"
                );
                found.push(key);
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        hold!(
            found == keys,
            "scan by {limit}: {} keys of {}, or out of order",
            found.len(),
            keys.len()
        );
    }
    let between = Key::new("conformance", ("scan", "a", 100_u64))?;
    let page = store
        .scan(
            &Prefix::new("conformance", ("scan", "a"))?,
            Some(&between),
            10,
            now,
        )
        .await?;
    hold!(
        page.entries.len() == 3 && page.next.is_none(),
        "a cursor between two keys"
    );
    let page = store
        .scan(&prefix, Some(&Key::new("conformance", "a")?), 1, now)
        .await?;
    hold!(
        page.entries.first().map(|(key, _)| key) == keys.first(),
        "a cursor before the prefix"
    );
    let page = store.scan(&prefix, Some(&outside), 1, now).await?;
    hold!(
        page.entries.is_empty() && page.next.is_none(),
        "a cursor behind the prefix"
    );
    Ok(())
}

async fn expiry(store: &impl Records, now: SystemTime) -> Checked {
    let key = Key::new("conformance", ("expiry", 1_u64))?;
    let (end, before) = (
        now + Duration::from_secs(60),
        now + Duration::from_millis(59_999),
    );
    let first = committed(
        store,
        Commit::new().put_until(&key, *b"1", Expect::Absent, end),
        now,
    )
    .await?;
    hold!(
        store.get(&key, before).await?.is_some(),
        "expired too early"
    );
    hold!(
        store.get(&key, end).await?.is_none(),
        "lives at the moment at which it expires"
    );
    conflict(
        store,
        Commit::new().put(&key, *b"2", Expect::Absent),
        before,
    )
    .await?;
    let gone = conflict(
        store,
        Commit::new().delete(&key, Expect::Version(first)),
        end,
    )
    .await?;
    hold!(gone.found.is_none(), "a conflict shows an expired record");
    let second = committed(
        store,
        Commit::new().put_until(&key, *b"2", Expect::Absent, end + HOUR),
        end,
    )
    .await?;
    hold!(second > first, "an expired record's version was used again");

    let swept = sweep(store, end).await?;
    hold!(
        store.get(&key, end).await?.is_some(),
        "the sweep took a living record"
    );
    committed(
        store,
        Commit::new().put_until(&key, *b"3", Expect::Anything, end),
        now,
    )
    .await?;
    hold!(
        sweep(store, before).await? == 0,
        "the sweep took a living record"
    );
    hold!(
        sweep(store, end).await? == 1,
        "the sweep left an expired record, after {swept}"
    );
    hold!(
        store.get(&key, now).await?.is_none(),
        "a swept record is read"
    );
    committed(store, Commit::new().put(&key, *b"4", Expect::Absent), now)
        .await
        .map(|_| ())
}

async fn aba(store: &impl Records, now: SystemTime) -> Checked {
    let key = Key::new("conformance", ("aba", 1_u64))?;
    let mut seen = Vec::new();
    for _ in 0..5 {
        seen.push(
            committed(
                store,
                Commit::new().put(&key, *b"same", Expect::Absent),
                now,
            )
            .await?,
        );
        committed(store, Commit::new().delete(&key, Expect::Anything), now).await?;
        sweep(store, now).await?;
    }
    committed(
        store,
        Commit::new().put(&key, *b"same", Expect::Absent),
        now,
    )
    .await?;
    for version in seen {
        conflict(
            store,
            Commit::new().put(&key, *b"new", Expect::Version(version)),
            now,
        )
        .await?;
    }
    Ok(())
}

async fn limits(store: &impl Records, now: SystemTime) -> Checked {
    let keys = keys("limits", MAX_OPERATIONS + 1)?;
    let [key, ..] = &keys[..] else { return Ok(()) };
    let value = vec![7; MAX_VALUE + 1];
    committed(
        store,
        Commit::new().put(key, &value[..MAX_VALUE], Expect::Absent),
        now,
    )
    .await?;
    hold!(
        read(store, key, now).await?.value()? == &value[..MAX_VALUE],
        "the longest value"
    );
    let too_large = |result| matches!(result, Err(Error::TooLarge { .. }));
    hold!(
        too_large(
            store
                .commit(Commit::new().put(key, value, Expect::Anything), now)
                .await
        ),
        "a longer value"
    );
    let twice = Commit::new()
        .delete(key, Expect::Anything)
        .guard(key, Expect::Anything);
    hold!(
        matches!(store.commit(twice, now).await, Err(Error::DuplicateKey)),
        "a key twice"
    );

    let put = |commit: Commit, key| commit.put(key, [], Expect::Anything);
    hold!(
        too_large(
            store
                .commit(keys.iter().fold(Commit::new(), put), now)
                .await
        ),
        "too many operations"
    );
    committed(store, keys.iter().skip(1).fold(Commit::new(), put), now).await?;
    let heavy = |commit: Commit, key| commit.put(key, vec![1; MAX_VALUE], Expect::Anything);
    hold!(
        too_large(
            store
                .commit(keys.iter().take(64).fold(Commit::new(), heavy), now)
                .await
        ),
        "a heavy commit"
    );
    Ok(())
}

async fn large(store: &impl Records, now: SystemTime) -> Checked {
    let key = Key::new("conformance", ("large", 1_u64))?;
    let beside = Key::new("conformance", ("large", 2_u64))?;
    let mut expect = Expect::Absent;
    for size in [
        0,
        MAX_VALUE,
        MAX_VALUE + 1,
        1 << 20,
        (1 << 20) + 1,
        32 << 20,
    ] {
        let value: Vec<u8> = (0..size as u64)
            .map(|n| (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8)
            .collect();
        let staged = Large::stage(store, &value, now).await?;
        let invisible = store.scan(&Prefix::all(), None, 1000, now).await?;
        hold!(
            invisible
                .entries
                .iter()
                .all(|(key, _)| !key.namespace().is_empty()),
            "a scan shows the store's own records"
        );
        let commit =
            Commit::new()
                .put_large(&key, &staged, expect)
                .put(&beside, *b"row", Expect::Anything);
        let version = committed(store, commit.clone(), now).await?;
        let record = read(store, &key, now).await?;
        hold!(record.size() == size as u64, "the size of a large value");
        hold!(
            record.value().is_ok() == (size <= MAX_VALUE),
            "large values are not taken for small ones"
        );
        hold!(
            Large::load(store, &record, now).await?[..] == value[..],
            "a value of {size} octets"
        );
        hold!(
            read(store, &beside, now).await?.version() == version,
            "one commit, several versions"
        );
        if size > MAX_VALUE {
            let again = Commit::new().put_large(
                &Key::new("conformance", "large again")?,
                &staged,
                Expect::Anything,
            );
            conflict(store, again, now).await?;
        }
        expect = Expect::Version(version);
    }
    Ok(())
}

async fn orphans(store: &impl Records, now: SystemTime) -> Checked {
    while store.sweep(now + DAY * 30, MAX_SWEEP).await?.more {}
    let key = Key::new("conformance", ("orphans", 1_u64))?;
    let value = vec![1; 3 << 20]; // 48 chunks: 32 are staged, 16 travel with the commit
    let staged = Large::stage(store, &value, now).await?;
    hold!(
        sweep(store, now + HOUR).await? == 0,
        "the sweep took staged chunks early"
    );
    hold!(
        store.sweep(now + DAY, 10).await?.more,
        "a sweep went over its budget"
    );
    let publish = Commit::new().put_large(&key, &staged, Expect::Absent);
    // Even a caller whose clock says that it is not too late must not publish what is half swept.
    conflict(store, publish.clone(), now).await?;
    let left = sweep(store, now + DAY).await?;
    hold!(
        left == 23,
        "the sweep took {left} instead of 22 chunks and their mark"
    );
    conflict(store, publish, now).await?;

    let staged = Large::stage(store, &value, now).await?;
    committed(
        store,
        Commit::new().put_large(&key, &staged, Expect::Absent),
        now,
    )
    .await?;
    hold!(
        sweep(store, now + DAY * 30).await? == 0,
        "the sweep took chunks that are in use"
    );
    let record = read(store, &key, now).await?;
    committed(
        store,
        Commit::new().put(&key, *b"small", Expect::Anything),
        now,
    )
    .await?;
    hold!(
        sweep(store, now).await? == 0,
        "the sweep took chunks that may still be read"
    );
    hold!(
        Large::load(store, &record, now).await?.len() == value.len(),
        "a slow reader lost its chunks"
    );
    let left = sweep(store, now + HOUR).await?;
    hold!(
        left == 49,
        "the sweep took {left} instead of 48 chunks and their mark"
    );
    let lost = Large::load(store, &record, now).await;
    hold!(
        matches!(lost, Err(Error::Corrupt { .. })),
        "missing chunks are noticed"
    );

    let staged = Large::stage(store, &value, now).await?;
    committed(
        store,
        Commit::new().put_large_until(&key, &staged, Expect::Anything, now + HOUR),
        now,
    )
    .await?;
    sweep(store, now + HOUR).await?;
    hold!(
        store.get(&key, now).await?.is_none(),
        "the sweep left an expired large record"
    );
    let left = sweep(store, now + HOUR * 2).await?;
    hold!(
        left == 49,
        "the sweep took {left} chunks of an expired value instead of 48 and their mark"
    );
    Ok(())
}

/// Eight tasks take sixty steps together: each step has exactly one winner.
fn races(store: &impl Records, now: SystemTime) -> Checked {
    const STEPS: usize = 60;
    const TASKS: usize = 8;
    let key = Key::new("conformance", ("races", "step"))?;
    let winners = AtomicUsize::new(0);
    let race = async |task: usize| -> Checked {
        loop {
            let (step, expect) = match store.get(&key, now).await? {
                Some(record) => (record.value()?.len(), Expect::Version(record.version())),
                None => (0, Expect::Absent),
            };
            if step == STEPS {
                return Ok(());
            }
            let trophy = Key::new("conformance", ("races", "trophy", step as u64))?;
            let commit = Commit::new().put(&key, vec![0; step + 1], expect).put(
                &trophy,
                [task as u8],
                Expect::Absent,
            );
            match store.commit(commit, now).await? {
                Outcome::Committed(_) => winners.fetch_add(1, Ordering::Relaxed),
                Outcome::Conflict(conflict) if conflict.key == key => continue,
                other => return Err(Wrong(format!("step {step} ended in {other:?}"))),
            };
        }
    };
    thread::scope(|scope| {
        let race = &race;
        let tasks: Vec<_> = (0..TASKS)
            .map(|task| scope.spawn(move || block_on(race(task))))
            .collect();
        tasks.into_iter().try_for_each(|task| {
            task.join()
                .unwrap_or_else(|_| Err(Wrong("a task panicked".into())))
        })
    })?;
    let winners = winners.into_inner();
    hold!(winners == STEPS, "{winners} winners of {STEPS} steps");
    Ok(())
}

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn keys(check: &str, count: usize) -> Result<Vec<Key>, Error> {
    (0..count as u64)
        .map(|number| Key::new("conformance", (check, number)))
        .collect()
}

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
async fn sweep(store: &impl Records, now: SystemTime) -> Result<usize, Error> {
    let mut removed = 0;
    loop {
        let swept = store.sweep(now, MAX_SWEEP).await?;
        removed += swept.removed;
        if !swept.more {
            return Ok(removed);
        }
    }
}

/// Runs a future on this thread; a store needs no runtime, and so its tests need none.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}
