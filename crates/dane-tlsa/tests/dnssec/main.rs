//! Real zones: BIND signs and serves them, unbound validates, and the look-up says what it finds.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)] // a test has a clock, and may fail

mod example;
mod postfix;
mod world;

use dane_tlsa::{HostLookup, InsecureMx, Lookup, LookupFailure, Walk, Walked};
use mail_dns::{
    AdStub, Anchors, Answer, Cached, Failure, HickoryValidating, Name, Outcome, Query, RecordType,
    Resolver, Security,
};
use std::time::{Duration, Instant, SystemTime};
use world::{Signing, World, Zone};

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// A host with a record of its own, one without, and one domain.
fn usual(more: &str) -> String {
    let digest = "aa".repeat(32);
    format!("d MX 10 mx\nmx A 127.0.0.2\n_25._tcp.mx TLSA 3 1 1 {digest}\nnone A 127.0.0.2\n{more}")
}

fn zones() -> Vec<Zone> {
    let digest = "aa".repeat(32);
    let special = format!(
        "wild A 127.0.0.2\n*._tcp.wild TLSA 3 1 1 {digest}\n\
         aliased A 127.0.0.2\n_25._tcp.aliased CNAME shared\nshared TLSA 3 1 1 {digest}\n\
         aliasout A 127.0.0.2\n_25._tcp.aliasout CNAME _25._tcp.mx.plain.\n\
         alias CNAME mx\nout CNAME mx.plain.\n_25._tcp.out TLSA 3 1 1 {digest}\n\
         bareout CNAME mx.plain.\nloop CNAME loop2\nloop2 CNAME loop\n"
    );
    vec![
        ("nsec.", Signing::Nsec, usual(&special)),
        ("nsec3.", Signing::Nsec3, usual(&special)),
        ("rounds.", Signing::Nsec3Rounds, usual("")),
        ("plain.", Signing::Unsigned, usual("half MX 10 mx.nsec.\n")),
        ("expired.", Signing::Expired, usual("")),
        ("bogus.", Signing::Forged, usual("")),
        ("wrongds.", Signing::WrongDs, usual("")),
    ]
}

