//! Who is told of which breach: once, whatever ends when.

mod asking;
mod stops;

use super::*;
use crate::{
    demo::peers::{Breaches, KEY},
    fixture::{ACCOUNT, Fixture, PASSWORD, Time},
    mailbox::Quota,
    password::Chosen,
};
use breach_check::End;
use told::{Entry, Id};

const HOUR: Duration = Duration::from_secs(60 * 60);

impl Http for Breaches {
    async fn send(
        &self,
        request: axum::http::Request<()>,
        limit: usize,
    ) -> Result<Answer, HttpFault> {
        let response = self.answer(&request);
        assert!(response.body().len() <= limit);
        Ok(Answer::new(response, End::Length))
    }
}

/// A service whose account `joe@b.test` is in the breach `Teapots`.
struct Stage {
    fixture: Fixture,
    time: Time,
    breaches: Breaches,
}

impl Stage {
    async fn new(change: impl FnOnce(&mut Config)) -> Self {
        let (time, breaches) = (Time::new(), Breaches::default());
        breaches.put(ACCOUNT, &["Teapots"]);
        let fixture = Fixture::at(time.clock(), change).await;
        Self {
            fixture,
            time,
            breaches,
        }
    }

    /// On a disk, so that commits of several nodes are under way at a time.
    async fn on_disk() -> Self {
        Self::new(|config| {
            config.data_dir = config.data_dir.join("data");
            config.store = "sqlite:mail.db".into();
        })
        .await
    }

    /// A node of this store.
    fn node(&self) -> Alerts<Breaches> {
        let (store, config) = (self.fixture.store.clone(), &self.fixture.service.config);
        let service = Service::new("https://a.test/api/v3", ApiKey::new(KEY).unwrap(), AGENT);
        let quota = Quota::of(&config.limits);
        let parts = (
            Arc::new(Accounts::new(store.clone())),
            Arc::new(Mailboxes::new(store.clone(), quota)),
            self.time.clock(),
        );
        let asking = (
            self.breaches.clone(),
            service.unwrap(),
            MonitorKey::new([7; 32]),
        );
        Alerts::new(config, store, asking, parts).unwrap()
    }

    /// Asks until there is nothing more to ask, and tells nobody.
    async fn ask(&self, node: &Alerts<Breaches>) {
        for _ in 0..500 {
            let until = node.ask().await;
            let now = self.time.now();
            match until.duration_since(now) {
                Ok(wait) if wait > HOUR => return,
                Ok(wait) => self.time.later(wait),
                Err(_) => {}
            }
        }
        panic!("it never ends");
    }

    /// All of the work, until there is nothing more to do.
    async fn work(&self, node: &Alerts<Breaches>) {
        node.watch().await.unwrap();
        self.ask(node).await;
        node.tell().await.unwrap();
    }

    /// There is one more breach, with joe in it, and it is time to ask.
    async fn one_more(&self, node: &Alerts<Breaches>, name: &str) {
        self.breaches.add(name, |_| {});
        self.breaches.put(ACCOUNT, &[name]);
        self.time.later(7 * HOUR);
        self.ask(node).await;
    }

    async fn add(&self, account: &str) {
        let (word, now) = (Chosen::unchecked(PASSWORD), self.time.now());
        let accounts = Accounts::new(self.fixture.store.clone());
        accounts.add(account, &word, now).await.unwrap();
    }

    async fn remove(&self, account: &str) {
        let accounts = Accounts::new(self.fixture.store.clone());
        accounts.remove(account, self.time.now()).await.unwrap();
    }

    async fn mails(&self, account: &str) -> Vec<String> {
        let (boxes, now) = (&self.fixture.service.mailboxes, self.time.now());
        let mut mails = Vec::new();
        for row in boxes.rows(account, now).await.unwrap() {
            let mail = boxes.load(&row, now).await.unwrap();
            mails.push(String::from_utf8(mail.to_vec()).unwrap());
        }
        mails
    }

    async fn listed(&self, account: &str) -> Vec<Entry> {
        let store = &self.fixture.store;
        told::list(store, account, self.time.now()).await.unwrap()
    }
}

