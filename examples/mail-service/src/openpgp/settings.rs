//! What an account has chosen. The record `("mail.openpgp", address)` holds the octet 1, 0 or 1 for incoming mail, and the
//! owner whose choice it is, in 16 octets: what an earlier owner of the address has chosen is not there for a later one.

use super::{Error, OpenPgp};
use crate::{accounts::Owner, config::Switch};
use record_store::{Commit, Expect, Key, Outcome, Records};
use std::time::SystemTime;

const NAMESPACE: &str = "mail.openpgp";
const FORMAT: u8 = 1;
const TRIES: usize = 3;

/// Where the choices of an account lie.
pub(crate) fn key(account: &str) -> Result<Key, record_store::Error> {
    Key::new(NAMESPACE, account)
}

impl OpenPgp {
    /// Whose key incoming mail for an account is encrypted to; none if it is stored as it comes.
    pub(crate) async fn incoming(
        &self,
        account: &str,
        now: SystemTime,
    ) -> Result<Option<Owner>, Error> {
        let Some(record) = self.records.get(&key(account)?, now).await? else {
            return Ok(None);
        };
        let (incoming, owner) = read(record.value()?).ok_or(Error::Damaged)?;
        Ok((incoming == Switch::On).then_some(owner))
    }

    pub(super) async fn set_incoming(
        &self,
        account: &str,
        owner: &Owner,
        incoming: Switch,
        now: SystemTime,
    ) -> Result<(), Error> {
        let mut value = vec![FORMAT, u8::from(incoming == Switch::On)];
        value.extend_from_slice(owner);
        for _ in 0..TRIES {
            // As long as the account has this owner: else nobody would clear it away.
            let Some((now_owner, place, version)) = self.accounts.owner(account, now).await? else {
                return Err(crate::AccountError::Missing.into());
            };
            if now_owner != *owner {
                return Err(Error::Raced);
            }
            let commit = Commit::new()
                .put(&key(account)?, &*value, Expect::Anything)
                .guard(&place, Expect::Version(version));
            if let Outcome::Committed(_) = self.records.commit(commit, now).await? {
                return Ok(());
            }
        }
        Err(Error::Raced)
    }
}

fn read(value: &[u8]) -> Option<(Switch, Owner)> {
    let (&FORMAT, rest) = value.split_first()? else {
        return None;
    };
    let (incoming, owner) = rest.split_first()?;
    let incoming = match incoming {
        0 => Switch::Off,
        1 => Switch::On,
        _ => return None,
    };
    Some((incoming, owner.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_whole_or_not_at_all() {
        let record = [&[FORMAT, 1][..], &[7; 16]].concat();
        assert_eq!(read(&record), Some((Switch::On, [7; 16])));
        for bad in [
            &record[..17],
            &[record.clone(), vec![0]].concat(),
            &[&[2][..], &record[1..]].concat(),
            &[&[FORMAT, 2][..], &[7; 16]].concat(),
            &[],
        ] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }
}
