use std::fmt::Write;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::mime::Entity;
use super::{FileName, FileNameError, Form, Report, ReportError, date};
use crate::requiretls;
use crate::rule::is_host;

/// Most octets of a mail that is read.
pub const MAX_MAIL: usize = 4 * 1024 * 1024;

const BOUNDARY: &str = "=_tlsrpt";

/// What a report's mail needs beside the report.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Letter<'a> {
    /// The policy domain.
    pub domain: &'a str,
    /// The domain that reports. It has to sign the mail by DKIM (RFC 8460 §3).
    pub submitter: &'a str,
    /// The address that it is from; in the domain that reports, so that the signature is its own.
    pub from: &'a str,
    /// Where it goes: [`Destination::mailbox`](super::Destination::mailbox).
    pub to: &'a str,
    /// When it was written.
    pub date: SystemTime,
}

/// Why a mail cannot be written, or is no report's.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// More than [`MAX_MAIL`] octets.
    #[error("mail of more than 4194304 octets")]
    TooLong,
    /// A domain or address to be written is none, or the sender's address is of another domain.
    #[error("no or no proper {what}")]
    Address {
        /// Which.
        what: &'static str,
    },
    /// The report's name cannot stand in a header: it is not one or two dot-atoms with `@` between
    /// them (RFC 5322 §3.6.4), or has more than 255 octets.
    #[error("the report's name is no message identifier")]
    Id,
    /// The name of the file cannot be made.
    #[error("no name for the file")]
    FileName(#[source] FileNameError),
    /// A header is malformed, too large, or has a field twice that may be there once.
    #[error("malformed header")]
    Header,
    /// It is not `multipart/report; report-type=tlsrpt` (RFC 8460 §5.3).
    #[error("not a multipart/report of TLS")]
    OtherMail,
    /// It has no proper parts, or too many.
    #[error("malformed parts")]
    Parts,
    /// None of its parts is a report, or more than one.
    #[error("not one report")]
    NotOne,
    /// The part's transfer encoding is unknown or broken.
    #[error("malformed transfer encoding")]
    Encoding,
    /// The report is none.
    #[error("no report")]
    Report(#[source] ReportError),
}

impl<'a> Letter<'a> {
    /// All of it.
    pub fn new(
        domain: &'a str,
        submitter: &'a str,
        from: &'a str,
        to: &'a str,
        date: SystemTime,
    ) -> Self {
        Self {
            domain,
            submitter,
            from,
            to,
            date,
        }
    }

    /// The mail (RFC 8460 §5.3), compressed, with CRLF line ends, ASCII, lines of at most 998
    /// octets; to be signed by DKIM without `l=` (RFC 8460 §3) and sent. Nothing of a recipient's
    /// or a report's making stands in the header unless it is a domain, an address or an
    /// identifier.
    ///
    /// It has `TLS-Required: No` (RFC 8689 §3), as it has to arrive even where TLS is what is
    /// broken. See [`report_facts`](super::report_facts).
    ///
    /// # Errors
    /// [`MailError::Address`], [`MailError::Id`], [`MailError::FileName`], [`MailError::Report`].
    pub fn write(&self, report: &Report) -> Result<String, MailError> {
        let host = |name: &str, what| match name.len() <= 253 && is_host(name) {
            true => Ok(()),
            false => Err(MailError::Address { what }),
        };
        host(self.domain, "policy domain")?;
        host(self.submitter, "submitter")?;
        if !is_mailbox(self.to) {
            return Err(MailError::Address { what: "recipient" });
        }
        let own = self.from.rsplit_once('@');
        if !is_mailbox(self.from)
            || !own.is_some_and(|(_, domain)| domain.eq_ignore_ascii_case(self.submitter))
        {
            return Err(MailError::Address { what: "sender" });
        }
        let id = message_id(&report.id, self.submitter).ok_or(MailError::Id)?;
        let file = FileName::new(self.submitter, self.domain, report, Form::Gzip)
            .map_err(MailError::FileName)?;
        let octets = report.pack(Form::Gzip).map_err(MailError::Report)?;
        let mut mail = String::new();
        let Self {
            domain,
            submitter,
            from,
            to,
            ..
        } = self;
        let mut line = |text: std::fmt::Arguments<'_>| {
            // Writing to a string cannot fail.
            let _ = mail.write_fmt(text);
            mail.push_str("\r\n");
        };
        line(format_args!("Date: {}", date::mail(self.date)));
        line(format_args!("From: <{from}>"));
        line(format_args!("To: <{to}>"));
        line(format_args!("Subject: Report Domain: {domain}"));
        line(format_args!(" Submitter: {submitter}"));
        line(format_args!(" Report-ID: <{id}>"));
        line(format_args!("Message-ID: <{id}>"));
        line(format_args!("TLS-Report-Domain: {domain}"));
        line(format_args!("TLS-Report-Submitter: {submitter}"));
        line(format_args!("{}", requiretls::FIELD.trim_end()));
        // RFC 3834 §5: nobody answers this.
        line(format_args!("Auto-Submitted: auto-generated"));
        line(format_args!("MIME-Version: 1.0"));
        line(format_args!(
            "Content-Type: multipart/report; report-type=\"tlsrpt\";"
        ));
        line(format_args!(" boundary=\"{BOUNDARY}\""));
        line(format_args!(""));
        line(format_args!("--{BOUNDARY}"));
        line(format_args!("Content-Type: text/plain; charset=us-ascii"));
        line(format_args!(""));
        line(format_args!(
            "This is an aggregate TLS report from {submitter}"
        ));
        line(format_args!("about mail to {domain} (RFC 8460)."));
        line(format_args!(""));
        line(format_args!("--{BOUNDARY}"));
        line(format_args!("Content-Type: {}", Form::Gzip.media_type()));
        line(format_args!("Content-Transfer-Encoding: base64"));
        line(format_args!("Content-Disposition: attachment;"));
        line(format_args!(" filename=\"{file}\""));
        line(format_args!(""));
        // 57 octets are 76 characters (RFC 2045 §6.8).
        for chunk in octets.chunks(57) {
            line(format_args!("{}", STANDARD.encode(chunk)));
        }
        line(format_args!("--{BOUNDARY}--"));
        Ok(mail)
    }
}

