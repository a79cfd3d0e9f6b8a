//! SMTP commands (RFC 5321 §4.1), from octets to values.

use std::fmt;
use tls_policy::{Wish, requiretls};

/// One command.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `EHLO name` (RFC 5321 §4.1.1.1).
    Ehlo(String),
    /// `HELO name` (RFC 5321 §4.1.1.1).
    Helo(String),
    /// `STARTTLS` (RFC 3207 §4).
    StartTls,
    /// `MAIL FROM:<path>` (RFC 5321 §4.1.1.2).
    Mail(Mail),
    /// `RCPT TO:<path>` (RFC 5321 §4.1.1.3).
    Rcpt(Recipient),
    /// `DATA` (RFC 5321 §4.1.1.4).
    Data,
    /// `RSET` (RFC 5321 §4.1.1.5).
    Rset,
    /// `VRFY` (RFC 5321 §4.1.1.6).
    Vrfy,
    /// `HELP` (RFC 5321 §4.1.1.8).
    Help,
    /// `NOOP` (RFC 5321 §4.1.1.9).
    Noop,
    /// `QUIT` (RFC 5321 §4.1.1.10).
    Quit,
}

/// The parameters of `MAIL`.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The reverse-path; none is `<>`, the null sender.
    pub from: Option<Address>,
    /// The octets that the client means to send (RFC 1870 §3).
    pub size: Option<u64>,
    /// Whether addresses and header fields may hold UTF-8 (RFC 6531 §3.1).
    pub encoding: Encoding,
    /// `REQUIRETLS` (RFC 8689 §2), or nothing. Whether it was offered is the session's to know.
    pub wish: Wish,
}

/// What characters a transaction may use outside of the body.
#[allow(clippy::exhaustive_enums)] // complete by RFC 6531 §3.1
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// ASCII.
    Ascii,
    /// UTF-8: the client said `SMTPUTF8`.
    Utf8,
}

/// Whom `RCPT` names.
#[allow(clippy::exhaustive_enums)] // complete by RFC 5321 §4.1.1.3
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// A mailbox.
    Mailbox(Address),
    /// `<Postmaster>`, without a domain: the one of this server.
    Postmaster,
}

/// A mailbox: local part and domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    local: Box<str>,
    domain: Box<str>,
}

/// Why a line is no command for us.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A verb that we do not know.
    #[error("command not recognized")]
    Unknown,
    /// A verb that we know and do not do.
    #[error("command not implemented")]
    NotImplemented,
    /// An argument is missing, malformed or too much.
    #[error("syntax error in arguments")]
    Arguments,
    /// EHLO or HELO without a name, or with what cannot be one.
    #[error("malformed name of the client")]
    Hello,
    /// The reverse-path is not one.
    #[error("malformed address of the sender")]
    Sender,
    /// The forward-path is not one.
    #[error("malformed address of the recipient")]
    Recipient,
    /// A parameter that we did not offer, or twice the same.
    #[error("parameter not recognized")]
    Parameter,
    /// UTF-8 where nobody announced it.
    #[error("address needs SMTPUTF8")]
    NeedsUtf8,
}

