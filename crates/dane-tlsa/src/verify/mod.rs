//! From records, names and certificates to a verdict.

mod parts;
mod path;
mod walk;

use crate::{
    CertificateUsage, Crypto, MatchingType, Reason, References, Roots, Selector, Tlsa, Usable,
    Verdict,
    cert::{Certificate, PublicKey},
};
use parts::Parts;
use path::Paths;
use rustls_pki_types::CertificateDer;
use std::{
    cell::{Cell, OnceCell},
    cmp::Reverse,
    time::{SystemTime, UNIX_EPOCH},
};
use walk::Walk;
use webpki::EndEntityCert;

/// Judges the certificates of a server by the TLSA records of its name.
///
/// It has no state that changes, and can be shared by any number of connections to that name, as
/// long as the records live.
#[derive(Clone, Debug)]
pub struct Matcher {
    usable: Usable,
    references: References,
    names: EndEntityNames,
    crypto: Crypto,
}

/// Whether usage 3 looks at names.
#[allow(clippy::exhaustive_enums)] // it does or it does not
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EndEntityNames {
    /// The record alone binds the key to the name (RFC 7671 §5.1, RFC 7672 §3.1.1). The default.
    #[default]
    Ignored,
    /// The certificate must be for one of the names, as OpenSSL has it by default: for protocols
    /// in which another server of the same key could be taken for this one.
    Checked,
}

/// The verdict of the record that came furthest.
struct Best<'a> {
    verdict: Verdict,
    names_fit: &'a dyn Fn() -> bool,
}

impl Matcher {
    /// Intermediate certificates of a server that are looked at, and full ones in records.
    pub const MAX_CERTIFICATES: usize = 32;
    /// Paths that are built for one verdict.
    pub const MAX_PATHS: usize = 32;
    /// Signatures of bare keys that are verified for one verdict, beside those of paths.
    pub const MAX_SIGNATURES: usize = 100;

    /// For the server whose records these are.
    pub fn new(usable: Usable, references: References, crypto: Crypto) -> Self {
        Self {
            usable,
            references,
            names: EndEntityNames::Ignored,
            crypto,
        }
    }

    /// The same, with another rule for the names under usage 3.
    #[must_use]
    pub fn with_end_entity_names(self, names: EndEntityNames) -> Self {
        Self { names, ..self }
    }

    /// The names that the server may have.
    pub fn references(&self) -> &References {
        &self.references
    }

    /// The records that decide.
    pub fn usable(&self) -> &Usable {
        &self.usable
    }

    /// Judges a server by what it presents: its own certificate, and in any order those that lead
    /// to it. The record that comes furthest decides; of several, the one nearest to the server.
    ///
    /// This does not show that the server has the key: TLS does, by its signature.
    pub fn check(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: SystemTime,
    ) -> Verdict {
        let mut leaf = Parts::new(end_entity);
        if self.names == EndEntityNames::Ignored {
            // RFC 7671 §5.1: names and dates of the certificate do not count, nor its issuer: most
            // servers are done here.
            let mut records = self.of_usage(CertificateUsage::DaneEe);
            if let Some(record) = records.find(|r| leaf.are_named_by(r, &self.crypto)) {
                return Verdict::new(Reason::Match, record, 0);
            }
        }
        let mut others = self.usable.records().iter();
        if self.names == EndEntityNames::Ignored
            && others.all(|r| r.usage() == CertificateUsage::DaneEe)
        {
            return Verdict::without_record(Reason::NoMatch);
        }
        self.check_path(end_entity, intermediates, leaf, seconds(now))
    }

    fn of_usage(&self, usage: CertificateUsage) -> impl Iterator<Item = &Tlsa> {
        let records = self.usable.records().iter();
        records.filter(move |record| record.usage() == usage)
    }

