//! Secrets as they are typed, pasted or sent: what is read is written so that it is read as the same, and nothing that was not
//! sealed opens.
#![no_main]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use libfuzzer_sys::fuzz_target;
use twofactor::{
    AppId, AppPassword, Cost, DeviceId, DeviceToken, Keyring, Pending, RecoveryCode, Scopes,
};

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fuzz_target!(|input: &[u8]| {
    let Some((kind, octets)) = input.split_first() else {
        return;
    };
    let text = str::from_utf8(octets).unwrap_or_default();
    match kind % 6 {
        0 => {
            if let Some(code) = RecoveryCode::parse(text) {
                let again = RecoveryCode::parse(&code.text()).expect("a code");
                assert_eq!(
                    (again.text(), again.selector()),
                    (code.text(), code.selector())
                );
                assert!(code.selector() < 1 << 20);
            }
        }
        1 => {
            if let Some(app) = AppPassword::parse(text) {
                let again = AppPassword::parse(&app.text()).expect("an app password");
                assert_eq!((again.text(), again.id()), (app.text(), app.id()));
                assert!(again.is(&app.digest()));
                assert_eq!(app.id().to_string().parse::<AppId>(), Ok(app.id()));
            }
        }
        2 => {
            if let Some(token) = DeviceToken::parse(text) {
                assert_eq!(*token.text(), text);
                assert_eq!(token.id().to_string().parse::<DeviceId>(), Ok(token.id()));
            }
        }
        3 => {
            let keyring = Keyring::new(1, [1; 32]);
            assert!(Pending::open(&keyring, text, now()).is_none());
        }
        4 => {
            let keyring = Keyring::new(1, [1; 32]);
            assert!(keyring.open(&[b"seed"], octets).is_err());
            let _ = keyring.is_current(octets);
        }
        _ => {
            // Only hashes of a small cost: the others are within the limits, and slow.
            let cheap = text.contains("m=64,t=1,p=1$");
            let code = RecoveryCode::parse("0123-4567-89AB-CDEF").expect("a code");
            if cheap || text.len() < 20 {
                let _ = code.check(text);
            }
            let _ = (
                Cost::new(19 << 10, 2, 1),
                Scopes::from_octet(text.len() as u8),
            );
        }
    }
});
