//! What the policy says, row by row of SP 800-63B-4 §3.1.1.2 and ASVS 5.0.0 V6.2 (docs/password-policy.md).
#![allow(missing_docs, clippy::unwrap_used)]

use std::cell::Cell;
use std::convert::Infallible;

use breach_check::policy::{
    Candidate, Context, Form, Hint, Language, Pattern, Policy, Reason, Verdict, Word, tweaks,
};
use breach_check::{CountClass, HashKind, PasswordHash, Sighting, Unknown};

fn class(number: u8) -> CountClass {
    CountClass::new(number).unwrap()
}

/// Nothing was ever seen.
fn unseen(_: PasswordHash) -> Result<Sighting, Infallible> {
    Ok(Sighting::NotSeen)
}

fn verdict(policy: &Policy, typed: &str) -> Verdict {
    policy
        .check(&Candidate::new(typed), &Context::new(), unseen)
        .unwrap()
}

#[test]
fn fifteen_code_points_alone_and_eight_with_a_second_factor() {
    for (policy, minimum) in [
        (Policy::single_factor(), 15),
        (Policy::with_second_factor(), 8),
    ] {
        // Of letters that are several octets, several units of UTF-16, and composed of two.
        for letters in [
            "k7qRfz9bXm2LwVtc",
            "äkörüzqßvxéñčłżś",
            "𝄞🂡🃁🀄🎲🧩🪁🎳🎯🏓🎱🥏🪀🧸🏒🥌",
        ] {
            let long: String = letters.chars().take(minimum).collect();
            let short: String = letters.chars().take(minimum - 1).collect();
            assert!(verdict(&policy, &long).is_accepted(), "{long}");
            assert_eq!(
                verdict(&policy, &short),
                Verdict::Refused(vec![Reason::Short { minimum }]),
                "{short}"
            );
        }
        // An accent that is typed by itself is no further one.
        let decomposed = "e\u{301}ku\u{308}oq".repeat(2) + &"zx7".repeat((minimum - 8) / 3);
        assert!(decomposed.chars().count() > Candidate::new(&decomposed).chars());
    }
    // A policy asks for more, and never for less.
    assert_eq!(Policy::with_second_factor().at_least(3).minimum(), 8);
    assert_eq!(Policy::with_second_factor().at_least(20).minimum(), 20);
    assert_eq!(Policy::single_factor().at_least(1000).minimum(), 64);
}

/// Text without a pattern.
fn long(chars: usize) -> String {
    let mut state = 7_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'a' + u8::try_from(state >> 24).unwrap() % 26)
    };
    (0..chars).map(|_| next()).collect()
}

#[test]
fn sixty_four_are_allowed_and_what_is_longer_is_told_and_not_cut() {
    let strict = Policy::single_factor().at_most(10);
    assert_eq!(strict.maximum(), 64);
    assert!(verdict(&strict, &long(64)).is_accepted());
    assert_eq!(
        verdict(&strict, &long(65)),
        Verdict::Refused(vec![Reason::Long { maximum: 64 }])
    );
    let usual = Policy::single_factor();
    assert!(verdict(&usual, &long(1024)).is_accepted());
    for chars in [1025, Candidate::MAX_CHARS + 1, 1_000_000] {
        assert_eq!(
            verdict(&usual, &long(chars)),
            Verdict::Refused(vec![Reason::Long { maximum: 1024 }])
        );
    }
    assert_eq!(usual.at_most(usize::MAX).maximum(), Candidate::MAX_CHARS);
    // Every character counts: two that differ in the last one have another hash, and another text to keep.
    let (one, two) = (long(1023) + "a", long(1023) + "b");
    let [one, two] = [&one, &two].map(|text| Candidate::new(text));
    assert_ne!(one.hash(HashKind::Sha1), two.hash(HashKind::Sha1));
    assert_ne!(one.text(), two.text());
    // What is too long asks nobody.
    let asked = Cell::new(0);
    let source = |_| -> Result<_, Infallible> {
        asked.set(asked.get() + 1);
        Ok(Sighting::NotSeen)
    };
    let policy = Policy::single_factor().tweaked(class(0));
    assert!(
        !policy
            .check(&Candidate::new(&long(2000)), &Context::new(), source)
            .unwrap()
            .is_accepted()
    );
    assert_eq!(asked.get(), 0);
    assert_eq!(policy.questions(&Candidate::new(&long(2000))).count(), 0);
}

#[test]
fn any_character_will_do_and_none_is_asked_for() {
    let policy = Policy::single_factor();
    for typed in [
        "wristorbitmangovelvet",
        "WRISTORBITMANGOVELVET",
        "wrist orbit mango velvet",
        "5820394671739264",
        "!$%&/()=?`*+~#'-_.:,;<>|",
        " leading and trailing ",
        "das Pferd frißt keinen Gurkensalat",
        "лошадь не ест огуречный салат",
        "正確的馬電池訂書針正在吃黃瓜沙拉",
        "👩\u{200d}💻 isst 🥒🥗 am 🏖️ Meer",
    ] {
        assert_eq!(verdict(&policy, typed), Verdict::Accepted, "{typed}");
    }
    // Each printing character of ASCII, and the space, in a text that has it.
    for c in (' '..='~').chain(['ß', '\u{a0}']) {
        assert!(
            verdict(&policy, &format!("wrist{c}orbit{c}mangovelvet")).is_accepted(),
            "{c:?}"
        );
    }
}

