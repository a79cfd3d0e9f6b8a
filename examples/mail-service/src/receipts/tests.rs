use super::*;
use crate::Chosen;
use crate::fixture::{ACCOUNT, Fixture, PASSWORD};
use std::sync::LazyLock;
use symmetric_seal::{
    AccessProof, Opener, Passphrase, Profile, Sealed as SealedMessage, Sealer,
    link::{Notice, ReadNotice, ReaderToken, Refusal, Terms},
    store::Issued,
};

const TO: &str = "bob@example.net";
const SECRET: &str = "drei R\u{e4}der & ein Flu\u{df}";

struct Message {
    sealed: SealedMessage,
    proof: AccessProof,
}

/// Sealed once.
static MESSAGE: LazyLock<Message> = LazyLock::new(|| {
    let password = Passphrase::for_sealing(SECRET).unwrap();
    let sealer = Sealer::new().profile(Profile::LOW_MEMORY);
    let mail = b"Subject: The vault\r\n\r\n4711\r\n";
    let sealed = sealer.seal(mail, &password).unwrap();
    let key = Opener::for_links().derive(sealed.receipt().parameters(), &password);
    let proof = key.unwrap().access_proof().clone();
    Message { sealed, proof }
});

fn reader(of: u8) -> ReaderToken {
    ReaderToken::from_octets([of; 16])
}

/// A service, and what senders are told there, with a clock that stands still.
struct Stage {
    fixture: Fixture,
    receipts: Receipts,
    now: SystemTime,
}

impl Stage {
    async fn new(change: impl FnOnce(&mut Config)) -> Self {
        let fixture = Fixture::new(change).await;
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let receipts = Self::node(&fixture, now);
        Self {
            fixture,
            receipts,
            now,
        }
    }

    /// What a process makes of the store, when it begins.
    fn node(fixture: &Fixture, now: SystemTime) -> Receipts {
        let service = fixture.service;
        Receipts::new(
            &service.config,
            fixture.store.clone(),
            Arc::new(Accounts::new(fixture.store.clone())),
            service.mailboxes.clone(),
            Clock::from_fn(move || now),
        )
    }

    fn links(&self) -> &Links<Arc<AnyStore>> {
        &self.receipts.links
    }

    async fn issue(&self, views: u8) -> Issued {
        let memo = memo(self.fixture.store.clone(), "Joe@B.test", TO, self.now);
        let terms = Terms::new().views(views).attempts(2);
        let terms = terms.notice(ReadNotice::Every).memo(memo.await.unwrap());
        let Message { sealed, .. } = &*MESSAGE;
        let (expires, proof) = (self.now + 24 * 3600 * SECOND, sealed.receipt().proof_hash());
        let issued = self
            .links()
            .issue(terms, expires, sealed.message(), proof, self.now);
        issued.await.unwrap()
    }

    async fn release(&self, link: &Issued, of: u8) {
        let proof = &MESSAGE.proof;
        let released = self
            .links()
            .release(&link.id, proof, &reader(of), self.now)
            .await;
        assert!(released.unwrap().granted().is_some());
    }

    /// The mails in the sender's mailbox.
    async fn mails(&self) -> Vec<String> {
        let mailboxes = &self.fixture.service.mailboxes;
        let mut mails = Vec::new();
        for row in mailboxes.rows(ACCOUNT, self.now).await.unwrap() {
            let mail = mailboxes.load(&row, self.now).await.unwrap();
            mails.push(String::from_utf8(mail.to_vec()).unwrap());
        }
        mails
    }
}

const SECOND: Duration = Duration::from_secs(1);

fn told(delivered: usize, dropped: usize, waiting: usize) -> Told {
    Told {
        delivered,
        dropped,
        waiting,
    }
}

