use std::fmt;
use std::io::{self, Read, Write};
use std::time::SystemTime;

use super::fields::line;
use super::{FileName, Mailbox, MediaType, MimeError, date, encode};

/// Most attachments of a letter.
pub const MAX_ATTACHMENTS: usize = 100;

/// What is sealed: a whole mail (RFC 5322) with its subject, its text, an alternative in HTML, and attachments.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use symmetric_seal::mime::{Attachment, FileName, Letter, Mailbox};
/// let (alice, bob) = (Mailbox::new("alice@example.org")?, Mailbox::new("bob@example.net")?);
/// let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
/// let mail = Letter::new(&alice, &bob, "The contract", now)?
///     .text("As agreed.\n")
///     .attach(Attachment::new(FileName::new("Vertrag für Bob.pdf")?, b"%PDF-1.7"))
///     .write()?;
/// assert!(mail.starts_with(b"Date: Fri, 15 Jan 2027 08:00:00 +0000\r\nFrom: <alice@example.org>\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Letter<'a> {
    from: &'a Mailbox,
    to: &'a Mailbox,
    subject: &'a str,
    date: SystemTime,
    text: &'a str,
    html: Option<&'a str>,
    attachments: Vec<Attachment<'a>>,
}

/// A file that is attached.
pub struct Attachment<'a> {
    name: FileName,
    kind: MediaType,
    content: Content<'a>,
}

enum Content<'a> {
    Octets(&'a [u8]),
    Reader(&'a mut dyn Read),
}

impl<'a> Attachment<'a> {
    /// Of octets; what it is follows from the name.
    #[must_use]
    pub fn new(name: FileName, octets: &'a [u8]) -> Self {
        Self {
            kind: MediaType::of_file(&name),
            name,
            content: Content::Octets(octets),
        }
    }

    /// Read while it is written, in constant memory.
    pub fn reading(name: FileName, from: &'a mut dyn Read) -> Self {
        Self {
            kind: MediaType::of_file(&name),
            name,
            content: Content::Reader(from),
        }
    }

    /// What it is, if that does not follow from the name.
    #[must_use]
    pub fn of_type(self, kind: MediaType) -> Self {
        Self { kind, ..self }
    }
}

/// Without its content.
impl fmt::Debug for Attachment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Attachment({:?}, {})",
            self.name.as_str(),
            self.kind.as_str()
        )
    }
}

// In a body that is quoted-printable `=` is followed by a digit or a line end, in base64 `_` does not occur: no line of
// any content is a delimiter (RFC 2046 §5.1.1).
const MIXED: &str = "=_letter-mixed";
const ALTERNATIVE: &str = "=_letter-alternative";

impl<'a> Letter<'a> {
    /// A letter with a subject of one line and no text.
    ///
    /// # Errors
    /// [`MimeError::Line`].
    pub fn new(
        from: &'a Mailbox,
        to: &'a Mailbox,
        subject: &'a str,
        date: SystemTime,
    ) -> Result<Self, MimeError> {
        Ok(Self {
            from,
            to,
            subject: line(subject)?,
            date,
            text: "",
            html: None,
            attachments: Vec::new(),
        })
    }

    /// The text.
    #[must_use]
    pub fn text(self, text: &'a str) -> Self {
        Self { text, ..self }
    }

    /// The same in HTML. Whoever shows it has to sanitise it.
    #[must_use]
    pub fn html(self, html: &'a str) -> Self {
        Self {
            html: Some(html),
            ..self
        }
    }

    /// One more attachment, of at most [`MAX_ATTACHMENTS`].
    #[must_use]
    pub fn attach(mut self, attachment: Attachment<'a>) -> Self {
        self.attachments.push(attachment);
        self
    }

    /// The letter as octets.
    ///
    /// # Errors
    /// Those of [`write_to`](Self::write_to).
    pub fn write(self) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        self.write_to(&mut out)?;
        Ok(out)
    }

    /// Writes the letter, for instance into a sealing writer.
    ///
    /// # Errors
    /// Those of `out` and of what attachments are read from; [`MimeError::Attachments`] as invalid input.
    pub fn write_to(self, out: &mut impl Write) -> io::Result<()> {
        if self.attachments.len() > MAX_ATTACHMENTS {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                MimeError::Attachments,
            ));
        }
        let mut head = format!("Date: {}\r\nFrom: ", date::field(self.date));
        self.from.write(&mut head);
        head.push_str("\r\nTo: ");
        self.to.write(&mut head);
        head.push_str("\r\n");
        encode::unstructured("Subject", self.subject, &mut head);
        head.push_str("MIME-Version: 1.0\r\n");
        out.write_all(head.as_bytes())?;
        if self.attachments.is_empty() {
            return body(self.text, self.html, out);
        }
        write!(
            out,
            "Content-Type: multipart/mixed; boundary=\"{MIXED}\"\r\n\r\n--{MIXED}\r\n"
        )?;
        body(self.text, self.html, out)?;
        for attachment in self.attachments {
            let mut head = format!(
                "\r\n--{MIXED}\r\nContent-Type: {}",
                attachment.kind.as_str()
            );
            head.push_str("\r\nContent-Disposition: attachment");
            encode::parameter("filename", attachment.name.as_str(), &mut head);
            head.push_str("\r\nContent-Transfer-Encoding: base64\r\n\r\n");
            out.write_all(head.as_bytes())?;
            match attachment.content {
                Content::Octets(mut octets) => encode::base64(&mut octets, out)?,
                Content::Reader(from) => encode::base64(from, out)?,
            }
        }
        write!(out, "\r\n--{MIXED}--\r\n")
    }
}

/// The text alone, or together with the same in HTML.
pub(super) fn body(text: &str, html: Option<&str>, out: &mut impl Write) -> io::Result<()> {
    let Some(html) = html else {
        return encode::text("plain", text, out);
    };
    write!(
        out,
        "Content-Type: multipart/alternative;\r\n boundary=\"{ALTERNATIVE}\"\r\n\r\n--{ALTERNATIVE}\r\n"
    )?;
    encode::text("plain", text, out)?;
    write!(out, "\r\n--{ALTERNATIVE}\r\n")?;
    encode::text("html", html, out)?;
    write!(out, "\r\n--{ALTERNATIVE}--\r\n")
}