#[test]
fn controls_and_unassigned_code_points_are_refused() {
    let policy = Policy::single_factor();
    for c in [
        '\0', '\t', '\n', '\r', '\u{7f}', '\u{85}', '\u{2028}', '\u{2029}',
    ] {
        let refused = verdict(&policy, &format!("wrist orbit{c}mango velvet"));
        assert_eq!(refused, Verdict::Refused(vec![Reason::Control]), "{c:?}");
    }
    for c in ['\u{378}', '\u{e000}', '\u{ffff}', '\u{10ffff}', '\u{e1000}'] {
        let refused = verdict(&policy, &format!("wrist orbit{c}mango velvet"));
        assert_eq!(refused, Verdict::Refused(vec![Reason::Unassigned]), "{c:?}");
    }
}

#[test]
fn one_text_however_it_is_typed() {
    let composed = Candidate::new("Grüße ａus Łódź ①");
    let decomposed = Candidate::new("Gru\u{308}ße\u{a0}aus Ło\u{301}dz\u{301} 1");
    assert_eq!(composed, decomposed);
    assert_eq!(composed.text(), Some("Grüße aus Łódź 1"));
    for kind in [HashKind::Sha1, HashKind::Ntlm] {
        assert_eq!(
            composed.hash(kind),
            Some(PasswordHash::of(kind, "Grüße aus Łódź 1"))
        );
    }
    let composed = Candidate::in_form(Form::Nfc, "Grüße ａus");
    assert_eq!(composed.text(), Some("Grüße ａus"));
    assert_eq!(composed, Candidate::in_form(Form::Nfc, "Gru\u{308}ße ａus"));
    // Case and spaces at the ends are the user's.
    assert_eq!(Candidate::new(" Aa ").text(), Some(" Aa "));
}

#[test]
fn who_takes_other_characters_is_told_that_keyboards_differ() {
    assert_eq!(
        Candidate::new("Grüße aus Łódź").hint(),
        Some(Hint::NotAscii)
    );
    assert_eq!(Candidate::new("greetings from Lodz").hint(), None);
    // Full width becomes ASCII.
    assert_eq!(Candidate::new("ａｂｃ").hint(), None);
    assert_eq!(Hint::NotAscii.code(), "password.hint.not-ascii");
    assert_ne!(
        Hint::NotAscii.guidance(Language::English),
        Hint::NotAscii.guidance(Language::German)
    );
}

#[test]
fn words_of_the_context_are_no_password() {
    let context = Context::new()
        .service("Example Mail")
        .user("ann.smith-müller@example.org")
        .user("Ann Mary Smith-Müller")
        .domain("mx1.posthorn.example.net");
    let policy = Policy::with_second_factor();
    let of = |typed: &str| {
        policy
            .check(&Candidate::new(typed), &context, unseen)
            .unwrap()
    };
    for (typed, word) in [
        ("ExampleMail2026", Word::Service),
        ("3x4mpl3-m41l!!!", Word::Service),
        ("liamelpmaxe2026", Word::Service),
        ("examplemailexamplemail", Word::Service),
        ("Example.Mail.12345678", Word::Service),
        ("ann.smith-muller", Word::User),
        ("Smith-Müller99", Word::User),
        ("SMITHANN27!", Word::User),
        ("s.m.i.t.h.0815", Word::User),
        ("Smith+Example+Mail", Word::Service),
        ("ann-4711!", Word::User),
        ("P0sth0rn2026!", Word::Domain),
        ("nrohtsop42", Word::Domain),
    ] {
        assert_eq!(
            of(typed).reasons().first(),
            Some(&Reason::Context(word)),
            "{typed}"
        );
    }
    // A word is no reason by itself: what is left of these would do.
    for typed in [
        "mail the orange wardrobe to me",
        "the smith hammers cold iron",
        "Hannover-Kaffee",
        "example wrist orbit",
        "kannichdasglauben",
    ] {
        assert_eq!(of(typed), Verdict::Accepted, "{typed}");
    }
    // Without the context, nothing is known of it.
    assert_eq!(verdict(&policy, "P0sth0rn2026!"), Verdict::Accepted);
}

#[test]
fn a_context_is_bounded() {
    let mut context = Context::new().domain(&"abc.".repeat(100_000));
    for n in 0..1000 {
        context = context.user(&format!("worker{n}"));
    }
    assert_eq!(
        format!("{context:?}"),
        format!("Context({} words)", Context::MAX_WORDS)
    );
    let policy = Policy::single_factor().at_most(Candidate::MAX_CHARS);
    let widest = "abcabcabcx".repeat(400);
    assert!(
        !policy
            .check(&Candidate::new(&widest), &context, unseen)
            .unwrap()
            .is_accepted()
    );
}

