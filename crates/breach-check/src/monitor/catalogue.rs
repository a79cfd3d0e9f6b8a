//! All breaches that the service knows, kept in the store for all servers.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::SystemTime;

use record_store::{Commit, Expect, MAX_PAGE, Outcome, Records};

use super::octets::{Reader, Writer};
use super::{Error, Monitor, facts, names};
use crate::Http;
use crate::addresses::{Breach, BreachName};

pub(super) type Catalogue = BTreeMap<BreachName, Breach>;

/// Records of one commit.
const AT_ONCE: usize = 500;

impl<R: Records, H: Http> Monitor<R, H> {
    /// The catalogue of this issue.
    pub(super) async fn catalogue(
        &self,
        issue: u64,
        now: SystemTime,
    ) -> Result<Arc<Catalogue>, Error> {
        let held = {
            let held = self.catalogue.lock();
            held.unwrap_or_else(PoisonError::into_inner).clone()
        };
        if let Some((_, catalogue)) = held.filter(|(of, _)| *of == issue) {
            return Ok(catalogue);
        }
        let catalogue = Arc::new(self.load_catalogue(now).await?);
        let mut held = self
            .catalogue
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *held = Some((issue, catalogue.clone()));
        Ok(catalogue)
    }

    async fn load_catalogue(&self, now: SystemTime) -> Result<Catalogue, Error> {
        let (prefix, mut after) = (names::all_known()?, None);
        let mut all = Catalogue::new();
        loop {
            let page = self
                .store
                .scan(&prefix, after.as_ref(), MAX_PAGE, now)
                .await?;
            for (_, found) in &page.entries {
                let breach = read(found.value()?)?;
                all.insert(breach.name.clone(), breach);
            }
            after = page.next;
            if after.is_none() {
                return Ok(all);
            }
        }
    }

    /// What is known of one breach.
    pub(super) async fn known(
        &self,
        breach: &BreachName,
        now: SystemTime,
    ) -> Result<Option<Breach>, Error> {
        let found = self.store.get(&names::known(breach)?, now).await?;
        found.map(|found| read(found.value()?)).transpose()
    }

    /// Keeps what the service says of breaches. None is ever removed.
    pub(super) async fn keep_catalogue(
        &self,
        breaches: Vec<Breach>,
        now: SystemTime,
    ) -> Result<(), Error> {
        let before = self.load_catalogue(now).await?;
        let mut news = Catalogue::new();
        for mut breach in breaches {
            breach.description.clear();
            if before.get(&breach.name) != Some(&breach) {
                news.insert(breach.name.clone(), breach);
            }
        }
        let news: Vec<_> = news.into_values().collect();
        for some in news.chunks(AT_ONCE) {
            let mut commit = Commit::new();
            for breach in some {
                let value = facts::write(Writer::new(), breach).finish();
                commit = commit.put(&names::known(&breach.name)?, value, Expect::Anything);
            }
            match self.store.commit(commit, now).await? {
                Outcome::Committed(_) => {}
                Outcome::Conflict(_) => return Err(Error::Contended),
                Outcome::Unknown => return Err(Error::InDoubt),
            }
        }
        Ok(())
    }
}

fn read(value: &[u8]) -> Result<Breach, Error> {
    let what = "a breach";
    let read = || {
        let mut from = Reader::new(value)?;
        let breach = facts::read(&mut from)?;
        from.end().map(|()| breach)
    };
    read().ok_or(Error::Damaged { what })
}
