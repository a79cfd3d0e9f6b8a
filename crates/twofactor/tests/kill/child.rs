//! The process that is killed.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use pollster::block_on;
use record_store::Sqlite;
use twofactor::decision::FactorId;
use twofactor::otp::{Label, Otp, Parameters, parse_uri};
use twofactor::{
    AppPassword, Checked, Client, Confirmed, DeviceToken, First, NewAppPassword, Passed, Pending,
    Remembered, Scopes, Second, Subject, TwoFactor,
};

use super::store::{Manner, Stops};
use super::{ann, at, passkeys, service, stranger, token};

const MAIL: NewAppPassword<'static> = NewAppPassword {
    name: "Thunderbird",
    scopes: Scopes::MAIL,
};
/// No app shows so many digits.
pub(crate) const WRONG_CODE: &str = "00000000";
pub(crate) const WRONG_RECOVERY: &str = "AAAA-AAAA-AAAA-AAAA";

/// One line in one system call, so that a kill cannot tear it from what it reports.
pub(crate) fn tell(when: &str, what: &str, second: u64, args: &[&str]) {
    let mut line = String::new();
    write!(line, "tell {when} {what} {second}").unwrap();
    for arg in args {
        write!(line, " {arg}").unwrap();
    }
    line.push_str(" .\n");
    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
}

/// Does its work, by an order such as `right|3|true|1|/tmp/store.db`.
pub(crate) fn work(order: &str) {
    let mut order = order.splitn(5, '|');
    let mut next = || order.next().unwrap();
    let manner = Manner::of(next());
    let (stop, after) = (next().parse().ok(), next() == "true");
    let rounds: u64 = next().parse().unwrap();
    let file = Sqlite::open(Path::new(next())).unwrap();
    let store = Stops::new(file, stop, after, manner);
    let mut work = Work::new(service(store, 5));
    for round in 0..rounds {
        work.round(round > 0);
    }
}

pub(super) struct Work {
    pub(super) two: TwoFactor<Stops>,
    second: u64,
    device: DeviceToken,
    app: Otp,
    codes: Vec<String>,
    minted: AppPassword,
    /// From the first round on.
    pub(super) token: Option<token::Token>,
    pub(super) passkey: Option<passkeys::Held>,
}

fn dashed(app: &AppPassword) -> String {
    app.text().replace(' ', "-")
}

impl Work {
    /// A stranger becomes a user with a second factor.
    fn new(two: TwoFactor<Stops>) -> Self {
        let mut second = 0;
        for _ in 0..2 {
            second += 30;
            wrong_password(&two, &stranger(), second);
        }
        let began = block_on(two.generation(&ann(), at(second))).unwrap();
        tell("did", "begin", second, &[&began.to_string()]);
        second += 30;
        let First::Passed(passed) = login(&two, &stranger(), second) else {
            panic!("no second factor yet");
        };
        second += 30;
        let enrolled = enrol(&two, Parameters::totp(), second, true);
        let codes = enrolled.codes.expect("the first factor");
        Self {
            two,
            second,
            device: passed.device.expect("a new device"),
            app: enrolled.app,
            codes,
            minted: enrolled.minted.expect("one was asked for"),
            token: None,
            passkey: None,
        }
    }

    pub(super) fn next(&mut self) -> u64 {
        self.second += 30;
        self.second
    }

    pub(super) fn pending(&mut self) -> Pending {
        let second = self.next();
        let client = Client::web("192.0.2.1".parse().unwrap(), Some(&self.device));
        match login(&self.two, &client, second) {
            First::Second(pending, _) => pending,
            other => panic!("{other:?}"),
        }
    }

    /// Twice, so that the first is still counted when the second is killed.
    pub(super) fn fail(&mut self, pending: &Pending, client: &Client<'_>) {
        for _ in 0..2 {
            let second = self.next();
            tell("will", "fail-otp", second, &[]);
            let out = block_on(self.two.code(pending, client, WRONG_CODE, at(second)));
            assert!(matches!(out.unwrap(), Second::Refused(_)));
            tell("did", "fail-otp", second, &[]);
        }
    }

    fn code(&mut self, pending: &Pending, client: &Client<'_>) -> Passed {
        let second = self.next();
        let code = self.app.code_at(self.app.step_at(at(second)));
        tell("will", "code", second, &[code.expose()]);
        let in_ = block_on(self.two.code(pending, client, code.expose(), at(second)));
        let Second::Passed(passed) = in_.unwrap() else {
            panic!("a right code");
        };
        tell("did", "code", second, &[code.expose()]);
        passed
    }

