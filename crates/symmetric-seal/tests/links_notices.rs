//! What a sender is told is a record in the commit of what happened: whatever is lost between that commit and the
//! delivery, each event is told once. And three ways to do it that the same checks notice.
#![cfg(feature = "store")]
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::sync::Barrier;
use std::time::SystemTime;

use common::stored::{self, names};
use common::*;
use pollster::block_on;
use record_store::faults::{Fault, Faulty};
use record_store::{Commit, Expect, Key, Memory, Outcome, Prefix, Records, Sqlite};
use symmetric_seal::link::{
    LinkId, Memo, NOTICE_KEPT, Notice, ReadNotice, ReaderToken, Refusal, Terms,
};
use symmetric_seal::store::{Issued, Links, Outstanding, Verdict};

type Store = Faulty<Memory>;

fn memo() -> Memo {
    Memo::new(b"alice".to_vec()).unwrap()
}

fn told(views: u8) -> Terms {
    terms().views(views).notice(ReadNotice::Every).memo(memo())
}

async fn issue<R: Records>(links: &Links<R>, terms: Terms) -> Issued {
    stored::issue(links, terms).await
}

/// What happens to a link whose one message was read, of which the sender is told.
#[derive(Clone, Copy, Debug)]
enum Happens {
    Read,
    Replied,
    Destroyed,
    Locked,
}

/// Lets it happen, as a client does that asks again while the store is busy. What the answer says that the sender is to
/// be told.
async fn happen<R: Records>(links: &Links<R>, id: &LinkId, what: Happens) -> Vec<Notice> {
    loop {
        let (me, new) = (reader(5), reader(6));
        let done = match what {
            Happens::Read => {
                let released = links.release(id, &message().proof, &new, start()).await;
                released.map(|verdict| verdict.granted().map(|it| it.notices))
            }
            Happens::Replied => {
                let reply = links.reply(id, &me, &other_message().octets, start()).await;
                reply.map(|verdict| verdict.granted().map(|it| it.notices))
            }
            Happens::Destroyed => {
                let done = links.destroy(id, &me, start()).await;
                done.map(|verdict| verdict.granted().map(|it| it.notices))
            }
            Happens::Locked => match links.release(id, &wrong(), &new, start()).await {
                Ok(Verdict::Refused(Refusal::WrongProof { .. } | Refusal::Locked { .. })) => {
                    Ok(Some(Vec::new()))
                }
                Ok(other) => panic!("{other:?}"),
                Err(error) => Err(error),
            },
        };
        match done {
            Ok(notices) => return notices.unwrap(),
            Err(error) => assert!(error.is_temporary(), "{error:?}"),
        }
    }
}

async fn waiting<R: Records>(links: &Links<R>, now: SystemTime) -> Vec<Outstanding> {
    let waiting = links.waiting(None, None, now).await.unwrap();
    assert_eq!((waiting.damaged, &waiting.next), (0, &None));
    waiting.outstanding
}

/// Somebody else types a wrong password just before.
fn rival(id: &LinkId) -> Fault<Memory> {
    let id = id.clone();
    Fault::rival(move |store: &Memory, now| {
        let (links, wrong, other) = (Links::new(store), wrong(), reader(77));
        let guess = block_on(links.release(&id, &wrong, &other, now));
        assert!(guess.unwrap().refusal().is_some());
    })
}

/// Where the sender hears of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// From the records that wait.
    Waiting,
    /// From the answer to the reader's request, after which the process ends.
    Answer,
}

