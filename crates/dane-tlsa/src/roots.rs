use crate::cert::Certificate;
use rustls_pki_types::{CertificateDer, TrustAnchor};

/// Public roots, as whole certificates, for usages 0 and 1.
///
/// Whole ones, because a record of usage 0 may be about a root that the server does not send, and
/// because the dates of a root count too.
#[derive(Clone, Debug, Default)]
pub struct Roots {
    certificates: Vec<CertificateDer<'static>>,
    anchors: Vec<TrustAnchor<'static>>,
}

impl Roots {
    /// These certificates. Those that have issued themselves are roots; others help to find a path,
    /// but end none. What is no certificate is passed over.
    pub fn new(certificates: impl IntoIterator<Item = CertificateDer<'static>>) -> Self {
        let certificates: Vec<_> = certificates
            .into_iter()
            .filter(|der| Certificate::parse(der).is_some())
            .collect();
        let roots = certificates
            .iter()
            .filter(|der| Certificate::parse(der).is_some_and(|c| c.is_self_issued()));
        let anchors = roots
            .filter_map(|der| webpki::anchor_from_trusted_cert(der).ok())
            .map(|anchor| anchor.to_owned())
            .collect();
        Self {
            certificates,
            anchors,
        }
    }

    /// The certificates.
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }

    pub(crate) fn anchors(&self) -> &[TrustAnchor<'static>] {
        &self.anchors
    }
}
