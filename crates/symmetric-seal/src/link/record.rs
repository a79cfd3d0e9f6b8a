//! A link as octets, for a store.
//!
//! ```text
//! 1 | 2                  the format; 2 exactly if there is a memo
//! stage                  0 pending: until 8
//!                        1 open: salt and costs 19, SHA-256 of the proof 32, wrong in a row 4, locked (0 | 1, until 8)
//!                        2 gone: why 1, since 8
//! sender 32, expires 8, seen 8, wrong proofs ever 4
//! views 1, attempts 1, notice 1, replies 1, bound 1, length of the hint 2, hint
//! in format 2            length of the memo 2, memo
//! number of readings 1, each: token 32, at 8, resume until 8
//! reply                  0 none | 1 held: digest 32, at 8 | 2 erased: at 8
//! ```
//!
//! Numbers have their highest octet first; times are seconds since 1970. There is one encoding of each link.

use super::moment::Moment;
use super::secrets::Hash;
use super::state::{End, Open, Reading, Slot, Stage};
use super::{Hint, Link, MAX_VIEWS, Memo, ReadNotice, Replies, Terms};
use crate::{KdfParameters, ProofHash};

/// Most octets of an encoded link.
pub const MAX_RECORD: usize =
    256 + 4 * Hint::MAX_CHARS + Memo::MAX_OCTETS + MAX_VIEWS as usize * 48;

/// Without a memo, and with one.
const PLAIN: u8 = 1;
const WITH_MEMO: u8 = 2;
const NEWEST: u8 = WITH_MEMO;

/// Why octets are no link.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// A later release wrote this; upgrade this program.
    #[error("format {found} of a link is newer than {NEWEST}, the newest that this release reads")]
    Format {
        /// Which.
        found: u8,
    },
    /// The octets break the rules of the format.
    #[error("the stored link is damaged")]
    Damaged,
}

impl Link {
    /// At most [`MAX_RECORD`] octets, which begin with the number of their format.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![match self.terms.memo {
            None => PLAIN,
            Some(_) => WITH_MEMO,
        }];
        match &self.stage {
            Stage::Pending { until } => {
                out.push(0);
                out.extend(until.to_octets());
            }
            Stage::Open(open) => {
                out.push(1);
                out.extend(open.kdf.to_octets());
                out.extend(open.proof.octets());
                out.extend(open.failures.to_be_bytes());
                match open.locked {
                    None => out.push(0),
                    Some(until) => {
                        out.push(1);
                        out.extend(until.to_octets());
                    }
                }
            }
            Stage::Gone { end, at } => {
                out.extend([2, end.to_octet()]);
                out.extend(at.to_octets());
            }
        }
        out.extend(self.sender.0);
        out.extend(self.expires.to_octets());
        out.extend(self.seen.to_octets());
        out.extend(self.failed.to_be_bytes());
        self.terms.encode(&mut out);
        // No more than views, which are an octet.
        out.push(u8::try_from(self.readings.len()).unwrap_or(u8::MAX));
        for reading in &self.readings {
            out.extend(reading.token.0);
            out.extend(reading.at.to_octets());
            out.extend(reading.resume.to_octets());
        }
        match self.reply {
            Slot::Empty => out.push(0),
            Slot::Held { digest, at } => {
                out.push(1);
                out.extend(digest.0);
                out.extend(at.to_octets());
            }
            Slot::Erased { at } => {
                out.push(2);
                out.extend(at.to_octets());
            }
        }
        out
    }

    /// What [`encode`](Self::encode) gave, and nothing else.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn decode(octets: &[u8]) -> Result<Self, RecordError> {
        match octets {
            [format @ PLAIN..=NEWEST, rest @ ..] if octets.len() <= MAX_RECORD => {
                decode(*format, rest).ok_or(RecordError::Damaged)
            }
            [found, ..] if *found > NEWEST => Err(RecordError::Format { found: *found }),
            _ => Err(RecordError::Damaged),
        }
    }
}

