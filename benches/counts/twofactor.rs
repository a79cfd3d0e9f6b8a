use std::hint::black_box;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use totp_rs::{Builder, Totp};
use twofactor::decision::{
    Attempt, Burned, Change, Found, MAX_OTP, Origin, Progress, Share, State, Throttle, Verdict,
};
use twofactor::otp::{Code, Otp, Parameters, REACH, Secret, Window, parse_uri};

use crate::Count;

pub(crate) const COUNTS: &[Count] = &[
    // The decision about a right code, in a record as large as a user's can be.
    Count {
        name: "twofactor/step-right-code",
        ready: step,
    },
    // The same record, written and read.
    Count {
        name: "twofactor/state-encode",
        ready: || {
            let state = full();
            Box::new(move || {
                black_box(black_box(&state).to_octets());
            })
        },
    },
    Count {
        name: "twofactor/state-decode",
        ready: || {
            let octets = full().to_octets();
            Box::new(move || {
                black_box(State::from_octets(black_box(&octets)).is_ok());
            })
        },
    },
    Count {
        name: "twofactor/code-parse",
        ready: || {
            Box::new(|| {
                black_box(Code::parse(black_box(" ٤٠٦ ٠٥٨ ")).is_ok());
            })
        },
    },
    // Of a wrong code: the step of now, and twenty each way.
    Count {
        name: "twofactor/totp-find",
        ready: find,
    },
    // The same steps by totp-rs alone.
    Count {
        name: "twofactor/totp-rs-check-as-many",
        ready: || check(REACH),
    },
    // What is usual with totp-rs: three steps, and nothing is known of clocks.
    Count {
        name: "twofactor/totp-rs-check-three",
        ready: || check(1),
    },
    Count {
        name: "twofactor/uri-parse",
        ready: || {
            let uri = "otpauth://totp/Example:alice%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
                &issuer=Example&algorithm=SHA1&digits=6&period=30";
            Box::new(move || {
                black_box(parse_uri(black_box(uri)).is_ok());
            })
        },
    },
];

const SECRET: &[u8] = b"12345678901234567890";

/// It is right at none of these steps.
const WRONG: &str = "000000";

const SECONDS: u64 = 1_800_000_000;

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(SECONDS)
}

/// All apps, recovery codes and known networks that there can be.
fn full() -> State {
    let throttle = Throttle::nist();
    let go = |state: State, attempt: Attempt<'_>| state.step(attempt, &throttle, now()).state;
    let state = (0..16).fold(State::default(), |state, network| {
        let origin = Origin {
            device: false,
            network: Some([network; 8]),
        };
        let state = go(state, Attempt::Reserve(origin));
        let attempt = Attempt::Right {
            generation: state.generation(),
            share: Share::Strangers,
            origin,
            remembered: false,
        };
        go(state, attempt)
    });
    let state = (0..MAX_OTP).fold(state, |state, _| {
        let burned = Burned::default().with(SECONDS / 30 - 1, SECONDS / 30);
        go(
            state,
            Attempt::Change(Change::AddOtp(Progress::Time(burned))),
        )
    });
    go(state, Attempt::Change(Change::Recovery(10)))
}

fn step() -> Box<dyn FnMut()> {
    let (state, throttle, here) = (full(), Throttle::nist(), SECONDS / 30);
    let found: Vec<_> = state
        .otps()
        .iter()
        .enumerate()
        .map(|(nth, otp)| Found {
            factor: otp.id(),
            now: here,
            within: if nth == 0 { vec![here] } else { Vec::new() },
            outside: None,
        })
        .collect();
    Box::new(move || {
        let attempt = Attempt::Code {
            generation: state.generation(),
            found: &found,
        };
        let step = black_box(black_box(&state).step(attempt, &throttle, now()));
        assert_eq!(step.verdict, Verdict::Pass);
    })
}

fn find() -> Box<dyn FnMut()> {
    let otp = Secret::new(SECRET).map(|secret| Otp::new(Parameters::totp(), secret));
    let code = Code::parse(WRONG);
    Box::new(move || {
        let (Ok(otp), Ok(code)) = (&otp, &code) else {
            return;
        };
        let found = otp.find_at(black_box(code), now(), Window::default());
        assert!(found.in_window.is_empty() && found.outside.is_none());
    })
}

fn check(steps: u64) -> Box<dyn FnMut()> {
    let skew = u16::try_from(steps).unwrap_or(u16::MAX);
    let builder = Builder::new().with_secret(SECRET.to_vec()).with_skew(skew);
    let totp: Totp = builder.build_noncompliant();
    Box::new(move || {
        assert_eq!(totp.check(black_box(WRONG), SECONDS), None);
    })
}
