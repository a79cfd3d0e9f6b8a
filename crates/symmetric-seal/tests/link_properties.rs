//! What holds under any sequence of events and any clock; a model that remembers all instead of counting; and faults
//! that each of the checks notices.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use common::*;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use symmetric_seal::link::{
    Answer, Effect, Event, FIRST_WAIT, LONGEST_WAIT, Link, PENDING, RESUME, Refusal, Replies,
    SenderToken, Status, Step,
};

/// What somebody does, and how far the clock moved since the last time, in seconds.
#[derive(Clone, Copy, Debug)]
struct Act {
    what: What,
    moved: i64,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Publish,
    Release { right: bool, reader: u8 },
    Resume { reader: u8 },
    Destroy { reader: u8 },
    Reply { reader: u8, digest: u8 },
    FetchReply,
    Extend { days: u64 },
    Revoke { mine: bool },
    Tick,
}

#[derive(Clone, Debug)]
struct Story {
    views: u8,
    attempts: u8,
    replies: bool,
    days: u64,
    acts: Vec<Act>,
}

fn story() -> impl Strategy<Value = Story> {
    let reader = 10_u8..14;
    let what = prop_oneof![
        1 => Just(What::Publish),
        8 => (any::<bool>(), reader.clone()).prop_map(|(right, reader)| What::Release { right, reader }),
        4 => reader.clone().prop_map(|reader| What::Resume { reader }),
        1 => reader.clone().prop_map(|reader| What::Destroy { reader }),
        2 => (reader, 0_u8..2).prop_map(|(reader, digest)| What::Reply { reader, digest }),
        1 => Just(What::FetchReply),
        1 => (0_u64..400).prop_map(|days| What::Extend { days }),
        1 => prop::bool::weighted(0.2).prop_map(|mine| What::Revoke { mine }),
        1 => Just(What::Tick),
    ];
    let moved = prop_oneof![
        6 => 0_i64..40,
        3 => 0_i64..700,
        1 => 0_i64..86_400,
        1 => -100_000_i64..0,
    ];
    let acts = (what, moved).prop_map(|(what, moved)| Act { what, moved });
    let terms = (1_u8..4, 1_u8..4, any::<bool>(), 1_u64..4);
    (terms, prop::collection::vec(acts, 1..50)).prop_map(
        |((views, attempts, replies, days), mut acts)| {
            acts.insert(
                0,
                Act {
                    what: What::Publish,
                    moved: 0,
                },
            );
            Story {
                views,
                attempts,
                replies,
                days,
                acts,
            }
        },
    )
}

