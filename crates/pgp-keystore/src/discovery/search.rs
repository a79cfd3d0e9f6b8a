//! The search for an address: one question after the other, the strongest source first.

use std::collections::VecDeque;
use std::fmt;
use std::time::SystemTime;

use super::query::{self, redirected};
use super::reading::{self, Found, LeftOut};
use super::{
    Answer, Authority, Class, DnsAnswer, Get, HttpsAnswer, Need, OnFailure, Said, Source, Sources,
};
use crate::wkd::Variant;
use crate::{Address, Limits, Reason};

/// So many redirects of one source are followed.
pub const MAX_REDIRECTS: u8 = 3;

/// A search for the certificate of an address. See the [module](super) for its order.
#[derive(Clone, Debug)]
pub struct Search {
    address: Address,
    limits: Limits,
    on_failure: OnFailure,
    waiting: VecDeque<Source>,
    /// Who is asked now.
    asked: Option<Asked>,
    found: Vec<Found>,
    tried: Vec<Tried>,
}

#[derive(Clone, Debug)]
struct Asked {
    source: Source,
    need: Need,
    redirects: u8,
}

/// A source that was asked.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// Which.
    pub source: Source,
    /// What it said.
    pub said: Said,
    /// What it gave that was not taken.
    pub left_out: Vec<LeftOut>,
}

/// How a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "what decides on it must say something on each"
)]
pub enum Verdict {
    /// The strongest source that has something has this, and none above it failed.
    Found,
    /// Something was found, and a stronger source had failed, or had given what was refused: see [`OnFailure::GoOn`].
    FoundDespite,
    /// All sources were asked, and none has anything.
    NotFound,
    /// A source failed, or gave what was refused, and nothing was found: a later search may find something.
    Undecided,
}

/// What a search found.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq)]
pub struct Report {
    /// For whom.
    pub address: Address,
    /// How it ended.
    pub verdict: Verdict,
    /// The certificates of one source: what can be used first, and of it the newest.
    pub found: Vec<Found>,
    /// Who was asked, in this order.
    pub tried: Vec<Tried>,
}

impl Search {
    /// For this address, in these sources.
    #[must_use]
    pub fn new(address: Address, sources: &Sources) -> Self {
        let mut search = Self {
            address,
            limits: sources.limits.clone(),
            on_failure: sources.on_failure,
            waiting: sources.of_address().collect(),
            asked: None,
            found: Vec::new(),
            tried: Vec::new(),
        };
        search.next();
        search
    }

    /// What has to be asked now; `None` if it is over.
    #[must_use]
    pub fn need(&self) -> Option<Need> {
        self.asked.as_ref().map(|asked| asked.need.clone())
    }

    /// The answer to that. `now` is when certificates have to count. An answer to another kind of question is a failure.
    pub fn answer(&mut self, answer: Answer, now: SystemTime) {
        let Some(mut asked) = self.asked.take() else {
            return;
        };
        let read = match (&asked.need, answer) {
            (Need::Https(get), Answer::Https(answer)) => {
                match followed(&asked.source, get, asked.redirects, &answer) {
                    Some(next) => {
                        asked.need = Need::Https(next);
                        asked.redirects += 1;
                        self.asked = Some(asked);
                        return;
                    }
                    // The directory is there, and leads nowhere.
                    None if asked.redirects > 0 && answer == HttpsAnswer::NoHost => {
                        Err(Said::Redirected)
                    }
                    None => https(answer),
                }
            }
            (Need::OpenPgpKey(_), Answer::Dns(answer)) => dns(answer),
            _ => Err(Said::Unreachable),
        };
        self.take(asked.source, read, now);
    }

    fn take(&mut self, source: Source, read: Result<Vec<u8>, Said>, now: SystemTime) {
        let taken = read.and_then(|octets| {
            reading::of_address(&octets, &self.address, &source, &self.limits, now)
        });
        let (said, left_out) = match taken {
            Ok((found, left_out)) if !found.is_empty() => {
                self.found = found;
                (Said::Found, left_out)
            }
            Ok((_, left_out)) => {
                let said = left_out.first().map_or(Said::NotOpenPgp, |left| left.why);
                (said, left_out)
            }
            Err(said) => (said, Vec::new()),
        };
        // draft-koch-openpgp-webkey-service §3.1: the direct method only if the sub-domain does not exist.
        if (&source, said) == (&Source::Wkd(Variant::Advanced), Said::NoHost) {
            self.waiting.push_front(Source::Wkd(Variant::Direct));
        }
        self.tried.push(Tried {
            source,
            said,
            left_out,
        });
        let over = match said.class() {
            Class::Found => true,
            Class::Nothing => false,
            Class::Failed | Class::Refused => self.on_failure == OnFailure::Stop,
        };
        if over {
            self.waiting.clear();
        }
        self.next();
    }

