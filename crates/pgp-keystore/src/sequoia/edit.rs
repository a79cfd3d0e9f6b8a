//! What all changes of a certificate share, and expiry, which changes all of it.

use std::time::{Duration, SystemTime};

use super::openpgp;
use openpgp::cert::prelude::*;
use openpgp::packet::Signature;
use openpgp::packet::signature::SignatureBuilder;
use openpgp::packet::signature::subpacket::SubpacketTag;
use openpgp::policy::Policy;
use openpgp::types::{HashAlgorithm, RevocationStatus, SignatureType};

use super::guard;
use super::key::keypair;
use super::{
    Unlocked, after, fingerprint_of, newest, owners_policy, refused, validity, views, whole_seconds,
};
use crate::{Error, Reason};

const DOING: &str = "changing the certificate";

impl Unlocked {
    /// Moves the end of the key, for all that is not revoked: primary key, user IDs, every subkey. What is over its time
    /// already comes back. `None` is never.
    ///
    /// Each is signed anew with SHA-512, so that an old certificate whose SHA-1 no longer counts does so again.
    ///
    /// # Errors
    ///
    /// [`Error::NoSecret`] without the primary secret; [`Error::Unusable`] if the key is revoked; [`Error::Time`] if the
    /// end comes before the creation of one of its keys; [`Error::Unsupported`].
    pub fn set_expiry(
        &mut self,
        expires: Option<SystemTime>,
        now: SystemTime,
    ) -> Result<(), Error> {
        guard::doing(DOING, || {
            let mut signer = self.primary_signer("changing the expiry")?;
            let policy = owners_policy(now);
            let valid = self.valid(&policy, now)?;
            let primary = valid.primary_key().key();
            let period = validity(primary.creation_time(), expires)?;
            let direct = direct_key(&valid, period, now)?.sign_direct_key(&mut signer, primary);
            let mut packets = vec![direct.map_err(refused(DOING))?.into()];
            let shown = valid
                .primary_userid()
                .ok()
                .map(|user_id| user_id.userid().clone());
            for user_id in valid
                .userids()
                .filter(|u| not_revoked(&u.revocation_status()))
            {
                let binding = renewed(
                    user_id.binding_signature(),
                    newest(user_id.self_signatures()),
                    now,
                )?
                .set_key_validity_period(period)
                .and_then(|b| b.set_primary_userid(Some(user_id.userid()) == shown.as_ref()))
                .and_then(|b| b.sign_userid_binding(&mut signer, primary, user_id.userid()));
                packets.push(binding.map_err(refused(DOING))?.into());
            }
            for image in valid
                .user_attributes()
                .filter(|u| not_revoked(&u.revocation_status()))
            {
                let binding = renewed(
                    image.binding_signature(),
                    newest(image.self_signatures()),
                    now,
                )?
                .set_key_validity_period(period)
                .and_then(|b| {
                    b.sign_user_attribute_binding(&mut signer, primary, image.user_attribute())
                });
                packets.push(binding.map_err(refused(DOING))?.into());
            }
            for subkey in valid.keys().subkeys() {
                if !not_revoked(&subkey.revocation_status()) {
                    continue;
                }
                let period = validity(subkey.key().creation_time(), expires)?;
                let last = newest(subkey.self_signatures());
                let mut builder = renewed(subkey.binding_signature(), last, now)?;
                if subkey.for_signing() || subkey.for_certification() || subkey.for_authentication()
                {
                    // RFC 9580 §5.2.1.9: without a signature of its own on the primary key, a signing subkey does not count.
                    // Where its secret is not here, the one that it has is kept.
                    if let Ok(mut own) = keypair(subkey.key(), DOING) {
                        let time = builder.signature_creation_time().unwrap_or(now);
                        let back = SignatureBuilder::new(SignatureType::PrimaryKeyBinding)
                            .set_hash_algo(HashAlgorithm::SHA512)
                            .set_signature_creation_time(time)
                            .and_then(|b| {
                                b.sign_primary_key_binding(&mut own, primary, subkey.key())
                            })
                            .map_err(refused(DOING))?;
                        builder = builder
                            .set_embedded_signature(back)
                            .map_err(refused(DOING))?;
                    }
                }
                let binding = builder
                    .set_key_validity_period(period)
                    .and_then(|b| b.sign_subkey_binding(&mut signer, primary, subkey.key()));
                packets.push(binding.map_err(refused(DOING))?.into());
            }
            self.insert(packets)
        })
    }

    /// The certificate for its owner, unless it is revoked: then nothing is changed any more.
    pub(super) fn valid<'a>(
        &'a self,
        policy: &'a dyn Policy,
        now: SystemTime,
    ) -> Result<ValidCert<'a>, Error> {
        let primary = self.cert.primary_key().key();
        let unusable = |why| Error::Unusable {
            fingerprint: fingerprint_of(primary),
            why,
        };
        match views::validity(&self.cert, policy, now) {
            Reason::Valid | Reason::Expired => {}
            why => return Err(unusable(why)),
        }
        self.cert
            .with_policy(policy, now)
            .map_err(|error| unusable(super::reason(&error)))
    }
}

