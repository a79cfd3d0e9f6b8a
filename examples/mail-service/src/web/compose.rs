//! Where the page hands in what it has sealed: `POST /api/seal`, on the host of the site.
//!
//! | part | what |
//! |---|---|
//! | `__Host-session`, `Letterlock-Form` | of whoever is logged in on the site: the cookie, and the token of its forms, which `GET /api/session` tells this page |
//! | or `Authorization` | `Basic` (RFC 7617), in UTF-8: the account's address and password, as POP3 takes them |
//! | `Letterlock-Terms` | base64url of `{from, to, hint, days, views, bound, proof}`; `proof` is the hash of the access proof |
//! | body | the sealed message, in its binary form |
//! | answer | `{link, token, expires, mailed}`, or `{code, at}`, with `why` if the mail was not delivered |
//!
//! The login comes first: before it nothing of the body is read, and after too many failures no password is looked at. Who
//! has a second factor does not log in here by a password, nor by an app password, which no page takes whatever its scope:
//! `login.second-factor` says that the session of the site is wanted. `login.must-change` says that the password is right, and
//! known from breaches: nothing is handed in before it is changed on the site.
//! Unless the message is bound to its link, whose secret the server never has, the link is mailed to the recipient. The
//! password of the account is overwritten after its check; what the HTTP library has read stays in its buffer until that
//! is used again.

use super::{
    Client,
    api::{OCTETS, ROOM_WAIT, UPLOAD_PATIENCE, body, ours, said},
    door::{Door, Standing},
    forms,
    refusal::{Refusal, seconds},
};
use crate::{
    accounts,
    disk::Disk,
    limits::{Share, Shares},
    log::{Causes, Network},
    login::{FAILED_LOGIN, Logins, WebLogin},
    post::Post,
    sealing::{self, Bound, Desk, Kept, NotDelivered, Order},
    service::Service,
};
use axum::{
    Extension, Router,
    body::HttpBody,
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{AUTHORIZATION, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use record_store::AnyStore;
use serde::Deserialize;
use serde_json::json;
use std::{net::IpAddr, sync::Arc, time::Duration};
use symmetric_seal::{Opener, ProofHash, link::Hint, mime::Mailbox, store::LinksError};
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};
use zeroize::Zeroizing;

const TERMS: HeaderName = HeaderName::from_static("letterlock-terms");
const DAY: u64 = 24 * 60 * 60;

/// What the requests share.
pub(super) struct Compose {
    door: Arc<Door>,
    logins: Arc<Logins>,
    desk: Desk,
    disk: Disk,
    room: Arc<Shares>,
    most: usize,
}

/// Everything but the message.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Terms {
    from: String,
    to: String,
    hint: Option<String>,
    days: u16,
    views: u8,
    bound: bool,
    proof: String,
}

/// An account, and the secret that the token of its forms belongs to.
type Session = (Arc<str>, Zeroizing<[u8; 32]>);

/// No, and why.
#[derive(Debug)]
enum No {
    Refusal(Refusal),
    /// The mail with the link was not delivered; the message is gone, or not.
    Undelivered(&'static str, String),
}

impl Compose {
    /// `port` is the one that links name.
    pub(super) fn new(service: &Service, port: u16, store: Arc<AnyStore>, door: Arc<Door>) -> Self {
        let (config, clock) = (&service.config, service.clock.clone());
        let post = Post::new(
            config,
            service.directory.clone(),
            service.mailboxes.clone(),
            store.clone(),
            clock.clone(),
        );
        Self {
            door,
            logins: service.logins.clone(),
            desk: Desk::with(config, post, port, store, clock),
            disk: Disk::of(config.store_folder()),
            room: service.room.clone(),
            most: config.web.sealed_octets,
        }
    }

    pub(super) fn routes(self) -> Router {
        Router::new()
            .route("/api/seal", post(seal))
            .route("/api/session", get(session))
            .with_state(Arc::new(self))
    }

    /// Who hands in: whoever is logged in on the site, or shows the password here.
    async fn who(&self, client: IpAddr, fields: &mut HeaderMap) -> Result<Arc<str>, Refusal> {
        let Some(token) = fields.remove(forms::TOKEN_FIELD) else {
            let credentials = credentials(fields)?;
            fields.remove(AUTHORIZATION);
            return self.log_in(client, credentials).await;
        };
        forms::ours(fields, &self.door.origin)?;
        let session = self.session(fields).await?;
        let (account, secret) = session.ok_or_else(Refusal::second_factor)?;
        match forms::is_token(&*secret, token.to_str().unwrap_or_default()) {
            true => Ok(account),
            false => Err(Refusal::foreign()),
        }
    }

