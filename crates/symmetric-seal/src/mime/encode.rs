//! Encodings of headers and bodies.

use std::fmt::Write as _;
use std::io::{self, Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Octets of a line of base64 before they are encoded: 76 characters (RFC 2045 §6.8).
const LINE: usize = 57;
const CRLF: &str = "\r\n";

/// A field of free text, folded: as it is if it is plain ASCII, in encoded words otherwise.
pub(super) fn unstructured(field: &str, text: &str, out: &mut String) {
    out.push_str(field);
    out.push_str(": ");
    if is_plain(text) {
        let mut column = field.len() + 2;
        for (at, word) in text.split(' ').enumerate() {
            if at > 0 && column + 1 + word.len() > 76 {
                out.push_str(CRLF);
                column = 0;
            }
            if at > 0 {
                out.push(' ');
                column += 1;
            }
            out.push_str(word);
            column += word.len();
        }
    } else {
        encoded_words(text, out);
    }
    out.push_str(CRLF);
}

/// The name before an address (RFC 5322 §3.2.5).
pub(super) fn phrase(text: &str, out: &mut String) {
    if is_plain(text) && text.len() <= 60 {
        out.push('"');
        for c in text.chars() {
            if matches!(c, '"' | '\\') {
                out.push('\\');
            }
            out.push(c);
        }
        out.push('"');
    } else {
        encoded_words(text, out);
    }
}

/// ASCII that can be folded between its words and reads back as it was; and nothing in it looks like an encoded word,
/// or a mail program would decode it.
fn is_plain(text: &str) -> bool {
    let words = text
        .split(' ')
        .all(|word| !word.is_empty() && word.len() <= 60);
    words && text.chars().all(|c| c.is_ascii_graphic() || c == ' ') && !text.contains("=?")
}

/// RFC 2047 §2: an encoded word has at most 75 characters, and its line 76; each holds whole characters (§5).
fn encoded_words(text: &str, out: &mut String) {
    let mut rest = text;
    loop {
        // 52 characters of base64: with the frame of 12 and the name of a field there are no more than 76.
        let word = up_to(rest, 39);
        rest = rest.get(word.len()..).unwrap_or_default();
        let _ = write!(out, "=?utf-8?B?{}?=", STANDARD.encode(word));
        if rest.is_empty() {
            return;
        }
        out.push_str("\r\n ");
    }
}

/// As many whole characters as fit.
fn up_to(text: &str, octets: usize) -> &str {
    let end = (0..=octets.min(text.len()))
        .rev()
        .find(|&end| text.is_char_boundary(end));
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}

/// A parameter, on a line of its own: quoted if it is plain, by RFC 2231 §4 otherwise, in pieces if it is long (§3).
pub(super) fn parameter(name: &str, value: &str, out: &mut String) {
    out.push_str(";\r\n ");
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\\') || c == ' ';
    if value.len() <= 60 && value.chars().all(plain) && !value.contains("=?") {
        let _ = write!(out, "{name}=\"{value}\"");
        return;
    }
    let mut pieces = vec![String::from("utf-8''")];
    for c in value.chars() {
        let mut coded = String::new();
        for &octet in c.encode_utf8(&mut [0; 4]).as_bytes() {
            // RFC 2231 §7: attribute-char.
            let legal = octet.is_ascii_alphanumeric() || b"!#$&+-.^_`{|}~".contains(&octet);
            match legal {
                true => coded.push(octet.into()),
                false => _ = write!(coded, "%{octet:02X}"),
            }
        }
        // Whole characters: there are readers that decode each piece by itself.
        match pieces.last_mut() {
            Some(piece) if piece.len() + coded.len() <= 54 => piece.push_str(&coded),
            _ => pieces.push(coded),
        }
    }
    if let [whole] = &*pieces {
        let _ = write!(out, "{name}*={whole}");
        return;
    }
    for (at, piece) in pieces.iter().enumerate() {
        if at > 0 {
            out.push_str(";\r\n ");
        }
        let _ = write!(out, "{name}*{at}*={piece}");
    }
}

/// A body of text, with the fields that say what it is.
pub(super) fn text(kind: &str, text: &str, out: &mut impl Write) -> io::Result<()> {
    let text = lines(text);
    let foreign = text.bytes().filter(|octet| !octet.is_ascii()).count();
    // Where most of it would be escaped, base64 is shorter.
    let coding = match foreign * 6 > text.len() {
        true => "base64",
        false => "quoted-printable",
    };
    write!(
        out,
        "Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: {coding}\r\n\r\n"
    )?;
    match coding {
        "base64" => base64(&mut text.as_bytes(), out),
        _ => out.write_all(quoted_printable(&text).as_bytes()),
    }
}

/// With CRLF at the end of each line, whatever it was.
fn lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines = text.replace('\n', CRLF);
    if !lines.ends_with(CRLF) {
        lines.push_str(CRLF);
    }
    lines
}

