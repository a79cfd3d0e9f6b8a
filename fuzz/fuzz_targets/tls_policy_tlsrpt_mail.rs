//! What reads as a report by mail, or compressed, is one that can be written and read again; whatever
//! it holds, no more than the limit is unpacked.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tls_policy::tlsrpt::{FileName, Form, ReceivedMail, Report};

fuzz_target!(|data: &[u8]| {
    if let Ok(mail) = ReceivedMail::read(data) {
        again(&mail.report);
        for name in [mail.domain, mail.submitter].into_iter().flatten() {
            assert!(name.len() <= 253 && !name.contains(|c: char| !c.is_ascii() || c <= ' '));
        }
    }
    if let Ok(report) = Report::unpack(data, Form::Gzip) {
        again(&report);
    }
    if let Ok(name) = str::from_utf8(data).unwrap_or_default().parse::<FileName>() {
        let text = name.to_string();
        assert_eq!(text.parse().as_ref(), Ok(&name), "{text}");
        assert!(!text.contains(['/', '\\', '\0', '\r', '\n']));
    }
});

fn again(report: &Report) {
    let packed = report.pack(Form::Gzip).unwrap();
    // A report may grow when it is written, over the limit of what is read.
    if report.to_json().len() <= tls_policy::tlsrpt::MAX_REPORT {
        assert_eq!(Report::unpack(&packed, Form::Gzip).as_ref(), Ok(report));
    }
}
