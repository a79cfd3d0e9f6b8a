//! The Web Key Directory on the site.

use std::process::Command;

use mail_service::Clock;
use mail_service::openpgp::{OpenPgp, Opener, Wanted, make_kek};
use pgp_keystore::custody::Custody;
use pgp_keystore::{Certificate, Fingerprint, Profile, wkd};

use super::http::{ask, get, raw};
use super::world::{ACCOUNT, SEALED, SITE, World};

const HOST: &str = "openpgpkey.b.test";

fn advanced(local: &str) -> String {
    let hash = wkd::hash(local);
    format!("/.well-known/openpgpkey/b.test/hu/{hash}?l={local}")
}

/// A service, one of whose accounts has published a key.
async fn published() -> (World, OpenPgp, Fingerprint) {
    let folder = tempfile::tempdir().unwrap();
    let kek = folder.path().join("kek");
    let world = World::with(|config| {
        config.openpgp.kek = Some(kek);
        make_kek(config).unwrap();
    })
    .await;
    world.account().await;
    let pgp = OpenPgp::new(world.config(), world.store.clone(), Clock::system()).unwrap();
    let key = {
        let alice = pgp.keyring(ACCOUNT).await.unwrap();
        alice.set_up(Custody::Server, None).await.unwrap();
        let session = alice.open(&Opener::Server).await.unwrap();
        let mut wanted = Wanted::new(Profile::Compat);
        wanted.name = Some("Alice".into());
        let key = alice.generate(&session, &wanted, Custody::Server).await;
        let key = key.unwrap();
        alice.publish(key).await.unwrap();
        key
    };
    (world, pgp, key)
}

#[tokio::test]
async fn what_is_published_is_found_and_nothing_else_is() {
    let (world, pgp, key) = published().await;
    let answer = get(&world, HOST, &advanced("alice")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.field("content-type"), "application/octet-stream");
    assert_eq!(answer.field("access-control-allow-origin"), "*");
    assert_eq!(answer.field("x-content-type-options"), "nosniff");
    let certificate = Certificate::parse(&answer.body).unwrap();
    assert_eq!(certificate.fingerprint(), key);
    // It is also public for whoever asks how large it is.
    let head = ask(&world, "HEAD", HOST, &advanced("alice"), "", b"").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.field("content-length"), answer.body.len().to_string());
    let policy = get(&world, HOST, "/.well-known/openpgpkey/b.test/policy").await;
    assert_eq!((policy.status, policy.body.len()), (200, 0));
    // Who is not there is not told apart from what is not there.
    let mut absent = Vec::new();
    for path in [
        &advanced("bob"),
        "/.well-known/openpgpkey/c.test/hu/jycbiujnsxs47xrkethgtj69xuunurok",
        "/.well-known/openpgpkey/b.test/hu/",
    ] {
        let answer = get(&world, HOST, path).await;
        assert_eq!(answer.status, 404, "{path}");
        absent.push(answer.body);
    }
    assert!(absent.iter().all(Vec::is_empty));
    let post = ask(&world, "POST", HOST, &advanced("alice"), "", b"x").await;
    assert_eq!((post.status, post.field("allow")), (405, "GET, HEAD"));
    // Nothing else lies on this host, and the directory on no other.
    assert_eq!(get(&world, HOST, "/").await.status, 404);
    assert_eq!(get(&world, HOST, "/seal").await.status, 404);
    for host in [SITE, SEALED] {
        assert_eq!(
            get(&world, host, &advanced("alice")).await.status,
            404,
            "{host}"
        );
    }
    // The mutation: withdrawn, it is not there.
    let alice = pgp.keyring(ACCOUNT).await.unwrap();
    assert!(alice.withdraw().await.unwrap());
    assert_eq!(get(&world, HOST, &advanced("alice")).await.status, 404);
}

#[tokio::test]
async fn the_direct_method_works_where_the_site_is_on_the_domain() {
    let folder = tempfile::tempdir().unwrap();
    let kek = folder.path().join("kek");
    let world = World::with(|config| {
        config.web.host = Some("b.test".into());
        config.openpgp.kek = Some(kek);
        make_kek(config).unwrap();
    })
    .await;
    world.account().await;
    let pgp = OpenPgp::new(world.config(), world.store.clone(), Clock::system()).unwrap();
    let alice = pgp.keyring(ACCOUNT).await.unwrap();
    alice.set_up(Custody::Server, None).await.unwrap();
    let session = alice.open(&Opener::Server).await.unwrap();
    let wanted = Wanted::new(Profile::Compat);
    let key = alice
        .generate(&session, &wanted, Custody::Server)
        .await
        .unwrap();
    let direct = format!("/.well-known/openpgpkey/hu/{}?l=alice", wkd::hash("alice"));
    assert_eq!(get(&world, "b.test", &direct).await.status, 404);
    alice.publish(key).await.unwrap();
    assert_eq!(get(&world, "b.test", &direct).await.status, 200);
    // The site is still the site.
    assert_eq!(get(&world, "b.test", "/").await.status, 200);
}

#[tokio::test]
async fn a_connection_for_one_host_answers_for_no_other() {
    let (world, ..) = published().await;
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n",
        advanced("alice")
    );
    assert_eq!(raw(&world, SITE, request.as_bytes()).await.status, 421);
    assert_eq!(raw(&world, HOST, request.as_bytes()).await.status, 200);
}

/// As people find a key: `curl` with the service's certificate, and `gpg` on what it gives.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "interop: needs gpg"]
async fn interop_gpg_imports_what_curl_fetches_from_the_directory() {
    let (world, _, key) = published().await;
    let home = tempfile::Builder::new().prefix("gpg").tempdir().unwrap();
    let (path, port) = (advanced("alice"), world.https().port());
    let file = home.path().join("alice.pgp");
    let curl = Command::new("curl")
        .args(["-sS", "--fail", "--cacert"])
        .arg(world.certificate())
        .args(["--resolve", &format!("{HOST}:{port}:127.0.0.1"), "--output"])
        .arg(&file)
        .arg(format!("https://{HOST}:{port}{path}"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&curl.stderr);
    assert!(curl.status.success(), "{said}");
    let gpg = Command::new("gpg")
        .env("GNUPGHOME", home.path())
        .args(["--batch", "--status-fd", "1", "--import"])
        .arg(&file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&gpg.stdout);
    assert!(said.contains(&format!("IMPORT_OK 1 {key}")), "{said}");
}
