//! Reports on their way: compressed, as a mail, as a request; and those of strangers.
#![allow(missing_docs, clippy::unwrap_used)]

use flate2::Compression;
use flate2::write::GzEncoder;
use http::{Method, StatusCode};
use proptest::prelude::*;
use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tls_policy::requiretls::header_wish;
use tls_policy::tlsrpt::{
    Carried, Counted, Counters, Day, Delivery, Failure, FileName, Form, Letter, MAX_MAIL,
    MAX_PACKED, MAX_REPORT, MailError, NextTry, Policy, PolicyKind, PostError, RETRY, ReceivedMail,
    Report, ReportError, ResultType, TlsRptRecord, Tried, post, posted, report_facts,
};
use tls_policy::{Action, Attempt, Floor, MxFact, Next, Wish, decide};

/// 2027-01-15T08:00:00Z.
fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn report() -> Report {
    let mut counters = Counters::new(1);
    let policy = Policy::new(PolicyKind::Tlsa, "example.com");
    counters.failure(&policy, Failure::new(ResultType::CertificateExpired), now());
    let (day, id) = (Day::of(now()), "20270115.1@sender.example");
    let policies = counters.take("example.com", day);
    Report::new("Sender", "tls@sender.example", id, day.range(), policies)
}

fn letter() -> Letter<'static> {
    let from = "tls@sender.example";
    Letter::new(
        "example.com",
        "sender.example",
        from,
        "rpt@example.com",
        now(),
    )
}

fn gzip(octets: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(octets).unwrap();
    encoder.finish().unwrap()
}

fn unpack(octets: &[u8]) -> Result<Report, ReportError> {
    Report::unpack(octets, Form::Gzip)
}

#[test]
fn what_is_packed_is_unpacked() {
    for form in [Form::Json, Form::Gzip] {
        let octets = report().pack(form).unwrap();
        assert_eq!(octets, report().pack(form).unwrap(), "the same each time");
        assert_eq!(Report::unpack(&octets, form), Ok(report()));
        assert_eq!(
            Form::of_media_type(&form.media_type().to_uppercase()),
            Some(form)
        );
    }
    assert_eq!(Form::of_media_type("application/gzip"), None);
    // RFC 1952 §2.2: members follow one another.
    let json = report().to_json();
    let (front, end) = json.as_bytes().split_at(json.len() / 2);
    assert_eq!(unpack(&[gzip(front), gzip(end)].concat()), Ok(report()));
}

#[test]
fn what_is_damaged_or_not_compressed_is_refused() {
    let whole = report().pack(Form::Gzip).unwrap();
    for length in 0..whole.len() {
        assert_eq!(unpack(&whole[..length]), Err(ReportError::Gzip), "{length}");
    }
    for octets in [
        report().to_json().as_bytes(),
        b"PK\x03\x04",
        &[&*whole, b"x"].concat(),
        &[&*whole, &[0; 100]].concat(),
    ] {
        assert_eq!(unpack(octets), Err(ReportError::Gzip));
    }
    // The checksum counts.
    let mut changed = whole.clone();
    let at = changed.len() - 8;
    changed[at] ^= 1;
    assert_eq!(unpack(&changed), Err(ReportError::Gzip));
    assert_eq!(
        unpack(&gzip(b"{}")).unwrap_err().to_string(),
        "no or no proper date-range"
    );
}

#[test]
fn a_bomb_is_not_unpacked_beyond_the_limit() {
    let too_large = |what| Err(ReportError::TooLarge { what });
    // Up to the limit it is read, and is no report.
    assert_eq!(
        unpack(&gzip(&vec![b' '; MAX_REPORT])),
        Err(ReportError::Json)
    );
    assert_eq!(
        unpack(&gzip(&vec![b' '; MAX_REPORT + 1])),
        too_large("unpacked octets")
    );
    // What comes far behind the limit is not looked at, even if it is damaged: without the limit this
    // would be an error of gzip.
    let mut bomb = gzip(&vec![0; 4 * MAX_REPORT]);
    assert!(bomb.len() < MAX_PACKED / 4);
    let end = bomb.len() - 8;
    bomb[end..].fill(0xFF);
    assert_eq!(unpack(&bomb), too_large("unpacked octets"));
    // Neither are members, however many.
    let member = gzip(&vec![0; MAX_REPORT / 2]);
    let mut members = member.repeat(3);
    members.extend(b"no member");
    assert_eq!(unpack(&members), too_large("unpacked octets"));
    // Nor are more than a hundred, as each costs work, even if it is empty.
    let empty = |members| unpack(&gzip(b"").repeat(members));
    assert_eq!(empty(100), Err(ReportError::Json));
    assert_eq!(empty(101), too_large("gzip members"));
    assert_eq!(unpack(&vec![0; MAX_PACKED + 1]), too_large("packed octets"));
}

