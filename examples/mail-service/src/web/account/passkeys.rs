//! Passkeys. The browser is asked by the one script that these pages have; what it says comes back in a form as any other.

use super::{
    Changed,
    app_passwords::{app_name, named},
};
use crate::{
    clock::minute,
    sessions::history::What,
    web::{
        door::{Door, Proven, ProvenForm, User, to},
        html::{Element, Html, el},
        layout::{Script, button, card, field, form, hidden, link, p, soft, wrong},
        login::Answer,
        words::fill,
    },
};
use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use std::sync::Arc;
use twofactor::{
    Error, NewAppPassword, PasskeyConfirmed, Scopes,
    passkey::{Passkey, PasskeyId},
};

const PATH: &str = "/account/passkeys";

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .route(PATH, get(show).post(add))
        .route("/account/passkeys/options", post(options))
        .route("/account/passkeys/remove", post(remove))
        .route(
            "/account/passkeys/rename/{passkey}",
            get(ask_name).post(rename),
        )
}

async fn show(State(door): State<Arc<Door>>, Proven(user): Proven) -> Answer {
    page(&door, &user, (StatusCode::OK, "", None, None)).await
}

async fn page(
    door: &Door,
    user: &User,
    (status, name, name_wrong, key_wrong): (StatusCode, &str, Option<&str>, Option<&str>),
) -> Answer {
    let (w, factors, now) = (user.words(), door.logins.two_factor(), door.now());
    let methods = factors.methods(&user.id, now).await;
    let methods = methods.map_err(|error| super::broken(user, error))?;
    let all = factors.passkeys(&user.id, now).await;
    let all = all.map_err(|error| super::broken(user, error))?;
    let list = match all.is_empty() {
        true => soft(w.passkey_none),
        false => el("ul")
            .class("list")
            .each(all.iter().map(|one| line(user, one))),
    };
    let first = card()
        .with(el("h1").with(w.passkeys))
        .with(p(w.passkey_text))
        .with(list);
    // The first one brings recovery codes and an app password.
    let app = (!methods.is_enrolled()).then(|| app_name(w));
    let second = card().with(el("h2").with(w.passkey_add)).with(
        form(PATH, user.token())
            .set("data-passkey", "create")
            .set("data-options", "/account/passkeys/options")
            .set("data-failed", w.passkey_failed)
            .with(hidden("challenge", ""))
            .with(hidden("response", ""))
            .with(
                field("name", "text", w.app_name)
                    .complete("off")
                    .set("maxlength", "64")
                    .set("value", name)
                    .note(w.passkey_name_note)
                    .wrong(name_wrong),
            )
            .with(app)
            .with(button(w.passkey_add))
            .with(el("noscript").with(soft(w.passkey_script)))
            .with(match key_wrong {
                Some(text) => wrong(text),
                None => el("p").class("error").set("role", "alert"),
            }),
    );
    let content = Html::from([first, second]);
    Ok(user.page_with(status, (w.passkeys, PATH, Script::Passkey), content))
}

fn line(user: &User, one: &Passkey) -> Element {
    let w = user.words();
    let name = one.name().as_str();
    let used = match one.last_used() {
        Some(at) => fill(
            w.app_used,
            &[("when", minute(at).get(..10).unwrap_or_default())],
        ),
        None => w.app_unused.to_owned(),
    };
    let made = fill(w.app_made_at, &[("when", &minute(one.registered()))]);
    el("li")
        .with(
            el("div")
                .class("what")
                .with(p(name))
                .with(soft(format!("{made}, {used}")))
                .with(soft(
                    link(&rename_path(one.id()), w.rename)
                        .set("aria-label", fill(w.passkey_rename, &[("name", name)])),
                )),
        )
        .with(
            form("/account/passkeys/remove", user.token())
                .with(hidden("passkey", &one.id().to_string()))
                .with(
                    button(w.remove)
                        .class("second danger")
                        .set("aria-label", fill(w.passkey_remove, &[("name", name)])),
                ),
        )
}

/// What the browser is asked.
async fn options(State(door): State<Arc<Door>>, ProvenForm { user, .. }: ProvenForm) -> Answer {
    let factors = door.logins.two_factor();
    let asked = factors
        .passkey_registration(&user.id, user.account(), door.now())
        .await;
    let asked = asked.map_err(|error| super::broken(&user, error))?;
    Ok(crate::web::api::said(&serde_json::json!({
        "challenge": asked.id.to_string(),
        "options": asked.options,
    })))
}

