//! A service, and who uses it.

pub(crate) use std::sync::atomic::{AtomicUsize, Ordering};
pub(crate) use std::sync::{Arc, Barrier};
pub(crate) use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) use pollster::block_on;
pub(crate) use record_store::faults::{Fault, Faulty};
pub(crate) use record_store::{
    Commit, Error as StoreError, Key, Memory, Outcome, Page, Prefix, Records, Sqlite, Swept,
    Version, Versioned,
};
pub(crate) use twofactor::decision::Throttle;
pub(crate) use twofactor::otp::{Code, Label, Parameters, parse_uri};
pub(crate) use twofactor::{
    AppPassword, Checked, Client, Confirmed, Cost, DeviceToken, ENROLMENT_FOR, ENROLMENT_TRIES,
    Enrolled, Enrolment, Error, Event, First, Keyring, Kind, MAX_APP_PASSWORDS, MAX_DEVICES,
    Method, NewAppPassword, Offload, Pending, ProtocolLogin, RecoveryCodes, Refusal, Remembered,
    Scope, Scopes, Second, Subject, TwoFactor, UserId,
};

pub(crate) const TASKS: usize = 8;
pub(crate) const MAIL: NewAppPassword<'static> = NewAppPassword {
    name: "Thunderbird",
    scopes: Scopes::MAIL,
};

pub(crate) fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

/// Counts the runs of Argon2, or refuses them.
#[derive(Clone, Default)]
pub(crate) struct Runs {
    pub(crate) count: Arc<AtomicUsize>,
    pub(crate) full: bool,
}

impl Offload for Runs {
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        self.count.fetch_add(1, Ordering::SeqCst);
        (!self.full).then(work)
    }
}

pub(crate) fn with<R: Records>(store: R, keyring: Keyring, runs: Runs) -> TwoFactor<R, Runs> {
    let begun = TwoFactor::builder(store)
        .keys(keyring)
        .issuer("Example Mail");
    let begun = begun.recovery_cost(Cost::DANGER_FOR_TESTS).offload(runs);
    begun.build().unwrap()
}

pub(crate) fn service<R: Records>(store: R) -> TwoFactor<R, Runs> {
    with(store, Keyring::new(1, [7; 32]), Runs::default())
}

pub(crate) fn ann() -> UserId {
    UserId::new("ann").unwrap()
}

pub(crate) fn web() -> Client<'static> {
    Client::web("192.0.2.1".parse().unwrap(), None)
}

pub(crate) fn mail() -> Client<'static> {
    Client::mail("198.51.100.1".parse().unwrap())
}

pub(crate) fn first<R: Records>(
    tf: &TwoFactor<R, Runs>,
    client: &Client<'_>,
    now: SystemTime,
) -> First {
    let (user, right) = (ann(), async || Checked::Right);
    block_on(tf.first_factor(&Subject::Known(&user), client, now, right)).unwrap()
}

