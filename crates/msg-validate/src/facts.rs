use mail_dns::{Answer, Failure, Name, Query, Record, RecordType};
use std::collections::HashMap;

/// What the DNS has said so far about one message, and what is still to be asked.
///
/// The protocols are pure functions over this: they look up what they need, and what is not there
/// yet is noted. Each wave of answers runs them again, until nothing is missing. Only the run that
/// misses nothing counts.
#[derive(Debug)]
pub(crate) struct Facts {
    answers: HashMap<Query, Answer>,
    missing: Vec<Query>,
    /// Questions that may still be noted.
    budget: usize,
    /// One more than the budget would have been asked.
    exhausted: bool,
    clock: Clock,
}

/// Whether there is time left to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clock {
    Running,
    /// Nothing more is asked.
    Stopped,
    /// Something would have been asked after that.
    Missed,
}

impl Facts {
    pub(crate) fn new(budget: usize) -> Self {
        Self {
            answers: HashMap::new(),
            missing: Vec::new(),
            budget,
            exhausted: false,
            clock: Clock::Running,
        }
    }

    /// The answer, or `None` after noting the question. Beyond the budget, and once the time is
    /// up, every new question is answered with a failure, so that an evaluation always ends.
    pub(crate) fn look_up(&mut self, name: &Name, record_type: RecordType) -> Option<Answer> {
        let query = Query::new(name.clone(), record_type);
        if let Some(answer) = self.answers.get(&query) {
            return Some(answer.clone());
        }
        if self.missing.contains(&query) {
            return None;
        }
        if self.clock != Clock::Running {
            self.clock = Clock::Missed;
            return Some(Answer::failure(Failure::Timeout));
        }
        if self.budget == 0 {
            self.exhausted = true;
            return Some(Answer::failure(Failure::Refused));
        }
        self.budget -= 1;
        self.missing.push(query);
        None
    }

    /// Notes a question whose answer may be wanted in the next run, so that it travels with this
    /// wave; the answer, if it is there already. A budget that runs low is kept for what is needed
    /// for certain.
    pub(crate) fn prefetch(&mut self, name: &Name, record_type: RecordType) -> Option<Answer> {
        const KEPT: usize = 20;
        if self.budget > KEPT {
            return self.look_up(name, record_type);
        }
        let query = Query::new(name.clone(), record_type);
        self.answers.get(&query).cloned()
    }

    /// The answer, if it is there; nothing is noted.
    #[cfg(feature = "second-opinion")]
    pub(crate) fn known(&self, name: &Name, record_type: RecordType) -> Option<&Answer> {
        self.answers.get(&Query::new(name.clone(), record_type))
    }

    /// What the last run missed.
    pub(crate) fn missing(&self) -> &[Query] {
        &self.missing
    }

    /// Takes an answer; `false` when nobody had asked.
    pub(crate) fn answer(&mut self, query: &Query, answer: Answer) -> bool {
        let Some(at) = self.missing.iter().position(|missing| missing == query) else {
            return false;
        };
        let query = self.missing.swap_remove(at);
        let answer = checked(&query, answer);
        self.answers.insert(query, answer);
        true
    }

    /// Asks nothing any more: what is not known from here on is a failure.
    pub(crate) fn stop(&mut self) {
        self.clock = Clock::Stopped;
        self.drop_missing();
    }

    /// Takes back what is asked but no longer of use.
    pub(crate) fn drop_missing(&mut self) {
        self.missing.clear();
    }

    /// Whether a question was refused because the budget was used up.
    pub(crate) fn exhausted(&self) -> bool {
        self.exhausted
    }

    /// Whether a question was not asked because the time was up.
    pub(crate) fn is_late(&self) -> bool {
        self.clock == Clock::Missed
    }
}

/// What of the answer answers this question: records of another type, such as the aliases on the
/// way, say nothing and must not be counted. With nothing else it is no answer.
pub(crate) fn checked(query: &Query, answer: Answer) -> Answer {
    let of_type = |record: &&Record| record.record_type() == query.record_type;
    let good = answer.iter().filter(of_type).count();
    if good == answer.iter().len() {
        return answer;
    }
    if good == 0 {
        return Answer::failure(Failure::Malformed);
    }
    let records: Vec<_> = answer.iter().filter(of_type).cloned().collect();
    Answer::records(records, answer.security(), answer.ttl())
}
