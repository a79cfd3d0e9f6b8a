//! The program: `mail-service send` and `accept-drop`.

use crate::peer::{Identity, Peer, Script};
use crate::resolver::{A, MX, Resolver, TLSA};
use crate::world::{BODY, ip};
use mail_service::{Clock, Config, outbound::Outbound};
use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
    process::Command,
    sync::Arc,
    time::Duration,
};
use tls_policy::Proof;

/// A folder with a configuration and a message.
fn folder(resolver: &Resolver, port: u16) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let dns = resolver.address;
    let config = format!(
        "hostname = \"mx.a.test\"\ndomains = [\"a.test\"]\nsecure = {{ \"secure.a.test\" = \"a.test\" }}\n\
         [outbound]\nport = {port}\nauthorities = \"ca.pem\"\ndnssec = {{ ad = \"{dns}\" }}\n\
         [log]\nfilter = \"off\"\n"
    );
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("mail-service.toml", &config);
    write("ca.pem", &crate::peer::Ca::new().pem);
    write("m.eml", &BODY.replace("\r\n", "\n"));
    write("mixed.eml", "a\r\nb\n");
    folder
}

/// What the program says, and whether it succeeded.
fn run(folder: &Path, args: &str) -> (String, bool) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mail-service"));
    command.current_dir(folder).args(args.split(' '));
    let out = command.output().unwrap();
    let said = [out.stdout, out.stderr].concat();
    (String::from_utf8(said).unwrap(), out.status.success())
}

#[test]
fn what_cannot_be_sent_is_told() {
    let folder = folder(&Resolver::start(None), 25);
    for (args, told) in [
        (
            "send --from alice@a.test --to bob@b.test m.eml",
            "4.4.3 mx.failed",
        ),
        (
            "send --to bob@b.test --require-tls m.eml",
            "bob@b.test: deferred: 4.4.3 ",
        ),
        ("send --to bob@b.test none.eml", "none.eml: No such file"),
        ("send --to bob@b.test mixed.eml", "does not end in CR LF"),
        ("send --to bob m.eml", "bob is not an address"),
        (
            "send --to bob@b.test --to bob@c.test m.eml",
            "not of one domain",
        ),
        (
            "send --to bob@[127.0.0.1] m.eml",
            "mail is sent to domains only",
        ),
        ("send m.eml", "--to"),
    ] {
        let (said, success) = run(folder.path(), args);
        assert!(said.contains(told) && !success, "{args}: {said}");
    }
}

/// The whole program, by a resolver whose AD bit it believes: delivered by DANE, then kept back.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_sent_and_what_became_of_it_is_told() {
    let identity = Identity::own("any.test");
    let at = SocketAddr::new(ip(1), 0);
    let peer = Peer::start(at, Script::tls(), &identity).await;
    let port = peer.address.port();
    let IpAddr::V4(address) = ip(1) else {
        panic!("an address of IPv4");
    };
    let mx = [&[0, 10, 3][..], b"mx1\x01b\x04test\0"].concat();
    let records = vec![
        ("b.test.".to_owned(), MX, mx),
        ("mx1.b.test.".to_owned(), A, address.octets().to_vec()),
        (format!("_{port}._tcp.mx1.b.test."), TLSA, identity.tlsa()),
    ];
    let folder = folder(&Resolver::start(Some(records)), port);
    let send = "send --from alice@secure.a.test --to bob@b.test m.eml";
    let (said, success) = run(folder.path(), send);
    assert!(success && said.contains("verified by DANE"), "{said}");
    assert!(
        said.contains("bob@b.test: delivered: 250 2.0.0 kept"),
        "{said}"
    );
    assert_eq!(peer.take().messages, [(true, BODY.to_owned())]);
    peer.becomes(Script::plain());
    let (said, success) = run(folder.path(), send);
    assert!(!success && said.contains("4.7.4 dane.usable"), "{said}");
    assert!(said.contains("No part of it, and no address"), "{said}");
    assert!(peer.take().spoken().is_empty());
}

#[tokio::test]
async fn a_drop_is_accepted() {
    let folder = folder(&Resolver::start(None), 25);
    let config = Config::load(&folder.path().join("mail-service.toml")).unwrap();
    config.prepare().unwrap();
    let now = Clock::system().now();
    {
        let store = Arc::new(config.open_store().unwrap());
        let outbound = Outbound::new(&config, store, Clock::system()).unwrap();
        for days in [3, 0] {
            let then = now - Duration::from_secs(days * 24 * 3600);
            outbound
                .memory()
                .proved("b.test", Proof::Dane, then)
                .await
                .unwrap();
        }
    }
    for told in ["b.test: Verified, forgotten", "b.test: Nothing, forgotten"] {
        let (said, success) = run(folder.path(), "accept-drop B.test");
        assert!(said.contains(told) && success, "{said}");
    }
}
