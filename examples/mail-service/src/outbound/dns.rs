use crate::{
    config::{Config, Dnssec},
    dns::Error,
};
use mail_dns::{AdStub, Anchors, Answer, HickoryValidating, Query, Resolver, Zone};
use std::time::{Instant, SystemTime};

/// A resolver that tells signed answers from others. Without one no mail leaves: what is not
/// validated is a failed look-up.
#[allow(clippy::exhaustive_enums)] // who makes one knows which
#[derive(Clone, Debug)]
pub enum Validating {
    /// A resolver on this machine that validates.
    Ad(AdStub),
    /// Validation in this process.
    Own(HickoryValidating),
    /// Answers with the status that they are given: for tests.
    Zone(Zone),
}

impl Validating {
    /// The one that the configuration names.
    ///
    /// # Errors
    /// [`Error`].
    pub(crate) fn new(config: &Config) -> Result<Self, Error> {
        Ok(match &config.outbound.dnssec {
            Dnssec::Ad(address) => Self::Ad(AdStub::new(*address)?),
            Dnssec::Validate { servers, anchors } => {
                let anchors = match anchors {
                    None => Anchors::root(),
                    Some(path) => {
                        let text = std::fs::read_to_string(path);
                        Anchors::parse(&text.map_err(|e| Error::Read(path.clone(), e))?)?
                    }
                };
                Self::Own(HickoryValidating::with_servers(servers, anchors)?)
            }
        })
    }
}

impl Resolver for Validating {
    async fn resolve(&self, query: &Query, now: SystemTime, deadline: Instant) -> Answer {
        match self {
            Self::Ad(resolver) => resolver.resolve(query, now, deadline).await,
            Self::Own(resolver) => resolver.resolve(query, now, deadline).await,
            Self::Zone(zone) => zone.answer(query),
        }
    }
}