#[tokio::test]
async fn a_breach_is_told_once_with_what_it_is_and_what_to_do() {
    let stage = Stage::new(|_| {}).await;
    let node = stage.node();
    stage.work(&node).await;
    let mails = stage.mails(ACCOUNT).await;
    let [mail] = &mails[..] else {
        panic!("{mails:?}")
    };
    let (header, body) = mail.split_once("\r\n\r\n").unwrap();
    assert!(header.starts_with("Return-Path: <>\r\nFrom: "), "{header}");
    for field in [
        "From: Account security <postmaster@mx.b.test>",
        "To: <joe@b.test>",
        "Subject: Your address was found in an older data breach: Teapots",
        "Auto-Submitted: auto-generated",
    ] {
        let field = format!("{field}\r\n");
        assert!(header.contains(&field), "{field}: {header}");
    }
    for part in [
        "older breach",
        "Account: joe@b.test\r\nFound: 2027-01-15 08:00 UTC\r\n",
        "> Breach: Teapots\r\n> Site: shop.example\r\n> Date: 2026-02-03\r\n",
        "> What was lost: Email addresses, Password hashes\r\n",
        "set a new one there",
        "For your administrator: breach.older\r\n",
    ] {
        assert!(body.contains(part), "{part}: {body}");
    }
    // One that is new, without passwords, and of which the service is not sure.
    stage.breaches.add("Kettles", |one| {
        one["DataClasses"] = "Email addresses".split(", ").collect();
        one["IsVerified"] = false.into();
    });
    stage.breaches.put(ACCOUNT, &["Kettles"]);
    stage.time.later(7 * HOUR);
    stage.work(&node).await;
    let mails = stage.mails(ACCOUNT).await;
    assert_eq!(mails.len(), 2);
    let news = &mails[1];
    assert!(news.contains("Subject: Your address was found in a data breach: Kettles\r\n"));
    assert!(news.contains("breach.new") && news.contains("has not been able to verify"));
    assert!(!news.contains("older") && !news.contains("set a new one there"));
    // The page has both, the newest first.
    let listed = stage.listed(ACCOUNT).await;
    let names: Vec<_> = listed.iter().map(|one| &*one.about.name).collect();
    assert_eq!(names, ["Kettles", "Teapots"]);
    assert_eq!((listed[0].about.old, listed[1].about.old), (false, true));
    // However often, nothing is told twice.
    stage.time.later(100 * 24 * HOUR);
    stage.work(&node).await;
    assert_eq!(stage.mails(ACCOUNT).await.len(), 2);
}

#[tokio::test]
async fn what_is_dismissed_is_shown_no_more_and_not_told_again() {
    let stage = Stage::new(|_| {}).await;
    let node = stage.node();
    stage.work(&node).await;
    stage.one_more(&node, "Kettles").await;
    node.tell().await.unwrap();
    let (store, now) = (&stage.fixture.store, stage.time.now());
    let listed = stage.listed(ACCOUNT).await;
    let id = listed[0].id;
    assert_eq!(Id::parse(&id.text()), Some(id));
    // Not for somebody else.
    told::dismiss(store, "zoe@b.test", &id, now).await.unwrap();
    assert_eq!(stage.listed(ACCOUNT).await.len(), 2);
    told::dismiss(store, ACCOUNT, &id, now).await.unwrap();
    told::dismiss(store, ACCOUNT, &id, now).await.unwrap();
    assert_eq!(stage.listed(ACCOUNT).await, listed[1..]);
    stage.time.later(100 * 24 * HOUR);
    stage.work(&node).await;
    assert_eq!(stage.mails(ACCOUNT).await.len(), 2);
    for bad in ["", "x", &id.text()[1..], &format!("{}0", id.text())] {
        assert_eq!(Id::parse(bad), None, "{bad}");
    }
}

/// What is shown has an end, whatever there is.
#[tokio::test]
async fn the_newest_are_listed_and_no_more_than_fifty() {
    let stage = Stage::new(|_| {}).await;
    let node = stage.node();
    let names: Vec<_> = (0..told::MOST + 5).map(|n| format!("Many {n}")).collect();
    for name in &names {
        stage.breaches.add(name, |_| {});
        stage.breaches.put(ACCOUNT, &[name]);
    }
    stage.work(&node).await;
    stage.one_more(&node, "Kettles").await;
    node.tell().await.unwrap();
    assert_eq!(stage.mails(ACCOUNT).await.len(), names.len() + 2);
    let listed = stage.listed(ACCOUNT).await;
    assert_eq!(listed.len(), told::MOST);
    assert_eq!(listed[0].about.name, "Kettles");
    // Those that are dismissed make room.
    let now = stage.time.now();
    let dismiss = told::dismiss(&stage.fixture.store, ACCOUNT, &listed[0].id, now);
    dismiss.await.unwrap();
    assert_eq!(stage.listed(ACCOUNT).await.len(), told::MOST);
}

