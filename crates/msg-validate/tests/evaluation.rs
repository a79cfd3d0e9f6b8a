//! What an evaluation does with answers that are too many, late, twice, wrong, or never come.
#![allow(missing_docs, clippy::unwrap_used)]

use mail_dns::{Answer, Failure, Outcome, Query, Record, RecordType, Security, Txt, Zone};
use msg_validate::{
    Context, DmarcResult, Error, Evaluation, Grade, Limits, SpfCause, SpfResult, Verdict,
    dkim::{Signer, SigningKey},
};
use std::time::{Duration, SystemTime};

const NOW: SystemTime = SystemTime::UNIX_EPOCH;
const MESSAGE: &[u8] = b"From: a@example.org\r\nSubject: s\r\n\r\nHi\r\n";

fn context() -> Context {
    Context::smtp(
        [192, 0, 2, 1].into(),
        "mx.example.net",
        "b@bounce.example.org",
        NOW,
    )
}

fn zone() -> Zone {
    Zone::new()
        .txt("_dmarc.example.org", "v=DMARC1; p=reject")
        .and_then(|zone| zone.txt("bounce.example.org", "v=spf1 exists:%{i}.list.example -all"))
        .unwrap()
}

/// Answers every wave, and counts the questions.
fn drive(mut evaluation: Evaluation<'_>, dns: impl Fn(&Query) -> Answer) -> (Verdict, usize) {
    let mut asked = 0;
    while !evaluation.need().is_empty() {
        for query in evaluation.need().to_vec() {
            asked += 1;
            evaluation.answer(&query, dns(&query), NOW);
        }
    }
    (evaluation.finish().unwrap(), asked)
}

fn has(verdict: &Verdict, code: &str) -> bool {
    verdict.reasons().iter().any(|reason| reason.code() == code)
}

/// A sender's message and domain, made to cause as many questions as they can: ten signatures of
/// ten domains, and ten `mx` of ten hosts each.
fn greedy() -> (String, Zone) {
    let mut zone = zone();
    let mut message = str::from_utf8(MESSAGE).unwrap().to_owned();
    let mut record = "v=spf1".to_owned();
    for i in 0..10 {
        // A key is asked for only once the body's hash is right.
        let key = SigningKey::generate_ed25519().unwrap();
        let signer = Signer::new(&format!("a.b.c.d{i}.example"), "s", key).unwrap();
        let signature = signer.sign(message.as_bytes(), NOW).unwrap().to_string();
        message.insert_str(0, &signature);
        record += &format!(" mx:m{i}.example");
        for host in 0..10 {
            let name = format!("h{host}.m{i}.example");
            zone = (zone.mx(&format!("m{i}.example"), 10, &name))
                .and_then(|zone| zone.address(&name, [198, 51, 100, host]))
                .unwrap();
        }
    }
    let zone = zone.txt("greedy.example", &record).unwrap();
    (message, zone)
}

#[test]
fn a_whole_message_asks_no_more_than_its_budget() {
    let (message, zone) = greedy();
    let client = [192, 0, 2, 1].into();
    let context = Context::smtp(client, "greedy.example", "b@greedy.example", NOW);
    let judge = |limits: Limits| {
        drive(
            Evaluation::new(message.as_bytes(), &context, limits),
            |query| zone.answer(query),
        )
    };
    let limits = Limits::default();
    assert_eq!(limits.dns_queries, 60);
    let (verdict, asked) = judge(limits);
    assert!(asked <= 60, "{asked}");
    assert!(has(&verdict, "limit.dns"), "{verdict:?}");
    // Nobody can use the budget up before the author's domain has its say.
    let dmarc = verdict.dmarc().unwrap();
    assert_eq!(dmarc.result(), DmarcResult::Fail, "{verdict:?}");
    assert_eq!(verdict.grade(), Grade::Forged);
    // Mutation: without the limit the same message asks more than twice as much.
    let mut limits = Limits::default();
    limits.dns_queries = usize::MAX;
    let (verdict, asked) = judge(limits);
    assert!(asked > 120, "{asked}");
    assert!(!has(&verdict, "limit.dns"), "{verdict:?}");
}

