//! The order of system calls: the message's sync returns before its 250 is written.

use std::process::Command;

use crate::common::service::{Options, Service, Sync};
use crate::common::smtp::Smtp;
use crate::common::strace::{calls, synced_before_250};
use crate::common::{Peer, eventually, letter};

/// Delivers some messages, one after the other, and reads the record of it.
fn record(sync: Sync) -> Result<usize, String> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("record");
    let mut strace = Command::new("strace");
    // -D: the service stays our child, and the tracer steps aside.
    strace.args(["-D", "-f", "-y", "-yy", "-s", "64", "-e"]);
    strace.arg("trace=fsync,fdatasync,write,writev,pwrite64,pwritev,sendto,sendmsg");
    strace.arg("-o").arg(&file);
    let mut service = Service::start_under(strace, &Options::default().sync(sync));
    let mut session = Smtp::open(service.smtp()).unwrap();
    for number in 0..5 {
        let reply = session.deliver(&letter(&format!("traced-{number}"), 5_000));
        reply.unwrap().expect(250);
    }
    session.command("QUIT").unwrap().expect(221);
    service.terminate();
    service.wait();
    // The tracer writes the last line when the service has ended.
    let read = || String::from_utf8_lossy(&std::fs::read(&file).unwrap()).into_owned();
    eventually("the record is complete", || read().contains("+++ exited"));
    synced_before_250(&calls(&read()), "250 2.0.0 Stored")
}

#[test]
#[ignore = "interop: needs strace"]
fn interop_strace_sync_returns_before_250() {
    assert_eq!(record(Sync::Full), Ok(5));
}

#[test]
#[ignore = "interop: needs strace"]
fn interop_strace_finds_a_store_that_does_not_sync() {
    let found = record(Sync::Off).unwrap_err();
    assert!(found.contains("was not synced before"), "{found}");
}
