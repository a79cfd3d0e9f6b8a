//! Something between a client and its server: it counts round trips, holds octets back, and cuts connections.
#![allow(dead_code)] // each test program uses a part

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// A proxy on a port of its own.
pub(crate) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    gate: Mutex<Gate>,
    changed: Condvar,
    /// Octets of clients that are waiting at the gate.
    held: AtomicUsize,
    round_trips: AtomicUsize,
    cuts: AtomicUsize,
    wires: Mutex<Wires>,
}

/// Where the connection of a commit is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Before the server hears of it.
    Request,
    /// Once the server has done it, before the client hears of that.
    Answer,
}

/// What becomes of the others, and of new ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// They live.
    Lives,
    /// They are cut, too, and new ones are refused until [`Proxy::mend`].
    Refused,
    /// They are cut, too, and new ones get no answer until [`Proxy::mend`].
    Stalls,
}

/// Who is connected, and what waits for the next commit.
#[derive(Default)]
struct Wires {
    armed: Option<(Cut, Rest)>,
    refusing: bool,
    clients: Vec<TcpStream>,
}

#[derive(Clone, Copy, Default)]
struct Gate {
    /// Connections below this number wait: their requests, their answers.
    requests: usize,
    answers: usize,
    connections: usize,
}

impl Proxy {
    /// In front of a port of this machine.
    pub(crate) fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::<Shared>::default();
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                accepting.connect(client, server);
            }
        });
        Self { port, shared }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// From now on no request gets through, not even of new connections.
    pub(crate) fn hold_requests(&self) {
        self.change(|gate| gate.requests = usize::MAX);
    }

    /// From now on no answer of the connections that there are gets through.
    pub(crate) fn hold_answers(&self) {
        self.change(|gate| gate.answers = gate.connections);
    }

    /// New connections work; what the old ones sent is still on its way.
    pub(crate) fn let_new_through(&self) {
        self.change(|gate| gate.requests = gate.connections);
    }

    /// All that was held back arrives.
    pub(crate) fn release(&self) {
        self.change(|gate| (gate.requests, gate.answers) = (0, 0));
    }

    /// How often the server has said that it is ready for the next request: the round trips of all connections.
    pub(crate) fn round_trips(&self) -> usize {
        self.shared.round_trips.load(Ordering::SeqCst)
    }

    /// Cuts the connection of the next commit.
    pub(crate) fn cut_next_commit(&self, cut: Cut, rest: Rest) {
        self.shared.wires.lock().unwrap().armed = Some((cut, rest));
    }

    /// Connections work again.
    pub(crate) fn mend(&self) {
        self.shared.wires.lock().unwrap().refusing = false;
        self.release();
    }

    /// How many commits were cut.
    pub(crate) fn cuts(&self) -> usize {
        self.shared.cuts.load(Ordering::SeqCst)
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.shared.gate.lock().unwrap().connections
    }

    /// Octets of requests that have arrived here and not been let through.
    pub(crate) fn held(&self) -> usize {
        self.shared.held.load(Ordering::SeqCst)
    }

    fn change(&self, change: impl FnOnce(&mut Gate)) {
        change(&mut self.shared.gate.lock().unwrap());
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn connect(self: &Arc<Self>, client: TcpStream, server: u16) {
        let number = {
            let mut gate = self.gate.lock().unwrap();
            gate.connections += 1;
            gate.connections - 1
        };
        {
            let mut wires = self.wires.lock().unwrap();
            if wires.refusing {
                return;
            }
            wires.clients.push(client.try_clone().unwrap());
        }
        let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else {
            return;
        };
        client.set_nodelay(true).unwrap();
        server.set_nodelay(true).unwrap();
        let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let (shared, mut writes) = (Arc::clone(self), false);
        let (sentence, carried_out) = channel();
        thread::spawn(move || {
            shared.pump(from, to, |shared, octets| {
                shared.held.fetch_add(octets.len(), Ordering::SeqCst);
                shared.wait(|gate| number < gate.requests);
                shared.held.fetch_sub(octets.len(), Ordering::SeqCst);
                // A connection that has prepared the statement begins each commit with a message Bind.
                let commits = writes && octets.first() == Some(&b'B');
                writes |= octets.windows(COMMIT.len()).any(|words| words == COMMIT);
                let armed = commits.then(|| shared.wires.lock().unwrap().armed.take());
                match armed.flatten() {
                    Some((Cut::Request, rest)) => {
                        shared.cut(rest);
                        Pass::Cut
                    }
                    Some((Cut::Answer, rest)) => {
                        let _ = sentence.send(rest);
                        Pass::On
                    }
                    None => Pass::On,
                }
            });
        });
        let (shared, mut messages) = (Arc::clone(self), Messages::default());
        let mut doomed = None;
        thread::spawn(move || {
            shared.pump(server, client, |shared, octets| {
                shared.wait(|gate| number < gate.answers);
                let ready = messages.count(octets, b'Z');
                shared.round_trips.fetch_add(ready, Ordering::SeqCst);
                doomed = doomed.or_else(|| carried_out.try_recv().ok());
                match doomed {
                    Some(rest) if ready > 0 => {
                        shared.cut(rest);
                        Pass::Cut
                    }
                    Some(_) => Pass::Keep,
                    None => Pass::On,
                }
            });
        });
    }

    /// What a cut does to the others; its own connection ends by itself.
    fn cut(&self, rest: Rest) {
        if rest != Rest::Lives {
            let mut wires = self.wires.lock().unwrap();
            wires.refusing = rest == Rest::Refused;
            if rest == Rest::Stalls {
                self.gate.lock().unwrap().requests = usize::MAX;
            }
            for client in wires.clients.drain(..) {
                let _ = client.shutdown(Shutdown::Both);
            }
        }
        self.cuts.fetch_add(1, Ordering::SeqCst);
    }

    fn pump(
        &self,
        mut from: TcpStream,
        mut to: TcpStream,
        mut pass: impl FnMut(&Self, &[u8]) -> Pass,
    ) {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            match pass(self, &buffer[..length]) {
                Pass::On if to.write_all(&buffer[..length]).is_ok() => {}
                Pass::Keep => {}
                Pass::On | Pass::Cut => break,
            }
        }
        let _ = (to.shutdown(Shutdown::Both), from.shutdown(Shutdown::Both));
    }

    fn wait(&self, while_closed: impl Fn(&Gate) -> bool) {
        let gate = self.gate.lock().unwrap();
        drop(
            self.changed
                .wait_while(gate, |gate| while_closed(gate))
                .unwrap(),
        );
    }
}

/// What is in the statement of a commit.
const COMMIT: &[u8] = b"record_store.commit_";

/// What becomes of octets.
enum Pass {
    On,
    /// Nobody gets them.
    Keep,
    /// Nor what comes after them.
    Cut,
}

/// Finds the messages in a server's octets: a letter, a length that counts itself, the rest.
#[derive(Default)]
struct Messages {
    head: Vec<u8>,
    skip: usize,
}

impl Messages {
    fn count(&mut self, octets: &[u8], letter: u8) -> usize {
        let mut count = 0;
        for &octet in octets {
            if self.skip > 0 {
                self.skip -= 1;
                continue;
            }
            self.head.push(octet);
            if let [found, length @ ..] = &self.head[..]
                && let Ok(length) = <[u8; 4]>::try_from(length)
            {
                count += usize::from(*found == letter);
                self.skip = u32::from_be_bytes(length) as usize - 4;
                self.head.clear();
            }
        }
        count
    }
}
