//! The server's key-encryption key: what lets a server use keys of the custody `Server`, and a stolen backup not.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;

use zeroize::Zeroizing;

use super::crypto::{self, KEY, Key};
use super::wrap;

/// Most octets that a [`Kek`] may make of 32.
pub const MAX_WRAPPED: usize = 4096;

/// Wraps and unwraps keys of 32 octets: a file ([`KekFile`]), a key management service, an HSM.
///
/// It may wait for a network; the store calls it where it blocks nobody.
pub trait Kek: Send + Sync {
    /// At most [`MAX_WRAPPED`] octets, out of which only this key makes the same 32, and only with the same context: the
    /// associated data of an AEAD, the encryption context of a service.
    ///
    /// # Errors
    ///
    /// [`KekError`].
    fn wrap(&self, key: &[u8; 32], context: &[u8]) -> Result<Vec<u8>, KekError>;

    /// What was wrapped, by the key of today or an earlier one.
    ///
    /// # Errors
    ///
    /// [`KekError::Refused`] for octets that it did not make, or not with this context.
    fn unwrap(&self, wrapped: &[u8], context: &[u8]) -> Result<Zeroizing<[u8; 32]>, KekError>;
}

/// Why a [`Kek`] gave nothing.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KekError {
    /// It has not wrapped this, not for this context, or it was changed.
    #[error("the server's key-encryption key does not fit")]
    Refused,
    /// It cannot be reached, or has no randomness.
    #[error("the server's key-encryption key is not to be had at present")]
    Unavailable,
    /// The file is not one of this kind.
    #[error("not a file of key-encryption keys")]
    Malformed,
    /// The file can be read by others than its owner.
    #[error("the file of key-encryption keys can be read by others")]
    Exposed,
    /// The file cannot be read or made.
    #[error("the file of key-encryption keys: {0}")]
    File(std::io::ErrorKind),
}

impl KekError {
    /// Whether a later try may help.
    #[must_use]
    pub fn is_temporary(self) -> bool {
        matches!(self, Self::Unavailable)
    }
}

const HEAD: &str = "letterlock-kek-1";
const ID: usize = 8;
/// Most keys of a file.
const MAX_KEYS: usize = 64;
/// Most octets of a file.
const MAX_FILE: u64 = 16 << 10;

/// Key-encryption keys in a file, which must lie outside the store and its backup: together they open everything, apart from
/// each other nothing.
///
/// The first key wraps, all unwrap. The file has the line `letterlock-kek-1`, then one key a line in 64 hexadecimal digits;
/// lines that begin with `#` say what you like.
pub struct KekFile(Vec<(Id, Key)>);

type Id = [u8; ID];

impl KekFile {
    /// One new key, in memory: see [`create`](Self::create).
    ///
    /// # Errors
    ///
    /// [`KekError::Unavailable`] without randomness.
    pub fn generate() -> Result<Self, KekError> {
        let key = crypto::random().map_err(|_| KekError::Unavailable)?;
        Ok(Self(vec![named(Zeroizing::new(key))]))
    }

    /// A new file with one new key, readable by its owner only, and durable when this returns.
    ///
    /// # Errors
    ///
    /// [`KekError::File`], also if there is one.
    pub fn create(path: &Path) -> Result<Self, KekError> {
        let kek = Self::generate()?;
        kek.write(path)?;
        Ok(kek)
    }

    /// Writes a new file. One that is there is never overwritten: what it opens would be lost.
    ///
    /// # Errors
    ///
    /// [`KekError::File`].
    pub fn write(&self, path: &Path) -> Result<(), KekError> {
        let file = |error: std::io::Error| KekError::File(error.kind());
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut to = options.open(path).map_err(file)?;
        to.write_all(self.text().as_bytes()).map_err(file)?;
        to.sync_all().map_err(file)?;
        #[cfg(unix)]
        if let Some(folder) = path.parent() {
            let folder = if folder.as_os_str().is_empty() {
                Path::new(".")
            } else {
                folder
            };
            File::open(folder)
                .and_then(|f| f.sync_all())
                .map_err(file)?;
        }
        Ok(())
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`KekError::File`], [`KekError::Malformed`], and on Unix [`KekError::Exposed`] if its group or others have any right to it.
    pub fn open(path: &Path) -> Result<Self, KekError> {
        let file = |error: std::io::Error| KekError::File(error.kind());
        let from = File::open(path).map_err(file)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = from.metadata().map_err(file)?.permissions().mode();
            if mode & 0o077 != 0 {
                return Err(KekError::Exposed);
            }
        }
        // Never more than it may have, so that no copy is left behind when it grows.
        let mut text = Zeroizing::new(Vec::with_capacity(
            usize::try_from(MAX_FILE).unwrap_or(0) + 1,
        ));
        from.take(MAX_FILE + 1)
            .read_to_end(&mut text)
            .map_err(file)?;
        Self::parse(str::from_utf8(&text).map_err(|_| KekError::Malformed)?)
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// [`KekError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, KekError> {
        let mut lines = text.lines().map(str::trim);
        if lines.next() != Some(HEAD) || text.len() as u64 > MAX_FILE {
            return Err(KekError::Malformed);
        }
        let mut keys = Vec::new();
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
            keys.push(named(digits(line).ok_or(KekError::Malformed)?));
        }
        match keys.len() {
            1..=MAX_KEYS => Ok(Self(keys)),
            _ => Err(KekError::Malformed),
        }
    }

    /// The text of its file. It is as secret as the keys.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(MAX_KEYS * 66));
        text.push_str(HEAD);
        text.push('\n');
        for (_, key) in &self.0 {
            for octet in key.iter() {
                for half in [octet >> 4, octet & 15] {
                    text.extend(char::from_digit(u32::from(half), 16));
                }
            }
            text.push('\n');
        }
        text
    }

    /// A new key before these: it wraps from now on. Once everything is wrapped anew, the older ones can go.
    ///
    /// # Errors
    ///
    /// [`KekError::Unavailable`] without randomness; [`KekError::Malformed`] with more than 64 keys.
    pub fn rotated(&self) -> Result<Self, KekError> {
        let mut keys = Self::generate()?.0;
        keys.extend(self.0.iter().cloned());
        match keys.len() {
            ..=MAX_KEYS => Ok(Self(keys)),
            _ => Err(KekError::Malformed),
        }
    }

    /// Without the older keys.
    #[must_use]
    pub fn newest(mut self) -> Self {
        self.0.truncate(1);
        self
    }
}

