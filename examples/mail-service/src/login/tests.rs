//! One budget behind every door, and nothing that tells who is there.

use super::*;
use crate::{
    Accounts, Chosen,
    fixture::{ACCOUNT, Fixture, PASSWORD, Time},
    second_factor::Keys,
};
use record_store::{Commit, Error as StoreError, Key, Outcome, Page, Prefix, Swept, Versioned};
use std::sync::atomic::{AtomicUsize, Ordering};

const HOUR: Duration = Duration::from_secs(3600);

pub(super) fn secret(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_owned())
}

/// Rules without a source.
fn rules() -> Arc<Rules> {
    Arc::new(Rules::open(&Config::default()).unwrap())
}

/// An address in a network of its own.
pub(super) fn from(network: u16) -> IpAddr {
    let [high, low] = network.to_be_bytes();
    IpAddr::from([10, high, low, 1])
}

pub(super) async fn mail<R: Records>(
    logins: &Logins<R>,
    from: IpAddr,
    user: &str,
    word: &str,
) -> LoggedIn {
    logins.mail(from, Scope::Pop3, user, secret(word)).await
}

fn account() -> LoggedIn {
    LoggedIn::Account(ACCOUNT.into())
}

#[tokio::test]
async fn whoever_has_failed_too_often_makes_no_more_work() {
    let fixture = Fixture::new(|config| config.limits.login_failures = 2).await;
    let logins = &fixture.service.logins;
    assert_eq!(mail(logins, from(2), ACCOUNT, PASSWORD).await, account());
    for nobody in ["nobody@b.test", "no address"] {
        let refused = mail(logins, from(1), nobody, PASSWORD).await;
        assert_eq!(refused, LoggedIn::Refused);
    }
    assert_eq!(logins.computed(), 3, "who is not there takes as long");
    let throttled = mail(logins, from(1), ACCOUNT, PASSWORD).await;
    assert!(
        matches!(throttled, LoggedIn::Throttled { .. }),
        "{throttled:?}"
    );
    assert_eq!(logins.computed(), 3);
    // The mutation: from elsewhere the same call is work.
    assert_eq!(mail(logins, from(3), ACCOUNT, PASSWORD).await, account());
    assert_eq!(logins.computed(), 4);
}

#[tokio::test]
async fn who_has_logged_in_before_does_not_pay_for_the_neighbours() {
    let fixture = Fixture::new(|config| config.limits.login_failures = 2).await;
    let logins = &fixture.service.logins;
    assert_eq!(mail(logins, from(1), ACCOUNT, PASSWORD).await, account());
    for _ in 0..2 {
        mail(logins, from(1), "nobody@b.test", PASSWORD).await;
    }
    assert_eq!(mail(logins, from(1), ACCOUNT, PASSWORD).await, account());
}

/// The mutation: without turns the sixth is told to wait for the five before it.
#[tokio::test]
async fn a_program_with_many_connections_makes_nobody_wait() {
    let fixture = Fixture::new(|_| {}).await;
    let logins = &fixture.service.logins;
    let all = (0..8).map(|_| mail(logins, from(1), ACCOUNT, PASSWORD));
    let mut all: Vec<_> = all.map(Box::pin).collect();
    // All of them have begun before one is done.
    for login in &mut all {
        let begun = tokio::time::timeout(Duration::ZERO, login).await;
        assert!(begun.is_err());
    }
    for login in all {
        assert_eq!(login.await, account());
    }
    // As they would be without: each is counted, and none has been looked at.
    let user = second_factor::user_of(ACCOUNT).unwrap();
    let (subject, client) = (Subject::Known(&user), Client::mail(from(9)));
    let mut waits = 0;
    for _ in 0..8 {
        let never = async || std::future::pending::<Checked>().await;
        let now = logins.now();
        let login = logins
            .two_factor()
            .first_factor(&subject, &client, now, never);
        waits += u32::from(tokio::time::timeout(Duration::ZERO, login).await.is_ok());
    }
    assert_eq!(waits, 3);
}

#[tokio::test]
async fn a_pool_without_a_place_counts_nothing() {
    let time = Time::new();
    let fixture = Fixture::at(time.clock(), |config| config.limits.login_failures = 1).await;
    let (full, _nobody_works) = Work::full();
    let keyring = Keys::generate().unwrap().keyring().unwrap();
    let config = &fixture.service.config;
    let build = |work: &Work| {
        let factors =
            second_factor::build(config, fixture.store.clone(), keyring.clone(), work.clone());
        let (store, work) = (fixture.store.clone(), work.clone());
        Logins::with(store, factors.unwrap(), (work, rules()), time.clock()).unwrap()
    };
    let busy = build(&full);
    for _ in 0..20 {
        let login = mail(&busy, from(1), ACCOUNT, PASSWORD).await;
        assert_eq!(login, LoggedIn::Unavailable);
    }
    let free = build(&Work::start(1, 4).unwrap());
    assert_eq!(mail(&free, from(1), ACCOUNT, PASSWORD).await, account());
}

