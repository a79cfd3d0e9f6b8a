use crate::facts::{Facts, checked};
use mail_dns::{Answer, Name, Query, RecordType};

/// Where answers come from.
pub(super) trait Dns {
    /// The answer, or `None` after noting the question.
    fn look_up(&mut self, name: &Name, record_type: RecordType) -> Option<Answer>;

    /// Notes a question whose answer may be wanted in the next run; the answer if it is there.
    fn prefetch(&mut self, name: &Name, record_type: RecordType) -> Option<Answer>;
}

impl Dns for Facts {
    fn look_up(&mut self, name: &Name, record_type: RecordType) -> Option<Answer> {
        Self::look_up(self, name, record_type)
    }

    fn prefetch(&mut self, name: &Name, record_type: RecordType) -> Option<Answer> {
        Self::prefetch(self, name, record_type)
    }
}

/// Facts, and before them what somebody else knows already.
#[derive(Debug)]
pub(super) struct Known<'a, F> {
    pub(super) known: F,
    pub(super) facts: &'a mut Facts,
}

impl<F: FnMut(&Query) -> Option<Answer>> Known<'_, F> {
    fn known(&mut self, name: &Name, record_type: RecordType) -> Option<Answer> {
        let query = Query::new(name.clone(), record_type);
        (self.known)(&query).map(|answer| checked(&query, answer))
    }
}

impl<F: FnMut(&Query) -> Option<Answer>> Dns for Known<'_, F> {
    fn look_up(&mut self, name: &Name, record_type: RecordType) -> Option<Answer> {
        (self.known(name, record_type)).or_else(|| self.facts.look_up(name, record_type))
    }

    fn prefetch(&mut self, name: &Name, record_type: RecordType) -> Option<Answer> {
        (self.known(name, record_type)).or_else(|| self.facts.prefetch(name, record_type))
    }
}
