//! Both ceremonies with software authenticators, and whatever else a hostile page or authenticator may answer.
#![cfg(feature = "passkey")]
#![allow(missing_docs, clippy::unwrap_used)]

mod soft;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use data_encoding::BASE64URL_NOPAD;
use proptest::prelude::*;
use serde_json::{Value, json};
use soft::{BE, BS, Browser, Device, ORIGIN, PARTY, UP, UV};
use twofactor::Error;
use twofactor::passkey::{
    Assertion, Attestation, LIFETIME, Login, MAX_ANSWER, MAX_KEPT, MAX_PASSKEY, MAX_PASSKEYS,
    Passkey, PasskeyId, PasskeyName, Registration, RelyingParty, Unusable, Used, UserHandle,
};

const ANN: [u8; 16] = *b"ann is this user";
const BOB: [u8; 16] = *b"bob is this user";

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn party() -> RelyingParty {
    RelyingParty::new(PARTY, "Example Mail", ORIGIN).unwrap()
}

fn name() -> PasskeyName {
    PasskeyName::new("Pocket").unwrap()
}

fn begin(have: &[Passkey]) -> (String, Registration) {
    party()
        .begin_registration(UserHandle::new(ANN), "ann@example.org", have, now())
        .unwrap()
}

/// Through the octets that a store keeps.
fn registered(begun: &Registration, answer: &str) -> Result<Passkey, Unusable> {
    let begun = Registration::from_octets(&begun.to_octets()).unwrap();
    let made =
        party().finish_registration(&begun, &Attestation::parse(answer)?, &[], name(), now())?;
    assert!(made.to_octets().len() <= MAX_PASSKEY && begun.to_octets().len() <= MAX_KEPT);
    Ok(Passkey::from_octets(&made.to_octets()).unwrap())
}

fn register(device: &Device) -> Result<Passkey, Unusable> {
    let (options, begun) = begin(&[]);
    registered(&begun, &device.create(&options))
}

fn ask(have: &[Passkey]) -> (String, Login) {
    party().begin_login(have, now()).unwrap()
}

fn judge(begun: &Login, answer: &str, have: &[Passkey]) -> Result<Used, Unusable> {
    let begun = Login::from_octets(&begun.to_octets()).unwrap();
    party().finish_login(&begun, &Assertion::parse(answer)?, have, now())
}

fn login(device: &Device, have: &[Passkey]) -> Result<Used, Unusable> {
    let (options, begun) = ask(have);
    judge(&begun, &device.get(&options), have)
}

#[test]
fn another_hands_authenticator_registers_and_logs_in() {
    let mut browser = Browser::default();
    let (options, begun) = begin(&[]);
    let passkey = registered(&begun, &browser.create(ORIGIN, &options)).unwrap();
    assert_eq!(passkey.name().as_str(), "Pocket");
    assert_eq!(passkey.registered(), now());
    let (options, begun) = ask(std::slice::from_ref(&passkey));
    let answer = browser.get(ORIGIN, &options);
    assert_eq!(
        Assertion::parse(&answer).unwrap().credential(),
        passkey.credential()
    );
    let used = judge(&begun, &answer, std::slice::from_ref(&passkey)).unwrap();
    // Its counter goes on with each login, which has to be stored.
    assert!(used.changed && !used.user_verified);
    let midnight = now() - Duration::from_secs(1_800_000_000 % (24 * 60 * 60));
    assert_eq!(
        (passkey.last_used(), used.passkey.last_used()),
        (None, Some(midnight))
    );
    let id = passkey.id();
    assert_eq!(id, used.passkey.id());
    assert_eq!(id.to_string().parse(), Ok(id));
    assert!(id.to_string()[1..].parse::<PasskeyId>().is_err());
    assert_ne!(used.passkey.to_octets(), passkey.to_octets());
    let stored = Passkey::from_octets(&used.passkey.to_octets()).unwrap();
    assert_eq!(stored.to_octets(), used.passkey.to_octets());
}

