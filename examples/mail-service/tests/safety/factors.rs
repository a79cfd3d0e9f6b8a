//! Second factors in the real program: SIGKILL in the middle of a login, and of a notice.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::SystemTime;

use record_store::{AnyStore, Key, Records};
use twofactor::decision::State;
use twofactor::otp::{Label, Parameters, parse_uri};
use twofactor::{
    Checked, Client, Confirmed, First, Keyring, NewAppPassword, Scopes, Subject, TwoFactor, UserId,
};

use crate::common::pop3::Pop3;
use crate::common::service::{PASSWORD, Service, USER};
use crate::common::{Peer, eventually};
use crate::nodes;
use crate::postgres::Postgres;

/// Another handle on the store of a service.
fn store(service: &Service) -> AnyStore {
    let file = service.data().join("mail.db");
    AnyStore::open(&format!("sqlite:{}", file.display())).unwrap()
}

/// Failures in a row with the user's password, of strangers.
fn failures(store: &AnyStore) -> u8 {
    let key = Key::new("2fa-state", USER).unwrap();
    let found = pollster::block_on(store.get(&key, SystemTime::now())).unwrap();
    found.map_or(0, |found| {
        let state = State::from_octets(found.value().unwrap()).unwrap();
        state.password().0.failures()
    })
}

/// What a login that is killed between its commits leaves: whether it has counted, and whether the client was let in.
struct Killed {
    counted: u8,
    let_in: bool,
}

/// Kills a service as soon as it has counted a login that is right, and has not settled it; again if it was too fast.
fn kill_midway(service: &mut Service) -> Killed {
    for _ in 0..50 {
        let store = store(service);
        let before = failures(&store);
        let pop3 = service.pop3();
        let login = std::thread::spawn(move || Pop3::login(pop3, USER, PASSWORD));
        eventually("the login is counted, or over", || {
            failures(&store) > before || login.is_finished()
        });
        service.kill();
        let let_in = matches!(login.join().unwrap(), Ok(Ok(_)));
        let counted = failures(&store) - before.min(failures(&store));
        drop(store);
        service.restart();
        if !let_in && counted > 0 {
            return Killed { counted, let_in };
        }
        // It was over before the signal came, and its network is a known one now: begin anew.
        *service = Service::start();
    }
    panic!("never in between")
}

/// Its mutation, a login that looks first, stands beside the same check in `src/login/tests.rs`.
#[test]
fn kill_9_in_the_middle_of_a_login_leaves_the_count() {
    let mut service = Service::start();
    for round in 1..=3 {
        let killed = kill_midway(&mut service);
        assert_eq!((killed.counted, killed.let_in), (1, false), "round {round}");
        // The count stands after the restart, and the right password clears it.
        let store = store(&service);
        assert!(failures(&store) >= 1);
        drop(service.login());
        assert_eq!(failures(&store), 0);
        drop(store);
        service = Service::start();
    }
}

/// A guess, on a connection of its own; what was said.
fn guess(service: &Service, word: &str) -> String {
    match Pop3::login(service.pop3(), USER, word).unwrap() {
        Ok(_) => "+OK".into(),
        Err(refused) => refused,
    }
}

