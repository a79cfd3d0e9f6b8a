use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use mail_dns::{Name, NameError};

use super::{Mode, Policy, PolicyError, Record};

/// The path of the policy file (RFC 8461 §3.2).
const PATH: &str = "/.well-known/mta-sts.txt";

/// The server's side of MTA-STS: a policy as a domain publishes it, as a TXT record and as a file, made
/// from one value so that they cannot say different things. No I/O.
///
/// To change a policy, serve the new file first and then publish the new record (RFC 8461 §8.1).
///
/// ```
/// use std::time::Duration;
/// use tls_policy::sts::{Mode, Policy, Publication};
///
/// let week = Duration::from_secs(7 * 24 * 3600);
/// let policy = Policy::new(Mode::Enforce, ["mx.example.org".parse()?, "*.example.net".parse()?], week)?;
/// let publication = Publication::new(policy)?;
///
/// // The record at `_mta-sts.example.org`: of another policy it has another id.
/// assert_eq!(publication.record_name(&"example.org".parse()?)?.to_string(), "_mta-sts.example.org");
/// assert_eq!(publication.record().to_string(), "v=STSv1; id=8f337e3bf83933d203c67832de5f7122;");
///
/// // The file, for the host `mta-sts.example.org` and no other.
/// let request = http::Request::get("/.well-known/mta-sts.txt").body(())?;
/// let response = publication.respond(&request);
/// assert_eq!(response.status(), 200);
/// assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
/// assert!(response.body().starts_with(b"version: STSv1\r\nmode: enforce\r\nmx: mx.example.org\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    record: Record,
    policy: Policy,
    file: Box<str>,
}

/// Why a policy is not published.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublicationError {
    /// Senders would not read the file as what it is.
    #[error("senders would not read it: {0}")]
    Policy(#[from] PolicyError),
    /// A `max_age` of less than a day ([`Publication::LEAST_AGE`]): it protects nobody.
    #[error("kept for less than a day")]
    Age,
}

impl Publication {
    /// The shortest `max_age` in seconds of a policy that is to be kept to: a day. RFC 8461 §3.2 wants
    /// weeks. With mode `none`, which is how a domain leaves MTA-STS (RFC 8461 §8.3), any will do.
    pub const LEAST_AGE: u64 = 24 * 3600;

    /// With an id that is derived from the policy: the same on all machines, another one for another
    /// policy, and the old one again when one goes back to an old policy.
    ///
    /// # Errors
    /// As [`PublicationError`].
    pub fn new(policy: Policy) -> Result<Self, PublicationError> {
        let record = Record::of_number(hash(&policy.to_string()));
        Self::with_record(policy, record)
    }

    /// With an id that is given. It has to be another one whenever the policy is (RFC 8461 §3.1).
    ///
    /// # Errors
    /// As [`PublicationError`].
    pub fn with_record(policy: Policy, record: Record) -> Result<Self, PublicationError> {
        if policy.mode() != Mode::None && policy.max_age().as_secs() < Self::LEAST_AGE {
            return Err(PublicationError::Age);
        }
        let file = policy.to_string().into_boxed_str();
        // As many hosts as there may be, of names as long as there may be, make too long a file.
        match Policy::from_octets(file.as_bytes())? == policy {
            true => Ok(Self {
                record,
                policy,
                file,
            }),
            false => Err(PolicyError::Mode.into()),
        }
    }

    /// The text of the TXT record.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Where the TXT record belongs: `_mta-sts.<domain>`.
    ///
    /// # Errors
    /// The domain's name is too long for that.
    pub fn record_name(&self, domain: &Name) -> Result<Name, NameError> {
        domain.prefixed("_mta-sts")
    }

    /// The host that serves the file: `mta-sts.<domain>`. Its certificate must be valid for this name.
    ///
    /// # Errors
    /// The domain's name is too long for that.
    pub fn host(&self, domain: &Name) -> Result<Name, NameError> {
        domain.prefixed("mta-sts")
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The file, with lines that end in CRLF.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The answer to a request that came over HTTPS for the [host](Self::host): the file, or a status
    /// that says why not. Which host it came for is yours to look at. Never a redirect, which no sender
    /// follows (RFC 8461 §3.3).
    pub fn respond<B>(&self, request: &Request<B>) -> Response<Vec<u8>> {
        if request.uri().path() != PATH {
            return status(StatusCode::NOT_FOUND);
        }
        let body = match *request.method() {
            Method::GET => self.file.as_bytes().to_vec(),
            Method::HEAD => Vec::new(),
            _ => {
                let mut response = status(StatusCode::METHOD_NOT_ALLOWED);
                let allowed = HeaderValue::from_static("GET, HEAD");
                response.headers_mut().insert(header::ALLOW, allowed);
                return response;
            }
        };
        let mut response = Response::new(body);
        let media_type = HeaderValue::from_static("text/plain; charset=utf-8");
        let fields = response.headers_mut();
        fields.insert(header::CONTENT_TYPE, media_type);
        fields.insert(header::CONTENT_LENGTH, self.file.len().into());
        response
    }
}

fn status(status: StatusCode) -> Response<Vec<u8>> {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = status;
    response
}

/// FNV-1a of 128 bits over the file. No secret is kept by it, and nobody but the domain itself chooses
/// what goes in: it has to be another one for another policy, as 128 bits are.
fn hash(file: &str) -> u128 {
    let mut hash: u128 = 0x6C62_272E_07BB_0142_62B8_2175_6295_C58D;
    for octet in file.bytes() {
        hash ^= u128::from(octet);
        hash = hash.wrapping_mul(0x0100_0000_0000_0000_0000_013B);
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The constants are those of FNV, whose test vectors these are.
    #[test]
    fn the_hash_is_fnv_1a() {
        assert_eq!(hash("a"), 0xD228_CB69_6F1A_8CAF_7891_2B70_4E4A_8964);
        assert_eq!(hash("foobar"), 0x343E_1662_793C_64BF_6F0D_3597_BA44_6F18);
    }
}
