//! What is written into the text for readers who know no protected headers (RFC 9788 §5.2.2 to §5.2.5), and taken out by
//! those who do (§4.5.3).

use super::content_type::ContentType;
use super::entity::{Budget, Entity};
use super::protect::{is_trace, is_user_facing};
use super::rewrite::{Changes, changed, each_part};
use super::transfer::Encoding;
use super::{HeaderPolicy, MimeError, words};
use crate::Limits;

const PARAMETER: &str = "hp-legacy-display";
const DIV: &str = "<div class=\"header-protection-legacy-display\">";

/// Writes into the main parts of a message what its policy keeps outside from being seen.
pub(super) fn add(
    octets: Vec<u8>,
    policy: HeaderPolicy,
    limits: &Limits,
) -> Result<Vec<u8>, MimeError> {
    let lines = {
        let entity = Entity::parse(&octets, limits)?;
        let fields = entity.fields.iter();
        let shown = fields.filter(|field| is_user_facing(field.name) && !is_trace(field));
        let hidden = shown.filter(|field| policy.hides(field));
        let line = hidden.map(|field| format!("{}: {}", field.name, words::decoded(field.value)));
        line.collect::<Vec<_>>()
    };
    if lines.is_empty() {
        return Ok(octets);
    }
    let change = |entity: &Entity<'_>| written(entity, &lines);
    each_main_part(&octets, limits, &mut Budget::new(limits), 0, &change)
}

/// Takes it out again. What is not as it should be stays.
pub(super) fn remove(octets: &[u8], limits: &Limits) -> Result<Vec<u8>, MimeError> {
    each_main_part(octets, limits, &mut Budget::new(limits), 0, &taken_out)
}