/// How often the sender hears of an event whose commits meet these faults, if the process ends right after it, and
/// another one goes on.
fn heard(what: Happens, way: Way, faults: impl Fn(&LinkId) -> Vec<Fault<Memory>>) -> usize {
    block_on(async {
        let store = Store::new(Memory::new());
        let links = Links::new(&store);
        let link = issue(&links, told(3).attempts(2)).await;
        let (me, other, guess) = (reader(5), reader(6), wrong());
        let first = links.release(&link.id, &message().proof, &me, start());
        assert!(first.await.unwrap().granted().is_some());
        if matches!(what, Happens::Locked) {
            let first = links.release(&link.id, &guess, &other, start());
            assert!(first.await.unwrap().refusal().is_some());
        }
        let before = waiting(&links, start()).await;
        assert_eq!(before.len(), 1);
        store.next(faults(&link.id));
        let said = happen(&links, &link.id, what).await;
        // The end of the process; its notices were in its memory.
        drop((said, links));
        let links = Links::new(&store);
        let waits = waiting(&links, start()).await;
        let new: Vec<_> = waits.iter().filter(|one| !before.contains(one)).collect();
        for one in &new {
            assert_eq!((one.memo(), one.link()), (&memo(), &link.id.key()));
            assert_eq!(one.at(), start());
            let right = match what {
                Happens::Read => one.notice() == Notice::Read { view: 2 },
                Happens::Replied => one.notice() == Notice::Replied,
                Happens::Destroyed => one.notice() == Notice::Destroyed,
                Happens::Locked => {
                    matches!(one.notice(), Notice::Locked { until, wrong_proofs: 2.. } if until > start())
                }
            };
            assert!(right, "{one:?}");
        }
        match way {
            Way::Waiting => new.len(),
            Way::Answer => 0,
        }
    })
}

const EVENTS: [Happens; 4] = [
    Happens::Read,
    Happens::Replied,
    Happens::Destroyed,
    Happens::Locked,
];

#[test]
fn whatever_is_lost_each_event_waits_once() {
    for what in EVENTS {
        for number in 0..6 {
            let faults = |_: &LinkId| match number {
                0 => vec![],
                1 => vec![Fault::Busy],
                2 => vec![Fault::Lost],
                3 => vec![Fault::NotWritten],
                4 => vec![Fault::NotWritten, Fault::Lost],
                _ => vec![Fault::Busy, Fault::NotWritten, Fault::NotWritten],
            };
            assert_eq!(heard(what, Way::Waiting, faults), 1, "{what:?} {number}");
        }
    }
    // A rival's wrong proof, between the look and the commit: both count.
    for what in [Happens::Read, Happens::Replied, Happens::Destroyed] {
        assert_eq!(
            heard(what, Way::Waiting, |id| vec![rival(id)]),
            1,
            "{what:?}"
        );
    }
    // Whoever tells what the answer says, tells nothing of what he did before he fell over.
    for what in EVENTS {
        assert_eq!(heard(what, Way::Answer, |_| vec![]), 0, "{what:?}");
    }
}

#[test]
fn without_a_memo_nothing_is_kept_and_no_notice_waits_for_ever() {
    block_on(async {
        let store = Memory::new();
        let links = Links::new(&store);
        let silent = issue(&links, terms().notice(ReadNotice::Every)).await;
        assert_eq!(happen(&links, &silent.id, Happens::Read).await.len(), 1);
        assert!(waiting(&links, start()).await.is_empty());
        let first = issue(&links, terms().memo(memo())).await;
        let other = issue(&links, told(9)).await;
        for of in 10..15 {
            for id in [&first.id, &other.id] {
                let _ = links
                    .release(id, &message().proof, &reader(of), start())
                    .await;
            }
        }
        // Of the first view alone, and of every one.
        let of = async |id: &LinkId| {
            let key = id.key();
            let waits = links.waiting(Some(&key), None, start()).await.unwrap();
            assert!(waits.outstanding.iter().all(|one| *one.link() == key));
            waits.outstanding.len()
        };
        assert_eq!((of(&first.id).await, of(&other.id).await), (1, 5));
        let end = start() + NOTICE_KEPT;
        assert_eq!(waiting(&links, end - seconds(1)).await.len(), 6);
        assert!(waiting(&links, end).await.is_empty());
        store.sweep(end, 1000).await.unwrap();
        assert!(
            !names(&store, start())
                .await
                .contains(&"seal-notice".to_owned())
        );
    });
}

