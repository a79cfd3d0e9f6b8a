//! What holds for every name and every zone.
#![allow(clippy::unwrap_used)] // a test may fail

use mail_dns::{Failure, Name, Outcome, Query, Record, RecordType, Txt, Zone};
use proptest::{collection::vec, prelude::*};

type LabelList = Vec<Vec<u8>>;

fn label() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "[a-cA-C]{1,2}".prop_map(String::into_bytes),
        vec(any::<u8>(), 1..64),
    ]
}

/// At most three labels, so that every list is a name.
fn labels() -> impl Strategy<Value = LabelList> {
    vec(label(), 0..4)
}

fn lower(labels: &[Vec<u8>]) -> LabelList {
    labels.iter().map(|l| l.to_ascii_lowercase()).collect()
}

proptest! {
    #[test]
    fn a_name_is_its_labels(labels in labels()) {
        let name = Name::from_labels(&labels).unwrap();
        prop_assert_eq!(name.labels().map(<[u8]>::to_vec).collect::<LabelList>(), lower(&labels));
        prop_assert_eq!(&Name::from_labels(name.labels()).unwrap(), &name);
        let parent = labels.get(1..).map(|rest| Name::from_labels(rest).unwrap());
        prop_assert_eq!(name.parent(), parent);
    }

    /// Nothing that a terminal or a log would misread is printed, and different names differ.
    #[test]
    fn a_name_is_printed_without_loss(a in labels(), b in labels()) {
        let (x, y) = (Name::from_labels(&a).unwrap(), Name::from_labels(&b).unwrap());
        prop_assert!(x.to_string().bytes().all(|o| o.is_ascii_graphic()));
        prop_assert_eq!(x == y, x.to_string() == y.to_string());
        prop_assert_eq!(x == y, lower(&a) == lower(&b));
    }

    #[test]
    fn any_text_is_a_name_or_an_error(text in ".{0,300}", octets in vec(any::<u8>(), 0..300)) {
        for name in [text.parse::<Name>(), Name::from_octets(&octets)].into_iter().flatten() {
            prop_assert!(name.labels().all(|l| (1..=63).contains(&l.len())));
            prop_assert!(name.labels().map(|l| l.len() + 1).sum::<usize>() < 255);
        }
    }

    #[test]
    fn a_host_name_is_read_as_printed(text in "[a-z0-9_-]{1,9}(\\.[a-z0-9_-]{1,9}){0,4}") {
        prop_assert_eq!(Name::from_octets(text.as_bytes()).unwrap().to_string(), text);
    }

    #[test]
    fn within_is_a_common_end_of_the_labels(inner in labels(), outer in labels()) {
        let below: LabelList = inner.iter().chain(&outer).cloned().collect();
        let name = |labels: &LabelList| Name::from_labels(labels).unwrap();
        if let Ok(below) = Name::from_labels(&below) {
            prop_assert!(below.is_within(&name(&outer)));
        }
        let model = lower(&inner).ends_with(&lower(&outer));
        prop_assert_eq!(name(&inner).is_within(&name(&outer)), model);
    }
}

/// One line of a zone: what is said of a name.
#[derive(Clone, Debug)]
enum Line {
    Text(u8),
    Alias(usize),
    Timeout,
    Exists,
}

fn zone_name(at: usize) -> String {
    ["a", "b.a", "c.b.a", "d", "e.d", "f", "g.e.d"][at % 7].into()
}

fn line() -> impl Strategy<Value = Line> {
    prop_oneof![
        any::<u8>().prop_map(Line::Text),
        (0..7usize).prop_map(Line::Alias),
        Just(Line::Timeout),
        Just(Line::Exists),
    ]
}

/// The rules of a zone, written as a search through all of its lines.
fn model(lines: &[(usize, Line)], name: &str, left: usize) -> Outcome {
    let here: Vec<_> = lines
        .iter()
        .filter(|(at, _)| zone_name(*at) == name)
        .collect();
    let mut texts = Vec::new();
    for (_, line) in &here {
        if let Line::Text(number) = line {
            let record = Record::Txt(Txt::from_text(&number.to_string()));
            if !texts.contains(&record) {
                texts.push(record);
            }
        }
    }
    let alias = here.iter().find_map(|(_, line)| match line {
        Line::Alias(target) => Some(zone_name(*target)),
        _ => None,
    });
    if !texts.is_empty() {
        Outcome::Records(texts.into())
    } else if here.iter().any(|(_, line)| matches!(line, Line::Timeout)) {
        Outcome::Failure(Failure::Timeout)
    } else if let Some(target) = alias {
        match left.checked_sub(1) {
            Some(left) => model(lines, &target, left),
            None => Outcome::Failure(Failure::ServerFailure),
        }
    } else if !here.is_empty()
        || lines
            .iter()
            .any(|(at, _)| zone_name(*at).ends_with(&format!(".{name}")))
    {
        Outcome::NoData
    } else {
        Outcome::NxDomain
    }
}

proptest! {
    #[test]
    fn a_zone_answers_by_the_rules(lines in vec((0..7usize, line()), 0..12)) {
        let mut zone = Zone::new();
        for (at, line) in &lines {
            let name: Name = zone_name(*at).parse().unwrap();
            match line {
                Line::Text(number) => zone.insert(name, Record::Txt(Txt::from_text(&number.to_string()))),
                Line::Alias(target) => zone.insert(name, Record::Cname(zone_name(*target).parse().unwrap())),
                Line::Timeout => zone.fail(name, Failure::Timeout),
                Line::Exists => zone.insert_name(name),
            }
        }
        for at in 0..7 {
            let asked = zone_name(at);
            let got = zone.answer(&Query::new(asked.parse().unwrap(), RecordType::Txt));
            prop_assert_eq!(got.outcome(), &model(&lines, &asked, Zone::MAX_ALIASES), "{}", asked);
        }
    }
}
