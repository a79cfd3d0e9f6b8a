//! Logins of one name, one after the other. A try counts before it is looked at, and is given back when it was right: a program
//! that opens ten connections at once would make its user wait for what it did right.

use crate::{limits::lock, second_factor::sha256};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

type Name = [u8; 32];

/// Whose turn it is, by name. A name that nobody has waits as one that somebody has.
#[derive(Debug, Default)]
pub(super) struct Turns {
    under_way: Mutex<HashMap<Name, Arc<AsyncMutex<()>>>>,
}

/// The others wait until it is dropped.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    of: &'a Turns,
    name: Name,
    held: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    pub(super) async fn take(&self, name: &str) -> Turn<'_> {
        let name = sha256(&[name.as_bytes()]);
        let mutex = lock(&self.under_way).entry(name).or_default().clone();
        // Also if nobody waits for it any more.
        let mut turn = Turn {
            of: self,
            name,
            held: None,
        };
        turn.held = Some(mutex.lock_owned().await);
        turn
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.held = None;
        let mut under_way = lock(&self.of.under_way);
        // The map has one; nobody gets another while it is locked.
        let last = under_way
            .get(&self.name)
            .is_some_and(|m| Arc::strong_count(m) == 1);
        if last {
            under_way.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    #[tokio::test]
    async fn one_name_waits_for_itself_and_for_no_other_and_leaves_nothing_behind() {
        let turns = Turns::default();
        let ann = turns.take("ann").await;
        assert!(timeout(Duration::ZERO, turns.take("ann")).await.is_err());
        let bob = turns.take("bob").await;
        assert_eq!(lock(&turns.under_way).len(), 2);
        drop(ann);
        drop(turns.take("ann").await);
        drop(bob);
        assert!(lock(&turns.under_way).is_empty());
    }
}
