//! A range that is read is written as text that reads the same; what is padded reads as what is not; and what an answer
//! says of a hash is what its text says.
#![no_main]

use breach_check::ranges::Suffixes;
use breach_check::{Answer, End, HashKind, Range, Sighting};
use http::Response;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((first, text)) = data.split_first() else {
        return;
    };
    let kind = match first & 1 {
        0 => HashKind::Sha1,
        _ => HashKind::Ntlm,
    };
    let range = Range::new(0x5BAA6).expect("a range");
    let mut response = Response::new(text.to_vec());
    if first & 2 != 0 {
        let gzip = http::HeaderValue::from_static("gzip");
        response.headers_mut().insert("content-encoding", gzip);
    }
    let end = match first & 4 {
        0 => End::Length,
        _ => End::Closed,
    };
    let answer = Suffixes::of(kind, range, &Answer::new(response, end));
    let Ok(suffixes) = answer else {
        return;
    };
    assert_ne!(end, End::Closed);
    let again = suffixes.text();
    assert_eq!(Suffixes::read(kind, range, again.as_bytes()).as_ref(), Ok(&suffixes));
    let mut before = None;
    for (hash, count) in suffixes.hashes() {
        assert!(count > 0 && hash.range() == range);
        assert!(matches!(suffixes.sighting(&hash), Sighting::Seen(_)));
        let hex = hash.hex();
        assert!(before.as_deref() < Some(hex.as_str()));
        before = Some(hex.to_string());
    }
    // Padding anywhere changes nothing.
    let padding = "F".repeat(kind.hex_len() - 5) + ":0\r\n";
    let padded = padding + &again;
    match again.is_empty() {
        true => {}
        false => assert_eq!(Suffixes::read(kind, range, padded.as_bytes()), Ok(suffixes)),
    }
});
