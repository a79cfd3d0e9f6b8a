//! Changes of one account in one process come one after the other, so that none does its work in vain. Between processes the
//! commit decides, and who was second merges.

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use crate::custody::AccountId;

/// Those who wait for each account, in the order in which they came; the first one has its turn.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    next: u64,
    queues: HashMap<String, VecDeque<(u64, Option<Waker>)>>,
}

impl Turns {
    /// Waits for the turn, and has it until what it gives is dropped. Dropped while it waits, it leaves the queue.
    pub(super) async fn take(&self, account: &AccountId) -> Turn<'_> {
        let turn = {
            let mut state = self.state();
            let number = state.next;
            state.next += 1;
            let account = account.as_str().to_owned();
            let queue = state.queues.entry(account.clone()).or_default();
            queue.push_back((number, None));
            Turn {
                turns: self,
                account,
                number,
            }
        };
        poll_fn(|context| turn.poll(context.waker())).await;
        turn
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that could panic is done under it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to change an account.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    account: String,
    number: u64,
}

impl Turn<'_> {
    fn poll(&self, waker: &Waker) -> Poll<()> {
        let mut state = self.turns.state();
        let queue = state.queues.entry(self.account.clone()).or_default();
        for (place, (number, waiting)) in queue.iter_mut().enumerate() {
            if *number == self.number {
                if place == 0 {
                    return Poll::Ready(());
                }
                *waiting = Some(waker.clone());
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let woken = {
            let mut state = self.turns.state();
            let Some(queue) = state.queues.get_mut(&self.account) else {
                return;
            };
            queue.retain(|(number, _)| *number != self.number);
            let first = queue.front_mut().and_then(|(_, waker)| waker.take());
            if queue.is_empty() {
                state.queues.remove(&self.account);
            }
            first
        };
        if let Some(waker) = woken {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollster::block_on;
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Context;

    fn id(name: &str) -> AccountId {
        AccountId::new(name).unwrap()
    }

    #[test]
    fn one_at_a_time_and_all_of_them() {
        let (turns, inside, done) = (Turns::default(), AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let turn = block_on(turns.take(&id("ann")));
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        std::thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(turn);
                        done.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(done.into_inner(), 1600);
        assert!(turns.state().queues.is_empty());
    }

    #[test]
    fn who_gives_up_holds_nobody_up_and_other_accounts_do_not_wait() {
        let (turns, ann) = (Turns::default(), id("ann"));
        let first = block_on(turns.take(&ann));
        let mut context = Context::from_waker(Waker::noop());
        {
            let mut second = pin!(turns.take(&ann));
            assert!(second.as_mut().poll(&mut context).is_pending());
            drop(block_on(turns.take(&id("anna"))));
        }
        let mut third = pin!(turns.take(&ann));
        assert!(third.as_mut().poll(&mut context).is_pending());
        drop(first);
        assert!(third.as_mut().poll(&mut context).is_ready());
    }
}
