//! What is encrypted, chunk by chunk (RFC 9580 §5.13.2), and the session key (RFC 9580 §5.3.2).

use zeroize::Zeroizing;

use crate::crypto::{Failed, Gcm, KEY, Key, TAG, hkdf, same};
#[cfg(feature = "ocb")]
use crate::ocb::Ocb;

/// Octets of the salt of encrypted data.
pub(crate) const SALT: usize = 32;
/// The number of AES-256 (RFC 9580 §9.3).
pub(crate) const AES_256: u8 = 9;

/// What makes the salt from the session key: the message can be opened with this session key, and with no other.
const SALT_LABEL: &[u8] = b"letterlock seal salt v1";

/// How is encrypted and authenticated (RFC 9580 §9.6).
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// OCB (RFC 7253), number 2. It is read with the feature `ocb`, and never written.
    Ocb,
    /// GCM, number 3.
    Gcm,
}

impl Mode {
    /// `None` for what is not read here.
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        match number {
            2 if cfg!(feature = "ocb") => Some(Self::Ocb),
            3 => Some(Self::Gcm),
            _ => None,
        }
    }

    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Ocb => 2,
            Self::Gcm => 3,
        }
    }

    /// Octets of a nonce.
    pub(crate) fn nonce(self) -> usize {
        match self {
            Self::Ocb => 15,
            Self::Gcm => Gcm::NONCE,
        }
    }
}

/// A key in a mode.
enum Cipher {
    Gcm(Gcm),
    #[cfg(feature = "ocb")]
    Ocb(Ocb),
}

impl Cipher {
    fn new(mode: Mode, key: &[u8; KEY]) -> Result<Self, Failed> {
        match mode {
            Mode::Gcm => Gcm::new(key).map(Self::Gcm),
            #[cfg(feature = "ocb")]
            Mode::Ocb => Ok(Self::Ocb(Ocb::new(key))),
            #[cfg(not(feature = "ocb"))]
            Mode::Ocb => Err(Failed),
        }
    }

    /// Leaves in `in_out` what is not to be used if it fails.
    fn open(&self, nonce: &[u8], aad: &[u8], in_out: &mut [u8], tag: &[u8]) -> Result<(), Failed> {
        match self {
            Self::Gcm(gcm) => gcm.open(array(nonce)?, aad, in_out, tag),
            #[cfg(feature = "ocb")]
            Self::Ocb(ocb) => ocb.open(array(nonce)?, aad, in_out, tag),
        }
    }

    fn seal(&self, nonce: &[u8], aad: &[u8], in_out: &mut [u8]) -> Result<[u8; TAG], Failed> {
        match self {
            Self::Gcm(gcm) => gcm.seal(array(nonce)?, aad, in_out),
            #[cfg(all(feature = "ocb", test))]
            Self::Ocb(ocb) => ocb.seal(array(nonce)?, aad, in_out),
            #[cfg(all(feature = "ocb", not(test)))]
            Self::Ocb(_) => Err(Failed),
        }
    }
}

fn array<const N: usize>(octets: &[u8]) -> Result<[u8; N], Failed> {
    octets.try_into().map_err(|_| Failed)
}

/// Opens and seals the session key, by the one output of Argon2.
pub(crate) struct SessionKeyCipher {
    cipher: Cipher,
    aad: [u8; 4],
}

impl SessionKeyCipher {
    pub(crate) fn new(mode: Mode, stretched: &[u8; KEY]) -> Result<Self, Failed> {
        // RFC 9580 §5.3.2: packet type, version, cipher and mode are both the info of HKDF and the associated data.
        let aad = [0xc3, 6, AES_256, mode.number()];
        let mut key = Zeroizing::new([0; KEY]);
        hkdf(&[], stretched, &aad, &mut *key)?;
        let cipher = Cipher::new(mode, &key)?;
        Ok(Self { cipher, aad })
    }

    pub(crate) fn open(&self, nonce: &[u8], sealed: &[u8; KEY], tag: &[u8]) -> Result<Key, Failed> {
        let mut key = Zeroizing::new(*sealed);
        self.cipher.open(nonce, &self.aad, &mut *key, tag)?;
        Ok(key)
    }

    /// The session key, sealed, and the tag.
    pub(crate) fn seal(&self, nonce: &[u8], key: &Key) -> Result<([u8; KEY], [u8; TAG]), Failed> {
        let mut sealed = **key;
        let tag = self.cipher.seal(nonce, &self.aad, &mut sealed)?;
        Ok((sealed, tag))
    }
}

