//! What reads as a name prints as that name, and is made of its labels.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mail_dns::Name;

fuzz_target!(|data: &[u8]| {
    let Ok(name) = Name::from_octets(data) else {
        return;
    };
    assert_eq!(Name::from_labels(name.labels()).as_ref(), Ok(&name));
    let text = name.to_string();
    // Escapes are for people to read; a host's name has none.
    if !text.contains('\\') {
        assert_eq!(text.parse().as_ref(), Ok(&name));
    }
});
