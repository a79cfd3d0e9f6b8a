//! Words that anybody would try for this user at this service.
//!
//! SP 800-63B-4 §3.1.1.2 wants the whole password compared, "not substrings or words that might be contained therein", with
//! such words "and derivatives thereof". So a word alone refuses nothing. The password is looked at as guessers do, without
//! case, accents and separators, with leet undone, each word also from its end; and it is refused if what is left of it
//! without these words is no password by itself: fewer than [`LEFT`] code points, or a pattern.

use std::fmt;

use super::common;
use super::fold::{Folded, stands_for};
use super::{Candidate, Word};

/// So many code points must be left without the words.
pub(super) const LEFT: usize = 8;
/// From so many on a word counts within others; shorter ones only where no letter stands beside them.
const WITHIN: usize = 4;

/// Words that anybody would try for this user at this service: names, addresses, domains.
///
/// ```
/// use breach_check::policy::Context;
/// let context = Context::new().service("Example Mail").user("ann.smith@example.org").domain("mail.example.org");
/// # let _ = context;
/// ```
#[derive(Clone, Default)]
pub struct Context {
    words: Vec<(Word, Vec<char>)>,
}

/// Without the words, which tell who the user is.
impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Context({} words)", self.words.len())
    }
}

impl Context {
    /// Only so many words count, the first ones.
    pub const MAX_WORDS: usize = 64;
    /// Only so many code points of each word count.
    pub const MAX_CHARS: usize = 64;

    /// No words.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The name of the service, or of whoever runs it: the whole, and its words.
    #[must_use]
    pub fn service(self, name: &str) -> Self {
        self.and(Word::Service, name)
    }

    /// A name of the user, or an address, of which what follows the `@` counts as a domain: the whole, and its parts.
    #[must_use]
    pub fn user(self, name: &str) -> Self {
        match name.rsplit_once('@') {
            Some((local, domain)) => self.and(Word::User, local).domain(domain),
            None => self.and(Word::User, name),
        }
    }

    /// The name of a domain: the whole, and its labels.
    #[must_use]
    pub fn domain(self, name: &str) -> Self {
        self.and(Word::Domain, name)
    }

    fn and(mut self, kind: Word, text: &str) -> Self {
        let end = text.char_indices().nth(4 * Self::MAX_CHARS);
        let text = end.and_then(|(end, _)| text.get(..end)).unwrap_or(text);
        let parts = text.split(|c: char| !c.is_alphanumeric());
        for part in std::iter::once(text).chain(parts) {
            let folded = Folded::of(part);
            let word: Vec<char> = folded.chars.iter().copied().take(Self::MAX_CHARS).collect();
            // One letter more where each is worth less.
            let least = if part.is_ascii() { 3 } else { 2 };
            let is_known = self.words.iter().any(|(_, known)| *known == word);
            if word.len() >= least && !is_known && self.words.len() < Self::MAX_WORDS {
                self.words.push((kind, word));
            }
        }
        self
    }

    /// For zxcvbn, which wants to know them, too.
    #[cfg(feature = "zxcvbn")]
    pub(super) fn words(&self) -> impl Iterator<Item = String> {
        self.words.iter().map(|(_, word)| word.iter().collect())
    }

    /// The words that the password is made of, if it is.
    pub(super) fn refuses(&self, candidate: &Candidate) -> Option<Word> {
        let folded = Folded::of(candidate.text()?);
        let mut covered = vec![false; folded.chars.len()];
        let mut most: Option<(usize, Word)> = None;
        for (kind, word) in &self.words {
            let found = cover(&folded, word, &mut covered);
            if found > most.map_or(0, |(found, _)| found) {
                most = Some((found, *kind));
            }
        }
        let (_, kind) = most?;
        is_short(&folded, &covered).then_some(kind)
    }
}

/// Marks where the word stands, either way round, and says how many code points that are.
pub(super) fn cover(folded: &Folded, word: &[char], covered: &mut [bool]) -> usize {
    let mut found = 0;
    let fits = |at: usize, is_reversed: bool| {
        let stands = folded.chars.get(at..at + word.len());
        stands.is_some_and(|typed| match is_reversed {
            false => typed.iter().zip(word).all(|(t, w)| stands_for(*t, *w)),
            true => typed
                .iter()
                .zip(word.iter().rev())
                .all(|(t, w)| stands_for(*t, *w)),
        })
    };
    let within = word.len() >= WITHIN || !word.iter().all(char::is_ascii);
    for at in 0..folded.chars.len() {
        let end = at + word.len();
        if (fits(at, false) || fits(at, true)) && (within || folded.is_apart(at, end)) {
            found += word.len();
            covered
                .iter_mut()
                .take(end)
                .skip(at)
                .for_each(|it| *it = true);
        }
    }
    found
}

/// Whether what is left is no password by itself.
pub(super) fn is_short(folded: &Folded, covered: &[bool]) -> bool {
    let left = folded
        .chars
        .iter()
        .zip(covered)
        .filter(|(_, covered)| !**covered);
    let left: zeroize::Zeroizing<Vec<char>> =
        zeroize::Zeroizing::new(left.map(|(c, _)| *c).collect());
    left.len() < LEFT || common::pattern(&left, LEFT).is_some()
}
