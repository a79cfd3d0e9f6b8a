//! What is typed: a code, a secret, a name. Each reads the same when it is typed as it was understood; and octets that
//! read as a stored factor are those that it is stored as.
#![no_main]

use libfuzzer_sys::fuzz_target;
use twofactor::otp::{Code, Issuer, Label, Otp, Secret};

fuzz_target!(|data: &[u8]| {
    if let Ok(otp) = Otp::from_octets(data) {
        assert_eq!(&**otp.to_octets(), data);
    }
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match Code::parse(text) {
        Ok(code) => {
            assert!((6..=8).contains(&code.expose().len()));
            assert!(code.expose().bytes().all(|octet| octet.is_ascii_digit()));
            assert_eq!(Code::parse(code.expose()).as_ref(), Ok(&code));
        }
        Err(why) => assert!(why.code().starts_with("otp.code.")),
    }
    match Secret::from_base32(text) {
        Ok(secret) => {
            assert!((10..=64).contains(&secret.expose().len()));
            assert_eq!(
                Secret::from_base32(&secret.manual_key()).as_ref(),
                Ok(&secret)
            );
        }
        Err(why) => assert!(why.code().starts_with("otp.secret.")),
    }
    match (Label::new(text), Issuer::new(text)) {
        (Ok(label), Ok(issuer)) => {
            assert_eq!(label.as_str(), issuer.as_str());
            assert_eq!(Label::new(label.as_str()).as_ref(), Ok(&label));
        }
        (Err(why), Err(same)) => assert_eq!(why, same),
        _ => unreachable!("both have the same rules"),
    }
});
