use super::{Group, SignatureScheme, Suite, Version};
use crate::rule::is_host;

/// The first message of a handshake (RFC 8446 §4.1.2, RFC 5246 §7.4.1.2), with whatever a probe wants
/// to know: it can offer what no TLS library offers any more, and never has to keep its word, because
/// a probe ends at the server's answer.
///
/// ```
/// use tls_policy::probe::{ClientHello, Group, Suite, Version};
/// let hello = ClientHello::new(Version::Tls10)
///     .with_suites([Suite::new(0x000A)])
///     .with_server_name("mx.example.org");
/// let octets = hello.write(&[7; ClientHello::RANDOM]);
/// assert_eq!(octets[..3], [22, 3, 1]); // a handshake record
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientHello {
    version: Version,
    /// That the extension of TLS 1.3 lists.
    lowest: Version,
    suites: Vec<Suite>,
    fallback: Fallback,
    compression: Compression,
    server_name: Option<Box<str>>,
    groups: Vec<Group>,
    schemes: Vec<SignatureScheme>,
    key_share: KeyShare,
    extensions: Vec<Extension>,
    format: Format,
}

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Tls,
    /// That of SSL 2.0 (RFC 5246 §E.2), with its own kinds of suites and nothing else.
    Ssl2,
}

/// Which keys a ClientHello of TLS 1.3 brings along.
#[allow(clippy::exhaustive_enums)] // what the writer can write
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyShare {
    /// An empty list: the server has to name the group that it wants, with a HelloRetryRequest
    /// (RFC 8446 §4.2.8).
    #[default]
    Empty,
    /// One for X25519, which nobody has the secret of.
    X25519,
}

/// Whether a ClientHello says that a better one has failed before (RFC 7507).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fallback {
    No,
    Yes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compression {
    Null,
    Deflate,
}

/// Extensions that are offered or not, and need no settings.
#[allow(clippy::exhaustive_enums)] // what the writer can write
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Extension {
    /// OCSP responses (RFC 6066 §8).
    StatusRequest,
    /// Short authentication codes (RFC 6066 §7).
    TruncatedHmac,
    /// Heartbeats (RFC 6520 §2).
    Heartbeat,
    /// Encrypt-then-MAC (RFC 7366 §2).
    EncryptThenMac,
    /// The extended master secret (RFC 7627 §5.1).
    ExtendedMasterSecret,
    /// Tickets (RFC 5077 §3.2).
    SessionTicket,
    /// Renegotiation that is bound to its connection (RFC 5746 §3.2).
    RenegotiationInfo,
}

impl Extension {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::StatusRequest,
        Self::TruncatedHmac,
        Self::Heartbeat,
        Self::EncryptThenMac,
        Self::ExtendedMasterSecret,
        Self::SessionTicket,
        Self::RenegotiationInfo,
    ];

    /// As it is on the wire.
    pub fn code(self) -> u16 {
        match self {
            Self::StatusRequest => 5,
            Self::TruncatedHmac => 4,
            Self::Heartbeat => 15,
            Self::EncryptThenMac => 22,
            Self::ExtendedMasterSecret => 23,
            Self::SessionTicket => 35,
            Self::RenegotiationInfo => 0xFF01,
        }
    }

    fn data(self) -> &'static [u8] {
        match self {
            // RFC 6066 §8: ocsp, no responders, no extensions.
            Self::StatusRequest => &[1, 0, 0, 0, 0],
            // RFC 6520 §2: peer_not_allowed_to_send.
            Self::Heartbeat => &[2],
            // RFC 5746 §3.4: nothing was negotiated before.
            Self::RenegotiationInfo => &[0],
            Self::TruncatedHmac
            | Self::EncryptThenMac
            | Self::ExtendedMasterSecret
            | Self::SessionTicket => &[],
        }
    }
}

pub(super) const SERVER_NAME: u16 = 0;
pub(super) const SUPPORTED_GROUPS: u16 = 10;
pub(super) const EC_POINT_FORMATS: u16 = 11;
const SIGNATURE_ALGORITHMS: u16 = 13;
const PADDING: u16 = 21;
pub(super) const SUPPORTED_VERSIONS: u16 = 43;
pub(super) const KEY_SHARE: u16 = 51;

