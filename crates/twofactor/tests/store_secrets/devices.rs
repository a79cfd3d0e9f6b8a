//! Known devices, and remembered ones.

use super::common::*;

#[test]
fn a_known_device_needs_its_second_factor_and_a_remembered_one_does_not() {
    let tf = service(Memory::new());
    let token = match first(&tf, &web(), at(0)) {
        First::Passed(passed) => passed.device.unwrap(),
        other => panic!("{other:?}"),
    };
    let token = DeviceToken::parse(&token.text()).unwrap();
    assert_eq!(events(&tf, at(0)), [Event::NewDevice]);
    let known = Client::web("203.0.113.9".parse().unwrap(), Some(&token));
    assert!(matches!(first(&tf, &known, at(0)), First::Passed(passed) if passed.device.is_none()));
    let (begun, _) = enrolled(&tf, at(0));
    let First::Second(pending, _) = first(&tf, &known, at(30)) else {
        panic!("a known device skipped the factor");
    };
    let code = shown(&begun, at(60));
    let Ok(Second::Passed(passed)) = block_on(tf.code(&pending, &known, code.expose(), at(60)))
    else {
        panic!("refused");
    };
    let stranger = DeviceToken::generate().unwrap();
    let remember = |token, until| block_on(tf.remember(&passed, token, until, at(60))).unwrap();
    assert_eq!(
        remember(&stranger, at(1000)),
        Remembered::Refused(Refusal::Wrong)
    );
    assert_eq!(
        remember(&token, at(60)),
        Remembered::Refused(Refusal::NoFactor)
    );
    assert_eq!(remember(&token, at(1000)), Remembered::Until(at(1000)));
    let skips = |client: &Client<'_>, now| matches!(first(&tf, client, now), First::Passed(passed) if passed.method == Method::RememberedDevice);
    assert!(skips(&known, at(999)) && !skips(&known, at(1000)) && !skips(&web(), at(61)));
    // It is ann's: for bob, who has a second factor of his own, it is nothing.
    let bob = UserId::new("bob").unwrap();
    let right = async || Checked::Right;
    let theirs = block_on(tf.first_factor(&Subject::Known(&bob), &known, at(61), right)).unwrap();
    assert!(matches!(theirs, First::Passed(passed) if passed.device.is_some()));
    // A new password, perhaps by a reset, needs the second factor everywhere.
    block_on(tf.rebind_password(&ann(), at(62))).unwrap();
    assert!(!skips(&known, at(63)));
    assert!(
        block_on(tf.devices(&ann(), at(63)))
            .unwrap()
            .iter()
            .all(|device| device.remembered.is_none())
    );
    block_on(tf.revoke_device(&ann(), token.id(), at(64))).unwrap();
    assert!(block_on(tf.devices(&ann(), at(64))).unwrap().is_empty());
}

#[test]
fn a_remembered_device_is_not_remembered_by_another_factor() {
    let tf = service(Memory::new());
    let (begun, enrolled) = enrolled(&tf, at(0));
    let pending = pending(&tf, at(30));
    let code = shown(&begun, at(60));
    let Ok(Second::Passed(passed)) = block_on(tf.code(&pending, &web(), code.expose(), at(60)))
    else {
        panic!("refused");
    };
    let token = passed.device.as_ref().unwrap();
    let device = Client::web("192.0.2.1".parse().unwrap(), Some(token));
    assert_eq!(
        block_on(tf.remember(&passed, token, at(9999), at(60))).unwrap(),
        Remembered::Until(at(9999))
    );
    assert!(matches!(first(&tf, &device, at(61)), First::Passed(_)));
    block_on(tf.remove_otp(&ann(), enrolled.factor, at(62))).unwrap();
    self::enrolled(&tf, at(90));
    assert!(matches!(first(&tf, &device, at(91)), First::Second(..)));
}

#[test]
fn the_device_that_is_known_longest_makes_room() {
    let tf = service(Memory::new());
    for second in 0..40 {
        assert!(matches!(first(&tf, &web(), at(second)), First::Passed(_)));
    }
    let devices = block_on(tf.devices(&ann(), at(40))).unwrap();
    assert_eq!(devices.len(), MAX_DEVICES);
    assert_eq!(devices[0].made, at(8));
    race(TASKS, |_| {
        matches!(first(&tf, &web(), at(41)), First::Passed(_))
    });
    assert_eq!(
        block_on(tf.devices(&ann(), at(42))).unwrap().len(),
        MAX_DEVICES
    );
}
