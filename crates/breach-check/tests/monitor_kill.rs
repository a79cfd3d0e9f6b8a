//! `kill -9` before and after each commit: whoever is to be told is told, and nobody once more after it was acknowledged.
//!
//! The test starts itself as a child process, which watches three users on SQLite, asks a service in its own memory, and
//! writes to its output what it tells and acknowledges. It is killed at each of its commits in turn; another process goes on
//! with the file.
#![cfg(all(unix, feature = "store"))]
#![allow(clippy::unwrap_used)]

mod v3;

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use breach_check::monitor::{Monitor, MonitorKey, Ownership, Settings, Step, UserId};
use pollster::block_on;
use record_store::Versioned;
use record_store::{Commit, Error, Key, Memory, Outcome, Page, Prefix, Records, Sqlite, Swept};
use v3::{Fake, World, address, at, client};

const ORDER: &str = "BREACH_CHECK_KILL";
/// At the same time.
const TASKS: usize = 4;

/// One line in one system call, so that a kill cannot tear it.
fn say(what: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("say {what}\n").as_bytes()).unwrap();
}

/// SQLite that stops at a commit, so that it can be killed there.
struct Stops {
    file: Sqlite,
    commits: AtomicUsize,
    stop: usize,
    after: bool,
    /// Mutation: says that a commit is done, shows it, and writes it with the next one.
    lazy: Option<(Memory, Mutex<Option<Commit>>)>,
}

impl Stops {
    fn stop() {
        say("stop");
        loop {
            std::thread::park();
        }
    }
}

impl Records for Stops {
    async fn get(&self, key: &Key, now: SystemTime) -> Result<Option<Versioned>, Error> {
        match &self.lazy {
            Some((shown, _)) => shown.get(key, now).await,
            None => self.file.get(key, now).await,
        }
    }

    async fn scan(
        &self,
        prefix: &Prefix,
        after: Option<&Key>,
        limit: usize,
        now: SystemTime,
    ) -> Result<Page, Error> {
        match &self.lazy {
            Some((shown, _)) => shown.scan(prefix, after, limit, now).await,
            None => self.file.scan(prefix, after, limit, now).await,
        }
    }

    async fn commit(&self, commit: Commit, now: SystemTime) -> Result<Outcome, Error> {
        let is_it = self.stop == self.commits.fetch_add(1, Ordering::SeqCst);
        if is_it && !self.after {
            Self::stop();
        }
        let outcome = match &self.lazy {
            Some((shown, late)) => {
                let before = late.lock().unwrap().replace(commit.clone());
                if let Some(before) = before {
                    // The versions of the two differ, so what it expects does not matter here.
                    let _ = self.file.commit(before, now).await?;
                }
                shown.commit(commit, now).await?
            }
            None => self.file.commit(commit, now).await?,
        };
        if is_it && self.after {
            Self::stop();
        }
        Ok(outcome)
    }

    async fn sweep(&self, now: SystemTime, budget: usize) -> Result<Swept, Error> {
        self.file.sweep(now, budget).await
    }
}

fn fake() -> Fake {
    let mut world = World::new().with("Linked", "2016-05-21T21:35:40Z", None);
    world.add("Secret", "2017-01-01T00:00:00Z", Some("IsSensitive"));
    world.domains = vec!["own.example".to_owned()];
    world.put("ann@example.org", &["Adobe", "Linked"]);
    world.put("bob@own.example", &["Adobe", "Secret"]);
    world.put("eve@example.org", &["Linked", "Secret"]);
    Fake(Arc::new(Mutex::new(world)))
}

fn expected() -> BTreeSet<String> {
    let all = [
        "ann Adobe",
        "ann Linked",
        "bob Adobe",
        "bob Secret",
        "eve Linked",
        "eve Secret",
    ];
    all.map(str::to_owned).into()
}