/// What a look-up gives: its code, and the TLSA base domain.
type Want = (&'static str, &'static str, Option<&'static str>);

const SECURE: &str = "dane.lookup.secure";
const DENIAL: &str = "dane.lookup.secure-denial";
const INSECURE: &str = "dane.lookup.insecure";
const FAILED: &str = "dane.lookup.server-failure";
const TOO_MANY: &str = "dane.lookup.too-many-aliases";

/// Of each host, with unbound's word.
const HOSTS: &[Want] = &[
    ("mx.nsec", SECURE, Some("mx.nsec")),
    ("none.nsec", DENIAL, None),
    ("wild.nsec", SECURE, Some("wild.nsec")),
    ("aliased.nsec", SECURE, Some("aliased.nsec")),
    ("aliasout.nsec", INSECURE, None),
    ("alias.nsec", SECURE, Some("mx.nsec")),
    ("out.nsec", SECURE, Some("out.nsec")),
    ("bareout.nsec", DENIAL, None),
    ("loop.nsec", TOO_MANY, None),
    ("mx.nsec3", SECURE, Some("mx.nsec3")),
    ("none.nsec3", DENIAL, None),
    ("wild.nsec3", SECURE, Some("wild.nsec3")),
    ("aliased.nsec3", SECURE, Some("aliased.nsec3")),
    ("alias.nsec3", SECURE, Some("mx.nsec3")),
    ("out.nsec3", SECURE, Some("out.nsec3")),
    ("mx.rounds", SECURE, Some("mx.rounds")),
    ("mx.plain", INSECURE, None),
    ("none.plain", INSECURE, None),
    ("mx.expired", FAILED, None),
    ("mx.bogus", FAILED, None),
    ("none.bogus", DENIAL, None),
    ("mx.wrongds", FAILED, None),
];

async fn walk<R: Resolver>(resolver: &R, walk: Walk) -> Walked {
    let deadline = Instant::now() + Duration::from_secs(20);
    walk.run(resolver, SystemTime::now(), deadline).await
}

async fn host<R: Resolver>(resolver: &R, host: &str) -> HostLookup {
    let mut walked = walk(resolver, Walk::host(name(host), 25)).await;
    walked.hosts.remove(0)
}

fn found(found: &HostLookup) -> (&'static str, Option<String>) {
    let base = found.base.as_ref().map(ToString::to_string);
    (found.lookup.code(), base)
}

#[tokio::test]
#[ignore = "interop: needs bind9, unbound"]
async fn interop_dnssec_each_zone_gives_its_lookup() {
    let world = World::start(&zones());
    let stub = AdStub::new(world.resolver).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    assert_eq!(
        stub.is_validating(deadline).await,
        Ok(true),
        "{}",
        world.log()
    );
    for (of, code, base) in HOSTS {
        let got = host(&stub, of).await;
        let want = (*code, base.map(str::to_owned));
        assert_eq!(found(&got), want, "{of}: {:#?}\n{}", got.steps, world.log());
    }
    // The addresses of an unsigned zone are known, and its records were not asked for.
    let plain = host(&stub, "mx.plain").await;
    assert!(
        plain
            .steps
            .iter()
            .all(|s| s.query.record_type != RecordType::Tlsa)
    );
    assert_eq!(plain.addresses.len(), 1);

    // Domains: MX records, and whose word they are.
    let signed = walk(&stub, Walk::mail(name("d.nsec"))).await;
    assert_eq!(signed.mx_security, Security::Secure);
    assert_eq!(signed.hosts[0].lookup.code(), SECURE);
    let half = || Walk::mail(name("half.plain"));
    let stopped = walk(&stub, half()).await;
    assert_eq!(stopped.mx_security, Security::Insecure);
    assert_eq!(stopped.hosts[0].lookup, Lookup::Insecure);
    let asked = walk(&stub, half().with_insecure_mx(InsecureMx::Ask)).await;
    assert_eq!(asked.mx_security, Security::Insecure);
    assert_eq!(asked.hosts[0].lookup.code(), SECURE);
    let expired = walk(&stub, Walk::mail(name("d.expired"))).await;
    let why = LookupFailure::Dns(Failure::ServerFailure);
    assert_eq!(expired.route, dane_tlsa::Route::Failed(why));
    let gone = walk(&stub, Walk::mail(name("gone.nsec3"))).await;
    assert_eq!(gone.route, dane_tlsa::Route::NoSuchDomain);
    assert_eq!(gone.mx_security, Security::Secure);
}

#[tokio::test]
#[ignore = "interop: needs bind9, unbound"]
async fn interop_dnssec_a_server_that_does_not_validate_is_found_out() {
    let world = World::start(&zones());
    // BIND itself is on loopback too, and answers for its zones: it asks nobody.
    let stub = AdStub::new(world.authority).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    assert_eq!(stub.is_validating(deadline).await, Err(Failure::Refused));
    let lookup = host(&stub, "mx.plain").await.lookup;
    assert_eq!(lookup, Lookup::Failed(LookupFailure::Dns(Failure::Refused)));
}

async fn tlsa<R: Resolver>(resolver: &R, host: &str) -> Answer {
    let query = Query::new(name(&format!("_25._tcp.{host}")), RecordType::Tlsa);
    let deadline = Instant::now() + Duration::from_secs(20);
    resolver.resolve(&query, SystemTime::now(), deadline).await
}

/// The short form of an answer.
fn kind(answer: &Answer) -> String {
    let outcome = match answer.outcome() {
        Outcome::Records(_) => "records",
        Outcome::NoData => "no data",
        Outcome::NxDomain => "nxdomain",
        Outcome::Failure(why) => return why.to_string(),
    };
    format!("{outcome}, {:?}", answer.security())
}

/// What hickory 0.26.3 makes of the same zones, asked through unbound and at BIND itself. Where it is
/// not what unbound says, the last word says so: when one of these changes, the decision record
/// (docs/decisions/0011) is to be read again.
const IN_PROCESS: &[(&str, &str, &str, bool)] = &[
    ("mx.nsec", "records, Secure", "records, Secure", true),
    ("none.nsec", "nxdomain, Secure", "nxdomain, Secure", true),
    ("wild.nsec", "server failure", "server failure", false),
    ("aliased.nsec", "server failure", "records, Secure", false),
    ("mx.nsec3", "records, Secure", "records, Secure", true),
    ("none.nsec3", "nxdomain, Secure", "nxdomain, Secure", true),
    ("wild.nsec3", "records, Secure", "records, Secure", true),
    ("aliased.nsec3", "server failure", "records, Secure", false),
    ("mx.rounds", "records, Secure", "records, Secure", true),
    (
        "none.rounds",
        "nxdomain, Insecure",
        "nxdomain, Insecure",
        false,
    ),
    ("mx.plain", "records, Insecure", "records, Insecure", true),
    (
        "none.plain",
        "nxdomain, Insecure",
        "nxdomain, Insecure",
        true,
    ),
    ("mx.expired", "server failure", "server failure", true),
    ("mx.bogus", "server failure", "server failure", true),
    ("mx.wrongds", "server failure", "server failure", true),
];

#[tokio::test]
#[ignore = "interop: needs bind9, unbound"]
async fn interop_dnssec_validation_in_process_and_its_false_alarms() {
    let world = World::start(&zones());
    let anchors = Anchors::parse(&world.anchor).unwrap();
    let stub = AdStub::new(world.resolver).unwrap();
    let at = |address| HickoryValidating::with_servers(&[address], anchors.clone()).unwrap();
    let (through, direct) = (at(world.resolver), at(world.authority));
    let (mut seen, mut wanted) = (Vec::new(), Vec::new());
    for (host, want_through, want_direct, agrees) in IN_PROCESS {
        let got = [
            kind(&tlsa(&through, host).await),
            kind(&tlsa(&direct, host).await),
        ];
        let theirs = kind(&tlsa(&stub, host).await);
        let same = got.iter().all(|got| *got == theirs);
        seen.push((*host, got[0].clone(), got[1].clone(), same));
        wanted.push((
            *host,
            want_through.to_string(),
            want_direct.to_string(),
            *agrees,
        ));
        // A false alarm is no downgrade: nothing is secure, and nothing gone, that is not so.
        for got in &got {
            let weaker = got == "server failure" || got.ends_with("Insecure");
            assert!(
                *got == theirs || weaker,
                "{host}: {got}, but unbound: {theirs}"
            );
        }
    }
    assert_eq!(seen, wanted);
}

/// The hosts of [`HOSTS`] that a look-up with hickory 0.26.3 finds something else of, asked at BIND
/// itself and through unbound: in each case that mail has to wait.
const WAITING: [&[&str]; 2] = [
    &["wild.nsec"],
    &["wild.nsec", "aliased.nsec", "aliased.nsec3"],
];

#[tokio::test]
#[ignore = "interop: needs bind9, unbound"]
async fn interop_dnssec_look_ups_in_process_are_the_same_or_wait() {
    let world = World::start(&zones());
    let anchors = Anchors::parse(&world.anchor).unwrap();
    for (server, waiting) in [world.authority, world.resolver].into_iter().zip(WAITING) {
        let hickory = HickoryValidating::with_servers(&[server], anchors.clone()).unwrap();
        let mut other = Vec::new();
        for (of, code, base) in HOSTS {
            let got = host(&hickory, of).await;
            if found(&got) == (*code, base.map(str::to_owned)) {
                continue;
            }
            // One failure is as good as another.
            let failed = matches!(got.lookup, Lookup::Failed(_));
            if failed && [FAILED, TOO_MANY].contains(code) {
                continue;
            }
            other.push((*of, got.lookup.code()));
        }
        let wanted: Vec<_> = waiting.iter().map(|host| (*host, FAILED)).collect();
        assert_eq!(other, wanted, "{server}");
    }
}

#[tokio::test]
#[ignore = "interop: needs bind9, unbound"]
async fn interop_dnssec_denials_are_kept_by_our_cache() {
    let world = World::start(&zones());
    let anchors = Anchors::parse(&world.anchor).unwrap();
    let hickory = HickoryValidating::with_servers(&[world.authority], anchors).unwrap();
    let cached = Cached::new(hickory);
    let first = tlsa(&cached, "none.nsec").await;
    assert_eq!(kind(&first), "nxdomain, Secure");
    assert!(first.ttl() > Duration::ZERO);
    drop(world);
    // Nobody is there to be asked any more.
    assert_eq!(kind(&tlsa(&cached, "none.nsec").await), "nxdomain, Secure");
    assert_eq!(cached.cache().len(), 1);
    let other = Query::new(name("_25._tcp.none.nsec3"), RecordType::Tlsa);
    let answer = cached
        .resolve(&other, SystemTime::now(), Instant::now())
        .await;
    assert!(matches!(answer.outcome(), Outcome::Failure(_)));
}

#[tokio::test]
#[ignore = "interop: needs bind9, unbound"]
async fn interop_dnssec_without_the_right_anchor_nothing_is_secure() {
    let world = World::start(&zones());
    // The keys of the real root are not those of this one.
    let hickory = HickoryValidating::with_servers(&[world.authority], Anchors::root()).unwrap();
    for host in ["mx.nsec", "none.nsec", "mx.nsec3", "mx.plain"] {
        let answer = tlsa(&hickory, host).await;
        assert!(
            matches!(answer.outcome(), Outcome::Failure(_)),
            "{host}: {answer:?}"
        );
    }
}
