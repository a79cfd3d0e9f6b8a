//! Every state with every event, beside what `tests/data/links.toml` expects; and the table for people.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::fmt::Write;
use std::time::SystemTime;

use common::*;
use serde::Deserialize;
use symmetric_seal::link::{
    Answer, Burned, Effect, Event, Link, Notice, ReaderToken, Replies, SenderToken, Status,
};

#[derive(Deserialize)]
struct Expectations {
    row: Vec<Row>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    why: String,
    state: Option<Vec<String>>,
    event: Option<Vec<String>>,
    answer: String,
    effects: Option<String>,
    /// Where the link stands then; as before if it is not said.
    then: Option<String>,
}

fn now() -> SystemTime {
    start() + 30 * DAY
}

fn before(seconds: u64) -> SystemTime {
    now() - common::seconds(seconds)
}

/// Links in every state, as they are stored.
fn states() -> Vec<(&'static str, Link)> {
    let (later, made) = (now() + 7 * DAY, before(3600));
    let (proof, reader) = (proof(), reader(5));
    let pending = Link::new(terms(), later, &sender(), made).unwrap();
    let fresh = available(terms(), later, made);
    let once = available(terms().views(1), later, made);
    let read = |link: &Link, ago| after(link, release(&proof, &reader), before(ago));
    let just_read = read(&fresh, 60);
    let destroy = Event::Destroy { reader: &reader };
    let reply = Event::Reply {
        reader: &reader,
        digest: [6; 32],
    };
    let wrong_once = guess(&fresh, before(10)).link;
    let wrong_before = guess(&fresh, before(40)).link;
    let silent = available(terms().replies(Replies::None), later, made);
    let overdue = available(terms(), before(60), made);
    let sender = sender();
    let revoke = Event::Revoke { sender: &sender };
    vec![
        ("pending", pending.clone()),
        (
            "never published",
            Link::new(terms(), later, &sender, now() - 2 * DAY).unwrap(),
        ),
        ("fresh", fresh.clone()),
        ("once wrong", wrong_once.clone()),
        ("locked", guess(&wrong_once, before(5)).link),
        ("locked before", guess(&wrong_before, before(30)).link),
        ("being read", just_read.clone()),
        ("read before", read(&fresh, 660)),
        ("last view", read(&once, 60)),
        ("viewed, not swept", read(&once, 660)),
        ("viewed", after(&read(&once, 660), Event::Tick, before(30))),
        ("destroyed", after(&just_read, destroy, before(30))),
        ("overdue", overdue.clone()),
        ("expired", after(&overdue, Event::Tick, before(30))),
        ("revoked", after(&fresh, revoke, before(30))),
        ("revoked when read", after(&just_read, revoke, before(30))),
        ("replied", after(&just_read, reply, before(30))),
        ("wants no reply", read(&silent, 60)),
    ]
}

const EVENTS: [&str; 24] = [
    "publish",
    "publish another",
    "publish, not sender",
    "release",
    "release, wrong",
    "release, same token",
    "release, same token, wrong",
    "resume",
    "resume, not reader",
    "destroy",
    "destroy, not reader",
    "reply",
    "reply another",
    "reply, not reader",
    "fetch reply",
    "fetch reply, not sender",
    "extend",
    "extend to the same",
    "extend to earlier",
    "extend too far",
    "extend, not sender",
    "revoke",
    "revoke, not sender",
    "tick",
];

