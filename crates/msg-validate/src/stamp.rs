use crate::{
    AuthResults, Error, MethodResult, SpfIdentity, Verdict, address,
    auth_results::authserv_id,
    dkim::{Dkim, DkimResult},
    message::Field,
};
use mail_dns::Name;
use std::ops::Range;

/// How a host marks the messages that it has judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The field before anything is in it.
    empty: AuthResults,
    own: Vec<String>,
}

impl Stamp {
    /// Marks with this authserv-id, by custom the host's or the organization's domain
    /// (RFC 8601 §2.5). Everything that comes in under it, from whomever, is removed.
    ///
    /// # Errors
    /// [`Error::AuthservId`].
    pub fn new(authserv_id: impl Into<String>) -> Result<Self, Error> {
        Ok(Self {
            empty: AuthResults::new(authserv_id)?,
            own: Vec::new(),
        })
    }

    /// Removes the fields of this name, too: one that only this host may write.
    ///
    /// # Errors
    /// [`Error::FieldName`].
    pub fn removing(mut self, field: impl Into<String>) -> Result<Self, Error> {
        let field = field.into();
        let printable = |o: u8| matches!(o, 0x21..=0x7e) && o != b':';
        if field.is_empty() || !field.bytes().all(printable) {
            return Err(Error::FieldName);
        }
        self.own.push(field);
        Ok(self)
    }

    /// The authserv-id.
    pub fn authserv_id(&self) -> &str {
        self.empty.authserv_id()
    }

    /// Whether nobody but the stamping host may write this field.
    pub(crate) fn is_own(&self, field: &Field<'_>) -> bool {
        if self.own.iter().any(|name| field.is(name)) {
            return true;
        }
        // RFC 8601 §5: fields "that claim to be" ours are removed.
        field.is("Authentication-Results") && self.is_claimed(field.value())
    }

    /// Whether somebody may take the value for one of ours.
    fn is_claimed(&self, value: &[u8]) -> bool {
        if let Ok(results) = AuthResults::parse(value) {
            return same_host(results.authserv_id(), self.authserv_id());
        }
        // Whoever reads what is malformed may see ours where we see another, or none.
        let id = value.split(|&octet| octet == b';').next();
        let own = bare(self.authserv_id().as_bytes());
        bare(id.unwrap_or_default()).contains(own.trim_end_matches('.'))
            || authserv_id(value).is_none_or(|id| same_host(&id, self.authserv_id()))
    }
}

/// What is left without comments, quotes, white space and control characters, in lower case.
fn bare(text: &[u8]) -> String {
    let (mut octets, mut at) = (Vec::with_capacity(text.len()), 0);
    // Once a comment does not end, none behind it does: nobody looks again.
    let mut ends = true;
    while let Some(&octet) = text.get(at) {
        if octet == b'(' && ends {
            if let Some(end) = address::comment(text, at) {
                at = end;
                continue;
            }
            ends = false;
        }
        octets.push(octet);
        at += 1;
    }
    let plain = |c: &char| !c.is_whitespace() && !c.is_control() && !matches!(c, '"' | '\\');
    let text = String::from_utf8_lossy(&octets);
    text.chars()
        .filter(plain)
        .collect::<String>()
        .to_lowercase()
}

/// Names of hosts, compared as such; others without case.
fn same_host(a: &str, b: &str) -> bool {
    let bare = |name: &str| name.trim().trim_end_matches('.').to_lowercase();
    bare(a) == bare(b) || Name::from_unicode(a).is_ok_and(|a| Name::from_unicode(b) == Ok(a))
}

/// A message with its stamp: what is new, and the parts of the old one that are left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamped<'m> {
    head: String,
    parts: Vec<&'m [u8]>,
    removed: usize,
}

impl<'m> Stamped<'m> {
    /// The field that was put on top, with its final CRLF.
    pub fn field(&self) -> &str {
        &self.head
    }

    /// Everything in order, to be written without another copy.
    pub fn slices(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(self.head.as_bytes()).chain(self.parts.iter().copied())
    }

