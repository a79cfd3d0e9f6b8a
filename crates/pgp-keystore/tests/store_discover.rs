//! An account looks for certificates: what is found is pinned once, a change raises the alarm, and nothing is replaced.
#![cfg(all(feature = "store", feature = "_backend"))]
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use common::store::{dump, id, store};
use common::web::{ADVANCED, HKP, VKS, Web, ok, status};
use common::{days, key, now};
use pgp_keystore::discovery::{HttpsAnswer, OnFailure, Sources, Verdict};
use pgp_keystore::store::{Account, Discovered, Inline, Outcome, Query, Quotas, StoreError};
use pgp_keystore::{Form, Profile, Reason, RevocationReason, Standing, Trust, Unlocked};
use pollster::block_on;
use record_store::{Memory, Records};

const BOB: &str = "bob@example.org";

fn sources() -> Sources {
    let servers = Sources::new().vks(VKS.parse().unwrap());
    servers.hkp(HKP.parse().unwrap()).wkd()
}

fn octets(key: &Unlocked) -> Vec<u8> {
    key.certificate().export(Form::Binary).unwrap()
}

fn discover<R: Records>(account: &Account<'_, R, Inline>, web: &Web, day: u32) -> Discovered {
    block_on(account.discover(BOB, &sources(), web, days(day))).unwrap()
}

fn wkd(key: &Unlocked) -> Web {
    Web::default().host(ADVANCED, ok(octets(key)))
}

#[test]
fn the_first_is_pinned_nobody_is_asked_again_and_another_raises_the_alarm() {
    let store = store(Memory::new());
    let ann = store.account(id("ann"));
    let (bob, other) = (key(Profile::Compat, "bob"), key(Profile::Compat, "bob"));
    let web = wkd(&bob);
    let found = discover(&ann, &web, 0);
    let certificate = bob.fingerprint();
    let standing = Standing::First;
    assert_eq!(
        found.outcome,
        Outcome::Met {
            certificate,
            standing
        }
    );
    assert_eq!(web.asked(), [ADVANCED]);
    let plan = block_on(ann.plan_send(&[BOB], now())).unwrap();
    assert_eq!(plan.known[0].trust, Trust::FirstUse);
    // From now on nobody learns that ann writes to bob.
    let again = discover(&ann, &web, 1);
    assert!(matches!(again.outcome, Outcome::Pinned(pin) if pin.certificate == certificate));
    assert!(again.report.is_none() && web.asked().is_empty());
    // Asked nevertheless, the directory has another one: an alarm, and the pin stays.
    let changed = block_on(ann.rediscover(BOB, &sources(), &wkd(&other), days(2))).unwrap();
    match changed.outcome {
        Outcome::Met {
            certificate,
            standing,
        } => {
            assert!(standing.is_alarm());
            assert_eq!(certificate, other.fingerprint());
        }
        outcome => panic!("{outcome:?}"),
    }
    let pin = block_on(ann.pin(BOB, now())).unwrap().unwrap();
    assert_eq!((pin.certificate, pin.alarms.len()), (bob.fingerprint(), 1));
    let plan = block_on(ann.plan_send(&[BOB], days(2))).unwrap();
    let chosen = plan.plan.entries()[0].chosen.as_ref().unwrap();
    assert_eq!(chosen.certificate, bob.fingerprint());
    // Until the user decides.
    block_on(ann.set_trust(BOB, other.fingerprint(), Trust::Verified, days(2))).unwrap();
    let plan = block_on(ann.plan_send(&[BOB], days(2))).unwrap();
    let chosen = plan.plan.entries()[0].chosen.as_ref().unwrap();
    assert_eq!(chosen.certificate, other.fingerprint());
}

#[test]
fn what_nobody_vouches_for_is_shown_and_not_taken() {
    let records = Arc::new(Memory::new());
    let store = store(Arc::clone(&records));
    let ann = store.account(id("ann"));
    let bob = key(Profile::Compat, "bob");
    let before = dump(&records);
    // Anybody could have uploaded it.
    let web = Web::default().host(HKP, ok(octets(&bob)));
    let found = discover(&ann, &web, 0);
    assert_eq!(found.outcome, Outcome::Unconfirmed);
    assert_eq!(
        found
            .report
            .unwrap()
            .best()
            .unwrap()
            .certificate
            .fingerprint(),
        bob.fingerprint()
    );
    // The domain was silenced.
    let web = || {
        Web::default()
            .host(ADVANCED, HttpsAnswer::Failed)
            .host(VKS, ok(octets(&bob)))
    };
    assert_eq!(discover(&ann, &web(), 0).outcome, Outcome::Undecided);
    let despite = sources().on_failure(OnFailure::GoOn);
    let found = block_on(ann.discover(BOB, &despite, &web(), now())).unwrap();
    assert_eq!(found.outcome, Outcome::Unconfirmed);
    assert_eq!(found.report.unwrap().verdict, Verdict::FoundDespite);
    let none = discover(&ann, &Web::default().host(ADVANCED, status(404, *b"")), 0);
    assert_eq!(none.outcome, Outcome::NotFound);
    assert_eq!(dump(&records), before);
    // The mutation: where the server has sent a mail to the address, it is taken.
    let web = Web::default().host(VKS, ok(octets(&bob)));
    assert!(matches!(
        discover(&ann, &web, 0).outcome,
        Outcome::Met { .. }
    ));
    assert_ne!(dump(&records), before);
}

