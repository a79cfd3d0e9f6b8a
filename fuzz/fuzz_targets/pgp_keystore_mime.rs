#![no_main]
//! Whatever comes as a mail: no panic, nothing signed by chance, and what is signed here verifies here.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use libfuzzer_sys::fuzz_target;
use pgp_keystore::mime::{self, Coverage, HeaderPolicy, Kind, Verdict};
use pgp_keystore::{Certificate, Key, Limits, Recipient, Unlocked, plan_send};

/// A key whose secret is known to everybody: the seeds are by it, and to it.
const KEY: &[u8] = include_bytes!("../seeds/pgp_keystore_import/compat-secret");
/// What it has signed; who finds other words has forged them.
const SIGNED: &[u8] = include_bytes!("../seeds/pgp_keystore_mime/signed");

fn key() -> &'static Unlocked {
    static KEY_READ: OnceLock<Unlocked> = OnceLock::new();
    KEY_READ.get_or_init(|| {
        let key = Key::parse(KEY).expect("the seed");
        key.unlock_unprotected().expect("the seed")
    })
}

fuzz_target!(|octets: &[u8]| {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_256_000);
    let (key, mut limits) = (key(), Limits::default());
    limits.max_plaintext = 1 << 16;
    limits.max_mime_parts = 50;
    let certificate: Certificate = key.certificate();
    let by = [&certificate];

    let structure = mime::inspect(octets, &limits).expect("within the limits");
    if let Ok(found) = mime::verify(octets, &by, now, &limits) {
        let verdict = found.verdict();
        assert!(verdict != Verdict::Signed || found.coverage == Coverage::Whole);
        assert!(verdict != Verdict::Signed || structure.kind == Kind::Signed);
        let whole = found.coverage == Coverage::Whole;
        for part in found.parts.iter().filter(|p| whole && p.verification.valid().next().is_some()) {
            let known = SIGNED.windows(part.content.len()).any(|w| w == part.content);
            assert!(known, "forged: {:?}", String::from_utf8_lossy(&part.content));
        }
    }
    if let Ok(opened) = mime::decrypt(octets, &[key], &by, now, &limits) {
        assert_eq!(structure.kind, Kind::Encrypted);
        assert!(opened.message().len() <= 4 * limits.max_plaintext);
    }
    let _ = mime::read_inline(octets, &[key], &by, now, &limits);

    // Whatever can be sent is read again, by the two ways.
    if let Ok(signed) = mime::sign(octets, key, now) {
        let mut limits = limits.clone();
        limits.max_mime_parts = 2_000;
        let found = mime::verify(&signed, &by, now, &limits).expect("ours");
        assert_eq!(found.coverage, Coverage::Whole);
        assert_eq!(found.parts[0].verification.valid().count(), 1);
    }
    let plan = plan_send(&[Recipient::new("a@example.org", by)], now);
    if let Ok(sealed) = mime::encrypt(octets, &plan, Some(key), HeaderPolicy::Shy, now) {
        limits.max_plaintext = 1 << 24;
        let opened = mime::decrypt(&sealed, &[key], &by, now, &limits);
        let opened = match opened {
            // A mail that says that it is signed, and cannot be read, was put inside.
            Err(mime::MimeError::Malformed(_) | mime::MimeError::Limit { .. }) => return,
            other => other.expect("ours"),
        };
        assert_eq!(opened.verification.valid().count(), 1);
    }
});
