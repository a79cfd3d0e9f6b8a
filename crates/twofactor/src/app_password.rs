//! App passwords: what programs log in with that know of no second factor.

use std::fmt;
use std::ops::BitOr;
use std::str::FromStr;

use zeroize::Zeroizing;

use crate::Error;
use crate::crypto::{self, random};
use crate::letters::{self, Case};

const ID: usize = 6;
const SECRET: usize = 26;
const LENGTH: usize = ID + SECRET;
/// Of the last character: the secret has 128 bits, and 26 characters have 130.
const SPARE: u8 = 3;

/// Eight groups of four lower-case letters and digits: six characters that say which of the user's it is, and a secret of 128
/// bits. Nobody guesses that, so that SHA-256 of it is stored (ASVS 6.5.2) and a login costs no password hash.
///
/// It is read in either case, with or without spaces and dashes, and with o for 0, i and l for 1 and u for v.
pub struct AppPassword {
    id: AppId,
    secret: Zeroizing<[u8; 16]>,
}

impl AppPassword {
    /// A new one.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn generate() -> Result<Self, Error> {
        let id = u32::from_be_bytes(random()?) >> 2;
        Ok(Self {
            id: AppId(id),
            secret: Zeroizing::new(random()?),
        })
    }

    /// What is shaped like an app password: whether it is one, the store says. At most 512 octets are looked at.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let values = letters::read::<LENGTH>(text)?;
        let (id, secret) = values.split_at_checked(ID)?;
        let (last, rest) = secret.split_last()?;
        if last & SPARE != 0 {
            return None;
        }
        let secret = letters::number(rest) << 3 | u128::from(last >> 2);
        Some(Self {
            id: AppId(u32::try_from(letters::number(id)).ok()?),
            secret: Zeroizing::new(secret.to_be_bytes()),
        })
    }

    /// As it is shown, once.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        let mut values = Zeroizing::new([0; LENGTH]);
        let (id, secret) = values.split_at_mut(ID);
        letters::values_of(self.id.0.into(), id);
        if let Some((last, rest)) = secret.split_last_mut() {
            let number = u128::from_be_bytes(*self.secret);
            letters::values_of(number >> 3, rest);
            *last = u8::try_from(number & 7).unwrap_or_default() << 2;
        }
        letters::write(&*values, Case::Lower)
    }

    /// Which of the user's it is; no secret.
    #[must_use]
    pub fn id(&self) -> AppId {
        self.id
    }

    /// What is stored: SHA-256 of the whole.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let label = b"letterlock twofactor app password v1";
        crypto::sha256(&[label, &self.id.0.to_be_bytes(), &*self.secret])
    }

    /// Whether [`digest`](Self::digest) gave this: compared in constant time.
    #[must_use]
    pub fn is(&self, digest: &[u8; 32]) -> bool {
        crypto::same(&self.digest(), digest)
    }
}

/// Without the secret.
impl fmt::Debug for AppPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AppPassword({}, ..)", self.id)
    }
}

/// Which app password, of one user: the six characters that it begins with. Printed and read as such.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppId(u32);

/// A text that is no [`AppId`].
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the number of an app password")]
pub struct NotAnAppId;

impl AppId {
    /// The number: 30 bits.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }

    #[cfg(any(feature = "store", test))]
    pub(crate) fn from_number(number: u64) -> Option<Self> {
        u32::try_from(number)
            .ok()
            .filter(|number| *number < 1 << 30)
            .map(Self)
    }
}

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut values = [0; ID];
        letters::values_of(self.0.into(), &mut values);
        f.write_str(&letters::write(&values, Case::Lower).replace('-', ""))
    }
}

impl FromStr for AppId {
    type Err = NotAnAppId;

    fn from_str(text: &str) -> Result<Self, NotAnAppId> {
        let values = letters::read::<ID>(text).ok_or(NotAnAppId)?;
        u32::try_from(letters::number(&*values))
            .map(Self)
            .map_err(|_| NotAnAppId)
    }
}

/// What an app password may be used for.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Reading mail by IMAP.
    Imap,
    /// Reading mail by POP3.
    Pop3,
    /// Sending mail by SMTP.
    Smtp,
    /// Having mail signed with the user's key.
    Sign,
}

impl Scope {
    /// All that there are.
    pub const ALL: [Self; 4] = [Self::Imap, Self::Pop3, Self::Smtp, Self::Sign];

    /// Its name, which does not change: `imap`, `pop3`, `smtp`, `sign`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Imap => "imap",
            Self::Pop3 => "pop3",
            Self::Smtp => "smtp",
            Self::Sign => "sign",
        }
    }

    fn bit(self) -> u8 {
        match self {
            Self::Imap => 1,
            Self::Pop3 => 2,
            Self::Smtp => 4,
            Self::Sign => 8,
        }
    }
}

/// A set of [`Scope`]s: `Scope::Imap | Scope::Smtp`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Scopes(u8);

impl Scopes {
    /// None: good for nothing, until another is added.
    pub const NONE: Self = Self(0);
    /// What a mail program needs: IMAP, POP3 and SMTP, and no signatures.
    pub const MAIL: Self = Self(7);

