//! App passwords: what mail programs log in with once there is a second factor.

use super::Changed;
use crate::{
    clock::minute,
    sessions::history::What,
    web::{
        door::{Door, Proven, ProvenForm, User, to},
        forms::Form,
        html::{Element, Html, el},
        layout::{Field, Ticked, button, card, field, form, hidden, link, p, soft, tick},
        login::Answer,
        words::{Words, fill},
    },
};
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use std::sync::Arc;
use twofactor::{AppPassword, AppPasswordView, Error, NewAppPassword, Scope, Scopes};

const PATH: &str = "/account/app-passwords";

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .route(PATH, get(show).post(make))
        .route("/account/app-passwords/revoke", post(revoke))
}

/// What is wrong with which field.
#[derive(Default)]
struct Wrong {
    name: Option<String>,
    scopes: Option<&'static str>,
}

async fn show(State(door): State<Arc<Door>>, Proven(user): Proven) -> Answer {
    page(
        &door,
        &user,
        (StatusCode::OK, "", Scopes::MAIL),
        Wrong::default(),
    )
    .await
}

async fn page(
    door: &Door,
    user: &User,
    (status, name, ticked): (StatusCode, &str, Scopes),
    wrong: Wrong,
) -> Answer {
    let (w, factors, now) = (user.words(), door.logins.two_factor(), door.now());
    let methods = factors.methods(&user.id, now).await;
    let methods = methods.map_err(|error| super::broken(user, error))?;
    let all = factors.app_passwords(&user.id, now).await;
    let all = all.map_err(|error| super::broken(user, error))?;
    let list = match all.is_empty() {
        true => soft(w.app_none),
        false => el("ul")
            .class("list")
            .each(all.iter().map(|one| line(user, one))),
    };
    let first = card()
        .with(el("h1").with(w.app_passwords))
        .with(p(w.app_text))
        .with(list);
    let second = match methods.is_enrolled() {
        true => card().with(el("h2").with(w.app_make)).with(
            form(PATH, user.token())
                .with(
                    field("name", "text", w.app_name)
                        .complete("off")
                        .set("maxlength", "64")
                        .set("value", name)
                        .note(w.app_name_note)
                        .wrong(wrong.name.as_deref()),
                )
                .with(scopes(w, ticked, wrong.scopes))
                .with(button(w.app_make)),
        ),
        false => card()
            .with(p(w.app_need))
            .with(p(link("/account/second-factor", w.set_up).class("button"))),
    };
    Ok(user.page(status, w.app_passwords, PATH, Html::from([first, second])))
}

fn scopes(w: &Words, ticked: Scopes, wrong: Option<&str>) -> Element {
    let boxes = Scope::ALL.into_iter().map(|scope| {
        let ticked = match ticked.contains(scope) {
            true => Ticked::Yes,
            false => Ticked::No,
        };
        tick("scope", scope.name(), words(w, scope), ticked)
    });
    let group = el("fieldset")
        .with(el("legend").with(w.app_scopes))
        .each(boxes);
    let group = match wrong {
        Some(_) => group.set("aria-describedby", "scope-error"),
        None => group,
    };
    el("div").class("input").with(group).with(wrong.map(|text| {
        el("p")
            .class("error")
            .id("scope-error")
            .set("role", "alert")
            .with(text)
    }))
}

fn words(w: &Words, scope: Scope) -> &'static str {
    match scope {
        Scope::Imap => w.scope_imap,
        Scope::Pop3 => w.scope_pop3,
        Scope::Smtp => w.scope_smtp,
        _ => w.scope_sign,
    }
}

fn line(user: &User, one: &AppPasswordView) -> Element {
    let w = user.words();
    let used = match one.used {
        Some(at) => fill(w.app_used, &[("when", &minute(at))]),
        None => w.app_unused.to_owned(),
    };
    let made = fill(w.app_made_at, &[("when", &minute(one.made))]);
    let scopes: Vec<_> = one
        .scopes
        .iter()
        .map(|scope| scope.name().to_uppercase())
        .collect();
    el("li")
        .with(
            el("div")
                .class("what")
                .with(p(&*one.name))
                .with(soft(format!("{}, {made}, {used}", scopes.join(" ")))),
        )
        .with(
            form("/account/app-passwords/revoke", user.token())
                .with(hidden("app", &one.id.to_string()))
                .with(
                    button(w.app_revoke)
                        .class("second danger")
                        .set("aria-label", fill(w.app_revoke_of, &[("name", &one.name)])),
                ),
        )
}

