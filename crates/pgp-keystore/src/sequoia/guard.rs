//! Between hostile octets and the library: what cannot be what it says it is does not get there, and should the library
//! panic, the octets are at fault and not the program.

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::openpgp;
use openpgp::armor::{Reader, ReaderMode};

use super::import::is_armored;
use crate::Error;

/// RFC 9580 §5.13.1: version, sixteen random octets of which two are repeated, and a modification detection code of
/// twenty-two. What holds less is no container.
const SMALLEST_V1: usize = 1 + 18 + 22;
const SEIP: u8 = 18;

/// Runs a part of the library on octets of others. With `panic = "abort"`, which no server should have, it cannot help.
pub(super) fn guarded<T>(
    wanted: &'static str,
    work: impl FnOnce() -> Result<T, Error>,
) -> Result<T, Error> {
    caught(work).unwrap_or(Err(Error::Malformed { wanted }))
}

/// As [`guarded`], for what is done with a certificate or key that was read.
pub(super) fn doing<T>(
    doing: &'static str,
    work: impl FnOnce() -> Result<T, Error>,
) -> Result<T, Error> {
    caught(work).unwrap_or(Err(Error::Refused { doing }))
}

/// `None` if the library panicked.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    // What it leaves behind is dropped with it, so that nobody sees it: whatever is changed here is a copy, put in place at
    // the end.
    catch_unwind(AssertUnwindSafe(work)).ok()
}

/// The octets within the armor, if there is any.
pub(super) fn dearmored(octets: &[u8]) -> Option<Vec<u8>> {
    if !is_armored(octets) {
        return Some(octets.to_vec());
    }
    caught(|| {
        let mut plain = Vec::new();
        let mut reader = Reader::from_bytes(octets, ReaderMode::Tolerant(None));
        reader.read_to_end(&mut plain).ok()?;
        Some(plain)
    })?
}

/// Whether a container of version 1 is too small to be one.
pub(super) fn is_stump(octets: &[u8]) -> bool {
    let mut rest = octets;
    while let Some((tag, body, after)) = packet(rest) {
        if tag == SEIP {
            return body.version == Some(1) && body.length < SMALLEST_V1;
        }
        rest = after;
    }
    false
}

#[derive(Default)]
struct Body {
    length: usize,
    version: Option<u8>,
}

/// RFC 9580 §4.2: the first packet's type, its body as far as it is there, and what follows.
fn packet(octets: &[u8]) -> Option<(u8, Body, &[u8])> {
    let (&first, mut rest) = octets.split_first()?;
    if first & 0x80 == 0 {
        return None;
    }
    let mut body = Body::default();
    let mut take = |length: usize, rest: &mut &[u8]| {
        let (part, after) = rest.split_at(length.min(rest.len()));
        body.version = body.version.or_else(|| part.first().copied());
        body.length += part.len();
        *rest = after;
    };
    if first & 0x40 == 0 {
        let width = match first & 3 {
            0 => 1,
            1 => 2,
            2 => 4,
            _ => 0,
        };
        let length = match width {
            0 => rest.len(),
            _ => number(&mut rest, width)?,
        };
        take(length, &mut rest);
        return Some(((first >> 2) & 15, body, rest));
    }
    loop {
        let length = match number(&mut rest, 1)? {
            short @ 0..=191 => short,
            high @ 192..=223 => ((high - 192) << 8) + number(&mut rest, 1)? + 192,
            255 => number(&mut rest, 4)?,
            partial => {
                take(1 << (partial & 31), &mut rest);
                continue;
            }
        };
        take(length, &mut rest);
        return Some((first & 63, body, rest));
    }
}

fn number(rest: &mut &[u8], width: usize) -> Option<usize> {
    let (octets, after) = rest.split_at_checked(width)?;
    *rest = after;
    Some(
        octets
            .iter()
            .fold(0, |number, octet| number << 8 | usize::from(*octet)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error() {
        let caught = guarded("a message", || -> Result<(), Error> {
            let none: Option<()> = None;
            none.ok_or(Error::NotEncrypted).unwrap();
            Ok(())
        });
        assert_eq!(
            caught,
            Err(Error::Malformed {
                wanted: "a message"
            })
        );
        assert_eq!(guarded("a message", || Ok(1)), Ok(1));
        let caught = doing("signing", || -> Result<(), Error> {
            panic!("in the library")
        });
        assert_eq!(caught, Err(Error::Refused { doing: "signing" }));
        assert_eq!(doing("signing", || Ok(1)), Ok(1));
    }

    #[test]
    fn a_stump_is_found_in_each_form_of_length() {
        let container = |header: &[u8], body: usize| {
            let session_key = [0x84, 2, 3, 0];
            [&session_key[..], header, &vec![1; body]].concat()
        };
        assert!(is_stump(&container(&[0xc0 | 18, 40], 40)));
        assert!(!is_stump(&container(&[0xc0 | 18, 41], 41)));
        // It says 41, but less is there.
        assert!(is_stump(&container(&[0xc0 | 18, 41], 20)));
        assert!(is_stump(&container(&[0xc0 | 18, 255, 0, 0, 0, 40], 40)));
        assert!(!is_stump(&container(&[0xc0 | 18, 192, 0], 192)));
        // A partial length of 32, then 9 or 8 more.
        let parts = |last: u8| {
            [
                vec![0xc0 | 18, 0xe5],
                vec![1; 32],
                vec![last],
                vec![1; last.into()],
            ]
        };
        assert!(!is_stump(&parts(9).concat()));
        assert!(is_stump(&parts(8).concat()));
        // Version 2 is another matter.
        assert!(!is_stump(&[0xc0 | 18, 1, 2]));
        assert!(!is_stump(b"") && !is_stump(b"text"));
    }
}
