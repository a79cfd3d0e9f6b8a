//! Reports: what counters make of sessions, and reports of strangers, good and bad.
#![allow(missing_docs, clippy::unwrap_used)]

use proptest::prelude::*;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tls_policy::tlsrpt::{
    Counted, Counters, Day, Failure, MAX_DETAILS, MAX_DETAILS_PER_POLICY, MAX_POLICIES, MAX_REPORT,
    MAX_TEXT, Policy, PolicyKind, Report, ReportError, ResultType,
};

const DAY: Duration = Duration::from_secs(86_400);

/// 2027-01-15T08:00:00Z.
fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

/// With all members that RFC 8460 §4.4 has.
const WHOLE: &str = r#"{
  "organization-name": "Company-X",
  "date-range": {"start-datetime": "2016-04-01T00:00:00Z", "end-datetime": "2016-04-01T23:59:59Z"},
  "contact-info": "sts-reporting@company-x.example",
  "report-id": "5065427c-23d3-47ca-b6e0-946ea0e8c4be",
  "policies": [{
    "policy": {
      "policy-type": "sts",
      "policy-string": ["version: STSv1", "mode: testing", "mx: *.mail.company-y.example", "max_age: 86400"],
      "policy-domain": "company-y.example",
      "mx-host": ["*.mail.company-y.example"]
    },
    "summary": {"total-successful-session-count": 5326, "total-failure-session-count": 303},
    "failure-details": [{
      "result-type": "certificate-expired",
      "sending-mta-ip": "2001:db8:abcd:12::1",
      "receiving-mx-hostname": "mx1.mail.company-y.example",
      "receiving-mx-helo": "mx1",
      "receiving-ip": "203.0.113.58",
      "additional-information": "https://reports.company-x.example/?id=5065427c",
      "failed-session-count": 100,
      "failure-reason-code": "X"
    }, {
      "result-type": "something-new",
      "failed-session-count": 203
    }]
  }]
}"#;

fn read(text: &str) -> Result<Report, ReportError> {
    Report::from_json(text.as_bytes())
}

#[test]
fn a_whole_report_is_read_and_written() {
    let report = read(WHOLE).unwrap();
    assert_eq!(
        report.end.duration_since(report.start).unwrap(),
        DAY - Duration::from_secs(1)
    );
    let [policy] = &*report.policies else {
        panic!("{report:?}")
    };
    assert_eq!((policy.successes, policy.failures), (5326, 303));
    assert_eq!(
        (&policy.policy.kind, policy.policy.mx.len()),
        (&PolicyKind::Sts, 1)
    );
    let [(first, 100), (second, 203)] = &*policy.details else {
        panic!("{policy:?}")
    };
    assert_eq!(first.result, ResultType::CertificateExpired);
    assert_eq!(first.receiving_ip, Some([203, 0, 113, 58].into()));
    assert_eq!(
        second,
        &Failure::new(ResultType::Other("something-new".into()))
    );
    assert_eq!(read(&report.to_json()), Ok(report));
}

