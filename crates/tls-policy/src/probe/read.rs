//! What a server answers to a ClientHello, in the clear: records and messages, strictly.

use super::message::{self, ServerHello};
use super::outcome::{Alert, Failure, Flight, Outcome, ReadError};
use super::{Authentication, ClientHello, KeyExchange, Version};

/// Reads the answer to one [`ClientHello`]: to TLS 1.3 the ServerHello or HelloRetryRequest
/// (RFC 8446 §4.1), to older versions everything up to ServerHelloDone (RFC 5246 §7.3), or an alert.
///
/// What a server may not say is [`Failure::Malformed`]: another order of messages, versions, suites,
/// groups or extensions that were not offered, anything that goes on after its end. Messages may lie
/// across records, and records across [`push`](Self::push)es, in any way.
#[derive(Debug)]
pub struct Reader {
    hello: ClientHello,
    /// Octets that came, at most a record and what is pushed at once.
    octets: Vec<u8>,
    /// How many of them are read.
    at: usize,
    /// Of all records so far.
    taken: usize,
    /// Handshake messages that are not complete.
    messages: Vec<u8>,
    warnings: usize,
    expected: Expected,
    flight: Flight,
}

/// What may come next (RFC 5246 §7.3): this, or something later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Expected {
    ServerHello,
    Certificate,
    CertificateStatus,
    KeyExchange,
    CertificateRequest,
    Done,
}

impl Reader {
    /// Octets that a server may send before its flight is complete.
    pub const MAX_OCTETS: usize = 256 * 1024;

    /// Octets of one handshake message. It is a long chain that has more.
    pub const MAX_MESSAGE: usize = 128 * 1024;

    /// Certificates that are taken.
    pub const MAX_CERTIFICATES: usize = 16;

    /// Warnings that may come before an answer.
    pub const MAX_WARNINGS: usize = 4;

    /// Octets of a record that is not encrypted (RFC 8446 §5.1).
    const MAX_RECORD: usize = 1 << 14;

    /// For the answer to this.
    pub fn new(hello: ClientHello) -> Self {
        Self {
            hello,
            octets: Vec::new(),
            at: 0,
            taken: 0,
            messages: Vec::new(),
            warnings: 0,
            expected: Expected::ServerHello,
            flight: Flight::default(),
        }
    }

    /// Takes what came, however much. When there is an outcome, the connection can be closed; nothing
    /// that comes later is looked at.
    pub fn push(&mut self, octets: &[u8]) -> Option<Outcome> {
        self.taken = self.taken.saturating_add(octets.len());
        self.octets.extend(octets);
        if self.hello.is_ssl2()
            && let Some(outcome) = self.ssl2()
        {
            return outcome;
        }
        loop {
            match self.record() {
                Ok(Progress::Record) => {}
                Ok(Progress::Nothing) if self.taken > Self::MAX_OCTETS => {
                    return Some(Outcome::Failed(Failure::Malformed(ReadError::TooLong)));
                }
                Ok(Progress::Nothing) => {
                    self.octets.drain(..self.at);
                    self.at = 0;
                    return None;
                }
                Ok(Progress::Complete) => {
                    return Some(Outcome::Answered(Box::new(self.flight.clone())));
                }
                Ok(Progress::Alert(alert)) => return Some(Outcome::Alert(alert)),
                Err(Stop::Closed) => return Some(Outcome::Failed(Failure::Closed)),
                Err(Stop::Malformed(why)) => {
                    return Some(Outcome::Failed(Failure::Malformed(why)));
                }
            }
        }
    }

    /// A ServerHello of SSL 2.0: two octets of length, and kind 4. Nothing if this is something else;
    /// that more is wanted is an outcome here.
    #[allow(clippy::option_option)]
    fn ssl2(&mut self) -> Option<Option<Outcome>> {
        // One octet is enough to know whose it is.
        if self.octets.first()? & 0x80 == 0 {
            return None;
        }
        let kind = self.octets.get(2..5);
        Some(match kind {
            None => None,
            Some([4, _, _]) => Some(Outcome::Answered(Box::new(Flight {
                ssl2: true,
                ..Flight::default()
            }))),
            Some(_) => Some(Outcome::Failed(Failure::Malformed(ReadError::Message))),
        })
    }

