//! The interface of a sealed link, for its page: JSON, by POST alone.
//!
//! | `POST /api/links/ID/…` | in | out |
//! |---|---|---|
//! | `challenge` | `{}` | salt and costs of Argon2, hint, expiry: nothing that a password could be tried on |
//! | `release` | `{proof, reader}` | the sealed message, once its view is counted and durable |
//! | `resume` | `{reader}` | the same view again, for ten minutes |
//! | `destroy` | `{reader}` | `{}` |
//! | `reply` | the sealed reply; the token in `Letterlock-Reader` | `{}` |
//!
//! Everything else is `{code, at}`. Proofs and tokens come in bodies and fields, never in a URL, and are never logged; the
//! identity of a link is not logged either.

use super::{
    Client,
    guesses::Guesses,
    refusal::{Refusal, seconds},
};
use crate::{
    clock::Clock,
    limits::{Share, Shares},
    log::Causes,
    receipts::Receipts,
    service::Service,
};
use axum::{
    Extension, Router,
    body::{Body, Bytes},
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::post,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use record_store::AnyStore;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::json;
use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};
use symmetric_seal::{
    AccessProof, Opener,
    link::{self, Hint, LinkId, ReaderToken, Status, View},
    store::{Links, LinksError, Released, Verdict},
};
use tokio::time::timeout;
use tracing::warn;
use zeroize::Zeroizing;

/// Octets of a request in JSON.
const JSON_OCTETS: usize = 1024;
/// Seconds for a request in JSON, and for a reply.
const JSON_PATIENCE: Duration = Duration::from_secs(15);
pub(super) const UPLOAD_PATIENCE: Duration = Duration::from_secs(600);
/// After too many links that do not exist.
const UNKNOWN_WAIT: Duration = Duration::from_secs(15 * 60);
/// When there is no memory for another message.
pub(super) const ROOM_WAIT: Duration = Duration::from_secs(10);

const JSON: &str = "application/json";
pub(super) const OCTETS: &str = "application/octet-stream";
const READER: HeaderName = HeaderName::from_static("letterlock-reader");
const RESUME_UNTIL: HeaderName = HeaderName::from_static("letterlock-resume-until");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What the requests share.
pub(super) struct Api {
    links: Links<Arc<AnyStore>>,
    receipts: Arc<Receipts>,
    clock: Clock,
    /// Links that do not exist, by who asked for them.
    guesses: Guesses,
    room: Arc<Shares>,
    most: usize,
}