#[test]
fn what_is_asked_of_the_browser() {
    let device = Device::p256(b"one");
    let have = [register(&device).unwrap()];
    let (options, begun) = begin(&have);
    let options: Value = serde_json::from_str(&options).unwrap();
    let asked = &options["publicKey"];
    assert_eq!(asked["rp"], json!({ "id": PARTY, "name": "Example Mail" }));
    assert_eq!(
        asked["user"],
        json!({
            "id": BASE64URL_NOPAD.encode(&ANN),
            "name": "ann@example.org",
            "displayName": "ann@example.org",
        })
    );
    let selection = &asked["authenticatorSelection"];
    assert_eq!(selection["userVerification"], "preferred");
    assert_eq!(selection["residentKey"], "discouraged");
    assert_eq!(asked["attestation"], "none");
    assert_eq!(asked["timeout"], 300_000);
    assert_eq!(
        asked["excludeCredentials"],
        json!([{ "type": "public-key", "id": BASE64URL_NOPAD.encode(b"one") }])
    );
    let algorithms: Vec<_> = asked["pubKeyCredParams"]
        .as_array()
        .unwrap()
        .iter()
        .collect();
    let algorithms: Vec<_> = algorithms
        .iter()
        .map(|one| one["alg"].as_i64().unwrap())
        .collect();
    assert_eq!(algorithms, [-7, -35, -257]);
    for not in ["hints", "extensions"] {
        assert_eq!(asked.get(not), None, "{not}");
    }
    let login: Value = serde_json::from_str(&ask(&have).0).unwrap();
    let login = &login["publicKey"];
    assert_eq!(login["rpId"], PARTY);
    assert_eq!(login["userVerification"], "preferred");
    assert_eq!(login["timeout"], 300_000);
    assert_eq!(
        login["allowCredentials"][0]["id"],
        BASE64URL_NOPAD.encode(b"one")
    );
    // Row 18 of SP 800-63B: at least 64 bits, and never the same.
    let challenge = |options: &Value| {
        let text = options["challenge"].as_str().unwrap();
        BASE64URL_NOPAD.decode(text.as_bytes()).unwrap()
    };
    assert_eq!((challenge(asked).len(), challenge(login).len()), (32, 32));
    let again: Value = serde_json::from_str(&begin(&have).0).unwrap();
    assert_ne!(challenge(asked), challenge(&again["publicKey"]));
    assert!(
        begun.to_octets().len() < 1024,
        "{}",
        begun.to_octets().len()
    );
}

#[test]
fn each_algorithm_that_is_asked_for_and_no_other() {
    for device in [Device::p256(b"a"), Device::p384(b"b"), Device::rsa(b"c")] {
        let passkey = register(&device).unwrap();
        assert!(login(&device, &[passkey]).is_ok());
    }
    let refused = register(&Device::ed25519(b"d"));
    assert_eq!(refused.err(), Some(Unusable::Algorithm));
}

#[test]
fn what_is_kept_does_not_grow_with_passkeys() {
    let long = |n: u8| register(&Device::p256(&[n; 1023])).unwrap();
    let have: Vec<_> = (0..32).map(long).collect();
    let (options, begun) = ask(&have);
    assert!(begun.to_octets().len() < 1024);
    assert!(options.len() > 32 * 1023);
    let (_, begun) = begin(&have[..31]);
    assert!(begun.to_octets().len() < 1024);
    assert_eq!(have.len(), MAX_PASSKEYS);
    let full = party().begin_registration(UserHandle::new(ANN), "ann", &have, now());
    assert!(matches!(full, Err(Error::TooMany { most: 32, .. })));
    let none = party().begin_login(&[], now());
    assert!(matches!(none, Err(Error::NoSuch { .. })));
    for account in ["", "a\u{7}b"] {
        let bad = party().begin_registration(UserHandle::new(ANN), account, &[], now());
        assert!(matches!(bad, Err(Error::Name { .. })));
    }
}

/// What a page elsewhere, or an authenticator that does as it pleases, can change, signed as it should be.
type Lie = (Unusable, fn(&mut Device));
const LIES: &[Lie] = &[
    (Unusable::Origin, |it| {
        it.origin = "https://evil.example".into()
    }),
    (Unusable::Origin, |it| {
        it.origin = "http://mail.example.org".into()
    }),
    (Unusable::Origin, |it| {
        it.origin = "https://mail.example.org:444".into()
    }),
    (Unusable::Origin, |it| {
        it.origin = "https://example.org".into()
    }),
    (Unusable::Origin, |it| {
        it.origin = "https://a.mail.example.org".into()
    }),
    (Unusable::Malformed, |it| it.origin = "null".into()),
    (Unusable::CrossOrigin, |it| it.cross_origin = Some(true)),
    (Unusable::RelyingParty, |it| {
        it.party = "mail.example.org".into()
    }),
    (Unusable::Ceremony, |it| it.ceremony = Some("payment.get")),
    (Unusable::NotPresent, |it| it.flags &= !UP),
    (Unusable::Backup, |it| it.flags |= BS),
];

