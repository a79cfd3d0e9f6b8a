use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::record::is_field_name;
use crate::StsFact;
use crate::rule::is_host;

/// Most octets of a policy (RFC 8461 §3.3 suggests it).
pub const MAX_POLICY: usize = 64 * 1024;

/// Most `mx` lines of a policy.
pub const MAX_MX: usize = 1000;

/// The longest time to keep a policy for (RFC 8461 §3.2); a longer one counts as this.
pub const MAX_AGE: Duration = Duration::from_secs(31_557_600);

/// An MTA-STS policy (RFC 8461 §3.2).
///
/// ```
/// use tls_policy::sts::Policy;
/// let text = "version: STSv1\nmode: enforce\nmx: *.example.com\nmax_age: 604800\n";
/// let policy: Policy = text.parse()?;
/// assert!(policy.names("MX1.example.com.") && !policy.names("example.com"));
/// assert_eq!(policy.to_string(), text.replace('\n', "\r\n"));
/// # Ok::<(), tls_policy::sts::PolicyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Policy {
    mode: Mode,
    mx: Box<[Pattern]>,
    max_age: u32,
}

/// What a sender does with a policy (RFC 8461 §5).
#[allow(clippy::exhaustive_enums)] // complete by RFC 8461 §5
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Deliver to no host that fails it.
    Enforce,
    /// Deliver, and report.
    Testing,
    /// There is no policy, nor was there one.
    None,
}

/// A host name, or `*.` and a name for every host exactly one label below it (RFC 8461 §4.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern {
    /// In lower case, with `*.` if there is one.
    text: Box<str>,
}

/// Why some text is not a policy.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// More than [`MAX_POLICY`] octets.
    #[error("policy of more than 65536 octets")]
    TooLong,
    /// More than [`MAX_MX`] `mx` lines.
    #[error("policy of more than 1000 mx lines")]
    TooManyHosts,
    /// A line is not a name, a colon and a value.
    #[error("line {line} is not a name and a value")]
    Line {
        /// Counted from 1.
        line: usize,
    },
    /// There is no `version`, or another one than `STSv1`.
    #[error("no version STSv1")]
    Version,
    /// There is no `mode`, or an unknown one.
    #[error("no known mode")]
    Mode,
    /// There is no `max_age`, or it is not a number of 1 to 10 digits.
    #[error("no max_age of 1 to 10 digits")]
    MaxAge,
    /// The pattern of an `mx` line is none.
    #[error("line {line} names no host")]
    Host {
        /// Counted from 1.
        line: usize,
    },
    /// There is no `mx`, though the mode wants one.
    #[error("no mx")]
    NoHost,
}

impl Policy {
    /// For publication: a policy with these hosts and a time to keep it for, in whole seconds and at
    /// most [`MAX_AGE`].
    ///
    /// # Errors
    /// [`PolicyError::NoHost`], [`PolicyError::TooManyHosts`].
    pub fn new(
        mode: Mode,
        mx: impl IntoIterator<Item = Pattern>,
        max_age: Duration,
    ) -> Result<Self, PolicyError> {
        let mx: Box<[Pattern]> = mx.into_iter().collect();
        if mx.len() > MAX_MX {
            return Err(PolicyError::TooManyHosts);
        }
        if mx.is_empty() && mode != Mode::None {
            return Err(PolicyError::NoHost);
        }
        let max_age = u32::try_from(max_age.min(MAX_AGE).as_secs()).unwrap_or(u32::MAX);
        Ok(Self { mode, mx, max_age })
    }

    /// Reads the body of a policy file.
    ///
    /// Fields may come in any order; unknown ones are passed over, and so are empty lines. Of a field
    /// that is repeated the first counts, except `mx` (RFC 8461 §3.2).
    ///
    /// # Errors
    /// As [`PolicyError`]. An error means that the whole policy does not count.
    pub fn from_octets(octets: &[u8]) -> Result<Self, PolicyError> {
        if octets.len() > MAX_POLICY {
            return Err(PolicyError::TooLong);
        }
        let (mut version, mut mode, mut max_age) = (None, None, None);
        let mut mx = Vec::new();
        for (at, line) in octets.split(|&o| o == b'\n').enumerate() {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let Some((name, value)) = field(line, at + 1)? else {
                continue;
            };
            match name {
                "version" => _ = version.get_or_insert(value),
                "mode" => _ = mode.get_or_insert(value),
                "max_age" => _ = max_age.get_or_insert(value),
                "mx" if mx.len() == MAX_MX => return Err(PolicyError::TooManyHosts),
                "mx" => {
                    let host = value.parse();
                    mx.push(host.map_err(|NoPattern| PolicyError::Host { line: at + 1 })?);
                }
                _ => {}
            }
        }
        if version != Some("STSv1") {
            return Err(PolicyError::Version);
        }
        let mode = mode.and_then(Mode::named).ok_or(PolicyError::Mode)?;
        let max_age = max_age.and_then(seconds).ok_or(PolicyError::MaxAge)?;
        Self::new(mode, mx, max_age)
    }

