//! Chains, as they were shown.

use super::{
    Case, Chains, On,
    case::{Judged, settle},
    services::{contradiction, wanted},
};
use crate::audit::{
    Chain, Facts, Finding, Reason, Verdict,
    certificate::{Certificate, Curve, Key, Signature, Usage},
};

/// Certificates of a chain that are read; the rest is not known.
const MAX_CERTIFICATES: usize = 16;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// The certificates of all services, each read once.
#[derive(Debug)]
pub(in crate::audit) struct Decoded<'a>(Vec<(&'a Chain, Vec<Option<Certificate>>)>);

impl<'a> Decoded<'a> {
    pub(in crate::audit) fn new(facts: &'a Facts) -> Self {
        let services = facts.services.iter();
        let chains = services.flat_map(|service| service.chains.get().into_iter().flatten());
        let read = |chain: &'a Chain| {
            let ders = chain.certificates.iter().take(MAX_CERTIFICATES);
            (
                chain,
                ders.map(|der| Certificate::read(der.as_ref())).collect(),
            )
        };
        Self(chains.map(read).collect())
    }

    fn of(&self, chain: &Chain) -> &[Option<Certificate>] {
        let found = self.0.iter().find(|(of, _)| std::ptr::eq(*of, chain));
        found.map_or(&[], |(_, certificates)| certificates)
    }
}

/// What a rule says of one certificate.
enum Opinion {
    /// It is not about this one.
    None,
    Good,
    PhaseOut(String),
    Bad(Reason, String),
}

/// Where a certificate stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Server,
    Authority,
    /// Signed by itself: nobody relies on that signature.
    Root,
}

pub(super) fn chains(case: &Case<'_>, on: On, rule: Chains) -> Vec<Finding> {
    case.each_tls(on, |service, place| {
        let chains = Finding::need(place, &service.chains)?;
        let each = chains
            .iter()
            .map(|chain| settle(chain_of(case, chain, place, rule)));
        let worst = each.max_by_key(|finding| finding.verdict);
        worst.ok_or_else(|| contradiction(place, "TLS is offered, and no certificate"))
    })
}

fn chain_of(case: &Case<'_>, chain: &Chain, place: &str, rule: Chains) -> Judged {
    match rule {
        Chains::Trusted => verified(
            place,
            wanted(place, &chain.trusted, true),
            Reason::Untrusted,
        ),
        Chains::Named => verified(
            place,
            wanted(place, &chain.name_matches, true),
            Reason::WrongName,
        ),
        rule => decoded(case, chain, place, rule),
    }
}

/// With the reason that says what is missing.
fn verified(place: &str, judged: Judged, reason: Reason) -> Judged {
    let finding = judged?;
    match finding.verdict {
        Verdict::NotMet => Ok(Finding::not_met(place, reason, &finding.evidence)),
        _ => Ok(finding),
    }
}

fn decoded(case: &Case<'_>, chain: &Chain, place: &str, rule: Chains) -> Judged {
    let year = case.today.year();
    let (mut good, mut late) = (0_usize, None);
    let mut unreadable = chain.certificates.len() > MAX_CERTIFICATES;
    for (at, certificate) in case.decoded.of(chain).iter().enumerate() {
        let Some(certificate) = certificate else {
            unreadable = true;
            continue;
        };
        let role = match at {
            0 => Role::Server,
            _ if certificate.self_issued => Role::Root,
            _ => Role::Authority,
        };
        let of = |text: String| format!("certificate {} ({}): {text}", at + 1, certificate.subject);
        match opinion(certificate, role, rule, year) {
            Opinion::None => {}
            Opinion::Good => good += 1,
            Opinion::PhaseOut(text) => {
                late.get_or_insert_with(|| of(text));
            }
            Opinion::Bad(reason, text) => return Ok(Finding::not_met(place, reason, &of(text))),
        }
    }
    if unreadable {
        let (unknown, why) = (Verdict::Unknown, Reason::Unreadable);
        return Err(Finding::of(
            place,
            unknown,
            why,
            "a certificate cannot be read",
        ));
    }
    if let Some(late) = late {
        return Ok(Finding::met(place, Reason::PhaseOut, &late));
    }
    match good {
        0 if chain.certificates.is_empty() => Err(contradiction(place, "a chain of nothing")),
        0 => Err(Finding::not_applicable(place, Reason::NoSuch)),
        good => Ok(Finding::met(
            place,
            Reason::AsRequired,
            &format!("{good} certificates"),
        )),
    }
}

