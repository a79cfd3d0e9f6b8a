//! What is known from breaches of a password that was right.

use super::{
    tests::{from, mail, secret},
    *,
};
use crate::{
    Accounts, Chosen,
    accounts::Credential,
    fixture::{ACCOUNT, Enrolled, Fixture, PASSWORD, Time, corpus},
};
use record_store::{Commit, Expect};
use std::path::PathBuf;
use tempfile::TempDir;

struct Stage {
    fixture: Fixture,
    time: Time,
    folder: TempDir,
}

impl Stage {
    /// With a corpus that has somebody else's password.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pwned.pages");
        corpus(&path, &[("somebody else's", 1)], &[]);
        let time = Time::new();
        let settings = |config: &mut Config| config.password.corpus = Some(path);
        let fixture = Fixture::at(time.clock(), settings).await;
        Self {
            fixture,
            time,
            folder,
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("pwned.pages")
    }

    /// Another version, which has the password.
    fn breach(&self) {
        corpus(&self.path(), &[(PASSWORD, 5), ("somebody else's", 1)], &[]);
    }

    fn logins(&self) -> &'static Logins {
        &self.fixture.service.logins
    }

    async fn pop3(&self, word: &str) -> LoggedIn {
        mail(self.logins(), from(1), ACCOUNT, word).await
    }

    async fn credential(&self) -> Credential {
        let found = accounts::credential(&self.fixture.store, ACCOUNT, self.time.now()).await;
        found.unwrap().unwrap()
    }

    async fn set(&self, word: &str) {
        let accounts = Accounts::new(self.fixture.store.clone());
        let chosen = Chosen::unchecked(word);
        let set = accounts.set_password(ACCOUNT, &chosen, self.time.now());
        set.await.unwrap();
    }
}

fn account() -> LoggedIn {
    LoggedIn::Account(ACCOUNT.into())
}

fn must_change() -> LoggedIn {
    LoggedIn::MustChange(ACCOUNT.into())
}

#[tokio::test]
async fn a_right_password_is_looked_up_once_for_each_corpus_and_changed_if_it_is_known() {
    let stage = Stage::new().await;
    let made = stage.credential().await;
    assert_eq!(stage.pop3("a wrong one").await, LoggedIn::Refused);
    assert_eq!(stage.credential().await, made, "a wrong one notes nothing");
    assert_eq!(stage.pop3(PASSWORD).await, account());
    let first = stage.credential().await;
    assert!(first != made && first.phc == made.phc && !first.must_change());
    assert_eq!(stage.pop3(PASSWORD).await, account());
    assert_eq!(stage.credential().await, first, "once");
    stage.breach();
    assert_eq!(stage.pop3(PASSWORD).await, must_change());
    assert_eq!(stage.pop3(PASSWORD).await, must_change());
    assert!(stage.credential().await.must_change());
    // A wrong one learns nothing of it.
    assert_eq!(stage.pop3("a wrong one").await, LoggedIn::Refused);
    // It stays, whatever a later corpus says.
    corpus(&stage.path(), &[("a third one", 1)], &[]);
    assert_eq!(stage.pop3(PASSWORD).await, must_change());
    stage.set("another one").await;
    assert_eq!(stage.pop3("another one").await, account());
    assert!(!stage.credential().await.must_change());
}

#[tokio::test]
async fn an_app_password_goes_on_and_notes_nothing() {
    let stage = Stage::new().await;
    let enrolled = Enrolled::new(&stage.fixture, &stage.time).await;
    stage.breach();
    let before = stage.credential().await;
    assert_eq!(stage.pop3(&enrolled.app).await, account());
    assert_eq!(stage.credential().await, before);
    // On the site the password comes first, and is looked up.
    let first = stage.logins().web(from(2), None, ACCOUNT, secret(PASSWORD));
    assert!(matches!(first.await, WebLogin::Second(..)));
    assert!(stage.credential().await.must_change());
    assert_eq!(stage.pop3(&enrolled.app).await, account());
}

