//! Seeds under the newest key.

use std::time::SystemTime;

use record_store::{Commit, Expect, Key, Outcome, Records};

use super::TwoFactor;
use super::keys::{self, SEEDS};
use crate::decision::FactorId;
use crate::{Error, UserId};

/// Records of one call.
const PAGE: usize = 100;

/// How far a change of keys is.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    /// How many seeds were sealed anew.
    pub sealed: usize,
    /// How many cannot be opened by any key that is here. They are left as they are.
    pub unreadable: usize,
    /// Where to go on; nothing at the end.
    pub next: Option<ResealFrom>,
}

/// Where to go on.
#[derive(Clone, PartialEq, Eq)]
pub struct ResealFrom(Key);

/// Without the user.
impl std::fmt::Debug for ResealFrom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ResealFrom(..)")
    }
}

impl<R: Records, O: Sync> TwoFactor<R, O> {
    /// Seals up to a hundred seeds with the key that seals now, of all users, and says where to go on. Once it has come to the
    /// end on a keyring that every node has, and enrolments and pending logins from before have run out (15 minutes), no older
    /// key is needed. It may be run at any time, on any node, and again.
    ///
    /// # Errors
    /// [`Error`]. What was sealed before it stays so.
    pub async fn reseal(
        &self,
        from: Option<&ResealFrom>,
        now: SystemTime,
    ) -> Result<Resealed, Error> {
        let prefix = keys::all(SEEDS, None)?;
        let after = from.map(|from| &from.0);
        let page = self.store.scan(&prefix, after, PAGE, now).await?;
        let mut done = Resealed {
            next: page.next.map(ResealFrom),
            ..Resealed::default()
        };
        for (key, found) in page.entries {
            if self.keyring.is_current(found.value()?) {
                continue;
            }
            let place = place(&key);
            let opened = place.and_then(|(user, factor)| {
                let otp = self.open_seed(&user, factor, found.value().ok()?).ok()?;
                Some((user, factor, otp))
            });
            let Some((user, factor, otp)) = opened else {
                done.unreadable += 1;
                continue;
            };
            let sealed = self.seal_seed(&user, factor, &otp)?;
            let commit = Commit::new().put(&key, sealed, Expect::Version(found.version()));
            match self.store.commit(commit, now).await? {
                Outcome::Committed(_) => done.sealed += 1,
                // Another node was faster, or the factor is gone.
                Outcome::Conflict(_) => {}
                Outcome::Unknown => return Err(Error::InDoubt),
            }
        }
        Ok(done)
    }
}

fn place(key: &Key) -> Option<(UserId, FactorId)> {
    let mut parts = key.parts();
    let user = UserId::new(parts.next()?.text()?).ok()?;
    let number = u32::try_from(parts.next()?.number()?).ok()?;
    Some((user, FactorId::from_number(number)))
}