type Answer = Result<Response, Refusal>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Proof {
    #[serde(deserialize_with = "secret")]
    proof: Zeroizing<String>,
    #[serde(deserialize_with = "secret")]
    reader: Zeroizing<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reader {
    #[serde(deserialize_with = "secret")]
    reader: Zeroizing<String>,
}

/// A text of which no copy is left behind here; what the connection has read it into is not ours.
fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Zeroizing<String>, D::Error> {
    String::deserialize(from).map(Zeroizing::new)
}

impl Api {
    pub(super) fn new(service: &Service, store: Arc<AnyStore>) -> Self {
        let web = &service.config.web;
        Self {
            links: Links::new(store).max_message(web.sealed_octets),
            receipts: service.receipts.clone(),
            clock: service.clock.clone(),
            guesses: Guesses::new(web.unknown_links),
            room: service.room.clone(),
            most: web.sealed_octets,
        }
    }

    pub(super) fn routes(self) -> Router {
        Router::new()
            .route("/api/links/{id}/challenge", post(challenge))
            .route("/api/links/{id}/release", post(release))
            .route("/api/links/{id}/resume", post(resume))
            .route("/api/links/{id}/destroy", post(destroy))
            .route("/api/links/{id}/reply", post(reply))
            .with_state(Arc::new(self))
    }

    /// What a link says. A network that asks for many that do not exist must wait: see [`Guesses`].
    async fn ask<T>(
        &self,
        client: IpAddr,
        id: &LinkId,
        question: impl Future<Output = Result<Verdict<T>, LinksError>>,
    ) -> Result<T, Refusal> {
        let Some(guess) = self.guesses.guess(client, &id.key()) else {
            return Err(Refusal::busy(UNKNOWN_WAIT));
        };
        let asked = question.await;
        match &asked {
            Ok(Verdict::Refused(link::Refusal::Unknown)) => guess.missed(),
            Ok(_) => guess.found(),
            // Nobody has learned anything.
            Err(_) => drop(guess),
        }
        match asked {
            Ok(Verdict::Granted(it)) => Ok(it),
            Ok(Verdict::Refused(why)) => Err(Refusal::of(why, self.clock.now())),
            Err(LinksError::Size) => Err(Refusal::too_large()),
            Err(error) => {
                warn!(error = %Causes(&error), "a link cannot be used");
                Err(Refusal::failed())
            }
        }
    }

    /// The identity of a link; what cannot be one names no link.
    fn id(&self, text: &str) -> Result<LinkId, Refusal> {
        let unknown = |_| Refusal::of(link::Refusal::Unknown, self.clock.now());
        text.parse().map_err(unknown)
    }

    /// As [`ask`](Self::ask), where the sender may have to be told of what comes of it.
    async fn act<T>(
        &self,
        client: IpAddr,
        id: &LinkId,
        action: impl Future<Output = Result<Verdict<T>, LinksError>>,
    ) -> Result<T, Refusal> {
        let action = async {
            let acted = action.await;
            // Even after an error it may have happened, and a refusal may have locked the link.
            if !matches!(acted, Ok(Verdict::Refused(link::Refusal::Unknown))) {
                self.receipts.happened(id);
            }
            acted
        };
        self.ask(client, id, action).await
    }

    /// Room for the largest message there is, before anything is counted.
    fn room(&self, client: IpAddr) -> Result<Share, Refusal> {
        let mut share = self.room.share(client);
        match share.grow_to(self.most) {
            true => Ok(share),
            false => Err(Refusal::busy(ROOM_WAIT)),
        }
    }
}

async fn challenge(
    State(api): State<Arc<Api>>,
    Extension(Client(client)): Extension<Client>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    json::<Nothing>(request).await?;
    let now = api.clock.now();
    let id = api.id(&id)?;
    told(&api.ask(client, &id, api.links.view(&id, now)).await?, now)
}

/// What everybody with the link may know; never what a password could be tried on.
fn told(view: &View, now: SystemTime) -> Answer {
    let (views_left, locked_until) = match view.status {
        Status::Available { views_left } => (Some(views_left), None),
        Status::Locked { until } => (None, Some(seconds(until))),
        Status::Pending => return Err(Refusal::of(link::Refusal::Pending, now)),
        Status::Burned { at, by } => {
            return Err(Refusal::of(link::Refusal::Burned { at, by }, now));
        }
        Status::Expired { at } => return Err(Refusal::of(link::Refusal::Expired { at }, now)),
        Status::Revoked { at } => return Err(Refusal::of(link::Refusal::Revoked { at }, now)),
        // A state that this page does not know.
        _ => return Err(Refusal::failed()),
    };
    let parameters = view.challenge.map(|kdf| kdf.to_octets());
    let parts = parameters
        .as_ref()
        .map(|[salt @ .., passes, lanes, memory]| {
            (URL_SAFE_NO_PAD.encode(salt), *passes, *lanes, *memory)
        });
    let (salt, passes, lanes, memory) = match parts {
        Some((salt, passes, lanes, memory)) => {
            (Some(salt), Some(passes), Some(lanes), Some(memory))
        }
        None => (None, None, None, None),
    };
    Ok(said(&json!({
        "salt": salt,
        "passes": passes,
        "lanes": lanes,
        "memory_exponent": memory,
        "hint": view.hint.as_ref().map(Hint::as_str),
        "bound": view.bound,
        "expires": seconds(view.expires),
        "views_left": views_left,
        "locked_until": locked_until,
        "takes_reply": view.takes_reply,
    })))
}

async fn release(
    State(api): State<Arc<Api>>,
    Extension(Client(client)): Extension<Client>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let Proof { proof, reader } = json(request).await?;
    let proof: AccessProof = proof.parse().map_err(|_| Refusal::malformed())?;
    let reader: ReaderToken = reader.parse().map_err(|_| Refusal::malformed())?;
    let (room, now) = (api.room(client)?, api.clock.now());
    let id = api.id(&id)?;
    let release = api.links.release(&id, &proof, &reader, now);
    let released = api.act(client, &id, release).await?;
    Ok(handed_out(released, room))
}

async fn resume(
    State(api): State<Arc<Api>>,
    Extension(Client(client)): Extension<Client>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let reader = reader(request).await?;
    let (room, now) = (api.room(client)?, api.clock.now());
    let id = api.id(&id)?;
    let resume = api.links.resume(&id, &reader, now);
    let released = api.ask(client, &id, resume).await?;
    Ok(handed_out(released, room))
}

/// A sealed message on its way, with the memory that it takes.
struct Held {
    message: Arc<[u8]>,
    _room: Share,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.message
    }
}

