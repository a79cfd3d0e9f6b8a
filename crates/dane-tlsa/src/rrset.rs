use crate::{CertificateUsage, MatchingType, Roots, Selector, Tlsa, cert};
use std::{marker::PhantomData, sync::Arc};

/// The TLSA records of one name. `S` is their DNSSEC status: only an `RrSet<Secure>` authenticates
/// anything (RFC 6698 §4.1, RFC 7672 §2.1.1).
///
/// An `RrSet<Secure>` is made by a look-up whose answer is secure, or by
/// [`assume_secure`](RrSet::assume_secure), which has that name to be found by a search.
///
/// ```
/// use dane_tlsa::{RrSet, Tlsa};
/// let record: Tlsa = format!("3 1 1 {}", "ab".repeat(32)).parse()?;
/// assert!(RrSet::new([record]).assume_secure().usable_for_smtp().is_some());
/// # Ok::<(), dane_tlsa::RecordError>(())
/// ```
///
/// Without it, this does not compile:
///
/// ```compile_fail,E0599
/// use dane_tlsa::{RrSet, Tlsa};
/// let record: Tlsa = format!("3 1 1 {}", "ab".repeat(32)).parse()?;
/// assert!(RrSet::new([record]).usable_for_smtp().is_some());
/// # Ok::<(), dane_tlsa::RecordError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RrSet<S> {
    records: Arc<[Tlsa]>,
    status: PhantomData<S>,
}

/// The status of records that DNSSEC vouches for, up to a trust anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Secure;

/// The status of records that nobody has vouched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unproven;

/// The records of an [`RrSet<Secure>`] that can authenticate a server: at least one, and of those
/// with digests the strongest alone (RFC 7671 §9).
#[derive(Clone, Debug)]
pub struct Usable {
    records: Vec<Tlsa>,
    roots: Option<Arc<Roots>>,
}

/// Which protocol asks.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// SMTP: usages 2 and 3 alone.
    Smtp,
    /// A protocol whose clients have public roots: all four usages.
    WithRoots,
}

/// Why a record cannot authenticate anything. It is passed over (RFC 6698 §4.1).
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unusable {
    /// Usages 0 and 1, of SMTP (RFC 7672 §3.1.3).
    #[error("certificate usages 0 and 1 are not for SMTP")]
    UsageNotForSmtp,
    /// A certificate usage without a meaning.
    #[error("unassigned certificate usage")]
    Usage,
    /// A selector without a meaning.
    #[error("unassigned selector")]
    Selector,
    /// A matching type without a meaning.
    #[error("unassigned matching type")]
    MatchingType,
    /// A digest that has not the length of its algorithm.
    #[error("digest of a wrong length")]
    DigestLength,
    /// Data that should be a certificate, and has not the form of one.
    #[error("data that is no certificate")]
    Certificate,
    /// Data that should be a SubjectPublicKeyInfo, and has not the form of one.
    #[error("data that is no public key")]
    PublicKey,
}

impl Unusable {
    /// A name for logs and programs, which stays: `dane.unusable.digest-length`.
    pub fn code(self) -> &'static str {
        match self {
            Self::UsageNotForSmtp => "dane.unusable.usage-not-for-smtp",
            Self::Usage => "dane.unusable.usage",
            Self::Selector => "dane.unusable.selector",
            Self::MatchingType => "dane.unusable.matching-type",
            Self::DigestLength => "dane.unusable.digest-length",
            Self::Certificate => "dane.unusable.certificate",
            Self::PublicKey => "dane.unusable.public-key",
        }
    }
}

