//! The files in `tests/vectors`: each case names the section of the RFC that it proves.
#![allow(missing_docs, clippy::unwrap_used)]

use serde::Deserialize;
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;
use tls_policy::hsts::{Certificate, HTTPS_PRELOAD_2026, Hsts, MAX_HEADER, Observed, Redirect};
use tls_policy::sts::{
    MAX_AGE, MAX_MX, MAX_POLICY, Mode, Pattern, Policy, PolicyError, Record, RecordError,
};
use tls_policy::tlsrpt::{FileName, MAX_DESTINATIONS, TlsRptRecord};

#[derive(Deserialize)]
struct Suite {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    rfc: String,
    text: String,
    id: Option<String>,
    print: Option<String>,
    error: Option<String>,
    #[serde(default)]
    permits: Vec<String>,
    #[serde(default)]
    refuses: Vec<String>,
}

/// Runs a file; refusals outnumber what is accepted.
fn run<T>(file: &str, check: impl Fn(&T, &Case, &str))
where
    T: FromStr<Err: Display> + Display + PartialEq,
{
    let path = format!("{}/tests/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    let suite: Suite = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let (mut accepted, mut refused) = (0, 0);
    for case in &suite.case {
        let at = format!("{file}: {} (RFC {})", case.name, case.rfc);
        match (case.text.parse::<T>(), &case.error) {
            (Ok(value), None) => {
                let printed = value.to_string();
                let again = printed.parse::<T>();
                assert!(again.is_ok_and(|again| again == value), "{at}: {printed:?}");
                if let Some(print) = &case.print {
                    assert_eq!(&printed, print, "{at}");
                }
                check(&value, case, &at);
                accepted += 1;
            }
            (Err(why), Some(error)) => {
                assert_eq!(&why.to_string(), error, "{at}");
                refused += 1;
            }
            (Ok(value), Some(error)) => panic!("{at}: {value} instead of {error}"),
            (Err(why), None) => panic!("{at}: {why}"),
        }
    }
    assert!(
        accepted > 0 && refused > accepted,
        "{file}: {accepted}, {refused}"
    );
}

#[test]
fn records() {
    run::<Record>("sts-record.toml", |record, case, at| {
        assert_eq!(Some(record.id()), case.id.as_deref(), "{at}");
    });
}

#[test]
fn policies() {
    run::<Policy>("sts-policy.toml", |policy, case, at| {
        for host in &case.permits {
            assert!(policy.names(host), "{at}: {host}");
        }
        for host in &case.refuses {
            assert!(!policy.names(host), "{at}: {host}");
        }
    });
}

#[test]
fn tlsrpt_records() {
    run::<TlsRptRecord>("tlsrpt-record.toml", |record, case, at| {
        let uris: Vec<_> = record.destinations().iter().map(|to| to.uri()).collect();
        assert_eq!(Some(uris.join(" ")), case.id, "{at}");
    });
    let many = ["mailto:a@example"; MAX_DESTINATIONS + 1].join(",");
    let many: TlsRptRecord = format!("v=TLSRPTv1; rua={many}").parse().unwrap();
    assert_eq!(many.destinations().len(), MAX_DESTINATIONS);
    let record = "v=TLSRPTv1; rua=MAILTO:a@example?cc=b@example,https://a/mailto:x@y";
    let record: TlsRptRecord = record.parse().unwrap();
    let to: Vec<_> = record
        .destinations()
        .iter()
        .map(|to| to.mail_address())
        .collect();
    assert_eq!(to, [Some("a@example"), None]);
}

#[test]
fn tlsrpt_file_names() {
    run::<FileName>("tlsrpt-file-name.toml", |_, _, _| {});
}

#[test]
fn hsts() {
    run::<Hsts>("hsts.toml", |_, _, _| {});
}

#[test]
fn octets_that_are_no_text_are_refused() {
    let policy = b"version: STSv1\nmode: none\nx: \xff\nmax_age: 1\n";
    assert_eq!(
        Policy::from_octets(policy),
        Err(PolicyError::Line { line: 3 })
    );
    let record = b"v=STSv1; id=\xff;";
    assert_eq!(
        Record::from_octets(record),
        Err(RecordError::Field { field: 2 })
    );
    assert!(Hsts::from_octets(b"max-age=1; \xff").is_err());
    assert!(Hsts::from_octets(b"max-age=1; x=\"\xff\"").is_ok());
}

#[test]
fn limits_hold() {
    let policy = |hosts: usize, filler: usize| {
        let mx = "mx: a.example\n".repeat(hosts);
        let filler = "x".repeat(filler);
        format!("version: STSv1\nmode: enforce\n{mx}max_age: 1\nfill: {filler}\n")
    };
    let room = MAX_POLICY - policy(1, 0).len();
    assert!(policy(1, room).parse::<Policy>().is_ok());
    let longer = policy(1, room + 1).parse::<Policy>();
    assert_eq!(longer, Err(PolicyError::TooLong));
    assert!(policy(MAX_MX, 1).parse::<Policy>().is_ok());
    let more = policy(MAX_MX + 1, 1).parse::<Policy>();
    assert_eq!(more, Err(PolicyError::TooManyHosts));
    let pattern: Pattern = "*.a.example".parse().unwrap();
    let many = std::iter::repeat_n(pattern.clone(), MAX_MX + 1);
    let many = Policy::new(Mode::Enforce, many, MAX_AGE);
    assert_eq!(many, Err(PolicyError::TooManyHosts));
    let ever = Policy::new(Mode::Enforce, [pattern], Duration::MAX).unwrap();
    assert_eq!(ever.max_age(), MAX_AGE);
    let header = format!("max-age=1; x={}", "x".repeat(MAX_HEADER - 13));
    assert!(header.parse::<Hsts>().is_ok());
    assert!(format!("{header}x").parse::<Hsts>().is_err());
    let label = "a".repeat(63);
    let long = [&*label, &*label, &*label, &"a".repeat(61)].join(".");
    assert!(long.parse::<Pattern>().is_ok() && format!("{long}a").parse::<Pattern>().is_err());
}

#[test]
fn preload_wants_all_of_it_and_what_nobody_saw_is_missing() {
    let rule = HTTPS_PRELOAD_2026;
    let mut seen = Observed::default();
    let hsts = Hsts::new(rule.max_age).include_sub_domains().preload();
    seen.hsts = Some(hsts);
    seen.certificate = Certificate::Valid;
    seen.port_80 = Redirect::SameHost;
    seen.www = Certificate::NoHost;
    let codes = |domain: &str, seen: &Observed| {
        let unmet = rule.unmet(domain, "example.org", seen);
        unmet.iter().map(|unmet| unmet.code()).collect::<Vec<_>>()
    };
    assert_eq!(codes("example.org", &seen), [""; 0]);
    let nothing = Observed::default();
    let all = [
        "hsts.base-domain",
        "hsts.certificate",
        "hsts.redirect",
        "hsts.www",
        "hsts.no-header",
    ];
    assert_eq!(codes("mail.example.org", &nothing), all);
    let with = |change: fn(&mut Observed)| {
        let mut seen = seen;
        change(&mut seen);
        codes("example.org", &seen)
    };
    assert_eq!(
        with(|s| s.certificate = Certificate::Invalid),
        ["hsts.certificate"]
    );
    assert_eq!(
        with(|s| s.certificate = Certificate::NoHost),
        ["hsts.certificate"]
    );
    assert_eq!(with(|s| s.port_80 = Redirect::Elsewhere), ["hsts.redirect"]);
    assert_eq!(with(|s| s.port_80 = Redirect::Serves), ["hsts.redirect"]);
    assert_eq!(with(|s| s.port_80 = Redirect::Closed), [""; 0]);
    assert_eq!(with(|s| s.www = Certificate::Invalid), ["hsts.www"]);
    assert_eq!(with(|s| s.hsts = None), ["hsts.no-header"]);
    let shorter = |s: &mut Observed| s.hsts = Some("max-age=31535999".parse().unwrap());
    assert_eq!(
        with(shorter),
        ["hsts.max-age", "hsts.sub-domains", "hsts.preload"]
    );
}
