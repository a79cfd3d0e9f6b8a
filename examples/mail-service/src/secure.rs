//! Secure addresses: every account has one in each secure domain, without set-up. Mail for it is taken over TLS only, and
//! mail from it leaves to verified peers only.

use crate::{accounts::canonical_domain, headers, smtp::command::Address};
use std::collections::BTreeMap;
use tls_policy::Floor;

/// The secure domains, and the domain whose accounts each of them is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Secure(BTreeMap<String, String>);

/// Why a table of secure domains makes no sense.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecureError {
    /// A domain is not one.
    #[error("must map domain names to domain names, not {0:?}")]
    Domain(String),
    /// A domain is there twice, in two ways of writing it, or is an ordinary one, too.
    #[error("must map each domain once, and none of `domains`, not {0:?}")]
    Repeated(String),
    /// The accounts would be in a domain that is not ours.
    #[error("must lead to one of `domains`, not to {0:?}")]
    NotOurs(String),
}

impl Secure {
    /// From pairs of a secure domain and one of our domains.
    ///
    /// # Errors
    /// [`SecureError`].
    pub fn new<'a>(
        pairs: impl IntoIterator<Item = (&'a String, &'a String)>,
        domains: &[String],
    ) -> Result<Self, SecureError> {
        let ours: Vec<String> = domains.iter().filter_map(|d| canonical_domain(d)).collect();
        let mut secure = BTreeMap::new();
        for (name, of) in pairs {
            let domain = |text: &String| {
                let canonical = canonical_domain(text).filter(|name| !name.starts_with('['));
                canonical.ok_or_else(|| SecureError::Domain(text.clone()))
            };
            let (key, value) = (domain(name)?, domain(of)?);
            if !ours.contains(&value) {
                return Err(SecureError::NotOurs(of.clone()));
            }
            if ours.contains(&key) || secure.insert(key, value).is_some() {
                return Err(SecureError::Repeated(name.clone()));
            }
        }
        Ok(Self(secure))
    }

    /// Whether an address is secure.
    pub fn is_secure(&self, address: &Address) -> bool {
        self.account_domain(address.domain()).is_some()
    }

    /// The domain of the accounts that a secure domain is for.
    pub fn account_domain(&self, domain: &str) -> Option<&str> {
        if self.0.is_empty() {
            return None;
        }
        self.0.get(&canonical_domain(domain)?).map(String::as_str)
    }

    /// What mail of this sender must have: that of a secure address goes to verified peers. One that
    /// stands in `From`, `Sender` or `Resent-From` counts as much as the one of the envelope.
    pub fn floor(&self, from: Option<&Address>, message: &[u8]) -> Floor {
        let envelope = from.is_some_and(|from| self.is_secure(from));
        match envelope || self.is_named(message) {
            true => Floor::Verified,
            false => Floor::Opportunistic,
        }
    }

    /// Whether a field that names the author has a secure domain in it. Rather once too often: a
    /// display name that looks like one counts, too.
    fn is_named(&self, message: &[u8]) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let authors = ["From", "Sender", "Resent-From", "Resent-Sender"];
        headers::fields(message)
            .filter(|field| authors.iter().any(|name| field.is(name)))
            .any(|field| self.is_in(&String::from_utf8_lossy(field.value())))
    }

    fn is_in(&self, value: &str) -> bool {
        // RFC 5322 §3.4.1 allows white space and folds on both sides of the sign.
        let value: String = value.chars().filter(|c| !c.is_whitespace()).collect();
        value.split('@').skip(1).any(|rest| {
            let end = rest.find(|c: char| c.is_ascii() && !is_domain_octet(c));
            let domain = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
            self.account_domain(domain.trim_end_matches('.')).is_some()
        })
    }
}

fn is_domain_octet(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '.'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secure() -> Secure {
        let pairs = [("secure.B\u{fc}cher.example", "b\u{fc}cher.example")];
        let pairs = pairs.map(|(a, b)| (a.to_owned(), b.to_owned()));
        let pairs = pairs.iter().map(|(a, b)| (a, b));
        Secure::new(pairs, &["b\u{fc}cher.example".to_owned()]).unwrap()
    }

    #[test]
    fn a_secure_address_is_one_of_an_account() {
        let secure = secure();
        for (address, is) in [
            ("joe@secure.b\u{fc}cher.example", true),
            ("joe@SECURE.xn--bcher-kva.example", true),
            ("joe@b\u{fc}cher.example", false),
            ("joe@a.secure.b\u{fc}cher.example", false),
        ] {
            let address = Address::parse(address).unwrap();
            assert_eq!(secure.is_secure(&address), is, "{address}");
        }
        let domain = secure.account_domain("secure.xn--bcher-kva.example");
        assert_eq!(domain, Some("xn--bcher-kva.example"));
    }

    #[test]
    fn the_floor_is_that_of_the_envelope_or_of_the_author() {
        let secure = secure();
        let from = Address::parse("joe@secure.xn--bcher-kva.example");
        assert_eq!(secure.floor(from.as_ref(), b""), Floor::Verified);
        let other = Address::parse("joe@xn--bcher-kva.example");
        for (field, floor) in [
            ("From: joe@secure.xn--bcher-kva.example", Floor::Verified),
            (
                "From: Joe <joe@secure.xn--bcher-kva.example>",
                Floor::Verified,
            ),
            (
                "From: \"@\" <joe@\r\n Secure.xn--bcher-kva.example>",
                Floor::Verified,
            ),
            (
                "From: a@b.c, joe @ secure . xn--bcher-kva.example",
                Floor::Verified,
            ),
            ("sender: joe@secure.b\u{fc}cher.example.", Floor::Verified),
            (
                "Resent-From: joe@secure.b\u{fc}cher.example",
                Floor::Verified,
            ),
            ("To: joe@secure.b\u{fc}cher.example", Floor::Opportunistic),
            ("From: joe@b\u{fc}cher.example", Floor::Opportunistic),
            (
                "From: joe@xsecure.b\u{fc}cher.example",
                Floor::Opportunistic,
            ),
            (
                "From: joe@secure.b\u{fc}cher.example.org",
                Floor::Opportunistic,
            ),
            (
                "X: y\r\n\r\nFrom: joe@secure.b\u{fc}cher.example",
                Floor::Opportunistic,
            ),
        ] {
            let message = format!("{field}\r\n\r\n");
            let found = secure.floor(other.as_ref(), message.as_bytes());
            assert_eq!(found, floor, "{field}");
        }
    }

    #[test]
    fn tables_that_make_no_sense() {
        let new = |pairs: &[(&str, &str)]| {
            let pairs: Vec<_> = pairs
                .iter()
                .map(|(a, b)| (a.to_string(), b.to_string()))
                .collect();
            let domains = ["b.test".to_owned()];
            Secure::new(pairs.iter().map(|(a, b)| (a, b)), &domains)
        };
        assert!(new(&[("secure.b.test", "B.test"), ("s.b.test", "b.test")]).is_ok());
        assert_eq!(
            new(&[("a..b", "b.test")]),
            Err(SecureError::Domain("a..b".into()))
        );
        assert_eq!(
            new(&[("s.b.test", "c.test")]),
            Err(SecureError::NotOurs("c.test".into()))
        );
        let repeated = |name: &str| Err(SecureError::Repeated(name.into()));
        assert_eq!(new(&[("b.test", "b.test")]), repeated("b.test"));
        assert_eq!(
            new(&[("S.b.test", "b.test"), ("s.b.test", "b.test")]),
            repeated("s.b.test")
        );
    }
}
