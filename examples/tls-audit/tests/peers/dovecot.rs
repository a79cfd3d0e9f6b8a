//! Dovecot, as an IMAP and POP3 server, set up well and badly.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use tls_policy::audit::Protocol;

use crate::expect::expect;
use crate::sslscan::compare;
use crate::world::{
    HOST, Identity, Key, Running, audit, dh1024, folder, free_port, identity, listening, stranger,
    target,
};

struct Dovecot {
    _running: Running,
    imap: SocketAddr,
    imaps: SocketAddr,
    pop3: SocketAddr,
    pop3s: SocketAddr,
}

fn start(folder: &Path, identity: &Identity, tls: &str) -> Dovecot {
    let [imap, imaps, pop3, pop3s] = [(); 4].map(|()| free_port());
    let (at, cert, key) = (
        folder.display(),
        identity.cert.display(),
        identity.key.display(),
    );
    let listener = |name: &str, address: SocketAddr, ssl: &str| {
        format!(
            "  inet_listener {name} {{\n    address = 127.0.0.1\n    port = {}\n    ssl = {ssl}\n  }}\n",
            address.port()
        )
    };
    let conf = format!(
        "protocols = imap pop3\n\
         base_dir = {at}/run\n\
         log_path = {at}/log\n\
         mail_location = maildir:{at}/mail\n\
         default_login_user = dovenull\n\
         default_internal_user = dovecot\n\
         ssl = yes\n\
         ssl_cert = <{cert}\n\
         ssl_key = <{key}\n\
         {tls}\n\
         passdb {{\n  driver = static\n  args = nopassword=y\n}}\n\
         userdb {{\n  driver = static\n  args = uid=nobody gid=nogroup home={at}\n}}\n\
         service imap-login {{\n{}{}}}\n\
         service pop3-login {{\n{}{}}}\n",
        listener("imap", imap, "no"),
        listener("imaps", imaps, "yes"),
        listener("pop3", pop3, "no"),
        listener("pop3s", pop3s, "yes"),
    );
    let file = folder.join("dovecot.conf");
    fs::write(&file, conf).unwrap();
    let mut command = Command::new("/usr/sbin/dovecot");
    let running = Running::start(command.arg("-F").arg("-c").arg(&file));
    for address in [imap, imaps, pop3, pop3s] {
        listening(address);
    }
    Dovecot {
        _running: running,
        imap,
        imaps,
        pop3,
        pop3s,
    }
}

#[test]
#[ignore = "interop: needs dovecot"]
fn interop_dovecot_set_up_well_gives_the_expected_rows() {
    let folder = folder();
    let identity = identity(folder.path(), Key::Ecdsa, HOST);
    let tls = "ssl_min_protocol = TLSv1.2\n\
               ssl_cipher_list = ECDHE+AESGCM\n\
               ssl_curve_list = P-256:P-384";
    let dovecot = start(folder.path(), &identity, tls);
    for (protocol, address) in [
        (Protocol::Imap, dovecot.imap),
        (Protocol::Imaps, dovecot.imaps),
        (Protocol::Pop3, dovecot.pop3),
        (Protocol::Pop3s, dovecot.pop3s),
    ] {
        let service = audit(&target(address, protocol), &[&identity.der]);
        expect("dovecot-good", &service);
    }
}

#[test]
#[ignore = "interop: needs dovecot"]
fn interop_dovecot_set_up_badly_gives_the_expected_rows() {
    let folder = folder();
    let identity = identity(folder.path(), Key::Rsa2048, "*.a.test");
    let dh = dh1024(folder.path());
    let tls = format!(
        "ssl_min_protocol = TLSv1\n\
         ssl_cipher_list = ALL:!aNULL:!eNULL:@SECLEVEL=0\n\
         ssl_dh = <{}",
        dh.display()
    );
    let dovecot = start(folder.path(), &identity, &tls);
    for (protocol, address) in [
        (Protocol::Pop3s, dovecot.pop3s),
        (Protocol::Imap, dovecot.imap),
    ] {
        let target = target(address, protocol);
        let service = audit(&target, &[&stranger()]);
        expect("dovecot-bad", &service);
        compare(&target, &service, &[]);
    }
}
