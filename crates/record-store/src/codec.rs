//! How a record is written down where a store keeps bytes. Every record begins with its format version.

use crate::Error;
use crate::record::{Body, ChunkId, MAX_VALUE, Manifest};

/// The format that this release writes; it reads all from 1 on.
pub(crate) const FORMAT: u8 = 1;
const INLINE: u8 = 0;
const LARGE: u8 = 1;

/// The octets by which [`manifest`] judges: one more than any manifest has.
pub(crate) const HEAD: usize = 2 + size_of::<ChunkId>() + size_of::<u64>() + 1;

impl Body {
    /// Format 1: the octet 1; then the octet 0 and the value, or the octet 1, 16 octets of chunk identity and the
    /// size in eight octets, most significant first.
    pub(crate) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Inline(value) => [&[FORMAT, INLINE], &**value].concat(),
            Self::Large(manifest) => [
                &[FORMAT, LARGE][..],
                &manifest.id,
                &manifest.size.to_be_bytes(),
            ]
            .concat(),
        }
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let corrupt = Error::Corrupt { what: "a record" };
        match bytes {
            [FORMAT, INLINE, value @ ..] if value.len() <= MAX_VALUE => {
                Ok(Self::Inline(value.into()))
            }
            _ => manifest(bytes)?.map(Self::Large).ok_or(corrupt),
        }
    }
}

/// The manifest of a record of which the first [`HEAD`] octets are given.
///
/// A damaged record has none, so that it can be overwritten. One of a later release may have one that this release
/// cannot know, so it must not be.
pub(crate) fn manifest(head: &[u8]) -> Result<Option<Manifest>, Error> {
    match head {
        [FORMAT, LARGE, fields @ ..] => Ok(fields.split_first_chunk().and_then(|(id, size)| {
            let size = u64::from_be_bytes(size.try_into().ok()?);
            Some(Manifest { id: *id, size })
        })),
        [] | [0..=FORMAT, ..] => Ok(None),
        [newer, ..] => Err(Error::Format {
            found: u32::from(*newer),
            known: u32::from(FORMAT),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_and_newer_records_are_told_apart() {
        for bytes in [
            &[][..],
            &[0],
            &[1],
            &[1, 2],
            &[1, 1, 9],
            &[[1, 0].as_slice(), &[7; MAX_VALUE + 1]].concat(),
        ] {
            assert!(matches!(Body::decode(bytes), Err(Error::Corrupt { .. })));
        }
        assert!(matches!(
            Body::decode(&[2, 0]),
            Err(Error::Format { found: 2, known: 1 })
        ));
    }
}
