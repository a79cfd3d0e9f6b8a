//! Why a certificate, a key or a signature counts, or does not.

use std::fmt;

/// What a [`Reason`] comes down to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "what decides on it must say something on each"
)]
pub enum State {
    /// Changed, or never made by this key.
    Bad,
    /// Nothing can be said: a key is missing, or something is not understood.
    Unknown,
    /// By the key's owner it no longer counts.
    Revoked,
    /// Its time is over, or has not come.
    Expired,
    /// It is right, but made in a way that others can imitate by now.
    Weak,
    /// It counts.
    Valid,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bad => "bad",
            Self::Unknown => "unknown",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::Weak => "weak",
            Self::Valid => "valid",
        })
    }
}

/// The reason, with a code that stays the same from release to release.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Nothing speaks against it.
    Valid,
    /// The key is over its time.
    Expired,
    /// The key begins later.
    NotYetValid,
    /// The signature is over its own time.
    SignatureExpired,
    /// The signature is dated later than now.
    SignatureInFuture,
    /// Revoked because others may have the secret key: nothing that it ever made counts.
    Compromised,
    /// Revoked in favour of another one: what was made before still counts.
    Superseded,
    /// Revoked because it is no longer used.
    Retired,
    /// The user ID is no longer right.
    UserIdInvalid,
    /// Revoked without a reason: as if compromised.
    RevokedWithoutReason,
    /// Bound or signed with a hash that is no longer safe.
    WeakHash,
    /// An algorithm, or a key size, that is no longer safe.
    WeakAlgorithm,
    /// It is marked as critical, and not understood.
    CriticalUnknown,
    /// No signature of the primary key binds it.
    Unbound,
    /// The backend, or this crate, does not know the algorithm or version.
    Unsupported,
    /// The key is not for this use.
    WrongUse,
    /// There is no such key among those that were given.
    UnknownKey,
    /// The signature cannot be read.
    Malformed,
    /// The signature does not fit: the content or the signature was changed, or another key made it.
    Altered,
    /// The signature names recipients, and this key is none of them: somebody may have passed the message on in its
    /// author's name (RFC 9580 §5.2.3.36).
    OtherRecipient,
    /// The signature is about the encrypted octets, not the content.
    AroundEncryption,
}

impl Reason {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.entry().1
    }

    /// What it comes down to.
    #[must_use]
    pub fn state(self) -> State {
        self.entry().0
    }

    /// Whether it is because of a revocation that also takes what was made before it.
    #[must_use]
    pub fn is_compromise(self) -> bool {
        matches!(self, Self::Compromised | Self::RevokedWithoutReason)
    }

    fn entry(self) -> (State, &'static str, &'static str) {
        use State::*;
        match self {
            Self::Valid => (Valid, "pgp.valid", "nothing speaks against it"),
            Self::Expired => (Expired, "pgp.expired", "the key is over its time"),
            Self::NotYetValid => (Expired, "pgp.not-yet", "the key begins later"),
            Self::SignatureExpired => (
                Expired,
                "pgp.signature-expired",
                "the signature is over its time",
            ),
            Self::SignatureInFuture => (
                Expired,
                "pgp.signature-in-future",
                "the signature is dated later than now",
            ),
            Self::Compromised => (
                Revoked,
                "pgp.compromised",
                "revoked: others may have the secret key",
            ),
            Self::Superseded => (
                Revoked,
                "pgp.superseded",
                "revoked in favour of another key",
            ),
            Self::Retired => (Revoked, "pgp.retired", "revoked, as it is no longer used"),
            Self::UserIdInvalid => (
                Revoked,
                "pgp.user-id-invalid",
                "the user ID is no longer right",
            ),
            Self::RevokedWithoutReason => (
                Revoked,
                "pgp.revoked",
                "revoked without a reason, as if compromised",
            ),
            Self::WeakHash => (
                Weak,
                "pgp.weak-hash",
                "made with a hash that is no longer safe",
            ),
            Self::WeakAlgorithm => (
                Weak,
                "pgp.weak-algorithm",
                "an algorithm or key size that is no longer safe",
            ),
            Self::CriticalUnknown => (
                Unknown,
                "pgp.critical-unknown",
                "something critical is not understood",
            ),
            Self::Unbound => (
                Unknown,
                "pgp.unbound",
                "no signature of the primary key binds it",
            ),
            Self::Unsupported => (
                Unknown,
                "pgp.unsupported",
                "this build does not know the algorithm",
            ),
            Self::WrongUse => (Bad, "pgp.wrong-use", "the key is not for this use"),
            Self::UnknownKey => (Unknown, "pgp.unknown-key", "the key is not known"),
            Self::Malformed => (Bad, "pgp.malformed", "the signature cannot be read"),
            Self::Altered => (Bad, "pgp.altered", "the signature does not fit the content"),
            Self::OtherRecipient => (
                Bad,
                "pgp.other-recipient",
                "signed for other recipients than this one",
            ),
            Self::AroundEncryption => (
                Unknown,
                "pgp.around-encryption",
                "the signature is about encrypted octets",
            ),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (state, code, words) = self.entry();
        write!(f, "{state} ({code}): {words}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_valid_is_valid_and_codes_are_told_apart() {
        use Reason::*;
        let all = [
            Valid,
            Expired,
            NotYetValid,
            SignatureExpired,
            SignatureInFuture,
            Compromised,
            Superseded,
            Retired,
            UserIdInvalid,
            RevokedWithoutReason,
            WeakHash,
            WeakAlgorithm,
            CriticalUnknown,
            Unbound,
            Unsupported,
            WrongUse,
            UnknownKey,
            Malformed,
            Altered,
            OtherRecipient,
            AroundEncryption,
        ];
        let mut codes: Vec<_> = all.iter().map(|reason| reason.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), all.len());
        let valid: Vec<_> = all.iter().filter(|r| r.state() == State::Valid).collect();
        assert_eq!(valid, [&Valid]);
        assert!(all.iter().all(|reason| reason.state() <= State::Valid));
    }
}
