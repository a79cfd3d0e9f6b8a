//! What the sender is told, in his mailbox: by the real service, after requests over HTTPS, and after it was killed.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use super::http::{ask, try_ask};
use super::pop3::Pop3;
use super::world::{ACCOUNT, PASSWORD, SEALED, World, seal};
use mail_service::{Accounts, Chosen, Config, receipts};
use record_store::{AnyStore, Commit, Expect, Records};
use symmetric_seal::link::{LinkId, ReadNotice, ReaderToken, Terms};
use symmetric_seal::store::{Issued, Links};
use symmetric_seal::{AccessProof, Opener, Passphrase};

const MAIL: &[u8] = b"Subject: the vault\r\n\r\n4711\r\n";
/// How long something may take that has to happen.
const PATIENCE: Duration = Duration::from_secs(120);

/// A link of which the sender is told everything, and the proof that opens it.
async fn issue(store: &Arc<AnyStore>, views: u8, now: SystemTime) -> (Issued, AccessProof) {
    let memo = receipts::memo(store.clone(), ACCOUNT, "bob@example.net", now).await;
    let terms = Terms::new().views(views).notice(ReadNotice::Every);
    let sealed = seal(MAIL, None);
    let key = Opener::for_links().derive(
        sealed.receipt().parameters(),
        &Passphrase::for_opening(PASSWORD),
    );
    let proof = key.unwrap().access_proof().clone();
    let links = Links::new(store.clone());
    let issued = links.issue(
        terms.memo(memo.unwrap()),
        now + Duration::from_secs(3600),
        sealed.message(),
        sealed.receipt().proof_hash(),
        now,
    );
    (issued.await.unwrap(), proof)
}

fn reader(of: u8) -> ReaderToken {
    ReaderToken::from_octets([of; 16])
}

fn release(proof: &AccessProof, of: u8) -> String {
    let reader = reader(of);
    serde_json::json!({ "proof": *proof.to_text(), "reader": *reader.to_text() }).to_string()
}

/// Waits until nobody is still to be told anything.
async fn all_told(links: &Links<Arc<AnyStore>>, now: SystemTime) {
    let give_up = Instant::now() + PATIENCE;
    loop {
        // Somebody else may be writing.
        if let Ok(waiting) = links.waiting(None, None, now).await
            && waiting.outstanding.is_empty()
        {
            return;
        }
        assert!(Instant::now() < give_up, "not within {PATIENCE:?}");
        tokio::task::yield_now().await;
    }
}

/// The sender's mailbox.
fn mails(pop3: SocketAddr) -> Vec<String> {
    tokio::task::block_in_place(|| {
        let session = Pop3::login(pop3, ACCOUNT, PASSWORD).unwrap();
        let mut session = session.unwrap();
        let (count, _) = session.stat().unwrap();
        (1..=count)
            .map(|number| session.retr(number).unwrap())
            .collect()
    })
}

/// The numbers of the views that these mails tell of.
fn views(mails: &[String]) -> Vec<usize> {
    let number = |mail: &String| {
        let (_, rest) = mail.split_once("It was opening number ")?;
        rest.split('.').next()?.parse().ok()
    };
    let mut views: Vec<usize> = mails.iter().filter_map(number).collect();
    views.sort_unstable();
    views
}

async fn with_pop3() -> World {
    let world = World::with(|config| config.listen.pop3s = config.listen.https.clone()).await;
    world.account().await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sender_is_told_of_a_lock_a_view_a_reply_and_the_end() {
    let world = with_pop3().await;
    let (link, proof) = issue(&world.store, 2, world.now()).await;
    let path = |what: &str| format!("/api/links/{}/{what}", *link.id.to_text());
    let json = "Content-Type: application/json\r\n";
    let wrong = AccessProof::from_octets([7; 32]);
    let post = async |what: &str, fields: &str, body: &[u8]| {
        ask(&world, "POST", SEALED, &path(what), fields, body)
            .await
            .status
    };
    for _ in 0..5 {
        assert_eq!(
            post("release", json, release(&wrong, 1).as_bytes()).await,
            403
        );
    }
    world.later(Duration::from_secs(31));
    assert_eq!(
        post("release", json, release(&proof, 1).as_bytes()).await,
        200
    );
    let fields = format!(
        "Content-Type: application/octet-stream\r\nLetterlock-Reader: {}\r\n",
        *reader(1).to_text()
    );
    assert_eq!(
        post("reply", &fields, seal(MAIL, None).message()).await,
        200
    );
    let mine = serde_json::json!({ "reader": *reader(1).to_text() }).to_string();
    assert_eq!(post("destroy", json, mine.as_bytes()).await, 200);
    all_told(&world.links, world.now()).await;
    let mails = mails(world.server.pop3s()[0]);
    let mut subjects: Vec<&str> = mails
        .iter()
        .filter_map(|mail| {
            let line = mail.lines().find_map(|line| line.strip_prefix("Subject: "));
            line?.split(':').next()
        })
        .collect();
    subjects.sort_unstable();
    assert_eq!(
        subjects,
        ["Answered", "Destroyed", "Opened", "Wrong passwords"]
    );
    for mail in &mails {
        assert!(mail.contains(&receipts::label(&link.id)));
        assert!(!mail.contains("4711") && !mail.contains("the vault"));
    }
}

/// What the node forgets that fell over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Forgets {
    Nothing,
    /// The mutation: what it had to tell was in its memory.
    WhatItHadToTell,
}