/// Does something with the event of a name.
fn with_event<T>(name: &str, expires: SystemTime, f: impl FnOnce(Event<'_>) -> T) -> T {
    let (me, other) = (sender(), SenderToken::from_octets([9; 16]));
    let (right, wrong) = (proof(), wrong());
    let (mine, new): (ReaderToken, ReaderToken) = (reader(5), reader(7));
    let sender = match name.ends_with("not sender") {
        true => &other,
        false => &me,
    };
    let reader = match name.ends_with("not reader") {
        true => &new,
        false => &mine,
    };
    let extend = |until| Event::Extend { sender, until };
    f(match name {
        "publish" | "publish, not sender" => Event::Publish {
            sender,
            kdf: kdf(),
            proof: right.hash(),
        },
        "publish another" => Event::Publish {
            sender,
            kdf: kdf(),
            proof: wrong.hash(),
        },
        "release" => release(&right, &new),
        "release, wrong" => release(&wrong, &new),
        "release, same token" => release(&right, &mine),
        "release, same token, wrong" => release(&wrong, &mine),
        "resume" | "resume, not reader" => Event::Resume { reader },
        "destroy" | "destroy, not reader" => Event::Destroy { reader },
        "reply" | "reply, not reader" => Event::Reply {
            reader,
            digest: [6; 32],
        },
        "reply another" => Event::Reply {
            reader,
            digest: [8; 32],
        },
        "fetch reply" | "fetch reply, not sender" => Event::FetchReply { sender },
        "extend" | "extend, not sender" => extend(now() + 20 * DAY),
        "extend to the same" => extend(expires),
        "extend to earlier" => extend(expires - seconds(1)),
        "extend too far" => extend(now() + 367 * DAY),
        "revoke" | "revoke, not sender" => Event::Revoke { sender },
        "tick" => Event::Tick,
        _ => panic!("{name}"),
    })
}

struct Case {
    state: &'static str,
    event: &'static str,
    answer: String,
    effects: String,
    before: String,
    then: String,
}

fn cases() -> Vec<Case> {
    let case = |(state, link): &(&'static str, Link), event: &'static str| {
        let view = link.view(now());
        let step = with_event(event, view.expires, |event| link.step(event, now()));
        assert_eq!(
            step.changed,
            link.encode() != step.link.encode() && step.link != *link && {
                // The time alone is no change.
                let tick = link.step(Event::Tick, now());
                tick.changed || step.link != tick.link
            },
            "{state}, {event}"
        );
        let effects: Vec<_> = step.effects.iter().map(effect).collect();
        Case {
            state,
            event,
            answer: answer(step.answer),
            effects: effects.join(", "),
            before: status(view.status),
            then: status(step.link.view(now()).status),
        }
    };
    let states = states();
    let all = states
        .iter()
        .flat_map(|state| EVENTS.map(|event| case(state, event)));
    all.collect()
}

fn answer(answer: Answer) -> String {
    match answer {
        Answer::Done => "done".into(),
        Answer::Released { view, .. } => format!("view {view}"),
        Answer::Refused(why) => why.code().into(),
    }
}

fn effect(effect: &Effect) -> &'static str {
    match effect {
        Effect::KeepBody => "keep body",
        Effect::Release => "release",
        Effect::EraseBody => "erase body",
        Effect::KeepReply => "keep reply",
        Effect::SendReply => "send reply",
        Effect::EraseReply => "erase reply",
        Effect::Notify(Notice::Read { .. }) => "tell of the view",
        Effect::Notify(Notice::Replied) => "tell of the reply",
        Effect::Notify(Notice::Destroyed) => "tell of the destruction",
        Effect::Notify(Notice::Locked { .. }) => "tell of the lock",
        _ => panic!("{effect:?}"),
    }
}

fn status(status: Status) -> String {
    match status {
        Status::Pending => "pending".into(),
        Status::Available { views_left } => format!("available {views_left}"),
        Status::Locked { .. } => "locked".into(),
        Status::Burned {
            by: Burned::Views, ..
        } => "burned".into(),
        Status::Burned {
            by: Burned::Reader, ..
        } => "destroyed".into(),
        Status::Expired { .. } => "expired".into(),
        Status::Revoked { .. } => "revoked".into(),
        _ => panic!("{status:?}"),
    }
}

impl Row {
    fn fits(&self, case: &Case) -> bool {
        let is = |wanted: &Option<Vec<String>>, word: &str| {
            wanted
                .as_ref()
                .is_none_or(|words| words.iter().any(|known| known == word))
        };
        is(&self.state, case.state) && is(&self.event, case.event)
    }

    fn agrees(&self, case: &Case) -> bool {
        self.answer == case.answer
            && self.effects.as_deref().unwrap_or_default() == case.effects
            && self.then.as_deref().unwrap_or(&case.before) == case.then
    }
}

fn expectations() -> Vec<Row> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/links.toml");
    let rows: Expectations = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    rows.row
}