/// How many of eight guesses were looked at, at one node after the other.
fn looked_at(nodes: &[&Service]) -> usize {
    let guesses = (0..8).map(|n| guess(nodes[n % nodes.len()], "a guess"));
    guesses.filter(|said| said.starts_with("[AUTH]")).count()
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_two_nodes_share_one_budget() {
    let database = Postgres::start();
    let nodes = nodes::nodes(&database);
    assert_eq!(looked_at(&[&nodes[0], &nodes[1]]), 5);
    for node in &nodes {
        let said = guess(node, PASSWORD);
        assert!(said.starts_with("[LOGIN-DELAY]"), "{said}");
    }
    // The mutation: nodes with databases of their own look at five each.
    let alone = [Service::start(), Service::start()];
    assert_eq!(looked_at(&[&alone[0], &alone[1]]), 8);
}

/// A node with other keys does not start on a store that is used with some.
#[test]
fn a_service_whose_keys_are_lost_says_so() {
    let mut service = Service::start();
    let keys = service.folder().join("data.second-factor-keys");
    service.terminate();
    assert!(service.wait().success());
    let kept = std::fs::read(&keys).unwrap();
    std::fs::remove_file(&keys).unwrap();
    let said = |service: &Service| {
        let output = Command::new(env!("CARGO_BIN_EXE_mail-service"))
            .arg("serve")
            .arg("--config")
            .arg(service.config())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let lost = said(&service);
    assert!(
        lost.contains("data.second-factor-keys is missing"),
        "{lost}"
    );
    std::fs::write(&keys, &kept).unwrap();
    let exposed = said(&service);
    assert!(exposed.contains("can be read by others"), "{exposed}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&keys, PermissionsExt::from_mode(0o600)).unwrap();
        service.restart();
        drop(service.login());
    }
}

/// A new password is told by mail; every other time the service is killed while it may be telling.
#[test]
fn kill_9_while_users_are_told_tells_them_once() {
    let mut service = Service::start();
    let user = UserId::new(USER).unwrap();
    let keyring = Keyring::new(1, [7; 32]);
    for round in 0..4 {
        let store = Arc::new(store(&service));
        let factors = TwoFactor::builder(store.clone()).keys(keyring.clone());
        let factors = factors.issuer("a test").build().unwrap();
        let now = SystemTime::now();
        pollster::block_on(factors.rebind_password(&user, now)).unwrap();
        // Any login wakes who tells.
        guess(&service, "a guess");
        if round % 2 == 0 {
            service.kill();
            service.restart();
        }
        eventually("it is acknowledged", || {
            let waiting = factors.events(Some(&user), SystemTime::now());
            pollster::block_on(waiting).unwrap().is_empty()
        });
        let mails = service.stored();
        let told = mails
            .iter()
            .filter(|mail| mail.contains("2fa.password-changed"));
        assert_eq!(told.count(), round + 1);
    }
}

/// An account with a device, an app that shows codes, and the app password that is given here.
fn equip(store: &AnyStore) -> String {
    let factors = TwoFactor::builder(store).keys(Keyring::new(1, [7; 32]));
    let factors = factors.issuer("a test").build().unwrap();
    let (user, now) = (UserId::new(USER).unwrap(), SystemTime::now());
    let (subject, right) = (Subject::Known(&user), async || Checked::Right);
    let browser = Client::web("192.0.2.1".parse().unwrap(), None);
    let login = pollster::block_on(factors.first_factor(&subject, &browser, now, right)).unwrap();
    assert!(matches!(login, First::Passed(passed) if passed.device.is_some()));
    let label = Label::new(USER).unwrap();
    let begun = pollster::block_on(factors.enrol(&user, &label, Parameters::totp(), now)).unwrap();
    let app = parse_uri(&begun.uri()).unwrap().otp;
    let (id, code) = (begun.id(), app.code_at(app.step_at(now)));
    let mail = NewAppPassword {
        name: "Phone",
        scopes: Scopes::MAIL,
    };
    let on = factors.confirm(&user, &id, code.expose(), Some(mail), now);
    match pollster::block_on(on).unwrap() {
        Confirmed::On(on) => on.app_password.unwrap().text().to_string(),
        Confirmed::Refused(why) => panic!("{why:?}"),
    }
}

/// `user second-factor`: whether it was done, and what it said.
fn second_factor(service: &Service, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_mail-service"))
        .args(["user", "second-factor"])
        .args(arguments)
        .arg("--config")
        .arg(service.config())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    (output.status.success(), said)
}

#[test]
fn after_a_reset_nothing_of_a_lost_phone_opens_anything() {
    let opens = |service: &Service, word: &str| guess(service, word) == "+OK";
    let service = Service::start();
    let app = equip(&store(&service));
    assert!(opens(&service, &app) && !opens(&service, PASSWORD));
    // Nobody has said yes.
    let (done, _) = second_factor(&service, &["reset", USER]);
    assert!(!done && opens(&service, &app) && !opens(&service, PASSWORD));
    let (done, said) = second_factor(&service, &["reset", USER, "--yes"]);
    assert!(done, "{said}");
    for line in [
        "second factors taken off: 1\n",
        "app passwords revoked: 1;",
        "devices forgotten: 1\n",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(!opens(&service, &app) && opens(&service, PASSWORD));
    let (_, shown) = second_factor(&service, &["show", USER]);
    for line in [
        "second factor: none",
        "recovery codes: 0 left",
        "devices: 0 known",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    assert!(!shown.contains("app password: "), "{shown}");

    // The mutation: where app passwords are kept, as an operator may want, the one of the phone opens.
    let app = equip(&store(&service));
    let keep = ["reset", USER, "--yes", "--keep-app-passwords"];
    let (done, said) = second_factor(&service, &keep);
    assert!(done && said.contains("app passwords kept: 1;"), "{said}");
    assert!(said.contains("devices forgotten: 1\n"), "{said}");
    assert!(opens(&service, &app) && opens(&service, PASSWORD));
}
