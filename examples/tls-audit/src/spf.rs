//! The SPF record of a domain, includes and redirects followed (RFC 7208), as far as it does not depend
//! on the sender.

use mail_dns::{Failure, Name};
use msg_validate::spf::Record;
use tls_policy::audit::{Cause, Published, Seen, SpfAll, SpfFacts};

use crate::dns::{Dns, unknown};

/// RFC 7208 §4.6.4: more is an error for every receiver.
const MAX_LOOKUPS: u16 = 10;

/// Records that are read, whatever they say.
const MAX_RECORDS: usize = 20;

enum Trouble {
    Dns(Failure),
    Broken(String),
    /// With a macro, the record that counts is another one for each sender.
    Macro(String),
}

/// What is published, and what it comes to.
pub(crate) async fn published(dns: &Dns, name: &Name) -> Seen<Published<SpfFacts>> {
    let text = match record(dns, name).await {
        Ok(Some(text)) => text,
        Ok(None) => return Seen::known(Published::Absent),
        Err(trouble) => return told(trouble),
    };
    match follow(dns, text.clone()).await {
        Ok(facts) => Seen::known(Published::Valid(facts)).noting(text),
        Err(trouble) => told(trouble),
    }
}

fn told(trouble: Trouble) -> Seen<Published<SpfFacts>> {
    match trouble {
        Trouble::Dns(why) => unknown(why),
        Trouble::Broken(why) => Seen::known(Published::Broken(why)),
        Trouble::Macro(term) => Seen::unknown(Cause::NotVisible)
            .noting(format!("{term} is another name for each message")),
    }
}

/// RFC 7208 §4.5: exactly one, in the right syntax.
async fn record(dns: &Dns, name: &Name) -> Result<Option<String>, Trouble> {
    let texts = dns.texts(name).await.map_err(Trouble::Dns)?;
    let mut records = texts
        .into_iter()
        .filter(|text| Record::is_spf(text.as_bytes()));
    let Some(text) = records.next() else {
        return Ok(None);
    };
    if records.next().is_some() {
        return Err(Trouble::Broken(format!("{name} has several")));
    }
    match Record::parse(text.as_bytes()) {
        Ok(record) => Ok(Some(record.to_string())),
        Err(why) => Err(Trouble::Broken(format!("{name}: {why}"))),
    }
}

/// Reads the record and all that it leads to.
async fn follow(dns: &Dns, first: String) -> Result<SpfFacts, Trouble> {
    let mut facts = SpfFacts::new(SpfAll::Missing, 0);
    facts.nobody = true;
    let (mut includes, mut main) = (Vec::new(), Some(first));
    let mut read = 0_usize;
    // The chain of redirects decides how it ends; includes only count.
    while let Some(text) = main.take() {
        let terms = Terms::of(&text);
        facts.lookups = facts.lookups.saturating_add(terms.lookups);
        facts.nobody &= terms.senders == 0;
        facts.all = terms.all;
        facts.after_all |= terms.after_all;
        includes.extend(terms.includes);
        read += 1;
        if terms.all == SpfAll::Missing
            && let Some(target) = terms.redirect
            && read < MAX_RECORDS
        {
            main = Some(target_of(dns, &target).await?);
        }
    }
    while let Some(target) = includes.pop() {
        // Over the limit it is wrong already, and how far does not matter.
        if facts.lookups > MAX_LOOKUPS || read >= MAX_RECORDS {
            break;
        }
        let text = target_of(dns, &target).await?;
        let terms = Terms::of(&text);
        facts.lookups = facts.lookups.saturating_add(terms.lookups);
        includes.extend(terms.includes);
        includes.extend(terms.redirect);
        read += 1;
    }
    Ok(facts)
}

/// RFC 7208 §5.2, §6.1: what is named has to be there.
async fn target_of(dns: &Dns, target: &str) -> Result<String, Trouble> {
    if target.contains('%') {
        return Err(Trouble::Macro(target.into()));
    }
    let broken = || Trouble::Broken(format!("{target} has no record"));
    let name: Name = target.parse().map_err(|_| broken())?;
    record(dns, &name).await?.ok_or_else(broken)
}

/// What the terms of one record come to. The syntax is that of a record already.
struct Terms {
    all: SpfAll,
    after_all: bool,
    /// Terms that ask the DNS (RFC 7208 §4.6.4).
    lookups: u16,
    /// Mechanisms that can match somebody, besides `all`.
    senders: usize,
    includes: Vec<String>,
    redirect: Option<String>,
}

impl Terms {
    fn of(text: &str) -> Self {
        let mut terms = Self {
            all: SpfAll::Missing,
            after_all: false,
            lookups: 0,
            senders: 0,
            includes: Vec::new(),
            redirect: None,
        };
        for term in text.split(' ').skip(1).filter(|term| !term.is_empty()) {
            let lower = term.to_ascii_lowercase();
            let (mark, mechanism) = match lower.split_at_checked(1) {
                Some((mark @ ("+" | "-" | "~" | "?"), rest)) => (mark, rest),
                _ => ("+", &*lower),
            };
            let end = mechanism.find([':', '/', '=']).unwrap_or(mechanism.len());
            let (word, value) = mechanism.split_at_checked(end).unwrap_or((mechanism, ""));
            let target = value.get(1..).unwrap_or_default().to_string();
            let modifier = value.starts_with('=');
            terms.after_all |= terms.all != SpfAll::Missing && !modifier;
            match (word, modifier) {
                ("redirect", true) => {
                    terms.lookups = terms.lookups.saturating_add(1);
                    terms.redirect = Some(target);
                }
                (_, true) => {}
                ("all", _) => {
                    terms.all = match mark {
                        "-" => SpfAll::Fail,
                        "~" => SpfAll::SoftFail,
                        "?" => SpfAll::Neutral,
                        _ => SpfAll::Pass,
                    }
                }
                (word, _) => {
                    terms.senders += 1;
                    if matches!(word, "include" | "a" | "mx" | "ptr" | "exists") {
                        terms.lookups = terms.lookups.saturating_add(1);
                    }
                    if word == "include" {
                        terms.includes.push(target);
                    }
                }
            }
        }
        // RFC 7208 §6.1: beside `all` a redirect is ignored.
        if terms.all != SpfAll::Missing && terms.redirect.take().is_some() {
            terms.lookups = terms.lookups.saturating_sub(1);
        }
        terms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_counted_as_receivers_count_them() {
        let terms = Terms::of("v=spf1 ip4:192.0.2.0/24 a mx/24 include:a.test ?ptr ~ALL");
        assert_eq!(
            (terms.all, terms.lookups, terms.senders),
            (SpfAll::SoftFail, 4, 5)
        );
        assert_eq!(
            (terms.includes, terms.after_all),
            (vec!["a.test".to_string()], false)
        );
        let terms = Terms::of("v=spf1 -all mx redirect=b.test");
        assert_eq!(
            (terms.all, terms.after_all, terms.redirect),
            (SpfAll::Fail, true, None)
        );
        assert_eq!(terms.lookups, 1);
        let terms = Terms::of("v=spf1 redirect=b.test exp=why.b.test");
        assert_eq!((terms.all, terms.lookups), (SpfAll::Missing, 1));
        assert_eq!(terms.redirect.as_deref(), Some("b.test"));
        assert_eq!(Terms::of("v=spf1 -all").senders, 0);
        assert_eq!(Terms::of("v=spf1 all").all, SpfAll::Pass);
    }
}
