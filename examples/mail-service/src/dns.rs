//! Where DNS answers come from.

use crate::config;
use mail_dns::{
    AdStubError, AnchorError, Answer, Cached, Hickory, HickoryError, Query, Zone, ZoneFile,
    ZoneFileError,
};
use std::{
    io,
    path::{Path, PathBuf},
    time::{Instant, SystemTime},
};
use tracing::warn;

/// The resolver that the configuration names.
#[derive(Debug)]
pub(crate) enum Dns {
    Network(Box<Cached<Hickory>>),
    Zone(Zone),
}

/// Why there is no resolver.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The servers cannot be used.
    #[error("no DNS resolver")]
    Servers(#[from] HickoryError),
    /// The zone's file cannot be read.
    #[error("cannot read {}", .0.display())]
    Read(PathBuf, #[source] io::Error),
    /// The zone's file is no zone.
    #[error("cannot understand the zone in {}", .0.display())]
    Zone(PathBuf, #[source] ZoneFileError),
    /// The resolver whose AD bit is to be believed is none.
    #[error("no validating resolver")]
    Ad(#[from] AdStubError),
    /// The keys to validate from are none.
    #[error("no trust anchors")]
    Anchors(#[from] AnchorError),
}

impl Dns {
    pub(crate) fn new(resolver: &config::Resolver) -> Result<Self, Error> {
        let cached = |hickory| Self::Network(Box::new(Cached::new(hickory)));
        match resolver {
            config::Resolver::System => Ok(cached(Hickory::system()?)),
            config::Resolver::Servers(servers) => Ok(cached(Hickory::with_servers(servers)?)),
            config::Resolver::Zone(path) => zone_file(path).map(Self::Zone),
        }
    }
}

impl mail_dns::Resolver for Dns {
    async fn resolve(&self, query: &Query, now: SystemTime, deadline: Instant) -> Answer {
        match self {
            Self::Network(resolver) => resolver.resolve(query, now, deadline).await,
            Self::Zone(zone) => zone.answer(query),
        }
    }
}

fn zone_file(path: &Path) -> Result<Zone, Error> {
    let text = std::fs::read(path).map_err(|e| Error::Read(path.into(), e))?;
    let file = ZoneFile::parse(&text).map_err(|e| Error::Zone(path.into(), e))?;
    for what in file.left_out() {
        warn!("left out of the zone: {what}");
    }
    Ok(file.into_zone())
}
