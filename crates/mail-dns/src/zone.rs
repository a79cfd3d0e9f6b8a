use crate::{
    Answer, Failure, Mx, Name, NameError, Query, Record, RecordType, Resolver, Security, Txt,
};
use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    time::{Duration, Instant, SystemTime},
};

/// DNS data in memory: a [`Resolver`] for tests, and for checks that must not use the network.
///
/// It answers as a resolver would that sees only this data:
/// - Names are compared without case. A name that is not here does not exist; one that is here
///   without the type asked for, or is an ancestor of one that is here, has no data (RFC 8020).
/// - An alias is followed, unless it was asked for. One that leads nowhere does not exist
///   (RFC 2308 §2.1); more than [`MAX_ALIASES`](Self::MAX_ALIASES) in a row, as in a loop, are a
///   [`Failure::ServerFailure`].
/// - A failure can be given to one type at a name, or to all the types that are not listed there.
/// - Nothing is made up: no wildcards, no `localhost`, no addresses beside an MX.
///
/// ```
/// use mail_dns::{Outcome, Query, RecordType, Zone};
/// let zone = Zone::new()
///     .txt("example.org", "v=spf1 mx -all")?
///     .mx("example.org", 10, "mx.example.org")?
///     .address("mx.example.org", [192, 0, 2, 1])?
///     .timeout("slow.example.org")?;
/// let answer = zone.answer(&Query::new("EXAMPLE.org.".parse()?, RecordType::Mx));
/// assert_eq!(answer.iter().count(), 1);
/// let answer = zone.answer(&Query::new("example.com".parse()?, RecordType::Mx));
/// assert_eq!(answer.outcome(), &Outcome::NxDomain);
/// # Ok::<(), mail_dns::NameError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Zone {
    nodes: HashMap<Name, Node>,
    security: Security,
    ttl: Duration,
}

/// What is at one name. An ancestor of a name has an empty one.
#[derive(Clone, Debug)]
struct Node {
    records: Vec<Record>,
    failures: BTreeMap<RecordType, Failure>,
    /// Of the types that are in neither of the above.
    rest: Option<Failure>,
    security: Security,
    ttl: Duration,
}

impl Zone {
    /// Aliases that are followed for one question, as many as BIND does.
    pub const MAX_ALIASES: usize = 16;

    /// No name exists. The TTL is an hour, the security [`Security::Unknown`].
    pub fn new() -> Self {
        Self {
            nodes: HashMap::new(),
            security: Security::Unknown,
            ttl: Duration::from_secs(3600),
        }
    }

    /// The TTL of the names that are added from here on, and of every name that does not exist.
    #[must_use]
    pub fn with_ttl(self, ttl: Duration) -> Self {
        Self { ttl, ..self }
    }

    /// The DNSSEC status of the names that are added from here on, and of every name that does
    /// not exist.
    #[must_use]
    pub fn with_security(self, security: Security) -> Self {
        Self { security, ..self }
    }

    /// Adds an A or AAAA record.
    ///
    /// # Errors
    /// The text is not a name.
    pub fn address(self, name: &str, address: impl Into<IpAddr>) -> Result<Self, NameError> {
        self.with(name, Record::from(address.into()))
    }

    /// Adds a TXT record, cut into strings of 255 octets.
    ///
    /// # Errors
    /// The text is not a name.
    pub fn txt(self, name: &str, text: &str) -> Result<Self, NameError> {
        self.with(name, Record::Txt(Txt::from_text(text)))
    }

    /// Adds an MX record.
    ///
    /// # Errors
    /// One of the texts is not a name.
    pub fn mx(self, name: &str, preference: u16, exchange: &str) -> Result<Self, NameError> {
        let exchange = exchange.parse()?;
        self.with(
            name,
            Record::Mx(Mx {
                preference,
                exchange,
            }),
        )
    }

    /// Adds a PTR record for an address.
    ///
    /// # Errors
    /// The text is not a name.
    pub fn ptr(mut self, address: impl Into<IpAddr>, host: &str) -> Result<Self, NameError> {
        self.insert(Name::reverse(address.into()), Record::Ptr(host.parse()?));
        Ok(self)
    }

    /// Adds an alias.
    ///
    /// # Errors
    /// One of the texts is not a name.
    pub fn cname(self, name: &str, target: &str) -> Result<Self, NameError> {
        let target = target.parse()?;
        self.with(name, Record::Cname(target))
    }

    /// Adds a TLSA record, given as the data on the wire.
    ///
    /// # Errors
    /// The text is not a name.
    pub fn tlsa(self, name: &str, data: &[u8]) -> Result<Self, NameError> {
        self.with(name, Record::Tlsa(data.into()))
    }

    /// Nobody answers for the types that are not listed at this name, aliases included.
    ///
    /// # Errors
    /// The text is not a name.
    pub fn timeout(mut self, name: &str) -> Result<Self, NameError> {
        self.fail(name.parse()?, Failure::Timeout);
        Ok(self)
    }

