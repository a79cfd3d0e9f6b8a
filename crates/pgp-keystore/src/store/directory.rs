//! What accounts publish, and the one view of the store that belongs to no account: public certificates, by domain and hash.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use record_store::{Expect, Key, Prefix, Records};

use super::account::{TRIES, Writes};
use super::log::{Event, Note};
use super::rows::{Entry, Published};
use super::{Account, Offload, Store, StoreError};
use crate::custody::AccountId;
use crate::wkd::{self, Lookup, Request, Response, Wants};
use crate::{Address, Certificate, Fingerprint, Form, address};

/// Of its own, so that no account can have the name of it.
const NAMESPACE: &str = "pgp-keystore-directory";

/// Most addresses for which an account publishes a certificate.
pub const MAX_PUBLISHED: usize = 256;

/// What a commit does to the directory: a row, its octets or `None` to remove it, and how it was found.
pub(super) type Row = (Key, Option<Vec<u8>>, Expect);

/// What all accounts of a store publish, for a Web Key Directory. It reaches public certificates and nothing else.
///
/// ```
/// # use pgp_keystore::custody::{AccountId, Cost, Custody, Setup};
/// # use pgp_keystore::store::{Inline, Store};
/// # use pgp_keystore::{Generate, Passphrase, Profile, wkd};
/// # use std::time::{Duration, SystemTime};
/// # let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_793_491_200);
/// # pollster::block_on(async {
/// # let store = Store::new(record_store::Memory::new(), Inline);
/// # let ann = store.account(AccountId::new("ann")?);
/// # let passphrase = Passphrase::from("correct horse");
/// # ann.create(Setup::new().passphrase(passphrase.clone()).cost(Cost::LEAST), now).await?;
/// # let session = ann.unlock(&passphrase, Duration::from_secs(900), now).await?;
/// # let new = Generate::new(Profile::Modern, now).user_id("Ann <ann@example.org>");
/// # let key = ann.generate(&session, new, Custody::Passphrase, now).await?;
/// ann.publish(key, "ann@example.org", now).await?; // that the address is hers, you know
///
/// let path = format!("/.well-known/openpgpkey/hu/{}?l=ann", wkd::hash("ann"));
/// let request = wkd::parse("GET", "example.org", &path).unwrap();
/// let response = store.directory().serve(&request, now).await;
/// assert_eq!(response.status, 200);
/// # Ok::<(), pgp_keystore::store::StoreError>(()) }).unwrap();
/// ```
pub struct Directory<'a, R, O> {
    store: &'a Store<R, O>,
}

impl<R, O> fmt::Debug for Directory<'_, R, O> {
    /// Nothing of what it holds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory").finish_non_exhaustive()
    }
}

impl<R: Records, O: Offload> Store<R, O> {
    /// What all accounts publish.
    pub fn directory(&self) -> Directory<'_, R, O> {
        Directory { store: self }
    }
}

