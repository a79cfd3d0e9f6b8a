//! Lines to a server, and its replies, within bounds.

use crate::wire::Wire;
use std::{fmt, io, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, timeout_at},
};

/// Most lines of a reply.
const MAX_LINES: usize = 100;

/// One connection.
pub(super) struct Dialogue<S> {
    wire: Wire<S>,
    deadline: Instant,
}

/// A reply, all its lines (RFC 5321 §4.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u16,
    /// Without code; what is not printable is `?`.
    pub(super) lines: Vec<String>,
}

/// Why a dialogue ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error("the server closed the connection")]
    Closed,
    #[error("the server was too slow")]
    TooSlow,
    #[error("the server's reply is malformed")]
    Malformed,
    #[error("the server's reply is too long")]
    TooLong,
    #[error("the server answered what it was not asked")]
    Unasked,
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Dialogue<S> {
    pub(super) fn new(stream: S, deadline: Instant) -> Self {
        Self {
            wire: Wire::new(stream),
            deadline,
        }
    }

    /// A reply, in this time.
    pub(super) async fn reply(&mut self, patience: Duration) -> Result<Reply, Broken> {
        let until = self.until(patience);
        let read = timeout_at(until, self.read()).await;
        read.unwrap_or(Err(Broken::TooSlow))
    }

    /// A command, and the reply to it.
    pub(super) async fn ask(&mut self, line: &str, patience: Duration) -> Result<Reply, Broken> {
        // What came before the question is no answer to it.
        if !self.wire.input.is_empty() {
            return Err(Broken::Unasked);
        }
        debug_assert!(!line.contains(['\r', '\n']), "two commands in one");
        self.wire.out.extend_from_slice(line.as_bytes());
        self.send(b"\r\n", patience).await?;
        self.reply(patience).await
    }

    /// Octets, in this time.
    pub(super) async fn send(&mut self, octets: &[u8], patience: Duration) -> Result<(), Broken> {
        self.wire.out.extend_from_slice(octets);
        let until = self.until(patience);
        match timeout_at(until, self.wire.flush()).await {
            Ok(flushed) => Ok(flushed?),
            Err(_) => Err(Broken::TooSlow),
        }
    }

    /// Says goodbye, and does not wait long for an answer.
    pub(super) async fn quit(mut self, patience: Duration) {
        let _ = self.ask("QUIT", patience).await;
    }

    /// Whether something came that nobody has read.
    pub(super) fn has_more(&self) -> bool {
        !self.wire.input.is_empty()
    }

    /// What has not been read is lost: see [`has_more`](Self::has_more).
    pub(super) fn into_stream(self) -> S {
        self.wire.into_stream()
    }

    fn until(&self, patience: Duration) -> Instant {
        self.deadline.min(Instant::now() + patience)
    }

    async fn read(&mut self) -> Result<Reply, Broken> {
        let (mut code, mut lines) = (None, Vec::new());
        loop {
            let line = match self.wire.input.line() {
                Some(Ok(line)) => self.wire.input.get(line),
                Some(Err(_)) => return Err(Broken::Malformed),
                None if self.wire.fill(4096).await? == 0 => return Err(Broken::Closed),
                None => continue,
            };
            let (number, more, text) = parse(line).ok_or(Broken::Malformed)?;
            // RFC 5321 §4.2.1: the code is the same on every line.
            if *code.get_or_insert(number) != number {
                return Err(Broken::Malformed);
            }
            if lines.len() == MAX_LINES {
                return Err(Broken::TooLong);
            }
            lines.push(text);
            if !more {
                return Ok(Reply {
                    code: number,
                    lines,
                });
            }
        }
    }
}

/// The code, whether more lines follow, and the text.
fn parse(line: &[u8]) -> Option<(u16, bool, String)> {
    let (code, rest) = line.split_at_checked(3)?;
    let [b'2'..=b'5', b'0'..=b'5', b'0'..=b'9'] = code else {
        return None;
    };
    let number = code
        .iter()
        .fold(0, |n, digit| n * 10 + u16::from(digit - b'0'));
    let (more, text) = match rest {
        [] => (false, rest),
        [b' ', text @ ..] => (false, text),
        [b'-', text @ ..] => (true, text),
        _ => return None,
    };
    let text = String::from_utf8_lossy(text);
    let safe = |c: char| if c.is_control() { '?' } else { c };
    Some((number, more, text.chars().map(safe).collect()))
}

impl Reply {
    pub(super) fn is_ok(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// The enhanced status code, if there is one and it is of the same class (RFC 2034 §4).
    pub(super) fn status(&self) -> Option<&str> {
        let word = self.lines.first()?.split(' ').next()?;
        let mut parts = word.split('.');
        let class = parts.next()?;
        let number = |part: Option<&str>| {
            part.is_some_and(|p| {
                (1..=3).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit())
            })
        };
        let whole = number(parts.next()) && number(parts.next()) && parts.next().is_none();
        let same = class.len() == 1 && self.code.to_string().starts_with(class);
        (whole && same).then_some(word)
    }
}

