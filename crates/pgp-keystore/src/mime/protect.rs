//! Protected headers (RFC 9788): written, and read back.

use super::address::addresses;
use super::content_type::ContentType;
use super::entity::Entity;
use super::field::{Field, unfolded};
use super::result::{Outside, Protected, ProtectedField, Scheme};
use super::rewrite::trimmed;
use super::{Fault, date};

/// RFC 9788 §3: what of a header stands outside an encrypted message. `Bcc` stands nowhere.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HeaderPolicy {
    /// Everything (§3.2.3): it is protected from changes only.
    NoConfidentiality,
    /// `hcp_baseline` (§3.2.1): the subject is `[...]`, keywords and comments are missing.
    #[default]
    Baseline,
    /// `hcp_shy` (§3.2.2): names beside addresses and the time zone are missing, too.
    Shy,
}

impl HeaderPolicy {
    /// For an answer to this message: what was confidential there is confidential here (§6.1).
    #[must_use]
    pub fn for_reply(self, to: &Protected) -> Self {
        let hidden = |field: &ProtectedField| field.is_confidential();
        let baseline = |field: &ProtectedField| {
            let names = ["subject", "keywords", "comments"];
            names
                .iter()
                .any(|name| field.name.eq_ignore_ascii_case(name))
        };
        let mut least = Self::NoConfidentiality;
        for field in to.fields.iter().filter(|field| hidden(field)) {
            least = least.max(if baseline(field) {
                Self::Baseline
            } else {
                Self::Shy
            });
        }
        self.max(least)
    }

    /// Whether something else stands outside, or nothing.
    pub(super) fn hides(self, field: &Field<'_>) -> bool {
        let value = self.outside(field).and_then(|raw| {
            let colon = raw.iter().position(|&octet| octet == b':')?;
            Some(unfolded(raw.get(colon + 1..)?))
        });
        value.as_deref() != Some(&unfolded(field.value))
    }

    /// What stands outside in place of the field; `None` if nothing does.
    fn outside(self, field: &Field<'_>) -> Option<Vec<u8>> {
        let mut raw = Vec::new();
        trimmed(field.raw, &mut raw);
        if self == Self::NoConfidentiality {
            return Some(raw);
        }
        let with = |value: &str| Some(format!("{}: {value}\r\n", field.name).into_bytes());
        if field.is("Subject") {
            return with("[...]");
        }
        if field.is("Keywords") || field.is("Comments") {
            return None;
        }
        if self == Self::Shy {
            // §3.2.2: what cannot be read as what it should be stays as it is.
            let bare = match field.name.to_ascii_lowercase().as_str() {
                "from" | "to" | "cc" => addresses(field.value).map(|all| all.join(",\r\n ")),
                "date" => date::in_utc(field.value),
                _ => None,
            };
            if let Some(bare) = bare.filter(|bare| !bare.is_empty()) {
                return with(&bare);
            }
        }
        Some(raw)
    }
}

/// What the payload says that it is for (RFC 9788 §2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Intent {
    Clear,
    Cipher(HeaderPolicy),
}

/// A message in two parts: what stands outside, and the entity that is signed or encrypted.
#[derive(Clone, Debug)]
pub(super) struct Composed {
    /// Fields, without a type.
    pub(super) outside: Vec<u8>,
    pub(super) payload: Vec<u8>,
}

/// Fields that servers add, or that are for them: they are not the author's, and stand outside only.
pub(super) fn is_trace(field: &Field<'_>) -> bool {
    const TRACE: [&str; 8] = [
        "Received",
        "Return-Path",
        "Delivered-To",
        "DKIM-Signature",
        "Authentication-Results",
        "Received-SPF",
        "Autocrypt",
        "X-Original-To",
    ];
    let arc = field.name.get(..4).unwrap_or_default();
    TRACE.iter().any(|name| field.is(name)) || arc.eq_ignore_ascii_case("ARC-")
}

/// Fields that are never written: who is in them would be told, or they are ours to write.
fn is_dropped(field: &Field<'_>) -> bool {
    field.is("Bcc") || field.is("Resent-Bcc") || field.is("HP-Outer")
}

/// What people are shown of a header (RFC 9787 §1.1.2).
pub(super) fn is_user_facing(name: &str) -> bool {
    const SHOWN: [&str; 14] = [
        "Subject",
        "From",
        "To",
        "Cc",
        "Date",
        "Reply-To",
        "Followup-To",
        "Mail-Followup-To",
        "Sender",
        "Resent-From",
        "Resent-To",
        "Resent-Cc",
        "Resent-Date",
        "Resent-Sender",
    ];
    SHOWN.iter().any(|shown| shown.eq_ignore_ascii_case(name))
}

