//! Questions to the DNS, and what their answers are to an audit.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use mail_dns::{
    AdStub, Answer, Cached, Failure, Name, Outcome, Query, Record, RecordType, Resolver, Security,
    Zone,
};
use tls_policy::audit::{Cause, Dnssec, Seen};

/// Who answers.
#[derive(Debug)]
pub enum Source {
    /// A resolver on this machine.
    Stub(Box<Cached<AdStub>>),
    /// A zone in a file, and nobody else.
    Zone(Zone),
    /// The same, taken for signed.
    Signed(Zone),
}

impl Resolver for Source {
    async fn resolve(&self, query: &Query, now: SystemTime, deadline: Instant) -> Answer {
        match self {
            Self::Stub(stub) => stub.resolve(query, now, deadline).await,
            Self::Zone(zone) => zone.answer(query),
            Self::Signed(zone) => {
                let (answer, secure) = (zone.answer(query), Security::Secure);
                match answer.outcome() {
                    Outcome::Records(records) => {
                        Answer::records(Arc::clone(records), secure, answer.ttl())
                    }
                    Outcome::NoData => Answer::no_data(secure, answer.ttl()),
                    Outcome::NxDomain => Answer::nx_domain(secure, answer.ttl()),
                    Outcome::Failure(_) => answer,
                }
            }
        }
    }
}

/// Whether the resolver's word on DNSSEC counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validates {
    /// It says of the root that it is signed.
    Yes,
    /// It does not: to it everything looks unsigned.
    No,
}

/// The DNS, at one time.
#[derive(Debug)]
pub struct Dns {
    source: Source,
    validates: Validates,
    pub(crate) now: SystemTime,
    pub(crate) deadline: Instant,
}

impl Dns {
    /// Asked until the deadline.
    pub fn new(source: Source, validates: Validates, now: SystemTime, deadline: Instant) -> Self {
        Self {
            source,
            validates,
            now,
            deadline,
        }
    }

    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    pub(crate) async fn ask(&self, name: &Name, record_type: RecordType) -> Answer {
        let query = Query::new(name.clone(), record_type);
        self.source.resolve(&query, self.now, self.deadline).await
    }

    /// The status of an answer.
    pub(crate) fn dnssec(&self, answer: &Answer) -> Seen<Dnssec> {
        if let Outcome::Failure(why) = answer.outcome() {
            return unknown(*why);
        }
        self.status(answer.security())
    }

    pub(crate) fn status(&self, security: Security) -> Seen<Dnssec> {
        match (self.validates, security) {
            (Validates::Yes, Security::Secure) => Seen::known(Dnssec::Secure),
            (Validates::Yes, Security::Insecure) => Seen::known(Dnssec::Insecure),
            _ => Seen::unknown(Cause::NotVisible).noting("the resolver does not validate"),
        }
    }

    /// The TXT records at a name, each as one text; none if there is none.
    pub(crate) async fn texts(&self, name: &Name) -> Result<Vec<String>, Failure> {
        let answer = self.ask(name, RecordType::Txt).await;
        if let Outcome::Failure(why) = answer.outcome() {
            return Err(*why);
        }
        let text = |record: &Record| match record {
            Record::Txt(txt) => Some(String::from_utf8_lossy(&txt.joined()).into_owned()),
            _ => None,
        };
        Ok(answer.iter().filter_map(text).collect())
    }

    /// The addresses of a host, those of IPv4 first, because everybody can reach them.
    ///
    /// # Errors
    /// Why nobody knows.
    pub async fn addresses(&self, host: &Name) -> Result<Vec<IpAddr>, Failure> {
        let mut addresses = Vec::new();
        for record_type in [RecordType::A, RecordType::Aaaa] {
            let answer = self.ask(host, record_type).await;
            if let Outcome::Failure(why) = answer.outcome() {
                return Err(*why);
            }
            addresses.extend(answer.iter().filter_map(|record| match record {
                Record::A(v4) => Some(IpAddr::V4(*v4)),
                Record::Aaaa(v6) => Some(IpAddr::V6(*v6)),
                _ => None,
            }));
        }
        Ok(addresses)
    }
}

/// What nobody answered.
pub(crate) fn unknown<T>(why: Failure) -> Seen<T> {
    let cause = match why {
        Failure::Timeout => Cause::TimeOut,
        Failure::ServerFailure => Cause::ServFail,
        Failure::Refused => Cause::Refused,
        Failure::Network => Cause::Unreachable,
        _ => Cause::Disconnected,
    };
    Seen::unknown(cause).noting(why.to_string())
}
