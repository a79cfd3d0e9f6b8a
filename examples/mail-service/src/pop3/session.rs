//! One POP3 session as a state machine: lines in, replies and things to do out. No sockets, no
//! clock.

use memchr::memmem;
use std::{fmt, time::Duration};
use zeroize::Zeroizing;

/// A session with one client.
#[derive(Debug, Default)]
pub struct Session {
    state: State,
    failures: usize,
    errors: usize,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Start,
    User(String),
    Transaction(Vec<Message>),
}

#[derive(Debug)]
struct Message {
    entry: Entry,
    mark: Mark,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Kept,
    Deleted,
}

/// A message of a maildrop, as the client may know it.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Octets.
    pub size: u64,
    /// Unique for ever in this maildrop (RFC 1939 §7): 1 to 70 characters from `!` to `~`.
    pub uid: String,
}

impl Entry {
    /// An entry.
    pub fn new(size: u64, uid: String) -> Self {
        Self { size, uid }
    }
}

/// What the server must do next. Replies are to be sent before it waits for anything.
#[non_exhaustive]
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// Read the next line.
    Continue,
    /// Check, then call [`Session::authenticated`].
    Authenticate(Credentials),
    /// Load the message at this place in the list, then send it with [`Transfer`], or say [`unreadable`].
    Send(usize, Part),
    /// Delete the messages at these places, give the lock back, call [`Session::updated`], and close.
    Update(Vec<usize>),
    /// Send the reply and close.
    Close,
}

/// A name and a password.
#[derive(PartialEq, Eq)]
pub struct Credentials {
    user: String,
    password: Zeroizing<String>,
}

impl Credentials {
    /// The account that the client named.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The password, which is wiped where it is dropped.
    pub fn into_password(self) -> Zeroizing<String> {
        self.password
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

/// How much of a message.
#[allow(clippy::exhaustive_enums)] // RETR and TOP of RFC 1939
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// The header and so many lines of the body.
    Top(usize),
}

/// What became of a login.
#[non_exhaustive]
#[derive(Debug)]
pub enum Login {
    /// The maildrop is locked for this session; this is in it.
    Opened(Vec<Entry>),
    /// Unknown user, wrong password, or a password where an app password is wanted: nobody shall learn which.
    Refused,
    /// Too many failures: nothing is looked at for so long.
    Throttled(Duration),
    /// So many failures that nothing is looked at from where nobody has logged in before.
    Disabled,
    /// The password is right, and is to be changed first, at the site of this origin.
    MustChange(String),
    /// Another session has the maildrop.
    InUse,
    /// The server cannot now.
    Unavailable,
}

/// RFC 3206 §4: the credentials are what is wrong. The same for every name, so it says of nobody whether he has two steps.
const REFUSED: &str = "-ERR [AUTH] name or password wrong; who logs in to the site in two steps needs an app password here";
const TOO_MANY: &str =
    "-ERR [AUTH] too many failures: this password is out of use from here until it is changed";
const BREACHED: &str = "-ERR [AUTH] this password is known from breaches; choose another one at";

/// Failed logins before the connection is closed.
const MAX_FAILURES: usize = 3;
/// Senseless commands before the connection is closed.
const MAX_ERRORS: usize = 20;
/// Most octets of a user name: those of a mail address (RFC 5321 §4.5.3.1.3), and some to spare.
const MAX_NAME: usize = 320;

impl Session {
    /// The first words of the server.
    pub fn greet(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"+OK POP3 ready\r\n");
    }

    /// Takes one line without its CR LF and appends the reply, if there already is one, to `out`.
    pub fn line_received(&mut self, line: &[u8], out: &mut Vec<u8>) -> Action {
        let Ok(line) = std::str::from_utf8(line) else {
            return self.error("-ERR not UTF-8", out);
        };
        let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
        let verb = verb.to_ascii_uppercase();
        match (verb.as_str(), &mut self.state) {
            ("CAPA", _) => {
                out.extend_from_slice(CAPABILITIES);
                Action::Continue
            }
            ("QUIT", State::Transaction(messages)) => Action::Update(
                (0..)
                    .zip(messages)
                    .filter_map(|(at, m)| (m.mark == Mark::Deleted).then_some(at))
                    .collect(),
            ),
            ("QUIT", _) => {
                line_out(out, format_args!("+OK bye"));
                Action::Close
            }
            ("USER", State::Start | State::User(_)) => {
                if argument.is_empty() || argument.len() > MAX_NAME {
                    return self.error("-ERR name missing or too long", out);
                }
                // RFC 1939 §7: a server may say +OK even if no such mailbox exists.
                self.state = State::User(argument.to_owned());
                line_out(out, format_args!("+OK"));
                Action::Continue
            }
            ("PASS", State::User(user)) => {
                let credentials = Credentials {
                    user: std::mem::take(user),
                    // RFC 1939 §7: spaces are part of the password.
                    password: Zeroizing::new(argument.to_owned()),
                };
                self.state = State::Start;
                Action::Authenticate(credentials)
            }
            ("STAT" | "LIST" | "UIDL" | "RETR" | "TOP" | "DELE" | "RSET" | "NOOP", state) => {
                let State::Transaction(messages) = state else {
                    return self.error("-ERR not logged in", out);
                };
                match transaction(messages, &verb, argument, out) {
                    Ok(action) => action,
                    // A client may well ask for what it has just deleted: no reason to end the session.
                    Err(Fault::NoSuchMessage) => {
                        line_out(out, format_args!("-ERR no such message"));
                        Action::Continue
                    }
                    Err(Fault::Arguments) => self.error("-ERR wrong arguments", out),
                }
            }
            _ => self.error("-ERR unknown command, or not now", out),
        }
    }

