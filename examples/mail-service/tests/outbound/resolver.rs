//! A name server that says what it is told.

use std::net::{SocketAddr, UdpSocket};
use std::thread::JoinHandle;

/// A resolver on this machine that says of everything that it is authentic, or that it does not know.
pub(crate) struct Resolver {
    pub(crate) address: SocketAddr,
    _task: JoinHandle<()>,
}

/// What it answers: a name, a type and the data.
pub(crate) type Records = Vec<(String, u16, Vec<u8>)>;

pub(crate) const A: u16 = 1;
pub(crate) const MX: u16 = 15;
pub(crate) const TLSA: u16 = 52;

impl Resolver {
    pub(crate) fn start(records: Option<Records>) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let _task = std::thread::spawn(move || {
            let mut query = [0; 4096];
            while let Ok((octets, from)) = socket.recv_from(&mut query) {
                let answer = answer(&query[..octets], records.as_ref());
                // Who does not wait for it need not have it.
                socket.send_to(&answer, from).ok();
            }
        });
        Self { address, _task }
    }
}

/// RFC 1035 §4.1, with the AD bit (RFC 4035 §3.2.3) set.
fn answer(query: &[u8], records: Option<&Records>) -> Vec<u8> {
    let (mut name, mut at) = (String::new(), 12);
    while query[at] > 0 {
        let end = at + 1 + usize::from(query[at]);
        name += &String::from_utf8_lossy(&query[at + 1..end]).to_lowercase();
        name.push('.');
        at = end;
    }
    let question = &query[12..at + 5];
    let wanted = u16::from_be_bytes([query[at + 1], query[at + 2]]);
    let all = records.into_iter().flatten();
    let found: Vec<_> = all
        .filter(|(of, kind, _)| *of == name && *kind == wanted)
        .collect();
    let code = if records.is_some() { 0 } else { 2 };
    let count = u8::try_from(found.len()).unwrap();
    let mut answer = vec![
        query[0],
        query[1],
        0x81,
        0xa0 | code,
        0,
        1,
        0,
        count,
        0,
        0,
        0,
        0,
    ];
    answer.extend_from_slice(question);
    for (_, kind, data) in found {
        answer.extend_from_slice(&[0xc0, 12]);
        answer.extend_from_slice(&kind.to_be_bytes());
        answer.extend_from_slice(&[0, 1, 0, 0, 0, 60]);
        answer.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
        answer.extend_from_slice(data);
    }
    answer
}
