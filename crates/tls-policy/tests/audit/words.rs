//! What a report never says, and that it says all the rest to programs, too.

use crate::support::{TODAY, from_json, good, run, set, to_json};
use serde_json::json;
use tls_policy::audit::{Facts, RULE_SETS, Reason, Subject, Verdict, rule_sets_on};

/// Conformity is the operator's own declaration.
fn claims(text: &str) -> bool {
    let text = text.to_lowercase();
    ["certified", "zertifiziert", "compliant"]
        .iter()
        .any(|word| text.contains(word))
}

#[test]
fn nothing_claims_to_be_more_than_it_is() {
    assert!(claims("BSI-Certified") && !claims("certificate"));
    let mut bad = to_json(&good());
    for path in ["/services/*/starttls", "/services/*/reachable"] {
        set(&mut bad, path, json!(false));
    }
    let remote = Facts::of_domain(Subject::Remote, "example.org");
    for facts in [good(), from_json(bad), remote] {
        for today in [TODAY, "2020-01-01", "2040-01-01"] {
            let report = run(&facts, today);
            assert!(!claims(&report.to_string()));
            assert!(!claims(&report.to_json().to_string()));
        }
    }
    assert!(!claims(&format!("{RULE_SETS:?}")));
    assert!(
        Reason::ALL
            .iter()
            .all(|reason| !claims(reason.text()) && !claims(reason.code()))
    );
    for text in [
        include_str!("../data/audit.toml"),
        include_str!("../../../../docs/audit-rules.md"),
    ] {
        assert!(!claims(text));
    }
}

#[test]
fn codes_are_unique_and_plain() {
    let mut codes: Vec<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
    codes.sort_unstable();
    assert!(codes.windows(2).all(|two| two[0] != two[1]));
    let plain = |code: &str| {
        code.bytes()
            .all(|o| o.is_ascii_lowercase() || b".-0123456789".contains(&o))
    };
    assert!(codes.iter().all(|code| plain(code)));
    for set in RULE_SETS {
        let mut ids: Vec<_> = set.rules.iter().map(|rule| rule.id).collect();
        ids.sort_unstable();
        assert!(ids.windows(2).all(|two| two[0] != two[1]), "{}", set.id);
    }
}

#[test]
fn editions_follow_each_other() {
    let on = |day: &str| {
        let sets = rule_sets_on(crate::support::date(day)).into_iter();
        sets.map(|set| format!("{}@{}", set.id, set.edition))
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(on("2023-05-31"), "TR_03108@1.0.2");
    assert_eq!(on("2023-06-01"), "TR_03108@2.0");
    assert_eq!(
        on("2025-12-31"),
        "TR_02102_2@2025-01 TR_03116_4@2025 TR_03108@2.0 TR_03182@1.0"
    );
    assert_eq!(
        on(TODAY),
        "TR_02102_2@2026-01 TR_03116_4@2025 TR_03108@2.0 TR_03182@1.0 INTERNET_NL_MAIL@2026-07"
    );
}

#[test]
fn people_are_told_what_to_do_and_programs_get_all_of_it() {
    let mut facts = to_json(&good());
    let https = "v=TLSRPTv1; rua=mailto:tls@reports.example,https://example.org/tls";
    set(&mut facts, "/domain/tlsrpt_record", json!([https]));
    let report = run(&from_json(facts), TODAY);
    let text = report.to_string();
    let wanted = "  not met   must   TR-03108-10-M-no-https: its rua has no https\n            example.org: reports \
                  are asked for by https [https://example.org/tls]\n            do: leave the https URI out (4.2, 10-M)\n";
    assert!(text.contains(wanted), "{text}");
    assert!(text.contains("2025-01 (2025-01), replaced by 2026-01\n"));
    let json = report.to_json();
    let rows = json["rows"].as_array().unwrap();
    assert_eq!(rows.len(), report.rows.len());
    let row = rows
        .iter()
        .find(|row| row["rule"] == "TR-03108-10-M-no-https")
        .unwrap();
    assert_eq!(row["verdict"], "not-met");
    assert_eq!(row["reason"], "rua.https");
    assert_eq!(row["findings"][0]["evidence"], "https://example.org/tls");
    let counts = Verdict::ALL
        .iter()
        .map(|verdict| json["counts"][verdict.code()].as_u64().unwrap());
    assert_eq!(counts.sum::<u64>(), rows.len() as u64);
}

/// What comes from a peer is shown as text, and not all of it.
#[test]
fn evidence_is_printable_and_short() {
    let mut facts = to_json(&good());
    let hostile = format!("\u{1b}[2J\u{202e}\r\n{}", "x".repeat(10_000));
    set(&mut facts, "/hosts/0/caa", json!({ "broken": hostile }));
    let report = run(&from_json(facts), TODAY);
    let mut rows = report.rows.iter();
    let row = rows.find(|row| row.rule.id == "caa").unwrap();
    let evidence = &row.findings()[0].evidence;
    assert!(
        evidence.starts_with("\\u{1b}[2J\\u{202e}\\r\\nxx"),
        "{evidence}"
    );
    assert_eq!(evidence.len(), 300);
}
