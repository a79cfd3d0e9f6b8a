//! Each backend is named in one module only, so that its replacement is the change of one file.

use super::source::{Source, code, has_word};

/// A backend's words in code, and the beginnings of the paths that may hold them.
const BACKENDS: &[(&[&str], &[&str])] = &[
    (
        &["rusqlite"],
        &[
            "crates/record-store/src/sqlite",
            "crates/record-store/tests/",
            "benches/",
        ],
    ),
    (
        &["tokio_postgres", "tokio_postgres_rustls"],
        &["crates/record-store/src/postgres"],
    ),
    (
        &["hickory_resolver", "hickory_proto", "hickory_net"],
        &[
            "crates/mail-dns/src/hickory",
            // Through mail-auth, which takes a resolver.
            "crates/msg-validate/src/second_opinion",
            "benches/",
        ],
    ),
    (
        &["hickory_server"],
        &["crates/mail-dns/tests/", "examples/mail-service/"],
    ),
    (
        &["precis_profiles"],
        &["crates/symmetric-seal/src/passphrase/prepare"],
    ),
    (&["bip39"], &["crates/symmetric-seal/src/passphrase/words"]),
    (
        &["zxcvbn"],
        &[
            "crates/symmetric-seal/src/passphrase/strength",
            "crates/breach-check/src/policy/advice",
            // The feature has its name.
            "crates/breach-check/src/policy.rs",
            "crates/breach-check/src/policy/context.rs",
            "crates/breach-check/examples/policy.rs",
            "crates/breach-check/tests/policy_",
        ],
    ),
    (
        &["mail_auth"],
        &["crates/msg-validate/src/second_opinion", "benches/"],
    ),
    (
        &["sequoia_openpgp"],
        &[
            "crates/pgp-keystore/src/sequoia",
            "peers/",
            "benches/",
            "fuzz/",
        ],
    ),
    (
        &["hyper", "hyper_util", "http_body_util"],
        &[
            "crates/tls-policy/src/fetch/exchange.rs",
            "crates/breach-check/src/fetch/exchange.rs",
            // A server around the one without I/O.
            "crates/breach-check/examples/",
            "crates/breach-check/tests/",
            "examples/mail-service/src/web/",
        ],
    ),
    (
        &["aws_lc_rs"],
        &[
            "crates/msg-validate/src/dkim/crypto",
            "crates/msg-validate/tests/",
            "crates/msg-validate/src/second_opinion",
            "crates/dane-tlsa/src/crypto",
            "crates/dane-tlsa/tests/",
            "crates/dane-tlsa/examples/",
            "crates/tls-policy/examples/",
            "crates/tls-policy/src/rustls/",
            "crates/pgp-keystore/src/custody/crypto",
            "crates/pgp-keystore/src/digests",
            "crates/twofactor/src/crypto",
            "crates/breach-check/src/crypto",
            // As rustls names it, in tests.
            "crates/breach-check/src/fetch/target",
            "crates/breach-check/tests/",
            "crates/breach-check/examples/",
            "crates/twofactor/src/otp/random",
            "crates/breach-check/src/monitor/crypto",
            "crates/breach-check/examples/",
            "crates/tls-policy/tests/",
            // Authenticators that sign what they are told to.
            "crates/twofactor/tests/soft/",
            "crates/mail-dns/src/hickory",
            "crates/record-store/src/postgres/tls",
            "examples/mail-service/",
            "examples/tls-audit/",
            "benches/",
            "fuzz/",
        ],
    ),
    (
        // Not its name alone, which a keyring has, too.
        &[
            "ring::aead",
            "ring::digest",
            "ring::hkdf",
            "ring::rand",
            "ring::signature",
        ],
        &[
            "crates/symmetric-seal/src/crypto",
            "crates/dane-tlsa/",
            "benches/",
        ],
    ),
    (&["ocb3"], &["crates/symmetric-seal/src/ocb"]),
    (
        &["webauthn_rs", "webauthn_rs_core", "webauthn_rs_proto"],
        &["crates/twofactor/src/passkey/webauthn.rs"],
    ),
    // Plays the browser and the authenticator, so it is of tests alone.
    (
        &["webauthn_authenticator_rs"],
        &["crates/twofactor/tests/", "examples/mail-service/tests/"],
    ),
    (
        &["totp_rs"],
        &["crates/twofactor/src/otp/engine", "benches/"],
    ),
    (&["qrcode"], &["crates/twofactor/src/otp/qr"]),
];

pub(super) fn check(files: &[Source]) -> Vec<String> {
    files
        .iter()
        .filter(|file| file.is_rust() && !file.path.starts_with("xtask/"))
        .flat_map(faults)
        .collect()
}

fn faults(file: &Source) -> Vec<String> {
    let elsewhere = BACKENDS
        .iter()
        .filter(|(_, places)| !places.iter().any(|place| file.path.starts_with(place)))
        .flat_map(|(words, _)| *words);
    let mut faults = Vec::new();
    for word in elsewhere {
        for (at, line) in file.lines() {
            if has_word(code(line), word) {
                faults.push(file.fault(at, &format!("{word} has a module of its own")));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_named_outside_its_module_is_a_fault() {
        let code = "use rusqlite::Connection;\n";
        let good = Source::new("crates/record-store/src/sqlite/writer.rs", code);
        let bad = Source::new("crates/record-store/src/memory.rs", code);
        assert!(check(&[good]).is_empty());
        assert_eq!(check(&[bad]).len(), 1);
    }

    #[test]
    fn a_comment_may_name_it() {
        let text = "// rusqlite does this\nlet x = 1; // as mail_auth\n";
        assert!(check(&[Source::new("crates/mail-dns/src/a.rs", text)]).is_empty());
    }
}
