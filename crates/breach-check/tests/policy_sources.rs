//! What the policy makes of a source of breached passwords: thresholds, tweaks, questions, failures.
#![allow(missing_docs, clippy::unwrap_used)]

use std::cell::RefCell;
use std::collections::HashMap;
use std::convert::Infallible;

use breach_check::policy::{Candidate, Context, Policy, Reason, Verdict, tweaks};
use breach_check::{CountClass, HashKind, PasswordHash, Sighting, Unknown};

fn class(number: u8) -> CountClass {
    CountClass::new(number).unwrap()
}

/// A source that has seen these.
fn seen<'a>(
    known: &'a [(&'a str, u8)],
) -> impl Fn(PasswordHash) -> Result<Sighting, Infallible> + 'a {
    let known: HashMap<Vec<u8>, u8> = known
        .iter()
        .map(|(text, class)| (PasswordHash::sha1(text).octets().to_vec(), *class))
        .collect();
    move |hash| {
        Ok(known
            .get(hash.octets())
            .map_or(Sighting::NotSeen, |number| Sighting::Seen(class(*number))))
    }
}

#[test]
fn the_most_common_are_refused_whatever_the_threshold() {
    let policy = Policy::single_factor().breached(CountClass::MAX);
    let chosen = Candidate::new("wrist orbit mango velvet");
    for number in 0..=15 {
        let known = [("wrist orbit mango velvet", number)];
        let verdict = policy
            .check(&chosen, &Context::new(), seen(&known))
            .unwrap();
        let expected = match number {
            0..=9 => Verdict::Accepted,
            _ => Verdict::Refused(vec![Reason::MostCommon(class(number))]),
        };
        assert_eq!(verdict, expected, "{number}");
    }
}

#[test]
fn breached_ones_are_refused_from_the_threshold_on() {
    let chosen = Candidate::new("wrist orbit mango velvet");
    for threshold in 0..10 {
        let policy = Policy::single_factor().breached(class(threshold));
        for number in 0..10 {
            let known = [("wrist orbit mango velvet", number)];
            let verdict = policy
                .check(&chosen, &Context::new(), seen(&known))
                .unwrap();
            let expected = match number >= threshold {
                true => Verdict::Refused(vec![Reason::Breached(class(number))]),
                false => Verdict::Accepted,
            };
            assert_eq!(verdict, expected, "{number} of {threshold}");
        }
    }
    // Once is enough by default, and NTLM is asked where the source has that.
    let known = [("wrist orbit mango velvet", 0)];
    assert!(
        !Policy::single_factor()
            .check(&chosen, &Context::new(), seen(&known))
            .unwrap()
            .is_accepted()
    );
    let ntlm = Policy::single_factor().hashes(HashKind::Ntlm);
    assert_eq!(ntlm.questions(&chosen).next(), chosen.hash(HashKind::Ntlm));
}

#[test]
fn fifty_usual_changes_are_found_if_turned_on() {
    let known = [("Kaffeetasse2026", 8), ("gartenzwerg blau", 6)];
    let context = Context::new();
    let (off, on) = (
        Policy::single_factor(),
        Policy::single_factor().tweaked(class(7)),
    );
    for typed in [
        "Kaffeetasse2027",
        "kaffeetasse2026",
        "K@ffeetasse2026",
        "Kaffeetasse2026!!",
        "6202essateeffaK",
        "Kaffee-tasse-2026",
    ] {
        let candidate = Candidate::new(typed);
        let verdict = on.check(&candidate, &context, seen(&known)).unwrap();
        assert_eq!(
            verdict,
            Verdict::Refused(vec![Reason::Tweaked(class(8))]),
            "{typed}"
        );
        assert_eq!(
            off.check(&candidate, &context, seen(&known)).unwrap(),
            Verdict::Accepted,
            "{typed}"
        );
    }
    // Seen less often than the threshold, or changed more than people do.
    for typed in ["gartenzwerg-blau", "Kaffeekanne 2027"] {
        let verdict = on
            .check(&Candidate::new(typed), &context, seen(&known))
            .unwrap();
        assert_eq!(verdict, Verdict::Accepted, "{typed}");
    }
    let candidate = Candidate::new("Kaffeetasse2027");
    assert_eq!(
        on.questions(&candidate).count(),
        1 + tweaks(&candidate).count()
    );
    assert!(tweaks(&candidate).count() <= 50);
}

