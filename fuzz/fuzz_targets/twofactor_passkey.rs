//! Whatever a page answers, and whatever is stored: nothing but what was signed logs in, and what is read is written as it was.
#![no_main]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use twofactor::passkey::{
    Assertion, Attestation, Login, Passkey, PasskeyName, Registration, RelyingParty,
};

const PASSKEY: &[u8] = include_bytes!("../../crates/twofactor/tests/data/passkey/passkey.bin");
const LOGIN: &[u8] = include_bytes!("../../crates/twofactor/tests/data/passkey/login.bin");
const REGISTRATION: &[u8] =
    include_bytes!("../../crates/twofactor/tests/data/passkey/registration.bin");
const ASSERTION: &str = include_str!("../../crates/twofactor/tests/data/passkey/login.json");
const ATTESTATION: &str =
    include_str!("../../crates/twofactor/tests/data/passkey/registration.json");

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn party() -> RelyingParty {
    RelyingParty::new("example.org", "Example Mail", "https://mail.example.org").expect("a party")
}

fn login(answer: &str) {
    let begun = Login::from_octets(LOGIN).expect("stored");
    let have = [Passkey::from_octets(PASSKEY).expect("stored")];
    let Ok(parsed) = Assertion::parse(answer) else {
        return;
    };
    if party().finish_login(&begun, &parsed, &have, now()).is_ok() {
        let was: Value = serde_json::from_str(ASSERTION).expect("stored");
        let is: Value = serde_json::from_str(answer).expect("it was read");
        for member in ["authenticatorData", "clientDataJSON", "signature"] {
            assert_eq!(was["response"][member], is["response"][member]);
        }
    }
}

fn registration(answer: &str) {
    let begun = Registration::from_octets(REGISTRATION).expect("stored");
    let name = PasskeyName::new("Pocket").expect("a name");
    let Ok(parsed) = Attestation::parse(answer) else {
        return;
    };
    if let Ok(made) = party().finish_registration(&begun, &parsed, &[], name, now()) {
        stored(&made.to_octets());
        let have = [made];
        assert!(party().begin_login(&have, now()).is_ok());
        // With whatever key it has, nothing signed by another one passes, and nothing ends.
        let begun = Login::from_octets(LOGIN).expect("stored");
        let other = Assertion::parse(ASSERTION).expect("stored");
        let same = answer == ATTESTATION;
        assert!(
            same || have[0].credential().as_octets() != b"stored credential" || {
                let used = party().finish_login(&begun, &other, &have, now());
                used.is_err() || is_same_key(&have[0])
            }
        );
    }
}

fn is_same_key(made: &Passkey) -> bool {
    let key = |octets: &[u8]| {
        let start = octets.iter().position(|octet| *octet == b'{');
        let json: Value = serde_json::from_slice(&octets[start.expect("JSON")..]).expect("JSON");
        json["cred"]["cred"].clone()
    };
    key(&made.to_octets()) == key(PASSKEY)
}

fn stored(octets: &[u8]) {
    if let Ok(passkey) = Passkey::from_octets(octets) {
        let written = passkey.to_octets();
        let again = Passkey::from_octets(&written).expect("it was written");
        assert_eq!(again.to_octets(), written);
        let begun = Login::from_octets(LOGIN).expect("stored");
        let answer = Assertion::parse(ASSERTION).expect("stored");
        let _ = party().finish_login(&begun, &answer, &[passkey], now());
    }
}

/// What an authenticator gave, put into an answer, so that its octets are found and not their base64.
fn with(answer: &str, member: &str, octets: &[u8]) -> String {
    let mut answer: Value = serde_json::from_str(answer).expect("stored");
    answer["response"][member] = json!(data_encoding::BASE64URL_NOPAD.encode(octets));
    answer.to_string()
}

fuzz_target!(|data: &[u8]| {
    let Some((which, data)) = data.split_first() else {
        return;
    };
    let text = str::from_utf8(data).unwrap_or_default();
    match which % 9 {
        0 => login(text),
        1 => registration(text),
        2 => stored(data),
        3 => {
            if let Ok(begun) = Login::from_octets(data) {
                assert_eq!(begun.to_octets(), data);
                let have = [Passkey::from_octets(PASSKEY).expect("stored")];
                let answer = Assertion::parse(ASSERTION).expect("stored");
                let _ = party().finish_login(&begun, &answer, &have, now());
            }
        }
        4 => {
            if let Ok(begun) = Registration::from_octets(data) {
                assert_eq!(begun.to_octets(), data);
            }
        }
        5 => login(&with(ASSERTION, "authenticatorData", data)),
        6 => login(&with(ASSERTION, "signature", data)),
        7 => registration(&with(ATTESTATION, "attestationObject", data)),
        _ => {
            login(&with(ASSERTION, "clientDataJSON", data));
            registration(&with(ATTESTATION, "clientDataJSON", data));
        }
    }
});
