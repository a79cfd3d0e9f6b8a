//! The test suite of openspf.org for RFC 7208 (release 2014.04): result and explanation of every
//! case. It is read from a folder, `LETTERLOCK_VECTORS` or `../shared/vectors` beside the
//! workspace, and is no part of this project.
#![allow(missing_docs, clippy::unwrap_used)]

use mail_dns::{Failure, Mx, Name, Record, Txt, Zone};
use msg_validate::{
    SpfResult,
    spf::{CheckHost, Identity},
};
use saphyr::{LoadableYamlNode, Mapping, Yaml};
use std::{net::IpAddr, path::PathBuf, time::SystemTime};

#[test]
#[ignore = "conformance: needs the openSPF suite"]
fn conformance_openspf() {
    let folder = std::env::var_os("LETTERLOCK_VECTORS").map_or_else(
        || {
            PathBuf::from(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../../../shared/vectors"
            ))
        },
        PathBuf::from,
    );
    let text = std::fs::read_to_string(folder.join("openspf/rfc7208-tests.yml")).unwrap();
    let (mut passed, mut failed) = (0, Vec::new());
    for section in &Yaml::load_from_str(&text).unwrap() {
        let zone = zone(map(&section["zonedata"]));
        for (name, case) in map(&section["tests"]) {
            match judge(case, &zone) {
                Ok(()) => passed += 1,
                Err(fault) => failed.push(format!("{}: {fault}", string(name))),
            }
        }
    }
    println!("openspf: {passed} of {}", passed + failed.len());
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(passed > 0, "no case was run");
}

fn judge(case: &Yaml<'_>, zone: &Zone) -> Result<(), String> {
    let client: IpAddr = string(&case["host"]).parse().unwrap();
    let (helo, mail_from) = (string(&case["helo"]), string(&case["mailfrom"]));
    let identity = check(client, &helo, &mail_from, zone);
    let result = identity.result().to_string();
    let wanted: Vec<String> = match &case["result"] {
        Yaml::Sequence(several) => several.iter().map(string).collect(),
        one => vec![string(one)],
    };
    if !wanted.contains(&result) {
        return Err(format!("{result}, not {wanted:?}: {identity:?}"));
    }
    let Some(wanted) = case.as_mapping_get("explanation").map(string) else {
        return Ok(());
    };
    // "DEFAULT" is what the suite calls the explanation that the checking host gives itself.
    let explanation = identity.explanation().unwrap_or("DEFAULT");
    match identity.result() == SpfResult::Fail && explanation == wanted {
        true => Ok(()),
        false => Err(format!("explained as {explanation:?}, not {wanted:?}")),
    }
}

fn check(client: IpAddr, helo: &str, mail_from: &str, zone: &Zone) -> Identity {
    let mut check = CheckHost::mail_from(client, helo, mail_from, SystemTime::UNIX_EPOCH);
    loop {
        if let Some(identity) = check.run() {
            return identity;
        }
        for query in check.need().to_vec() {
            check.answer(&query, zone.answer(&query));
        }
    }
}

/// The suite's own rules: a name exists if it or something below it is listed; what is listed as
/// SPF is TXT too, unless TXT is listed beside it (`NONE` is listed, and nothing); `TIMEOUT` goes
/// for the types that are not listed.
fn zone(names: &Mapping<'_>) -> Zone {
    let mut zone = Zone::new();
    for (name, entries) in names {
        let name = Name::from_octets(&octets(name)).unwrap();
        let entries = entries.as_sequence().unwrap();
        let has_txt = entries
            .iter()
            .any(|entry| entry.contains_mapping_key("TXT"));
        zone.insert_name(name.clone());
        for entry in entries {
            let Some(entry) = entry.as_mapping() else {
                assert_eq!(string(entry), "TIMEOUT");
                zone.fail(name.clone(), Failure::Timeout);
                continue;
            };
            for (kind, value) in entry {
                let record = match string(kind).as_str() {
                    "TXT" if value.as_str() == Some("NONE") => continue,
                    "SPF" if has_txt => continue,
                    "TXT" | "SPF" => Record::Txt(match value {
                        Yaml::Sequence(chunks) => Txt::new(chunks.iter().map(octets)),
                        text => Txt::new([octets(text)]),
                    }),
                    "A" => Record::A(string(value).parse().unwrap()),
                    "AAAA" => Record::Aaaa(string(value).parse().unwrap()),
                    "PTR" => Record::Ptr(host(value)),
                    "CNAME" => Record::Cname(host(value)),
                    "MX" => Record::Mx(Mx {
                        preference: value[0].as_integer().unwrap().try_into().unwrap(),
                        exchange: host(&value[1]),
                    }),
                    other => panic!("record type {other}"),
                };
                zone.insert(name.clone(), record);
            }
        }
    }
    zone
}

fn map<'a>(node: &'a Yaml<'a>) -> &'a Mapping<'a> {
    node.as_mapping().unwrap()
}

fn string(node: &Yaml<'_>) -> String {
    node.as_str()
        .unwrap_or_else(|| panic!("no text: {node:?}"))
        .to_owned()
}

/// The characters of the suite's texts are octets.
fn octets(node: &Yaml<'_>) -> Vec<u8> {
    string(node)
        .chars()
        .map(|c| u8::try_from(c).unwrap())
        .collect()
}

fn host(node: &Yaml<'_>) -> Name {
    Name::from_octets(&octets(node)).unwrap()
}
