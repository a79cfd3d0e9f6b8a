//! Recovery codes open once, and are counted before they are looked at.

use super::common::*;

/// The hashes that are stored.
fn rows<R: Records>(store: &R) -> Vec<(Key, Versioned)> {
    let prefix = Prefix::new("2fa-recovery", "ann").unwrap();
    block_on(store.scan(&prefix, None, 100, at(0)))
        .unwrap()
        .entries
}

fn hashes<R: Records>(store: &R) -> usize {
    rows(store).len()
}

#[test]
fn recovery_codes_go_with_the_last_factor_in_the_same_commit() {
    let store = Faulty::new(Memory::new());
    let tf = service(&store);
    let (_, enrolled) = enrolled(&tf, at(0));
    let app = enrolled.app_password.unwrap().text();
    let old = texts(enrolled.recovery.as_ref().unwrap());
    let second = self::enrolled(&tf, at(0)).1.factor;
    // They stand in for what is left.
    block_on(tf.remove_otp(&ann(), enrolled.factor, at(1))).unwrap();
    assert_eq!(hashes(&store), 10);
    // As a whole or not at all.
    store.next([Fault::NotWritten]);
    assert!(block_on(tf.remove_otp(&ann(), second, at(1))).is_err());
    assert_eq!(hashes(&store), 10);
    store.next([Fault::Lost]);
    assert!(block_on(tf.remove_otp(&ann(), second, at(1))).is_err());
    assert_eq!(hashes(&store), 0);
    let overview = block_on(tf.overview(&ann(), at(1))).unwrap();
    assert_eq!(overview.methods, twofactor::decision::Methods::default());
    assert_eq!(
        login(&tf, Scope::Imap, &app, at(1)),
        Ok(Method::AppPassword)
    );
    // None of them is anybody's when a factor is there again.
    self::enrolled(&tf, at(60));
    let pending = pending(&tf, at(60));
    assert_eq!(why(recover(&tf, &pending, &old[0], at(60))), Refusal::Wrong);
}

/// What the test above would see where they stay: they are counted, and one opens.
#[test]
fn mutation_recovery_codes_that_stay_behind_open() {
    let store = Memory::new();
    let tf = service(&store);
    let (_, enrolled) = enrolled(&tf, at(0));
    let old = texts(enrolled.recovery.as_ref().unwrap());
    let before = rows(&store);
    block_on(tf.remove_otp(&ann(), enrolled.factor, at(1))).unwrap();
    self::enrolled(&tf, at(60));
    for (key, row) in before {
        let value = row.value().unwrap().to_vec();
        let back = Commit::new().put(&key, value, record_store::Expect::Absent);
        let outcome = block_on(store.commit(back, at(60))).unwrap();
        assert!(matches!(outcome, Outcome::Committed(_)));
    }
    assert_eq!(hashes(&store), 20);
    let pending = pending(&tf, at(60));
    assert!(is_in(&recover(&tf, &pending, &old[0], at(60))));
}

#[test]
fn a_recovery_code_opens_once_and_costs_one_run() {
    let runs = Runs::default();
    let tf = with(Memory::new(), Keyring::new(1, [7; 32]), runs.clone());
    let (_, enrolled) = enrolled(&tf, at(0));
    let codes = texts(&enrolled.recovery.unwrap());
    let pending = pending(&tf, at(0));
    events(&tf, at(0));
    let before = runs.count.load(Ordering::SeqCst);
    let ran = || runs.count.load(Ordering::SeqCst) - before;
    let typed = codes[0].to_lowercase().replace('-', " ");
    match recover(&tf, &pending, &typed, at(1)).unwrap() {
        Second::Passed(passed) => {
            assert_eq!((passed.method, passed.recovery_left), (Method::Recovery, 9))
        }
        Second::Refused(why) => panic!("{why:?}"),
    }
    assert_eq!(ran(), 1);
    assert!(events(&tf, at(1)).contains(&Event::RecoveryUsed { left: 9 }));
    // Gone: there is no such code, which costs the same.
    assert_eq!(
        why(recover(&tf, &pending, &codes[0], at(1))),
        Refusal::Wrong
    );
    assert_eq!(ran(), 2);
    assert_eq!(
        why(recover(&tf, &pending, "no code", at(1))),
        Refusal::Wrong
    );
    assert_eq!(ran(), 2);
    let slip = format!(
        "{}{}",
        &codes[1][..18],
        if codes[1].ends_with('7') { '8' } else { '7' }
    );
    assert_eq!(why(recover(&tf, &pending, &slip, at(1))), Refusal::Wrong);
    assert!(is_in(&recover(&tf, &pending, &codes[1], at(1))));
    // New ones replace the old, and what began before them is over.
    let new = texts(&block_on(tf.renew_recovery(&ann(), at(2))).unwrap());
    assert_eq!(why(recover(&tf, &pending, &new[0], at(2))), Refusal::Stale);
    let pending = self::pending(&tf, at(2));
    assert_eq!(
        why(recover(&tf, &pending, &codes[2], at(2))),
        Refusal::Wrong
    );
    assert!(is_in(&recover(&tf, &pending, &new[0], at(2))));
}

