//! The parts of a certificate that DANE looks at (RFC 5280 §4.1, §4.2).
//!
//! webpki verifies paths; what it does not say of a trust anchor, or of an issuer, is read here.

use crate::der::{self, Element, Reader, tag};

/// The SubjectPublicKeyInfo of a certificate, with its tag, or `None` for what has not the form of
/// a certificate of any version.
#[inline]
pub(crate) fn spki(certificate: &[u8]) -> Option<&[u8]> {
    let mut outer = Reader::new(der::only(certificate, tag::SEQUENCE)?.content);
    let mut tbs = Reader::new(outer.expect(tag::SEQUENCE)?.content);
    outer.expect(tag::SEQUENCE)?;
    outer.expect(tag::BIT_STRING)?;
    outer.end()?;
    tbs.optional(tag::CONTEXT_0)?;
    tbs.expect(tag::INTEGER)?; // serialNumber
    tbs.expect(tag::SEQUENCE)?; // signature
    tbs.expect(tag::SEQUENCE)?; // issuer
    tbs.expect(tag::SEQUENCE)?; // validity
    tbs.expect(tag::SEQUENCE)?; // subject
    Some(tbs.expect(tag::SEQUENCE)?.whole)
}

/// A SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) in its parts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PublicKey<'a> {
    /// What is inside the outer tag.
    pub(crate) content: &'a [u8],
    /// What is inside the tag of the AlgorithmIdentifier.
    pub(crate) algorithm: &'a [u8],
    /// The key, without the count of unused bits.
    pub(crate) key: &'a [u8],
}

impl<'a> PublicKey<'a> {
    /// Some octets, if they have the form of one SubjectPublicKeyInfo.
    pub(crate) fn parse(octets: &'a [u8]) -> Option<Self> {
        let content = der::only(octets, tag::SEQUENCE)?.content;
        let mut info = Reader::new(content);
        let algorithm = info.expect(tag::SEQUENCE)?.content;
        Reader::new(algorithm).expect(tag::OID)?;
        let key = octets_of_bits(info.expect(tag::BIT_STRING)?)?;
        info.end()?;
        Some(Self {
            content,
            algorithm,
            key,
        })
    }
}

/// A certificate of any version. Byte strings are without their outer tags unless it is said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Certificate<'a> {
    /// All of it, with its tag.
    pub(crate) der: &'a [u8],
    /// What is signed, with its tag.
    pub(crate) tbs: &'a [u8],
    pub(crate) signature_algorithm: &'a [u8],
    pub(crate) signature: &'a [u8],
    pub(crate) issuer: &'a [u8],
    pub(crate) subject: &'a [u8],
    /// With its tag.
    pub(crate) spki: &'a [u8],
    pub(crate) validity: Validity,
    pub(crate) version: Version,
    /// `None` where there are none, as in versions 1 and 2.
    pub(crate) extensions: Option<Extensions<'a>>,
}

/// RFC 5280 §4.1.2.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// Version 1, which has no extensions.
    One,
    Later,
}

/// Seconds since 1970, both included (RFC 5280 §4.1.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
}

/// What the extensions say (RFC 5280 §4.2).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Extensions<'a> {
    pub(crate) basic_constraints: Option<BasicConstraints>,
    /// The first two octets of the bits, the first bit being the highest.
    pub(crate) key_usage: Option<u16>,
    /// Whether the purposes, if there are any, include the authentication of servers.
    pub(crate) for_servers: Option<bool>,
    pub(crate) subject_key_id: Option<&'a [u8]>,
    pub(crate) authority_key_id: Option<&'a [u8]>,
    /// One that must be understood is not.
    pub(crate) unknown_critical: bool,
}

/// RFC 5280 §4.2.1.9.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BasicConstraints {
    pub(crate) ca: bool,
    pub(crate) path_length: Option<u64>,
}

/// Bits of [`Extensions::key_usage`] (RFC 5280 §4.2.1.3).
pub(crate) mod key_usage {
    /// digitalSignature, keyEncipherment, keyAgreement: what TLS does with a server's key.
    pub(crate) const TLS: u16 = 0x8000 | 0x2000 | 0x0800;
    pub(crate) const CERT_SIGN: u16 = 0x0400;
}

/// `id-ce`, 2.5.29.
const ID_CE: &[u8] = &[0x55, 0x1d];
/// `id-kp-serverAuth`, 1.3.6.1.5.5.7.3.1.
const SERVER_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];

