//! What the page that seals hands in.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use mail_service::{Accounts, Chosen};
use record_store::{Prefix, Records};
use serde_json::{Value, json};
use symmetric_seal::link::{LinkId, LinkSecret, ReaderToken, SenderToken, Status};
use symmetric_seal::{Opener, Passphrase, Profile, Sealed, Sealer};

use super::http::{Answer, ask, raw};
use super::outside::Outside;
use super::peer::Script;
use super::world::{PASSWORD, SEALED, SITE, World};

pub(crate) const ALICE: &str = "alice@b.test";
pub(crate) const LOGIN: &str = "the key to the letter-box";
pub(crate) const BOB: &str = "bob@example.test";
const MAIL: &[u8] = b"Subject: the vault\r\n\r\n4711\r\n";

/// A service with an account, and the servers of others.
pub(crate) struct Post {
    pub(crate) world: World,
    pub(crate) outside: Outside,
}

impl Post {
    pub(crate) async fn new() -> Self {
        let outside = Outside::new().await;
        let world = World::with(|config| {
            outside.settings(config);
            config.secure = [("secure.b.test".to_owned(), "b.test".to_owned())].into();
            config.web.sealed_octets = 1024 * 1024;
            config.limits.login_failures = 3;
        })
        .await;
        let accounts = Accounts::new(world.store.clone());
        for (address, password) in [(ALICE, LOGIN), ("carol@b.test", "of somebody else")] {
            let password = Chosen::unchecked(password);
            accounts.add(address, &password, world.now()).await.unwrap();
        }
        Self { world, outside }
    }

    async fn hand_in(&self, request: &Sending) -> Answer {
        let (fields, body) = (request.fields(), &request.body);
        ask(&self.world, "POST", SITE, "/api/seal", &fields, body).await
    }

    /// How many records there are of the messages of links.
    async fn kept(&self) -> usize {
        let prefix = Prefix::new("seal-body", ()).unwrap();
        let found = self.world.store.scan(&prefix, None, 100, self.world.now());
        found.await.unwrap().entries.len()
    }

    fn mailed(&self) -> usize {
        self.outside.peer.seen().messages.len()
    }

    /// What whoever has link and password finds.
    async fn opened(&self, link: &str, secret: Option<&LinkSecret>) -> Vec<u8> {
        let id: LinkId = link.rsplit('/').next().unwrap().parse().unwrap();
        let (links, now) = (&self.world.links, self.world.now());
        let view = links.view(&id, now).await.unwrap().granted().unwrap();
        assert_eq!(view.bound, secret.is_some());
        let key = Opener::for_links().derive(&view.challenge.unwrap(), &password(secret));
        let key = key.unwrap();
        let reader = ReaderToken::from_octets([5; 16]);
        let released = links.release(&id, key.access_proof(), &reader, now).await;
        let message = released.unwrap().granted().unwrap().message.to_vec();
        let opened = Opener::for_links().open_with(message, &key).unwrap();
        opened.content().to_vec()
    }
}

fn password(secret: Option<&LinkSecret>) -> Passphrase {
    let password = Passphrase::for_sealing(PASSWORD).unwrap();
    match secret {
        Some(secret) => password.bound_to(secret),
        None => password,
    }
}

fn sealed(sealer: Sealer, secret: Option<&LinkSecret>) -> Sealed {
    sealer.seal(MAIL, &password(secret)).unwrap()
}

/// As the page sends it.
struct Sending {
    login: String,
    terms: Value,
    kind: &'static str,
    more: &'static str,
    body: Vec<u8>,
}

impl Sending {
    fn new() -> Self {
        Self::of(&sealed(Sealer::new().profile(Profile::LOW_MEMORY), None))
    }

