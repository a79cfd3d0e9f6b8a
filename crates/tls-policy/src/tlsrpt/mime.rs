//! As much of MIME as a report's mail needs (RFC 2045, RFC 2046), on octets of strangers. All of it
//! takes time in proportion to the octets.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Most fields of a header, and most parts of a body.
const MAX_FIELDS: usize = 1000;
const MAX_PARTS: usize = 20;
const MAX_PARAMETERS: usize = 20;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// A header and a body.
pub(super) struct Entity<'a> {
    fields: Vec<(&'a [u8], &'a [u8])>,
    pub(super) body: &'a [u8],
}

/// A value with parameters, as Content-Type and Content-Disposition have one (RFC 2045 §5.1).
pub(super) struct Parametrised {
    /// In lower case.
    pub(super) value: String,
    /// Names in lower case.
    parameters: Vec<(String, String)>,
}

impl Parametrised {
    /// A parameter; nothing if it is missing, or there twice.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let mut all = self.parameters.iter().filter(|(known, _)| known == name);
        let (_, value) = all.next()?;
        all.next().is_none().then_some(value)
    }
}

impl<'a> Entity<'a> {
    /// Nothing if a line of the header is no field, or there are too many.
    pub(super) fn read(octets: &'a [u8]) -> Option<Self> {
        let mut fields = Vec::new();
        let mut rest = octets;
        while !rest.is_empty() {
            let (line, next) = line(rest);
            rest = next;
            if text_of(line).is_empty() {
                return Some(Self { fields, body: rest });
            }
            let mut end = octets.len() - rest.len();
            let start = end - line.len();
            while matches!(rest.first(), Some(b' ' | b'\t')) {
                let (more, next) = self::line(rest);
                end += more.len();
                rest = next;
            }
            let field = octets.get(start..end)?;
            let colon = field.iter().position(|&o| o == b':')?;
            let (name, value) = field.split_at_checked(colon)?;
            let name = name.trim_ascii_end();
            let legal = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
            if !legal || fields.len() >= MAX_FIELDS {
                return None;
            }
            fields.push((name, value.get(1..)?));
        }
        Some(Self { fields, body: &[] })
    }

    /// The unfolded value of a field.
    ///
    /// # Errors
    /// If it is there twice, or no ASCII.
    pub(super) fn field(&self, name: &str) -> Result<Option<String>, ()> {
        let is = |(known, _): &&(&[u8], &[u8])| known.eq_ignore_ascii_case(name.as_bytes());
        let mut all = self.fields.iter().filter(is);
        let Some((_, value)) = all.next() else {
            return Ok(None);
        };
        if all.next().is_some() || !value.is_ascii() {
            return Err(());
        }
        let text = str::from_utf8(value).map_err(|_| ())?;
        let unfolded: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
        Ok(Some(unfolded.trim_matches([' ', '\t']).into()))
    }

    /// A field with parameters.
    ///
    /// # Errors
    /// If it is there twice, or malformed.
    pub(super) fn parametrised(&self, name: &str) -> Result<Option<Parametrised>, ()> {
        let Some(text) = self.field(name)? else {
            return Ok(None);
        };
        parametrised(&text).map(Some).ok_or(())
    }

    /// The body without its transfer encoding (RFC 2045 §6), of at most so many octets.
    pub(super) fn decoded(&self) -> Option<Vec<u8>> {
        let encoding = self.field("Content-Transfer-Encoding").ok()?;
        let encoding = encoding.unwrap_or_default().to_ascii_lowercase();
        match &*encoding {
            "" | "7bit" | "8bit" | "binary" => Some(self.body.to_vec()),
            "base64" => {
                let blank = |o: &u8| !matches!(o, b' ' | b'\t' | b'\r' | b'\n');
                let octets: Vec<u8> = self.body.iter().copied().filter(blank).collect();
                BASE64.decode(octets).ok()
            }
            "quoted-printable" => quoted_printable(self.body),
            _ => None,
        }
    }

