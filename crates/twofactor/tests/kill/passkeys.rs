//! Passkeys: what the child does with them, and what must hold of them.

use data_encoding::BASE64URL_NOPAD;
use pollster::block_on;
use twofactor::passkey::{PasskeyId, Unusable};
use twofactor::{ChallengeId, Client, Method, PasskeyConfirmed, PasskeyLogin, Refusal, Second};

use super::child::{Work, tell};
use super::ledger::{Ledger, Service, pending, verdict};
use super::{Report, ann, at, stranger};
use crate::soft::Device;

/// In the child's hand.
pub(crate) struct Held {
    device: Device,
    id: PasskeyId,
}

impl Held {
    /// What another process needs to have it, too.
    fn of(device: &Device) -> [String; 2] {
        [&device.id, &device.pkcs8()].map(|octets| BASE64URL_NOPAD.encode(octets))
    }
}

impl Work {
    pub(super) fn take_passkey(&mut self) {
        self.passkey = Some(self.register());
    }

    /// Another one, for a while.
    pub(super) fn take_and_remove_passkey(&mut self) {
        let held = self.register();
        let (second, [credential, _]) = (self.next(), Held::of(&held.device));
        tell("will", "unbind", second, &[&credential]);
        block_on(self.two.remove_passkey(&ann(), held.id, at(second))).unwrap();
        tell("did", "unbind", second, &[&credential]);
    }

    fn register(&mut self) -> Held {
        let (user, second) = (ann(), self.next());
        tell("will", "register", second, &[]);
        let asked = self.two.passkey_registration(&user, "ann", at(second));
        let asked = block_on(asked).unwrap();
        let options = BASE64URL_NOPAD.encode(asked.options.as_bytes());
        tell(
            "did",
            "register",
            second,
            &[&asked.id.to_string(), &options],
        );

        let second = self.next();
        let device = Device::p256(&second.to_be_bytes());
        let [credential, pkcs8] = &Held::of(&device);
        let answer = device.create(&asked.options);
        tell("will", "bind", second, &[credential, pkcs8]);
        let done = self
            .two
            .confirm_passkey(&user, &asked.id, &answer, "Pocket", None, at(second));
        let PasskeyConfirmed::On(on) = block_on(done).unwrap() else {
            panic!("a right answer");
        };
        tell("did", "bind", second, &[credential, pkcs8]);
        Held {
            device,
            id: on.passkey,
        }
    }

    pub(super) fn answer(&mut self, client: &Client<'_>) {
        let (pending, second) = (self.pending(), self.next());
        tell("will", "challenge", second, &[]);
        let asked = block_on(self.two.passkey_challenge(&pending, at(second))).unwrap();
        let PasskeyLogin::Ask(asked) = asked else {
            panic!("a passkey is there");
        };
        tell("did", "challenge", second, &[]);
        let second = self.next();
        let held = self.passkey.as_mut().unwrap();
        held.device.counter += 1;
        let (id, answer) = (asked.id.to_string(), held.device.get(&asked.options));
        let args = [&*id, &BASE64URL_NOPAD.encode(answer.as_bytes())];
        tell("will", "answer", second, &args);
        let in_ = self
            .two
            .passkey(&pending, client, &asked.id, &answer, at(second));
        assert!(matches!(block_on(in_).unwrap(), Second::Passed(_)));
        tell("did", "answer", second, &args);
    }
}

/// What was told of them.
#[derive(Default)]
pub(super) struct Told {
    /// How each is made again.
    held: Vec<Vec<String>>,
    removed: Vec<Vec<String>>,
    /// A challenge that waits for its answer.
    registering: Option<Vec<String>>,
    /// Challenges that were answered, and by what.
    answered: Vec<Vec<String>>,
}

