//! Files with keys, which their owner alone may read.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    path::Path,
};
use zeroize::Zeroizing;

/// A key of such a file.
pub(crate) type Key = Zeroizing<[u8; 32]>;

/// Why a file is not read.
#[derive(Debug)]
pub(crate) enum Fault {
    File(io::Error),
    /// It can be read by others than its owner.
    Exposed,
    /// It is longer than it may be, or no text.
    Malformed,
}

/// Reads a file of at most so many octets, which its owner alone may read.
pub(crate) fn read(path: &Path, most: usize) -> Result<Zeroizing<String>, Fault> {
    let file = File::open(path).map_err(Fault::File)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = file.metadata().map_err(Fault::File)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(Fault::Exposed);
        }
    }
    // Never more than it may have, so that no copy is left behind when it grows.
    let mut octets = Zeroizing::new(Vec::with_capacity(most + 1));
    let mut file = file.take(most as u64 + 1);
    file.read_to_end(&mut octets).map_err(Fault::File)?;
    if octets.len() > most {
        return Err(Fault::Malformed);
    }
    match String::from_utf8(std::mem::take(&mut *octets)) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(error) => {
            drop(Zeroizing::new(error.into_bytes()));
            Err(Fault::Malformed)
        }
    }
}

/// Writes a new file, readable by its owner alone, and durable when this returns. One that is there is never overwritten.
pub(crate) fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    sync_folder(path)
}

/// Makes durable that a file is in its folder.
#[cfg(unix)]
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
pub(crate) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// A new key; nothing if there are no random numbers.
pub(crate) fn random() -> Option<Key> {
    let mut key = Zeroizing::new([0; 32]);
    aws_lc_rs::rand::fill(&mut *key).ok()?;
    Some(key)
}

/// Appends a key as 64 hexadecimal digits.
pub(crate) fn push_digits(key: &Key, text: &mut String) {
    for octet in key.iter() {
        for half in [octet >> 4, octet & 15] {
            text.extend(char::from_digit(u32::from(half), 16));
        }
    }
}

/// The key of 64 hexadecimal digits.
pub(crate) fn digits(text: &str) -> Option<Key> {
    let mut key = Zeroizing::new([0; 32]);
    let mut digits = text.trim().chars().map(|c| c.to_digit(16));
    for octet in key.iter_mut() {
        *octet = u8::try_from(digits.next()?? << 4 | digits.next()??).ok()?;
    }
    digits.next().is_none().then_some(key)
}