fn decode(format: u8, octets: &[u8]) -> Option<Link> {
    let mut from = Reader(octets);
    let stage = match from.octet()? {
        0 => Stage::Pending {
            until: from.moment()?,
        },
        1 => Stage::Open(Open {
            kdf: KdfParameters::from_octets(&from.array()?).ok()?,
            proof: ProofHash::from_octets(from.array()?),
            failures: from.number()?,
            locked: match from.octet()? {
                0 => None,
                1 => Some(from.moment()?),
                _ => return None,
            },
        }),
        2 => Stage::Gone {
            end: End::from_octet(from.octet()?)?,
            at: from.moment()?,
        },
        _ => return None,
    };
    let sender = Hash(from.array()?);
    let (expires, seen) = (from.moment()?, from.moment()?);
    let failed = from.number()?;
    let terms = Terms::decode(format, &mut from)?;
    let count = from.octet()?;
    let reading = |_| {
        Some(Reading {
            token: Hash(from.array()?),
            at: from.moment()?,
            resume: from.moment()?,
        })
    };
    let readings = (0..count).map(reading).collect::<Option<Vec<_>>>()?;
    let reply = match from.octet()? {
        0 => Slot::Empty,
        1 => Slot::Held {
            digest: Hash(from.array()?),
            at: from.moment()?,
        },
        2 => Slot::Erased { at: from.moment()? },
        _ => return None,
    };
    let link = Link {
        terms,
        sender,
        expires,
        seen,
        stage,
        failed,
        readings,
        reply,
    };
    (from.0.is_empty() && link.is_sound()).then_some(link)
}

impl Link {
    /// Whether steps could have led to it, as far as it shows.
    fn is_sound(&self) -> bool {
        let read = !self.readings.is_empty();
        let sound = match &self.stage {
            Stage::Pending { .. } => !read && self.failed == 0,
            Stage::Open(open) => open.failures <= self.failed,
            Stage::Gone { end, at } => {
                let used = self.views_left() == 0;
                *at <= self.seen
                    && match end {
                        End::Viewed => used,
                        End::Destroyed => read,
                        End::Expired | End::Revoked => true,
                    }
            }
        };
        let replied = match self.reply {
            Slot::Empty => true,
            Slot::Held { at, .. } | Slot::Erased { at } => {
                read && self.terms.replies == Replies::One && at <= self.seen
            }
        };
        sound
            && replied
            && self.readings.len() <= usize::from(self.terms.views)
            && self.readings.iter().all(|reading| reading.at <= self.seen)
    }
}

impl Terms {
    fn encode(&self, out: &mut Vec<u8>) {
        let notice = match self.notice {
            ReadNotice::None => 0,
            ReadNotice::First => 1,
            ReadNotice::Every => 2,
        };
        let replies = match self.replies {
            Replies::None => 0,
            Replies::One => 1,
        };
        out.extend([
            self.views,
            self.attempts,
            notice,
            replies,
            self.bound.into(),
        ]);
        let hint = self.hint.as_ref().map_or("", Hint::as_str);
        // At most 800 octets.
        let length = u16::try_from(hint.len()).unwrap_or(u16::MAX);
        out.extend(length.to_be_bytes());
        out.extend(hint.as_bytes());
        if let Some(memo) = &self.memo {
            // At most 1024 octets.
            let length = u16::try_from(memo.octets().len()).unwrap_or(u16::MAX);
            out.extend(length.to_be_bytes());
            out.extend(memo.octets());
        }
    }

    fn decode(format: u8, from: &mut Reader<'_>) -> Option<Self> {
        let [views, attempts, notice, replies, bound] = from.array()?;
        let length = u16::from_be_bytes(from.array()?);
        let text = str::from_utf8(from.octets(length.into())?).ok()?;
        let hint = match text {
            "" => None,
            text => Some(Hint::new(text).ok().filter(|hint| hint.as_str() == text)?),
        };
        let terms = Self {
            views,
            attempts,
            notice: match notice {
                0 => ReadNotice::None,
                1 => ReadNotice::First,
                2 => ReadNotice::Every,
                _ => return None,
            },
            replies: match replies {
                0 => Replies::None,
                1 => Replies::One,
                _ => return None,
            },
            bound: match bound {
                0 => false,
                1 => true,
                _ => return None,
            },
            hint,
            memo: match format {
                PLAIN => None,
                _ => {
                    let length = u16::from_be_bytes(from.array()?);
                    Some(Memo::new(from.octets(length.into())?.to_vec()).ok()?)
                }
            },
        };
        terms.check().is_ok().then_some(terms)
    }
}

impl End {
    fn to_octet(self) -> u8 {
        match self {
            Self::Viewed => 0,
            Self::Destroyed => 1,
            Self::Expired => 2,
            Self::Revoked => 3,
        }
    }

    fn from_octet(octet: u8) -> Option<Self> {
        let all = [Self::Viewed, Self::Destroyed, Self::Expired, Self::Revoked];
        all.into_iter().find(|end| end.to_octet() == octet)
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn octets(&mut self, length: usize) -> Option<&'a [u8]> {
        let (octets, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(octets)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.octets(N)?.try_into().ok()
    }

    fn octet(&mut self) -> Option<u8> {
        self.array().map(|[octet]| octet)
    }

    fn number(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn moment(&mut self) -> Option<Moment> {
        Moment::from_octets(self.array()?)
    }
}