    /// The parts of a multipart body (RFC 2046 §5.1.1); nothing without a closing delimiter, or if
    /// there are too many.
    pub(super) fn parts(&self, boundary: &str) -> Option<Vec<&'a [u8]>> {
        let legal = |c: char| c.is_ascii_graphic() || c == ' ';
        if !(1..=70).contains(&boundary.len()) || !boundary.chars().all(legal) {
            return None;
        }
        let (mut parts, mut start, mut rest) = (Vec::new(), None, self.body);
        while !rest.is_empty() {
            let at = self.body.len() - rest.len();
            let (line, next) = line(rest);
            rest = next;
            let text = text_of(line).trim_ascii_end();
            let Some(after) = text
                .strip_prefix(b"--")
                .and_then(|text| text.strip_prefix(boundary.as_bytes()))
            else {
                continue;
            };
            if !matches!(after, b"" | b"--") {
                continue;
            }
            if let Some(start) = start {
                let part = self.body.get(start..at)?;
                // The line end before a delimiter belongs to it.
                parts.push(text_of(part));
                if parts.len() > MAX_PARTS {
                    return None;
                }
            }
            if after == b"--" {
                return Some(parts);
            }
            start = Some(self.body.len() - rest.len());
        }
        None
    }
}

/// The first line with its end, and the rest.
fn line(octets: &[u8]) -> (&[u8], &[u8]) {
    let end = octets.iter().position(|&o| o == b'\n');
    let end = end.map_or(octets.len(), |at| at + 1);
    octets.split_at_checked(end).unwrap_or((octets, &[]))
}

/// Without one final line end.
fn text_of(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn quoted_printable(body: &[u8]) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(body.len());
    let mut rest = body;
    while !rest.is_empty() {
        let (whole, next) = line(rest);
        rest = next;
        let text = text_of(whole);
        let end = whole.get(text.len()..)?;
        // RFC 2045 §6.7: blanks at the end of a line were added on the way.
        let text = text.trim_ascii_end();
        let (text, soft) = match text.strip_suffix(b"=") {
            Some(text) => (text, true),
            None => (text, false),
        };
        let mut encoded = text.iter();
        while let Some(&octet) = encoded.next() {
            octets.push(match octet {
                b'=' => hex(*encoded.next()?)? << 4 | hex(*encoded.next()?)?,
                octet => octet,
            });
        }
        if !soft {
            octets.extend_from_slice(end);
        }
    }
    Some(octets)
}

/// The value of a hexadecimal digit.
pub(super) fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

/// `value *(";" name "=" (token / quoted-string))`, with comments and blanks between all of them.
fn parametrised(text: &str) -> Option<Parametrised> {
    let (value, mut rest) = word(text)?;
    let mut parameters = Vec::new();
    loop {
        rest = without_comments(rest)?;
        let Some(next) = rest.strip_prefix(';') else {
            break;
        };
        rest = without_comments(next)?;
        if rest.is_empty() {
            break;
        }
        let (name, next) = word(rest)?;
        let next = without_comments(next)?.strip_prefix('=')?;
        let next = without_comments(next)?;
        let (value, next) = match next.strip_prefix('"') {
            Some(quoted) => quoted_string(quoted)?,
            None => word(next).map(|(value, next)| (value.to_owned(), next))?,
        };
        if parameters.len() >= MAX_PARAMETERS {
            return None;
        }
        parameters.push((name.to_ascii_lowercase(), value));
        rest = next;
    }
    rest.is_empty().then(|| Parametrised {
        value: value.to_ascii_lowercase(),
        parameters,
    })
}

/// A token, or two with a slash between them.
fn word(text: &str) -> Option<(&str, &str)> {
    let text = without_comments(text)?;
    let other = |c: char| !c.is_ascii_graphic() || "()<>@,;:\\\"[]?=".contains(c);
    let end = text.find(other).unwrap_or(text.len());
    text.split_at_checked(end)
        .filter(|(word, _)| !word.is_empty())
}

fn quoted_string(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' => value.push(chars.next()?),
            c => value.push(c),
        }
    }
}

fn without_comments(text: &str) -> Option<&str> {
    let mut rest = text.trim_start_matches([' ', '\t']);
    while let Some(comment) = rest.strip_prefix('(') {
        let (mut depth, mut chars) = (1_usize, comment.chars());
        while depth > 0 {
            match chars.next()? {
                '(' => depth += 1,
                ')' => depth -= 1,
                '\\' => _ = chars.next()?,
                _ => {}
            }
        }
        rest = chars.as_str().trim_start_matches([' ', '\t']);
    }
    Some(rest)
}
