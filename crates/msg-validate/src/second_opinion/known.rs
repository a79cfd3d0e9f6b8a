//! Where mail-auth 0.13.3 is known to judge otherwise, with the text that decides.

use super::Ours;
use crate::{
    dkim::{DkimReason, DkimResult},
    spf::Cause,
};

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
    matches!(ours, Ours::Dkim(dkim) if reasons.contains(&dkim.reason()))
}

/// Each has a vector of its code in `tests/vectors/second-opinion.toml`.
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
        code: "dkim.sha1",
        rfc: "RFC 8301 §3.1",
        quote: "rsa-sha1 MUST NOT be used for signing or verifying.",
        covers: |ours| dkim(ours, &[DkimReason::Sha1]),
    },
    KnownDifference {
        code: "dkim.duplicate-tag",
        rfc: "RFC 6376 §3.2",
        quote: "Tags with duplicate names MUST NOT occur within a single tag-list",
        covers: |ours| dkim(ours, &[DkimReason::DuplicateTag]),
    },
    KnownDifference {
        code: "dkim.from-not-signed",
        rfc: "RFC 6376 §5.4",
        quote: "The From header field MUST be signed",
        covers: |ours| dkim(ours, &[DkimReason::FromNotSigned]),
    },
    KnownDifference {
        code: "dkim.body-limit",
        rfc: "RFC 6376 §3.5",
        quote: "l= Body length count (plain-text unsigned decimal integer; OPTIONAL, default is \
                entire body).",
        covers: |ours| matches!(ours, Ours::Dkim(dkim) if dkim.body_limit().is_some()),
    },
    KnownDifference {
        // mail-auth reads the clock of the machine; ours is an argument.
        code: "dkim.clock",
        rfc: "RFC 6376 §3.5",
        quote: "Signatures MAY be considered invalid if the verification time at the Verifier is \
                past the expiration date.",
        covers: |ours| {
            dkim(ours, &[DkimReason::Expired, DkimReason::SignedInFuture])
                || matches!(ours, Ours::Dkim(dkim)
                    if dkim.result() == DkimResult::Pass && dkim.expires_at().is_some())
        },
    },
];
