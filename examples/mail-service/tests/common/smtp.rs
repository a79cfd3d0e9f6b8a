//! An SMTP client (RFC 5321) that also sends what no client should.

use std::io;
use std::net::SocketAddr;

use super::wire::Wire;

/// A reply, all its lines.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) code: u16,
    pub(crate) lines: Vec<String>,
}

impl Reply {
    /// Whether the code is 4xx or 5xx.
    pub(crate) fn refuses(&self) -> bool {
        self.code >= 400
    }

    /// Whether a line names this extension, or begins with this text.
    pub(crate) fn says(&self, text: &str) -> bool {
        self.lines.iter().any(|line| line.starts_with(text))
    }

    /// The reply, if its code is `code`.
    #[track_caller]
    pub(crate) fn expect(self, code: u16) -> Self {
        assert_eq!(self.code, code, "{:?}", self.lines);
        self
    }
}

/// A session.
pub(crate) struct Smtp(pub(crate) Wire);

impl Smtp {
    /// Connects and is greeted.
    pub(crate) fn connect(to: SocketAddr) -> io::Result<Self> {
        Self::greeted(Wire::connect(to)?)
    }

    /// Reads the greeting; one that refuses is an error.
    pub(crate) fn greeted(wire: Wire) -> io::Result<Self> {
        let mut session = Self(wire);
        let greeting = session.reply()?;
        if greeting.code != 220 {
            return Err(io::Error::other(format!("greeted with {greeting:?}")));
        }
        Ok(session)
    }

    /// Connects, is greeted and says EHLO.
    pub(crate) fn open(to: SocketAddr) -> io::Result<Self> {
        let mut session = Self::connect(to)?;
        session.hello()?;
        Ok(session)
    }

    pub(crate) fn hello(&mut self) -> io::Result<Reply> {
        self.command("EHLO client.a.test")
    }

    pub(crate) fn reply(&mut self) -> io::Result<Reply> {
        let mut lines = Vec::new();
        loop {
            let line = self.0.line()?;
            let odd = || io::Error::other(format!("not a reply: {line:?}"));
            let code = line.get(..3).and_then(|c| c.parse().ok()).ok_or_else(odd)?;
            let more = line.as_bytes().get(3) == Some(&b'-');
            lines.push(line.get(4..).unwrap_or_default().to_owned());
            if !more {
                return Ok(Reply { code, lines });
            }
        }
    }

    pub(crate) fn command(&mut self, line: &str) -> io::Result<Reply> {
        self.0.send(format!("{line}\r\n").as_bytes())?;
        self.reply()
    }

    /// Asks for TLS and goes on inside.
    pub(crate) fn starttls(mut self) -> io::Result<Self> {
        self.command("STARTTLS")?.expect(220);
        let mut inside = Self(self.0.into_tls()?);
        inside.hello()?;
        Ok(inside)
    }

    /// MAIL, RCPT and DATA: the last reply, which is 354 unless one of them is refused.
    pub(crate) fn envelope(&mut self, from: &str, to: &str) -> io::Result<Reply> {
        let mail = self.command(&format!("MAIL FROM:<{from}>"))?;
        if mail.refuses() {
            return Ok(mail);
        }
        let rcpt = self.command(&format!("RCPT TO:<{to}>"))?;
        if rcpt.refuses() {
            return Ok(rcpt);
        }
        self.command("DATA")
    }

    /// A whole transaction. `message` must have no line that begins with a dot.
    pub(crate) fn deliver(&mut self, message: &[u8]) -> io::Result<Reply> {
        let ready = self.envelope("alice@a.test", "bob@b.test")?;
        if ready.refuses() {
            return Ok(ready);
        }
        self.0.send(message)?;
        self.0.send(b".\r\n")?;
        self.reply()
    }
}
