//! The end of a user, and of a key.

use super::common::*;

#[test]
fn nothing_is_left_of_a_user_and_what_opens_goes_first() {
    for after in 0..4 {
        let store = Faulty::new(Memory::new());
        let tf = service(&store);
        let (_, enrolled) = enrolled(&tf, at(0));
        let app = enrolled.app_password.unwrap().text();
        assert!(login(&tf, Scope::Imap, &app, at(0)).is_ok());
        enrolment(&tf, at(0));
        let token = block_on(tf.app_password(&UserId::new("anna").unwrap(), MAIL, at(0))).unwrap();
        let pass = || Fault::rival(|_: &Memory, _| ());
        store.next((0..after).map(|_| pass()).chain([Fault::Busy]));
        let ended = block_on(tf.erase(&ann(), at(1)));
        assert_eq!(ended.is_err(), after < 3, "{after}");
        if after > 0 {
            // The decision record and all that opens went together.
            let never = async || Checked::Wrong;
            let user = ann();
            let (subject, client) = (Subject::Known(&user), mail());
            let login = tf.protocol_login(&subject, &client, Scope::Imap, &app, at(1), never);
            assert!(matches!(
                block_on(login),
                Ok(ProtocolLogin::Refused(_)) | Err(_)
            ));
        } else {
            assert!(login(&tf, Scope::Imap, &app, at(1)).is_ok());
        }
        block_on(tf.erase(&ann(), at(2))).unwrap();
        let page = block_on(store.scan(&Prefix::all(), None, 1000, at(2))).unwrap();
        let of_ann = |key: &Key| {
            key.parts()
                .next()
                .is_some_and(|part| part.text() == Some("ann"))
        };
        assert!(!page.entries.iter().any(|(key, _)| of_ann(key)));
        // Somebody whose name begins alike is still there.
        let anna = UserId::new("anna").unwrap();
        assert_eq!(
            block_on(tf.app_passwords(&anna, at(2))).unwrap()[0].id,
            token.id()
        );
    }
}

#[test]
fn what_was_begun_before_the_end_is_nothing_to_who_has_the_name_later() {
    let store = Memory::new();
    let tf = service(&store);
    // The same happens to both, so that a count of changes is the same, too.
    let life = |now| {
        let (begun, _) = enrolled(&tf, now);
        let sealed = tf.seal_pending(&pending(&tf, now)).unwrap();
        (begun, sealed, block_on(tf.generation(&ann(), now)).unwrap())
    };
    let (_, sealed, before) = life(at(0));
    block_on(tf.erase(&ann(), at(1))).unwrap();
    assert_eq!(block_on(tf.generation(&ann(), at(1))).unwrap(), 0);
    let (later, own, after) = life(at(2));
    let try_it = |sealed: &str, second| {
        let now = at(second);
        let pending = tf.open_pending(sealed, now).expect("ten minutes");
        block_on(tf.code(&pending, &web(), shown(&later, now).expose(), now))
    };
    assert_eq!(why(try_it(&sealed, 60)), Refusal::Stale);
    assert!(is_in(&try_it(&own, 60)));
    // The mutation: in a generation that begins where the first one did, it opens.
    let key = Key::new("2fa-state", "ann").unwrap();
    let found = block_on(store.get(&key, at(60))).unwrap().unwrap();
    let mut octets = found.value().unwrap().to_vec();
    assert_eq!(octets[1..9], after.to_be_bytes());
    octets[1..9].copy_from_slice(&before.to_be_bytes());
    let put = Commit::new().put(&key, octets, record_store::Expect::Version(found.version()));
    let put = block_on(store.commit(put, at(60))).unwrap();
    assert!(matches!(put, Outcome::Committed(_)));
    assert!(is_in(&try_it(&sealed, 120)));
}

#[test]
fn seeds_are_sealed_anew_and_the_old_key_can_go() {
    let store = Memory::new();
    let old = || Keyring::new(1, [7; 32]);
    let new = || Keyring::new(2, [8; 32]);
    let (begun, _) = enrolled(&service(&store), at(0));
    let both = with(
        &store,
        new().also(1, [7; 32]).unwrap().index(1).unwrap(),
        Runs::default(),
    );
    let code = |keyring, now| {
        let tf = with(&store, keyring, Runs::default());
        let pending = pending(&tf, now);
        block_on(tf.code(&pending, &web(), shown(&begun, now).expose(), now))
    };
    assert!(matches!(code(new(), at(60)), Err(Error::Damaged { .. })));
    let sealed = block_on(both.reseal(None, at(60))).unwrap();
    assert_eq!(
        (sealed.sealed, sealed.unreadable, sealed.next),
        (1, 0, None)
    );
    assert_eq!(block_on(both.reseal(None, at(60))).unwrap().sealed, 0);
    assert!(is_in(&code(new(), at(90))));
    // Whoever has only the old key reads it no more, and says so.
    assert!(matches!(code(old(), at(120)), Err(Error::Damaged { .. })));
    let stale = with(&store, old(), Runs::default());
    let left = block_on(stale.reseal(None, at(120))).unwrap();
    assert_eq!((left.sealed, left.unreadable), (0, 1));
}
