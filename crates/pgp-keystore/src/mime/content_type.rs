//! `Content-Type` and its parameters (RFC 2045 §5.1, RFC 2231).

use super::Fault;

/// How deep comments may stand in each other.
const MAX_COMMENTS: usize = 32;
/// How many pieces a parameter may have been cut into.
const MAX_PIECES: usize = 64;

/// A type, and its parameters as they were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ContentType {
    /// In lower case, as `text/plain`.
    pub(super) essence: String,
    /// With names in lower case.
    parameters: Vec<(String, Vec<u8>)>,
}

impl ContentType {
    /// RFC 2045 §5.2: what is meant without the field.
    pub(super) fn text() -> Self {
        Self {
            essence: "text/plain".to_owned(),
            parameters: vec![("charset".to_owned(), b"us-ascii".to_vec())],
        }
    }

    pub(super) fn parse(value: &[u8]) -> Result<Self, Fault> {
        let mut scan = Scan { rest: value };
        scan.blanks()?;
        let kind = scan.token()?;
        scan.blanks()?;
        scan.expect(b'/')?;
        scan.blanks()?;
        let subtype = scan.token()?;
        scan.blanks()?;
        let mut parameters = Vec::new();
        while !scan.rest.is_empty() {
            scan.expect(b';')?;
            scan.blanks()?;
            if matches!(scan.rest.first(), None | Some(b';')) {
                continue;
            }
            let name = scan.token()?;
            scan.blanks()?;
            scan.expect(b'=')?;
            scan.blanks()?;
            let value = match scan.rest.first() {
                Some(b'"') => scan.quoted()?,
                _ => scan.token()?.into_bytes(),
            };
            scan.blanks()?;
            parameters.push((name.to_ascii_lowercase(), value));
        }
        let essence = format!("{kind}/{subtype}").to_ascii_lowercase();
        Ok(Self {
            essence,
            parameters,
        })
    }

    pub(super) fn is_multipart(&self) -> bool {
        self.essence.starts_with("multipart/")
    }

    /// A parameter's value: RFC 2231 §3 and §4, put together. There twice, or in two forms, it is a fault.
    pub(super) fn parameter(&self, name: &str) -> Result<Option<Vec<u8>>, Fault> {
        let mut whole: Vec<(bool, &[u8])> = Vec::new();
        let mut pieces: Vec<(usize, bool, &[u8])> = Vec::new();
        for (attribute, value) in &self.parameters {
            let Some(rest) = attribute.strip_prefix(name) else {
                continue;
            };
            match rest.strip_prefix('*') {
                None if rest.is_empty() => whole.push((false, value)),
                None => {}
                Some("") => whole.push((true, value)),
                Some(number) => {
                    let (number, extended) = match number.strip_suffix('*') {
                        Some(number) => (number, true),
                        None => (number, false),
                    };
                    let plain = number.bytes().all(|digit| digit.is_ascii_digit());
                    let leading = number.len() > 1 && number.starts_with('0');
                    let number = number.parse().map_err(|_| Fault::ContentType)?;
                    if !plain || leading || number >= MAX_PIECES {
                        return Err(Fault::ContentType);
                    }
                    pieces.push((number, extended, value));
                }
            }
        }
        match (whole.as_slice(), pieces.is_empty()) {
            ([], true) => Ok(None),
            ([(false, value)], true) => Ok(Some(value.to_vec())),
            ([(true, value)], true) => Ok(Some(percent(language(value)?)?)),
            ([], false) => joined(pieces).map(Some),
            _ => Err(Fault::ContentType),
        }
    }

    /// As [`parameter`](Self::parameter), in lower case.
    pub(super) fn lower(&self, name: &str) -> Result<Option<String>, Fault> {
        let value = self.parameter(name)?;
        let text = value.map(|value| String::from_utf8_lossy(&value).to_ascii_lowercase());
        Ok(text)
    }

    /// With a parameter of one piece, in place of all that have this name.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        let parameter = (name.to_owned(), value.as_bytes().to_vec());
        self.parameters.push(parameter);
        self
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.parameters.retain(|(attribute, _)| {
            let rest = attribute.strip_prefix(name);
            !rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('*'))
        });
        self
    }

    /// As a field, one parameter a line.
    pub(super) fn field(&self) -> Vec<u8> {
        let mut out = format!("Content-Type: {}", self.essence).into_bytes();
        for (name, value) in &self.parameters {
            out.extend_from_slice(b";\r\n ");
            out.extend_from_slice(name.as_bytes());
            out.push(b'=');
            // RFC 2231 §7: an extended value is never quoted.
            if name.ends_with('*') {
                out.extend_from_slice(value);
                continue;
            }
            out.push(b'"');
            for &octet in value {
                if matches!(octet, b'"' | b'\\') {
                    out.push(b'\\');
                }
                out.push(octet);
            }
            out.push(b'"');
        }
        out.extend_from_slice(b"\r\n");
        out
    }
}

fn joined(mut pieces: Vec<(usize, bool, &[u8])>) -> Result<Vec<u8>, Fault> {
    pieces.sort_by_key(|(number, ..)| *number);
    let mut out = Vec::new();
    for (at, (number, extended, value)) in pieces.into_iter().enumerate() {
        if at != number {
            return Err(Fault::ContentType);
        }
        match (extended, number) {
            (false, _) => out.extend_from_slice(value),
            (true, 0) => out.extend(percent(language(value)?)?),
            (true, _) => out.extend(percent(value)?),
        }
    }
    Ok(out)
}

