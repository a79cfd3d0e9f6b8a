//! Recovery codes: what opens an account once when the phone is lost.

use std::collections::BTreeSet;
use std::fmt;

use zeroize::Zeroizing;

use crate::crypto::random;
use crate::letters::{self, Case};
use crate::{Cost, Error, stretch};

/// How many codes a user has.
pub const RECOVERY_CODES: usize = 10;

const SELECTOR: usize = 4;
const SECRET: usize = 12;
const LENGTH: usize = SELECTOR + SECRET;

/// Four groups of four letters and digits. The first group selects the code, so that one try costs one run of Argon2; the
/// others are a secret of 60 bits, stored as a salted hash (SP 800-63B-4 §3.1.2, ASVS 6.5.2).
///
/// It is read in either case, with or without spaces and dashes, and with O for 0, I and L for 1 and U for V.
pub struct RecoveryCode(Zeroizing<[u8; LENGTH]>);

impl RecoveryCode {
    fn generate() -> Result<Self, Error> {
        let octets = Zeroizing::new(random::<LENGTH>()?);
        // Each value of five bits is as likely as any other.
        Ok(Self(Zeroizing::new(octets.map(|octet| octet & 31))))
    }

    /// A code as somebody has typed it, or nothing if no code looks like that. At most 512 octets are looked at.
    #[must_use]
    pub fn parse(typed: &str) -> Option<Self> {
        letters::read(typed).map(Self)
    }

    /// As it is shown.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        letters::write(&*self.0, Case::Upper)
    }

    /// Which of a user's codes it is; no secret.
    #[must_use]
    pub fn selector(&self) -> u32 {
        let of = self.0.get(..SELECTOR).unwrap_or_default();
        u32::try_from(letters::number(of)).unwrap_or_default()
    }

    fn secret(&self) -> &[u8] {
        self.0.get(SELECTOR..).unwrap_or_default()
    }

    /// What is stored: Argon2id as a PHC string.
    ///
    /// # Errors
    /// [`Error::Random`], [`Error::Busy`] without the memory for it.
    pub fn hash(&self, cost: Cost) -> Result<String, Error> {
        stretch::hash(self.secret(), cost)
    }

    /// Whether it is the code that was hashed: one run of Argon2, compared in constant time.
    ///
    /// # Errors
    /// [`Error::Damaged`] if [`hash`](Self::hash) did not write this, [`Error::Busy`] without the memory for it.
    pub fn check(&self, hash: &str) -> Result<bool, Error> {
        stretch::check(self.secret(), hash)
    }

    /// The same run of Argon2 where there is no such code, so that nobody learns that from the time it takes.
    ///
    /// # Errors
    /// [`Error::Busy`] without the memory for it.
    pub fn check_nothing(&self, cost: Cost) -> Result<(), Error> {
        stretch::decoy(self.secret(), cost)
    }
}

/// Without the code.
impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(..)")
    }
}

/// A user's codes, to be shown once: only their hashes are stored.
pub struct RecoveryCodes(Vec<RecoveryCode>);

impl RecoveryCodes {
    /// Ten new codes, no two of one selector.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn generate() -> Result<Self, Error> {
        let (mut codes, mut taken) = (Vec::with_capacity(RECOVERY_CODES), BTreeSet::new());
        while codes.len() < RECOVERY_CODES {
            let code = RecoveryCode::generate()?;
            if taken.insert(code.selector()) {
                codes.push(code);
            }
        }
        Ok(Self(codes))
    }

    /// The codes.
    pub fn iter(&self) -> impl Iterator<Item = &RecoveryCode> {
        self.0.iter()
    }

    /// As they are shown, printed or downloaded: one a line.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        let size = self.0.len() * (LENGTH + LENGTH / 4);
        let mut text = Zeroizing::new(String::with_capacity(size));
        for code in &self.0 {
            text.push_str(&code.text());
            text.push('\n');
        }
        text
    }
}

/// Without the codes.
impl fmt::Debug for RecoveryCodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCodes(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::letters::scribbled;
    use crate::stretch::calls;
    use proptest::prelude::*;

    const CHEAP: Cost = Cost::DANGER_FOR_TESTS;

    #[test]
    fn ten_codes_of_which_no_two_are_selected_alike() {
        let codes = RecoveryCodes::generate().unwrap();
        let selectors: BTreeSet<u32> = codes.iter().map(RecoveryCode::selector).collect();
        assert_eq!(selectors.len(), RECOVERY_CODES);
        let text = codes.text();
        assert_eq!(text.lines().count(), RECOVERY_CODES);
        for (line, code) in text.lines().zip(codes.iter()) {
            assert_eq!(line.len(), 19);
            assert_eq!(line, *code.text());
            assert_eq!(RecoveryCode::parse(line).unwrap().0, code.0);
        }
        assert_eq!(
            text.capacity(),
            text.len(),
            "never moved, so wiped as a whole"
        );
        let shown = format!("{codes:?} {:?}", codes.0);
        assert!(!shown.contains(text.get(..4).unwrap()), "{shown}");
    }

    #[test]
    fn one_try_costs_one_hash_and_none_what_is_no_code() {
        let codes = RecoveryCodes::generate().unwrap();
        let [one, other, ..] = codes.0.as_slice() else {
            panic!("ten");
        };
        let hash = one.hash(CHEAP).unwrap();
        assert!(!hash.contains(one.text().get(5..9).unwrap()));
        let (right, runs) = calls::during(|| one.check(&hash).unwrap());
        assert_eq!((right, runs), (true, 1));
        let (right, runs) = calls::during(|| other.check(&hash).unwrap());
        assert_eq!((right, runs), (false, 1));
        let ((), runs) = calls::during(|| other.check_nothing(CHEAP).unwrap());
        assert_eq!(runs, 1);
        // The mutation: codes that are not selected cost a run for each.
        let hashes: Vec<_> = codes.iter().map(|code| code.hash(CHEAP).unwrap()).collect();
        let is = |hash: &&String| other.check(hash).unwrap();
        let all = || hashes.iter().filter(is).count();
        assert_eq!(calls::during(all), (1, RECOVERY_CODES));
    }

    #[test]
    fn every_character_counts() {
        let code = RecoveryCode::parse("0123-4567-89AB-CDEF").unwrap();
        let hash = code.hash(CHEAP).unwrap();
        let values = *code.0;
        for at in 0..LENGTH {
            let mut slip = values;
            slip[at] ^= 1;
            let slip = RecoveryCode(Zeroizing::new(slip));
            let is_other = slip.selector() != code.selector();
            assert_eq!(is_other, at < SELECTOR);
            assert!(is_other || !slip.check(&hash).unwrap(), "{at}");
        }
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for text in [
            "",
            "406058",
            "0123-4567-89AB-CDE",
            "0123-4567-89AB-CDEF-0",
            "0123-4567-89AB-CDE!",
        ] {
            assert!(RecoveryCode::parse(text).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_as_people_type_it(values: [u8; LENGTH], seed: u64) {
            let code = RecoveryCode(Zeroizing::new(values.map(|value| value & 31)));
            let read = RecoveryCode::parse(&scribbled(&code.text(), seed)).unwrap();
            prop_assert_eq!(&read.0, &code.0);
            prop_assert!(code.selector() < 1 << 20);
        }
    }
}
