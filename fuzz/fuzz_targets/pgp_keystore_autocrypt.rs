#![no_main]
//! Whatever stands in a header: no panic, no more than one certificate, of the address that it says; and what is read can be written
//! again.

use std::time::{Duration, SystemTime};

use libfuzzer_sys::fuzz_target;
use pgp_keystore::Limits;
use pgp_keystore::mime::{MAX_AUTOCRYPT, PreferEncrypt, autocrypt, read_autocrypt, read_gossip};

fuzz_target!(|octets: &[u8]| {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_256_000);
    let limits = Limits::default();
    for gossip in read_gossip(octets, &limits).unwrap_or_default() {
        assert!(gossip.keydata.len() <= MAX_AUTOCRYPT);
        assert_eq!(gossip.prefer_encrypt, PreferEncrypt::NoPreference);
    }
    let Ok(Some(header)) = read_autocrypt(octets, &limits) else {
        return;
    };
    assert!(header.keydata.len() <= MAX_AUTOCRYPT && header.address.contains('@'));
    let Ok(certificate) = header.certificate(&limits) else {
        return;
    };
    if let Ok(written) = autocrypt(&certificate, &header.address, header.prefer_encrypt, now) {
        let message = format!("From: {}\r\n{written}\r\n", header.address);
        let again = read_autocrypt(message.as_bytes(), &limits);
        let again = again.expect("ours").expect("ours");
        assert_eq!(again.prefer_encrypt, header.prefer_encrypt);
        let small = again.certificate(&limits).expect("ours");
        assert_eq!(small.fingerprint(), certificate.fingerprint());
    }
});
