//! The two keys of an account, each wrapped for everybody who may open it.

use std::fmt;
use std::time::SystemTime;

use zeroize::Zeroizing;

use super::crypto::{self, Key};
use super::session::Keys;
use super::wrap::{self, Place};
use super::{
    AccountId, Cost, CustodyError, Deadline, Kek, KekError, MAX_WRAPPED, RecoveryKey, Session,
};
use crate::Passphrase;
use crate::octets::{Reader, Writer};

const FORMAT: u8 = 1;
const SALT: usize = 16;
/// Most octets of a passphrase.
const MAX_PASSPHRASE: usize = 1024;

/// The wrapped keys of one account: what its record in a store holds. There is no secret in it.
///
/// Its methods that change it give a new one, to be stored in the place of the old one before anybody is told.
#[derive(Clone, PartialEq, Eq)]
pub struct Vault {
    /// The account key, by the passphrase.
    passphrase: Option<ByPassphrase>,
    /// The account key, by the recovery key.
    recovery: Vec<u8>,
    /// The served key, by the account key.
    served: Vec<u8>,
    /// The served key, by the server's.
    server: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, Eq)]
struct ByPassphrase {
    cost: Cost,
    salt: [u8; SALT],
    wrapped: Vec<u8>,
}

/// How a vault is set up.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Setup {
    passphrase: Option<Passphrase>,
    cost: Cost,
}

impl Setup {
    /// Without a passphrase only the recovery key opens what is in the custody `Passphrase`.
    pub fn new() -> Self {
        Self::default()
    }

    /// The user's passphrase, of 1 to 1024 octets.
    pub fn passphrase(mut self, passphrase: Passphrase) -> Self {
        self.passphrase = Some(passphrase);
        self
    }

    /// What an unlock costs.
    pub fn cost(mut self, cost: Cost) -> Self {
        self.cost = cost;
        self
    }
}

/// A new vault.
#[non_exhaustive]
#[derive(Debug)]
pub struct Created {
    /// To be stored.
    pub vault: Vault,
    /// To be given to the user once the vault is stored, and never kept.
    pub recovery: RecoveryKey,
    /// Open already.
    pub session: Session,
}

impl Vault {
    /// A new account key and a new served key. With a `kek` the server can open what is in the custody `Server`.
    ///
    /// This takes as long as [`Setup::cost`] says. The session ends at `until`; see [`unlock`](Self::unlock).
    ///
    /// # Errors
    ///
    /// [`CustodyError::Limit`] for the passphrase, [`CustodyError::Exhausted`], [`CustodyError::Kek`].
    pub fn create(
        account: &AccountId,
        setup: &Setup,
        kek: Option<&dyn Kek>,
        until: Deadline,
    ) -> Result<Created, CustodyError> {
        let own = Zeroizing::new(crypto::random()?);
        let served = Zeroizing::new(crypto::random()?);
        let recovery = RecoveryKey::generate()?;
        let passphrase = setup.passphrase.as_ref();
        let passphrase = passphrase.map(|p| by_passphrase(account, p, setup.cost, &own));
        let vault = Self {
            passphrase: passphrase.transpose()?,
            recovery: wrap::wrap(&recovery.key(), recovery_place(account).as_bytes(), &*own)?,
            served: wrap::wrap(&own, served_place(account).as_bytes(), &*served)?,
            server: kek
                .map(|kek| by_server(account, kek, &served))
                .transpose()?,
        };
        let keys = Keys {
            own: Some(own),
            served,
        };
        let session = Session::new(account, keys, until);
        Ok(Created {
            vault,
            recovery,
            session,
        })
    }

    /// Opens all of the account, with one Argon2id. Run it where it blocks nobody, and throttle those who guess: this counts
    /// nothing.
    ///
    /// # Errors
    ///
    /// [`CustodyError::DoesNotOpen`]; [`CustodyError::NoSuchWay`] if no passphrase was set; [`CustodyError::Limit`];
    /// [`CustodyError::Exhausted`].
    pub fn unlock(
        &self,
        account: &AccountId,
        passphrase: &Passphrase,
        until: Deadline,
    ) -> Result<Session, CustodyError> {
        let way = "a passphrase";
        let by = self.passphrase.as_ref();
        let by = by.ok_or(CustodyError::NoSuchWay { way })?;
        let stretched = stretched(by.cost, &by.salt, passphrase)?;
        let place = passphrase_place(account, by.cost, &by.salt);
        let own = wrap::unwrap_key(&stretched, place.as_bytes(), &by.wrapped)?;
        self.session(account, own, until)
    }

