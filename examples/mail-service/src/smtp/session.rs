//! One SMTP session as a state machine: lines in, replies and things to do out. No sockets, no
//! clock.
//!
//! Replies carry the codes of RFC 3463 §3, as RFC 2034 §4 wants them: all of 2xx, 4xx and 5xx, except
//! the greeting and what answers EHLO and HELO.

use super::command::{Address, Command, Encoding, Fault, Recipient};
use crate::secure::Secure;
use std::sync::Arc;
use tls_policy::{
    Wish,
    requiretls::{Channel, Offer},
};

/// A session with one client.
#[derive(Debug)]
pub struct Session {
    options: Arc<Options>,
    tls: Tls,
    client: Option<Client>,
    transaction: Option<Transaction>,
    errors: usize,
}

/// What a server offers.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Options {
    /// The name in the greeting.
    pub hostname: String,
    /// Most octets of a message.
    pub message_octets: usize,
    /// Most recipients of one transaction.
    pub recipients: usize,
    /// Most errors of a client before the connection is closed.
    pub errors: usize,
    /// The domains whose addresses get mail over TLS only.
    pub secure: Secure,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            hostname: "localhost".into(),
            message_octets: 50 * 1024 * 1024,
            recipients: 100,
            errors: 20,
            secure: Secure::default(),
        }
    }
}

/// The state of TLS on this connection.
#[allow(clippy::exhaustive_enums)] // complete by RFC 3207 §4
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Can be had by STARTTLS.
    Offered,
    /// On.
    On,
}

/// How the client introduced itself.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The argument of EHLO or HELO.
    pub name: String,
    /// Which of both it said.
    pub greeting: Greeting,
}

/// EHLO or HELO.
#[allow(clippy::exhaustive_enums)] // complete by RFC 5321 §4.1.1.1
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greeting {
    /// `HELO`.
    Helo,
    /// `EHLO`.
    Ehlo,
}

/// What the server must do next. Replies are to be sent before it waits for anything.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Read the next line.
    Continue,
    /// Look a recipient up and call [`Session::recipient`].
    LookUp {
        /// Whom.
        recipient: Recipient,
        /// The octets that the client announced for the message (RFC 1870 §3); 0 if it did not.
        octets: u64,
    },
    /// Receive the message, then call [`Session::envelope`] and [`Session::message`].
    Receive,
    /// Reply 220 and start TLS, or refuse because there is more input; go on with
    /// [`Session::secured`].
    StartTls,
    /// Send the reply and close.
    Close,
}

/// What became of a recipient.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// Mail for it goes to this account.
    Account(Arc<str>),
    /// The domain is ours, the mailbox is not.
    Unknown,
    /// The domain is not ours.
    NotOurs,
    /// The mailbox is full.
    Full,
    /// Could not be found out.
    Failed,
}

/// What became of a message.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Durably stored.
    Stored,
    /// Larger than the limit.
    TooLarge,
    /// Has a line longer than the limit.
    LineTooLong,
    /// The domain it pretends to come from asks to reject it.
    Forged,
    /// Went in circles.
    Loop,
    /// A mailbox that it is for has not enough room left.
    MailboxFull,
    /// No space for it now.
    Full,
    /// Something else that may pass.
    Failed,
}

/// Everything outside of the message itself.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Envelope {
    /// How the client introduced itself.
    pub client: Client,
    /// The reverse-path; none is the null sender.
    pub from: Option<Address>,
    /// The accounts to deliver to, each once.
    pub accounts: Vec<Arc<str>>,
    /// Whether header fields may hold UTF-8.
    pub encoding: Encoding,
    /// Whether the message came with REQUIRETLS.
    pub wish: Wish,
}

#[derive(Debug)]
struct Transaction {
    from: Option<Address>,
    octets: u64,
    encoding: Encoding,
    wish: Wish,
    accounts: Vec<Arc<str>>,
    recipients: usize,
}

impl Session {
    /// A session on a fresh connection.
    pub fn new(options: Arc<Options>) -> Self {
        Self {
            options,
            tls: Tls::Offered,
            client: None,
            transaction: None,
            errors: 0,
        }
    }

