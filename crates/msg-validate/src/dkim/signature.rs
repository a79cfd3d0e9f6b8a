use super::{
    Algorithm, Canonicalization, Dkim, DkimReason,
    names::Names,
    outcome::Testing,
    tags::{TagError, TagList, entries, number, without_space},
};
use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use mail_dns::Name;
use std::ops::Range;

/// A DKIM-Signature field that could be understood (RFC 6376 §3.5).
#[derive(Debug)]
pub(super) struct Signature {
    pub(super) algorithm: Algorithm,
    pub(super) header_canon: Canonicalization,
    pub(super) body_canon: Canonicalization,
    pub(super) domain: Name,
    pub(super) key_name: Name,
    pub(super) identity: Identity,
    pub(super) names: Names,
    pub(super) body_limit: Option<u64>,
    pub(super) body_hash: Vec<u8>,
    pub(super) signature: Vec<u8>,
    /// What `b=` spans of the field's value.
    pub(super) blank: Range<usize>,
}

/// Where the domain of `i=` lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Identity {
    InDomain,
    InSubdomain,
}

/// RFC 6376 §2.10: padding is optional. Bits that are left over must be zero, so that a signature
/// can be written in one way only.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(super) fn base64(value: &str) -> Option<Vec<u8>> {
    BASE64.decode(without_space(value)).ok()
}

impl Signature {
    /// Reads the value of a field. `report` gets what could be read even if the rest could not.
    pub(super) fn parse(value: &[u8], report: &mut Dkim) -> Result<Self, DkimReason> {
        let tags = TagList::parse(value).map_err(|error| match error {
            TagError::Syntax => DkimReason::Syntax,
            TagError::Duplicate => DkimReason::DuplicateTag,
        })?;
        let required = |tag| tags.value(tag).ok_or(DkimReason::MissingTag(tag));
        let domain = Domain::parse(tags.value("d"));
        // Whether its labels are, shows in the name of the key.
        let selector = tags.value("s").filter(|text| has_labels(text, 1));
        report.domain = domain.as_ref().map(|domain| domain.text.to_owned());
        report.selector = selector.map(str::to_owned);

        // RFC 6376 §3.5: "Note that DKIM-Signature version numbers are compared as strings".
        if required("v")? != "1" {
            return Err(DkimReason::Version);
        }
        let (a, b, bh) = (required("a")?, required("b")?, required("bh")?);
        required("d")?;
        let h = required("h")?;
        required("s")?;
        let domain = domain.ok_or(DkimReason::BadTag("d"))?;
        let selector = selector.ok_or(DkimReason::BadTag("s"))?;
        let algorithm = algorithm(a)?;
        report.algorithm = Some(algorithm);
        let (header_canon, body_canon) = canonicalizations(tags.value("c"))?;
        query_method(tags.value("q"))?;
        times(&tags, report)?;
        let identity = identity(tags.value("i"), &domain, report)?;
        let names = field_names(h)?;
        // RFC 6376 §3.5: 1*76DIGIT
        let limit = |value| number(value, 76).ok_or(DkimReason::BadTag("l"));
        let body_limit = tags.value("l").map(limit).transpose()?;
        report.body_limit = body_limit;
        let body_hash = base64(bh).filter(|hash| hash.len() == 32);
        let signature = base64(b).filter(|signature| !signature.is_empty());
        let key_name = format!("{selector}._domainkey.{}", domain.text);
        Ok(Self {
            algorithm,
            header_canon,
            body_canon,
            key_name: Name::from_unicode(&key_name).map_err(|_| DkimReason::BadTag("s"))?,
            domain: domain.name,
            identity,
            names,
            body_limit,
            body_hash: body_hash.ok_or(DkimReason::BadTag("bh"))?,
            signature: signature.ok_or(DkimReason::BadTag("b"))?,
            blank: tags.span("b").unwrap_or_default(),
        })
    }
}

impl Dkim {
    /// A report about a signature of which nothing is known yet.
    pub(super) fn unknown() -> Self {
        Self {
            reason: DkimReason::Syntax,
            domain: None,
            selector: None,
            identity: None,
            algorithm: None,
            key_bits: None,
            testing: Testing::No,
            body_limit: None,
            signed_at: None,
            expires_at: None,
            fields: None,
        }
    }
}

struct Domain<'a> {
    text: &'a str,
    name: Name,
}

impl<'a> Domain<'a> {
    fn parse(text: Option<&'a str>) -> Option<Self> {
        let text = text.filter(|text| has_labels(text, 2))?;
        let name = Name::from_unicode(text).ok()?;
        Some(Self { text, name })
    }
}

/// RFC 6376 §3.5: `d=` is a domain-name of at least two labels, `s=` one label or more. U-labels
/// are legal by RFC 8616 §5. Underscores are no letters of a host name but seen in selectors.
fn has_labels(text: &str, least: usize) -> bool {
    let legal = |o: u8| o.is_ascii_alphanumeric() || matches!(o, b'-' | b'_' | b'.' | 0x80..);
    let dots = text.bytes().filter(|&octet| octet == b'.').count();
    // A name would take the dot at its end, and nothing at all.
    dots + 1 >= least && !text.is_empty() && !text.ends_with('.') && text.bytes().all(legal)
}

