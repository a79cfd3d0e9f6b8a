use crate::sts::{FetchFailure, Trouble};
use crate::tlsrpt::{ResultType, Tried};
use ::rustls::{CertificateError, Error as TlsError};
use std::{io, net::IpAddr};

/// Why nothing came.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The request is none that is sent; nobody was asked.
    #[error("no request that is sent: {0}")]
    Request(RequestFault),
    /// The address could not be looked up.
    #[error("the host's address could not be looked up")]
    LookUp(#[source] mail_dns::Failure),
    /// The host has no address.
    #[error("the host has no address")]
    NoAddress,
    /// None of the host's addresses is one of the public Internet; this is the first.
    #[error("the host's address {0} is not global")]
    NotGlobal(IpAddr),
    /// No connection.
    #[error("no connection to the host: {0}")]
    Connect(io::ErrorKind),
    /// The certificate does not authenticate the host.
    #[error("the host's certificate is not valid for it: {0}")]
    Certificate(CertificateFault),
    /// The TLS handshake failed for another reason.
    #[error("the TLS handshake failed")]
    Handshake(#[source] TlsError),
    /// It took longer than [`FetchFailure::TIME`], or was not there by the deadline.
    #[error("it took too long")]
    Timeout,
    /// The answer is no HTTP/1.1, or its head is longer than [`MAX_HEAD`](super::MAX_HEAD), or has
    /// more than [`MAX_FIELDS`](super::MAX_FIELDS) fields.
    #[error("the answer is no HTTP/1.1, or its head is too long")]
    NotHttp,
    /// The body is longer than [`MAX_POLICY`](crate::sts::MAX_POLICY), or more than
    /// [`MAX_OCTETS`](super::MAX_OCTETS) came over the line.
    #[error("the answer is too long")]
    TooLong,
    /// The body has a content coding, which nobody asked for.
    #[error("the answer has a content coding")]
    Coding,
    /// The connection broke off before the end.
    #[error("the connection broke off")]
    Broken,
}

/// Why a request is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestFault {
    /// The scheme is another one than `https`.
    #[error("not https")]
    Scheme,
    /// The port is another one than 443.
    #[error("another port than 443")]
    Port,
    /// There is a name, or a name and a password, before the host.
    #[error("credentials in the URI")]
    Credentials,
    /// The host is missing, an address, or no name that a certificate can have.
    #[error("the host is no DNS name")]
    Host,
    /// The method is not the one that is meant.
    #[error("another method")]
    Method,
    /// A header field that is not sent: all but `Content-Type` with a report.
    #[error("a header field that is not sent")]
    Field,
}

/// Why a certificate does not authenticate a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateFault {
    /// It, or one that it rests on, has expired.
    #[error("expired")]
    Expired,
    /// It, or one that it rests on, is not valid yet.
    #[error("not valid yet")]
    NotYetValid,
    /// It is for other names.
    #[error("for another name")]
    OtherName,
    /// No authority that is trusted vouches for it; so it is with self-signed ones.
    #[error("not issued by a trusted authority")]
    UnknownIssuer,
    /// It was revoked.
    #[error("revoked")]
    Revoked,
    /// It has a name with a wildcard, and [none is wanted](super::Fetcher::without_wildcards).
    #[error("a wildcard")]
    Wildcard,
    /// Anything else: malformed, a key that the profile does not allow.
    #[error("malformed, or not of the kind that is wanted")]
    Invalid,
}

impl FetchError {
    /// A stable code, for logs and rules.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Request(_) => "fetch.request",
            Self::LookUp(_) => "fetch.look-up",
            Self::NoAddress => "fetch.no-address",
            Self::NotGlobal(_) => "fetch.not-global",
            Self::Connect(_) => "fetch.connect",
            Self::Certificate(_) => "fetch.certificate",
            Self::Handshake(_) => "fetch.handshake",
            Self::Timeout => "fetch.timeout",
            Self::NotHttp => "fetch.not-http",
            Self::TooLong => "fetch.too-long",
            Self::Coding => "fetch.coding",
            Self::Broken => "fetch.broken",
        }
    }

    /// What it is to a [`Discovery`](crate::sts::Discovery). The fact that follows is
    /// [`StsFact::Failed`](crate::StsFact::Failed), unless a policy is cached.
    pub fn failure(&self) -> FetchFailure {
        match self {
            Self::Certificate(_) => FetchFailure::Certificate,
            Self::Timeout => FetchFailure::Timeout,
            Self::TooLong => FetchFailure::TooLong,
            _ => FetchFailure::Network,
        }
    }

    /// What it is in a report of TLS failures, when a policy was fetched (RFC 8460 §4.3).
    pub fn result_type(&self) -> Option<ResultType> {
        Trouble::Fetch(self.failure()).result_type()
    }

    /// What it is to a [`Delivery`](crate::tlsrpt::Delivery), when a report was posted. A destination
    /// that is no public HTTPS server is refused; all else may pass.
    pub fn tried(&self) -> Tried {
        match self {
            Self::Request(_) | Self::NotGlobal(_) => Tried::Refused,
            _ => Tried::Failed,
        }
    }

    /// What is in an error of the handshake.
    pub(super) fn of_handshake(error: &io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref()) {
            Some(TlsError::InvalidCertificate(why)) => Self::Certificate(why.into()),
            Some(TlsError::NoCertificatesPresented) => Self::Certificate(CertificateFault::Invalid),
            Some(why) => Self::Handshake(why.clone()),
            None => Self::of_line(error),
        }
    }

    /// What is in an error of the connection.
    pub(super) fn of_line(error: &io::Error) -> Self {
        let inner = error.get_ref();
        match inner.is_some_and(|inner| inner.is::<super::meter::TooMuch>()) {
            true => Self::TooLong,
            false => Self::Broken,
        }
    }
}

impl From<RequestFault> for FetchError {
    fn from(fault: RequestFault) -> Self {
        Self::Request(fault)
    }
}

impl From<&CertificateError> for CertificateFault {
    fn from(error: &CertificateError) -> Self {
        match error {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Self::NotYetValid
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::OtherName
            }
            // A bad signature: of an authority that has only the name of one that is trusted.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::UnknownIssuer,
            CertificateError::Revoked => Self::Revoked,
            _ => Self::Invalid,
        }
    }
}
