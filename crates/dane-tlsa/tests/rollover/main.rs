//! A rollover, played with every cache and every server that there could be: at no second does anybody look at records
//! that do not fit what he is shown.
#![allow(clippy::unwrap_used)] // a test
#![cfg(feature = "aws-lc-rs")]

mod world;

use dane_tlsa::{
    Crypto, Identity, Parameters, Published, RolloverOptions, RolloverStep, Since, Tlsa,
    rollover_with,
};
use proptest::prelude::*;
use std::time::Duration;
use world::{POOL, World, identities, moment, records};

const ALL: [&str; 8] = [
    "3 1 1", "3 0 1", "3 1 2", "3 1 0", "2 1 1", "2 0 1", "2 1 2", "2 0 0",
];

fn parameters(texts: &[&str]) -> Vec<Parameters> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// A rollover as its operator sees it.
#[derive(Clone, Debug)]
struct Case {
    /// Of [`world::identities`].
    from: usize,
    to: usize,
    published: Vec<Parameters>,
    wanted: Vec<Parameters>,
    ttl: u64,
    propagation: u64,
    deployment: u64,
}

impl Case {
    fn options(&self, switched: Option<u64>) -> RolloverOptions {
        let mut options = RolloverOptions::default();
        options.parameters = self.wanted.clone();
        options.propagation = Duration::from_secs(self.propagation);
        options.deployment = Duration::from_secs(self.deployment);
        options.switched = switched.map(moment);
        options
    }

    fn world(&self) -> World {
        let records = records(self.from, &self.published);
        World::new(
            records,
            self.from,
            self.ttl,
            self.propagation,
            self.deployment,
        )
    }

    /// What is left to do in a world.
    fn plan(&self, world: &World) -> Vec<RolloverStep> {
        let (crypto, ttl) = (Crypto::aws_lc_rs(), self.ttl as u32);
        let published = match world.last_change() {
            None => Published::settled(world.zone().to_vec(), ttl),
            Some(at) => Published::at(world.zone().to_vec(), ttl, moment(at)),
        };
        let identity = |at: usize| -> &Identity { &identities()[at] };
        let (current, next) = (identity(world.presented()), identity(self.to));
        let options = self.options(world.last_switch());
        rollover_with(&published, current, next, &crypto, &options).unwrap()
    }

    /// Plays a plan. Before each step some seconds pass, of which there are as many as numbers.
    fn play(&self, world: &mut World, plan: &[RolloverStep], late: &[u64]) {
        for (at, step) in plan.iter().enumerate() {
            world.pass(late.get(at).copied().unwrap_or_default());
            match step {
                RolloverStep::Records(change) => {
                    let mut zone = world.zone().to_vec();
                    zone.retain(|record| !change.remove().contains(record));
                    zone.extend(change.add().iter().cloned());
                    zone.sort();
                    assert_eq!(zone, change.result(), "the change is what it says");
                    world.publish(zone);
                }
                RolloverStep::Wait { time, since } => world.wait(
                    time.as_secs(),
                    match since {
                        Since::At(moment) => Some(world::second(*moment)),
                        _ => None,
                    },
                ),
                RolloverStep::Switch => world.switch(self.to),
                other => panic!("unknown step {other:?}"),
            }
        }
    }

    /// What has to stand there in the end.
    fn is_done(&self, world: &World) {
        let (crypto, next) = (Crypto::aws_lc_rs(), &identities()[self.to]);
        for record in world.zone() {
            assert!(next.is_named_by(record, &crypto), "{record} is left over");
        }
        let found = |p: &Parameters| world.zone().iter().any(|r| Parameters::from(r) == *p);
        assert!(self.wanted.iter().all(found), "a wanted record is missing");
        assert_eq!(self.plan(world), [], "nothing is left to do");
    }
}

fn case(from: usize, to: usize, published: &[&str], wanted: &[&str]) -> Case {
    Case {
        from,
        to,
        published: parameters(published),
        wanted: parameters(wanted),
        ttl: 5,
        propagation: 5,
        deployment: 3,
    }
}

/// `publish`, `remove`, `wait`, `switch`: the shape of a plan.
fn shape(plan: &[RolloverStep]) -> Vec<String> {
    let first = |step: &RolloverStep| step.to_string().split(' ').next().unwrap().to_owned();
    plan.iter().map(first).collect()
}

#[test]
fn a_new_key_with_the_same_parameters() {
    // RFC 7671 §8.1.
    let case = case(POOL.a, POOL.b, &["3 1 1"], &[]);
    let mut world = case.world();
    let plan = case.plan(&world);
    assert_eq!(
        shape(&plan),
        ["publish", "wait", "switch", "wait", "remove"]
    );
    let wait = RolloverStep::Wait {
        time: Duration::from_secs(10),
        since: Since::PreviousStep,
    };
    assert_eq!(plan[1], wait, "two TTLs");
    case.play(&mut world, &plan, &[]);
    world.is_safe().unwrap();
    case.is_done(&world);
}

