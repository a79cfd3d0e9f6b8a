//! What a domain has shown is required from then on.

use crate::peer::{Identity, Peer, Script, StartTls};
use crate::world::{ENFORCE, World, host, letter, refused, with_policy, with_sts};
use mail_dns::{Security, Zone};
use mail_service::outbound::Outbound;
use proptest::prelude::*;
use std::sync::Arc;
use tls_policy::MemoryFact;

/// How a domain has proved who its hosts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Dane,
    Sts,
}

/// A domain with one host, and a zone that says all that it can.
struct Domain {
    world: World,
    peer: Peer,
    zone: Zone,
}

impl Domain {
    async fn new(how: How) -> Self {
        let world = World::new().await;
        let identity = world.ca.issue(&host(1));
        let peer = world.peer(1, Script::tls(), &identity).await;
        let zone = match how {
            How::Dane => world.tlsa(world.zone(1, Security::Secure), 1, &identity),
            How::Sts => {
                world.policy_host.says(Some(ENFORCE));
                with_sts(world.zone(1, Security::Insecure))
            }
        };
        Self { world, peer, zone }
    }

    fn outbound(&self) -> Outbound {
        self.world.outbound(self.zone.clone())
    }

    /// Delivered twice, 48 hours apart.
    async fn remembered(how: How) -> Self {
        let domain = Self::new(how).await;
        for _ in 0..2 {
            let report = domain.outbound().deliver(&letter()).await;
            assert!(report.is_delivered(), "{report}");
            domain.world.pass(48);
        }
        domain.peer.take();
        domain
    }
}

#[tokio::test]
async fn a_stripping_proxy_is_noticed() {
    for how in [How::Dane, How::Sts] {
        let domain = Domain::remembered(how).await;
        domain.peer.becomes(Script::plain());
        // The line, the DNS and the policy host are all the attacker's, and the cache is too old.
        domain.world.policy_host.says(None);
        domain.world.pass(24 * 8);
        let forged = domain.world.zone(1, Security::Insecure);
        for zone in [domain.zone.clone(), forged] {
            let report = domain.world.outbound(zone).deliver(&letter()).await;
            let (kind, status, _) = refused(&report);
            assert_eq!(kind, "deferred", "{how:?}: {report}");
            assert!(status.starts_with("4.7."), "{report}");
            let seen = domain.peer.take();
            assert_eq!((seen.spoken(), seen.leaked()), (vec![], false));
            assert!(!report.alarms.is_empty(), "{how:?}: {report}");
        }
        // An administrator has looked.
        let outbound = domain
            .world
            .outbound(domain.world.zone(1, Security::Insecure));
        outbound
            .memory()
            .accept("b.test", domain.world.now())
            .await
            .unwrap();
        assert!(outbound.deliver(&letter()).await.is_delivered());
    }
}

#[tokio::test]
async fn a_remembered_domain_that_vanishes_is_no_reason_to_return_mail() {
    let domain = Domain::remembered(How::Dane).await;
    let gone = Zone::new().with_security(Security::Insecure);
    let report = domain.world.outbound(gone).deliver(&letter()).await;
    assert_eq!(refused(&report), ("deferred", "4.4.4", "mx.drop"));
    assert_eq!(report.alarms.len(), 1);
    // Signed, it is the domain's own word.
    let gone = Zone::new().with_security(Security::Secure);
    let report = domain.world.outbound(gone).deliver(&letter()).await;
    assert_eq!(refused(&report).0, "returned");
}

#[tokio::test]
async fn two_days_are_needed_and_sixty_are_enough() {
    let domain = Domain::new(How::Dane).await;
    let outbound = domain.outbound();
    let fact = async || outbound.memory().fact("b.test", domain.world.now()).await;
    assert!(outbound.deliver(&letter()).await.is_delivered());
    domain.world.pass(47);
    assert!(outbound.deliver(&letter()).await.is_delivered());
    assert_eq!(fact().await, MemoryFact::Nothing);
    domain.world.pass(1);
    assert!(outbound.deliver(&letter()).await.is_delivered());
    assert_eq!(fact().await, MemoryFact::Verified);
    // Failed attempts keep it.
    domain.peer.becomes(Script::plain());
    for _ in 0..3 {
        domain.world.pass(24 * 50);
        assert_eq!(refused(&outbound.deliver(&letter()).await).0, "deferred");
        assert_eq!(fact().await, MemoryFact::Verified);
    }
    domain.world.pass(24 * 60 + 1);
    assert_eq!(fact().await, MemoryFact::Nothing);
}

/// Only the domain can plant a level: not a peer with any certificate, nor one without DNSSEC.
#[tokio::test]
async fn nobody_else_can_plant_a_level() {
    let world = World::new().await;
    let peer = world
        .peer(1, Script::tls(), &world.ca.issue(&host(1)))
        .await;
    let outbound = world.outbound(world.zone(1, Security::Insecure));
    for _ in 0..3 {
        assert!(outbound.deliver(&letter()).await.is_delivered());
        world.pass(48);
    }
    assert_eq!(outbound.memory().len(world.now()).await.unwrap(), 0);
    assert_eq!(peer.seen().messages.len(), 3);
}

