use crate::{Attempt, Status, Wish};

/// The EHLO keyword, and the parameter of MAIL FROM (RFC 8689 §2).
pub const KEYWORD: &str = "REQUIRETLS";

/// Most octets of the parameters of one MAIL FROM that are read.
pub const MAX_PARAMETERS: usize = 2048;

/// What an SMTP session runs over.
#[allow(clippy::exhaustive_enums)] // one or the other
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// No TLS, or not yet.
    Clear,
    /// TLS, whether by STARTTLS or from the start.
    Tls,
}

/// Whether a session has REQUIRETLS.
#[allow(clippy::exhaustive_enums)] // offered or not
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Offer {
    /// It does not.
    #[default]
    No,
    /// The server offers it, over TLS.
    Yes,
}

/// Why a line of an EHLO response is no proper offer. It counts as none.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeywordError {
    /// Something follows the keyword, which has no parameters (RFC 8689 §2).
    #[error("REQUIRETLS in the EHLO response has a parameter")]
    Parameter,
    /// The keyword is there twice.
    #[error("REQUIRETLS is twice in the EHLO response")]
    Repeated,
}

/// Why a server refuses the parameters of a MAIL FROM.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// More than [`MAX_PARAMETERS`] octets.
    #[error("parameters of more than 2048 octets")]
    TooLong,
    /// Something between two spaces is no parameter (RFC 5321 §4.1.2).
    #[error("parameter {at} is malformed")]
    Malformed {
        /// Counted from 1.
        at: usize,
    },
    /// `REQUIRETLS=`: it has no value (RFC 8689 §2).
    #[error("REQUIRETLS has a value")]
    Value,
    /// `REQUIRETLS` is there twice.
    #[error("REQUIRETLS is repeated")]
    Repeated,
    /// `REQUIRETLS`, which was not offered: there is no TLS, or this server does not keep it.
    #[error("REQUIRETLS was not offered")]
    NotOffered,
}

impl ParameterError {
    /// The code of the reply (RFC 5321 §4.2.2, §4.1.1.11): 555 for a parameter that is not known
    /// here, 501 for one that is wrong.
    pub fn reply_code(self) -> u16 {
        match self {
            Self::NotOffered => 555,
            _ => 501,
        }
    }

    /// The status code of the reply (RFC 3463 §3.6: 5.5.4, invalid command arguments).
    pub fn status(self) -> Status {
        Status::INVALID_ARGUMENTS
    }
}

impl Offer {
    /// What a server that keeps REQUIRETLS for what it relays may offer: nothing in the clear, as
    /// the message has to come over TLS already (RFC 8689 §2). A server that does not says
    /// [`Offer::No`].
    pub fn by_server(channel: Channel) -> Self {
        match channel {
            Channel::Clear => Self::No,
            Channel::Tls => Self::Yes,
        }
    }

    /// The line of the EHLO response, if there is one.
    pub fn keyword(self) -> Option<&'static str> {
        (self == Self::Yes).then_some(KEYWORD)
    }

    /// What a client reads from the lines of an EHLO response, without their codes: `REQUIRETLS` in
    /// any case, alone on its line. Whatever is said in the clear is no offer, as anybody may have
    /// said it.
    ///
    /// # Errors
    /// [`KeywordError`]: such a server is treated as one that offers nothing.
    pub fn in_ehlo<'a>(
        lines: impl IntoIterator<Item = &'a str>,
        channel: Channel,
    ) -> Result<Self, KeywordError> {
        let mut offer = Self::No;
        for line in lines {
            let mut words = line.trim_end_matches([' ', '\r', '\n']).split(' ');
            let keyword = words.next().unwrap_or_default();
            if !keyword.eq_ignore_ascii_case(KEYWORD) {
                continue;
            }
            if words.next().is_some() {
                return Err(KeywordError::Parameter);
            }
            if offer == Self::Yes {
                return Err(KeywordError::Repeated);
            }
            offer = Self::Yes;
        }
        Ok(match channel {
            Channel::Clear => Self::No,
            Channel::Tls => offer,
        })
    }

    /// The parameter that a client adds to MAIL FROM, 11 octets with the space before it: for a
    /// message that came with REQUIRETLS, and for no other.
    ///
    /// # Errors
    /// [`Attempt::NoRequireTls`], for [`Decision::after`](crate::Decision::after): the message must
    /// not go to this host.
    pub fn parameter(self, wish: Wish) -> Result<&'static str, Attempt> {
        match (wish, self) {
            (Wish::RequireTls, Self::Yes) => Ok(" REQUIRETLS"),
            (Wish::RequireTls, Self::No) => Err(Attempt::NoRequireTls),
            (Wish::Default | Wish::TlsRequiredNo, _) => Ok(""),
        }
    }
}

/// What the parameters of a MAIL FROM, as they follow the path, ask for: [`Wish::RequireTls`] or
/// [`Wish::Default`]. Other parameters need only have the form of one (RFC 5321 §4.1.2, RFC 6531
/// §3.3).
///
/// # Errors
/// [`ParameterError`]: the command is to be refused. To accept it without REQUIRETLS would lose what
/// the sender relies on.
pub fn mail_wish(parameters: &str, offer: Offer) -> Result<Wish, ParameterError> {
    if parameters.len() > MAX_PARAMETERS {
        return Err(ParameterError::TooLong);
    }
    let parameters = parameters.trim_end_matches(' ');
    let parameters = parameters.strip_prefix(' ').unwrap_or(parameters);
    let mut wish = Wish::Default;
    if parameters.is_empty() {
        return Ok(wish);
    }
    for (at, parameter) in parameters.split(' ').enumerate() {
        let (name, value) = match parameter.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (parameter, None),
        };
        if !is_keyword(name) || !value.is_none_or(is_value) {
            // An empty value of our own keyword is told by its name.
            let ours = name.eq_ignore_ascii_case(KEYWORD) && value.is_some();
            let malformed = ParameterError::Malformed { at: at + 1 };
            return Err(if ours {
                ParameterError::Value
            } else {
                malformed
            });
        }
        if !name.eq_ignore_ascii_case(KEYWORD) {
            continue;
        }
        match (value, offer, wish) {
            (Some(_), _, _) => return Err(ParameterError::Value),
            (None, Offer::No, _) => return Err(ParameterError::NotOffered),
            (None, Offer::Yes, Wish::RequireTls) => return Err(ParameterError::Repeated),
            (None, Offer::Yes, _) => wish = Wish::RequireTls,
        }
    }
    Ok(wish)
}

fn is_keyword(name: &str) -> bool {
    let mut octets = name.bytes();
    octets.next().is_some_and(|o| o.is_ascii_alphanumeric())
        && octets.all(|o| o.is_ascii_alphanumeric() || o == b'-')
}

fn is_value(value: &str) -> bool {
    let legal = |c: char| !c.is_ascii() || c.is_ascii_graphic() && c != '=';
    !value.is_empty() && value.chars().all(legal)
}
