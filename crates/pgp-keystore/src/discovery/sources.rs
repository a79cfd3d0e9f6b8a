//! Who is asked.

use std::fmt;
use std::str::FromStr;

use crate::wkd::Variant;
use crate::{AddressError, Limits, address};

/// A key server: the name of a host, which is asked by HTTPS on port 443.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Server(Box<str>);

impl Server {
    /// Its name.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.0
    }
}

impl FromStr for Server {
    type Err = AddressError;

    /// `keys.openpgp.org`, or with `https://` or `hkps://` before it and a slash behind it.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let name = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("hkps://"))
            .unwrap_or(text);
        let name = name.strip_suffix('/').unwrap_or(name);
        address::domain(name).map(Self).ok_or(AddressError)
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({})", self.0)
    }
}

/// A place where a certificate may be.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The Web Key Directory of the domain.
    Wkd(Variant),
    /// OPENPGPKEY records in the DNS (RFC 7929).
    Dane,
    /// A server that has sent a mail to the address.
    Vks(Server),
    /// A server that takes whatever is uploaded.
    Hkp(Server),
}

impl Source {
    /// Who vouches that what it gives for an address belongs to it.
    #[must_use]
    pub fn authority(&self) -> Authority {
        match self {
            Self::Wkd(_) | Self::Dane => Authority::Domain,
            Self::Vks(_) => Authority::Checked,
            Self::Hkp(_) => Authority::Anybody,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wkd(Variant::Advanced) => f.write_str("Web Key Directory"),
            Self::Wkd(Variant::Direct) => f.write_str("Web Key Directory on the domain itself"),
            Self::Dane => f.write_str("DNS"),
            Self::Vks(server) => write!(f, "{server} (addresses checked)"),
            Self::Hkp(server) => write!(f, "{server} (anybody's word)"),
        }
    }
}

/// Who vouches for a certificate. The greater is the stronger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "what decides on it must say something on each"
)]
pub enum Authority {
    /// Nobody.
    Anybody,
    /// A server that has sent a mail to the address.
    Checked,
    /// The domain of the address.
    Domain,
}

/// What happens after a source that failed, or gave what is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "it ends or it goes on")]
pub enum OnFailure {
    /// The search is over.
    Stop,
    /// The next one is asked; what it gives is marked.
    GoOn,
}

/// Which sources are asked. The order in which they are named here does not matter, but among servers of a kind.
#[derive(Clone, Debug)]
pub struct Sources {
    pub(super) wkd: Option<()>,
    pub(super) dane: Option<()>,
    pub(super) vks: Vec<Server>,
    pub(super) hkp: Vec<Server>,
    #[cfg_attr(not(feature = "_backend"), expect(dead_code, reason = "for answers"))]
    pub(super) on_failure: OnFailure,
    #[cfg_attr(not(feature = "_backend"), expect(dead_code, reason = "for answers"))]
    pub(super) limits: Limits,
}

impl Default for Sources {
    /// As [`new`](Self::new).
    fn default() -> Self {
        Self::new()
    }
}

impl Sources {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self {
            wkd: None,
            dane: None,
            vks: Vec::new(),
            hkp: Vec::new(),
            on_failure: OnFailure::Stop,
            limits: Limits::default(),
        }
    }

    /// And the Web Key Directory of the domain.
    #[must_use]
    pub fn wkd(self) -> Self {
        let wkd = Some(());
        Self { wkd, ..self }
    }

    /// And the DNS of the domain, where it is signed.
    #[must_use]
    pub fn dane(self) -> Self {
        let dane = Some(());
        Self { dane, ..self }
    }

    /// And a server that checks addresses, after those that were named before.
    #[must_use]
    pub fn vks(mut self, server: Server) -> Self {
        self.vks.push(server);
        self
    }

    /// And a server that checks nothing, after those that were named before.
    #[must_use]
    pub fn hkp(mut self, server: Server) -> Self {
        self.hkp.push(server);
        self
    }

    /// What happens after a source that failed. By default, [`OnFailure::Stop`].
    #[must_use]
    pub fn on_failure(self, on_failure: OnFailure) -> Self {
        Self { on_failure, ..self }
    }

    /// Other limits for each certificate.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// For an address, the strongest first.
    pub(super) fn of_address(&self) -> impl Iterator<Item = Source> {
        let wkd = self.wkd.map(|()| Source::Wkd(Variant::Advanced));
        let domain = wkd.into_iter().chain(self.dane.map(|()| Source::Dane));
        domain.chain(self.servers())
    }

    /// For a fingerprint.
    pub(super) fn servers(&self) -> impl Iterator<Item = Source> {
        let vks = self.vks.iter().cloned().map(Source::Vks);
        vks.chain(self.hkp.iter().cloned().map(Source::Hkp))
    }
}
