//! What a [`Profile`] of this crate comes to, as facts: what rustls cannot do shows in the report.

use super::{ClientFacts, Order, TlsFacts};
use crate::{
    audit::{Offers, Seen},
    rustls::{Lacking, Profile},
};
use ::rustls::{
    ProtocolVersion, SupportedCipherSuite,
    crypto::{CryptoProvider, SupportedKxGroup},
};

impl TlsFacts {
    /// Of a server with this profile and provider, as `Certificates::server_config` makes it. Not
    /// known, as they hang on its keys and tickets: signatures, stapling, tickets.
    ///
    /// # Errors
    /// The provider has too little for the profile.
    pub fn of_profile(profile: Profile, provider: &CryptoProvider) -> Result<Self, Lacking> {
        let provider = profile.provider(provider)?;
        let configured = |offers: Vec<u16>| Seen::known(Offers::all(offers)).noting(note(profile));
        let is = |so: bool| Seen::known(so).noting(note(profile));
        let (suites12, suites13) = suites(&provider);
        Ok(Self {
            ssl2: is(false),
            ssl3: is(false),
            tls10: is(false),
            tls11: is(false),
            tls12: is(!suites12.is_empty()),
            tls13: is(!suites13.is_empty()),
            suites12: configured(suites12),
            suites13: configured(suites13),
            order: Seen::known(Order::Server).noting(note(profile)),
            group_order: Seen::known(Order::Client).noting("rustls takes the client's"),
            groups12: configured(groups(&provider, ProtocolVersion::TLSv1_2)),
            groups13: configured(groups(&provider, ProtocolVersion::TLSv1_3)),
            dhe_bits: Seen::known(Vec::new()).noting("rustls has no DHE here"),
            compression: Seen::known(false).noting("rustls has none"),
            secure_renegotiation: Seen::known(true)
                .noting("rustls announces it and never renegotiates"),
            client_renegotiation: Seen::known(false).noting("rustls never renegotiates"),
            extended_master_secret: Seen::known(true).noting("rustls agrees to it"),
            encrypt_then_mac: Seen::known(false).noting("rustls has no CBC"),
            truncated_hmac: Seen::known(false).noting("rustls has no CBC"),
            heartbeat: Seen::known(false).noting("rustls has none"),
            early_data: is(false),
            ..Self::default()
        })
    }
}

impl ClientFacts {
    /// Of a client with this profile and provider, as `client_config` makes it, with a verifier that
    /// knows what the provider knows. Not known, as it hangs on the verifier: revocation.
    ///
    /// # Errors
    /// The provider has too little for the profile.
    pub fn of_profile(profile: Profile, provider: &CryptoProvider) -> Result<Self, Lacking> {
        let provider = profile.provider(provider)?;
        let configured = |offers: Vec<u16>| Seen::known(Offers::all(offers)).noting(note(profile));
        let is = |so: bool| Seen::known(so).noting(note(profile));
        let (suites12, suites13) = suites(&provider);
        let schemes = provider
            .signature_verification_algorithms
            .supported_schemes();
        let allowed = profile.schemes();
        let schemes = schemes
            .into_iter()
            .filter(|s| allowed.is_none_or(|only| only.contains(s)));
        let all = provider.kx_groups.iter();
        Ok(Self {
            old_versions: is(false),
            tls12: is(!suites12.is_empty()),
            tls13: is(!suites13.is_empty()),
            suites12: configured(suites12),
            suites13: configured(suites13),
            groups: configured(all.map(|group| group.name().into()).collect()),
            signatures: configured(schemes.map(u16::from).collect()),
            signature_algorithms_cert: Seen::known(false).noting("rustls never sends it"),
            extended_master_secret: Seen::known(true).noting("rustls offers it"),
            early_data: is(false),
            ..Self::default()
        })
    }
}

fn note(profile: Profile) -> String {
    format!("rustls with Profile::{profile:?}")
}

/// Of TLS 1.2, and of 1.3.
fn suites(provider: &CryptoProvider) -> (Vec<u16>, Vec<u16>) {
    let is_new = |suite: &&SupportedCipherSuite| suite.tls13().is_some();
    let (new, old): (Vec<_>, Vec<_>) = provider.cipher_suites.iter().partition(is_new);
    let codes = |suites: Vec<&SupportedCipherSuite>| {
        let codes = suites.into_iter().map(|suite| suite.suite().into());
        codes.collect()
    };
    (codes(old), codes(new))
}

fn groups(provider: &CryptoProvider, version: ProtocolVersion) -> Vec<u16> {
    let usable = |group: &&&dyn SupportedKxGroup| group.usable_for_version(version);
    let groups = provider.kx_groups.iter().filter(usable);
    groups.map(|group| group.name().into()).collect()
}
