//! What a form of ours has sent. Three things must be true of it, each of which would do (and each is tested alone):
//!
//! 1. the browser says that a page of this origin sent it: `Sec-Fetch-Site`, and `Origin` where it is sent. A request that
//!    says neither is refused, too;
//! 2. the cookie came along, which is `SameSite=Strict`;
//! 3. the form holds the token that belongs to this cookie: HMAC-SHA-256 under its secret.

use super::{api::body, refusal::Refusal};
use aws_lc_rs::{constant_time, hmac};
use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, header::ORIGIN},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use std::time::Duration;
use zeroize::Zeroizing;

/// Octets of a form.
const OCTETS: usize = 16 * 1024;
/// Seconds for one.
const PATIENCE: Duration = Duration::from_secs(15);
/// Fields of a form.
const FIELDS: usize = 64;
const FORM: &str = "application/x-www-form-urlencoded";
/// What carries the token in a form, and in a request of a script.
pub(super) const TOKEN: &str = "form";
pub(super) const TOKEN_FIELD: &str = "letterlock-form";

/// The fields of a form. Overwritten at its end.
pub(super) struct Form(Vec<(Zeroizing<String>, Zeroizing<String>)>);

impl Form {
    /// Reads it, if it comes from a page of this origin.
    pub(super) async fn read(request: Request, origin: &str) -> Result<Self, Refusal> {
        ours(request.headers(), origin)?;
        let body = body(request, FORM, OCTETS, PATIENCE).await?;
        Self::parse(&body).ok_or_else(Refusal::malformed)
    }

    fn parse(body: &[u8]) -> Option<Self> {
        let mut fields = Vec::new();
        for (name, value) in url::form_urlencoded::parse(body) {
            fields.push((
                Zeroizing::new(name.into_owned()),
                Zeroizing::new(value.into_owned()),
            ));
        }
        (fields.len() <= FIELDS).then_some(Self(fields))
    }

    /// A field that is there once; otherwise nothing.
    pub(super) fn get<'a>(&'a self, name: &str) -> &'a str {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (Some(value), None) => value,
            _ => "",
        }
    }

    /// All of this name, such as boxes that were ticked.
    pub(super) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(field, _)| **field == name)
            .map(|(_, value)| value.as_str())
    }

    /// A secret, of which no copy is left behind here.
    pub(super) fn secret(&self, name: &str) -> Zeroizing<String> {
        Zeroizing::new(self.get(name).to_owned())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }
}

/// Whether a page of this origin sent it, as the browser says.
pub(super) fn ours(fields: &HeaderMap, origin: &str) -> Result<(), Refusal> {
    let site = fields.get("sec-fetch-site");
    let from = fields.get(ORIGIN);
    let is = |field: Option<&HeaderValue>, value: &str| field.is_none_or(|it| it == value);
    let said = site.is_some() || from.is_some();
    match said && is(site, "same-origin") && is(from, origin) {
        true => Ok(()),
        false => Err(Refusal::foreign()),
    }
}

/// What the forms of a session hold, or of a visit before there is one.
pub(super) fn token(secret: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    URL_SAFE_NO_PAD.encode(hmac::sign(&key, b"letterlock form"))
}

/// Whether it is the token that belongs to the secret.
pub(super) fn is_token(secret: &[u8], shown: &str) -> bool {
    constant_time::verify_slices_are_equal(token(secret).as_bytes(), shown.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_of_this_origin_is_heard() {
        let heard = |site: Option<&'static str>, origin: Option<&'static str>| {
            let mut fields = HeaderMap::new();
            if let Some(site) = site {
                fields.insert("sec-fetch-site", HeaderValue::from_static(site));
            }
            if let Some(origin) = origin {
                fields.insert(ORIGIN, HeaderValue::from_static(origin));
            }
            ours(&fields, "https://mail.b.test:8443").is_ok()
        };
        let origin = Some("https://mail.b.test:8443");
        assert!(heard(Some("same-origin"), origin));
        assert!(heard(Some("same-origin"), None) && heard(None, origin));
        for (site, from) in [
            (None, None),
            (Some("same-site"), origin),
            (Some("cross-site"), None),
            (Some("none"), None),
            (Some("same-origin"), Some("null")),
            (Some("same-origin"), Some("https://sealed.b.test:8443")),
            (None, Some("https://mail.b.test")),
            (None, Some("http://mail.b.test:8443")),
            (None, Some("null")),
        ] {
            assert!(!heard(site, from), "{site:?} {from:?}");
        }
    }

    #[test]
    fn a_token_belongs_to_one_secret() {
        let one = token(&[1; 32]);
        assert!(is_token(&[1; 32], &one));
        assert!(
            !is_token(&[2; 32], &one) && !is_token(&[1; 32], "") && !is_token(&[1; 32], &one[1..])
        );
    }

    #[test]
    fn a_field_is_there_once() {
        let form = Form::parse(b"a=1&b=x%20y%26+z&c=1&c=2&%ff=3").unwrap();
        assert_eq!((form.get("a"), form.get("b")), ("1", "x y& z"));
        assert_eq!((form.get("c"), form.get("d")), ("", ""));
        assert_eq!(form.all("c").collect::<Vec<_>>(), ["1", "2"]);
        assert!(form.has("c") && !form.has("d"));
        assert!(Form::parse("a=1&".repeat(65).as_bytes()).is_none());
    }
}
