//! The records of an account: their keys, and how each is written down. Each value begins with its format, 1.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use record_store::{Key, Prefix};

use super::StoreError;
use crate::custody::AccountId;
use crate::octets::{Reader, Writer};
use crate::sequoia::FoundBy;
use crate::{Certificate, Fingerprint, KeyId, Limits, MAX_ALARMS, Pin, Trust, Use};

const NAMESPACE: &str = "pgp-keystore";
const FORMAT: u8 = 1;
/// Longer addresses are not indexed (RFC 5321 §4.5.3.1: 64 octets, the at sign, 255 octets).
pub(super) const MAX_ADDRESS: usize = 320;
/// Most defaults of an account.
pub(super) const MAX_DEFAULTS: usize = 256;

type Made = Result<Key, record_store::Error>;

/// The names of an account's records.
#[derive(Clone)]
pub(super) struct Keys(AccountId);

impl Keys {
    pub(super) fn new(account: AccountId) -> Self {
        Self(account)
    }

    pub(super) fn account(&self) -> &AccountId {
        &self.0
    }

    fn name(&self) -> &str {
        self.0.as_str()
    }

    pub(super) fn head(&self) -> Made {
        Key::new(NAMESPACE, (self.name(), "head"))
    }

    pub(super) fn vault(&self) -> Made {
        Key::new(NAMESPACE, (self.name(), "vault"))
    }

    pub(super) fn defaults(&self) -> Made {
        Key::new(NAMESPACE, (self.name(), "defaults"))
    }

    pub(super) fn cert(&self, of: Fingerprint) -> Made {
        Key::new(NAMESPACE, (self.name(), "cert", of.as_bytes()))
    }

    pub(super) fn secret(&self, of: Fingerprint) -> Made {
        Key::new(NAMESPACE, (self.name(), "secret", of.as_bytes()))
    }

    pub(super) fn stubs(&self, of: Fingerprint) -> Made {
        Key::new(NAMESPACE, (self.name(), "stubs", of.as_bytes()))
    }

    pub(super) fn revocation(&self, of: Fingerprint) -> Made {
        Key::new(NAMESPACE, (self.name(), "revocation", of.as_bytes()))
    }

    pub(super) fn peer(&self, address: &str) -> Made {
        Key::new(NAMESPACE, (self.name(), "peer", address))
    }

    pub(super) fn published(&self) -> Made {
        Key::new(NAMESPACE, (self.name(), "published"))
    }

    pub(super) fn log(&self, number: u64) -> Made {
        Key::new(NAMESPACE, (self.name(), "log", number))
    }

    fn address(&self, address: &str, of: Fingerprint) -> Made {
        Key::new(NAMESPACE, (self.name(), "address", address, of.as_bytes()))
    }

    fn component(&self, component: Fingerprint, of: Fingerprint) -> Made {
        let id = component.key_id();
        let parts = (
            self.name(),
            "key",
            *id.as_bytes(),
            component.as_bytes(),
            of.as_bytes(),
        );
        Key::new(NAMESPACE, parts)
    }

    pub(super) fn by_address(&self, address: &str) -> Result<Prefix, record_store::Error> {
        Prefix::new(NAMESPACE, (self.name(), "address", address))
    }

    pub(super) fn by_key_id(&self, id: KeyId) -> Result<Prefix, record_store::Error> {
        Prefix::new(NAMESPACE, (self.name(), "key", *id.as_bytes()))
    }

    pub(super) fn everything(&self) -> Result<Prefix, record_store::Error> {
        Prefix::new(NAMESPACE, self.name())
    }

    pub(super) fn all(&self, kind: &str) -> Result<Prefix, record_store::Error> {
        Prefix::new(NAMESPACE, (self.name(), kind))
    }

    /// Where a certificate is found: under each address and each of its keys.
    pub(super) fn index(
        &self,
        of: Fingerprint,
        by: &FoundBy,
    ) -> Result<Vec<Key>, record_store::Error> {
        let short = by.addresses.iter().filter(|a| a.len() <= MAX_ADDRESS);
        let by_address = short.map(|address| self.address(address, of));
        let by_key = by.fingerprints.iter().map(|key| self.component(*key, of));
        let mut all: Vec<Key> = by_address.chain(by_key).collect::<Result<_, _>>()?;
        // A primary key may be a subkey of itself.
        all.sort_unstable();
        all.dedup();
        Ok(all)
    }
}

/// The fingerprint that a key ends in.
pub(super) fn last_fingerprint(key: &Key) -> Option<Fingerprint> {
    Fingerprint::from_bytes(key.parts().last()?.bytes()).ok()
}