#[test]
fn lies_are_refused_at_registration_and_at_login() {
    for (n, (why, lie)) in LIES.iter().enumerate() {
        let mut device = Device::p256(b"one");
        let have = [register(&device).unwrap()];
        assert!(
            login(&device, &have).is_ok(),
            "the mutation: nothing is changed"
        );
        lie(&mut device);
        assert_eq!(login(&device, &have).err(), Some(*why), "{n}");
        assert_eq!(register(&device).err(), Some(*why), "{n}");
    }
    // The answer to one ceremony is none to the other.
    let mut device = Device::p256(b"one");
    device.ceremony = Some("webauthn.get");
    assert_eq!(register(&device).err(), Some(Unusable::Ceremony));
    let have = [register(&Device::p256(b"one")).unwrap()];
    device.ceremony = Some("webauthn.create");
    assert_eq!(login(&device, &have).err(), Some(Unusable::Ceremony));
    device.cross_origin = Some(false);
    device.ceremony = None;
    assert!(register(&device).is_ok());
}

#[test]
fn an_answer_is_right_for_its_challenge_alone() {
    let device = Device::p256(b"one");
    let (first, begun) = begin(&[]);
    let (second, other) = begin(&[]);
    assert_eq!(
        registered(&other, &device.create(&first)).err(),
        Some(Unusable::Challenge)
    );
    assert!(registered(&other, &device.create(&second)).is_ok());
    let have = [registered(&begun, &device.create(&first)).unwrap()];
    let ((first, begun), (_, other)) = (ask(&have), ask(&have));
    let answer = device.get(&first);
    assert_eq!(
        judge(&other, &answer, &have).err(),
        Some(Unusable::Challenge)
    );
    assert!(judge(&begun, &answer, &have).is_ok());
    // Without a counter nothing here tells a second time from the first: the store must take the challenge.
    assert!(judge(&begun, &answer, &have).is_ok());
}

#[test]
fn after_five_minutes_it_is_too_late() {
    let device = Device::p256(b"one");
    let (options, begun) = begin(&[]);
    let answer = Attestation::parse(&device.create(&options)).unwrap();
    let at = |later| {
        let now = now() + later;
        party().finish_registration(&begun, &answer, &[], name(), now)
    };
    let last = LIFETIME - Duration::from_millis(1);
    assert_eq!(at(LIFETIME).err(), Some(Unusable::Expired));
    let have = [at(last).unwrap()];
    let (options, begun) = ask(&have);
    let answer = Assertion::parse(&device.get(&options)).unwrap();
    let at = |later| party().finish_login(&begun, &answer, &have, now() + later);
    assert_eq!(at(LIFETIME).err(), Some(Unusable::Expired));
    assert!(at(last).is_ok());
}

#[test]
fn who_was_verified_at_registration_has_to_be_at_login() {
    let mut device = Device::p256(b"one");
    // Never asked for more than presence: enough after a password.
    let have = [register(&device).unwrap()];
    assert!(!login(&device, &have).unwrap().user_verified);
    device.flags |= UV;
    assert!(login(&device, &have).unwrap().user_verified);
    let have = [register(&device).unwrap()];
    assert!(login(&device, &have).unwrap().user_verified);
    device.flags &= !UV;
    assert_eq!(login(&device, &have).err(), Some(Unusable::NotVerified));
}

#[test]
fn a_passkey_opens_only_its_own_users_account() {
    let (mut anns, bobs) = (Device::p256(b"one"), Device::p256(b"two"));
    let (ann, bob) = (register(&anns).unwrap(), register(&bobs).unwrap());
    // A challenge of Ann's, answered by Bob's authenticator.
    let (options, begun) = ask(std::slice::from_ref(&ann));
    let answer = bobs.get(&options);
    let judged = judge(&begun, &answer, std::slice::from_ref(&ann));
    assert_eq!(judged.err(), Some(Unusable::Unknown));
    // The mutation: among everybody's passkeys it would be found.
    assert!(judge(&begun, &answer, &[ann.clone(), bob]).is_ok());
    // Bob has registered a credential with the name of Ann's.
    let forged = Device::p256(b"one");
    let judged = judge(&begun, &forged.get(&options), std::slice::from_ref(&ann));
    assert_eq!(judged.err(), Some(Unusable::Signature));
    // What authenticators say about whose it is.
    for (says, judged) in [
        (Some(BOB.to_vec()), Some(Unusable::OtherUser)),
        (Some(ANN[..15].to_vec()), Some(Unusable::OtherUser)),
        (Some(ANN.to_vec()), None),
        (Some(Vec::new()), None),
        (None, None),
    ] {
        anns.user = says;
        assert_eq!(login(&anns, std::slice::from_ref(&ann)).err(), judged);
    }
}

