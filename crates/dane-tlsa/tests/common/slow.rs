//! Another matcher, which shares no code with the crate's: it tries every path, checks everything by
//! itself with x509-parser and AWS-LC, and does not care what that costs. P-256 alone, SMTP's
//! usages alone.

use dane_tlsa::{CertificateUsage, Class, MatchingType, Selector, Tlsa};
use rustls_pki_types::CertificateDer;
use x509_parser::{
    certificate::X509Certificate,
    extensions::{GeneralName, ParsedExtension},
    prelude::FromDer,
    x509::SubjectPublicKeyInfo,
};

/// The class of the record that comes furthest, and its depth.
pub(crate) fn judge(
    records: &[Tlsa],
    chain: &[CertificateDer<'_>],
    names: &[&str],
    now: i64,
) -> (Class, Option<usize>) {
    let records = agile(records);
    if records.is_empty() {
        return (Class::Unusable, None);
    }
    let full = records.iter().filter(|r| {
        let fields = (r.usage(), r.selector(), r.matching());
        fields == (CertificateUsage::DaneTa, Selector::Cert, MatchingType::Full)
    });
    let others: Vec<&[u8]> = chain[1..]
        .iter()
        .map(|c| &**c)
        .chain(full.map(Tlsa::data))
        .collect();
    let others: Vec<_> = others.into_iter().filter_map(parse).collect();
    let leaf = &*chain[0];

    // A match is best, and of equal ones the nearest.
    let mut best = (Class::NoMatch, None);
    let mut consider = |class: Class, depth: usize| {
        let nearer = best.1.is_none_or(|old| depth < old);
        if class > best.0 || (class == best.0 && nearer) {
            best = (class, Some(depth));
        }
    };
    for record in records
        .iter()
        .filter(|r| r.usage() == CertificateUsage::DaneEe)
    {
        if is_about(record, leaf) {
            consider(Class::Match, 0);
        }
    }
    let Some(leaf) = parse(leaf).filter(|leaf| leaf.version.0 == 2 && !has_unknown(leaf)) else {
        return best;
    };
    let mut paths = Vec::new();
    extend(&mut vec![&leaf], &others, &mut paths);
    for record in records
        .iter()
        .filter(|r| r.usage() == CertificateUsage::DaneTa)
    {
        let about = |c: &X509Certificate<'_>| is_about(record, c.as_raw());
        let found = paths
            .iter()
            .any(|path| path.iter().skip(1).any(|c| about(c)));
        for path in &paths {
            let top = path.last().unwrap();
            if path.len() > 1 && about(top) {
                consider(of_path(path, names, now), path.len() - 1);
            }
            let bare =
                (record.selector(), record.matching()) == (Selector::Spki, MatchingType::Full);
            if bare && !found && record.data() != leaf.tbs_certificate.subject_pki.raw {
                let (_, key) = SubjectPublicKeyInfo::from_der(record.data()).unwrap();
                if signed(top, &key) {
                    consider(of_path(path, names, now), path.len() - 1);
                }
            }
        }
    }
    best
}

/// Those that are usable, without the weaker digests.
fn agile(records: &[Tlsa]) -> Vec<Tlsa> {
    let fields = |r: &Tlsa| {
        (
            u8::from(r.usage()),
            u8::from(r.selector()),
            u8::from(r.matching()),
        )
    };
    let usable = |r: &&Tlsa| match fields(r) {
        (2 | 3, 0 | 1, 1) => r.data().len() == 32,
        (2 | 3, 0 | 1, 2) => r.data().len() == 64,
        (2 | 3, 0, 0) => parse(r.data()).is_some(),
        (2 | 3, 1, 0) => {
            SubjectPublicKeyInfo::from_der(r.data()).is_ok_and(|(rest, _)| rest.is_empty())
        }
        _ => false,
    };
    let usable: Vec<&Tlsa> = records.iter().filter(usable).collect();
    let weaker = |r: &Tlsa| {
        usable.iter().any(|other| {
            let (usage, selector, matching) = fields(r);
            matching != 0 && fields(other) == (usage, selector, 2) && matching == 1
        })
    };
    usable
        .iter()
        .filter(|r| !weaker(r))
        .map(|&r| r.clone())
        .collect()
}

fn is_about(record: &Tlsa, der: &[u8]) -> bool {
    use aws_lc_rs::digest::{SHA256, SHA512, digest};
    let part = match record.selector() {
        Selector::Cert => der,
        _ => match parse(der) {
            Some(parsed) => parsed.tbs_certificate.subject_pki.raw,
            None => return false,
        },
    };
    match record.matching() {
        MatchingType::Full => part == record.data(),
        MatchingType::Sha256 => digest(&SHA256, part).as_ref() == record.data(),
        _ => digest(&SHA512, part).as_ref() == record.data(),
    }
}

fn parse(der: &[u8]) -> Option<X509Certificate<'_>> {
    let (rest, parsed) = X509Certificate::from_der(der).ok()?;
    rest.is_empty().then_some(parsed)
}

