//! Certificates of others, and public parts of keys, merged with what is there.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::SystemTime;

use record_store::{Key, Records};

use super::account::{TRIES, Writes, grown};
use super::log::{Event, Note};
use super::rows::{CertRow, Head, Keys};
use super::{Account, Offload, Quotas, StoreError};
use crate::sequoia::{Kept, Read, import_each};
use crate::{Certificate, Error, Fingerprint, Limits, Refused};

/// Most rows of one commit, index and log included: less than a commit of the record-store may have, for certificates of
/// several chunks.
const MAX_ROWS: usize = 800;
/// Most octets of the certificates of one commit.
const MAX_OCTETS: usize = 1 << 20;

/// What became of an import.
#[non_exhaustive]
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Of each certificate that was taken.
    pub taken: Vec<Taken>,
    /// What was there and was not taken; [`Error::Limit`] if the quota is used up.
    pub refused: Vec<Refused>,
}

/// A certificate that is stored.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Which.
    pub certificate: Fingerprint,
    /// What was done with it.
    pub done: Done,
}

/// What was done with a certificate.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Done {
    /// It is new.
    Added,
    /// Something was new in it.
    Updated,
    /// It was known.
    Unchanged,
}

impl<R: Records, O: Offload> Account<'_, R, O> {
    /// Takes in all certificates that are there, armored or binary, one or many; what is known of them already is merged and
    /// stays. Of keys only the certificate is taken: see [`import_key`](Self::import_key).
    ///
    /// Certificates are committed in groups: after an error some are stored and some are not, and importing again does no
    /// harm.
    ///
    /// # Errors
    ///
    /// [`StoreError::Core`] if there is nothing in it, or too much in all; [`StoreError::Records`],
    /// [`StoreError::Contended`], [`StoreError::Damaged`].
    pub async fn import(&self, octets: Vec<u8>, now: SystemTime) -> Result<Report, StoreError> {
        let (keys, quotas) = (self.keys.clone(), Arc::clone(self.store.quotas()));
        let imported = self.run(move || all(&octets, &keys, &quotas.limits));
        let (groups, refused) = imported.await??;
        let mut report = Report {
            refused,
            ..Report::default()
        };
        for group in groups {
            self.take(group, &mut report, now).await?;
        }
        Ok(report)
    }

    /// One group, in one commit.
    async fn take(
        &self,
        group: Vec<New>,
        report: &mut Report,
        now: SystemTime,
    ) -> Result<(), StoreError> {
        let group = Arc::new(group);
        for _ in 0..TRIES {
            let loaded = self.head(now).await?;
            let mut rows = HashMap::new();
            for new in group.iter() {
                if let Some(row) = self.row(new.of, now).await? {
                    rows.insert(new.of, row);
                }
            }
            let (group, keys) = (Arc::clone(&group), self.keys.clone());
            let (quotas, head) = (Arc::clone(self.store.quotas()), loaded.head);
            let work = move || merged(&group, rows, head, &keys, &quotas);
            let (writes, told) = self.run(work).await??;
            let nothing = writes.puts.is_empty();
            if nothing || self.commit(&loaded, writes, now).await? {
                report.taken.extend(told.taken);
                report.refused.extend(told.refused);
                return Ok(());
            }
        }
        Err(StoreError::Contended)
    }
}

/// A certificate that came in, as it would be stored if nothing is known of it.
struct New {
    of: Fingerprint,
    octets: Vec<u8>,
    index: Vec<Key>,
}

impl New {
    fn read(read: Read, keys: &Keys) -> Result<Self, StoreError> {
        let Kept {
            octets, found_by, ..
        } = read.keep()?;
        let of = *found_by.fingerprints.first().ok_or(StoreError::Damaged {
            what: "a certificate",
        })?;
        let index = keys.index(of, &found_by)?;
        Ok(Self { of, octets, index })
    }
}

