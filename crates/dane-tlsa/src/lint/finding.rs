use crate::{Reason, Unusable};
use std::fmt;

/// One thing that [`lint`](fn@crate::lint) found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    code: LintCode,
    record: Option<usize>,
    depth: Option<usize>,
}

/// How grave it is.
#[allow(clippy::exhaustive_enums)] // to compare with
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Clients that follow the RFCs deliver nothing, or authenticate nobody.
    Error,
    /// Some clients do so, or all will after the next change or within the time of warning.
    Warning,
    /// It works, and could be better.
    Notice,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        })
    }
}

/// Makes the enum of findings with the severity, the code and the sentence of each.
macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident $(($detail:ident: $type:ty))? = $severity:ident $code:literal $text:literal,)+) => {
        /// What was found. Each has a name for programs, which stays.
        #[non_exhaustive]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum LintCode {
            $($(#[$doc])* $variant $(($type))?,)+
        }

        impl LintCode {
            /// The name: `dane.lint.no-match`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(codes!(@pattern $variant $($detail)?) => concat!("dane.lint.", $code),)+
                }
            }

            /// How grave it is.
            pub fn severity(self) -> Severity {
                match self {
                    $(codes!(@pattern $variant $($detail)?) => Severity::$severity,)+
                }
            }

            /// A sentence for a person.
            pub fn text(self) -> &'static str {
                match self {
                    $(codes!(@pattern $variant $($detail)?) => $text,)+
                }
            }

            /// One of each.
            #[cfg(test)]
            pub(crate) const ALL: &[&str] = &[$(concat!("dane.lint.", $code),)+];
        }
    };
    (@pattern $variant:ident) => { Self::$variant };
    (@pattern $variant:ident $detail:ident) => { Self::$variant(_) };
}

