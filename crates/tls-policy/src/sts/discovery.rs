use std::fmt;
use std::time::Duration;

use http::{Request, Response, StatusCode, header};
use mail_dns::{Answer, Name, Outcome, Query, Record as DnsRecord, RecordType};

use super::{MAX_POLICY, Policy, PolicyError, Record, RecordError};
use crate::StsFact;
use crate::rule::is_host;
use crate::tlsrpt::ResultType;

/// Seconds that a fetch may take in all (RFC 8461 §3.3 suggests one minute).
pub const FETCH_SECONDS: u64 = 60;

/// Looks for the policy of a domain (RFC 8461 §3), without I/O: it says what it [needs](Self::need),
/// takes the answer, and is [finished](Self::finish) after at most two.
///
/// [`Fetcher::find`](crate::fetch::Fetcher::find) drives it (feature `fetch`). Who fetches by himself
/// keeps to RFC 8461 §3.3, because only he can: HTTPS on port 443 of exactly this host,
/// with a certificate from a public authority that is valid now and for this name; no redirect, no
/// proxy, no HTTP cache; not more than [`MAX_POLICY`] octets, nor [`FETCH_SECONDS`]. The rest is
/// looked at here: status 200 and no other, `text/plain`, size, grammar.
///
/// ```
/// use mail_dns::Zone;
/// use tls_policy::StsFact;
/// use tls_policy::sts::{Discovery, Found, Need};
///
/// let zone = Zone::new().txt("_mta-sts.example.org", "v=STSv1; id=1;")?;
/// let mut discovery = Discovery::new(&"example.org".parse()?)?;
/// let Need::Dns(query) = discovery.need() else { panic!("the record comes first") };
/// let answer = zone.answer(query);
/// discovery.dns(&answer);
/// let Need::Http(request) = discovery.need() else { panic!("there is a record") };
/// assert_eq!(request.uri(), "https://mta-sts.example.org/.well-known/mta-sts.txt");
/// let policy = "version: STSv1\nmode: enforce\nmx: mx.example.org\nmax_age: 86400\n";
/// let response = http::Response::builder().header("content-type", "text/plain").body(policy)?;
/// discovery.http(Ok(&response));
/// let found = discovery.finish();
/// assert_eq!(found.fact("mx.example.org"), StsFact::Enforce);
/// assert_eq!(found.fact("mx.attacker.example"), StsFact::EnforceMismatch);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Discovery {
    query: Query,
    request: Request<()>,
    /// The identity of a policy that is cached: need not be fetched again.
    known: Option<Box<str>>,
    /// The identity of a policy that could not be had just now: RFC 8461 §3.3 wants a pause.
    failing: Option<Box<str>>,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Record,
    Policy { id: Box<str> },
    Done(Found),
}

/// What a [`Discovery`] wants next.
#[allow(clippy::exhaustive_enums)] // RFC 8461 §3 has these two steps
#[derive(Clone, Copy, Debug)]
pub enum Need<'a> {
    /// An answer to this, for [`Discovery::dns`].
    Dns(&'a Query),
    /// A response to this, for [`Discovery::http`].
    Http(&'a Request<()>),
    /// Nothing: it is finished.
    Nothing,
}

/// What a [`Discovery`] found.
#[allow(clippy::exhaustive_enums)] // complete by RFC 8461 §3.1 and §3.3
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// No record, several, or a malformed one: the domain has no policy (RFC 8461 §3.1).
    NoRecord(Option<RecordError>),
    /// The record says that the policy which is cached has not changed.
    Unchanged,
    /// A live policy.
    Policy {
        /// Of its record.
        id: Box<str>,
        /// The policy.
        policy: Policy,
    },
    /// Nobody knows whether there is one, or which.
    Trouble {
        /// Of the record, if there was one.
        id: Option<Box<str>>,
        /// What went wrong.
        trouble: Trouble,
    },
}

/// Why a policy could not be had.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The record could not be looked up.
    Dns(mail_dns::Failure),
    /// Nothing came over HTTPS.
    Fetch(FetchFailure),
    /// The status was another than 200; a redirect is one, too (RFC 8461 §3.3).
    Status(u16),
    /// It was not `text/plain`.
    MediaType,
    /// It was no policy.
    Policy(PolicyError),
    /// It failed a short while ago, and the pause is not over.
    Pause,
    /// The caller asked to finish before it was.
    Unfinished,
}

