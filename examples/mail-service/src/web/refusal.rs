//! What is said where there is no page and no message: a stable code, and when there will be something to try again.

use axum::{
    http::{
        HeaderValue, StatusCode,
        header::{CONTENT_TYPE, RETRY_AFTER},
    },
    response::{IntoResponse, Response},
};
use std::time::{Duration, SystemTime};
use symmetric_seal::link;

/// No, and why.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    code: &'static str,
    /// Since when, or until when.
    at: Option<SystemTime>,
    /// How long to wait.
    wait: Option<Duration>,
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str) -> Self {
        let (at, wait) = (None, None);
        Self {
            status,
            code,
            at,
            wait,
        }
    }

    pub(super) fn code(&self) -> &'static str {
        self.code
    }

    /// A host that is not here, or not on this connection.
    pub(super) fn misdirected() -> Self {
        Self::new(StatusCode::MISDIRECTED_REQUEST, "web.host")
    }

    pub(super) fn method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "web.method")
    }

    /// What was sent is not what is to be sent here.
    pub(super) fn malformed() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "web.malformed")
    }

    /// It came from a page of somebody else.
    pub(super) fn foreign() -> Self {
        Self::new(StatusCode::FORBIDDEN, "web.foreign")
    }

    pub(super) fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "web.too-large")
    }

    /// Neither who it is nor what was wrong is said.
    pub(super) fn login() -> Self {
        Self::new(StatusCode::FORBIDDEN, "login.refused")
    }

    /// The password is right, and opens nothing alone: log in on the site.
    pub(super) fn second_factor() -> Self {
        Self::new(StatusCode::FORBIDDEN, "login.second-factor")
    }

    /// The password is right, and known from breaches: change it on the site first.
    pub(super) fn must_change() -> Self {
        Self::new(StatusCode::FORBIDDEN, "login.must-change")
    }

    /// The password is out of use, from where nobody has logged in before, until it is changed.
    pub(super) fn disabled() -> Self {
        Self::new(StatusCode::FORBIDDEN, "login.disabled")
    }

    /// Too many have failed.
    pub(super) fn throttled(wait: Duration) -> Self {
        let wait = Some(wait);
        Self {
            wait,
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "login.throttled")
        }
    }

    /// The sender's address is that of somebody else.
    pub(super) fn not_yours() -> Self {
        Self::new(StatusCode::FORBIDDEN, "compose.not-yours")
    }

    /// What the sender wants makes no sense: which of it.
    pub(super) fn terms(code: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code)
    }

    /// The disk is full.
    pub(super) fn full() -> Self {
        Self::new(StatusCode::INSUFFICIENT_STORAGE, "web.full")
    }

    /// It did not come in time.
    pub(super) fn slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "web.slow")
    }

    /// Too much was asked for.
    pub(super) fn busy(wait: Duration) -> Self {
        let wait = Some(wait);
        Self {
            wait,
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "web.busy")
        }
    }

    /// The store does not answer.
    pub(super) fn failed() -> Self {
        let wait = Some(Duration::from_secs(5));
        Self {
            wait,
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "web.failed")
        }
    }

    /// What a link says.
    pub(super) fn of(refusal: link::Refusal, now: SystemTime) -> Self {
        use link::Refusal as Link;
        let (status, at, until) = match refusal {
            Link::Unknown => (StatusCode::NOT_FOUND, None, None),
            Link::WrongProof { wait } => (StatusCode::FORBIDDEN, wait, None),
            Link::Locked { until } => (StatusCode::TOO_MANY_REQUESTS, Some(until), Some(until)),
            Link::Burned { at, .. } | Link::Expired { at } | Link::Revoked { at } => {
                (StatusCode::GONE, Some(at), None)
            }
            Link::ViewsUsed | Link::ResumeOver => (StatusCode::GONE, None, None),
            Link::NotSender | Link::NotReader => (StatusCode::FORBIDDEN, None, None),
            _ => (StatusCode::CONFLICT, None, None),
        };
        let wait = until.map(|until| until.duration_since(now).unwrap_or_default());
        Self {
            at,
            wait,
            ..Self::new(status, refusal.code())
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let at = self.at.map(seconds);
        let body = serde_json::json!({ "code": self.code, "at": at });
        let mut response = (self.status, body.to_string()).into_response();
        let fields = response.headers_mut();
        fields.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(wait) = self.wait {
            // Not a second too early.
            fields.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs() + 1));
        }
        response
    }
}

/// As the pages read a moment.
pub(super) fn seconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
