//! The pages of the account, one in a file: what there is, and what can be changed. What opens the account is changed only
//! by whoever has just logged in ([`ProvenForm`](super::door::ProvenForm)); after it all other sessions have ended.

mod app_passwords;
mod breaches;
mod codes;
mod overview;
mod passkeys;
mod password;
mod places;
mod recovery;
mod second_factor;
mod tokens;

pub(super) use password::{fields, status_of, unfit};

use super::{
    cookies::Cookie,
    door::{Door, Failed, User},
    html::el,
    layout::{Script, card, link, p, said},
    login::Answer,
};
use crate::sessions::{self, Token, history::What};
use axum::{Router, http::StatusCode, response::Response};
use std::sync::Arc;
use twofactor::{AppPassword, RecoveryCodes};

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .merge(overview::routes())
        .merge(breaches::routes())
        .merge(places::routes())
        .merge(second_factor::routes())
        .merge(codes::routes())
        .merge(tokens::routes())
        .merge(recovery::routes())
        .merge(app_passwords::routes())
        .merge(passkeys::routes())
        .merge(password::routes())
}

/// A change that its user has made to what opens his account.
struct Changed(Token);

impl Changed {
    /// This session goes on under another token, on what logins rest on from now on; all others have ended.
    async fn by(door: &Door, user: &mut User, what: What) -> Result<Self, Response> {
        Self::go_on(door, user, what)
            .await
            .map_err(|error| user.visit.failed(&error))
    }

    async fn go_on(door: &Door, user: &mut User, what: What) -> Result<Self, Failed> {
        door.logins.happened();
        let now = door.now();
        let basis = door.basis(user.account()).await?;
        let basis = basis.ok_or(sessions::Error::Ended)?;
        let (session, token) = door.sessions.changed(&user.session, basis, now).await?;
        // Also one that has made a change in the same moment.
        door.sessions.end_others(&session, now).await?;
        door.sessions
            .note(session.account(), what, session.place(), now)
            .await?;
        user.renew(session, &token);
        Ok(Self(token))
    }

    /// The answer, with the new token.
    fn with(self, mut response: Response) -> Answer {
        Cookie::Session.put(&self.0.to_text(), response.headers_mut());
        Ok(response)
    }
}

/// What is shown once: what comes with the first second factor.
fn shown_once(
    door: &Door,
    user: &User,
    (codes, app): (Option<&RecoveryCodes>, Option<&AppPassword>),
) -> Response {
    let w = user.words();
    let content = card()
        .with(el("h1").with(w.enrolled_title))
        .with(said(w.other_sessions))
        .with(codes.map(|_| p(w.enrolled_text)))
        .with(codes.map(|codes| recovery::shown(user, codes, door.now())))
        .with(app.map(|made| app_passwords::shown(door, user, made)))
        .with(p(
            link(second_factor::PATH, w.kept).class("button unprinted")
        ));
    let page = (w.enrolled_title, second_factor::PATH, Script::Passkey);
    user.page_with(StatusCode::OK, page, content)
}

/// An error of the crate that is none of the user's.
fn broken(user: &User, error: twofactor::Error) -> Response {
    user.visit.failed(&error.into())
}
