//! The files in `tests/vectors` about one-time passwords.
#![allow(missing_docs, clippy::unwrap_used)]

use std::time::{Duration, UNIX_EPOCH};

use serde::Deserialize;
use twofactor::otp::{
    Algorithm, Code, Imported, Otp, Parameters, Secret, Window, migration, parse_uri,
};

#[derive(Deserialize)]
struct Suite<C> {
    case: Vec<C>,
}

fn cases<C: for<'de> Deserialize<'de>>(file: &str) -> Vec<C> {
    let path = format!("{}/tests/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    let suite: Suite<C> = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(!suite.case.is_empty(), "no case in {file}");
    suite.case
}

fn algorithm(name: &str) -> Algorithm {
    [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512]
        .into_iter()
        .find(|algorithm| algorithm.name() == name)
        .unwrap()
}

#[derive(Deserialize)]
struct CodesCase {
    rfc: String,
    algorithm: String,
    digits: u8,
    period: Option<u32>,
    secret: String,
    codes: Vec<(u64, String)>,
}

#[test]
fn codes() {
    for case in cases::<CodesCase>("codes.toml") {
        let parameters = match case.period {
            Some(period) => Parameters::totp().with_period(period).unwrap(),
            None => Parameters::hotp(),
        };
        let parameters = parameters
            .with_digits(case.digits)
            .unwrap()
            .with_algorithm(algorithm(&case.algorithm));
        let otp = Otp::new(parameters, Secret::new(case.secret.as_bytes()).unwrap());
        for (moving, digits) in case.codes {
            let what = format!("RFC {}, {}, {moving}", case.rfc, case.algorithm);
            let code = Code::parse(&digits).unwrap();
            let (step, found) = match case.period {
                Some(_) => {
                    let now = UNIX_EPOCH + Duration::from_secs(moving);
                    (otp.step_at(now), otp.find_at(&code, now, Window::steps(0)))
                }
                None => (moving, otp.find_from(&code, moving, 0)),
            };
            assert_eq!(otp.code_at(step).expose(), digits, "{what}");
            assert_eq!(found.in_window, [step], "{what}");
        }
    }
}

#[derive(Deserialize)]
struct UriCase {
    name: String,
    uri: String,
    label: Option<String>,
    issuer: Option<String>,
    algorithm: Option<String>,
    digits: Option<u8>,
    period: Option<u32>,
    /// TOML has no numbers of 64 bits without a sign.
    counter: Option<String>,
    error: Option<String>,
}

#[test]
fn uris() {
    for case in cases::<UriCase>("uris.toml") {
        let read = match (parse_uri(&case.uri), &case.error) {
            (Ok(read), None) => read,
            (Err(why), Some(code)) => {
                assert_eq!(why.code(), code, "{}", case.name);
                continue;
            }
            (read, _) => panic!("{}: {read:?}", case.name),
        };
        let at = &case.name;
        let parameters = read.otp.parameters();
        assert_eq!(Some(read.label.as_str()), case.label.as_deref(), "{at}");
        let issuer = read.issuer.as_ref().map(|issuer| issuer.as_str());
        assert_eq!(issuer, case.issuer.as_deref(), "{at}");
        let named = case.algorithm.as_deref().unwrap_or("SHA1");
        assert_eq!(parameters.algorithm().name(), named, "{at}");
        assert_eq!(parameters.digits(), case.digits.unwrap_or(6), "{at}");
        let counter = case.counter.map(|counter| counter.parse().unwrap());
        assert_eq!(read.counter, counter, "{at}");
        let period = counter.is_none().then(|| case.period.unwrap_or(30));
        assert_eq!(parameters.period(), period, "{at}");
        assert_eq!(parse_uri(&written(&read)).as_ref(), Ok(&read), "{at}");
    }
}

/// Of two secrets, parsers that give one without a word do not agree which.
#[test]
fn mutation_of_two_secrets_either_is_taken() {
    let uri = "otpauth://totp/a?secret=JBSWY3DPEHPK3PXP&secret=GEZDGNBVGY3TQOJQ";
    let url = url::Url::parse(uri).unwrap();
    let secrets = || url.query_pairs().filter(|(name, _)| name == "secret");
    let first = secrets().next().unwrap().1;
    let last: std::collections::HashMap<_, _> = secrets().collect();
    assert_ne!(first, last["secret"]);
    assert_eq!(parse_uri(uri).unwrap_err().code(), "otp.uri.duplicate");
}

fn written(read: &Imported) -> String {
    let counter = read.counter.unwrap_or(0);
    read.otp
        .uri_from(read.issuer.as_ref(), &read.label, counter)
        .to_string()
}

#[derive(Deserialize)]
struct MigrationCase {
    name: String,
    uri: String,
    /// As `otpauth://`.
    accounts: Option<Vec<String>>,
    #[serde(default)]
    skipped: Vec<(usize, String)>,
    row: Option<(u32, u32)>,
    error: Option<String>,
}

#[test]
fn exports() {
    for case in cases::<MigrationCase>("migration.toml") {
        let at = &case.name;
        let batch = match (migration::parse(&case.uri), &case.error) {
            (Ok(batch), None) => batch,
            (Err(why), Some(code)) => {
                assert_eq!(why.code(), code, "{at}");
                continue;
            }
            (read, _) => panic!("{at}: {read:?}"),
        };
        let accounts: Vec<String> = batch.accounts.iter().map(written).collect();
        assert_eq!(Some(accounts), case.accounts, "{at}");
        let skipped: Vec<_> = batch
            .skipped
            .iter()
            .map(|skipped| (skipped.at, skipped.why.code().to_owned()))
            .collect();
        assert_eq!(skipped, case.skipped, "{at}");
        assert_eq!(
            (batch.index, batch.size),
            case.row.unwrap_or((0, 1)),
            "{at}"
        );
    }
}
