//! What the target says of a copy that has not ended.

use crate::{Error, Key, Version, Versioned};

const FORMAT: u8 = 1;

pub(super) fn key() -> Result<Key, Error> {
    Key::new("record-store.copy", ())
}

/// How far the first walk came.
pub(super) struct Progress {
    pub(super) key: Key,
    pub(super) version: Version,
    pub(super) source: String,
    /// The last key of the source that was looked at; none if a walk begins at the beginning.
    pub(super) after: Option<Key>,
}

impl Progress {
    /// The format, the length of a key in two octets, the key, the source's name.
    pub(super) fn encode(source: &str, after: Option<&Key>) -> Vec<u8> {
        let after = after.map_or(&[][..], Key::as_bytes);
        let length = (after.len() as u16).to_be_bytes(); // at most MAX_KEY
        [&[FORMAT], &length[..], after, source.as_bytes()].concat()
    }

    pub(super) fn decode(key: Key, record: &Versioned) -> Result<Self, Error> {
        let what = "the progress of a copy";
        let corrupt = || Error::Corrupt { what };
        let (&format, rest) = record.value()?.split_first().ok_or_else(corrupt)?;
        if format != FORMAT {
            let (found, known) = (format.into(), FORMAT.into());
            return Err(Error::Format { found, known });
        }
        let (length, rest) = rest.split_first_chunk().ok_or_else(corrupt)?;
        let length = u16::from_be_bytes(*length).into();
        let (after, source) = rest.split_at_checked(length).ok_or_else(corrupt)?;
        Ok(Self {
            key,
            version: record.version(),
            source: String::from_utf8_lossy(source).into_owned(),
            after: match after {
                [] => None,
                after => Some(Key::from_bytes(after)?),
            },
        })
    }
}
