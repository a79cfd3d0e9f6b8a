//! The Web Key Directory: the certificates that accounts publish, on `openpgpkey.` and each domain of the service, and on the
//! domain itself where the site is on it. What is asked and what is answered is `pgp-keystore`'s to say.

use super::hosts::Host;
use crate::{clock::Clock, config::Config, openpgp::OpenPgp};
use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, Request, Response, StatusCode, header::HOST},
};
use pgp_keystore::wkd;
use std::sync::Arc;

/// Answers, where the path is the directory's.
#[derive(Debug)]
pub(super) struct Directory {
    openpgp: Arc<OpenPgp>,
    clock: Clock,
    /// The domains of the service, as the directory has them.
    domains: Vec<String>,
}

impl Directory {
    pub(super) fn new(config: &Config, openpgp: Arc<OpenPgp>, clock: Clock) -> Self {
        let hosts = config.directory_hosts();
        let domain = |host: &String| host.strip_prefix("openpgpkey.").map(str::to_owned);
        Self {
            openpgp,
            clock,
            domains: hosts.iter().filter_map(domain).collect(),
        }
    }

    /// None if the request is for something else, which the host has to answer.
    pub(super) async fn answer<B>(
        &self,
        host: Host,
        request: &Request<B>,
    ) -> Option<Response<Body>> {
        let named = request.headers().get(HOST)?.to_str().ok()?;
        let path = request.uri().path_and_query()?.as_str();
        // Sealed messages share nothing with any other page.
        let asked = match host {
            Host::Sealed => return None,
            _ => wkd::parse(request.method().as_str(), named, path).ok()?,
        };
        let is_ours = |domain: &str| self.domains.iter().any(|ours| ours == domain);
        let answer = match asked.wants.domain().is_some_and(is_ours) {
            true => self.openpgp.published(&asked, self.clock.now()).await,
            false => wkd::respond(&asked, wkd::Lookup::Absent),
        };
        Some(written(answer))
    }
}

fn written(answer: wkd::Response) -> Response<Body> {
    let mut response = Response::new(Body::from(answer.body));
    let status = StatusCode::from_u16(answer.status);
    *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        if let Ok(value) = HeaderValue::try_from(value) {
            response
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
    }
    response
}
