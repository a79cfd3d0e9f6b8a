//! Fifty people open a link of one view in the same moment: exactly one reads. In memory, in SQLite, and in PostgreSQL,
//! through two values of `Links`; and two ways to get it wrong that the same check notices.
#![cfg(feature = "store")]
#![allow(missing_docs, clippy::unwrap_used)]

mod common;
#[cfg(target_os = "linux")]
#[path = "../../record-store/tests/common/postgres.rs"]
mod postgres;

use std::sync::Barrier;
use std::time::SystemTime;

use common::*;
use pollster::block_on;
#[cfg(target_os = "linux")]
use record_store::Postgres;
use record_store::{
    Commit, Error, Key, Memory, Outcome, Page, Prefix, Records, Sqlite, Swept, Version, Versioned,
};
use symmetric_seal::AccessProof;
use symmetric_seal::link::{LinkId, Notice, Refusal, Status};
use symmetric_seal::store::{Issued, Links, Verdict};

const PEOPLE: u8 = 50;

/// How somebody opens a link.
#[derive(Clone, Copy)]
enum Way {
    AsItIs,
    /// The message is handed out if there is a view left, and counted afterwards.
    CountsAfterwards,
}

/// Whether somebody had the message, and how many notices there were for the sender.
fn open<R: Records>(
    links: &Links<R>,
    id: &LinkId,
    of: u8,
    way: Way,
    barrier: &Barrier,
) -> (bool, usize) {
    block_on(async {
        let (proof, reader) = (&message().proof, reader(100 + of));
        let seen = match way {
            Way::AsItIs => None,
            Way::CountsAfterwards => links.view(id, start()).await.unwrap().granted(),
        };
        barrier.wait();
        let verdict = links.release(id, proof, &reader, start()).await.unwrap();
        if let Verdict::Refused(why) = &verdict {
            assert_eq!(*why, Refusal::ViewsUsed);
        }
        let released = verdict.granted();
        let told = released.as_ref().map_or(0, |released| {
            let read = |notice: &&Notice| matches!(notice, Notice::Read { .. });
            released.notices.iter().filter(read).count()
        });
        match seen.map(|view| view.status) {
            Some(Status::Available { views_left: 1.. }) => (true, told),
            Some(_) => (false, told),
            None => (released.is_some(), told),
        }
    })
}

fn issue<R: Records>(links: &Links<R>, views: u8) -> Issued {
    let (expires, message) = (start() + DAY, message());
    let issued = links.issue(
        terms().views(views),
        expires,
        &message.octets,
        message.hash,
        start(),
    );
    block_on(issued).unwrap()
}

/// How many had the message, and how many notices there were, with one store for all.
fn readers<R: Records>(store: &R, views: u8, way: Way) -> (usize, usize) {
    readers_on([store, store], views, way)
}

/// As [`readers`], with two nodes that each have the store in their own way.
fn readers_on<R: Records>(stores: [&R; 2], views: u8, way: Way) -> (usize, usize) {
    let nodes = stores.map(Links::new);
    let link = issue(&nodes[0], views);
    let barrier = Barrier::new(PEOPLE.into());
    let people = std::thread::scope(|scope| {
        let person = |of: u8| {
            let (barrier, id, node) = (&barrier, &link.id, &nodes[usize::from(of % 2)]);
            scope.spawn(move || open(node, id, of, way, barrier))
        };
        let people: Vec<_> = (0..PEOPLE).map(person).collect();
        let people = people.into_iter().map(|person| person.join().unwrap());
        people.collect::<Vec<_>>()
    });
    let read = people.iter().filter(|(read, _)| *read).count();
    (read, people.iter().map(|(_, told)| told).sum())
}

#[test]
fn one_of_fifty_reads_in_memory() {
    for _ in 0..20 {
        assert_eq!(readers(&Memory::new(), 1, Way::AsItIs), (1, 1));
    }
    assert_eq!(readers(&Memory::new(), 7, Way::AsItIs), (7, 1));
    assert_eq!(readers(&Memory::new(), PEOPLE, Way::AsItIs), (50, 1));
}

#[test]
fn one_of_fifty_reads_in_sqlite() {
    let dir = tempfile::tempdir().unwrap();
    let store = Sqlite::open(dir.path().join("links.db")).unwrap();
    for _ in 0..3 {
        assert_eq!(readers(&store, 1, Way::AsItIs), (1, 1));
    }
    assert_eq!(readers(&store, 7, Way::AsItIs), (7, 1));
}

/// Two machines, each with connections of its own to the one server.
#[cfg(target_os = "linux")]
#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_one_of_fifty_reads_on_two_nodes() {
    let server = postgres::Postgres::start();
    let node = || Postgres::open(&server.url()).unwrap();
    let nodes = [&node(), &node()];
    for _ in 0..5 {
        assert_eq!(readers_on(nodes, 1, Way::AsItIs), (1, 1));
    }
    assert_eq!(readers_on(nodes, 7, Way::AsItIs), (7, 1));
    // The mutation is noticed here as well.
    let (read, told) = readers_on(nodes, 1, Way::CountsAfterwards);
    assert_eq!((read, told), (50, 1));
    assert_eq!(guesses_on(nodes), (2, 2));
}

