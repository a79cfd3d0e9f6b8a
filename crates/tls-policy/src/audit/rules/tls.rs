//! Lists and switches that several sets share.

use crate::audit::check::{Flag, List, Part, Version};

const fn part(codes: &'static [u16], until: Option<u16>) -> Part {
    Part { codes, until }
}

/// AES-128-GCM, AES-256-GCM, AES-128-CCM.
pub(super) const SUITES13: List = &[part(&[0x1301, 0x1302, 0x1304], None)];

/// ECDHE with AES in GCM, CCM, and CBC with SHA-2.
const ECDHE: &[u16] = &[
    0xC023, 0xC024, 0xC027, 0xC028, 0xC02B, 0xC02C, 0xC02F, 0xC030, 0xC0AC, 0xC0AD,
];
/// The same with DHE, of RSA and DSS.
const DHE: &[u16] = &[
    0x0040, 0x0067, 0x006A, 0x006B, 0x009E, 0x009F, 0x00A2, 0x00A3, 0xC09E, 0xC09F,
];
/// The same without forward secrecy: static ECDH and DH.
const STATIC: &[u16] = &[
    0x003E, 0x003F, 0x0068, 0x0069, 0x00A0, 0x00A1, 0x00A4, 0x00A5, 0xC025, 0xC026, 0xC029, 0xC02A,
    0xC02D, 0xC02E, 0xC031, 0xC032,
];

pub(super) const SUITES12: List = &[
    part(ECDHE, Some(2031)),
    part(DHE, Some(2029)),
    part(STATIC, Some(2026)),
];
/// With no end, as none is known.
pub(super) const SUITES12_UNDATED: List = &[part(ECDHE, None), part(DHE, None), part(STATIC, None)];

/// With ChaCha20 below the others, as TR-03116-4 2.2.1 allows servers that have RSA certificates.
pub(super) const SUITES12_CHACHA: List = &[
    part(ECDHE, Some(2031)),
    part(DHE, Some(2029)),
    part(STATIC, Some(2026)),
    part(&[0xCCA8], None),
];

/// P-256, P-384, P-521.
const NIST: &[u16] = &[23, 24, 25];
const BRAINPOOL12: &[u16] = &[26, 27, 28];
const BRAINPOOL13: &[u16] = &[31, 32, 33];
/// ffdhe3072, ffdhe4096.
const FFDHE: &[u16] = &[257, 258];
/// SecP256r1MLKEM768, SecP384r1MLKEM1024.
pub(super) const ANNOUNCED: &[u16] = &[4587, 4589];

pub(super) const GROUPS12: List = &[
    part(NIST, Some(2031)),
    part(BRAINPOOL12, Some(2031)),
    part(FFDHE, Some(2029)),
];
/// What is announced is no fault. Alone, the others end in 2031; beside what is announced nobody says.
pub(super) const GROUPS13: List = &[
    part(NIST, None),
    part(BRAINPOOL13, None),
    part(FFDHE, None),
    part(ANNOUNCED, None),
];
pub(super) const GROUPS12_UNDATED: List =
    &[part(NIST, None), part(BRAINPOOL12, None), part(FFDHE, None)];
/// What a client offers is for both versions.
pub(super) const GROUPS: List = &[
    part(NIST, None),
    part(BRAINPOOL12, None),
    part(BRAINPOOL13, None),
    part(FFDHE, None),
    part(ANNOUNCED, None),
];

/// ECDSA and RSA-PSS with SHA-2; PKCS#1 v1.5 to the end of 2025.
pub(super) const SIGNATURES: List = &[
    part(
        &[
            0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0809, 0x080A, 0x080B, 0x081A, 0x081B,
            0x081C,
        ],
        None,
    ),
    part(&[0x0401, 0x0501, 0x0601], Some(2025)),
];
pub(super) const PKCS1_UNTIL: u16 = 2025;

pub(super) const TLS13: Flag = Flag {
    of: |tls| &tls.tls13,
    wanted: true,
    version: Version::Any,
};
pub(super) const NO_COMPRESSION: Flag = Flag {
    of: |tls| &tls.compression,
    wanted: false,
    version: Version::Tls12,
};
pub(super) const SECURE_RENEGOTIATION: Flag = Flag {
    of: |tls| &tls.secure_renegotiation,
    wanted: true,
    version: Version::Tls12,
};
pub(super) const NO_CLIENT_RENEGOTIATION: Flag = Flag {
    of: |tls| &tls.client_renegotiation,
    wanted: false,
    version: Version::Tls12,
};
pub(super) const EXTENDED_MASTER_SECRET: Flag = Flag {
    of: |tls| &tls.extended_master_secret,
    wanted: true,
    version: Version::Tls12,
};
pub(super) const NO_TRUNCATED_HMAC: Flag = Flag {
    of: |tls| &tls.truncated_hmac,
    wanted: false,
    version: Version::Tls12,
};
pub(super) const NO_HEARTBEAT: Flag = Flag {
    of: |tls| &tls.heartbeat,
    wanted: false,
    version: Version::Any,
};
pub(super) const NO_EARLY_DATA: Flag = Flag {
    of: |tls| &tls.early_data,
    wanted: false,
    version: Version::Tls13,
};
pub(super) const OCSP_STAPLED: Flag = Flag {
    of: |tls| &tls.ocsp_stapled,
    wanted: true,
    version: Version::Any,
};
