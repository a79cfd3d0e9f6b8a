use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

/// An operator's rule for a recipient domain, by the names of Postfix's policy table.
#[allow(clippy::exhaustive_enums)] // a caller who overlooks one sends what must not be sent
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// No TLS. Whoever demands TLS gets the message back.
    None,
    /// TLS if it can be had, whatever the domain asks for.
    May,
    /// TLS with whomever, whatever the domain asks for.
    Encrypt,
    /// TLS with a certificate from a public authority for the MX host, whatever the domain asks for.
    Verify,
    /// DANE, or encryption, where the domain asks for it by TLSA records; MTA-STS does not count.
    Dane,
    /// DANE over a secure MX set, or nothing.
    DaneOnly,
    /// An MTA-STS policy in mode `enforce`, or nothing. DANE goes before it here, too.
    Sts,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::May,
        Self::Encrypt,
        Self::Verify,
        Self::Dane,
        Self::DaneOnly,
        Self::Sts,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::May => "may",
            Self::Encrypt => "encrypt",
            Self::Verify => "verify",
            Self::Dane => "dane",
            Self::DaneOnly => "dane-only",
            Self::Sts => "sts",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Some text is not the name of a [`Rule`].
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no rule of this name")]
pub struct UnknownRule;

impl FromStr for Rule {
    type Err = UnknownRule;

    fn from_str(text: &str) -> Result<Self, UnknownRule> {
        let named = |rule: &Self| rule.name() == text;
        Self::ALL.into_iter().find(named).ok_or(UnknownRule)
    }
}

/// Rules by recipient domain.
///
/// The text has a line for each: a domain as A-labels, or `.` and a domain for everything below it,
/// then the rule. Empty lines and lines that begin with `#` do not count. The domain itself goes
/// before its ancestors, and a longer ancestor before a shorter one.
///
/// ```
/// use tls_policy::{Rule, Rules};
/// let rules: Rules = "example.org verify\n.example.org may\n".parse()?;
/// assert_eq!(rules.rule("EXAMPLE.org."), Some(Rule::Verify));
/// assert_eq!(rules.rule("lists.example.org"), Some(Rule::May));
/// assert_eq!(rules.rule("example.net"), None);
/// # Ok::<(), tls_policy::RulesError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    of: HashMap<Box<str>, Rule>,
}

/// Why a text is no table of rules.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// A line is not a domain and a rule.
    #[error("line {line} is not a domain and a rule")]
    Malformed {
        /// Counted from 1.
        line: usize,
    },
    /// A domain has a rule already.
    #[error("line {line} repeats a domain")]
    Repeated {
        /// Counted from 1.
        line: usize,
    },
}

/// Octets of a domain name as text (RFC 1035 §2.3.4).
const MAX_NAME: usize = 253;

impl FromStr for Rules {
    type Err = RulesError;

    fn from_str(text: &str) -> Result<Self, RulesError> {
        let mut of = HashMap::new();
        for (at, line) in text.lines().enumerate() {
            let malformed = RulesError::Malformed { line: at + 1 };
            let mut words = line.split_ascii_whitespace();
            let Some(domain) = words.next().filter(|word| !word.starts_with('#')) else {
                continue;
            };
            let (Some(rule), None) = (words.next(), words.next()) else {
                return Err(malformed);
            };
            let rule = rule.parse().map_err(|_| malformed)?;
            let bare = domain.strip_prefix('.').unwrap_or(domain);
            if bare.len() > MAX_NAME || !is_host(bare) {
                return Err(malformed);
            }
            let key = domain.to_ascii_lowercase().into_boxed_str();
            if of.insert(key, rule).is_some() {
                return Err(RulesError::Repeated { line: at + 1 });
            }
        }
        Ok(Self { of })
    }
}

impl Rules {
    /// The rule for a recipient domain, as A-labels; case and a final dot do not count. One look-up
    /// for each label, no allocation.
    pub fn rule(&self, domain: &str) -> Option<Rule> {
        if self.of.is_empty() {
            return None;
        }
        let mut lower = [0; MAX_NAME];
        let domain = lower_case(domain, &mut lower)?;
        let ancestors = domain.match_indices('.').map(|(at, _)| domain.get(at..));
        std::iter::once(Some(domain))
            .chain(ancestors)
            .flatten()
            .find_map(|key| self.of.get(key).copied())
    }
}

/// Letters, digits, hyphens and underscores between single dots.
pub(crate) fn is_host(name: &str) -> bool {
    let octet = |o: u8| o.is_ascii_alphanumeric() || o == b'-' || o == b'_';
    name.split('.')
        .all(|label| (1..=63).contains(&label.len()) && label.bytes().all(octet))
}

/// The name in lower case and without its final dot, in the buffer; nothing if it is too long.
pub(crate) fn lower_case<'b>(name: &str, buffer: &'b mut [u8; MAX_NAME]) -> Option<&'b str> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let target = buffer.get_mut(..name.len())?;
    target.copy_from_slice(name.as_bytes());
    target.make_ascii_lowercase();
    str::from_utf8(target).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for rule in Rule::ALL {
            assert_eq!(rule.to_string().parse(), Ok(rule));
        }
        for text in ["", "MAY", "dane_only", "secure", "fingerprint"] {
            assert_eq!(text.parse::<Rule>(), Err(UnknownRule));
        }
    }

    #[test]
    fn what_is_no_table_is_refused_with_its_line() {
        for (text, line) in [
            ("example.org", 1),
            ("# a\n\nexample.org may now", 3),
            ("example.org secure", 1),
            ("example..org may", 1),
            (". may", 1),
            ("..example.org may", 1),
            ("b\u{fc}cher.example may", 1),
            ("example.org. may", 1),
        ] {
            let refused = Err(RulesError::Malformed { line });
            assert_eq!(text.parse::<Rules>(), refused, "{text:?}");
        }
        let twice = "example.org may\nEXAMPLE.org encrypt";
        assert_eq!(
            twice.parse::<Rules>(),
            Err(RulesError::Repeated { line: 2 })
        );
        let long = format!("{} may", ["a"; 127].join("."));
        assert!(long.parse::<Rules>().is_ok());
        let longer = format!("{} may", ["a"; 128].join("."));
        assert!(longer.parse::<Rules>().is_err());
    }

    #[test]
    fn the_nearest_rule_holds() {
        let text = ".org encrypt\n.example.org may\nexample.org dane\nx none";
        let rules: Rules = text.parse().unwrap();
        let cases = [
            ("example.org", Some(Rule::Dane)),
            ("a.example.org", Some(Rule::May)),
            ("a.b.example.org", Some(Rule::May)),
            ("other.org", Some(Rule::Encrypt)),
            ("org", None),
            ("x", Some(Rule::None)),
            ("a.x", None),
            (".example.org", Some(Rule::May)),
            ("", None),
        ];
        for (domain, rule) in cases {
            assert_eq!(rules.rule(domain), rule, "{domain}");
        }
        assert_eq!(rules.rule(&["a"; 200].join(".")), None);
    }
}
