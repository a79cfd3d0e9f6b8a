//! What must hold of a file, by all that was told before its process was killed.

use std::path::Path;

use pollster::block_on;
use record_store::{Key, Prefix, Records as _, Sqlite, Versioned};
use twofactor::decision::{Otp as Standing, Progress, State};
use twofactor::otp::{Moving, Otp, parse_uri};
use twofactor::{
    Checked, Client, Confirmed, DeviceToken, EnrolmentId, Event, First, Kind, Method, Pending,
    ProtocolLogin, Refusal, Scope, Second, Subject, TwoFactor,
};

use super::{Killed, Report, ann, at, passkeys, service, stranger, token};

pub(super) type Service<'a> = TwoFactor<&'a Sqlite>;

/// Failures of an authenticator in a row: those that were told, and all that were begun.
#[derive(Default)]
pub(super) struct Failures {
    told: u8,
    begun: u8,
}

impl Failures {
    pub(super) fn tried(&mut self, report: &Report, right: bool) {
        match (report.did, right) {
            (false, right) => {
                self.begun += 1;
                // It may have cleared them.
                self.told = if right { 0 } else { self.told };
            }
            (true, false) => self.told += 1,
            (true, true) => *self = Self::default(),
        }
    }
}

/// What was told, put together.
#[derive(Default)]
pub(super) struct Ledger {
    /// The generation before anything changed, once the child has seen it.
    began: Option<u64>,
    password: Failures,
    otp: Failures,
    recovery: Failures,
    /// Codes that have opened, and when.
    used: Vec<(String, u64)>,
    /// Recovery codes that are left, and those that have opened.
    codes: Vec<String>,
    recovered: Vec<String>,
    apps: Vec<String>,
    revoked: Vec<String>,
    remembered: Vec<String>,
    /// Apps that are on, and one that waits for its code.
    on: Vec<Otp>,
    enrolling: Option<(EnrolmentId, Otp)>,
    token: token::Told,
    passkeys: passkeys::Told,
    /// What was begun and not told.
    open: Option<Report>,
    pub(super) last: u64,
}

impl Ledger {
    fn of(told: &[Report]) -> Self {
        let mut ledger = Self::default();
        for report in told {
            ledger.take(report);
        }
        ledger
    }

    fn take(&mut self, report: &Report) {
        self.last = self.last.max(report.second);
        self.open = (!report.did).then(|| report.clone());
        self.token.take(report);
        self.passkeys.take(report);
        match report.what.as_str() {
            "fail-password" => self.password.tried(report, false),
            "login" => self.password.tried(report, true),
            "fail-otp" => self.otp.tried(report, false),
            "code" => self.otp.tried(report, true),
            "fail-recovery" => self.recovery.tried(report, false),
            "recover" => self.recovery.tried(report, true),
            // What was counted is forgotten with the codes that it was about.
            "renew" => self.recovery.tried(report, true),
            _ => {}
        }
        if !report.did {
            return;
        }
        let args = &report.args;
        match report.what.as_str() {
            "begin" => self.began = args[0].parse().ok(),
            "code" => self.used.push((args[0].clone(), report.second)),
            "enrol" => {
                let app = parse_uri(&args[1]).unwrap().otp;
                self.enrolling = Some((args[0].parse().unwrap(), app));
            }
            "confirm" => {
                let (_, app) = self.enrolling.take().unwrap();
                if app.parameters().moving() == Moving::Counter {
                    return self.token.on(app);
                }
                if self.on.is_empty() {
                    self.used.push((args[0].clone(), report.second));
                    self.apps.push(args[1].clone());
                    self.codes = args[2..].to_vec();
                }
                self.on.push(app);
            }
            "recover" => {
                self.codes.retain(|code| *code != args[0]);
                self.recovered.push(args[0].clone());
            }
            "renew" => self
                .recovered
                .extend(std::mem::replace(&mut self.codes, args.clone())),
            "mint" => self.apps.push(args[0].clone()),
            "revoke" => {
                self.apps.retain(|app| *app != args[0]);
                self.revoked.push(args[0].clone());
            }
            "remember" => self.remembered.push(args[0].clone()),
            "remove" => drop(self.on.pop()),
            _ => {}
        }
    }

    /// What was begun and not told, if it is that.
    pub(super) fn open(&self, what: &str) -> Option<&Report> {
        self.open.as_ref().filter(|report| report.what == what)
    }
}

/// What is wrong with the file.
pub(crate) fn damage(killed: &Killed) -> Vec<String> {
    let store = Sqlite::open(&killed.path).unwrap();
    let ledger = Ledger::of(&killed.told);
    let mut damage = Vec::new();
    // Here nobody waits, so that all can be tried.
    let two = service(&store, u8::MAX);
    counted(&store, &ledger, &mut damage);
    whole(&store, &two, &ledger, &mut damage);
    token::look(&two, &ledger.token, &ledger, &mut damage);
    passkeys::look(&two, &ledger.passkeys, &ledger, &mut damage);
    opens(&two, &ledger, &mut damage);
    opens_once(&two, &ledger, &mut damage);
    damage
}

