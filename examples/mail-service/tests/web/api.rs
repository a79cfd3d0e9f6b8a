//! What the page of a sealed link asks for.

use std::time::Duration;

use super::http::{Answer, ask};
use super::world::{PASSWORD, SEALED, SITE, World};
use symmetric_seal::link::{Hint, LinkId, MAX_LIFETIME, ReaderToken, Terms};
use symmetric_seal::{AccessProof, KdfParameters, Opener, Passphrase, Sealer};

const MAIL: &[u8] = b"Subject: the vault\r\n\r\n4711\r\n";
const JSON: &str = "Content-Type: application/json\r\n";

async fn post(world: &World, id: &LinkId, what: &str, body: &serde_json::Value) -> Answer {
    let path = format!("/api/links/{}/{what}", *id.to_text());
    ask(
        world,
        "POST",
        SEALED,
        &path,
        JSON,
        body.to_string().as_bytes(),
    )
    .await
}

async fn challenge(world: &World, id: &LinkId) -> Answer {
    post(world, id, "challenge", &serde_json::json!({})).await
}

/// What the page makes of a challenge and a password.
fn proof(challenge: &serde_json::Value, password: &str) -> AccessProof {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let number = |name: &str| u8::try_from(challenge[name].as_u64().unwrap()).unwrap();
    let salt = URL_SAFE_NO_PAD
        .decode(challenge["salt"].as_str().unwrap())
        .unwrap();
    let (passes, lanes, memory) = (number("passes"), number("lanes"), number("memory_exponent"));
    let kdf = KdfParameters::new(salt.try_into().unwrap(), passes, lanes, memory).unwrap();
    let key = Opener::for_links().derive(&kdf, &Passphrase::for_opening(password));
    key.unwrap().access_proof().clone()
}

fn release(proof: &AccessProof, reader: &ReaderToken) -> serde_json::Value {
    serde_json::json!({ "proof": *proof.to_text(), "reader": *reader.to_text() })
}

