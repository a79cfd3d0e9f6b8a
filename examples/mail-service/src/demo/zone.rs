//! The demonstration's DNS: a signed zone of its own, served over UDP and TCP on loopback.

use dane_tlsa::Tlsa;
use hickory_server::{
    Server,
    dnssec::NxProofKind,
    net::runtime::TokioRuntimeProvider,
    proto::{
        dnssec::{Algorithm, DnssecSigner, SigningKey, crypto::EcdsaSigningKey, rdata::DNSKEY},
        rr::{
            Name, RData, Record, RecordType, RrKey,
            rdata::{
                A, MX, SOA, TLSA, TXT,
                tlsa::{CertUsage, Matching, Selector},
            },
        },
    },
    store::in_memory::InMemoryZoneHandler,
    zone_handler::{AxfrPolicy, Catalog, DnssecZoneHandler, ZoneType},
};
use mail_dns::Anchors;
use std::{
    error::Error,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::net::{TcpListener, UdpSocket};

const ORIGIN: &str = "test.";
/// Of every record, in seconds.
const TTL: u32 = 3600;
/// Of a signature.
const VALIDITY: Duration = Duration::from_secs(86_400);

/// A running DNS server.
pub(super) struct Zone {
    _server: Server<Catalog>,
    handler: Arc<InMemoryZoneHandler<TokioRuntimeProvider>>,
    key: DNSKEY,
    pub(super) address: SocketAddr,
}

/// Serves the zone `test.` with these TXT records and the mail exchanger of `b.test`, signed with
/// ECDSA P-256 (RFC 6605), denials by NSEC.
pub(super) async fn serve(texts: &[(String, String)]) -> Result<Zone, Box<dyn Error>> {
    let origin = Name::from_ascii(ORIGIN)?;
    let mut zone = InMemoryZoneHandler::<TokioRuntimeProvider>::empty(
        origin.clone(),
        ZoneType::Primary,
        AxfrPolicy::Deny,
        Some(NxProofKind::Nsec),
    );
    let soa = SOA::new(origin.clone(), origin.clone(), 1, 3600, 600, 86_400, 60);
    let mut put = |name: &str, data: RData| -> Result<(), Box<dyn Error>> {
        zone.upsert_mut(Record::from_rdata(Name::from_ascii(name)?, TTL, data), 1);
        Ok(())
    };
    put(ORIGIN, RData::SOA(soa))?;
    put(
        "b.test.",
        RData::MX(MX::new(10, Name::from_ascii("mx.b.test.")?)),
    )?;
    put("mx.b.test.", RData::A(A(Ipv4Addr::LOCALHOST)))?;
    for (name, text) in texts {
        // RFC 1035 §3.3: a character-string has at most 255 octets.
        let chunks = text.as_bytes().chunks(255);
        let chunks = chunks.map(|c| String::from_utf8_lossy(c).into_owned());
        put(name, RData::TXT(TXT::new(chunks.collect())))?;
    }
    let pkcs8 = EcdsaSigningKey::generate_pkcs8(Algorithm::ECDSAP256SHA256)?;
    let key = EcdsaSigningKey::from_pkcs8(&pkcs8, Algorithm::ECDSAP256SHA256)?;
    let public = DNSKEY::from_key(&key.to_public_key()?);
    let signer = DnssecSigner::new(public.clone(), Box::new(key), origin.clone(), VALIDITY);
    zone.add_zone_signing_key_mut(signer)?;
    zone.secure_zone_mut()?;
    let handler = Arc::new(zone);
    let mut catalog = Catalog::new();
    catalog.upsert(origin.into(), vec![Arc::clone(&handler) as _]);
    let (udp, tcp) = sockets().await?;
    let address = udp.local_addr()?;
    let mut server = Server::new(catalog);
    server.register_socket(udp);
    server.register_listener(tcp, Duration::from_secs(5), 4096);
    Ok(Zone {
        _server: server,
        handler,
        key: public,
        address,
    })
}

impl Zone {
    /// The key that the zone is signed with, for who validates it.
    pub(super) fn anchors(&self) -> Result<Anchors, Box<dyn Error>> {
        Ok(Anchors::parse(&format!("{ORIGIN} IN DNSKEY {}", self.key))?)
    }

    /// Makes this the only TLSA record of a name, and signs the zone again.
    pub(super) async fn set_tlsa(
        &self,
        owner: &mail_dns::Name,
        record: &Tlsa,
    ) -> Result<(), Box<dyn Error>> {
        let owner = Name::from_ascii(format!("{owner}."))?;
        let data = TLSA::new(
            CertUsage::from(u8::from(record.usage())),
            Selector::from(u8::from(record.selector())),
            Matching::from(u8::from(record.matching())),
            record.data().to_vec(),
        );
        self.take_tlsa(&owner).await;
        let serial = self.handler.serial().await;
        let record = Record::from_rdata(owner, TTL, RData::TLSA(data));
        self.handler.upsert(record, serial).await;
        Ok(self.handler.secure_zone().await?)
    }
}

impl Zone {
    /// Removes the TLSA records of a name, and signs the zone again, so that it proves that.
    pub(super) async fn remove_tlsa(&self, owner: &mail_dns::Name) -> Result<(), Box<dyn Error>> {
        self.take_tlsa(&Name::from_ascii(format!("{owner}."))?)
            .await;
        Ok(self.handler.secure_zone().await?)
    }

    async fn take_tlsa(&self, owner: &Name) {
        let key = RrKey::new(owner.clone().into(), RecordType::TLSA);
        self.handler.records_mut().await.remove(&key);
    }
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
