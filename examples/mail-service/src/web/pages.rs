//! What a browser gets by GET and HEAD: the same octets whatever the link is, and whether it exists or not. Nothing here
//! reads the store, so that no look at a link, by whomever, consumes or tells anything.

use super::{
    assets::{self, Site},
    refusal::Refusal,
};
use axum::{
    Router,
    body::Body,
    extract::Path,
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY},
    },
    response::{IntoResponse, Response},
    routing::get,
};

const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// The pages of the site.
pub(super) fn site(site: Site) -> Router {
    Router::new()
        .route("/", get(move || page(HTML, site.index)))
        .route("/seal", get(move || page(HTML, site.compose)))
        .merge(common(site))
}

/// The pages of the host of sealed messages.
pub(super) fn sealed(site: Site) -> Router {
    Router::new()
        // A link that is cut short is explained by the page.
        .route("/s/{id}", get(move || page(HTML, site.sealed)))
        .merge(common(site))
}

fn common(site: Site) -> Router {
    Router::new()
        .route("/licences", get(move || page(TEXT, site.licences)))
        .route("/assets/{name}", get(asset))
        .fallback(|| async { (StatusCode::NOT_FOUND, "there is no such page\n") })
        .method_not_allowed_fallback(|| async { Refusal::method() })
}

async fn page(kind: &'static str, content: &'static [u8]) -> Response {
    ([(CONTENT_TYPE, kind)], Body::from(content)).into_response()
}

async fn asset(Path(name): Path<String>, request: HeaderMap) -> Response {
    let Some(asset) = assets::asset(&name) else {
        return (StatusCode::NOT_FOUND, "there is no such page\n").into_response();
    };
    let mut response = match asset.gzip.filter(|_| takes_gzip(&request)) {
        Some(gzip) => ([(CONTENT_ENCODING, "gzip")], Body::from(gzip)).into_response(),
        None => Body::from(asset.content).into_response(),
    };
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    fields.insert(VARY, HeaderValue::from_static("accept-encoding"));
    response
}

/// Only who names it, and not with a weight of nothing (RFC 9110 §12.5.3).
fn takes_gzip(request: &HeaderMap) -> bool {
    let fields = request.get_all(ACCEPT_ENCODING).iter();
    let codings = fields.filter_map(|field| field.to_str().ok());
    codings.flat_map(|field| field.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().strip_prefix("q=").unwrap_or("1");
        name.trim().eq_ignore_ascii_case("gzip") && weight.parse().is_ok_and(|q: f32| q > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_for_whom_takes_it() {
        let takes = |value: &'static str| {
            let mut fields = HeaderMap::new();
            fields.insert(ACCEPT_ENCODING, HeaderValue::from_static(value));
            takes_gzip(&fields)
        };
        for yes in ["gzip", "br, GZIP;q=0.5", "gzip;q=1.0"] {
            assert!(takes(yes), "{yes}");
        }
        for no in ["", "br", "gzip;q=0", "gzip;q=0.0", "xgzip", "gzip;q=x"] {
            assert!(!takes(no), "{no}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
