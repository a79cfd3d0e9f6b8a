//! Whole messages: made by the sealer, forged, damaged.

mod commitment;
mod damage;
mod forge;
mod hostile;
mod round_trip;

use std::io::{Cursor, Read, Write};

use crate::armor::ArmorWriter;
use crate::{Commitment, OpenError, Opener, Passphrase, Profile, Sealer};

/// Cheap enough for thousands of messages; no feature is needed inside the crate.
pub(crate) fn cheap() -> Profile {
    crate::KdfParameters::new([0; 16], 1, 1, 3).unwrap().cost()
}

pub(crate) fn password() -> Passphrase {
    Passphrase::from_unprepared_octets("correct horse")
}

pub(crate) fn sealer() -> Sealer {
    Sealer::new().profile(cheap())
}

/// Content that shows when pieces of it are in another place.
pub(crate) fn content(octets: usize) -> Vec<u8> {
    (0_u32..)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
        .take(octets)
        .collect()
}

/// The same message as text.
pub(crate) fn armored(message: &[u8]) -> Vec<u8> {
    let mut writer = ArmorWriter::new(Vec::new()).unwrap();
    writer.write_all(message).unwrap();
    writer.finish().unwrap()
}

type Outcome = Result<(Vec<u8>, Commitment), OpenError>;

/// Opens in every way and sees to it that they agree, on the error, too; says what they say.
pub(crate) fn open_all(opener: &Opener, message: &[u8]) -> Outcome {
    let [in_place, others @ ..] = outcomes(opener, message);
    for other in others {
        match (&in_place, &other) {
            (Ok(one), Ok(other)) => assert!(one == other),
            (Err(one), Err(other)) => assert_eq!(format!("{one:?}"), format!("{other:?}")),
            (one, other) => panic!("in place {:?}, stream {:?}", one.is_ok(), other.is_ok()),
        }
    }
    in_place
}

/// As [`open_all`], where several things are wrong and each way may find another one first.
pub(crate) fn open_any(opener: &Opener, message: &[u8]) -> Outcome {
    let [in_place, others @ ..] = outcomes(opener, message);
    for other in others {
        match (&in_place, &other) {
            (Ok(one), Ok(other)) => assert!(one == other),
            (one, other) => assert_eq!(one.is_ok(), other.is_ok()),
        }
    }
    in_place
}

fn outcomes(opener: &Opener, message: &[u8]) -> [Outcome; 3] {
    let in_place = opener
        .open(message.to_vec(), &password())
        .map(|opened| (opened.content().to_vec(), opened.commitment()));
    let read = |reader: &mut dyn Read| {
        let mut content = Vec::new();
        reader.read_to_end(&mut content).map(|_| content)
    };
    let seekable = opener
        .open_seekable(Cursor::new(message), &password())
        .and_then(|mut reader| {
            let commitment = reader.commitment();
            let content = read(&mut reader)?;
            assert_eq!(reader.content_length(), content.len() as u64);
            Ok((content, commitment))
        });
    let streamed = opener
        .open_stream_unverified(message, &password())
        .and_then(|mut reader| {
            let commitment = reader.commitment();
            Ok((read(&mut reader)?, commitment))
        });
    [in_place, seekable, streamed]
}
