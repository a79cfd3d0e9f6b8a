//! How an attempt at one address ended.

use super::{attempt::Target, dialogue::Broken, report::Why, transaction::Said};
use rustls::pki_types::CertificateDer;
use tls_policy::{Attempt, Refusal, tlsrpt::ResultType};

/// What came of it.
pub(super) struct Ended {
    pub(super) end: End,
    /// What the connection turned out to be, for people.
    pub(super) came_to: String,
    /// What TLS came to, for the report; none if it did not come so far.
    pub(super) session: Option<Session>,
}

pub(super) enum End {
    /// The letter was spoken of.
    Said(Vec<(usize, Said)>),
    /// The connection was not what the decision wants.
    Fell(Attempt, Refusal, String),
    /// No connection.
    Unreachable(Why),
    /// Something else; the next host may do better.
    Broke(Why),
}

/// A session as TLS reports count it.
pub(super) struct Session {
    pub(super) failed: Option<(Attempt, ResultType)>,
    /// What the server showed, if TLS came about.
    pub(super) chain: Vec<CertificateDer<'static>>,
}

pub(super) fn unreachable(target: &Target<'_>, why: &str) -> Ended {
    // RFC 3463 §3.5: X.4.1, no answer from host.
    let text = format!("{} at {}: {why}", target.name, target.address);
    let why = Why::new("4.4.1", "smtp.unreachable", text);
    Ended {
        came_to: why.text.clone(),
        end: End::Unreachable(why),
        session: None,
    }
}

pub(super) fn broken_off(target: &Target<'_>, broken: &Broken) -> Ended {
    broke(target, "4.4.2", "smtp.broken", &broken.to_string())
}

pub(super) fn broke(target: &Target<'_>, status: &str, code: &'static str, text: &str) -> Ended {
    Ended::broke(Why::new(status, code, format!("{}: {text}", target.name)))
}

impl Ended {
    pub(super) fn broke(why: Why) -> Self {
        Self {
            came_to: why.text.clone(),
            end: End::Broke(why),
            session: None,
        }
    }

    pub(super) fn fell(attempt: Attempt, last: Refusal, session: Session) -> Self {
        Self {
            came_to: attempt.to_string(),
            end: End::Fell(attempt, last, attempt.to_string()),
            session: Some(session),
        }
    }
}