/// RFC 2045 §6.7, in lines of at most 76. A line that begins with a dot or with `From ` is safe from programs that
/// take it for something else.
fn quoted_printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for line in text.split_inclusive(CRLF) {
        let line = line.strip_suffix(CRLF).unwrap_or(line).as_bytes();
        let risky = line.starts_with(b".") || line.starts_with(b"From ");
        let mut column = 0;
        for (at, &octet) in line.iter().enumerate() {
            let last = at + 1 == line.len();
            let blank = matches!(octet, b' ' | b'\t');
            let legal = (octet.is_ascii_graphic() && octet != b'=') || (blank && !last);
            let literal = legal && !(at == 0 && risky);
            let width = if literal { 1 } else { 3 };
            // The last column is for the sign that the line goes on.
            if column + width > if last { 76 } else { 75 } {
                out.push_str("=\r\n");
                column = 0;
            }
            match literal {
                true => out.push(octet.into()),
                false => _ = write!(out, "={octet:02X}"),
            }
            column += width;
        }
        out.push_str(CRLF);
    }
    out
}

/// RFC 2045 §6.8, read and written in pieces.
pub(super) fn base64(from: &mut dyn Read, out: &mut impl Write) -> io::Result<()> {
    const LINES: usize = 512;
    let mut octets = vec![0; LINE * LINES];
    let mut text = String::with_capacity(LINES * 78);
    loop {
        let filled = fill(from, &mut octets)?;
        text.clear();
        for line in octets.get(..filled).unwrap_or_default().chunks(LINE) {
            STANDARD.encode_string(line, &mut text);
            text.push_str(CRLF);
        }
        out.write_all(text.as_bytes())?;
        if filled < octets.len() {
            return Ok(());
        }
    }
}

/// As much as there is, so that only the last line is shorter than others.
fn fill(from: &mut dyn Read, octets: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = octets.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_printable_is_that_of_the_rfc() {
        for (text, coded) in [
            ("a = b\r\n", "a =3D b\r\n"),
            ("blank \r\ntab\t\r\n", "blank=20\r\ntab=09\r\n"),
            ("ä\r\n", "=C3=A4\r\n"),
            (".\r\nFrom me\r\nFrom\r\n", "=2E\r\n=46rom me\r\nFrom\r\n"),
            ("\r\n\r\n", "\r\n\r\n"),
        ] {
            assert_eq!(quoted_printable(text), coded);
        }
        let seventy_six = "a".repeat(76);
        assert_eq!(
            quoted_printable(&format!("{seventy_six}\r\n")),
            format!("{seventy_six}\r\n")
        );
        let more = quoted_printable(&format!("{seventy_six}b\r\n"));
        assert_eq!(more, format!("{}=\r\nab\r\n", "a".repeat(75)));
    }

    #[test]
    fn readers_that_give_little_make_the_same_lines() {
        struct Slow<'a>(&'a [u8]);
        impl Read for Slow<'_> {
            fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
                let (some, rest) = self.0.split_at(self.0.len().min(7).min(out.len()));
                self.0 = rest;
                out[..some.len()].copy_from_slice(some);
                Ok(some.len())
            }
        }
        for size in [0, 1, 56, 57, 58, LINE * 512, LINE * 512 + 1] {
            let octets = vec![0xA5; size];
            let (mut slow, mut fast) = (Vec::new(), Vec::new());
            base64(&mut Slow(&octets), &mut slow).unwrap();
            base64(&mut &octets[..], &mut fast).unwrap();
            assert!(slow == fast, "{size}");
            let text = String::from_utf8(fast).unwrap();
            assert!(text.lines().rev().skip(1).all(|line| line.len() == 76));
            assert_eq!(STANDARD.decode(text.replace(CRLF, "")).unwrap(), octets);
        }
    }
}
