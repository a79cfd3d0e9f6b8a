//! The adapter against a DNS server on loopback.
#![cfg(feature = "hickory-0_26")]
#![allow(clippy::disallowed_methods, clippy::unwrap_used)] // a test has a clock, and may fail

mod server;

use mail_dns::{
    Answer, Cached, Failure, Hickory, Mx, Name, Outcome, Query, Record, RecordType, Resolver,
    Security, Txt, Zone,
};
use server::*;
use std::{
    sync::atomic::{AtomicU8, Ordering},
    task::Poll,
    time::{Duration, SystemTime},
};

type Asker = Hickory;

fn asker(address: std::net::SocketAddr) -> Asker {
    Hickory::with_servers(&[address]).unwrap()
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test]
async fn every_type_is_understood() {
    let server = Server::start(|q| {
        let host = wire("Host.Test");
        vec![q.answer(
            0,
            &[
                ("all.test", A, 300, vec![192, 0, 2, 1]),
                ("ALL.test", A, 200, vec![192, 0, 2, 2]),
                // RFC 2181 §5: no record twice.
                ("all.test", A, 300, vec![192, 0, 2, 1]),
                ("other.test", A, 1, vec![192, 0, 2, 9]),
                (
                    "all.test",
                    AAAA,
                    300,
                    [[0x20, 1], [0; 2]].concat().repeat(4),
                ),
                ("all.test", MX, 300, [vec![0, 10], host.clone()].concat()),
                ("all.test", PTR, 300, host),
                ("all.test", TLSA, 300, vec![3, 1, 1, 0xde, 0xad]),
                ("all.test", TXT, 300, strings(&[b"a", b"", b"\xff"])),
            ],
            &[],
        )]
    })
    .await;
    let records =
        |records: Vec<Record>, ttl| Answer::records(records, Security::Unknown, seconds(ttl));
    let a = [[192, 0, 2, 1], [192, 0, 2, 2]].map(|a| Record::A(a.into()));
    assert_eq!(
        server.ask("all.test", RecordType::A).await,
        records(a.into(), 200)
    );
    let aaaa = Record::Aaaa("2001:0:2001:0:2001:0:2001:0".parse().unwrap());
    assert_eq!(
        server.ask("all.test", RecordType::Aaaa).await,
        records(vec![aaaa], 300)
    );
    let mx = Record::Mx(Mx {
        preference: 10,
        exchange: name("host.test"),
    });
    assert_eq!(
        server.ask("all.test", RecordType::Mx).await,
        records(vec![mx], 300)
    );
    assert_eq!(
        server.ask("all.test", RecordType::Ptr).await,
        records(vec![Record::Ptr(name("host.test"))], 300)
    );
    let tlsa = Record::Tlsa([3, 1, 1, 0xde, 0xad].into());
    assert_eq!(
        server.ask("all.test", RecordType::Tlsa).await,
        records(vec![tlsa], 300)
    );
    let txt = Record::Txt(Txt::new([&b"a"[..], b"", b"\xff"]));
    assert_eq!(
        server.ask("all.test", RecordType::Txt).await,
        records(vec![txt], 300)
    );
}

#[tokio::test]
async fn names_are_asked_as_they_are() {
    let server = Server::start(|q| vec![q.answer(NXDOMAIN, &[], &[])]).await;
    let odd = Query::new(
        Name::from_labels([&b"%{d}!"[..], b"_spf", b"test"]).unwrap(),
        RecordType::A,
    );
    for asked in ["host", "Bücher.test", ".", "localhost", "a.invalid"] {
        server.ask(asked, RecordType::Mx).await;
    }
    server.ask("1.0.0.127.in-addr.arpa", RecordType::Ptr).await;
    ask(&server.resolver, &odd).await;
    let want = [
        "host",
        "xn--bcher-kva.test",
        "",
        "localhost",
        "a.invalid",
        "1.0.0.127.in-addr.arpa",
        "%{d}!._spf.test",
    ];
    assert_eq!(server.names(), want);
}

