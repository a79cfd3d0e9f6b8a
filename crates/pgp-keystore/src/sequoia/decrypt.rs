//! Decryption that releases nothing before it has all, unchanged.

use std::time::SystemTime;

use super::openpgp;
use openpgp::crypto::SessionKey;
use openpgp::packet::{PKESK, Packet, SKESK};
use openpgp::parse::stream::{
    DecryptionHelper, DecryptorBuilder, MessageLayer, MessageStructure, VerificationHelper,
};
use openpgp::parse::{PacketParser, Parse};
use openpgp::types::{AEADAlgorithm, SymmetricAlgorithm};
use openpgp::{Cert, KeyHandle};
use zeroize::Zeroizing;

use super::guard::{self, guarded};
use super::judge::Judge;
use super::key::keypair;
use super::verify::{TooMany, count, over, read, size};
use super::{Certificate, Unlocked, fingerprint_of, policy};
use crate::{
    Aead, Capability, Container, Error, Fingerprint, Limits, Opened, Unsupported,
    UnsupportedReason, Verification,
};

const MESSAGE: &str = "an encrypted message";

/// Decrypts a message with any of `keys`: their revoked and expired subkeys, too, as old mail stays readable. Its
/// signatures are judged with `certificates`, at `now` and under the policy of that date.
///
/// The content is held back until the last octet is there and its integrity is proven; what fails gives an error and no
/// part of it.
///
/// # Errors
///
/// [`Error::Undecryptable`] if no key fits or the message was changed, which are not told apart;
/// [`Error::NotEncrypted`]; [`Error::Malformed`] for what is no message at all; [`Error::Limit`];
/// [`Error::Unsupported`] where this build lacks the mode, or must not use the fitting secret key.
pub fn decrypt(
    message: &[u8],
    keys: &[&Unlocked],
    certificates: &[&Certificate],
    now: SystemTime,
    limits: &Limits,
) -> Result<Opened, Error> {
    size(message.len(), limits)?;
    let policy = policy(now);
    let judge = Judge { certificates, now };
    let Some(message) = guard::dearmored(message) else {
        return Err(Error::Malformed { wanted: MESSAGE });
    };
    if guard::is_stump(&message) {
        return Err(Error::Undecryptable);
    }
    let mut seen = Seen::default();
    let helper = Helper {
        judge,
        keys,
        limits,
        signatures: 0,
        result: None,
        seen: &mut seen,
    };
    let opened = guarded(MESSAGE, || open(&message, &policy, helper, now, limits));
    match opened {
        Ok(Some(opened)) => Ok(opened),
        // Whatever the library broke on, it is not told what that was.
        Ok(None) | Err(Error::Malformed { .. }) => Err(seen.why()),
        Err(error) => Err(error),
    }
}

fn open(
    message: &[u8],
    policy: &dyn openpgp::policy::Policy,
    helper: Helper<'_, '_>,
    now: SystemTime,
    limits: &Limits,
) -> Result<Option<Opened>, Error> {
    let decryptor = DecryptorBuilder::from_bytes(message);
    let decryptor = decryptor.and_then(|builder| builder.with_policy(policy, now, helper));
    let mut decryptor = match decryptor {
        Ok(decryptor) => decryptor,
        Err(error) => {
            if let Some(unsupported) = unsupported(&error) {
                return Err(unsupported.into());
            }
            return over(&error).map_or(Ok(None), Err);
        }
    };
    let Some(content) = read(&mut decryptor, limits)?.map(Zeroizing::new) else {
        return Ok(None);
    };
    let helper = decryptor.into_helper();
    let Some((verification, container)) = helper.result else {
        return Ok(None);
    };
    let Some(by) = helper.seen.opened_by else {
        return Ok(None);
    };
    Ok(Some(Opened {
        content,
        verification,
        container,
        by,
    }))
}

/// What was seen on the way, for an error that says no more than it may.
#[derive(Debug, Default)]
struct Seen {
    /// A packet that only encrypted messages have.
    encrypted: bool,
    /// Any packet.
    packet: bool,
    opened_by: Option<(Fingerprint, Fingerprint)>,
    /// A key would fit, but this build must not use it.
    blocked: Option<Unsupported>,
}

impl Seen {
    fn why(&self) -> Error {
        match (self.blocked, self.encrypted, self.packet) {
            (Some(blocked), ..) if self.opened_by.is_none() => blocked.into(),
            (_, true, _) => Error::Undecryptable,
            (_, false, true) => Error::NotEncrypted,
            (_, false, false) => Error::Malformed { wanted: MESSAGE },
        }
    }
}