fn opinion(certificate: &Certificate, role: Role, rule: Chains, year: u16) -> Opinion {
    let days = certificate.lifetime / DAY;
    let within = |most: i64| match days <= most {
        true => Opinion::Good,
        false => Opinion::Bad(Reason::TooLong, format!("{days} days, at most {most}")),
    };
    let authority = role != Role::Server || certificate.is_ca;
    match rule {
        // What signed itself proves nothing by it.
        Chains::Signatures { .. } | Chains::GradedHashes if certificate.self_issued => {
            Opinion::None
        }
        Chains::Signatures { pkcs1_until } => signature(certificate.signature, pkcs1_until, year),
        Chains::Keys { rsa } => key(certificate.key, rsa),
        Chains::NoWildcard => match certificate.wildcards.first() {
            None => Opinion::Good,
            Some(name) => Opinion::Bad(Reason::Wildcard, name.clone()),
        },
        // A root is trusted or not, and revoked by whoever trusts it.
        Chains::Revocation if certificate.self_issued => Opinion::None,
        Chains::Revocation if certificate.revocation => Opinion::Good,
        Chains::Revocation => Opinion::Bad(
            Reason::Missing,
            "names neither a CRL nor an OCSP responder".into(),
        ),
        Chains::Lifetimes { own, authority } => match role {
            Role::Server => within(own),
            Role::Authority => within(authority),
            Role::Root => Opinion::None,
        },
        Chains::RootLifetime(most) => match role {
            Role::Root => within(most),
            _ => Opinion::None,
        },
        Chains::PathLength if !authority => Opinion::None,
        Chains::PathLength if certificate.path_length => Opinion::Good,
        Chains::PathLength => Opinion::Bad(Reason::Missing, "no pathLenConstraint".into()),
        Chains::KeyUsage => match certificate.key_usage {
            Usage::Critical => Opinion::Good,
            Usage::NotCritical => {
                Opinion::Bad(Reason::Contrary, "the key usage is not critical".into())
            }
            Usage::Absent => Opinion::Bad(Reason::Missing, "no key usage".into()),
        },
        Chains::GradedKeys if role == Role::Root => Opinion::None,
        Chains::GradedKeys => graded_key(certificate.key),
        Chains::GradedHashes => graded_hash(certificate.signature),
        Chains::Trusted | Chains::Named => Opinion::None,
    }
}

/// ECDSA with SHA-2, RSA-PSS with SHA-2; PKCS#1 v1.5 for a while.
fn signature(signature: Signature, pkcs1_until: u16, year: u16) -> Opinion {
    match signature {
        Signature::RsaPkcs1(256..) if year <= pkcs1_until => Opinion::Good,
        Signature::RsaPkcs1(256..) => {
            let text = format!("{}, listed to the end of {pkcs1_until}", signature.text());
            Opinion::Bad(Reason::ListingEnded, text)
        }
        Signature::Ecdsa(256..) | Signature::RsaPss(256..) => Opinion::Good,
        other => Opinion::Bad(Reason::Kind, other.text()),
    }
}

fn key(key: Key, rsa: u32) -> Opinion {
    match key {
        Key::Rsa(bits) if bits < rsa => Opinion::Bad(Reason::TooShort, key.text()),
        Key::Ec(Curve::P224) => Opinion::Bad(Reason::TooShort, key.text()),
        Key::Rsa(_) => Opinion::Good,
        Key::Ec(Curve::Other) | Key::Ed25519 | Key::Ed448 | Key::Other => {
            Opinion::Bad(Reason::Kind, key.text())
        }
        Key::Ec(_) => Opinion::Good,
    }
}

fn graded_key(key: Key) -> Opinion {
    match key {
        Key::Rsa(3072..) | Key::Ed25519 | Key::Ed448 => Opinion::Good,
        Key::Rsa(2048..) | Key::Ec(Curve::P224) => Opinion::PhaseOut(key.text()),
        Key::Rsa(_) => Opinion::Bad(Reason::TooShort, key.text()),
        Key::Ec(Curve::Other) | Key::Other => Opinion::Bad(Reason::Kind, key.text()),
        Key::Ec(_) => Opinion::Good,
    }
}

fn graded_hash(signature: Signature) -> Opinion {
    match signature {
        Signature::EdDsa => Opinion::Good,
        Signature::RsaPkcs1(bits) | Signature::RsaPss(bits) | Signature::Ecdsa(bits) => {
            match bits {
                256.. => Opinion::Good,
                224.. => Opinion::PhaseOut(signature.text()),
                _ => Opinion::Bad(Reason::Kind, signature.text()),
            }
        }
        Signature::Other => Opinion::Bad(Reason::Kind, signature.text()),
    }
}
