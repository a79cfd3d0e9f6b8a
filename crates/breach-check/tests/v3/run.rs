//! A monitor that a test steps through time.

use std::time::SystemTime;

use breach_check::Http;
use breach_check::addresses::Client;
use breach_check::monitor::{
    Alert, Error, Monitor, MonitorKey, Ownership, Settings, Step, UserId, Watching,
};
use pollster::block_on;
use record_store::{Memory, Records};

use super::{Fake, World, address, at, client};

pub(crate) const ANN: &str = "ann@example.org";
pub(crate) const DAY: u64 = 24 * 60 * 60;

pub(crate) fn user(id: &str) -> UserId {
    UserId::new(id).unwrap()
}

pub(crate) fn key() -> MonitorKey {
    MonitorKey::new([7; 32])
}

/// A monitor, and what time it is for it.
pub(crate) struct Run<R, H> {
    pub(crate) monitor: Monitor<R, H>,
    pub(crate) now: SystemTime,
}

impl<R: Records, H: Http> Run<R, H> {
    pub(crate) fn new(store: R, client: Client<H>, settings: Settings) -> Self {
        let monitor = Monitor::new(store, client, key(), settings).unwrap();
        Self {
            monitor,
            now: at(0),
        }
    }

    pub(crate) fn watch(&self, id: &str, text: &str, ownership: Ownership) -> Watching {
        let (id, address) = (user(id), address(text));
        block_on(self.monitor.watch(&id, &address, ownership, self.now)).unwrap()
    }

    pub(crate) fn step(&mut self) -> Result<Step, Error> {
        block_on(self.monitor.step(self.now))
    }

    /// Steps until there is nothing to do; what they did. The clock goes on as they say.
    pub(crate) fn until_idle(&mut self) -> Vec<Result<Step, Error>> {
        let mut did = Vec::new();
        for _ in 0..2000 {
            match self.step() {
                Ok(Step::Waited(until)) => self.now = self.now.max(until),
                Ok(Step::Idle(_)) => return did,
                other => did.push(other),
            }
        }
        panic!("it never ends: {did:?}");
    }

    /// The same, later.
    pub(crate) fn after(&mut self, seconds: u64) -> Vec<Result<Step, Error>> {
        self.now += std::time::Duration::from_secs(seconds);
        self.until_idle()
    }

    pub(crate) fn alerts(&self) -> Vec<Alert> {
        block_on(self.monitor.next_alerts(None, None, self.now)).unwrap()
    }

    /// Names of the breaches that are told, which are acknowledged.
    pub(crate) fn told(&self) -> Vec<String> {
        let told = self.alerts().into_iter().map(|alert| {
            block_on(self.monitor.acknowledge(&alert.key, self.now)).unwrap();
            alert.breach.to_string()
        });
        told.collect()
    }
}

pub(crate) fn run(fake: &Fake) -> Run<Memory, Fake> {
    Run::new(Memory::new(), client(fake), Settings::default())
}

pub(crate) fn world() -> World {
    let world = World::new().with("Linked", "2016-05-21T21:35:40Z", None);
    world.in_breaches(ANN, &["Linked", "Adobe"])
}