fn algorithm(value: &str) -> Result<Algorithm, DkimReason> {
    let is = |name: &str| value.eq_ignore_ascii_case(name);
    if is("rsa-sha256") {
        Ok(Algorithm::RsaSha256)
    } else if is("ed25519-sha256") {
        Ok(Algorithm::Ed25519Sha256)
    } else if is("rsa-sha1") {
        // RFC 8301 §3.1: "rsa-sha1 MUST NOT be used for signing or verifying."
        Err(DkimReason::Sha1)
    } else {
        Err(DkimReason::UnknownAlgorithm)
    }
}

/// RFC 6376 §3.5, `c=`: "simple/simple" by default; one name alone is that of the header.
fn canonicalizations(
    value: Option<&str>,
) -> Result<(Canonicalization, Canonicalization), DkimReason> {
    let one = |name: &str| match name {
        _ if name.eq_ignore_ascii_case("simple") => Ok(Canonicalization::Simple),
        _ if name.eq_ignore_ascii_case("relaxed") => Ok(Canonicalization::Relaxed),
        _ => Err(DkimReason::BadTag("c")),
    };
    let (header, body) = match value {
        None => ("simple", "simple"),
        Some(value) => value.split_once('/').unwrap_or((value, "simple")),
    };
    Ok((one(header)?, one(body)?))
}

/// RFC 6376 §3.5, `q=`: "Unrecognized query mechanisms MUST be ignored."
fn query_method(value: Option<&str>) -> Result<(), DkimReason> {
    let known = |entry: &str| entry.eq_ignore_ascii_case("dns/txt");
    match value {
        Some(methods) if !entries(methods).any(known) => Err(DkimReason::QueryMethod),
        _ => Ok(()),
    }
}

fn times(tags: &TagList<'_>, report: &mut Dkim) -> Result<(), DkimReason> {
    // RFC 6376 §3.5: 1*12DIGIT
    let time = |tag| match tags.value(tag) {
        None => Ok(None),
        Some(value) => number(value, 12).map(Some).ok_or(DkimReason::BadTag(tag)),
    };
    (report.signed_at, report.expires_at) = (time("t")?, time("x")?);
    match (report.signed_at, report.expires_at) {
        // RFC 6376 §3.5, x=: "the value of the "x=" tag MUST be greater than the value of the "t="
        // tag if both are present."
        (Some(signed), Some(expires)) if expires <= signed => Err(DkimReason::ExpiresBeforeSigned),
        _ => Ok(()),
    }
}

/// RFC 6376 §3.5, `i=`: "The domain part of the address MUST be the same as, or a subdomain of, the
/// value of the "d=" tag."
fn identity(
    value: Option<&str>,
    domain: &Domain<'_>,
    report: &mut Dkim,
) -> Result<Identity, DkimReason> {
    let Some(value) = value else {
        report.identity = Some(format!("@{}", domain.text));
        return Ok(Identity::InDomain);
    };
    let bad = DkimReason::BadTag("i");
    let text = quoted_printable(value).ok_or(bad)?;
    let (_, host) = text.rsplit_once('@').ok_or(bad)?;
    let host = Domain::parse(Some(host)).ok_or(bad)?.name;
    report.identity = Some(text);
    if host == domain.name {
        Ok(Identity::InDomain)
    } else if host.is_within(&domain.name) {
        Ok(Identity::InSubdomain)
    } else {
        Err(DkimReason::IdentityOutsideDomain)
    }
}

/// RFC 6376 §2.11: white space is ignored, `=XX` is an octet.
fn quoted_printable(value: &str) -> Option<String> {
    let text = without_space(value);
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = &*text;
    while let Some((&first, others)) = rest.split_first() {
        rest = others;
        if first != b'=' {
            octets.push(first);
            continue;
        }
        let (hex, others) = rest.split_first_chunk::<2>()?;
        let digit = |d: u8| {
            char::from(d)
                .to_digit(16)
                .filter(|_| !d.is_ascii_lowercase())
        };
        let [high, low] = hex.map(digit);
        octets.push(u8::try_from(high? << 4 | low?).ok()?);
        rest = others;
    }
    String::from_utf8(octets).ok()
}

/// RFC 6376 §3.5, `h=`: names of fields; From must be one of them.
fn field_names(value: &str) -> Result<Names, DkimReason> {
    let names = Names::parse(value).ok_or(DkimReason::BadTag("h"))?;
    // RFC 6376 §5.4: "The From header field MUST be signed (that is, included in the "h=" tag of
    // the resulting DKIM-Signature header field)."
    if !names.iter().any(|name| name == "from") {
        return Err(DkimReason::FromNotSigned);
    }
    Ok(names)
}