/// The service of breaches writes what it likes: it gets no line of its own into a header, no link, and turns nothing round.
#[tokio::test]
async fn hostile_words_stay_words() {
    let stage = Stage::new(|_| {}).await;
    let node = stage.node();
    let hostile = format!(
        "<script>x</script>\u{202e}evil\r\nBcc: eve@evil.test\r\n\r\nhttps://evil.test/{}",
        "long ".repeat(40)
    );
    stage.breaches.add("Hostile", |one| {
        for field in ["Title", "Domain", "BreachDate", "Description"] {
            one[field] = (&*hostile).into();
        }
        one["DataClasses"] = (0..100).map(|_| &*hostile).collect();
    });
    stage.breaches.put(ACCOUNT, &["Hostile"]);
    stage.work(&node).await;
    let mails = stage.mails(ACCOUNT).await;
    let mail = mails.iter().find(|mail| mail.contains("script")).unwrap();
    let (header, body) = mail.split_once("\r\n\r\n").unwrap();
    assert_eq!(header.matches("\r\nSubject: ").count(), 1);
    assert!(!header.contains("\r\nBcc:") && !body.contains("\r\nBcc:"));
    assert!(!mail.contains("://") && !mail.contains('\u{202e}'));
    assert!(mail.replace("\r\n", "").chars().all(|c| !c.is_control()));
    assert!(mail.len() < 8192 && mail.lines().all(|line| line.len() < 998));
    let theirs = body.lines().filter(|line| line.contains("evil"));
    assert!(theirs.clone().count() > 0);
    for line in theirs {
        assert!(line.starts_with("> "), "{line}");
    }
    let listed = stage.listed(ACCOUNT).await;
    let about = listed.iter().map(|one| &one.about);
    let about = about
        .clone()
        .find(|about| about.name.contains("script"))
        .unwrap();
    for (text, most) in [(&about.name, 101), (&about.date, 21), (&about.lost, 601)] {
        assert!(text.chars().count() <= most, "{text}");
        assert!(!text.contains(|c: char| c.is_control() || c == '\u{202e}'));
    }
    // The mutation: what it writes is all of this.
    assert!(hostile.contains('\u{202e}') && hostile.contains("\r\nBcc:"));
}

#[tokio::test]
async fn what_may_be_a_secret_is_no_subject() {
    let stage = Stage::new(|_| {}).await;
    let node = stage.node();
    stage
        .breaches
        .add("Secret", |one| one["IsSensitive"] = true.into());
    stage.breaches.put(ACCOUNT, &["Secret"]);
    stage.work(&node).await;
    let mails = stage.mails(ACCOUNT).await;
    let mail = mails.iter().find(|mail| mail.contains("Secret")).unwrap();
    let (header, body) = mail.split_once("\r\n\r\n").unwrap();
    assert!(!header.contains("Secret"), "{header}");
    assert!(body.contains("may be a secret") && body.contains("> Breach: Secret\r\n"));
}

#[tokio::test]
async fn a_full_mailbox_waits_and_keeps_nobody_else_from_hearing() {
    let stage = Stage::new(|config| config.limits.mailbox_messages = 1).await;
    let (node, zoe) = (stage.node(), "zoe@b.test");
    stage.add(zoe).await;
    stage.breaches.put(zoe, &["Teapots"]);
    let joe = [Arc::from(ACCOUNT)];
    let boxes = &stage.fixture.service.mailboxes;
    boxes
        .deliver(&joe, b"full", stage.time.now())
        .await
        .unwrap();
    node.watch().await.unwrap();
    stage.ask(&node).await;
    let told = node.tell().await.unwrap();
    assert_eq!((told.delivered, told.waiting), (1, 1));
    assert_eq!(stage.mails(zoe).await.len(), 1);
    assert!(stage.listed(ACCOUNT).await.is_empty(), "no mail, no record");
    // However long.
    stage.time.later(400 * 24 * HOUR);
    assert_eq!(node.tell().await.unwrap().waiting, 1);
    let lock = boxes
        .lock(&joe[0], &stage.time.clock())
        .await
        .unwrap()
        .unwrap();
    let rows = boxes.open(&lock, stage.time.now()).await.unwrap();
    boxes.remove(&lock, &rows, stage.time.now()).await.unwrap();
    let told = stage.node().tell().await.unwrap();
    assert_eq!((told.delivered, told.waiting), (1, 0));
    assert!(stage.mails(ACCOUNT).await[0].contains("Teapots"));
}

