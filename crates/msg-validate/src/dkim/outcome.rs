use super::names::SignedFields;
use mail_dns::Failure;
use std::{cmp::Ordering, fmt, sync::Arc};

/// What became of one signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dkim {
    pub(super) reason: DkimReason,
    pub(super) domain: Option<String>,
    pub(super) selector: Option<String>,
    pub(super) identity: Option<String>,
    pub(super) algorithm: Option<Algorithm>,
    pub(super) key_bits: Option<usize>,
    pub(super) testing: Testing,
    pub(super) body_limit: Option<u64>,
    pub(super) signed_at: Option<u64>,
    pub(super) expires_at: Option<u64>,
    /// Shared, as there can be many; none where that is not known.
    pub(super) fields: Option<Arc<SignedFields>>,
}

/// Whether the key record says `t=y` (RFC 6376 §3.6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Testing {
    No,
    Yes,
}

/// Results of DKIM, in the spelling of RFC 8601 §2.7.1.
#[allow(clippy::exhaustive_enums)] // complete by RFC 8601 §2.7.1
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DkimResult {
    /// The message was not signed.
    None,
    /// The signature is good.
    Pass,
    /// The signature, or the hash of the body, is not that of this message.
    Fail,
    /// Signed, but in a way that is not acceptable here: historic algorithms, too many signatures.
    Policy,
    /// Signed in a way that this verifier cannot judge.
    Neutral,
    /// The key could not be had; a later try may help.
    TempError,
    /// The signature or its key cannot be used, and never will.
    PermError,
}

impl fmt::Display for DkimResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Policy => "policy",
            Self::Neutral => "neutral",
            Self::TempError => "temperror",
            Self::PermError => "permerror",
        })
    }
}

/// Signature algorithms that can pass (RFC 8301 §3.1, RFC 8463 §3).
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RsaSha256,
    /// Ed25519 over a SHA-256 hash.
    Ed25519Sha256,
}

/// The name as in `a=`.
impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RsaSha256 => "rsa-sha256",
            Self::Ed25519Sha256 => "ed25519-sha256",
        })
    }
}

