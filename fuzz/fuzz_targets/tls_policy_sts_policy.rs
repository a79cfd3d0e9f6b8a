//! What reads as a policy prints as one that says the same; and what it says of a host does not hang
//! on case or a final dot.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tls_policy::sts::{MAX_AGE, MAX_MX, Mode, Policy};

fuzz_target!(|data: &[u8]| {
    let Ok(policy) = Policy::from_octets(data) else {
        return;
    };
    let text = policy.to_string();
    assert_eq!(text.parse().as_ref(), Ok(&policy), "{text}");
    assert!(policy.max_age() <= MAX_AGE && policy.mx().len() <= MAX_MX);
    assert!(policy.mode() == Mode::None || !policy.mx().is_empty());
    for pattern in policy.mx() {
        let pattern = pattern.to_string();
        match pattern.strip_prefix("*.") {
            Some(parent) => {
                assert!(policy.names(&format!("MX.{parent}.")));
                assert!(!parent.contains('*'));
            }
            None => assert!(policy.names(&pattern.to_uppercase())),
        }
    }
});
