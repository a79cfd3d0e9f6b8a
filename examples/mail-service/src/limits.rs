//! Caps on connections and on memory.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

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

/// Something that there is only so much of, and only so much for one network: places for
/// connections, octets of memory.
#[derive(Debug)]
pub(crate) struct Shares {
    most: usize,
    most_per_network: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_network: HashMap<IpAddr, usize>,
}

/// What one client has of it, given back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    of: Arc<Shares>,
    network: IpAddr,
    amount: usize,
}

impl Shares {
    pub(crate) fn new(most: usize, most_per_network: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            most_per_network,
            taken: Mutex::default(),
        })
    }

    /// A share of nothing, for now.
    pub(crate) fn share(self: &Arc<Self>, address: IpAddr) -> Share {
        Share {
            of: self.clone(),
            network: network(address),
            amount: 0,
        }
    }
}

impl Share {
    /// Makes it this large, or leaves it as it is and says that this is too much.
    pub(crate) fn grow_to(&mut self, amount: usize) -> bool {
        let more = amount.saturating_sub(self.amount);
        if more == 0 {
            return true;
        }
        let mut taken = lock(&self.of.taken);
        let here = taken.by_network.get(&self.network).copied().unwrap_or(0);
        let (all, here) = (taken.all.saturating_add(more), here.saturating_add(more));
        if all > self.of.most || here > self.of.most_per_network {
            return false;
        }
        taken.all = all;
        taken.by_network.insert(self.network, here);
        self.amount = amount;
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = lock(&self.of.taken);
        taken.all = taken.all.saturating_sub(self.amount);
        match taken.by_network.get_mut(&self.network) {
            Some(here) if *here > self.amount => *here -= self.amount,
            _ => {
                taken.by_network.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: [u8; 4] = [192, 0, 2, 1];
    const TWO: [u8; 4] = [192, 0, 2, 2];

    fn take(of: &Arc<Shares>, address: [u8; 4], amount: usize) -> Option<Share> {
        let mut share = of.share(address.into());
        share.grow_to(amount).then_some(share)
    }

    #[test]
    fn one_address_does_not_take_it_all() {
        let connections = Shares::new(3, 2);
        let first = take(&connections, ONE, 1).unwrap();
        let _second = take(&connections, ONE, 1).unwrap();
        assert!(take(&connections, ONE, 1).is_none());
        let _third = take(&connections, TWO, 1).unwrap();
        assert!(take(&connections, TWO, 1).is_none(), "all are taken");
        drop(first);
        assert!(take(&connections, TWO, 1).is_some());
    }

    #[test]
    fn shares_grow_and_are_given_back() {
        let room = Shares::new(100, 60);
        let mut large = take(&room, ONE, 40).unwrap();
        assert!(large.grow_to(60) && large.grow_to(10), "it never shrinks");
        assert!(!large.grow_to(61));
        assert!(take(&room, ONE, 1).is_none());
        let _other = take(&room, TWO, 40).unwrap();
        assert!(take(&room, TWO, 1).is_none());
        drop(large);
        assert!(take(&room, ONE, 60).is_some());
        assert_eq!(lock(&room.taken).by_network.len(), 1);
    }

    #[test]
    fn ipv6_counts_by_64() {
        let net = |text: &str| network(text.parse().unwrap());
        assert_eq!(net("2001:db8::1"), net("2001:db8::ffff:1"));
        assert_ne!(net("2001:db8::1"), net("2001:db8:0:1::1"));
        assert_eq!(net("::ffff:192.0.2.1"), net("192.0.2.1"));
    }
}
