use std::io::{self, BufRead, Read};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{BEGIN, END};
use crate::error::OpenError;
use crate::limits::Limits;
use crate::refusal::Refusal;

/// Octets that a line can decode to, with what was left of the line before.
const DECODED: usize = Limits::MAX_ARMOR_LINE.div_ceil(4) * 3 + 3;

/// Reads an armor line by line. Strict: nothing but white space before it and after it; a checksum is passed over,
/// right or wrong (RFC 9580 §6.1).
#[derive(Debug)]
struct Decoder {
    place: Place,
    /// Characters that make no whole group yet.
    carry: [u8; 4],
    carried: usize,
    headers: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Before,
    Headers,
    Body,
    /// Padding was there: no data may follow.
    Padded,
    /// The checksum was there: only the end may follow.
    Checksum,
    After,
}

impl Decoder {
    fn new() -> Self {
        Self {
            place: Place::Before,
            carry: [0; 4],
            carried: 0,
            headers: 0,
        }
    }

    /// Takes a line, without its end, and says how many octets it decoded to.
    fn line(&mut self, line: &[u8], out: &mut [u8; DECODED]) -> Result<usize, Refusal> {
        if line.len() > Limits::MAX_ARMOR_LINE {
            return Err(Refusal::ArmorLine);
        }
        let line = line.trim_ascii_end();
        match self.place {
            Place::Before => match line {
                BEGIN => self.place = Place::Headers,
                [] => {}
                _ => return Err(Refusal::NotOpenPgp),
            },
            Place::Headers => self.header(line)?,
            Place::Body if !line.starts_with(b"-") && !line.starts_with(b"=") => {
                return self.data(line, out);
            }
            Place::Body | Place::Padded if self.carried == 0 && is_checksum(line) => {
                self.place = Place::Checksum;
            }
            Place::Body if self.carried > 0 && line.starts_with(b"=") => {
                return self.data(line, out);
            }
            Place::Body | Place::Padded | Place::Checksum if self.carried == 0 && line == END => {
                self.place = Place::After;
            }
            Place::After if line.is_empty() => {}
            Place::After => return Err(Refusal::TrailingData),
            _ => return Err(Refusal::Armor),
        }
        Ok(0)
    }

    /// RFC 9580 §6.2.2: a name, a colon, a space, a value; an empty line ends them.
    fn header(&mut self, line: &[u8]) -> Result<(), Refusal> {
        if line.is_empty() {
            self.place = Place::Body;
            return Ok(());
        }
        self.headers += 1;
        if self.headers > Limits::MAX_ARMOR_HEADERS {
            return Err(Refusal::ArmorHeaders);
        }
        let colon = line.iter().position(|octet| *octet == b':');
        match colon.and_then(|at| line.get(at + 1)) {
            Some(b' ') | None if colon.is_some_and(|at| at > 0) => Ok(()),
            _ => Err(Refusal::Armor),
        }
    }

    fn data(&mut self, line: &[u8], out: &mut [u8; DECODED]) -> Result<usize, Refusal> {
        let mut text = [0; Limits::MAX_ARMOR_LINE + 4];
        let carried = self.carry.iter().take(self.carried);
        let mut length = 0;
        for (to, from) in text.iter_mut().zip(carried.chain(line)) {
            *to = *from;
            length += 1;
        }
        let text = text.get(..length).unwrap_or_default();
        let (whole, rest) = text.split_at(length / 4 * 4);
        self.carry = [0; 4];
        self.carry
            .iter_mut()
            .zip(rest)
            .for_each(|(to, from)| *to = *from);
        self.carried = rest.len();
        if whole.ends_with(b"=") {
            if !rest.is_empty() {
                return Err(Refusal::Armor);
            }
            self.place = Place::Padded;
        }
        STANDARD
            .decode_slice(whole, out)
            .map_err(|_| Refusal::Armor)
    }

    fn finish(&self) -> Result<(), Refusal> {
        match self.place {
            Place::After => Ok(()),
            Place::Before => Err(Refusal::NotOpenPgp),
            _ => Err(Refusal::Truncated),
        }
    }
}

/// `=` and four characters.
fn is_checksum(line: &[u8]) -> bool {
    let alphabet = |o: &u8| o.is_ascii_alphanumeric() || matches!(o, b'+' | b'/');
    line.len() == 5 && line.starts_with(b"=") && line.iter().skip(1).all(alphabet)
}