    /// What a sender does with it.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The hosts.
    pub fn mx(&self) -> &[Pattern] {
        &self.mx
    }

    /// How long it may be kept after it was fetched.
    pub fn max_age(&self) -> Duration {
        Duration::from_secs(self.max_age.into())
    }

    /// Whether a host is one of them (RFC 8461 §4.1), whatever the mode. Its certificate must be
    /// valid for the host's own name, not for the pattern (RFC 8461 §4.2).
    pub fn names(&self, mx: &str) -> bool {
        self.mx.iter().any(|pattern| pattern.matches(mx))
    }

    /// What it means for one MX host.
    pub fn fact(&self, mx: &str) -> StsFact {
        match self.mode {
            Mode::Enforce if self.names(mx) => StsFact::Enforce,
            Mode::Enforce => StsFact::EnforceMismatch,
            Mode::Testing => StsFact::Testing,
            Mode::None => StsFact::Withdrawn,
        }
    }
}

impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        Self::from_octets(text.as_bytes())
    }
}

/// The file, with lines that end in CRLF.
impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "version: STSv1\r\nmode: {}\r\n", self.mode)?;
        for pattern in &self.mx {
            write!(f, "mx: {pattern}\r\n")?;
        }
        write!(f, "max_age: {}\r\n", self.max_age)
    }
}

impl Mode {
    fn named(text: &str) -> Option<Self> {
        Some(match text {
            "enforce" => Self::Enforce,
            "testing" => Self::Testing,
            "none" => Self::None,
            _ => return None,
        })
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Enforce => "enforce",
            Self::Testing => "testing",
            Self::None => "none",
        })
    }
}

impl Pattern {
    /// Whether a host is meant; case and a final dot do not count.
    pub fn matches(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        match self.text.strip_prefix("*.") {
            None => host.eq_ignore_ascii_case(&self.text),
            // RFC 8461 §4.1: the wildcard is one label, and the leftmost one.
            Some(parent) => host.split_once('.').is_some_and(|(label, rest)| {
                !label.is_empty() && rest.eq_ignore_ascii_case(parent)
            }),
        }
    }
}

/// Some text is neither a host name of A-labels nor `*.` and one.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no host name")]
pub struct NoPattern;

impl FromStr for Pattern {
    type Err = NoPattern;

    fn from_str(text: &str) -> Result<Self, NoPattern> {
        let host = text.strip_prefix("*.").unwrap_or(text);
        let legal = host.len() <= 253 && is_host(host);
        let pattern = || Self {
            text: text.to_ascii_lowercase().into(),
        };
        legal.then(pattern).ok_or(NoPattern)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// `name ":" *WSP value *WSP`; nothing of an empty line.
fn field(line: &[u8], number: usize) -> Result<Option<(&str, &str)>, PolicyError> {
    let malformed = PolicyError::Line { line: number };
    let line = str::from_utf8(line).map_err(|_| malformed)?;
    let line = line.trim_end_matches([' ', '\t']);
    if line.is_empty() {
        return Ok(None);
    }
    let (name, value) = line.split_once(':').ok_or(malformed)?;
    let value = value.trim_start_matches([' ', '\t']);
    let legal = is_field_name(name) && !value.is_empty() && !value.chars().any(char::is_control);
    legal.then_some(Some((name, value))).ok_or(malformed)
}

fn seconds(text: &str) -> Option<Duration> {
    let legal = (1..=10).contains(&text.len()) && text.bytes().all(|o| o.is_ascii_digit());
    let seconds = legal.then(|| text.parse().ok())?;
    seconds.map(Duration::from_secs)
}
