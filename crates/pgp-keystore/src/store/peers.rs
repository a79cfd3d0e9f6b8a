//! Certificates of addresses: pinned, changed, chosen, written to.

use std::time::SystemTime;

use record_store::Records;

use super::account::{TRIES, Writes};
use super::find::address_of;
use super::log::{Event, Note};
use super::rows::{pin_from_bytes, pin_to_bytes};
use super::{Account, Offload, Query, StoreError};
use crate::{Fingerprint, Pin, Plan, Recipient, Standing, Trust, plan_send};

/// Whom a message is to be sent to, as the account knows them, and the plan.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct SendPlan {
    /// Which key of each recipient is used, and why.
    pub plan: Plan,
    /// What is known of each, in the same order.
    pub known: Vec<Addressee>,
}

/// A recipient as the account knows them.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq)]
pub struct Addressee {
    /// The address, normalised.
    pub address: String,
    /// Where the certificate comes from: [`Trust::None`] if it is in the store and nobody vouched for it.
    pub trust: Trust,
    /// What is pinned, with its alarms: another certificate was seen for this address, and the user has not decided.
    pub pin: Option<Pin>,
}

impl std::fmt::Debug for Addressee {
    /// Without the address.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Addressee")
            .field("trust", &self.trust)
            .field("pin", &self.pin)
            .finish_non_exhaustive()
    }
}

impl<R: Records, O: Offload> Account<'_, R, O> {
    /// A certificate of the store was seen for an address: with a message that it signed, in an Autocrypt header, in a
    /// directory. The first one is pinned, another one raises the alarm and changes nothing else.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSuch`] if the certificate is not in the store; [`StoreError::Core`] for what is no address;
    /// [`StoreError::Full`], [`StoreError::Records`], [`StoreError::Contended`].
    pub async fn meet(
        &self,
        address: &str,
        certificate: Fingerprint,
        now: SystemTime,
    ) -> Result<Standing, StoreError> {
        let meet = |before| {
            let (pin, standing) = Pin::meet(before, certificate, now);
            let event = if standing.is_alarm() {
                Event::Alarm
            } else {
                Event::Pinned
            };
            (pin, standing, event)
        };
        self.change_pin(address, certificate, meet, now).await
    }

    /// The user has decided which certificate an address has, and why; the alarms are over.
    ///
    /// # Errors
    ///
    /// As [`meet`](Self::meet).
    pub async fn set_trust(
        &self,
        address: &str,
        certificate: Fingerprint,
        trust: Trust,
        now: SystemTime,
    ) -> Result<(), StoreError> {
        let set = |before: Option<Pin>| {
            let since = now;
            let known = Standing::Known { trust, since };
            let same = before.filter(|pin| pin.certificate == certificate && pin.trust == trust);
            // Since when it is known stays.
            let same = same.map(|pin| Pin {
                alarms: Vec::new(),
                ..pin
            });
            let pin = same.unwrap_or_else(|| Pin::new(certificate, trust, now));
            (pin, known, Event::Trusted)
        };
        self.change_pin(address, certificate, set, now)
            .await
            .map(drop)
    }

    /// What is known of an address.
    ///
    /// # Errors
    ///
    /// [`StoreError::Records`], [`StoreError::Damaged`]; [`StoreError::Core`] for what is no address.
    pub async fn pin(&self, address: &str, now: SystemTime) -> Result<Option<Pin>, StoreError> {
        let key = self.keys.peer(&address_of(address)?)?;
        let octets = self.load(&key, now).await?;
        octets.map(|octets| pin_from_bytes(&octets)).transpose()
    }

    /// Plans a message to these addresses: with the pinned certificate, and no other, where there is one, else with whatever
    /// the store has for the address, the newest first.
    ///
    /// # Errors
    ///
    /// As [`pin`](Self::pin).
    pub async fn plan_send(
        &self,
        addresses: &[&str],
        now: SystemTime,
    ) -> Result<SendPlan, StoreError> {
        let mut known = Vec::new();
        let mut candidates = Vec::new();
        for text in addresses {
            let address = address_of(text)?;
            let pin = self.pin(&address, now).await?;
            let found = match &pin {
                Some(pin) => self
                    .certificate(pin.certificate, now)
                    .await?
                    .into_iter()
                    .collect(),
                None => {
                    self.certificates(&Query::Address(address.clone()), now)
                        .await?
                }
            };
            candidates.push(found);
            known.push(Addressee {
                address,
                trust: pin.as_ref().map_or(Trust::None, |pin| pin.trust),
                pin,
            });
        }
        let of: Vec<String> = known.iter().map(|to| to.address.clone()).collect();
        let plan = self.run(move || {
            for found in &mut candidates {
                found.sort_by_key(|certificate| std::cmp::Reverse(certificate.at(now).created));
            }
            let to = of.into_iter().zip(&candidates);
            let to: Vec<_> = to
                .map(|(address, found)| Recipient::new(address, found))
                .collect();
            plan_send(&to, now)
        });
        Ok(SendPlan {
            plan: plan.await?,
            known,
        })
    }

    async fn change_pin(
        &self,
        address: &str,
        certificate: Fingerprint,
        change: impl Fn(Option<Pin>) -> (Pin, Standing, Event) + Send + Sync,
        now: SystemTime,
    ) -> Result<Standing, StoreError> {
        let address = address_of(address)?;
        for _ in 0..TRIES {
            let loaded = self.head(now).await?;
            if self
                .store
                .records()
                .get(&self.keys.cert(certificate)?, now)
                .await?
                .is_none()
            {
                return Err(StoreError::NoSuch {
                    what: "certificate",
                });
            }
            let before = self.pin(&address, now).await?;
            let (pin, standing, event) = change(before.clone());
            if before.as_ref() == Some(&pin) {
                return Ok(standing);
            }
            let writes = Writes {
                puts: vec![(self.keys.peer(&address)?, pin_to_bytes(&pin))],
                notes: vec![Note::of(event, certificate).at(&address)],
                peers: u32::from(before.is_none()),
                ..Writes::default()
            };
            if self.commit(&loaded, writes, now).await? {
                return Ok(standing);
            }
        }
        Err(StoreError::Contended)
    }
}

/// Held by the compiler: the futures of an account can be spawned.
#[cfg(test)]
mod tests {
    use super::super::{Inline, Store};
    use super::*;
    use crate::custody::AccountId;

    #[test]
    fn futures_are_send() {
        fn send<T: Send>(_: &T) {}
        let store = Store::new(record_store::Memory::new(), Inline);
        let ann = store.account(AccountId::new("ann").unwrap());
        let of = Fingerprint::from_bytes(&[1; 20]).unwrap();
        let now = SystemTime::UNIX_EPOCH;
        send(&ann.meet("bob@example.org", of, now));
        send(&ann.plan_send(&["bob@example.org"], now));
        send(&ann.import(Vec::new(), now));
        send(&ann.remove(of, now));
    }
}
