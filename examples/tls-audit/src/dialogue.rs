//! What is said in the clear until TLS begins: SMTP (RFC 3207), IMAP and POP3 (RFC 2595).

use std::net::IpAddr;

use tls_policy::audit::Protocol;
use tls_policy::probe::Failure;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::net::failure;

/// What the dialogue came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ready {
    /// The next octets are TLS.
    Tls,
    /// The server did not offer it.
    NotOffered,
}

/// Octets of a line, with its end. SMTP has 512 (RFC 5321 §4.5.3.1.5), and IMAP no limit.
const MAX_LINE: usize = 4096;
/// Lines of an answer.
const MAX_LINES: usize = 64;

/// Speaks until the server is ready for TLS. Strict: what is not the protocol's answer, or goes on after
/// the server said that it is ready, is [`Failure::Dialogue`]; whoever could put something there could
/// put commands there, too (RFC 3207 §5).
pub(crate) async fn until_tls<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    protocol: Protocol,
    local: IpAddr,
) -> Result<Ready, Failure> {
    let mut lines = Lines {
        stream,
        came: Vec::new(),
    };
    let ready = match protocol {
        Protocol::Smtp | Protocol::Submission => lines.smtp(local).await?,
        Protocol::Imap => lines.imap().await?,
        Protocol::Pop3 => lines.pop3().await?,
        _ => Ready::Tls,
    };
    match lines.came.is_empty() {
        true => Ok(ready),
        false => Err(Failure::Dialogue),
    }
}

