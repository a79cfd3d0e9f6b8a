//! Who tries names learns nothing of which exist: what is read, written, looked at and said is the same for a name that
//! somebody has and for one that nobody has, try after try.
#![cfg(feature = "store")]
#![allow(missing_docs, clippy::unwrap_used)]

use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pollster::block_on;
use record_store::{
    Commit, Error as StoreError, Key, Memory, Outcome, Page, Prefix, Records, Swept, Versioned,
};
use twofactor::otp::{Label, Parameters, parse_uri};
use twofactor::{
    AppPassword, Checked, Client, Confirmed, Cost, DeviceToken, Error, First, Keyring,
    NewAppPassword, ProtocolLogin, Scope, Scopes, Subject, TwoFactor, UserId,
};

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

/// Writes down what is asked of a store, and what changes in it.
#[derive(Default)]
struct Traced {
    store: Memory,
    trace: Mutex<Vec<String>>,
}

impl Traced {
    fn note(&self, what: String) {
        self.trace.lock().unwrap().push(what);
    }

    fn taken(&self) -> Vec<String> {
        std::mem::take(&mut *self.trace.lock().unwrap())
    }

    fn all(&self, now: SystemTime) -> Vec<(Key, Versioned)> {
        let page = block_on(self.store.scan(&Prefix::all(), None, 1000, now)).unwrap();
        assert!(page.next.is_none());
        page.entries
    }
}

/// The decision records of users and of nobody are of one kind.
fn kind(namespace: &str) -> &str {
    match namespace {
        "2fa-state" | "2fa-slot" => "decision",
        other => other,
    }
}

impl Records for Traced {
    async fn get(&self, key: &Key, now: SystemTime) -> Result<Option<Versioned>, StoreError> {
        self.note(format!("get {}", kind(key.namespace())));
        self.store.get(key, now).await
    }

    async fn scan(
        &self,
        prefix: &Prefix,
        after: Option<&Key>,
        limit: usize,
        now: SystemTime,
    ) -> Result<Page, StoreError> {
        let page = self.store.scan(prefix, after, limit, now).await?;
        self.note(format!("scan {}", page.entries.len()));
        Ok(page)
    }

    async fn commit(&self, commit: Commit, now: SystemTime) -> Result<Outcome, StoreError> {
        let before = self.all(now);
        let outcome = self.store.commit(commit, now).await?;
        let after = self.all(now);
        let is_in = |all: &[(Key, Versioned)], (key, found): &(Key, Versioned)| {
            let same = |(other, there): &(Key, Versioned)| {
                other == key && there.version() == found.version()
            };
            all.iter().any(same)
        };
        let written = after.iter().filter(|record| !is_in(&before, record));
        let mut written: Vec<_> = written.map(|(key, _)| kind(key.namespace())).collect();
        written.sort_unstable();
        let done = matches!(outcome, Outcome::Committed(_));
        self.note(format!("commit {done} {written:?}"));
        Ok(outcome)
    }

    async fn sweep(&self, now: SystemTime, budget: usize) -> Result<Swept, StoreError> {
        self.store.sweep(now, budget).await
    }
}

type Service<'a> = TwoFactor<&'a Traced>;

fn service(store: &Traced) -> Service<'_> {
    let begun = TwoFactor::builder(store).keys(Keyring::new(1, [7; 32]));
    let begun = begun.issuer("Example Mail");
    begun.recovery_cost(Cost::DANGER_FOR_TESTS).build().unwrap()
}

fn ann() -> UserId {
    UserId::new("ann@example.org").unwrap()
}

/// What there is of the user whose name is tried.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Has {
    Nothing,
    AppPassword,
    SecondFactor,
}

/// Where it is tried.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Door {
    Web,
    /// With the token of a device of somebody else.
    WebDevice,
    Mail,
    /// With what is shaped like an app password.
    MailShaped,
}

/// Whether the code is right, or how it is not.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Caller {
    Right,
    /// Refuses unknown names at once.
    Hasty,
    /// Looks at no decoy.
    NoDecoy,
    /// Does not have unknown names counted.
    NotCounted,
}

/// Ann, with what she has; of how it came about there is no trace.
fn prepare(store: &Traced, has: Has) {
    let two = service(store);
    let app = NewAppPassword {
        name: "Thunderbird",
        scopes: Scopes::MAIL,
    };
    match has {
        Has::Nothing => {}
        Has::AppPassword => drop(block_on(two.app_password(&ann(), app, at(0))).unwrap()),
        Has::SecondFactor => {
            let label = Label::new("ann").unwrap();
            let begun = block_on(two.enrol(&ann(), &label, Parameters::totp(), at(0))).unwrap();
            let shown = parse_uri(&begun.uri()).unwrap().otp;
            let code = shown.code_at(shown.step_at(at(0)));
            let (ann, id) = (ann(), begun.id());
            let done = two.confirm(&ann, &id, code.expose(), None, at(0));
            assert!(matches!(block_on(done).unwrap(), Confirmed::On(_)));
        }
    }
    store.taken();
}