fn deciding(rows: &[Row], case: &Case) -> Option<usize> {
    rows.iter().position(|row| row.fits(case))
}

#[test]
fn every_step_is_the_expected_one() {
    let (rows, cases) = (expectations(), cases());
    let states: Vec<_> = states().iter().map(|(name, _)| name.to_string()).collect();
    for row in &rows {
        let known = row.state.iter().flatten().all(|name| states.contains(name));
        assert!(known, "{row:?}");
        let known = row
            .event
            .iter()
            .flatten()
            .all(|name| EVENTS.contains(&&**name));
        assert!(known, "{row:?}");
    }
    let mut wrong = String::new();
    for case in &cases {
        let Case {
            state,
            event,
            answer,
            effects,
            then,
            ..
        } = case;
        let row = deciding(&rows, case).map(|at| &rows[at]);
        if !row.is_some_and(|row| row.agrees(case)) {
            let why = row.map_or("no row", |row| &row.why);
            writeln!(
                wrong,
                "{state} + {event}: {answer} [{effects}] {then}; {why}"
            )
            .unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn an_expectation_that_is_missing_is_noticed() {
    let (rows, cases) = (expectations(), cases());
    for (at, row) in rows.iter().enumerate() {
        let mut others = rows.clone();
        others.remove(at);
        let missed = cases.iter().any(|case| {
            deciding(&rows, case) == Some(at)
                && !deciding(&others, case).is_some_and(|at| others[at].agrees(case))
        });
        assert!(missed, "not needed: {}", row.why);
    }
}

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/sealed-links.md");

/// `LETTERLOCK_BLESS=1 cargo test -p symmetric-seal --test link_table` writes the page.
#[test]
fn the_page_is_what_the_code_does() {
    let page = page();
    if std::env::var_os("LETTERLOCK_BLESS").is_some() {
        std::fs::write(PAGE, &page).unwrap();
    }
    let written = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(
        written == page,
        "{PAGE} is out of date: LETTERLOCK_BLESS=1 writes it"
    );
}

fn page() -> String {
    let mut page = String::from(
        "# What happens to the link of a sealed message\n\n\
         Generated by the test `link_table` of symmetric-seal from `Link::step`: every state with every event. The same\n\
         test compares each with expectations that were written by hand\n\
         (`crates/symmetric-seal/tests/data/links.toml`). Links have two views (*last view*, *viewed*: one) and lock at the\n\
         second wrong proof. *Being read*: a view was released a minute ago; *read before*: eleven minutes ago. *Not sender*\n\
         and *not reader* come with another token. In bold: where the link stands then, if that is new. A GET or HEAD is no\n\
         event.\n\n\
         - *Publish*: the sender uploads the sealed message. *Release*: somebody shows a proof of the password, and brings a\n  \
           token of his own. *Resume*: he fetches the same view again with it, for ten minutes. *Destroy*, *reply*: he does\n  \
           that with it, until the link ends.\n\
         - *Fetch reply*, *extend*, *revoke*: the sender does that, with his token. *Tick*: time passes.\n\
         - A link without a message ends after a day, any other at its expiry, at most 366 days from when it was set. A\n  \
           tombstone says for 90 days what became of the link; a reply is kept for 28 days.\n",
    );
    let cases = cases();
    for (state, _) in states() {
        let of: Vec<_> = cases.iter().filter(|case| case.state == state).collect();
        write!(page, "\n## {state} ({})\n\n", of[0].before).unwrap();
        page += "| event | answer | effects |\n|---|---|---|\n";
        for case in of {
            let answer = match case.answer.contains('.') {
                true => format!("`{}`", case.answer),
                false => case.answer.clone(),
            };
            let then = match case.before == case.then {
                true => String::new(),
                false => format!("; **{}**", case.then),
            };
            writeln!(
                page,
                "| {} | {answer}{then} | {} |",
                case.event, case.effects
            )
            .unwrap();
        }
    }
    page
}