impl Tlsa {
    /// Whether this record can be used by a protocol.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn usability(&self, protocol: Protocol) -> Result<(), Unusable> {
        match (self.usage(), protocol) {
            (CertificateUsage::DaneTa | CertificateUsage::DaneEe, _) => {}
            (CertificateUsage::PkixTa | CertificateUsage::PkixEe, Protocol::WithRoots) => {}
            // RFC 7672 §3.1.3: "SMTP client treatment of TLSA RRs with certificate usages PKIX-TA(0)
            // or PKIX-EE(1) is undefined. As with any other unsupported certificate usage, SMTP
            // clients MAY treat such records as 'unusable'."
            (CertificateUsage::PkixTa | CertificateUsage::PkixEe, Protocol::Smtp) => {
                return Err(Unusable::UsageNotForSmtp);
            }
            (CertificateUsage::Unassigned(_), _) => return Err(Unusable::Usage),
        }
        if let Selector::Unassigned(_) = self.selector() {
            return Err(Unusable::Selector);
        }
        let octets = match (self.matching(), self.selector()) {
            (MatchingType::Full, Selector::Cert) => {
                return cert::spki(self.data()).map_or(Err(Unusable::Certificate), |_| Ok(()));
            }
            (MatchingType::Full, _) => {
                return cert::PublicKey::parse(self.data())
                    .map_or(Err(Unusable::PublicKey), |_| Ok(()));
            }
            (MatchingType::Sha256, _) => 32,
            (MatchingType::Sha512, _) => 64,
            (MatchingType::Unassigned(_), _) => return Err(Unusable::MatchingType),
        };
        match self.data().len() == octets {
            true => Ok(()),
            false => Err(Unusable::DigestLength),
        }
    }
}

impl<S> RrSet<S> {
    fn of(records: impl Into<Arc<[Tlsa]>>) -> Self {
        Self {
            records: records.into(),
            status: PhantomData,
        }
    }

    /// The records, in the order of the answer.
    pub fn records(&self) -> &[Tlsa] {
        &self.records
    }
}

impl RrSet<Unproven> {
    /// Records from anywhere.
    pub fn new(records: impl Into<Arc<[Tlsa]>>) -> Self {
        Self::of(records)
    }

    /// Takes them for secure without a proof. Whoever calls this has one of his own, such as a file
    /// on disk or a validating resolver that this crate does not know; everybody who can change the
    /// records can impersonate the server.
    #[must_use]
    pub fn assume_secure(self) -> RrSet<Secure> {
        RrSet::of(self.records)
    }
}

impl RrSet<Secure> {
    /// From an answer whose status is secure: for adapters alone.
    pub(crate) fn proved(records: impl Into<Arc<[Tlsa]>>) -> Self {
        Self::of(records)
    }

    /// The records for SMTP: usages 2 and 3. `None` where there is none: then the connection is
    /// encrypted, but nobody is authenticated (RFC 7672 §2.2).
    pub fn usable_for_smtp(&self) -> Option<Usable> {
        Usable::select(&self.records, Protocol::Smtp, None)
    }

    /// The records for a protocol whose clients have public roots: all usages.
    pub fn usable_with_roots(&self, roots: Arc<Roots>) -> Option<Usable> {
        Usable::select(&self.records, Protocol::WithRoots, Some(roots))
    }
}

impl Usable {
    fn select(records: &[Tlsa], protocol: Protocol, roots: Option<Arc<Roots>>) -> Option<Self> {
        let usable = records.iter().filter(|r| r.usability(protocol).is_ok());
        let mut records: Vec<Tlsa> = usable.cloned().collect();
        keep_strongest(&mut records);
        (!records.is_empty()).then_some(Self { records, roots })
    }

    /// The records, in the order of the answer.
    pub fn records(&self) -> &[Tlsa] {
        &self.records
    }

    /// What usages 0 and 1 need; `None` for SMTP.
    pub fn roots(&self) -> Option<&Roots> {
        self.roots.as_deref()
    }
}

/// RFC 7671 §9: of the records of one usage and selector that have a digest, those with the strongest
/// one decide, and weaker ones are passed over. Full data is no digest: it is always kept.
fn keep_strongest(records: &mut Vec<Tlsa>) {
    // The number of the matching type grows with the strength; what is not usable is gone already.
    let mut strongest = [[MatchingType::Full; 2]; 4];
    for record in &*records {
        if let Some(best) = cell(&mut strongest, record) {
            *best = record.matching().max(*best);
        }
    }
    records.retain(|record| {
        let best = cell(&mut strongest, record).copied();
        record.matching() == MatchingType::Full || Some(record.matching()) == best
    });
}

fn cell<'a, T>(table: &'a mut [[T; 2]; 4], record: &Tlsa) -> Option<&'a mut T> {
    let of_usage = table.get_mut(usize::from(u8::from(record.usage())))?;
    of_usage.get_mut(usize::from(u8::from(record.selector())))
}