    /// How many fields were removed; a line that continues none, at the beginning of the message, is
    /// one of them.
    pub fn removed(&self) -> usize {
        self.removed
    }

    /// Everything in one piece.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.slices().map(<[u8]>::len).sum());
        self.slices()
            .for_each(|slice| bytes.extend_from_slice(slice));
        bytes
    }
}

pub(crate) fn stamp<'m>(verdict: &Verdict, message: &'m [u8], stamp: &Stamp) -> Stamped<'m> {
    let (parts, removed) = remove(message, stamp);
    let head = write(verdict, stamp);
    Stamped {
        head,
        parts,
        removed,
    }
}

/// What is left of the message, in as few parts as possible.
fn remove<'m>(message: &'m [u8], stamp: &Stamp) -> (Vec<&'m [u8]>, usize) {
    let (mut kept, mut removed, mut at) = (Vec::new(), 0, 0);
    for lines in Field::all(message) {
        let start = at;
        at += lines.raw().len();
        // A message that begins with white space would continue the field that is put on top.
        let continues = start == 0 && matches!(lines.raw(), [b' ' | b'\t', ..]);
        if !continues && !stamp.is_own(&lines) {
            keep(&mut kept, start..at);
            continue;
        }
        removed += 1;
        // What is left before it may end in a bare CR or LF, and would swallow what comes next for
        // everybody who counts CRLF alone: it gets the CRLF of what is removed.
        if lines.raw().ends_with(b"\r\n")
            && let Some(last) = kept.last_mut()
            && !message
                .get(..last.end)
                .is_some_and(|left| left.ends_with(b"\r\n"))
        {
            last.end -= 1;
            keep(&mut kept, at - 2..at);
        }
    }
    keep(&mut kept, at..message.len());
    let parts = kept.into_iter().filter_map(|range| message.get(range));
    (parts.filter(|part| !part.is_empty()).collect(), removed)
}

/// Adds a part, to the last one where they touch.
fn keep(kept: &mut Vec<Range<usize>>, part: Range<usize>) {
    match kept.last_mut() {
        Some(last) if last.end == part.start => last.end = part.end,
        _ => kept.push(part),
    }
}

/// The field, each result on a line of its own.
fn write(verdict: &Verdict, stamp: &Stamp) -> String {
    let mut results = Vec::new();
    if let Some(spf) = verdict.spf() {
        results.extend(spf.mail_from().map(|of| spf_result(of, "mailfrom")));
        results.extend(spf.helo().map(|of| spf_result(of, "helo")));
    }
    results.extend(verdict.dkim().iter().map(dkim_result));
    if let Some(dmarc) = verdict.dmarc() {
        if verdict.dkim().is_empty() {
            results.push(MethodResult::new("dkim", "none"));
        }
        let mut result = MethodResult::new("dmarc", &dmarc.result().to_string());
        if let Some(domain) = dmarc.domain() {
            result = result.with_property("header", "from", &domain.to_string());
        }
        results.push(result);
    }
    results
        .into_iter()
        .fold(stamp.empty.clone(), AuthResults::with)
        .to_field()
}

fn spf_result(identity: &SpfIdentity, property: &str) -> MethodResult {
    MethodResult::new("spf", &identity.result().to_string()).with_property(
        "smtp",
        property,
        short(identity.domain()),
    )
}

fn dkim_result(dkim: &Dkim) -> MethodResult {
    let mut result = MethodResult::new("dkim", &dkim.result().to_string());
    if dkim.result() != DkimResult::Pass {
        result = result.with_reason(&dkim.reason().to_string());
    }
    if let Some(domain) = dkim.domain() {
        result = result.with_property("header", "d", short(domain));
    }
    if let Some(selector) = dkim.selector() {
        result = result.with_property("header", "s", short(selector));
    }
    if let Some(algorithm) = dkim.algorithm() {
        result = result.with_property("header", "a", &algorithm.to_string());
    }
    result
}

/// RFC 5322 §2.1.1: a line has at most 998 octets, whatever the client sent.
fn short(value: &str) -> &str {
    const MOST: usize = 255;
    let mut end = value.len().min(MOST);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    value.get(..end).unwrap_or_default()
}
