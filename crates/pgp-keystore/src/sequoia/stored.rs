//! A certificate as the store keeps it, and how large it is: whatever is in it, with nothing verified.

use super::openpgp;
use openpgp::Cert;
#[cfg(feature = "store")]
use openpgp::packet::UserID;
use openpgp::packet::{Packet, Tag};
#[cfg(feature = "store")]
use openpgp::serialize::Marshal;
use openpgp::serialize::MarshalInto;

#[cfg(feature = "store")]
use super::guard::{caught, doing};
#[cfg(feature = "store")]
use super::{Certificate, address, certificate, fingerprint_of, import, refused};
#[cfg(feature = "store")]
use crate::{Error, Fingerprint, Limits};

#[cfg(feature = "store")]
const DOING: &str = "keeping a certificate";
/// Most certificates have about so many octets.
#[cfg(feature = "store")]
const MOST: usize = 1 << 10;

/// A certificate as a store keeps it: what [`export`](Certificate::export) leaves out is in it.
#[cfg(feature = "store")]
pub(crate) struct Kept {
    pub(crate) octets: Vec<u8>,
    pub(crate) found_by: FoundBy,
    sizes: Sizes,
}

/// What an index holds of a certificate.
#[cfg(feature = "store")]
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct FoundBy {
    /// Of all its keys, the primary one first, whether they count or not.
    pub(crate) fingerprints: Vec<Fingerprint>,
    /// Those in its user IDs, whether they count or not, normalised, each once.
    pub(crate) addresses: Vec<String>,
}

#[cfg(feature = "store")]
impl Certificate {
    /// All of it, in one pass. Nothing is verified, as the library would each signature before it gives it out by itself, which
    /// is nine tenths of what an import would cost. A bad one stands where it says that it belongs, and not at the end; it
    /// counts as little there.
    pub(crate) fn keep(self) -> Result<Kept, Error> {
        self.keep_about(MOST)
    }

    /// As [`keep`](Self::keep), with room for about so many octets.
    pub(super) fn keep_about(self, size: usize) -> Result<Kept, Error> {
        doing(DOING, || kept(self.cert, size).map_err(refused(DOING)))
    }

    /// As [`keep`](Self::keep), of what both know.
    pub(crate) fn keep_both(self, other: Self, limits: &Limits) -> Result<Kept, Error> {
        let cert = certificate::merge(self.cert, other.cert)?;
        let kept = Self { cert }.keep()?;
        import::check(&kept.sizes, limits)?;
        Ok(kept)
    }

    /// What it is found by.
    pub(crate) fn found_by(&self) -> FoundBy {
        let addresses = self.cert.userids().map(|u| claimed(u.userid()));
        let found = FoundBy {
            fingerprints: self.fingerprints().collect(),
            addresses: addresses.flatten().collect(),
        };
        found.in_order()
    }
}

#[cfg(feature = "store")]
impl FoundBy {
    fn in_order(mut self) -> Self {
        self.addresses.sort_unstable();
        self.addresses.dedup();
        self
    }
}

/// What the library panics on has no address.
#[cfg(feature = "store")]
fn claimed(user_id: &UserID) -> Option<String> {
    caught(|| address::of(user_id)).flatten()
}

#[cfg(feature = "store")]
fn kept(cert: Cert, about: usize) -> openpgp::Result<Kept> {
    let (mut octets, mut sizes) = (Vec::with_capacity(about), Sizes::default());
    let mut found_by = FoundBy::default();
    for packet in cert.into_packets() {
        packet.serialize(&mut octets)?;
        sizes.count(&packet);
        match &packet {
            Packet::PublicKey(key) => found_by.fingerprints.push(fingerprint_of(key)),
            Packet::PublicSubkey(key) => found_by.fingerprints.push(fingerprint_of(key)),
            Packet::UserID(user_id) => found_by.addresses.extend(claimed(user_id)),
            _ => {}
        }
    }
    octets.shrink_to_fit();
    sizes.octets = octets.len();
    Ok(Kept {
        octets,
        found_by: found_by.in_order(),
        sizes,
    })
}

/// What limits count.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) names: usize,
    pub(super) subkeys: usize,
    pub(super) signatures: usize,
    pub(super) octets: usize,
}

