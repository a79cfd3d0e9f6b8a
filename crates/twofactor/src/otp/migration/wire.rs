//! Protocol Buffers, as far as the payload needs them: variable-length numbers, and fields of octets.
//!
//! What is not known is skipped; groups, which nothing has used for many years, are refused.

/// Not of this encoding: it ends too early, a number is too long, or there is a type that is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'o> {
    Number(u64),
    Octets(&'o [u8]),
    /// Four or eight octets, which the payload has none of.
    Fixed,
}

/// Yields the fields of a message, with their numbers, in their order.
pub(super) struct Reader<'o>(&'o [u8]);

impl<'o> Reader<'o> {
    pub(super) fn new(octets: &'o [u8]) -> Self {
        Self(octets)
    }

    /// The next field; `None` at the end.
    pub(super) fn field(&mut self) -> Result<Option<(u64, Value<'o>)>, Broken> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let key = self.number()?;
        let value = match key & 7 {
            0 => Value::Number(self.number()?),
            1 => self.take(8).map(|_| Value::Fixed)?,
            2 => {
                let length = usize::try_from(self.number()?).map_err(|_| Broken)?;
                Value::Octets(self.take(length)?)
            }
            5 => self.take(4).map(|_| Value::Fixed)?,
            _ => return Err(Broken),
        };
        match key >> 3 {
            0 => Err(Broken),
            field => Ok(Some((field, value))),
        }
    }

    fn number(&mut self) -> Result<u64, Broken> {
        let mut number = 0u64;
        for at in 0..10 {
            let octet = self.take(1)?.first().copied().unwrap_or_default();
            let bits = u64::from(octet & 0x7f);
            // Of the tenth octet, one bit is left.
            if at == 9 && bits > 1 {
                return Err(Broken);
            }
            number |= bits << (7 * at);
            if octet & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Broken)
    }

    fn take(&mut self, length: usize) -> Result<&'o [u8], Broken> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Broken)?;
        self.0 = rest;
        Ok(taken)
    }
}

/// Appends a field with a number.
pub(super) fn push_number(out: &mut Vec<u8>, field: u64, number: u64) {
    push(out, field << 3);
    push(out, number);
}

/// Appends a field of octets.
pub(super) fn push_octets(out: &mut Vec<u8>, field: u64, octets: &[u8]) {
    push(out, field << 3 | 2);
    push(out, octets.len() as u64);
    out.extend_from_slice(octets);
}

fn push(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(octets: &[u8]) -> Result<Vec<(u64, Value<'_>)>, Broken> {
        let mut reader = Reader::new(octets);
        let mut fields = Vec::new();
        while let Some(field) = reader.field()? {
            fields.push(field);
        }
        Ok(fields)
    }

    #[test]
    fn numbers_have_as_many_octets_as_they_need() {
        for number in [0, 1, 127, 128, 300, 1 << 32, u64::MAX] {
            let mut out = Vec::new();
            push_number(&mut out, 7, number);
            assert_eq!(read(&out), Ok(vec![(7, Value::Number(number))]));
        }
        let mut out = Vec::new();
        push_number(&mut out, 1, 150);
        assert_eq!(out, [0x08, 0x96, 0x01]);
        push_octets(&mut out, 2, b"testing");
        assert_eq!(&out[3..], b"\x12\x07testing");
    }

    #[test]
    fn what_is_broken_is_refused() {
        for octets in [
            // No value; no whole value; longer than what is there, by one and by all that there can be.
            &[0x08][..],
            &[0x08, 0x80],
            &[0x12, 2, 1],
            &[
                0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0,
            ],
            // A number of eleven octets, one of 65 bits, field 0, a group, types that do not exist.
            &[
                0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0,
            ],
            &[
                0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 2,
            ],
            &[0x00, 1],
            &[0x0b, 0x0c],
            &[0x0e, 1],
            &[0x0f, 1],
            &[0x0d, 1, 2, 3],
            &[0x09, 1, 2, 3, 4, 5, 6, 7],
        ] {
            assert_eq!(read(octets), Err(Broken), "{octets:?}");
        }
        let fixed = [0x0d, 1, 2, 3, 4, 0x11, 1, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!(read(&fixed), Ok(vec![(1, Value::Fixed), (2, Value::Fixed)]));
    }
}
