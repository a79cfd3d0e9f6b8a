//! Secure addresses: no octet of a message for one comes without TLS.

use crate::common::lax::{Fault, Lax};
use crate::common::service::{Options, Service};
use crate::common::smtp::{Reply, Smtp};
use crate::common::{Peer, ids, letter};

/// What a server says to mail for this address, without TLS and with it: to RCPT, and to DATA after it.
struct Said {
    plain: [Reply; 2],
    tls: Reply,
}

fn ask(server: &impl Peer, to: &str) -> Said {
    let rcpt = |session: &mut Smtp| {
        session
            .command("MAIL FROM:<alice@a.test>")
            .unwrap()
            .expect(250);
        session.command(&format!("RCPT TO:<{to}>")).unwrap()
    };
    let mut plain = Smtp::open(server.smtp()).unwrap();
    let refused = rcpt(&mut plain);
    let data = plain.command("DATA").unwrap();
    let mut tls = Smtp::open(server.smtp()).unwrap().starttls().unwrap();
    Said {
        plain: [refused, data],
        tls: rcpt(&mut tls),
    }
}

/// Whether mail for it comes over TLS only.
fn needs_tls(said: &Said) -> bool {
    let [rcpt, data] = &said.plain;
    rcpt.code == 550 && rcpt.says("5.7.10 ") && data.code != 354 && said.tls.code == 250
}

#[test]
fn mail_for_a_secure_address_comes_over_tls_only() {
    let service = Service::start_with(&Options::default().secure());
    assert!(needs_tls(&ask(&service, "bob@secure.b.test")));
    assert!(needs_tls(&ask(&service, "\"bob\"@SECURE.b.test")));
    assert!(needs_tls(&ask(&service, "@a.test:bob@secure.b.test")));
    // The same account by its ordinary address takes both.
    let said = ask(&service, "bob@b.test");
    assert_eq!((said.plain[0].code, said.tls.code), (250, 250));
    // Without TLS nobody learns who is there; with TLS it is as everywhere.
    let said = ask(&service, "nobody@secure.b.test");
    assert_eq!((said.plain[0].code, said.tls.code), (550, 550));
    assert!(said.plain[0].says("5.7.10 ") && said.tls.says("5.1.1 "));
}

/// The mutation: a server that does not look.
#[test]
fn mutation_a_server_that_takes_it_in_the_clear_is_found() {
    let lax = Lax::start(Fault::Doubles);
    assert!(!needs_tls(&ask(&lax, "bob@secure.b.test")));
    // And one that is not told which domains are secure.
    assert!(!needs_tls(&ask(&Service::start(), "bob@secure.b.test")));
}

#[test]
fn a_refused_secure_recipient_leaves_the_others() {
    let service = Service::start_with(&Options::default().secure());
    let mut session = Smtp::open(service.smtp()).unwrap();
    session
        .command("MAIL FROM:<alice@a.test>")
        .unwrap()
        .expect(250);
    session
        .command("RCPT TO:<bob@secure.b.test>")
        .unwrap()
        .expect(550);
    session.command("RCPT TO:<bob@b.test>").unwrap().expect(250);
    session.command("DATA").unwrap().expect(354);
    session.0.send(&letter("plain", 600)).unwrap();
    session.0.send(b".\r\n").unwrap();
    session.reply().unwrap().expect(250);
    let mut session = Smtp::open(service.smtp()).unwrap().starttls().unwrap();
    session
        .envelope("alice@a.test", "bob@secure.b.test")
        .unwrap()
        .expect(354);
    session.0.send(&letter("secure", 600)).unwrap();
    session.0.send(b".\r\n").unwrap();
    session.reply().unwrap().expect(250);
    assert_eq!(ids(&service.stored()), ["plain", "secure"]);
}

/// RFC 8689 §2: offered over TLS and nowhere else, kept, and refused where it was not offered.
#[test]
fn requiretls_is_offered_over_tls_only_and_kept() {
    let service = Service::start();
    let mut plain = Smtp::connect(service.smtp()).unwrap();
    assert!(!plain.hello().unwrap().says("REQUIRETLS"));
    let refused = plain
        .command("MAIL FROM:<alice@a.test> REQUIRETLS")
        .unwrap();
    assert_eq!(refused.code, 555, "{refused:?}");
    let mut tls = plain.starttls().unwrap();
    assert!(tls.hello().unwrap().says("REQUIRETLS"));
    for (parameter, code) in [
        ("REQUIRETLS=yes", 501),
        ("REQUIRETLS REQUIRETLS", 555),
        ("requiretls SIZE=100", 250),
    ] {
        let line = format!("MAIL FROM:<alice@a.test> {parameter}");
        tls.command(&line).unwrap().expect(code);
    }
    tls.command("RCPT TO:<bob@b.test>").unwrap().expect(250);
    tls.command("DATA").unwrap().expect(354);
    tls.0.send(&letter("required", 600)).unwrap();
    tls.0.send(b".\r\n").unwrap();
    tls.reply().unwrap().expect(250);
    let message = service.stored().remove(0);
    assert!(
        message.contains(" with ESMTPS (REQUIRETLS);\r\n"),
        "{message}"
    );
}
