//! Properties of messages of all sizes, with a password that is cheap to stretch.
#![allow(clippy::unwrap_used)]
#![cfg(feature = "danger-weak-kdf")]

use std::io::{Cursor, Read, Write};

use proptest::prelude::*;
use symmetric_seal::{
    Commitment, KdfParameters, OpenError, Opener, Passphrase, Profile, SealError, Sealer,
};

fn password() -> Passphrase {
    Passphrase::from_unprepared_octets("correct horse")
}

fn sealer() -> Sealer {
    Sealer::new().profile(Profile::WEAK_FOR_TESTS)
}

fn content(octets: usize, seed: u32) -> Vec<u8> {
    let words = (seed..).map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes());
    words
        .take(octets.div_ceil(4))
        .flatten()
        .take(octets)
        .collect()
}

/// Near the ends of chunks and parts, and anywhere.
fn sizes() -> impl Strategy<Value = usize> {
    let edge = |by: usize| {
        (0..4_usize, 0..40_usize).prop_map(move |(n, less)| (n * by).saturating_sub(less))
    };
    prop_oneof![0..300_usize, edge(8192), edge(65_536), 0..200_000_usize]
}

/// Writes in pieces of these sizes, over and over.
fn seal(
    sealer: &Sealer,
    content: &[u8],
    pieces: &[usize],
    sized: Sized,
) -> Result<Vec<u8>, SealError> {
    let mut writer = match sized {
        Sized::Yes => sealer.start_sized(Vec::new(), &password(), content.len() as u64)?,
        Sized::No => sealer.start(Vec::new(), &password())?,
    };
    let (mut rest, mut pieces) = (content, pieces.iter().cycle());
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.len().min(*pieces.next().unwrap()));
        writer.write_all(piece)?;
        rest = after;
    }
    Ok(writer.finish()?.0)
}

#[derive(Clone, Copy, Debug)]
enum Sized {
    Yes,
    No,
}

fn sized() -> impl Strategy<Value = Sized> {
    prop_oneof![Just(Sized::Yes), Just(Sized::No)]
}

fn read(mut reader: impl Read) -> Result<Vec<u8>, OpenError> {
    let mut content = Vec::new();
    reader.read_to_end(&mut content)?;
    Ok(content)
}

/// What each way of opening says.
fn open(message: &[u8]) -> [Result<Vec<u8>, OpenError>; 3] {
    let opener = Opener::new();
    [
        opener
            .open(message.to_vec(), &password())
            .map(|opened| opened.into_content()),
        opener
            .open_seekable(Cursor::new(message), &password())
            .and_then(read),
        opener
            .open_stream_unverified(message, &password())
            .and_then(read),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_sealed_is_opened(
        octets in sizes(),
        seed in any::<u32>(),
        pieces in prop::collection::vec(1..100_000_usize, 1..4),
        sized in sized(),
        armored in any::<bool>(),
    ) {
        let content = content(octets, seed);
        let sealer = if armored { sealer().armored() } else { sealer() };
        let message = seal(&sealer, &content, &pieces, sized).unwrap();
        for opened in open(&message) {
            prop_assert!(opened.unwrap() == content);
        }
        let opened = Opener::new().open(message, &password()).unwrap();
        prop_assert_eq!(opened.commitment(), Commitment::Bound);
    }

    #[test]
    fn any_bit_flip_in_the_binary_form_fails(
        octets in sizes(),
        sized in sized(),
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let mut message = seal(&sealer(), &content(octets, 0), &[70_000], sized).unwrap();
        let at = at.index(message.len());
        message[at] ^= 1 << bit;
        for opened in open(&message) {
            prop_assert!(opened.is_err(), "octet {} bit {}", at, bit);
        }
    }

    #[test]
    fn any_bit_flip_in_the_armored_form_fails_or_changes_nothing(
        octets in 0..3000_usize,
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let whole = content(octets, 0);
        let mut message = seal(&sealer().armored(), &whole, &[70_000], Sized::Yes).unwrap();
        let at = at.index(message.len());
        message[at] ^= 1 << bit;
        for content in open(&message).into_iter().flatten() {
            prop_assert!(content == whole, "octet {} bit {}", at, bit);
        }
    }

    #[test]
    fn what_is_cut_off_or_cut_out_fails(
        octets in sizes(),
        sized in sized(),
        from in any::<prop::sample::Index>(),
        less in prop_oneof![1..40_usize, Just(65_552)],
    ) {
        let message = seal(&sealer(), &content(octets, 0), &[70_000], sized).unwrap();
        let from = from.index(message.len());
        let to = message.len().min(from + less);
        let cut = [&message[..from], &message[to..]].concat();
        for opened in open(&cut).into_iter().chain(open(&message[..from])) {
            prop_assert!(opened.is_err());
        }
    }

    #[test]
    fn what_an_unverified_stream_gives_is_what_was_sealed_there(
        octets in 0..300_000_usize,
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let whole = content(octets, 0);
        let mut message = seal(&sealer(), &whole, &[70_000], Sized::Yes).unwrap();
        let at = at.index(message.len());
        message[at] ^= 1 << bit;
        if let Ok(mut reader) = Opener::new().open_stream_unverified(&message[..], &password()) {
            let mut given = Vec::new();
            prop_assert!(reader.read_to_end(&mut given).is_err());
            prop_assert!(whole.starts_with(&given) && given.len() < whole.len());
        }
    }

    #[test]
    fn another_password_does_not_open(octets in 0..1000_usize, other in prop::collection::vec(any::<u8>(), 0..20)) {
        prop_assume!(other != b"correct horse");
        let message = seal(&sealer(), &content(octets, 0), &[70_000], Sized::Yes).unwrap();
        let other = Passphrase::from_unprepared_octets(other);
        let opened = Opener::new().open(message, &other);
        prop_assert!(matches!(opened, Err(OpenError::PasswordOrDamage)));
    }

    #[test]
    fn no_octets_make_it_panic(octets in prop::collection::vec(any::<u8>(), 0..400)) {
        for opened in open(&octets) {
            prop_assert!(opened.is_err());
        }
        prop_assert!(Opener::new().inspect(&octets).is_err());
    }

    #[test]
    fn parameters_are_read_as_they_are_written(octets in prop::array::uniform19(any::<u8>())) {
        if let Ok(parameters) = KdfParameters::from_octets(&octets) {
            prop_assert_eq!(parameters.to_octets(), octets);
        }
    }
}
