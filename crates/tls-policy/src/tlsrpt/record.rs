use std::fmt;
use std::str::FromStr;

use super::mail::is_mailbox;
use super::mime::hex;

/// Most destinations of a record that count.
pub const MAX_DESTINATIONS: usize = 10;

/// The TXT record at `_smtp._tls.<domain>` (RFC 8460 §3): where reports are wanted.
///
/// ```
/// use tls_policy::tlsrpt::TlsRptRecord;
/// let text = "v=TLSRPTv1; rua=mailto:tls@example.org,https://example.org/v1/tls";
/// let record: TlsRptRecord = text.parse()?;
/// assert_eq!(record.destinations()[0].uri(), "mailto:tls@example.org");
/// assert_eq!(record.to_string(), text);
/// # Ok::<(), tls_policy::tlsrpt::TlsRptRecordError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TlsRptRecord {
    destinations: Box<[Destination]>,
}

/// Where a report goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Destination {
    uri: Box<str>,
}

/// Why some text is not such a record. RFC 8460 §3: then nobody wants reports.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsRptRecordError {
    /// It does not begin with `v=TLSRPTv1;`, so it is another record.
    #[error("not a TLSRPT record")]
    OtherRecord,
    /// Something between two semicolons is not a name and a value.
    #[error("field {field} is not a name and a value")]
    Field {
        /// Counted from 1.
        field: usize,
    },
    /// There is no `rua` with a `mailto:` or `https:` URI.
    #[error("no rua with a mailto or https URI")]
    Destination,
}

impl TlsRptRecord {
    /// Reads the strings of one TXT record, put together without spaces (RFC 8460 §3).
    ///
    /// URIs of other schemes are passed over, and what comes after [`MAX_DESTINATIONS`].
    ///
    /// # Errors
    /// As [`TlsRptRecordError`].
    pub fn from_octets(octets: &[u8]) -> Result<Self, TlsRptRecordError> {
        let text = octets.strip_prefix(b"v=TLSRPTv1;");
        let text = text.ok_or(TlsRptRecordError::OtherRecord)?;
        let text = str::from_utf8(text).map_err(|_| TlsRptRecordError::Field { field: 2 })?;
        let text = text.trim_matches(BLANKS);
        let text = text.strip_suffix(';').unwrap_or(text);
        let mut destinations = None;
        for (at, field) in text.split(';').enumerate() {
            let malformed = TlsRptRecordError::Field { field: at + 2 };
            let field = field.trim_matches(BLANKS);
            let (name, value) = field.split_once('=').ok_or(malformed)?;
            let legal = |c: char| c.is_ascii_graphic() || BLANKS.contains(&c) && name == "rua";
            if !is_name(name) || value.is_empty() || !value.chars().all(legal) {
                return Err(malformed);
            }
            // As in RFC 8461 §3.1, of a field that is repeated the first counts.
            if name == "rua" && destinations.is_none() {
                destinations = Some(read(value));
            }
        }
        let destinations = destinations.unwrap_or_default();
        match destinations.is_empty() {
            true => Err(TlsRptRecordError::Destination),
            false => Ok(Self { destinations }),
        }
    }

    /// Where reports go: to each of them, or to any (RFC 8460 §3).
    pub fn destinations(&self) -> &[Destination] {
        &self.destinations
    }
}

impl Destination {
    /// The URI: `mailto:` or `https:`, visible ASCII without `,` and `;`.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The mail address, if it is one; percent signs are left as they are.
    pub fn mail_address(&self) -> Option<&str> {
        let (_, address) = self.uri.split_once(':').filter(|(s, _)| is(s, "mailto"))?;
        // RFC 6068 §2: what follows a `?` are header fields, which nobody may choose for us.
        address.split('?').next()
    }

    /// The mail address to write to, if it is one: without percent signs (RFC 6068 §2), a dot-atom
    /// and a domain name in ASCII, so that it can stand in a header and in RCPT TO as it is.
    pub fn mailbox(&self) -> Option<String> {
        let mut encoded = self.mail_address()?.bytes();
        let mut address = String::new();
        while let Some(octet) = encoded.next() {
            address.push(char::from(match octet {
                b'%' => hex(encoded.next()?)? << 4 | hex(encoded.next()?)?,
                octet => octet,
            }));
        }
        is_mailbox(&address).then_some(address)
    }
}

impl FromStr for TlsRptRecord {
    type Err = TlsRptRecordError;

    fn from_str(text: &str) -> Result<Self, TlsRptRecordError> {
        Self::from_octets(text.as_bytes())
    }
}

impl fmt::Display for TlsRptRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("v=TLSRPTv1; rua=")?;
        for (at, destination) in self.destinations.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            write!(f, "{comma}{}", destination.uri)?;
        }
        Ok(())
    }
}

const BLANKS: [char; 2] = [' ', '\t'];

fn read(value: &str) -> Box<[Destination]> {
    let uris = value.split(',').map(|uri| uri.trim_matches(BLANKS));
    let ours = |uri: &&str| {
        let scheme = uri.split_once(':');
        scheme.is_some_and(|(scheme, rest)| {
            let mail = is(scheme, "mailto") && rest.split_once('@').is_some();
            let https = is(scheme, "https") && rest.starts_with("//") && rest.len() > 2;
            (mail || https) && !rest.contains(BLANKS)
        })
    };
    uris.filter(ours)
        .take(MAX_DESTINATIONS)
        .map(|uri| Destination { uri: uri.into() })
        .collect()
}

fn is(scheme: &str, name: &str) -> bool {
    scheme.eq_ignore_ascii_case(name)
}

/// A letter or digit, then at most 31 of these, `_`, `-` and `.` (RFC 8460 §3).
fn is_name(name: &str) -> bool {
    let mut octets = name.bytes();
    name.len() <= 32
        && octets.next().is_some_and(|o| o.is_ascii_alphanumeric())
        && octets.all(|o| o.is_ascii_alphanumeric() || matches!(o, b'_' | b'-' | b'.'))
}
