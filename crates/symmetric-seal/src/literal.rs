//! What is inside the encryption: one literal data packet (RFC 9580 §5.9), and padding after it (RFC 9580 §5.14).

use crate::packet::{self, Length, LengthReader, kind, kind_of};
use crate::refusal::Refusal;

/// The content of a literal data packet before the data: binary, no name, no date.
pub(crate) const LITERAL_HEAD: [u8; 6] = [b'b', 0, 0, 0, 0, 0];

/// The first octet of a literal data packet.
pub(crate) const LITERAL: u8 = 0xc0 | kind::LITERAL;

/// What the next octets are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Content(usize),
    Other(usize),
}

impl Step {
    pub(crate) fn octets(self) -> usize {
        match self {
            Self::Content(octets) | Self::Other(octets) => octets,
        }
    }
}

/// Where the reader is.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// At the first octet of a packet.
    Packet,
    /// In a length; whether it is the packet's first.
    Length(LengthReader, First),
    /// In the packet.
    Inside,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    Yes,
    No,
}

/// What of a literal data packet is before the data.
#[derive(Clone, Copy, Debug)]
enum Field {
    Format,
    NameLength,
    /// So many octets of the name and the date are to come.
    NameAndDate(u16),
    Content,
}

/// Reads plaintext as it comes and says which of it is content.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    place: Place,
    /// Of the literal data; padding comes when it is over.
    literal: Literal,
    field: Field,
    /// What is left of the packet or its part, and whether another part follows.
    left: Length,
    /// Octets of content so far.
    content: u64,
    max: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Literal {
    Expected,
    Begun,
    Over,
}

impl Reader {
    /// For content of at most so many octets.
    pub(crate) fn new(max: u64) -> Self {
        Self {
            place: Place::Packet,
            literal: Literal::Expected,
            field: Field::Format,
            left: Length::Last(0),
            content: 0,
            max,
        }
    }

    /// Takes the next octets of plaintext, of which there must be one at least, and says how many it took and what
    /// they are.
    pub(crate) fn step(&mut self, plain: &[u8]) -> Result<Step, Refusal> {
        let Some(octet) = plain.first() else {
            return Ok(Step::Other(0));
        };
        match self.place {
            Place::Packet => self.begin(kind_of(*octet)?)?,
            Place::Length(mut reader, first) => match reader.octet(*octet) {
                Some(length) => self.length(length, first)?,
                None => self.place = Place::Length(reader, first),
            },
            Place::Inside => {
                let left = usize::try_from(self.left.octets());
                let here = left.map_or(plain.len(), |left| left.min(plain.len()));
                let step = self.inside(*octet, here)?;
                self.take(step.octets())?;
                return Ok(step);
            }
        }
        Ok(Step::Other(1))
    }

    /// Inside a packet, of which so many octets are here.
    fn inside(&mut self, octet: u8, here: usize) -> Result<Step, Refusal> {
        if self.literal == Literal::Over {
            return Ok(Step::Other(here));
        }
        match self.field {
            Field::Content => {
                self.count(here)?;
                return Ok(Step::Content(here));
            }
            Field::NameAndDate(to_come) => {
                let taken = here.min(to_come.into());
                self.field = match usize::from(to_come) - taken {
                    0 => Field::Content,
                    less => Field::NameAndDate(less as u16),
                };
                return Ok(Step::Other(taken));
            }
            // RFC 9580 §5.9: binary, UTF-8, text.
            Field::Format if matches!(octet, b'b' | b'u' | b't') => self.field = Field::NameLength,
            Field::Format => return Err(Refusal::Literal),
            Field::NameLength => self.field = Field::NameAndDate(u16::from(octet) + 4),
        }
        Ok(Step::Other(1))
    }

    /// Octets of content so far.
    pub(crate) fn content(&self) -> u64 {
        self.content
    }

    /// The plaintext is over.
    pub(crate) fn finish(&self) -> Result<(), Refusal> {
        match (self.place, self.literal) {
            (Place::Packet, Literal::Over) => Ok(()),
            _ => Err(Refusal::Truncated),
        }
    }

    fn begin(&mut self, kind: u8) -> Result<(), Refusal> {
        match (self.literal, kind) {
            (Literal::Expected, kind::LITERAL) => self.literal = Literal::Begun,
            (Literal::Over, kind::PADDING) => {}
            (_, kind) => return Err(packet::misplaced_inside(kind)),
        }
        self.place = Place::Length(LengthReader::default(), First::Yes);
        Ok(())
    }

    fn length(&mut self, length: Length, first: First) -> Result<(), Refusal> {
        self.left = match (self.literal, first) {
            (Literal::Over, _) => Length::Last(length.whole()?),
            (_, First::Yes) => length.first()?,
            (_, First::No) => length,
        };
        self.place = Place::Inside;
        self.take(0)
    }

    /// So many octets of the part were taken.
    fn take(&mut self, taken: usize) -> Result<(), Refusal> {
        let taken = taken as u64;
        self.left = match self.left {
            Length::Last(left) => Length::Last(left.saturating_sub(taken)),
            Length::Part(left) => Length::Part(left.saturating_sub(taken)),
        };
        match self.left {
            Length::Part(0) => self.place = Place::Length(LengthReader::default(), First::No),
            Length::Last(0) => {
                if self.literal == Literal::Begun {
                    if !matches!(self.field, Field::Content) {
                        return Err(Refusal::Literal);
                    }
                    self.literal = Literal::Over;
                }
                self.place = Place::Packet;
            }
            _ => {}
        }
        Ok(())
    }

