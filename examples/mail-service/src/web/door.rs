//! Who asks, and whether he may. A handler gets what a form has sent through one of these alone, so that none can forget to
//! look at where it comes from:
//!
//! | | whose | what is looked at |
//! |---|---|---|
//! | [`Visit`] | anybody's | nothing |
//! | [`VisitForm`] | anybody's | the origin, the cookie `__Host-visit`, the token of the form |
//! | [`User`] | somebody's who is logged in | the session, and that the password need not be changed first |
//! | [`UserForm`] | the same | the session, the origin, the token |
//! | [`Proven`], [`ProvenForm`] | the same | that, and that he has shown who he is within ten minutes |

use super::{
    Client,
    assets::Site,
    cookies::Cookie,
    forms::{self, Form},
    html::Html,
    layout::{Assets, Page, Script, card, link, p},
    refusal::Refusal,
    words::Words,
};
use crate::{
    accounts::{self, Accounts, Credential},
    clock::Clock,
    log::Causes,
    login::Logins,
    second_factor::user_of,
    service::Service,
    sessions::{self, Basis, Session, Sessions, Token, history::Where},
};
use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{LOCATION, USER_AGENT},
        request::Parts,
    },
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use record_store::AnyStore;
use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};
use tracing::warn;
use twofactor::{DeviceToken, UserId};
use zeroize::Zeroizing;

/// What the pages of login and account share.
pub(super) struct Door {
    pub(super) logins: Arc<Logins>,
    pub(super) accounts: Accounts,
    pub(super) sessions: Sessions,
    pub(super) store: Arc<AnyStore>,
    clock: Clock,
    /// As browsers write it.
    pub(super) origin: String,
    pub(super) assets: Assets,
    /// What a mail program is told: the host, and the ports of POP3S.
    pub(super) mail_host: String,
    pub(super) pop3s: Vec<u16>,
}

