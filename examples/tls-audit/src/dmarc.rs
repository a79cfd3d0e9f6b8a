//! The DMARC record of a domain (RFC 9989 §4.7), as its owner wrote it. Which record counts for a message
//! is msg-validate's business; this is about the one at `_dmarc.<domain>`.

use mail_dns::Name;
use tls_policy::audit::{DmarcFacts, DmarcPolicy, Published, Seen};

use crate::dns::{Dns, unknown};
use crate::domain::below;

pub(crate) async fn published(dns: &Dns, name: &Name) -> Seen<Published<DmarcFacts>> {
    let Ok(node) = below(name, "_dmarc") else {
        return Seen::known(Published::Absent).noting("the name would be too long");
    };
    let texts = match dns.texts(&node).await {
        Ok(texts) => texts,
        Err(why) => return unknown(why),
    };
    // RFC 9989 §4.7: `v` comes first, and its value is compared with case.
    let is_dmarc =
        |text: &String| tag(text.split(';').next().unwrap_or_default()) == Some(("v", "DMARC1"));
    let mut records = texts.into_iter().filter(is_dmarc);
    let Some(text) = records.next() else {
        return Seen::known(Published::Absent);
    };
    if records.next().is_some() {
        return Seen::known(Published::Broken("several records".into()));
    }
    match read(&text) {
        Ok(facts) => Seen::known(Published::Valid(facts)).noting(text),
        Err(why) => Seen::known(Published::Broken(why)).noting(text),
    }
}

fn tag(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once('=')?;
    Some((name.trim(), value.trim()))
}

/// RFC 9989 §4.7: tags that nobody knows are passed over.
fn read(text: &str) -> Result<DmarcFacts, String> {
    let mut facts = None;
    let (mut tags, mut names) = (Vec::new(), Vec::new());
    for part in text
        .split(';')
        .skip(1)
        .filter(|part| !part.trim().is_empty())
    {
        let (name, value) = tag(part).ok_or_else(|| format!("`{}` is no tag", part.trim()))?;
        if names.contains(&name) {
            return Err(format!("`{name}` is there twice"));
        }
        names.push(name);
        if name == "p" {
            facts = Some(DmarcFacts::new(policy(value)?));
        }
        tags.push((name, value));
    }
    let mut facts = facts.ok_or("no `p`")?;
    for (name, value) in tags {
        let uris = || {
            let uris = value.split(',').map(str::trim);
            uris.filter(|uri| !uri.is_empty())
                .map(String::from)
                .collect()
        };
        match name {
            "sp" => facts.subdomains = Some(policy(value)?),
            "t" => facts.testing = value.eq_ignore_ascii_case("y"),
            "aspf" => facts.strict_spf = value.eq_ignore_ascii_case("s"),
            "adkim" => facts.strict_dkim = value.eq_ignore_ascii_case("s"),
            "rua" => facts.rua = uris(),
            "ruf" => facts.ruf = uris(),
            _ => {}
        }
    }
    Ok(facts)
}

fn policy(text: &str) -> Result<DmarcPolicy, String> {
    match text.to_ascii_lowercase().as_str() {
        "none" => Ok(DmarcPolicy::None),
        "quarantine" => Ok(DmarcPolicy::Quarantine),
        "reject" => Ok(DmarcPolicy::Reject),
        _ => Err(format!("`{text}` is no policy")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_its_owner_meant_it() {
        let facts = read(
            "v=DMARC1; p=Reject; sp=none; adkim=s; t=y; rua=mailto:a@b.test, mailto:c@d.test;",
        )
        .unwrap();
        assert_eq!(
            (facts.policy, facts.subdomains),
            (DmarcPolicy::Reject, Some(DmarcPolicy::None))
        );
        assert!(facts.strict_dkim && !facts.strict_spf && facts.testing);
        assert_eq!(facts.rua, ["mailto:a@b.test", "mailto:c@d.test"]);
        for wrong in [
            "v=DMARC1",
            "v=DMARC1; p=maybe",
            "v=DMARC1; p=none; p=none",
            "v=DMARC1; p=none; x",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