#[test]
fn the_mail_has_the_form_of_the_rfc() {
    let mail = letter().write(&report()).unwrap();
    assert!(mail.is_ascii() && mail.replace("\r\n", "").bytes().all(|o| o >= b' '));
    assert!(mail.lines().all(|line| line.len() <= 78), "{mail}");
    let (header, body) = mail.split_once("\r\n\r\n").unwrap();
    let unfolded = header.replace("\r\n ", " ");
    for line in [
        "Date: Fri, 15 Jan 2027 08:00:00 +0000",
        "From: <tls@sender.example>",
        "To: <rpt@example.com>",
        "Subject: Report Domain: example.com Submitter: sender.example Report-ID: <20270115.1@sender.example>",
        "Message-ID: <20270115.1@sender.example>",
        "TLS-Report-Domain: example.com",
        "TLS-Report-Submitter: sender.example",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        "Content-Type: multipart/report; report-type=\"tlsrpt\"; boundary=\"=_tlsrpt\"",
    ] {
        assert!(
            unfolded.lines().any(|known| known == line),
            "{line}\n{unfolded}"
        );
    }
    let file = body
        .split("filename=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let file: FileName = file.parse().unwrap();
    assert_eq!(
        (file.sender(), file.domain(), file.form()),
        ("sender.example", "example.com", Form::Gzip)
    );
    assert_eq!(file.range(), Some(Day::of(now()).range()));
    // It arrives where TLS is broken.
    assert_eq!(header_wish(mail.as_bytes()), Ok(Wish::TlsRequiredNo));
    let read = ReceivedMail::read(mail.as_bytes()).unwrap();
    assert_eq!(read.report, report());
    assert_eq!(read.domain.as_deref(), Some("example.com"));
    assert_eq!(read.submitter.as_deref(), Some("sender.example"));
    // And with the line ends of a file.
    let lf = ReceivedMail::read(mail.replace("\r\n", "\n").as_bytes());
    assert_eq!(lf, Ok(read));
    let mut plain = report();
    plain.id = "1".into();
    let mail = letter().write(&plain).unwrap();
    assert!(mail.contains("Message-ID: <1@sender.example>\r\n"));
}

#[test]
fn nobody_writes_into_the_header() {
    type Change = fn(&mut Letter<'static>);
    let changes: [(Change, &str); 14] = [
        (
            |l| l.to = "a@example.com\r\nBcc: b@example.org",
            "recipient",
        ),
        (|l| l.to = "a@example.com, b@example.org", "recipient"),
        (|l| l.to = "a", "recipient"),
        (|l| l.to = "@example.com", "recipient"),
        (|l| l.to = "a@", "recipient"),
        (|l| l.to = "a b@example.com", "recipient"),
        (|l| l.to = "a@example.com>", "recipient"),
        (|l| l.to = "\u{e9}@example.com", "recipient"),
        (|l| l.from = "tls@example.net", "sender"),
        (|l| l.from = "tls\n@sender.example", "sender"),
        (|l| l.domain = "example.com\r\nX: y", "policy domain"),
        (|l| l.domain = "", "policy domain"),
        (|l| l.submitter = "sender.example ", "submitter"),
        (|l| l.submitter = "other.example", "sender"),
    ];
    for (change, what) in changes {
        let mut letter = letter();
        change(&mut letter);
        assert_eq!(
            letter.write(&report()),
            Err(MailError::Address { what }),
            "{letter:?}"
        );
    }
    for id in [
        "",
        "a b",
        "a@b@c",
        "@a",
        "a@",
        ".",
        "a..b",
        "a>\r\nX: y",
        "<a@b>",
        &"a".repeat(256),
    ] {
        let mut report = report();
        report.id = id.into();
        assert_eq!(letter().write(&report), Err(MailError::Id), "{id:?}");
    }
    let to = |uri: &str| {
        let record: TlsRptRecord = format!("v=TLSRPTv1; rua={uri}").parse().unwrap();
        record.destinations()[0].mailbox()
    };
    assert_eq!(
        to("mailto:a%2Bb@example.com?cc=c@d"),
        Some("a+b@example.com".into())
    );
    for uri in [
        "mailto:a%0D%0Ab@example.com",
        "mailto:a@example.com%2Cb@example.com",
        "mailto:a%@example.com",
        "mailto:a%2@example.com",
        "mailto:a%C3%A9@example.com",
        "mailto:%22a%20b%22@example.com",
        "mailto:a@[192.0.2.1]",
        "https://a@example.com/",
    ] {
        assert_eq!(to(uri), None, "{uri}");
    }
}

/// A mail as others write it.
const FOREIGN: &str = "Received: by mx.example.com\r\n\
    From: =?utf-8?q?Reports?= <tls@sender.example>\r\n\
    TLS-Report-Domain: Example.COM\r\n\
    Content-Type: Multipart/Report (a \\) comment); boundary=\"a b'()+_,-./:=?\";\r\n\
    \treport-type = TLSRPT ;\r\n\
    \r\n\
    This is a preamble.\r\n\
    --a b'()+_,-./:=?\r\n\
    \r\n\
    Words for people.\r\n\
    --a b'()+_,-./:=?  \r\n\
    Content-Type: application/tlsrpt+json; name=x\r\n\
    Content-Transfer-Encoding: QUOTED-PRINTABLE\r\n\
    \r\n\
    {BODY}\r\n\
    --a b'()+_,-./:=?--\r\n\
    epilogue\r\n";

fn foreign() -> String {
    let mut text = report().to_json().replace('=', "=3D");
    text.insert_str(40, "=\r\n");
    FOREIGN.replace("{BODY}", &text)
}

#[test]
fn mail_of_others_is_read() {
    let read = ReceivedMail::read(foreign().as_bytes()).unwrap();
    assert_eq!(read.report, report());
    assert_eq!(
        (read.domain.as_deref(), read.submitter),
        (Some("example.com"), None)
    );
    for (from, to) in [
        ("QUOTED-PRINTABLE", "7bit"),
        ("Content-Transfer-Encoding: QUOTED-PRINTABLE\r\n", ""),
    ] {
        let plain = FOREIGN
            .replace("{BODY}", &report().to_json())
            .replace(from, to);
        assert_eq!(
            ReceivedMail::read(plain.as_bytes()).unwrap().report,
            report()
        );
    }
    let packed = report().pack(Form::Gzip).unwrap();
    let (front, end) = FOREIGN.split_once("{BODY}").unwrap();
    let front = front
        .replace("QUOTED-PRINTABLE", "binary")
        .replace("+json", "+gzip");
    let binary = [front.as_bytes(), &packed, end.as_bytes()].concat();
    assert_eq!(ReceivedMail::read(&binary).unwrap().report, report());
    // RFC 8460 §5.6: the report counts, whatever the header says.
    let other = foreign().replace("Example.COM", "other.example");
    assert_eq!(
        ReceivedMail::read(other.as_bytes()).unwrap().report,
        report()
    );
}

#[test]
fn what_is_no_mail_with_one_report_is_refused() {
    let part = "--a b'()+_,-./:=?\r\nContent-Type: application/tlsrpt+json\r\n\r\n{}\r\n";
    let many = format!("{}This", "--a b'()+_,-./:=?\r\n\r\nx\r\n".repeat(30));
    let cases: [(&str, &str, MailError); 26] = [
        ("Multipart/Report", "multipart/mixed", MailError::OtherMail),
        ("Multipart/Report", "text/plain", MailError::OtherMail),
        ("TLSRPT", "delivery-status", MailError::OtherMail),
        ("TLSRPT", "tlsrpt2", MailError::OtherMail),
        ("TLSRPT", "tlsrpt; report-type=tlsrpt", MailError::OtherMail),
        ("report-type =", "report =", MailError::OtherMail),
        (
            "Content-Type: Multipart",
            "X-Type: Multipart",
            MailError::OtherMail,
        ),
        ("TLSRPT ;", "TLSRPT x;", MailError::Header),
        ("(a \\) comment)", "(a \\) comment", MailError::Header),
        ("Multipart/Report", "/", MailError::OtherMail),
        ("Multipart/Report", "", MailError::Header),
        ("report-type =", "report-type", MailError::Header),
        ("From:", "From", MailError::Header),
        (
            "From:",
            "Content-Type: text/plain\r\nFrom:",
            MailError::Header,
        ),
        (
            "From:",
            "TLS-Report-Domain: a.example\r\nFrom:",
            MailError::Header,
        ),
        ("From:", ": x\r\nFrom:", MailError::Header),
        ("boundary=", "border=", MailError::Parts),
        ("boundary=\"a b'", "boundary=\"a c'", MailError::Parts),
        ("?--\r\nepilogue", "?\r\nepilogue", MailError::Parts),
        ("This", &many, MailError::Parts),
        (
            "application/tlsrpt+json",
            "application/json",
            MailError::NotOne,
        ),
        ("This is a preamble.\r\n", part, MailError::NotOne),
        ("QUOTED-PRINTABLE", "x-uuencode", MailError::Encoding),
        ("QUOTED-PRINTABLE", "base64", MailError::Encoding),
        ("\"organization-name\"", "=0G", MailError::Encoding),
        (
            "\"organization-name\"",
            "x",
            MailError::Report(ReportError::Json),
        ),
    ];
    for (from, to, error) in cases {
        let mail = foreign();
        assert!(mail.contains(from), "{from}");
        let read = ReceivedMail::read(mail.replacen(from, to, 1).as_bytes());
        assert_eq!(read, Err(error), "{from} -> {to}");
    }
    assert_eq!(ReceivedMail::read(b""), Err(MailError::OtherMail));
    assert_eq!(
        ReceivedMail::read(&vec![b'\n'; MAX_MAIL + 1]),
        Err(MailError::TooLong)
    );
    // The bomb, by mail.
    let bomb = gzip(&vec![b' '; 4 * MAX_REPORT]);
    let (front, end) = FOREIGN.split_once("{BODY}").unwrap();
    let front = front
        .replace("QUOTED-PRINTABLE", "binary")
        .replace("+json", "+gzip");
    let mail = [front.as_bytes(), &bomb, end.as_bytes()].concat();
    let what = "unpacked octets";
    let error = MailError::Report(ReportError::TooLarge { what });
    assert_eq!(ReceivedMail::read(&mail), Err(error));
}

#[test]
fn a_request_is_a_post_of_the_report_to_the_uri() {
    let destination = |uri: &str| {
        let record: TlsRptRecord = format!("v=TLSRPTv1; rua={uri}").parse().unwrap();
        record.destinations()[0].clone()
    };
    let to = destination("HTTPS://rpt.example.com:8443/v1/tls?a=b");
    for form in [Form::Json, Form::Gzip] {
        let request = post(&to, &report(), form).unwrap();
        assert_eq!(request.method(), Method::POST);
        assert_eq!(request.uri().host(), Some("rpt.example.com"));
        assert_eq!(request.uri().path_and_query().unwrap(), "/v1/tls?a=b");
        assert_eq!(request.headers().len(), 1);
        assert_eq!(request.headers()["content-type"], form.media_type());
        assert_eq!(Report::unpack(request.body(), form), Ok(report()));
    }
    for uri in [
        "https://name:secret@example.com/",
        "https://name@example.com/",
        "https://:443/",
        "https:///v1",
        "https://exa<mple.com/",
        "mailto:a@example.com",
    ] {
        let refused = post(&destination(uri), &report(), Form::Gzip);
        assert_eq!(refused.unwrap_err(), PostError::Uri, "{uri}");
    }
    for status in 100..=999 {
        let meant = match status {
            200..=299 => Tried::Accepted,
            408 | 425 | 429 | 500..=599 => Tried::Failed,
            _ => Tried::Refused,
        };
        assert_eq!(
            posted(StatusCode::from_u16(status).unwrap()),
            meant,
            "{status}"
        );
    }
}

fn record() -> TlsRptRecord {
    "v=TLSRPTv1; rua=https://a.example/,mailto:b@b.example"
        .parse()
        .unwrap()
}

/// Tries until it is over; how often, and how long after the beginning the last time.
fn run(answers: impl Fn(usize, usize) -> Tried) -> (Vec<usize>, Duration, bool) {
    let (record, mut at) = (record(), now());
    let mut delivery = Delivery::new(&record, at);
    let (mut tries, mut last) = (vec![0, 0], Duration::ZERO);
    loop {
        match delivery.next(at) {
            NextTry::Now(to) => {
                let place = record.destinations().iter().position(|d| d == to).unwrap();
                let (to, answer) = (to.clone(), answers(place, tries[place]));
                tries[place] += 1;
                last = at.duration_since(now()).unwrap();
                delivery.tried(&to, answer, at);
                assert!(tries[place] < 100);
            }
            NextTry::At(next) => {
                assert!(next > at);
                at = next;
            }
            NextTry::Delivered => return (tries, last, true),
            NextTry::GaveUp => return (tries, last, false),
        }
    }
}

#[test]
fn a_report_goes_to_the_first_that_takes_it_for_a_day() {
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    assert_eq!(
        run(|_, _| Tried::Accepted),
        (vec![1, 0], Duration::ZERO, true)
    );
    let second = |place, _| [Tried::Failed, Tried::Accepted][place];
    assert_eq!(run(second), (vec![1, 1], Duration::ZERO, true));
    assert_eq!(
        run(|_, _| Tried::Refused),
        (vec![1, 1], Duration::ZERO, false)
    );
    let late = |place, tries| match (place, tries) {
        (0, 3) => Tried::Accepted,
        _ => Tried::Failed,
    };
    assert_eq!(run(late), (vec![4, 3], minutes(15 + 30 + 60), true));
    let (tries, last, delivered) = run(|_, _| Tried::Failed);
    assert!(
        !delivered && last <= RETRY.give_up_after && last > minutes(20 * 60),
        "{last:?}"
    );
    assert_eq!(tries, [10, 10]);
    let refused = |place, _| [Tried::Refused, Tried::Failed][place];
    assert_eq!(run(refused).0, [1, 10]);
}

#[test]
fn a_delivery_ends_by_the_clock_and_waits_for_none_that_went_back() {
    let record = record();
    let mut delivery = Delivery::new(&record, now());
    for destination in record.destinations() {
        delivery.tried(destination, Tried::Failed, now());
    }
    let year = Duration::from_secs(365 * 86_400);
    assert!(matches!(delivery.next(now()), NextTry::At(_)));
    assert!(matches!(delivery.next(now() - year), NextTry::Now(_)));
    assert_eq!(delivery.next(now() + year), NextTry::GaveUp);
    let other: TlsRptRecord = "v=TLSRPTv1; rua=mailto:c@c.example".parse().unwrap();
    delivery.tried(&other.destinations()[0], Tried::Accepted, now());
    assert_ne!(
        delivery.next(now()),
        NextTry::Delivered,
        "that is none of its destinations"
    );
    delivery.tried(&record.destinations()[1], Tried::Accepted, now());
    assert_eq!(delivery.next(now() + year), NextTry::Delivered);
}

#[test]
fn reports_go_despite_tls_failures_and_are_not_reported() {
    let facts = report_facts("example.com", "mx.example.com", MxFact::Secure);
    let decision = decide(&facts, Floor::Opportunistic);
    assert_eq!(decision.action(), Action::Opportunistic);
    assert_eq!(decision.reason().code(), "tls-required.no");
    assert_eq!(decision.after(Attempt::NoStartTls), Next::GoOn);
    assert_eq!(decision.after(Attempt::HandshakeFailed), Next::ClearAnew);
    let policy = Policy::new(PolicyKind::Tlsa, "example.com");
    let failure = || Some(Failure::new(ResultType::StartTlsNotSupported));
    let counted = |carried| {
        let mut counters = Counters::new(10);
        let counted = counters.session(carried, &policy, failure(), now());
        assert_eq!(counters.session(carried, &policy, None, now()), counted);
        (counted, counters.take("example.com", Day::of(now())))
    };
    assert_eq!(counted(Carried::Report), (Counted::Excluded, vec![]));
    // Mutation: the same sessions with mail are counted.
    let (counts, results) = counted(Carried::Mail);
    assert_eq!(
        (counts, results[0].successes, results[0].failures),
        (Counted::Yes, 1, 1)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_mailed_arrives(texts in prop::collection::vec("\\PC{0,40}", 3), sessions: u64) {
        let mut sent = report();
        sent.organization = texts[0].clone();
        sent.contact = texts[1].clone();
        sent.policies[0].policy.lines = texts.clone();
        sent.policies[0].failures = sessions;
        let mail = letter().write(&sent).unwrap();
        prop_assert_eq!(ReceivedMail::read(mail.as_bytes()).map(|mail| mail.report), Ok(sent));
    }

    #[test]
    fn a_changed_mail_is_read_or_refused(at: prop::sample::Index, with: u8, length in 0..3_usize) {
        let mut mail = foreign().into_bytes();
        let at = at.index(mail.len() - length);
        mail.splice(at..at + length, [with]);
        let _ = ReceivedMail::read(&mail);
        let mut packed = report().pack(Form::Gzip).unwrap();
        let at = at % packed.len();
        packed[at] ^= with;
        // The sum of CRC and length is on our side; the name and time in the header are not summed.
        if let Ok(read) = unpack(&packed) {
            prop_assert_eq!(read, report());
        }
    }
}