fn named(key: Key) -> (Id, Key) {
    let hash = crypto::sha256(b"letterlock pgp-keystore kek id v1", &*key);
    (hash.first_chunk().copied().unwrap_or_default(), key)
}

fn digits(line: &str) -> Option<Key> {
    let mut key = Zeroizing::new([0; KEY]);
    let mut digits = line.chars().map(|c| c.to_digit(16));
    for octet in key.iter_mut() {
        *octet = u8::try_from(digits.next()?? << 4 | digits.next()??).ok()?;
    }
    digits.next().is_none().then_some(key)
}

impl Kek for KekFile {
    fn wrap(&self, key: &[u8; 32], context: &[u8]) -> Result<Vec<u8>, KekError> {
        let (id, kek) = self.0.first().ok_or(KekError::Malformed)?;
        let wrapped = wrap::wrap(kek, context, key).map_err(|_| KekError::Unavailable)?;
        Ok([&id[..], &wrapped].concat())
    }

    fn unwrap(&self, wrapped: &[u8], context: &[u8]) -> Result<Zeroizing<[u8; 32]>, KekError> {
        let (id, wrapped) = wrapped.split_first_chunk().ok_or(KekError::Refused)?;
        let kek = self.0.iter().find(|(known, _)| known == id);
        let (_, kek) = kek.ok_or(KekError::Refused)?;
        wrap::unwrap_key(kek, context, wrapped).map_err(|_| KekError::Refused)
    }
}

impl fmt::Debug for KekFile {
    /// How many keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KekFile({} keys)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_wraps_and_old_ones_unwrap() {
        let old = KekFile::generate().unwrap();
        let new = old.rotated().unwrap();
        let by_old = old.wrap(&[7; 32], b"here").unwrap();
        let by_new = new.wrap(&[7; 32], b"here").unwrap();
        for wrapped in [&by_old, &by_new] {
            assert_eq!(*new.unwrap(wrapped, b"here").unwrap(), [7; 32]);
            assert_eq!(new.unwrap(wrapped, b"there"), Err(KekError::Refused));
        }
        assert_eq!(old.unwrap(&by_new, b"here"), Err(KekError::Refused));
        let newest = new.newest();
        assert_eq!(newest.unwrap(&by_old, b"here"), Err(KekError::Refused));
        assert!(newest.unwrap(&by_new, b"here").is_ok());
    }

    #[test]
    fn what_is_written_is_read_and_what_is_no_file_is_refused() {
        let kek = KekFile::generate().unwrap().rotated().unwrap();
        let text = kek.text();
        let read = KekFile::parse(&format!("{}# old\n\n", *text)).unwrap();
        assert_eq!(*read.text(), *text);
        let key = "0".repeat(64);
        for text in [
            String::new(),
            HEAD.into(),
            format!("{HEAD}\n{key}0"),
            format!("{HEAD}\n{}", &key[1..]),
            format!("{HEAD}\n{}g", &key[1..]),
            format!("letterlock-kek-2\n{key}"),
            format!("{HEAD}\n{}", format!("{key}\n").repeat(65)),
        ] {
            assert_eq!(KekFile::parse(&text).unwrap_err(), KekError::Malformed);
        }
    }

    #[test]
    #[cfg(unix)]
    fn a_file_is_its_owners_and_never_overwritten() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kek");
        let text = KekFile::create(&path).unwrap().text();
        assert_eq!(*KekFile::open(&path).unwrap().text(), *text);
        let exists = KekError::File(std::io::ErrorKind::AlreadyExists);
        assert_eq!(KekFile::create(&path).unwrap_err(), exists);
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        assert_eq!(KekFile::open(&path).unwrap_err(), KekError::Exposed);
    }
}
