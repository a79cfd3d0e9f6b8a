//! The keys of one account.

use super::{Error, OpenPgp, Pool, Served};
use crate::{accounts::Owner, config::Switch};
use pgp_keystore::{
    CertificateView, Fingerprint, Form, Generate, Passphrase, Profile, Use,
    custody::{Custody, RecoveryKey, Session, Setup, Vault},
    store,
};
use record_store::AnyStore;
use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

/// The keys of an account, as `pgp-keystore` has them.
pub type Account<'a> = store::Account<'a, Arc<AnyStore>, Pool>;

/// The keys of one account.
pub struct Keyring<'a> {
    pub(super) pgp: &'a OpenPgp,
    /// The account.
    pub(super) address: Arc<str>,
    owner: Owner,
    pub(super) account: Account<'a>,
}

/// How the keys of an account are opened.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub enum Opener {
    /// By the server, which opens those in its custody.
    Server,
    /// By the owner's passphrase, which opens all.
    Passphrase(Passphrase),
}

/// How long a session lasts: as long as one command, or one message.
const LASTS: Duration = Duration::from_secs(300);

impl fmt::Debug for Keyring<'_> {
    /// Without the address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").finish_non_exhaustive()
    }
}

impl<'a> Keyring<'a> {
    pub(super) fn new(
        pgp: &'a OpenPgp,
        address: Arc<str>,
        owner: Owner,
        account: Account<'a>,
    ) -> Self {
        Self {
            pgp,
            address,
            owner,
            account,
        }
    }

