//! Tokens that were made elsewhere: taken in by their address, and set right when they have run ahead.

use super::{
    codes::{self, Shower},
    second_factor::PATH,
};
use crate::web::{
    cookies::Cookie,
    door::{Door, Proven, ProvenForm, User, to},
    html::el,
    layout::{button, card, field, form, link, p, soft},
    login::{Answer, say},
    words::fill,
};
use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
    routing::get,
};
use std::sync::Arc;
use twofactor::{Client, Error, Second, decision::FactorId, otp::parse_uri};

const IMPORT: &str = "/account/second-factor/import";
const RESYNC: &str = "/account/second-factor/resync";

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .route(IMPORT, get(ask_import).post(import))
        .route(
            "/account/second-factor/resync/{factor}",
            get(ask_resync).post(resync),
        )
}

/// Where a token is taken in.
pub(super) fn import_path() -> &'static str {
    IMPORT
}

/// Where this one is set right.
pub(super) fn resync_path(factor: FactorId) -> String {
    format!("{RESYNC}/{}", factor.number())
}

async fn ask_import(Proven(user): Proven) -> Response {
    import_page(&user, StatusCode::OK, None)
}

/// The address is a secret, so it is not shown again where it was refused.
fn import_page(user: &User, status: StatusCode, bad: Option<&str>) -> Response {
    let w = user.words();
    let content = card()
        .with(el("h1").with(w.import_title))
        .with(p(w.import_text))
        .with(
            form(IMPORT, user.token())
                .with(
                    field("uri", "text", w.import_uri)
                        .verbatim()
                        .complete("off")
                        .set("maxlength", "2048")
                        .wrong(bad),
                )
                .with(button(w.continue_)),
        )
        .with(soft(link(PATH, w.cancel)));
    user.page(status, w.import_title, PATH, content)
}

async fn import(State(door): State<Arc<Door>>, ProvenForm { user, form }: ProvenForm) -> Answer {
    let (w, factors, now) = (user.words(), door.logins.two_factor(), door.now());
    let bad = |why| {
        Ok(import_page(
            &user,
            StatusCode::UNPROCESSABLE_ENTITY,
            Some(why),
        ))
    };
    let Ok(imported) = parse_uri(&form.secret("uri")) else {
        return bad(w.import_wrong);
    };
    let begun = factors.enrol_imported(&user.id, imported, now).await;
    let enrolment = match begun {
        Ok(enrolment) => enrolment,
        Err(Error::WeakSeed) => return bad(w.import_weak),
        Err(Error::TooMany { .. }) => return Ok(codes::too_many(&user)),
        Err(error) => return Err(super::broken(&user, error)),
    };
    let methods = factors.methods(&user.id, now).await;
    let methods = methods.map_err(|error| super::broken(&user, error))?;
    let (id, first) = (enrolment.id().to_string(), !methods.is_enrolled());
    let content = card()
        .with(el("h1").with(w.import_title))
        .with(codes::question(&user, &id, (first, Shower::Token), None))
        .with(soft(link(PATH, w.cancel)));
    Ok(user.page(StatusCode::OK, w.import_title, PATH, content))
}

/// A number as an address has it.
fn factor(number: &str) -> Option<FactorId> {
    number.parse().ok().map(FactorId::from_number)
}

async fn ask_resync(Path(number): Path<String>, Proven(user): Proven) -> Response {
    match factor(&number) {
        Some(factor) => resync_page(&user, factor, (StatusCode::OK, None)),
        None => to(PATH),
    }
}

fn resync_page(
    user: &User,
    factor: FactorId,
    (status, bad): (StatusCode, Option<&str>),
) -> Response {
    let w = user.words();
    let title = fill(w.resync_title, &[("n", &factor.number().to_string())]);
    let content = card()
        .with(el("h1").with(&*title))
        .with(p(w.resync_text))
        .with(
            form(&resync_path(factor), user.token())
                .with(field("first", "text", w.resync_first).digits().wrong(bad))
                .with(field("second", "text", w.resync_second).digits())
                .with(button(w.resync_on)),
        )
        .with(soft(link(PATH, w.cancel)));
    user.page(status, &title, PATH, content)
}

/// The tries count as those of a login do.
async fn resync(
    State(door): State<Arc<Door>>,
    Path(number): Path<String>,
    ProvenForm { user, form }: ProvenForm,
) -> Answer {
    let Some(factor) = factor(&number) else {
        return Ok(to(PATH));
    };
    let (factors, now) = (door.logins.two_factor(), door.now());
    let asked = factors.instead_of_password(&user.id, now).await;
    let Some((pending, _)) = asked.map_err(|error| super::broken(&user, error))? else {
        return Ok(to(PATH));
    };
    let device = user.visit.device();
    let client = Client::web(user.visit.client, device.as_ref());
    let (first, second) = (form.secret("first"), form.secret("second"));
    let done = factors
        .resync(&pending, &client, factor, (&first, &second), now)
        .await;
    door.logins.happened();
    match done {
        Ok(Second::Passed(passed)) => {
            let mut answer = to("/account/second-factor?done");
            if let Some(device) = &passed.device {
                Cookie::Device.put(&device.text(), answer.headers_mut());
            }
            Ok(answer)
        }
        Ok(Second::Refused(why)) => {
            let refused = say(&user.visit, why, now, user.words().resync_wrong);
            let bad = (refused.status, Some(&*refused.text));
            Ok(refused.with(resync_page(&user, factor, bad)))
        }
        Err(error) => Err(super::broken(&user, error)),
    }
}
