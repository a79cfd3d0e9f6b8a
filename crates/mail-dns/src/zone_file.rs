//! Zones in files: for tests, demonstrations, and checks without a network.

use crate::{Failure, Mx, Name, NameError, Record, Txt, Zone};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::Value;
use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
};

/// A zone that was read from JSON.
///
/// An object, name to list of records: `["TXT", ["chunk", ...]]`, `["A", "192.0.2.1"]`,
/// `["AAAA", "2001:db8::1"]`, `["MX", 10, "host"]`, `["PTR", "host"]`, `["CNAME", "host"]`,
/// `["TIMEOUT"]`. In strings the characters U+0000 to U+00FF are octets. A name that is there twice,
/// or in two ways of writing it, has the records of both. `TIMEOUT` is for the types that are not
/// listed beside it.
///
/// ```
/// use mail_dns::{Query, RecordType, ZoneFile};
/// let file = ZoneFile::parse(br#"{"example.org": [["MX", 10, "mx.example.org"], ["TIMEOUT"]]}"#)?;
/// let query = Query::new("example.org".parse()?, RecordType::Mx);
/// assert_eq!(file.zone().answer(&query).iter().len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ZoneFile {
    zone: Zone,
    left_out: Vec<String>,
}

/// Why a text is no zone.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ZoneFileError {
    /// It is not an object in JSON.
    #[error("not an object of names: {0}")]
    Json(String),
    /// What stands at a name is no list of records.
    #[error("{name}: {why}")]
    Record {
        /// Where.
        name: String,
        /// A phrase for a person, with the record.
        why: String,
    },
}

impl ZoneFile {
    /// Reads a text.
    ///
    /// # Errors
    /// [`ZoneFileError`].
    pub fn parse(text: &[u8]) -> Result<Self, ZoneFileError> {
        let Names(names) =
            serde_json::from_slice(text).map_err(|why| ZoneFileError::Json(why.to_string()))?;
        let mut file = Self {
            zone: Zone::new(),
            left_out: Vec::new(),
        };
        for (name, records) in names {
            file.read(&name, &records)
                .map_err(|why| ZoneFileError::Record { name, why })?;
        }
        Ok(file)
    }

    /// What was read.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// What was read.
    pub fn into_zone(self) -> Zone {
        self.zone
    }

    /// What no DNS can hold, and no question ever asks for, with the reason: names with labels that
    /// are empty or too long, and records that point to such names.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    fn read(&mut self, text: &str, records: &Value) -> Result<(), String> {
        let records = records.as_array().ok_or("not a list of records")?;
        let Some(name) = self.name(text)? else {
            return Ok(());
        };
        self.zone.insert_name(name.clone());
        for json in records {
            match self.entry(json).map_err(|why| format!("{why}: {json}"))? {
                Entry::Record(record) => self.zone.insert(name.clone(), record),
                Entry::Timeout => self.zone.fail(name.clone(), Failure::Timeout),
                Entry::Impossible => {}
            }
        }
        Ok(())
    }

    fn entry(&mut self, json: &Value) -> Result<Entry, String> {
        let parts = json.as_array().map(Vec::as_slice).unwrap_or_default();
        let (kind, values) = parts.split_first().ok_or("not a record")?;
        let kind = kind.as_str().ok_or("not a record")?.to_ascii_uppercase();
        let record = match (&*kind, values) {
            ("TIMEOUT", []) => return Ok(Entry::Timeout),
            ("TXT", [Value::Array(chunks)]) => {
                let chunks: Result<Vec<_>, _> = chunks.iter().map(octets_of).collect();
                Some(Record::Txt(Txt::new(chunks?)))
            }
            ("A", [Value::String(ip)]) => {
                let ip: Ipv4Addr = ip.parse().map_err(|_| "not an IPv4 address")?;
                Some(Record::A(ip))
            }
            ("AAAA", [Value::String(ip)]) => {
                let ip: Ipv6Addr = ip.parse().map_err(|_| "not an IPv6 address")?;
                Some(Record::Aaaa(ip))
            }
            ("MX", [preference, Value::String(host)]) => {
                let preference = preference.as_u64().and_then(|p| u16::try_from(p).ok());
                let preference = preference.ok_or("not a preference from 0 to 65535")?;
                self.name(host)?.map(|exchange| {
                    Record::Mx(Mx {
                        preference,
                        exchange,
                    })
                })
            }
            ("PTR", [Value::String(host)]) => self.name(host)?.map(Record::Ptr),
            ("CNAME", [Value::String(host)]) => self.name(host)?.map(Record::Cname),
            _ => return Err("not a record".to_owned()),
        };
        Ok(record.map_or(Entry::Impossible, Entry::Record))
    }

    /// A name; none, and a note, where the DNS cannot hold it.
    fn name(&mut self, text: &str) -> Result<Option<Name>, String> {
        match Name::from_octets(&octets(text)?) {
            Ok(name) => Ok(Some(name)),
            Err(why @ (NameError::EmptyLabel | NameError::LabelTooLong | NameError::TooLong)) => {
                self.left_out.push(format!("{why}: {text}"));
                Ok(None)
            }
            Err(why) => Err(why.to_string()),
        }
    }
}

