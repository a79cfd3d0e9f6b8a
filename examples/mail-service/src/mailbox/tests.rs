use super::*;
use std::{
    collections::HashSet,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

const NOW: SystemTime = SystemTime::UNIX_EPOCH;

/// Mailboxes of joe and ann.
async fn mailboxes(octets: u64) -> Arc<Mailboxes> {
    let store = Arc::new(AnyStore::open("memory:").unwrap());
    for account in ["joe", "ann"] {
        write_account(&store, account).await;
    }
    node(store, octets)
}

/// What one process makes of a store.
fn node(store: Arc<AnyStore>, octets: u64) -> Arc<Mailboxes> {
    let quota = Quota {
        octets,
        messages: 1000,
    };
    Arc::new(Mailboxes::new(store, quota))
}

/// A clock that stands still.
async fn lock(boxes: &Mailboxes, account: &str) -> Option<Lock> {
    let clock = Clock::from_fn(|| NOW);
    boxes.lock(&account.into(), &clock).await.unwrap()
}

async fn write_account(store: &AnyStore, account: &str) {
    let key = accounts::key(account).unwrap();
    let commit = Commit::new().put(&key, *b"x", Expect::Anything);
    let done = store.commit(commit, NOW).await.unwrap();
    assert!(matches!(done, Outcome::Committed(_)));
}

/// All records but those of the two accounts.
async fn records(boxes: &Mailboxes) -> usize {
    let all = boxes.store.scan(&Prefix::all(), None, 1000, NOW).await;
    let entries = all.unwrap().entries;
    let of_account = |key: &Key| {
        ["joe", "ann"]
            .iter()
            .any(|a| *key == accounts::key(a).unwrap())
    };
    entries.iter().filter(|(key, _)| !of_account(key)).count()
}

#[tokio::test]
async fn what_comes_in_goes_out_in_order() {
    let boxes = mailboxes(1 << 30).await;
    let joe: Arc<str> = "joe".into();
    let large = vec![b'x'; 3_000_000];
    for (micros, message) in [(1, &b"one"[..]), (2, &large), (3, b"three")] {
        let now = NOW + Duration::from_micros(micros);
        let to = std::slice::from_ref(&joe);
        boxes.deliver(to, message, now).await.unwrap();
    }
    let rows = boxes.rows("joe", NOW).await.unwrap();
    assert_eq!(
        rows.iter().map(|r| r.size).collect::<Vec<_>>(),
        [3, 3_000_000, 5]
    );
    assert_eq!(&*boxes.load(&rows[1], NOW).await.unwrap(), &large);
    let uids: HashSet<_> = rows.iter().map(Row::uid).collect();
    assert!(uids.len() == 3 && uids.iter().all(|uid| uid.len() == 32));
    let held = lock(&boxes, "joe").await.unwrap();
    boxes.remove(&held, &rows[..2], NOW).await.unwrap();
    assert_eq!(boxes.rows("joe", NOW).await.unwrap(), rows[2..]);
    assert!(matches!(
        boxes.load(&rows[0], NOW).await,
        Err(Error::Damaged)
    ));
    boxes.remove(&held, &rows, NOW).await.unwrap();
    held.release().await;
    assert_eq!(records(&boxes).await, 0);
}

#[tokio::test]
async fn a_shared_message_goes_with_its_last_row() {
    let boxes = mailboxes(1 << 20).await;
    let [joe, ann]: [Arc<str>; 2] = ["joe".into(), "ann".into()];
    let both = [joe.clone(), ann.clone()];
    boxes.deliver(&both, b"hello", NOW).await.unwrap();
    let row = boxes.rows("joe", NOW).await.unwrap();
    let held = lock(&boxes, "joe").await.unwrap();
    boxes.remove(&held, &row, NOW).await.unwrap();
    boxes.remove(&held, &row, NOW).await.unwrap();
    held.release().await;
    let row = boxes.rows("ann", NOW).await.unwrap();
    assert_eq!(&*boxes.load(&row[0], NOW).await.unwrap(), b"hello");
    assert_eq!(empty(&boxes.store, "ann", NOW).await.unwrap(), 1);
    assert_eq!(records(&boxes).await, 0);
}

#[tokio::test]
async fn full_is_full_until_something_goes() {
    let boxes = mailboxes(10).await;
    let joe: Arc<str> = "joe".into();
    let deliver = |message: &'static [u8]| {
        let boxes = boxes.clone();
        let to = [joe.clone()];
        async move { boxes.deliver(&to, message, NOW).await }
    };
    deliver(b"12345678").await.unwrap();
    assert!(matches!(deliver(b"123").await, Err(Error::Quota)));
    let rows = boxes.rows("joe", NOW).await.unwrap();
    let held = lock(&boxes, "joe").await.unwrap();
    boxes.remove(&held, &rows, NOW).await.unwrap();
    deliver(b"123").await.unwrap();
}

