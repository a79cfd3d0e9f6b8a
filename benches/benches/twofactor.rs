//! Codes through `TwoFactor` beside totp-rs alone, and names that somebody has beside names that nobody has, in turn within
//! one run: `cargo xtask bench twofactor`.
//!
//! After the measurements by criterion come the tables of `docs/performance.md`: what a code costs, and what first factors
//! of known and unknown names cost, whose medians are within 5 per cent of each other where the password is looked at.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use argon2::{Algorithm, Argon2, Params, Version};
use criterion::{Criterion, criterion_group};
use pollster::block_on;
use record_store::{Memory, Records, Sqlite};
use totp_rs::{Builder, Totp};
use twofactor::decision::{Attempt, Burned, Change, Found, Progress, State, Throttle};
use twofactor::otp::{Code, Label, Otp, Parameters, REACH, Window, parse_uri};
use twofactor::{
    Checked, Client, Confirmed, Cost, DeviceToken, First, Keyring, NewAppPassword, Pending,
    ProtocolLogin, Scope, Scopes, Second, Subject, TwoFactor, UserId,
};

const START: u64 = 1_800_000_000;
const STEP: u64 = 30;
/// Of a pending login, which lives for ten minutes.
const STEPS: u64 = 19;
/// In one round of the table.
const EACH: u64 = 20;
/// How far apart the medians of known and unknown names may be.
const APART: f64 = 0.05;

fn at(step: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(START + step * STEP)
}

fn address() -> IpAddr {
    Ipv4Addr::new(192, 0, 2, 1).into()
}

/// No waits, so that wrong codes are looked at; out of use after a hundred, as always.
fn service<R: Records>(store: R) -> TwoFactor<R> {
    let mut throttle = Throttle::nist();
    throttle.free = u8::MAX;
    let begun = TwoFactor::builder(store).keys(Keyring::new(1, [7; 32]));
    let begun = begun.issuer("Example Mail").throttle(throttle);
    begun.recovery_cost(Cost::DANGER_FOR_TESTS).build().unwrap()
}

/// A user with an app, a known device and an app password.
struct Ann<R> {
    two: TwoFactor<R>,
    user: UserId,
    app: Otp,
    mail: String,
    device: DeviceToken,
    /// Steps that have passed.
    step: u64,
    pending: Pending,
    since: u64,
}

impl<R: Records> Ann<R> {
    fn new(store: R) -> Self {
        let (two, user) = (service(store), UserId::new("ann@example.org").unwrap());
        let label = Label::new("ann@example.org").unwrap();
        let stranger = Client::web(address(), None);
        let First::Passed(passed) = first(&two, &user, &stranger, 0) else {
            panic!("no second factor yet");
        };
        let begun = block_on(two.enrol(&user, &label, Parameters::totp(), at(0))).unwrap();
        let app = parse_uri(&begun.uri()).unwrap().otp;
        let code = app.code_at(app.step_at(at(0)));
        let mail = NewAppPassword {
            name: "Thunderbird",
            scopes: Scopes::MAIL,
        };
        let id = begun.id();
        let confirmed = two.confirm(&user, &id, code.expose(), Some(mail), at(0));
        let Confirmed::On(on) = block_on(confirmed).unwrap() else {
            panic!("the code was right");
        };
        let device = passed.device.unwrap();
        let pending = pending(&two, &user, &device, 0);
        Self {
            mail: on.app_password.unwrap().text().to_string(),
            two,
            user,
            app,
            device,
            step: 0,
            pending,
            since: 0,
        }
    }

    /// One step later, with a login that waits for its code.
    fn next(&mut self) {
        self.step += 1;
        if self.step - self.since >= STEPS {
            self.pending = pending(&self.two, &self.user, &self.device, self.step);
            self.since = self.step;
        }
    }

    fn code(&self, typed: &str) -> Second {
        let client = Client::web(address(), Some(&self.device));
        let code = self.two.code(&self.pending, &client, typed, at(self.step));
        block_on(code).unwrap()
    }

    /// How long so many right codes take, without what comes before each.
    fn right(&mut self, times: u64) -> Duration {
        let mut time = Duration::ZERO;
        for _ in 0..times {
            self.next();
            let code = self.app.code_at(self.app.step_at(at(self.step)));
            let start = Instant::now();
            let second = self.code(code.expose());
            time += start.elapsed();
            assert!(matches!(second, Second::Passed(_)));
        }
        time
    }