fn state(store: &Sqlite) -> State {
    let key = Key::new("2fa-state", "ann").unwrap();
    match block_on(store.get(&key, at(0))).unwrap() {
        Some(found) => State::from_octets(found.value().unwrap()).unwrap(),
        None => State::default(),
    }
}

/// Each failure that was told is counted, and none that nobody made.
fn counted(store: &Sqlite, ledger: &Ledger, damage: &mut Vec<String>) {
    let state = state(store);
    let (strangers, known) = state.password();
    let failures = |counts: bool| {
        let of = |otp: &&Standing| matches!(otp.progress(), Progress::Counter { .. }) == counts;
        let found = state.otps().iter().find(of);
        found.map_or(0, |otp| otp.counter().failures())
    };
    for (what, found, failures) in [
        (
            "password",
            strangers.failures() + known.failures(),
            &ledger.password,
        ),
        ("otp", failures(false), &ledger.otp),
        ("token", failures(true), ledger.token.failures()),
        ("recovery", state.recovery().failures(), &ledger.recovery),
    ] {
        let Failures { told, begun } = failures;
        if !(*told..=*begun).contains(&found) {
            damage.push(format!("{what}: {found} failures, not {told} to {begun}"));
        }
    }
}

/// The records are those that the decision record and its events tell of.
fn whole(store: &Sqlite, two: &Service<'_>, ledger: &Ledger, damage: &mut Vec<String>) {
    let (state, now) = (state(store), at(ledger.last));
    let methods = state.methods();
    let count = |namespace: &str| records(store, namespace, ledger.last).len();
    let mut events = Vec::new();
    loop {
        let page = block_on(two.events(Some(&ann()), now)).unwrap();
        if page.is_empty() {
            break;
        }
        for waiting in page {
            block_on(two.acknowledge(&waiting.key, now)).unwrap();
            events.push(waiting.event);
        }
    }
    let told = |event: Event| events.iter().filter(|one| **one == event).count();
    let standing = |kind| told(Event::Enrolled(kind)) - told(Event::Removed(kind));
    // Recovery codes that were used since the last were made.
    let mut left = 0;
    for event in &events {
        match event {
            Event::Enrolled(Kind::Recovery) => left = 10,
            Event::RecoveryUsed { left: now } => left = usize::from(*now),
            _ => {}
        }
    }
    let changes = events
        .iter()
        .filter(|event| matches!(event, Event::Enrolled(_) | Event::Removed(_)));
    let changes = changes.count() as u64;
    for (what, wanted, found) in [
        ("apps on", standing(Kind::Otp), state.otps().len()),
        ("seeds", standing(Kind::Otp), count("2fa-otp")),
        (
            "passkeys",
            standing(Kind::Passkey),
            usize::from(methods.passkeys),
        ),
        ("their keys", standing(Kind::Passkey), count("2fa-passkey")),
        ("recovery codes", left, usize::from(methods.recovery_codes)),
        ("their hashes", left, count("2fa-recovery")),
        (
            "app passwords",
            standing(Kind::AppPassword),
            count("2fa-app"),
        ),
        ("devices", told(Event::NewDevice), count("2fa-device")),
    ] {
        if wanted != found {
            damage.push(format!("{what}: {found}, not {wanted}"));
        }
    }
    let wanted = ledger.began.unwrap_or_else(|| state.generation()) + changes;
    if state.generation() != wanted {
        damage.push(format!("generation {}, not {wanted}", state.generation()));
    }
}

fn records(store: &Sqlite, namespace: &str, second: u64) -> Vec<(Key, Versioned)> {
    let prefix = Prefix::new(namespace, "ann").unwrap();
    let page = block_on(store.scan(&prefix, None, 1000, at(second))).unwrap();
    assert!(page.next.is_none());
    page.entries
}

/// Removes one record of this kind.
pub(crate) fn remove_one(path: &Path, namespace: &str) {
    let store = Sqlite::open(path).unwrap();
    let all = match namespace {
        "2fa-state" => vec![Key::new(namespace, "ann").unwrap()],
        _ => records(&store, namespace, 0)
            .into_iter()
            .map(|(key, _)| key)
            .collect(),
    };
    let commit = record_store::Commit::new().delete(&all[0], record_store::Expect::Anything);
    let done = block_on(store.commit(commit, at(0))).unwrap();
    assert!(matches!(done, record_store::Outcome::Committed(_)));
}

fn first(two: &Service<'_>, client: &Client<'_>, second: u64) -> First {
    let (user, right) = (ann(), async || Checked::Right);
    block_on(two.first_factor(&Subject::Known(&user), client, at(second), right)).unwrap()
}

pub(super) fn pending(two: &Service<'_>, second: u64) -> Option<Pending> {
    match first(two, &stranger(), second) {
        First::Second(pending, _) => Some(pending),
        _ => None,
    }
}

