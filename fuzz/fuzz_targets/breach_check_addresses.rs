//! Whatever the service of breaches answers: what is read keeps its limits, an answer about one range says nothing of
//! another, and nothing but status 200, or 404 where it means that there is none, is an answer.
#![no_main]

use breach_check::addresses::{
    Address, ApiKey, Breach, BreachName, Domain, MAX_NAME, Plan, Service,
};
use breach_check::{Answer, End};
use libfuzzer_sys::fuzz_target;

const PLAN: &[u8] =
    br#"{"SubscriptionName":"x","Rpm":10,"IncludesKAnon":true,"IncludesStealerLogs":true}"#;

fn answer(status: u16, body: &[u8], end: End) -> Answer {
    let response = http::Response::builder().status(status);
    Answer::new(response.body(body.to_vec()).expect("a response"), end)
}

fn named(name: &BreachName) {
    assert!((1..=MAX_NAME).contains(&name.as_str().len()));
    assert!(!name.as_str().contains(char::is_control));
}

fn sound(breach: &Breach) {
    named(&breach.name);
    for text in [
        &breach.title,
        &breach.domain,
        &breach.breach_date,
        &breach.added_date,
    ] {
        assert!(text.len() <= 256 && !text.contains(char::is_control));
    }
    assert!(breach.description.len() <= 16 * 1024 && breach.data_classes.len() <= 100);
}

fn plan(service: &Service) -> Plan {
    service
        .plan()
        .read(&answer(200, PLAN, End::Length))
        .expect("a plan")
}

fuzz_target!(|data: &[u8]| {
    let Some((&kind, body)) = data.split_first() else {
        return;
    };
    let key = ApiKey::new("key").expect("a key");
    let service = Service::new("https://a.example/api/v3", key, "fuzz").expect("a service");
    let (plan, whole) = (plan(&service), answer(200, body, End::Length));
    let ann = Address::parse("ann@example.org").expect("an address");
    let domain = Domain::parse("example.org").expect("a domain");
    let range = service.range(&plan, ann.range()).expect("in the plan");
    // Other statuses, and an end that is not shown.
    let status = 200 + u16::from(kind) * 3 / 2;
    if !matches!(status, 200 | 404) {
        assert!(range.read(&answer(status, body, End::Length)).is_err());
    }
    assert!(range.read(&answer(200, body, End::Closed)).is_err());
    match kind % 8 {
        0 => {
            if let Ok(read) = range.read(&whole) {
                read.of(&ann.hash())
                    .expect("its range")
                    .iter()
                    .for_each(named);
                let bob = Address::parse("bob@example.org").expect("an address");
                assert!(read.of(&bob.hash()).is_none());
            }
        }
        1 => drop(
            service
                .breaches_of_by_name(&ann)
                .read(&whole)
                .map(|all| all.iter().for_each(named)),
        ),
        2 => {
            if let Ok(read) = service.domain(&domain).read(&whole) {
                for (alias, of) in read.iter() {
                    assert!(alias.len() <= 1024 && read.of(alias) == of);
                }
            }
        }
        3 => drop(service.subscribed_domains().read(&whole)),
        4 => drop(service.latest_breach().read(&whole).map(|one| sound(&one))),
        5 => drop(
            service
                .breaches()
                .read(&whole)
                .map(|all| all.iter().for_each(sound)),
        ),
        6 => drop(service.plan().read(&whole)),
        _ => {
            // What is an address stays one, and is in a URL as one part.
            let text = String::from_utf8_lossy(body);
            if let Ok(address) = Address::parse(&text) {
                assert_eq!(Address::parse(address.as_str()).as_ref(), Ok(&address));
                let call = service.breaches_of_by_name(&address);
                let path = call.request().uri().path();
                assert_eq!(path.matches('/').count(), 4);
                assert!(path.starts_with("/api/v3/breachedaccount/"));
            }
            if let Some(domain) = Domain::parse(&text) {
                let call = service.domain(&domain);
                let expected = format!("/api/v3/breacheddomain/{}", domain.as_str());
                assert_eq!(call.request().uri().path(), expected);
            }
        }
    }
});
