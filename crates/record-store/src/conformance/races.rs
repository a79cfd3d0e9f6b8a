//! The checks of what happens at the same time.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;
use std::time::SystemTime;

use super::{BlockOn, Checked, PATIENCE, Wrong, committed, complete};
use crate::{Commit, Expect, Key, Outcome, Records};

/// Of a dropped future: what was started is done, though nobody waits for it.
pub(super) async fn dropped(store: &impl Records, now: SystemTime) -> Checked {
    let [key, other] = [1_u64, 2].map(|number| Key::new("conformance", ("dropped", number)));
    let (key, other) = (key?, other?);
    {
        let commit = Commit::new().put(&key, *b"x", Expect::Absent);
        let mut commit = pin!(store.commit(commit, now));
        poll_fn(|context| {
            let _ = commit.as_mut().poll(context);
            Poll::Ready(())
        })
        .await;
    }
    // Nothing says when it is done; it has the time that these take.
    for _ in 0..PATIENCE {
        let commit = Commit::new().put(&other, *b"y", Expect::Anything);
        committed(store, commit, now).await?;
        if store.get(&key, now).await?.is_some() {
            return Ok(());
        }
    }
    Err(Wrong("to drop its future cancelled a commit".into()))
}

/// Eight tasks take sixty steps together, all eight at each of them: each step has exactly one winner.
pub(super) fn races(block_on: &BlockOn<'_>, store: &impl Records, now: SystemTime) -> Checked {
    const STEPS: usize = 60;
    const TASKS: usize = 8;
    let key = Key::new("conformance", ("races", "step"))?;
    let winners = AtomicUsize::new(0);
    let start = Barrier::new(TASKS);
    let look = async |step: usize| match store.get(&key, now).await? {
        Some(record) if record.value()?.len() == step => Ok(Expect::Version(record.version())),
        None if step == 0 => Ok(Expect::Absent),
        other => Err(Wrong(format!("step {step} finds {other:?}"))),
    };
    let take = async |task: usize, step: usize, expect: Expect| {
        let trophy = Key::new("conformance", ("races", "trophy", step as u64))?;
        let commit = Commit::new().put(&key, vec![0; step + 1], expect).put(
            &trophy,
            [task as u8],
            Expect::Absent,
        );
        match store.commit(commit, now).await? {
            Outcome::Committed(_) => winners.fetch_add(1, Ordering::Relaxed),
            Outcome::Conflict(conflict) if conflict.key == key => 0,
            other => return Err(Wrong(format!("step {step} ended in {other:?}"))),
        };
        Ok(())
    };
    let race = |task: usize| {
        // A task that has failed still waits with the others, or they would wait for it.
        let mut result = Ok(());
        for step in 0..STEPS {
            let seen = complete(block_on, look(step));
            start.wait();
            let took = seen.and_then(|expect| complete(block_on, take(task, step, expect)));
            start.wait();
            result = result.and(took);
        }
        result
    };
    thread::scope(|scope| {
        let race = &race;
        let tasks: Vec<_> = (0..TASKS)
            .map(|task| scope.spawn(move || race(task)))
            .collect();
        tasks.into_iter().try_for_each(|task| {
            task.join()
                .unwrap_or_else(|_| Err(Wrong("a task panicked".into())))
        })
    })?;
    let winners = winners.into_inner();
    hold!(winners == STEPS, "{winners} winners of {STEPS} steps");
    Ok(())
}
