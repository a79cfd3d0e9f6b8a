use crate::{Context, Evaluation, Limits, Verdict, dkim::Keys};
use futures_util::future::join_all;
use mail_dns::{Query, Resolver};
use std::time::Instant;

/// Judges messages, with a resolver to ask. One serves any number of messages at a time. What has
/// been learned lies in the resolver's cache; all that is kept here is what texts of keys mean
/// ([`Keys`]), shared by clones.
#[derive(Clone, Debug)]
pub struct Validator<R> {
    resolver: R,
    limits: Limits,
    keys: Keys,
    #[cfg(feature = "second-opinion")]
    second: Option<crate::SecondOpinion>,
}

impl<R: Resolver> Validator<R> {
    /// With the default [`Limits`].
    pub fn new(resolver: R) -> Self {
        Self::with_limits(resolver, Limits::default())
    }

    /// With other limits.
    pub fn with_limits(resolver: R, limits: Limits) -> Self {
        Self {
            resolver,
            limits,
            keys: Keys::new(),
            #[cfg(feature = "second-opinion")]
            second: None,
        }
    }

    /// Lets mail-auth judge every message too, from the same answers: see
    /// [`Evaluation::finish_with`].
    #[cfg(feature = "second-opinion")]
    #[must_use]
    pub fn with_second_opinion(self, second: crate::SecondOpinion) -> Self {
        Self {
            second: Some(second),
            ..self
        }
    }

    /// The resolver.
    pub fn resolver(&self) -> &R {
        &self.resolver
    }

    /// Judges a message as it came, CRLF line ends and all. What the DNS does not say before the
    /// deadline counts as failed: the verdict comes in any case.
    pub async fn validate(&self, message: &[u8], context: &Context, deadline: Instant) -> Verdict {
        let evaluation = Evaluation::new(message, context, self.limits.clone());
        let evaluation = evaluation.with_keys(&self.keys);
        self.drive(evaluation, context, deadline).await
    }

    /// Judges the envelope alone: SPF, before the message is there.
    pub async fn validate_envelope(&self, context: &Context, deadline: Instant) -> Verdict {
        let evaluation = Evaluation::envelope(context, self.limits.clone());
        self.drive(evaluation, context, deadline).await
    }

    /// Asks every wave of questions at once.
    async fn drive(
        &self,
        mut evaluation: Evaluation<'_>,
        context: &Context,
        deadline: Instant,
    ) -> Verdict {
        while !evaluation.need().is_empty() {
            let wave: Vec<Query> = evaluation.need().to_vec();
            let ask = |query| self.resolver.resolve(query, context.now(), deadline);
            let answers = join_all(wave.iter().map(ask)).await;
            for (query, answer) in wave.iter().zip(answers) {
                evaluation.answer(query, answer, context.now());
            }
        }
        #[cfg(feature = "second-opinion")]
        if let Some(second) = &self.second {
            return evaluation.verdict_with(second).0;
        }
        evaluation.verdict()
    }
}
