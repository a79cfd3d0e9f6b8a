//! The second factor: a code, a recovery code or a passkey.

use super::{Answer, enter, note_failure, pending, say};
use crate::{
    login::FAILED_LOGIN,
    web::{
        door::{Door, Visit, VisitForm, path_of, to},
        forms::Form,
        html::{Element, el},
        layout::{Script, Ticked, button, card, field, form, hidden, link, p, soft, tick, wrong},
    },
};
use axum::{
    Router,
    extract::State,
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep_until};
use twofactor::{
    Client, Error, Passed, PasskeyLogin, Pending, Refusal, Remembered, Second, decision::Methods,
};

/// How long a device that is to be remembered is asked for no second factor.
const REMEMBERED: Duration = Duration::from_secs(30 * 24 * 60 * 60);

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .route("/login/code", get(ask).post(code))
        .route("/login/recovery", post(recovery))
        .route("/login/passkey", post(passkey))
        .route("/login/passkey/options", post(options))
}

/// Which form something was wrong with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum With {
    Code,
    Recovery,
    Passkey,
}

type Wrong<'a> = Option<(With, &'a str)>;

async fn ask(State(door): State<Arc<Door>>, visit: Visit, uri: Uri) -> Answer {
    let query = uri.query().unwrap_or_default();
    let place = query.strip_prefix("to=").unwrap_or_default();
    let Some((_, pending)) = pending(&door, &visit) else {
        return Ok(to("/login"));
    };
    page(&door, &visit, (&pending, place), StatusCode::OK, None).await
}

async fn page(
    door: &Door,
    visit: &Visit,
    (pending, place): (&Pending, &str),
    status: StatusCode,
    wrong: Wrong<'_>,
) -> Answer {
    let methods = door
        .logins
        .two_factor()
        .methods(pending.user(), door.now())
        .await;
    let methods = methods.map_err(|error| visit.failed(&error.into()))?;
    let script = match methods.passkeys {
        0 => Script::None,
        _ => Script::Passkey,
    };
    let w = visit.words;
    visit.page(status, (w.code_title, script), |token| {
        card()
            .with(el("h1").with(w.code_title))
            .with(p(w.code_text))
            .with((methods.passkeys > 0).then(|| by_passkey(visit, (token, place), wrong)))
            .with((methods.otps > 0).then(|| by_code(visit, (token, place), wrong)))
            .with(
                (methods.recovery_codes > 0)
                    .then(|| by_recovery(visit, (token, place), methods, wrong)),
            )
            .with(soft(link("/login", w.another_login)))
            .into()
    })
}

fn of(with: With, wrong: Wrong<'_>) -> Option<&str> {
    wrong.filter(|(of, _)| *of == with).map(|(_, text)| text)
}

fn remember(visit: &Visit, of: &str) -> Element {
    let w = visit.words;
    el("div")
        .with(tick("remember", of, w.remember, Ticked::No))
        .with(el("p").class("note").with(w.remember_note))
}

fn by_code(visit: &Visit, (token, place): (&str, &str), wrong: Wrong<'_>) -> Element {
    let w = visit.words;
    let mut code = field("code", "text", w.code)
        .digits()
        .note(w.code_note)
        .wrong(of(With::Code, wrong));
    if wrong.is_none_or(|(with, _)| with == With::Code) {
        code = code.first();
    }
    form("/login/code", token)
        .with(hidden("to", place))
        .with(code)
        .with(remember(visit, "code"))
        .with(button(w.continue_))
}

fn by_recovery(
    visit: &Visit,
    (token, place): (&str, &str),
    methods: Methods,
    wrong: Wrong<'_>,
) -> Element {
    let w = visit.words;
    let wrong = of(With::Recovery, wrong);
    let mut code = field("recovery", "text", w.recovery_code)
        .verbatim()
        .complete("off")
        .set("maxlength", "64")
        .note(w.recovery_note)
        .wrong(wrong);
    if wrong.is_some() {
        code = code.first();
    }
    let only = methods.otps == 0 && methods.passkeys == 0;
    let details = el("details");
    let details = match only || wrong.is_some() {
        true => details.flag("open"),
        false => details,
    };
    details.with(el("summary").with(w.use_recovery)).with(
        form("/login/recovery", token)
            .with(hidden("to", place))
            .with(code)
            .with(button(w.continue_).class("second")),
    )
}

fn by_passkey(visit: &Visit, (token, place): (&str, &str), bad: Wrong<'_>) -> Element {
    let w = visit.words;
    form("/login/passkey", token)
        .set("data-passkey", "get")
        .set("data-options", "/login/passkey/options")
        .set("data-failed", w.passkey_failed)
        .with(hidden("to", place))
        .with(hidden("challenge", ""))
        .with(hidden("response", ""))
        .with(remember(visit, "passkey"))
        .with(button(w.use_passkey))
        .with(el("noscript").with(soft(w.passkey_script)))
        .with(match of(With::Passkey, bad) {
            Some(text) => wrong(text),
            None => el("p").class("error").set("role", "alert"),
        })
}

