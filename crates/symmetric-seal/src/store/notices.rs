//! What senders are still to be told: a record for each notice of a link with a memo, in the commit of the step that the
//! notice is of. Whoever delivers it removes the record, in the commit that makes the delivery visible: so it is told
//! once, whatever crashes when.
//!
//! ```text
//! 1                      the format
//! code                   1 read: view | 2 replied: 0 | 3 destroyed: 0 | 4 locked: wrong proofs ever
//! number 8               of that
//! at 8                   when it happened
//! until 8                of a lock; else 0
//! memo
//! ```
//!
//! Numbers have their highest octet first; times are seconds since 1970.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use record_store::{Key, MAX_PAGE, Records, Version};

use super::{Links, LinksError, keys};
use crate::link::{LinkKey, Memo, Notice};

const FORMAT: u8 = 1;

/// Something that a sender is still to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outstanding {
    key: Key,
    version: Version,
    link: LinkKey,
    notice: Notice,
    at: SystemTime,
    memo: Memo,
}

impl Outstanding {
    /// The link that it is about.
    #[must_use]
    pub fn link(&self) -> &LinkKey {
        &self.link
    }

    /// What happened.
    #[must_use]
    pub fn notice(&self) -> Notice {
        self.notice
    }

    /// When it happened.
    #[must_use]
    pub fn at(&self) -> SystemTime {
        self.at
    }

    /// What the server has kept for itself: whom to tell.
    #[must_use]
    pub fn memo(&self) -> &Memo {
        &self.memo
    }

    /// The record that stands for it. To be deleted where this version is expected, in the same commit that delivers the
    /// notice, or alone if there is nobody to deliver it to. A conflict on this key says that it was told by somebody
    /// else.
    #[must_use]
    pub fn record(&self) -> (&Key, Version) {
        (&self.key, self.version)
    }
}

/// Some of what waits.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// What can be told.
    pub outstanding: Vec<Outstanding>,
    /// Records that cannot be read; they stay as they are until they expire.
    pub damaged: usize,
    /// Where to go on; none if that is all.
    pub next: Option<Key>,
}

impl<R: Records> Links<R> {
    /// What senders are still to be told, about this link or all, behind a cursor that an earlier call gave: at most
    /// [`MAX_PAGE`] notices. Each waits for at most [`NOTICE_KEPT`](crate::link::NOTICE_KEPT).
    ///
    /// # Errors
    /// [`LinksError::Store`].
    pub async fn waiting(
        &self,
        of: Option<&LinkKey>,
        after: Option<&Key>,
        now: SystemTime,
    ) -> Result<Waiting, LinksError> {
        let all = keys::notices(of)?;
        let page = self.store.scan(&all, after, MAX_PAGE, now).await?;
        let mut waiting = Waiting {
            next: page.next,
            ..Waiting::default()
        };
        for (key, found) in page.entries {
            let (link, value) = (keys::read_notice(&key), found.value()?);
            match link.zip(decode(value)) {
                Some((link, (notice, at, memo))) => waiting.outstanding.push(Outstanding {
                    version: found.version(),
                    key,
                    link,
                    notice,
                    at,
                    memo,
                }),
                None => waiting.damaged += 1,
            }
        }
        Ok(waiting)
    }
}

/// What tells a notice from the others of the same link.
pub(super) fn name(notice: Notice) -> (u8, u64) {
    match notice {
        Notice::Read { view } => (1, view.into()),
        Notice::Replied => (2, 0),
        Notice::Destroyed => (3, 0),
        Notice::Locked { wrong_proofs, .. } => (4, wrong_proofs.into()),
    }
}

pub(super) fn encode(notice: Notice, at: SystemTime, memo: &Memo) -> Vec<u8> {
    let (code, number) = name(notice);
    let until = match notice {
        Notice::Locked { until, .. } => keys::seconds(until),
        Notice::Read { .. } | Notice::Replied | Notice::Destroyed => 0,
    };
    let mut out = vec![FORMAT, code];
    for number in [number, keys::seconds(at), until] {
        out.extend(number.to_be_bytes());
    }
    out.extend(memo.octets());
    out
}

/// What [`encode`] gave, and nothing else.
fn decode(octets: &[u8]) -> Option<(Notice, SystemTime, Memo)> {
    let ([FORMAT, code], rest) = octets.split_first_chunk()? else {
        return None;
    };
    let (number, rest) = number(rest)?;
    let (at, rest) = self::number(rest)?;
    let (until, memo) = self::number(rest)?;
    let notice = match (*code, number, until) {
        (1, view, 0) => Notice::Read {
            view: view.try_into().ok()?,
        },
        (2, 0, 0) => Notice::Replied,
        (3, 0, 0) => Notice::Destroyed,
        (4, wrong_proofs, until) => Notice::Locked {
            until: time(until)?,
            wrong_proofs: wrong_proofs.try_into().ok()?,
        },
        _ => return None,
    };
    Some((notice, time(at)?, Memo::new(memo.to_vec()).ok()?))
}

fn number(octets: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = octets.split_first_chunk()?;
    Some((u64::from_be_bytes(*number), rest))
}

fn time(seconds: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Vec<Notice> {
        let until = time(1_800_000_030).unwrap();
        vec![
            Notice::Read { view: 250 },
            Notice::Replied,
            Notice::Destroyed,
            Notice::Locked {
                until,
                wrong_proofs: u32::MAX,
            },
        ]
    }

    #[test]
    fn what_was_written_is_read_and_nothing_else() {
        let (at, memo) = (time(1_800_000_000).unwrap(), Memo::new(vec![7; 3]).unwrap());
        for notice in some() {
            let octets = encode(notice, at, &memo);
            assert_eq!(decode(&octets), Some((notice, at, memo.clone())));
            // All but the memo is needed, and of that at least an octet.
            for length in 0..octets.len() - 2 {
                assert_eq!(decode(&octets[..length]), None, "{length}");
            }
            for place in 0..octets.len() {
                let mut other = octets.clone();
                other[place] ^= 1;
                if let Some((notice, at, memo)) = decode(&other) {
                    assert_eq!(encode(notice, at, &memo), other);
                }
            }
            assert_eq!(decode(&[&octets[..], &[0; 1025]].concat()), None);
        }
    }

    #[test]
    fn each_has_a_name_of_its_own() {
        let mut names: Vec<_> = some().into_iter().map(name).collect();
        names.push(name(Notice::Read { view: 1 }));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 5);
    }
}
