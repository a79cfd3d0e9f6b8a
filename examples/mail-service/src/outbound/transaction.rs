//! One letter to one server that may have it: MAIL, RCPT, DATA.

use super::{
    Timeouts,
    dialogue::{Broken, Dialogue, Reply},
    letter::{Charset, Letter},
    report::Why,
};
use tokio::io::{AsyncRead, AsyncWrite};

/// What became of a recipient at one host.
#[derive(Clone, Debug)]
pub(super) enum Said {
    /// The host has it.
    Taken(String),
    /// Another host may take it, or this one later.
    Later(Why),
    /// Nobody will.
    Never(Why),
    /// The host may have it or not: no other host is asked now.
    Unsure(Why),
}

/// What a server offers, as it answered EHLO.
#[derive(Clone, Debug, Default)]
pub(super) struct Extensions {
    lines: Vec<String>,
}

impl Extensions {
    /// Of a reply to EHLO, whose first line is a greeting (RFC 5321 §4.1.1.1).
    pub(super) fn of(reply: &Reply) -> Self {
        let lines = reply.lines.iter().skip(1).cloned().collect();
        Self { lines }
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    pub(super) fn has(&self, keyword: &str) -> bool {
        self.value(keyword).is_some()
    }

    fn value(&self, keyword: &str) -> Option<&str> {
        self.lines().find_map(|line| {
            let (word, value) = line.split_once(' ').unwrap_or((line, ""));
            word.eq_ignore_ascii_case(keyword).then_some(value)
        })
    }

    /// The parameters of MAIL for a letter, or why this server cannot have it.
    fn parameters(&self, letter: &Letter, host: &str) -> Result<String, Why> {
        let mut parameters = String::new();
        let never = |status, what| {
            Why::new(
                status,
                "smtp.extension",
                format!("{host} does not take {what}"),
            )
        };
        if let Some(limit) = self.value("SIZE") {
            // RFC 1870 §4: no number, or 0, is no limit.
            let limit: usize = limit.trim().parse().unwrap_or(0);
            if limit > 0 && letter.message.len() > limit {
                return Err(never("5.3.4", "messages of this size"));
            }
            parameters.push_str(&format!(" SIZE={}", letter.message.len()));
        }
        if letter.body == Charset::EightBit {
            // RFC 6152 §3: it would have to be converted, which breaks signatures.
            if !self.has("8BITMIME") {
                return Err(never("5.6.3", "messages of 8-bit octets"));
            }
            parameters.push_str(" BODY=8BITMIME");
        }
        if letter.needs_utf8() {
            if !self.has("SMTPUTF8") {
                return Err(never("5.6.7", "UTF-8 in addresses and headers"));
            }
            parameters.push_str(" SMTPUTF8");
        }
        Ok(parameters)
    }
}

/// A letter on its way to a host.
pub(super) struct Transaction<'a> {
    pub(super) letter: &'a Letter,
    pub(super) host: &'a str,
    /// The recipients that are still to be served, by their place in the letter.
    pub(super) open: &'a [usize],
    /// What REQUIRETLS adds to MAIL, or nothing.
    pub(super) requiretls: &'static str,
    pub(super) timeouts: &'a Timeouts,
}

