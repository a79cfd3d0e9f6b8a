//! The bodies of a server's handshake messages.

use super::hello::{KEY_SHARE, SUPPORTED_VERSIONS};
use super::outcome::{Exchange, ReadError};
use super::{Authentication, Group, KeyExchange, Reader, SignatureScheme, Suite, Version};

/// RFC 8446 §4.2.2.
pub(super) const COOKIE: u16 = 44;

/// RFC 8446 §4.1.3: the random value that makes a ServerHello a HelloRetryRequest, which is the
/// SHA-256 of these words.
const HELLO_RETRY_REQUEST: [u8; 32] = [
    0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91,
    0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
];

/// RFC 8446 §4.1.3, RFC 5246 §7.4.1.3.
pub(super) struct ServerHello {
    pub(super) version: Version,
    pub(super) suite: Suite,
    pub(super) compression: u8,
    pub(super) retry: bool,
    /// Of the key share, or that it wants one for.
    pub(super) group: Option<Group>,
    pub(super) extensions: Vec<u16>,
}

impl ServerHello {
    pub(super) fn read(body: &[u8]) -> Result<Self, ReadError> {
        let mut octets = Octets(body);
        let legacy = octets.u16()?;
        let random = octets.take(32)?;
        if octets.vector8()?.len() > 32 {
            return Err(ReadError::Message);
        }
        let suite = Suite::new(octets.u16()?);
        let compression = octets.u8()?;
        // Before extensions were invented, a ServerHello ended here.
        let mut list = match octets.0.is_empty() {
            true => Octets(&[]),
            false => Octets(octets.vector16()?),
        };
        octets.end()?;
        let (mut extensions, mut selected, mut share) = (Vec::new(), None, None);
        while !list.0.is_empty() {
            let (code, data) = (list.u16()?, list.vector16()?);
            if extensions.contains(&code) {
                return Err(ReadError::Message);
            }
            extensions.push(code);
            match code {
                SUPPORTED_VERSIONS => selected = Some(Octets(data).only_u16()?),
                KEY_SHARE => share = Some(data),
                _ => {}
            }
        }
        let retry = random == HELLO_RETRY_REQUEST;
        // RFC 8446 §4.2.1: the extension is about TLS 1.3 and later alone, behind the number of 1.2.
        let version = match selected.map(Version::from_code) {
            Some(Some(Version::Tls13)) if legacy == Version::Tls12.code() => Version::Tls13,
            Some(_) => return Err(ReadError::VersionNotOffered),
            None => Version::from_code(legacy).ok_or(ReadError::VersionNotOffered)?,
        };
        if (selected.is_none() && (retry || share.is_some() || version == Version::Tls13))
            || (version == Version::Tls13 && compression != 0)
        {
            return Err(ReadError::Message);
        }
        let group = share.map(|data| key_share(data, retry)).transpose()?;
        Ok(Self {
            version,
            suite,
            compression,
            retry,
            group,
            extensions,
        })
    }
}

/// RFC 8446 §4.2.8: the group alone in a HelloRetryRequest, with a key in a ServerHello.
fn key_share(data: &[u8], retry: bool) -> Result<Group, ReadError> {
    let mut octets = Octets(data);
    let group = Group::new(octets.u16()?);
    if !retry && octets.vector16()?.is_empty() {
        return Err(ReadError::Message);
    }
    octets.end()?;
    Ok(group)
}

/// RFC 5246 §7.4.2.
pub(super) fn certificates(body: &[u8]) -> Result<Vec<Vec<u8>>, ReadError> {
    let mut octets = Octets(body);
    let mut list = Octets(octets.vector24()?);
    octets.end()?;
    let mut chain = Vec::new();
    while !list.0.is_empty() {
        let certificate = list.vector24()?;
        if certificate.is_empty() {
            return Err(ReadError::Message);
        }
        if chain.len() == Reader::MAX_CERTIFICATES {
            return Err(ReadError::TooLong);
        }
        chain.push(certificate.to_vec());
    }
    Ok(chain)
}

/// RFC 6066 §8.
pub(super) fn certificate_status(body: &[u8]) -> Result<(), ReadError> {
    let mut octets = Octets(body);
    let ocsp = 1;
    if octets.u8()? != ocsp || octets.vector24()?.is_empty() {
        return Err(ReadError::Message);
    }
    octets.end()
}

