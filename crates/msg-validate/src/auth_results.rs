//! Authentication-Results (RFC 8601): read, and written so that nothing can be injected.

use crate::{
    Error,
    address::{comment, delimited},
};
use std::fmt;

/// What one Authentication-Results field says (RFC 8601 §2.2).
///
/// ```
/// use msg_validate::AuthResults;
/// let text = "mx.example.org 1; spf=pass (sender is allowed) smtp.mailfrom=example.com; none";
/// assert!(AuthResults::parse(text.as_bytes()).is_err()); // "none" stands alone
/// let text = r#"mx.example.org; dkim=fail reason="bad; worse" header.d=example.com"#;
/// let results = AuthResults::parse(text.as_bytes())?;
/// assert_eq!(results.results()[0].reason(), Some("bad; worse"));
/// assert_eq!(results.to_string(), text);
/// # Ok::<(), msg_validate::AuthResultsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthResults {
    authserv_id: String,
    version: Option<u32>,
    results: Vec<MethodResult>,
}

/// What one method found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MethodResult {
    method: String,
    version: Option<u32>,
    result: String,
    reason: Option<String>,
    properties: Vec<Property>,
}

/// What was looked at, such as `smtp.mailfrom=example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    ptype: String,
    name: String,
    value: String,
}

/// Why a field is not Authentication-Results.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthResultsError {
    /// It does not begin with the name of a host.
    #[error("no authserv-id")]
    AuthservId,
    /// The version is none that RFC 8601 knows.
    #[error("unknown version")]
    Version,
    /// It breaks the syntax of RFC 8601 §2.2.
    #[error("malformed at octet {at}")]
    Malformed {
        /// Counted from 0.
        at: usize,
    },
}

impl AuthResults {
    /// Of a host that did no checks: it is printed as `none`.
    ///
    /// # Errors
    /// [`Error::AuthservId`] if the name is empty or holds control characters.
    pub fn new(authserv_id: impl Into<String>) -> Result<Self, Error> {
        let authserv_id = authserv_id.into();
        if authserv_id.is_empty() || authserv_id.chars().any(char::is_control) {
            return Err(Error::AuthservId);
        }
        Ok(Self {
            authserv_id,
            version: None,
            results: Vec::new(),
        })
    }

    /// Adds a result.
    #[must_use]
    pub fn with(mut self, result: MethodResult) -> Self {
        self.results.push(result);
        self
    }

    /// Reads the value of a field, folds and comments and all.
    ///
    /// # Errors
    /// [`AuthResultsError`].
    pub fn parse(value: &[u8]) -> Result<Self, AuthResultsError> {
        Parser { value, at: 0 }.field()
    }

    /// The whole field, each result on a line of its own, with the final CRLF.
    pub fn to_field(&self) -> String {
        let mut field = String::from("Authentication-Results: ");
        let _ = self.write(&mut field, ";\r\n\t"); // a String takes everything
        field.push_str("\r\n");
        field
    }

    /// The host that did the checks.
    pub fn authserv_id(&self) -> &str {
        &self.authserv_id
    }

    /// The version, if it is given.
    pub fn version(&self) -> Option<u32> {
        self.version
    }

    /// What the methods found; empty for `none`.
    pub fn results(&self) -> &[MethodResult] {
        &self.results
    }
}

impl MethodResult {
    /// A result, such as `spf` and `pass`. Characters that RFC 8601 §2.2 does not allow in either
    /// are left out.
    pub fn new(method: &str, result: &str) -> Self {
        Self {
            method: keyword(method),
            version: None,
            result: keyword(result),
            reason: None,
            properties: Vec::new(),
        }
    }

    /// Adds why.
    #[must_use]
    pub fn with_reason(self, reason: &str) -> Self {
        let reason = Some(clean(reason));
        Self { reason, ..self }
    }

    /// Adds what was looked at: `smtp`, `mailfrom`, `example.com`.
    #[must_use]
    pub fn with_property(mut self, ptype: &str, name: &str, value: &str) -> Self {
        self.properties.push(Property {
            ptype: keyword(ptype),
            name: keyword(name),
            value: clean(value),
        });
        self
    }

    /// The method, in lower case.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The method's version, if it is given.
    pub fn version(&self) -> Option<u32> {
        self.version
    }

    /// The result, in lower case.
    pub fn result(&self) -> &str {
        &self.result
    }

    /// Why, if it is given.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// What was looked at.
    pub fn properties(&self) -> &[Property] {
        &self.properties
    }
}

