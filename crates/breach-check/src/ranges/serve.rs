//! The other side: a server of the range API, without I/O of its own but reading the folder.

use std::io;

use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{
        ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE,
        ETAG, IF_NONE_MATCH, VARY,
    },
};

use super::{Kept, Suffixes, answer};
use crate::{HashKind, Range, crypto};

/// Least lines of a padded answer.
const LEAST: u32 = 800;
/// So many more there may be, by chance.
const MORE: u32 = 200;

/// A server of the range API over folders of kept ranges: requests in, responses out. Any HTTP server will do around it.
///
/// | asked | answered |
/// |---|---|
/// | `GET /range/5BAA6`, also `HEAD`, upper or lower case | 200: the range, `SUFFIX:COUNT` with CRLF between lines |
/// | the same with `Accept-Encoding: gzip`, without padding | 200: the file as it is kept |
/// | the same with `Add-Padding: true` | 200: with lines that are made up and have the count 0 |
/// | the same with `If-None-Match` | 304, if the range is the same |
/// | `?mode=ntlm` | NTLM, if the server has it, else 400 |
/// | a range that is not known, or whose file is damaged | 503: never 200 or 404, which some take for "not seen" |
/// | no five hexadecimal characters | 400 |
/// | another path | 404 |
/// | another method | 405 |
///
/// A padded answer has 800 to 1,000 lines, or, where a range of the folder has more than 800, as many as that one to 200
/// more; so the number of lines tells nothing of the range. Its octets tell a little: counts have one digit or more. It
/// is not compressed. A 304 has no padding.
///
/// Who may ask, and TLS, is for whatever is around it. It reads one file for each answer, and blocks meanwhile.
#[derive(Debug)]
pub struct Server {
    kept: Vec<Kept>,
}

impl Server {
    /// A server over this folder.
    #[must_use]
    pub fn new(kept: Kept) -> Self {
        Self { kept: vec![kept] }
    }

    /// And over this one, of the other kind of hashes.
    #[must_use]
    pub fn and(mut self, kept: Kept) -> Self {
        self.kept.retain(|other| other.kind() != kept.kind());
        self.kept.push(kept);
        self
    }

    /// The response, padded by randomness of the operating system.
    #[must_use]
    pub fn answer<B>(&self, request: &Request<B>) -> Response<Vec<u8>> {
        self.answer_with(request, crypto::random)
    }

    /// The response, padded by this randomness.
    #[must_use]
    pub fn answer_with<B>(
        &self,
        request: &Request<B>,
        random: impl FnMut(&mut [u8]) -> io::Result<()>,
    ) -> Response<Vec<u8>> {
        match self.found(request, random) {
            Ok(found) => found.response(request.method()),
            Err(fault) => fault.response(),
        }
    }

    fn found<B>(
        &self,
        request: &Request<B>,
        random: impl FnMut(&mut [u8]) -> io::Result<()>,
    ) -> Result<Found, Fault> {
        let range = request.uri().path().strip_prefix("/range/");
        let range = range.ok_or(Fault::Path)?;
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Err(Fault::Method);
        }
        let range = Range::from_hex(range).ok_or(Fault::Range)?;
        let kind = kind(request.uri().query()).ok_or(Fault::Mode)?;
        let kept = self.kept.iter().find(|kept| kept.kind() == kind);
        let kept = kept.ok_or(Fault::Mode)?;
        let (file, suffixes) = kept.file(range).map_err(|_| Fault::Unknown)?;
        let text = suffixes.text();
        let tag = tag(&text);
        let fields = request.headers();
        let is_known = names(fields, &tag);
        let wants_padding = fields.get("add-padding");
        let wants_padding =
            wants_padding.is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"true"));
        let body = match (is_known, wants_padding) {
            (true, _) => Body::Known,
            (false, true) => {
                let least = kept.most_lines().max(LEAST);
                let padded = padded(&suffixes, &text, least, random);
                Body::Padded(padded.map_err(|_| Fault::Unknown)?)
            }
            (false, false) if takes_gzip(fields) => Body::Zipped(file),
            (false, false) => Body::Plain(text),
        };
        Ok(Found { tag, body })
    }
}

/// Which hashes are asked for; `None` if they are of no known kind.
fn kind(query: Option<&str>) -> Option<HashKind> {
    let mut pairs = query.unwrap_or_default().split('&');
    match pairs.find_map(|pair| pair.strip_prefix("mode=")) {
        None => Some(HashKind::Sha1),
        Some(mode) if mode.eq_ignore_ascii_case("sha1") => Some(HashKind::Sha1),
        Some(mode) if mode.eq_ignore_ascii_case("ntlm") => Some(HashKind::Ntlm),
        Some(_) => None,
    }
}

struct Found {
    tag: String,
    body: Body,
}

enum Body {
    Known,
    Padded(String),
    Zipped(Vec<u8>),
    Plain(String),
}

