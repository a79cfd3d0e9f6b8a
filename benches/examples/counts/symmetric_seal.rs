use std::hint::black_box;

use symmetric_seal::{Opener, Passphrase, Profile, Sealer};

use crate::Count;

/// Keys and salts are random: how many instructions AES, HKDF and Argon2 take does not depend on them.
pub(crate) const COUNTS: &[Count] = &[
    Count {
        name: "symmetric-seal/inspect",
        ready: || {
            let message = message(1000);
            Box::new(move || {
                assert!(Opener::new().inspect(black_box(&message)).is_ok());
            })
        },
    },
    Count {
        name: "symmetric-seal/inspect-armored",
        ready: || {
            let sealed = sealer().armored().seal(&[7; 1000], &password());
            let message = sealed.map(|sealed| sealed.into_message());
            let message = message.unwrap_or_default();
            Box::new(move || {
                assert!(Opener::new().inspect(black_box(&message)).is_ok());
            })
        },
    },
    Count {
        name: "symmetric-seal/refuse-argon2-memory",
        ready: || {
            let mut message = message(1000);
            if let Some(exponent) = message.get_mut(26) {
                *exponent = 31;
            }
            Box::new(move || {
                assert!(Opener::new().inspect(black_box(&message)).is_err());
            })
        },
    },
];

fn password() -> Passphrase {
    Passphrase::from_unprepared_octets("correct horse")
}

fn sealer() -> Sealer {
    Sealer::new().profile(Profile::WEAK_FOR_TESTS)
}

fn message(octets: usize) -> Vec<u8> {
    let sealed = sealer().seal(&vec![7; octets], &password());
    sealed
        .map(|sealed| sealed.into_message())
        .unwrap_or_default()
}
