//! Tokens that were made elsewhere, and names of passkeys.

use super::{Browser, half_way, logged_in, world};
use crate::world::{ACCOUNT, World};
use record_store::{Commit, Expect, Key, Outcome, Records};
use twofactor::otp::{Otp, parse_uri};
use twofactor::passkey::Passkey;

/// A token that counts, with eight digits, as its maker delivers it: seven codes were looked at in the factory.
const TOKEN: &str = "otpauth://hotp/Maker:4711?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Maker&digits=8&counter=7";
const IMPORT: &str = "/account/second-factor/import";

fn code(token: &Otp, counter: u64) -> String {
    token.code_at(counter).expose().to_owned()
}

/// Takes the token in, by its code of counter 7.
async fn import(user: &mut Browser<'_>) -> Otp {
    let token = parse_uri(TOKEN).unwrap().otp;
    user.get(IMPORT).await;
    let page = user.post(IMPORT, &[("uri", TOKEN)]).await;
    assert_eq!(page.status, 200, "{}", page.text());
    assert!(!page.text().contains("30 seconds"), "it counts");
    let enrolment = page.value("enrolment");
    let wrong = [
        ("enrolment", &*enrolment),
        ("token", "1"),
        ("code", "00000000"),
        ("app", "Mutt"),
    ];
    let answer = user.post("/account/second-factor/confirm", &wrong).await;
    assert_eq!(answer.status, 403);
    let said = answer.wrong("code");
    assert!(said.contains("The token shows another code"), "{said}");
    let right = code(&token, 7);
    let fields = [
        ("enrolment", &*enrolment),
        ("code", &right),
        ("app", "Mutt"),
    ];
    let done = user.post("/account/second-factor/confirm", &fields).await;
    assert_eq!((done.status, done.items("codes").len()), (200, 10));
    token
}

async fn log_in(world: &World, code: &str) -> u16 {
    let mut browser = half_way(world).await;
    browser.post("/login/code", &[("code", code)]).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_made_elsewhere_is_taken_in_by_its_address() {
    let world = world().await;
    let mut user = logged_in(&world).await;
    let page = user.get("/account/second-factor").await.text();
    assert!(page.contains(&format!("href=\"{IMPORT}\"")), "{page}");
    user.get(IMPORT).await;
    for (uri, part) in [
        ("", "no address of a token"),
        ("https://b.test/", "no address of a token"),
        (
            "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP",
            "fewer than 112 bits",
        ),
    ] {
        let answer = user.post(IMPORT, &[("uri", uri)]).await;
        assert_eq!(answer.status, 422, "{uri}");
        assert!(answer.wrong("uri").contains(part), "{}", answer.text());
        assert!(
            uri.is_empty() || !answer.text().contains(uri),
            "it is a secret"
        );
    }
    // A form of somebody else is not heard.
    let foreign = user.copy().post_with(IMPORT, &[("uri", TOKEN)], "").await;
    assert_eq!(foreign.status, 403);
    let token = import(&mut user).await;
    assert_eq!(log_in(&world, &code(&token, 7)).await, 403, "it is used up");
    assert_eq!(log_in(&world, &code(&token, 8)).await, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_has_run_ahead_is_set_right_by_two_codes() {
    let world = world().await;
    let mut user = logged_in(&world).await;
    let token = import(&mut user).await;
    let [one, two, three] = [50, 51, 52].map(|counter| code(&token, counter));
    assert_eq!(log_in(&world, &one).await, 403, "too far ahead");
    let page = user.get("/account/second-factor").await.text();
    let path = "/account/second-factor/resync/1";
    assert!(
        page.contains(&format!("href=\"{path}\"")) && page.contains("Set token 1 right"),
        "{page}"
    );
    user.language = "de";
    let page = user.get(path).await;
    assert!(
        page.text().contains("Token 1 richtig stellen"),
        "{}",
        page.text()
    );
    user.language = "en";
    let right = [("first", &*one), ("second", &*two)];
    let foreign = user.copy().post_with(path, &right, "").await;
    assert_eq!(foreign.status, 403);
    // Each counts; with five the next one would have to wait.
    for (first, second) in [(&one, &three), (&two, &one)] {
        let fields = [("first", &**first), ("second", &**second)];
        let answer = user.post(path, &fields).await;
        assert_eq!(answer.status, 403);
        assert!(
            answer.wrong("first").contains("no two codes"),
            "{}",
            answer.text()
        );
    }
    assert_eq!(log_in(&world, &two).await, 403, "nothing was set");
    user.get(path).await;
    let done = user.post(path, &right).await;
    let wanted = (303, "/account/second-factor?done");
    assert_eq!(
        (done.status, done.field("location")),
        wanted,
        "{}",
        done.text()
    );
    assert_eq!(log_in(&world, &two).await, 403, "it is used up");
    assert_eq!(log_in(&world, &three).await, 303);
    // The user is still in; there is no other token.
    user.get("/account/second-factor").await;
    let none = user.post("/account/second-factor/resync/2", &right).await;
    assert_eq!(none.status, 403);
}

/// A passkey of the account, as a browser has registered it.
async fn passkey(world: &World) -> Passkey {
    const DATA: &str = "/../../crates/twofactor/tests/data/passkey/passkey.bin";
    let octets = std::fs::read(format!("{}{DATA}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let passkey = Passkey::from_octets(&octets).unwrap();
    let key = Key::new("2fa-passkey", (ACCOUNT, passkey.id().octets())).unwrap();
    let put = Commit::new().put(&key, octets, Expect::Absent);
    let done = world.store.commit(put, world.now()).await.unwrap();
    assert!(matches!(done, Outcome::Committed(_)));
    passkey
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_gets_another_name() {
    let world = world().await;
    let passkey = passkey(&world).await;
    let mut user = logged_in(&world).await;
    let path = format!("/account/passkeys/rename/{}", passkey.id());
    let page = user.get("/account/passkeys").await.text();
    assert!(page.contains(&format!("href=\"{path}\"")), "{page}");
    let page = user.get(&path).await;
    assert!(page.text().contains(passkey.name().as_str()));
    let foreign = user.copy().post_with(&path, &[("name", "x")], "").await;
    assert_eq!(foreign.status, 403);
    for bad in ["", " ", "a\u{7}b", &"x".repeat(65)] {
        let answer = user.post(&path, &[("name", bad)]).await;
        assert_eq!(answer.status, 422, "{bad:?}");
        assert!(
            answer.wrong("name").contains("1 to 64"),
            "{}",
            answer.text()
        );
    }
    let session = user.session().to_owned();
    let done = user.post(&path, &[("name", " blue <key> ")]).await;
    assert_eq!(
        (done.status, done.field("location")),
        (303, "/account/passkeys")
    );
    let page = user.get("/account/passkeys").await.text();
    assert!(page.contains("<p>blue &lt;key&gt;</p>"), "{page}");
    assert_eq!(user.session(), session, "it opens nothing, so nothing ends");
    // One that is not there is not made.
    let unknown = "/account/passkeys/rename/no-passkey";
    assert_eq!(
        user.post(unknown, &[("name", "x")]).await.field("location"),
        "/account/passkeys"
    );
    assert_eq!(
        user.get(unknown).await.field("location"),
        "/account/passkeys"
    );
}
