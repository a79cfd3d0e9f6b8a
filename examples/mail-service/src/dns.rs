//! Where DNS answers come from.

use crate::config;
use mail_dns::{
    Answer, Cached, Failure, Hickory, HickoryError, Mx, Name, Query, Record, Txt, Zone,
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    time::{Instant, SystemTime},
};

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
    #[error("cannot understand the zone in {}: {}", .0.display(), .1)]
    Zone(PathBuf, String),
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
    let text = std::fs::read_to_string(path).map_err(|e| Error::Read(path.into(), e))?;
    zone(&text).map_err(|why| Error::Zone(path.into(), why))
}

/// The zone of a text: what `msg-check --zone` reads.
fn zone(text: &str) -> Result<Zone, String> {
    let names: BTreeMap<String, Vec<Value>> =
        serde_json::from_str(text).map_err(|e| e.to_string())?;
    let mut zone = Zone::new();
    for (name, records) in names {
        let at = name_of(&name)?;
        zone.insert_name(at.clone());
        for value in records {
            match record(&value).ok_or_else(|| format!("{name}: not a record: {value}"))? {
                Entry::Record(record) => zone.insert(at.clone(), record),
                Entry::Timeout => zone.fail(at.clone(), Failure::Timeout),
            }
        }
    }
    Ok(zone)
}

enum Entry {
    Record(Record),
    Timeout,
}

fn record(value: &Value) -> Option<Entry> {
    let fields = value.as_array()?;
    let (kind, fields) = fields.split_first()?;
    let record = match (kind.as_str()?, fields) {
        ("TIMEOUT", []) => return Some(Entry::Timeout),
        ("A", [address]) => Record::A(address.as_str()?.parse().ok()?),
        ("AAAA", [address]) => Record::Aaaa(address.as_str()?.parse().ok()?),
        ("PTR", [host]) => Record::Ptr(name_of(host.as_str()?).ok()?),
        ("CNAME", [host]) => Record::Cname(name_of(host.as_str()?).ok()?),
        ("MX", [preference, host]) => Record::Mx(Mx {
            preference: u16::try_from(preference.as_u64()?).ok()?,
            exchange: name_of(host.as_str()?).ok()?,
        }),
        ("TXT", [chunks]) => {
            let chunks = chunks.as_array()?.iter();
            let chunks = chunks.map(|chunk| octets(chunk.as_str()?));
            Record::Txt(Txt::new(chunks.collect::<Option<Vec<_>>>()?))
        }
        _ => return None,
    };
    Some(Entry::Record(record))
}

/// The characters U+0000 to U+00FF stand for octets.
fn octets(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|c| u8::try_from(c).ok()).collect()
}

fn name_of(text: &str) -> Result<Name, String> {
    let bad = || format!("not a name: {text}");
    let octets = octets(text).ok_or_else(bad)?;
    Name::from_octets(&octets).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_dns::{Outcome, RecordType};

    #[test]
    fn a_zone_file() {
        let zone = zone(
            r#"{"a.example.": [["TXT", ["v=spf1", " -all"]], ["MX", 10, "mx.a.example"]],
                "mx.a.example": [["A", "192.0.2.1"], ["AAAA", "::1"]],
                "slow.example": [["TIMEOUT"]]}"#,
        )
        .unwrap();
        let ask = |name, kind| zone.answer(&Query::new(name_of(name).unwrap(), kind));
        assert_eq!(ask("A.example", RecordType::Txt).iter().count(), 1);
        assert_eq!(ask("mx.a.example", RecordType::Aaaa).iter().count(), 1);
        let slow = ask("slow.example", RecordType::A);
        assert!(matches!(slow.outcome(), Outcome::Failure(Failure::Timeout)));
        for bad in [
            "[]",
            r#"{"a": [["A"]]}"#,
            r#"{"a": [["B", 1]]}"#,
            r#"{"a..b": []}"#,
        ] {
            assert!(super::zone(bad).is_err(), "{bad}");
        }
    }
}
