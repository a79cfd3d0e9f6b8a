use std::hint::black_box;
use std::time::SystemTime;

use dane_tlsa::{Crypto, Matcher, References, RrSet, Tlsa};
use rustls_pki_types::CertificateDer;

use crate::Count;

pub(crate) const COUNTS: &[Count] = &[
    Count {
        name: "dane-tlsa/record-from-rdata",
        ready: || {
            let rdata = [&[3, 1, 1][..], &[7; 32]].concat();
            Box::new(move || {
                black_box(Tlsa::from_rdata(black_box(&rdata)).is_ok());
            })
        },
    },
    Count {
        name: "dane-tlsa/record-from-text",
        ready: || {
            let text = "3 1 1 ".to_owned() + &"07".repeat(32);
            Box::new(move || {
                black_box(black_box(&*text).parse::<Tlsa>().is_ok());
            })
        },
    },
    Count {
        name: "dane-tlsa/usable-for-smtp",
        ready: || {
            let records = ["2 1 1", "3 1 1", "3 1 2", "1 0 1"]
                .map(|fields| format!("{fields} {}", "07".repeat(32)).parse());
            let records: Vec<Tlsa> = records.into_iter().filter_map(Result::ok).collect();
            let records = RrSet::new(records).assume_secure();
            Box::new(move || {
                black_box(black_box(&records).usable_for_smtp());
            })
        },
    },
    Count {
        name: "dane-tlsa/verify-dane-ee",
        ready: verify,
    },
];

/// The form of a certificate with a P-256 key, which is all that usage 3 looks at; always the same octets.
fn certificate() -> CertificateDer<'static> {
    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = content.len();
        let head = match length {
            0..0x80 => vec![tag, length as u8],
            0x80..0x100 => vec![tag, 0x81, length as u8],
            _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
        };
        [head, content.to_vec()].concat()
    }
    let sequence = |content: &[Vec<u8>]| element(0x30, &content.concat());
    let algorithm = || sequence(&[element(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1])]);
    let name = || sequence(&[element(0x31, &[7; 16])]);
    let times = [
        element(0x17, b"260101000000Z"),
        element(0x17, b"270101000000Z"),
    ];
    let spki = sequence(&[algorithm(), element(3, &[0; 66])]);
    let tbs = [
        element(0xa0, &element(2, &[2])),
        element(2, &[1]),
        algorithm(),
        name(),
        sequence(&times),
        name(),
        spki,
        element(0xa3, &sequence(&[element(4, &[0; 100])])),
    ];
    sequence(&[sequence(&tbs), algorithm(), element(3, &[0; 72])]).into()
}

fn verify() -> Box<dyn FnMut()> {
    let chain = [certificate()];
    let crypto = Crypto::aws_lc_rs();
    let record = Tlsa::for_certificate(dane_tlsa::Parameters::DANE_EE, &chain[0], &crypto);
    let records: Vec<_> = record.into_iter().collect();
    let usable = RrSet::new(records).assume_secure().usable_for_smtp();
    let names = References::new(["mx.example.org"]);
    let matcher = usable
        .zip(names.ok())
        .map(|(usable, names)| Matcher::new(usable, names, crypto));
    let now = SystemTime::UNIX_EPOCH;
    Box::new(move || {
        let [own] = black_box(&chain);
        let matched = matcher.as_ref().map(|m| m.check(own, &[], now).is_match());
        assert_eq!(matched, Some(true));
    })
}
