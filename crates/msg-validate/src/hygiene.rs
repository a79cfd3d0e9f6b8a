//! What is wrong with a message's form: what makes readers and verifiers see different things.

use crate::{
    Context, Limits, Reason, Severity,
    address::Addresses,
    encoded_word,
    message::{Cut, Message},
};
use mail_dns::Name;
use std::borrow::Cow;

/// What was noticed, and who the author is.
#[derive(Debug)]
pub(crate) struct Hygiene {
    reasons: Vec<Reason>,
    authors: Vec<Name>,
    duplicates: Vec<&'static str>,
}

/// Domains in From that are looked at.
const MOST_AUTHORS: usize = 4;

/// Fields From that are looked at: more than one is an alarm, so the rest changes nothing.
const MOST_AUTHOR_FIELDS: usize = 4;

/// Addresses in From that are looked at.
const MOST_MAILBOXES: usize = 20;

/// Fields that may stand once (RFC 5322 §3.6, RFC 2045 §3, §4 and §6.1), in lower case.
const ONCE: &[&str] = &[
    "date",
    "sender",
    "reply-to",
    "to",
    "cc",
    "bcc",
    "message-id",
    "in-reply-to",
    "references",
    "subject",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "content-id",
    "content-description",
];

impl Hygiene {
    pub(crate) fn reasons(&self) -> &[Reason] {
        &self.reasons
    }

    /// The domains in From, each once.
    pub(crate) fn authors(&self) -> &[Name] {
        &self.authors
    }

    /// Names of fields that stand more often than they may, in lower case.
    pub(crate) fn duplicates(&self) -> &[&'static str] {
        &self.duplicates
    }

    fn note(&mut self, code: &'static str, severity: Severity, text: impl Into<Cow<'static, str>>) {
        self.reasons.push(Reason::new(code, severity, text));
    }

    fn alarm(&mut self, code: &'static str, text: impl Into<Cow<'static, str>>) {
        self.note(code, Severity::Alarm, text);
    }
}

/// Looks at everything but SPF, DKIM and DMARC.
pub(crate) fn inspect(message: &Message<'_>, context: &Context, limits: &Limits) -> Hygiene {
    let mut hygiene = Hygiene {
        reasons: Vec::new(),
        authors: Vec::new(),
        duplicates: Vec::new(),
    };
    structure(message, limits, &mut hygiene);
    octets(message, context, &mut hygiene);
    duplicates(message, &mut hygiene);
    author(message, &mut hygiene);
    own_fields(message, context, &mut hygiene);
    hygiene
}

fn structure(message: &Message<'_>, limits: &Limits, hygiene: &mut Hygiene) {
    let ending = message.bytes().len() - message.body().len();
    match message.cut() {
        Cut::EmptyLine | Cut::End => {}
        Cut::Malformed => {
            let line = message.body().split(|&o| o == b'\n').next();
            let line = printable(line.unwrap_or_default());
            // RFC 5322 §2.2: a line that begins with white space continues a field; here is none.
            let text = if ending == 0 && line.starts_with([' ', '\t']) {
                "the first line begins with white space, as if it continued a header field"
            } else {
                "a line in the header section is no header field"
            };
            hygiene.alarm("header.malformed", format!("{text}: `{line}`"));
        }
        Cut::Fields => hygiene.alarm(
            "limit.header-fields",
            format!("more than {} header fields", limits.header_fields),
        ),
        Cut::Octets => hygiene.alarm(
            "limit.header-octets",
            format!(
                "a header section of more than {} octets",
                limits.header_octets
            ),
        ),
    }
    if message.body().len() > limits.body_octets {
        hygiene.alarm(
            "limit.body-octets",
            format!("a body of more than {} octets", limits.body_octets),
        );
    }
}