codes! {
    /// There is no record: nobody does DANE.
    NoRecords = Error "no-records" "there are no TLSA records",
    /// The server sends no certificate.
    NoChain = Error "no-chain" "the server sends no certificate",
    /// No record can be used (RFC 7672 §2.2): connections are encrypted, and nobody is authenticated.
    NoneUsable = Error "none-usable" "no record can be used: clients encrypt, and authenticate nobody",
    /// No record is about the chain: mail to this server is deferred (RFC 7672 §2.2).
    NoMatch = Error "no-match" "no record fits the chain: clients deliver nothing",
    /// A record of an authority fits, but the certificate has none of the expected names.
    NameMismatch = Error "name-mismatch" "the certificate has none of the expected names in its SAN, which usage 2 demands",
    /// A record of an authority fits, but a certificate is expired or not yet valid.
    Expired = Error "expired" "a certificate of the path is expired or not yet valid, which usage 2 does not allow",
    /// A record of an authority fits, but there is no valid path to it.
    Untrusted(why: Reason) = Error "untrusted" "there is no valid path from the server's certificate to the authority",

    /// Usages 0 and 1 are not for SMTP (RFC 7672 §3.1.3).
    UsageNotForSmtp = Warning "usage-not-for-smtp" "usages 0 and 1 are not for SMTP: the record is passed over",
    /// A digest that has not the length of its algorithm.
    DigestLength = Warning "digest-length" "the digest has not the length of its algorithm: the record is passed over",
    /// A record that cannot be used for another reason.
    Unusable(why: Unusable) = Warning "unusable" "the record cannot be used, and is passed over",
    /// These parameters by themselves do not authenticate the server, as RFC 7671 §8 demands of each
    /// combination.
    ParametersUnmatched = Warning "parameters-unmatched" "the records with this usage, selector and matching type do not authenticate the server by themselves: clients that know no other ones deliver nothing",
    /// A record of an authority by its digest, which the server does not send (RFC 7671 §5.2).
    AnchorNotSent = Warning "anchor-not-sent" "the authority of this record is not among the certificates that the server sends",
    /// A record of an authority that names the server's own certificate: it never fits.
    AnchorIsLeaf = Warning "anchor-is-leaf" "the record of an authority names the server's own certificate: it never fits",
    /// The authority of a record may not issue certificates.
    AnchorNotCa = Warning "anchor-not-ca" "the certificate of the authority may not issue certificates",
    /// A certificate that clients look at is outside of its dates, or almost so.
    Outdated = Warning "outdated" "the certificate is expired or not yet valid",
    /// A certificate that clients look at expires soon.
    ExpiresSoon = Warning "expires-soon" "the certificate expires soon",
    /// A certificate that clients look at is signed with a digest that they refuse.
    WeakSignature = Warning "weak-signature" "the certificate is signed with MD5 or SHA-1, which clients refuse",
    /// A certificate that cannot be read.
    UnreadableCertificate = Warning "unreadable-certificate" "the certificate cannot be read: it fits records of usage 3 at most",
    /// A record too large for an answer over UDP (RFC 7671 §10.1.2).
    LargeData = Warning "large-data" "the record is too large for an answer over UDP: some clients will not see it",
    /// More records, or more certificates, than are looked at.
    TooMany = Warning "too-many" "more records or certificates than are looked at",

    /// Clients look at the strongest digest of a usage and selector alone (RFC 7671 §9).
    WeakerDigest = Notice "weaker-digest" "clients pass over this digest, because of a stronger one for the same usage and selector",
    /// Whole data where a digest would do (RFC 7671 §10.1.2).
    FullData = Notice "full-data" "a digest would be smaller than the whole data",
    /// Selector 0 for the server's own certificate (RFC 7671 §5.1).
    RenewalChangesRecord = Notice "renewal-changes-record" "the record changes with each certificate, though the key stays: prefer selector 1",
    /// The server's own certificate is outside of its dates, which usage 3 does not look at.
    OutdatedUnchecked = Notice "outdated-unchecked" "the server's certificate is expired or not yet valid: usage 3 does not look at that, others may",
    /// A record that is about nothing that the server sends.
    Unrelated = Notice "unrelated" "the record is about another certificate: one to come, or left over",
    /// The same record twice.
    Duplicate = Notice "duplicate" "the same record stands there twice",
    /// Two records of one usage for the same certificate.
    Redundant = Notice "redundant" "another record with this usage names the same certificate: each has to be changed with it",
    /// All the records together are too large for an answer over UDP.
    LargeAnswer = Notice "large-answer" "the answer is too large for UDP: clients ask again over TCP",
    /// Nothing is there for the next certificate (RFC 7671 §8.1).
    NoNextRecord = Notice "no-next-record" "no record is there for the next key: publish one at least two TTLs before it is used",
    /// No rollover scheme as internet.nl knows it.
    NoRolloverScheme = Notice "no-rollover-scheme" "no rollover scheme as internet.nl tests it: two records 3 x x, or one of them and one 2 x x",
}

impl fmt::Display for LintCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Finding {
    pub(super) fn new(code: LintCode, record: Option<usize>, depth: Option<usize>) -> Self {
        Self {
            code,
            record,
            depth,
        }
    }

    /// What it is.
    pub fn code(&self) -> LintCode {
        self.code
    }

    /// How grave it is.
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }

    /// The record that it is about, counted from 0.
    pub fn record(&self) -> Option<usize> {
        self.record
    }

    /// The certificate that it is about, in the order in which they are sent: 0 is the server's own.
    pub fn depth(&self) -> Option<usize> {
        self.depth
    }
}

/// One line: severity, code, where, and what.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.severity(), self.code)?;
        if let Some(record) = self.record {
            write!(f, ", record {}", record + 1)?;
        }
        if let Some(depth) = self.depth {
            write!(f, ", certificate {depth}")?;
        }
        write!(f, ": {}", self.code.text())?;
        match self.code {
            LintCode::Unusable(why) => write!(f, " ({why})"),
            LintCode::Untrusted(why) => write!(f, " ({why})"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct() {
        let distinct: std::collections::BTreeSet<_> = LintCode::ALL.iter().collect();
        assert_eq!(distinct.len(), LintCode::ALL.len());
    }
}