/// The members of an object, in order. A name that is there twice has the records of both, as it
/// has where it is written in two ways; a `Value` would keep the last.
struct Names(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Names;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of names")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Names, A::Error> {
        let mut names = Vec::new();
        while let Some(member) = object.next_entry()? {
            names.push(member);
        }
        Ok(Names(names))
    }
}

enum Entry {
    Record(Record),
    Timeout,
    /// It points to what the DNS cannot hold.
    Impossible,
}

fn octets_of(json: &Value) -> Result<Vec<u8>, String> {
    octets(json.as_str().ok_or("not a string")?)
}

/// The characters U+0000 to U+00FF are octets.
fn octets(text: &str) -> Result<Vec<u8>, String> {
    let octet = |c: char| u8::try_from(c).map_err(|_| format!("{c:?} is above U+00FF"));
    text.chars().map(octet).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Outcome, Query, RecordType};

    fn ask(file: &ZoneFile, name: &str, record_type: RecordType) -> Outcome {
        let query = Query::new(name.parse().unwrap(), record_type);
        file.zone().answer(&query).outcome().clone()
    }

    #[test]
    fn a_zone() {
        let file = ZoneFile::parse(
            br#"{"a.example.": [["TXT", ["v=spf1", " -all"]], ["MX", 10, "mx.a.example"], ["TIMEOUT"]],
                "mx.a.example": [["A", "192.0.2.1"], ["aaaa", "::1"]],
                "A.example": [["TXT", []], ["TXT", ["\u00ff"]]],
                "1.2.0.192.in-addr.arpa": [["PTR", "mx.a.example"]],
                "www.a.example": [["CNAME", "mx.a.example"]]}"#,
        )
        .unwrap();
        let count = |name, record_type| match ask(&file, name, record_type) {
            Outcome::Records(records) => records.len(),
            other => panic!("{other:?}"),
        };
        assert_eq!(count("a.example", RecordType::Txt), 3);
        assert_eq!(count("mx.a.example", RecordType::Aaaa), 1);
        assert_eq!(count("1.2.0.192.in-addr.arpa", RecordType::Ptr), 1);
        assert_eq!(count("www.A.example", RecordType::A), 1);
        let failed = Outcome::Failure(Failure::Timeout);
        assert_eq!(ask(&file, "a.example", RecordType::A), failed);
        assert_eq!(ask(&file, "b.example", RecordType::A), Outcome::NxDomain);
        assert_eq!(ask(&file, "example", RecordType::A), Outcome::NoData);
        assert!(file.left_out().is_empty());
    }

    #[test]
    fn what_the_dns_cannot_hold_is_left_out_and_told() {
        let file = ZoneFile::parse(br#"{"a..b": [["A", "192.0.2.1"]], "c": [["MX", 1, "d..e"]]}"#);
        let file = file.unwrap();
        assert_eq!(ask(&file, "c", RecordType::Mx), Outcome::NoData);
        let told: Vec<_> = file.left_out().iter().map(|t| &t[t.len() - 4..]).collect();
        assert_eq!(told, ["a..b", "d..e"]);
    }

    #[test]
    fn what_is_no_zone_is_refused() {
        for bad in [
            "",
            "[]",
            "{",
            r#"{"a": 1}"#,
            r#"{"a": [["A"]]}"#,
            r#"{"a": [["A", "192.0.2.300"]]}"#,
            r#"{"a": [["A", "::1"]]}"#,
            r#"{"a": [["B", 1]]}"#,
            r#"{"a": [["MX", 65536, "b"]]}"#,
            r#"{"a": [["MX", -1, "b"]]}"#,
            r#"{"a": [["TXT", "b"]]}"#,
            r#"{"a": [["TXT", ["\u0100"]]]}"#,
            r#"{"a": [["TIMEOUT", 1]]}"#,
            r#"{"\u0100": []}"#,
        ] {
            assert!(ZoneFile::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
