use super::tls::*;
use crate::audit::{
    Date, Level, Rule, RuleSet,
    check::{Amount, Chains, Check, On, What},
    rule::{left_out, rule},
};

const OLD: &str = "switch off SSL and TLS 1.0 and 1.1";
const NEW: &str = "switch on TLS 1.3";
const SUITES: &str =
    "offer AES-GCM with ECDHE only, and leave out ChaCha20 and what has no forward secrecy";
const GROUPS_REMEDY: &str =
    "offer secp256r1 and secp384r1, brainpool or ffdhe3072, and nothing else";
const CHAIN: &str = "get a certificate with an ECDSA key from an authority whose own chain is signed with ECDSA or RSA-PSS";

/// TR-02102-2 (TLS), edition 2026-01.
pub static TR_02102_2_2026_01: RuleSet = RuleSet {
    id: "TR_02102_2",
    edition: "2026-01",
    title: "BSI TR-02102-2: cryptographic mechanisms, use of TLS",
    issued: "2026-01",
    from: Date::new(2026, 1, 1),
    replaced: None,
    depends: &[],
    rules: RULES_2026,
    left_out: &[
        left_out(
            "psk_dhe_ke; psk_ke to the end of 2026 (3.4.1)",
            "no prober here asks for PSK",
        ),
        left_out(
            "suites with PSK",
            "mail servers do not use them; as they are not listed here, they count as unlisted",
        ),
        left_out(
            "DSA signatures",
            "what the edition says of them is not known to us; they count as unlisted",
        ),
    ],
};

