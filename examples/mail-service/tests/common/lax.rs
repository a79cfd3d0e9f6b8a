//! A server with one fault, in this process: a check that does not find the fault is worth nothing.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::Peer;
use super::smtp::Smtp;

/// What is wrong with it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// Takes these octets for the end of DATA, too.
    EndsDataAt(&'static [u8]),
    /// Runs, inside TLS, what came in plain text after STARTTLS.
    KeepsPlainText,
    /// Says 250 to every message and keeps all but one in three.
    Loses,
    /// Keeps every message twice.
    Doubles,
    /// Keeps the first half of a message.
    Halves,
    /// Says 250 to every message and hands it on afterwards, to the server behind it.
    Hurries,
    /// Keeps each line of a message apart, with room for a better day.
    Hoards,
}

/// The server; it lives as long as the test's process.
pub(crate) struct Lax {
    address: SocketAddr,
    messages: Arc<Mutex<Vec<Vec<u8>>>>,
    behind: Behind,
}

/// The server to which messages are handed on; it may move.
type Behind = Arc<Mutex<Option<SocketAddr>>>;

impl Lax {
    pub(crate) fn start(fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let messages = Arc::new(Mutex::new(Vec::new()));
        let behind = Behind::default();
        let (kept, next) = (messages.clone(), behind.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let session = Session::new(fault, kept.clone(), next.clone());
                // A client that leaves is the end of its session, and nothing more.
                thread::spawn(move || session.serve(stream).ok());
            }
        });
        Self {
            address,
            messages,
            behind,
        }
    }

    /// Hands messages on to this server from now on.
    pub(crate) fn stand_before(&self, server: SocketAddr) {
        *self.behind.lock().unwrap() = Some(server);
    }
}

impl Peer for Lax {
    fn smtp(&self) -> SocketAddr {
        self.address
    }

    fn pid(&self) -> u32 {
        std::process::id()
    }

    fn stored(&self) -> Vec<String> {
        let messages = self.messages.lock().unwrap();
        messages
            .iter()
            .map(|m| String::from_utf8_lossy(m).into_owned())
            .collect()
    }
}

struct Session {
    fault: Fault,
    kept: Arc<Mutex<Vec<Vec<u8>>>>,
    behind: Behind,
    unread: Vec<u8>,
    count: usize,
}

impl Session {
    fn new(fault: Fault, kept: Arc<Mutex<Vec<Vec<u8>>>>, behind: Behind) -> Self {
        Self {
            fault,
            kept,
            behind,
            unread: Vec::new(),
            count: 0,
        }
    }

    fn serve(mut self, mut stream: TcpStream) -> io::Result<()> {
        stream.write_all(b"220 lax\r\n")?;
        if self.dialogue(&mut stream)? {
            if !matches!(self.fault, Fault::KeepsPlainText) {
                self.unread.clear();
            }
            let tls = ServerConnection::new(tls_config()).map_err(io::Error::other)?;
            self.dialogue(&mut StreamOwned::new(tls, stream))?;
        }
        Ok(())
    }

    /// Until QUIT (false) or STARTTLS (true).
    fn dialogue(&mut self, stream: &mut (impl Read + Write)) -> io::Result<bool> {
        loop {
            let line = self.until(stream, &[b"\n"])?;
            let line = String::from_utf8_lossy(&line).to_ascii_uppercase();
            let reply: &[u8] = match line.get(..4).unwrap_or_default() {
                "STAR" => {
                    stream.write_all(b"220 go ahead\r\n")?;
                    return Ok(true);
                }
                "QUIT" => {
                    stream.write_all(b"221 bye\r\n")?;
                    return Ok(false);
                }
                "DATA" => {
                    stream.write_all(b"354 go ahead\r\n").ok();
                    self.data(stream)?;
                    b"250 kept\r\n"
                }
                "EHLO" => b"250-lax\r\n250 STARTTLS\r\n",
                _ => b"250 ok\r\n",
            };
            // Nobody may be listening any more: what was sent is run all the same.
            stream.write_all(reply).ok();
        }
    }

    fn data(&mut self, stream: &mut (impl Read + Write)) -> io::Result<()> {
        let mut ends: Vec<&[u8]> = vec![b"\r\n.\r\n"];
        if let Fault::EndsDataAt(end) = self.fault {
            ends.push(end);
        }
        let mut message = self.until(stream, &ends)?;
        self.count += 1;
        let mut kept = self.kept.lock().unwrap();
        match self.fault {
            Fault::Loses if self.count.is_multiple_of(3) => return Ok(()),
            Fault::Doubles => kept.push(message.clone()),
            Fault::Hurries => {
                let behind = *self.behind.lock().unwrap();
                // What becomes of it nobody knows, and nobody waits for.
                thread::spawn(move || hand_on(&message, behind?).ok());
                return Ok(());
            }
            Fault::Hoards => {
                let lines = message.split(|octet| *octet == b'\n');
                kept.extend(lines.map(|line| {
                    let mut hoarded = vec![0; 256];
                    hoarded.extend_from_slice(line);
                    hoarded
                }));
                return Ok(());
            }
            Fault::Halves => message.truncate(message.len() / 2),
            _ => {}
        }
        kept.push(message);
        Ok(())
    }

    /// What comes before the first of `ends`; however long it is, which is a fault too.
    fn until(&mut self, stream: &mut impl Read, ends: &[&[u8]]) -> io::Result<Vec<u8>> {
        let mut seen = 0;
        let mut chunk = vec![0; 65_536];
        loop {
            let found = ends
                .iter()
                .filter_map(|end| {
                    let from = seen.min(self.unread.len());
                    let at = self.unread[from..]
                        .windows(end.len())
                        .position(|w| w == *end)?;
                    Some((from + at, end.len()))
                })
                .min();
            if let Some((at, length)) = found {
                let rest = self.unread.split_off(at + length);
                let mut before = std::mem::replace(&mut self.unread, rest);
                before.truncate(at);
                return Ok(before);
            }
            seen = self.unread.len().saturating_sub(8);
            match stream.read(&mut chunk)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                n => self.unread.extend_from_slice(&chunk[..n]),
            }
        }
    }
}

fn hand_on(message: &[u8], to: SocketAddr) -> io::Result<()> {
    let mut session = Smtp::open(to)?;
    session.deliver(&[message, b"\r\n"].concat())?;
    Ok(())
}

fn tls_config() -> Arc<ServerConfig> {
    let own = rcgen::generate_simple_self_signed(["mail.b.test".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(own.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key.into())
        .unwrap();
    Arc::new(config)
}
