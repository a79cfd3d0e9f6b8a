use rustls_pki_types::CertificateDer;

/// Public roots, as whole certificates, for usages 0 and 1.
///
/// Whole ones, because a record of usage 0 may be about a root that the server does not send, and
/// because the dates of a root count too.
#[derive(Clone, Debug, Default)]
pub struct Roots {
    certificates: Vec<CertificateDer<'static>>,
}

impl Roots {
    /// These certificates. Those that have issued themselves are roots; others help to find a path.
    pub fn new(certificates: impl IntoIterator<Item = CertificateDer<'static>>) -> Self {
        Self {
            certificates: certificates.into_iter().collect(),
        }
    }

    /// What they were made of.
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }
}
