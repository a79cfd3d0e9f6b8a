//! Whom a URL names, and whether he may be asked.

use std::net::IpAddr;
use std::sync::Arc;

use ::rustls::{ClientConfig, pki_types::ServerName};
use http::{HeaderValue, Uri, uri::PathAndQuery};

use crate::HttpFault;

/// Who may be reached, and how.
#[derive(Clone, Debug)]
pub(super) enum Reach {
    Tls(Arc<ClientConfig>),
    LoopbackWithoutTls,
}

/// A server, and what is wanted of it.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// Name or address without brackets, and port: one server.
    pub(super) server: (String, u16),
    /// As it is sent.
    pub(super) authority: HeaderValue,
    pub(super) name: ServerName<'static>,
    pub(super) path: PathAndQuery,
}

impl Target {
    pub(super) fn of(uri: &Uri, reach: &Reach) -> Result<Self, HttpFault> {
        let (scheme, port) = match reach {
            Reach::Tls(_) => ("https", 443),
            Reach::LoopbackWithoutTls => ("http", 80),
        };
        let authority = uri.authority().ok_or(HttpFault::Refused)?;
        if uri.scheme_str() != Some(scheme) || authority.as_str().contains('@') {
            return Err(HttpFault::Refused);
        }
        let host = authority.host().to_ascii_lowercase();
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let bare = bare.unwrap_or(&host).to_owned();
        let is_loopback = bare
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback());
        if matches!(reach, Reach::LoopbackWithoutTls) && !is_loopback {
            return Err(HttpFault::Refused);
        }
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("" | ":") => port,
            _ => authority.port_u16().ok_or(HttpFault::Refused)?,
        };
        let name = ServerName::try_from(bare.clone()).map_err(|_| HttpFault::Refused)?;
        let authority = HeaderValue::from_str(authority.as_str());
        let path = uri.path_and_query().cloned();
        Ok(Self {
            server: (bare, port),
            authority: authority.map_err(|_| HttpFault::Refused)?,
            name,
            path: path.unwrap_or_else(|| PathAndQuery::from_static("/")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tls() -> Reach {
        let provider = Arc::new(::rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(::rustls::RootCertStore::empty());
        Reach::Tls(Arc::new(config.with_no_client_auth()))
    }

    #[test]
    fn https_to_anybody_or_http_to_this_machine() {
        let tls = tls();
        let clear = Reach::LoopbackWithoutTls;
        for (uri, reach, server) in [
            ("https://A.example", &tls, Some(("a.example", 443))),
            ("https://a.example:8443/x", &tls, Some(("a.example", 8443))),
            ("https://[::1]:1/", &tls, Some(("::1", 1))),
            ("http://a.example", &tls, None),
            ("http://127.0.0.1", &tls, None),
            ("https://me@a.example", &tls, None),
            ("https://a.example:99999", &tls, None),
            ("/range", &tls, None),
            ("http://127.0.0.1:8080/", &clear, Some(("127.0.0.1", 8080))),
            ("http://[::1]/", &clear, Some(("::1", 80))),
            ("https://127.0.0.1/", &clear, None),
            ("http://localhost/", &clear, None),
            ("http://192.0.2.1/", &clear, None),
            ("http://127.0.0.1.example.org/", &clear, None),
            ("http://[::ffff:127.0.0.1]/", &clear, None),
        ] {
            let target = uri
                .parse()
                .ok()
                .and_then(|uri| Target::of(&uri, reach).ok());
            let found = target.as_ref().map(|t| (t.server.0.as_str(), t.server.1));
            assert_eq!(found, server, "{uri}");
        }
    }
}
