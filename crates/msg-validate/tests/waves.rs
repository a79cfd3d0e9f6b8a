//! How often the DNS must be asked: round trips are what a verdict costs.
#![allow(missing_docs, clippy::unwrap_used)]

use mail_dns::{Answer, Failure, Query, Resolver, Zone};
use msg_validate::{
    Context, Evaluation, Grade, Limits, Validator,
    dkim::{Signer, SigningKey},
};
use std::{
    sync::Mutex,
    time::{Duration, Instant, SystemTime},
};

/// The sample of docs: three signatures, SPF with five includes, a walk up the tree.
fn sample() -> (String, Zone, Context) {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let mut message =
        "From: a@news.example.org\r\nTo: b@example.net\r\nSubject: s\r\n\r\nHi\r\n".to_owned();
    let mut zone = Zone::new()
        .txt("_dmarc.example.org", "v=DMARC1; p=reject")
        .unwrap()
        .txt("bounce.example.org", "v=spf1 include:i1.example include:i2.example include:i3.example include:i4.example include:i5.example -all")
        .unwrap()
        .txt("mx.example.org", "v=spf1 ip4:192.0.2.1 -all")
        .unwrap();
    for i in 1..=5 {
        let record = format!("v=spf1 ip4:192.0.2.{} -all", 6 - i);
        zone = zone.txt(&format!("i{i}.example"), &record).unwrap();
    }
    for (domain, selector) in [
        ("example.org", "s1"),
        ("news.example.org", "s2"),
        ("esp.example", "s3"),
    ] {
        let key = SigningKey::generate_ed25519().unwrap();
        let name = format!("{selector}._domainkey.{domain}");
        zone = zone.txt(&name, &key.record().to_string()).unwrap();
        let signer = Signer::new(domain, selector, key).unwrap();
        message.insert_str(
            0,
            &signer.sign(message.as_bytes(), now).unwrap().to_string(),
        );
    }
    let context = Context::smtp(
        [192, 0, 2, 1].into(),
        "mx.example.org",
        "b@bounce.example.org",
        now,
    );
    (message, zone, context)
}

/// The questions of each round trip, where so many travel in one.
fn round_trips(at_once: usize) -> Vec<Vec<Query>> {
    let (message, zone, context) = sample();
    let mut evaluation = Evaluation::new(message.as_bytes(), &context, Limits::default());
    let mut trips = Vec::new();
    while !evaluation.need().is_empty() {
        let trip: Vec<Query> = evaluation.need().iter().take(at_once).cloned().collect();
        for query in &trip {
            evaluation.answer(query, zone.answer(query), context.now());
        }
        trips.push(trip);
    }
    let verdict = evaluation.finish().unwrap();
    assert_eq!(verdict.grade(), Grade::Verified, "{}", verdict.summary());
    trips
}

#[test]
fn four_waves_are_enough() {
    let waves = round_trips(usize::MAX);
    assert!(waves.len() <= 4, "{waves:?}");
    // Mutation: one question after the other takes a round trip for each.
    assert!(round_trips(1).len() >= 15);
    // No question is asked twice.
    let mut all: Vec<_> = waves.concat();
    let asked = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), asked);
    assert!(asked >= 15, "{asked}");
}

/// Answers late: how many questions were open at the same time?
struct Slow<'z> {
    zone: &'z Zone,
    open: Mutex<(usize, usize)>,
}

impl Resolver for Slow<'_> {
    async fn resolve(&self, query: &Query, _now: SystemTime, _deadline: Instant) -> Answer {
        {
            let mut open = self.open.lock().unwrap();
            open.0 += 1;
            open.1 = open.1.max(open.0);
        }
        // Once around the executor, so that the others get their turn.
        let mut waited = false;
        std::future::poll_fn(|context| {
            if std::mem::replace(&mut waited, true) {
                return std::task::Poll::Ready(());
            }
            context.waker().wake_by_ref();
            std::task::Poll::Pending
        })
        .await;
        self.open.lock().unwrap().0 -= 1;
        self.zone.answer(query)
    }
}

/// Every question is asked as of the message's time, and with the caller's deadline.
#[test]
#[allow(clippy::disallowed_methods)] // nothing waits for this deadline
fn the_resolver_is_told_as_of_when_and_until_when() {
    struct Asked(Mutex<Vec<(SystemTime, Instant)>>);
    impl Resolver for Asked {
        async fn resolve(&self, _: &Query, now: SystemTime, deadline: Instant) -> Answer {
            self.0.lock().unwrap().push((now, deadline));
            Answer::failure(Failure::Timeout)
        }
    }
    let (message, _, context) = sample();
    let validator = Validator::new(Asked(Mutex::default()));
    let deadline = Instant::now() + Duration::from_secs(7);
    let verdict = validator.validate(message.as_bytes(), &context, deadline);
    let verdict = pollster::block_on(verdict);
    assert_eq!(verdict.grade(), Grade::Unverifiable);
    let asked = validator.resolver().0.lock().unwrap();
    assert!(asked.len() > 5);
    assert!(asked.iter().all(|one| *one == (context.now(), deadline)));
}

fn needs_send<T: Send>(value: T) -> T {
    value
}

#[test]
#[allow(clippy::disallowed_methods)] // the deadline is passed on, and nobody looks at it
fn a_wave_is_asked_at_once() {
    let (message, zone, context) = sample();
    let open = Mutex::default();
    let validator = Validator::new(Slow { zone: &zone, open });
    let verdict = validator.validate(message.as_bytes(), &context, Instant::now());
    let verdict = pollster::block_on(needs_send(verdict));
    assert_eq!(verdict.grade(), Grade::Verified, "{}", verdict.summary());
    let (left, most) = *validator.resolver().open.lock().unwrap();
    assert_eq!(left, 0);
    assert!(most >= 8, "{most}");
}
