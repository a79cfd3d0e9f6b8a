//! Two processes on one store: what both do at once is there, and what cannot be both is one of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use mail_service::openpgp::{OpenPgp, Opener};
use mail_service::{Accounts, Chosen, Clock, Config};
use pgp_keystore::Form;
use pgp_keystore::custody::Custody;
use pgp_keystore::store::StoreError;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use crate::world::{now, own_key, person};

const BOB: &str = "bob@b.test";

/// Two handles on the file of one store, and its folder.
async fn two() -> ([Arc<OpenPgp>; 2], tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.data_dir = folder.path().join("data");
    config.domains = vec!["b.test".into()];
    config.openpgp.kek = Some(folder.path().join("kek"));
    mail_service::openpgp::make_kek(&config).unwrap();
    config.prepare().unwrap();
    let open = || Arc::new(config.open_store().unwrap());
    let password = Chosen::unchecked("long enough");
    let accounts = Accounts::new(open());
    accounts.add(BOB, &password, now()).await.unwrap();
    let one = || Arc::new(OpenPgp::new(&config, open(), Clock::system()).unwrap());
    ([one(), one()], folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn both_set_up_the_account_and_one_recovery_key_is_told() {
    let (nodes, _folder) = two().await;
    let mut all = JoinSet::new();
    for node in nodes.iter().cycle().take(6) {
        let node = Arc::clone(node);
        all.spawn_blocking(move || {
            let told = async {
                let bob = node.keyring(BOB).await.unwrap();
                bob.set_up(Custody::Server, None).await.unwrap().is_some()
            };
            Handle::current().block_on(told)
        });
    }
    let told = all.join_all().await;
    assert_eq!(told.iter().filter(|told| **told).count(), 1, "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_made_at_once_are_all_there() {
    let (nodes, _folder) = two().await;
    let mut all = JoinSet::new();
    for node in nodes.iter().cycle().take(8) {
        let node = Arc::clone(node);
        all.spawn_blocking(move || {
            let made = async { own_key(&node.keyring(BOB).await.unwrap()).await };
            Handle::current().block_on(made)
        });
    }
    let made: BTreeSet<_> = all.join_all().await.into_iter().collect();
    assert_eq!(made.len(), 8);
    for node in &nodes {
        let bob = node.keyring(BOB).await.unwrap();
        let own = bob.own().await.unwrap();
        let found: BTreeSet<_> = own.iter().map(|own| own.certificate.fingerprint).collect();
        assert_eq!(found, made);
        // And each opens.
        let session = bob.open(&Opener::Server).await.unwrap();
        for of in &made {
            let (of, account) = ([*of], bob.account());
            let opened = account.with_keys(&session, &of, |keys| keys.len(), now());
            assert_eq!(opened.await.unwrap(), 1);
        }
    }
}

/// Two different certificates for one address, first seen at the same moment: one is pinned, the other one is an alarm.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_use_is_one() {
    let (nodes, _folder) = two().await;
    for round in 0..5 {
        let address = format!("alice{round}@a.test");
        let mut all = JoinSet::new();
        for node in nodes.iter() {
            let node = Arc::clone(node);
            let (address, alice) = (address.clone(), person(&format!("<{address}>")));
            all.spawn_blocking(move || {
                let met = async {
                    let bob = node.keyring(BOB).await.unwrap();
                    let octets = alice.certificate().export(Form::Binary).unwrap();
                    bob.account().import(octets, now()).await.unwrap();
                    let met = bob.account().meet(&address, alice.fingerprint(), now());
                    met.await.unwrap().is_alarm()
                };
                Handle::current().block_on(met)
            });
        }
        let mut alarms = all.join_all().await;
        alarms.sort_unstable();
        assert_eq!(alarms, [false, true]);
        let bob = nodes[0].keyring(BOB).await.unwrap();
        let pin = bob.account().pin(&address, now()).await.unwrap().unwrap();
        assert_eq!(pin.alarms.len(), 1);
    }
}

/// A handle of somebody who was removed in the meantime makes nothing for whoever has the address then.
#[tokio::test(flavor = "multi_thread")]
async fn a_removal_takes_the_keys_along() {
    let (nodes, folder) = two().await;
    let before = nodes[0].keyring(BOB).await.unwrap();
    let key = own_key(&before).await;
    let mut config = Config::default();
    config.data_dir = folder.path().join("data");
    let accounts = Accounts::new(Arc::new(config.open_store().unwrap()));
    accounts.remove(BOB, now()).await.unwrap();
    assert!(before.own().await.unwrap().is_empty());
    assert!(!before.is_set_up().await.unwrap());
    let password = Chosen::unchecked("long enough");
    accounts.add(BOB, &password, now()).await.unwrap();
    let after = nodes[1].keyring(BOB).await.unwrap();
    assert_ne!(before.account().id(), after.account().id());
    assert!(matches!(
        after.custody(key).await,
        Err(mail_service::openpgp::Error::Store(
            StoreError::NoSuch { .. }
        ))
    ));
}
