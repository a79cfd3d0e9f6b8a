//! Where a form comes from. Each of the layers refuses alone, and without what it looks at the same form is heard.

use super::{Browser, enrol, logged_in, world};
use crate::world::{ACCOUNT, PASSWORD, SITE};

/// A form that changes something, and whether it was heard.
async fn ends_others(browser: &mut Browser<'_>) -> bool {
    let answer = browser.post("/account/sessions/end-others", &[]).await;
    match answer.status {
        303 if answer.field("location") == "/account/sessions" => true,
        303 | 403 => false,
        other => panic!("{other}: {}", answer.text()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_another_site_is_not_heard() {
    let world = world().await;
    let mut user = logged_in(&world).await;
    user.get("/account/sessions").await;
    let port = world.https().port();
    let ours = format!("Origin: https://{SITE}:{port}\r\n");
    // The mutation of each: what a page of ours sends is heard, with either field alone.
    for from in [&*ours, "Sec-Fetch-Site: same-origin\r\n"] {
        user.from = from.into();
        assert!(ends_others(&mut user).await, "{from}");
    }
    for from in [
        String::new(),
        "Sec-Fetch-Site: cross-site\r\n".into(),
        "Sec-Fetch-Site: same-site\r\n".into(),
        "Sec-Fetch-Site: none\r\n".into(),
        format!("{ours}Sec-Fetch-Site: cross-site\r\n"),
        "Origin: null\r\n".into(),
        "Origin: https://evil.test\r\nSec-Fetch-Site: same-origin\r\n".into(),
        format!("Origin: https://sealed.b.test:{port}\r\n"),
        format!("Origin: http://{SITE}:{port}\r\n"),
    ] {
        user.from = from;
        assert!(!ends_others(&mut user).await, "{}", user.from);
    }
    user.from = ours;
    assert!(ends_others(&mut user).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_without_the_token_of_its_session_is_not_heard() {
    let world = world().await;
    let (mut user, mut other) = (logged_in(&world).await, logged_in(&world).await);
    other.get("/account/sessions").await;
    user.get("/account/sessions").await;
    let token = user.token.clone();
    for bad in [
        String::new(),
        "A".repeat(43),
        other.token.clone(),
        token[1..].to_owned(),
    ] {
        user.token = bad;
        assert!(!ends_others(&mut user).await, "{}", user.token);
    }
    user.token = token;
    assert!(ends_others(&mut user).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_without_the_cookie_is_nobodys() {
    let world = world().await;
    let mut user = logged_in(&world).await;
    user.get("/account/sessions").await;
    let mut without = user.copy();
    without.jar.clear();
    assert!(!ends_others(&mut without).await);
    // Two of the name are none.
    let mut two = user.copy();
    let session = two.session().to_owned();
    two.jar.insert("x=1; __Host-session".into(), session);
    assert!(!ends_others(&mut two).await);
    assert!(ends_others(&mut user).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_logged_in_as_somebody_else_by_a_form_of_another_site() {
    let world = world().await;
    let login = [("user", ACCOUNT), ("password", PASSWORD)];
    let mut visitor = Browser::new(&world);
    visitor.get("/login").await;
    let mut foreign = visitor.copy();
    foreign.from = "Sec-Fetch-Site: cross-site\r\n".into();
    let mut without_cookie = visitor.copy();
    without_cookie.jar.clear();
    let mut without_token = visitor.copy();
    without_token.token.clear();
    for mut bad in [foreign, without_cookie, without_token] {
        let answer = bad.post("/login", &login).await;
        assert_eq!(answer.status, 403);
        assert!(answer.all("set-cookie").is_empty());
    }
    // The mutation: the same with all three is heard.
    assert_eq!(visitor.post("/login", &login).await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_something_is_done_by_post_alone_and_by_who_is_logged_in() {
    let world = world().await;
    let mut user = logged_in(&world).await;
    let paths = [
        "/logout",
        "/account/breaches/dismiss",
        "/account/sessions/end",
        "/account/sessions/end-others",
        "/account/sessions/forget",
        "/account/second-factor/enrol",
        "/account/second-factor/confirm",
        "/account/second-factor/remove",
        "/account/second-factor/recovery",
        "/account/app-passwords/revoke",
        "/account/passkeys/options",
        "/account/passkeys/remove",
    ];
    for path in paths {
        assert_eq!(user.get(path).await.status, 405, "{path}");
        let mut nobody = Browser::new(&world);
        nobody.get("/login").await;
        let answer = nobody.post(path, &[]).await;
        assert_eq!(
            (answer.status, answer.field("location")),
            (303, "/login"),
            "{path}"
        );
    }
    let mut nobody = Browser::new(&world);
    for path in [
        "",
        "/sessions",
        "/second-factor",
        "/app-passwords",
        "/passkeys",
        "/password",
    ] {
        let path = format!("/account{path}");
        let answer = nobody.get(&path).await;
        assert_eq!(
            (answer.status, answer.field("location")),
            (303, "/login"),
            "{path}"
        );
        assert_eq!(user.get(&path).await.status, 200, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_says_what_a_browser_may_do_with_it() {
    let world = world().await;
    let mut user = logged_in(&world).await;
    enrol(&mut user).await;
    let pages = [
        "",
        "/sessions",
        "/second-factor",
        "/app-passwords",
        "/passkeys",
        "/password",
    ];
    for path in pages.map(|path| format!("/account{path}")) {
        let page = user.get(&path).await;
        assert_eq!(page.status, 200, "{path}");
        assert_eq!(page.field("cache-control"), "no-store");
        assert_eq!(page.field("content-type"), "text/html; charset=utf-8");
        // A browser sends `Origin: null` where there is none at all.
        assert_eq!(page.field("referrer-policy"), "same-origin");
        assert_eq!(page.field("x-frame-options"), "DENY");
        let policy = page.field("content-security-policy");
        for part in [
            "default-src 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(policy.contains(part), "{part}");
        }
        assert!(!policy.contains("unsafe"));
        let text = page.text();
        // Every form but those of a script works without one, and none has a secret in its address.
        assert!(!text.contains("style=") && !text.contains(" on") || !text.contains("onclick"));
        assert!(!text.contains(user.session()));
    }
}
