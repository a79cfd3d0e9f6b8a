//! Which passwords may be chosen, by SP 800-63B-4 §3.1.1.2: facts in, verdict out.
//!
//! ```
//! use breach_check::policy::{Candidate, Context, Language, Policy};
//! use breach_check::{CountClass, Sighting};
//!
//! let policy = Policy::single_factor(); // 15 code points; 8 with a second factor
//! let context = Context::new().service("Example Mail").user("ann@example.org");
//! // A corpus, or the range API; here somebody who has seen one password 70 times.
//! let source = |hash: breach_check::PasswordHash| {
//!     let seen = hash == breach_check::PasswordHash::sha1("it is what it is!");
//!     Ok::<_, std::io::Error>(if seen { Sighting::Seen(CountClass::of(70).unwrap()) } else { Sighting::NotSeen })
//! };
//!
//! let verdict = policy.check(&Candidate::new("it is what it is!"), &context, source)?;
//! assert_eq!(verdict.code(), "password.breached");
//! assert!(verdict.guidance(Language::German)[0].contains("64- bis 127-mal"));
//!
//! let chosen = Candidate::new("wrist orbit mango velvet");
//! assert!(policy.check(&chosen, &context, source)?.is_accepted());
//! let hash_this = chosen.text().expect("it was accepted"); // now and at each login
//! # let _ = hash_this;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # What is refused
//!
//! | code | rule |
//! |---|---|
//! | `password.short` | fewer code points, in the normal form, than 15, or 8 with a second factor |
//! | `password.long` | more than 1,024 code points, or what the policy says, 64 at least; nothing is ever cut off |
//! | `password.control` | control characters and the line and paragraph separators (U+2028, U+2029) |
//! | `password.unassigned` | code points that Unicode has not assigned, and those for private use |
//! | `password.context.*` | words of the context, and less than eight code points, or a pattern, besides |
//! | `password.common.*` | one repeated unit, sequences, walks over keyboards, a short list of words; seen 1,024 times or more |
//! | `password.breached` | seen in breaches, as often as the policy says, once by default |
//! | `password.tweaked` | if turned on: one of fifty small changes of a password that was seen |
//!
//! There are no rules of composition: any other character will do, spaces included, and none is asked for.
//!
//! # Errors and verdicts
//!
//! A source that does not know leads to [`Verdict::Undecided`], which accepts nothing, and so does a question without an
//! answer. An error of the source is handed back, unless something else refuses the password already.
//!
//! # Time
//!
//! How long a verdict takes depends on the password. That is no matter here, and nothing is constant in time: whoever asks
//! chooses the password himself, is told the verdict with its reason, and no secret of anybody else is compared. Whoever sees
//! the time of an encrypted request sees more of the password's length by its size. Work is bounded: no more than
//! [`Candidate::MAX_OCTETS`] are looked at, 4,096 code points are compared with 64 words, and at most 51 hashes are made, 50
//! of them of small changes of at most 128 code points.

mod common;
mod context;
mod fold;
mod guidance;
mod keyboard;
mod normal;
mod tweaks;
mod verdict;

#[cfg(feature = "zxcvbn")]
mod advice;

use std::future::Future;

use crate::{CountClass, HashKind, PasswordHash, Sighting, Unknown};

#[cfg(feature = "zxcvbn")]
pub use advice::Advice;
pub use context::Context;
pub use guidance::Language;
pub use normal::{Candidate, Form};
pub use tweaks::Tweaks;
pub use verdict::{Hint, Pattern, Reason, Verdict, Word};

/// What is refused as most common whatever the policy says: seen 1,024 times or more.
const MOST_COMMON: u8 = 10;

/// Which passwords may be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    minimum: usize,
    maximum: usize,
    kind: HashKind,
    breached: CountClass,
    tweaked: Option<CountClass>,
}

impl Policy {
    /// For passwords that open by themselves: 15 code points at least.
    #[must_use]
    pub fn single_factor() -> Self {
        Self {
            minimum: 15,
            maximum: 1024,
            kind: HashKind::Sha1,
            breached: CountClass::low(0),
            tweaked: None,
        }
    }

    /// For passwords that never open without a second factor: 8 code points at least.
    #[must_use]
    pub fn with_second_factor() -> Self {
        let minimum = 8;
        Self {
            minimum,
            ..Self::single_factor()
        }
    }

    /// At least so many code points. Less than before changes nothing, and more than 64 is never asked for.
    #[must_use]
    pub fn at_least(mut self, chars: usize) -> Self {
        self.minimum = self.minimum.max(chars.min(64));
        self
    }

