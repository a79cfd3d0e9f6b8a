//! Another password. The old one is asked for, whatever the session is.

use super::Changed;
use crate::{
    accounts::{self, LONGEST, SHORTEST},
    login::{FAILED_LOGIN, WebLogin},
    sessions::history::What,
    web::{
        door::{Door, User, UserForm},
        html::{Html, el},
        layout::{button, card, field, form, p, said},
        login::{Answer, Said, say},
        words::{Words, fill},
    },
};
use axum::{Router, extract::State, http::StatusCode, routing::get};
use std::sync::Arc;
use tokio::time::{Instant, sleep_until};
use zeroize::Zeroizing;

const PATH: &str = "/account/password";

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new().route(PATH, get(show).post(change))
}

/// What is wrong with which field.
#[derive(Default)]
struct Wrong<'a> {
    now: Option<&'a str>,
    new: Option<&'a str>,
    again: Option<&'a str>,
}

async fn show(user: User) -> Answer {
    Ok(user.page(
        StatusCode::OK,
        user.words().password,
        PATH,
        page(&user, &Wrong::default()),
    ))
}

fn page(user: &User, wrong: &Wrong<'_>) -> Html {
    let w = user.words();
    card()
        .with(el("h1").with(w.password_title))
        .with(p(w.password_text))
        .with(
            form(PATH, user.token())
                // For password managers.
                .with(
                    el("input")
                        .set("type", "text")
                        .set("name", "username")
                        .set("value", user.account())
                        .set("autocomplete", "username")
                        .flag("hidden"),
                )
                .with(
                    field("password", "password", w.password_now)
                        .complete("current-password")
                        .set("maxlength", "1024")
                        .wrong(wrong.now),
                )
                .with(fields(w, wrong.new, wrong.again))
                .with(button(w.password_change)),
        )
        .into()
}

/// A new password, twice.
pub(in crate::web) fn fields(w: &Words, new: Option<&str>, again: Option<&str>) -> Html {
    let note = fill(w.password_note, &[("least", &SHORTEST.to_string())]);
    Html::from([
        field("new", "password", w.password_new)
            .complete("new-password")
            .set("maxlength", "1024")
            .note(&note)
            .wrong(new),
        field("again", "password", w.password_again)
            .complete("new-password")
            .set("maxlength", "1024")
            .wrong(again),
    ])
}

/// Why an account cannot have it; nothing if that is not why.
pub(in crate::web) fn unfit(w: &Words, error: &accounts::Error) -> Option<String> {
    match error {
        accounts::Error::Password => Some(fill(
            w.password_unfit,
            &[
                ("least", &SHORTEST.to_string()),
                ("most", &LONGEST.to_string()),
            ],
        )),
        accounts::Error::Guessable => Some(w.password_guessable.to_owned()),
        _ => None,
    }
}

async fn change(State(door): State<Arc<Door>>, UserForm { mut user, form }: UserForm) -> Answer {
    let (w, begun) = (user.words(), Instant::now());
    let bad = |user: &User, status, wrong: Wrong<'_>| {
        user.page(status, w.password, PATH, page(user, &wrong))
    };
    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    let (new, again) = (form.secret("new"), form.secret("again"));
    if *new != *again {
        let wrong = Wrong {
            again: Some(w.password_differs),
            ..Wrong::default()
        };
        return Ok(bad(&user, unprocessable, wrong));
    }
    if let Err(error) = accounts::suits(&new, user.account()) {
        let text = unfit(w, &error).unwrap_or_default();
        let wrong = Wrong {
            new: Some(&text),
            ..Wrong::default()
        };
        return Ok(bad(&user, unprocessable, wrong));
    }
    if let Err(refused) = is_his(&door, &user, form.secret("password")).await? {
        sleep_until(begun + FAILED_LOGIN).await;
        let wrong = Wrong {
            now: Some(&refused.text),
            ..Wrong::default()
        };
        return Ok(refused.with(bad(&user, refused.status, wrong)));
    }
    let set = door
        .accounts
        .set_password(user.account(), &new, door.now())
        .await;
    set.map_err(|error| user.visit.failed(&error.into()))?;
    let changed = Changed::by(&door, &mut user, What::PasswordChanged).await?;
    let content = card()
        .with(el("h1").with(w.password))
        .with(said(w.password_changed));
    changed.with(user.page(StatusCode::OK, w.password, PATH, content))
}

/// Whether it is his password until now, by the budget of every login. The second factor is not asked for again.
async fn is_his(
    door: &Door,
    user: &User,
    password: Zeroizing<String>,
) -> Result<Result<(), Said>, axum::response::Response> {
    let device = user.visit.device();
    let (logins, client) = (&door.logins, user.visit.client);
    let login = logins.web(client, device.as_ref(), user.account(), password);
    match login.await {
        WebLogin::Passed(_) | WebLogin::Second(..) => Ok(Ok(())),
        WebLogin::Refused(why) => Ok(Err(say(
            &user.visit,
            why,
            door.now(),
            user.words().password_wrong,
        ))),
        WebLogin::Unavailable => Err(user.visit.unavailable()),
    }
}
