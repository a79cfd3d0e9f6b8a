//! Whatever it is, it is inspected within bounds, and what cannot be inspected cannot be opened, for the same reason.
#![no_main]

use libfuzzer_sys::fuzz_target;
use symmetric_seal::{Opener, Passphrase};

fuzz_target!(|data: &[u8]| {
    let opener = Opener::new();
    // What can be inspected may cost 256 MiB to open.
    if let Err(error) = opener.inspect(data) {
        let why = error.refusal();
        assert!(why.is_some());
        let password = Passphrase::from_unprepared_octets("correct horse");
        let opened = opener.open(data.to_vec(), &password);
        let opened = opened.expect_err("opened, but not inspected").refusal();
        // Which of several faults is found first may differ, but not that there is one before Argon2.
        assert!(opened.is_some());
    }
});
