//! What a password is once it is normalised: the text that is counted, looked up, and hashed by whoever keeps it.

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_public_assigned;
use zeroize::Zeroizing;

use crate::{HashKind, PasswordHash};

/// The normal form of Unicode (UAX #15) that a service takes for its passwords, and never changes: a hash that was made of
/// one form does not open by another.
///
/// SP 800-63B-4 §3.1.1.2 says that a password SHOULD be normalised before it is hashed; its final text names NFC, its
/// drafts and SP 800-63B-3 named NFKC and NFKD. Whatever NFC makes equal, NFKC makes equal, too.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Form {
    /// Letters that only look different are the same, such as those of full width that an East Asian keyboard types, or a
    /// no-break space.
    #[default]
    Nfkc,
    /// Only the order and the composition of accents are settled: the form of the final SP 800-63B-4, and of OpaqueString
    /// (RFC 8265 §4.2.2) but for its spaces.
    Nfc,
}

/// A password that somebody chooses, or logs in with, in its normal form. It is overwritten when it goes, and `Debug` shows
/// nothing of it.
///
/// ```
/// use breach_check::policy::Candidate;
///
/// // As another keyboard types it: composed otherwise, and with a letter of full width.
/// let (one, two) = (Candidate::new("Grüße ａus Łódź"), Candidate::new("Gru\u{308}ße aus Ło\u{301}dz\u{301}"));
/// assert_eq!(one.text(), two.text());
/// let hash_this = one.text().expect("not too long"); // by Argon2id or so, here and at each login
/// # let _ = hash_this;
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Candidate {
    /// None if there are too many octets to look at.
    text: Option<Zeroizing<String>>,
    chars: usize,
}

impl Candidate {
    /// More code points than these has no password here, whatever a policy allows.
    pub const MAX_CHARS: usize = 4096;
    /// More octets than these are not looked at. No text of [`MAX_CHARS`](Self::MAX_CHARS) in a normal form has more in any
    /// other: at most four code points become one, of four octets each.
    pub const MAX_OCTETS: usize = 16 * Self::MAX_CHARS;

    /// What was typed, in NFKC. Nothing is trimmed and nothing cut off.
    #[must_use]
    pub fn new(typed: &str) -> Self {
        Self::in_form(Form::default(), typed)
    }

    /// What was typed, in this form.
    #[must_use]
    pub fn in_form(form: Form, typed: &str) -> Self {
        let (mut octets, mut chars) = (0, 0);
        if typed.len() <= Self::MAX_OCTETS {
            each(form, typed, |c| {
                octets += c.len_utf8();
                chars += 1;
            });
        }
        if typed.len() > Self::MAX_OCTETS || chars > Self::MAX_CHARS {
            let (text, chars) = (None, usize::MAX);
            return Self { text, chars };
        }
        // As long as it becomes, so that no copy is left behind where it has grown.
        let mut text = Zeroizing::new(String::with_capacity(octets));
        each(form, typed, |c| text.push(c));
        let text = Some(text);
        Self { text, chars }
    }

    /// The text that is to be hashed for logins, all of it; `None` if it is too long to be a password, which then is wrong.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref().map(String::as_str)
    }

    /// Its hash, as a source of breached passwords wants it; `None` if it is too long to be a password.
    #[must_use]
    pub fn hash(&self, kind: HashKind) -> Option<PasswordHash> {
        self.text().map(|text| PasswordHash::of(kind, text))
    }

    /// How many code points it has, counted in its normal form; more than [`MAX_CHARS`](Self::MAX_CHARS) if it is too long.
    #[must_use]
    pub fn chars(&self) -> usize {
        self.chars
    }

    /// Whether it has characters that some keyboards lack or type otherwise, of which its owner should be told (SP 800-63B-4
    /// §3.1.1.2): [`Hint::NotAscii`](super::Hint::NotAscii).
    #[must_use]
    pub fn hint(&self) -> Option<super::Hint> {
        let text = self.text()?;
        (!text.is_ascii()).then_some(super::Hint::NotAscii)
    }

    /// Whether it has characters that end a line or control a terminal: no password field types them, and other programs
    /// cut the text there.
    pub(super) fn has_controls(&self) -> bool {
        let control = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        self.text().is_some_and(|text| text.contains(control))
    }

    /// Whether it has code points that Unicode has given no character, or that are for private use: a later version may
    /// normalise them otherwise (UAX #15 §12.1, which SP 800-63B-4 §3.1.1.2 cites).
    pub(super) fn has_unassigned(&self) -> bool {
        let unassigned = |c: char| !is_public_assigned(c);
        self.text().is_some_and(|text| text.contains(unassigned))
    }
}

/// Without the password, and without its length.
impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Candidate(..)")
    }
}

fn each(form: Form, text: &str, f: impl FnMut(char)) {
    // Far more than MAX_CHARS are not even counted: one octet can become a dozen code points.
    let most = Candidate::MAX_CHARS + 1;
    match form {
        Form::Nfkc => text.nfkc().take(most).for_each(f),
        Form::Nfc => text.nfc().take(most).for_each(f),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_points_are_counted_after_normalisation() {
        for (typed, nfkc, nfc) in [
            ("", 0, 0),
            ("a b", 3, 3),
            ("u\u{308}", 1, 1),
            ("ﬁ", 2, 1),
            ("👩\u{200d}💻", 3, 3),
            ("한글", 2, 2),
        ] {
            assert_eq!(Candidate::new(typed).chars(), nfkc, "{typed}");
            assert_eq!(Candidate::in_form(Form::Nfc, typed).chars(), nfc, "{typed}");
        }
    }

    #[test]
    fn what_is_too_long_is_nothing_and_never_a_part() {
        let most = "x".repeat(Candidate::MAX_CHARS);
        assert_eq!(Candidate::new(&most).text(), Some(&*most));
        for more in [
            "x".repeat(Candidate::MAX_CHARS + 1),
            "x".repeat(Candidate::MAX_OCTETS + 1),
            // One code point of three octets that becomes eighteen.
            "\u{fdfa}".repeat(Candidate::MAX_CHARS),
        ] {
            let candidate = Candidate::new(&more);
            assert_eq!(candidate.text(), None);
            assert!(candidate.hash(HashKind::Sha1).is_none());
            assert!(candidate.chars() > Candidate::MAX_CHARS);
        }
        // Ten octets that become three, as often as possible.
        let widest = "\u{1d6c2}\u{313}\u{301}\u{345}".repeat(Candidate::MAX_CHARS);
        assert!(widest.len() < Candidate::MAX_OCTETS);
        assert_eq!(Candidate::new(&widest).chars(), Candidate::MAX_CHARS);
    }

    #[test]
    fn nothing_of_a_password_is_shown() {
        assert_eq!(format!("{:?}", Candidate::new("secret")), "Candidate(..)");
    }
}
