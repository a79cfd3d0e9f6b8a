//! Reading a message.

mod body;
mod in_place;
mod reader;

use std::io::{BufRead, BufReader, Read, Seek};

use zeroize::Zeroize;

pub use reader::{UnverifiedReader, VerifiedReader};

use crate::armor;
use crate::cipher::{ChunkCipher, Mode, SessionKeyCipher, is_bound};
use crate::crypto::Key;
use crate::error::OpenError;
use crate::header::{CHUNK_OCTET, Header};
use crate::kdf;
use crate::limits::Limits;
use crate::parameters::{KdfParameters, Profile};
use crate::passphrase::Passphrase;
use crate::proof::StretchedKey;
use crate::refusal::Refusal;
use body::Source;

/// Whether a message can be opened with one session key only.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Commitment {
    /// Its salt is made from its session key, as a [`Sealer`](crate::Sealer) does it: no other session key opens it here.
    Bound,
    /// Some other tool wrote it: there may be another session key, with which other content comes out.
    Unbound,
}

/// An opened message.
#[derive(Clone)]
pub struct Opened {
    content: Vec<u8>,
    commitment: Commitment,
}

impl Opened {
    /// The content.
    #[must_use]
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// As [`content`](Self::content); it is the buffer that the message came in. It is not overwritten when it is
    /// dropped: whoever wants that puts it into a `zeroize::Zeroizing`.
    #[must_use]
    pub fn into_content(self) -> Vec<u8> {
        self.content
    }

    /// Whether it has one session key only.
    #[must_use]
    pub fn commitment(&self) -> Commitment {
        self.commitment
    }
}

/// Without the content.
impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened")
            .field("commitment", &self.commitment)
            .finish_non_exhaustive()
    }
}

/// What can be seen of a message without the password. None of it is authentic before the message is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    parameters: KdfParameters,
    mode: Mode,
    chunk: usize,
    armored: bool,
    data: u64,
}

impl Inspection {
    /// Salt and costs of Argon2.
    #[must_use]
    pub fn parameters(&self) -> &KdfParameters {
        &self.parameters
    }

    /// How it is encrypted.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Octets of a chunk.
    #[must_use]
    pub fn chunk(&self) -> usize {
        self.chunk
    }

    /// Whether it is text.
    #[must_use]
    pub fn is_armored(&self) -> bool {
        self.armored
    }

    /// Octets that are encrypted: content, the heads of packets, padding, and 16 for each chunk and the end.
    #[must_use]
    pub fn encrypted_length(&self) -> u64 {
        self.data
    }
}

/// Which messages are opened, beyond the limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Accept {
    #[default]
    All,
    /// What a `Sealer` with one of these profiles writes, and nothing else.
    Ours(&'static [Profile]),
}

/// Opens messages with a password, within [`Limits`].
///
/// ```
/// use symmetric_seal::{Commitment, OpenError, Opener, Passphrase, Profile, Sealer};
///
/// # #[cfg(feature = "danger-weak-kdf")] {
/// let password = Passphrase::for_sealing("correct horse battery")?;
/// # let sealer = Sealer::new().profile(Profile::WEAK_FOR_TESTS);
/// let message = sealer.seal(b"the vault is 4711", &password)?.into_message();
///
/// let opener = Opener::new();
/// println!("a try costs {}", opener.inspect(&message)?.parameters().cost());
/// let wrong = Passphrase::for_opening("incorrect horse");
/// assert!(matches!(opener.open(message.clone(), &wrong), Err(OpenError::PasswordOrDamage)));
/// let opened = opener.open(message, &password)?;
/// assert_eq!(opened.content(), b"the vault is 4711");
/// assert_eq!(opened.commitment(), Commitment::Bound);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Opener {
    limits: Limits,
    accept: Accept,
}

/// What the password has opened so far: the session key.
struct Unlocked {
    session_key: Key,
    commitment: Commitment,
}

impl Opener {
    /// For messages of any tool, within the default [`Limits`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// For what came by a link: only the [named profiles](Profile::NAMED), GCM in chunks of 64 KiB, and only messages
    /// that are [bound](Commitment::Bound) to their session key.
    ///
    /// That a message is unbound is no error of its own, but [`OpenError::PasswordOrDamage`], and found before any
    /// chunk is decrypted.
    #[must_use]
    pub fn for_links() -> Self {
        Self {
            limits: Limits::default(),
            accept: Accept::Ours(&Profile::NAMED),
        }
    }