    /// At most so many code points, 1,024 unless this says otherwise: 64 are always allowed, and never more than
    /// [`Candidate::MAX_CHARS`]. Whoever hashes with something that cuts off, such as bcrypt behind 72 octets, must not.
    #[must_use]
    pub fn at_most(mut self, chars: usize) -> Self {
        self.maximum = chars.clamp(64, Candidate::MAX_CHARS);
        self
    }

    /// Which hash the source knows; SHA-1 unless this says otherwise.
    #[must_use]
    pub fn hashes(mut self, kind: HashKind) -> Self {
        self.kind = kind;
        self
    }

    /// Refuses only what was seen so often in breaches; class 0, once, unless this says otherwise. What was seen 1,024 times
    /// or more is refused in any case. With a corpus of 16 key bits, of which one in 2,800 looks as if it was seen, a higher
    /// class spares people a refusal without ground.
    #[must_use]
    pub fn breached(mut self, class: CountClass) -> Self {
        self.breached = class;
        self
    }

    /// Also refuses fifty usual changes of what was seen so often in breaches. These are up to fifty more questions for each
    /// password: for a corpus, not for the range API, to which each of them would tell five characters of a hash.
    #[must_use]
    pub fn tweaked(mut self, class: CountClass) -> Self {
        self.tweaked = Some(class);
        self
    }

    /// How many code points a password must have.
    #[must_use]
    pub fn minimum(&self) -> usize {
        self.minimum
    }

    /// How many code points a password may have.
    #[must_use]
    pub fn maximum(&self) -> usize {
        self.maximum
    }

    /// What to ask a source, for [`judge`](Self::judge): the hash of the password, and if tweaks are refused those of what it
    /// may come from. None if it is too long.
    pub fn questions(&self, candidate: &Candidate) -> impl Iterator<Item = PasswordHash> {
        let text = candidate
            .text()
            .filter(|_| candidate.chars() <= self.maximum);
        let tweaks = text.filter(|_| self.tweaked.is_some()).map(Tweaks::of);
        let own = text.map(|text| PasswordHash::of(self.kind, text));
        let tweaks = tweaks.into_iter().flatten();
        own.into_iter()
            .chain(tweaks.map(|text| PasswordHash::of(self.kind, &text)))
    }

    /// The verdict on a password whose [`questions`](Self::questions) have these answers, in their order. A question without an
    /// answer leaves it undecided, unless something refuses it.
    pub fn judge(
        &self,
        candidate: &Candidate,
        context: &Context,
        sightings: &[Sighting],
    ) -> Verdict {
        let mut inquiry = Inquiry::begin(self, candidate, context);
        let mut sightings = sightings.iter();
        while inquiry.next().is_some() {
            match sightings.next() {
                Some(sighting) => inquiry.answer(*sighting),
                None => return inquiry.end(Some(Unknown::NoAnswer)),
            }
        }
        // More answers than questions are those of another password.
        let is_odd = sightings.next().is_some();
        inquiry.end(is_odd.then_some(Unknown::NoAnswer))
    }

    /// Asks a source, each question once, and gives the verdict. The password itself is asked for first, unless it is too
    /// long; what it may come from only if nothing speaks against it.
    ///
    /// # Errors
    /// That of the source, unless something else refuses the password.
    pub fn check<E>(
        &self,
        candidate: &Candidate,
        context: &Context,
        mut source: impl FnMut(PasswordHash) -> Result<Sighting, E>,
    ) -> Result<Verdict, E> {
        let mut inquiry = Inquiry::begin(self, candidate, context);
        while let Some(text) = inquiry.next() {
            let answer = source(PasswordHash::of(self.kind, text.as_str()));
            match answer {
                Ok(sighting) => inquiry.answer(sighting),
                Err(error) => return inquiry.end_by(error),
            }
        }
        Ok(inquiry.end(None))
    }

