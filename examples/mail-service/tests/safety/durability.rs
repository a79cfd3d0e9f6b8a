//! What was acknowledged is there: after races, after SIGTERM, after SIGKILL at any moment.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::common::lax::{Fault, Lax};
use crate::common::service::{Mailbox, Service};
use crate::common::smtp::Smtp;
use crate::common::{Dice, Peer, eventually, halves, ids, letter};

const SENDERS: usize = 8;

/// Eight senders on their own connections, and what was acknowledged to them.
#[derive(Default)]
pub(crate) struct Senders {
    acknowledged: Mutex<BTreeSet<String>>,
    count: AtomicUsize,
    failed: AtomicUsize,
    stop: AtomicBool,
}

impl Senders {
    /// Sends until told to stop, `each` messages were sent, or the connection is lost. A refusal is a panic.
    fn send(&self, peer: &impl Peer, name: &str, each: usize) {
        let Ok(mut session) = Smtp::open(peer.smtp()) else {
            return;
        };
        for number in 0..each {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let id = format!("{name}-{number}");
            match session.deliver(&letter(&id, 2_000 + 300 * (number % 20))) {
                Ok(reply) if reply.code == 250 => {
                    self.acknowledged.lock().unwrap().insert(id);
                    self.count.fetch_add(1, Ordering::Relaxed);
                }
                // 421: the service shuts down.
                Ok(reply) if reply.code == 421 => return,
                Ok(reply) => panic!("{reply:?}"),
                Err(_) => return,
            }
        }
    }

    /// Runs all of them beside `other`, and stops those that send without end when it ends.
    fn beside(&self, peer: &(impl Peer + Sync), round: usize, each: usize, other: impl FnOnce()) {
        self.stop.store(false, Ordering::Relaxed);
        thread::scope(|scope| {
            for sender in 0..SENDERS {
                let name = format!("r{round}s{sender}");
                scope.spawn(move || self.send(peer, &name, each));
            }
            other();
            self.stop.store(each == usize::MAX, Ordering::Relaxed);
        });
    }

    /// Runs all of them beside `other`, and stops them when it ends. Each has another of these servers before it; if
    /// that one refuses a message or is lost, it goes on with the next one, and with the next message.
    pub(crate) fn persist(&self, servers: &[SocketAddr], round: usize, other: impl FnOnce()) {
        self.stop.store(false, Ordering::Relaxed);
        thread::scope(|scope| {
            for sender in 0..SENDERS {
                scope.spawn(move || {
                    let mut server = sender;
                    let mut number = 0..;
                    while !self.stop.load(Ordering::Relaxed) {
                        let to = servers[server % servers.len()];
                        server += 1;
                        let mut id = || format!("r{round}s{sender}-{}", number.next().unwrap());
                        self.send_while_it_works(to, &mut id);
                    }
                });
            }
            other();
            self.stop.store(true, Ordering::Relaxed);
        });
    }

    fn send_while_it_works(&self, to: SocketAddr, id: &mut impl FnMut() -> String) {
        let Ok(mut session) = Smtp::open(to) else {
            return;
        };
        while !self.stop.load(Ordering::Relaxed) {
            let id = id();
            match session.deliver(&letter(&id, 2_000)) {
                Ok(reply) if reply.code == 250 => {
                    self.acknowledged.lock().unwrap().insert(id);
                    self.count.fetch_add(1, Ordering::Relaxed);
                }
                Ok(reply) => {
                    assert_eq!(reply.code / 100, 4, "{reply:?}");
                    self.failed.fetch_add(1, Ordering::Relaxed);
                    return;
                }
                Err(_) => return,
            }
        }
    }

    /// How many messages were acknowledged.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// How many were refused.
    pub(crate) fn failed(&self) -> usize {
        self.failed.load(Ordering::Relaxed)
    }

    /// Waits until `count` messages were acknowledged.
    pub(crate) fn wait_for(&self, count: usize) {
        eventually("messages are acknowledged", || {
            self.count.load(Ordering::Relaxed) >= count
        });
    }

    /// Each acknowledged message is among those that are stored, once and whole.
    pub(crate) fn judge(&self, stored: &Stored) -> Result<(), String> {
        let acknowledged = self.acknowledged.lock().unwrap();
        let lost = acknowledged.difference(&stored.ids);
        let lost: Vec<_> = lost.collect();
        let (twice, halves) = (&stored.twice, &stored.halves);
        match lost.is_empty() && twice.is_empty() && halves.is_empty() {
            true => Ok(()),
            false => Err(format!("lost {lost:?}, twice {twice:?}, half {halves:?}")),
        }
    }
}

/// What is stored, and what is wrong with it.
#[derive(Default)]
pub(crate) struct Stored {
    ids: BTreeSet<String>,
    twice: Vec<String>,
    halves: Vec<String>,
}

impl Stored {
    pub(crate) fn add(mut self, messages: &[String]) -> Self {
        for id in ids(messages) {
            if let Some(twice) = self.ids.replace(id) {
                self.twice.push(twice);
            }
        }
        self.halves.extend(halves(messages));
        self
    }
}