/// Why a page cannot be shown now.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    #[error("sessions cannot be used")]
    Sessions(#[from] sessions::Error),
    #[error("accounts cannot be read")]
    Accounts(#[from] accounts::Error),
    #[error("second factors cannot be used")]
    Factors(#[from] twofactor::Error),
    #[error("the store failed")]
    Store(#[from] record_store::Error),
}

impl Door {
    /// `port` is the one that links name.
    pub(super) fn new(service: &Service, site: Site, port: u16, store: Arc<AnyStore>) -> Self {
        let config = &service.config;
        Self {
            logins: service.logins.clone(),
            accounts: Accounts::new(store.clone()),
            sessions: Sessions::new(store.clone()),
            store,
            clock: service.clock.clone(),
            origin: config.origin_at(port),
            assets: Assets {
                style: site.account_style,
                script: site.account_script,
            },
            mail_host: config.hostname.clone(),
            pop3s: config
                .listen
                .pop3s
                .iter()
                .map(std::net::SocketAddr::port)
                .collect(),
        }
    }

    pub(super) fn now(&self) -> SystemTime {
        self.clock.now()
    }

    /// What logins of an account rest on; nothing if there is no such account.
    pub(super) async fn basis(&self, account: &str) -> Result<Option<Basis>, Failed> {
        let now = self.now();
        let found = accounts::credential(&self.store, account, now).await?;
        match found {
            Some(found) => self.basis_of(account, &found).await,
            None => Ok(None),
        }
    }

    async fn basis_of(&self, account: &str, found: &Credential) -> Result<Option<Basis>, Failed> {
        let Ok(user) = user_of(account) else {
            return Ok(None);
        };
        let factors = self.logins.two_factor();
        let generation = factors.generation(&user, self.now()).await?;
        Ok(Some(Basis::new(&found.phc, generation)))
    }

    /// The session of a request, if there is one that has not ended.
    pub(super) async fn session(
        &self,
        fields: &HeaderMap,
    ) -> Result<Option<(Session, Token)>, Failed> {
        let found = self.session_and_standing(fields).await?;
        Ok(found.map(|(session, token, _)| (session, token)))
    }

    /// The same, and what it may be used for.
    pub(super) async fn session_and_standing(
        &self,
        fields: &HeaderMap,
    ) -> Result<Option<(Session, Token, Standing)>, Failed> {
        let Some(token) = Cookie::Session.of(fields).and_then(Token::parse) else {
            return Ok(None);
        };
        let (now, must_change) = (self.now(), AtomicBool::new(false));
        let basis = async |account: &str| {
            let found = accounts::credential(&self.store, account, now).await?;
            let Some(found) = found else {
                return Ok(None);
            };
            must_change.store(found.must_change(), Ordering::Relaxed);
            self.basis_of(account, &found).await
        };
        let session = self.sessions.find(&token, now, basis).await?;
        let standing = match must_change.into_inner() {
            true => Standing::MustChange,
            false => Standing::Fine,
        };
        Ok(session.map(|session| (session, token, standing)))
    }
}

/// What a session may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Fine,
    /// To change the password, which is known from breaches, and to log out.
    MustChange,
}

impl Standing {
    /// Where whoever is logged in has to go instead, if he may not go there.
    fn detour(self, path: &str) -> Option<&'static str> {
        let may = ["/account/password", "/logout"].contains(&path);
        (self == Self::MustChange && !may).then_some("/account/password")
    }
}

/// A request by whomever.
pub(super) struct Visit {
    pub(super) client: IpAddr,
    pub(super) words: &'static Words,
    pub(super) place: Where,
    pub(super) fields: HeaderMap,
    pub(super) assets: Assets,
}

impl Visit {
    /// The device that the browser says it is.
    pub(super) fn device(&self) -> Option<DeviceToken> {
        Cookie::Device.of(&self.fields).and_then(DeviceToken::parse)
    }

    /// What forms before a login are bound to.
    fn secret(&self) -> Option<Zeroizing<Vec<u8>>> {
        let text = Cookie::Visit.of(&self.fields)?;
        let secret = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).ok()?);
        (secret.len() == 32).then_some(secret)
    }

    /// The token for the forms of a page, and what the browser must keep for it.
    pub(super) fn token(&self) -> Result<(String, Option<Zeroizing<String>>), Response> {
        if let Some(secret) = self.secret() {
            return Ok((forms::token(&secret), None));
        }
        let mut secret = Zeroizing::new([0; 32]);
        aws_lc_rs::rand::fill(&mut *secret).map_err(|_| self.unavailable())?;
        let cookie = Zeroizing::new(URL_SAFE_NO_PAD.encode(*secret));
        Ok((forms::token(&*secret), Some(cookie)))
    }

    /// A page with forms for whoever is not logged in.
    pub(super) fn page(
        &self,
        status: StatusCode,
        (title, script): (&str, Script),
        content: impl FnOnce(&str) -> Html,
    ) -> Result<Response, Response> {
        let (token, cookie) = self.token()?;
        let page = self.bare(title, script).around(content(&token));
        let mut response = page.answer(status);
        if let Some(cookie) = cookie {
            Cookie::Visit.put(&cookie, response.headers_mut());
        }
        Ok(response)
    }

    fn bare<'a>(&self, title: &'a str, script: Script) -> Page<'a> {
        Page {
            words: self.words,
            assets: self.assets,
            title,
            token: None,
            path: "",
            script,
        }
    }

    /// A page that says something and leads somewhere.
    pub(super) fn notice(
        &self,
        status: StatusCode,
        title: &str,
        texts: &[&str],
        (path, name): (&str, &str),
    ) -> Response {
        let content = card()
            .with(super::html::el("h1").with(title))
            .each(texts.iter().map(|text| p(*text)))
            .with(p(link(path, name)));
        self.bare(title, Script::None)
            .around(content)
            .answer(status)
    }

    pub(super) fn unavailable(&self) -> Response {
        let w = self.words;
        let status = StatusCode::SERVICE_UNAVAILABLE;
        self.notice(
            status,
            w.unavailable_title,
            &[w.unavailable],
            ("/account", w.back),
        )
    }

    /// The same, with the reason for whoever runs the service.
    pub(super) fn failed(&self, error: &Failed) -> Response {
        warn!(error = %Causes(error), "a page of an account cannot be shown");
        self.unavailable()
    }

    /// A form that is not heard.
    fn foreign(&self, refusal: Refusal) -> Response {
        let w = self.words;
        let texts = [w.foreign, w.cookies];
        let status = refusal.into_response().status();
        self.notice(status, w.again_title, &texts, ("/login", w.begin_again))
    }
}