impl Command {
    /// Parses a line without its CR LF.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn parse(line: &[u8]) -> Result<Self, Fault> {
        let line = std::str::from_utf8(line).map_err(|_| Fault::Arguments)?;
        if line.bytes().any(|b| b < b' ' && b != b'\t' || b == 0x7f) {
            return Err(Fault::Arguments);
        }
        // RFC 5321 §4.1.1: "SMTP servers SHOULD tolerate trailing white space before the
        // terminating <CRLF>."
        let line = line.trim_end_matches([' ', '\t']);
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let is = |name: &str| verb.eq_ignore_ascii_case(name);
        let alone = |command: Self| match rest {
            "" => Ok(command),
            _ => Err(Fault::Arguments),
        };
        if is("MAIL") {
            mail(rest).map(Self::Mail)
        } else if is("RCPT") {
            rcpt(rest).map(Self::Rcpt)
        } else if is("DATA") {
            alone(Self::Data)
        } else if is("EHLO") {
            client_name(rest).map(Self::Ehlo)
        } else if is("HELO") {
            client_name(rest).map(Self::Helo)
        } else if is("STARTTLS") {
            alone(Self::StartTls)
        } else if is("RSET") {
            alone(Self::Rset)
        } else if is("QUIT") {
            alone(Self::Quit)
        } else if is("NOOP") {
            Ok(Self::Noop)
        } else if is("HELP") {
            Ok(Self::Help)
        } else if is("VRFY") {
            match rest {
                "" => Err(Fault::Arguments),
                _ => Ok(Self::Vrfy),
            }
        } else if [
            "EXPN", "TURN", "ETRN", "BDAT", "AUTH", "SEND", "SOML", "SAML",
        ]
        .into_iter()
        .any(is)
        {
            Err(Fault::NotImplemented)
        } else {
            Err(Fault::Unknown)
        }
    }
}

/// The argument of EHLO and HELO. What it says is a fact for SPF (RFC 7208 §2.3), so everything that
/// could be a name is taken: RFC 5321 §4.1.4 forbids to refuse mail because it proves wrong.
fn client_name(rest: &str) -> Result<String, Fault> {
    let name = rest.trim_start_matches(' ');
    let is_name = !name.is_empty() && name.len() <= 255 && name.bytes().all(|b| b > b' ');
    match is_name {
        true => Ok(name.to_owned()),
        false => Err(Fault::Hello),
    }
}

fn mail(rest: &str) -> Result<Mail, Fault> {
    let (path, parameters) = path_and_parameters(rest, "FROM:", Fault::Sender)?;
    let from = match path {
        "" => None,
        path => Some(Address::parse(path).ok_or(Fault::Sender)?),
    };
    let mut mail = Mail {
        from,
        size: None,
        encoding: Encoding::Ascii,
        wish: Wish::Default,
    };
    let mut body = false;
    for parameter in parameters.split(' ').filter(|p| !p.is_empty()) {
        let (name, value) = match parameter.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (parameter, None),
        };
        match (name.to_ascii_uppercase().as_str(), value) {
            ("SIZE", Some(value)) if mail.size.is_none() => {
                mail.size = Some(size(value).ok_or(Fault::Arguments)?);
            }
            // RFC 6152 §2: both values change nothing for a server that is clean for 8 bits.
            ("BODY", Some(value)) if !body => {
                body = true;
                if !["7BIT", "8BITMIME"]
                    .iter()
                    .any(|v| v.eq_ignore_ascii_case(value))
                {
                    return Err(Fault::Arguments);
                }
            }
            ("SMTPUTF8", None) if mail.encoding == Encoding::Ascii => {
                mail.encoding = Encoding::Utf8;
            }
            (requiretls::KEYWORD, None) if mail.wish == Wish::Default => {
                mail.wish = Wish::RequireTls;
            }
            // RFC 8689 §2: it has no value.
            (requiretls::KEYWORD, Some(_)) => return Err(Fault::Arguments),
            _ => return Err(Fault::Parameter),
        }
    }
    let ascii = mail.from.as_ref().is_none_or(Address::is_ascii);
    match ascii || mail.encoding == Encoding::Utf8 {
        true => Ok(mail),
        false => Err(Fault::NeedsUtf8),
    }
}

/// RFC 1870 §3: "size-value ::= 1*20DIGIT". That many digits can say more than 64 bits hold: more
/// than any limit.
fn size(value: &str) -> Option<u64> {
    let is_size = (1..=20).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit());
    is_size.then(|| value.parse().unwrap_or(u64::MAX))
}

