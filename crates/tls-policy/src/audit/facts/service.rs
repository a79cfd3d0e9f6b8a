use crate::audit::{Offers, Seen};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// What a service on the network showed, or what its configuration says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ServiceFacts {
    /// The host's name, an A-label without the final dot.
    pub host: String,
    /// The port.
    pub port: u16,
    /// What is spoken there.
    pub protocol: Protocol,
    /// Whether anybody is there: `true` once the service has said something; `false` if it is known that there is no
    /// such service (own configuration, SRV with target `.`). A port that is closed, or silent, from
    /// where the auditor stands is [`Cause::Refused`](crate::audit::Cause::Refused) or
    /// [`Cause::TimeOut`](crate::audit::Cause::TimeOut).
    #[serde(default)]
    pub reachable: Seen<bool>,
    /// Whether it offers to begin TLS; only of those that begin without.
    #[serde(default)]
    pub starttls: Seen<bool>,
    /// Its TLS.
    #[serde(default)]
    pub tls: TlsFacts,
    /// The chains that it showed; one for each kind of key that it has.
    #[serde(default)]
    pub chains: Seen<Vec<Chain>>,
    /// The value of Strict-Transport-Security (RFC 6797 §6.1), if it is there; only of HTTPS.
    #[serde(default)]
    pub hsts: Seen<Option<String>>,
}

impl ServiceFacts {
    /// On the protocol's port; nothing is known yet.
    pub fn new(host: impl Into<String>, protocol: Protocol) -> Self {
        Self {
            host: host.into(),
            port: protocol.port(),
            protocol,
            reachable: Seen::default(),
            starttls: Seen::default(),
            tls: TlsFacts::default(),
            chains: Seen::default(),
            hsts: Seen::default(),
        }
    }
}

/// What is spoken with a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Protocol {
    /// SMTP between servers, with STARTTLS (RFC 3207).
    Smtp,
    /// Submission with STARTTLS (RFC 6409).
    Submission,
    /// Submission in TLS (RFC 8314 §3.3).
    Submissions,
    /// IMAP with STARTTLS.
    Imap,
    /// IMAP in TLS (RFC 8314 §3.2).
    Imaps,
    /// POP3 with STLS.
    Pop3,
    /// POP3 in TLS (RFC 8314 §3.1).
    Pop3s,
    /// HTTP in TLS: webmail.
    Https,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Smtp,
        Self::Submission,
        Self::Submissions,
        Self::Imap,
        Self::Imaps,
        Self::Pop3,
        Self::Pop3s,
        Self::Https,
    ];

    /// The port that it is usually found on.
    pub fn port(self) -> u16 {
        match self {
            Self::Smtp => 25,
            Self::Submission => 587,
            Self::Submissions => 465,
            Self::Imap => 143,
            Self::Imaps => 993,
            Self::Pop3 => 110,
            Self::Pop3s => 995,
            Self::Https => 443,
        }
    }

    /// Whether it begins without TLS.
    pub fn begins_in_the_clear(self) -> bool {
        matches!(
            self,
            Self::Smtp | Self::Submission | Self::Imap | Self::Pop3
        )
    }

    /// A word for it: `submissions`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Submission => "submission",
            Self::Submissions => "submissions",
            Self::Imap => "imap",
            Self::Imaps => "imaps",
            Self::Pop3 => "pop3",
            Self::Pop3s => "pop3s",
            Self::Https => "https",
        }
    }
}

/// The TLS of a service. "Offered" is what the server agrees to if it is asked for it and for nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct TlsFacts {
    /// SSL 2.0 is offered.
    pub ssl2: Seen<bool>,
    /// SSL 3.0 is offered.
    pub ssl3: Seen<bool>,
    /// TLS 1.0 is offered.
    pub tls10: Seen<bool>,
    /// TLS 1.1 is offered.
    pub tls11: Seen<bool>,
    /// TLS 1.2 is offered.
    pub tls12: Seen<bool>,
    /// TLS 1.3 is offered.
    pub tls13: Seen<bool>,
    /// Suites of TLS 1.2 and below, by IANA's numbers.
    pub suites12: Seen<Offers>,
    /// Suites of TLS 1.3.
    pub suites13: Seen<Offers>,
    /// Whose order decides between suites.
    pub order: Seen<Order>,
    /// Whose order decides between groups.
    pub group_order: Seen<Order>,
    /// Elliptic curves of TLS 1.2, by IANA's numbers of groups; empty if there is no ECDHE. Of DHE only what
    /// was recognised as a group of RFC 7919.
    pub groups12: Seen<Offers>,
    /// Groups of TLS 1.3.
    pub groups13: Seen<Offers>,
    /// Bits of the primes that DHE used in TLS 1.2 and below; empty if there is no DHE.
    pub dhe_bits: Seen<Vec<u16>>,
    /// Signature schemes that the server used in TLS 1.2 (ServerKeyExchange), by IANA's numbers.
    pub signatures12: Seen<Offers>,
    /// Signature schemes that the server used in TLS 1.3 (CertificateVerify).
    pub signatures13: Seen<Offers>,
    /// Compression is offered.
    pub compression: Seen<bool>,
    /// Renegotiation is bound to its connection (RFC 5746).
    pub secure_renegotiation: Seen<bool>,
    /// A client may renegotiate.
    pub client_renegotiation: Seen<bool>,
    /// The extended master secret is agreed to (RFC 7627).
    pub extended_master_secret: Seen<bool>,
    /// Encrypt-then-MAC is agreed to (RFC 7366).
    pub encrypt_then_mac: Seen<bool>,
    /// The truncated HMAC is agreed to (RFC 6066 §7).
    pub truncated_hmac: Seen<bool>,
    /// Heartbeats are agreed to (RFC 6520).
    pub heartbeat: Seen<bool>,
    /// Tickets allow early data (RFC 8446 §4.2.10).
    pub early_data: Seen<bool>,
    /// An OCSP response comes with the certificate (RFC 6066 §8).
    pub ocsp_stapled: Seen<bool>,
    /// The lifetime of tickets in seconds, if there are any.
    pub ticket_lifetime: Seen<Option<u32>>,
}

/// Whose order decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(clippy::exhaustive_enums)] // There are two sides.
pub enum Order {
    /// The server's.
    Server,
    /// The client's.
    Client,
}

/// A chain that a server showed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Chain {
    /// As they came: the server's own first.
    pub certificates: Vec<Der>,
    /// Whether it leads to a public authority and is valid now.
    pub trusted: Seen<bool>,
    /// Whether the server's certificate has the name of the host.
    pub name_matches: Seen<bool>,
}

impl Chain {
    /// Unverified.
    pub fn new(certificates: Vec<Der>) -> Self {
        Self {
            certificates,
            ..Self::default()
        }
    }
}

/// A certificate in DER, which the audit decodes; as base64 in JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Der(Vec<u8>);

impl From<Vec<u8>> for Der {
    fn from(octets: Vec<u8>) -> Self {
        Self(octets)
    }
}

impl AsRef<[u8]> for Der {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Serialize for Der {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Der {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        STANDARD.decode(text).map(Self).map_err(D::Error::custom)
    }
}
