//! Who is asked in which order, and what of their answers is taken: by hostile servers, too.
#![cfg(all(feature = "discovery", feature = "_backend"))]
#![allow(clippy::unwrap_used)]

mod common;

use common::web::{ADVANCED, DIRECT, DNS, HKP, VKS, Web, ok, status, to};
use common::{days, key, now};
use pgp_keystore::discovery::{
    Answer, Authority, Class, DnsAnswer, HttpsAnswer, MAX_ANSWER, MAX_FOUND, MAX_REDIRECTS, Need,
    OnFailure, Refresh, Report, Said, Search, Source, Sources, Verdict, openpgpkey_name,
};
use pgp_keystore::wkd::{self, Variant};
use pgp_keystore::{
    Address, Certificate, Fingerprint, Form, Profile, Protection, Reason, RevocationReason,
    Unlocked,
};
use pollster::block_on;
use proptest::prelude::*;
use toml::Table;

fn cases(kind: &str) -> Vec<Table> {
    let data: Table = include_str!("vectors/discovery.toml").parse().unwrap();
    let cases = data[kind].as_array().unwrap();
    assert!(!cases.is_empty());
    let cases = cases.iter().map(|case| case.as_table().unwrap().clone());
    cases.collect()
}

fn text<'a>(case: &'a Table, name: &str) -> &'a str {
    case[name].as_str().unwrap()
}

fn ann() -> Address {
    "ann@example.org".parse().unwrap()
}

fn all() -> Sources {
    // In the wrong order.
    let servers = Sources::new().hkp(HKP.parse().unwrap()).dane();
    servers.vks(VKS.parse().unwrap()).wkd()
}

fn octets(key: &Unlocked) -> Vec<u8> {
    key.certificate().export(Form::Binary).unwrap()
}

fn search(web: &Web, sources: &Sources) -> Report {
    block_on(Search::run(ann(), sources, web, now()))
}

fn said(report: &Report) -> Vec<Said> {
    report.tried.iter().map(|tried| tried.said).collect()
}

