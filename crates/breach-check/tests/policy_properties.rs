//! What holds for every password: each property is shown to find the mutation that breaks it.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::HashMap;
use std::convert::Infallible;

use breach_check::policy::{Candidate, Context, Form, Language, Policy, Verdict, tweaks};
use breach_check::{CountClass, HashKind, PasswordHash, Sighting, Unknown};
use proptest::prelude::*;
use proptest::test_runner::{TestError, TestRunner};
use unicode_normalization::UnicodeNormalization as _;

type Judge = fn(&Policy, &Candidate, &Context, &[Sighting]) -> Verdict;

fn real(
    policy: &Policy,
    candidate: &Candidate,
    context: &Context,
    sightings: &[Sighting],
) -> Verdict {
    policy.judge(candidate, context, sightings)
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let class = || (0..16_u8).prop_map(|number| CountClass::new(number).unwrap());
    (any::<bool>(), class(), proptest::option::of(class())).prop_map(
        |(alone, breached, tweaked)| {
            let policy = match alone {
                true => Policy::single_factor(),
                false => Policy::with_second_factor(),
            };
            let policy = policy.breached(breached);
            match tweaked {
                Some(class) => policy.tweaked(class),
                None => policy,
            }
        },
    )
}

/// What people type, and what nobody does.
fn any_password() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z]{4,9}[ .-]?[A-Z][a-z]{3,9}[0-9!]{0,5}",
        1 => "[ -~]{0,40}",
        1 => any::<String>(),
        1 => "[\\u{fb00}-\\u{fb06}\\u{ff01}-\\u{ff5e}\\u{2460}-\\u{2468}a-zä-ü\\u{300}-\\u{30c}\\u{ac00}-\\u{ac80}]{6,24}",
    ]
}

fn any_sighting() -> impl Strategy<Value = Sighting> {
    prop_oneof![
        6 => Just(Sighting::NotSeen),
        2 => (0..16_u8).prop_map(|number| Sighting::Seen(CountClass::new(number).unwrap())),
        1 => Just(Sighting::Unknown(Unknown::Gap)),
        1 => Just(Sighting::Unknown(Unknown::NoAnswer)),
    ]
}

/// Runs the property; whether it held.
fn holds<S: Strategy>(
    strategy: S,
    property: impl Fn(S::Value) -> Result<(), TestCaseError>,
) -> bool {
    let config = ProptestConfig {
        cases: 400,
        failure_persistence: None,
        max_shrink_iters: 0,
        ..ProptestConfig::default()
    };
    match TestRunner::new_with_rng(config, rng()).run(&strategy, property) {
        Ok(()) => true,
        Err(TestError::Fail(why, _)) => {
            println!("{why}");
            false
        }
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}

/// The same cases each time, so that a mutation is found each time.
fn rng() -> proptest::test_runner::TestRng {
    proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha)
}

/// More entries and higher counts never turn "refused" into "accepted", and with fewer gaps nothing that was refused is.
fn is_monotone(judge: Judge) -> bool {
    let answers = || proptest::collection::vec((any_sighting(), any_sighting()), 51);
    holds(
        (any_policy(), any_password(), answers()),
        |(policy, typed, answers)| {
            let candidate = Candidate::new(&typed);
            let questions = policy.questions(&candidate).count();
            let answers = answers.get(..questions).unwrap();
            let (less, more): (Vec<_>, Vec<_>) = answers
                .iter()
                .map(|(one, two)| match (*one, *two) {
                    (Sighting::Seen(one), Sighting::Seen(two)) => {
                        (Sighting::Seen(one.min(two)), Sighting::Seen(one.max(two)))
                    }
                    (Sighting::NotSeen, more @ Sighting::Seen(_)) => (Sighting::NotSeen, more),
                    (one, _) => (one, one),
                })
                .unzip();
            let context = Context::new();
            let before = judge(&policy, &candidate, &context, &less);
            let after = judge(&policy, &candidate, &context, &more);
            let is_accepted_later = !before.is_accepted() && after.is_accepted();
            prop_assert!(!is_accepted_later, "{before:?} became {after:?}");
            let is_refused = matches!(before, Verdict::Refused(_));
            prop_assert!(
                !is_refused || matches!(after, Verdict::Refused(_)),
                "{before:?} became {after:?}"
            );
            Ok(())
        },
    )
}