type Machine = fn(&Link, Event<'_>, SystemTime) -> Step;

fn honest(link: &Link, event: Event<'_>, now: SystemTime) -> Step {
    link.step(event, now)
}

fn shifted(time: SystemTime, by: i64) -> SystemTime {
    let distance = Duration::from_secs(by.unsigned_abs());
    if by < 0 {
        time - distance
    } else {
        time + distance
    }
}

impl Story {
    fn link(&self) -> Link {
        let replies = if self.replies {
            Replies::One
        } else {
            Replies::None
        };
        let terms = terms()
            .views(self.views)
            .attempts(self.attempts)
            .replies(replies);
        Link::new(terms, start() + self.days as u32 * DAY, &sender(), start()).unwrap()
    }

    /// Every step of a machine: the link before, what was done, when, and what came of it.
    fn play(
        &self,
        machine: Machine,
        mut each: impl FnMut(&Link, What, SystemTime, &Step) -> Result<(), String>,
    ) -> Result<(), String> {
        let (mut link, mut now) = (self.link(), start());
        for act in &self.acts {
            now = shifted(now, act.moved);
            let step = with_event(act.what, now, |event| machine(&link, event, now));
            each(&link, act.what, now, &step)?;
            if step.changed {
                link = step.link;
            }
        }
        Ok(())
    }
}

fn with_event<T>(what: What, now: SystemTime, f: impl FnOnce(Event<'_>) -> T) -> T {
    let (me, other) = (sender(), SenderToken::from_octets([9; 16]));
    match what {
        What::Publish => f(publish()),
        What::Release { right, reader: of } => {
            let proof = if right { proof() } else { wrong() };
            f(release(&proof, &reader(of)))
        }
        What::Resume { reader: of } => f(Event::Resume {
            reader: &reader(of),
        }),
        What::Destroy { reader: of } => f(Event::Destroy {
            reader: &reader(of),
        }),
        What::Reply { reader: of, digest } => f(Event::Reply {
            reader: &reader(of),
            digest: [digest; 32],
        }),
        What::FetchReply => f(Event::FetchReply { sender: &me }),
        What::Extend { days } => f(Event::Extend {
            sender: &me,
            until: now + days as u32 * DAY,
        }),
        What::Revoke { mine } => f(Event::Revoke {
            sender: if mine { &me } else { &other },
        }),
        What::Tick => f(Event::Tick),
    }
}

/// The first rule that a machine breaks in a story.
fn check(story: &Story, machine: Machine) -> Result<(), String> {
    // The greatest time of a step that was kept; readers by view; who guessed how often in a row; whether it is over.
    let mut greatest = start();
    let mut readers: HashMap<u8, (u8, SystemTime)> = HashMap::new();
    let (mut locked, mut over, mut erased, mut kept) = (None::<SystemTime>, false, 0, 0);
    story.play(machine, |before, what, now, step| {
        let time = greatest.max(now);
        let released = step.effects.contains(&Effect::Release);
        let need = |holds: bool, rule: &str| match holds {
            true => Ok(()),
            false => Err(format!("{rule}: {what:?} gave {step:?}")),
        };
        need(
            released == matches!(step.answer, Answer::Released { .. }),
            "what is said is done",
        )?;
        need(!(released && over), "nothing is released after the end")?;
        need(
            !(released && erased > 0),
            "nothing is released that is erased",
        )?;
        if let Answer::Released { view, .. } = step.answer {
            need(
                (1..=story.views).contains(&view),
                "no more releases than views",
            )?;
            let (right, of) = match what {
                What::Release { right, reader } => (right, reader),
                What::Resume { reader } => (false, reader),
                _ => return Err(format!("released for {what:?}")),
            };
            let first = !readers.contains_key(&view);
            if first {
                need(right, "the first time only with a proof")?;
                need(
                    locked.is_none_or(|until| until <= time),
                    "nothing while locked",
                )?;
                need(
                    readers.values().all(|(known, _)| *known != of),
                    "one view a token",
                )?;
                need(usize::from(view) == readers.len() + 1, "views are counted")?;
                need(step.changed, "a view is counted before it is released")?;
                readers.insert(view, (of, time));
            }
            let (by, at) = readers[&view];
            need(by == of, "a view again only for its reader")?;
            need(time < at + RESUME, "a view again for ten minutes")?;
        }
        if let Answer::Refused(Refusal::WrongProof { wait }) = step.answer {
            need(
                locked.is_none_or(|until| until <= time),
                "no proof is looked at while locked",
            )?;
            need(step.changed, "a wrong proof is counted")?;
            locked = wait;
        } else if released && step.changed {
            locked = None;
        }
        let status = step.link.view(now).status;
        let is_over = !matches!(
            status,
            Status::Pending | Status::Available { .. } | Status::Locked { .. }
        );
        need(is_over || !over, "nothing leads out of a tombstone")?;
        if step.changed {
            over |= is_over;
            greatest = time;
        } else {
            let tick = before.step(Event::Tick, now);
            need(!tick.changed, "what is due is kept")?;
        }
        let count = |effect| {
            step.effects
                .iter()
                .filter(|known| **known == effect)
                .count()
        };
        kept += count(Effect::KeepBody);
        erased += count(Effect::EraseBody);
        need(
            kept <= 1 && erased <= kept,
            "a body is kept once and erased once",
        )?;
        need(
            !is_over || erased == kept || !step.changed,
            "at the end there is no body",
        )?;
        need(
            Link::decode(&step.link.encode()).as_ref() == Ok(&step.link),
            "it is stored as it is",
        )?;
        let tick = step.link.step(Event::Tick, now);
        need(
            tick.link.view(now) == step.link.view(now),
            "who looks sees what is so",
        )?;
        need(!tick.changed, "a step leaves nothing that is due")?;
        let due = step.link.due();
        need(
            due.is_none_or(|due| due > greatest),
            "what is due is in the future",
        )?;
        let Some(due) = due else {
            return need(is_over, "a link that is not over will end by itself");
        };
        let then = step.link.step(Event::Tick, due);
        need(then.changed, "what was due is done")?;
        let just_before = step.link.step(Event::Tick, due - seconds(1));
        need(just_before.effects.is_empty(), "and not before")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn every_rule_holds_in_every_story(story in story()) {
        check(&story, honest).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn the_model_says_the_same(story in story()) {
        let mut model = Model::new(&story);
        story.play(honest, |_, what, now, step| {
            let said = match step.answer {
                Answer::Done => "done".into(),
                Answer::Released { view, .. } => format!("view {view}"),
                Answer::Refused(why) => why.code().to_owned(),
            };
            let expected = model.answer(what, now);
            match said == expected {
                true => Ok(()),
                false => Err(format!("{what:?}: {said}, and the model says {expected}")),
            }
        }).map_err(TestCaseError::fail)?;
    }
}

/// The rules without counters: all that was ever done is remembered, and looked through anew each time.
struct Model<'a> {
    story: &'a Story,
    expires: SystemTime,
    greatest: SystemTime,
    log: Vec<(SystemTime, Fact)>,
}

#[derive(Clone, Copy, PartialEq)]
enum Fact {
    Published,
    Wrong,
    Read(u8),
    Destroyed,
    Revoked,
    Replied(u8),
    Ended(&'static str),
}

impl<'a> Model<'a> {
    fn new(story: &'a Story) -> Self {
        Self {
            story,
            expires: start() + story.days as u32 * DAY,
            greatest: start(),
            log: Vec::new(),
        }
    }

    fn reads(&self) -> Vec<(SystemTime, u8)> {
        let read = |(at, fact): &(SystemTime, Fact)| match fact {
            Fact::Read(reader) => Some((*at, *reader)),
            _ => None,
        };
        self.log.iter().filter_map(read).collect()
    }

    fn has(&self, fact: Fact) -> bool {
        self.log.iter().any(|(_, known)| *known == fact)
    }

    fn ended(&self) -> Option<&'static str> {
        self.log.iter().find_map(|(_, fact)| match fact {
            Fact::Destroyed => Some("link.destroyed"),
            Fact::Revoked => Some("link.revoked"),
            Fact::Ended(how) => Some(*how),
            _ => None,
        })
    }

    fn passes(&mut self, now: SystemTime) {
        let time = self.greatest.max(now);
        if self.ended().is_none() {
            let reads = self.reads();
            let burns = reads.last().map(|(at, _)| *at + RESUME);
            let burns = burns.filter(|_| reads.len() == usize::from(self.story.views));
            let expires = match self.has(Fact::Published) {
                true => self.expires,
                false => self.expires.min(start() + PENDING),
            };
            let how = match burns {
                Some(burns) if burns <= expires && burns <= time => Some("link.burned"),
                _ if expires <= time => Some("link.expired"),
                _ => None,
            };
            if let Some(how) = how {
                self.log.push((time, Fact::Ended(how)));
                self.greatest = time;
            }
        }
        let replied = self
            .log
            .iter()
            .find(|(_, fact)| matches!(fact, Fact::Replied(_)));
        let erased = |at: SystemTime| at + 28 * DAY;
        if replied.is_some_and(|(at, _)| self.greatest < erased(*at) && erased(*at) <= time) {
            self.greatest = time;
        }
        // That a lock has passed is kept, too.
        if self.ended().is_none()
            && self
                .locked_until()
                .is_some_and(|until| until > self.greatest && until <= time)
        {
            self.greatest = time;
        }
    }

    fn locked_until(&self) -> Option<SystemTime> {
        let since = self
            .log
            .iter()
            .rposition(|(_, fact)| matches!(fact, Fact::Read(_)));
        let since = &self.log[since.map_or(0, |at| at + 1)..];
        let wrong: Vec<_> = since
            .iter()
            .filter(|(_, fact)| *fact == Fact::Wrong)
            .collect();
        let beyond = wrong.len().checked_sub(self.story.attempts.into())?;
        let wait = (0..beyond).fold(FIRST_WAIT, |wait, _| (wait * 2).min(LONGEST_WAIT));
        wrong.last().map(|(at, _)| *at + wait)
    }

    fn answer(&mut self, what: What, now: SystemTime) -> String {
        self.passes(now);
        let time = self.greatest.max(now);
        let reads = self.reads();
        let view_of = |reader| reads.iter().position(|(_, known)| *known == reader);
        let again = |view: usize| match time < reads[view].0 + RESUME {
            true => format!("view {}", view + 1),
            false => "link.resume-over".into(),
        };
        let published = self.has(Fact::Published);
        let replied = self.log.iter().find_map(|(at, fact)| match fact {
            Fact::Replied(digest) => Some((*at, *digest)),
            _ => None,
        });
        let reply_kept = replied.is_some_and(|(at, _)| time < at + 28 * DAY);
        let (fact, said): (Option<Fact>, String) = match (what, self.ended()) {
            (What::Tick, _) => (None, "done".into()),
            (What::Publish, Some(how)) => (None, how.into()),
            (What::Publish, None) => ((!published).then_some(Fact::Published), "done".into()),
            (What::Release { .. } | What::Resume { .. }, Some(how)) => (None, how.into()),
            (What::Release { .. } | What::Resume { .. }, None) if !published => {
                (None, "link.pending".into())
            }
            (What::Resume { reader }, None) => (
                None,
                view_of(reader).map_or_else(|| "link.not-reader".into(), again),
            ),
            (What::Release { right, reader }, None) => match view_of(reader) {
                Some(view) => (None, again(view)),
                None if reads.len() == usize::from(self.story.views) => {
                    (None, "link.views-used".into())
                }
                None if self.locked_until().is_some_and(|until| time < until) => {
                    (None, "link.locked".into())
                }
                None if right => (
                    Some(Fact::Read(reader)),
                    format!("view {}", reads.len() + 1),
                ),
                None => (Some(Fact::Wrong), "link.wrong-proof".into()),
            },
            (What::Destroy { reader }, ended) => match (view_of(reader), ended) {
                (None, _) => (None, "link.not-reader".into()),
                (_, None) => (Some(Fact::Destroyed), "done".into()),
                (_, Some("link.destroyed")) => (None, "done".into()),
                (_, Some(how)) => (None, how.into()),
            },
            (What::Reply { reader, digest }, ended) => match (view_of(reader), replied) {
                (None, _) => (None, "link.not-reader".into()),
                _ if !self.story.replies => (None, "link.no-replies".into()),
                (_, Some((_, known))) if reply_kept && known == digest => (None, "done".into()),
                (_, Some(_)) => (None, "link.replied".into()),
                _ => match ended {
                    Some(how @ ("link.revoked" | "link.expired")) => (None, how.into()),
                    _ if self.expires <= time => (None, "link.expired".into()),
                    _ => (Some(Fact::Replied(digest)), "done".into()),
                },
            },
            (What::FetchReply, _) => match (replied, reply_kept) {
                (None, _) => (None, "link.no-reply-yet".into()),
                (_, true) => (None, "done".into()),
                (_, false) => (None, "link.reply-erased".into()),
            },
            (What::Extend { .. }, Some(how)) => (None, how.into()),
            (What::Extend { days }, None) => {
                let until = now + days as u32 * DAY;
                if until < self.expires {
                    (None, "link.not-later".into())
                } else if until > time + 366 * DAY && until != self.expires {
                    (None, "link.too-far".into())
                } else {
                    if until > self.expires {
                        self.greatest = time;
                    }
                    self.expires = until;
                    (None, "done".into())
                }
            }
            (What::Revoke { mine: false }, _) => (None, "link.not-sender".into()),
            (What::Revoke { mine: true }, None) => (Some(Fact::Revoked), "done".into()),
            (What::Revoke { mine: true }, Some("link.revoked")) => (None, "done".into()),
            (What::Revoke { mine: true }, Some(how)) => (None, how.into()),
        };
        if let Some(fact) = fact {
            self.log.push((time, fact));
            self.greatest = time;
        }
        said
    }
}

// Each of these machines has one fault.

fn forgets_views(link: &Link, event: Event<'_>, now: SystemTime) -> Step {
    let mut step = link.step(event, now);
    if matches!(step.answer, Answer::Released { .. }) {
        (step.link, step.changed) = (link.clone(), false);
    }
    step
}

fn forgets_wrong_proofs(link: &Link, event: Event<'_>, now: SystemTime) -> Step {
    let mut step = link.step(event, now);
    if matches!(step.answer, Answer::Refused(Refusal::WrongProof { .. })) {
        (step.link, step.changed) = (link.clone(), false);
    }
    step
}

fn resumes_for_ever(link: &Link, event: Event<'_>, now: SystemTime) -> Step {
    let mut step = link.step(event, now);
    if step.answer == Answer::Refused(Refusal::ResumeOver) {
        step.answer = Answer::Released {
            view: 1,
            resume_until: now,
        };
        step.effects.push(Effect::Release);
    }
    step
}

fn takes_any_proof(link: &Link, event: Event<'_>, now: SystemTime) -> Step {
    match event {
        Event::Release { reader, .. } => link.step(release(&proof(), reader), now),
        event => link.step(event, now),
    }
}

fn believes_the_clock(link: &Link, event: Event<'_>, now: SystemTime) -> Step {
    let mut step = link.step(event, now);
    // The tombstone is not kept: it is judged by the clock each time.
    if matches!(
        step.link.view(now).status,
        Status::Expired { .. } | Status::Burned { .. }
    ) {
        (step.link, step.changed) = (link.clone(), false);
    }
    step
}

fn keeps_what_is_revoked(link: &Link, event: Event<'_>, now: SystemTime) -> Step {
    let mut step = link.step(event, now);
    step.effects.retain(|effect| *effect != Effect::EraseBody);
    step
}

fn unlocks_for_the_patient(link: &Link, event: Event<'_>, now: SystemTime) -> Step {
    let step = link.step(event, now);
    match step.answer {
        Answer::Refused(Refusal::Locked { until }) => link.step(event, until),
        _ => step,
    }
}

fn releases_to_anybody_at_the_end(link: &Link, event: Event<'_>, now: SystemTime) -> Step {
    let mut step = link.step(event, now);
    if step.answer == Answer::Refused(Refusal::ViewsUsed) {
        step.answer = Answer::Released {
            view: 1,
            resume_until: now,
        };
        step.effects.push(Effect::Release);
    }
    step
}

#[test]
fn every_fault_breaks_a_rule() {
    let machines: [(&str, Machine); 8] = [
        ("forgets views", forgets_views),
        ("forgets wrong proofs", forgets_wrong_proofs),
        ("resumes for ever", resumes_for_ever),
        ("takes any proof", takes_any_proof),
        ("believes the clock", believes_the_clock),
        ("keeps what is revoked", keeps_what_is_revoked),
        ("unlocks", unlocks_for_the_patient),
        ("releases to anybody", releases_to_anybody_at_the_end),
    ];
    let mut runner = TestRunner::deterministic();
    let strategy = story();
    let stories: Vec<Story> = (0..500)
        .map(|_| strategy.new_tree(&mut runner).unwrap().current())
        .collect();
    assert!(stories.iter().all(|story| check(story, honest).is_ok()));
    for (name, machine) in machines {
        let noticed = stories.iter().any(|story| check(story, machine).is_err());
        assert!(noticed, "nobody notices a machine that {name}");
    }
}

#[test]
fn somebody_patient_tries_some_hundred_passwords_in_four_weeks() {
    let mut link = available(terms().attempts(5), start() + 28 * DAY, start());
    let (mut now, mut tried) = (start(), 0);
    loop {
        let step = guess(&link, now);
        match step.answer {
            Answer::Refused(Refusal::WrongProof { wait }) => {
                tried += 1;
                now = wait.unwrap_or(now);
            }
            Answer::Refused(Refusal::Expired { .. }) => break,
            answer => panic!("{answer:?}"),
        }
        link = step.link;
    }
    // Five, seven within the first hour or so, and one an hour.
    assert_eq!(tried, 682);
    // Whoever has the password is let in once the wait is over, however many were wrong.
    let mut link = available(terms().attempts(1), start() + DAY, start());
    let mut now = start();
    for _ in 0..20 {
        let step = guess(&link, now);
        let Answer::Refused(Refusal::WrongProof { wait: Some(until) }) = step.answer else {
            panic!("{step:?}")
        };
        (link, now) = (step.link, until);
    }
    after(&link, release(&proof(), &reader(1)), now);
}
