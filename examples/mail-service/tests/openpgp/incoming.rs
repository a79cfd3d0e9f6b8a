//! Signed mail that comes in: what is told, and when the alarm is raised.

use pgp_keystore::Trust;
use pgp_keystore::mime::Verdict;

use crate::common::Peer;
use crate::common::service::{Options, Service, USER};
use crate::world::{Brings, field, keys, letter, now, pass, person, send, service};

const ALICE: &str = "alice@a.test";
const SIGNATURE: &str = "Letterlock-Signature";

fn told(message: &str) -> String {
    field(message, SIGNATURE).unwrap_or_default()
}

/// It came in a notice, which says this in its details.
fn alarms(message: &str, code: &str) -> bool {
    let subject = field(message, "Subject").unwrap_or_default();
    subject.starts_with("[Warning: signature]") && message.contains(&format!("> {code}: "))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_key_is_pinned_and_another_one_raises_the_alarm() {
    let service = service();
    let (alice, forger) = (
        person("Alice <alice@a.test>"),
        person("Alice <alice@a.test>"),
    );
    // Nobody knows the key, and it is not there.
    let seen = pass(&service, ALICE, &letter(ALICE, &alice, Brings::Nothing));
    assert_eq!(told(&seen), "unknown; reason=pgp.unknown-key");
    // It is there, in a message that SPF does not speak against.
    let seen = pass(&service, ALICE, &letter(ALICE, &alice, Brings::Key));
    let first = told(&seen);
    let by = format!("by={}", alice.fingerprint());
    assert!(
        first.starts_with("valid; reason=mime.signed; ") && first.contains(&by),
        "{first}"
    );
    assert!(
        first.contains("; whose=pgp.pinned; trust=first-use; known-since=\""),
        "{first}"
    );
    assert!(!seen.contains("[Warning"));
    // From now on it is known, and since when.
    let seen = pass(&service, ALICE, &letter(ALICE, &alice, Brings::Nothing));
    assert_eq!(told(&seen), first);
    // Somebody else in her name, whose signature is as valid.
    let forged = letter(ALICE, &forger, Brings::Key);
    let seen = pass(&service, ALICE, &forged);
    let changed = told(&seen);
    assert!(
        changed.starts_with("changed; ") && changed.contains("whose=pgp.changed; trust=none"),
        "{changed}"
    );
    assert!(alarms(&seen, "pgp.changed"), "{seen}");
    // What was sent is inside of the notice, octet by octet.
    assert!(seen.contains(&forged));
    // It is on record, and the pin is what it was.
    let pgp = keys(&service);
    let bob = pgp.keyring(USER).await.unwrap();
    let pin = bob.account().pin(ALICE, now()).await.unwrap().unwrap();
    assert_eq!(pin.certificate, alice.fingerprint());
    assert_eq!(pin.alarms[0].0, forger.fingerprint());
    // The mutation: once the user has decided, it is she, and the other one is not.
    let trust = bob
        .account()
        .set_trust(ALICE, forger.fingerprint(), Trust::Verified, now());
    trust.await.unwrap();
    let seen = pass(&service, ALICE, &letter(ALICE, &forger, Brings::Nothing));
    assert!(
        told(&seen).contains("whose=pgp.pinned; trust=verified"),
        "{}",
        told(&seen)
    );
    let seen = pass(&service, ALICE, &letter(ALICE, &alice, Brings::Nothing));
    assert!(alarms(&seen, "pgp.changed"));
}

/// Else anybody could be the first in somebody else's name.
#[tokio::test(flavor = "multi_thread")]
async fn who_sends_from_where_he_may_not_is_not_pinned() {
    let service = service();
    let boss = person("Boss <boss@bank.test>");
    let from = "boss@bank.test";
    let seen = pass(&service, from, &letter(from, &boss, Brings::Key));
    // The notice is about SPF; the signature is by nobody that is known.
    assert_eq!(told(&seen), "unknown; reason=pgp.unknown-key");
    let pgp = keys(&service);
    let bob = pgp.keyring(USER).await.unwrap();
    assert_eq!(bob.account().pin(from, now()).await.unwrap(), None);
    assert!(
        bob.account()
            .list(None, 10, now())
            .await
            .unwrap()
            .is_empty()
    );
    // The mutation: the same from where one may.
    let alice = person("Alice <alice@a.test>");
    pass(&service, ALICE, &letter(ALICE, &alice, Brings::Key));
    assert!(bob.account().pin(ALICE, now()).await.unwrap().is_some());
}

#[test]
fn what_was_changed_raises_the_alarm_and_nothing_else_does() {
    let service = service();
    let alice = person("Alice <alice@a.test>");
    let good = letter(ALICE, &alice, Brings::Key);
    pass(&service, ALICE, &good);
    let altered = good.replace("nobody else", "somebody else");
    assert_ne!(altered, good);
    let seen = pass(&service, ALICE, &altered);
    assert!(
        told(&seen).starts_with("bad; reason=pgp.altered"),
        "{}",
        told(&seen)
    );
    assert!(alarms(&seen, "pgp.altered"));
    // The mutation: unchanged it raises none; nor does a field that servers add.
    let seen = pass(&service, ALICE, &format!("X-Seen: yes\r\n{good}"));
    assert!(told(&seen).starts_with("valid; ") && !seen.contains("[Warning"));
    // Unsigned mail has no such field.
    let plain = "From: <alice@a.test>\r\nSubject: x\r\n\r\nHello.\r\n";
    let seen = pass(&service, ALICE, plain);
    assert_eq!(field(&seen, SIGNATURE), None);
}

#[test]
fn a_signer_who_is_not_the_sender_raises_the_alarm() {
    let service = service();
    let eve = person("Eve <eve@a.test>");
    // She is known, as herself.
    let seen = pass(
        &service,
        "eve@a.test",
        &letter("eve@a.test", &eve, Brings::Key),
    );
    assert!(told(&seen).starts_with("valid; "), "{}", told(&seen));
    let as_alice = letter(ALICE, &eve, Brings::Nothing);
    let seen = pass(&service, ALICE, &as_alice);
    assert!(
        told(&seen).starts_with("stranger; reason=mime.sender-differs"),
        "{}",
        told(&seen)
    );
    assert!(
        told(&seen).contains("whose=pgp.stranger; trust=none"),
        "{}",
        told(&seen)
    );
    assert!(alarms(&seen, "pgp.stranger"));
    assert_eq!(Verdict::SenderDiffers.code(), "mime.sender-differs");
}

#[test]
fn nobody_else_writes_our_field() {
    let service = service();
    let forged = "Letterlock-Signature: valid; reason=mime.signed; trust=verified\r\n\
                  From: <alice@a.test>\r\nSubject: x\r\n\r\nHello.\r\n";
    let seen = pass(&service, ALICE, forged);
    assert!(!seen.contains("trust=verified"), "{seen}");
    // That it was there raises the grade of suspicion.
    assert!(seen.contains("header.own"), "{seen}");
}

#[test]
fn with_the_alarm_in_the_header_mail_arrives_as_it_came() {
    let service = Service::start_with(&Options::default().kek().alarm("header"));
    let alice = person("Alice <alice@a.test>");
    let altered = letter(ALICE, &alice, Brings::Key).replace("nobody else", "somebody else");
    // Known from an earlier one.
    pass(&service, ALICE, &letter(ALICE, &alice, Brings::Key));
    let seen = pass(&service, ALICE, &altered);
    assert!(told(&seen).starts_with("bad; reason=pgp.altered"));
    assert_eq!(field(&seen, "Subject").as_deref(), Some("Signed"));
}

/// Each recipient has known others, and is told what holds for him.
#[tokio::test(flavor = "multi_thread")]
async fn each_recipient_is_told_by_what_he_knows() {
    const CAROL: &str = "carol@b.test";
    let service = service();
    service.add_user(CAROL);
    let alice = person("Alice <alice@a.test>");
    let pgp = keys(&service);
    let carol = pgp.keyring(CAROL).await.unwrap();
    let other = person("Alice <alice@a.test>");
    let octets = other
        .certificate()
        .export(pgp_keystore::Form::Binary)
        .unwrap();
    carol.account().import(octets, now()).await.unwrap();
    let met = carol
        .account()
        .meet(ALICE, other.fingerprint(), now())
        .await;
    met.unwrap();
    send(
        &service,
        ALICE,
        &[USER, CAROL],
        &letter(ALICE, &alice, Brings::Key),
    )
    .expect(250);
    let for_bob = service.stored().pop().unwrap();
    assert!(told(&for_bob).contains("whose=pgp.pinned"));
    let password = crate::common::service::PASSWORD;
    let session = crate::common::pop3::Pop3::login(service.pop3(), CAROL, password);
    let for_carol = session.unwrap().unwrap().retr(1).unwrap();
    assert!(alarms(&for_carol, "pgp.changed"), "{for_carol}");
}

/// Whatever the structure is, mail is taken.
#[test]
fn what_cannot_be_verified_is_not_refused() {
    let service = service();
    let alice = person("Alice <alice@a.test>");
    let good = letter(ALICE, &alice, Brings::Nothing);
    let cut = good.find("-----BEGIN PGP SIGNATURE").unwrap();
    for broken in [
        good.replace(
            "-----BEGIN PGP SIGNATURE-----",
            "-----BEGIN PGP NOTHING-----",
        ),
        format!("{}\r\n", &good[..cut]),
        good.replace("protocol=\"application/pgp-signature\";", ""),
        good.replace(
            "Content-Type: multipart/signed",
            "Content-Type: text/plain\r\nContent-Type: multipart/signed",
        ),
    ] {
        assert_ne!(broken, good);
        let seen = pass(&service, ALICE, &broken);
        assert!(!told(&seen).starts_with("valid"), "{seen}");
    }
    assert_eq!(service.stored().len(), 4);
}
