//! Certificate and key, and the server's TLS of them.

use crate::config::{Config, Profile};
use rustls::{
    ServerConfig,
    crypto::{
        CryptoProvider,
        aws_lc_rs::{ALL_KX_GROUPS, default_provider},
    },
};
use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};
use tls_policy::rustls::{Certificates, Expiring, Files, FilesError, Lacking, Replaced, Tickets};

/// Why there is no TLS.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read or written.
    #[error("cannot use {}", .0.display())]
    File(PathBuf, #[source] io::Error),
    /// Key and certificate cannot be used, or not together.
    #[error("certificate and key do not work")]
    Files(#[from] FilesError),
    /// The provider lacks what the profile wants.
    #[error("the profile cannot be kept")]
    Profile(#[from] Lacking),
    /// No certificate could be made.
    #[error("cannot make a certificate")]
    Generate(#[from] rcgen::Error),
}

/// The TLS of listeners. What it shows can be read again while it serves.
#[derive(Debug)]
pub(crate) struct ServerTls {
    pub(crate) config: Arc<ServerConfig>,
    certificates: Arc<Certificates>,
    files: Files,
}

impl ServerTls {
    /// As the configuration says. Makes a self-signed certificate where none is configured.
    pub(crate) fn load(config: &Config, now: SystemTime) -> Result<Self, Error> {
        let (certificate, key) = match (&config.tls.certificate, &config.tls.key) {
            (Some(certificate), Some(key)) => (certificate.clone(), key.clone()),
            _ => self_signed(config)?,
        };
        let files = Files::new().and(certificate, key, &[]);
        let profile = match config.tls.profile {
            Profile::Normal => tls_policy::rustls::Profile::Normal,
            Profile::Bsi => tls_policy::rustls::Profile::Bsi,
        };
        let certificates = Arc::new(files.load(profile, Arc::new(provider()), now)?);
        Ok(Self {
            // No tickets: each connection has its own forward secrecy.
            config: Arc::new(certificates.server_config(Tickets::None)?),
            certificates,
            files,
        })
    }

    /// Reads the files again; what cannot be used changes nothing.
    pub(crate) fn reload(&self, now: SystemTime) -> Result<Replaced, FilesError> {
        self.files.reload(&self.certificates, now)
    }

    /// Certificates that near their end.
    pub(crate) fn expiring(&self, now: SystemTime) -> Vec<Expiring> {
        self.certificates.expiring(now)
    }
}

/// aws-lc-rs with all its groups, some of which it does not list by default.
pub(crate) fn provider() -> CryptoProvider {
    CryptoProvider {
        kx_groups: ALL_KX_GROUPS.to_vec(),
        ..default_provider()
    }
}

/// `certificate.pem` and `key.pem` in the data folder; made once, for the service's names and localhost.
fn self_signed(config: &Config) -> Result<(PathBuf, PathBuf), Error> {
    let folder = config.data_dir.as_path();
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    let file = |path: &Path| {
        let path = path.to_owned();
        |error| Error::File(path, error)
    };
    if certificate.exists() && key.exists() {
        return Ok((certificate, key));
    }
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".into(), "::1".into()];
    let mut wanted = vec![
        config.hostname.clone(),
        config.site_host(),
        config.sealed_host(),
    ];
    if !config.listen.https.is_empty() {
        wanted.extend(config.directory_hosts());
    }
    for name in wanted {
        if !names.contains(&name) {
            names.push(name);
        }
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
        let now = SystemTime::now();
        let folder = tempfile::tempdir().unwrap();
        let config = Config {
            data_dir: folder.path().join("data"),
            ..Config::default()
        };
        let tls = ServerTls::load(&config, now).unwrap();
        let key = config.data_dir.join("key.pem");
        let first = fs::read(&key).unwrap();
        ServerTls::load(&config, now).unwrap();
        assert_eq!(fs::read(&key).unwrap(), first);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o77, 0);
        }
        assert_eq!(tls.reload(now).unwrap(), Replaced::Unchanged);
        fs::write(&key, "no key").unwrap();
        assert!(matches!(
            ServerTls::load(&config, now),
            Err(Error::Files(_))
        ));
        assert!(tls.reload(now).is_err());
        fs::remove_file(&key).unwrap();
        self_signed(&config).unwrap();
        assert_eq!(tls.reload(now).unwrap(), Replaced::Changed);
    }

    #[test]
    fn the_bsi_profile_takes_what_is_made_here_and_refuses_rsa() {
        let now = SystemTime::now();
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config {
            data_dir: folder.path().join("data"),
            ..Config::default()
        };
        config.tls.profile = Profile::Bsi;
        ServerTls::load(&config, now).unwrap();
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
        let made = rcgen::CertificateParams::new(vec!["mx.b.test".to_owned()]);
        let made = made.unwrap().self_signed(&key).unwrap();
        let paths = [folder.path().join("c.pem"), folder.path().join("k.pem")];
        fs::write(&paths[0], made.pem()).unwrap();
        fs::write(&paths[1], key.serialize_pem()).unwrap();
        let [certificate, key] = paths;
        (config.tls.certificate, config.tls.key) = (Some(certificate), Some(key));
        assert!(matches!(
            ServerTls::load(&config, now),
            Err(Error::Files(_))
        ));
        config.tls.profile = Profile::Normal;
        ServerTls::load(&config, now).unwrap();
    }
}