    /// Whether it is one of these.
    #[must_use]
    pub fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL
            .into_iter()
            .filter(move |scope| self.contains(*scope))
    }

    /// The octet in which they are stored.
    #[must_use]
    pub fn to_octet(self) -> u8 {
        self.0
    }

    /// As [`to_octet`](Self::to_octet) gave it; nothing with a scope that this release does not know.
    #[must_use]
    pub fn from_octet(octet: u8) -> Option<Self> {
        (octet < 16).then_some(Self(octet))
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl From<Scope> for Scopes {
    fn from(scope: Scope) -> Self {
        Self(scope.bit())
    }
}

impl BitOr for Scope {
    type Output = Scopes;

    fn bitor(self, other: Self) -> Scopes {
        Scopes(self.bit() | other.bit())
    }
}

impl BitOr<Scope> for Scopes {
    type Output = Self;

    fn bitor(self, other: Scope) -> Self {
        Self(self.0 | other.bit())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::letters::scribbled;
    use proptest::prelude::*;

    #[test]
    fn an_app_password_is_read_back_and_is_itself_alone() {
        let (one, other) = (
            AppPassword::generate().unwrap(),
            AppPassword::generate().unwrap(),
        );
        let text = one.text();
        assert_eq!(text.len(), 39);
        assert!(
            text.chars()
                .all(|c| c == '-' || c.is_ascii_digit() || c.is_ascii_lowercase())
        );
        let digest = one.digest();
        assert!(AppPassword::parse(&text).unwrap().is(&digest));
        assert!(!other.is(&digest));
        assert_eq!(one.id().to_string(), text.replace('-', "")[..6]);
        assert_eq!(one.id().to_string().parse(), Ok(one.id()));
        assert!(!format!("{one:?}").contains(&text[10..14]));
    }

    /// No character is decoration: whatever is changed, it is another one or none.
    #[test]
    fn every_character_counts() {
        let one = AppPassword {
            id: AppId(0x2aaa_aaaa),
            secret: Zeroizing::new([0x5a; 16]),
        };
        let (text, digest) = (one.text(), one.digest());
        let letters: Vec<char> = text.chars().collect();
        for at in (0..letters.len()).filter(|at| letters[*at] != '-') {
            for to in "0123456789abcdefghjkmnpqrstvwxyz".chars() {
                let mut slip = letters.clone();
                slip[at] = to;
                let slip: String = slip.into_iter().collect();
                let is = AppPassword::parse(&slip).is_some_and(|slip| slip.is(&digest));
                assert_eq!(is, slip == *text, "{slip}");
            }
        }
        // The mutation: if the two bits over were not looked at, four texts would be this one.
        let last = letters.last().copied().unwrap();
        let value = letters::number(&*letters::read::<1>(&last.to_string()).unwrap());
        let same = (0..32_u128)
            .filter(|other| other >> 2 == value >> 2)
            .count();
        assert_eq!(same, 4);
    }

    #[test]
    fn passwords_are_not_shaped_like_that() {
        for text in [
            "",
            "hunter2",
            "correct horse battery staple",
            &"a".repeat(31),
            &"a".repeat(33),
            &"!".repeat(32),
        ] {
            assert!(AppPassword::parse(text).is_none(), "{text}");
        }
        // 32 letters whose last has the spare bits set.
        assert!(AppPassword::parse(&"b".repeat(32)).is_none());
        assert!(AppPassword::parse(&"c".repeat(32)).is_some());
        for text in ["", "abcde", "abcdefg", "abcde!"] {
            assert!(text.parse::<AppId>().is_err());
        }
    }

    #[test]
    fn scopes_are_sets() {
        let mail = Scope::Imap | Scope::Smtp;
        assert!(mail.contains(Scope::Imap) && !mail.contains(Scope::Sign));
        assert_eq!(mail | Scope::Pop3, Scopes::MAIL);
        assert_eq!(
            Scopes::MAIL.iter().map(Scope::name).collect::<Vec<_>>(),
            ["imap", "pop3", "smtp"]
        );
        assert!(Scopes::NONE.is_empty() && !Scopes::from(Scope::Sign).is_empty());
        let all = Scope::ALL
            .into_iter()
            .fold(Scopes::NONE, |all, scope| all | scope);
        assert_eq!(Scopes::from_octet(all.to_octet()), Some(all));
        assert_eq!(Scopes::from_octet(all.to_octet() + 1), None);
        assert_eq!(format!("{mail:?}"), "{Imap, Smtp}");
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_as_people_type_it(id in 0_u32..1 << 30, secret: [u8; 16], seed: u64) {
            let one = AppPassword { id: AppId(id), secret: Zeroizing::new(secret) };
            let read = AppPassword::parse(&scribbled(&one.text(), seed)).unwrap();
            prop_assert_eq!((read.id, &read.secret), (one.id, &one.secret));
            prop_assert_eq!(AppId::from_number(id.into()), Some(one.id));
        }

        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = AppPassword::parse(&text);
        }
    }
}
