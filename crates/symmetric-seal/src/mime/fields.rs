//! What may stand in a header: checked when it is made, and written by this crate alone.

use std::fmt::{self, Write};

use super::MimeError;
use super::encode;

/// Most octets of a name or a subject.
pub(super) const MAX_LINE: usize = 998;

/// An address, and a name for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    name: Option<String>,
    address: String,
}

impl Mailbox {
    /// `local@domain`, each a dot-atom (RFC 5322 §3.2.3), in UTF-8 if need be (RFC 6532 §3.2); at most 64 octets before
    /// the `@` and 254 in all.
    ///
    /// # Errors
    /// [`MimeError::Address`].
    pub fn new(address: &str) -> Result<Self, MimeError> {
        let (local, domain) = address.rsplit_once('@').ok_or(MimeError::Address)?;
        let fits = address.len() <= 254 && (1..=64).contains(&local.len());
        if !fits || !is_dot_atom(local) || !is_domain(domain) {
            return Err(MimeError::Address);
        }
        Ok(Self {
            name: None,
            address: address.to_owned(),
        })
    }

    /// With a name that mail programs show.
    ///
    /// # Errors
    /// [`MimeError::Line`].
    pub fn named(self, name: &str) -> Result<Self, MimeError> {
        let name = line(name.trim())?;
        Ok(Self {
            name: (!name.is_empty()).then(|| name.to_owned()),
            ..self
        })
    }

    /// The address.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The name, or the address.
    #[must_use]
    pub fn shown(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.address)
    }

    /// Whether the address can only be written in UTF-8, so that the mail needs SMTPUTF8 (RFC 6531 §3.4).
    #[must_use]
    pub fn needs_utf8(&self) -> bool {
        !self.address.is_ascii()
    }

    pub(super) fn write(&self, out: &mut String) {
        if let Some(name) = &self.name {
            encode::phrase(name, out);
            out.push_str("\r\n ");
        }
        // Writing to a string cannot fail.
        let _ = write!(out, "<{}>", self.address);
    }
}

/// RFC 5322 §3.2.3, with the additions of RFC 6532 §3.1.
fn is_dot_atom(text: &str) -> bool {
    let atext = |c: char| match c.is_ascii() {
        true => c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c),
        false => !c.is_control() && !c.is_whitespace() && !is_turning(c),
    };
    text.split('.')
        .all(|atom| !atom.is_empty() && atom.chars().all(atext))
}

fn is_domain(text: &str) -> bool {
    let letter = |c: char| match c.is_ascii() {
        true => c.is_ascii_alphanumeric() || c == '-',
        false => c.is_alphanumeric(),
    };
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(letter)
    };
    text.len() <= 253 && text.split('.').all(label)
}

/// The name of an attached file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileName(String);

