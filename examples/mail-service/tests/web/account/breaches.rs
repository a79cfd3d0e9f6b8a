//! What was found of an address in breaches: a mail, and a line on the page of the account until it is dismissed.

use super::{ACCOUNT, Browser, PASSWORD, World, logged_in};
use crate::pop3::Pop3;
use mail_service::demo::peers::{Breaches, KEY};
use std::io::Write as _;
use std::time::{Duration, Instant};

/// A service that asks those about its only account.
async fn world(url: &str) -> World {
    let world = World::with(|config| {
        let file = config.data_dir.with_extension("api-key");
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut key = options.open(&file).unwrap();
        writeln!(key, "{KEY}").unwrap();
        config.listen.pop3s = config.listen.https.clone();
        config.breach_alerts.service = Some(format!("{url}/api/v3"));
        config.breach_alerts.key_file = Some(file);
    })
    .await;
    world.account().await;
    // Whoever is there at the start is asked about at once.
    world.restart().await
}

/// The overview, once so many breaches stand on it.
async fn overview(browser: &mut Browser<'_>, breaches: usize) -> String {
    let give_up = Instant::now() + Duration::from_secs(120);
    loop {
        let text = browser.get("/account").await.text();
        if text.matches("name=\"breach\"").count() == breaches {
            return text;
        }
        assert!(Instant::now() < give_up, "{text}");
        // The pace of the requests is measured by this clock.
        browser.world.later(Duration::from_millis(5));
    }
}

fn mails(world: &World) -> Vec<String> {
    let mut session = Pop3::login(world.server.pop3s()[0], ACCOUNT, PASSWORD)
        .unwrap()
        .unwrap();
    let there = session.uidl().unwrap();
    let mails = there
        .iter()
        .map(|(number, _)| session.retr(*number).unwrap());
    let mails = mails.collect();
    session.command("QUIT").unwrap().unwrap();
    mails
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breach_comes_as_mail_and_stands_on_the_page_until_it_is_dismissed() {
    let breaches = Breaches::default();
    let hostile = "<script>alert(1)</script>\u{202e}\" onload=\"x";
    breaches.add("Hostile", |one| {
        one["Title"] = hostile.into();
        one["BreachDate"] = hostile.into();
        one["DataClasses"] = [hostile].into_iter().collect();
    });
    breaches.put(ACCOUNT, &["Teapots", "Hostile"]);
    let peer = breaches.serve().await.unwrap();
    let world = world(&peer.url()).await;
    let mut user = logged_in(&world).await;
    let page = overview(&mut user, 2).await;
    for part in [
        "<h2>Data breaches</h2>",
        "<p>Teapots</p>",
        "happened 2026-02-03, older than this search, found ",
        "Lost: Email addresses, Password hashes",
        "aria-label=\"Dismiss Teapots\"",
        "&lt;script&gt;alert(1)&lt;/script&gt;&quot; onload=&quot;x",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    // The mutation: as it came, it would be a script, and turn text round.
    assert!(!page.contains("<script>alert") && !page.contains('\u{202e}'));
    user.language = "de";
    assert!(overview(&mut user, 2).await.contains("<h2>Datenlecks</h2>"));
    user.language = "en";

    let mut mails = tokio::task::block_in_place(|| mails(&world));
    // Of the login as well.
    mails.retain(|mail| mail.contains("For your administrator: breach."));
    assert_eq!(mails.len(), 2);
    assert!(
        mails
            .iter()
            .any(|mail| mail.contains("> Breach: Teapots\r\n"))
    );
    // All that has left of the address.
    let heard = peer.heard();
    let range = &breach_range(ACCOUNT);
    assert!(heard.contains(&format!(
        "GET /api/v3/breachedaccount/range/{range} HTTP/1.1\r\n"
    )));
    let rest = heard.replace(&format!("/range/{range} "), "");
    assert!(!rest.contains(range) && !heard.contains("alice") && !heard.contains("b.test"));

    let before = user.get("/account").await;
    let (first, token) = (before.value("breach"), user.token.clone());
    user.token = "A".repeat(43);
    let refused = user
        .post("/account/breaches/dismiss", &[("breach", &first)])
        .await;
    assert_eq!(refused.status, 403);
    user.token = token;
    for bad in ["", "x", &"0".repeat(48)] {
        user.post("/account/breaches/dismiss", &[("breach", bad)])
            .await;
    }
    overview(&mut user, 2).await;
    let done = user
        .post("/account/breaches/dismiss", &[("breach", &first)])
        .await;
    assert_eq!((done.status, done.field("location")), (303, "/account"));
    let left = overview(&mut user, 1).await;
    assert!(!left.contains(&first));
    user.get("/account").await;
    let last = user.get("/account").await.value("breach");
    user.post("/account/breaches/dismiss", &[("breach", &last)])
        .await;
    assert!(!overview(&mut user, 0).await.contains("Data breaches"));
}

/// The first six characters of the hash of an address.
fn breach_range(address: &str) -> String {
    let hash = aws_lc_rs::digest::digest(
        &aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY,
        address.as_bytes(),
    );
    let octets = hash.as_ref().iter().take(3);
    octets.map(|octet| format!("{octet:02X}")).collect()
}
