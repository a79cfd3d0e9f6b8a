//! Whatever a server sends, however it is cut, comes to the same outcome; an answer is one to what was offered;
//! and a plan that gets nothing but this comes to an end within its budget.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tls_policy::probe::{ClientHello, Extension, Failure, Outcome, Plan, Reader, Version};

fuzz_target!(|data: &[u8]| {
    let Some((&first, octets)) = data.split_first() else {
        return;
    };
    let hello = match first & 7 {
        0 => ClientHello::new(Version::Ssl30),
        1 => ClientHello::new(Version::Tls10),
        2 => ClientHello::new(Version::Tls11),
        3 => ClientHello::new(Version::Tls12),
        4 => ClientHello::new(Version::Tls13),
        5 => ClientHello::ssl2(),
        6 => ClientHello::new(Version::Tls12)
            .with_extensions(Extension::ALL)
            .with_compression(),
        _ => ClientHello::widest(),
    };
    let whole = read(&hello, octets, octets.len().max(1));
    let cut = read(&hello, octets, usize::from(first >> 3) + 1);
    assert_eq!(whole, cut);
    if let Some(Outcome::Answered(flight)) = &whole
        && !flight.ssl2
    {
        assert!(hello.suites().contains(&flight.suite));
        assert!(flight.suite.fits(flight.version));
        assert!(flight.version <= hello.version());
        assert!(flight.certificates.len() <= Reader::MAX_CERTIFICATES);
        assert!(flight.group.is_none_or(|group| hello.groups().contains(&group)));
    }
    // The same octets to every question.
    let mut asked = 0;
    let findings = Plan::new("mx.example.org").with_budget(60).run(|hello| {
        asked += 1;
        let read = read(hello, octets, octets.len().max(1));
        read.unwrap_or(Outcome::Failed(Failure::Timeout))
    });
    assert!(asked <= 60 && findings.connections() == asked);
});

fn read(hello: &ClientHello, octets: &[u8], size: usize) -> Option<Outcome> {
    let mut reader = Reader::new(hello.clone());
    octets.chunks(size).find_map(|chunk| reader.push(chunk))
}
