use crate::facts::{Facts, checked};
use mail_dns::{Answer, Query};

/// Where answers come from.
pub(super) trait Dns {
    /// The answer, or `None` after noting the question.
    fn look_up(&mut self, query: &Query) -> Option<Answer>;

    /// Notes a question whose answer may be wanted in the next run; the answer if it is there.
    fn prefetch(&mut self, query: &Query) -> Option<Answer>;
}

impl Dns for Facts {
    fn look_up(&mut self, query: &Query) -> Option<Answer> {
        Self::look_up(self, &query.name, query.record_type)
    }

    fn prefetch(&mut self, query: &Query) -> Option<Answer> {
        Self::prefetch(self, &query.name, query.record_type)
    }
}

/// Facts, and before them what somebody else knows already.
#[derive(Debug)]
pub(super) struct Known<'a, F> {
    pub(super) known: F,
    pub(super) facts: &'a mut Facts,
}

impl<F: FnMut(&Query) -> Option<Answer>> Known<'_, F> {
    fn known(&mut self, query: &Query) -> Option<Answer> {
        (self.known)(query).map(|answer| checked(query, answer))
    }
}

impl<F: FnMut(&Query) -> Option<Answer>> Dns for Known<'_, F> {
    fn look_up(&mut self, query: &Query) -> Option<Answer> {
        (self.known(query)).or_else(|| Dns::look_up(self.facts, query))
    }

    fn prefetch(&mut self, query: &Query) -> Option<Answer> {
        (self.known(query)).or_else(|| Dns::prefetch(self.facts, query))
    }
}
