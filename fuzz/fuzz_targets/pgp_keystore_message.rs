#![no_main]
//! Whatever is opened or verified: no panic, nothing valid by chance, nothing larger than the limits.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use libfuzzer_sys::fuzz_target;
use pgp_keystore::{Certificate, Key, Limits, State, Unlocked, decrypt, verify, verify_detached};

/// Keys whose secrets are known to everybody: the seeds are messages to and from them.
const KEYS: [&[u8]; 2] = [
    include_bytes!("../seeds/pgp_keystore_import/compat-secret"),
    include_bytes!("../seeds/pgp_keystore_import/modern-secret"),
];

/// What the seeds say; who finds other words has forged them.
const CONTENT: &[u8] = b"it is me\n";

fn keys() -> &'static [Unlocked] {
    static KEYS_READ: OnceLock<Vec<Unlocked>> = OnceLock::new();
    KEYS_READ.get_or_init(|| {
        let read = |octets: &&[u8]| Key::parse(octets).ok()?.unlock_unprotected().ok();
        let keys: Vec<Unlocked> = KEYS.iter().filter_map(read).collect();
        assert_eq!(keys.len(), KEYS.len());
        keys
    })
}

fuzz_target!(|octets: &[u8]| {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_793_577_600);
    let keys: Vec<&Unlocked> = keys().iter().collect();
    let certificates: Vec<Certificate> = keys.iter().map(|key| key.certificate()).collect();
    let certificates: Vec<&Certificate> = certificates.iter().collect();
    let mut limits = Limits::default();
    limits.max_plaintext = 1 << 16;
    if let Ok(opened) = decrypt(octets, &keys, &certificates, now, &limits) {
        assert!(opened.content.len() <= limits.max_plaintext);
        let valid = opened.verification.state() == Some(State::Valid);
        assert!(!valid || opened.content.as_slice() == CONTENT);
    }
    if let Ok((content, result)) = verify(octets, &certificates, now, &limits) {
        let valid = result.state() == Some(State::Valid);
        assert!(!valid || content.trim_ascii_end() == CONTENT.trim_ascii_end());
    }
    if let Ok(result) = verify_detached(b"something else", octets, &certificates, now, &limits) {
        assert_ne!(result.state(), Some(State::Valid));
    }
});