    /// Who is logged in, and the secret that the token of the forms belongs to.
    async fn session(&self, fields: &HeaderMap) -> Result<Option<Session>, Refusal> {
        match self.door.session_and_standing(fields).await {
            // Whoever must change the password does nothing else before.
            Ok(Some((_, _, Standing::MustChange)) | None) => Ok(None),
            Ok(Some((session, token, Standing::Fine))) => {
                let secret = Zeroizing::new(*token.secret());
                Ok(Some((session.account().into(), secret)))
            }
            Err(error) => {
                warn!(error = %Causes(&error), "a session cannot be read");
                Err(Refusal::failed())
            }
        }
    }

    async fn log_in(
        &self,
        client: IpAddr,
        (user, password): (String, Zeroizing<String>),
    ) -> Result<Arc<str>, Refusal> {
        // The answer does not tell by its time what was wrong.
        let refused_at = Instant::now() + FAILED_LOGIN;
        let refusal = match self.logins.password(client, &user, password).await {
            WebLogin::Passed(_) => {
                let account = accounts::parse(&user).map_err(|_| Refusal::login())?;
                let now = self.logins.now();
                let found = accounts::credential(&self.door.store, &account, now).await;
                return match found {
                    Ok(Some(found)) if found.must_change() => Err(Refusal::must_change()),
                    Ok(_) => Ok(account),
                    Err(_) => Err(Refusal::failed()),
                };
            }
            WebLogin::Unavailable => return Err(Refusal::failed()),
            WebLogin::Second(..) => return Err(Refusal::second_factor()),
            WebLogin::Refused(why) => match why.retry_at() {
                Some(until) => {
                    Refusal::throttled(until.duration_since(self.logins.now()).unwrap_or_default())
                }
                None if why == twofactor::Refusal::Disabled => Refusal::disabled(),
                None => Refusal::login(),
            },
        };
        info!(client = %Network(client), code = refusal.code(), "login refused");
        sleep_until(refused_at).await;
        Err(refusal)
    }

    /// Room for the largest message there is.
    fn room(&self, client: IpAddr) -> Result<Share, Refusal> {
        let mut share = self.room.share(client);
        match share.grow_to(self.most) {
            true => Ok(share),
            false => Err(Refusal::busy(ROOM_WAIT)),
        }
    }

    /// Keeps the message and mails its link.
    async fn hand_in(&self, order: &Order, message: &[u8], proof: ProofHash) -> Result<Kept, No> {
        let kept = match self.desk.keep(order, message, proof).await {
            Ok(kept) => kept,
            Err(error) => return Err(No::Refusal(not_kept(&error))),
        };
        if order.bound == Bound::ToLink {
            return Ok(kept);
        }
        match self.desk.announce(order, &kept, None).await {
            Ok(_) => Ok(kept),
            Err(error) => Err(not_announced(&error)),
        }
    }
}

fn not_kept(error: &sealing::Error) -> Refusal {
    match error {
        sealing::Error::Sender(_) => Refusal::not_yours(),
        sealing::Error::Keep(LinksError::Size) => Refusal::too_large(),
        sealing::Error::Keep(LinksError::Terms(_)) => Refusal::terms("compose.terms"),
        sealing::Error::Keep(LinksError::Message(_) | LinksError::Unreadable) => {
            Refusal::malformed()
        }
        error => {
            warn!(error = %Causes(error), "a sealed message was not kept");
            Refusal::failed()
        }
    }
}

fn not_announced(error: &sealing::Error) -> No {
    let told = |why: &NotDelivered| {
        // What is behind it, such as a file that cannot be read, is for whoever runs the service.
        if matches!(why, NotDelivered::Outbound(_)) {
            warn!(error = %Causes(why), "no mail can be sent");
        }
        why.to_string()
    };
    match error {
        sealing::Error::NotDelivered(why) => No::Undelivered("compose.not-delivered", told(why)),
        sealing::Error::NotTakenBack(why) => No::Undelivered("compose.not-taken-back", told(why)),
        error => {
            warn!(error = %Causes(error), "an invitation was not written");
            No::Refusal(Refusal::failed())
        }
    }
}

/// Who is logged in, for the page that seals. Another site can ask, and cannot read the answer; nor does the cookie come
/// along there.
async fn session(
    State(compose): State<Arc<Compose>>,
    fields: HeaderMap,
) -> Result<Response, Refusal> {
    let session = compose.session(&fields).await?;
    let (account, form) = match session {
        Some((account, secret)) => (Some(account), Some(forms::token(&*secret))),
        None => (None, None),
    };
    Ok(said(
        &json!({ "account": account.as_deref(), "form": form }),
    ))
}

async fn seal(
    State(compose): State<Arc<Compose>>,
    Extension(Client(client)): Extension<Client>,
    mut request: Request,
) -> Result<Response, No> {
    ours(request.headers(), OCTETS)?;
    if request.body().size_hint().lower() > compose.most as u64 {
        return Err(Refusal::too_large().into());
    }
    let terms = Terms::read(request.headers())?;
    let account = compose.who(client, request.headers_mut()).await?;
    // By any of its spellings, and by its secure address.
    if compose.desk.account(&terms.from) != Some(account) {
        return Err(Refusal::not_yours().into());
    }
    let (order, proof) = terms.order()?;
    let room = compose.room(client)?;
    let message = body(request, OCTETS, compose.most, UPLOAD_PATIENCE).await?;
    // By the named profiles, and nothing else is kept here.
    match Opener::for_links().inspect(&message) {
        Ok(sealed) if !sealed.is_armored() => {}
        _ => return Err(Refusal::malformed().into()),
    }
    if !compose.disk.has_room(message.len()) {
        return Err(Refusal::full().into());
    }
    let mailed = order.bound == Bound::No;
    // Whoever hangs up now must not leave a link behind that nobody has been told of.
    let work = tokio::spawn(async move {
        let _room = room;
        compose.hand_in(&order, &message, proof).await
    });
    let kept = work.await.map_err(|_| Refusal::failed())??;
    Ok(said(&json!({
        "link": kept.url,
        "token": *kept.sender.to_text(),
        "expires": seconds(kept.expires),
        "mailed": mailed,
    })))
}

impl Terms {
    fn read(fields: &HeaderMap) -> Result<Self, Refusal> {
        let field = fields.get(TERMS).ok_or_else(Refusal::malformed)?;
        let json = URL_SAFE_NO_PAD.decode(field.as_bytes());
        let json = json.map_err(|_| Refusal::malformed())?;
        serde_json::from_slice(&json).map_err(|_| Refusal::malformed())
    }

