//! Fixture: root, intermediate and a server's certificate, all P-256.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};

pub(crate) const HOST: &str = "mx.example.org";

pub(crate) struct Chain {
    pub(crate) root: CertificateDer<'static>,
    pub(crate) intermediate: CertificateDer<'static>,
    pub(crate) leaf: CertificateDer<'static>,
    key: KeyPair,
}

impl Chain {
    pub(crate) fn new() -> Self {
        let key = || KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let authority = |name: &str| {
            let mut params = CertificateParams::default();
            params.distinguished_name.push(DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
            params
        };
        let root = CertifiedIssuer::self_signed(authority("Root"), key()).unwrap();
        let intermediate =
            CertifiedIssuer::signed_by(authority("Intermediate"), key(), &root).unwrap();
        let own = key();
        let leaf = CertificateParams::new([HOST.to_owned()]).unwrap();
        let leaf = leaf.signed_by(&own, &intermediate).unwrap();
        Self {
            root: root.der().clone(),
            intermediate: intermediate.der().clone(),
            leaf: leaf.der().clone(),
            key: own,
        }
    }

    pub(crate) fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::try_from(self.key.serialize_der()).unwrap()
    }

    /// Writes root, intermediate, leaf and key, as the harness reads them.
    pub(crate) fn write(&self, folder: &Path) -> [PathBuf; 4] {
        let pem = |name: &str, label: &str, der: &[u8]| {
            let path = folder.join(name);
            let text = pem(label, der);
            std::fs::write(&path, text).unwrap();
            path
        };
        [
            pem("root.pem", "CERTIFICATE", &self.root),
            pem("intermediate.pem", "CERTIFICATE", &self.intermediate),
            pem("leaf.pem", "CERTIFICATE", &self.leaf),
            pem("key.pem", "PRIVATE KEY", self.key().secret_der()),
        ]
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text
        .as_bytes()
        .chunks(64)
        .map(String::from_utf8_lossy)
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}