    /// Opens all of the account.
    ///
    /// # Errors
    ///
    /// [`CustodyError::DoesNotOpen`].
    pub fn unlock_with_recovery(
        &self,
        account: &AccountId,
        recovery: &RecoveryKey,
        until: Deadline,
    ) -> Result<Session, CustodyError> {
        let place = recovery_place(account);
        let own = wrap::unwrap_key(&recovery.key(), place.as_bytes(), &self.recovery)?;
        self.session(account, own, until)
    }

    /// Opens what is in the custody `Server`, and nothing else.
    ///
    /// # Errors
    ///
    /// [`CustodyError::NoSuchWay`] if the server was given nothing; [`CustodyError::Kek`].
    pub fn unlock_by_server(
        &self,
        account: &AccountId,
        kek: &dyn Kek,
        until: Deadline,
    ) -> Result<Session, CustodyError> {
        let served = self.served_by(account, kek)?;
        Ok(Session::new(account, Keys { own: None, served }, until))
    }

    /// With another passphrase: 32 octets are wrapped anew, and nothing else. Whoever has the session may do this; ask for the
    /// old passphrase before.
    ///
    /// # Errors
    ///
    /// [`CustodyError::SessionOver`], [`CustodyError::UsersOnly`], [`CustodyError::Limit`], [`CustodyError::Exhausted`];
    /// [`CustodyError::DoesNotOpen`] if the session is of another vault.
    pub fn with_passphrase(
        &self,
        session: &Session,
        passphrase: &Passphrase,
        cost: Cost,
        now: SystemTime,
    ) -> Result<Self, CustodyError> {
        let account = session.account();
        // Not under the session's lock, as it takes long.
        let own = self.own_key(session, now)?;
        let by = by_passphrase(account, passphrase, cost, &own)?;
        Ok(Self {
            passphrase: Some(by),
            ..self.clone()
        })
    }

    /// With another recovery key: the old one opens nothing from then on.
    ///
    /// # Errors
    ///
    /// As [`with_passphrase`](Self::with_passphrase).
    pub fn with_new_recovery(
        &self,
        session: &Session,
        now: SystemTime,
    ) -> Result<(Self, RecoveryKey), CustodyError> {
        let recovery = RecoveryKey::generate()?;
        let own = self.own_key(session, now)?;
        let place = recovery_place(session.account());
        let vault = Self {
            recovery: wrap::wrap(&recovery.key(), place.as_bytes(), &*own)?,
            ..self.clone()
        };
        Ok((vault, recovery))
    }

    /// The server can open what is in the custody `Server` from then on.
    ///
    /// # Errors
    ///
    /// As [`with_passphrase`](Self::with_passphrase), and [`CustodyError::Kek`].
    pub fn with_server(
        &self,
        session: &Session,
        kek: &dyn Kek,
        now: SystemTime,
    ) -> Result<Self, CustodyError> {
        self.own_key(session, now)?;
        let served = session.with(now, |keys| Ok(keys.served.clone()))?;
        Ok(Self {
            server: Some(by_server(session.account(), kek, &served)?),
            ..self.clone()
        })
    }

    /// The server can no longer open anything of the account by itself. What it opened before it may have kept: a secret
    /// that it must not know is to be replaced.
    #[must_use]
    pub fn without_server(&self) -> Self {
        Self {
            server: None,
            ..self.clone()
        }
    }

    /// Wrapped by the `kek` as it is today, after it was changed; `None` if the server has no part in this account.
    ///
    /// # Errors
    ///
    /// [`CustodyError::Kek`].
    pub fn rewrapped(
        &self,
        account: &AccountId,
        kek: &dyn Kek,
    ) -> Result<Option<Self>, CustodyError> {
        if self.server.is_none() {
            return Ok(None);
        }
        let served = self.served_by(account, kek)?;
        Ok(Some(Self {
            server: Some(by_server(account, kek, &served)?),
            ..self.clone()
        }))
    }