/// Tenants of the author's organization who are organizations of their own (`psd=n`) sign with
/// names that take so many questions that not every tree can be walked: what is not asked does
/// not speak for the author, and does not leave open whether somebody does.
#[test]
fn what_the_budget_forbids_to_ask_speaks_for_nobody() {
    let mut zone = Zone::new()
        .txt("_dmarc.example.org", "v=DMARC1; p=reject")
        .unwrap();
    let mut message = str::from_utf8(MESSAGE).unwrap().to_owned();
    let mut record = "v=spf1".to_owned();
    for i in 0..10 {
        let tenant = format!("d{i}.example.org");
        let domain = format!("a{i}.b{i}.c{i}.{tenant}");
        let key = SigningKey::generate_ed25519().unwrap();
        let name = format!("s._domainkey.{domain}");
        zone = (zone.txt(&name, &key.record().to_string()))
            .and_then(|zone| zone.txt(&format!("_dmarc.{tenant}"), "v=DMARC1; psd=n"))
            .and_then(|zone| zone.address(&format!("h{i}.example.com"), [198, 51, 100, 1]))
            .unwrap();
        record += &format!(" a:h{i}.example.com");
        let signer = Signer::new(&domain, "s", key).unwrap();
        let signature = signer.sign(message.as_bytes(), NOW).unwrap().to_string();
        message.insert_str(0, &signature);
    }
    let zone = zone.txt("example.com", &record).unwrap();
    let context = Context::smtp([192, 0, 2, 1].into(), "h.example", "b@example.com", NOW);
    let judge = |limits: Limits| {
        drive(
            Evaluation::new(message.as_bytes(), &context, limits),
            |query| zone.answer(query),
        )
    };
    let (verdict, asked) = judge(Limits::default());
    assert!(asked <= 60 && has(&verdict, "limit.dns"), "{verdict:?}");
    assert_eq!(verdict.dmarc().unwrap().result(), DmarcResult::Fail);
    assert_eq!(verdict.grade(), Grade::Forged);
    // It is what would have been said with all the answers.
    let mut limits = Limits::default();
    limits.dns_queries = 1000;
    let (verdict, _) = judge(limits);
    assert!(!has(&verdict, "limit.dns"));
    assert_eq!(verdict.dmarc().unwrap().result(), DmarcResult::Fail);
}

#[test]
fn no_budget_at_all_is_a_verdict_too() {
    let mut limits = Limits::default();
    limits.dns_queries = 0;
    let context = context();
    let evaluation = Evaluation::new(MESSAGE, &context, limits);
    assert!(evaluation.need().is_empty());
    let verdict = evaluation.finish().unwrap();
    assert!(has(&verdict, "limit.dns"));
    assert_eq!(verdict.dmarc().unwrap().result(), DmarcResult::TempError);
    assert!(verdict.grade() <= Grade::Suspicious);
}

/// All answers of the first wave come after so long.
fn after(spent: Duration) -> (Verdict, usize) {
    let (zone, context) = (zone(), context());
    let mut evaluation = Evaluation::new(MESSAGE, &context, Limits::default());
    let mut waves = 0;
    while !evaluation.need().is_empty() {
        waves += 1;
        let wave = evaluation.need().to_vec();
        for query in &wave {
            evaluation.answer(query, zone.answer(query), NOW + spent);
        }
        // Once more, and too late for whatever it might have been.
        for query in &wave {
            evaluation.answer(query, Answer::failure(Failure::Timeout), NOW + spent);
        }
    }
    (evaluation.finish().unwrap(), waves)
}

#[test]
fn after_its_time_nothing_is_asked_and_nothing_is_taken_for_an_answer() {
    let time = Limits::default().time;
    assert_eq!(time, Duration::from_secs(5));
    let (verdict, waves) = after(time + Duration::from_millis(1));
    assert_eq!(waves, 1);
    assert!(has(&verdict, "limit.dns"), "{verdict:?}");
    // What was not heard of in time is not known: no pass, no fail, and not "no policy".
    let spf = verdict.spf().unwrap().mail_from().unwrap();
    assert_eq!(spf.result(), SpfResult::TempError);
    assert_eq!(verdict.dmarc().unwrap().result(), DmarcResult::TempError);
    assert!(verdict.grade() <= Grade::Suspicious && verdict.grade() > Grade::Forged);
    // Mutation: a moment earlier, there is still time.
    let (verdict, waves) = after(time);
    assert_eq!(waves, 2);
    assert!(!has(&verdict, "limit.dns"), "{verdict:?}");
    assert_eq!(verdict.dmarc().unwrap().result(), DmarcResult::Fail);
    assert_eq!(verdict.grade(), Grade::Forged);
}

