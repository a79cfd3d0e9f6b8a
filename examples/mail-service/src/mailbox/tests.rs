use super::*;

const NOW: SystemTime = SystemTime::UNIX_EPOCH;

/// Mailboxes of joe and ann.
async fn mailboxes(octets: u64) -> Arc<Mailboxes> {
    let store = Arc::new(AnyStore::open("memory:").unwrap());
    for account in ["joe", "ann"] {
        write_account(&store, account).await;
    }
    let quota = Quota {
        octets,
        messages: 1000,
    };
    Arc::new(Mailboxes::new(store, quota))
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
        let now = NOW + std::time::Duration::from_micros(micros);
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
    boxes.remove(&joe, &rows[..2], NOW).await.unwrap();
    assert_eq!(boxes.rows("joe", NOW).await.unwrap(), rows[2..]);
    assert!(matches!(
        boxes.load(&rows[0], NOW).await,
        Err(Error::Damaged)
    ));
    boxes.remove(&joe, &rows, NOW).await.unwrap();
    assert_eq!(records(&boxes).await, 0);
}

#[tokio::test]
async fn a_shared_message_goes_with_its_last_row() {
    let boxes = mailboxes(1 << 20).await;
    let [joe, ann]: [Arc<str>; 2] = ["joe".into(), "ann".into()];
    let both = [joe.clone(), ann.clone()];
    boxes.deliver(&both, b"hello", NOW).await.unwrap();
    let row = boxes.rows("joe", NOW).await.unwrap();
    boxes.remove(&joe, &row, NOW).await.unwrap();
    boxes.remove(&joe, &row, NOW).await.unwrap();
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
    boxes.remove(&joe, &rows, NOW).await.unwrap();
    deliver(b"123").await.unwrap();
}

/// Deliveries side by side: as many as fit, and no more.
#[tokio::test]
async fn a_quota_cannot_be_outrun() {
    let boxes = mailboxes(10).await;
    let to: [Arc<str>; 1] = ["joe".into()];
    boxes.count(&to[0], NOW).await.unwrap();
    assert!(boxes.charge(&to, 6), "the first is under way");
    assert!(!boxes.charge(&to, 6));
    let second = boxes.deliver(&to, b"123456", NOW).await;
    assert!(matches!(second, Err(Error::Quota)));
    // The first fails, and takes nothing with it.
    boxes.give_back(&to[0], 6, 1);
    boxes.deliver(&to, b"1234567890", NOW).await.unwrap();
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
    let to: [Arc<str>; 1] = ["ann".into()];
    let row = Row {
        id: new_id(NOW).unwrap(),
        size: 5,
        shared: Shared::No,
    };
    let body = Large::stage(&boxes.store, b"hello", NOW).await.unwrap();
    let delivery = boxes.delivery(&to, &row, &body, NOW).await.unwrap();
    let gone = Commit::new().delete(&accounts::key("ann").unwrap(), Expect::Anything);
    let gone = boxes.store.commit(gone, NOW).await.unwrap();
    assert!(matches!(gone, Outcome::Committed(_)));
    let late = boxes.store.commit(delivery, NOW).await.unwrap();
    assert!(matches!(late, Outcome::Conflict(_)));
    assert_eq!(records(&boxes).await, 0);
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
    remove(&boxes.store, "joe", &rows, NOW).await.unwrap();
    let rows = boxes.rows("ann", NOW).await.unwrap();
    remove(&boxes.store, "ann", &rows, NOW).await.unwrap();
    assert_eq!(records(&boxes).await, 0);
}

#[tokio::test]
async fn one_session_at_a_time() {
    let boxes = mailboxes(10).await;
    let joe: Arc<str> = "joe".into();
    let held = boxes.lock(&joe).unwrap();
    assert!(boxes.lock(&joe).is_none());
    assert!(boxes.lock(&"ann".into()).is_some());
    drop(held);
    assert!(boxes.lock(&joe).is_some());
    // Of many at the same moment one gets it.
    let start = std::sync::Barrier::new(8);
    let got = std::thread::scope(|scope| {
        let race = || {
            start.wait();
            let lock = boxes.lock(&joe);
            start.wait();
            lock.is_some()
        };
        let racers: Vec<_> = (0..8).map(|_| scope.spawn(race)).collect();
        let got = racers.into_iter().map(|racer| racer.join().unwrap());
        got.filter(|got| *got).count()
    });
    assert_eq!(got, 1);
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
    let held = boxes.lock(&joe).unwrap();
    assert!(boxes.open(&held, NOW).await.unwrap().is_empty());
    assert!(boxes.has_room(&joe, 8, NOW).await.unwrap());
}
