//! Links in a store: what is counted before anything leaves, with stores that fail, lose the answer, and let others in.
#![cfg(feature = "store")]
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::sync::Mutex;
use std::time::SystemTime;

use common::stored::*;
use common::*;
use pollster::block_on;
use record_store::faults::{Fault, Faulty};
use record_store::{
    Commit, Error, Expect, Key, Memory, Outcome, Page, Prefix, Records, Swept, Versioned,
};
use symmetric_seal::AccessProof;
use symmetric_seal::link::{
    Event, Link, LinkId, LinkKey, Notice, Refusal, Replies, Status, TOMBSTONE,
};
use symmetric_seal::store::{Issued, Links, LinksError, Verdict};

/// A store that fails on command, and tells what is done to it.
struct Watched {
    inner: Faulty<Memory>,
    log: Mutex<Vec<String>>,
}

impl Default for Watched {
    fn default() -> Self {
        Self {
            inner: Faulty::new(Memory::new()),
            log: Mutex::default(),
        }
    }
}

impl Watched {
    fn log(&self) -> Vec<String> {
        std::mem::take(&mut self.log.lock().unwrap())
    }

    fn done(&self, what: impl Into<String>) {
        self.log.lock().unwrap().push(what.into());
    }
}

impl Records for Watched {
    async fn get(&self, key: &Key, now: SystemTime) -> Result<Option<Versioned>, Error> {
        self.done(format!("get {}", key.namespace()));
        self.inner.get(key, now).await
    }

    async fn scan(
        &self,
        prefix: &Prefix,
        after: Option<&Key>,
        limit: usize,
        now: SystemTime,
    ) -> Result<Page, Error> {
        self.inner.scan(prefix, after, limit, now).await
    }

    async fn commit(&self, commit: Commit, now: SystemTime) -> Result<Outcome, Error> {
        self.done("commit");
        self.inner.commit(commit, now).await
    }

    async fn sweep(&self, now: SystemTime, budget: usize) -> Result<Swept, Error> {
        self.inner.sweep(now, budget).await
    }
}

/// Somebody else is released a view first.
fn read_by_another(id: &LinkId) -> Fault<Memory> {
    let id = id.clone();
    Fault::rival(move |store: &Memory, now| {
        let links = Links::new(store);
        let verdict = block_on(links.release(&id, &proof(), &reader(77), now));
        assert!(verdict.unwrap().granted().is_some());
    })
}

/// The sender revokes first.
fn revoked(link: &Issued) -> Fault<Memory> {
    let link = link.clone();
    Fault::rival(move |store: &Memory, now| {
        let revoked = block_on(Links::new(store).revoke(&link.id, &link.sender, now));
        assert!(revoked.unwrap().granted().is_some());
    })
}

/// What the password of the message proves; the tests of the pure machine have another one.
fn proof() -> AccessProof {
    message().proof.clone()
}

#[test]
fn a_view_is_counted_before_the_message_leaves() {
    block_on(async {
        let store = Watched::default();
        let links = Links::new(&store);
        let link = issue(&links, terms()).await;
        store.log();
        let released = links
            .release(&link.id, &proof(), &reader(5), start())
            .await
            .unwrap();
        let released = released.granted().unwrap();
        assert_eq!(
            (&released.message[..], released.view),
            (&message().octets[..], 1)
        );
        assert_eq!(released.notices, [Notice::Read { view: 1 }]);
        let right = ["get seal-link", "commit", "get seal-body"];
        assert!(counts_first(&store.log()));
        // The other order is noticed.
        assert!(!counts_first(
            &[right[0], right[2], right[1]].map(String::from)
        ));
        // And if it cannot be counted, nothing leaves.
        store.inner.next([Fault::Busy]);
        let failed = links.release(&link.id, &proof(), &reader(6), start()).await;
        assert!(failed.unwrap_err().is_temporary());
        assert_eq!(store.log(), ["get seal-link", "commit"]);
        let again = links
            .release(&link.id, &proof(), &reader(6), start())
            .await
            .unwrap();
        assert_eq!(again.granted().unwrap().view, 2);
    });
}

fn counts_first(log: &[String]) -> bool {
    let at = |what: &str| log.iter().position(|done| done == what);
    at("commit").is_some_and(|commit| at("get seal-body").is_some_and(|body| commit < body))
}

