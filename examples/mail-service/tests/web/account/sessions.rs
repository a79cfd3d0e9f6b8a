//! Sessions: where somebody is logged in, and how they end.

use super::{Browser, Enrolled, enrol, half_way, logged_in, world};
use crate::world::{ACCOUNT, PASSWORD};
use mail_service::{Accounts, Chosen};
use std::time::Duration;

const ANOTHER: &str = "ein ganz anderes Wort";

async fn is_in(browser: &mut Browser<'_>) -> bool {
    let answer = browser.get("/account").await;
    assert!(answer.status == 200 || answer.field("location").starts_with("/login"));
    answer.status == 200
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_ends_all_other_sessions() {
    let world = world().await;
    let (mut user, mut other) = (logged_in(&world).await, logged_in(&world).await);
    user.get("/account/password").await;
    let before = user.session().to_owned();
    let change = |now, new, again| [("password", now), ("new", new), ("again", again)];
    let path = "/account/password";
    // What is wrong is told where it was typed, and nothing has ended.
    for (fields, field, part) in [
        (
            change("wrong", ANOTHER, ANOTHER),
            "password",
            "not your password",
        ),
        (change(PASSWORD, ANOTHER, PASSWORD), "again", "not the same"),
        (change(PASSWORD, "short", "short"), "new", "15 characters"),
        (
            change(PASSWORD, ACCOUNT, ACCOUNT),
            "new",
            "your name or address",
        ),
    ] {
        let answer = user.post(path, &fields).await;
        assert!(answer.status == 403 || answer.status == 422, "{field}");
        assert!(
            answer.wrong(field).contains(part),
            "{field}: {}",
            answer.text()
        );
    }
    assert!(is_in(&mut other).await && is_in(&mut user).await);
    user.get(path).await;
    let done = user.post(path, &change(PASSWORD, ANOTHER, ANOTHER)).await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert_ne!(user.session(), before, "the token is another one");
    let mut copied = user.copy();
    copied.jar.insert("__Host-session".into(), before);
    assert!(!is_in(&mut copied).await);
    assert!(!is_in(&mut other).await);
    assert!(is_in(&mut user).await);
    assert_eq!(
        Browser::new(&world).log_in(ACCOUNT, PASSWORD).await.status,
        403
    );
    assert_eq!(
        Browser::new(&world).log_in(ACCOUNT, ANOTHER).await.status,
        303
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_changed_by_the_operator_ends_them_too_and_so_does_the_end_of_the_account() {
    let world = world().await;
    let accounts = Accounts::new(world.store.clone());
    let (mut user, mut same) = (logged_in(&world).await, logged_in(&world).await);
    assert!(is_in(&mut user).await && is_in(&mut same).await);
    let another = Chosen::unchecked(ANOTHER);
    accounts
        .set_password(ACCOUNT, &another, world.now())
        .await
        .unwrap();
    assert!(!is_in(&mut user).await && !is_in(&mut same).await);
    let mut last = Browser::new(&world);
    last.log_in(ACCOUNT, ANOTHER).await;
    assert!(is_in(&mut last).await);
    accounts.remove(ACCOUNT, world.now()).await.unwrap();
    accounts.add(ACCOUNT, &another, world.now()).await.unwrap();
    assert!(!is_in(&mut last).await);
    // Who has the address now does not see what happened to the one before.
    let mut next = Browser::new(&world);
    next.log_in(ACCOUNT, ANOTHER).await;
    let page = next.get("/account").await.text();
    assert_eq!(page.matches("<time").count(), 1, "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_of_the_factors_ends_all_other_sessions_and_goes_on_with_this_one() {
    let world = world().await;
    let (mut user, mut other) = (logged_in(&world).await, logged_in(&world).await);
    let Enrolled { app, .. } = enrol(&mut user).await;
    assert!(is_in(&mut user).await && !is_in(&mut other).await);
    let changes: [(&str, &[(&str, &str)]); 3] = [
        (
            "/account/app-passwords",
            &[("name", "tablet"), ("scope", "pop3")],
        ),
        ("/account/second-factor/recovery", &[]),
        ("/account/second-factor/remove", &[("factor", "1")]),
    ];
    for (path, fields) in changes {
        let mut other = half_way(&world).await;
        let code = app.code(world.now());
        assert_eq!(
            other.post("/login/code", &[("code", &code)]).await.status,
            303
        );
        assert!(is_in(&mut other).await, "{path}");
        // A login that is half-way is over, too.
        let mut between = half_way(&world).await;
        user.get("/account").await;
        let answer = user.post(path, fields).await;
        assert!(
            answer.status == 200 || answer.status == 303,
            "{path} {}",
            answer.text()
        );
        assert!(!is_in(&mut other).await, "{path}");
        assert!(is_in(&mut user).await, "{path}");
        world.later(Duration::from_secs(30));
        let code = app.code(world.now());
        let late = between.post("/login/code", &[("code", &code)]).await;
        assert_eq!(late.status, 403, "{path}");
        assert!(
            late.text().contains("has changed meanwhile"),
            "{}",
            late.text()
        );
        world.later(Duration::from_secs(30));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_seen_and_ended_one_by_one_or_all() {
    let world = world().await;
    let (mut user, mut second, mut third) = (
        logged_in(&world).await,
        logged_in(&world).await,
        logged_in(&world).await,
    );
    let page = user.get("/account/sessions").await;
    let text = page.text();
    // Each by its name, and the button of the others, too.
    assert_eq!(text.matches("Firefox, Linux").count(), 3 + 2, "{text}");
    assert_eq!(text.matches("this session").count(), 1);
    assert!(!text.contains(second.session()));
    let one = page.value("session");
    user.post("/account/sessions/end", &[("session", &one)])
        .await;
    let left = [
        is_in(&mut user).await,
        is_in(&mut second).await,
        is_in(&mut third).await,
    ];
    assert_eq!(left.iter().filter(|it| **it).count(), 2, "{left:?}");
    assert!(left[0]);
    user.get("/account/sessions").await;
    user.post("/account/sessions/end-others", &[]).await;
    assert!(is_in(&mut user).await && !is_in(&mut second).await && !is_in(&mut third).await);
    // What somebody else's session is called ends nothing.
    let mut other = logged_in(&world).await;
    user.get("/account/sessions").await;
    user.post("/account/sessions/end", &[("session", &one)])
        .await;
    assert!(is_in(&mut other).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn they_end_by_themselves() {
    let world = world().await;
    let mut user = logged_in(&world).await;
    world.later(Duration::from_secs(3599));
    assert!(is_in(&mut user).await);
    world.later(Duration::from_secs(3601));
    assert!(!is_in(&mut user).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_opens_the_account_is_changed_only_after_a_login_of_the_last_ten_minutes() {
    let world = world().await;
    let mut user = logged_in(&world).await;
    let Enrolled { app, .. } = enrol(&mut user).await;
    world.later(Duration::from_secs(600));
    for path in ["second-factor", "app-passwords", "passkeys"] {
        let answer = user.get(&format!("/account/{path}")).await;
        let wanted = format!("/login?prove={path}");
        assert_eq!((answer.status, answer.field("location")), (303, &*wanted));
    }
    user.get("/account").await;
    let changes: [(&str, &str); 9] = [
        ("/account/second-factor/enrol", "second-factor"),
        ("/account/second-factor/recovery", "second-factor"),
        ("/account/second-factor/remove", "second-factor"),
        ("/account/second-factor/import", "second-factor"),
        ("/account/second-factor/resync/1", "second-factor"),
        ("/account/passkeys/rename/one", "passkeys"),
        ("/account/app-passwords", "app-passwords"),
        ("/account/passkeys/options", "passkeys"),
        ("/account/sessions/forget", "sessions"),
    ];
    for (path, place) in changes {
        let answer = user
            .post(path, &[("factor", "1"), ("name", "x"), ("scope", "pop3")])
            .await;
        let wanted = format!("/login?prove={place}");
        assert_eq!(
            (answer.status, answer.field("location")),
            (303, &*wanted),
            "{path}"
        );
    }
    // The mutation: the same after the login that is asked for, which is the whole of it.
    let before = user.session().to_owned();
    let page = user.get("/login?prove=second-factor").await.text();
    assert!(
        page.contains("ten minutes") && page.contains(ACCOUNT),
        "{page}"
    );
    let fields = [
        ("user", ACCOUNT),
        ("password", PASSWORD),
        ("to", "second-factor"),
    ];
    let step = user.post("/login", &fields).await;
    assert_eq!(step.field("location"), "/login/code?to=second-factor");
    user.get("/login/code?to=second-factor").await;
    let code = app.code(world.now());
    let done = user
        .post("/login/code", &[("code", &code), ("to", "second-factor")])
        .await;
    assert_eq!(done.field("location"), "/account/second-factor");
    assert_ne!(user.session(), before);
    user.get("/account/second-factor").await;
    let answer = user.post("/account/second-factor/recovery", &[]).await;
    assert_eq!((answer.status, answer.items("codes").len()), (200, 10));
}
