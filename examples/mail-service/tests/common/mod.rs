//! The kit of these tests: clients written from the RFCs, the service as a child process, and a server with faults
//! that every check must find.

pub(crate) mod lax;
pub(crate) mod pop3;
pub(crate) mod service;
pub(crate) mod smtp;
pub(crate) mod strace;
pub(crate) mod wire;

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

/// A server under test: the real one, or [`lax::Lax`] with a fault that a check must find.
pub(crate) trait Peer {
    /// Where it speaks SMTP.
    fn smtp(&self) -> SocketAddr;
    /// The process whose memory counts.
    fn pid(&self) -> u32;
    /// What a reader of the mailbox sees, each message whole.
    fn stored(&self) -> Vec<String>;
}

/// The values of the `X-Id` fields in `messages`, sorted.
pub(crate) fn ids(messages: &[String]) -> Vec<String> {
    let mut ids: Vec<String> = messages
        .iter()
        .flat_map(|message| message.lines())
        .filter_map(|line| line.strip_prefix("X-Id: "))
        .map(|id| id.trim_end().to_owned())
        .collect();
    ids.sort();
    ids
}

/// A message of about `size` octets whose first and last lines carry `id`: half of it is never taken for all of it.
pub(crate) fn letter(id: &str, size: usize) -> Vec<u8> {
    let mut text = format!(
        "X-Id: {id}\r\nFrom: Alice <alice@a.test>\r\nTo: Bob <bob@b.test>\r\n\
         Date: Tue, 24 Nov 2026 12:00:00 +0000\r\nMessage-ID: <{id}@a.test>\r\nSubject: Letter {id}\r\n\r\n"
    );
    let line = "Nobody reads this line, but it has to be kept all the same.\r\n";
    while text.len() + line.len() < size {
        text.push_str(line);
    }
    text.push_str(&format!("End-of: {id}\r\n"));
    text.into_bytes()
}

/// The ids of `messages` whose last line is missing.
pub(crate) fn halves(messages: &[String]) -> Vec<String> {
    let whole = |message: &&String| {
        ids(std::slice::from_ref(message))
            .iter()
            .all(|id| message.contains(&format!("End-of: {id}")))
    };
    ids(&messages
        .iter()
        .filter(|message| !whole(message))
        .cloned()
        .collect::<Vec<_>>())
}

/// How long something may take that has to happen. Not a promise about the service.
const PATIENCE: Duration = Duration::from_secs(120);

/// Asks until `condition` is true.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let give_up = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < give_up, "{what}: not within {PATIENCE:?}");
        thread::yield_now();
    }
}

/// The most memory that `pid` has held so far, in KiB.
pub(crate) fn high_water_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Numbers that nobody has to remember: xorshift64*, seeded by the system, the seed printed.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new() -> Self {
        use std::hash::{BuildHasher, RandomState};
        let seed = RandomState::new().hash_one(0) | 1;
        println!("seed of the dice: {seed}");
        Self(seed)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % n
    }
}