#[test]
fn guesses_of_recovery_codes_are_counted_before_argon2_runs() {
    fn runs<R: Records>(store: R) -> usize {
        let runs = Runs::default();
        let tf = with(store, Keyring::new(1, [7; 32]), runs.clone());
        enrolled(&tf, at(0));
        let pending = pending(&tf, at(0));
        let before = runs.count.load(Ordering::SeqCst);
        let guess = |task: usize| format!("AAAA-AAAA-AAAA-AA{task:02}");
        let guesses = race(24, |task| recover(&tf, &pending, &guess(task), at(0)));
        let runs = runs.count.load(Ordering::SeqCst) - before;
        let wrong =
            |guess: &&Result<Second, Error>| matches!(guess, Ok(Second::Refused(Refusal::Wrong)));
        assert_eq!(guesses.iter().filter(wrong).count(), runs);
        runs
    }
    let free = usize::from(Throttle::nist().free);
    for _ in 0..20 {
        assert_eq!(runs(Memory::new()), free);
    }
    // The mutation: where conflicts are swallowed, what was counted is not what is looked at.
    assert!((0..200).any(|_| runs(Blind::default()) > free));
}

#[test]
fn of_many_tries_with_one_recovery_code_one_succeeds() {
    fn successes<R: Records>(store: R) -> usize {
        let tf = service(store);
        let (_, enrolled) = enrolled(&tf, at(0));
        let code = &texts(&enrolled.recovery.unwrap())[0];
        let pending = pending(&tf, at(0));
        let client = Client::web("192.0.2.1".parse().unwrap(), None);
        // No more than are looked at without a wait.
        let tries = race(5, |_| {
            block_on(tf.recovery_code(&pending, &client, code, at(1)))
        });
        tries.iter().filter(|second| is_in(second)).count()
    }
    let folder = tempfile::tempdir().unwrap();
    for round in 0..20 {
        assert_eq!(successes(Memory::new()), 1);
        if round < 3 {
            let path = folder.path().join(round.to_string());
            assert_eq!(successes(Sqlite::open(&path).unwrap()), 1);
        }
    }
    // The mutation: a store that swallows conflicts lets more in.
    assert!((0..200).any(|_| successes(Blind::default()) > 1));
}

#[test]
fn a_recovery_code_whose_commit_is_lost_is_used_up_or_not_and_nobody_is_in() {
    for (name, faults, works) in [
        ("reserve fails", vec![Fault::Busy], true),
        ("reserve lost", vec![Fault::Lost], true),
        ("reserve not written", vec![Fault::NotWritten], true),
        (
            "settle lost",
            vec![Fault::rival(|_, _| ()), Fault::Lost],
            false,
        ),
        (
            "settle fails",
            vec![Fault::rival(|_, _| ()), Fault::Busy],
            true,
        ),
        (
            "settle not written",
            vec![Fault::rival(|_, _| ()), Fault::NotWritten],
            true,
        ),
    ] {
        let store = Faulty::new(Memory::new());
        let tf = service(&store);
        let (_, enrolled) = enrolled(&tf, at(0));
        let code = &texts(&enrolled.recovery.unwrap())[0];
        let pending = pending(&tf, at(0));
        store.next(faults);
        assert!(recover(&tf, &pending, code, at(0)).is_err(), "{name}");
        let overview = block_on(tf.overview(&ann(), at(0))).unwrap();
        assert_eq!(
            overview.methods.recovery_codes,
            if works { 10 } else { 9 },
            "{name}"
        );
        assert_eq!(is_in(&recover(&tf, &pending, code, at(0))), works, "{name}");
    }
}

#[test]
fn what_argon2_has_no_room_for_does_not_count() {
    let store = Memory::new();
    let tf = service(&store);
    let (_, enrolled) = enrolled(&tf, at(0));
    let code = &texts(&enrolled.recovery.unwrap())[0];
    let full = Runs {
        full: true,
        ..Runs::default()
    };
    let busy = with(&store, Keyring::new(1, [7; 32]), full);
    let pending = pending(&tf, at(0));
    for _ in 0..20 {
        assert!(matches!(
            recover(&busy, &pending, code, at(0)),
            Err(Error::Busy)
        ));
    }
    assert!(is_in(&recover(&tf, &pending, code, at(0))));
}
