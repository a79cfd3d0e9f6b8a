//! The alarm: a notice that explains in plain words, with the message attached as it came.
//!
//! Whatever a stranger wrote stands in it behind `> `, decoded, in one paragraph, without characters
//! that hide or turn text round, and with its links broken: it cannot pass for ours.

pub(crate) mod encoded_word;
mod words;

use crate::{clock, config::Language, headers, openpgp::Told, smtp::command::Address};
use msg_validate::{Grade, Reason, Severity, Verdict};
use std::{fmt::Write, time::SystemTime};
use words::Words;

/// The field that tells the grade to programs and filters. Only this service may write it.
pub(crate) const VERDICT: &str = "Letterlock-Verdict";
/// The field that tells one reason. Only this service may write it.
pub(crate) const REASON: &str = "Letterlock-Reason";
/// The field that tells what an OpenPGP signature is worth. Only this service may write it.
pub(crate) const SIGNATURE: &str = "Letterlock-Signature";

/// Appends both.
pub(crate) fn verdict_fields(verdict: &Verdict, out: &mut Vec<u8>) {
    let mut out = Octets(out);
    let _ = write!(out, "{VERDICT}: {}\r\n", verdict.grade());
    for reason in verdict.reasons().iter().take(MOST_REASONS) {
        let text = shown(reason.text(), 400);
        let text = text.replace(|c: char| !c.is_ascii(), "?");
        let _ = write!(out, "{REASON}: {}; {}", reason.code(), reason.severity());
        let _ = write!(out, ";\r\n\t{text}\r\n");
    }
}

/// Appends what the OpenPGP signature is worth, if there is one.
pub(crate) fn signature_field(told: Option<&Told>, out: &mut Vec<u8>) {
    if let Some(Told { field, .. }) = told {
        let _ = write!(Octets(out), "{SIGNATURE}: {field}\r\n");
    }
}

/// What a person should know, no more than helps.
fn weighty(verdict: &Verdict) -> impl Iterator<Item = &Reason> {
    let reasons = verdict.reasons().iter();
    reasons
        .filter(|reason| reason.severity() > Severity::Info)
        .take(MOST_REASONS)
}

/// Reasons that are told; more would tell no more.
const MOST_REASONS: usize = 20;

/// What speaks against an OpenPGP signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Alarm {
    pub(crate) code: &'static str,
    /// For whoever looks after the server: no word of a stranger.
    pub(crate) details: String,
}

/// A notice about one message.
#[derive(Debug)]
pub(crate) struct Notice<'a> {
    pub(crate) hostname: &'a str,
    /// Whom it is for; none if for several.
    pub(crate) to: Option<&'a str>,
    pub(crate) language: Language,
    pub(crate) verdict: &'a Verdict,
    /// What speaks against the OpenPGP signature.
    pub(crate) signature: Option<&'a Alarm>,
    pub(crate) now: SystemTime,
}

