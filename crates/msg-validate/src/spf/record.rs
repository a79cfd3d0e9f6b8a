use super::{SpfResult, macros::Template};
use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
};

/// An SPF record (RFC 7208 §4.6.1), borrowed from its text. Prints as it was written, with one
/// space between terms.
///
/// ```
/// use msg_validate::spf::Record;
/// let record = Record::parse(b"v=spf1  mx include:_spf.example.net -all").unwrap();
/// assert_eq!(record.to_string(), "v=spf1 mx include:_spf.example.net -all");
/// assert_eq!(Record::parse(b"v=spf1 ip4:192.0.2.300 -all").unwrap_err().term(), "ip4:192.0.2.300");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    terms: Vec<Term<'a>>,
    redirect: Option<Template<'a>>,
    exp: Option<Template<'a>>,
}

/// What a record begins with.
const VERSION: &[u8] = b"v=spf1";

/// A mistake in an SPF record (RFC 7208 §4.6).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("mistake in an SPF record at `{term}`")]
pub struct SyntaxError {
    term: String,
}

/// One term as it stands in the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Term<'a> {
    pub(super) text: &'a str,
    /// `None` is a modifier.
    pub(super) directive: Option<Directive<'a>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Directive<'a> {
    /// What a match means: pass, fail, softfail or neutral.
    pub(super) qualifier: SpfResult,
    pub(super) mechanism: Mechanism<'a>,
}