impl Found {
    fn response(self, method: &Method) -> Response<Vec<u8>> {
        // Each coding has an `ETag` of its own, and what is padded by chance a weak one (RFC 9110 §8.8.1).
        let tag = match &self.body {
            Body::Zipped(_) => format!("\"{}-gzip\"", self.tag),
            Body::Plain(_) => format!("\"{}\"", self.tag),
            Body::Padded(_) | Body::Known => format!("W/\"{}\"", self.tag),
        };
        let is_zipped = matches!(self.body, Body::Zipped(_));
        let (status, body) = match self.body {
            Body::Known => (StatusCode::NOT_MODIFIED, None),
            Body::Padded(text) | Body::Plain(text) => (StatusCode::OK, Some(text.into_bytes())),
            Body::Zipped(file) => (StatusCode::OK, Some(file)),
        };
        let mut response = Response::new(Vec::new());
        *response.status_mut() = status;
        let fields = response.headers_mut();
        fields.extend(HeaderValue::try_from(tag).map(|tag| (ETAG, tag)).ok());
        let vary = HeaderValue::from_static("Accept-Encoding, Add-Padding");
        fields.insert(VARY, vary);
        let ask_again = HeaderValue::from_static("private, no-cache");
        fields.insert(CACHE_CONTROL, ask_again);
        if let Some(body) = body {
            let text = HeaderValue::from_static("text/plain; charset=utf-8");
            fields.insert(CONTENT_TYPE, text);
            fields.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
            if is_zipped {
                fields.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
            if *method != Method::HEAD {
                *response.body_mut() = body;
            }
        }
        response
    }
}

enum Fault {
    Path,
    Method,
    Range,
    Mode,
    Unknown,
}

impl Fault {
    fn response(self) -> Response<Vec<u8>> {
        let (status, text) = match self {
            Self::Path => (StatusCode::NOT_FOUND, "only /range/ is here"),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD"),
            Self::Range => (StatusCode::BAD_REQUEST, "no five hexadecimal characters"),
            Self::Mode => (StatusCode::BAD_REQUEST, "hashes of that kind are not here"),
            Self::Unknown => (StatusCode::SERVICE_UNAVAILABLE, "this range is not known"),
        };
        let mut response = Response::new(text.as_bytes().to_vec());
        *response.status_mut() = status;
        let fields = response.headers_mut();
        fields.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::METHOD_NOT_ALLOWED {
            fields.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        response
    }
}

/// What changes if and only if the range does.
fn tag(text: &str) -> String {
    let hash = crypto::sha256(text.as_bytes());
    let first = hash.iter().take(16);
    first.map(|octet| format!("{octet:02x}")).collect()
}

/// Whether the client names this range as it is, in whatever coding: weak comparison (RFC 9110 §13.1.2).
fn names(fields: &HeaderMap, tag: &str) -> bool {
    let named = fields.get_all(IF_NONE_MATCH).iter();
    let named = named.filter_map(|value| value.to_str().ok());
    let mut named = named.flat_map(|value| value.split(',')).map(str::trim);
    named.any(|one| {
        let one = one.strip_prefix("W/").unwrap_or(one);
        let one = one.strip_prefix('"').and_then(|one| one.strip_suffix('"'));
        one.is_some_and(|one| one.strip_suffix("-gzip").unwrap_or(one) == tag)
    })
}

fn takes_gzip(fields: &HeaderMap) -> bool {
    let codings = fields.get_all(ACCEPT_ENCODING).iter();
    let codings = codings.filter_map(|value| value.to_str().ok());
    let mut codings = codings.flat_map(|value| value.split(','));
    codings.any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_gzip = parts
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let is_refused = parts.any(|part| {
            let weight = part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="));
            weight.is_some_and(|weight| weight.parse() == Ok(0.0))
        });
        is_gzip && !is_refused
    })
}

/// The lines of a range among so many that are made up that there are `least` to 200 more.
fn padded(
    suffixes: &Suffixes,
    text: &str,
    least: u32,
    mut random: impl FnMut(&mut [u8]) -> io::Result<()>,
) -> io::Result<String> {
    let lines = least + by_chance(&mut random)?;
    let missing = (lines as usize).saturating_sub(suffixes.len());
    let length = suffixes.kind().hex_len() - 5;
    let octets = length.div_ceil(2);
    let mut made_up = vec![0; missing * octets];
    random(&mut made_up)?;
    let made_up: Vec<String> = made_up
        .chunks_exact(octets)
        .map(|chunk| {
            let hex = answer::hex(chunk).take(length);
            hex.chain([':', '0']).collect()
        })
        .collect();
    let mut all: Vec<&str> = text.split("\r\n").filter(|line| !line.is_empty()).collect();
    all.extend(made_up.iter().map(String::as_str));
    all.sort_unstable_by_key(|line| line.get(..length));
    Ok(all.join("\r\n"))
}

/// 0 to [`MORE`], each as likely.
fn by_chance(random: &mut impl FnMut(&mut [u8]) -> io::Result<()>) -> io::Result<u32> {
    // Of 256 numbers, the upper ones are passed over.
    for _ in 0..64 {
        let mut octet = [0];
        random(&mut octet)?;
        if u32::from(octet[0]) <= MORE {
            return Ok(octet[0].into());
        }
    }
    Err(io::Error::other("no randomness"))
}
