//! What reads as a key record prints as one that says the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use msg_validate::dkim::KeyRecord;

fuzz_target!(|data: &[u8]| {
    let Ok(record) = KeyRecord::parse(data) else {
        return;
    };
    let text = record.to_string();
    assert_eq!(text.parse().as_ref(), Ok(&record), "{text}");
});
