use ::rustls::{
    CipherSuite, NamedGroup, SignatureScheme, SupportedProtocolVersion,
    crypto::CryptoProvider,
    version::{TLS12, TLS13},
};

/// The versions, always: 1.3 first, and never below 1.2 (RFC 8996).
pub(super) const VERSIONS: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];

/// What a connection may use. Everything is listed, best first; what a provider has besides is left
/// out, and what it has not is no fault, unless nothing remains.
///
/// Both: TLS 1.3, or TLS 1.2 with ECDHE and an AEAD; no static RSA, DHE, CBC, no renegotiation, no
/// compression, no early data.
///
/// | | `Normal` | `Bsi` |
/// |---|---|---|
/// | suites | AES-256-GCM, AES-128-GCM, ChaCha20-Poly1305 | AES-256-GCM, AES-128-GCM |
/// | groups | X25519MLKEM768, SecP256r1MLKEM768, X25519, P-256, P-384 | SecP256r1MLKEM768, P-256, P-384 |
/// | the server's key | what the provider can do | ECDSA with P-256 or P-384 |
/// | names | wildcards, too | no wildcards |
///
/// Of the groups with ML-KEM, the provider of rustls' `aws_lc_rs` lists SecP256r1MLKEM768 only in
/// `ALL_KX_GROUPS`, not by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Profile {
    /// What mail servers of these years have in common and is not broken.
    Normal,
    /// What BSI TR-02102-2 (2026-01) recommends, as far as rustls has it; see the
    /// [deviations](crate::rustls#deviations).
    Bsi,
}

/// What a provider lacks to serve a [`Profile`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Lacking {
    /// A suite of TLS 1.3.
    #[error("the provider has no TLS 1.3 suite that the profile allows")]
    Suite,
    /// A group.
    #[error("the provider has no key exchange group that the profile allows")]
    Group,
    /// A signature scheme that the verifier knows.
    #[error("the verifier knows no signature scheme that the profile allows")]
    Scheme,
    /// An authority that is trusted: the store of roots is empty.
    #[error("there is no root to trust")]
    Roots,
    /// What rustls says.
    #[error("rustls refuses the provider")]
    Refused,
}

const NORMAL_SUITES: &[CipherSuite] = &[
    CipherSuite::TLS13_AES_256_GCM_SHA384,
    CipherSuite::TLS13_AES_128_GCM_SHA256,
    CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
];

const BSI_SUITES: &[CipherSuite] = &[
    CipherSuite::TLS13_AES_256_GCM_SHA384,
    CipherSuite::TLS13_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
];

const NORMAL_GROUPS: &[NamedGroup] = &[
    NamedGroup::X25519MLKEM768,
    NamedGroup::secp256r1MLKEM768,
    NamedGroup::X25519,
    NamedGroup::secp256r1,
    NamedGroup::secp384r1,
];

const BSI_GROUPS: &[NamedGroup] = &[
    NamedGroup::secp256r1MLKEM768,
    NamedGroup::secp256r1,
    NamedGroup::secp384r1,
];

const BSI_SCHEMES: &[SignatureScheme] = &[
    SignatureScheme::ECDSA_NISTP256_SHA256,
    SignatureScheme::ECDSA_NISTP384_SHA384,
];

impl Profile {
    /// The provider with what the profile allows and nothing else, in the profile's order.
    ///
    /// # Errors
    /// Nothing remains.
    pub fn provider(self, provider: &CryptoProvider) -> Result<CryptoProvider, Lacking> {
        let suites = self.suites().iter().filter_map(|suite| {
            let mut all = provider.cipher_suites.iter();
            all.find(|known| known.suite() == *suite).copied()
        });
        let groups = self.groups().iter().filter_map(|group| {
            let mut all = provider.kx_groups.iter();
            all.find(|known| known.name() == *group).copied()
        });
        let provider = CryptoProvider {
            cipher_suites: suites.collect(),
            kx_groups: groups.collect(),
            ..provider.clone()
        };
        if !provider.cipher_suites.iter().any(|s| s.tls13().is_some()) {
            return Err(Lacking::Suite);
        }
        match provider.kx_groups.is_empty() {
            true => Err(Lacking::Group),
            false => Ok(provider),
        }
    }

    /// The suites, best first. Those of TLS 1.2 have ECDHE and an AEAD.
    pub fn suites(self) -> &'static [CipherSuite] {
        match self {
            Self::Normal => NORMAL_SUITES,
            Self::Bsi => BSI_SUITES,
        }
    }

    /// The groups, best first.
    pub fn groups(self) -> &'static [NamedGroup] {
        match self {
            Self::Normal => NORMAL_GROUPS,
            Self::Bsi => BSI_GROUPS,
        }
    }

    /// The signature schemes that a server may prove itself with, or all that its verifier knows.
    pub(crate) fn schemes(self) -> Option<&'static [SignatureScheme]> {
        match self {
            Self::Normal => None,
            Self::Bsi => Some(BSI_SCHEMES),
        }
    }
}
