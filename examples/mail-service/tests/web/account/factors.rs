//! What the account has besides its password.

use super::{Enrolled, enrol, half_way, logged_in, world};
use crate::pop3::Pop3;
use crate::world::{ACCOUNT, PASSWORD, World};
use std::time::Duration;

async fn pop3(world: &World, password: &str) -> Result<(), String> {
    let (to, password) = (world.server.pop3s()[0], password.to_owned());
    let login = tokio::task::spawn_blocking(move || Pop3::login(to, ACCOUNT, &password));
    login.await.unwrap().unwrap().map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_second_factor_mail_programs_get_passwords_of_their_own() {
    let world = world().await;
    let mut user = logged_in(&world).await;
    pop3(&world, PASSWORD).await.unwrap();
    let page = user.get("/account").await.text();
    assert!(page.contains("The second factor is off"), "{page}");
    let Enrolled {
        app_password,
        recovery,
        ..
    } = enrol(&mut user).await;
    // From now on the password opens no mail.
    let refused = pop3(&world, PASSWORD).await.unwrap_err();
    assert!(refused.contains("app password"), "{refused}");
    pop3(&world, &app_password).await.unwrap();
    let page = user.get("/account/app-passwords").await;
    let text = page.text();
    assert!(
        text.contains("Mutt &amp; co") && text.contains("IMAP POP3 SMTP"),
        "{text}"
    );
    assert!(!text.contains(&app_password), "it is shown once");
    let text = user.get("/account/second-factor").await.text();
    assert!(text.contains("Recovery codes left: 10"), "{text}");
    assert!(recovery.iter().all(|code| !text.contains(code)));
    // Another one, which is not for this protocol.
    user.get("/account/app-passwords").await;
    let fields = [("name", "sender"), ("scope", "smtp"), ("scope", "imap")];
    let made = user.post("/account/app-passwords", &fields).await;
    let smtp = made.inner("app-password");
    assert!(pop3(&world, &smtp).await.is_err());
    for (fields, field, part) in [
        (&[("name", ""), ("scope", "pop3")][..], "name", "1 to"),
        (&[("name", "x")], "scope", "at least one"),
    ] {
        let wrong = user.post("/account/app-passwords", fields).await;
        assert_eq!(wrong.status, 422);
        assert!(wrong.wrong(field).contains(part), "{}", wrong.text());
    }
    // Revoked, it opens nothing.
    user.get("/account/app-passwords").await;
    let page = user.get("/account/app-passwords").await;
    let all: Vec<_> = page
        .text()
        .match_indices("name=\"app\" value=\"")
        .map(|(at, sign)| {
            page.text()[at + sign.len()..]
                .split('"')
                .next()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(all.len(), 2);
    for id in &all {
        let gone = user
            .post("/account/app-passwords/revoke", &[("app", id)])
            .await;
        assert_eq!(gone.status, 303);
        user.get("/account/app-passwords").await;
    }
    assert!(pop3(&world, &app_password).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_is_on_once_its_code_was_shown_and_not_before() {
    let world = world().await;
    let mut user = logged_in(&world).await;
    user.get("/account/second-factor").await;
    let page = user.post("/account/second-factor/enrol", &[]).await;
    let text = page.text();
    assert!(text.contains("src=\"data:image/svg+xml;base64,"), "{text}");
    assert!(text.contains("href=\"otpauth://totp/"), "{text}");
    let (app, enrolment) = (super::App::of(&page.inner("key")), page.value("enrolment"));
    let wrong = [("enrolment", &*enrolment), ("code", "000000"), ("app", "x")];
    let answer = user.post("/account/second-factor/confirm", &wrong).await;
    assert_eq!(answer.status, 403);
    assert!(
        answer.wrong("code").contains("another code"),
        "{}",
        answer.text()
    );
    // Nothing has changed for anybody.
    assert!(
        user.get("/account")
            .await
            .text()
            .contains("The second factor is off")
    );
    pop3(&world, PASSWORD).await.unwrap();
    user.get("/account").await;
    let code = app.code(world.now());
    let fields = [("enrolment", &*enrolment), ("code", &*code), ("app", "x")];
    assert_eq!(
        user.post("/account/second-factor/confirm", &fields)
            .await
            .status,
        200
    );
    // The code of the enrolment is used up.
    let mut login = half_way(&world).await;
    let answer = login.post("/login/code", &[("code", &code)]).await;
    assert!(
        answer.wrong("code").contains("used already"),
        "{}",
        answer.text()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_last_app_the_password_is_enough_again() {
    let world = world().await;
    let mut user = logged_in(&world).await;
    enrol(&mut user).await;
    user.get("/account/second-factor").await;
    let gone = user
        .post("/account/second-factor/remove", &[("factor", "1")])
        .await;
    assert_eq!(gone.field("location"), "/account/second-factor?off");
    assert!(
        user.get("/account")
            .await
            .text()
            .contains("The second factor is off")
    );
    pop3(&world, PASSWORD).await.unwrap();
    let mut login = super::Browser::new(&world);
    assert_eq!(
        login.log_in(ACCOUNT, PASSWORD).await.field("location"),
        "/account"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_are_seen_and_forgotten() {
    let world = world().await;
    let mut user = logged_in(&world).await;
    let Enrolled { app, .. } = enrol(&mut user).await;
    let mut phone = half_way(&world).await;
    let code = app.code(world.now());
    let fields = [("code", &*code), ("remember", "code")];
    assert_eq!(phone.post("/login/code", &fields).await.status, 303);
    let page = phone.get("/account/sessions").await;
    let text = page.text();
    assert!(
        text.contains("this browser") && text.contains("remembered until"),
        "{text}"
    );
    let (_, mine) = text.rsplit_once("this browser").unwrap();
    let (_, id) = mine.split_once("name=\"device\" value=\"").unwrap();
    let id = id.split('"').next().unwrap().to_owned();
    let token = phone.jar["__Host-device"].clone();
    let gone = phone
        .post("/account/sessions/forget", &[("device", &id)])
        .await;
    assert_eq!(gone.status, 303, "{}", gone.text());
    assert!(!phone.jar.contains_key("__Host-device"));
    // Also for whoever has kept its cookie.
    world.later(Duration::from_secs(30));
    let mut kept = super::Browser::new(&world);
    kept.jar.insert("__Host-device".into(), token);
    assert_eq!(
        kept.log_in(ACCOUNT, PASSWORD).await.field("location"),
        "/login/code"
    );
}
