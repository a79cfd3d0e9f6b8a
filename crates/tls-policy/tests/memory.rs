//! The memory: what binds, how long, and what cannot undo it. Each rule on both sides of its
//! border.
#![allow(missing_docs, clippy::unwrap_used)]

use proptest::prelude::*;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tls_policy::{
    BINDING_AFTER, DaneFact, Entry, FORGOTTEN_AFTER, Facts, Floor, Memory, MemoryFact, MxFact,
    Noted, Proof, Reason, StsFact, decide,
};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
const A: &str = "example.org";

fn start() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn bound(proof: Proof) -> (Memory, SystemTime) {
    let mut memory = Memory::new(2);
    memory.proved(A, proof, start());
    let now = start() + BINDING_AFTER;
    memory.proved(A, proof, now);
    (memory, now)
}

#[test]
fn two_proofs_48_hours_apart_bind_and_nothing_less() {
    let second = Duration::from_secs(1);
    for (proof, level) in [
        (Proof::Dane, MemoryFact::Verified),
        (Proof::Sts, MemoryFact::Verified),
        (Proof::UnusableTlsa, MemoryFact::Encrypted),
    ] {
        let mut memory = Memory::new(1);
        for hours in 0..48 {
            memory.proved(A, proof, start() + hours * HOUR);
        }
        memory.proved(A, proof, start() + BINDING_AFTER - second);
        assert_eq!(memory.fact(A, start() + BINDING_AFTER), MemoryFact::Nothing);
        memory.proved(A, proof, start() + BINDING_AFTER);
        assert_eq!(memory.fact("EXAMPLE.org.", start() + BINDING_AFTER), level);
    }
}

#[test]
fn dane_and_mta_sts_are_one_level_and_an_unusable_record_is_another() {
    let fact = |first, second| {
        let mut memory = Memory::new(1);
        memory.proved(A, first, start());
        memory.proved(A, second, start() + 3 * DAY);
        memory.fact(A, start() + 3 * DAY)
    };
    assert_eq!(fact(Proof::Dane, Proof::Sts), MemoryFact::Verified);
    assert_eq!(fact(Proof::Sts, Proof::Dane), MemoryFact::Verified);
    assert_eq!(
        fact(Proof::UnusableTlsa, Proof::Dane),
        MemoryFact::Encrypted
    );
    assert_eq!(fact(Proof::Sts, Proof::UnusableTlsa), MemoryFact::Encrypted);
}

#[test]
fn sixty_days_count_from_the_last_attempt() {
    let (mut memory, now) = bound(Proof::Dane);
    let second = Duration::from_secs(1);
    assert_eq!(
        memory.fact(A, now + FORGOTTEN_AFTER - second),
        MemoryFact::Verified
    );
    assert_eq!(memory.fact(A, now + FORGOTTEN_AFTER), MemoryFact::Nothing);
    // Whoever blocks the mail for a year does not make us forget: each attempt counts.
    let mut later = now;
    for _ in 0..7 {
        later += FORGOTTEN_AFTER - second;
        memory.attempted(A, later);
    }
    assert_eq!(memory.fact(A, later + DAY), MemoryFact::Verified);
    // What is forgotten is not revived by an attempt, nor by one proof.
    let forgotten = later + FORGOTTEN_AFTER;
    memory.attempted(A, forgotten);
    assert_eq!(memory.fact(A, forgotten), MemoryFact::Nothing);
    memory.proved(A, Proof::Dane, forgotten);
    assert_eq!(memory.fact(A, forgotten), MemoryFact::Nothing);
    assert_eq!(
        (memory.sweep(forgotten + FORGOTTEN_AFTER), memory.len()),
        (1, 0)
    );
}

#[test]
fn a_full_memory_takes_nobody_and_drops_nobody() {
    let (mut memory, now) = bound(Proof::Dane);
    assert_eq!(memory.proved("b.example", Proof::Dane, now), Noted::Yes);
    for at in 0..1000 {
        let flood = format!("{at}.attacker.example");
        assert_eq!(memory.proved(&flood, Proof::Dane, now), Noted::Full);
    }
    assert_eq!(
        (memory.len(), memory.fact(A, now)),
        (2, MemoryFact::Verified)
    );
    assert_eq!(memory.proved(A, Proof::Dane, now + DAY), Noted::Yes);
}

#[test]
fn only_mode_none_ends_what_mta_sts_proved_and_nothing_else() {
    let (mut memory, now) = bound(Proof::Sts);
    memory.sts_withdrawn(A);
    assert_eq!(
        (memory.fact(A, now), memory.len()),
        (MemoryFact::Nothing, 0)
    );
    let (mut memory, now) = bound(Proof::Dane);
    memory.proved(A, Proof::Sts, now);
    memory.sts_withdrawn(A);
    assert_eq!(memory.fact(A, now), MemoryFact::Verified);
    // One proof of each: without MTA-STS, DANE has proved it once.
    let mut memory = Memory::new(1);
    memory.proved(A, Proof::Dane, start());
    memory.proved(A, Proof::Sts, now);
    memory.sts_withdrawn(A);
    assert_eq!(memory.fact(A, now), MemoryFact::Nothing);
}