impl<'a> Certificate<'a> {
    pub(crate) fn parse(der: &'a [u8]) -> Option<Self> {
        let mut outer = Reader::new(der::only(der, tag::SEQUENCE)?.content);
        let tbs = outer.expect(tag::SEQUENCE)?;
        let signature_algorithm = outer.expect(tag::SEQUENCE)?.content;
        let signature = octets_of_bits(outer.expect(tag::BIT_STRING)?)?;
        outer.end()?;

        let mut fields = Reader::new(tbs.content);
        let version = match fields.optional(tag::CONTEXT_0)? {
            Some(wrapped) => match der::only(wrapped.content, tag::INTEGER)?.content {
                [0] => Version::One,
                _ => Version::Later,
            },
            None => Version::One,
        };
        fields.expect(tag::INTEGER)?;
        fields.expect(tag::SEQUENCE)?;
        let issuer = fields.expect(tag::SEQUENCE)?.content;
        let validity = Validity::parse(fields.expect(tag::SEQUENCE)?.content)?;
        let subject = fields.expect(tag::SEQUENCE)?.content;
        let spki = fields.expect(tag::SEQUENCE)?.whole;
        // Unique identifiers, which nobody has used for decades.
        fields.optional(tag::CONTEXT_1)?;
        fields.optional(tag::CONTEXT_2)?;
        let extensions = match fields.optional(tag::CONTEXT_3)? {
            Some(wrapped) => Some(Extensions::parse(wrapped.content)?),
            None => None,
        };
        fields.end()?;
        Some(Self {
            der,
            tbs: tbs.whole,
            signature_algorithm,
            signature,
            issuer,
            subject,
            spki,
            validity,
            version,
            extensions,
        })
    }

    /// Whether issuer and subject have the same name.
    pub(crate) fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    /// Whether this one may be issued by that one, to go by names and key identifiers.
    pub(crate) fn names_as_issuer(&self, other: &Self) -> bool {
        let wanted = self.extensions.and_then(|e| e.authority_key_id);
        let found = other.extensions.and_then(|e| e.subject_key_id);
        let other_key = matches!((wanted, found), (Some(wanted), Some(found)) if wanted != found);
        self.issuer == other.subject && !other_key
    }
}

impl Validity {
    fn parse(content: &[u8]) -> Option<Self> {
        let mut times = Reader::new(content);
        let not_before = time(times.element()?)?;
        let not_after = time(times.element()?)?;
        times.end()?;
        Some(Self {
            not_before,
            not_after,
        })
    }
}

impl<'a> Extensions<'a> {
    fn parse(wrapped: &'a [u8]) -> Option<Self> {
        let mut list = Reader::new(der::only(wrapped, tag::SEQUENCE)?.content);
        let mut all = Self::default();
        while !list.is_empty() {
            let mut extension = Reader::new(list.expect(tag::SEQUENCE)?.content);
            let id = extension.expect(tag::OID)?.content;
            let critical = extension.optional(tag::BOOLEAN)?;
            let critical = critical.is_some_and(|flag| flag.content != [0]);
            let value = extension.expect(tag::OCTET_STRING)?.content;
            extension.end()?;
            all.read(id, critical, value)?;
        }
        Some(all)
    }

    fn read(&mut self, id: &[u8], critical: bool, value: &'a [u8]) -> Option<()> {
        match id.strip_prefix(ID_CE) {
            Some([14]) => {
                self.subject_key_id = Some(der::only(value, tag::OCTET_STRING)?.content);
            }
            Some([15]) => self.key_usage = Some(first_bits(der::only(value, tag::BIT_STRING)?)?),
            Some([19]) => self.basic_constraints = Some(BasicConstraints::parse(value)?),
            Some([35]) => {
                let mut fields = Reader::new(der::only(value, tag::SEQUENCE)?.content);
                let key = fields.optional(tag::IMPLICIT_0)?;
                self.authority_key_id = key.map(|key| key.content);
            }
            Some([37]) => {
                let mut purposes = Reader::new(der::only(value, tag::SEQUENCE)?.content);
                let mut any = false;
                while !purposes.is_empty() {
                    any |= purposes.expect(tag::OID)?.content == SERVER_AUTH;
                }
                self.for_servers = Some(any);
            }
            // Alternative names and the constraints on them are webpki's; the policies and the
            // places of revocation lists are what nobody asks for here.
            Some([17 | 18 | 30 | 31 | 32 | 33 | 36 | 46 | 54]) => {}
            _ => self.unknown_critical |= critical,
        }
        Some(())
    }
}

