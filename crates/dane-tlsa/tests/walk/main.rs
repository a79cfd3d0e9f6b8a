//! The look-up over zones in memory: every rule of RFC 7672 §2.2, and that no failure lets mail pass.
#![allow(clippy::unwrap_used)] // a test may fail

mod property;

use dane_tlsa::{InsecureMx, Lookup, LookupFailure, Route, Walk, Walked};
use mail_dns::{Answer, Failure, Name, Outcome, Query, RecordType, Security, Zone};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const EE: [u8; 6] = [3, 1, 1, 0xaa, 0xbb, 0xcc];

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn secure() -> Zone {
    Zone::new().with_security(Security::Secure)
}

fn walk(walk: Walk, answer: impl Fn(&Query) -> Answer) -> Walked {
    let mut walk = walk;
    loop {
        let wave = walk.need();
        if wave.is_empty() {
            return walk.finish(UNIX_EPOCH).unwrap();
        }
        for query in wave {
            walk.answer(&query, answer(&query), UNIX_EPOCH);
        }
    }
}

fn mail(zone: &Zone) -> Walked {
    walk(Walk::mail(name("d.test")), |query| zone.answer(query))
}

fn host(zone: &Zone, host: &str) -> dane_tlsa::HostLookup {
    let walked = walk(Walk::host(name(host), 25), |query| zone.answer(query));
    let [host] = <[_; 1]>::try_from(walked.hosts).unwrap();
    host
}

fn asked(steps: &[dane_tlsa::Step], record_type: RecordType) -> Vec<String> {
    let of_type = steps.iter().filter(|s| s.query.record_type == record_type);
    of_type.map(|s| s.query.name.to_string()).collect()
}