/// Takes the armor off where it is.
pub(crate) fn in_place(message: &mut Vec<u8>) -> Result<(), Refusal> {
    let (mut decoder, mut out) = (Decoder::new(), [0; DECODED]);
    let (mut read, mut written) = (0, 0);
    while let Some(rest) = message.get(read..).filter(|rest| !rest.is_empty()) {
        let end = memchr(rest);
        let (line, next) = match end {
            Some(end) => (end, end + 1),
            None => (rest.len(), rest.len()),
        };
        let decoded = decoder.line(rest.get(..line).unwrap_or_default(), &mut out)?;
        read += next;
        // What is decoded is shorter than what it was decoded from.
        let target = message.get_mut(written..written + decoded);
        let (target, out) = target.zip(out.get(..decoded)).ok_or(Refusal::Armor)?;
        target.copy_from_slice(out);
        written += decoded;
    }
    decoder.finish()?;
    message.truncate(written);
    Ok(())
}

/// The end of the line, looked for no farther than a line may be long.
fn memchr(rest: &[u8]) -> Option<usize> {
    let most = rest.len().min(Limits::MAX_ARMOR_LINE + 2);
    let end = rest.iter().take(most).position(|octet| *octet == b'\n');
    match end {
        None if rest.len() > most => Some(most - 1),
        end => end,
    }
}

/// Takes the armor off while reading.
#[derive(Debug)]
pub(crate) struct ArmorReader<R> {
    inner: R,
    decoder: Decoder,
    line: Vec<u8>,
    out: [u8; DECODED],
    /// What of `out` is still to be given.
    from: usize,
    to: usize,
}

impl<R: BufRead> ArmorReader<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self {
            inner,
            decoder: Decoder::new(),
            line: Vec::new(),
            out: [0; DECODED],
            from: 0,
            to: 0,
        }
    }

    /// Decodes the next line; `false` at the end.
    fn advance(&mut self) -> Result<bool, OpenError> {
        self.line.clear();
        let most = Limits::MAX_ARMOR_LINE as u64 + 2;
        let read = (&mut self.inner)
            .take(most)
            .read_until(b'\n', &mut self.line)?;
        if read == 0 {
            self.decoder.finish()?;
            return Ok(false);
        }
        let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        let decoded = self.decoder.line(line, &mut self.out)?;
        (self.from, self.to) = (0, decoded);
        Ok(true)
    }
}