/// §5.2.4: the first text that is shown, in all its forms.
fn each_main_part(
    octets: &[u8],
    limits: &Limits,
    budget: &mut Budget,
    depth: usize,
    change: &dyn Fn(&Entity<'_>) -> Option<Changes>,
) -> Result<Vec<u8>, MimeError> {
    budget.depth(depth)?;
    let entity = Entity::parse(octets, limits)?;
    let essence = entity.content_type.essence.as_str();
    let changes = match essence {
        "text/plain" | "text/html" if !entity.is_attachment() => change(&entity),
        "multipart/signed" | "multipart/encrypted" => None,
        _ if entity.content_type.is_multipart() => {
            let all = essence == "multipart/alternative";
            let mut first = true;
            let body = each_part(&entity, budget, |part, budget| {
                let chosen = all || first;
                first = false;
                match chosen {
                    true => each_main_part(part, limits, budget, depth + 1, change),
                    false => Ok(part.to_vec()),
                }
            })?;
            Some(Changes {
                body: Some(body),
                ..Changes::default()
            })
        }
        _ => None,
    };
    Ok(match changes {
        Some(changes) => changed(&entity, changes),
        None => octets.to_vec(),
    })
}

fn written(entity: &Entity<'_>, lines: &[String]) -> Option<Changes> {
    let charset = entity.content_type.lower("charset").ok()?;
    let ascii = lines.iter().all(|line| line.is_ascii());
    let content = entity.content().ok()?;
    let content_type = match charset.as_deref() {
        None | Some("us-ascii") if content.is_ascii() => {
            let charset = if ascii { "us-ascii" } else { "utf-8" };
            entity.content_type.clone().with("charset", charset)
        }
        Some("utf-8") => entity.content_type.clone(),
        Some(other) if ascii && extends_ascii(other) => entity.content_type.clone(),
        // It cannot be written in this charset: who reads the message without knowing of this sees no subject.
        _ => return None,
    };
    let content = match entity.content_type.essence.as_str() {
        "text/html" => in_html(&content, lines)?,
        _ => {
            let mut out = lines.join("\r\n").into_bytes();
            out.extend_from_slice(b"\r\n\r\n");
            out.extend(content);
            out
        }
    };
    Some(text(content_type.with(PARAMETER, "1"), &content))
}

fn text(content_type: ContentType, content: &[u8]) -> Changes {
    let (encoding, body) = Encoding::QuotedPrintable.encode(content);
    Changes {
        content_type: Some(content_type),
        encoding: Some(encoding),
        body: Some(body),
    }
}

fn extends_ascii(charset: &str) -> bool {
    charset.starts_with("iso-8859-") || charset.starts_with("windows-125")
}

/// §5.2.3: the first thing in the body. Without a tag that begins it, nothing is written.
fn in_html(content: &[u8], lines: &[String]) -> Option<Vec<u8>> {
    let at = body_starts(content)?;
    let (before, after) = content.split_at_checked(at)?;
    let mut out = before.to_vec();
    out.extend_from_slice(DIV.as_bytes());
    out.extend_from_slice(b"\r\n<pre>");
    let escaped = lines.iter().map(|line| {
        let line = line.replace('&', "&amp;");
        line.replace('<', "&lt;").replace('>', "&gt;")
    });
    let escaped: Vec<String> = escaped.collect();
    out.extend_from_slice(escaped.join("\r\n").as_bytes());
    out.extend_from_slice(b"</pre>\r\n</div>\r\n");
    out.extend_from_slice(after);
    Some(out)
}

/// Behind the tag `<body …>`.
fn body_starts(content: &[u8]) -> Option<usize> {
    let lower = content.to_ascii_lowercase();
    let tag = find(&lower, b"<body")?;
    let end = lower.get(tag..)?.iter().position(|&octet| octet == b'>')?;
    let next = lower.get(tag + 5)?;
    (matches!(next, b'>') || next.is_ascii_whitespace()).then_some(tag + end + 1)
}

fn find(octets: &[u8], wanted: &[u8]) -> Option<usize> {
    octets
        .windows(wanted.len())
        .position(|found| found == wanted)
}

fn taken_out(entity: &Entity<'_>) -> Option<Changes> {
    if entity.content_type.lower(PARAMETER).ok()??.as_str() != "1" {
        return None;
    }
    let content = entity.content().ok()?;
    let content = match entity.content_type.essence.as_str() {
        "text/html" => out_of_html(&content)?,
        _ => out_of_text(&content)?,
    };
    Some(text(
        entity.content_type.clone().without(PARAMETER),
        &content,
    ))
}

/// §4.5.3.2: the lines up to the first empty one, if they are fields of a header.
fn out_of_text(content: &[u8]) -> Option<Vec<u8>> {
    let mut first = true;
    for line in super::lines::lines(content) {
        if line.text.is_empty() {
            return (!first).then(|| content.get(line.next..).map(<[u8]>::to_vec))?;
        }
        let goes_on = !first && matches!(line.text.first(), Some(b' ' | b'\t'));
        let colon = line.text.iter().position(|&octet| octet == b':');
        let name = colon.and_then(|at| str::from_utf8(line.text.get(..at)?).ok());
        if !goes_on && !name.is_some_and(is_user_facing) {
            return None;
        }
        first = false;
    }
    None
}

/// §4.5.3.3: the element, if it is the first thing in the body and has no others of its kind in it.
fn out_of_html(content: &[u8]) -> Option<Vec<u8>> {
    let start = body_starts(content)?;
    let (before, body) = content.split_at_checked(start)?;
    let blank = body.iter().position(|octet| !octet.is_ascii_whitespace())?;
    let element = body.get(blank..)?.strip_prefix(DIV.as_bytes())?;
    let lower = element.to_ascii_lowercase();
    let end = find(&lower, b"</div>")?;
    if find(lower.get(..end)?, b"<div").is_some() {
        return None;
    }
    let after = element.get(end + 6..)?;
    let mut out = before.to_vec();
    out.extend_from_slice(body.get(..blank)?);
    out.extend_from_slice(after.strip_prefix(b"\r\n").unwrap_or(after));
    Some(out)
}
