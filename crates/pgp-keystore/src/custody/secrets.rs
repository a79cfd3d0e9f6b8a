//! The secrets of one key, each component wrapped by itself.

use std::fmt;
use std::time::SystemTime;

use zeroize::Zeroizing;

use super::wrap::{self, OVERHEAD, Place};
use super::{AccountId, CustodyError, Session};
use crate::Fingerprint;
use crate::octets::{Reader, Writer};

const FORMAT: u8 = 1;
/// Most components of a key.
pub const MAX_PARTS: usize = 64;
/// Most octets of a component.
const MAX_PART: usize = 64 << 10;

/// Who can open the secrets of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "each account has two keys")]
pub enum Custody {
    /// The user alone, by passphrase or recovery key: the server cannot sign or decrypt by itself.
    Passphrase,
    /// The server, too, by its [`Kek`](super::Kek).
    Server,
}

impl Custody {
    fn code(self) -> u8 {
        match self {
            Self::Passphrase => 1,
            Self::Server => 2,
        }
    }
}

impl fmt::Display for Custody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passphrase => "passphrase",
            Self::Server => "server",
        })
    }
}

/// The secret of one component: a primary key or a subkey. It is wiped when it is dropped.
#[derive(Clone)]
pub struct SecretPart {
    key: Fingerprint,
    octets: Zeroizing<Vec<u8>>,
}

impl SecretPart {
    /// By the component's own fingerprint: its secret, as an OpenPGP packet or however you like.
    pub fn new(key: Fingerprint, octets: impl Into<Vec<u8>>) -> Self {
        Self {
            key,
            octets: Zeroizing::new(octets.into()),
        }
    }

    /// The component's fingerprint.
    #[must_use]
    pub fn key(&self) -> Fingerprint {
        self.key
    }

    /// The secret.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }
}

impl fmt::Debug for SecretPart {
    /// Only the fingerprint.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SecretPart").field(&self.key).finish()
    }
}

/// The secrets of a key, wrapped: what its record in a store holds.
///
/// Each component is bound to the account, the certificate, itself, the custody and the version of the record. Whoever
/// keeps the record keeps the version elsewhere, too (the store of this crate: with the certificate), and counts it up with
/// each change: an earlier record in the place of this one does not open.
#[derive(Clone, PartialEq, Eq)]
pub struct KeySecrets {
    custody: Custody,
    version: u64,
    parts: Vec<(Fingerprint, Vec<u8>)>,
}

impl KeySecrets {
    /// Wraps the components of `certificate`.
    ///
    /// # Errors
    ///
    /// [`CustodyError::SessionOver`]; [`CustodyError::UsersOnly`] if the custody is [`Custody::Passphrase`] and the session
    /// the server's; [`CustodyError::Limit`] for more than [`MAX_PARTS`] components, one twice, or one of more than 64 KiB.
    pub fn seal(
        session: &Session,
        certificate: Fingerprint,
        custody: Custody,
        version: u64,
        parts: &[SecretPart],
        now: SystemTime,
    ) -> Result<Self, CustodyError> {
        let mut keys: Vec<Fingerprint> = parts.iter().map(SecretPart::key).collect();
        keys.sort_unstable();
        keys.dedup();
        let small = parts.iter().all(|part| part.octets.len() <= MAX_PART);
        if parts.len() > MAX_PARTS || keys.len() != parts.len() || !small {
            return Err(CustodyError::Limit {
                what: "the components of a key",
            });
        }
        let account = session.account();
        let parts = session.with_key(custody, now, |key| {
            let wrapped = parts.iter().map(|part| {
                let place = place(account, certificate, part.key, custody, version);
                let wrapped = wrap::wrap(key, place.as_bytes(), &part.octets)?;
                Ok((part.key, wrapped))
            });
            wrapped.collect::<Result<Vec<_>, CustodyError>>()
        })?;
        Ok(Self {
            custody,
            version,
            parts,
        })
    }

    /// Opens all of them, if they are of this certificate and this version.
    ///
    /// # Errors
    ///
    /// [`CustodyError::DoesNotOpen`] if one of them is not what was sealed here; [`CustodyError::SessionOver`];
    /// [`CustodyError::UsersOnly`].
    pub fn open(
        &self,
        session: &Session,
        certificate: Fingerprint,
        version: u64,
        now: SystemTime,
    ) -> Result<Vec<SecretPart>, CustodyError> {
        let account = session.account();
        if self.version != version {
            return Err(CustodyError::DoesNotOpen);
        }
        session.with_key(self.custody, now, |key| {
            let opened = self.parts.iter().map(|(part, wrapped)| {
                let place = place(account, certificate, *part, self.custody, version);
                let octets = wrap::unwrap(key, place.as_bytes(), wrapped)?;
                Ok(SecretPart { key: *part, octets })
            });
            opened.collect()
        })
    }

    /// Who can open them.
    #[must_use]
    pub fn custody(&self) -> Custody {
        self.custody
    }

    /// The version of the record.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Whose secrets these are: the fingerprints of the components.
    pub fn keys(&self) -> impl Iterator<Item = Fingerprint> {
        self.parts.iter().map(|(key, _)| *key)
    }

    /// As it is stored. Format 1: the octet 1, the custody (1 passphrase, 2 server), the version in eight octets; then for
    /// each component its fingerprint and what is wrapped.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let head = Writer::default()
            .u8(FORMAT)
            .u8(self.custody.code())
            .u64(self.version);
        let all = self.parts.iter().fold(head, |to, (key, wrapped)| {
            to.octets(key.as_bytes()).octets(wrapped)
        });
        all.finish()
    }

    /// Reads what is stored.
    ///
    /// # Errors
    ///
    /// [`CustodyError::Malformed`], [`CustodyError::Format`].
    pub fn from_bytes(octets: &[u8]) -> Result<Self, CustodyError> {
        if let Some(&found) = octets.first()
            && found > FORMAT
        {
            let known = FORMAT;
            return Err(CustodyError::Format { found, known });
        }
        let wanted = "the secrets of a key";
        read(octets).ok_or(CustodyError::Malformed { wanted })
    }
}

fn read(octets: &[u8]) -> Option<KeySecrets> {
    let mut from = Reader::new(octets);
    if from.u8()? != FORMAT {
        return None;
    }
    let code = from.u8()?;
    let custody = [Custody::Passphrase, Custody::Server]
        .into_iter()
        .find(|custody| custody.code() == code)?;
    let version = from.u64()?;
    let mut parts = Vec::new();
    while !from.is_empty() {
        let key = Fingerprint::from_bytes(from.octets()?).ok()?;
        let wrapped = from.octets()?;
        let fits = (OVERHEAD..=OVERHEAD + MAX_PART).contains(&wrapped.len());
        if !fits || parts.len() == MAX_PARTS {
            return None;
        }
        parts.push((key, wrapped.to_vec()));
    }
    Some(KeySecrets {
        custody,
        version,
        parts,
    })
}

fn place(
    account: &AccountId,
    certificate: Fingerprint,
    key: Fingerprint,
    custody: Custody,
    version: u64,
) -> Place {
    Place::new("secret of a component", account)
        .with(certificate.as_bytes())
        .with(key.as_bytes())
        .with(&[custody.code()])
        .with(&version.to_be_bytes())
}

impl fmt::Debug for KeySecrets {
    /// Whose they are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySecrets")
            .field("custody", &self.custody)
            .field("version", &self.version)
            .field("keys", &self.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
