//! A passkey as it is stored.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use data_encoding::BASE64URL_NOPAD;

use super::webauthn;
use crate::Error;
use crate::crypto;
use crate::decision::millis;
use crate::octets::{Reader, Writer};

/// Most octets of a stored passkey; one has some 700.
pub const MAX_PASSKEY: usize = 4096;
/// Most octets of a [`PasskeyName`].
pub const MAX_PASSKEY_NAME: usize = 64;
/// What the standard allows.
const MAX_CREDENTIAL: usize = 1023;
const FORMAT: u8 = 1;

/// By which an authenticator knows a user: 16 octets that say nothing about anybody, such as a keyed hash. The same for
/// all passkeys of one user, and never changed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct UserHandle(pub(super) [u8; 16]);

impl UserHandle {
    /// Takes one.
    #[must_use]
    pub fn new(octets: [u8; 16]) -> Self {
        Self(octets)
    }
}

/// The name of a credential, which its authenticator has chosen: 1 to 1,023 octets.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CredentialId(Vec<u8>);

impl CredentialId {
    pub(super) fn new(octets: &[u8]) -> Option<Self> {
        (1..=MAX_CREDENTIAL)
            .contains(&octets.len())
            .then(|| Self(octets.to_vec()))
    }

    /// The octets.
    #[must_use]
    pub fn as_octets(&self) -> &[u8] {
        &self.0
    }

    /// The passkey that has it.
    #[must_use]
    pub fn passkey(&self) -> PasskeyId {
        PasskeyId(crypto::sha256(&[
            b"letterlock twofactor passkey v1",
            &self.0,
        ]))
    }
}

/// Which passkey, of one user: SHA-256 of its [`CredentialId`], 43 characters in base64url.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PasskeyId([u8; 32]);

/// A text that is no [`PasskeyId`].
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the number of a passkey")]
pub struct NotAPasskeyId;

impl PasskeyId {
    /// The octets.
    #[must_use]
    pub fn octets(self) -> [u8; 32] {
        self.0
    }
}

impl fmt::Display for PasskeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

impl FromStr for PasskeyId {
    type Err = NotAPasskeyId;

    fn from_str(text: &str) -> Result<Self, NotAPasskeyId> {
        let octets = match text.len() {
            43 => BASE64URL_NOPAD.decode(text.as_bytes()).ok(),
            _ => None,
        };
        let octets = octets.and_then(|octets| octets.try_into().ok());
        octets.map(Self).ok_or(NotAPasskeyId)
    }
}

/// What the user calls a passkey: 1 to [`MAX_PASSKEY_NAME`] octets without control characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PasskeyName(String);

