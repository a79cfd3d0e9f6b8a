//! What there is, and what has happened.

use crate::{
    sessions::history::{Entry, How, What},
    web::{
        door::{Door, User},
        html::{Element, Html, el},
        layout::{card, link, p, soft, when},
        login::Answer,
        words::{Words, fill},
    },
};
use axum::{Router, extract::State, http::StatusCode, routing::get};
use std::sync::Arc;

/// From here on it is time for new ones.
pub(super) const FEW: u8 = 3;

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new().route("/account", get(show))
}

async fn show(State(door): State<Arc<Door>>, user: User) -> Answer {
    let (w, now) = (user.words(), door.now());
    let methods = door.logins.two_factor().methods(&user.id, now).await;
    let methods = methods.map_err(|error| super::broken(&user, error))?;
    let history = door.sessions.history(user.account(), now).await;
    let history = history.map_err(|error| user.visit.failed(&error.into()))?;
    let state = match methods.is_enrolled() {
        true => el("div").with(p(w.state_on)).with(soft(fill(
            w.recovery_left,
            &[("n", &methods.recovery_codes.to_string())],
        ))),
        false => el("div")
            .with(el("p").class("warn").with(w.state_off))
            .with(p(link("/account/second-factor", w.set_up).class("button"))),
    };
    let few = methods.is_enrolled() && methods.recovery_codes < FEW;
    let few = few.then(|| {
        el("p")
            .class("warn")
            .with(link("/account/second-factor", w.recovery_few))
    });
    let first = card()
        .with(el("h1").with(w.overview))
        .with(p(fill(w.overview_text, &[("account", user.account())])))
        .with(state)
        .with(few);
    let second = card()
        .with(el("h2").with(w.history))
        .with(soft([
            Html::from(w.history_strange),
            " ".into(),
            link("/account/password", w.password_change).into(),
        ]))
        .with(
            el("ul")
                .class("list")
                .each(history.iter().map(|entry| line(w, entry))),
        )
        .with(soft(w.history_note));
    let mut content = Html::from(first);
    content.push(super::breaches::card(&door, &user).await?);
    content.push(second);
    Ok(user.page(StatusCode::OK, w.overview, "/account", content))
}

fn line(w: &Words, entry: &Entry) -> Element {
    let what = match entry.what {
        What::SecondFailed => p(w.did_fail).class("warn"),
        what => p(name(w, what)),
    };
    el("li").with(el("div").class("what").with(what).with(soft([
        Html::from(when(entry.at)),
        ", ".into(),
        browser(w, entry.place.browser()).into(),
        ", ".into(),
        entry.place.network().into(),
    ])))
}

/// What a browser is called.
pub(super) fn browser<'a>(w: &Words, name: &'a str) -> &'a str
where
    'static: 'a,
{
    match name {
        "" => w.unknown_browser,
        name => name,
    }
}

fn name(w: &Words, what: What) -> &'static str {
    match what {
        What::LoggedIn(How::Password) => w.did_password,
        What::LoggedIn(How::RememberedDevice) => w.did_remembered,
        What::LoggedIn(How::Code) => w.did_code,
        What::LoggedIn(How::RecoveryCode) => w.did_recovery,
        What::LoggedIn(How::Passkey) => w.did_passkey,
        What::SecondFailed => w.did_fail,
        What::PasswordChanged => w.did_change_password,
        What::PasswordReset => w.did_reset,
        What::CodesOn => w.did_codes_on,
        What::CodesOff => w.did_codes_off,
        What::RecoveryRenewed => w.did_recovery_new,
        What::AppPasswordMade => w.did_app,
        What::AppPasswordRevoked => w.did_app_off,
        What::PasskeyAdded => w.did_passkey_on,
        What::PasskeyRemoved => w.did_passkey_off,
        What::DeviceRemembered => w.did_device,
        What::DeviceForgotten => w.did_device_off,
        What::SessionsEnded => w.did_end,
    }
}