fn handed_out(released: Released, room: Share) -> Response {
    let Released {
        message,
        resume_until,
        ..
    } = released;
    let held = Held {
        message,
        _room: room,
    };
    let mut response = Body::from(Bytes::from_owner(held)).into_response();
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(OCTETS));
    fields.insert(RESUME_UNTIL, HeaderValue::from(seconds(resume_until)));
    response
}

async fn destroy(
    State(api): State<Arc<Api>>,
    Extension(Client(client)): Extension<Client>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let (reader, now) = (reader(request).await?, api.clock.now());
    let id = api.id(&id)?;
    let destroy = api.links.destroy(&id, &reader, now);
    api.act(client, &id, destroy).await?;
    Ok(said(&json!({})))
}

async fn reply(
    State(api): State<Arc<Api>>,
    Extension(Client(client)): Extension<Client>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let field = request.headers().get(READER);
    let reader = field.and_then(|field| field.to_str().ok());
    let reader: ReaderToken = reader
        .and_then(|text| text.parse().ok())
        .ok_or_else(Refusal::malformed)?;
    let _room = api.room(client)?;
    let message = body(request, OCTETS, api.most, UPLOAD_PATIENCE).await?;
    // A sealed message by the named profiles, and nothing else is kept here.
    match Opener::for_links().inspect(&message) {
        Ok(sealed) if !sealed.is_armored() => {}
        _ => return Err(Refusal::malformed()),
    }
    let now = api.clock.now();
    let id = api.id(&id)?;
    let reply = api.links.reply(&id, &reader, &message, now);
    api.act(client, &id, reply).await?;
    Ok(said(&json!({})))
}

pub(super) fn said(value: &serde_json::Value) -> Response {
    ([(CONTENT_TYPE, JSON)], value.to_string()).into_response()
}

async fn reader(request: Request) -> Result<ReaderToken, Refusal> {
    let Reader { reader } = json(request).await?;
    reader.parse().map_err(|_| Refusal::malformed())
}

async fn json<T: DeserializeOwned>(request: Request) -> Result<T, Refusal> {
    let body = body(request, JSON, JSON_OCTETS, JSON_PATIENCE).await?;
    serde_json::from_slice(&body).map_err(|_| Refusal::malformed())
}

/// The body of a request that a page of this host has sent.
pub(super) async fn body(
    request: Request,
    kind: &str,
    most: usize,
    patience: Duration,
) -> Result<Bytes, Refusal> {
    ours(request.headers(), kind)?;
    let collected = Limited::new(request.into_body(), most).collect();
    match timeout(patience, collected).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::too_large()),
        Ok(Err(_)) => Err(Refusal::malformed()),
        Err(_) => Err(Refusal::slow()),
    }
}

/// A browser sends these kinds across hosts only if it is allowed to, which it is not; and it says so where it does.
pub(super) fn ours(fields: &HeaderMap, kind: &str) -> Result<(), Refusal> {
    let is = |name: &HeaderName, value: &str| fields.get(name).is_some_and(|field| field == value);
    if !is(&CONTENT_TYPE, kind) {
        return Err(Refusal::malformed());
    }
    match fields.contains_key(&FETCH_SITE) && !is(&FETCH_SITE, "same-origin") {
        true => Err(Refusal::foreign()),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        convert::Infallible,
        pin::Pin,
        task::{Context, Poll},
    };
    use tokio::time::Instant;

    /// A body of which some comes, and then no more.
    struct Stuck(Option<Bytes>);

    impl hyper::body::Body for Stuck {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, Infallible>>> {
            match self.0.take() {
                Some(octets) => Poll::Ready(Some(Ok(hyper::body::Frame::data(octets)))),
                None => Poll::Pending,
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_has_to_come_in_time() {
        for (kind, patience) in [(JSON, JSON_PATIENCE), (OCTETS, UPLOAD_PATIENCE)] {
            let stuck = Body::new(Stuck(Some(Bytes::from_static(b"{"))));
            let request = Request::builder().header(CONTENT_TYPE, kind).body(stuck);
            let start = Instant::now();
            let refused = body(request.unwrap(), kind, 1024, patience).await;
            let response = refused.unwrap_err().into_response();
            assert_eq!(response.status(), 408);
            assert_eq!(start.elapsed(), patience);
        }
    }
}
