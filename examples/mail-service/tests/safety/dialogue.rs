//! The dialogue of RFC 5321 in what an envelope can say, and what the verdict makes of it.

use std::net::SocketAddr;

use crate::common::pop3::Pop3;
use crate::common::service::{Options, PASSWORD, Service, USER};
use crate::common::smtp::Smtp;
use crate::common::{Peer, ids, letter};

/// Says some commands, each with the code that has to come.
fn say(session: &mut Smtp, lines: &[(&str, u16)]) {
    for (line, code) in lines {
        let reply = session.command(line).unwrap();
        assert_eq!(reply.code, *code, "{line}: {reply:?}");
    }
}

fn mailbox(pop3: SocketAddr, user: &str) -> Vec<String> {
    let mut session = Pop3::login(pop3, user, PASSWORD).unwrap().unwrap();
    let count = session.uidl().unwrap().len();
    let messages = (1..=count).map(|n| session.retr(n).unwrap()).collect();
    session.command("QUIT").unwrap().unwrap();
    messages
}

#[test]
fn every_recipient_gets_it_once_and_nobody_sees_the_others() {
    let service = Service::start();
    service.add_user("carol@b.test");
    let mut session = Smtp::open(service.smtp()).unwrap();
    say(
        &mut session,
        &[
            ("MAIL FROM:<alice@a.test> BODY=8BITMIME SIZE=900", 250),
            ("RCPT TO:<bob@b.test>", 250),
            ("RCPT TO:<nobody@b.test>", 550),
            // The same mailbox, written in other ways (RFC 5321 §4.1.1.3, §4.1.2, §4.5.1).
            ("RCPT TO:<Bob@B.TEST>", 250),
            ("RCPT TO:<\"bob\"@b.test>", 250),
            ("RCPT TO:<@relay.test,@other.test:bob@b.test>", 250),
            ("RCPT TO:<Postmaster>", 250),
            ("RCPT TO:<postmaster@b.test>", 250),
            ("RCPT TO:<carol@b.test>", 250),
            ("NOOP", 250),
            ("VRFY bob", 252),
            ("DATA", 354),
        ],
    );
    session.0.send(&letter("for-two", 800)).unwrap();
    session.0.send(b".\r\n").unwrap();
    session.reply().unwrap().expect(250);
    for user in [USER, "carol@b.test"] {
        let messages = mailbox(service.pop3(), user);
        assert_eq!(ids(&messages), ["for-two"], "{user}");
        let other = messages[0].replace("To: Bob <bob@b.test>", "");
        assert!(
            !other.contains("carol") && !other.contains("bob@"),
            "{other}"
        );
    }
}

#[test]
fn commands_out_of_order_are_refused_and_change_nothing() {
    let service = Service::start();
    let mut session = Smtp::connect(service.smtp()).unwrap();
    say(
        &mut session,
        &[
            ("MAIL FROM:<>", 503),
            ("HELO client.a.test", 250),
            ("RCPT TO:<bob@b.test>", 503),
            ("MAIL FROM:<>", 250),
            ("MAIL FROM:<alice@a.test>", 503),
            ("DATA", 554),
            ("RCPT TO:<bob@b.test>", 250),
            // What was said so far is forgotten: RFC 5321 §4.1.1.5 and §4.1.4.
            ("RSET", 250),
            ("DATA", 503),
            ("MAIL FROM:<>", 250),
            ("RCPT TO:<bob@b.test>", 250),
            ("EHLO client.a.test", 250),
            ("DATA", 503),
            ("MAIL FROM:<>", 250),
            ("RCPT TO:<bob@b.test>", 250),
            // A refused command leaves the transaction as it was.
            ("RCPT TO:<bob@b.test> NOTIFY=NEVER", 555),
            ("EHLO", 501),
            ("DATA", 354),
        ],
    );
    session.0.send(&letter("null-sender", 600)).unwrap();
    session.0.send(b".\r\n").unwrap();
    session.reply().unwrap().expect(250);
    say(&mut session, &[("DATA", 503), ("QUIT", 221)]);
    assert!(session.0.ends());
    let message = service.stored().remove(0);
    assert!(message.starts_with("Return-Path: <>\r\n"), "{message}");
}

#[test]
fn octets_may_come_one_by_one() {
    let service = Service::start();
    let mut session = Smtp::open(service.smtp()).unwrap();
    let ready = session.envelope("alice@a.test", USER).unwrap();
    ready.expect(354);
    let text = "From: Alice <alice@a.test>\r\nSubject: slow\r\n\r\n..\r\n...\r\n.\r\nQUIT\r\n";
    for octet in text.as_bytes() {
        session.0.send(&[*octet]).unwrap();
    }
    session.reply().unwrap().expect(250);
    session.reply().unwrap().expect(221);
    let message = service.stored().remove(0);
    assert!(message.ends_with("\r\n\r\n.\r\n..\r\n"), "{message}");
}

#[test]
fn thirty_hops_are_enough() {
    let service = Service::start();
    let mut session = Smtp::open(service.smtp()).unwrap();
    for (hops, code) in [(30, 250), (31, 554)] {
        let mut message = "received: from x by y; today\r\n".repeat(hops);
        message.push_str(&String::from_utf8(letter(&format!("hops-{hops}"), 400)).unwrap());
        session.deliver(message.as_bytes()).unwrap().expect(code);
    }
    assert_eq!(ids(&service.stored()), ["hops-30"]);
}

#[test]
fn a_resolver_that_never_answers_vouches_for_nobody() {
    // Nobody reads what is sent here.
    let hole = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let hole = hole.local_addr().unwrap();
    let options = Options::default().dns_server(hole).validation_seconds(1);
    let service = Service::start_with(&options);
    assert_eq!(verdict(&service, "a.test"), "unverifiable");
}

/// The verdict on a message whose sender is at `domain`.
fn verdict(service: &Service, domain: &str) -> String {
    let mut session = Smtp::open(service.smtp()).unwrap();
    let from = format!("alice@{domain}");
    session.envelope(&from, USER).unwrap().expect(354);
    let message = format!("From: Alice <{from}>\r\nSubject: {domain}\r\n\r\nHello.\r\n.\r\n");
    session.0.send(message.as_bytes()).unwrap();
    session.reply().unwrap().expect(250);
    let stored = service.stored();
    let line = stored.last().unwrap().lines();
    let mut verdicts = line.filter_map(|l| l.strip_prefix("Letterlock-Verdict: "));
    verdicts.next().expect("a verdict").to_owned()
}

#[test]
fn a_silent_dns_is_a_verdict_and_never_a_pass() {
    let service = Service::start();
    assert_eq!(verdict(&service, "silent.test"), "unverifiable");
    // The same steps with a domain that answers: the verdict above came from the silence.
    assert_eq!(verdict(&service, "a.test"), "plausible");
    let stored = service.stored();
    assert!(stored[0].contains("spf=temperror"), "{}", stored[0]);
    assert!(stored[1].contains("spf=pass"), "{}", stored[1]);
}
