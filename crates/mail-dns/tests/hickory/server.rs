//! A DNS server on loopback that says what it is told to, octet by octet.
#![allow(dead_code)] // each test program uses a part of it

use crate::{Asker, asker};
use mail_dns::{Answer, Query, RecordType, Resolver};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, UdpSocket},
};

pub(crate) const A: u16 = 1;
pub(crate) const NS: u16 = 2;
pub(crate) const CNAME: u16 = 5;
pub(crate) const SOA: u16 = 6;
pub(crate) const PTR: u16 = 12;
pub(crate) const MX: u16 = 15;
pub(crate) const TXT: u16 = 16;
pub(crate) const AAAA: u16 = 28;
pub(crate) const TLSA: u16 = 52;

pub(crate) const NOERROR: u8 = 0;
pub(crate) const SERVFAIL: u8 = 2;
pub(crate) const NXDOMAIN: u8 = 3;

/// A question as the server sees it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) name: String,
    pub(crate) over_tcp: bool,
    /// Where the answer is awaited.
    pub(crate) from: SocketAddr,
    pub(crate) packet: Vec<u8>,
}

/// A record: owner, type, TTL, data.
pub(crate) type Rr = (&'static str, u16, u32, Vec<u8>);

impl Asked {
    pub(crate) fn answer(&self, rcode: u8, answers: &[Rr], authority: &[Rr]) -> Vec<u8> {
        let mut packet = self.packet[..2].to_vec();
        packet.extend([0x81, 0x80 | rcode, 0, 1, 0, answers.len() as u8]);
        packet.extend([0, authority.len() as u8, 0, 0]);
        packet.extend(wire(&self.name));
        let end = 12 + wire(&self.name).len();
        packet.extend(&self.packet[end..end + 4]);
        for (owner, kind, ttl, data) in answers.iter().chain(authority) {
            packet.extend(wire(owner));
            packet.extend(kind.to_be_bytes());
            packet.extend([0, 1]);
            packet.extend(ttl.to_be_bytes());
            packet.extend((data.len() as u16).to_be_bytes());
            packet.extend(data);
        }
        packet
    }

    /// With these answers, and the bit that says that they are not all.
    pub(crate) fn truncated(&self, answers: &[Rr]) -> Vec<u8> {
        let mut packet = self.answer(NOERROR, answers, &[]);
        packet[2] |= 2;
        packet
    }
}

/// A name without a dot inside a label.
pub(crate) fn wire(name: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        wire.push(label.len() as u8);
        wire.extend(label.as_bytes());
    }
    wire.push(0);
    wire
}

pub(crate) fn strings(texts: &[&[u8]]) -> Vec<u8> {
    let one = |text: &&[u8]| [&[text.len() as u8], *text].concat();
    texts.iter().flat_map(one).collect()
}

pub(crate) fn soa(ttl: u32, minimum: u32) -> Rr {
    let mut data = [wire("ns.test"), wire("hostmaster.test")].concat();
    for number in [1, 7200, 600, 86400, minimum] {
        data.extend(u32::to_be_bytes(number));
    }
    ("test", SOA, ttl, data)
}

/// Answers every question by a function that may send several datagrams, or none.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) resolver: Asker,
    pub(crate) asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    pub(crate) async fn start(
        answer: impl Fn(&Asked) -> Vec<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        let (udp, tcp, address) = bind().await;
        let (answer, asked) = (Arc::new(answer), Arc::new(Mutex::new(Vec::new())));
        let hear = {
            let asked = Arc::clone(&asked);
            move |packet: &[u8], from, over_tcp| {
                let heard = Asked {
                    name: read_name(packet),
                    over_tcp,
                    from,
                    packet: packet.to_vec(),
                };
                asked.lock().unwrap().push(heard.clone());
                answer(&heard)
            }
        };
        let hear_tcp = hear.clone();
        tokio::spawn(async move {
            let mut packet = [0; 4096];
            while let Ok((len, from)) = udp.recv_from(&mut packet).await {
                for datagram in hear(&packet[..len], from, false) {
                    udp.send_to(&datagram, from).await.unwrap();
                }
            }
        });
        tokio::spawn(async move {
            while let Ok((mut stream, from)) = tcp.accept().await {
                let hear = hear_tcp.clone();
                tokio::spawn(async move {
                    while let Ok(len) = stream.read_u16().await {
                        let mut packet = vec![0; len.into()];
                        stream.read_exact(&mut packet).await.unwrap();
                        for message in hear(&packet, from, true) {
                            stream.write_u16(message.len() as u16).await.unwrap();
                            stream.write_all(&message).await.unwrap();
                        }
                    }
                });
            }
        });
        Self {
            address,
            resolver: asker(address),
            asked,
        }
    }

    pub(crate) async fn ask(&self, name: &str, record_type: RecordType) -> Answer {
        let query = Query::new(name.parse().unwrap(), record_type);
        ask(&self.resolver, &query).await
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        let mut names: Vec<_> = asked.iter().map(|a| a.name.clone()).collect();
        names.dedup(); // a slow machine may ask twice
        names
    }
}

pub(crate) async fn ask<R: Resolver>(resolver: &R, query: &Query) -> Answer {
    let deadline = Instant::now() + Duration::from_secs(60);
    resolver.resolve(query, SystemTime::now(), deadline).await
}

/// Both on the same port.
async fn bind() -> (UdpSocket, TcpListener, SocketAddr) {
    loop {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
        if let Ok(udp) = UdpSocket::bind(address).await {
            return (udp, tcp, address);
        }
    }
}

fn read_name(packet: &[u8]) -> String {
    let (mut labels, mut at) = (Vec::new(), 12);
    while packet[at] != 0 {
        let end = at + 1 + usize::from(packet[at]);
        labels.push(String::from_utf8_lossy(&packet[at + 1..end]).into_owned());
        at = end;
    }
    labels.join(".")
}