#[test]
fn looking_writes_nothing() {
    block_on(async {
        let store = Watched::default();
        let links = Links::new(&store);
        let link = issue(&links, terms().views(1)).await;
        let writes = || store.log().contains(&"commit".to_owned());
        writes();
        for later in [0, 1, 6, 8, 400] {
            let now = start() + later * DAY;
            let view = links.view(&link.id, now).await.unwrap();
            let seen = links.status(&link.id, &link.sender, now).await.unwrap();
            let (view, seen) = (view.granted().unwrap(), seen.granted().unwrap());
            assert_eq!(view.status, seen.status);
            assert_eq!(view.challenge, (later < 7).then_some(message().kdf));
            assert!(!writes(), "after {later} days");
        }
        // What a GET must not do is noticed: a view that is not only looked at.
        let released = links
            .release(&link.id, &proof(), &reader(5), start())
            .await
            .unwrap();
        assert!(released.granted().is_some() && writes());
    });
}

#[test]
fn lost_answers_and_rivals_count_once() {
    for faults in [
        &[][..],
        &[Fault::Lost],
        &[Fault::NotWritten],
        &[Fault::NotWritten, Fault::Lost],
        &[Fault::NotWritten, Fault::NotWritten],
    ] {
        block_on(async {
            let store = Faulty::new(Memory::new());
            let links = Links::new(&store);
            let link = issue(&links, terms().views(1)).await;
            store.next(faults.iter().cloned());
            let released = links
                .release(&link.id, &proof(), &reader(5), start())
                .await
                .unwrap();
            let released = released.granted().unwrap();
            assert_eq!(
                (released.view, released.notices),
                (1, vec![Notice::Read { view: 1 }]),
                "{faults:?}"
            );
            // The answer to the reader was lost, too: he asks again with the same token.
            let again = links
                .release(&link.id, &proof(), &reader(5), start())
                .await
                .unwrap();
            let again = again.granted().unwrap();
            assert_eq!((again.view, again.notices), (1, vec![]), "{faults:?}");
            let other = links
                .release(&link.id, &proof(), &reader(6), start())
                .await
                .unwrap();
            assert_eq!(other.refusal(), Some(Refusal::ViewsUsed));

            // A reply, a revocation.
            let reader = reader(5);
            let reply = || links.reply(&link.id, &reader, &other_message().octets, start());
            store.next(faults.iter().cloned());
            assert_eq!(
                reply().await.unwrap().granted().unwrap().notices,
                [Notice::Replied],
                "{faults:?}"
            );
            assert_eq!(reply().await.unwrap().granted().unwrap().notices, []);
            store.next(faults.iter().cloned());
            assert!(
                links
                    .revoke(&link.id, &link.sender, start())
                    .await
                    .unwrap()
                    .granted()
                    .is_some()
            );
            let fetched = links
                .fetch_reply(&link.id, &link.sender, start())
                .await
                .unwrap();
            assert_eq!(
                fetched.granted().unwrap().message[..],
                other_message().octets
            );
        });
    }
    block_on(async {
        let store = Faulty::new(Memory::new());
        let links = Links::new(&store);
        let link = issue(&links, terms().views(1)).await;
        store.next([read_by_another(&link.id)]);
        let late = links
            .release(&link.id, &proof(), &reader(5), start())
            .await
            .unwrap();
        assert_eq!(late.refusal(), Some(Refusal::ViewsUsed));

        let link = issue(&links, terms()).await;
        store.next([revoked(&link)]);
        let late = links
            .release(&link.id, &proof(), &reader(5), start())
            .await
            .unwrap();
        assert_eq!(late.refusal(), Some(Refusal::Revoked { at: start() }));

        // For ever in doubt is no verdict.
        let link = issue(&links, terms()).await;
        store.next(vec![Fault::NotWritten; 500]);
        let failed = links
            .release(&link.id, &proof(), &reader(5), start())
            .await
            .unwrap_err();
        assert!(matches!(failed, LinksError::Contended) && failed.is_temporary());
    });
}