impl Property {
    /// Where it was found, such as `smtp` or `header`, in lower case.
    pub fn ptype(&self) -> &str {
        &self.ptype
    }

    /// Its name, such as `mailfrom` or `d`, in lower case.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its value, without quotes.
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl AuthResults {
    fn write(&self, to: &mut impl fmt::Write, separator: &str) -> fmt::Result {
        write_value(to, &self.authserv_id, Quote::Tspecials)?;
        if let Some(version) = self.version {
            write!(to, " {version}")?;
        }
        for result in &self.results {
            write!(to, "{separator}{result}")?;
        }
        if self.results.is_empty() {
            write!(to, "{separator}none")?;
        }
        Ok(())
    }
}

/// A Keyword of RFC 5321 §4.1.2, as RFC 8601 §2.2 wants them: `-` neither first nor last.
fn keyword(text: &str) -> String {
    let text: String = text
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-' || *c == '_')
        .map(|c| c.to_ascii_lowercase())
        .collect();
    text.trim_matches('-').to_owned()
}

/// Text that can stand in a header field: control characters become spaces.
fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// On one line, without comments. Values are quoted where they need it.
impl fmt::Display for AuthResults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, "; ")
    }
}

impl fmt::Display for MethodResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.method)?;
        if let Some(version) = self.version {
            write!(f, "/{version}")?;
        }
        write!(f, "={}", self.result)?;
        if let Some(reason) = &self.reason {
            f.write_str(" reason=")?;
            write_value(f, reason, Quote::Tspecials)?;
        }
        for Property { ptype, name, value } in &self.properties {
            write!(f, " {ptype}.{name}=")?;
            write_value(f, value, Quote::Pvalue)?;
        }
        Ok(())
    }
}

/// What may stand without quotes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quote {
    /// A token of RFC 2045 §5.1.
    Tspecials,
    /// That, or an address: RFC 8601 §2.2, pvalue.
    Pvalue,
}

fn write_value(f: &mut impl fmt::Write, value: &str, quote: Quote) -> fmt::Result {
    let plain = |text: &str| text.chars().all(is_token);
    let bare = match value.split_once('@') {
        Some((local, domain)) if quote == Quote::Pvalue => {
            let dots = local.split('.').all(|atom| !atom.is_empty() && plain(atom));
            (local.is_empty() || dots) && is_domain(domain)
        }
        _ => !value.is_empty() && plain(value),
    };
    if bare {
        return f.write_str(value);
    }
    f.write_str("\"")?;
    for c in value.chars() {
        if matches!(c, '"' | '\\') {
            f.write_str("\\")?;
        }
        write!(f, "{c}")?;
    }
    f.write_str("\"")
}

/// A token of RFC 2045 §5.1; UTF-8 may stand in one (RFC 8601 §2.2 by RFC 6532 §3.2), but none of
/// its control characters: no value holds one, quoted or not.
fn is_token(c: char) -> bool {
    match u8::try_from(c) {
        Ok(o) if o.is_ascii() => o.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&o),
        _ => !c.is_control(),
    }
}

fn is_domain(text: &str) -> bool {
    let label = |l: &str| {
        !l.is_empty()
            && l.chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || !(c.is_ascii() || c.is_control()))
    };
    text.split('.').all(label)
}

struct Parser<'a> {
    value: &'a [u8],
    at: usize,
}

