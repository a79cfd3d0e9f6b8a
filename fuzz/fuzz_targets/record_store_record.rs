//! What is read as a stored record is written back as the same octets.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| record_store::fuzzing::record(data));
