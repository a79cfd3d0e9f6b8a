//! The message after DATA: a strict receiver.
//!
//! Servers that disagree about where a message ends let one message carry another past every check
//! ("SMTP smuggling"). There is nothing to disagree about here: a line ends with CR LF, and any
//! other CR, LF, or a NUL, ends the connection.

use memchr::memchr3;

/// Receives one message: removes the dots of transparency and finds the end.
#[derive(Debug)]
pub struct Receiver {
    message: Vec<u8>,
    state: State,
    /// Octets of the current line so far.
    line: usize,
    limits: Limits,
    /// Set once the message is too big to be kept: from then on its octets are only counted off.
    refused: Option<Refused>,
}

/// What a message may measure.
#[allow(clippy::exhaustive_structs)] // both limits of RFC 5321 §4.5.3.1
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most octets of a message.
    pub message: usize,
    /// Most octets of a line, its CR LF counted, a dot of transparency not.
    pub line: usize,
}

/// Where the receiver stands after some octets.
#[allow(clippy::exhaustive_enums)] // a message goes on or has ended
#[derive(Debug, PartialEq, Eq)]
pub enum Progress {
    /// All octets are taken, the end has not come.
    More,
    /// The end came after `used` octets; what follows them are commands.
    Done {
        /// Octets of the input that belong to the message and its end.
        used: usize,
        /// The message, or why it was not kept.
        message: Result<Vec<u8>, Refused>,
    },
}

/// A whole message arrived and cannot be taken. The connection may go on.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// More octets than the limit.
    #[error("message too large")]
    TooLarge,
    /// A line of more octets than the limit.
    #[error("line too long")]
    LineTooLong,
}

/// Octets that other servers read differently. The connection must be closed: nobody knows any more
/// what is message and what is command.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// CR without LF.
    #[error("carriage return without line feed")]
    BareCr,
    /// LF without CR.
    #[error("line feed without carriage return")]
    BareLf,
    /// NUL.
    #[error("NUL octet")]
    Nul,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    LineStart,
    Text,
    Cr,
    Dot,
    DotCr,
}

impl Receiver {
    /// A receiver for one message.
    pub fn new(limits: Limits) -> Self {
        Self {
            message: Vec::new(),
            state: State::LineStart,
            line: 0,
            limits,
            refused: None,
        }
    }

    /// Takes the next octets as they came from the network, cut anywhere.
    ///
    /// # Errors
    /// [`Broken`]: refuse and close.
    pub fn push(&mut self, input: &[u8]) -> Result<Progress, Broken> {
        // `kept` is where the octets begin that are not yet copied; they are copied in long runs.
        let (mut kept, mut at) = (0, 0);
        while let Some(&octet) = input.get(at) {
            match self.state {
                // RFC 5321 §4.5.2: "If the first character is a period and there are other
                // characters on the line, the first character is deleted."
                State::LineStart if octet == b'.' => {
                    self.keep(input, kept, at);
                    at += 1;
                    kept = at;
                    self.state = State::Dot;
                }
                State::Dot if octet == b'\r' => {
                    at += 1;
                    self.state = State::DotCr;
                }
                State::LineStart | State::Dot => {
                    self.line = 0;
                    self.state = State::Text;
                }
                State::Text => {
                    let rest = input.get(at..).unwrap_or_default();
                    let Some(found) = memchr3(b'\r', b'\n', 0, rest) else {
                        self.count(rest.len());
                        break;
                    };
                    match rest.get(found) {
                        Some(b'\r') => {}
                        Some(b'\n') => return Err(Broken::BareLf),
                        _ => return Err(Broken::Nul),
                    }
                    self.count(found + 1);
                    at += found + 1;
                    self.state = State::Cr;
                }
                State::Cr if octet == b'\n' => {
                    self.count(1);
                    at += 1;
                    self.state = State::LineStart;
                }
                State::DotCr if octet == b'\n' => {
                    let used = at + 1;
                    let message = match self.refused {
                        Some(refused) => Err(refused),
                        None => Ok(std::mem::take(&mut self.message)),
                    };
                    return Ok(Progress::Done { used, message });
                }
                // RFC 5321 §2.3.8: "SMTP client implementations MUST NOT transmit these characters
                // except when they are intended as line terminators".
                State::Cr | State::DotCr => return Err(Broken::BareCr),
            }
        }
        if self.state != State::DotCr {
            self.keep(input, kept, input.len());
        }
        Ok(Progress::More)
    }

    /// Octets that are kept now.
    pub fn held(&self) -> usize {
        self.message.capacity()
    }

    /// Keeps nothing from here on: the message will be [`Refused::TooLarge`], if nothing else.
    pub fn abandon(&mut self) {
        self.refuse(Refused::TooLarge);
    }

