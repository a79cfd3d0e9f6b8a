//! Many tasks that change one key again and again, each in its own way, and what became of it.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use pgp_keystore::custody::{Custody, Session};
use pgp_keystore::store::{Event, Inline, Quotas, Store};
use pgp_keystore::{
    Error, Fingerprint, Profile, Reason, RevocationReason, Secret, State, Unlocked, Use,
};
use pollster::block_on;
use record_store::Records;

use super::store::{generate, id, open};
use super::{days, now};

pub(crate) const TASKS: usize = 8;

pub(crate) struct Changes {
    session: Arc<Session>,
    key: Fingerprint,
    each: usize,
    subkeys: Mutex<BTreeMap<(usize, usize), Fingerprint>>,
}

/// What one task does as its nth change.
enum Change {
    Name,
    RevokeName(usize),
    Subkey,
    RevokeSubkey(usize),
    Expire(u32),
}

fn change(task: usize, n: usize) -> Change {
    match (task, n) {
        // While the key is small: each makes new signatures for all of it.
        (0, 0..=4) => Change::Expire(400 + u32::try_from(n).unwrap()),
        (_, 10 | 30 | 50 | 70) => Change::Subkey,
        (_, 11 | 31 | 51) => Change::RevokeSubkey(n - 1),
        (_, n) if n % 4 == 3 && matches!(change(task, n - 3), Change::Name) => {
            Change::RevokeName(n - 3)
        }
        _ => Change::Name,
    }
}

fn address(task: usize, n: usize) -> String {
    format!("ann{task}x{n}@example.org")
}

impl Changes {
    /// For a key that is changed so often.
    pub(crate) fn quotas() -> Quotas {
        let mut quotas = Quotas::default();
        quotas.limits.max_user_ids = 1_000;
        quotas.limits.max_signatures = 2_000;
        quotas.limits.max_certificate = 1 << 20;
        quotas
    }

    pub(crate) fn begin<R: Records>(store: &Store<R, Inline>, each: usize) -> Self {
        let ann = store.account(id("ann"));
        let (_, session) = open(&ann);
        let key = generate(&ann, &session, "ann", Custody::Passphrase);
        let subkeys = Mutex::default();
        Self {
            session,
            key,
            each,
            subkeys,
        }
    }

    /// Each task on its own store: its node.
    pub(crate) fn run<R: Records>(&self, nodes: &[&Store<R, Inline>]) {
        std::thread::scope(|scope| {
            for (task, node) in nodes.iter().enumerate() {
                scope.spawn(move || (0..self.each).for_each(|n| self.one(node, task, n)));
            }
        });
    }

    fn one<R: Records>(&self, node: &Store<R, Inline>, task: usize, n: usize) {
        let ann = node.account(id("ann"));
        let of = |n| self.subkeys.lock().unwrap().get(&(task, n)).copied();
        let known = match change(task, n) {
            Change::RevokeSubkey(n) => of(n),
            _ => None,
        };
        let edit = move |key: &mut Unlocked| -> Result<Option<Fingerprint>, Error> {
            match change(task, n) {
                Change::Name => key.add_user_id(&format!("<{}>", address(task, n)), now())?,
                Change::RevokeName(n) => {
                    key.revoke_user_id(&format!("<{}>", address(task, n)), "", now())?;
                }
                Change::Subkey => {
                    return key
                        .add_subkey(Use::Sign, Profile::Modern, None, now())
                        .map(Some);
                }
                Change::RevokeSubkey(_) => {
                    key.revoke_subkey(known.unwrap(), RevocationReason::Retired, "", now())?;
                }
                Change::Expire(day) => key.set_expiry(Some(days(day)), now())?,
            }
            Ok(None)
        };
        let told = block_on(ann.edit(&self.session, self.key, edit, now())).unwrap();
        if let Some(subkey) = told {
            self.subkeys.lock().unwrap().insert((task, n), subkey);
        }
    }

    /// What is not as it was told.
    pub(crate) fn lost<R: Records>(&self, store: &Store<R, Inline>) -> Vec<String> {
        let ann = store.account(id("ann"));
        let look = |keys: &[&Unlocked]| keys[0].at(now());
        let view = block_on(ann.with_keys(&self.session, &[self.key], look, now())).unwrap();
        let names: BTreeMap<&str, Reason> = view
            .user_ids
            .iter()
            .filter_map(|name| Some((name.address.as_deref()?, name.reason)))
            .collect();
        let subkeys = self.subkeys.lock().unwrap();
        let of = |task, n| {
            let of = subkeys.get(&(task, n))?;
            view.keys.iter().find(|key| key.fingerprint == *of)
        };
        let mut lost = Vec::new();
        let mut expires = None;
        for (task, n) in (0..TASKS).flat_map(|task| (0..self.each).map(move |n| (task, n))) {
            let name = |n: usize| names.get(address(task, n).as_str()).copied();
            let there = match change(task, n) {
                Change::Name => name(n).is_some(),
                Change::RevokeName(n) => name(n).is_some_and(|why| why.state() == State::Revoked),
                // With its secret, revoked or not.
                Change::Subkey => of(task, n).is_some_and(|key| key.secret == Secret::Unprotected),
                Change::RevokeSubkey(n) => {
                    of(task, n).is_some_and(|key| key.reason == Reason::Retired)
                }
                Change::Expire(day) => {
                    expires = Some(days(day));
                    true
                }
            };
            if !there {
                lost.push(format!("{task} {n}"));
            }
        }
        if view.expires != expires {
            lost.push("expiry".into());
        }
        // Each has one entry in the log, however often it was tried.
        let log = block_on(ann.log(None, 1000, now())).unwrap();
        let edits = log
            .iter()
            .filter(|entry| entry.event == Event::Edited)
            .count();
        if edits != TASKS * self.each {
            lost.push(format!("log {edits}"));
        }
        lost
    }
}
