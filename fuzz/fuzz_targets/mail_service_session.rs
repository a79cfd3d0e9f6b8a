//! Any lines: each gets one reply that is one, a message is only received for somebody, and addresses print what they are.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;

#[allow(dead_code)]
#[path = "../../examples/mail-service/src/domain.rs"]
mod domain;
#[allow(dead_code)]
#[path = "../../examples/mail-service/src/headers.rs"]
mod headers;
#[allow(dead_code)]
#[path = "../../examples/mail-service/src/secure.rs"]
mod secure;
#[allow(dead_code)]
#[path = "../../examples/mail-service/src/smtp"]
mod smtp {
    pub mod command;
    pub mod session;
}

use secure::Secure;
use smtp::command::{Address, Recipient};
use smtp::session::{Action, Lookup, Options, Outcome, Session};

/// RFC 5321 §4.2: lines of a code and text, all but the last with a hyphen. How many replies there are.
fn replies(out: &[u8]) -> usize {
    let text = std::str::from_utf8(out).expect("text");
    assert!(text.is_empty() || text.ends_with("\r\n"), "{text:?}");
    let lines = text.split_terminator("\r\n").inspect(|line| {
        let (code, rest) = line.split_at(3);
        assert!(code.bytes().all(|b| b.is_ascii_digit()), "{line:?}");
        assert!(
            rest.starts_with([' ', '-']) && line.len() <= 510,
            "{line:?}"
        );
        assert!(!line.contains(char::is_control), "{line:?}");
    });
    lines.filter(|line| line.as_bytes()[3] == b' ').count()
}

fn round_trip(address: &Address) {
    assert_eq!(Address::parse(&address.to_string()).as_ref(), Some(address));
}

fuzz_target!(|input: &[u8]| {
    let pairs = [("secure.test".to_owned(), "b.test".to_owned())];
    let pairs = pairs.iter().map(|(secure, of)| (secure, of));
    let secure = Secure::new(pairs, &["b.test".to_owned()]).expect("sound domains");
    let mut options = Options::default();
    options.secure.clone_from(&secure);
    let mut session = Session::new(Arc::new(options));
    let mut in_clear = true;
    for line in input.split(|&octet| octet == b'\n') {
        let mut out = Vec::new();
        match session.line_received(line, &mut out) {
            Action::Continue => assert_eq!(replies(&out), 1),
            Action::LookUp { recipient, .. } => {
                assert_eq!(replies(&out), 0);
                let lookup = match recipient {
                    Recipient::Mailbox(address) => {
                        round_trip(&address);
                        assert!(!in_clear || !secure.is_secure(&address), "{address}");
                        Lookup::Account(address.domain().into())
                    }
                    Recipient::Postmaster => Lookup::Unknown,
                };
                session.recipient(lookup, &mut out);
                assert!((1..=2).contains(&replies(&out)));
            }
            Action::Receive => {
                let envelope = session.envelope().expect("a transaction");
                assert!(!envelope.accounts.is_empty());
                envelope.from.iter().for_each(round_trip);
                session.message(Outcome::Stored, &mut out);
                assert_eq!(replies(&out), 2);
            }
            Action::StartTls => {
                session = session.secured();
                in_clear = false;
            }
            Action::Close => return,
        }
    }
});