#[test]
fn a_wrong_proof_is_counted_before_it_is_called_wrong() {
    block_on(async {
        let store = Watched::default();
        let links = Links::new(&store);
        let link = issue(&links, terms()).await;
        let (wrong, somebody) = (wrong(), reader(66));
        let guess = |now| links.release(&link.id, &wrong, &somebody, now);
        store.inner.next([Fault::Busy]);
        assert!(guess(start()).await.is_err());
        let refused = guess(start()).await.unwrap();
        assert_eq!(refused.refusal(), Some(Refusal::WrongProof { wait: None }));
        let until = start() + seconds(30);
        let refused = guess(start()).await.unwrap();
        assert_eq!(
            refused.refusal(),
            Some(Refusal::WrongProof { wait: Some(until) })
        );
        store.log();
        // Who is locked out costs one look, and no write.
        let refused = guess(start()).await.unwrap();
        assert_eq!(refused.refusal(), Some(Refusal::Locked { until }));
        assert_eq!(store.log(), ["get seal-link"]);
        let view = links
            .view(&link.id, start())
            .await
            .unwrap()
            .granted()
            .unwrap();
        assert_eq!(
            (view.status, view.challenge),
            (Status::Locked { until }, Some(message().kdf))
        );
        let released = links
            .release(&link.id, &proof(), &reader(5), until)
            .await
            .unwrap();
        assert!(released.granted().is_some());
        let seen = links
            .status(&link.id, &link.sender, until)
            .await
            .unwrap()
            .granted()
            .unwrap();
        assert_eq!((seen.wrong_proofs, seen.released), (2, vec![until]));
    });
}

#[test]
fn what_is_refused_leaves_no_chunks() {
    block_on(async {
        let store = Faulty::new(Memory::new());
        let links = Links::new(&store);
        let big = seal(&vec![7; 3 << 20]).octets;
        let link = issue(&links, terms().replies(Replies::One)).await;
        _ = links
            .release(&link.id, &proof(), &reader(5), start())
            .await
            .unwrap();
        // The sender revokes while the reply is on its way: three commits of chunks, then the one that counts.
        store.next([revoked(&link)]);
        let refused = links
            .reply(&link.id, &reader(5), &big, start())
            .await
            .unwrap();
        assert_eq!(refused.refusal(), Some(Refusal::Revoked { at: start() }));
        assert_eq!(
            store.sweep(start() + 2 * DAY, 1000).await.unwrap().removed,
            0
        );
        assert_eq!(names(&store, start()).await, ["seal-link"]);
    });
}

#[test]
fn a_sweep_ends_what_is_due_and_leaves_tombstones() {
    block_on(async {
        let store = Memory::new();
        let links = Links::new(&store);
        let mut made = Vec::new();
        for days in 1..=5 {
            let expires = start() + days * DAY;
            let link = links.issue(terms(), expires, &message().octets, message().hash, start());
            made.push(link.await.unwrap());
        }
        let unpublished = links
            .reserve(terms(), start() + 5 * DAY, start())
            .await
            .unwrap();
        let extended = links.extend(&made[0].id, &made[0].sender, start() + 9 * DAY, start());
        assert!(extended.await.unwrap().granted().is_some());
        // A link that nobody can read stops nobody else.
        let bad = made[1].id.key();
        let key = Key::new("seal-link", bad.octets()).unwrap();
        let damage = Commit::new().put(&key, *b"?", Expect::Anything);
        assert!(matches!(
            store.commit(damage, start()).await.unwrap(),
            Outcome::Committed(_)
        ));

        let now = start() + 4 * DAY;
        let swept = links.sweep(now, 1).await.unwrap();
        assert_eq!((swept.ended, swept.more), (1, true));
        let swept = links.sweep(now, 100).await.unwrap();
        assert_eq!((swept.ended, swept.damaged, swept.more), (2, 1, false));
        assert_eq!(links.sweep(now, 100).await.unwrap().ended, 0);
        let bodies = names(&store, now)
            .await
            .iter()
            .filter(|name| *name == "seal-body")
            .count();
        assert_eq!(bodies, 3); // the extended one, the last one, and that of the damaged link
        for (link, days) in [(&made[2], 3), (&made[3], 4), (&unpublished, 1)] {
            let view = links.view(&link.id, now).await.unwrap().granted().unwrap();
            let at = start() + days * DAY;
            assert_eq!(view.status, Status::Expired { at });
            assert_eq!((view.challenge, view.hint), (None, None));
            let gone = links.view(&link.id, at + TOMBSTONE).await.unwrap();
            assert_eq!(gone.refusal(), Some(Refusal::Unknown));
        }
        assert!(matches!(
            links.view(&made[1].id, now).await,
            Err(LinksError::Record(_))
        ));
        let view = links
            .view(&made[0].id, now)
            .await
            .unwrap()
            .granted()
            .unwrap();
        assert_eq!(view.status, Status::Available { views_left: 2 });
        let unknown = LinkId::from_octets([0; 16]);
        assert_eq!(
            links.view(&unknown, now).await.unwrap(),
            Verdict::Refused(Refusal::Unknown)
        );
    });
}

