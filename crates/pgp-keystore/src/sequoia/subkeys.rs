//! Subkeys: add, rotate, revoke.

use std::time::SystemTime;

use super::openpgp;
use openpgp::cert::SubkeyRevocationBuilder;
use openpgp::cert::prelude::*;
use openpgp::types::KeyFlags;

use super::capability::suite;
use super::edit::not_revoked;
use super::guard;
use super::revocation::{check_words, code};
use super::{
    Unlocked, after, fingerprint_of, newest, owners_policy, refused, supports, validity,
    whole_seconds,
};
use crate::{Capability, Error, Fingerprint, Profile, RevocationReason, Use};

impl Unlocked {
    /// Adds a subkey with the algorithms of a profile, in the version of the primary key. A subkey that signs signs the
    /// primary key in its turn.
    ///
    /// # Errors
    ///
    /// [`Error::NoSecret`] without the primary secret; [`Error::Unusable`] if the key is revoked; [`Error::Time`];
    /// [`Error::Unsupported`]; [`Error::Refused`] for [`Use::Certify`], and for algorithms that this version of keys does
    /// not have.
    pub fn add_subkey(
        &mut self,
        purpose: Use,
        profile: Profile,
        expires: Option<SystemTime>,
        now: SystemTime,
    ) -> Result<Fingerprint, Error> {
        let doing = "adding a subkey";
        guard::doing(doing, || {
            let flags = match purpose {
                Use::Sign => KeyFlags::empty().set_signing(),
                Use::Encrypt => KeyFlags::empty()
                    .set_transport_encryption()
                    .set_storage_encryption(),
                Use::Authenticate => KeyFlags::empty().set_authentication(),
                Use::Certify => return Err(Error::Refused { doing }),
            };
            supports(Capability::Generate(profile))?;
            let signer = self.primary_signer(doing)?;
            let policy = owners_policy(now);
            let valid = self.valid(&policy, now)?;
            let created =
                whole_seconds(after(None, now).max(valid.primary_key().key().creation_time()))?;
            let builder = KeyBuilder::new(flags)
                .set_cipher_suite(suite(profile))
                .set_creation_time(created)
                .subkey(valid)
                .and_then(|b| b.set_signature_creation_time(created))
                .map_err(refused(doing))?;
            let fingerprint = fingerprint_of(builder.key());
            let packets = builder
                .set_key_validity_period(validity(created, expires)?)
                .map(|b| b.set_primary_key_signer(signer))
                .and_then(SubkeyBuilder::attach)
                .map_err(refused(doing))?;
            self.insert(packets)?;
            Ok(fingerprint)
        })
    }

    /// Adds a subkey, and revokes those that had its use as superseded: others encrypt to the new one from now on, and what
    /// was encrypted to the old ones can still be decrypted.
    ///
    /// # Errors
    ///
    /// As [`add_subkey`](Self::add_subkey).
    pub fn rotate_subkey(
        &mut self,
        purpose: Use,
        profile: Profile,
        expires: Option<SystemTime>,
        now: SystemTime,
    ) -> Result<Fingerprint, Error> {
        let view = self.at(now);
        let old = view
            .keys
            .iter()
            .skip(1)
            .filter(|key| key.uses.contains(&purpose));
        let old: Vec<Fingerprint> = old.map(|key| key.fingerprint).collect();
        let new = self.add_subkey(purpose, profile, expires, now)?;
        for fingerprint in old {
            match self.revoke_subkey(fingerprint, RevocationReason::Superseded, "rotated", now) {
                // Revoked already.
                Ok(()) | Err(Error::NoSuch { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(new)
    }

    /// Revokes one subkey.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuch`] if there is none that counts with this fingerprint; else as [`add_subkey`](Self::add_subkey).
    pub fn revoke_subkey(
        &mut self,
        fingerprint: Fingerprint,
        why: RevocationReason,
        words: &str,
        now: SystemTime,
    ) -> Result<(), Error> {
        let doing = "revoking a subkey";
        guard::doing(doing, || {
            let mut signer = self.primary_signer(doing)?;
            check_words(words)?;
            let policy = owners_policy(now);
            let valid = self.valid(&policy, now)?;
            let mut subkeys = valid.keys().subkeys();
            let found = subkeys.find(|key| fingerprint_of(key.key()) == fingerprint);
            let found = found.filter(|key| not_revoked(&key.revocation_status()));
            let found = found.ok_or(Error::NoSuch {
                what: "valid subkey",
            })?;
            let at = whole_seconds(now.max(newest(found.self_signatures()).unwrap_or(now)))?;
            let revocation = SubkeyRevocationBuilder::new()
                .set_reason_for_revocation(code(why), words.as_bytes())
                .and_then(|b| b.set_signature_creation_time(at))
                .and_then(|b| b.build(&mut signer, &self.cert, found.key(), None))
                .map_err(refused(doing))?;
            self.insert(vec![revocation.into()])
        })
    }
}
