//! The server's side: a request is read, an answer is written, and what lies between them is the caller's.

use std::fmt;

use super::{PREFIX, is_hash};
use crate::address;

/// Most octets of path and query; of longer ones nothing is there.
pub const MAX_TARGET: usize = 2_048;

/// What comes before the domain in the host of the advanced method.
const SUBDOMAIN: &str = "openpgpkey.";
/// Seconds after which it may work again.
const RETRY: &str = "60";

/// The path belongs to something else than the directory.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the path is not of the Web Key Directory")]
pub struct NotWkd;

/// A request to the directory.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// How it is asked.
    pub method: Method,
    /// What is wanted.
    pub wants: Wants,
}

/// How it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "all others are `Other`")]
pub enum Method {
    /// The octets are wanted.
    Get,
    /// Whether they are there.
    Head,
    /// Whatever a directory does not do.
    Other,
}

/// What is wanted. Domains are in A-labels and lower case.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq)]
pub enum Wants {
    /// The certificate of an address.
    Key {
        /// The domain of the address.
        domain: String,
        /// The [`hash`](super::hash) of its local part: 32 digits of z-base-32.
        hash: String,
    },
    /// The policy of a domain: it is there, be it empty, where there is a directory.
    Policy {
        /// Which domain.
        domain: String,
    },
    /// The address to which users mail their keys.
    SubmissionAddress {
        /// Of which domain.
        domain: String,
    },
    /// A path, or a host, where nothing is.
    Nothing,
}

impl Wants {
    /// The domain that is asked about, if any is.
    #[must_use]
    pub fn domain(&self) -> Option<&str> {
        match self {
            Self::Key { domain, .. }
            | Self::Policy { domain }
            | Self::SubmissionAddress { domain } => Some(domain),
            Self::Nothing => None,
        }
    }
}

impl fmt::Debug for Wants {
    /// Without the hash, which stands for an address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key { .. } => "Key(..)",
            Self::Policy { .. } => "Policy(..)",
            Self::SubmissionAddress { .. } => "SubmissionAddress(..)",
            Self::Nothing => "Nothing",
        })
    }
}

/// What the caller found.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// These octets: a certificate in binary, several one after the other, or the lines of a policy.
    Found(Vec<u8>),
    /// There is none.
    Absent,
    /// Nobody knows at the moment: the store failed. It is not the same as none, which clients would believe.
    Unavailable,
}

/// What is to be sent.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// 200, 404, 405 or 503.
    pub status: u16,
    /// All header fields, names in lower case; `content-length` is that of the octets that a `GET` gives.
    pub headers: Vec<(&'static str, String)>,
    /// The octets; none for `HEAD`.
    pub body: Vec<u8>,
}

/// Reads a request: its method, its host (as it stands in `Host` or `:authority`, be there a port or not), and path and query
/// as they came. It never panics, and allocates no more than it was given.
///
/// The query is not looked at: `l`, which clients send, is the local part that the hash stands for. The domain in the path may
/// be in Unicode, and in percent-encoding, as some clients send it; all else is compared as it is, and what is encoded in
/// another way, in upper case or with dots, is not there.
///
/// # Errors
///
/// [`NotWkd`] for a path that is not below [`PREFIX`](super::PREFIX), which somebody else may answer.
pub fn parse(method: &str, host: &str, path_and_query: &str) -> Result<Request, NotWkd> {
    let path = path_and_query.split(['?', '#']).next().unwrap_or_default();
    let below = path.strip_prefix(PREFIX).ok_or(NotWkd)?;
    // RFC 9110 §9.1: methods are compared with their case.
    let method = match method {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        _ => Method::Other,
    };
    let wants = match path_and_query.len() <= MAX_TARGET {
        true => wants(host, below).unwrap_or(Wants::Nothing),
        false => Wants::Nothing,
    };
    Ok(Request { method, wants })
}

fn wants(host: &str, below: &str) -> Option<Wants> {
    let host = hostname(host)?;
    let parts: Vec<&str> = below.splitn(4, '/').collect();
    let (domain, rest) = match parts.as_slice() {
        // `hu`, `policy` and `submission-address` are no domains of mail: with them the path begins on the domain itself.
        ["hu", ..] | ["policy" | "submission-address"] => (host, parts.as_slice()),
        [domain, rest @ ..] => {
            // Some clients write it in Unicode, others in A-labels.
            let asked = address::domain(&percent_decoded(domain)?)?;
            let own = host.strip_prefix(SUBDOMAIN)?;
            (*own == *asked).then_some((asked, rest))?
        }
        [] => return None,
    };
    let domain = String::from(domain);
    match rest {
        ["hu", hash] if is_hash(hash) => {
            let hash = (*hash).to_owned();
            Some(Wants::Key { domain, hash })
        }
        ["policy"] => Some(Wants::Policy { domain }),
        ["submission-address"] => Some(Wants::SubmissionAddress { domain }),
        _ => None,
    }
}

/// RFC 3986 §2.1; `None` for what is not encoded well, or not UTF-8.
fn percent_decoded(text: &str) -> Option<String> {
    let mut octets = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    let digit = |octets: &mut std::str::Bytes<'_>| char::from(octets.next()?).to_digit(16);
    while let Some(octet) = octets.next() {
        decoded.push(match octet {
            b'%' => u8::try_from(digit(&mut octets)? << 4 | digit(&mut octets)?).ok()?,
            plain => plain,
        });
    }
    String::from_utf8(decoded).ok()
}

/// Without port and final dot. Hosts that are no names have no directory.
fn hostname(host: &str) -> Option<Box<str>> {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|c| c.is_ascii_digit()) => name,
        Some(_) => return None,
        None => host,
    };
    address::domain(name.strip_suffix('.').unwrap_or(name))
}

/// Writes the answer.
///
/// Whoever reads it in a browser may (`access-control-allow-origin: *`): what is in a directory is public.
#[must_use]
pub fn respond(request: &Request, lookup: Lookup) -> Response {
    let is_key = matches!(request.wants, Wants::Key { .. });
    let kind = match is_key {
        true => "application/octet-stream",
        false => "text/plain; charset=utf-8",
    };
    match (request.method, &request.wants, lookup) {
        (Method::Other, ..) => {
            let mut response = written(405, "text/plain; charset=utf-8", Vec::new());
            response.headers.push(("allow", "GET, HEAD".to_owned()));
            response
        }
        (_, Wants::Nothing, _) | (.., Lookup::Absent) => {
            written(404, "text/plain; charset=utf-8", Vec::new())
        }
        (.., Lookup::Unavailable) => {
            let mut response = written(503, "text/plain; charset=utf-8", Vec::new());
            response.headers.push(("retry-after", RETRY.to_owned()));
            response
        }
        (method, _, Lookup::Found(octets)) => {
            let mut response = written(200, kind, octets);
            if method == Method::Head {
                response.body = Vec::new();
            }
            response
        }
    }
}

fn written(status: u16, kind: &str, body: Vec<u8>) -> Response {
    Response {
        status,
        headers: vec![
            ("access-control-allow-origin", "*".to_owned()),
            ("content-length", body.len().to_string()),
            ("content-type", kind.to_owned()),
            ("x-content-type-options", "nosniff".to_owned()),
        ],
        body,
    }
}
