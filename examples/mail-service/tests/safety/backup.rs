//! Backups as the guide describes them: taken beside the service's work, restored elsewhere, and read.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::service::{Options, Service};
use crate::common::smtp::Smtp;
use crate::common::{Peer, halves, ids, letter};
use crate::durability::Senders;
use crate::postgres::{Postgres, program};

fn deliver(service: &Service, id: &str, size: usize) {
    let mut session = Smtp::open(service.smtp()).unwrap();
    session.deliver(&letter(id, size)).unwrap().expect(250);
}

fn succeeds(command: &mut Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}

/// Mail small and large, then a backup while more arrives; what was there before it began is what counts.
fn before_a_backup(service: &Service, backup: impl FnOnce()) {
    deliver(service, "small", 2_000);
    deliver(service, "large", 2_500_000);
    let senders = Senders::default();
    senders.persist(&[service.smtp()], 0, || {
        senders.wait_for(20);
        backup();
        senders.wait_for(senders.count() + 20);
    });
    deliver(service, "too-late", 2_000);
}

/// What the restored service hands out.
fn judge(restored: &Service) {
    let messages = restored.stored();
    let ids = ids(&messages);
    for id in ["small", "large"] {
        assert!(ids.iter().any(|found| found == id), "{id} in {ids:?}");
    }
    assert!(ids.len() >= 22, "{ids:?}");
    assert!(!ids.iter().any(|found| found == "too-late"));
    assert_eq!(halves(&messages), Vec::<String>::new());
    // It is a service like any other.
    deliver(restored, "afterwards", 2_000);
    let mut session = restored.login();
    assert_eq!(session.uidl().unwrap().len(), ids.len() + 1);
    session.command("DELE 1").unwrap().unwrap();
    session.command("QUIT").unwrap().unwrap();
    assert_eq!(restored.stored().len(), ids.len());
}

fn sqlite3(database: &Path, command: &str) {
    succeeds(Command::new("sqlite3").arg(database).arg(command));
}

#[test]
#[ignore = "interop: needs sqlite3"]
fn interop_sqlite3_a_backup_of_the_file_is_restored() {
    let service = Service::start();
    let folder = tempfile::tempdir().unwrap();
    let backup = folder.path().join("backup.db");
    before_a_backup(&service, || {
        let vacuum = format!("VACUUM INTO '{}'", backup.display());
        sqlite3(&service.data().join("mail.db"), &vacuum);
    });
    let location = format!("sqlite:{}", backup.display());
    judge(&Service::start_with(&Options::default().join(&location)));
}

#[test]
#[ignore = "interop: needs sqlite3"]
fn interop_sqlite3_the_shells_backup_is_restored_too() {
    let service = Service::start();
    let folder = tempfile::tempdir().unwrap();
    let backup = folder.path().join("backup.db");
    before_a_backup(&service, || {
        let command = format!(".backup '{}'", backup.display());
        sqlite3(&service.data().join("mail.db"), &command);
    });
    let location = format!("sqlite:{}", backup.display());
    judge(&Service::start_with(&Options::default().join(&location)));
}

/// Without any tool, and in place: the files of a service that has ended.
#[test]
fn files_that_nobody_uses_are_a_backup() {
    let mut service = Service::start();
    deliver(&service, "small", 2_000);
    deliver(&service, "large", 2_500_000);
    service.terminate();
    assert!(service.wait().success());
    let folder = tempfile::tempdir().unwrap();
    let files = ["mail.db", "mail.db-wal"];
    let own = service.data();
    for file in files.iter().filter(|file| own.join(file).exists()) {
        fs::copy(own.join(file), folder.path().join(file)).unwrap();
    }
    service.restart();
    deliver(&service, "too-late", 2_000);
    service.terminate();
    assert!(service.wait().success());
    for file in ["mail.db", "mail.db-wal", "mail.db-shm"] {
        let (from, to) = (folder.path().join(file), own.join(file));
        if to.exists() {
            fs::remove_file(&to).unwrap();
        }
        if from.exists() {
            fs::copy(from, to).unwrap();
        }
    }
    service.restart();
    let messages = service.stored();
    assert_eq!(ids(&messages), ["large", "small"]);
    assert_eq!(halves(&messages), Vec::<String>::new());
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_a_dump_is_restored_into_another_server() {
    let database = Postgres::start();
    let service = Service::start_with(&Options::default().store(&database.url()));
    let folder = tempfile::tempdir().unwrap();
    let backup = folder.path().join("mail.dump");
    before_a_backup(&service, || {
        let mut dump = Command::new(program("pg_dump"));
        dump.args(["--format=custom", "--schema=record_store", "--file"])
            .arg(&backup)
            .arg(bare(&database));
        succeeds(&mut dump);
    });
    let another = Postgres::start();
    let mut restore = Command::new(program("pg_restore"));
    restore
        .args(["--exit-on-error", "--no-owner", "--dbname"])
        .arg(bare(&another))
        .arg(&backup);
    succeeds(&mut restore);
    judge(&Service::start_with(
        &Options::default().join(&another.url()),
    ));
}

/// As PostgreSQL's own programs take it.
fn bare(database: &Postgres) -> String {
    format!(
        "postgresql://postgres@127.0.0.1:{}/postgres",
        database.port()
    )
}
