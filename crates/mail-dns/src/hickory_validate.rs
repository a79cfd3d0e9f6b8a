//! The adapter to hickory that validates in this process.

use crate::hickory::{HickoryError, Servers, ask, at, connect, ended};
use crate::hickory_chase::{Chase, Part, is_hidden};
use crate::{Answer, Failure, Query, Resolver, Security};
use hickory_resolver::{
    config::ResolverOpts,
    net::{DnsError, NetError, dnssec::DnssecDnsHandle},
    proto::{
        dnssec::{Proof, TrustAnchors},
        op::{DnsRequestOptions, Message},
        rr,
    },
};
use std::{
    fmt,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};
use tokio::time::timeout_at;

/// Validates DNSSEC (RFC 4035 §5) in this process, from given trust anchors; the servers are asked
/// as [`Hickory`](crate::Hickory) asks them, and nothing that they say is believed.
///
/// **Not for DANE of mail to the world:** hickory 0.26.3 calls some zones bogus that are signed
/// correctly, among them those with a wildcard TLSA record. That is a failure, and mail waits. Take
/// [`AdStub`](crate::AdStub) with a validating resolver on this machine where there is a choice.
///
/// - Each record's own proof counts, and in a denial those of the SOA, NSEC and NSEC3 records: all
///   secure is [`Security::Secure`], one insecure is [`Security::Insecure`]. Bogus is a failure, and
///   so is what nobody could find out.
/// - hickory keeps validated records for a while, but no denials: put this into
///   [`Cached`](crate::Cached), which keeps both.
/// - It reads the machine's clock for the validity of signatures: the `now` of
///   [`resolve`](Resolver::resolve) cannot reach it.
#[derive(Clone)]
pub struct HickoryValidating {
    servers: DnssecDnsHandle<Servers>,
    request: DnsRequestOptions,
}

/// The keys that validation starts from.
///
/// ```
/// use mail_dns::Anchors;
/// let root = ". IN DNSKEY 257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==";
/// assert!(Anchors::parse(root).is_ok());
/// assert!(Anchors::parse("").is_err());
/// ```
#[derive(Clone)]
pub struct Anchors(Arc<TrustAnchors>);

/// Why a text holds no trust anchors.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnchorError {
    /// A line is no DNSKEY record.
    #[error("not a list of DNSKEY records: {0}")]
    Syntax(String),
    /// No key at all: every answer would be bogus.
    #[error("no trust anchor given")]
    Empty,
}

impl Anchors {
    /// The keys of the root that IANA published in 2017 and 2024.
    pub fn root() -> Self {
        Self(Arc::new(TrustAnchors::default()))
    }

    /// Reads DNSKEY records in the form of a zone file. For a zone other than the root give all the
    /// keys of its DNSKEY set, or hickory 0.26.3 asks the parent for a DS record.
    ///
    /// # Errors
    /// [`AnchorError`].
    pub fn parse(text: &str) -> Result<Self, AnchorError> {
        let anchors: TrustAnchors =
            text.parse()
                .map_err(|why: hickory_resolver::proto::serialize::txt::ParseError| {
                    AnchorError::Syntax(why.to_string())
                })?;
        // `TrustAnchors` counts those of the root alone.
        let is_key = |line: &str| {
            let record = line.split(';').next().unwrap_or_default();
            record
                .split_whitespace()
                .any(|word| word.eq_ignore_ascii_case("DNSKEY"))
        };
        if !text.lines().any(is_key) {
            return Err(AnchorError::Empty);
        }
        Ok(Self(Arc::new(anchors)))
    }
}

impl fmt::Debug for Anchors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Anchors")
    }
}

impl HickoryValidating {
    /// Asks these servers, and validates from these anchors.
    ///
    /// # Errors
    /// [`HickoryError`].
    pub fn with_servers(servers: &[SocketAddr], anchors: Anchors) -> Result<Self, HickoryError> {
        let (servers, request) = connect(at(servers), ResolverOpts::default())?;
        Ok(Self {
            servers: DnssecDnsHandle::with_trust_anchor(servers, anchors.0),
            request,
        })
    }

    async fn chase(&self, query: &Query) -> Answer {
        if is_hidden(&query.name) {
            return Answer::nx_domain(Security::Unknown, Duration::ZERO);
        }
        let mut chase = Chase::new(query);
        loop {
            let next = match ask(&self.servers, self.request, &chase.name, chase.record_type).await
            {
                Ok(response) => chase.follow(&response, status),
                // NSEC3 with more rounds than anybody should compute (RFC 9276 §3.2): not proved.
                Err(NetError::Dns(DnsError::Nsec {
                    response,
                    proof: Proof::Insecure,
                    ..
                })) => chase.follow(&response, |part| {
                    status(part).map(|security| security.weaker(Security::Insecure))
                }),
                Err(NetError::Dns(DnsError::NoRecordsFound(_))) => {
                    // A denial that nobody validated.
                    Err(Answer::failure(Failure::ServerFailure))
                }
                Err(error) => Err(ended(&chase, &error)),
            };
            if let Err(answer) = next {
                return answer;
            }
        }
    }
}

impl Resolver for HickoryValidating {
    async fn resolve(&self, query: &Query, _now: SystemTime, deadline: Instant) -> Answer {
        let answer = timeout_at(deadline.into(), self.chase(query)).await;
        answer.unwrap_or_else(|_| Answer::failure(Failure::Timeout))
    }
}

impl fmt::Debug for HickoryValidating {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HickoryValidating")
    }
}

/// RFC 4035 §4.3, from the proofs. None for what is bogus, or could not be found out.
fn status(part: Part<'_>) -> Option<Security> {
    match part {
        Part::Record(record) => of(record.proof),
        Part::Denial(message) => denial(message),
    }
}

fn denial(message: &Message) -> Option<Security> {
    let mut records = message
        .authorities
        .iter()
        .filter(|record| record.record_type() != rr::RecordType::RRSIG);
    let first = of(records.next()?.proof)?;
    records.try_fold(first, |security, record| {
        Some(security.weaker(of(record.proof)?))
    })
}

fn of(proof: Proof) -> Option<Security> {
    match proof {
        Proof::Secure => Some(Security::Secure),
        Proof::Insecure => Some(Security::Insecure),
        Proof::Bogus | Proof::Indeterminate => None,
    }
}
