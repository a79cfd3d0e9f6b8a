use super::{
    Algorithm, Canonicalization, Dkim, DkimReason, KeyType, Keys, body,
    crypto::Hash,
    header,
    keys::Key,
    names::Index,
    outcome::Testing,
    signature::{Identity, Signature},
};
use crate::{Limits, message::Message};
use mail_dns::{Answer, Name, Outcome, Record};
use std::{sync::Arc, time::SystemTime};

/// The signatures of a message, with everything computed that needs no key: nothing of the message
/// is kept.
#[derive(Debug)]
pub(crate) struct Signatures {
    checks: Vec<Check>,
}

/// One signature and what is known of it.
#[derive(Debug)]
struct Check {
    report: Dkim,
    state: Result<Ready, DkimReason>,
}

/// A signature that waits for its key.
#[derive(Debug)]
struct Ready {
    key_name: Name,
    algorithm: Algorithm,
    identity: Identity,
    body: Body,
    hash: Hash,
    signature: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    Intact,
    Changed,
    TooShort,
}

impl Signatures {
    /// Reads all signatures, those of `from` and its relatives first where there are too many, and
    /// hashes what they cover.
    pub(crate) fn parse(message: &Message<'_>, limits: &Limits, from: Option<&Name>) -> Self {
        let index = Index::new(message.fields());
        let mut parsed: Vec<_> = index
            .named("DKIM-Signature")
            .map(|field| {
                let mut report = Dkim::unknown();
                let signature = Signature::parse(field.value(), &mut report);
                (field, report, signature)
            })
            .collect();
        if parsed.len() > limits.signatures {
            // A stable sort: among equals the topmost, which is the latest, comes first.
            parsed.sort_by_key(|(_, _, signature)| distance(signature.as_ref().ok(), from));
        }
        let excess = parsed.len() > limits.signatures;
        parsed.truncate(limits.signatures);

        let mut bodies = Bodies::new(message.body());
        let mut checks: Vec<_> = parsed
            .into_iter()
            .map(|(field, mut report, signature)| {
                let state = signature.and_then(|signature| {
                    if signature.names.len() > limits.signed_fields {
                        return Err(DkimReason::TooManyFields);
                    }
                    let body = bodies.check(&signature);
                    let (fields, listed) = index.choose(signature.names, field);
                    let canon = signature.header_canon;
                    let hash = header::hash(canon, &fields, field, signature.blank);
                    report.fields = Some(Arc::new(listed));
                    Ok(Ready {
                        key_name: signature.key_name,
                        algorithm: signature.algorithm,
                        identity: signature.identity,
                        body,
                        hash,
                        signature: signature.signature,
                    })
                });
                Check { report, state }
            })
            .collect();
        if excess {
            checks.push(Check {
                report: Dkim::unknown(),
                state: Err(DkimReason::TooManySignatures),
            });
        }
        Self { checks }
    }

    /// The domains that may turn out to have signed.
    pub(crate) fn domains(&self) -> impl Iterator<Item = &str> {
        let waiting = self.checks.iter().filter(|check| check.state.is_ok());
        waiting.filter_map(|check| check.report.domain())
    }

    /// One report for each signature, those beyond the limit in one; `None` as long as the DNS has
    /// not been heard about every key that is needed. All keys are asked for in one wave. With the
    /// reports the signatures are done, and none is left.
    pub(crate) fn verify(
        &mut self,
        mut look_up: impl FnMut(&Name) -> Option<Answer>,
        keys: &Keys,
        now: SystemTime,
    ) -> Option<Vec<Dkim>> {
        let now = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let mut missing = false;
        let answers: Vec<_> = self
            .checks
            .iter()
            .map(|check| {
                let answer = look_up(check.key_needed(now).ok()?);
                missing |= answer.is_none();
                answer
            })
            .collect();
        if missing {
            return None;
        }
        let checks = std::mem::take(&mut self.checks).into_iter().zip(answers);
        let reports = checks.map(|(check, answer)| {
            let needed = check.key_needed(now).map(|_| ());
            let mut report = check.report;
            report.reason = match (needed, check.state, answer) {
                (Ok(()), Ok(ready), Some(answer)) => ready.judge(&answer, keys, &mut report),
                (Err(reason), ..) | (_, Err(reason), _) => reason,
                // Every key that is needed was answered for.
                (Ok(()), Ok(_), None) => DkimReason::NoKey,
            };
            report
        });
        Some(reports.collect())
    }
}

impl Check {
    /// The name of the key, if all that can be checked without it is good.
    fn key_needed(&self, now: u64) -> Result<&Name, DkimReason> {
        let ready = self.state.as_ref().map_err(|reason| *reason)?;
        timely(&self.report, now)?;
        match ready.body {
            Body::Intact => Ok(&ready.key_name),
            Body::Changed => Err(DkimReason::BodyHash),
            Body::TooShort => Err(DkimReason::BodyShorterThanLimit),
        }
    }
}

