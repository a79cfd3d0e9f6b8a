use std::hint::black_box;

use symmetric_seal::{Opener, Passphrase, Profile, Sealer};

use crate::Count;

pub(crate) const COUNTS: &[Count] = &[
    Count {
        name: "symmetric-seal/seal-1-mib",
        ready: seal,
    },
    Count {
        name: "symmetric-seal/open-1-mib",
        ready: open,
    },
];

const PASSWORD: &str = "correct horse battery";

fn content() -> Vec<u8> {
    (0_u32..1 << 18).flat_map(u32::to_le_bytes).collect()
}

/// Argon2 over 64 KiB, one lane and pass, is a part of it.
fn seal() -> Box<dyn FnMut()> {
    let sealer = Sealer::new().profile(Profile::WEAK_FOR_TESTS);
    let password = Passphrase::for_sealing(PASSWORD);
    let content = content();
    Box::new(move || {
        let Ok(password) = &password else { return };
        black_box(sealer.seal(black_box(&content), password).is_ok());
    })
}

/// In place, in a copy of the message, by a password that is stretched already.
fn open() -> Box<dyn FnMut()> {
    let opener = Opener::new();
    let ready = Passphrase::for_sealing(PASSWORD).ok().and_then(|password| {
        let sealer = Sealer::new().profile(Profile::WEAK_FOR_TESTS);
        let sealed = sealer.seal(&content(), &password).ok()?;
        let key = opener.derive(sealed.receipt().parameters(), &password);
        Some((sealed.into_message(), key.ok()?))
    });
    Box::new(move || {
        let Some((message, key)) = &ready else { return };
        black_box(opener.open_with(black_box(message.clone()), key).is_ok());
    })
}