    /// As [`check`](Self::check), of a source that takes its time. The future is `Send` if the source's are.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub async fn check_async<E, F: Future<Output = Result<Sighting, E>>>(
        &self,
        candidate: &Candidate,
        context: &Context,
        mut source: impl FnMut(PasswordHash) -> F,
    ) -> Result<Verdict, E> {
        let mut inquiry = Inquiry::begin(self, candidate, context);
        while let Some(text) = inquiry.next() {
            let hash = PasswordHash::of(self.kind, text.as_str());
            drop(text);
            match source(hash).await {
                Ok(sighting) => inquiry.answer(sighting),
                Err(error) => return inquiry.end_by(error),
            }
        }
        Ok(inquiry.end(None))
    }

    /// What speaks against a password without asking anybody.
    fn reasons(&self, candidate: &Candidate, context: &Context) -> Vec<Reason> {
        let (minimum, maximum) = (self.minimum, self.maximum);
        if candidate.chars() > maximum {
            return vec![Reason::Long { maximum }];
        }
        let mut reasons = Vec::new();
        if candidate.chars() < minimum {
            reasons.push(Reason::Short { minimum });
        }
        if candidate.has_controls() {
            reasons.push(Reason::Control);
        }
        if candidate.has_unassigned() {
            reasons.push(Reason::Unassigned);
        }
        reasons.extend(context.refuses(candidate).map(Reason::Context));
        reasons.extend(common::refuses(candidate, minimum).map(Reason::Common));
        reasons
    }
}

/// What a password may come from by fifty usual changes, which the option [`Policy::tweaked`] looks up.
#[must_use]
pub fn tweaks(candidate: &Candidate) -> Tweaks<'_> {
    Tweaks::of(candidate.text().unwrap_or_default())
}

/// A verdict in the making, for whoever asks the questions.
struct Inquiry<'a> {
    policy: &'a Policy,
    stage: Stage<'a>,
    reasons: Vec<Reason>,
    unknown: Option<Unknown>,
}

enum Stage<'a> {
    /// The password itself is still to be asked for.
    Own(&'a str),
    /// It is asked for.
    OwnAsked(&'a str),
    Tweaks(Tweaks<'a>),
    End,
}

/// What is to be hashed next.
enum Next<'a> {
    Own(&'a str),
    Tweak(zeroize::Zeroizing<String>),
}

impl Next<'_> {
    fn as_str(&self) -> &str {
        match self {
            Self::Own(text) => text,
            Self::Tweak(text) => text,
        }
    }
}

impl<'a> Inquiry<'a> {
    fn begin(policy: &'a Policy, candidate: &'a Candidate, context: &Context) -> Self {
        let text = candidate
            .text()
            .filter(|_| candidate.chars() <= policy.maximum);
        Self {
            policy,
            stage: text.map_or(Stage::End, Stage::Own),
            reasons: policy.reasons(candidate, context),
            unknown: None,
        }
    }

    /// What to ask next, if anything can still change the verdict.
    fn next(&mut self) -> Option<Next<'a>> {
        let is_open = self.reasons.is_empty() && self.unknown.is_none();
        match std::mem::replace(&mut self.stage, Stage::End) {
            Stage::Own(text) => {
                self.stage = Stage::OwnAsked(text);
                Some(Next::Own(text))
            }
            Stage::OwnAsked(text) if is_open && self.policy.tweaked.is_some() => {
                self.stage = Stage::Tweaks(Tweaks::of(text));
                self.next()
            }
            Stage::Tweaks(mut tweaks) if is_open => {
                let next = tweaks.next()?;
                self.stage = Stage::Tweaks(tweaks);
                Some(Next::Tweak(next))
            }
            _ => None,
        }
    }

    fn answer(&mut self, sighting: Sighting) {
        match sighting {
            Sighting::NotSeen => {}
            Sighting::Unknown(why) => self.unknown = Some(why),
            Sighting::Seen(class) => self.seen(class),
        }
    }

    fn seen(&mut self, class: CountClass) {
        if let Stage::Tweaks(_) = self.stage {
            let is_refused = self.policy.tweaked.is_some_and(|least| class >= least);
            self.reasons
                .extend(is_refused.then_some(Reason::Tweaked(class)));
        } else if class.number() >= MOST_COMMON {
            self.reasons.insert(0, Reason::MostCommon(class));
        } else if class >= self.policy.breached {
            self.reasons.insert(0, Reason::Breached(class));
        }
    }

    fn end(self, unanswered: Option<Unknown>) -> Verdict {
        match (self.reasons.is_empty(), self.unknown.or(unanswered)) {
            (false, _) => Verdict::Refused(self.reasons),
            (true, Some(why)) => Verdict::Undecided(why),
            (true, None) => Verdict::Accepted,
        }
    }

    /// The source has failed: what is refused needs no source.
    fn end_by<E>(self, error: E) -> Result<Verdict, E> {
        match self.reasons.is_empty() {
            true => Err(error),
            false => Ok(Verdict::Refused(self.reasons)),
        }
    }
}