/// Why nothing came over HTTPS, as far as whoever fetched knows.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FetchFailure {
    /// The certificate is not valid for the policy host (RFC 8461 §3.3).
    Certificate,
    /// It took too long.
    Timeout,
    /// It was too long.
    TooLong,
    /// The host could not be reached, or broke off.
    Network,
}

/// No policy host can have this name: a label that is no letters, digits and hyphens, or no room for
/// `mta-sts.` in front.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no policy host can have this name")]
pub struct NoPolicyHost;

impl Discovery {
    /// Begins, for a recipient domain or the name of a configured relay (RFC 8461 §3.4). No parent
    /// domain is looked at.
    ///
    /// # Errors
    /// [`NoPolicyHost`]: such a domain has no policy.
    pub fn new(domain: &Name) -> Result<Self, NoPolicyHost> {
        let text = domain.to_string();
        if !is_host(&text) {
            return Err(NoPolicyHost);
        }
        let record = domain.prefixed("_mta-sts").map_err(|_| NoPolicyHost)?;
        domain.prefixed("mta-sts").map_err(|_| NoPolicyHost)?;
        let uri = format!("https://mta-sts.{text}/.well-known/mta-sts.txt");
        let request = Request::get(uri).body(()).map_err(|_| NoPolicyHost)?;
        Ok(Self {
            query: Query::new(record, RecordType::Txt),
            request,
            known: None,
            failing: None,
            state: State::Record,
        })
    }

    /// A policy with this identity is cached, and fresh: if the record has it still, the policy is
    /// not fetched again.
    #[must_use]
    pub fn knowing(self, id: &str) -> Self {
        let known = Some(id.into());
        Self { known, ..self }
    }

    /// A policy with this identity could not be had just now: if the record has it still, it is not
    /// tried again.
    #[must_use]
    pub fn sparing(self, id: &str) -> Self {
        let failing = Some(id.into());
        Self { failing, ..self }
    }

    /// What is wanted next.
    pub fn need(&self) -> Need<'_> {
        match &self.state {
            State::Record => Need::Dns(&self.query),
            State::Policy { .. } => Need::Http(&self.request),
            State::Done(_) => Need::Nothing,
        }
    }

    /// The answer to [`Need::Dns`]. At another time it does nothing.
    pub fn dns(&mut self, answer: &Answer) {
        if !matches!(self.state, State::Record) {
            return;
        }
        self.state = match answer.outcome() {
            Outcome::Records(records) => self.select(records),
            Outcome::NoData | Outcome::NxDomain => State::Done(Found::NoRecord(None)),
            Outcome::Failure(why) => trouble(None, Trouble::Dns(*why)),
        };
    }

    fn select(&self, records: &[DnsRecord]) -> State {
        let texts = records.iter().filter_map(|record| match record {
            DnsRecord::Txt(txt) => Some(Record::from_octets(&txt.joined())),
            _ => None,
        });
        let mut ours = texts.filter(|record| *record != Err(RecordError::OtherRecord));
        // RFC 8461 §3.1: "If the number of resulting records is not one, or if the resulting record
        // is syntactically invalid, senders MUST assume the recipient domain does not have an
        // available MTA-STS Policy".
        let id = match (ours.next(), ours.next()) {
            (Some(Ok(record)), None) => Box::from(record.id()),
            (Some(Err(why)), None) => return State::Done(Found::NoRecord(Some(why))),
            _ => return State::Done(Found::NoRecord(None)),
        };
        if self.known.as_ref() == Some(&id) {
            State::Done(Found::Unchanged)
        } else if self.failing.as_ref() == Some(&id) {
            trouble(Some(id), Trouble::Pause)
        } else {
            State::Policy { id }
        }
    }

    /// What came of [`Need::Http`]. At another time it does nothing.
    pub fn http<B: AsRef<[u8]>>(&mut self, response: Result<&Response<B>, FetchFailure>) {
        let State::Policy { id } = &mut self.state else {
            return;
        };
        let id = std::mem::take(id);
        self.state = match response.map_err(Trouble::Fetch).and_then(policy) {
            Ok(policy) => State::Done(Found::Policy { id, policy }),
            Err(why) => trouble(Some(id), why),
        };
    }

    /// What was found.
    pub fn finish(self) -> Found {
        match self.state {
            State::Done(found) => found,
            State::Record => Found::trouble(None, Trouble::Unfinished),
            State::Policy { id } => Found::trouble(Some(id), Trouble::Unfinished),
        }
    }
}

