//! Messages that the sealer does not write.

use zeroize::Zeroizing;

use super::{cheap, content, password};
use crate::KdfParameters;
use crate::cipher::{ChunkCipher, Mode, SALT, SessionKeyCipher, bound_salt};
use crate::crypto::TAG;
use crate::kdf;
use crate::literal::{LITERAL, LITERAL_HEAD};
use crate::packet::write_length;

/// All parts of a message, to be changed before it is put together.
#[derive(Clone)]
pub(crate) struct Forge {
    /// The content of the session key packet.
    pub(crate) session_key: Vec<u8>,
    /// Version, cipher, mode, chunk size, salt.
    pub(crate) head: Vec<u8>,
    /// Chunks with their tags.
    pub(crate) chunks: Vec<Vec<u8>>,
    pub(crate) last_tag: Vec<u8>,
}

/// How a message is forged, where it matters.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) mode: Mode,
    pub(crate) chunk_octet: u8,
    /// `None`: the one that binds.
    pub(crate) salt: Option<[u8; SALT]>,
    pub(crate) session_key: [u8; 32],
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            mode: Mode::Gcm,
            chunk_octet: 10,
            salt: None,
            session_key: [9; 32],
        }
    }
}

/// A literal packet with this content.
pub(crate) fn literal(content: &[u8]) -> Vec<u8> {
    let (length, used) = write_length((content.len() + LITERAL_HEAD.len()) as u32);
    [&[LITERAL], &length[..used], &LITERAL_HEAD, content].concat()
}

pub(crate) fn packet(kind: u8, content: &[u8]) -> Vec<u8> {
    let (length, used) = write_length(content.len() as u32);
    [&[0xc0 | kind], &length[..used], content].concat()
}

impl Plan {
    /// Seals packets, whatever they are.
    pub(crate) fn seal(&self, plain: &[u8]) -> Forge {
        let kdf = KdfParameters::with_profile([7; 16], cheap());
        let stretched = kdf::derive(&kdf, &password()).unwrap();
        let key = Zeroizing::new(self.session_key);
        let nonce = vec![3; self.mode.nonce()];
        let cipher = SessionKeyCipher::new(self.mode, &stretched).unwrap();
        let (sealed, tag) = cipher.seal(&nonce, &key).unwrap();
        let fields = [9, self.mode.number(), 20, 4];
        let session_key = [
            &[6, 23 + nonce.len() as u8],
            &fields[..],
            &kdf.to_octets(),
            &nonce,
            &sealed,
            &tag,
        ]
        .concat();
        let salt = self.salt.unwrap_or_else(|| bound_salt(&key).unwrap());
        let mut cipher = ChunkCipher::new(self.mode, self.chunk_octet, &salt, &key).unwrap();
        let size = 1 << (self.chunk_octet + 6);
        let chunks = plain.chunks(size).map(|chunk| {
            let mut chunk = chunk.to_vec();
            let tag = cipher.seal(&mut chunk).unwrap();
            chunk.extend(tag);
            chunk
        });
        let chunks = chunks.collect();
        let head = [&[2, 9, self.mode.number(), self.chunk_octet], &salt[..]].concat();
        Forge {
            session_key,
            head,
            chunks,
            last_tag: cipher.finish_sealing().unwrap().to_vec(),
        }
    }
}

impl Forge {
    /// Of four chunks, the last one not full.
    pub(crate) fn four_chunks() -> Self {
        let plan = Plan {
            chunk_octet: 2,
            ..Plan::default()
        };
        let forge = plan.seal(&literal(&content(900)));
        assert_eq!(forge.chunks.len(), 4);
        forge
    }

    /// What the encrypted data's packet contains.
    pub(crate) fn data(&self) -> Vec<u8> {
        [&self.head[..], &self.chunks.concat(), &self.last_tag].concat()
    }

    pub(crate) fn session_key_packet(&self) -> Vec<u8> {
        packet(3, &self.session_key)
    }

    pub(crate) fn message(&self) -> Vec<u8> {
        [self.session_key_packet(), packet(18, &self.data())].concat()
    }

    /// The data cut into parts of two to the power of these, and what is left.
    pub(crate) fn message_in_parts(&self, exponents: &[u8]) -> Vec<u8> {
        let mut message = self.session_key_packet();
        message.push(0xd2);
        let data = self.data();
        let mut rest = &data[..];
        for exponent in exponents {
            let (part, after) = rest.split_at(1 << exponent);
            message.push(224 + exponent);
            message.extend(part);
            rest = after;
        }
        let (length, used) = write_length(rest.len() as u32);
        message.extend(&length[..used]);
        message.extend(rest);
        message
    }
}

#[test]
fn a_forged_message_opens_if_nothing_is_wrong_with_it() {
    let forge = Forge::four_chunks();
    assert!(
        forge
            .chunks
            .iter()
            .rev()
            .skip(1)
            .all(|c| c.len() == 256 + TAG)
    );
    let opened = super::open_all(&crate::Opener::new(), &forge.message()).unwrap();
    assert_eq!(opened, (content(900), crate::Commitment::Bound));
}
