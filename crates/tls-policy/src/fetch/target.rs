//! What of a URI is needed to ask for it.

use super::RequestFault;
use ::rustls::pki_types::ServerName;
use http::{HeaderValue, Uri, uri::PathAndQuery};
use mail_dns::Name;

/// An https URI on port 443 of a host with a name, without credentials.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// To look up.
    pub(super) name: Name,
    /// To send, and to verify.
    pub(super) server_name: ServerName<'static>,
    pub(super) host: HeaderValue,
    pub(super) path: PathAndQuery,
}

impl Target {
    pub(super) fn of(uri: &Uri) -> Result<Self, RequestFault> {
        if uri.scheme_str() != Some("https") {
            return Err(RequestFault::Scheme);
        }
        let authority = uri.authority().ok_or(RequestFault::Host)?;
        if authority.as_str().contains('@') {
            return Err(RequestFault::Credentials);
        }
        let host = authority.host();
        let port = authority.as_str().strip_prefix(host);
        if !matches!(port, Some("" | ":" | ":443")) {
            return Err(RequestFault::Port);
        }
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        let name = host.parse().map_err(|_| RequestFault::Host)?;
        let value = HeaderValue::from_str(&host).map_err(|_| RequestFault::Host)?;
        let Ok(server_name @ ServerName::DnsName(_)) = ServerName::try_from(host) else {
            return Err(RequestFault::Host);
        };
        let path = uri.path_and_query().cloned();
        Ok(Self {
            name,
            server_name,
            host: value,
            path: path.unwrap_or_else(|| PathAndQuery::from_static("/")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_to_a_name_on_443() {
        let of = |uri: &str| Target::of(&uri.parse().unwrap());
        for (uri, host, path) in [
            ("https://example.org", "example.org", "/"),
            ("https://EXAMPLE.org./a?b=c", "example.org", "/a?b=c"),
            ("https://example.org:443/", "example.org", "/"),
            ("https://example.org:/x", "example.org", "/x"),
        ] {
            let target = of(uri).unwrap();
            assert_eq!(
                (target.host.to_str().unwrap(), target.path.as_str()),
                (host, path)
            );
            assert_eq!(target.server_name.to_str(), host);
        }
        for (uri, fault) in [
            ("http://example.org/", RequestFault::Scheme),
            ("ftp://example.org/", RequestFault::Scheme),
            ("/path", RequestFault::Scheme),
            ("example.org:443", RequestFault::Scheme),
            ("https://example.org:80/", RequestFault::Port),
            ("https://example.org:8443/", RequestFault::Port),
            ("https://example.org:0/", RequestFault::Port),
            ("https://a@example.org/", RequestFault::Credentials),
            ("https://a:b@example.org/", RequestFault::Credentials),
            ("https://example.org@127.0.0.1/", RequestFault::Credentials),
            ("https://127.0.0.1/", RequestFault::Host),
            ("https://9.9.9.9/", RequestFault::Host),
            ("https://[::1]/", RequestFault::Host),
            ("https://[2a00::1]/", RequestFault::Host),
            ("https://2130706433/", RequestFault::Host),
            ("https://0x7f.0.0.1/", RequestFault::Host),
            ("https://a..b/", RequestFault::Host),
            ("https://a~b/", RequestFault::Host),
        ] {
            assert_eq!(of(uri).err(), Some(fault), "{uri}");
        }
    }
}