#[tokio::test]
async fn only_hidden_services_are_never_asked_for() {
    let server = Server::start(|q| {
        let here = if q.name == "localhost" {
            [("localhost", A, 5, vec![192, 0, 2, 7])]
        } else {
            [("1.0.0.127.in-addr.arpa", PTR, 5, wire("host.test"))]
        };
        vec![q.answer(0, &here, &[])]
    })
    .await;
    let onion = server.ask("duckduckgo.ONION", RecordType::A).await;
    assert_eq!(onion, Answer::nx_domain(Security::Unknown, Duration::ZERO));
    assert!(server.names().is_empty());
    // What hickory's own resolver would make up is what the server says, as it is for a `Zone`.
    let zone = Zone::new()
        .address("localhost", [192, 0, 2, 7])
        .and_then(|z| z.ptr([127, 0, 0, 1], "host.test"))
        .unwrap();
    for (asked, record_type) in [
        ("localhost", RecordType::A),
        ("1.0.0.127.in-addr.arpa", RecordType::Ptr),
    ] {
        let want = zone.answer(&Query::new(name(asked), record_type));
        let got = server.ask(asked, record_type).await;
        assert_eq!(got.outcome(), want.outcome(), "{asked}");
    }
}

#[tokio::test]
async fn nothing_failure_and_refusal_are_different() {
    let server = Server::start(|q| {
        vec![match &*q.name {
            "gone.test" => q.answer(NXDOMAIN, &[], &[soa(900, 300)]),
            "empty.test" => q.answer(0, &[], &[soa(100, 300)]),
            "bare.test" => q.answer(0, &[], &[]),
            "old.test" => q.answer(0, &[], &[soa(u32::MAX, u32::MAX)]),
            code => q.answer(code.parse().unwrap(), &[], &[]),
        }]
    })
    .await;
    let nothing = [
        (
            "gone.test",
            Answer::nx_domain(Security::Unknown, seconds(300)),
        ),
        (
            "empty.test",
            Answer::no_data(Security::Unknown, seconds(100)),
        ),
        ("bare.test", Answer::no_data(Security::Unknown, seconds(0))),
        ("old.test", Answer::no_data(Security::Unknown, seconds(0))),
    ];
    for (name, want) in nothing {
        assert_eq!(server.ask(name, RecordType::Txt).await, want, "{name}");
    }
    let failures = [
        ("1", Failure::Refused),
        ("2", Failure::ServerFailure),
        ("4", Failure::Refused),
        ("5", Failure::Refused),
        ("6", Failure::ServerFailure),
        ("9", Failure::Refused),
        ("15", Failure::ServerFailure),
    ];
    for (code, want) in failures {
        let got = server.ask(code, RecordType::Txt).await;
        assert_eq!(got.outcome(), &Outcome::Failure(want), "RCODE {code}");
    }
}