impl PasskeyName {
    /// Takes a name.
    ///
    /// # Errors
    /// [`Error::Name`].
    pub fn new(name: &str) -> Result<Self, Error> {
        let most = MAX_PASSKEY_NAME;
        match (1..=most).contains(&name.len()) && !name.contains(char::is_control) {
            true => Ok(Self(name.to_owned())),
            false => Err(Error::Name { most }),
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A passkey: its public key, and what was last seen of it. Nothing in it is secret.
#[derive(Clone)]
pub struct Passkey {
    pub(super) name: PasskeyName,
    pub(super) user: UserHandle,
    pub(super) at: SystemTime,
    /// Midnight of the day of the last login.
    pub(super) used: Option<SystemTime>,
    pub(super) id: CredentialId,
    pub(super) credential: webauthn::Credential,
}

/// Octets that are no passkey.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stored passkey cannot be read")]
pub struct NotAPasskey;

impl Passkey {
    /// What the user calls it.
    #[must_use]
    pub fn name(&self) -> &PasskeyName {
        &self.name
    }

    /// The same under another name.
    #[must_use]
    pub fn called(self, name: PasskeyName) -> Self {
        Self { name, ..self }
    }

    /// Which it is.
    #[must_use]
    pub fn id(&self) -> PasskeyId {
        self.id.passkey()
    }

    /// The name of its credential.
    #[must_use]
    pub fn credential(&self) -> &CredentialId {
        &self.id
    }

    /// By which its authenticator knows the user.
    #[must_use]
    pub fn user(&self) -> UserHandle {
        self.user
    }

    /// When it was registered, to the millisecond.
    #[must_use]
    pub fn registered(&self) -> SystemTime {
        self.at
    }

    /// The day of its last login, as its midnight in UTC: nobody needs to know it more precisely.
    #[must_use]
    pub fn last_used(&self) -> Option<SystemTime> {
        self.used
    }

    pub(super) fn day(at: SystemTime) -> SystemTime {
        const DAY: u64 = 24 * 60 * 60 * 1000;
        of_millis(millis(at) / DAY * DAY).unwrap_or(at)
    }

    /// Whether it is copied to other devices of the user, as far as its authenticator has said when it was last used.
    #[must_use]
    pub fn is_backed_up(&self) -> bool {
        self.credential.is_backed_up()
    }

    /// As it is stored: at most [`MAX_PASSKEY`] octets.
    #[must_use]
    pub fn to_octets(&self) -> Vec<u8> {
        Writer::default()
            .u8(FORMAT)
            .u64(millis(self.at))
            .u64(self.used.map_or(0, millis))
            .array(&self.user.0)
            .octets(self.name.0.as_bytes())
            .octets(&self.credential.to_json())
            .finish()
    }

    /// Reads what [`to_octets`](Self::to_octets) gave.
    ///
    /// # Errors
    /// [`NotAPasskey`].
    pub fn from_octets(octets: &[u8]) -> Result<Self, NotAPasskey> {
        read(octets).ok_or(NotAPasskey)
    }
}

fn read(octets: &[u8]) -> Option<Passkey> {
    if octets.len() > MAX_PASSKEY {
        return None;
    }
    let mut reader = Reader::new(octets);
    if reader.u8()? != FORMAT {
        return None;
    }
    let at = of_millis(reader.u64()?)?;
    let used = match reader.u64()? {
        0 => None,
        used => Some(of_millis(used)?),
    };
    let user = UserHandle(reader.array()?);
    let name = std::str::from_utf8(reader.octets()?).ok()?;
    let credential = webauthn::Credential::from_json(reader.octets()?)?;
    reader.end()?;
    Some(Passkey {
        name: PasskeyName::new(name).ok()?,
        user,
        at,
        used,
        id: CredentialId::new(credential.id())?,
        credential,
    })
}

fn of_millis(millis: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_millis(millis))
}

/// Without the octets, by which a person can be recognised.
impl fmt::Debug for PasskeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasskeyId(..)")
    }
}

/// Without the octets, by which a person can be recognised.
impl fmt::Debug for UserHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserHandle(..)")
    }
}

/// Without the octets, by which a person can be recognised.
impl fmt::Debug for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CredentialId({} octets)", self.0.len())
    }
}

/// Without the name.
impl fmt::Debug for PasskeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasskeyName(..)")
    }
}

/// Without what is in it.
impl fmt::Debug for Passkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passkey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_printable() {
        assert_eq!(PasskeyName::new("Pocket").unwrap().as_str(), "Pocket");
        assert!(PasskeyName::new(&"a".repeat(MAX_PASSKEY_NAME)).is_ok());
        for bad in [
            String::new(),
            "a".repeat(MAX_PASSKEY_NAME + 1),
            "a\tb".into(),
        ] {
            assert!(matches!(
                PasskeyName::new(&bad),
                Err(Error::Name { most: 64 })
            ));
        }
    }

    #[test]
    fn an_identifier_has_1_to_1023_octets() {
        assert!(CredentialId::new(&[]).is_none());
        assert!(CredentialId::new(&[7; 1023]).is_some());
        assert!(CredentialId::new(&[7; 1024]).is_none());
    }
}