/// Eight tries: what each reads, writes, looks at and says.
fn tries(has: Has, known: bool, door: Door, caller: Caller) -> Vec<Vec<String>> {
    let store = Traced::default();
    prepare(&store, has);
    let two = service(&store);
    let ann = ann();
    let subject = match known {
        true => Subject::Known(&ann),
        false => Subject::Unknown("nobody@example.org"),
    };
    let address: IpAddr = "192.0.2.1".parse().unwrap();
    let (token, app) = (
        DeviceToken::generate().unwrap(),
        AppPassword::generate().unwrap(),
    );
    let client = match door {
        Door::Web => Client::web(address, None),
        Door::WebDevice => Client::web(address, Some(&token)),
        Door::Mail | Door::MailShaped => Client::mail(address),
    };
    let typed = match door {
        Door::MailShaped => app.text().to_string(),
        _ => "her password".to_owned(),
    };
    let mut all = Vec::new();
    for number in 0..8 {
        // One was not looked at, as the pool was full.
        let found = match number {
            2 => Checked::NotLookedAt,
            _ if !known && caller == Caller::NotCounted => Checked::NotLookedAt,
            _ => Checked::Wrong,
        };
        let look = async || {
            if known || caller != Caller::NoDecoy {
                store.note("look".to_owned());
            }
            found
        };
        if !known && caller == Caller::Hasty {
            store.note("Refused(Wrong)".to_owned());
            all.push(store.taken());
            continue;
        }
        let said = match door {
            Door::Web | Door::WebDevice => {
                let first = block_on(two.first_factor(&subject, &client, at(1), look));
                said(first.map(|first| match first {
                    First::Refused(why) => format!("{why:?}"),
                    other => panic!("{other:?}"),
                }))
            }
            Door::Mail | Door::MailShaped => {
                let login = two.protocol_login(&subject, &client, Scope::Imap, &typed, at(1), look);
                said(block_on(login).map(|login| match login {
                    ProtocolLogin::Refused(why) => format!("{why:?}"),
                    other => panic!("{other:?}"),
                }))
            }
        };
        store.note(said);
        all.push(store.taken());
    }
    all
}

fn said(verdict: Result<String, Error>) -> String {
    match verdict {
        Ok(why) => why,
        Err(Error::Busy) => "busy".to_owned(),
        Err(other) => panic!("{other:?}"),
    }
}

const CASES: [(Has, Door); 8] = [
    (Has::Nothing, Door::Web),
    (Has::Nothing, Door::WebDevice),
    (Has::Nothing, Door::Mail),
    (Has::Nothing, Door::MailShaped),
    (Has::AppPassword, Door::Mail),
    (Has::AppPassword, Door::MailShaped),
    (Has::SecondFactor, Door::Web),
    (Has::SecondFactor, Door::WebDevice),
];

/// Where a name that somebody has can be told from one that nobody has.
fn told_apart(caller: Caller) -> Vec<(Has, Door)> {
    let differs = |(has, door): &(Has, Door)| {
        let known = tries(*has, true, *door, caller);
        let unknown = tries(*has, false, *door, caller);
        if caller == Caller::Right {
            assert_eq!(known, unknown, "{has:?} {door:?}");
        }
        known != unknown
    };
    CASES.into_iter().filter(differs).collect()
}

#[test]
fn names_that_somebody_has_and_names_that_nobody_has_give_equal_traces() {
    assert_eq!(told_apart(Caller::Right), []);
    // They are not equal by being empty: six tries are looked at, one of which did not count, and the others wait.
    for (has, door) in CASES {
        let all = tries(has, false, door, Caller::Right);
        let looked = |one: &&Vec<String>| one.contains(&"look".to_owned());
        let commits = |one: &Vec<String>| {
            let is = |line: &&String| line.starts_with("commit true [\"2fa-net\", \"decision\"]");
            one.iter().filter(is).count()
        };
        let counted: Vec<usize> = all.iter().map(commits).collect();
        let waits = all
            .iter()
            .filter(|one| one.last().unwrap().starts_with("Wait"));
        assert_eq!(all.iter().filter(looked).count(), 6, "{door:?}: {all:#?}");
        assert_eq!(counted, [1, 1, 2, 1, 1, 1, 0, 0], "{door:?}");
        assert_eq!(waits.count(), 2, "{door:?}");
    }
}

#[test]
fn mutation_names_that_are_refused_at_once_or_without_a_look_are_found_out() {
    assert_eq!(told_apart(Caller::Hasty), CASES);
    assert_eq!(told_apart(Caller::NoDecoy), CASES);
}

#[test]
fn mutation_names_that_are_not_counted_are_found_out() {
    assert_eq!(told_apart(Caller::NotCounted), CASES);
}
