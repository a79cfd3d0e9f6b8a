//! The demonstration's DNS: a zone of its own, served over UDP and TCP on loopback.

use hickory_server::{
    Server,
    net::runtime::TokioRuntimeProvider,
    proto::rr::{
        Name, RData, Record,
        rdata::{SOA, TXT},
    },
    store::in_memory::InMemoryZoneHandler,
    zone_handler::{AxfrPolicy, Catalog, ZoneType},
};
use std::{
    error::Error,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::net::{TcpListener, UdpSocket};

/// A running DNS server.
pub(super) struct Zone {
    _server: Server<Catalog>,
    pub(super) address: SocketAddr,
}

/// Serves the zone `test.` with these TXT records.
pub(super) async fn serve(texts: &[(String, String)]) -> Result<Zone, Box<dyn Error>> {
    let origin = Name::from_ascii("test.")?;
    let mut zone = InMemoryZoneHandler::<TokioRuntimeProvider>::empty(
        origin.clone(),
        ZoneType::Primary,
        AxfrPolicy::Deny,
    );
    let soa = SOA::new(origin.clone(), origin.clone(), 1, 3600, 600, 86_400, 60);
    let record = Record::from_rdata(origin.clone(), 3600, RData::SOA(soa));
    zone.upsert_mut(record, 1);
    for (name, text) in texts {
        // RFC 1035 §3.3: a character-string has at most 255 octets.
        let chunks = text.as_bytes().chunks(255);
        let chunks = chunks.map(|c| String::from_utf8_lossy(c).into_owned());
        let data = RData::TXT(TXT::new(chunks.collect()));
        let record = Record::from_rdata(Name::from_ascii(name)?, 3600, data);
        zone.upsert_mut(record, 1);
    }
    let mut catalog = Catalog::new();
    catalog.upsert(origin.into(), vec![Arc::new(zone)]);
    let (udp, tcp) = sockets().await?;
    let address = udp.local_addr()?;
    let mut server = Server::new(catalog);
    server.register_socket(udp);
    server.register_listener(tcp, Duration::from_secs(5), 4096);
    Ok(Zone {
        _server: server,
        address,
    })
}

/// UDP and TCP on one port, which both must have free.
async fn sockets() -> std::io::Result<(UdpSocket, TcpListener)> {
    let mut tries = 0;
    loop {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        match TcpListener::bind(udp.local_addr()?).await {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(error) if tries == 10 => return Err(error),
            Err(_) => tries += 1,
        }
    }
}
