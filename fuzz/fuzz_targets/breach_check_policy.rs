//! A password and what is known of its user, one line each; in front an octet that says how the source answers. No text makes
//! the policy panic, what it judges is in its normal form, and what nobody knows is never accepted.
#![no_main]

use breach_check::policy::{Advice, Candidate, Context, Form, Language, Policy, Verdict, tweaks};
use breach_check::recheck::{Action, CorpusVersion, State};
use breach_check::{CountClass, Sighting, Unknown};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(state) = State::from_octets(data) {
        assert_eq!(state.to_octets(), data);
        let version = CorpusVersion::from_number(7);
        let later = state.answered(version, Sighting::NotSeen, class(0));
        assert_eq!(later.must_change(), state.must_change());
        assert_ne!(later.action(version), Action::LookUp);
    }
    let Some((&how, rest)) = data.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(rest) else {
        return;
    };
    let (typed, known) = text.split_once('\n').unwrap_or((text, ""));
    let context = Context::new().service(known).user(known).domain(known);
    let form = if how & 16 == 0 { Form::Nfkc } else { Form::Nfc };
    let candidate = Candidate::in_form(form, typed);
    if let Some(text) = candidate.text() {
        assert!(candidate == Candidate::in_form(form, text));
    }
    assert!(tweaks(&candidate).count() <= 50);

    let policy = if how & 32 == 0 {
        Policy::single_factor()
    } else {
        Policy::with_second_factor()
    };
    let policy = policy.breached(class(how & 15)).tweaked(class(how & 15));
    let questions = policy.questions(&candidate).count();
    assert!(questions <= 51);
    let verdict = |sighting| policy.judge(&candidate, &context, &vec![sighting; questions]);
    let unknown = verdict(Sighting::Unknown(Unknown::Gap));
    assert!(!unknown.is_accepted());
    let (less, more) = (
        verdict(Sighting::NotSeen),
        verdict(Sighting::Seen(class(how >> 4))),
    );
    assert!(less.is_accepted() || !more.is_accepted());
    for verdict in [less, more, unknown] {
        assert!(verdict.code().starts_with("password."));
        assert_eq!(
            matches!(verdict, Verdict::Refused(_)),
            !verdict.reasons().is_empty()
        );
        assert_eq!(
            verdict.guidance(Language::German).len(),
            verdict.guidance(Language::English).len()
        );
    }
    assert!(Advice::of(&candidate, &context).score() <= 4);
});

fn class(number: u8) -> CountClass {
    CountClass::new(number).expect("of four bits")
}
