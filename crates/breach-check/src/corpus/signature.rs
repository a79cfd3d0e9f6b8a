//! Who vouches for a corpus: a detached signature over its first page, which names the root of all the rest.

use std::fs;
use std::io;
use std::path::Path;

use minisign_verify::{PublicKey, Signature};

use super::build::with_suffix;
use super::open::Corpus;
use super::read_at::ReadAt;

/// Octets of the longest signature file that is looked at.
const MOST: u64 = 4096;

/// Why a corpus is not vouched for.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// The signature cannot be read.
    #[error("the signature cannot be read")]
    Io(#[from] io::Error),
    /// The key is none of minisign's.
    #[error("this is no public key of minisign")]
    Key,
    /// The signature is none of minisign's, or of its old kind, which is over the file itself.
    #[error("this is no signature of minisign")]
    Form,
    /// It is another's, or of another corpus, or of this one before an update.
    #[error("the signature is not by this key over this corpus")]
    Wrong,
}

impl<R: ReadAt> Corpus<R> {
    /// Whether this key has signed the first page: `head -c 4096 CORPUS > HEADER; minisign -S -m HEADER` makes such a
    /// signature. That the pages are those that it names says [`verify`](Self::verify).
    ///
    /// # Errors
    /// It has not.
    pub fn is_signed(&self, key: &str, signature: &str) -> Result<(), SignatureError> {
        let key = PublicKey::decode(key).or_else(|_| PublicKey::from_base64(key.trim()));
        let key = key.map_err(|_| SignatureError::Key)?;
        let signature = Signature::decode(signature).map_err(|_| SignatureError::Form)?;
        let page = self.header().write();
        key.verify(&*page, &signature, false)
            .map_err(|_| SignatureError::Wrong)
    }
}

/// The signature that lies beside a corpus: `CORPUS.minisig`.
///
/// # Errors
/// It cannot be read, or is far too long.
pub fn signature_beside(corpus: impl AsRef<Path>) -> io::Result<String> {
    let path = with_suffix(corpus.as_ref(), ".minisig");
    match fs::metadata(&path)?.len() {
        0..=MOST => fs::read_to_string(path),
        _ => Err(io::ErrorKind::FileTooLarge.into()),
    }
}