/// A node counts three views and falls over before it says a word of them; the service goes on. How many views were
/// counted, and which the sender is told of.
async fn after_a_crash(forgets: Forgets) -> (usize, Vec<usize>) {
    let world = with_pop3().await;
    let (link, proof) = issue(&world.store, 9, world.now()).await;
    for of in 0..3 {
        let released = world
            .links
            .release(&link.id, &proof, &reader(of), world.now())
            .await;
        assert!(released.unwrap().granted().is_some());
    }
    if forgets == Forgets::WhatItHadToTell {
        let waiting = world.links.waiting(None, None, world.now()).await.unwrap();
        for one in waiting.outstanding {
            let (record, version) = one.record();
            let commit = Commit::new().delete(record, Expect::Version(version));
            let _ = world.store.commit(commit, world.now()).await.unwrap();
        }
    }
    let world = world.restart().await;
    all_told(&world.links, world.now()).await;
    let status = world
        .links
        .status(&link.id, &link.sender, world.now())
        .await;
    let counted = status.unwrap().granted().unwrap().released.len();
    (counted, views(&mails(world.server.pop3s()[0])))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_that_was_counted_is_told_after_a_crash() {
    assert_eq!(after_a_crash(Forgets::Nothing).await, (3, vec![1, 2, 3]));
    assert_eq!(after_a_crash(Forgets::WhatItHadToTell).await, (3, vec![]));
}

/// The real program, which can be killed.
struct Program {
    child: Child,
    https: SocketAddr,
    pop3: SocketAddr,
}

impl Program {
    fn start(config: &PathBuf) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mail-service"))
            .args(["serve", "--config"])
            .arg(config)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut https, mut pop3) = (None, None);
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            if let Some(address) = line.strip_prefix("listening https ") {
                https = Some(address.parse().unwrap());
            } else if let Some(address) = line.strip_prefix("listening pop3s ") {
                pop3 = Some(address.parse().unwrap());
            } else if line == "ready" {
                break;
            }
        }
        let (https, pop3) = (https.unwrap(), pop3.unwrap());
        Self { child, https, pop3 }
    }

    /// SIGKILL: nothing of it is asked.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Eight people open a link over and over, and the service is killed in the middle, three times.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_while_people_read_it_tells_each_view_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail-service.toml");
    std::fs::write(folder.path().join("zone.json"), "{}").unwrap();
    let settings = format!(
        "hostname = \"mail.b.test\"\ndomains = [\"b.test\"]\nresolver = {{ zone = \"zone.json\" }}\n\
         data_dir = \"data\"\n[listen]\nsmtp = []\npop3s = [\"127.0.0.1:0\"]\nhttps = [\"127.0.0.1:0\"]\n\
         [web]\nsealed_host = \"{SEALED}\"\nsealed_octets = 8192\n[log]\nfilter = \"warn\"\n"
    );
    std::fs::write(&path, settings).unwrap();
    let config = Config::load(&path).unwrap();
    config.prepare().unwrap();
    let store = Arc::new(config.open_store().unwrap());
    let (now, password) = (SystemTime::now(), Chosen::unchecked(PASSWORD));
    let added = Accounts::new(store.clone());
    added.add(ACCOUNT, &password, now).await.unwrap();
    let links = Links::new(store.clone());
    let (link, proof) = issue(&store, 250, now).await;
    let certificate = config.data_dir.join("certificate.pem");
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let next = Arc::new(AtomicUsize::new(0));
    for round in 1..=3 {
        let mut program = Program::start(&path);
        let people: Vec<_> = (0..8)
            .map(|_| {
                let url = release_path(&link.id);
                let (address, certificate) = (program.https, certificate.clone());
                let (proof, next) = (proof.clone(), next.clone());
                let acknowledged = acknowledged.clone();
                tokio::spawn(async move {
                    loop {
                        let of = next.fetch_add(1, Ordering::Relaxed);
                        let body = release(&proof, u8::try_from(of).unwrap());
                        let body = body.as_bytes();
                        let answer = try_ask(address, &certificate, SEALED, &url, body).await;
                        match answer {
                            Some(answer) => assert_eq!(answer.status, 200),
                            None => return,
                        }
                        acknowledged.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        while acknowledged.load(Ordering::Relaxed) < round * 10 {
            tokio::task::yield_now().await;
        }
        program.kill();
        for person in people {
            person.await.unwrap();
        }
    }
    let program = Program::start(&path);
    all_told(&links, now).await;
    let status = links
        .status(&link.id, &link.sender, SystemTime::now())
        .await;
    let counted = status.unwrap().granted().unwrap().released.len();
    let seen = acknowledged.load(Ordering::Relaxed);
    println!("{seen} acknowledged, {counted} counted");
    assert!(counted >= seen);
    let all: Vec<usize> = (1..=counted).collect();
    assert_eq!(views(&mails(program.pop3)), all);
}

fn release_path(id: &LinkId) -> String {
    format!("/api/links/{}/release", *id.to_text())
}
