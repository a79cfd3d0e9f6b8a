//! Several writers, and stores that fail: nothing that either wrote is lost, and nothing is told before it is stored.
#![cfg(all(feature = "store", feature = "_backend"))]
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use common::store::{
    LASTS, Swallows, certificate, dump, generate, id, open, passphrase, setup, store,
};
use common::{days, key, now};
use pgp_keystore::custody::{Cost, Custody, KekFile};
use pgp_keystore::discovery::Sources;
use pgp_keystore::store::{Done, Inline, Offload, Query, Store, StoreError};
use pgp_keystore::{
    Fingerprint, Form, Generate, Passphrase, Profile, Protection, Standing, Trust, Unlocked, Use,
    sign_detached,
};
use pollster::block_on;
use record_store::faults::{Fault, Faulty};
use record_store::{Commit, Error, Key, Memory, Outcome, Page, Prefix, Records, Swept, Versioned};

const WRITERS: usize = 20;

/// So many different updates of one certificate, each with a user ID of its own.
fn updates() -> (Fingerprint, Vec<Vec<u8>>) {
    let bob = key(Profile::Compat, "bob").lock(&Protection::None).unwrap();
    let update = |n: usize| {
        let mut bob = bob.unlock_unprotected().unwrap();
        bob.add_user_id(&format!("Bob <bob{n}@example.org>"), days(1))
            .unwrap();
        bob.certificate().export(Form::Binary).unwrap()
    };
    (bob.fingerprint(), (0..WRITERS).map(update).collect())
}

/// What is lost of the updates after all of them were imported at once.
fn lost<R: Records>(records: R) -> Vec<usize> {
    let store = store(records);
    let (of, updates) = updates();
    let done: Vec<Done> = std::thread::scope(|scope| {
        let import = |update: &Vec<u8>| {
            let (store, update) = (&store, update.clone());
            let task = move || block_on(store.account(id("ann")).import(update, days(2)));
            scope.spawn(move || task().unwrap().taken[0].done)
        };
        let tasks: Vec<_> = updates.iter().map(import).collect();
        tasks.into_iter().map(|task| task.join().unwrap()).collect()
    });
    assert_eq!(done.iter().filter(|done| **done == Done::Added).count(), 1);
    let ann = store.account(id("ann"));
    let certificate = block_on(ann.certificate(of, days(2))).unwrap().unwrap();
    let view = certificate.at(days(2));
    let there: BTreeSet<&str> = view.addresses().collect();
    let is_lost = |n: &usize| {
        let address = format!("bob{n}@example.org");
        let found = block_on(ann.find(&Query::Address(address.clone()), days(2))).unwrap();
        !there.contains(address.as_str()) || found != [of]
    };
    (0..WRITERS).filter(is_lost).collect()
}

#[test]
fn of_updates_at_once_none_is_lost() {
    assert_eq!(lost(Memory::new()), [0; 0]);
    let folder = tempfile::tempdir().unwrap();
    let file = record_store::Sqlite::open(folder.path().join("store.db")).unwrap();
    assert_eq!(lost(file), [0; 0]);
}

/// The mutation: a store that calls a conflict a success.
#[test]
fn mutation_updates_that_a_conflict_swallowed_are_found_out() {
    // Whether two of them meet is chance; that one of many rounds has a loss is not.
    let found = (0..50).any(|_| {
        let store = Swallows(Memory::new());
        let lost = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| lost(store)));
        lost.map_or(true, |lost| !lost.is_empty())
    });
    assert!(found, "the check is blind for lost updates");
}

