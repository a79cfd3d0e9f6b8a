#![no_main]
//! Whatever is imported can be looked at, encrypted to, written and read again, and a merge with itself changes nothing.

use std::time::{Duration, SystemTime};

use libfuzzer_sys::fuzz_target;
use pgp_keystore::{Certificate, Form, Limits, Recipient, Revocation, import, plan_send};

fuzz_target!(|octets: &[u8]| {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_793_491_200);
    let _ = Revocation::parse(octets);
    let Ok(imported) = import(octets, &Limits::default()) else {
        return;
    };
    let of_keys = imported.keys.iter().map(|key| {
        let _ = key.at(now);
        let _ = key.unlock_unprotected();
        key.certificate()
    });
    let certificates: Vec<Certificate> = of_keys.chain(imported.certificates.clone()).collect();
    for certificate in &certificates {
        let view = certificate.at(now);
        assert_eq!(view.fingerprint, certificate.fingerprint());
        let plan = plan_send(&[Recipient::new("a@example.org", [certificate])], now);
        let usable = plan.encrypt(b"x", None, now, Form::Binary);
        assert!(usable.is_err() || plan.readers().count() == 1);
        let _ = certificate.export_minimal(None, now, Form::Binary);
        let Ok(written) = certificate.export(Form::Binary) else {
            continue;
        };
        let Ok(again) = Certificate::parse(&written) else {
            continue;
        };
        // Octets may differ: where signatures that fit nothing are kept is not defined. What counts is the same.
        assert_eq!(again.fingerprint(), certificate.fingerprint());
        let merged = again.merge(&again);
        assert_eq!(merged.map(|merged| merged.at(now)), Ok(again.at(now)));
    }
});
