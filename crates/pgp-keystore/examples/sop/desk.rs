//! Where each call works: one account of a store in memory, which the server opens.

use std::iter;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use pgp_keystore::custody::{AccountId, Custody, KekFile, Session, Setup};
use pgp_keystore::store::{Account, Inline, Store, StoreError};
use pgp_keystore::{
    Certificate, Error, Fingerprint, Form, Generate, Key, Passphrase, Protection, Revocation,
    RevocationReason, Unlocked,
};
use pollster::block_on;
use record_store::Memory;
use sop::Password;
use sop::errors::Error as SopError;
use sop::plumbing::PasswordsAreHumanReadable;

const LASTS: Duration = Duration::from_secs(900);

pub(crate) struct Desk {
    store: Store<Memory, Inline>,
    account: AccountId,
    session: Arc<Session>,
    pub(crate) now: SystemTime,
}

impl Desk {
    /// With a key-encryption key of its own, so that no passphrase is stretched for an account that is gone at once.
    pub(crate) fn open(now: SystemTime) -> sop::Result<Self> {
        let kek = KekFile::generate().map_err(|error| fails(&error))?;
        let store = Store::new(Memory::new(), Inline).with_kek(Arc::new(kek));
        let account = AccountId::new("sop").map_err(|error| fails(&error))?;
        let handle = store.account(account.clone());
        let created = block_on(handle.create(Setup::new(), now));
        created.map_err(told)?;
        let session = block_on(handle.unlock_by_server(LASTS, now)).map_err(told)?;
        Ok(Self {
            store,
            account,
            session,
            now,
        })
    }

    fn account(&self) -> Account<'_, Memory, Inline> {
        self.store.account(self.account.clone())
    }

    pub(crate) fn generate(&self, new: Generate) -> sop::Result<Fingerprint> {
        let account = self.account();
        let made = account.generate(&self.session, new, Custody::Server, self.now);
        block_on(made).map_err(told)
    }

    /// A key with its secrets, which are not protected or opened by one of the passwords, tried as they are and without the
    /// white space at their ends.
    pub(crate) fn take_key(&self, key: &Key, passwords: &[Password]) -> sop::Result<Fingerprint> {
        let octets = key.export(Form::Binary).map_err(of_core)?;
        let variants = passwords.iter().flat_map(|password| password.variants());
        let opened_by = variants.map(|octets| Some(Passphrase::new(octets)));
        for passphrase in iter::once(None).chain(opened_by) {
            let account = self.account();
            let taken = block_on(account.import_key(
                &self.session,
                octets.clone(),
                passphrase.as_ref(),
                Custody::Server,
                self.now,
            ));
            match taken {
                Err(StoreError::Core(Error::WrongPassphrase)) => {}
                taken => return taken.map_err(told),
            }
        }
        Err(SopError::KeyIsProtected)
    }

    /// Keys, in their order.
    pub(crate) fn take_keys(
        &self,
        keys: &[Key],
        passwords: &[Password],
    ) -> sop::Result<Vec<Fingerprint>> {
        keys.iter()
            .map(|key| self.take_key(key, passwords))
            .collect()
    }

    /// Certificates, or the public parts of keys, in their order, as the store has them.
    pub(crate) fn take_certificates(
        &self,
        certificates: &[Certificate],
    ) -> sop::Result<Vec<Certificate>> {
        let mut taken = Vec::new();
        for certificate in certificates {
            let octets = certificate.export(Form::Binary).map_err(of_core)?;
            block_on(self.account().import(octets, self.now)).map_err(told)?;
            taken.push(self.certificate(certificate.fingerprint())?);
        }
        Ok(taken)
    }

    pub(crate) fn certificate(&self, of: Fingerprint) -> sop::Result<Certificate> {
        let found = block_on(self.account().certificate(of, self.now)).map_err(told)?;
        found.ok_or(SopError::UnspecifiedFailure)
    }

    pub(crate) fn export_key(&self, of: Fingerprint, protection: Protection) -> sop::Result<Key> {
        let account = self.account();
        let export = account.export_key(&self.session, of, protection, Form::Binary, self.now);
        Key::parse(&block_on(export).map_err(told)?).map_err(of_core)
    }

    pub(crate) fn revoke(&self, of: Fingerprint) -> sop::Result<Revocation> {
        let now = self.now;
        let revoke = move |key: &mut Unlocked| key.revoke(RevocationReason::Unspecified, "", now);
        block_on(self.account().edit(&self.session, of, revoke, now)).map_err(told)
    }

    pub(crate) fn with_keys<T: Send + 'static>(
        &self,
        of: &[Fingerprint],
        work: impl FnOnce(&[&Unlocked]) -> T + Send + 'static,
    ) -> sop::Result<T> {
        let account = self.account();
        block_on(account.with_keys(&self.session, of, work, self.now)).map_err(told)
    }
}

/// The store's errors in the words of `sop`.
fn told(error: StoreError) -> SopError {
    match error {
        StoreError::Core(error) => of_core(error),
        error => fails(&error),
    }
}

/// The core's errors in the words of `sop`, where an operation has no better ones.
pub(crate) fn of_core(error: Error) -> SopError {
    eprintln!("{error}");
    match error {
        Error::WrongPassphrase => SopError::KeyIsProtected,
        Error::Unsupported(_) => SopError::UnsupportedAsymmetricAlgo,
        Error::Malformed { .. } | Error::Limit { .. } | Error::NoSecret { .. } => SopError::BadData,
        _ => SopError::UnspecifiedFailure,
    }
}

fn fails(error: &dyn std::error::Error) -> SopError {
    eprintln!("{error}");
    SopError::UnspecifiedFailure
}