#[test]
fn an_index_that_leads_nowhere_is_removed() {
    block_on(async {
        let store = Memory::new();
        let key = LinkKey::from_octets([8; 32]);
        let due = Key::new("seal-due", (1_u64, key.octets())).unwrap();
        let strange = Key::new("seal-due", "neither").unwrap();
        let commit = Commit::new()
            .put(&due, [], Expect::Absent)
            .put(&strange, [], Expect::Absent);
        assert!(matches!(
            store.commit(commit, start()).await.unwrap(),
            Outcome::Committed(_)
        ));
        let links = Links::new(&store);
        let swept = links.sweep(start(), 10).await.unwrap();
        assert_eq!((swept.ended, swept.damaged, swept.more), (0, 0, false));
        assert_eq!(names(&store, start()).await, ["seal-due"]);
    });
}

#[test]
fn a_missing_message_is_an_error_and_the_view_stays_with_its_reader() {
    block_on(async {
        let store = Memory::new();
        let links = Links::new(&store);
        let link = issue(&links, terms()).await;
        let body = Key::new("seal-body", link.id.key().octets()).unwrap();
        let found = store.get(&body, start()).await.unwrap().unwrap();
        let lose = Commit::new().delete(&body, Expect::Anything);
        assert!(matches!(
            store.commit(lose, start()).await.unwrap(),
            Outcome::Committed(_)
        ));
        let failed = links.release(&link.id, &proof(), &reader(5), start()).await;
        assert!(matches!(failed, Err(LinksError::Missing)));
        let back = Commit::new().put(&body, found.value().unwrap().to_vec(), Expect::Anything);
        assert!(matches!(
            store.commit(back, start()).await.unwrap(),
            Outcome::Committed(_)
        ));
        let released = links.resume(&link.id, &reader(5), start()).await.unwrap();
        assert_eq!(released.granted().unwrap().view, 1);
    });
}

/// What the first release wrote in a store is read: by name of its records, too.
#[test]
fn records_of_the_first_release_are_found() {
    block_on(async {
        let store = Memory::new();
        let id = LinkId::from_octets([7; 16]);
        let link = available(terms(), start() + DAY, start());
        let key = |namespace| Key::new(namespace, id.key().octets()).unwrap();
        let name = id.key();
        let due = (1_800_086_400_u64, name.octets());
        let commit = Commit::new()
            .put(&key("seal-link"), link.encode(), Expect::Absent)
            .put(&key("seal-body"), *b"sealed", Expect::Absent)
            .put(&Key::new("seal-due", due).unwrap(), [], Expect::Absent);
        assert!(matches!(
            store.commit(commit, start()).await.unwrap(),
            Outcome::Committed(_)
        ));
        let links = Links::new(&store);
        let released = links
            .release(&id, &common::proof(), &reader(5), start())
            .await
            .unwrap();
        assert_eq!(&released.granted().unwrap().message[..], b"sealed");
        assert_eq!(links.sweep(start() + DAY, 10).await.unwrap().ended, 1);
        assert_eq!(names(&store, start() + DAY).await, ["seal-link"]);
        let stored = store
            .get(&key("seal-link"), start() + DAY)
            .await
            .unwrap()
            .unwrap();
        let read = Link::decode(stored.value().unwrap()).unwrap();
        assert!(!read.step(Event::Tick, start() + DAY).changed);
    });
}