    /// The session after TLS has been established: it knows nothing of what was said before.
    pub fn secured(&self) -> Self {
        // RFC 3207 §4.2: "The server MUST discard any knowledge obtained from the client".
        Self {
            tls: Tls::On,
            errors: self.errors,
            ..Self::new(self.options.clone())
        }
    }

    /// The first words of the server.
    pub fn greet(&self, out: &mut Vec<u8>) {
        self.line(out, "220", &[&self.options.hostname, " ESMTP ready"]);
    }

    /// Whether a transaction has begun.
    pub fn in_transaction(&self) -> bool {
        self.transaction.is_some()
    }

    /// Takes one line without its CR LF and appends the reply, if there already is one, to `out`.
    pub fn line_received(&mut self, line: &[u8], out: &mut Vec<u8>) -> Action {
        match Command::parse(line) {
            Ok(command) => self.command(command, out),
            Err(fault) => self.fault(
                match fault {
                    Fault::Unknown => "500 5.5.2 Command not recognized",
                    Fault::NotImplemented => "502 5.5.1 Command not implemented",
                    Fault::Arguments => "501 5.5.4 Syntax error in arguments",
                    Fault::Hello => "501 Syntax: EHLO or HELO, and the name of the client",
                    Fault::Sender => "501 5.1.7 Malformed address of the sender",
                    Fault::Recipient => "501 5.1.3 Malformed address of the recipient",
                    Fault::Parameter => "555 5.5.4 Parameter not recognized",
                    Fault::NeedsUtf8 => "553 5.6.7 Address needs SMTPUTF8",
                },
                out,
            ),
        }
    }

    fn command(&mut self, command: Command, out: &mut Vec<u8>) -> Action {
        match command {
            Command::Ehlo(name) => self.hello(name, Greeting::Ehlo, out),
            Command::Helo(name) => self.hello(name, Greeting::Helo, out),
            Command::StartTls if self.tls == Tls::On => {
                self.fault("503 5.5.1 TLS is on already", out)
            }
            Command::StartTls => Action::StartTls,
            Command::Mail(mail) => {
                if self.client.is_none() {
                    return self.fault("503 5.5.1 EHLO or HELO first", out);
                }
                if self.transaction.is_some() {
                    return self.fault("503 5.5.1 Nested MAIL", out);
                }
                if mail
                    .size
                    .is_some_and(|size| size > self.options.message_octets as u64)
                {
                    // RFC 1870 §6.1 (2)
                    return self.fault("552 5.3.4 Message too large", out);
                }
                if mail.wish == Wish::RequireTls && self.requiretls() == Offer::No {
                    return self.fault("555 5.5.4 REQUIRETLS is not offered without TLS", out);
                }
                self.transaction = Some(Transaction {
                    from: mail.from,
                    octets: mail.size.unwrap_or(0),
                    encoding: mail.encoding,
                    wish: mail.wish,
                    accounts: Vec::new(),
                    recipients: 0,
                });
                reply(out, "250 2.1.0 Sender ok");
                Action::Continue
            }
            Command::Rcpt(recipient) => {
                let Some(transaction) = &self.transaction else {
                    return self.fault("503 5.5.1 MAIL first", out);
                };
                // RFC 5321 §4.5.3.1.10: 452 for too many recipients. That is no error: the client
                // sends to the others later.
                if transaction.recipients >= self.options.recipients {
                    return self.done("452 4.5.3 Too many recipients", out);
                }
                match &recipient {
                    Recipient::Mailbox(address)
                        if !address.is_ascii() && transaction.encoding == Encoding::Ascii =>
                    {
                        self.fault("553 5.6.7 Address needs SMTPUTF8", out)
                    }
                    // Before it is looked up: who has an address here is nobody's business either.
                    // X.7.10 of the registry of RFC 5248 is "Encryption Needed".
                    Recipient::Mailbox(address)
                        if self.tls == Tls::Offered && self.options.secure.is_secure(address) =>
                    {
                        self.fault("550 5.7.10 Encryption needed: say STARTTLS first", out)
                    }
                    _ => Action::LookUp {
                        octets: transaction.octets,
                        recipient,
                    },
                }
            }
            Command::Data => match &self.transaction {
                None => self.fault("503 5.5.1 MAIL first", out),
                Some(transaction) if transaction.accounts.is_empty() => {
                    self.fault("554 5.5.1 No valid recipients", out)
                }
                Some(_) => {
                    reply(out, "354 End data with <CR><LF>.<CR><LF>");
                    Action::Receive
                }
            },
            Command::Rset => {
                self.transaction = None;
                self.done("250 2.0.0 Ok", out)
            }
            // RFC 5321 §3.5.3: 252 for an address that a server will not verify.
            Command::Vrfy => self.done("252 2.0.0 Send some mail and see", out),
            Command::Help => self.done("214 2.0.0 See RFC 5321", out),
            Command::Noop => self.done("250 2.0.0 Ok", out),
            Command::Quit => {
                reply(out, "221 2.0.0 Bye");
                Action::Close
            }
        }
    }