    /// Adds a record. A second record of the same type joins the first.
    pub fn insert(&mut self, name: Name, record: Record) {
        let records = &mut self.node(name).records;
        // RFC 2181 §5: a set of records holds no record twice.
        if !records.contains(&record) {
            records.push(record);
        }
    }

    /// Makes a name exist, without any records if there are none yet.
    pub fn insert_name(&mut self, name: Name) {
        self.node(name);
    }

    /// Fails the types that are not listed at this name, whether an alias is there or not.
    pub fn fail(&mut self, name: Name, failure: Failure) {
        self.node(name).rest = Some(failure);
    }

    /// Fails one type at this name, whatever records of it are there.
    pub fn fail_type(&mut self, name: Name, record_type: RecordType, failure: Failure) {
        self.node(name).failures.insert(record_type, failure);
    }

    /// Answers a question at once, without a resolver's future.
    pub fn answer(&self, query: &Query) -> Answer {
        let (mut security, mut ttl) = (Security::Secure, Duration::MAX);
        let mut name = &query.name;
        for _ in 0..=Self::MAX_ALIASES {
            let Some(node) = self.nodes.get(name) else {
                return Answer::nx_domain(security.weaker(self.security), ttl.min(self.ttl));
            };
            (security, ttl) = (security.weaker(node.security), ttl.min(node.ttl));
            match node.look(query.record_type) {
                Found::Records(records) => return Answer::records(records, security, ttl),
                Found::Failure(failure) => return Answer::failure(failure),
                Found::Alias(target) => name = target,
            }
        }
        // RFC 1034 §3.6.2: "CNAME chains should be followed and CNAME loops signalled as an error"
        Answer::failure(Failure::ServerFailure)
    }

    fn with(mut self, name: &str, record: Record) -> Result<Self, NameError> {
        self.insert(name.parse()?, record);
        Ok(self)
    }

    /// The node of a name, made together with its ancestors where it is not there yet.
    fn node(&mut self, name: Name) -> &mut Node {
        let new = Node {
            records: Vec::new(),
            failures: BTreeMap::new(),
            rest: None,
            security: self.security,
            ttl: self.ttl,
        };
        let mut above = name.parent();
        while let Some(ancestor) = above {
            above = ancestor.parent();
            self.nodes.entry(ancestor).or_insert_with(|| new.clone());
        }
        self.nodes.entry(name).or_insert(new)
    }
}

/// What one name says of one type.
enum Found<'a> {
    /// None of them is no data.
    Records(Vec<Record>),
    Failure(Failure),
    Alias(&'a Name),
}

impl Node {
    fn look(&self, record_type: RecordType) -> Found<'_> {
        if let Some(&failure) = self.failures.get(&record_type) {
            return Found::Failure(failure);
        }
        let of_type = |r: &&Record| r.record_type() == record_type;
        let records: Vec<_> = self.records.iter().filter(of_type).cloned().collect();
        if !records.is_empty() {
            return Found::Records(records);
        }
        if let Some(failure) = self.rest {
            return Found::Failure(failure);
        }
        let alias = self.records.iter().find_map(|record| match record {
            Record::Cname(target) => Some(Found::Alias(target)),
            _ => None,
        });
        alias.unwrap_or(Found::Records(records))
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self::new()
    }
}

impl Extend<(Name, Record)> for Zone {
    fn extend<I: IntoIterator<Item = (Name, Record)>>(&mut self, records: I) {
        for (name, record) in records {
            self.insert(name, record);
        }
    }
}

impl FromIterator<(Name, Record)> for Zone {
    fn from_iter<I: IntoIterator<Item = (Name, Record)>>(records: I) -> Self {
        let mut zone = Self::new();
        zone.extend(records);
        zone
    }
}