fn trouble(id: Option<Box<str>>, trouble: Trouble) -> State {
    State::Done(Found::trouble(id, trouble))
}

fn policy<B: AsRef<[u8]>>(response: &Response<B>) -> Result<Policy, Trouble> {
    // RFC 8461 §3.3: "HTTP 3xx redirects MUST NOT be followed", and only 200 is valid.
    if response.status() != StatusCode::OK {
        return Err(Trouble::Status(response.status().as_u16()));
    }
    // RFC 8461 §3.2: another type may be what a stranger was allowed to put there.
    let media_type = response.headers().get(header::CONTENT_TYPE);
    let media_type = media_type.and_then(|value| value.to_str().ok());
    let essence = media_type.and_then(|value| value.split(';').next());
    if !essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("text/plain")) {
        return Err(Trouble::MediaType);
    }
    let body = response.body().as_ref();
    if body.len() > MAX_POLICY {
        return Err(Trouble::Fetch(FetchFailure::TooLong));
    }
    Policy::from_octets(body).map_err(Trouble::Policy)
}

impl Found {
    fn trouble(id: Option<Box<str>>, trouble: Trouble) -> Self {
        Self::Trouble { id, trouble }
    }

    /// What it means for one MX host if *nothing is cached*. With a cache ask
    /// [`Cache::fact`](super::Cache::fact).
    pub fn fact(&self, mx: &str) -> StsFact {
        match self {
            Self::NoRecord(_) => StsFact::None,
            Self::Policy { policy, .. } => policy.fact(mx),
            // That nothing has changed says nothing to whom has lost what there was.
            Self::Unchanged => StsFact::Unreadable,
            Self::Trouble { .. } => StsFact::Failed,
        }
    }

    /// Whether the policy host said just now that there is no policy: see
    /// [`Memory::sts_withdrawn`](crate::Memory::sts_withdrawn).
    pub fn withdraws(&self) -> bool {
        matches!(self, Self::Policy { policy, .. } if policy.mode() == super::Mode::None)
    }
}

impl Trouble {
    /// The result type for a report (RFC 8460 §4.3); nothing for a failed look-up, which tells of no
    /// policy, and for a pause, whose reason was counted.
    pub fn result_type(&self) -> Option<ResultType> {
        match self {
            Self::Fetch(FetchFailure::Certificate) => Some(ResultType::StsWebpkiInvalid),
            Self::Policy(_) => Some(ResultType::StsPolicyInvalid),
            Self::Fetch(_) | Self::Status(_) | Self::MediaType => {
                Some(ResultType::StsPolicyFetchError)
            }
            Self::Dns(_) | Self::Pause | Self::Unfinished => None,
        }
    }
}

/// A sentence for people.
impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(why) => write!(f, "the MTA-STS record could not be looked up: {why}"),
            Self::Fetch(FetchFailure::Certificate) => {
                f.write_str("the policy host's certificate is not valid for it")
            }
            Self::Fetch(FetchFailure::Timeout) => f.write_str("the policy host took too long"),
            Self::Fetch(FetchFailure::TooLong) => f.write_str("the policy is too long"),
            Self::Fetch(FetchFailure::Network) => {
                f.write_str("the policy host could not be reached")
            }
            Self::Status(status) => write!(f, "the policy host answered with status {status}"),
            Self::MediaType => f.write_str("the policy is not text/plain"),
            Self::Policy(why) => write!(f, "the policy is malformed: {why}"),
            Self::Pause => f.write_str("the policy failed a short while ago"),
            Self::Unfinished => f.write_str("the policy was not asked for to the end"),
        }
    }
}

impl FetchFailure {
    /// The longest time for a fetch, in all.
    pub const TIME: Duration = Duration::from_secs(FETCH_SECONDS);
}