#[test]
fn a_counter_goes_on_or_stays_zero() {
    let mut device = Device::p256(b"one");
    let mut have = [register(&device).unwrap()];
    // Synchronised passkeys have none: of them only the day is noted.
    have = [login(&device, &have).unwrap().passkey];
    assert!(!login(&device, &have).unwrap().changed);
    for (counter, judged) in [
        (5, None),
        (5, Some(Unusable::Copied)),
        (4, Some(Unusable::Copied)),
        (0, Some(Unusable::Copied)),
        (6, None),
        (u32::MAX, None),
        (u32::MAX, Some(Unusable::Copied)),
    ] {
        device.counter = counter;
        let used = login(&device, &have);
        assert_eq!(used.as_ref().err().copied(), judged, "{counter}");
        if let Ok(used) = used {
            assert!(used.changed);
            have = [Passkey::from_octets(&used.passkey.to_octets()).unwrap()];
        }
    }
}

#[test]
fn a_replayed_answer_of_an_authenticator_that_counts_is_told_from_the_passkey_alone() {
    let mut browser = Browser::default();
    let (options, begun) = begin(&[]);
    let mut have = [registered(&begun, &browser.create(ORIGIN, &options)).unwrap()];
    let (options, begun) = ask(&have);
    let answer = browser.get(ORIGIN, &options);
    let used = judge(&begun, &answer, &have).unwrap();
    // The mutation: a store that does not write what was used.
    assert!(judge(&begun, &answer, &have).is_ok());
    have = [used.passkey];
    assert_eq!(judge(&begun, &answer, &have).err(), Some(Unusable::Copied));
}

#[test]
fn whether_it_can_be_backed_up_never_changes() {
    let mut device = Device::p256(b"one");
    let have = [register(&device).unwrap()];
    device.flags |= BE;
    assert_eq!(login(&device, &have).err(), Some(Unusable::Backup));
    let have = [register(&device).unwrap()];
    assert!(!have[0].is_backed_up());
    let have = [login(&device, &have).unwrap().passkey];
    assert!(!login(&device, &have).unwrap().changed);
    device.flags |= BS;
    let used = login(&device, &have).unwrap();
    assert!(used.changed && used.passkey.is_backed_up());
    device.flags &= !(BE | BS);
    assert_eq!(login(&device, &have).err(), Some(Unusable::Backup));
}

#[test]
fn what_is_there_is_not_registered_again() {
    let device = Device::p256(b"one");
    let have = [register(&device).unwrap()];
    let (options, begun) = begin(&have);
    let answer = Attestation::parse(&device.create(&options)).unwrap();
    let finish = |have| party().finish_registration(&begun, &answer, have, name(), now());
    assert_eq!(finish(&have).err(), Some(Unusable::Present));
    assert!(finish(&[]).is_ok(), "the mutation: nobody looks");
}

/// The octets of an answer's member, each changed.
fn changed(answer: &str, member: &str) -> Vec<String> {
    let answer: Value = serde_json::from_str(answer).unwrap();
    let text = answer["response"][member].as_str().unwrap();
    let octets = BASE64URL_NOPAD.decode(text.as_bytes()).unwrap();
    let with = |octets: &[u8]| {
        let mut answer = answer.clone();
        answer["response"][member] = BASE64URL_NOPAD.encode(octets).into();
        answer.to_string()
    };
    let mut all = Vec::new();
    for at in 0..octets.len() {
        let mut octets = octets.clone();
        octets[at] ^= 1 << (at % 8);
        all.push(with(&octets));
        all.push(with(&octets[..at]));
    }
    all.push(with(&[&octets[..], &[0]].concat()));
    all
}

#[test]
fn an_octet_changed_anywhere_is_noticed() {
    let mut device = Device::rsa(b"one");
    let have = [register(&device).unwrap()];
    device.counter = 7;
    let (options, begun) = ask(&have);
    let answer = device.get(&options);
    assert!(judge(&begun, &answer, &have).is_ok());
    for member in ["signature", "authenticatorData", "clientDataJSON"] {
        for changed in changed(&answer, member) {
            assert!(
                judge(&begun, &changed, &have).is_err(),
                "{member}: {changed}"
            );
        }
    }
    // Signatures on curves have a form of their own.
    let device = Device::p256(b"one");
    let have = [register(&device).unwrap()];
    let (options, begun) = ask(&have);
    for changed in changed(&device.get(&options), "signature") {
        let judged = judge(&begun, &changed, &have);
        assert_eq!(judged.err(), Some(Unusable::Signature), "{changed}");
    }
}

