//! A whole mail server as the sender: Postfix takes a message and relays it to the service.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::common::Peer;
use crate::common::service::{Options, Service, USER};
use crate::common::smtp::Smtp;

/// A Postfix of its own, stopped when dropped.
struct Postfix {
    folder: TempDir,
    address: SocketAddr,
}

impl Postfix {
    /// Relays everything to `next`, and never without TLS.
    fn relaying_to(next: SocketAddr) -> Self {
        Self::relaying_with(next, "smtp_tls_security_level = encrypt\n")
    }

    /// Relays everything to `next`, with these settings of TLS.
    fn relaying_with(next: SocketAddr, tls: &str) -> Self {
        // Postfix's own user has to enter the folder.
        let folder = tempfile::Builder::new()
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .tempdir()
            .unwrap();
        for dir in ["queue", "data", "etc"] {
            fs::create_dir(folder.path().join(dir)).unwrap();
        }
        run(Command::new("chown")
            .arg("postfix")
            .arg(folder.path().join("data")));
        // Postfix takes no port 0: one that was free a moment ago.
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let etc = folder.path().join("etc");
        let main = main_cf(folder.path(), next) + tls;
        fs::write(etc.join("main.cf"), main).unwrap();
        fs::write(etc.join("master.cf"), master_cf(address)).unwrap();
        let postfix = Self { folder, address };
        run(&mut postfix.control("start"));
        crate::common::eventually("Postfix listens", || Smtp::connect(address).is_ok());
        postfix
    }

    fn control(&self, verb: &str) -> Command {
        let mut command = Command::new("/usr/sbin/postfix");
        command
            .arg("-c")
            .arg(self.folder.path().join("etc"))
            .arg(verb);
        command
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        // What it says is of no use to anybody.
        self.control("stop").output().ok();
    }
}

fn run(command: &mut Command) {
    let out = command
        .output()
        .unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(out.status.success(), "{command:?}: {out:?}");
}

fn main_cf(folder: &Path, next: SocketAddr) -> String {
    let (folder, port) = (folder.display(), next.port());
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
         myhostname = mail.a.test\n\
         mydestination =\n\
         mynetworks = 127.0.0.0/8\n\
         smtpd_peername_lookup = no\n\
         smtpd_relay_restrictions = permit_mynetworks, reject\n\
         relayhost = [127.0.0.1]:{port}\n\
         smtp_tls_loglevel = 1\n\
         alias_maps =\n\
         alias_database =\n"
    )
}

fn master_cf(address: SocketAddr) -> String {
    format!(
        "{address} inet n - n - - smtpd\n\
         pickup unix n - n 60 1 pickup\n\
         cleanup unix n - n - 0 cleanup\n\
         qmgr unix n - n 300 1 qmgr\n\
         tlsmgr unix - - n 1000? 1 tlsmgr\n\
         rewrite unix - - n - - trivial-rewrite\n\
         bounce unix - - n - 0 bounce\n\
         defer unix - - n - 0 bounce\n\
         trace unix - - n - 0 bounce\n\
         verify unix - - n - 1 verify\n\
         flush unix n - n 1000? 0 flush\n\
         proxymap unix - - n - - proxymap\n\
         smtp unix - - n - - smtp\n\
         error unix - - n - - error\n\
         retry unix - - n - - error\n\
         anvil unix - - n - 1 anvil\n\
         scache unix - - n - 1 scache\n\
         postlog unix-dgram n - n - 1 postlogd\n"
    )
}

