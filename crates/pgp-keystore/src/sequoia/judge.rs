//! What a signature over content is worth. The library's own verification asks first whether the key counts and only then
//! whether the signature fits, so that "expired" might be a forgery; and it remembers each signature for ever. So the
//! library hashes, and this module decides.

use std::time::{Duration, SystemTime};

use super::openpgp;
use openpgp::cert::prelude::*;
use openpgp::packet::Signature;
use openpgp::parse::stream::{MessageLayer, MessageStructure, VerificationError};
use openpgp::policy::{HashAlgoSecurity, Policy};
use openpgp::types::{RevocationStatus, SignatureType};

use super::{
    Certificate, fingerprint, fingerprint_of, handle_key_id, policy, reason, revoked_because, views,
};
use crate::{Fingerprint, Reason, SignatureCheck, Signed, Verification};

/// How far the signer's clock may be ahead of ours.
const SKEW: Duration = Duration::from_secs(300);

/// What is judged, and by what.
pub(super) struct Judge<'a> {
    pub(super) certificates: &'a [&'a Certificate],
    pub(super) now: SystemTime,
}

impl Judge<'_> {
    /// All signatures that are about the content itself; `opened_by` is the recipient if it was encrypted.
    pub(super) fn structure(
        &self,
        structure: &MessageStructure<'_>,
        opened_by: Option<Fingerprint>,
    ) -> Verification {
        let mut signatures = Vec::new();
        for layer in structure.iter() {
            match layer {
                MessageLayer::Encryption { .. } => {
                    // What came before is about encrypted octets; who made it need not know the content.
                    let outer =
                        |check: &mut SignatureCheck| check.reason = Reason::AroundEncryption;
                    signatures.iter_mut().for_each(outer);
                }
                MessageLayer::SignatureGroup { results } => {
                    let checks = results.iter().map(|result| match result {
                        // Every signature arrives thus, for the library is given no certificate.
                        Err(VerificationError::MissingKey { sig }) => {
                            self.signature(sig, opened_by)
                        }
                        Err(VerificationError::UnknownSignature { .. }) => {
                            nobody(Reason::Unsupported)
                        }
                        _ => nobody(Reason::Malformed),
                    });
                    signatures.extend(checks);
                }
                MessageLayer::Compression { .. } => {}
            }
        }
        Verification {
            signatures,
            at: self.now,
        }
    }

    fn signature(&self, signature: &Signature, opened_by: Option<Fingerprint>) -> SignatureCheck {
        let issuers = signature.get_issuers();
        let mut check = nobody(Reason::UnknownKey);
        check.claimed = issuers.first().and_then(handle_key_id);
        check.created = signature.signature_creation_time();
        let Some(created) = check.created else {
            return SignatureCheck {
                reason: Reason::Malformed,
                ..check
            };
        };
        check.signed = match signature.typ() {
            SignatureType::Binary => Some(Signed::Octets),
            SignatureType::Text => Some(Signed::Text),
            _ => {
                return SignatureCheck {
                    reason: Reason::Malformed,
                    ..check
                };
            }
        };
        if issuers.is_empty() {
            return check;
        }
        let Some(digest) = signature.computed_digest() else {
            return SignatureCheck {
                reason: Reason::Unsupported,
                ..check
            };
        };
        // Anybody can put the public key of another one into a certificate of his own: that it does not count there is not
        // the last word.
        let mut best: Option<SignatureCheck> = None;
        let of = |c: &&&Certificate| c.cert.keys().key_handles(issuers.iter()).next().is_some();
        for certificate in self.certificates.iter().filter(of) {
            for key in certificate.cert.keys().key_handles(issuers.iter()) {
                if let Err(reason) = fits(signature, digest, created, key.key()) {
                    // Another key of that ID may fit.
                    check.reason = reason;
                    continue;
                }
                let policy = policy(self.now);
                let one = SignatureCheck {
                    reason: self.worth(signature, created, &key, &policy, opened_by),
                    signer: Some(certificate.fingerprint()),
                    key: Some(fingerprint_of(key.key())),
                    signer_now: Some(views::validity(&certificate.cert, &policy, self.now)),
                    ..check
                };
                if one.reason == Reason::Valid {
                    return one;
                }
                let state = one.reason.state();
                if best.as_ref().is_none_or(|best| state > best.reason.state()) {
                    best = Some(one);
                }
            }
        }
        best.unwrap_or(check)
    }

    /// Of a signature that fits.
    fn worth(
        &self,
        signature: &Signature,
        created: SystemTime,
        key: &ErasedKeyAmalgamation<'_, openpgp::packet::key::PublicParts>,
        policy: &dyn Policy,
        opened_by: Option<Fingerprint>,
    ) -> Reason {
        // Under whose date a signature claims to be made, the certificate has to count; but a revocation for compromise
        // counts for all times, as whoever has the key can choose the date.
        let valid = match key.clone().with_policy(policy, created) {
            Ok(valid) => valid,
            Err(error) => return self.unbound(key, &error, policy),
        };
        if let RevocationStatus::Revoked(signatures) = valid.valid_cert().revocation_status() {
            return revoked_because(&signatures);
        }
        if let RevocationStatus::Revoked(signatures) = valid.revocation_status() {
            return revoked_because(&signatures);
        }
        if let Err(error) = valid.valid_cert().alive().and_then(|()| valid.alive()) {
            return reason(&error);
        }
        if !valid.for_signing() {
            return Reason::WrongUse;
        }
        if let Err(error) = signature.signature_alive(self.now, SKEW) {
            return match reason(&error) {
                Reason::NotYetValid => Reason::SignatureInFuture,
                _ => Reason::SignatureExpired,
            };
        }
        if let Err(error) = policy.signature(signature, HashAlgoSecurity::CollisionResistance) {
            return match reason(&error) {
                Reason::Unbound => Reason::WeakHash,
                reason => reason,
            };
        }
        // RFC 9580 §5.2.3.36: whoever is not named may have got the message from somebody who was.
        let mut named = signature.intended_recipients().map(fingerprint).peekable();
        match opened_by {
            Some(own) if named.peek().is_some() && !named.any(|one| one == Some(own)) => {
                Reason::OtherRecipient
            }
            _ => Reason::Valid,
        }
    }

    /// A key that did not count when the signature was made may be revoked, weak, or not bound at all.
    fn unbound(
        &self,
        key: &ErasedKeyAmalgamation<'_, openpgp::packet::key::PublicParts>,
        error: &openpgp::anyhow::Error,
        policy: &dyn Policy,
    ) -> Reason {
        match views::validity(key.cert(), policy, self.now) {
            why if why.is_compromise() => why,
            _ => reason(error),
        }
    }
}

