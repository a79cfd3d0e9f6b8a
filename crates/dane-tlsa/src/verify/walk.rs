//! Which certificates lead to the server's, by names and key identifiers alone. Whether the
//! signatures are right is another question.

use crate::cert::Certificate;
use rustls_pki_types::CertificateDer;
use std::collections::VecDeque;

/// A server's certificate and those that may lead to it.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    pub(super) leaf: Certificate<'a>,
    /// In the order in which they are found: the nearest first.
    found: Vec<Found<'a>>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'a> {
    pub(super) certificate: Certificate<'a>,
    /// 1 for what may have issued the server's.
    pub(super) depth: usize,
}

impl<'a> Walk<'a> {
    /// The server's certificate is none of the others, in whatever disguise: what has its name and
    /// its key is left out.
    pub(super) fn new(leaf: Certificate<'a>, pool: &'a [CertificateDer<'a>]) -> Self {
        let mut rest: Vec<Certificate<'a>> = Vec::new();
        for der in pool {
            if let Some(certificate) = Certificate::parse(der)
                && (certificate.subject, certificate.spki) != (leaf.subject, leaf.spki)
                && rest.iter().all(|other| *other.der != **der)
            {
                rest.push(certificate);
            }
        }
        let (mut found, mut waiting) = (Vec::new(), VecDeque::from([(leaf, 0)]));
        while let Some((issued, depth)) = waiting.pop_front() {
            let (issuers, others): (Vec<_>, _) =
                rest.into_iter().partition(|c| issued.names_as_issuer(c));
            rest = others;
            for certificate in issuers {
                let depth = depth + 1;
                waiting.push_back((certificate, depth));
                found.push(Found { certificate, depth });
            }
        }
        Self { leaf, found }
    }

    pub(super) fn found(&self) -> &[Found<'a>] {
        &self.found
    }
}
