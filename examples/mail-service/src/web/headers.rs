//! What every answer says about itself: nothing is kept, nothing is framed, nothing comes from elsewhere.

use super::{assets::Site, hosts::Host};
use crate::config::Web;
use axum::http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
        X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
};
use std::time::Duration;
use tls_policy::hsts::Hsts;

/// The fields of each host.
#[derive(Debug)]
pub(super) struct Headers {
    site: HeaderMap,
    compose: HeaderMap,
    account: HeaderMap,
    sealed: HeaderMap,
}

/// Where an answer comes from, as far as its policy differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A page without scripts, or no page.
    Plain,
    /// The page that seals, and its worker, which has the policy that it is served with.
    Compose,
    /// The pages of login and account: forms, and the script of passkeys.
    Account,
    Sealed,
}

impl Place {
    pub(super) fn of(host: Option<Host>, path: &str) -> Self {
        match host {
            Some(Host::Sealed) => Self::Sealed,
            Some(Host::Site) if path == "/seal" || path.starts_with("/assets/") => Self::Compose,
            Some(Host::Site) if is_account(path) => Self::Account,
            Some(Host::Site | Host::Directory(_)) | None => Self::Plain,
        }
    }
}

/// Whether a path is one of login or account.
fn is_account(path: &str) -> bool {
    let first = path.strip_prefix('/').unwrap_or_default();
    let first = first.split('/').next().unwrap_or_default();
    ["login", "logout", "account", "reset"].contains(&first)
}

/// Devices and data that no page of ours asks for.
const PERMISSIONS: &str = "accelerometer=(), autoplay=(), bluetooth=(), browsing-topics=(), \
    camera=(), display-capture=(), encrypted-media=(), fullscreen=(), geolocation=(), gyroscope=(), \
    hid=(), idle-detection=(), magnetometer=(), microphone=(), midi=(), payment=(), \
    picture-in-picture=(), screen-wake-lock=(), serial=(), usb=(), web-share=(), xr-spatial-tracking=()";

impl Headers {
    pub(super) fn new(web: &Web, site: Site) -> Self {
        let hsts = Hsts::new(Duration::from_secs(web.hsts_seconds)).include_sub_domains();
        Self {
            site: fields(hsts, PLAIN_POLICY),
            compose: fields(hsts, COMPOSE_POLICY),
            account: account(fields(hsts, ACCOUNT_POLICY)),
            sealed: fields(hsts, &sealed_policy(site.frame_style)),
        }
    }

    /// Whatever an answer says already, these say it better.
    pub(super) fn put(&self, place: Place, answer: &mut HeaderMap) {
        let ours = match place {
            Place::Plain => &self.site,
            Place::Compose => &self.compose,
            Place::Account => &self.account,
            Place::Sealed => &self.sealed,
        };
        for (name, value) in ours {
            answer.insert(name.clone(), value.clone());
        }
    }
}

/// A page with a style sheet, and nothing else.
const PLAIN_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

/// Forms to this host, one script of ours, and a picture that the page brings along: the QR code.
const ACCOUNT_POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; \
    style-src 'self'; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

/// With a policy of no referrer at all a browser sends forms with `Origin: null`, and then it cannot be seen where they come
/// from. Nobody else gets one this way either.
fn account(mut fields: HeaderMap) -> HeaderMap {
    fields.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    fields
}

/// Scripts of ours and WebAssembly, which Argon2 is; one worker; requests to this host.
const COMPOSE_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; \
    worker-src 'self'; connect-src 'self'; style-src 'self'; img-src data:; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
    trusted-types seal";

/// Scripts of ours and WebAssembly, which Argon2 is; one worker; requests to this host. The frame that shows HTML mail
/// inherits this: it may have its one style sheet, and pictures that the mail brings along.
fn sealed_policy(frame_style: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; \
         connect-src 'self'; style-src 'self' 'sha256-{frame_style}'; img-src data:; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
         trusted-types seal"
    )
}

fn fields(hsts: Hsts, policy: &str) -> HeaderMap {
    let hsts = hsts.to_string();
    let fields: [(HeaderName, &str); 12] = [
        (STRICT_TRANSPORT_SECURITY, &hsts),
        (CONTENT_SECURITY_POLICY, policy),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (name("cross-origin-opener-policy"), "same-origin"),
        (name("cross-origin-resource-policy"), "same-origin"),
        (name("cross-origin-embedder-policy"), "require-corp"),
        (name("origin-agent-cluster"), "?1"),
        (name("permissions-policy"), PERMISSIONS),
        (name("x-robots-tag"), "noindex, nofollow, noarchive"),
    ];
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        // All of them are ASCII; a hash is base64.
        if let Ok(value) = HeaderValue::from_str(value) {
            map.insert(name, value);
        }
    }
    map
}

fn name(name: &'static str) -> HeaderName {
    HeaderName::from_static(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_field_is_lost() {
        let hsts = Hsts::new(Duration::from_secs(1));
        let fields = fields(hsts, &sealed_policy("AAAA"));
        assert_eq!(fields.len(), 12);
        let policy = fields[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(!policy.contains("unsafe-inline") && !policy.contains("  "));
        assert!(!COMPOSE_POLICY.contains("  ") && !ACCOUNT_POLICY.contains("  "));
    }

    #[test]
    fn scripts_run_on_the_pages_that_have_some() {
        let site = |path| Place::of(Some(Host::Site), path);
        for path in ["/seal", "/assets/worker.js"] {
            assert_eq!(site(path), Place::Compose, "{path}");
        }
        for path in [
            "/login",
            "/login/code",
            "/account/passkeys",
            "/reset/x",
            "/logout",
        ] {
            assert_eq!(site(path), Place::Account, "{path}");
        }
        for path in [
            "/",
            "/seal/",
            "/seals",
            "/licences",
            "/api/seal",
            "/assets",
            "/accounts",
        ] {
            assert_eq!(site(path), Place::Plain, "{path}");
        }
        assert_eq!(Place::of(Some(Host::Sealed), "/seal"), Place::Sealed);
        assert_eq!(Place::of(None, "/seal"), Place::Plain);
    }
}
