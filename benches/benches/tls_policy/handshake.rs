//! Handshakes of rustls in memory, both ends: plain configurations, and ours.

use crate::chain::{Chain, HOST};
use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, NamedGroup, ProtocolVersion, RootCertStore,
    ServerConfig, ServerConnection,
    client::Resumption,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::ServerName,
};
use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};
use tls_policy::{
    Action, DaneFact, Facts, Floor, MemoryFact, MxFact, StsFact, decide,
    rustls::{Certificates, ClientConfigs, Profile, Source, Tickets},
};

/// An MX host within the domain [`HOST`], which the certificate does not name: it names the domain.
const WITHIN: &str = "a.mx.example.org";

/// Whose configurations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// rustls' defaults; the client resumes nothing.
    Plain,
    /// The same with another group.
    PlainX25519MlKem,
    PlainP256MlKem,
    /// `Certificates::server_config`, and `ClientConfigs::config` of what MTA-STS demands.
    NormalX25519,
    Normal,
    /// For two names, of which the certificate has the second.
    NormalTwoNames,
    /// Of opportunistic encryption, without a session that could be resumed.
    NormalAnybody,
    Bsi,
}

use Way::{
    Bsi, Normal, NormalAnybody, NormalTwoNames, NormalX25519, Plain, PlainP256MlKem,
    PlainX25519MlKem,
};

impl Way {
    /// What is compared with what.
    pub(crate) const BESIDE: [(Self, &[Self]); 3] = [
        (Plain, &[NormalX25519]),
        (PlainX25519MlKem, &[Normal, NormalTwoNames, NormalAnybody]),
        (PlainP256MlKem, &[Bsi]),
    ];

