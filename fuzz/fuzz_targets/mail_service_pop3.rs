//! Any lines: replies are whole lines, nothing is shown before the login, only messages that exist are sent or deleted, and
//! what is sent ends where the client sees its end.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code)]
#[path = "../../examples/mail-service/src/pop3/session.rs"]
mod session;

use session::{Action, Entry, Login, Session, Transfer};

const MESSAGES: usize = 3;

fuzz_target!(|input: (&[u8], &[u8])| {
    let (commands, message) = input;
    let mut session = Session::default();
    let mut open = false;
    for line in commands.split(|&octet| octet == b'\n') {
        let mut out = Vec::new();
        match session.line_received(line, &mut out) {
            Action::Authenticate(credentials) => {
                assert!(!open && out.is_empty());
                assert!(line.ends_with(credentials.into_password().as_bytes()));
                let entries = (0..MESSAGES).map(|n| Entry::new(5, format!("uid{n}")));
                session.authenticated(Login::Opened(entries.collect()), &mut out);
                open = true;
            }
            Action::Send(at, part) => {
                assert!(open && at < MESSAGES);
                let mut transfer = Transfer::new(message, part);
                while transfer.next(&mut out) {}
                let end = b"\r\n.\r\n";
                let found = out.windows(end.len()).position(|octets| octets == end);
                assert_eq!(found, Some(out.len() - end.len()));
            }
            Action::Update(deleted) => {
                assert!(open && deleted.is_sorted() && deleted.iter().all(|&at| at < MESSAGES));
                session.updated(Ok::<_, ()>(()), &mut out);
            }
            _ => {}
        }
        assert!(out.starts_with(b"+OK") || out.starts_with(b"-ERR"));
        assert!(out.ends_with(b"\r\n"));
    }
});
