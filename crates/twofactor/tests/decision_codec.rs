//! How the decision record is written down: read back, bounded, the same in all later releases.
#![allow(clippy::unwrap_used)]

mod step;

use proptest::prelude::*;
use step::{DEVICE, STRANGER, User, mail, outside, real, right, totp, wrong};
use twofactor::decision::{Attempt, Change, MAX_OTP, MAX_STATE, Progress, Share, State};

/// Format 1, as the first release wrote it. A later release reads it, or a user's factors are gone.
const GOLDEN: &str = "01\
    0000000000000005 00000001\
    02 000001a3185c5000\
    01 000001a3185c5000\
    01 000001a3185c5000\
    0a 01 00000002\
    01 0707070707070707 00005161\
    02\
    00000001 01 000000000393886c 0000000000200000 0000000000000000 01 000001a3185c5000\
    00000002 02 0000000000000007 0000000000000000 0000000000000000 00 0000000000000000";

fn golden() -> Vec<u8> {
    let digits: String = GOLDEN.split_whitespace().collect();
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// What the golden record says, made by tries.
fn user() -> User {
    let mut user = User::with(real, &[totp(), Progress::Counter { next: 5 }]);
    let _ = user.change(Change::AddPasskey);
    let _ = user.change(Change::Recovery(10));
    let _ = user.change(Change::Add(twofactor::Kind::AppPassword));
    let _ = user.right(Share::Strangers, mail(7));
    // The round of what came before does not matter.
    let (app, token) = (user.factor(0), user.factor(1));
    let _ = user.code(&[right(token, 0, &[6])]);
    let _ = user.code(&[outside(app, 60_000_384, 60_000_385)]);
    let _ = (
        user.reserve(STRANGER),
        user.reserve(STRANGER),
        user.reserve(DEVICE),
    );
    let generation = user.state.generation();
    let _ = user.take(Attempt::ReserveRecovery { generation });
    user
}

#[test]
fn what_the_first_release_wrote_is_read() {
    let (state, made) = (State::from_octets(&golden()).unwrap(), user().state);
    assert_eq!(state.to_octets(), golden());
    assert_eq!(state.methods(), made.methods());
    assert_eq!(state.otps(), made.otps());
    assert_eq!(state.password(), made.password());
    assert_eq!(state.recovery(), made.recovery());
}

#[test]
fn a_later_format_and_every_truncation_is_refused() {
    let golden = golden();
    let mut later = golden.clone();
    later[0] = 2;
    assert!(State::from_octets(&later).is_err());
    for end in 0..golden.len() {
        assert!(State::from_octets(&golden[..end]).is_err(), "{end}");
    }
    assert!(State::from_octets(&[&golden[..], &[0]].concat()).is_err());
    assert!(State::from_octets(&[1; MAX_STATE + 1]).is_err());
}

#[test]
fn the_fullest_state_fits_by_far() {
    let mut user = User::with(real, &[totp(); MAX_OTP]);
    for network in 0..=255 {
        let _ = user.right(Share::Strangers, mail(network));
    }
    let octets = user.state.to_octets();
    assert!(octets.len() < MAX_STATE / 4, "{}", octets.len());
    assert_eq!(State::from_octets(&octets).unwrap(), user.state);
}

fn tries() -> impl Strategy<Value = Vec<(u8, u8, u64)>> {
    prop::collection::vec((0_u8..12, any::<u8>(), 0_u64..100_000), 0..60)
}

/// A state that is come by.
fn made(tries: &[(u8, u8, u64)]) -> State {
    let mut user = User::new(real);
    for (what, which, seconds) in tries {
        user.seconds = *seconds;
        let generation = user.state.generation();
        let otps = user.state.otps();
        let factor = otps
            .get(usize::from(*which) % otps.len().max(1))
            .map(|otp| otp.id());
        let now = seconds / 30 + 60_000_000;
        let _ = match (what, factor) {
            (0, _) => user.change(Change::AddOtp(totp())),
            (1, _) => user.change(Change::AddOtp(Progress::Counter { next: *seconds })),
            (2, Some(factor)) if which % 8 == 0 => user.change(Change::RemoveOtp(factor)),
            (3, _) => user.change(Change::Recovery(*which)),
            (4, _) => user.reserve(mail(*which)),
            (5, _) => user.right(Share::Known, mail(*which)),
            (6, Some(factor)) => user.code(&[wrong(factor, now)]),
            (7, Some(factor)) => user.code(&[right(factor, now, &[now])]),
            (8, Some(factor)) => user.code(&[outside(factor, now, now + 10)]),
            (9, _) => user.take(Attempt::ReserveRecovery { generation }),
            (10, _) => user.change(Change::AddPasskey),
            _ => user.reserve(DEVICE),
        };
    }
    user.state
}

proptest! {
    #[test]
    fn what_is_written_is_read(tries in tries()) {
        let state = made(&tries);
        let octets = state.to_octets();
        prop_assert!(octets.len() <= MAX_STATE);
        prop_assert_eq!(State::from_octets(&octets), Ok(state));
    }

    #[test]
    fn no_octets_make_it_panic(octets in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = State::from_octets(&octets);
    }

    #[test]
    fn a_changed_octet_is_refused_or_read_as_it_is(
        tries in tries(), at in any::<prop::sample::Index>(), by in 1_u8..=255, now in 0_u64..1 << 40
    ) {
        let mut octets = made(&tries).to_octets();
        let at = at.index(octets.len());
        octets[at] ^= by;
        let Ok(state) = State::from_octets(&octets) else { return Ok(()) };
        prop_assert_eq!(state.to_octets(), octets);
        // Whatever it says, a step is taken.
        let mut user = User::new(real);
        (user.state, user.seconds) = (state, now);
        let _ = user.reserve(mail(1));
        let found: Vec<_> = user.state.otps().iter().map(|otp| right(otp.id(), now, &[now])).collect();
        let _ = user.code(&found);
        let _ = user.code(&found);
        let _ = user.change(Change::AddOtp(totp()));
    }
}