fn names(names: &[Name]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

#[test]
fn a_signed_domain_has_secure_records() {
    let zone = secure()
        .mx("d.test", 20, "b.test")
        .and_then(|z| z.mx("d.test", 10, "a.test"))
        .and_then(|z| z.address("a.test", [192, 0, 2, 1]))
        .and_then(|z| z.address("a.test", [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]))
        .and_then(|z| z.tlsa("_25._tcp.a.test", &EE))
        .map(|z| z.with_ttl(Duration::from_secs(60)))
        .and_then(|z| z.address("b.test", [192, 0, 2, 2]))
        .unwrap();
    let walked = mail(&zone);
    assert_eq!(
        (walked.route, walked.mx_security),
        (Route::Hosts, Security::Secure)
    );
    let [a, b] = &walked.hosts[..] else { panic!() };
    let Lookup::Secure(records) = &a.lookup else {
        panic!("{:?}", a.lookup)
    };
    assert_eq!(records.records()[0].to_rdata(), EE);
    assert_eq!(a.base, Some(name("a.test")));
    assert_eq!(names(&a.names), ["a.test", "d.test"]);
    assert_eq!(a.addresses.len(), 2);
    assert!(a.addresses[0].is_ipv6());
    assert_eq!(a.until, UNIX_EPOCH + Duration::from_secs(3600));
    assert_eq!(b.lookup, Lookup::SecureDenial);
    assert_eq!((b.base.as_ref(), b.names.len()), (None, 0));
    assert_eq!(b.until, UNIX_EPOCH + Duration::from_secs(60));
    assert!(
        a.steps
            .iter()
            .all(|s| s.answer.security() == Security::Secure)
    );
}

#[test]
fn a_host_with_insecure_addresses_is_not_asked_for_records() {
    let zone = secure()
        .mx("d.test", 10, "a.test")
        .map(|z| z.with_security(Security::Insecure))
        .and_then(|z| z.address("a.test", [192, 0, 2, 1]))
        .map(|z| z.with_security(Security::Secure))
        .and_then(|z| z.tlsa("_25._tcp.a.test", &EE))
        .unwrap();
    let a = &mail(&zone).hosts[0];
    assert_eq!(a.lookup, Lookup::Insecure);
    assert!(asked(&a.steps, RecordType::Tlsa).is_empty());
}

#[test]
fn records_are_at_the_expanded_name_first_and_then_at_the_original() {
    let alias = |at_target: bool, at_origin: bool| {
        let mut zone = secure()
            .cname("a.test", "b.test")
            .and_then(|z| z.cname("b.test", "c.test"))
            .and_then(|z| z.address("c.test", [192, 0, 2, 1]))
            .unwrap();
        for (here, owner) in [
            (at_target, "_25._tcp.c.test"),
            (at_origin, "_25._tcp.a.test"),
        ] {
            if here {
                zone = zone.tlsa(owner, &EE).unwrap();
            }
        }
        host(&zone, "a.test")
    };
    let (target, origin) = ("_25._tcp.c.test", "_25._tcp.a.test");
    for (at_target, at_origin, base, queries) in [
        (true, true, Some("c.test"), vec![target]),
        (true, false, Some("c.test"), vec![target]),
        (false, true, Some("a.test"), vec![target, origin]),
        (false, false, None, vec![target, origin]),
    ] {
        let found = alias(at_target, at_origin);
        assert_eq!(found.base, base.map(name));
        assert_eq!(matches!(found.lookup, Lookup::Secure(_)), base.is_some());
        assert_eq!(asked(&found.steps, RecordType::Tlsa), queries);
    }
}

#[test]
fn a_failure_at_the_expanded_name_does_not_fall_through() {
    for failure in [Failure::Timeout, Failure::ServerFailure, Failure::Malformed] {
        let mut zone = secure()
            .cname("a.test", "b.test")
            .and_then(|z| z.address("b.test", [192, 0, 2, 1]))
            .and_then(|z| z.tlsa("_25._tcp.a.test", &EE))
            .unwrap();
        zone.fail_type(name("_25._tcp.b.test"), RecordType::Tlsa, failure);
        let found = host(&zone, "a.test");
        assert_eq!(found.lookup, Lookup::Failed(LookupFailure::Dns(failure)));
        assert_eq!(asked(&found.steps, RecordType::Tlsa), ["_25._tcp.b.test"]);
        assert_eq!(found.until, UNIX_EPOCH);
    }
}

#[test]
fn an_alias_out_of_the_signed_zones_leaves_the_original_name() {
    let zone = |own: bool| {
        let zone = secure()
            .cname("a.test", "b.test")
            .and_then(|z| {
                if own {
                    z.tlsa("_25._tcp.a.test", &EE)
                } else {
                    Ok(z)
                }
            })
            .map(|z| z.with_security(Security::Insecure))
            .and_then(|z| z.address("b.test", [192, 0, 2, 1]))
            .and_then(|z| z.tlsa("_25._tcp.b.test", &EE))
            .map(|z| z.with_security(Security::Secure));
        zone.unwrap()
    };
    let found = host(&zone(true), "a.test");
    assert_eq!(found.base, Some(name("a.test")));
    assert_eq!(asked(&found.steps, RecordType::Tlsa), ["_25._tcp.a.test"]);
    let found = host(&zone(false), "a.test");
    assert_eq!(found.lookup, Lookup::SecureDenial);
    // The alias itself unsigned: nothing is asked.
    let zone = Zone::new()
        .with_security(Security::Insecure)
        .cname("a.test", "b.test")
        .and_then(|z| z.address("b.test", [192, 0, 2, 1]))
        .and_then(|z| z.tlsa("_25._tcp.a.test", &EE))
        .unwrap();
    let found = host(&zone, "a.test");
    assert_eq!(found.lookup, Lookup::Insecure);
    assert!(asked(&found.steps, RecordType::Tlsa).is_empty());
}

#[test]
fn a_tlsa_alias_is_followed_with_the_weakest_status() {
    for (status, want) in [(Security::Secure, true), (Security::Insecure, false)] {
        let zone = secure()
            .address("a.test", [192, 0, 2, 1])
            .and_then(|z| z.cname("_25._tcp.a.test", "dane.other.test"))
            .map(|z| z.with_security(status))
            .and_then(|z| z.tlsa("dane.other.test", &EE))
            .unwrap();
        let found = host(&zone, "a.test");
        assert_eq!(matches!(found.lookup, Lookup::Secure(_)), want);
        assert_eq!(found.lookup == Lookup::Insecure, !want);
        // RFC 7671 §7: the base domain is that of the owner, not of what it is an alias of.
        assert_eq!(found.base, want.then(|| name("a.test")));
    }
    let endless = secure()
        .address("a.test", [192, 0, 2, 1])
        .and_then(|z| z.cname("_25._tcp.a.test", "_25._tcp.a.test"))
        .unwrap();
    assert!(matches!(host(&endless, "a.test").lookup, Lookup::Failed(_)));
}

#[test]
fn host_aliases_are_bounded() {
    let chain = |length: usize| {
        let mut zone = secure().address("c0.test", [192, 0, 2, 1]).unwrap();
        for i in 0..length {
            zone = zone
                .cname(&format!("c{}.test", i + 1), &format!("c{i}.test"))
                .unwrap();
        }
        host(&zone, &format!("c{length}.test")).lookup
    };
    assert_eq!(chain(Zone::MAX_ALIASES), Lookup::SecureDenial);
    assert!(matches!(chain(Zone::MAX_ALIASES + 1), Lookup::Failed(_)));
    // A resolver that gives addresses all the same does not make the chain endless.
    let walked = walk(Walk::host(name("a.test"), 25), |query| {
        match query.record_type {
            RecordType::Cname => {
                let target = query.name.prefixed("x").unwrap_or_else(|_| Name::root());
                let records = vec![mail_dns::Record::Cname(target)];
                Answer::records(records, Security::Secure, Duration::from_secs(1))
            }
            _ => Answer::records(
                vec![mail_dns::Record::A([192, 0, 2, 1].into())],
                Security::Secure,
                Duration::from_secs(1),
            ),
        }
    });
    let lookup = &walked.hosts[0].lookup;
    assert_eq!(lookup, &Lookup::Failed(LookupFailure::TooManyAliases));
}

#[test]
fn an_address_has_no_base_and_is_not_asked_about() {
    for literal in [
        "192.0.2.1",
        "[192.0.2.1]",
        "[IPv6:2001:db8::1]",
        "2001:db8::1",
    ] {
        let walked = walk(Walk::mail(name(literal)), |query| panic!("{query}"));
        assert_eq!(walked.hosts[0].lookup, Lookup::Insecure, "{literal}");
        assert_eq!(walked.hosts[0].base, None);
        let zone = secure().mx("d.test", 10, literal).unwrap();
        let walked = mail(&zone);
        assert_eq!(walked.hosts[0].lookup, Lookup::Insecure, "{literal}");
        assert!(walked.hosts[0].steps.is_empty());
    }
    let named = secure().mx("d.test", 10, "192.0.2.1.test").unwrap();
    assert!(!mail(&named).hosts[0].steps.is_empty());
}

#[test]
fn an_insecure_mx_set_is_the_end_unless_told_otherwise() {
    let zone = Zone::new()
        .with_security(Security::Insecure)
        .mx("d.test", 10, "a.test")
        .map(|z| z.with_security(Security::Secure))
        .and_then(|z| z.address("a.test", [192, 0, 2, 1]))
        .and_then(|z| z.tlsa("_25._tcp.a.test", &EE))
        .unwrap();
    let walked = mail(&zone);
    assert_eq!(walked.mx_security, Security::Insecure);
    assert_eq!(walked.hosts[0].lookup, Lookup::Insecure);
    assert!(walked.hosts[0].steps.is_empty());
    let ask = Walk::mail(name("d.test")).with_insecure_mx(InsecureMx::Ask);
    let walked = walk(ask, |query| zone.answer(query));
    assert_eq!(walked.mx_security, Security::Insecure);
    assert!(matches!(walked.hosts[0].lookup, Lookup::Secure(_)));
}

#[test]
fn where_mail_goes() {
    let null = secure().mx("d.test", 0, ".").unwrap();
    assert_eq!(mail(&null).route, Route::NullMx);
    assert_eq!(mail(&secure()).route, Route::NoSuchDomain);
    let implicit = secure()
        .address("d.test", [192, 0, 2, 1])
        .and_then(|z| z.tlsa("_25._tcp.d.test", &EE))
        .unwrap();
    let walked = mail(&implicit);
    assert_eq!(names(&walked.hosts[0].names), ["d.test"]);
    let alias = secure()
        .cname("d.test", "e.test")
        .and_then(|z| z.mx("e.test", 10, "a.test"))
        .and_then(|z| z.address("a.test", [192, 0, 2, 1]))
        .and_then(|z| z.tlsa("_25._tcp.a.test", &EE))
        .unwrap();
    let walked = mail(&alias);
    assert_eq!(
        names(&walked.hosts[0].names),
        ["a.test", "d.test", "e.test"]
    );
    let nobody = secure().mx("d.test", 10, "gone.test").unwrap();
    let lookup = &mail(&nobody).hosts[0].lookup;
    assert_eq!(lookup, &Lookup::Failed(LookupFailure::NoAddress));
    let mut silent = null;
    silent.fail_type(name("d.test"), RecordType::Mx, Failure::Timeout);
    let route = Route::Failed(LookupFailure::Dns(Failure::Timeout));
    assert_eq!(mail(&silent).route, route);
}

#[test]
fn a_resolver_that_does_not_validate_lets_nothing_pass() {
    let zone = |status| {
        Zone::new()
            .with_security(status)
            .mx("d.test", 10, "a.test")
            .and_then(|z| z.address("a.test", [192, 0, 2, 1]))
            .unwrap()
    };
    let why = LookupFailure::NotValidated;
    assert_eq!(mail(&zone(Security::Unknown)).route, Route::Failed(why));
    let found = host(&zone(Security::Unknown), "a.test");
    assert_eq!(found.lookup, Lookup::Failed(why));
    // The same domain, said to be unsigned.
    assert_eq!(
        mail(&zone(Security::Insecure)).hosts[0].lookup,
        Lookup::Insecure
    );
}

#[test]
fn hosts_are_bounded_and_asked_in_order() {
    let mut zone = secure();
    for i in 0..40 {
        let host = format!("h{i:02}.test");
        zone = zone
            .mx("d.test", 100 - i, &host)
            .and_then(|z| z.mx("d.test", 200, &host))
            .and_then(|z| z.address(&host, [192, 0, 2, 1]))
            .unwrap();
    }
    let walked = mail(&zone);
    assert_eq!(walked.hosts.len(), 40);
    assert_eq!(walked.hosts[0].host, name("h39.test"));
    for (at, host) in walked.hosts.iter().enumerate() {
        let want = match at < Walk::MAX_HOSTS {
            true => Lookup::SecureDenial,
            false => Lookup::Failed(LookupFailure::TooManyHosts),
        };
        assert_eq!(host.lookup, want);
    }
}

#[test]
fn a_name_without_room_for_the_labels_has_no_records() {
    let label = "a".repeat(60);
    let long = [&*label, &*label, &*label, &*"a".repeat(62)].join(".");
    let zone = secure().address(&long, [192, 0, 2, 1]).unwrap();
    assert_eq!(host(&zone, &long).lookup, Lookup::Insecure);
}

#[test]
fn malformed_records_are_not_usable_and_are_still_secure() {
    let zone = secure()
        .address("a.test", [192, 0, 2, 1])
        .and_then(|z| z.tlsa("_25._tcp.a.test", &[3, 1]))
        .unwrap();
    let Lookup::Secure(records) = host(&zone, "a.test").lookup else {
        panic!()
    };
    assert!(records.usable_for_smtp().is_none());
}

#[test]
fn what_nobody_answered_is_no_result() {
    let mut walk = Walk::mail(name("d.test"));
    let zone = secure().mx("d.test", 10, "a.test").unwrap();
    let mx = Query::new(name("d.test"), RecordType::Mx);
    walk.answer(&mx, zone.answer(&mx), UNIX_EPOCH);
    // An answer that nobody asked for changes nothing.
    let tlsa = Query::new(name("_25._tcp.a.test"), RecordType::Tlsa);
    walk.answer(&tlsa, zone.answer(&tlsa), UNIX_EPOCH);
    let unanswered = walk.finish(UNIX_EPOCH).unwrap_err();
    assert_eq!(unanswered.missing, 4);
    assert!(unanswered.is_temporary());
}

#[test]
fn codes_are_stable() {
    use LookupFailure as F;
    let all = [
        (F::Dns(Failure::Timeout), "timeout"),
        (F::Dns(Failure::ServerFailure), "server-failure"),
        (F::Dns(Failure::Refused), "refused"),
        (F::Dns(Failure::Malformed), "malformed"),
        (F::Dns(Failure::Network), "network"),
        (F::NotValidated, "not-validated"),
        (F::TooManyAliases, "too-many-aliases"),
        (F::NoAddress, "no-address"),
        (F::TooManyHosts, "too-many-hosts"),
    ];
    for (why, code) in all {
        assert_eq!(Lookup::Failed(why).code(), format!("dane.lookup.{code}"));
    }
    let silent = F::Dns(Failure::Timeout).tls_rpt().unwrap();
    assert_eq!(silent.as_str(), "dnssec-invalid");
    assert_eq!(F::NoAddress.tls_rpt(), None);
    assert_eq!(Lookup::SecureDenial.code(), "dane.lookup.secure-denial");
}

/// The async front gives what the machine gives.
#[test]
fn a_resolver_drives_it() {
    let zone = secure()
        .mx("d.test", 10, "a.test")
        .and_then(|z| z.address("a.test", [192, 0, 2, 1]))
        .and_then(|z| z.tlsa("_25._tcp.a.test", &EE))
        .unwrap();
    #[allow(clippy::disallowed_methods)] // a zone answers at once
    let deadline = std::time::Instant::now();
    let run = Walk::mail(name("d.test")).run(&zone, UNIX_EPOCH, deadline);
    fn is_send<T: Send>(t: T) -> T {
        t
    }
    let walked = pollster::block_on(is_send(run));
    assert!(matches!(walked.hosts[0].lookup, Lookup::Secure(_)));
    assert_eq!(
        walked.until,
        SystemTime::UNIX_EPOCH + Duration::from_secs(3600)
    );
}