#[test]
fn a_renewal_that_keeps_the_key_changes_no_record() {
    // Long published; or an hour ago, and then caches may still hold what was there before.
    let case = case(POOL.a, POOL.a_renewed, &["3 1 1"], &[]);
    let mut world = case.world();
    assert_eq!(shape(&case.plan(&world)), ["switch"]);
    world.publish(world.zone().to_vec());
    let plan = case.plan(&world);
    assert_eq!(shape(&plan), ["wait", "switch"]);
    assert!(matches!(
        plan[0],
        RolloverStep::Wait {
            since: Since::At(_),
            ..
        }
    ));

    // Selector 0 is about the certificate.
    let case = Case {
        published: parameters(&["3 0 1"]),
        ..case
    };
    let shape = shape(&case.plan(&case.world()));
    assert_eq!(shape, ["publish", "wait", "switch", "wait", "remove"]);
}

#[test]
fn a_renewal_by_the_same_authority_changes_no_record() {
    let same = case(POOL.c1, POOL.d1, &["2 1 1"], &[]);
    assert_eq!(shape(&same.plan(&same.world())), ["switch"]);
    let other = case(POOL.c1, POOL.e2, &["2 1 1"], &[]);
    let shape = shape(&other.plan(&other.world()));
    assert_eq!(shape, ["publish", "wait", "switch", "wait", "remove"]);
}

#[test]
fn from_a_key_to_an_authority() {
    // RFC 7671 §8.2: "3 1 1" of both, then the authority.
    let case = case(POOL.a, POOL.c1, &["3 1 1"], &["2 1 1"]);
    let mut world = case.world();
    let plan = case.plan(&world);
    let RolloverStep::Records(change) = &plan[0] else {
        panic!("{plan:?}")
    };
    assert_eq!(change.add(), records(POOL.c1, &[Parameters::DANE_EE]));
    case.play(&mut world, &plan, &[]);
    world.is_safe().unwrap();
    assert_eq!(world.zone(), records(POOL.c1, &[Parameters::DANE_TA]));
}

#[test]
fn a_server_without_records_gets_them_after_the_switch() {
    let mut case = case(POOL.a, POOL.b, &[], &[]);
    let mut world = case.world();
    let plan = case.plan(&world);
    assert_eq!(shape(&plan), ["switch", "wait", "publish"]);
    case.play(&mut world, &plan, &[]);
    world.is_safe().unwrap();
    case.wanted = vec![Parameters::DANE_EE];
    case.is_done(&world);
}

#[test]
fn records_that_were_just_removed_still_count() {
    let case = case(POOL.a, POOL.b, &["3 1 1"], &[]);
    let mut world = case.world();
    world.publish(Vec::new());
    let plan = case.plan(&world);
    assert_eq!(shape(&plan), ["wait", "switch", "wait", "publish"]);
    case.play(&mut world, &plan, &[]);
    world.is_safe().unwrap();
}

#[test]
fn who_switched_too_early_publishes_at_once() {
    let case = case(POOL.a, POOL.b, &["3 1 1"], &[]);
    let mut world = case.world();
    world.switch(POOL.b);
    assert_eq!(shape(&case.plan(&world)), ["publish"]);
    let plan = case.plan(&world);
    case.play(&mut world, &plan, &[]);
    case.is_done(&world);
    assert!(world.is_safe().is_err(), "that was too early");
}

#[test]
fn parameters_that_do_not_fit_are_repaired_on_the_way() {
    // 3 1 2 is about another key: clients that look at the strongest digest alone see nothing else.
    let case = case(POOL.a, POOL.b, &["3 1 1"], &[]);
    let mut world = case.world();
    let mut zone = world.zone().to_vec();
    zone.extend(records(POOL.c1, &parameters(&["3 1 2"])));
    world.publish(zone);
    let plan = case.plan(&world);
    let RolloverStep::Records(change) = &plan[0] else {
        panic!("{plan:?}")
    };
    assert_eq!(change.remove(), records(POOL.c1, &parameters(&["3 1 2"])));
}

