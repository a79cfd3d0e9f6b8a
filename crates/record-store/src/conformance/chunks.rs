//! The checks of values in chunks.

use std::time::SystemTime;

use super::{Checked, DAY, HOUR, Wrong, committed, conflict, read, sweep};
use crate::{Commit, Error, Expect, Key, Large, MAX_VALUE, Outcome, Prefix, Records};

pub(super) async fn large(store: &impl Records, now: SystemTime) -> Checked {
    let sizes = [0, MAX_VALUE, MAX_VALUE + 1, 1 << 20, (1 << 20) + 1];
    in_and_out(store, "large", &sizes, now).await
}

pub(super) async fn huge(store: &impl Records, now: SystemTime) -> Checked {
    in_and_out(store, "huge", &[32 << 20], now).await
}

/// Values of these sizes, each in the place of the one before.
async fn in_and_out(
    store: &impl Records,
    check: &str,
    sizes: &[usize],
    now: SystemTime,
) -> Checked {
    let key = Key::new("conformance", (check, 1_u64))?;
    let beside = Key::new("conformance", (check, 2_u64))?;
    let mut expect = Expect::Absent;
    for &size in sizes {
        let mut value = vec![0x55; size];
        for (number, block) in (0_u64..).zip(value.chunks_exact_mut(4096)) {
            block[..8].copy_from_slice(&number.to_be_bytes());
        }
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
                &Key::new("conformance", (check, "again"))?,
                &staged,
                Expect::Anything,
            );
            conflict(store, again, now).await?;
        }
        expect = Expect::Version(version);
    }
    Ok(())
}

pub(super) async fn orphans(store: &impl Records, now: SystemTime) -> Checked {
    sweep(store, now + DAY * 30).await?;
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

/// A staged value that was published, replaced and swept may be published again, or not; but if it is, it stays.
pub(super) async fn republished(store: &impl Records, now: SystemTime) -> Checked {
    let key = Key::new("conformance", ("republished", 1_u64))?;
    let value = vec![1; 1 << 20]; // 16 chunks, all of which travel with the commit
    let staged = Large::stage(store, &value, now).await?;
    let publish = Commit::new().put_large(&key, &staged, Expect::Absent);
    committed(store, publish.clone(), now).await?;
    committed(store, Commit::new().delete(&key, Expect::Anything), now).await?;
    conflict(store, publish.clone(), now).await?;
    // A budget that is used up by the chunks leaves the mark that they are to be swept.
    let swept = store.sweep(now + HOUR, 16).await?;
    hold!(
        swept.removed == 16 && swept.more,
        "a sweep of 16 chunks of 17 records removed {}",
        swept.removed
    );
    let outcome = store.commit(publish, now + HOUR).await?;
    sweep(store, now + HOUR * 2).await?;
    match outcome {
        Outcome::Conflict(_) => Ok(()),
        Outcome::Committed(_) => {
            let record = read(store, &key, now).await?;
            let loaded = Large::load(store, &record, now).await;
            hold!(
                loaded.is_ok_and(|loaded| loaded[..] == value[..]),
                "the sweep took chunks that were published again"
            );
            Ok(())
        }
        Outcome::Unknown => Err(Wrong("published again, with an unknown outcome".into())),
    }
}

/// A value that is given up leaves nothing; one that was published cannot be given up any more.
pub(super) async fn discarded(store: &impl Records, now: SystemTime) -> Checked {
    sweep(store, now + DAY * 30).await?;
    let key = Key::new("conformance", ("discarded", 1_u64))?;
    // 560 chunks: 544 are staged, which takes more than one commit to remove.
    let value = vec![1; 35 << 20];
    let staged = Large::stage(store, &value, now).await?;
    let publish = Commit::new().put_large(&key, &staged, Expect::Absent);
    staged.discard(store, now).await?;
    conflict(store, publish, now).await?;
    let left = sweep(store, now + DAY * 30).await?;
    hold!(left == 0, "{left} records of a discarded value are left");

    let staged = Large::stage(store, &value, now).await?;
    let publish = Commit::new().put_large(&key, &staged, Expect::Absent);
    committed(store, publish, now).await?;
    staged.discard(store, now).await?;
    let record = read(store, &key, now).await?;
    hold!(
        Large::load(store, &record, now).await?.len() == value.len(),
        "a published value was discarded"
    );
    Ok(())
}
