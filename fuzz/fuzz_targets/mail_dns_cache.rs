//! A cache within any bounds says what a map without bounds says, or nothing, and keeps its bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mail_dns::{Answer, Cache, CacheLimits, Name, Query, Record, RecordType, Security, Txt};
use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

// Two octets of limits, then steps of three: what to do, with which name, how long.
fuzz_target!(|data: &[u8]| {
    let Some((&[entries, bytes], steps)) = data.split_first_chunk() else {
        return;
    };
    let mut limits = CacheLimits::default();
    limits.entries = usize::from(entries % 16);
    limits.bytes = usize::from(bytes) * 64;
    let cache = Cache::with_limits(limits.clone());
    let mut model: HashMap<(u8, RecordType), (Answer, u64)> = HashMap::new();
    let mut now = 0;
    for step in steps.as_chunks().0 {
        let [what, host, number] = *step;
        let record_type = RecordType::ALL[usize::from(what >> 4) % RecordType::ALL.len()];
        let name = Name::from_labels([[host % 32]]).unwrap_or_else(|_| Name::root());
        let query = Query::new(name, record_type);
        let (key, at) = (
            (host % 32, record_type),
            SystemTime::UNIX_EPOCH + Duration::from_secs(now),
        );
        match what & 3 {
            0 => now += u64::from(number),
            1 => {
                let ttl = Duration::from_secs(u64::from(number % 64));
                let texts = usize::from(what >> 2 & 3);
                let records = vec![Record::Txt(Txt::new([vec![host; number.into()]])); texts];
                let answer = Answer::records(records, Security::Unknown, ttl);
                cache.insert(&query, &answer, at);
                // What is too large, or not to be kept, leaves the older one there.
                if cache.get(&query, at).as_ref() == Some(&answer) {
                    model.insert(key, (answer, now));
                }
            }
            _ => {
                if let Some(got) = cache.get(&query, at) {
                    let (answer, stored) = &model[&key];
                    let left = answer.ttl() - Duration::from_secs(now - stored);
                    assert!(!left.is_zero());
                    assert_eq!(got, answer.clone().with_ttl(left));
                }
            }
        }
        assert!(cache.len() <= limits.entries && cache.bytes() <= limits.bytes);
    }
});
