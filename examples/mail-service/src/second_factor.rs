//! Second factors of the accounts: `twofactor` wired to accounts, keys and mail. The policy lies in the crate.
//!
//! ```text
//! login ── TwoFactor ── work          counted in the store before Argon2 runs, on threads of its own
//! keyring                             the keys of seeds, in a file apart from the store
//! notices ── words ── mailbox         what happened, as mail to the user
//! care, reset                         what the operator may do, and the link that a user gets then
//! ```
//!
//! | record | what |
//! |---|---|
//! | `2fa-…` | the crate's |
//! | `("mail.factor-keys",)` | the octet 1, and 16 octets by which the keys are known that this store is used with |
//! | `("mail.rebind", address)` | the octet 1: the password is new, and what the old one opened is still to be ended |
//! | `("mail.reset", SHA-256 of a token)` | see `reset` |
//! | `("mail.told", SHA-256 of an event)` | the octet 1: it lies in the mailbox; it expires |

mod care;
mod keyring;
mod notices;
pub(crate) mod reset;
mod words;
mod work;

pub use care::{AppPasswords, Care, CareError, TakenOff};
pub use keyring::{Error, Keys};
pub(crate) use notices::{Notices, tell};
pub(crate) use work::Work;

use crate::{
    config::{Config, Limits},
    password::Opens,
};
use aws_lc_rs::digest::{Context, SHA256};
use record_store::{AnyStore, Records};
use std::{sync::Arc, time::SystemTime};
use twofactor::{
    BuildError, Keyring, NotAUser, TwoFactor, UserId, decision::Throttle, passkey::RelyingParty,
};

/// As the service and its commands use it.
pub(crate) type Factors = TwoFactor<Arc<AnyStore>, Work>;

/// As the configuration says. The first start makes the file of the keys.
pub(crate) async fn open(
    config: &Config,
    store: Arc<AnyStore>,
    work: Work,
    now: SystemTime,
) -> Result<Factors, Error> {
    let keyring = keyring::open(config, &store, now).await?;
    Ok(build(config, store, keyring, work)?)
}

/// On any store.
pub(crate) fn build<R: Records>(
    config: &Config,
    store: R,
    keyring: Keyring,
    work: Work,
) -> Result<TwoFactor<R, Work>, BuildError> {
    let factors = TwoFactor::builder(store)
        .keys(keyring)
        .issuer(&config.issuer())
        .throttle(throttle(&config.limits));
    // Passkeys belong to the pages of the site.
    let party = config
        .site_origin()
        .map(|origin| RelyingParty::new(&config.site_host(), &config.issuer(), &origin));
    let factors = match party {
        Some(Ok(party)) => factors.relying_party(party),
        Some(Err(_)) | None => factors,
    };
    factors.offload(work).build()
}

fn throttle(limits: &Limits) -> Throttle {
    let mut throttle = Throttle::nist();
    throttle.network = limits.login_failures;
    throttle
}

/// What the password of an account opens.
pub(crate) async fn opens<R: Records, O: Sync>(
    factors: &TwoFactor<R, O>,
    user: &UserId,
    now: SystemTime,
) -> Result<Opens, twofactor::Error> {
    let overview = factors.overview(user, now).await?;
    Ok(match overview.methods.is_enrolled() {
        true => Opens::WithSecondFactor,
        false => Opens::Alone,
    })
}

/// For what seals and opens nothing: to end what a password or an account has left. Nobody knows its key.
pub(crate) fn keyless<R: Records>(store: R) -> Result<TwoFactor<R>, twofactor::Error> {
    let keyring = Keys::generate().and_then(|keys| keys.keyring());
    let keyring = keyring.map_err(|_| twofactor::Error::Random)?;
    let factors = TwoFactor::builder(store).keys(keyring).issuer("keyless");
    factors.build().map_err(|_| twofactor::Error::Random)
}

/// Who an account is to the crate: its address; of one that is longer than the crate takes, `#` and a hash, which is no
/// address.
pub(crate) fn user_of(account: &str) -> Result<UserId, NotAUser> {
    UserId::new(account).or_else(|_| {
        let hash = sha256(&[account.as_bytes()]);
        let hex: String = hash.iter().map(|octet| format!("{octet:02x}")).collect();
        UserId::new(&format!("#{hex}"))
    })
}

/// Of several parts, each behind its length.
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut hash = [0; 32];
    let digest = context.finish();
    hash.iter_mut()
        .zip(digest.as_ref())
        .for_each(|(to, from)| *to = *from);
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_address_is_a_user_too_and_none_that_is_short() {
        let account = |local: usize| format!("{}@b.test", "a".repeat(local));
        let short = account(64);
        assert_eq!(user_of(&short).unwrap().as_str(), short);
        let (one, other) = (
            user_of(&account(200)).unwrap(),
            user_of(&account(201)).unwrap(),
        );
        assert_ne!(one, other);
        assert!(!one.as_str().contains('@') && one.as_str().len() == 65);
    }
}