    fn order(&self) -> Result<(Order, ProofHash), Refusal> {
        let mailbox = |address: &str, code| Mailbox::new(address).map_err(|_| Refusal::terms(code));
        let mut order = Order::new(
            mailbox(&self.from, "compose.from")?,
            mailbox(&self.to, "compose.to")?,
        );
        let hint = self.hint.as_deref().map(Hint::new).transpose();
        order.hint = hint.map_err(|_| Refusal::terms("compose.hint"))?;
        order.lifetime = Duration::from_secs(u64::from(self.days) * DAY);
        order.views = self.views;
        order.bound = match self.bound {
            true => Bound::ToLink,
            false => Bound::No,
        };
        let proof = self.proof.parse().map_err(|_| Refusal::malformed())?;
        Ok((order, proof))
    }
}

/// RFC 7617 §2: a name without a colon, a colon, a password.
fn credentials(fields: &HeaderMap) -> Result<(String, Zeroizing<String>), Refusal> {
    let mut fields = fields.get_all(AUTHORIZATION).iter();
    let (field, None) = (fields.next(), fields.next()) else {
        return Err(Refusal::malformed());
    };
    let encoded = field
        .and_then(|field| field.as_bytes().split_at_checked(6))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"Basic "))
        .map(|(_, encoded)| encoded)
        .ok_or_else(Refusal::malformed)?;
    // Never larger than what it is decoded from, so that no copy is left behind by growing.
    let mut octets = Zeroizing::new(Vec::with_capacity(encoded.len()));
    STANDARD
        .decode_vec(encoded, &mut octets)
        .map_err(|_| Refusal::malformed())?;
    let text = str::from_utf8(&octets).map_err(|_| Refusal::malformed())?;
    let (user, password) = text.split_once(':').ok_or_else(Refusal::malformed)?;
    Ok((user.to_owned(), Zeroizing::new(password.to_owned())))
}

impl From<Refusal> for No {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

impl IntoResponse for No {
    fn into_response(self) -> Response {
        match self {
            Self::Refusal(refusal) => refusal.into_response(),
            Self::Undelivered(code, why) => {
                let body = json!({ "code": code, "at": null, "why": why }).to_string();
                let mut response = (StatusCode::BAD_GATEWAY, body).into_response();
                let json = HeaderValue::from_static("application/json");
                response.headers_mut().insert(CONTENT_TYPE, json);
                response
            }
        }
    }
}

#[cfg(test)]
mod tests;