#[test]
fn the_verdict_is_monotone_in_the_corpus() {
    assert!(is_monotone(real));
}

#[test]
fn a_verdict_that_forgets_the_most_seen_is_not_monotone() {
    // A threshold that is read the wrong way round.
    let turned: Judge = |policy, candidate, context, sightings| {
        let turn = |sighting: &Sighting| match *sighting {
            Sighting::Seen(class) => {
                CountClass::new(15 - class.number()).map_or(*sighting, Sighting::Seen)
            }
            other => other,
        };
        policy.judge(
            candidate,
            context,
            &sightings.iter().map(turn).collect::<Vec<_>>(),
        )
    };
    assert!(!is_monotone(turned));
    // Only so many are believed.
    let few: Judge = |policy, candidate, context, sightings| {
        let trust = |sighting: &Sighting| match *sighting {
            Sighting::Seen(class) if class.number() > 12 => Sighting::NotSeen,
            other => other,
        };
        policy.judge(
            candidate,
            context,
            &sightings.iter().map(trust).collect::<Vec<_>>(),
        )
    };
    assert!(!is_monotone(few));
}

/// Nothing is accepted while one answer is missing that a verdict needs.
fn never_accepts_the_unknown(judge: Judge) -> bool {
    let answers = proptest::collection::vec(any_sighting(), 51);
    holds(
        (any_policy(), any_password(), answers, 0..51_usize),
        |(policy, typed, mut answers, at)| {
            let candidate = Candidate::new(&typed);
            let questions = policy.questions(&candidate).count();
            prop_assume!(questions > 0);
            answers.truncate(questions);
            answers[at % questions] = Sighting::Unknown(Unknown::NoAnswer);
            let verdict = judge(&policy, &candidate, &Context::new(), &answers);
            prop_assert!(!verdict.is_accepted());
            // None at all, or too few, is no better.
            let few = judge(
                &policy,
                &candidate,
                &Context::new(),
                answers.get(..at % questions).unwrap(),
            );
            prop_assert!(!few.is_accepted());
            Ok(())
        },
    )
}

#[test]
fn what_is_unknown_is_never_accepted() {
    assert!(never_accepts_the_unknown(real));
}

#[test]
fn a_verdict_that_takes_the_unknown_for_unseen_is_found() {
    let trusting: Judge = |policy, candidate, context, sightings| {
        let trust = |sighting: &Sighting| match sighting {
            Sighting::Unknown(_) => Sighting::NotSeen,
            other => *other,
        };
        policy.judge(
            candidate,
            context,
            &sightings.iter().map(trust).collect::<Vec<_>>(),
        )
    };
    assert!(!never_accepts_the_unknown(trusting));
    let filling: Judge = |policy, candidate, context, sightings| {
        let mut filled = sightings.to_vec();
        filled.resize(policy.questions(candidate).count(), Sighting::NotSeen);
        policy.judge(candidate, context, &filled)
    };
    assert!(!never_accepts_the_unknown(filling));
}

/// What is equal in NFKC has the same verdict, the same questions and the same text to hash.
fn is_one_in_nfkc(candidate: fn(&str) -> Candidate) -> bool {
    let answers = proptest::collection::vec(any_sighting(), 51);
    holds(
        (any_policy(), any_password(), answers),
        |(policy, typed, answers)| {
            let forms = [
                typed.nfd().collect::<String>(),
                typed.nfkc().collect(),
                typed.nfkd().collect(),
                typed.nfc().collect(),
            ];
            let one = candidate(&typed);
            let context = Context::new().user("ann@example.org");
            let hashes: Vec<_> = policy.questions(&one).collect();
            let verdict = policy.judge(&one, &context, answers.get(..hashes.len()).unwrap());
            for form in forms {
                let other = candidate(&form);
                prop_assert!(one.text() == other.text() && one.chars() == other.chars());
                prop_assert!(policy.questions(&other).collect::<Vec<_>>() == hashes);
                let same = policy.judge(&other, &context, answers.get(..hashes.len()).unwrap());
                prop_assert_eq!(&same, &verdict);
            }
            Ok(())
        },
    )
}