    const ALL: [Self; 8] = [
        Plain,
        PlainX25519MlKem,
        PlainP256MlKem,
        NormalX25519,
        Normal,
        NormalTwoNames,
        NormalAnybody,
        Bsi,
    ];

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Plain => "plain",
            PlainX25519MlKem => "plain-x25519-mlkem",
            PlainP256MlKem => "plain-p256-mlkem",
            NormalX25519 => "normal-x25519",
            Normal => "normal",
            NormalTwoNames => "normal-two-names",
            NormalAnybody => "normal-anybody",
            Bsi => "bsi",
        }
    }

    pub(crate) fn text(self) -> &'static str {
        match self {
            Plain => "rustls, its defaults",
            PlainX25519MlKem | PlainP256MlKem => "rustls, its defaults but for the group",
            NormalX25519 => "`Profile::Normal`, a provider with X25519 alone",
            Normal => "`Profile::Normal`",
            NormalTwoNames => "`Profile::Normal`, the second of two names",
            NormalAnybody => "`Profile::Normal`, anybody",
            Bsi => "`Profile::Bsi`",
        }
    }

    pub(crate) fn group(self) -> &'static str {
        match self.named_group() {
            NamedGroup::X25519 => "X25519",
            NamedGroup::X25519MLKEM768 => "X25519MLKEM768",
            _ => "SecP256r1MLKEM768",
        }
    }

    fn named_group(self) -> NamedGroup {
        match self {
            Plain | NormalX25519 => NamedGroup::X25519,
            PlainP256MlKem | Bsi => NamedGroup::secp256r1MLKEM768,
            _ => NamedGroup::X25519MLKEM768,
        }
    }

    /// The name that the client sends.
    fn sent(self) -> &'static str {
        if self == NormalTwoNames { WITHIN } else { HOST }
    }

    fn provider(self) -> Arc<CryptoProvider> {
        let mut provider = aws_lc_rs::default_provider();
        match self {
            Plain => {}
            PlainX25519MlKem | PlainP256MlKem | NormalX25519 => {
                let all = aws_lc_rs::ALL_KX_GROUPS.iter();
                let group = all.filter(|group| group.name() == self.named_group());
                provider.kx_groups = group.copied().collect();
            }
            _ => provider.kx_groups = aws_lc_rs::ALL_KX_GROUPS.to_vec(),
        }
        Arc::new(provider)
    }

    fn client(self, chain: &Chain) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(chain.root.clone()).unwrap();
        let (provider, profile) = (
            self.provider(),
            match self {
                Bsi => Profile::Bsi,
                _ => Profile::Normal,
            },
        );
        if matches!(self, Plain | PlainX25519MlKem | PlainP256MlKem) {
            let mut config = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth();
            config.resumption = Resumption::disabled();
            return config;
        }
        let configs = ClientConfigs::new(profile, provider, Arc::new(roots)).unwrap();
        let facts = |mx| {
            let facts = Facts::new(HOST, mx, MxFact::Insecure).dane(DaneFact::Insecure);
            facts.memory(MemoryFact::Nothing)
        };
        let config = match self {
            NormalAnybody => configs.config(Action::Opportunistic),
            NormalTwoNames => {
                let decision = decide(&facts(WITHIN).sts(StsFact::None), Floor::Verified);
                configs.config(decision.action())
            }
            _ => {
                let decision = decide(&facts(HOST).sts(StsFact::Enforce), Floor::Opportunistic);
                configs.config(decision.action())
            }
        };
        let mut config = (*config.unwrap()).clone();
        config.resumption = Resumption::disabled();
        config
    }

    fn server(self, chain: &Chain) -> ServerConfig {
        if matches!(self, Plain | PlainX25519MlKem | PlainP256MlKem) {
            let sent = vec![chain.leaf.clone(), chain.intermediate.clone()];
            let mut config = ServerConfig::builder_with_provider(self.provider())
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(sent, chain.key())
                .unwrap();
            // As ours does not send any.
            config.send_tls13_tickets = 0;
            return config;
        }
        let profile = if self == Bsi {
            Profile::Bsi
        } else {
            Profile::Normal
        };
        let folder = tempfile::tempdir().unwrap();
        let [_, intermediate, leaf, key] = chain.write(folder.path());
        let read = |path| std::fs::read(path).unwrap();
        let (sent, key) = ([read(leaf), read(intermediate)].concat(), read(key));
        let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let source = Source::new(&sent, &key).named(&[HOST]);
        let certificates = Certificates::new(profile, self.provider(), &[source], now).unwrap();
        Arc::new(certificates).server_config(Tickets::None).unwrap()
    }
}

/// A whole handshake, both ends.
pub(crate) fn run(way: Way, chain: &Chain) -> Box<dyn FnMut()> {
    let (client, server) = (Arc::new(way.client(chain)), Arc::new(way.server(chain)));
    let (group, name) = (way.named_group(), way.sent());
    Box::new(move || {
        let name = ServerName::try_from(name).unwrap();
        let mut near = ClientConnection::new(Arc::clone(&client), name).unwrap();
        let mut far = ServerConnection::new(Arc::clone(&server)).unwrap();
        let mut wire = Vec::with_capacity(1 << 14);
        while near.is_handshaking() || far.is_handshaking() {
            while near.wants_write() {
                near.write_tls(&mut wire).unwrap();
            }
            far.read_tls(&mut &*wire).unwrap();
            far.process_new_packets().unwrap();
            wire.clear();
            while far.wants_write() {
                far.write_tls(&mut wire).unwrap();
            }
            let mut rest = &*wire;
            while !rest.is_empty() {
                near.read_tls(&mut rest).unwrap();
                near.process_new_packets().unwrap();
            }
            wire.clear();
        }
        assert_eq!(near.protocol_version(), Some(ProtocolVersion::TLSv1_3));
        assert_eq!(near.handshake_kind(), Some(HandshakeKind::Full));
        let shaken = near.negotiated_key_exchange_group();
        assert_eq!(shaken.map(|group| group.name()), Some(group));
        black_box((near, far));
    })
}