    /// The answer to [`Action::Authenticate`].
    pub fn authenticated(&mut self, login: Login, out: &mut Vec<u8>) -> Action {
        match login {
            Login::Opened(entries) => {
                let octets: u64 = entries.iter().map(|e| e.size).sum();
                line_out(
                    out,
                    format_args!("+OK {} messages, {octets} octets", entries.len()),
                );
                let kept = |entry| Message {
                    entry,
                    mark: Mark::Kept,
                };
                self.state = State::Transaction(entries.into_iter().map(kept).collect());
                return Action::Continue;
            }
            // Response codes: RFC 2449 §8.1.2 and RFC 3206 §4.
            Login::InUse => line_out(out, format_args!("-ERR [IN-USE] maildrop is locked")),
            Login::Unavailable => line_out(out, format_args!("-ERR [SYS/TEMP] try again later")),
            // RFC 2449 §8.1.1: "will not be allowed to login again until the login delay period has expired".
            Login::Throttled(wait) => {
                // Not a second too early.
                let wait = wait.as_secs().saturating_add(1);
                let text = "-ERR [LOGIN-DELAY] too many failures: try again in";
                line_out(out, format_args!("{text} {wait} seconds"));
                return Action::Close;
            }
            // The credentials are what is wrong (RFC 3206 §4): asking for them again does not help, so no session does.
            Login::MustChange(site) => {
                let path = "/account/password";
                line_out(out, format_args!("{BREACHED} {site}{path}"));
                return Action::Close;
            }
            Login::Disabled => {
                line_out(out, format_args!("{TOO_MANY}"));
                return Action::Close;
            }
            Login::Refused => {
                line_out(out, format_args!("{REFUSED}"));
                self.failures += 1;
                if self.failures >= MAX_FAILURES {
                    return Action::Close;
                }
            }
        }
        Action::Continue
    }

    /// The answer to [`Action::Update`]: whether the deletions are durable.
    pub fn updated<E>(&mut self, result: Result<(), E>, out: &mut Vec<u8>) -> Action {
        match result {
            Ok(()) => line_out(out, format_args!("+OK bye")),
            // RFC 1939 §6: "the server ... responds with an error" and deletes none, or some.
            Err(_) => line_out(out, format_args!("-ERR [SYS/TEMP] messages not removed")),
        }
        Action::Close
    }

    fn error(&mut self, text: &str, out: &mut Vec<u8>) -> Action {
        line_out(out, format_args!("{text}"));
        self.errors += 1;
        match self.errors < MAX_ERRORS {
            true => Action::Continue,
            false => Action::Close,
        }
    }
}

