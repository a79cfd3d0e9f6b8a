//! Writing a message.

mod writer;

use std::io::{self, Read, Write};

use zeroize::Zeroizing;

pub use writer::SealWriter;

use crate::armor::ArmorWriter;
use crate::cipher::{ChunkCipher, Mode, SessionKeyCipher, bound_salt};
use crate::crypto::KEY;
use crate::error::SealError;
use crate::header::{CHUNK_OCTET, Header, SessionKey};
use crate::kdf;
use crate::parameters::{KdfParameters, Profile};
use crate::passphrase::Passphrase;
use crate::proof::{ProofHash, StretchedKey};
use crate::random::Random;
use writer::Length;

/// Seals content with a password: one session key packet (Argon2id), one packet of encrypted data (AES-256-GCM, chunks
/// of 64 KiB), one literal packet without a name in it (RFC 9580 §5.3.2, §5.13.2, §5.9).
///
/// Every message has a salt, a session key and nonces of its own, from the operating system.
///
/// ```
/// use symmetric_seal::{Opener, Passphrase, Profile, Sealer};
///
/// # #[cfg(feature = "danger-weak-kdf")] {
/// let password = Passphrase::for_sealing("correct horse battery")?;
/// # let profile = Profile::WEAK_FOR_TESTS;
/// let sealer = Sealer::new().armored(); // Profile::BROWSER
/// # let sealer = sealer.profile(profile);
/// let sealed = sealer.seal(b"the vault is 4711", &password)?;
/// assert!(sealed.message().starts_with(b"-----BEGIN PGP MESSAGE-----\n\n"));
/// // The message goes to whoever keeps it, with the hash of the access proof; the password does not.
/// let _for_the_server = (sealed.message(), sealed.receipt().proof_hash());
/// # let opened = Opener::new().open(sealed.into_message(), &password)?;
/// # assert_eq!(opened.content(), b"the vault is 4711");
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Sealer {
    profile: Profile,
    form: Form,
    pub(crate) random: Random,
}

#[derive(Clone, Copy, Debug, Default)]
enum Form {
    #[default]
    Binary,
    Armored,
}

/// What the sender learns of a message that he has sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    parameters: KdfParameters,
    proof_hash: ProofHash,
    content: u64,
}

impl Receipt {
    /// Salt and costs of Argon2, which a server gives out before the proof.
    #[must_use]
    pub fn parameters(&self) -> &KdfParameters {
        &self.parameters
    }

    /// SHA-256 of the access proof, by which a server knows that somebody has the password.
    #[must_use]
    pub fn proof_hash(&self) -> ProofHash {
        self.proof_hash
    }

    /// Octets of the content.
    #[must_use]
    pub fn content_length(&self) -> u64 {
        self.content
    }
}

/// A sealed message and what the sender learns of it.
#[derive(Clone, Debug)]
pub struct Sealed {
    message: Vec<u8>,
    receipt: Receipt,
}

impl Sealed {
    /// The message, which tells nothing to whoever has no password.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// As [`message`](Self::message).
    #[must_use]
    pub fn into_message(self) -> Vec<u8> {
        self.message
    }

    /// What goes with it.
    #[must_use]
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }
}

impl Sealer {
    /// Octets of plaintext in a chunk.
    pub const CHUNK: usize = 1 << 16;

    /// With [`Profile::BROWSER`], not armored.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With other costs.
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// As text (RFC 9580 §6): lines of 64 characters, no header, no checksum.
    #[must_use]
    pub fn armored(mut self) -> Self {
        self.form = Form::Armored;
        self
    }

    /// Seals what is in memory.
    ///
    /// # Errors
    /// [`SealError`]: the password is too short or was made to open with, or there is no memory or no randomness.
    pub fn seal(&self, content: &[u8], passphrase: &Passphrase) -> Result<Sealed, SealError> {
        let length = content.len() as u64;
        let mut message = Vec::new();
        let room = self.room(length).ok_or(SealError::NoMemory)?;
        message
            .try_reserve_exact(room)
            .map_err(|_| SealError::NoMemory)?;
        let mut writer = self.start_sized(message, passphrase, length)?;
        writer.write_all(content)?;
        let (message, receipt) = writer.finish()?;
        Ok(Sealed { message, receipt })
    }