impl<R: Records, O: Offload> Directory<'_, R, O> {
    /// The octets for an address, by its domain and the [`wkd::hash`] of its local part: the certificate as small as can be,
    /// in binary, with the user IDs of this address and no other. If it is expired or revoked, it says so, and comes with all that
    /// its key has signed.
    ///
    /// # Errors
    ///
    /// [`StoreError::Records`], [`StoreError::Damaged`].
    pub async fn lookup(
        &self,
        domain: &str,
        hash: &str,
        now: SystemTime,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let (Some(domain), true) = (address::domain(domain), wkd::is_hash(hash)) else {
            return Ok(None);
        };
        let at = Key::new(NAMESPACE, (&*domain, hash))?;
        let Some(found) = self.store.records().get(&at, now).await? else {
            return Ok(None);
        };
        let entry = Entry::from_bytes(found.value()?)?;
        let what = "the directory";
        let damaged = |_| StoreError::Damaged { what };
        let account = AccountId::new(entry.account).map_err(|_| damaged(()))?;
        let address: Address = entry.address.parse().map_err(|_| damaged(()))?;
        let account = self.store.account(account);
        // Removed a moment ago, it is not there.
        let Some(row) = account.row(entry.certificate, now).await? else {
            return Ok(None);
        };
        let quotas = Arc::clone(self.store.quotas());
        account
            .run(move || octets(&row.certificate(&quotas.limits)?, &address, now))
            .await?
    }

    /// Whether something is published for a domain.
    ///
    /// # Errors
    ///
    /// [`StoreError::Records`].
    pub async fn has(&self, domain: &str, now: SystemTime) -> Result<bool, StoreError> {
        let Some(domain) = address::domain(domain) else {
            return Ok(false);
        };
        let prefix = Prefix::new(NAMESPACE, &*domain)?;
        let page = self.store.records().scan(&prefix, None, 1, now).await?;
        Ok(!page.entries.is_empty())
    }

    /// The whole answer to a request that [`wkd::parse`] has read: [`lookup`](Self::lookup) for a certificate, and an empty
    /// policy for a domain for which [something](Self::has) is published. A store that fails is status 503, never 404.
    pub async fn serve(&self, request: &Request, now: SystemTime) -> Response {
        let found = match (&request.method, &request.wants) {
            // Nothing has to be looked up for what is refused.
            (wkd::Method::Other, _) => Ok(None),
            (_, Wants::Key { domain, hash }) => self.lookup(domain, hash, now).await,
            (_, Wants::Policy { domain }) => {
                let has = self.has(domain, now).await;
                has.map(|has| has.then(Vec::new))
            }
            _ => Ok(None),
        };
        let lookup = match found {
            Ok(Some(octets)) => Lookup::Found(octets),
            Ok(None) => Lookup::Absent,
            Err(_) => Lookup::Unavailable,
        };
        wkd::respond(request, lookup)
    }
}

/// The pure core: what is given out.
fn octets(
    certificate: &Certificate,
    address: &Address,
    now: SystemTime,
) -> Result<Option<Vec<u8>>, StoreError> {
    // The user ID may have gone since.
    let Some(own) = certificate.for_address(address) else {
        return Ok(None);
    };
    let small = own.export_minimal(Some(&address.to_string()), now, Form::Binary);
    Ok(Some(match small {
        Ok(octets) => octets,
        // Those who have it are to learn that it is over.
        Err(_) => own.export(Form::Binary)?,
    }))
}

/// As it stands in the list and in the directory: one for all ways to write it that have the same hash.
fn canonical(text: &str) -> Result<Address, StoreError> {
    let wanted = "an address";
    let malformed = |_| StoreError::Core(crate::Error::Malformed { wanted });
    let lower = |address: Address| {
        let local = address.local_part().to_ascii_lowercase();
        format!("{local}@{}", address.domain()).parse()
    };
    text.parse().and_then(lower).map_err(malformed)
}

fn at(address: &Address) -> Result<Key, record_store::Error> {
    let hash = wkd::hash(address.local_part());
    Key::new(NAMESPACE, (address.domain(), &*hash))
}

