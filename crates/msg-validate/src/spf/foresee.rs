//! What a check that misses something will want next, so that it all travels in one wave.

use super::{
    dns::Dns,
    evaluate::{Evaluation, HOSTS, exchanges, fully_qualified, hosts, same_v4, same_v6, select},
    macros::Template,
    record::{Mechanism, Record},
};
use mail_dns::{Name, Query, RecordType};
use std::net::IpAddr;

/// Walks the records that are known and asks for all that their terms lead to.
pub(super) fn foresee<D: Dns>(mut evaluation: Evaluation<'_, D>) {
    let domain = evaluation.subject.domain.as_ref();
    let mut terms = evaluation.most_terms();
    walk(&mut evaluation, domain, &mut terms);
}

/// `terms` are those that may still ask (RFC 7208 §4.6.4); it bounds the depth too.
fn walk<D: Dns>(evaluation: &mut Evaluation<'_, D>, domain: &str, terms: &mut usize) -> Option<()> {
    let answer =
        (evaluation.dns).prefetch(&Query::new(fully_qualified(domain)?, RecordType::Txt))?;
    let text = select(&answer, domain).ok()?.joined();
    let record = Record::parse(&text).ok()?;
    if let Some(exp) = record.exp() {
        ask(evaluation, Some(exp), domain, RecordType::Txt);
    }
    let client = evaluation.subject.client;
    for directive in record
        .terms()
        .iter()
        .filter_map(|term| term.directive.as_ref())
    {
        let mechanism = &directive.mechanism;
        match (mechanism, client) {
            // Nothing after these counts.
            (Mechanism::All, _) => return None,
            (Mechanism::Ip4(net, len), IpAddr::V4(c)) if same_v4(c, *net, *len) => return None,
            (Mechanism::Ip6(net, len), IpAddr::V6(c)) if same_v6(c, *net, *len) => return None,
            (Mechanism::Ip4(..) | Mechanism::Ip6(..), _) => continue,
            _ => *terms = terms.checked_sub(1)?,
        }
        term(evaluation, mechanism, domain, terms);
    }
    *terms = terms.checked_sub(1)?;
    let next = evaluation.domain(record.redirect()?, domain).ok()??;
    walk(evaluation, &next, terms)
}

fn term<D: Dns>(
    evaluation: &mut Evaluation<'_, D>,
    mechanism: &Mechanism<'_>,
    domain: &str,
    terms: &mut usize,
) -> Option<()> {
    let address = evaluation.address_type();
    match mechanism {
        Mechanism::Include(target) => {
            let included = evaluation.domain(*target, domain).ok()??;
            walk(evaluation, &included, terms)?;
        }
        Mechanism::A(target, _) => {
            ask(evaluation, *target, domain, address)?;
        }
        Mechanism::Exists(target) => {
            ask(evaluation, Some(*target), domain, RecordType::A)?;
        }
        Mechanism::Mx(target, _) => {
            let answer = ask(evaluation, *target, domain, RecordType::Mx)?;
            for host in exchanges(&answer).into_iter().take(HOSTS) {
                evaluation.dns.prefetch(&Query::new(host.clone(), address));
            }
        }
        Mechanism::Ptr(target) => {
            let name = evaluation.target(*target, domain).ok()??;
            let reverse = Name::reverse(evaluation.subject.client);
            let answer = (evaluation.dns).prefetch(&Query::new(reverse, RecordType::Ptr))?;
            for host in hosts(&answer)
                .into_iter()
                .filter(|host| host.is_within(&name))
            {
                evaluation.dns.prefetch(&Query::new(host.clone(), address));
            }
        }
        Mechanism::All | Mechanism::Ip4(..) | Mechanism::Ip6(..) => {}
    }
    Some(())
}

fn ask<D: Dns>(
    evaluation: &mut Evaluation<'_, D>,
    target: Option<Template<'_>>,
    domain: &str,
    record_type: RecordType,
) -> Option<mail_dns::Answer> {
    let name = evaluation.target(target, domain).ok()??;
    evaluation.dns.prefetch(&Query::new(name, record_type))
}