/// Whether the key made the signature, with what the library checks beside: versions, salt, dates.
fn fits(
    signature: &Signature,
    digest: &[u8],
    created: SystemTime,
    key: &openpgp::packet::Key<
        openpgp::packet::key::PublicParts,
        openpgp::packet::key::UnspecifiedRole,
    >,
) -> Result<(), Reason> {
    // RFC 9580 §5.2.3: "a version 6 key MUST only issue version 6 signatures", and no other key does.
    if (signature.version() == 6) != (key.version() == 6) {
        return Err(Reason::Altered);
    }
    if signature.version() == 6 {
        // RFC 9580 §5.2.4: the length of the salt is that of the hash algorithm.
        let wanted = signature
            .hash_algo()
            .salt_size()
            .map_err(|_| Reason::Unsupported)?;
        if salt(signature) != Some(wanted) {
            return Err(Reason::Malformed);
        }
        #[allow(deprecated)]
        if key.pk_algo() == openpgp::types::PublicKeyAlgorithm::DSA {
            return Err(Reason::Malformed);
        }
    }
    // Part of what is signed, though no more than a hint: a reader that looks at it first must not differ from us.
    if digest.get(..2) != Some(signature.digest_prefix().as_slice()) {
        return Err(Reason::Altered);
    }
    if created < key.creation_time() {
        return Err(Reason::Altered);
    }
    if !key.pk_algo().is_supported() {
        return Err(Reason::Unsupported);
    }
    let verified = key.verify(signature.mpis(), signature.hash_algo(), digest);
    verified.map_err(|_| Reason::Altered)
}

fn salt(signature: &Signature) -> Option<usize> {
    match signature {
        Signature::V6(v6) => Some(v6.salt().len()),
        _ => None,
    }
}

