//! Steps that are wrong in one point each.
#![allow(unreachable_pub)]

use std::time::SystemTime;

use twofactor::decision::{Attempt, Change, State, Step, Throttle, Verdict};
use twofactor::{Event, Kind, Refusal};

use crate::step::STRANGER;

/// Mutation: what is wrong is not counted.
pub fn forgets(state: &State, attempt: Attempt<'_>, throttle: &Throttle, now: SystemTime) -> Step {
    let mut step = state.step(attempt, throttle, now);
    if let Verdict::Look(_) | Verdict::Refused(Refusal::Wrong | Refusal::Drifted { .. }) =
        step.verdict
    {
        step.state = state.clone();
    }
    step
}

/// Mutation: one more than a hundred.
pub fn one_more(state: &State, attempt: Attempt<'_>, throttle: &Throttle, now: SystemTime) -> Step {
    let mut throttle = *throttle;
    throttle.strangers += 1;
    throttle.factor += 1;
    state.step(attempt, &throttle, now)
}

/// Mutation: nobody is known.
pub fn no_shares(
    state: &State,
    attempt: Attempt<'_>,
    throttle: &Throttle,
    now: SystemTime,
) -> Step {
    match attempt {
        Attempt::Reserve(_) => state.step(Attempt::Reserve(STRANGER), throttle, now),
        other => state.step(other, throttle, now),
    }
}

/// Mutation: success clears everything.
pub fn clears_all(
    state: &State,
    attempt: Attempt<'_>,
    throttle: &Throttle,
    now: SystemTime,
) -> Step {
    let mut step = state.step(attempt, throttle, now);
    if let Attempt::Right { .. } = attempt {
        step.state = step
            .state
            .step(Attempt::Change(Change::Rebind), throttle, now)
            .state;
    }
    step
}

/// Mutation: the generation is not looked at.
pub fn any_generation(
    state: &State,
    attempt: Attempt<'_>,
    throttle: &Throttle,
    now: SystemTime,
) -> Step {
    let g = state.generation();
    let attempt = match attempt {
        Attempt::Right {
            share,
            origin,
            remembered,
            ..
        } => Attempt::Right {
            generation: g,
            share,
            origin,
            remembered,
        },
        Attempt::Code { found, .. } => Attempt::Code {
            generation: g,
            found,
        },
        Attempt::Resync {
            factor, counter, ..
        } => Attempt::Resync {
            generation: g,
            factor,
            counter,
        },
        Attempt::ReserveRecovery { .. } => Attempt::ReserveRecovery { generation: g },
        Attempt::RightRecovery { .. } => Attempt::RightRecovery { generation: g },
        Attempt::Passkey { right, .. } => Attempt::Passkey {
            generation: g,
            right,
        },
        other => other,
    };
    state.step(attempt, throttle, now)
}

/// Mutation: a try is given back, whatever happened since.
pub fn any_round(
    state: &State,
    attempt: Attempt<'_>,
    throttle: &Throttle,
    now: SystemTime,
) -> Step {
    let round = state.round();
    let attempt = match attempt {
        Attempt::GiveBack { share, .. } => Attempt::GiveBack { share, round },
        Attempt::GiveBackRecovery { .. } => Attempt::GiveBackRecovery { round },
        other => other,
    };
    state.step(attempt, throttle, now)
}

/// Mutation: a code that was right opens, but nothing is burned.
pub fn burns_nothing(
    state: &State,
    attempt: Attempt<'_>,
    throttle: &Throttle,
    now: SystemTime,
) -> Step {
    let mut step = state.step(attempt, throttle, now);
    if let (Attempt::Code { .. }, Verdict::Pass | Verdict::Refused(Refusal::Drifted { .. })) =
        (attempt, step.verdict)
    {
        step.state = state.clone();
    }
    step
}

/// Mutation: of the steps that a code is right for, the last one alone is burned.
pub fn burns_one(
    state: &State,
    attempt: Attempt<'_>,
    throttle: &Throttle,
    now: SystemTime,
) -> Step {
    let Attempt::Code { generation, found } = attempt else {
        return state.step(attempt, throttle, now);
    };
    let one: Vec<_> = found
        .iter()
        .map(|found| {
            let mut found = found.clone();
            found.within = found.within.last().copied().into_iter().collect();
            found
        })
        .collect();
    state.step(
        Attempt::Code {
            generation,
            found: &one,
        },
        throttle,
        now,
    )
}

/// Mutation: the first app that the code is right for decides.
pub fn one_app(state: &State, attempt: Attempt<'_>, throttle: &Throttle, now: SystemTime) -> Step {
    let Attempt::Code { generation, found } = attempt else {
        return state.step(attempt, throttle, now);
    };
    let fresh = |found: &&twofactor::decision::Found| {
        let step = state.step(
            Attempt::Code {
                generation,
                found: std::slice::from_ref(found),
            },
            throttle,
            now,
        );
        step.verdict == Verdict::Pass
    };
    let one: Vec<_> = found.iter().filter(fresh).take(1).cloned().collect();
    let found = if one.is_empty() { found } else { &one };
    state.step(Attempt::Code { generation, found }, throttle, now)
}

/// Mutation: what has to wait is counted.
pub fn writes_waits(
    state: &State,
    attempt: Attempt<'_>,
    throttle: &Throttle,
    now: SystemTime,
) -> Step {
    let mut step = state.step(attempt, throttle, now);
    if let Verdict::Refused(Refusal::Wait { .. } | Refusal::Disabled | Refusal::Stale) =
        step.verdict
    {
        step.state = step
            .state
            .step(Attempt::Change(Change::Add(Kind::Device)), throttle, now)
            .state;
    }
    step
}

/// Mutation: every duplicate is told of.
pub fn tells_all(
    state: &State,
    attempt: Attempt<'_>,
    throttle: &Throttle,
    now: SystemTime,
) -> Step {
    let mut step = state.step(attempt, throttle, now);
    if step.verdict == Verdict::Refused(Refusal::Replayed) && step.events.is_empty() {
        step.events.push(Event::DuplicateCode);
        step.state = step
            .state
            .step(Attempt::Change(Change::Add(Kind::Device)), throttle, now)
            .state;
    }
    step
}
