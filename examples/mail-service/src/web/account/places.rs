//! Where somebody is logged in, and the browsers that have been here before.

use super::{Changed, overview::browser};
use crate::{
    clock::minute,
    sessions::{Session, history::What},
    web::{
        cookies::Cookie,
        door::{Door, ProvenForm, User, UserForm, to},
        html::{Element, Html, el},
        layout::{button, card, form, hidden, p, soft},
        login::Answer,
        words::fill,
    },
};
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use std::sync::Arc;
use twofactor::DeviceView;

const PATH: &str = "/account/sessions";

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .route(PATH, get(show))
        .route("/account/sessions/end", post(end))
        .route("/account/sessions/end-others", post(end_others))
        .route("/account/sessions/forget", post(forget))
}

async fn show(State(door): State<Arc<Door>>, user: User) -> Answer {
    let (w, now) = (user.words(), door.now());
    let sessions = door.sessions.list(user.account(), now).await;
    let mut sessions = sessions.map_err(|error| user.visit.failed(&error.into()))?;
    // Those that rest on what has changed open nothing any more.
    sessions.retain(|session| session.basis() == user.session.basis());
    sessions.sort_by_key(|session| {
        (
            session.id() != user.session.id(),
            std::cmp::Reverse(session.seen()),
        )
    });
    let devices = door.logins.two_factor().devices(&user.id, now).await;
    let devices = devices.map_err(|error| super::broken(&user, error))?;
    let others = (sessions.len() > 1).then(|| {
        form("/account/sessions/end-others", user.token())
            .with(button(w.end_others).class("second"))
    });
    let first = card()
        .with(el("h1").with(w.sessions))
        .with(p(w.sessions_text))
        .with(
            el("ul")
                .class("list")
                .each(sessions.iter().map(|session| one(&user, session))),
        )
        .with(others);
    let none = devices.is_empty().then(|| soft(w.no_devices));
    let list = (!devices.is_empty()).then(|| {
        el("ul")
            .class("list")
            .each(devices.iter().map(|device| known(&user, device)))
    });
    let second = card()
        .with(el("h2").with(w.devices))
        .with(p(w.devices_text))
        .with(list)
        .with(none);
    Ok(user.page(
        StatusCode::OK,
        w.sessions,
        PATH,
        Html::from([first, second]),
    ))
}

fn one(user: &User, session: &Session) -> Element {
    let w = user.words();
    let name = browser(w, session.place().browser());
    let here = session.id() == user.session.id();
    let badge = here.then(|| el("span").class("badge").with(w.this_session));
    let end = (!here).then(|| {
        form("/account/sessions/end", user.token())
            .with(hidden("session", &session.id().to_text()))
            .with(
                button(w.end_session)
                    .class("second")
                    .set("aria-label", fill(w.end_session_of, &[("name", name)])),
            )
    });
    let since = fill(
        w.since,
        &[
            ("when", &minute(session.made())),
            ("seen", &minute(session.seen())),
        ],
    );
    el("li")
        .with(
            el("div")
                .class("what")
                .with(p(name).with(badge))
                .with(soft([since, ", ".into(), session.place().network().into()])),
        )
        .with(end)
}

fn known(user: &User, device: &DeviceView) -> Element {
    let w = user.words();
    let here = user
        .visit
        .device()
        .is_some_and(|token| token.id() == device.id);
    let badge = here.then(|| el("span").class("badge").with(w.this_device));
    let state = match device.remembered {
        Some(until) => fill(w.device_remembered, &[("until", &minute(until))]),
        None => fill(w.device_known, &[("made", &minute(device.made))]),
    };
    let of = fill(w.forget_device_of, &[("made", &minute(device.made))]);
    el("li")
        .with(
            el("div")
                .class("what")
                .with(p(w.a_device).with(badge))
                .with(soft(state)),
        )
        .with(
            form("/account/sessions/forget", user.token())
                .with(hidden("device", &device.id.to_string()))
                .with(
                    button(w.forget_device)
                        .class("second")
                        .set("aria-label", of),
                ),
        )
}

async fn end(State(door): State<Arc<Door>>, UserForm { user, form }: UserForm) -> Answer {
    let failed = |error: crate::sessions::Error| user.visit.failed(&error.into());
    let sessions = door
        .sessions
        .list(user.account(), door.now())
        .await
        .map_err(failed)?;
    let meant = form.get("session");
    if let Some(session) = sessions
        .iter()
        .find(|session| session.id().to_text() == meant)
    {
        door.sessions
            .end(session, door.now())
            .await
            .map_err(failed)?;
    }
    Ok(to(PATH))
}

async fn end_others(State(door): State<Arc<Door>>, UserForm { user, .. }: UserForm) -> Answer {
    let failed = |error: crate::sessions::Error| user.visit.failed(&error.into());
    let now = door.now();
    if door
        .sessions
        .end_others(&user.session, now)
        .await
        .map_err(failed)?
        > 0
    {
        let place = &user.visit.place;
        let noted = door
            .sessions
            .note(user.account(), What::SessionsEnded, place, now);
        noted.await.map_err(failed)?;
    }
    Ok(to(PATH))
}

async fn forget(
    State(door): State<Arc<Door>>,
    ProvenForm { mut user, form }: ProvenForm,
) -> Answer {
    let Ok(id) = form.get("device").parse() else {
        return Ok(to(PATH));
    };
    let mine = user.visit.device().is_some_and(|token| token.id() == id);
    let gone = door
        .logins
        .two_factor()
        .revoke_device(&user.id, id, door.now())
        .await;
    match gone {
        Ok(()) | Err(twofactor::Error::NoSuch { .. }) => {}
        Err(error) => return Err(super::broken(&user, error)),
    }
    let changed = Changed::by(&door, &mut user, What::DeviceForgotten).await?;
    let mut response = to(PATH);
    if mine {
        Cookie::Device.end(response.headers_mut());
    }
    changed.with(response)
}