#[test]
fn each_question_is_asked_once_and_no_more_than_are_needed() {
    let policy = Policy::single_factor().tweaked(class(0));
    let candidate = Candidate::new("Kaffeetasse2027");
    let questions: Vec<PasswordHash> = policy.questions(&candidate).collect();
    let distinct: std::collections::HashSet<_> = questions
        .iter()
        .map(|hash| hash.octets().to_vec())
        .collect();
    assert_eq!(distinct.len(), questions.len());

    let asked = RefCell::new(Vec::new());
    let ask = |hash: PasswordHash| {
        asked.borrow_mut().push(hash);
        Ok::<_, Infallible>(Sighting::NotSeen)
    };
    assert!(
        policy
            .check(&candidate, &Context::new(), ask)
            .unwrap()
            .is_accepted()
    );
    assert!(asked.take() == questions);
    let ask_async = |hash| std::future::ready(ask(hash));
    let verdict = pollster::block_on(policy.check_async(&candidate, &Context::new(), ask_async));
    assert!(verdict.unwrap().is_accepted());
    assert!(asked.take() == questions);

    // What is refused anyway is asked for itself, so that its owner learns whether it was seen, and nothing else.
    let short = Candidate::new("Kaffeetasse");
    assert!(
        !policy
            .check(&short, &Context::new(), ask)
            .unwrap()
            .is_accepted()
    );
    assert_eq!(asked.take(), [short.hash(HashKind::Sha1).unwrap()]);
}

#[test]
fn a_source_that_fails_accepts_nothing() {
    let policy = Policy::single_factor().tweaked(class(0));
    let candidate = Candidate::new("wrist orbit mango velvet");
    let fails = |_| Err("down");
    assert_eq!(
        policy.check(&candidate, &Context::new(), fails),
        Err("down")
    );
    let verdict = pollster::block_on(policy.check_async(&candidate, &Context::new(), |_| {
        std::future::ready(Err("down"))
    }));
    assert_eq!(verdict, Err("down"));
    // What is refused is refused without it.
    let refused = Ok(Verdict::Refused(vec![Reason::Short { minimum: 15 }]));
    assert_eq!(
        policy.check(&Candidate::new("wrist orbit"), &Context::new(), fails),
        refused
    );
    for unknown in [Unknown::Gap, Unknown::NoAnswer] {
        let undecided = policy.check(&candidate, &Context::new(), |_| {
            Ok::<_, Infallible>(Sighting::Unknown(unknown))
        });
        assert_eq!(undecided.unwrap(), Verdict::Undecided(unknown));
    }
    // Fewer answers than questions, or more.
    let questions = policy.questions(&candidate).count();
    let judge = |answers: usize| {
        policy.judge(
            &candidate,
            &Context::new(),
            &vec![Sighting::NotSeen; answers],
        )
    };
    for answers in [0, 1, questions - 1, questions + 1] {
        assert_eq!(judge(answers), Verdict::Undecided(Unknown::NoAnswer));
    }
    assert_eq!(judge(questions), Verdict::Accepted);
}

#[test]
fn a_check_may_be_spawned() {
    fn require_send<T: Send>(it: T) -> T {
        it
    }
    let (policy, candidate, context) = (
        Policy::single_factor().tweaked(class(0)),
        Candidate::new("wrist orbit mango velvet"),
        Context::new(),
    );
    let check = policy.check_async(&candidate, &context, |_| async {
        Ok::<_, Infallible>(Sighting::NotSeen)
    });
    assert!(
        pollster::block_on(require_send(check))
            .unwrap()
            .is_accepted()
    );
}
