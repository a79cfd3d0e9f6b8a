//! Login after login: looked up once for each version of the corpus, and what must be changed stays so.
#![allow(missing_docs, clippy::unwrap_used)]

use breach_check::recheck::{Action, CorpusVersion, State};
use breach_check::{CountClass, Sighting, Unknown};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestError, TestRng, TestRunner};

fn class(number: u8) -> CountClass {
    CountClass::new(number).unwrap()
}

fn version(number: u8) -> CorpusVersion {
    CorpusVersion::from_root([number; 32])
}

#[test]
fn a_password_is_looked_up_once_for_each_version_of_the_corpus() {
    let mut state = State::default();
    let mut looked = 0;
    for corpus in [1, 1, 1, 2, 2, 3, 3, 3] {
        // As it is stored between two logins.
        state = State::from_octets(&state.to_octets()).unwrap();
        if state.action(version(corpus)) == Action::LookUp {
            looked += 1;
            state = state.answered(version(corpus), Sighting::NotSeen, class(0));
        }
        assert_eq!(state.action(version(corpus)), Action::Nothing);
    }
    assert_eq!(looked, 3);
    // One that the policy has just accepted was looked up.
    assert_eq!(
        State::accepted(version(3)).action(version(3)),
        Action::Nothing
    );
    assert_eq!(
        State::accepted(version(3)).action(version(4)),
        Action::LookUp
    );
}

#[test]
fn what_was_seen_must_be_changed_and_stays_so() {
    let state =
        State::accepted(version(1)).answered(version(2), Sighting::Seen(class(4)), class(4));
    assert!(state.must_change());
    for corpus in 0..5 {
        assert_eq!(state.action(version(corpus)), Action::RequireChange);
        // Not even a corpus that has never seen it changes that.
        let later = state.answered(version(corpus), Sighting::NotSeen, class(0));
        assert_eq!(later.action(version(corpus)), Action::RequireChange);
    }
    let rarely = State::default().answered(version(2), Sighting::Seen(class(3)), class(4));
    assert_eq!(rarely.action(version(2)), Action::Nothing);
    // Only another password ends it.
    assert_eq!(
        State::accepted(version(2)).action(version(2)),
        Action::Nothing
    );
}

#[test]
fn what_the_corpus_does_not_know_is_asked_again() {
    for before in [State::default(), State::accepted(version(1))] {
        for unknown in [Unknown::Gap, Unknown::NoAnswer] {
            let after = before.answered(version(2), Sighting::Unknown(unknown), class(0));
            assert_eq!(after, before);
            assert_eq!(after.action(version(2)), Action::LookUp);
        }
    }
}

#[test]
fn nothing_but_a_version_and_a_flag_is_stored() {
    let state = State::accepted(version(0xab));
    assert_eq!(state.to_octets(), [&[1, 2][..], &[0xab; 32]].concat());
    let seen = state.answered(version(0xcd), Sighting::Seen(class(15)), class(0));
    assert_eq!(seen.to_octets(), [&[1, 3][..], &[0xcd; 32]].concat());
    // Neither how often it was seen nor anything of the password.
    assert_eq!(
        seen.to_octets(),
        state
            .answered(version(0xcd), Sighting::Seen(class(0)), class(0))
            .to_octets()
    );
    assert_eq!(
        State::default().to_octets(),
        [&[1, 0][..], &[0; 32]].concat()
    );
    assert_ne!(
        CorpusVersion::from_number(1),
        CorpusVersion::from_number(256)
    );
}

#[test]
fn octets_of_another_version_or_damaged_are_no_state() {
    let good = State::accepted(version(7)).to_octets();
    assert_eq!(State::from_octets(&good), Ok(State::accepted(version(7))));
    let changed = |at: usize, to: u8| {
        let mut octets = good.clone();
        octets[at] = to;
        octets
    };
    let longer = [&good[..], &[0]].concat();
    for bad in [
        vec![],
        vec![1],
        changed(0, 2),
        changed(1, 4),
        changed(1, 0),
        good[..33].to_vec(),
        longer,
    ] {
        assert!(State::from_octets(&bad).is_err());
    }
}

proptest! {
    #[test]
    fn octets_read_as_they_were_written(octets in proptest::collection::vec(any::<u8>(), 0..70), flags in 0..4_u8, root in any::<[u8; 32]>()) {
        for octets in [octets, [&[1, flags][..], &root].concat()] {
            if let Ok(state) = State::from_octets(&octets) {
                prop_assert_eq!(state.to_octets(), octets);
                prop_assert!(state.to_octets().len() <= State::MAX_OCTETS);
            }
        }
    }
}

type Answered = fn(State, CorpusVersion, Sighting, CountClass) -> State;

/// Whatever happens at logins, a change that is required stays required, and what was not looked up does not pass for it.
fn is_never_lost(answered: Answered) -> bool {
    let config = ProptestConfig {
        cases: 400,
        failure_persistence: None,
        max_shrink_iters: 0,
        ..ProptestConfig::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let step = (
        0..3_u8,
        proptest::option::of(0..16_u8),
        proptest::bool::weighted(0.3),
    );
    let steps = proptest::collection::vec(step, 0..30);
    let held = TestRunner::new_with_rng(config, rng).run(&steps, |steps| {
        let (mut state, mut must_change, mut checked) = (State::default(), false, None);
        for (corpus, seen, unknown) in steps {
            let sighting = match (unknown, seen) {
                (true, _) => Sighting::Unknown(Unknown::NoAnswer),
                (false, Some(number)) => Sighting::Seen(class(number)),
                (false, None) => Sighting::NotSeen,
            };
            let expected = match (must_change, checked == Some(corpus)) {
                (true, _) => Action::RequireChange,
                (false, true) => Action::Nothing,
                (false, false) => Action::LookUp,
            };
            prop_assert_eq!(state.action(version(corpus)), expected);
            // Also an answer that comes late, of another node.
            state = answered(state, version(corpus), sighting, class(5));
            state = State::from_octets(&state.to_octets()).unwrap();
            must_change |= !unknown && seen.is_some_and(|number| number >= 5);
            checked = if unknown { checked } else { Some(corpus) };
        }
        Ok(())
    });
    match held {
        Ok(()) => true,
        Err(TestError::Fail(..)) => false,
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}

#[test]
fn no_order_of_logins_loses_a_change() {
    assert!(is_never_lost(State::answered));
}

#[test]
fn a_state_that_forgets_or_that_takes_the_unknown_for_checked_is_found() {
    let forgets: Answered =
        |_, version, sighting, least| State::default().answered(version, sighting, least);
    assert!(!is_never_lost(forgets));
    let trusts: Answered = |state, version, sighting, least| match sighting {
        Sighting::Unknown(_) => state.answered(version, Sighting::NotSeen, least),
        known => state.answered(version, known, least),
    };
    assert!(!is_never_lost(trusts));
}