/// A mechanism (RFC 7208 §5). No domain is the current one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mechanism<'a> {
    All,
    Include(Template<'a>),
    A(Option<Template<'a>>, Prefixes),
    Mx(Option<Template<'a>>, Prefixes),
    Ptr(Option<Template<'a>>),
    Ip4(Ipv4Addr, u8),
    Ip6(Ipv6Addr, u8),
    Exists(Template<'a>),
}

/// Lengths of the address prefixes that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prefixes {
    pub(super) v4: u8,
    pub(super) v6: u8,
}

impl<'a> Record<'a> {
    /// Whether a TXT record is an SPF record, good or bad.
    pub fn is_spf(text: &[u8]) -> bool {
        // RFC 7208 §4.5: "the version section is terminated by either an SP character or the end
        // of the record"; RFC 7208 §12: `"v=spf1"`, which ABNF reads without case.
        text.split_at_checked(VERSION.len())
            .is_some_and(|(version, rest)| {
                version.eq_ignore_ascii_case(VERSION) && matches!(rest.first(), None | Some(b' '))
            })
    }

    /// Reads a whole record.
    ///
    /// # Errors
    /// The first term that breaks the syntax. RFC 7208 §4.6: "if there are any syntax errors
    /// anywhere in the record, check_host() returns immediately with the result permerror".
    pub fn parse(text: &'a [u8]) -> Result<Self, SyntaxError> {
        if !Self::is_spf(text) {
            return Err(SyntaxError::at(text));
        }
        let mut record = Self {
            terms: Vec::with_capacity(8),
            redirect: None,
            exp: None,
        };
        // RFC 7208 §3.1: the record is US-ASCII; what is no graphic character is in no rule.
        let legal = |octet: u8| octet == b' ' || octet.is_ascii_graphic();
        // Without an early end the compiler makes vector instructions of it.
        let end = match text.iter().fold(true, |all, &octet| all & legal(octet)) {
            true => text.len(),
            false => {
                let bad = text.iter().position(|&octet| !legal(octet));
                let before = text.get(..bad.unwrap_or_default()).unwrap_or_default();
                memchr::memrchr(b' ', before).map_or(0, |space| space + 1)
            }
        };
        let (good, bad) = text.split_at_checked(end).unwrap_or_default();
        let terms = str::from_utf8(good).map_err(|_| SyntaxError::at(text))?;
        let mut start = VERSION.len();
        for end in memchr::memchr_iter(b' ', good).chain([good.len()]) {
            if let Some(term) = terms.get(start..end).filter(|term| !term.is_empty()) {
                let pushed = record.push(term);
                pushed.ok_or_else(|| SyntaxError::at(term.as_bytes()))?;
            }
            start = end + 1;
        }
        match bad.split(|&octet| octet == b' ').next() {
            Some([]) | None => Ok(record),
            Some(term) => Err(SyntaxError::at(term)),
        }
    }

    pub(super) fn terms(&self) -> &[Term<'a>] {
        &self.terms
    }

    pub(super) fn redirect(&self) -> Option<Template<'a>> {
        self.redirect
    }

    pub(super) fn exp(&self) -> Option<Template<'a>> {
        self.exp
    }

    fn push(&mut self, text: &'a str) -> Option<()> {
        let directive = match memchr::memchr3(b':', b'/', b'=', text.as_bytes()) {
            Some(at) if text.as_bytes().get(at) == Some(&b'=') => {
                self.modifier(text.get(..at)?, text.get(at + 1..)?)?;
                None
            }
            end => Some(Directive::parse(text, end.unwrap_or(text.len()))?),
        };
        self.terms.push(Term { text, directive });
        Some(())
    }

    fn modifier(&mut self, name: &str, value: &'a str) -> Option<()> {
        let slot = if name.eq_ignore_ascii_case("redirect") {
            &mut self.redirect
        } else if name.eq_ignore_ascii_case("exp") {
            &mut self.exp
        } else {
            // RFC 7208 §6: "Unrecognized modifiers MUST be ignored no matter where, or how often";
            // RFC 7208 §12: `name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." )`.
            let octets = name.as_bytes();
            let named = octets.first().is_some_and(u8::is_ascii_alphabetic)
                && (octets.iter()).all(|o| o.is_ascii_alphanumeric() || b"-_.".contains(o));
            return (named && Template::is_macro_string(value)).then_some(());
        };
        // RFC 7208 §6: "These two modifiers MUST NOT appear in a record more than once each."
        match slot.replace(Template::domain_spec(value)?) {
            Some(_) => None,
            None => Some(()),
        }
    }
}

impl<'a> Directive<'a> {
    /// `end` is where the mechanism's name ends.
    fn parse(text: &'a str, end: usize) -> Option<Self> {
        let (qualifier, start) = match text.as_bytes().first()? {
            b'+' => (SpfResult::Pass, 1),
            b'-' => (SpfResult::Fail, 1),
            b'~' => (SpfResult::SoftFail, 1),
            b'?' => (SpfResult::Neutral, 1),
            _ => (SpfResult::Pass, 0),
        };
        let (name, rest) = (text.get(start..end)?, text.get(end..)?);
        Some(Self {
            qualifier,
            mechanism: Mechanism::parse(name, rest)?,
        })
    }
}

impl<'a> Mechanism<'a> {
    /// `rest` is empty or begins with `:` or `/`.
    fn parse(name: &str, rest: &'a str) -> Option<Self> {
        let is = |mechanism: &str| name.eq_ignore_ascii_case(mechanism);
        let value = || rest.strip_prefix(':');
        if is("ip4") {
            let (network, length) = network(value()?, 32)?;
            Some(Self::Ip4(ipv4(network)?, length))
        } else if is("include") {
            Some(Self::Include(Template::domain_spec(value()?)?))
        } else if is("all") {
            rest.is_empty().then_some(Self::All)
        } else if is("ip6") {
            let (network, length) = network(value()?, 128)?;
            Some(Self::Ip6(network.parse().ok()?, length))
        } else if is("a") {
            let (rest, prefixes) = Prefixes::cut(rest)?;
            Some(Self::A(target(rest)?, prefixes))
        } else if is("mx") {
            let (rest, prefixes) = Prefixes::cut(rest)?;
            Some(Self::Mx(target(rest)?, prefixes))
        } else if is("ptr") {
            Some(Self::Ptr(target(rest)?))
        } else if is("exists") {
            Some(Self::Exists(Template::domain_spec(value()?)?))
        } else {
            // RFC 7208 §4.6.1: what is neither a mechanism nor a modifier is a syntax error.
            None
        }
    }
}

/// `[ ":" domain-spec ]`
fn target(rest: &str) -> Option<Option<Template<'_>>> {
    match rest.strip_prefix(':') {
        Some(spec) => Template::domain_spec(spec).map(Some),
        None => rest.is_empty().then_some(None),
    }
}

