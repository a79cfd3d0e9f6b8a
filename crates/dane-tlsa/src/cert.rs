//! Where the parts of a certificate are (RFC 5280 §4.1).

use crate::der::{self, Reader, tag};

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

/// Some octets, if they have the form of one SubjectPublicKeyInfo.
pub(crate) fn whole_spki(octets: &[u8]) -> Option<&[u8]> {
    let mut info = Reader::new(der::only(octets, tag::SEQUENCE)?.content);
    let mut algorithm = Reader::new(info.expect(tag::SEQUENCE)?.content);
    algorithm.expect(tag::OID)?;
    info.expect(tag::BIT_STRING)?;
    info.end()?;
    Some(octets)
}
