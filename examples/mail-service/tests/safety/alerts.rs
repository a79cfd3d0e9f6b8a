//! `kill -9` while users are told of breaches: each mail is there once. (That a wrong order, or a delivery without its mark, is
//! found out by the same question is shown beside the code, where a node can be stopped between any two commits.)

use std::collections::BTreeSet;
use std::time::SystemTime;

use mail_service::demo::peers::Breaches;
use record_store::{AnyStore, Prefix, Records};

use crate::common::service::{Options, Service, USER};
use crate::common::{Dice, Peer, eventually};

/// In so many the user is.
const BREACHES: usize = 240;
const KILLS: u64 = 4;

/// Alerts that are not acknowledged.
fn waiting(store: &AnyStore) -> usize {
    let prefix = Prefix::new("breach-alert", ()).unwrap();
    let page = store.scan(&prefix, None, BREACHES, SystemTime::now());
    pollster::block_on(page).unwrap().entries.len()
}

#[test]
fn a_kill_while_users_are_told_of_breaches_loses_no_mail_and_doubles_none() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let breaches = Breaches::default();
    let names: Vec<_> = (0..BREACHES).map(|n| format!("Kettle-{n}.")).collect();
    for name in &names {
        breaches.add(name, |_| {});
        breaches.put(USER, &[name]);
    }
    let peer = runtime.block_on(breaches.serve()).unwrap();
    let options = Options::default().breach_alerts(&format!("{}/api/v3", peer.url()));
    let mut service = Service::start_with(&options);
    let file = service.data().join("mail.db");
    let store = AnyStore::open(&format!("sqlite:{}", file.display())).unwrap();
    eventually("it is found out", || waiting(&store) > 0);
    let (mut dice, mut amid) = (Dice::new(), 0);
    let most = BREACHES as u64 / KILLS;
    for kill in 0..KILLS {
        let left = BREACHES - (kill * most + dice.below(most)) as usize;
        eventually("some are told", || waiting(&store) <= left);
        service.kill();
        service.wait();
        amid += usize::from(waiting(&store) > 0);
        service.restart();
    }
    eventually("all is told", || waiting(&store) == 0);
    assert!(amid > 0, "killed while something was to be told");
    // Another start finds nothing that is still to be told.
    service.terminate();
    service.restart();
    let mails = service.stored();
    let told: BTreeSet<_> = names
        .iter()
        .filter(|name| {
            mails
                .iter()
                .any(|mail| mail.contains(&format!("> Breach: {name}\r\n")))
        })
        .collect();
    assert_eq!((told.len(), mails.len()), (BREACHES, BREACHES));
}