struct Helper<'a, 's> {
    judge: Judge<'a>,
    keys: &'a [&'a Unlocked],
    limits: &'a Limits,
    signatures: usize,
    result: Option<(Verification, Container)>,
    seen: &'s mut Seen,
}

impl VerificationHelper for Helper<'_, '_> {
    fn inspect(&mut self, parser: &PacketParser<'_>) -> openpgp::Result<()> {
        self.seen.packet = true;
        self.seen.encrypted |= matches!(
            parser.packet,
            Packet::SEIP(_) | Packet::PKESK(_) | Packet::SKESK(_)
        );
        count(
            &parser.packet,
            &mut self.signatures,
            self.limits.max_message_signatures,
        )
    }

    fn get_certs(&mut self, _: &[KeyHandle]) -> openpgp::Result<Vec<Cert>> {
        // See `judge`.
        Ok(Vec::new())
    }

    fn check(&mut self, structure: MessageStructure<'_>) -> openpgp::Result<()> {
        let mut containers = structure.iter().filter_map(|layer| match layer {
            MessageLayer::Encryption {
                aead_algo: None, ..
            } => Some(Container::V1),
            MessageLayer::Encryption {
                aead_algo: Some(aead),
                ..
            } => ours(*aead).map(Container::V2),
            _ => None,
        });
        if let Some(container) = containers.next() {
            let by = self.seen.opened_by.map(|(certificate, _)| certificate);
            self.result = Some((self.judge.structure(&structure, by), container));
        }
        Ok(())
    }
}

impl DecryptionHelper for Helper<'_, '_> {
    fn decrypt(
        &mut self,
        pkesks: &[PKESK],
        _: &[SKESK],
        algorithm: Option<SymmetricAlgorithm>,
        decrypt: &mut dyn FnMut(Option<SymmetricAlgorithm>, &SessionKey) -> bool,
    ) -> openpgp::Result<Option<Cert>> {
        let mut tries = 0;
        // Those that name a key of ours, then those that name none.
        let (named, hidden): (Vec<&PKESK>, Vec<&PKESK>) =
            pkesks.iter().partition(|pkesk| pkesk.recipient().is_some());
        for pkesk in named.into_iter().chain(hidden) {
            let wanted = pkesk.recipient();
            for key in self.keys {
                for component in key.cert.keys() {
                    let bare = component.key();
                    let fits = wanted.as_ref().is_none_or(|w| w.aliases(bare.key_handle()));
                    if !fits
                        || bare.pk_algo() != pkesk.pk_algo()
                        || !bare.pk_algo().for_encryption()
                    {
                        continue;
                    }
                    tries += 1;
                    let limit = self.limits.max_session_keys;
                    if tries > limit {
                        let what = "session keys of a message";
                        return Err(TooMany(Error::Limit { what, limit }).into());
                    }
                    let mut pair = match keypair(bare, "decrypting") {
                        Ok(pair) => pair,
                        Err(Error::Unsupported(unsupported)) => {
                            self.seen.blocked = Some(unsupported);
                            continue;
                        }
                        Err(_) => continue,
                    };
                    let by = (key.fingerprint(), fingerprint_of(bare));
                    let session = pkesk.decrypt(&mut pair, algorithm);
                    if session.is_some_and(|(algorithm, session)| decrypt(algorithm, &session)) {
                        self.seen.opened_by = Some(by);
                        return Ok(None);
                    }
                }
            }
        }
        Err(openpgp::Error::MissingSessionKey("none".into()).into())
    }
}

fn ours(aead: AEADAlgorithm) -> Option<Aead> {
    match aead {
        AEADAlgorithm::OCB => Some(Aead::Ocb),
        AEADAlgorithm::EAX => Some(Aead::Eax),
        AEADAlgorithm::GCM => Some(Aead::Gcm),
        _ => None,
    }
}

/// The mode of a container is no secret.
fn unsupported(error: &openpgp::anyhow::Error) -> Option<Unsupported> {
    let theirs = error
        .chain()
        .find_map(|e| e.downcast_ref::<openpgp::Error>());
    match theirs {
        Some(openpgp::Error::UnsupportedAEADAlgorithm(aead)) => ours(*aead)
            .map(|aead| Unsupported::new(Capability::Aead(aead), UnsupportedReason::Missing)),
        _ => None,
    }
}
