//! What reads as `otpauth://` is written as a URI that reads the same, and fits into a QR code; why others are refused
//! has a name.
#![no_main]

use libfuzzer_sys::fuzz_target;
use twofactor::otp::{Qr, parse_uri};

fuzz_target!(|text: &str| {
    let read = match parse_uri(text) {
        Ok(read) => read,
        Err(why) => {
            assert!(why.code().starts_with("otp."));
            return;
        }
    };
    let counter = read.counter.unwrap_or(0);
    let uri = read
        .otp
        .uri_from(read.issuer.as_ref(), &read.label, counter);
    assert_eq!(parse_uri(&uri).as_ref(), Ok(&read));
    assert!(uri.is_ascii() && uri.len() <= Qr::MAX_OCTETS);
});