#[test]
fn a_drop_waits_until_it_is_accepted() {
    let (mut memory, now) = bound(Proof::Dane);
    let decision = |memory: &Memory, now| {
        let facts = Facts::new(A, "mx.example.org", MxFact::Insecure)
            .dane(DaneFact::Insecure)
            .sts(StsFact::None)
            .memory(memory.fact(A, now));
        let decision = decide(&facts, Floor::Opportunistic);
        (decision.reason(), decision.alarms())
    };
    for day in 0..365 {
        let later = now + day * DAY;
        memory.attempted(A, later);
        assert_eq!(
            decision(&memory, later),
            (Reason::MemoryDrop, true),
            "day {day}"
        );
    }
    assert!(memory.accept("Example.ORG").is_some());
    let later = now + 365 * DAY;
    assert_eq!(decision(&memory, later), (Reason::NothingAsked, false));
}

#[test]
fn a_clock_that_was_wrong_proves_no_time() {
    let (mut memory, year) = (Memory::new(1), 365 * DAY);
    memory.proved(A, Proof::Dane, start() + year);
    memory.proved(A, Proof::Sts, start());
    assert_eq!(memory.fact(A, start() + HOUR), MemoryFact::Nothing);
    memory.proved(A, Proof::Dane, start() + HOUR);
    assert_eq!(memory.fact(A, start() + HOUR), MemoryFact::Nothing);
    memory.proved(A, Proof::Dane, start() + 3 * DAY);
    assert_eq!(memory.fact(A, start() + 3 * DAY), MemoryFact::Verified);
    // What binds is not undone by it.
    memory.proved(A, Proof::Dane, start());
    assert_eq!(memory.fact(A, start() + 3 * DAY), MemoryFact::Verified);
}

#[test]
fn what_is_no_name_is_not_noted() {
    let mut memory = Memory::new(1);
    for name in ["", ".", &"a".repeat(254)] {
        assert_eq!(memory.proved(name, Proof::Dane, start()), Noted::NoName);
    }
    assert!(memory.is_empty());
}

#[test]
fn an_entry_is_read_back_and_another_is_refused() {
    let (memory, now) = bound(Proof::Sts);
    let (domain, entry) = memory.entries().next().unwrap();
    let bytes = entry.to_bytes();
    assert_eq!(Entry::from_bytes(&bytes).as_ref(), Some(entry));
    let mut other = Memory::new(1);
    assert_eq!(other.restore(domain, *entry), Noted::Yes);
    assert_eq!(other.fact(A, now), MemoryFact::Verified);
    assert_eq!(other.restore("b.example", *entry), Noted::Full);
    assert_eq!(other.restore("", *entry), Noted::NoName);
    let mut broken = vec![
        bytes[..56].to_vec(),
        [&bytes[..], &[0]].concat(),
        Vec::new(),
    ];
    let mut with = |at: usize, octet: u8| {
        let mut bytes = bytes;
        bytes[at] = octet;
        broken.push(bytes.to_vec());
    };
    // The format; a first proof after the last; half a span; an attempt beyond all time.
    with(0, 2);
    with(17, 0x7F);
    with(1, 0);
    with(49, 0xFF);
    for bytes in broken {
        assert_eq!(Entry::from_bytes(&bytes), None, "{bytes:?}");
    }
}

#[derive(Clone, Debug)]
enum Event {
    Proved(Proof),
    Attempted,
    Failed,
}

proptest! {
    /// Whatever is proved, and however often it fails: once a level binds, and mail is tried at least
    /// every sixty days, it binds for ever.
    #[test]
    fn a_level_never_sinks_by_itself(
        events in prop::collection::vec(
            (
                prop_oneof![
                    prop::sample::select(vec![Proof::Dane, Proof::Sts, Proof::UnusableTlsa])
                        .prop_map(Event::Proved),
                    Just(Event::Attempted),
                    Just(Event::Failed),
                ],
                0_u32..59 * 24,
            ),
            1..60,
        )
    ) {
        let (mut memory, mut now) = bound(Proof::UnusableTlsa);
        let mut before = MemoryFact::Encrypted;
        for (event, hours) in events {
            now += hours * HOUR;
            match event {
                Event::Proved(proof) => _ = memory.proved(A, proof, now),
                Event::Attempted | Event::Failed => memory.attempted(A, now),
            }
            let fact = memory.fact(A, now);
            prop_assert!(fact == before || fact == MemoryFact::Verified, "{before:?} to {fact:?}");
            before = fact;
        }
    }

    #[test]
    fn octets_that_are_read_are_those_that_were_written(
        spans in prop::array::uniform3(prop::option::of((any::<u32>(), any::<u32>()))),
        attempted: u32,
    ) {
        let mut bytes = vec![1];
        for span in spans {
            let (first, last) = span.map_or((u64::MAX, u64::MAX), |(a, b)| (a.min(b).into(), a.max(b).into()));
            bytes.extend([first, last].map(u64::to_be_bytes).concat());
        }
        bytes.extend(u64::from(attempted).to_be_bytes());
        let entry = Entry::from_bytes(&bytes).unwrap();
        prop_assert_eq!(entry.to_bytes().to_vec(), bytes);
    }
}
