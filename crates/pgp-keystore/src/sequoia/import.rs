//! Whatever people have: armored and binary, one or many, certificates and keys, as GnuPG and others write them.

use super::openpgp;
use openpgp::cert::raw::{RawCert, RawCertParser};
use openpgp::packet::{Packet, Tag};
use openpgp::parse::Parse;
use openpgp::{Cert, KeyHandle, KeyID};

use super::guard::guarded;
use super::packets;
use super::stored::Sizes;
use super::{Certificate, Key, fingerprint};
use crate::{Error, Fingerprint, Limits};

const KEY: &str = "a certificate or key";
/// Most certificates have no more packets.
const FEW: usize = 16;

/// What an import held.
#[non_exhaustive]
#[derive(Debug, Default)]
pub struct Imported {
    /// With secrets, or with stubs that stand for them.
    pub keys: Vec<Key>,
    /// Without.
    pub certificates: Vec<Certificate>,
    /// What was there, but not taken.
    pub refused: Vec<Refused>,
}

/// A certificate that was not taken.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Whose it is, where that can be read.
    pub fingerprint: Option<Fingerprint>,
    /// Why.
    pub error: Error,
}

pub(super) enum One {
    Certificate(Certificate),
    Key(Key),
    Refused(Error),
    NoneOrSeveral,
}

impl Imported {
    /// Where one is wanted.
    pub(super) fn one(mut self) -> One {
        let counts = (self.keys.len(), self.certificates.len(), self.refused.len());
        match counts {
            (1, 0, 0) => self.keys.pop().map_or(One::NoneOrSeveral, One::Key),
            (0, 1, 0) => self
                .certificates
                .pop()
                .map_or(One::NoneOrSeveral, One::Certificate),
            (0, 0, 1) => self
                .refused
                .pop()
                .map_or(One::NoneOrSeveral, |r| One::Refused(r.error)),
            _ => One::NoneOrSeveral,
        }
    }
}

/// Reads all certificates and keys in `octets`: binary, or in one or several blocks of armor, with any text between them.
/// Certifications of others are left out, so that a flooded certificate is as small as it was.
///
/// Nothing is verified here beyond the form; what is valid is seen in [`Certificate::at`]. Limits are checked before the
/// work that they bound, one certificate at a time: one that is too large is refused, the others are taken.
///
/// # Errors
///
/// [`Error::Limit`] for what is too much in all, [`Error::Malformed`] if there is nothing of that kind.
pub fn import(octets: &[u8], limits: &Limits) -> Result<Imported, Error> {
    let mut imported = Imported::default();
    import_each(octets, limits, &mut |found| match found {
        Ok(Read {
            cert, is_key: true, ..
        }) => imported.keys.push(Key { cert }),
        Ok(Read { cert, .. }) => imported.certificates.push(Certificate { cert }),
        Err(refused) => imported.refused.push(refused),
    })?;
    Ok(imported)
}

/// A certificate or key that was read.
pub(crate) struct Read {
    cert: Cert,
    is_key: bool,
    /// Of what was taken, as it came.
    #[cfg_attr(
        not(feature = "store"),
        expect(dead_code, reason = "a store knows by it how much room it takes")
    )]
    size: usize,
}

#[cfg(feature = "store")]
impl Read {
    /// Whether it has secrets, or stubs that stand for them.
    pub(crate) fn is_key(&self) -> bool {
        self.is_key
    }

    /// Its certificate, as a store keeps it.
    pub(crate) fn keep(self) -> Result<super::Kept, Error> {
        // The secrets stay behind.
        Certificate { cert: self.cert }.keep_about(self.size)
    }
}

/// As [`import`], one after the other, so that a reader that needs them no longer than that has one at a time in memory. What was
/// found before an error counts for nothing.
pub(crate) fn import_each(
    octets: &[u8],
    limits: &Limits,
    found: &mut dyn FnMut(Result<Read, Refused>),
) -> Result<(), Error> {
    within("octets of an import", octets.len(), limits.max_import)?;
    let mut count = 0;
    if is_armored(octets) {
        for block in blocks(octets) {
            guarded(KEY, || read(block, &mut count, limits, found))?;
        }
    } else {
        guarded(KEY, || read(octets, &mut count, limits, found))?;
    }
    match count {
        0 => Err(Error::Malformed { wanted: KEY }),
        _ => Ok(()),
    }
}

fn read(
    octets: &[u8],
    count: &mut usize,
    limits: &Limits,
    found: &mut dyn FnMut(Result<Read, Refused>),
) -> Result<(), Error> {
    let malformed = || -> Result<Read, Refused> {
        let error = Error::Malformed { wanted: KEY };
        Err(Refused {
            fingerprint: None,
            error,
        })
    };
    let Ok(parser) = RawCertParser::from_bytes(octets) else {
        *count += 1;
        found(malformed());
        return Ok(());
    };
    for raw in parser {
        *count += 1;
        within("certificates", *count, limits.max_certificates)?;
        found(match raw {
            Ok(raw) => one(&raw, limits),
            Err(_) => malformed(),
        });
    }
    Ok(())
}

fn one(raw: &RawCert<'_>, limits: &Limits) -> Result<Read, Refused> {
    let primary = raw.primary_key();
    // It is a digest, which the key remembers from then on.
    let own = primary.fingerprint();
    let fingerprint = fingerprint(&own);
    let taken = take(raw, primary, own, limits);
    taken.map_err(|error| Refused { fingerprint, error })
}

