//! What a service keeps between the steps of a login, and what its sessions rest on.

use std::time::SystemTime;

use record_store::Records;

use super::keys::Slot;
use super::{Passed, TwoFactor};
use crate::decision::Methods;
use crate::{Error, Pending, UserId};

impl Passed {
    /// The [generation](TwoFactor::generation) that the login was made in. A session that keeps it ends when factors change,
    /// also if they did in the moment of the login.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }
}

impl<R: Records, O: Sync> TwoFactor<R, O> {
    /// Grows by one each time that what opens the account changes: the password, the factors, app passwords, remembered
    /// devices. What was opened in another generation is to be closed. It begins at a random number with the first try of a
    /// login, so that what was opened with an account that was [erased](Self::erase) is not open in a later one of the same
    /// name; before that it is 0.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn generation(&self, user: &UserId, now: SystemTime) -> Result<u64, Error> {
        let loaded = self.load(&Slot::User(user.clone()), now).await?;
        Ok(loaded.state.generation())
    }

    /// What the user has besides the password. To be told only to whom the password has let so far.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn methods(&self, user: &UserId, now: SystemTime) -> Result<Methods, Error> {
        let loaded = self.load(&Slot::User(user.clone()), now).await?;
        Ok(loaded.state.methods())
    }

    /// What is still to be asked for of whom something else than the password has let so far, such as a link that an operator
    /// has sent for a new one; nothing, if no second factor is enrolled. So no reset goes around the second factor.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn instead_of_password(
        &self,
        user: &UserId,
        now: SystemTime,
    ) -> Result<Option<(Pending, Methods)>, Error> {
        let state = self.load(&Slot::User(user.clone()), now).await?.state;
        let methods = state.methods();
        let pending = || Pending::new(user.clone(), state.generation(), now);
        Ok(methods.is_enrolled().then(|| (pending(), methods)))
    }

    /// [`Pending::seal`] with these keys: a text for a cookie.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn seal_pending(&self, pending: &Pending) -> Result<String, Error> {
        pending.seal(&self.keyring).map_err(|_| Error::Random)
    }

    /// What was [sealed](Self::seal_pending), if it is still open.
    #[must_use]
    pub fn open_pending(&self, text: &str, now: SystemTime) -> Option<Pending> {
        Pending::open(&self.keyring, text, now)
    }
}
