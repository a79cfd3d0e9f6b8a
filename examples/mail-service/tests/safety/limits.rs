//! Much of everything: connections, octets, lines, fields, commands. The service refuses, stays small, and serves on.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use crate::common::lax::{Fault, Lax};
use crate::common::service::{Options, Service};
use crate::common::smtp::Smtp;
use crate::common::wire::Wire;
use crate::common::{Peer, eventually, high_water_kib, letter};

/// The most memory that any of these attacks may make the service hold: what Argon2 takes for a login, the buffers of
/// the connections, one message of six megabytes, and the rest of a debug build. Measured: 36 MiB.
const MEMORY_KIB: u64 = 96 * 1024;

/// 200 clients of 127.0.1.0/24 and 200 of 127.0.2.0/24 that connect, are greeted, and say nothing more.
fn idle(peer: &impl Peer) -> io::Result<Vec<Smtp>> {
    let from = |net, host| IpAddr::V4(Ipv4Addr::new(127, 0, net, host));
    let addresses = (1..=2).flat_map(|net| (1..=200).map(move |host| from(net, host)));
    addresses
        .map(|address| Smtp::greeted(Wire::connect_from(address, peer.smtp())?))
        .collect()
}

/// Whether a new client gets its message in, 400 idle ones notwithstanding.
fn serves_beside_400(peer: &impl Peer) -> io::Result<()> {
    let idle = idle(peer)?;
    let mut session = Smtp::open(peer.smtp())?;
    let reply = session.deliver(&letter("beside-400", 1000))?;
    assert_eq!(idle.len(), 400);
    match reply.code {
        250 => Ok(()),
        _ => Err(io::Error::other(format!("{reply:?}"))),
    }
}

#[test]
fn a_new_client_is_served_beside_400_idle_ones() {
    let service = Service::start();
    serves_beside_400(&service).unwrap();
    assert_eq!(service.stored().len(), 1);
}

#[test]
fn the_check_finds_a_server_that_is_full() {
    let service = Service::start_with(&Options::default().connections(400));
    let full = serves_beside_400(&service);
    assert!(full.is_err());
    // And it is served once one of them leaves: `idle` was dropped with the check.
    eventually("a place is free", || Smtp::open(service.smtp()).is_ok());
}

#[test]
fn one_address_cannot_take_every_place() {
    let service = Service::start_with(&Options::default().connections_per_address(3));
    let greedy =
        |host| Wire::connect_from(IpAddr::V4(Ipv4Addr::new(127, 0, 3, host)), service.smtp());
    let _held: Vec<Smtp> = (0..3)
        .map(|_| Smtp::greeted(greedy(1).unwrap()).unwrap())
        .collect();
    assert!(Smtp::greeted(greedy(1).unwrap()).is_err());
    assert!(Smtp::greeted(greedy(2).unwrap()).is_ok());
}

/// Sends `octets` a piece at a time until all are sent or the server has closed.
fn pour(session: &mut Smtp, piece: &[u8], times: usize) -> io::Result<()> {
    (0..times).try_for_each(|_| session.0.send(piece))
}

/// One message of one line of 100 MB; then whether it was refused and the memory stayed low.
fn swallow_line(peer: &impl Peer) -> Result<(), String> {
    let mut session = Smtp::open(peer.smtp()).map_err(|e| e.to_string())?;
    let ready = session.envelope("alice@a.test", "bob@b.test");
    ready.map_err(|e| e.to_string())?.expect(354);
    let piece = vec![b'a'; 1 << 20];
    let end = pour(&mut session, &piece, 100).and_then(|()| session.0.send(b"\r\n.\r\n"));
    refused_and_small(peer, &mut session, end)
}