/// All that can happen to a link, in German or English.
async fn all(language: Language) -> (Stage, Issued, Vec<String>) {
    let stage = Stage::new(|config| config.language = language).await;
    let link = stage.issue(2).await;
    stage.release(&link, 1).await;
    let wrong = AccessProof::from_octets([9; 32]);
    for _ in 0..3 {
        let guess = stage
            .links()
            .release(&link.id, &wrong, &reader(2), stage.now)
            .await;
        assert!(guess.unwrap().refusal().is_some());
    }
    let reply = MESSAGE.sealed.message();
    let replied = stage
        .links()
        .reply(&link.id, &reader(1), reply, stage.now)
        .await;
    assert!(replied.unwrap().granted().is_some());
    let destroyed = stage.links().destroy(&link.id, &reader(1), stage.now).await;
    assert!(destroyed.unwrap().granted().is_some());
    // The process ends here, and another one begins.
    let next = Stage::node(&stage.fixture, stage.now);
    assert_eq!(next.tell(None).await.unwrap(), told(4, 0, 0));
    assert_eq!(next.tell(None).await.unwrap(), told(0, 0, 0));
    let mails = stage.mails().await;
    (stage, link, mails)
}

#[tokio::test]
async fn what_happens_is_told_once_and_in_plain_words() {
    let (_stage, link, mails) = all(Language::English).await;
    let label = label(&link.id);
    let subjects = [
        "Opened: your sealed message to bob@example.net",
        "Answered: your sealed message to bob@example.net",
        "Destroyed: your sealed message to bob@example.net",
        "Wrong passwords: your sealed message to bob@example.net",
    ];
    assert_eq!(mails.len(), subjects.len());
    for subject in subjects {
        let field = format!("Subject: {subject}\r\n");
        let named = mails.iter().filter(|mail| mail.contains(&field));
        let [mail] = named.collect::<Vec<_>>()[..] else {
            panic!("{subject}: {mails:?}");
        };
        assert!(mail.starts_with("Return-Path: <>\r\n"), "{mail}");
        assert!(mail.contains("\r\nTo: <joe@b.test>\r\n"), "{mail}");
        assert!(mail.contains("\r\nAuto-Submitted: auto-generated\r\n"));
        assert!(mail.contains(&format!("\r\nLabel:    {label}\r\n")));
        assert!(mail.contains("\r\nSealed:   2027-01-15 08:00 UTC\r\n"));
        let lines = mail.split("\r\n");
        assert!(lines.clone().all(|line| !line.contains(['\r', '\n'])));
        assert!(lines.clone().all(|line| line.len() <= 78), "{mail}");
        // Nothing of the message, and nothing that leads to it.
        for hidden in [
            "vault",
            "4711",
            SECRET,
            "http",
            &link.id.to_text(),
            &link.sender.to_text(),
        ] {
            assert!(!mail.contains(hidden), "{hidden}: {mail}");
        }
    }
    let all = mails.concat().replace("\r\n", " ");
    for part in [
        " It was opening number 1. ",
        "until 2027-02-12 08:00 UTC.",
        "     mail-service link LINK reply FILE ",
        "There were 2 wrong passwords so far.",
        "from 2027-01-15 08:00 UTC on",
        "     mail-service link LINK revoke ",
    ] {
        assert!(all.contains(part), "{part}: {all}");
    }
}

#[tokio::test]
async fn it_is_told_in_the_language_of_the_service() {
    let (_stage, link, mails) = all(Language::German).await;
    assert_eq!(mails.len(), 4);
    let all = mails.concat();
    let label = label(&link.id);
    for part in [
        "wurde ge\u{f6}ffnet.",
        "Auf Ihre versiegelte Nachricht an bob@example.net",
        "von ihrem Leser",
        "falsche Passw\u{f6}rter",
        "\r\nSubject: =?utf-8?B?",
        &format!("\r\nKennzeichen: {label}\r\n"),
        "\r\n    mail-service link LINK reply DATEI\r\n",
    ] {
        assert!(all.contains(part), "{part}: {all}");
    }
    let header = |mail: &String| mail.split("\r\n\r\n").next().unwrap().is_ascii();
    assert!(mails.iter().all(header));
}