#[test]
fn what_is_made_by_a_rule_is_common() {
    let policy = Policy::single_factor();
    for (typed, pattern) in [
        ("aaaaaaaaaaaaaaaaaaaaaaaa", Pattern::Repeated),
        ("Ab3!Ab3!Ab3!Ab3!Ab3!", Pattern::Repeated),
        ("abcdefghijklmnopqrst", Pattern::Sequence),
        ("qwertyuiopasdfghjkl", Pattern::Keyboard),
        ("123456789012345", Pattern::Keyboard),
        ("Passw0rd!Passw0rd!", Pattern::Repeated),
        ("P@ssw0rd-2026!!", Pattern::Listed),
    ] {
        let reasons = verdict(&policy, typed).reasons().to_vec();
        assert!(
            reasons.contains(&Reason::Common(pattern)),
            "{typed}: {reasons:?}"
        );
    }
}

/// Every reason that there is.
fn reasons() -> Vec<Reason> {
    let classes = [class(0), class(3), class(15)];
    let mut reasons = vec![
        Reason::Short { minimum: 15 },
        Reason::Long { maximum: 64 },
        Reason::Control,
        Reason::Unassigned,
    ];
    reasons.extend([Word::User, Word::Service, Word::Domain].map(Reason::Context));
    reasons.extend(
        [
            Pattern::Repeated,
            Pattern::Sequence,
            Pattern::Keyboard,
            Pattern::Listed,
        ]
        .map(Reason::Common),
    );
    for class in classes {
        reasons.extend([
            Reason::Breached(class),
            Reason::MostCommon(class),
            Reason::Tweaked(class),
        ]);
    }
    reasons
}

#[test]
fn a_refusal_has_a_stable_code_and_says_what_to_do_in_two_languages() {
    let codes: std::collections::BTreeSet<_> = reasons().iter().map(Reason::code).collect();
    let expected = [
        "password.breached",
        "password.common.keyboard",
        "password.common.listed",
        "password.common.repeated",
        "password.common.seen",
        "password.common.sequence",
        "password.context.domain",
        "password.context.service",
        "password.context.user",
        "password.control",
        "password.long",
        "password.short",
        "password.tweaked",
        "password.unassigned",
    ];
    assert!(codes.into_iter().eq(expected));
    for reason in reasons() {
        let [english, german] = [Language::English, Language::German].map(|it| reason.guidance(it));
        // What is wrong and what to do: two clauses at least.
        let does = |text: &str, words: &[&str]| words.iter().any(|word| text.contains(word));
        assert!(
            does(&english, &["hoose", "use at", "Leave", "Take"]),
            "{english}"
        );
        assert!(
            does(&german, &["ählen Sie", "ehmen Sie", "assen Sie"]),
            "{german}"
        );
        assert_ne!(english, german);
    }
    assert!(
        Reason::Short { minimum: 15 }
            .guidance(Language::German)
            .contains("15 Zeichen")
    );
    assert!(
        Reason::Breached(class(0))
            .guidance(Language::German)
            .contains("dort einmal vor")
    );
    assert!(
        Reason::Breached(class(3))
            .guidance(Language::English)
            .contains("8 to 15 times")
    );
    let undecided = Verdict::Undecided(Unknown::Gap);
    assert_eq!(
        (undecided.code(), Verdict::Accepted.code()),
        ("password.undecided", "password.accepted")
    );
    assert_eq!(undecided.guidance(Language::English).len(), 1);
    assert!(Verdict::Accepted.guidance(Language::German).is_empty());
    // Before somebody chooses, too.
    let before = Policy::with_second_factor();
    assert!(
        before
            .guidance(Language::English)
            .contains("at least 8 characters")
    );
    assert!(
        before
            .guidance(Language::German)
            .contains("mindestens 8 Zeichen")
    );
}

#[test]
fn nothing_that_is_said_has_the_password_in_it() {
    let typed = "Xylophon-Wirbel";
    let context = Context::new().user("Xylophon Wirbel").service("Posthorn");
    let policy = Policy::single_factor();
    let candidate = Candidate::new(typed);
    let verdict = policy
        .check(&candidate, &context, |_| {
            Ok::<_, Infallible>(Sighting::Seen(class(3)))
        })
        .unwrap();
    assert_eq!(verdict.reasons().len(), 2);
    let mut said = format!(
        "{verdict:?} {candidate:?} {context:?} {policy:?} {:?} {}",
        tweaks(&candidate),
        verdict.code()
    );
    for language in [Language::English, Language::German] {
        said += &verdict.guidance(language).join(" ");
    }
    let said = said.to_lowercase();
    assert!(
        !said.contains("xylophon") && !said.contains("wirbel") && !said.contains("posthorn"),
        "{said}"
    );
}
