use crate::{Dkim, Dmarc, Grade, Reason, Severity, Spf, Stamp, Stamped, stamp};

/// What is to be thought of one message, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub(crate) grade: Grade,
    pub(crate) reasons: Vec<Reason>,
    pub(crate) spf: Option<Spf>,
    pub(crate) dkim: Vec<Dkim>,
    pub(crate) dmarc: Option<Dmarc>,
    pub(crate) arc: Option<Arc>,
}

/// The outcome of ARC (RFC 8617), which is not evaluated yet: there is no value of this type.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arc {}

impl Verdict {
    /// How far the message can be trusted.
    pub fn grade(&self) -> Grade {
        self.grade
    }

    /// Everything that was noticed, what weighs most first.
    pub fn reasons(&self) -> &[Reason] {
        &self.reasons
    }

    /// SPF (RFC 7208); none where nothing is known of how the message came.
    pub fn spf(&self) -> Option<&Spf> {
        self.spf.as_ref()
    }

    /// DKIM (RFC 6376): every signature that was looked at, from the top; where there are too many,
    /// those of the author's domain first, and one report for all the rest at the end.
    pub fn dkim(&self) -> &[Dkim] {
        &self.dkim
    }

    /// DMARC (RFC 9989); none where there was no message.
    pub fn dmarc(&self) -> Option<&Dmarc> {
        self.dmarc.as_ref()
    }

    /// ARC (RFC 8617); none until it is evaluated.
    pub fn arc(&self) -> Option<&Arc> {
        self.arc.as_ref()
    }

    /// One line for a person: the grade, and the reasons that led to it.
    pub fn summary(&self) -> String {
        let mut line = self.grade.to_string();
        let weighty = self
            .reasons
            .iter()
            .filter(|r| r.severity() > Severity::Info);
        for (i, reason) in weighty.enumerate() {
            line.push_str(if i == 0 { ": " } else { "; " });
            line.push_str(reason.text());
        }
        line
    }

    /// The message with this verdict as Authentication-Results on top, and without the fields that
    /// nobody but the stamping host may write (RFC 8601 §5).
    pub fn stamp<'m>(&self, message: &'m [u8], stamp: &Stamp) -> Stamped<'m> {
        stamp::stamp(self, message, stamp)
    }
}
