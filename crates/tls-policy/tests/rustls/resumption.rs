//! Who resumes what: nobody where somebody has to be verified.

use crate::support::{Ca, HOST, everything, now, plain_client, shake};
use rustls::{ClientConfig, ServerConfig, crypto::aws_lc_rs::Ticketer};
use std::sync::Arc;
use tls_policy::{
    Action, DaneFact, Facts, Floor, MemoryFact, MxFact, StsFact, decide,
    rustls::{Certificates, Profile, Tickets, client_config},
};

fn server(ca: &Ca, tickets: Tickets) -> Arc<ServerConfig> {
    let leaf = ca.issue(&[HOST]);
    let provider = Arc::new(everything());
    let certificates = Certificates::new(Profile::Normal, provider, &[leaf.source()], now());
    Arc::new(
        Arc::new(certificates.unwrap())
            .server_config(tickets)
            .unwrap(),
    )
}

fn rotating() -> Tickets {
    Tickets::Rotating(Ticketer::new().unwrap())
}

/// Whether the second connection resumes the session of the first.
fn resumes(client: ClientConfig, server: &Arc<ServerConfig>) -> bool {
    let client = Arc::new(client);
    assert!(!shake(&client, server, HOST).unwrap().resumed());
    shake(&client, server, HOST).unwrap().resumed()
}

fn ours(ca: &Ca, action: Action<'_>, versions: &[u16]) -> ClientConfig {
    let mut provider = everything();
    let wanted = |suite: &rustls::SupportedCipherSuite| {
        versions.contains(&u16::from(suite.version().version))
    };
    provider.cipher_suites.retain(wanted);
    client_config(Profile::Normal, &provider, ca.verifier(), action).unwrap()
}

#[test]
fn a_demand_for_verification_ends_resumption() {
    let ca = Ca::new();
    let server = server(&ca, rotating());
    let facts = Facts::new("example.org", HOST, MxFact::Insecure)
        .dane(DaneFact::Insecure)
        .memory(MemoryFact::Nothing);
    let sts = decide(&facts.sts(StsFact::Enforce), Floor::Opportunistic);
    assert!(matches!(sts.action(), Action::WebPki { .. }));
    for (action, may) in [
        (sts.action(), false),
        (Action::Dane, false),
        (Action::Encrypt, true),
        (Action::Opportunistic, true),
    ] {
        let client = ours(&ca, action, &[0x0304]);
        assert_eq!(resumes(client, &server), may, "{action:?}");
    }
    // Mutation: rustls' own configuration resumes.
    assert!(resumes(plain_client(&ca, everything()), &server));
}

#[test]
fn a_server_without_tickets_resumes_nothing() {
    let ca = Ca::new();
    let none = server(&ca, Tickets::None);
    assert!(!resumes(plain_client(&ca, everything()), &none));
    assert!(!resumes(
        ours(&ca, Action::Encrypt, &[0x0303, 0x0304]),
        &none
    ));
    let mut tls12 = everything();
    tls12.cipher_suites.retain(|suite| suite.tls13().is_none());
    let client = Arc::new(
        ClientConfig::builder_with_provider(Arc::new(tls12))
            .with_protocol_versions(&[&rustls::version::TLS12])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(ca.verifier())
            .with_no_client_auth(),
    );
    let twice = |server: &Arc<ServerConfig>| {
        let first = shake(&client, server, HOST).unwrap().resumed();
        (first, shake(&client, server, HOST).unwrap().resumed())
    };
    assert_eq!(twice(&none), (false, false));
    // With a ticketer it does, so the test would see it.
    assert_eq!(twice(&server(&ca, rotating())), (false, true));
    // Two servers that do not share a ticketer do not know each other's sessions.
    assert_eq!(twice(&server(&ca, rotating())), (false, true));
}

#[test]
fn no_early_data() {
    let ca = Ca::new();
    assert_eq!(server(&ca, rotating()).max_early_data_size, 0);
    assert!(!server(&ca, rotating()).send_half_rtt_data);
    assert!(!ours(&ca, Action::Encrypt, &[0x0304]).enable_early_data);
}