fn octets(message: &Message<'_>, context: &Context, hygiene: &mut Hygiene) {
    let lines = Lines::count(message.bytes());
    // RFC 5322 §2.3: "CR and LF MUST only occur together as CRLF"
    if lines.bare_cr() > 0 {
        let text = format!(
            "{} bare CR: programs will not agree where lines end",
            lines.bare_cr()
        );
        hygiene.alarm("line.bare-cr", text);
    }
    if lines.bare_lf() > 0 {
        let text = format!(
            "{} bare LF: programs will not agree where lines end",
            lines.bare_lf()
        );
        hygiene.alarm("line.bare-lf", text);
    }
    if lines.nul > 0 {
        let text = format!("{} NUL octets, which many programs stop at", lines.nul);
        hygiene.alarm("line.nul", text);
    }
    if has_long_line(message.bytes()) {
        // RFC 5322 §2.1.1: "Each line of characters MUST be no more than 998 characters"
        let text = "a line of more than 998 octets, which servers on the way may have cut";
        hygiene.note("line.too-long", Severity::Info, text);
    }
    let head = message.head();
    if head.is_ascii() {
        return;
    }
    let declared = context
        .transport()
        .is_some_and(|t| t.smtputf8 == crate::Smtputf8::Declared);
    if std::str::from_utf8(head).is_err() {
        let text = "octets in the header section that are neither US-ASCII nor UTF-8";
        hygiene.alarm("header.8bit", text);
    } else if !declared {
        // RFC 6531 §3.4: without SMTPUTF8 a message has US-ASCII header fields.
        let text = "UTF-8 in the header section of a message that was not sent with SMTPUTF8";
        hygiene.alarm("header.utf8", text);
    }
}

/// How the octets that end lines are distributed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lines {
    cr: usize,
    lf: usize,
    crlf: usize,
    nul: usize,
}

impl Lines {
    /// One pass without branches, which the compiler turns into vector code.
    pub(crate) fn count(bytes: &[u8]) -> Self {
        let mut lines = Self::default();
        let mut before = 0;
        for chunk in bytes.chunks(255) {
            let (mut cr, mut lf, mut crlf, mut nul) = (0u8, 0u8, 0u8, 0u8);
            let first = chunk.first() == Some(&b'\n') && before == b'\r';
            for pair in chunk.windows(2) {
                crlf += u8::from(pair == b"\r\n");
            }
            for &octet in chunk {
                cr += u8::from(octet == b'\r');
                lf += u8::from(octet == b'\n');
                nul += u8::from(octet == 0);
            }
            before = chunk.last().copied().unwrap_or_default();
            lines.cr += usize::from(cr);
            lines.lf += usize::from(lf);
            lines.crlf += usize::from(crlf) + usize::from(first);
            lines.nul += usize::from(nul);
        }
        lines
    }

    fn bare_cr(self) -> usize {
        self.cr - self.crlf
    }

    fn bare_lf(self) -> usize {
        self.lf - self.crlf
    }
}