    /// And wrong ones. Before too many of them a right one.
    fn wrong(&mut self, times: u64) -> Duration {
        let mut time = Duration::ZERO;
        for number in 0..times {
            if number % 50 == 0 {
                self.right(1);
            }
            let code = wrong_code(&self.app, at(self.step));
            let start = Instant::now();
            let second = self.code(&code);
            time += start.elapsed();
            assert!(matches!(second, Second::Refused(_)));
        }
        time
    }

    fn app_password(&self, times: u64) -> Duration {
        let never = async || panic!("nobody asked for the password");
        let (subject, client) = (Subject::Known(&self.user), Client::mail(address()));
        let start = Instant::now();
        for _ in 0..times {
            let (two, text) = (&self.two, &self.mail);
            let login =
                two.protocol_login(&subject, &client, Scope::Imap, text, at(self.step), never);
            assert!(matches!(block_on(login).unwrap(), ProtocolLogin::Passed(_)));
        }
        start.elapsed()
    }
}

fn first<R: Records>(two: &TwoFactor<R>, user: &UserId, client: &Client<'_>, step: u64) -> First {
    let right = async || Checked::Right;
    block_on(two.first_factor(&Subject::Known(user), client, at(step), right)).unwrap()
}

fn pending<R: Records>(
    two: &TwoFactor<R>,
    user: &UserId,
    device: &DeviceToken,
    step: u64,
) -> Pending {
    match first(two, user, &Client::web(address(), Some(device)), step) {
        First::Second(pending, _) => pending,
        other => panic!("{other:?}"),
    }
}

/// Right nowhere near.
fn wrong_code(app: &Otp, now: SystemTime) -> String {
    let texts = (0..).map(|number: u32| format!("{number:06}"));
    let is_wrong = |text: &String| {
        let found = app.find_at(&Code::parse(text).unwrap(), now, Window::default());
        found.in_window.is_empty() && found.outside.is_none()
    };
    texts.into_iter().find(is_wrong).unwrap()
}

/// A decision record with one app, and what is found of a right code.
fn decision(step: u64) -> (State, [Found; 1]) {
    let change = Attempt::Change(Change::AddOtp(Progress::Time(Burned::default())));
    let state = State::default()
        .step(change, &Throttle::nist(), at(0))
        .state;
    let found = Found {
        factor: state.otps()[0].id(),
        now: step,
        within: vec![step],
        outside: None,
    };
    (state, [found])
}

fn core(times: u64) -> Duration {
    let ((state, found), throttle) = (decision(START / STEP), Throttle::nist());
    let start = Instant::now();
    for _ in 0..times {
        let attempt = Attempt::Code {
            generation: state.generation(),
            found: &found,
        };
        let _ = black_box(black_box(&state).step(attempt, &throttle, at(0)));
    }
    start.elapsed()
}

/// The same look by totp-rs alone, so many steps each way.
fn alone(each_way: u64, times: u64) -> Duration {
    let secret = b"12345678901234567890".to_vec();
    let skew = u16::try_from(each_way).unwrap();
    let totp: Totp = Builder::new()
        .with_secret(secret)
        .with_skew(skew)
        .build_noncompliant();
    let start = Instant::now();
    for _ in 0..times {
        assert_eq!(totp.check(black_box("000000"), START), None);
    }
    start.elapsed()
}