fn nobody(reason: Reason) -> SignatureCheck {
    SignatureCheck {
        reason,
        signer: None,
        key: None,
        claimed: None,
        created: None,
        signed: None,
        signer_now: None,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use openpgp::serialize::stream::{Encryptor, LiteralWriter, Message, Recipient, Signer};
    use openpgp::types::{Features, HashAlgorithm};

    use super::super::{Generate, Unlocked, decrypt, sign::signing_key, verify_detached};
    use super::*;
    use crate::{Limits, Profile};

    const TEXT: &[u8] = b"it is me";

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_793_491_200)
    }

    fn key(name: &str) -> Unlocked {
        let new = Generate::new(Profile::Compat, now()).user_id(name);
        new.create().unwrap().key
    }

    fn encryptor<'a>(message: Message<'a>, to: &Unlocked) -> Message<'a> {
        let policy = policy(now());
        let keys = to
            .cert
            .keys()
            .with_policy(&policy, now())
            .for_storage_encryption();
        let key = keys.map(|k| k.key().clone()).next().unwrap();
        let key: &'static _ = Box::leak(Box::new(key));
        let recipient = Recipient::new(Features::empty().set_seipdv1(), key.key_handle(), key);
        Encryptor::for_recipients(message, [recipient])
            .build()
            .unwrap()
    }

    fn literal(message: Message<'_>) {
        let mut literal = LiteralWriter::new(message).build().unwrap();
        literal.write_all(TEXT).unwrap();
        literal.finalize().unwrap();
    }

    /// What the reader is told of a message that `build` makes.
    fn read(reader: &Unlocked, signer: &Unlocked, build: impl FnOnce(Message<'_>)) -> Reason {
        let mut out = Vec::new();
        build(Message::new(&mut out));
        let by = signer.certificate();
        let opened = decrypt(&out, &[reader], &[&by], now(), &Limits::default()).unwrap();
        assert_eq!(opened.content.as_slice(), TEXT);
        opened.verification.signatures[0].reason
    }

    #[test]
    fn what_was_signed_for_one_is_not_valid_for_another() {
        let (ann, bob, carl) = (key("ann"), key("bob"), key("carl"));
        // Ann signed for Bob, and Bob encrypts that to Carl.
        let to_carl = |named: &Unlocked| {
            read(&carl, &ann, |message| {
                let signer =
                    Signer::new(encryptor(message, &carl), signing_key(&ann, now()).unwrap());
                let signer = signer
                    .unwrap()
                    .creation_time(now())
                    .add_intended_recipient(&named.cert);
                literal(signer.build().unwrap());
            })
        };
        assert_eq!(to_carl(&bob), Reason::OtherRecipient);
        // The mutation: named himself, it is valid for Carl.
        assert_eq!(to_carl(&carl), Reason::Valid);
    }

    #[test]
    fn a_signature_around_the_encryption_says_nothing_of_the_content() {
        let (ann, bob) = (key("ann"), key("bob"));
        let signed = |outside: bool| {
            read(&bob, &ann, |message| {
                let signer = || signing_key(&ann, now()).unwrap();
                let at = now();
                if outside {
                    let message = Signer::new(message, signer()).unwrap().creation_time(at);
                    literal(encryptor(message.build().unwrap(), &bob));
                } else {
                    let message = Signer::new(encryptor(message, &bob), signer()).unwrap();
                    literal(message.creation_time(at).build().unwrap());
                }
            })
        };
        assert_eq!(signed(false), Reason::Valid);
        assert_eq!(signed(true), Reason::AroundEncryption);
    }

    /// Somebody puts Bob's signing key into a certificate of his own, where it counts for nothing.
    #[test]
    fn a_stolen_subkey_does_not_hide_whose_it_is() {
        use openpgp::packet::signature::SignatureBuilder;
        use openpgp::types::KeyFlags;

        let (bob, thief) = (key("bob"), key("thief"));
        let stolen = signing_key(&bob, now()).unwrap().public().clone();
        let stolen = stolen.role_into_subordinate();
        let flags = KeyFlags::empty().set_transport_encryption();
        let binding = SignatureBuilder::new(SignatureType::SubkeyBinding);
        let binding = binding.set_key_flags(flags).unwrap();
        let binding = binding.set_signature_creation_time(now()).unwrap();
        let mut signer = thief.primary_signer("binding").unwrap();
        let binding = stolen.bind(&mut signer, &thief.cert, binding).unwrap();
        let thiefs = thief.certificate();
        let packets = [openpgp::Packet::from(stolen), binding.into()];
        let thiefs = thiefs.cert.insert_packets(packets).unwrap().0;
        let thiefs = Certificate { cert: thiefs };

        let signature = super::super::sign_detached(&bob, TEXT, now(), crate::Form::Binary);
        let (signature, bobs) = (signature.unwrap(), bob.certificate());
        let check = |by: &[&Certificate]| {
            let result = verify_detached(TEXT, &signature, by, now(), &Limits::default());
            let one = result.unwrap().signatures[0].clone();
            (one.reason, one.signer)
        };
        let valid = (Reason::Valid, Some(bob.fingerprint()));
        assert_eq!(check(&[&thiefs, &bobs]), valid);
        assert_eq!(check(&[&bobs, &thiefs]), valid);
        // The mutation: the thief's alone fits, too, and is worth nothing.
        assert_eq!(
            check(&[&thiefs]),
            (Reason::WrongUse, Some(thief.fingerprint()))
        );
    }

    #[test]
    fn a_signature_with_sha_1_is_weak_and_dated_so() {
        let ann = key("ann");
        let sign = |hash| {
            let mut out = Vec::new();
            let signer = Signer::new(Message::new(&mut out), signing_key(&ann, now()).unwrap());
            let signer = signer
                .unwrap()
                .hash_algo(hash)
                .unwrap()
                .creation_time(now());
            let mut signer = signer.detached().build().unwrap();
            signer.write_all(TEXT).unwrap();
            signer.finalize().unwrap();
            let by = ann.certificate();
            let result = verify_detached(TEXT, &out, &[&by], now(), &Limits::default()).unwrap();
            result.signatures[0].reason
        };
        assert_eq!(sign(HashAlgorithm::SHA512), Reason::Valid);
        assert_eq!(sign(HashAlgorithm::SHA1), Reason::WeakHash);
    }
}
