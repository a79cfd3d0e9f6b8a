//! Passwords that are known from breaches: which cannot be chosen, and what is left to who has one.

use super::{
    Browser, logged_in,
    seal::{basic, hand_in},
};
use crate::breaches::corpus;
use crate::world::{ACCOUNT, PASSWORD, World};
use std::path::PathBuf;

const BREACHED: &str = "gartenzwerge im mondlicht";
const UNKNOWN: &str = "zwei boote unter der brücke";
const PAGE: &str = "/account/password";

struct Stage {
    world: World,
    folder: tempfile::TempDir,
}

impl Stage {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pwned.pages");
        corpus(&path, &[BREACHED], Some(UNKNOWN));
        let world = World::with(|config| config.password.corpus = Some(path)).await;
        world.account().await;
        Self { world, folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("pwned.pages")
    }
}

fn change<'a>(now: &'a str, new: &'a str) -> [(&'a str, &'a str); 3] {
    [("password", now), ("new", new), ("again", new)]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_is_refused_beside_the_field_in_the_language_of_the_browser() {
    let stage = Stage::new().await;
    let mut user = logged_in(&stage.world).await;
    for (language, note, seen, undecided) in [
        (
            "en",
            "Use at least 15 characters.",
            "known from breaches, where it was seen 4 to 7 times",
            "could not be checked",
        ),
        (
            "de",
            "Nehmen Sie mindestens 15 Zeichen.",
            "aus Datenlecks bekannt; es kam dort 4- bis 7-mal vor",
            "konnte nicht geprüft werden",
        ),
    ] {
        user.language = language;
        let page = user.get(PAGE).await;
        assert!(page.text().contains(note), "{}", page.text());
        let refused = user.post(PAGE, &change(PASSWORD, BREACHED)).await;
        assert_eq!(refused.status, 422);
        assert!(refused.wrong("new").contains(seen), "{}", refused.text());
        assert!(!refused.text().contains(BREACHED));
        let refused = user.post(PAGE, &change(PASSWORD, UNKNOWN)).await;
        assert_eq!(refused.status, 503);
        assert!(
            refused.wrong("new").contains(undecided),
            "{}",
            refused.text()
        );
    }
    // However much a form has, no more than a line of it is looked at.
    let huge = "x".repeat(7000);
    let refused = user.post(PAGE, &change(PASSWORD, &huge)).await;
    assert!(
        refused.wrong("new").contains("248 Oktette"),
        "{}",
        refused.text()
    );
    let mut again = Browser::new(&stage.world);
    assert_eq!(again.log_in(ACCOUNT, PASSWORD).await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_password_however_it_is_typed() {
    let stage = Stage::new().await;
    let mut user = logged_in(&stage.world).await;
    user.get(PAGE).await;
    let typed = "Gru\u{308}\u{df}e vom \u{fb01}ligranen Hafen";
    let done = user.post(PAGE, &change(PASSWORD, typed)).await;
    assert_eq!(done.status, 200, "{}", done.text());
    // Who has other letters than ASCII is told that keyboards differ.
    assert!(done.text().contains("keyboards"), "{}", done.text());
    for typed in [
        typed,
        "Gr\u{fc}\u{df}e vom filigranen Hafen",
        "Gr\u{fc}\u{df}e\u{a0}vom \u{ff46}\u{ff49}ligranen Hafen",
    ] {
        let mut browser = Browser::new(&stage.world);
        assert_eq!(browser.log_in(ACCOUNT, typed).await.status, 303, "{typed}");
    }
    let mut browser = Browser::new(&stage.world);
    let other = browser.log_in(ACCOUNT, "Gr\u{fc}sse vom filigranen Hafen");
    assert_eq!(other.await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_must_change_the_password_does_nothing_else_before() {
    let stage = Stage::new().await;
    let world = &stage.world;
    let mut before = logged_in(world).await;
    assert_eq!(before.get("/account").await.status, 200);
    corpus(&stage.path(), &[BREACHED, PASSWORD], None);
    let mut user = Browser::new(world);
    assert_eq!(user.log_in(ACCOUNT, PASSWORD).await.status, 303);
    // Every page leads there, for every session of the account, and so does every form.
    for browser in [&mut user, &mut before] {
        for path in [
            "/account",
            "/account/sessions",
            "/account/second-factor",
            "/account/app-passwords",
            "/account/passkeys",
        ] {
            let answer = browser.get(path).await;
            assert_eq!(
                (answer.status, answer.field("location")),
                (303, PAGE),
                "{path}"
            );
        }
        browser.get(PAGE).await;
        for path in [
            "/account/sessions/end-others",
            "/account/second-factor/enrol",
            "/account/app-passwords",
        ] {
            let answer = browser.post(path, &[]).await;
            assert_eq!(
                (answer.status, answer.field("location")),
                (303, PAGE),
                "{path}"
            );
        }
        // Nothing is sealed either.
        let session = browser.get("/api/session").await;
        assert!(
            session.text().contains("\"account\":null"),
            "{}",
            session.text()
        );
    }
    let sealed = hand_in(world, ACCOUNT, &basic(PASSWORD)).await;
    assert_eq!(sealed.code(), "login.must-change");
    for (language, part) in [
        ("en", "Your password is known from breaches"),
        ("de", "Ihr Passwort ist aus Datenlecks bekannt"),
    ] {
        user.language = language;
        let page = user.get(PAGE).await;
        assert!(
            page.status == 200 && page.text().contains(part),
            "{}",
            page.text()
        );
    }
    // Out, and in again, which changes nothing.
    assert_eq!(
        before.post("/logout", &[]).await.field("location"),
        "/login?out"
    );
    assert_eq!(before.log_in(ACCOUNT, PASSWORD).await.status, 303);
    assert_eq!(before.get("/account").await.field("location"), PAGE);
    // The same one is no other.
    let same = user.post(PAGE, &change(PASSWORD, PASSWORD)).await;
    assert!(
        same.status == 422 && same.wrong("new").contains("Datenlecks"),
        "{}",
        same.text()
    );
    let done = user
        .post(PAGE, &change(PASSWORD, "two lanterns over the harbour"))
        .await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert_eq!(user.get("/account").await.status, 200);
    assert!(
        !user
            .get(PAGE)
            .await
            .text()
            .contains("aus Datenlecks bekannt")
    );
    assert!(user.get("/api/session").await.text().contains(ACCOUNT));
}
