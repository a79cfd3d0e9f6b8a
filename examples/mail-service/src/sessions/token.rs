//! What a browser shows of its session, and what the store has of it.

use super::Error;
use aws_lc_rs::{digest as sha2, rand};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use std::fmt;
use zeroize::Zeroizing;

const TAG: usize = 16;
const SECRET: usize = 32;

/// The right to go on with a session.
pub(crate) struct Token {
    tag: [u8; TAG],
    secret: Zeroizing<[u8; SECRET]>,
}

/// Without its secret.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

impl Token {
    pub(super) fn new(account: &str) -> Result<Self, Error> {
        let mut secret = Zeroizing::new([0; SECRET]);
        rand::fill(&mut *secret).map_err(|_| Error::Random)?;
        let tag = tag(account);
        Ok(Self { tag, secret })
    }

    /// As [`to_text`](Self::to_text) wrote it. Anything else is no token.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut octets = Zeroizing::new(Vec::with_capacity(TAG + SECRET + 2));
        // No longer text is decoded at all.
        if text.len() != (TAG + SECRET) / 3 * 4 {
            return None;
        }
        URL_SAFE_NO_PAD.decode_vec(text, &mut octets).ok()?;
        let (tag, secret) = octets.split_at_checked(TAG)?;
        Some(Self {
            tag: tag.try_into().ok()?,
            secret: Zeroizing::new(secret.try_into().ok()?),
        })
    }

    /// 64 characters of base64url.
    pub(crate) fn to_text(&self) -> Zeroizing<String> {
        let octets = Zeroizing::new([&self.tag[..], &self.secret[..]].concat());
        Zeroizing::new(URL_SAFE_NO_PAD.encode(&*octets))
    }

    /// What only whoever has the token can compute from it, and from which the token cannot be found: for the forms.
    pub(crate) fn secret(&self) -> &[u8; SECRET] {
        &self.secret
    }

    pub(super) fn tag(&self) -> [u8; TAG] {
        self.tag
    }

    pub(super) fn hash(&self) -> [u8; 32] {
        digest("letterlock session", &*self.secret)
    }
}

/// Which session, for its user: a part of what the store has, which opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SessionId([u8; 12]);

impl SessionId {
    pub(super) fn of(hash: &[u8]) -> Option<Self> {
        let (id, _) = hash.split_first_chunk()?;
        Some(Self(*id))
    }

    pub(crate) fn to_text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

/// By which the sessions of an account lie together.
pub(super) fn tag(account: &str) -> [u8; TAG] {
    digest("letterlock session account", account.as_bytes())
}

/// The first octets of a SHA-256, for one purpose.
pub(super) fn digest<const N: usize>(purpose: &str, octets: &[u8]) -> [u8; N] {
    const { assert!(N <= 32) };
    let mut context = sha2::Context::new(&sha2::SHA256);
    context.update(purpose.as_bytes());
    context.update(&[0]);
    context.update(octets);
    let mut short = [0; N];
    let whole = context.finish();
    for (to, from) in short.iter_mut().zip(whole.as_ref()) {
        *to = *from;
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_written_and_nothing_else_is_one() {
        let token = Token::new("joe@b.test").unwrap();
        let text = token.to_text();
        let read = Token::parse(&text).unwrap();
        assert_eq!(read.hash(), token.hash());
        assert_eq!(read.tag(), tag("joe@b.test"));
        assert_ne!(Token::new("joe@b.test").unwrap().hash(), token.hash());
        assert!(!format!("{token:?}").contains(&**text));
        for bad in [
            "",
            &text[1..],
            &format!("{}A", *text),
            &text.replacen(|_: char| true, "!", 1),
            &"A".repeat(4096),
        ] {
            assert!(Token::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn what_the_store_has_is_not_what_the_browser_has() {
        let token = Token::new("joe@b.test").unwrap();
        assert_ne!(token.hash(), *token.secret);
        let id = SessionId::of(&token.hash()).unwrap().to_text();
        assert_eq!(id.len(), 16);
        assert!(!token.to_text().contains(&id));
    }
}