/// What is there: the keys first. Of each only that is held which a commit writes.
fn all(
    octets: &[u8],
    keys: &Keys,
    limits: &Limits,
) -> Result<(Vec<Vec<New>>, Vec<Refused>), StoreError> {
    let (mut own, mut others, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    let mut failed = None;
    import_each(octets, limits, &mut |found| match found {
        Ok(read) => {
            let to = match read.is_key() {
                true => &mut own,
                false => &mut others,
            };
            match New::read(read, keys) {
                Ok(new) => to.push(new),
                Err(error) => failed = failed.take().or(Some(error)),
            }
        }
        Err(one) => refused.push(one),
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    own.append(&mut others);
    Ok((groups(own), refused))
}

/// As many in each group as a commit holds; what is alone too much is a group by itself, and within a commit's limits by
/// those of a certificate.
fn groups(all: Vec<New>) -> Vec<Vec<New>> {
    let mut groups = Vec::new();
    let mut group = Vec::new();
    let (mut rows, mut octets) = (0, 0);
    for new in all {
        // The certificate, the entry in the log and the one that it pushes out, and the index.
        let (more, size) = (3 + new.index.len(), new.octets.len());
        if rows + more > MAX_ROWS || octets + size > MAX_OCTETS {
            groups.push(std::mem::take(&mut group));
            (rows, octets) = (0, 0);
        }
        (rows, octets) = (rows + more, octets + size);
        group.push(new);
    }
    groups.push(group);
    groups.retain(|group| !group.is_empty());
    groups
}

/// What is known and what came in, as it would be stored; the refusal, if both together are too much.
fn both(
    known: &CertRow,
    new: &New,
    keys: &Keys,
    limits: &Limits,
) -> Result<Result<New, Error>, StoreError> {
    let known = known.certificate(limits)?;
    let came = Certificate::parse_with(&new.octets, limits);
    let kept = match came.and_then(|came| known.keep_both(came, limits)) {
        Ok(kept) => kept,
        Err(error) => return Ok(Err(error)),
    };
    let index = keys.index(new.of, &kept.found_by)?;
    Ok(Ok(New {
        of: new.of,
        octets: kept.octets,
        index,
    }))
}

/// The pure core: what is there, and what came in.
fn merged(
    group: &[New],
    mut rows: HashMap<Fingerprint, CertRow>,
    head: Head,
    keys: &Keys,
    quotas: &Quotas,
) -> Result<(Writes, Report), StoreError> {
    let (mut writes, mut report) = (Writes::default(), Report::default());
    let mut changed: HashSet<Fingerprint> = HashSet::new();
    for new in group {
        let of = new.of;
        let refuse = |error| Refused {
            fingerprint: Some(of),
            error,
        };
        let before = rows.get(&of);
        let merged = match before {
            // Whatever is new in it shall not be lost, so it is compared octet by octet.
            Some(row) if row.octets != new.octets => match both(row, new, keys, &quotas.limits)? {
                Ok(both) => Some(both),
                Err(error) => {
                    report.refused.push(refuse(error));
                    continue;
                }
            },
            _ => None,
        };
        let new = merged.as_ref().unwrap_or(new);
        let done = match before {
            None => Done::Added,
            Some(row) if row.octets == new.octets => Done::Unchanged,
            Some(_) => Done::Updated,
        };
        let taken = Taken {
            certificate: of,
            done,
        };
        if done == Done::Unchanged {
            report.taken.push(taken);
            continue;
        }
        let more = i64::from(before.is_none());
        let octets = difference(new.octets.len(), before.map_or(0, |row| row.octets.len()));
        let (all, sum) = (writes.certificates + more, writes.octets + octets);
        if grown(head, all, sum, quotas).is_none() {
            report.refused.push(refuse(Error::Limit {
                what: "certificates or octets of an account",
                limit: usize::try_from(quotas.max_certificates).unwrap_or(usize::MAX),
            }));
            continue;
        }
        (writes.certificates, writes.octets) = (all, sum);
        let row = CertRow {
            secrets: before.map_or(0, |row| row.secrets),
            octets: new.octets.clone(),
        };
        let at = keys.cert(of)?;
        if !changed.insert(of) {
            put(&mut writes, at, &new.index, &row);
        } else {
            // Each key ends in this fingerprint, so there is nothing to look for.
            writes.puts.push((at, row.to_bytes()));
            let index = new.index.iter().map(|key| (key.clone(), Vec::new()));
            writes.puts.extend(index);
            let event = match done {
                Done::Added => Event::Imported,
                _ => Event::Updated,
            };
            writes.notes.push(Note::of(event, of));
        }
        rows.insert(of, row);
        report.taken.push(taken);
    }
    Ok((writes, report))
}

/// A certificate with its index. Where it was put before in the same change, it is put anew.
pub(super) fn put(writes: &mut Writes, at: Key, index: &[Key], row: &CertRow) {
    let index = index.iter().map(|key| (key.clone(), Vec::new()));
    for (key, value) in std::iter::once((at, row.to_bytes())).chain(index) {
        match writes.puts.iter_mut().find(|(known, _)| *known == key) {
            Some((_, before)) => *before = value,
            None => writes.puts.push((key, value)),
        }
    }
}

pub(super) fn difference(now: usize, before: usize) -> i64 {
    let signed = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    signed(now).saturating_sub(signed(before))
}
