//! A whole mail server as the receiver: Postfix, with TLS and without, with a good certificate and a bad one.

use crate::peer::Identity;
use crate::world::{BODY, World, address, host, letter_from, refused};
use mail_dns::{Security, Zone};
use mail_service::outbound::{Letter, Report};
use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A Postfix of its own that takes mail for b.test and throws it away; stopped when dropped.
struct Postfix(TempDir);

impl Postfix {
    fn start(port: u16, settings: &str, identity: &Identity) -> Self {
        // Postfix's own user has to enter the folder.
        let folder = tempfile::Builder::new()
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .tempdir()
            .unwrap();
        let path = folder.path();
        for dir in ["queue", "data", "etc"] {
            fs::create_dir(path.join(dir)).unwrap();
        }
        let chown = Command::new("chown")
            .arg("postfix")
            .arg(path.join("data"))
            .status();
        assert!(chown.unwrap().success());
        fs::write(path.join("identity.pem"), identity.pem()).unwrap();
        fs::write(path.join("etc/main.cf"), main_cf(path) + settings).unwrap();
        fs::write(path.join("etc/master.cf"), master_cf(port)).unwrap();
        let postfix = Self(folder);
        let started = postfix.control("start").output().unwrap();
        assert!(started.status.success(), "{started:?}");
        postfix.eventually("it listens", || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        postfix
    }

    fn control(&self, verb: &str) -> Command {
        let mut command = Command::new("/usr/sbin/postfix");
        command.arg("-c").arg(self.0.path().join("etc")).arg(verb);
        command
    }

    fn log(&self) -> String {
        fs::read_to_string(self.0.path().join("log")).unwrap_or_default()
    }

    fn eventually(&self, what: &str, mut condition: impl FnMut() -> bool) {
        let give_up = Instant::now() + Duration::from_secs(120);
        while !condition() {
            assert!(Instant::now() < give_up, "{what}: {}", self.log());
            std::thread::yield_now();
        }
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        // What it says is of no use to anybody.
        self.control("stop").output().ok();
    }
}

fn main_cf(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "compatibility_level = 3.6\n\
         queue_directory = {folder}/queue\n\
         data_directory = {folder}/data\n\
         maillog_file = {folder}/log\n\
         maillog_file_prefixes = {folder}\n\
         mail_owner = postfix\n\
         setgid_group = postdrop\n\
         inet_interfaces = 127.0.0.1\n\
         inet_protocols = ipv4\n\
         myhostname = mx1.b.test\n\
         mydestination =\n\
         relay_domains = b.test\n\
         relay_transport = discard\n\
         smtpd_peername_lookup = no\n\
         smtpd_relay_restrictions = reject_unauth_destination\n\
         smtpd_tls_chain_files = {folder}/identity.pem\n\
         smtpd_tls_loglevel = 1\n\
         alias_maps =\n\
         alias_database =\n"
    )
}

fn master_cf(port: u16) -> String {
    format!(
        "127.0.0.1:{port} inet n - n - - smtpd\n\
         cleanup unix n - n - 0 cleanup\n\
         qmgr unix n - n 300 1 qmgr\n\
         tlsmgr unix - - n 1000? 1 tlsmgr\n\
         rewrite unix - - n - - trivial-rewrite\n\
         bounce unix - - n - 0 bounce\n\
         defer unix - - n - 0 bounce\n\
         proxymap unix - - n - - proxymap\n\
         discard unix - - n - - discard\n\
         anvil unix - - n - 1 anvil\n\
         postlog unix-dgram n - n - 1 postlogd\n"
    )
}

/// b.test, whose only host is the Postfix.
fn zone(security: Security) -> Zone {
    Zone::new()
        .with_security(security)
        .mx("b.test", 10, &host(1))
        .and_then(|zone| zone.address(&host(1), [127, 0, 0, 1]))
        .unwrap()
}

/// A letter that Postfix can be asked about by its subject.
fn letter(from: &str) -> Letter {
    letter_from(from, BODY)
}

async fn sent(world: &World, zone: Zone, from: &str) -> Report {
    world.outbound(zone).deliver(&letter(from)).await
}

/// Whether Postfix was told of a letter at all: it logs each one's queue identifier and sender.
fn told(postfix: &Postfix, from: &str) -> bool {
    postfix.log().contains(&format!("from=<{from}>"))
}

