use std::fmt;

/// A version of TLS, or the last of SSL.
#[allow(clippy::exhaustive_enums)] // a new version of TLS is a new writer and reader
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Version {
    /// SSL 3.0 (RFC 6101), forbidden by RFC 7568.
    Ssl30,
    /// TLS 1.0 (RFC 2246), forbidden by RFC 8996.
    Tls10,
    /// TLS 1.1 (RFC 4346), forbidden by RFC 8996.
    Tls11,
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

impl Version {
    /// All of them, the oldest first.
    pub const ALL: [Self; 5] = [
        Self::Ssl30,
        Self::Tls10,
        Self::Tls11,
        Self::Tls12,
        Self::Tls13,
    ];

    /// As it is on the wire.
    pub fn code(self) -> u16 {
        match self {
            Self::Ssl30 => 0x0300,
            Self::Tls10 => 0x0301,
            Self::Tls11 => 0x0302,
            Self::Tls12 => 0x0303,
            Self::Tls13 => 0x0304,
        }
    }

    /// From the wire.
    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.code() == code)
    }
}

/// `TLS 1.3`.
impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ssl30 => "SSL 3.0",
            Self::Tls10 => "TLS 1.0",
            Self::Tls11 => "TLS 1.1",
            Self::Tls12 => "TLS 1.2",
            Self::Tls13 => "TLS 1.3",
        })
    }
}

/// A group for the key exchange, by its code point (RFC 8446 §4.2.7, RFC 8422 §5.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Group(u16);

/// Sorted by code point: the names of IANA's registry.
const GROUPS: &[(u16, &str)] = &[
    (1, "sect163k1"),
    (2, "sect163r1"),
    (3, "sect163r2"),
    (4, "sect193r1"),
    (5, "sect193r2"),
    (6, "sect233k1"),
    (7, "sect233r1"),
    (8, "sect239k1"),
    (9, "sect283k1"),
    (10, "sect283r1"),
    (11, "sect409k1"),
    (12, "sect409r1"),
    (13, "sect571k1"),
    (14, "sect571r1"),
    (15, "secp160k1"),
    (16, "secp160r1"),
    (17, "secp160r2"),
    (18, "secp192k1"),
    (19, "secp192r1"),
    (20, "secp224k1"),
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
    (41, "curveSM2"),
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
    (25497, "X25519Kyber768Draft00"),
];

impl Group {
    /// X25519 (RFC 8446 §4.2.7).
    pub const X25519: Self = Self(29);
    /// NIST P-256.
    pub const SECP256R1: Self = Self(23);

    /// By its code point.
    pub const fn new(code: u16) -> Self {
        Self(code)
    }

    /// As it is on the wire.
    pub const fn code(self) -> u16 {
        self.0
    }

    /// IANA's name, of those that this crate knows.
    pub fn name(self) -> Option<&'static str> {
        name(GROUPS, self.0)
    }

    /// What is offered in TLS 1.2 and before, newest first: curves.
    pub(crate) fn curves() -> impl Iterator<Item = Self> {
        known(GROUPS).rev().map(Self).filter(|group| group.0 <= 30)
    }

    /// What is offered in TLS 1.3, newest first: no group that RFC 8446 §4.2.7 forbids.
    pub(crate) fn of_tls13() -> impl Iterator<Item = Self> {
        known(GROUPS)
            .rev()
            .map(Self)
            .filter(|group| matches!(group.0, 23..=25 | 29..))
    }
}

/// The name, or the number.
impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        display(self.name(), self.0, f)
    }
}

/// A signature algorithm, by its code point (RFC 8446 §4.2.3); in TLS 1.2 hash and signature
/// (RFC 5246 §7.4.1.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SignatureScheme(u16);

/// Sorted by code point.
const SCHEMES: &[(u16, &str)] = &[
    (0x0101, "rsa_pkcs1_md5"),
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
];

impl SignatureScheme {
    /// By its code point.
    pub const fn new(code: u16) -> Self {
        Self(code)
    }

    /// As it is on the wire.
    pub const fn code(self) -> u16 {
        self.0
    }

    /// IANA's name, of those that this crate knows.
    pub fn name(self) -> Option<&'static str> {
        name(SCHEMES, self.0)
    }

    /// Whether what is signed is a hash that collides: MD5, SHA-1 (RFC 9155).
    pub fn is_weak(self) -> bool {
        matches!(self.0 >> 8, 1 | 2)
    }

    /// All that this crate knows, the strongest first.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        known(SCHEMES).rev().map(Self)
    }
}

/// The name, or the number.
impl fmt::Display for SignatureScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        display(self.name(), self.0, f)
    }
}

pub(super) fn known(table: &'static [(u16, &'static str)]) -> impl DoubleEndedIterator<Item = u16> {
    table.iter().map(|(code, _)| *code)
}

pub(super) fn name(table: &'static [(u16, &'static str)], code: u16) -> Option<&'static str> {
    let at = table.binary_search_by_key(&code, |(code, _)| *code).ok()?;
    table.get(at).map(|(_, name)| *name)
}

pub(super) fn display(name: Option<&str>, code: u16, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match name {
        Some(name) => f.write_str(name),
        None => write!(f, "0x{code:04x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_so_that_every_name_is_found() {
        for table in [GROUPS, SCHEMES, super::super::suites::SUITES] {
            assert!(table.is_sorted_by(|a, b| a.0 < b.0));
            for (code, text) in table {
                assert_eq!(name(table, *code), Some(*text));
            }
        }
    }

    #[test]
    fn groups_are_offered_where_they_may_be() {
        assert!(Group::curves().all(|g| !g.to_string().contains("tls13")));
        assert!(Group::of_tls13().all(|g| g.to_string() != "brainpoolP256r1"));
        let both = [Group::X25519, Group::SECP256R1];
        assert!(both.iter().all(|g| Group::curves().any(|c| c == *g)));
        assert!(both.iter().all(|g| Group::of_tls13().any(|c| c == *g)));
    }
}
