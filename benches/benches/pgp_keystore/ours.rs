//! The core of pgp-keystore, with certificates and keys in memory.

use std::hint::black_box;
use std::rc::Rc;

use pgp_keystore::{
    Certificate, Form, Key, Limits, Plan, Reason, Recipient, Unlocked, decrypt as open,
    import as read, plan_send, sign_detached, verify_detached,
};

use crate::inputs::{CERTIFICATES, Inputs, KEYS};
use crate::{Row, account};

/// An own name for what the rows compare with.
pub(crate) const AT_HAND: &str = "pgp-keystore";

pub(crate) fn unlocked(octets: &[u8]) -> Unlocked {
    Key::parse(octets).unwrap().unlock_unprotected().unwrap()
}

pub(crate) fn certificates(inputs: &Inputs, count: usize) -> Vec<Certificate> {
    let some = inputs.certificates.iter().take(count);
    some.map(|octets| Certificate::parse(octets).unwrap())
        .collect()
}

pub(crate) fn import(inputs: &Rc<Inputs>) -> Vec<Row> {
    let (one, judged) = (inputs.clone(), inputs.clone());
    let taken = |inputs: &Inputs| read(black_box(&inputs.keyring), &Limits::default()).unwrap();
    vec![
        Row::of("pgp-keystore, import", CERTIFICATES, move || {
            assert_eq!(taken(&one).certificates.len(), CERTIFICATES);
        }),
        Row::of("pgp-keystore, judged", CERTIFICATES, move || {
            for certificate in &taken(&judged).certificates {
                assert_eq!(certificate.at(judged.now).reason, Reason::Valid);
            }
        }),
    ]
}

/// Each key parsed and used once.
pub(crate) fn first(inputs: &Rc<Inputs>) -> Vec<Row> {
    let (one, other) = (inputs.clone(), inputs.clone());
    vec![
        Row::of("pgp-keystore, first signature of a key", KEYS, move || {
            for octets in &one.keys {
                let key = unlocked(octets);
                black_box(sign_detached(&key, &one.content, one.now, Form::Binary).unwrap());
            }
        }),
        Row::of("pgp-keystore, first encryption to a key", KEYS, move || {
            for octets in &other.certificates {
                let certificate = Certificate::parse(octets).unwrap();
                let plan = plan_send(&[Recipient::new("", [&certificate])], other.now);
                black_box(encrypted(&plan, &other));
            }
        }),
    ]
}

pub(crate) fn sign(inputs: &Rc<Inputs>) -> Vec<Row> {
    let (key, own) = (unlocked(&inputs.keys[0]), inputs.clone());
    let mut rows = vec![Row::new(AT_HAND, move || {
        let content = black_box(&own.content);
        black_box(sign_detached(&key, content, own.now, Form::Binary).unwrap());
    })];
    rows.extend(account::sign(inputs));
    rows
}

pub(crate) fn verify(inputs: &Rc<Inputs>) -> Vec<Row> {
    let certificate = certificates(inputs, 1).remove(0);
    let signed = crate::sequoia::signed(inputs);
    let (now, limits) = (inputs.now, Limits::default());
    let mut turn = signed.into_iter().cycle_rc();
    vec![Row::new(AT_HAND, move || {
        let (content, signature) = &*turn();
        let told = verify_detached(content, signature, &[&certificate], now, &limits);
        assert_eq!(told.unwrap().signatures[0].reason, Reason::Valid);
    })]
}

fn encrypted(plan: &Plan, inputs: &Inputs) -> Vec<u8> {
    let content = black_box(&inputs.content);
    plan.encrypt(content, None, inputs.now, Form::Binary)
        .unwrap()
}

pub(crate) fn encrypt(inputs: &Rc<Inputs>) -> Vec<Row> {
    let (to, now) = (certificates(inputs, 10), inputs.now);
    let plan_of = move || {
        let address = |number| format!("user{number}@example.org");
        let recipients = to.iter().enumerate();
        let recipients = recipients.map(|(number, one)| Recipient::new(address(number), [one]));
        plan_send(&recipients.collect::<Vec<_>>(), now)
    };
    let planned = plan_of();
    assert_eq!(planned.readers().count(), 10);
    let (own, other) = (inputs.clone(), inputs.clone());
    let mut rows = vec![
        Row::new(AT_HAND, move || {
            black_box(encrypted(&plan_of(), &own));
        }),
        Row::new("pgp-keystore, planned", move || {
            black_box(encrypted(&planned, &other));
        }),
    ];
    rows.extend(account::encrypt(inputs));
    rows
}

pub(crate) fn decrypt(inputs: &Rc<Inputs>) -> Vec<Row> {
    let message = crate::sequoia::message(inputs);
    let key = unlocked(&inputs.keys[0]);
    let (own, limits) = (inputs.clone(), Limits::default());
    vec![Row::new(AT_HAND, move || {
        let opened = open(black_box(&message), &[&key], &[], own.now, &limits).unwrap();
        assert_eq!(opened.content.len(), own.content.len());
    })]
}

/// One after the other, and again from the start.
pub(crate) trait InTurn<T> {
    fn cycle_rc(self) -> Box<dyn FnMut() -> Rc<T>>;
}

impl<T: 'static, I: Iterator<Item = T>> InTurn<T> for I {
    fn cycle_rc(self) -> Box<dyn FnMut() -> Rc<T>> {
        let all: Vec<Rc<T>> = self.map(Rc::new).collect();
        let mut next = 0;
        Box::new(move || {
            next += 1;
            all[(next - 1) % all.len()].clone()
        })
    }
}
