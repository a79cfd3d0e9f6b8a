//! Secrets at rest, without a store and without a backend: who opens what, and what was moved.
#![cfg(feature = "custody")]
#![allow(clippy::unwrap_used)]

use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use pgp_keystore::custody::{
    AccountId, Cost, Created, Custody, CustodyError, Deadline, Kek, KekError, KekFile, KeySecrets,
    MAX_PARTS, MAX_SESSION, RecoveryKey, SecretPart, Session, Setup, Vault,
};
use pgp_keystore::{Fingerprint, Passphrase};
use proptest::prelude::*;

const SECRET: &[u8] = b"the octets of a secret key";

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_793_491_200)
}

fn until() -> Deadline {
    Deadline::after(now(), Duration::from_secs(900)).unwrap()
}

fn passphrase() -> Passphrase {
    Passphrase::from("correct horse")
}

fn account(name: &str) -> AccountId {
    AccountId::new(name).unwrap()
}

fn fingerprint(octet: u8) -> Fingerprint {
    Fingerprint::from_bytes(&[octet; 20]).unwrap()
}

fn create(name: &str, kek: Option<&dyn Kek>) -> Created {
    let setup = Setup::new().passphrase(passphrase()).cost(Cost::LEAST);
    Vault::create(&account(name), &setup, kek, until()).unwrap()
}

/// Of two accounts, made once.
fn two() -> &'static (Created, Created) {
    static TWO: OnceLock<(Created, Created)> = OnceLock::new();
    TWO.get_or_init(|| (create("ann", None), create("anna", None)))
}

fn seal(session: &Session, certificate: u8, custody: Custody, version: u64) -> KeySecrets {
    let parts = [1, 2].map(|n| SecretPart::new(fingerprint(n), [SECRET, &[n]].concat()));
    let certificate = fingerprint(certificate);
    KeySecrets::seal(session, certificate, custody, version, &parts, now()).unwrap()
}