/// On one line, and not longer than one may be.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.lines.join(" / ");
        let short: String = text.chars().take(500).collect();
        write!(f, "{} {short}", self.code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn heard(octets: &[u8]) -> Result<Reply, Broken> {
        let stream = tokio_test_stream(octets);
        let deadline = Instant::now() + Duration::from_secs(60);
        Dialogue::new(stream, deadline)
            .reply(Duration::from_secs(60))
            .await
    }

    /// What reads these octets and then the end, and takes whatever is written.
    fn tokio_test_stream(octets: &[u8]) -> impl AsyncRead + AsyncWrite + Unpin + use<> {
        tokio::io::join(io::Cursor::new(octets.to_vec()), tokio::io::sink())
    }

    #[tokio::test]
    async fn replies() {
        let reply = heard(b"250-a\r\n250-b\x1b\r\n250 c\r\nrest").await.unwrap();
        assert_eq!(reply.lines, ["a", "b?", "c"]);
        assert_eq!(heard(b"220\r\n").await.unwrap().lines, [""]);
        for bad in [
            &b"250-a\r\n251 b\r\n"[..],
            b"250 a\n",
            b"250a\r\n",
            b"25 a\r\n",
            b"150 a\r\n",
            b"290 a\r\n",
            b"\r\n",
            b"250 \0\r\n",
            &[b'2'; 5000],
        ] {
            let broken = heard(bad).await;
            assert!(matches!(broken, Err(Broken::Malformed)), "{broken:?}");
        }
        assert!(matches!(heard(b"250-a\r\n").await, Err(Broken::Closed)));
        let endless = b"250-a\r\n".repeat(MAX_LINES + 1);
        assert!(matches!(heard(&endless).await, Err(Broken::TooLong)));
    }

    proptest::proptest! {
        /// Whatever a server says, it is a reply within bounds, or none.
        #[test]
        fn any_octets(octets in proptest::collection::vec(
            proptest::prelude::prop_oneof![
                proptest::prelude::Just(&b"250-"[..]), proptest::prelude::Just(&b"250 a"[..]),
                proptest::prelude::Just(&b"\r\n"[..]), proptest::prelude::Just(&b"\n"[..]),
                proptest::prelude::Just(&b"\xff\0"[..]), proptest::prelude::Just(&b"5.7.10"[..]),
            ], 0..300)
        ) {
            let octets = octets.concat();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
            if let Ok(reply) = runtime.unwrap().block_on(heard(&octets)) {
                proptest::prop_assert!(reply.lines.len() <= MAX_LINES && reply.to_string().len() < 3000);
                proptest::prop_assert!((200..600).contains(&reply.code));
            }
        }
    }

    #[test]
    fn statuses() {
        let status = |code, line: &str| {
            let lines = vec![line.to_owned()];
            Reply { code, lines }.status().map(str::to_owned)
        };
        assert_eq!(status(550, "5.7.10 no").as_deref(), Some("5.7.10"));
        assert_eq!(status(450, "5.7.1 no"), None);
        assert_eq!(status(550, "5.7 no"), None);
        assert_eq!(status(550, "5.7.1234 no"), None);
        assert_eq!(status(550, "no"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn patience_ends() {
        let (_far, near) = tokio::io::duplex(64);
        let start = Instant::now();
        let mut dialogue = Dialogue::new(near, start + Duration::from_secs(100));
        let slow = dialogue.reply(Duration::from_secs(10)).await;
        assert!(matches!(slow, Err(Broken::TooSlow)));
        assert_eq!(start.elapsed(), Duration::from_secs(10));
        // The whole has an end, too.
        let slow = dialogue.reply(Duration::from_secs(1000)).await;
        assert!(matches!(slow, Err(Broken::TooSlow)));
        assert_eq!(start.elapsed(), Duration::from_secs(100));
    }

    #[tokio::test]
    async fn what_was_not_asked_is_no_answer() {
        let (mut far, near) = tokio::io::duplex(64);
        use tokio::io::AsyncWriteExt;
        far.write_all(b"220 a\r\n250 b\r\n").await.unwrap();
        let hour = Duration::from_secs(3600);
        let mut dialogue = Dialogue::new(near, Instant::now() + hour);
        assert!(dialogue.reply(hour).await.unwrap().is_ok());
        assert!(dialogue.has_more());
        let unasked = dialogue.ask("EHLO x", hour).await;
        assert!(matches!(unasked, Err(Broken::Unasked)));
    }
}