/// Answers at once, also where it says that nobody answered in time.
impl Resolver for Zone {
    async fn resolve(&self, query: &Query, _now: SystemTime, _deadline: Instant) -> Answer {
        self.answer(query)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Outcome;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn ask(zone: &Zone, text: &str, record_type: RecordType) -> Outcome {
        zone.answer(&Query::new(name(text), record_type))
            .outcome()
            .clone()
    }

    #[test]
    fn what_is_not_here_does_not_exist_and_what_lies_above_has_no_data() {
        let zone = Zone::new().txt("a.b.Example.org", "text").unwrap();
        let txt = |text| ask(&zone, text, RecordType::Txt);
        assert!(matches!(txt("A.B.example.ORG."), Outcome::Records(_)));
        assert_eq!(
            ask(&zone, "a.b.example.org", RecordType::A),
            Outcome::NoData
        );
        for above in ["b.example.org", "example.org", "org", "."] {
            assert_eq!(txt(above), Outcome::NoData, "{above}");
        }
        for other in ["x.a.b.example.org", "x.org", "com", "*.b.example.org"] {
            assert_eq!(txt(other), Outcome::NxDomain, "{other}");
        }
        assert_eq!(ask(&Zone::new(), ".", RecordType::A), Outcome::NxDomain);
    }

    #[test]
    fn aliases_are_followed_but_not_for_ever() {
        let mut zone = Zone::new()
            .cname("www.example", "host.example")
            .and_then(|z| z.address("host.example", [192, 0, 2, 1]))
            .and_then(|z| z.cname("nowhere.example", "gone.example"))
            .and_then(|z| z.cname("self.example", "self.example"))
            .unwrap();
        for i in 0..=Zone::MAX_ALIASES {
            zone = zone
                .cname(&format!("c{}.example", i + 1), &format!("c{i}.example"))
                .unwrap();
        }
        let zone = zone.address("c0.example", [192, 0, 2, 2]).unwrap();
        let a = |text| ask(&zone, text, RecordType::A);
        assert!(matches!(a("www.example"), Outcome::Records(r) if r.len() == 1));
        assert!(matches!(
            ask(&zone, "www.example", RecordType::Cname),
            Outcome::Records(_)
        ));
        assert_eq!(ask(&zone, "www.example", RecordType::Aaaa), Outcome::NoData);
        assert_eq!(a("nowhere.example"), Outcome::NxDomain);
        assert_eq!(a("self.example"), Outcome::Failure(Failure::ServerFailure));
        assert!(matches!(a("c16.example"), Outcome::Records(_)));
        assert_eq!(a("c17.example"), Outcome::Failure(Failure::ServerFailure));
    }

    #[test]
    fn a_failure_leaves_the_types_beside_it() {
        let mut zone = Zone::new()
            .txt("slow.example", "here")
            .and_then(|z| z.timeout("slow.example"))
            .and_then(|z| z.cname("alias.example", "slow.example"))
            .and_then(|z| z.address("host.example", [192, 0, 2, 1]))
            .unwrap();
        zone.fail_type(name("host.example"), RecordType::A, Failure::Refused);
        let timeout = Outcome::Failure(Failure::Timeout);
        assert!(matches!(
            ask(&zone, "slow.example", RecordType::Txt),
            Outcome::Records(_)
        ));
        assert_eq!(ask(&zone, "slow.example", RecordType::Cname), timeout);
        assert_eq!(ask(&zone, "alias.example", RecordType::Mx), timeout);
        assert_eq!(
            ask(&zone, "x.slow.example", RecordType::Mx),
            Outcome::NxDomain
        );
        assert_eq!(
            ask(&zone, "host.example", RecordType::A),
            Outcome::Failure(Failure::Refused)
        );
        assert_eq!(
            ask(&zone, "host.example", RecordType::Aaaa),
            Outcome::NoData
        );
    }

    #[test]
    fn the_weakest_link_and_the_smallest_ttl_count() {
        let minute = Duration::from_secs(60);
        let zone = Zone::new()
            .with_security(Security::Secure)
            .address("signed.example", [192, 0, 2, 1])
            .and_then(|z| z.cname("alias.example", "plain.test"))
            .map(|z| z.with_security(Security::Insecure).with_ttl(minute))
            .and_then(|z| z.address("plain.test", [192, 0, 2, 2]))
            .unwrap();
        let a = |text| zone.answer(&Query::new(name(text), RecordType::A));
        assert_eq!(a("signed.example").security(), Security::Secure);
        assert_eq!(a("signed.example").ttl(), 60 * minute);
        assert_eq!(a("alias.example").security(), Security::Insecure);
        assert_eq!(a("alias.example").ttl(), minute);
        assert_eq!(a("gone.example").security(), Security::Insecure);
    }

    #[test]
    fn what_a_resolver_might_make_up_is_plain_data_here() {
        // Some resolvers answer these by themselves, or cannot read an empty TXT record.
        let mut zone = Zone::new();
        for made_up in ["localhost", "x.invalid", "x.onion"] {
            assert_eq!(ask(&zone, made_up, RecordType::A), Outcome::NxDomain);
        }
        zone.insert(
            name("null.example"),
            Record::Txt(Txt::new([] as [&[u8]; 0])),
        );
        let zone = zone.ptr([127, 0, 0, 1], "host.example").unwrap();
        let records = ask(&zone, "1.0.0.127.in-addr.arpa", RecordType::Ptr);
        assert_eq!(
            records,
            Outcome::Records([Record::Ptr(name("host.example"))].into())
        );
        let answer = zone.answer(&Query::new(name("null.example"), RecordType::Txt));
        let [Record::Txt(txt)] = answer.iter().as_slice() else {
            panic!("one TXT record, not {answer:?}")
        };
        assert_eq!((txt.chunks().len(), txt.joined().len()), (0, 0));
    }
}
