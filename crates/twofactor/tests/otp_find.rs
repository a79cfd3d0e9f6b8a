//! Which step a code is found at: each rule beside what breaks it.
#![allow(missing_docs, clippy::unwrap_used)]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use twofactor::otp::{Code, Otp, Outside, Parameters, REACH, Secret, Window};

/// Of the tests of RFC 6238, which has these codes at two steps each: counters that were searched for.
const NEIGHBOURS: (u64, &str) = (57_766_335, "251166");
const NEXT_BUT_ONE: (u64, &str) = (57_017_782, "882938");

fn otp() -> Otp {
    let secret = Secret::new(b"12345678901234567890").unwrap();
    Otp::new(Parameters::totp(), secret)
}

fn hotp() -> Otp {
    Otp::new(Parameters::hotp(), otp().secret().clone())
}

fn at(step: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(step * 30 + 29)
}

/// Steps of the window, and how far away the nearest is that is outside of it.
fn found(code: &Code, now: SystemTime, window: Window) -> (Vec<u64>, Option<(u64, i64)>) {
    let found = otp().find_at(code, now, window);
    let outside = found
        .outside
        .map(|Outside { step, drift, .. }| (step, drift));
    (found.in_window, outside)
}

#[test]
fn a_code_of_two_steps_is_found_at_both() {
    let (step, digits) = NEIGHBOURS;
    let code = Code::parse(digits).unwrap();
    for here in [step, step + 1] {
        assert_eq!(
            found(&code, at(here), Window::default()),
            (vec![step, step + 1], None)
        );
    }
    let counted = hotp().find_from(&code, step - 5, 10);
    assert_eq!(counted.in_window, [step, step + 1]);
}

/// With one of them used up, the other would let the same code pass a second time.
#[test]
fn mutation_a_search_that_ends_early_misses_the_second() {
    let (step, digits) = NEIGHBOURS;
    let code = Code::parse(digits).unwrap();
    let first = (step - 1..=step + 1).find(|&step| otp().code_at(step) == code);
    assert_eq!(first, Some(step));
    assert_ne!(vec![step], found(&code, at(step), Window::default()).0);
}

#[test]
fn the_window_is_what_it_says() {
    let code = otp().code_at(1000);
    for (window, least, most) in [
        (Window::steps(0), 1000, 1000),
        (Window::default(), 999, 1001),
        (Window::new(2, 0), 1000, 1002),
        (Window::new(0, 2), 998, 1000),
        (Window::steps(255), 980, 1020),
    ] {
        for here in 970..=1030 {
            let (inside, outside) = found(&code, at(here), window);
            assert_eq!(
                inside == [1000],
                (least..=most).contains(&here),
                "{here} {window:?}"
            );
            let drift = 30 * (1000 - i64::try_from(here).unwrap());
            let near = drift.unsigned_abs() <= REACH * 30;
            let expected = (inside.is_empty() && near).then_some((1000, drift));
            assert_eq!(outside, expected, "{here} {window:?}");
        }
    }
    assert_eq!(Window::new(1, 3).lifetime(30), Duration::from_secs(150));
}

#[test]
fn drift_has_a_direction() {
    // The device's clock is two minutes ahead of the server's.
    let ahead = otp().code_at(1004);
    assert_eq!(
        found(&ahead, at(1000), Window::default()).1,
        Some((1004, 120))
    );
    let behind = otp().code_at(996);
    assert_eq!(
        found(&behind, at(1000), Window::default()).1,
        Some((996, -120))
    );
}

#[test]
fn of_two_steps_outside_the_nearest_is_told() {
    let (step, digits) = NEXT_BUT_ONE;
    let code = Code::parse(digits).unwrap();
    let told = |here: u64| found(&code, at(here), Window::steps(0)).1.unwrap();
    assert_eq!(told(step - 3), (step, 90));
    assert_eq!(told(step + 5), (step + 2, -90));
    // Both are as near: the code that is old, as people are slow more often than clocks are fast.
    assert_eq!(told(step + 1), (step, -30));
    // One inside hides the other.
    let found = found(&code, at(step), Window::steps(1));
    assert_eq!(found, (vec![step], None));
}

#[test]
fn time_begins_in_1970_and_ends_late() {
    let code = otp().code_at(0);
    let before = UNIX_EPOCH - Duration::from_secs(1);
    for now in [before, UNIX_EPOCH, at(0)] {
        assert_eq!(found(&code, now, Window::default()), (vec![0], None));
    }
    assert_eq!(otp().step_at(at(7)), 7);
    assert_eq!(hotp().step_at(at(7)), 0);
}

#[test]
fn counters_end_at_the_last() {
    let last = hotp().code_at(u64::MAX);
    let found = hotp().find_from(&last, u64::MAX - 3, 10);
    assert_eq!(found.in_window, [u64::MAX]);
    assert_eq!(hotp().find_from(&last, u64::MAX, 255).in_window, [u64::MAX]);
    let before = hotp().code_at(u64::MAX - 1);
    let resynced = hotp().resync(&before, &last, u64::MAX - 50, 100);
    assert_eq!(resynced, Some(u64::MAX));
    // No counter comes after the last.
    let first = hotp().code_at(0);
    assert_eq!(hotp().resync(&last, &first, u64::MAX - 50, 100), None);
    assert_eq!(hotp().resync(&last, &last, u64::MAX - 50, 100), None);
}

#[test]
fn kinds_are_not_mixed() {
    let code = otp().code_at(1000);
    assert!(otp().find_from(&code, 1000, 10).in_window.is_empty());
    assert_eq!(otp().resync(&code, &otp().code_at(1001), 1000, 10), None);
    assert!(
        hotp()
            .find_at(&code, at(1000), Window::default())
            .in_window
            .is_empty()
    );
}

#[test]
fn resync_wants_two_codes_that_follow_each_other() {
    let code = |counter| hotp().code_at(counter);
    assert_eq!(hotp().resync(&code(60), &code(61), 10, 50), Some(61));
    assert_eq!(hotp().resync(&code(61), &code(62), 10, 50), None);
    assert_eq!(hotp().resync(&code(9), &code(10), 10, 50), None);
    for (first, second) in [(60, 62), (61, 60), (60, 60)] {
        assert_eq!(hotp().resync(&code(first), &code(second), 10, 100), None);
    }
    // The last of those that fit: the same two codes do not pass once more. Here a code stands at two neighbours, and is
    // its own successor.
    let (step, digits) = NEIGHBOURS;
    let twice = Code::parse(digits).unwrap();
    assert_eq!(hotp().resync(&twice, &twice, step - 3, 10), Some(step + 1));
}

/// One code, typed once, would do.
#[test]
fn mutation_resync_by_one_code_moves_to_whatever_was_seen() {
    let code = hotp().code_at(60);
    assert_eq!(hotp().find_from(&code, 10, 100).in_window, [60]);
    let other = hotp().code_at(7);
    assert_eq!(hotp().resync(&code, &other, 10, 100), None);
}

#[test]
fn a_generated_secret_is_as_long_as_the_hash_and_new() {
    use twofactor::otp::Algorithm;
    for (algorithm, octets) in [
        (Algorithm::Sha1, 20),
        (Algorithm::Sha256, 32),
        (Algorithm::Sha512, 64),
    ] {
        let parameters = Parameters::totp().with_algorithm(algorithm);
        let one = Otp::generate(parameters).unwrap();
        assert_eq!(one.secret().expose().len(), octets);
        assert_ne!(one, Otp::generate(parameters).unwrap());
        assert_eq!(one.parameters(), &parameters);
    }
}
