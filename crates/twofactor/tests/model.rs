//! A model check of the decision record: two servers, three tries, codes of four steps, and a server that stops before or
//! after every commit. All interleavings are run, not some; the mutations show that the checker finds what it is for.
#![allow(clippy::unwrap_used)]

mod step;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use step::{STRANGER, at, right, totp, wrong};
use twofactor::Refusal;
use twofactor::decision::{Attempt, Change, FactorId, Found, Share, State, Throttle, Verdict};

/// How a server goes from a try to an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Front {
    /// Load, decide, commit by compare-and-set, answer.
    Sound,
    /// Mutation: what was loaded is overwritten, whoever wrote since.
    NoCompare,
    /// Mutation: the answer goes out, then what it burns and counts is written.
    AnswerFirst,
    /// Mutation: the password is looked at, then counted.
    VerifyFirst,
}

/// What somebody tries. Of each: which of the four steps its code is of, if any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Try {
    Code(Option<u64>),
    Password { right: bool },
}

/// A state by its number. A store compares versions, which never come back; to compare states lets no less through.
type Id = u16;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Phase {
    Begun,
    /// A decision that is not committed.
    Loaded {
        from: Id,
        next: Id,
        verdict: Verdict,
        settles: bool,
        told: bool,
    },
    /// Counted: the password is to be looked at, or (mutation) was looked at.
    Look {
        round: u32,
    },
    /// It was right: to be settled.
    Right,
    /// Committed, or nothing to commit: to be told.
    Decided(Verdict),
    /// Told, or its server has stopped.
    Over,
}

/// All there is: the store, the clock, the tries, and what a judge has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct World {
    state: Id,
    time: u8,
    phases: [Phase; 3],
    crashes: u8,
    /// Successes told with the code of each step.
    opened: [u8; 4],
    /// Tries that were looked at since the last success was durable, as the one who tries sees it.
    looked: u8,
}

const STEPS: u8 = 4;
const START: u64 = 60_000_000;

struct Model {
    front: Front,
    tries: [Try; 3],
    servers: [u8; 3],
    factor: FactorId,
    /// Tries that may be looked at.
    limit: u8,
    throttle: Throttle,
    states: RefCell<States>,
}

#[derive(Default)]
struct States {
    all: Vec<State>,
    ids: HashMap<State, Id>,
    decided: HashMap<(Id, u8, Try, bool), Phase>,
}

type Fault = String;

impl Model {
    fn found(&self, of: Option<u64>, now: u64) -> Found {
        let now = START + now;
        match of.map(|step| START + step) {
            Some(step) if step.abs_diff(now) <= 1 => right(self.factor, now, &[step]),
            Some(step) => step::outside(self.factor, now, step),
            None => wrong(self.factor, now),
        }
    }

    fn id(&self, state: State) -> Id {
        let mut states = self.states.borrow_mut();
        let new = Id::try_from(states.all.len()).unwrap();
        match states.ids.get(&state) {
            Some(id) => *id,
            None => {
                states.all.push(state.clone());
                states.ids.insert(state, new);
                new
            }
        }
    }

    fn round(&self, id: Id) -> u32 {
        self.states.borrow().all[usize::from(id)].round()
    }

    fn decide(&self, world: &World, n: usize) -> Result<Phase, Fault> {
        let settles = world.phases[n] == Phase::Right;
        let what = (world.state, world.time, self.tries[n], settles);
        if let Some(decided) = self.states.borrow().decided.get(&what) {
            return Ok(*decided);
        }
        let state = self.states.borrow().all[usize::from(world.state)].clone();
        let generation = state.generation();
        let found;
        let attempt = match (self.tries[n], settles) {
            (Try::Code(of), _) => {
                found = [self.found(of, u64::from(world.time))];
                let found = &found;
                Attempt::Code { generation, found }
            }
            (Try::Password { .. }, true) => Attempt::Right {
                generation,
                share: Share::Strangers,
                origin: STRANGER,
                remembered: true,
            },
            (Try::Password { .. }, false) => Attempt::Reserve(STRANGER),
        };
        let now = at(u64::from(world.time) * 30);
        let step = state.step(attempt, &self.throttle, now);
        let throttled = matches!(
            step.verdict,
            Verdict::Refused(Refusal::Wait { .. } | Refusal::Disabled)
        );
        if throttled && step.state != state {
            return Err("what has to wait was written".into());
        }
        let decided = Phase::Loaded {
            from: world.state,
            next: self.id(step.state),
            verdict: step.verdict,
            settles,
            told: false,
        };
        self.states.borrow_mut().decided.insert(what, decided);
        Ok(decided)
    }