/// The component's and the certificate's fingerprint in a row of the index by key ID.
pub(super) fn component_of(key: &Key) -> Option<(Fingerprint, Fingerprint)> {
    let mut parts = key.parts().skip(3);
    let component = Fingerprint::from_bytes(parts.next()?.bytes()).ok()?;
    Some((
        component,
        Fingerprint::from_bytes(parts.next()?.bytes()).ok()?,
    ))
}

fn damaged(what: &'static str) -> StoreError {
    StoreError::Damaged { what }
}

/// The reader behind the format.
fn begin<'a>(octets: &'a [u8], what: &'static str) -> Result<Reader<'a>, StoreError> {
    let mut from = Reader::new(octets);
    match from.u8() {
        Some(FORMAT) => Ok(from),
        Some(found) if found > FORMAT => Err(StoreError::Records(record_store::Error::Format {
            found: u32::from(found),
            known: u32::from(FORMAT),
        })),
        _ => Err(damaged(what)),
    }
}

/// What every commit of an account reads and writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) certificates: u32,
    pub(super) octets: u64,
    pub(super) peers: u32,
    pub(super) next_log: u64,
}

impl Head {
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let to = Writer::default().u8(FORMAT).u32(self.certificates);
        to.u64(self.octets)
            .u32(self.peers)
            .u64(self.next_log)
            .finish()
    }

    pub(super) fn from_bytes(octets: &[u8]) -> Result<Self, StoreError> {
        let what = "the head of an account";
        let mut from = begin(octets, what)?;
        let read = |from: &mut Reader<'_>| {
            Some(Self {
                certificates: from.u32()?,
                octets: from.u64()?,
                peers: from.u32()?,
                next_log: from.u64()?,
            })
        };
        let head = read(&mut from).ok_or(StoreError::Damaged { what })?;
        from.end()
            .map(|()| head)
            .ok_or(StoreError::Damaged { what })
    }
}

/// A certificate as it is stored, and the version of its secrets: zero if there are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CertRow {
    pub(super) secrets: u64,
    pub(super) octets: Vec<u8>,
}

impl CertRow {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let to = Writer::default().u8(FORMAT).u64(self.secrets);
        to.octets(&self.octets).finish()
    }

    pub(super) fn from_bytes(octets: &[u8]) -> Result<Self, StoreError> {
        let what = "a certificate";
        let mut from = begin(octets, what)?;
        let secrets = from.u64().ok_or(StoreError::Damaged { what })?;
        let octets = from.octets().ok_or(StoreError::Damaged { what })?.to_vec();
        from.end().ok_or(StoreError::Damaged { what })?;
        Ok(Self { secrets, octets })
    }

    pub(super) fn certificate(&self, limits: &Limits) -> Result<Certificate, StoreError> {
        Certificate::parse_with(&self.octets, limits).map_err(|_| damaged("a certificate"))
    }
}

/// Which key is used for what, and for which address (none: for all others).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Defaults(pub(super) Vec<(Use, Option<String>, Fingerprint)>);

const USES: [(u8, Use); 4] = [
    (1, Use::Certify),
    (2, Use::Sign),
    (3, Use::Encrypt),
    (4, Use::Authenticate),
];

impl Defaults {
    pub(super) fn get(&self, purpose: Use, address: Option<&str>) -> Option<Fingerprint> {
        let same = |(of, at, _): &&(Use, Option<String>, Fingerprint)| {
            *of == purpose && at.as_deref() == address
        };
        self.0.iter().find(same).map(|(_, _, key)| *key)
    }

    pub(super) fn set(&mut self, purpose: Use, address: Option<String>, key: Option<Fingerprint>) {
        self.0
            .retain(|(of, at, _)| *of != purpose || *at != address);
        self.0.extend(key.map(|key| (purpose, address, key)));
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let head = Writer::default().u8(FORMAT);
        let all = self.0.iter().fold(head, |to, (purpose, address, key)| {
            let code = USES
                .iter()
                .find(|(_, u)| u == purpose)
                .map_or(0, |(c, _)| *c);
            to.u8(code)
                .optional(address.as_deref().map(str::as_bytes))
                .octets(key.as_bytes())
        });
        all.finish()
    }

