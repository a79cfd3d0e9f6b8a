//! SIGKILL at any moment: while keys are taken in, and while mail is encrypted and stored.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use mail_service::Switch;
use mail_service::openpgp::Opener;
use pgp_keystore::mime::{self, Kind};
use pgp_keystore::{Form, Limits, Protection};

use crate::common::service::{Mailbox, USER};
use crate::common::smtp::Smtp;
use crate::common::{Dice, Peer, eventually, halves, ids, letter};
use crate::world::{folder, keys, now, opened, own_key, person, run, service};

/// What was told to be stored is there and opens; what was not, is there whole or not at all.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "interop: a storm of kill -9 takes a while"]
async fn interop_kill_a_key_is_taken_in_whole_or_not_at_all() {
    let service = service();
    let folder = folder(&service);
    let pgp = keys(&service);
    let bob = pgp.keyring(USER).await.unwrap();
    own_key(&bob).await;
    let mut dice = Dice::new();
    let mut told = BTreeSet::new();
    for round in 0..30 {
        let new = person(&format!("Bob {round} <{USER}>"));
        let export = new.lock(&Protection::None).unwrap().export(Form::Binary);
        fs::write(folder.join("key.pgp"), export.unwrap()).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_mail-service"))
            .current_dir(&folder)
            .args(["key", "import", USER, "key.pgp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Not a wait for something: a moment that nobody chose.
        for _ in 0..dice.below(400) * 1000 {
            std::hint::spin_loop();
        }
        if round % 5 != 0 {
            let _ = child.kill();
        }
        let output = child.wait_with_output().unwrap();
        if String::from_utf8_lossy(&output.stdout).contains(" key\n") {
            told.insert(new.fingerprint());
        }
    }
    assert!(told.len() >= 6, "{}", told.len());
    let own = bob.own().await.unwrap();
    let found: BTreeSet<_> = own.iter().map(|own| own.certificate.fingerprint).collect();
    assert!(told.is_subset(&found));
    // Whatever is there opens, and the account can be written to.
    let session = bob.open(&Opener::Server).await.unwrap();
    for of in found {
        let (of, account) = ([of], bob.account());
        let opened = account.with_keys(&session, &of, |keys| keys.len(), now());
        assert_eq!(opened.await.unwrap(), 1);
    }
    run(&folder, &["key", "generate", USER], "").done();
}

/// As the same test of mail that is stored as it comes; and nothing of it in the clear.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "interop: a storm of kill -9 takes a while"]
async fn interop_kill_mail_that_is_encrypted_is_acknowledged_only_when_it_is_stored() {
    let mut service = service();
    {
        let pgp = keys(&service);
        let bob = pgp.keyring(USER).await.unwrap();
        own_key(&bob).await;
        bob.set_incoming(Switch::On).await.unwrap();
    }
    let mut dice = Dice::new();
    let (acknowledged, count) = (Mutex::new(BTreeSet::new()), AtomicUsize::new(0));
    for round in 0..12 {
        let stop = AtomicBool::new(false);
        let enough = count.load(Ordering::Relaxed) + 5 + dice.below(20) as usize;
        let address = service.smtp();
        thread::scope(|scope| {
            for sender in 0..4 {
                let (acknowledged, count, stop) = (&acknowledged, &count, &stop);
                scope.spawn(move || {
                    let Ok(mut session) = Smtp::open(address) else {
                        return;
                    };
                    for number in 0.. {
                        let id = format!("r{round}s{sender}-{number}");
                        let reply = session.deliver(&letter(&id, 2_000 + 40_000 * (number % 3)));
                        match reply {
                            Ok(reply) if reply.code == 250 => {
                                acknowledged.lock().unwrap().insert(id);
                                count.fetch_add(1, Ordering::Relaxed);
                            }
                            _ => return,
                        }
                        if stop.load(Ordering::Relaxed) {
                            return;
                        }
                    }
                });
            }
            eventually("messages are acknowledged", || {
                count.load(Ordering::Relaxed) >= enough
            });
            service.kill();
            stop.store(true, Ordering::Relaxed);
        });
        service.restart();
    }
    let stored = Mailbox::default().fetch(&service);
    let found: BTreeSet<String> = ids(&stored).into_iter().collect();
    let acknowledged = acknowledged.into_inner().unwrap();
    assert!(acknowledged.len() > 60, "{}", acknowledged.len());
    let lost: Vec<_> = acknowledged.difference(&found).collect();
    assert!(lost.is_empty(), "{lost:?}");
    let pgp = keys(&service);
    let bob = pgp.keyring(USER).await.unwrap();
    let mut whole = Vec::new();
    for message in &stored {
        let kind = mime::inspect(message.as_bytes(), &Limits::default());
        assert_eq!(kind.unwrap().kind, Kind::Encrypted);
        assert!(!message.contains("Nobody reads this line"));
        whole.push(opened(&bob, message).await);
    }
    assert_eq!(halves(&whole), Vec::<String>::new());
}
