//! Where work on keys runs: beside the runtime, on so many threads at a time and no more.

use pgp_keystore::store::Offload;
use std::sync::Arc;
use tokio::{sync::Semaphore, task::spawn_blocking};

/// Runs so many pieces of work at a time on threads for what blocks; the rest waits, and the runtime's threads go on.
#[derive(Clone, Debug)]
pub struct Pool(Arc<Semaphore>);

impl Pool {
    /// So many at a time.
    pub fn new(threads: usize) -> Self {
        Self(Arc::new(Semaphore::new(threads.max(1))))
    }
}

impl Offload for Pool {
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let permit = Arc::clone(&self.0).acquire_owned().await.ok()?;
        let work = move || {
            // Held to the end of the work, though whoever asked for it may be gone.
            let _permit = permit;
            work()
        };
        spawn_blocking(work).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc::sync_channel,
    };

    /// How many of eight pieces of work are under way at a time, if each waits until `together` are.
    async fn most(threads: usize, together: usize) -> usize {
        let pool = Pool::new(threads);
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let gate = Arc::new((Mutex::new(0), std::sync::Condvar::new()));
        let mut all = Vec::new();
        for _ in 0..8 {
            let (pool, running, most) = (pool.clone(), running.clone(), most.clone());
            let gate = gate.clone();
            all.push(tokio::spawn(async move {
                let work = move || {
                    let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                    most.fetch_max(now, Ordering::SeqCst);
                    let (lock, changed) = &*gate;
                    let mut seen = lock.lock().unwrap();
                    *seen += 1;
                    changed.notify_all();
                    while *seen < together {
                        seen = changed.wait(seen).unwrap();
                    }
                    drop(seen);
                    running.fetch_sub(1, Ordering::SeqCst);
                };
                pool.run(work).await.unwrap();
            }));
        }
        for one in all {
            one.await.unwrap();
        }
        most.load(Ordering::SeqCst)
    }

    #[tokio::test]
    async fn no_more_work_at_a_time_than_there_are_threads() {
        assert_eq!(most(1, 1).await, 1);
        assert!(most(3, 3).await <= 3);
        // The mutation: a pool that is too large runs all eight at once.
        assert_eq!(most(8, 8).await, 8);
    }

    #[tokio::test]
    async fn the_runtime_goes_on_meanwhile() {
        let pool = Pool::new(1);
        let (go, wait) = sync_channel::<()>(1);
        let work = tokio::spawn(async move { pool.run(move || wait.recv().is_ok()).await });
        // On the only thread of this runtime.
        go.send(()).unwrap();
        assert_eq!(work.await.unwrap(), Some(true));
    }

    #[tokio::test]
    async fn work_that_breaks_is_given_up_and_its_place_is_free_again() {
        let pool = Pool::new(1);
        assert_eq!(pool.run(|| -> u8 { panic!("as it must") }).await, None);
        assert_eq!(pool.run(|| 7).await, Some(7));
    }
}
