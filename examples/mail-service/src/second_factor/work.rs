//! Where passwords and recovery codes are computed: on threads of their own, behind a queue that has an end.

use crate::limits::lock;
use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
};
use tokio::sync::oneshot;
use twofactor::Offload;

type Job = Box<dyn FnOnce() + Send>;

/// A bounded pool, so that logins can neither stop the mail nor take all memory: Argon2 takes 19 MiB and some 20 ms.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    jobs: SyncSender<Job>,
}

impl Work {
    /// Starts the threads. They end with the last handle.
    pub(crate) fn start(threads: usize, queue: usize) -> io::Result<Self> {
        let (jobs, waiting) = sync_channel(queue);
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..threads {
            let waiting = waiting.clone();
            std::thread::Builder::new()
                .name("passwords".into())
                .spawn(move || work(&waiting))?;
        }
        Ok(Self { jobs })
    }

    /// A pool in which nobody works, and which takes nothing.
    #[cfg(test)]
    pub(crate) fn full() -> (Self, impl Sized) {
        let (jobs, waiting) = sync_channel(0);
        (Self { jobs }, waiting)
    }
}

impl Offload for Work {
    /// None if too many wait already.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        let job = move || {
            // Nobody waits for the answer any more: spare the work.
            if !answer.is_closed() {
                let _ = answer.send(work());
            }
        };
        self.jobs.try_send(Box::new(job)).ok()?;
        answered.await.ok()
    }
}

fn work(waiting: &Mutex<Receiver<Job>>) {
    loop {
        let job = lock(waiting).recv();
        let Ok(job) = job else { return };
        // Work that breaks has its answer dropped; the thread goes on.
        let _ = catch_unwind(AssertUnwindSafe(job));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_queue_is_bounded_and_work_that_breaks_is_given_up() {
        let (full, _nobody_works) = Work::full();
        assert_eq!(full.run(|| 1).await, None);
        let work = Work::start(1, 1).unwrap();
        assert_eq!(work.run(|| -> u8 { panic!("as it must") }).await, None);
        assert_eq!(work.run(|| 7).await, Some(7), "the thread is still there");
    }
}
