//! The way in, and the way out.

use super::{App, Browser, Enrolled, enrol, half_way, logged_in, world};
use crate::world::{ACCOUNT, PASSWORD};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_session_begins_with_a_token_that_nobody_had_before() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    // What somebody else has put there is not taken up.
    let planted = "A".repeat(64);
    browser.jar.insert("__Host-session".into(), planted.clone());
    let first = browser.log_in(ACCOUNT, PASSWORD).await;
    let set = first.all("set-cookie");
    let line = set
        .iter()
        .find(|line| line.starts_with("__Host-session="))
        .unwrap();
    assert!(
        line.ends_with("; Path=/; Secure; HttpOnly; SameSite=Strict"),
        "{line}"
    );
    assert!(
        !line.contains("Domain") && !line.contains("Max-Age"),
        "{line}"
    );
    let one = browser.session().to_owned();
    assert!(one != planted && one.len() == 64);
    // What the forms before were bound to is gone; the device is known from now on.
    assert!(!browser.jar.contains_key("__Host-visit"));
    let device = set
        .iter()
        .find(|line| line.starts_with("__Host-device="))
        .unwrap();
    assert!(
        device.contains("; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age="),
        "{device}"
    );
    assert_eq!(browser.get("/account").await.status, 200);
    // Again: another token, and the one of before opens nothing.
    let mut before = browser.copy();
    browser.get("/login?prove=password").await;
    let again = browser
        .post("/login", &[("user", ACCOUNT), ("password", PASSWORD)])
        .await;
    assert_eq!(again.status, 303);
    assert_ne!(browser.session(), one);
    assert_eq!(browser.get("/account").await.status, 200);
    assert_eq!(
        before.get("/account").await.field("location"),
        "/login?over"
    );
    // And a token that never was one, or was planted.
    let mut fixed = Browser::new(&world);
    fixed.jar.insert("__Host-session".into(), planted);
    assert_eq!(fixed.get("/account").await.field("location"), "/login?over");
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_ends_it_on_the_server() {
    let world = world().await;
    let mut user = logged_in(&world).await;
    user.get("/account").await;
    let mut copied = user.copy();
    assert_eq!(copied.get("/account").await.status, 200);
    let out = user.post("/logout", &[]).await;
    assert_eq!((out.status, out.field("location")), (303, "/login?out"));
    assert_eq!(out.field("clear-site-data"), "\"cache\", \"storage\"");
    assert!(!user.jar.contains_key("__Host-session"));
    assert!(
        user.jar.contains_key("__Host-device"),
        "it stays a known one"
    );
    // Whoever had copied the cookie has nothing.
    assert_eq!(
        copied.get("/account").await.field("location"),
        "/login?over"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_learns_who_has_an_account() {
    let world = world().await;
    let said = async |user: &str| {
        let mut browser = Browser::new(&world);
        let answer = browser.log_in(user, "not the password").await;
        assert!(answer.all("set-cookie").is_empty());
        let text = answer
            .text()
            .replace(user, "USER")
            .replace(&browser.token, "TOKEN");
        (answer.status, text)
    };
    let known = said(ACCOUNT).await;
    assert_eq!(known.0, 403);
    for unknown in ["nobody@b.test", "alice@elsewhere.test", "alice"] {
        assert_eq!(said(unknown).await, known, "{unknown}");
    }
    // Nor from the page of an account that has a second factor.
    enrol(&mut logged_in(&world).await).await;
    assert_eq!(said(ACCOUNT).await, known);
    // Waits come to both alike.
    let waits = async |user: &str| {
        for _ in 0..9 {
            let answer = Browser::new(&world).log_in(user, "wrong again").await;
            if answer.status == 429 {
                let seconds: u64 = answer.field("retry-after").parse().unwrap();
                assert!((1..=31).contains(&seconds), "{seconds}");
                return answer
                    .wrong("password")
                    .split(" in ")
                    .next()
                    .unwrap()
                    .to_owned();
            }
        }
        panic!("{user} never had to wait");
    };
    assert_eq!(waits(ACCOUNT).await, waits("nobody@b.test").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_password_comes_the_code_and_each_code_works_once() {
    let world = world().await;
    let Enrolled { app, .. } = enrol(&mut logged_in(&world).await).await;
    let (mut one, mut two) = (half_way(&world).await, half_way(&world).await);
    // Half-way is not in.
    assert_eq!(one.get("/account").await.field("location"), "/login");
    let code = app.code(world.now());
    // On two connections at once.
    let fields = [("code", &*code)];
    let (first, second) = tokio::join!(
        one.post("/login/code", &fields),
        two.post("/login/code", &fields)
    );
    let mut all = [first.status, second.status];
    all.sort();
    assert_eq!(all, [303, 403]);
    let refused = if first.status == 403 { &first } else { &second };
    assert!(
        refused.wrong("code").contains("used already"),
        "{}",
        refused.text()
    );
    let inside = if first.status == 303 {
        &mut one
    } else {
        &mut two
    };
    assert_eq!(inside.get("/account").await.status, 200);
    assert!(!inside.jar.contains_key("__Host-login"));
    // The next one works: it was not the login that was refused.
    world.later(Duration::from_secs(30));
    let code = app.code(world.now());
    let outside = if first.status == 303 {
        &mut two
    } else {
        &mut one
    };
    assert_eq!(
        outside.post("/login/code", &[("code", &code)]).await.status,
        303
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_is_wrong_or_of_another_time_is_explained() {
    let world = world().await;
    let Enrolled { app, .. } = enrol(&mut logged_in(&world).await).await;
    let mut browser = half_way(&world).await;
    let right: u32 = app.code(world.now()).parse().unwrap();
    let wrong = format!("{:06}", (right + 1) % 1_000_000);
    let answer = browser.post("/login/code", &[("code", &wrong)]).await;
    assert_eq!(
        (answer.status, &*answer.wrong("code")),
        (403, "This code is not right.")
    );
    assert!(
        answer
            .text()
            .contains("aria-invalid=\"true\" aria-describedby")
            || answer
                .text()
                .contains("aria-describedby=\"code-note code-error\"")
    );
    let fast = app.code(world.now() + Duration::from_secs(300));
    let answer = browser.post("/login/code", &[("code", &fast)]).await;
    let said = answer.wrong("code");
    assert!(
        said.contains("5 minutes fast") && said.contains("Set its clock"),
        "{said}"
    );
    let slow = app.code(world.now() - Duration::from_secs(300));
    browser.language = "de";
    let answer = browser.post("/login/code", &[("code", &slow)]).await;
    let said = answer.wrong("code");
    assert!(said.contains("5 Minuten nach"), "{said}");
    // Spaces are forgiven.
    let code = app.code(world.now());
    let spaced = format!(" {} {} ", &code[..3], &code[3..]);
    assert_eq!(
        browser
            .post("/login/code", &[("code", &spaced)])
            .await
            .status,
        303
    );
    let history = browser.get("/account").await.text();
    assert!(
        history.contains("Das Passwort stimmte") && history.contains("127.0.0.0/24"),
        "{history}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_began_too_long_ago_begins_again() {
    let world = world().await;
    let Enrolled { app, .. } = enrol(&mut logged_in(&world).await).await;
    let mut late = half_way(&world).await;
    world.later(Duration::from_secs(601));
    let code = app.code(world.now());
    let answer = late.post("/login/code", &[("code", &code)]).await;
    assert_eq!(
        (answer.status, answer.field("location")),
        (303, "/login?over")
    );
    // What another account has sealed, or nobody, is nothing.
    for forged in ["", "x", "x.y", "YWxpY2VAYi50ZXN0.AAAA"] {
        let mut browser = half_way(&world).await;
        browser.jar.insert("__Host-login".into(), forged.into());
        let answer = browser.post("/login/code", &[("code", &code)]).await;
        assert_eq!(answer.field("location"), "/login?over", "{forged}");
    }
    assert_eq!(
        half_way(&world)
            .await
            .post("/login/code", &[("code", &code)])
            .await
            .status,
        303
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_code_opens_once() {
    let world = world().await;
    let Enrolled { recovery, .. } = enrol(&mut logged_in(&world).await).await;
    let typed = recovery[3].to_lowercase().replace(['-', ' '], "");
    let mut browser = half_way(&world).await;
    let answer = browser
        .post("/login/recovery", &[("recovery", &typed)])
        .await;
    assert_eq!(answer.status, 303, "{}", answer.text());
    let page = browser.get("/account").await.text();
    assert!(
        page.contains("Recovery codes left: 9") && page.contains("password and recovery code"),
        "{page}"
    );
    let mut again = half_way(&world).await;
    let answer = again
        .post("/login/recovery", &[("recovery", &recovery[3])])
        .await;
    assert_eq!(answer.status, 403);
    assert!(
        answer
            .wrong("recovery")
            .contains("none of your recovery codes")
    );
    let answer = again
        .post("/login/recovery", &[("recovery", &recovery[4])])
        .await;
    assert_eq!(answer.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remembered_device_skips_the_code_and_a_known_one_does_not() {
    let world = world().await;
    let Enrolled { app, .. } = enrol(&mut logged_in(&world).await).await;
    let second = async |fields: &[(&str, &str)]| {
        world.later(Duration::from_secs(30));
        let mut browser = half_way(&world).await;
        let code = app.code(world.now());
        let fields = [&[("code", &*code)], fields].concat();
        assert_eq!(browser.post("/login/code", &fields).await.status, 303);
        assert!(browser.jar.contains_key("__Host-device"));
        browser.get("/account").await;
        assert_eq!(browser.post("/logout", &[]).await.status, 303);
        browser
    };
    let mut known = second(&[]).await;
    assert_eq!(
        known.log_in(ACCOUNT, PASSWORD).await.field("location"),
        "/login/code"
    );
    let mut remembered = second(&[("remember", "code")]).await;
    assert_eq!(
        remembered.log_in(ACCOUNT, PASSWORD).await.field("location"),
        "/account"
    );
    assert_eq!(remembered.get("/account").await.status, 200);
    // The password is asked for all the same, and after thirty days the code is, too.
    remembered.get("/account").await;
    remembered.post("/logout", &[]).await;
    assert_eq!(remembered.log_in(ACCOUNT, "wrong").await.status, 403);
    world.later(Duration::from_secs(30 * 24 * 60 * 60));
    assert_eq!(
        remembered.log_in(ACCOUNT, PASSWORD).await.field("location"),
        "/login/code"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_password_never_opens_the_site() {
    let world = world().await;
    let Enrolled {
        app_password, app, ..
    } = enrol(&mut logged_in(&world).await).await;
    assert_eq!(
        Browser::new(&world)
            .log_in(ACCOUNT, &app_password)
            .await
            .status,
        403
    );
    let mut browser = half_way(&world).await;
    for (path, name) in [("/login/code", "code"), ("/login/recovery", "recovery")] {
        assert_eq!(
            browser.post(path, &[(name, &app_password)]).await.status,
            403,
            "{path}"
        );
    }
    assert_eq!(
        browser
            .post("/login/code", &[("code", &app.code(world.now()))])
            .await
            .status,
        303
    );
}

/// An app of somebody who has typed the key.
#[test]
fn an_app_reads_the_key_in_groups() {
    let app = App::of("JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP");
    assert_eq!(app.code(std::time::UNIX_EPOCH).len(), 6);
}
