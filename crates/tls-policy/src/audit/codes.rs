//! Names of the numbers in TLS, as IANA lists them.

/// `TLS_AES_128_GCM_SHA256` for 0x1301.
pub fn suite_name(code: u16) -> Option<&'static str> {
    let table = include_str!("suites.txt");
    let (_, from) = table.split_once(&format!("\n{code:04X} "))?;
    from.lines().next()
}

/// `secp256r1` for 23.
pub fn group_name(code: u16) -> Option<&'static str> {
    find(GROUPS, code)
}

/// `rsa_pkcs1_sha256` for 0x0401.
pub fn scheme_name(code: u16) -> Option<&'static str> {
    find(SCHEMES, code)
}

fn find(table: &[(u16, &'static str)], code: u16) -> Option<&'static str> {
    let found = table.iter().find(|(number, _)| *number == code);
    found.map(|(_, name)| *name)
}

/// Which registry a number is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Registry {
    Suites,
    Groups,
    Schemes,
}

impl Registry {
    /// The name, or the number.
    pub(crate) fn name(self, code: u16) -> String {
        let name = match self {
            Self::Suites => suite_name(code),
            Self::Groups => group_name(code),
            Self::Schemes => scheme_name(code),
        };
        name.map_or_else(|| format!("0x{code:04X}"), str::to_owned)
    }

    /// The first few, and how many more there are.
    pub(crate) fn names(self, codes: impl IntoIterator<Item = u16>) -> String {
        const SHOWN: usize = 4;
        let codes: Vec<u16> = codes.into_iter().collect();
        let shown = codes.iter().take(SHOWN).map(|code| self.name(*code));
        let mut text = shown.collect::<Vec<_>>().join(", ");
        if let Some(more @ 1..) = codes.len().checked_sub(SHOWN) {
            text.push_str(&format!(" and {more} more"));
        }
        text
    }
}

const GROUPS: &[(u16, &str)] = &[
    (19, "secp192r1"),
    (21, "secp224r1"),
    (22, "secp256k1"),
    (23, "secp256r1"),
    (24, "secp384r1"),
    (25, "secp521r1"),
    (26, "brainpoolP256r1"),
    (27, "brainpoolP384r1"),
    (28, "brainpoolP512r1"),
    (29, "x25519"),
    (30, "x448"),
    (31, "brainpoolP256r1tls13"),
    (32, "brainpoolP384r1tls13"),
    (33, "brainpoolP512r1tls13"),
    (256, "ffdhe2048"),
    (257, "ffdhe3072"),
    (258, "ffdhe4096"),
    (259, "ffdhe6144"),
    (260, "ffdhe8192"),
    (512, "MLKEM512"),
    (513, "MLKEM768"),
    (514, "MLKEM1024"),
    (4587, "SecP256r1MLKEM768"),
    (4588, "X25519MLKEM768"),
    (4589, "SecP384r1MLKEM1024"),
];

const SCHEMES: &[(u16, &str)] = &[
    (0x0201, "rsa_pkcs1_sha1"),
    (0x0202, "dsa_sha1"),
    (0x0203, "ecdsa_sha1"),
    (0x0301, "rsa_pkcs1_sha224"),
    (0x0302, "dsa_sha224"),
    (0x0303, "ecdsa_sha224"),
    (0x0401, "rsa_pkcs1_sha256"),
    (0x0402, "dsa_sha256"),
    (0x0403, "ecdsa_secp256r1_sha256"),
    (0x0501, "rsa_pkcs1_sha384"),
    (0x0502, "dsa_sha384"),
    (0x0503, "ecdsa_secp384r1_sha384"),
    (0x0601, "rsa_pkcs1_sha512"),
    (0x0602, "dsa_sha512"),
    (0x0603, "ecdsa_secp521r1_sha512"),
    (0x0804, "rsa_pss_rsae_sha256"),
    (0x0805, "rsa_pss_rsae_sha384"),
    (0x0806, "rsa_pss_rsae_sha512"),
    (0x0807, "ed25519"),
    (0x0808, "ed448"),
    (0x0809, "rsa_pss_pss_sha256"),
    (0x080A, "rsa_pss_pss_sha384"),
    (0x080B, "rsa_pss_pss_sha512"),
    (0x081A, "ecdsa_brainpoolP256r1tls13_sha256"),
    (0x081B, "ecdsa_brainpoolP384r1tls13_sha384"),
    (0x081C, "ecdsa_brainpoolP512r1tls13_sha512"),
    (0x0904, "mldsa44"),
    (0x0905, "mldsa65"),
    (0x0906, "mldsa87"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_names_and_lists_end() {
        assert_eq!(suite_name(0x1301), Some("TLS_AES_128_GCM_SHA256"));
        assert_eq!(
            suite_name(0xC02B),
            Some("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256")
        );
        assert_eq!(suite_name(0xABCD), None);
        assert_eq!(
            Registry::Groups.names([4589, 1]),
            "SecP384r1MLKEM1024, 0x0001"
        );
        assert_eq!(
            Registry::Schemes.names([0x0401; 9]),
            "rsa_pkcs1_sha256, rsa_pkcs1_sha256, rsa_pkcs1_sha256, rsa_pkcs1_sha256 and 5 more"
        );
        // Every line but the first is a number and a name, none twice.
        let lines: Vec<_> = include_str!("suites.txt").lines().skip(1).collect();
        let mut codes: Vec<u16> = Vec::new();
        for line in &lines {
            let (number, name) = line.split_once(' ').unwrap();
            assert!(name.starts_with("TLS_") && number.len() == 4, "{line}");
            codes.push(u16::from_str_radix(number, 16).unwrap());
        }
        assert!(codes.is_sorted() && codes.windows(2).all(|two| two[0] != two[1]));
        assert!(codes.len() > 300);
    }
}