#[test]
fn only_the_user_ids_of_the_address_come_into_the_store() {
    let store = store(Memory::new());
    let ann = store.account(id("ann"));
    let mut bob = key(Profile::Compat, "bob");
    // What bob's domain says of the address of a bank is not for it to say.
    bob.add_user_id("Bank <bank@example.com>", now()).unwrap();
    discover(&ann, &wkd(&bob), 0);
    let find = |address: &str| block_on(ann.find(&Query::Address(address.into()), now())).unwrap();
    assert_eq!(find(BOB), [bob.fingerprint()]);
    assert_eq!(find("bank@example.com"), []);
    // The mutation: taken in whole, it would be found.
    block_on(ann.import(octets(&bob), now())).unwrap();
    assert_eq!(find("bank@example.com"), [bob.fingerprint()]);
}

#[test]
fn what_is_over_is_not_pinned_and_an_expired_pin_is_asked_for_again() {
    let store = store(Memory::new());
    let ann = store.account(id("ann"));
    let mut bob = key(Profile::Compat, "bob");
    bob.set_expiry(Some(days(10)), now()).unwrap();
    assert_eq!(discover(&ann, &wkd(&bob), 11).outcome, Outcome::Unusable);
    assert!(block_on(ann.pin(BOB, now())).unwrap().is_none());
    discover(&ann, &wkd(&bob), 1);
    // Extended in time, and published: known as the one that it is.
    bob.set_expiry(Some(days(100)), days(5)).unwrap();
    let web = wkd(&bob);
    assert!(matches!(
        discover(&ann, &web, 9).outcome,
        Outcome::Pinned(_)
    ));
    match discover(&ann, &web, 11).outcome {
        Outcome::Met { standing, .. } => {
            assert!(matches!(standing, Standing::Known { since, .. } if since == days(1)));
        }
        outcome => panic!("{outcome:?}"),
    }
    assert_eq!(web.asked(), [ADVANCED]);
    assert!(matches!(
        discover(&ann, &web, 12).outcome,
        Outcome::Pinned(_)
    ));
}

#[test]
fn a_refresh_merges_and_replaces_nothing() {
    let records = Arc::new(Memory::new());
    let store = store(Arc::clone(&records));
    let ann = store.account(id("ann"));
    let mut bob = key(Profile::Compat, "bob");
    let bare = octets(&bob);
    bob.add_user_id("Bob <bob@example.net>", now()).unwrap();
    block_on(ann.import(octets(&bob), now())).unwrap();
    let of = bob.fingerprint();
    let refresh = |web: &Web| block_on(ann.refresh(of, &sources(), web, now()));
    // An older state changes nothing.
    let before = dump(&records);
    refresh(&Web::default().host(VKS, ok(bare.clone()))).unwrap();
    assert_eq!(dump(&records), before);
    // No server, no change, and no error.
    refresh(&Web::default().host(VKS, HttpsAnswer::Failed)).unwrap();
    assert_eq!(dump(&records), before);
    // A revocation of somebody who has only that.
    let mut revoked = bob;
    revoked
        .revoke(RevocationReason::Compromised, "", now())
        .unwrap();
    refresh(&Web::default().host(HKP, ok(octets(&revoked)))).unwrap();
    let known = block_on(ann.certificate(of, now())).unwrap().unwrap();
    let view = known.at(now());
    assert_eq!((view.reason, view.user_ids.len()), (Reason::Compromised, 2));
    let stranger = key(Profile::Compat, "bob").fingerprint();
    let none = block_on(ann.refresh(stranger, &sources(), &Web::default(), now()));
    assert!(matches!(none, Err(StoreError::NoSuch { .. })));
}

#[test]
fn what_does_not_fit_is_an_error_and_not_a_certificate_that_is_not_there() {
    let mut quotas = Quotas::default();
    quotas.max_certificates = 1;
    let store = store(Memory::new()).with_quotas(quotas);
    let ann = store.account(id("ann"));
    block_on(ann.import(octets(&key(Profile::Compat, "carol")), now())).unwrap();
    let full = block_on(ann.discover(BOB, &sources(), &wkd(&key(Profile::Compat, "bob")), now()));
    assert!(
        matches!(
            full,
            Err(StoreError::Core(pgp_keystore::Error::Limit { .. }))
        ),
        "{full:?}"
    );
    let none = block_on(ann.discover("bob", &sources(), &Web::default(), now()));
    assert!(matches!(none, Err(StoreError::Core(_))));
}

/// Held by the compiler: the futures can be spawned.
#[test]
fn futures_are_send() {
    fn send<T: Send>(_: &T) {}
    let store = store(Memory::new());
    let ann = store.account(id("ann"));
    let (web, sources) = (Web::default(), sources());
    send(&ann.discover(BOB, &sources, &web, now()));
    send(&ann.refresh(
        key(Profile::Compat, "bob").fingerprint(),
        &sources,
        &web,
        now(),
    ));
    send(&ann.publish(key(Profile::Compat, "bob").fingerprint(), BOB, now()));
    send(&ann.erase(now()));
    send(&store.directory().lookup("example.org", "x", now()));
}