fn rcpt(rest: &str) -> Result<Recipient, Fault> {
    let (path, parameters) = path_and_parameters(rest, "TO:", Fault::Recipient)?;
    if !parameters.trim_matches(' ').is_empty() {
        return Err(Fault::Parameter);
    }
    // RFC 5321 §4.5.1: "RCPT TO:<Postmaster>" without a domain, in any case, must be supported.
    if path.eq_ignore_ascii_case("postmaster") {
        return Ok(Recipient::Postmaster);
    }
    let address = Address::parse(path).ok_or(Fault::Recipient)?;
    Ok(Recipient::Mailbox(address))
}

/// Splits `FROM:<path> parameters`. The path may hold `>` and spaces inside quotes.
fn path_and_parameters<'a>(
    rest: &'a str,
    keyword: &str,
    no_path: Fault,
) -> Result<(&'a str, &'a str), Fault> {
    let (head, rest) = rest
        .split_at_checked(keyword.len())
        .ok_or(Fault::Arguments)?;
    if !head.eq_ignore_ascii_case(keyword) {
        return Err(Fault::Arguments);
    }
    // Some clients put a space after the colon; it means nothing else.
    let inner = rest
        .trim_start_matches(' ')
        .strip_prefix('<')
        .ok_or(no_path)?;
    let (mut quoted, mut escaped) = (false, false);
    for (at, octet) in inner.bytes().enumerate() {
        match octet {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'>' if !quoted => {
                let path = inner.get(..at).unwrap_or_default();
                let parameters = inner.get(at + 1..).unwrap_or_default();
                let apart = parameters.is_empty() || parameters.starts_with(' ');
                return if apart {
                    Ok((path, parameters))
                } else {
                    Err(Fault::Arguments)
                };
            }
            _ => {}
        }
    }
    Err(no_path)
}

impl Address {
    /// Parses what stands between `<` and `>`; a source route in front of it is dropped
    /// (RFC 5321 §4.1.1.3: "the receiving system SHOULD ignore it").
    pub fn parse(path: &str) -> Option<Self> {
        // RFC 5321 §4.5.3.1.3: a path has at most 256 octets, its brackets counted.
        if path.len() > 254 {
            return None;
        }
        let mailbox = match path.starts_with('@') {
            true => without_route(path)?,
            false => path,
        };
        let (local, domain) = if mailbox.starts_with('"') {
            let (local, rest) = unquote(mailbox)?;
            (local, rest.strip_prefix('@')?)
        } else {
            let (local, domain) = mailbox.split_once('@')?;
            let atoms = local
                .split('.')
                .all(|atom| !atom.is_empty() && atom.bytes().all(is_atext));
            (atoms.then(|| local.to_owned())?, domain)
        };
        // RFC 5321 §4.5.3.1.1 lets a local part end at 64 octets, but return paths that carry the
        // recipient's address are longer, and §4.5.3.1 only says what must be taken at least.
        (!local.is_empty() && is_domain(domain)).then(|| Self {
            local: local.into(),
            domain: domain.to_lowercase().into(),
        })
    }

    /// The local part, without quotes.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The domain or address literal, in lower case.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Whether it can be written without SMTPUTF8.
    pub fn is_ascii(&self) -> bool {
        self.local.is_ascii() && self.domain.is_ascii()
    }
}

/// As it stands between `<` and `>`, quoted where needed.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = self
            .local
            .split('.')
            .all(|atom| !atom.is_empty() && atom.bytes().all(is_atext));
        if plain {
            write!(f, "{}@{}", self.local, self.domain)
        } else {
            let local = self.local.replace('\\', "\\\\").replace('"', "\\\"");
            write!(f, "\"{local}\"@{}", self.domain)
        }
    }
}

/// RFC 5321 §4.1.2, A-d-l: `@one.example,@two.example:` and then the mailbox.
fn without_route(path: &str) -> Option<&str> {
    let (route, mailbox) = path.split_once(':')?;
    let mut hops = route.split(',');
    hops.all(|hop| hop.strip_prefix('@').is_some_and(is_domain))
        .then_some(mailbox)
}

