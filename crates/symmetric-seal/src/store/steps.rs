//! One step, committed.

use std::time::SystemTime;

use record_store::{Commit, Expect, Large, Outcome, Records, Version};

use super::{LinksError, keys, notices};
use crate::link::{Answer, Effect, Event, Link, LinkKey, Notice, Refusal, Step};

/// How often a step is tried anew when others were faster.
const TRIES: usize = 100;

/// What a step said, once it is durable.
pub(super) struct Settled {
    pub(super) answer: Answer,
    pub(super) notices: Vec<Notice>,
    pub(super) changed: bool,
}

pub(super) async fn read(
    store: &impl Records,
    key: &LinkKey,
    now: SystemTime,
) -> Result<Option<(Link, Version)>, LinksError> {
    let Some(found) = store.get(&keys::link(key)?, now).await? else {
        return Ok(None);
    };
    Ok(Some((Link::decode(found.value()?)?, found.version())))
}

/// Takes a step until it is committed, or needs no commit. `staged` is what came with the event.
///
/// Nothing is known to anybody before it is durable: a view is counted before the message leaves, and a wrong proof
/// before it is called wrong.
pub(super) async fn take(
    store: &impl Records,
    key: &LinkKey,
    event: Event<'_>,
    staged: Option<&Large>,
    now: SystemTime,
) -> Result<Settled, LinksError> {
    // Notices of steps of which nobody knows whether they are committed.
    let mut in_doubt = Vec::new();
    for _ in 0..TRIES {
        let Some((before, version)) = read(store, key, now).await? else {
            return Ok(Settled {
                answer: Answer::Refused(Refusal::Unknown),
                notices: Vec::new(),
                changed: false,
            });
        };
        let step = before.step(event, now);
        let notices = notices(&step);
        if !step.changed {
            // If one of those steps is why nothing changes any more, then it did happen.
            let notices = match step.answer {
                Answer::Refused(_) => Vec::new(),
                Answer::Done | Answer::Released { .. } => in_doubt,
            };
            return Ok(Settled {
                answer: step.answer,
                notices,
                changed: false,
            });
        }
        let commit = commit(key, Some((&before, version)), &step, staged)?;
        match store.commit(commit, now).await? {
            Outcome::Committed(_) => {
                return Ok(Settled {
                    answer: step.answer,
                    notices,
                    changed: true,
                });
            }
            // What was staged is gone: it was staged more than a day ago.
            Outcome::Conflict(conflict) if conflict.key.namespace().is_empty() => {
                return Err(LinksError::Contended);
            }
            Outcome::Conflict(_) => {}
            Outcome::Unknown => in_doubt = notices,
        }
    }
    Err(LinksError::Contended)
}

fn notices(step: &Step) -> Vec<Notice> {
    let notice = |effect: &Effect| match effect {
        Effect::Notify(notice) => Some(*notice),
        _ => None,
    };
    step.effects.iter().filter_map(notice).collect()
}

/// All that a step changes. A link that was not there before must not be there.
pub(super) fn commit(
    key: &LinkKey,
    before: Option<(&Link, Version)>,
    step: &Step,
    staged: Option<&Large>,
) -> Result<Commit, record_store::Error> {
    let expect = before.map_or(Expect::Absent, |(_, version)| Expect::Version(version));
    let (name, octets) = (keys::link(key)?, step.link.encode());
    let mut commit = match step.link.kept_until() {
        None => Commit::new().put(&name, octets, expect),
        Some(until) => Commit::new().put_until(&name, octets, expect, until),
    };
    // Who has the link has the index, too: they are written together.
    let (was, is) = (before.and_then(|(link, _)| link.due()), step.link.due());
    if was != is {
        if let Some(was) = was {
            commit = commit.delete(&keys::due(was, key)?, Expect::Anything);
        }
        if let Some(is) = is {
            commit = commit.put(&keys::due(is, key)?, [], Expect::Anything);
        }
    }
    for effect in &step.effects {
        commit = match (effect, staged) {
            (Effect::KeepBody, Some(staged)) => {
                commit.put_large(&keys::body(key)?, staged, Expect::Absent)
            }
            (Effect::KeepReply, Some(staged)) => {
                commit.put_large(&keys::reply(key)?, staged, Expect::Absent)
            }
            (Effect::EraseBody, _) => commit.delete(&keys::body(key)?, Expect::Anything),
            (Effect::EraseReply, _) => commit.delete(&keys::reply(key)?, Expect::Anything),
            (Effect::Notify(notice), _) => match step.link.memo() {
                Some(memo) => {
                    let (code, number) = notices::name(*notice);
                    let (at, until) = step.link.noticed();
                    let name = keys::notice(key, code, number)?;
                    let value = notices::encode(*notice, at, memo);
                    commit.put_until(&name, value, Expect::Anything, until)
                }
                None => commit,
            },
            _ => commit,
        };
    }
    Ok(commit)
}
