//! The program: `mail-service send` and `accept-drop`.

use crate::world::BODY;
use mail_service::{Clock, Config, outbound::Outbound};
use std::{path::Path, process::Command, sync::Arc, time::Duration};
use tls_policy::Proof;

/// A folder with a configuration whose resolver nobody is, and a message.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    // A port that was free a moment ago.
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let dead = socket.local_addr().unwrap();
    let config = format!(
        "hostname = \"mx.a.test\"\ndomains = [\"a.test\"]\n\
         [outbound]\nauthorities = \"ca.pem\"\ndnssec = {{ validate = {{ servers = [\"{dead}\"] }} }}\n\
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
    let folder = folder();
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

#[tokio::test]
async fn a_drop_is_accepted() {
    let folder = folder();
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