#[test]
fn a_clock_that_was_set_back_takes_no_time() {
    let (zone, context) = (zone(), context());
    let mut evaluation = Evaluation::new(MESSAGE, &context, Limits::default());
    while !evaluation.need().is_empty() {
        for query in evaluation.need().to_vec() {
            let before = NOW - Duration::from_secs(3600);
            evaluation.answer(&query, zone.answer(&query), before);
        }
    }
    assert_eq!(evaluation.finish().unwrap().grade(), Grade::Forged);
}

fn text(text: &str) -> Answer {
    let record = Record::Txt(Txt::from_text(text));
    Answer::records([record], Security::Unknown, Duration::ZERO)
}

#[test]
fn what_nobody_asked_for_and_what_comes_twice_is_left_aside() {
    let (zone, context) = (zone(), context());
    let mut evaluation = Evaluation::new(MESSAGE, &context, Limits::default());
    let forged = [
        Query::new("bounce.example.org".parse().unwrap(), RecordType::A),
        Query::new("1.2.0.192.list.example".parse().unwrap(), RecordType::A),
        Query::new("192.0.2.1.list.example".parse().unwrap(), RecordType::A),
    ];
    let listed = Answer::records(
        [Record::A([127, 0, 0, 2].into())],
        Security::Unknown,
        Duration::ZERO,
    );
    // An answer ahead of its question would let a host in that no list has.
    for query in &forged {
        assert!(!evaluation.need().contains(query));
        evaluation.answer(query, listed.clone(), NOW);
    }
    while !evaluation.need().is_empty() {
        let wave = evaluation.need().to_vec();
        for query in &wave {
            evaluation.answer(query, zone.answer(query), NOW);
        }
        // The first answer stands.
        for query in &wave {
            evaluation.answer(query, text("v=spf1 +all"), NOW);
        }
    }
    let verdict = evaluation.finish().unwrap();
    let spf = verdict.spf().unwrap().mail_from().unwrap();
    assert_eq!(spf.result(), SpfResult::Fail);
    assert_eq!(verdict.grade(), Grade::Forged);
}

#[test]
fn records_of_another_type_are_a_failure() {
    let (zone, context) = (zone(), context());
    let evaluation = Evaluation::new(MESSAGE, &context, Limits::default());
    // `exists` looks only whether there is a record.
    let (verdict, _) = drive(evaluation, |query| match query.record_type {
        RecordType::A => text("here"),
        _ => zone.answer(query),
    });
    let spf = verdict.spf().unwrap().mail_from().unwrap();
    assert_eq!(spf.result(), SpfResult::TempError);
    assert!(
        matches!(
            spf.cause(),
            Some(SpfCause::Dns {
                failure: Failure::Malformed,
                ..
            })
        ),
        "{spf:?}"
    );
}

#[test]
fn aliases_beside_the_records_do_not_count() {
    let zone = Zone::new()
        .txt("bounce.example.org", "v=spf1 mx ?all")
        .and_then(|zone| zone.mx("bounce.example.org", 10, "mx.example.org"))
        .and_then(|zone| zone.address("mx.example.org", [198, 51, 100, 1]))
        .unwrap();
    let context = context();
    let evaluation = Evaluation::envelope(&context, Limits::default());
    let (verdict, _) = drive(evaluation, |query| {
        let Some(found) = zone.answer(query).iter().next().cloned() else {
            return zone.answer(query);
        };
        // More than ten mail exchanges would be an error.
        let alias = Record::Cname("alias.example".parse().unwrap());
        let mut records = vec![alias; 11];
        records.push(found);
        Answer::records(records, Security::Unknown, Duration::ZERO)
    });
    let spf = verdict.spf().unwrap().mail_from().unwrap();
    assert_eq!(spf.result(), SpfResult::Neutral, "{spf:?}");
}

