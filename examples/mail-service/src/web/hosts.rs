//! Which host name is meant.

use crate::config::Config;
use axum::http::{
    Request, Uri,
    header::HOST,
    uri::{Authority, PathAndQuery},
};

/// One of the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Host {
    Site,
    Sealed,
    /// The directory of keys of a domain of the service: its number.
    Directory(usize),
}

/// The names that are served.
#[derive(Debug)]
pub(super) struct Hosts {
    site: String,
    sealed: String,
    /// `openpgpkey.` and each domain.
    directories: Vec<String>,
    /// The port that links name.
    port: u16,
}

impl Hosts {
    pub(super) fn new(config: &Config, port: u16) -> Self {
        Self {
            site: config.site_host(),
            sealed: config.sealed_host(),
            directories: config.directory_hosts(),
            port,
        }
    }

    /// The host that a request is for: by its field `Host`, which must be there once, and by the name that the client
    /// gave to TLS, if it gave one. A connection made for one name answers for no other.
    pub(super) fn of<B>(&self, request: &Request<B>, sni: Option<&str>) -> Option<Host> {
        let host = self.named(request)?;
        match sni {
            Some(name) if self.known(name) != Some(host) => None,
            _ => Some(host),
        }
    }

    fn named<B>(&self, request: &Request<B>) -> Option<Host> {
        let mut fields = request.headers().get_all(HOST).iter();
        let field = fields.next()?.to_str().ok()?;
        if fields.next().is_some() {
            return None;
        }
        let field: Authority = field.parse().ok()?;
        if field.as_str().contains('@') {
            return None;
        }
        let host = self.known(field.host())?;
        // RFC 9112 §3.2.2: a whole URI in the request line goes before the field; here both must agree.
        match request.uri().authority() {
            Some(authority) if self.known(authority.host()) != Some(host) => None,
            _ => Some(host),
        }
    }

    fn known(&self, name: &str) -> Option<Host> {
        let name = name.strip_suffix('.').unwrap_or(name);
        if name.eq_ignore_ascii_case(&self.site) {
            Some(Host::Site)
        } else if name.eq_ignore_ascii_case(&self.sealed) {
            Some(Host::Sealed)
        } else {
            let mut all = self.directories.iter();
            all.position(|known| name.eq_ignore_ascii_case(known))
                .map(Host::Directory)
        }
    }

    /// Where the same page is over HTTPS.
    pub(super) fn secure<B>(&self, request: &Request<B>) -> Option<Uri> {
        let name = match self.named(request)? {
            Host::Site => &self.site,
            Host::Sealed => &self.sealed,
            Host::Directory(number) => self.directories.get(number)?,
        };
        let authority = match self.port {
            443 => name.clone(),
            port => format!("{name}:{port}"),
        };
        let path = request.uri().path_and_query();
        Uri::builder()
            .scheme("https")
            .authority(authority)
            .path_and_query(path.map_or("/", PathAndQuery::as_str))
            .build()
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> Hosts {
        Hosts {
            site: "mail.b.test".into(),
            sealed: "sealed.b.test".into(),
            directories: vec!["openpgpkey.a.test".into(), "openpgpkey.b.test".into()],
            port: 8443,
        }
    }

    fn request(uri: &str, hosts: &[&str]) -> Request<()> {
        let mut request = Request::builder().uri(uri);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        request.body(()).unwrap()
    }

    #[test]
    fn a_host_is_known_by_its_name_and_by_nothing_else() {
        let of = |uri, fields: &[&str], sni| hosts().of(&request(uri, fields), sni);
        let sealed = Some(Host::Sealed);
        assert_eq!(of("/", &["mail.b.test"], None), Some(Host::Site));
        assert_eq!(
            of("/", &["SEALED.b.test.:8443"], Some("sealed.b.test")),
            sealed
        );
        assert_eq!(
            of("https://sealed.b.test/", &["sealed.b.test"], None),
            sealed
        );
        let directory = Some(Host::Directory(1));
        assert_eq!(of("/", &["openpgpkey.B.test"], None), directory);
        for (uri, fields, sni) in [
            // A connection for one domain's directory answers for no other's.
            ("/", &["openpgpkey.a.test"][..], Some("openpgpkey.b.test")),
            ("/", &["openpgpkey.c.test"], None),
            ("/", &[], None),
            ("/", &["b.test"], None),
            ("/", &["127.0.0.1"], None),
            ("/", &["x.sealed.b.test"], None),
            ("/", &["mail.b.test", "mail.b.test"], None),
            ("/", &["me@mail.b.test"], None),
            ("/", &["mail.b.test"], Some("sealed.b.test")),
            ("/", &["mail.b.test"], Some("other.test")),
            ("https://mail.b.test/", &["sealed.b.test"], None),
        ] {
            assert_eq!(of(uri, fields, sni), None, "{uri} {fields:?} {sni:?}");
        }
    }

    #[test]
    fn a_redirect_leads_to_the_same_page() {
        let to = |uri, host| {
            hosts()
                .secure(&request(uri, &[host]))
                .map(|u| u.to_string())
        };
        let page = "https://mail.b.test:8443/a?b=c";
        assert_eq!(to("/a?b=c", "mail.b.test:80").as_deref(), Some(page));
        assert_eq!(to("/", "elsewhere.test"), None);
    }
}
