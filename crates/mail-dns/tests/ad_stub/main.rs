//! The stub against a resolver on loopback that says what it is told to.
#![cfg(feature = "ad-stub")]
#![allow(clippy::disallowed_methods, clippy::unwrap_used)] // a test has a clock, and may fail

#[path = "../hickory/server.rs"]
mod server;

use mail_dns::{
    AdStub, AdStubError, Answer, Cached, Failure, Outcome, Query, Record, RecordType, Resolver,
    Security, Zone,
};
use server::*;
use std::{
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
    task::Poll,
    time::{Duration, Instant, SystemTime},
};

type Asker = AdStub;

fn asker(address: SocketAddr) -> Asker {
    AdStub::new(address).unwrap()
}

const AD: u8 = 0x20;
const RA: u8 = 0x80;

/// The same message with the AD bit.
fn authentic(mut packet: Vec<u8>) -> Vec<u8> {
    packet[3] |= AD;
    packet
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn good() -> Rr {
    ("host.test", A, 300, vec![192, 0, 2, 1])
}

fn forged() -> Rr {
    ("host.test", A, 300, vec![203, 0, 113, 66])
}

fn a(octets: [u8; 4], security: Security) -> Answer {
    Answer::records(vec![Record::A(octets.into())], security, seconds(300))
}

#[test]
fn only_loopback_is_trusted() {
    for address in [
        "127.0.0.1:53",
        "127.0.0.53:53",
        "127.255.0.9:5353",
        "[::1]:53",
    ] {
        assert!(AdStub::new(address.parse().unwrap()).is_ok(), "{address}");
    }
    for address in [
        "192.0.2.1:53",
        "10.0.0.1:53",
        "0.0.0.0:53",
        "128.0.0.1:53",
        "[::]:53",
        "[fe80::1]:53",
        "[2001:db8::1]:53",
        "[::ffff:127.0.0.1]:53",
    ] {
        let address = address.parse().unwrap();
        let why = AdStub::new(address).unwrap_err();
        assert_eq!(why, AdStubError::NotLoopback(address));
        assert!(!why.is_temporary());
    }
    let none = AdStub::new("127.0.0.1:0".parse().unwrap());
    assert_eq!(none.unwrap_err(), AdStubError::NoPort);
}

#[tokio::test]
async fn the_question_asks_for_the_ad_bit_and_for_no_signatures() {
    let server = Server::start(|q| vec![q.answer(NXDOMAIN, &[], &[])]).await;
    server.ask("Host.Test", RecordType::Tlsa).await;
    let asked = server.asked.lock().unwrap()[0].packet.clone();
    // RD and AD; not CD, which would let bogus data through.
    assert_eq!(asked[2..4], [0x01, AD]);
    assert_eq!(asked[4..12], [0, 1, 0, 0, 0, 0, 0, 1]);
    let question = [wire("host.test"), vec![0, TLSA as u8, 0, 1]].concat();
    assert_eq!(asked[12..12 + question.len()], question);
    // OPT: 4096 octets, version 0, no DO bit.
    let opt = [0, 0, 41, 0x10, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(asked[12 + question.len()..], opt);
}

#[tokio::test]
async fn the_status_of_records_no_data_and_nxdomain_is_the_ad_bit() {
    let server = Server::start(|q| {
        let (kind, secure) = q.name.split_once('.').unwrap();
        let packet = match kind {
            "some" if secure == "secure.test" => q.answer(
                NOERROR,
                &[("some.secure.test", TLSA, 60, vec![3, 1, 1, 7])],
                &[],
            ),
            "some" => q.answer(
                NOERROR,
                &[("some.plain.test", TLSA, 60, vec![3, 1, 1, 7])],
                &[],
            ),
            "none" => q.answer(NOERROR, &[], &[soa(900, 300)]),
            _ => q.answer(NXDOMAIN, &[], &[soa(200, 300)]),
        };
        vec![match secure {
            "secure.test" => authentic(packet),
            _ => packet,
        }]
    })
    .await;
    for (zone, security) in [("secure", Security::Secure), ("plain", Security::Insecure)] {
        let ask = |name: &str| format!("{name}.{zone}.test");
        let records = vec![Record::Tlsa([3, 1, 1, 7].into())];
        assert_eq!(
            server.ask(&ask("some"), RecordType::Tlsa).await,
            Answer::records(records, security, seconds(60))
        );
        assert_eq!(
            server.ask(&ask("none"), RecordType::Tlsa).await,
            Answer::no_data(security, seconds(300))
        );
        assert_eq!(
            server.ask(&ask("gone"), RecordType::Tlsa).await,
            Answer::nx_domain(security, seconds(200))
        );
    }
}

#[tokio::test]
async fn what_is_no_answer_is_a_failure_whatever_the_bit_says() {
    let server = Server::start(|q| {
        let packet = match &*q.name {
            "bogus.test" => q.answer(SERVFAIL, &[], &[]),
            "refused.test" => q.answer(5, &[], &[]),
            // A server that does not ask others: what it says without the bit is not "insecure".
            "authority.test" => {
                let mut packet = q.answer(NOERROR, &[("authority.test", A, 9, vec![1; 4])], &[]);
                packet[3] &= !RA;
                packet
            }
            "referral.test" => q.answer(NOERROR, &[], &[("test", NS, 9, wire("ns.test"))]),
            "other.test" => q.answer(NOERROR, &[("else.test", A, 9, vec![1; 4])], &[]),
            "short.test" => q.answer(NOERROR, &[("short.test", TLSA, 9, vec![3, 1])], &[]),
            _ => {
                let mut packet = q.answer(NOERROR, &[], &[]);
                packet.truncate(14);
                packet
            }
        };
        vec![authentic(packet)]
    })
    .await;
    for (name, failure) in [
        ("bogus.test", Failure::ServerFailure),
        ("refused.test", Failure::Refused),
        ("authority.test", Failure::Refused),
        ("referral.test", Failure::Refused),
        ("other.test", Failure::Malformed),
        ("short.test", Failure::Malformed),
        ("cut.test", Failure::Malformed),
    ] {
        for record_type in [RecordType::A, RecordType::Tlsa] {
            assert_eq!(
                server.ask(name, record_type).await,
                Answer::failure(failure),
                "{name}"
            );
        }
    }
}

/// What an attacker changes in the answer that he would like to be believed.
type Forgery = (&'static str, fn(&mut Vec<u8>));

const FORGERIES: [Forgery; 6] = [
    ("identifier", |p| p[1] ^= 1),
    ("a question instead of a response", |p| p[2] &= 0x7f),
    ("opcode", |p| p[2] |= 0x10),
    ("name", |p| p[13] ^= 1),
    ("type", |p| p[12 + 11 + 1] = 28),
    ("class", |p| p[12 + 11 + 3] = 3),
];

#[tokio::test]
async fn what_answers_another_question_is_passed_over() {
    for (what, forge) in FORGERIES {
        let server = Server::start(move |q| {
            let mut packet = authentic(q.answer(NOERROR, &[forged()], &[]));
            forge(&mut packet);
            vec![packet, q.answer(NOERROR, &[good()], &[])]
        })
        .await;
        let answer = server.ask("host.test", RecordType::A).await;
        assert_eq!(answer, a([192, 0, 2, 1], Security::Insecure), "{what}");
    }
}

#[tokio::test]
async fn mutation_a_forgery_that_gets_everything_right_is_believed() {
    // So that the test above fails if nothing is checked.
    let server = Server::start(|q| {
        let forged = authentic(q.answer(NOERROR, &[forged()], &[]));
        vec![forged, q.answer(NOERROR, &[good()], &[])]
    })
    .await;
    let answer = server.ask("host.test", RecordType::A).await;
    assert_eq!(answer, a([203, 0, 113, 66], Security::Secure));
}

#[tokio::test]
async fn only_the_resolvers_own_port_is_heard() {
    // The right answer from another socket, then nothing, then a retransmitted question.
    let other = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = Server::start(move |q| {
        let forged = authentic(q.answer(NOERROR, &[forged()], &[]));
        other.send_to(&forged, q.from).unwrap();
        vec![q.answer(NOERROR, &[good()], &[])]
    })
    .await;
    let answer = server.ask("host.test", RecordType::A).await;
    assert_eq!(answer, a([192, 0, 2, 1], Security::Insecure));
}

#[tokio::test]
async fn every_question_has_its_own_port_and_identifier() {
    let server = Server::start(|q| vec![q.answer(NXDOMAIN, &[], &[])]).await;
    for _ in 0..16 {
        server.ask("host.test", RecordType::A).await;
    }
    let asked = server.asked.lock().unwrap();
    let count = |of: fn(&Asked) -> u16| {
        asked
            .iter()
            .map(of)
            .collect::<std::collections::BTreeSet<_>>()
            .len()
    };
    // Two of sixteen may meet by chance, half of them do not.
    assert!(count(|q| q.from.port()) > 8);
    assert!(count(|q| u16::from_be_bytes([q.packet[0], q.packet[1]])) > 8);
}

#[tokio::test]
async fn what_does_not_fit_comes_by_tcp() {
    let server = Server::start(|q| {
        vec![match (q.over_tcp, &*q.name) {
            (false, _) => authentic(q.truncated(&[forged()])),
            (true, "host.test") => authentic(q.answer(NOERROR, &[good()], &[])),
            (true, _) => authentic(q.truncated(&[])),
        }]
    })
    .await;
    let answer = server.ask("host.test", RecordType::A).await;
    assert_eq!(answer, a([192, 0, 2, 1], Security::Secure));
    let cut = server.ask("still.test", RecordType::A).await;
    assert_eq!(cut, Answer::failure(Failure::Malformed));
}

#[tokio::test]
async fn tcp_checks_as_udp_does() {
    for (what, forge) in FORGERIES {
        let server = Server::start(move |q| {
            if !q.over_tcp {
                return vec![q.truncated(&[])];
            }
            let mut packet = authentic(q.answer(NOERROR, &[forged()], &[]));
            forge(&mut packet);
            vec![packet, q.answer(NOERROR, &[good()], &[])]
        })
        .await;
        let answer = server.ask("host.test", RecordType::A).await;
        assert_eq!(answer, a([192, 0, 2, 1], Security::Insecure), "{what}");
    }
}

#[tokio::test]
async fn the_weakest_link_of_a_chain_counts() {
    let server = Server::start(|q| {
        vec![match &*q.name {
            "alias.test" => authentic(q.answer(
                NOERROR,
                &[("alias.test", CNAME, 60, wire("host.test")), good()],
                &[],
            )),
            // Ends in an answer of its own, which is not authentic.
            "out.test" => {
                authentic(q.answer(NOERROR, &[("out.test", CNAME, 60, wire("host.test"))], &[]))
            }
            "gone.test" => authentic(q.answer(
                NXDOMAIN,
                &[("gone.test", CNAME, 60, wire("nowhere.test"))],
                &[soa(30, 30)],
            )),
            "host.test" => q.answer(NOERROR, &[good()], &[]),
            name => {
                // A loop, one link an answer.
                let owner = if name == "a.test" { "a.test" } else { "b.test" };
                let target = if name == "a.test" { "b.test" } else { "a.test" };
                authentic(q.answer(NOERROR, &[(owner, CNAME, 60, wire(target))], &[]))
            }
        }]
    })
    .await;
    let record = vec![Record::A([192, 0, 2, 1].into())];
    let answer = server.ask("alias.test", RecordType::A).await;
    assert_eq!(
        answer,
        Answer::records(record.clone(), Security::Secure, seconds(60))
    );
    let answer = server.ask("out.test", RecordType::A).await;
    assert_eq!(
        answer,
        Answer::records(record, Security::Insecure, seconds(60))
    );
    let answer = server.ask("gone.test", RecordType::A).await;
    assert_eq!(answer, Answer::nx_domain(Security::Secure, seconds(30)));
    let asked = server.asked.lock().unwrap().len();
    let answer = server.ask("a.test", RecordType::A).await;
    assert_eq!(answer, Answer::failure(Failure::ServerFailure));
    let asked = server.asked.lock().unwrap().len() - asked;
    assert_eq!(asked, Zone::MAX_ALIASES + 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_datagram_is_sent_again() {
    static HEARD: AtomicUsize = AtomicUsize::new(0);
    let server = Server::start(|q| match HEARD.fetch_add(1, Ordering::SeqCst) {
        0 | 1 => vec![],
        _ => vec![q.answer(NOERROR, &[good()], &[])],
    })
    .await;
    let answer = server.ask("host.test", RecordType::A).await;
    assert_eq!(answer, a([192, 0, 2, 1], Security::Insecure));
    let asked = server.asked.lock().unwrap();
    assert!(asked.len() >= 3);
    assert!(
        asked
            .iter()
            .all(|q| q.packet == asked[0].packet && q.from == asked[0].from)
    );
}

#[tokio::test(start_paused = true)]
async fn the_deadline_is_a_failure_over_udp_and_tcp() {
    let silent = Server::start(|_| vec![]).await;
    let no_tcp_answer = Server::start(|q| match q.over_tcp {
        true => vec![],
        false => vec![q.truncated(&[])],
    })
    .await;
    for server in [silent, no_tcp_answer] {
        let answer = server.ask("host.test", RecordType::A).await;
        assert_eq!(answer, Answer::failure(Failure::Timeout));
    }
}

#[tokio::test]
async fn nobody_there_is_a_failure() {
    let port = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let stub = AdStub::new(port.local_addr().unwrap()).unwrap();
    drop(port);
    let query = Query::new("host.test".parse().unwrap(), RecordType::A);
    assert_eq!(ask(&stub, &query).await, Answer::failure(Failure::Network));
    let deadline = Instant::now() + seconds(60);
    assert_eq!(stub.is_validating(deadline).await, Err(Failure::Network));
}

#[tokio::test]
async fn a_resolver_that_does_not_validate_is_found_out() {
    for validates in [true, false] {
        let server = Server::start(move |q| {
            let packet = q.answer(NOERROR, &[("", NS, 60, wire("ns.test"))], &[]);
            vec![match validates {
                true => authentic(packet),
                false => packet,
            }]
        })
        .await;
        let deadline = Instant::now() + seconds(60);
        assert_eq!(server.resolver.is_validating(deadline).await, Ok(validates));
        assert_eq!(server.names(), [""]);
    }
    let broken = Server::start(|q| vec![authentic(q.answer(SERVFAIL, &[], &[]))]).await;
    let said = broken
        .resolver
        .is_validating(Instant::now() + seconds(60))
        .await;
    assert_eq!(said, Err(Failure::ServerFailure));
}

#[tokio::test]
async fn a_cache_keeps_the_status_and_no_failures() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let server = Server::start(|q| {
        ASKED.fetch_add(1, Ordering::SeqCst);
        vec![match &*q.name {
            "bogus.test" => q.answer(SERVFAIL, &[], &[]),
            _ => authentic(q.answer(NXDOMAIN, &[], &[soa(900, 300)])),
        }]
    })
    .await;
    let cached = Cached::new(server.resolver.clone());
    let now = SystemTime::now();
    let ask = async |name: &str| {
        let query = Query::new(name.parse().unwrap(), RecordType::Tlsa);
        let deadline = Instant::now() + seconds(60);
        cached.resolve(&query, now, deadline).await
    };
    for _ in 0..2 {
        let gone = ask("gone.test").await;
        assert_eq!(gone, Answer::nx_domain(Security::Secure, seconds(300)));
    }
    assert_eq!(ASKED.load(Ordering::SeqCst), 1);
    for _ in 0..2 {
        let bogus = ask("bogus.test").await;
        assert_eq!(bogus.outcome(), &Outcome::Failure(Failure::ServerFailure));
    }
    assert_eq!(ASKED.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn hidden_services_are_not_asked_for() {
    let server = Server::start(|q| vec![q.answer(NOERROR, &[], &[])]).await;
    let query = Query::new("x.onion".parse().unwrap(), RecordType::A);
    let mut future = Box::pin(ask(&server.resolver, &query));
    // Ready at once: nothing was sent.
    let first = std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context)));
    let Poll::Ready(answer) = first.await else {
        panic!("a hidden service was asked for");
    };
    assert_eq!(answer, Answer::nx_domain(Security::Unknown, Duration::ZERO));
}
