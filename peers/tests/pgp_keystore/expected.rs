//! What is expected to fail: `expected.toml`.

use pgp_keystore::Profile;
use toml::{Table, Value};

use crate::{BACKEND, OPERATIONS, Operation, PROFILES, name};

/// Rows that fail for one reason.
pub(crate) struct Expected {
    peer: String,
    backend: Option<String>,
    profiles: Vec<String>,
    operations: Vec<String>,
    /// What the peer, or we, say then.
    pub(crate) says: String,
    /// Why that is so.
    pub(crate) reason: String,
}

impl Expected {
    pub(crate) fn is_of(&self, peer: &str, profile: Profile, operation: Operation) -> bool {
        let operation = format!("{operation:?}").to_lowercase();
        self.peer == peer
            && self.backend.as_deref().is_none_or(|one| one == BACKEND)
            && self.profiles.iter().any(|one| one == name(profile))
            && self.operations.contains(&operation)
    }

    pub(crate) fn example(says: &str) -> Self {
        Self {
            peer: "peer".into(),
            backend: None,
            profiles: Vec::new(),
            operations: Vec::new(),
            says: says.into(),
            reason: "it is old".into(),
        }
    }
}

pub(crate) fn all() -> Vec<Expected> {
    let table: Table = include_str!("expected.toml").parse().unwrap();
    let rows = table["fails"].as_array().unwrap().iter();
    rows.map(|row| {
        let text = |name: &str| row[name].as_str().unwrap().to_owned();
        let list = |name: &str| {
            let words = row[name].as_array().unwrap().iter();
            words
                .map(|word: &Value| word.as_str().unwrap().to_owned())
                .collect()
        };
        Expected {
            peer: text("peer"),
            backend: row
                .get("backend")
                .map(|one| one.as_str().unwrap().to_owned()),
            profiles: list("profiles"),
            operations: list("operations"),
            says: text("says"),
            reason: text("reason"),
        }
    })
    .collect()
}

const PEERS: [&str; 9] = [
    "gpg",
    "sqop",
    "gosop",
    "pgpainless",
    "rnp",
    "rsop",
    "rsop12",
    "openpgpjs",
    "sop",
];

#[test]
fn each_expected_failure_is_of_something_that_is_tested_and_stands_there_once() {
    let rows = all();
    for row in &rows {
        let of = format!("{}: {}", row.peer, row.reason);
        assert!(PEERS.contains(&&*row.peer), "{of}");
        let known = |profile: &String| PROFILES.iter().any(|p| name(*p) == profile);
        assert!(row.profiles.iter().all(known), "{of}");
        let known = |backend: &String| ["crypto-openssl", "crypto-rust"].contains(&&**backend);
        assert!(row.backend.iter().all(known), "{of}");
        let known = |operation: &String| {
            let names = OPERATIONS.iter().map(|o| format!("{o:?}").to_lowercase());
            names.into_iter().any(|name| name == *operation)
        };
        assert!(row.operations.iter().all(known), "{of}");
        assert!(!row.says.is_empty() && !row.reason.is_empty(), "{of}");
    }
    for peer in PEERS {
        for profile in PROFILES {
            for operation in OPERATIONS {
                let of = |row: &&Expected| row.is_of(peer, profile, operation);
                let count = rows.iter().filter(of).count();
                assert!(count <= 1, "{peer} {} {operation:?}", name(profile));
            }
        }
    }
    // Ours fails at nothing.
    assert!(rows.iter().all(|row| row.peer != "sop"));
}
