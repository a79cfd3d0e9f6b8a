//! Every `tests/vectors/*.toml` is a suite; each case names the RFC section that it shows.
#![allow(clippy::unwrap_used)] // a test may fail

use mail_dns::{Failure, Mx, Name, Outcome, Query, Record, RecordType, Txt, Zone};
use serde::Deserialize;

#[derive(Deserialize)]
struct Suite {
    case: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    rfc: String,
    zone: Vec<Vec<String>>,
    ask: Vec<(String, String, Want)>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(untagged)]
enum Want {
    Records(usize),
    Other(String),
}

#[test]
fn vectors() {
    let mut ran = 0;
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let suite: Suite = toml::from_str(&text).unwrap();
        for case in suite.case {
            let zone = zone(&case.zone);
            for (name, record_type, want) in case.ask {
                let query = Query::new(name.parse().unwrap(), record_type.parse().unwrap());
                let got = zone.answer(&query);
                let at = format!("{} (RFC {}): {query}", case.name, case.rfc);
                assert_eq!(word(got.outcome()), want, "{at}");
                ran += 1;
            }
        }
    }
    assert!(ran > 0, "no vectors were run");
}

fn zone(records: &[Vec<String>]) -> Zone {
    let mut zone = Zone::new();
    for record in records {
        let [name, kind, data @ ..] = &record[..] else {
            panic!("{record:?}")
        };
        let name: Name = name.parse().unwrap();
        match &**kind {
            "TIMEOUT" => zone.fail(name, Failure::Timeout),
            "NAME" => zone.insert_name(name),
            kind => zone.insert(name, self::record(kind.parse().unwrap(), &data[0])),
        }
    }
    zone
}

fn record(record_type: RecordType, data: &str) -> Record {
    match record_type {
        RecordType::A => Record::A(data.parse().unwrap()),
        RecordType::Aaaa => Record::Aaaa(data.parse().unwrap()),
        RecordType::Mx => Record::Mx(Mx {
            preference: 10,
            exchange: data.parse().unwrap(),
        }),
        RecordType::Txt => Record::Txt(Txt::from_text(data)),
        RecordType::Ptr => Record::Ptr(data.parse().unwrap()),
        RecordType::Cname => Record::Cname(data.parse().unwrap()),
        other => panic!("{other}"),
    }
}

fn word(outcome: &Outcome) -> Want {
    match outcome {
        Outcome::Records(records) => Want::Records(records.len()),
        Outcome::NoData => Want::Other("no data".into()),
        Outcome::NxDomain => Want::Other("nxdomain".into()),
        Outcome::Failure(why) => Want::Other(why.to_string()),
    }
}
