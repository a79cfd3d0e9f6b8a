use std::io::{self, Read, Write};

use super::{content, open_all, password, sealer};
use crate::armor::in_place as take_armor;
use crate::{Commitment, OpenError, Opener, Passphrase, Profile, SealError, Sealer};

/// Contents that make the literal packet, its head included, one octet less than, as much as, and one more than so
/// many chunks; and the smallest.
fn sizes() -> Vec<usize> {
    let mut sizes = vec![0, 1, 185, 186, 8179, 8180, 8191, 8192, 8193];
    for chunks in [1, 2, 3] {
        // The head: six octets of the literal, its type, and one of length; in parts there are more.
        for head in [8, 12, 12 + 8 * chunks] {
            let fits = chunks * Sealer::CHUNK - head;
            sizes.extend([fits - 1, fits, fits + 1]);
        }
    }
    sizes
}

#[test]
fn what_is_sealed_is_opened() {
    for size in sizes() {
        let content = content(size);
        for sealer in [sealer(), sealer().armored()] {
            let sealed = sealer.seal(&content, &password()).unwrap();
            assert_eq!(sealed.receipt().content_length(), size as u64);
            let opened = open_all(&Opener::new(), sealed.message()).unwrap();
            assert!(opened == (content.clone(), Commitment::Bound), "{size}");
            let inspection = Opener::new().inspect(sealed.message()).unwrap();
            assert_eq!(inspection.parameters(), sealed.receipt().parameters());
        }
    }
}

#[test]
fn what_is_streamed_is_opened_however_it_comes() {
    for size in sizes() {
        let content = content(size);
        for piece in [1000, 1 << 20] {
            let mut writer = sealer().start(Vec::new(), &password()).unwrap();
            content
                .chunks(piece)
                .for_each(|piece| writer.write_all(piece).unwrap());
            let (message, receipt) = writer.finish().unwrap();
            assert_eq!(receipt.content_length(), size as u64);
            let opened = open_all(&Opener::new(), &message).unwrap();
            assert!(
                opened == (content.clone(), Commitment::Bound),
                "{size} by {piece}"
            );

            let mut writer = sealer()
                .start_sized(Vec::new(), &password(), size as u64)
                .unwrap();
            content
                .chunks(piece)
                .for_each(|piece| writer.write_all(piece).unwrap());
            let (sized, _) = writer.finish().unwrap();
            let opened = open_all(&Opener::new(), &sized).unwrap();
            assert!(
                opened == (content.clone(), Commitment::Bound),
                "{size} by {piece}"
            );
            assert_eq!(
                sized.len(),
                sealer()
                    .seal(&content, &password())
                    .unwrap()
                    .message()
                    .len()
            );
        }
        let mut message = Vec::new();
        sealer()
            .armored()
            .seal_stream(Trickle(&content, 0), &mut message, &password())
            .unwrap();
        let opened = open_all(&Opener::new(), &message).unwrap();
        assert!(opened.0 == content, "{size}");
    }
}

/// Gives odd amounts, and is interrupted each third time.
struct Trickle<'a>(&'a [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.1 += 1;
        if self.1.is_multiple_of(3) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let most = out.len().min(1 + self.1 * 777 % 5000);
        self.0.read(&mut out[..most])
    }
}

