//! What an operator sees and does, and what a command asks for.

use super::*;
use crate::fixture::{ACCOUNT, Enrolled, Fixture, PASSWORD, Time};

fn care(fixture: &Fixture, time: &Time) -> Care {
    Care::new(&fixture.service.config, fixture.store.clone(), time.clock())
}

#[tokio::test]
async fn an_operator_sees_what_there_is_and_no_secret() {
    let time = Time::new();
    let fixture = Fixture::at(time.clock(), |_| {}).await;
    let care = care(&fixture, &time);
    assert!(
        care.show(ACCOUNT)
            .await
            .unwrap()
            .starts_with("second factor: none")
    );
    let enrolled = Enrolled::new(&fixture, &time).await;
    let shown = care.show(ACCOUNT).await.unwrap();
    for there in ["asked for", "codes 1: 0 failures", "10 left", "Post (pop3)"] {
        assert!(shown.contains(there), "{there}: {shown}");
    }
    let secrets = enrolled.recovery.iter().chain([&enrolled.app]);
    for secret in secrets {
        assert!(!shown.contains(&**secret));
    }
    let missing = care.show("nobody@b.test").await;
    assert!(matches!(
        missing,
        Err(CareError::Account(AccountError::Missing))
    ));
}

#[tokio::test]
async fn a_reset_takes_off_every_factor_and_the_password_alone_logs_in() {
    let time = Time::new();
    let fixture = Fixture::at(time.clock(), |_| {}).await;
    let (logins, care) = (&fixture.service.logins, care(&fixture, &time));
    Enrolled::new(&fixture, &time).await;
    let password = || Zeroizing::new(PASSWORD.to_owned());
    let client = Ipv4Addr::new(192, 0, 2, 1).into();
    let login = logins.password(client, ACCOUNT, password()).await;
    assert!(matches!(login, WebLogin::Second(..)), "{login:?}");
    let gone = care.reset(ACCOUNT, AppPasswords::Keep).await.unwrap();
    assert_eq!((gone.factors, gone.app_passwords, gone.kept), (1, 0, 1));
    let login = logins.password(client, ACCOUNT, password()).await;
    assert!(matches!(login, WebLogin::Passed(_)), "{login:?}");
    let user = user_of(ACCOUNT).unwrap();
    let waiting = logins
        .two_factor()
        .events(Some(&user), time.now())
        .await
        .unwrap();
    let removed = twofactor::Event::Removed(twofactor::Kind::Otp);
    assert!(
        waiting.iter().any(|one| one.event == removed),
        "{waiting:?}"
    );
}

#[tokio::test]
async fn a_command_that_gives_out_secrets_asks_for_password_and_code() {
    let time = Time::new();
    let folder = tempfile::tempdir().unwrap();
    let fixture = Fixture::at(time.clock(), |config| {
        config.data_dir = folder.path().join("data");
        config.prepare().unwrap();
        config.store = "sqlite:mail.db".into();
    })
    .await;
    let care = care(&fixture, &time);
    let asked = async |answers: &[&str]| {
        let mut rest = answers.iter();
        let ask = |_: &str| {
            let answer = rest.next().ok_or(io::ErrorKind::UnexpectedEof)?;
            Ok(Zeroizing::new((*answer).to_owned()))
        };
        care.ask(ACCOUNT, ask).await
    };
    // Who has no second factor is asked for nothing more than before.
    asked(&[]).await.unwrap();
    let enrolled = Enrolled::new(&fixture, &time).await;
    let nothing = asked(&[PASSWORD]).await;
    assert!(matches!(nothing, Err(CareError::Asked(_))), "{nothing:?}");
    for (password, code, why) in [
        ("a wrong one", "000000", Refusal::Wrong),
        (PASSWORD, "no code", Refusal::Wrong),
        (PASSWORD, &*enrolled.app, Refusal::Wrong),
    ] {
        let refused = asked(&[password, code]).await;
        assert!(
            matches!(refused, Err(CareError::Refused(r)) if r == why),
            "{refused:?}"
        );
    }
    let code = enrolled.code(time.now());
    asked(&[PASSWORD, &code]).await.unwrap();
    let again = asked(&[PASSWORD, &code]).await;
    assert!(
        matches!(again, Err(CareError::Refused(Refusal::Replayed))),
        "{again:?}"
    );
    asked(&[PASSWORD, &enrolled.recovery[0]]).await.unwrap();
}

#[tokio::test]
async fn keys_change_and_codes_stay_right() {
    let time = Time::new();
    let folder = tempfile::tempdir().unwrap();
    let settings = |config: &mut Config| {
        config.data_dir = folder.path().join("data");
        config.prepare().unwrap();
        config.store = "sqlite:mail.db".into();
    };
    let fixture = Fixture::at(time.clock(), settings).await;
    let (care, enrolled) = (care(&fixture, &time), Enrolled::new(&fixture, &time).await);
    let place = care.rotate_keys().unwrap();
    assert_eq!(care.reseal().await.unwrap(), (1, 0));
    assert_eq!(care.reseal().await.unwrap(), (0, 0));
    // A node that starts with the file as it is now.
    let node = Fixture::beside(time.clock(), settings).await;
    let logins = &node.service.logins;
    let password = Zeroizing::new(PASSWORD.to_owned());
    let login = logins
        .password([192, 0, 2, 1].into(), ACCOUNT, password)
        .await;
    let WebLogin::Second(pending, _) = login else {
        panic!("{login:?}")
    };
    let code = enrolled.code(time.now());
    care.second(logins, &pending, &code).await.unwrap();
    assert!(Keys::read(&place).is_ok());
    // The mutation: with a key that never sealed it, nothing is opened.
    let other = Keys::generate().unwrap().keyring().unwrap();
    let work = crate::second_factor::Work::start(1, 1).unwrap();
    let factors = crate::second_factor::build(&care.config, fixture.store.clone(), other, work);
    let client = Client::mail([192, 0, 2, 2].into());
    let damaged = factors
        .unwrap()
        .code(&pending, &client, &code, time.now())
        .await;
    assert!(
        matches!(damaged, Err(twofactor::Error::Damaged { .. })),
        "{damaged:?}"
    );
}

#[tokio::test]
async fn a_link_names_the_site_or_there_is_none() {
    let time = Time::new();
    let fixture = Fixture::at(time.clock(), |config| {
        config.listen.https = vec!["127.0.0.1:8443".parse().unwrap()];
    })
    .await;
    let link = care(&fixture, &time).reset_link(ACCOUNT).await.unwrap();
    let token = link.strip_prefix("https://mx.b.test:8443/reset/").unwrap();
    let whose = reset::look(&fixture.store, token, time.now())
        .await
        .unwrap();
    assert_eq!(whose.as_deref(), Some(ACCOUNT));
    let without = Fixture::at(time.clock(), |_| {}).await;
    let none = care(&without, &time).reset_link(ACCOUNT).await;
    assert!(matches!(none, Err(CareError::NoSite)), "{none:?}");
}