impl Parser<'_> {
    fn field(mut self) -> Result<AuthResults, AuthResultsError> {
        self.cfws()?;
        let authserv_id = match self.value() {
            Ok(id) if !id.is_empty() => id,
            _ => return Err(AuthResultsError::AuthservId),
        };
        self.cfws()?;
        let mut version = None;
        if self.peek().is_some_and(|o| o.is_ascii_digit()) {
            version = Some(self.number()?);
            self.cfws()?;
        }
        // RFC 8601 §2.2: "the current version is 1", and it may be left out.
        if version.is_some_and(|v| v != 1) {
            return Err(AuthResultsError::Version);
        }
        let mut results = Vec::new();
        let mut none = false;
        while self.peek().is_some() {
            self.expect(b';')?;
            self.cfws()?;
            let start = self.at;
            let method = self.keyword()?;
            self.cfws()?;
            if method == "none" && self.peek().is_none() && results.is_empty() && !none {
                none = true;
                break;
            }
            if none {
                return Err(AuthResultsError::Malformed { at: start });
            }
            results.push(self.result(method)?);
        }
        if results.is_empty() && !none {
            return Err(self.malformed());
        }
        Ok(AuthResults {
            authserv_id,
            version,
            results,
        })
    }

    /// After the method's name and the white space behind it.
    fn result(&mut self, method: String) -> Result<MethodResult, AuthResultsError> {
        let mut version = None;
        if self.peek() == Some(b'/') {
            self.at += 1;
            self.cfws()?;
            version = Some(self.number()?);
            self.cfws()?;
        }
        self.expect(b'=')?;
        self.cfws()?;
        let mut found = MethodResult {
            method,
            version,
            result: self.keyword()?,
            reason: None,
            properties: Vec::new(),
        };
        loop {
            let before = self.at;
            self.cfws()?;
            if matches!(self.peek(), None | Some(b';')) {
                return Ok(found);
            }
            // White space, or a comment, parts a property from what is before it.
            if before == self.at {
                return Err(self.malformed());
            }
            let word = self.keyword()?;
            self.cfws()?;
            if word == "reason" && self.peek() == Some(b'=') {
                if found.reason.is_some() || !found.properties.is_empty() {
                    return Err(self.malformed());
                }
                self.at += 1;
                self.cfws()?;
                found.reason = Some(self.value()?);
                continue;
            }
            self.expect(b'.')?;
            self.cfws()?;
            let name = self.keyword()?;
            self.cfws()?;
            self.expect(b'=')?;
            self.cfws()?;
            found.properties.push(Property {
                ptype: word,
                name,
                value: self.pvalue()?,
            });
        }
    }

    /// A token or a quoted string (RFC 2045 §5.1).
    fn value(&mut self) -> Result<String, AuthResultsError> {
        if self.peek() == Some(b'"') {
            let Some((text, end)) = delimited(self.value, self.at + 1, b'"') else {
                return Err(self.malformed());
            };
            let text = clean(self.text(&text)?);
            self.at = end;
            return Ok(text);
        }
        self.run(is_token)
    }

    /// RFC 8601 §2.2: a value, or `[[local-part] "@"] domain-name`.
    fn pvalue(&mut self) -> Result<String, AuthResultsError> {
        let mut text = match self.peek() {
            Some(b'@') => String::new(),
            _ => self.value()?,
        };
        if self.peek() == Some(b'@') {
            self.at += 1;
            text.push('@');
            let domain = self.run(is_token)?;
            text.push_str(&domain);
        }
        Ok(text)
    }

    fn keyword(&mut self) -> Result<String, AuthResultsError> {
        let mut word = self.run(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))?;
        if word.starts_with('-') || word.ends_with('-') {
            return Err(self.malformed());
        }
        word.make_ascii_lowercase();
        Ok(word)
    }

    fn number(&mut self) -> Result<u32, AuthResultsError> {
        let digits = self.run(|c| c.is_ascii_digit())?;
        digits.parse().map_err(|_| self.malformed())
    }

    /// At least one character of a kind.
    fn run(&mut self, wanted: impl Fn(char) -> bool) -> Result<String, AuthResultsError> {
        let rest = self.value.get(self.at..).unwrap_or_default();
        // What is not ASCII is read as characters before it is asked for.
        let len = rest
            .iter()
            .take_while(|&&o| !o.is_ascii() || wanted(o.into()))
            .count();
        let text = self.text(rest.get(..len).unwrap_or_default())?;
        let end = text.find(|c| !wanted(c)).unwrap_or(text.len());
        if end == 0 {
            return Err(self.malformed());
        }
        self.at += end;
        Ok(text.get(..end).unwrap_or_default().to_owned())
    }

    fn text<'t>(&self, octets: &'t [u8]) -> Result<&'t str, AuthResultsError> {
        std::str::from_utf8(octets).map_err(|_| self.malformed())
    }

    fn expect(&mut self, octet: u8) -> Result<(), AuthResultsError> {
        if self.peek() != Some(octet) {
            return Err(self.malformed());
        }
        self.at += 1;
        Ok(())
    }

    /// Comments, folds and white space.
    fn cfws(&mut self) -> Result<(), AuthResultsError> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\r' | b'\n') => self.at += 1,
                Some(b'(') => match comment(self.value, self.at) {
                    Some(end) => self.at = end,
                    None => return Err(self.malformed()),
                },
                _ => return Ok(()),
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.value.get(self.at).copied()
    }

    fn malformed(&self) -> AuthResultsError {
        AuthResultsError::Malformed { at: self.at }
    }
}

/// Whose results these are, as far as that can be read: what comes after may be malformed.
pub(crate) fn authserv_id(value: &[u8]) -> Option<String> {
    let mut parser = Parser { value, at: 0 };
    parser.cfws().ok()?;
    parser.value().ok()
}
