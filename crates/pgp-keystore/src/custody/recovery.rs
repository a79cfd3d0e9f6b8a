//! The recovery key: what opens an account whose passphrase is lost.

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

use super::CustodyError;
use super::crypto::{self, Key};

const OCTETS: usize = 20;
/// Five bits each, none that is taken for another: no I, L, O and U.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CHECK: usize = 4;
const LENGTH: usize = OCTETS * 8 / 5 + CHECK;

/// 160 random bits, and 20 more by which a slip of the pen is noticed: nine groups of four letters and digits, to be printed
/// and kept where the passphrase is not. It needs no stretching, as nobody can guess it.
///
/// It is read in either case, with or without spaces and hyphens, and with O for 0, I and L for 1.
#[derive(Clone)]
pub struct RecoveryKey(Zeroizing<[u8; OCTETS]>);

impl RecoveryKey {
    pub(super) fn generate() -> Result<Self, CustodyError> {
        crypto::random().map(|octets| Self(Zeroizing::new(octets)))
    }

    /// As it is printed, once: the server keeps nothing of it.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        let mut digits = Zeroizing::new(Vec::with_capacity(LENGTH));
        for chunk in self.0.chunks(5) {
            let bits = chunk
                .iter()
                .fold(0_u64, |bits, o| bits << 8 | u64::from(*o));
            digits.extend((0..8).rev().map(|at| digit(bits >> (5 * at))));
        }
        digits.extend(check(&self.0));
        let mut text = Zeroizing::new(String::with_capacity(LENGTH + LENGTH / 4));
        for (at, digit) in digits.iter().enumerate() {
            if at > 0 && at % 4 == 0 {
                text.push('-');
            }
            text.push(char::from(*digit));
        }
        text
    }

    /// The wrapping key that it is.
    pub(super) fn key(&self) -> Key {
        let label = b"letterlock pgp-keystore recovery key v1";
        Zeroizing::new(crypto::sha256(label, &*self.0))
    }
}

fn digit(bits: u64) -> u8 {
    let at = usize::try_from(bits & 31).unwrap_or_default();
    DIGITS.get(at).copied().unwrap_or(b'0')
}

fn check(octets: &[u8; OCTETS]) -> [u8; CHECK] {
    let hash = crypto::sha256(b"letterlock pgp-keystore recovery check v1", octets);
    let bits = hash
        .iter()
        .take(4)
        .fold(0_u64, |b, o| b << 8 | u64::from(*o));
    [0, 1, 2, 3].map(|at| digit(bits >> (5 * at)))
}

impl FromStr for RecoveryKey {
    type Err = CustodyError;

    fn from_str(text: &str) -> Result<Self, CustodyError> {
        read(text).ok_or(CustodyError::Malformed {
            wanted: "a recovery key",
        })
    }
}

fn read(text: &str) -> Option<RecoveryKey> {
    let mut values = Zeroizing::new(Vec::with_capacity(LENGTH));
    for c in text.chars().filter(|c| !c.is_whitespace() && *c != '-') {
        if values.len() == LENGTH {
            return None;
        }
        let c = match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            c => c,
        };
        let value = DIGITS.iter().position(|d| char::from(*d) == c)?;
        values.push(u64::try_from(value).ok()?);
    }
    let (values, given) = values.split_at_checked(LENGTH - CHECK)?;
    let mut octets = Zeroizing::new([0; OCTETS]);
    for (to, from) in octets.chunks_mut(5).zip(values.chunks(8)) {
        let bits = from.iter().fold(0, |bits, value| bits << 5 | value);
        for (at, octet) in to.iter_mut().rev().enumerate() {
            *octet = u8::try_from(bits >> (8 * at) & 0xff).ok()?;
        }
    }
    let given: Vec<u8> = given.iter().map(|value| digit(*value)).collect();
    (given == check(&octets)).then_some(RecoveryKey(octets))
}

impl fmt::Debug for RecoveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_as_people_type_it() {
        for _ in 0..100 {
            let key = RecoveryKey::generate().unwrap();
            let text = key.text();
            assert_eq!(text.len(), 9 * 4 + 8);
            let typed = text.replace('-', "  ").to_lowercase();
            let typed = typed.replace('0', "o").replace('1', "l");
            let read: RecoveryKey = typed.parse().unwrap();
            assert_eq!(*read.0, *key.0);
        }
    }

    #[test]
    fn a_slip_is_noticed() {
        let key = RecoveryKey(Zeroizing::new([0x5a; OCTETS]));
        let text = key.text();
        let digits: Vec<char> = text.chars().collect();
        for at in (0..digits.len()).filter(|at| digits[*at] != '-') {
            let mut slip = digits.clone();
            slip[at] = if slip[at] == '7' { '8' } else { '7' };
            let slip: String = slip.into_iter().collect();
            assert!(slip.parse::<RecoveryKey>().is_err(), "{slip}");
        }
        for text in ["", "0", &text[1..], &format!("{}0", *text), "Ü"] {
            assert!(text.parse::<RecoveryKey>().is_err());
        }
    }
}
