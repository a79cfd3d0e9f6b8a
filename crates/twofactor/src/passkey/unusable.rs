/// Why the answer of a browser is of no use. Only the first reason that is found is given; none is a secret.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unusable {
    /// It is longer than [`MAX_ANSWER`](super::MAX_ANSWER) octets.
    TooLong,
    /// It is not what the standard describes: not JSON, not base64url, not CBOR, or something is missing.
    Malformed,
    /// There is no such challenge: it was answered before, has expired, or is another user's.
    Gone,
    /// It was a [`LIFETIME`](super::LIFETIME) or longer until it came.
    Expired,
    /// It answers the other ceremony: a login instead of a registration, or the reverse.
    Ceremony,
    /// It answers another challenge.
    Challenge,
    /// The page that asked for it is another site's: somebody may have been phished.
    Origin,
    /// The page that asked for it was embedded in another site's.
    CrossOrigin,
    /// The authenticator made it for another relying party.
    RelyingParty,
    /// Nobody was there: the authenticator was not touched.
    NotPresent,
    /// The authenticator verified nobody, though it did when the passkey was registered.
    NotVerified,
    /// The user has no such passkey.
    Unknown,
    /// The authenticator holds it for another user.
    OtherUser,
    /// The signature is not the passkey's.
    Signature,
    /// The counter of signatures did not go on: there may be a copy of the authenticator.
    Copied,
    /// Whether it can be copied to other devices is not what it was, or contradicts itself.
    Backup,
    /// The user has this passkey already.
    Present,
    /// Its key or algorithm is none that was asked for.
    Algorithm,
    /// What came along about the make of the authenticator does not hold.
    Attestation,
}

impl Unusable {
    /// A stable code for logs, metrics and programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::TooLong => "passkey.too-long",
            Self::Malformed => "passkey.malformed",
            Self::Gone => "passkey.gone",
            Self::Expired => "passkey.expired",
            Self::Ceremony => "passkey.ceremony",
            Self::Challenge => "passkey.challenge",
            Self::Origin => "passkey.origin",
            Self::CrossOrigin => "passkey.cross-origin",
            Self::RelyingParty => "passkey.relying-party",
            Self::NotPresent => "passkey.not-present",
            Self::NotVerified => "passkey.not-verified",
            Self::Unknown => "passkey.unknown",
            Self::OtherUser => "passkey.other-user",
            Self::Signature => "passkey.signature",
            Self::Copied => "passkey.copied",
            Self::Backup => "passkey.backup",
            Self::Present => "passkey.present",
            Self::Algorithm => "passkey.algorithm",
            Self::Attestation => "passkey.attestation",
        }
    }
}
