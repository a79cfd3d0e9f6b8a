//! RFC 8689 on the wire: what is read, what is refused, and what a message's way ends in.
#![allow(missing_docs, clippy::unwrap_used)]

use proptest::prelude::*;
use serde::Deserialize;
use std::fmt::Display;
use tls_policy::requiretls::{
    Channel, FIELD, FieldError, KEYWORD, KeywordError, MAX_HEADER, MAX_PARAMETERS, Offer,
    ParameterError, field, header_wish, mail_wish,
};
use tls_policy::{
    Attempt, DaneFact, Facts, Floor, MemoryFact, MxFact, Next, StsFact, Wish, decide,
};

#[derive(Deserialize)]
struct Suite {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    rfc: String,
    text: String,
    wish: Option<String>,
    error: Option<String>,
}

/// Runs a file; what is refused outnumbers what is heeded.
fn run<E: Display>(file: &str, read: impl Fn(&str) -> Result<Wish, E>) {
    let path = format!("{}/tests/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    let suite: Suite = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let (mut heeded, mut refused) = (0, 0);
    for case in &suite.case {
        let at = format!("{file}: {} (RFC {})", case.name, case.rfc);
        let wish = match case.wish.as_deref() {
            Some("no") => Some(Wish::TlsRequiredNo),
            Some("require") => Some(Wish::RequireTls),
            Some("default") => Some(Wish::Default),
            None => None,
            Some(other) => panic!("{at}: {other}"),
        };
        match read(&case.text) {
            Ok(read) => assert_eq!((Some(read), None), (wish, case.error.as_deref()), "{at}"),
            Err(why) => {
                let why = why.to_string();
                assert_eq!((None, Some(&*why)), (wish, case.error.as_deref()), "{at}");
            }
        }
        match wish {
            Some(Wish::Default) => {}
            Some(_) => heeded += 1,
            None => refused += 1,
        }
    }
    assert!(
        heeded > 0 && refused > heeded,
        "{file}: {heeded}, {refused}"
    );
}

#[test]
fn header_fields() {
    run("tls-required.toml", |text| header_wish(text.as_bytes()));
}

#[test]
fn mail_parameters() {
    run("mail-parameters.toml", |text| mail_wish(text, Offer::Yes));
}

#[test]
fn what_is_written_is_read() {
    assert_eq!(header_wish(FIELD.as_bytes()), Ok(Wish::TlsRequiredNo));
    let parameter = Offer::Yes.parameter(Wish::RequireTls).unwrap();
    // RFC 8689 §2 makes MAIL FROM 11 octets longer.
    assert_eq!(parameter.len(), 11);
    assert_eq!(mail_wish(parameter, Offer::Yes), Ok(Wish::RequireTls));
    let line = Offer::by_server(Channel::Tls).keyword().unwrap();
    assert_eq!(Offer::in_ehlo([line], Channel::Tls), Ok(Offer::Yes));
}

#[test]
fn nothing_is_offered_or_taken_without_tls() {
    assert_eq!(Offer::by_server(Channel::Clear), Offer::No);
    assert_eq!(Offer::default().keyword(), None);
    let refused = mail_wish("SIZE=1 RequireTLS", Offer::No).unwrap_err();
    assert_eq!(refused, ParameterError::NotOffered);
    assert_eq!(
        (refused.reply_code(), &*refused.status().to_string()),
        (555, "5.5.4")
    );
    let refused = mail_wish("REQUIRETLS=1", Offer::Yes).unwrap_err();
    assert_eq!(
        (refused.reply_code(), &*refused.status().to_string()),
        (501, "5.5.4")
    );
    assert_eq!(mail_wish("SIZE=1", Offer::No), Ok(Wish::Default));
    // The man in the middle may say it in the clear. Mutation: over TLS the same line is an offer.
    let said = |channel| Offer::in_ehlo(["SIZE 1000", "REQUIRETLS"], channel).unwrap();
    assert_eq!(
        (said(Channel::Clear), said(Channel::Tls)),
        (Offer::No, Offer::Yes)
    );
}

#[test]
fn offers_are_read_strictly() {
    let read = |lines: &[&str]| Offer::in_ehlo(lines.iter().copied(), Channel::Tls);
    for line in ["REQUIRETLS", "requiretls", "RequireTLS\r\n", "REQUIRETLS "] {
        assert_eq!(
            read(&["mx.example.org greets", line, "HELP"]),
            Ok(Offer::Yes),
            "{line:?}"
        );
    }
    for line in [
        "",
        " REQUIRETLS",
        "XREQUIRETLS",
        "REQUIRETLS-X",
        "REQUIRETLS=",
        "REQUIRE TLS",
        "STARTTLS",
    ] {
        assert_eq!(read(&[line]), Ok(Offer::No), "{line:?}");
    }
    for line in ["REQUIRETLS 1", "REQUIRETLS  1", "requiretls yes please"] {
        assert_eq!(read(&[line]), Err(KeywordError::Parameter), "{line:?}");
    }
    assert_eq!(
        read(&[KEYWORD, "SIZE", "requiretls"]),
        Err(KeywordError::Repeated)
    );
}

#[test]
fn limits_hold() {
    let parameters = |length: usize| format!("X={} REQUIRETLS", "x".repeat(length - 13));
    assert_eq!(
        mail_wish(&parameters(MAX_PARAMETERS), Offer::Yes),
        Ok(Wish::RequireTls)
    );
    assert_eq!(
        mail_wish(&parameters(MAX_PARAMETERS + 1), Offer::Yes),
        Err(ParameterError::TooLong)
    );
    let header = |length: usize| {
        let filler = "x".repeat(length - FIELD.len() - 5);
        format!("{FIELD}X: {filler}\r\n")
    };
    assert_eq!(
        header_wish(header(MAX_HEADER).as_bytes()),
        Ok(Wish::TlsRequiredNo)
    );
    assert_eq!(
        header_wish(header(MAX_HEADER + 1).as_bytes()),
        Err(FieldError::TooLong)
    );
    // A long body is no long header.
    let message = format!("{FIELD}\r\n{}", "x".repeat(MAX_HEADER));
    assert_eq!(header_wish(message.as_bytes()), Ok(Wish::TlsRequiredNo));
    assert_eq!(field(b" \r\nNo"), Err(FieldError::Folding));
}

/// From the command to what its sender is told.
#[test]
fn a_message_that_requires_tls_is_returned_with_the_code_of_what_is_missing() {
    let asked = mail_wish("REQUIRETLS", Offer::by_server(Channel::Tls)).unwrap();
    let wish = asked.and(header_wish(FIELD.as_bytes()).unwrap());
    assert_eq!(
        wish,
        Wish::RequireTls,
        "the field is ignored with REQUIRETLS"
    );
    let facts = Facts::new("example.org", "mx.example.org", MxFact::Secure)
        .dane(DaneFact::Usable)
        .sts(StsFact::None)
        .memory(MemoryFact::Nothing)
        .wish(wish);
    let told = |facts: &Facts<'_>, attempt| match decide(facts, Floor::Opportunistic).after(attempt)
    {
        Next::NextMx { last } => last.to_string(),
        other => format!("{other:?}"),
    };
    let missing = Offer::in_ehlo(["SIZE"], Channel::Tls)
        .unwrap()
        .parameter(wish);
    assert_eq!(told(&facts, missing.unwrap_err()), "bounce 5.7.30");
    assert_eq!(told(&facts, Attempt::NoStartTls), "bounce 5.7.10");
    assert_eq!(told(&facts, Attempt::NotAuthenticated), "bounce 5.7.10");
    // Mutation: without the wish nothing of it is asked for.
    let plain = facts.wish(Wish::Default);
    assert_eq!(Offer::No.parameter(plain.wish), Ok(""));
    assert_eq!(told(&plain, Attempt::NoRequireTls), "GoOn");
}

proptest! {
    #[test]
    fn nothing_but_the_one_word_lifts_policies(value in "[ \t\r\nNoO()\"=a]{0,6}") {
        let heeded = field(value.as_bytes()) == Ok(Wish::TlsRequiredNo);
        let word = value.trim_start_matches([' ', '\t', '\r', '\n']);
        let word = word.strip_suffix("\r\n").or_else(|| word.strip_suffix('\n')).unwrap_or(word);
        prop_assert!(!heeded || word.eq_ignore_ascii_case("no"), "{value:?}");
    }

    #[test]
    fn any_octets_are_read_without_a_panic(octets: Vec<u8>, text in "\\PC{0,40}") {
        let _ = (header_wish(&octets), field(&octets));
        let with = mail_wish(&text, Offer::Yes);
        // Where it is not offered, it is never taken.
        prop_assert_ne!(mail_wish(&text, Offer::No), Ok(Wish::RequireTls));
        prop_assert!(with != Ok(Wish::RequireTls) || text.to_ascii_uppercase().contains(KEYWORD));
    }

    #[test]
    fn other_fields_around_it_change_nothing(
        before in prop::collection::vec("[A-Z][a-z]{0,8}: [ -~]{0,20}\r\n( [ -~]{0,9}\r\n)?", 0..4),
        after in prop::collection::vec("[A-Z][a-z]{0,8}: [ -~]{0,20}\r\n", 0..4),
    ) {
        let header = [before.concat(), FIELD.into(), after.concat()].concat();
        prop_assert_eq!(header_wish(header.as_bytes()), Ok(Wish::TlsRequiredNo));
    }
}