/// One message of a million header fields.
fn swallow_fields(peer: &impl Peer) -> Result<(), String> {
    let mut session = Smtp::open(peer.smtp()).map_err(|e| e.to_string())?;
    let ready = session.envelope("alice@a.test", "bob@b.test");
    ready.map_err(|e| e.to_string())?.expect(354);
    let piece = "a: b\r\n".repeat(10_000);
    let end = pour(&mut session, piece.as_bytes(), 100)
        .and_then(|()| session.0.send(&letter("million", 400)))
        .and_then(|()| session.0.send(b".\r\n"));
    end.map_err(|e| e.to_string())?;
    // To take it is allowed; to believe anything of it, or to grow, is not.
    let reply = session.reply().map_err(|e| e.to_string())?;
    println!("a million fields: {reply:?}");
    small(peer)
}

fn refused_and_small(
    peer: &impl Peer,
    session: &mut Smtp,
    sent: io::Result<()>,
) -> Result<(), String> {
    let reply = session.reply();
    small(peer)?;
    match reply {
        Ok(reply) if reply.code >= 500 => Ok(()),
        Ok(reply) => Err(format!("answered {reply:?}")),
        Err(e) => Err(format!("no reply: {e}; sent: {sent:?}")),
    }
}

fn small(peer: &impl Peer) -> Result<(), String> {
    let held = high_water_kib(peer.pid());
    println!("high water: {held} KiB");
    match held < MEMORY_KIB {
        true => Ok(()),
        false => Err(format!("held {held} KiB")),
    }
}

#[test]
fn a_line_of_100_mb_is_refused_in_little_memory() {
    // As a message it would be welcome.
    let service = Service::start_with(&Options::default().message_octets(200_000_000));
    assert_eq!(swallow_line(&service), Ok(()));
    Smtp::open(service.smtp())
        .unwrap()
        .deliver(&letter("after", 400))
        .unwrap()
        .expect(250);
    assert_eq!(service.stored().len(), 1);
}

#[test]
fn a_million_fields_are_survived_in_little_memory() {
    let service = Service::start();
    assert_eq!(swallow_fields(&service), Ok(()));
    Smtp::open(service.smtp())
        .unwrap()
        .deliver(&letter("after", 400))
        .unwrap()
        .expect(250);
    // Whoever shows the message may neither fail nor call it verified.
    for message in service
        .stored()
        .iter()
        .filter(|m| m.contains("X-Id: million"))
    {
        assert!(
            !message.contains("Letterlock-Verdict: verified"),
            "{}",
            &message[..400]
        );
    }
}

#[test]
fn the_checks_find_servers_that_keep_it_all() {
    let fields = swallow_fields(&Lax::start(Fault::Hoards));
    assert!(fields.unwrap_err().starts_with("held"));
    let line = swallow_line(&Lax::start(Fault::Hoards));
    assert!(line.unwrap_err().starts_with("held"));
}

#[test]
fn a_command_line_without_end_is_refused_in_little_memory() {
    let service = Service::start();
    let mut session = Smtp::open(service.smtp()).unwrap();
    let piece = vec![b'a'; 1 << 20];
    let sent = pour(&mut session, &piece, 100);
    assert_eq!(refused_and_small(&service, &mut session, sent), Ok(()));
    assert!(session.0.ends());
    Smtp::open(service.smtp()).unwrap();
}

#[test]
fn sizes_are_promised_and_kept() {
    let service = Service::start_with(&Options::default().message_octets(10_000));
    let mut session = Smtp::connect(service.smtp()).unwrap();
    assert!(session.hello().unwrap().says("SIZE 10000"));
    // RFC 1870 §6.1: refused before a single octet, if the client says so.
    let refused = session
        .command("MAIL FROM:<alice@a.test> SIZE=10001")
        .unwrap()
        .expect(552);
    assert!(refused.says("5.3.4"), "{refused:?}");
    session
        .command("MAIL FROM:<alice@a.test> SIZE=10000")
        .unwrap()
        .expect(250);
    session.command("RSET").unwrap().expect(250);
    // RFC 1870 §6.3: and at the end, if it does not.
    let refused = session.deliver(&letter("big", 11_000)).unwrap().expect(552);
    assert!(refused.says("5.3.4"), "{refused:?}");
    session
        .deliver(&letter("small", 9_000))
        .unwrap()
        .expect(250);
    assert_eq!(crate::common::ids(&service.stored()), ["small"]);
}

