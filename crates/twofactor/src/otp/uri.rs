//! `otpauth://`: how a secret travels as a URI.
//!
//! There is no RFC of it. What is read and written follows the page "Key Uri Format" of Google Authenticator, in the
//! syntax of RFC 3986.

pub(super) mod escape;

use zeroize::Zeroizing;

use super::name::{Issuer, Label, NameError};
use super::{Algorithm, Moving, Otp, Parameters, ParametersError, Secret, SecretError};

/// The most octets of a URI that is read.
pub const MAX_URI: usize = 4096;

/// The most parameters.
const MAX_PARAMETERS: usize = 32;

/// What a URI brings.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The secret, and how codes are made of it.
    pub otp: Otp,
    /// Who gave it out, if that is said.
    pub issuer: Option<Issuer>,
    /// Whose it is.
    pub label: Label,
    /// The next counter of the device, if a counter moves the codes; `None` otherwise.
    pub counter: Option<u64>,
}

/// Why a URI is refused. Nothing of the URI stands in the message.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// More octets than [`MAX_URI`], or more than 32 parameters.
    #[error("the URI is too long")]
    Long,
    /// Not `otpauth://`.
    #[error("the URI is not of otpauth")]
    Scheme,
    /// Neither `totp` nor `hotp`.
    #[error("the URI is neither of TOTP nor of HOTP")]
    Kind,
    /// Not the syntax of RFC 3986: a control character, a fragment, a `%` without two hexadecimal digits, octets that
    /// are not UTF-8.
    #[error("the URI is malformed")]
    Malformed,
    /// A parameter that has a meaning stands there twice.
    #[error("the URI has the same parameter twice")]
    Duplicate,
    /// There is no `secret`.
    #[error("the URI has no secret")]
    NoSecret,
    /// The secret is none.
    #[error("the URI's secret cannot be used: {0}")]
    Secret(SecretError),
    /// A hash function that is not known here.
    #[error("the URI wants an algorithm that is not known")]
    Algorithm,
    /// `digits` or `period` is no number, or out of bounds.
    #[error("the URI's parameters cannot be used: {0}")]
    Parameters(ParametersError),
    /// `counter` is missing where a counter moves the codes, or is no number.
    #[error("the URI has no counter, or a malformed one")]
    Counter,
    /// Codes that are not digits (`encoder`).
    #[error("the URI wants codes that are not digits")]
    Encoder,
    /// The name of the account.
    #[error("the URI's account name cannot be used: {0}")]
    Label(NameError),
    /// The name of who gave it out.
    #[error("the URI's issuer cannot be used: {0}")]
    Issuer(NameError),
    /// The issuer before the account's name is not that of the parameter.
    #[error("the URI names two issuers")]
    Issuers,
}

impl UriError {
    /// A stable name for programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Long => "otp.uri.long",
            Self::Scheme => "otp.uri.scheme",
            Self::Kind => "otp.uri.kind",
            Self::Malformed => "otp.uri.malformed",
            Self::Duplicate => "otp.uri.duplicate",
            Self::NoSecret => "otp.uri.no-secret",
            Self::Secret(why) => why.code(),
            Self::Algorithm => "otp.uri.algorithm",
            Self::Parameters(why) => why.code(),
            Self::Counter => "otp.uri.counter",
            Self::Encoder => "otp.uri.encoder",
            Self::Label(_) => "otp.uri.label",
            Self::Issuer(_) => "otp.uri.issuer",
            Self::Issuers => "otp.uri.issuers",
        }
    }
}

impl Otp {
    /// The URI that an authenticator app reads, mostly as a [`Qr`](super::Qr). It has the secret in it. Where a counter
    /// moves the codes, it starts at 0: that of a new secret.
    #[must_use]
    pub fn uri(&self, issuer: &Issuer, label: &Label) -> Zeroizing<String> {
        self.uri_from(Some(issuer), label, 0)
    }

    /// As [`uri`](Self::uri), with the next counter, which is left out where time moves the codes.
    #[must_use]
    pub fn uri_from(
        &self,
        issuer: Option<&Issuer>,
        label: &Label,
        counter: u64,
    ) -> Zeroizing<String> {
        // With room for all of it, every octet of the names escaped, so that no part is left behind in memory.
        let names = label.as_str().len() + 2 * issuer.map_or(0, |issuer| issuer.as_str().len());
        let mut uri = Zeroizing::new(String::with_capacity(256 + 3 * names));
        let parameters = self.parameters();
        uri.push_str(match parameters.moving() {
            Moving::Time { .. } => "otpauth://totp/",
            Moving::Counter => "otpauth://hotp/",
        });
        if let Some(issuer) = issuer {
            escape::push(&mut uri, issuer.as_str());
            uri.push(':');
        }
        escape::push(&mut uri, label.as_str());
        uri.push_str("?secret=");
        uri.push_str(&self.secret().to_base32());
        if let Some(issuer) = issuer {
            uri.push_str("&issuer=");
            escape::push(&mut uri, issuer.as_str());
        }
        uri.push_str("&algorithm=");
        uri.push_str(parameters.algorithm().name());
        uri.push_str("&digits=");
        uri.push_str(&parameters.digits().to_string());
        match parameters.moving() {
            Moving::Time { period } => {
                uri.push_str("&period=");
                uri.push_str(&period.to_string());
            }
            Moving::Counter => {
                uri.push_str("&counter=");
                uri.push_str(&counter.to_string());
            }
        }
        uri
    }
}