    fn next(&mut self) {
        while let Some(source) = self.waiting.pop_front() {
            match query::of_address(&source, &self.address) {
                Some(need) => {
                    let redirects = 0;
                    self.asked = Some(Asked {
                        source,
                        need,
                        redirects,
                    });
                    return;
                }
                // A name that the DNS cannot have.
                None => self.tried.push(Tried {
                    source,
                    said: Said::NoRecord,
                    left_out: Vec::new(),
                }),
            }
        }
    }

    /// What was found. A search that is not over is [`Verdict::Undecided`].
    #[must_use]
    pub fn finish(self) -> Report {
        let troubled = self
            .tried
            .iter()
            .any(|tried| matches!(tried.said.class(), Class::Failed | Class::Refused));
        let verdict = match (self.found.is_empty(), troubled || self.asked.is_some()) {
            (false, false) => Verdict::Found,
            (false, true) => Verdict::FoundDespite,
            (true, false) => Verdict::NotFound,
            (true, true) => Verdict::Undecided,
        };
        Report {
            address: self.address,
            verdict,
            found: self.found,
            tried: self.tried,
        }
    }
}

/// Where a redirect leads that is followed.
fn followed(source: &Source, from: &Get, redirects: u8, answer: &HttpsAnswer) -> Option<Get> {
    let HttpsAnswer::Response {
        status: 301 | 302 | 303 | 307 | 308,
        location: Some(location),
        ..
    } = answer
    else {
        return None;
    };
    let follows = matches!(source, Source::Wkd(_)) && redirects < MAX_REDIRECTS;
    follows.then(|| redirected(from, location))?
}

/// RFC 9110 §15: which statuses say that there is nothing, and which say that nobody knows.
pub(super) fn https(answer: HttpsAnswer) -> Result<Vec<u8>, Said> {
    match answer {
        HttpsAnswer::NoHost => Err(Said::NoHost),
        HttpsAnswer::TooLarge => Err(Said::TooLarge),
        HttpsAnswer::Failed => Err(Said::Unreachable),
        HttpsAnswer::Response { status, body, .. } => match status {
            200 => Ok(body),
            301 | 302 | 303 | 307 | 308 => Err(Said::Redirected),
            // Time-out, misdirected, too early, too many.
            408 | 421 | 425 | 429 => Err(Said::ServerError),
            201..=499 => Err(Said::NotThere),
            _ => Err(Said::ServerError),
        },
    }
}

fn dns(answer: DnsAnswer) -> Result<Vec<u8>, Said> {
    match answer {
        DnsAnswer::Secure(records) if records.is_empty() => Err(Said::NoRecord),
        // RFC 7929 §2.1: each is a Transferable Public Key in binary; several may stand one after the other.
        DnsAnswer::Secure(records) => Ok(records.concat()),
        DnsAnswer::Insecure => Err(Said::Insecure),
        DnsAnswer::NoRecord => Err(Said::NoRecord),
        DnsAnswer::Bogus => Err(Said::Bogus),
        DnsAnswer::Failed => Err(Said::DnsFailed),
    }
}

impl Report {
    /// The certificate to use: of those that can be used, the newest.
    #[must_use]
    pub fn best(&self) -> Option<&Found> {
        let first = self.found.first();
        first.filter(|found| found.reason == Reason::Valid)
    }

    /// Who vouches for what was found; `None` if nothing was.
    #[must_use]
    pub fn authority(&self) -> Option<Authority> {
        self.found.first().map(|found| found.source.authority())
    }

    /// Whether a later search may have another end.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        let failed = |tried: &Tried| tried.said.class() == Class::Failed;
        self.verdict == Verdict::Undecided && self.tried.iter().any(failed)
    }
}

impl fmt::Debug for Report {
    /// Without the address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Report")
            .field("verdict", &self.verdict)
            .field("found", &self.found)
            .field("tried", &self.tried)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Report {
    /// A line for each source, and one for each certificate.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: {}",
            self.address,
            match self.verdict {
                Verdict::Found => "found",
                Verdict::FoundDespite => "found, but a stronger source gave no answer that counts",
                Verdict::NotFound => "there is no certificate",
                Verdict::Undecided => "nobody knows, as a source gave no answer that counts",
            }
        )?;
        for Tried {
            source,
            said,
            left_out,
        } in &self.tried
        {
            writeln!(f, "  {source}: {said}")?;
            for left in left_out {
                let of = left
                    .fingerprint
                    .map_or_else(|| "?".to_owned(), |of| of.to_string());
                writeln!(f, "    left out {of}: {}", left.why)?;
            }
        }
        for found in &self.found {
            let of = found.certificate.fingerprint();
            writeln!(f, "  {of}: {}", found.reason)?;
        }
        Ok(())
    }
}
