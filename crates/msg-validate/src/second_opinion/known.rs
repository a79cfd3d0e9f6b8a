//! Where mail-auth 0.13.3 is known to judge otherwise, with the text that decides.

use super::Ours;
use crate::{dkim::DkimReason, spf::Cause};
use mail_auth::{DkimResult, Error, dkim::DkimError};

/// A difference that is to be expected, because of what an RFC says.
#[derive(Debug)]
pub struct KnownDifference {
    code: &'static str,
    rfc: &'static str,
    quote: &'static str,
    covers: fn(Ours<'_>) -> bool,
}

impl KnownDifference {
    /// Stable code for machines.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// Which section decides.
    pub fn rfc(&self) -> &'static str {
        self.rfc
    }

    /// What it says.
    pub fn quote(&self) -> &'static str {
        self.quote
    }

    pub(super) fn covers(&self, ours: Ours<'_>) -> bool {
        (self.covers)(ours)
    }
}

impl PartialEq for KnownDifference {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code
    }
}

impl Eq for KnownDifference {}

fn spf(ours: Ours<'_>, cause: fn(&Cause) -> bool) -> bool {
    matches!(ours, Ours::Spf(identity) if identity.cause().is_some_and(cause))
}

fn dkim(ours: Ours<'_>, reasons: &[DkimReason]) -> bool {
    matches!(ours, Ours::Dkim(dkim, _) if reasons.contains(&dkim.reason()))
}

/// mail-auth reads the clock of the machine; ours is an argument. Both want `x=` to be later than
/// `t=`, so where it says that a good signature has expired, it is the clocks that differ.
fn clock(ours: Ours<'_>) -> bool {
    let expired = DkimResult::Neutral(Error::Dkim(DkimError::SignatureExpired));
    matches!(ours, Ours::Dkim(dkim, Some(theirs))
        if dkim.reason() == DkimReason::Valid && *theirs.result() == expired)
}

/// mail-auth refuses every limit but 0, which it takes for none.
fn body_limit(ours: Ours<'_>) -> bool {
    matches!(ours, Ours::Dkim(dkim, theirs) if match dkim.body_limit() {
        None => false,
        Some(0) => matches!(dkim.reason(), DkimReason::Valid | DkimReason::BodyHash),
        Some(_) => dkim.reason() == DkimReason::Valid && theirs.is_none(),
    })
}

/// Each has a vector of its code in `tests/vectors/second-opinion.toml`. There is none for signatures
/// that are refused before their key is asked for: of those there is no second opinion.
pub(super) const KNOWN: &[KnownDifference] = &[
    KnownDifference {
        code: "spf.void-limit",
        rfc: "RFC 7208 §4.6.4",
        quote: "SPF implementations SHOULD limit \"void lookups\" to two.",
        covers: |ours| spf(ours, |cause| matches!(cause, Cause::VoidLimit { .. })),
    },
    KnownDifference {
        code: "spf.syntax",
        rfc: "RFC 7208 §4.6",
        quote: "if there are any syntax errors anywhere in the record, check_host() returns \
                immediately with the result \"permerror\"",
        covers: |ours| spf(ours, |cause| matches!(cause, Cause::Syntax { .. })),
    },
    KnownDifference {
        code: "spf.several-records",
        rfc: "RFC 7208 §4.5",
        quote: "If the resultant record set includes more than one record, check_host() produces \
                the \"permerror\" result.",
        covers: |ours| spf(ours, |cause| matches!(cause, Cause::SeveralRecords { .. })),
    },
    KnownDifference {
        code: "dkim.body-limit",
        rfc: "RFC 6376 §3.7",
        quote: "the Signer/Verifier MUST hash the message body, canonicalized using the body \
                canonicalization algorithm specified in the \"c=\" tag and then truncated to the \
                length specified in the \"l=\" tag.",
        covers: body_limit,
    },
    KnownDifference {
        code: "dkim.key-hash",
        rfc: "RFC 6376 §6.1.2",
        quote: "If the \"h=\" tag exists in the public-key record and the hash algorithm implied by the \
                \"a=\" tag in the DKIM-Signature header field is not included in the contents of the \
                \"h=\" tag, the Verifier MUST ignore the key record",
        covers: |ours| dkim(ours, &[DkimReason::KeyHash]),
    },
    KnownDifference {
        code: "dkim.key-service",
        rfc: "RFC 6376 §3.6.1",
        quote: "Verifiers for a given service type MUST ignore this record if the appropriate type is \
                not listed.",
        covers: |ours| dkim(ours, &[DkimReason::KeyService]),
    },
    KnownDifference {
        code: "dkim.clock",
        rfc: "RFC 6376 §3.5",
        quote: "Signatures MAY be considered invalid if the verification time at the Verifier is \
                past the expiration date.",
        covers: clock,
    },
];
