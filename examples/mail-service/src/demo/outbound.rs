//! Outgoing mail, verified by DANE (RFC 7672): as a sender that knows nothing of the receiver but its domain, and the
//! key that the zone is signed with.

use super::client::{self, Tls};
use crate::{Clock, smtp::command::Address};
use dane_tlsa::{
    Crypto, DaneFailure, DaneVerifier, HostLookup, Lookup, LookupFailure, Matcher, Reason,
    References, Route, Walk, Walked,
};
use mail_dns::{Anchors, HickoryValidating};
use rustls::crypto::aws_lc_rs;
use std::{
    error::Error,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio_rustls::TlsConnector;

/// How long the DNS may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A sender that delivers to nobody whom DANE does not authenticate.
pub(super) struct Outbound {
    resolver: HickoryValidating,
    clock: Clock,
    /// Where the receiver listens; 25 where one may.
    port: u16,
}

/// What became of a message.
pub(super) enum Delivery {
    /// The receiver has it, and is who its records say.
    Delivered(Evidence),
    /// It waits, and why.
    Deferred(Deferral),
}

/// What authenticated the receiver.
pub(super) struct Evidence {
    /// Of each look-up, what DNSSEC says.
    pub(super) lookup: String,
    /// The verdict on the certificate.
    pub(super) tls: String,
    /// The receiver's last word.
    pub(super) reply: String,
}

/// Why a message waits.
pub(super) struct Deferral {
    /// For programs: `dane.no-match`.
    pub(super) code: &'static str,
    /// For people, and with what a TLS report says (RFC 8460 §4.3).
    pub(super) text: String,
}

impl Outbound {
    /// Asks this server, and believes what is signed with these keys.
    pub(super) fn new(
        server: SocketAddr,
        anchors: Anchors,
        clock: &Clock,
        port: u16,
    ) -> Result<Self, Box<dyn Error>> {
        Ok(Self {
            resolver: HickoryValidating::with_servers(&[server], anchors)?,
            clock: clock.clone(),
            port,
        })
    }

    /// Delivers to the first host that can be authenticated.
    pub(super) async fn deliver(
        &self,
        from: &str,
        to: &str,
        message: &[u8],
    ) -> Result<Delivery, Box<dyn Error>> {
        let address = Address::parse(to).ok_or("not an address")?;
        let now = self.clock.now();
        let walk = Walk::mail_to_port(address.domain().parse()?, self.port);
        #[allow(clippy::disallowed_methods)] // a program has a clock
        let deadline = Instant::now() + PATIENCE;
        let walked = walk.run(&self.resolver, now, deadline).await;
        let mut deferral = match walked.route {
            Route::Failed(why) => of_lookup(why),
            _ => deferred("no-host", "there is no host to deliver to", None),
        };
        for host in &walked.hosts {
            match self.deliver_to(host, &walked, [from, to], message).await? {
                Delivery::Deferred(why) => deferral = why,
                delivered => return Ok(delivered),
            }
        }
        Ok(Delivery::Deferred(deferral))
    }

    async fn deliver_to(
        &self,
        host: &HostLookup,
        walked: &Walked,
        [from, to]: [&str; 2],
        message: &[u8],
    ) -> Result<Delivery, Box<dyn Error>> {
        let records = match &host.lookup {
            Lookup::Secure(records) => records,
            Lookup::Failed(why) => return Ok(Delivery::Deferred(of_lookup(*why))),
            // A real sender asks its other policies here.
            other => {
                let text = "nothing authenticates this host";
                return Ok(Delivery::Deferred(deferred(other.code(), text, None)));
            }
        };
        let Some(usable) = records.usable_for_smtp() else {
            return Ok(Delivery::Deferred(of_reason(Reason::Unusable)));
        };
        let records = usable.records().len();
        let names = References::from_names(&host.names)?;
        let matcher = Matcher::new(usable, names, Crypto::aws_lc_rs());
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = DaneVerifier::new(matcher, provider);
        let tls = Tls {
            name: verifier.sni(),
            connector: TlsConnector::from(Arc::new(verifier.client_config()?)),
        };
        let address = host.addresses.first().ok_or("no address")?;
        let server = SocketAddr::new(*address, self.port);
        match client::send(server, &tls, from, to, message).await {
            Ok(reply) => Ok(Delivery::Delivered(Evidence {
                lookup: format!(
                    "MX {:?}, {} {} with {records} usable TLSA record(s)",
                    walked.mx_security,
                    host.host,
                    host.lookup.code()
                ),
                tls: format!("SNI {}, {}", tls.name.to_str(), Reason::Match),
                reply,
            })),
            Err(error) => match verdict(&*error) {
                Some(reason) => Ok(Delivery::Deferred(of_reason(reason))),
                None => Err(error),
            },
        }
    }
}

/// What DANE says, if that is why a handshake failed.
fn verdict(error: &(dyn Error + 'static)) -> Option<Reason> {
    let io: &std::io::Error = error.downcast_ref()?;
    let tls: &rustls::Error = io.get_ref()?.downcast_ref()?;
    Some(DaneFailure::of(tls)?.verdict().reason())
}

fn of_lookup(why: LookupFailure) -> Deferral {
    let report = why.tls_rpt().map(|result| result.as_str());
    deferred(why.code(), why, report)
}

fn of_reason(reason: Reason) -> Deferral {
    let report = reason.tls_rpt().map(|result| result.as_str());
    deferred(reason.code(), reason, report)
}

fn deferred(code: &'static str, text: impl std::fmt::Display, report: Option<&str>) -> Deferral {
    let report = report.map(|result| format!("; in a TLS report: {result}"));
    let text = format!("{text} ({code}){}", report.unwrap_or_default());
    Deferral { code, text }
}