/// The packets are exactly those that are promised, and no octet more.
#[test]
fn the_form_of_a_message() {
    let sealed = sealer().seal(b"hello", &password()).unwrap();
    let message = sealed.message();
    // RFC 9580 §5.3.2: type, length, version, fields, AES-256, GCM, 20 octets of Argon2.
    assert_eq!(message[..8], [0xc3, 85, 6, 35, 9, 3, 20, 4]);
    assert_eq!(message[8..24], *sealed.receipt().parameters().salt());
    assert_eq!(message[24..27], [1, 1, 3]);
    // RFC 9580 §5.13.2: type, length, version, AES-256, GCM, 64 KiB.
    let plain = 1 + 1 + 6 + 5;
    assert_eq!(message[87..93], [0xd2, 36 + plain + 32, 2, 9, 3, 10]);
    assert_eq!(message.len(), 89 + 36 + usize::from(plain) + 32);

    let mut text = sealer()
        .armored()
        .seal(b"hello", &password())
        .unwrap()
        .into_message();
    let lines: Vec<_> = text.split(|octet| *octet == b'\n').collect();
    assert_eq!(lines[..2], [&b"-----BEGIN PGP MESSAGE-----"[..], b""]);
    assert_eq!(
        lines[lines.len() - 2..],
        [&b"-----END PGP MESSAGE-----"[..], b""]
    );
    // RFC 9580 §6.1: no checksum.
    assert!(!lines.iter().any(|line| line.starts_with(b"=")));
    take_armor(&mut text).unwrap();
    assert_eq!(text.len(), message.len());
}

#[test]
fn streams_of_more_than_a_chunk_have_parts_of_powers_of_two() {
    let mut message = Vec::new();
    sealer()
        .seal_stream(&content(200_000)[..], &mut message, &password())
        .unwrap();
    let parts = [
        (88, 16),
        (88 + 1 + 65_536, 5),
        (88 + 2 + 65_536 + 32, 2),
        (88 + 3 + 65_536 + 36, 4),
    ];
    for (at, exponent) in parts {
        assert_eq!(message[at], 224 + exponent, "{at}");
    }
}

#[test]
fn nothing_repeats_between_messages() {
    let seal = || sealer().seal(b"hello", &password()).unwrap();
    let (one, other) = (seal(), seal());
    // Salt of Argon2, nonce, sealed session key, salt of the data, data.
    for range in [8..24, 27..39, 39..87, 93..125, 125..138] {
        assert_ne!(one.message()[range.clone()], other.message()[range]);
    }
    assert_ne!(one.receipt().proof_hash(), other.receipt().proof_hash());
    // The mutation: a generator that repeats itself is seen by this.
    let fixed = || {
        let mut sealer = sealer();
        sealer.random = crate::random::Random::FixedForTests(Default::default());
        sealer.seal(b"hello", &password()).unwrap()
    };
    assert_eq!(fixed().message(), fixed().message());
}

#[test]
fn without_randomness_nothing_is_sealed() {
    let mut sealer = sealer();
    sealer.random = crate::random::Random::BrokenForTests;
    let mut out = Vec::new();
    let error = sealer
        .seal_stream(&b"hello"[..], &mut out, &password())
        .unwrap_err();
    assert!(matches!(error, SealError::NoRandomness) && error.is_temporary());
    assert!(out.is_empty());
}

#[test]
fn short_passwords_do_not_seal() {
    let short = Passphrase::from_unprepared_octets("1234567");
    let error = sealer().seal(b"hello", &short).unwrap_err();
    assert!(matches!(error, SealError::ShortPassphrase) && !error.is_temporary());
    assert_eq!(format!("{short:?}"), "Passphrase(..)");
}

#[test]
fn passwords_that_were_only_mapped_do_not_seal_and_cost_nothing() {
    let mapped = Passphrase::for_opening("correct horse");
    let mut out = Vec::new();
    let (errors, calls) = crate::kdf::calls::during(|| {
        [
            sealer().seal(b"hello", &mapped).map(drop),
            sealer()
                .seal_stream(&b"hello"[..], &mut out, &mapped)
                .map(drop),
            sealer().start(Vec::new(), &mapped).map(drop),
            sealer().start_sized(Vec::new(), &mapped, 5).map(drop),
        ]
    });
    for error in errors.map(Result::unwrap_err) {
        assert!(matches!(error, SealError::UncheckedPassphrase) && !error.is_temporary());
    }
    assert_eq!((out.len(), calls), (0, 0));
    // The same text, checked, seals; and the mapped one opens it.
    let checked = Passphrase::for_sealing("correct horse").unwrap();
    let sealed = sealer().seal(b"hello", &checked).unwrap();
    let opened = Opener::new().open(sealed.into_message(), &mapped).unwrap();
    assert_eq!(opened.content(), b"hello");
}