#[test]
fn changes_of_a_key_at_once_are_all_there_secrets_included() {
    let store = store(Memory::new());
    let ann = store.account(id("ann"));
    let (_, session) = open(&ann);
    let of = generate(&ann, &session, "ann", Custody::Passphrase);
    let subkeys: BTreeSet<Fingerprint> = std::thread::scope(|scope| {
        let edit = |n: u32| {
            let (store, session) = (&store, Arc::clone(&session));
            let edit = move |key: &mut Unlocked| {
                key.add_user_id(&format!("Ann <ann{n}@example.org>"), now())?;
                key.add_subkey(Use::Sign, Profile::Modern, None, now())
            };
            scope.spawn(move || {
                let ann = store.account(id("ann"));
                block_on(ann.edit(&session, of, edit, now())).unwrap()
            })
        };
        let tasks: Vec<_> = (0..8).map(edit).collect();
        tasks.into_iter().map(|task| task.join().unwrap()).collect()
    });
    assert_eq!(subkeys.len(), 8);
    let view = block_on(ann.with_keys(&session, &[of], |keys| keys[0].at(now()), now())).unwrap();
    let secret = |f: &Fingerprint| {
        let part = view.keys.iter().find(|part| part.fingerprint == *f);
        part.is_some_and(|part| part.secret == pgp_keystore::Secret::Unprotected)
    };
    assert!(subkeys.iter().all(secret), "{view:?}");
    assert_eq!(view.addresses().count(), 9);
}