impl<R: Records, O: Offload> Account<'_, R, O> {
    /// Publishes a certificate of the account for an address, in place of the one that the account published before. From
    /// then on everybody gets it from [`Store::directory`], as it is at that time, with the user IDs of this address only.
    ///
    /// **That the address belongs to the account is yours to know**: the first account that publishes for it has it until it
    /// [withdraws](Self::withdraw).
    ///
    /// # Errors
    ///
    /// [`StoreError::Exists`] if another account publishes for this address; [`StoreError::NoSuch`] if the certificate is not
    /// here; [`StoreError::Core`] for what is no address, and if no user ID of the certificate has it;
    /// [`StoreError::Full`] for more than [`MAX_PUBLISHED`]; [`StoreError::Records`], [`StoreError::Contended`].
    pub async fn publish(
        &self,
        certificate: Fingerprint,
        address: &str,
        now: SystemTime,
    ) -> Result<(), StoreError> {
        let address = canonical(address)?;
        let at = at(&address)?;
        for _ in 0..TRIES {
            let loaded = self.head(now).await?;
            let row = self.row(certificate, now).await?;
            let what = "certificate";
            let row = row.ok_or(StoreError::NoSuch { what })?;
            let (quotas, wanted) = (Arc::clone(self.store.quotas()), address.clone());
            let has = self.run(move || {
                let certificate = row.certificate(&quotas.limits)?;
                Ok::<_, StoreError>(certificate.for_address(&wanted).is_some())
            });
            if !has.await?? {
                let what = "user ID of this address";
                return Err(crate::Error::NoSuch { what }.into());
            }
            let found = self.own_row(&at, now).await?;
            let before = self.list_published(now).await?;
            let mut list = before.clone();
            list.set(&address.to_string(), Some(certificate));
            let entry = Entry {
                account: self.id().as_str().to_owned(),
                certificate,
                address: address.to_string(),
            };
            let expect = match found {
                Found::Others => {
                    let what = "an entry of another account";
                    return Err(StoreError::Exists { what });
                }
                Found::Own(is, _) if is == entry && list == before => return Ok(()),
                Found::Own(_, expect) => expect,
                Found::Nothing => Expect::Absent,
            };
            if list.0.len() > MAX_PUBLISHED {
                let what = "published addresses";
                return Err(StoreError::Full { what });
            }
            let writes = Writes {
                puts: vec![(self.keys.published()?, list.to_bytes())],
                directory: vec![(at.clone(), Some(entry.to_bytes()), expect)],
                notes: vec![Note::of(Event::Published, certificate).at(&entry.address)],
                ..Writes::default()
            };
            if self.commit(&loaded, writes, now).await? {
                return Ok(());
            }
        }
        Err(StoreError::Contended)
    }

    /// Publishes nothing for an address any more: it is free for others. Whether there was something.
    ///
    /// # Errors
    ///
    /// [`StoreError::Core`] for what is no address; [`StoreError::Records`], [`StoreError::Contended`].
    pub async fn withdraw(&self, address: &str, now: SystemTime) -> Result<bool, StoreError> {
        let address = canonical(address)?.to_string();
        for _ in 0..TRIES {
            let loaded = self.head(now).await?;
            let mut list = self.list_published(now).await?;
            let Some(certificate) = list.set(&address, None) else {
                return Ok(false);
            };
            let writes = Writes {
                puts: vec![(self.keys.published()?, list.to_bytes())],
                directory: self
                    .taken_back(&[(address.clone(), certificate)], now)
                    .await?,
                notes: vec![Note::of(Event::Withdrawn, certificate).at(&address)],
                ..Writes::default()
            };
            if self.commit(&loaded, writes, now).await? {
                return Ok(true);
            }
        }
        Err(StoreError::Contended)
    }

    /// What the account publishes: addresses, in lower case, and the certificate of each.
    ///
    /// # Errors
    ///
    /// [`StoreError::Records`], [`StoreError::Damaged`].
    pub async fn published(
        &self,
        now: SystemTime,
    ) -> Result<Vec<(String, Fingerprint)>, StoreError> {
        Ok(self.list_published(now).await?.0)
    }

    pub(super) async fn list_published(&self, now: SystemTime) -> Result<Published, StoreError> {
        let octets = self.load(&self.keys.published()?, now).await?;
        let list = octets.map(|octets| Published::from_bytes(&octets));
        Ok(list.transpose()?.unwrap_or_default())
    }

    /// What removes the rows of these addresses, as far as they are the account's.
    pub(super) async fn taken_back(
        &self,
        of: &[(String, Fingerprint)],
        now: SystemTime,
    ) -> Result<Vec<Row>, StoreError> {
        let mut rows = Vec::new();
        for (address, _) in of {
            let at = at(&canonical(address)?)?;
            match self.own_row(&at, now).await {
                Ok(Found::Own(_, expect)) => rows.push((at, None, expect)),
                // What is damaged is nobody's, and keeps nobody from removing what is theirs.
                Ok(_) | Err(StoreError::Damaged { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(rows)
    }

    async fn own_row(&self, at: &Key, now: SystemTime) -> Result<Found, StoreError> {
        let Some(found) = self.store.records().get(at, now).await? else {
            return Ok(Found::Nothing);
        };
        let entry = Entry::from_bytes(found.value()?)?;
        Ok(match entry.account == self.id().as_str() {
            true => Found::Own(entry, Expect::Version(found.version())),
            false => Found::Others,
        })
    }
}

/// What is in the directory for an address.
enum Found {
    Nothing,
    Own(Entry, Expect),
    Others,
}