/// RFC 8461 §5: a domain that withdraws its policy over HTTPS is let go; one whose policy only vanishes is not.
#[tokio::test]
async fn a_withdrawn_policy_is_forgotten() {
    let domain = Domain::remembered(How::Sts).await;
    let none = "version: STSv1\nmode: none\nmax_age: 604800\n";
    domain.world.policy_host.says(Some(none));
    domain.peer.becomes(Script::plain());
    let zone = domain.world.zone(1, Security::Insecure);
    let vanished = domain.world.outbound(zone.clone()).deliver(&letter()).await;
    assert_eq!(refused(&vanished).0, "deferred");
    let renewed = with_policy(zone, "2");
    let report = domain.world.outbound(renewed).deliver(&letter()).await;
    assert!(report.is_delivered(), "{report}");
}

/// Many deliveries at once: one entry, and each of them delivered.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_deliveries_at_once_agree() {
    let domain = Domain::new(How::Dane).await;
    for round in 1..=2 {
        let outbound = Arc::new(domain.outbound());
        let tasks: Vec<_> = (0..24)
            .map(|_| {
                let outbound = Arc::clone(&outbound);
                tokio::spawn(async move { outbound.deliver(&letter()).await.is_delivered() })
            })
            .collect();
        for task in tasks {
            assert!(task.await.unwrap());
        }
        let memory = outbound.memory();
        assert_eq!(memory.len(domain.world.now()).await.unwrap(), 1);
        let fact = memory.fact("b.test", domain.world.now()).await;
        assert_eq!(fact == MemoryFact::Verified, round == 2);
        domain.world.pass(48);
    }
    assert_eq!(domain.peer.seen().messages.len(), 48);
}

/// What may go wrong for a while, by accident or on purpose.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    Nothing,
    Line(StartTls),
    WrongCertificate,
    Dns(Dns),
    PolicyHost,
    Days(u64),
}

#[derive(Clone, Copy, Debug)]
enum Dns {
    MxSilent,
    HostSilent,
    TlsaSilent,
    /// As if it had never been signed.
    Stripped,
}

fn trouble() -> impl Strategy<Value = Trouble> {
    prop_oneof![
        Just(Trouble::Nothing),
        prop_oneof![
            Just(StartTls::Stripped),
            Just(StartTls::Refused),
            Just(StartTls::Garbage),
            Just(StartTls::Injects),
            Just(StartTls::HangsUp),
        ]
        .prop_map(Trouble::Line),
        Just(Trouble::WrongCertificate),
        prop_oneof![
            Just(Dns::MxSilent),
            Just(Dns::HostSilent),
            Just(Dns::TlsaSilent),
            Just(Dns::Stripped),
        ]
        .prop_map(Trouble::Dns),
        Just(Trouble::PolicyHost),
        (1_u64..20).prop_map(Trouble::Days),
    ]
}

/// Sends a letter after each trouble, which adds to those before. Whether anything came in the clear.
async fn leaks(domain: &Domain, troubles: &[Trouble]) -> bool {
    let mut zone = domain.zone.clone();
    for trouble in troubles {
        match trouble {
            Trouble::Nothing => {}
            Trouble::Line(line) => domain.peer.becomes(Script::new(*line)),
            Trouble::WrongCertificate => domain.peer.shows(&Identity::own("attacker.test")),
            Trouble::PolicyHost => domain.world.policy_host.says(None),
            Trouble::Days(days) => domain.world.pass(days * 24),
            Trouble::Dns(Dns::MxSilent) => zone = zone.timeout("b.test").unwrap(),
            Trouble::Dns(Dns::HostSilent) => zone = zone.timeout(&host(1)).unwrap(),
            Trouble::Dns(Dns::TlsaSilent) => {
                let port = domain.world.config.outbound.port;
                let owner = format!("_{port}._tcp.{}", host(1));
                let silent = mail_dns::RecordType::Tlsa;
                zone.fail_type(owner.parse().unwrap(), silent, mail_dns::Failure::Timeout);
            }
            Trouble::Dns(Dns::Stripped) => zone = domain.world.zone(1, Security::Insecure),
        }
        domain.world.outbound(zone.clone()).deliver(&letter()).await;
    }
    domain.peer.take().leaked()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// No sequence of temporary failures reaches plaintext once a level is remembered.
    #[test]
    fn no_trouble_reaches_plaintext(
        sts in any::<bool>(),
        troubles in proptest::collection::vec(trouble(), 1..8),
    ) {
        let how = if sts { How::Sts } else { How::Dane };
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let leaked = runtime.block_on(async {
            leaks(&Domain::remembered(how).await, &troubles).await
        });
        prop_assert!(!leaked, "{how:?} {troubles:?}");
    }
}

/// The mutation: without a memory, the same kind of trouble does reach plaintext.
#[tokio::test]
async fn mutation_a_sender_without_memory_is_found() {
    let troubles = [
        Trouble::Dns(Dns::Stripped),
        Trouble::Line(StartTls::Stripped),
    ];
    assert!(!leaks(&Domain::remembered(How::Dane).await, &troubles).await);
    let forgetful = Domain::remembered(How::Dane).await;
    let memory = forgetful.outbound();
    memory
        .memory()
        .accept("b.test", forgetful.world.now())
        .await
        .unwrap();
    assert!(leaks(&forgetful, &troubles).await);
}
