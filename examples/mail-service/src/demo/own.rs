//! A message of the person who looks on, sent the same way and explained.

use super::{Stage, client::Refused, unfolded};
use crate::{Clock, Config, Resolver, Server, headers, outbound::crlf, smtp::command::Address};
use std::{
    error::Error,
    fs::File,
    io::{Read, Write},
    path::{Path, PathBuf},
};

/// A message out of a file.
pub(super) struct Mail {
    path: PathBuf,
    message: Vec<u8>,
    lines: Lines,
}

/// How its lines end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lines {
    /// All in CR LF, as on the wire.
    Whole,
    /// All in LF: they were converted.
    Converted,
    /// Some so, some so, or it holds a NUL: no mail server may take that.
    Broken,
}

impl Mail {
    /// Reads a file, before anything is started.
    ///
    /// # Errors
    /// It cannot be read, is empty, or is larger than the service takes.
    pub(super) fn read(path: &Path) -> Result<Self, Box<dyn Error>> {
        let told = |error: std::io::Error| format!("{}: {error}", path.display());
        let most = Config::default().limits.message_octets;
        let mut octets = Vec::new();
        let file = File::open(path).map_err(told)?;
        let mut file = file.take(most as u64 + 1);
        file.read_to_end(&mut octets).map_err(told)?;
        if octets.is_empty() {
            return Err(format!("{}: the file is empty", path.display()).into());
        }
        if octets.len() > most {
            let path = path.display();
            return Err(format!("{path}: more than {most} octets, the most of a message").into());
        }
        let (message, lines) = match crlf(&octets) {
            Some(converted) => (converted, Lines::Converted),
            None if is_broken(&octets) => (octets, Lines::Broken),
            None => (octets, Lines::Whole),
        };
        Ok(Self {
            path: path.to_owned(),
            message,
            lines,
        })
    }

    /// Sends it to a service of its own, judged with the DNS of the first resolver, or of the second
    /// where that cannot be used.
    pub(super) async fn show(
        &self,
        data: &Path,
        clock: &Clock,
        [resolver, zone]: [&Resolver; 2],
        out: &mut impl Write,
    ) -> Result<Server, Box<dyn Error>> {
        writeln!(out, "\nYour message, {}:", self.path.display())?;
        match self.lines {
            Lines::Whole => {}
            Lines::Converted => {
                writeln!(out, "       its lines end in LF: converted to CR LF")?;
            }
            Lines::Broken => writeln!(
                out,
                "       its lines end now in CR LF, now otherwise, or it holds a NUL: sent as it is"
            )?,
        }
        let stage = match Stage::start(&data.join("own"), resolver.clone(), clock).await {
            Ok(stage) => stage,
            Err(error) => {
                writeln!(
                    out,
                    "       no DNS of this machine ({error}): judged by the zone alone"
                )?;
                let again = data.join("own-by-zone");
                Stage::start(&again, zone.clone(), clock).await?
            }
        };
        let from = self.sender();
        writeln!(
            out,
            "       sent from this machine, MAIL FROM:<{from}>: SPF judges this machine, not the one it came from"
        )?;
        match stage.pass(&from, &self.message).await {
            Ok(seen) => {
                seen.tell(out)?;
                writeln!(out, "       read it: {}", stage.curl(1))?;
            }
            Err(error) if error.is::<Refused>() => {
                writeln!(out, "       the server refused it: {error}")?;
                if self.lines == Lines::Broken {
                    writeln!(
                        out,
                        "       servers that take such lines let others smuggle messages in; \
                         to judge the file as it is:\n       \
                         cargo run -p msg-validate --example msg-check -- {}",
                        super::quoted(&self.path.display().to_string())
                    )?;
                }
            }
            Err(error) => writeln!(out, "       could not be sent: {error}")?,
        }
        Ok(stage.server)
    }

    /// The reverse-path that the message came with. Without one, as from the null sender: nothing is
    /// claimed that nobody said.
    fn sender(&self) -> String {
        let path = headers::find(&self.message, "Return-Path").unwrap_or_default();
        let path = unfolded(path);
        let address = Address::parse(path.trim_matches(['<', '>', ' ']));
        let address = address.filter(Address::is_ascii);
        address.map(|a| a.to_string()).unwrap_or_default()
    }
}

/// Whether a CR or an LF stands alone, or a NUL anywhere.
fn is_broken(text: &[u8]) -> bool {
    let count = |what| memchr::memchr_iter(what, text).count();
    let pairs = memchr::memmem::find_iter(text, b"\r\n").count();
    count(b'\r') != pairs || count(b'\n') != pairs || count(0) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pure_lf_is_converted() {
        assert_eq!(crlf(b"a\n\nb"), Some(b"a\r\n\r\nb\r\n".to_vec()));
        assert_eq!(crlf(b"a\r\nb\n"), None);
        assert_eq!(crlf(b"a"), None);
    }

    #[test]
    fn files_are_read_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let read = |octets: &[u8]| {
            let path = folder.path().join("m.eml");
            std::fs::write(&path, octets).unwrap();
            Mail::read(&path)
        };
        for (octets, lines) in [
            (&b"a: b\n\nc\n"[..], Lines::Converted),
            (b"a: b\r\n\r\nc\r\n", Lines::Whole),
            (b"a: b", Lines::Whole),
            (b"a: b\r\n\nc\r\n", Lines::Broken),
            (b"a: b\r\n\r\nc\r", Lines::Broken),
            (b"\0\r\n", Lines::Broken),
        ] {
            assert_eq!(read(octets).ok().unwrap().lines, lines, "{octets:?}");
        }
        let told = |read: Result<Mail, Box<dyn Error>>| read.err().unwrap().to_string();
        assert!(told(read(b"")).ends_with("m.eml: the file is empty"));
        let missing = told(Mail::read(&folder.path().join("none.eml")));
        assert!(missing.contains("none.eml: No such file"), "{missing}");
        assert!(told(Mail::read(folder.path())).contains("directory"));
    }
}
