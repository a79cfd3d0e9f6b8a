//! Certificates of others, and public parts of keys, merged with what is there.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use record_store::Records;

use super::account::{TRIES, Writes, grown};
use super::log::{Event, Note};
use super::rows::{CertRow, Head, Keys};
use super::{Account, Offload, Quotas, StoreError};
use crate::{Certificate, Error, Fingerprint, Refused, import};

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
        let quotas = Arc::clone(self.store.quotas());
        let imported = self.run(move || {
            let imported = import(&octets, &quotas.limits)?;
            let keys = imported.keys.iter().map(crate::Key::certificate);
            let all: Vec<Certificate> = keys.chain(imported.certificates).collect();
            Ok::<_, StoreError>((groups(all)?, imported.refused))
        });
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
        group: Vec<Certificate>,
        report: &mut Report,
        now: SystemTime,
    ) -> Result<(), StoreError> {
        let group = Arc::new(group);
        for _ in 0..TRIES {
            let loaded = self.head(now).await?;
            let mut rows = HashMap::new();
            for certificate in group.iter() {
                let of = certificate.fingerprint();
                if let Some(row) = self.row(of, now).await? {
                    rows.insert(of, row);
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

/// As many in each group as a commit holds; what is alone too much is a group by itself, and within a commit's limits by
/// those of a certificate.
fn groups(all: Vec<Certificate>) -> Result<Vec<Vec<Certificate>>, StoreError> {
    let mut groups = Vec::new();
    let mut group = Vec::new();
    let (mut rows, mut octets) = (0, 0);
    for certificate in all {
        // The certificate, the entry in the log and the one that it pushes out, and the index.
        let index = certificate.fingerprints().count() + certificate.claimed_addresses().len();
        let (more, size) = (3 + index, CertRow::new(&certificate, 0)?.octets.len());
        if rows + more > MAX_ROWS || octets + size > MAX_OCTETS {
            groups.push(std::mem::take(&mut group));
            (rows, octets) = (0, 0);
        }
        (rows, octets) = (rows + more, octets + size);
        group.push(certificate);
    }
    groups.push(group);
    groups.retain(|group| !group.is_empty());
    Ok(groups)
}

/// The pure core: what is there, and what came in.
fn merged(
    group: &[Certificate],
    mut rows: HashMap<Fingerprint, CertRow>,
    head: Head,
    keys: &Keys,
    quotas: &Quotas,
) -> Result<(Writes, Report), StoreError> {
    let (mut writes, mut report) = (Writes::default(), Report::default());
    let mut changed: Vec<Fingerprint> = Vec::new();
    for new in group {
        let of = new.fingerprint();
        let refuse = |error| Refused {
            fingerprint: Some(of),
            error,
        };
        let before = rows.get(&of);
        let (certificate, done) = match before {
            None => (new.clone(), Done::Added),
            Some(row) => {
                let known = row.certificate(&quotas.limits)?;
                let both = known.merge_with(new, &quotas.limits);
                match both {
                    // Octet by octet: whatever is new in it shall not be lost.
                    Ok(both) if CertRow::new(&both, 0)?.octets == row.octets => {
                        (known, Done::Unchanged)
                    }
                    Ok(both) => (both, Done::Updated),
                    Err(error) => {
                        report.refused.push(refuse(error));
                        continue;
                    }
                }
            }
        };
        let taken = Taken {
            certificate: of,
            done,
        };
        if done == Done::Unchanged {
            report.taken.push(taken);
            continue;
        }
        let row = CertRow::new(&certificate, before.map_or(0, |row| row.secrets))?;
        let more = i64::from(before.is_none());
        let octets = difference(row.octets.len(), before.map_or(0, |row| row.octets.len()));
        let (all, sum) = (writes.certificates + more, writes.octets + octets);
        if grown(head, all, sum, quotas).is_none() {
            report.refused.push(refuse(Error::Limit {
                what: "certificates or octets of an account",
                limit: usize::try_from(quotas.max_certificates).unwrap_or(usize::MAX),
            }));
            continue;
        }
        (writes.certificates, writes.octets) = (all, sum);
        put(&mut writes, keys, &certificate, &row)?;
        if !changed.contains(&of) {
            let event = match done {
                Done::Added => Event::Imported,
                _ => Event::Updated,
            };
            writes.notes.push(Note::of(event, of));
            changed.push(of);
        }
        rows.insert(of, row);
        report.taken.push(taken);
    }
    Ok((writes, report))
}

/// A certificate with its index. Where it was put before in the same change, it is put anew.
pub(super) fn put(
    writes: &mut Writes,
    keys: &Keys,
    certificate: &Certificate,
    row: &CertRow,
) -> Result<(), StoreError> {
    let at = keys.cert(certificate.fingerprint())?;
    let index = keys.index(certificate)?;
    let rows = index.into_iter().map(|key| (key, Vec::new()));
    for (key, value) in std::iter::once((at, row.to_bytes())).chain(rows) {
        match writes.puts.iter_mut().find(|(known, _)| *known == key) {
            Some((_, before)) => *before = value,
            None => writes.puts.push((key, value)),
        }
    }
    Ok(())
}

pub(super) fn difference(now: usize, before: usize) -> i64 {
    let signed = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    signed(now).saturating_sub(signed(before))
}