/// All of the work; it can be done again from any moment.
fn work<R: Records>(store: R, say: impl Fn(&str)) {
    let settings = Settings::default();
    let monitor = Monitor::new(store, client(&fake()), MonitorKey::new([7; 32]), settings).unwrap();
    let mut now = at(0);
    let watch = |id: &str, text: &str, ownership| {
        let (user, address) = (UserId::new(id).unwrap(), address(text));
        block_on(monitor.watch(&user, &address, ownership, at(0))).unwrap();
    };
    watch("ann", "ann@example.org", Ownership::Proven);
    watch("bob", "bob@own.example", Ownership::Proven);
    watch("eve", "eve@example.org", Ownership::Claimed);
    let mut idle = 0;
    while idle < 3 {
        match block_on(monitor.step(now)).unwrap() {
            Step::Waited(until) => now = now.max(until),
            Step::Idle(_) => {
                idle += 1;
                now += Duration::from_secs(24 * 60 * 60);
            }
            _ => {}
        }
        if idle == 1 {
            watch("eve", "eve@example.org", Ownership::Proven);
        }
        for alert in block_on(monitor.next_alerts(None, None, now)).unwrap() {
            let pair = format!("{} {}", alert.user.as_str(), alert.breach);
            say(&format!("told {pair}"));
            block_on(monitor.acknowledge(&alert.key, now)).unwrap();
            say(&format!("acknowledged {pair}"));
        }
    }
    say("done");
}

/// What the process said until it was killed at its commit of this number, or until it was done.
fn kill_at(path: &Path, number: usize, after: bool, lazy: bool) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_works", "--nocapture"])
        .env(ORDER, format!("{number}|{after}|{lazy}|{}", path.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        // The harness may have begun the line.
        let Some((_, what)) = line.split_once("say ") else {
            continue;
        };
        said.push(what.to_owned());
        if what == "stop" || what == "done" {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    said
}

/// What is wrong, when another process goes on with the file; nothing if the first one was not killed.
fn damage(number: usize, after: bool, lazy: bool) -> Option<Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let said = kill_at(&path, number, after, lazy);
    match said.last().map(String::as_str) {
        Some("stop") => {}
        Some("done") => return None,
        other => panic!("{other:?}: {said:?}"),
    }
    let part = |said: &[String], what: &str| -> Vec<String> {
        let of = said.iter().filter_map(|line| line.strip_prefix(what));
        of.map(str::to_owned).collect()
    };
    let later = Mutex::new(Vec::new());
    // The lease of the one that was killed runs out, as time goes on.
    work(Sqlite::open(&path).unwrap(), |what| {
        later.lock().unwrap().push(what.to_owned())
    });
    let later = later.into_inner().unwrap();
    let acknowledged: BTreeSet<_> = part(&said, "acknowledged ").into_iter().collect();
    let again = part(&later, "told ");
    let mut wrong: Vec<_> = again
        .iter()
        .filter(|pair| acknowledged.contains(*pair))
        .map(|pair| format!("{pair} again"))
        .collect();
    let mut once = BTreeSet::new();
    wrong.extend(
        again
            .iter()
            .filter(|pair| !once.insert(*pair))
            .map(|pair| format!("{pair} twice")),
    );
    let told: BTreeSet<_> = part(&said, "told ")
        .into_iter()
        .chain(again.iter().cloned())
        .collect();
    if told != expected() {
        wrong.push(format!("told: {told:?}"));
    }
    Some(wrong)
}

#[test]
fn interop_a_kill_before_or_after_any_commit_tells_nobody_twice_and_everybody_once() {
    let (next, killed, done) = (
        AtomicUsize::new(0),
        AtomicUsize::new(0),
        AtomicUsize::new(0),
    );
    let run = || {
        while done.load(Ordering::SeqCst) == 0 {
            let number = next.fetch_add(1, Ordering::SeqCst);
            for after in [false, true] {
                let Some(wrong) = damage(number, after, false) else {
                    done.fetch_add(1, Ordering::SeqCst);
                    break;
                };
                killed.fetch_add(1, Ordering::SeqCst);
                assert!(wrong.is_empty(), "{number} {after}: {wrong:?}");
            }
        }
    };
    std::thread::scope(|scope| (0..TASKS).for_each(|_| drop(scope.spawn(run))));
    assert!(killed.into_inner() >= 60);
}

#[test]
fn mutation_a_commit_that_is_told_before_it_is_written_is_found_out() {
    let found =
        (10..40).any(|number| damage(number, false, true).is_some_and(|wrong| !wrong.is_empty()));
    assert!(found);
}

/// Not a test of its own: the process that is killed.
#[test]
fn child_works() {
    let Ok(order) = std::env::var(ORDER) else {
        return;
    };
    let mut order = order.splitn(4, '|');
    let mut next = || order.next().unwrap();
    let (stop, after, lazy) = (next().parse().unwrap(), next() == "true", next() == "true");
    let store = Stops {
        file: Sqlite::open(Path::new(next())).unwrap(),
        commits: AtomicUsize::new(0),
        stop,
        after,
        lazy: lazy.then(Default::default),
    };
    work(store, say);
}
