//! Port 80 (RFC 6797 §7.2): a browser that comes here is sent to HTTPS. Nothing else is said or heard.

use super::{Web, server};
use crate::service::Stop;
use axum::{
    body::Body,
    http::{
        HeaderValue, Method, Request, Response, StatusCode,
        header::{CACHE_CONTROL, LOCATION},
    },
};
use std::{io, sync::Arc};
use tokio::net::TcpStream;

/// Serves one connection to its end.
pub(crate) async fn serve(web: &Arc<Web>, stream: TcpStream, stop: Stop) -> io::Result<()> {
    let shared = web.clone();
    let answer = move |request| std::future::ready(answer(&shared, &request));
    server::speak(stream, web.longest, stop, answer).await
}

/// RFC 6797 §7.2: no HSTS here, where anybody could have written it.
fn answer<B>(web: &Web, request: &Request<B>) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    let to = web.hosts.secure(request);
    let to = to.and_then(|uri| HeaderValue::try_from(uri.to_string()).ok());
    let fields = response.headers_mut();
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    *response.status_mut() = match (to, request.method()) {
        (None, _) => StatusCode::MISDIRECTED_REQUEST,
        (Some(to), &Method::GET | &Method::HEAD) => {
            response.headers_mut().insert(LOCATION, to);
            StatusCode::PERMANENT_REDIRECT
        }
        // Whoever sends something in clear is to notice, not to be helped.
        (Some(_), _) => StatusCode::FORBIDDEN,
    };
    response
}
