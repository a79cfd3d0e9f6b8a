//! Races for a store of second factors, of any kind: does one code open once, and is a guess counted before it is looked at?
//!
//! Products get both wrong, and no test that does one thing at a time shows it: two servers read before either writes, so
//! both let the code in; or a hundred guesses are looked at before one of them is counted. Say how a code is redeemed, or a
//! guess made, and the kit does it from many threads at once:
//!
//! ```
//! use std::collections::HashSet;
//! use std::sync::Mutex;
//! use twofactor::race_kit::{one_code_one_success, reserve_before_verify};
//!
//! // What is tested: here a set that is asked and changed under one lock.
//! let used = Mutex::new(HashSet::new());
//! let report = one_code_one_success(8, 60, |_task, step| used.lock().unwrap().insert(step));
//! assert!(report.is_exact(), "{report}");
//!
//! let counted = Mutex::new(0);
//! let report = reserve_before_verify(24, 5, |_task| {
//!     let mut counted = counted.lock().unwrap();
//!     *counted += 1;
//!     *counted <= 5 // looked at, or not
//! });
//! assert!(report.is_exact(), "{report}");
//! ```
//!
//! Give each task a connection, or a node, of its own (`task` is its number): a store whose tasks share one lock in one
//! process shows little. The calls block; with an async store, enter your runtime in them
//! (`handle.block_on(store.redeem(..))`).
//!
//! A race that is not lost is no proof: run it against what you deploy, more than once. A race that is lost is one.

use std::fmt;
use std::panic::resume_unwind;
use std::sync::Barrier;
use std::thread;

/// What became of codes that many tasks redeemed at once.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Codes {
    /// How many redeemed each code.
    pub tasks: usize,
    /// How many codes there were.
    pub steps: u64,
    /// How many were let in, in all.
    pub successes: usize,
    /// Codes that let in more than one: each is a replay.
    pub replayed: Vec<u64>,
    /// Codes that let in nobody: the owner was locked out of his own code.
    pub lost: Vec<u64>,
}

impl Codes {
    /// Whether no code has let in more than one. What a store must do.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.replayed.is_empty()
    }

    /// Whether each code has let in one. What a store does whose servers do not stop.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.holds() && self.lost.is_empty()
    }
}

impl fmt::Display for Codes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (replayed, lost) = (self.replayed.len(), self.lost.len());
        write!(
            f,
            "{} successes with {} codes and {} tasks ({replayed} replayed, {lost} lost)",
            self.successes, self.steps, self.tasks
        )
    }
}

/// What became of guesses that many tasks made at once.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guesses {
    /// How many were made.
    pub guesses: usize,
    /// How many may be looked at.
    pub limit: usize,
    /// How many were.
    pub looked_at: usize,
}

impl Guesses {
    /// Whether no more were looked at than may be. What a store must do.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.looked_at <= self.limit
    }

    /// Whether as many were looked at as may be. What a store does that gives up none of them.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.looked_at == self.limit.min(self.guesses)
    }
}

impl fmt::Display for Guesses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {} guesses were looked at, where {} may be",
            self.looked_at, self.guesses, self.limit
        )
    }
}

/// So many tasks redeem the same code at once, one code after the other: `redeem(task, step)` presents the code of the step, of
/// one user, and says whether it was let in. Tasks and steps are numbered from 0; the code of a step must be right when it is
/// presented, and no other's.
///
/// # Panics
/// If `redeem` does.
pub fn one_code_one_success(
    tasks: usize,
    steps: u64,
    redeem: impl Fn(usize, u64) -> bool + Sync,
) -> Codes {
    let mut report = Codes {
        tasks,
        steps,
        successes: 0,
        replayed: Vec::new(),
        lost: Vec::new(),
    };
    for step in 0..steps {
        let successes = at_once(tasks, |task| redeem(task, step));
        report.successes += successes;
        match successes {
            0 => report.lost.push(step),
            1 => {}
            _ => report.replayed.push(step),
        }
    }
    report
}

/// So many guesses at once against a store that may look at `limit` of them: `guess(task)` makes one wrong guess, for one user,
/// and says whether it was looked at, which is also so if it was told to be wrong. What has to wait was not looked at.
///
/// # Panics
/// If `guess` does.
pub fn reserve_before_verify(
    guesses: usize,
    limit: usize,
    guess: impl Fn(usize) -> bool + Sync,
) -> Guesses {
    Guesses {
        guesses,
        limit,
        looked_at: at_once(guesses, guess),
    }
}

/// How many of so many calls, all begun at the same moment, said yes.
fn at_once(tasks: usize, call: impl Fn(usize) -> bool + Sync) -> usize {
    let begin = Barrier::new(tasks);
    thread::scope(|scope| {
        let (begin, call) = (&begin, &call);
        let run = |task| {
            scope.spawn(move || {
                begin.wait();
                call(task)
            })
        };
        let tasks: Vec<_> = (0..tasks).map(run).collect();
        let ended = tasks.into_iter().map(|task| match task.join() {
            Ok(yes) => yes,
            Err(panic) => resume_unwind(panic),
        });
        // All of them end before anything is said of one.
        let ended: Vec<bool> = ended.collect();
        ended.into_iter().filter(|yes| *yes).count()
    })
}
