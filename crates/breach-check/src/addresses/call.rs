//! One call: what to send, and how to read what comes.

use std::fmt;
use std::time::Duration;

use http::header::{CONTENT_ENCODING, RETRY_AFTER};
use http::{HeaderMap, Request};

use super::Error;
use crate::{Answer, End};

/// Most octets of an answer about a range.
pub const MAX_RANGE_ANSWER: usize = 8 * 1024 * 1024;
/// Most octets of an answer about a domain.
pub const MAX_DOMAIN_ANSWER: usize = 64 * 1024 * 1024;
/// Most octets of the list of all breaches.
pub const MAX_BREACHES: usize = 16 * 1024 * 1024;
/// Most octets of any other answer.
pub const MAX_SMALL_ANSWER: usize = 1024 * 1024;
/// More is not believed.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

type Parse<T> = Box<dyn Fn(&[u8]) -> Result<T, Error> + Send + Sync>;
type Nothing<T> = Box<dyn Fn() -> T + Send + Sync>;

/// A call: send [`request`](Self::request), and give [`read`](Self::read) what comes.
#[must_use = "nothing is sent by itself"]
pub struct Call<T> {
    request: Request<()>,
    limit: usize,
    parse: Parse<T>,
    none: Option<Nothing<T>>,
}

impl<T> Call<T> {
    pub(super) fn new(
        request: Request<()>,
        limit: usize,
        parse: impl Fn(&[u8]) -> Result<T, Error> + Send + Sync + 'static,
    ) -> Self {
        Self {
            request,
            limit,
            parse: Box::new(parse),
            none: None,
        }
    }

    /// What status 404 means.
    pub(super) fn or_none(mut self, none: impl Fn() -> T + Send + Sync + 'static) -> Self {
        self.none = Some(Box::new(none));
        self
    }

    /// What to send.
    #[must_use]
    pub fn request(&self) -> &Request<()> {
        &self.request
    }

    /// The most octets of a body that are of use.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Reads what came.
    ///
    /// # Errors
    /// [`Error`].
    pub fn read(&self, answer: &Answer) -> Result<T, Error> {
        let (response, body) = (&answer.response, answer.response.body());
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers());
        match (status, &self.none) {
            (200, _) => {}
            (404, Some(none)) => return Ok(none()),
            (401, _) => return Err(Error::Key),
            (403, _) => return Err(Error::Forbidden),
            (429, _) => return Err(Error::TooMany { retry_after }),
            (500..=599, _) => {
                return Err(Error::Away {
                    status,
                    retry_after,
                });
            }
            _ => return Err(Error::Status { status }),
        }
        let coding = response.headers().get(CONTENT_ENCODING);
        if coding.is_some_and(|coding| coding != "identity") || body.len() > self.limit {
            return Err(Error::Malformed);
        }
        match answer.end {
            End::Length | End::Chunked | End::Stream => (self.parse)(body),
            End::Closed => Err(Error::Unfinished),
        }
    }
}

/// Without what is sent, which may be an address.
impl<T> fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").finish_non_exhaustive()
    }
}

/// In seconds, as the service writes it: at least one, at most a day (RFC 9110 §10.2.3; a date is passed over).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    let wait = Duration::from_secs(seconds);
    Some(wait.clamp(Duration::from_secs(1), MAX_RETRY_AFTER))
}