#[test]
fn malformed_commands_are_refused_and_forgotten() {
    let service = Service::start_with(&Options::default().errors(1000));
    let mut session = Smtp::open(service.smtp()).unwrap();
    for bad in [
        "",
        " ",
        "MAIL",
        "MAIL FROM",
        "MAIL FROM:",
        "MAIL FROM:alice@a.test",
        "MAIL FROM:<alice@a.test",
        "MAIL FROM:<alice@a.test> BODY=9BIT",
        "MAIL FROM:<alice@a.test> SIZE=-1",
        "MAIL FROM:<alice@a.test> SIZE=99999999999999999999",
        "MAIL FROM:<alice@a.test> WITHOUT=MEANING",
        "MAIL FROM:<alice@@a.test>",
        "MAIL FROM:<@a.test>",
        "MAIL FROM:<@relay:alice@>",
        "MAIL FROM:<\"alice@a.test>",
        "MAIL FROM:<al ice@a.test>",
        "MAIL FROM:<alice@a.test> SIZE=1 SIZE=1",
        "MAIL FROM:<alice@a.test> AUTH=<>",
        "MAIL FROM:<\u{e4}@a.test>",
        "RCPT TO:<bob@b.test>",
        "RCPT FROM:<bob@b.test>",
        "DATA",
        "DATA now",
        "BDAT 3",
        "AUTH PLAIN AGJvYgBwdw==",
        "ETRN b.test",
        "GET / HTTP/1.1",
        "\u{fffd}\u{7f}",
    ] {
        let reply = session.command(bad).unwrap();
        assert!(reply.code >= 500, "{bad:?}: {reply:?}");
    }
    let mail = session.command("MAIL FROM:<alice@a.test>").unwrap();
    mail.expect(250);
    for (to, code) in [
        ("nobody@b.test", 550),
        ("bob@elsewhere.test", 550),
        ("bob", 500),
        ("", 500),
    ] {
        let reply = session.command(&format!("RCPT TO:<{to}>")).unwrap();
        assert!(reply.code >= code, "{to:?}: {reply:?}");
    }
    session.command("DATA").unwrap().expect(554);
    session.command("RSET").unwrap().expect(250);
    session
        .deliver(&letter("at-last", 400))
        .unwrap()
        .expect(250);
}

#[test]
fn a_client_that_only_errs_is_sent_away() {
    let service = Service::start();
    let mut session = Smtp::open(service.smtp()).unwrap();
    let away = (0..1000).find_map(|_| match session.command("NONSENSE") {
        Ok(reply) if reply.code == 421 => Some(true),
        Ok(_) => None,
        Err(_) => Some(true),
    });
    assert_eq!(away, Some(true));
}

#[test]
fn commands_may_come_all_at_once() {
    let service = Service::start();
    let mut session = Smtp::open(service.smtp()).unwrap();
    // RFC 2920 §3.1, two transactions and the end in one segment.
    let mut all = Vec::new();
    for id in ["one", "two"] {
        all.extend_from_slice(b"MAIL FROM:<alice@a.test>\r\nRCPT TO:<nobody@b.test>\r\nRCPT TO:<bob@b.test>\r\nDATA\r\n");
        all.extend_from_slice(&letter(id, 600));
        all.extend_from_slice(b".\r\n");
    }
    all.extend_from_slice(b"QUIT\r\n");
    session.0.send(&all).unwrap();
    for code in [250, 550, 250, 354, 250, 250, 550, 250, 354, 250, 221] {
        session.reply().unwrap().expect(code);
    }
    assert!(session.0.ends());
    assert_eq!(crate::common::ids(&service.stored()), ["one", "two"]);
}