/// Why a signature got its result. [`Display`](fmt::Display) gives a sentence for a person.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DkimReason {
    /// The signature is good.
    Valid,
    /// The body was changed after signing (RFC 6376 §3.7).
    BodyHash,
    /// A signed header field was changed after signing, or the signature was made up.
    Signature,
    /// Not a tag list (RFC 6376 §3.2).
    Syntax,
    /// A tag stands twice (RFC 6376 §3.2).
    DuplicateTag,
    /// A required tag is missing (RFC 6376 §3.5).
    MissingTag(&'static str),
    /// The value of a tag is not what RFC 6376 §3.5 allows.
    BadTag(&'static str),
    /// `v=` is not `1`.
    Version,
    /// `a=` names an algorithm that this crate does not know.
    UnknownAlgorithm,
    /// `a=rsa-sha1` (RFC 8301 §3.1).
    Sha1,
    /// `h=` does not list From (RFC 6376 §5.4).
    FromNotSigned,
    /// `i=` does not lie within `d=` (RFC 6376 §3.5).
    IdentityOutsideDomain,
    /// `q=` offers no way to get the key that is known here.
    QueryMethod,
    /// `x=` has passed.
    Expired,
    /// `t=` lies in the future.
    SignedInFuture,
    /// `x=` is not later than `t=`.
    ExpiresBeforeSigned,
    /// `l=` counts more octets than the body has (RFC 6376 §3.5).
    BodyShorterThanLimit,
    /// `h=` has more entries than [`Limits::signed_fields`](crate::Limits::signed_fields).
    TooManyFields,
    /// Signatures beyond [`Limits::signatures`](crate::Limits::signatures), not looked at.
    TooManySignatures,
    /// The DNS gave no answer about the key.
    KeyUnavailable(Failure),
    /// There is no key record.
    NoKey,
    /// The key record cannot be read (RFC 6376 §3.6.1), or is longer than 16 KiB.
    KeySyntax,
    /// The key was revoked: `p=` is empty.
    KeyRevoked,
    /// The key record's `h=` does not allow SHA-256.
    KeyHash,
    /// The key record's `s=` does not allow mail.
    KeyService,
    /// The key is of another type than `a=` needs.
    KeyType,
    /// The key says `t=s`, and the domain of `i=` is not `d=` itself.
    KeyStrict,
    /// RSA of less than 1024 bits (RFC 8301 §3.2).
    KeyTooShort,
    /// RSA of more than 8192 bits, which costs too much to verify.
    KeyTooLong,
}

impl DkimReason {
    /// The result that follows.
    pub fn result(self) -> DkimResult {
        match self {
            Self::Valid => DkimResult::Pass,
            Self::BodyHash | Self::Signature => DkimResult::Fail,
            // RFC 8301 §3.1: signatures with rsa-sha1 "have permanently failed evaluation".
            // RFC 8601 §2.7.1, policy: "some aspect of the signature or signatures was not
            // acceptable to the ADMD".
            Self::Sha1 | Self::KeyTooShort | Self::KeyTooLong => DkimResult::Policy,
            Self::TooManyFields | Self::TooManySignatures => DkimResult::Policy,
            // RFC 6376 §3.3: "Verifiers [...] SHOULD ignore signatures" of unknown algorithms.
            Self::UnknownAlgorithm => DkimResult::Neutral,
            Self::KeyUnavailable(_) => DkimResult::TempError,
            _ => DkimResult::PermError,
        }
    }

    /// Stable code for machines, such as `dkim.body-hash`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Valid => "dkim.valid",
            Self::BodyHash => "dkim.body-hash",
            Self::Signature => "dkim.signature",
            Self::Syntax => "dkim.syntax",
            Self::DuplicateTag => "dkim.duplicate-tag",
            Self::MissingTag(_) => "dkim.missing-tag",
            Self::BadTag(_) => "dkim.bad-tag",
            Self::Version => "dkim.version",
            Self::UnknownAlgorithm => "dkim.unknown-algorithm",
            Self::Sha1 => "dkim.sha1",
            Self::FromNotSigned => "dkim.from-not-signed",
            Self::IdentityOutsideDomain => "dkim.identity-outside-domain",
            Self::QueryMethod => "dkim.query-method",
            Self::Expired => "dkim.expired",
            Self::SignedInFuture => "dkim.signed-in-future",
            Self::ExpiresBeforeSigned => "dkim.expires-before-signed",
            Self::BodyShorterThanLimit => "dkim.l-beyond-body",
            Self::TooManyFields => "dkim.too-many-fields",
            Self::TooManySignatures => "dkim.too-many-signatures",
            Self::KeyUnavailable(_) => "dkim.key-unavailable",
            Self::NoKey => "dkim.no-key",
            Self::KeySyntax => "dkim.key-syntax",
            Self::KeyRevoked => "dkim.key-revoked",
            Self::KeyHash => "dkim.key-hash",
            Self::KeyService => "dkim.key-service",
            Self::KeyType => "dkim.key-type",
            Self::KeyStrict => "dkim.key-strict",
            Self::KeyTooShort => "dkim.key-too-short",
            Self::KeyTooLong => "dkim.key-too-long",
        }
    }
}

impl fmt::Display for DkimReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Valid => "the signature is good",
            Self::BodyHash => "the body is not the one that was signed",
            Self::Signature => "the signature does not match the header fields that it covers",
            Self::Syntax => "the signature is malformed",
            Self::DuplicateTag => "the signature has a tag twice",
            Self::MissingTag(tag) => return write!(f, "the signature has no tag {tag}="),
            Self::BadTag(tag) => return write!(f, "the signature's tag {tag}= is malformed"),
            Self::Version => "the signature's version is not 1",
            Self::UnknownAlgorithm => "the signature's algorithm is not known",
            Self::Sha1 => "the signature uses SHA-1, which no longer counts",
            Self::FromNotSigned => "the signature does not cover From",
            Self::IdentityOutsideDomain => "the signature speaks for somebody outside its domain",
            Self::QueryMethod => "the signature's key is not in the DNS",
            Self::Expired => "the signature has expired",
            Self::SignedInFuture => "the signature was made in the future",
            Self::ExpiresBeforeSigned => "the signature expires before it was made",
            Self::BodyShorterThanLimit => "the signature covers more than there is of the body",
            Self::TooManyFields => "the signature lists too many header fields",
            Self::TooManySignatures => "more signatures than are looked at",
            Self::KeyUnavailable(failure) => {
                return write!(f, "the key could not be looked up: {failure}");
            }
            Self::NoKey => "there is no key for the signature in the DNS",
            Self::KeySyntax => "the key in the DNS is malformed",
            Self::KeyRevoked => "the key was revoked",
            Self::KeyHash => "the key may not be used with SHA-256",
            Self::KeyService => "the key may not be used for mail",
            Self::KeyType => "the key is of another type than the signature",
            Self::KeyStrict => "the key may not be used for subdomains",
            Self::KeyTooShort => "the key has less than 1024 bits",
            Self::KeyTooLong => "the key has more than 8192 bits",
        })
    }
}