    /// Seals what comes, as it comes: memory does not depend on how much that is. Packets have partial lengths
    /// (RFC 9580 §4.2.1.4) if it is more than a chunk.
    ///
    /// If this fails, what was written is no message.
    ///
    /// # Errors
    /// [`SealError`], also when reading or writing fails.
    pub fn seal_stream(
        &self,
        mut content: impl Read,
        sealed: impl Write,
        passphrase: &Passphrase,
    ) -> Result<Receipt, SealError> {
        let mut writer = self.start(sealed, passphrase)?;
        writer.copy_from(&mut content)?;
        let (_, receipt) = writer.finish()?;
        Ok(receipt)
    }

    /// As [`seal_stream`](Self::seal_stream), to be written to.
    ///
    /// # Errors
    /// [`SealError`], also when writing fails.
    pub fn start<W: Write>(
        &self,
        sealed: W,
        passphrase: &Passphrase,
    ) -> Result<SealWriter<W>, SealError> {
        self.begin(sealed, passphrase, Length::Unknown)
    }

    /// As [`start`](Self::start), for exactly so many octets: up to 4 GiB of them packets have one length each.
    ///
    /// # Errors
    /// As for [`start`](Self::start). [`SealWriter::finish`] fails if it were fewer octets, writing if it were more.
    pub fn start_sized<W: Write>(
        &self,
        sealed: W,
        passphrase: &Passphrase,
        content_length: u64,
    ) -> Result<SealWriter<W>, SealError> {
        self.begin(sealed, passphrase, Length::Known(content_length))
    }

    fn begin<W: Write>(
        &self,
        sealed: W,
        passphrase: &Passphrase,
        length: Length,
    ) -> Result<SealWriter<W>, SealError> {
        passphrase.check_sealing()?;
        let mut salt = [0; KdfParameters::SALT];
        let mut nonce = [0; 12];
        let mut key = Zeroizing::new([0; KEY]);
        for octets in [&mut salt[..], &mut nonce[..], &mut key[..]] {
            let filled = self.random.fill(octets);
            filled.map_err(|_| SealError::NoRandomness)?;
        }
        let parameters = KdfParameters::with_profile(salt, self.profile);
        let stretched = StretchedKey::new(parameters, kdf::derive(&parameters, passphrase)?)?;
        let (sealed_key, tag) =
            SessionKeyCipher::new(Mode::Gcm, &stretched.key)?.seal(&nonce, &key)?;
        let salt = bound_salt(&key)?;
        let mut head = Vec::with_capacity(128);
        SessionKey::new(parameters, nonce, sealed_key, tag).write(&mut head);
        let receipt = Receipt {
            parameters,
            proof_hash: stretched.access_proof().hash(),
            content: 0,
        };
        let sink = match self.form {
            Form::Binary => Sink::Binary(sealed),
            Form::Armored => Sink::Armored(ArmorWriter::new(sealed)?),
        };
        let cipher = ChunkCipher::new(Mode::Gcm, CHUNK_OCTET, &salt, &key)?;
        let data_head = Header::write_data_head(&salt);
        SealWriter::new(sink, &head, data_head, cipher, length, receipt)
    }

    /// Octets of a message with so much content.
    fn room(&self, content: u64) -> Option<usize> {
        let chunks = content / Self::CHUNK as u64 + 2;
        let binary = content.checked_add(chunks * 16)?.checked_add(256)?;
        let room = match self.form {
            Form::Binary => binary,
            Form::Armored => (binary / 48 + 2).checked_mul(65)?.checked_add(64)?,
        };
        usize::try_from(room).ok()
    }
}

/// Where a message goes.
enum Sink<W> {
    Binary(W),
    Armored(ArmorWriter<W>),
}

impl<W: Write> Sink<W> {
    fn write_all(&mut self, octets: &[u8]) -> io::Result<()> {
        match self {
            Self::Binary(sink) => sink.write_all(octets),
            Self::Armored(sink) => sink.write_all(octets),
        }
    }

    fn finish(self) -> io::Result<W> {
        match self {
            Self::Binary(sink) => Ok(sink),
            Self::Armored(sink) => sink.finish(),
        }
    }
}