impl Ready {
    /// Tries the key records of an answer.
    fn judge(&self, answer: &Answer, keys: &Keys, report: &mut Dkim) -> DkimReason {
        match answer.outcome() {
            Outcome::Records(_) => {}
            // RFC 6376 §6.1.2: "If the query for the public key fails because the corresponding key
            // record does not exist, the Verifier MUST immediately return PERMFAIL (no key for
            // signature)."
            Outcome::NoData | Outcome::NxDomain => return DkimReason::NoKey,
            Outcome::Failure(failure) => return DkimReason::KeyUnavailable(*failure),
        }
        // RFC 6376 §6.1.2: "If the query for the public key returns multiple key records, the
        // Verifier can choose one of the key records or may cycle through the key records". The
        // order of records means nothing, so the one that leads furthest decides.
        const MAX_RECORDS: usize = 8;
        let texts = answer.iter().filter_map(|record| match record {
            Record::Txt(text) => Some(text.joined()),
            _ => None,
        });
        let mut best: Option<(u8, DkimReason)> = None;
        for text in texts.take(MAX_RECORDS) {
            let Ok(key) = keys.read(&text) else {
                continue;
            };
            let mut bits = None;
            let (rank, reason) = match self.check(&key, &mut bits) {
                Ok(()) => (u8::MAX, DkimReason::Valid),
                Err(failed) => failed,
            };
            if best.is_none_or(|(best, _)| rank > best) {
                best = Some((rank, reason));
                report.key_bits = bits;
                report.testing = if key.record.is_testing() {
                    Testing::Yes
                } else {
                    Testing::No
                };
            }
        }
        // RFC 6376 §6.1.2: a record that "does not adhere to the format defined in this
        // specification" is ignored, "PERMFAIL (key syntax error)".
        best.map_or(DkimReason::KeySyntax, |(_, reason)| reason)
    }

    /// RFC 6376 §6.1.2, steps 6 to 8, and §6.1.3. Errors say how far the check came.
    fn check(&self, key: &Key, bits: &mut Option<usize>) -> Result<(), (u8, DkimReason)> {
        let record = &key.record;
        if !record.allows_mail() {
            return Err((0, DkimReason::KeyService));
        }
        if !record.allows_sha256() {
            return Err((1, DkimReason::KeyHash));
        }
        let fitting = match self.algorithm {
            Algorithm::RsaSha256 => KeyType::Rsa,
            Algorithm::Ed25519Sha256 => KeyType::Ed25519,
        };
        if record.key_type() != fitting {
            return Err((2, DkimReason::KeyType));
        }
        if record.is_revoked() {
            return Err((3, DkimReason::KeyRevoked));
        }
        let key = (key.public.as_ref()).ok_or((4, DkimReason::KeySyntax))?;
        *bits = Some(key.bits());
        // RFC 6376 §3.6.1, t=s: "Any DKIM-Signature header fields using the "i=" tag MUST have the
        // same domain value on the right-hand side of the "@" in the "i=" tag and the value of the
        // "d=" tag."
        if record.is_strict() && self.identity == Identity::InSubdomain {
            return Err((5, DkimReason::KeyStrict));
        }
        // RFC 8301 §3.2: "Verifiers MUST NOT consider signatures using RSA keys of less than 1024
        // bits as valid signatures."
        match (fitting, key.bits()) {
            (KeyType::Rsa, ..1024) => return Err((6, DkimReason::KeyTooShort)),
            (KeyType::Rsa, 8193..) => return Err((6, DkimReason::KeyTooLong)),
            _ => {}
        }
        if key.verifies(self.algorithm, &self.hash, &self.signature) {
            Ok(())
        } else {
            Err((7, DkimReason::Signature))
        }
    }
}

/// RFC 6376 §3.5: "Signatures MAY be considered invalid if the verification time at the Verifier is
/// past the expiration date"; t= in the future: "Implementations MAY ignore signatures that have a
/// timestamp in the future." Clocks may differ by five minutes there.
fn timely(report: &Dkim, now: u64) -> Result<(), DkimReason> {
    const CLOCK_DRIFT: u64 = 300;
    if report
        .signed_at
        .is_some_and(|signed| signed > now.saturating_add(CLOCK_DRIFT))
    {
        return Err(DkimReason::SignedInFuture);
    }
    if report.expires_at.is_some_and(|expires| expires < now) {
        return Err(DkimReason::Expired);
    }
    Ok(())
}

/// How far a signature's domain is from that of From: the same, above or below, another; what cannot
/// be read comes last.
fn distance(signature: Option<&Signature>, from: Option<&Name>) -> u8 {
    let Some(signature) = signature else {
        return 3;
    };
    let Some(from) = from else {
        return 2;
    };
    let domain = &signature.domain;
    if domain == from {
        0
    } else if domain.is_within(from) || from.is_within(domain) {
        1
    } else {
        2
    }
}

/// Hashes of the body, each computed once.
struct Bodies<'a> {
    body: &'a [u8],
    known: Vec<(Canonicalization, Option<u64>, Option<Hash>)>,
}

impl<'a> Bodies<'a> {
    fn new(body: &'a [u8]) -> Self {
        let known = Vec::new();
        Self { body, known }
    }

    fn check(&mut self, signature: &Signature) -> Body {
        let (canon, limit) = (signature.body_canon, signature.body_limit);
        let same = |(c, l, _): &&(Canonicalization, Option<u64>, _)| *c == canon && *l == limit;
        let known = self.known.iter().find(same).map(|(_, _, hash)| *hash);
        let hash = known.unwrap_or_else(|| {
            let hash = match limit {
                None => Some(body::hash(canon, self.body)),
                Some(limit) => body::hash_of_first(canon, self.body, limit),
            };
            self.known.push((canon, limit, hash));
            hash
        });
        match hash {
            None => Body::TooShort,
            Some(hash) if hash.as_ref() == signature.body_hash => Body::Intact,
            Some(_) => Body::Changed,
        }
    }
}