fn token(octet: u8) -> ReaderToken {
    ReaderToken::from_octets([octet; 16])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_released_to_the_right_password_alone() {
    let world = World::new().await;
    let terms = Terms::new().hint(Hint::new("our café").unwrap());
    let issued = world.link(MAIL, terms, None).await;
    let asked = challenge(&world, &issued.id).await;
    assert_eq!(asked.status, 200);
    let asked = asked.json();
    assert_eq!(asked["hint"], "our café");
    assert_eq!(
        (&asked["views_left"], &asked["bound"]),
        (&1.into(), &false.into())
    );
    // Nothing that a password could be tried on.
    let mut names: Vec<&String> = asked.as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(
        names,
        [
            "bound",
            "expires",
            "hint",
            "lanes",
            "locked_until",
            "memory_exponent",
            "passes",
            "salt",
            "takes_reply",
            "views_left"
        ]
    );
    let wrong = release(&proof(&asked, "drei Räder"), &token(1));
    let wrong = post(&world, &issued.id, "release", &wrong).await;
    assert_eq!(
        (wrong.status, wrong.code()),
        (403, "link.wrong-proof".into())
    );
    let right = release(&proof(&asked, PASSWORD), &token(1));
    let released = post(&world, &issued.id, "release", &right).await;
    assert_eq!(released.status, 200);
    assert_eq!(released.field("content-type"), "application/octet-stream");
    let opened =
        Opener::for_links().open(released.body.clone(), &Passphrase::for_opening(PASSWORD));
    assert_eq!(opened.unwrap().content(), MAIL);
    // The same reader gets the same view again; nobody else gets another one.
    let again = post(&world, &issued.id, "release", &right).await;
    assert_eq!(again.body, released.body);
    let reader = serde_json::json!({ "reader": *token(1).to_text() });
    assert_eq!(
        post(&world, &issued.id, "resume", &reader).await.body,
        released.body
    );
    let other = release(&proof(&asked, PASSWORD), &token(2));
    let other = post(&world, &issued.id, "release", &other).await;
    assert_eq!(
        (other.status, other.code()),
        (410, "link.views-used".into())
    );
    assert!(challenge(&world, &issued.id).await.json()["salt"].is_null());
    world.later(Duration::from_secs(601));
    let late = post(&world, &issued.id, "resume", &reader).await;
    assert_eq!((late.status, late.code()), (410, "link.burned".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_lock_and_destroy_nothing() {
    let world = World::new().await;
    let issued = world.link(MAIL, Terms::new().attempts(2), None).await;
    let asked = challenge(&world, &issued.id).await.json();
    let (wrong, right) = (AccessProof::from_octets([7; 32]), proof(&asked, PASSWORD));
    let attempt =
        async |proof| post(&world, &issued.id, "release", &release(proof, &token(1))).await;
    let mut last = attempt(&wrong).await;
    while last.json()["at"].is_null() {
        last = attempt(&wrong).await;
    }
    assert_eq!(last.code(), "link.wrong-proof");
    // Not even the right one is looked at now.
    let locked = attempt(&right).await;
    assert_eq!((locked.status, locked.code()), (429, "link.locked".into()));
    let wait: u64 = locked.field("retry-after").parse().unwrap();
    assert!(challenge(&world, &issued.id).await.json()["locked_until"].is_u64());
    world.later(Duration::from_secs(wait));
    assert_eq!(attempt(&right).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_has_ended_says_why() {
    let world = World::new().await;
    let ends = async |issued: &symmetric_seal::store::Issued| {
        let answer = challenge(&world, &issued.id).await;
        assert!(answer.json()["at"].is_u64());
        (answer.status, answer.code())
    };
    let revoked = world.link(MAIL, Terms::new(), None).await;
    let done = world
        .links
        .revoke(&revoked.id, &revoked.sender, world.now())
        .await;
    assert!(done.unwrap().granted().is_some());
    assert_eq!(ends(&revoked).await, (410, "link.revoked".into()));

    let destroyed = world.link(MAIL, Terms::new(), None).await;
    let asked = challenge(&world, &destroyed.id).await.json();
    let stranger = serde_json::json!({ "reader": *token(9).to_text() });
    let refused = post(&world, &destroyed.id, "destroy", &stranger).await;
    assert_eq!(
        (refused.status, refused.code()),
        (403, "link.not-reader".into())
    );
    let right = release(&proof(&asked, PASSWORD), &token(9));
    post(&world, &destroyed.id, "release", &right).await;
    assert_eq!(
        post(&world, &destroyed.id, "destroy", &stranger)
            .await
            .status,
        200
    );
    assert_eq!(ends(&destroyed).await, (410, "link.destroyed".into()));

    let expired = world.link(MAIL, Terms::new(), None).await;
    world.later(Duration::from_secs(7 * 3600));
    assert_eq!(ends(&expired).await, (410, "link.expired".into()));
    world.later(MAX_LIFETIME);
    let unknown = challenge(&world, &LinkId::from_octets([3; 16])).await;
    assert_eq!(
        (unknown.status, unknown.code()),
        (404, "link.unknown".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_is_taken_from_a_reader_once_and_sealed() {
    let world = World::new().await;
    let issued = world.link(MAIL, Terms::new(), None).await;
    let asked = challenge(&world, &issued.id).await.json();
    let right = release(&proof(&asked, PASSWORD), &token(1));
    post(&world, &issued.id, "release", &right).await;
    let path = format!("/api/links/{}/reply", *issued.id.to_text());
    let reply = async |reader: u8, body: &[u8]| {
        let reader = format!(
            "Content-Type: application/octet-stream\r\nLetterlock-Reader: {}\r\n",
            *token(reader).to_text()
        );
        ask(&world, "POST", SEALED, &path, &reader, body).await
    };
    let password = Passphrase::for_sealing(PASSWORD).unwrap();
    let sealed = Sealer::new()
        .seal(b"Subject: Re\r\n\r\nyes", &password)
        .unwrap()
        .into_message();
    assert_eq!(reply(2, &sealed).await.code(), "link.not-reader");
    // In clear, or not by a named profile, nothing is kept.
    assert_eq!(
        reply(1, b"Subject: Re\r\n\r\nyes").await.code(),
        "web.malformed"
    );
    let mut weak = sealed.clone();
    weak[22 + 2] = 1;
    assert_eq!(reply(1, &weak).await.code(), "web.malformed");
    assert_eq!(reply(1, &sealed).await.status, 200);
    assert_eq!(reply(1, &sealed).await.status, 200, "the answer was lost");
    let other = Sealer::new().seal(b"no", &password).unwrap().into_message();
    assert_eq!(reply(1, &other).await.code(), "link.replied");
    let kept = world
        .links
        .fetch_reply(&issued.id, &issued.sender, world.now())
        .await;
    assert_eq!(*kept.unwrap().granted().unwrap().message, *sealed);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_page_of_ours_sends_is_refused() {
    let world = World::with(|config| config.web.sealed_octets = 4096).await;
    let issued = world.link(MAIL, Terms::new(), None).await;
    let id = issued.id.to_text();
    let path = |what: &str| format!("/api/links/{}/{what}", *id);
    let send = async |what: &str, fields: &str, body: &[u8]| {
        let answer = ask(&world, "POST", SEALED, &path(what), fields, body).await;
        (answer.status, answer.code())
    };
    let malformed = (400, "web.malformed".to_owned());
    for (what, fields, body) in [
        ("challenge", "", &b"{}"[..]),
        ("challenge", "Content-Type: text/plain\r\n", b"{}"),
        ("challenge", JSON, b""),
        ("challenge", JSON, b"{\"x\":1}"),
        ("release", JSON, b"{}"),
        ("release", JSON, b"{\"proof\":\"x\",\"reader\":\"x\"}"),
        ("destroy", JSON, b"{\"reader\":\"AAAAAAAAAAAAAAAAAAAAAB\"}"),
        ("reply", "Content-Type: application/octet-stream\r\n", b"x"),
    ] {
        assert_eq!(send(what, fields, body).await, malformed, "{what} {fields}");
    }
    for site in ["cross-site", "same-site", "none"] {
        let fields = format!("{JSON}Sec-Fetch-Site: {site}\r\n");
        let foreign = (403, "web.foreign".to_owned());
        assert_eq!(send("challenge", &fields, b"{}").await, foreign);
    }
    let own = format!("{JSON}Sec-Fetch-Site: same-origin\r\n");
    let answer = ask(&world, "POST", SEALED, &path("challenge"), &own, b"{}").await;
    assert_eq!(answer.status, 200);
    let large = (413, "web.too-large".to_owned());
    assert_eq!(send("challenge", JSON, &[b' '; 2000]).await, large);
    let fields = format!(
        "Content-Type: application/octet-stream\r\nLetterlock-Reader: {}\r\n",
        *token(1).to_text()
    );
    assert_eq!(send("reply", &fields, &[b'x'; 5000]).await, large);
    // The site has none of this.
    let elsewhere = ask(&world, "POST", SITE, &path("challenge"), JSON, b"{}").await;
    assert_eq!(elsewhere.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_many_links_that_do_not_exist_must_wait() {
    let world = World::with(|config| config.web.unknown_links = 3).await;
    let issued = world.link(MAIL, Terms::new(), None).await;
    let other = world.link(MAIL, Terms::new(), None).await;
    let asked = challenge(&world, &issued.id).await.json();
    for octet in 0..3 {
        assert_eq!(challenge(&world, &issued.id).await.status, 200, "no guess");
        let unknown = challenge(&world, &LinkId::from_octets([octet; 16])).await;
        assert_eq!(unknown.status, 404);
    }
    let busy = challenge(&world, &LinkId::from_octets([9; 16])).await;
    assert_eq!((busy.status, busy.code()), (429, "web.busy".into()));
    assert_eq!(busy.field("retry-after"), "901");
    // What the network has found before it still gets.
    assert_eq!(challenge(&world, &issued.id).await.status, 200);
    let right = release(&proof(&asked, PASSWORD), &token(1));
    let released = post(&world, &issued.id, "release", &right).await;
    assert_eq!(released.status, 200);
    // Another one that exists cannot be told from one that does not.
    let fields = |answer: &Answer| {
        (
            answer.status,
            answer.code(),
            answer.field("retry-after").to_owned(),
        )
    };
    let other = challenge(&world, &other.id).await;
    assert_eq!(fields(&other), fields(&busy));
}
