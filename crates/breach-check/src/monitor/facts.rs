//! What is stored of a breach: all but its description.

use super::octets::{Reader, Writer};
use crate::addresses::{Breach, BreachName};

pub(super) fn write(to: Writer, breach: &Breach) -> Writer {
    let flags = [
        breach.is_verified,
        breach.is_fabricated,
        breach.is_sensitive,
        breach.is_retired,
        breach.is_spam_list,
        breach.is_malware,
        breach.is_stealer_log,
    ];
    let bits = flags
        .iter()
        .rev()
        .fold(0, |bits, &flag| bits << 1 | u8::from(flag));
    let to = to
        .text(breach.name.as_str())
        .text(&breach.title)
        .text(&breach.domain)
        .text(&breach.breach_date)
        .text(&breach.added_date)
        .text(&breach.modified_date)
        .u64(breach.accounts)
        .u8(bits)
        .count(breach.data_classes.len());
    breach
        .data_classes
        .iter()
        .fold(to, |to, class| to.text(class))
}

pub(super) fn read(from: &mut Reader<'_>) -> Option<Breach> {
    let mut text = || from.text().map(str::to_owned);
    let name = BreachName::new(&text()?)?;
    let (title, domain) = (text()?, text()?);
    let (breach_date, added_date, modified_date) = (text()?, text()?, text()?);
    let accounts = from.u64()?;
    let bits = from.u8()?;
    let flag = |bit: u8| bits >> bit & 1 == 1;
    let classes = from.count()?;
    let mut data_classes = Vec::new();
    for _ in 0..classes {
        data_classes.push(from.text()?.to_owned());
    }
    Some(Breach {
        name,
        title,
        domain,
        breach_date,
        added_date,
        modified_date,
        accounts,
        description: String::new(),
        data_classes,
        is_verified: flag(0),
        is_fabricated: flag(1),
        is_sensitive: flag(2),
        is_retired: flag(3),
        is_spam_list: flag(4),
        is_malware: flag(5),
        is_stealer_log: flag(6),
    })
}
