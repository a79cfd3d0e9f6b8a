//! What a connection must be, and that nothing of the letter is said before it is.

use crate::peer::{Identity, Script, StartTls};
use crate::world::{
    BODY, ENFORCE, World, host, letter, letter_from, refused, with_policy, with_sts,
};
use mail_dns::Security;
use tls_policy::tlsrpt::Day;

#[tokio::test]
async fn encryption_is_taken_where_it_can_be_had() {
    let world = World::new().await;
    let peer = world
        .peer(1, Script::tls(), &Identity::own("other.test"))
        .await;
    let outbound = world.outbound(world.zone(1, Security::Insecure));
    let report = outbound.deliver(&letter()).await;
    assert!(report.is_delivered(), "{report}");
    assert_eq!(peer.take().messages, [(true, BODY.to_owned())]);
    // None to be had: on the same connection.
    peer.becomes(Script::plain());
    assert!(outbound.deliver(&letter()).await.is_delivered());
    let seen = peer.take();
    assert_eq!(
        (seen.messages, seen.connections),
        (vec![(false, BODY.to_owned())], 1)
    );
    peer.becomes(Script::new(StartTls::Refused));
    assert!(outbound.deliver(&letter()).await.is_delivered());
    assert_eq!(peer.take().connections, 1);
    // It fails: on a new one.
    for script in [StartTls::Garbage, StartTls::HangsUp] {
        peer.becomes(Script::new(script));
        let report = outbound.deliver(&letter()).await;
        assert!(report.is_delivered(), "{script:?}: {report}");
        let seen = peer.take();
        assert_eq!(
            (seen.messages.len(), seen.connections),
            (1, 2),
            "{script:?}"
        );
    }
}

/// RFC 3207 §4: whoever writes between the answer and the handshake gets nothing, not even in the clear.
#[tokio::test]
async fn what_is_injected_after_starttls_is_never_heard() {
    let world = World::new().await;
    let peer = world
        .peer(1, Script::new(StartTls::Injects), &Identity::own(&host(1)))
        .await;
    let outbound = world.outbound(world.zone(1, Security::Insecure));
    let report = outbound.deliver(&letter()).await;
    assert_eq!(refused(&report), ("deferred", "4.7.5", "tls.injected"));
    assert_eq!(report.alarms.len(), 1, "{report}");
    let counted = outbound.counted("b.test", Day::of(world.now()));
    assert_eq!(counted[0].failures, 1);
    let seen = peer.seen();
    assert_eq!((seen.spoken(), seen.connections), (vec![], 1));
    // The mutation: without the line it goes through.
    peer.becomes(Script::tls());
    assert!(outbound.deliver(&letter()).await.is_delivered());
}

#[tokio::test]
async fn dane_is_kept_to() {
    let world = World::new().await;
    let (good, bad) = (Identity::own("any.test"), Identity::own("any.test"));
    let peer = world.peer(1, Script::tls(), &good).await;
    let zone = world.tlsa(world.zone(1, Security::Secure), 1, &good);
    let outbound = world.outbound(zone);
    let report = outbound.deliver(&letter()).await;
    assert!(report.is_delivered(), "{report}");
    assert_eq!(report.tried[0].lookup, "dane.lookup.secure");
    assert!(
        report.tried[0].came_to.ends_with("verified by DANE"),
        "{report}"
    );
    assert_eq!(peer.take().messages.len(), 1);
    peer.shows(&bad);
    let report = outbound.deliver(&letter()).await;
    assert_eq!(refused(&report), ("deferred", "4.7.5", "dane.usable"));
    assert!(peer.take().spoken().is_empty());
    for script in [
        StartTls::Stripped,
        StartTls::Refused,
        StartTls::Garbage,
        StartTls::HangsUp,
    ] {
        peer.becomes(Script::new(script));
        let report = outbound.deliver(&letter()).await;
        let (kind, _, code) = refused(&report);
        assert_eq!((kind, code), ("deferred", "dane.usable"), "{script:?}");
        assert!(peer.take().spoken().is_empty(), "{script:?}");
    }
    // `TLS-Required: No` lifts it (RFC 8689 §3): the only way around it is the sender's.
    peer.becomes(Script::tls());
    let lifted = letter_from("alice@a.test", &format!("TLS-Required: No\r\n{BODY}"));
    assert!(outbound.deliver(&lifted).await.is_delivered());
    // But never a secure address.
    let floor = letter_from(
        "alice@secure.a.test",
        &format!("TLS-Required: No\r\n{BODY}"),
    );
    let report = outbound.deliver(&floor).await;
    assert_eq!(refused(&report), ("returned", "5.7.10", "floor.verified"));
}

