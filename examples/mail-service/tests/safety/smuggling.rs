//! Where a message ends, and what must never be taken for it: SMTP smuggling and STARTTLS injection.

use std::io;

use crate::common::lax::{Fault, Lax};
use crate::common::service::Service;
use crate::common::smtp::Smtp;
use crate::common::wire::{Wire, is_closed};
use crate::common::{Peer, eventually, ids, letter};

/// Octets that some server took for the end of DATA.
const ENDS: [(&str, &[u8]); 10] = [
    ("LF.LF", b"\n.\n"),
    ("LF.CRLF", b"\n.\r\n"),
    ("CRLF.LF", b"\r\n.\n"),
    ("CRLF.CRCRLF", b"\r\n.\r\r\n"),
    ("CRLF.NUL.CRLF", b"\r\n.\0\r\n"),
    ("CR.CR", b"\r.\r"),
    ("CRLF.CR", b"\r\n.\r"),
    ("CR.CRLF", b"\r.\r\n"),
    ("LF.CR", b"\n.\r"),
    ("CR.LF", b"\r.\n"),
];

/// Sends a message that holds a second transaction behind `end`. All at once, and cut before the last octet of `end`.
fn smuggle(peer: &impl Peer, name: &str, end: &[u8]) -> Result<(), String> {
    for cut in [None, Some(end.len() - 1)] {
        let mut session = Smtp::open(peer.smtp()).map_err(|e| format!("{name}: {e}"))?;
        let ready = session.envelope("alice@a.test", "bob@b.test");
        ready.map_err(|e| format!("{name}: {e}"))?.expect(354);
        let mut stream = letter(&format!("outer-{name}"), 400);
        stream.truncate(stream.len() - 2);
        let behind = stream.len();
        stream.extend_from_slice(end);
        stream.extend_from_slice(b"MAIL FROM:<alice@a.test>\r\nRCPT TO:<bob@b.test>\r\nDATA\r\n");
        stream.extend_from_slice(&letter(&format!("smuggled-{name}"), 400));
        stream.extend_from_slice(b".\r\n");
        let (first, rest) = stream.split_at(cut.map_or(0, |cut| behind + cut));
        // The server may have closed already; what it said is still there to be read.
        session
            .0
            .send(first)
            .and_then(|()| session.0.send(rest))
            .ok();
        refused_and_closed(&mut session)
            .map_err(|found| format!("{name}, cut {cut:?}: {found}"))?;
    }
    let stored = ids(&peer.stored());
    match stored.iter().find(|id| id.ends_with(name)) {
        Some(id) => Err(format!("{name}: {id} was stored")),
        None => Ok(()),
    }
}

/// One reply, 5xx, and the end of the connection.
fn refused_and_closed(session: &mut Smtp) -> Result<(), String> {
    match session.reply() {
        Ok(reply) if reply.code >= 500 => {}
        Ok(reply) => return Err(format!("answered {reply:?}")),
        Err(e) => return Err(format!("no reply: {e}")),
    }
    match session.0.ends() {
        true => Ok(()),
        false => Err("the connection stayed open".into()),
    }
}

#[test]
fn nothing_is_smuggled() {
    let service = Service::start();
    for (name, end) in ENDS {
        assert_eq!(smuggle(&service, name, end), Ok(()));
    }
    // Nor inside TLS.
    let mut session = Smtp::open(service.smtp()).unwrap().starttls().unwrap();
    session
        .envelope("alice@a.test", "bob@b.test")
        .unwrap()
        .expect(354);
    session.0.send(b"Subject: x\r\n\r\nx\n.\nQUIT\r\n").unwrap();
    assert_eq!(refused_and_closed(&mut session), Ok(()));
    assert_eq!(service.stored(), [""; 0]);
}

#[test]
fn the_check_finds_each_smuggling_server() {
    for (name, end) in ENDS {
        let lax = Lax::start(Fault::EndsDataAt(end));
        assert!(smuggle(&lax, name, end).is_err(), "{name}");
        let smuggled = format!("smuggled-{name}");
        eventually("it is smuggled", || ids(&lax.stored()).contains(&smuggled));
    }
}

/// Commands in the same segment as STARTTLS: none may run, and the connection ends (RFC 3207 §4.2).
fn inject(peer: &impl Peer) -> Result<(), String> {
    let failed = |e: io::Error| e.to_string();
    let mut session = Smtp::open(peer.smtp()).map_err(failed)?;
    let injected =
        b"STARTTLS\r\nEHLO mallory.test\r\nMAIL FROM:<mallory@a.test>\r\nRCPT TO:<bob@b.test>\r\n";
    session.0.send(injected).map_err(failed)?;
    match session.reply() {
        Err(e) if is_closed(&e) => return Ok(()),
        Err(e) => return Err(e.to_string()),
        Ok(reply) if reply.code == 220 => {}
        Ok(_) => {
            return if session.0.ends() {
                Ok(())
            } else {
                Err("went on in plain text".into())
            };
        }
    }
    let mut inside = match session.0.into_tls() {
        Ok(wire) => Smtp(wire),
        Err(e) if is_closed(&e) => return Ok(()),
        Err(e) => return Err(format!("neither TLS nor closed: {e}")),
    };
    // DATA is answered with 354 where the injected transaction has begun.
    inside.0.send(b"DATA\r\n").map_err(failed)?;
    match inside.reply() {
        Ok(reply) => Err(format!(
            "TLS began, and the first reply inside is {reply:?}"
        )),
        Err(e) if is_closed(&e) => Ok(()),
        Err(e) => Err(e.to_string()),
    }
}

#[test]
fn nothing_is_injected_before_tls() {
    let service = Service::start();
    assert_eq!(inject(&service), Ok(()));
    // What was said before TLS is forgotten after it (RFC 3207 §4.2): the transaction, and EHLO.
    let mut session = Smtp::open(service.smtp()).unwrap();
    let mail = "MAIL FROM:<alice@a.test>";
    session.command(mail).unwrap().expect(250);
    session.command("STARTTLS").unwrap().expect(220);
    let mut inside = Smtp(session.0.into_tls().unwrap());
    inside.command("RCPT TO:<bob@b.test>").unwrap().expect(503);
    let refused = inside.command(mail).unwrap().expect(503);
    assert!(refused.says("5.5.1 EHLO or HELO first"), "{refused:?}");
}

#[test]
fn the_check_finds_an_injectable_server() {
    let found = inject(&Lax::start(Fault::KeepsPlainText));
    assert!(found.is_err(), "{found:?}");
}

#[test]
fn garbage_instead_of_a_handshake_ends_the_connection() {
    let service = Service::start();
    let mut session = Smtp::open(service.smtp()).unwrap();
    session.command("STARTTLS").unwrap().expect(220);
    session.0.send(b"MAIL FROM:<alice@a.test>\r\n").unwrap();
    // An alert may come first; a reply may not.
    let said = session.reply();
    assert!(said.is_err(), "{said:?}");
    Smtp::greeted(Wire::connect(service.smtp()).unwrap()).unwrap();
}
