use std::time::SystemTime;

use super::date::Civil;
use super::{Language, LinkUrl, Mailbox, MessageId, date, encode, letter};
use crate::link::Hint;

/// What is mailed: that there is a sealed message, and how it is opened.
///
/// Nothing of the message stands in it; not its subject, either.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use symmetric_seal::mime::{Invitation, Language, LinkUrl, Mailbox, MessageId};
/// let (alice, bob) = (Mailbox::new("alice@example.org")?, Mailbox::new("bob@example.net")?);
/// let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
/// let link = LinkUrl::new("https://sealed.example.org/m/AAAAAAAAAAAAAAAAAAAAAA")?;
/// let id = MessageId::new([7; 16], "example.org")?;
/// let mail = Invitation::new(&alice, &bob, &link, now + Duration::from_secs(86_400), &id, now)
///     .language(Language::German)
///     .write();
/// assert!(mail.contains("From: <alice@example.org>\r\n"));
/// # Ok::<(), symmetric_seal::mime::MimeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Invitation<'a> {
    from: &'a Mailbox,
    to: &'a Mailbox,
    link: &'a LinkUrl,
    expires: SystemTime,
    id: &'a MessageId,
    date: SystemTime,
    hint: Option<&'a Hint>,
    views: u8,
    language: Language,
}

impl<'a> Invitation<'a> {
    /// In English, for one view, without a hint.
    #[must_use]
    pub fn new(
        from: &'a Mailbox,
        to: &'a Mailbox,
        link: &'a LinkUrl,
        expires: SystemTime,
        id: &'a MessageId,
        date: SystemTime,
    ) -> Self {
        Self {
            from,
            to,
            link,
            expires,
            id,
            date,
            hint: None,
            views: 1,
            language: Language::default(),
        }
    }

    /// With the sender's hint.
    #[must_use]
    pub fn hint(self, hint: &'a Hint) -> Self {
        Self {
            hint: Some(hint),
            ..self
        }
    }

    /// How often the link shows the message.
    #[must_use]
    pub fn views(self, views: u8) -> Self {
        Self { views, ..self }
    }

    /// In this language.
    #[must_use]
    pub fn language(self, language: Language) -> Self {
        Self { language, ..self }
    }

    /// Whether the mail needs SMTPUTF8 (RFC 6531 §3.4), because an address is not ASCII.
    #[must_use]
    pub fn needs_utf8(&self) -> bool {
        self.from.needs_utf8() || self.to.needs_utf8()
    }

    /// The mail, with CRLF line ends, as text and HTML; to be signed and sent.
    #[must_use]
    pub fn write(&self) -> String {
        let words = self.language.words();
        let mut mail = format!("Date: {}\r\nFrom: ", date::field(self.date));
        self.from.write(&mut mail);
        mail.push_str("\r\nTo: ");
        self.to.write(&mut mail);
        mail.push_str("\r\n");
        encode::unstructured("Subject", words.subject, &mut mail);
        mail.push_str("Message-ID: ");
        mail.push_str(self.id.as_str());
        mail.push_str("\r\nContent-Language: ");
        mail.push_str(words.tag);
        mail.push_str("\r\nMIME-Version: 1.0\r\n");
        let mut octets = mail.into_bytes();
        // Writing to memory cannot fail.
        let _ = letter::body(&self.text(), Some(&self.html()), &mut octets);
        String::from_utf8(octets).unwrap_or_default()
    }

    fn sent(&self) -> String {
        self.language.words().sent.replace("{}", self.from.shown())
    }

    fn until(&self) -> String {
        let words = self.language.words();
        let until = words
            .until
            .replace("{}", &words.date(Civil::of(self.expires)));
        let views = match self.views {
            1 => words.once.to_owned(),
            views => words.often.replace("{}", &views.to_string()),
        };
        format!("{until} {views}")
    }

    fn address(&self) -> String {
        self.language
            .words()
            .address
            .replace("{}", self.link.origin())
    }

    fn text(&self) -> String {
        let words = self.language.words();
        let mut parts = vec![self.sent(), words.how.into(), self.link.as_str().into()];
        if let Some(hint) = self.hint {
            parts.push(format!(
                "{}\n{}\n{}",
                words.hint,
                hint.as_str(),
                words.hint_is_open
            ));
        }
        parts.extend([
            self.until(),
            words.password.into(),
            self.address(),
            words.sealed.into(),
        ]);
        let parts: Vec<String> = parts.iter().map(|part| wrapped(part)).collect();
        parts.join("\n\n") + "\n"
    }

    /// Without a style sheet, an image or a script, and with nothing that is fetched.
    fn html(&self) -> String {
        let words = self.language.words();
        let paragraph = |text: &str| format!("<p>{}</p>\n", escaped(text));
        let mut html = format!(
            "<!DOCTYPE html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>{}</title>\n</head>\n\
             <body style=\"font-family: sans-serif; line-height: 1.5; max-width: 36em; margin: 1em auto; padding: 0 1em\">\n",
            words.tag,
            escaped(words.subject),
        );
        html += &paragraph(&self.sent());
        html += &paragraph(words.how);
        let link = escaped(self.link.as_str());
        html += &format!(
            "<p><a href=\"{link}\" style=\"display: inline-block; padding: 0.6em 1.2em; border-radius: 0.4em; \
             background: #1a4fa3; color: #ffffff; text-decoration: none; font-weight: bold\">{}</a></p>\n\
             <p style=\"word-break: break-all\"><a href=\"{link}\">{link}</a></p>\n",
            escaped(words.open),
        );
        if let Some(hint) = self.hint {
            html += &format!(
                "<p>{} <strong>{}</strong><br><small>{}</small></p>\n",
                escaped(words.hint),
                escaped(hint.as_str()),
                escaped(words.hint_is_open),
            );
        }
        html += &paragraph(&self.until());
        for note in [words.password, &self.address(), words.sealed] {
            html += &paragraph(note);
        }
        html + "</body>\n</html>\n"
    }
}

/// Lines of at most 72 characters, where there are spaces.
fn wrapped(text: &str) -> String {
    let mut out = String::new();
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            out.push('\n');
        }
        let mut column = 0;
        for word in line.split(' ') {
            let width = word.chars().count();
            if column > 0 && column + 1 + width > 72 {
                out.push('\n');
                column = 0;
            }
            if column > 0 {
                out.push(' ');
                column += 1;
            }
            out.push_str(word);
            column += width;
        }
    }
    out
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