#[test]
fn what_cannot_be_read_is_counted_and_keeps_nobody_waiting() {
    block_on(async {
        let store = Memory::new();
        let links = Links::new(&store);
        let link = issue(&links, told(1)).await;
        happen(&links, &link.id, Happens::Read).await;
        let foreign = [
            Key::new("seal-notice", ([0_u8; 32], 1_u64, 1_u64)).unwrap(),
            Key::new("seal-notice", "zzz").unwrap(),
        ];
        for key in &foreign {
            let commit = Commit::new().put(key, *b"?", Expect::Absent);
            assert!(matches!(
                store.commit(commit, start()).await,
                Ok(Outcome::Committed(_))
            ));
        }
        let waits = links.waiting(None, None, start()).await.unwrap();
        assert_eq!((waits.outstanding.len(), waits.damaged), (1, 2));
    });
}

/// How a notice is delivered.
#[derive(Clone, Copy)]
enum Delivery {
    /// The mail and the end of the record in one commit.
    AtOnce,
    /// The mail, and then the end of the record.
    OneAfterTheOther,
}

/// One of several processes that tell everything that waits.
async fn deliver<R: Records>(store: &R, node: u8, how: Delivery, barrier: &Barrier) {
    let links = Links::new(store);
    let waits = waiting(&links, start()).await;
    barrier.wait();
    for (number, one) in (0_u64..).zip(waits) {
        let (record, version) = one.record();
        let text = format!("{:?}", one.notice());
        let mail = Key::new("mail", (u64::from(node), number)).unwrap();
        let mail = Commit::new().put(&mail, text.into_bytes(), Expect::Absent);
        let expect = Expect::Version(version);
        let commits = match how {
            Delivery::AtOnce => vec![mail.delete(record, expect)],
            Delivery::OneAfterTheOther => vec![mail, Commit::new().delete(record, expect)],
        };
        for commit in commits {
            let (Outcome::Committed(_) | Outcome::Conflict(_) | Outcome::Unknown) =
                store.commit(commit, start()).await.unwrap();
        }
    }
}

const READERS: u8 = 50;
const NODES: u8 = 4;

/// Fifty readers at once, then four processes at once: what the sender has in the end, each text as often as it came.
fn race<R: Records + Sync>(store: &R, how: Delivery) -> Vec<String> {
    let links = Links::new(store);
    let link = block_on(issue(&links, told(READERS)));
    let barrier = Barrier::new(READERS.into());
    std::thread::scope(|scope| {
        for of in 0..READERS {
            let (links, id, barrier) = (Links::new(store), &link.id, &barrier);
            scope.spawn(move || {
                let mine = ReaderToken::from_octets([of; 16]);
                barrier.wait();
                let released = links.release(id, &message().proof, &mine, start());
                assert!(block_on(released).unwrap().granted().is_some());
            });
        }
    });
    let barrier = Barrier::new(NODES.into());
    std::thread::scope(|scope| {
        for node in 0..NODES {
            let barrier = &barrier;
            scope.spawn(move || block_on(deliver(store, node, how, barrier)));
        }
    });
    assert!(block_on(waiting(&links, start())).is_empty());
    let mails = Prefix::new("mail", ()).unwrap();
    let page = block_on(store.scan(&mails, None, 1000, start())).unwrap();
    let texts = page
        .entries
        .iter()
        .map(|(_, mail)| mail.value().unwrap().to_vec());
    let mut texts: Vec<_> = texts.map(|text| String::from_utf8(text).unwrap()).collect();
    texts.sort();
    texts
}

/// One mail for each view.
fn each_once() -> Vec<String> {
    let views = (1..=READERS).map(|view| format!("{:?}", Notice::Read { view }));
    let mut views: Vec<_> = views.collect();
    views.sort();
    views
}

#[test]
fn many_releases_and_several_processes_tell_each_view_once() {
    assert_eq!(race(&Memory::new(), Delivery::AtOnce), each_once());
    let dir = tempfile::tempdir().unwrap();
    let store = Sqlite::open(dir.path().join("links.db")).unwrap();
    assert_eq!(race(&store, Delivery::AtOnce), each_once());
    // Two commits instead of one tell it by each process.
    let twice = race(&Memory::new(), Delivery::OneAfterTheOther);
    assert_eq!(twice.len(), usize::from(READERS) * usize::from(NODES));
}
