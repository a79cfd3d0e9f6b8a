use mail_dns::{Failure, RecordType};

/// What decided an SPF check. Its text is a sentence without an end, for a person.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// A mechanism matched.
    #[error("{term} of {domain} matches")]
    Match {
        /// The directive as it stands in the record.
        term: String,
        /// Whose record that is.
        domain: String,
    },
    /// No mechanism matched (RFC 7208 §4.7).
    #[error("no mechanism matches")]
    NoMatch,
    /// Not a domain name of at least two labels (RFC 7208 §4.3).
    #[error("not a fully qualified domain name")]
    NotADomain,
    /// The domain publishes no SPF record (RFC 7208 §4.5).
    #[error("{domain} publishes no SPF record")]
    NoRecord {
        /// The domain that was asked.
        domain: String,
    },
    /// The domain publishes more than one SPF record (RFC 7208 §4.5).
    #[error("{domain} publishes several SPF records")]
    SeveralRecords {
        /// The domain that was asked.
        domain: String,
    },
    /// The record breaks the syntax (RFC 7208 §4.6).
    #[error("the SPF record of {domain} has a mistake at `{term}`")]
    Syntax {
        /// The term that is wrong, in printable US-ASCII.
        term: String,
        /// Whose record that is.
        domain: String,
    },
    /// `include` or `redirect` leads to what is no domain, or has no record (RFC 7208 §5.2, §6.1).
    #[error("{term} of {domain} leads to no SPF record")]
    NoTarget {
        /// The term as it stands in the record.
        term: String,
        /// Whose record that is.
        domain: String,
    },
    /// More terms ask the DNS than may (RFC 7208 §4.6.4).
    #[error("more than {limit} terms ask the DNS")]
    TermLimit {
        /// How many may.
        limit: usize,
    },
    /// More look-ups find nothing than may (RFC 7208 §4.6.4).
    #[error("more than {limit} look-ups find nothing")]
    VoidLimit {
        /// How many may.
        limit: usize,
    },
    /// `mx` names more than ten hosts (RFC 7208 §4.6.4).
    #[error("{domain} names more than 10 mail exchanges")]
    MxLimit {
        /// Whose mail exchanges they are.
        domain: String,
    },
    /// The DNS gave no answer.
    #[error("no answer to {record_type} {name}: {failure}")]
    Dns {
        /// The name that was asked.
        name: String,
        /// The type that was asked.
        record_type: RecordType,
        /// What went wrong.
        failure: Failure,
    },
}

impl Cause {
    /// Stable code for machines.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Match { .. } => "spf.match",
            Self::NoMatch => "spf.no-match",
            Self::NotADomain => "spf.not-a-domain",
            Self::NoRecord { .. } => "spf.no-record",
            Self::SeveralRecords { .. } => "spf.several-records",
            Self::Syntax { .. } => "spf.syntax",
            Self::NoTarget { .. } => "spf.no-target",
            Self::TermLimit { .. } => "spf.term-limit",
            Self::VoidLimit { .. } => "spf.void-limit",
            Self::MxLimit { .. } => "spf.mx-limit",
            Self::Dns { .. } => "spf.dns",
        }
    }
}
