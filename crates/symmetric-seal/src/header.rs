//! What comes before the encrypted data: the session key packet (RFC 9580 §5.3.2) and the head of the data
//! (RFC 9580 §5.13.2). Neither a secret nor Argon2 is needed to read it.

use std::io::{ErrorKind, Read};

use crate::cipher::{AES_256, Mode, SALT};
use crate::crypto::{KEY, TAG};
use crate::error::OpenError;
use crate::limits::Limits;
use crate::packet::{self, Length, LengthReader, kind, kind_of};
use crate::parameters::KdfParameters;
use crate::refusal::Refusal;

/// The number of Argon2 among the ways to stretch a password (RFC 9580 §3.7.1.4).
const ARGON2: u8 = 4;
/// Octets of its specifier: its number, salt, passes, lanes, memory.
const S2K: usize = 1 + KdfParameters::OCTETS;
/// The chunk size octet of 64 KiB.
pub(crate) const CHUNK_OCTET: u8 = 10;
/// Octets of what encrypted data has before the chunks: version, cipher, mode, chunk size, salt.
pub(crate) const DATA_HEAD: usize = 4 + SALT;

/// The sealed session key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SessionKey {
    pub(crate) mode: Mode,
    pub(crate) kdf: KdfParameters,
    nonce: [u8; 15],
    pub(crate) sealed: [u8; KEY],
    pub(crate) tag: [u8; TAG],
}

impl SessionKey {
    pub(crate) fn new(
        kdf: KdfParameters,
        gcm_nonce: [u8; 12],
        sealed: [u8; KEY],
        tag: [u8; TAG],
    ) -> Self {
        let mut nonce = [0; 15];
        let both = nonce.iter_mut().zip(gcm_nonce);
        both.for_each(|(to, from)| *to = from);
        Self {
            mode: Mode::Gcm,
            kdf,
            nonce,
            sealed,
            tag,
        }
    }

    pub(crate) fn nonce(&self) -> &[u8] {
        self.nonce.get(..self.mode.nonce()).unwrap_or_default()
    }

    /// The whole packet.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let fields = 3 + S2K + self.mode.nonce();
        let (fields, s2k) = (fields as u8, S2K as u8);
        let length = 2 + fields + (KEY + TAG) as u8;
        out.extend([0xc0 | kind::SESSION_KEY, length, 6, fields]);
        out.extend([AES_256, self.mode.number(), s2k, ARGON2]);
        out.extend(self.kdf.to_octets());
        out.extend(self.nonce());
        out.extend(self.sealed);
        out.extend(self.tag);
    }

    /// The content of the packet.
    fn read(content: &[u8]) -> Result<Self, Refusal> {
        let mut rest = content;
        let [version] = take(&mut rest)?;
        if version != 6 {
            return Err(Refusal::SessionKeyVersion);
        }
        let [fields, cipher, mode, s2k_length, s2k] = take(&mut rest)?;
        if cipher != AES_256 {
            return Err(Refusal::Cipher);
        }
        let mode = Mode::from_number(mode).ok_or(Refusal::Mode)?;
        if s2k != ARGON2 {
            return Err(Refusal::S2k);
        }
        let expected = 3 + S2K + mode.nonce();
        if usize::from(s2k_length) != S2K || usize::from(fields) != expected {
            return Err(Refusal::SessionKeyLength);
        }
        let kdf = KdfParameters::from_octets(&take(&mut rest)?)?;
        let mut nonce = [0; 15];
        let (used, after) = rest
            .split_at_checked(mode.nonce())
            .ok_or(Refusal::SessionKeyLength)?;
        nonce
            .iter_mut()
            .zip(used)
            .for_each(|(to, from)| *to = *from);
        rest = after;
        // Exactly 48 octets: a longer one could be made to open under many passwords.
        let (sealed, tag) = (take(&mut rest)?, take(&mut rest)?);
        if !rest.is_empty() {
            return Err(Refusal::SessionKeyLength);
        }
        Ok(Self {
            mode,
            kdf,
            nonce,
            sealed,
            tag,
        })
    }
}

/// The first octets of a session key packet's content.
fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Refusal> {
    let (taken, after) = rest.split_first_chunk().ok_or(Refusal::SessionKeyLength)?;
    *rest = after;
    Ok(*taken)
}

/// All that comes before the first chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) session_key: SessionKey,
    pub(crate) chunk_octet: u8,
    pub(crate) salt: [u8; SALT],
    /// What the data's packet said of its length; the head counts.
    pub(crate) first: Length,
}

