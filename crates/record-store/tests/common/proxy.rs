//! Something between a client and its server: it counts round trips, and holds octets back.
#![allow(dead_code)] // each test program uses a part

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
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
        let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else {
            return;
        };
        client.set_nodelay(true).unwrap();
        server.set_nodelay(true).unwrap();
        let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let shared = Arc::clone(self);
        thread::spawn(move || {
            shared.pump(from, to, |shared, octets| {
                shared.held.fetch_add(octets.len(), Ordering::SeqCst);
                shared.wait(|gate| number < gate.requests);
                shared.held.fetch_sub(octets.len(), Ordering::SeqCst);
            });
        });
        let (shared, mut messages) = (Arc::clone(self), Messages::default());
        thread::spawn(move || {
            shared.pump(server, client, |shared, octets| {
                shared.wait(|gate| number < gate.answers);
                let ready = messages.count(octets, b'Z');
                shared.round_trips.fetch_add(ready, Ordering::SeqCst);
            });
        });
    }

    fn pump(&self, mut from: TcpStream, mut to: TcpStream, mut pass: impl FnMut(&Self, &[u8])) {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            pass(self, &buffer[..length]);
            if to.write_all(&buffer[..length]).is_err() {
                break;
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