/// `network [ "/" length ]` of `ip4` and `ip6` (RFC 7208 §5.6).
fn network(value: &str, most: u8) -> Option<(&str, u8)> {
    match memchr::memchr(b'/', value.as_bytes()) {
        Some(at) => Some((value.get(..at)?, prefix_length(value.get(at + 1..)?, most)?)),
        None => Some((value, most)),
    }
}

/// RFC 7208 §5.6: `qnum "." qnum "." qnum "." qnum`, without leading zeros. Most records are made
/// of little else.
fn ipv4(text: &str) -> Option<Ipv4Addr> {
    let (mut octets, mut at, mut digits) = ([0_u8; 4], 0, 0);
    for character in text.bytes() {
        let octet = octets.get_mut(at)?;
        match character {
            b'.' if digits > 0 => (at, digits) = (at + 1, 0),
            b'0'..=b'9' if digits == 0 || *octet > 0 => {
                *octet = octet.checked_mul(10)?.checked_add(character - b'0')?;
                digits += 1;
            }
            _ => return None,
        }
    }
    (at == 3 && digits > 0).then(|| octets.into())
}

/// RFC 7208 §5.6: `"/" ("0" / %x31-39 0*1DIGIT)`, in which a leading zero has no place.
fn prefix_length(digits: &str, most: u8) -> Option<u8> {
    let plain = digits.bytes().all(|o| o.is_ascii_digit());
    if !plain || (digits.len() > 1 && digits.starts_with('0')) {
        return None;
    }
    digits.parse().ok().filter(|&length| length <= most)
}

impl Prefixes {
    /// Cuts a `dual-cidr-length` off the end (RFC 7208 §5.3).
    fn cut(text: &str) -> Option<(&str, Self)> {
        let (mut text, mut prefixes) = (text, Self { v4: 32, v6: 128 });
        if let Some((rest, digits)) = cut_number(text)
            && let Some(rest) = rest.strip_suffix('/')
        {
            prefixes.v6 = prefix_length(digits, 128)?;
            text = rest;
        }
        if let Some((rest, digits)) = cut_number(text) {
            prefixes.v4 = prefix_length(digits, 32)?;
            text = rest;
        }
        Some((text, prefixes))
    }
}

/// Cuts a `/` and the digits after it off the end.
fn cut_number(text: &str) -> Option<(&str, &str)> {
    let rest = text.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = text.get(rest.len()..).filter(|digits| !digits.is_empty())?;
    Some((rest.strip_suffix('/')?, digits))
}

impl SyntaxError {
    fn at(term: &[u8]) -> Self {
        const SHOWN: usize = 80;
        let term = term.get(..SHOWN).unwrap_or(term);
        Self {
            term: term.escape_ascii().to_string(),
        }
    }

    /// The term that is wrong: its first 80 octets, escaped to printable US-ASCII.
    pub fn term(&self) -> &str {
        &self.term
    }
}

