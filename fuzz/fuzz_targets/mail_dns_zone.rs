//! A zone made of any lines answers every question in bounded steps, and never contradicts itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mail_dns::{Failure, Name, Outcome, Query, Record, RecordType, Txt, Zone};

// A line is `NAME KIND DATA`: `=` alias, `!` time-out, `.` exists, anything else text.
fuzz_target!(|data: &[u8]| {
    let mut zone = Zone::new();
    let mut names = vec![Name::root()];
    for line in data.split(|&o| o == b'\n') {
        let mut fields = line.splitn(3, |&o| o == b' ');
        let mut field = || fields.next().unwrap_or_default();
        let (name, kind, data) = (field(), field(), field());
        let Ok(name) = Name::from_octets(name) else {
            continue;
        };
        names.push(name.clone());
        match (kind, Name::from_octets(data)) {
            (b"=", Ok(target)) => {
                names.push(target.clone());
                zone.insert(name, Record::Cname(target));
            }
            (b"!", _) => zone.fail(name, Failure::Timeout),
            (b".", _) => zone.insert_name(name),
            _ => zone.insert(name, Record::Txt(Txt::new([data]))),
        }
    }
    for name in names {
        let ask = |record_type| zone.answer(&Query::new(name.clone(), record_type));
        let (text, alias) = (ask(RecordType::Txt), ask(RecordType::Cname));
        for (answer, record_type) in [(&text, RecordType::Txt), (&alias, RecordType::Cname)] {
            assert!(answer.iter().all(|r| r.record_type() == record_type));
            assert_eq!(
                answer.iter().len() > 0,
                matches!(answer.outcome(), Outcome::Records(_))
            );
        }
        // What exists for one type exists for all, and so does everything above it.
        if matches!(alias.outcome(), Outcome::NoData) {
            assert_ne!(text.outcome(), &Outcome::NxDomain);
        }
        if !matches!(alias.outcome(), Outcome::NxDomain)
            && let Some(parent) = name.parent()
        {
            let above = zone.answer(&Query::new(parent, RecordType::Cname));
            assert_ne!(above.outcome(), &Outcome::NxDomain);
        }
    }
});