impl FromRequestParts<Arc<Door>> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, door: &Arc<Door>) -> Result<Self, Infallible> {
        // The server puts it there, always.
        let client = parts.extensions.get::<Client>();
        let client = client.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |client| client.0);
        let agent = parts.headers.get(USER_AGENT);
        let agent = agent.and_then(|agent| agent.to_str().ok());
        Ok(Self {
            client,
            words: Words::of(&parts.headers),
            place: Where::new(client, agent.unwrap_or_default()),
            fields: parts.headers.clone(),
            assets: door.assets,
        })
    }
}

/// What a form has sent that is open to all.
pub(super) struct VisitForm {
    pub(super) visit: Visit,
    pub(super) form: Form,
}

impl FromRequest<Arc<Door>> for VisitForm {
    type Rejection = Response;

    async fn from_request(request: Request, door: &Arc<Door>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let Ok(visit) = Visit::from_request_parts(&mut parts, door).await;
        let form = Form::read(Request::from_parts(parts, body), &door.origin).await;
        let form = form.map_err(|refusal| visit.foreign(refusal))?;
        let secret = visit.secret();
        match secret.is_some_and(|secret| forms::is_token(&secret, form.get(forms::TOKEN))) {
            true => Ok(Self { visit, form }),
            false => Err(visit.foreign(Refusal::foreign())),
        }
    }
}

/// Somebody who is logged in.
pub(super) struct User {
    pub(super) visit: Visit,
    pub(super) session: Session,
    pub(super) id: UserId,
    pub(super) standing: Standing,
    /// The token of his forms.
    token: String,
}

impl User {
    pub(super) fn account(&self) -> &str {
        self.session.account()
    }

    pub(super) fn words(&self) -> &'static Words {
        self.visit.words
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// After the session got another token.
    pub(super) fn renew(&mut self, session: Session, token: &Token) {
        (self.session, self.token) = (session, forms::token(token.secret()));
        // Of the password: no other change is let through before it.
        self.standing = Standing::Fine;
    }

    pub(super) fn page(
        &self,
        status: StatusCode,
        title: &str,
        path: &'static str,
        content: impl Into<Html>,
    ) -> Response {
        self.page_with(status, (title, path, Script::None), content)
    }

    pub(super) fn page_with(
        &self,
        status: StatusCode,
        (title, path, script): (&str, &'static str, Script),
        content: impl Into<Html>,
    ) -> Response {
        let page = Page {
            words: self.words(),
            assets: self.visit.assets,
            title,
            token: Some(&self.token),
            path,
            script,
        };
        page.around(content).answer(status)
    }
}

impl FromRequestParts<Arc<Door>> for User {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, door: &Arc<Door>) -> Result<Self, Response> {
        let Ok(visit) = Visit::from_request_parts(parts, door).await;
        let session = door.session_and_standing(&visit.fields).await;
        let found = session.map_err(|error| visit.failed(&error))?;
        let user = found.and_then(|(session, token, standing)| {
            let id = user_of(session.account()).ok()?;
            Some((session, id, standing, forms::token(token.secret())))
        });
        match user {
            Some((session, id, standing, token)) => match standing.detour(parts.uri.path()) {
                Some(elsewhere) => Err(to(elsewhere)),
                None => Ok(Self {
                    visit,
                    session,
                    id,
                    standing,
                    token,
                }),
            },
            None => {
                let had = Cookie::Session.of(&visit.fields).is_some();
                let mut response = to(if had { "/login?over" } else { "/login" });
                if had {
                    Cookie::Session.end(response.headers_mut());
                }
                Err(response)
            }
        }
    }
}

