//! The servers of others: a name server that knows `example.test`, and the mail server that takes its mail.

use super::peer::{Ca, Identity, Peer, Script};
use super::resolver::{A, MX, Resolver, TLSA};
use mail_service::{Config, Dnssec};
use std::net::{Ipv4Addr, SocketAddr};

pub(crate) struct Outside {
    pub(crate) peer: Peer,
    resolver: Resolver,
}

impl Outside {
    pub(crate) async fn new() -> Self {
        // Another test has another process, and so another address.
        let [.., high, low] = std::process::id().to_be_bytes();
        let address = Ipv4Addr::new(127, high, low, 1);
        let identity = Identity::own("any.test");
        let at = SocketAddr::from((address, 0));
        let peer = Peer::start(at, Script::tls(), &identity).await;
        let port = peer.address.port();
        let mx = [&[0, 10, 3][..], b"mx1\x07example\x04test\0"].concat();
        let records = vec![
            ("example.test.".to_owned(), MX, mx),
            ("mx1.example.test.".to_owned(), A, address.octets().to_vec()),
            (
                format!("_{port}._tcp.mx1.example.test."),
                TLSA,
                identity.tlsa(),
            ),
        ];
        Self {
            peer,
            resolver: Resolver::start(Some(records)),
        }
    }

    /// A service that sends its mail there.
    pub(crate) fn settings(&self, config: &mut Config) {
        let authorities = config.data_dir.with_file_name("ca.pem");
        std::fs::write(&authorities, Ca::new().pem).unwrap();
        config.outbound.authorities = Some(authorities);
        config.outbound.dnssec = Dnssec::Ad(self.resolver.address);
        config.outbound.port = self.peer.address.port();
    }
}
