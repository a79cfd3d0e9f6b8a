//! The sender of the demonstration: the outgoing mail of a service of its own, which knows nothing of the receiver but
//! its domain, and the key that the zone is signed with.

use super::{BOB, zone::Zone};
use crate::{
    Clock, Config,
    outbound::{Letter, Outbound, Report, Validating},
    smtp::command::Address,
};
use mail_dns::{Anchors, HickoryValidating};
use record_store::AnyStore;
use std::{error::Error, net::SocketAddr, path::Path, sync::Arc, time::Duration};

/// Sends for a.test, and for its secure addresses.
pub(super) struct Sender {
    config: Config,
    store: Arc<AnyStore>,
    clock: Clock,
}

impl Sender {
    /// Keeps what it remembers in this folder.
    pub(super) fn new(folder: &Path, clock: &Clock) -> Result<Self, Box<dyn Error>> {
        let mut config = Config {
            data_dir: folder.to_owned(),
            hostname: "mx.a.test".into(),
            domains: vec!["a.test".into()],
            secure: [("secure.a.test".to_owned(), "a.test".to_owned())].into(),
            ..Config::default()
        };
        config.prepare()?;
        // An authority that has certified nobody here: it is DANE that is shown.
        let authority = folder.join("authority.pem");
        let made = rcgen::generate_simple_self_signed(["authority.test".to_owned()])?;
        std::fs::write(&authority, made.cert.pem())?;
        config.outbound.authorities = Some(authority);
        let store = Arc::new(config.open_store()?);
        Ok(Self {
            config,
            store,
            clock: clock.clone(),
        })
    }

    /// The same sender, so much later.
    pub(super) fn later(&self, by: Duration) -> Self {
        let clock = self.clock.clone();
        Self {
            config: self.config.clone(),
            store: Arc::clone(&self.store),
            clock: Clock::from_fn(move || clock.now() + by),
        }
    }

    /// Sends a message to Bob, at the port where his server listens; 25 where one may.
    pub(super) async fn send(
        &self,
        dns: SocketAddr,
        anchors: Anchors,
        port: u16,
        from: &str,
        message: &[u8],
    ) -> Result<Report, Box<dyn Error>> {
        let mut config = self.config.clone();
        config.outbound.port = port;
        let resolver = Validating::Own(HickoryValidating::with_servers(&[dns], anchors)?);
        // Nobody here has an MTA-STS policy, so that no port is asked for one.
        let (store, clock) = (Arc::clone(&self.store), self.clock.clone());
        let outbound = Outbound::on_loopback(&config, store, clock, resolver, 443)?;
        let address = |text| Address::parse(text).ok_or("not an address");
        let letter = Letter::new(Some(address(from)?), vec![address(BOB)?], message.to_vec())?;
        Ok(outbound.deliver(&letter).await)
    }

    /// As [`send`](Self::send), with the DNS as it is.
    pub(super) async fn send_by(
        &self,
        zone: &Zone,
        port: u16,
        from: &str,
        message: &[u8],
    ) -> Result<Report, Box<dyn Error>> {
        self.send(zone.address, zone.anchors()?, port, from, message)
            .await
    }
}
