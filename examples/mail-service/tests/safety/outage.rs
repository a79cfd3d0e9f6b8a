//! The database is away: while the service starts, and while it works.

use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::common::lax::{Fault, Lax};
use crate::common::pop3::Pop3;
use crate::common::service::{Options, PASSWORD, Service, USER};
use crate::common::smtp::Smtp;
use crate::common::{Peer, eventually, ids, letter};
use crate::durability::{Senders, Stored};
use crate::nodes::{nodes, stored};
use crate::postgres::Postgres;

/// The database falls over three times while eight senders send to two nodes, or to what stands before one of them.
fn outages(front: Option<&Lax>) -> Result<(), String> {
    let mut database = Postgres::start();
    let nodes = nodes(&database);
    let senders = Senders::default();
    let [mut first, second] = nodes.each_ref().map(Peer::smtp);
    if let Some(front) = front {
        front.stand_before(first);
        first = front.smtp();
    }
    senders.persist(&[first, second], 0, || {
        for _ in 0..3 {
            senders.wait_for(senders.count() + 40);
            let (count, failed) = (senders.count(), senders.failed());
            database.stop_immediately();
            eventually("messages are refused for now", || {
                senders.failed() > failed + 8 || front.is_some() && senders.count() > count + 100
            });
            for node in &nodes {
                // RFC 3206 §4
                let refused = Pop3::login(node.pop3(), USER, PASSWORD).unwrap();
                let refused = refused.err().expect("the store is away");
                assert!(refused.starts_with("[SYS/TEMP]"), "{refused}");
            }
            database.restart();
        }
        // Neither node was started again.
        senders.wait_for(senders.count() + 40);
    });
    let (count, failed) = (senders.count(), senders.failed());
    println!("{count} acknowledged, {failed} refused");
    let stored = match front {
        None => stored(&nodes),
        // It may hand on more while one looks.
        Some(_) => nodes[1].stored(),
    };
    senders.judge(&Stored::default().add(&stored))
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_a_database_that_falls_over_loses_nothing_and_the_service_recovers() {
    assert_eq!(outages(None), Ok(()));
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_the_check_finds_what_an_outage_loses() {
    let hurried = Lax::start(Fault::Hurries);
    let found = outages(Some(&hurried)).expect_err("nothing was lost");
    assert!(found.contains("lost [\"r"), "{found}");
}

/// Half a minute of real time, longer than the lock of a maildrop lives. Each second, both nodes are asked.
#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_a_database_away_for_30_seconds_is_451_and_then_all_is_well() {
    let mut database = Postgres::start();
    let nodes = nodes(&database);
    let deliver = |node: &Service, id: &str| {
        let mut session = Smtp::open(node.smtp()).unwrap();
        session.deliver(&letter(id, 900)).unwrap()
    };
    deliver(&nodes[0], "kept").expect(250);
    let mut reader = nodes[0].login();
    reader.command("DELE 1").unwrap().unwrap();
    let mut sender = Smtp::open(nodes[1].smtp()).unwrap();
    let envelope = sender.envelope("alice@a.test", USER).unwrap();
    envelope.expect(354);

    database.stop("fast");
    sender.0.send(&letter("refused", 900)).unwrap();
    sender.0.send(b".\r\n").unwrap();
    sender.reply().unwrap().expect(451);
    for _ in 0..30 {
        for node in &nodes {
            deliver(node, "refused").expect(451);
            // RFC 3206 §4
            let refused = Pop3::login(node.pop3(), USER, PASSWORD).unwrap();
            let refused = refused.err().expect("the store is away");
            assert!(refused.starts_with("[SYS/TEMP]"), "{refused}");
        }
        thread::sleep(Duration::from_secs(1));
    }
    database.restart();

    // The first try at each node, and neither was started again.
    deliver(&nodes[0], "first").expect(250);
    deliver(&nodes[1], "second").expect(250);
    // The reader's lock has expired: another one may have read the message that he wanted to delete.
    let quit = reader.command("QUIT");
    assert!(!matches!(quit, Ok(Ok(_))), "{quit:?}");
    assert_eq!(ids(&stored(&nodes)), ["first", "kept", "second"]);
}

/// What a node says that cannot start.
fn refused(location: &str, password: Option<&str>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("mail-service.toml");
    std::fs::write(
        &config,
        format!("store = \"{location}\"\n[log]\nfilter = \"trace\"\n"),
    )
    .unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mail-service"));
    command.args(["serve", "--config"]).arg(config);
    if let Some(password) = password {
        command.env("PGPASSWORD", password);
    }
    let output = command.output().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap() + &String::from_utf8(output.stdout).unwrap()
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_a_start_without_the_database_says_so_and_not_the_password() {
    let mut database = Postgres::start();
    database.sql("CREATE USER carol PASSWORD 'open sesame'");
    let port = database.port();
    let located = |user| format!("postgres://{user}@127.0.0.1:{port}/postgres?sslmode=disable");
    // May not make a schema: a failure of another kind.
    for (user, password) in [
        ("carol:open%20sesame", None),
        ("carol", Some("open sesame")),
    ] {
        let said = refused(&located(user), password);
        let place = format!("cannot open the store postgres://127.0.0.1:{port}/postgres: ");
        assert!(said.contains(&place), "{said}");
        assert!(!said.contains("sesame"), "{said}");
    }
    database.stop_immediately();
    let said = refused(&located("carol:open%20sesame"), None);
    assert!(said.contains("the store is unavailable"), "{said}");
    assert!(said.contains("refused"), "{said}");
    assert!(!said.contains("sesame"), "{said}");
}

/// A server that asks for a password gets it from the file, and from the environment.
#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_a_password_comes_from_a_file_or_the_environment() {
    let database = Postgres::start();
    database.sql("CREATE USER carol PASSWORD 'p@ss:w/rd?'");
    database.sql("GRANT CREATE ON DATABASE postgres TO carol");
    let access = database.data().join("pg_hba.conf");
    let rules = std::fs::read_to_string(&access).unwrap();
    let asked = format!("host all carol 127.0.0.1/32 scram-sha-256\n{rules}");
    std::fs::write(&access, asked).unwrap();
    database.sql("SELECT pg_reload_conf()");

    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "p@ss:w/rd?\n").unwrap();
    let config = folder.path().join("mail-service.toml");
    let port = database.port();
    let list = |settings: &str, variable: Option<&str>| {
        let store = format!("postgres://carol@127.0.0.1:{port}/postgres?sslmode=disable");
        std::fs::write(&config, format!("store = \"{store}\"\n{settings}")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_mail-service"));
        command.args(["user", "list", "--config"]).arg(&config);
        command.env_remove("PGPASSWORD");
        command.envs(variable.map(|password| ("PGPASSWORD", password)));
        command.output().unwrap().status.success()
    };
    eventually("the server asks for passwords", || !list("", None));
    assert!(list("store_password_file = \"secret\"", None));
    assert!(list("", Some("p@ss:w/rd?")));
    assert!(!list("", Some("another")));
    // The file is the more particular one.
    assert!(list("store_password_file = \"secret\"", Some("another")));
}

/// A node that started before its database fell over serves all the same afterwards, with one account.
#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_a_session_outlives_a_restart_of_the_database() {
    let mut database = Postgres::start();
    let node = Service::start_with(&Options::default().store(&database.url()));
    let mut session = node.login();
    database.stop_immediately();
    database.restart();
    // The lock is a record: it is there still, and so is the session's right to it.
    session.command("NOOP").unwrap().unwrap();
    let second = node.try_login().err().expect("it is locked");
    assert!(second.starts_with("[IN-USE]"), "{second}");
    session.command("QUIT").unwrap().unwrap();
    assert!(node.try_login().is_ok());
}
