//! What reads as an MTA-STS record prints as one that says the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tls_policy::sts::Record;

fuzz_target!(|data: &[u8]| {
    let Ok(record) = Record::from_octets(data) else {
        return;
    };
    assert!(data.starts_with(b"v=STSv1;"));
    let text = record.to_string();
    assert_eq!(text.parse().as_ref(), Ok(&record), "{text}");
});