/// A report that came by mail.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedMail {
    /// The report. Where the header says otherwise, the report counts (RFC 8460 §5.6).
    pub report: Report,
    /// `TLS-Report-Domain`, in lower case, if it is there and a domain.
    pub domain: Option<String>,
    /// `TLS-Report-Submitter`, likewise.
    pub submitter: Option<String>,
}

impl ReceivedMail {
    /// Reads a mail (RFC 8460 §5.3) of at most [`MAX_MAIL`] octets: `multipart/report` with exactly
    /// one part of a report's media type, whatever its transfer encoding.
    ///
    /// What stays your job: a mail without a valid DKIM signature of the domain that reports is to
    /// be ignored (RFC 8460 §3); until that is verified, anybody may have written it.
    ///
    /// # Errors
    /// As [`MailError`].
    pub fn read(octets: &[u8]) -> Result<Self, MailError> {
        if octets.len() > MAX_MAIL {
            return Err(MailError::TooLong);
        }
        let mail = Entity::read(octets).ok_or(MailError::Header)?;
        let kind = mail.parametrised("Content-Type");
        let kind = kind.map_err(|()| MailError::Header)?;
        let kind = kind.ok_or(MailError::OtherMail)?;
        let report_type = kind.parameter("report-type").unwrap_or_default();
        if kind.value != "multipart/report" || !report_type.eq_ignore_ascii_case("tlsrpt") {
            return Err(MailError::OtherMail);
        }
        let boundary = kind.parameter("boundary").ok_or(MailError::Parts)?;
        let parts = mail.parts(boundary).ok_or(MailError::Parts)?;
        let mut found = None;
        for part in parts {
            let part = Entity::read(part).ok_or(MailError::Header)?;
            let kind = part.parametrised("Content-Type");
            let kind = kind.map_err(|()| MailError::Header)?;
            let Some(form) = kind.and_then(|kind| Form::of_media_type(&kind.value)) else {
                continue;
            };
            if found.is_some() {
                return Err(MailError::NotOne);
            }
            found = Some((form, part));
        }
        let (form, part) = found.ok_or(MailError::NotOne)?;
        let octets = part.decoded().ok_or(MailError::Encoding)?;
        let name = |field| {
            let value = mail.field(field).map_err(|()| MailError::Header)?;
            let host = value.filter(|name| name.len() <= 253 && is_host(name));
            Ok(host.map(|name| name.to_ascii_lowercase()))
        };
        Ok(Self {
            domain: name("TLS-Report-Domain")?,
            submitter: name("TLS-Report-Submitter")?,
            report: Report::unpack(&octets, form).map_err(MailError::Report)?,
        })
    }
}

/// A mail address of a dot-atom and a domain name (RFC 5321 §4.1.2), of at most 254 octets.
pub(super) fn is_mailbox(address: &str) -> bool {
    let parts = address.rsplit_once('@');
    address.len() <= 254
        && parts.is_some_and(|(local, domain)| {
            local.len() <= 64 && is_dot_atom(local) && domain.len() <= 253 && is_host(domain)
        })
}

/// `left@right`, with the submitter on the right if there is none.
fn message_id(id: &str, submitter: &str) -> Option<String> {
    let legal = match id.split_once('@') {
        Some((left, right)) => is_dot_atom(left) && is_dot_atom(right),
        None => is_dot_atom(id),
    };
    let id = match id.contains('@') {
        true => id.to_owned(),
        false => format!("{id}@{submitter}"),
    };
    (legal && id.len() <= 255).then_some(id)
}

fn is_dot_atom(text: &str) -> bool {
    let legal = |o: u8| o.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&o);
    let atom = |atom: &str| !atom.is_empty() && atom.bytes().all(legal);
    text.split('.').all(atom)
}