impl ClientHello {
    /// Octets of randomness that [`write`](Self::write) wants: for the random value, the identity of
    /// a session that never was (RFC 8446 §D.4), and a key share.
    pub const RANDOM: usize = 96;

    /// Suites, groups and signature schemes that are written; further ones are left out, so that a
    /// ClientHello always fits into a record.
    pub const MAX_ITEMS: usize = 1024;

    /// For this version: as the highest one before TLS 1.3, when servers could choose an older one, and
    /// as the only one from TLS 1.3 on (RFC 8446 §4.2.1).
    ///
    /// Suites, groups and signature schemes are all that this crate knows and that fit the version.
    pub fn new(version: Version) -> Self {
        let groups = match version {
            Version::Tls13 => Group::of_tls13().collect(),
            _ => Group::curves().collect(),
        };
        Self {
            version,
            lowest: version,
            suites: Suite::all().filter(|s| s.fits(version)).collect(),
            fallback: Fallback::No,
            compression: Compression::Null,
            server_name: None,
            groups,
            schemes: SignatureScheme::all().collect(),
            key_share: KeyShare::Empty,
            extensions: vec![
                Extension::EncryptThenMac,
                Extension::ExtendedMasterSecret,
                Extension::RenegotiationInfo,
            ],
            format: Format::Tls,
        }
    }

    /// For SSL 2.0 alone, which RFC 6176 forbids, with all seven suites that it ever had. Nothing of what
    /// else can be set has a place there.
    pub fn ssl2() -> Self {
        Self {
            suites: Vec::new(),
            format: Format::Ssl2,
            ..Self::new(Version::Ssl30)
        }
    }

    /// For all versions from TLS 1.3 down to TLS 1.0, with all that this crate knows.
    pub fn widest() -> Self {
        let mut hello = Self::new(Version::Tls13);
        hello.lowest = Version::Tls10;
        let old = Suite::all().filter(|s| s.fits(Version::Tls12));
        hello.suites.extend(old);
        let old = Group::curves().filter(|g| !Group::of_tls13().any(|new| new == *g));
        hello.groups.extend(old);
        hello
    }

    /// Offers these suites, in this order.
    #[must_use]
    pub fn with_suites(self, suites: impl IntoIterator<Item = Suite>) -> Self {
        let suites = suites.into_iter().take(Self::MAX_ITEMS).collect();
        Self { suites, ..self }
    }

    /// Offers these groups, in this order. With none, the extension is left out.
    #[must_use]
    pub fn with_groups(self, groups: impl IntoIterator<Item = Group>) -> Self {
        let groups = groups.into_iter().take(Self::MAX_ITEMS).collect();
        Self { groups, ..self }
    }

    /// Offers these signature schemes, in this order. With none, the extension is left out.
    #[must_use]
    pub fn with_schemes(self, schemes: impl IntoIterator<Item = SignatureScheme>) -> Self {
        let schemes = schemes.into_iter().take(Self::MAX_ITEMS).collect();
        Self { schemes, ..self }
    }

    /// Brings this key along; of TLS 1.3 only.
    #[must_use]
    pub fn with_key_share(self, key_share: KeyShare) -> Self {
        Self { key_share, ..self }
    }

    /// Asks for the host of this name (RFC 6066 §3). What is no name of a host, such as an address,
    /// is not sent.
    #[must_use]
    pub fn with_server_name(self, name: &str) -> Self {
        let name = name.strip_suffix('.').unwrap_or(name);
        let numeric = name
            .rsplit('.')
            .next()
            .is_some_and(|label| label.bytes().all(|octet| octet.is_ascii_digit()));
        let server_name = (name.len() <= 253 && is_host(name) && !numeric).then(|| name.into());
        Self {
            server_name,
            ..self
        }
    }

    /// Offers exactly these extensions besides those that have settings.
    #[must_use]
    pub fn with_extensions(self, extensions: impl IntoIterator<Item = Extension>) -> Self {
        let mut all: Vec<Extension> = Vec::new();
        for extension in extensions {
            if !all.contains(&extension) {
                all.push(extension);
            }
        }
        Self {
            extensions: all,
            ..self
        }
    }

