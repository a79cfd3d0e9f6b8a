//! The two parts of a certificate that a record can be about, and their digests, each made once.

use crate::{Crypto, MatchingType, Selector, Tlsa, cert};

#[derive(Debug)]
pub(super) struct Parts<'a> {
    certificate: &'a [u8],
    /// Looked for when a record asks for it; `Some(None)` if there is none.
    spki: Option<Option<&'a [u8]>>,
    sha256: [Option<[u8; 32]>; 2],
    sha512: [Option<[u8; 64]>; 2],
}

impl<'a> Parts<'a> {
    pub(super) fn new(certificate: &'a [u8]) -> Self {
        Self {
            certificate,
            spki: None,
            sha256: [None; 2],
            sha512: [None; 2],
        }
    }

    /// Whether a record is about this certificate, whatever its usage.
    #[inline]
    pub(super) fn are_named_by(&mut self, record: &Tlsa, crypto: &Crypto) -> bool {
        let certificate = self.certificate;
        let (part, at) = match record.selector() {
            Selector::Cert => (certificate, 0),
            Selector::Spki => match *self.spki.get_or_insert_with(|| cert::spki(certificate)) {
                Some(spki) => (spki, 1),
                None => return false,
            },
            Selector::Unassigned(_) => return false,
        };
        let data = record.data();
        match record.matching() {
            MatchingType::Full => data == part,
            MatchingType::Sha256 => {
                let [certificate, spki] = &mut self.sha256;
                let cached = if at == 0 { certificate } else { spki };
                data == cached.get_or_insert_with(|| crypto.sha256(part))
            }
            MatchingType::Sha512 => {
                let [certificate, spki] = &mut self.sha512;
                let cached = if at == 0 { certificate } else { spki };
                data == cached.get_or_insert_with(|| crypto.sha512(part))
            }
            MatchingType::Unassigned(_) => false,
        }
    }
}
