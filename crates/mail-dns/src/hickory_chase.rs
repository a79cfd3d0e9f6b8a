//! Responses in hickory's types become answers: aliases are followed, statuses and TTLs added up.

use crate::{Answer, Failure, Mx, Name, Query, Record, RecordType, Security, Txt, Zone};
use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{self, DNSClass},
};
use std::{collections::HashSet, time::Duration};

/// The way from the name that was asked for to the one that holds the records.
#[derive(Debug)]
pub(crate) struct Chase {
    pub(crate) name: Name,
    pub(crate) record_type: RecordType,
    aliases: usize,
    /// The smallest on the way.
    ttl: Duration,
    /// The weakest on the way.
    security: Security,
}

/// What of a response has a DNSSEC status. Only what validates here looks into it.
#[cfg_attr(not(feature = "hickory-0_26-validate"), allow(dead_code))]
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part<'a> {
    /// A record of the answer that is taken.
    Record(&'a rr::Record),
    /// That there is none.
    Denial(&'a Message),
}

impl Chase {
    pub(crate) fn new(query: &Query) -> Self {
        Self {
            name: query.name.clone(),
            record_type: query.record_type,
            aliases: 0,
            ttl: Duration::MAX,
            security: Security::Secure,
        }
    }

    /// Goes as far as this response leads; `Ok` means that the name reached is to be asked next.
    /// `status` says how far a part of the response can be trusted; `None` is not at all.
    pub(crate) fn follow(
        &mut self,
        response: &Message,
        status: impl Fn(Part<'_>) -> Option<Security>,
    ) -> Result<(), Answer> {
        let failure = |failure| Err(Answer::failure(failure));
        let gone = match response.metadata.response_code {
            ResponseCode::NoError => false,
            ResponseCode::NXDomain => true,
            code => return failure(Self::refused(code)),
        };
        let mut moved = false;
        loop {
            let mut records = Vec::new();
            let here = |record: &&rr::Record| {
                record.dns_class == DNSClass::IN && is_same(&record.name, &self.name)
            };
            let here: Vec<_> = response.answers.iter().filter(here).collect();
            for record in &here {
                if record.record_type() == to_hickory(self.record_type) {
                    let Some(known) = from_hickory(&record.data) else {
                        return failure(Failure::Malformed);
                    };
                    let Some(security) = status(Part::Record(record)) else {
                        return failure(Failure::ServerFailure);
                    };
                    self.security = self.security.weaker(security);
                    self.ttl = self.ttl.min(ttl(record.ttl));
                    records.push(known);
                }
            }
            if !records.is_empty() {
                // RFC 2181 §5: a set of records holds no record twice. To SPF and DMARC two records
                // are worse than one.
                let mut seen = HashSet::new();
                records.retain(|record| seen.insert(record.clone()));
                return Err(Answer::records(records, self.security, self.ttl));
            }
            let alias = here.iter().find_map(|record| match &record.data {
                rr::RData::CNAME(target) => Some((target, *record)),
                _ => None,
            });
            let Some((target, alias)) = alias else {
                break;
            };
            self.aliases += 1;
            // RFC 1034 §3.6.2: "CNAME chains should be followed and CNAME loops signalled as an error"
            if self.aliases > Zone::MAX_ALIASES {
                return failure(Failure::ServerFailure);
            }
            let Some(target) = name_of(target) else {
                return failure(Failure::Malformed);
            };
            let Some(security) = status(Part::Record(alias)) else {
                return failure(Failure::ServerFailure);
            };
            self.security = self.security.weaker(security);
            (self.name, self.ttl) = (target, self.ttl.min(ttl(alias.ttl)));
            moved = true;
        }
        let soa = negative_ttl(response);
        let denial = || status(Part::Denial(response));
        if !moved && !response.answers.is_empty() {
            // Neither of the name nor of an alias of it, yet an answer: of something else.
            failure(Failure::Malformed)
        } else if gone {
            // RFC 6604 §3: the response code belongs to the last name of the chain.
            Err(self.nothing(ResponseCode::NXDomain, soa, denial()))
        } else if soa.is_some() {
            // RFC 2308 §2.2: an SOA record tells "no data" from a chain that goes on elsewhere.
            Err(self.nothing(ResponseCode::NoError, soa, denial()))
        } else if moved {
            Ok(())
        } else if response.authorities.is_empty() && response.additionals.is_empty() {
            Err(self.nothing(ResponseCode::NoError, soa, denial()))
        } else {
            // RFC 2308 §2.2: without an SOA record this is a referral: the server does not ask
            // others, and does not know.
            failure(Failure::Refused)
        }
    }

    /// RFC 2308 §5: without an SOA record a negative answer is not to be kept.
    pub(crate) fn nothing(
        &self,
        code: ResponseCode,
        soa: Option<u32>,
        denial: Option<Security>,
    ) -> Answer {
        let ttl = self.ttl.min(ttl(soa.unwrap_or(0)));
        let Some(security) = denial.map(|denial| self.security.weaker(denial)) else {
            return Answer::failure(Failure::ServerFailure);
        };
        match code {
            ResponseCode::NXDomain => Answer::nx_domain(security, ttl),
            ResponseCode::NoError => Answer::no_data(security, ttl),
            code => Answer::failure(Self::refused(code)),
        }
    }

    /// What a response code means that says that there is no answer.
    pub(crate) fn refused(code: ResponseCode) -> Failure {
        match code {
            ResponseCode::Refused
            | ResponseCode::NotImp
            | ResponseCode::NotAuth
            | ResponseCode::FormErr => Failure::Refused,
            _ => Failure::ServerFailure,
        }
    }
}

/// RFC 7686 §2: "Resolvers MUST either respond […] or respond with NXDOMAIN": the name of a hidden
/// service is not to be told to a DNS server.
pub(crate) fn is_hidden(name: &Name) -> bool {
    name.labels().last() == Some(b"onion")
}

/// RFC 2308 §5: the smaller of the SOA record's TTL and its MINIMUM field.
fn negative_ttl(response: &Message) -> Option<u32> {
    response
        .authorities
        .iter()
        .find_map(|record| match &record.data {
            rr::RData::SOA(soa) => Some(record.ttl.min(soa.minimum)),
            _ => None,
        })
}

/// RFC 2181 §8: a TTL with the highest bit set counts as zero.
fn ttl(seconds: u32) -> Duration {
    let seconds = i32::try_from(seconds).map_or(0, i32::unsigned_abs);
    Duration::from_secs(seconds.into())
}

fn name_of(name: &rr::Name) -> Option<Name> {
    Name::from_labels(name.iter()).ok()
}

pub(crate) fn is_same(theirs: &rr::Name, ours: &Name) -> bool {
    let same = |(a, b): (&[u8], &[u8])| a.eq_ignore_ascii_case(b);
    theirs.iter().len() == ours.labels().count() && theirs.iter().zip(ours.labels()).all(same)
}

pub(crate) fn to_hickory(record_type: RecordType) -> rr::RecordType {
    match record_type {
        RecordType::A => rr::RecordType::A,
        RecordType::Aaaa => rr::RecordType::AAAA,
        RecordType::Mx => rr::RecordType::MX,
        RecordType::Txt => rr::RecordType::TXT,
        RecordType::Ptr => rr::RecordType::PTR,
        RecordType::Cname => rr::RecordType::CNAME,
        RecordType::Tlsa => rr::RecordType::TLSA,
    }
}

fn from_hickory(data: &rr::RData) -> Option<Record> {
    Some(match data {
        rr::RData::A(address) => Record::A(address.0),
        rr::RData::AAAA(address) => Record::Aaaa(address.0),
        rr::RData::MX(mx) => Record::Mx(Mx {
            preference: mx.preference,
            exchange: name_of(&mx.exchange)?,
        }),
        rr::RData::TXT(txt) => Record::Txt(Txt::new(txt.txt_data.iter().map(|c| &**c))),
        rr::RData::PTR(host) => Record::Ptr(name_of(host)?),
        rr::RData::CNAME(target) => Record::Cname(name_of(target)?),
        rr::RData::TLSA(tlsa) => {
            let mut data = Vec::with_capacity(3 + tlsa.cert_data.len());
            data.extend([
                u8::from(tlsa.cert_usage),
                u8::from(tlsa.selector),
                u8::from(tlsa.matching),
            ]);
            data.extend(&tlsa.cert_data);
            Record::Tlsa(data.into())
        }
        _ => return None,
    })
}
