use super::*;
use crate::{Failure, RecordType, Security, Zone};
use proptest::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};

const START: SystemTime = SystemTime::UNIX_EPOCH;

fn at(seconds: u64) -> SystemTime {
    START + Duration::from_secs(seconds)
}

fn query(host: usize, record_type: RecordType) -> Query {
    Query::new(format!("h{host}.example").parse().unwrap(), record_type)
}

fn text(text: &str, ttl: u64) -> Answer {
    let records = [Record::Txt(Txt::from_text(text))];
    Answer::records(records, Security::Unknown, Duration::from_secs(ttl))
}

fn small(entries: usize) -> Cache {
    Cache::with_limits(CacheLimits {
        entries,
        ..CacheLimits::default()
    })
}

/// Counts the questions that reach a zone.
struct Counted(Zone, AtomicUsize);

impl Resolver for Counted {
    async fn resolve(&self, query: &Query, _: SystemTime, _: Instant) -> Answer {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.answer(query)
    }
}

#[allow(clippy::disallowed_methods)] // nothing waits for this deadline
fn ask<R: Resolver>(resolver: &R, query: &Query, now: SystemTime) -> Answer {
    pollster::block_on(resolver.resolve(query, now, Instant::now()))
}

#[test]
fn an_answer_lives_as_long_as_its_ttl() {
    let cache = Cache::new();
    let q = query(1, RecordType::Txt);
    cache.insert(&q, &text("x", 60), at(100));
    assert_eq!(cache.get(&q, at(100)), Some(text("x", 60)));
    assert_eq!(cache.get(&q, at(159)), Some(text("x", 1)));
    assert_eq!(cache.get(&q, at(160)), None);
}

#[test]
fn a_clock_set_back_forgets() {
    let cache = Cache::new();
    let q = query(1, RecordType::Txt);
    cache.insert(&q, &text("x", 3600), at(10_000));
    assert_eq!(cache.get(&q, at(9_940)), Some(text("x", 3600)));
    assert_eq!(cache.get(&q, at(9_939)), None);
    // Mutation: without the moment at which it was stored, it would live for an hour again.
    cache.lock().entries.get_mut(&q).unwrap().stored = START;
    assert!(cache.get(&q, at(9_939)).is_some());
}

#[test]
fn ttls_are_capped_and_failures_are_not_kept() {
    let cache = Cache::new();
    let year = Duration::from_secs(365 * 24 * 3600);
    let kept = |answer: &Answer| {
        cache.clear();
        cache.insert(&query(1, RecordType::Txt), answer, START);
        cache
            .get(&query(1, RecordType::Txt), START)
            .map(|a| a.ttl().as_secs())
    };
    assert_eq!(kept(&text("x", year.as_secs())), Some(24 * 3600));
    assert_eq!(kept(&Answer::no_data(Security::Unknown, year)), Some(3600));
    assert_eq!(
        kept(&Answer::nx_domain(Security::Unknown, year)),
        Some(3600)
    );
    assert_eq!(kept(&text("x", 0)), None);
    for failure in [Failure::Timeout, Failure::ServerFailure] {
        assert_eq!(kept(&Answer::failure(failure).with_ttl(year)), None);
    }
}

#[test]
fn a_failure_does_not_displace_what_is_known() {
    let cache = Cache::new();
    let q = query(1, RecordType::Txt);
    cache.insert(&q, &text("x", 60), START);
    cache.insert(&q, &Answer::failure(Failure::Timeout), at(1));
    assert_eq!(cache.get(&q, at(1)), Some(text("x", 59)));
}

#[test]
fn what_was_asked_for_stays_and_what_expired_goes() {
    let cache = small(2);
    let [a, b, c] = [1, 2, 3].map(|host| query(host, RecordType::Txt));
    cache.insert(&a, &text("a", 60), START);
    cache.insert(&b, &text("b", 60), START);
    assert!(cache.get(&a, START).is_some());
    cache.insert(&c, &text("c", 60), START);
    let there = |now| [&a, &b, &c].map(|q| cache.get(q, now).is_some());
    assert_eq!(there(START), [true, false, true]);
    // Both are used now; once one of them has expired, it gets no second chance.
    cache.insert(&a, &text("a", 600), START);
    assert!(cache.get(&a, START).is_some());
    cache.insert(&b, &text("b", 600), at(60));
    assert_eq!(there(at(60)), [true, true, false]);
}

