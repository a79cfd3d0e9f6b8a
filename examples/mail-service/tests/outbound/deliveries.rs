//! The dialogue: hosts in their order, recipients one by one, and servers that do not behave.

use crate::peer::{Identity, Script};
use crate::world::{BODY, World, address, host, ip, letter, letter_from, refused};
use mail_dns::{Security, Zone};
use mail_service::outbound::{Fate, Letter, Timeouts};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

#[tokio::test]
async fn the_next_host_is_asked_where_the_best_one_cannot() {
    let world = World::new().await;
    let own = Identity::own(&host(2));
    let outbound = world.outbound(world.zone(2, Security::Insecure));
    // Nobody listens at the first.
    let second = world.peer(2, Script::tls(), &own).await;
    assert!(outbound.deliver(&letter()).await.is_delivered());
    assert_eq!(second.take().messages.len(), 1);
    let first = world.peer(1, Script::tls(), &own).await;
    for script in [
        Script {
            greeting: "421 busy".into(),
            ..Script::tls()
        },
        Script {
            greeting: "554 no mail here".into(),
            ..Script::tls()
        },
        Script {
            greeting: "hello".into(),
            ..Script::tls()
        },
        Script::tls().replying("EHLO", "421 no"),
        Script::tls().replying("MAIL", "451 4.3.0 later"),
        Script::tls().replying("RCPT", "450 4.2.0 later"),
        Script::tls().replying("DATA", "421 4.3.2 later"),
        Script {
            end: "452 4.3.1 full".into(),
            ..Script::tls()
        },
    ] {
        first.becomes(script.clone());
        let report = outbound.deliver(&letter()).await;
        assert!(report.is_delivered(), "{script:?}: {report}");
        assert_eq!(second.take().messages.len(), 1, "{script:?}");
        assert_eq!(report.tried.len(), 2);
    }
    // The best one, as long as it can.
    first.becomes(Script::tls());
    first.take();
    assert!(outbound.deliver(&letter()).await.is_delivered());
    assert_eq!(
        (first.take().messages.len(), second.take().connections),
        (1, 0)
    );
    // What is refused for good is not asked elsewhere.
    first.becomes(Script::tls().replying("RCPT", "550 5.1.1 nobody"));
    let report = outbound.deliver(&letter()).await;
    assert_eq!(refused(&report), ("returned", "5.1.1", "smtp.refused"));
    assert_eq!(second.take().connections, 0);
    // As long as one may do better later, it is not returned.
    first.becomes(Script {
        greeting: "554 no".into(),
        ..Script::tls()
    });
    second.becomes(Script {
        greeting: "421 busy".into(),
        ..Script::tls()
    });
    assert_eq!(refused(&outbound.deliver(&letter()).await).0, "deferred");
    second.becomes(Script {
        greeting: "554 no".into(),
        ..Script::tls()
    });
    assert_eq!(refused(&outbound.deliver(&letter()).await).0, "returned");
}

#[tokio::test]
async fn each_recipient_has_its_own_fate() {
    let world = World::new().await;
    let own = Identity::own(&host(1));
    let script = Script::tls()
        .replying("RCPT TO:<two@", "550 5.1.1 nobody")
        .replying("RCPT TO:<three@", "450 4.2.1 later")
        .replying("RCPT TO:<four@", "552 too many");
    let first = world.peer(1, script, &own).await;
    let second = world
        .peer(2, Script::tls().replying("RCPT TO:<four@", "451 no"), &own)
        .await;
    let to = ["one", "two", "three", "four"].map(|name| address(&format!("{name}@b.test")));
    let letter = Letter::new(None, to.to_vec(), BODY.into()).unwrap();
    let report = world
        .outbound(world.zone(2, Security::Insecure))
        .deliver(&letter)
        .await;
    let fates: Vec<_> = report
        .fates
        .iter()
        .map(|(to, fate)| match fate {
            Fate::Delivered(_) => format!("{to} yes"),
            Fate::Deferred(why) => format!("{to} later {}", why.status),
            Fate::Bounced(why) => format!("{to} never {}", why.status),
        })
        .collect();
    assert_eq!(
        fates,
        [
            "one@b.test yes",
            "two@b.test never 5.1.1",
            "three@b.test yes",
            "four@b.test later 4.5.3"
        ]
    );
    assert_eq!(first.seen().messages.len(), 1);
    let seen = second.seen();
    let asked = seen.spoken();
    assert_eq!(
        asked,
        [
            "MAIL FROM:<>",
            "RCPT TO:<three@b.test>",
            "RCPT TO:<four@b.test>",
            "DATA"
        ]
    );
}