#[test]
fn a_key_alone_can_be_next() {
    let crypto = Crypto::aws_lc_rs();
    let spki = world::spki(POOL.b);
    let next = Identity::from_key(&spki).unwrap();
    let published = Published::settled(records(POOL.a, &[Parameters::DANE_EE]), 60);
    let current = &identities()[POOL.a];
    let plan = |wanted: &[&str]| {
        let mut options = RolloverOptions::default();
        options.parameters = parameters(wanted);
        rollover_with(&published, current, &next, &crypto, &options)
    };
    let RolloverStep::Records(change) = &plan(&[]).unwrap()[0] else {
        panic!()
    };
    assert_eq!(change.add(), records(POOL.b, &[Parameters::DANE_EE]));
    for impossible in ["3 0 1", "2 1 1", "3 1 9", "9 1 1"] {
        assert!(plan(&[impossible]).is_err(), "{impossible}");
    }
}

/// The proof that the property can fail: a plan without one of its waits, with a shorter one, or
/// in another order is found out.
#[test]
fn a_plan_that_is_not_followed_is_unsafe() {
    for case in [
        case(POOL.a, POOL.b, &["3 1 1"], &[]),
        case(POOL.c1, POOL.e2, &["2 1 1"], &[]),
        case(POOL.a, POOL.c1, &["3 1 1"], &["2 1 1"]),
        case(POOL.c1, POOL.a, &["2 1 1"], &["3 1 1"]),
        case(POOL.a, POOL.b, &["3 1 1", "3 1 2"], &[]),
    ] {
        let verdict = |change: &dyn Fn(&mut Vec<RolloverStep>)| {
            let mut world = case.world();
            let mut plan = case.plan(&world);
            change(&mut plan);
            case.play(&mut world, &plan, &[]);
            world.is_safe()
        };
        verdict(&|_| ()).unwrap();
        assert!(verdict(&|p| drop(p.remove(1))).is_err(), "no first wait");
        assert!(verdict(&|p| drop(p.remove(3))).is_err(), "no second wait");
        for at in [1, 3] {
            let shorter = |plan: &mut Vec<RolloverStep>| {
                if let RolloverStep::Wait { time, .. } = &mut plan[at] {
                    *time -= Duration::from_secs(1);
                }
            };
            assert!(verdict(&shorter).is_err(), "wait {at} a second shorter");
        }
        assert!(verdict(&|p| p.swap(0, 2)).is_err(), "switched first");
    }
}

fn subset(from: usize) -> impl Strategy<Value = Vec<Parameters>> {
    let possible = ALL
        .into_iter()
        .map(|text| text.parse::<Parameters>().unwrap());
    let identity = &identities()[from];
    let possible: Vec<_> = possible
        .filter(|p| identity.record(*p, &Crypto::aws_lc_rs()).is_ok())
        .collect();
    let most = possible.len();
    prop::sample::subsequence(possible, 0..=most)
}

prop_compose! {
    fn cases()(from in 0..POOL.len, to in 0..POOL.len)(
        from in Just(from),
        to in Just(to),
        published in subset(from),
        wanted in subset(to),
        ttl in 1..6_u64,
        propagation in 0..9_u64,
        deployment in 0..5_u64,
    ) -> Case {
        // What is published now may be impossible for the next one, if nothing else is wanted.
        let possible = published.iter().all(|p| identities()[to].record(*p, &Crypto::aws_lc_rs()).is_ok());
        let wanted = match wanted.is_empty() && !possible {
            true => vec![Parameters::DANE_EE],
            false => wanted,
        };
        Case { from, to, published, wanted, ttl, propagation, deployment }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    /// Whatever there is, whatever is wanted, however late each step is done, and wherever the plan
    /// is made anew from what stands there then.
    #[test]
    fn at_no_second_does_anybody_fail(
        case in cases(),
        late in prop::collection::vec(0..6_u64, 8),
        again_after in 0..6_usize,
    ) {
        let mut world = case.world();
        let plan = case.plan(&world);
        let (first, _) = plan.split_at(again_after.min(plan.len()));
        case.play(&mut world, first, &late);
        let rest = case.plan(&world);
        case.play(&mut world, &rest, &late);
        if let Err(why) = world.is_safe() {
            return Err(TestCaseError::fail(why));
        }
        case.is_done(&world);
    }

    /// The records on the way are what RFC 7671 §8 demands: of each combination one for either.
    #[test]
    fn each_combination_fits_both(case in cases()) {
        let crypto = Crypto::aws_lc_rs();
        for step in case.plan(&case.world()) {
            let RolloverStep::Records(change) = step else { break };
            let (from, to) = (&identities()[case.from], &identities()[case.to]);
            for parameters in change.result().iter().map(Parameters::from) {
                let of = |r: &&Tlsa| Parameters::from(*r) == parameters;
                let fits = |i: &Identity| change.result().iter().filter(of).any(|r| i.is_named_by(r, &crypto));
                prop_assert!(fits(to) && (case.from == case.to || fits(from)), "{}", parameters);
            }
        }
    }
}