pub(super) fn not_revoked(status: &RevocationStatus<'_>) -> bool {
    !matches!(status, RevocationStatus::Revoked(_))
}

/// A signature as the given one, later than the last of its component.
pub(super) fn renewed(
    signature: &Signature,
    last: Option<SystemTime>,
    now: SystemTime,
) -> Result<SignatureBuilder, Error> {
    let at = whole_seconds(after(last, now))?;
    SignatureBuilder::from(signature.clone())
        .set_hash_algo(HashAlgorithm::SHA512)
        .set_signature_creation_time(at)
        .map_err(refused(DOING))
}

/// What the primary key says of itself: as the direct-key signature, or in an old key as the primary user ID has it.
pub(super) fn direct_key(
    valid: &ValidCert<'_>,
    period: Option<Duration>,
    now: SystemTime,
) -> Result<SignatureBuilder, Error> {
    let key = valid.primary_key();
    let last = newest(key.self_signatures());
    let template = match valid.direct_key_signature() {
        Ok(direct) => renewed(direct, last, now)?,
        Err(_) => renewed(key.binding_signature(), last, now)?,
    };
    let mut builder = template.set_type(SignatureType::DirectKey);
    bare(&mut builder);
    builder
        .set_key_validity_period(period)
        .map_err(refused(DOING))
}

/// Without what is about one user ID.
pub(super) fn bare(builder: &mut SignatureBuilder) {
    use SubpacketTag as Tag;
    for tag in [
        Tag::ExportableCertification,
        Tag::Revocable,
        Tag::TrustSignature,
        Tag::RegularExpression,
        Tag::PrimaryUserID,
        Tag::SignersUserID,
        Tag::ReasonForRevocation,
        Tag::SignatureTarget,
        Tag::EmbeddedSignature,
        Tag::SignatureExpirationTime,
    ] {
        builder.hashed_area_mut().remove_all(tag);
    }
}

#[cfg(test)]
mod tests {
    use openpgp::Cert;
    use openpgp::packet::Packet;

    use super::super::Generate;
    use super::*;
    use crate::{Profile, State};

    /// As an old GnuPG left it: no direct-key signature, the user ID and the subkeys bound with `hash`.
    fn old(hash: HashAlgorithm, now: SystemTime) -> Unlocked {
        let new = Generate::new(Profile::Compat, now).user_id("Ann <ann@example.org>");
        let key = new.create().unwrap().key;
        let mut signer = key.primary_signer("a test").unwrap();
        let policy = owners_policy(now);
        let valid = key.valid(&policy, now).unwrap();
        let primary = valid.primary_key().key();
        let secret = primary.clone().parts_into_secret().unwrap();
        let mut packets = vec![Packet::SecretKey(secret)];
        let again = |signature: &Signature| {
            let at = signature.signature_creation_time().unwrap();
            let builder = SignatureBuilder::from(signature.clone()).set_hash_algo(hash);
            builder.set_signature_creation_time(at).unwrap()
        };
        for user_id in valid.userids() {
            let binding = again(user_id.binding_signature());
            let binding = binding.sign_userid_binding(&mut signer, primary, user_id.userid());
            packets.extend([
                user_id.userid().clone().into(),
                Packet::from(binding.unwrap()),
            ]);
        }
        for subkey in valid.keys().subkeys() {
            let binding = again(subkey.binding_signature());
            let binding = binding.sign_subkey_binding(&mut signer, primary, subkey.key());
            let secret = subkey.key().clone().parts_into_secret().unwrap();
            packets.extend([Packet::SecretSubkey(secret), binding.unwrap().into()]);
        }
        let cert = Cert::from_packets(packets.into_iter()).unwrap();
        Unlocked::new(cert)
    }

    #[test]
    fn what_sha_1_binds_is_weak_until_its_owner_renews_it() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_793_491_200);
        let mut key = old(HashAlgorithm::SHA1, now);
        assert_eq!(key.at(now).reason, Reason::WeakHash);
        assert!(
            key.at(now)
                .keys
                .iter()
                .all(|k| k.reason.state() == State::Weak)
        );
        // What was valid in its time: the policy is dated.
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_300_000_000);
        assert_eq!(
            old(HashAlgorithm::SHA1, then).at(then).reason,
            Reason::Valid
        );
        key.set_expiry(None, now).unwrap();
        let view = key.at(now);
        assert_eq!(view.reason, Reason::Valid);
        assert!(
            view.keys.iter().all(|k| k.reason == Reason::Valid),
            "{view:?}"
        );
        // The mutation: with a hash that counts it was never weak.
        assert_eq!(
            old(HashAlgorithm::SHA512, now).at(now).reason,
            Reason::Valid
        );
    }
}