    /// What one who tries learns.
    fn tell(&self, world: &mut World, n: usize, verdict: Verdict) -> Result<(), Fault> {
        match (self.tries[n], verdict) {
            (Try::Code(Some(step)), Verdict::Pass) => {
                let opened = &mut world.opened[usize::try_from(step).unwrap()];
                *opened += 1;
                if *opened > 1 {
                    return Err(format!("the code of step {step} has opened twice"));
                }
            }
            (Try::Code(_), Verdict::Refused(Refusal::Wrong | Refusal::Drifted { .. })) => {
                self.look(world)?;
            }
            (Try::Code(None), Verdict::Pass) => return Err("a wrong code has opened".into()),
            (Try::Password { right: false }, Verdict::Pass) => {
                return Err("a wrong password has opened".into());
            }
            _ => {}
        }
        Ok(())
    }

    fn look(&self, world: &mut World) -> Result<(), Fault> {
        world.looked += 1;
        match world.looked > self.limit {
            true => Err(format!("{} tries were looked at", world.looked)),
            false => Ok(()),
        }
    }

    /// All that can happen to one try next.
    fn next(&self, world: &World, n: usize) -> Result<Vec<World>, Fault> {
        let mut to = *world;
        Ok(match &world.phases[n] {
            Phase::Over => Vec::new(),
            Phase::Begun if self.front == Front::VerifyFirst && self.is_password(n) => {
                // The gate is asked, and nothing is counted before the password is looked at.
                let decided = self.decide(world, n)?;
                if let Phase::Loaded {
                    verdict: Verdict::Look(_),
                    ..
                } = decided
                {
                    self.look(&mut to)?;
                }
                to.phases[n] = decided;
                vec![to]
            }
            Phase::Begun | Phase::Right => {
                to.phases[n] = self.decide(world, n)?;
                vec![to]
            }
            Phase::Loaded {
                verdict,
                told: false,
                ..
            } if self.front == Front::AnswerFirst => {
                self.tell(&mut to, n, *verdict)?;
                if let Phase::Loaded { told, .. } = &mut to.phases[n] {
                    *told = true;
                }
                vec![to]
            }
            Phase::Loaded {
                from,
                next,
                verdict,
                settles,
                told,
            } => {
                if *from != world.state && self.front != Front::NoCompare {
                    // Somebody was faster: again. Who was told already is not asked.
                    to.phases[n] = match (told, settles) {
                        (true, _) => Phase::Over,
                        (false, true) => Phase::Right,
                        (false, false) => Phase::Begun,
                    };
                    return Ok(vec![to]);
                }
                // A server stops before a commit or after it; whenever else it stops, it is as if before the next one.
                let mut all = self.stops(world, n);
                to.state = *next;
                if *verdict == Verdict::Pass {
                    to.looked = 0;
                }
                to.phases[n] = match (verdict, told) {
                    (_, true) => Phase::Over,
                    (Verdict::Look(_), false) => Phase::Look {
                        round: self.round(to.state),
                    },
                    (verdict, false) => Phase::Decided(*verdict),
                };
                all.extend(self.stops(&to, n));
                // Nobody sees when an answer goes out.
                if let Phase::Decided(verdict) = to.phases[n] {
                    self.tell(&mut to, n, verdict)?;
                    to.phases[n] = Phase::Over;
                }
                all.push(to);
                all
            }
            Phase::Look { round } => {
                // What was counted before the last success was counted for that.
                if self.front != Front::VerifyFirst && *round == self.round(world.state) {
                    self.look(&mut to)?;
                }
                to.phases[n] = match self.tries[n] {
                    Try::Password { right: true } => Phase::Right,
                    _ => Phase::Decided(Verdict::Refused(Refusal::Wrong)),
                };
                vec![to]
            }
            Phase::Decided(verdict) => {
                self.tell(&mut to, n, *verdict)?;
                to.phases[n] = Phase::Over;
                vec![to]
            }
        })
    }

    fn is_password(&self, n: usize) -> bool {
        matches!(self.tries[n], Try::Password { .. })
    }

