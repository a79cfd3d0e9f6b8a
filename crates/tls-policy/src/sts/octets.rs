//! A cached policy as octets, for a store.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Cached, MAX_AGE, Mode, Pattern, Policy, Record};

const FORMAT: u8 = 1;

impl Cached {
    /// Format 1: the number of the format; when it was fetched, last asked for, and is to be fetched
    /// anew, each in seconds since 1970 in eight octets; the `max_age` in seconds in four octets; the
    /// mode (`e`, `t` or `n`); the identity; and for each `mx` line a line end and its pattern.
    /// Numbers have their highest octet first. At most 63 KiB for a policy that came by
    /// [`Policy::from_octets`].
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![FORMAT];
        for time in [self.fetched, self.used, self.refresh] {
            let since = time.duration_since(UNIX_EPOCH);
            let seconds = since.map_or(0, |since| since.as_secs());
            bytes.extend(seconds.to_be_bytes());
        }
        let max_age = self.policy.max_age().as_secs();
        bytes.extend(u32::try_from(max_age).unwrap_or(u32::MAX).to_be_bytes());
        bytes.push(match self.policy.mode() {
            Mode::Enforce => b'e',
            Mode::Testing => b't',
            Mode::None => b'n',
        });
        bytes.extend_from_slice(self.id.as_bytes());
        for pattern in self.policy.mx() {
            bytes.push(b'\n');
            bytes.extend_from_slice(pattern.to_string().as_bytes());
        }
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote; nothing if it is no such entry, or its
    /// identity is none that a record can have. An entry that cannot be read is
    /// [`StsFact::Unreadable`](crate::StsFact::Unreadable).
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&FORMAT, bytes) = bytes.split_first()? else {
            return None;
        };
        let (fetched, bytes) = time(bytes)?;
        let (used, bytes) = time(bytes)?;
        let (refresh, bytes) = time(bytes)?;
        let (max_age, bytes) = bytes.split_first_chunk()?;
        let max_age = Duration::from_secs(u32::from_be_bytes(*max_age).into());
        let (mode, text) = bytes.split_first()?;
        let mode = match mode {
            b'e' => Mode::Enforce,
            b't' => Mode::Testing,
            b'n' => Mode::None,
            _ => return None,
        };
        let mut lines = str::from_utf8(text).ok()?.split('\n');
        let record = Record::new(lines.next()?).ok()?;
        let mx: Result<Vec<Pattern>, _> = lines.map(str::parse).collect();
        let policy = Policy::new(mode, mx.ok()?, max_age).ok()?;
        (max_age <= MAX_AGE).then(|| Self {
            id: record.id().into(),
            policy,
            fetched,
            used,
            refresh,
        })
    }
}

fn time(bytes: &[u8]) -> Option<(SystemTime, &[u8])> {
    let (seconds, rest) = bytes.split_first_chunk()?;
    let since = Duration::from_secs(u64::from_be_bytes(*seconds));
    Some((UNIX_EPOCH.checked_add(since)?, rest))
}
