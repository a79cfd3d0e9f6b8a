//! Another password. The old one is asked for, whatever the session is.

use super::Changed;
use crate::{
    login::{FAILED_LOGIN, WebLogin},
    password::{Opens, Unfit},
    second_factor,
    sessions::history::What,
    web::{
        door::{Door, Standing, User, UserForm},
        html::{Html, el},
        layout::{self, button, card, field, form, p, said},
        login::{Answer, Said, say},
        words::Words,
    },
};
use axum::{Router, extract::State, http::StatusCode, response::Response, routing::get};
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

async fn show(State(door): State<Arc<Door>>, user: User) -> Answer {
    let note = note(&door, &user).await?.1;
    let page = page(&user, &note, &Wrong::default());
    Ok(user.page(StatusCode::OK, user.words().password, PATH, page))
}

/// What the password opens, and what to tell of it before it is chosen.
async fn note(door: &Door, user: &User) -> Result<(Opens, String), Response> {
    let opens = second_factor::opens(door.logins.two_factor(), &user.id, door.now()).await;
    let opens = opens.map_err(|error| user.visit.failed(&error.into()))?;
    let rules = door.logins.rules();
    Ok((opens, rules.guidance(opens, user.words().spoken())))
}

fn page(user: &User, note: &str, wrong: &Wrong<'_>) -> Html {
    let w = user.words();
    card()
        .with(el("h1").with(w.password_title))
        .with(match user.standing {
            Standing::MustChange => layout::wrong(w.password_must),
            Standing::Fine => p(w.password_text),
        })
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
                .with(fields(w, note, wrong.new, wrong.again))
                .with(button(w.password_change)),
        )
        .into()
}

/// A new password, twice.
pub(in crate::web) fn fields(
    w: &Words,
    note: &str,
    new: Option<&str>,
    again: Option<&str>,
) -> Html {
    Html::from([
        field("new", "password", w.password_new)
            .complete("new-password")
            .set("maxlength", "1024")
            .note(note)
            .wrong(new),
        field("again", "password", w.password_again)
            .complete("new-password")
            .set("maxlength", "1024")
            .wrong(again),
    ])
}

/// Why an account cannot have it, and what to do.
pub(in crate::web) fn unfit(w: &Words, why: &Unfit) -> String {
    why.guidance(w.spoken()).join(" ")
}

async fn change(State(door): State<Arc<Door>>, UserForm { mut user, form }: UserForm) -> Answer {
    let (w, begun) = (user.words(), Instant::now());
    let (opens, note) = note(&door, &user).await?;
    let bad = |user: &User, status, wrong: Wrong<'_>| {
        user.page(status, w.password, PATH, page(user, &note, &wrong))
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
    let chosen = match door
        .logins
        .rules()
        .choose(user.account(), &new, opens)
        .await
    {
        Ok(chosen) => chosen,
        Err(why) => {
            let text = unfit(w, &why);
            let wrong = Wrong {
                new: Some(&text),
                ..Wrong::default()
            };
            return Ok(bad(&user, status_of(&why), wrong));
        }
    };
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
        .set_password(user.account(), &chosen, door.now())
        .await;
    set.map_err(|error| user.visit.failed(&error.into()))?;
    let changed = Changed::by(&door, &mut user, What::PasswordChanged).await?;
    let content = card()
        .with(el("h1").with(w.password))
        .with(said(w.password_changed))
        .with(chosen.hint(w.spoken()).map(p));
    changed.with(user.page(StatusCode::OK, w.password, PATH, content))
}

/// Whether it is the password's fault.
pub(in crate::web) fn status_of(why: &Unfit) -> StatusCode {
    match why.is_undecided() {
        true => StatusCode::SERVICE_UNAVAILABLE,
        false => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

/// Whether it is his password until now, by the budget of every login. The second factor is not asked for again.
async fn is_his(
    door: &Door,
    user: &User,
    password: Zeroizing<String>,
) -> Result<Result<(), Said>, Response> {
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
