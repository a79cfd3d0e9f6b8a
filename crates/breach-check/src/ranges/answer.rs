//! The answer: all that counts of it, or what it lacks.

use std::io::Read as _;

use flate2::bufread::GzDecoder;
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{CONTENT_ENCODING, ETAG, RETRY_AFTER},
};

use super::{Error, NotWhole};
use crate::hash::{DIGITS, digit};
use crate::{Answer, CountClass, End, HashKind, PasswordHash, Range, Sighting, Unknown};

/// Most octets of an answer as it comes, and of its text.
pub const MAX_ANSWER: usize = 1 << 20;

/// Most octets of an `ETag` that is kept.
pub const MAX_ETAG: usize = 128;

/// What follows the five characters of the range, with four zero bits before it and as many octets as the kind has.
type Rest = [u8; 18];

/// The hashes of a range, and how often each was seen. Padding is not among them.
#[derive(Clone, PartialEq, Eq)]
pub struct Suffixes {
    kind: HashKind,
    range: Range,
    /// Ascending.
    all: Vec<(Rest, u64)>,
}

impl Suffixes {
    /// Reads a whole answer to a question for this range.
    ///
    /// # Errors
    /// [`Error::Busy`] and [`Error::NotWhole`].
    pub fn of(kind: HashKind, range: Range, answer: &Answer) -> Result<Self, Error> {
        let all = text(answer).and_then(|text| lines(kind, &text));
        let all = all.map_err(|what| whole(what, answer))?;
        Ok(Self { kind, range, all })
    }

    /// Reads the text of a range.
    ///
    /// # Errors
    /// What is wrong with it. [`NotWhole::Empty`] only an answer can be.
    pub fn read(kind: HashKind, range: Range, text: &[u8]) -> Result<Self, NotWhole> {
        let all = match text {
            [] => Vec::new(),
            text => lines(kind, text)?,
        };
        Ok(Self { kind, range, all })
    }

    /// The kind of the hashes.
    #[must_use]
    pub fn kind(&self) -> HashKind {
        self.kind
    }

    /// The range in which they are.
    #[must_use]
    pub fn range(&self) -> Range {
        self.range
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// What this range says of a hash; of one of another range or kind it knows nothing.
    #[must_use]
    pub fn sighting(&self, hash: &PasswordHash) -> Sighting {
        if hash.kind() != self.kind || hash.range() != self.range {
            return Sighting::Unknown(Unknown::NoAnswer);
        }
        let rest = rest(hash);
        let found = self.all.binary_search_by(|(one, _)| one.cmp(&rest));
        let count = found.ok().and_then(|at| self.all.get(at));
        match count.and_then(|(_, count)| CountClass::of(*count)) {
            Some(class) => Sighting::Seen(class),
            None => Sighting::NotSeen,
        }
    }

    /// All of them in order, and how often each was seen.
    pub fn hashes(&self) -> impl ExactSizeIterator<Item = (PasswordHash, u64)> {
        self.all
            .iter()
            .map(|(rest, count)| (hash(self.kind, self.range, rest), *count))
    }

    /// As the protocol has it: upper case, ascending, CRLF between lines and none behind the last.
    #[must_use]
    pub fn text(&self) -> String {
        let digits = self.kind.hex_len() - 5;
        let mut text = String::with_capacity(self.all.len() * (digits + 8));
        for (rest, count) in &self.all {
            if !text.is_empty() {
                text.push_str("\r\n");
            }
            text.extend(hex(rest).skip(1).take(digits));
            text.push(':');
            text.push_str(&count.to_string());
        }
        text
    }
}

/// How many, and not which.
impl std::fmt::Debug for Suffixes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Suffixes")
            .field("kind", &self.kind)
            .field("range", &self.range)
            .field("len", &self.all.len())
            .finish_non_exhaustive()
    }
}

/// Upper-case hexadecimal.
pub(super) fn hex(octets: &[u8]) -> impl Iterator<Item = char> {
    let digits = octets.iter().flat_map(|octet| [octet >> 4, octet & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)]))
}

fn rest(hash: &PasswordHash) -> Rest {
    let mut rest = [0; 18];
    let octets = hash.octets().iter().skip(2);
    rest.iter_mut()
        .zip(octets)
        .for_each(|(to, from)| *to = *from);
    if let Some(first) = rest.first_mut() {
        *first &= 15;
    }
    rest
}

fn hash(kind: HashKind, range: Range, rest: &Rest) -> PasswordHash {
    let mut octets = [0; 20];
    let [_, a, b, c] = (range.number() << 4).to_be_bytes();
    for (to, from) in octets.iter_mut().zip([a, b].into_iter().chain(*rest)) {
        *to = from;
    }
    if let Some(third) = octets.get_mut(2) {
        *third |= c;
    }
    let octets = octets.get(..kind.len()).unwrap_or_default();
    // It has as many octets as the kind.
    PasswordHash::from_octets(kind, octets).unwrap_or_else(|| PasswordHash::of(kind, ""))
}

