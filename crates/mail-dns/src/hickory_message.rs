//! The messages of the stub: its questions, and which datagrams answer them.

use crate::hickory_chase::{Chase, is_same, to_hickory};
use crate::{Answer, Failure, Name, Query, Security};
use hickory_proto::{
    op::{Edns, Message, MessageType, OpCode, Query as Question, ResponseCode},
    rr::{self, DNSClass},
};

/// Octets of an answer that fit into one datagram. On loopback no datagram is cut into fragments.
pub(crate) const MAX_DATAGRAM: u16 = 4096;

/// A question with its identifier.
#[derive(Debug)]
pub(crate) struct Asked {
    id: u16,
    name: Name,
    record_type: rr::RecordType,
}

/// What some octets are to a question.
#[derive(Debug)]
pub(crate) enum Heard {
    /// Not its answer: to be passed over.
    Stray,
    /// Its answer, or the beginning of one, that cannot be read.
    Malformed,
    /// Its answer does not fit.
    Truncated,
    /// Its answer.
    Reply(Reply),
}

/// An answer of the resolver.
#[derive(Debug)]
pub(crate) struct Reply(Box<Message>);

impl Reply {
    /// Whether the resolver found it authentic. RFC 4035 §3.2.3: the bit speaks of all that is in
    /// the answer and authority sections.
    pub(crate) fn security(&self) -> Security {
        match self.0.metadata.authentic_data {
            true => Security::Secure,
            false => Security::Insecure,
        }
    }

    /// That there is an answer at all, of a server that asks others: one that only knows its own
    /// zones validates nothing.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        match self.0.metadata.response_code {
            ResponseCode::NoError | ResponseCode::NXDomain => {}
            code => return Err(Chase::refused(code)),
        }
        match self.0.metadata.recursion_available {
            true => Ok(()),
            false => Err(Failure::Refused),
        }
    }

    /// Goes as far as this answer leads; `Ok` means that the name reached is to be asked next.
    pub(crate) fn lead(&self, chase: &mut Chase) -> Result<(), Answer> {
        self.check().map_err(Answer::failure)?;
        chase.follow(&self.0, |_| Some(self.security()))
    }
}

impl Asked {
    pub(crate) fn new(query: &Query, id: u16) -> Self {
        Self {
            id,
            name: query.name.clone(),
            record_type: to_hickory(query.record_type),
        }
    }

    /// The name servers of the root, which is signed.
    pub(crate) fn root(id: u16) -> Self {
        Self {
            id,
            name: Name::root(),
            record_type: rr::RecordType::NS,
        }
    }

    /// The question as a message.
    pub(crate) fn message(&self) -> Option<Vec<u8>> {
        let mut name = rr::Name::from_labels(self.name.labels()).ok()?;
        name.set_fqdn(true);
        let mut message = Message::new(self.id, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = true;
        // RFC 6840 §5.7: "setting the AD bit in a query as a signal indicating that the requester
        // understands and is interested in the value of the AD bit in the response". The signatures
        // themselves (DO) are not wanted.
        message.metadata.authentic_data = true;
        message.add_query(Question::query(name, self.record_type));
        let mut edns = Edns::new();
        edns.set_max_payload(MAX_DATAGRAM);
        message.set_edns(edns);
        message.to_vec().ok()
    }

    /// What these octets are to this question.
    pub(crate) fn hear(&self, octets: &[u8]) -> Heard {
        // RFC 1035 §4.1.1: the identifier, and the bit that says that it is a response.
        match octets {
            [a, b, flags, _, ..]
                if u16::from_be_bytes([*a, *b]) == self.id && flags & 0x80 != 0 => {}
            _ => return Heard::Stray,
        }
        let Ok(message) = Message::from_vec(octets) else {
            return Heard::Malformed;
        };
        let [question] = &*message.queries else {
            return Heard::Stray;
        };
        let same = message.metadata.op_code == OpCode::Query
            && question.query_class() == DNSClass::IN
            && question.query_type() == self.record_type
            && is_same(question.name(), &self.name);
        if !same {
            return Heard::Stray;
        }
        match message.metadata.truncation {
            true => Heard::Truncated,
            false => Heard::Reply(Reply(Box::new(message))),
        }
    }
}

/// What octets are as the answer to a question: for fuzz targets alone. `None` where they are passed
/// over or cut short; else whether they can be read, and where they lead.
#[cfg(fuzzing)]
pub fn hear(query: &Query, id: u16, octets: &[u8]) -> Option<Answer> {
    match Asked::new(query, id).hear(octets) {
        Heard::Stray | Heard::Truncated => None,
        Heard::Malformed => Some(Answer::failure(Failure::Malformed)),
        Heard::Reply(reply) => reply.lead(&mut Chase::new(query)).err(),
    }
}
