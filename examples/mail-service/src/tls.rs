//! Certificate and key, and the server's TLS of them.

use crate::config::Config;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

/// Why there is no TLS.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read or written.
    #[error("cannot use {}", .0.display())]
    File(PathBuf, #[source] io::Error),
    /// A file holds no PEM of the kind that is needed.
    #[error("no certificate or key in {}", .0.display())]
    Pem(PathBuf, #[source] rustls::pki_types::pem::Error),
    /// Key and certificate cannot be used, or not together.
    #[error("certificate and key do not work")]
    Unusable(#[from] rustls::Error),
    /// No certificate could be made.
    #[error("cannot make a certificate")]
    Generate(#[from] rcgen::Error),
}

/// The TLS of the configuration. Makes a self-signed certificate where none is configured.
pub(crate) fn load(config: &Config) -> Result<Arc<ServerConfig>, Error> {
    let (certificate, key) = match (&config.tls.certificate, &config.tls.key) {
        (Some(certificate), Some(key)) => (certificate.clone(), key.clone()),
        _ => self_signed(&config.hostname, &config.data_dir)?,
    };
    let pem = |path: &Path| {
        let path = path.to_owned();
        |error| Error::Pem(path, error)
    };
    let chain = CertificateDer::pem_file_iter(&certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(pem(&certificate))?;
    let key = PrivateKeyDer::from_pem_file(&key).map_err(pem(&key))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(Arc::new(tls))
}

/// `certificate.pem` and `key.pem` in the data folder; made once, for this host and localhost.
pub(crate) fn self_signed(hostname: &str, folder: &Path) -> Result<(PathBuf, PathBuf), Error> {
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    let file = |path: &Path| {
        let path = path.to_owned();
        |error| Error::File(path, error)
    };
    if certificate.exists() && key.exists() {
        return Ok((certificate, key));
    }
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".into(), "::1".into()];
    if !names.iter().any(|name| name == hostname) {
        names.push(hostname.to_owned());
    }
    let made = rcgen::generate_simple_self_signed(names)?;
    fs::create_dir_all(folder).map_err(file(folder))?;
    write(&key, &made.signing_key.serialize_pem()).map_err(file(&key))?;
    write(&certificate, &made.cert.pem()).map_err(file(&certificate))?;
    Ok((certificate, key))
}

/// Writes a file that only its owner can read.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_once_and_used_again() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config {
            data_dir: folder.path().join("data"),
            ..Config::default()
        };
        load(&config).unwrap();
        let key = config.data_dir.join("key.pem");
        let first = fs::read(&key).unwrap();
        load(&config).unwrap();
        assert_eq!(fs::read(&key).unwrap(), first);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o77, 0);
        }
        fs::write(&key, "no key").unwrap();
        assert!(matches!(load(&config), Err(Error::Pem(..))));
    }
}
