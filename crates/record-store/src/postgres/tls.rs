//! TLS to the server: the chain and the host's name are verified, always.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::location::Trust;
use crate::Error;

/// What makes connections secure; nothing for clear text.
pub(super) fn connector(trust: &Trust) -> Result<Option<MakeRustlsConnect>, Error> {
    let roots = match trust {
        Trust::Clear => return Ok(None),
        Trust::System => system()?,
        Trust::File(path) => file(path)?,
    };
    // Not the process-wide provider, which is the program's business.
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Unavailable(Arc::new(error)))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Some(MakeRustlsConnect::new(config)))
}

fn system() -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    match roots.is_empty() {
        false => Ok(roots),
        true => Err(Error::Location {
            what: "the system trusts no certificate; name a file with sslrootcert",
        }),
    }
}

fn file(path: &Path) -> Result<RootCertStore, Error> {
    let refused = || Error::Location {
        what: "the file of sslrootcert cannot be read, or is no PEM file of certificates",
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|_| refused())? {
        let certificate = certificate.map_err(|_| refused())?;
        roots.add(certificate).map_err(|_| refused())?;
    }
    match roots.is_empty() {
        false => Ok(roots),
        true => Err(refused()),
    }
}
