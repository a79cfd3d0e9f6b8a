//! Whether a path of certificates can be trusted: webpki's path building, and what it leaves out.

use super::walk::Walk;
use crate::{
    Class, Crypto, Reason,
    cert::{Certificate, PublicKey, Validity, Version, key_usage},
};
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use std::{cell::Cell, time::Duration};
use webpki::{EndEntityCert, KeyUsage, VerifiedPath};

/// What the paths of one server are made of.
pub(super) struct Paths<'a> {
    pub(super) leaf: &'a EndEntityCert<'a>,
    pub(super) walk: &'a Walk<'a>,
    pub(super) pool: &'a [CertificateDer<'a>],
    pub(super) crypto: &'a Crypto,
    /// Seconds since 1970.
    pub(super) now: i64,
    /// How many paths may still be built.
    pub(super) budget: &'a Cell<usize>,
}

impl<'a> Paths<'a> {
    /// Whether a certificate that a record of usage 2 is about has issued the path, and at which
    /// depth it then is.
    pub(super) fn to_certificate(&self, at: usize) -> Result<usize, Reason> {
        let found = self.walk.found().get(at).ok_or(Reason::UnknownIssuer)?;
        let anchor = found.certificate;
        may_issue(&anchor)?;
        let der = CertificateDer::from(anchor.der);
        let trusted = webpki::anchor_from_trusted_cert(&der).map_err(|e| reason(&e))?;
        let depth = self.with_dates(&[trusted], &|path| {
            let path = self.issuers(path)?;
            respects_path_length(&anchor, &path)?;
            Ok(path.len() + 1)
        })?;
        within(anchor.validity, self.now)?;
        Ok(depth)
    }

    /// Whether a key that no certificate has, but which signed what names `issuer`, has issued the
    /// path. The depth is that of what it signed.
    pub(super) fn to_key(&self, issuer: &[u8], key: &[u8]) -> Result<usize, Reason> {
        let trusted = TrustAnchor {
            subject: issuer.into(),
            subject_public_key_info: key.into(),
            name_constraints: None,
        };
        self.with_dates(&[trusted], &|path| Ok(self.issuers(path)?.len()))
    }

