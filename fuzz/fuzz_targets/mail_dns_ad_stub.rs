//! Whatever a resolver says, the stub takes only answers to its question, and nothing for secure that
//! the AD bit does not stand on.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mail_dns::{Outcome, Query, RecordType, Security, hear};

const ID: u16 = 0x4c4c;

// One octet says what is asked for; the rest is the datagram.
fuzz_target!(|data: &[u8]| {
    let Some((&what, datagram)) = data.split_first() else {
        return;
    };
    let record_type = RecordType::ALL[usize::from(what) % RecordType::ALL.len()];
    let Ok(name) = "host.test".parse() else {
        return;
    };
    let query = Query::new(name, record_type);
    // Another identifier is never heard.
    assert_eq!(
        hear(&query, !ID, datagram),
        other_identifier(&query, datagram)
    );
    let Some(answer) = hear(&query, ID, datagram) else {
        return;
    };
    let [a, b, flags, codes, ..] = *datagram else {
        panic!("half a header was heard");
    };
    assert_eq!([a, b], ID.to_be_bytes());
    // It is a response.
    assert!(flags & 0x80 != 0);
    let authentic = codes & 0x20 != 0;
    match answer.outcome() {
        Outcome::Failure(_) => assert_eq!(answer.security(), Security::Unknown),
        outcome => {
            // Not truncated, from a server that asks others, with the code of an answer.
            assert!(flags & 0x02 == 0 && codes & 0x80 != 0 && matches!(codes & 0x0f, 0 | 3));
            assert_eq!(answer.security() == Security::Secure, authentic);
            assert_eq!(answer.security() == Security::Insecure, !authentic);
            if let Outcome::Records(records) = outcome {
                assert!(records.iter().all(|r| r.record_type() == record_type));
            }
        }
    }
});

/// What is heard where the identifier of the datagram is the other one.
fn other_identifier(query: &Query, datagram: &[u8]) -> Option<mail_dns::Answer> {
    match datagram.starts_with(&(!ID).to_be_bytes()) {
        true => hear(query, !ID, datagram),
        false => None,
    }
}
