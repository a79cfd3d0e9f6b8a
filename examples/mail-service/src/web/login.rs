//! Logging in: the password, then what the account asks for besides.
//!
//! ```text
//! GET /login ── POST /login ──────────────────────────────► session
//!                    └── __Host-login ── GET /login/code ── POST /login/code, /recovery, /passkey ── session
//! ```
//!
//! Whatever was wrong is said in the same words, whoever has the name; the answer to a refusal comes a second after its
//! question, whatever it took to find out.

mod refused;
mod second;

pub(super) use refused::{Said, say};

use super::{
    cookies::Cookie,
    door::{Door, Failed, Visit, VisitForm, path_of, to},
    html::el,
    layout::{Script, button, card, field, form, hidden, p, said, soft},
};
use crate::{
    accounts,
    log::Network,
    login::{FAILED_LOGIN, WebLogin},
    second_factor::user_of,
    sessions::{
        Basis, Login,
        history::{How, What},
    },
};
use axum::{
    Router,
    extract::State,
    http::{StatusCode, Uri, header::HeaderName},
    response::Response,
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use std::sync::Arc;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, info};
use twofactor::{Method, Passed, Pending};

pub(super) type Answer = Result<Response, Response>;

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .route("/login", get(ask).post(log_in))
        .route("/logout", post(log_out))
        .merge(second::routes())
}

/// What a page of login says, and begins with.
#[derive(Default)]
struct Words<'a> {
    said: Option<&'a str>,
    wrong: Option<&'a str>,
    user: &'a str,
    place: Option<&'a str>,
}

async fn ask(State(door): State<Arc<Door>>, visit: Visit, uri: Uri) -> Answer {
    let query: Vec<_> =
        url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).collect();
    let value = |name: &str| {
        query
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| &**value)
    };
    let w = visit.words;
    let session = door.session(&visit.fields).await;
    let session = session.map_err(|error| visit.failed(&error))?;
    let prove = value("prove");
    let mut words = Words {
        place: value("to").or(prove),
        ..Words::default()
    };
    match (&session, prove) {
        (Some((session, _)), Some(_)) => {
            (words.said, words.user) = (Some(w.prove_text), session.account());
        }
        (Some(_), None) => return Ok(to(path_of(words.place))),
        (None, _) if value("over").is_some() => words.said = Some(w.session_over),
        (None, _) if value("out").is_some() => words.said = Some(w.logged_out),
        (None, _) if value("reset").is_some() => words.said = Some(w.reset_done),
        (None, _) => {}
    }
    page(&visit, StatusCode::OK, &words)
}

fn page(visit: &Visit, status: StatusCode, words: &Words<'_>) -> Answer {
    let w = visit.words;
    visit.page(status, (w.login_title, Script::None), |token| {
        let user = field("user", "email", w.address)
            .complete("username")
            .verbatim()
            .set("maxlength", "320")
            .set("value", words.user);
        let password = field("password", "password", w.password)
            .complete("current-password")
            .set("maxlength", "1024")
            .wrong(words.wrong);
        let (user, password) = match words.user {
            "" => (user.first(), password),
            _ => (user, password.first()),
        };
        card()
            .with(el("h1").with(w.login_title))
            .with(words.said.map(said))
            .with(p(w.login_text))
            .with(
                form("/login", token)
                    .with(words.place.map(|place| hidden("to", place)))
                    .with(user)
                    .with(password)
                    .with(button(w.login_title)),
            )
            .with(
                el("details")
                    .with(el("summary").with(w.forgotten))
                    .with(soft(w.login_forgotten)),
            )
            .into()
    })
}

async fn log_in(State(door): State<Arc<Door>>, VisitForm { visit, form }: VisitForm) -> Answer {
    let begun = Instant::now();
    let (typed, place) = (form.get("user"), form.get("to"));
    let device = visit.device();
    let password = form.secret("password");
    let logins = &door.logins;
    let login = logins.web(visit.client, device.as_ref(), typed, password);
    match (login.await, accounts::parse(typed)) {
        (WebLogin::Passed(passed), Ok(account)) => {
            enter(&door, &visit, (&account, &passed), 0, path_of(Some(place))).await
        }
        (WebLogin::Second(pending, methods), Ok(account)) => {
            debug!(?methods, "a second factor is asked for");
            second_step(&door, &visit, (&account, &pending), place)
        }
        (WebLogin::Unavailable, _) => Err(visit.unavailable()),
        (WebLogin::Refused(why), _) => {
            info!(client = %Network(visit.client), code = why.code(), "login refused");
            let refused = say(&visit, why, door.now(), visit.words.login_wrong);
            sleep_until(begun + FAILED_LOGIN).await;
            let words = Words {
                wrong: Some(&refused.text),
                user: typed,
                place: Some(place),
                ..Words::default()
            };
            Ok(refused.with(page(&visit, refused.status, &words)?))
        }
        // The crate knows no such user.
        (WebLogin::Passed(_) | WebLogin::Second(..), Err(_)) => Err(visit.unavailable()),
    }
}