#[tokio::test]
async fn a_full_mailbox_has_time_and_keeps_no_reader_waiting() {
    let stage = Stage::new(|config| config.limits.mailbox_messages = 2).await;
    let link = stage.issue(5).await;
    for of in 0..4 {
        stage.release(&link, of).await;
    }
    assert_eq!(stage.receipts.tell(None).await.unwrap(), told(2, 0, 2));
    stage.release(&link, 4).await;
    let key = link.id.key();
    let of_link = stage.receipts.tell(Some(&key)).await.unwrap();
    assert_eq!(of_link, told(0, 0, 3));
    // The sender reads, and deletes.
    let service = stage.fixture.service;
    let (account, clock) = (ACCOUNT.into(), &stage.receipts.clock);
    let lock = service.mailboxes.lock(&account, clock).await;
    let lock = lock.unwrap().unwrap();
    let rows = service.mailboxes.open(&lock, stage.now).await.unwrap();
    let removed = service.mailboxes.remove(&lock, &rows, stage.now).await;
    removed.unwrap();
    assert_eq!(stage.receipts.tell(None).await.unwrap(), told(2, 0, 1));
    // What was never told is given up in the end, and nobody knows of it then.
    let later = stage.now + symmetric_seal::link::NOTICE_KEPT;
    let late = Stage::node(&stage.fixture, later);
    assert_eq!(late.tell(None).await.unwrap(), told(0, 0, 0));
}

#[tokio::test]
async fn who_gets_the_address_of_somebody_else_is_not_told_of_his_messages() {
    let stage = Stage::new(|_| {}).await;
    let link = stage.issue(5).await;
    stage.release(&link, 1).await;
    stage
        .receipts
        .accounts
        .remove(ACCOUNT, stage.now)
        .await
        .unwrap();
    assert_eq!(stage.receipts.tell(None).await.unwrap(), told(0, 1, 0));
    stage.release(&link, 2).await;
    let password = Chosen::unchecked(PASSWORD);
    let again = stage.receipts.accounts.add(ACCOUNT, &password, stage.now);
    again.await.unwrap();
    // Nor if he seals messages of his own.
    let own = stage.issue(5).await;
    assert_eq!(stage.receipts.tell(None).await.unwrap(), told(0, 1, 0));
    assert!(stage.mails().await.is_empty());
    stage.release(&own, 1).await;
    assert_eq!(stage.receipts.tell(None).await.unwrap(), told(1, 0, 0));
    // Nobody: no link with receipts.
    let nobody = memo(stage.fixture.store.clone(), "nobody@b.test", TO, stage.now);
    assert!(matches!(nobody.await, Err(Error::NoMailbox(_))));
}