fn opens(session: &Session, secrets: &KeySecrets, certificate: u8, version: u64) -> bool {
    match secrets.open(session, fingerprint(certificate), version, now()) {
        Ok(parts) => {
            let right = |part: &SecretPart| part.octets().starts_with(SECRET);
            assert!(parts.iter().all(right));
            true
        }
        Err(CustodyError::DoesNotOpen) => false,
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn each_way_in_opens_the_same() {
    let kek = KekFile::generate().unwrap();
    let made = create("ann", Some(&kek));
    let ann = account("ann");
    let own = seal(&made.session, 9, Custody::Passphrase, 1);
    let served = seal(&made.session, 9, Custody::Server, 1);
    let vault = Vault::from_bytes(&made.vault.to_bytes()).unwrap();
    assert_eq!(vault, made.vault);

    let by_passphrase = vault.unlock(&ann, &passphrase(), until()).unwrap();
    let typed: RecoveryKey = made.recovery.text().parse().unwrap();
    let by_recovery = vault.unlock_with_recovery(&ann, &typed, until()).unwrap();
    for session in [&by_passphrase, &by_recovery] {
        assert!(opens(session, &own, 9, 1) && opens(session, &served, 9, 1));
    }
    let by_server = vault.unlock_by_server(&ann, &kek, until()).unwrap();
    assert!(opens(&by_server, &served, 9, 1));
    let refused = own.open(&by_server, fingerprint(9), 1, now());
    assert_eq!(refused.unwrap_err(), CustodyError::UsersOnly);
    // Nor can the server put anything there, or change who opens the account.
    let parts = [SecretPart::new(fingerprint(1), SECRET)];
    let custody = Custody::Passphrase;
    let put = KeySecrets::seal(&by_server, fingerprint(9), custody, 1, &parts, now());
    assert_eq!(put.unwrap_err(), CustodyError::UsersOnly);
    let changed = vault.with_passphrase(&by_server, &passphrase(), Cost::LEAST, now());
    assert_eq!(changed.unwrap_err(), CustodyError::UsersOnly);
    assert!(vault.with_new_recovery(&by_server, now()).is_err());
    assert!(vault.with_server(&by_server, &kek, now()).is_err());
}

#[test]
fn the_recovery_key_opens_after_the_passphrase_is_lost() {
    let made = create("ann", None);
    let ann = account("ann");
    let secrets = seal(&made.session, 9, Custody::Passphrase, 1);
    let session = made
        .vault
        .unlock_with_recovery(&ann, &made.recovery, until())
        .unwrap();
    let new = Passphrase::from("another");
    let vault = made
        .vault
        .with_passphrase(&session, &new, Cost::LEAST, now())
        .unwrap();
    // The secrets were not touched, and the old passphrase is nothing any more.
    assert!(opens(
        &vault.unlock(&ann, &new, until()).unwrap(),
        &secrets,
        9,
        1
    ));
    let old = vault.unlock(&ann, &passphrase(), until());
    assert_eq!(old.unwrap_err(), CustodyError::DoesNotOpen);
    // A new recovery key ends the old one.
    let (vault, recovery) = vault.with_new_recovery(&session, now()).unwrap();
    assert!(vault.unlock_with_recovery(&ann, &recovery, until()).is_ok());
    let old = vault.unlock_with_recovery(&ann, &made.recovery, until());
    assert_eq!(old.unwrap_err(), CustodyError::DoesNotOpen);
}

#[test]
fn a_backup_without_the_servers_file_opens_nothing() {
    let kek = KekFile::generate().unwrap();
    let made = create("ann", Some(&kek));
    let secrets = seal(&made.session, 9, Custody::Server, 1).to_bytes();
    let backup = (made.vault.to_bytes(), secrets);
    let ann = account("ann");
    let read = |kek: &dyn Kek| -> Result<bool, CustodyError> {
        let session = Vault::from_bytes(&backup.0)?.unlock_by_server(&ann, kek, until())?;
        Ok(opens(&session, &KeySecrets::from_bytes(&backup.1)?, 9, 1))
    };
    let other = KekFile::generate().unwrap();
    assert_eq!(read(&other), Err(KekError::Refused.into()));
    // The mutation: with the file it does.
    assert_eq!(read(&kek), Ok(true));
    // Nothing of the keys lies there in the clear.
    let text = kek.text();
    let digits = text.lines().nth(1).unwrap();
    let hex = |octets: &[u8]| {
        octets
            .iter()
            .map(|o| format!("{o:02x}"))
            .collect::<String>()
    };
    for octets in [&backup.0, &backup.1] {
        assert!(!hex(octets).contains(digits));
        assert!(!octets.windows(SECRET.len()).any(|w| w == SECRET));
    }
}

#[test]
fn the_servers_key_is_changed_and_taken_away() {
    let old = KekFile::generate().unwrap();
    let made = create("ann", Some(&old));
    let ann = account("ann");
    let new = old.rotated().unwrap();
    let vault = made.vault.rewrapped(&ann, &new).unwrap().unwrap();
    let newest = new.newest();
    assert!(vault.unlock_by_server(&ann, &newest, until()).is_ok());
    // The mutation: what was not wrapped anew needs the old key.
    assert!(made.vault.unlock_by_server(&ann, &newest, until()).is_err());
    let without = vault.without_server();
    let error = without
        .unlock_by_server(&ann, &newest, until())
        .unwrap_err();
    assert_eq!(error, CustodyError::NoSuchWay { way: "the server" });
    assert_eq!(without.rewrapped(&ann, &newest), Ok(None));
    let again = without.with_server(&made.session, &newest, now()).unwrap();
    assert!(again.unlock_by_server(&ann, &newest, until()).is_ok());
    // Another account's server part is of no use.
    let anna = account("anna");
    let error = vault.unlock_by_server(&anna, &newest, until()).unwrap_err();
    assert_eq!(error, KekError::Refused.into());
}

#[test]
fn a_session_ends_at_its_deadline_and_stays_over() {
    let made = create("ann", None);
    let secrets = seal(&made.session, 9, Custody::Server, 1);
    let open = |at| secrets.open(&made.session, fingerprint(9), 1, at).map(drop);
    let end = made.session.until();
    let before = end - Duration::from_millis(1);
    assert_eq!(open(before), Ok(()));
    assert_eq!(open(end), Err(CustodyError::SessionOver));
    // The keys are gone: a clock that is set back does not bring them back.
    assert_eq!(open(before), Err(CustodyError::SessionOver));
    // The mutation: had nobody used it too late, it were open.
    let session = made
        .vault
        .unlock(&account("ann"), &passphrase(), until())
        .unwrap();
    assert!(session.is_open(before));
    session.close();
    assert!(!session.is_open(before));
    let longest = Deadline::after(now(), MAX_SESSION);
    assert!(longest.is_ok());
    let longer = Deadline::after(now(), MAX_SESSION + Duration::from_secs(1));
    assert_eq!(longer, Err(CustodyError::TooLong));
}

#[test]
fn what_is_printed_holds_nothing() {
    let kek = KekFile::generate().unwrap();
    let made = create("ann@example.org", Some(&kek));
    let part = SecretPart::new(fingerprint(1), SECRET);
    let setup = Setup::new().passphrase(passphrase());
    let shown = format!(
        "{made:?} {kek:?} {part:?} {setup:?} {:?}",
        made.session.account()
    );
    let recovery = made.recovery.text();
    for secret in [
        "ann@",
        "horse",
        "octets of",
        &recovery[..9],
        &kek.text()[17..33],
    ] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn a_session_of_another_vault_changes_nothing() {
    let (ann, anna) = two();
    let changed = ann
        .vault
        .with_passphrase(&anna.session, &passphrase(), Cost::LEAST, now());
    assert_eq!(changed.unwrap_err(), CustodyError::DoesNotOpen);
    let changed = ann.vault.with_new_recovery(&anna.session, now());
    assert_eq!(changed.unwrap_err(), CustodyError::DoesNotOpen);
}

#[test]
fn the_wrong_passphrase_and_damage_are_one_error() {
    let (ann, anna) = two();
    let id = account("ann");
    let wrong = ann.vault.unlock(&id, &Passphrase::from("wrong"), until());
    let wrong = wrong.unwrap_err();
    // One octet of what the passphrase wraps, near its end: behind the format, the costs, the salt.
    let mut damaged = ann.vault.to_bytes();
    damaged[60] ^= 1;
    let damaged = Vault::from_bytes(&damaged).unwrap();
    let damage = damaged.unlock(&id, &passphrase(), until()).unwrap_err();
    let elsewhere = anna.vault.unlock(&id, &passphrase(), until()).unwrap_err();
    assert_eq!(
        [&wrong, &damage, &elsewhere],
        [&CustodyError::DoesNotOpen; 3]
    );
    assert_eq!(wrong.to_string(), damage.to_string());
    // The mutation: undamaged and at home it opens.
    assert!(ann.vault.unlock(&id, &passphrase(), until()).is_ok());
}

/// Each place that a wrapped component may be moved to, and the mutation: at its own place it opens.
#[test]
fn what_was_moved_does_not_open() {
    let (ann, anna) = two();
    for custody in [Custody::Passphrase, Custody::Server] {
        let secrets = seal(&ann.session, 9, custody, 3);
        assert!(opens(&ann.session, &secrets, 9, 3));
        assert!(!opens(&anna.session, &secrets, 9, 3), "another account");
        assert!(!opens(&ann.session, &secrets, 8, 3), "another certificate");
        assert!(!opens(&ann.session, &secrets, 9, 4), "another version");
        assert!(!opens(&ann.session, &secrets, 9, 2), "an earlier version");
        // Written octet by octet: the custody, the version that it says, and two components in each other's place.
        let octets = secrets.to_bytes();
        let changed = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut octets = octets.clone();
            change(&mut octets);
            KeySecrets::from_bytes(&octets).unwrap()
        };
        assert!(opens(&ann.session, &changed(&|_| ()), 9, 3));
        assert!(!opens(&ann.session, &changed(&|o| o[1] = 3 - o[1]), 9, 3));
        let head = 10;
        let part = (octets.len() - head) / 2;
        let swapped = changed(&|o| {
            let (one, other) = o[head..].split_at_mut(part);
            one[4..24].swap_with_slice(&mut other[4..24]);
        });
        assert!(!opens(&ann.session, &swapped, 9, 3), "another component");
        // In another order they are what they were.
        let turned = changed(&|o| o[head..].rotate_left(part));
        assert!(opens(&ann.session, &turned, 9, 3));
    }
}

#[test]
fn limits_hold() {
    let (ann, _) = two();
    let seal = |parts: &[SecretPart]| {
        let custody = Custody::Server;
        KeySecrets::seal(&ann.session, fingerprint(9), custody, 1, parts, now())
    };
    let part = |n: usize, size: usize| {
        let n = u8::try_from(n).unwrap();
        SecretPart::new(fingerprint(n), vec![0; size])
    };
    let many: Vec<SecretPart> = (0..=MAX_PARTS).map(|n| part(n, 1)).collect();
    assert!(seal(&many[1..]).is_ok() && seal(&many).is_err());
    assert!(seal(&[part(1, 64 << 10)]).is_ok() && seal(&[part(1, (64 << 10) + 1)]).is_err());
    assert!(seal(&[part(1, 1), part(1, 1)]).is_err());
    let sealed = seal(&many[1..]).unwrap().to_bytes();
    let one_more = [&sealed[..], &sealed[10..][..sealed.len() / MAX_PARTS]].concat();
    assert!(KeySecrets::from_bytes(&one_more).is_err());
    for name in ["", "a\0b", "a\n", &"a".repeat(256)] {
        assert!(AccountId::new(name).is_err());
    }
    assert!(AccountId::new("a".repeat(255)).is_ok());
    let least = Cost::LEAST;
    assert!(Cost::new(least.memory_kib() - 1, 2, 1).is_err());
    assert!(Cost::new(Cost::MOST.memory_kib(), 10, 16).is_ok());
    assert!(Cost::new(Cost::MOST.memory_kib() + 1, 10, 16).is_err());
}

proptest! {
    #[test]
    fn no_octets_make_a_reader_panic_and_what_is_read_is_written(
        octets in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        if let Ok(vault) = Vault::from_bytes(&octets) {
            prop_assert_eq!(vault.to_bytes(), octets.clone());
        }
        if let Ok(secrets) = KeySecrets::from_bytes(&octets) {
            prop_assert_eq!(secrets.to_bytes(), octets.clone());
        }
        let text = String::from_utf8_lossy(&octets);
        let _ = (text.parse::<RecoveryKey>(), KekFile::parse(&text));
    }

    /// Any one octet of what is stored: it does not open, or it is no record any more.
    #[test]
    fn what_was_changed_does_not_open(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let (ann, _) = two();
        let octets = seal(&ann.session, 9, Custody::Server, 3).to_bytes();
        let mut changed = octets.clone();
        changed[at.index(octets.len())] ^= 1_u8 << bit;
        if let Ok(secrets) = KeySecrets::from_bytes(&changed) {
            let result = secrets.open(&ann.session, fingerprint(9), 3, now()).map(drop);
            // One octet is the format of the wrapping: a later one may be right, but is not known here.
            let refused = matches!(result, Err(CustodyError::DoesNotOpen | CustodyError::Format { .. }));
            prop_assert!(refused, "{:?}", result);
        }
    }

    #[test]
    fn whatever_is_sealed_is_opened(
        parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..8),
        version in any::<u64>(),
    ) {
        let (ann, _) = two();
        let parts: Vec<SecretPart> = (0..).zip(parts)
            .map(|(n, octets)| SecretPart::new(fingerprint(n), octets))
            .collect();
        let of = fingerprint(9);
        let sealed = KeySecrets::seal(&ann.session, of, Custody::Passphrase, version, &parts, now());
        let read = KeySecrets::from_bytes(&sealed.unwrap().to_bytes()).unwrap();
        let opened = read.open(&ann.session, of, version, now()).unwrap();
        let plain = |parts: &[SecretPart]| -> Vec<(Fingerprint, Vec<u8>)> {
            parts.iter().map(|p| (p.key(), p.octets().to_vec())).collect()
        };
        prop_assert_eq!(plain(&opened), plain(&parts));
    }
}

/// A key of OpenPGP, taken apart and put together.
#[cfg(feature = "_backend")]
mod openpgp {
    use super::*;
    use pgp_keystore::{Error, Form, Generate, Key, Profile, Protection, Unlocked, sign_detached};

    fn key(name: &str) -> Unlocked {
        let new = Generate::new(Profile::Modern, now()).user_id(name);
        new.create().unwrap().key
    }

    #[test]
    fn a_key_is_kept_without_its_secret_in_the_certificate() {
        let (ann, _) = two();
        let key = key("Ann <ann@example.org>");
        let sealed = key
            .seal(&ann.session, Custody::Passphrase, 1, now())
            .unwrap();
        assert_eq!(
            sealed.keys().count(),
            key.certificate().fingerprints().count()
        );
        let secrets = KeySecrets::from_bytes(&sealed.to_bytes()).unwrap();
        let again = key
            .certificate()
            .unseal(&secrets, &ann.session, 1, now())
            .unwrap();
        let export = |key: &Unlocked| {
            let open = key.lock(&Protection::None).unwrap();
            open.export(Form::Binary).unwrap()
        };
        assert_eq!(export(&again), export(&key));
        assert!(sign_detached(&again, b"it is me", now(), Form::Binary).is_ok());
        // No part of a secret is readable in what is kept: the secret's octets as they are exported.
        let stored = sealed.to_bytes();
        let plain = export(&key);
        let public = key.certificate().export(Form::Binary).unwrap();
        let secret = plain
            .windows(24)
            .filter(|w| !public.windows(24).any(|p| p == *w));
        for window in secret {
            assert!(!stored.windows(24).any(|w| w == window));
        }
    }

    #[test]
    fn a_secret_of_another_key_is_none_of_this_one() {
        let (ann, _) = two();
        let (one, other) = (key("One"), key("Other"));
        let sealed = one.seal(&ann.session, Custody::Server, 1, now()).unwrap();
        let moved = other.certificate().unseal(&sealed, &ann.session, 1, now());
        assert_eq!(
            moved.unwrap_err(),
            Error::Custody(CustodyError::DoesNotOpen)
        );
        // Even if the account itself put it there.
        let parts = sealed
            .open(&ann.session, one.fingerprint(), 1, now())
            .unwrap();
        let (of, custody) = (other.fingerprint(), Custody::Server);
        let forged = KeySecrets::seal(&ann.session, of, custody, 1, &parts, now()).unwrap();
        let opened = other.certificate().unseal(&forged, &ann.session, 1, now());
        assert!(matches!(opened, Err(Error::Malformed { .. })));
        // The mutation: in its own place it is taken.
        assert!(
            one.certificate()
                .unseal(&sealed, &ann.session, 1, now())
                .is_ok()
        );
    }

    #[test]
    fn the_certificate_may_grow_without_its_secrets() {
        let (ann, _) = two();
        let mut key = key("Ann <ann@example.org>");
        let sealed = key.seal(&ann.session, Custody::Server, 1, now()).unwrap();
        key.add_user_id("Ann <ann@example.net>", now() + Duration::from_secs(90))
            .unwrap();
        let again = key
            .certificate()
            .unseal(&sealed, &ann.session, 1, now())
            .unwrap();
        let locked: Key = again.lock(&Protection::None).unwrap();
        assert_eq!(locked.certificate(), key.certificate());
    }
}
