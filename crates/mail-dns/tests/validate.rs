//! What is validated in this process is believed by its signatures alone. Zones that are signed are in
//! the interop tests of dane-tlsa.
#![cfg(all(feature = "hickory-0_26-validate", feature = "ad-stub"))]
#![allow(clippy::disallowed_methods, clippy::unwrap_used)] // a test has a clock, and may fail

#[path = "hickory/server.rs"]
mod server;

use mail_dns::{
    AdStub, AnchorError, Anchors, HickoryValidating, Outcome, Query, RecordType, Security,
};
use server::*;

type Asker = HickoryValidating;

fn asker(address: std::net::SocketAddr) -> Asker {
    HickoryValidating::with_servers(&[address], Anchors::root()).unwrap()
}

/// Says whatever is asked, unsigned and with the AD bit.
async fn liar() -> Server {
    Server::start(|q| {
        let mut packet = match &*q.name {
            "host.test" => q.answer(NOERROR, &[("host.test", A, 300, vec![192, 0, 2, 1])], &[]),
            "none.test" => q.answer(NOERROR, &[], &[soa(300, 300)]),
            _ => q.answer(NXDOMAIN, &[], &[soa(300, 300)]),
        };
        packet[3] |= 0x20;
        vec![packet]
    })
    .await
}

#[tokio::test]
async fn the_ad_bit_of_a_server_is_nothing() {
    let server = liar().await;
    for name in ["host.test", "none.test", "gone.test"] {
        let answer = server.ask(name, RecordType::A).await;
        assert!(
            matches!(answer.outcome(), Outcome::Failure(_)),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn mutation_the_ad_bit_would_be_believed() {
    // The same server, asked by what trusts the bit: so the test above can fail.
    let server = liar().await;
    let stub = AdStub::new(server.address).unwrap();
    for name in ["host.test", "none.test", "gone.test"] {
        let query = Query::new(name.parse().unwrap(), RecordType::A);
        let answer = ask(&stub, &query).await;
        assert_eq!(answer.security(), Security::Secure);
    }
}

#[test]
fn anchors_are_dnskey_records() {
    let root = ". 300 IN DNSKEY 257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==\n";
    assert!(Anchors::parse(root).is_ok());
    assert!(Anchors::parse(&root.replace(". 300", "zone.test. 300")).is_ok());
    for empty in ["", "\n", "; a DNSKEY\n", "example.org"] {
        assert_eq!(
            Anchors::parse(empty).unwrap_err(),
            AnchorError::Empty,
            "{empty:?}"
        );
    }
    for bad in [". IN A 192.0.2.1", ". IN DNSKEY 257 3"] {
        let why = Anchors::parse(bad).unwrap_err();
        assert!(matches!(why, AnchorError::Syntax(_)), "{bad}: {why}");
    }
}
