//! A new password by a link that whoever runs the service has made. Looking at it takes nothing, so that what fetches links
//! ahead of their reader does no harm. An account with a second factor is asked for it before anything changes, and keeps
//! it.
//!
//! The token stands in the path of that one page, because a link has nowhere else to carry it; from there on it goes in
//! forms, and no other site gets it as a referrer.

use super::{
    account::{fields, status_of, unfit},
    door::{Door, Visit, VisitForm, to},
    html::el,
    layout::{Script, button, card, field, form, hidden, p, soft},
    login::{Answer, say},
};
use crate::{
    login::FAILED_LOGIN,
    password::Opens,
    second_factor::{reset, user_of},
    sessions::history::What,
};
use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use std::sync::Arc;
use tokio::time::{Instant, sleep_until};
use twofactor::{Client, Pending, RecoveryCode, Refusal, Second};
use zeroize::Zeroizing;

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .route("/reset/{token}", get(ask))
        .route("/reset", post(set))
}

/// What is wrong with which field.
#[derive(Default)]
struct Wrong<'a> {
    new: Option<&'a str>,
    again: Option<&'a str>,
    second: Option<&'a str>,
}

/// Whose password it is, and what is asked for before it changes.
struct Meant {
    account: Arc<str>,
    pending: Option<Pending>,
}

impl Meant {
    fn opens(&self) -> Opens {
        match self.pending {
            Some(_) => Opens::WithSecondFactor,
            None => Opens::Alone,
        }
    }
}

async fn look(door: &Door, visit: &Visit, token: &str) -> Result<Meant, axum::response::Response> {
    let now = door.now();
    let account = reset::look(&door.store, token, now).await;
    let account = account.map_err(|error| visit.failed(&error.into()))?;
    let known = account.and_then(|account| Some((user_of(&account).ok()?, account)));
    let Some((user, account)) = known else {
        let w = visit.words;
        return Err(visit.notice(
            StatusCode::GONE,
            w.reset_title,
            &[w.reset_gone],
            ("/login", w.login_title),
        ));
    };
    let second = door
        .logins
        .two_factor()
        .instead_of_password(&user, now)
        .await;
    let second = second.map_err(|error| visit.failed(&error.into()))?;
    Ok(Meant {
        account,
        pending: second.map(|(pending, _)| pending),
    })
}

async fn ask(State(door): State<Arc<Door>>, Path(token): Path<String>, visit: Visit) -> Answer {
    let token = Zeroizing::new(token);
    let meant = look(&door, &visit, &token).await?;
    let wrong = Wrong::default();
    page(&door, &visit, (&meant, &token), StatusCode::OK, &wrong)
}

fn page(
    door: &Door,
    visit: &Visit,
    (meant, reset): (&Meant, &str),
    status: StatusCode,
    wrong: &Wrong<'_>,
) -> Answer {
    let w = visit.words;
    let note = door.logins.rules().guidance(meant.opens(), w.spoken());
    visit.page(status, (w.reset_title, Script::None), |token| {
        let second = meant.pending.as_ref().map(|_| {
            field("second", "text", w.reset_code)
                .verbatim()
                .complete("one-time-code")
                .set("maxlength", "64")
                .note(w.reset_factor)
                .wrong(wrong.second)
        });
        card()
            .with(el("h1").with(w.reset_title))
            .with(p(w.reset_text))
            .with(soft(&*meant.account))
            .with(
                form("/reset", token)
                    .with(hidden("token", reset))
                    .with(
                        el("input")
                            .set("type", "text")
                            .set("name", "username")
                            .set("value", &*meant.account)
                            .set("autocomplete", "username")
                            .flag("hidden"),
                    )
                    .with(fields(w, &note, wrong.new, wrong.again))
                    .with(second)
                    .with(button(w.reset_set)),
            )
            .into()
    })
}

async fn set(State(door): State<Arc<Door>>, VisitForm { visit, form }: VisitForm) -> Answer {
    let (w, begun) = (visit.words, Instant::now());
    let token = form.secret("token");
    let meant = look(&door, &visit, &token).await?;
    let bad = StatusCode::UNPROCESSABLE_ENTITY;
    let (new, again) = (form.secret("new"), form.secret("again"));
    // First what needs no code: it would be used up.
    if *new != *again {
        let wrong = Wrong {
            again: Some(w.password_differs),
            ..Wrong::default()
        };
        return page(&door, &visit, (&meant, &token), bad, &wrong);
    }
    let rules = door.logins.rules();
    let chosen = match rules.choose(&meant.account, &new, meant.opens()).await {
        Ok(chosen) => chosen,
        Err(why) => {
            let text = unfit(w, &why);
            let wrong = Wrong {
                new: Some(&text),
                ..Wrong::default()
            };
            let status = status_of(&why);
            return page(&door, &visit, (&meant, &token), status, &wrong);
        }
    };
    if let Some(why) = refused(&door, &visit, &meant, &form.secret("second")).await? {
        door.logins.happened();
        sleep_until(begun + FAILED_LOGIN).await;
        let said = say(&visit, why, door.now(), w.code_wrong);
        let wrong = Wrong {
            second: Some(&said.text),
            ..Wrong::default()
        };
        let page = page(&door, &visit, (&meant, &token), said.status, &wrong)?;
        return Ok(said.with(page));
    }
    let now = door.now();
    let taken = reset::take(&door.accounts, &token, chosen, now).await;
    door.logins.happened();
    let failed = |error: super::door::Failed| visit.failed(&error);
    if taken.map_err(|error| failed(error.into()))?.is_none() {
        return Err(visit.notice(
            StatusCode::GONE,
            w.reset_title,
            &[w.reset_gone],
            ("/login", w.login_title),
        ));
    }
    let (account, place) = (&meant.account, &visit.place);
    let noted = door.sessions.note(account, What::PasswordReset, place, now);
    noted.await.map_err(|error| failed(error.into()))?;
    Ok(to("/login?reset"))
}

/// Why the second factor does not let the password be changed; nothing if it does, or there is none.
async fn refused(
    door: &Door,
    visit: &Visit,
    meant: &Meant,
    typed: &str,
) -> Result<Option<Refusal>, axum::response::Response> {
    let Some(pending) = &meant.pending else {
        return Ok(None);
    };
    let device = visit.device();
    let client = Client::web(visit.client, device.as_ref());
    let (factors, now) = (door.logins.two_factor(), door.now());
    let second = match RecoveryCode::parse(typed) {
        Some(_) => factors.recovery_code(pending, &client, typed, now).await,
        None => factors.code(pending, &client, typed, now).await,
    };
    match second.map_err(|error| visit.failed(&error.into()))? {
        Second::Passed(_) => Ok(None),
        Second::Refused(why) => Ok(Some(why)),
    }
}

#[cfg(test)]
mod tests;