/// RFC 5246 §7.4.3, RFC 8422 §5.4.
pub(super) fn key_exchange(
    body: &[u8],
    suite: Suite,
    version: Version,
) -> Result<Exchange, ReadError> {
    let mut octets = Octets(body);
    let exchange = match suite.key_exchange() {
        Some(KeyExchange::Ecdhe) => match octets.u8()? {
            // RFC 8422 §5.4: named_curve.
            3 => {
                let group = Group::new(octets.u16()?);
                if octets.vector8()?.is_empty() {
                    return Err(ReadError::Message);
                }
                let scheme = signature(&mut octets, suite, version)?;
                Exchange::Curve { group, scheme }
            }
            // Its own curve, deprecated by RFC 8422 §5.4, and more than anybody could check.
            _ => return Err(ReadError::Message),
        },
        Some(KeyExchange::Dhe) => {
            let prime = octets.vector16()?;
            let (base, public) = (octets.vector16()?, octets.vector16()?);
            let bits = bits(prime).ok_or(ReadError::Message)?;
            if base.is_empty() || public.is_empty() {
                return Err(ReadError::Message);
            }
            let scheme = signature(&mut octets, suite, version)?;
            Exchange::Prime { bits, scheme }
        }
        Some(KeyExchange::RsaExport) => {
            let modulus = octets.vector16()?;
            let bits = bits(modulus).ok_or(ReadError::Message)?;
            octets.vector16()?;
            signature(&mut octets, suite, version)?;
            Exchange::ShortRsa { bits }
        }
        // RFC 5246 §7.4.3: it is not legal here.
        _ => return Err(ReadError::Order),
    };
    octets.end()?;
    Ok(exchange)
}

/// RFC 5246 §4.7: with the algorithm from TLS 1.2 on, and nobody signs for an anonymous server.
fn signature(
    octets: &mut Octets<'_>,
    suite: Suite,
    version: Version,
) -> Result<Option<SignatureScheme>, ReadError> {
    if suite.authentication() == Some(Authentication::Anonymous) {
        return Ok(None);
    }
    let scheme = match version >= Version::Tls12 {
        true => Some(SignatureScheme::new(octets.u16()?)),
        false => None,
    };
    match octets.vector16()?.is_empty() {
        true => Err(ReadError::Message),
        false => Ok(scheme),
    }
}

/// Of a number, the highest octet first; nothing for 0.
fn bits(number: &[u8]) -> Option<u16> {
    let start = number.iter().position(|&octet| octet != 0)?;
    let digits = number.get(start..)?;
    let first = digits.first()?;
    let bits = digits.len().checked_mul(8)?;
    let bits = u32::try_from(bits)
        .ok()?
        .checked_sub(first.leading_zeros())?;
    u16::try_from(bits).ok()
}

/// What is left of a message.
struct Octets<'a>(&'a [u8]);

impl<'a> Octets<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], ReadError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(ReadError::Message)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self, octets: usize) -> Result<usize, ReadError> {
        let octets = self.take(octets)?;
        Ok(octets
            .iter()
            .fold(0, |number, &octet| (number << 8) | usize::from(octet)))
    }

    fn u8(&mut self) -> Result<u8, ReadError> {
        let (&first, rest) = self.0.split_first().ok_or(ReadError::Message)?;
        self.0 = rest;
        Ok(first)
    }

    fn u16(&mut self) -> Result<u16, ReadError> {
        let (&two, rest) = self.0.split_first_chunk().ok_or(ReadError::Message)?;
        self.0 = rest;
        Ok(u16::from_be_bytes(two))
    }

    fn only_u16(mut self) -> Result<u16, ReadError> {
        let number = self.u16()?;
        self.end().map(|()| number)
    }

    fn vector8(&mut self) -> Result<&'a [u8], ReadError> {
        let length = self.number(1)?;
        self.take(length)
    }

    fn vector16(&mut self) -> Result<&'a [u8], ReadError> {
        let length = self.number(2)?;
        self.take(length)
    }

    fn vector24(&mut self) -> Result<&'a [u8], ReadError> {
        let length = self.number(3)?;
        self.take(length)
    }

    fn end(&self) -> Result<(), ReadError> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(ReadError::Message),
        }
    }
}