async fn make(State(door): State<Arc<Door>>, ProvenForm { mut user, form }: ProvenForm) -> Answer {
    let w = user.words();
    let (name, now) = (form.get("name").trim().to_owned(), door.now());
    let ticked = Scope::ALL
        .into_iter()
        .filter(|scope| form.all("scope").any(|it| it == scope.name()));
    let ticked = ticked.fold(Scopes::NONE, |all, scope| all | scope);
    let bad = StatusCode::UNPROCESSABLE_ENTITY;
    if ticked.is_empty() {
        let wrong = Wrong {
            name: None,
            scopes: Some(w.app_scopes_wrong),
        };
        return page(&door, &user, (bad, &name, ticked), wrong).await;
    }
    let new = NewAppPassword {
        name: &name,
        scopes: ticked,
    };
    let made = match door
        .logins
        .two_factor()
        .app_password(&user.id, new, now)
        .await
    {
        Ok(made) => made,
        Err(Error::Name { most }) => {
            let text = fill(w.app_name_wrong, &[("most", &most.to_string())]);
            let wrong = Wrong {
                name: Some(text),
                scopes: None,
            };
            return page(&door, &user, (bad, &name, ticked), wrong).await;
        }
        Err(Error::TooMany { .. }) => {
            let wrong = Wrong {
                name: Some(w.too_many.to_owned()),
                scopes: None,
            };
            return page(&door, &user, (StatusCode::CONFLICT, &name, ticked), wrong).await;
        }
        Err(error) => return Err(super::broken(&user, error)),
    };
    let changed = Changed::by(&door, &mut user, What::AppPasswordMade).await?;
    let content = card()
        .with(el("h1").with(w.app_passwords))
        .with(shown(&door, &user, &made))
        .with(p(link(PATH, w.kept).class("button unprinted")));
    changed.with(user.page(StatusCode::OK, w.app_passwords, PATH, content))
}

/// What the first one is called, where it comes with the second factor.
pub(super) fn app_name(w: &'static Words) -> Field<'static> {
    field("app", "text", w.enrol_app)
        .complete("off")
        .set("maxlength", "64")
        .set("value", w.enrol_app_default)
        .note(w.enrol_app_note)
}

/// The same, as it was sent.
pub(super) fn named<'a>(w: &'static Words, form: &'a Form) -> &'a str {
    match form.get("app").trim() {
        "" => w.enrol_app_default,
        name => name,
    }
}

/// The password, and what else a mail program asks for.
pub(super) fn shown(door: &Door, user: &User, made: &AppPassword) -> Element {
    let w = user.words();
    let row = |name: &str, value: &str| Html::from([el("dt").with(name), el("dd").with(value)]);
    let ports: Vec<_> = door.pop3s.iter().map(u16::to_string).collect();
    let settings = (!ports.is_empty()).then(|| {
        el("div").with(el("h2").with(w.app_settings)).with(
            el("dl")
                .with(row(w.app_user, user.account()))
                .with(row(w.app_server, &door.mail_host))
                .with(row(w.app_port, &ports.join(", ")))
                .with(row(w.app_security, "POP3, SSL/TLS")),
        )
    });
    el("div")
        .class("unprinted")
        .with(el("h2").with(w.app_made))
        .with(p(w.app_made_text))
        .with(
            el("p")
                .class("secret")
                .id("app-password")
                .with(&**made.text()),
        )
        .with(settings)
}

async fn revoke(
    State(door): State<Arc<Door>>,
    ProvenForm { mut user, form }: ProvenForm,
) -> Answer {
    let Ok(id) = form.get("app").parse() else {
        return Ok(to(PATH));
    };
    match door
        .logins
        .two_factor()
        .revoke_app_password(&user.id, id, door.now())
        .await
    {
        Ok(()) => {}
        Err(Error::NoSuch { .. }) => return Ok(to(PATH)),
        Err(error) => return Err(super::broken(&user, error)),
    }
    let changed = Changed::by(&door, &mut user, What::AppPasswordRevoked).await?;
    changed.with(to(PATH))
}
