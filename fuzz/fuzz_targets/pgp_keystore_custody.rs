#![no_main]
//! What a store or a user hands to the custody of secrets: what is read is written as it was, and none of it opens.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use libfuzzer_sys::fuzz_target;
use pgp_keystore::Fingerprint;
use pgp_keystore::custody::{
    AccountId, Created, Deadline, KekFile, KeySecrets, RecoveryKey, Setup, Vault,
};

fn account() -> &'static (AccountId, KekFile, Created, Deadline) {
    static ACCOUNT: OnceLock<(AccountId, KekFile, Created, Deadline)> = OnceLock::new();
    ACCOUNT.get_or_init(|| {
        let id = AccountId::new("ann").unwrap();
        let until = Deadline::after(now(), Duration::from_secs(60)).unwrap();
        let kek = KekFile::generate().unwrap();
        let created = Vault::create(&id, &Setup::new(), Some(&kek), until).unwrap();
        (id, kek, created, until)
    })
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_793_491_200)
}

fuzz_target!(|input: &[u8]| {
    let Some((kind, octets)) = input.split_first() else {
        return;
    };
    let (id, kek, created, until) = account();
    match kind {
        0 => {
            let Ok(vault) = Vault::from_bytes(octets) else {
                return;
            };
            assert_eq!(vault.to_bytes(), octets);
            // Not by the passphrase: that costs what a vault says, up to its limit.
            assert!(
                vault
                    .unlock_with_recovery(id, &created.recovery, *until)
                    .is_err()
            );
            assert!(vault.unlock_by_server(id, kek, *until).is_err());
            assert!(vault.with_new_recovery(&created.session, now()).is_err());
        }
        1 => {
            let Ok(secrets) = KeySecrets::from_bytes(octets) else {
                return;
            };
            assert_eq!(secrets.to_bytes(), octets);
            let of = Fingerprint::from_bytes(&[1; 20]).unwrap();
            let opened = secrets.open(&created.session, of, secrets.version(), now());
            assert!(opened.is_err() || secrets.keys().next().is_none());
        }
        2 => {
            let Ok(kek) = KekFile::parse(str::from_utf8(octets).unwrap_or_default()) else {
                return;
            };
            let again = KekFile::parse(&kek.text()).unwrap();
            assert_eq!(*again.text(), *kek.text());
        }
        _ => {
            let Ok(key) = str::from_utf8(octets)
                .unwrap_or_default()
                .parse::<RecoveryKey>()
            else {
                return;
            };
            let again: RecoveryKey = key.text().parse().unwrap();
            assert_eq!(*again.text(), *key.text());
        }
    }
});
