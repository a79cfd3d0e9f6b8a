//! What was changed, and when.

use std::fmt;
use std::time::SystemTime;

use record_store::Records;

use super::rows::{seconds, time};
use super::{Account, Offload, StoreError};
use crate::Fingerprint;
use crate::octets::{Reader, Writer};

/// So many entries of an account are kept: the latest.
pub const MAX_LOG: u64 = 1_000;

const FORMAT: u8 = 1;

/// What was changed.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The account was set up.
    Created,
    /// The passphrase was changed.
    PassphraseChanged,
    /// There is a new recovery key.
    RecoveryChanged,
    /// The server was given its part, or wrapped it anew.
    ServerChanged,
    /// The server can open nothing any more.
    ServerRemoved,
    /// A key was generated.
    Generated,
    /// A certificate came in.
    Imported,
    /// More became known about a certificate.
    Updated,
    /// The secrets of a key came in.
    SecretsImported,
    /// A key was changed by its owner.
    Edited,
    /// Who can open a key was changed.
    CustodyChanged,
    /// Secrets were given out.
    SecretsExported,
    /// A certificate, or a key, was removed.
    Removed,
    /// Another key is the default.
    DefaultChanged,
    /// A certificate was pinned to an address for the first time.
    Pinned,
    /// Another certificate was seen for an address than the one that is pinned.
    Alarm,
    /// The user has decided which certificate an address has.
    Trusted,
    /// A certificate is published for an address.
    Published,
    /// Nothing is published for an address any more.
    Withdrawn,
}

const CODES: [(u8, Event, &str); 19] = [
    (1, Event::Created, "the account was set up"),
    (2, Event::PassphraseChanged, "the passphrase was changed"),
    (3, Event::RecoveryChanged, "the recovery key was changed"),
    (4, Event::ServerChanged, "the server can open its part"),
    (5, Event::ServerRemoved, "the server can open nothing"),
    (6, Event::Generated, "a key was generated"),
    (7, Event::Imported, "a certificate was imported"),
    (8, Event::Updated, "a certificate was updated"),
    (9, Event::SecretsImported, "secret keys were imported"),
    (10, Event::Edited, "a key was changed"),
    (
        11,
        Event::CustodyChanged,
        "the custody of a key was changed",
    ),
    (12, Event::SecretsExported, "secret keys were exported"),
    (13, Event::Removed, "a certificate was removed"),
    (14, Event::DefaultChanged, "a default was changed"),
    (15, Event::Pinned, "a certificate was pinned"),
    (16, Event::Alarm, "another certificate was seen"),
    (17, Event::Trusted, "the user chose a certificate"),
    (18, Event::Published, "a certificate was published"),
    (19, Event::Withdrawn, "a certificate was withdrawn"),
];

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = CODES.iter().find(|(_, event, _)| event == self);
        f.write_str(words.map_or("", |(_, _, words)| words))
    }
}

/// An entry of an account's log. It is written in the commit of the change. Who can write to the store can change it.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Its number: one more than that of the entry before.
    pub number: u64,
    /// When, to the second.
    pub at: SystemTime,
    /// What.
    pub event: Event,
    /// Of which certificate.
    pub certificate: Option<Fingerprint>,
    /// Of which address.
    pub address: Option<String>,
}

impl fmt::Debug for LogEntry {
    /// Without the address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogEntry")
            .field("number", &self.number)
            .field("event", &self.event)
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

/// An entry before it has its number and its time.
#[derive(Clone)]
pub(super) struct Note {
    pub(super) event: Event,
    pub(super) certificate: Option<Fingerprint>,
    pub(super) address: Option<String>,
}

impl Note {
    pub(super) fn new(event: Event) -> Self {
        let (certificate, address) = (None, None);
        Self {
            event,
            certificate,
            address,
        }
    }

    pub(super) fn of(event: Event, certificate: Fingerprint) -> Self {
        let certificate = Some(certificate);
        Self {
            certificate,
            ..Self::new(event)
        }
    }

    pub(super) fn at(self, address: &str) -> Self {
        let address = Some(address.to_owned());
        Self { address, ..self }
    }

    pub(super) fn to_bytes(&self, now: SystemTime) -> Vec<u8> {
        let code = CODES.iter().find(|(_, event, _)| *event == self.event);
        Writer::default()
            .u8(FORMAT)
            .u64(seconds(now))
            .u8(code.map_or(0, |(code, ..)| *code))
            .optional(self.certificate.as_ref().map(Fingerprint::as_bytes))
            .optional(self.address.as_deref().map(str::as_bytes))
            .finish()
    }
}

fn read(number: u64, octets: &[u8]) -> Option<LogEntry> {
    let mut from = Reader::new(octets);
    if from.u8()? != FORMAT {
        return None;
    }
    let at = time(from.u64()?)?;
    let code = from.u8()?;
    let event = CODES.iter().find(|(c, ..)| *c == code)?.1;
    let certificate = match from.optional()? {
        None => None,
        Some(octets) => Some(Fingerprint::from_bytes(octets).ok()?),
    };
    let address = match from.optional()? {
        None => None,
        Some(text) => Some(str::from_utf8(text).ok()?.to_owned()),
    };
    from.end()?;
    Some(LogEntry {
        number,
        at,
        event,
        certificate,
        address,
    })
}

impl<R: Records, O: Offload> Account<'_, R, O> {
    /// The log, the oldest entry first: those with a greater number than `after`, at most `limit` of them (1 to 1,000).
    ///
    /// # Errors
    ///
    /// [`StoreError::Records`], [`StoreError::Damaged`].
    pub async fn log(
        &self,
        after: Option<u64>,
        limit: usize,
        now: SystemTime,
    ) -> Result<Vec<LogEntry>, StoreError> {
        let after = after.map(|number| self.keys.log(number)).transpose()?;
        let prefix = self.keys.all("log")?;
        let records = self.store.records();
        let page = records.scan(&prefix, after.as_ref(), limit, now).await?;
        let entries = page.entries.iter().map(|(key, found)| {
            let number = key.parts().last().and_then(|part| part.number());
            let entry = number.and_then(|number| read(number, found.value().ok()?));
            entry.ok_or(StoreError::Damaged { what: "the log" })
        });
        entries.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_has_a_code_of_its_own_and_is_read_back() {
        let of = Fingerprint::from_bytes(&[7; 20]).unwrap();
        let now = time(1_793_491_200).unwrap();
        for (place, (code, event, words)) in (1..).zip(CODES) {
            assert_eq!((code, event.to_string().as_str()), (place, words));
            let note = Note::of(event, of).at("bob@example.org");
            let entry = read(5, &note.to_bytes(now)).unwrap();
            assert_eq!((entry.event, entry.at), (event, now));
            assert_eq!((entry.certificate, entry.number), (Some(of), 5));
            assert_eq!(entry.address.as_deref(), Some("bob@example.org"));
            assert_eq!(
                read(5, &Note::new(event).to_bytes(now)).unwrap().address,
                None
            );
        }
    }
}
