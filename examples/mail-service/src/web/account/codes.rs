//! An app that shows codes: its key, the code that proves that it has it, and what comes with the first one. The same proof is
//! asked for of a token that was made elsewhere.

use super::{
    Changed,
    app_passwords::{app_name, named},
    second_factor::PATH,
};
use crate::{
    sessions::history::What,
    web::{
        door::{Door, ProvenForm, User, to},
        html::{Html, el},
        layout::{button, card, field, form, hidden, link, p, soft, wrong},
        login::{Answer, say},
        words::fill,
    },
};
use axum::{Router, extract::State, http::StatusCode, response::Response, routing::post};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::sync::Arc;
use twofactor::{
    Confirmed, Enrolment, Error, NewAppPassword, Refusal, Scopes,
    decision::FactorId,
    otp::{Label, Parameters},
};
use zeroize::Zeroizing;

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .route("/account/second-factor/enrol", post(enrol))
        .route("/account/second-factor/confirm", post(confirm))
        .route("/account/second-factor/remove", post(remove))
}

/// What shows the codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shower {
    /// An app that was given the key here: six digits, by time.
    App,
    /// A token that came with one: as its maker liked it.
    Token,
}

/// The field that says that it is a token.
const TOKEN: &str = "token";

async fn enrol(State(door): State<Arc<Door>>, ProvenForm { user, .. }: ProvenForm) -> Answer {
    let factors = door.logins.two_factor();
    let label = Label::new(user.account()).or_else(|_| Label::new("mail"));
    let label = label.map_err(|_| user.visit.unavailable())?;
    let enrolment = factors
        .enrol(&user.id, &label, Parameters::default(), door.now())
        .await;
    let enrolment = match enrolment {
        Ok(enrolment) => enrolment,
        Err(Error::TooMany { .. }) => return Ok(too_many(&user)),
        Err(error) => return Err(super::broken(&user, error)),
    };
    let methods = factors.methods(&user.id, door.now()).await;
    let first = !methods
        .map_err(|error| super::broken(&user, error))?
        .is_enrolled();
    show(&user, &enrolment, first)
}

pub(super) fn too_many(user: &User) -> Response {
    let w = user.words();
    let content = card()
        .with(el("h1").with(w.codes_title))
        .with(p(w.too_many))
        .with(p(link(PATH, w.back)));
    user.page(StatusCode::CONFLICT, w.codes_title, PATH, content)
}

/// What the app is to know.
fn show(user: &User, enrolment: &Enrolment, first: bool) -> Answer {
    let w = user.words();
    let svg = enrolment.qr().map_err(|_| user.visit.unavailable())?.svg();
    let picture = Zeroizing::new(format!(
        "data:image/svg+xml;base64,{}",
        STANDARD.encode(&*svg)
    ));
    let content = card()
        .with(el("h1").with(w.enrol_title))
        .with(p(w.enrol_scan))
        .with(
            el("img")
                .class("qr")
                .set("src", &*picture)
                .set("alt", w.enrol_qr)
                .set("width", "240")
                .set("height", "240"),
        )
        .with(el("p").with(el("a").set("href", &**enrolment.uri()).with(w.enrol_link)))
        .with(p(w.enrol_key))
        .with(
            el("p")
                .class("key")
                .id("key")
                .with(&**enrolment.manual_key()),
        )
        .with(question(
            user,
            &enrolment.id().to_string(),
            (first, Shower::App),
            None,
        ));
    Ok(user.page(StatusCode::OK, w.enrol_title, PATH, content))
}

/// The code that shows that the app has it.
pub(super) fn question(
    user: &User,
    id: &str,
    (first, shower): (bool, Shower),
    bad: Option<&str>,
) -> Html {
    let w = user.words();
    let name = first.then(|| app_name(w));
    let code = match shower {
        Shower::App => field("code", "text", w.enrol_confirm).note(w.code_note),
        Shower::Token => field("code", "text", w.import_code),
    };
    form("/account/second-factor/confirm", user.token())
        .with(hidden("enrolment", id))
        .with((shower == Shower::Token).then(|| hidden(TOKEN, "1")))
        .with(code.digits().wrong(bad))
        .with(name)
        .with(button(w.enrol_on))
        .into()
}

async fn confirm(
    State(door): State<Arc<Door>>,
    ProvenForm { mut user, form }: ProvenForm,
) -> Answer {
    let w = user.words();
    let (factors, now) = (door.logins.two_factor(), door.now());
    let methods = factors.methods(&user.id, now).await;
    let first = !methods
        .map_err(|error| super::broken(&user, error))?
        .is_enrolled();
    let (code, id) = (form.secret("code"), form.get("enrolment").to_owned());
    let app = first.then(|| NewAppPassword {
        name: named(w, &form),
        scopes: Scopes::MAIL,
    });
    let (shower, title, other) = match form.has(TOKEN) {
        false => (Shower::App, w.enrol_title, w.enrol_wrong),
        true => (Shower::Token, w.import_title, w.import_other),
    };
    let Ok(enrolment) = id.parse() else {
        return Ok(to(PATH));
    };
    let confirmed = factors.confirm(&user.id, &enrolment, &code, app, now).await;
    match confirmed {
        Ok(Confirmed::On(enrolled)) => {
            let changed = Changed::by(&door, &mut user, What::CodesOn).await?;
            let made = (enrolled.recovery.as_ref(), enrolled.app_password.as_ref());
            changed.with(super::shown_once(&door, &user, made))
        }
        Ok(Confirmed::Refused(Refusal::Stale)) => {
            let content = card()
                .with(el("h1").with(title))
                .with(p(w.enrol_gone))
                .with(p(link(PATH, w.begin_again)));
            Ok(user.page(StatusCode::GONE, title, PATH, content))
        }
        Ok(Confirmed::Refused(why)) => {
            let refused = say(&user.visit, why, now, other);
            let content = card()
                .with(el("h1").with(title))
                .with((shower == Shower::App).then(|| soft(w.enrol_keep)))
                .with(question(&user, &id, (first, shower), Some(&refused.text)))
                .with(soft(link(PATH, w.cancel)));
            Ok(refused.with(user.page(refused.status, title, PATH, content)))
        }
        Err(Error::TooMany { .. }) => Ok(too_many(&user)),
        Err(Error::Name { most }) => {
            let text = fill(w.app_name_wrong, &[("most", &most.to_string())]);
            let content = card()
                .with(el("h1").with(title))
                .with(wrong(&text))
                .with(question(&user, &id, (first, shower), None));
            Ok(user.page(StatusCode::UNPROCESSABLE_ENTITY, title, PATH, content))
        }
        Err(error) => Err(super::broken(&user, error)),
    }
}

async fn remove(
    State(door): State<Arc<Door>>,
    ProvenForm { mut user, form }: ProvenForm,
) -> Answer {
    let Ok(number) = form.get("factor").parse() else {
        return Ok(to(PATH));
    };
    let factors = door.logins.two_factor();
    let gone = factors
        .remove_otp(&user.id, FactorId::from_number(number), door.now())
        .await;
    match gone {
        Ok(_) => {}
        Err(Error::NoSuch { .. }) => return Ok(to(PATH)),
        Err(error) => return Err(super::broken(&user, error)),
    }
    let methods = factors.methods(&user.id, door.now()).await;
    let methods = methods.map_err(|error| super::broken(&user, error))?;
    let changed = Changed::by(&door, &mut user, What::CodesOff).await?;
    let path = match methods.is_enrolled() {
        true => "/account/second-factor?done",
        false => "/account/second-factor?off",
    };
    changed.with(to(path))
}