/// Guesses at one account over all doors, an hour apart at first, so that no wait keeps one back, from 500 networks.
async fn guess(count: u32, doors: [Option<&Logins>; 3], time: &Time) {
    for n in 0..count {
        time.later(match n {
            0..400 => HOUR,
            _ => Duration::from_secs(1),
        });
        let client = from(u16::try_from(n % 500).unwrap() + 1000);
        let word = secret(&format!("guess {n}"));
        match (n % 3, doors) {
            (0, [Some(pop3), ..]) => {
                let login = pop3.mail(client, Scope::Pop3, ACCOUNT, word).await;
                assert_ne!(login, account());
            }
            (1, [_, Some(site), _]) => {
                // A token of somebody else's device makes nobody known.
                let token = DeviceToken::generate().unwrap();
                let login = site.web(client, Some(&token), ACCOUNT, word).await;
                assert!(matches!(login, WebLogin::Refused(_)), "{login:?}");
            }
            (2, [.., Some(api)]) => {
                let login = api.password(client, ACCOUNT, word).await;
                assert!(matches!(login, WebLogin::Refused(_)), "{login:?}");
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn ten_thousand_guesses_over_all_doors_have_one_budget_and_the_owner_gets_in() {
    let time = Time::new();
    let fixture = Fixture::at(time.clock(), |_| {}).await;
    let logins = &*fixture.service.logins;
    // The owner's mail program and his browser, before it begins.
    assert_eq!(mail(logins, from(1), ACCOUNT, PASSWORD).await, account());
    let first = logins.web(from(2), None, ACCOUNT, secret(PASSWORD)).await;
    let WebLogin::Passed(Passed {
        device: Some(device),
        ..
    }) = first
    else {
        panic!("{first:?}")
    };
    let before = logins.computed();
    guess(10_000, [Some(logins); 3], &time).await;
    assert_eq!(logins.computed() - before, 90, "one budget of strangers");
    // A stranger has none left, even with the right password; the owner has his own share.
    let stranger = logins.web(from(3), None, ACCOUNT, secret(PASSWORD)).await;
    assert!(
        matches!(stranger, WebLogin::Refused(Refusal::Disabled)),
        "{stranger:?}"
    );
    assert_eq!(
        mail(logins, from(3), ACCOUNT, PASSWORD).await,
        LoggedIn::Disabled
    );
    let known = logins
        .web(from(4), Some(&device), ACCOUNT, secret(PASSWORD))
        .await;
    assert!(matches!(known, WebLogin::Passed(_)), "{known:?}");
    assert_eq!(mail(logins, from(1), ACCOUNT, PASSWORD).await, account());
    // A new password ends it for everybody.
    let accounts = Accounts::new(fixture.store.clone());
    let new = "a new password";
    accounts
        .set_password(ACCOUNT, &Chosen::unchecked(new), time.now())
        .await
        .unwrap();
    assert_eq!(mail(logins, from(5), ACCOUNT, new).await, account());
}

#[tokio::test]
async fn the_count_finds_doors_with_budgets_of_their_own() {
    let mut all = 0;
    for door in 0..3 {
        let time = Time::new();
        let fixture = Fixture::at(time.clock(), |_| {}).await;
        let logins = &*fixture.service.logins;
        let mut doors = [None; 3];
        doors[door] = Some(logins);
        guess(400, doors, &time).await;
        all += logins.computed();
    }
    assert_eq!(all, 270);
}

#[tokio::test]
async fn two_nodes_have_one_budget() {
    let time = Time::new();
    let folder = tempfile::tempdir().unwrap();
    let shared = |config: &mut Config| {
        config.store = format!("sqlite:{}", folder.path().join("mail.db").display()).into();
        config.second_factor.keyring = Some(folder.path().with_extension("keys"));
    };
    let keys = folder.path().with_extension("keys");
    let first = Fixture::at(time.clock(), shared).await;
    let second = Fixture::beside(time.clock(), shared).await;
    let nodes = [&*first.service.logins, &*second.service.logins];
    let computed = || nodes.map(|node| node.computed());
    for n in 0..20_u16 {
        let node = nodes[usize::from(n % 2)];
        mail(node, from(n), ACCOUNT, "a guess").await;
    }
    assert_eq!(computed(), [3, 2], "five, then a wait");
    for node in nodes {
        let wait = mail(node, from(99), ACCOUNT, PASSWORD).await;
        assert!(matches!(wait, LoggedIn::Throttled { .. }), "{wait:?}");
    }
    time.later(HOUR);
    assert_eq!(mail(nodes[1], from(99), ACCOUNT, PASSWORD).await, account());
    // The mutation: nodes with stores of their own look at five each.
    let alone = [
        Fixture::at(time.clock(), |_| {}).await,
        Fixture::at(time.clock(), |_| {}).await,
    ];
    for n in 0..20_u16 {
        let node = &alone[usize::from(n % 2)].service.logins;
        mail(node, from(n), ACCOUNT, "a guess").await;
    }
    let alone = alone.each_ref().map(|node| node.service.logins.computed());
    assert_eq!(alone, [5, 5]);
    std::fs::remove_file(keys).unwrap();
}

/// A store that counts.
#[derive(Debug, Default)]
struct Counted {
    store: Option<Arc<AnyStore>>,
    gets: AtomicUsize,
    scans: AtomicUsize,
    commits: AtomicUsize,
}

impl Counted {
    fn store(&self) -> &AnyStore {
        self.store.as_ref().unwrap()
    }
}

fn count(of: &AtomicUsize) {
    of.fetch_add(1, Ordering::Relaxed);
}

impl Records for Counted {
    async fn get(&self, key: &Key, now: SystemTime) -> Result<Option<Versioned>, StoreError> {
        count(&self.gets);
        self.store().get(key, now).await
    }

    async fn scan(
        &self,
        prefix: &Prefix,
        after: Option<&Key>,
        limit: usize,
        now: SystemTime,
    ) -> Result<Page, StoreError> {
        count(&self.scans);
        self.store().scan(prefix, after, limit, now).await
    }

    async fn commit(&self, commit: Commit, now: SystemTime) -> Result<Outcome, StoreError> {
        count(&self.commits);
        self.store().commit(commit, now).await
    }

    async fn sweep(&self, now: SystemTime, budget: usize) -> Result<Swept, StoreError> {
        self.store().sweep(now, budget).await
    }
}

/// What a try cost, and what was said.
#[derive(Debug, PartialEq, Eq)]
struct Trace {
    gets: usize,
    scans: usize,
    commits: usize,
    argon2: usize,
    said: String,
}

struct Watched {
    logins: Logins<Arc<Counted>>,
    store: Arc<Counted>,
    time: Time,
    _fixture: Fixture,
}

impl Watched {
    async fn new() -> Self {
        Self::by(rules()).await
    }

    async fn by(rules: Arc<Rules>) -> Self {
        let time = Time::new();
        let fixture = Fixture::at(time.clock(), |_| {}).await;
        let store = Arc::new(Counted {
            store: Some(fixture.store.clone()),
            ..Counted::default()
        });
        let work = Work::start(1, 8).unwrap();
        let keyring = Keys::generate().unwrap().keyring().unwrap();
        let config = &fixture.service.config;
        let factors = second_factor::build(config, store.clone(), keyring, work.clone());
        let logins = Logins::with(store.clone(), factors.unwrap(), (work, rules), time.clock());
        Self {
            logins: logins.unwrap(),
            store,
            time,
            _fixture: fixture,
        }
    }

    async fn trace(&self, said: impl Future<Output = String>) -> Trace {
        let take = |of: &AtomicUsize| of.swap(0, Ordering::Relaxed);
        let (store, before) = (&self.store, self.logins.computed());
        for counter in [&store.gets, &store.scans, &store.commits] {
            take(counter);
        }
        let said = said.await;
        Trace {
            gets: take(&store.gets),
            scans: take(&store.scans),
            commits: take(&store.commits),
            argon2: self.logins.computed() - before,
            said,
        }
    }

    /// The traces of nine tries in a row over this door, of which the later ones have to wait, and of one an hour later.
    async fn tries(&self, door: &str, user: &str) -> Vec<Trace> {
        let token = DeviceToken::generate().unwrap();
        let mut traces = Vec::new();
        for n in 0..10 {
            if n == 9 {
                self.time.later(HOUR);
            }
            let said = async {
                let (client, word) = (from(n), secret("a wrong one"));
                let logins = &self.logins;
                match door {
                    "pop3" => {
                        format!("{:?}", logins.mail(client, Scope::Pop3, user, word).await)
                    }
                    "site" => format!("{:?}", logins.web(client, None, user, word).await),
                    "site, with a token" => {
                        format!("{:?}", logins.web(client, Some(&token), user, word).await)
                    }
                    _ => format!("{:?}", logins.password(client, user, word).await),
                }
            };
            traces.push(self.trace(said).await);
        }
        traces
    }
}

#[tokio::test]
async fn a_name_that_nobody_has_leaves_the_same_traces() {
    for door in ["pop3", "site", "site, with a token", "api"] {
        let mut all = Vec::new();
        let long = "x".repeat(5000);
        let other = ["Joe@B.TEST", "nobody@elsewhere.test", &long];
        let other = other.into_iter().filter(|_| door == "pop3");
        for user in [ACCOUNT, "nobody@b.test", "no address", ""]
            .into_iter()
            .chain(other)
        {
            let watched = Watched::new().await;
            all.push((user.len(), watched.tries(door, user).await));
        }
        let (_, known) = &all[0];
        for (length, traces) in &all[1..] {
            assert_eq!(traces, known, "{door}, {length} octets");
        }
        let argon2: Vec<_> = known.iter().map(|trace| trace.argon2).collect();
        assert_eq!(argon2, [1, 1, 1, 1, 1, 0, 0, 0, 0, 1], "{door}");
        let commits: Vec<_> = known.iter().map(|trace| trace.commits).collect();
        assert_eq!(
            commits, argon2,
            "{door}: counted before it is looked at, and never when it is not"
        );
    }
}

/// Also where right passwords are looked up in a corpus: whoever has no right one sees nothing of it.
#[tokio::test]
async fn a_corpus_leaves_no_other_traces() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pwned.pages");
    crate::fixture::corpus(&path, &[("a wrong one", 5), (PASSWORD, 5)], &[]);
    let mut config = Config::default();
    config.password.corpus = Some(path);
    let rules = Arc::new(Rules::open(&config).unwrap());
    let plain = Watched::new().await.tries("pop3", ACCOUNT).await;
    for user in [ACCOUNT, "nobody@b.test"] {
        let watched = Watched::by(rules.clone()).await;
        assert_eq!(watched.tries("pop3", user).await, plain, "{user}");
    }
    // The mutation: the right one is one commit more.
    let right = async |rules| {
        let watched = Watched::by(rules).await;
        let login = async {
            let login = mail(&watched.logins, from(1), ACCOUNT, PASSWORD);
            format!("{:?}", login.await)
        };
        watched.trace(login).await
    };
    let (without, with) = (right(self::rules()).await, right(rules).await);
    assert_eq!(with.commits, without.commits + 1);
    assert_eq!(with.argon2, without.argon2);
    assert!(with.said.starts_with("MustChange"), "{with:?}");
}

/// The mutation: the check sees a front that saves itself the work for nobody.
#[tokio::test]
async fn the_traces_show_a_front_that_spares_itself_the_work() {
    let watched = Watched::new().await;
    let [known, ..] = &watched.tries("api", ACCOUNT).await[..] else {
        panic!("no traces")
    };
    let (logins, now) = (&watched.logins, watched.time.now());
    let hasty = async {
        let (subject, client) = (Subject::Unknown("nobody"), Client::mail(from(100)));
        let nobody = async || Checked::Wrong;
        let first = logins
            .two_factor()
            .first_factor(&subject, &client, now, nobody);
        format!(
            "{:?}",
            WebLogin::Refused(match first.await.unwrap() {
                First::Refused(why) => why,
                other => panic!("{other:?}"),
            })
        )
    };
    let hasty = watched.trace(hasty).await;
    assert_eq!(hasty.said, known.said);
    assert!(
        hasty.gets < known.gets && hasty.argon2 < known.argon2,
        "{hasty:?}"
    );
}

/// A login that ends between its commits, as a process does that is killed, has counted.
#[tokio::test]
async fn a_login_that_ends_midway_has_counted() {
    let time = Time::new();
    let fixture = Fixture::at(time.clock(), |_| {}).await;
    let keyring = Keys::generate().unwrap().keyring().unwrap();
    let work = Work::start(1, 4).unwrap();
    let config = &fixture.service.config;
    let factors = second_factor::build(config, fixture.store.clone(), keyring, work).unwrap();
    let user = second_factor::user_of(ACCOUNT).unwrap();
    let failures = async || {
        let key = Key::new("2fa-state", ACCOUNT).unwrap();
        let Some(found) = fixture.store.get(&key, time.now()).await.unwrap() else {
            return 0;
        };
        let state = twofactor::decision::State::from_octets(found.value().unwrap());
        state.unwrap().password().0.failures()
    };
    let (subject, client) = (Subject::Known(&user), Client::mail(from(1)));
    for counted in 1..=3 {
        let never = async || std::future::pending::<Checked>().await;
        let login = factors.first_factor(&subject, &client, time.now(), never);
        let ended = tokio::time::timeout(Duration::ZERO, login).await;
        assert!(ended.is_err());
        assert_eq!(failures().await, counted);
    }
    // The mutation: who looks first, and counts what was wrong, has counted nothing by then.
    let hasty = async {
        std::future::pending::<()>().await;
        let wrong = async || Checked::Wrong;
        factors
            .first_factor(&subject, &client, time.now(), wrong)
            .await
    };
    assert!(tokio::time::timeout(Duration::ZERO, hasty).await.is_err());
    assert_eq!(failures().await, 3);
}
