//! Caps on connections and on failed logins.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// Who counts as one client: an IPv4 address, or the /64 that one IPv6 customer gets.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !0_u128 << 64)),
        v4 => v4,
    }
}

/// A lock whose holders cannot leave it half-changed, so poison means nothing.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The connections of one protocol.
#[derive(Debug)]
pub(crate) struct Connections {
    most: usize,
    most_per_network: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    by_network: HashMap<IpAddr, usize>,
}

/// One counted connection, until it is dropped.
#[derive(Debug)]
pub(crate) struct Connection {
    counted: Arc<Connections>,
    network: IpAddr,
}

impl Connections {
    pub(crate) fn new(most: usize, most_per_network: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            most_per_network,
            open: Mutex::default(),
        })
    }

    /// Counts a connection, or says that it is one too many.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Connection> {
        let network = network(address);
        let mut open = lock(&self.open);
        let here = open.by_network.get(&network).copied().unwrap_or(0);
        if open.all >= self.most || here >= self.most_per_network {
            return None;
        }
        open.all += 1;
        open.by_network.insert(network, here + 1);
        Some(Connection {
            counted: self.clone(),
            network,
        })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut open = lock(&self.counted.open);
        open.all = open.all.saturating_sub(1);
        match open.by_network.get_mut(&self.network) {
            Some(here) if *here > 1 => *here -= 1,
            _ => {
                open.by_network.remove(&self.network);
            }
        }
    }
}

/// Failed logins by network, in windows of a quarter of an hour.
#[derive(Debug)]
pub(crate) struct Failures {
    most: u32,
    by_network: Mutex<HashMap<IpAddr, Window>>,
}

#[derive(Debug)]
struct Window {
    ends: Instant,
    failures: u32,
}

const WINDOW: Duration = Duration::from_secs(15 * 60);
/// Networks that are remembered; from then on, those that have none share one window.
const NETWORKS: usize = 10_000;
const OTHERS: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

impl Failures {
    pub(crate) fn new(most: u32) -> Self {
        Self {
            most,
            by_network: Mutex::default(),
        }
    }

    /// Takes one try out of the budget before a password is looked at, so that tries side by side
    /// cannot exceed it; [`succeeded`](Self::succeeded) gives it back.
    pub(crate) fn try_now(&self, address: IpAddr) -> bool {
        let now = Instant::now();
        let mut windows = lock(&self.by_network);
        let mut network = network(address);
        if !windows.contains_key(&network) && windows.len() >= NETWORKS {
            windows.retain(|_, window| window.ends > now);
            if windows.len() >= NETWORKS {
                network = OTHERS;
            }
        }
        let fresh = || Window {
            ends: now + WINDOW,
            failures: 0,
        };
        let window = windows.entry(network).or_insert_with(fresh);
        if window.ends <= now {
            *window = fresh();
        }
        let allowed = window.failures < self.most;
        window.failures += u32::from(allowed);
        allowed
    }

    /// The try was none of those that count.
    pub(crate) fn succeeded(&self, address: IpAddr) {
        let mut windows = lock(&self.by_network);
        let network = network(address);
        let key = match windows.contains_key(&network) {
            true => network,
            false => OTHERS,
        };
        if let Some(window) = windows.get_mut(&key) {
            window.failures = window.failures.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_does_not_take_it_all() {
        let connections = Connections::new(3, 2);
        let [one, two]: [IpAddr; 2] = ["192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap()];
        let first = connections.admit(one).unwrap();
        let _second = connections.admit(one).unwrap();
        assert!(connections.admit(one).is_none());
        let _third = connections.admit(two).unwrap();
        assert!(connections.admit(two).is_none(), "all are taken");
        drop(first);
        assert!(connections.admit(two).is_some());
    }

    #[test]
    fn ipv6_counts_by_64() {
        let net = |text: &str| network(text.parse().unwrap());
        assert_eq!(net("2001:db8::1"), net("2001:db8::ffff:1"));
        assert_ne!(net("2001:db8::1"), net("2001:db8:0:1::1"));
        assert_eq!(net("::ffff:192.0.2.1"), net("192.0.2.1"));
    }

    #[tokio::test(start_paused = true)]
    async fn failures_run_out_and_come_back() {
        let failures = Failures::new(2);
        let address = "192.0.2.1".parse().unwrap();
        assert!(failures.try_now(address));
        failures.succeeded(address);
        assert!(failures.try_now(address) && failures.try_now(address));
        assert!(!failures.try_now(address));
        assert!(failures.try_now("192.0.2.2".parse().unwrap()));
        tokio::time::advance(WINDOW).await;
        assert!(failures.try_now(address));
    }
}
