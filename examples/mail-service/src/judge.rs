//! The judgement of a message: what msg-validate says of it, as this service needs it.

use crate::{dns::Dns, headers::Field, inbound::Peer, smtp::session::Envelope};
use msg_validate::{Grade, Reason};
use std::time::{Duration, SystemTime};

/// Judges messages.
#[derive(Debug)]
pub(crate) struct Judge {
    _dns: Dns,
    _hostname: String,
    _time: Duration,
}

/// What is to be thought of a message.
#[derive(Debug)]
pub(crate) struct Judgement {
    pub(crate) grade: Grade,
    pub(crate) reasons: Vec<Reason>,
    pub(crate) wish: Wish,
    /// The Authentication-Results field, with its CR LF.
    pub(crate) results: Vec<u8>,
}

/// What the author's domain wants to become of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    None,
    Reject,
}

impl Judge {
    pub(crate) fn new(dns: Dns, hostname: &str, time: Duration) -> Self {
        Self {
            _dns: dns,
            _hostname: hostname.to_owned(),
            _time: time,
        }
    }

    pub(crate) async fn judge(
        &self,
        _peer: &Peer,
        _envelope: &Envelope,
        _message: &[u8],
        _now: SystemTime,
    ) -> Judgement {
        Judgement {
            grade: Grade::Unverifiable,
            reasons: Vec::new(),
            wish: Wish::None,
            results: Vec::new(),
        }
    }
}

impl Judgement {
    #[cfg(test)]
    pub(crate) fn for_tests(grade: Grade) -> Self {
        Self {
            grade,
            reasons: Vec::new(),
            wish: Wish::None,
            results: Vec::new(),
        }
    }

    pub(crate) fn is_forged(&self, _field: &Field<'_>) -> bool {
        false
    }
}
