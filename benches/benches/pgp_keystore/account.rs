//! pgp-keystore's accounts: all that a service does for the same.

use std::hint::black_box;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use pgp_keystore::custody::{AccountId, Cost, Custody, Session, Setup};
use pgp_keystore::store::{Account, Inline, Quotas, Store};
use pgp_keystore::{Fingerprint, Form, Passphrase, Unlocked, sign_detached};
use pollster::block_on;
use record_store::{Memory, Records, Sqlite};

use crate::Row;
use crate::inputs::{CERTIFICATES, Inputs};

fn account<R: Records>(store: &Store<R, Inline>) -> Account<'_, R, Inline> {
    store.account(AccountId::new("ann").unwrap())
}

fn taken<R: Records>(records: R, inputs: &Inputs) {
    let mut quotas = Quotas::default();
    quotas.max_certificates = CERTIFICATES as u32;
    let store = Store::new(records, Inline).with_quotas(quotas);
    let octets = black_box(inputs.keyring.clone());
    let report = block_on(account(&store).import(octets, inputs.now)).unwrap();
    assert_eq!(report.taken.len(), CERTIFICATES);
}

pub(crate) fn import(inputs: &Rc<Inputs>) -> Vec<Row> {
    let (one, other) = (inputs.clone(), inputs.clone());
    let folder = tempfile::tempdir().unwrap();
    let mut files = 0;
    vec![
        Row::of("pgp-keystore, into an account", CERTIFICATES, move || {
            taken(Memory::new(), &one);
        }),
        Row::of(
            "pgp-keystore, into an account, SQLite",
            CERTIFICATES,
            move || {
                files += 1;
                let file = folder.path().join(files.to_string());
                taken(Sqlite::open(file).unwrap(), &other);
            },
        ),
    ]
}

/// An account with the first key and the first ten certificates.
struct Ann {
    store: Store<Memory, Inline>,
    session: Arc<Session>,
    key: Fingerprint,
    inputs: Rc<Inputs>,
}

impl Ann {
    fn new(inputs: &Rc<Inputs>) -> Self {
        let (store, now) = (Store::new(Memory::new(), Inline), inputs.now);
        let passphrase = Passphrase::from("correct horse");
        let setup = Setup::new()
            .passphrase(passphrase.clone())
            .cost(Cost::LEAST);
        let ann = account(&store);
        let made = async {
            ann.create(setup, now).await?;
            let session = ann.unlock(&passphrase, Duration::from_secs(3600), now);
            let session = session.await?;
            let (octets, custody) = (inputs.keys[0].clone(), Custody::Passphrase);
            let key = ann.import_key(&session, octets, None, custody, now);
            let key = key.await?;
            ann.import(inputs.certificates[1..10].concat(), now).await?;
            Ok::<_, pgp_keystore::store::StoreError>((session, key))
        };
        let (session, key) = block_on(made).unwrap();
        Self {
            store,
            session,
            key,
            inputs: inputs.clone(),
        }
    }
}

pub(crate) fn sign(inputs: &Rc<Inputs>) -> Vec<Row> {
    let ann = Ann::new(inputs);
    vec![Row::new("pgp-keystore, by the account", move || {
        let (inputs, now) = (&ann.inputs, ann.inputs.now);
        let content = black_box(inputs.content.clone());
        let work = move |keys: &[&Unlocked]| sign_detached(keys[0], &content, now, Form::Binary);
        let account = account(&ann.store);
        let keys = [ann.key];
        let done = account.with_keys(&ann.session, &keys, work, now);
        black_box(block_on(done).unwrap().unwrap());
    })]
}

pub(crate) fn encrypt(inputs: &Rc<Inputs>) -> Vec<Row> {
    let ann = Ann::new(inputs);
    let to: Vec<String> = (0..10).map(|n| format!("user{n}@example.org")).collect();
    vec![Row::new("pgp-keystore, by the account", move || {
        let to: Vec<&str> = to.iter().map(String::as_str).collect();
        let planned = block_on(account(&ann.store).plan_send(&to, ann.inputs.now)).unwrap();
        let content = black_box(&ann.inputs.content);
        let message = planned
            .plan
            .encrypt(content, None, ann.inputs.now, Form::Binary);
        black_box(message.unwrap());
    })]
}
