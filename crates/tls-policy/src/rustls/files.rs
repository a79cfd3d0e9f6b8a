use super::{Certificates, MAX_PEM, Profile, Replaced, Source, SourceError};
use ::rustls::crypto::CryptoProvider;
use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};
use zeroize::Zeroizing;

/// Where chains and keys are kept in files.
///
/// Nothing watches them by itself: call [`reload`](Self::reload) as often as you like, on a signal,
/// or when your watcher tells you. It reads the contents, as times of files lie. A renewal that has
/// written one of the two files is a [wrong key](super::IdentityError::WrongKey): the old pair stays,
/// and the next call sees the other half.
#[derive(Clone, Debug, Default)]
pub struct Files {
    pairs: Vec<Pair>,
}

#[derive(Clone, Debug)]
struct Pair {
    chain: PathBuf,
    key: PathBuf,
    names: Vec<String>,
}

/// Why files are not used. Nothing has changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FilesError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        error: io::Error,
    },
    /// What is in them cannot be used.
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl Files {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// With these two besides, in PEM. The certificate has to have the names, as A-labels.
    #[must_use]
    pub fn and(
        mut self,
        chain: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
        names: &[&str],
    ) -> Self {
        self.pairs.push(Pair {
            chain: chain.into(),
            key: key.into(),
            names: names.iter().map(|&name| name.to_owned()).collect(),
        });
        self
    }

    /// The certificates to begin with. It reads files, and blocks for as long.
    ///
    /// # Errors
    /// A file cannot be read, or what is in it not be used.
    pub fn load(
        &self,
        profile: Profile,
        provider: Arc<CryptoProvider>,
        now: SystemTime,
    ) -> Result<Certificates, FilesError> {
        self.with(|sources| Certificates::new(profile, provider, sources, now))
    }

    /// Puts what is in the files now in the place of what is there, at once. It reads files, and
    /// blocks for as long.
    ///
    /// # Errors
    /// A file cannot be read, or what is in it not be used; then all stays as it was.
    pub fn reload(
        &self,
        certificates: &Certificates,
        now: SystemTime,
    ) -> Result<Replaced, FilesError> {
        self.with(|sources| certificates.replace(sources, now))
    }

    fn with<T>(
        &self,
        then: impl FnOnce(&[Source<'_>]) -> Result<T, SourceError>,
    ) -> Result<T, FilesError> {
        let mut contents = Vec::with_capacity(self.pairs.len());
        for pair in &self.pairs {
            let names: Vec<&str> = pair.names.iter().map(String::as_str).collect();
            contents.push((read(&pair.chain)?, read(&pair.key)?, names));
        }
        let sources = contents.iter();
        let sources = sources.map(|(chain, key, names)| Source::new(chain, key).named(names));
        let sources: Vec<Source<'_>> = sources.collect();
        Ok(then(&sources)?)
    }
}

/// One octet more than may be, so that what is too long is refused as such. The buffer does not grow,
/// or parts of a key would be left behind.
fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, FilesError> {
    let mut octets = Zeroizing::new(Vec::with_capacity(2 * MAX_PEM));
    let limit = MAX_PEM as u64 + 1;
    let read = File::open(path).and_then(|file| file.take(limit).read_to_end(&mut octets));
    match read {
        Ok(_) => Ok(octets),
        Err(error) => Err(FilesError::Read {
            path: path.to_owned(),
            error,
        }),
    }
}
