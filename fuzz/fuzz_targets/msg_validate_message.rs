//! Any message is judged and stamped; what is stamped holds no forged copy, and loses nothing else.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mail_dns::Zone;
use msg_validate::{Context, Evaluation, Grade, Limits, Severity, Stamp};
use std::time::UNIX_EPOCH;

fuzz_target!(|message: &[u8]| {
    let Ok(stamp) = Stamp::new("mx.example.net") else {
        return;
    };
    let context = Context::bare(UNIX_EPOCH).judged_by(stamp.clone());
    let zone = Zone::new();
    let mut evaluation = Evaluation::new(message, &context, Limits::default());
    while !evaluation.need().is_empty() {
        for query in evaluation.need().to_vec() {
            evaluation.answer(&query, zone.answer(&query), context.now());
        }
    }
    let verdict = evaluation.finish().expect("nothing is open");
    // An empty DNS vouches for nobody, and denies nothing.
    assert!(matches!(
        verdict.grade(),
        Grade::Unverifiable | Grade::Suspicious
    ));
    let alarm = verdict
        .reasons()
        .iter()
        .any(|reason| reason.severity() == Severity::Alarm);
    assert_eq!(alarm, verdict.grade() == Grade::Suspicious);

    let stamped = verdict.stamp(message, &stamp);
    let bytes = stamped.to_vec();
    let rest = &bytes[stamped.field().len()..];
    assert!(rest.len() <= message.len());
    assert_eq!(rest.len() == message.len(), stamped.removed() == 0);
    // Once it is clean, there is nothing to be removed.
    assert_eq!(verdict.stamp(rest, &stamp).removed(), 0);
});
