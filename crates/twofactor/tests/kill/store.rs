//! The store of the child: SQLite that stops at a commit, so that the parent can kill it there.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::SystemTime;

use record_store::{
    Commit, Error, Key, Memory, Outcome, Page, Prefix, Records, Sqlite, Swept, Versioned,
};

use super::child::tell;

/// How the store is, or what is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    Right,
    /// Says that a commit is done, and writes it with the next one.
    Lazy,
}

impl Manner {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Lazy => "lazy",
        }
    }

    pub(crate) fn of(name: &str) -> Self {
        match name {
            "right" => Self::Right,
            "lazy" => Self::Lazy,
            other => panic!("{other}"),
        }
    }
}

pub(crate) struct Stops {
    file: Sqlite,
    /// What a lazy one shows, and what it has not written yet.
    lazy: Option<(Memory, Mutex<Option<Commit>>)>,
    commits: AtomicUsize,
    stop: Option<usize>,
    after: bool,
}

impl Stops {
    pub(crate) fn new(file: Sqlite, stop: Option<usize>, after: bool, manner: Manner) -> Self {
        let lazy = (manner == Manner::Lazy).then(Default::default);
        Self {
            file,
            lazy,
            commits: AtomicUsize::new(0),
            stop,
            after,
        }
    }

    fn stop(&self) {
        tell("did", "stop", 0, &[]);
        loop {
            thread::park();
        }
    }
}

impl Records for Stops {
    async fn get(&self, key: &Key, now: SystemTime) -> Result<Option<Versioned>, Error> {
        match &self.lazy {
            Some((shown, _)) => shown.get(key, now).await,
            None => self.file.get(key, now).await,
        }
    }

    async fn scan(
        &self,
        prefix: &Prefix,
        after: Option<&Key>,
        limit: usize,
        now: SystemTime,
    ) -> Result<Page, Error> {
        match &self.lazy {
            Some((shown, _)) => shown.scan(prefix, after, limit, now).await,
            None => self.file.scan(prefix, after, limit, now).await,
        }
    }

    async fn commit(&self, commit: Commit, now: SystemTime) -> Result<Outcome, Error> {
        let is_it = self.stop == Some(self.commits.fetch_add(1, Ordering::SeqCst));
        if is_it && !self.after {
            self.stop();
        }
        let outcome = match &self.lazy {
            Some((shown, late)) => {
                let outcome = shown.commit(commit.clone(), now).await?;
                let before = late.lock().unwrap().replace(commit);
                if let Some(before) = before {
                    let written = self.file.commit(before, now).await?;
                    assert!(matches!(written, Outcome::Committed(_)));
                }
                outcome
            }
            None => self.file.commit(commit, now).await?,
        };
        if is_it && self.after {
            self.stop();
        }
        Ok(outcome)
    }

    async fn sweep(&self, now: SystemTime, budget: usize) -> Result<Swept, Error> {
        self.file.sweep(now, budget).await
    }
}