#[test]
fn what_nfkc_makes_equal_has_one_verdict_and_one_hash() {
    assert!(is_one_in_nfkc(Candidate::new));
}

#[test]
fn another_form_is_found_by_that_property() {
    assert!(!is_one_in_nfkc(|typed| Candidate::in_form(
        Form::Nfc,
        typed
    )));
}

#[test]
fn asking_and_judging_are_one() {
    let answers = proptest::collection::vec(any_sighting(), 51);
    assert!(holds(
        (any_policy(), any_password(), answers),
        |(policy, typed, answers)| {
            let (candidate, context) = (
                Candidate::new(&typed),
                Context::new().service("Example Mail"),
            );
            let hashes: Vec<_> = policy.questions(&candidate).collect();
            let answers = answers.get(..hashes.len()).unwrap();
            let known: HashMap<_, _> = hashes
                .iter()
                .map(|hash| hash.octets().to_vec())
                .zip(answers)
                .collect();
            let mut asked = HashMap::new();
            let mut source = |hash: PasswordHash| {
                *asked.entry(hash.octets().to_vec()).or_insert(0) += 1;
                Ok::<_, Infallible>(*known[hash.octets()])
            };
            let verdict = policy.check(&candidate, &context, &mut source).unwrap();
            prop_assert!(asked.values().all(|times| *times == 1));
            let mut source =
                |hash: PasswordHash| std::future::ready(Ok::<_, Infallible>(*known[hash.octets()]));
            let later =
                pollster::block_on(policy.check_async(&candidate, &context, &mut source)).unwrap();
            prop_assert_eq!(&later, &verdict);
            prop_assert_eq!(&policy.judge(&candidate, &context, answers), &verdict);
            Ok(())
        }
    ));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(typed in any::<String>(), name in any::<String>(), policy in any_policy()) {
        let context = Context::new().service(&name).user(&name).domain(&name);
        for form in [Form::Nfkc, Form::Nfc] {
            let candidate = Candidate::in_form(form, &typed);
            let verdict = policy.check(&candidate, &context, |_| Ok::<_, Infallible>(Sighting::NotSeen)).unwrap();
            prop_assert!(verdict.code().starts_with("password."));
            prop_assert_eq!(verdict.reasons().is_empty(), verdict.is_accepted());
            prop_assert_eq!(verdict.guidance(Language::German).len(), verdict.reasons().len());
            prop_assert!(tweaks(&candidate).count() <= 50);
            // What is in its normal form stays.
            if let Some(text) = candidate.text() {
                prop_assert_eq!(Candidate::in_form(form, text), candidate.clone());
                prop_assert_eq!(candidate.chars(), text.chars().count());
                prop_assert_eq!(candidate.hash(HashKind::Ntlm), Some(PasswordHash::ntlm(text)));
            }
        }
    }

    /// Only the rules refuse what is long enough: nothing that a generator of passwords makes is refused by them.
    #[test]
    fn what_a_password_manager_makes_is_accepted(typed in "[!-~]{20}", policy in any_policy()) {
        let context = Context::new().service("Example Mail").user("ann.smith@example.org");
        let verdict = policy.check(&Candidate::new(&typed), &context, |_| Ok::<_, Infallible>(Sighting::NotSeen)).unwrap();
        prop_assert_eq!(verdict, Verdict::Accepted);
    }
}

#[cfg(feature = "zxcvbn")]
mod advice {
    use super::*;
    use breach_check::policy::Advice;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
        #[test]
        fn advice_refuses_nothing_and_never_panics(typed in any_password(), name in any_password()) {
            let (candidate, context) = (Candidate::new(&typed), Context::new().user(&name));
            let advice = Advice::of(&candidate, &context);
            prop_assert!(advice.score() <= 4 && advice.guesses_log10() >= 0.0);
            let languages = [Language::English, Language::German].map(|it| advice.guidance(it).len());
            prop_assert_eq!(languages[0], languages[1]);
        }
    }
}