impl Header {
    /// The most octets of a session key packet: with OCB.
    const MAX_SESSION_KEY: u64 = (2 + 3 + S2K + 15 + KEY + TAG) as u64;

    /// Octets of a chunk.
    pub(crate) fn chunk(&self) -> usize {
        // At most 16: `read` has seen to that.
        1 << (u32::from(self.chunk_octet.min(16)) + 6)
    }

    pub(crate) fn mode(&self) -> Mode {
        self.session_key.mode
    }

    /// Head of the encrypted data.
    pub(crate) fn write_data_head(salt: &[u8; SALT]) -> [u8; DATA_HEAD] {
        let mut head = [0; DATA_HEAD];
        let start = [2, AES_256, Mode::Gcm.number(), CHUNK_OCTET];
        let all = start.iter().chain(salt);
        head.iter_mut().zip(all).for_each(|(to, from)| *to = *from);
        head
    }

    /// Reads up to the first chunk and checks all limits that can be checked there.
    pub(crate) fn read(from: &mut impl Read, limits: &Limits) -> Result<Self, OpenError> {
        let kind = kind_of(octet(from)?)?;
        if kind != kind::SESSION_KEY {
            let why = match kind {
                kind::ENCRYPTED => Refusal::UnexpectedPacket,
                other => packet::misplaced_outside(other),
            };
            return Err(why.into());
        }
        let length = length(from)?.whole()?;
        if length > Self::MAX_SESSION_KEY {
            return Err(first_of_session_key(from)?.into());
        }
        let mut content = [0; Self::MAX_SESSION_KEY as usize];
        let content = content
            .get_mut(..length as usize)
            .ok_or(Refusal::SessionKeyLength)?;
        exactly(from, content)?;
        let session_key = SessionKey::read(content)?;

        let kind = kind_of(octet(from)?)?;
        if kind != kind::ENCRYPTED {
            return Err(packet::misplaced_outside(kind).into());
        }
        let first = self::length(from)?.first()?;
        let [version] = octets(from)?;
        if version != 2 {
            return Err(Refusal::DataVersion.into());
        }
        let [cipher, mode, chunk_octet] = octets(from)?;
        if cipher != AES_256 {
            return Err(Refusal::Cipher.into());
        }
        // RFC 9580 has them independent; nobody writes two.
        if Mode::from_number(mode) != Some(session_key.mode) {
            return Err(Refusal::Mode.into());
        }
        // RFC 9580 §5.13.2: at most 16, which is 4 MiB.
        if chunk_octet > 16 {
            return Err(Refusal::ChunkSize.into());
        }
        let salt = octets(from)?;
        // The head, a chunk of at least one octet, two tags.
        let least = (DATA_HEAD + 1 + TAG + TAG) as u64;
        if matches!(first, Length::Last(octets) if octets < least) {
            return Err(Refusal::Truncated.into());
        }
        let header = Self {
            session_key,
            chunk_octet,
            salt,
            first,
        };
        header.check(limits)?;
        Ok(header)
    }

    fn check(&self, limits: &Limits) -> Result<(), Refusal> {
        if self.chunk() > limits.max_chunk {
            return Err(Refusal::ChunkSize);
        }
        if self.first.octets() > limits.max_message {
            return Err(Refusal::MessageTooLong);
        }
        limits.check_kdf(&self.session_key.kdf)
    }
}

/// Why a session key packet that is too long is refused: rather for its version than for its length.
fn first_of_session_key(from: &mut impl Read) -> Result<Refusal, OpenError> {
    Ok(match octet(from)? {
        6 => Refusal::SessionKeyLength,
        _ => Refusal::SessionKeyVersion,
    })
}

/// Fills `out`; what ends before is truncated.
pub(crate) fn exactly(from: &mut impl Read, out: &mut [u8]) -> Result<(), OpenError> {
    from.read_exact(out).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => Refusal::Truncated.into(),
        _ => error.into(),
    })
}

fn octets<const N: usize>(from: &mut impl Read) -> Result<[u8; N], OpenError> {
    let mut out = [0; N];
    exactly(from, &mut out)?;
    Ok(out)
}

fn octet(from: &mut impl Read) -> Result<u8, OpenError> {
    octets(from).map(|[octet]| octet)
}

pub(crate) fn length(from: &mut impl Read) -> Result<Length, OpenError> {
    let mut reader = LengthReader::default();
    loop {
        if let Some(length) = reader.octet(octet(from)?) {
            return Ok(length);
        }
    }
}