#[test]
fn fifty_guesses_at_once_count_as_fifty() {
    let store = Memory::new();
    // The second one locks: whoever comes later is not told whether he was right.
    assert_eq!(guesses_on([&store, &store]), (2, 2));
}

/// How many of fifty wrong proofs at once were looked at, and how many are counted.
fn guesses_on<R: Records>(stores: [&R; 2]) -> (usize, usize) {
    let nodes = stores.map(Links::new);
    let link = issue(&nodes[0], 1);
    let barrier = Barrier::new(PEOPLE.into());
    let looked_at = std::thread::scope(|scope| {
        let guess = |of: u8| {
            let (barrier, links, id) = (&barrier, &nodes[usize::from(of % 2)], &link.id);
            scope.spawn(move || {
                let wrong = AccessProof::from_octets([200 - of; 32]);
                barrier.wait();
                let verdict = block_on(links.release(id, &wrong, &reader(of), start()));
                matches!(verdict.unwrap().refusal(), Some(Refusal::WrongProof { .. }))
            })
        };
        let guesses: Vec<_> = (0..PEOPLE).map(guess).collect();
        let guesses = guesses.into_iter().map(|guess| guess.join().unwrap());
        guesses.filter(|looked_at| *looked_at).count()
    });
    let seen = block_on(nodes[0].status(&link.id, &link.sender, start()));
    let counted = seen.unwrap().granted().unwrap().wrong_proofs;
    (looked_at, usize::try_from(counted).unwrap())
}

/// A store that says that it has written, and has not.
struct Forgetful(Memory);

impl Records for Forgetful {
    async fn get(&self, key: &Key, now: SystemTime) -> Result<Option<Versioned>, Error> {
        self.0.get(key, now).await
    }

    async fn scan(
        &self,
        prefix: &Prefix,
        after: Option<&Key>,
        limit: usize,
        now: SystemTime,
    ) -> Result<Page, Error> {
        self.0.scan(prefix, after, limit, now).await
    }

    async fn commit(&self, commit: Commit, now: SystemTime) -> Result<Outcome, Error> {
        // The link itself, so that there is something to be read.
        if self
            .0
            .scan(&Prefix::all(), None, 1, now)
            .await?
            .entries
            .is_empty()
        {
            return self.0.commit(commit, now).await;
        }
        Ok(Outcome::Committed(Version::from_u64(1)))
    }

    async fn sweep(&self, now: SystemTime, budget: usize) -> Result<Swept, Error> {
        self.0.sweep(now, budget).await
    }
}

#[test]
fn who_counts_afterwards_or_forgets_is_noticed() {
    let (read, told) = readers(&Memory::new(), 1, Way::CountsAfterwards);
    assert_eq!((read, told), (50, 1));
    let (read, told) = readers(&Forgetful(Memory::new()), 1, Way::AsItIs);
    assert_eq!((read, told), (50, 50));
}

#[test]
fn nothing_in_the_file_leads_to_the_message() {
    let dir = tempfile::tempdir().unwrap();
    let store = Sqlite::open(dir.path().join("links.db")).unwrap();
    let links = Links::new(&store);
    let link = issue(&links, 1);
    let reader = reader(100);
    let released = block_on(links.release(&link.id, &message().proof, &reader, start())).unwrap();
    assert!(released.granted().is_some());
    let file = || {
        let files = std::fs::read_dir(dir.path()).unwrap();
        let octets = files.map(|file| std::fs::read(file.unwrap().path()).unwrap());
        octets.collect::<Vec<_>>().concat()
    };
    let found = |secret: &[u8]| file().windows(secret.len()).any(|some| some == secret);
    let proof = &message().proof;
    let (id, sender) = (link.id.octets(), link.sender.octets());
    let texts = [
        link.id.to_text(),
        link.sender.to_text(),
        reader.to_text(),
        proof.to_text(),
    ];
    let octets: [&[u8]; 4] = [id, sender, reader.octets(), proof.octets()];
    for secret in octets
        .into_iter()
        .chain(texts.iter().map(|text| text.as_bytes()))
    {
        assert!(!found(secret), "{}", secret.escape_ascii());
    }
    // A key that is stored has its zeros written otherwise.
    let runs = link.id.key();
    let runs = runs.octets().split(|octet| *octet == 0);
    let longest = runs.max_by_key(|run| run.len()).unwrap();
    assert!(found(&message().octets[..32]) && found(longest));
    // Were the identity itself stored, it would be found.
    let key = Key::new("seal-link", id).unwrap();
    let commit = Commit::new().put(&key, [], record_store::Expect::Absent);
    assert!(matches!(
        block_on(store.commit(commit, start())).unwrap(),
        Outcome::Committed(_)
    ));
    let escaped = id.iter().all(|octet| *octet != 0);
    assert!(!escaped || found(id));
}
