//! That no failure lets mail pass, and that each look-up is what a slow reading of the RFC says.

use super::*;
use proptest::prelude::*;

const NAMES: [&str; 6] = ["d.test", "a.test", "b.test", "c.test", "e.test", "f.test"];

/// What stands at one name.
#[derive(Clone, Debug)]
struct Node {
    security: Security,
    tlsa_security: Security,
    mx: Vec<usize>,
    alias: Option<usize>,
    v4: bool,
    v6: bool,
    tlsa: bool,
}

fn security() -> impl Strategy<Value = Security> {
    prop_oneof![
        6 => Just(Security::Secure),
        3 => Just(Security::Insecure),
        1 => Just(Security::Unknown),
    ]
}

fn node() -> impl Strategy<Value = Node> {
    let at = 0..NAMES.len();
    (
        (security(), security()),
        proptest::collection::vec(at.clone(), 0..3),
        proptest::option::weighted(0.4, at),
        any::<(bool, bool, bool)>(),
    )
        .prop_map(
            |((security, tlsa_security), mx, alias, (v4, v6, tlsa))| Node {
                security,
                tlsa_security,
                mx,
                alias,
                v4,
                v6,
                tlsa,
            },
        )
}

fn nodes() -> impl Strategy<Value = Vec<Node>> {
    proptest::collection::vec(node(), NAMES.len())
}

fn owner(at: usize) -> String {
    format!("_25._tcp.{}", NAMES[at])
}

fn zone(nodes: &[Node]) -> Zone {
    let mut zone = Zone::new();
    for (at, node) in nodes.iter().enumerate() {
        zone = zone.with_security(node.security);
        zone.insert_name(name(NAMES[at]));
        zone = match node.alias {
            Some(target) => zone.cname(NAMES[at], NAMES[target]).unwrap(),
            None => {
                for mx in &node.mx {
                    zone = zone.mx(NAMES[at], 10, NAMES[*mx]).unwrap();
                }
                if node.v4 {
                    zone = zone.address(NAMES[at], [192, 0, 2, 1]).unwrap();
                }
                if node.v6 {
                    zone = zone.address(NAMES[at], [1, 2, 3, 4, 5, 6, 7, 8]).unwrap();
                }
                zone
            }
        };
        zone = zone.with_security(node.tlsa_security);
        zone.insert_name(name(&owner(at)));
        if node.tlsa {
            zone = zone.tlsa(&owner(at), &EE).unwrap();
        }
    }
    zone
}

/// The kind of a look-up, all failures alike.
fn kind(lookup: &Lookup) -> &'static str {
    match lookup {
        Lookup::Failed(_) => "failed",
        other => other.code(),
    }
}

/// Whether what `after` says could be a downgrade of what `before` said: anything but the same,
/// or "nobody knows".
fn is_downgrade(before: &Walked, after: &Walked) -> bool {
    if matches!(after.route, Route::Failed(_)) {
        return false;
    }
    if before.route != after.route || before.mx_security != after.mx_security {
        return true;
    }
    let kinds = |walked: &Walked| -> Vec<_> {
        let one = |h: &dane_tlsa::HostLookup| (h.host.clone(), kind(&h.lookup), h.base.clone());
        walked.hosts.iter().map(one).collect()
    };
    let (before, after) = (kinds(before), kinds(after));
    before.len() != after.len()
        || before
            .iter()
            .zip(&after)
            .any(|(b, a)| b != a && (b.0 != a.0 || a.1 != "failed"))
}

/// RFC 7672 §2.2.2 once more, as one function over everything that is known.
fn slow(zone: &Zone, host: &str) -> &'static str {
    let ask =
        |name: &str, record_type| zone.answer(&Query::new(name.parse().unwrap(), record_type));
    let failed = |answer: &Answer| {
        matches!(answer.outcome(), Outcome::Failure(_)) || answer.security() == Security::Unknown
    };
    let (mut last, mut aliases, mut all_secure) = (host.to_owned(), 0, true);
    loop {
        let answer = ask(&last, RecordType::Cname);
        if failed(&answer) || aliases > Zone::MAX_ALIASES {
            return "failed";
        }
        let Some(mail_dns::Record::Cname(target)) = answer.iter().next() else {
            break;
        };
        if answer.security() == Security::Insecure {
            all_secure = false;
            break;
        }
        (last, aliases) = (target.to_string(), aliases + 1);
    }
    let addresses = [RecordType::A, RecordType::Aaaa].map(|family| ask(host, family));
    let has = |security| {
        addresses
            .iter()
            .any(|a| a.iter().len() > 0 && a.security() == security)
    };
    let mut bases = Vec::new();
    if has(Security::Secure) {
        if aliases > 0 && all_secure {
            bases.push(last);
        }
    } else if addresses.iter().any(failed) || !has(Security::Insecure) {
        return "failed";
    } else if aliases == 0 {
        return "dane.lookup.insecure";
    }
    bases.push(host.to_owned());
    let mut kind = "dane.lookup.secure-denial";
    for base in bases {
        let answer = ask(&format!("_25._tcp.{base}"), RecordType::Tlsa);
        if failed(&answer) {
            return "failed";
        }
        match (answer.iter().len() > 0, answer.security()) {
            (true, Security::Secure) => return "dane.lookup.secure",
            (_, Security::Insecure) => kind = "dane.lookup.insecure",
            _ => {}
        }
    }
    kind
}