#[test]
fn bytes_are_bounded_too() {
    let cache = Cache::with_limits(CacheLimits {
        bytes: 20_000,
        ..CacheLimits::default()
    });
    for host in 0..100 {
        let q = query(host, RecordType::Txt);
        cache.insert(&q, &text(&"x".repeat(1000), 60), START);
        assert!(cache.bytes() <= 20_000 && cache.get(&q, START).is_some());
    }
    assert!(cache.len() > 10 && cache.len() < 20);
    let q = query(1, RecordType::A);
    cache.insert(&q, &text(&"x".repeat(20_000), 60), START);
    assert!(cache.get(&q, START).is_none() && cache.len() > 10);
}

/// A name's SPF record, DKIM key or MTA-STS record are TXT records to the cache, whoever asked:
/// the look-up of one kind of policy leaves what every other needs.
#[test]
fn one_purpose_cannot_decide_another() {
    let zone = Zone::new()
        .txt("h1.example", "v=spf1 -all")
        .and_then(|z| z.txt("h1.example", "some-verification=1"))
        .and_then(|z| z.address("h1.example", [192, 0, 2, 1]))
        .unwrap();
    let resolver = Cached::new(Counted(zone, AtomicUsize::new(0)));
    let asked = || resolver.resolver().1.load(Ordering::Relaxed);
    // Nobody publishes an MX here: that says nothing of the addresses or the texts.
    let mx = ask(&resolver, &query(1, RecordType::Mx), START);
    assert_eq!(mx.outcome(), &Outcome::NoData);
    let a = ask(&resolver, &query(1, RecordType::A), START);
    assert_eq!(a.iter().len(), 1);
    // All the texts are kept, not only the one that the first purpose wanted.
    for _purpose in ["spf", "verification"] {
        let txt = ask(&resolver, &query(1, RecordType::Txt), START);
        assert_eq!(txt.iter().len(), 2);
    }
    assert_eq!((asked(), resolver.cache().len()), (3, 3));
    // Names differ in more than case only.
    let shouted = Query::new("H1.EXAMPLE.".parse().unwrap(), RecordType::Txt);
    ask(&resolver, &shouted, START);
    assert_eq!(asked(), 3);
}

#[test]
fn negative_answers_are_kept_and_failures_are_asked_again() {
    let mut zone = Zone::new();
    zone.fail("h2.example".parse().unwrap(), Failure::ServerFailure);
    let resolver = Cached::new(Counted(zone, AtomicUsize::new(0)));
    for host in [1, 1, 2, 2] {
        ask(&resolver, &query(host, RecordType::Txt), START);
    }
    assert_eq!(resolver.resolver().1.load(Ordering::Relaxed), 3);
}

/// What is done to a cache, in the model test.
#[derive(Clone, Debug)]
enum Op {
    Insert(usize, usize, u64),
    Get(usize),
    Wait(u64),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        (0..12usize, 0..400usize, 0..9u64).prop_map(|(host, len, ttl)| Op::Insert(host, len, ttl)),
        (0..12usize).prop_map(Op::Get),
        (0..4u64).prop_map(Op::Wait),
    ]
}

proptest! {
    /// Against a map without bounds: what the cache says is what the map says, or nothing; with
    /// room for all it is exactly what the map says; and the bounds hold after every step.
    #[test]
    fn agrees_with_a_model(ops in prop::collection::vec(op(), 1..80), room in 1..14usize, kib in 1..9usize) {
        let limits = CacheLimits { entries: room, bytes: kib * 1024, ..CacheLimits::default() };
        let cache = Cache::with_limits(limits.clone());
        let mut model: HashMap<usize, (String, u64)> = HashMap::new();
        let (mut now, mut roomy) = (0, true);
        for op in ops {
            match op {
                Op::Wait(seconds) => now += seconds,
                Op::Insert(host, len, ttl) => {
                    let body = "x".repeat(len) + &now.to_string();
                    let before = cache.len();
                    let known = cache.lock().entries.contains_key(&query(host, RecordType::Txt));
                    cache.insert(&query(host, RecordType::Txt), &text(&body, ttl), at(now));
                    if ttl > 0 {
                        model.insert(host, (body, now + ttl));
                        roomy &= cache.len() == before + usize::from(!known);
                    }
                }
                Op::Get(host) => {
                    let got = cache.get(&query(host, RecordType::Txt), at(now));
                    let want = model.get(&host).filter(|(_, end)| now < *end).map(|(body, end)| text(body, end - now));
                    if roomy || got.is_some() {
                        prop_assert_eq!(got, want);
                    }
                }
            }
            let state = cache.lock();
            prop_assert!(state.entries.len() <= limits.entries && state.bytes <= limits.bytes);
            prop_assert_eq!(state.entries.len(), state.queue.len());
            prop_assert_eq!(state.bytes, state.entries.values().map(|e| e.bytes).sum::<usize>());
        }
    }
}
