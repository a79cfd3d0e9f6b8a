//! The second factor: what there is of it, and the way to it.

use super::tokens;
use crate::web::{
    door::{Door, Proven, User},
    html::{Element, Html, el},
    layout::{button, card, form, hidden, link, p, said, soft},
    login::Answer,
    words::fill,
};
use axum::{
    Router,
    extract::State,
    http::{StatusCode, Uri},
    routing::get,
};
use std::sync::Arc;
use twofactor::{OtpView, Overview, decision::Progress};

pub(super) const PATH: &str = "/account/second-factor";

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new().route(PATH, get(show))
}

async fn show(State(door): State<Arc<Door>>, Proven(user): Proven, uri: Uri) -> Answer {
    let w = user.words();
    let overview = door
        .logins
        .two_factor()
        .overview(&user.id, door.now())
        .await;
    let overview = overview.map_err(|error| super::broken(&user, error))?;
    let told = match uri.query() {
        Some("off") => Some(w.removed_last),
        Some("done") => Some(w.done),
        _ => None,
    };
    let on = overview.methods.is_enrolled();
    let first = card()
        .with(el("h1").with(w.second_factor))
        .with(told.map(said))
        .with(p(w.factor_text))
        .with(match on {
            true => p(w.state_on),
            false => p(w.factor_after),
        });
    let content = [
        Some(first),
        Some(codes(&user, &overview)),
        on.then(|| recovery(&user, &overview)),
    ];
    Ok(user.page(StatusCode::OK, w.second_factor, PATH, Html::from(content)))
}

fn codes(user: &User, overview: &Overview) -> Element {
    let w = user.words();
    let otps = &overview.otps;
    let list = (!otps.is_empty()).then(|| {
        el("ul")
            .class("list")
            .each(otps.iter().map(|otp| one(user, otp)))
    });
    let add = match otps.is_empty() {
        true => button(w.codes_add),
        false => button(w.codes_add_more).class("second"),
    };
    card()
        .with(el("h2").with(w.codes_title))
        .with(list)
        .with(form("/account/second-factor/enrol", user.token()).with(add))
        .with(soft(link(tokens::import_path(), w.import_title)))
}

fn one(user: &User, otp: &OtpView) -> Element {
    let w = user.words();
    let n = otp.id.number().to_string();
    let name = fill(w.codes_remove, &[("n", &n)]);
    let counts = matches!(otp.progress, Progress::Counter { .. });
    let resync = counts.then(|| {
        let title = fill(w.resync_title, &[("n", &n)]);
        soft(link(&tokens::resync_path(otp.id), &title))
    });
    el("li")
        .with(
            el("div")
                .class("what")
                .with(p(fill(w.codes_one, &[("n", &n)])))
                .with(resync),
        )
        .with(
            form("/account/second-factor/remove", user.token())
                .with(hidden("factor", &n))
                .with(
                    button(w.remove)
                        .class("second danger")
                        .set("aria-label", name),
                ),
        )
}

fn recovery(user: &User, overview: &Overview) -> Element {
    let w = user.words();
    let left = overview.methods.recovery_codes;
    let text = fill(w.recovery_left, &[("n", &left.to_string())]);
    let few = left < super::overview::FEW;
    card()
        .with(el("h2").with(w.recovery_title))
        .with(p(text))
        .with(few.then(|| el("p").class("warn").with(w.recovery_few)))
        .with(
            form("/account/second-factor/recovery", user.token())
                .with(button(w.recovery_renew).class("second"))
                .with(el("p").class("note").with(w.recovery_renew_note)),
        )
        .with(soft(link("/account/passkeys", w.passkeys)))
}