#[test]
#[ignore = "interop: needs postfix"]
fn interop_postfix_relays_over_tls() {
    let service = Service::start();
    let postfix = Postfix::relaying_to(service.smtp());
    let mut session = Smtp::open(postfix.address).unwrap();
    session.envelope("alice@a.test", USER).unwrap().expect(354);
    let message =
        "From: Alice <alice@a.test>\r\nSubject: By Postfix\r\n\r\nHello.\r\n..dot\r\n.\r\n";
    session.0.send(message.as_bytes()).unwrap();
    session.reply().unwrap().expect(250);
    crate::common::eventually("Postfix has a result", || {
        postfix.log().contains(" status=")
    });
    assert!(
        postfix.log().contains("status=sent (250 2."),
        "{}",
        postfix.log()
    );
    let message = service.stored().remove(0);
    assert!(message.contains("with ESMTPS"), "{message}");
    assert!(message.contains("\r\nSubject: By Postfix\r\n"), "{message}");
    assert!(message.contains("\r\n.dot\r\n"), "{message}");
    assert!(message.contains("spf=pass"), "{message}");
}

#[test]
#[ignore = "interop: needs postfix"]
fn interop_postfix_is_told_of_an_unknown_recipient() {
    let service = Service::start();
    let postfix = Postfix::relaying_to(service.smtp());
    let mut session = Smtp::open(postfix.address).unwrap();
    session.envelope("", "nobody@b.test").unwrap().expect(354);
    session
        .0
        .send(b"Subject: none\r\n\r\nHello.\r\n.\r\n")
        .unwrap();
    session.reply().unwrap().expect(250);
    crate::common::eventually("Postfix has a result", || {
        postfix.log().contains(" status=")
    });
    assert!(
        postfix.log().contains("status=bounced"),
        "{}",
        postfix.log()
    );
    assert!(
        postfix.log().contains("said: 550 5.1.1"),
        "{}",
        postfix.log()
    );
    assert!(service.stored().is_empty());
}

/// One message by Postfix with these settings; its log, when there is a result.
fn relayed(service: &Service, tls: &str, to: &str) -> String {
    let postfix = Postfix::relaying_with(service.smtp(), tls);
    let mut session = Smtp::open(postfix.address).unwrap();
    session.envelope("alice@a.test", to).unwrap().expect(354);
    let message = b"From: Alice <alice@a.test>\r\nSubject: By Postfix\r\n\r\nHello.\r\n.\r\n";
    session.0.send(message).unwrap();
    session.reply().unwrap().expect(250);
    crate::common::eventually("Postfix has a result", || {
        postfix.log().contains(" status=")
    });
    postfix.log()
}

#[test]
#[ignore = "interop: needs postfix"]
fn interop_postfix_verifies_the_service_in_both_profiles() {
    for profile in ["normal", "bsi"] {
        let service = Service::start_with(&Options::default().profile(profile));
        let certificate = service.certificate();
        let verify = |name: &str| {
            format!(
                "smtp_tls_security_level = verify\nsmtp_tls_CAfile = {}\n\
                 smtp_tls_verify_cert_match = {name}\n",
                certificate.display()
            )
        };
        let log = relayed(&service, &verify(service.name()), USER);
        assert!(log.contains("Verified TLS connection"), "{profile}: {log}");
        assert!(log.contains("status=sent (250 2."), "{profile}: {log}");
        // With another name it is not sent: Postfix did look.
        let log = relayed(&service, &verify("mail.c.test"), USER);
        assert!(log.contains("status=deferred"), "{profile}: {log}");
        assert_eq!(service.stored().len(), 1);
    }
}

#[test]
#[ignore = "interop: needs postfix"]
fn interop_postfix_without_tls_is_told_of_a_secure_address() {
    let service = Service::start_with(&Options::default().secure());
    let to = "bob@secure.b.test";
    let log = relayed(&service, "smtp_tls_security_level = none\n", to);
    assert!(log.contains("status=bounced"), "{log}");
    assert!(log.contains("said: 550 5.7.10"), "{log}");
    assert!(service.stored().is_empty());
    let log = relayed(&service, "smtp_tls_security_level = may\n", to);
    assert!(log.contains("status=sent (250 2."), "{log}");
    assert_eq!(service.stored().len(), 1);
}
