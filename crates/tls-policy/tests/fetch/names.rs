//! Where a name leads.

use crate::{
    server::{HOST, POLICY, Server, far, fetcher, ok, request, says, zone},
    support::{Ca, everything, now},
};
use mail_dns::{Answer, Failure, Query, Record, RecordType, Resolver, Security, Zone};
use std::{
    io::ErrorKind,
    net::IpAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime},
};
use tls_policy::{
    fetch::{FetchError, Fetcher},
    rustls::Profile,
};

/// Says something else each time, and remembers what it was asked.
#[derive(Default)]
struct Rebinding {
    asked: Mutex<Vec<RecordType>>,
}

impl Resolver for Rebinding {
    async fn resolve(&self, query: &Query, _: SystemTime, _: Instant) -> Answer {
        assert_eq!(query.name.to_string(), HOST);
        let mut asked = self.asked.lock().unwrap();
        asked.push(query.record_type);
        if query.record_type != RecordType::A {
            return Answer::no_data(Security::Unknown, Duration::ZERO);
        }
        let before = asked.iter().filter(|kind| **kind == RecordType::A).count();
        let last = u8::try_from(before).unwrap();
        let address = IpAddr::from([127, 0, 0, last]);
        Answer::records([Record::from(address)], Security::Unknown, Duration::ZERO)
    }
}

#[tokio::test]
async fn a_name_is_looked_up_once_and_what_it_says_later_changes_nothing() {
    let ca = Ca::new();
    let good = Server::start(&ca.issue(&[HOST]), says(ok("", POLICY))).await;
    let inside = Server::raw_at(&format!("127.0.0.2:{}", good.port), |_| async {}).await;
    let resolver = Arc::new(Rebinding::default());
    let fetcher = fetcher(&ca, Arc::clone(&resolver), good.port);
    let answer = fetcher.policy(&request(), now(), far()).await;
    assert_eq!(answer.unwrap().body(), POLICY.as_bytes());
    let mut asked = resolver.asked.lock().unwrap().clone();
    asked.sort_unstable();
    assert_eq!(asked, [RecordType::A, RecordType::Aaaa]);
    assert_eq!((good.connections(), inside.connections()), (1, 0));

    // Mutation: who looks at one answer and connects to another gets inside.
    let resolver = Rebinding::default();
    let query = Query::new(HOST.parse().unwrap(), RecordType::A);
    let mut last = None;
    for _looked_at_then_connected_to in 0..2 {
        let answer = resolver.resolve(&query, now(), far()).await;
        last = answer.iter().find_map(|record| match record {
            Record::A(v4) => Some(*v4),
            _ => None,
        });
    }
    let _inside = tokio::net::TcpStream::connect((last.unwrap(), good.port))
        .await
        .unwrap();
    tokio::task::yield_now().await;
    while inside.connections() == 0 {
        tokio::task::yield_now().await;
    }
}

async fn with(zone: Zone, port: u16, ca: &Ca) -> Result<Vec<u8>, FetchError> {
    let fetcher = fetcher(ca, zone, port);
    let answer = fetcher.policy(&request(), now(), far()).await?;
    Ok(answer.into_body())
}

#[tokio::test]
async fn an_address_that_may_not_be_reached_is_passed_over() {
    let ca = Ca::new();
    let server = Server::start(&ca.issue(&[HOST]), says(ok("", POLICY))).await;
    let zone = Zone::new()
        .address(HOST, [10, 0, 0, 1])
        .and_then(|zone| zone.address(HOST, [127, 0, 0, 1]))
        .and_then(|zone| zone.address(HOST, [169, 254, 169, 254]))
        .unwrap();
    assert_eq!(
        with(zone, server.port, &ca).await.unwrap(),
        POLICY.as_bytes()
    );
}

/// Without [`tls_policy::fetch::LoopbackForTests`] nobody reaches what is not global.
#[tokio::test]
async fn what_is_not_global_is_not_connected_to() {
    let ca = Ca::new();
    let server = Server::start(&ca.issue(&[HOST]), says(ok("", POLICY))).await;
    let provider = Arc::new(everything());
    let real = Fetcher::new(zone(), Profile::Normal, provider, ca.roots()).unwrap();
    let answer = real.policy(&request(), now(), far()).await;
    let loopback = FetchError::NotGlobal([127, 0, 0, 1].into());
    assert_eq!(answer.err(), Some(loopback));
    assert_eq!(server.connections(), 0);
    // And with it nobody reaches anything else.
    let elsewhere: IpAddr = [192, 0, 2, 1].into();
    let zone = Zone::new().address(HOST, elsewhere).unwrap();
    let answer = with(zone, server.port, &ca).await;
    assert_eq!(answer, Err(FetchError::NotGlobal(elsewhere)));
    // Mutation: with it the same is a policy.
    assert!(with(self::zone(), server.port, &ca).await.is_ok());
}

#[tokio::test]
async fn the_next_address_has_its_turn_if_nobody_is_there() {
    let ca = Ca::new();
    let server = Server::start(&ca.issue(&[HOST]), says(ok("", POLICY))).await;
    let zone = Zone::new()
        .address(HOST, [127, 0, 0, 3])
        .and_then(|zone| zone.address(HOST, [127, 0, 0, 1]))
        .unwrap();
    assert!(with(zone, server.port, &ca).await.is_ok());
    let nobody = Zone::new().address(HOST, [127, 0, 0, 3]).unwrap();
    let answer = with(nobody, server.port, &ca).await;
    assert_eq!(
        answer,
        Err(FetchError::Connect(ErrorKind::ConnectionRefused))
    );
}

#[tokio::test]
async fn failures_and_absence_are_told_apart() {
    let ca = Ca::new();
    let none = with(Zone::new(), 1, &ca).await;
    assert_eq!(none, Err(FetchError::NoAddress));
    let mut zone = Zone::new();
    zone.fail(HOST.parse().unwrap(), Failure::ServerFailure);
    let failed = with(zone, 1, &ca).await;
    assert_eq!(failed, Err(FetchError::LookUp(Failure::ServerFailure)));
}
