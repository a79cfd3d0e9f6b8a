//! The page that seals, in a real Chromium, up to the page that opens what it has sealed.

use serde_json::json;

use super::chromium::drive;
use super::compose::{ALICE, BOB, LOGIN, Post};
use super::world::{PASSWORD, SEALED, SITE};

/// What the browser must show, in this order: none may be missing.
const SHOWN: &[&str] = &[
    "a message is sealed by keyboard, and its link is shown with what it is for",
    "the recipient's page opens it, and the attachment is the same",
    "a wrong login is told where it was typed, and nothing is lost",
    "what cannot be sealed, or would give the password away, is told before anything is sent",
    "a password of words is made, bound to the link, on a phone, in the dark, in German",
    "a mail that is not delivered is told, and why",
    "pressed twice before the server has answered, it is one message",
    "a desktop in the dark, and a phone in the light, without a violation",
    "nothing goes anywhere else, and nothing that is sealed leaves unsealed",
    "mutation: a page that sends what is to be sealed is found out",
    "without WebAssembly no password is asked for",
];

const SUBJECT: &str = "Der Tresor, zweiter Versuch";
const LINES: [&str; 2] = ["Lieber Bob, die Zahl ist 4711-0815.", "Bis morgen, Grüße"];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "interop: needs chromium"]
async fn interop_chromium_seals_and_hands_in() {
    let post = Post::new().await;
    let (folder, port) = (post.world.folder(), post.world.https().port());
    let file = folder.join("Lageplan des Tresors.txt");
    std::fs::write(&file, "links hinter dem dritten Bild von oben").unwrap();
    let screenshots = std::env::var_os("LETTERLOCK_SCREENSHOTS");
    drive(
        "compose.js",
        &json!({
            "certificate": post.world.certificate(),
            "executable": "/usr/bin/chromium",
            "screenshots": screenshots.map(|folder| folder.into_string().unwrap()),
            "site": format!("https://{SITE}:{port}"),
            "sealed": format!("https://{SEALED}:{port}"),
            "login": { "user": ALICE, "password": LOGIN },
            "letter": { "to": BOB, "subject": SUBJECT, "lines": LINES, "file": file },
            "hint": "Our café in Kraków",
            "password": PASSWORD,
        }),
        &folder,
        SHOWN,
    );

    // Four were mailed, under TLS; the one that is bound to its link was not, and one had nowhere to go.
    let seen = post.outside.peer.take();
    assert_eq!(seen.messages.len(), 4);
    for (tls, mail) in &seen.messages {
        assert!(*tls && mail.contains(&format!("https://{SEALED}:{port}/s/")));
        for hidden in [PASSWORD, LOGIN, SUBJECT, LINES[0], "4711", "Lageplan"] {
            assert!(!mail.contains(hidden), "{hidden}: {mail}");
        }
    }
}
