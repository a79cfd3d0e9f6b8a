//! A message and a key, cut at the first NUL: never a panic; what
//! is hashed of the body is the plain canonicalization of it.
#![no_main]

#[allow(dead_code)]
#[path = "../../crates/msg-validate/src/dkim/tests/reference.rs"]
mod reference;

use libfuzzer_sys::fuzz_target;
use mail_dns::{Answer, Record, Security, Txt};
use msg_validate::{
    Limits,
    dkim::{Canonicalization, body_hash, verify},
};
use std::time::{Duration, SystemTime};

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(2, |&octet| octet == 0);
    let (message, key) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000);
    let records = [Record::Txt(Txt::new([key]))];
    let answer = Answer::records(records, Security::Unknown, Duration::from_secs(60));
    let limits = Limits::default();
    let reports = verify(message, now, &limits, |_| answer.clone());
    assert!(reports.len() <= limits.signatures + 1);

    // The canonical form, hashed once more by the simple way that changes nothing but the end.
    for (canon, want) in [
        (Canonicalization::Simple, reference::simple_body(data)),
        (Canonicalization::Relaxed, reference::relaxed_body(data)),
    ] {
        if want.is_empty() {
            continue;
        }
        // A canonical body that ends in one CRLF is its own simple form.
        assert_eq!(
            body_hash(canon, data),
            body_hash(Canonicalization::Simple, &want)
        );
    }
});
