//! What cannot be seen from afar: what is computed and read for whom.

use super::*;
use crate::{
    fixture::{ACCOUNT, Fixture, PASSWORD},
    login::LoggedIn,
};
use axum::body::{Body, Bytes};
use http_body_util::BodyExt;
use hyper::{body::Frame, service::Service as _};
use hyper_util::service::TowerToHyperService;
use std::{
    convert::Infallible,
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll},
};
use symmetric_seal::{Passphrase, Profile, Sealer};
use twofactor::Scope;

/// A body that tells whether it was read.
struct Watched {
    read: Arc<AtomicBool>,
    content: Option<Bytes>,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.read.store(true, Ordering::Relaxed);
        Poll::Ready(self.content.take().map(|content| Ok(Frame::data(content))))
    }
}

struct World {
    fixture: Fixture,
    router: Router,
}

struct Answer {
    status: u16,
    json: serde_json::Value,
    body_was_read: bool,
}

impl World {
    async fn new() -> Self {
        let fixture = Fixture::new(|config| config.limits.login_failures = 2).await;
        let pages = super::super::assets::site().unwrap();
        let door = Arc::new(Door::new(
            fixture.service,
            pages,
            8443,
            fixture.store.clone(),
        ));
        let compose = Compose::new(fixture.service, 8443, fixture.store.clone(), door);
        Self {
            router: compose.routes(),
            fixture,
        }
    }

    fn computed(&self) -> usize {
        self.fixture.service.logins.computed()
    }

    async fn hand_in(&self, client: u8, login: &str, to: &str) -> Answer {
        let sealed = Sealer::new().profile(Profile::LOW_MEMORY);
        let password = Passphrase::for_sealing("the agreed password").unwrap();
        let sealed = sealed.seal(b"Subject: x\r\n\r\ny", &password).unwrap();
        let terms = json!({
            "from": ACCOUNT, "to": to, "hint": null, "days": 1, "views": 1, "bound": false,
            "proof": sealed.receipt().proof_hash().to_text(),
        });
        let read = Arc::new(AtomicBool::new(false));
        let body = Watched {
            read: read.clone(),
            content: Some(sealed.into_message().into()),
        };
        let request = Request::post("/api/seal")
            .header(CONTENT_TYPE, OCTETS)
            .header(AUTHORIZATION, format!("Basic {}", STANDARD.encode(login)))
            .header(TERMS, URL_SAFE_NO_PAD.encode(terms.to_string()))
            .extension(Client(IpAddr::from([192, 0, client, 9])))
            .body(Body::new(body))
            .unwrap();
        let service = TowerToHyperService::new(self.router.clone());
        let answer = service.call(request).await.unwrap();
        let status = answer.status().as_u16();
        let octets = answer.into_body().collect().await.unwrap().to_bytes();
        Answer {
            status,
            json: serde_json::from_slice(&octets).unwrap(),
            body_was_read: read.load(Ordering::Relaxed),
        }
    }
}

fn right() -> String {
    format!("{ACCOUNT}:{PASSWORD}")
}

#[tokio::test(start_paused = true)]
async fn before_the_login_nothing_is_read_and_after_failures_nothing_is_computed() {
    let world = World::new().await;
    for wrong in [format!("{ACCOUNT}:{PASSWORD}x"), "nobody@b.test:x".into()] {
        let refused = world.hand_in(1, &wrong, ACCOUNT).await;
        assert_eq!((refused.status, refused.body_was_read), (403, false));
        assert_eq!(refused.json["code"], "login.refused");
    }
    assert_eq!(world.computed(), 2);
    let throttled = world.hand_in(1, &right(), ACCOUNT).await;
    assert_eq!((throttled.status, throttled.body_was_read), (429, false));
    assert_eq!(throttled.json["code"], "login.throttled");
    assert_eq!(world.computed(), 2, "no password was looked at");
    // It is the budget of the other doors, too.
    let logins = &world.fixture.service.logins;
    let password = Zeroizing::new(PASSWORD.to_owned());
    let elsewhere = logins.mail([192, 0, 1, 9].into(), Scope::Pop3, ACCOUNT, password);
    let elsewhere = elsewhere.await;
    assert!(
        matches!(elsewhere, LoggedIn::Throttled { .. }),
        "{elsewhere:?}"
    );
    // The mutation: from a network that has not failed, the same is computed, read and taken.
    let taken = world.hand_in(2, &right(), ACCOUNT).await;
    assert_eq!((taken.status, taken.body_was_read), (200, true));
    assert_eq!(world.computed(), 3);
}

#[tokio::test]
async fn the_mail_to_somebody_here_lies_in_the_mailbox() {
    let world = World::new().await;
    let taken = world.hand_in(1, &right(), ACCOUNT).await;
    assert_eq!((taken.status, &taken.json["mailed"]), (200, &true.into()));
    let service = world.fixture.service;
    let now = service.clock.now();
    let rows = service.mailboxes.rows(ACCOUNT, now).await.unwrap();
    let [row] = &rows[..] else {
        panic!("{}", rows.len());
    };
    let mail = service.mailboxes.load(row, now).await.unwrap();
    let mail = str::from_utf8(&mail).unwrap();
    assert!(mail.starts_with(&format!("Return-Path: <{ACCOUNT}>\r\n")));
    assert!(
        mail.contains(taken.json["link"].as_str().unwrap()),
        "{mail}"
    );
    // Who is not there gets none, and the sender is told.
    let nobody = world.hand_in(1, &right(), "nobody@b.test").await;
    assert_eq!(nobody.status, 502);
    assert_eq!(nobody.json["code"], "compose.not-delivered");
    assert_eq!(nobody.json["why"], "there is no such mailbox here");
}

#[test]
fn credentials_are_read_as_rfc_7617_has_them() {
    let read = |values: &[&str]| {
        let mut fields = HeaderMap::new();
        for value in values {
            fields.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        credentials(&fields).map(|(user, password)| (user, password.to_string()))
    };
    // RFC 7617 §2.1: in UTF-8; a colon is a part of the password.
    let encoded = STANDARD.encode("a@b.test:p\u{e4}:ss ");
    for scheme in ["Basic", "basic"] {
        let (user, password) = read(&[&format!("{scheme} {encoded}")]).unwrap();
        assert_eq!((&*user, &*password), ("a@b.test", "p\u{e4}:ss "));
    }
    let good = format!("Basic {encoded}");
    for bad in [
        &[][..],
        &["Basic"],
        &["Basic "],
        &["Basic !"],
        &["Bearer YTpi"],
        &["Basic YQ=="],
        &["Basic /zo="],
        &[&good, &good],
    ] {
        assert!(read(bad).is_err(), "{bad:?}");
    }
}