/// The owner changes between the look and the delivery.
#[tokio::test]
async fn a_change_of_owner_is_noticed_by_the_commit_itself() {
    let stage = Stage::new(|_| {}).await;
    let service = stage.fixture.service;
    let link = stage.issue(5).await;
    stage.release(&link, 1).await;
    let waiting = stage.links().waiting(None, None, stage.now).await.unwrap();
    let (record, version) = waiting.outstanding[0].record();
    let owner = stage
        .receipts
        .accounts
        .owner(ACCOUNT, stage.now)
        .await
        .unwrap();
    let (_, key, owned) = owner.unwrap();
    let once = Once {
        task: Task::Remove(record.clone(), version),
        guard: (key, owned),
    };
    let (account, password) = (Arc::from(ACCOUNT), Chosen::unchecked(PASSWORD));
    stage
        .receipts
        .accounts
        .remove(ACCOUNT, stage.now)
        .await
        .unwrap();
    let again = stage.receipts.accounts.add(ACCOUNT, &password, stage.now);
    again.await.unwrap();
    let boxes = &service.mailboxes;
    let late = boxes.deliver_once(&account, b"x", &once, stage.now).await;
    assert!(matches!(late, Err(mailbox::Error::NoAccount)), "{late:?}");
    assert!(stage.mails().await.is_empty());
    // Without that guard it is delivered to him.
    boxes.deliver(&[account], b"x", stage.now).await.unwrap();
    assert_eq!(stage.mails().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_processes_tell_each_event_once() {
    let stage = Stage::new(|_| {}).await;
    let link = stage.issue(20).await;
    for of in 0..20 {
        stage.release(&link, of).await;
    }
    let nodes: Vec<_> = (0..8)
        .map(|_| {
            let node = Stage::node(&stage.fixture, stage.now);
            tokio::spawn(async move { node.tell(None).await.unwrap().delivered })
        })
        .collect();
    let mut delivered = 0;
    for node in nodes {
        delivered += node.await.unwrap();
    }
    assert_eq!(delivered, 20);
    let mails = stage.mails().await;
    for view in 1..=20 {
        let said = format!("It was opening number {view}.");
        let times = mails.iter().filter(|mail| mail.contains(&said)).count();
        assert_eq!(times, 1, "{view}");
    }
    // Delivered without what stands for them, they would be told again: the check finds it.
    stage.release(&stage.issue(1).await, 1).await;
    let waiting = stage.links().waiting(None, None, stage.now).await.unwrap();
    let boxes = &stage.fixture.service.mailboxes;
    for one in &waiting.outstanding {
        assert_eq!(one.notice(), Notice::Read { view: 1 });
        boxes
            .deliver(&[ACCOUNT.into()], b"by hand", stage.now)
            .await
            .unwrap();
    }
    assert_eq!(stage.receipts.tell(None).await.unwrap(), told(1, 0, 0));
    assert_eq!(stage.mails().await.len(), 22);
}

/// What is due when the service stops is told before it ends.
#[tokio::test(start_paused = true)]
async fn it_is_told_at_once_at_the_start_and_from_time_to_time() {
    let stage = Stage::new(|_| {}).await;
    let link = stage.issue(5).await;
    stage.release(&link, 1).await;
    let receipts = Arc::new(Stage::node(&stage.fixture, stage.now));
    let (alive, mut ended) = mpsc::channel(1);
    let stop = Stop::of(&stage.fixture.stop);
    let work = tokio::spawn(work(receipts.clone(), stop, alive));
    let arrive = async |count| {
        while stage.mails().await.len() < count {
            tokio::task::yield_now().await;
        }
    };
    let start = Instant::now();
    arrive(1).await;
    stage.release(&link, 2).await;
    receipts.happened(&link.id);
    arrive(2).await;
    assert!(start.elapsed() < EVERY);
    // Of this one nobody says anything: another node did it, and fell over.
    stage.release(&link, 3).await;
    tokio::time::advance(EVERY).await;
    arrive(3).await;
    stage.release(&link, 4).await;
    receipts.happened(&link.id);
    stage.fixture.stop.send(Some(Instant::now())).unwrap();
    work.await.unwrap();
    assert_eq!(stage.mails().await.len(), 4);
    assert!(ended.recv().await.is_none());
}

#[tokio::test]
async fn what_nobody_has_words_for_or_can_read_waits() {
    let stage = Stage::new(|_| {}).await;
    let memo = symmetric_seal::link::Memo::new(b"?".to_vec()).unwrap();
    let terms = Terms::new().memo(memo);
    let Message { sealed, .. } = &*MESSAGE;
    let (expires, proof) = (stage.now + 3600 * SECOND, sealed.receipt().proof_hash());
    let issued = stage
        .links()
        .issue(terms, expires, sealed.message(), proof, stage.now);
    let link = issued.await.unwrap();
    stage.release(&link, 1).await;
    let other = stage.issue(1).await;
    stage.release(&other, 1).await;
    assert_eq!(stage.receipts.tell(None).await.unwrap(), told(1, 0, 1));
    let refused = stage
        .links()
        .release(&link.id, &MESSAGE.proof, &reader(2), stage.now)
        .await;
    assert_eq!(refused.unwrap().refusal(), Some(Refusal::ViewsUsed));
}
