//! A token that counts: what the child does with it, and what must hold of it.

use pollster::block_on;
use twofactor::decision::FactorId;
use twofactor::otp::{Otp, Parameters};
use twofactor::{Client, Method, Refusal, Second};

use super::child::{Work, enrol, tell};
use super::ledger::{Failures, Ledger, Service, code};
use super::{Report, at};

/// How far it runs away: further than a code by itself is looked for.
const AWAY: u64 = 20;

/// In the child's hand.
pub(crate) struct Token {
    otp: Otp,
    factor: FactorId,
    next: u64,
}

impl Work {
    pub(super) fn take_token(&mut self) {
        let second = self.next();
        // With more digits than the app has, so that no code is right for both.
        let parameters = Parameters::hotp().with_digits(7).unwrap();
        let enrolled = enrol(&self.two, parameters, second, false);
        self.token = Some(Token {
            otp: enrolled.app,
            factor: enrolled.factor,
            next: 1,
        });
    }

    /// One code, after two that are wrong.
    pub(super) fn count(&mut self, client: &Client<'_>) {
        let pending = self.pending();
        self.fail(&pending, client);
        let second = self.next();
        let token = self.token.as_mut().unwrap();
        let (shown, counter) = (token.otp.code_at(token.next), token.next.to_string());
        tell("will", "count", second, &[&counter]);
        let in_ = block_on(self.two.code(&pending, client, shown.expose(), at(second)));
        assert!(matches!(in_.unwrap(), Second::Passed(_)));
        tell("did", "count", second, &[&counter]);
        token.next += 1;
    }

    /// Somebody has played with it; two codes in a row find it again.
    pub(super) fn run_away(&mut self, client: &Client<'_>) {
        let (pending, second) = (self.pending(), self.next());
        let token = self.token.as_mut().unwrap();
        let later = token.next + AWAY;
        let [one, other] = [later - 1, later].map(|counter| token.otp.code_at(counter));
        let codes = (one.expose(), other.expose());
        tell("will", "resync", second, &[&later.to_string()]);
        let done = self
            .two
            .resync(&pending, client, token.factor, codes, at(second));
        assert!(matches!(block_on(done).unwrap(), Second::Passed(_)));
        tell("did", "resync", second, &[&later.to_string()]);
        token.next = later + 1;
    }
}

/// What was told of it.
#[derive(Default)]
pub(super) struct Told {
    otp: Option<Otp>,
    next: u64,
    used: Vec<u64>,
    failures: Failures,
}

impl Told {
    pub(super) fn on(&mut self, otp: Otp) {
        (self.otp, self.next, self.used) = (Some(otp), 1, vec![0]);
    }

    pub(super) fn failures(&self) -> &Failures {
        &self.failures
    }

    pub(super) fn take(&mut self, report: &Report) {
        match report.what.as_str() {
            // A code that is wrong is wrong for each app and token.
            "fail-otp" if self.otp.is_some() => self.failures.tried(report, false),
            "count" | "resync" => {
                self.failures.tried(report, true);
                if report.did {
                    let counter = counter(report);
                    self.used.push(counter);
                    self.next = counter + 1;
                }
            }
            _ => {}
        }
    }
}

fn counter(report: &Report) -> u64 {
    report.args[0].parse().unwrap()
}

/// No code opens again, and the next one does.
pub(super) fn look(two: &Service<'_>, told: &Told, ledger: &Ledger, damage: &mut Vec<String>) {
    let Some(otp) = &told.otp else {
        return;
    };
    let open = |counter: u64| code(two, otp.code_at(counter).expose(), ledger.last);
    for counter in &told.used {
        let again = open(*counter);
        if again != Some(Err(Refusal::Wrong)) {
            damage.push(format!("a token's code again: {again:?}"));
        }
    }
    let trying = ledger.open("count").or_else(|| ledger.open("resync"));
    let mut next = vec![told.next];
    if let Some(report) = trying {
        let counter = counter(report);
        if report.what == "count" {
            let _ = open(counter);
            if let Some(Ok(_)) = open(counter) {
                damage.push("a token's code twice after it was tried".to_owned());
            }
        }
        next.push(counter + 1);
    }
    let opened: Vec<_> = next.into_iter().map(open).collect();
    if !opened.contains(&Some(Ok(Method::Otp))) {
        damage.push(format!("lost: a token ({opened:?})"));
    }
}
