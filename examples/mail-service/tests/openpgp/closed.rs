//! Mail that is encrypted to the account's key before it is stored.

use std::fs;
use std::path::Path;

use mail_service::Switch;
use pgp_keystore::mime::{self, HeaderPolicy, Kind};
use pgp_keystore::{Limits, Recipient, RevocationReason, Unlocked, plan_send};

use crate::common::Peer;
use crate::common::pop3::Pop3;
use crate::common::service::{PASSWORD, Service, USER};
use crate::world::{field, folder, keys, now, opened, own_key, pass, run, send, service};

const ALICE: &str = "alice@a.test";
const TEXT: &str = "The treasure lies under the third palm tree.";

fn plain() -> String {
    format!(
        "From: <{ALICE}>\r\nTo: <{USER}>\r\nSubject: A treasure\r\n\
         Date: Tue, 24 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@a.test>\r\n\r\n{TEXT}\r\n"
    )
}

/// Whether the octets stand anywhere in the service's folder.
fn lies_in(folder: &Path, octets: &[u8]) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => lies_in(&path, octets),
            false => memchr::memmem::find(&fs::read(path).unwrap(), octets).is_some(),
        }
    })
}

fn kind(message: &str) -> Kind {
    mime::inspect(message.as_bytes(), &Limits::default())
        .unwrap()
        .kind
}

async fn on(service: &Service) {
    let pgp = keys(service);
    let bob = pgp.keyring(USER).await.unwrap();
    own_key(&bob).await;
    bob.set_incoming(Switch::On).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_it_is_ever_written_in_the_clear() {
    let service = service();
    on(&service).await;
    let stored = pass(&service, ALICE, &plain());
    assert_eq!(kind(&stored), Kind::Encrypted);
    assert!(
        !stored.contains(TEXT) && !stored.contains("treasure"),
        "{stored}"
    );
    // What filters need is outside.
    assert_eq!(
        field(&stored, "Letterlock-Verdict").as_deref(),
        Some("plausible")
    );
    assert_eq!(field(&stored, "Subject").as_deref(), Some("[...]"));
    assert!(!lies_in(&service.data(), TEXT.as_bytes()));
    let pgp = keys(&service);
    let bob = pgp.keyring(USER).await.unwrap();
    let inside = opened(&bob, &stored).await;
    assert!(
        inside.contains(TEXT) && inside.contains("Subject: A treasure"),
        "{inside}"
    );
    // The mutation: without the setting it lies there, so that one would have seen it.
    bob.set_incoming(Switch::Off).await.unwrap();
    let stored = pass(&service, ALICE, &plain());
    assert!(stored.contains(TEXT));
    assert!(lies_in(&service.data(), TEXT.as_bytes()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_encrypted_already_stays_as_it_is() {
    let service = service();
    on(&service).await;
    let pgp = keys(&service);
    let bob = pgp.keyring(USER).await.unwrap();
    let key = bob.own().await.unwrap()[0].certificate.fingerprint;
    let certificate = bob
        .account()
        .certificate(key, now())
        .await
        .unwrap()
        .unwrap();
    let plan = plan_send(&[Recipient::new(USER, [&certificate])], now());
    let policy = HeaderPolicy::Baseline;
    let sealed = mime::encrypt(plain().as_bytes(), &plan, None, policy, now()).unwrap();
    let sealed = String::from_utf8(sealed).unwrap();
    let stored = pass(&service, ALICE, &sealed);
    assert!(stored.ends_with(&sealed), "{stored}");
    assert!(opened(&bob, &stored).await.contains(TEXT));
}

/// There is no key any more: the sender hears that it is to be tried again, and nobody has anything.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_nothing_is_stored_and_the_sender_keeps_it() {
    const CAROL: &str = "carol@b.test";
    let service = service();
    service.add_user(CAROL);
    on(&service).await;
    let pgp = keys(&service);
    let bob = pgp.keyring(USER).await.unwrap();
    let key = bob.own().await.unwrap()[0].certificate.fingerprint;
    let session = bob
        .open(&mail_service::openpgp::Opener::Server)
        .await
        .unwrap();
    let revoke = |key: &mut Unlocked| {
        let revoked = key.revoke(RevocationReason::Retired, "", now());
        revoked.map(drop)
    };
    let edited = bob.account().edit(&session, key, revoke, now()).await;
    edited.unwrap();
    let reply = send(&service, ALICE, &[CAROL, USER], &plain());
    assert_eq!(reply.code, 451, "{reply:?}");
    assert!(service.stored().is_empty());
    let session = Pop3::login(service.pop3(), CAROL, PASSWORD);
    assert!(session.unwrap().unwrap().uidl().unwrap().is_empty());
    assert!(!lies_in(&service.data(), TEXT.as_bytes()));
    // The mutation: with a new key it arrives, at both, and closed for the one who wants it so.
    own_key(&bob).await;
    send(&service, ALICE, &[CAROL, USER], &plain()).expect(250);
    assert_eq!(kind(&service.stored()[0]), Kind::Encrypted);
    let mut session = Pop3::login(service.pop3(), CAROL, PASSWORD)
        .unwrap()
        .unwrap();
    assert!(session.retr(1).unwrap().contains(TEXT));
}

/// Mail that is not read the same by all readers is encrypted, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_structure_is_closed_as_well() {
    let service = service();
    on(&service).await;
    let broken = plain().replace(
        "Subject:",
        "Content-Type: text/html\r\nContent-Type: text/plain\r\nSubject:",
    );
    let stored = pass(&service, ALICE, &broken);
    assert_eq!(kind(&stored), Kind::Encrypted);
    assert!(!lies_in(&service.data(), TEXT.as_bytes()));
    let pgp = keys(&service);
    let bob = pgp.keyring(USER).await.unwrap();
    assert!(opened(&bob, &stored).await.contains("original.eml"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_switch_is_the_owners_and_wants_a_key() {
    let service = service();
    let folder = folder(&service);
    let incoming = |args: &[&str]| run(&folder, &[&["key", "incoming", USER], args].concat(), "");
    assert_eq!(incoming(&[]).done(), "off\n");
    incoming(&["on"]).refused("has no key that encrypts");
    run(&folder, &["key", "generate", USER], "").done();
    incoming(&["on"]).done();
    assert_eq!(incoming(&[]).done(), "on\n");
    // Whoever gets the address later has not chosen it, and has none of the keys.
    run(&folder, &["user", "remove", USER], "").done();
    let again = run(
        &folder,
        &["user", "add", USER, "--password-stdin"],
        &format!("{PASSWORD}\n"),
    );
    again.done();
    assert_eq!(incoming(&[]).done(), "off\n");
    assert_eq!(run(&folder, &["key", "list", USER], "").done(), "");
    let stored = pass(&service, ALICE, &plain());
    assert!(stored.contains(TEXT));
}