/// Deliveries side by side: as many as fit, and no more.
#[tokio::test]
async fn a_quota_cannot_be_outrun() {
    let boxes = mailboxes(10).await;
    let to: [Arc<str>; 1] = ["joe".into()];
    boxes.count(&to[0], NOW).await.unwrap();
    assert!(boxes.usage.charge(&to, 6), "the first is under way");
    assert!(!boxes.usage.charge(&to, 6));
    // A new count does not forget it.
    let later = NOW + usage::REMEMBERED;
    boxes.count(&to[0], later).await.unwrap();
    let second = boxes.deliver(&to, b"123456", later).await;
    assert!(matches!(second, Err(Error::Quota)));
    // The first fails, and takes nothing with it.
    boxes.usage.ended(&to, 6);
    boxes.deliver(&to, b"1234567890", later).await.unwrap();
}

/// Between RCPT and the end of DATA an account may go: its mail must not wait for the next owner.
#[tokio::test]
async fn nothing_is_stored_for_an_account_that_is_gone() {
    let boxes = mailboxes(1 << 20).await;
    let both: [Arc<str>; 2] = ["joe".into(), "ann".into()];
    assert!(boxes.has_room(&both[1], 5, NOW).await.unwrap());
    let gone = Commit::new().delete(&accounts::key("ann").unwrap(), Expect::Anything);
    let gone = boxes.store.commit(gone, NOW).await.unwrap();
    assert!(matches!(gone, Outcome::Committed(_)));
    let stored = boxes.deliver(&both, b"hello", NOW).await;
    assert!(matches!(stored, Err(Error::NoAccount)));
    assert_eq!(records(&boxes).await, 0);
    // The same steps with both accounts there.
    write_account(&boxes.store, "ann").await;
    boxes.deliver(&both, b"hello", NOW).await.unwrap();
    assert_eq!(boxes.rows("ann", NOW).await.unwrap().len(), 1);
}

/// The same with the account removed at the last moment: the commit finds out.
#[tokio::test]
async fn a_removal_overtakes_a_delivery() {
    let boxes = mailboxes(1 << 20).await;
    let staged = boxes.stage(&["ann".into()], b"hello", NOW).await.unwrap();
    let delivery = boxes.delivery(Commit::new(), &staged, NOW).await.unwrap();
    let gone = Commit::new().delete(&accounts::key("ann").unwrap(), Expect::Anything);
    let gone = boxes.store.commit(gone, NOW).await.unwrap();
    assert!(matches!(gone, Outcome::Committed(_)));
    let late = boxes.store.commit(delivery, NOW).await.unwrap();
    assert!(matches!(late, Outcome::Conflict(_)));
    assert_eq!(records(&boxes).await, 0);
}

/// A commit whose outcome nobody knew, and that did happen: the next try finds its row.
#[tokio::test]
async fn what_is_there_is_not_delivered_twice_and_not_called_failed() {
    let boxes = mailboxes(1 << 20).await;
    let to: [Arc<str>; 2] = ["ann".into(), "joe".into()];
    let staged = [boxes.stage(&to, b"hello", NOW).await.unwrap()];
    for _ in 0..2 {
        boxes.try_publish(&staged, None, NOW).await.unwrap();
        assert_eq!(boxes.rows("ann", NOW).await.unwrap().len(), 1);
        assert_eq!(boxes.rows("joe", NOW).await.unwrap().len(), 1);
    }
    // With the row gone, the same conflict is a failure.
    let row = boxes.rows("ann", NOW).await.unwrap();
    remove(&boxes.store, "ann", &row, None, NOW).await.unwrap();
    let again = boxes.try_publish(&staged, None, NOW).await;
    assert!(matches!(again, Err(Error::Commit)));
}

