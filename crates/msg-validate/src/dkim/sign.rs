use super::{
    Algorithm, Canonicalization, KeyRecord, KeyType, body,
    crypto::{self, PrivateKey},
    header,
    names::{Index, Names},
};
use crate::{Limits, message::Message};
use base64::{Engine, engine::general_purpose::STANDARD};
use mail_dns::Name;
use std::{
    fmt,
    time::{Duration, SystemTime},
};

/// Signs messages for one domain with one key (RFC 6376 §5).
///
/// From, Subject, To, Cc, Date, Reply-To, Content-Type and Message-ID are listed in `h=` once more
/// than they are there, so that nobody can add another one (RFC 6376 §8.15); further fields that
/// readers see are signed where they are there. `l=` is never written (RFC 6376 §8.2).
///
/// For a second signature, with a key of the other type, sign the same message with another
/// `Signer` and put both fields on top.
#[derive(Debug)]
pub struct Signer {
    domain: String,
    selector: String,
    key: SigningKey,
    header: Canonicalization,
    body: Canonicalization,
    lifetime: Option<Duration>,
}

/// A private key for signing. `Debug` tells its type and nothing else.
pub struct SigningKey(pub(super) PrivateKey);

/// Why a message was not signed, or a signer not made.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The domain has less than two labels or is not a name.
    #[error("not a domain that can sign")]
    Domain,
    /// The selector is not a name.
    #[error("not a selector")]
    Selector,
    /// Not an RSA key of 2048 to 8192 bits (RFC 8301 §3.2), and not an Ed25519 key.
    #[error("not a usable private key")]
    Key,
    /// A CR or LF stands alone: what is signed would not be what arrives (RFC 5321 §2.3.8).
    #[error("lines do not all end in CRLF")]
    LineEnds,
    /// A line of the header section is neither a field nor its continuation.
    #[error("malformed header section")]
    Header,
    /// There is not exactly one From (RFC 5322 §3.6).
    #[error("not exactly one From field")]
    From,
    /// More than 100 fields would have to be listed.
    #[error("too many header fields to sign")]
    TooManyFields,
    /// `now` lies before 1970.
    #[error("time before 1970")]
    Time,
    /// The cryptographic library failed.
    #[error("signing failed")]
    Crypto,
}

impl SignError {
    /// Whether a later try may help.
    pub fn is_temporary(&self) -> bool {
        *self == Self::Crypto
    }
}

/// Listed once more than they are there.
const OVERSIGNED: [&str; 8] = [
    "from",
    "subject",
    "to",
    "cc",
    "date",
    "reply-to",
    "content-type",
    "message-id",
];

/// Listed as often as they are there (RFC 6376 §5.4.1).
const SIGNED: [&str; 16] = [
    "sender",
    "mime-version",
    "content-transfer-encoding",
    "content-disposition",
    "content-id",
    "content-description",
    "in-reply-to",
    "references",
    "list-id",
    "list-help",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "list-subscribe",
    "list-post",
    "list-owner",
    "list-archive",
];

impl Signer {
    /// Most entries of `h=`.
    const MAX_FIELDS: usize = 100;

    /// Signs as `d=domain; s=selector`, relaxed in header and body, without an expiry.
    ///
    /// # Errors
    /// [`SignError::Domain`], [`SignError::Selector`].
    pub fn new(domain: &str, selector: &str, key: SigningKey) -> Result<Self, SignError> {
        let plain = |text: &str, labels| {
            let name = Name::from_unicode(text).ok()?;
            let text = name.to_string();
            let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
            (name.labels().count() >= labels && text.bytes().all(legal)).then_some(text)
        };
        let domain = plain(domain, 2).ok_or(SignError::Domain)?;
        let selector = plain(selector, 1).ok_or(SignError::Selector)?;
        Name::from_octets(format!("{selector}._domainkey.{domain}").as_bytes())
            .map_err(|_| SignError::Selector)?;
        Ok(Self {
            domain,
            selector,
            key,
            header: Canonicalization::Relaxed,
            body: Canonicalization::Relaxed,
            lifetime: None,
        })
    }

    /// Another canonicalization of header and body.
    #[must_use]
    pub fn canonicalized(self, header: Canonicalization, body: Canonicalization) -> Self {
        Self {
            header,
            body,
            ..self
        }
    }

    /// Signatures expire that long after they were made (`x=`), in whole seconds, at least one.
    #[must_use]
    pub fn expiring_after(self, lifetime: Duration) -> Self {
        Self {
            lifetime: Some(lifetime),
            ..self
        }
    }

    /// The DKIM-Signature field to put on top of the message, its final CRLF included.
    ///
    /// # Errors
    /// [`SignError`], if the message is not fit to be signed.
    pub fn sign(&self, message: &[u8], now: SystemTime) -> Result<String, SignError> {
        if !has_crlf_only(message) {
            return Err(SignError::LineEnds);
        }
        let limits = Limits {
            header_octets: usize::MAX,
            header_fields: usize::MAX,
            ..Limits::default()
        };
        let parsed = Message::parse(message, &limits);
        let header: usize = parsed.fields().iter().map(|field| field.raw().len()).sum();
        if !matches!(message.get(header..), Some([] | [b'\r', b'\n', ..])) {
            return Err(SignError::Header);
        }
        let index = Index::new(parsed.fields());
        if index.count("from") != 1 {
            return Err(SignError::From);
        }
        let names = listed(&index)?;
        let bh = body::hash(self.body, parsed.body());
        let mut field = self.field(&names, bh.as_ref(), now)?;

        let unsigned = format!("{field}\r\n");
        let parsed = Message::parse(unsigned.as_bytes(), &limits);
        let own = parsed.fields().first().ok_or(SignError::Header)?;
        let end = own.value().len();
        let names = Names::parse(&names.join(":")).ok_or(SignError::Header)?;
        let (fields, _) = index.choose(names, own);
        let hash = header::hash(self.header, &fields, own, end - 2..end);
        let signature = self.key.0.sign(&hash).ok_or(SignError::Crypto)?;
        let text = STANDARD.encode(signature);
        let mut rest = &*text;
        while !rest.is_empty() {
            let (line, others) = rest.split_at(rest.len().min(72));
            field.push_str("\r\n\t");
            field.push_str(line);
            rest = others;
        }
        field.push_str("\r\n");
        Ok(field)
    }