    fn count(&mut self, octets: usize) {
        self.line = self.line.saturating_add(octets);
        if self.line > self.limits.line {
            self.refuse(Refused::LineTooLong);
        }
    }

    fn keep(&mut self, input: &[u8], from: usize, to: usize) {
        let run = input.get(from..to).unwrap_or_default();
        if self.refused.is_some() {
            return;
        }
        if self.message.len() + run.len() > self.limits.message {
            return self.refuse(Refused::TooLarge);
        }
        self.message.extend_from_slice(run);
    }

    fn refuse(&mut self, why: Refused) {
        self.refused.get_or_insert(why);
        self.message = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: Limits = Limits {
        message: 10_000,
        line: 1000,
    };

    /// Feeds the input in pieces of `step` octets; gives the message and what follows it.
    fn receive(input: &[u8], step: usize) -> Result<Option<(Vec<u8>, usize)>, String> {
        let mut receiver = Receiver::new(LIMITS);
        let mut before = 0;
        for piece in input.chunks(step) {
            match receiver.push(piece).map_err(|e| e.to_string())? {
                Progress::More => before += piece.len(),
                Progress::Done { used, message } => {
                    let message = message.map_err(|e| e.to_string())?;
                    return Ok(Some((message, before + used)));
                }
            }
        }
        Ok(None)
    }

    #[test]
    fn messages_end_at_one_sequence_only() {
        for step in [1, 2, 3, 1000] {
            let got = receive(b"Subject: x\r\n\r\n..dot\r\n.\r\nQUIT\r\n", step).unwrap();
            assert_eq!(got, Some((b"Subject: x\r\n\r\n.dot\r\n".to_vec(), 24)));
            assert_eq!(receive(b".\r\n", step).unwrap(), Some((vec![], 3)));
        }
    }

    #[test]
    fn every_smuggling_sequence_is_broken() {
        for end in [
            &b"\n.\n"[..],
            b"\n.\r\n",
            b"\r\n.\n",
            b"\r\n.\r\r\n",
            b"\r.\r",
            b"\r\n.\r",
            b"\r.\r\n",
            b"\r\n\0.\r\n",
            b"\r\n.\0\r\n",
            b"\n\n.\r\n",
            b"\r\n.\n\r\n",
            b"\r\r\n.\r\n",
        ] {
            for step in [1, 2, 1000] {
                let mut input = b"text".to_vec();
                input.extend_from_slice(end);
                input.extend_from_slice(b"MAIL FROM:<a@b.example>\r\n");
                assert!(receive(&input, step).is_err(), "{end:?} by {step}");
            }
        }
    }

    #[test]
    fn too_long_is_refused_at_the_end_and_not_kept() {
        let mut line = vec![b'x'; 998];
        line.extend_from_slice(b"\r\n.\r\n");
        assert!(receive(&line, 7).unwrap().is_some());
        line.insert(0, b'x');
        assert_eq!(receive(&line, 7), Err("line too long".into()));
        let mut dotted = b"..".to_vec();
        dotted.extend_from_slice(&[b'x'; 997]);
        dotted.extend_from_slice(b"\r\n.\r\n");
        assert!(receive(&dotted, 7).unwrap().is_some(), "the dot is free");

        let mut many = b"0123456\r\n".repeat(1112);
        many.extend_from_slice(b".\r\n");
        assert_eq!(receive(&many, 64), Err("message too large".into()));
    }

    /// RFC 5321 §4.5.2, the sender's side.
    fn stuff(message: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for line in message.split_inclusive(|&b| b == b'\n') {
            if line.first() == Some(&b'.') {
                out.push(b'.');
            }
            out.extend_from_slice(line);
        }
        out.extend_from_slice(b".\r\n");
        out
    }

    proptest! {
        #[test]
        fn what_was_stuffed_comes_back(
            lines in proptest::collection::vec("[.a\u{e9} ]{0,6}", 0..8),
            step in 1usize..40,
        ) {
            let message: String = lines.iter().map(|l| format!("{l}\r\n")).collect();
            let wire = stuff(message.as_bytes());
            let got = receive(&wire, step).unwrap();
            prop_assert_eq!(got, Some((message.into_bytes(), wire.len())));
        }

        #[test]
        fn cuts_do_not_matter(
            input in proptest::collection::vec(
                prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'.'), Just(b'a'), Just(0)], 0..24),
            step in 1usize..6,
        ) {
            let whole = receive(&input, input.len().max(1));
            let cut = receive(&input, step);
            // What is broken is broken; but a cut may see the end before the breach behind it.
            prop_assert_eq!(whole, cut);
        }
    }
}
