//! What stands between two servers: it passes on what they say, or takes STARTTLS out of it. To the sender, the latter
//! looks like a server that knows no TLS; it is what an attacker on the line does.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Takes STARTTLS away.
    Strips,
    /// Passes everything on.
    Passes,
}

/// What senders have said to it since somebody asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard {
    pub(super) connections: usize,
    /// Octets, whatever they mean.
    pub(super) octets: usize,
    /// Lines in the clear, where STARTTLS is taken away.
    pub(super) lines: Vec<String>,
}

impl Heard {
    /// Nothing of a message, and no address.
    pub(super) fn is_innocent(&self) -> bool {
        let innocent = |line: &String| line.starts_with("EHLO ") || line == "QUIT";
        self.lines.iter().all(innocent)
    }
}

/// A running proxy.
pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    state: Arc<Mutex<(Mode, Heard)>>,
    task: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    pub(super) async fn start(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(Mutex::new((Mode::Strips, Heard::default())));
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                note(&state, |heard| heard.connections += 1);
                // Whoever leaves ends it.
                tokio::spawn(async move { between(client, server, &state).await.ok() });
            }
        });
        Ok(Self {
            address,
            state,
            task,
        })
    }

    /// Another mode from now on.
    pub(super) fn becomes(&self, mode: Mode) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0 = mode;
    }

    /// What was said since the last time.
    pub(super) fn heard(&self) -> Heard {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut state.1)
    }
}

type State = Mutex<(Mode, Heard)>;

fn note(state: &State, what: impl FnOnce(&mut Heard)) {
    what(&mut state.lock().unwrap_or_else(PoisonError::into_inner).1);
}

async fn between(client: TcpStream, server: SocketAddr, state: &State) -> io::Result<()> {
    let server = TcpStream::connect(server).await?;
    let mode = state.lock().unwrap_or_else(PoisonError::into_inner).0;
    match mode {
        Mode::Passes => pass(client, server, state).await,
        Mode::Strips => strip(client, server, state).await,
    }
}

async fn pass(mut client: TcpStream, mut server: TcpStream, state: &State) -> io::Result<()> {
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let forth = async {
        let mut block = [0; 4096];
        loop {
            let octets = from_client.read(&mut block).await?;
            note(state, |heard| heard.octets += octets);
            match block.get(..octets) {
                Some(read @ [_, ..]) => to_server.write_all(read).await?,
                _ => return to_server.shutdown().await,
            }
        }
    };
    let back = async {
        tokio::io::copy(&mut from_server, &mut to_client).await?;
        to_client.shutdown().await
    };
    tokio::try_join!(forth, back).map(drop)
}

async fn strip(client: TcpStream, server: TcpStream, state: &State) -> io::Result<()> {
    let (mut client, mut server) = (BufReader::new(client), BufReader::new(server));
    let (mut said, mut answered) = (Vec::new(), Vec::new());
    loop {
        tokio::select! {
            read = client.read_until(b'\n', &mut said) => {
                let octets = read?;
                let line = String::from_utf8_lossy(&said).trim_end().to_owned();
                note(state, |heard| heard.octets += octets);
                if octets == 0 {
                    return Ok(());
                }
                let starttls = line.eq_ignore_ascii_case("STARTTLS");
                note(state, |heard| heard.lines.push(line));
                match starttls {
                    true => client.write_all(b"502 5.5.1 Command not implemented\r\n").await?,
                    false => server.write_all(&said).await?,
                }
                said.clear();
            }
            read = server.read_until(b'\n', &mut answered) => {
                if read? == 0 {
                    return client.shutdown().await;
                }
                if answered != b"250-STARTTLS\r\n" {
                    client.write_all(&answered).await?;
                }
                answered.clear();
            }
        }
    }
}
