//! How many links that do not exist one network may ask for.
//!
//! An identity has 128 random bits, so nobody finds a whole one by asking. What the budget is for: somebody who has most
//! of a link (a photograph of a screen, a line that was cut off) and tries the rest, and load. Once it is spent, an answer
//! to any identity that the network does not know yet would tell it whether that one exists, however the answer is
//! worded: the budget would be none. So then the store is not even asked, and the answer is the same for what exists and
//! for what does not. Only a link that this network has found before is still answered, because that tells it nothing
//! new: people behind the same address who have their message open go on; a new one waits for a quarter of an hour.

use crate::limits::{lock, network};
use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::Mutex,
    time::Duration,
};
use symmetric_seal::link::LinkKey;
use tokio::time::Instant;

const WINDOW: Duration = Duration::from_secs(15 * 60);
/// Networks that are remembered. Whoever has more of them has the budget of each anyway, so the one whose window is the
/// oldest makes place for a new one.
const NETWORKS: usize = 10_000;
/// Links that a network has found, of which the latest are remembered.
const FOUND: usize = 32;

/// Misses by network, in windows of a quarter of an hour.
#[derive(Debug)]
pub(super) struct Guesses {
    most: u32,
    networks: Mutex<HashMap<IpAddr, Network>>,
}

#[derive(Debug)]
struct Network {
    ends: Instant,
    missed: u32,
    found: VecDeque<LinkKey>,
}

/// The right to ask for a link. What is not said to have missed costs nothing.
#[derive(Debug)]
#[must_use = "say what came of it"]
pub(super) struct Guess<'a> {
    of: &'a Guesses,
    network: IpAddr,
    link: LinkKey,
    /// Whether it was taken out of the budget.
    paid: bool,
}

impl Guesses {
    pub(super) fn new(most: u32) -> Self {
        Self {
            most,
            networks: Mutex::default(),
        }
    }

    /// Takes one guess out of the budget before anything is looked up, so that many side by side cannot exceed it. None
    /// if it is spent.
    pub(super) fn guess(&self, client: IpAddr, link: &LinkKey) -> Option<Guess<'_>> {
        let (now, network) = (Instant::now(), network(client));
        let mut networks = lock(&self.networks);
        if networks.len() >= NETWORKS && !networks.contains_key(&network) {
            let oldest = networks.iter().min_by_key(|(_, seen)| seen.ends);
            if let Some(oldest) = oldest.map(|(network, _)| *network) {
                networks.remove(&oldest);
            }
        }
        let seen = networks.entry(network).or_insert_with(|| Network {
            ends: now + WINDOW,
            missed: 0,
            found: VecDeque::new(),
        });
        if seen.ends <= now {
            (seen.ends, seen.missed) = (now + WINDOW, 0);
        }
        let known = seen.found.contains(link);
        if !known && seen.missed >= self.most {
            return None;
        }
        seen.missed += u32::from(!known);
        Some(Guess {
            of: self,
            network,
            link: *link,
            paid: !known,
        })
    }
}

impl Guess<'_> {
    /// There is no such link.
    pub(super) fn missed(mut self) {
        self.paid = false;
    }

    /// There is.
    pub(super) fn found(self) {
        let mut networks = lock(&self.of.networks);
        if let Some(seen) = networks.get_mut(&self.network) {
            seen.found.retain(|link| *link != self.link);
            if seen.found.len() >= FOUND {
                seen.found.pop_front();
            }
            seen.found.push_back(self.link);
        }
    }
}

/// Gives back what was no miss.
impl Drop for Guess<'_> {
    fn drop(&mut self) {
        if !self.paid {
            return;
        }
        let mut networks = lock(&self.of.networks);
        if let Some(seen) = networks.get_mut(&self.network) {
            seen.missed = seen.missed.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use symmetric_seal::link::LinkId;

    fn link(of: u8) -> LinkKey {
        LinkId::from_octets([of; 16]).key()
    }

    fn client(of: u32) -> IpAddr {
        IpAddr::V4(of.into())
    }

    fn miss(guesses: &Guesses, of: u8) -> bool {
        let guess = guesses.guess(client(1), &link(of));
        guess.map(Guess::missed).is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn only_misses_cost_and_they_come_back() {
        let guesses = Guesses::new(2);
        for of in 0..10 {
            guesses.guess(client(1), &link(of)).unwrap().found();
            // An error, or a client that has gone.
            drop(guesses.guess(client(1), &link(of + 100)).unwrap());
        }
        assert!(miss(&guesses, 50) && miss(&guesses, 50));
        assert!(!miss(&guesses, 50) && !miss(&guesses, 51));
        assert!(guesses.guess(client(2), &link(50)).is_some());
        tokio::time::advance(WINDOW).await;
        assert!(miss(&guesses, 50));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_found_is_still_answered_and_nothing_else_is() {
        let guesses = Guesses::new(1);
        guesses.guess(client(1), &link(1)).unwrap().found();
        assert!(miss(&guesses, 50));
        guesses.guess(client(1), &link(1)).unwrap().found();
        // Another one that exists is refused like one that does not: before anybody has looked.
        assert!(guesses.guess(client(1), &link(2)).is_none());
        assert!(guesses.guess(client(1), &link(51)).is_none());
        // In the next window, too.
        tokio::time::advance(WINDOW).await;
        assert!(miss(&guesses, 50));
        assert!(guesses.guess(client(1), &link(1)).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn guesses_side_by_side_do_not_exceed_it() {
        let guesses = Guesses::new(3);
        let held: Vec<_> = (0..10)
            .filter_map(|of| guesses.guess(client(1), &link(of)))
            .collect();
        assert_eq!(held.len(), 3);
        drop(held);
        assert!(guesses.guess(client(1), &link(9)).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn many_networks_and_links_take_little() {
        let guesses = Guesses::new(1);
        for of in 0..NETWORKS as u32 + 100 {
            guesses.guess(client(of), &link(1)).unwrap().found();
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        let last = client(NETWORKS as u32 + 99);
        for of in 0..100 {
            guesses.guess(last, &link(of)).unwrap().found();
        }
        let networks = lock(&guesses.networks);
        assert_eq!(networks.len(), NETWORKS);
        assert!(!networks.contains_key(&client(0)));
        assert_eq!(networks[&last].found.len(), FOUND);
    }
}