#[tokio::test]
async fn every_octet_arrives_and_nothing_more() {
    let world = World::new().await;
    let script = Script::tls().offering(&["8BITMIME", "SMTPUTF8", "SIZE 1000000"]);
    let peer = world.peer(1, script, &Identity::own(&host(1))).await;
    let outbound = world.outbound(world.zone(1, Security::Insecure));
    let long = "x".repeat(998);
    let dots = format!(
        "Subject: d\r\n\r\n.\r\n..\r\n.QUIT\r\n{}no end",
        format!("{long}\r\n").repeat(300)
    );
    let report = outbound.deliver(&letter_from("alice@a.test", &dots)).await;
    assert!(report.is_delivered(), "{report}");
    let seen = peer.take();
    let stuffed = seen.messages[0].1.replace("\r\n.", "\r\n");
    assert_eq!(
        stuffed,
        format!("{dots}\r\n")
            .replace("\r\n.\r\n", "\r\n\u{0}\r\n")
            .replace('\u{0}', ".")
    );
    assert_eq!(
        seen.spoken()[0],
        format!("MAIL FROM:<alice@a.test> SIZE={}", dots.len() + 2)
    );
    // 8 bits and UTF-8 are said where they can be, and returned where they cannot.
    let body = letter_from("alice@a.test", "Subject: b\r\n\r\n\u{fc}\r\n");
    let header = letter_from("alice@a.test", "Subject: \u{fc}\r\n\r\nx\r\n");
    for (letter, parameters) in [
        (&body, "BODY=8BITMIME"),
        (&header, "BODY=8BITMIME SMTPUTF8"),
    ] {
        assert!(outbound.deliver(letter).await.is_delivered());
        assert!(peer.take().spoken()[0].ends_with(parameters));
    }
    peer.becomes(Script::tls().offering(&["SIZE 10"]));
    assert_eq!(refused(&outbound.deliver(&letter()).await).1, "5.3.4");
    peer.becomes(Script::tls());
    assert_eq!(refused(&outbound.deliver(&body).await).1, "5.6.3");
    peer.becomes(Script::tls().offering(&["8BITMIME"]));
    assert_eq!(refused(&outbound.deliver(&header).await).1, "5.6.7");
    assert!(peer.take().spoken().is_empty());
}

/// A server that says this as soon as somebody comes, and then nothing, or no end of it.
async fn says(world: &World, octets: Vec<u8>, times: usize) -> tokio::task::JoinHandle<()> {
    let listener = TcpListener::bind((ip(1), world.config.outbound.port))
        .await
        .unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        for _ in 0..times {
            if stream.write_all(&octets).await.is_err() {
                return;
            }
        }
        let mut waste = Vec::new();
        let _ = stream.read_to_end(&mut waste).await;
    })
}

#[tokio::test]
async fn servers_that_do_not_behave_are_left() {
    let mut timeouts = Timeouts::default();
    timeouts.greeting = Duration::from_millis(300);
    timeouts.command = Duration::from_millis(300);
    timeouts.quit = Duration::from_millis(100);
    for (octets, times) in [
        (b"".to_vec(), 1),
        (b"220".to_vec(), 1),
        (b"220-endless\r\n".to_vec(), 1_000_000),
        (vec![b'2'; 4096], 1_000_000),
        (b"220 bare\n".to_vec(), 1),
        (b"220 hello\r\n".to_vec(), 1),
        // The answer to EHLO before it was asked.
        (b"220 hello\r\n250 STARTTLS\r\n".to_vec(), 1),
        (b"354 go ahead\r\n".to_vec(), 1),
    ] {
        let world = World::new().await;
        let server = says(&world, octets.clone(), times).await;
        let outbound = world.outbound(world.zone(1, Security::Insecure));
        let report = outbound.with_timeouts(timeouts).deliver(&letter()).await;
        let (kind, ..) = refused(&report);
        assert_eq!(kind, "deferred", "{:?}", String::from_utf8_lossy(&octets));
        server.abort();
    }
}

fn unsigned() -> Zone {
    Zone::new().with_security(Security::Insecure)
}

#[tokio::test]
async fn no_way_is_told_apart_from_no_way_now() {
    let world = World::new().await;
    for (zone, expected) in [
        (unsigned(), ("returned", "5.1.2", "mx.no-such-domain")),
        (
            unsigned().mx("b.test", 0, ".").unwrap(),
            ("returned", "5.1.10", "mx.null"),
        ),
        (
            world.zone(1, Security::Insecure),
            ("deferred", "4.4.1", "smtp.unreachable"),
        ),
        (
            unsigned().mx("b.test", 1, "mx.a.test").unwrap(),
            ("returned", "5.4.6", "mx.loop"),
        ),
    ] {
        let outbound = world.outbound(zone);
        assert_eq!(refused(&outbound.deliver(&letter()).await), expected);
    }
}

/// A server that took the end of the message and then vanished may have it: nobody else is asked now.
#[tokio::test]
async fn what_may_have_arrived_is_not_sent_elsewhere_at_once() {
    let world = World::new().await;
    let own = Identity::own(&host(1));
    let first = world
        .peer(
            1,
            Script {
                end: "nonsense".into(),
                ..Script::tls()
            },
            &own,
        )
        .await;
    let second = world.peer(2, Script::tls(), &own).await;
    let report = world
        .outbound(world.zone(2, Security::Insecure))
        .deliver(&letter())
        .await;
    assert_eq!(refused(&report), ("deferred", "4.4.2", "smtp.unsure"));
    assert_eq!(
        (first.seen().messages.len(), second.seen().connections),
        (1, 0)
    );
}
