//! A full disk: refused for now, nothing half kept, and well again once there is space.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::service::{Options, Service};
use crate::common::smtp::{Reply, Smtp};
use crate::common::{Peer, eventually, halves, ids, letter};

/// A service whose data lie on a file system of `mib` MiB, in a mount namespace of its own.
fn on_a_small_disk(mib: usize) -> Service {
    let mut unshare = Command::new("unshare");
    unshare.args(["-m", "--propagation", "private", "sh", "-c"]);
    unshare.arg(format!(
        "cp -a \"$DATA\" \"$DATA.0\" && mount -t tmpfs -o size={mib}m tmpfs \"$DATA\" \
         && cp -a \"$DATA.0/.\" \"$DATA\" && shift && exec \"$@\""
    ));
    unshare.args(["sh", "--"]);
    Service::start_under(unshare, &Options::default())
}

/// The same folder, seen from outside of the namespace.
fn inside(service: &Service, file: &str) -> PathBuf {
    let data = service.data();
    let data = data.strip_prefix("/").unwrap();
    Path::new("/proc")
        .join(service.pid().to_string())
        .join("root")
        .join(data)
        .join(file)
}

fn try_to_deliver(service: &Service, id: &str) -> Reply {
    try_to_deliver_octets(service, id, 200_000)
}

fn try_to_deliver_octets(service: &Service, id: &str, octets: usize) -> Reply {
    let mut session = Smtp::open(service.smtp()).unwrap();
    session.deliver(&letter(id, octets)).unwrap()
}

#[test]
#[ignore = "interop: needs unshare and tmpfs, as root"]
fn interop_tmpfs_full_disk_refuses_and_recovers() {
    let service = on_a_small_disk(16);
    let ballast = inside(&service, "ballast");
    assert_eq!(try_to_deliver(&service, "before").code, 250);
    // Something else takes all the space that is left.
    let mut dd = Command::new("dd");
    dd.arg("if=/dev/zero")
        .arg(format!("of={}", ballast.display()))
        .arg("bs=64k");
    assert!(
        !dd.output().unwrap().status.success(),
        "the disk is not full"
    );

    // Files that have been allocated already may still take some.
    let mut taken = vec!["before".to_owned()];
    let refused = loop {
        let id = format!("full-{}", taken.len());
        match try_to_deliver(&service, &id) {
            reply if reply.code == 250 => taken.push(id),
            reply => break reply,
        }
        assert!(taken.len() < 1_000, "nothing was refused");
    };
    assert_eq!(refused.code, 452, "{refused:?}");
    assert!(refused.says("4.3.1"), "{refused:?}");
    // Nobody logs in meanwhile, as a try that cannot be counted is not looked at; the mail that is there stays there.
    std::fs::remove_file(&ballast).unwrap();
    eventually("it takes mail again", || {
        try_to_deliver(&service, "after").code == 250
    });
    let stored = service.stored();
    taken.push("after".into());
    taken.sort();
    assert_eq!(ids(&stored), taken);
    assert_eq!(halves(&stored), [""; 0]);
}

#[test]
#[ignore = "interop: needs unshare and tmpfs, as root"]
fn interop_tmpfs_with_space_left_refuses_nothing() {
    // The same steps without the ballast: the 452 above came from the disk.
    let service = on_a_small_disk(16);
    for number in 0..10 {
        assert_eq!(
            try_to_deliver(&service, &format!("roomy-{number}")).code,
            250
        );
    }
    assert_eq!(service.stored().len(), 10);
}

#[test]
#[ignore = "interop: needs unshare and tmpfs, as root"]
fn interop_tmpfs_what_is_too_large_for_the_disk_leaves_room() {
    let service = on_a_small_disk(16);
    for _ in 0..3 {
        let refused = try_to_deliver_octets(&service, "huge", 30_000_000);
        assert_eq!(refused.code, 452, "{refused:?}");
    }
    // Nothing of it is left that takes the space of others.
    assert_eq!(try_to_deliver(&service, "small").code, 250);
    assert_eq!(ids(&service.stored()), ["small"]);
}