#[tokio::test]
async fn aliases_are_followed_within_one_answer_and_over_several() {
    let server = Server::start(|q| {
        let alias = |owner, ttl, target| (owner, CNAME, ttl, wire(target));
        let address = ("host.test", A, 600, vec![192, 0, 2, 1]);
        vec![match &*q.name {
            "one.test" => q.answer(0, &[alias("one.test", 60, "host.test"), address], &[]),
            // The order does not count, nor does what belongs to nobody.
            "back.test" => {
                let stray = ("x.test", A, 1, vec![192, 0, 2, 9]);
                q.answer(
                    0,
                    &[stray, address, alias("back.test", 60, "Host.test")],
                    &[],
                )
            }
            "two.test" => q.answer(0, &[alias("two.test", 60, "one.test")], &[]),
            "gone.test" => q.answer(
                NXDOMAIN,
                &[alias("gone.test", 60, "nowhere.test")],
                &[soa(900, 900)],
            ),
            "far.test" => q.answer(0, &[alias("far.test", 60, "nowhere.test")], &[]),
            "nowhere.test" => q.answer(NXDOMAIN, &[], &[soa(30, 900)]),
            "empty.test" => q.answer(0, &[alias("empty.test", 60, "host.test")], &[soa(9, 9)]),
            "slow.test" => q.answer(0, &[alias("slow.test", 60, "broken.test")], &[]),
            "broken.test" => q.answer(SERVFAIL, &[], &[]),
            "loop.test" => q.answer(0, &[alias("loop.test", 60, "pool.test")], &[]),
            "pool.test" => q.answer(0, &[alias("pool.test", 60, "loop.test")], &[]),
            "self.test" => q.answer(0, &[alias("self.test", 60, "self.test")], &[]),
            _ => q.answer(0, &[("x.test", A, 1, vec![192, 0, 2, 9])], &[]),
        }]
    })
    .await;
    let host = Answer::records(
        [Record::A([192, 0, 2, 1].into())],
        Security::Unknown,
        seconds(60),
    );
    for alias in ["one.test", "back.test", "two.test"] {
        assert_eq!(server.ask(alias, RecordType::A).await, host, "{alias}");
    }
    let alias = server.ask("two.test", RecordType::Cname).await;
    assert_eq!(alias.iter().as_slice(), [Record::Cname(name("one.test"))]);
    let rest = [
        (
            "gone.test",
            Answer::nx_domain(Security::Unknown, seconds(60)),
        ),
        (
            "far.test",
            Answer::nx_domain(Security::Unknown, seconds(30)),
        ),
        ("empty.test", Answer::no_data(Security::Unknown, seconds(9))),
        ("slow.test", Answer::failure(Failure::ServerFailure)),
        ("loop.test", Answer::failure(Failure::ServerFailure)),
        ("self.test", Answer::failure(Failure::ServerFailure)),
        ("stray.test", Answer::failure(Failure::Malformed)),
    ];
    for (name, want) in rest {
        assert_eq!(server.ask(name, RecordType::A).await, want, "{name}");
    }
}

#[tokio::test]
async fn what_does_not_fit_comes_over_tcp() {
    let server = Server::start(|q| {
        let long = strings(&[&[b'x'; 255][..]; 40]);
        vec![if q.over_tcp {
            q.answer(0, &[("big.test", TXT, 60, long)], &[])
        } else {
            q.truncated(&[])
        }]
    })
    .await;
    let answer = server.ask("big.test", RecordType::Txt).await;
    let [Record::Txt(txt)] = answer.iter().as_slice() else {
        panic!("one TXT record, not {answer:?}")
    };
    assert_eq!((txt.chunks().len(), txt.joined().len()), (40, 40 * 255));
    assert!(server.asked.lock().unwrap().iter().any(|q| !q.over_tcp));
}

/// Half of an SPF record, or one policy of two, is not what the domain says.
#[tokio::test]
async fn a_part_of_an_answer_is_no_answer() {
    let server = Server::start(|q| {
        let part = [("part.test", TXT, 60, strings(&[b"v=spf1 +all"]))];
        vec![match (q.over_tcp, &*q.name) {
            (false, _) => q.truncated(&part),
            (true, "part.test") => q.truncated(&part),
            (true, _) => q.answer(SERVFAIL, &[], &[]),
        }]
    })
    .await;
    for (name, want) in [
        ("part.test", Failure::Malformed),
        ("fails.test", Failure::ServerFailure),
    ] {
        let answer = server.ask(name, RecordType::Txt).await;
        assert_eq!(answer, Answer::failure(want), "{name}");
    }
}

#[tokio::test]
async fn a_referral_is_not_no_data() {
    let server = Server::start(|q| {
        let ns = ("test", NS, 60, wire("ns.test"));
        vec![match &*q.name {
            "lame.test" => q.answer(NOERROR, &[], &[ns]),
            "alias.test" => q.answer(
                NOERROR,
                &[("alias.test", CNAME, 60, wire("lame.test"))],
                &[ns],
            ),
            "gone.test" => q.answer(NXDOMAIN, &[], &[ns]),
            // RFC 2308 §2.2: type 1, with name servers and the SOA record.
            _ => q.answer(NOERROR, &[], &[ns, soa(60, 60)]),
        }]
    })
    .await;
    for (name, want) in [
        ("lame.test", Answer::failure(Failure::Refused)),
        ("alias.test", Answer::failure(Failure::Refused)),
        (
            "gone.test",
            Answer::nx_domain(Security::Unknown, seconds(0)),
        ),
        (
            "empty.test",
            Answer::no_data(Security::Unknown, seconds(60)),
        ),
    ] {
        assert_eq!(server.ask(name, RecordType::Txt).await, want, "{name}");
    }
}