/// RFC 2231 §4: what follows the charset and the language.
fn language(value: &[u8]) -> Result<&[u8], Fault> {
    let mut parts = value.splitn(3, |&octet| octet == b'\'');
    parts.nth(2).ok_or(Fault::ContentType)
}

fn percent(value: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::with_capacity(value.len());
    let mut octets = value.iter();
    while let Some(&octet) = octets.next() {
        if octet != b'%' {
            out.push(octet);
            continue;
        }
        let mut digit = || {
            let digit = char::from(*octets.next()?).to_digit(16)?;
            u8::try_from(digit).ok()
        };
        let (high, low) = (digit(), digit());
        let (Some(high), Some(low)) = (high, low) else {
            return Err(Fault::ContentType);
        };
        out.push(high << 4 | low);
    }
    Ok(out)
}

/// RFC 2045 §5.1.
fn is_token(octet: u8) -> bool {
    octet.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&octet)
}

struct Scan<'a> {
    rest: &'a [u8],
}

impl Scan<'_> {
    fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    fn expect(&mut self, wanted: u8) -> Result<(), Fault> {
        match self.next() {
            Some(octet) if octet == wanted => Ok(()),
            _ => Err(Fault::ContentType),
        }
    }

    /// RFC 5322 §3.2.2: comments, folds and blanks.
    fn blanks(&mut self) -> Result<(), Fault> {
        let mut depth = 0_usize;
        loop {
            match self.rest.first() {
                Some(b'(') => depth += 1,
                Some(b')') if depth > 0 => depth -= 1,
                Some(b'\\') if depth > 0 => {
                    self.next();
                }
                Some(b' ' | b'\t' | b'\r' | b'\n') => {}
                Some(_) if depth > 0 => {}
                None if depth > 0 => return Err(Fault::ContentType),
                _ => return Ok(()),
            }
            if depth > MAX_COMMENTS {
                return Err(Fault::ContentType);
            }
            self.next();
        }
    }

    fn token(&mut self) -> Result<String, Fault> {
        let end = self.rest.iter().position(|&octet| !is_token(octet));
        let (token, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        match token.is_empty() {
            true => Err(Fault::ContentType),
            false => Ok(String::from_utf8_lossy(token).into_owned()),
        }
    }

    fn quoted(&mut self) -> Result<Vec<u8>, Fault> {
        self.expect(b'"')?;
        let mut out = Vec::new();
        loop {
            match self.next() {
                Some(b'"') => return Ok(out),
                Some(b'\\') => out.push(self.next().ok_or(Fault::ContentType)?),
                Some(b'\r' | b'\n') => {}
                Some(octet) => out.push(octet),
                None => return Err(Fault::ContentType),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boundary(value: &str) -> Result<Option<Vec<u8>>, Fault> {
        ContentType::parse(value.as_bytes())?.parameter("boundary")
    }

    #[test]
    fn parameters_are_read_in_all_their_forms() {
        for same in [
            "multipart/mixed; boundary=ab",
            "Multipart / Mixed ; Boundary = \"ab\" ;",
            " (a (b) \\)) multipart/mixed (c);; (d) boundary=(e)ab(f)",
            "multipart/mixed; boundary=\"a\\b\"",
            "multipart/mixed; boundary*0=a; boundary*1=b",
            "multipart/mixed; boundary*1=\"b\"; boundary*0*=us-ascii'en'%61",
            "multipart/mixed; boundary*=''a%62",
            "multipart/mixed;\r\n\tboundaryx=no;\r\n boundary=\"a\r\n\u{62}\"",
        ] {
            assert_eq!(boundary(same), Ok(Some(b"ab".to_vec())), "{same}");
        }
        assert_eq!(boundary("multipart/mixed"), Ok(None));
    }

    #[test]
    fn what_two_readers_would_read_differently_is_refused() {
        for bad in [
            "multipart",
            "multipart/mixed; boundary",
            "multipart/mixed; boundary=",
            "multipart/mixed; boundary=a b",
            "multipart/mixed; boundary=\"a",
            "multipart/mixed; boundary=a; boundary=a",
            "multipart/mixed; boundary=a; boundary*=''a",
            "multipart/mixed; boundary=a; boundary*0=a",
            "multipart/mixed; boundary*0=a; boundary*2=b",
            "multipart/mixed; boundary*0=a; boundary*0*=''a",
            "multipart/mixed; boundary*00=a",
            "multipart/mixed; boundary*=a",
            "multipart/mixed; boundary*=''%6",
            "multipart/mixed (; boundary=a",
        ] {
            assert_eq!(boundary(bad), Err(Fault::ContentType), "{bad}");
        }
        let deep = format!("text/plain {}{}", "(".repeat(40), ")".repeat(40));
        assert_eq!(boundary(&deep), Err(Fault::ContentType));
    }

    #[test]
    fn what_is_written_reads_back() {
        let read =
            ContentType::parse(b"Text/Plain; a=\"x \\\" y\"; b*=utf-8''%e4; hp=clear").unwrap();
        let written = read.clone().with("hp", "cipher").field();
        let value = written.strip_prefix(b"Content-Type:").unwrap();
        let again = ContentType::parse(value).unwrap();
        assert_eq!(again.parameter("hp"), Ok(Some(b"cipher".to_vec())));
        assert_eq!(again.parameter("a"), read.parameter("a"));
        assert_eq!(again.parameter("b"), Ok(Some(b"\xe4".to_vec())));
    }
}
