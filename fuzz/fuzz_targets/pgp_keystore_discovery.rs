#![no_main]
//! Answers of strangers to a search and to a refresh, each an octet that says what kind, two of its length, and its octets:
//! every search ends, what is found has the address and no other, and a failure is never "there is none".

use std::time::{Duration, SystemTime};

use libfuzzer_sys::fuzz_target;
use pgp_keystore::discovery::{
    Answer, Class, DnsAnswer, HttpsAnswer, MAX_REDIRECTS, Need, OnFailure, Refresh, Search, Sources,
    Verdict,
};
use pgp_keystore::{Address, Certificate, Form};

struct Script<'a>(&'a [u8]);

impl Script<'_> {
    fn answer(&mut self, need: &Need) -> Answer {
        let mut take = |length: usize| {
            let (taken, rest) = self.0.split_at(length.min(self.0.len()));
            self.0 = rest;
            taken
        };
        let (kind, high, low) = match take(3) {
            [kind, high, low] => (*kind, *high, *low),
            _ => (0, 0, 0),
        };
        let body = take(usize::from(high) << 8 | usize::from(low)).to_vec();
        let status = |status: u16, location: Option<String>, body: Vec<u8>| {
            Answer::Https(HttpsAnswer::Response {
                status,
                location,
                body,
            })
        };
        match (need, kind % 8) {
            (Need::OpenPgpKey(_), 0) => Answer::Dns(DnsAnswer::NoRecord),
            (Need::OpenPgpKey(_), 1) => Answer::Dns(DnsAnswer::Insecure),
            (Need::OpenPgpKey(_), 2) => Answer::Dns(DnsAnswer::Failed),
            (Need::OpenPgpKey(_), 3) => Answer::Dns(DnsAnswer::Bogus),
            (Need::OpenPgpKey(_), _) => Answer::Dns(DnsAnswer::Secure(vec![body])),
            (_, 0) => Answer::Https(HttpsAnswer::NoHost),
            (_, 1) => Answer::Https(HttpsAnswer::Failed),
            (_, 2) => Answer::Https(HttpsAnswer::TooLarge),
            (_, 3) => status(302, String::from_utf8(body).ok(), Vec::new()),
            (_, 4) => status(u16::from(kind) * 4, None, body),
            _ => status(200, None, body),
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_793_491_200);
    let Some((first, answers)) = input.split_first() else {
        return;
    };
    let on_failure = match first & 1 {
        0 => OnFailure::Stop,
        _ => OnFailure::GoOn,
    };
    let server = |name: &str| name.parse().unwrap();
    let sources = Sources::new().wkd().dane().on_failure(on_failure);
    let sources = sources.vks(server("vks.example")).hkp(server("hkp.example"));

    let address: Address = "ann@example.org".parse().unwrap();
    let (mut search, mut script, mut asked) =
        (Search::new(address.clone(), &sources), Script(answers), 0);
    while let Some(need) = search.need() {
        if let Need::Https(get) = &need {
            assert!(get.url().starts_with("https://") && !get.host().contains(['@', ':']));
            assert!(get.url().bytes().all(|octet| octet.is_ascii_graphic()));
        }
        search.answer(script.answer(&need), now);
        asked += 1;
        assert!(asked <= 5 + 2 * usize::from(MAX_REDIRECTS));
    }
    let report = search.finish();
    let failed = |class| report.tried.iter().any(|tried| tried.said.class() == class);
    let troubled = failed(Class::Failed) || failed(Class::Refused);
    assert_eq!(troubled, matches!(report.verdict, Verdict::Undecided | Verdict::FoundDespite));
    assert_eq!(report.best().is_some(), report.best().is_some_and(|best| report.found.contains(best)));
    for found in &report.found {
        let view = found.certificate.at(now);
        let same = |other: &str| other.parse().is_ok_and(|other: Address| other.is_same_as(&address));
        for user_id in &view.user_ids {
            assert!(user_id.address.as_deref().is_some_and(same));
        }
        let written = found.certificate.export(Form::Binary);
        let Some(again) = written.ok().and_then(|written| Certificate::parse(&written).ok()) else {
            continue;
        };
        assert_eq!(again.for_address(&address).map(|own| own.fingerprint()), Some(again.fingerprint()));
    }
    let _ = report.to_string();

    let of = report.found.first().map(|found| found.certificate.fingerprint());
    let of = of.unwrap_or_else(|| "0123456789ABCDEF0123456789ABCDEF01234567".parse().unwrap());
    let (mut refresh, mut script) = (Refresh::new(of, &sources), Script(answers));
    while let Some(need) = refresh.need() {
        refresh.answer(script.answer(&need), now);
    }
    let refreshed = refresh.finish();
    assert_eq!(refreshed.tried.len(), 2);
    assert!(refreshed.certificate.is_none_or(|certificate| certificate.fingerprint() == of));
});
