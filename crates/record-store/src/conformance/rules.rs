//! The checks of single records, one after the other.

use std::time::{Duration, SystemTime};

use super::{Checked, HOUR, PATIENCE, Wrong, committed, conflict, read, sweep};
use crate::{
    Commit, Error, Expect, Key, MAX_OPERATIONS, MAX_PAGE, MAX_PAGE_BYTES, MAX_VALUE, Prefix,
    Records, Version, Versioned,
};

pub(super) async fn expectations(store: &impl Records, now: SystemTime) -> Checked {
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

pub(super) async fn guards(store: &impl Records, now: SystemTime) -> Checked {
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

pub(super) async fn atomicity(store: &impl Records, now: SystemTime) -> Checked {
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

pub(super) async fn scan(store: &impl Records, now: SystemTime) -> Checked {
    let mut keys = Vec::new();
    for name in [
        &b""[..],
        b"a",
        b"a\0",
        b"a\0b",
        b"a\x01",
        b"aa",
        b"b",
        b"\xFE",
        b"\xFF",
        b"\xFF\0",
        b"\xFF\xFF",
    ] {
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
    for limit in [1, 2, 7, MAX_PAGE] {
        let found = scan_all(store, &prefix, limit, now).await?;
        hold!(
            found.iter().map(|(key, _)| key).eq(&keys),
            "scan by {limit}: {} keys of {}, or out of order",
            found.len(),
            keys.len()
        );
        for (key, record) in found {
            hold!(
                record.value()? == key.as_bytes(),
                "a key has another key's value"
            );
        }
    }
    for name in [&b"a"[..], b"\xFF", b"\xFF\xFF"] {
        let prefix = Prefix::new("conformance", ("scan", name))?;
        let found = scan_all(store, &prefix, 2, now).await?.len();
        hold!(found == 5, "{found} of 5 keys with the prefix {name:?}");
    }
    let page = store.scan(&prefix, None, 0, now).await?;
    hold!(page.entries.len() == 1, "a limit of 0 means 1");
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

pub(super) async fn expiry(store: &impl Records, now: SystemTime) -> Checked {
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
    let guard = |expect| Commit::new().guard(&key, expect);
    conflict(store, guard(Expect::Version(first)), end).await?;
    committed(store, guard(Expect::Absent), end).await?;
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

pub(super) async fn aba(store: &impl Records, now: SystemTime) -> Checked {
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

pub(super) async fn limits(store: &impl Records, now: SystemTime) -> Checked {
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
    let prefix = Prefix::new("conformance", "limits")?;
    let page = store.scan(&prefix, None, usize::MAX, now).await?;
    hold!(
        page.entries.len() == MAX_PAGE && page.next.is_some(),
        "a page has {} records",
        page.entries.len()
    );
    let heavy = |commit: Commit, key| commit.put(key, vec![1; MAX_VALUE], Expect::Anything);
    hold!(
        too_large(
            store
                .commit(keys.iter().take(64).fold(Commit::new(), heavy), now)
                .await
        ),
        "a heavy commit"
    );
    for some in [0..50, 50..100] {
        let some = keys.get(some).unwrap_or_default();
        committed(store, some.iter().fold(Commit::new(), heavy), now).await?;
    }
    let found = scan_all(store, &prefix, MAX_PAGE, now).await?;
    let full = found.iter().filter(|(_, record)| record.size() > 0);
    hold!(
        found.len() == MAX_OPERATIONS + 1 && full.count() == 100,
        "heavy pages lose records"
    );
    Ok(())
}

fn keys(check: &str, count: usize) -> Result<Vec<Key>, Error> {
    (0..count as u64)
        .map(|number| Key::new("conformance", (check, number)))
        .collect()
}

/// All that a scan finds, page by page.
async fn scan_all(
    store: &impl Records,
    prefix: &Prefix,
    limit: usize,
    now: SystemTime,
) -> Result<Vec<(Key, Versioned)>, Wrong> {
    let (mut found, mut after) = (Vec::new(), None);
    for _ in 0..PATIENCE {
        let page = store.scan(prefix, after.as_ref(), limit, now).await?;
        hold!(page.entries.len() <= limit, "a page exceeds its limit");
        let sizes = page.entries.iter().map(|(_, record)| record.size());
        let last = page.entries.last().map_or(0, |(_, record)| record.size());
        hold!(
            sizes.sum::<u64>() - last < MAX_PAGE_BYTES as u64,
            "a page goes on although it is heavy"
        );
        found.extend(page.entries);
        after = page.next;
        if after.is_none() {
            return Ok(found);
        }
    }
    Err(Wrong("a scan does not end".into()))
}