    fn round(&mut self, again: bool) {
        let token = self.device.text();
        let device = DeviceToken::parse(&token).unwrap();
        let known = Client::web("192.0.2.1".parse().unwrap(), Some(&device));
        let second = self.next();
        wrong_password(&self.two, &known, second);

        let pending = self.pending();
        self.fail(&pending, &known);
        self.code(&pending, &known);
        if !again {
            self.remember();
            self.take_token();
            self.take_passkey();
        }
        self.count(&known);
        self.run_away(&known);
        self.answer(&known);
        self.take_and_remove_passkey();

        self.recover(&known);
        let second = self.next();
        tell("will", "renew", second, &[]);
        let codes = block_on(self.two.renew_recovery(&ann(), at(second))).unwrap();
        self.codes = texts(&codes);
        tell("did", "renew", second, &strs(&self.codes));

        let second = self.next();
        let old = dashed(&self.minted);
        tell("will", "mint", second, &[]);
        let app = block_on(self.two.app_password(&ann(), MAIL, at(second))).unwrap();
        tell("did", "mint", second, &[&dashed(&app)]);
        let second = self.next();
        tell("will", "revoke", second, &[&old]);
        let id = self.minted.id();
        block_on(self.two.revoke_app_password(&ann(), id, at(second))).unwrap();
        tell("did", "revoke", second, &[&old]);
        self.minted = app;

        // Another app, for a while.
        let second = self.next();
        enrol(&self.two, Parameters::totp(), second, false);
        let pending = self.pending();
        self.code(&pending, &known);
        let second = self.next();
        let otps = block_on(self.two.overview(&ann(), at(second)))
            .unwrap()
            .otps;
        tell("will", "remove", second, &[]);
        let id = otps.last().unwrap().id;
        block_on(self.two.remove_otp(&ann(), id, at(second))).unwrap();
        tell("did", "remove", second, &[]);
    }

    /// Another device, which needs no second factor from then on.
    fn remember(&mut self) {
        let second = self.next();
        let First::Second(pending, _) = login(&self.two, &stranger(), second) else {
            panic!("a second factor");
        };
        let passed = self.code(&pending, &stranger());
        let second = self.next();
        let token = passed.device.as_ref().expect("a new device");
        tell("will", "remember", second, &[]);
        let until = at(second + 30 * 24 * 60 * 60);
        let done = block_on(self.two.remember(&passed, token, until, at(second)));
        assert!(matches!(done.unwrap(), Remembered::Until(_)));
        tell("did", "remember", second, &[&token.text()]);
    }

    fn recover(&mut self, client: &Client<'_>) {
        let pending = self.pending();
        let second = self.next();
        let try_it = |text: &str| {
            block_on(self.two.recovery_code(&pending, client, text, at(second))).unwrap()
        };
        for _ in 0..2 {
            tell("will", "fail-recovery", second, &[]);
            assert!(matches!(try_it(WRONG_RECOVERY), Second::Refused(_)));
            tell("did", "fail-recovery", second, &[]);
        }
        let text = &self.codes[0];
        tell("will", "recover", second, &[text]);
        assert!(matches!(try_it(text), Second::Passed(_)));
        tell("did", "recover", second, &[text]);
    }
}

fn wrong_password(two: &TwoFactor<Stops>, client: &Client<'_>, second: u64) {
    let (user, wrong) = (ann(), async || Checked::Wrong);
    tell("will", "fail-password", second, &[]);
    let first = block_on(two.first_factor(&Subject::Known(&user), client, at(second), wrong));
    assert!(matches!(first.unwrap(), First::Refused(_)));
    tell("did", "fail-password", second, &[]);
}

fn login(two: &TwoFactor<Stops>, client: &Client<'_>, second: u64) -> First {
    let (user, right) = (ann(), async || Checked::Right);
    tell("will", "login", second, &[]);
    let first = block_on(two.first_factor(&Subject::Known(&user), client, at(second), right));
    tell("did", "login", second, &[]);
    first.unwrap()
}

pub(super) struct Enrolled {
    pub(super) app: Otp,
    pub(super) factor: FactorId,
    codes: Option<Vec<String>>,
    minted: Option<AppPassword>,
}

pub(super) fn enrol(
    two: &TwoFactor<Stops>,
    parameters: Parameters,
    second: u64,
    first: bool,
) -> Enrolled {
    let label = Label::new("ann").unwrap();
    tell("will", "enrol", second, &[]);
    let begun = block_on(two.enrol(&ann(), &label, parameters, at(second))).unwrap();
    let uri = begun.uri();
    tell("did", "enrol", second, &[&begun.id().to_string(), &uri]);
    let app = parse_uri(&uri).unwrap().otp;
    let code = app.code_at(app.step_at(at(second)));
    tell("will", "confirm", second, &[code.expose()]);
    let (user, id, mail) = (ann(), begun.id(), first.then_some(MAIL));
    let done = block_on(two.confirm(&user, &id, code.expose(), mail, at(second)));
    let Confirmed::On(on) = done.unwrap() else {
        panic!("a right code");
    };
    let codes = on.recovery.as_ref().map(texts);
    let mut shown = vec![code.expose().to_owned()];
    shown.extend(on.app_password.as_ref().map(dashed));
    shown.extend(codes.iter().flatten().cloned());
    tell("did", "confirm", second, &strs(&shown));
    Enrolled {
        app,
        factor: on.factor,
        codes,
        minted: on.app_password,
    }
}

fn texts(codes: &twofactor::RecoveryCodes) -> Vec<String> {
    codes.iter().map(|code| code.text().to_string()).collect()
}

fn strs(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}
