//! Who waits for new work, and who tells him of it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::failure::{too_late, unavailable};
use super::pool::Connector;
use crate::Error;

/// Waits for commits that write to one namespace; from [`Postgres::news`](crate::Postgres::news).
///
/// This saves looking in vain; it replaces no look. What another node commits is heard of only if
/// [`notify`](crate::PostgresOptions::notify) is on in both, and a message can be lost, so look after every wait,
/// whatever it says: all that a lost message costs is the rest of `at_most`.
pub struct News {
    changes: watch::Receiver<u64>,
    runtime: Handle,
}

/// Why a wait ended.
#[allow(clippy::exhaustive_enums)] // complete by design: a caller must handle all three
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Somebody may have written to the namespace since the wait before.
    Commit,
    /// The time was up; look all the same.
    Nothing,
    /// The store was dropped: no further wait will last.
    Closed,
}

impl News {
    pub(super) fn new(changes: watch::Receiver<u64>, runtime: Handle) -> Self {
        Self { changes, runtime }
    }

    /// Returns when a commit wrote to the namespace after the last wait ended, and after `at_most` in any case. A node
    /// without notifications hears of its own commits alone.
    pub async fn wait(&mut self, at_most: Duration) -> Heard {
        let mut changes = self.changes.clone();
        let waiting = async move { timeout(at_most, changes.changed()).await };
        let mut waiting = Waiting(self.runtime.spawn(waiting));
        let heard = match (&mut waiting.0).await {
            Ok(Ok(Ok(()))) => Heard::Commit,
            Ok(Err(_)) => Heard::Nothing,
            Ok(Ok(Err(_))) | Err(_) => Heard::Closed,
        };
        self.changes.mark_unchanged();
        heard
    }
}

/// A task that ends when nobody waits for it any more.
struct Waiting<T>(JoinHandle<T>);

impl<T> Drop for Waiting<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl fmt::Debug for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("News")
    }
}

/// Who waits, by namespace.
#[derive(Default)]
pub(super) struct Hub(Mutex<State>);

#[derive(Default)]
struct State {
    namespaces: HashMap<String, watch::Sender<u64>>,
    /// A connection listens, or is being made.
    listening: bool,
}

impl Hub {
    pub(super) fn subscribe(&self, namespace: &str) -> watch::Receiver<u64> {
        let mut state = self.state();
        state.namespaces.retain(|_, sender| !sender.is_closed());
        let sender = state.namespaces.entry(namespace.into()).or_default();
        sender.subscribe()
    }

    pub(super) fn tell<S: AsRef<str>>(&self, namespaces: &[S]) {
        let state = self.state();
        for namespace in namespaces {
            if let Some(sender) = state.namespaces.get(namespace.as_ref()) {
                sender.send_modify(|changes| *changes = changes.wrapping_add(1));
            }
        }
    }

    /// What happened in between, nobody knows.
    fn tell_all(&self) {
        for sender in self.state().namespaces.values() {
            sender.send_modify(|changes| *changes = changes.wrapping_add(1));
        }
    }

    /// Whether the caller is the first who asks.
    pub(super) fn start_listening(&self) -> bool {
        !std::mem::replace(&mut self.state().listening, true)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Listens on a connection of its own, and makes another one whenever it is lost, until the store is dropped.
pub(super) async fn listen(connector: Arc<Connector>, hub: Weak<Hub>) {
    while hub.strong_count() > 0 {
        let _ = hear(&connector, &hub).await; // polling goes on meanwhile
        sleep(RECONNECT).await;
    }
}

const RECONNECT: Duration = Duration::from_secs(1);

async fn hear(connector: &Connector, hub: &Weak<Hub>) -> Result<(), Error> {
    let told = Weak::clone(hub);
    let hear = move |namespace: &str| {
        if let Some(hub) = told.upgrade() {
            hub.tell(&[namespace]);
        }
    };
    let mut conn = timeout(connector.timeout, async {
        let conn = connector.connect(Box::new(hear)).await?;
        let listening = conn.client.batch_execute("LISTEN record_store").await;
        listening
            .map_err(|error| unavailable(&error))
            .map(|()| conn)
    })
    .await
    .unwrap_or_else(|_| Err(too_late()))?;
    if let Some(hub) = hub.upgrade() {
        hub.tell_all();
    }
    // Ends when the connection does.
    let _ = (&mut conn.driver).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use tokio::runtime::Builder;

    use super::*;

    #[test]
    fn a_wait_that_is_given_up_leaves_nothing_behind() {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_time()
            .build()
            .unwrap();
        let hub = Hub::default();
        let mut news = News::new(hub.subscribe("a"), runtime.handle().clone());
        let day = Duration::from_secs(24 * 3600);
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..100 {
            assert_eq!(pin!(news.wait(day)).poll(&mut context), Poll::Pending);
        }
        // It ends: none of them waits for its day.
        while runtime.metrics().num_alive_tasks() > 0 {
            std::thread::yield_now();
        }
        // Nor has a message been lost with them.
        hub.tell(&["a"]);
        assert_eq!(runtime.block_on(news.wait(day)), Heard::Commit);
    }
}
