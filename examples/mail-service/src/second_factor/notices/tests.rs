//! What users are told, once.

use super::*;
use crate::{
    Chosen,
    accounts::breached,
    fixture::{ACCOUNT, Enrolled, Fixture, PASSWORD, Time, corpus},
    login::LoggedIn,
};
use record_store::{Commit, Expect, Records};
use twofactor::Scope;
use zeroize::Zeroizing;

struct Stage {
    fixture: Fixture,
    time: Time,
}

impl Stage {
    async fn new(change: impl FnOnce(&mut Config)) -> Self {
        let time = Time::new();
        let fixture = Fixture::at(time.clock(), change).await;
        Self { fixture, time }
    }

    async fn tell(&self) -> Told {
        self.fixture.service.notices.tell().await.unwrap()
    }

    /// The mail that lies in the mailbox of the account.
    async fn mails(&self) -> Vec<String> {
        let (boxes, now) = (&self.fixture.service.mailboxes, self.time.now());
        let mut mails = Vec::new();
        for row in boxes.rows(ACCOUNT, now).await.unwrap() {
            let mail = boxes.load(&row, now).await.unwrap();
            mails.push(String::from_utf8(mail.to_vec()).unwrap());
        }
        mails
    }

    async fn fail(&self, times: usize) {
        for n in 0..times {
            self.time.later(Duration::from_secs(3600));
            let client = [10, 0, n as u8, 1].into();
            let word = Zeroizing::new("a wrong one".to_owned());
            let logins = &self.fixture.service.logins;
            logins.mail(client, Scope::Pop3, ACCOUNT, word).await;
        }
    }
}

#[tokio::test]
async fn what_happens_to_an_account_is_told_once_in_words() {
    let stage = Stage::new(|_| {}).await;
    assert_eq!(stage.tell().await, Told::default());
    Enrolled::new(&stage.fixture, &stage.time).await;
    let told = stage.tell().await;
    assert_eq!(
        (told.delivered, told.waiting),
        (3, 0),
        "app, recovery codes, app password"
    );
    assert_eq!(stage.tell().await, Told::default(), "nothing is told twice");
    let mails = stage.mails().await;
    assert_eq!(mails.len(), 3);
    for (mail, subject) in mails.iter().zip([
        "An app for login codes was added",
        "New recovery codes were made",
        "An app password was made",
    ]) {
        let (header, body) = mail.split_once("\r\n\r\n").unwrap();
        assert!(header.starts_with("Return-Path: <>\r\nFrom: "), "{header}");
        for field in [
            "From: Account security <postmaster@mx.b.test>",
            "To: <joe@b.test>",
            "Auto-Submitted: auto-generated",
        ] {
            assert!(
                header.contains(&format!("{field}\r\n")),
                "{field}: {header}"
            );
        }
        assert!(mails.iter().any(|mail| mail.contains(subject)), "{subject}");
        assert!(
            body.contains("Account: joe@b.test\r\nTime: 2027-01-15 08:00 UTC\r\n"),
            "{body}"
        );
        assert!(
            body.contains("For your administrator: 2fa.enrolled"),
            "{body}"
        );
        assert!(
            mail.replace("\r\n", "").chars().all(|c| !c.is_control()),
            "whole lines"
        );
    }
}

#[tokio::test]
async fn many_failures_are_told_and_few_are_not() {
    let stage = Stage::new(|_| {}).await;
    stage.fail(10).await;
    assert_eq!(stage.tell().await, Told::default());
    stage.fail(1).await;
    assert_eq!(stage.tell().await.delivered, 1);
    let mails = stage.mails().await;
    assert!(
        mails[0].contains("10 tries in a row with its password have failed"),
        "{}",
        mails[0]
    );
}

/// Between the delivery and the acknowledgement of an event anything may end. The mutation delivers what it is asked to.
#[tokio::test]
async fn what_was_delivered_and_not_acknowledged_is_not_delivered_again() {
    let stage = Stage::new(|_| {}).await;
    stage.fail(11).await;
    let (service, user) = (stage.fixture.service, user_of(ACCOUNT).unwrap());
    let factors = service.logins.two_factor();
    let waiting = factors.events(Some(&user), stage.time.now()).await.unwrap();
    let [one] = &waiting[..] else {
        panic!("{waiting:?}")
    };
    // As a node does that is killed then.
    let now = stage.time.now();
    let accounts = Accounts::new(stage.fixture.store.clone());
    accounts.know_owner(ACCOUNT, now).await.unwrap();
    let (_, key, version) = accounts.owner(ACCOUNT, now).await.unwrap().unwrap();
    let once = Once {
        task: Task::Leave(mark(one).unwrap(), now + EVENTS_KEPT),
        guard: (key, version),
    };
    let (boxes, account) = (&service.mailboxes, Arc::from(ACCOUNT));
    boxes
        .deliver_once(&account, b"it", &once, now)
        .await
        .unwrap();
    let told = stage.tell().await;
    assert_eq!((told.delivered, told.settled), (0, 1));
    assert_eq!(stage.mails().await, ["it"]);
    assert!(factors.events(None, now).await.unwrap().is_empty());
    // Without the mark it is there twice.
    boxes.deliver(&[account], b"it", now).await.unwrap();
    assert_eq!(stage.mails().await.len(), 2);
}