/// Each account its own copy, and all of them or none.
#[tokio::test]
async fn copies_of_one_message_are_one_commit() {
    let boxes = mailboxes(1 << 20).await;
    let copies = async |texts: [&[u8]; 2]| {
        let [one, other] = texts;
        let ann = boxes.stage(&["ann".into()], one, NOW).await.unwrap();
        vec![ann, boxes.stage(&["joe".into()], other, NOW).await.unwrap()]
    };
    let staged = copies([b"for Ann", b"for Joe"]).await;
    boxes.deliver_staged(staged, NOW).await.unwrap();
    for (account, text) in [("ann", b"for Ann"), ("joe", b"for Joe")] {
        let rows = boxes.rows(account, NOW).await.unwrap();
        assert_eq!(rows.len(), 1, "{account}");
        assert_eq!(*boxes.load(&rows[0], NOW).await.unwrap(), *text);
    }
    // One of them is gone: nobody gets anything, and nothing is left of it.
    let before = records(&boxes).await;
    let staged = copies([b"again", &[b'x'; 200_000]]).await;
    let gone = Commit::new().delete(&accounts::key("joe").unwrap(), Expect::Anything);
    let gone = boxes.store.commit(gone, NOW).await.unwrap();
    assert!(matches!(gone, Outcome::Committed(_)));
    let late = boxes.deliver_staged(staged, NOW).await;
    assert!(matches!(late, Err(Error::NoAccount)));
    assert_eq!(boxes.rows("ann", NOW).await.unwrap().len(), 1);
    assert_eq!(records(&boxes).await, before);
}

/// More than a commit holds are several, and nobody is left out.
#[tokio::test]
async fn more_copies_than_a_commit_holds_arrive_all_the_same() {
    let boxes = mailboxes(1 << 30).await;
    let mut staged = Vec::new();
    // Each of them travels with its commit, which holds four.
    for n in 0..9_u8 {
        let account = format!("user{n}");
        write_account(&boxes.store, &account).await;
        let (to, text) = (
            [account.as_str().into()],
            vec![n; delivery::MOST_TRAVEL - 1],
        );
        staged.push(boxes.stage(&to, &text, NOW).await.unwrap());
    }
    boxes.deliver_staged(staged, NOW).await.unwrap();
    for n in 0..9_u8 {
        let rows = boxes.rows(&format!("user{n}"), NOW).await.unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(boxes.load(&rows[0], NOW).await.unwrap()[0], n);
    }
}

#[tokio::test]
async fn many_deletions_are_one_commit() {
    let boxes = mailboxes(1 << 20).await;
    let [joe, ann]: [Arc<str>; 2] = ["joe".into(), "ann".into()];
    for _ in 0..ROWS_PER_COMMIT {
        let both = [joe.clone(), ann.clone()];
        boxes.deliver(&both, b"hello", NOW).await.unwrap();
    }
    let rows = boxes.rows("joe", NOW).await.unwrap();
    let held = lock(&boxes, "joe").await.unwrap();
    let fence = Some(held.fence().await);
    remove(&boxes.store, "joe", &rows, fence, NOW)
        .await
        .unwrap();
    held.release().await;
    let rows = boxes.rows("ann", NOW).await.unwrap();
    remove(&boxes.store, "ann", &rows, None, NOW).await.unwrap();
    assert_eq!(records(&boxes).await, 0);
}

#[tokio::test]
async fn one_session_at_a_time() {
    let boxes = mailboxes(10).await;
    let held = lock(&boxes, "joe").await.unwrap();
    assert!(lock(&boxes, "joe").await.is_none());
    let other = node(boxes.store.clone(), 10);
    assert!(lock(&other, "joe").await.is_none(), "at another process");
    assert!(lock(&other, "ann").await.is_some());
    held.release().await;
    let held = lock(&other, "joe").await.unwrap();
    assert!(lock(&boxes, "joe").await.is_none());
    // Dropped, as with a connection that panics: it is given back a little later.
    drop(held);
    while lock(&boxes, "joe").await.is_none() {
        tokio::task::yield_now().await;
    }
}

/// Of many at the same moment one gets it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_race() {
    let boxes = mailboxes(10).await;
    let racers: Vec<_> = (0..8)
        .map(|_| {
            let boxes = boxes.clone();
            tokio::spawn(async move { lock(&boxes, "joe").await })
        })
        .collect();
    let mut held = Vec::new();
    for racer in racers {
        held.extend(racer.await.unwrap());
    }
    assert_eq!(held.len(), 1);
}

/// A clock of milliseconds, and those who set it.
fn clock() -> (Clock, Arc<AtomicU64>) {
    let millis = Arc::new(AtomicU64::new(0));
    let set = millis.clone();
    let now = move || NOW + Duration::from_millis(millis.load(Ordering::Relaxed));
    (Clock::from_fn(now), set)
}

