use std::time::SystemTime;

use record_store::{Commit, Expect, MAX_PAGE, Outcome, Records};

use super::{Links, LinksError, keys, steps};
use crate::link::Event;

/// What a sweep did.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Links that have ended, and replies that were given up.
    pub ended: usize,
    /// Links that cannot be read; they stay as they are.
    pub damaged: usize,
    /// Whether another sweep would find more.
    pub more: bool,
}

impl<R: Records> Links<R> {
    /// Ends what is due by this time, at most `budget` links, and leaves tombstones. To be called from time to time,
    /// and beside [`Records::sweep`], which frees what was removed. Nothing depends on it but space: a link that is
    /// due is not released, whether a sweep was there or not.
    ///
    /// # Errors
    /// [`LinksError`]; what was ended before that is.
    pub async fn sweep(&self, now: SystemTime, budget: usize) -> Result<Swept, LinksError> {
        let all = keys::all_due()?;
        let (mut swept, mut after) = (Swept::default(), None);
        loop {
            let page = self.store.scan(&all, after.as_ref(), MAX_PAGE, now).await?;
            for (name, found) in page.entries {
                // What is no key of ours is nothing that could be due.
                let Some((at, key)) = keys::read_due(&name) else {
                    continue;
                };
                if at > now {
                    return Ok(swept);
                }
                if swept.ended >= budget {
                    swept.more = true;
                    return Ok(swept);
                }
                match steps::take(&self.store, &key, Event::Tick, None, now).await {
                    Ok(settled) if settled.changed => swept.ended += 1,
                    // The link has moved on, or is gone: what led here is of no use.
                    Ok(_) => {
                        let stale = Expect::Version(found.version());
                        let commit = Commit::new().delete(&name, stale);
                        // Somebody else may have been faster.
                        let (Outcome::Committed(_) | Outcome::Conflict(_) | Outcome::Unknown) =
                            self.store.commit(commit, now).await?;
                    }
                    Err(LinksError::Record(_)) => swept.damaged += 1,
                    Err(error) => return Err(error),
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(swept);
            }
        }
    }
}