async fn add(State(door): State<Arc<Door>>, ProvenForm { mut user, form }: ProvenForm) -> Answer {
    let (w, factors, now) = (user.words(), door.logins.two_factor(), door.now());
    let methods = factors.methods(&user.id, now).await;
    let methods = methods.map_err(|error| super::broken(&user, error))?;
    let app = (!methods.is_enrolled()).then(|| NewAppPassword {
        name: named(w, &form),
        scopes: Scopes::MAIL,
    });
    let name = form.get("name").trim().to_owned();
    let bad = StatusCode::UNPROCESSABLE_ENTITY;
    let Ok(challenge) = form.get("challenge").parse() else {
        return page(&door, &user, (bad, &name, None, Some(w.passkey_failed))).await;
    };
    let answer = form.get("response");
    let confirmed = factors
        .confirm_passkey(&user.id, &challenge, answer, &name, app, now)
        .await;
    match confirmed {
        Ok(PasskeyConfirmed::On(enrolled)) => {
            let changed = Changed::by(&door, &mut user, What::PasskeyAdded).await?;
            changed.with(match &enrolled.recovery {
                Some(codes) => {
                    let made = (Some(codes), enrolled.app_password.as_ref());
                    super::shown_once(&door, &user, made)
                }
                None => to(PATH),
            })
        }
        Ok(PasskeyConfirmed::Refused(_)) => {
            page(&door, &user, (bad, &name, None, Some(w.refused_passkey))).await
        }
        Err(Error::Name { most }) => {
            let text = fill(w.app_name_wrong, &[("most", &most.to_string())]);
            page(&door, &user, (bad, &name, Some(&text), None)).await
        }
        Err(Error::TooMany { .. }) => {
            let status = StatusCode::CONFLICT;
            page(&door, &user, (status, &name, None, Some(w.too_many))).await
        }
        Err(error) => Err(super::broken(&user, error)),
    }
}

async fn remove(
    State(door): State<Arc<Door>>,
    ProvenForm { mut user, form }: ProvenForm,
) -> Answer {
    let Ok(id) = form.get("passkey").parse() else {
        return Ok(to(PATH));
    };
    match door
        .logins
        .two_factor()
        .remove_passkey(&user.id, id, door.now())
        .await
    {
        Ok(()) => {}
        Err(Error::NoSuch { .. }) => return Ok(to(PATH)),
        Err(error) => return Err(super::broken(&user, error)),
    }
    let changed = Changed::by(&door, &mut user, What::PasskeyRemoved).await?;
    changed.with(to(PATH))
}

fn rename_path(id: PasskeyId) -> String {
    format!("{PATH}/rename/{id}")
}

async fn ask_name(
    State(door): State<Arc<Door>>,
    Path(id): Path<String>,
    Proven(user): Proven,
) -> Answer {
    let all = door
        .logins
        .two_factor()
        .passkeys(&user.id, door.now())
        .await;
    let all = all.map_err(|error| super::broken(&user, error))?;
    let one = all.iter().find(|one| one.id().to_string() == id);
    Ok(match one {
        Some(one) => {
            let name = one.name().as_str();
            name_page(&user, one.id(), name, (StatusCode::OK, None))
        }
        None => to(PATH),
    })
}

fn name_page(
    user: &User,
    id: PasskeyId,
    name: &str,
    (status, bad): (StatusCode, Option<&str>),
) -> Response {
    let w = user.words();
    let content = card().with(el("h1").with(w.rename)).with(
        form(&rename_path(id), user.token())
            .with(
                field("name", "text", w.app_name)
                    .complete("off")
                    .set("maxlength", "64")
                    .set("value", name)
                    .note(w.passkey_name_note)
                    .wrong(bad),
            )
            .with(button(w.rename)),
    );
    let content = content.with(soft(link(PATH, w.cancel)));
    user.page(status, w.rename, PATH, content)
}

/// A name opens nothing: sessions go on.
async fn rename(
    State(door): State<Arc<Door>>,
    Path(id): Path<String>,
    ProvenForm { user, form }: ProvenForm,
) -> Answer {
    let Ok(id) = id.parse() else {
        return Ok(to(PATH));
    };
    let name = form.get("name").trim();
    let renamed = door
        .logins
        .two_factor()
        .rename_passkey(&user.id, id, name, door.now())
        .await;
    match renamed {
        Ok(()) | Err(Error::NoSuch { .. }) => Ok(to(PATH)),
        Err(Error::Name { most }) => {
            let text = fill(user.words().app_name_wrong, &[("most", &most.to_string())]);
            let bad = (StatusCode::UNPROCESSABLE_ENTITY, Some(&*text));
            Ok(name_page(&user, id, name, bad))
        }
        Err(error) => Err(super::broken(&user, error)),
    }
}