    fn count(&mut self, octets: usize) -> Result<(), Refusal> {
        self.content = self.content.saturating_add(octets as u64);
        match self.content > self.max {
            true => Err(Refusal::PlaintextTooLong),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(plain: &[u8]) -> Result<Vec<u8>, Refusal> {
        let whole = read_in(plain, plain.len().max(1))?;
        // However it comes, it is the same.
        for size in 1..plain.len().min(20) {
            assert_eq!(read_in(plain, size).as_ref(), Ok(&whole));
        }
        Ok(whole)
    }

    fn read_in(plain: &[u8], size: usize) -> Result<Vec<u8>, Refusal> {
        let (mut reader, mut out) = (Reader::new(4000), Vec::new());
        for piece in plain.chunks(size) {
            let mut rest = piece;
            while !rest.is_empty() {
                let step = reader.step(rest)?;
                let (taken, after) = rest.split_at(step.octets());
                if let Step::Content(_) = step {
                    out.extend(taken);
                }
                rest = after;
            }
        }
        reader.finish()?;
        Ok(out)
    }

    fn literal(content: &[u8]) -> Vec<u8> {
        let (length, used) = packet::write_length((6 + content.len()) as u32);
        [&[LITERAL], &length[..used], &LITERAL_HEAD, content].concat()
    }

    #[test]
    fn the_content_of_one_literal_packet() {
        for length in [0, 1, 185, 186, 3000] {
            assert_eq!(read(&literal(&vec![7; length])), Ok(vec![7; length]));
        }
        let named = b"\xcb\x0bt\x03a.bDATEhe";
        assert_eq!(read(&named[..named.len() - 1]), Err(Refusal::Truncated));
        assert_eq!(read(named), Ok(b"he".to_vec()));
        assert_eq!(read(b"\xcb\x06b\x00DATE"), Ok(vec![]));
    }

    #[test]
    fn parts_are_put_together() {
        let first = [&[0xcb, 0xe9][..], &LITERAL_HEAD, &[1; 506]].concat();
        let plain = [&first[..], &[0xe1, 2, 2], &[0xe0, 3], &[3, 4, 4, 4]].concat();
        let all = [&[1; 506][..], &[2, 2, 3, 4, 4, 4]].concat();
        assert_eq!(read(&plain), Ok(all));
        // The last part may be empty, and must be there.
        assert_eq!(read(&[&first[..], &[0]].concat()), Ok(vec![1; 506]));
        assert_eq!(read(&first), Err(Refusal::Truncated));
    }

    #[test]
    fn padding_may_follow_and_nothing_else() {
        let with = |after: &[u8]| read(&[literal(b"hi"), after.to_vec()].concat());
        assert_eq!(with(&[0xd5, 3, 9, 9, 9, 0xd5, 0]), Ok(b"hi".to_vec()));
        assert_eq!(with(&[0xd5, 3, 9, 9]), Err(Refusal::Truncated));
        assert_eq!(with(&[0xd5]), Err(Refusal::Truncated));
        assert_eq!(with(&[0xd5, 0xe9]), Err(Refusal::PartialLength));
        assert_eq!(with(&literal(b"hi")), Err(Refusal::UnexpectedPacket));
        assert_eq!(
            with(&[0xca, 3, b'P', b'G', b'P']),
            Err(Refusal::UnexpectedPacket)
        );
        assert_eq!(with(&[0]), Err(Refusal::NotOpenPgp));
        let before = [&[0xd5, 0][..], &literal(b"hi")].concat();
        assert_eq!(read(&before), Err(Refusal::UnexpectedPacket));
    }

    #[test]
    fn what_is_no_literal_packet_is_refused() {
        assert_eq!(read(&[]), Err(Refusal::Truncated));
        assert_eq!(read(&[0xc8, 1, 0]), Err(Refusal::Compressed));
        for nested in [0xc1, 0xc3, 0xc9, 0xd2, 0xd4] {
            assert_eq!(read(&[nested, 1, 0]), Err(Refusal::Nested));
        }
        assert_eq!(read(&[0xc4, 1, 0]), Err(Refusal::UnexpectedPacket));
        assert_eq!(read(&[0xac, 1, 0]), Err(Refusal::LegacyFormat));
        assert_eq!(read(&[0xaf, 0]), Err(Refusal::IndeterminateLength));
        assert_eq!(read(&[0xcb, 0xe8]), Err(Refusal::ShortFirstPart));
        // Too short for its own fields, or of a kind that there is not.
        for short in [
            &b"\xcb\x00"[..],
            b"\xcb\x01b",
            b"\xcb\x05b\x00DAT",
            b"\xcb\x06b\x01DATE",
        ] {
            assert_eq!(read(short), Err(Refusal::Literal), "{short:?}");
        }
        assert_eq!(read(b"\xcb\x06l\x00DATE"), Err(Refusal::Literal));
    }

    #[test]
    fn content_has_a_limit() {
        assert!(read(&literal(&[0; 4000])).is_ok());
        assert_eq!(read(&literal(&[0; 4001])), Err(Refusal::PlaintextTooLong));
    }
}