    /// Offers compression too (RFC 3749); not in TLS 1.3, where it is an error (RFC 8446 §4.1.2).
    #[must_use]
    pub fn with_compression(self) -> Self {
        let compression = Compression::Deflate;
        Self {
            compression,
            ..self
        }
    }

    /// Says that a better version has failed before (RFC 7507 §4).
    #[must_use]
    pub fn with_fallback_scsv(self) -> Self {
        let fallback = Fallback::Yes;
        Self { fallback, ..self }
    }

    /// Whether it is one of SSL 2.0.
    pub(super) fn is_ssl2(&self) -> bool {
        self.format == Format::Ssl2
    }

    /// Whether a server may choose this version.
    pub(super) fn allows(&self, version: Version) -> bool {
        match self.version {
            Version::Tls13 => (self.lowest..=self.version).contains(&version),
            highest => version <= highest,
        }
    }

    /// The highest version that is offered.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The suites that are offered, without signalling values.
    pub fn suites(&self) -> &[Suite] {
        &self.suites
    }

    /// The groups that are offered.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The signature schemes that are offered.
    pub fn schemes(&self) -> &[SignatureScheme] {
        &self.schemes
    }

    /// The name that is asked for.
    pub fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    /// Whether a server may choose this compression (RFC 3749 §2).
    pub(super) fn offers_compression(&self, method: u8) -> bool {
        method == 0 || (method == 1 && self.compression == Compression::Deflate)
    }

    /// Whether this was offered, so that a server may answer with it.
    pub(super) fn offers_extension(&self, code: u16) -> bool {
        let toggles = self.extensions.iter().map(|e| e.code());
        let named = (self.server_name.is_some()).then_some(SERVER_NAME);
        let groups = [SUPPORTED_GROUPS, EC_POINT_FORMATS];
        let new = [SUPPORTED_VERSIONS, KEY_SHARE];
        self.version != Version::Ssl30
            && (toggles.chain(named).any(|c| c == code)
                || (!self.groups.is_empty() && groups.contains(&code))
                || (self.version == Version::Tls13 && new.contains(&code)))
            // RFC 5746 §3.3: the signalling value asks for this, too.
            || (code == Extension::RenegotiationInfo.code()
                && self.extensions.contains(&Extension::RenegotiationInfo))
    }

    /// The record. Equal randomness gives equal octets; it need not be secret, only different each
    /// time.
    pub fn write(&self, random: &[u8; Self::RANDOM]) -> Vec<u8> {
        if self.is_ssl2() {
            return ssl2(random.get(..16).unwrap_or_default());
        }
        let (random, rest) = random.split_at(32);
        let (session, share) = rest.split_at(32);
        let mut body = Vec::with_capacity(1024);
        // RFC 8446 §4.1.2: TLS 1.3 hides behind the number of TLS 1.2.
        let legacy = self.version.min(Version::Tls12).code();
        body.extend(legacy.to_be_bytes());
        body.extend(random);
        match self.version {
            Version::Tls13 => vector8(&mut body, |body| body.extend(session)),
            _ => body.push(0),
        }
        vector16(&mut body, |body| {
            for suite in &self.suites {
                body.extend(suite.code().to_be_bytes());
            }
            if self.is_plain() && self.extensions.contains(&Extension::RenegotiationInfo) {
                body.extend(EMPTY_RENEGOTIATION_INFO_SCSV.to_be_bytes());
            }
            if self.fallback == Fallback::Yes {
                body.extend(FALLBACK_SCSV.to_be_bytes());
            }
        });
        match self.compression {
            Compression::Deflate if self.version != Version::Tls13 => body.extend([2, 1, 0]),
            _ => body.extend([1, 0]),
        }
        if !self.is_plain() {
            vector16(&mut body, |body| self.extensions(body, share));
        }
        let mut record = vec![22];
        // RFC 8446 §5.1: for the sake of old servers, the first record of a client is of TLS 1.0.
        record.extend(self.version.min(Version::Tls10).code().to_be_bytes());
        vector16(&mut record, |record| {
            record.push(1);
            // The length has three octets, and the first is always 0: see MAX_ITEMS.
            record.push(0);
            vector16(record, |record| record.extend(&body));
        });
        record
    }