    /// Whether a passphrase was set.
    #[must_use]
    pub fn has_passphrase(&self) -> bool {
        self.passphrase.is_some()
    }

    /// Whether the server can open its part.
    #[must_use]
    pub fn has_server(&self) -> bool {
        self.server.is_some()
    }

    /// As it is stored. Format 1: the octet 1; nothing, or the cost (three numbers of four octets), the salt of 16 octets and
    /// the account key wrapped by the passphrase; the account key wrapped by the recovery key; the served key wrapped by the
    /// account key; nothing, or the served key wrapped by the server.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let by = self.passphrase.as_ref().map(|by| {
            let fields = by.cost.write(Writer::default());
            fields.octets(&by.salt).octets(&by.wrapped).finish()
        });
        Writer::default()
            .u8(FORMAT)
            .optional(by.as_deref())
            .octets(&self.recovery)
            .octets(&self.served)
            .optional(self.server.as_deref())
            .finish()
    }

    /// Reads what is stored. What it costs to open it is checked here.
    ///
    /// # Errors
    ///
    /// [`CustodyError::Malformed`], [`CustodyError::Format`], [`CustodyError::Limit`].
    pub fn from_bytes(octets: &[u8]) -> Result<Self, CustodyError> {
        if let Some(&found) = octets.first()
            && found > FORMAT
        {
            let known = FORMAT;
            return Err(CustodyError::Format { found, known });
        }
        let wanted = "the vault of an account";
        read(octets).unwrap_or(Err(CustodyError::Malformed { wanted }))
    }

    fn session(
        &self,
        account: &AccountId,
        own: Key,
        until: Deadline,
    ) -> Result<Session, CustodyError> {
        let served = wrap::unwrap_key(&own, served_place(account).as_bytes(), &self.served)?;
        let own = Some(own);
        Ok(Session::new(account, Keys { own, served }, until))
    }

    /// The session's account key, once it is certain that this vault is of that session.
    fn own_key(&self, session: &Session, now: SystemTime) -> Result<Key, CustodyError> {
        let own = session.with(now, |keys| keys.own.clone().ok_or(CustodyError::UsersOnly))?;
        let place = served_place(session.account());
        wrap::unwrap_key(&own, place.as_bytes(), &self.served)?;
        Ok(own)
    }

    fn served_by(&self, account: &AccountId, kek: &dyn Kek) -> Result<Key, CustodyError> {
        let way = "the server";
        let wrapped = self.server.as_ref();
        let wrapped = wrapped.ok_or(CustodyError::NoSuchWay { way })?;
        Ok(kek.unwrap(wrapped, server_place(account).as_bytes())?)
    }
}

impl fmt::Debug for Vault {
    /// Who can open it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault")
            .field("passphrase", &self.has_passphrase())
            .field("server", &self.has_server())
            .finish_non_exhaustive()
    }
}

fn read(octets: &[u8]) -> Option<Result<Vault, CustodyError>> {
    let mut from = Reader::new(octets);
    if from.u8()? != FORMAT {
        return None;
    }
    let passphrase = match from.optional()? {
        None => None,
        Some(fields) => {
            let mut fields = Reader::new(fields);
            let cost = match Cost::read(&mut fields)? {
                Ok(cost) => cost,
                Err(error) => return Some(Err(error)),
            };
            let salt = fields.octets()?.try_into().ok()?;
            let wrapped = fields.octets()?.to_vec();
            fields.end()?;
            Some(ByPassphrase {
                cost,
                salt,
                wrapped,
            })
        }
    };
    let recovery = from.octets()?.to_vec();
    let served = from.octets()?.to_vec();
    let server = from.optional()?.map(<[u8]>::to_vec);
    from.end()?;
    Some(Ok(Vault {
        passphrase,
        recovery,
        served,
        server,
    }))
}