    /// As [`for_links`](Self::for_links), for what costs less.
    #[cfg(test)]
    pub(crate) fn for_cheap_links() -> Self {
        let cheap = Box::leak(Box::new([crate::tests::cheap()]));
        Self {
            limits: Limits::default(),
            accept: Accept::Ours(cheap),
        }
    }

    /// With other limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// What can be seen without the password; whatever is refused before Argon2 runs is refused here.
    ///
    /// # Errors
    /// [`OpenError::Refused`].
    pub fn inspect(&self, message: &[u8]) -> Result<Inspection, OpenError> {
        self.check_length(message)?;
        let mut source = Source::new(message, self.limits.max_message)?;
        let armored = source.is_armored();
        let header = self.header(&mut source)?;
        let mut body = body::Body::new(source, header.first);
        let data = body.skip()?;
        Ok(Inspection {
            parameters: header.session_key.kdf,
            mode: header.mode(),
            chunk: header.chunk(),
            armored,
            data,
        })
    }

    /// Stretches a password by parameters that came without a message; [`open_with`](Self::open_with) then opens the
    /// message without running Argon2 again.
    ///
    /// # Errors
    /// [`OpenError::Refused`] for parameters beyond the limits, [`OpenError::NoMemory`].
    pub fn derive(
        &self,
        parameters: &KdfParameters,
        passphrase: &Passphrase,
    ) -> Result<StretchedKey, OpenError> {
        self.check_parameters(parameters)?;
        let key = kdf::derive(parameters, passphrase)?;
        Ok(StretchedKey::new(*parameters, key)?)
    }

    /// Opens a message where it is: the content is in the buffer that the message came in.
    ///
    /// Nothing comes out before the last tag is checked. If it fails, the buffer is overwritten.
    ///
    /// # Errors
    /// [`OpenError`]; a wrong password and a damaged message are the same one.
    pub fn open(&self, message: Vec<u8>, passphrase: &Passphrase) -> Result<Opened, OpenError> {
        self.open_by(message, |parameters| self.derive(parameters, passphrase))
    }

    /// As [`open`](Self::open), with what [`derive`](Self::derive) made.
    ///
    /// # Errors
    /// As for [`open`](Self::open); [`Refusal::OtherParameters`] for a message with other parameters.
    pub fn open_with(&self, message: Vec<u8>, key: &StretchedKey) -> Result<Opened, OpenError> {
        self.open_by(message, |parameters| match key.parameters == *parameters {
            true => Ok(key.clone()),
            false => Err(Refusal::OtherParameters.into()),
        })
    }

    fn open_by(
        &self,
        mut message: Vec<u8>,
        derive: impl FnOnce(&KdfParameters) -> Result<StretchedKey, OpenError>,
    ) -> Result<Opened, OpenError> {
        let opened = self.open_in(&mut message, derive);
        match opened {
            Ok(commitment) => Ok(Opened {
                content: message,
                commitment,
            }),
            Err(error) => {
                // A part of it may be plaintext that is not authentic.
                message.zeroize();
                Err(error)
            }
        }
    }

    fn open_in(
        &self,
        message: &mut Vec<u8>,
        derive: impl FnOnce(&KdfParameters) -> Result<StretchedKey, OpenError>,
    ) -> Result<Commitment, OpenError> {
        self.check_length(message)?;
        if message.first().is_some_and(|o| armor::may_begin_with(*o)) {
            armor::in_place(message)?;
        }
        let mut rest = message.as_slice();
        let header = self.header(&mut rest)?;
        let data = message.len() - rest.len();
        let body = in_place::Body::check(message, data, header.first)?;
        let unlocked = self.unlock(&header, &derive(&header.session_key.kdf)?)?;
        let mut cipher = cipher(&header, &unlocked)?;
        let max = self.limits.max_plaintext;
        in_place::decrypt(message, body, header.chunk(), &mut cipher, max)?;
        Ok(unlocked.commitment)
    }

