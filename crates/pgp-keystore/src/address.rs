//! A mail address as look-ups need it: a local part as it is written, and a domain that can stand in a URL.

use std::fmt;
use std::str::FromStr;

use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};

/// Most octets of a local part (RFC 5321 §4.5.3.1).
const MAX_LOCAL: usize = 64;
/// Most octets of a domain before it is converted: no domain that fits the DNS needs as many.
const MAX_UNICODE: usize = 1024;

/// An address of mail that can be looked up.
///
/// The local part stays as it is written, since only the domain's owner knows what is the same; it has 1 to 64 octets, and
/// neither quotes, spaces, control characters nor what else would have to be quoted. The domain is kept in A-labels and
/// lower case (RFC 5891 §4.4), has at most 253 octets, and is neither an address literal nor a number.
///
/// ```
/// use pgp_keystore::Address;
/// let address: Address = "Joe.Doe@Bücher.Example".parse()?;
/// assert_eq!((address.local_part(), address.domain()), ("Joe.Doe", "xn--bcher-kva.example"));
/// # Ok::<(), pgp_keystore::AddressError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    local: Box<str>,
    domain: Box<str>,
}

/// No address that can be looked up.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an address that can be looked up")]
pub struct AddressError;

impl Address {
    /// What stands before the at sign.
    #[must_use]
    pub fn local_part(&self) -> &str {
        &self.local
    }

    /// What stands behind it, in A-labels and lower case.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Whether both are the same but for the case of ASCII letters: what a user ID must have to be found under an address.
    /// Other letters are not folded, as some of them would fold into ASCII.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.domain == other.domain && self.local.eq_ignore_ascii_case(&other.local)
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (local, name) = text.rsplit_once('@').ok_or(AddressError)?;
        if !(1..=MAX_LOCAL).contains(&local.len()) || !local.chars().all(is_plain) {
            return Err(AddressError);
        }
        Ok(Self {
            local: local.into(),
            domain: domain(name).ok_or(AddressError)?,
        })
    }
}

/// RFC 5321 §4.1.2 and RFC 6531 §3.3: `atext`, the dot, and whatever is not ASCII.
fn is_plain(c: char) -> bool {
    match c.is_ascii() {
        true => c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c),
        false => !c.is_control() && !c.is_whitespace(),
    }
}

/// In A-labels, letters, digits and hyphens only; none that a URL would take for an address of IP.
pub(crate) fn domain(text: &str) -> Option<Box<str>> {
    if text.len() > MAX_UNICODE {
        return None;
    }
    let to_ascii = |text: &str| {
        let uts46 = Uts46::new();
        let checked = uts46.to_ascii(
            text.as_bytes(),
            AsciiDenyList::STD3,
            Hyphens::CheckFirstLast,
            DnsLength::Verify,
        );
        checked.ok().map(|ascii| ascii.into_owned())
    };
    let ascii = to_ascii(text)?;
    let last = ascii.rsplit('.').next()?;
    let is_number = last.bytes().all(|c| c.is_ascii_digit()) || last.starts_with("0x");
    (!is_number).then(|| ascii.into())
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

impl fmt::Debug for Address {
    /// Without it: logs hold no addresses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Option<String> {
        text.parse()
            .ok()
            .map(|address: Address| address.to_string())
    }

    #[test]
    fn domains_are_converted_and_local_parts_are_not() {
        for (text, wanted) in [
            ("Joe.Doe@Example.ORG", "Joe.Doe@example.org"),
            ("jörg@BÜCHER.example", "jörg@xn--bcher-kva.example"),
            ("a+b'c/d@x.example", "a+b'c/d@x.example"),
        ] {
            assert_eq!(read(text).as_deref(), Some(wanted));
        }
    }

    #[test]
    fn what_could_change_a_url_or_reach_elsewhere_is_no_address() {
        for text in [
            "",
            "ann",
            "@example.org",
            "ann@",
            "ann@example.org/x",
            "ann@example.org:25",
            "ann@example.org.",
            "ann@exa mple.org",
            "ann@[127.0.0.1]",
            "ann@127.0.0.1",
            "ann@0x7f.1",
            "ann@x.0x7f000001",
            "ann@example.org?x",
            "ann@example.org#x",
            "ann@-example.org",
            "ann@.example.org",
            "ann@exam_ple.org",
            "ann@１２７.０.０.１",
            "ann\r\n@example.org",
            "\"ann x\"@example.org",
            "ann x@example.org",
            "a@b@example.org",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read(&format!("{}@example.org", "a".repeat(65))), None);
        assert_eq!(read(&format!("a@{}.org", "a".repeat(64))), None);
        assert!(read(&format!("{}@{}.org", "a".repeat(64), "a".repeat(63))).is_some());
    }

    #[test]
    fn only_ascii_is_folded() {
        let of = |text: &str| text.parse::<Address>().unwrap();
        assert!(of("ANN@example.org").is_same_as(&of("ann@Example.org")));
        // The mutation: KELVIN SIGN folds into an ASCII k where all letters are folded.
        assert_eq!("\u{212a}evin".to_lowercase(), "kevin");
        assert!(!of("\u{212a}evin@example.org").is_same_as(&of("kevin@example.org")));
        assert!(!of("Ärger@example.org").is_same_as(&of("ärger@example.org")));
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read(text in "\\PC{0,10}@\\PC{0,20}") {
            if let Ok(address) = text.parse::<Address>() {
                let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-' || c == b'.';
                prop_assert!(address.domain().bytes().all(plain));
                prop_assert_eq!(address.to_string().parse(), Ok(address));
            }
        }
    }
}
