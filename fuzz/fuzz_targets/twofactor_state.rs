//! A stored decision record: what is read is written the same again, and whatever it says, tries end and keep their rules.
#![no_main]

use std::time::{Duration, UNIX_EPOCH};

use libfuzzer_sys::fuzz_target;
use twofactor::decision::{
    Attempt, Change, Found, MAX_STATE, Origin, Progress, State, Throttle, Verdict,
};

fuzz_target!(|data: &[u8]| {
    let Ok(state) = State::from_octets(data) else {
        return;
    };
    assert_eq!(state.to_octets(), data);
    assert!(data.len() <= MAX_STATE);
    let (throttle, step) = (Throttle::nist(), 60_000_000);
    let now = UNIX_EPOCH + Duration::from_secs(step * 30);
    let generation = state.generation();

    // No code opens twice.
    let found: Vec<_> = state
        .otps()
        .iter()
        .map(|otp| {
            let (now, right) = match otp.progress() {
                Progress::Time(_) => (step, step),
                Progress::Counter { next } => (0, next),
            };
            Found {
                factor: otp.id(),
                now,
                within: vec![right],
                outside: None,
            }
        })
        .collect();
    let code = |state: &State| {
        let found = &found;
        state.step(Attempt::Code { generation, found }, &throttle, now)
    };
    let first = code(&state);
    if first.verdict == Verdict::Pass {
        assert_ne!(code(&first.state).verdict, Verdict::Pass);
    }

    // What is looked at has been counted, and what is not changes nothing.
    for device in [false, true] {
        let origin = Origin {
            device,
            network: Some([1; 8]),
        };
        let reserved = state.step(Attempt::Reserve(origin), &throttle, now);
        match reserved.verdict {
            Verdict::Look(_) => assert_ne!(reserved.state, state),
            _ => assert_eq!(reserved.state, state),
        }
    }
    let changed = state.step(Attempt::Change(Change::Rebind), &throttle, now);
    assert_ne!(changed.state.generation(), generation);
    assert_eq!(
        State::from_octets(&changed.state.to_octets()),
        Ok(changed.state)
    );
});
