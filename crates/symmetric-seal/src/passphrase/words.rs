//! Passwords made of words: the only module that names their list.

use std::fmt;

use bip39::Language;
use zeroize::Zeroizing;

use super::Passphrase;
use crate::crypto;

/// How many words a generated password has. Each is one of 2048: 11 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Words(u8);

/// The operating system gives no random octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no random octets")]
#[non_exhaustive]
pub struct NoRandom;

impl Words {
    /// 77 bits: beyond all guessing. The fewest, and the default.
    pub const SEVEN: Self = Self(7);
    /// 132 bits.
    pub const TWELVE: Self = Self(12);
    /// Most words.
    pub const MAX: u8 = 24;
    /// Bits of a word.
    pub const BITS: u32 = 11;

    /// From 7 to 24 words.
    #[must_use]
    pub fn new(words: u8) -> Option<Self> {
        (Self::SEVEN.0..=Self::MAX)
            .contains(&words)
            .then_some(Self(words))
    }

    /// Bits of entropy.
    #[must_use]
    pub fn bits(self) -> u32 {
        u32::from(self.0) * Self::BITS
    }
}

/// Seven.
impl Default for Words {
    fn default() -> Self {
        Self::SEVEN
    }
}

/// A password of random words, to be told to the recipient by another way than the mail.
#[derive(Clone)]
pub struct GeneratedPassphrase {
    text: Zeroizing<String>,
    words: Words,
}

impl GeneratedPassphrase {
    /// The words in lower case, with `-` between them.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Bits of entropy.
    #[must_use]
    pub fn bits(&self) -> u32 {
        self.words.bits()
    }

    /// To seal with. It is ASCII, which OpaqueString allows and no preparation changes.
    #[must_use]
    pub fn passphrase(&self) -> Passphrase {
        Passphrase::checked(Zeroizing::new(self.text.as_bytes().to_vec()))
    }
}

/// Without the words.
impl fmt::Debug for GeneratedPassphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GeneratedPassphrase({} bits)", self.bits())
    }
}

impl Passphrase {
    /// A password of random words of the English list of BIP-39: each was chosen to be told from the others by its
    /// first four letters.
    ///
    /// # Errors
    /// [`NoRandom`].
    pub fn generate(words: Words) -> Result<GeneratedPassphrase, NoRandom> {
        let mut random = Zeroizing::new([0; 2 * Words::MAX as usize]);
        crypto::random(&mut random[..]).map_err(|_| NoRandom)?;
        let list = Language::English.word_list();
        // The longest words have eight letters.
        let mut text = Zeroizing::new(String::with_capacity(usize::from(words.0) * 9));
        let (pairs, _) = random.as_chunks::<2>();
        for pair in pairs.iter().take(words.0.into()) {
            if !text.is_empty() {
                text.push('-');
            }
            text.push_str(word(list, u16::from_be_bytes(*pair)));
        }
        Ok(GeneratedPassphrase { text, words })
    }
}

/// Of 65,536 numbers each word has exactly 32.
fn word(list: &[&'static str; 2048], number: u16) -> &'static str {
    let at = usize::from(number) % list.len();
    list.get(at).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn every_word_is_as_likely_as_any_other() {
        let list = Language::English.word_list();
        let mut counts: HashMap<&str, u32> = HashMap::new();
        (0..=u16::MAX).for_each(|number| *counts.entry(word(list, number)).or_default() += 1);
        assert_eq!(counts.len(), 2048);
        assert!(counts.values().all(|count| *count == 32));
        assert_eq!(1 << Words::BITS, list.len());
    }

    #[test]
    fn words_are_short_and_plain_and_told_apart() {
        let list = Language::English.word_list();
        let plain = |word: &&str| {
            (3..=8).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase())
        };
        assert!(list.iter().all(plain));
        let starts: std::collections::HashSet<_> = list
            .iter()
            .map(|word| word.get(..4).unwrap_or(word))
            .collect();
        assert_eq!(starts.len(), 2048);
    }

    #[test]
    fn a_generated_password_seals_and_differs_each_time() {
        assert_eq!(Words::default().bits(), 77);
        assert_eq!((Words::new(6), Words::new(25)), (None, None));
        for words in [Words::SEVEN, Words::TWELVE, Words::new(24).unwrap()] {
            let (one, other) = (
                Passphrase::generate(words).unwrap(),
                Passphrase::generate(words).unwrap(),
            );
            assert_ne!(one.as_str(), other.as_str());
            assert_eq!(one.as_str().split('-').count(), words.0.into());
            let sealing = Passphrase::for_sealing(one.as_str()).unwrap();
            assert!(sealing.same_as(&one.passphrase()));
            assert_eq!(one.text.capacity(), usize::from(words.0) * 9);
            assert_eq!(
                format!("{one:?}"),
                format!("GeneratedPassphrase({} bits)", words.bits())
            );
        }
    }
}
