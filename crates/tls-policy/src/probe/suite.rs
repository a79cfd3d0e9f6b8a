use std::fmt;

use super::Version;
use super::codes::{display, known, name};
use super::suites::SUITES;

/// A cipher suite, by its code point (RFC 5246 §A.5, RFC 8446 §B.4).
///
/// ```
/// use tls_policy::probe::{KeyExchange, Suite};
/// let suite = Suite::new(0xC02F);
/// assert_eq!(suite.to_string(), "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
/// assert_eq!(suite.key_exchange(), Some(KeyExchange::Ecdhe));
/// assert_eq!(Suite::new(0x4242).to_string(), "0x4242");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Suite(u16);

/// How a suite agrees on keys.
#[allow(clippy::exhaustive_enums)] // complete for the suites that this crate knows
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyExchange {
    /// TLS 1.3: the suite does not say (RFC 8446 §4.2.8).
    Tls13,
    /// Elliptic curves, ephemeral (RFC 8422 §2).
    Ecdhe,
    /// Finite fields, ephemeral (RFC 5246 §7.4.3).
    Dhe,
    /// The certificate's RSA key, without forward secrecy.
    Rsa,
    /// RSA with a short key, made for the export rules of the nineties.
    RsaExport,
    /// The certificate's key, on a curve or in a field, without forward secrecy.
    Static,
}

/// Who signs, or whose key it is.
#[allow(clippy::exhaustive_enums)] // complete for the suites that this crate knows
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Authentication {
    /// TLS 1.3: the suite does not say.
    Tls13,
    /// A certificate with an RSA key.
    Rsa,
    /// A certificate with a key for ECDSA or EdDSA (RFC 8422 §2).
    Ecdsa,
    /// A certificate with a DSA key.
    Dss,
    /// Nobody.
    Anonymous,
}

impl Suite {
    /// By its code point.
    pub const fn new(code: u16) -> Self {
        Self(code)
    }

    /// As it is on the wire.
    pub const fn code(self) -> u16 {
        self.0
    }

    /// IANA's name, of those that this crate knows.
    pub fn name(self) -> Option<&'static str> {
        name(SUITES, self.0)
    }

    /// How it agrees on keys; nothing for a suite that this crate does not know.
    pub fn key_exchange(self) -> Option<KeyExchange> {
        let Some((exchange, _)) = self.name()?.split_once("_WITH_") else {
            return Some(KeyExchange::Tls13);
        };
        Some(match exchange {
            "TLS_RSA" => KeyExchange::Rsa,
            "TLS_RSA_EXPORT" => KeyExchange::RsaExport,
            e if e.starts_with("TLS_ECDHE_") || e == "TLS_ECDH_anon" => KeyExchange::Ecdhe,
            e if e.starts_with("TLS_DHE_") || e.starts_with("TLS_DH_anon") => KeyExchange::Dhe,
            _ => KeyExchange::Static,
        })
    }

    /// Who signs; nothing for a suite that this crate does not know.
    pub fn authentication(self) -> Option<Authentication> {
        let Some((exchange, _)) = self.name()?.split_once("_WITH_") else {
            return Some(Authentication::Tls13);
        };
        let exchange = exchange.trim_end_matches("_EXPORT");
        Some(match exchange.rsplit('_').next() {
            Some("anon") => Authentication::Anonymous,
            Some("ECDSA") => Authentication::Ecdsa,
            Some("DSS") => Authentication::Dss,
            _ => Authentication::Rsa,
        })
    }

    /// Whether the server signs its ephemeral keys (RFC 5246 §7.4.3).
    pub(super) fn is_signed(self) -> bool {
        let ephemeral = [Some(KeyExchange::Ecdhe), Some(KeyExchange::Dhe)];
        ephemeral.contains(&self.key_exchange())
            && self.authentication() != Some(Authentication::Anonymous)
    }

    /// Whether it encrypts blocks in a chain and authenticates them apart, so that the order
    /// matters (RFC 7366 §1).
    pub fn is_cbc(self) -> bool {
        self.name().is_some_and(|name| name.contains("_CBC"))
    }

    /// Whether encryption and authentication are one (RFC 5116).
    pub fn is_aead(self) -> bool {
        let aead = |name: &str| {
            ["_GCM_", "_CCM", "_POLY1305_"]
                .iter()
                .any(|a| name.contains(a))
        };
        self.name().is_some_and(aead)
    }

    /// Whether a server may choose it in this version (RFC 5246 §A.5, RFC 5289 §2).
    pub fn fits(self, version: Version) -> bool {
        let tls13 = self.key_exchange() == Some(KeyExchange::Tls13);
        let sha2 = |name: &str| name.ends_with("_SHA256") || name.ends_with("_SHA384");
        let new = self.is_aead() || self.name().is_some_and(sha2);
        match version {
            Version::Tls13 => tls13,
            Version::Tls12 => !tls13,
            Version::Ssl30 | Version::Tls10 | Version::Tls11 => !tls13 && !new,
        }
    }

    /// All that this crate knows, the newest first.
    pub fn all() -> impl Iterator<Item = Self> {
        known(SUITES).rev().map(Self)
    }
}

