//! What reads as Strict-Transport-Security prints as a value that says the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tls_policy::hsts::Hsts;

fuzz_target!(|data: &[u8]| {
    let Ok(hsts) = Hsts::from_octets(data) else {
        return;
    };
    let text = hsts.to_string();
    assert_eq!(text.parse(), Ok(hsts), "{text}");
});