    pub(super) fn from_bytes(octets: &[u8]) -> Result<Self, StoreError> {
        let what = "the defaults";
        let mut from = begin(octets, what)?;
        let mut all = Vec::new();
        while !from.is_empty() {
            let read = |from: &mut Reader<'_>| {
                let code = from.u8()?;
                let purpose = USES.iter().find(|(c, _)| *c == code)?.1;
                let address = match from.optional()? {
                    None => None,
                    Some(text) => Some(str::from_utf8(text).ok()?.to_owned()),
                };
                Some((
                    purpose,
                    address,
                    Fingerprint::from_bytes(from.octets()?).ok()?,
                ))
            };
            all.push(read(&mut from).ok_or(StoreError::Damaged { what })?);
        }
        Ok(Self(all))
    }
}

const TRUSTS: [(u8, Trust); 3] = [(1, Trust::None), (2, Trust::FirstUse), (3, Trust::Verified)];

pub(super) fn pin_to_bytes(pin: &Pin) -> Vec<u8> {
    let code = TRUSTS
        .iter()
        .find(|(_, t)| *t == pin.trust)
        .map_or(0, |(c, _)| *c);
    let head = Writer::default()
        .u8(FORMAT)
        .u8(code)
        .octets(pin.certificate.as_bytes())
        .u64(seconds(pin.since));
    let all = pin.alarms.iter().fold(head, |to, (other, seen)| {
        to.octets(other.as_bytes()).u64(seconds(*seen))
    });
    all.finish()
}

pub(super) fn pin_from_bytes(octets: &[u8]) -> Result<Pin, StoreError> {
    let what = "a pinned certificate";
    let mut from = begin(octets, what)?;
    let read = |from: &mut Reader<'_>| {
        let code = from.u8()?;
        let trust = TRUSTS.iter().find(|(c, _)| *c == code)?.1;
        let certificate = Fingerprint::from_bytes(from.octets()?).ok()?;
        let mut pin = Pin::new(certificate, trust, time(from.u64()?)?);
        while !from.is_empty() && pin.alarms.len() < MAX_ALARMS {
            let other = Fingerprint::from_bytes(from.octets()?).ok()?;
            pin.alarms.push((other, time(from.u64()?)?));
        }
        Some(pin)
    };
    let pin = read(&mut from).ok_or(StoreError::Damaged { what })?;
    from.end().map(|()| pin).ok_or(StoreError::Damaged { what })
}

const STUBS: &str = "the stubs of a key";

/// Which of a key's components are stubs.
pub(super) fn stubs_to_bytes(stubs: &[Fingerprint]) -> Vec<u8> {
    let head = Writer::default().u8(FORMAT);
    let all = stubs.iter().fold(head, |to, of| to.octets(of.as_bytes()));
    all.finish()
}

pub(super) fn stubs_from_bytes(octets: &[u8]) -> Result<Vec<Fingerprint>, StoreError> {
    let mut from = begin(octets, STUBS)?;
    let mut stubs = Vec::new();
    while !from.is_empty() {
        let of = from.octets().ok_or_else(|| damaged(STUBS))?;
        stubs.push(Fingerprint::from_bytes(of).map_err(|_| damaged(STUBS))?);
    }
    Ok(stubs)
}

/// A row of the directory: who publishes what for an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) account: String,
    pub(super) certificate: Fingerprint,
    pub(super) address: String,
}

impl Entry {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let to = Writer::default().u8(FORMAT).octets(self.account.as_bytes());
        to.octets(self.certificate.as_bytes())
            .octets(self.address.as_bytes())
            .finish()
    }

    pub(super) fn from_bytes(octets: &[u8]) -> Result<Self, StoreError> {
        let what = "the directory";
        let mut from = begin(octets, what)?;
        let read = |from: &mut Reader<'_>| {
            let account = str::from_utf8(from.octets()?).ok()?.to_owned();
            let certificate = Fingerprint::from_bytes(from.octets()?).ok()?;
            let address = str::from_utf8(from.octets()?).ok()?.to_owned();
            Some(Self {
                account,
                certificate,
                address,
            })
        };
        let entry = read(&mut from).ok_or(StoreError::Damaged { what })?;
        from.end()
            .map(|()| entry)
            .ok_or(StoreError::Damaged { what })
    }
}

/// What an account publishes, by address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Published(pub(super) Vec<(String, Fingerprint)>);

impl Published {
    /// What was there before.
    pub(super) fn set(
        &mut self,
        address: &str,
        certificate: Option<Fingerprint>,
    ) -> Option<Fingerprint> {
        let at = self.0.iter().position(|(known, _)| known == address);
        let before = at.map(|at| self.0.remove(at).1);
        self.0
            .extend(certificate.map(|certificate| (address.to_owned(), certificate)));
        self.0.sort_unstable();
        before
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let head = Writer::default().u8(FORMAT);
        let all = self.0.iter().fold(head, |to, (address, of)| {
            to.octets(address.as_bytes()).octets(of.as_bytes())
        });
        all.finish()
    }

