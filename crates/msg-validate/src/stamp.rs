use crate::{
    AuthResults, Error, MethodResult, SpfIdentity, Verdict,
    auth_results::authserv_id,
    dkim::{Dkim, DkimResult},
    message::Field,
};

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
        // RFC 8601 §5: fields "that claim to be" ours are removed. Where no authserv-id can be
        // read, whoever reads the field later may still see ours in it.
        field.is("Authentication-Results")
            && authserv_id(field.value()).is_none_or(|id| same_host(&id, self.authserv_id()))
    }
}

/// Names of hosts, compared as such.
fn same_host(a: &str, b: &str) -> bool {
    let bare = |name: &str| name.trim_end_matches('.').to_ascii_lowercase();
    bare(a) == bare(b)
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

    /// How many fields were removed.
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
    let (mut parts, mut removed) = (Vec::new(), 0);
    let (mut kept_from, mut at) = (0, 0);
    for lines in Field::all(message) {
        let start = at;
        at += lines.raw().len();
        if stamp.is_own(&lines) {
            parts.extend(
                message
                    .get(kept_from..start)
                    .filter(|part| !part.is_empty()),
            );
            kept_from = at;
            removed += 1;
        }
    }
    parts.extend(message.get(kept_from..).filter(|part| !part.is_empty()));
    (parts, removed)
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