static RULES_2026: &[Rule] = &[
    rule(
        "versions",
        Level::Must,
        "nothing below TLS 1.2; TLS 1.2 to the end of 2031",
        "table 2",
        OLD,
        Check::Versions(On::All, Some(2031)),
    ),
    rule(
        "tls-1.3",
        Level::Should,
        "TLS 1.3 is offered",
        "table 2",
        NEW,
        Check::Flag(On::All, TLS13),
    ),
    rule(
        "suites-1.2",
        Level::Must,
        "suites of TLS 1.2: ECDHE with AES to the end of 2031, DHE 2029, static (EC)DH 2026",
        "tables 3 and 4",
        SUITES,
        Check::Listed(On::All, &[(What::Suites12, SUITES12)]),
    ),
    rule(
        "cbc-etm",
        Level::Must,
        "CBC only with encrypt-then-MAC",
        "tables 3 and 4",
        "leave CBC out, or agree to encrypt-then-MAC (RFC 7366)",
        Check::CbcWithEtm(On::All),
    ),
    rule(
        "suites-1.3",
        Level::Must,
        "suites of TLS 1.3: AES-128-GCM, AES-256-GCM, AES-128-CCM",
        "table 13",
        SUITES,
        Check::Listed(On::All, &[(What::Suites13, SUITES13)]),
    ),
    rule(
        "groups-1.2",
        Level::Must,
        "groups of TLS 1.2: secp256r1, secp384r1, secp521r1, brainpool to the end of 2031, ffdhe3072 and ffdhe4096 2029",
        "table 6",
        GROUPS_REMEDY,
        Check::Listed(On::All, &[(What::Groups12, GROUPS12)]),
    ),
    rule(
        "groups-1.3",
        Level::Must,
        "groups of TLS 1.3: secp256r1, secp384r1, secp521r1, brainpool, ffdhe3072, ffdhe4096; X25519 and X25519MLKEM768 are not listed",
        "table 10",
        GROUPS_REMEDY,
        Check::Listed(On::All, &[(What::Groups13, GROUPS13)]),
    ),
    rule(
        "hybrid-announced",
        Level::May,
        "SecP256r1MLKEM768 and SecP384r1MLKEM1024 are announced",
        "note to table 10",
        "offer SecP256r1MLKEM768 first",
        Check::Announced(On::All, ANNOUNCED),
    ),
    rule(
        "hybrid",
        Level::Must,
        "from 2032 no classical group alone",
        "note to table 10",
        "offer SecP256r1MLKEM768 first",
        Check::Offered(On::All, What::Groups13, ANNOUNCED, Amount::Any),
    )
    .starting(2032),
    rule(
        "signatures",
        Level::Must,
        "the server signs with ECDSA or RSA-PSS; PKCS#1 v1.5 to the end of 2025",
        "tables 7 and 11",
        "use an ECDSA key, or RSA-PSS",
        Check::Listed(
            On::All,
            &[
                (What::Signatures12, SIGNATURES),
                (What::Signatures13, SIGNATURES),
            ],
        ),
    ),
    rule(
        "chain-signatures",
        Level::Must,
        "certificates are signed with ECDSA or RSA-PSS; PKCS#1 v1.5 to the end of 2025",
        "table 12",
        CHAIN,
        Check::Chains(
            On::All,
            Chains::Signatures {
                pkcs1_until: PKCS1_UNTIL,
            },
        ),
    ),
    rule(
        "keys",
        Level::Must,
        "keys: RSA of 3000 bits, ECDSA of 250",
        "table 14",
        "use an ECDSA key with P-256, or RSA of 3072 bits",
        Check::Chains(On::All, Chains::Keys { rsa: 3000 }),
    ),
    rule(
        "dhe",
        Level::Must,
        "DHE of 3000 bits",
        "table 14",
        "use ffdhe3072, or leave DHE out",
        Check::DheBits(On::All, 3000),
    ),
    rule(
        "compression",
        Level::Must,
        "no compression",
        "3.3.4",
        "switch compression off",
        Check::Flag(On::All, NO_COMPRESSION),
    ),
    rule(
        "renegotiation",
        Level::Must,
        "renegotiation only as in RFC 5746",
        "3.3.4",
        "update the TLS library",
        Check::Flag(On::All, SECURE_RENEGOTIATION),
    ),
    rule(
        "client-renegotiation",
        Level::Must,
        "no renegotiation that a client begins",
        "3.3.4",
        "refuse renegotiation",
        Check::Flag(On::All, NO_CLIENT_RENEGOTIATION),
    ),
    rule(
        "truncated-hmac",
        Level::Must,
        "no truncated HMAC",
        "3.3.4",
        "switch truncated_hmac off",
        Check::Flag(On::All, NO_TRUNCATED_HMAC),
    ),
    rule(
        "heartbeat",
        Level::Must,
        "no heartbeat",
        "3.3.4",
        "switch heartbeat off",
        Check::Flag(On::All, NO_HEARTBEAT),
    ),
    rule(
        "early-data",
        Level::Must,
        "no early data (0-RTT)",
        "3.4.1",
        "switch early data off",
        Check::Flag(On::All, NO_EARLY_DATA),
    ),
    rule(
        "extended-master-secret",
        Level::Should,
        "the extended master secret",
        "3.3.4",
        "update the TLS library (RFC 7627)",
        Check::Flag(On::All, EXTENDED_MASTER_SECRET),
    ),
    rule(
        "ocsp-stapling",
        Level::Should,
        "OCSP stapling",
        "3.3.4",
        "staple OCSP responses, where the authority still has them",
        Check::Flag(On::All, OCSP_STAPLED),
    ),
    rule(
        "client-old",
        Level::Must,
        "our client offers nothing below TLS 1.2",
        "table 2",
        OLD,
        Check::Client(|client| &client.old_versions, false),
    )
    .own(),
    rule(
        "client-suites-1.2",
        Level::Must,
        "suites of TLS 1.2 that our client offers",
        "tables 3 and 4",
        SUITES,
        Check::ClientListed(What::Suites12, SUITES12),
    )
    .own(),
    rule(
        "client-suites-1.3",
        Level::Must,
        "suites of TLS 1.3 that our client offers",
        "table 13",
        SUITES,
        Check::ClientListed(What::Suites13, SUITES13),
    )
    .own(),
    rule(
        "client-groups",
        Level::Must,
        "groups that our client offers",
        "tables 6 and 10",
        GROUPS_REMEDY,
        Check::ClientListed(What::Groups13, GROUPS),
    )
    .own(),
    rule(
        "client-signatures",
        Level::Must,
        "signature schemes that our client offers",
        "tables 7 and 11",
        "leave PKCS#1 v1.5 and Ed25519 out",
        Check::ClientListed(What::Signatures13, SIGNATURES),
    )
    .own(),
    rule(
        "client-early-data",
        Level::Must,
        "our client sends no early data",
        "3.4.1",
        "switch early data off",
        Check::Client(|client| &client.early_data, false),
    )
    .own(),
];