    /// The server has closed the connection.
    pub fn closed(self) -> Outcome {
        Outcome::Failed(match self.taken {
            0 => Failure::Closed,
            _ => Failure::Broken,
        })
    }

    /// Reads one record, if it is there.
    fn record(&mut self) -> Result<Progress, Stop> {
        let rest = self.octets.get(self.at..).unwrap_or_default();
        // A server that speaks something else is found out by its first octet.
        if let Some(&kind) = rest.first()
            && !matches!(kind, ALERT | HANDSHAKE)
        {
            return Err(Stop::Malformed(ReadError::NotTls));
        }
        let Some((&[kind, major, _, high, low], rest)) = rest.split_first_chunk() else {
            return Ok(Progress::Nothing);
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if major != 3 || length == 0 || length > Self::MAX_RECORD {
            return Err(Stop::Malformed(ReadError::Record));
        }
        let Some(body) = rest.get(..length) else {
            return Ok(Progress::Nothing);
        };
        self.at = self.at.saturating_add(length).saturating_add(5);
        match kind {
            ALERT => {
                let body = body.to_vec();
                self.alert(&body)
            }
            _ => {
                let more = body.len().saturating_add(self.messages.len());
                if more > Self::MAX_MESSAGE + Self::MAX_RECORD {
                    return Err(Stop::Malformed(ReadError::TooLong));
                }
                self.messages.extend(body);
                self.messages()
            }
        }
    }

    /// RFC 5246 §7.2.
    fn alert(&mut self, body: &[u8]) -> Result<Progress, Stop> {
        let &[level, description] = body else {
            return Err(Stop::Malformed(ReadError::Alert));
        };
        match (level, description) {
            (1 | 2, CLOSE_NOTIFY) => Err(Stop::Closed),
            (1, _) if self.warnings < Self::MAX_WARNINGS => {
                self.warnings += 1;
                Ok(Progress::Record)
            }
            (2, _) => Ok(Progress::Alert(Alert::new(description))),
            _ => Err(Stop::Malformed(ReadError::Alert)),
        }
    }

    /// Reads the messages that are complete.
    fn messages(&mut self) -> Result<Progress, Stop> {
        // Out of the way, and back: whatever is not complete is not copied for each record.
        let mut messages = std::mem::take(&mut self.messages);
        let mut rest = &*messages;
        while let Some((&[kind, a, b, c], after)) = rest.split_first_chunk() {
            let length = u32::from_be_bytes([0, a, b, c]);
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            if length > Self::MAX_MESSAGE {
                return Err(Stop::Malformed(ReadError::TooLong));
            }
            let Some((body, after)) = after.split_at_checked(length) else {
                break;
            };
            rest = after;
            let complete = self.message(kind, body).map_err(Stop::Malformed)?;
            if complete == Complete::Yes {
                // RFC 8446 §5.1: what changes keys ends its record; the same is true of the others.
                return match rest.is_empty() {
                    true => Ok(Progress::Complete),
                    false => Err(Stop::Malformed(ReadError::Order)),
                };
            }
        }
        let read = messages.len().saturating_sub(rest.len());
        messages.drain(..read);
        self.messages = messages;
        Ok(Progress::Record)
    }

    fn message(&mut self, kind: u8, body: &[u8]) -> Result<Complete, ReadError> {
        let (this, next) = match kind {
            2 => (Expected::ServerHello, Expected::Certificate),
            11 => (Expected::Certificate, Expected::CertificateStatus),
            22 => (Expected::CertificateStatus, Expected::KeyExchange),
            12 => (Expected::KeyExchange, Expected::CertificateRequest),
            13 => (Expected::CertificateRequest, Expected::Done),
            14 => (Expected::Done, Expected::Done),
            _ => return Err(ReadError::Order),
        };
        // Nothing comes twice, and nothing before the ServerHello.
        let begun = self.expected != Expected::ServerHello;
        if this < self.expected || begun == (this == Expected::ServerHello) {
            return Err(ReadError::Order);
        }
        self.expected = next;
        match this {
            Expected::ServerHello => {
                let hello = ServerHello::read(body)?;
                self.hello(hello)
            }
            Expected::Certificate => {
                self.flight.certificates = message::certificates(body)?;
                Ok(Complete::No)
            }
            Expected::CertificateStatus => {
                message::certificate_status(body)?;
                self.flight.stapled = true;
                Ok(Complete::No)
            }
            Expected::KeyExchange => {
                let (suite, version) = (self.flight.suite, self.flight.version);
                let exchange = message::key_exchange(body, suite, version)?;
                // RFC 8422 §4, RFC 5246 §7.4.1.4.1: without the extension the server may choose.
                if let Some(group) = exchange.group()
                    && !self.hello.groups().is_empty()
                    && !self.hello.groups().contains(&group)
                {
                    return Err(ReadError::GroupNotOffered);
                }
                if let Some(scheme) = exchange.scheme()
                    && !self.hello.schemes().is_empty()
                    && !self.hello.schemes().contains(&scheme)
                {
                    return Err(ReadError::SchemeNotOffered);
                }
                self.flight.exchange = Some(exchange);
                Ok(Complete::No)
            }
            Expected::CertificateRequest => Ok(Complete::No),
            Expected::Done => match body.is_empty() && self.is_whole() {
                true => Ok(Complete::Yes),
                false => Err(ReadError::Message),
            },
        }
    }

    /// RFC 5246 §7.4.2, §7.4.3: whoever is not anonymous has a certificate; with ephemeral keys there is
    /// a ServerKeyExchange, and with static keys there is none.
    fn is_whole(&self) -> bool {
        let suite = self.flight.suite;
        let anonymous = suite.authentication() == Some(Authentication::Anonymous);
        let keys = match suite.key_exchange() {
            Some(KeyExchange::Ecdhe | KeyExchange::Dhe) => self.flight.exchange.is_some(),
            Some(KeyExchange::Rsa | KeyExchange::Static) => self.flight.exchange.is_none(),
            _ => true,
        };
        keys && anonymous == self.flight.certificates.is_empty()
    }

    fn hello(&mut self, hello: ServerHello) -> Result<Complete, ReadError> {
        let offered = &self.hello;
        if !offered.allows(hello.version) {
            return Err(ReadError::VersionNotOffered);
        }
        if !offered.suites().contains(&hello.suite) || !hello.suite.fits(hello.version) {
            return Err(ReadError::SuiteNotOffered);
        }
        if !offered.offers_compression(hello.compression) {
            return Err(ReadError::CompressionNotOffered);
        }
        let mut extensions = hello.extensions.iter();
        // A HelloRetryRequest may bring a cookie, which nobody offers (RFC 8446 §4.2.2).
        let cookie = |code: u16| hello.retry && code == message::COOKIE;
        if !extensions.all(|&code| offered.offers_extension(code) || cookie(code)) {
            return Err(ReadError::ExtensionNotOffered);
        }
        if hello.group.is_some_and(|g| !offered.groups().contains(&g)) {
            return Err(ReadError::GroupNotOffered);
        }
        self.flight.version = hello.version;
        self.flight.suite = hello.suite;
        self.flight.compressed = hello.compression != 0;
        self.flight.retry = hello.retry;
        self.flight.group = hello.group;
        self.flight.extensions = hello.extensions;
        Ok(match hello.version {
            Version::Tls13 => Complete::Yes,
            _ => Complete::No,
        })
    }
}

const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const CLOSE_NOTIFY: u8 = 0;

enum Progress {
    /// The record is not complete.
    Nothing,
    /// One was read.
    Record,
    Complete,
    Alert(Alert),
}

enum Stop {
    Closed,
    Malformed(ReadError),
}

#[derive(PartialEq, Eq)]
enum Complete {
    No,
    Yes,
}
