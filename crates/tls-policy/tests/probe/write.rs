//! What is written, as read by somebody else.

use tls_policy::probe::{ClientHello, Extension, Group, KeyShare, Suite, Version};

use crate::sim::{Heard, hear};

fn heard(hello: &ClientHello) -> Heard {
    hear(&hello.write(&[0x42; ClientHello::RANDOM]))
}

#[test]
fn each_version_is_offered_as_it_is_specified() {
    for (version, legacy, record) in [
        (Version::Ssl30, 0x300, 0x300),
        (Version::Tls10, 0x301, 0x301),
        (Version::Tls11, 0x302, 0x301),
        (Version::Tls12, 0x303, 0x301),
        (Version::Tls13, 0x303, 0x301),
    ] {
        let heard = heard(&ClientHello::new(version));
        assert_eq!((heard.version, heard.record_version), (legacy, record));
        let new = version == Version::Tls13;
        assert_eq!(heard.list(43), new.then(|| vec![0x304]), "{version}");
        assert_eq!(heard.extensions.contains_key(&51), new);
        assert_eq!(heard.session, if new { 32 } else { 0 });
        assert_eq!(
            heard.extensions.contains_key(&13),
            version >= Version::Tls12
        );
        assert_eq!(heard.compressions, [0]);
        // SSL 3.0 has no extensions, and asks for the same with a suite (RFC 5746 §3.3).
        assert_eq!(heard.extensions.is_empty(), version == Version::Ssl30);
        assert_eq!(heard.suites.contains(&0xFF), version == Version::Ssl30);
    }
}

#[test]
fn everything_that_was_ever_specified_can_be_offered() {
    let old = heard(&ClientHello::new(Version::Tls10));
    for code in [
        0x0000_u16, 0x0001, 0x0003, 0x0005, 0x000A, 0x0014, 0x0018, 0x002F, 0x0033, 0xC013,
    ]
    .into_iter()
    .filter(|code| *code != 0)
    {
        assert!(old.suites.contains(&code), "{code:04x}");
    }
    let new = heard(&ClientHello::new(Version::Tls12));
    for code in [
        0x0067_u16, 0x009C, 0x009E, 0xC027, 0xC02B, 0xC02F, 0xC09C, 0xCCA8, 0x0002, 0xC019,
    ] {
        assert!(new.suites.contains(&code), "{code:04x}");
    }
    let groups = heard(&ClientHello::new(Version::Tls13)).list(10).unwrap();
    for code in [23, 24, 25, 29, 30, 31, 256, 260, 4587, 4588, 4589] {
        assert!(groups.contains(&code), "{code}");
    }
    assert!(new.list(10).unwrap().contains(&26));
    let widest = heard(&ClientHello::widest());
    assert_eq!(widest.list(43).unwrap(), [0x304, 0x303, 0x302, 0x301]);
    assert!(
        [0x1301, 0x002F]
            .iter()
            .all(|code| widest.suites.contains(code))
    );
}

#[test]
fn settings_are_written_as_they_are_set() {
    let hello = ClientHello::new(Version::Tls12)
        .with_suites([Suite::new(0x002F), Suite::new(0x0A0A)])
        .with_groups([Group::new(26)])
        .with_server_name("MX.example.org.")
        .with_extensions(Extension::ALL)
        .with_compression()
        .with_fallback_scsv();
    let heard = heard(&hello);
    assert_eq!(heard.suites, [0x002F, 0x0A0A, 0x5600]);
    assert_eq!(heard.list(10).unwrap(), [26]);
    assert_eq!(heard.compressions, [1, 0]);
    assert_eq!(heard.extensions[&0][5..], *b"MX.example.org");
    for extension in Extension::ALL {
        assert!(
            heard.extensions.contains_key(&extension.code()),
            "{extension:?}"
        );
    }
    assert_eq!(heard.extensions[&0xFF01], [0]);
    assert_eq!(heard.extensions[&5], [1, 0, 0, 0, 0]);
}

#[test]
fn compression_and_key_shares_are_where_they_may_be() {
    let hello = ClientHello::new(Version::Tls13).with_compression();
    assert_eq!(
        heard(&hello).compressions,
        [0],
        "RFC 8446 §4.1.2 forbids it"
    );
    assert_eq!(heard(&hello).extensions[&51], [0, 0]);
    let share = heard(&hello.with_key_share(KeyShare::X25519));
    assert_eq!(share.extensions[&51].len(), 2 + 4 + 32);
    assert_eq!(share.extensions[&51][2..6], [0, 29, 0, 32]);
    let old = ClientHello::new(Version::Tls12).with_key_share(KeyShare::X25519);
    assert!(!heard(&old).extensions.contains_key(&51));
}

#[test]
fn only_names_of_hosts_are_asked_for() {
    for wrong in [
        "192.0.2.1",
        "[::1]",
        "2001:db8::1",
        "",
        ".",
        "a..b",
        "a b",
        "x.y.1",
        &"a.".repeat(130),
    ] {
        let hello = ClientHello::new(Version::Tls12).with_server_name(wrong);
        assert_eq!(hello.server_name(), None, "{wrong}");
        assert!(!heard(&hello).extensions.contains_key(&0));
    }
}

/// RFC 7685 §1.
#[test]
fn no_length_is_one_that_some_servers_hang_on() {
    let mut padded = 0;
    for count in 0..300 {
        let suites = (0..count).map(|_| Suite::new(0x002F));
        let hello = ClientHello::new(Version::Tls12)
            .with_suites(suites)
            .with_groups([])
            .with_schemes([]);
        let heard = heard(&hello);
        assert!(!(256..512).contains(&heard.message), "{}", heard.message);
        padded += usize::from(heard.extensions.contains_key(&21));
    }
    assert!(padded > 50);
}

/// However much is asked for, it fits into a record.
#[test]
fn no_list_is_too_long_for_a_record() {
    let hello = ClientHello::new(Version::Tls13)
        .with_suites((0..=u16::MAX).map(Suite::new))
        .with_groups((0..=u16::MAX).map(Group::new))
        .with_schemes((0..=u16::MAX).map(tls_policy::probe::SignatureScheme::new))
        .with_server_name(&["a"; 127].join("."))
        .with_extensions(Extension::ALL.into_iter().chain(Extension::ALL));
    let heard = heard(&hello);
    assert_eq!(heard.suites.len(), ClientHello::MAX_ITEMS);
    assert!(heard.message <= 1 << 14);
}