/// Each kind of change with each kind of failure: what is told is stored, and what failed changed nothing.
#[test]
fn nothing_is_told_that_is_not_stored() {
    let records = Arc::new(Faulty::new(Memory::new()));
    let kek = Arc::new(KekFile::generate().unwrap());
    let store = Store::new(Arc::clone(&records), Inline).with_kek(kek);
    let ann = store.account(id("ann"));

    // Setting up: the recovery key that is told opens what is stored.
    records.next([Fault::Busy]);
    let failed = block_on(ann.create(setup(), now())).unwrap_err();
    assert!(failed.is_temporary() && dump(&records).is_empty());
    records.next([Fault::NotWritten, Fault::Lost]);
    let recovery = block_on(ann.create(setup(), now())).unwrap();
    let session = block_on(ann.unlock_with_recovery(&recovery, LASTS, now())).unwrap();

    type Told<'a> = Box<dyn Fn() -> Result<bool, StoreError> + 'a>;
    let of = generate(&ann, &session, "ann", Custody::Server);
    let bob = certificate("bob");
    block_on(ann.import(bob, now())).unwrap();
    let counter = AtomicUsize::new(0);
    let many: Vec<u8> = (0..8)
        .flat_map(|n| certificate(&format!("gone{n}")))
        .collect();
    let many = block_on(ann.import(many, now())).unwrap().taken;
    let gone = Mutex::new(
        many.iter()
            .map(|taken| taken.certificate)
            .collect::<Vec<_>>(),
    );
    let next = || counter.fetch_add(1, Ordering::Relaxed);
    // Each does one thing, and says whether it is there afterwards.
    let changes: [(&str, Told<'_>); 9] = [
        (
            "generate",
            Box::new(|| {
                let name = format!("<new{}@example.org>", next());
                let new = Generate::new(Profile::Modern, now()).user_id(name);
                let of = block_on(ann.generate(&session, new, Custody::Server, now()))?;
                let sign =
                    |keys: &[&Unlocked]| sign_detached(keys[0], b"", now(), Form::Binary).is_ok();
                block_on(ann.with_keys(&session, &[of], sign, now()))
            }),
        ),
        (
            "import",
            Box::new(|| {
                let name = format!("carol{}", next());
                let report = block_on(ann.import(certificate(&name), now()))?;
                let of = report.taken[0].certificate;
                let found = Query::Address(format!("{name}@example.org"));
                Ok(block_on(ann.find(&found, now()))? == [of])
            }),
        ),
        (
            "edit",
            Box::new(|| {
                let address = format!("ann{}@example.org", next());
                let text = format!("<{address}>");
                let edit = move |key: &mut Unlocked| key.add_user_id(&text, now());
                block_on(ann.edit(&session, of, edit, now()))?;
                Ok(block_on(ann.find(&Query::Address(address), now()))? == [of])
            }),
        ),
        (
            "passphrase",
            Box::new(|| {
                let new = Passphrase::from(format!("new {}", next()).as_str());
                block_on(ann.change_passphrase(&session, &new, Cost::LEAST, now()))?;
                Ok(block_on(ann.unlock(&new, LASTS, now())).is_ok())
            }),
        ),
        (
            "meet",
            Box::new(|| {
                let address = format!("peer{}@example.org", next());
                let standing = block_on(ann.meet(&address, of, now()))?;
                let pin = block_on(ann.pin(&address, now()))?;
                Ok(pin.is_some_and(|pin| pin.certificate == of) && !standing.is_alarm())
            }),
        ),
        (
            "publish",
            Box::new(|| {
                let name = format!("carol{}", next());
                let report = block_on(ann.import(certificate(&name), now()))?;
                let address = format!("{name}@example.org");
                block_on(ann.publish(report.taken[0].certificate, &address, now()))?;
                let hash = pgp_keystore::wkd::hash(&name);
                let found = block_on(store.directory().lookup("example.org", &hash, now()))?;
                Ok(found.is_some())
            }),
        ),
        (
            "discover",
            Box::new(|| {
                let name = format!("dora{}", next());
                let web = common::web::Web::default();
                let web = web.host(common::web::ADVANCED, common::web::ok(certificate(&name)));
                let address = format!("{name}@example.org");
                let sources = Sources::new().wkd();
                block_on(ann.discover(&address, &sources, &web, now()))?;
                Ok(block_on(ann.pin(&address, now()))?.is_some())
            }),
        ),
        (
            "default",
            Box::new(|| {
                let address = format!("from{}@example.org", next());
                block_on(ann.set_default(Use::Sign, Some(&address), Some(of), now()))?;
                Ok(block_on(ann.default_key(Use::Sign, Some(&address), now()))? == Some(of))
            }),
        ),
        (
            "remove",
            Box::new(|| {
                let of = gone.lock().unwrap().pop().unwrap();
                block_on(ann.remove(of, now()))?;
                Ok(block_on(ann.certificate(of, now()))?.is_none())
            }),
        ),
    ];
    for (name, change) in &changes {
        for faults in [
            vec![],
            vec![Fault::Lost],
            vec![Fault::NotWritten],
            vec![Fault::NotWritten, Fault::Lost],
        ] {
            records.next(faults.clone());
            assert!(change().unwrap(), "{name} after {faults:?}");
        }
        let before = dump(&records);
        records.next([Fault::Busy]);
        let failed = change().unwrap_err();
        assert!(failed.is_temporary(), "{name}");
        assert_eq!(dump(&records), before, "{name} changed something");
        records.fail_reads(true);
        assert!(change().is_err(), "{name}");
        records.fail_reads(false);
    }

    // The mutation: a store that says yes and writes nothing is found out by each of them.
    struct Liar<R>(R, AtomicBool);
    impl<R: Records> Records for Liar<R> {
        async fn get(&self, key: &Key, now: SystemTime) -> Result<Option<Versioned>, Error> {
            self.0.get(key, now).await
        }
        async fn scan(
            &self,
            prefix: &Prefix,
            after: Option<&Key>,
            limit: usize,
            now: SystemTime,
        ) -> Result<Page, Error> {
            self.0.scan(prefix, after, limit, now).await
        }
        async fn commit(&self, commit: Commit, now: SystemTime) -> Result<Outcome, Error> {
            match self.1.load(Ordering::Relaxed) {
                true => self.0.commit(Commit::new(), now).await,
                false => self.0.commit(commit, now).await,
            }
        }
        async fn sweep(&self, now: SystemTime, budget: usize) -> Result<Swept, Error> {
            self.0.sweep(now, budget).await
        }
    }
    let lies = Arc::new(Liar(Memory::new(), AtomicBool::new(false)));
    let store = common::store::store(Arc::clone(&lies));
    let ann = store.account(id("ann"));
    let (_, session) = open(&ann);
    lies.1.store(true, Ordering::Relaxed);
    let of = generate(&ann, &session, "ann", Custody::Server);
    let there = block_on(ann.with_keys(&session, &[of], |_| (), now()));
    assert!(matches!(there, Err(StoreError::NoSuch { .. })));
}

#[test]
fn a_rivals_change_is_merged_with_ours() {
    let records = Arc::new(Faulty::new(Memory::new()));
    let store = store(Arc::clone(&records));
    let ann = store.account(id("ann"));
    let (of, updates) = updates();
    let (theirs, ours) = (updates[0].clone(), updates[1].clone());
    // Just before our commit, another node imports another update.
    records.next([Fault::rival(move |memory: &Memory, now| {
        let other = Store::new(memory, Inline);
        let report = block_on(other.account(id("ann")).import(theirs.clone(), now)).unwrap();
        assert_eq!(report.taken[0].done, Done::Added);
    })]);
    let report = block_on(ann.import(ours, days(2))).unwrap();
    assert_eq!(report.taken[0].done, Done::Updated);
    let both = block_on(ann.certificate(of, days(2))).unwrap().unwrap();
    assert_eq!(both.at(days(2)).addresses().count(), 3);
    // Each change has one entry in the log, and the head counts one certificate.
    assert_eq!(block_on(ann.log(None, 10, now())).unwrap().len(), 2);
    // Whoever removes a key is not undone by a change that began before.
    let (_, session) = open(&ann);
    let own = generate(&ann, &session, "ann", Custody::Server);
    records.next([Fault::rival(move |memory: &Memory, now| {
        let other = Store::new(memory, Inline);
        assert!(block_on(other.account(id("ann")).remove(own, now)).unwrap());
    })]);
    let edit = |key: &mut Unlocked| key.add_user_id("<late@example.org>", now());
    let late = block_on(ann.edit(&session, own, edit, now()));
    assert!(matches!(late, Err(StoreError::NoSuch { .. })));
    assert!(block_on(ann.certificate(own, now())).unwrap().is_none());
}

/// The records, and each name and prefix that was asked for.
struct Recording(Memory, Mutex<Vec<String>>);

impl Records for Recording {
    async fn get(&self, key: &Key, now: SystemTime) -> Result<Option<Versioned>, Error> {
        self.1.lock().unwrap().push(format!("{key:?}"));
        self.0.get(key, now).await
    }
    async fn scan(
        &self,
        prefix: &Prefix,
        after: Option<&Key>,
        limit: usize,
        now: SystemTime,
    ) -> Result<Page, Error> {
        let start = Key::from_bytes(&prefix.range(None).start).unwrap();
        self.1.lock().unwrap().push(format!("{start:?}"));
        self.0.scan(prefix, after, limit, now).await
    }
    async fn commit(&self, commit: Commit, now: SystemTime) -> Result<Outcome, Error> {
        // Each key of a commit as it is printed; what is large has chunks, which are the store's own.
        let text = format!("{commit:?}");
        let keys = text.split("key: ").skip(1).map(|rest| {
            let end = rest.find(')').unwrap();
            rest[..=end].to_owned()
        });
        let own = keys.filter(|key| !key.starts_with("Key(/"));
        self.1.lock().unwrap().extend(own);
        self.0.commit(commit, now).await
    }
    async fn sweep(&self, now: SystemTime, budget: usize) -> Result<Swept, Error> {
        self.0.sweep(now, budget).await
    }
}

#[test]
fn no_call_leaves_its_account() {
    let records = Arc::new(Recording(Memory::new(), Mutex::default()));
    let store = store(Arc::clone(&records));
    // Each is the beginning of the next.
    for name in ["a", "an", "ann", "ann/x"] {
        let ann = store.account(id(name));
        let (_, session) = open(&ann);
        let of = generate(&ann, &session, "ann", Custody::Server);
        let report = block_on(ann.import(certificate("bob"), now())).unwrap();
        let bob = report.taken[0].certificate;
        let edit = |key: &mut Unlocked| key.add_user_id("<two@example.org>", now());
        block_on(ann.edit(&session, of, edit, now())).unwrap();
        block_on(ann.set_custody(&session, of, Custody::Passphrase, now())).unwrap();
        block_on(ann.set_default(Use::Sign, None, Some(of), now())).unwrap();
        block_on(ann.default_key(Use::Sign, None, now())).unwrap();
        block_on(ann.meet("bob@example.org", bob, now())).unwrap();
        block_on(ann.set_trust("bob@example.org", bob, Trust::Verified, now())).unwrap();
        block_on(ann.plan_send(&["bob@example.org", "ann@example.org"], now())).unwrap();
        block_on(ann.keys(now())).unwrap();
        block_on(ann.list(None, 10, now())).unwrap();
        block_on(ann.log(None, 10, now())).unwrap();
        block_on(ann.revocation(of, now())).unwrap();
        block_on(ann.unlock_by_server(LASTS, now())).unwrap();
        block_on(ann.rewrap_server(now())).unwrap();
        block_on(ann.change_recovery(&session, now())).unwrap();
        let protection = Protection::None;
        block_on(ann.export_key(&session, of, protection, Form::Binary, now())).unwrap();
        block_on(ann.remove(bob, now())).unwrap();
        let carol = certificate("carol");
        let web = common::web::Web::default();
        let web = web.host(common::web::ADVANCED, common::web::ok(carol));
        let sources = Sources::new().wkd().vks("vks.example.net".parse().unwrap());
        block_on(ann.discover("carol@example.org", &sources, &web, now())).unwrap();
        block_on(ann.rediscover("carol@example.org", &sources, &web, now())).unwrap();
        block_on(ann.refresh(of, &sources, &web, now())).unwrap();
        // Of what is published there are rows beside, for the address and no other.
        let address = format!("{}@example.org", name.replace('/', "-"));
        let user_id = format!("<{address}>");
        let edit = move |key: &mut Unlocked| key.add_user_id(&user_id, now());
        block_on(ann.edit(&session, of, edit, now())).unwrap();
        let rows = {
            let before = records.1.lock().unwrap().len();
            block_on(ann.publish(of, &address, now())).unwrap();
            block_on(ann.published(now())).unwrap();
            block_on(ann.withdraw(&address, now())).unwrap();
            block_on(ann.publish(of, &address, now())).unwrap();
            records.1.lock().unwrap().split_off(before)
        };
        let (local, _) = address.split_once('@').unwrap();
        let row = format!(
            "Key(pgp-keystore-directory/example.org/{})",
            pgp_keystore::wkd::hash(local)
        );
        let (published, own_rows): (Vec<_>, Vec<_>) = rows.into_iter().partition(|key| *key == row);
        assert!(published.len() >= 6, "{published:?}");
        records.1.lock().unwrap().extend(own_rows);
        let seen = std::mem::take(&mut *records.1.lock().unwrap());
        let own = format!("Key(pgp-keystore/{name}/");
        let strange: Vec<&String> = seen.iter().filter(|key| !key.starts_with(&own)).collect();
        assert!(strange.is_empty(), "{name}: {strange:?}");
        assert!(seen.len() > 100, "the recorder sees nothing");
        // A session is of no use elsewhere.
        let other = store.account(id("other"));
        let used = block_on(other.with_keys(&session, &[of], |_| (), now()));
        assert!(matches!(used, Err(StoreError::OtherAccount)));
        records.1.lock().unwrap().clear();
    }
    // The directory goes to the account that has published, for its certificate and nothing else: no secret, no vault.
    records.1.lock().unwrap().clear();
    let directory = store.directory();
    let hash = pgp_keystore::wkd::hash("ann");
    assert!(
        block_on(directory.lookup("example.org", &hash, now()))
            .unwrap()
            .is_some()
    );
    let seen = std::mem::take(&mut *records.1.lock().unwrap());
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert!(seen[0].starts_with("Key(pgp-keystore-directory/example.org/"));
    assert!(seen[1].starts_with("Key(pgp-keystore/ann/cert/"));
    // The mutation: the names are seen, and one of another account would be strange.
    block_on(store.account(id("annabel")).keys(now())).unwrap();
    let seen = std::mem::take(&mut *records.1.lock().unwrap());
    assert!(
        seen.iter()
            .any(|key| !key.starts_with("Key(pgp-keystore/ann/"))
    );
}

#[test]
fn a_changed_certificate_raises_the_alarm_and_is_not_written_to() {
    let store = store(Memory::new());
    let ann = store.account(id("ann"));
    let of = |octets: Vec<u8>| block_on(ann.import(octets, now())).unwrap().taken[0].certificate;
    let (first, second) = (of(certificate("bob")), of(certificate("bob")));
    let to = |day| {
        let plan = block_on(ann.plan_send(&["Bob@example.org"], days(day))).unwrap();
        let chosen = plan.plan.entries()[0]
            .chosen
            .as_ref()
            .map(|c| c.certificate);
        (chosen, plan.known[0].trust)
    };
    // Without a pin, one of the two, and nobody vouches for it.
    assert_eq!(to(1).1, Trust::None);
    let meet = |seen| block_on(ann.meet("bob@example.org", seen, days(1))).unwrap();
    assert_eq!(meet(first), Standing::First);
    assert_eq!(to(1), (Some(first), Trust::FirstUse));
    let pinned = first;
    let (trust, since) = (Trust::FirstUse, days(1));
    assert_eq!(
        meet(second),
        Standing::Changed {
            pinned,
            trust,
            since
        }
    );
    assert_eq!(to(1), (Some(first), Trust::FirstUse));
    let pin = block_on(ann.pin("bob@example.org", now()))
        .unwrap()
        .unwrap();
    assert_eq!(pin.alarms, [(second, days(1))]);
    // The user has compared, and decides.
    block_on(ann.set_trust("bob@example.org", second, Trust::Verified, days(2))).unwrap();
    assert_eq!(to(2), (Some(second), Trust::Verified));
    assert!(meet(first).is_alarm());
    let stranger = key(Profile::Compat, "eve").fingerprint();
    let unknown = block_on(ann.meet("bob@example.org", stranger, now()));
    assert!(matches!(unknown, Err(StoreError::NoSuch { .. })));
}

/// Work that takes long, on threads for that.
#[derive(Clone, Default)]
struct Blocking(Arc<AtomicUsize>);

impl Offload for Blocking {
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        self.0.fetch_add(1, Ordering::Relaxed);
        tokio::task::spawn_blocking(work).await.ok()
    }
}