impl Sizes {
    pub(super) fn of(cert: &Cert) -> Self {
        let mut sizes = Self::default();
        for packet in cert.clone().into_packets() {
            sizes.octets += packet.serialized_len();
            sizes.count(&packet);
        }
        sizes
    }

    /// All but the octets.
    fn count(&mut self, packet: &Packet) {
        match packet.tag() {
            Tag::Signature => self.signatures += 1,
            Tag::UserID | Tag::UserAttribute => self.names += 1,
            Tag::PublicSubkey => self.subkeys += 1,
            _ => {}
        }
    }
}

#[cfg(feature = "store")]
#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use openpgp::packet::Packet;
    use openpgp::packet::signature::SignatureBuilder;
    use openpgp::types::SignatureType;

    use super::super::{Generate, Unlocked};
    use super::*;
    use crate::Profile;

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_793_491_200)
    }

    fn key() -> Unlocked {
        let new = Generate::new(Profile::Compat, now()).user_id("ann <ann@example.org>");
        new.create().unwrap().key
    }

    /// With a user ID that is bound by a signature; the key, for one that fits.
    fn bound(ann: &Unlocked, by: &Unlocked, exportable: bool) -> Certificate {
        let primary = by.cert.primary_key().key().clone();
        let mut pair = primary.parts_into_secret().unwrap().into_keypair().unwrap();
        let name = UserID::from("ann <ann@example.com>");
        let binding = SignatureBuilder::new(SignatureType::PositiveCertification)
            .set_signature_creation_time(now())
            .and_then(|builder| builder.set_exportable_certification(exportable))
            .and_then(|builder| builder.set_issuer_fingerprint(ann.cert.fingerprint()))
            .and_then(|builder| builder.set_issuer(ann.cert.keyid()))
            .unwrap();
        let binding = name.bind(&mut pair, &ann.cert, binding).unwrap();
        let packets = vec![Packet::from(name), binding.into()];
        let (cert, _) = ann.cert.clone().insert_packets(packets).unwrap();
        Certificate::of(&cert)
    }

    fn whole(certificate: &Certificate) -> Vec<u8> {
        certificate.clone().keep().unwrap().octets
    }

    #[test]
    fn what_is_stored_is_what_the_library_writes() {
        let mut ann = key();
        ann.add_user_id("ann <ann@example.net>", now()).unwrap();
        let until = now() + Duration::from_secs(1 << 20);
        ann.set_expiry(Some(until), now()).unwrap();
        let plain = ann.certificate();
        let local = bound(&ann, &ann, false);
        for certificate in [&plain, &local] {
            let kept = certificate.clone().keep().unwrap();
            assert_eq!(kept.octets, certificate.cert.to_vec().unwrap());
            assert_eq!(&Certificate::parse(&kept.octets).unwrap(), certificate);
            assert_eq!(kept.found_by, certificate.found_by());
            assert_eq!(kept.sizes, Sizes::of(&certificate.cert));
        }
        assert!(whole(&local).len() > whole(&plain).len());
        let kept = plain.clone().keep().unwrap();
        assert_eq!((kept.sizes.names, kept.sizes.subkeys), (2, 2));
        let primary = kept.found_by.fingerprints.first();
        assert_eq!(primary, Some(&plain.fingerprint()));
        let addresses = ["ann@example.net", "ann@example.org"];
        assert_eq!(kept.found_by.addresses, addresses);
        // The secrets of a key are no part of it.
        let cert = ann.cert.clone();
        assert!(cert.is_tsk());
        assert_eq!(whole(&Certificate { cert }), whole(&plain));
    }

    #[test]
    fn a_signature_that_is_bad_is_stored_and_counts_for_nothing() {
        let (ann, mallory) = (key(), key());
        let addresses = |by: &Unlocked| {
            let stored = whole(&bound(&ann, by, true));
            let read = Certificate::parse(&stored).unwrap();
            assert_eq!(whole(&read), stored);
            let view = read.at(now());
            view.addresses().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(addresses(&mallory), ["ann@example.org"]);
        // The mutation: made by the key itself, it counts.
        assert_eq!(addresses(&ann).len(), 2);
    }
}
