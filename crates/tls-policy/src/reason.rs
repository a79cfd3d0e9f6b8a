use std::fmt;

/// Why a [`Decision`](crate::Decision) is what it is.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The MX look-up failed (RFC 7672 §2.1).
    MxFailed,
    /// A look-up of addresses or TLSA records failed (RFC 7672 §2.1).
    DaneFailed,
    /// The MX host has usable TLSA records (RFC 7672 §2.2).
    DaneUsable,
    /// It has some, but nothing proves that it is the domain's host.
    DaneInsecureMx,
    /// Its TLSA records cannot be used (RFC 7672 §2.2).
    DaneUnusable,
    /// The domain's policy says `enforce` (RFC 8461 §5).
    StsEnforce,
    /// The policy does not name this host (RFC 8461 §4.1).
    StsMxMismatch,
    /// The policy could not be had, and somebody relies on it.
    StsFailed,
    /// The policy could not be had, and nobody relies on it (RFC 8461 §3.3).
    StsFailedOpen,
    /// The policy says `testing` (RFC 8461 §5).
    StsTesting,
    /// The policy says `none` (RFC 8461 §5).
    StsWithdrawn,
    /// The cache of policies could not be read.
    StsUnreadable,
    /// The memory could not be read.
    MemoryUnreadable,
    /// A domain that was verified no longer says how.
    MemoryDrop,
    /// The domain's signed zone used to demand encryption.
    MemoryEncrypted,
    /// Local rule `none`.
    RuleNone,
    /// Local rule `none`, but the sender wants TLS.
    RuleNoneBelowFloor,
    /// Local rule `may`.
    RuleMay,
    /// Local rule `encrypt`.
    RuleEncrypt,
    /// Local rule `verify`.
    RuleVerify,
    /// Local rule `dane-only`, and DANE is not to be had.
    RuleDaneOnly,
    /// Local rule `sts`, and no policy is enforced.
    RuleSts,
    /// The sender's floor is Encrypted.
    FloorEncrypted,
    /// The sender's floor is Verified, and the MX set is secure.
    FloorVerified,
    /// The sender's floor is Verified, and the MX set is not secure.
    FloorVerifiedDomain,
    /// REQUIRETLS, and the MX set is secure (RFC 8689 §4.2.1).
    RequireTlsVerified,
    /// REQUIRETLS, and nothing vouches for the MX host (RFC 8689 §4.2.1).
    RequireTlsInsecureMx,
    /// `TLS-Required: No` (RFC 8689 §4.2.2).
    TlsRequiredNo,
    /// Nobody asks for anything.
    NothingAsked,
}

impl Reason {
    /// Every reason, in the order of the documentation.
    pub const ALL: [Self; 29] = [
        Self::MxFailed,
        Self::DaneFailed,
        Self::DaneUsable,
        Self::DaneInsecureMx,
        Self::DaneUnusable,
        Self::StsEnforce,
        Self::StsMxMismatch,
        Self::StsFailed,
        Self::StsFailedOpen,
        Self::StsTesting,
        Self::StsWithdrawn,
        Self::StsUnreadable,
        Self::MemoryUnreadable,
        Self::MemoryDrop,
        Self::MemoryEncrypted,
        Self::RuleNone,
        Self::RuleNoneBelowFloor,
        Self::RuleMay,
        Self::RuleEncrypt,
        Self::RuleVerify,
        Self::RuleDaneOnly,
        Self::RuleSts,
        Self::FloorEncrypted,
        Self::FloorVerified,
        Self::FloorVerifiedDomain,
        Self::RequireTlsVerified,
        Self::RequireTlsInsecureMx,
        Self::TlsRequiredNo,
        Self::NothingAsked,
    ];