#[tokio::test]
async fn a_lookup_that_fails_defers_and_is_never_less_than_dane() {
    let world = World::new().await;
    let peer = world.peer(1, Script::tls(), &Identity::own(&host(1))).await;
    let owner = format!("_{}._tcp.{}", world.config.outbound.port, host(1));
    let silent = world.zone(1, Security::Secure).timeout(&owner).unwrap();
    let report = world.outbound(silent).deliver(&letter()).await;
    assert_eq!(refused(&report), ("deferred", "4.7.5", "dane.failed"));
    let report = world
        .outbound(mail_dns::Zone::new().timeout("b.test").unwrap())
        .deliver(&letter())
        .await;
    assert_eq!(refused(&report), ("deferred", "4.4.3", "mx.failed"));
    // Nobody validates: that is no "unsigned".
    let unknown = world.zone(1, Security::Unknown);
    let report = world.outbound(unknown).deliver(&letter()).await;
    assert_eq!(refused(&report), ("deferred", "4.4.3", "mx.failed"));
    assert_eq!(peer.seen().connections, 0);
}

#[tokio::test]
async fn mta_sts_is_kept_to() {
    let world = World::new().await;
    let peer = world
        .peer(1, Script::tls(), &world.ca.issue(&host(1)))
        .await;
    let outbound = world.outbound(with_sts(world.zone(1, Security::Insecure)));
    world.policy_host.says(Some(ENFORCE));
    let report = outbound.deliver(&letter()).await;
    assert!(report.is_delivered(), "{report}");
    assert!(report.tried[0].decision.contains("sts.enforce"), "{report}");
    assert!(peer.take().messages[0].0);
    // What is cached counts on, whatever becomes of the policy host.
    world.policy_host.says(None);
    for bad in [
        Identity::own(&host(1)),
        world.ca.issue("other.test"),
        world.ca.issue_until(&host(1), 2026),
    ] {
        peer.shows(&bad);
        let report = outbound.deliver(&letter()).await;
        assert_eq!(refused(&report), ("deferred", "4.7.5", "sts.enforce"));
        assert!(peer.take().spoken().is_empty());
    }
    peer.becomes(Script::plain());
    let report = outbound.deliver(&letter()).await;
    assert_eq!(refused(&report), ("deferred", "4.7.4", "sts.enforce"));
    assert!(!peer.take().leaked());
    // A host that the policy does not name.
    let other = "version: STSv1\nmode: enforce\nmx: mx9.b.test\nmax_age: 604800\n";
    world.policy_host.says(Some(other));
    let zone = with_policy(world.zone(1, Security::Insecure), "2");
    let report = world.outbound(zone).deliver(&letter()).await;
    assert_eq!(refused(&report), ("deferred", "4.7.5", "sts.mx-mismatch"));
    assert_eq!(peer.take().connections, 0);
}

/// RFC 8461 §3.3: without anything cached, a policy that cannot be had keeps no mail back; but a secure address does.
#[tokio::test]
async fn a_policy_that_was_never_seen_keeps_secure_mail_only() {
    let world = World::new().await;
    let peer = world
        .peer(1, Script::plain(), &Identity::own(&host(1)))
        .await;
    let outbound = world.outbound(with_sts(world.zone(1, Security::Insecure)));
    assert!(outbound.deliver(&letter()).await.is_delivered());
    peer.take();
    let report = outbound
        .deliver(&letter_from("alice@secure.a.test", BODY))
        .await;
    assert_eq!(refused(&report), ("deferred", "4.7.5", "sts.failed"));
    assert_eq!(peer.take().connections, 0);
}

#[tokio::test]
async fn a_secure_address_gives_nothing_to_a_peer_that_is_not_verified() {
    let world = World::new().await;
    let peer = world
        .peer(1, Script::plain(), &Identity::own(&host(1)))
        .await;
    let outbound = world.outbound(world.zone(1, Security::Insecure));
    for (from, message) in [
        ("alice@secure.a.test", BODY),
        (
            "alice@a.test",
            "From: alice@secure.a.test\r\n\r\nThe secret.\r\n",
        ),
    ] {
        let letter = letter_from(from, message);
        peer.becomes(Script::plain());
        let report = outbound.deliver(&letter).await;
        assert_eq!(
            refused(&report),
            ("returned", "5.7.10", "floor.verified-domain")
        );
        let text = mail_service::outbound::notice::text(&report, mail_service::Language::English);
        let text = text.unwrap();
        assert!(text.contains("5.7.10 floor.verified-domain"), "{text}");
        assert!(text.contains("No part of it, and no address"), "{text}");
        // TLS with whomever is not enough.
        peer.becomes(Script::tls());
        let report = outbound.deliver(&letter).await;
        assert_eq!(
            refused(&report),
            ("returned", "5.7.10", "floor.verified-domain")
        );
        let seen = peer.take();
        assert_eq!((seen.spoken(), seen.leaked()), (vec![], false));
    }
    // The mutation: the same from an ordinary address goes in the clear.
    peer.becomes(Script::plain());
    assert!(outbound.deliver(&letter()).await.is_delivered());
    assert!(peer.take().leaked());
    // And it goes to a peer that is verified: by an authority, for the domain's own name.
    peer.becomes(Script::tls());
    peer.shows(&world.ca.issue(&host(1)));
    let report = outbound
        .deliver(&letter_from("alice@secure.a.test", BODY))
        .await;
    assert!(report.is_delivered(), "{report}");
    assert_eq!(peer.take().messages, [(true, BODY.to_owned())]);
}

