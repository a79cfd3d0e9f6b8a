//! One request and its answer over one connection: the only file that names hyper.

use super::{FetchError, MAX_FIELDS, MAX_HEAD, meter::Metered, target::Target};
use crate::sts::MAX_POLICY;
use ::rustls::{ClientConfig, pki_types::CertificateDer};
use futures_util::future::{Either, select};
use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HOST, USER_AGENT},
};
use http_body_util::{BodyExt, Full};
use hyper::{
    Error,
    body::{Body, Bytes, Incoming},
    client::conn::http1::Builder,
};
use hyper_util::rt::TokioIo;
use std::{error::Error as _, io, pin::pin, sync::Arc};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

const AGENT: &str = concat!("tls-policy/", env!("CARGO_PKG_VERSION"));

/// A connection to a host that was authenticated.
pub(super) struct Line(TlsStream<Metered<TcpStream>>);

/// What is sent: no more than this.
pub(super) enum Sent {
    Get,
    Post {
        media_type: Option<HeaderValue>,
        body: Vec<u8>,
    },
}

impl Line {
    pub(super) async fn secure(
        stream: TcpStream,
        config: Arc<ClientConfig>,
        target: &Target,
    ) -> Result<Self, FetchError> {
        let name = target.server_name.clone();
        let connector = TlsConnector::from(config);
        let stream = connector.connect(name, Metered::new(stream)).await;
        stream
            .map(Self)
            .map_err(|why| FetchError::of_handshake(&why))
    }

    /// The host's own certificate.
    pub(super) fn certificate(&self) -> Option<&CertificateDer<'static>> {
        let (_, session) = self.0.get_ref();
        session.peer_certificates()?.first()
    }

    /// Sends the request, and reads the answer: of one to [`Sent::Get`] with status 200 the body, too.
    pub(super) async fn exchange(
        self,
        target: &Target,
        sent: Sent,
    ) -> Result<Response<Vec<u8>>, FetchError> {
        let wants_body = matches!(sent, Sent::Get);
        let request = request(target, sent);
        let mut builder = Builder::new();
        // It reads no more than this ahead.
        builder.max_buf_size(MAX_HEAD).max_headers(MAX_FIELDS);
        let handshake = builder.handshake(TokioIo::new(self.0)).await;
        let (mut sender, connection) = handshake.map_err(|why| of_http(&why))?;
        let exchange = pin!(async move {
            let answer = sender.send_request(request).await;
            let (head, body) = answer.map_err(|why| of_http(&why))?.into_parts();
            let wanted = wants_body && head.status == StatusCode::OK;
            let body = match wanted {
                true if coded(head.headers.get_all(CONTENT_ENCODING)) => {
                    return Err(FetchError::Coding);
                }
                true => read(body).await?,
                false => Vec::new(),
            };
            Ok(Response::from_parts(head, body))
        });
        match select(exchange, pin!(connection)).await {
            Either::Left((answer, _)) => answer,
            // The connection is done with; what it has read and why it ended is with the other half.
            Either::Right((_, exchange)) => exchange.await,
        }
    }
}

fn request(target: &Target, sent: Sent) -> Request<Full<Bytes>> {
    let (method, media_type, body) = match sent {
        Sent::Get => (Method::GET, None, Vec::new()),
        Sent::Post { media_type, body } => (Method::POST, media_type, body),
    };
    let mut request = Request::new(Full::new(Bytes::from(body)));
    *request.method_mut() = method;
    *request.uri_mut() = target.path.clone().into();
    let fields = request.headers_mut();
    fields.insert(HOST, target.host.clone());
    fields.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    fields.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    fields.insert(CONNECTION, HeaderValue::from_static("close"));
    fields.extend(media_type.map(|media_type| (CONTENT_TYPE, media_type)));
    request
}

fn coded<'a>(codings: impl IntoIterator<Item = &'a HeaderValue>) -> bool {
    let identity = |coding: &HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"identity");
    !codings.into_iter().all(identity)
}

/// Up to [`MAX_POLICY`] octets; what comes after the first that is too many is not read.
async fn read(mut body: Incoming) -> Result<Vec<u8>, FetchError> {
    if body.size_hint().lower() > MAX_POLICY as u64 {
        return Err(FetchError::TooLong);
    }
    let mut octets = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|why| of_http(&why))?;
        // Trailers say nothing that counts.
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if octets.len() + data.len() > MAX_POLICY {
            return Err(FetchError::TooLong);
        }
        octets.extend_from_slice(&data);
    }
    Ok(octets)
}

fn of_http(error: &Error) -> FetchError {
    if error.is_parse() {
        return FetchError::NotHttp;
    }
    let source = error
        .source()
        .and_then(|why| why.downcast_ref::<io::Error>());
    match source {
        Some(why)
            if why
                .get_ref()
                .is_some_and(|inner| inner.is::<::rustls::Error>()) =>
        {
            FetchError::Broken
        }
        Some(why) if why.kind() == io::ErrorKind::InvalidInput => FetchError::NotHttp,
        Some(why) if why.kind() == io::ErrorKind::InvalidData => FetchError::NotHttp,
        Some(why) => FetchError::of_line(why),
        None => FetchError::Broken,
    }
}