    /// RFC 8689 §2: offered under TLS. It binds whoever relays; nothing is relayed or forwarded
    /// here, and mailboxes are read over TLS only, so that it is kept.
    fn requiretls(&self) -> Offer {
        Offer::by_server(match self.tls {
            Tls::Offered => Channel::Clear,
            Tls::On => Channel::Tls,
        })
    }

    fn hello(&mut self, name: String, greeting: Greeting, out: &mut Vec<u8>) -> Action {
        // RFC 5321 §4.1.4: a second EHLO has the effect of RSET.
        self.transaction = None;
        self.client = Some(Client { name, greeting });
        match greeting {
            Greeting::Helo => self.line(out, "250", &[&self.options.hostname]),
            Greeting::Ehlo => {
                let size = self.options.message_octets.to_string();
                out.extend_from_slice(b"250-");
                out.extend_from_slice(self.options.hostname.as_bytes());
                out.extend_from_slice(b"\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n");
                // RFC 3207 §4.2: "the server MUST NOT return the STARTTLS extension" under TLS.
                if self.tls == Tls::Offered {
                    out.extend_from_slice(b"250-STARTTLS\r\n");
                }
                if let Some(keyword) = self.requiretls().keyword() {
                    reply(out, &format!("250-{keyword}"));
                }
                out.extend_from_slice(b"250-ENHANCEDSTATUSCODES\r\n");
                self.line(out, "250", &["SIZE ", &size]);
            }
        }
        Action::Continue
    }

    /// The answer to [`Action::LookUp`].
    pub fn recipient(&mut self, lookup: Lookup, out: &mut Vec<u8>) -> Action {
        match lookup {
            Lookup::Account(account) => {
                if let Some(transaction) = &mut self.transaction {
                    transaction.recipients += 1;
                    if !transaction.accounts.contains(&account) {
                        transaction.accounts.push(account);
                    }
                }
                self.done("250 2.1.5 Recipient ok", out)
            }
            Lookup::Unknown => self.fault("550 5.1.1 No such mailbox here", out),
            Lookup::NotOurs => self.fault("550 5.7.1 This server does not relay", out),
            Lookup::Full => self.done("452 4.2.2 Mailbox full", out),
            Lookup::Failed => self.done("451 4.3.0 Try again later", out),
        }
    }

    /// The envelope of the message that has been received; the transaction is over.
    pub fn envelope(&mut self) -> Option<Envelope> {
        let transaction = self.transaction.take()?;
        Some(Envelope {
            client: self.client.clone()?,
            from: transaction.from,
            accounts: transaction.accounts,
            encoding: transaction.encoding,
            wish: transaction.wish,
        })
    }

    /// What became of the message.
    pub fn message(&mut self, outcome: Outcome, out: &mut Vec<u8>) -> Action {
        self.transaction = None;
        match outcome {
            Outcome::Stored => {
                self.errors = 0;
                self.done("250 2.0.0 Stored", out)
            }
            Outcome::TooLarge => self.fault("552 5.3.4 Message too large", out),
            Outcome::LineTooLong => self.fault("554 5.6.0 Line too long", out),
            Outcome::Forged => self.fault(
                "550 5.7.1 The domain of From asks to reject what fails DMARC",
                out,
            ),
            Outcome::Loop => self.fault("554 5.4.6 Mail loop", out),
            Outcome::MailboxFull => self.done("452 4.2.2 Mailbox full", out),
            Outcome::Full => self.done("452 4.3.1 No space now", out),
            Outcome::Failed => self.done("451 4.3.0 Try again later", out),
        }
    }

