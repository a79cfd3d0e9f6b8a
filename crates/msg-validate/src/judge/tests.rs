use super::*;
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Suite {
    case: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    dmarc: Option<(String, String, String)>,
    spf: Option<String>,
    #[serde(default)]
    signatures: Vec<Vec<String>>,
    noticed: Option<String>,
    grade: String,
    /// Those that must be among the reasons, and weigh.
    #[serde(default)]
    codes: Vec<String>,
}

const SPF: [SpfResult; 7] = [
    SpfResult::None,
    SpfResult::Neutral,
    SpfResult::Pass,
    SpfResult::Fail,
    SpfResult::SoftFail,
    SpfResult::TempError,
    SpfResult::PermError,
];
const DKIM: [DkimResult; 7] = [
    DkimResult::None,
    DkimResult::Pass,
    DkimResult::Fail,
    DkimResult::Policy,
    DkimResult::Neutral,
    DkimResult::TempError,
    DkimResult::PermError,
];
const DMARC: [DmarcResult; 5] = [
    DmarcResult::None,
    DmarcResult::Pass,
    DmarcResult::Fail,
    DmarcResult::TempError,
    DmarcResult::PermError,
];
const POLICY: [Policy; 3] = [Policy::None, Policy::Quarantine, Policy::Reject];
const SEVERITY: [Severity; 3] = [Severity::Info, Severity::Warning, Severity::Alarm];
const FLAWS: [(&str, Flaw); 4] = [
    ("l-tag", Flaw::BodyLimit),
    ("unsigned-duplicate", Flaw::UnsignedDuplicate),
    ("weak-key", Flaw::WeakKey),
    ("testing", Flaw::Testing),
];

fn of<T: Copy + ToString>(all: &[T], text: &str) -> T {
    *all.iter().find(|value| value.to_string() == text).unwrap()
}

fn signature(result: DkimResult, standing: Standing, flaws: Vec<Flaw>) -> Signature {
    Signature {
        result,
        standing,
        flaws,
        code: "dkim.test",
        text: String::new(),
    }
}

fn spf(result: SpfResult) -> SpfFinding {
    SpfFinding {
        result,
        text: String::new(),
    }
}

fn noticed(severity: Severity) -> Reason {
    Reason::new("test", severity, "")
}

fn findings(case: &Case) -> Findings {
    let signatures = case.signatures.iter().map(|parts| {
        let standing = match &*parts[0] {
            "author" => Standing::Author,
            "other" => Standing::Other,
            other => panic!("{other}"),
        };
        let flaw = |name: &String| FLAWS.iter().find(|(n, _)| n == name).unwrap().1;
        signature(
            of(&DKIM, &parts[1]),
            standing,
            parts[2..].iter().map(flaw).collect(),
        )
    });
    Findings {
        noticed: case
            .noticed
            .iter()
            .map(|s| noticed(of(&SEVERITY, s)))
            .collect(),
        spf: case.spf.as_deref().map(|result| spf(of(&SPF, result))),
        signatures: signatures.collect(),
        dmarc: case
            .dmarc
            .as_ref()
            .map(|(result, policy, aligned)| DmarcFinding {
                result: of(&DMARC, result),
                policy: (!policy.is_empty()).then(|| of(&POLICY, policy)),
                aligned: Aligned {
                    dkim: aligned.contains("dkim"),
                    spf: aligned.contains("spf"),
                },
                domain: "example.org".to_owned(),
            }),
    }
}

#[test]
fn grades_are_those_of_the_table() {
    let text = include_str!("../../tests/vectors/judge.toml");
    let suite: Suite = toml::from_str(text).unwrap();
    for case in &suite.case {
        let (grade, reasons) = judge(&findings(case));
        assert_eq!(grade.to_string(), case.grade, "{}: {reasons:?}", case.name);
        for code in &case.codes {
            let weighs = |r: &Reason| r.code() == code && r.severity() > Severity::Info;
            assert!(reasons.iter().any(weighs), "{}: {reasons:?}", case.name);
        }
    }
    assert!(suite.case.len() > 40);
    // A judge who holds nothing against anybody is found out.
    let lenient = |case: &&Case| findings(case).vouched().to_string() != case.grade;
    assert!(suite.case.iter().filter(lenient).count() > 10);
}

fn any_signature() -> impl Strategy<Value = Signature> {
    let standing = prop_oneof![Just(Standing::Author), Just(Standing::Other)];
    let flaws = proptest::sample::subsequence(FLAWS.map(|(_, flaw)| flaw).to_vec(), 0..=4);
    (proptest::sample::select(&DKIM[..]), standing, flaws)
        .prop_map(|(result, standing, flaws)| signature(result, standing, flaws))
}

fn any_findings() -> impl Strategy<Value = Findings> {
    let dmarc = (
        proptest::sample::select(&DMARC[..]),
        proptest::option::of(proptest::sample::select(&POLICY[..])),
        any::<(bool, bool)>(),
    );
    let dmarc = dmarc.prop_map(|(result, policy, (dkim, spf))| DmarcFinding {
        result,
        policy,
        aligned: Aligned { dkim, spf },
        domain: "example.org".to_owned(),
    });
    (
        proptest::collection::vec(
            proptest::sample::select(&SEVERITY[..]).prop_map(noticed),
            0..3,
        ),
        proptest::option::of(proptest::sample::select(&SPF[..]).prop_map(spf)),
        proptest::collection::vec(any_signature(), 0..4),
        proptest::option::of(dmarc),
    )
        .prop_map(|(noticed, spf, signatures, dmarc)| Findings {
            noticed,
            spf,
            signatures,
            dmarc,
        })
}

proptest! {
    #[test]
    fn what_is_noticed_never_raises_the_grade(
        mut findings in any_findings(),
        severity in proptest::sample::select(&SEVERITY[..]),
    ) {
        let (before, _) = judge(&findings);
        findings.noticed.push(noticed(severity));
        prop_assert!(judge(&findings).0 <= before);
    }

    #[test]
    fn a_signature_that_does_not_pass_never_raises_the_grade(
        mut findings in any_findings(),
        added in any_signature(),
        at in any::<proptest::sample::Index>(),
    ) {
        prop_assume!(added.result != DkimResult::Pass);
        let (before, _) = judge(&findings);
        let at = at.index(findings.signatures.len() + 1);
        findings.signatures.insert(at, added);
        prop_assert!(judge(&findings).0 <= before);
    }

    #[test]
    fn an_alarm_is_never_better_than_suspicious(findings in any_findings()) {
        let (grade, reasons) = judge(&findings);
        let alarm = reasons.iter().any(|reason| reason.severity() == Severity::Alarm);
        prop_assert!(!alarm || grade <= Grade::Suspicious);
        prop_assert!(reasons.is_sorted_by(|a, b| a.severity() >= b.severity()));
    }
}
