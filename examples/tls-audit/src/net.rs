//! Connections: each with a time-out, one after the other, with a pause between them.

use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use tls_policy::audit::Protocol;
use tls_policy::probe::{ClientHello, Failure, Outcome, Reader};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::dialogue::{self, Ready};

/// A service on the network.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its host, for SNI and as it is named in the report.
    pub host: String,
    /// What is spoken.
    pub protocol: Protocol,
    /// Where.
    pub address: SocketAddr,
}

/// How connections are made, and how many.
#[derive(Debug)]
pub struct Net {
    timeout: Duration,
    pause: Duration,
    made: Cell<usize>,
}

/// A connection at the place where TLS begins, or where it would.
#[derive(Debug)]
pub(crate) enum Begun {
    Tls(TcpStream),
    /// The server has no STARTTLS.
    Plain,
}

impl Net {
    /// Each connection may take so long in all, and after each there is a pause.
    pub fn new(timeout: Duration, pause: Duration) -> Self {
        Self {
            timeout,
            pause,
            made: Cell::new(0),
        }
    }

    /// Connections so far.
    pub fn made(&self) -> usize {
        self.made.get()
    }

    /// Sends one ClientHello and reads what comes of it.
    pub async fn probe(&self, target: &Target, hello: ClientHello) -> Outcome {
        let done = self.within(async {
            let mut stream = match self.begin(target).await? {
                Begun::Tls(stream) => stream,
                Begun::Plain => return Err(Failure::Dialogue),
            };
            let random = random().ok_or(Failure::Broken)?;
            let sent = hello.write(&random);
            stream.write_all(&sent).await.map_err(|why| failure(&why))?;
            let mut reader = Reader::new(hello);
            let mut buffer = [0; 4096];
            loop {
                let count = stream.read(&mut buffer).await;
                match count.map_err(|why| failure(&why))? {
                    0 => return Ok(reader.closed()),
                    count => {
                        let came = buffer.get(..count).unwrap_or_default();
                        if let Some(outcome) = reader.push(came) {
                            return Ok(outcome);
                        }
                    }
                }
            }
        });
        done.await.unwrap_or_else(Outcome::Failed)
    }

    /// Whatever takes no longer than one connection may.
    pub(crate) async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        match timeout(self.timeout, work).await {
            Ok(done) => done,
            Err(_) => Err(Failure::Timeout),
        }
    }

    /// Connects, and says what comes before TLS.
    pub(crate) async fn begin(&self, target: &Target) -> Result<Begun, Failure> {
        if self.made.get() > 0 && !self.pause.is_zero() {
            sleep(self.pause).await;
        }
        self.made.set(self.made.get().saturating_add(1));
        let connected = TcpStream::connect(target.address).await;
        let mut stream = connected.map_err(|why| failure(&why))?;
        let local = stream.local_addr().map_err(|why| failure(&why))?;
        match dialogue::until_tls(&mut stream, target.protocol, local.ip()).await? {
            Ready::Tls => Ok(Begun::Tls(stream)),
            Ready::NotOffered => Ok(Begun::Plain),
        }
    }
}

fn random() -> Option<[u8; ClientHello::RANDOM]> {
    let mut octets = [0; ClientHello::RANDOM];
    aws_lc_rs::rand::fill(&mut octets).ok()?;
    Some(octets)
}

pub(crate) fn failure(why: &io::Error) -> Failure {
    match why.kind() {
        ErrorKind::ConnectionRefused => Failure::Refused,
        ErrorKind::TimedOut => Failure::Timeout,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => {
            Failure::Unreachable
        }
        _ => Failure::Broken,
    }
}