impl Notice<'_> {
    /// Appends the whole notice about `message`, and inside of it what `original` appends.
    pub(crate) fn write(
        &self,
        message: &[u8],
        original: impl FnOnce(&mut Vec<u8>),
        out: &mut Vec<u8>,
    ) {
        let boundary = boundary(message);
        let words = Words::of(self.language);
        let (warning, headline) = match (self.verdict.grade(), self.signature) {
            (Grade::Forged, _) => (words.warning.forged, words.headline.forged),
            (grade, Some(_)) if grade > Grade::Suspicious => {
                (words.warning.signature, words.headline.signature)
            }
            _ => (words.warning.suspicious, words.headline.suspicious),
        };
        let subject = field(message, "Subject", 120);
        let mut head = format!(
            "From: {} <postmaster@{}>\r\n",
            encoded_word::encode(words.sender),
            self.hostname
        );
        match self.to {
            Some(to) => head.push_str(&format!("To: <{}>\r\n", mailbox(to))),
            None => head.push_str("To: undisclosed-recipients:;\r\n"),
        }
        let titled = format!("{warning} {}", subject.as_deref().unwrap_or_default());
        let _ = write!(
            head,
            "Subject: {}\r\nDate: {}\r\nMessage-ID: <{boundary}@{}>\r\n",
            encoded_word::encode(titled.trim_end()),
            clock::rfc5322(self.now),
            self.hostname,
        );
        // RFC 3834 §5: no answering machine shall answer.
        head.push_str("Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n");
        // RFC 2046 §5.2.1: message/rfc822 is never encoded itself, and RFC 2045 §6.4 asks what
        // contains it to say the same.
        let coding = coding(message);
        let _ = write!(
            head,
            "Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\
             Content-Transfer-Encoding: {coding}\r\n\r\n\
             --{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Transfer-Encoding: 8bit\r\n\r\n"
        );
        out.extend_from_slice(head.as_bytes());
        self.explain(words, headline, message, subject.as_deref(), out);
        let _ = write!(
            Octets(out),
            "\r\n--{boundary}\r\nContent-Type: message/rfc822\r\n\
             Content-Transfer-Encoding: {coding}\r\n\
             Content-Disposition: attachment; filename=\"original.eml\"\r\n\r\n"
        );
        original(out);
        let _ = write!(Octets(out), "\r\n--{boundary}--\r\n");
    }

    /// What the person reads.
    fn explain(
        &self,
        words: &Words,
        headline: &str,
        message: &[u8],
        subject: Option<&str>,
        out: &mut Vec<u8>,
    ) {
        let from = field(message, "From", 200);
        paragraph("", headline, out);
        out.extend_from_slice(b"\r\n");
        for (title, text) in [(words.from, from.as_deref()), (words.subject, subject)] {
            paragraph("", title, out);
            match text {
                Some(text) => paragraph("> ", &unlinked(text), out),
                None => paragraph("", words.missing, out),
            }
            out.extend_from_slice(b"\r\n");
        }
        paragraph("", words.found, out);
        let mut told = Vec::new();
        if let Some(alarm) = self.signature {
            let sentence = words.reason(alarm.code, None);
            let sentence = sentence.unwrap_or_else(|| alarm.details.clone());
            paragraph("- ", &sentence, out);
        }
        for reason in weighty(self.verdict) {
            let domain = self.domain_of(reason.code());
            let sentence = words.reason(reason.code(), domain.as_deref());
            // A reason that is newer than these words has at least its own.
            let sentence = sentence.unwrap_or_else(|| unlinked(&shown(reason.text(), 400)));
            if !told.contains(&sentence) {
                paragraph("- ", &sentence, out);
                told.push(sentence);
            }
        }
        out.extend_from_slice(b"\r\n");
        paragraph("", words.advice, out);
        out.extend_from_slice(b"\r\n");
        paragraph("", words.details, out);
        if let Some(Alarm { code, details }) = self.signature {
            paragraph("> ", &format!("{code}: {details}"), out);
        }
        for reason in weighty(self.verdict) {
            let text = unlinked(&shown(reason.text(), 400));
            paragraph("> ", &format!("{}: {text}", reason.code()), out);
        }
    }

    /// The domain that a reason is about.
    fn domain_of(&self, code: &str) -> Option<String> {
        let verdict = self.verdict;
        let domain = match code.split('.').next()? {
            "spf" => {
                let spf = verdict.spf()?;
                spf.mail_from().or_else(|| spf.helo())?.domain().to_owned()
            }
            "dmarc" => verdict.dmarc()?.domain()?.to_string(),
            "dkim" => {
                let of_reason = verdict.dkim().iter().find(|d| d.reason().code() == code);
                let signature = of_reason.or_else(|| verdict.dkim().first())?;
                signature.domain()?.to_owned()
            }
            _ => return None,
        };
        let domain = shown(&domain, 100);
        (!domain.is_empty()).then_some(domain)
    }
}

/// Appends a paragraph in lines that any mail client can show, each behind `start` where that quotes,
/// otherwise only the first.
pub(crate) fn paragraph(start: &str, text: &str, out: &mut Vec<u8>) {
    let further = match start {
        "> " => start,
        _ => "  ".get(..start.len()).unwrap_or_default(),
    };
    let mut line = start.to_owned();
    let mut empty = true;
    let words = text.split(' ').flat_map(short);
    for word in words {
        let columns = line.chars().count() + 1 + word.chars().count();
        if !empty && columns > COLUMNS {
            line.push_str("\r\n");
            out.extend_from_slice(line.as_bytes());
            line = further.to_owned();
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    line.push_str("\r\n");
    out.extend_from_slice(line.as_bytes());
}

/// A word in parts that fit on a line.
fn short(word: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(word);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let Some((end, _)) = text.char_indices().nth(COLUMNS - 4) else {
            return Some(text);
        };
        let (part, after) = text.split_at_checked(end)?;
        rest = Some(after);
        Some(part)
    })
}