    fn of(sealed: &Sealed) -> Self {
        Self {
            login: format!("{ALICE}:{LOGIN}"),
            terms: json!({
                "from": ALICE,
                "to": BOB,
                "hint": "our caf\u{e9}",
                "days": 3,
                "views": 2,
                "bound": false,
                "proof": sealed.receipt().proof_hash().to_text(),
            }),
            kind: "application/octet-stream",
            more: "Sec-Fetch-Site: same-origin\r\n",
            body: sealed.message().to_vec(),
        }
    }

    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.terms[name] = value.into();
        self
    }

    fn fields(&self) -> String {
        format!(
            "Content-Type: {}\r\nAuthorization: Basic {}\r\nLetterlock-Terms: {}\r\n{}",
            self.kind,
            STANDARD.encode(&self.login),
            URL_SAFE_NO_PAD.encode(self.terms.to_string()),
            self.more,
        )
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_page_has_sealed_is_kept_and_its_link_is_mailed() {
    let post = Post::new().await;
    let taken = post.hand_in(&Sending::new()).await;
    assert_eq!(taken.status, 200);
    let told = taken.json();
    let link = told["link"].as_str().unwrap();
    let port = post.world.https().port();
    assert!(
        link.starts_with(&format!("https://{SEALED}:{port}/s/")),
        "{link}"
    );
    assert_eq!(told["mailed"], true);

    let seen = post.outside.peer.take();
    let [(true, mail)] = &seen.messages[..] else {
        panic!("{seen:?}");
    };
    assert!(mail.contains("From: <alice@b.test>\r\nTo: <bob@example.test>\r\n"));
    assert!(
        mail.contains(link) && mail.contains("our caf=C3=A9"),
        "{mail}"
    );
    for hidden in [
        PASSWORD,
        LOGIN,
        "vault",
        "4711",
        told["token"].as_str().unwrap(),
    ] {
        assert!(!mail.contains(hidden), "{hidden}: {mail}");
    }
    assert_eq!(post.opened(link, None).await, MAIL);

    // The token is the sender's.
    let id: LinkId = link.rsplit('/').next().unwrap().parse().unwrap();
    let token: SenderToken = told["token"].as_str().unwrap().parse().unwrap();
    let status = post.world.links.status(&id, &token, post.world.now()).await;
    let status = status.unwrap().granted().unwrap();
    assert_eq!(status.status, Status::Available { views_left: 1 });
    let days = status.expires.duration_since(post.world.now()).unwrap();
    // A link knows whole seconds.
    assert_eq!(days.as_secs().div_ceil(60), 3 * 24 * 60);
    assert_eq!(told["expires"], {
        let since = status.expires.duration_since(std::time::UNIX_EPOCH);
        since.unwrap().as_secs()
    });
    // A secure address is that of the account, too.
    let secure = Sending::new().with("from", "alice@secure.b.test");
    assert_eq!(post.hand_in(&secure).await.status, 200);
    assert!(
        post.outside.peer.seen().messages[0]
            .1
            .contains("<alice@secure.b.test>")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_bound_message_the_server_knows_half_the_link_and_mails_nothing() {
    let post = Post::new().await;
    let secret = LinkSecret::from_octets([0xfb; 16]);
    let sealer = Sealer::new().profile(Profile::LOW_MEMORY);
    let sending = Sending::of(&sealed(sealer, Some(&secret))).with("bound", true);
    let taken = post.hand_in(&sending).await;
    assert_eq!(
        (taken.status, &taken.json()["mailed"]),
        (200, &false.into())
    );
    let link = taken.json()["link"].as_str().unwrap().to_owned();
    assert!(!link.contains('#'));
    assert_eq!(post.opened(&link, Some(&secret)).await, MAIL);
    assert_eq!(post.outside.peer.seen().connections, 0);
    // The mutation: one that is not bound is mailed.
    assert_eq!(post.hand_in(&Sending::new()).await.status, 200);
    assert_eq!(post.mailed(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_the_senders_or_not_sealed_is_refused_and_leaves_nothing() {
    let post = Post::new().await;
    let refused = async |sending: Sending| {
        let answer = post.hand_in(&sending).await;
        (answer.status, answer.code())
    };
    let of = |change: fn(&mut Sending)| {
        let mut sending = Sending::new();
        change(&mut sending);
        sending
    };
    let no = |status: u16, code: &str| (status, code.to_owned());

    let wrong = of(|s| s.login = format!("{ALICE}:{LOGIN}x"));
    assert_eq!(refused(wrong).await, no(403, "login.refused"));
    let other = Sending::new().with("from", "carol@b.test");
    assert_eq!(refused(other).await, no(403, "compose.not-yours"));
    for from in [
        "alice@example.test",
        "alice",
        "",
        "alice@b.test\r\nBcc: x@y.test",
    ] {
        let from = Sending::new().with("from", from);
        assert_eq!(refused(from).await, no(403, "compose.not-yours"));
    }
    for (name, value, code) in [
        ("to", json!("bob"), "compose.to"),
        (
            "to",
            json!("bob@example.test\r\nBcc: x@y.test"),
            "compose.to",
        ),
        ("to", json!("b@c.test, d@e.test"), "compose.to"),
        ("hint", json!("a\r\nb"), "compose.hint"),
        ("hint", json!(""), "compose.hint"),
        ("days", json!(0), "compose.terms"),
        ("days", json!(400), "compose.terms"),
        ("views", json!(0), "compose.terms"),
        ("views", json!(251), "compose.terms"),
        ("views", json!(256), "web.malformed"),
        ("proof", json!("AAAA"), "web.malformed"),
        ("password", json!("x"), "web.malformed"),
    ] {
        let sending = Sending::new().with(name, value);
        assert_eq!(refused(sending).await, no(400, code), "{name}");
    }

    let malformed = no(400, "web.malformed");
    assert_eq!(refused(of(|s| s.body = MAIL.to_vec())).await, malformed);
    assert_eq!(refused(of(|s| s.body.clear())).await, malformed);
    assert_eq!(refused(of(|s| s.body.push(0))).await, malformed);
    // One pass of Argon2 is none of the named profiles.
    assert_eq!(refused(of(|s| s.body[22 + 2] = 1)).await, malformed);
    let armored = sealed(Sealer::new().profile(Profile::LOW_MEMORY).armored(), None);
    assert_eq!(refused(Sending::of(&armored)).await, malformed);
    assert_eq!(refused(of(|s| s.kind = "text/plain")).await, malformed);
    for site in ["cross-site", "same-site", "none"] {
        let mut sending = Sending::new();
        sending.more = match site {
            "cross-site" => "Sec-Fetch-Site: cross-site\r\n",
            "same-site" => "Sec-Fetch-Site: same-site\r\n",
            _ => "Sec-Fetch-Site: none\r\n",
        };
        assert_eq!(refused(sending).await, no(403, "web.foreign"), "{site}");
    }
    let twice = of(|s| s.more = "Authorization: Basic YTpi\r\n");
    assert_eq!(refused(twice).await, malformed);
    let empty = ask(
        &post.world,
        "POST",
        SITE,
        "/api/seal",
        "Content-Type: application/octet-stream\r\n",
        b"x",
    );
    assert_eq!(empty.await.code(), "web.malformed");

    assert_eq!(post.kept().await, 0);
    assert_eq!(post.outside.peer.seen().connections, 0);
    // The mutation: with nothing wrong it is kept and mailed.
    assert_eq!(post.hand_in(&Sending::new()).await.status, 200);
    assert!(post.kept().await > 0);
    assert_eq!(post.mailed(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_refused_before_it_is_read() {
    let post = Post::new().await;
    let send = async |length: &str, body: &[u8]| {
        let fields = Sending::new().fields();
        let head = format!(
            "POST /api/seal HTTP/1.1\r\nHost: {SITE}\r\nConnection: close\r\n{fields}{length}\r\n\r\n"
        );
        let answer = raw(&post.world, SITE, &[head.as_bytes(), body].concat()).await;
        (answer.status, answer.code())
    };
    let large = (413, "web.too-large".to_owned());
    // Nothing of what was announced is sent, and nobody waits for it.
    assert_eq!(send("Content-Length: 1048577", b"").await, large);
    // What is not announced is counted.
    let chunk = [&b"100001\r\n"[..], &vec![b'x'; 0x10_0001], b"\r\n0\r\n\r\n"].concat();
    assert_eq!(send("Transfer-Encoding: chunked", &chunk).await, large);
    // The mutation: as large as it may be, it is looked at, and is no sealed message.
    let body = vec![b'x'; 1_048_576];
    let most = send("Content-Length: 1048576", &body).await;
    assert_eq!(most, (400, "web.malformed".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_must_wait_here_as_well() {
    let post = Post::new().await;
    let mut wrong = Sending::new();
    wrong.login = format!("{ALICE}:guess");
    for _ in 0..3 {
        assert_eq!(post.hand_in(&wrong).await.code(), "login.refused");
    }
    let right = post.hand_in(&Sending::new()).await;
    assert_eq!(
        (right.status, right.code()),
        (429, "login.throttled".into())
    );
    // An hour since the first guess, less what has passed since.
    let seconds: u64 = right.field("retry-after").parse().unwrap();
    assert!((1800..=3601).contains(&seconds), "{seconds}");
    assert_eq!(post.kept().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn if_the_mail_is_not_delivered_the_message_is_taken_back_and_the_page_is_told() {
    let post = Post::new().await;
    let script = Script::tls().replying("RCPT", "550 5.1.1 nobody of this name");
    post.outside.peer.becomes(script);
    let refused = post.hand_in(&Sending::new()).await;
    assert_eq!(
        (refused.status, refused.code()),
        (502, "compose.not-delivered".into())
    );
    let why = refused.json()["why"].as_str().unwrap().to_owned();
    assert!(
        why.contains("5.1.1") && why.contains("nobody of this name"),
        "{why}"
    );
    let nowhere = Sending::new().with("to", "bob@nowhere.test");
    let nowhere = post.hand_in(&nowhere).await.json();
    assert!(
        nowhere["why"].as_str().unwrap().contains("mx."),
        "{nowhere}"
    );
    assert_eq!(post.kept().await, 0);
    // The mutation: once the server takes it, the message stays.
    post.outside.peer.becomes(Script::tls());
    assert_eq!(post.hand_in(&Sending::new()).await.status, 200);
    assert!(post.kept().await > 0);
}

/// What the weak message of these tests is: the fourth field of its header.
#[test]
fn the_octet_that_makes_a_message_weak_is_the_number_of_passes() {
    let mut message = Sending::new().body;
    let passes = |message: &[u8]| {
        let inspected = Opener::new().inspect(message).unwrap();
        inspected.parameters().to_octets()[16]
    };
    assert_eq!(passes(&message), 3);
    message[22 + 2] = 1;
    assert_eq!(passes(&message), 1);
}