/// The salt that binds a message to its session key.
pub(crate) fn bound_salt(session_key: &Key) -> Result<[u8; SALT], Failed> {
    let mut salt = [0; SALT];
    hkdf(&[], &**session_key, SALT_LABEL, &mut salt)?;
    Ok(salt)
}

/// Whether the salt is the one that the session key makes; the time does not tell how near it was.
pub(crate) fn is_bound(session_key: &Key, salt: &[u8; SALT]) -> Result<bool, Failed> {
    Ok(same(&bound_salt(session_key)?, salt))
}

/// The chunks of a message, one after the other.
pub(crate) struct ChunkCipher {
    cipher: Cipher,
    mode: Mode,
    /// The part of the nonce that is the same for all chunks; only its first octets are used.
    iv: [u8; 8],
    aad: [u8; 5],
    /// Of the next chunk.
    index: u64,
    /// Octets of plaintext so far.
    total: u64,
}

impl ChunkCipher {
    pub(crate) fn new(
        mode: Mode,
        chunk_octet: u8,
        salt: &[u8; SALT],
        session_key: &Key,
    ) -> Result<Self, Failed> {
        let aad = [0xd2, 2, AES_256, mode.number(), chunk_octet];
        // RFC 9580 §5.13.2: the key, and the nonce less the eight octets of the index.
        let mut made = Zeroizing::new([0; KEY + 8]);
        let used = KEY + mode.nonce() - 8;
        let out = made.get_mut(..used).ok_or(Failed)?;
        hkdf(salt, &**session_key, &aad, out)?;
        let (key, iv) = made.split_first_chunk::<KEY>().ok_or(Failed)?;
        Ok(Self {
            cipher: Cipher::new(mode, key)?,
            mode,
            iv: array(iv)?,
            aad,
            index: 0,
            total: 0,
        })
    }

    /// To the first chunk again.
    pub(crate) fn rewind(&mut self) {
        (self.index, self.total) = (0, 0);
    }

    pub(crate) fn chunks(&self) -> u64 {
        self.index
    }

    fn with_nonce<T>(&self, then: impl FnOnce(&[u8]) -> Result<T, Failed>) -> Result<T, Failed> {
        let mut nonce = [0; 16];
        let octets = nonce.get_mut(..self.mode.nonce()).ok_or(Failed)?;
        let (iv, index) = octets.split_last_chunk_mut::<8>().ok_or(Failed)?;
        iv.iter_mut().zip(self.iv).for_each(|(to, from)| *to = from);
        *index = self.index.to_be_bytes();
        then(octets)
    }

    fn count(&mut self, octets: usize) -> Result<(), Failed> {
        let octets = u64::try_from(octets).map_err(|_| Failed)?;
        self.total = self.total.checked_add(octets).ok_or(Failed)?;
        self.index = self.index.checked_add(1).ok_or(Failed)?;
        Ok(())
    }

    pub(crate) fn open(&mut self, in_out: &mut [u8], tag: &[u8]) -> Result<(), Failed> {
        self.with_nonce(|nonce| self.cipher.open(nonce, &self.aad, in_out, tag))?;
        self.count(in_out.len())
    }

    /// The last tag is about the number of octets: without it, chunks could be missing at the end.
    pub(crate) fn finish_opening(&self, tag: &[u8]) -> Result<(), Failed> {
        let aad = self.last_aad();
        self.with_nonce(|nonce| self.cipher.open(nonce, &aad, &mut [], tag))
    }

    pub(crate) fn seal(&mut self, in_out: &mut [u8]) -> Result<[u8; TAG], Failed> {
        let tag = self.with_nonce(|nonce| self.cipher.seal(nonce, &self.aad, in_out))?;
        self.count(in_out.len())?;
        Ok(tag)
    }

    pub(crate) fn finish_sealing(&self) -> Result<[u8; TAG], Failed> {
        let aad = self.last_aad();
        self.with_nonce(|nonce| self.cipher.seal(nonce, &aad, &mut []))
    }

    fn last_aad(&self) -> [u8; 13] {
        let mut aad = [0; 13];
        let all = self.aad.into_iter().chain(self.total.to_be_bytes());
        aad.iter_mut().zip(all).for_each(|(to, from)| *to = from);
        aad
    }
}