#[tokio::test]
async fn two_nodes_tell_it_once() {
    let stage = Stage::new(|_| {}).await;
    Enrolled::new(&stage.fixture, &stage.time).await;
    let (one, other) = tokio::join!(stage.tell(), stage.tell());
    assert_eq!(one.delivered + other.delivered, 3, "{one:?} {other:?}");
    stage.tell().await;
    assert_eq!(stage.mails().await.len(), 3);
}

#[tokio::test]
async fn a_full_mailbox_has_time_and_keeps_nobody_else_from_hearing() {
    let stage = Stage::new(|config| config.limits.mailbox_messages = 0).await;
    let accounts = Accounts::new(stage.fixture.store.clone());
    let factors = stage.fixture.service.logins.two_factor();
    let (user, now) = (user_of(ACCOUNT).unwrap(), stage.time.now());
    // More than a page of them, for a name that stands before others.
    for _ in 0..PAGE + 5 {
        factors.rebind_password(&user, now).await.unwrap();
    }
    let told = stage.tell().await;
    assert_eq!((told.delivered, told.settled, told.waiting), (0, 0, 1));
    // Somebody whose events stand behind a whole page of those.
    let (zoe, word) = ("zoe@b.test", Chosen::unchecked("long enough"));
    accounts.add(zoe, &word, now).await.unwrap();
    factors
        .rebind_password(&user_of(zoe).unwrap(), now)
        .await
        .unwrap();
    let told = stage.tell().await;
    assert_eq!(
        told.waiting, 2,
        "both were looked at, and both are full: {told:?}"
    );
}

#[tokio::test]
async fn a_later_owner_hears_nothing_of_an_earlier_one() {
    let stage = Stage::new(|_| {}).await;
    Enrolled::new(&stage.fixture, &stage.time).await;
    let accounts = Accounts::new(stage.fixture.store.clone());
    let word = Chosen::unchecked(PASSWORD);
    accounts.remove(ACCOUNT, stage.time.now()).await.unwrap();
    accounts
        .add(ACCOUNT, &word, stage.time.now())
        .await
        .unwrap();
    assert_eq!(stage.tell().await, Told::default());
    assert!(stage.mails().await.is_empty());
    // And nothing of his opens the account: the password alone does.
    let user = user_of(ACCOUNT).unwrap();
    let overview = stage
        .fixture
        .service
        .logins
        .two_factor()
        .overview(&user, stage.time.now());
    let overview = overview.await.unwrap();
    assert!(!overview.methods.is_enrolled() && overview.app_passwords.is_empty());
}

/// A service whose corpus has the password of the account.
async fn with_breach(change: impl FnOnce(&mut Config)) -> (Stage, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pwned.pages");
    corpus(&path, &[(PASSWORD, 5)], &[]);
    let stage = Stage::new(|config| {
        config.password.corpus = Some(path);
        change(config);
    });
    (stage.await, folder)
}

impl Stage {
    /// By the password, which is right.
    async fn log_in(&self) {
        let word = Zeroizing::new(PASSWORD.to_owned());
        let logins = &self.fixture.service.logins;
        let login = logins.mail([10, 0, 0, 1].into(), Scope::Pop3, ACCOUNT, word);
        assert_eq!(login.await, LoggedIn::MustChange(ACCOUNT.into()));
    }

    /// Who is to be told that the password must be changed.
    async fn marks(&self) -> usize {
        let page = breached::page(&self.fixture.store, None, self.time.now());
        page.await.unwrap().0.len()
    }
}

#[tokio::test]
async fn that_a_password_must_be_changed_is_told_once() {
    let (stage, _folder) = with_breach(|_| {}).await;
    assert_eq!(stage.tell().await, Told::default());
    stage.log_in().await;
    assert_eq!(stage.marks().await, 1);
    stage.log_in().await;
    assert_eq!(stage.marks().await, 1);
    assert_eq!(stage.tell().await.delivered, 1);
    stage.log_in().await;
    assert_eq!(stage.tell().await, Told::default(), "nothing is told twice");
    let mails = stage.mails().await;
    let [mail] = &mails[..] else {
        panic!("{mails:?}")
    };
    for part in [
        "Subject: The password of your account must be changed\r\n",
        "known from breaches",
        "Account: joe@b.test\r\nTime: 2027-01-15 08:00 UTC\r\n",
        "For your administrator: password.must-change",
    ] {
        assert!(mail.contains(part), "{part}: {mail}");
    }
    assert!(!mail.contains(PASSWORD), "{mail}");
}

