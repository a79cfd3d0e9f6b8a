//! Postfix, as an MX host, set up well and badly.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use tls_policy::audit::Protocol;

use crate::expect::expect;
use crate::sslscan::compare;
use crate::world::{
    HOST, Identity, Key, audit, folder, free_port, identity, listening, run, stranger, target,
};

/// A Postfix of its own, stopped when dropped.
struct Postfix {
    folder: TempDir,
    smtp: SocketAddr,
    smtps: SocketAddr,
}

impl Postfix {
    fn start(folder: TempDir, tls: &str) -> Self {
        let at = folder.path();
        for dir in ["queue", "data", "etc"] {
            fs::create_dir(at.join(dir)).unwrap();
        }
        run(Command::new("chown").arg("postfix").arg(at.join("data")));
        let (smtp, smtps) = (free_port(), free_port());
        fs::write(at.join("etc/main.cf"), main_cf(at, tls)).unwrap();
        fs::write(at.join("etc/master.cf"), master_cf(smtp, smtps)).unwrap();
        let postfix = Self {
            folder,
            smtp,
            smtps,
        };
        run(&mut postfix.control("start"));
        listening(smtp);
        listening(smtps);
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
}

impl Drop for Postfix {
    fn drop(&mut self) {
        // What it says is of no use to anybody.
        self.control("stop").output().ok();
    }
}

fn main_cf(folder: &Path, tls: &str) -> String {
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
         myhostname = {HOST}\n\
         mydestination =\n\
         mynetworks = 127.0.0.0/8\n\
         smtpd_peername_lookup = no\n\
         smtpd_relay_restrictions = reject\n\
         smtpd_tls_loglevel = 1\n\
         alias_maps =\n\
         alias_database =\n\
         {tls}\n"
    )
}

fn master_cf(smtp: SocketAddr, smtps: SocketAddr) -> String {
    format!(
        "{smtp} inet n - n - - smtpd\n\
         {smtps} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes\n\
         tlsmgr unix - - n 1000? 1 tlsmgr\n\
         anvil unix - - n - 1 anvil\n\
         rewrite unix - - n - - trivial-rewrite\n\
         proxymap unix - - n - - proxymap\n\
         postlog unix-dgram n - n - 1 postlogd\n"
    )
}

fn files(identity: &Identity) -> String {
    format!(
        "smtpd_tls_cert_file = {}\nsmtpd_tls_key_file = {}\nsmtpd_tls_security_level = may\n",
        identity.cert.display(),
        identity.key.display()
    )
}

#[test]
#[ignore = "interop: needs postfix"]
fn interop_postfix_set_up_well_gives_the_expected_rows() {
    let folder = folder();
    let identity = identity(folder.path(), Key::Ecdsa, HOST);
    let tls = files(&identity)
        + "smtpd_tls_protocols = >=TLSv1.2\n\
           smtpd_tls_mandatory_protocols = >=TLSv1.2\n\
           smtpd_tls_ciphers = high\n\
           smtpd_tls_mandatory_ciphers = high\n\
           tls_high_cipherlist = ECDHE+AESGCM\n\
           tls_eecdh_auto_curves = prime256v1 secp384r1\n\
           tls_ssl_options = NO_RENEGOTIATION\n";
    let postfix = Postfix::start(folder, &tls);
    for (protocol, address) in [
        (Protocol::Smtp, postfix.smtp),
        (Protocol::Submissions, postfix.smtps),
    ] {
        let service = audit(&target(address, protocol), &[&identity.der]);
        expect("postfix-good", &service);
    }
}

#[test]
#[ignore = "interop: needs postfix"]
fn interop_postfix_set_up_badly_gives_the_expected_rows() {
    let folder = folder();
    let identity = identity(folder.path(), Key::Rsa2048, "*.a.test");
    let tls = files(&identity)
        + "smtpd_tls_protocols = >=TLSv1\n\
           smtpd_tls_ciphers = null\n\
           tls_null_cipherlist = ALL:@SECLEVEL=0\n\
           smtpd_tls_dh1024_param_file = auto\n";
    let postfix = Postfix::start(folder, &tls);
    let target = target(postfix.smtp, Protocol::Smtp);
    let service = audit(&target, &[&stranger()]);
    expect("postfix-bad", &service);
    compare(&target, &service, &[]);
}

#[test]
#[ignore = "interop: needs postfix"]
fn interop_postfix_without_starttls_gives_the_expected_rows() {
    let postfix = Postfix::start(folder(), "smtpd_tls_security_level = none");
    let service = audit(&target(postfix.smtp, Protocol::Smtp), &[]);
    expect("postfix-plain", &service);
}