/// Eight senders of 25 messages each.
fn race(peer: &(impl Peer + Sync)) -> Result<(), String> {
    let senders = Senders::default();
    senders.beside(peer, 0, 25, || {});
    let acknowledged = senders.count.load(Ordering::Relaxed);
    if acknowledged != SENDERS * 25 {
        return Err(format!("only {acknowledged} were acknowledged"));
    }
    senders.judge(&Stored::default().add(&peer.stored()))
}

#[test]
fn eight_senders_race() {
    assert_eq!(race(&Service::start()), Ok(()));
}

#[test]
fn the_check_finds_what_is_lost_doubled_or_halved() {
    for fault in [Fault::Loses, Fault::Doubles, Fault::Halves] {
        assert!(race(&Lax::start(fault)).is_err(), "{fault:?}");
    }
}

#[test]
fn sigterm_ends_the_service_and_loses_nothing() {
    let mut service = Service::start();
    let senders = Senders::default();
    for round in 0..3 {
        let before = senders.count.load(Ordering::Relaxed);
        senders.beside(&service, round, usize::MAX, || {
            senders.wait_for(before + 20);
            service.terminate();
        });
        assert!(service.wait().success());
        service.restart();
    }
    let stored = Stored::default().add(&service.stored());
    assert_eq!(senders.judge(&stored), Ok(()));
}

/// Sends a message whose first part comes before the signal and the rest after the service has stopped listening;
/// then what is stored.
fn across(signal: impl FnOnce(&Service)) -> Result<Vec<String>, String> {
    let failed = |e: std::io::Error| e.to_string();
    let mut service = Service::start();
    let mut session = Smtp::open(service.smtp()).unwrap();
    let ready = session.envelope("alice@a.test", "bob@b.test");
    ready.unwrap().expect(354);
    let message = letter("in-flight", 4_000);
    let (first, rest) = message.split_at(1_000);
    session.0.send(first).unwrap();
    signal(&service);
    eventually("it stops listening", || {
        Smtp::connect(service.smtp()).is_err()
    });
    session.0.send(rest).map_err(failed)?;
    session.0.send(b".\r\n").map_err(failed)?;
    session.reply().map_err(failed)?.expect(250);
    assert!(service.wait().success());
    service.restart();
    Ok(ids(&service.stored()))
}

#[test]
fn sigterm_lets_a_transaction_end() {
    assert_eq!(across(Service::terminate), Ok(vec!["in-flight".into()]));
}

#[test]
fn the_check_finds_a_transaction_that_is_broken_off() {
    assert!(across(Service::kill).is_err());
}

/// Eight senders, SIGKILL at a random moment, a restart, and everything that was ever acknowledged is read back whole.
struct Storm {
    service: Service,
    mailbox: Mailbox,
    stored: Stored,
    dice: Dice,
    senders: Senders,
    round: usize,
}

impl Storm {
    fn new() -> Self {
        Self {
            service: Service::start(),
            mailbox: Mailbox::default(),
            stored: Stored::default(),
            dice: Dice::new(),
            senders: Senders::default(),
            round: 0,
        }
    }

    /// One round, with the senders before the service, or before something that stands before it.
    fn rage(&mut self, front: Option<&Lax>) -> Result<(), String> {
        self.round += 1;
        let before = self.senders.count.load(Ordering::Relaxed);
        let (messages, spins) = (self.dice.below(40) as usize, self.dice.below(20_000));
        let kill = || {
            self.senders.wait_for(before + messages);
            (0..spins).for_each(|_| std::hint::spin_loop());
            self.service.kill();
        };
        match front {
            Some(front) => {
                front.stand_before(self.service.smtp());
                self.senders.beside(front, self.round, usize::MAX, kill);
            }
            None => {
                let service = &self.service;
                self.senders.beside(service, self.round, usize::MAX, kill);
            }
        }
        self.service.restart();
        let new = self.mailbox.fetch(&self.service);
        self.stored = std::mem::take(&mut self.stored).add(&new);
        // What was kept over some rounds makes place, so that each round takes as long.
        if self.round.is_multiple_of(10) {
            self.mailbox.clear(&self.service);
        }
        let judged = self.senders.judge(&self.stored);
        judged.map_err(|found| format!("round {}: {found}", self.round))
    }
}

fn kill_storm(rounds: usize) {
    let mut storm = Storm::new();
    for _ in 0..rounds {
        assert_eq!(storm.rage(None), Ok(()));
    }
    let acknowledged = storm.senders.count.load(Ordering::Relaxed);
    let stored = storm.stored.ids.len();
    println!("{rounds} kills: {acknowledged} acknowledged, {stored} stored, 0 lost");
    assert!(acknowledged >= rounds);
}

#[test]
fn the_storm_finds_a_250_that_comes_before_the_message_is_stored() {
    let hurried = Lax::start(Fault::Hurries);
    let mut storm = Storm::new();
    let found = (0..20).find_map(|_| storm.rage(Some(&hurried)).err());
    let found = found.expect("nothing was lost");
    assert!(found.contains("lost [\"r"), "{found}");
}

#[test]
fn kill_9_loses_nothing_acknowledged() {
    kill_storm(20);
}

#[test]
#[ignore = "interop: takes minutes"]
fn interop_kill_9_at_200_moments_loses_nothing_acknowledged() {
    kill_storm(200);
}
