//! The connection to the database is cut in the middle of a delivery's commit: what became of it, nobody knows.

use std::net::SocketAddr;
use std::thread;

use crate::common::service::{Options, Service};
use crate::common::smtp::Smtp;
use crate::common::{Peer, eventually, ids, letter};
use crate::postgres::Postgres;
use crate::proxy::{Cut, Proxy, Rest};

/// What a sender does who hears 451, or 250.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sender {
    /// He sends again after 451 (RFC 5321 §4.5.4.1), and not after 250.
    Careful,
    /// Takes 451 for an acknowledgement.
    Careless,
    /// Sends again after 250.
    Impatient,
}

/// What a sender heard, and how often his letter is in the mailbox then.
#[derive(Debug, PartialEq, Eq)]
struct Fate {
    replies: Vec<u16>,
    copies: usize,
}

impl Fate {
    /// A letter arrives; and not more often than it was acknowledged or refused for now.
    fn judge(&self) -> Result<(), String> {
        let refused = self.replies.iter().filter(|code| **code != 250).count();
        match self.copies {
            0 => Err(format!("lost: {self:?}")),
            // RFC 5321 §4.1.1.4: who hears no 250 sends again, though the message may have been stored.
            copies if copies > 1 + refused => Err(format!("doubled: {self:?}")),
            _ => Ok(()),
        }
    }
}

fn deliver(to: SocketAddr, id: &str) -> u16 {
    let mut session = Smtp::open(to).unwrap();
    session.deliver(&letter(id, 2_000)).unwrap().code
}

/// A letter whose commit is cut.
fn fate(node: &Service, proxy: &Proxy, cut: Cut, rest: Rest, sender: Sender) -> Fate {
    let id = format!("{cut:?}-{rest:?}-{sender:?}");
    let (cuts, connections) = (proxy.cuts(), proxy.connections());
    proxy.cut_next_commit(cut, rest);
    let first = thread::scope(|scope| {
        let first = scope.spawn(|| deliver(node.smtp(), &id));
        if rest == Rest::Stalls {
            // The store asks over two new connections, five seconds each, until its call must end; the third one is
            // the service's, who was told that the outcome is unknown.
            eventually("somebody asks what became of the commit", || {
                proxy.connections() >= connections + 3
            });
            proxy.mend();
        }
        first.join().unwrap()
    });
    assert_eq!(proxy.cuts(), cuts + 1, "the commit was cut");
    proxy.mend();
    let mut replies = vec![first];
    let again = match sender {
        Sender::Careful => first != 250,
        Sender::Careless => false,
        Sender::Impatient => true,
    };
    if again {
        replies.push(deliver(node.smtp(), &id));
    }
    let stored = ids(&node.stored());
    let copies = stored.iter().filter(|stored| **stored == id).count();
    Fate { replies, copies }
}

fn start(database: &Postgres) -> (Proxy, Service) {
    let proxy = Proxy::before(database.port());
    let store = database.url_at(proxy.port());
    let node = Service::start_with(&Options::default().store(&store));
    // Makes the connections.
    assert_eq!(deliver(node.smtp(), "first"), 250);
    (proxy, node)
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_a_delivery_whose_commit_is_cut_is_neither_lost_nor_doubled() {
    let database = Postgres::start();
    let (proxy, node) = start(&database);
    for (cut, rest, replies, copies) in [
        // The store finds out at once what became of it, and the sender notices nothing.
        (Cut::Request, Rest::Lives, &[250][..], 1),
        (Cut::Answer, Rest::Lives, &[250], 1),
        // The store cannot find out, but the service can, by reading.
        (Cut::Request, Rest::Stalls, &[250], 1),
        (Cut::Answer, Rest::Stalls, &[250], 1),
        // Nobody can.
        (Cut::Request, Rest::Refused, &[451, 250], 1),
        (Cut::Answer, Rest::Refused, &[451, 250], 2),
    ] {
        let fate = fate(&node, &proxy, cut, rest, Sender::Careful);
        assert_eq!(fate.judge(), Ok(()), "{cut:?}, {rest:?}");
        let replies = replies.to_vec();
        assert_eq!(fate, Fate { replies, copies }, "{cut:?}, {rest:?}");
    }
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_the_check_finds_what_a_cut_commit_loses_or_doubles() {
    let database = Postgres::start();
    let (proxy, node) = start(&database);
    let found = |cut, rest, sender| fate(&node, &proxy, cut, rest, sender).judge();
    let lost = found(Cut::Request, Rest::Refused, Sender::Careless).unwrap_err();
    assert!(lost.starts_with("lost"), "{lost}");
    let doubled = found(Cut::Answer, Rest::Lives, Sender::Impatient).unwrap_err();
    assert!(doubled.starts_with("doubled"), "{doubled}");
}
