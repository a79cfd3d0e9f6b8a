use super::*;
use crate::{
    fixture::{ACCOUNT, Fixture, PASSWORD},
    login::WebLogin,
    web::{Client as Address, assets},
};
use axum::{
    body::Body,
    http::{HeaderMap, Request, header},
};
use http_body_util::BodyExt;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use std::{net::IpAddr, time::Duration};
use twofactor::{Confirmed, otp};

const ANOTHER: &str = "ein ganz anderes Wort";

struct World {
    fixture: Fixture,
    router: Router,
    door: Arc<Door>,
    cookie: String,
    form: String,
}

struct Page {
    status: u16,
    fields: HeaderMap,
    text: String,
}

impl World {
    async fn new() -> Self {
        let fixture = Fixture::new(|_| {}).await;
        let pages = assets::site().unwrap();
        let door = Arc::new(Door::new(
            fixture.service,
            pages,
            8443,
            fixture.store.clone(),
        ));
        Self {
            router: routes().with_state(door.clone()),
            door,
            fixture,
            cookie: String::new(),
            form: String::new(),
        }
    }

    async fn link(&self) -> Zeroizing<String> {
        reset::issue(&self.fixture.store, ACCOUNT, self.door.now())
            .await
            .unwrap()
    }

    async fn ask(&mut self, request: axum::http::request::Builder, body: String) -> Page {
        let request = request
            .header(header::COOKIE, &self.cookie)
            .header(header::ORIGIN, &self.door.origin)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .extension(Address(IpAddr::from([192, 0, 2, 1])))
            .body(Body::from(body))
            .unwrap();
        let service = TowerToHyperService::new(self.router.clone());
        let answer = service.call(request).await.unwrap();
        let (head, body) = answer.into_parts();
        if let Some(cookie) = head.headers.get(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            self.cookie = cookie.split(';').next().unwrap().to_owned();
        }
        let octets = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(octets.to_vec()).unwrap();
        if let Some((_, rest)) = text.split_once("name=\"form\" value=\"") {
            self.form = rest.split('"').next().unwrap().to_owned();
        }
        Page {
            status: head.status.as_u16(),
            fields: head.headers,
            text,
        }
    }

    async fn look(&mut self, token: &str) -> Page {
        self.ask(Request::get(format!("/reset/{token}")), String::new())
            .await
    }

    async fn set(&mut self, token: &str, (new, again): (&str, &str), second: &str) -> Page {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs([("form", &*self.form), ("token", token), ("new", new)]);
        body.extend_pairs([("again", again), ("second", second)]);
        let body = body.finish();
        self.ask(Request::post("/reset"), body).await
    }

    /// Whether a password is the account's, and whether something comes second.
    async fn opens(&self, password: &str) -> Option<bool> {
        let password = Zeroizing::new(password.to_owned());
        let address = IpAddr::from([192, 0, 2, 77]);
        match self.door.logins.web(address, None, ACCOUNT, password).await {
            WebLogin::Passed(_) => Some(false),
            WebLogin::Second(..) => Some(true),
            _ => None,
        }
    }

    /// Sets up an app, and gives a code of the next step, and a recovery code.
    async fn enrol(&self) -> (String, String) {
        let (factors, now) = (self.door.logins.two_factor(), self.door.now());
        let user = user_of(ACCOUNT).unwrap();
        let label = otp::Label::new(ACCOUNT).unwrap();
        let begun = factors
            .enrol(&user, &label, otp::Parameters::default(), now)
            .await
            .unwrap();
        let secret = otp::Secret::from_base32(&begun.manual_key()).unwrap();
        let app = otp::Otp::new(otp::Parameters::default(), secret);
        let code = |at| app.code_at(app.step_at(at)).expose().to_owned();
        let first = code(now);
        let confirmed = factors
            .confirm(&user, &begun.id(), &first, None, now)
            .await
            .unwrap();
        let Confirmed::On(enrolled) = confirmed else {
            panic!("{confirmed:?}");
        };
        let recovery = enrolled.recovery.unwrap();
        let recovery = recovery.iter().next().unwrap().text().to_string();
        (code(now + Duration::from_secs(30)), recovery)
    }
}

#[tokio::test]
async fn a_link_sets_a_password_once_and_a_look_takes_nothing() {
    let mut world = World::new().await;
    let link = world.link().await;
    for _ in 0..3 {
        assert_eq!(world.look(&link).await.status, 200);
    }
    for (words, part) in [
        ((ANOTHER, PASSWORD), "not the same"),
        (("short", "short"), "15 characters"),
        ((ACCOUNT, ACCOUNT), "the name of this domain"),
    ] {
        let page = world.set(&link, words, "").await;
        assert_eq!(page.status, 422);
        assert!(page.text.contains(part), "{}", page.text);
    }
    assert_eq!(world.opens(PASSWORD).await, Some(false));
    let done = world.set(&link, (ANOTHER, ANOTHER), "").await;
    assert_eq!(
        (done.status, &done.fields[header::LOCATION]),
        (303, &"/login?reset".parse().unwrap())
    );
    assert_eq!(world.opens(PASSWORD).await, None);
    assert_eq!(world.opens(ANOTHER).await, Some(false));
    // Once; and what never was one says the same.
    let used = world
        .set(&link, ("a third password", "a third password"), "")
        .await;
    assert_eq!(used.status, 410);
    for none in ["x", &"A".repeat(43), &link] {
        let page = world.look(none).await;
        assert_eq!((page.status, page.text), (410, used.text.clone()));
    }
    assert_eq!(world.opens(ANOTHER).await, Some(false));
}

#[tokio::test]
async fn a_second_factor_is_asked_for_before_anything_changes_and_stays() {
    let mut world = World::new().await;
    let (code, recovery) = world.enrol().await;
    let link = world.link().await;
    assert!(world.look(&link).await.text.contains("second factor"));
    for wrong in ["", "000000", "ABCD-EFGH-JKMN-PQRS"] {
        let page = world.set(&link, (ANOTHER, ANOTHER), wrong).await;
        assert_eq!(page.status, 403, "{wrong}");
        assert!(page.text.contains("id=\"second-error\""), "{}", page.text);
    }
    assert_eq!(
        world.opens(PASSWORD).await,
        Some(true),
        "nothing has changed"
    );
    let done = world.set(&link, (ANOTHER, ANOTHER), &code).await;
    assert_eq!(done.status, 303, "{}", done.text);
    assert_eq!(world.opens(PASSWORD).await, None);
    assert_eq!(world.opens(ANOTHER).await, Some(true), "the factor stays");
    // By a recovery code, too.
    let link = world.link().await;
    world.look(&link).await;
    let done = world.set(&link, (PASSWORD, PASSWORD), &recovery).await;
    assert_eq!(done.status, 303, "{}", done.text);
    assert_eq!(world.opens(PASSWORD).await, Some(true));
}

#[tokio::test]
async fn its_form_is_bound_to_the_browser_that_has_read_it() {
    let mut world = World::new().await;
    let link = world.link().await;
    world.look(&link).await;
    let form = std::mem::replace(&mut world.form, "A".repeat(43));
    assert_eq!(world.set(&link, (ANOTHER, ANOTHER), "").await.status, 403);
    world.form = form;
    let cookie = std::mem::take(&mut world.cookie);
    assert_eq!(world.set(&link, (ANOTHER, ANOTHER), "").await.status, 403);
    assert_eq!(world.opens(PASSWORD).await, Some(false));
    world.cookie = cookie;
    assert_eq!(world.set(&link, (ANOTHER, ANOTHER), "").await.status, 303);
}