fn failing(zone: &Zone, failures: &[(usize, RecordType, Failure)]) -> Zone {
    let mut zone = zone.clone();
    for (at, record_type, failure) in failures {
        let owner = match record_type {
            RecordType::Tlsa => owner(*at),
            _ => NAMES[*at].to_owned(),
        };
        zone.fail_type(name(&owner), *record_type, *failure);
    }
    zone
}

fn failures() -> impl Strategy<Value = Vec<(usize, RecordType, Failure)>> {
    let types = [
        RecordType::Mx,
        RecordType::A,
        RecordType::Aaaa,
        RecordType::Cname,
        RecordType::Tlsa,
    ];
    let failures = [Failure::Timeout, Failure::ServerFailure];
    let one = (
        0..NAMES.len(),
        proptest::sample::select(types.to_vec()),
        proptest::sample::select(failures.to_vec()),
    );
    proptest::collection::vec(one, 1..5)
}

/// A resolver that takes silence for "no data".
fn lenient(zone: &Zone) -> impl Fn(&Query) -> Answer {
    move |query| {
        let answer = zone.answer(query);
        match answer.outcome() {
            Outcome::Failure(_) => Answer::no_data(Security::Secure, Duration::from_secs(1)),
            _ => answer,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_failure_never_lets_mail_pass(nodes in nodes(), failures in failures()) {
        let zone = zone(&nodes);
        let broken = failing(&zone, &failures);
        prop_assert!(!is_downgrade(&mail(&zone), &mail(&broken)));
    }

    #[test]
    fn every_host_is_what_the_slow_reading_says(nodes in nodes(), failures in failures()) {
        let zone = failing(&zone(&nodes), &failures);
        for at in NAMES {
            prop_assert_eq!(kind(&host(&zone, at).lookup), slow(&zone, at), "{}", at);
        }
    }

    #[test]
    fn what_lets_mail_pass_rests_on_proofs_alone(nodes in nodes(), failures in failures()) {
        let zone = failing(&zone(&nodes), &failures);
        for host in mail(&zone).hosts {
            let tlsa = host.steps.iter().filter(|s| s.query.record_type == RecordType::Tlsa);
            let mut tlsa = tlsa.map(|s| &s.answer);
            match host.lookup {
                Lookup::Secure(_) => {
                    let last = tlsa.next_back().unwrap();
                    prop_assert!(last.security() == Security::Secure && last.iter().len() > 0);
                }
                Lookup::SecureDenial => {
                    prop_assert!(tlsa.all(|a| a.security() == Security::Secure && a.iter().len() == 0));
                }
                Lookup::Insecure => {
                    prop_assert!(host.steps.is_empty() || host.steps.iter().any(|s| s.answer.security() == Security::Insecure));
                }
                Lookup::Failed(_) => {}
            }
        }
    }
}

/// The property finds a resolver, or a walk, that takes a failure for an empty answer.
#[test]
fn mutation_silence_taken_for_no_data_is_found() {
    let zone = secure()
        .mx("d.test", 10, "a.test")
        .and_then(|z| z.cname("a.test", "b.test"))
        .and_then(|z| z.address("b.test", [192, 0, 2, 1]))
        .and_then(|z| z.tlsa("_25._tcp.b.test", &EE))
        .unwrap();
    let before = mail(&zone);
    for failure in [
        (0, RecordType::Mx, Failure::Timeout),
        (1, RecordType::Cname, Failure::ServerFailure),
        (2, RecordType::Tlsa, Failure::Timeout),
    ] {
        let broken = failing(&zone, &[failure]);
        assert!(!is_downgrade(&before, &mail(&broken)), "{failure:?}");
        let lenient = walk(Walk::mail(name("d.test")), lenient(&broken));
        assert!(is_downgrade(&before, &lenient), "{failure:?}");
    }
}