/// What a code does; nothing if no second factor is asked for.
pub(super) fn code(two: &Service<'_>, typed: &str, second: u64) -> Option<Result<Method, Refusal>> {
    let pending = pending(two, second)?;
    let done = block_on(two.code(&pending, &stranger(), typed, at(second)));
    Some(verdict(done.unwrap()))
}

fn recover(two: &Service<'_>, typed: &str, second: u64) -> Option<Result<Method, Refusal>> {
    let pending = pending(two, second)?;
    let done = block_on(two.recovery_code(&pending, &stranger(), typed, at(second)));
    Some(verdict(done.unwrap()))
}

pub(super) fn verdict(second: Second) -> Result<Method, Refusal> {
    match second {
        Second::Passed(passed) => Ok(passed.method),
        Second::Refused(why) => Err(why),
    }
}

fn mail(two: &Service<'_>, text: &str, second: u64) -> Result<Method, Refusal> {
    let (user, wrong) = (ann(), async || Checked::Wrong);
    let client = Client::mail("198.51.100.1".parse().unwrap());
    let subject = Subject::Known(&user);
    let login = two.protocol_login(&subject, &client, Scope::Imap, text, at(second), wrong);
    match block_on(login).unwrap() {
        ProtocolLogin::Passed(passed) => Ok(passed.method),
        ProtocolLogin::Refused(why) => Err(why),
    }
}

/// Nobody is locked out of what was told.
fn opens(two: &Service<'_>, ledger: &Ledger, damage: &mut Vec<String>) {
    let mut second = ledger.last;
    for token in &ledger.remembered {
        let token = DeviceToken::parse(token).unwrap();
        let client = Client::web("192.0.2.1".parse().unwrap(), Some(&token));
        match first(two, &client, second) {
            First::Passed(passed) if passed.method == Method::RememberedDevice => {}
            other => damage.push(format!("remembered device: {other:?}")),
        }
    }
    let revoking = ledger.open("revoke").map(|report| &report.args[0]);
    for app in ledger.apps.iter().filter(|app| Some(*app) != revoking) {
        if mail(two, app, second) != Ok(Method::AppPassword) {
            damage.push("lost: an app password".to_owned());
        }
    }
    for app in &ledger.revoked {
        if mail(two, app, second).is_ok() {
            damage.push("opens: a revoked app password".to_owned());
        }
    }
    let removing = usize::from(ledger.open("remove").is_some());
    let keep = ledger.on.len() - removing;
    for app in &ledger.on[..keep] {
        second += 60;
        let shown = app.code_at(app.step_at(at(second)));
        let opened = code(two, shown.expose(), second);
        if opened != Some(Ok(Method::Otp)) {
            damage.push(format!("lost: an app ({opened:?})"));
        }
    }
    // One that was begun is on, or can be confirmed.
    if let Some((id, app)) = &ledger.enrolling {
        second += 60;
        let counts = app.parameters().moving() == Moving::Counter;
        let shown = app.code_at(app.step_at(at(second)));
        let confirmed = block_on(two.confirm(&ann(), id, shown.expose(), None, at(second)));
        let on = match confirmed.unwrap() {
            Confirmed::On(_) => true,
            Confirmed::Refused(_) => {
                // The code of the first counter is used up by that.
                let shown = if counts { app.code_at(1) } else { shown };
                ledger.open("confirm").is_some()
                    && code(two, shown.expose(), second) == Some(Ok(Method::Otp))
            }
        };
        if !on {
            let what = if counts { "a token" } else { "an app" };
            damage.push(format!("lost: {what} that was begun"));
        }
    }
    let trying = ledger.open("recover").map(|report| &report.args[0]);
    let code = ledger.codes.iter().find(|code| Some(*code) != trying);
    if let (Some(code), None) = (code, ledger.open("renew"))
        && recover(two, code, second) != Some(Ok(Method::Recovery))
    {
        damage.push("lost: a recovery code".to_owned());
    }
}

/// What has opened opens no more; what was tried and not told opens once at most.
fn opens_once(two: &Service<'_>, ledger: &Ledger, damage: &mut Vec<String>) {
    for (typed, second) in &ledger.used {
        let again = code(two, typed, *second);
        if again != Some(Err(Refusal::Replayed)) {
            damage.push(format!("a code again: {again:?}"));
        }
    }
    if let Some(report) = ledger.open("code").or_else(|| ledger.open("confirm")) {
        let tried = |nth: usize| (nth, code(two, &report.args[0], report.second));
        let _ = tried(0);
        if matches!(tried(1), (_, Some(Ok(_)))) {
            damage.push("a code twice after it was tried".to_owned());
        }
    }
    for typed in &ledger.recovered {
        let again = recover(two, typed, ledger.last);
        if again != Some(Err(Refusal::Wrong)) {
            damage.push(format!("a recovery code again: {again:?}"));
        }
    }
    if let Some(report) = ledger.open("recover") {
        let _ = recover(two, &report.args[0], ledger.last);
        if let Some(Ok(_)) = recover(two, &report.args[0], ledger.last) {
            damage.push("a recovery code twice after it was tried".to_owned());
        }
    }
}