    /// Whether what leads to the server, by names, leads from a root.
    pub(super) fn name_a_root(&self, anchors: &[TrustAnchor<'_>]) -> bool {
        let found = self.walk.found().iter();
        let mut roots = found.filter(|f| anchors.iter().any(|a| is_of(&f.certificate, a)));
        roots.next().is_some()
    }

    /// Whether there is a path to a root, of issuers that together pass a test. The test gives the
    /// result; it gets the certificates above the server's, the root among them.
    pub(super) fn to_root(
        &self,
        anchors: &[TrustAnchor<'_>],
        roots: &[CertificateDer<'_>],
        test: &dyn Fn(&[Certificate<'_>]) -> Result<usize, Reason>,
    ) -> Result<usize, Reason> {
        self.with_dates(anchors, &|path| {
            let mut above = self.issuers(path)?;
            // Several certificates may be of the same root.
            let named = roots
                .iter()
                .filter_map(|der| Certificate::parse(der))
                .filter(|root| is_of(root, path.anchor()));
            let mut result = Err(Reason::UnknownIssuer);
            for root in named {
                above.push(root);
                result = test(&above).and_then(|depth| {
                    respects_path_length(&root, above.get(..above.len() - 1).unwrap_or_default())?;
                    within(root.validity, self.now)?;
                    Ok(depth)
                });
                if result.is_ok() {
                    break;
                }
                above.pop();
            }
            result
        })
    }

    /// The intermediate certificates of a path, from the server's side, if each may sign
    /// certificates: webpki does not look at that.
    fn issuers(&self, path: &VerifiedPath<'_>) -> Result<Vec<Certificate<'a>>, Reason> {
        let certificates = path.intermediate_certificates().map(|issuer| {
            let of_pool = self.pool.iter().find(|der| **der == issuer.der());
            of_pool.and_then(|der| Certificate::parse(der))
        });
        let mut all = Vec::new();
        for certificate in certificates {
            let certificate = certificate.ok_or(Reason::Malformed)?;
            if !certificate.allows(key_usage::CERT_SIGN) {
                return Err(Reason::KeyUsage);
            }
            all.push(certificate);
        }
        Ok(all)
    }

    /// Builds a path as of now. Where the dates are wrong, they are the reason if there would be a
    /// path at another time, and otherwise what is wrong besides.
    fn with_dates(
        &self,
        anchors: &[TrustAnchor<'_>],
        accept: &dyn Fn(&VerifiedPath<'_>) -> Result<usize, Reason>,
    ) -> Result<usize, Reason> {
        let date = match self.build(anchors, self.now, self.pool, accept) {
            Err(date @ (Reason::Expired | Reason::NotYetValid)) => date,
            result => return result,
        };
        // If all of a path are ever valid together, they are when the first of them expires.
        let found = self.walk.found().iter().map(|found| &found.certificate);
        let all = std::iter::once(&self.walk.leaf).chain(found);
        let mut times: Vec<_> = all
            .map(|certificate| certificate.validity.not_after)
            .collect();
        times.sort_unstable();
        times.dedup();
        let mut reason = date;
        for time in times {
            let valid = |der: &&CertificateDer<'_>| {
                Certificate::parse(der).is_some_and(|c| within(c.validity, time).is_ok())
            };
            let pool: Vec<_> = self.pool.iter().filter(valid).cloned().collect();
            match self.build(anchors, time, &pool, accept) {
                Ok(_) => return Err(date),
                Err(other) if other.class() == Class::Untrusted => {
                    if !matches!(other, Reason::UnknownIssuer | Reason::Limit) {
                        reason = other;
                    }
                }
                Err(_) => {}
            }
        }
        Err(reason)
    }

    fn build(
        &self,
        anchors: &[TrustAnchor<'_>],
        at: i64,
        pool: &[CertificateDer<'_>],
        accept: &dyn Fn(&VerifiedPath<'_>) -> Result<usize, Reason>,
    ) -> Result<usize, Reason> {
        if !self.walk.leaf.allows(key_usage::TLS) {
            return Err(Reason::KeyUsage);
        }
        let left = self.budget.get().checked_sub(1).ok_or(Reason::Limit)?;
        self.budget.set(left);
        let result = Cell::new(Err(Reason::UnknownIssuer));
        let test = |path: &VerifiedPath<'_>| {
            result.set(accept(path));
            result
                .get()
                .map(|_| ())
                .map_err(|_| webpki::Error::UnknownIssuer)
        };
        let time = Duration::from_secs(u64::try_from(at).unwrap_or(0));
        // A copy of an anchor is no way to it, and a fault of a copy is not one of the path. But what
        // another has issued for an anchor is a way to that other.
        let is_anchor = |der: &&CertificateDer<'_>| {
            Certificate::parse(der).is_some_and(|certificate| {
                (certificate.is_self_issued() || anchors.len() == 1)
                    && anchors.iter().any(|anchor| is_of(&certificate, anchor))
            })
        };
        let pool: Vec<_> = pool.iter().filter(|der| !is_anchor(der)).cloned().collect();
        let built = self.leaf.verify_for_usage(
            self.crypto.signatures(),
            anchors,
            &pool,
            UnixTime::since_unix_epoch(time),
            KeyUsage::server_auth(),
            None,
            Some(&test),
        );
        match built {
            Ok(_) => result.get(),
            // That, or what the test found wrong with the last path.
            Err(webpki::Error::UnknownIssuer) => {
                Err(result.get().err().unwrap_or(Reason::UnknownIssuer))
            }
            Err(error) => Err(reason(&error)),
        }
    }
}

impl Certificate<'_> {
    /// Whether the key may be used for one of these (RFC 5280 §4.2.1.3); for anything where the
    /// certificate does not say.
    fn allows(&self, usages: u16) -> bool {
        let said = self.extensions.and_then(|e| e.key_usage);
        said.is_none_or(|bits| bits & usages != 0)
    }
}

/// Whether a certificate has the name and the key of an anchor.
fn is_of(certificate: &Certificate<'_>, anchor: &TrustAnchor<'_>) -> bool {
    let key = PublicKey::parse(certificate.spki).map(|key| key.content);
    let of_anchor = (
        anchor.subject.as_ref(),
        anchor.subject_public_key_info.as_ref(),
    );
    key.is_some_and(|key| (certificate.subject, key) == of_anchor)
}

/// Whether a certificate may be a trust anchor for servers, dates aside: webpki takes the caller's
/// word for it.
fn may_issue(anchor: &Certificate<'_>) -> Result<(), Reason> {
    let Some(extensions) = &anchor.extensions else {
        // Version 1 has no way to say that it is an authority; such roots have issued themselves.
        let may = anchor.version == Version::One && anchor.is_self_issued();
        return may.then_some(()).ok_or(Reason::NotACa);
    };
    if extensions.unknown_critical {
        return Err(Reason::CriticalExtension);
    }
    // RFC 5280 §4.2.1.9: "If the basic constraints extension is not present in a version 3
    // certificate, or the extension is present but the cA boolean is not asserted, then the
    // certified public key MUST NOT be used to verify certificate signatures."
    if !extensions.basic_constraints.is_some_and(|b| b.ca) {
        return Err(Reason::NotACa);
    }
    if !anchor.allows(key_usage::CERT_SIGN) {
        return Err(Reason::KeyUsage);
    }
    if extensions.for_servers == Some(false) {
        return Err(Reason::Purpose);
    }
    Ok(())
}

/// RFC 5280 §4.2.1.9: the number of intermediate certificates that follow, those that have issued
/// themselves not counted.
fn respects_path_length(issuer: &Certificate<'_>, below: &[Certificate<'_>]) -> Result<(), Reason> {
    let constraints = issuer.extensions.and_then(|e| e.basic_constraints);
    let count = below.iter().filter(|c| !c.is_self_issued()).count() as u64;
    match constraints.and_then(|b| b.path_length) {
        Some(most) if count > most => Err(Reason::PathLength),
        _ => Ok(()),
    }
}

fn within(validity: Validity, now: i64) -> Result<(), Reason> {
    if now > validity.not_after {
        return Err(Reason::Expired);
    }
    if now < validity.not_before {
        return Err(Reason::NotYetValid);
    }
    Ok(())
}

fn reason(error: &webpki::Error) -> Reason {
    use webpki::Error;
    match error {
        Error::CertExpired { .. } => Reason::Expired,
        Error::CertNotValidYet { .. } => Reason::NotYetValid,
        Error::UnknownIssuer => Reason::UnknownIssuer,
        Error::InvalidSignatureForPublicKey | Error::SignatureAlgorithmMismatch => {
            Reason::BadSignature
        }
        Error::UnsupportedSignatureAlgorithmContext(_)
        | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => Reason::Algorithm,
        Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => Reason::Purpose,
        Error::NameConstraintViolation | Error::MalformedNameConstraint => Reason::NameConstraint,
        Error::PathLenConstraintViolated => Reason::PathLength,
        Error::CaUsedAsEndEntity => Reason::CaAsServer,
        Error::EndEntityUsedAsCa => Reason::NotACa,
        Error::UnsupportedCriticalExtension => Reason::CriticalExtension,
        Error::MaximumSignatureChecksExceeded
        | Error::MaximumPathBuildCallsExceeded
        | Error::MaximumPathDepthExceeded
        | Error::MaximumNameConstraintComparisonsExceeded => Reason::Limit,
        _ => Reason::Malformed,
    }
}