/// Whatever ends between two commits. The state and the mark are one commit, the mail and the end of the mark another: a node
/// that is killed before the first has found nothing, and its successor looks again; one that is killed before the second
/// leaves the mark. The mutations: a mail without the end of the mark comes twice, a mark without the mail never.
#[tokio::test]
async fn whatever_is_killed_when_the_mail_comes_once() {
    let (stage, _folder) = with_breach(|_| {}).await;
    let (store, now) = (&stage.fixture.store, stage.time.now());
    let state = async || {
        let found = crate::accounts::credential(store, ACCOUNT, now).await;
        found.unwrap().unwrap().must_change()
    };
    // Before the first commit, and after it: never one without the other.
    assert_eq!((state().await, stage.marks().await), (false, 0));
    stage.log_in().await;
    assert_eq!((state().await, stage.marks().await), (true, 1));
    // Two nodes that begin at the same moment, as if one was taken for dead.
    let (one, other) = tokio::join!(stage.tell(), stage.tell());
    assert_eq!(one.delivered + other.delivered, 1, "{one:?} {other:?}");
    assert_eq!((stage.mails().await.len(), stage.marks().await), (1, 0));
    // The mutations.
    let (mark, value) = breached::mark(ACCOUNT, now).unwrap();
    let put = || Commit::new().put(&mark, &*value, Expect::Anything);
    let _ = store.commit(put(), now).await.unwrap();
    let account = [Arc::from(ACCOUNT)];
    let boxes = &stage.fixture.service.mailboxes;
    boxes.deliver(&account, b"it", now).await.unwrap();
    stage.tell().await;
    assert_eq!(stage.mails().await.len(), 3);
    let _ = store.commit(put(), now).await.unwrap();
    let end = Commit::new().delete(&mark, Expect::Anything);
    let _ = store.commit(end, now).await.unwrap();
    stage.tell().await;
    assert_eq!(stage.mails().await.len(), 3);
}

#[tokio::test]
async fn nobody_is_told_of_a_password_that_is_gone() {
    let accounts = |stage: &Stage| Accounts::new(stage.fixture.store.clone());
    let (stage, _folder) = with_breach(|_| {}).await;
    stage.log_in().await;
    let (new, now) = (Chosen::unchecked("another one"), stage.time.now());
    accounts(&stage)
        .set_password(ACCOUNT, &new, now)
        .await
        .unwrap();
    assert_eq!(stage.marks().await, 0);
    // A later owner hears nothing, and a full mailbox has time.
    let (stage, _folder) = with_breach(|config| config.limits.mailbox_messages = 0).await;
    stage.log_in().await;
    assert_eq!(stage.tell().await.waiting, 1);
    assert_eq!(stage.marks().await, 1);
    let accounts = accounts(&stage);
    accounts.remove(ACCOUNT, now).await.unwrap();
    accounts.add(ACCOUNT, &new, now).await.unwrap();
    assert_eq!(
        (stage.tell().await, stage.marks().await),
        (Told::default(), 0)
    );
}

/// A change of the password that was broken off after its commit: what the older one had opened ends all the same.
#[tokio::test]
async fn a_new_password_ends_what_the_older_one_opened_also_if_it_is_broken_off() {
    let stage = Stage::new(|_| {}).await;
    let accounts = Accounts::new(stage.fixture.store.clone());
    let factors = stage.fixture.service.logins.two_factor();
    let (user, now) = (user_of(ACCOUNT).unwrap(), stage.time.now());
    let failures = async || {
        factors
            .overview(&user, now)
            .await
            .unwrap()
            .password_failures
    };
    stage.fail(3).await;
    assert_eq!(failures().await, (3, 0));
    accounts.half_set_password(ACCOUNT, now).await;
    assert_eq!(failures().await, (3, 0));
    accounts.finish_rebinds(now).await.unwrap();
    assert_eq!(failures().await, (0, 0));
    let changed = twofactor::Event::PasswordChanged;
    let told = async || {
        let waiting = factors.events(Some(&user), now).await.unwrap();
        waiting.iter().filter(|one| one.event == changed).count()
    };
    assert_eq!(told().await, 1);
    accounts.finish_rebinds(now).await.unwrap();
    assert_eq!(told().await, 1, "nothing is left to finish");
}
