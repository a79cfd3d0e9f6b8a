//! User IDs: add, revoke, choose the one to show.

use std::time::SystemTime;

use super::openpgp;
use openpgp::cert::UserIDRevocationBuilder;
use openpgp::cert::prelude::*;
use openpgp::packet::{Packet, UserID};
use openpgp::types::{ReasonForRevocation, SignatureType};

use super::edit::{direct_key, not_revoked, renewed};
use super::guard;
use super::revocation::check_words;
use super::{Unlocked, newest, owners_policy, refused, whole_seconds};
use crate::{Error, Limits};

const NO_SUCH: Error = Error::NoSuch {
    what: "valid user ID",
};

impl Unlocked {
    /// Adds a user ID, such as `Ann <ann@example.org>`. Which one is shown stays. One that was revoked comes back.
    ///
    /// # Errors
    ///
    /// [`Error::NoSecret`] without the primary secret; [`Error::Unusable`] if the key is revoked; [`Error::Limit`];
    /// [`Error::Unsupported`].
    pub fn add_user_id(&mut self, text: &str, now: SystemTime) -> Result<(), Error> {
        let doing = "adding a user ID";
        guard::doing(doing, || {
            let mut signer = self.primary_signer(doing)?;
            within(&[text.to_owned()], &Limits::default())?;
            let policy = owners_policy(now);
            let valid = self.valid(&policy, now)?;
            let user_id = UserID::from(text);
            let period = valid.primary_key().key_validity_period();
            let known = self.cert.userids().find(|u| u.userid() == &user_id);
            let last = known.and_then(|u| {
                newest(u.self_signatures())
                    .into_iter()
                    .chain(newest(u.self_revocations()))
                    .max()
            });
            let first = valid.userids().next().is_none();
            let at = whole_seconds(super::after(last, now))?;
            let binding = direct_key(&valid, period, now)?
                .set_type(SignatureType::PositiveCertification)
                .set_signature_creation_time(at)
                .and_then(|b| {
                    if first {
                        b.set_primary_userid(true)
                    } else {
                        Ok(b)
                    }
                })
                .and_then(|b| {
                    b.sign_userid_binding(&mut signer, valid.primary_key().key(), &user_id)
                })
                .map_err(refused(doing))?;
            self.insert(vec![Packet::from(user_id), binding.into()])
        })
    }

    /// Revokes a user ID, which stays visible as revoked.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuch`] if none that counts is exactly `text`; else as [`add_user_id`](Self::add_user_id).
    pub fn revoke_user_id(
        &mut self,
        text: &str,
        words: &str,
        now: SystemTime,
    ) -> Result<(), Error> {
        let doing = "revoking a user ID";
        guard::doing(doing, || {
            let mut signer = self.primary_signer(doing)?;
            check_words(words)?;
            let policy = owners_policy(now);
            let valid = self.valid(&policy, now)?;
            let wanted = UserID::from(text);
            let found = valid.userids().find(|u| u.userid() == &wanted);
            let found = found
                .filter(|u| not_revoked(&u.revocation_status()))
                .ok_or(NO_SUCH)?;
            let at = whole_seconds(now.max(newest(found.self_signatures()).unwrap_or(now)))?;
            let revocation = UserIDRevocationBuilder::new()
                .set_reason_for_revocation(ReasonForRevocation::UIDRetired, words.as_bytes())
                .and_then(|b| b.set_signature_creation_time(at))
                .and_then(|b| b.build(&mut signer, &self.cert, &wanted, None))
                .map_err(refused(doing))?;
            self.insert(vec![revocation.into()])
        })
    }

    /// Shows this user ID, and no other, where only one is shown.
    ///
    /// # Errors
    ///
    /// As [`revoke_user_id`](Self::revoke_user_id).
    pub fn set_primary_user_id(&mut self, text: &str, now: SystemTime) -> Result<(), Error> {
        let doing = "choosing the primary user ID";
        guard::doing(doing, || {
            let mut signer = self.primary_signer(doing)?;
            let policy = owners_policy(now);
            let valid = self.valid(&policy, now)?;
            let wanted = UserID::from(text);
            let live = || {
                valid
                    .userids()
                    .filter(|u| not_revoked(&u.revocation_status()))
            };
            if !live().any(|u| u.userid() == &wanted) {
                return Err(NO_SUCH);
            }
            let mut packets = Vec::new();
            for user_id in live() {
                let binding = user_id.binding_signature();
                let chosen = user_id.userid() == &wanted;
                if binding.primary_userid().unwrap_or(false) == chosen {
                    continue;
                }
                let signature = renewed(binding, newest(user_id.self_signatures()), now)?
                    .set_primary_userid(chosen)
                    .and_then(|b| {
                        let primary = valid.primary_key().key();
                        b.sign_userid_binding(&mut signer, primary, user_id.userid())
                    });
                packets.push(signature.map_err(refused(doing))?.into());
            }
            self.insert(packets)
        })
    }
}

pub(super) fn within(user_ids: &[String], limits: &Limits) -> Result<(), Error> {
    if user_ids.len() > limits.max_user_ids {
        return Err(Error::Limit {
            what: "user IDs",
            limit: limits.max_user_ids,
        });
    }
    match user_ids
        .iter()
        .any(|text| text.len() > limits.max_user_id - 8)
    {
        true => Err(Error::Limit {
            what: "octets of a user ID",
            limit: limits.max_user_id,
        }),
        false => Ok(()),
    }
}
