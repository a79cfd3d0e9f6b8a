use std::fmt;
use std::time::Duration;

use super::Hsts;

/// What the lists that browsers ship with want of a domain, as it stood at a date. The lists are the
/// browser makers' own; being eligible is not being listed.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreloadRule {
    /// A stable name.
    pub id: &'static str,
    /// Read at this date (year, month).
    pub as_of: (u16, u8),
    /// Where the rule stands.
    pub source: &'static str,
    /// The shortest `max-age`.
    pub max_age: Duration,
}

/// The submission requirements of Chromium's list, which other browsers take.
pub const HTTPS_PRELOAD_2026: PreloadRule = PreloadRule {
    id: "HSTS_PRELOAD",
    as_of: (2026, 11),
    source: "https://hstspreload.org/#submission-requirements",
    max_age: Duration::from_secs(31_536_000),
};

/// What was seen of a domain. Until it is told, nothing was.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// The field of the base domain's own HTTPS response, which may be a redirect.
    pub hsts: Option<Hsts>,
    /// The certificate of the base domain.
    pub certificate: Certificate,
    /// What port 80 of the base domain does.
    pub port_80: Redirect,
    /// The certificate of `www` below it.
    pub www: Certificate,
}

/// What a certificate is worth.
#[allow(clippy::exhaustive_enums)] // complete: the host is there or not, its certificate holds or not
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Certificate {
    /// Nobody looked.
    #[default]
    Unknown,
    /// The host does not exist.
    NoHost,
    /// Valid for the host, by a public authority.
    Valid,
    /// Not valid.
    Invalid,
}

/// What port 80 does.
#[allow(clippy::exhaustive_enums)] // complete: what the first response says
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Redirect {
    /// Nobody looked.
    #[default]
    Unknown,
    /// Nobody listens.
    Closed,
    /// It sends to HTTPS on the same host.
    SameHost,
    /// It sends to another host, or not to HTTPS.
    Elsewhere,
    /// It answers itself.
    Serves,
}

/// A requirement that is not met, or not known to be.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unmet {
    /// The name is not a registrable domain: only the caller's list of suffixes knows.
    BaseDomain,
    /// The base domain's certificate is not valid, or not known.
    Certificate,
    /// Port 80 is open and does not lead to HTTPS on the same host first.
    Redirect,
    /// `www` exists and has no valid certificate.
    Www,
    /// There is no field, or none that can be read.
    NoHeader,
    /// `max-age` is too short.
    MaxAge,
    /// `includeSubDomains` is missing.
    SubDomains,
    /// `preload` is missing.
    Preload,
}

impl PreloadRule {
    /// What is missing, in a fixed order; nothing if the domain may be submitted. What nobody looked
    /// at counts as missing. `domain` is the name that would be submitted, `base` the registrable
    /// domain that it belongs to.
    pub fn unmet(&self, domain: &str, base: &str, seen: &Observed) -> Vec<Unmet> {
        let no_header = seen.hsts.is_none();
        let hsts = |good: fn(&Self, &Hsts) -> bool| seen.hsts.is_none_or(|hsts| good(self, &hsts));
        let met = [
            (Unmet::BaseDomain, domain.eq_ignore_ascii_case(base)),
            (Unmet::Certificate, seen.certificate == Certificate::Valid),
            (
                Unmet::Redirect,
                matches!(seen.port_80, Redirect::Closed | Redirect::SameHost),
            ),
            (
                Unmet::Www,
                matches!(seen.www, Certificate::Valid | Certificate::NoHost),
            ),
            (Unmet::NoHeader, !no_header),
            (
                Unmet::MaxAge,
                hsts(|rule, hsts| hsts.max_age() >= rule.max_age),
            ),
            (
                Unmet::SubDomains,
                hsts(|_, hsts| hsts.includes_sub_domains()),
            ),
            (Unmet::Preload, hsts(|_, hsts| hsts.is_preload())),
        ];
        let unmet = met.into_iter().filter(|(_, met)| !met);
        unmet.map(|(requirement, _)| requirement).collect()
    }
}

impl Unmet {
    /// A stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::BaseDomain => "hsts.base-domain",
            Self::Certificate => "hsts.certificate",
            Self::Redirect => "hsts.redirect",
            Self::Www => "hsts.www",
            Self::NoHeader => "hsts.no-header",
            Self::MaxAge => "hsts.max-age",
            Self::SubDomains => "hsts.sub-domains",
            Self::Preload => "hsts.preload",
        }
    }
}

/// A sentence for people.
impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BaseDomain => "only a whole registrable domain can be listed",
            Self::Certificate => "the domain has no certificate that is known to be valid",
            Self::Redirect => "port 80 must lead to HTTPS on the same host first, or be closed",
            Self::Www => "www must have a valid certificate, or not exist",
            Self::NoHeader => "there is no Strict-Transport-Security that can be read",
            Self::MaxAge => "max-age must be a year or more",
            Self::SubDomains => "includeSubDomains is missing",
            Self::Preload => "preload is missing",
        })
    }
}
