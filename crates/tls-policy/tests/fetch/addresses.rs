//! `tests/vectors/fetch-address.toml`.

use serde::Deserialize;
use std::net::IpAddr;
use tls_policy::fetch::is_global;

#[derive(Deserialize)]
struct Suite {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    rfc: String,
    refuses: Vec<IpAddr>,
    #[serde(default)]
    accepts: Vec<IpAddr>,
}

/// Cases in which something is not as they say; how many addresses they accept and refuse.
fn wrong(is_global: impl Fn(IpAddr) -> bool) -> (Vec<String>, [usize; 2]) {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/vectors/fetch-address.toml"
    );
    let suite: Suite = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let (mut wrong, mut counted) = (Vec::new(), [0, 0]);
    for case in suite.case {
        let refused = case.refuses.iter().filter(|&&address| is_global(address));
        let accepted = case.accepts.iter().filter(|&&address| !is_global(address));
        for address in refused.chain(accepted) {
            wrong.push(format!("{} (RFC {}): {address}", case.name, case.rfc));
        }
        counted[0] += case.accepts.len();
        counted[1] += case.refuses.len();
    }
    (wrong, counted)
}

#[test]
fn only_global_unicast_addresses_are_reached() {
    let (wrong, [accepted, refused]) = wrong(is_global);
    assert_eq!(wrong, [""; 0]);
    assert!(refused > accepted && accepted > 20);
}

/// Mutation: a filter of what everybody thinks of lets many in.
#[test]
fn mutation_private_and_loopback_are_not_enough() {
    let usual = |address| match address {
        IpAddr::V4(v4) => !v4.is_private() && !v4.is_loopback() && !v4.is_link_local(),
        IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unique_local() && !v6.is_multicast(),
    };
    assert!(wrong(usual).0.len() > 50);
    assert!(!wrong(|_| true).0.is_empty() && !wrong(|_| false).0.is_empty());
}