/// What a form of somebody has sent who is logged in.
pub(super) struct UserForm {
    pub(super) user: User,
    pub(super) form: Form,
}

impl FromRequest<Arc<Door>> for UserForm {
    type Rejection = Response;

    async fn from_request(request: Request, door: &Arc<Door>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let user = User::from_request_parts(&mut parts, door).await?;
        let shown = parts.headers.get(forms::TOKEN_FIELD).cloned();
        let form = Form::read(Request::from_parts(parts, body), &door.origin).await;
        let form = form.map_err(|refusal| user.visit.foreign(refusal))?;
        // A script shows it in a field of the header.
        let shown = shown.as_ref().and_then(|shown| shown.to_str().ok());
        let shown = shown.unwrap_or_else(|| form.get(forms::TOKEN));
        match aws_lc_rs::constant_time::verify_slices_are_equal(
            shown.as_bytes(),
            user.token.as_bytes(),
        ) {
            Ok(()) => Ok(Self { user, form }),
            Err(_) => Err(user.visit.foreign(Refusal::foreign())),
        }
    }
}

/// Somebody who has shown a short time ago who he is.
pub(super) struct Proven(pub(super) User);

impl FromRequestParts<Arc<Door>> for Proven {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, door: &Arc<Door>) -> Result<Self, Response> {
        let user = User::from_request_parts(parts, door).await?;
        match user.session.is_recent(door.now()) {
            true => Ok(Self(user)),
            false => Err(to(&format!("/login?prove={}", place(parts.uri.path())))),
        }
    }
}

/// What a form of his has sent.
pub(super) struct ProvenForm {
    pub(super) user: User,
    pub(super) form: Form,
}

impl FromRequest<Arc<Door>> for ProvenForm {
    type Rejection = Response;

    async fn from_request(request: Request, door: &Arc<Door>) -> Result<Self, Response> {
        let path = request.uri().path().to_owned();
        let UserForm { user, form } = UserForm::from_request(request, door).await?;
        match user.session.is_recent(door.now()) {
            true => Ok(Self { user, form }),
            false => Err(to(&format!("/login?prove={}", place(&path)))),
        }
    }
}

/// Where somebody wanted to go: one of a few places, and never one that a link can choose.
const PLACES: [&str; 6] = [
    "passkeys",
    "app-passwords",
    "second-factor",
    "password",
    "sessions",
    "seal",
];

/// The name of the place that a path belongs to.
fn place(path: &str) -> &'static str {
    let page = path.strip_prefix("/account/").unwrap_or_default();
    let page = page.split('/').next().unwrap_or_default();
    PLACES
        .into_iter()
        .find(|place| *place == page)
        .unwrap_or("overview")
}

/// The path of a place.
pub(super) fn path_of(place: Option<&str>) -> &'static str {
    match place {
        Some("passkeys") => "/account/passkeys",
        Some("app-passwords") => "/account/app-passwords",
        Some("second-factor") => "/account/second-factor",
        Some("password") => "/account/password",
        Some("sessions") => "/account/sessions",
        Some("seal") => "/seal",
        _ => "/account",
    }
}

/// See there instead, by GET (RFC 9110 §15.4.4).
pub(super) fn to(path: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(path) = HeaderValue::from_str(path) {
        response.headers_mut().insert(LOCATION, path);
    }
    response
}