    pub(super) fn from_bytes(octets: &[u8]) -> Result<Self, StoreError> {
        let what = "the list of what is published";
        let mut from = begin(octets, what)?;
        let mut all = Vec::new();
        while !from.is_empty() {
            let read = |from: &mut Reader<'_>| {
                let address = str::from_utf8(from.octets()?).ok()?.to_owned();
                Some((address, Fingerprint::from_bytes(from.octets()?).ok()?))
            };
            all.push(read(&mut from).ok_or(StoreError::Damaged { what })?);
        }
        Ok(Self(all))
    }
}

/// Whole seconds since 1970.
pub(super) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

pub(super) fn time(seconds: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn accounts_whose_names_begin_alike_share_no_prefix() {
        let keys = |name: &str| Keys::new(AccountId::new(name).unwrap());
        let (ann, anna) = (keys("ann"), keys("anna"));
        let all = |keys: &Keys| Prefix::new(NAMESPACE, keys.name()).unwrap();
        for key in [
            anna.head().unwrap(),
            anna.peer("x").unwrap(),
            anna.log(1).unwrap(),
        ] {
            assert!(all(&anna).contains(&key) && !all(&ann).contains(&key));
        }
    }

    #[test]
    fn the_longest_names_fit() {
        let keys = Keys::new(AccountId::new("a".repeat(255)).unwrap());
        let of = Fingerprint::from_bytes(&[0; 32]).unwrap();
        assert!(keys.address(&"b".repeat(MAX_ADDRESS), of).is_ok());
        assert!(keys.component(of, of).is_ok());
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_was_written(octets in prop::collection::vec(any::<u8>(), 0..100)) {
            let octets = [&[FORMAT][..], &octets].concat();
            if let Ok(head) = Head::from_bytes(&octets) {
                prop_assert_eq!(head.to_bytes(), octets.clone());
            }
            if let Ok(row) = CertRow::from_bytes(&octets) {
                prop_assert_eq!(row.to_bytes(), octets.clone());
            }
            if let Ok(defaults) = Defaults::from_bytes(&octets) {
                prop_assert_eq!(defaults.to_bytes(), octets.clone());
            }
            if let Ok(stubs) = stubs_from_bytes(&octets) {
                prop_assert_eq!(stubs_to_bytes(&stubs), octets.clone());
            }
            if let Ok(pin) = pin_from_bytes(&octets) {
                prop_assert_eq!(pin_to_bytes(&pin), octets.clone());
            }
            if let Ok(entry) = Entry::from_bytes(&octets) {
                prop_assert_eq!(entry.to_bytes(), octets.clone());
            }
            if let Ok(list) = Published::from_bytes(&octets) {
                prop_assert_eq!(list.to_bytes(), octets.clone());
            }
        }

        #[test]
        fn records_are_read_back(
            entries in prop::collection::vec((0_usize..4, any::<Option<String>>(), any::<[u8; 20]>()), 0..5),
            trust in 0_usize..3,
        ) {
            let of = |octets: [u8; 20]| Fingerprint::from_bytes(&octets).unwrap();
            let defaults = Defaults(entries.iter().map(|(u, a, f)| (USES[*u].1, a.clone(), of(*f))).collect());
            prop_assert_eq!(Defaults::from_bytes(&defaults.to_bytes()).unwrap(), defaults);
            let stubs: Vec<Fingerprint> = entries.iter().map(|(_, _, f)| of(*f)).collect();
            prop_assert_eq!(stubs_from_bytes(&stubs_to_bytes(&stubs)).unwrap(), stubs);
            let mut pin = Pin::new(of([7; 20]), TRUSTS[trust].1, time(9).unwrap());
            pin.alarms = entries.iter().map(|(n, _, f)| (of(*f), time(*n as u64).unwrap())).collect();
            prop_assert_eq!(pin_from_bytes(&pin_to_bytes(&pin)).unwrap(), pin);
            let mut list = Published::default();
            for (_, address, certificate) in &entries {
                let (account, address) = ("ann".to_owned(), address.clone().unwrap_or_default());
                let certificate = of(*certificate);
                list.set(&address, Some(certificate));
                let entry = Entry { account, certificate, address };
                prop_assert_eq!(Entry::from_bytes(&entry.to_bytes()).unwrap(), entry);
            }
            prop_assert_eq!(Published::from_bytes(&list.to_bytes()).unwrap(), list);
        }
    }
}
