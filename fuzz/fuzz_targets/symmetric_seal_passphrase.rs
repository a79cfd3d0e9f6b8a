//! Whatever is fit to seal with opens as the same password, also when it is typed decomposed; nothing is refused at
//! opening; a judgement costs no more than for a hundred characters.
#![no_main]

use libfuzzer_sys::fuzz_target;
use symmetric_seal::{Passphrase, Strength};
use unicode_normalization::UnicodeNormalization;

fuzz_target!(|text: &str| {
    let opening = Passphrase::for_opening(text);
    let decomposed: String = text.nfd().collect();
    assert!(opening.same_as(&Passphrase::for_opening(&decomposed)));
    match Passphrase::for_sealing(text) {
        Ok(sealing) => {
            assert!(sealing.same_as(&opening));
            assert!(text.len() >= Passphrase::MIN_OCTETS && text.len() <= Passphrase::MAX_OCTETS);
            // What it was mapped to seals as well, and as the same.
            let mapped: String = text.replace('\u{a0}', " ").nfc().collect();
            assert!(Passphrase::for_sealing(&mapped).is_ok_and(|again| again.same_as(&sealing)));
        }
        Err(why) => assert!(why.code().starts_with("passphrase.")),
    }
    let strength = Strength::of_with(text, &["bob@example.net"]);
    assert!(strength.score() <= 4 && strength.guesses_log10() >= 0.0);
});