/// Every path of names and key identifiers, without a loop.
fn extend<'a, 'c>(
    path: &mut Vec<&'a X509Certificate<'c>>,
    others: &'a [X509Certificate<'c>],
    paths: &mut Vec<Vec<&'a X509Certificate<'c>>>,
) {
    paths.push(path.clone());
    let top = path[path.len() - 1];
    for other in others {
        let same = |c: &&X509Certificate<'_>| {
            c.subject().as_raw() == other.subject().as_raw()
                && c.tbs_certificate.subject_pki.raw == other.tbs_certificate.subject_pki.raw
        };
        if !path.iter().any(same) && may_have_issued(other, top) {
            path.push(other);
            extend(path, others, paths);
            path.pop();
        }
    }
}

fn may_have_issued(issuer: &X509Certificate<'_>, issued: &X509Certificate<'_>) -> bool {
    let wanted = issued
        .iter_extensions()
        .find_map(|e| match e.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(id) => id.key_identifier.as_ref().map(|k| k.0),
            _ => None,
        });
    let found = issuer
        .iter_extensions()
        .find_map(|e| match e.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0),
            _ => None,
        });
    let key = wanted.is_none() || found.is_none() || wanted == found;
    issued.issuer().as_raw() == issuer.subject().as_raw() && key
}

fn of_path(path: &[&X509Certificate<'_>], names: &[&str], now: i64) -> Class {
    let leaf = path[0];
    let above = &path[1..];
    let usage = leaf.key_usage();
    let for_tls = usage.is_ok_and(|usage| {
        usage.is_none_or(|usage| {
            let usage = usage.value;
            usage.digital_signature() || usage.key_encipherment() || usage.key_agreement()
        })
    });
    let authority = leaf.basic_constraints();
    let is_server = authority.is_ok_and(|b| b.is_none_or(|b| !b.value.ca));
    let mut right = for_tls && is_server && for_servers(leaf);
    for (at, issuer) in above.iter().enumerate() {
        // What a trust anchor's own signature says is nobody's business.
        right &= signed(path[at], &issuer.tbs_certificate.subject_pki);
        right &= !has_unknown(issuer) && for_servers(issuer);
        let usage = issuer.key_usage();
        right &= usage.is_ok_and(|u| u.is_none_or(|u| u.value.key_cert_sign()));
        let constraints = issuer.basic_constraints();
        let below = path[1..=at].iter();
        let below = below.filter(|c| c.subject() != c.issuer()).count();
        right &= match constraints {
            Ok(Some(b)) => {
                let most = b.value.path_len_constraint;
                b.value.ca && most.is_none_or(|most| below <= most as usize)
            }
            Ok(None) => {
                let old = issuer.version.0 == 0 && issuer.subject() == issuer.issuer();
                old && at + 1 == above.len()
            }
            Err(_) => false,
        };
        right &= permits(issuer, leaf);
    }
    if !right {
        return Class::Untrusted;
    }
    let valid = |c: &&X509Certificate<'_>| {
        let validity = c.validity();
        (validity.not_before.timestamp()..=validity.not_after.timestamp()).contains(&now)
    };
    if !path.iter().all(valid) {
        return Class::Expired;
    }
    match alternatives(leaf)
        .iter()
        .any(|san| names.iter().any(|name| covers(san, name)))
    {
        true => Class::Match,
        false => Class::NameMismatch,
    }
}

fn alternatives<'a>(certificate: &'a X509Certificate<'_>) -> Vec<&'a str> {
    let Ok(Some(san)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let names = san
        .value
        .general_names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(*name),
            _ => None,
        });
    names.collect()
}

fn covers(san: &str, name: &str) -> bool {
    match (san.strip_prefix("*."), name.split_once('.')) {
        (Some(suffix), Some((_, rest))) => suffix.eq_ignore_ascii_case(rest),
        _ => san.eq_ignore_ascii_case(name),
    }
}

fn permits(issuer: &X509Certificate<'_>, leaf: &X509Certificate<'_>) -> bool {
    let Ok(Some(constraints)) = issuer.name_constraints() else {
        return true;
    };
    let Some(permitted) = &constraints.value.permitted_subtrees else {
        return true;
    };
    let domains: Vec<&str> = permitted
        .iter()
        .filter_map(|tree| match &tree.base {
            GeneralName::DNSName(name) => Some(*name),
            _ => None,
        })
        .collect();
    let below = |name: &str, domain: &str| {
        // A name that is none is not below anything.
        let name = name.strip_prefix("*.").unwrap_or(name);
        if name.contains('*') {
            return false;
        }
        name == domain
            || name
                .strip_suffix(domain)
                .is_some_and(|rest| rest.ends_with('.'))
    };
    domains.is_empty()
        || alternatives(leaf)
            .iter()
            .all(|name| domains.iter().any(|domain| below(name, domain)))
}

fn for_servers(certificate: &X509Certificate<'_>) -> bool {
    let usage = certificate.extended_key_usage();
    usage.is_ok_and(|usage| usage.is_none_or(|usage| usage.value.server_auth))
}

fn has_unknown(certificate: &X509Certificate<'_>) -> bool {
    let unknown =
        |e: &ParsedExtension<'_>| matches!(e, ParsedExtension::UnsupportedExtension { .. });
    certificate
        .iter_extensions()
        .any(|e| e.critical && unknown(e.parsed_extension()))
}

fn signed(certificate: &X509Certificate<'_>, key: &SubjectPublicKeyInfo<'_>) -> bool {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &key.subject_public_key.data);
    let signature = &certificate.signature_value.data;
    key.verify(certificate.tbs_certificate.as_ref(), signature)
        .is_ok()
}