async fn code(State(door): State<Arc<Door>>, VisitForm { visit, form }: VisitForm) -> Answer {
    let begun = Instant::now();
    let Some((account, pending)) = pending(&door, &visit) else {
        return Ok(to("/login?over"));
    };
    let (device, typed) = (visit.device(), form.secret("code"));
    let client = Client::web(visit.client, device.as_ref());
    let second = door
        .logins
        .two_factor()
        .code(&pending, &client, &typed, door.now())
        .await;
    settle(
        &door,
        &visit,
        &form,
        (account, pending),
        (With::Code, begun),
        second,
    )
    .await
}

async fn recovery(State(door): State<Arc<Door>>, VisitForm { visit, form }: VisitForm) -> Answer {
    let begun = Instant::now();
    let Some((account, pending)) = pending(&door, &visit) else {
        return Ok(to("/login?over"));
    };
    let (device, typed) = (visit.device(), form.secret("recovery"));
    let client = Client::web(visit.client, device.as_ref());
    let factors = door.logins.two_factor();
    let second = factors
        .recovery_code(&pending, &client, &typed, door.now())
        .await;
    settle(
        &door,
        &visit,
        &form,
        (account, pending),
        (With::Recovery, begun),
        second,
    )
    .await
}

/// What the browser's passkey is asked.
async fn options(State(door): State<Arc<Door>>, VisitForm { visit, .. }: VisitForm) -> Answer {
    let Some((_, pending)) = pending(&door, &visit) else {
        return Err(StatusCode::GONE.into_response());
    };
    let asked = door
        .logins
        .two_factor()
        .passkey_challenge(&pending, door.now())
        .await;
    match asked.map_err(|error| visit.failed(&error.into()))? {
        PasskeyLogin::Ask(challenge) => Ok(crate::web::api::said(&serde_json::json!({
            "challenge": challenge.id.to_string(),
            "options": challenge.options,
        }))),
        PasskeyLogin::Refused(_) => Err(StatusCode::GONE.into_response()),
    }
}

async fn passkey(State(door): State<Arc<Door>>, VisitForm { visit, form }: VisitForm) -> Answer {
    let begun = Instant::now();
    let Some((account, pending)) = pending(&door, &visit) else {
        return Ok(to("/login?over"));
    };
    let device = visit.device();
    let client = Client::web(visit.client, device.as_ref());
    let second = match form.get("challenge").parse() {
        Ok(challenge) => {
            let factors = door.logins.two_factor();
            let response = form.get("response");
            factors
                .passkey(&pending, &client, &challenge, response, door.now())
                .await
        }
        Err(_) => Ok(Second::Refused(Refusal::Passkey)),
    };
    settle(
        &door,
        &visit,
        &form,
        (account, pending),
        (With::Passkey, begun),
        second,
    )
    .await
}

/// Lets this device do without the second factor for a while. Says by how much that makes the generation grow.
async fn remembered(door: &Door, visit: &Visit, passed: &Passed) -> Result<u64, Response> {
    let sent = visit.device();
    let Some(token) = passed.device.as_ref().or(sent.as_ref()) else {
        return Ok(0);
    };
    let (factors, now) = (door.logins.two_factor(), door.now());
    let remembered = factors.remember(passed, token, now + REMEMBERED, now).await;
    match remembered.map_err(|error| visit.failed(&error.into()))? {
        Remembered::Until(_) => Ok(1),
        // That it is not keeps nobody out.
        Remembered::Refused(_) => Ok(0),
    }
}

async fn settle(
    door: &Door,
    visit: &Visit,
    form: &Form,
    (account, pending): (Arc<str>, Pending),
    (with, begun): (With, Instant),
    second: Result<Second, Error>,
) -> Answer {
    door.logins.happened();
    let w = visit.words;
    let place = form.get("to");
    let why = match second.map_err(|error| visit.failed(&error.into()))? {
        Second::Passed(passed) => {
            let grown = match form.has("remember") {
                true => remembered(door, visit, &passed).await?,
                false => 0,
            };
            return enter(
                door,
                visit,
                (&account, &passed),
                grown,
                path_of(Some(place)),
            )
            .await;
        }
        Second::Refused(why) => why,
    };
    tracing::info!(client = %crate::log::Network(visit.client), code = why.code(), "second factor refused");
    if matches!(
        why,
        Refusal::Wrong | Refusal::Drifted { .. } | Refusal::Replayed | Refusal::Passkey
    ) {
        note_failure(door, visit, &account).await?;
    }
    sleep_until(begun + FAILED_LOGIN).await;
    if why == Refusal::Stale {
        return Ok(visit.notice(
            StatusCode::FORBIDDEN,
            w.again_title,
            &[w.refused_stale],
            ("/login", w.begin_again),
        ));
    }
    let wrong = match with {
        With::Code => w.code_wrong,
        With::Recovery => w.recovery_wrong,
        With::Passkey => w.refused_passkey,
    };
    let refused = say(visit, why, door.now(), wrong);
    let shown = Some((with, &*refused.text));
    Ok(refused.with(page(door, visit, (&pending, place), refused.status, shown).await?))
}
