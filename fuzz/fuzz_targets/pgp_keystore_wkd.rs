#![no_main]
//! Requests to a Web Key Directory: three lines, of method, host, and path with query. Every one has a sound answer, what is asked for is what
//! the path and the host say, and where an address is looked for it is found.

use libfuzzer_sys::fuzz_target;
use pgp_keystore::Address;
use pgp_keystore::discovery::openpgpkey_name;
use pgp_keystore::wkd::{Lookup, Method, Variant, Wants, hash, parse, respond, url};

fuzz_target!(|text: &str| {
    let mut lines = text.splitn(3, '\n');
    let [method, host, path] = [(); 3].map(|()| lines.next().unwrap_or_default());
    if let Ok(request) = parse(method, host, path) {
        assert!(path.starts_with("/.well-known/openpgpkey/"));
        let mut missing = Vec::new();
        for lookup in [
            Lookup::Found(b"octets".to_vec()),
            Lookup::Absent,
            Lookup::Unavailable,
        ] {
            let response = respond(&request, lookup.clone());
            assert!([200, 404, 405, 503].contains(&response.status));
            assert_eq!(response.status == 405, request.method == Method::Other);
            assert!(request.method == Method::Get || response.body.is_empty());
            for (_, value) in &response.headers {
                assert!(value.bytes().all(|octet| (0x20..0x7f).contains(&octet)));
            }
            if request.wants == Wants::Nothing && request.method != Method::Other {
                missing.push(response);
            }
        }
        assert!(missing.iter().all(|response| response == &missing[0]));
        if let Some(domain) = request.wants.domain() {
            let address: Address = format!("a@{domain}").parse().unwrap();
            assert_eq!(address.domain(), domain);
        }
    }
    // An address is looked for where it is found.
    let Ok(address) = path.parse::<Address>() else {
        return;
    };
    assert_eq!(address.to_string().parse().as_ref(), Ok(&address));
    if let Some(name) = openpgpkey_name(&address) {
        assert!(name.len() <= 253 && name.ends_with(address.domain()));
    }
    for variant in [Variant::Advanced, Variant::Direct] {
        let url = url(&address, variant);
        let (host, path) = url["https://".len()..].split_once('/').unwrap();
        let request = parse("GET", host, &format!("/{path}")).unwrap();
        let domain = address.domain().to_owned();
        let hash = hash(address.local_part());
        // A name so long that the sub-domain does not fit has no advanced method.
        if host.len() <= 253 {
            assert_eq!(request.wants, Wants::Key { domain, hash });
        }
    }
});
