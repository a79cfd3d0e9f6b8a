//! Apps are set up as a whole or not at all.

use super::common::*;

#[test]
fn the_first_code_turns_it_on_and_brings_all_that_is_needed_and_is_used_up() {
    let store = Memory::new();
    let tf = service(&store);
    let (begun, enrolled) = enrolled(&tf, at(0));
    assert_eq!(texts(enrolled.recovery.as_ref().unwrap()).len(), 10);
    let app = enrolled.app_password.unwrap().text();
    assert_eq!(
        login(&tf, Scope::Imap, &app, at(1)),
        Ok(Method::AppPassword)
    );
    let told = events(&tf, at(1));
    for kind in [Kind::Otp, Kind::Recovery, Kind::AppPassword] {
        assert!(told.contains(&Event::Enrolled(kind)), "{told:?}");
    }
    // The code that turned it on is no login.
    let pending = pending(&tf, at(1));
    let code = shown(&begun, at(0));
    let again = block_on(tf.code(&pending, &web(), code.expose(), at(1)));
    assert_eq!(why(again), Refusal::Replayed);
    let next = shown(&begun, at(60));
    assert!(is_in(&block_on(tf.code(
        &pending,
        &web(),
        next.expose(),
        at(60)
    ))));
    // Nor does it turn on anything twice.
    let twice = confirm(&tf, &begun, code.expose(), at(1)).unwrap();
    assert!(matches!(twice, Confirmed::Refused(Refusal::Stale)));
    // A second app brings neither again.
    let (_, second) = self::enrolled(&tf, at(120));
    assert!(second.recovery.is_none() && second.app_password.is_none());
    // No secret lies in the store as it is.
    let page = block_on(store.scan(&Prefix::all(), None, 1000, at(1))).unwrap();
    let seed = parse_uri(&begun.uri())
        .unwrap()
        .otp
        .secret()
        .expose()
        .to_vec();
    for (key, found) in page.entries {
        let value = found.value().unwrap();
        assert!(
            !value.windows(seed.len()).any(|window| window == seed),
            "{key:?}"
        );
    }
}

#[test]
fn five_codes_are_looked_at_however_many_come_at_once() {
    let (store, blind) = (Memory::new(), Blind::default());
    let tf = service(&store);
    let begun = enrolment(&tf, at(0));
    let wrong = if shown(&begun, at(0)).expose() == "000000" {
        "000001"
    } else {
        "000000"
    };
    let looked = |results: Vec<Result<Confirmed, Error>>| {
        let wrong = |result: &&Result<Confirmed, Error>| {
            matches!(
                result,
                Ok(Confirmed::Refused(Refusal::Wrong | Refusal::Drifted { .. }))
            )
        };
        results.iter().filter(wrong).count()
    };
    let results = race(24, |_| confirm(&tf, &begun, wrong, at(0)));
    assert_eq!(looked(results), usize::from(ENROLMENT_TRIES));
    let right = shown(&begun, at(0));
    let late = confirm(&tf, &begun, right.expose(), at(0)).unwrap();
    assert!(matches!(late, Confirmed::Refused(Refusal::Stale)));
    // The mutation: where conflicts are swallowed, more are.
    let tf = service(&blind);
    let more = || {
        let begun = enrolment(&tf, at(0));
        looked(race(24, |_| confirm(&tf, &begun, "000000", at(0)))) > usize::from(ENROLMENT_TRIES)
    };
    assert!((0..200).any(|_| more()));
}

#[test]
fn an_enrolment_waits_for_a_quarter_of_an_hour_and_for_its_user() {
    let tf = service(Memory::new());
    let begun = enrolment(&tf, at(0));
    let late = at(ENROLMENT_FOR.as_secs());
    let code = shown(&begun, late);
    assert!(matches!(
        confirm(&tf, &begun, code.expose(), late),
        Ok(Confirmed::Refused(Refusal::Stale))
    ));
    let begun = enrolment(&tf, at(0));
    let code = shown(&begun, at(0));
    let bob = UserId::new("bob").unwrap();
    let theirs = block_on(tf.confirm(&bob, &begun.id(), code.expose(), None, at(0)));
    assert!(matches!(theirs, Ok(Confirmed::Refused(Refusal::Stale))));
    // A newer one takes its place.
    let newer = enrolment(&tf, at(0));
    assert!(matches!(
        confirm(&tf, &begun, code.expose(), at(0)),
        Ok(Confirmed::Refused(Refusal::Stale))
    ));
    let code = shown(&newer, at(0));
    assert!(matches!(
        confirm(&tf, &newer, code.expose(), at(0)),
        Ok(Confirmed::On(_))
    ));
    // Seeds from elsewhere are no weaker.
    let weak = parse_uri("otpauth://totp/ann?secret=JBSWY3DPEHPK3PXP").unwrap();
    assert!(matches!(
        block_on(tf.enrol_imported(&ann(), weak, at(0))),
        Err(Error::WeakSeed)
    ));
}

#[test]
fn a_confirmation_that_is_lost_is_on_as_a_whole_or_not_at_all() {
    for fault in ["busy", "not written", "lost"] {
        let store = Faulty::new(Memory::new());
        let tf = service(&store);
        let begun = enrolment(&tf, at(0));
        store.next([match fault {
            "busy" => Fault::Busy,
            "lost" => Fault::Lost,
            _ => Fault::NotWritten,
        }]);
        let code = shown(&begun, at(0));
        assert!(
            confirm(&tf, &begun, code.expose(), at(0)).is_err(),
            "{fault}"
        );
        let overview = block_on(tf.overview(&ann(), at(0))).unwrap();
        let (otps, recovery) = (overview.methods.otps, overview.methods.recovery_codes);
        let all = (otps, recovery, overview.app_passwords.len());
        if fault == "lost" {
            assert_eq!(all, (1, 10, 1));
            assert!(texts(&block_on(tf.renew_recovery(&ann(), at(0))).unwrap()).len() == 10);
        } else {
            assert_eq!(all, (0, 0, 0));
            assert!(matches!(first(&tf, &web(), at(0)), First::Passed(_)));
            let again = confirm(&tf, &begun, code.expose(), at(0));
            assert!(matches!(again, Ok(Confirmed::On(_))), "{fault}");
        }
    }
}