#[test]
fn twenty_tasks_of_a_runtime_leave_the_heavy_work_to_others() {
    let runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = { runtime }
        .worker_threads(2)
        .max_blocking_threads(4)
        .build()
        .unwrap();
    let blocking = Blocking::default();
    let store = Store::new(Memory::new(), blocking.clone());
    let store = Arc::new(store);
    let on_worker = Arc::new(Mutex::new(BTreeSet::new()));
    runtime.block_on(async {
        let ann = store.account(id("ann"));
        ann.create(setup(), now()).await.unwrap();
        let session = ann.unlock(&passphrase(), LASTS, now()).await.unwrap();
        let new = Generate::new(Profile::Modern, now()).user_id("<ann@example.org>");
        let of = ann
            .generate(&session, new, Custody::Passphrase, now())
            .await
            .unwrap();
        let tasks: Vec<_> = (0..20)
            .map(|n| {
                let (store, session) = (Arc::clone(&store), Arc::clone(&session));
                let seen = Arc::clone(&on_worker);
                tokio::spawn(async move {
                    let worker = std::thread::current().id();
                    let edit = move |key: &mut Unlocked| {
                        let here = std::thread::current().id();
                        seen.lock().unwrap().insert((worker == here, n));
                        key.add_user_id(&format!("<ann{n}@example.org>"), now())
                    };
                    store
                        .account(id("ann"))
                        .edit(&session, of, edit, now())
                        .await
                        .unwrap();
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let all = ann.certificate(of, now()).await.unwrap().unwrap();
        assert_eq!(all.at(now()).addresses().count(), 21);
    });
    let seen = on_worker.lock().unwrap();
    assert_eq!(seen.len(), 20);
    assert!(seen.iter().all(|(same, _)| !same), "a worker did the work");
    assert!(blocking.0.load(Ordering::Relaxed) >= 20);
    // The mutation: where there is nobody else, it is done here.
    let here = std::thread::current().id();
    let ran = block_on(Inline.run(move || std::thread::current().id() == here));
    assert_eq!(ran, Some(true));
}
