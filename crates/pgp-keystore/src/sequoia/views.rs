//! From the library's certificates to our views.

use std::time::SystemTime;

use super::openpgp;
use openpgp::Cert;
use openpgp::cert::prelude::*;
use openpgp::crypto::S2K;
use openpgp::packet::Key as KeyPacket;
use openpgp::packet::Packet;
use openpgp::packet::key::{KeyParts, KeyRole, PublicParts, SecretKeyMaterial};
use openpgp::policy::Policy;
use openpgp::serialize::SerializeInto;
use openpgp::types::{HashAlgorithm, KeyFlags, PublicKeyAlgorithm, RevocationStatus};

use super::guard::caught;
use super::{address, algorithm_of, fingerprint_of, policy, reason, revoked_because, supports};
use crate::{
    Algorithm, Capability, CertificateView, Kdf, KeyView, Rank, Reason, Secret, Use, UserIdView,
};

pub(super) fn certificate(cert: &Cert, now: SystemTime) -> CertificateView {
    // Should the library panic on it, nothing of it counts.
    caught(|| view(cert, now)).unwrap_or_else(|| {
        let primary = cert.primary_key().key();
        CertificateView {
            fingerprint: fingerprint_of(primary),
            created: primary.creation_time(),
            expires: None,
            reason: Reason::Malformed,
            user_ids: Vec::new(),
            keys: Vec::new(),
            at: now,
        }
    })
}

fn view(cert: &Cert, now: SystemTime) -> CertificateView {
    let policy = policy(now);
    let valid = cert.with_policy(&policy, now).ok();
    let primary = valid.as_ref().and_then(|valid| valid.primary_userid().ok());
    let primary = primary.map(|user_id| user_id.userid().clone());
    let mut user_ids: Vec<UserIdView> = cert
        .userids()
        .map(|user_id| {
            let bare = user_id.userid();
            let rank = if Some(bare) == primary.as_ref() {
                Rank::Primary
            } else {
                Rank::Other
            };
            UserIdView {
                text: String::from_utf8_lossy(bare.value()).into_owned(),
                address: address::of(bare),
                reason: user_id_reason(&user_id, &policy, now),
                rank,
            }
        })
        .collect();
    user_ids.sort_by_key(|user_id| user_id.rank == Rank::Other);
    CertificateView {
        fingerprint: fingerprint_of(cert.primary_key().key()),
        created: cert.primary_key().key().creation_time(),
        expires: valid
            .as_ref()
            .and_then(|v| v.primary_key().key_expiration_time()),
        reason: validity(cert, &policy, now),
        user_ids,
        keys: cert
            .keys()
            .map(|key| key_view(&key, &policy, now))
            .collect(),
        at: now,
    }
}

/// Whether a certificate counts.
pub(super) fn validity(cert: &Cert, policy: &dyn Policy, now: SystemTime) -> Reason {
    if cert.primary_key().key().creation_time() > now {
        return Reason::NotYetValid;
    }
    if let RevocationStatus::Revoked(signatures) = cert.revocation_status(policy, now) {
        return revoked_because(&signatures);
    }
    match cert
        .with_policy(policy, now)
        .and_then(|valid| valid.alive())
    {
        Ok(()) => Reason::Valid,
        Err(error) => why(cert, &error),
    }
}

/// The keys of an algorithm that are bound, live and not revoked. The algorithm comes first, as to ask for anything else is to
/// verify a binding.
pub(super) fn live_keys<'a>(
    cert: &'a Cert,
    policy: &'a dyn Policy,
    now: SystemTime,
    does: fn(&PublicKeyAlgorithm) -> bool,
) -> impl Iterator<Item = ValidErasedKeyAmalgamation<'a, PublicParts>> {
    let keys = cert.keys().filter(move |key| does(&key.key().pk_algo()));
    let bound = keys.filter_map(move |key| key.with_policy(policy, now).ok());
    bound.filter(|key| {
        let revoked = matches!(key.revocation_status(), RevocationStatus::Revoked(_));
        key.alive().is_ok() && !revoked
    })
}

/// Nothing binds what this build cannot verify; that is for another reason than that nothing does.
fn why(cert: &Cert, error: &openpgp::anyhow::Error) -> Reason {
    let algorithm = algorithm_of(cert.primary_key().key());
    match reason(error) {
        Reason::Unbound if supports(Capability::Public(algorithm)).is_err() => Reason::Unsupported,
        reason => reason,
    }
}

