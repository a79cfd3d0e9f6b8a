//! Only a field that says `No`, alone, lifts policies, and only an offer lets REQUIRETLS in; what is
//! refused stays refused when it is read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tls_policy::Wish;
use tls_policy::requiretls::{Channel, FIELD, Offer, field, header_wish, mail_wish};

fuzz_target!(|data: &[u8]| {
    let wish = header_wish(data);
    assert_ne!(wish, Ok(Wish::RequireTls));
    let names = data
        .windows(13)
        .filter(|name| name.eq_ignore_ascii_case(b"TLS-Required:"));
    let names = names.count();
    if wish == Ok(Wish::TlsRequiredNo) {
        assert!(names > 0);
    }
    // The field in front: it counts, unless there is one already. What is folded is another's.
    let with = header_wish(&[FIELD.as_bytes(), b"X: y\r\n", data].concat());
    match names {
        0 => assert!(with == Ok(Wish::TlsRequiredNo) || with.is_err() && data.len() > 1_000_000),
        _ => assert!(wish != Ok(Wish::TlsRequiredNo) || with.is_err()),
    }
    if field(data) == Ok(Wish::TlsRequiredNo) {
        let header = [b"TLS-Required:", data].concat();
        assert_eq!(header_wish(&header), Ok(Wish::TlsRequiredNo));
    }
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    assert_ne!(mail_wish(text, Offer::No), Ok(Wish::RequireTls));
    if mail_wish(text, Offer::Yes) == Ok(Wish::RequireTls) {
        let twice = format!("{} REQUIRETLS", text.trim_end_matches(' '));
        assert!(mail_wish(&twice, Offer::Yes).is_err());
    }
    assert_eq!(
        Offer::in_ehlo(text.lines(), Channel::Clear).unwrap_or_default(),
        Offer::No
    );
});