/// Lets time go by, for the clock and for those who sleep.
async fn pass(clock: &AtomicU64, time: Duration) {
    for _ in 0..time.as_millis() / 100 {
        clock.fetch_add(100, Ordering::Relaxed);
        tokio::time::advance(Duration::from_millis(100)).await;
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_lock_lives_as_long_as_its_owner() {
    let boxes = mailboxes(10).await;
    let other = node(boxes.store.clone(), 10);
    let (clock, time) = clock();
    let joe: Arc<str> = "joe".into();
    let mut held = boxes.lock(&joe, &clock).await.unwrap().unwrap();
    // It is renewed.
    pass(&time, 5 * lock::TERM).await;
    assert!(other.lock(&joe, &clock).await.unwrap().is_none());
    // Nobody renews it any more: it is there for a while, and then it is not.
    held.abandon();
    pass(&time, lock::TERM - lock::RENEWAL - Duration::from_secs(1)).await;
    assert!(other.lock(&joe, &clock).await.unwrap().is_none());
    pass(&time, lock::RENEWAL + Duration::from_secs(2)).await;
    assert!(other.lock(&joe, &clock).await.unwrap().is_some());
}

/// A process that was asleep too long wakes up and goes on as if nothing had happened.
#[tokio::test(start_paused = true)]
async fn who_lost_the_lock_deletes_nothing() {
    let boxes = mailboxes(1000).await;
    let other = node(boxes.store.clone(), 1000);
    let (clock, time) = clock();
    let joe: Arc<str> = "joe".into();
    let to = std::slice::from_ref(&joe);
    boxes.deliver(to, b"hello", clock.now()).await.unwrap();
    let late = boxes.lock(&joe, &clock).await.unwrap().unwrap();
    let rows = boxes.open(&late, clock.now()).await.unwrap();
    // The clock goes on, and nothing else does.
    time.fetch_add(lock::TERM.as_millis() as u64, Ordering::Relaxed);
    let held = other.lock(&joe, &clock).await.unwrap().unwrap();
    let removed = boxes.remove(&late, &rows, clock.now()).await;
    assert!(matches!(removed, Err(Error::LockLost)));
    late.lost().await;
    // Nor does it take the lock from the one who has it now.
    late.release().await;
    assert!(boxes.lock(&joe, &clock).await.unwrap().is_none());
    assert_eq!(other.rows("joe", clock.now()).await.unwrap(), rows);
    // The same deletion without the lock: the check above would have seen it.
    let unfenced = remove(&boxes.store, "joe", &rows, None, clock.now()).await;
    unfenced.unwrap();
    assert!(other.rows("joe", clock.now()).await.unwrap().is_empty());
    held.release().await;
}

/// Its renewal finds out, too, and the session can end before it says QUIT.
#[tokio::test(start_paused = true)]
async fn a_lock_that_is_lost_says_so() {
    let boxes = mailboxes(1000).await;
    let (clock, time) = clock();
    let joe: Arc<str> = "joe".into();
    let late = boxes.lock(&joe, &clock).await.unwrap().unwrap();
    time.fetch_add(lock::TERM.as_millis() as u64, Ordering::Relaxed);
    late.lost().await;
}

#[tokio::test]
async fn opening_counts_anew() {
    let boxes = mailboxes(10).await;
    let joe: Arc<str> = "joe".into();
    boxes
        .deliver(std::slice::from_ref(&joe), b"12345678", NOW)
        .await
        .unwrap();
    // Another process has removed it, as `user remove` does.
    empty(&boxes.store, "joe", NOW).await.unwrap();
    assert!(!boxes.has_room(&joe, 8, NOW).await.unwrap());
    let held = lock(&boxes, "joe").await.unwrap();
    assert!(boxes.open(&held, NOW).await.unwrap().is_empty());
    assert!(boxes.has_room(&joe, 8, NOW).await.unwrap());
}

/// What other processes deliver and delete counts, half a minute later at the latest.
#[tokio::test]
async fn a_count_does_not_hold_for_ever() {
    let boxes = mailboxes(10).await;
    let other = node(boxes.store.clone(), 10);
    let joe: Arc<str> = "joe".into();
    assert!(boxes.has_room(&joe, 8, NOW).await.unwrap());
    let to = std::slice::from_ref(&joe);
    other.deliver(to, b"12345678", NOW).await.unwrap();
    let almost = NOW + usage::REMEMBERED - Duration::from_millis(1);
    assert!(boxes.has_room(&joe, 8, almost).await.unwrap());
    let later = NOW + usage::REMEMBERED;
    assert!(!boxes.has_room(&joe, 8, later).await.unwrap());
    empty(&other.store, "joe", later).await.unwrap();
    let latest = later + usage::REMEMBERED;
    assert!(boxes.has_room(&joe, 8, latest).await.unwrap());
    // A clock that was set back does not make a count hold longer.
    let third = node(boxes.store.clone(), 10);
    third.deliver(to, b"12345678", NOW).await.unwrap();
    assert!(!boxes.has_room(&joe, 8, NOW).await.unwrap());
}
