use super::{Date, Topic, check::Check};

/// A dated set of rules.
///
/// Paraphrased; the text that counts is the publisher's.
#[derive(Debug)]
#[non_exhaustive]
pub struct RuleSet {
    /// `TR_03108`
    pub id: &'static str,
    /// `2.0`
    pub edition: &'static str,
    /// Whose, and what for.
    pub title: &'static str,
    /// The date of the edition as its publisher gives it, or that it is not known.
    pub issued: &'static str,
    /// Since when it counts, as exactly as that is known; nothing if it is not known.
    pub from: Option<Date>,
    /// The next edition, and since when that counts.
    pub replaced: Option<(&'static str, Date)>,
    /// What it rests on.
    pub depends: &'static [&'static Self],
    /// The rules.
    pub rules: &'static [Rule],
    /// What is not here, and why.
    pub left_out: &'static [LeftOut],
}

/// One rule.
#[derive(Debug)]
#[non_exhaustive]
pub struct Rule {
    /// Unique within its set.
    pub id: &'static str,
    /// What it wants.
    pub title: &'static str,
    /// How much it wants it.
    pub level: Level,
    /// Of whom it can be judged.
    pub scope: Scope,
    /// The first year in which it counts, if that is not the edition's own.
    pub from: Option<u16>,
    /// How well its text is known.
    pub certainty: Certainty,
    /// Where it stands.
    pub source: &'static str,
    /// What to do if it is not met.
    pub remedy: &'static str,
    pub(crate) check: Check,
}

/// How much a rule wants what it wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(clippy::exhaustive_enums)] // The words that the guidelines use.
pub enum Level {
    /// Required.
    Must,
    /// Recommended.
    Should,
    /// Optional, or for information.
    May,
}

/// Of whom a rule can be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // Ours, anybody's, or a matter of somebody's word.
pub enum Scope {
    /// Only of one's own service.
    Own,
    /// Of anybody.
    Remote,
    /// Only of one's own, by somebody's word.
    Attested,
}

/// How well the text of a rule is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // First or second hand.
pub enum Certainty {
    /// From the publisher's own text.
    Primary,
    /// From what others write of it.
    Secondary,
}

/// A rule of the publisher's that is not judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeftOut {
    /// What it wants.
    pub what: &'static str,
    /// Why it is not judged.
    pub why: &'static str,
}

impl Level {
    /// `must`
    pub fn word(self) -> &'static str {
        match self {
            Self::Must => "must",
            Self::Should => "should",
            Self::May => "may",
        }
    }
}

impl Scope {
    /// `own`
    pub fn word(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Remote => "remote",
            Self::Attested => "attested",
        }
    }
}

impl Certainty {
    /// `primary`
    pub fn word(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Secondary => "secondary",
        }
    }
}

/// A rule for anybody, from the publisher's text; the rest is said by the functions below.
pub(super) const fn rule(
    id: &'static str,
    level: Level,
    title: &'static str,
    source: &'static str,
    remedy: &'static str,
    check: Check,
) -> Rule {
    Rule {
        id,
        title,
        level,
        scope: Scope::Remote,
        from: None,
        certainty: Certainty::Primary,
        source,
        remedy,
        check,
    }
}

impl Rule {
    pub(super) const fn own(mut self) -> Self {
        self.scope = Scope::Own;
        self
    }

    pub(super) const fn second_hand(mut self) -> Self {
        self.certainty = Certainty::Secondary;
        self
    }

    pub(super) const fn starting(mut self, year: u16) -> Self {
        self.from = Some(year);
        self
    }
}

/// A rule that somebody has to stand for.
pub(super) const fn attested(
    id: &'static str,
    level: Level,
    title: &'static str,
    source: &'static str,
    topic: Topic,
) -> Rule {
    let remedy = "have the person in charge attest it, with a date";
    let mut rule = rule(id, level, title, source, remedy, Check::Attested(topic));
    rule.scope = Scope::Attested;
    rule
}

pub(super) const fn left_out(what: &'static str, why: &'static str) -> LeftOut {
    LeftOut { what, why }
}

impl RuleSet {
    /// Whether this edition counts on that day: it has begun, and no other has taken its place.
    pub fn counts_on(&self, today: Date) -> bool {
        self.has_begun(today) && self.replaced.is_none_or(|(_, since)| since > today)
    }

    pub(crate) fn has_begun(&self, today: Date) -> bool {
        self.from.is_none_or(|from| from <= today)
    }
}
