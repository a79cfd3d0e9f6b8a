//! What is looked at before certificates are taken.

use crate::support::{Ca, HOST, Made, everything, now, plain_client, shake};
use rcgen::{
    CertificateParams, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PKCS_RSA_SHA256, date_time_ymd,
};
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};
use tls_policy::rustls::{
    Certificates, IdentityError, MAX_PEM, Profile, Severity, Source, SourceError, Tickets,
};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn load(profile: Profile, source: Source<'_>, now: SystemTime) -> Result<(), IdentityError> {
    match Certificates::new(profile, Arc::new(everything()), &[source], now) {
        Ok(_) => Ok(()),
        Err(SourceError::Identity { at: 0, error }) => Err(error),
        Err(error) => panic!("{error}"),
    }
}

fn until(year: i32) -> impl FnOnce(&mut CertificateParams) {
    move |params| params.not_after = date_time_ymd(year, 1, 1)
}

#[test]
fn good_ones_are_taken_and_bad_ones_refused_with_the_reason() {
    let ca = Ca::new();
    let p256 = &PKCS_ECDSA_P256_SHA256;
    let (good, other) = (ca.issue(&[HOST]), ca.issue(&[HOST]));
    let expired = ca.issue_with(&[HOST], p256, until(2026));
    let future = ca.issue_with(&[HOST], p256, |p| p.not_before = date_time_ymd(2030, 1, 1));
    let nameless = ca.issue(&[]);
    let (chain, key) = (good.chain.as_bytes(), good.key.as_bytes());
    let end = "-----END CERTIFICATE-----\n";
    let at = good.chain.find(end).unwrap() + end.len();
    let (leaf, rest) = good.chain.split_at(at);
    let foreign = leaf.to_owned()
        + other
            .chain
            .split_at(other.chain.find(end).unwrap() + end.len())
            .1;
    let twice = good.chain.repeat(6);
    let long = good.chain.clone() + &" ".repeat(MAX_PEM);
    let garbage = "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n";
    let normal = |source| load(Profile::Normal, source, now());

    assert_eq!(normal(Source::new(chain, key)), Ok(()));
    // Without the intermediate it is the peer's question, not a fault that can be seen here.
    assert_eq!(normal(Source::new(leaf.as_bytes(), key)), Ok(()));
    assert_eq!(
        normal(good.source().named(&[HOST, "MX.example.ORG"])),
        Ok(())
    );

    let wrong = IdentityError::WrongKey;
    for (source, error) in [
        (Source::new(b"", key), IdentityError::NoCertificate),
        (Source::new(key, key), IdentityError::NoCertificate),
        (
            Source::new(&chain[..chain.len() - 40], key),
            IdentityError::ChainNotPem,
        ),
        (Source::new(long.as_bytes(), key), IdentityError::TooLong),
        (Source::new(chain, long.as_bytes()), IdentityError::TooLong),
        (Source::new(twice.as_bytes(), key), IdentityError::TooLong),
        (
            Source::new(garbage.as_bytes(), key),
            IdentityError::Unreadable { at: 0 },
        ),
        (
            Source::new(foreign.as_bytes(), key),
            IdentityError::Broken { at: 0 },
        ),
        // The other way round.
        (
            Source::new((rest.to_owned() + leaf).leak().as_bytes(), key),
            IdentityError::Broken { at: 0 },
        ),
        (nameless.source(), IdentityError::NoName),
        (
            good.source().named(&[HOST, "example.org"]),
            IdentityError::NotFor("example.org".to_owned()),
        ),
        (Source::new(chain, b""), IdentityError::Key),
        (Source::new(chain, chain), IdentityError::Key),
        (Source::new(chain, other.key.as_bytes()), wrong),
    ] {
        assert_eq!(normal(source), Err(error));
    }
    let error = normal(expired.source()).unwrap_err();
    assert!(
        matches!(error, IdentityError::Expired { at: 0, .. }),
        "{error}"
    );
    let error = normal(future.source()).unwrap_err();
    assert!(
        matches!(error, IdentityError::NotYetValid { at: 0, .. }),
        "{error}"
    );
    // The intermediate has an end, too: a second after 1 January 2040, which is the leaf's as well.
    let then = now() + 13 * 366 * DAY;
    let error = load(Profile::Normal, good.source(), then).unwrap_err();
    assert!(
        matches!(error, IdentityError::Expired { at: 0, .. }),
        "{error}"
    );
    let lasting = ca.issue_with(&[HOST], p256, until(2060));
    let error = load(Profile::Normal, lasting.source(), then).unwrap_err();
    assert!(
        matches!(error, IdentityError::Expired { at: 1, .. }),
        "{error}"
    );
}