    /// Opens what can be read twice, in memory that does not depend on its length: a first pass checks everything, and
    /// what is read from the result is decrypted, and checked again, in a second one.
    ///
    /// Where the message is must not change between the passes. If it does, reading fails: no octet comes out that the
    /// sender did not write in its place, but the last ones may be missing then.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn open_seekable<R: Read + Seek>(
        &self,
        message: R,
        passphrase: &Passphrase,
    ) -> Result<VerifiedReader<R>, OpenError> {
        let mut message = BufReader::new(message);
        let start = message.stream_position()?;
        let (header, chunks, commitment) = self.start(&mut message, passphrase)?;
        let (mut cipher, content) = chunks.verify()?;
        cipher.rewind();
        message.seek(std::io::SeekFrom::Start(start))?;
        let mut source = Source::new(message, self.limits.max_message)?;
        if self.header(&mut source)? != header {
            return Err(OpenError::PasswordOrDamage);
        }
        let chunks = reader::Chunks::new(source, &header, cipher, &self.limits)?;
        Ok(VerifiedReader::new(chunks, content, commitment))
    }

    /// Opens a stream as it comes, in memory that does not depend on its length.
    ///
    /// **What is read from the result is not verified as a whole.** Each octet is what the sender wrote in this place,
    /// but that the end is missing shows only at the end: reading fails then, and what came before must be undone.
    ///
    /// # Errors
    /// As for [`open`](Self::open), as far as it is known after the first chunk; the rest comes from reading.
    pub fn open_stream_unverified<R: Read>(
        &self,
        message: R,
        passphrase: &Passphrase,
    ) -> Result<UnverifiedReader<R>, OpenError> {
        let (_, chunks, commitment) = self.start(BufReader::new(message), passphrase)?;
        UnverifiedReader::new(chunks, commitment)
    }

    fn start<B: BufRead>(
        &self,
        message: B,
        passphrase: &Passphrase,
    ) -> Result<(Header, reader::Chunks<B>, Commitment), OpenError> {
        let mut source = Source::new(message, self.limits.max_message)?;
        let header = self.header(&mut source)?;
        let stretched = self.derive(&header.session_key.kdf, passphrase)?;
        let unlocked = self.unlock(&header, &stretched)?;
        let cipher = cipher(&header, &unlocked)?;
        let chunks = reader::Chunks::new(source, &header, cipher, &self.limits)?;
        Ok((header, chunks, unlocked.commitment))
    }

    fn header(&self, from: &mut impl Read) -> Result<Header, OpenError> {
        let header = Header::read(from, &self.limits)?;
        if self.accept != Accept::All {
            self.check_parameters(&header.session_key.kdf)?;
            if header.mode() != Mode::Gcm {
                return Err(Refusal::Mode.into());
            }
            if header.chunk_octet != CHUNK_OCTET {
                return Err(Refusal::ChunkSize.into());
            }
        }
        Ok(header)
    }

    fn check_parameters(&self, parameters: &KdfParameters) -> Result<(), Refusal> {
        self.limits.check_kdf(parameters)?;
        match self.accept {
            Accept::Ours(profiles) if !profiles.contains(&parameters.cost()) => {
                Err(Refusal::NoProfile)
            }
            _ => Ok(()),
        }
    }

    fn check_length(&self, message: &[u8]) -> Result<(), Refusal> {
        match message.len() as u64 > self.limits.max_message {
            true => Err(Refusal::MessageTooLong),
            false => Ok(()),
        }
    }

    fn unlock(&self, header: &Header, stretched: &StretchedKey) -> Result<Unlocked, OpenError> {
        let sealed = &header.session_key;
        let cipher = SessionKeyCipher::new(sealed.mode, &stretched.key)?;
        let session_key = cipher.open(sealed.nonce(), &sealed.sealed, &sealed.tag)?;
        let commitment = match is_bound(&session_key, &header.salt)? {
            true => Commitment::Bound,
            // One error: another one would tell that the password is right.
            false if self.accept != Accept::All => return Err(OpenError::PasswordOrDamage),
            false => Commitment::Unbound,
        };
        Ok(Unlocked {
            session_key,
            commitment,
        })
    }
}

fn cipher(header: &Header, unlocked: &Unlocked) -> Result<ChunkCipher, OpenError> {
    let (mode, octet) = (header.mode(), header.chunk_octet);
    let cipher = ChunkCipher::new(mode, octet, &header.salt, &unlocked.session_key);
    Ok(cipher?)
}