/// The name, or the number.
impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        display(self.name(), self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suite(name: &str) -> Suite {
        Suite::all().find(|s| s.name() == Some(name)).unwrap()
    }

    #[test]
    fn names_say_what_a_suite_is() {
        use {Authentication as A, KeyExchange as K};
        for (name, exchange, who, cbc, aead) in [
            ("TLS_AES_128_GCM_SHA256", K::Tls13, A::Tls13, false, true),
            ("TLS_AES_128_CCM_8_SHA256", K::Tls13, A::Tls13, false, true),
            (
                "TLS_ECDHE_ECDSA_WITH_AES_128_CCM",
                K::Ecdhe,
                A::Ecdsa,
                false,
                true,
            ),
            (
                "TLS_ECDH_anon_WITH_NULL_SHA",
                K::Ecdhe,
                A::Anonymous,
                false,
                false,
            ),
            (
                "TLS_ECDH_RSA_WITH_RC4_128_SHA",
                K::Static,
                A::Rsa,
                false,
                false,
            ),
            (
                "TLS_DH_DSS_WITH_DES_CBC_SHA",
                K::Static,
                A::Dss,
                true,
                false,
            ),
            (
                "TLS_DH_anon_EXPORT_WITH_RC4_40_MD5",
                K::Dhe,
                A::Anonymous,
                false,
                false,
            ),
            (
                "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA",
                K::Dhe,
                A::Rsa,
                true,
                false,
            ),
            (
                "TLS_DHE_DSS_EXPORT_WITH_DES40_CBC_SHA",
                K::Dhe,
                A::Dss,
                true,
                false,
            ),
            (
                "TLS_RSA_EXPORT_WITH_RC2_CBC_40_MD5",
                K::RsaExport,
                A::Rsa,
                true,
                false,
            ),
            (
                "TLS_RSA_WITH_AES_256_GCM_SHA384",
                K::Rsa,
                A::Rsa,
                false,
                true,
            ),
        ] {
            let suite = suite(name);
            assert_eq!(suite.key_exchange(), Some(exchange), "{name}");
            assert_eq!(suite.authentication(), Some(who), "{name}");
            assert_eq!((suite.is_cbc(), suite.is_aead()), (cbc, aead), "{name}");
        }
    }

    #[test]
    fn a_suite_fits_the_versions_that_can_have_it() {
        let fits = |name: &str| Version::ALL.map(|version| suite(name).fits(version));
        assert_eq!(
            fits("TLS_AES_128_GCM_SHA256"),
            [false, false, false, false, true]
        );
        let tls12 = [false, false, false, true, false];
        assert_eq!(fits("TLS_RSA_WITH_AES_128_CBC_SHA256"), tls12);
        assert_eq!(fits("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384"), tls12);
        assert_eq!(fits("TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"), tls12);
        let old = [true, true, true, true, false];
        assert_eq!(fits("TLS_RSA_WITH_RC4_128_MD5"), old);
        assert_eq!(fits("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"), old);
    }

    #[test]
    fn what_is_unknown_is_nothing() {
        let unknown = Suite::new(0x4242);
        assert_eq!(unknown.key_exchange(), None);
        assert_eq!(unknown.authentication(), None);
        assert!(!unknown.is_cbc() && !unknown.is_aead());
    }
}
