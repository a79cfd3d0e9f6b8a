//! Whether a host may use a domain in its envelope: SPF (RFC 7208), with the internationalized
//! names of RFC 8616.

mod cause;
mod check;
mod dns;
mod evaluate;
mod foresee;
mod macros;
mod record;

pub use cause::Cause;
pub use check::CheckHost;
pub use record::{Record, SyntaxError};

use evaluate::Subject;

use crate::{Limits, Transport, facts::Facts};
use std::{fmt, time::SystemTime};

/// What SPF says of one message: of the reverse-path, and of the name in HELO or EHLO.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spf {
    mail_from: Option<Identity>,
    helo: Option<Identity>,
}

/// What SPF says of one identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    result: SpfResult,
    domain: String,
    explanation: Option<String>,
    cause: Option<Cause>,
}

/// Result of an SPF check (RFC 7208 §2.6).
#[allow(clippy::exhaustive_enums)] // complete by RFC 7208 §2.6
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpfResult {
    /// There is no domain to check, or it publishes nothing.
    None,
    /// The domain says nothing of this host.
    Neutral,
    /// The host may use the domain.
    Pass,
    /// The host may not use the domain.
    Fail,
    /// The host probably may not use the domain.
    SoftFail,
    /// The DNS gave no answer. A later try may help.
    TempError,
    /// What the domain publishes cannot be understood.
    PermError,
}

impl Spf {
    /// The reverse-path; for `<>` it is `postmaster@` the HELO name (RFC 7208 §2.4).
    /// `None` where neither gives a name to check.
    pub fn mail_from(&self) -> Option<&Identity> {
        self.mail_from.as_ref()
    }

    /// The name in HELO or EHLO (RFC 7208 §2.3). `None` where the client gave none.
    pub fn helo(&self) -> Option<&Identity> {
        self.helo.as_ref()
    }
}

impl Identity {
    /// The result.
    pub fn result(&self) -> SpfResult {
        self.result
    }

    /// The domain that was checked: in A-labels and lower case, without a final dot. Where it is
    /// no domain name, as it came.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// On [`SpfResult::Fail`] the domain's own explanation (RFC 7208 §6.2), if it gives one:
    /// printable US-ASCII, foreign text. `None` asks for the reader's default.
    pub fn explanation(&self) -> Option<&str> {
        self.explanation.as_deref()
    }

    /// What decided.
    pub fn cause(&self) -> Option<&Cause> {
        self.cause.as_ref()
    }
}

/// The spelling of RFC 8601 §2.7.2.
impl fmt::Display for SpfResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Neutral => "neutral",
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::SoftFail => "softfail",
            Self::TempError => "temperror",
            Self::PermError => "permerror",
        })
    }
}

/// Checks both identities. `None` after noting what is still to be asked.
///
/// `receiver` is the name of the host that checks, for the macro `r`.
pub(crate) fn check(
    transport: &Transport,
    now: SystemTime,
    receiver: Option<&str>,
    limits: &Limits,
    facts: &mut Facts,
) -> Option<Spf> {
    let Transport {
        client,
        helo,
        mail_from,
        ..
    } = transport;
    let subject = |sender| Subject::new(*client, helo, sender).at(now, receiver);
    let mut check = |sender| subject(sender).check(limits, facts);
    // Both, so that what they miss travels in one wave.
    let by_helo = (!helo.is_empty()).then(|| check(""));
    let by_mail_from = (!mail_from.is_empty()).then(|| check(mail_from));
    let helo = by_helo.map_or(Some(None), |helo| helo.map(Some))?;
    let mail_from = by_mail_from.map_or(Some(None), |mail_from| mail_from.map(Some))?;
    Some(Spf {
        mail_from: mail_from.or_else(|| helo.clone()),
        helo,
    })
}