#[tokio::test]
async fn who_is_gone_hears_nothing_and_is_asked_about_no_more() {
    let stage = Stage::new(|_| {}).await;
    let node = stage.node();
    stage.work(&node).await;
    stage.one_more(&node, "Kettles").await;
    let _ = stage.breaches.asked();
    stage.remove(ACCOUNT).await;
    let told = node.tell().await.unwrap();
    assert_eq!((told.delivered, told.settled), (0, 1));
    assert!(stage.mails(ACCOUNT).await.is_empty() && stage.listed(ACCOUNT).await.is_empty());
    assert_eq!(node.watch().await.unwrap().gone, 1);
    assert!(node.watch().await.unwrap().is_nothing());
    stage.time.later(60 * 24 * HOUR);
    stage.work(&node).await;
    let asked = stage.breaches.asked();
    assert!(!asked.is_empty() && !asked.iter().any(|path| path.contains("/range/")));
    assert_eq!(left(&stage).await, 0, "nothing of him is left");
    // Who gets the address is somebody else: nothing that waited is his, and he is asked about as anybody new.
    stage.add(ACCOUNT).await;
    assert!(stage.mails(ACCOUNT).await.is_empty());
    assert_eq!(node.watch().await.unwrap().new, 1);
    stage.work(&node).await;
    let mails = stage.mails(ACCOUNT).await;
    assert!(mails.len() == 2 && mails.iter().all(|mail| mail.contains("breach.older")));
    // The mutation: while he is there, he is asked about.
    assert!(
        stage
            .breaches
            .asked()
            .iter()
            .any(|path| path.contains("/range/"))
    );
}

/// Of a removal that was broken off, as of one that was not.
#[tokio::test]
async fn whoever_gets_an_address_sees_nothing_that_an_earlier_owner_was_told() {
    use record_store::{Commit, Expect, Records};
    let stage = Stage::new(|_| {}).await;
    stage.work(&stage.node()).await;
    let key = crate::accounts::key(ACCOUNT).unwrap();
    let half = Commit::new().delete(&key, Expect::Anything);
    let done = stage.fixture.store.commit(half, stage.time.now());
    assert!(matches!(
        done.await.unwrap(),
        record_store::Outcome::Committed(_)
    ));
    assert_eq!(stage.listed(ACCOUNT).await.len(), 1);
    stage.add(ACCOUNT).await;
    assert!(stage.listed(ACCOUNT).await.is_empty());
}

/// Records of people.
async fn left(stage: &Stage) -> usize {
    use record_store::{Prefix, Records};
    let mut count = 0;
    for name in [
        "breach-user",
        "breach-alert",
        "breach-new",
        "breach-at",
        "mail.breach-watch",
        "mail.breach-told",
    ] {
        let prefix = Prefix::new(name, ()).unwrap();
        let page = stage
            .fixture
            .store
            .scan(&prefix, None, 10, stage.time.now());
        count += page.await.unwrap().entries.len();
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_at_a_time_tell_it_once() {
    let stage = Stage::on_disk().await;
    let (one, other) = (stage.node(), stage.node());
    stage.work(&one).await;
    let (mut delivered, rounds) = (0, 8);
    for round in 0..rounds {
        stage.one_more(&one, &format!("Kettles {round}")).await;
        let (one, other) = tokio::join!(one.tell(), other.tell());
        delivered += one.unwrap().delivered + other.unwrap().delivered;
    }
    assert_eq!(delivered, rounds);
    // All of the work, side by side.
    let zoe = "zoe@b.test";
    stage.breaches.put(zoe, &["Teapots"]);
    stage.add(zoe).await;
    tokio::join!(stage.work(&one), stage.work(&other));
    stage.work(&one).await;
    assert_eq!(stage.mails(zoe).await.len(), 1);
    assert_eq!(stage.mails(ACCOUNT).await.len(), rounds + 1);
    assert_eq!(stage.listed(ACCOUNT).await.len(), rounds + 1);
}