    /// The server of this try stops: nothing that it has begun is told. What it has committed stays. Those who tried try
    /// again, or do not.
    fn stops(&self, world: &World, n: usize) -> Vec<World> {
        if world.crashes == 0 {
            return Vec::new();
        }
        let stopped = [Phase::Begun, Phase::Over].map(|after| {
            let mut to = *world;
            to.crashes -= 1;
            for (phase, of) in to.phases.iter_mut().zip(self.servers) {
                if of == self.servers[n] && *phase != Phase::Over {
                    *phase = after;
                }
            }
            to
        });
        stopped.to_vec()
    }

    fn run(&self, start: World) -> Result<usize, Fault> {
        let (mut seen, mut open) = (HashSet::new(), vec![start]);
        while let Some(world) = open.pop() {
            if !seen.insert(world) {
                continue;
            }
            for n in 0..3 {
                open.extend(self.next(&world, n)?);
            }
            if world.time + 1 < STEPS && !self.is_password(0) {
                let mut later = world;
                later.time += 1;
                open.push(later);
            }
        }
        Ok(seen.len())
    }
}

/// Every choice of three tries of these, on two servers. Tries in another order are the same tries.
fn check(front: Front, kinds: &[Try], limit: u8) -> Result<usize, Fault> {
    let mut throttle = Throttle::nist();
    (throttle.factor, throttle.strangers, throttle.free) = (limit, limit, limit);
    let enrolled = State::default().step(Attempt::Change(Change::AddOtp(totp())), &throttle, at(0));
    let mut model = Model {
        front,
        tries: [kinds[0]; 3],
        servers: [0; 3],
        factor: enrolled.state.otps()[0].id(),
        limit,
        throttle,
        states: RefCell::default(),
    };
    let start = World {
        state: model.id(enrolled.state),
        time: 0,
        phases: [Phase::Begun; 3],
        crashes: 1,
        opened: [0; 4],
        looked: 0,
    };
    let mut tried: Vec<[Try; 3]> = Vec::new();
    for a in kinds {
        for b in kinds.iter().filter(|b| a <= b) {
            tried.extend(kinds.iter().filter(|c| b <= c).map(|c| [*a, *b, *c]));
        }
    }
    let mut seen = 0;
    for tries in tried {
        model.tries = tries;
        // Two on one server, one on the other; which server is which does not matter.
        for servers in [[0, 0, 1], [0, 1, 0], [1, 0, 0]] {
            model.servers = servers;
            let found = model.run(start);
            seen += found.map_err(|fault| format!("{fault}: {tries:?} on {servers:?}"))?;
        }
    }
    Ok(seen)
}

const CODES: [Try; 5] = [
    Try::Code(None),
    Try::Code(Some(0)),
    Try::Code(Some(1)),
    Try::Code(Some(2)),
    Try::Code(Some(3)),
];
const PASSWORDS: [Try; 2] = [
    Try::Password { right: false },
    Try::Password { right: true },
];

#[test]
fn one_code_opens_once_and_the_budget_holds_in_every_interleaving() {
    let worlds = check(Front::Sound, &CODES, 2).unwrap();
    println!("{worlds} worlds");
    assert!(worlds > 10_000, "only {worlds} worlds");
}

#[test]
fn no_password_is_looked_at_beyond_the_budget_in_any_interleaving() {
    let worlds = check(Front::Sound, &PASSWORDS, 2).unwrap();
    assert!(worlds > 500, "only {worlds} worlds");
}

#[test]
fn the_checker_finds_a_store_that_does_not_compare() {
    let fault = check(Front::NoCompare, &CODES[1..2], 99).unwrap_err();
    assert!(fault.contains("opened twice"), "{fault}");
    let fault = check(Front::NoCompare, &CODES[..1], 2).unwrap_err();
    assert!(fault.contains("3 tries were looked at"), "{fault}");
    let fault = check(Front::NoCompare, &PASSWORDS[..1], 2).unwrap_err();
    assert!(fault.contains("3 tries were looked at"), "{fault}");
}

#[test]
fn the_checker_finds_an_answer_before_the_commit() {
    let fault = check(Front::AnswerFirst, &CODES[1..2], 99).unwrap_err();
    assert!(fault.contains("opened twice"), "{fault}");
    let fault = check(Front::AnswerFirst, &CODES[..1], 2).unwrap_err();
    assert!(fault.contains("3 tries were looked at"), "{fault}");
}

#[test]
fn the_checker_finds_a_password_that_is_looked_at_before_it_is_counted() {
    let fault = check(Front::VerifyFirst, &PASSWORDS[..1], 2).unwrap_err();
    assert!(fault.contains("3 tries were looked at"), "{fault}");
}
