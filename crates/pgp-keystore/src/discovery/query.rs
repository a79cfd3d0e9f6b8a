//! What is asked: URLs and names.

use std::fmt;

use super::{Source, Sources};
use crate::digests::sha256;
use crate::wkd::{self, Variant, percent_encoded};
use crate::{Address, Fingerprint};

/// Most octets of an answer.
pub const MAX_ANSWER: usize = 1 << 20;

/// The number of the record type OPENPGPKEY (RFC 7929 §2).
pub const OPENPGPKEY: u16 = 61;

/// Octets of a hash in the DNS.
const TRUNCATED: usize = 28;
/// Most octets of a name in the DNS, as text.
const MAX_NAME: usize = 253;

/// What has to be asked next.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "whoever answers has to answer each; a new kind is a breaking change"
)]
pub enum Need {
    /// One GET; the answer is an [`HttpsAnswer`](super::HttpsAnswer).
    Https(Get),
    /// The records of type [`OPENPGPKEY`] of this name, without a final dot; the answer is a
    /// [`DnsAnswer`](super::DnsAnswer).
    OpenPgpKey(String),
}

/// One GET of an `https:` URL, without any header field that says more than the URL.
#[derive(Clone, PartialEq, Eq)]
pub struct Get {
    url: String,
}

impl Get {
    pub(super) fn new(url: String) -> Self {
        Self { url }
    }

    /// The URL: `https`, a host with a name, no port, and path and query in ASCII.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The name of the host in it.
    #[must_use]
    pub fn host(&self) -> &str {
        let rest = self.url.strip_prefix("https://").unwrap_or(&self.url);
        rest.split('/').next().unwrap_or_default()
    }

    /// So many octets of the body are to be read at most; of more, the answer is
    /// [`HttpsAnswer::TooLarge`](super::HttpsAnswer::TooLarge).
    #[must_use]
    pub fn max_octets(&self) -> usize {
        MAX_ANSWER
    }
}

impl fmt::Debug for Get {
    /// Without the path, which holds an address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Get").field(&self.host()).finish()
    }
}

/// Where the OPENPGPKEY records of an address are: RFC 7929 §3. `None` if the name is too long for the DNS.
///
/// The local part is hashed as it is written, in upper case and in lower case, as the RFC has it; GnuPG publishes under the hash of
/// lower case.
#[must_use]
pub fn openpgpkey_name(address: &Address) -> Option<String> {
    // RFC 7929 §3: SHA2-256, truncated to 28 octets, in hexadecimal digits.
    let hash = sha256(address.local_part().as_bytes());
    let digits: String = hash
        .iter()
        .take(TRUNCATED)
        .map(|octet| format!("{octet:02x}"))
        .collect();
    let name = format!("{digits}._openpgpkey.{}", address.domain());
    (name.len() <= MAX_NAME).then_some(name)
}

/// All that could be asked for an address, the strongest source first: to be shown, or asked by other means. Who really asks
/// wants `Search`, which stops when it should, and needs one of the backends.
pub fn questions<'a>(
    address: &'a Address,
    sources: &'a Sources,
) -> impl Iterator<Item = (Source, Need)> + 'a {
    let both = |source| match source {
        Source::Wkd(_) => vec![Source::Wkd(Variant::Advanced), Source::Wkd(Variant::Direct)],
        other => vec![other],
    };
    let all = sources.of_address().flat_map(both);
    all.filter_map(|source| of_address(&source, address).map(|need| (source, need)))
}

/// All that could be asked for a fingerprint: each server once.
pub fn questions_of(
    fingerprint: Fingerprint,
    sources: &Sources,
) -> impl Iterator<Item = (Source, Need)> {
    let all = sources.servers();
    all.filter_map(move |source| of_fingerprint(&source, fingerprint).map(|need| (source, need)))
}

/// What is asked of a source for an address; `None` if nothing can be.
pub(super) fn of_address(source: &Source, address: &Address) -> Option<Need> {
    let whole = || percent_encoded(&address.to_string());
    let url = match source {
        Source::Wkd(variant) => wkd::url(address, *variant),
        Source::Dane => return openpgpkey_name(address).map(Need::OpenPgpKey),
        Source::Vks(server) => format!("https://{server}/vks/v1/by-email/{}", whole()),
        Source::Hkp(server) => hkp(server.host(), &whole()),
    };
    Some(Need::Https(Get::new(url)))
}

/// What is asked of a server for a fingerprint; of others, nothing.
pub(super) fn of_fingerprint(source: &Source, of: Fingerprint) -> Option<Need> {
    let url = match source {
        Source::Wkd(_) | Source::Dane => return None,
        Source::Vks(server) => format!("https://{server}/vks/v1/by-fingerprint/{of}"),
        Source::Hkp(server) => hkp(server.host(), &format!("0x{of}")),
    };
    Some(Need::Https(Get::new(url)))
}

fn hkp(host: &str, search: &str) -> String {
    format!("https://{host}/pks/lookup?op=get&options=mr&exact=on&search={search}")
}

/// Where a redirect leads, if it may be followed: to the same host, or to another one with a name, by HTTPS and port 443.
#[cfg(feature = "_backend")]
pub(super) fn redirected(from: &Get, location: &str) -> Option<Get> {
    const MAX_URL: usize = 2_048;
    let plain = location.bytes().all(|c| c.is_ascii_graphic()) && !location.contains(['#', '\\']);
    if !plain || location.len() > MAX_URL {
        return None;
    }
    if location.starts_with('/') && !location.starts_with("//") {
        return Some(Get::new(format!("https://{}{location}", from.host())));
    }
    let scheme = location.get(..8)?;
    let rest = location.get(8..)?;
    if !scheme.eq_ignore_ascii_case("https://") {
        return None;
    }
    let (host, path) = match rest.find(['/', '?']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let host = host.strip_suffix(":443").unwrap_or(host);
    let host = crate::address::domain(host)?;
    let slash = if path.starts_with('/') { "" } else { "/" };
    Some(Get::new(format!("https://{host}{slash}{path}")))
}

#[cfg(all(test, feature = "_backend"))]
mod tests {
    use super::*;

    #[test]
    fn redirects_lead_to_hosts_with_names_by_https() {
        let from = Get::new("https://openpgpkey.example.org/x?l=a".to_owned());
        for (location, wanted) in [
            ("/y", Some("https://openpgpkey.example.org/y")),
            (
                "https://Other.Example/y?l=a",
                Some("https://other.example/y?l=a"),
            ),
            ("HTTPS://other.example:443", Some("https://other.example/")),
            ("https://other.example?q", Some("https://other.example/?q")),
            ("http://other.example/", None),
            ("//other.example/", None),
            ("y", None),
            ("", None),
            ("https://", None),
            ("https://other.example:8443/", None),
            ("https://user@other.example/", None),
            ("https://127.0.0.1/", None),
            ("https://2130706433/", None),
            ("https://[::1]/", None),
            ("https://other.example/\r\nx", None),
            ("https://other.example\\@evil.example/", None),
            ("file:///etc/passwd", None),
            ("éhttps://", None),
        ] {
            let led = redirected(&from, location);
            assert_eq!(led.as_ref().map(Get::url), wanted, "{location}");
        }
    }
}
