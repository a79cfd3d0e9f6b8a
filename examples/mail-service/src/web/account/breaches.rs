//! Breaches that the user was told of, as a part of the overview.

use crate::{
    breach_alerts::told::{self, Entry, Id},
    web::{
        door::{Door, User, UserForm, to},
        html::{Element, Html, el},
        layout::{self, button, form, hidden, p, soft, when},
        login::Answer,
        words::fill,
    },
};
use axum::{Router, extract::State, response::Response, routing::post};
use std::sync::Arc;

const DISMISS: &str = "/account/breaches/dismiss";

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new().route(DISMISS, post(dismiss))
}

/// The newest that the user has not dismissed; nothing if there is none.
pub(super) async fn card(door: &Door, user: &User) -> Result<Option<Element>, Response> {
    let w = user.words();
    let entries = told::list(&door.store, user.account(), door.now()).await;
    let entries = entries.map_err(|error| user.visit.failed(&error.into()))?;
    let items = entries.iter().map(|entry| item(user, entry));
    Ok((!entries.is_empty()).then(|| {
        layout::card()
            .id("breaches")
            .with(el("h2").with(w.breaches))
            .with(soft(w.breaches_text))
            .with(el("ul").class("list").each(items))
    }))
}

fn item(user: &User, entry: &Entry) -> Element {
    let (w, about) = (user.words(), &entry.about);
    let mut line = Html::default();
    if !about.date.is_empty() {
        line.push(fill(w.breach_date, &[("date", &about.date)]));
        line.push(", ");
    }
    if about.old {
        line.push(w.breach_old);
        line.push(", ");
    }
    line.push(w.breach_found);
    line.push(" ");
    line.push(when(entry.found));
    let lost =
        (!about.lost.is_empty()).then(|| soft(fill(w.breach_lost, &[("lost", &about.lost)])));
    let name = fill(w.breach_dismiss_of, &[("name", &about.name)]);
    el("li")
        .with(
            el("div")
                .class("what")
                .with(p(&*about.name))
                .with(lost)
                .with(soft(line)),
        )
        .with(
            form(DISMISS, user.token())
                .with(hidden("breach", &entry.id.text()))
                .with(
                    button(w.breach_dismiss)
                        .class("second")
                        .set("aria-label", name),
                ),
        )
}

/// It opens nothing, so a session suffices.
async fn dismiss(State(door): State<Arc<Door>>, UserForm { user, form }: UserForm) -> Answer {
    if let Some(id) = Id::parse(form.get("breach")) {
        let done = told::dismiss(&door.store, user.account(), &id, door.now()).await;
        done.map_err(|error| user.visit.failed(&error.into()))?;
    }
    Ok(to("/account"))
}