impl Transaction<'_> {
    /// Says it all. The connection is one that the decision allows.
    pub(super) async fn run<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut dialogue: Dialogue<S>,
        extensions: &Extensions,
    ) -> Vec<(usize, Said)> {
        let mut said = Vec::new();
        let ended = self.say(&mut dialogue, extensions, &mut said).await;
        match ended {
            Ok(()) => dialogue.quit(self.timeouts.quit).await,
            Err(why) => {
                let missing = self
                    .open
                    .iter()
                    .filter(|at| !said.iter().any(|(a, _)| a == *at));
                let missing: Vec<_> = missing.map(|at| (*at, why.clone())).collect();
                said.extend(missing);
            }
        }
        said
    }

    /// An error is what became of all whom nothing was said of.
    async fn say<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        dialogue: &mut Dialogue<S>,
        extensions: &Extensions,
        said: &mut Vec<(usize, Said)>,
    ) -> Result<(), Said> {
        let broken = |broken: Broken| {
            let text = format!("{}: {broken}", self.host);
            Said::Later(Why::new("4.4.2", "smtp.broken", text))
        };
        let parameters = extensions.parameters(self.letter, self.host);
        let parameters = parameters.map_err(Said::Never)?;
        let from = self.letter.from.as_ref().map(ToString::to_string);
        let from = from.unwrap_or_default();
        let mail = format!("MAIL FROM:<{from}>{parameters}{}", self.requiretls);
        let reply = dialogue
            .ask(&mail, self.timeouts.command)
            .await
            .map_err(broken)?;
        self.judge("MAIL", &reply)?;
        let mut taken = Vec::new();
        for at in self.open {
            let Some(to) = self.letter.to.get(*at) else {
                continue;
            };
            let rcpt = format!("RCPT TO:<{to}>");
            let reply = dialogue
                .ask(&rcpt, self.timeouts.command)
                .await
                .map_err(broken)?;
            match self.judge("RCPT", &reply) {
                Ok(()) => taken.push(*at),
                // RFC 5321 §4.5.3.1.10: some say 552 for too many recipients.
                Err(Said::Never(mut why)) if reply.code == 552 => {
                    why.status = "4.5.3".into();
                    said.push((*at, Said::Later(why)));
                }
                Err(refused) => said.push((*at, refused)),
            }
        }
        if taken.is_empty() {
            return Ok(());
        }
        let reply = dialogue
            .ask("DATA", self.timeouts.command)
            .await
            .map_err(broken)?;
        if reply.code != 354 {
            self.judge("DATA", &reply)?;
            let text = format!("{} answered DATA: {reply}", self.host);
            return Err(Said::Later(Why::new("4.5.0", "smtp.malformed", text)));
        }
        let sent = self.send(dialogue).await;
        // A server that refuses in the middle closes the connection: what it said is worth more.
        let reply = match (dialogue.reply(self.timeouts.end).await, sent) {
            (Ok(reply), _) => reply,
            // Not all was sent, so that nobody took it.
            (Err(_), Err(error)) => return Err(broken(error)),
            (Err(error), Ok(())) => {
                let text = format!(
                    "{} did not say whether it has the message: {error}",
                    self.host
                );
                let why = Why::new("4.4.2", "smtp.unsure", text);
                said.extend(taken.into_iter().map(|at| (at, Said::Unsure(why.clone()))));
                return Ok(());
            }
        };
        let end = match self.judge("the message", &reply) {
            Ok(()) => Said::Taken(reply.to_string()),
            Err(refused) => refused,
        };
        said.extend(taken.into_iter().map(|at| (at, end.clone())));
        Ok(())
    }

    /// The message and its end (RFC 5321 §4.5.2).
    async fn send<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        dialogue: &mut Dialogue<S>,
    ) -> Result<(), Broken> {
        let mut block = Vec::with_capacity(BLOCK + 1024);
        for line in self.letter.message.split_inclusive(|&octet| octet == b'\n') {
            if line.first() == Some(&b'.') {
                block.push(b'.');
            }
            block.extend_from_slice(line);
            if block.len() >= BLOCK {
                dialogue.send(&block, self.timeouts.block).await?;
                block.clear();
            }
        }
        block.extend_from_slice(b".\r\n");
        dialogue.send(&block, self.timeouts.block).await
    }

    fn judge(&self, to: &str, reply: &Reply) -> Result<(), Said> {
        if reply.is_ok() {
            return Ok(());
        }
        let why = Why::said(self.host, to, reply);
        Err(match reply.code {
            500.. => Said::Never(why),
            _ => Said::Later(why),
        })
    }
}

const BLOCK: usize = 64 * 1024;