#[test]
fn announced_lengths_are_kept() {
    for (announced, came) in [(5, 4), (5, 6), (0, 1), (5_000_000_000, 10)] {
        let mut writer = sealer()
            .start_sized(Vec::new(), &password(), announced)
            .unwrap();
        let written = writer.write_all(&content(came));
        let error = match written {
            Ok(()) => writer.finish().unwrap_err(),
            Err(error) => {
                // What failed once gives no message later.
                assert!(writer.finish().is_err());
                error.into()
            }
        };
        assert!(
            matches!(error, SealError::Length),
            "{announced} {came} {error:?}"
        );
    }
}

/// Fails after so many octets.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0 = self
            .0
            .checked_sub(octets.len())
            .ok_or(io::ErrorKind::StorageFull)?;
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_an_error_wherever_it_comes() {
    for room in [0, 50, 100, 70_000, 131_000] {
        let error = sealer().seal_stream(&content(131_000)[..], Full(room), &password());
        let error = error.unwrap_err();
        assert!(matches!(&error, SealError::Io(e) if e.kind() == io::ErrorKind::StorageFull));
        assert!(error.is_temporary());
    }
    assert!(
        sealer()
            .seal_stream(&content(131_000)[..], Full(150_000), &password())
            .is_ok()
    );
}

#[test]
fn the_password_is_stretched_once_and_proves_access() {
    let named = Sealer::new().profile(Profile::LOW_MEMORY);
    let sealed = named.seal(b"hello", &password()).unwrap();
    let opener = Opener::for_links();
    let receipt = *sealed.receipt();
    // The server has parameters and hash; whoever knows the password has the proof.
    let (key, calls) =
        crate::kdf::calls::during(|| opener.derive(receipt.parameters(), &password()));
    let key = key.unwrap();
    assert_eq!(calls, 1);
    assert!(receipt.proof_hash().accepts(key.access_proof()));
    let sent = crate::AccessProof::from_octets(*key.access_proof().octets());
    assert!(receipt.proof_hash().accepts(&sent));
    let other = opener.derive(
        receipt.parameters(),
        &Passphrase::from_unprepared_octets("wrong horse"),
    );
    assert!(
        !receipt
            .proof_hash()
            .accepts(other.as_ref().unwrap().access_proof())
    );
    // The proof is neither the key nor what the session key is sealed with.
    assert_ne!(key.access_proof().octets(), &*key.key);

    let (opened, calls) =
        crate::kdf::calls::during(|| opener.open_with(sealed.message().to_vec(), &key));
    assert_eq!((opened.unwrap().content(), calls), (&b"hello"[..], 0));
    let wrong = opener.open_with(sealed.message().to_vec(), other.as_ref().unwrap());
    assert!(matches!(wrong, Err(OpenError::PasswordOrDamage)));
    let another = named.seal(b"hello", &password()).unwrap().into_message();
    let error = opener.open_with(another, &key).unwrap_err();
    assert_eq!(error.refusal(), Some(crate::Refusal::OtherParameters));
}

#[test]
fn links_take_named_profiles_only() {
    let named = Sealer::new()
        .profile(Profile::LOW_MEMORY)
        .seal(b"hello", &password())
        .unwrap();
    assert!(
        Opener::for_links()
            .open(named.into_message(), &password())
            .is_ok()
    );
    let weak = sealer().seal(b"hello", &password()).unwrap();
    let error = Opener::for_links()
        .open(weak.message().to_vec(), &password())
        .unwrap_err();
    assert_eq!(error.refusal(), Some(crate::Refusal::NoProfile));
    let error = Opener::for_links()
        .derive(weak.receipt().parameters(), &password())
        .unwrap_err();
    assert_eq!(error.refusal(), Some(crate::Refusal::NoProfile));
}
