//! Messages as data, `tests/vectors/*.toml`: what other tools and earlier versions of this one wrote opens, and what is
//! refused is refused for the reason that is given. The costs are weak, so that they can be opened in a test.
#![allow(clippy::unwrap_used)]

use std::io::{Cursor, Read};
use std::path::Path;

use serde::Deserialize;
use symmetric_seal::{Commitment, OpenError, Opener, Passphrase};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Suite {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// Where the form comes from.
    rfc: String,
    /// What wrote it.
    by: String,
    #[serde(default = "password")]
    password: String,
    /// Armored.
    message: String,
    /// What comes out, if anything does.
    content: Option<String>,
    /// `bound` or `unbound`.
    commitment: Option<String>,
    /// `damage`, or the code of a refusal.
    error: Option<String>,
    /// The feature that it wants.
    feature: Option<String>,
}

fn password() -> String {
    "correct horse".into()
}

#[test]
fn vectors() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let (mut opened, mut refused) = (0, 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let suite: Suite = toml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for case in suite.case {
            if case.feature.as_deref() == Some("ocb") && !cfg!(feature = "ocb") {
                continue;
            }
            let what = format!("{} ({}, {})", case.name, case.rfc, case.by);
            check(&case, &what);
            match case.error {
                None => opened += 1,
                Some(_) => refused += 1,
            }
        }
    }
    assert!(
        opened >= 5 && refused > opened,
        "{opened} opened, {refused} refused"
    );
}

fn check(case: &Case, what: &str) {
    let password = Passphrase::from_unprepared_octets(&*case.password);
    let message = case.message.as_bytes();
    let opener = Opener::new();
    let outcomes = [
        opener.open(message.to_vec(), &password).map(|opened| {
            let commitment = opened.commitment();
            (opened.into_content(), commitment)
        }),
        opener
            .open_seekable(Cursor::new(message), &password)
            .and_then(|reader| {
                let commitment = reader.commitment();
                Ok((read(reader)?, commitment))
            }),
        opener
            .open_stream_unverified(message, &password)
            .and_then(|reader| {
                let commitment = reader.commitment();
                Ok((read(reader)?, commitment))
            }),
    ];
    for outcome in outcomes {
        match outcome {
            Ok((content, commitment)) => {
                assert_eq!(
                    Some(String::from_utf8(content).unwrap()),
                    case.content,
                    "{what}"
                );
                let named = match commitment {
                    Commitment::Bound => "bound",
                    _ => "unbound",
                };
                assert_eq!(Some(named), case.commitment.as_deref(), "{what}");
            }
            Err(error) => {
                let code = match &error {
                    OpenError::PasswordOrDamage => "damage",
                    other => other.refusal().unwrap().code(),
                };
                assert_eq!(Some(code), case.error.as_deref(), "{what}");
            }
        }
    }
}

fn read(mut reader: impl Read) -> Result<Vec<u8>, OpenError> {
    let mut content = Vec::new();
    reader.read_to_end(&mut content)?;
    Ok(content)
}