impl BasicConstraints {
    fn parse(value: &[u8]) -> Option<Self> {
        let mut fields = Reader::new(der::only(value, tag::SEQUENCE)?.content);
        let ca = fields.optional(tag::BOOLEAN)?;
        let path_length = match fields.optional(tag::INTEGER)? {
            Some(number) => Some(unsigned(number.content)?),
            None => None,
        };
        fields.end()?;
        Some(Self {
            ca: ca.is_some_and(|flag| flag.content != [0]),
            path_length,
        })
    }
}

fn unsigned(content: &[u8]) -> Option<u64> {
    match content {
        [] => None,
        [first, ..] if *first >= 0x80 => None,
        octets if octets.len() > 8 => None,
        octets => Some(octets.iter().fold(0, |sum, &o| sum << 8 | u64::from(o))),
    }
}

/// The octets of a string of bits that has no unused ones.
fn octets_of_bits(element: Element<'_>) -> Option<&[u8]> {
    match element.content.split_first()? {
        (0, octets) => Some(octets),
        _ => None,
    }
}

fn first_bits(element: Element<'_>) -> Option<u16> {
    let (_unused, bits) = element.content.split_first()?;
    let octet = |at: usize| bits.get(at).copied().unwrap_or(0);
    Some(u16::from_be_bytes([octet(0), octet(1)]))
}

/// RFC 5280 §4.1.2.5.1: "YYMMDDHHMMSSZ", years from 1950 to 2049; §4.1.2.5.2: "YYYYMMDDHHMMSSZ".
fn time(element: Element<'_>) -> Option<i64> {
    let digits = element.content.strip_suffix(b"Z")?;
    let mut pairs = digits.chunks(2).map(|pair| match pair {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => {
            Some(i64::from((tens - b'0') * 10 + ones - b'0'))
        }
        _ => None,
    });
    let mut pair = || pairs.next().flatten();
    let year = match (element.tag, digits.len()) {
        (tag::UTC_TIME, 12) => match pair()? {
            year @ 50.. => 1900 + year,
            year => 2000 + year,
        },
        (tag::GENERALIZED_TIME, 14) => pair()? * 100 + pair()?,
        _ => return None,
    };
    let (month, day, hour, minute, second) = (pair()?, pair()?, pair()?, pair()?, pair()?);
    let legal = (1..=12).contains(&month) && (1..=31).contains(&day);
    (legal && hour < 24 && minute < 60 && second < 60)
        .then(|| days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second)
}

/// Days from 1970-01-01 to a day of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March have their leap day at the end.
    let (year, month) = match month {
        1 | 2 => (year - 1, month + 9),
        _ => (year, month - 3),
    };
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // Days from 0000-03-01 to 1970-01-01.
    year * 365 + leaps + (month * 153 + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(tag: u8, text: &[u8]) -> Option<i64> {
        time(Element {
            tag,
            whole: text,
            content: text,
        })
    }

    #[test]
    fn times_of_certificates() {
        for (tag, text, seconds) in [
            (tag::UTC_TIME, &b"700101000000Z"[..], Some(0)),
            (tag::UTC_TIME, b"491231235959Z", Some(2_524_607_999)),
            (tag::UTC_TIME, b"500101000000Z", Some(-631_152_000)),
            (tag::UTC_TIME, b"240229120000Z", Some(1_709_208_000)),
            (
                tag::GENERALIZED_TIME,
                b"20500101000000Z",
                Some(2_524_608_000),
            ),
            (
                tag::GENERALIZED_TIME,
                b"99991231235959Z",
                Some(253_402_300_799),
            ),
            (tag::GENERALIZED_TIME, b"500101000000Z", None),
            (tag::UTC_TIME, b"20500101000000Z", None),
            (tag::UTC_TIME, b"501301000000Z", None),
            (tag::UTC_TIME, b"500101240000Z", None),
            (tag::UTC_TIME, b"50010100000Z", None),
            (tag::UTC_TIME, b"5001010000+0Z", None),
            (tag::UTC_TIME, b"500101000000", None),
        ] {
            assert_eq!(at(tag, text), seconds, "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn numbers_are_unsigned_and_bounded() {
        for (octets, number) in [
            (&[0][..], Some(0)),
            (&[0x7f], Some(127)),
            (&[0, 0x80], Some(128)),
            (&[0xff], None),
            (&[], None),
            (&[1, 0, 0, 0, 0, 0, 0, 0, 0], None),
        ] {
            assert_eq!(unsigned(octets), number, "{octets:?}");
        }
    }
}
