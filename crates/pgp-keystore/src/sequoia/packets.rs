//! Single packets of certificates. Most are small and plain, and need none of the machinery that the library has for whole
//! messages: their bodies are read alone. Whatever is otherwise is left to it.

use std::ops::Range;

use super::openpgp;
use openpgp::cert::raw::RawPacket;
use openpgp::packet::key::{PrimaryRole, PublicParts};
use openpgp::packet::{Key, Packet, Signature, Tag, UserID};
use openpgp::parse::Parse;

/// The primary key of a certificate that was split, which is parsed by then.
pub(super) type Primary = Key<PublicParts, PrimaryRole>;

/// So many octets no packet of these kinds is too small or too large for.
const PLAIN: Range<usize> = 10..32 << 10;

/// What the library makes of a packet.
pub(super) fn parse(packet: &RawPacket<'_>) -> openpgp::Result<Packet> {
    match body(packet).and_then(|body| bare(packet.tag(), body)) {
        Some(packet) => Ok(packet),
        None => Packet::from_bytes(packet.as_bytes()),
    }
}

/// The packet of a primary key, if it is as plain as it looks.
pub(super) fn primary(packet: &RawPacket<'_>, key: Primary) -> Option<Packet> {
    let plain = body(packet).is_some() && !key.has_secret();
    plain.then_some(Packet::PublicKey(key))
}

/// Behind its header, if it may be plain. The last packet has not even that if it is of a kind that no certificate has.
fn body<'a>(packet: &'a RawPacket<'_>) -> Option<&'a [u8]> {
    let whole = !packet.as_bytes().is_empty();
    let body = whole.then(|| packet.body())?;
    PLAIN.contains(&body.len()).then_some(body)
}

fn bare(tag: Tag, body: &[u8]) -> Option<Packet> {
    Some(match tag {
        Tag::Signature => Packet::Signature(Signature::from_bytes(body).ok()?),
        Tag::UserID => Packet::UserID(UserID::from(body)),
        Tag::PublicSubkey => {
            let key = Key::from_bytes(body).ok()?;
            // A secret has no place there.
            if key.has_secret() {
                return None;
            }
            Packet::PublicSubkey(key.parts_into_public().role_into_subordinate())
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use openpgp::cert::raw::RawCertParser;
    use proptest::prelude::*;

    use super::super::Generate;
    use super::*;
    use crate::{Form, Limits, Profile};

    /// Certificates of both versions, with the octets of each packet.
    fn certificates() -> Vec<Vec<u8>> {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_793_491_200);
        let made = |profile| {
            let new = Generate::new(profile, now).user_id("ann <ann@example.org>");
            let key = new.create().unwrap().key;
            key.certificate().export(Form::Binary).unwrap()
        };
        vec![made(Profile::Compat), made(Profile::Modern)]
    }

    /// How many packets there are, all of them as the library reads them.
    fn all_alike(octets: &[u8]) -> usize {
        let mut count = 0;
        let Ok(parser) = RawCertParser::from_bytes(octets) else {
            return 0;
        };
        for raw in parser.filter_map(Result::ok) {
            for packet in raw.packets() {
                let theirs = Packet::from_bytes(packet.as_bytes());
                assert_eq!(parse(&packet).ok(), theirs.as_ref().ok().cloned());
                let first = count == 0 && packet.tag() == Tag::PublicKey;
                if let Some(ours) = first.then(|| primary(&packet, raw.primary_key())).flatten() {
                    assert_eq!(Some(ours), theirs.ok());
                }
                count += 1;
            }
        }
        count
    }

    #[test]
    fn a_plain_packet_is_read_alone_and_is_the_same() {
        for octets in certificates() {
            assert_eq!(all_alike(&octets), 8);
            let raw = RawCertParser::from_bytes(&octets).unwrap().next();
            let raw = raw.unwrap().unwrap();
            let alone = |p: RawPacket<'_>| bare(p.tag(), body(&p)?);
            assert!(raw.packets().skip(1).all(|packet| alone(packet).is_some()));
        }
    }

    #[test]
    fn what_ends_a_certificate_is_no_part_of_it() {
        let certificate = certificates().remove(0);
        let literal = [0xcb, 6, b'b', 0, 0, 0, 0, 0];
        let octets = [&certificate[..], &literal].concat();
        let imported = super::super::import(&octets, &Limits::default()).unwrap();
        assert_eq!(
            (imported.certificates.len(), imported.refused.len()),
            (1, 1)
        );
        assert_eq!(all_alike(&octets), 9);
    }

    #[test]
    fn what_is_not_plain_is_left_to_the_library() {
        let raw = certificates().remove(0);
        let raw = RawCertParser::from_bytes(&raw).unwrap().next();
        let raw = raw.unwrap().unwrap();
        let subkey = raw.packets().find(|p| p.tag() == Tag::PublicSubkey);
        let subkey = subkey.unwrap().body().to_vec();
        // A secret in the packet of a public key, something behind it, another version.
        let with_secret = [&subkey[..], &[0, 0, 8, 255, 0, 255]].concat();
        let longer = [&subkey[..], &[1]].concat();
        let other = [&[5], &subkey[1..]].concat();
        for body in [&with_secret, &longer, &other] {
            assert_eq!(bare(Tag::PublicSubkey, body), None);
        }
        assert!(bare(Tag::PublicSubkey, &subkey).is_some());
        assert_eq!(bare(Tag::UserAttribute, &[1; 40]), None);
        // Too short, and too long.
        for length in [9, 32 << 10] {
            let key = [
                &[0xc6, 255][..],
                &u32::try_from(subkey.len()).unwrap().to_be_bytes(),
            ];
            let name = [
                &[0xcd, 255][..],
                &u32::try_from(length).unwrap().to_be_bytes(),
            ];
            let name = [name.concat(), vec![b'a'; length]].concat();
            let octets = [key.concat(), subkey.clone(), name].concat();
            let raw = RawCertParser::from_bytes(&octets).unwrap().next();
            let raw = raw.unwrap().unwrap();
            assert_eq!(
                raw.packets()
                    .filter_map(|p| body(&p).map(<[u8]>::len))
                    .count(),
                1
            );
            all_alike(&octets);
        }
    }

    proptest! {
        #[test]
        fn what_was_altered_is_read_alike(which in 0_usize..2, at in any::<prop::sample::Index>(), to: u8) {
            let mut octets = certificates().remove(which);
            let at = at.index(octets.len());
            octets[at] = to;
            all_alike(&octets);
        }
    }
}
