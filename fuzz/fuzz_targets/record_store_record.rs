//! What is read as a stored record is written back as the same octets, and its head is read from its beginning alone.
#![no_main]

use libfuzzer_sys::fuzz_target;
use record_store::backend::Head;
use record_store::{Version, Versioned};

fuzz_target!(|data: &[u8]| {
    let version = Version::from_u64(1);
    let record = Versioned::from_bytes(version, None, data);
    let beginning = &data[..data.len().min(Head::OCTETS)];
    let head = Head::decode(version, None, beginning);
    if let Ok(record) = record {
        assert_eq!(record.to_bytes(), data);
        assert!(head.is_ok());
    }
});