#[test]
fn what_senders_leave_out_or_write_in_another_way_is_read() {
    let pairs = [
        (
            r#""mx-host": ["*.mail.company-y.example"]"#,
            r#""mx-host": "*.mail.company-y.example""#,
        ),
        (r#""contact-info": "sts-reporting@company-x.example","#, ""),
        (
            r#""receiving-mx-helo": "mx1","#,
            r#""receiving-mx-helo": null,"#,
        ),
        (
            r#""receiving-ip": "203.0.113.58","#,
            r#""receiving-ip": "","#,
        ),
        (r#""failure-reason-code": "X""#, r#""new": [1, {"a": "b"}]"#),
        ("2016-04-01T00:00:00Z", "2016-04-01T02:00:00+02:00"),
    ];
    for (from, to) in pairs {
        assert!(WHOLE.contains(from));
        let report = read(&WHOLE.replace(from, to));
        let start = report.map(|report| report.start);
        assert_eq!(start, read(WHOLE).map(|whole| whole.start), "{to}");
    }
    let bare = r#"{"organization-name": "", "report-id": "", "policies": [],
        "date-range": {"start-datetime": "2016-04-01T00:00:00Z", "end-datetime": "2016-04-01T00:00:00Z"}}"#;
    assert!(read(bare).is_ok());
}

#[test]
fn what_is_no_report_is_refused() {
    for text in ["", "[", "null", "[]", "1", "{}", "\"a\"", "<html>"] {
        assert!(read(text).is_err(), "{text}");
    }
    assert_eq!(read(&"[".repeat(100_000)), Err(ReportError::Json));
    let pairs = [
        (
            r#""organization-name": "Company-X""#,
            r#""organization-name": 1"#,
            "organization-name",
        ),
        (
            r#""organization-name""#,
            r#""organization""#,
            "organization-name",
        ),
        (r#""report-id""#, r#""id""#, "report-id"),
        (
            r#""date-range": {"#,
            r#""date-range": 1, "x": {"#,
            "date-range",
        ),
        ("2016-04-01T00:00:00Z", "2016-04-01", "start-datetime"),
        (
            "2016-04-01T23:59:59Z",
            "2016-04-31T23:59:59Z",
            "end-datetime",
        ),
        (r#""policies": ["#, r#""policies": 1, "x": ["#, "policies"),
        (r#""policy": {"#, r#""x": {"#, "policy"),
        (
            r#""policy-type": "sts""#,
            r#""policy-type": ["sts"]"#,
            "policy-type",
        ),
        (r#""policy-domain""#, r#""domain""#, "policy-domain"),
        (r#""mx-host": ["#, r#""mx-host": 1, "x": ["#, "mx-host"),
        (r#""mx-host": ["#, r#""mx-host": [1, "#, "mx-host"),
        (r#""summary""#, r#""x""#, "summary"),
        ("5326", "-1", "total-successful-session-count"),
        ("5326", "1.5", "total-successful-session-count"),
        ("5326", "\"5326\"", "total-successful-session-count"),
        (
            "5326",
            "18446744073709551616",
            "total-successful-session-count",
        ),
        (
            r#""total-failure-session-count""#,
            r#""x""#,
            "total-failure-session-count",
        ),
        (
            r#""failure-details": ["#,
            r#""failure-details": {}, "x": ["#,
            "failure-details",
        ),
        (
            r#""failure-details": ["#,
            r#""failure-details": [1, "#,
            "failure-details",
        ),
        (
            r#""result-type": "certificate-expired","#,
            "",
            "result-type",
        ),
        (
            r#""failed-session-count": 203"#,
            r#""x": 203"#,
            "failed-session-count",
        ),
        ("203.0.113.58", "203.0.113.256", "receiving-ip"),
        ("2001:db8:abcd:12::1", "mail.example", "sending-mta-ip"),
    ];
    for (from, to, what) in pairs {
        assert!(WHOLE.contains(from), "{from}");
        let report = read(&WHOLE.replacen(from, to, 1));
        assert_eq!(report, Err(ReportError::Member { what }), "{to}");
    }
}

#[test]
fn limits_of_what_is_read_hold() {
    let room = MAX_REPORT - WHOLE.len();
    assert!(read(&format!("{WHOLE}{}", " ".repeat(room))).is_ok());
    let longer = read(&format!("{WHOLE}{}", " ".repeat(room + 1)));
    assert_eq!(longer, Err(ReportError::TooLarge { what: "octets" }));
    let named = |length| WHOLE.replace("Company-X", &"x".repeat(length));
    assert!(read(&named(MAX_TEXT)).is_ok());
    let what = "organization-name";
    assert_eq!(
        read(&named(MAX_TEXT + 1)),
        Err(ReportError::TooLarge { what })
    );
    let hosts = |count| {
        let hosts = vec![r#""a""#; count].join(",");
        WHOLE.replace(r#""*.mail.company-y.example"]"#, &format!("{hosts}]"))
    };
    assert!(read(&hosts(MAX_DETAILS)).is_ok());
    let what = "mx-host";
    assert_eq!(
        read(&hosts(MAX_DETAILS + 1)),
        Err(ReportError::TooLarge { what })
    );
    let policy = r#"{"policy": {"policy-type": "tlsa", "policy-domain": "a"},
        "summary": {"total-successful-session-count": 1, "total-failure-session-count": 0}}"#;
    let policies = |count| {
        let policies = vec![policy; count].join(",");
        WHOLE.replace(
            r#""policies": ["#,
            &format!(r#""policies": [{policies}], "x": ["#),
        )
    };
    assert!(read(&policies(MAX_POLICIES)).is_ok());
    let what = "policies";
    assert_eq!(
        read(&policies(MAX_POLICIES + 1)),
        Err(ReportError::TooLarge { what })
    );
}

fn tlsa(domain: &str) -> Policy {
    Policy::new(PolicyKind::Tlsa, domain)
}

#[test]
fn sessions_are_counted_by_day_domain_policy_and_failure() {
    let mut counters = Counters::new(10);
    let policy: tls_policy::sts::Policy =
        "version: STSv1\nmode: enforce\nmx: *.a.example\nmax_age: 60\n"
            .parse()
            .unwrap();
    let sts = Policy::sts("A.example", &policy);
    assert_eq!((sts.lines.len(), &*sts.mx[0]), (4, "*.a.example"));
    let mut of_host = Failure::new(ResultType::CertificateExpired);
    of_host.mx = Some("mx.a.example".into());
    for _ in 0..3 {
        counters.success(&tlsa("a.example"), now());
        counters.failure(&sts, of_host.clone(), now());
    }
    counters.failure(&sts, Failure::new(ResultType::CertificateExpired), now());
    counters.success(&tlsa("b.example"), now());
    counters.success(&tlsa("a.example"), now() + DAY);
    let day = Day::of(now());
    assert_eq!(
        counters.domains(day).collect::<Vec<_>>(),
        ["a.example", "b.example"]
    );
    let results = counters.take("a.EXAMPLE", day);
    let [dane, mta_sts] = &*results else {
        panic!("{results:?}")
    };
    assert_eq!((dane.successes, dane.failures), (3, 0));
    assert_eq!(
        (mta_sts.successes, mta_sts.failures, mta_sts.details.len()),
        (0, 4, 2)
    );
    assert!(mta_sts.details.contains(&(of_host, 3)));
    assert!(
        counters.take("a.example", day).is_empty(),
        "it is reported once"
    );
    assert_eq!(counters.forget_before(Day::of(now() + DAY)), 1);
    assert_eq!(counters.take("a.example", Day::of(now() + DAY)).len(), 1);
}

#[test]
fn a_day_ends_at_midnight_by_utc() {
    let (start, end) = Day::of(now()).range();
    assert_eq!(
        (Day::of(start), Day::of(end)),
        (Day::of(now()), Day::of(now()))
    );
    let second = Duration::from_secs(1);
    assert!(Day::of(end + second) > Day::of(now()) && Day::of(start - second) < Day::of(now()));
}

#[test]
fn counters_are_bounded_and_say_so() {
    let mut counters = Counters::new(2);
    for domain in ["a.example", "b.example"] {
        assert_eq!(counters.success(&tlsa(domain), now()), Counted::Yes);
    }
    assert_eq!(counters.success(&tlsa("c.example"), now()), Counted::Full);
    assert_eq!(counters.success(&tlsa("a.example"), now()), Counted::Yes);
    for at in 0..1000 {
        let mut failure = Failure::new(ResultType::ValidationFailure);
        failure.reason = Some(at.to_string());
        assert_eq!(
            counters.failure(&tlsa("a.example"), failure, now()),
            Counted::Yes
        );
    }
    let day = Day::of(now());
    let result = counters.take("a.example", day).remove(0);
    assert_eq!(
        (result.failures, result.details.len()),
        (1000, MAX_DETAILS_PER_POLICY + 1)
    );
    assert_eq!(
        result
            .details
            .iter()
            .map(|(_, sessions)| sessions)
            .sum::<u64>(),
        1000
    );
    // Room again.
    assert_eq!(counters.success(&tlsa("c.example"), now()), Counted::Yes);
    counters.forget_before(Day::of(now() + DAY));
    for domain in ["d.example", "e.example"] {
        assert_eq!(counters.success(&tlsa(domain), now()), Counted::Yes);
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        texts in prop::collection::vec("\\PC{0,20}", 6),
        counts in prop::array::uniform3(any::<u64>()),
        result in 0..12_usize,
        ip: Option<std::net::IpAddr>,
        seconds: u32,
    ) {
        let mut policy = tlsa(&texts[0]);
        policy.lines = texts.clone();
        policy.mx = texts[..3].to_vec();
        let other = ResultType::Other("x".into());
        let mut failure = Failure::new(ResultType::ALL.get(result).cloned().unwrap_or(other));
        failure.sending_ip = ip;
        failure.helo = Some(texts[1].clone());
        let mut counters = Counters::new(1);
        counters.failure(&policy, failure, now());
        let mut results = counters.take(&texts[0], Day::of(now()));
        prop_assume!(!results.is_empty());
        (results[0].successes, results[0].failures, results[0].details[0].1) = counts.into();
        let end = now() + Duration::from_secs(seconds.into());
        let report = Report::new(&texts[3], &texts[4], &texts[5], (now(), end), results);
        prop_assert_eq!(read(&report.to_json()), Ok(report));
    }
}