fn host(q: &Asked) -> Vec<Vec<u8>> {
    let address = ("host.test", A, 60, vec![192, 0, 2, 1]);
    vec![q.answer(NOERROR, &[address], &[])]
}

#[tokio::test]
async fn a_dead_server_beside_a_living_one_does_not_matter() {
    // Bound, so that nobody else answers there; and never read.
    let dead = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let living = Server::start(host).await;
    let query = Query::new(name("host.test"), RecordType::A);
    for servers in [
        [dead.local_addr().unwrap(), living.address],
        [living.address, dead.local_addr().unwrap()],
    ] {
        let resolver = Hickory::with_servers(&servers).unwrap();
        assert_eq!(ask(&resolver, &query).await.iter().len(), 1);
    }
}

/// The future of a question is dropped where its message is: a client that hangs up must not make
/// the same question of others fail.
#[tokio::test]
async fn a_question_that_is_given_up_leaves_the_others() {
    let server = Server::start(host).await;
    let query = Query::new(name("host.test"), RecordType::A);
    let mut first = Box::pin(ask(&server.resolver, &query));
    let mut second = Box::pin(ask(&server.resolver, &query));
    // Both are under way, sharing what goes out; then the one that began it goes.
    for one in [&mut first, &mut second] {
        let under_way = std::future::poll_fn(|context| Poll::Ready(one.as_mut().poll(context)));
        assert!(under_way.await.is_pending());
    }
    drop(first);
    assert_eq!(second.await.iter().len(), 1);
    // And where nobody is left, the next one begins anew.
    let mut alone = Box::pin(ask(&server.resolver, &query));
    let under_way = std::future::poll_fn(|context| Poll::Ready(alone.as_mut().poll(context)));
    assert!(under_way.await.is_pending());
    drop(alone);
    assert_eq!(ask(&server.resolver, &query).await.iter().len(), 1);
}

#[tokio::test]
async fn many_questions_at_once_are_all_answered() {
    let server = Server::start(|q| {
        let number: u8 = q.name.trim_start_matches('h').parse().unwrap();
        let address = vec![192, 0, 2, number];
        let mut answer = q.answer(NOERROR, &[("h", A, 60, address)], &[]);
        // The owner is the question's name, by a pointer (RFC 1035 §4.1.4).
        let at = 12 + wire(&q.name).len() + 4;
        answer.splice(at..at + wire("h").len(), [0xc0, 12]);
        // Every third answer is too large for a datagram.
        if number.is_multiple_of(3) && !q.over_tcp {
            answer = q.truncated(&[]);
        }
        vec![answer]
    })
    .await;
    let mut all = tokio::task::JoinSet::new();
    for number in 0..150u8 {
        let resolver = server.resolver.clone();
        all.spawn(async move {
            let query = Query::new(name(&format!("h{number}")), RecordType::A);
            (number, ask(&resolver, &query).await)
        });
    }
    while let Some(answered) = all.join_next().await {
        let (number, answer) = answered.unwrap();
        let want = Record::A([192, 0, 2, number].into());
        assert_eq!(answer.iter().as_slice(), [want], "{number}: {answer:?}");
    }
}

/// Which address is believed, where a forgery arrives before the real answer.
async fn believed(forge: fn(&Asked, &[Rr]) -> Vec<u8>) -> Answer {
    let server = Server::start(move |q| {
        let real = q.answer(0, &[("real.test", A, 60, vec![192, 0, 2, 1])], &[]);
        let forgery = forge(q, &[("real.test", A, 60, vec![203, 0, 113, 66])]);
        vec![forgery, real]
    })
    .await;
    server.ask("real.test", RecordType::A).await
}

