use crate::{headers, smtp::command::Address};
use mail_dns::Name;
use tls_policy::{Wish, requiretls::header_wish};

/// One message for recipients of one domain.
#[derive(Clone, Debug)]
pub struct Letter {
    pub(super) from: Option<Address>,
    pub(super) to: Vec<Address>,
    pub(super) domain: Name,
    pub(super) message: Vec<u8>,
    pub(super) wish: Wish,
    pub(super) header: Charset,
    pub(super) body: Charset,
}

/// What a part of a message is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Charset {
    Ascii,
    EightBit,
}

/// Most recipients of one letter.
pub const MAX_RECIPIENTS: usize = 100;

/// Most octets of a line, CR LF counted (RFC 5321 §4.5.3.1.6).
const MAX_LINE: usize = 1000;

/// Why something is no letter.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LetterError {
    /// No recipient, or more than [`MAX_RECIPIENTS`].
    #[error("a letter has 1 to 100 recipients")]
    Recipients,
    /// The recipients are not all of one domain.
    #[error("the recipients are not of one domain")]
    Domains,
    /// The domain is an address literal, or no name that the DNS could have.
    #[error("mail is sent to domains only, not to {0}")]
    Domain(String),
    /// A CR or LF stands alone, or a NUL anywhere.
    #[error("a line of the message does not end in CR LF, or it holds a NUL")]
    Lines,
    /// A line has more than 1000 octets.
    #[error("a line of the message has more than 1000 octets")]
    TooLong,
}

impl Letter {
    /// A letter; no sender is the null sender of a report. The message is sent octet for octet, and
    /// must have lines that end in CR LF.
    ///
    /// # Errors
    /// [`LetterError`].
    pub fn new(
        from: Option<Address>,
        to: Vec<Address>,
        mut message: Vec<u8>,
    ) -> Result<Self, LetterError> {
        let Some(first) = to.first().filter(|_| to.len() <= MAX_RECIPIENTS) else {
            return Err(LetterError::Recipients);
        };
        let no_domain = || LetterError::Domain(first.domain().to_owned());
        let domain = Name::from_unicode(first.domain()).map_err(|_| no_domain())?;
        if domain.is_root() || first.domain().starts_with('[') {
            return Err(no_domain());
        }
        let same = |to: &Address| Name::from_unicode(to.domain()).is_ok_and(|name| name == domain);
        if !to.iter().all(same) {
            return Err(LetterError::Domains);
        }
        if !message.ends_with(b"\n") {
            message.extend_from_slice(b"\r\n");
        }
        check(&message)?;
        let field = header_wish(&message).unwrap_or_default();
        let charset = |ascii| match ascii {
            true => Charset::Ascii,
            false => Charset::EightBit,
        };
        let header = headers::fields(&message).all(|field| field.all.is_ascii());
        Ok(Self {
            header: charset(header),
            body: charset(message.is_ascii()),
            wish: field,
            from,
            to,
            domain,
            message,
        })
    }

    /// As one that came with REQUIRETLS (RFC 8689 §2): the header field does not count then.
    #[must_use]
    pub fn requiring_tls(self) -> Self {
        Self {
            wish: Wish::RequireTls.and(self.wish),
            ..self
        }
    }

    /// Whether the envelope or the header needs SMTPUTF8 (RFC 6531 §3.4).
    pub(super) fn needs_utf8(&self) -> bool {
        let addresses = self.from.iter().chain(&self.to);
        self.header == Charset::EightBit || !addresses.into_iter().all(Address::is_ascii)
    }
}

/// A text with its lines ended by CR LF, if all of them end in a bare LF; what is mixed stays as it is.
pub fn with_crlf(message: Vec<u8>) -> Vec<u8> {
    crlf(&message).unwrap_or(message)
}

/// The text with CR LF, if all its lines end in bare LF; a mixture stays as it is.
pub(crate) fn crlf(text: &[u8]) -> Option<Vec<u8>> {
    let lf = text.contains(&b'\n') && !text.contains(&b'\r');
    lf.then(|| {
        let lines = text.split_inclusive(|&octet| octet == b'\n');
        let mut converted = Vec::with_capacity(text.len() + text.len() / 32);
        for line in lines {
            converted.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
            converted.extend_from_slice(b"\r\n");
        }
        converted
    })
}

fn check(message: &[u8]) -> Result<(), LetterError> {
    for line in message.split_inclusive(|&octet| octet == b'\n') {
        let text = line.strip_suffix(b"\r\n").ok_or(LetterError::Lines)?;
        if memchr::memchr2(b'\r', 0, text).is_some() {
            return Err(LetterError::Lines);
        }
        if line.len() > MAX_LINE {
            return Err(LetterError::TooLong);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(to: &[&str], message: &str) -> Result<Letter, LetterError> {
        let to = to.iter().map(|to| Address::parse(to).unwrap()).collect();
        Letter::new(None, to, message.into())
    }

    #[test]
    fn what_is_no_letter() {
        let many = vec!["a@b.test"; MAX_RECIPIENTS + 1];
        let domain = |name: &str| LetterError::Domain(name.into());
        for (to, message, error) in [
            (&[][..], "x", LetterError::Recipients),
            (&many, "x", LetterError::Recipients),
            (&["a@b.test", "a@c.test"], "x", LetterError::Domains),
            (&["a@[127.0.0.1]"], "x", domain("[127.0.0.1]")),
            (&["a@b.test"], "a\nb", LetterError::Lines),
            (&["a@b.test"], "a\rb\r\n", LetterError::Lines),
            (&["a@b.test"], "a\0", LetterError::Lines),
            (&["a@b.test"], "a\r\n\n", LetterError::Lines),
            (&["a@b.test"], "a\r\r\n", LetterError::Lines),
            (&["a@b.test"], &"a".repeat(999), LetterError::TooLong),
        ] {
            assert_eq!(letter(to, message).unwrap_err(), error, "{to:?}");
        }
        assert!(letter(&["a@b.test"], &"a".repeat(998)).is_ok());
        let same = ["a@B\u{fc}cher.test", "b@xn--bcher-kva.test"];
        assert!(letter(&same, "x").is_ok());
    }

    #[test]
    fn what_it_asks_for() {
        let plain = letter(&["a@b.test"], "Subject: x\r\n\r\ny").unwrap();
        assert_eq!(plain.message, b"Subject: x\r\n\r\ny\r\n");
        assert!(!plain.needs_utf8() && plain.body == Charset::Ascii);
        assert_eq!(plain.wish, Wish::Default);
        let eight = letter(&["a@b.test"], "Subject: x\r\n\r\n\u{fc}").unwrap();
        assert!(!eight.needs_utf8() && eight.body == Charset::EightBit);
        assert!(
            letter(&["a@b.test"], "Subject: \u{fc}\r\n\r\n")
                .unwrap()
                .needs_utf8()
        );
        assert!(letter(&["\u{fc}@b.test"], "").unwrap().needs_utf8());
        let no = letter(&["a@b.test"], "TLS-Required: No\r\n\r\n").unwrap();
        assert_eq!(no.wish, Wish::TlsRequiredNo);
        assert_eq!(no.requiring_tls().wish, Wish::RequireTls);
    }
}