    /// A stable code, for logs and rules.
    pub fn code(self) -> &'static str {
        self.texts().0
    }

    const fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::MxFailed => (
                "mx.failed",
                "the mail hosts of the domain could not be looked up",
            ),
            Self::DaneFailed => (
                "dane.failed",
                "the addresses or TLSA records of the mail host could not be looked up",
            ),
            Self::DaneUsable => (
                "dane.usable",
                "the domain publishes by DNSSEC which certificate its mail host has",
            ),
            Self::DaneInsecureMx => (
                "dane.insecure-mx",
                "the mail host publishes its certificate by DNSSEC, but the domain does not sign which host it is",
            ),
            Self::DaneUnusable => (
                "dane.unusable",
                "the mail host has signed TLSA records, which promise TLS, but none that can be used",
            ),
            Self::StsEnforce => (
                "sts.enforce",
                "the domain's MTA-STS policy demands a valid certificate of this mail host",
            ),
            Self::StsMxMismatch => (
                "sts.mx-mismatch",
                "the domain's MTA-STS policy does not name this mail host",
            ),
            Self::StsFailed => (
                "sts.failed",
                "the domain's MTA-STS policy could not be had, and the sender or our memory relies on it",
            ),
            Self::StsFailedOpen => (
                "sts.failed-open",
                "the domain's MTA-STS policy could not be had; nothing was known of it before",
            ),
            Self::StsTesting => ("sts.testing", "the domain's MTA-STS policy is being tested"),
            Self::StsWithdrawn => (
                "sts.withdrawn",
                "the domain says by MTA-STS that it has no policy",
            ),
            Self::StsUnreadable => (
                "sts.unreadable",
                "our cache of MTA-STS policies could not be read",
            ),
            Self::MemoryUnreadable => (
                "memory.unreadable",
                "our memory of what domains used to offer could not be read",
            ),
            Self::MemoryDrop => (
                "memory.drop",
                "the domain used to prove who its mail hosts are and no longer does; an administrator has to look",
            ),
            Self::MemoryEncrypted => (
                "memory.encrypted",
                "the domain's signed zone used to promise TLS",
            ),
            Self::RuleNone => ("rule.none", "a local rule switches TLS off for the domain"),
            Self::RuleNoneBelowFloor => (
                "rule.none-below-floor",
                "a local rule switches TLS off for the domain, but the sender demands it",
            ),
            Self::RuleMay => ("rule.may", "a local rule makes TLS optional for the domain"),
            Self::RuleEncrypt => ("rule.encrypt", "a local rule demands TLS for the domain"),
            Self::RuleVerify => (
                "rule.verify",
                "a local rule demands a valid certificate for the domain",
            ),
            Self::RuleDaneOnly => (
                "rule.dane-only",
                "a local rule demands DANE, and the domain or its mail host does not offer it",
            ),
            Self::RuleSts => (
                "rule.sts",
                "a local rule demands MTA-STS, and no policy is in force",
            ),
            Self::FloorEncrypted => ("floor.encrypted", "the sender demands TLS"),
            Self::FloorVerified => (
                "floor.verified",
                "the sender demands a verified peer; the domain signs which mail host it is",
            ),
            Self::FloorVerifiedDomain => (
                "floor.verified-domain",
                "the sender demands a verified peer; only a certificate for the domain's own name proves it",
            ),
            Self::RequireTlsVerified => (
                "requiretls.verified",
                "the message came with REQUIRETLS; the domain signs which mail host it is",
            ),
            Self::RequireTlsInsecureMx => (
                "requiretls.mx-insecure",
                "the message came with REQUIRETLS, and nothing vouches for the mail host",
            ),
            Self::TlsRequiredNo => (
                "tls-required.no",
                "the message asks to be delivered without regard to TLS",
            ),
            Self::NothingAsked => ("nothing.asked", "nobody asks for more than TLS if possible"),
        }
    }
}

/// A sentence for people.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.texts().1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_and_sentences_are_their_own() {
        let codes: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        let texts: BTreeSet<_> = Reason::ALL.iter().map(ToString::to_string).collect();
        assert_eq!(
            (codes.len(), texts.len()),
            (Reason::ALL.len(), Reason::ALL.len())
        );
        assert!(Reason::ALL.is_sorted(), "one is missing or out of order");
    }
}
