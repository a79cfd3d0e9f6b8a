//! The example `watch`, as a person runs it, against a service on loopback.
#![cfg(all(feature = "fetch", feature = "store"))]
#![allow(clippy::unwrap_used)]

mod v3;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use v3::tcp::Server;
use v3::{KEY, World, sha1};

/// The example, which cargo builds together with the tests unless only some are asked for.
fn program() -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    let name = format!("watch{}", std::env::consts::EXE_SUFFIX);
    let path = path.join("examples").join(name);
    if !path.exists() {
        let args = [
            "build",
            "-q",
            "-p",
            "breach-check",
            "--features",
            "fetch,store",
        ];
        let cargo = Command::new(env!("CARGO"))
            .args(args)
            .args(["--example", "watch"])
            .status();
        assert!(cargo.unwrap().success());
    }
    path
}

fn watch(folder: &Path, server: &Server, more: &[&str]) -> (String, String) {
    let path = |name: &str| folder.join(name).into_os_string();
    let out = Command::new(program())
        .args(["--base", &server.base(), "--once"])
        .args([
            &"--store".into(),
            &path("watch.db"),
            &"--key-file".into(),
            &path("key"),
        ])
        .args([&"--addresses".into(), &path("addresses")])
        .args(more)
        .stdin(Stdio::null())
        .env_clear()
        .output()
        .unwrap();
    let text = |octets| String::from_utf8(octets).unwrap();
    let (said, wrong) = (text(out.stdout), text(out.stderr));
    assert!(out.status.success(), "{said} {wrong}");
    (said, wrong)
}

#[test]
fn each_breach_is_printed_once_over_all_runs() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::new().with("Secret", "2017-01-01T00:00:00Z", Some("IsSensitive"));
    world.rpm = 60_000;
    let server = Server::start(world.in_breaches("ann@example.org", &["Adobe", "Secret"]));
    std::fs::write(folder.path().join("key"), format!("{KEY}\n")).unwrap();
    std::fs::write(
        folder.path().join("addresses"),
        "Ann@example.org\n\nbob@example.org\n",
    )
    .unwrap();
    let (said, wrong) = watch(folder.path(), &server, &[]);
    let adobe = "ann@example.org: Adobe & Sons of 2013-10-04 (older): Email addresses, Passwords\n";
    assert_eq!((&*said, &*wrong), (adobe, ""));
    let sent = server.sent();
    for part in ["ann", "bob", "example.org", &sha1("ann@example.org")[..7]] {
        assert!(
            !sent.to_lowercase().contains(&part.to_lowercase()),
            "{part}"
        );
    }
    let (said, _) = watch(folder.path(), &server, &["--mine"]);
    assert!(said.contains("Secret") && !said.contains("Adobe"), "{said}");
    assert_eq!(watch(folder.path(), &server, &["--mine"]).0, "");
    watch(folder.path(), &server, &["--forget"]);
    assert_eq!(watch(folder.path(), &server, &[]).0, adobe);
}
