use crate::{Context, facts::Facts};
use mail_auth::{
    DnsError, DnssecStatus, Error, MX, RecordSet, ResolverCache, Txt,
    common::{parse::TxtRecordParser, verify::DomainKey},
    dmarc::Dmarc,
    hickory_resolver::proto::op::ResponseCode,
    spf::Spf,
};
use mail_dns::{Answer, Name, Outcome, Record, RecordType};
use std::{
    borrow::Borrow,
    cell::Cell,
    hash::{Hash, Hasher},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
    time::Instant,
};

/// What the first opinion learned of the DNS, as the caches that mail-auth looks into. It answers
/// everything, so that no network is used, and remembers whether it had to make an answer up.
#[derive(Debug)]
pub(super) struct Snapshot<'a> {
    facts: &'a Facts,
    client: Option<IpAddr>,
    purpose: Purpose,
    missed: Cell<bool>,
}

/// What a TXT record is read as: never two things at one name, as in a cache of parsed records.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    Spf,
    Dkim,
    Dmarc,
}

impl<'a> Snapshot<'a> {
    pub(super) fn new(facts: &'a Facts, context: &Context, purpose: Purpose) -> Self {
        Self {
            facts,
            client: context.transport().map(|transport| transport.client),
            purpose,
            missed: Cell::new(false),
        }
    }

    /// Whether something was wanted that is not known.
    pub(super) fn missed(&self) -> bool {
        self.missed.get()
    }

    fn look<Q: Hash + ?Sized>(&self, key: &Q, record_type: RecordType) -> Option<Answer> {
        let name = Name::from_octets(&octets(key)).ok();
        self.look_at(name.as_ref(), record_type)
    }

    fn look_at(&self, name: Option<&Name>, record_type: RecordType) -> Option<Answer> {
        let answer = name.and_then(|name| self.facts.known(name, record_type));
        // A failure cannot be told from an empty answer in these caches, but for TXT.
        let told = |answer: &Answer| {
            record_type == RecordType::Txt || !matches!(answer.outcome(), Outcome::Failure(_))
        };
        if !answer.is_some_and(told) {
            self.missed.set(true);
        }
        answer.cloned()
    }

    fn set<T>(&self, answer: Option<Answer>, pick: impl Fn(&Record) -> Option<T>) -> RecordSet<T> {
        RecordSet {
            rrset: answer.iter().flatten().filter_map(pick).collect(),
            dnssec_status: DnssecStatus::Indeterminate,
        }
    }

    fn parse(&self, text: &[u8]) -> Txt {
        let parsed = match self.purpose {
            Purpose::Spf => Spf::parse(text).map(|record| Txt::Spf(Arc::new(record))),
            Purpose::Dkim => DomainKey::parse(text).map(|record| Txt::DomainKey(Arc::new(record))),
            Purpose::Dmarc => Dmarc::parse(text).map(|record| Txt::Dmarc(Arc::new(record))),
        };
        parsed.unwrap_or_else(Txt::Error)
    }
}

impl ResolverCache<Box<str>, Txt> for Snapshot<'_> {
    fn get<Q>(&self, name: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let Some(answer) = self.look(name, RecordType::Txt) else {
            return Some(Txt::Error(Error::Dns(DnsError::Resolver(
                "not asked".into(),
            ))));
        };
        let not_found = |code| Txt::Error(Error::Dns(DnsError::RecordNotFound(code)));
        // As mail-auth does it: the first record that reads as what is wanted.
        let mut best = Txt::Error(Error::Dns(DnsError::InvalidRecordType));
        for record in &answer {
            if let Record::Txt(txt) = record {
                best = self.parse(&txt.joined());
                if !matches!(best, Txt::Error(_)) {
                    break;
                }
            }
        }
        Some(match answer.outcome() {
            Outcome::Records(_) => best,
            Outcome::NoData => not_found(ResponseCode::NoError),
            Outcome::NxDomain => not_found(ResponseCode::NXDomain),
            Outcome::Failure(failure) => {
                Txt::Error(Error::Dns(DnsError::Resolver(failure.to_string())))
            }
        })
    }

    fn remove<Q>(&self, _: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        None
    }

    fn insert(&self, _: Box<str>, _: Txt, _: Instant) {}
}

/// A cache of one record type, keyed by name.
macro_rules! cache {
    ($value:ty, $record_type:expr, $pick:expr) => {
        impl ResolverCache<Box<str>, RecordSet<$value>> for Snapshot<'_> {
            fn get<Q>(&self, name: &Q) -> Option<RecordSet<$value>>
            where
                Box<str>: Borrow<Q>,
                Q: Hash + Eq + ?Sized,
            {
                Some(self.set(self.look(name, $record_type), $pick))
            }

            fn remove<Q>(&self, _: &Q) -> Option<RecordSet<$value>>
            where
                Box<str>: Borrow<Q>,
                Q: Hash + Eq + ?Sized,
            {
                None
            }

            fn insert(&self, _: Box<str>, _: RecordSet<$value>, _: Instant) {}
        }
    };
}

cache!(Ipv4Addr, RecordType::A, |record| match record {
    Record::A(address) => Some(*address),
    _ => None,
});
cache!(Ipv6Addr, RecordType::Aaaa, |record| match record {
    Record::Aaaa(address) => Some(*address),
    _ => None,
});
cache!(MX, RecordType::Mx, |record| match record {
    Record::Mx(mx) if !mx.exchange.is_root() => Some(MX {
        exchanges: [text(&mx.exchange)].into(),
        preference: mx.preference,
    }),
    _ => None,
});

impl ResolverCache<IpAddr, RecordSet<Box<str>>> for Snapshot<'_> {
    /// The one address whose names anybody wants is the client's.
    fn get<Q>(&self, _: &Q) -> Option<RecordSet<Box<str>>>
    where
        IpAddr: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let reverse = self.client.map(Name::reverse);
        let answer = self.look_at(reverse.as_ref(), RecordType::Ptr);
        Some(self.set(answer, |record| match record {
            Record::Ptr(name) => Some(text(name)),
            _ => None,
        }))
    }

    fn remove<Q>(&self, _: &Q) -> Option<RecordSet<Box<str>>>
    where
        IpAddr: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        None
    }

    fn insert(&self, _: IpAddr, _: RecordSet<Box<str>>, _: Instant) {}
}

fn text(name: &Name) -> Box<str> {
    name.to_string().into()
}

/// The octets of a key that can only be hashed: text feeds itself, and then one octet 0xff.
fn octets<Q: Hash + ?Sized>(key: &Q) -> Vec<u8> {
    #[derive(Default)]
    struct Capture(Vec<u8>);
    impl Hasher for Capture {
        fn finish(&self) -> u64 {
            0
        }
        fn write(&mut self, octets: &[u8]) {
            self.0.extend_from_slice(octets);
        }
    }
    let mut capture = Capture::default();
    key.hash(&mut capture);
    if capture.0.last() == Some(&0xff) {
        capture.0.pop();
    }
    capture.0
}

#[cfg(test)]
mod tests {
    /// What the snapshot rests on.
    #[test]
    fn a_key_can_be_read_from_its_hash() {
        for key in ["", "example.org.", "a\u{fc}"] {
            assert_eq!(super::octets::<str>(key), key.as_bytes());
        }
    }
}
