//! News of a certificate that is known: revocations, new keys, a new date. By its fingerprint, which proves itself.

use std::collections::VecDeque;
use std::time::SystemTime;

use super::query;
use super::reading::{self, LeftOut};
use super::search::https;
use super::{Answer, MAX_ANSWER, Need, Said, Source, Sources, Tried};
use crate::{Certificate, Error, Fingerprint, Form, Limits};

/// Most signatures that may be its own are looked at in an answer about a known certificate, before those that are not are
/// dropped: anybody can add some to what lies on a key server.
pub const MAX_REFRESH_SIGNATURES: usize = 4_000;

/// Asks all key servers for a certificate. As a fingerprint can be forged by none of them, the order does not matter, none is
/// enough, and a failure of one takes nothing from what the others say: what one withholds another may have.
///
/// Directories are asked by address: see [`Search`](super::Search).
#[derive(Clone, Debug)]
pub struct Refresh {
    of: Fingerprint,
    limits: Limits,
    waiting: VecDeque<Source>,
    asked: Option<(Source, Need)>,
    merged: Option<Certificate>,
    tried: Vec<Tried>,
}

/// What the servers know of a certificate.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refreshed {
    /// All that its own key has verifiably signed, of all of them: to be merged with what is known.
    pub certificate: Option<Certificate>,
    /// Who was asked.
    pub tried: Vec<Tried>,
}

impl Refresh {
    /// Of this certificate, by its primary fingerprint.
    #[must_use]
    pub fn new(of: Fingerprint, sources: &Sources) -> Self {
        let mut refresh = Self {
            of,
            limits: sources.limits.clone(),
            waiting: sources.servers().collect(),
            asked: None,
            merged: None,
            tried: Vec::new(),
        };
        refresh.next();
        refresh
    }

    /// What has to be asked now; `None` if it is over.
    #[must_use]
    pub fn need(&self) -> Option<Need> {
        self.asked.as_ref().map(|(_, need)| need.clone())
    }

    /// The answer to that.
    pub fn answer(&mut self, answer: Answer, _now: SystemTime) {
        let Some((source, _)) = self.asked.take() else {
            return;
        };
        let read = match answer {
            Answer::Https(answer) => https(answer),
            Answer::Dns(_) => Err(Said::Unreachable),
        };
        let (said, left_out) = match read.and_then(|octets| self.read(&octets)) {
            Ok((certificate, left_out)) => (self.merge(certificate), left_out),
            Err(said) => (said, Vec::new()),
        };
        self.tried.push(Tried {
            source,
            said,
            left_out,
        });
        self.next();
    }

    /// What was learned.
    #[must_use]
    pub fn finish(self) -> Refreshed {
        Refreshed {
            certificate: self.merged,
            tried: self.tried,
        }
    }

    fn next(&mut self) {
        while let Some(source) = self.waiting.pop_front() {
            if let Some(need) = query::of_fingerprint(&source, self.of) {
                self.asked = Some((source, need));
                return;
            }
        }
    }

    /// The certificate that was asked for, without what others have put into it, within the limits.
    fn read(&self, octets: &[u8]) -> Result<(Certificate, Vec<LeftOut>), Said> {
        // Room for a flood, to be drained before it counts.
        let mut wide = self.limits.clone();
        wide.max_certificate = MAX_ANSWER;
        wide.max_user_ids = wide.max_packets;
        wide.max_subkeys = wide.max_packets;
        wide.max_signatures = MAX_REFRESH_SIGNATURES;
        let (all, mut left) = reading::certificates(octets, &wide)?;
        let mut wanted = None;
        for certificate in all {
            let of = certificate.fingerprint();
            match of == self.of {
                true => wanted = Some(certificate),
                false => left.push(LeftOut {
                    fingerprint: Some(of),
                    why: Said::OtherFingerprint,
                }),
            }
        }
        let Some(certificate) = wanted else {
            return Err(left.first().map_or(Said::NotOpenPgp, |left| left.why));
        };
        let bound = certificate.bound().ok_or(Said::Malformed)?;
        let octets = bound.export(Form::Binary).map_err(|_| Said::Malformed)?;
        match Certificate::parse_with(&octets, &self.limits) {
            Ok(certificate) => Ok((certificate, left)),
            Err(Error::Limit { .. }) => Err(Said::TooLarge),
            Err(_) => Err(Said::Malformed),
        }
    }

    fn merge(&mut self, certificate: Certificate) -> Said {
        let both = match &self.merged {
            None => Ok(certificate),
            Some(known) => known.merge_with(&certificate, &self.limits),
        };
        match both {
            Ok(both) => {
                self.merged = Some(both);
                Said::Found
            }
            Err(_) => Said::TooLarge,
        }
    }
}
