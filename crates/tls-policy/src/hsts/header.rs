use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Most octets of a value that is read.
pub const MAX_HEADER: usize = 4096;

/// The value of the header field `Strict-Transport-Security` (RFC 6797 §6.1).
///
/// ```
/// use std::time::Duration;
/// use tls_policy::hsts::Hsts;
/// let year = Duration::from_secs(31_536_000);
/// let ours = Hsts::new(year).include_sub_domains();
/// assert_eq!(ours.to_string(), "max-age=31536000; includeSubDomains");
/// assert_eq!("Max-Age=\"31536000\" ; INCLUDESUBDOMAINS; x=1".parse(), Ok(ours));
/// # Ok::<(), tls_policy::hsts::HstsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hsts {
    max_age: u64,
    sub_domains: bool,
    preload: bool,
}

/// Why some text is not such a value. RFC 6797 §8.1: then it is ignored, all of it.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HstsError {
    /// More than [`MAX_HEADER`] octets.
    #[error("header field of more than 4096 octets")]
    TooLong,
    /// Something between two semicolons is not a token, with a value or without.
    #[error("directive {directive} is malformed")]
    Malformed {
        /// Counted from 1.
        directive: usize,
    },
    /// A directive stands there twice (RFC 6797 §6.1).
    #[error("directive {directive} is repeated")]
    Repeated {
        /// Counted from 1.
        directive: usize,
    },
    /// There is no `max-age`, or it is no number (RFC 6797 §6.1.1).
    #[error("no max-age in seconds")]
    MaxAge,
    /// `includeSubDomains` or `preload` has a value (RFC 6797 §6.1.2).
    #[error("a value where none belongs")]
    Value,
}

impl Hsts {
    /// Browsers are to use HTTPS for so long after they last saw this; 0 makes them forget
    /// (RFC 6797 §6.1.1). Whole seconds count.
    pub fn new(max_age: Duration) -> Self {
        Self {
            max_age: max_age.as_secs(),
            sub_domains: false,
            preload: false,
        }
    }

    /// For all names below this one, too (RFC 6797 §6.1.2).
    #[must_use]
    pub fn include_sub_domains(self) -> Self {
        let sub_domains = true;
        Self {
            sub_domains,
            ..self
        }
    }

    /// Browsers may ship with it. No RFC has this; it cannot be undone within months.
    #[must_use]
    pub fn preload(self) -> Self {
        let preload = true;
        Self { preload, ..self }
    }

    /// How long it holds.
    pub fn max_age(&self) -> Duration {
        Duration::from_secs(self.max_age)
    }

    /// Whether it holds for the names below.
    pub fn includes_sub_domains(&self) -> bool {
        self.sub_domains
    }

    /// Whether browsers may ship with it.
    pub fn is_preload(&self) -> bool {
        self.preload
    }

    /// Reads the value of the first such field of a response (RFC 6797 §8.1); over plain HTTP there
    /// is none.
    ///
    /// # Errors
    /// As [`HstsError`].
    pub fn from_octets(octets: &[u8]) -> Result<Self, HstsError> {
        if octets.len() > MAX_HEADER {
            return Err(HstsError::TooLong);
        }
        let mut names: Vec<&[u8]> = Vec::new();
        let (mut max_age, mut found) = (None, Self::new(Duration::ZERO));
        for (at, directive) in split(octets).enumerate() {
            let malformed = HstsError::Malformed { directive: at + 1 };
            // RFC 6797 §6.1: a directive may be empty.
            if directive.is_empty() {
                continue;
            }
            let (name, value) = read(directive).ok_or(malformed)?;
            if names.iter().any(|seen| seen.eq_ignore_ascii_case(name)) {
                return Err(HstsError::Repeated { directive: at + 1 });
            }
            names.push(name);
            if name.eq_ignore_ascii_case(b"max-age") {
                max_age = Some(
                    value
                        .as_deref()
                        .and_then(seconds)
                        .ok_or(HstsError::MaxAge)?,
                );
            } else if name.eq_ignore_ascii_case(b"includeSubDomains") {
                found.sub_domains = true;
                value.map_or(Ok(()), |_| Err(HstsError::Value))?;
            } else if name.eq_ignore_ascii_case(b"preload") {
                found.preload = true;
                value.map_or(Ok(()), |_| Err(HstsError::Value))?;
            }
        }
        found.max_age = max_age.ok_or(HstsError::MaxAge)?;
        Ok(found)
    }
}

impl FromStr for Hsts {
    type Err = HstsError;

    fn from_str(text: &str) -> Result<Self, HstsError> {
        Self::from_octets(text.as_bytes())
    }
}

impl fmt::Display for Hsts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "max-age={}", self.max_age)?;
        if self.sub_domains {
            f.write_str("; includeSubDomains")?;
        }
        if self.preload {
            f.write_str("; preload")?;
        }
        Ok(())
    }
}

/// At semicolons that are not in quotes; without the blanks around.
fn split(octets: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    octets
        .split(move |&octet| {
            match octet {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                _ => {}
            }
            octet == b';' && !quoted
        })
        .map(trim)
}

/// `token [ "=" ( token / quoted-string ) ]` (RFC 6797 §6.1), with blanks around the `=`.
fn read(directive: &[u8]) -> Option<(&[u8], Option<Vec<u8>>)> {
    let mut parts = directive.splitn(2, |&octet| octet == b'=');
    let name = trim(parts.next()?);
    let value = match parts.next().map(trim) {
        Some([b'"', inner @ .., b'"']) => Some(unquoted(inner)?),
        Some(token) => Some(Vec::from(is_token(token).then_some(token)?)),
        None => None,
    };
    is_token(name).then_some((name, value))
}

/// RFC 9110 §5.6.4.
fn unquoted(inner: &[u8]) -> Option<Vec<u8>> {
    let mut value = Vec::with_capacity(inner.len());
    let mut octets = inner.iter().copied();
    while let Some(octet) = octets.next() {
        let legal = |o: u8| matches!(o, b'\t' | b' '..=b'~' | 0x80..=0xFF);
        let octet = match octet {
            b'\\' => octets.next()?,
            b'"' => return None,
            octet => octet,
        };
        value.push(legal(octet).then_some(octet)?);
    }
    Some(value)
}

/// RFC 9110 §5.6.2.
fn is_token(octets: &[u8]) -> bool {
    let legal = |o: &u8| o.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(o);
    !octets.is_empty() && octets.iter().all(legal)
}

/// Digits alone; a number too great for us is as good as for ever (RFC 9110 §5.6.7 has no bound).
fn seconds(digits: &[u8]) -> Option<u64> {
    let text = str::from_utf8(digits).ok()?;
    let legal = !text.is_empty() && digits.iter().all(u8::is_ascii_digit);
    legal.then(|| text.parse().unwrap_or(u64::MAX))
}

fn trim(octets: &[u8]) -> &[u8] {
    let blank = |o: &u8| matches!(o, b' ' | b'\t');
    let start = octets
        .iter()
        .position(|o| !blank(o))
        .unwrap_or(octets.len());
    let end = octets
        .iter()
        .rposition(|o| !blank(o))
        .map_or(start, |at| at + 1);
    octets.get(start..end).unwrap_or_default()
}
