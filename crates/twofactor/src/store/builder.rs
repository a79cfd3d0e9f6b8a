use record_store::Records;

use super::TwoFactor;
use crate::decision::Throttle;
use crate::otp::Window;
use crate::{Inline, Keyring, Offload};

/// Most octets of an issuer's name.
const MAX_ISSUER: usize = 64;

/// What a [`TwoFactor`] is made of.
#[derive(Debug)]
#[must_use = "nothing is made before `build`"]
pub struct Builder<R, O> {
    store: R,
    keyring: Option<Keyring>,
    issuer: String,
    window: Window,
    throttle: Throttle,
    cost: crate::Cost,
    #[cfg(feature = "passkey")]
    party: Option<crate::passkey::RelyingParty>,
    offload: O,
}

/// Why nothing was built.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// Seeds are stored sealed: a [`Keyring`] is needed.
    #[error("there is no keyring")]
    NoKeyring,
    /// Apps show the issuer beside the code: 1 to 64 octets without a colon or control characters.
    #[error("the issuer has 1 to {MAX_ISSUER} octets, without a colon or control characters")]
    Issuer,
    /// More tries than SP 800-63B-4 §3.2.2 allows, or none.
    #[error("the throttle allows too much, or nothing")]
    Throttle,
}

impl<R: Records> TwoFactor<R> {
    /// Begins with a store.
    pub fn builder(store: R) -> Builder<R, Inline> {
        Builder {
            store,
            keyring: None,
            issuer: String::new(),
            window: Window::default(),
            throttle: Throttle::nist(),
            cost: crate::Cost::default(),
            #[cfg(feature = "passkey")]
            party: None,
            offload: Inline,
        }
    }
}

impl<R: Records, O: Offload> Builder<R, O> {
    /// What seeds are sealed with.
    pub fn keys(mut self, keyring: Keyring) -> Self {
        self.keyring = Some(keyring);
        self
    }

    /// What apps show beside the code, such as the service's name.
    pub fn issuer(mut self, issuer: &str) -> Self {
        issuer.clone_into(&mut self.issuer);
        self
    }

    /// Which steps a TOTP code may be of.
    pub fn window(mut self, window: Window) -> Self {
        self.window = window;
        self
    }

    /// How many failures are borne.
    pub fn throttle(mut self, throttle: Throttle) -> Self {
        self.throttle = throttle;
        self
    }

    /// What one look at a recovery code costs.
    pub fn recovery_cost(mut self, cost: crate::Cost) -> Self {
        self.cost = cost;
        self
    }

    /// Who asks for passkeys; without one there are none.
    #[cfg(feature = "passkey")]
    pub fn relying_party(mut self, party: crate::passkey::RelyingParty) -> Self {
        self.party = Some(party);
        self
    }

    /// Where Argon2 runs.
    pub fn offload<P: Offload>(self, offload: P) -> Builder<R, P> {
        Builder {
            store: self.store,
            keyring: self.keyring,
            issuer: self.issuer,
            window: self.window,
            throttle: self.throttle,
            cost: self.cost,
            #[cfg(feature = "passkey")]
            party: self.party,
            offload,
        }
    }

    /// All of it.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn build(self) -> Result<TwoFactor<R, O>, BuildError> {
        let is_bad = |c: char| c == ':' || c.is_control();
        if !(1..=MAX_ISSUER).contains(&self.issuer.len()) || self.issuer.contains(is_bad) {
            return Err(BuildError::Issuer);
        }
        if !self.throttle.is_allowed() {
            return Err(BuildError::Throttle);
        }
        Ok(TwoFactor {
            store: self.store,
            keyring: self.keyring.ok_or(BuildError::NoKeyring)?,
            issuer: self.issuer,
            window: self.window,
            throttle: self.throttle,
            cost: self.cost,
            #[cfg(feature = "passkey")]
            party: self.party,
            offload: self.offload,
        })
    }
}