    fn done(&self, text: &str, out: &mut Vec<u8>) -> Action {
        reply(out, text);
        Action::Continue
    }

    fn fault(&mut self, text: &str, out: &mut Vec<u8>) -> Action {
        reply(out, text);
        self.errors += 1;
        if self.errors < self.options.errors {
            return Action::Continue;
        }
        reply(out, "421 4.7.0 Too many errors");
        Action::Close
    }

    fn line(&self, out: &mut Vec<u8>, code: &str, text: &[&str]) {
        out.extend_from_slice(code.as_bytes());
        out.push(b' ');
        for part in text {
            out.extend_from_slice(part.as_bytes());
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// Appends a reply line.
pub(crate) fn reply(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn session() -> Session {
        Session::new(Arc::new(Options::default()))
    }

    /// One line: the codes of the reply and the action.
    fn say(session: &mut Session, line: &str) -> (String, Action) {
        let mut out = Vec::new();
        let action = session.line_received(line.as_bytes(), &mut out);
        (String::from_utf8(out).unwrap(), action)
    }

    fn code(session: &mut Session, line: &str) -> String {
        say(session, line).0.chars().take(3).collect()
    }

    fn known(session: &mut Session) {
        let mut out = Vec::new();
        session.recipient(Lookup::Account("a".into()), &mut out);
        assert!(out.starts_with(b"250 2.1.5"));
    }

    #[test]
    fn a_transaction() {
        let mut session = session();
        assert_eq!(code(&mut session, "MAIL FROM:<>"), "503");
        assert!(
            say(&mut session, "EHLO c.example")
                .0
                .contains("250-STARTTLS\r\n")
        );
        assert_eq!(code(&mut session, "RCPT TO:<a@b.example>"), "503");
        assert_eq!(code(&mut session, "DATA"), "503");
        assert_eq!(code(&mut session, "MAIL FROM:<> SIZE=9"), "250");
        assert_eq!(code(&mut session, "MAIL FROM:<>"), "503");
        assert_eq!(code(&mut session, "DATA"), "554");
        for _ in 0..2 {
            let (text, action) = say(&mut session, "RCPT TO:<a@b.example>");
            assert!(text.is_empty() && matches!(action, Action::LookUp { octets: 9, .. }));
            known(&mut session);
        }
        assert_eq!(say(&mut session, "DATA").1, Action::Receive);
        let envelope = session.envelope().unwrap();
        assert_eq!((envelope.from, envelope.accounts.len()), (None, 1));
        let mut out = Vec::new();
        session.message(Outcome::Stored, &mut out);
        assert!(out.starts_with(b"250 2.0.0"));
        assert_eq!(code(&mut session, "DATA"), "503");
        assert_eq!(say(&mut session, "QUIT").1, Action::Close);
    }

    #[test]
    fn tls_forgets() {
        let mut session = session();
        code(&mut session, "EHLO c.example");
        code(&mut session, "MAIL FROM:<>");
        assert_eq!(say(&mut session, "STARTTLS").1, Action::StartTls);
        let mut session = session.secured();
        assert!(!session.in_transaction());
        let (refused, _) = say(&mut session, "MAIL FROM:<>");
        assert!(refused.starts_with("503 5.5.1 EHLO or HELO first"));
        assert!(!say(&mut session, "EHLO c.example").0.contains("STARTTLS"));
        assert_eq!(code(&mut session, "STARTTLS"), "503");
    }

    #[test]
    fn limits() {
        let mut session = session();
        code(&mut session, "EHLO c.example");
        assert_eq!(code(&mut session, "MAIL FROM:<> SIZE=99999999999"), "552");
        code(&mut session, "MAIL FROM:<>");
        for _ in 0..100 {
            say(&mut session, "RCPT TO:<a@b.example>");
            known(&mut session);
        }
        for _ in 0..50 {
            assert_eq!(code(&mut session, "RCPT TO:<a@b.example>"), "452");
        }
        // The hundred get it all the same.
        assert_eq!(say(&mut session, "DATA").1, Action::Receive);
        session.message(Outcome::Failed, &mut Vec::new());
        let mut actions = (0..20).map(|_| say(&mut session, "NONSENSE").1);
        assert!(actions.any(|action| action == Action::Close));
    }

    /// All that a session can say: RFC 2034 §4, and the class of both codes is the same.
    #[test]
    fn enhanced_codes() {
        let mut session = session();
        let mut greeting = Vec::new();
        session.greet(&mut greeting);
        let plain = [
            String::from_utf8(greeting).unwrap(),
            say(&mut session, "EHLO").0,
            say(&mut session, "HELO a b").0,
            say(&mut session, "HELO c.example").0,
            say(&mut session, "EHLO c.example").0,
        ];
        let enhanced = |line: &str| {
            let mut parts = line.get(4..).unwrap_or_default().splitn(3, '.');
            let class = parts.next().filter(|class| line.starts_with(class));
            let detail = parts.nth(1).and_then(|rest| rest.split(' ').next());
            class.is_some_and(|c| c.len() == 1) && detail.is_some_and(|d| d.parse::<u16>().is_ok())
        };
        for line in plain.iter().flat_map(|text| text.lines()) {
            assert!(!enhanced(line), "{line}");
        }
        let mut out = Vec::new();
        for line in [
            "",
            "NONSENSE",
            "EXPN x",
            "MAIL",
            "MAIL FROM:x",
            "MAIL FROM:<> X=Y",
            "RCPT TO:<a@b.c>",
            "MAIL FROM:<\u{f6}@b.c>",
            "MAIL FROM:<> SIZE=99999999999",
            "DATA",
            "MAIL FROM:<>",
            "MAIL FROM:<>",
            "RCPT TO:<>",
            "DATA",
            "RSET",
            "NOOP",
            "HELP",
            "VRFY x",
            "QUIT",
        ] {
            session.line_received(line.as_bytes(), &mut out);
        }
        for lookup in [
            Lookup::Account("a".into()),
            Lookup::Unknown,
            Lookup::NotOurs,
            Lookup::Full,
            Lookup::Failed,
        ] {
            session.recipient(lookup, &mut out);
        }
        for outcome in [
            Outcome::Stored,
            Outcome::TooLarge,
            Outcome::LineTooLong,
            Outcome::Forged,
            Outcome::Loop,
            Outcome::MailboxFull,
            Outcome::Full,
            Outcome::Failed,
        ] {
            session.message(outcome, &mut out);
        }
        let text = String::from_utf8(out).unwrap();
        assert!(text.lines().count() >= 32, "{text}");
        for line in text.lines() {
            assert!(enhanced(line), "{line}");
        }
    }

    #[test]
    fn a_bad_hello_changes_nothing() {
        let mut session = session();
        // RFC 5321 §4.1.4: after a refused EHLO, the server is in the state that it was in before.
        code(&mut session, "EHLO c.example");
        code(&mut session, "MAIL FROM:<>");
        assert_eq!(code(&mut session, "EHLO"), "501");
        assert!(session.in_transaction());
        assert_eq!(code(&mut session, "EHLO d.example"), "250");
        assert!(!session.in_transaction());
    }

    proptest! {
        /// Every line gets exactly one reply, or is a recipient to look up.
        #[test]
        fn one_reply_a_line(
            lines in proptest::collection::vec(
                prop_oneof![
                    Just("EHLO x"), Just("HELO x"), Just("MAIL FROM:<a@b.example>"), Just("RSET"),
                    Just("RCPT TO:<a@b.example>"), Just("DATA"), Just("NOOP"), Just("VRFY x"),
                    Just("STARTTLS"), Just("HELP"), Just("QUIT"), Just("nonsense"), Just(""),
                ], 0..30)
        ) {
            let mut session = session();
            for line in lines {
                let (text, action) = say(&mut session, line);
                let last = text.lines().filter(|l| l.as_bytes().get(3) == Some(&b' ')).count();
                match action {
                    Action::LookUp { .. } => {
                        prop_assert_eq!(last, 0);
                        known(&mut session);
                    }
                    Action::StartTls => prop_assert_eq!(last, 0),
                    Action::Receive => {
                        prop_assert!(session.envelope().is_some_and(|e| !e.accounts.is_empty()));
                    }
                    Action::Close => break,
                    _ => prop_assert_eq!(last, 1),
                }
            }
        }
    }
}