/// TR-02102-2 (TLS), edition 2025-01: as far as it is known, and that is from others.
pub static TR_02102_2_2025_01: RuleSet = RuleSet {
    id: "TR_02102_2",
    edition: "2025-01",
    title: "BSI TR-02102-2: cryptographic mechanisms, use of TLS",
    issued: "2025-01",
    from: Date::new(2025, 1, 1),
    replaced: Some(("2026-01", Date::first_of(2026, 1))),
    depends: &[],
    rules: RULES_2025,
    left_out: &[
        left_out(
            "the years to which suites, groups and TLS 1.2 are listed",
            "not known of this edition; what 2026-01 ends is listed here without an end, but for PKCS#1 v1.5",
        ),
        left_out(
            "what is said of ML-KEM, of compression, renegotiation and other extensions",
            "not known of this edition",
        ),
    ],
};

static RULES_2025: &[Rule] = &[
    rule(
        "versions",
        Level::Must,
        "nothing below TLS 1.2",
        "as reported of 2026-01, which keeps it",
        OLD,
        Check::Versions(On::All, None),
    )
    .second_hand(),
    rule(
        "tls-1.3",
        Level::Should,
        "TLS 1.3 is offered",
        "as reported of 2026-01, which keeps it",
        NEW,
        Check::Flag(On::All, TLS13),
    )
    .second_hand(),
    rule(
        "suites-1.2",
        Level::Must,
        "suites of TLS 1.2: (EC)DHE and static (EC)DH with AES",
        "as reported of 2026-01, which keeps them",
        SUITES,
        Check::Listed(On::All, &[(What::Suites12, SUITES12_UNDATED)]),
    )
    .second_hand(),
    rule(
        "suites-1.3",
        Level::Must,
        "suites of TLS 1.3: AES-128-GCM, AES-256-GCM, AES-128-CCM",
        "as reported of 2026-01, which keeps them",
        SUITES,
        Check::Listed(On::All, &[(What::Suites13, SUITES13)]),
    )
    .second_hand(),
    rule(
        "groups-1.2",
        Level::Must,
        "groups of TLS 1.2: NIST, brainpool, ffdhe3072, ffdhe4096",
        "as reported of 2026-01, which keeps them",
        GROUPS_REMEDY,
        Check::Listed(On::All, &[(What::Groups12, GROUPS12_UNDATED)]),
    )
    .second_hand(),
    rule(
        "groups-1.3",
        Level::Must,
        "groups of TLS 1.3: NIST, brainpool, ffdhe3072, ffdhe4096",
        "as reported of 2026-01, which keeps them",
        GROUPS_REMEDY,
        Check::Listed(On::All, &[(What::Groups13, GROUPS13)]),
    )
    .second_hand(),
    rule(
        "signatures",
        Level::Must,
        "the server signs with ECDSA or RSA-PSS; PKCS#1 v1.5 to the end of 2025",
        "as reported of 2026-01, which ends it",
        "use an ECDSA key, or RSA-PSS",
        Check::Listed(
            On::All,
            &[
                (What::Signatures12, SIGNATURES),
                (What::Signatures13, SIGNATURES),
            ],
        ),
    )
    .second_hand(),
    rule(
        "chain-signatures",
        Level::Must,
        "certificates are signed with ECDSA or RSA-PSS; PKCS#1 v1.5 to the end of 2025",
        "as reported of 2026-01, which ends it",
        CHAIN,
        Check::Chains(
            On::All,
            Chains::Signatures {
                pkcs1_until: PKCS1_UNTIL,
            },
        ),
    )
    .second_hand(),
];
