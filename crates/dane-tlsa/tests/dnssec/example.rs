//! `examples/tlsa-lookup.rs` as a person uses it.

use crate::world::World;
use crate::zones;
use std::path::PathBuf;
use std::process::Command;

/// The example, which cargo builds together with the tests unless only some are asked for.
fn program() -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    let path = path.join("examples").join("tlsa-lookup");
    if !path.exists() {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", "dane-tlsa"]);
        build.args(["--example", "tlsa-lookup"]);
        assert!(build.status().unwrap().success());
    }
    path
}

/// Its exit status, and what it prints.
fn run(args: &[&str]) -> (Option<i32>, String) {
    let out = Command::new(program()).args(args).output().unwrap();
    let text = [out.stdout, out.stderr].concat();
    (out.status.code(), String::from_utf8(text).unwrap())
}

#[test]
#[ignore = "interop: needs bind9, unbound"]
fn interop_dnssec_the_example_shows_every_step() {
    let world = World::start(&zones());
    let resolver = world.resolver.to_string();
    let look = |args: &[&str]| run(&[&["--resolver", &resolver], args].concat());
    let (status, text) = look(&["d.nsec"]);
    assert_eq!(status, Some(0), "{text}");
    for line in [
        "d.nsec MX: Secure, 300 s",
        "    10 mx.nsec",
        "mx.nsec CNAME: no data, Secure",
        "mx.nsec A: Secure, 300 s",
        "mx.nsec AAAA: no data, Secure",
        "_25._tcp.mx.nsec TLSA: Secure, 300 s",
        "    3 1 1 aaaaaaaa",
        "=> 1 records, 1 usable for SMTP (dane.lookup.secure)",
        "names, the first for SNI: mx.nsec, d.nsec",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    let (status, text) = look(&["--host", "mx.bogus"]);
    assert_eq!(status, Some(1), "{text}");
    assert!(
        text.contains("_25._tcp.mx.bogus TLSA: server failure"),
        "{text}"
    );
    assert!(text.contains("(dane.lookup.server-failure)"), "{text}");
    let (status, text) = look(&["--host", "--port", "26", "mx.nsec"]);
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("(dane.lookup.secure-denial)"), "{text}");
    let (status, text) = run(&["--resolver", "192.0.2.1:53", "d.nsec"]);
    assert_eq!(status, Some(2), "{text}");
    assert!(text.contains("not on loopback"), "{text}");
}