struct Lines<'s, S> {
    stream: &'s mut S,
    /// What came and was not read.
    came: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Lines<'_, S> {
    /// RFC 3207 §4.
    async fn smtp(&mut self, local: IpAddr) -> Result<Ready, Failure> {
        let (code, _) = self.reply().await?;
        agree(code, 220)?;
        // RFC 5321 §4.1.3: who has no name gives its address.
        let hello = match local {
            IpAddr::V4(v4) => format!("EHLO [{v4}]\r\n"),
            IpAddr::V6(v6) => format!("EHLO [IPv6:{v6}]\r\n"),
        };
        self.say(&hello).await?;
        let (code, texts) = self.reply().await?;
        agree(code, 250)?;
        // The first line has the server's name.
        let mut keywords = texts.iter().skip(1);
        if !keywords.any(|text| text.trim_ascii().eq_ignore_ascii_case("STARTTLS")) {
            return Ok(Ready::NotOffered);
        }
        self.nothing_more()?;
        self.say("STARTTLS\r\n").await?;
        let (code, _) = self.reply().await?;
        agree(code, 220)?;
        Ok(Ready::Tls)
    }

    /// RFC 9051 §6.2.1.
    async fn imap(&mut self) -> Result<Ready, Failure> {
        let greeting = self.line().await?;
        match greeting.strip_prefix("* ") {
            Some(rest) if word(rest, "OK") => {}
            Some(rest) if word(rest, "BYE") => return Err(Failure::RateLimited),
            _ => return Err(Failure::Dialogue),
        }
        self.nothing_more()?;
        self.say("a CAPABILITY\r\n").await?;
        let mut offered = false;
        let done = self.tagged("a ", |line| {
            let rest = line.strip_prefix("* ").unwrap_or_default();
            let mut words = rest.split(' ');
            if words
                .next()
                .is_some_and(|w| w.eq_ignore_ascii_case("CAPABILITY"))
            {
                offered |= words.any(|w| w.eq_ignore_ascii_case("STARTTLS"));
            }
        });
        done.await?;
        if !offered {
            return Ok(Ready::NotOffered);
        }
        self.nothing_more()?;
        self.say("b STARTTLS\r\n").await?;
        self.tagged("b ", |_| {}).await?;
        Ok(Ready::Tls)
    }

    /// RFC 2595 §4, RFC 2449 §5.
    async fn pop3(&mut self) -> Result<Ready, Failure> {
        let greeting = self.line().await?;
        if word(&greeting, "-ERR") {
            return Err(Failure::RateLimited);
        }
        positive(&greeting)?;
        self.nothing_more()?;
        self.say("CAPA\r\n").await?;
        positive(&self.line().await?)?;
        let mut offered = false;
        for _ in 0..MAX_LINES {
            let line = self.line().await?;
            if line == "." {
                break;
            }
            offered |= word(&line, "STLS");
        }
        if !offered {
            return Ok(Ready::NotOffered);
        }
        self.nothing_more()?;
        self.say("STLS\r\n").await?;
        positive(&self.line().await?)?;
        Ok(Ready::Tls)
    }

    /// RFC 5321 §4.2: several lines have the same code, and the last one no hyphen.
    async fn reply(&mut self) -> Result<(u16, Vec<String>), Failure> {
        let (mut texts, mut first) = (Vec::new(), None);
        for _ in 0..MAX_LINES {
            let line = self.line().await?;
            let (code, rest) = line.split_at_checked(3).ok_or(Failure::Dialogue)?;
            let digits = code.bytes().all(|octet| octet.is_ascii_digit());
            let code = code.parse().ok().filter(|_| digits);
            let code: u16 = code.ok_or(Failure::Dialogue)?;
            if *first.get_or_insert(code) != code {
                return Err(Failure::Dialogue);
            }
            let last = match rest.as_bytes().first() {
                Some(b'-') => false,
                None | Some(b' ') => true,
                _ => return Err(Failure::Dialogue),
            };
            texts.push(rest.get(1..).unwrap_or_default().to_string());
            if last {
                return Ok((code, texts));
            }
        }
        Err(Failure::Dialogue)
    }

    /// Untagged answers, until the tagged one, which has to be OK.
    async fn tagged(&mut self, tag: &str, mut untagged: impl FnMut(&str)) -> Result<(), Failure> {
        for _ in 0..MAX_LINES {
            let line = self.line().await?;
            if let Some(rest) = line.strip_prefix(tag) {
                return match word(rest, "OK") {
                    true => Ok(()),
                    false => Err(Failure::Dialogue),
                };
            }
            untagged(&line);
        }
        Err(Failure::Dialogue)
    }

    /// One line, without its CR LF. What is no text is replaced.
    async fn line(&mut self) -> Result<String, Failure> {
        loop {
            if let Some(at) = self.came.iter().position(|octet| *octet == b'\n') {
                let rest = self.came.split_off(at.saturating_add(1));
                let line = std::mem::replace(&mut self.came, rest);
                let line = line.strip_suffix(b"\r\n").ok_or(Failure::Dialogue)?;
                return Ok(String::from_utf8_lossy(line).into_owned());
            }
            if self.came.len() > MAX_LINE {
                return Err(Failure::Dialogue);
            }
            let mut buffer = [0; 1024];
            let count = self.stream.read(&mut buffer).await;
            match count.map_err(|why| failure(&why))? {
                0 => return Err(Failure::Broken),
                count => self.came.extend(buffer.get(..count).unwrap_or_default()),
            }
        }
    }

    /// Nobody asked for anything that could come now.
    fn nothing_more(&self) -> Result<(), Failure> {
        match self.came.is_empty() {
            true => Ok(()),
            false => Err(Failure::Dialogue),
        }
    }

    async fn say(&mut self, line: &str) -> Result<(), Failure> {
        let written = self.stream.write_all(line.as_bytes()).await;
        written.map_err(|why| failure(&why))
    }
}

/// RFC 5321 §3.8: with 421 a server closes the connection, because it has too many, for one thing.
fn agree(code: u16, expected: u16) -> Result<(), Failure> {
    match code {
        code if code == expected => Ok(()),
        421 => Err(Failure::RateLimited),
        _ => Err(Failure::Dialogue),
    }
}

fn positive(line: &str) -> Result<(), Failure> {
    match word(line, "+OK") {
        true => Ok(()),
        false => Err(Failure::Dialogue),
    }
}

/// Whether a line begins with this word.
fn word(line: &str, word: &str) -> bool {
    let first = line.split(' ').next();
    first.is_some_and(|first| first.eq_ignore_ascii_case(word))
}
