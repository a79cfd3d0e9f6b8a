//! What reads as a report, or as the record that asks for one, prints as one that says the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tls_policy::tlsrpt::{Report, TlsRptRecord};

fuzz_target!(|data: &[u8]| {
    if let Ok(record) = TlsRptRecord::from_octets(data) {
        let text = record.to_string();
        assert_eq!(text.parse().as_ref(), Ok(&record), "{text}");
        for destination in record.destinations() {
            assert!(
                destination
                    .uri()
                    .bytes()
                    .all(|octet| octet.is_ascii_graphic())
            );
        }
    }
    if let Ok(report) = Report::from_json(data) {
        let text = report.to_json();
        assert_eq!(
            Report::from_json(text.as_bytes()).as_ref(),
            Ok(&report),
            "{text}"
        );
    }
});
