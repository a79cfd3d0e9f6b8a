//! The page that seals, by the session that there is.

use super::{Browser, Enrolled, enrol, half_way, logged_in, world};
use crate::http::{Answer, ask};
use crate::world::{ACCOUNT, PASSWORD, SITE, World, seal};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;

/// Hands in a sealed message with these lines of the header.
pub(super) async fn hand_in(world: &World, from: &str, lines: &str) -> Answer {
    let sealed = seal(b"Subject: x\r\n\r\n4711", None);
    let terms = json!({
        "from": from, "to": ACCOUNT, "hint": null, "days": 1, "views": 1, "bound": false,
        "proof": sealed.receipt().proof_hash().to_text(),
    });
    let fields = format!(
        "{lines}Content-Type: application/octet-stream\r\nLetterlock-Terms: {}\r\n",
        URL_SAFE_NO_PAD.encode(terms.to_string())
    );
    ask(world, "POST", SITE, "/api/seal", &fields, sealed.message()).await
}

/// What the page asks, and sends then.
async fn by_session(browser: &mut Browser<'_>) -> (String, String) {
    let told = browser.get("/api/session").await.json();
    assert_eq!(told["account"], ACCOUNT);
    let form = told["form"].as_str().unwrap().to_owned();
    let cookie = format!(
        "Cookie: __Host-session={}\r\n{}",
        browser.session(),
        browser.from
    );
    (cookie, form)
}

pub(super) fn basic(password: &str) -> String {
    let login = STANDARD.encode(format!("{ACCOUNT}:{password}"));
    format!("Authorization: Basic {login}\r\nSec-Fetch-Site: same-origin\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_session_no_password_is_asked_for_and_every_layer_holds() {
    let world = world().await;
    let mut user = logged_in(&world).await;
    let (cookie, form) = by_session(&mut user).await;
    let token = format!("Letterlock-Form: {form}\r\n");
    let taken = hand_in(&world, ACCOUNT, &format!("{cookie}{token}")).await;
    assert_eq!(taken.status, 200, "{:?}", taken.body);
    // Somebody else's address is not his.
    let other = hand_in(&world, "bob@b.test", &format!("{cookie}{token}")).await;
    assert_eq!(other.code(), "compose.not-yours");
    let foreign = cookie.replace("same-origin", "cross-site");
    for (lines, code) in [
        (format!("{foreign}{token}"), "web.foreign"),
        (
            format!("{cookie}Letterlock-Form: {}\r\n", "A".repeat(43)),
            "web.foreign",
        ),
        (cookie.clone(), "web.malformed"),
        (format!("{}{token}", user.from), "login.second-factor"),
    ] {
        let refused = hand_in(&world, ACCOUNT, &lines).await;
        assert_eq!(refused.code(), code, "{lines}");
    }
    user.get("/account").await;
    user.post("/logout", &[]).await;
    let ended = hand_in(&world, ACCOUNT, &format!("{cookie}{token}")).await;
    assert_eq!(ended.code(), "login.second-factor");
    let nobody = user.get("/api/session").await.json();
    assert_eq!(nobody, json!({ "account": null, "form": null }));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_alone_is_enough_only_without_a_second_factor() {
    let world = world().await;
    assert_eq!(hand_in(&world, ACCOUNT, &basic(PASSWORD)).await.status, 200);
    let Enrolled {
        app, app_password, ..
    } = enrol(&mut logged_in(&world).await).await;
    let refused = hand_in(&world, ACCOUNT, &basic(PASSWORD)).await;
    assert_eq!(refused.code(), "login.second-factor");
    let refused = hand_in(&world, ACCOUNT, &basic(&app_password)).await;
    assert_eq!(refused.code(), "login.refused");
    let mut user = half_way(&world).await;
    let code = app.code(world.now());
    assert_eq!(
        user.post("/login/code", &[("code", &code)]).await.status,
        303
    );
    let (cookie, form) = by_session(&mut user).await;
    let lines = format!("{cookie}Letterlock-Form: {form}\r\n");
    assert_eq!(hand_in(&world, ACCOUNT, &lines).await.status, 200);
}
