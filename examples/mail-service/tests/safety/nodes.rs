//! Two nodes on one database.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::common::lax::{Fault, Lax};
use crate::common::pop3::Pop3;
use crate::common::service::{Options, Service};
use crate::common::smtp::Smtp;
use crate::common::{Peer, eventually, ids, letter};
use crate::durability::{Senders, Stored};
use crate::postgres::Postgres;

/// Two nodes, each with a folder, ports and a certificate of its own.
pub(crate) fn nodes(database: &Postgres) -> [Service; 2] {
    let first = Service::start_with(&Options::default().store(&database.url()));
    let second = Service::start_with(&Options::default().join(&database.url()));
    [first, second]
}

/// What both nodes say is in the mailbox.
pub(crate) fn stored(nodes: &[Service; 2]) -> Vec<String> {
    let [first, second] = nodes.each_ref().map(Peer::stored);
    assert_eq!(first, second, "each node hands out the same mail");
    first
}

/// Runs `user` at a node.
fn user(node: &Service, arguments: &[&str], password: &str) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mail-service"))
        .arg("user")
        .args(arguments)
        .arg("--config")
        .arg(node.config())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(format!("{password}\n").as_bytes()).unwrap();
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_two_nodes_take_mail_side_by_side() {
    let database = Postgres::start();
    let nodes = nodes(&database);
    let senders = Senders::default();
    let servers = nodes.each_ref().map(Peer::smtp);
    assert_ne!(servers[0], servers[1]);
    senders.persist(&servers, 0, || senders.wait_for(200));
    assert_eq!(senders.failed(), 0);
    assert_eq!(
        senders.judge(&Stored::default().add(&stored(&nodes))),
        Ok(())
    );

    // What is deleted at one is gone at the other.
    let mut session = nodes[0].login();
    let before = session.uidl().unwrap();
    session.command("DELE 1").unwrap().unwrap();
    session.command("QUIT").unwrap().unwrap();
    let after = nodes[1].login().uidl().unwrap();
    assert_eq!(after.len(), before.len() - 1);
    assert_eq!(after[0].1, before[1].1);
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_accounts_are_the_same_at_both_nodes_at_once() {
    let database = Postgres::start();
    let nodes = nodes(&database);
    let ann = "ann@b.test";
    user(
        &nodes[0],
        &["add", ann, "--password-stdin"],
        "a lantern by the harbour",
    );
    let login = |node: &Service, password| Pop3::login(node.pop3(), ann, password).unwrap();
    assert!(login(&nodes[1], "a lantern by the harbour").is_ok());
    user(
        &nodes[1],
        &["password", ann, "--password-stdin"],
        "seven lamps along the canal",
    );
    let refused = login(&nodes[0], "a lantern by the harbour").err().unwrap();
    assert!(refused.starts_with("[AUTH]"), "{refused}");
    eventually("the other session has ended", || {
        login(&nodes[0], "seven lamps along the canal").is_ok()
    });
    user(&nodes[0], &["remove", ann], "");
    assert!(login(&nodes[1], "seven lamps along the canal").is_err());
    let mut session = Smtp::open(nodes[1].smtp()).unwrap();
    let envelope = session.envelope("alice@a.test", ann).unwrap();
    assert_eq!(envelope.code, 550, "{envelope:?}");
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_a_maildrop_has_one_reader_at_all_nodes() {
    let database = Postgres::start();
    let nodes = nodes(&database);
    for number in 0..2 {
        let mut session = Smtp::open(nodes[0].smtp()).unwrap();
        let letter = letter(&format!("letter-{number}"), 900);
        session.deliver(&letter).unwrap().expect(250);
    }
    let mut first = nodes[0].login();
    let refused = nodes[1].try_login().err().expect("it is locked");
    // RFC 2449 §8.1.1
    assert!(refused.starts_with("[IN-USE]"), "{refused}");
    first.command("QUIT").unwrap().unwrap();
    // RFC 1939 §6: with the answer to QUIT it is free.
    let mut second = nodes[1].try_login().unwrap();
    assert!(nodes[0].try_login().is_err());

    // A node that is killed cannot give it back: it expires, and nothing was deleted.
    second.command("DELE 1").unwrap().unwrap();
    nodes[1].kill();
    let refused = nodes[0].try_login().err().expect("it is locked still");
    assert!(refused.starts_with("[IN-USE]"), "{refused}");
    assert_eq!(ids(&nodes[0].stored()), ["letter-0", "letter-1"]);
}

/// Rounds in which one of two nodes is killed while eight senders send to both; what is then read at the other.
fn kills(rounds: usize, front: Option<&Lax>) -> Result<(), String> {
    let database = Postgres::start();
    let mut nodes = nodes(&database);
    let senders = Senders::default();
    for round in 0..rounds {
        if let Some(front) = front {
            front.stand_before(nodes[0].smtp());
        }
        let killed = front.map_or_else(|| nodes[0].smtp(), Peer::smtp);
        let before = senders.count();
        senders.persist(&[killed, nodes[1].smtp()], round, || {
            senders.wait_for(before + 20 + round);
            nodes[0].kill();
            // The other one goes on.
            senders.wait_for(senders.count() + 20);
        });
        senders.judge(&Stored::default().add(&nodes[1].stored()))?;
        nodes[0].restart();
    }
    println!("{rounds} kills: {} acknowledged, 0 lost", senders.count());
    senders.judge(&Stored::default().add(&stored(&nodes)))
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_kill_9_of_one_node_loses_nothing() {
    assert_eq!(kills(8, None), Ok(()));
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_the_check_finds_a_node_that_acknowledges_too_early() {
    let hurried = Lax::start(Fault::Hurries);
    let found = kills(20, Some(&hurried)).expect_err("nothing was lost");
    assert!(found.contains("lost [\"r"), "{found}");
}