#[test]
fn a_registration_that_is_changed_or_cut_does_not_end_anything() {
    let mut browser = Browser::default();
    let (options, begun) = begin(&[]);
    let (own, other) = (
        Device::p256(b"one").create(&options),
        browser.create(ORIGIN, &options),
    );
    assert!(registered(&begun, &own).is_ok() && registered(&begun, &other).is_ok());
    for answer in changed(&own, "attestationObject")
        .into_iter()
        .chain(changed(&own, "clientDataJSON"))
    {
        // What no signature covers may be another key: then it is another passkey, which opens nothing of the first.
        if let Ok(made) = registered(&begun, &answer) {
            assert_eq!(made.name().as_str(), "Pocket");
        }
    }
    // A statement covers all, and must hold if there is one.
    for answer in changed(&other, "clientDataJSON") {
        assert!(registered(&begun, &answer).is_err(), "{answer}");
    }
}

#[test]
fn what_is_no_answer() {
    let device = Device::p256(b"one");
    let have = [register(&device).unwrap()];
    let (options, _) = ask(&have);
    let answer = device.get(&options);
    for cut in 0..answer.len() {
        let parsed = Assertion::parse(&answer[..cut]);
        assert_eq!(parsed.err(), Some(Unusable::Malformed), "{cut}");
    }
    let padded = format!("{answer}{}", " ".repeat(MAX_ANSWER - answer.len()));
    assert!(Assertion::parse(&padded).is_ok());
    assert_eq!(
        Assertion::parse(&format!("{padded} ")).err(),
        Some(Unusable::TooLong)
    );
    assert_eq!(
        Attestation::parse(&"[".repeat(MAX_ANSWER + 1)).err(),
        Some(Unusable::TooLong)
    );
    let deep = "[".repeat(MAX_ANSWER);
    let attested = BASE64URL_NOPAD.encode(&[0x81; 8000]);
    for bad in [
        "",
        "null",
        "{}",
        "[]",
        &deep,
        &answer.replace("public-key", "password"),
        &answer.replace("signature", "autograph"),
        &answer.replace("\"rawId\":\"", "\"rawId\":\"*"),
        &answer.replace(&BASE64URL_NOPAD.encode(b"one"), ""),
        &answer.replace(&BASE64URL_NOPAD.encode(b"one"), &"A".repeat(1368)),
    ] {
        assert_eq!(
            Assertion::parse(bad).err(),
            Some(Unusable::Malformed),
            "{bad}"
        );
    }
    // Nested more deeply than any authenticator does.
    let (options, begun) = begin(&[]);
    let mut answer: Value = serde_json::from_str(&device.create(&options)).unwrap();
    answer["response"]["attestationObject"] = attested.into();
    assert_eq!(
        registered(&begun, &answer.to_string()).err(),
        Some(Unusable::Malformed)
    );
}

#[test]
fn what_is_stored_is_read_or_refused() {
    let device = Device::p256(b"one");
    let passkey = register(&device).unwrap();
    let (_, registration) = begin(&[]);
    let (_, login) = ask(std::slice::from_ref(&passkey));
    let (passkey, registration, login) = (
        passkey.to_octets(),
        registration.to_octets(),
        login.to_octets(),
    );
    // One is not the other.
    assert!(Login::from_octets(&registration).is_err());
    assert!(Registration::from_octets(&login).is_err());
    assert!(Passkey::from_octets(&login).is_err());
    let later = |octets: &[u8]| [&[2], &octets[1..]].concat();
    assert!(Passkey::from_octets(&later(&passkey)).is_err());
    assert!(Login::from_octets(&later(&login)).is_err());
    for cut in 0..passkey.len() {
        assert!(Passkey::from_octets(&passkey[..cut]).is_err());
    }
    for cut in 0..registration.len() {
        assert!(Registration::from_octets(&registration[..cut]).is_err());
    }
    for cut in 0..login.len() {
        assert!(Login::from_octets(&login[..cut]).is_err());
    }
    for (octets, most) in [(passkey, MAX_PASSKEY), (login, MAX_KEPT)] {
        let more = [octets.as_slice(), &vec![b' '; most]].concat();
        assert!(Passkey::from_octets(&more).is_err() && Login::from_octets(&more).is_err());
    }
}

