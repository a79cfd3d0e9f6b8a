//! What comes back, and what it comes down to.

use std::fmt;

/// The answer to a [`Need`](super::Need).
#[derive(Clone, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "one for each kind of question; a new kind is a breaking change"
)]
pub enum Answer {
    /// Of the web.
    Https(HttpsAnswer),
    /// Of the DNS.
    Dns(DnsAnswer),
}

/// What became of a GET.
#[derive(Clone, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "an HTTP client must say one of them"
)]
pub enum HttpsAnswer {
    /// A response of a host whose certificate was checked.
    Response {
        /// Its status.
        status: u16,
        /// Where it points to, if it has `Location`.
        location: Option<String>,
        /// Its octets, without any content coding.
        body: Vec<u8>,
    },
    /// The DNS says that the name does not exist, or has no address.
    NoHost,
    /// More octets than were wanted.
    TooLarge,
    /// No response, or not in time; or a certificate that is not the host's.
    Failed,
}

/// What the DNS says.
#[derive(Clone, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a resolver must say one of them, and none stands for another"
)]
pub enum DnsAnswer {
    /// The octets of each record, proven by DNSSEC.
    Secure(Vec<Vec<u8>>),
    /// There are records, in a zone that is not signed.
    Insecure,
    /// There is no such name, or no record of that type.
    NoRecord,
    /// There is an answer, and DNSSEC proves that it is forged or broken.
    Bogus,
    /// There is no answer.
    Failed,
}

impl fmt::Debug for Answer {
    /// Without octets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Https(answer) => answer.fmt(f),
            Self::Dns(answer) => answer.fmt(f),
        }
    }
}

impl fmt::Debug for HttpsAnswer {
    /// Without octets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Response { status, body, .. } => {
                write!(f, "Response({status}, {} octets)", body.len())
            }
            Self::NoHost => f.write_str("NoHost"),
            Self::TooLarge => f.write_str("TooLarge"),
            Self::Failed => f.write_str("Failed"),
        }
    }
}

impl fmt::Debug for DnsAnswer {
    /// Without octets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secure(records) => write!(f, "Secure({} records)", records.len()),
            Self::Insecure => f.write_str("Insecure"),
            Self::NoRecord => f.write_str("NoRecord"),
            Self::Bogus => f.write_str("Bogus"),
            Self::Failed => f.write_str("Failed"),
        }
    }
}

/// What an answer comes down to: it decides whether the search goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "what decides on it must say something on each"
)]
pub enum Class {
    /// Something for the address.
    Found,
    /// The source has nothing.
    Nothing,
    /// Nobody knows; later, perhaps.
    Failed,
    /// The source has something, which is not taken.
    Refused,
}

/// What a source said, with a code that stays the same from release to release.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Said {
    /// Certificates for the address, or with the fingerprint.
    Found,
    /// The host does not exist.
    NoHost,
    /// It is not there: a status such as 404.
    NotThere,
    /// There are octets, and they are not OpenPGP's: a page of HTML.
    NotOpenPgp,
    /// There is no record.
    NoRecord,
    /// There are records, which DNSSEC does not prove.
    Insecure,
    /// No response.
    Unreachable,
    /// A status such as 500 or 429: later, perhaps.
    ServerError,
    /// The DNS gave no answer.
    DnsFailed,
    /// The answer of the DNS is forged or broken.
    Bogus,
    /// More octets, certificates, user IDs or signatures than are taken.
    TooLarge,
    /// A redirect where none is followed, to where none leads, or one too many.
    Redirected,
    /// No certificate has a user ID with the address.
    OtherAddress,
    /// No certificate has the fingerprint.
    OtherFingerprint,
    /// What begins as a certificate is none.
    Malformed,
}

impl Said {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.entry().1
    }

    /// What it comes down to.
    #[must_use]
    pub fn class(self) -> Class {
        self.entry().0
    }

    /// All of them.
    #[cfg(test)]
    const ALL: [Self; 15] = [
        Self::Found,
        Self::NoHost,
        Self::NotThere,
        Self::NotOpenPgp,
        Self::NoRecord,
        Self::Insecure,
        Self::Unreachable,
        Self::ServerError,
        Self::DnsFailed,
        Self::Bogus,
        Self::TooLarge,
        Self::Redirected,
        Self::OtherAddress,
        Self::OtherFingerprint,
        Self::Malformed,
    ];

    fn entry(self) -> (Class, &'static str, &'static str) {
        use Class::*;
        match self {
            Self::Found => (Found, "discovery.found", "found"),
            Self::NoHost => (Nothing, "discovery.no-host", "there is no such host"),
            Self::NotThere => (Nothing, "discovery.not-there", "there is none"),
            Self::NotOpenPgp => (Nothing, "discovery.not-openpgp", "no OpenPGP octets"),
            Self::NoRecord => (Nothing, "discovery.no-record", "there is no record"),
            Self::Insecure => (
                Nothing,
                "discovery.insecure",
                "records that DNSSEC does not prove",
            ),
            Self::Unreachable => (Failed, "discovery.unreachable", "no response"),
            Self::ServerError => (Failed, "discovery.server-error", "the server failed"),
            Self::DnsFailed => (Failed, "discovery.dns-failed", "the DNS gave no answer"),
            Self::Bogus => (Failed, "discovery.bogus", "the DNS answer is bogus"),
            Self::TooLarge => (Refused, "discovery.too-large", "more than is taken"),
            Self::Redirected => (
                Refused,
                "discovery.redirected",
                "a redirect that is not followed",
            ),
            Self::OtherAddress => (
                Refused,
                "discovery.other-address",
                "no user ID has the address",
            ),
            Self::OtherFingerprint => (
                Refused,
                "discovery.other-fingerprint",
                "another certificate than the one asked for",
            ),
            Self::Malformed => (Refused, "discovery.malformed", "not a certificate"),
        }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, code, words) = self.entry();
        write!(f, "{words} ({code})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_apart_and_one_is_found() {
        let mut codes: Vec<&str> = Said::ALL.iter().map(|said| said.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Said::ALL.len());
        let found = Said::ALL.iter().filter(|said| said.class() == Class::Found);
        assert_eq!(found.count(), 1);
    }
}
