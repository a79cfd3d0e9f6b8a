use crate::{
    Context, Dkim, Dmarc, Error, Limits, Reason, Severity, Spf, SpfResult, Transport, Verdict,
    dkim::{DkimResult, Keys, Signatures},
    dmarc::{self, By, Identifier, State},
    facts::Facts,
    hygiene::{self, Hygiene},
    judge::{self, Findings, Signature, Standing},
    message::Message,
    spf,
};
use mail_dns::{Answer, Name, Query, RecordType};
use std::time::SystemTime;

/// The judgement of one message, without I/O: it says what it needs to know of the DNS, and takes
/// the answers.
///
/// All the questions of [`need`](Self::need) can be asked at once; when the last one is answered,
/// the next wave is there. A wave that is empty is the end. A question that fails is answered
/// with [`Answer::failure`], and one that is never answered keeps the evaluation from finishing.
///
/// ```
/// use mail_dns::Zone;
/// use msg_validate::{Context, Evaluation, Grade, Limits};
/// use std::time::UNIX_EPOCH;
///
/// let zone = Zone::new().txt("example.org", "v=spf1 ip4:192.0.2.1 -all")?;
/// let context = Context::smtp([192, 0, 2, 1].into(), "mx.example.org", "a@example.org", UNIX_EPOCH);
/// let mut evaluation = Evaluation::new(b"From: a@example.org\r\n\r\nHi\r\n", &context, Limits::default());
/// while !evaluation.need().is_empty() {
///     for query in evaluation.need().to_vec() {
///         evaluation.answer(&query, zone.answer(&query), context.now());
///     }
/// }
/// assert_eq!(evaluation.finish()?.grade(), Grade::Plausible);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Evaluation<'a> {
    context: &'a Context,
    limits: Limits,
    hygiene: Option<Hygiene>,
    signatures: Option<Signatures>,
    facts: Facts,
    keys: Keys,
    // What is finished is not run again.
    spf: Option<Spf>,
    dkim: Option<Vec<Dkim>>,
    dmarc: Option<Dmarc>,
    done: bool,
    #[cfg(feature = "second-opinion")]
    message: Option<&'a [u8]>,
}

impl<'a> Evaluation<'a> {
    /// Of a message as it came, CRLF line ends and all.
    pub fn new(message: &'a [u8], context: &'a Context, limits: Limits) -> Self {
        let parts = Message::parse(message, &limits);
        let hygiene = hygiene::inspect(&parts, context, &limits);
        let signatures = Signatures::parse(&parts, &limits, hygiene.authors().first());
        let evaluation = Self::start(Some((hygiene, signatures)), context, limits);
        Self {
            #[cfg(feature = "second-opinion")]
            message: Some(message),
            ..evaluation
        }
    }

    /// Of the envelope alone: SPF, before the message is there.
    pub fn envelope(context: &'a Context, limits: Limits) -> Self {
        Self::start(None, context, limits)
    }

    fn start(message: Option<(Hygiene, Signatures)>, context: &'a Context, limits: Limits) -> Self {
        let (hygiene, signatures) = message.unzip();
        let mut evaluation = Self {
            facts: Facts::new(limits.dns_queries),
            keys: Keys::new(),
            context,
            limits,
            hygiene,
            signatures,
            spf: None,
            dkim: None,
            dmarc: None,
            done: false,
            #[cfg(feature = "second-opinion")]
            message: None,
        };
        evaluation.run();
        evaluation
    }

    /// With keys that were read before, as a [`Validator`](crate::Validator) does it.
    #[must_use]
    pub fn with_keys(mut self, keys: &Keys) -> Self {
        self.keys = keys.clone();
        self
    }

    /// The questions that are open. None: [`finish`](Self::finish) can be called.
    pub fn need(&self) -> &[Query] {
        self.facts.missing()
    }

    /// Takes an answer that came at `now`. One that nobody asked for, or that came already, is
    /// ignored. Records of another type than was asked for do not count, and an answer of nothing
    /// else is a failure.
    ///
    /// Once more than [`Limits::time`] has passed since the message came, no more is asked, and
    /// no more is waited for: what is not known by then counts as a time-out.
    pub fn answer(&mut self, query: &Query, answer: Answer, now: SystemTime) {
        if !self.facts.answer(query, answer) {
            return;
        }
        let spent = now.duration_since(self.context.now()).unwrap_or_default();
        if spent > self.limits.time {
            self.facts.stop();
        }
        if self.facts.missing().is_empty() {
            self.run();
        }
    }

    /// The verdict.
    ///
    /// # Errors
    /// [`Error::Unanswered`] while questions are open.
    pub fn finish(mut self) -> Result<Verdict, Error> {
        if !self.done {
            let missing = self.facts.missing().len();
            return Err(Error::Unanswered { missing });
        }
        Ok(self.verdict())
    }

    /// The verdict, and where mail-auth differs from it, judging the same message from the same
    /// answers. A difference that is not [known](crate::SecondOpinion::known) is a reason in the
    /// verdict, which is then at best Plausible.
    ///
    /// # Errors
    /// [`Error::Unanswered`] while questions are open.
    #[cfg(feature = "second-opinion")]
    pub fn finish_with(
        mut self,
        second: &crate::SecondOpinion,
    ) -> Result<(Verdict, Vec<crate::second_opinion::Difference>), Error> {
        if !self.done {
            let missing = self.facts.missing().len();
            return Err(Error::Unanswered { missing });
        }
        Ok(self.verdict_with(second))
    }

