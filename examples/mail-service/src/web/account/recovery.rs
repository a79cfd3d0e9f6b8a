//! Recovery codes: shown once.

use super::{Changed, second_factor::PATH};
use crate::{
    clock::minute,
    sessions::history::What,
    web::{
        door::{Door, ProvenForm, User},
        html::{Element, el},
        layout::{Script, card, link, p, soft},
        login::Answer,
        words::fill,
    },
};
use axum::{Router, extract::State, http::StatusCode, routing::post};
use std::{sync::Arc, time::SystemTime};
use twofactor::RecoveryCodes;

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new().route("/account/second-factor/recovery", post(renew))
}

async fn renew(State(door): State<Arc<Door>>, ProvenForm { mut user, .. }: ProvenForm) -> Answer {
    let (w, now) = (user.words(), door.now());
    let codes = door.logins.two_factor().renew_recovery(&user.id, now).await;
    let codes = codes.map_err(|error| super::broken(&user, error))?;
    let changed = Changed::by(&door, &mut user, What::RecoveryRenewed).await?;
    let content = card()
        .with(el("h1").with(w.recovery_renewed))
        .with(shown(&user, &codes, now))
        .with(p(link(PATH, w.kept).class("button unprinted")));
    let page = user.page_with(
        StatusCode::OK,
        (w.recovery_renewed, PATH, Script::Passkey),
        content,
    );
    changed.with(page)
}

/// All ten, to be printed or written down.
pub(super) fn shown(user: &User, codes: &RecoveryCodes, now: SystemTime) -> Element {
    let w = user.words();
    let of = [("account", user.account()), ("when", &minute(now))];
    let items = codes.iter().map(|code| el("li").with(&**code.text()));
    el("div")
        .with(el("h2").with(w.recovery_title))
        .with(p(w.recovery_text).class("unprinted"))
        .with(soft(fill(w.recovery_of, &of)))
        .with(el("ol").class("codes").id("codes").each(items))
        .with(
            el("p").class("unprinted").with(
                el("button")
                    .set("type", "button")
                    .class("second")
                    .flag("data-print")
                    .with(w.recovery_print),
            ),
        )
}
