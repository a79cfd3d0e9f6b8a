//! One-time passwords: what holds for all inputs.
#![allow(missing_docs, clippy::unwrap_used)]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proptest::collection::vec;
use proptest::prelude::*;
use twofactor::otp::{
    Algorithm, Code, Issuer, Label, Moving, Otp, Parameters, Qr, REACH, Secret, Window, migration,
    parse_uri,
};
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

fn algorithm() -> impl Strategy<Value = Algorithm> {
    prop_oneof![
        Just(Algorithm::Sha1),
        Just(Algorithm::Sha256),
        Just(Algorithm::Sha512)
    ]
}

prop_compose! {
    fn parameters()(algorithm in algorithm(), digits in 6u8..=8, period in proptest::option::of(15u32..=300)) -> Parameters {
        let parameters = match period {
            Some(period) => Parameters::totp().with_period(period).unwrap(),
            None => Parameters::hotp(),
        };
        parameters.with_digits(digits).unwrap().with_algorithm(algorithm)
    }
}

prop_compose! {
    fn otp()(parameters in parameters(), secret in vec(any::<u8>(), 10..=64)) -> Otp {
        Otp::new(parameters, Secret::new(&secret).unwrap())
    }
}

/// Names of whatever may stand in a name.
fn name() -> impl Strategy<Value = String> {
    ".{0,40}".prop_map(|text| {
        let may = |c: &char| Label::new(&format!("x{c}x")).is_ok();
        let text: String = text.chars().filter(may).take(31).collect();
        format!("x{text}").trim().to_owned()
    })
}

fn time() -> impl Strategy<Value = SystemTime> {
    (0u64..1 << 40).prop_map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds))
}

/// The text in the digits of another script.
fn in_digits_of(text: &str, zero: char) -> String {
    text.chars()
        .map(|c| match c.to_digit(10) {
            Some(digit) => char::from_u32(u32::from(zero) + digit).unwrap(),
            None => c,
        })
        .collect()
}

/// Every zero of Unicode.
fn zeros() -> Vec<char> {
    let decimal = |c: char| c.general_category() == GeneralCategory::DecimalNumber;
    let (mut zeros, mut run) = (Vec::new(), 0);
    for character in '\0'..=char::MAX {
        if decimal(character) {
            if run % 10 == 0 {
                zeros.push(character);
            }
            run += 1;
        } else {
            run = 0;
        }
    }
    zeros
}

#[test]
fn every_script_with_ten_digits_is_read() {
    let zeros = zeros();
    assert!(zeros.len() >= 77, "{}", zeros.len());
    for zero in zeros {
        let typed = in_digits_of("0123 4567", zero);
        assert_eq!(
            Code::parse(&typed).unwrap().expose(),
            "01234567",
            "{zero:?}"
        );
        let typed = in_digits_of("89-89.89", zero);
        assert_eq!(Code::parse(&typed).unwrap().expose(), "898989", "{zero:?}");
    }
}

