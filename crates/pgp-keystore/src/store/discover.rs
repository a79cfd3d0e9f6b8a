//! An account looks for certificates of others, and for news of those that it has.

use std::time::SystemTime;

use record_store::Records;

use super::{Account, Offload, Report as Imported, StoreError};
use crate::discovery::{
    Authority, Fetch, Refresh, Refreshed, Report, Search, Sources, Verdict, fetched,
};
use crate::{Address, Fingerprint, Form, Pin, Standing, Use};

/// What became of a look for the certificate of an address.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Discovered {
    /// What the account makes of it.
    pub outcome: Outcome,
    /// Who was asked, and what they said; `None` if nobody was, since the pinned certificate can be used.
    pub report: Option<Report>,
}

/// What the account makes of it.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A certificate is pinned, and can be used: nobody was asked.
    Pinned(Pin),
    /// The certificate was taken into the account, and met: pinned if it is the first; if another one is pinned, that stays, and
    /// [`Standing::is_alarm`] says it.
    Met {
        /// Which.
        certificate: Fingerprint,
        /// How it stands to what is pinned.
        standing: Standing,
    },
    /// What was found was taken in, but none of it can be used: it is expired or revoked. Nothing was pinned.
    Unusable,
    /// Something was found, and nothing was taken in: nobody vouches for it ([`Authority::Anybody`]), or a stronger source had
    /// failed. The user has to compare fingerprints; then [`Account::import`] and [`Account::set_trust`] take it.
    Unconfirmed,
    /// There is none.
    NotFound,
    /// Nobody knows: a source failed. Later, perhaps.
    Undecided,
}

impl<R: Records, O: Offload> Account<'_, R, O> {
    /// Finds the certificate of an address: the pinned one, if it can be used, and nobody is asked; else in these sources, by the
    /// order of [`discovery`](crate::discovery). What is found is taken in with the user IDs of the address only, and
    /// [met](Self::meet): the first is pinned, another one raises the alarm.
    ///
    /// # Errors
    ///
    /// [`StoreError::Core`] for what is no address, and if what was found does not fit into the account;
    /// [`StoreError::Full`], [`StoreError::Records`], [`StoreError::Contended`].
    pub async fn discover(
        &self,
        address: &str,
        sources: &Sources,
        fetch: &impl Fetch,
        now: SystemTime,
    ) -> Result<Discovered, StoreError> {
        let wanted: Address = parse(address)?;
        if let Some(pin) = self.pin(&wanted.to_string(), now).await?
            && self.can_encrypt(pin.certificate, now).await?
        {
            return Ok(Discovered {
                outcome: Outcome::Pinned(pin),
                report: None,
            });
        }
        self.rediscover(address, sources, fetch, now).await
    }

    /// As [`discover`](Self::discover), whatever is pinned: to learn whether the address has another certificate by now.
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn rediscover(
        &self,
        address: &str,
        sources: &Sources,
        fetch: &impl Fetch,
        now: SystemTime,
    ) -> Result<Discovered, StoreError> {
        let mut search = Search::new(parse(address)?, sources);
        while let Some(need) = search.need() {
            let answer = fetched(fetch, &need).await;
            let work = move || {
                search.answer(answer, now);
                search
            };
            search = self.run(work).await?;
        }
        let report = search.finish();
        let outcome = self.taken(&report, now).await?;
        Ok(Discovered {
            outcome,
            report: Some(report),
        })
    }

    async fn taken(&self, report: &Report, now: SystemTime) -> Result<Outcome, StoreError> {
        match (report.verdict, report.authority()) {
            (Verdict::NotFound, _) => return Ok(Outcome::NotFound),
            (Verdict::Undecided, _) => return Ok(Outcome::Undecided),
            (Verdict::FoundDespite, _) | (_, None | Some(Authority::Anybody)) => {
                return Ok(Outcome::Unconfirmed);
            }
            (Verdict::Found, Some(Authority::Checked | Authority::Domain)) => {}
        }
        let mut octets = Vec::new();
        for found in &report.found {
            octets.extend(found.certificate.export(Form::Binary)?);
        }
        let imported = self.import(octets, now).await?;
        let Some(best) = report.best() else {
            return Ok(Outcome::Unusable);
        };
        let certificate = best.certificate.fingerprint();
        all_in(&imported, certificate)?;
        let address = report.address.to_string();
        let standing = self.meet(&address, certificate, now).await?;
        Ok(Outcome::Met {
            certificate,
            standing,
        })
    }

    /// Asks all key servers for news of a certificate of the account, and merges what they have: a revocation arrives, and
    /// nothing is replaced.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSuch`]; [`StoreError::Core`] if both together are too large; [`StoreError::Records`],
    /// [`StoreError::Contended`].
    pub async fn refresh(
        &self,
        certificate: Fingerprint,
        sources: &Sources,
        fetch: &impl Fetch,
        now: SystemTime,
    ) -> Result<Refreshed, StoreError> {
        let what = "certificate";
        let row = self.row(certificate, now).await?;
        row.ok_or(StoreError::NoSuch { what })?;
        let mut refresh = Refresh::new(certificate, sources);
        while let Some(need) = refresh.need() {
            let answer = fetched(fetch, &need).await;
            let work = move || {
                refresh.answer(answer, now);
                refresh
            };
            refresh = self.run(work).await?;
        }
        let refreshed = refresh.finish();
        if let Some(found) = &refreshed.certificate {
            let imported = self.import(found.export(Form::Binary)?, now).await?;
            all_in(&imported, certificate)?;
        }
        Ok(refreshed)
    }

    async fn can_encrypt(&self, of: Fingerprint, now: SystemTime) -> Result<bool, StoreError> {
        let Some(certificate) = self.certificate(of, now).await? else {
            return Ok(false);
        };
        self.run(move || certificate.at(now).keys_for(Use::Encrypt).next().is_some())
            .await
    }
}

/// Quotas and limits are the account's: what does not fit is an error, and not a certificate that is not there.
fn all_in(imported: &Imported, certificate: Fingerprint) -> Result<(), StoreError> {
    let is = |of: Option<Fingerprint>| of == Some(certificate);
    match imported.refused.iter().find(|r| is(r.fingerprint)) {
        Some(refused) => Err(refused.error.clone().into()),
        None => Ok(()),
    }
}

fn parse(address: &str) -> Result<Address, StoreError> {
    let wanted = "an address";
    let malformed = |_| StoreError::Core(crate::Error::Malformed { wanted });
    address.parse().map_err(malformed)
}