fn user_id_reason(
    user_id: &UserIDAmalgamation<'_>,
    policy: &dyn Policy,
    now: SystemTime,
) -> Reason {
    if let RevocationStatus::Revoked(signatures) = user_id.revocation_status(policy, now) {
        return revoked_because(&signatures);
    }
    // Not `with_policy`, which would have the whole certificate's faults here, too.
    match user_id.binding_signature(policy, now) {
        Ok(_) => Reason::Valid,
        Err(error) => why(user_id.cert(), &error),
    }
}

fn key_view(
    key: &ErasedKeyAmalgamation<'_, PublicParts>,
    policy: &dyn Policy,
    now: SystemTime,
) -> KeyView {
    let bare = key.key();
    let valid = key.clone().with_policy(policy, now);
    let (expires, uses, reason) = match &valid {
        Ok(valid) => {
            let reason = match (valid.revocation_status(), valid.alive()) {
                (RevocationStatus::Revoked(signatures), _) => revoked_because(&signatures),
                (_, Err(error)) => reason(&error),
                _ => Reason::Valid,
            };
            (valid.key_expiration_time(), uses(valid.key_flags()), reason)
        }
        Err(_) if bare.creation_time() > now => (None, Vec::new(), Reason::NotYetValid),
        Err(error) => (None, Vec::new(), why(key.cert(), error)),
    };
    let algorithm = algorithm_of(bare);
    let sized = matches!(
        algorithm,
        Algorithm::Rsa
            | Algorithm::Dsa
            | Algorithm::ElGamal
            | Algorithm::Ecdh
            | Algorithm::Ecdsa
            | Algorithm::EcdhBrainpool
            | Algorithm::EcdsaBrainpool
    );
    KeyView {
        fingerprint: fingerprint_of(bare),
        algorithm,
        bits: bare.mpis().bits().filter(|_| sized),
        created: bare.creation_time(),
        expires,
        uses,
        reason,
        secret: secret(bare),
    }
}

fn uses(flags: Option<KeyFlags>) -> Vec<Use> {
    let Some(flags) = flags else {
        return Vec::new();
    };
    let encrypt = flags.for_transport_encryption() || flags.for_storage_encryption();
    let all = [
        (flags.for_certification(), Use::Certify),
        (flags.for_signing(), Use::Sign),
        (encrypt, Use::Encrypt),
        (flags.for_authentication(), Use::Authenticate),
    ];
    let set = all.into_iter().filter(|(set, _)| *set);
    set.map(|(_, purpose)| purpose).collect()
}

/// Where a key's secret is. That there is a secret key packet does not mean that there is a secret.
#[allow(deprecated)]
pub(super) fn secret<P: KeyParts, R: KeyRole>(key: &KeyPacket<P, R>) -> Secret {
    let protected = match key.optional_secret() {
        None => return Secret::Absent,
        Some(SecretKeyMaterial::Unencrypted(_)) => return Secret::Unprotected,
        Some(SecretKeyMaterial::Encrypted(protected)) => protected,
    };
    Secret::Protected(match protected.s2k() {
        S2K::Argon2 { .. } => Kdf::Argon2,
        S2K::Iterated { hash, .. } if !weak(*hash) => Kdf::Iterated,
        S2K::Iterated { .. } | S2K::Salted { .. } | S2K::Simple { .. } | S2K::Implicit => Kdf::Weak,
        // GnuPG's own extension: a hash, "GNU", and 1 for no secret or 2 for a card.
        S2K::Private {
            tag: 101,
            parameters,
        } => {
            let mode = match parameters {
                Some(parameters) => parameters.get(4).copied(),
                None => gnu_mode(key),
            };
            return match mode {
                Some(2) => Secret::Card,
                _ => Secret::Stub,
            };
        }
        _ => Kdf::Unknown,
    })
}

/// GnuPG writes its stubs in the form of old, which does not say where the S2K ends: the mode stands behind "GNU", and then,
/// of a card, its number of at most 16 octets with its length before it.
fn gnu_mode<P: KeyParts, R: KeyRole>(key: &KeyPacket<P, R>) -> Option<u8> {
    let key = key.clone().parts_into_secret().ok()?;
    let packet = Packet::SecretSubkey(key.role_into_subordinate());
    let octets = packet.to_vec().ok()?;
    let (_, end) = octets.split_at(octets.len().saturating_sub(4 + 1 + 16));
    let word = end
        .windows(4)
        .rposition(|window| window.starts_with(b"GNU"))?;
    end.get(word + 3).copied()
}

fn weak(hash: HashAlgorithm) -> bool {
    matches!(
        hash,
        HashAlgorithm::MD5 | HashAlgorithm::SHA1 | HashAlgorithm::RipeMD
    )
}
