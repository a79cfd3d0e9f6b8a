//! What was acknowledged is there: after races, after SIGTERM, after SIGKILL at any moment.

use std::collections::BTreeSet;
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
struct Senders {
    acknowledged: Mutex<BTreeSet<String>>,
    count: AtomicUsize,
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

    /// Runs all of them beside `other`, and stops them when it ends.
    fn beside(&self, peer: &(impl Peer + Sync), round: usize, each: usize, other: impl FnOnce()) {
        thread::scope(|scope| {
            for sender in 0..SENDERS {
                let name = format!("r{round}s{sender}");
                scope.spawn(move || self.send(peer, &name, each));
            }
            other();
        });
    }

    /// Waits until `count` messages were acknowledged.
    fn wait_for(&self, count: usize) {
        eventually("messages are acknowledged", || {
            self.count.load(Ordering::Relaxed) >= count
        });
    }

    /// Each acknowledged message is among `stored`, once and whole.
    fn judge(&self, stored: &[String]) -> Result<(), String> {
        let there = ids(stored);
        let lost: Vec<_> = self
            .acknowledged
            .lock()
            .unwrap()
            .iter()
            .filter(|id| there.binary_search(id).is_err())
            .cloned()
            .collect();
        let twice: Vec<_> = there
            .windows(2)
            .filter(|w| w[0] == w[1])
            .map(|w| &w[0])
            .collect();
        let halves = halves(stored);
        match lost.is_empty() && twice.is_empty() && halves.is_empty() {
            true => Ok(()),
            false => Err(format!("lost {lost:?}, twice {twice:?}, half {halves:?}")),
        }
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
    senders.judge(&peer.stored())
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
    assert_eq!(senders.judge(&service.stored()), Ok(()));
}

#[test]
fn sigterm_lets_a_transaction_end() {
    let mut service = Service::start();
    let mut session = Smtp::open(service.smtp()).unwrap();
    session
        .envelope("alice@a.test", "bob@b.test")
        .unwrap()
        .expect(354);
    let message = letter("in-flight", 4_000);
    let (first, rest) = message.split_at(1_000);
    session.0.send(first).unwrap();
    service.terminate();
    eventually("it stops listening", || {
        Smtp::connect(service.smtp()).is_err()
    });
    session.0.send(rest).unwrap();
    session.0.send(b".\r\n").unwrap();
    session.reply().unwrap().expect(250);
    assert!(service.wait().success());
    service.restart();
    assert_eq!(ids(&service.stored()), ["in-flight"]);
}

/// `rounds` times: eight senders, SIGKILL at a random moment, a restart, and everything that was ever acknowledged is
/// read back whole.
fn kill_storm(rounds: usize) {
    let mut service = Service::start();
    let mut mailbox = Mailbox::default();
    let mut dice = Dice::new();
    let senders = Senders::default();
    for round in 0..rounds {
        let before = senders.count.load(Ordering::Relaxed);
        let (messages, spins) = (dice.below(40) as usize, dice.below(20_000));
        senders.beside(&service, round, usize::MAX, || {
            senders.wait_for(before + messages);
            (0..spins).for_each(|_| std::hint::spin_loop());
            service.kill();
        });
        service.restart();
        mailbox.refresh(&service);
        assert_eq!(senders.judge(mailbox.messages()), Ok(()), "round {round}");
    }
    let acknowledged = senders.count.load(Ordering::Relaxed);
    let stored = mailbox.messages().len();
    println!("{rounds} kills: {acknowledged} acknowledged, {stored} stored, 0 lost");
    assert!(acknowledged >= rounds);
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
