use std::fmt;
use std::io::{Read, Write};
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;

use super::{MAX_REPORT, Report, ReportError};
use crate::rule::is_host;

/// Most octets of a compressed report that is read.
pub const MAX_PACKED: usize = 2 * 1024 * 1024;

/// The two forms in which a report travels (RFC 8460 §5.2, §6.4, §6.5).
#[allow(clippy::exhaustive_enums)] // complete by RFC 8460 §5.1
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// JSON.
    Json,
    /// JSON, compressed by gzip (RFC 1952), as RFC 8460 §5.2 wants it.
    Gzip,
}

impl Form {
    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/tlsrpt+json",
            Self::Gzip => "application/tlsrpt+gzip",
        }
    }

    /// How the name of its file ends, after a dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Gzip => "json.gz",
        }
    }

    /// The form of a media type, in any case and without parameters.
    pub fn of_media_type(name: &str) -> Option<Self> {
        let forms = [Self::Json, Self::Gzip];
        let is = |form: &Self| form.media_type().eq_ignore_ascii_case(name);
        forms.into_iter().find(is)
    }
}

impl Report {
    /// The report in a form; the same report gives the same octets.
    ///
    /// # Errors
    /// [`ReportError::Gzip`], if the compressor fails. No cause of that is known.
    pub fn pack(&self, form: Form) -> Result<Vec<u8>, ReportError> {
        let json = self.to_json().into_bytes();
        if form == Form::Json {
            return Ok(json);
        }
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        let written = encoder.write_all(&json);
        written
            .and_then(|()| encoder.finish())
            .map_err(|_| ReportError::Gzip)
    }

    /// Reads a report in a form. Of a compressed one no more than [`MAX_REPORT`] octets are unpacked,
    /// whatever it holds, into at most some 4 MiB.
    ///
    /// # Errors
    /// As [`ReportError`].
    pub fn unpack(octets: &[u8], form: Form) -> Result<Self, ReportError> {
        match form {
            Form::Json => Self::from_json(octets),
            Form::Gzip => Self::from_json(&gunzip(octets)?),
        }
    }
}

/// Most members of a compressed report (RFC 1952 §2.2); each costs a decompressor.
const MAX_MEMBERS: usize = 100;

/// Unpacks all members, and refuses what follows the last one.
fn gunzip(packed: &[u8]) -> Result<Vec<u8>, ReportError> {
    let too_large = |what| Err(ReportError::TooLarge { what });
    if packed.len() > MAX_PACKED {
        return too_large("packed octets");
    }
    let (mut octets, mut rest) = (Vec::new(), packed);
    for _ in 0..MAX_MEMBERS {
        let mut member = GzDecoder::new(rest);
        // One more than is allowed tells that there is more.
        let room = MAX_REPORT.saturating_sub(octets.len()).saturating_add(1);
        let room = u64::try_from(room).unwrap_or(u64::MAX);
        let read = member.by_ref().take(room).read_to_end(&mut octets);
        read.map_err(|_| ReportError::Gzip)?;
        if octets.len() > MAX_REPORT {
            return too_large("unpacked octets");
        }
        rest = member.into_inner();
        if rest.is_empty() {
            return Ok(octets);
        }
    }
    too_large("gzip members")
}

/// The name of a report's file (RFC 8460 §5.1).
///
/// ```
/// use tls_policy::tlsrpt::FileName;
/// let name = "mail.sndr.example.com!example.net!1470013207!1470186007!001.json.gz";
/// let read: FileName = name.parse()?;
/// assert_eq!((read.sender(), read.domain()), ("mail.sndr.example.com", "example.net"));
/// assert_eq!(read.to_string(), name);
/// # Ok::<(), tls_policy::tlsrpt::FileNameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FileName {
    sender: String,
    domain: String,
    start: u64,
    end: u64,
    unique: Option<String>,
    form: Form,
}