proptest! {
    #[test]
    fn a_uri_is_read_as_it_was_written(otp in otp(), issuer in proptest::option::of(name()), label in name(), counter: u64) {
        let issuer = issuer.map(|issuer| Issuer::new(&issuer).unwrap());
        let label = Label::new(&label).unwrap();
        let uri = otp.uri_from(issuer.as_ref(), &label, counter);
        let read = parse_uri(&uri).unwrap();
        let counts = otp.parameters().moving() == Moving::Counter;
        prop_assert_eq!(read.counter, counts.then_some(counter));
        prop_assert_eq!(read.otp, otp);
        prop_assert_eq!(&read.issuer, &issuer);
        prop_assert_eq!(&read.label, &label);
        // And so does another parser of URIs: RFC 3986 as WHATWG reads it.
        let other = url::Url::parse(&uri).unwrap();
        let secret = other.query_pairs().find(|(name, _)| name == "secret").unwrap().1;
        prop_assert_eq!(&*secret, otp_secret(&uri));
        let issued = other.query_pairs().find(|(name, _)| name == "issuer");
        prop_assert_eq!(issued.as_ref().map(|(_, value)| &**value), issuer.as_ref().map(Issuer::as_str));
        prop_assert!(uri.is_ascii() && uri.len() <= Qr::MAX_OCTETS);
    }

    #[test]
    fn base32_is_read_as_it_was_written(secret in vec(any::<u8>(), 10..=64)) {
        let secret = Secret::new(&secret).unwrap();
        let small = secret.manual_key().to_lowercase();
        for text in [&*secret.to_base32(), &*secret.manual_key(), &small] {
            prop_assert_eq!(Secret::from_base32(text).unwrap(), secret.clone());
        }
        let groups: Vec<&str> = small.split(' ').collect();
        prop_assert!(groups.iter().rev().skip(1).all(|group| group.len() == 4));
    }

    #[test]
    fn stored_octets_are_read_as_they_were_written(otp in otp()) {
        prop_assert_eq!(Otp::from_octets(&otp.to_octets()), Ok(otp));
    }

    #[test]
    fn what_is_read_from_octets_is_what_was_stored(octets in vec(prop_oneof![0u8..9, any::<u8>()], 0..80)) {
        if let Ok(otp) = Otp::from_octets(&octets) {
            prop_assert_eq!(&*otp.to_octets(), &octets);
        }
    }

    #[test]
    fn an_export_is_read_as_it_was_written(
        given in vec((algorithm(), any::<bool>(), any::<bool>(), vec(any::<u8>(), 10..=64), proptest::option::of(name()), name(), 0u64..1 << 63), 0..25)
    ) {
        let accounts: Vec<_> = given.iter().map(|(algorithm, eight, counts, secret, issuer, label, counter)| {
            let parameters = if *counts { Parameters::hotp() } else { Parameters::totp() };
            let parameters = parameters.with_algorithm(*algorithm).with_digits(if *eight { 8 } else { 6 }).unwrap();
            let otp = Otp::new(parameters, Secret::new(secret).unwrap());
            (otp, issuer.as_ref().map(|i| Issuer::new(i).unwrap()), Label::new(label).unwrap(), *counter)
        }).collect();
        let exported: Vec<_> = accounts.iter().map(|(otp, issuer, label, counter)| {
            migration::Account { otp, issuer: issuer.as_ref(), label, counter: *counter }
        }).collect();
        let uris = migration::write(&exported).unwrap();
        let batches: Vec<_> = uris.iter().map(|uri| migration::parse(uri).unwrap()).collect();
        for (at, batch) in batches.iter().enumerate() {
            prop_assert!(batch.skipped.is_empty() && batch.accounts.len() <= 10);
            prop_assert_eq!((batch.index as usize, batch.size as usize), (at, batches.len()));
            prop_assert_eq!(batch.id, batches[0].id);
            prop_assert!(uris[at].len() <= 1367, "{}", uris[at].len());
        }
        let read: Vec<_> = batches.iter().flat_map(|batch| &batch.accounts).collect();
        prop_assert_eq!(read.len(), accounts.len());
        for (read, (otp, issuer, label, counter)) in read.into_iter().zip(&accounts) {
            prop_assert_eq!((&read.otp, &read.issuer, &read.label), (otp, issuer, label));
            let counts = otp.parameters().moving() == Moving::Counter;
            prop_assert_eq!(read.counter, counts.then_some(*counter));
        }
    }

    #[test]
    fn a_code_is_found_at_its_step(otp in otp(), now in time(), away in -21i64..=21, back in 0u8..=4, ahead in 0u8..=4) {
        let Some(period) = otp.parameters().period() else {
            let code = otp.code_at(7);
            prop_assert_eq!(otp.find_at(&code, now, Window::default()), Default::default());
            return Ok(());
        };
        let here = otp.step_at(now);
        let Some(step) = here.checked_add_signed(away) else { return Ok(()) };
        let found = otp.find_at(&otp.code_at(step), now, Window::new(back, ahead));
        let inside = (-i64::from(back)..=i64::from(ahead)).contains(&away);
        prop_assert_eq!(found.in_window.contains(&step), inside);
        prop_assert!(found.in_window.is_sorted());
        prop_assert!(found.in_window.is_empty() || found.outside.is_none());
        if let Some(outside) = found.outside {
            prop_assert!(!inside && outside.step.abs_diff(here) <= REACH);
            let steps = i64::try_from(outside.step).unwrap() - i64::try_from(here).unwrap();
            prop_assert_eq!(outside.drift, steps * i64::from(period));
            prop_assert!(steps.unsigned_abs() <= away.unsigned_abs());
        } else {
            prop_assert!(!found.in_window.is_empty() || away.unsigned_abs() > REACH);
        }
    }

    #[test]
    fn a_counters_code_is_found_ahead_and_never_behind(secret in vec(any::<u8>(), 20), next: u64, away in -3i64..=12, look_ahead in 0u8..=10) {
        let otp = Otp::new(Parameters::hotp().with_digits(8).unwrap(), Secret::new(&secret).unwrap());
        let Some(counter) = next.checked_add_signed(away) else { return Ok(()) };
        let found = otp.find_from(&otp.code_at(counter), next, look_ahead);
        let inside = (0..=i64::from(look_ahead)).contains(&away);
        prop_assert_eq!(found.in_window.contains(&counter), inside);
        prop_assert!(found.in_window.iter().all(|&found| found >= next && found - next <= u64::from(look_ahead)));
        prop_assert_eq!(found.outside, None);
    }

    #[test]
    fn two_codes_that_follow_each_other_are_found(secret in vec(any::<u8>(), 20), next in 0u64..1 << 40, away in 0u64..=60) {
        let otp = Otp::new(Parameters::hotp().with_digits(8).unwrap(), Secret::new(&secret).unwrap());
        let (first, second) = (otp.code_at(next + away), otp.code_at(next + away + 1));
        let found = otp.resync(&first, &second, next, 50);
        prop_assert_eq!(found, (away <= 50).then_some(next + away + 1));
        prop_assert_eq!(otp.resync(&second, &first, next, 50), None);
    }

    #[test]
    fn nothing_that_is_typed_panics(text: String, octets in vec(any::<u8>(), 0..300)) {
        if let Ok(code) = Code::parse(&text) {
            prop_assert!((6..=8).contains(&code.expose().len()));
            prop_assert!(code.expose().bytes().all(|octet| octet.is_ascii_digit()));
        }
        let _ = Secret::from_base32(&text);
        let _ = parse_uri(&format!("otpauth://totp/{text}"));
        let _ = parse_uri(&format!("otpauth://hotp/a?{text}"));
        let _ = migration::parse(&format!("otpauth-migration://offline?data={text}"));
        let data = data_encoding::BASE64URL.encode(&octets);
        let _ = migration::parse(&format!("otpauth-migration://offline?data={data}"));
    }

    #[test]
    fn no_time_panics(otp in otp(), before in any::<bool>(), seconds: u64, code in "[0-9]{6,8}") {
        let distance = Duration::from_secs(seconds >> 2);
        let now = if before { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) };
        let _ = otp.find_at(&Code::parse(&code).unwrap(), now.unwrap_or(UNIX_EPOCH), Window::steps(255));
    }
}

/// The secret in a URI, as it stands there.
fn otp_secret(uri: &str) -> &str {
    let rest = uri.split_once("secret=").unwrap().1;
    rest.split('&').next().unwrap()
}