pub(crate) fn pending<R: Records>(tf: &TwoFactor<R, Runs>, now: SystemTime) -> Pending {
    match first(tf, &web(), now) {
        First::Second(pending, _) => pending,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn enrolment<R: Records>(tf: &TwoFactor<R, Runs>, now: SystemTime) -> Enrolment {
    let label = Label::new("ann@example.org").unwrap();
    block_on(tf.enrol(&ann(), &label, Parameters::totp(), now)).unwrap()
}

/// What the app shows.
pub(crate) fn shown(enrolment: &Enrolment, now: SystemTime) -> Code {
    let read = parse_uri(&enrolment.uri()).unwrap().otp;
    read.code_at(read.step_at(now))
}

pub(crate) fn confirm<R: Records>(
    tf: &TwoFactor<R, Runs>,
    enrolment: &Enrolment,
    code: &str,
    now: SystemTime,
) -> Result<Confirmed, Error> {
    block_on(tf.confirm(&ann(), &enrolment.id(), code, Some(MAIL), now))
}

pub(crate) fn enrolled<R: Records>(
    tf: &TwoFactor<R, Runs>,
    now: SystemTime,
) -> (Enrolment, Enrolled) {
    let enrolment = enrolment(tf, now);
    let code = shown(&enrolment, now);
    match confirm(tf, &enrolment, code.expose(), now).unwrap() {
        Confirmed::On(enrolled) => (enrolment, enrolled),
        Confirmed::Refused(why) => panic!("{why:?}"),
    }
}

pub(crate) fn texts(codes: &RecoveryCodes) -> Vec<String> {
    codes.iter().map(|code| code.text().to_string()).collect()
}

pub(crate) fn recover<R: Records>(
    tf: &TwoFactor<R, Runs>,
    pending: &Pending,
    text: &str,
    now: SystemTime,
) -> Result<Second, Error> {
    block_on(tf.recovery_code(pending, &web(), text, now))
}

pub(crate) fn is_in(second: &Result<Second, Error>) -> bool {
    matches!(second, Ok(Second::Passed(_)))
}

pub(crate) fn why(second: Result<Second, Error>) -> Refusal {
    match second.unwrap() {
        Second::Refused(why) => why,
        Second::Passed(_) => panic!("in"),
    }
}

pub(crate) fn login<R: Records>(
    tf: &TwoFactor<R, Runs>,
    scope: Scope,
    text: &str,
    now: SystemTime,
) -> Result<Method, Refusal> {
    let (user, never) = (ann(), async || panic!("nobody asked for the password"));
    let (subject, client) = (Subject::Known(&user), mail());
    let login = tf.protocol_login(&subject, &client, scope, text, now, never);
    match block_on(login).unwrap() {
        ProtocolLogin::Passed(passed) => Ok(passed.method),
        ProtocolLogin::Refused(why) => Err(why),
    }
}

pub(crate) fn events<R: Records>(tf: &TwoFactor<R, Runs>, now: SystemTime) -> Vec<Event> {
    let waiting = block_on(tf.events(Some(&ann()), now)).unwrap();
    let mut events = Vec::new();
    for waiting in waiting {
        block_on(tf.acknowledge(&waiting.key, now)).unwrap();
        events.push(waiting.event);
    }
    events
}

pub(crate) fn count<R: Records>(store: &R, now: SystemTime) -> usize {
    block_on(store.scan(&Prefix::all(), None, 1000, now))
        .unwrap()
        .entries
        .len()
}

/// All at once.
pub(crate) fn race<T: Send>(tasks: usize, run: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(tasks);
    std::thread::scope(|scope| {
        let handles: Vec<_> = (0..tasks)
            .map(|task| {
                let (barrier, run) = (&barrier, &run);
                scope.spawn(move || {
                    barrier.wait();
                    run(task)
                })
            })
            .collect();
        handles
            .into_iter()
            .map(|handle| handle.join().unwrap())
            .collect()
    })
}

/// The mutation of every race: a store that says that a commit happened when somebody else was faster.
#[derive(Default)]
pub(crate) struct Blind(Memory);

impl Records for Blind {
    async fn get(&self, key: &Key, now: SystemTime) -> Result<Option<Versioned>, StoreError> {
        self.0.get(key, now).await
    }

    async fn scan(
        &self,
        prefix: &Prefix,
        after: Option<&Key>,
        limit: usize,
        now: SystemTime,
    ) -> Result<Page, StoreError> {
        self.0.scan(prefix, after, limit, now).await
    }

    async fn commit(&self, commit: Commit, now: SystemTime) -> Result<Outcome, StoreError> {
        Ok(match self.0.commit(commit, now).await? {
            Outcome::Conflict(_) => Outcome::Committed(Version::from_u64(1)),
            outcome => outcome,
        })
    }

    async fn sweep(&self, now: SystemTime, budget: usize) -> Result<Swept, StoreError> {
        self.0.sweep(now, budget).await
    }
}