#[tokio::test]
#[ignore = "interop: needs postfix"]
async fn interop_postfix_receives_over_tls_what_may_go() {
    let world = World::new().await;
    let (good, other) = (world.ca.issue(&host(1)), Identity::own(&host(1)));
    let port = world.config.outbound.port;
    let postfix = Postfix::start(port, "smtpd_tls_security_level = may\n", &good);
    // Opportunistic; for a secure address, by an authority; by DANE.
    let plain = zone(Security::Insecure);
    for (from, zone) in [
        ("one@a.test", plain.clone()),
        ("two@secure.a.test", plain.clone()),
        (
            "three@secure.a.test",
            world.tlsa(zone(Security::Secure), 1, &good),
        ),
    ] {
        let report = sent(&world, zone, from).await;
        assert!(report.is_delivered(), "{report}");
        assert!(report.tried[0].came_to.starts_with("TLSv1.3 "), "{report}");
        postfix.eventually("it arrives", || told(&postfix, from));
    }
    let log = postfix.log();
    assert_eq!(
        log.matches("TLS connection established from").count(),
        3,
        "{log}"
    );
    // Another key than the zone says: Postfix hears nothing of the letter.
    let wrong = world.tlsa(zone(Security::Secure), 1, &other);
    let report = sent(&world, wrong, "four@a.test").await;
    assert_eq!(refused(&report), ("deferred", "4.7.5", "dane.usable"));
    // REQUIRETLS, which Postfix does not know.
    let dane = world.tlsa(zone(Security::Secure), 1, &good);
    let required = letter("five@a.test").requiring_tls();
    let report = world.outbound(dane).deliver(&required).await;
    assert_eq!(refused(&report), ("returned", "5.7.30", "dane.usable"));
    // A recipient that Postfix refuses is returned with its own words.
    let to = vec![address("bob@c.test")];
    let elsewhere = Letter::new(Some(address("six@a.test")), to, BODY.into()).unwrap();
    let zone = Zone::new()
        .with_security(Security::Insecure)
        .mx("c.test", 10, &host(1))
        .and_then(|zone| zone.address(&host(1), [127, 0, 0, 1]))
        .unwrap();
    let report = world.outbound(zone).deliver(&elsewhere).await;
    assert_eq!(refused(&report), ("returned", "5.7.1", "smtp.refused"));
    let log = postfix.log();
    assert!(
        !told(&postfix, "four@a.test") && !told(&postfix, "five@a.test"),
        "{log}"
    );
    // The mutation: an ordinary letter to the same host does arrive, and is seen.
    assert!(sent(&world, plain, "seven@a.test").await.is_delivered());
    postfix.eventually("it arrives", || told(&postfix, "seven@a.test"));
}

#[tokio::test]
#[ignore = "interop: needs postfix"]
async fn interop_postfix_with_a_certificate_of_nobody_gets_no_secure_mail() {
    let world = World::new().await;
    let own = Identity::own(&host(1));
    let port = world.config.outbound.port;
    let postfix = Postfix::start(port, "smtpd_tls_security_level = may\n", &own);
    let plain = zone(Security::Insecure);
    let report = sent(&world, plain.clone(), "one@secure.a.test").await;
    assert_eq!(
        refused(&report),
        ("returned", "5.7.10", "floor.verified-domain")
    );
    assert!(sent(&world, plain, "two@a.test").await.is_delivered());
    postfix.eventually("it arrives", || told(&postfix, "two@a.test"));
    assert!(!told(&postfix, "one@secure.a.test"), "{}", postfix.log());
}

#[tokio::test]
#[ignore = "interop: needs postfix"]
async fn interop_postfix_without_tls_gets_no_secure_mail() {
    let world = World::new().await;
    let own = Identity::own(&host(1));
    let port = world.config.outbound.port;
    let postfix = Postfix::start(port, "smtpd_tls_security_level = none\n", &own);
    let plain = zone(Security::Insecure);
    let report = sent(&world, plain.clone(), "one@secure.a.test").await;
    assert_eq!(
        refused(&report),
        ("returned", "5.7.10", "floor.verified-domain")
    );
    let report = sent(&world, plain, "two@a.test").await;
    assert!(report.is_delivered(), "{report}");
    assert_eq!(report.tried[0].came_to, "in the clear");
    postfix.eventually("it arrives", || told(&postfix, "two@a.test"));
    assert!(!told(&postfix, "one@secure.a.test"), "{}", postfix.log());
}
