//! Any octets are a record that prints as what it is, and any text that reads as one prints so that
//! it is read again; whether it is usable is an answer and no panic.
#![no_main]

use dane_tlsa::{MatchingType, Protocol, RrSet, Selector, Tlsa};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(record) = Tlsa::from_rdata(data) {
        assert_eq!(record.to_rdata(), data);
        assert_eq!(record.to_string().parse().as_ref(), Ok(&record));
        look(&record);
    } else {
        assert!(data.len() < 3 || data.len() > 65_535);
    }
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(record) = text.parse::<Tlsa>()
    {
        assert_eq!(Tlsa::from_rdata(&record.to_rdata()).as_ref(), Ok(&record));
        assert_eq!(record.to_string().parse().as_ref(), Ok(&record));
        look(&record);
    }
});

fn look(record: &Tlsa) {
    let smtp = record.usability(Protocol::Smtp);
    // What SMTP can use, every protocol can.
    assert!(smtp.is_err() || record.usability(Protocol::WithRoots).is_ok());
    let usable = RrSet::new([record.clone()]).assume_secure().usable_for_smtp();
    assert_eq!(usable.is_some(), smtp.is_ok());
    if smtp.is_ok() {
        assert!(matches!(u8::from(record.usage()), 2 | 3));
        assert!(matches!(record.selector(), Selector::Cert | Selector::Spki));
        match record.matching() {
            MatchingType::Full => assert_eq!(record.data().first(), Some(&0x30)),
            MatchingType::Sha256 => assert_eq!(record.data().len(), 32),
            MatchingType::Sha512 => assert_eq!(record.data().len(), 64),
            other => panic!("{other:?} is usable"),
        }
    }
}
