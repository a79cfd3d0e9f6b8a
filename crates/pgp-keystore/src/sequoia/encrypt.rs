//! Encryption by a plan.

use std::io::Write;
use std::time::SystemTime;

use super::openpgp;
use openpgp::KeyHandle;
use openpgp::packet::signature::SignatureBuilder;
use openpgp::serialize::stream::{Encryptor, LiteralWriter, Message, Recipient, Signer};
use openpgp::types::{AEADAlgorithm, Features, HashAlgorithm, SignatureType, SymmetricAlgorithm};

use super::export::Part;
use super::plan::{Plan, Receiver};
use super::sign::{signing_key, write};
use super::{Unlocked, whole_seconds};
use crate::{Aead, Container, Error, Form};

impl Plan {
    /// Encrypts to all of the plan with AES-256, and signs inside if a signer is given; the signature then names the
    /// certificates of the recipients, so that none of them can pass it on as if it had been meant for another
    /// (RFC 9580 §5.2.3.36). Nothing is compressed: its length would tell about the content.
    ///
    /// Each message shows the IDs of the keys that open it to whoever sees it. Somebody who shall stay unseen, as behind
    /// `Bcc`, wants a message of their own.
    ///
    /// # Errors
    ///
    /// [`Error::Incomplete`] if the plan leaves somebody out; [`Error::Unsupported`] if it has no container that all read;
    /// those of [`sign_detached`](crate::sign_detached).
    pub fn encrypt(
        &self,
        content: &[u8],
        signer: Option<&Unlocked>,
        now: SystemTime,
        form: Form,
    ) -> Result<Vec<u8>, Error> {
        let refused = self.refused().count();
        if refused > 0 || self.keys.is_empty() {
            return Err(Error::Incomplete { refused });
        }
        let Some(container) = self.container else {
            super::supports(crate::Capability::Aead(Aead::Ocb))?;
            return Err(Error::Refused {
                doing: "choosing a container that all can read",
            });
        };
        let signer = signer.map(|key| signing_key(key, now)).transpose()?;
        let at = whole_seconds(now)?;
        let mut out = Vec::new();
        write(&mut out, Part::Message, form, "encrypting", |message| {
            let mut message = encryptor(message, &self.keys, container)?;
            if let Some(signer) = signer {
                let signing = Signer::with_template(message, signer, intended(&self.keys)?)?
                    .hash_algo(HashAlgorithm::SHA512)?
                    .creation_time(at);
                message = signing.build()?;
            }
            let mut literal = LiteralWriter::new(message).build()?;
            literal.write_all(content)?;
            literal.finalize()
        })?;
        Ok(out)
    }
}

fn encryptor<'a>(
    message: Message<'a>,
    keys: &'a [Receiver],
    container: Container,
) -> openpgp::Result<Message<'a>> {
    let features = match container {
        Container::V1 => Features::empty().set_seipdv1(),
        Container::V2(_) => Features::empty().set_seipdv1().set_seipdv2(),
    };
    let recipients = keys.iter().map(|receiver| {
        // A version 3 session key packet names the key ID, a version 6 one the fingerprint.
        let handle = match container {
            Container::V1 => KeyHandle::from(receiver.key.keyid()),
            Container::V2(_) => KeyHandle::from(receiver.key.fingerprint()),
        };
        Recipient::new(features.clone(), handle, &receiver.key)
    });
    let encryptor = Encryptor::for_recipients(message, recipients);
    let encryptor = encryptor.symmetric_algo(SymmetricAlgorithm::AES256);
    match container {
        Container::V1 => encryptor.build(),
        Container::V2(aead) => encryptor.aead_algo(theirs(aead)).build(),
    }
}

fn theirs(aead: Aead) -> AEADAlgorithm {
    match aead {
        Aead::Ocb => AEADAlgorithm::OCB,
        Aead::Eax => AEADAlgorithm::EAX,
        Aead::Gcm => AEADAlgorithm::GCM,
    }
}

/// What a signature says that names the certificates of the recipients.
fn intended(keys: &[Receiver]) -> openpgp::Result<SignatureBuilder> {
    let named = keys.iter().map(|receiver| receiver.certificate.clone());
    let named: Vec<openpgp::Fingerprint> = named.collect();
    SignatureBuilder::new(SignatureType::Binary).set_intended_recipients(named)
}