#[tokio::test]
async fn requiretls_goes_with_the_letter_or_the_letter_does_not_go() {
    let world = World::new().await;
    let identity = Identity::own(&host(1));
    let peer = world.peer(1, Script::tls(), &identity).await;
    let zone = world.tlsa(world.zone(1, Security::Secure), 1, &identity);
    let outbound = world.outbound(zone);
    let letter = letter().requiring_tls();
    let report = outbound.deliver(&letter).await;
    assert_eq!(refused(&report), ("returned", "5.7.30", "dane.usable"));
    assert!(peer.take().spoken().is_empty());
    // An offer in the clear is none: the peer loses it under TLS.
    let mut clear_only = Script::tls().offering(&["REQUIRETLS"]);
    clear_only.offers[1].clear();
    peer.becomes(clear_only);
    assert_eq!(refused(&outbound.deliver(&letter).await).1, "5.7.30");
    peer.take();
    peer.becomes(Script::tls().offering(&["REQUIRETLS"]));
    assert!(outbound.deliver(&letter).await.is_delivered());
    assert_eq!(
        peer.take().spoken()[0],
        "MAIL FROM:<alice@a.test> REQUIRETLS"
    );
    // Without DANE or MTA-STS nobody vouches for the host.
    let outbound = world.outbound(world.zone(1, Security::Insecure));
    let report = outbound.deliver(&letter).await;
    assert_eq!(
        refused(&report),
        ("returned", "5.7.10", "requiretls.mx-insecure")
    );
    assert_eq!(peer.take().connections, 0);
}

#[tokio::test]
async fn local_rules_are_read_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules");
    std::fs::write(&rules, "b.test encrypt\n").unwrap();
    let world = World::with(|config| config.outbound.rules = Some(rules.clone())).await;
    let peer = world
        .peer(1, Script::plain(), &Identity::own(&host(1)))
        .await;
    let zone = world.zone(1, Security::Insecure);
    let report = world.outbound(zone.clone()).deliver(&letter()).await;
    assert_eq!(refused(&report), ("deferred", "4.7.4", "rule.encrypt"));
    assert!(!peer.take().leaked());
    // TLS switched off by the operator: no STARTTLS is said.
    std::fs::write(&rules, "b.test none\n").unwrap();
    peer.becomes(Script::tls());
    assert!(
        world
            .outbound(zone.clone())
            .deliver(&letter())
            .await
            .is_delivered()
    );
    assert!(
        peer.take()
            .lines
            .iter()
            .all(|(tls, line)| !tls && line != "STARTTLS")
    );
    let report = world
        .outbound(zone)
        .deliver(&letter_from("alice@secure.a.test", BODY))
        .await;
    assert_eq!(
        refused(&report),
        ("returned", "5.7.10", "rule.none-below-floor")
    );
    assert_eq!(peer.take().connections, 0);
}

#[tokio::test]
async fn sessions_are_counted_for_tls_reports() {
    let world = World::new().await;
    let identity = Identity::own(&host(1));
    let peer = world.peer(1, Script::tls(), &identity).await;
    let zone = with_sts(world.tlsa(world.zone(1, Security::Secure), 1, &identity));
    let outbound = world.outbound(zone);
    // Delivered by DANE; the policy that is being tested finds fault with the certificate.
    let testing = "version: STSv1\nmode: testing\nmx: mx1.b.test\nmax_age: 604800\n";
    world.policy_host.says(Some(testing));
    assert!(outbound.deliver(&letter()).await.is_delivered());
    peer.becomes(Script::plain());
    refused(&outbound.deliver(&letter()).await);
    let day = Day::of(world.now());
    let mut counted = outbound.counted("b.test", day);
    counted.sort_by_key(|result| result.policy.kind.code().to_owned());
    let told: Vec<_> = counted
        .iter()
        .map(|result| {
            let codes = result
                .details
                .iter()
                .map(|(f, n)| (f.result.code().to_owned(), *n));
            let codes: Vec<_> = codes.collect();
            (
                result.policy.kind.code().to_owned(),
                result.successes,
                result.failures,
                codes,
            )
        })
        .collect();
    let stripped = ("starttls-not-supported".to_owned(), 1);
    let untrusted = ("certificate-not-trusted".to_owned(), 1);
    assert_eq!(
        told,
        [
            ("sts".to_owned(), 0, 2, vec![stripped.clone(), untrusted]),
            ("tlsa".to_owned(), 1, 1, vec![stripped]),
        ]
    );
    assert_eq!(counted[1].policy.lines.len(), 1);
    assert_eq!(counted[1].details[0].0.mx.as_deref(), Some("mx1.b.test"));
    assert!(outbound.counted("b.test", day).is_empty());
    let bogus = mail_dns::Zone::new().timeout("b.test").unwrap();
    let outbound = world.outbound(bogus);
    refused(&outbound.deliver(&letter()).await);
    let counted = outbound.counted("b.test", day);
    let code = counted[0].details[0].0.result.code();
    assert_eq!((counted[0].failures, code), (1, "dnssec-invalid"));
}
