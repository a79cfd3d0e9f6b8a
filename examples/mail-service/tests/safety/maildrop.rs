//! The maildrop as POP3 promises it (RFC 1939): locked, and unchanged until QUIT.

use crate::common::pop3::Pop3;
use crate::common::service::Service;
use crate::common::smtp::Smtp;
use crate::common::{Peer, ids, letter};

fn with_letters(count: usize) -> Service {
    let service = Service::start();
    let mut session = Smtp::open(service.smtp()).unwrap();
    for number in 0..count {
        let reply = session.deliver(&letter(&format!("letter-{number}"), 1_000));
        reply.unwrap().expect(250);
    }
    service
}

/// How a session may end.
#[derive(Clone, Copy)]
enum Leaving {
    Dropped,
    Quit,
}

/// Deletes the first message, leaves, and gives what is there afterwards.
fn delete_and_leave(service: &Service, leaving: Leaving) -> Vec<String> {
    let mut session = service.login();
    session.command("DELE 1").unwrap().unwrap();
    match leaving {
        Leaving::Dropped => drop(session),
        Leaving::Quit => {
            session.command("QUIT").unwrap().unwrap();
        }
    }
    ids(&service.stored())
}

#[test]
fn a_lost_connection_deletes_nothing() {
    let service = with_letters(2);
    // RFC 1939 §3: "the POP3 session does NOT enter the UPDATE state and MUST not remove any messages".
    assert_eq!(
        delete_and_leave(&service, Leaving::Dropped),
        ["letter-0", "letter-1"]
    );
    // The same steps with QUIT: the check above would have seen a deletion.
    assert_eq!(delete_and_leave(&service, Leaving::Quit), ["letter-1"]);
}

#[test]
fn a_locked_maildrop_refuses_the_second_login() {
    let service = with_letters(1);
    let first = service.login();
    let second = service.try_login().err().expect("the maildrop is locked");
    // RFC 2449 §8.1.1
    assert!(second.starts_with("[IN-USE]"), "{second}");
    drop(first);
    // A session without QUIT gives the lock back, too.
    assert_eq!(service.stored().len(), 1);
}

#[test]
fn a_wrong_password_opens_nothing_and_names_nothing() {
    let service = with_letters(1);
    let refused = |user| {
        let login = Pop3::login(service.pop3(), user, "not the password").unwrap();
        login.err().expect("a wrong password")
    };
    // The same words for an account that exists and one that does not.
    assert_eq!(refused("bob@b.test"), refused("nobody@b.test"));
    let mut session = Pop3::connect(service.pop3()).unwrap();
    for command in ["STAT", "LIST", "UIDL", "RETR 1", "DELE 1", "TOP 1 0"] {
        assert!(session.command(command).unwrap().is_err(), "{command}");
    }
}

#[test]
fn a_session_sees_one_state_and_numbers_stay() {
    let service = with_letters(3);
    let mut session = service.login();
    let before = session.uidl().unwrap();
    assert_eq!(before.len(), 3);
    // What arrives meanwhile belongs to the next session.
    let late = Smtp::open(service.smtp())
        .unwrap()
        .deliver(&letter("late", 600));
    late.unwrap().expect(250);
    assert_eq!(session.uidl().unwrap(), before);
    let (count, octets) = session.stat().unwrap();
    let whole: Vec<String> = (1..=3).map(|n| session.retr(n).unwrap()).collect();
    assert_eq!((count, octets), (3, whole.iter().map(String::len).sum()));
    session.command("DELE 2").unwrap().unwrap();
    assert!(session.command("RETR 2").unwrap().is_err());
    session.command("RSET").unwrap().unwrap();
    assert_eq!(session.uidl().unwrap(), before);
    session.command("DELE 2").unwrap().unwrap();
    session.command("QUIT").unwrap().unwrap();

    let mut session = service.login();
    let after = session.uidl().unwrap();
    assert_eq!(after.len(), 3);
    assert_eq!((&after[0].1, &after[1].1), (&before[0].1, &before[2].1));
    assert!(
        before.iter().all(|(_, id)| *id != after[2].1),
        "an id was used twice"
    );
}

#[test]
fn ids_survive_a_restart() {
    let mut service = with_letters(2);
    let before = service.login().uidl().unwrap();
    service.terminate();
    assert!(service.wait().success());
    service.restart();
    assert_eq!(service.login().uidl().unwrap(), before);
}

#[test]
fn dots_and_odd_lines_come_back_as_they_went() {
    let service = Service::start();
    let mut session = Smtp::open(service.smtp()).unwrap();
    session
        .envelope("alice@a.test", "bob@b.test")
        .unwrap()
        .expect(354);
    let body = "..one\r\n...two\r\n. three\r\n\r\n \r\nEnd\r\n";
    let stuffed: String = body
        .split_inclusive("\r\n")
        .map(|l| match l.strip_prefix('.') {
            Some(_) => format!(".{l}"),
            None => l.to_owned(),
        })
        .collect();
    let header = "From: Alice <alice@a.test>\r\nSubject: dots\r\n\r\n";
    session
        .0
        .send(format!("{header}{stuffed}.\r\n").as_bytes())
        .unwrap();
    session.reply().unwrap().expect(250);
    let message = service.stored().remove(0);
    assert!(
        message.ends_with(&format!("Subject: dots\r\n\r\n{body}")),
        "{message}"
    );
    // RFC 1939 §7: TOP gives the header and so many lines.
    let top = service.login().lines("TOP 1 2").unwrap().unwrap();
    assert!(
        top.ends_with(&["..one".to_owned(), "...two".to_owned()]),
        "{top:?}"
    );
}
