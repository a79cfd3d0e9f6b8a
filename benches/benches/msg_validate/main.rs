//! Signatures and SPF beside mail-auth, and beside the hash and the signature alone, in turn within one run:
//! `cargo xtask bench msg-validate`. It prints the tables of docs/performance.md.
//!
//! Every round checks its result, so that nothing but a pass is measured. The fastest of many short rounds counts:
//! what else the machine does makes a round slower, never faster.
#![allow(missing_docs, clippy::unwrap_used)]

mod bare;
mod messages;
mod peer;

use bare::Bare;
use mail_dns::{Answer, Cache, Query, Record, RecordType, Security, Txt};
use messages::{Kind, Message};
use msg_validate::{
    Limits, SpfResult,
    dkim::{self, DkimResult, Keys, SigningKey},
    spf::CheckHost,
};
use peer::Peer;
use std::{
    fmt::Write as _,
    hint::black_box,
    net::IpAddr,
    time::{Duration, Instant, SystemTime},
};

const SIZES: [(&str, usize); 3] = [("2 KiB", 2 << 10), ("50 KiB", 50 << 10), ("5 MiB", 5 << 20)];
const KINDS: [Kind; 3] = [Kind::Base64, Kind::Prose, Kind::WhiteSpace];
const HOUR: Duration = Duration::from_secs(3600);

fn main() {
    // What `cargo test --benches` asks for.
    if std::env::args().any(|arg| arg == "--list") {
        return;
    }
    let now = SystemTime::now();
    let mut page = String::from(
        "| key | message | body | bare µs | msg-validate µs | mail-auth µs | of bare | of mail-auth |\n\
         |-|-|-|-:|-:|-:|-:|-:|\n",
    );
    let mut faults = Vec::new();
    for (name, bare) in [("RSA-2048", Bare::rsa()), ("Ed25519", Bare::ed25519())] {
        let key = SigningKey::from_der(bare.pkcs8()).unwrap();
        for (size, octets) in SIZES {
            for kind in KINDS {
                let message = Message::signed(kind, octets, bare.pkcs8(), now);
                let [alone, ours, theirs] = signature(&bare, &message, &key, now);
                let (of_bare, of_peer) = (ours / alone, ours / theirs);
                let row =
                    format!("| {name} | {size} | {kind} | {alone:.1} | {ours:.1} | {theirs:.1} |");
                let row = format!("{row} {of_bare:.2} | {of_peer:.2} |");
                eprintln!("{row}");
                writeln!(page, "{row}").unwrap();
                if of_peer > 1.0 {
                    faults.push(format!("slower than mail-auth: {row}"));
                }
                if octets == 5 << 20 && kind != Kind::WhiteSpace && of_bare > 1.3 {
                    faults.push(format!("more than 1.3 times the bare cost: {row}"));
                }
            }
        }
    }
    page.push_str(
        "\n| SPF, warm cache | msg-validate µs | mail-auth µs | of mail-auth |\n|-|-:|-:|-:|\n",
    );
    for (name, records) in RECORDS {
        let [ours, theirs] = spf(records, now);
        let ratio = ours / theirs;
        writeln!(page, "| {name} | {ours:.2} | {theirs:.2} | {ratio:.2} |").unwrap();
    }
    println!("\n{page}");
    for fault in faults {
        println!("not as promised: {fault}");
    }
}

/// Microseconds of the fastest round of each, in turns.
fn fastest<const N: usize>(mut measured: [&mut dyn FnMut(); N]) -> [f64; N] {
    const ALL: Duration = Duration::from_millis(1500);
    // Rounds that are short do not see the scheduler, and long enough not to see the clock.
    const ROUND: Duration = Duration::from_micros(300);
    let calls = measured.each_mut().map(|run| {
        run();
        let start = Instant::now();
        run();
        let once = start.elapsed().max(Duration::from_nanos(50));
        (ROUND.as_nanos() / once.as_nanos()).clamp(1, 10_000) as u32
    });
    let mut best = [f64::MAX; N];
    let start = Instant::now();
    let mut rounds = 0;
    while rounds < 20 || start.elapsed() < ALL {
        for ((run, calls), best) in measured.iter_mut().zip(calls).zip(&mut best) {
            let start = Instant::now();
            (0..calls).for_each(|_| run());
            *best = best.min(start.elapsed().as_secs_f64() * 1e6 / f64::from(calls));
        }
        rounds += 1;
    }
    best
}

/// The bare cost, ours and that of mail-auth; of both with warm caches of records and of keys.
fn signature(bare: &Bare, message: &Message, key: &SigningKey, now: SystemTime) -> [f64; 3] {
    let record = key.record().to_string();
    let records = [Record::Txt(Txt::from_text(&record))];
    let answer = Answer::records(records, Security::Unknown, HOUR);
    let query = Query::new("s._domainkey.example.org".parse().unwrap(), RecordType::Txt);
    let (cache, keys, limits) = (Cache::new(), Keys::new(), Limits::default());
    cache.insert(&query, &answer, now);
    let peer = Peer::new().knows_key("s._domainkey.example.org.", &record);
    fastest([
        &mut || assert!(bare.verifies(black_box(message.head()), black_box(message.body()))),
        &mut || {
            let octets = black_box(message.octets());
            let reports = dkim::verify_with(octets, now, &limits, &keys, |query| {
                cache.get(query, now).unwrap()
            });
            assert_eq!(reports[0].result(), DkimResult::Pass, "{reports:?}");
        },
        &mut || assert!(peer.passes_signature(black_box(message.octets()))),
    ])
}

type Records = &'static [(&'static str, &'static str)];

const RECORDS: [(&str, Records); 2] = [
    (
        "one ip4",
        &[("example.org", "v=spf1 ip4:192.0.2.0/24 -all")],
    ),
    (
        "redirect and three includes",
        &[
            ("example.org", "v=spf1 redirect=_spf.example.org"),
            (
                "_spf.example.org",
                "v=spf1 include:a.example.org include:b.example.org include:c.example.org ~all",
            ),
            (
                "a.example.org",
                "v=spf1 ip4:198.51.100.0/24 ip4:203.0.113.0/24 ip6:2001:db8:1::/48 ~all",
            ),
            (
                "b.example.org",
                "v=spf1 ip4:198.51.100.0/24 ip4:203.0.113.0/24 ip6:2001:db8:2::/48 ~all",
            ),
            (
                "c.example.org",
                "v=spf1 ip4:203.0.113.0/24 ip4:192.0.2.0/24 ~all",
            ),
        ],
    ),
];

/// Ours and that of mail-auth, whose cache holds records that are parsed already.
fn spf(records: Records, now: SystemTime) -> [f64; 2] {
    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const SENDER: &str = "joe@example.org";
    let cache = Cache::new();
    let mut peer = Peer::new();
    for (name, text) in records {
        let answer = Answer::records([Record::Txt(Txt::from_text(text))], Security::Unknown, HOUR);
        let query = Query::new(name.parse().unwrap(), RecordType::Txt);
        cache.insert(&query, &answer, now);
        peer = peer.knows_spf(&format!("{name}."), text);
    }
    fastest([
        &mut || {
            let mut check = CheckHost::mail_from(black_box(CLIENT), "mx.example.org", SENDER, now);
            let identity = check.run_with(|query| cache.get(query, now)).unwrap();
            assert_eq!(identity.result(), SpfResult::Pass);
        },
        &mut || assert!(peer.passes_spf(black_box(CLIENT), "mx.example.org", SENDER)),
    ])
}