    /// Whatever the key store can do with it.
    pub fn account(&self) -> &Account<'a> {
        &self.account
    }

    /// Whose they are.
    pub fn address(&self) -> &str {
        &self.address
    }

    fn now(&self) -> SystemTime {
        self.pgp.clock.now()
    }

    /// Makes the account ready for keys in this custody, with a passphrase that its owner opens them with; one in the custody
    /// of its owner must have one. Gives the recovery key if this was the first time: it is shown now, and never again.
    ///
    /// # Errors
    /// [`Error::NotServed`], [`Error::NoPassphrase`] if it was set up in another way; [`Error::NoKek`],
    /// [`Error::PassphraseWanted`]; [`Error::Store`].
    pub async fn set_up(
        &self,
        custody: Custody,
        passphrase: Option<&Passphrase>,
    ) -> Result<Option<RecoveryKey>, Error> {
        if custody == Custody::Server && self.pgp.served == Served::No {
            return Err(Error::NoKek);
        }
        if let Some(vault) = self.account.vault(self.now()).await? {
            return self.suits(&vault, custody).map(|()| None);
        }
        let setup = match (custody, passphrase) {
            (_, Some(passphrase)) => Setup::new().passphrase(passphrase.clone()),
            (Custody::Server, None) => Setup::new(),
            (Custody::Passphrase, None) => return Err(Error::PassphraseWanted),
        };
        match self.account.create(setup, self.now()).await {
            Ok(recovery) => Ok(Some(recovery)),
            // By somebody else, at the same moment, who has the recovery key now.
            Err(store::StoreError::Exists { .. }) => {
                let vault = self.vault().await?;
                self.suits(&vault, custody).map(|()| None)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn suits(&self, vault: &Vault, custody: Custody) -> Result<(), Error> {
        let account = || self.address.to_string();
        match custody {
            Custody::Server if !vault.has_server() => Err(Error::NotServed(account())),
            Custody::Passphrase if !vault.has_passphrase() => Err(Error::NoPassphrase(account())),
            _ => Ok(()),
        }
    }

    async fn vault(&self) -> Result<Vault, Error> {
        let vault = self.account.vault(self.now()).await?;
        vault.ok_or_else(|| Error::NotSetUp(self.address.to_string()))
    }

    /// Whether the account was set up for keys.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn is_set_up(&self) -> Result<bool, Error> {
        Ok(self.account.vault(self.now()).await?.is_some())
    }

    /// Opens it for as long as a message takes.
    ///
    /// # Errors
    /// [`Error::NotSetUp`], [`Error::NotServed`], [`Error::NoPassphrase`], [`Error::Store`].
    pub async fn open(&self, opener: &Opener) -> Result<Arc<Session>, Error> {
        let vault = self.vault().await?;
        let now = self.now();
        Ok(match opener {
            Opener::Server => {
                self.suits(&vault, Custody::Server)?;
                self.account.unlock_by_server(LASTS, now).await?
            }
            Opener::Passphrase(passphrase) => {
                self.suits(&vault, Custody::Passphrase)?;
                self.account.unlock(passphrase, LASTS, now).await?
            }
        })
    }

    /// Opens it by the recovery key.
    ///
    /// # Errors
    /// [`Error::NotSetUp`], [`Error::Store`].
    pub async fn open_by_recovery(&self, recovery: &RecoveryKey) -> Result<Arc<Session>, Error> {
        self.vault().await?;
        let session = self
            .account
            .unlock_with_recovery(recovery, LASTS, self.now());
        Ok(session.await?)
    }

    /// Who can open a key of the account.
    ///
    /// # Errors
    /// [`Error::Store`]: also if there is no such key.
    pub async fn custody(&self, of: Fingerprint) -> Result<Custody, Error> {
        let keys = self.account.keys(self.now()).await?;
        let own = keys.iter().find(|own| own.certificate == of);
        let what = "key of the account";
        Ok(own.ok_or(store::StoreError::NoSuch { what })?.custody)
    }

    /// A new key, for the address of the account.
    ///
    /// # Errors
    /// [`Error::Name`], [`Error::Store`].
    pub async fn generate(
        &self,
        session: &Arc<Session>,
        wanted: &Wanted,
        custody: Custody,
    ) -> Result<Fingerprint, Error> {
        let bad = |c: char| c.is_control() || matches!(c, '<' | '>' | '@');
        if wanted.name.as_ref().is_some_and(|name| name.contains(bad)) {
            return Err(Error::Name);
        }
        let address = crate::notice::mailbox(&self.address);
        let user_id = match &wanted.name {
            Some(name) => format!("{name} <{address}>"),
            None => format!("<{address}>"),
        };
        let new = Generate::new(wanted.profile, self.now()).user_id(user_id);
        let new = match wanted.expires {
            Some(expires) => new.expires(expires),
            None => new,
        };
        let key = self.account.generate(session, new, custody, self.now());
        Ok(key.await?)
    }

    /// Revokes a key without its secret, by the revocation that was made at its birth: for a passphrase that is lost.
    ///
    /// # Errors
    /// [`Error::Store`]: also for a key that was not made here.
    pub async fn revoke_by_birth(&self, of: Fingerprint) -> Result<(), Error> {
        let now = self.now();
        let what = "revocation, as the key was not made here";
        let revocation = self.account.revocation(of, now).await?;
        let revocation = revocation.ok_or(store::StoreError::NoSuch { what })?;
        let what = "certificate";
        let certificate = self.account.certificate(of, now).await?;
        let certificate = certificate.ok_or(store::StoreError::NoSuch { what })?;
        let revoked = certificate.revoke_with(&revocation)?;
        let report = self.account.import(revoked.export(Form::Binary)?, now);
        match report.await?.refused.into_iter().next() {
            Some(refused) => Err(refused.error.into()),
            None => Ok(()),
        }
    }

    /// Publishes a certificate in the Web Key Directory, for the account's address.
    ///
    /// # Errors
    /// [`Error::Store`]: also if it is not the account's own, or does not name the address.
    pub async fn publish(&self, of: Fingerprint) -> Result<(), Error> {
        self.custody(of).await?;
        let publish = self.account.publish(of, &self.address, self.now());
        Ok(publish.await?)
    }

    /// Publishes nothing any more. Whether something was published.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn withdraw(&self) -> Result<bool, Error> {
        Ok(self.account.withdraw(&self.address, self.now()).await?)
    }

    /// The account's own keys, and for what each is the default.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn own(&self) -> Result<Vec<OwnKey>, Error> {
        let now = self.now();
        let address = Some(&*self.address);
        let sign = self.account.default_key(Use::Sign, address, now).await?;
        let encrypt = self.account.default_key(Use::Encrypt, address, now).await?;
        let mut all = Vec::new();
        for own in self.account.keys(now).await? {
            // Somebody may have removed it since.
            let Some(certificate) = self.account.certificate(own.certificate, now).await? else {
                continue;
            };
            let is = |default: Option<Fingerprint>| default == Some(own.certificate);
            let uses = [(Use::Sign, is(sign)), (Use::Encrypt, is(encrypt))];
            let default_for = uses.into_iter().filter(|(_, is)| *is).map(|(use_, _)| use_);
            all.push(OwnKey {
                certificate: certificate.at(now),
                custody: own.custody,
                default_for: default_for.collect(),
            });
        }
        Ok(all)
    }

    /// Whether mail that comes in is encrypted before it is stored.
    ///
    /// # Errors
    /// [`Error::Records`], [`Error::Damaged`].
    pub async fn incoming(&self) -> Result<Switch, Error> {
        let owner = self.pgp.incoming(&self.address, self.now()).await?;
        Ok(match owner {
            Some(owner) if owner == self.owner => Switch::On,
            _ => Switch::Off,
        })
    }

    /// Has mail that comes in encrypted to the account's default key before it is stored, or not any more.
    ///
    /// # Errors
    /// [`Error::NoKey`] if it has none that encrypts; [`Error::Raced`], [`Error::Records`], [`Error::Account`].
    pub async fn set_incoming(&self, incoming: Switch) -> Result<(), Error> {
        let now = self.now();
        if incoming == Switch::On {
            self.default_key(Use::Encrypt).await?;
        }
        let set = self
            .pgp
            .set_incoming(&self.address, &self.owner, incoming, now);
        set.await
    }

    /// The key that is used for a purpose.
    ///
    /// # Errors
    /// [`Error::NoKey`], [`Error::Store`].
    pub async fn default_key(&self, purpose: Use) -> Result<Fingerprint, Error> {
        let address = Some(&*self.address);
        let key = self.account.default_key(purpose, address, self.now());
        key.await?.ok_or_else(|| Error::NoKey {
            account: self.address.to_string(),
            does: match purpose {
                Use::Sign => "signs",
                _ => "encrypts",
            },
        })
    }
}

/// What a new key shall be.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Who can read and verify it.
    pub profile: Profile,
    /// The name before the address.
    pub name: Option<String>,
    /// When it ends; none: never.
    pub expires: Option<SystemTime>,
}

impl Wanted {
    /// A key of this profile, without a name or an end.
    pub fn new(profile: Profile) -> Self {
        Self {
            profile,
            name: None,
            expires: None,
        }
    }
}

/// A key of the account.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct OwnKey {
    /// What it is now.
    pub certificate: CertificateView,
    /// Who can open it.
    pub custody: Custody,
    /// What it is used for if nothing else is said.
    pub default_for: Vec<Use>,
}
