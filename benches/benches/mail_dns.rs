//! Names and cached answers beside hickory's: `cargo bench -p benches --bench mail_dns`.
#![allow(missing_docs, clippy::unwrap_used)]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hickory_resolver::{
    ResponseCache, TtlConfig,
    proto::{
        op::{Message, OpCode, Query as PeerQuery},
        rr::{Name as PeerName, RData, Record as PeerRecord, RecordType as PeerType, rdata::TXT},
    },
};
use mail_dns::{Answer, Cache, Name, Query, Record, RecordType, Security, Txt, Zone};
use std::{
    hint::black_box,
    time::{Duration, Instant, SystemTime},
};

const NAMES: [&str; 3] = [
    "example.org",
    "selector._domainkey.mail.example.com",
    "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
];

fn parse(c: &mut Criterion) {
    let mut group = c.benchmark_group("mail_dns/name-parse");
    for text in NAMES {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_with_input(BenchmarkId::new("ours", text.len()), text, |b, text| {
            b.iter(|| Name::from_octets(black_box(text).as_bytes()).unwrap())
        });
        group.bench_with_input(BenchmarkId::new("hickory", text.len()), text, |b, text| {
            b.iter(|| PeerName::from_ascii(black_box(text)).unwrap())
        });
    }
    group.finish();
}

fn print(c: &mut Criterion) {
    let mut group = c.benchmark_group("mail_dns/name-print");
    for text in NAMES {
        let (ours, peer) = (
            text.parse::<Name>().unwrap(),
            PeerName::from_ascii(text).unwrap(),
        );
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(BenchmarkId::new("ours", text.len()), |b| {
            b.iter(|| black_box(&ours).to_string())
        });
        group.bench_function(BenchmarkId::new("hickory", text.len()), |b| {
            b.iter(|| black_box(&peer).to_string())
        });
    }
    group.finish();
}

/// One of so many answers, each the TXT record of a DKIM key.
fn hit(c: &mut Criterion) {
    let mut group = c.benchmark_group("mail_dns/cache-hit");
    let key = "v=DKIM1; k=rsa; p=".to_owned() + &"A".repeat(392);
    for entries in [1, 10_000] {
        let name = |i| format!("s{i}._domainkey.example.org.");
        let now = SystemTime::UNIX_EPOCH;
        let ours = Cache::new();
        let peer = ResponseCache::new(100_000, TtlConfig::default());
        let start = Instant::now();
        for i in 0..entries {
            let records = [Record::Txt(Txt::from_text(&key))];
            let answer = Answer::records(records, Security::Unknown, Duration::from_secs(3600));
            let query = Query::new(name(i).parse().unwrap(), RecordType::Txt);
            ours.insert(&query, &answer, now);
            let (query, message) = peer_answer(&name(i), &key);
            peer.insert(query, Ok(message), start);
        }
        let query = Query::new(name(entries / 2).parse().unwrap(), RecordType::Txt);
        assert!(ours.get(&query, now).is_some());
        group.bench_function(BenchmarkId::new("ours", entries), |b| {
            b.iter(|| ours.get(black_box(&query), now))
        });
        let (query, _) = peer_answer(&name(entries / 2), &key);
        assert!(peer.get(&query, start).is_some());
        group.bench_function(BenchmarkId::new("hickory", entries), |b| {
            b.iter(|| peer.get(black_box(&query), start))
        });
    }
    group.finish();
}

fn peer_answer(name: &str, key: &str) -> (PeerQuery, Message) {
    let name = PeerName::from_ascii(name).unwrap();
    let query = PeerQuery::query(name.clone(), PeerType::TXT);
    let (front, back) = key.split_at(255);
    let data = TXT::new(vec![front.into(), back.into()]);
    let mut message = Message::response(1, OpCode::Query);
    message.add_query(query.clone());
    message.add_answer(PeerRecord::from_rdata(name, 3600, RData::TXT(data)));
    (query, message)
}

/// Without a peer: what a test, or a check without a network, pays for an answer.
fn zone(c: &mut Criterion) {
    let zone = Zone::new()
        .cname("www.example.org", "host.example.org")
        .and_then(|z| z.address("host.example.org", [192, 0, 2, 1]))
        .unwrap();
    let query = Query::new("www.example.org".parse().unwrap(), RecordType::A);
    c.bench_function("mail_dns/zone-answer", |b| {
        b.iter(|| zone.answer(black_box(&query)))
    });
}

criterion_group!(benches, parse, print, hit, zone);
criterion_main!(benches);
