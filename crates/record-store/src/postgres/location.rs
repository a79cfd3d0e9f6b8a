//! What a URL says: where the server is, and whom to trust for it.

use std::path::PathBuf;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

use crate::Error;

/// A server, and how to know that it is the right one.
pub(super) struct Location {
    pub(super) config: Config,
    pub(super) trust: Trust,
}

/// Who may vouch for the server's certificate.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// Nobody is asked: clear text.
    Clear,
    /// The certificates that the system trusts.
    System,
    /// Those of a PEM file alone.
    File(PathBuf),
}

impl Location {
    /// Reads `postgres://USER:PASSWORD@HOST:PORT/DATABASE?PARAMETERS`.
    pub(super) fn parse(url: &str) -> Result<Self, Error> {
        let scheme = ["postgres://", "postgresql://"];
        let rest = scheme.iter().find_map(|scheme| url.strip_prefix(scheme));
        let rest = rest.ok_or_else(|| refused("not a URL that starts with postgres://"))?;
        // A password may hold a question mark.
        let from = rest.find('@').unwrap_or(0);
        let (base, query) = match rest.get(from..).and_then(|rest| rest.split_once('?')) {
            Some((base, query)) => (base.len() + from, query),
            None => (rest.len(), ""),
        };
        let (mut mode, mut root, mut others) = (None, None, Vec::new());
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=') {
                Some(("sslmode", value)) => mode = Some(value),
                Some(("sslrootcert", value)) => root = Some(decode(value)?),
                _ => others.push(parameter),
            }
        }
        let base = rest.get(..base).unwrap_or(rest);
        let url = format!("postgres://{base}?{}", others.join("&"));
        let mut config: Config = url
            .parse()
            .map_err(|_| refused("not a URL of a PostgreSQL server, or an unknown parameter"))?;

        let encrypted = match mode {
            Some("disable") => false,
            None | Some("require" | "verify-ca" | "verify-full") => true,
            Some("prefer" | "allow") => {
                return Err(refused(
                    "sslmode=prefer and allow let anyone in between switch TLS off; use verify-full, or disable",
                ));
            }
            Some(_) => return Err(refused("an unknown sslmode")),
        };
        let hosts = config.get_hosts();
        let local = |host: &Host| !matches!(host, Host::Tcp(_));
        if hosts.is_empty() {
            return Err(refused("no host"));
        }
        // It would win over the socket: clear text through the network.
        if hosts.iter().any(local) && !config.get_hostaddrs().is_empty() {
            return Err(refused("a Unix socket has no hostaddr"));
        }
        let trust = match (encrypted, root) {
            _ if hosts.iter().all(local) => Trust::Clear, // nobody is in between
            (false, _) => Trust::Clear,
            _ if hosts.iter().any(local) => {
                return Err(refused("hosts with TLS and Unix sockets do not mix"));
            }
            (true, Some(root)) if root != "system" => Trust::File(root.into()),
            (true, _) => Trust::System,
        };
        config.ssl_mode(match trust {
            Trust::Clear => SslMode::Disable,
            _ => SslMode::Require,
        });
        // A replica lags: what it says after a commit, or after an unknown outcome, would not be the truth.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        if config.get_application_name().is_none() {
            config.application_name("record-store");
        }
        Ok(Self { config, trust })
    }
}

fn refused(what: &'static str) -> Error {
    Error::Location { what }
}

/// Undoes `%41`.
fn decode(text: &str) -> Result<String, Error> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&octet, after)) = rest.split_first() {
        rest = after;
        let hex = |from: &[u8]| u8::from_str_radix(str::from_utf8(from.get(..2)?).ok()?, 16).ok();
        match (octet, hex(after)) {
            (b'%', Some(decoded)) => {
                bytes.push(decoded);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => bytes.push(octet),
        }
    }
    String::from_utf8(bytes).map_err(|_| refused("a path that is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trust(url: &str) -> Trust {
        Location::parse(url).unwrap().trust
    }

    #[test]
    fn tls_is_verified_unless_it_is_switched_off() {
        assert_eq!(trust("postgres://h/d"), Trust::System);
        for mode in ["require", "verify-ca", "verify-full"] {
            let url = format!("postgresql://u:p@h/d?sslmode={mode}");
            assert_eq!(trust(&url), Trust::System);
            assert_eq!(
                trust(&format!("{url}&sslrootcert=%2Fa%20b.pem")),
                Trust::File("/a b.pem".into())
            );
        }
        assert_eq!(
            trust("postgres://h/d?sslrootcert=/ca.pem"),
            Trust::File("/ca.pem".into())
        );
        assert_eq!(trust("postgres://h/d?sslmode=disable"), Trust::Clear);
        assert_eq!(
            trust("postgres://%2Fvar%2Frun/d?sslmode=require"),
            Trust::Clear
        );
    }

    #[test]
    fn what_is_refused_says_why_and_not_what() {
        for (url, why) in [
            ("postgres:h", "starts with"),
            ("postgres://u:secret@h/d?sslmode=prefer", "in between"),
            ("postgres://u:secret@h/d?sslmode=allow", "in between"),
            ("postgres://u:secret@h/d?sslmode=on", "unknown sslmode"),
            ("postgres://u:secret@h/d?secret=1", "unknown parameter"),
            (
                "postgres://u:secret@h:port/d",
                "not a URL of a PostgreSQL server",
            ),
            ("postgres://u:secret@/d", "no host"),
            ("postgres://u:secret@h,%2Frun/d", "do not mix"),
            (
                "postgres://u:secret@%2Frun/d?hostaddr=192.0.2.1",
                "no hostaddr",
            ),
            (
                "postgres://u:secret@%2Frun/d?hostadd%72=192.0.2.1",
                "no hostaddr",
            ),
            (
                "postgres://u:secret@h,%2Frun/d?sslmode=disable&hostaddr=192.0.2.1,192.0.2.2",
                "no hostaddr",
            ),
        ] {
            let Err(error) = Location::parse(url) else {
                panic!("{url} was accepted");
            };
            let text = format!("{error} {error:?}");
            assert!(text.contains(why) && !text.contains("secret"), "{text}");
        }
    }

    #[test]
    fn no_spelling_switches_tls_off_or_a_replica_on() {
        for url in [
            "postgres://h/d?ssl%6Dode=disable",
            "postgres://h/d?sslmode=disable&sslmode=verify-full",
            "postgres://h/d?hostaddr=192.0.2.1",
            "postgres://h/d?target_session_attrs=any",
            "postgres://h/d?target_session_attrs=read-only",
        ] {
            let Location { config, trust } = Location::parse(url).unwrap();
            assert_eq!(trust, Trust::System, "{url}");
            assert_eq!(config.get_ssl_mode(), SslMode::Require, "{url}");
            let wanted = config.get_target_session_attrs();
            assert_eq!(wanted, TargetSessionAttrs::ReadWrite, "{url}");
        }
    }

    #[test]
    fn a_password_may_hold_a_question_mark() {
        let location = Location::parse("postgres://u:a?b=c@h/d?sslmode=disable").unwrap();
        assert_eq!(location.config.get_password(), Some(&b"a?b=c"[..]));
        assert_eq!(location.trust, Trust::Clear);
        let debug = format!("{:?}", location.config);
        assert!(!debug.contains("a?b"), "{debug}");
    }
}
