//! Between the password and the second factor.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use data_encoding::BASE64URL_NOPAD;

use crate::decision::millis;
use crate::octets::{Reader, Writer};
use crate::{Keyring, KeyringError, UserId};

/// How long after the password the second factor may come.
pub const PENDING_FOR: Duration = Duration::from_secs(10 * 60);

/// How far the clocks of two nodes may differ.
const SKEW: Duration = Duration::from_secs(60);
/// Most characters of a sealed text.
const MAX_TEXT: usize = 512;
const PLACE: &[&[u8]] = &[b"pending"];
const FORMAT: u8 = 1;

/// Proof that the password passed, without which no second factor is looked at. Only this crate makes it.
///
/// It lives for [`PENDING_FOR`], and is over as soon as the user's factors change. A service that keeps nothing between two
/// requests gives it to the browser, [sealed](Self::seal).
#[derive(Clone, PartialEq, Eq)]
pub struct Pending {
    user: UserId,
    generation: u64,
    at: SystemTime,
}

impl Pending {
    #[cfg(any(feature = "store", test))]
    pub(crate) fn new(user: UserId, generation: u64, at: SystemTime) -> Self {
        Self {
            user,
            generation,
            at,
        }
    }

    /// Whose password it was.
    #[must_use]
    pub fn user(&self) -> &UserId {
        &self.user
    }

    /// When it passed.
    #[must_use]
    pub fn at(&self) -> SystemTime {
        self.at
    }

    #[cfg(any(feature = "store", test))]
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether the second factor may still come. One from the future may not, but for a minute by which clocks differ.
    #[must_use]
    pub fn is_open(&self, now: SystemTime) -> bool {
        match now.duration_since(self.at) {
            Ok(ago) => ago < PENDING_FOR,
            Err(ahead) => ahead.duration() <= SKEW,
        }
    }

    /// As a text for a cookie or a field of a form, which only this keyring opens: at most 512 characters of base64url.
    ///
    /// Whoever has it has what the password gives, and still needs the second factor.
    ///
    /// # Errors
    /// [`KeyringError::Random`].
    pub fn seal(&self, keyring: &Keyring) -> Result<String, KeyringError> {
        let writer = Writer::default().u8(FORMAT);
        let writer = writer.octets(self.user.as_str().as_bytes());
        let plain = writer.u64(self.generation).u64(millis(self.at)).finish();
        Ok(BASE64URL_NOPAD.encode(&keyring.seal(PLACE, &plain)?))
    }

    /// What was [sealed](Self::seal), if it is still open.
    #[must_use]
    pub fn open(keyring: &Keyring, text: &str, now: SystemTime) -> Option<Self> {
        if text.len() > MAX_TEXT {
            return None;
        }
        let sealed = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        let pending = read(&keyring.open(PLACE, &sealed).ok()?)?;
        pending.is_open(now).then_some(pending)
    }
}

fn read(plain: &[u8]) -> Option<Pending> {
    let mut reader = Reader::new(plain);
    if reader.u8()? != FORMAT {
        return None;
    }
    let user = UserId::new(str::from_utf8(reader.octets()?).ok()?).ok()?;
    let generation = reader.u64()?;
    let at = UNIX_EPOCH.checked_add(Duration::from_millis(reader.u64()?))?;
    reader.end()?;
    Some(Pending {
        user,
        generation,
        at,
    })
}

/// Without the user.
impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pending(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MAX_USER;
    use proptest::prelude::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
    }

    fn ring() -> Keyring {
        Keyring::new(1, [1; 32])
    }

    fn ann() -> Pending {
        Pending::new(UserId::new("ann@example.org").unwrap(), 7, at(0))
    }

    #[test]
    fn it_comes_back_for_ten_minutes() {
        let text = ann().seal(&ring()).unwrap();
        for (seconds, open) in [(0, true), (599, true), (600, false), (100_000, false)] {
            let opened = Pending::open(&ring(), &text, at(seconds));
            assert_eq!(opened, open.then(ann), "after {seconds} s");
        }
        // The mutation: without the time it would open for ever.
        let sealed = BASE64URL_NOPAD.decode(text.as_bytes()).unwrap();
        assert_eq!(read(&ring().open(PLACE, &sealed).unwrap()), Some(ann()));
    }

    #[test]
    fn it_is_not_from_the_future() {
        let text = ann().seal(&ring()).unwrap();
        assert!(Pending::open(&ring(), &text, at(0) - SKEW).is_some());
        assert!(Pending::open(&ring(), &text, at(0) - SKEW - Duration::from_millis(1)).is_none());
    }

    #[test]
    fn nobody_else_makes_one() {
        let text = ann().seal(&ring()).unwrap();
        assert!(Pending::open(&Keyring::new(1, [2; 32]), &text, at(0)).is_none());
        let octets = BASE64URL_NOPAD.decode(text.as_bytes()).unwrap();
        for place in 0..octets.len() {
            let mut changed = octets.clone();
            changed[place] ^= 1;
            let text = BASE64URL_NOPAD.encode(&changed);
            assert!(
                Pending::open(&ring(), &text, at(0)).is_none(),
                "octet {place}"
            );
        }
        // A seed that was sealed by the same keys is no proof of a password.
        let plain = ring().open(PLACE, &octets).unwrap();
        let seed = BASE64URL_NOPAD.encode(&ring().seal(&[b"seed"], &plain).unwrap());
        assert!(Pending::open(&ring(), &seed, at(0)).is_none());
    }

    #[test]
    fn the_longest_is_read_and_a_longer_text_is_not() {
        let user = UserId::new(&"a".repeat(MAX_USER)).unwrap();
        let longest = Pending::new(user, u64::MAX, at(0));
        let text = longest.seal(&ring()).unwrap();
        assert!(text.len() <= MAX_TEXT, "{}", text.len());
        assert_eq!(Pending::open(&ring(), &text, at(0)), Some(longest));
        for text in [
            "",
            "A",
            "=",
            &"A".repeat(MAX_TEXT + 1),
            &format!("{text} "),
            "ä",
        ] {
            assert!(Pending::open(&ring(), text, at(0)).is_none());
        }
        assert!(!format!("{:?}", ann()).contains("ann@"));
    }

    proptest! {
        #[test]
        fn what_is_sealed_is_read(user in "[!-~]{1,128}", generation: u64, seconds in 0_u64..1 << 32) {
            let pending = Pending::new(UserId::new(&user).unwrap(), generation, at(seconds));
            let text = pending.seal(&ring()).unwrap();
            let opened = Pending::open(&ring(), &text, at(seconds)).unwrap();
            prop_assert_eq!(opened.generation(), generation);
            prop_assert_eq!(opened.at(), pending.at());
            prop_assert_eq!(opened.user(), pending.user());
        }

        #[test]
        fn no_octets_make_it_panic(octets: Vec<u8>, text: String) {
            let _ = read(&octets);
            prop_assert!(Pending::open(&ring(), &text, at(0)).is_none());
        }
    }
}
