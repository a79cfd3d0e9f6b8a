use std::hint::black_box;

use mail_dns::Name;

use crate::Count;

pub(crate) const COUNTS: &[Count] = &[
    Count {
        name: "mail-dns/name-from-octets",
        ready: || {
            let text = b"selector._domainkey.mail.example.com";
            Box::new(move || {
                black_box(Name::from_octets(black_box(text)).is_ok());
            })
        },
    },
    Count {
        name: "mail-dns/name-to-string",
        ready: || {
            let name = Name::from_octets(b"selector._domainkey.mail.example.com");
            Box::new(move || {
                black_box(black_box(&name).as_ref().map(Name::to_string).ok());
            })
        },
    },
];