    /// Whether it has no extensions at all: those before TLS 1.0 know none.
    fn is_plain(&self) -> bool {
        self.version == Version::Ssl30
    }

    fn extensions(&self, out: &mut Vec<u8>, share: &[u8]) {
        if let Some(name) = &self.server_name {
            extension(out, SERVER_NAME, |out| {
                vector16(out, |out| {
                    out.push(0);
                    vector16(out, |out| out.extend(name.as_bytes()));
                });
            });
        }
        for toggle in &self.extensions {
            extension(out, toggle.code(), |out| out.extend(toggle.data()));
        }
        if !self.groups.is_empty() {
            extension(out, SUPPORTED_GROUPS, |out| {
                vector16(out, |out| {
                    for group in &self.groups {
                        out.extend(group.code().to_be_bytes());
                    }
                });
            });
            // RFC 8422 §5.1.2: uncompressed points alone.
            extension(out, EC_POINT_FORMATS, |out| out.extend([1, 0]));
        }
        // RFC 5246 §7.4.1.4.1: a client of an older version does not send it.
        if !self.schemes.is_empty() && self.version >= Version::Tls12 {
            extension(out, SIGNATURE_ALGORITHMS, |out| {
                vector16(out, |out| {
                    for scheme in &self.schemes {
                        out.extend(scheme.code().to_be_bytes());
                    }
                });
            });
        }
        if self.version == Version::Tls13 {
            extension(out, SUPPORTED_VERSIONS, |out| {
                vector8(out, |out| {
                    for version in Version::ALL.into_iter().rev() {
                        if version >= self.lowest {
                            out.extend(version.code().to_be_bytes());
                        }
                    }
                });
            });
            extension(out, KEY_SHARE, |out| {
                vector16(out, |out| {
                    if self.key_share == KeyShare::X25519 {
                        out.extend(Group::X25519.code().to_be_bytes());
                        vector16(out, |out| out.extend(share));
                    }
                });
            });
        }
        // RFC 7685 §1: some servers hang on a ClientHello of 256 to 511 octets. It has 4 before those
        // that are written already, and so has the padding.
        let length = out.len().saturating_add(4);
        if (256..512).contains(&length) {
            let short = 512_usize.saturating_sub(length).saturating_sub(4);
            extension(out, PADDING, |out| {
                out.resize(out.len().saturating_add(short), 0)
            });
        }
    }
}

/// RFC 5246 §E.2: two octets of length with the highest bit set, and no session.
fn ssl2(challenge: &[u8]) -> Vec<u8> {
    let mut body = vec![1, 0, 2];
    let suites: [u8; 21] = [
        7, 0, 0xC0, 6, 0, 0x40, 5, 0, 0x80, 4, 0, 0x80, 3, 0, 0x80, 2, 0, 0x80, 1, 0, 0x80,
    ];
    body.extend([0, 21, 0, 0, 0, 16]);
    body.extend(suites);
    body.extend(challenge);
    let length = u8::try_from(body.len()).unwrap_or(u8::MAX);
    let mut record = vec![0x80, length];
    record.extend(body);
    record
}

/// RFC 5746 §3.3.
const EMPTY_RENEGOTIATION_INFO_SCSV: u16 = 0x00FF;
/// RFC 7507 §2.
const FALLBACK_SCSV: u16 = 0x5600;

fn extension(out: &mut Vec<u8>, code: u16, data: impl FnOnce(&mut Vec<u8>)) {
    out.extend(code.to_be_bytes());
    vector16(out, data);
}

/// What is written stands after its length in one octet. Everything that is written so is shorter.
fn vector8(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.push(0);
    write(out);
    let length = u8::try_from(out.len() - at - 1).unwrap_or(u8::MAX);
    if let Some(octet) = out.get_mut(at) {
        *octet = length;
    }
}

/// As above, in two octets.
fn vector16(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.extend([0, 0]);
    write(out);
    let length = u16::try_from(out.len() - at - 2).unwrap_or(u16::MAX);
    if let Some(octets) = out.get_mut(at..at + 2) {
        octets.copy_from_slice(&length.to_be_bytes());
    }
}