#[tokio::test]
async fn forged_answers_are_passed_over() {
    let wrong_id = believed(|q, forged| {
        let mut packet = q.answer(0, forged, &[]);
        packet[0] ^= 0xff;
        packet
    });
    let wrong_question = believed(|q, forged| {
        let name = "fake.test".into();
        Asked { name, ..q.clone() }.answer(0, forged, &[])
    });
    let too_short = believed(|_, _| vec![1]);
    // From a port of the same host that was not asked.
    let wrong_port = believed(|q, forged| {
        let elsewhere = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        elsewhere
            .send_to(&q.answer(0, forged, &[]), q.from)
            .unwrap();
        vec![1]
    });
    for answer in [
        wrong_id.await,
        wrong_question.await,
        wrong_port.await,
        too_short.await,
    ] {
        assert_eq!(answer.iter().as_slice(), [Record::A([192, 0, 2, 1].into())]);
    }
    // Mutation: nothing but identifier, port and question stand between a forger and belief.
    let perfect = believed(|q, forged| q.answer(0, forged, &[])).await;
    let forged = Record::A([203, 0, 113, 66].into());
    assert_eq!(perfect.iter().as_slice(), [forged]);
}

#[tokio::test]
async fn garbage_is_a_failure() {
    let server = Server::start(|q| {
        let mut garbage = q.answer(0, &[("x.test", A, 60, vec![192, 0, 2, 1])], &[]);
        match &*q.name {
            "short.test" => garbage.truncate(garbage.len() - 2),
            "count.test" => garbage[7] = 9,
            "loop.test" => {
                let at = 12 + wire("loop.test").len() + 4;
                garbage[at..at + 2].copy_from_slice(&[0xc0, at as u8]);
            }
            "length.test" => garbage = q.answer(0, &[("length.test", A, 60, vec![1, 2])], &[]),
            // No strings at all: not legal on the wire (RFC 1035 §3.3.14), though a `Zone` has them.
            _ => garbage = q.answer(0, &[("null.test", TXT, 60, vec![])], &[]),
        }
        vec![garbage]
    })
    .await;
    for name in ["short.test", "count.test", "loop.test", "length.test"] {
        let answer = server.ask(name, RecordType::A).await;
        assert_eq!(answer, Answer::failure(Failure::Malformed), "{name}");
    }
    let answer = server.ask("null.test", RecordType::Txt).await;
    assert_eq!(answer, Answer::failure(Failure::Malformed));
}

#[tokio::test]
async fn equal_questions_at_the_same_time_go_out_once() {
    let count = AtomicU8::new(0);
    let server = Server::start(move |q| {
        let last = count.fetch_add(1, Ordering::Relaxed);
        vec![q.answer(0, &[("host.test", A, 60, vec![192, 0, 2, last])], &[])]
    })
    .await;
    let (one, two) = tokio::join!(
        server.ask("host.test", RecordType::A),
        server.ask("host.test", RecordType::A)
    );
    assert_eq!(one, two);
    // Nothing is kept, though: the next question is a new one. `Cached` is there for that.
    assert_ne!(one, server.ask("host.test", RecordType::A).await);
    let cached = Cached::new(server.resolver.clone());
    let query = Query::new(name("host.test"), RecordType::A);
    let first = ask(&cached, &query).await;
    assert_eq!(first.outcome(), ask(&cached, &query).await.outcome());
}

/// The clock of the test stands still but for what somebody waits for.
#[tokio::test(start_paused = true)]
async fn the_deadline_holds_where_nobody_answers() {
    let server = Server::start(|_| vec![]).await;
    let query = Query::new(name("host.test"), RecordType::A);
    // Given a minute, hickory gives up by itself: it is the deadline that ends the others.
    for (limit, at_least, at_most) in [(0, 0, 0), (1, 1, 1), (3, 3, 3), (60, 10, 60)] {
        let start = tokio::time::Instant::now();
        let deadline = start.into_std() + seconds(limit);
        let answer = server
            .resolver
            .resolve(&query, SystemTime::UNIX_EPOCH, deadline)
            .await;
        assert_eq!(answer, Answer::failure(Failure::Timeout));
        let waited = start.elapsed();
        let slack = Duration::from_millis(2); // the timer's grain
        assert!(waited >= seconds(at_least), "{limit}: {waited:?}");
        assert!(waited <= seconds(at_most) + slack, "{limit}: {waited:?}");
    }
}

#[test]
fn no_server_is_an_error() {
    let error = Hickory::with_servers(&[]).unwrap_err();
    assert!(!error.is_temporary());
}