    fn check_path(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        mut parts: Parts<'_>,
        now: i64,
    ) -> Verdict {
        let leaf = EndEntityCert::try_from(end_entity).ok();
        let fit = OnceCell::new();
        let names_fit = || {
            let names = self.references.names();
            let is = |leaf: &EndEntityCert<'_>| {
                let mut names = names.iter();
                names.any(|name| leaf.verify_is_valid_for_subject_name(name).is_ok())
            };
            *fit.get_or_init(|| leaf.as_ref().is_some_and(is))
        };
        let mut best = Best {
            verdict: Verdict::without_record(Reason::NoMatch),
            names_fit: &names_fit,
        };
        for record in self.of_usage(CertificateUsage::DaneEe) {
            if parts.are_named_by(record, &self.crypto) {
                best.consider(record, Ok(0), 0);
            }
        }
        let mut others = self.usable.records().iter();
        if others.all(|r| r.usage() == CertificateUsage::DaneEe) {
            return best.verdict;
        }
        // Two read the certificate: they must see the same key in it.
        let outline = Certificate::parse(end_entity);
        let read = leaf
            .as_ref()
            .zip(outline)
            .filter(|(leaf, outline)| leaf.subject_public_key_info().as_ref() == outline.spki);
        let Some((leaf, outline)) = read else {
            best.without_record(Reason::UnsupportedCertificate);
            return best.verdict;
        };
        if intermediates.len() > Self::MAX_CERTIFICATES {
            best.without_record(Reason::Limit);
            return best.verdict;
        }
        // What nobody sends may be in the records, whole, or among the roots.
        let full = self.usable.records().iter().filter(|record| {
            let authority = matches!(
                record.usage(),
                CertificateUsage::PkixTa | CertificateUsage::DaneTa
            );
            authority
                && (record.selector(), record.matching()) == (Selector::Cert, MatchingType::Full)
        });
        let sent = intermediates.iter().map(|der| &**der);
        let known = sent.chain(full.take(Self::MAX_CERTIFICATES).map(Tlsa::data));
        let known: Vec<_> = known.map(CertificateDer::from).collect();
        let budget = Cell::new(Self::MAX_PATHS);
        let walk = Walk::new(outline, &known);
        let paths = |walk, pool| Paths {
            leaf,
            walk,
            pool,
            crypto: &self.crypto,
            now,
            budget: &budget,
        };
        // RFC 7671 §5.2.2: the certificate of a trust anchor is sent by the server, or stands in the
        // record; no root of ours helps out.
        self.check_dane_ta(&paths(&walk, &known), &mut best);
        if let Some(roots) = self.usable.roots() {
            let roots_too = roots.certificates().iter();
            let roots_too = roots_too.map(|der| CertificateDer::from(&**der));
            let known: Vec<_> = known.iter().cloned().chain(roots_too).collect();
            let walk = Walk::new(outline, &known);
            self.check_pkix(roots, &paths(&walk, &known), &mut parts, &mut best);
        }
        best.verdict
    }

    /// Usage 2: the authority is the trust anchor (RFC 7671 §5.2).
    fn check_dane_ta(&self, paths: &Paths<'_>, best: &mut Best<'_>) {
        let (mut above, mut signatures) = (above(paths), Self::MAX_SIGNATURES);
        // Several records may be about one certificate.
        let mut results = vec![None; above.len()];
        for record in self.of_usage(CertificateUsage::DaneTa) {
            let mut named = false;
            let found = paths.walk.found().iter().enumerate();
            for (((at, found), parts), result) in found.zip(&mut above).zip(&mut results) {
                if parts.are_named_by(record, &self.crypto) {
                    named = true;
                    let build = || paths.to_certificate(at);
                    best.consider(record, *result.get_or_insert_with(build), found.depth);
                }
            }
            if !named
                && (record.selector(), record.matching()) == (Selector::Spki, MatchingType::Full)
            {
                self.check_bare_key(record, paths, &mut signatures, best);
            }
        }
    }

    /// Usage 2 with a whole key that no certificate has: it may have signed one all the same
    /// (RFC 7671 §5.2.3).
    fn check_bare_key(
        &self,
        record: &Tlsa,
        paths: &Paths<'_>,
        signatures: &mut usize,
        best: &mut Best<'_>,
    ) {
        let Some(key) = PublicKey::parse(record.data()) else {
            return;
        };
        let leaf = &paths.walk.leaf;
        // The server's own key is no authority.
        if leaf.spki == record.data() {
            return;
        }
        let found = paths.walk.found().iter();
        let found = found.map(|found| (&found.certificate, found.depth));
        for (certificate, depth) in std::iter::once((leaf, 0)).chain(found) {
            let Some(left) = signatures.checked_sub(1) else {
                best.without_record(Reason::Limit);
                return;
            };
            *signatures = left;
            if self.crypto.has_signed(&key, certificate) {
                let result = paths.to_key(certificate.issuer, key.content);
                best.consider(record, result, depth);
            }
        }
    }

    /// Usages 0 and 1: the roots vouch for the server, and the record says which of their
    /// certificates it must be (RFC 6698 §2.1.1).
    fn check_pkix(
        &self,
        roots: &Roots,
        paths: &Paths<'_>,
        leaf: &mut Parts<'_>,
        best: &mut Best<'_>,
    ) {
        let mut above = above(paths);
        let (anchors, certificates) = (roots.anchors(), roots.certificates());
        let plain = OnceCell::new();
        let path = || *plain.get_or_init(|| paths.to_root(anchors, certificates, &|_| Ok(0)));
        for record in self.of_usage(CertificateUsage::PkixEe) {
            if leaf.are_named_by(record, &self.crypto) {
                best.consider(record, path(), 0);
            }
        }
        for record in self.of_usage(CertificateUsage::PkixTa) {
            let found = paths.walk.found().iter().zip(&mut above);
            let named = found.filter_map(|(found, parts)| {
                parts
                    .are_named_by(record, &self.crypto)
                    .then_some(found.depth)
            });
            let nearest = named.min();
            let test = |path: &[Certificate<'_>]| {
                let is = |c: &Certificate<'_>| Parts::new(c.der).are_named_by(record, &self.crypto);
                let at = path.iter().position(is).ok_or(Reason::UnknownIssuer)?;
                Ok(at + 1)
            };
            let result = nearest.map(|at| (at, paths.to_root(anchors, certificates, &test)));
            match (result, path()) {
                // Roots vouch for the server, but not by way of what the record is about.
                (None | Some((_, Err(Reason::UnknownIssuer))), Ok(_)) => {}
                (Some((at, result)), _) => best.consider(record, result, at),
                // There is no path on which the record could be about anything.
                (None, Err(_)) if !paths.name_a_root(anchors) => {
                    best.without_record(Reason::UnknownIssuer);
                }
                (None, Err(_)) => {}
            }
        }
    }
}