/// Why a text is no name of a report's file.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileNameError {
    /// There are not four or five parts between `!`.
    #[error("not four or five parts")]
    Parts,
    /// Sender or domain is no domain name of at most 253 octets.
    #[error("no domain name")]
    Domain,
    /// A time is no number of seconds, of 1 to 15 digits.
    #[error("no time in seconds")]
    Time,
    /// The unique part is not 1 to 64 letters and digits.
    #[error("no unique part of letters and digits")]
    Unique,
    /// It does not end with `.json` or `.json.gz`.
    #[error("neither .json nor .json.gz")]
    Extension,
}

impl FileName {
    /// The name for a report.
    ///
    /// # Errors
    /// [`FileNameError::Domain`], [`FileNameError::Time`].
    pub fn new(
        sender: &str,
        domain: &str,
        report: &Report,
        form: Form,
    ) -> Result<Self, FileNameError> {
        let seconds = |time: SystemTime| {
            let since = time.duration_since(UNIX_EPOCH);
            let seconds = since.map_or(0, |since| since.as_secs());
            (seconds < MAX_TIME)
                .then_some(seconds)
                .ok_or(FileNameError::Time)
        };
        Ok(Self {
            sender: name(sender)?,
            domain: name(domain)?,
            start: seconds(report.start)?,
            end: seconds(report.end)?,
            unique: None,
            form,
        })
    }

    /// With a part that tells reports of one time and domain apart.
    ///
    /// # Errors
    /// [`FileNameError::Unique`].
    pub fn unique(self, unique: &str) -> Result<Self, FileNameError> {
        let legal =
            (1..=64).contains(&unique.len()) && unique.bytes().all(|o| o.is_ascii_alphanumeric());
        let unique = legal.then(|| unique.into()).ok_or(FileNameError::Unique)?;
        Ok(Self {
            unique: Some(unique),
            ..self
        })
    }

    /// Who reports: a domain name.
    pub fn sender(&self) -> &str {
        &self.sender
    }

    /// The policy domain.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The times that it is about, if this system can tell them.
    pub fn range(&self) -> Option<(SystemTime, SystemTime)> {
        let at = |seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
        Some((at(self.start)?, at(self.end)?))
    }

    /// The form.
    pub fn form(&self) -> Form {
        self.form
    }
}

/// Times are below this: they have 15 digits at most.
const MAX_TIME: u64 = 1_000_000_000_000_000;

impl FromStr for FileName {
    type Err = FileNameError;

    fn from_str(text: &str) -> Result<Self, FileNameError> {
        let parts: Vec<&str> = text.splitn(6, '!').collect();
        let (sender, domain, start, end, unique) = match *parts {
            [sender, domain, start, end] => (sender, domain, start, end, None),
            [sender, domain, start, end, unique] => (sender, domain, start, end, Some(unique)),
            _ => return Err(FileNameError::Parts),
        };
        let last = unique.unwrap_or(end);
        let (last, extension) = last.split_once('.').ok_or(FileNameError::Extension)?;
        let is = |form: &Form| form.extension().eq_ignore_ascii_case(extension);
        let form = [Form::Json, Form::Gzip].into_iter().find(is);
        let form = form.ok_or(FileNameError::Extension)?;
        let end = if unique.is_some() { end } else { last };
        let read = Self {
            sender: name(sender)?,
            domain: name(domain)?,
            start: time(start)?,
            end: time(end)?,
            unique: None,
            form,
        };
        match unique {
            Some(_) => read.unique(last),
            None => Ok(read),
        }
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}!{}!{}!{}",
            self.sender, self.domain, self.start, self.end
        )?;
        if let Some(unique) = &self.unique {
            write!(f, "!{unique}")?;
        }
        write!(f, ".{}", self.form.extension())
    }
}

fn name(text: &str) -> Result<String, FileNameError> {
    let legal = text.len() <= 253 && is_host(text);
    legal
        .then(|| text.to_ascii_lowercase())
        .ok_or(FileNameError::Domain)
}

fn time(text: &str) -> Result<u64, FileNameError> {
    let digits = (1..=15).contains(&text.len()) && text.bytes().all(|o| o.is_ascii_digit());
    let seconds = digits.then(|| text.parse().ok()).flatten();
    seconds.ok_or(FileNameError::Time)
}