impl FileName {
    /// A name without a path, of at most 255 octets.
    ///
    /// # Errors
    /// [`MimeError::FileName`].
    pub fn new(name: &str) -> Result<Self, MimeError> {
        let bad = |c: char| c.is_control() || is_turning(c) || matches!(c, '/' | '\\');
        let fits = (1..=255).contains(&name.len()) && !matches!(name, "." | "..");
        match fits && !name.contains(bad) {
            true => Ok(Self(name.to_owned())),
            false => Err(MimeError::FileName),
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What an attachment is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaType(String);

impl MediaType {
    /// `type/subtype` (RFC 2045 §5.1), without parameters. What holds other parts, `multipart` and `message`, may not be
    /// encoded as attachments are (RFC 2046 §5), and is none.
    ///
    /// # Errors
    /// [`MimeError::MediaType`].
    pub fn new(text: &str) -> Result<Self, MimeError> {
        let token = |text: &str| {
            let octet = |c: char| c.is_ascii_graphic() && !"()<>@,;:\\\"/[]?=".contains(c);
            (1..=127).contains(&text.len()) && text.chars().all(octet)
        };
        let lower = text.to_ascii_lowercase();
        match lower.split_once('/') {
            Some(("multipart" | "message", _)) => Err(MimeError::MediaType),
            Some((kind, sub)) if token(kind) && token(sub) => Ok(Self(lower)),
            _ => Err(MimeError::MediaType),
        }
    }

    /// By the end of a file's name; `application/octet-stream` if nothing better is known.
    #[must_use]
    pub fn of_file(name: &FileName) -> Self {
        let end = name.0.rsplit_once('.').map_or("", |(_, end)| end);
        let known = match &*end.to_ascii_lowercase() {
            "csv" => "text/csv",
            "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "gif" => "image/gif",
            "ics" => "text/calendar",
            "jpg" | "jpeg" => "image/jpeg",
            "json" => "application/json",
            "mp3" => "audio/mpeg",
            "mp4" => "video/mp4",
            "odt" => "application/vnd.oasis.opendocument.text",
            "ods" => "application/vnd.oasis.opendocument.spreadsheet",
            "pdf" => "application/pdf",
            "png" => "image/png",
            "txt" => "text/plain",
            "webp" => "image/webp",
            "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "zip" => "application/zip",
            // HTML and SVG among them: they are only to be downloaded.
            _ => "application/octet-stream",
        };
        Self(known.to_owned())
    }

    /// The type.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The link of an invitation.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkUrl(String);

impl LinkUrl {
    /// `https://` and a host, in at most 1000 visible ASCII characters that need no escape in HTML (RFC 3986 §2).
    ///
    /// # Errors
    /// [`MimeError::Link`].
    pub fn new(url: &str) -> Result<Self, MimeError> {
        let rest = url.strip_prefix("https://").ok_or(MimeError::Link)?;
        let legal = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#[]@!$()*+,;=%".contains(c);
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let fits = url.len() <= 1000 && url.chars().all(legal);
        match fits && !host.is_empty() && !host.contains('@') {
            true => Ok(Self(url.to_owned())),
            false => Err(MimeError::Link),
        }
    }

    /// The URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Scheme, host and port, and a slash: how the address of the page begins.
    pub(super) fn origin(&self) -> &str {
        let start = "https://".len();
        let rest = self.0.get(start..).unwrap_or_default();
        let host = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        self.0.get(..start + host).unwrap_or_default()
    }
}

/// Without the URL, which is a capability.
impl fmt::Debug for LinkUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkUrl(..)")
    }
}

/// The identifier of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageId(String);

impl MessageId {
    /// Of random octets and the sender's domain (RFC 5322 §3.6.4).
    ///
    /// # Errors
    /// [`MimeError::Domain`].
    pub fn new(random: [u8; 16], domain: &str) -> Result<Self, MimeError> {
        if !domain.is_ascii() || !is_domain(domain) {
            return Err(MimeError::Domain);
        }
        let mut id = String::from("<");
        for octet in random {
            let _ = write!(id, "{octet:02x}");
        }
        let _ = write!(id, "@{domain}>");
        Ok(Self(id))
    }

    /// With its angle brackets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Text without control characters and line ends, of at most [`MAX_LINE`] octets.
pub(super) fn line(text: &str) -> Result<&str, MimeError> {
    let bad = |c: char| c.is_control() || is_turning(c);
    match text.len() <= MAX_LINE && !text.contains(bad) {
        true => Ok(text),
        false => Err(MimeError::Line),
    }
}

/// Line ends of Unicode, and what turns text round, so that `exe.txt` reads as `txt.exe`.
fn is_turning(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_dot_atoms() {
        for good in [
            "bob@example.net",
            "o'neil+a=b@mx.example",
            "jürgen@bücher.example",
            "a@b",
        ] {
            assert_eq!(Mailbox::new(good).unwrap().address(), good);
        }
        let long = format!("{}@example.net", "a".repeat(65));
        for bad in [
            "",
            "bob",
            "@example.net",
            "bob@",
            "b b@example.net",
            ".b@example.net",
            "b..b@example.net",
            "b@example..net",
            "b@-a.example",
            "b\r\nX: y@example.net",
            "<b@example.net",
            "b@example.net>",
            "\"b\"@example.net",
            "b@[127.0.0.1]",
            "b@exa mple.net",
            "b\u{202e}@example.net",
            "b@exämple\n.net",
            &long,
        ] {
            assert_eq!(Mailbox::new(bad), Err(MimeError::Address), "{bad:?}");
        }
    }

    #[test]
    fn links_are_https_and_plain() {
        let link = LinkUrl::new("https://sealed.example.net:8443/m/AbC_-9#x_Y").unwrap();
        assert_eq!(link.origin(), "https://sealed.example.net:8443");
        assert_eq!(LinkUrl::new("https://a").unwrap().origin(), "https://a");
        for bad in [
            "http://a/",
            "https://",
            "https:///m",
            "https://a/\"onclick",
            "https://a/<b>",
            "https://a/ b",
            "https://a/ü",
            "https://a/\r\nX: y",
            "javascript:alert(1)",
            "https://bank.example@evil.example/",
            "https://a/&amp",
            "https://a/'",
        ] {
            assert_eq!(LinkUrl::new(bad), Err(MimeError::Link), "{bad:?}");
        }
        assert_eq!(format!("{link:?}"), "LinkUrl(..)");
    }

    #[test]
    fn names_of_files_have_no_path_and_types_no_parts() {
        for bad in [
            "",
            ".",
            "..",
            "a/b",
            "a\\b",
            "a\nb",
            "a\0",
            "txt.\u{202e}exe",
        ] {
            assert_eq!(FileName::new(bad), Err(MimeError::FileName), "{bad:?}");
        }
        let name = FileName::new("Rechnung \u{201e}Mai\u{201c}.PDF").unwrap();
        assert_eq!(MediaType::of_file(&name).as_str(), "application/pdf");
        for file in ["page.html", "x.svg", "noend", ".bashrc"] {
            let name = FileName::new(file).unwrap();
            assert_eq!(
                MediaType::of_file(&name).as_str(),
                "application/octet-stream"
            );
        }
        assert_eq!(MediaType::new("Image/PNG").unwrap().as_str(), "image/png");
        for bad in [
            "",
            "image",
            "image/",
            "/png",
            "image/png; a=b",
            "image/p ng",
            "multipart/mixed",
            "Message/RFC822",
            "a/b/c",
        ] {
            assert_eq!(MediaType::new(bad), Err(MimeError::MediaType), "{bad:?}");
        }
        assert!(MessageId::new([0; 16], "example.net").is_ok());
        assert_eq!(MessageId::new([0; 16], "a>\r\n"), Err(MimeError::Domain));
    }
}