/// Reads an `otpauth://` URI of any program, of at most [`MAX_URI`] octets.
///
/// Parameters without a meaning here are ignored, as are `period` where a counter moves the codes, and `counter` where
/// time does. The issuer may stand before the account's name, in its parameter, or in both, if they agree.
///
/// ```
/// use twofactor::otp::{UriError, parse_uri};
/// let read = parse_uri("otpauth://totp/Example:alice@example.org?secret=JBSWY3DPEHPK3PXP&issuer=Example")?;
/// assert_eq!((read.label.as_str(), read.otp.parameters().digits()), ("alice@example.org", 6));
/// let twice = parse_uri("otpauth://totp/alice?secret=JBSWY3DPEHPK3PXP&secret=GEZDGNBVGY3TQOJQ");
/// assert_eq!(twice, Err(UriError::Duplicate));
/// # Ok::<(), UriError>(())
/// ```
///
/// # Errors
/// [`UriError`].
pub fn parse_uri(text: &str) -> Result<Imported, UriError> {
    let text = text.trim();
    if text.len() > MAX_URI {
        return Err(UriError::Long);
    }
    let rest = escape::after_scheme(text, "otpauth").ok_or(UriError::Scheme)?;
    if text.contains(|c: char| c.is_control() || c == '#') {
        return Err(UriError::Malformed);
    }
    let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (kind, path) = before.split_once('/').unwrap_or((before, ""));
    let parameters = if kind.eq_ignore_ascii_case("totp") {
        Parameters::totp()
    } else if kind.eq_ignore_ascii_case("hotp") {
        Parameters::hotp()
    } else {
        return Err(UriError::Kind);
    };
    let given = Given::read(query)?;
    let path = escape::decoded(path).ok_or(UriError::Malformed)?;
    let (issuer, label) = names(&path, given.issuer.as_ref().map(|issuer| issuer.as_str()))?;
    let (parameters, counter) = given.parameters(parameters)?;
    let secret = given.secret.as_ref().ok_or(UriError::NoSecret)?;
    let secret = Secret::from_base32(secret).map_err(UriError::Secret)?;
    Ok(Imported {
        otp: Otp::new(parameters, secret),
        issuer,
        label,
        counter,
    })
}

/// Who gave it out and whose it is, of the account's name with or without an issuer before it, and of an issuer that
/// stands elsewhere.
pub(super) fn names(path: &str, issuer: Option<&str>) -> Result<(Option<Issuer>, Label), UriError> {
    let (prefix, account) = match path.split_once(':') {
        Some((prefix, account)) => (Some(prefix), account),
        None => (None, path),
    };
    let name = |text: &str| Issuer::new(text).map_err(UriError::Issuer);
    let label = Label::new(account).map_err(UriError::Label)?;
    let prefix = prefix.map(name).transpose()?;
    let Some(issuer) = issuer.filter(|issuer| !issuer.trim().is_empty()) else {
        return Ok((prefix, label));
    };
    let issuer = name(issuer)?;
    match prefix {
        None => Ok((Some(issuer), label)),
        // Some programs write a space as in forms, where RFC 3986 has no such thing.
        Some(prefix)
            if prefix == issuer || prefix.as_str() == issuer.as_str().replace('+', " ") =>
        {
            Ok((Some(prefix), label))
        }
        Some(_) => Err(UriError::Issuers),
    }
}

/// The parameters that have a meaning.
#[derive(Default)]
struct Given {
    secret: Option<Zeroizing<String>>,
    issuer: Option<Zeroizing<String>>,
    algorithm: Option<Zeroizing<String>>,
    digits: Option<Zeroizing<String>>,
    period: Option<Zeroizing<String>>,
    counter: Option<Zeroizing<String>>,
    encoder: Option<Zeroizing<String>>,
}

impl Given {
    fn read(query: &str) -> Result<Self, UriError> {
        let mut given = Self::default();
        for (at, pair) in query.split('&').filter(|pair| !pair.is_empty()).enumerate() {
            if at == MAX_PARAMETERS {
                return Err(UriError::Long);
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = escape::decoded(name).ok_or(UriError::Malformed)?;
            let value = escape::decoded(value).ok_or(UriError::Malformed)?;
            let place = match &*name.to_ascii_lowercase() {
                "secret" => &mut given.secret,
                "issuer" => &mut given.issuer,
                "algorithm" => &mut given.algorithm,
                "digits" => &mut given.digits,
                "period" => &mut given.period,
                "counter" => &mut given.counter,
                "encoder" => &mut given.encoder,
                _ => continue,
            };
            // Which of two counts, programs would judge differently.
            if place.replace(value).is_some() {
                return Err(UriError::Duplicate);
            }
        }
        Ok(given)
    }

    fn parameters(&self, parameters: Parameters) -> Result<(Parameters, Option<u64>), UriError> {
        if self.encoder.is_some() {
            return Err(UriError::Encoder);
        }
        let mut parameters = parameters;
        if let Some(name) = &self.algorithm {
            let algorithm = Algorithm::from_name(name).ok_or(UriError::Algorithm)?;
            parameters = parameters.with_algorithm(algorithm);
        }
        if let Some(digits) = &self.digits {
            let digits = number(digits).and_then(|digits| u8::try_from(digits).ok());
            parameters = parameters
                .with_digits(digits.unwrap_or(0))
                .map_err(UriError::Parameters)?;
        }
        if parameters.moving() == Moving::Counter {
            let counter = self.counter.as_ref().and_then(|counter| number(counter));
            return Ok((parameters, Some(counter.ok_or(UriError::Counter)?)));
        }
        if let Some(period) = &self.period {
            let period = number(period).and_then(|period| u32::try_from(period).ok());
            parameters = parameters
                .with_period(period.unwrap_or(0))
                .map_err(UriError::Parameters)?;
        }
        Ok((parameters, None))
    }
}

/// Digits of ASCII, and no sign.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}