/// The mutation: what is written whatever is there puts the old password back.
#[tokio::test]
async fn what_is_known_of_an_old_password_says_nothing_of_a_new_one() {
    let stage = Stage::new().await;
    stage.breach();
    let (store, now) = (&stage.fixture.store, stage.time.now());
    let old = stage.credential().await;
    let known = stage.logins().rules.recheck(PASSWORD, old.state);
    assert!(known.must_change());
    stage.set("another one").await;
    let new = stage.credential().await;
    old.note(store, ACCOUNT, known, now).await.unwrap();
    assert_eq!(stage.credential().await, new);
    assert_eq!(
        stage
            .fixture
            .service
            .notices
            .tell()
            .await
            .unwrap()
            .delivered,
        1
    );
    assert_eq!(stage.pop3("another one").await, account());
    let value = old.value_for_tests(known);
    let key = accounts::key(ACCOUNT).unwrap();
    let anyway = Commit::new().put(&key, &*value, Expect::Anything);
    let _ = store.commit(anyway, now).await.unwrap();
    assert!(stage.credential().await.must_change());
    assert_eq!(stage.pop3("another one").await, LoggedIn::Refused);
}

/// A password that is set while logins note what they know of the one before.
#[tokio::test]
async fn a_new_password_is_set_though_logins_note_something() {
    let stage = Stage::new().await;
    stage.breach();
    let login = stage.pop3(PASSWORD);
    let (said, ()) = tokio::join!(login, stage.set("another one"));
    assert!(
        [must_change(), LoggedIn::Refused].contains(&said),
        "{said:?}"
    );
    let now = stage.credential().await;
    assert!(!now.must_change());
    assert_eq!(stage.pop3("another one").await, account());
}

#[tokio::test]
async fn a_corpus_that_fails_keeps_nobody_out_and_is_asked_again() {
    let stage = Stage::new().await;
    stage.breach();
    let whole = std::fs::read(stage.path()).unwrap();
    let mut damaged = whole.clone();
    damaged[4096..12_288].fill(7);
    std::fs::write(stage.path(), &damaged).unwrap();
    let made = stage.credential().await;
    assert_eq!(stage.pop3(PASSWORD).await, account());
    assert_eq!(stage.credential().await, made);
    std::fs::write(stage.path(), &whole).unwrap();
    assert_eq!(stage.pop3(PASSWORD).await, must_change());
}

#[tokio::test]
async fn a_link_for_a_new_password_outlives_what_a_login_notes() {
    let stage = Stage::new().await;
    let (store, now) = (&stage.fixture.store, stage.time.now());
    let token = second_factor::reset::issue(store, ACCOUNT, now)
        .await
        .unwrap();
    stage.breach();
    assert_eq!(stage.pop3(PASSWORD).await, must_change());
    let accounts = Accounts::new(store.clone());
    let chosen = Chosen::unchecked("another one");
    let taken = second_factor::reset::take(&accounts, &token, chosen, now).await;
    assert_eq!(taken.unwrap().as_deref(), Some(ACCOUNT));
    assert_eq!(stage.pop3("another one").await, account());
}

/// A record as earlier releases wrote it: of what was typed, without a state.
#[tokio::test]
async fn a_record_of_an_earlier_release_opens_and_is_looked_up() {
    let stage = Stage::new().await;
    let (store, now) = (&stage.fixture.store, stage.time.now());
    let typed = "Gru\u{308}\u{df}e an \u{fb01}n";
    let phc = crate::auth::hash(typed).unwrap();
    let old = [&[1], phc.as_bytes()].concat();
    let key = accounts::key(ACCOUNT).unwrap();
    let commit = Commit::new().put(&key, &*old, Expect::Anything);
    let _ = store.commit(commit, now).await.unwrap();
    assert_eq!(stage.pop3(typed).await, account());
    let noted = stage.credential().await;
    assert_eq!((noted.of, &*noted.phc), (accounts::Of::Typed, &*phc));
    // Looked up in its normal form, as corpora have it.
    corpus(&stage.path(), &[("Gr\u{fc}\u{df}e an fin", 1)], &[]);
    assert_eq!(stage.pop3(typed).await, must_change());
    // One that is chosen anew opens however it is typed.
    stage.set(typed).await;
    for typed in [typed, "Gr\u{fc}\u{df}e an fin"] {
        assert_eq!(stage.pop3(typed).await, must_change(), "it is the same one");
    }
}
