use std::hint::black_box;

use std::time::{Duration, SystemTime};

use mail_dns::{Answer, Cache, Name, Query, Record, RecordType, Security, Txt};

use crate::Count;

pub(crate) const COUNTS: &[Count] = &[
    Count {
        name: "mail-dns/cache-hit",
        ready: cache_hit,
    },
    Count {
        name: "mail-dns/name-from-octets",
        ready: || {
            let text = b"selector._domainkey.mail.example.com";
            Box::new(move || {
                black_box(Name::from_octets(black_box(text)).is_ok());
            })
        },
    },
    Count {
        name: "mail-dns/name-to-string",
        ready: || {
            let name = Name::from_octets(b"selector._domainkey.mail.example.com");
            Box::new(move || {
                black_box(black_box(&name).as_ref().map(Name::to_string).ok());
            })
        },
    },
];

fn cache_hit() -> Box<dyn FnMut()> {
    let now = SystemTime::UNIX_EPOCH;
    let records = [Record::Txt(Txt::from_text("v=spf1 mx -all"))];
    let answer = Answer::records(records, Security::Unknown, Duration::from_secs(60));
    let (cache, query) = (Cache::new(), Query::new(Name::root(), RecordType::Txt));
    cache.insert(&query, &answer, now);
    Box::new(move || {
        black_box(cache.get(black_box(&query), now));
    })
}
