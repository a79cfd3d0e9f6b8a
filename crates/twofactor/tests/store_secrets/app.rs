//! App passwords open what they are for.

use super::common::*;

#[test]
fn app_passwords_open_what_they_are_for_until_they_are_revoked() {
    let tf = service(Memory::new());
    enrolled(&tf, at(0));
    let new = NewAppPassword {
        name: "Phone",
        scopes: Scopes::from(Scope::Imap),
    };
    let app = block_on(tf.app_password(&ann(), new, at(1))).unwrap();
    assert_eq!(
        login(&tf, Scope::Imap, &app.text().to_uppercase(), at(2)),
        Ok(Method::AppPassword)
    );
    assert_eq!(
        login(&tf, Scope::Smtp, &app.text(), at(2)),
        Err(Refusal::Scope)
    );
    let list = block_on(tf.app_passwords(&ann(), at(2))).unwrap();
    assert_eq!(
        list.iter().map(|app| &*app.name).collect::<Vec<_>>(),
        ["Thunderbird", "Phone"]
    );
    assert!(list[0].used.is_none() && list[1].used.is_some());
    // Never at the web login, where the caller looks at passwords; anything else is refused without a look at it.
    assert_eq!(
        login(&tf, Scope::Imap, "hunter2", at(2)),
        Err(Refusal::AppPasswordWanted)
    );
    let other = AppPassword::generate().unwrap();
    assert_eq!(
        login(&tf, Scope::Imap, &other.text(), at(2)),
        Err(Refusal::Wrong)
    );
    block_on(tf.revoke_app_password(&ann(), app.id(), at(3))).unwrap();
    assert_eq!(
        login(&tf, Scope::Imap, &app.text(), at(3)),
        Err(Refusal::Wrong)
    );
    let again = block_on(tf.revoke_app_password(&ann(), app.id(), at(3)));
    assert!(matches!(again, Err(Error::NoSuch { .. })));
    let overview = block_on(tf.overview(&ann(), at(3))).unwrap();
    assert_eq!(overview.password_failures, (0, 0));
    let told = events(&tf, at(3));
    assert!(told.contains(&Event::Removed(Kind::AppPassword)));
}

#[test]
fn app_passwords_are_thirty_two_at_most_however_many_are_made_at_once() {
    let tf = service(Memory::new());
    let made = race(TASKS, |_| {
        let make = |_| block_on(tf.app_password(&ann(), MAIL, at(0))).is_ok();
        (0..8).map(make).filter(|made| *made).count()
    });
    assert_eq!(made.iter().sum::<usize>(), MAX_APP_PASSWORDS);
    assert_eq!(
        block_on(tf.app_passwords(&ann(), at(0))).unwrap().len(),
        MAX_APP_PASSWORDS
    );
    for name in ["", "a\nb", &"a".repeat(65)] {
        let new = NewAppPassword {
            name,
            scopes: Scopes::MAIL,
        };
        assert!(matches!(
            block_on(tf.app_password(&ann(), new, at(0))),
            Err(Error::Name { .. })
        ));
    }
}

#[test]
fn a_right_app_password_makes_no_commit_but_one_a_day() {
    let store = Faulty::new(Memory::new());
    let tf = service(&store);
    let app = block_on(tf.app_password(&ann(), MAIL, at(0)))
        .unwrap()
        .text();
    assert_eq!(
        login(&tf, Scope::Imap, &app, at(1)),
        Ok(Method::AppPassword)
    );
    // A commit that was made now would take the fault.
    store.next([Fault::Busy]);
    for second in 2..50 {
        assert_eq!(
            login(&tf, Scope::Imap, &app, at(second)),
            Ok(Method::AppPassword)
        );
    }
    let bob = UserId::new("bob").unwrap();
    assert!(
        block_on(tf.app_password(&bob, MAIL, at(50))).is_err(),
        "the fault was still there"
    );
    // The next day's takes it, and the login is none the worse.
    store.next([Fault::Busy]);
    assert_eq!(
        login(&tf, Scope::Imap, &app, at(90_000)),
        Ok(Method::AppPassword)
    );
    assert!(
        block_on(tf.app_password(&bob, MAIL, at(90_000))).is_ok(),
        "the fault was taken"
    );
}

#[test]
fn wrong_app_passwords_count_for_the_network_and_the_owner_still_gets_in() {
    let store = Memory::new();
    let mut throttle = Throttle::nist();
    throttle.network = 20;
    let begun = TwoFactor::builder(&store)
        .keys(Keyring::new(1, [7; 32]))
        .issuer("Example Mail");
    let begun = begun
        .throttle(throttle)
        .recovery_cost(Cost::DANGER_FOR_TESTS);
    let tf = begun.offload(Runs::default()).build().unwrap();
    let (_, enrolled) = enrolled(&tf, at(0));
    let app = enrolled.app_password.unwrap().text();
    for _ in 0..20 {
        let guess = AppPassword::generate().unwrap().text();
        assert_eq!(login(&tf, Scope::Imap, &guess, at(0)), Err(Refusal::Wrong));
    }
    let before = count(&store, at(0));
    let capped = login(&tf, Scope::Imap, "hunter2", at(0));
    assert!(matches!(capped, Err(Refusal::NetworkWait { .. })));
    assert_eq!(count(&store, at(0)), before);
    assert_eq!(
        login(&tf, Scope::Imap, &app, at(0)),
        Ok(Method::AppPassword)
    );
    assert_eq!(
        block_on(tf.overview(&ann(), at(0)))
            .unwrap()
            .password_failures,
        (0, 0)
    );
}
