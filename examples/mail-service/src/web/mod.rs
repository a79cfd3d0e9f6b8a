//! The HTTPS site, and the pages of sealed messages on a host name of their own.
//!
//! ```text
//! server ── TLS, HTTP/1.1, time limits
//!    │
//!  hosts ── which of the names is meant; any other is refused (421)
//!    │
//!  pages ── what `cargo xtask site` has built; a GET reads nothing of any message
//!   api  ── JSON by POST: challenge, release, destroy, reply ── symmetric_seal::store::Links
//! compose ── what the page has sealed: login or session ── sealing::Desk ── post
//!    │
//!   door ─── who asks, by cookies and forms, and whether he may ── sessions, Logins
//!    ├ login     password, second factor
//!    ├ account   what there is, and what its user changes
//!    └ reset     a new password by a link of the operator
//!  html, layout, words ── what these pages are put together from
//!    │
//!   wkd ── the keys that accounts publish ── openpgp
//!    │
//! headers ── on every answer, whatever it is
//!
//! redirect ── port 80: to HTTPS, and nothing else
//! ```

#![allow(clippy::result_large_err)] // of a handler both are answers

mod account;
mod api;
mod assets;
mod compose;
mod cookies;
mod door;
mod forms;
mod guesses;
mod headers;
mod hosts;
mod html;
mod layout;
mod login;
mod pages;
mod redirect;
mod refusal;
mod reset;
mod server;
mod wkd;
mod words;

use crate::service::Service;
use api::Api;
use axum::{Router, http::StatusCode};
use compose::Compose;
use door::Door;
use headers::Headers;
use hosts::{Host, Hosts};
use record_store::AnyStore;
use rustls::ServerConfig;
use std::{net::IpAddr, sync::Arc, time::Duration};
use wkd::Directory;

pub(crate) use redirect::serve as serve_redirect;
pub(crate) use server::serve;

/// Whether `cargo xtask site` had built the pages when this program was built.
pub(crate) fn are_pages_here() -> bool {
    assets::site().is_some()
}

/// The site, ready to answer.
pub(crate) struct Web {
    tls: Arc<ServerConfig>,
    hosts: Hosts,
    site: Router,
    sealed: Router,
    directory: Directory,
    headers: Headers,
    longest: Duration,
    port: u16,
}

/// Why there is no site.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The pages are not part of this program.
    #[error(
        "the pages were not built into this program: run `cargo xtask site`, and build it again"
    )]
    NoPages,
}

/// The address of who asks.
#[derive(Clone, Copy, Debug)]
struct Client(IpAddr);

impl Web {
    /// `port` is the one that links name.
    pub(crate) fn new(service: &Service, port: u16, store: Arc<AnyStore>) -> Result<Self, Error> {
        let pages = assets::site().ok_or(Error::NoPages)?;
        let config = &service.config;
        let api = Api::new(service, store.clone());
        let door = Arc::new(Door::new(service, pages, port, store.clone()));
        let compose = Compose::new(service, port, store, door.clone());
        let account = login::routes()
            .merge(account::routes())
            .merge(reset::routes())
            .with_state(door);
        Ok(Self {
            tls: server::tls(&service.tls.config),
            hosts: Hosts::new(config, port),
            site: pages::site(pages).merge(compose.routes()).merge(account),
            sealed: pages::sealed(pages).merge(api.routes()),
            directory: Directory::new(config, service.openpgp.clone(), service.clock.clone()),
            headers: Headers::new(&config.web, pages),
            longest: config.web.connection(),
            port,
        })
    }

    /// The one that links name.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    fn router(&self, host: Host) -> Router {
        match host {
            Host::Site => self.site.clone(),
            Host::Sealed => self.sealed.clone(),
            // All that it has is the directory's.
            Host::Directory(_) => Router::new().fallback(|| async { StatusCode::NOT_FOUND }),
        }
    }
}