/// The text of an answer that is whole by its status, its framing and its coding.
pub(super) fn text(answer: &Answer) -> Result<Vec<u8>, NotWhole> {
    let (head, body) = (&answer.response, answer.response.body());
    if head.status() != StatusCode::OK {
        return Err(NotWhole::Status(head.status().as_u16()));
    }
    if answer.end == End::Closed {
        return Err(NotWhole::Unframed);
    }
    let text = match coding(head.headers())? {
        Coding::Identity if body.len() > MAX_ANSWER => return Err(NotWhole::TooLong),
        Coding::Identity => body.clone(),
        Coding::Gzip => unzipped(body)?,
    };
    match text.is_empty() {
        true => Err(NotWhole::Empty),
        false => Ok(text),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Identity,
    Gzip,
}

pub(super) fn coding(fields: &HeaderMap) -> Result<Coding, NotWhole> {
    let mut fields = fields.get_all(CONTENT_ENCODING).iter();
    let coding = match (fields.next(), fields.next()) {
        (None, _) => return Ok(Coding::Identity),
        (Some(coding), None) => coding.as_bytes().trim_ascii(),
        _ => return Err(NotWhole::Coding),
    };
    match coding {
        // RFC 9110 §8.4.1.3: "A recipient SHOULD consider "x-gzip" to be equivalent to "gzip"."
        gzip if gzip.eq_ignore_ascii_case(b"gzip") || gzip.eq_ignore_ascii_case(b"x-gzip") => {
            Ok(Coding::Gzip)
        }
        none if none.is_empty() || none.eq_ignore_ascii_case(b"identity") => Ok(Coding::Identity),
        _ => Err(NotWhole::Coding),
    }
}

/// One member of gzip (RFC 1952 §2.3), whole and checked, and nothing behind it.
pub(super) fn unzipped(octets: &[u8]) -> Result<Vec<u8>, NotWhole> {
    if octets.len() > MAX_ANSWER {
        return Err(NotWhole::TooLong);
    }
    let mut text = Vec::new();
    let mut decoder = GzDecoder::new(octets);
    let most = MAX_ANSWER as u64 + 1;
    let read = (&mut decoder).take(most).read_to_end(&mut text);
    read.map_err(|_| NotWhole::Gzip)?;
    if text.len() > MAX_ANSWER {
        return Err(NotWhole::TooLong);
    }
    match decoder.into_inner() {
        [] => Ok(text),
        _ => Err(NotWhole::Gzip),
    }
}

/// Lines with padding dropped, or the first that is wrong.
fn lines(kind: HashKind, text: &[u8]) -> Result<Vec<(Rest, u64)>, NotWhole> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let mut all: Vec<(Rest, u64)> = Vec::with_capacity(text.len() / 36);
    for (number, line) in text.split(|octet| *octet == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let at = number + 1;
        let (rest, count) = entry(kind, line).ok_or(NotWhole::Line { line: at })?;
        if count == 0 {
            continue;
        }
        if all.last().is_some_and(|(before, _)| *before >= rest) {
            return Err(NotWhole::Order { line: at });
        }
        all.push((rest, count));
    }
    Ok(all)
}

fn entry(kind: HashKind, line: &[u8]) -> Option<(Rest, u64)> {
    let (suffix, number) = line.split_at_checked(kind.hex_len() - 5)?;
    let (colon, number) = number.split_first()?;
    if *colon != b':' {
        return None;
    }
    let mut rest = [0; 18];
    let (first, pairs) = suffix.split_first()?;
    let pairs = pairs.chunks_exact(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    for (to, octet) in rest
        .iter_mut()
        .zip([digit(*first)].into_iter().chain(pairs))
    {
        *to = octet?;
    }
    Some((rest, count(number)?))
}

fn count(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 20 {
        return None;
    }
    digits.iter().try_fold(0_u64, |count, character| {
        let digit = character.is_ascii_digit().then(|| character - b'0')?;
        count.checked_mul(10)?.checked_add(digit.into())
    })
}

/// What is wrong, and whether the server only is busy.
pub(super) fn whole(what: NotWhole, answer: &Answer) -> Error {
    match what {
        NotWhole::Status(429 | 503) => Error::Busy {
            after: answer
                .response
                .headers()
                .get(RETRY_AFTER)
                .and_then(|value| count(value.as_bytes().trim_ascii()))
                .map(std::time::Duration::from_secs),
        },
        what => Error::NotWhole(what),
    }
}

/// The `ETag` of an answer, if it can be kept and sent again: printable ASCII in quotation marks (RFC 9110 §8.8.3).
pub(super) fn etag(fields: &HeaderMap) -> Option<HeaderValue> {
    fields
        .get(ETAG)
        .filter(|etag| is_etag(etag.as_bytes()))
        .cloned()
}

pub(super) fn is_etag(etag: &[u8]) -> bool {
    let opaque = etag.strip_prefix(b"W/").unwrap_or(etag);
    let inner = opaque
        .strip_prefix(b"\"")
        .and_then(|e| e.strip_suffix(b"\""));
    inner.is_some_and(|inner| {
        etag.len() <= MAX_ETAG && inner.iter().all(|o| o.is_ascii_graphic() && *o != b'"')
    })
}

#[cfg(test)]
mod tests;
