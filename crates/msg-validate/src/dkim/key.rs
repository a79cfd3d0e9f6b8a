use super::{
    signature::base64,
    tags::{TagList, entries},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::{fmt, str::FromStr};

/// A key record: what a domain publishes at `selector._domainkey.domain` (RFC 6376 §3.6.1).
///
/// It prints as one text for the DNS, in canonical form.
///
/// ```
/// use msg_validate::dkim::KeyRecord;
/// let record: KeyRecord = "p=; t=y:s; n=gone".parse()?;
/// assert!(record.is_revoked() && record.is_testing() && record.is_strict());
/// assert_eq!(record.to_string(), "v=DKIM1; k=rsa; t=y:s; n=gone; p=");
/// # Ok::<(), msg_validate::dkim::KeyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    key_type: KeyType,
    // Lists are in lower case, with colons and without white space.
    /// Hashes in `h=`; all are allowed where it is missing.
    hashes: Option<String>,
    services: Option<String>,
    flags: Option<String>,
    notes: Option<String>,
    key: Vec<u8>,
}

/// `k=` of a key record.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyType {
    /// `p=` is DER, as SubjectPublicKeyInfo or RSAPublicKey.
    Rsa,
    /// `p=` is 32 octets (RFC 8463 §4.2).
    Ed25519,
}

/// Why a text is not a key record.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is longer than 16 KiB.
    #[error("key record too long")]
    TooLong,
    /// It is not a tag list, or has a tag twice (RFC 6376 §3.2).
    #[error("malformed key record")]
    Malformed,
    /// `v=` is not `DKIM1`, or not the first tag (RFC 6376 §3.6.1).
    #[error("not a record of version DKIM1")]
    Version,
    /// `k=` is of a type that is not known.
    #[error("unknown key type")]
    UnknownType,
    /// `p=` is missing or not base64.
    #[error("no public key in base64")]
    NoKey,
}

impl KeyError {
    /// Whether a later try may help: never, the text itself is wrong.
    pub fn is_temporary(&self) -> bool {
        false
    }
}

impl KeyRecord {
    /// Most octets of a record: RSA of 8192 bits needs 1,400.
    pub const MAX_OCTETS: usize = 16 * 1024;

    /// A record that allows everything, of a public key in the form that its type demands.
    pub(super) fn new(key_type: KeyType, key: Vec<u8>) -> Self {
        Self {
            key_type,
            hashes: None,
            services: None,
            flags: None,
            notes: None,
            key,
        }
    }

    /// Reads the text of a TXT record, its strings put together (RFC 6376 §3.6.2.2).
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn parse(octets: &[u8]) -> Result<Self, KeyError> {
        if octets.len() > Self::MAX_OCTETS {
            return Err(KeyError::TooLong);
        }
        let tags = TagList::parse(octets).map_err(|_| KeyError::Malformed)?;
        // RFC 6376 §3.6.1: v= "MUST be the first tag in the record. Records beginning with a "v="
        // tag with any other value MUST be discarded."
        if let Some(version) = tags.value("v")
            && (version != "DKIM1" || tags.iter().next() != Some(("v", version)))
        {
            return Err(KeyError::Version);
        }
        let key_type = match tags.value("k") {
            None => KeyType::Rsa,
            Some(k) if k.eq_ignore_ascii_case("rsa") => KeyType::Rsa,
            Some(k) if k.eq_ignore_ascii_case("ed25519") => KeyType::Ed25519,
            // RFC 6376 §3.6.1: "Unrecognized key types MUST be ignored."
            Some(_) => return Err(KeyError::UnknownType),
        };
        let list = |tag| Some(without_spaces(tags.value(tag)?));
        let key = tags.value("p").and_then(base64).ok_or(KeyError::NoKey)?;
        Ok(Self {
            key_type,
            hashes: list("h"),
            services: list("s"),
            flags: list("t"),
            notes: tags.value("n").map(str::to_owned),
            key,
        })
    }

    /// `k=`, RSA by default.
    pub fn key_type(&self) -> KeyType {
        self.key_type
    }

    /// `p=`, decoded; empty if the key was revoked.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// Whether the key was revoked: RFC 6376 §3.6.1, "An empty value means that this public key has
    /// been revoked".
    pub fn is_revoked(&self) -> bool {
        self.key.is_empty()
    }

    /// Whether SHA-256 may be used with the key: `h=` lists it, or is missing.
    pub fn allows_sha256(&self) -> bool {
        lists(self.hashes.as_deref().unwrap_or("sha256"), &["sha256"])
    }

    /// Whether the key may be used for mail: `s=` lists `email` or `*`, or is missing.
    pub fn allows_mail(&self) -> bool {
        lists(self.services.as_deref().unwrap_or("*"), &["email", "*"])
    }

    /// Flag `y`: the domain is only testing, and failures are to be treated as no signature.
    pub fn is_testing(&self) -> bool {
        lists(self.flags.as_deref().unwrap_or_default(), &["y"])
    }

    /// Flag `s`: the domain of `i=` must be `d=` itself.
    pub fn is_strict(&self) -> bool {
        lists(self.flags.as_deref().unwrap_or_default(), &["s"])
    }
}

fn lists(list: &str, wanted: &[&str]) -> bool {
    list.split(':').any(|entry| wanted.contains(&entry))
}

/// In lower case, white space around entries removed.
fn without_spaces(list: &str) -> String {
    let mut out = String::with_capacity(list.len());
    for (i, entry) in entries(list).enumerate() {
        if i > 0 {
            out.push(':');
        }
        out.push_str(entry);
    }
    out.make_ascii_lowercase();
    out
}

impl FromStr for KeyRecord {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::parse(text.as_bytes())
    }
}

impl fmt::Display for KeyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("v=DKIM1; k=")?;
        f.write_str(match self.key_type {
            KeyType::Rsa => "rsa",
            KeyType::Ed25519 => "ed25519",
        })?;
        if let Some(hashes) = &self.hashes {
            write!(f, "; h={hashes}")?;
        }
        if let Some(services) = &self.services {
            write!(f, "; s={services}")?;
        }
        if let Some(flags) = &self.flags {
            write!(f, "; t={flags}")?;
        }
        if let Some(notes) = &self.notes {
            write!(f, "; n={notes}")?;
        }
        write!(f, "; p={}", STANDARD.encode(&self.key))
    }
}
