//! How packets begin and how long they are (RFC 9580 §4.2).

use crate::refusal::Refusal;

/// Numbers of packet types (RFC 9580 §5).
pub(crate) mod kind {
    pub(crate) const PUBLIC_KEY_ENCRYPTED: u8 = 1;
    pub(crate) const SESSION_KEY: u8 = 3;
    pub(crate) const COMPRESSED: u8 = 8;
    pub(crate) const ENCRYPTED_WITHOUT_INTEGRITY: u8 = 9;
    pub(crate) const LITERAL: u8 = 11;
    pub(crate) const ENCRYPTED: u8 = 18;
    pub(crate) const ENCRYPTED_DRAFT: u8 = 20;
    pub(crate) const PADDING: u8 = 21;
}

/// The least that a first part may have (RFC 9580 §4.2.1.4).
const FIRST_PART: u64 = 512;

/// The type that a first octet announces.
pub(crate) fn kind_of(octet: u8) -> Result<u8, Refusal> {
    match octet {
        0xc0.. => Ok(octet & 0x3f),
        // RFC 9580 §4.2.2.4: length type 3 is "until the end".
        0x80..=0xbf if octet & 3 == 3 => Err(Refusal::IndeterminateLength),
        0x80..=0xbf => Err(Refusal::LegacyFormat),
        _ => Err(Refusal::NotOpenPgp),
    }
}

/// Why this type has no place before the encrypted data.
pub(crate) fn misplaced_outside(kind: u8) -> Refusal {
    match kind {
        kind::SESSION_KEY => Refusal::SecondSessionKey,
        kind::PUBLIC_KEY_ENCRYPTED => Refusal::PublicKey,
        kind::ENCRYPTED_WITHOUT_INTEGRITY | kind::ENCRYPTED_DRAFT => Refusal::DataVersion,
        _ => Refusal::UnexpectedPacket,
    }
}

/// Why this type has no place inside the encrypted data.
pub(crate) fn misplaced_inside(kind: u8) -> Refusal {
    match kind {
        kind::COMPRESSED => Refusal::Compressed,
        kind::SESSION_KEY
        | kind::PUBLIC_KEY_ENCRYPTED
        | kind::ENCRYPTED_WITHOUT_INTEGRITY
        | kind::ENCRYPTED
        | kind::ENCRYPTED_DRAFT => Refusal::Nested,
        _ => Refusal::UnexpectedPacket,
    }
}

/// How much comes before the next length, if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    /// This much, and the packet is over.
    Last(u64),
    /// This much, and then another length.
    Part(u64),
}

impl Length {
    pub(crate) fn octets(self) -> u64 {
        match self {
            Self::Last(octets) | Self::Part(octets) => octets,
        }
    }

    /// For packets that hold no data.
    pub(crate) fn whole(self) -> Result<u64, Refusal> {
        match self {
            Self::Last(octets) => Ok(octets),
            Self::Part(_) => Err(Refusal::PartialLength),
        }
    }

    /// For the first length of packets that hold data.
    pub(crate) fn first(self) -> Result<Self, Refusal> {
        match self {
            Self::Part(..FIRST_PART) => Err(Refusal::ShortFirstPart),
            other => Ok(other),
        }
    }
}

/// Reads a length octet by octet (RFC 9580 §4.2.1).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum LengthReader {
    #[default]
    First,
    /// The first of two octets was this.
    Second(u8),
    /// Of four octets these, and how many are to come.
    Long(u32, u8),
}

impl LengthReader {
    /// The length, if this was its last octet; nothing is to be read after that.
    pub(crate) fn octet(&mut self, octet: u8) -> Option<Length> {
        let length = match *self {
            Self::First => match octet {
                0..192 => Length::Last(octet.into()),
                192..224 => {
                    *self = Self::Second(octet);
                    return None;
                }
                224..255 => Length::Part(1 << (octet & 0x1f)),
                255 => {
                    *self = Self::Long(0, 4);
                    return None;
                }
            },
            Self::Second(first) => {
                Length::Last(((u64::from(first) - 192) << 8) + u64::from(octet) + 192)
            }
            Self::Long(so_far, left) => {
                let so_far = so_far << 8 | u32::from(octet);
                if left > 1 {
                    *self = Self::Long(so_far, left - 1);
                    return None;
                }
                Length::Last(so_far.into())
            }
        };
        Some(length)
    }
}

/// The octets of a length, and how many of them count: the fewest that say it.
pub(crate) fn write_length(length: u32) -> ([u8; 5], usize) {
    match length {
        0..192 => ([length as u8, 0, 0, 0, 0], 1),
        192..8384 => {
            let [.., high, low] = (length - 192).to_be_bytes();
            ([high + 192, low, 0, 0, 0], 2)
        }
        8384.. => {
            let [a, b, c, d] = length.to_be_bytes();
            ([255, a, b, c, d], 5)
        }
    }
}

/// The octet that announces a part of two to the power of `exponent`.
pub(crate) const fn part(exponent: u8) -> u8 {
    224 + exponent
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(octets: &[u8]) -> Option<Length> {
        let mut reader = LengthReader::default();
        let mut octets = octets.iter();
        let length = octets.find_map(|octet| reader.octet(*octet));
        assert!(octets.next().is_none());
        length
    }

    #[test]
    fn lengths_of_rfc_9580_section_4_2_1() {
        // The examples of RFC 9580 §4.2.1.5.
        assert_eq!(read(&[0x64]), Some(Length::Last(100)));
        assert_eq!(read(&[0xc5, 0xfb]), Some(Length::Last(1723)));
        assert_eq!(read(&[0xff, 0, 1, 0x86, 0xa0]), Some(Length::Last(100_000)));
        assert_eq!(read(&[0xef]), Some(Length::Part(32_768)));
        assert_eq!(read(&[0xe1]), Some(Length::Part(2)));
        assert_eq!(read(&[0xfe]), Some(Length::Part(1 << 30)));
        assert_eq!(read(&[0xf0]), Some(Length::Part(65_536)));
        assert_eq!((read(&[0xc0]), read(&[0xff, 0, 0, 0])), (None, None));
    }

    #[test]
    fn lengths_are_read_as_they_are_written() {
        let edges = [0, 1, 191, 192, 193, 8383, 8384, 8385, 65_536, u32::MAX];
        for length in edges {
            let (octets, used) = write_length(length);
            assert_eq!(read(&octets[..used]), Some(Length::Last(length.into())));
        }
    }

    #[test]
    fn first_parts_are_long_enough() {
        assert_eq!(Length::Part(256).first(), Err(Refusal::ShortFirstPart));
        assert!(Length::Part(512).first().is_ok() && Length::Last(1).first().is_ok());
        assert_eq!(Length::Part(512).whole(), Err(Refusal::PartialLength));
    }

    #[test]
    fn the_legacy_format_is_refused() {
        assert_eq!(kind_of(0xc3), Ok(3));
        assert_eq!(kind_of(0x8c), Err(Refusal::LegacyFormat));
        assert_eq!(kind_of(0x8f), Err(Refusal::IndeterminateLength));
        assert_eq!(kind_of(0x2d), Err(Refusal::NotOpenPgp));
    }
}