/// How well a signature protects the fields of one name.
#[allow(clippy::exhaustive_enums)] // there is no fifth way
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Coverage {
    /// Not in `h=`: can be changed and added to at will.
    Unsigned,
    /// Fewer are signed than there are: the upper ones are not.
    Partly,
    /// All that are there are signed; another one can be added on top.
    Signed,
    /// `h=` lists more than there are: none can be added (RFC 6376 §8.15).
    Oversigned,
}

impl Dkim {
    /// The result in RFC 8601 spelling.
    pub fn result(&self) -> DkimResult {
        self.reason.result()
    }

    /// Why.
    pub fn reason(&self) -> DkimReason {
        self.reason
    }

    /// `d=` as it stands in the message; none if it is not a domain name.
    pub fn domain(&self) -> Option<&str> {
        self.domain.as_deref()
    }

    /// `s=` as it stands in the message; none if it is not a selector.
    pub fn selector(&self) -> Option<&str> {
        self.selector.as_deref()
    }

    /// `i=`, decoded, or `@` and `d=` where it is missing.
    pub fn identity(&self) -> Option<&str> {
        self.identity.as_deref()
    }

    /// `a=`, if it is one that could pass.
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.algorithm
    }

    /// Bits of the key that was used: the modulus of RSA, 256 for Ed25519.
    pub fn key_bits(&self) -> Option<usize> {
        self.key_bits
    }

    /// Whether the domain is only testing DKIM (`t=y`, RFC 6376 §3.6.1).
    pub fn is_testing(&self) -> bool {
        self.testing == Testing::Yes
    }

    /// `l=`: octets of the canonical body that are covered; what follows can be anything.
    pub fn body_limit(&self) -> Option<u64> {
        self.body_limit
    }

    /// `t=`, seconds since 1970.
    pub fn signed_at(&self) -> Option<u64> {
        self.signed_at
    }

    /// `x=`, seconds since 1970.
    pub fn expires_at(&self) -> Option<u64> {
        self.expires_at
    }

    /// The names in `h=`, in lower case, each once, in the order of their first mention.
    pub fn signed_fields(&self) -> impl Iterator<Item = &str> {
        let fields = self.fields.iter().flat_map(|fields| fields.iter());
        fields.map(|(name, ..)| name)
    }

    /// How well the fields of this name are protected, if the signature passes.
    pub fn covers(&self, name: &str) -> Coverage {
        let mut fields = self.fields.iter().flat_map(|fields| fields.iter());
        match fields.find(|(field, ..)| field.eq_ignore_ascii_case(name)) {
            None => Coverage::Unsigned,
            Some((_, listed, present)) => match listed.cmp(&present) {
                Ordering::Less => Coverage::Partly,
                Ordering::Equal => Coverage::Signed,
                Ordering::Greater => Coverage::Oversigned,
            },
        }
    }

    /// Whether an RSA key has less than 2048 bits (RFC 8301 §3.2: signers "SHOULD use RSA keys of
    /// at least 2048 bits").
    pub fn has_weak_key(&self) -> bool {
        self.algorithm == Some(Algorithm::RsaSha256) && self.key_bits.is_some_and(|b| b < 2048)
    }
}