#[test]
fn the_bsi_profile_wants_ecdsa_and_no_wildcards() {
    let ca = Ca::new();
    let wildcard = ca.issue(&["*.example.org"]);
    let named = wildcard.source().named(&["mx.example.org"]);
    assert_eq!(load(Profile::Normal, named, now()), Ok(()));
    let deep = wildcard.source().named(&["a.mx.example.org"]);
    let error = load(Profile::Normal, deep, now()).unwrap_err();
    assert_eq!(error, IdentityError::NotFor("a.mx.example.org".to_owned()));
    let error = load(Profile::Bsi, wildcard.source(), now()).unwrap_err();
    assert_eq!(error, IdentityError::Wildcard("*.example.org".to_owned()));
    for algorithm in [&PKCS_RSA_SHA256, &PKCS_ED25519] {
        let leaf = ca.issue_with(&[HOST], algorithm, |_| {});
        assert_eq!(load(Profile::Normal, leaf.source(), now()), Ok(()));
        let error = load(Profile::Bsi, leaf.source(), now()).unwrap_err();
        assert_eq!(error, IdentityError::NotEcdsa);
    }
}

#[test]
fn the_name_that_is_asked_for_chooses() {
    let ca = Ca::new();
    let first = ca.issue(&["mx.example.org"]);
    let wild = ca.issue(&["*.example.net", "example.net"]);
    let exact = ca.issue(&["imap.example.net"]);
    let rsa = ca.issue_with(&["mx.example.org"], &PKCS_RSA_SHA256, |_| {});
    let sources: Vec<Source<'_>> = [&first, &wild, &exact, &rsa].map(Made::source).to_vec();
    let provider = Arc::new(everything());
    let certificates = Certificates::new(Profile::Normal, provider, &sources, now()).unwrap();
    let server = Arc::new(certificates).server_config(Tickets::None).unwrap();
    let server = Arc::new(server);
    let client = Arc::new(plain_client(&ca, everything()));
    for (name, made) in [
        ("mx.example.org", &first),
        ("MX.Example.ORG", &first),
        ("www.example.net", &wild),
        ("example.net", &wild),
        ("imap.example.net", &exact),
    ] {
        let shaken = shake(&client, &server, name).unwrap();
        assert_eq!(*shaken.leaf(), made.leaf, "{name}");
    }
    // What nobody has gets the first, which the client then refuses.
    for name in ["unknown.example", "a.b.example.net"] {
        let error = shake(&client, &server, name).err().unwrap();
        assert!(
            format!("{error:?}").contains("NotValidForName"),
            "{error:?}"
        );
    }
    // Without a name, or as an address, likewise; and for who knows RSA only, the RSA one.
    let mut rsa_only = everything();
    rsa_only
        .cipher_suites
        .retain(|s| format!("{:?}", s.suite()).contains("ECDHE_RSA"));
    let client = Arc::new(plain_client(&ca, rsa_only));
    let shaken = shake(&client, &server, "mx.example.org").unwrap();
    assert_eq!(*shaken.leaf(), rsa.leaf);
    let mut silent = plain_client(&ca, everything());
    silent.enable_sni = false;
    let shaken = shake(&Arc::new(silent), &server, "mx.example.org").unwrap();
    assert_eq!(*shaken.leaf(), first.leaf);
}

#[test]
fn those_that_end_soon_are_told_of() {
    let ca = Ca::new();
    let lasting = ca.issue(&["a.example.org"]);
    let short = ca.issue_with(&["b.example.org"], &PKCS_ECDSA_P256_SHA256, |params| {
        params.not_before = date_time_ymd(2027, 1, 1);
        params.not_after = date_time_ymd(2027, 4, 11);
    });
    // 15 January 2027: 14 of 100 days have gone.
    let provider = Arc::new(everything());
    let sources = [lasting.source(), short.source()];
    let certificates = Certificates::new(Profile::Bsi, provider, &sources, now()).unwrap();
    let at = |days: u32| {
        let found = certificates.expiring(now() + days * DAY);
        assert!(found.iter().all(|e| e.names == ["b.example.org"]));
        found.first().map(|expiring| expiring.severity)
    };
    assert_eq!([at(0), at(60)], [None, None]);
    assert_eq!(at(65), Some(Severity::Notice));
    assert_eq!(at(76), Some(Severity::Warning));
    assert_eq!(at(81), Some(Severity::Critical));
    assert_eq!(at(90), Some(Severity::Expired));
}

#[test]
fn numbers_are_limited_and_nothing_prints_a_key() {
    let ca = Ca::new();
    let made = ca.issue(&[HOST]);
    let provider = Arc::new(everything());
    let with = |sources: &[Source<'_>]| {
        Certificates::new(Profile::Normal, Arc::clone(&provider), sources, now())
    };
    assert_eq!(with(&[]).err(), Some(SourceError::Number));
    let many = vec![made.source(); tls_policy::rustls::MAX_SOURCES + 1];
    assert_eq!(with(&many).err(), Some(SourceError::Number));
    let bad = with(&[made.source(), Source::new(b"", b"")]).unwrap_err();
    assert_eq!(bad.to_string(), "source 1: no certificate");
    let printed = format!("{:?} {:?}", made.source(), with(&[made.source()]).unwrap());
    let secret = made.key.lines().nth(1).unwrap();
    assert!(
        printed.contains(HOST) && !printed.contains(secret),
        "{printed}"
    );
    assert!(!printed.contains("45, 45, 45, 45, 45"), "{printed}");
}