#[test]
fn names_and_urls_are_as_written_down() {
    for case in cases("name") {
        let name = openpgpkey_name(&text(&case, "address").parse().unwrap()).unwrap();
        let same = name == text(&case, "dns");
        assert_eq!(same, !case.contains_key("differs"), "{name}");
    }
    // A name that the DNS cannot have is no name, and nothing is asked.
    let long = format!("ann@{}org", "a234567890.".repeat(20));
    assert_eq!(openpgpkey_name(&long.parse().unwrap()), None);
    let report = Search::new(long.parse().unwrap(), &Sources::new().dane()).finish();
    assert_eq!(
        (report.verdict, said(&report)),
        (Verdict::NotFound, vec![Said::NoRecord])
    );

    for case in cases("url") {
        let sources = match text(&case, "source") {
            "vks" => Sources::new().vks(VKS.parse().unwrap()),
            _ => Sources::new().hkp(HKP.parse().unwrap()),
        };
        let need = match case.get("address") {
            Some(address) => {
                Search::new(address.as_str().unwrap().parse().unwrap(), &sources).need()
            }
            None => Refresh::new(text(&case, "fingerprint").parse().unwrap(), &sources).need(),
        };
        match need.unwrap() {
            Need::Https(get) => assert_eq!(get.url(), text(&case, "url")),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn each_answer_does_what_is_written_down() {
    for case in cases("answer") {
        let says = text(&case, "says");
        let https = || match says {
            "no host" => HttpsAnswer::NoHost,
            "too large" => HttpsAnswer::TooLarge,
            "failed" => HttpsAnswer::Failed,
            number => status(number.parse().unwrap(), *b"<html>"),
        };
        let first = text(&case, "first");
        let (web, place) = match first {
            "wkd" => (Web::default().host(ADVANCED, https()), 0),
            "dane" => {
                let answer = match says {
                    "NoRecord" => DnsAnswer::NoRecord,
                    "Insecure" => DnsAnswer::Insecure,
                    "Bogus" => DnsAnswer::Bogus,
                    "Failed" => DnsAnswer::Failed,
                    _ => DnsAnswer::Secure(Vec::new()),
                };
                let web = Web::default().host(ADVANCED, status(404, *b""));
                (web.dns(answer), 1)
            }
            _ => {
                let web = Web::default().host(ADVANCED, status(404, *b""));
                match first {
                    "vks" => (web.host(VKS, https()), 2),
                    _ => (web.host(VKS, status(404, *b"")).host(HKP, https()), 3),
                }
            }
        };
        let report = search(&web, &all());
        let tried = &report.tried[place];
        assert_eq!(tried.said.code(), text(&case, "code"), "{case:?}");
        let asked = web.asked();
        let next = asked.get(place + 1).map_or("", String::as_str);
        assert_eq!(next, text(&case, "next"), "{case:?}");
        let is_over = matches!(tried.said.class(), Class::Failed | Class::Refused);
        assert_eq!(report.verdict == Verdict::Undecided, is_over, "{case:?}");
    }
}

#[test]
fn the_strongest_source_that_has_one_is_the_last_that_is_asked() {
    let sources: [(&str, Source, Authority); 5] = [
        (ADVANCED, Source::Wkd(Variant::Advanced), Authority::Domain),
        (DIRECT, Source::Wkd(Variant::Direct), Authority::Domain),
        (DNS, Source::Dane, Authority::Domain),
        (VKS, Source::Vks(VKS.parse().unwrap()), Authority::Checked),
        (HKP, Source::Hkp(HKP.parse().unwrap()), Authority::Anybody),
    ];
    let order: Vec<&str> = sources.iter().map(|(host, ..)| *host).collect();
    for (place, (_, source, authority)) in sources.iter().enumerate() {
        // What is stronger has nothing; all that is weaker has something else.
        let right = key(Profile::Compat, "ann");
        let give = |n: usize| match n == place {
            true => octets(&right),
            false => octets(&key(Profile::Compat, "ann")),
        };
        let mut web = Web::default();
        for (n, host) in order.iter().enumerate().skip(place) {
            web = match *host {
                DNS => web.dns(DnsAnswer::Secure(vec![give(n)])),
                host => web.host(host, ok(give(n))),
            };
        }
        if place > 1 {
            web = web.host(DIRECT, ok(*b"<!DOCTYPE html><title>All is well</title>"));
        }
        let report = search(&web, &all());
        assert_eq!(report.verdict, Verdict::Found);
        let best = report.best().unwrap();
        assert_eq!(best.certificate.fingerprint(), right.fingerprint());
        assert_eq!(
            (&best.source, report.authority()),
            (source, Some(*authority))
        );
        assert_eq!(web.asked(), order[..=place]);
    }
    // And none of them.
    let web = Web::default();
    let report = search(&web, &all());
    assert_eq!((report.verdict, web.asked().len()), (Verdict::NotFound, 5));
    // What is not configured is not asked.
    let web = Web::default();
    search(&web, &Sources::new());
    search(&web, &Sources::new().dane());
    assert_eq!(web.asked(), [DNS]);
}

#[test]
fn a_failure_does_not_hand_the_choice_to_who_caused_it() {
    let wrong = octets(&key(Profile::Compat, "ann"));
    let web = || {
        let web = Web::default().host(ADVANCED, HttpsAnswer::Failed);
        web.host(DIRECT, ok(wrong.clone()))
            .host(HKP, ok(wrong.clone()))
    };
    let here = web();
    let report = search(&here, &all());
    assert_eq!(
        (report.verdict, report.found.len()),
        (Verdict::Undecided, 0)
    );
    assert!(report.is_temporary());
    assert_eq!(here.asked(), [ADVANCED]);
    // The mutation: who goes on has what the attacker has uploaded, and is told so. Even then the direct method is not asked.
    let there = web();
    let report = search(&there, &all().on_failure(OnFailure::GoOn));
    assert_eq!(report.verdict, Verdict::FoundDespite);
    assert_eq!(report.authority(), Some(Authority::Anybody));
    assert_eq!(there.asked(), [ADVANCED, DNS, VKS, HKP]);
    let shown = report.to_string();
    assert!(shown.contains("discovery.unreachable") && shown.contains("stronger source"));
    // A wrong answer of the domain is no reason to believe others, either.
    let web = Web::default()
        .host(ADVANCED, ok(octets(&key(Profile::Compat, "bob"))))
        .host(HKP, ok(wrong.clone()));
    let report = search(&web, &all());
    assert_eq!(
        (report.verdict, said(&report)),
        (Verdict::Undecided, vec![Said::OtherAddress])
    );
    assert!(!report.is_temporary());
    assert_eq!(report.tried[0].left_out.len(), 1);
}

#[test]
fn only_the_user_id_of_the_address_is_kept() {
    let mut key = key(Profile::Compat, "ann");
    key.add_user_id("Bob <bob@example.org>", now()).unwrap();
    key.add_user_id("Ann again <ANN@Example.ORG>", now())
        .unwrap();
    key.add_user_id("ann@example.org <mallory@example.org>", now())
        .unwrap();
    for web in [
        Web::default().host(ADVANCED, ok(octets(&key))),
        // Armored where it should be binary, with the secret keys, and with words around it.
        Web::default().host(
            ADVANCED,
            ok([
                &b"Dear user,\n"[..],
                &key.lock(&Protection::None)
                    .unwrap()
                    .export(Form::Armored)
                    .unwrap(),
            ]
            .concat()),
        ),
        Web::default().dns(DnsAnswer::Secure(vec![octets(&key)])),
        Web::default().host(VKS, ok(key.certificate().export(Form::Armored).unwrap())),
        Web::default().host(HKP, ok(key.certificate().export(Form::Armored).unwrap())),
    ] {
        let report = search(&web, &all());
        let found = report.best().unwrap();
        assert_eq!(
            (found.certificate.fingerprint(), found.dropped_user_ids),
            (key.fingerprint(), 2)
        );
        let view = found.certificate.at(now());
        let addresses: Vec<&str> = view.addresses().collect();
        assert_eq!(addresses, ["ann@example.org"; 2]);
        assert!(
            view.keys
                .iter()
                .all(|key| key.secret == pgp_keystore::Secret::Absent)
        );
        let written = found.certificate.export(Form::Binary).unwrap();
        assert!(!written.windows(7).any(|window| window == b"mallory"));
    }
    // The mutation: what came says it.
    assert!(octets(&key).windows(7).any(|window| window == b"mallory"));
    // Who is looked for by a letter that folds into another one is somebody else.
    let kelvin = "\u{212a}evin@example.org";
    let mut key = common::key(Profile::Compat, "x");
    key.add_user_id(&format!("<{kelvin}>"), now()).unwrap();
    let certificate = key.certificate();
    assert!(certificate.for_address(&kelvin.parse().unwrap()).is_some());
    assert!(
        certificate
            .for_address(&"kevin@example.org".parse().unwrap())
            .is_none()
    );
}

/// A user ID that the key has not signed.
fn with_foreign_user_ids(key: &Unlocked, user_ids: impl Iterator<Item = String>) -> Vec<u8> {
    let mut all = octets(key);
    for user_id in user_ids {
        // RFC 9580 §4.2: packet type 13, a length of one or two octets.
        all.push(0xc0 | 13);
        match u8::try_from(user_id.len()) {
            Ok(short @ 0..=191) => all.push(short),
            _ => {
                let long = u16::try_from(user_id.len() - 192).unwrap() + (192 << 8);
                all.extend(long.to_be_bytes());
            }
        }
        all.extend(user_id.as_bytes());
    }
    all
}

#[test]
fn a_user_id_that_is_not_bound_is_none() {
    let mallory = key(Profile::Compat, "mallory");
    let names = std::iter::once("Ann <ann@example.org>".to_owned());
    let forged = with_foreign_user_ids(&mallory, names);
    let claims = Certificate::parse(&forged).unwrap().at(now());
    assert!(
        claims
            .user_ids
            .iter()
            .any(|u| u.address.as_deref() == Some("ann@example.org"))
    );
    let report = search(&Web::default().host(HKP, ok(forged)), &all());
    assert_eq!(
        (report.found.len(), report.tried.last().unwrap().said),
        (0, Said::OtherAddress)
    );
}

#[test]
fn hostile_answers_are_refused_before_they_cost_much() {
    let ann = key(Profile::Compat, "ann");
    let many = |count: usize| (0..count).map(|n| format!("<a{n}@example.org>"));
    let ring = |count: usize| -> Vec<u8> {
        (0..count)
            .flat_map(|_| octets(&key(Profile::Compat, "ann")))
            .collect()
    };
    let mut cut = octets(&ann);
    cut.truncate(cut.len() / 2);
    for (what, body, wanted) in [
        (
            "a page",
            b"<!DOCTYPE html><html>".to_vec(),
            Said::NotOpenPgp,
        ),
        ("nothing", Vec::new(), Said::NotOpenPgp),
        ("zeros", vec![0; 1 << 16], Said::NotOpenPgp),
        (
            "a message",
            b"-----BEGIN PGP MESSAGE-----\n\nAAAA\n-----END PGP MESSAGE-----\n".to_vec(),
            Said::NotOpenPgp,
        ),
        ("binary rubbish", vec![0xff; 100], Said::NotOpenPgp),
        ("too large", vec![0x99; MAX_ANSWER + 1], Said::TooLarge),
        ("too many", ring(MAX_FOUND + 1), Said::TooLarge),
        (
            "10,000 user IDs",
            with_foreign_user_ids(&ann, many(10_000)),
            Said::TooLarge,
        ),
        (
            "a long user ID",
            with_foreign_user_ids(&ann, std::iter::once("x".repeat(2_000))),
            Said::TooLarge,
        ),
        (
            "somebody else's",
            octets(&key(Profile::Compat, "bob")),
            Said::OtherAddress,
        ),
    ] {
        let report = search(
            &Web::default().host(ADVANCED, ok(body)),
            &Sources::new().wkd(),
        );
        assert_eq!(report.tried[0].said, wanted, "{what}");
        assert!(report.found.is_empty(), "{what}");
    }
    // The mutations: just within the limits, it is found.
    for body in [
        ring(MAX_FOUND),
        with_foreign_user_ids(&ann, many(90)),
        [octets(&ann), octets(&key(Profile::Compat, "bob"))].concat(),
    ] {
        let report = search(
            &Web::default().host(ADVANCED, ok(body)),
            &Sources::new().wkd(),
        );
        assert_eq!(report.verdict, Verdict::Found);
        assert!(report.best().is_some());
    }
    // Half a certificate never counts for more than what is signed in that half.
    let report = search(
        &Web::default().host(ADVANCED, ok(cut)),
        &Sources::new().wkd(),
    );
    assert!(
        report
            .best()
            .is_none_or(|found| found.certificate.fingerprint() == ann.fingerprint())
    );
}

#[test]
fn of_several_the_one_that_counts_comes_first() {
    let mut old = key(Profile::Compat, "ann");
    old.revoke(RevocationReason::Superseded, "", now()).unwrap();
    let mut expired = key(Profile::Compat, "ann");
    expired.set_expiry(Some(days(1)), now()).unwrap();
    let new = key(Profile::Compat, "ann");
    let body = [octets(&old), octets(&expired), octets(&new)].concat();
    let web = Web::default().host(ADVANCED, ok(body));
    let report = block_on(Search::run(ann(), &all(), &web, days(2)));
    assert_eq!((report.found.len(), report.verdict), (3, Verdict::Found));
    let best = report.best().unwrap();
    assert_eq!(best.certificate.fingerprint(), new.fingerprint());
    // Only what is over: it is the domain's word, and nobody else is asked.
    let web = Web::default()
        .host(ADVANCED, ok(octets(&old)))
        .host(VKS, ok(octets(&new)));
    let report = search(&web, &all());
    assert_eq!(
        (report.verdict, report.best(), web.asked().len()),
        (Verdict::Found, None, 1)
    );
    assert_eq!(report.found[0].reason, Reason::Superseded);
}

#[test]
fn redirects_of_directories_are_followed_a_few_times() {
    let ann = key(Profile::Compat, "ann");
    let sources = Sources::new().wkd().vks(VKS.parse().unwrap());
    // Of a host that others serve.
    let web = Web::default()
        .host(ADVANCED, to("https://wkd.hoster.example/ann?x"))
        .page("https://wkd.hoster.example/ann?x", ok(octets(&ann)));
    let report = search(&web, &sources);
    assert_eq!((report.verdict, web.asked().len()), (Verdict::Found, 2));
    // Round and round.
    let web = Web::default().host(ADVANCED, to("/again"));
    let report = search(&web, &sources);
    assert_eq!(said(&report), [Said::Redirected]);
    assert_eq!(web.asked().len(), usize::from(MAX_REDIRECTS) + 1);
    for location in [
        "http://example.net/",
        "https://127.0.0.1/",
        "https://a@example.net/",
        "",
    ] {
        let web = Web::default().host(ADVANCED, to(location));
        let report = search(&web, &sources);
        assert_eq!(
            (said(&report), web.asked().len()),
            (vec![Said::Redirected], 1),
            "{location}"
        );
    }
    // To a host that does not exist: that of the directory does, and the domain itself is not asked as if it did not.
    let web = Web::default().host(ADVANCED, to("https://gone.example/"));
    let report = search(&web, &all());
    assert_eq!(said(&report), [Said::Redirected]);
    assert_eq!(web.asked(), [ADVANCED, "gone.example"]);
    // Key servers are asked where they are.
    let web = Web::default().host(VKS, to("https://example.net/"));
    let report = search(&web, &Sources::new().vks(VKS.parse().unwrap()));
    assert_eq!(
        (said(&report), web.asked().len()),
        (vec![Said::Redirected], 1)
    );
}

#[test]
fn an_answer_to_another_question_is_a_failure() {
    let mut search = Search::new(ann(), &all());
    search.answer(Answer::Dns(DnsAnswer::NoRecord), now());
    let report = search.finish();
    assert_eq!(
        (report.verdict, said(&report)),
        (Verdict::Undecided, vec![Said::Unreachable])
    );
    // A search that is not over says nothing.
    assert_eq!(
        Search::new(ann(), &all()).finish().verdict,
        Verdict::Undecided
    );
    let mut over = Search::new(ann(), &Sources::new());
    over.answer(Answer::Https(ok(*b"")), now());
    assert_eq!(over.finish().verdict, Verdict::NotFound);
}

fn refresh(web: &Web, of: Fingerprint) -> pgp_keystore::discovery::Refreshed {
    let servers = Sources::new().hkp(HKP.parse().unwrap());
    let servers = servers.vks(VKS.parse().unwrap()).wkd().dane();
    block_on(Refresh::run(of, &servers, web, now()))
}

#[test]
fn a_revocation_arrives_from_whichever_server_has_it() {
    let mut ann = key(Profile::Compat, "ann");
    let before = octets(&ann);
    ann.revoke(RevocationReason::Compromised, "", now())
        .unwrap();
    let after = octets(&ann);
    let of = ann.fingerprint();
    for web in [
        Web::default()
            .host(VKS, ok(before.clone()))
            .host(HKP, ok(after.clone())),
        Web::default()
            .host(VKS, ok(after.clone()))
            .host(HKP, ok(before.clone())),
        Web::default()
            .host(VKS, HttpsAnswer::Failed)
            .host(HKP, ok(after.clone())),
        Web::default()
            .host(VKS, ok(after.clone()))
            .host(HKP, status(500, *b"")),
    ] {
        let refreshed = refresh(&web, of);
        assert_eq!(web.asked(), [VKS, HKP]);
        let certificate = refreshed.certificate.unwrap();
        assert_eq!(
            certificate.at(now()).reason,
            Reason::Compromised,
            "{:?}",
            refreshed.tried
        );
    }
    // Another one than the one that was asked for.
    let other = octets(&key(Profile::Compat, "ann"));
    let refreshed = refresh(&Web::default().host(VKS, ok(other)), of);
    assert_eq!(refreshed.certificate, None);
    assert_eq!(refreshed.tried[0].said, Said::OtherFingerprint);
}

#[test]
fn a_flood_does_not_keep_a_revocation_back() {
    let mut ann = key(Profile::Compat, "ann");
    ann.revoke(RevocationReason::Compromised, "", now())
        .unwrap();
    let flooded = with_foreign_user_ids(&ann, (0..10_000).map(|n| format!("<a{n}@example.org>")));
    // By itself it is too much.
    assert!(Certificate::parse(&flooded).is_err());
    let refreshed = refresh(&Web::default().host(HKP, ok(flooded)), ann.fingerprint());
    assert_eq!(refreshed.tried[1].said, Said::Found);
    let view = refreshed.certificate.unwrap().at(now());
    assert_eq!((view.reason, view.user_ids.len()), (Reason::Compromised, 1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is answered: a search ends, nothing is found without the address, and a failure is never "there is none".
    #[test]
    fn every_search_ends_and_says_the_truth(
        answers in prop::collection::vec((0_u16..12, prop::collection::vec(any::<u8>(), 0..40)), 0..12),
        go_on in any::<bool>(),
    ) {
        let on_failure = if go_on { OnFailure::GoOn } else { OnFailure::Stop };
        let mut search = Search::new(ann(), &all().on_failure(on_failure));
        let mut asked = 0;
        for (kind, body) in answers.into_iter().chain(std::iter::repeat((0, Vec::new()))) {
            let Some(need) = search.need() else { break };
            asked += 1;
            search.answer(match (kind, need) {
                (0, _) => Answer::Https(HttpsAnswer::NoHost),
                (1, _) => Answer::Dns(DnsAnswer::Secure(vec![body])),
                (2, _) => Answer::Dns(DnsAnswer::Bogus),
                (3, _) => Answer::Https(HttpsAnswer::Failed),
                (4, _) => Answer::Https(to("/x")),
                (5, _) => Answer::Https(status(404, body)),
                (6, _) => Answer::Https(status(500, body)),
                (7, Need::OpenPgpKey(_)) => Answer::Dns(DnsAnswer::Insecure),
                (8, Need::OpenPgpKey(_)) => Answer::Dns(DnsAnswer::NoRecord),
                (_, Need::OpenPgpKey(_)) => Answer::Dns(DnsAnswer::Failed),
                _ => Answer::Https(ok(body)),
            }, now());
        }
        prop_assert!(asked <= 5 + 2 * usize::from(MAX_REDIRECTS));
        let report = search.finish();
        let failed = report.tried.iter().any(|tried| tried.said.class() == Class::Failed);
        prop_assert!(report.found.is_empty());
        prop_assert!(!failed || report.verdict == Verdict::Undecided);
    }
}

#[test]
fn what_a_directory_serves_is_what_a_search_finds() {
    let ann = key(Profile::Compat, "ann");
    let address: Address = "ann@example.org".parse().unwrap();
    let served = ann
        .certificate()
        .export_minimal(Some("ann@example.org"), now(), Form::Binary);
    let (served, wanted) = (served.unwrap(), wkd::hash("ann"));
    let mut search = Search::new(address, &Sources::new().wkd());
    while let Some(Need::Https(get)) = search.need() {
        let (host, path) = get.url()["https://".len()..].split_once('/').unwrap();
        let request = wkd::parse("GET", host, &format!("/{path}")).unwrap();
        let lookup = match &request.wants {
            wkd::Wants::Key { domain, hash }
                if (domain.as_str(), hash) == ("example.org", &wanted) =>
            {
                wkd::Lookup::Found(served.clone())
            }
            _ => wkd::Lookup::Absent,
        };
        let response = wkd::respond(&request, lookup);
        search.answer(Answer::Https(status(response.status, response.body)), now());
    }
    let report = search.finish();
    let found = report.best().unwrap();
    assert_eq!(
        (found.certificate.fingerprint(), found.dropped_user_ids),
        (ann.fingerprint(), 0)
    );
}