/// Counts first, drops what others have signed, and only then lets the library hash and sort.
fn take(
    raw: &RawCert<'_>,
    primary: packets::Primary,
    own: openpgp::Fingerprint,
    limits: &Limits,
) -> Result<Read, Error> {
    let malformed = || Error::Malformed { wanted: KEY };
    within("packets of a certificate", raw.count(), limits.max_packets)?;
    fingerprint(&own).ok_or_else(malformed)?;
    let own = [KeyHandle::from(KeyID::from(&own)), KeyHandle::from(own)];
    let (mut size, mut names, mut subkeys, mut signatures) = (0, 0, 0, 0);
    let mut primary = Some(primary);
    let mut packets = Vec::with_capacity(raw.count().min(FEW));
    for packet in raw.packets() {
        let length = packet.as_bytes().len();
        match packet.tag() {
            Tag::Signature => {
                // What is larger than a certificate may be is left out, too: anybody can add it to anybody's.
                if length > limits.max_certificate {
                    continue;
                }
                let Ok(Packet::Signature(signature)) = packets::parse(&packet) else {
                    continue;
                };
                let issuers = signature.get_issuers();
                let by_owner = |issuer: &KeyHandle| own.iter().any(|o| o.aliases(issuer));
                if !issuers.is_empty() && !issuers.iter().any(by_owner) {
                    continue;
                }
                signatures += 1;
                within(
                    "signatures of a certificate",
                    signatures,
                    limits.max_signatures,
                )?;
                packets.push(Packet::Signature(signature));
            }
            tag => {
                match tag {
                    Tag::UserID => {
                        within("octets of a user ID", length, limits.max_user_id)?;
                        names += 1;
                    }
                    Tag::UserAttribute => names += 1,
                    Tag::PublicSubkey | Tag::SecretSubkey => subkeys += 1,
                    Tag::PublicKey | Tag::SecretKey => {}
                    // Trust packets of a keyring, markers, padding, and what others invent.
                    _ => continue,
                }
                within("user IDs", names, limits.max_user_ids)?;
                within("subkeys", subkeys, limits.max_subkeys)?;
                within(
                    "octets of a certificate",
                    size + length,
                    limits.max_certificate,
                )?;
                let known = match tag {
                    Tag::PublicKey => primary
                        .take()
                        .and_then(|key| packets::primary(&packet, key)),
                    _ => None,
                };
                packets.push(match known {
                    Some(known) => known,
                    None => packets::parse(&packet).map_err(|_| malformed())?,
                });
            }
        }
        size += length;
        within("octets of a certificate", size, limits.max_certificate)?;
    }
    let cert = Cert::from_packets(packets.into_iter()).map_err(|_| malformed())?;
    let is_key = cert.is_tsk();
    Ok(Read { cert, is_key, size })
}

/// Whether a certificate that grew is still within its limits.
pub(super) fn check(sizes: &Sizes, limits: &Limits) -> Result<(), Error> {
    within("user IDs", sizes.names, limits.max_user_ids)?;
    within("subkeys", sizes.subkeys, limits.max_subkeys)?;
    within(
        "signatures of a certificate",
        sizes.signatures,
        limits.max_signatures,
    )?;
    let limit = limits.max_certificate;
    within("octets of a certificate", sizes.octets, limit)
}

fn within(what: &'static str, size: usize, limit: usize) -> Result<(), Error> {
    if size > limit {
        Err(Error::Limit { what, limit })
    } else {
        Ok(())
    }
}

const BEGIN: &[u8] = b"-----BEGIN PGP ";
const END: &[u8] = b"-----END PGP ";

/// The first octet of a packet has its highest bit set (RFC 9580 §4.2), ASCII has not.
pub(super) fn is_armored(octets: &[u8]) -> bool {
    octets.first().is_none_or(|first| first & 0x80 == 0)
}

/// The blocks of armor that can hold keys.
fn blocks(octets: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = octets;
    std::iter::from_fn(move || {
        let begin = find(rest, BEGIN)?;
        let block = rest.get(begin..)?;
        let end = find(block, END).map_or(block.len(), |end| {
            let line = block.get(end..).unwrap_or_default();
            end + line
                .iter()
                .position(|c| *c == b'\n')
                .map_or(line.len(), |at| at + 1)
        });
        let (block, after) = block.split_at_checked(end)?;
        rest = after;
        Some(block)
    })
    .filter(|block| {
        let title = block.get(BEGIN.len()..).unwrap_or_default();
        title.starts_with(b"PUBLIC KEY BLOCK") || title.starts_with(b"PRIVATE KEY BLOCK")
    })
}

fn find(octets: &[u8], word: &[u8]) -> Option<usize> {
    octets.windows(word.len()).position(|window| window == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_between_any_text() {
        let key =
            "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----\n";
        let text =
            format!("hello\n{key}-----BEGIN PGP MESSAGE-----\n-----END PGP MESSAGE-----\n{key}");
        assert_eq!(blocks(text.as_bytes()).count(), 2);
        assert_eq!(blocks(b"-----BEGIN PGP PUBLIC KEY BLOCK").count(), 1);
        assert_eq!(blocks(b"").count(), 0);
    }
}