/// On to the second factor, with what shows that the first has passed.
fn second_step(
    door: &Door,
    visit: &Visit,
    (account, pending): (&str, &Pending),
    place: &str,
) -> Answer {
    let sealed = door.logins.two_factor().seal_pending(pending);
    let sealed = sealed.map_err(|error| visit.failed(&error.into()))?;
    let path = match path_of(Some(place)) {
        "/account" => "/login/code".to_owned(),
        _ => format!("/login/code?to={place}"),
    };
    let mut response = to(&path);
    // For an address that is longer than the crate takes: what is sealed says which it must be.
    let account = URL_SAFE_NO_PAD.encode(account);
    Cookie::Login.put(&format!("{account}.{sealed}"), response.headers_mut());
    Ok(response)
}

/// Who is on the way to the second factor.
fn pending(door: &Door, visit: &Visit) -> Option<(Arc<str>, Pending)> {
    let (account, sealed) = Cookie::Login.of(&visit.fields)?.split_once('.')?;
    let pending = door.logins.two_factor().open_pending(sealed, door.now())?;
    let account = String::from_utf8(URL_SAFE_NO_PAD.decode(account).ok()?).ok()?;
    (user_of(&account).ok()? == *pending.user()).then(|| (account.into(), pending))
}

/// Whoever has passed is in: a session that nobody has had before, whatever the browser came with.
async fn enter(
    door: &Door,
    visit: &Visit,
    (account, passed): (&Arc<str>, &Passed),
    grown: u64,
    path: &str,
) -> Answer {
    let now = door.now();
    let failed = |error: Failed| visit.failed(&error);
    let hash = accounts::hash(&door.store, account, now).await;
    let hash = hash.map_err(|error| failed(error.into()))?;
    let Some(hash) = hash else {
        return Err(visit.unavailable());
    };
    // What has changed since is another generation, and then the session opens nothing. `grown` is what the login itself has
    // changed: a device that is remembered from now on.
    let generation = passed.generation() + grown;
    let login = Login {
        account: account.clone(),
        basis: Basis::new(&hash, generation),
        how: how(passed.method),
        place: visit.place.clone(),
    };
    // The session of before ends, whosever it is.
    if let Some((before, _)) = door.session(&visit.fields).await.map_err(failed)? {
        let ended = door.sessions.end(&before, now).await;
        ended.map_err(|error| failed(error.into()))?;
    }
    let token = door.sessions.begin(&login, now).await;
    let token = token.map_err(|error| failed(error.into()))?;
    let mut response = to(path);
    let fields = response.headers_mut();
    Cookie::Session.put(&token.to_text(), fields);
    Cookie::Visit.end(fields);
    if Cookie::Login.of(&visit.fields).is_some() {
        Cookie::Login.end(fields);
    }
    if let Some(device) = &passed.device {
        Cookie::Device.put(&device.text(), fields);
    }
    Ok(response)
}

fn how(method: Method) -> How {
    match method {
        Method::RememberedDevice => How::RememberedDevice,
        Method::Otp => How::Code,
        Method::Recovery => How::RecoveryCode,
        Method::Passkey => How::Passkey,
        // An app password never opens the site.
        _ => How::Password,
    }
}

/// A second factor that was wrong is written down; that it was not is no reason to let anybody wait.
async fn note_failure(door: &Door, visit: &Visit, account: &str) -> Result<(), Response> {
    let noted = door
        .sessions
        .note(account, What::SecondFailed, &visit.place, door.now());
    noted.await.map_err(|error| visit.failed(&error.into()))
}

async fn log_out(
    State(door): State<Arc<Door>>,
    super::door::UserForm { user, .. }: super::door::UserForm,
) -> Answer {
    let ended = door.sessions.end(&user.session, door.now()).await;
    ended.map_err(|error| user.visit.failed(&error.into()))?;
    let mut response = to("/login?out");
    let fields = response.headers_mut();
    Cookie::Session.end(fields);
    // Not the cookies: those of the other hosts would go, too, and this browser is to stay a known one.
    let clear = axum::http::HeaderValue::from_static("\"cache\", \"storage\"");
    fields.insert(HeaderName::from_static("clear-site-data"), clear);
    Ok(response)
}
