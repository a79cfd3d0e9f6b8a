use mail_dns::{Failure, Mx, Name, NameError, Record, Txt, Zone};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::Value;
use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
};

/// Reads ZONE.json. A name that the DNS cannot hold is left out with a warning: no question can
/// ever ask for it.
pub(crate) fn parse(text: &[u8]) -> Result<Zone, String> {
    let Names(names) = serde_json::from_slice(text).map_err(|why| why.to_string())?;
    let mut zone = Zone::new();
    for (text, records) in &names {
        let at = |why: &str| format!("{text}: {why}");
        let Some(name) = name(text).map_err(|why| at(&why))? else {
            continue;
        };
        zone.insert_name(name.clone());
        for record in records
            .as_array()
            .ok_or_else(|| at("not a list of records"))?
        {
            match entry(record).map_err(|why| at(&format!("{why}: {record}")))? {
                Entry::Record(record) => zone.insert(name.clone(), record),
                Entry::Timeout => zone.fail(name.clone(), Failure::Timeout),
                Entry::Impossible => {}
            }
        }
    }
    Ok(zone)
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

fn entry(json: &Value) -> Result<Entry, String> {
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
            name(host)?.map(|exchange| {
                Record::Mx(Mx {
                    preference,
                    exchange,
                })
            })
        }
        ("PTR", [Value::String(host)]) => name(host)?.map(Record::Ptr),
        ("CNAME", [Value::String(host)]) => name(host)?.map(Record::Cname),
        _ => return Err("not a record".to_owned()),
    };
    Ok(record.map_or(Entry::Impossible, Entry::Record))
}

/// A name; none, with a warning, where it has labels that are empty or too long.
fn name(text: &str) -> Result<Option<Name>, String> {
    match Name::from_octets(&octets(text)?) {
        Ok(name) => Ok(Some(name)),
        Err(why @ (NameError::EmptyLabel | NameError::LabelTooLong | NameError::TooLong)) => {
            eprintln!("msg-check: warning: {why}: {text}");
            Ok(None)
        }
        Err(why) => Err(why.to_string()),
    }
}

fn octets_of(json: &Value) -> Result<Vec<u8>, String> {
    octets(json.as_str().ok_or("not a string")?)
}

/// The characters U+0000 to U+00FF are octets.
fn octets(text: &str) -> Result<Vec<u8>, String> {
    let octet = |c: char| u8::try_from(c).map_err(|_| format!("{c:?} is above U+00FF"));
    text.chars().map(octet).collect()
}