impl Told {
    pub(super) fn take(&mut self, report: &Report) {
        let args = || report.args.clone();
        match report.what.as_str() {
            _ if !report.did => {}
            "register" => self.registering = Some(args()),
            "bind" => {
                self.registering = None;
                self.held.push(args());
            }
            "unbind" => self.removed.extend(self.held.pop()),
            "answer" => self.answered.push(args()),
            _ => {}
        }
    }
}

fn text(encoded: &str) -> String {
    String::from_utf8(BASE64URL_NOPAD.decode(encoded.as_bytes()).unwrap()).unwrap()
}

fn device(args: &[String]) -> Device {
    let [id, pkcs8] = [&args[0], &args[1]].map(|text| BASE64URL_NOPAD.decode(text.as_bytes()));
    let mut device = Device::p256_again(&id.unwrap(), &pkcs8.unwrap());
    // Further than it can have been.
    device.counter = 1_000_000;
    device
}

/// What an answer does; nothing if no second factor is asked for.
fn answer(two: &Service<'_>, args: &[String], second: u64) -> Option<Result<Method, Refusal>> {
    let pending = pending(two, second)?;
    let id: ChallengeId = args[0].parse().unwrap();
    let (client, answer) = (stranger(), text(&args[1]));
    let done = two.passkey(&pending, &client, &id, &answer, at(second));
    Some(verdict(block_on(done).unwrap()))
}

/// A login from its beginning.
fn login(two: &Service<'_>, device: &Device, second: u64) -> Option<Result<Method, Refusal>> {
    let pending = pending(two, second)?;
    let asked = match block_on(two.passkey_challenge(&pending, at(second))).unwrap() {
        PasskeyLogin::Ask(asked) => asked,
        PasskeyLogin::Refused(why) => return Some(Err(why)),
    };
    let (client, answer) = (stranger(), device.get(&asked.options));
    let done = two.passkey(&pending, &client, &asked.id, &answer, at(second));
    Some(verdict(block_on(done).unwrap()))
}

/// No answer opens again, and every passkey that was told opens; one that was removed does not.
pub(super) fn look(two: &Service<'_>, told: &Told, ledger: &Ledger, damage: &mut Vec<String>) {
    let second = ledger.last;
    let gone = Some(Err(Refusal::Answer(Unusable::Gone)));
    for answered in &told.answered {
        let again = answer(two, answered, second);
        if again != gone {
            damage.push(format!("a passkey's answer again: {again:?}"));
        }
    }
    if let Some(report) = ledger.open("answer") {
        let _ = answer(two, &report.args, second);
        let again = answer(two, &report.args, second);
        if again != gone {
            damage.push(format!("a passkey's answer twice: {again:?}"));
        }
    }
    for removed in &told.removed {
        if let Some(Ok(_)) = login(two, &device(removed), second) {
            damage.push("opens: a removed passkey".to_owned());
        }
    }
    let removing = ledger.open("unbind").map(|report| &report.args[0]);
    for held in told.held.iter().filter(|held| Some(&held[0]) != removing) {
        let opened = login(two, &device(held), second);
        if opened != Some(Ok(Method::Passkey)) {
            damage.push(format!("lost: a passkey ({opened:?})"));
        }
    }
    // One that was begun is on, or can be finished.
    if let Some(begun) = &told.registering {
        let binding = ledger.open("bind");
        let device = match binding {
            Some(report) => device(&report.args),
            None => Device::p256(b"another"),
        };
        let (id, created) = (begun[0].parse().unwrap(), device.create(&text(&begun[1])));
        let user = ann();
        let done = two.confirm_passkey(&user, &id, &created, "Pocket", None, at(second));
        let on = match block_on(done).unwrap() {
            PasskeyConfirmed::On(_) => true,
            PasskeyConfirmed::Refused(_) => {
                binding.is_some() && login(two, &device, second) == Some(Ok(Method::Passkey))
            }
        };
        if !on {
            damage.push("lost: a passkey that was begun".to_owned());
        }
    }
}