impl<R: BufRead> Read for ArmorReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        while self.from == self.to {
            if !self.advance()? {
                return Ok(0);
            }
        }
        let ready = self.out.get(self.from..self.to).unwrap_or_default();
        let taken = ready.len().min(out.len());
        if let Some((to, from)) = out.get_mut(..taken).zip(ready.get(..taken)) {
            to.copy_from_slice(from);
        }
        self.from += taken;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::armor::ArmorWriter;
    use std::io::Write;

    fn decode(text: &[u8]) -> Result<Vec<u8>, Refusal> {
        let mut there = text.to_vec();
        let in_place = in_place(&mut there).map(|()| there);
        let mut read = Vec::new();
        let reading = ArmorReader::new(text).read_to_end(&mut read);
        let reading = match reading.map_err(OpenError::from) {
            Ok(_) => Ok(read),
            Err(error) => Err(error.refusal().unwrap()),
        };
        assert_eq!(in_place, reading);
        in_place
    }

    fn armored(body: &str) -> Result<Vec<u8>, Refusal> {
        decode(
            format!("-----BEGIN PGP MESSAGE-----\n\n{body}-----END PGP MESSAGE-----\n").as_bytes(),
        )
    }

    #[test]
    fn what_is_written_is_read() {
        for length in (0..200).chain([6143, 6144, 6145, 100_000]) {
            let octets: Vec<u8> = (0..length).map(|n| (n * 7) as u8).collect();
            for piece in [1, 47, 48, 49, 5000] {
                let mut writer = ArmorWriter::new(Vec::new()).unwrap();
                for piece in octets.chunks(piece) {
                    writer.write_all(piece).unwrap();
                }
                let text = writer.finish().unwrap();
                assert!(text.split(|o| *o == b'\n').all(|line| line.len() <= 64));
                assert_eq!(decode(&text).as_ref(), Ok(&octets));
            }
        }
    }

    #[test]
    fn checksums_are_passed_over_right_or_wrong() {
        for checksum in ["", "=njUN\n", "=AAAA\n"] {
            assert_eq!(
                armored(&format!("aGVsbG8=\n{checksum}")),
                Ok(b"hello".to_vec())
            );
            assert_eq!(armored(&format!("Zm9v\n{checksum}")), Ok(b"foo".to_vec()));
        }
        for wrong in [
            "=AAA\n",
            "=AA=A\n",
            "=AAAA\n=AAAA\n",
            "=AAAA\nZm9v\n",
            "==\n",
        ] {
            assert_eq!(armored(&format!("Zm9v\n{wrong}")), Err(Refusal::Armor));
        }
    }

    #[test]
    fn lines_may_end_anywhere_and_data_nowhere_but_at_the_end() {
        assert_eq!(armored("aGV\nsbG\n8=\n"), Ok(b"hello".to_vec()));
        assert_eq!(armored("aGVsbG8\n=\n"), Ok(b"hello".to_vec()));
        assert_eq!(armored("aGVsbG8=  \r\n"), Ok(b"hello".to_vec()));
        let most = "Zm9v".repeat(Limits::MAX_ARMOR_LINE / 4);
        assert_eq!(armored(&format!("{most}\n")).map(|o| o.len()), Ok(768));
        for wrong in [
            "aGVsbG8\n",
            "aGVsbG8=Zm9v\n",
            "aGVsbG8=\nZm9v\n",
            "aGVsbG9=\n",
            "aG s\n",
            "-\n",
        ] {
            assert_eq!(armored(wrong), Err(Refusal::Armor), "{wrong}");
        }
    }

    #[test]
    fn headers_have_a_form_and_a_limit() {
        let with = |headers: &str| {
            decode(
                format!("-----BEGIN PGP MESSAGE-----\n{headers}\nZm9v\n-----END PGP MESSAGE-----")
                    .as_bytes(),
            )
        };
        assert_eq!(with("Comment: a\r\nVersion:\n"), Ok(b"foo".to_vec()));
        assert_eq!(with("Comment\n"), Err(Refusal::Armor));
        assert_eq!(with(": x\n"), Err(Refusal::Armor));
        assert_eq!(with("a:b\n"), Err(Refusal::Armor));
        assert!(with(&"A: b\n".repeat(Limits::MAX_ARMOR_HEADERS)).is_ok());
        let flood = "A: b\n".repeat(Limits::MAX_ARMOR_HEADERS + 1);
        assert_eq!(with(&flood), Err(Refusal::ArmorHeaders));
        let long = format!("A: {}\n", "b".repeat(Limits::MAX_ARMOR_LINE));
        assert_eq!(with(&long), Err(Refusal::ArmorLine));
    }

    #[test]
    fn nothing_is_before_and_nothing_after() {
        let good = "-----BEGIN PGP MESSAGE-----\n\nZm9v\n-----END PGP MESSAGE-----\n";
        assert!(decode(format!("\n \n{good}\n\r\n").as_bytes()).is_ok());
        assert_eq!(
            decode(format!("x\n{good}").as_bytes()),
            Err(Refusal::NotOpenPgp)
        );
        assert_eq!(
            decode(format!("{good}x").as_bytes()),
            Err(Refusal::TrailingData)
        );
        assert_eq!(
            decode(format!("{good}{good}").as_bytes()),
            Err(Refusal::TrailingData)
        );
        assert_eq!(
            decode(b"-----BEGIN PGP SIGNATURE-----\n\n"),
            Err(Refusal::NotOpenPgp)
        );
        assert_eq!(decode(b""), Err(Refusal::NotOpenPgp));
        for end in 1..good.len() - 1 {
            assert!(decode(&good.as_bytes()[..end]).is_err());
        }
        let flood = vec![b'a'; 1 << 20];
        assert_eq!(decode(&flood), Err(Refusal::ArmorLine));
        let body = [b"-----BEGIN PGP MESSAGE-----\n\n", &flood[..]].concat();
        assert_eq!(decode(&body), Err(Refusal::ArmorLine));
    }
}
