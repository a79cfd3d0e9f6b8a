//! What only we can know of ourselves, and what somebody stands for.

use super::{
    Case, List, OwnFlag, What,
    lists::{against, forward_secrecy, own_list},
    services::wanted,
};
use crate::audit::{
    Attestation, ClientFacts, Finding, Offers, Order, Reason, Seen, Topic, Verdict,
};

fn own<'a>(case: &Case<'a>) -> &'a crate::audit::OwnFacts {
    &case.facts.own
}

fn one(judged: Result<Finding, Finding>) -> Vec<Finding> {
    vec![super::case::settle(judged)]
}

pub(super) fn flag(case: &Case<'_>, flag: OwnFlag) -> Vec<Finding> {
    one(wanted(case.name(), (flag.of)(own(case)), flag.wanted))
}

pub(super) fn flag_or_attested(case: &Case<'_>, flag: OwnFlag, topic: Topic) -> Vec<Finding> {
    let seen = (flag.of)(own(case));
    match seen.get() {
        Some(is) if *is == flag.wanted => one(wanted(case.name(), seen, flag.wanted)),
        // Somebody's word counts where nothing is seen to the contrary.
        None => match attestation(case, topic) {
            Ok(finding) => vec![finding],
            Err(_) => one(wanted(case.name(), seen, flag.wanted)),
        },
        Some(_) => one(wanted(case.name(), seen, flag.wanted)),
    }
}

pub(super) fn attested(case: &Case<'_>, topic: Topic) -> Vec<Finding> {
    one(attestation(case, topic))
}

fn attestation(case: &Case<'_>, topic: Topic) -> Result<Finding, Finding> {
    let (name, today) = (case.name(), case.today);
    let given = case.facts.attestations.iter();
    let given: Vec<&Attestation> = given.filter(|word| word.topic == topic).collect();
    let holds =
        |word: &&&Attestation| word.on <= today && word.until.is_none_or(|until| until >= today);
    let unknown = |reason, text: &str| Finding::of(name, Verdict::Unknown, reason, text);
    match given.iter().filter(holds).max_by_key(|word| word.on) {
        Some(word) => {
            let evidence = format!("{}, {}", word.by, word.on);
            Ok(Finding::of(
                name,
                Verdict::Attested,
                Reason::Attested,
                &evidence,
            ))
        }
        None => Err(match given.iter().max_by_key(|word| word.on) {
            None => unknown(Reason::AttestationMissing, ""),
            Some(word) => {
                let until = word.until.map(|until| format!(" to {until}"));
                let evidence = format!("{}, {}{}", word.by, word.on, until.unwrap_or_default());
                unknown(Reason::AttestationEnded, &evidence)
            }
        }),
    }
}

pub(super) fn dkim_rotation(case: &Case<'_>, most: u32) -> Vec<Finding> {
    let name = case.name();
    one(
        Finding::need(name, &own(case).dkim_rotation_days).map(|days| {
            let evidence = format!("every {days} days");
            match *days <= most {
                true => Finding::met(name, Reason::AsRequired, &evidence),
                false => Finding::not_met(name, Reason::TooLong, &evidence),
            }
        }),
    )
}

pub(super) fn client(
    case: &Case<'_>,
    of: fn(&ClientFacts) -> &Seen<bool>,
    is: bool,
) -> Vec<Finding> {
    one(wanted(&place(case), of(&own(case).client), is))
}

fn place(case: &Case<'_>) -> String {
    format!("{}, outgoing", case.name())
}

fn of(client: &ClientFacts, what: What) -> &Seen<Offers> {
    match what {
        What::Suites12 => &client.suites12,
        What::Suites13 => &client.suites13,
        What::Groups12 | What::Groups13 => &client.groups,
        What::Signatures12 | What::Signatures13 => &client.signatures,
    }
}

pub(super) fn client_listed(case: &Case<'_>, what: What, list: List) -> Vec<Finding> {
    let place = place(case);
    let seen = of(&own(case).client, what);
    let (registry, year) = (what.registry(), case.today.year());
    vec![own_list(&place, seen, |offers| {
        against(&place, offers, list, registry, year)
    })]
}

pub(super) fn client_forward_secrecy_first(case: &Case<'_>) -> Vec<Finding> {
    let place = place(case);
    // A client's list is its own order.
    let order = Seen::known(Order::Server);
    vec![own_list(&place, &own(case).client.suites12, |offers| {
        forward_secrecy(&place, offers, &order)
    })]
}
