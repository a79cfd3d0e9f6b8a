//! The keys, signatures and messages of `pgp-keystore` beside other implementations: each of them with a key of each profile,
//! in six operations, named as the peer's. What is expected to fail stands in `expected.toml` with a reason; whatever else
//! fails, and whatever of that works, is a failure here, so that the list is true.
//!
//! Ours is the library in this process; as a peer of it, its example `sop` takes part.
#![cfg(feature = "_openpgp")]
#![allow(clippy::unwrap_used)] // a test

mod expected;
mod gpg;
mod openpgpjs;
mod ours;
mod report;
mod rnp;
mod sop;

use expected::Expected;
use ours::Ours;
use pgp_keystore::{Capability, Profile, supports};

/// What a peer said when it did something, or why it did not.
type Did<T> = Result<T, String>;

/// By whose cryptography we are built.
const BACKEND: &str = match cfg!(feature = "crypto-rust") {
    true => "crypto-rust",
    false => "crypto-openssl",
};

const PROFILES: [Profile; 3] = [Profile::Compat, Profile::Modern, Profile::PostQuantum];

/// What the peer does with a key of ours, unprotected as they all read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Operation {
    /// Takes the key, and gives its certificate with all components.
    Import,
    /// Generates a key of its own, of this profile, which we take and use.
    Export,
    /// Encrypts to our certificate and signs, for us to open.
    Encrypt,
    /// Opens what we encrypted and signed, and not what was damaged since.
    Decrypt,
    /// Signs, for us to verify.
    Sign,
    /// Verifies what we signed, and refuses other content.
    Verify,
}

const OPERATIONS: [Operation; 6] = [
    Operation::Import,
    Operation::Export,
    Operation::Encrypt,
    Operation::Decrypt,
    Operation::Sign,
    Operation::Verify,
];

/// Another implementation. Messages and signatures are without armor, keys and certificates with it, as they leave us.
trait Peer {
    /// The version that takes part, in one line.
    fn version(&mut self) -> String;
    fn import(&mut self, ours: &Ours) -> Did<Vec<u8>>;
    fn export(&mut self, profile: Profile) -> Did<Vec<u8>>;
    fn encrypt(&mut self, ours: &Ours, content: &[u8]) -> Did<Vec<u8>>;
    /// The content, if its signature is valid, too.
    fn decrypt(&mut self, ours: &Ours, message: &[u8]) -> Did<Vec<u8>>;
    fn sign(&mut self, ours: &Ours, content: &[u8]) -> Did<Vec<u8>>;
    fn verify(&mut self, ours: &Ours, content: &[u8], signature: &[u8]) -> Did<()>;
}

fn name(profile: Profile) -> &'static str {
    match profile {
        Profile::Compat => "compat",
        Profile::Modern => "modern",
        Profile::PostQuantum => "post-quantum",
        other => panic!("{other}"),
    }
}

fn done(operation: Operation, peer: &mut dyn Peer, ours: &Ours) -> Did<()> {
    match operation {
        Operation::Import => ours.is_imported(peer),
        Operation::Export => ours::takes(&peer.export(ours.profile)?, ours.profile),
        Operation::Encrypt => ours.opens(peer),
        Operation::Decrypt => ours.is_opened(peer),
        Operation::Sign => ours.verifies(peer),
        Operation::Verify => ours.is_verified(peer),
    }
}

/// All rows of a peer.
fn matrix(peer_name: &str, peer: &mut dyn Peer) {
    let expected = expected::all();
    let mut report = report::Report::new(peer_name, &peer.version());
    let mut surprises = Vec::new();
    for profile in PROFILES {
        if let Err(missing) = supports(Capability::Generate(profile)) {
            // The rows of a build that has it: `cargo xtask deep` runs both.
            assert_eq!(profile, Profile::PostQuantum, "{missing}");
            report.absent(name(profile), &missing.to_string());
            continue;
        }
        let ours = Ours::new(profile);
        for operation in OPERATIONS {
            let did = done(operation, peer, &ours);
            let row = expected
                .iter()
                .find(|row| row.is_of(peer_name, profile, operation));
            report.row(name(profile), operation, &did, row.map(|row| &*row.reason));
            if let Some(surprise) = surprise(row, &did) {
                surprises.push(format!("{} {operation:?}: {surprise}", name(profile)));
            }
        }
    }
    report.write();
    assert!(
        surprises.is_empty(),
        "{peer_name} is not as expected.toml has it:\n{}",
        surprises.join("\n")
    );
}

/// What was not to be expected, in words.
fn surprise(expected: Option<&Expected>, did: &Did<()>) -> Option<String> {
    match (expected, did) {
        (None, Ok(())) => None,
        (None, Err(said)) => Some(format!("failed: {said}")),
        (Some(row), Ok(())) => Some(format!(
            "works, and is expected to fail because {}",
            row.reason
        )),
        (Some(row), Err(said)) if said.contains(&row.says) => None,
        (Some(row), Err(said)) => Some(format!("failed, but without {:?}: {said}", row.says)),
    }
}

#[test]
fn whatever_is_not_as_expected_is_told() {
    let row = Expected::example("no such version");
    let failed = |said: &str| Err(said.to_owned());
    assert_eq!(surprise(None, &Ok(())), None);
    assert_eq!(
        surprise(Some(&row), &failed("sop: no such version 6")),
        None
    );
    assert!(surprise(None, &failed("anything")).is_some());
    assert!(surprise(Some(&row), &Ok(())).is_some());
    assert!(surprise(Some(&row), &failed("not found")).is_some());
}

/// Ours, beside itself: nothing may fail. It needs nothing foreign.
#[test]
fn our_sop_does_it_all() {
    matrix("sop", &mut sop::ours());
}

#[test]
#[ignore = "interop: needs gpg"]
fn interop_gpg_keys_and_messages() {
    matrix("gpg", &mut gpg::Gpg::new());
}

#[test]
#[ignore = "interop: needs openpgpjs"]
fn interop_openpgpjs_keys_and_messages() {
    matrix("openpgpjs", &mut openpgpjs::Node::new());
}

#[test]
#[ignore = "interop: needs rnp"]
fn interop_rnp_keys_and_messages() {
    matrix("rnp", &mut rnp::Rnp::new());
}

#[test]
#[ignore = "interop: needs sqop"]
fn interop_sqop_keys_and_messages() {
    matrix("sqop", &mut sop::Sop::of_debian("sqop"));
}

#[test]
#[ignore = "interop: needs gosop"]
fn interop_gosop_keys_and_messages() {
    matrix("gosop", &mut sop::Sop::of_debian("gosop"));
}

#[test]
#[ignore = "interop: needs pgpainless"]
fn interop_pgpainless_keys_and_messages() {
    matrix("pgpainless", &mut sop::Sop::of_debian("pgpainless-cli"));
}

#[test]
#[ignore = "interop: needs rsop"]
fn interop_rsop_keys_and_messages() {
    matrix("rsop", &mut sop::rsop_of_debian_13());
}

#[test]
#[ignore = "interop: needs rsop12"]
fn interop_rsop12_keys_and_messages() {
    matrix("rsop12", &mut sop::rsop_12());
}
