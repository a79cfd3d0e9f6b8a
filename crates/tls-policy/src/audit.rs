//! Dated rule sets, and what they say to facts that somebody has gathered: feature `audit`.

mod date;
mod facts;
mod seen;

pub use date::{Date, NotADate};
pub use facts::{
    Attestation, Caa, Chain, ClientFacts, Der, DkimKey, DkimKind, DmarcFacts, DmarcPolicy,
    DomainFacts, Facts, HostFacts, Mx, MxName, NameServer, Order, OwnFacts, PolicyBody, Protocol,
    Roa, ServiceFacts, SpfAll, SpfFacts, Srv, Subject, TlsFacts, Tlsa, Topic,
};
pub use seen::{Cause, Dnssec, Offers, Published, Seen};

/// Octets of a note that a report shows.
pub const MAX_EVIDENCE: usize = 300;
