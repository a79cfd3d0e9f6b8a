//! What a corpus is made of: `HASH:COUNT` lines in the order of the hashes.

use std::io::{self, Read};

use crate::hash::digit;
use crate::{HashKind, PasswordHash};

/// Octets of the longest line: a SHA-1 in hexadecimal, a colon, a count of 64 bits, CRLF.
const LONGEST: usize = 40 + 1 + 20 + 2;
const BUFFER: usize = 1 << 16;

/// The lines of a sorted text, as all hashes are given out in one file: `HASH:COUNT`, ended by LF or CRLF. The last line may
/// lack its end only if nothing is cut: a count that could go on cannot be told from one that is cut, so whoever fetched the
/// text has to know that it is whole.
#[derive(Debug)]
pub struct Lines<R> {
    read: R,
    kind: HashKind,
    buffer: Box<[u8]>,
    /// What of the buffer was read and is not used yet.
    begin: usize,
    end: usize,
    number: u64,
    is_over: bool,
}

/// Why a text is not such a list.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// It cannot be read.
    #[error("the list cannot be read")]
    Io(#[from] io::Error),
    /// A line is something else.
    #[error("line {number} is no hash with its count")]
    Line {
        /// Counted from 1.
        number: u64,
    },
}

impl<R: Read> Lines<R> {
    /// Hashes of this kind.
    pub fn new(kind: HashKind, read: R) -> Self {
        let buffer = vec![0; BUFFER].into_boxed_slice();
        Self {
            read,
            kind,
            buffer,
            begin: 0,
            end: 0,
            number: 0,
            is_over: false,
        }
    }

    /// Reads until a whole line must be there, if there is one.
    fn fill(&mut self) -> io::Result<()> {
        if self.end - self.begin >= LONGEST || self.is_over {
            return Ok(());
        }
        self.buffer.copy_within(self.begin..self.end, 0);
        (self.begin, self.end) = (0, self.end - self.begin);
        while self.end < LONGEST {
            let room = self.buffer.get_mut(self.end..).unwrap_or_default();
            match self.read.read(room) {
                Ok(0) => {
                    self.is_over = true;
                    break;
                }
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// A line, and how many octets it has with its end.
    fn line(&self) -> Option<(PasswordHash, u64, usize)> {
        let rest = self.buffer.get(self.begin..self.end)?;
        let (hex, rest) = rest.split_at_checked(self.kind.hex_len())?;
        let hash = PasswordHash::from_hex(self.kind, str::from_utf8(hex).ok()?)?;
        let rest = rest.strip_prefix(b":")?;
        let digits = rest
            .iter()
            .take_while(|octet| octet.is_ascii_digit())
            .count();
        let mut count = 0_u64;
        for octet in rest.get(..digits)? {
            count = count.checked_mul(10)?.checked_add(digit(*octet)?.into())?;
        }
        let end = match rest.get(digits..)? {
            [b'\n', ..] => 1,
            [b'\r', b'\n', ..] => 2,
            [] if self.is_over => 0,
            _ => return None,
        };
        (digits > 0).then_some((hash, count, self.kind.hex_len() + 1 + digits + end))
    }
}

impl<R: Read> Iterator for Lines<R> {
    type Item = Result<(PasswordHash, u64), LineError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Err(error) = self.fill() {
            (self.is_over, self.begin) = (true, self.end);
            return Some(Err(error.into()));
        }
        if self.begin == self.end {
            return None;
        }
        self.number += 1;
        let Some((hash, count, octets)) = self.line() else {
            (self.is_over, self.begin) = (true, self.end);
            return Some(Err(LineError::Line {
                number: self.number,
            }));
        };
        self.begin += octets;
        Some(Ok((hash, count)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "0000000000000000000000000000000000000001";

    fn counts(text: &str) -> Result<Vec<u64>, String> {
        // By few octets at a time, too.
        struct Drip<'a>(&'a [u8]);
        impl Read for Drip<'_> {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                let n = self.0.len().min(3).min(into.len());
                let (now, later) = self.0.split_at(n);
                into[..n].copy_from_slice(now);
                self.0 = later;
                Ok(n)
            }
        }
        let all = |read: &mut dyn Read| {
            let lines = Lines::new(HashKind::Sha1, read);
            let counts = lines.map(|line| line.map(|(_, count)| count));
            counts
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| error.to_string())
        };
        let whole = all(&mut text.as_bytes());
        assert_eq!(whole, all(&mut Drip(text.as_bytes())));
        whole
    }

    #[test]
    fn lines_are_read_with_either_end() {
        let text = format!("{A}:3\r\n{A}:18446744073709551615\n{A}:0");
        assert_eq!(counts(&text), Ok(vec![3, u64::MAX, 0]));
        assert_eq!(counts(""), Ok(vec![]));
        let many = format!("{A}:12\n").repeat(10_000);
        assert_eq!(counts(&many).map(|all| all.len()), Ok(10_000));
    }

    #[test]
    fn the_line_that_is_none_is_named() {
        let bad = |line: &str| counts(&format!("{A}:1\n{line}\n{A}:2\n"));
        let word = "line 2 is no hash with its count";
        let short = &A[1..];
        for line in [
            "",
            ":",
            A,
            &format!("{A}:"),
            &format!("{A}: 1"),
            &format!("{A}:1 "),
            &format!("{A}:1\r\r"),
            &format!("{A}:-1"),
            &format!("{A}:18446744073709551616"),
            &format!("{short}:1"),
            &format!("{A}0:1"),
            &format!("{short}G:1"),
            &"9".repeat(9000),
        ] {
            assert_eq!(bad(line), Err(word.into()), "{line}");
        }
        assert_eq!(counts(&format!("{A}:1\n\n")), Err(word.into()));
    }
}
