//! TLS to a real server: what is verified, and that nothing goes round it.
#![cfg(all(target_os = "linux", feature = "postgres"))]
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::postgres::{Postgres as Server, give_away};
use pollster::block_on;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use record_store::{Commit, Error, Expect, Key, Outcome, Postgres, Records};

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

/// A server with a certificate for `localhost` from an authority of its own, which lets nobody in without TLS.
struct Tls {
    server: Server,
    folder: tempfile::TempDir,
}

impl Tls {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let authority = authority(&at("authority.pem"));
        authority_of_others(&at("others.pem"));
        let key = KeyPair::generate().unwrap();
        let names = CertificateParams::new(vec!["localhost".into()]).unwrap();
        let certificate = names.signed_by(&key, &authority).unwrap();
        fs::write(at("server.pem"), certificate.pem()).unwrap();
        fs::write(at("server.key"), key.serialize_pem()).unwrap();
        fs::set_permissions(at("server.key"), fs::Permissions::from_mode(0o600)).unwrap();
        for path in [folder.path().into(), at("server.pem"), at("server.key")] {
            give_away(&path);
        }
        let setting = |name: &str, file: &str| format!("{name}={}", at(file).display());
        let server = Server::start_with(&[
            "ssl=on",
            &setting("ssl_cert_file", "server.pem"),
            &setting("ssl_key_file", "server.key"),
        ]);
        server.sql("CREATE USER mail PASSWORD 'a secret'; GRANT ALL ON DATABASE postgres TO mail");
        let rules = "local all all trust\nhostssl all mail all scram-sha-256\n";
        fs::write(server.data().join("pg_hba.conf"), rules).unwrap();
        server.sql("SELECT pg_reload_conf()");
        Self { server, folder }
    }

    fn url(&self, host: &str, parameters: &str) -> String {
        let port = self.server.port();
        format!("postgres://mail:a%20secret@{host}:{port}/postgres?{parameters}")
    }

    fn root(&self, name: &str) -> String {
        format!("sslrootcert={}", self.folder.path().join(name).display())
    }
}

fn authority(path: &Path) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    fs::write(path, authority.pem()).unwrap();
    authority
}

fn authority_of_others(path: &Path) {
    drop(authority(path));
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_tls_is_verified() {
    let tls = Tls::start();
    let root = tls.root("authority.pem");
    for mode in ["", "sslmode=require&", "sslmode=verify-full&"] {
        let store = Postgres::open(&tls.url("localhost", &format!("{mode}{root}"))).unwrap();
        let key = Key::new("tls", mode).unwrap();
        let outcome = block_on(store.commit(Commit::new().put(&key, *b"x", Expect::Absent), now()));
        assert!(matches!(outcome, Ok(Outcome::Committed(_))));
        let clear = "SELECT count(*) FILTER (WHERE NOT ssl), count(*) > 0
            FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'record-store'";
        assert_eq!(tls.server.sql(clear), "0|t");
    }
    // The certificate's owner also proves the password's knowledge: nobody in between can forward it.
    let bound = format!("{root}&channel_binding=require");
    Postgres::open(&tls.url("localhost", &bound)).unwrap();

    for (host, parameters, why) in [
        (
            "localhost",
            tls.root("others.pem"),
            "an authority of others",
        ),
        (
            "localhost",
            format!("sslmode=require&{}", tls.root("others.pem")),
            "require verifies, too",
        ),
        (
            "localhost",
            "sslrootcert=system".into(),
            "not an authority of the system",
        ),
        ("127.0.0.1", root.clone(), "another name"),
        (
            "127.0.0.1",
            format!("sslmode=verify-ca&{root}"),
            "verify-ca is no exception",
        ),
        (
            "localhost",
            "sslmode=disable".into(),
            "the server wants TLS",
        ),
    ] {
        let refused = Postgres::open(&tls.url(host, &parameters));
        let text = format!("{refused:?}");
        assert!(
            refused.is_err() && !text.contains("secret"),
            "{why}: {text}"
        );
    }
    let missing = Postgres::open(&tls.url("localhost", &tls.root("missing.pem")));
    assert!(matches!(missing, Err(Error::Location { .. })));
    let wrong = tls.url("localhost", &root).replace("a%20secret", "guessed");
    let text = format!("{:?}", Postgres::open(&wrong));
    assert!(
        text.contains("28P01") && !text.contains("guessed"),
        "{text}"
    );
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_without_tls_at_the_server_nothing_is_sent() {
    let server = Server::start();
    let url = server.url().replace("sslmode=disable", "sslmode=require");
    let error = Postgres::open(&url).unwrap_err();
    assert!(format!("{error:?}").contains("TLS"), "{error:?}");
}
