use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, StatusCode, Uri};

use super::delivery::Tried;
use super::{Destination, Form, Report, ReportError};

/// Why there is no request.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// The destination is not an `https:` URI with a host, or one with a name and password in it.
    #[error("no https URI with a host")]
    Uri,
    /// The report cannot be packed.
    #[error("the report cannot be packed")]
    Report(#[source] ReportError),
}

/// The request that takes a report to an `https:` destination (RFC 8460 §5.4): POST, with the media
/// type of the form.
///
/// [`Fetcher::post`](crate::fetch::Fetcher::post) sends it (feature `fetch`). With another client it is
/// your job: the URI is a stranger's. Connect to global addresses only, follow no
/// redirect, give it a time limit, and read no more than the status line of the answer: see
/// [`posted`]. Whether a certificate that is not valid is an obstacle is up to you (RFC 8460 §3).
///
/// ```
/// # use std::time::UNIX_EPOCH;
/// # use tls_policy::tlsrpt::{Form, Report, TlsRptRecord, Tried, post, posted};
/// # let report = Report::new("Example", "tls@example.net", "1", (UNIX_EPOCH, UNIX_EPOCH), vec![]);
/// let record: TlsRptRecord = "v=TLSRPTv1; rua=https://example.org/v1/tls".parse()?;
/// let request = post(&record.destinations()[0], &report, Form::Gzip)?;
/// assert_eq!(request.headers()["content-type"], "application/tlsrpt+gzip");
/// assert_eq!(posted(http::StatusCode::CREATED), Tried::Accepted);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`PostError`]; the destination is then to be [`Tried::Refused`].
pub fn post(
    destination: &Destination,
    report: &Report,
    form: Form,
) -> Result<Request<Vec<u8>>, PostError> {
    let uri: Uri = destination.uri().parse().map_err(|_| PostError::Uri)?;
    let https = uri.scheme_str().is_some_and(|scheme| scheme == "https");
    let authority = uri.authority().filter(|_| https).ok_or(PostError::Uri)?;
    let host = authority.host();
    if host.is_empty() || authority.as_str().contains('@') {
        return Err(PostError::Uri);
    }
    let mut request = Request::new(report.pack(form).map_err(PostError::Report)?);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    let media_type = HeaderValue::from_static(form.media_type());
    request.headers_mut().insert(CONTENT_TYPE, media_type);
    Ok(request)
}

/// What the status of the answer means. RFC 8460 §5.4 wants a successful one, which all of 2xx are
/// (RFC 9110 §15.3); the body means nothing. Errors of the server's side, and 408, 425 and 429, may
/// pass; redirects are not followed, and they and all else are a refusal.
pub fn posted(status: StatusCode) -> Tried {
    match status.as_u16() {
        200..=299 => Tried::Accepted,
        408 | 425 | 429 | 500..=599 => Tried::Failed,
        _ => Tried::Refused,
    }
}