fn by_passphrase(
    account: &AccountId,
    passphrase: &Passphrase,
    cost: Cost,
    own: &Key,
) -> Result<ByPassphrase, CustodyError> {
    let salt = crypto::random()?;
    let stretched = stretched(cost, &salt, passphrase)?;
    let place = passphrase_place(account, cost, &salt);
    Ok(ByPassphrase {
        cost,
        salt,
        wrapped: wrap::wrap(&stretched, place.as_bytes(), &**own)?,
    })
}

fn stretched(cost: Cost, salt: &[u8], passphrase: &Passphrase) -> Result<Key, CustodyError> {
    let octets = passphrase.octets();
    match octets.len() {
        1..=MAX_PASSPHRASE => crypto::stretch(cost, salt, octets),
        _ => Err(CustodyError::Limit {
            what: "a passphrase",
        }),
    }
}

fn by_server(account: &AccountId, kek: &dyn Kek, served: &Key) -> Result<Vec<u8>, CustodyError> {
    let wrapped = kek.wrap(served, server_place(account).as_bytes())?;
    match wrapped.len() {
        ..=MAX_WRAPPED => Ok(wrapped),
        _ => Err(KekError::Refused.into()),
    }
}

fn passphrase_place(account: &AccountId, cost: Cost, salt: &[u8]) -> Place {
    let cost = cost.write(Writer::default()).finish();
    Place::new("account key by passphrase", account)
        .with(&cost)
        .with(salt)
}

fn recovery_place(account: &AccountId) -> Place {
    Place::new("account key by recovery key", account)
}

fn served_place(account: &AccountId) -> Place {
    Place::new("served key by account key", account)
}

fn server_place(account: &AccountId) -> Place {
    Place::new("served key by server", account)
}

#[cfg(test)]
mod tests {
    use super::super::crypto::calls;
    use super::super::{Custody, KeySecrets, MAX_SESSION, SecretPart};
    use super::*;
    use crate::Fingerprint;

    #[test]
    fn an_unlock_is_one_argon2_however_many_keys_there_are() {
        let account = AccountId::new("ann").unwrap();
        let now = SystemTime::UNIX_EPOCH;
        let until = Deadline::after(now, MAX_SESSION).unwrap();
        let passphrase = Passphrase::from("correct horse");
        let setup = Setup::new()
            .passphrase(passphrase.clone())
            .cost(Cost::LEAST);
        let created = Vault::create(&account, &setup, None, until).unwrap();
        let keys: Vec<(Fingerprint, KeySecrets)> = (0..10)
            .map(|n| {
                let of = Fingerprint::from_bytes(&[n; 32]).unwrap();
                let parts = [SecretPart::new(of, vec![n; 100])];
                let custody = Custody::Passphrase;
                let sealed = KeySecrets::seal(&created.session, of, custody, 1, &parts, now);
                (of, sealed.unwrap())
            })
            .collect();
        let (session, count) =
            calls::during(|| created.vault.unlock(&account, &passphrase, until).unwrap());
        assert_eq!(count, 1);
        let ((), count) = calls::during(|| {
            for (of, sealed) in &keys {
                assert_eq!(sealed.open(&session, *of, 1, now).unwrap().len(), 1);
            }
        });
        assert_eq!(count, 0);
        // One that nobody is to be helped with costs nothing.
        let (refused, count) =
            calls::during(|| created.vault.unlock(&account, &Passphrase::from(""), until));
        assert!(matches!(refused, Err(CustodyError::Limit { .. })) && count == 0);
    }

    #[test]
    fn a_store_cannot_ask_for_more_than_the_limit() {
        let until = Deadline::after(SystemTime::UNIX_EPOCH, MAX_SESSION).unwrap();
        let account = AccountId::new("ann").unwrap();
        let setup = Setup::new().passphrase("x".into()).cost(Cost::LEAST);
        let created = Vault::create(&account, &setup, None, until).unwrap();
        let octets = created.vault.to_bytes();
        // The format, that there is a passphrase, its length: then memory, passes and lanes.
        for at in [6, 10, 14] {
            for most in [[0xff; 4], [0; 4]] {
                let mut changed = octets.clone();
                changed[at..at + 4].copy_from_slice(&most);
                let read = Vault::from_bytes(&changed);
                assert!(matches!(read, Err(CustodyError::Limit { .. })), "{at}");
            }
        }
    }
}