/// What records of usages 0 and 2 can be about.
fn above<'a>(paths: &Paths<'a>) -> Vec<Parts<'a>> {
    let found = paths.walk.found().iter();
    found
        .map(|found| Parts::new(found.certificate.der))
        .collect()
}

impl Best<'_> {
    /// A record that is about a certificate, and the depth that it has on a path, or why there is
    /// none; then it is where it was found.
    fn consider(&mut self, record: &Tlsa, path: Result<usize, Reason>, found_at: usize) {
        let (reason, depth) = match path {
            Ok(depth) if (self.names_fit)() => (Reason::Match, depth),
            Ok(depth) => (Reason::NameMismatch, depth),
            Err(reason) => (reason, found_at),
        };
        let key = |reason: Reason, depth: Option<usize>, usage: Option<CertificateUsage>| {
            (reason.class(), Reverse(depth.unwrap_or(usize::MAX)), usage)
        };
        let old = &self.verdict;
        let old = key(old.reason(), old.depth(), old.record().map(Tlsa::usage));
        if key(reason, Some(depth), Some(record.usage())) > old {
            self.verdict = Verdict::new(reason, record, depth);
        }
    }

    fn without_record(&mut self, reason: Reason) {
        let not_further = reason.class() <= self.verdict.class();
        let first = self.verdict.reason() == Reason::NoMatch;
        if !not_further || (first && reason.class() == self.verdict.class()) {
            self.verdict = Verdict::without_record(reason);
        }
    }
}

/// Seconds since 1970, before which they are negative.
fn seconds(now: SystemTime) -> i64 {
    let whole =
        |duration: std::time::Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    match now.duration_since(UNIX_EPOCH) {
        Ok(since) => whole(since),
        Err(before) => -whole(before.duration()),
    }
}