#[test]
fn nothing_of_a_user_stands_in_debug() {
    let device = Device::p256(b"one");
    let passkey = register(&device).unwrap();
    let (options, begun) = begin(&[]);
    let answer = Attestation::parse(&device.create(&options)).unwrap();
    let shown = format!(
        "{passkey:?} {:?} {:?} {begun:?} {answer:?} {:?}",
        passkey.credential(),
        passkey.name(),
        UserHandle::new(ANN)
    );
    for hidden in ["Pocket", "111", "ann", "b25l"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
    assert!(shown.contains("Passkey(..)"));
}

/// An answer that is right, what begun it, and whose it is.
fn right() -> &'static (String, Login, Passkey) {
    static RIGHT: std::sync::OnceLock<(String, Login, Passkey)> = std::sync::OnceLock::new();
    RIGHT.get_or_init(|| {
        let device = Device::p256(b"one");
        let passkey = register(&device).unwrap();
        let (options, begun) = ask(std::slice::from_ref(&passkey));
        (device.get(&options), begun, passkey)
    })
}

proptest! {
    #[test]
    fn what_is_right_says_what_was_signed(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let (answer, begun, passkey) = right();
        let mut octets = answer.clone().into_bytes();
        for (at, to) in changes {
            let at = at.index(octets.len());
            octets[at] = to & 0x7f;
        }
        let changed = String::from_utf8(octets).unwrap();
        if judge(begun, &changed, std::slice::from_ref(passkey)).is_ok() {
            let (was, is): (Value, Value) = (serde_json::from_str(answer).unwrap(), serde_json::from_str(&changed).unwrap());
            for member in ["/rawId", "/type", "/response/signature", "/response/authenticatorData", "/response/clientDataJSON"] {
                prop_assert_eq!(was.pointer(member), is.pointer(member));
            }
        }
    }

    #[test]
    fn no_octets_make_it_panic(octets in prop::collection::vec(any::<u8>(), 0..200), text in ".{0,200}") {
        let _ = (Passkey::from_octets(&octets), Login::from_octets(&octets), Registration::from_octets(&octets));
        let _ = (Assertion::parse(&text), Attestation::parse(&text));
        if let Ok(made) = RelyingParty::new(&text, "Mail", ORIGIN) {
            prop_assert_eq!(made.id(), PARTY);
        }
    }
}

/// What this release stores and is answered, for those that come. `LETTERLOCK_BLESS=1` writes it anew: only before the first
/// release, as nobody's records change with ours.
#[test]
fn what_was_stored_is_still_read() {
    let at = |name: &str| {
        let folder =
            std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/passkey"));
        folder.join(name)
    };
    if std::env::var_os("LETTERLOCK_BLESS").is_some() {
        let mut device = Device::p256(b"stored credential");
        device.user = Some(ANN.to_vec());
        let (options, begun) = begin(&[]);
        let answer = device.create(&options);
        let have = [registered(&begun, &answer).unwrap()];
        let (options, login) = ask(&have);
        device.counter = 3;
        let files = [
            ("registration.bin", begun.to_octets()),
            ("registration.json", answer.into_bytes()),
            ("passkey.bin", have[0].to_octets()),
            ("login.bin", login.to_octets()),
            ("login.json", device.get(&options).into_bytes()),
        ];
        for (name, octets) in files {
            std::fs::write(at(name), octets).unwrap();
        }
    }
    let octets = |name| std::fs::read(at(name)).unwrap();
    let text = |name| std::fs::read_to_string(at(name)).unwrap();
    let begun = Registration::from_octets(&octets("registration.bin")).unwrap();
    let passkey = Passkey::from_octets(&octets("passkey.bin")).unwrap();
    let login = Login::from_octets(&octets("login.bin")).unwrap();
    let made = registered(&begun, &text("registration.json")).unwrap();
    assert_eq!(made.id(), passkey.id());
    let used = judge(&login, &text("login.json"), &[passkey]).unwrap();
    assert!(used.changed);
    // And written as it was.
    for name in ["registration.bin", "passkey.bin", "login.bin"] {
        let was = octets(name);
        let is = match name {
            "registration.bin" => begun.to_octets(),
            "passkey.bin" => made.to_octets(),
            _ => login.to_octets(),
        };
        assert_eq!(is, was, "{name}");
    }
}
