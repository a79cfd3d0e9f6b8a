//! Messages of all sizes, signed relaxed/relaxed.

use msg_validate::dkim::{Signer, SigningKey};
use std::{fmt, time::SystemTime};

/// What a body is made of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Lines of 76 characters, as an attachment has them.
    Base64,
    Prose,
    /// Indented, in columns, with white space at the ends of lines: all of it is to be changed.
    WhiteSpace,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Base64 => "base64",
            Self::Prose => "prose",
            Self::WhiteSpace => "white space",
        })
    }
}

const HEAD: &str = "Received: from mail.example.org (mail.example.org [192.0.2.1])\r\n\
    \tby mx.example.net with ESMTPS id 4F2A1; Fri, 27 Nov 2026 08:00:01 +0000\r\n\
    From: Joe SixPack <joe@example.org>\r\nTo: Suzie Q <suzie@example.net>\r\n\
    Subject: Is dinner ready?\r\nDate: Fri, 27 Nov 2026 08:00:00 +0000\r\n\
    Message-ID: <20261127080000.3456@example.org>\r\nMIME-Version: 1.0\r\n\
    Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n";

const BASE64: &str =
    "JVBERi0xLjcKJeLjz9MKNSAwIG9iago8PC9MaW5lYXJpemVkIDEvTCAxMDI0L08gNy9FIDk4NzY1\r\n";

const PROSE: &str = "Hi Joe, we lost the game. Are you hungry yet? I have been thinking about\r\n\
    what you said on Tuesday, and I believe that it is better to wait until\r\n\
    the others have come back from their journey.\r\n\r\n\
    There is more to it than meets the eye: nobody knows who paid, and why.\r\n";

const WHITE_SPACE: &str = "    item      price   \t  number\r\n\
    \ta  b   c    d     e \t \t f  \r\n   \r\n  x =  1;   y  =  2;   // why \t\r\n";

/// A signed message.
pub(crate) struct Message {
    octets: Vec<u8>,
    body: usize,
}

impl Message {
    /// A body of so many octets at least.
    pub(crate) fn signed(kind: Kind, octets: usize, pkcs8: &[u8], now: SystemTime) -> Self {
        let lines = match kind {
            Kind::Base64 => BASE64,
            Kind::Prose => PROSE,
            Kind::WhiteSpace => WHITE_SPACE,
        };
        let message = HEAD.to_owned() + &lines.repeat(octets.div_ceil(lines.len()));
        let key = SigningKey::from_der(pkcs8).unwrap();
        let signer = Signer::new("example.org", "s", key).unwrap();
        let field = signer.sign(message.as_bytes(), now).unwrap();
        Self {
            body: field.len() + HEAD.len(),
            octets: (field + &message).into_bytes(),
        }
    }

    pub(crate) fn octets(&self) -> &[u8] {
        &self.octets
    }

    pub(crate) fn head(&self) -> &[u8] {
        &self.octets[..self.body]
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.octets[self.body..]
    }
}
