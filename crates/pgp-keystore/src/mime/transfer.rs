//! Transfer encodings (RFC 2045 §6).

use base64::Engine;
use base64::engine::general_purpose::{GeneralPurpose, STANDARD};
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};

use super::lines::{lines, trim_end};
use super::{Fault, Field};

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// RFC 5322 §2.1.1: "MUST be no more than 998 characters".
const MAX_LINE: usize = 998;
/// RFC 2045 §6.7 and §6.8: most characters of a line.
const ENCODED_LINE: usize = 76;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// `7bit`, `8bit` or `binary`: none.
    Identity,
    QuotedPrintable,
    Base64,
}

impl Encoding {
    pub(super) fn parse(field: Option<&Field<'_>>) -> Result<Self, Fault> {
        let Some(field) = field else {
            return Ok(Self::Identity);
        };
        let value = super::field::unfolded(field.value);
        let value = String::from_utf8_lossy(&value).to_ascii_lowercase();
        // A comment may follow.
        match value.split(['(', ' ', ';']).next() {
            Some("7bit" | "8bit" | "binary") => Ok(Self::Identity),
            Some("quoted-printable") => Ok(Self::QuotedPrintable),
            Some("base64") => Ok(Self::Base64),
            _ => Err(Fault::Encoding),
        }
    }

    pub(super) fn decode(self, body: &[u8]) -> Result<Vec<u8>, Fault> {
        match self {
            Self::Identity => Ok(body.to_vec()),
            Self::QuotedPrintable => Ok(from_quoted_printable(body)),
            Self::Base64 => from_base64(body).ok_or(Fault::Encoding),
        }
    }

    /// With this one, and the field that says so.
    pub(super) fn encode(self, content: &[u8]) -> (&'static [u8], Vec<u8>) {
        match self {
            Self::Identity => (b"Content-Transfer-Encoding: 7bit\r\n", content.to_vec()),
            Self::QuotedPrintable => (
                b"Content-Transfer-Encoding: quoted-printable\r\n",
                to_quoted_printable(content),
            ),
            Self::Base64 => (
                b"Content-Transfer-Encoding: base64\r\n",
                to_base64(content, ENCODED_LINE),
            ),
        }
    }
}

/// Whether relays leave it as it is: 7 bits, short lines, no blanks at their ends and no `From ` at their beginnings
/// (RFC 3156 §3 and §5). Lines end with CRLF only, or `canonical` would have said so.
pub(super) fn is_sturdy(body: &[u8]) -> bool {
    survives(body)
        && lines(body).all(|line| {
            trim_end(line.text).len() == line.text.len() && !line.text.starts_with(b"From ")
        })
}

/// 7 bits and short lines, without which nothing arrives.
pub(super) fn survives(body: &[u8]) -> bool {
    body.is_ascii()
        && lines(body).all(|line| {
            line.text.len() <= MAX_LINE && !line.text.iter().any(|o| matches!(o, 0 | b'\r' | b'\n'))
        })
}

pub(super) fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    let blank = |octet: &u8| matches!(octet, b' ' | b'\t' | b'\r' | b'\n');
    let text: Vec<u8> = text.iter().copied().filter(|octet| !blank(octet)).collect();
    LENIENT.decode(text).ok()
}

/// In lines of so many characters, each ended.
pub(super) fn to_base64(content: &[u8], width: usize) -> Vec<u8> {
    let text = STANDARD.encode(content);
    let mut out = Vec::with_capacity(text.len() + text.len() / 32);
    for line in text.as_bytes().chunks(width.max(1)) {
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// RFC 2045 §6.7: what is wrong in it stands for itself.
fn from_quoted_printable(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    for line in lines(body) {
        // Rule (3): blanks at the end were added by relays.
        let text = trim_end(line.text);
        let (text, soft) = match text.strip_suffix(b"=") {
            Some(text) => (text, true),
            None => (text, false),
        };
        let mut rest = text;
        while let Some((&octet, after)) = rest.split_first() {
            rest = after;
            let code = (octet == b'=').then(|| after.get(..2)).flatten();
            let code = code.and_then(|code| str::from_utf8(code).ok());
            let code = code.filter(|code| code.bytes().all(|d| d.is_ascii_hexdigit()));
            match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
                Some(decoded) => {
                    out.push(decoded);
                    rest = after.get(2..).unwrap_or_default();
                }
                None => out.push(octet),
            }
        }
        let ended = line.next > line.start + line.text.len();
        if ended && !soft {
            out.extend_from_slice(b"\r\n");
        }
    }
    out
}

/// With lines that end with CRLF as lines, and `From ` out of the way.
fn to_quoted_printable(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + content.len() / 4);
    let mut column = 0_usize;
    let mut at = 0;
    while let Some(&octet) = content.get(at) {
        let rest = content.get(at..).unwrap_or_default();
        if rest.starts_with(b"\r\n") {
            out.extend_from_slice(b"\r\n");
            (column, at) = (0, at + 2);
            continue;
        }
        let last = matches!(rest.get(1..), None | Some([]) | Some([b'\r', b'\n', ..]));
        let plain = match octet {
            b'=' => false,
            b' ' | b'\t' => !last,
            b'F' => column > 0 || !rest.starts_with(b"From "),
            // Alone on a line it would end a message in SMTP.
            b'.' => column > 0,
            33..=126 => true,
            _ => false,
        };
        let width = if plain { 1 } else { 3 };
        // Room for the `=` of a soft break.
        if column + width > ENCODED_LINE - 1 {
            out.extend_from_slice(b"=\r\n");
            column = 0;
            // What is at the beginning of a line now may have to be written otherwise.
            continue;
        }
        match plain {
            true => out.push(octet),
            false => out.extend_from_slice(format!("={octet:02X}").as_bytes()),
        }
        (column, at) = (column + width, at + 1);
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quoted_printable_is_read_as_others_write_it() {
        for (text, content) in [
            (&b"a=3Db=\r\nc \r\n"[..], &b"a=bc\r\n"[..]),
            (b"=e4=E4", b"\xe4\xe4"),
            (b"a=  \r\nb", b"ab"),
            (b"=4 =zz =", b"=4 =zz "),
        ] {
            assert_eq!(from_quoted_printable(text), content);
        }
        assert_eq!(from_base64(b"YQ\r\n=="), Some(b"a".to_vec()));
        assert_eq!(from_base64(b"YQ"), Some(b"a".to_vec()));
        assert_eq!(from_base64(b"Y!=="), None);
    }

    #[test]
    fn what_relays_change_is_not_sturdy() {
        assert!(is_sturdy(b"Dear Bob,\r\n\r\n>From me\r\n"));
        for bad in [&b"a \r\n"[..], b"a\t", b"\r\nFrom me", b"\xc3\xa4", b"a\0"] {
            assert!(!is_sturdy(bad), "{bad:?}");
        }
        assert!(!is_sturdy(&[b'a'; MAX_LINE + 1]));
        assert!(is_sturdy(&[b'a'; MAX_LINE]));
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_sturdy_and_reads_back(
            content in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..300),
                prop::collection::vec(
                    prop::sample::select(b"F\r\n =.From \tx\xff".to_vec()), 0..300),
            ],
        ) {
            for encoding in [Encoding::QuotedPrintable, Encoding::Base64] {
                let (_, encoded) = encoding.encode(&content);
                prop_assert!(is_sturdy(&encoded), "{:?}", String::from_utf8_lossy(&encoded));
                prop_assert!(lines(&encoded).all(|line| line.text.len() <= ENCODED_LINE));
                prop_assert_eq!(encoding.decode(&encoded).unwrap(), content.clone());
            }
        }
    }
}