/// RFC 5322 §2.1.1: 78 at most, for those who read on a terminal.
const COLUMNS: usize = 76;

/// How a message that is attached as it is must be called: RFC 2045 §2.8 ends "8bit" at 998 octets.
fn coding(message: &[u8]) -> &'static str {
    let mut lines = message.split(|&octet| octet == b'\n');
    match lines.any(|line| line.len() > 999) {
        true => "binary",
        false => "8bit",
    }
}

/// An account as an address in a header field.
pub(crate) fn mailbox(account: &str) -> String {
    let quoted = |(local, domain): (&str, &str)| {
        let local = local.replace('\\', "\\\\").replace('"', "\\\"");
        Address::parse(&format!("\"{local}\"@{domain}"))
    };
    let address = account.rsplit_once('@').and_then(quoted);
    address.map_or_else(|| account.to_owned(), |address| address.to_string())
}

/// Writes formatted text into octets.
struct Octets<'a>(&'a mut Vec<u8>);

impl Write for Octets<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// 128 random bits: no sender can guess the boundary and break out of the attachment.
fn boundary(message: &[u8]) -> String {
    let mut random = [0_u8; 16];
    // Without random numbers it is at least none that stands in the message.
    let _ = aws_lc_rs::rand::fill(&mut random);
    let mut boundary = "letterlock-".to_owned();
    for octet in random {
        let _ = write!(boundary, "{octet:02x}");
    }
    while memchr::memmem::find(message, boundary.as_bytes()).is_some() {
        boundary.push('x');
    }
    boundary
}

/// Octets of either end of a field that are looked at.
const LONG: usize = 2048;

/// The first field of this name, fit to be shown. None if there is none, or nothing in it.
fn field(message: &[u8], name: &str, most: usize) -> Option<String> {
    let value = headers::find(message, name)?;
    // Of what nobody can read the beginning and the end suffice: decoding costs more than its length.
    let value = match (value.first_chunk::<LONG>(), value.last_chunk::<LONG>()) {
        (Some(start), Some(end)) if value.len() > 2 * LONG => [&start[..], &end[..]].concat(),
        _ => value.to_vec(),
    };
    // RFC 5322 §2.2.3: a folded field is one line.
    let value = String::from_utf8_lossy(&value).replace("\r\n", "");
    let value = shown(&encoded_word::decode(&value), most);
    (!value.is_empty()).then_some(value)
}

/// What a stranger wrote, fit to be shown: one line, no control characters, not too long.
pub(crate) fn shown(text: &str, most: usize) -> String {
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        let word = word.chars().filter(|c| !is_invisible(*c));
        let before = line.len();
        if !line.is_empty() {
            line.push(' ');
        }
        let start = line.len();
        line.extend(word);
        if line.len() == start {
            line.truncate(before);
        }
    }
    let length = line.chars().count();
    if length <= most {
        return line;
    }
    // Both ends stay: the address behind a very long name is what matters.
    let tail = most / 3;
    let start: String = line.chars().take(most - tail).collect();
    let end: String = line.chars().skip(length - tail).collect();
    format!("{start}\u{2026}{end}")
}

/// Characters that turn text round or hide it, so that what is read is not what stands there.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// A stranger's words, so that no mail client makes a link of them in a notice that people trust.
pub(crate) fn unlinked(text: &str) -> String {
    let text = text.replace("://", "[:]//");
    let mut broken = String::with_capacity(text.len());
    let mut copied = 0;
    for (at, _) in text.to_ascii_lowercase().match_indices("www.") {
        broken.push_str(text.get(copied..at + 3).unwrap_or_default());
        broken.push_str("[.]");
        copied = at + 4;
    }
    broken.push_str(text.get(copied..).unwrap_or_default());
    broken
}

#[cfg(test)]
mod tests;
