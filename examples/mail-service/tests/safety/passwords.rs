//! Breached passwords in the real program: the commands that set one, a corpus that comes while it runs, and SIGKILL.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::breaches::corpus;
use crate::common::eventually;
use crate::common::pop3::Pop3;
use crate::common::service::{Options, PASSWORD, Service, USER};

const BREACHED: &str = "gartenzwerge im mondlicht";
const UNKNOWN: &str = "zwei boote unter der brücke";
const OTHER: &str = "seven lamps along the canal";
const SETTINGS: &str = "corpus = \"pwned.pages\"";

/// A service with a corpus, which is put there before its account is made.
fn service(settings: &str) -> Service {
    let before = |folder: &std::path::Path| {
        corpus(&folder.join("pwned.pages"), &[BREACHED], Some(UNKNOWN));
    };
    Service::start_after(&Options::default().password(settings), before)
}

/// `user …`: whether it was done, and what it said.
fn user(service: &Service, arguments: &[&str], word: &str) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mail-service"));
    command.arg("user").args(arguments).arg("--password-stdin");
    command.arg("--config").arg(service.config());
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(format!("{word}\n").as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

/// A login; an earlier session may still have the maildrop.
fn login(service: &Service, word: &str) -> Result<Pop3, String> {
    let mut login = None;
    eventually("the maildrop is free", || {
        let now = Pop3::login(service.pop3(), USER, word).unwrap();
        let taken = matches!(&now, Err(why) if why.starts_with("[IN-USE]"));
        login = Some(now);
        !taken
    });
    login.unwrap()
}

/// Whether the password opens the maildrop, which is given back: a node that is killed keeps it for half a minute.
fn opens(service: &Service, word: &str) -> bool {
    let session = login(service, word);
    session.is_ok_and(|mut session| session.command("QUIT").unwrap().is_ok())
}

/// How many mails say that the password must be changed.
fn told(service: &Service, word: &str) -> usize {
    let mut session = login(service, word).unwrap();
    let numbers = session.uidl().unwrap();
    let mails = numbers.iter().map(|(number, _)| session.retr(*number));
    let mails: Vec<_> = mails.map(Result::unwrap).collect();
    let told = mails
        .iter()
        .filter(|mail| mail.contains("password.must-change"));
    told.count()
}

#[test]
fn the_commands_refuse_with_reason_and_guidance_in_the_language_of_the_service() {
    let service = service(SETTINGS);
    let long = "x y ".repeat(63);
    for (word, code, said) in [
        (BREACHED, "password.breached", "known from breaches"),
        (UNKNOWN, "password.undecided", "could not be checked"),
        ("kurz & gut", "password.short", "at least 15 characters"),
        (
            "b.test mail 2026!",
            "password.context.domain",
            "the name of this domain",
        ),
        (&long, "password.octets", "at most 248 octets"),
    ] {
        for command in [&["add", "joe@b.test"], &["password", USER]] {
            let (done, told) = user(&service, command, word);
            assert!(
                !done && told.contains(code) && told.contains(said),
                "{told}"
            );
            assert!(told.contains("Use at least 15 characters."), "{told}");
            assert!(!told.contains(word), "{told}");
        }
    }
    assert!(opens(&service, PASSWORD), "nothing has changed");
    let config = std::fs::read_to_string(service.config()).unwrap();
    std::fs::write(service.config(), format!("language = \"de\"\n{config}")).unwrap();
    let (done, told) = user(&service, &["password", USER], BREACHED);
    assert!(!done && told.contains("aus Datenlecks bekannt"), "{told}");
    assert!(told.contains("Nehmen Sie mindestens 15 Zeichen."), "{told}");
    let (done, told) = user(
        &service,
        &["password", USER],
        "zwei Laternen über dem Hafen",
    );
    assert!(
        done && told.contains("Manchen Tastaturen fehlen Zeichen"),
        "{told}"
    );
    // As another keyboard types it.
    assert!(opens(&service, "zwei Laternen u\u{308}ber dem Hafen"));
    assert!(!opens(&service, "zwei Laternen ueber dem Hafen"));
}

#[test]
fn without_its_corpus_the_service_says_which_and_does_not_start() {
    let mut service = service(SETTINGS);
    service.terminate();
    assert!(service.wait().success());
    std::fs::remove_file(service.folder().join("pwned.pages")).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_mail-service"))
        .arg("serve")
        .arg("--config")
        .arg(service.config())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(
        said.contains("pwned.pages: ") && said.contains("No such file"),
        "{said}"
    );
}

/// A corpus comes that has the password; every other time the service is killed while it may be telling. There is no site here,
/// so the user gets in, and reads what to do.
#[test]
fn kill_9_while_a_user_is_told_of_a_breached_password_tells_him_once() {
    let mut service = service(SETTINGS);
    let path = service.folder().join("pwned.pages");
    let mut words = [PASSWORD, OTHER].into_iter().cycle();
    let mut word = words.next().unwrap();
    for round in 0..4 {
        corpus(&path, &[word, BREACHED], None);
        assert!(opens(&service, word));
        if round % 2 == 0 {
            service.kill();
            service.restart();
        }
        eventually("the user is told", || told(&service, word) > round);
        assert!(opens(&service, word));
        assert_eq!(told(&service, word), round + 1, "and not again");
        corpus(&path, &[BREACHED], None);
        word = words.next().unwrap();
        let (done, said) = user(&service, &["password", USER], word);
        assert!(done, "{said}");
    }
}