/// A way to take so many codes, and how long they took.
type Way = (&'static str, Box<dyn FnMut(u64) -> Duration>);

fn ways(folder: &std::path::Path) -> Vec<Way> {
    let sqlite = |name: &str| Ann::new(Sqlite::open(folder.join(name)).unwrap());
    let memory = || Ann::new(Memory::new());
    let (mut a, mut b, c) = (memory(), memory(), memory());
    let (mut d, mut e, f) = (sqlite("right"), sqlite("wrong"), sqlite("app"));
    vec![
        ("totp-rs alone, 3 steps", Box::new(|times| alone(1, times))),
        (
            "totp-rs alone, 41 steps",
            Box::new(|times| alone(REACH, times)),
        ),
        ("core alone, right code", Box::new(core)),
        ("memory, right code", Box::new(move |times| a.right(times))),
        ("memory, wrong code", Box::new(move |times| b.wrong(times))),
        (
            "memory, app password",
            Box::new(move |times| c.app_password(times)),
        ),
        ("SQLite, right code", Box::new(move |times| d.right(times))),
        ("SQLite, wrong code", Box::new(move |times| e.wrong(times))),
        (
            "SQLite, app password",
            Box::new(move |times| f.app_password(times)),
        ),
    ]
}

fn codes(c: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let mut group = c.benchmark_group("twofactor");
    group.sample_size(10);
    for (name, mut way) in ways(folder.path()) {
        group.bench_function(name, |b| b.iter_custom(&mut way));
    }
    group.finish();
}

criterion_group!(benches, codes);

fn main() {
    benches();
    Criterion::default().configure_from_args().final_summary();
    // `cargo test --benches` and filters want no table.
    let args: Vec<String> = std::env::args().skip(1).collect();
    let quick = args.iter().any(|arg| arg == "--quick");
    if args.iter().all(|arg| arg == "--bench" || arg == "--quick") {
        let folder = tempfile::tempdir().unwrap();
        table(&mut ways(folder.path()), if quick { 10 } else { 50 });
        names(if quick { 60 } else { 400 });
    }
}

/// The median of rounds in turn.
fn table(ways: &mut [Way], rounds: usize) {
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); ways.len()];
    for _ in 0..rounds {
        for ((_, way), times) in ways.iter_mut().zip(&mut times) {
            times.push(way(EACH).as_secs_f64() * 1e6 / EACH as f64);
        }
    }
    println!("| a code | µs |\n|-|-:|");
    for ((name, _), times) in ways.iter().zip(times) {
        println!("| {name} | {:.1} |", median(times));
    }
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// One look at a password, at the default cost.
fn argon2() {
    let cost = Params::new(19 << 10, 2, 1, Some(32)).unwrap();
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, cost);
    let mut out = [0; 32];
    let looked = argon2.hash_password_into(b"a password", &[7; 16], &mut out);
    looked.unwrap();
    black_box(out);
}

/// Wrong passwords for names that somebody has and names that nobody has, in turn.
fn names(rounds: usize) {
    println!(
        "\n| a wrong password | known, µs | unknown, µs | unknown beside known |\n|-|-:|-:|-:|"
    );
    let mut faults = Vec::new();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| Sqlite::open(folder.path().join(name)).unwrap();
    for (name, ratio) in [
        (
            "memory, Argon2",
            ratio("memory, Argon2", Memory::new(), rounds, argon2),
        ),
        (
            "SQLite, Argon2",
            ratio("SQLite, Argon2", file("argon2"), rounds, argon2),
        ),
        (
            "SQLite, no look",
            ratio("SQLite, no look", file("none"), rounds * 10, || ()),
        ),
        (
            "memory, no look",
            ratio("memory, no look", Memory::new(), rounds * 10, || ()),
        ),
    ] {
        if (ratio - 1.0).abs() > APART && name.ends_with("Argon2") {
            faults.push(format!("{name}: {ratio:.3}"));
        }
    }
    assert!(faults.is_empty(), "names can be told apart: {faults:?}");
}

fn ratio<R: Records>(name: &str, store: R, rounds: usize, look: fn()) -> f64 {
    let two = service(store);
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        // Names and networks that are new each time, so that none has failed before.
        let number = u32::try_from(round).unwrap();
        let ip = |net: u32| IpAddr::from(Ipv4Addr::from((net << 24) | (number << 8)));
        let (one, other) = (format!("ann{round}"), format!("bob{round}"));
        let user = UserId::new(&one).unwrap();
        let time = |subject: Subject<'_>, net: u32, times: &mut Vec<f64>| {
            let client = Client::web(ip(net), None);
            let wrong = async || {
                look();
                Checked::Wrong
            };
            let start = Instant::now();
            let first = block_on(two.first_factor(&subject, &client, at(0), wrong));
            times.push(start.elapsed().as_secs_f64() * 1e6);
            assert!(matches!(first.unwrap(), First::Refused(_)));
        };
        if round % 2 == 0 {
            time(Subject::Known(&user), 10, &mut known);
            time(Subject::Unknown(&other), 11, &mut unknown);
        } else {
            time(Subject::Unknown(&other), 11, &mut unknown);
            time(Subject::Known(&user), 10, &mut known);
        }
    }
    let (known, unknown) = (median(known), median(unknown));
    let ratio = unknown / known;
    println!("| {name} | {known:.1} | {unknown:.1} | {ratio:.3} |");
    ratio
}