    #[cfg(feature = "second-opinion")]
    pub(crate) fn verdict_with(
        &mut self,
        second: &crate::SecondOpinion,
    ) -> (Verdict, Vec<crate::second_opinion::Difference>) {
        let mut verdict = self.verdict();
        let differences = second.compare(self.message, self.context, &self.facts, &verdict);
        verdict.add(&differences);
        (verdict, differences)
    }

    /// The verdict from what is known.
    pub(crate) fn verdict(&mut self) -> Verdict {
        let (grade, reasons) = judge::judge(&self.findings());
        Verdict {
            grade,
            reasons,
            spf: self.spf.take(),
            dkim: self.dkim.take().unwrap_or_default(),
            dmarc: self.dmarc.take(),
            arc: None,
        }
    }

    fn findings(&self) -> Findings {
        let hygiene = self.hygiene.as_ref();
        let mut noticed = hygiene.map_or(Vec::new(), |h| h.reasons().to_vec());
        let most = self.limits.dns_queries;
        let limits = [
            (
                self.facts.exhausted(),
                format!("more than {most} questions to the DNS"),
            ),
            (
                self.facts.is_late(),
                "the questions to the DNS took more time than there is".to_owned(),
            ),
        ];
        for (_, text) in limits.into_iter().filter(|(reached, _)| *reached) {
            noticed.push(Reason::new("limit.dns", Severity::Alarm, text));
        }
        let duplicates = hygiene.map_or(&[][..], |h| h.duplicates());
        let dkim = self.dkim.as_deref().unwrap_or_default();
        Findings {
            noticed,
            spf: self
                .spf
                .as_ref()
                .and_then(|spf| spf.mail_from())
                .map(Into::into),
            signatures: dkim
                .iter()
                .map(|dkim| Signature::new(dkim, self.standing(dkim), duplicates))
                .collect(),
            dmarc: self.dmarc.as_ref().map(Into::into),
        }
    }

    /// Whether a signature claims to speak for the author: for one that passes, DMARC has the say.
    fn standing(&self, dkim: &Dkim) -> Standing {
        let domain = dkim.domain().and_then(|d| Name::from_unicode(d).ok());
        let dmarc = self.dmarc.as_ref();
        match (domain, dmarc) {
            (Some(domain), Some(dmarc)) if dmarc.speaks_for_author(&domain, dkim.result()) => {
                Standing::Author
            }
            _ => Standing::Other,
        }
    }

    /// Goes as far as the facts allow, and notes all that is missing.
    fn run(&mut self) {
        let (context, limits, facts) = (self.context, &self.limits, &mut self.facts);
        // The author's policy first, and once: nobody can use up the budget before it.
        let first = self.dkim.is_none() && self.spf.is_none();
        if let Some(hygiene) = self.hygiene.as_ref().filter(|_| first) {
            let envelope = context.transport().and_then(envelope_domain);
            let signers = self.signatures.iter().flat_map(Signatures::domains);
            let signers: Vec<Name> = signers.filter_map(|d| Name::from_unicode(d).ok()).collect();
            dmarc::prefetch(facts, hygiene.authors(), envelope.iter().chain(&signers));
        }
        let mut open = false;
        if let (None, Some(signatures)) = (&self.dkim, &mut self.signatures) {
            let look_up = |name: &Name| facts.look_up(name, RecordType::Txt);
            self.dkim = signatures.verify(look_up, &self.keys, context.now());
            open |= self.dkim.is_none();
        }
        if let (None, Some(transport)) = (&self.spf, context.transport()) {
            let receiver = context.stamp().map(|stamp| stamp.authserv_id());
            self.spf = spf::check(transport, context.now(), receiver, limits, facts);
            open |= self.spf.is_none();
        }
        if open {
            return;
        }
        if let Some(hygiene) = &self.hygiene {
            let identifiers = self.identifiers();
            self.dmarc = dmarc::check(&mut self.facts, hygiene.authors(), &identifiers);
            if self.dmarc.is_none() {
                return;
            }
        }
        // What was asked ahead and is not needed.
        self.facts.drop_missing();
        self.done = true;
    }

    /// Every domain that vouches for the message, or might have.
    fn identifiers(&self) -> Vec<Identifier> {
        // What the budget forbade to ask is not the DNS's fault: a sender could use it up. Time
        // is not the sender's alone, so what ran out of it is not known, as after a time-out.
        let unknown = (!self.facts.exhausted()).then_some(State::Unknown);
        let spf = self.spf.as_ref().and_then(|spf| spf.mail_from());
        let spf = spf.and_then(|spf| {
            let state = match spf.result() {
                SpfResult::Pass => State::Pass,
                SpfResult::TempError => unknown?,
                _ => return None,
            };
            identifier(spf.domain(), By::Spf, state)
        });
        let dkim = self.dkim.iter().flatten().filter_map(|dkim| {
            let state = match dkim.result() {
                DkimResult::Pass => State::Pass,
                DkimResult::TempError => unknown?,
                _ => return None,
            };
            identifier(dkim.domain()?, By::Dkim, state)
        });
        spf.into_iter().chain(dkim).collect()
    }
}

fn identifier(domain: &str, by: By, state: State) -> Option<Identifier> {
    let domain = Name::from_unicode(domain).ok()?;
    Some(Identifier { domain, by, state })
}

/// The domain that SPF will speak of (RFC 7208 §2.4).
fn envelope_domain(transport: &Transport) -> Option<Name> {
    let domain = match transport.mail_from.rsplit_once('@') {
        Some((_, domain)) => domain,
        None => &transport.helo,
    };
    Name::from_unicode(domain).ok()
}
