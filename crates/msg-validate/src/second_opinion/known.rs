//! Where mail-auth 0.13.3 is known to judge otherwise, with the text that decides.

use super::Ours;
use crate::{
    dkim::{Coverage, DkimReason},
    message::Field,
    spf::Cause,
};
use mail_auth::{DkimResult, Error, common::parse::TxtRecordParser, dkim::DkimError, dmarc};
use mail_dns::{Name, Record, RecordType, Txt};

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
    matches!(ours, Ours::Dkim(dkim, ..) if reasons.contains(&dkim.reason()))
}

/// mail-auth reads the clock of the machine; ours is an argument. Both want `x=` to be later than
/// `t=`, so where it says that a good signature has expired, it is the clocks that differ.
fn clock(ours: Ours<'_>) -> bool {
    let expired = DkimResult::Neutral(Error::Dkim(DkimError::SignatureExpired));
    matches!(ours, Ours::Dkim(dkim, Some(theirs), _)
        if dkim.reason() == DkimReason::Valid && *theirs.result() == expired)
}

/// mail-auth refuses every limit but 0, which it takes for none.
fn body_limit(ours: Ours<'_>) -> bool {
    matches!(ours, Ours::Dkim(dkim, theirs, _) if match dkim.body_limit() {
        None => false,
        Some(0) => matches!(dkim.reason(), DkimReason::Valid | DkimReason::BodyHash),
        Some(_) => dkim.reason() == DkimReason::Valid && theirs.is_none(),
    })
}

/// To mail-auth a line of white space at the end of a relaxed body is not empty.
fn blank_lines(ours: Ours<'_>) -> bool {
    let changed = DkimResult::Neutral(Error::Dkim(DkimError::FailedBodyHashMatch));
    let Ours::Dkim(dkim, Some(theirs), message) = ours else {
        return false;
    };
    let text = message.body().trim_ascii_end();
    let end = message.body().get(text.len()..).unwrap_or_default();
    // What comes first is the end of the last line with text, if there is one.
    let mut lines = end.split(|&octet| octet == b'\n');
    if !text.is_empty() {
        lines.next();
    }
    dkim.reason() == DkimReason::Valid
        && *theirs.result() == changed
        && lines.any(|line| line.contains(&b' ') || line.contains(&b'\t'))
}

/// mail-auth keeps white space at the end of a relaxed name.
fn space_before_colon(ours: Ours<'_>) -> bool {
    let Ours::Dkim(dkim, _, message) = ours else {
        return false;
    };
    let signed = |field: &Field<'_>| {
        let name = str::from_utf8(field.name()).unwrap_or_default();
        field.has_space_before_colon() && dkim.covers(name) != Coverage::Unsigned
    };
    dkim.reason() == DkimReason::Valid && message.fields().iter().any(signed)
}

/// Whether this is true of the records that look like policies at the author's domain, or at a name
/// above it.
fn policies(ours: Ours<'_>, wanted: fn(&[&Txt]) -> bool) -> bool {
    let Ours::Dmarc(dmarc, facts) = ours else {
        return false;
    };
    let mut names = std::iter::successors(dmarc.domain().cloned(), Name::parent);
    names.any(|name| {
        let name = name.prefixed("_dmarc").ok();
        let answer = name.and_then(|name| facts.known(&name, RecordType::Txt));
        let texts = answer.into_iter().flatten();
        let texts = texts.filter_map(|record| match record {
            Record::Txt(text) if is_policy(&text.joined()) => Some(text),
            _ => None,
        });
        wanted(&texts.collect::<Vec<_>>())
    })
}

const POLICY: &[u8] = b"v=DMARC1";

/// In whatever case.
fn is_policy(text: &[u8]) -> bool {
    let start = text.get(..POLICY.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(POLICY))
}

/// mail-auth takes the version in any case.
fn policy_version(ours: Ours<'_>) -> bool {
    policies(ours, |texts| {
        texts.iter().any(|text| !text.joined().starts_with(POLICY))
    })
}

/// mail-auth takes the first one.
fn several_policies(ours: Ours<'_>) -> bool {
    policies(ours, |texts| texts.len() > 1)
}

/// mail-auth refuses the record for one tag that it cannot read.
fn policy_syntax(ours: Ours<'_>) -> bool {
    policies(
        ours,
        |texts| matches!(texts, [text] if dmarc::Dmarc::parse(&text.joined()).is_err()),
    )
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
        code: "dkim.blank-lines",
        rfc: "RFC 6376 §3.4.4",
        quote: "Ignore all empty lines at the end of the message body.",
        covers: blank_lines,
    },
    KnownDifference {
        code: "dkim.space-before-colon",
        rfc: "RFC 6376 §3.4.2",
        quote: "Delete any WSP characters remaining before and after the colon separating the header \
                field name from the header field value.",
        covers: space_before_colon,
    },
    KnownDifference {
        code: "dkim.clock",
        rfc: "RFC 6376 §3.5",
        quote: "Signatures MAY be considered invalid if the verification time at the Verifier is \
                past the expiration date.",
        covers: clock,
    },
    KnownDifference {
        code: "dmarc.several-records",
        rfc: "RFC 9989 §4.10",
        quote: "If multiple DMARC Policy Records are returned for a single target, they are all \
                discarded.",
        covers: several_policies,
    },
    KnownDifference {
        code: "dmarc.version",
        rfc: "RFC 9989 §4.7",
        quote: "If the tag is not the first in the list, or the tag is absent, or the value is not \
                \"DMARC1\", then the entire record MUST be ignored.",
        covers: policy_version,
    },
    KnownDifference {
        code: "dmarc.syntax",
        rfc: "RFC 9989 §4.8",
        quote: "Syntax errors in the remainder of the record MUST be discarded in favor of default \
                values (if any) or ignored outright.",
        covers: policy_syntax,
    },
];