    /// The field up to and with `b=`, lines below 78 characters.
    fn field(&self, names: &[String], bh: &[u8], now: SystemTime) -> Result<String, SignError> {
        let since = now.duration_since(SystemTime::UNIX_EPOCH);
        let signed = since.map_err(|_| SignError::Time)?.as_secs();
        let canon = |canon| match canon {
            Canonicalization::Simple => "simple",
            Canonicalization::Relaxed => "relaxed",
        };
        let algorithm = self.key.algorithm();
        let (header, body) = (canon(self.header), canon(self.body));
        let mut field = format!("DKIM-Signature: v=1; a={algorithm}; c={header}/{body};\r\n\t");
        field.push_str(&format!(
            "d={}; s={};\r\n\tt={signed};",
            self.domain, self.selector
        ));
        if let Some(lifetime) = self.lifetime {
            let expires = signed.saturating_add(lifetime.as_secs().max(1));
            field.push_str(&format!(" x={expires};"));
        }
        field.push_str("\r\n\th=");
        let mut column = 10;
        for (i, name) in names.iter().enumerate() {
            if i > 0 {
                field.push(':');
                column += 1;
            }
            if column + name.len() > 75 {
                field.push_str("\r\n\t ");
                column = 9;
            }
            field.push_str(name);
            column += name.len();
        }
        field.push_str(&format!(";\r\n\tbh={};\r\n\tb=", STANDARD.encode(bh)));
        Ok(field)
    }
}

/// What `h=` lists.
fn listed(index: &Index<'_, '_>) -> Result<Vec<String>, SignError> {
    let more = OVERSIGNED.iter().map(|name| (*name, index.count(name) + 1));
    let same = SIGNED.iter().map(|name| (*name, index.count(name)));
    let names: Vec<_> = more
        .chain(same)
        .flat_map(|(name, times)| std::iter::repeat_n(name.to_owned(), times))
        .take(Signer::MAX_FIELDS + 1)
        .collect();
    if names.len() > Signer::MAX_FIELDS {
        return Err(SignError::TooManyFields);
    }
    Ok(names)
}

fn has_crlf_only(message: &[u8]) -> bool {
    memchr::memchr2_iter(b'\r', b'\n', message).all(|at| match message.get(at) {
        Some(b'\r') => message.get(at + 1) == Some(&b'\n'),
        _ => at.checked_sub(1).and_then(|at| message.get(at)) == Some(&b'\r'),
    })
}

impl SigningKey {
    /// A new RSA key of 2048 bits. Takes up to a second.
    ///
    /// # Errors
    /// [`SignError::Crypto`].
    pub fn generate_rsa2048() -> Result<Self, SignError> {
        PrivateKey::generate_rsa2048()
            .map(Self)
            .ok_or(SignError::Crypto)
    }

    /// A new Ed25519 key.
    ///
    /// # Errors
    /// [`SignError::Crypto`].
    pub fn generate_ed25519() -> Result<Self, SignError> {
        PrivateKey::generate_ed25519()
            .map(Self)
            .ok_or(SignError::Crypto)
    }

    /// From PKCS #8 (RFC 5208), or PKCS #1 for RSA, as DER.
    ///
    /// # Errors
    /// [`SignError::Key`].
    pub fn from_der(der: &[u8]) -> Result<Self, SignError> {
        let key = PrivateKey::from_der(der).ok_or(SignError::Key)?;
        match (key.algorithm(), key.bits()) {
            (Algorithm::RsaSha256, ..2048 | 8193..) => Err(SignError::Key),
            _ => Ok(Self(key)),
        }
    }

    /// From the first block of a PEM text, `BEGIN PRIVATE KEY` or `BEGIN RSA PRIVATE KEY`.
    ///
    /// # Errors
    /// [`SignError::Key`].
    pub fn from_pem(pem: &str) -> Result<Self, SignError> {
        let (_, block) = pem.split_once("PRIVATE KEY-----").ok_or(SignError::Key)?;
        let (block, _) = block.split_once("-----END").ok_or(SignError::Key)?;
        let text: String = block.split_ascii_whitespace().collect();
        Self::from_der(&STANDARD.decode(text).map_err(|_| SignError::Key)?)
    }

    /// From the 32 octets of an Ed25519 seed (RFC 8032 §5.1.5).
    ///
    /// # Errors
    /// [`SignError::Crypto`].
    pub fn from_ed25519_seed(seed: &[u8; 32]) -> Result<Self, SignError> {
        PrivateKey::from_ed25519_seed(seed)
            .map(Self)
            .ok_or(SignError::Crypto)
    }

    /// What `a=` says.
    pub fn algorithm(&self) -> Algorithm {
        self.0.algorithm()
    }

    /// The record to publish at `selector._domainkey.domain`.
    pub fn record(&self) -> KeyRecord {
        match self.algorithm() {
            Algorithm::RsaSha256 => KeyRecord::new(
                KeyType::Rsa,
                crypto::subject_public_key_info(self.0.public()),
            ),
            Algorithm::Ed25519Sha256 => KeyRecord::new(KeyType::Ed25519, self.0.public().to_vec()),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.algorithm())
    }
}
