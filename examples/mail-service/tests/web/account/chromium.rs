//! Login and account in a real Chromium, with an authenticator that the browser simulates.

use super::world;
use crate::chromium::drive;
use crate::world::{ACCOUNT, PASSWORD, SITE};
use serde_json::json;
use std::time::UNIX_EPOCH;

/// What the browser must show, in this order: none may be missing.
const SHOWN: &[&str] = &[
    "somebody logs in by keyboard, with what the browser has kept for it",
    "an app is set up by typing the key, and its code switches it on",
    "password, code, and in",
    "a passkey is registered, and logs in after the password",
    "every page is sound in the dark, in German, and 320 pixels wide",
    "without JavaScript all of it but passkeys works",
    "whoever is logged in seals without a password",
];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "interop: needs chromium"]
async fn interop_chromium_logs_in_with_codes_and_passkeys() {
    let world = world().await;
    let screenshots = std::env::var_os("LETTERLOCK_SCREENSHOTS");
    let port = world.https().port();
    // The clock of the service stands still, so that a code is of the time that this one says.
    let now = world.now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    drive(
        "account.js",
        &json!({
            "certificate": world.certificate(),
            "executable": "/usr/bin/chromium",
            "screenshots": screenshots.map(|folder| folder.into_string().unwrap()),
            "site": format!("https://{SITE}:{port}"),
            "login": { "user": ACCOUNT, "password": PASSWORD },
            "agreed": "a password that was agreed on",
            "now": now,
        }),
        &world.folder(),
        SHOWN,
    );
}