/// Whether a line has more than 998 octets without its CRLF. Most of the octets are not looked at.
fn has_long_line(bytes: &[u8]) -> bool {
    const WITH_CRLF: usize = 1000;
    let mut rest = bytes;
    while let Some(window) = rest.get(..WITH_CRLF) {
        let Some(end) = memchr::memrchr(b'\n', window) else {
            return true;
        };
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    memchr::memchr(b'\n', rest).is_none() && rest.len() > WITH_CRLF - 2
}

fn duplicates(message: &Message<'_>, hygiene: &mut Hygiene) {
    let mut counts = [0u32; ONCE.len()];
    for field in message.fields() {
        if let Some(at) = ONCE.iter().position(|name| field.is(name)) {
            counts[at] += 1;
        }
    }
    for (name, count) in ONCE.iter().zip(counts).filter(|(_, count)| *count > 1) {
        hygiene.duplicates.push(name);
        // RFC 5322 §3.6: the table's column "Max number".
        let text = format!("{count} header fields {name}, of which readers show any");
        hygiene.note("header.duplicate", Severity::Warning, text);
    }
}

fn author(message: &Message<'_>, hygiene: &mut Hygiene) {
    let mut fields = 0;
    for field in message.named("from") {
        fields += 1;
        if fields > MOST_AUTHOR_FIELDS {
            continue;
        }
        let addresses = Addresses::parse(field.value(), MOST_MAILBOXES);
        let shown = || printable(field.value().trim_ascii());
        if addresses.malformed {
            // RFC 5322 §3.6.2: From is a list of mailboxes.
            let text = format!("From is not a list of addresses: `{}`", shown());
            hygiene.alarm("from.malformed", text);
        }
        if addresses.groups > 0 {
            let text = format!("From names a group, not a person: `{}`", shown());
            hygiene.alarm("from.group", text);
        }
        if addresses.mailboxes.is_empty() && !addresses.malformed {
            hygiene.alarm("from.empty", "From names nobody");
        }
        for mailbox in &addresses.mailboxes {
            match &mailbox.domain {
                None => hygiene.alarm(
                    "from.no-domain",
                    format!("From has an address without a domain name: `{}`", shown()),
                ),
                Some(domain) => {
                    if let Some(other) = other_address(&mailbox.display, domain) {
                        let text = format!(
                            "the name in From looks like an address of {other}, but the address is one of {domain}"
                        );
                        hygiene.alarm("from.display-address", text);
                    }
                    if !hygiene.authors.contains(domain) {
                        hygiene.authors.push(domain.clone());
                    }
                }
            }
        }
    }
    match fields {
        0 => hygiene.alarm("from.missing", "no From: nobody says who wrote the message"),
        1 => {}
        _ => {
            hygiene.duplicates.push("from");
            hygiene.alarm(
                "from.multiple",
                format!("{fields} header fields From, of which readers show any"),
            );
        }
    }
    if hygiene.authors.len() > 1 {
        let authors: Vec<String> = hygiene.authors.iter().map(ToString::to_string).collect();
        let text = format!(
            "From names authors of several domains: {}",
            authors.join(", ")
        );
        hygiene.alarm("from.several-domains", text);
        hygiene.authors.truncate(MOST_AUTHORS);
    }
}

/// The domain of an address in a display name that lies neither above nor below the real one.
fn other_address(display: &[u8], domain: &Name) -> Option<Name> {
    if display.is_empty() {
        return None;
    }
    // What some programs show as an @.
    let shown = encoded_word::decode(display).replace(['\u{ff20}', '\u{fe6b}'], "@");
    for (at, _) in shown.match_indices('@') {
        let after = shown.get(at + 1..).unwrap_or_default();
        let end = after.find(|c: char| !(c.is_alphanumeric() || c == '-' || c == '.'));
        let host = after.get(..end.unwrap_or(after.len())).unwrap_or_default();
        let host = host.trim_matches('.');
        if !host.contains('.') {
            continue;
        }
        let Ok(other) = Name::from_unicode(host) else {
            continue;
        };
        if !other.is_within(domain) && !domain.is_within(&other) {
            return Some(other);
        }
    }
    None
}

fn own_fields(message: &Message<'_>, context: &Context, hygiene: &mut Hygiene) {
    let Some(stamp) = context.stamp() else { return };
    let mut own = message.fields().iter().filter(|field| stamp.is_own(field));
    let Some(first) = own.next() else { return };
    let mut text = format!(
        "it came with a header field that only this host may write: {}",
        printable(first.name())
    );
    match own.count() {
        0 => {}
        more => text.push_str(&format!(", and {more} more")),
    }
    hygiene.note("header.own", Severity::Warning, text);
}

/// The beginning of some octets, as a person can read them, on one line.
pub(crate) fn printable(octets: &[u8]) -> String {
    const MOST: usize = 120;
    let text = String::from_utf8_lossy(octets.get(..MOST).unwrap_or(octets));
    let mut shown: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if octets.len() > MOST {
        shown.push('…');
    }
    shown
}