impl fmt::Display for Record<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("v=spf1")?;
        for term in &self.terms {
            write!(f, " {}", term.text)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(record: &[u8]) -> String {
        Record::parse(record).unwrap_err().term().to_owned()
    }

    #[test]
    fn the_first_term_that_is_wrong_is_named() {
        assert_eq!(mistake(b"v=spf1 foo a:x\x7f -all"), "foo");
        assert_eq!(mistake(b"v=spf1 mx a:x\xe9 foo"), "a:x\\xe9");
        assert_eq!(mistake(b"v=spf1 \t"), "\\t");
    }

    fn parses(record: &str) -> bool {
        Record::parse(record.as_bytes()).is_ok()
    }

    #[test]
    fn the_version_ends_at_a_space_or_the_end() {
        for good in ["v=spf1", "V=SPF1 ", "v=spf1 all"] {
            assert!(Record::is_spf(good.as_bytes()), "{good}");
        }
        for other in [
            "",
            "v=spf",
            "v=spf10",
            "v=spf1\tall",
            " v=spf1",
            "v=spf2.0/pra",
        ] {
            assert!(!Record::is_spf(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn prefix_lengths_have_a_range_and_no_leading_zero() {
        let a = |suffix: &str| match Record::parse(format!("v=spf1 a{suffix}").as_bytes()) {
            Ok(record) => match record.terms()[0].directive.as_ref().unwrap().mechanism {
                Mechanism::A(_, Prefixes { v4, v6 }) => Some((v4, v6)),
                _ => None,
            },
            Err(_) => None,
        };
        assert_eq!(a(""), Some((32, 128)));
        assert_eq!(a("/0"), Some((0, 128)));
        assert_eq!(a("//0"), Some((32, 0)));
        assert_eq!(a("/24//64"), Some((24, 64)));
        assert_eq!(a(":b.example/24//64"), Some((24, 64)));
        assert_eq!(a(":%{d}/24"), Some((24, 128)));
        for bad in [
            "/33",
            "//129",
            "/032",
            "//00",
            "/",
            "//",
            "/24/",
            "/24/64",
            "/24///64",
            "/-1",
            "/+1",
            "/256",
            "/99999999999",
        ] {
            assert_eq!(a(bad), None, "{bad}");
        }
    }

    #[test]
    fn ipv4_addresses_are_those_of_the_standard_library() {
        let parts = [
            "", "0", "00", "01", "1", "9", "10", "99", "100", "255", "256", "300", "a",
        ];
        for text in [
            "",
            ".",
            "1",
            "1.2.3",
            "1.2.3.",
            "1.2.3.4.",
            "1.2.3.4.5",
            "...",
        ] {
            assert_eq!(ipv4(text), text.parse().ok(), "{text}");
        }
        for (a, b) in parts.iter().flat_map(|a| parts.map(|b| (a, b))) {
            for text in [format!("{a}.{b}.3.4"), format!("1.2.{a}.{b}")] {
                assert_eq!(ipv4(&text), text.parse().ok(), "{text}");
            }
        }
    }

    #[test]
    fn terms_that_break_the_grammar() {
        for bad in [
            "-all.",
            "all:x.example",
            "all/8",
            "include",
            "include:",
            "a:",
            "mx:",
            "ptr:",
            "ptr/0",
            "exists",
            "exists:",
            "ip4",
            "ip4:",
            "ip4:1.2.3",
            "ip4:1.2.3.4:25",
            "ip4:01.2.3.4",
            "ip4:1.2.3.4//32",
            "ip6::CAFE::BABE",
            "ip6:1.2.3.4",
            "a:museum",
            "a:museum.",
            "a:1.2.3.4",
            "a:x.-com",
            "a:x.com-",
            "redirect:x.example",
            "=x",
            "1up=x",
            "+exp=x.example",
            "exp=",
            "redirect=",
            "exp=-all",
            "foo=%",
            "foo=%(i)",
            "foo",
            "--all",
            "a:%{x}.example",
            "a:%{c}.example",
            "a:%{d0}.example",
            "a:%{d.example",
            "a:x.example%",
            "redirect=a.example redirect=a.example",
            "exp=a.example -all exp=a.example",
            "a:x.example\u{7f}",
            "a:x.\u{e9}xample",
            "a\tmx",
        ] {
            assert!(!parses(&format!("v=spf1 {bad}")), "{bad}");
        }
        for good in [
            "A MX PTR -ALL",
            "Include:a.example",
            "a:x:y/z.example",
            "a:%{d}",
            "a:%%.example.",
            "exists:%{ir}.%{v}._spf.%{d2}",
            "moo.cow-far_out=man:dog/cat",
            "foo= foo=%{t}",
            "ip6:::1.2.3.4/0",
            "ip4:0.0.0.0/0",
            "a:x.xn--zckzah",
            "a:x.1a",
            "exists:%{l1r-+,/_=}.x.example",
            "redirect=%{d999999999999999999999r}",
            "~a ?a +a -a",
        ] {
            assert!(parses(&format!("v=spf1 {good}")), "{good}");
        }
    }
}
