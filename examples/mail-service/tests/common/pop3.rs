//! A POP3 client (RFC 1939) over TLS.

use std::io;
use std::net::SocketAddr;

use super::wire::Wire;

/// A session; `Err` of its commands is a lost connection, the inner `Err` the server's `-ERR` text.
pub(crate) struct Pop3(pub(crate) Wire);

/// What the server says: `+OK text` or `-ERR text`.
pub(crate) type Answer = Result<String, String>;

impl Pop3 {
    pub(crate) fn connect(to: SocketAddr) -> io::Result<Self> {
        let mut session = Self(Wire::connect(to)?.into_tls()?);
        session.answer()?.map_err(io::Error::other)?;
        Ok(session)
    }

    /// Connects and logs in; the inner `Err` is a refused login.
    pub(crate) fn login(
        to: SocketAddr,
        user: &str,
        password: &str,
    ) -> io::Result<Result<Self, String>> {
        let mut session = Self::connect(to)?;
        if let Err(refused) = session.command(&format!("USER {user}"))? {
            return Ok(Err(refused));
        }
        let answer = session.command(&format!("PASS {password}"))?;
        Ok(answer.map(|_| session))
    }

    pub(crate) fn command(&mut self, line: &str) -> io::Result<Answer> {
        self.0.send(format!("{line}\r\n").as_bytes())?;
        self.answer()
    }

    fn answer(&mut self) -> io::Result<Answer> {
        let line = self.0.line()?;
        let text = |prefix| line.strip_prefix(prefix).map(|t| t.trim_start().to_owned());
        match (text("+OK"), text("-ERR")) {
            (Some(text), _) => Ok(Ok(text)),
            (_, Some(text)) => Ok(Err(text)),
            _ => Err(io::Error::other(format!("not an answer: {line:?}"))),
        }
    }

    /// A command with an answer of several lines, without the dots that stuff them.
    pub(crate) fn lines(&mut self, command: &str) -> io::Result<Result<Vec<String>, String>> {
        if let Err(refused) = self.command(command)? {
            return Ok(Err(refused));
        }
        let mut lines = Vec::new();
        loop {
            match self.0.line()? {
                end if end == "." => return Ok(Ok(lines)),
                line => lines.push(line.strip_prefix('.').unwrap_or(&line).to_owned()),
            }
        }
    }

    /// `(number, unique id)` of all messages.
    pub(crate) fn uidl(&mut self) -> io::Result<Vec<(usize, String)>> {
        let lines = self.lines("UIDL")?.map_err(io::Error::other)?;
        let entry = |line: &String| {
            let (number, id) = line.split_once(' ')?;
            Some((number.parse().ok()?, id.to_owned()))
        };
        lines
            .iter()
            .map(|line| entry(line).ok_or_else(|| io::Error::other(format!("UIDL: {line:?}"))))
            .collect()
    }

    /// Message `number`, its lines ended by CRLF.
    pub(crate) fn retr(&mut self, number: usize) -> io::Result<String> {
        let lines = self
            .lines(&format!("RETR {number}"))?
            .map_err(io::Error::other)?;
        Ok(lines.iter().flat_map(|l| [l.as_str(), "\r\n"]).collect())
    }

    /// `(messages, octets)`.
    pub(crate) fn stat(&mut self) -> io::Result<(usize, usize)> {
        let text = self.command("STAT")?.map_err(io::Error::other)?;
        let mut numbers = text.split(' ').map(|n| n.parse().map_err(io::Error::other));
        let mut next = || {
            numbers
                .next()
                .unwrap_or_else(|| Err(io::Error::other("STAT")))
        };
        Ok((next()?, next()?))
    }
}