/// RFC 5322 §3.2.3, with the UTF-8 of RFC 6531 §3.3.
fn is_atext(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&octet) || octet >= 0x80
}

/// RFC 5321 §4.1.2, Quoted-string: its content, and what follows it.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut content = String::new();
    let mut chars = text.strip_prefix('"')?.chars();
    loop {
        match chars.next()? {
            '"' => return Some((content, chars.as_str())),
            '\\' => content.push(chars.next().filter(|c| (' '..='~').contains(c))?),
            c if c >= ' ' && c != '\x7f' => content.push(c),
            _ => return None,
        }
    }
}

/// RFC 5321 §4.1.2, Domain or address-literal (§4.1.3); U-labels by RFC 6531 §3.3.
pub(crate) fn is_domain(domain: &str) -> bool {
    if let Some(literal) = domain.strip_prefix('[').and_then(|d| d.strip_suffix(']')) {
        return match literal.split_at_checked(5) {
            Some((tag, v6)) if tag.eq_ignore_ascii_case("IPv6:") => {
                v6.parse::<std::net::Ipv6Addr>().is_ok()
            }
            _ => literal.parse::<std::net::Ipv4Addr>().is_ok(),
        };
    }
    domain.len() <= 255
        && domain.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b >= 0x80)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(line: &str) -> Result<Command, Fault> {
        Command::parse(line.as_bytes())
    }

    fn from(line: &str) -> Option<String> {
        match parse(line).unwrap() {
            Command::Mail(mail) => mail.from.map(|a| a.to_string()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn verbs_know_no_case() {
        assert_eq!(parse("data"), Ok(Command::Data));
        assert_eq!(parse("DaTa  "), Ok(Command::Data));
        assert_eq!(parse("data now"), Err(Fault::Arguments));
        assert_eq!(
            parse("EHLO [127.0.0.1]"),
            Ok(Command::Ehlo("[127.0.0.1]".into()))
        );
        assert_eq!(parse("EHLO"), Err(Fault::Hello));
        assert_eq!(parse("HELO a b"), Err(Fault::Hello));
        assert_eq!(parse("GET / HTTP/1.1"), Err(Fault::Unknown));
        assert_eq!(parse("BDAT 7 LAST"), Err(Fault::NotImplemented));
        assert_eq!(parse("NOOP \u{1}"), Err(Fault::Arguments));
        assert_eq!(Command::parse(b"NOOP \xff"), Err(Fault::Arguments));
    }

    #[test]
    fn paths() {
        assert_eq!(from("MAIL FROM:<>"), None);
        assert_eq!(
            from("mail from:<Joe.D@EXAMPLE.org>"),
            Some("Joe.D@example.org".into())
        );
        assert_eq!(
            from("MAIL FROM: <a@b.example> SIZE=12"),
            Some("a@b.example".into())
        );
        assert_eq!(
            from("MAIL FROM:<@x.example,@y.example:a@b.example>"),
            Some("a@b.example".into())
        );
        assert_eq!(
            from("MAIL FROM:<\"a> b\"@b.example>"),
            Some("\"a> b\"@b.example".into())
        );
        assert_eq!(
            from("MAIL FROM:<\"a\\\"b\"@b.example>"),
            Some("\"a\\\"b\"@b.example".into())
        );
        assert_eq!(
            from("MAIL FROM:<\"joe\"@b.example>"),
            Some("joe@b.example".into())
        );
        assert_eq!(
            from("MAIL FROM:<a@[192.0.2.1]>"),
            Some("a@[192.0.2.1]".into())
        );
        assert_eq!(
            from("MAIL FROM:<a@[IPv6:2001:db8::1]>"),
            Some("a@[ipv6:2001:db8::1]".into())
        );
        for bad in [
            "<a>",
            "<a@>",
            "<@b.example>",
            "a@b.example",
            "<a@b.example",
            "<a@-b.example>",
            "<a..b@b.example>",
            "<a b@b.example>",
            "<a@b..example>",
            "<a@[300.0.0.1]>",
            "<\"a@b>",
            "<\"\"@b.example>",
            "<a@b@c.example>",
            "<@:a@b.example>",
            "<@x.example,y.example:a@b.example>",
            "<@-x.example:a@b.example>",
        ] {
            assert_eq!(
                parse(&format!("MAIL FROM:{bad}")),
                Err(Fault::Sender),
                "{bad}"
            );
            assert_eq!(
                parse(&format!("RCPT TO:{bad}")),
                Err(Fault::Recipient),
                "{bad}"
            );
        }
        assert_eq!(parse("RCPT TO:<>"), Err(Fault::Recipient));
    }

    #[test]
    fn paths_have_256_octets_at_most() {
        // RFC 5321 §4.5.3.1.3; the local part alone may be longer than 64.
        let path = |octets: usize| format!("<{}@b.example>", "x".repeat(octets - 12));
        assert!(parse(&format!("MAIL FROM:{}", path(256))).is_ok());
        assert_eq!(
            parse(&format!("MAIL FROM:{}", path(257))),
            Err(Fault::Sender)
        );
    }

    #[test]
    fn parameters() {
        let Ok(Command::Mail(mail)) =
            parse("MAIL FROM:<j\u{f6}@b.example> body=8bitmime SIZE=1000 SMTPUTF8")
        else {
            panic!()
        };
        assert_eq!((mail.size, mail.encoding), (Some(1000), Encoding::Utf8));
        for (bad, fault) in [
            ("MAIL FROM:<j\u{f6}@b.example>", Fault::NeedsUtf8),
            ("MAIL FROM:<a@b.example> SIZE=x", Fault::Arguments),
            ("MAIL FROM:<a@b.example> SIZE=", Fault::Arguments),
            ("MAIL FROM:<a@b.example> SIZE=+1", Fault::Arguments),
            ("MAIL FROM:<a@b.example> SIZE", Fault::Parameter),
            ("MAIL FROM:<a@b.example> SMTPUTF8=", Fault::Parameter),
            (
                "MAIL FROM:<a@b.example> BODY=7BIT BODY=7BIT",
                Fault::Parameter,
            ),
            ("MAIL FROM:<a@b.example> SIZE=1 SIZE=1", Fault::Parameter),
            (
                "MAIL FROM:<a@b.example> SIZE=123456789012345678901",
                Fault::Arguments,
            ),
            ("MAIL FROM:<a@b.example> BODY=BINARYMIME", Fault::Arguments),
            ("MAIL FROM:<a@b.example> RET=FULL", Fault::Parameter),
            ("MAIL FROM:<a@b.example>SIZE=1", Fault::Arguments),
            ("RCPT TO:<a@b.example> NOTIFY=NEVER", Fault::Parameter),
        ] {
            assert_eq!(parse(bad), Err(fault), "{bad}");
        }
        let Ok(Command::Mail(huge)) = parse("MAIL FROM:<> SIZE=99999999999999999999") else {
            panic!()
        };
        assert_eq!(huge.size, Some(u64::MAX));
        assert_eq!(
            parse("RCPT TO:<postMaster>"),
            Ok(Command::Rcpt(Recipient::Postmaster))
        );
    }

    proptest! {
        #[test]
        fn nothing_panics(line in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Command::parse(&line);
        }

        #[test]
        fn addresses_print_what_they_were(path in "(\"[ -~]{0,8}\"|[a-z.]{1,8})@[a-z.-]{1,8}") {
            if let Some(address) = Address::parse(&path) {
                prop_assert_eq!(Address::parse(&address.to_string()), Some(address));
            }
        }
    }
}