/// RFC 9788 §5.2.1.
pub(super) fn compose(message: &Entity<'_>, intent: Intent) -> Composed {
    let own = |field: &&Field<'_>| !field.is_structural() && !is_dropped(field);
    let protected = |field: &&Field<'_>| !is_trace(field);
    let gossip = |field: &&Field<'_>| field.is("Autocrypt-Gossip");
    let (mut payload, mut outside, mut records) = (Vec::new(), Vec::new(), Vec::new());
    for field in message.fields.iter().filter(own) {
        if protected(&field) {
            trimmed(field.raw, &mut payload);
        }
        // Autocrypt Level 1: gossip is for those who can decrypt it, and for nobody else.
        if gossip(&field) {
            continue;
        }
        let out = match intent {
            Intent::Cipher(policy) if protected(&field) => policy.outside(field),
            _ => HeaderPolicy::NoConfidentiality.outside(field),
        };
        let Some(out) = out else {
            continue;
        };
        // §2.2: what is removed has no record.
        if matches!(intent, Intent::Cipher(_)) && protected(&field) {
            records.extend_from_slice(b"HP-Outer: ");
            records.extend_from_slice(&out);
        }
        outside.extend(out);
    }
    payload.extend(records);
    let hp = match intent {
        Intent::Clear => "clear",
        Intent::Cipher(_) => "cipher",
    };
    let plain = without_protection(message.content_type.clone());
    payload.extend(plain.with("hp", hp).field());
    structure(message, &mut payload);
    payload.extend_from_slice(b"\r\n");
    payload.extend_from_slice(message.body);
    outside.extend_from_slice(b"MIME-Version: 1.0\r\n");
    Composed { outside, payload }
}

/// What describes a body, but for its type.
pub(super) fn structure(entity: &Entity<'_>, out: &mut Vec<u8>) {
    let fields = entity.fields.iter().filter(|field| field.is_structural());
    for field in fields.filter(|f| !f.is("Content-Type") && !f.is("MIME-Version")) {
        trimmed(field.raw, out);
    }
}

/// A type that no longer says that it is a payload.
pub(super) fn without_protection(content_type: ContentType) -> ContentType {
    content_type.without("hp").without("protected-headers")
}

/// In which layers the payload was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layers {
    Signed,
    Encrypted,
}

/// RFC 9788 §4.2 and §4.3: what of the header is protected, and what became of it outside.
pub(super) fn read(
    outer: &[Field<'_>],
    payload: &Entity<'_>,
    layers: Layers,
) -> Result<Protected, Fault> {
    let hp = payload.content_type.lower("hp")?;
    let draft = payload.content_type.lower("protected-headers")?;
    let scheme = match (hp.as_deref(), draft.as_deref()) {
        (Some("clear"), _) => Some(Scheme::Clear),
        (Some("cipher"), _) => Some(Scheme::Cipher),
        (_, Some("v1")) => Some(Scheme::Draft),
        _ => None,
    };
    let trace = |field: &&Field<'_>| field.is_structural() || is_trace(field);
    let outer: Vec<&Field<'_>> = outer.iter().filter(|field| !trace(field)).collect();
    let mut found = Protected {
        scheme,
        fields: Vec::new(),
        unprotected: Vec::new(),
    };
    if scheme.is_none() {
        found.unprotected = outer.iter().map(|field| field.name.to_owned()).collect();
        return Ok(found);
    }
    let inner = payload.fields.iter().filter(|field| !trace(field));
    let (records, inner): (Vec<&Field<'_>>, Vec<_>) = inner.partition(|f| f.is("HP-Outer"));
    let records: Vec<(String, Vec<u8>)> = records.into_iter().filter_map(record).collect();
    let recorded = scheme == Some(Scheme::Cipher) && layers == Layers::Encrypted;
    let values = |fields: &[&Field<'_>], name: &str| -> Vec<Vec<u8>> {
        let named = fields.iter().filter(|field| field.is(name));
        named.map(|field| unfolded(field.value)).collect()
    };
    for field in &inner {
        let value = unfolded(field.value);
        let there = values(&outer, field.name);
        let meant = match recorded {
            true => {
                let of = records.iter().filter(|(name, _)| field.is(name));
                of.map(|(_, value)| value.clone()).collect()
            }
            false => values(&inner, field.name),
        };
        let confidential = match scheme {
            Some(Scheme::Cipher) if recorded => !meant.contains(&value),
            // What nobody recorded is guessed from what is there, which anybody could have changed.
            Some(Scheme::Draft) if layers == Layers::Encrypted => !there.contains(&value),
            _ => false,
        };
        // The draft has no record: what was hidden is not told from what was changed.
        let outside = match there.is_empty() {
            _ if there == meant => Outside::AsMeant,
            _ if confidential && !recorded => Outside::AsMeant,
            true => Outside::Missing,
            false => Outside::Changed,
        };
        let mut raw = Vec::new();
        trimmed(field.raw, &mut raw);
        found.fields.push(ProtectedField {
            name: field.name.to_owned(),
            value: String::from_utf8_lossy(&value).into_owned(),
            confidential,
            outside,
            raw,
        });
    }
    let known = |field: &Field<'_>| {
        inner.iter().any(|own| own.is(field.name))
            || records.iter().any(|(name, _)| recorded && field.is(name))
    };
    let unknown = outer.iter().filter(|field| !known(field));
    found.unprotected = unknown.map(|field| field.name.to_owned()).collect();
    Ok(found)
}

/// §2.2: `HP-Outer: name: value`.
fn record(field: &Field<'_>) -> Option<(String, Vec<u8>)> {
    let value = unfolded(field.value);
    let colon = value.iter().position(|&octet| octet == b':')?;
    let (name, value) = value.split_at_checked(colon)?;
    let name = str::from_utf8(name).ok()?.trim().to_owned();
    Some((name, unfolded(value.get(1..)?)))
}