fn line_out(out: &mut Vec<u8>, text: fmt::Arguments<'_>) {
    out.extend_from_slice(text.to_string().as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// RFC 2449 §5: "Capabilities available in the AUTHORIZATION state MUST be announced in both
/// states", so the list is always the same.
const CAPABILITIES: &[u8] = b"+OK capabilities\r\n\
    TOP\r\nUSER\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\nEXPIRE NEVER\r\n.\r\n";

/// Why a command of the transaction state is refused.
enum Fault {
    NoSuchMessage,
    Arguments,
}

/// The commands of the transaction state (RFC 1939 §5 and §7).
fn transaction(
    messages: &mut [Message],
    verb: &str,
    argument: &str,
    out: &mut Vec<u8>,
) -> Result<Action, Fault> {
    let arguments: Vec<&str> = argument.split(' ').filter(|a| !a.is_empty()).collect();
    match (verb, arguments.as_slice()) {
        ("STAT", []) => {
            let (count, octets) = totals(messages);
            line_out(out, format_args!("+OK {count} {octets}"));
        }
        ("NOOP", []) => line_out(out, format_args!("+OK")),
        ("RSET", []) => {
            for message in messages.iter_mut() {
                message.mark = Mark::Kept;
            }
            line_out(out, format_args!("+OK"));
        }
        ("LIST", []) => {
            let (count, octets) = totals(messages);
            line_out(out, format_args!("+OK {count} messages, {octets} octets"));
            list(messages, out, |entry| entry.size.to_string());
        }
        ("UIDL", []) => {
            line_out(out, format_args!("+OK"));
            list(messages, out, |entry| entry.uid.clone());
        }
        ("LIST", [number]) => {
            let (_, message) = numbered(messages, number)?;
            line_out(out, format_args!("+OK {number} {}", message.entry.size));
        }
        ("UIDL", [number]) => {
            let (_, message) = numbered(messages, number)?;
            line_out(out, format_args!("+OK {number} {}", message.entry.uid));
        }
        ("DELE", [number]) => {
            numbered(messages, number)?.1.mark = Mark::Deleted;
            line_out(out, format_args!("+OK"));
        }
        ("RETR", [number]) => {
            let (at, _) = numbered(messages, number)?;
            return Ok(Action::Send(at, Part::Whole));
        }
        ("TOP", [number, lines]) => {
            let (at, _) = numbered(messages, number)?;
            let lines = lines.parse().map_err(|_| Fault::Arguments)?;
            return Ok(Action::Send(at, Part::Top(lines)));
        }
        _ => return Err(Fault::Arguments),
    }
    Ok(Action::Continue)
}

/// The message of this number, and its place in the list. One that is marked as deleted is none
/// (RFC 1939 §5).
fn numbered<'m>(
    messages: &'m mut [Message],
    number: &str,
) -> Result<(usize, &'m mut Message), Fault> {
    let number: usize = number.parse().map_err(|_| Fault::Arguments)?;
    let at = number.checked_sub(1).ok_or(Fault::NoSuchMessage)?;
    let message = messages.get_mut(at).filter(|m| m.mark == Mark::Kept);
    Ok((at, message.ok_or(Fault::NoSuchMessage)?))
}

fn totals(messages: &[Message]) -> (usize, u64) {
    let kept = messages.iter().filter(|m| m.mark == Mark::Kept);
    kept.fold((0, 0), |(n, octets), m| (n + 1, octets + m.entry.size))
}

fn list(messages: &[Message], out: &mut Vec<u8>, what: impl Fn(&Entry) -> String) {
    for (number, message) in (1..).zip(messages) {
        let number: usize = number;
        if message.mark == Mark::Kept {
            line_out(out, format_args!("{number} {}", what(&message.entry)));
        }
    }
    out.extend_from_slice(b".\r\n");
}

/// The reply to [`Action::Send`] if the message cannot be had.
pub fn unreadable(out: &mut Vec<u8>) {
    line_out(out, format_args!("-ERR [SYS/TEMP] cannot be read now"));
}

/// The reply to [`Action::Send`]: a message piece by piece, so that a slow client neither needs a
/// second copy of it nor a deadline for the whole of it.
#[derive(Debug)]
pub struct Transfer<'m> {
    rest: &'m [u8],
    /// Most octets of a piece, at least two, its stuffing not counted.
    most: usize,
    before: Before,
}

/// What has been sent last, on which the meaning of a dot depends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Nothing,
    LineEnd,
    Text,
}

const PIECE: usize = 64 * 1024;

impl<'m> Transfer<'m> {
    /// Of a message, or of its top.
    pub fn new(message: &'m [u8], part: Part) -> Self {
        Self {
            rest: match part {
                Part::Whole => message,
                Part::Top(lines) => top(message, lines),
            },
            most: PIECE,
            before: Before::Nothing,
        }
    }

    /// Appends the next piece. False: it was the last one, and this must not be called again.
    pub fn next(&mut self, out: &mut Vec<u8>) -> bool {
        if self.before == Before::Nothing {
            line_out(out, format_args!("+OK"));
            self.before = Before::LineEnd;
        }
        let (piece, rest) = self.rest.split_at(piece(self.rest, self.most));
        self.rest = rest;
        // RFC 1939 §3: a line that begins with the termination octet gets another one in front.
        if self.before == Before::LineEnd && piece.starts_with(b".") {
            out.push(b'.');
        }
        let mut copied = 0;
        for found in memmem::find_iter(piece, b"\r\n.") {
            out.extend_from_slice(piece.get(copied..found + 2).unwrap_or_default());
            out.push(b'.');
            copied = found + 2;
        }
        out.extend_from_slice(piece.get(copied..).unwrap_or_default());
        if !piece.is_empty() {
            self.before = match piece.ends_with(b"\r\n") {
                true => Before::LineEnd,
                false => Before::Text,
            };
        }
        if !self.rest.is_empty() {
            return true;
        }
        if self.before == Before::Text {
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b".\r\n");
        false
    }
}

/// How many octets the next piece has: no line end is cut in two, and so none is overlooked.
fn piece(rest: &[u8], most: usize) -> usize {
    match rest.get(..most) {
        Some([text @ .., b'\r']) if !text.is_empty() => text.len(),
        Some(piece) => piece.len(),
        None => rest.len(),
    }
}

/// The header, the empty line, and so many lines of the body (RFC 1939 §7).
fn top(message: &[u8], lines: usize) -> &[u8] {
    let Some(header) = memmem::find(message, b"\r\n\r\n") else {
        return message;
    };
    let body = header + 4;
    let rest = message.get(body..).unwrap_or_default();
    let end = match lines {
        0 => 0,
        _ => memmem::find_iter(rest, b"\r\n")
            .nth(lines - 1)
            .map_or(rest.len(), |at| at + 2),
    };
    message.get(..body + end).unwrap_or(message)
}

#[cfg(test)]
mod tests;
