//! Cookies, all of them `__Host-`: a browser takes them over TLS from this very host alone, with the path `/`, so that no
//! page of another name, not even of `sealed.`, can set, overwrite or shadow one.
//!
//! | cookie | what | how long |
//! |---|---|---|
//! | `__Host-session` | who is logged in: a token of [`sessions`](crate::sessions) | until the browser is closed |
//! | `__Host-visit` | before a login: random, what the forms are bound to | until the browser is closed |
//! | `__Host-login` | the password passed: sealed by the crate, for ten minutes | ten minutes |
//! | `__Host-device` | a known or remembered device | [`DEVICE_AGE`] |
//!
//! `HttpOnly`: no script needs them. `SameSite=Strict`: no page of the account is meant to be reached by a link elsewhere,
//! and whoever comes by one is asked to log in, which is all that it costs.

use axum::http::{
    HeaderMap, HeaderValue,
    header::{COOKIE, SET_COOKIE},
};
use std::time::Duration;

/// A year.
pub(super) const DEVICE_AGE: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cookie {
    Session,
    Visit,
    Login,
    Device,
}

impl Cookie {
    fn name(self) -> &'static str {
        match self {
            Self::Session => "__Host-session",
            Self::Visit => "__Host-visit",
            Self::Login => "__Host-login",
            Self::Device => "__Host-device",
        }
    }

    fn age(self) -> Option<Duration> {
        match self {
            Self::Session | Self::Visit => None,
            Self::Login => Some(Duration::from_secs(10 * 60)),
            Self::Device => Some(DEVICE_AGE),
        }
    }

    /// What the browser has sent; nothing if it is there twice, which no browser does with such a name.
    pub(super) fn of(self, fields: &HeaderMap) -> Option<&str> {
        let fields = fields.get_all(COOKIE).iter();
        let pairs = fields
            .filter_map(|field| field.to_str().ok())
            .flat_map(|field| field.split(';'));
        let mut values = pairs.filter_map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            (name == self.name()).then_some(value)
        });
        match (values.next(), values.next()) {
            (Some(value), None) if !value.is_empty() => Some(value),
            _ => None,
        }
    }

    /// Gives it to the browser.
    pub(super) fn put(self, value: &str, to: &mut HeaderMap) {
        let age = self
            .age()
            .map_or_else(String::new, |age| format!("; Max-Age={}", age.as_secs()));
        self.write(value, &age, to);
    }

    /// Takes it away.
    pub(super) fn end(self, to: &mut HeaderMap) {
        self.write("", "; Max-Age=0", to);
    }

    fn write(self, value: &str, age: &str, to: &mut HeaderMap) {
        let name = self.name();
        let line = format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Strict{age}");
        // What is put is base64url, or the crate's own text.
        if let Ok(mut line) = HeaderValue::try_from(line) {
            line.set_sensitive(true);
            to.append(SET_COOKIE, line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_there_once_or_not_at_all() {
        let read = |lines: &[&'static str]| {
            let mut fields = HeaderMap::new();
            for line in lines {
                fields.append(COOKIE, HeaderValue::from_static(line));
            }
            Cookie::Session.of(&fields).map(str::to_owned)
        };
        assert_eq!(read(&["__Host-session=a"]).as_deref(), Some("a"));
        assert_eq!(read(&["x=1; __Host-session=a; y=2"]).as_deref(), Some("a"));
        for none in [
            &[][..],
            &["__Host-session="],
            &["session=a"],
            &["__host-session=a"],
            &["__Host-session=a; __Host-session=b"],
            &["__Host-session=a", "__Host-session=a"],
        ] {
            assert_eq!(read(none), None, "{none:?}");
        }
    }
}