#[test]
fn a_question_that_is_never_answered_leaves_no_verdict() {
    let (zone, context) = (zone(), context());
    let mut evaluation = Evaluation::new(MESSAGE, &context, Limits::default());
    let wave = evaluation.need().to_vec();
    for query in wave.iter().skip(1) {
        evaluation.answer(query, zone.answer(query), NOW);
    }
    assert_eq!(evaluation.need(), &wave[..1]);
    let error = evaluation.finish().unwrap_err();
    assert_eq!(error, Error::Unanswered { missing: 1 });
    assert!(error.is_temporary());
}

#[test]
fn a_failure_is_never_no_record() {
    let context = context();
    for failure in [
        Failure::Timeout,
        Failure::ServerFailure,
        Failure::Refused,
        Failure::Malformed,
        Failure::Network,
    ] {
        let evaluation = Evaluation::new(MESSAGE, &context, Limits::default());
        let (verdict, _) = drive(evaluation, |_| Answer::failure(failure));
        let spf = verdict.spf().unwrap();
        let results = [spf.mail_from(), spf.helo()].map(|identity| identity.unwrap().result());
        assert_eq!(results, [SpfResult::TempError; 2]);
        assert_eq!(verdict.dmarc().unwrap().result(), DmarcResult::TempError);
        assert_eq!(verdict.grade(), Grade::Unverifiable, "{failure}");
    }
    // Mutation: were a failure taken for "no data", nobody would have a policy.
    let evaluation = Evaluation::new(MESSAGE, &context, Limits::default());
    let nothing = Answer::no_data(Security::Unknown, Duration::ZERO);
    let (verdict, _) = drive(evaluation, |_| nothing.clone());
    assert_eq!(verdict.dmarc().unwrap().result(), DmarcResult::None);
}

/// Each question fails in turn, and all others are answered: what the verdict depended on cannot
/// get better by that.
#[test]
fn no_single_failure_raises_the_grade() {
    let zone = zone();
    let context = context();
    let judge = |failing: Option<&Query>| {
        let evaluation = Evaluation::new(MESSAGE, &context, Limits::default());
        drive(evaluation, |query| match failing == Some(query) {
            true => Answer::failure(Failure::Timeout),
            false => zone.answer(query),
        })
    };
    let mut asked = Vec::new();
    let mut evaluation = Evaluation::new(MESSAGE, &context, Limits::default());
    while !evaluation.need().is_empty() {
        for query in evaluation.need().to_vec() {
            evaluation.answer(&query, zone.answer(&query), NOW);
            asked.push(query);
        }
    }
    assert_eq!(evaluation.finish().unwrap().grade(), Grade::Forged);
    let mut failed = 0;
    for query in &asked {
        let (verdict, _) = judge(Some(query));
        let result = verdict.dmarc().unwrap().result();
        assert!(
            matches!(result, DmarcResult::Fail | DmarcResult::TempError),
            "{query}: {verdict:?}"
        );
        assert!(verdict.grade() <= Grade::Unverifiable, "{query}");
        failed += usize::from(result == DmarcResult::TempError);
    }
    assert!(failed >= 2, "{asked:?}");
}

#[test]
fn the_order_of_answers_does_not_matter() {
    let (message, zone) = greedy();
    let context = context();
    let forward = Evaluation::new(message.as_bytes(), &context, Limits::default());
    let (forward, _) = drive(forward, |query| zone.answer(query));
    let mut evaluation = Evaluation::new(message.as_bytes(), &context, Limits::default());
    while let Some(query) = evaluation.need().last().cloned() {
        evaluation.answer(&query, zone.answer(&query), NOW);
    }
    assert_eq!(evaluation.finish().unwrap(), forward);
}

#[test]
fn the_envelope_alone_asks_for_nothing_but_spf() {
    let (zone, context) = (zone(), context());
    let evaluation = Evaluation::envelope(&context, Limits::default());
    let (verdict, asked) = drive(evaluation, |query| {
        assert!(!query.name.to_string().contains("_d"), "{query}");
        let answer = zone.answer(query);
        assert!(!matches!(answer.outcome(), Outcome::Failure(_)));
        answer
    });
    assert_eq!(asked, 3);
    assert_eq!(verdict.dmarc(), None);
    assert!(verdict.dkim().is_empty());
}
